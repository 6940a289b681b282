//! Reloads the config, on SIGHUP or on request.

use super::{RecognitionTask, Service, api};
use crate::config::Config;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

impl Service {
    /// Reads the config and the tokens again; returns the changes for users, or why the config was rejected (the old
    /// one stays).
    pub fn reload(self: &Arc<Service>) -> Result<Vec<String>, String> {
        let (new, _) = Config::find(self.config_path.as_deref()).map_err(|e| e.to_string())?;
        let tokens = api::read_tokens(&new).map_err(|e| e.to_string())?;
        let old = self.config().clone();
        let mut changed = changed_spaces(&old, &new);
        let spaces_differ = !changed.is_empty();
        let (was, is) = (&old.service, &new.service);
        let tokens_differ = *self.tokens.read().unwrap_or_else(PoisonError::into_inner) != tokens;
        let watch_differs =
            (was.watch, was.settle, was.poll, was.full_scan) != (is.watch, is.settle, is.poll, is.full_scan);
        for (name, differs) in [
            ("ignore", old.ignore != new.ignore),
            ("guard", old.guard != new.guard),
            ("service.background", was.background != is.background),
            ("service.window", was.windows != is.windows),
            ("service.uploads", was.uploads != is.uploads),
            ("service.token", tokens_differ),
            ("service.watch, settle, poll or full_scan", watch_differs),
            ("grace", old.grace != new.grace),
            ("memory (after a restart)", old.memory != new.memory),
            ("jobs (after a restart)", old.jobs != new.jobs),
            ("render (after a restart)", old.render != new.render),
            ("recognise (after a restart)", old.recognise != new.recognise),
            ("service.idle (after a restart)", was.idle != is.idle),
            ("service.log (after a restart)", was.log != is.log),
            ("service.socket (after a restart)", was.socket != is.socket),
            ("service.tcp (after a restart)", was.tcp != is.tcp),
        ] {
            if differs {
                changed.push(name.to_owned());
            }
        }
        self.throttle.reload(is.background, is.windows.clone());
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
        let watch_anew = spaces_differ || watch_differs || old.ignore != new.ignore;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = new;
        if watch_anew {
            // It then requests a full walk.
            self.watch();
        }
        self.work_again();
        let _ = self.recognition_worker.send(RecognitionTask::SpacesChanged);
        Ok(changed)
    }
}

/// The names of spaces that were added, removed or changed.
fn changed_spaces(old: &Config, new: &Config) -> Vec<String> {
    let find = |config: &Config, name: &str| {
        config.spaces.iter().find(|s| s.name.get_ref() == name).map(|s| {
            let folders: Vec<PathBuf> = s.folders.iter().map(|f| f.get_ref().clone()).collect();
            (s.kind, folders, s.people, s.subjects)
        })
    };
    let mut names: Vec<&String> = old.spaces.iter().chain(&new.spaces).map(|s| s.name.get_ref()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&&String| find(old, name) != find(new, name);
    names.iter().filter(differs).map(|name| format!("space `{name}`")).collect()
}

/// SIGHUP: reloads and logs the changes.
pub(super) fn on_hangups(service: &Arc<Service>) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])?;
    let service = Arc::downgrade(service);
    std::thread::Builder::new().name("reload".into()).spawn(move || {
        for _ in signals.forever() {
            let Some(service) = service.upgrade() else { return };
            match service.reload() {
                Ok(changed) if changed.is_empty() => tracing::info!("config read again: nothing has changed"),
                Ok(changed) => tracing::info!("config read again, changed: {}", changed.join(", ")),
                Err(why) => tracing::error!("the config is refused and the old one stays: {why}"),
            }
        }
    })?;
    Ok(())
}

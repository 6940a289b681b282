//! The capabilities of handlers. Each takes the narrowest handle that it needs; only these access [`Service`].

use super::refusal::{Answer, Refusal, bad, broken, for_all_spaces};
use crate::config::{Config, Spaces};
use crate::pipeline::progress::Progress;
use crate::service::access::Access;
use crate::service::counters::Counters;
use crate::service::disk_space::DiskSpace;
use crate::service::events::Event;
use crate::service::queue::Queue;
use crate::service::recognition::{Models, later_stages};
use crate::service::throttle::Throttle;
use crate::service::{Order, Service};
use albumen_files::absolute;
use albumen_index::due::{Scope, StageNow};
use albumen_index::{Editor, IndexReader};
use axum::extract::FromRef;
use axum::http::StatusCode;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, RwLockReadGuard};
use std::time::Duration;

/// Defines handles as axum extractors.
macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub(super) struct $name(Arc<Service>);

        impl FromRef<Arc<Service>> for $name {
            fn from_ref(service: &Arc<Service>) -> $name {
                $name(service.clone())
            }
        }
    )*};
}

handles! {
    /// Reads the index.
    ReadHandle;
    /// Edits the index and publishes events.
    EditHandle;
    /// Stores requests for work and reads their progress.
    RequestHandle;
    /// Reads the state of the service.
    StatusHandle;
    /// Pauses, resumes and reloads the service.
    ControlHandle;
}

/// Runs work that may block, on a disk or another writer, on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

impl ReadHandle {
    /// Queries the index.
    pub(super) async fn ask<T: Send + 'static, E: Into<Refusal>>(
        &self,
        question: impl FnOnce(&IndexReader) -> Result<T, E> + Send + 'static,
    ) -> Answer<T> {
        let service = self.0.clone();
        blocking(move || {
            let index = service.reader().map_err(broken)?;
            let answer = question(&index).map_err(Into::into);
            service.give_back(index);
            answer
        })
        .await
    }
}

impl EditHandle {
    /// Changes the index; the change is durable when this returns.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Editor, &EditHandle) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let edits = self.clone();
        blocking(move || {
            let mut index = Editor::open(&edits.0.index_dir).map_err(broken)?;
            work(&mut index, &edits)
        })
        .await
    }

    /// Publishes the event of an edit.
    pub(super) fn tell(&self, event: Event) {
        self.0.tell(event);
    }
}

impl RequestHandle {
    /// Rejects a request that could not be stored.
    pub(super) fn refuse_when_full(&self) -> Answer<()> {
        match self.0.disk_space.shortage() {
            None => Ok(()),
            Some(why) => Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, why)),
        }
    }

    /// Stores a request: `keep` gets the index and the paths, all of which the caller may access.
    pub(super) async fn keep<T: Send + 'static>(
        &self,
        access: Access,
        paths: Vec<PathBuf>,
        keep: impl FnOnce(&Editor, &[PathBuf]) -> Answer<T> + Send + 'static,
    ) -> Answer<(T, BTreeSet<String>)> {
        let service = self.0.clone();
        blocking(move || {
            let spaces = Spaces::resolve(&service.config().spaces);
            let of_paths = spaces_of_paths(&spaces, &access, &paths)?;
            let index = Editor::open(&service.index_dir).map_err(broken)?;
            Ok((keep(&index, &paths)?, of_paths))
        })
        .await
    }

    /// All configured folders that the caller may see.
    pub(super) async fn visible_folders(&self, access: Access) -> Answer<Vec<PathBuf>> {
        let service = self.0.clone();
        blocking(move || {
            let spaces = Spaces::resolve(&service.config().spaces);
            Ok(spaces.iter().filter(|s| access.may_see(&s.name)).flat_map(|s| s.folders.clone()).collect())
        })
        .await
    }

    /// The configured spaces of some paths; `None` if one is in no space.
    pub(super) fn spaces_of(&self, paths: &[PathBuf]) -> Option<BTreeSet<String>> {
        self.0.spaces_of(paths)
    }

    pub(super) fn config(&self) -> RwLockReadGuard<'_, Config> {
        self.0.config()
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(super) fn models(&self) -> &Models {
        &self.0.models
    }

    /// The stages after thumbnails, if enabled and available.
    pub(super) fn later_stages(
        &self,
        index: &IndexReader,
        scope: &Scope,
    ) -> albumen_index::Result<Vec<&StageNow>> {
        later_stages(&self.0, index, scope)
    }

    /// Wakes the scanner for stored requests. 0: the scanner for uploads.
    pub(super) fn take_up(&self, priority: u8) {
        let scanner = if priority == 0 { &self.0.uploads } else { &self.0.scanner };
        let _ = scanner.send(Order::Requests);
    }

    /// Changes with each commit.
    pub(super) fn commits(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.commits.subscribe()
    }
}

/// The spaces of some paths. Rejects paths that are not absolute or not in an accessible space. May block on a disk.
fn spaces_of_paths(spaces: &Spaces, access: &Access, paths: &[PathBuf]) -> Answer<BTreeSet<String>> {
    let space_of = |path: &Path| {
        if !path.is_absolute() {
            let why = format!("{:?} is not an absolute path", path.display().to_string());
            return Err(bad(why));
        }
        let real = absolute(path);
        // A remaining `..` follows a missing folder: its target is unknown.
        let is_known = real.components().all(|part| part != Component::ParentDir);
        let space = spaces.holding(&real).filter(|(space, _)| is_known && access.may_see(&space.name));
        let outside = || format!("{} is outside the configured spaces", path.display());
        let (space, _) = space.ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, outside()))?;
        Ok(space.name.clone())
    };
    paths.iter().map(|path| space_of(path)).collect()
}

impl StatusHandle {
    pub(super) fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.0.shared.progress
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(super) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(super) fn disk_space(&self) -> &DiskSpace {
        &self.0.disk_space
    }

    pub(super) fn models(&self) -> &Models {
        &self.0.models
    }

    pub(super) fn listen(&self) -> tokio::sync::broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }
}

impl ControlHandle {
    pub(super) fn pause(&self, access: &Access) -> Answer<()> {
        for_all_spaces(access)?;
        self.0.throttle.pause(true);
        Ok(())
    }

    pub(super) fn resume(&self, access: &Access) -> Answer<()> {
        for_all_spaces(access)?;
        self.0.throttle.pause(false);
        self.0.work_again();
        Ok(())
    }

    /// Reloads the config; returns the changes, or why the old one stays.
    pub(super) async fn reload(&self, access: &Access) -> Answer<Result<Vec<String>, String>> {
        for_all_spaces(access)?;
        let service = self.0.clone();
        // It reads files, and folders for patterns.
        blocking(move || Ok(service.reload())).await
    }
}

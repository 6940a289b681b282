//! Certificates by ACME (RFC 8555) with TLS-ALPN-01 (RFC 8737): the ACME server connects to port 443 of each
//! name, and the portal's own listener answers. Port 80 is not needed.
//!
//! The state folder has `tls/acme.pem`, the key and the certificate chain in one file, so that they cannot
//! disagree, and `tls/acme-account.json`. Both are 0600 and replaced atomically.
//!
//! Promises: a stored certificate of the same server and names is used until two thirds of its lifetime have
//! passed; between two attempts are at least the pause of [`schedule::pause`] and the time that the server
//! requested, the latter also after a restart; an error never affects the certificate in use.

mod certificate;
mod client;
mod fault;
mod order;
mod schedule;

use crate::clock::now;
use crate::config::Portal;
use crate::net::tls::{Certificates, Source};
use crate::store::Store;
use certificate::Stored;
use fault::Fault;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest sleep: the timer does not count the time that the machine is suspended.
const LONGEST_SLEEP: i64 = 3600;
/// The time limit of an attempt.
const ATTEMPT: Duration = Duration::from_secs(600);
/// The setting with the server's `Retry-After`: Unix seconds, a space, and the directory.
const RETRY_AFTER: &str = "acme_retry_after";

/// The settings of `tls = "acme"`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    directory: String,
    contact: String,
    ca: Option<PathBuf>,
    names: Vec<String>,
    /// `tls/` in the state folder.
    dir: PathBuf,
}

impl Settings {
    pub(crate) fn new(portal: &Portal) -> Settings {
        Settings {
            directory: portal.acme_directory.clone(),
            contact: portal.acme_contact.clone(),
            ca: portal.acme_ca.clone(),
            names: portal.public_names(),
            dir: portal.state.join("tls"),
        }
    }

    /// The file with the current certificate and its key.
    fn pem(&self) -> PathBuf {
        self.dir.join("acme.pem")
    }

    /// The stored certificate as a source; `None` if there is none.
    pub(crate) fn source(&self) -> Option<Source> {
        let path = self.pem();
        path.exists().then(|| Source::Files { certificate: path.clone(), key: path })
    }

    /// What is stored, for `check`: `None` if there is no certificate yet; an error if it must not be used.
    pub(crate) fn describe(&self) -> Result<Option<String>, String> {
        let path = self.pem();
        if !path.exists() {
            return Ok(None);
        }
        let stored = Stored::read(&path).map_err(|e| e.to_string())?;
        if stored.until <= now() {
            return Err(format!("the certificate {} expired at {}", path.display(), date(stored.until)));
        }
        match stored.mismatch(&self.directory, &self.names) {
            Some(why) => Err(format!(
                "the certificate {} {why}: restart the portal, which orders a new one",
                path.display()
            )),
            None => Ok(Some(format!("{} until {}", self.names.join(", "), date(stored.until)))),
        }
    }
}

/// RFC 3339, UTC.
fn date(at: i64) -> String {
    jiff::Timestamp::from_second(at).map(|t| t.to_string()).unwrap_or_default()
}

/// Orders and renews certificates as long as it is polled. `retry` ends the pause after an error, but not one
/// that the server requested.
pub(crate) async fn run(
    settings: Settings,
    certificates: Arc<Certificates>,
    store: Arc<Store>,
    retry: Arc<Notify>,
) {
    let mut due = renewal(&settings, now());
    let mut failures = 0;
    let mut not_before = 0;
    note_retry_after(&store, &settings.directory);
    loop {
        let held_off = retry_after(&store, &settings.directory);
        let next = due.max(not_before).max(held_off);
        let wait = next - now();
        if wait > 0 {
            let wait = Duration::from_secs(wait.min(LONGEST_SLEEP).unsigned_abs());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = retry.notified() => {
                    not_before = 0;
                    note_retry_after(&store, &settings.directory);
                }
            }
            continue;
        }
        match attempt(&settings, &certificates, &store).await {
            Ok(stored) => {
                tracing::warn!(
                    "a new certificate for {} is in use, valid until {}",
                    settings.names.join(", "),
                    date(stored.until)
                );
                (failures, not_before) = (0, 0);
                due = stored.renewal();
            }
            Err(fault) => {
                failures += 1;
                not_before = now() + schedule::pause(failures, crate::secret::random().unwrap_or_default());
                let next = not_before.max(retry_after(&store, &settings.directory));
                tracing::error!("no certificate by ACME: {fault}. The next attempt is at {}", date(next));
            }
        }
    }
}

/// When a new certificate is due; at once without a usable one.
fn renewal(settings: &Settings, now: i64) -> i64 {
    let path = settings.pem();
    if !path.exists() {
        return now;
    }
    match Stored::read(&path) {
        Ok(stored) => match stored.mismatch(&settings.directory, &settings.names) {
            Some(why) => {
                tracing::warn!("the stored certificate {why}: a new one is ordered");
                now
            }
            None => {
                let (until, renewal) = (date(stored.until), date(stored.renewal()));
                tracing::info!("the stored certificate is valid until {until}; it is renewed at {renewal}");
                stored.renewal()
            }
        },
        Err(e) => {
            tracing::error!("{e}: a new certificate is ordered");
            now
        }
    }
}

/// Orders a certificate, stores it and uses it.
async fn attempt(settings: &Settings, certificates: &Certificates, store: &Store) -> Result<Stored, Fault> {
    let client = client::Client::new(settings.ca.as_deref())?;
    let ordered = tokio::time::timeout(ATTEMPT, order::obtain(settings, certificates, &client)).await;
    let ordered = ordered.unwrap_or(Err(Fault::Slow));
    if let Some(until) = client.retry_after() {
        keep_retry_after(store, &settings.directory, until);
    }
    let pem = Stored::compose(&settings.directory, &ordered?);
    let path = settings.pem();
    let stored = Stored::parse(&pem).map_err(|why| Fault::Unusable(why.to_string()))?;
    if let Some(why) = stored.mismatch(&settings.directory, &settings.names) {
        return Err(Fault::Unusable(format!("it {why}")));
    }
    write(&path, pem.as_bytes())?;
    let source = Source::Files { certificate: path.clone(), key: path };
    certificates.replace(source, now()).map_err(|e| Fault::Unusable(e.to_string()))?;
    // Otherwise a wrong clock would order one certificate after another.
    if !(stored.from..stored.renewal()).contains(&now()) {
        return Err(Fault::Clock { from: date(stored.from), until: date(stored.until), now: date(now()) });
    }
    Ok(stored)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let fail = |why: std::io::Error| Fault::Stored { path: path.to_owned(), why: why.to_string() };
    if let Some(dir) = path.parent() {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
    }
    crate::net::authority::write_private(path, bytes).map_err(fail)
}

/// The end of the time for which the server of this directory refused requests; 0 if it did not.
fn retry_after(store: &Store, directory: &str) -> i64 {
    let stored = store.setting(RETRY_AFTER).unwrap_or_else(|e| {
        tracing::error!("the time of the next order cannot be read: {e}");
        None
    });
    let parsed = stored.as_deref().and_then(|s| s.split_once(' ')).filter(|(_, of)| *of == directory);
    parsed.and_then(|(until, _)| until.parse().ok()).unwrap_or(0)
}

/// Logs that no order is made because of an earlier refusal.
fn note_retry_after(store: &Store, directory: &str) {
    let until = retry_after(store, directory);
    if until > now() {
        tracing::warn!(
            "{directory} refuses requests before {}: no certificate is ordered until then",
            date(until)
        );
    }
}

fn keep_retry_after(store: &Store, directory: &str, until: i64) {
    if let Err(e) = store.set_setting(RETRY_AFTER, Some(&format!("{until} {directory}"))) {
        tracing::error!("the time of the next order cannot be stored: {e}");
    }
}

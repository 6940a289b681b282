//! The setup link: a secret in a file that only the portal's user can read, valid for an hour and for one account.

use crate::secret::{Digest, Secret};
use crate::store::{Store, StoreError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const SETTING: &str = "setup";
const FILE: &str = "setup-link";
const VALID_FOR: i64 = 3600;

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path} cannot be written: {why}", path = .path.display())]
    Write { path: PathBuf, why: std::io::Error },
}

/// If there is no account, writes a new link and returns its file; an older link becomes invalid. `url` is
/// the portal's address.
pub fn offer(store: &Store, state: &Path, url: &str, now: i64) -> Result<Option<PathBuf>, SetupError> {
    if store.has_accounts()? {
        remove(store, state)?;
        return Ok(None);
    }
    let secret = Secret::new().map_err(StoreError::from)?;
    let digest: String = secret.digest().0.iter().map(|b| format!("{b:02x}")).collect();
    store.set_setting(SETTING, Some(&format!("{} {digest}", now + VALID_FOR)))?;
    let path = state.join(FILE);
    let fail = |why| SetupError::Write { path: path.clone(), why };
    // A new file: an existing one may have another mode, or be open elsewhere.
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(e)),
        _ => {}
    }
    let mut file =
        std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(fail)?;
    writeln!(file, "{url}setup?token={}", secret.expose()).map_err(fail)?;
    Ok(Some(path))
}

/// Whether a secret is that of the link, and the link has not expired.
pub fn is_valid(store: &Store, token: &str, now: i64) -> Result<bool, StoreError> {
    let Some(setting) = store.setting(SETTING)? else { return Ok(false) };
    let Some((until, digest)) = setting.split_once(' ') else { return Ok(false) };
    let given: String = Digest::of(token).0.iter().map(|b| format!("{b:02x}")).collect();
    // Digests may be compared with `==`: a partly matching digest reveals nothing of the secret.
    Ok(given == digest && until.parse::<i64>().is_ok_and(|until| now < until && until - now <= VALID_FOR))
}

/// Ends the link.
pub fn remove(store: &Store, state: &Path) -> Result<(), StoreError> {
    if store.setting(SETTING)?.is_some() {
        store.set_setting(SETTING, None)?;
    }
    // A file without its setting is of no use.
    let _ = std::fs::remove_file(state.join(FILE));
    Ok(())
}

//! Backups: both databases, the settings, and the keys of the portal's own authority and of ACME.
//!
//! | in the folder | content |
//! |---|---|
//! | `portal.sqlite` | accounts, rights, links: a consistent snapshot |
//! | `tls/` | the portal's own authority and its key; the account and the certificate of ACME |
//! | `albumen.toml` | the settings at the time of the backup |
//! | `index/` | a backup of the engine's index, as `albumen backup` writes it |
//! | `portal.json` | [`Contents`]: time, version, and checksums of the files above except `index/`, which has its own |
//!
//! Promises: a backup may be made while both programs run; a backup under its final name is complete; its
//! files are readable by their owner only. A restore changes nothing before it has read the whole backup and
//! verified its checksums, and keeps the previous database.

use crate::config::Config;
use crate::store::{DATABASE, Store, StoreError};
use albumen_index::{OpenError, backup as index_backup, restore as index_restore};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The layout above. A backup with another number is refused.
const FORMAT: u32 = 1;
const CONTENTS: &str = "portal.json";
const INDEX: &str = "index";
const SETTINGS: &str = "albumen.toml";
const TLS: &str = "tls";
/// Held by a portal that serves, and by a restore.
const LOCK: &str = "portal.lock";

/// The content of `portal.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub format: u32,
    /// The version of Albumen that made it.
    pub albumen: String,
    /// RFC 3339, UTC.
    pub created: String,
    pub files: Vec<Sum>,
    /// Whether there was an index to copy.
    pub has_index: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Relative to the folder.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} is there already: give another name, or a folder to put the backup into", .0.display())]
    Taken(PathBuf),
    #[error("{} cannot be written: {why}", path.display())]
    Write { path: PathBuf, why: io::Error },
    #[error("portal.sqlite is damaged ({0}), and no backup was made of it: restore an older one")]
    Damaged(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Index(#[from] index_backup::BackupError),
}

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{} is no backup of the portal: it has no {CONTENTS}", .0.display())]
    NoBackup(PathBuf),
    #[error("the backup is damaged: {0}; nothing was changed")]
    Damaged(String),
    #[error("the backup was made by a newer Albumen ({0}): update Albumen; nothing was changed")]
    Newer(String),
    #[error("{} cannot be read: {why}; nothing was changed", path.display())]
    Read { path: PathBuf, why: io::Error },
    #[error("the portal runs: stop it first (`systemctl stop albumen-portal`); nothing was changed")]
    Running,
    #[error("{} cannot be written: {why}", path.display())]
    Write { path: PathBuf, why: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Index(#[from] index_restore::RestoreError),
}

/// The result of a restore.
#[derive(Debug)]
pub struct Restored {
    pub contents: Contents,
    /// Where the previous database is now.
    pub replaced: Option<PathBuf>,
    pub index: Option<index_restore::Done>,
    /// The settings of the backup, if they differ from the current ones; the current ones stay.
    pub settings: Option<PathBuf>,
}

/// The lock that is needed to serve from a state folder or to replace its content. `None`: another process
/// holds it.
pub fn lock(state: &Path) -> io::Result<Option<File>> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(state.join(LOCK))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Makes a backup. `to` is an existing folder, in which a folder named by the date is created, or the name of
/// a new one.
pub fn backup(config: &Config, to: &Path, now: i64) -> Result<(PathBuf, Contents), BackupError> {
    let write = |path: &Path, why: io::Error| BackupError::Write { path: path.to_owned(), why };
    let created = jiff::Timestamp::from_second(now).map(|t| t.to_string()).unwrap_or_default();
    let target = if to.is_dir() && !to.join(CONTENTS).exists() {
        to.join(format!("albumen-portal-{}", created.replace(['-', ':'], "")))
    } else {
        to.to_owned()
    };
    if target.symlink_metadata().is_ok() {
        return Err(BackupError::Taken(target));
    }
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let partial = target.with_file_name(format!(".{name}.partial"));
    // Left by a backup that was killed.
    match fs::remove_dir_all(&partial) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(write(&partial, e)),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(&partial).map_err(|e| write(&partial, e))?;
    let filled = fill(config, &partial, created);
    let finished = filled.and_then(|contents| {
        let folder = File::open(&partial).map_err(|e| write(&partial, e))?;
        rustix::fs::syncfs(&folder).map_err(|e| write(&partial, e.into()))?;
        fs::rename(&partial, &target).map_err(|e| write(&target, e))?;
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|d| d.sync_all()).map_err(|e| write(parent, e))?;
        Ok(contents)
    });
    if finished.is_err() {
        // The first failure is the one to report; the next attempt removes what is left.
        let _ = fs::remove_dir_all(&partial);
    }
    Ok((target, finished?))
}

fn fill(config: &Config, partial: &Path, created: String) -> Result<Contents, BackupError> {
    let write = |path: &Path, why: io::Error| BackupError::Write { path: path.to_owned(), why };
    let store = Store::open(&config.portal.state)?;
    let faults = store.check()?;
    if let Some(fault) = faults.into_iter().next() {
        return Err(BackupError::Damaged(fault));
    }
    store.copy_to(&partial.join(DATABASE))?;
    let mut files = vec![DATABASE.to_owned()];
    if let Some(settings) = &config.path {
        copy_private(settings, &partial.join(SETTINGS)).map_err(|e| write(settings, e))?;
        files.push(SETTINGS.to_owned());
    }
    let tls = config.portal.state.join(TLS);
    match fs::read_dir(&tls) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(write(&tls, e)),
        Ok(entries) => {
            let to = partial.join(TLS);
            fs::DirBuilder::new().mode(0o700).create(&to).map_err(|e| write(&to, e))?;
            for entry in entries {
                let entry = entry.map_err(|e| write(&tls, e))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                copy_private(&entry.path(), &to.join(&name)).map_err(|e| write(&entry.path(), e))?;
                files.push(format!("{TLS}/{name}"));
            }
        }
    }
    files.sort();
    // The index is copied last: the rights may be older than its albums and items, never newer.
    let has_index = match index_backup::backup(&config.index, &partial.join(INDEX), false) {
        Ok(_) => true,
        Err(index_backup::BackupError::Open(OpenError::Missing { .. })) => false,
        Err(e) => return Err(e.into()),
    };
    let sums = files.into_iter().map(|path| sum(partial, path).map_err(|e| write(partial, e)));
    let contents = Contents {
        format: FORMAT,
        albumen: env!("CARGO_PKG_VERSION").to_owned(),
        created,
        files: sums.collect::<Result<_, _>>()?,
        has_index,
    };
    let json = serde_json::to_vec_pretty(&contents).map_err(|e| write(partial, e.into()))?;
    write_private(&partial.join(CONTENTS), &json).map_err(|e| write(partial, e))?;
    Ok(contents)
}

/// Replaces the current state by a backup.
pub fn restore(config: &Config, from: &Path, now: i64) -> Result<Restored, RestoreError> {
    let contents = checked(from)?;
    let state = &config.portal.state;
    let write = |path: &Path, why: io::Error| RestoreError::Write { path: path.to_owned(), why };
    // Held to the end.
    let lock = lock(state).map_err(|e| write(state, e))?;
    let _lock = lock.ok_or(RestoreError::Running)?;
    let staged = state.join(".restore.sqlite");
    match fs::remove_file(&staged) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(write(&staged, e)),
        _ => {}
    }
    copy_private(&from.join(DATABASE), &staged).map_err(|e| write(&staged, e))?;
    Store::prepare_copy(&staged)?;
    // It checks the whole index backup before it changes anything.
    let index = if contents.has_index {
        Some(index_restore::restore(&config.index, &from.join(INDEX))?)
    } else {
        None
    };
    let database = state.join(DATABASE);
    let replaced = if !database.exists() {
        None
    } else {
        Store::settle(&database)?;
        let stamp = jiff::Timestamp::from_second(now).map(|t| t.to_string()).unwrap_or_default();
        let kept = state.join(format!("{DATABASE}.before-{}", stamp.replace(['-', ':'], "")));
        fs::hard_link(&database, &kept).map_err(|e| write(&kept, e))?;
        Some(kept)
    };
    File::open(&staged).and_then(|f| f.sync_all()).map_err(|e| write(&staged, e))?;
    // The path holds the old or the new one at every moment.
    fs::rename(&staged, &database).map_err(|e| write(&database, e))?;
    restore_keys(&contents, from, state)?;
    File::open(state).and_then(|d| d.sync_all()).map_err(|e| write(state, e))?;
    let settings = from.join(SETTINGS);
    let present = config.path.as_ref().and_then(|path| fs::read(path).ok());
    let is_other = settings.is_file() && fs::read(&settings).ok() != present;
    Ok(Restored { contents, replaced, index, settings: is_other.then_some(settings) })
}

fn restore_keys(contents: &Contents, from: &Path, state: &Path) -> Result<(), RestoreError> {
    let write = |path: &Path, why: io::Error| RestoreError::Write { path: path.to_owned(), why };
    let keys = contents.files.iter().filter_map(|f| f.path.strip_prefix("tls/"));
    for name in keys {
        let dir = state.join(TLS);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|e| write(&dir, e))?;
        let staged = dir.join(format!(".{name}.restore"));
        match fs::remove_file(&staged) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(write(&staged, e)),
            _ => {}
        }
        copy_private(&from.join(TLS).join(name), &staged).map_err(|e| write(&staged, e))?;
        fs::rename(&staged, dir.join(name)).map_err(|e| write(&dir, e))?;
    }
    Ok(())
}

/// Reads and verifies a backup except its index.
fn checked(from: &Path) -> Result<Contents, RestoreError> {
    let read = |path: &Path, why: io::Error| RestoreError::Read { path: path.to_owned(), why };
    let damaged = RestoreError::Damaged;
    let path = from.join(CONTENTS);
    let json = match fs::read(&path) {
        Ok(json) => json,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(RestoreError::NoBackup(from.to_owned()));
        }
        Err(e) => return Err(read(&path, e)),
    };
    // The format is read alone first: a newer one may have other fields.
    let value: serde_json::Value =
        serde_json::from_slice(&json).map_err(|e| damaged(format!("{CONTENTS}: {e}")))?;
    if value["format"] != FORMAT {
        return Err(RestoreError::Newer(value["albumen"].as_str().unwrap_or("?").to_owned()));
    }
    let contents: Contents =
        serde_json::from_value(value).map_err(|e| damaged(format!("{CONTENTS}: {e}")))?;
    for file in &contents.files {
        let is_known = matches!(file.path.as_str(), DATABASE | SETTINGS)
            || file.path.strip_prefix("tls/").is_some_and(|n| !n.is_empty() && !n.contains('/') && n != "..");
        if !is_known {
            return Err(damaged(format!("it names {:?}, which belongs into no backup", file.path)));
        }
        let found = sum(from, file.path.clone()).map_err(|e| read(&from.join(&file.path), e))?;
        if found != *file {
            return Err(damaged(format!("{} is not what was written", file.path)));
        }
    }
    if !contents.files.iter().any(|f| f.path == DATABASE) {
        return Err(damaged(format!("it has no {DATABASE}")));
    }
    if let Some(fault) = Store::check_copy(&from.join(DATABASE))?.into_iter().next() {
        return Err(damaged(format!("{DATABASE}: {fault}")));
    }
    Ok(contents)
}

fn sum(dir: &Path, path: String) -> io::Result<Sum> {
    let mut file = File::open(dir.join(&path))?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        digest.update(&buffer[..read]);
    }
    let sha256 = digest.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect();
    Ok(Sum { path, bytes, sha256 })
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.set_permissions(fs::Permissions::from_mode(0o600))?;
    target.sync_all()
}

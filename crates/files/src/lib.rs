//! Discover: from volumes to candidates, the files that are new, changed, moved, gone or as they were.
//!
//! Promises: a volume is only read, never written; nothing outside it is reached through it; one bad entry never
//! ends a walk; a file that could not be looked at is never taken for one that is gone.
//! Leaves to others: what was known before (plain rows from `index`), and what becomes of a decision (`pipeline`).
//!
//! A run over a volume, in order:
//! 1. [`open::Root::open`], [`volume::fingerprint`] and [`volume::judge`]: is it the volume that it was?
//! 2. [`walk::Walk`] gives one [`walk::Folder`] at a time; [`identity::compare`] sets it beside the folder's rows.
//! 3. What must be read goes through [`read::read`]: opened beneath the root, recognised, hashed;
//!    [`identity::settle`] says whether a known path has other content.
//! 4. When all volumes are walked, [`identity::match_moves`] joins arrivals to vanished rows, and
//!    [`volume::judge`] with the number that is left says whether they may be removed.

pub mod hash;
pub mod identity;
pub mod ignore;
pub mod mounts;
pub mod open;
pub mod pages;
pub mod patience;
pub mod patterns;
pub mod read;
pub mod relative;
pub mod signature;
pub mod skipped;
pub mod volume;
pub mod walk;

use rustix::fs::Stat;
use std::path::{Path, PathBuf};

/// What one `stat` says of a file that matters for its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileStat {
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970 UTC.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since 1970 UTC.
    pub ctime_ns: i64,
}

impl FileStat {
    pub(crate) fn of(stat: &Stat) -> FileStat {
        FileStat {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// Saturates at the ends (the years 1677 and 2262) instead of wrapping: file times come from anywhere. The kernel's type
/// for the nanoseconds differs by machine.
fn nanoseconds(seconds: i64, nanos: impl TryInto<i64>) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos.try_into().unwrap_or(0))
}

/// What an absolute path without links is below a folder that may be named through one; empty for the folder itself.
pub fn below(path: &Path, folder: &Path) -> Option<PathBuf> {
    let real = || path.strip_prefix(patience::canonical(folder).ok()?).ok();
    path.strip_prefix(folder).ok().or_else(real).map(Path::to_owned)
}

/// An absolute path without links, `.` and `..`, as far as it exists: what is gone is named below the folder that held it.
pub fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    patience::canonical(&path).unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => absolute(folder).join(name),
        _ => path,
    })
}

//! Discover: from volumes to candidates, the files that are new, changed, moved, gone or unchanged.
//!
//! Invariants: a volume is only read, never written; nothing outside it is reached through it; one bad entry never
//! ends a walk; a file that could not be read is never treated as gone.
//! Not here: recorded rows (plain data from `index`), and the effects of a decision (the engine's pipeline).
//!
//! A run over a volume, in order:
//! 1. [`open::Root::open`], [`volume::fingerprint`] and [`volume::judge`]: is it the same volume as before?
//! 2. [`walk::Walk`] returns one [`walk::Folder`] at a time; [`identity::compare`] compares it with the folder's
//!    rows.
//! 3. Files that must be read go through [`read::read`]: opened beneath the root, classified, hashed;
//!    [`identity::match_identity`] decides whether a recorded path has other content.
//! 4. When all volumes are walked, [`identity::match_moves`] matches arrivals with vanished rows, and
//!    [`volume::judge`] with the remaining number decides whether they may be removed.

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

/// The result of one `stat`, as far as it matters for the identity of a file.
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

/// Saturates at the ends (the years 1677 and 2262) instead of wrapping, because file times come from anywhere. The
/// kernel's type for the nanoseconds differs by machine.
fn nanoseconds(seconds: i64, nanos: impl TryInto<i64>) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos.try_into().unwrap_or(0))
}

/// The relative path of an absolute path without links below a folder that may be named through one; empty for the
/// folder itself.
pub fn below(path: &Path, folder: &Path) -> Option<PathBuf> {
    let real = || path.strip_prefix(patience::canonical(folder).ok()?).ok();
    path.strip_prefix(folder).ok().or_else(real).map(Path::to_owned)
}

/// An absolute path without links, `.` and `..`, as far as it exists: a missing entry is named below its last
/// existing folder.
pub fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    patience::canonical(&path).unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => absolute(folder).join(name),
        _ => path,
    })
}

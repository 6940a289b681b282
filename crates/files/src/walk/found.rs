//! What a walk returns: folders with their files, errors, and the mounts inside.

use super::DEEPEST;
use super::role::Role;
use crate::FileStat;
use crate::ignore::NoRules;
use crate::mounts::FsId;
use crate::open::fault;
use albumen_core::fault::Fault;
use rustix::io::Errno;
use std::collections::BTreeMap;

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// File name, raw bytes.
    pub name: Vec<u8>,
    pub role: Role,
    pub stat: FileStat,
}

/// One folder, after reading.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Relative to the volume's root, without slashes at its ends; empty for the root.
    pub path: Vec<u8>,
    pub fs: FsId,
    /// Whether inode numbers stay with their files here.
    pub stable_inodes: bool,
    pub files: Vec<Walked>,
    /// Set if the walk is for one file: the folder's other files were not read.
    pub only: Option<Vec<u8>>,
    /// Entries that could not be read; recorded files of these names are not gone.
    pub errors: Vec<WalkError>,
    /// Why the one file of the walk is skipped.
    pub refused: Option<String>,
    pub skipped: Skipped,
}

/// What was skipped in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// By a rule (see [`crate::ignore`]), files and folders.
    pub ignored: u64,
    /// Files with the extension of another kind.
    pub not_media: u64,
    /// Of these the pictures and videos of unsupported kinds, by extension.
    pub unread: BTreeMap<String, u64>,
    pub links: u64,
    /// Pipes, sockets, devices.
    pub special: u64,
}

/// A path that was not walked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkError {
    /// Relative to the volume's root: a folder, or an entry that could not be read.
    pub path: Vec<u8>,
    pub fault: Fault,
    pub what: Unwalked,
}

/// The consequence for the recorded files at the path and below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwalked {
    /// It could not be read: nothing counts as gone.
    Unseen,
    /// Too deeply nested: the same.
    TooDeep,
    /// It is gone meanwhile, or it contains itself: not a failure, and nothing counts as gone.
    Elsewhere,
    /// The folder's `.albumenignore` is invalid, perhaps because of this line: everything in it is hidden.
    Hidden { line: Option<u32> },
}

impl WalkError {
    pub(super) fn new(path: Vec<u8>, e: Errno) -> WalkError {
        let is_elsewhere = matches!(e, Errno::NOENT | Errno::NOTDIR | Errno::LOOP);
        let what = if is_elsewhere { Unwalked::Elsewhere } else { Unwalked::Unseen };
        WalkError { path, fault: fault(e), what }
    }

    pub(super) fn no_rules(path: &[u8], why: NoRules) -> WalkError {
        match why {
            NoRules::Hides(line, why) => WalkError {
                path: path.to_vec(),
                fault: Fault::unreadable(why),
                what: Unwalked::Hidden { line },
            },
            NoRules::NotNow(e) => WalkError { what: Unwalked::Unseen, ..WalkError::new(path.to_vec(), e) },
        }
    }

    pub(super) fn too_deep(path: Vec<u8>) -> WalkError {
        let why = format!(
            "it has more than {DEEPEST} folders inside each other above it, and is not walked: move it up"
        );
        WalkError { path, fault: Fault::unreadable(why), what: Unwalked::TooDeep }
    }

    /// Whether an administrator should act.
    pub fn is_failure(&self) -> bool {
        self.what != Unwalked::Elsewhere
    }
}

/// A file system that begins inside the volume, or a part of the same one that is mounted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerMount {
    /// Relative to the volume's root.
    pub path: Vec<u8>,
    pub fs: FsId,
}

/// The extent of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everything below its start.
    Tree,
    /// The start folder only: its files, and the names of its folders.
    Folder,
}

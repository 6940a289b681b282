//! Walking a volume, one folder at a time.
//!
//! Invariants:
//! - Each folder is opened by name from its open parent, never through a link, so no link leads out, and a folder
//!   that is replaced during the walk leads nowhere else. Links are skipped, also those that stay inside the volume:
//!   their target is found at its real path.
//! - An entry that cannot be read gives a [`WalkError`] with its path, and the walk continues. A folder that could
//!   not be read, or vanished during the walk, is reported: nothing recorded below it counts as gone.
//! - A folder with an invalid `.albumenignore` is hidden with everything below it ([`Unwalked::Hidden`]), and its
//!   siblings are walked.
//! - Memory is that of one folder, which needs a grant if it is large, and the names of the sibling folders that are
//!   still to be visited.
//! - Order: folders by name, depth first; files of a folder by inode, which is near the order on a spinning disk.
//!
//! Only names are read. A file is a candidate by its extension; because opening every file of a NAS costs a disk seek
//! each, files with other extensions are counted and skipped, and a file without an extension is left to
//! [`read`](super::read), which checks its first bytes.

mod found;
mod listing_size;
mod role;

use super::FileStat;
use super::ignore::{ALBUMENIGNORE, NOMEDIA, NoRules, Rules};
use super::mounts::{FsInfo, MountTable};
use super::open::{self, Root};
use super::patience::Beat;
use super::relative;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::Admission;
pub use found::{Folder, InnerMount, Reach, Skipped, Unwalked, WalkError, Walked};
use listing_size::ListingSize;
use role::extension_of;
pub use role::{Role, is_clip_thumbnail, role, unread_extension};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, RawDir, Stat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::sync::Arc;

/// Nesting depth of folders below a root; deeper ones are reported and not walked. Each level with waiting siblings
/// holds a descriptor, of which a process has 1024 by default.
pub const DEEPEST: usize = 256;
/// Size of the buffer for the kernel's listing; 32 KiB is the C library's size.
const LISTING: usize = 32 << 10;

/// The walk. Iterate over it; afterwards [`Walk::inner_mounts`] are complete.
#[derive(Debug)]
pub struct Walk<'r> {
    root: &'r Root,
    mounts: MountTable,
    /// Relative to the root.
    mount_points: HashSet<Vec<u8>>,
    rules: Rules,
    stack: Vec<Level>,
    inner: Vec<InnerMount>,
    /// The start, until the first call of `next`.
    start: Option<Vec<u8>>,
    /// The start does not exist.
    start_is_gone: bool,
    /// Folders, relative to the root, that are not entered.
    left_out: HashSet<Vec<u8>>,
    reach: Reach,
    not_entered: Vec<Vec<u8>>,
    listing: Vec<u8>,
    memory: Memory<'r>,
    beat: Beat,
}

/// The provider of memory grants for large folders.
struct Memory<'r>(Option<&'r dyn Admission>);

impl std::fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "bounded" } else { "unbounded" })
    }
}

/// A folder on the current path.
#[derive(Debug)]
struct Level {
    /// Closed when the last folder inside has been opened, so that a deep chain holds no descriptors.
    fd: Option<OwnedFd>,
    path: Vec<u8>,
    place: Place,
    /// Names of the folders inside, in reverse order.
    waiting: Vec<Vec<u8>>,
}

/// The location of a folder, for the kernel.
#[derive(Debug, Clone)]
struct Place {
    device: u64,
    inode: u64,
    fs: Arc<FsInfo>,
}

impl<'r> Walk<'r> {
    /// Walks `start` (relative to the root; empty for everything), a folder or one file. Rules of the folders above
    /// `start` apply to it.
    pub fn new(root: &'r Root, start: &[u8], rules: Rules) -> Walk<'r> {
        Walk::with_mounts(root, start, rules, MountTable::read())
    }

    /// The same, with a given mount table.
    pub fn with_mounts(root: &'r Root, start: &[u8], rules: Rules, mounts: MountTable) -> Walk<'r> {
        let mount_points =
            mounts.inside(root.real()).map(|path| path.as_os_str().as_encoded_bytes().to_vec()).collect();
        Walk {
            root,
            mounts,
            mount_points,
            rules,
            stack: Vec::new(),
            inner: Vec::new(),
            start: Some(start.to_vec()),
            start_is_gone: false,
            left_out: HashSet::new(),
            reach: Reach::Tree,
            not_entered: Vec::new(),
            listing: Vec::with_capacity(LISTING),
            memory: Memory(None),
            beat: Beat::default(),
        }
    }

    /// The same with a memory limit: a folder whose listing does not fit is not walked.
    pub fn within(self, memory: &'r dyn Admission) -> Walk<'r> {
        Walk { memory: Memory(Some(memory)), ..self }
    }

    /// The same; ticks `beat` with every entry, which shows that the file system answers.
    pub fn telling(self, beat: Beat) -> Walk<'r> {
        Walk { beat, ..self }
    }

    /// The same, limited to this extent.
    pub fn no_further_than(self, reach: Reach) -> Walk<'r> {
        Walk { reach, ..self }
    }

    /// Folders that exist and were not entered, because of the extent of the walk; relative to the root.
    pub fn not_entered(&self) -> &[Vec<u8>] {
        &self.not_entered
    }

    /// The inner mounts of the walked folders.
    pub fn inner_mounts(&self) -> &[InnerMount] {
        &self.inner
    }

    /// The same without some folders, named relative to the root: their contents do not belong to this walk.
    pub fn without(self, folders: impl IntoIterator<Item = Vec<u8>>) -> Walk<'r> {
        Walk { left_out: folders.into_iter().collect(), ..self }
    }

    /// The start of the walk does not exist, and no link or missing permission hides it.
    pub fn start_is_gone(&self) -> bool {
        self.start_is_gone
    }

    fn begin(&mut self, start: &[u8]) -> Option<Result<Folder, WalkError>> {
        let at = |path: &[u8], e: Errno| WalkError::new(path.to_vec(), e);
        let place = match self.place_of(self.root.as_fd(), None) {
            Ok(place) => place,
            Err(e) => return Some(Err(at(b"", e))),
        };
        let (mut fd, mut path, mut place) = (None, Vec::new(), place);
        if depth(start) > DEEPEST + 1 {
            // One more level is a file in the deepest folder, or else it is detected below.
            return Some(Err(WalkError::too_deep(start.to_vec())));
        }
        for name in start.split(|b| *b == b'/').filter(|name| !name.is_empty()) {
            let parent: BorrowedFd<'_> = fd.as_ref().map_or(self.root.as_fd(), |fd: &OwnedFd| fd.as_fd());
            match self.is_left_out(parent, &path) {
                Ok(true) => return None,
                Ok(false) => {}
                Err(why) => return Some(Err(WalkError::no_rules(&path, why))),
            }
            let child = relative::child(&path, name);
            let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(e) => {
                    self.start_is_gone = e == Errno::NOENT;
                    return Some(Err(at(&child, e)));
                }
            };
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if self.rules.ignores(&child, is_folder) {
                return None;
            }
            if !is_folder {
                if child.len() < start.len() {
                    return Some(Err(at(&child, Errno::NOTDIR)));
                }
                return Some(Ok(one_file(path, name, &stat, &place)));
            }
            if depth(&child) > DEEPEST {
                return Some(Err(WalkError::too_deep(child)));
            }
            let opened = open::open_folder(parent, name)
                .and_then(|fd| Ok((self.place_of(fd.as_fd(), Some(&place))?, fd)));
            match opened {
                Ok((inside, opened)) => {
                    self.note_mount(&child, &place, &inside);
                    (fd, path, place) = (Some(opened), child, inside);
                }
                Err(e) => return Some(Err(at(&child, e))),
            }
        }
        let fd = match fd {
            Some(fd) => fd,
            // A separate descriptor: reading a listing moves a position that the root's owner may share.
            None => match rustix::fs::openat(
                self.root,
                ".",
                rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
                rustix::fs::Mode::empty(),
            ) {
                Ok(fd) => fd,
                Err(e) => return Some(Err(at(b"", e))),
            },
        };
        Some(self.read_folder(fd, path, place))
    }

    /// Whether a folder above the start is excluded; adds its rules if not.
    fn is_left_out(&mut self, folder: BorrowedFd<'_>, path: &[u8]) -> Result<bool, NoRules> {
        if rustix::fs::statat(folder, NOMEDIA, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Ok(true);
        }
        self.rules.enter(folder, path)?;
        Ok(false)
    }

    fn place_of(&self, folder: BorrowedFd<'_>, parent: Option<&Place>) -> Result<Place, Errno> {
        let stat = rustix::fs::fstat(folder)?;
        let fs = match parent.filter(|p| p.device == stat.st_dev) {
            Some(parent) => parent.fs.clone(),
            None => Arc::new(FsInfo::of(folder, &self.mounts)?),
        };
        Ok(Place { device: stat.st_dev, inode: stat.st_ino, fs })
    }

    fn note_mount(&mut self, path: &[u8], parent: &Place, inside: &Place) {
        // In a container all folders may be of one file system.
        if inside.device != parent.device || self.mount_points.contains(path) {
            self.inner.push(InnerMount { path: path.to_vec(), fs: inside.fs.id() });
        }
    }

    /// Lists a folder whose rules have not been read yet, and queues the folders inside.
    fn read_folder(&mut self, fd: OwnedFd, path: Vec<u8>, place: Place) -> Result<Folder, WalkError> {
        let mut folder = Folder {
            fs: place.fs.id(),
            stable_inodes: place.fs.inodes_are_stable(),
            path,
            files: Vec::new(),
            only: None,
            errors: Vec::new(),
            refused: None,
            skipped: Skipped::default(),
        };
        if place.fs.is_pseudo() {
            folder.skipped.ignored += 1;
            return Ok(folder);
        }
        let mut entries: Vec<Entry> = Vec::new();
        let (mut has_nomedia, mut has_rules) = (false, false);
        let mut size =
            ListingSize { memory: self.memory.0, bytes: 0, admitted: ListingSize::FREE, refused: None };
        self.list(&fd, |entry| {
            has_nomedia |= entry.name == NOMEDIA;
            has_rules |= entry.name == ALBUMENIGNORE;
            let role = role(entry.name);
            // For most files in a folder without photos, not even the name is kept.
            if entry.kind == FileType::RegularFile && role.is_none() && unread_extension(entry.name).is_none()
            {
                folder.skipped.not_media += 1;
            } else if !size.takes(entry.name) {
                entries = Vec::new();
            } else {
                entries.push(Entry { name: entry.name.to_vec(), role, kind: entry.kind, inode: entry.inode });
            }
        })
        .map_err(|e| WalkError::new(folder.path.clone(), e))?;
        if has_nomedia {
            folder.skipped = Skipped { ignored: 1, ..Skipped::default() };
            return Ok(folder);
        }
        size.end().map_err(|fault| WalkError { path: folder.path.clone(), fault, what: Unwalked::Unseen })?;
        if has_rules {
            self.rules
                .enter(fd.as_fd(), &folder.path)
                .map_err(|why| WalkError::no_rules(&folder.path, why))?;
        }

        entries.sort_unstable_by(|a, b| a.inode.cmp(&b.inode).then_with(|| a.name.cmp(&b.name)));
        let mut waiting = Vec::new();
        let mut whole = folder.path.clone();
        if !whole.is_empty() {
            whole.push(b'/');
        }
        let prefix = whole.len();
        for Entry { name, role, mut kind, .. } in entries {
            whole.truncate(prefix);
            whole.extend_from_slice(&name);
            self.beat.tick();
            let mut stat = None;
            // Some file systems do not report the kind of an entry in the listing.
            if !matches!(kind, FileType::Directory | FileType::Symlink | FileType::Fifo | FileType::Socket) {
                match rustix::fs::statat(&fd, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(s) => {
                        kind = FileType::from_raw_mode(s.st_mode);
                        stat = Some(s);
                    }
                    Err(Errno::NOENT) => continue,
                    Err(e) => {
                        folder.errors.push(WalkError::new(whole.clone(), e));
                        continue;
                    }
                }
            }
            match (kind, stat) {
                (FileType::Directory, _) if self.left_out.contains(&whole) => folder.skipped.ignored += 1,
                (FileType::Directory, _) if self.rules.ignores(&whole, true) => folder.skipped.ignored += 1,
                (FileType::Directory, _) => waiting.push(name),
                (FileType::RegularFile, Some(stat)) => match role {
                    None => {
                        folder.skipped.not_media += 1;
                        if let Some(extension) = unread_extension(&name)
                            && !self.rules.ignores(&whole, false)
                        {
                            *folder.skipped.unread.entry(extension.to_owned()).or_default() += 1;
                        }
                    }
                    Some(_) if self.rules.ignores(&whole, false) => folder.skipped.ignored += 1,
                    Some(role) => folder.files.push(Walked { name, role, stat: FileStat::of(&stat) }),
                },
                (FileType::Symlink, _) => folder.skipped.links += 1,
                _ => folder.skipped.special += 1,
            }
        }
        if self.reach == Reach::Folder {
            self.not_entered.extend(waiting.drain(..).map(|name| relative::child(&folder.path, &name)));
        }
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        if !waiting.is_empty() {
            self.stack.push(Level { fd: Some(fd), path: folder.path.clone(), place, waiting });
        }
        Ok(folder)
    }

    fn list(&mut self, fd: &OwnedFd, mut each: impl FnMut(Listed<'_>)) -> Result<(), Errno> {
        let mut entries = RawDir::new(fd, self.listing.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            self.beat.tick();
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                each(Listed { name, kind: entry.file_type(), inode: entry.ino() });
            }
        }
        Ok(())
    }

    /// Descends into the next waiting folder.
    fn descend(&mut self) -> Option<Result<Folder, WalkError>> {
        loop {
            let level = self.stack.last_mut()?;
            let Some(name) = level.waiting.pop() else {
                self.stack.pop();
                continue;
            };
            let path = relative::child(&level.path, &name);
            let fd =
                level.fd.as_ref().expect("a folder is closed only after its last waiting one was opened");
            let opened = open::open_folder(fd.as_fd(), &name);
            if level.waiting.is_empty() {
                level.fd = None;
            }
            let parent = level.place.clone();
            self.rules.leave_to(&path);
            let opened = opened.and_then(|fd| Ok((self.place_of(fd.as_fd(), Some(&parent))?, fd)));
            let (place, fd) = match opened {
                Ok(opened) => opened,
                // It was a folder a moment ago: now it is a link or a file, which the next run will see.
                Err(e) => return Some(Err(WalkError::new(path, e))),
            };
            let is_loop = place.fs.inodes_are_stable()
                && self.stack.iter().any(|l| (l.place.device, l.place.inode) == (place.device, place.inode));
            if is_loop {
                let fault = Fault::unreadable("the folder holds itself (a loop)");
                return Some(Err(WalkError { path, fault, what: Unwalked::Elsewhere }));
            }
            if depth(&path) > DEEPEST {
                return Some(Err(WalkError::too_deep(path)));
            }
            self.note_mount(&path, &parent, &place);
            return Some(self.read_folder(fd, path, place));
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Folder, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.start.take() {
            Some(start) => self.begin(&start),
            None => self.descend(),
        }
    }
}

/// Folders between the root and a path, and the path itself.
fn depth(path: &[u8]) -> usize {
    if path.is_empty() { 0 } else { path.iter().filter(|b| **b == b'/').count() + 1 }
}

/// An entry as the kernel lists it.
struct Listed<'a> {
    name: &'a [u8],
    kind: FileType,
    inode: u64,
}

struct Entry {
    name: Vec<u8>,
    role: Option<Role>,
    kind: FileType,
    inode: u64,
}

/// The result of a walk for one file.
fn one_file(path: Vec<u8>, name: &[u8], stat: &Stat, place: &Place) -> Folder {
    let mut folder = Folder {
        path,
        fs: place.fs.id(),
        stable_inodes: place.fs.inodes_are_stable(),
        files: Vec::new(),
        only: Some(name.to_vec()),
        errors: Vec::new(),
        refused: None,
        skipped: Skipped::default(),
    };
    match (FileType::from_raw_mode(stat.st_mode), role(name)) {
        (FileType::RegularFile, Some(role)) => {
            folder.files.push(Walked { name: name.to_vec(), role, stat: FileStat::of(stat) });
        }
        (FileType::RegularFile, None) => {
            folder.skipped.not_media += 1;
            folder.refused = Some(match extension_of(name) {
                Some(extension) => format!(
                    "not indexed: Albumen does not read .{} files",
                    String::from_utf8_lossy(extension).to_lowercase()
                ),
                None => "not indexed: its name is that of a program's own file".into(),
            });
        }
        (FileType::Symlink, _) => {
            folder.skipped.links += 1;
            folder.refused =
                Some("not indexed: it is a symbolic link; name the file that it leads to".into());
        }
        _ => {
            folder.skipped.special += 1;
            folder.refused = Some("not indexed: it is no regular file".into());
        }
    }
    folder
}

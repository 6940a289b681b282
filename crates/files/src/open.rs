//! Opening files beneath a volume's root.
//!
//! Invariants: no symbolic link is followed below the root, so none leads out of the volume; file systems mounted
//! below the root after the last walk are not entered; a FIFO, a device or a socket is refused without waiting; the
//! returned file is a regular one, with the `stat` of that same file.
//!
//! A root may be named through links (`/photos` on a NAS often is one). They are resolved once, and the resulting
//! folder is opened without following any; [`Root::real`] is its path, and [`super::volume`] checks whether it is the
//! same folder as before.

use super::FileStat;
use super::mounts::{FsId, FsInfo, MountTable};
use super::relative;
use albumen_core::fault::{self, Fault};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Reads only, is not inherited by children, does not wait for the other end of a FIFO.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK);
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::DIRECTORY)
    .union(OFlags::NONBLOCK);

/// Attempts of `openat2`, which returns EAGAIN when a rename happened during its path walk.
const RENAME_RACES: usize = 8;

/// A volume's open root folder.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
    real: PathBuf,
    /// The file systems mounted below that may be entered; `None`: all.
    mounted: Option<Vec<(Vec<u8>, FsId)>>,
}

impl Root {
    /// Opens a volume by its absolute path.
    pub fn open(path: &Path) -> std::io::Result<Root> {
        Root::open_named(path, path)
    }

    /// Opens a volume whose path is named by the config up to `named`, one of its ancestors or itself. The rest of
    /// the path belongs to users: links in it are not followed.
    pub fn open_named(path: &Path, named: &Path) -> std::io::Result<Root> {
        let rest = path.strip_prefix(named).unwrap_or(Path::new(""));
        let mut real = if rest == Path::new("") { path.canonicalize()? } else { named.canonicalize()? };
        if rest != Path::new("") {
            real.push(rest);
        }
        Ok(Root { fd: open_without_links(&real)?, path: path.to_owned(), real, mounted: None })
    }

    /// The same, but enters only those inner file systems that a walk has found there (path and id).
    pub fn with_mounted(self, mounted: Vec<(Vec<u8>, FsId)>) -> Root {
        Root { mounted: Some(mounted), ..self }
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path without links that was opened.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The whole path of something below the root.
    pub fn join(&self, below: &[u8]) -> PathBuf {
        if below.is_empty() { self.path.clone() } else { self.path.join(std::ffi::OsStr::from_bytes(below)) }
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens a folder by an absolute path without links.
fn open_without_links(path: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::NONBLOCK;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match asked_again(|| rustix::fs::openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve)) {
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => {
            let through = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            let mut at = rustix::fs::open("/", through, Mode::empty())?;
            for part in path.components() {
                if let std::path::Component::Normal(name) = part {
                    at = rustix::fs::openat(&at, name, through, Mode::empty())?;
                }
            }
            Ok(rustix::fs::openat(&at, ".", flags, Mode::empty())?)
        }
        other => Ok(other?),
    }
}

/// Opens the regular file at `path` (relative to the root) for reading.
pub fn open_beneath(root: &Root, path: &[u8]) -> Result<(File, FileStat), Fault> {
    let fd = match open_allowed(root, path) {
        // The file has a lease (Samba's kernel oplocks): for a regular file, wait, which breaks the lease.
        Err(Errno::WOULDBLOCK) => {
            let (parent, name) = open_parent(root.as_fd(), path).map_err(fault)?;
            let parent = parent.as_ref().map_or(root.as_fd(), |p| p.as_fd());
            let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(fault)?;
            refuse_irregular(FileType::from_raw_mode(stat.st_mode))?;
            rustix::fs::openat(parent, name, READ - OFlags::NONBLOCK, Mode::empty())
        }
        other => other,
    }
    .map_err(|e| match e {
        // No path in the index has a part that leads upwards, and links have a different error.
        Errno::XDEV => {
            Fault::unavailable("a file system is mounted in its path that the last walk did not see")
        }
        e => fault(e),
    })?;
    let stat = rustix::fs::fstat(&fd).map_err(fault)?;
    refuse_irregular(FileType::from_raw_mode(stat.st_mode))?;
    Ok((File::from(fd), FileStat::of(&stat)))
}

/// Opens a path for reading, across mount points only if a walk has seen them.
fn open_allowed(root: &Root, path: &[u8]) -> Result<OwnedFd, Errno> {
    let Some(mounted) = &root.mounted else {
        return open_path(root.as_fd(), path, READ, ResolveFlags::empty());
    };
    match open_path(root.as_fd(), path, READ, ResolveFlags::NO_XDEV) {
        Err(Errno::XDEV) => {}
        other => return other,
    }
    let inside = |m: &&(Vec<u8>, FsId)| relative::below(path, &m.0).is_some_and(|rest| !rest.is_empty());
    let (_, known) = mounted.iter().filter(inside).max_by_key(|m| m.0.len()).ok_or(Errno::XDEV)?;
    let fd = open_path(root.as_fd(), path, READ, ResolveFlags::empty())?;
    let mounts = MountTable::try_read().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    if FsInfo::of(&fd, &mounts)?.id() == *known { Ok(fd) } else { Err(Errno::XDEV) }
}

/// The `stat` of a regular file beneath the root; `None` when there is none of that name.
pub fn stat_beneath(root: &Root, path: &[u8]) -> Result<Option<FileStat>, Fault> {
    let found = open_parent(root.as_fd(), path).and_then(|(parent, name)| {
        let parent = parent.as_ref().map_or(root.as_fd(), |p| p.as_fd());
        rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
    });
    match found {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            Ok(Some(FileStat::of(&stat)))
        }
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(e) => Err(fault(e)),
    }
}

/// Opens a folder by its name in an open folder. Does not follow links.
pub(super) fn open_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, FOLDER, Mode::empty())
}

/// Opens a regular file by its name in an open folder. Does not follow links.
pub(super) fn open_here(parent: BorrowedFd<'_>, name: &[u8]) -> Result<File, Errno> {
    let fd = match rustix::fs::openat(parent, name, READ, Mode::empty()) {
        // As in `open_beneath`: the file has a lease. For a regular file, wait for its end.
        Err(Errno::WOULDBLOCK) => {
            let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(Errno::INVAL);
            }
            rustix::fs::openat(parent, name, READ - OFlags::NONBLOCK, Mode::empty())?
        }
        opened => opened?,
    };
    match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
        FileType::RegularFile => Ok(File::from(fd)),
        _ => Err(Errno::INVAL),
    }
}

/// Opens a path below a folder without following links; `more` may refuse mount points, too ([`Errno::XDEV`]).
fn open_path(root: BorrowedFd<'_>, path: &[u8], flags: OFlags, more: ResolveFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | more;
    match asked_again(|| rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)) {
        // Old kernels, some containers and qemu lack the call; and a path may be longer than one call accepts.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => {
            let (parent, name) = open_parent(root, path)?;
            let fd =
                rustix::fs::openat(parent.as_ref().map_or(root, |p| p.as_fd()), name, flags, Mode::empty())?;
            if more.contains(ResolveFlags::NO_XDEV) && mount_id(root)? != mount_id(fd.as_fd())? {
                Err(Errno::XDEV)
            } else {
                Ok(fd)
            }
        }
        other => other,
    }
}

/// Repeats a call that a concurrent rename, or a signal, has interrupted.
fn asked_again(call: impl Fn() -> Result<OwnedFd, Errno>) -> Result<OwnedFd, Errno> {
    let mut answer = Err(Errno::AGAIN);
    for _ in 0..RENAME_RACES {
        answer = call();
        if !matches!(answer, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    answer
}

/// The id of the mount of an open file, which distinguishes bind mounts of one file system.
fn mount_id(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    use std::os::fd::AsRawFd;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    id.ok_or(Errno::NOSYS)
}

/// The folder of the last component of `path` (`None`: the root), opened one component at a time.
fn open_parent<'p>(root: BorrowedFd<'_>, path: &'p [u8]) -> Result<(Option<OwnedFd>, &'p [u8]), Errno> {
    let mut parent: Option<OwnedFd> = None;
    let mut components = path.split(|b| *b == b'/').peekable();
    while let Some(name) = components.next() {
        if matches!(name, b"" | b"." | b"..") {
            return Err(Errno::INVAL);
        }
        if components.peek().is_none() {
            return Ok((parent, name));
        }
        parent = Some(open_folder(parent.as_ref().map_or(root, |p| p.as_fd()), name)?);
    }
    Err(Errno::INVAL)
}

fn refuse_irregular(kind: FileType) -> Result<(), Fault> {
    match kind {
        FileType::RegularFile => Ok(()),
        other => Err(Fault::unreadable(format!("it is {}, not a file", in_words(other)))),
    }
}

fn in_words(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something special",
    }
}

/// An error of the file system in words, with the remedy.
pub(super) fn fault(e: Errno) -> Fault {
    let as_io = std::io::Error::from(e);
    // EAGAIN also occurs if a lease is not released in time.
    if e != Errno::AGAIN && fault::is_shortage(&as_io) {
        return Fault::unavailable(fault::in_words(&as_io));
    }
    Fault::unreadable(match e {
        Errno::ACCESS | Errno::PERM => "no permission to read it".to_owned(),
        Errno::NOENT => "it is gone".to_owned(),
        Errno::LOOP | Errno::XDEV => "a symbolic link stands in its path; links are not followed".to_owned(),
        Errno::NOTDIR => "a part of its path is not a folder".to_owned(),
        Errno::STALE => "the network share has lost it (stale handle)".to_owned(),
        Errno::NXIO => "it is not a file".to_owned(),
        other => std::io::Error::from(other).to_string(),
    })
}

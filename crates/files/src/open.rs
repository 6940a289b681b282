//! Opening files beneath a volume's root.
//!
//! Promises: no symbolic link is followed below the root, so none leads out of the volume; a FIFO, a device or a
//! socket is refused and nobody waits for it; the file that is returned is a regular one, with the `stat` of that
//! very file. The root itself may be reached through links: the person named it.

use super::FileStat;
use albumen_core::fault::Fault;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Reads only, is not handed to children by accident, does not wait for the far end of a FIFO.
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

/// `openat2` answers EAGAIN when a rename ran beside its path walk; so often it is asked again.
const RENAME_RACES: usize = 8;

/// A volume's open root folder.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens a volume by its absolute path.
    pub fn open(path: &Path) -> std::io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::NONBLOCK;
        Ok(Root { fd: rustix::fs::open(path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
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

/// Opens the regular file at `path` (relative to the root) for reading.
pub fn open_beneath(root: &Root, path: &[u8]) -> Result<(File, FileStat), Fault> {
    let fd = match open_path(root.as_fd(), path, READ) {
        // Someone holds a lease on it (Samba's kernel oplocks): a regular file may be waited for, which breaks the lease.
        Err(Errno::WOULDBLOCK) => {
            let (parent, name) = open_parent(root.as_fd(), path).map_err(fault)?;
            let parent = parent.as_ref().map_or(root.as_fd(), |p| p.as_fd());
            let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(fault)?;
            refuse_irregular(FileType::from_raw_mode(stat.st_mode))?;
            rustix::fs::openat(parent, name, READ - OFlags::NONBLOCK, Mode::empty())
        }
        other => other,
    }
    .map_err(fault)?;
    let stat = rustix::fs::fstat(&fd).map_err(fault)?;
    refuse_irregular(FileType::from_raw_mode(stat.st_mode))?;
    Ok((File::from(fd), FileStat::of(&stat)))
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

/// Opens a folder by the name that it has in an open folder. Not through a link.
pub(super) fn open_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, FOLDER, Mode::empty())
}

/// Opens a regular file by the name that it has in an open folder. Not through a link.
pub(super) fn open_here(parent: BorrowedFd<'_>, name: &[u8]) -> Result<File, Errno> {
    let fd = match rustix::fs::openat(parent, name, READ, Mode::empty()) {
        // As in `open_beneath`: a lease is on it. Of a regular file the end of that may be waited for.
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

fn open_path(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let mut answer = Err(Errno::AGAIN);
    for _ in 0..RENAME_RACES {
        answer = rustix::fs::openat2(root, path, flags, Mode::empty(), resolve);
        if !matches!(answer, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    match answer {
        // Old kernels, some containers and qemu do not have the call; and a path may be longer than one call takes.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => {
            let (parent, name) = open_parent(root, path)?;
            rustix::fs::openat(parent.as_ref().map_or(root, |p| p.as_fd()), name, flags, Mode::empty())
        }
        other => other,
    }
}

/// The folder that holds the last component of `path` (`None`: the root), opened one component at a time.
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

/// An error of the file system in words that say what can be done.
pub(super) fn fault(e: Errno) -> Fault {
    Fault::unreadable(match e {
        Errno::ACCESS | Errno::PERM => "no permission to read it".to_owned(),
        Errno::NOENT => "it is gone".to_owned(),
        Errno::LOOP | Errno::XDEV => "a symbolic link stands in its path; links are not followed".to_owned(),
        Errno::NOTDIR => "a part of its path is not a folder".to_owned(),
        Errno::IO => "the disk reports a read error".to_owned(),
        Errno::STALE => "the network share has lost it (stale handle)".to_owned(),
        Errno::NXIO => "it is not a file".to_owned(),
        Errno::MFILE | Errno::NFILE => "too many files are open (raise the limit, `ulimit -n`)".to_owned(),
        other => std::io::Error::from(other).to_string(),
    })
}

//! `derived/` of an index folder, opened without following links.
//!
//! Invariants: nothing outside `derived/` is read, written or removed through it, whatever links it contains; only
//! entries with Albumen's own names are changed. Other entries (a NAS's media indexer creates `@eaDir` folders
//! everywhere) stay, and [`StoreDir::walk`] reports them.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The folder's name in the index folder.
pub const DERIVED: &str = "derived";
/// Prefix of files that are being written; a sweep removes those that a kill left behind.
pub const TEMPORARY: &str = ".tmp-";
/// The suffix of every picture's name.
const PICTURE: &str = ".jpg";
/// Foreign entries that one walk reports at most; there may be one in each of 65,536 folders.
const MOST_FOREIGN: usize = 20;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The open folder.
#[derive(Debug)]
pub struct StoreDir {
    fd: OwnedFd,
    path: PathBuf,
}

/// A file of the store, during a walk.
pub struct Own<'a> {
    folder: &'a OwnedFd,
    name: &'a CStr,
    /// Relative to the index folder.
    pub path: String,
    pub bytes: u64,
}

impl Own<'_> {
    /// Whether it is an incompletely written picture.
    pub fn is_temporary(&self) -> bool {
        self.name.to_bytes().starts_with(TEMPORARY.as_bytes())
    }

    pub fn remove(&self) -> io::Result<()> {
        match rustix::fs::unlinkat(self.folder, self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

impl StoreDir {
    /// Opens `derived/` of an index folder. The path of the index folder itself may contain links, because its owner
    /// configured it.
    pub fn open(index_dir: &Path) -> io::Result<StoreDir> {
        let path = index_dir.join(DERIVED);
        let index = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let index = rustix::fs::open(index_dir, index, Mode::empty())?;
        let fd = rustix::fs::openat(&index, DERIVED, FOLDER, Mode::empty()).map_err(|e| foreign(e, &path))?;
        Ok(StoreDir { fd, path })
    }

    /// The folder of a file of the store, and the file's name. `path` is relative to the index folder.
    pub fn folder_of<'a>(&self, path: &'a str, create: bool) -> io::Result<(OwnedFd, &'a str)> {
        let (folders, name) = parts(path)?;
        let mut fd = rustix::io::fcntl_dupfd_cloexec(&self.fd, 0)?;
        let mut at = self.path.clone();
        for folder in folders {
            at.push(folder);
            let open = |fd: &OwnedFd| rustix::fs::openat(fd, folder, FOLDER, Mode::empty());
            let next = match open(&fd) {
                Err(Errno::NOENT) if create => {
                    match rustix::fs::mkdirat(&fd, folder, Mode::from_raw_mode(0o750)) {
                        Ok(()) | Err(Errno::EXIST) => open(&fd),
                        Err(e) => Err(e),
                    }
                }
                other => other,
            };
            fd = next.map_err(|e| foreign(e, &at))?;
        }
        Ok((fd, name))
    }

    /// Opens a file of the store for reading: a regular one, without following links.
    pub fn open_file(&self, path: &str) -> io::Result<File> {
        let (folder, name) = self.folder_of(path, false)?;
        let whole = || self.path.join(path.strip_prefix("derived/").unwrap_or(path));
        let fd = rustix::fs::openat(&folder, name, READ, Mode::empty()).map_err(|e| foreign(e, &whole()))?;
        match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            FileType::RegularFile => Ok(File::from(fd)),
            _ => Err(foreign(Errno::NOTDIR, &whole())),
        }
    }

    /// Calls `each` for every file of the store. Removes empty folders of the store if `prune` is set. Returns the
    /// first entries that are not Albumen's.
    pub fn walk<E: From<io::Error>>(
        &self,
        prune: bool,
        mut each: impl FnMut(Own<'_>) -> Result<(), E>,
    ) -> Result<Vec<PathBuf>, E> {
        let mut stray = Vec::new();
        for shard in self.shards(&self.fd, &self.path, &mut stray)? {
            let Some(fd) = enter(&self.fd, &shard)? else { continue };
            let at = self.path.join(&shard);
            for sub in self.shards(&fd, &at, &mut stray)? {
                let Some(folder) = enter(&fd, &sub)? else { continue };
                for entry in Dir::read_from(&folder).map_err(io::Error::from)? {
                    let entry = entry.map_err(io::Error::from)?;
                    let name = entry.file_name();
                    let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => stat,
                        Err(Errno::NOENT) => continue,
                        Err(e) => return Err(io::Error::from(e).into()),
                    };
                    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                    match name.to_str() {
                        Ok("." | "..") => {}
                        Ok(text) if is_file && is_own_file(text) => {
                            let path = format!("{DERIVED}/{shard}/{sub}/{text}");
                            let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                            each(Own { folder: &folder, name, path, bytes })?;
                        }
                        _ => add(&mut stray, at.join(&sub).join(OsStr::from_bytes(name.to_bytes()))),
                    }
                }
                if prune {
                    // Removes only an empty folder; the call fails for others.
                    let _ = rustix::fs::unlinkat(&fd, &*sub, AtFlags::REMOVEDIR);
                }
            }
        }
        Ok(stray)
    }

    /// The names of the store's folders in one of its folders.
    fn shards(&self, fd: &OwnedFd, at: &Path, stray: &mut Vec<PathBuf>) -> io::Result<Vec<String>> {
        let mut shards = Vec::new();
        for entry in Dir::read_from(fd)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_folder = || {
                let stat = rustix::fs::statat(fd, name, AtFlags::SYMLINK_NOFOLLOW);
                stat.is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Directory)
            };
            match name.to_str() {
                Ok("." | "..") => {}
                Ok(text) if is_shard(text) && is_folder() => shards.push(text.to_owned()),
                _ => add(stray, at.join(OsStr::from_bytes(name.to_bytes()))),
            }
        }
        Ok(shards)
    }
}

impl AsFd for StoreDir {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens a folder that was just listed; `None`: it no longer exists, or is another kind of entry.
fn enter(parent: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
    match rustix::fs::openat(parent, name, FOLDER, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn add(stray: &mut Vec<PathBuf>, path: PathBuf) {
    if stray.len() < MOST_FOREIGN {
        stray.push(path);
    }
}

/// Two letters of a content hash.
fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

fn is_own_file(name: &str) -> bool {
    name.ends_with(PICTURE) && (!name.starts_with('.') || name.starts_with(TEMPORARY))
}

/// Whether a path, relative to the index folder, is that of a file below `derived/`.
pub fn is_inside(path: &str) -> bool {
    parts(path).is_ok()
}

/// The folders below `derived/` and the name in a path of the store.
fn parts(path: &str) -> io::Result<(Vec<&str>, &str)> {
    let outside = || io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of the store");
    let below = Path::new(path).strip_prefix(DERIVED).map_err(|_| outside())?;
    let names = below.components().map(|c| match c {
        Component::Normal(name) => name.to_str().ok_or_else(outside),
        _ => Err(outside()),
    });
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    let name = names.pop().ok_or_else(outside)?;
    Ok((names, name))
}

/// A foreign entry with the name of one of the store.
#[derive(Debug, thiserror::Error)]
#[error("{} is a link or of another kind than Albumen's own: move it away", .0.display())]
pub struct ForeignEntry(pub PathBuf);

/// Whether the error is a foreign entry with the name of one of the store.
pub fn is_foreign(e: &io::Error) -> bool {
    e.get_ref().is_some_and(|e| e.is::<ForeignEntry>())
}

fn foreign(e: Errno, path: &Path) -> io::Error {
    match e {
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR => io::Error::other(ForeignEntry(path.to_owned())),
        other => other.into(),
    }
}

/// The error of renaming over a foreign entry.
pub fn in_the_way(e: Errno, index_dir: &Path, path: &str) -> io::Error {
    foreign(e, &index_dir.join(path))
}

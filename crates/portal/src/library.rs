//! The portal's queries of the index, each within the rights of a subject.
//!
//! [`Scope`] is the rights filter that every query takes: rows outside of it do not exist for the query, so
//! that pages, counts, facets, suggestions, covers and maps are of visible items only. It is made by
//! [`crate::rights::scope`] for one subject and one moment, holds no borrowed data, and is cheap to clone
//! behind an `Arc`.

use crate::rights::Rights;
use crate::store::{AccountId, FolderPath};
use albumen_files::FileStat;
use albumen_files::open::{Root, open_beneath};
use albumen_index::IndexReader;
use albumen_index::read::visible::{FolderRule, Rules, Visible};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a subject may see of the library.
///
/// An item is visible if one of these grants `view` on it:
/// - its space is in `spaces`;
/// - the deepest of the `folders` that contain its folder grants it (a rule without rights hides its
///   content);
/// - it is in an album of `albums`, or in one that `account` owns, and its folder is visible in the scope of
///   the account that added it to the album: rights are those of the album and at most `download` of that
///   account's.
///
/// The rights of an item are the union of these. If `items` is set, only those items are visible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Spaces that are wholly visible: with their faces, people and regions. All other items are shown
    /// without.
    pub spaces: Vec<SpaceScope>,
    /// Folders of other spaces, in order: a folder is followed by those inside of it.
    pub folders: Vec<FolderScope>,
    /// Albums of others.
    pub albums: Vec<AlbumScope>,
    /// The account whose own albums are included.
    pub account: Option<AccountId>,
    /// For a link to selected items: only these.
    pub items: Option<Vec<i64>>,
    /// Whether originals may be sent to callers with the right to download.
    pub has_originals: bool,
    /// No names, folders, places, positions and dates, and no order by date.
    pub hide_details: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceScope {
    pub space: String,
    pub rights: Rights,
}

/// A folder with its content, up to the next rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderScope {
    pub folder: FolderPath,
    pub rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumScope {
    pub album: i64,
    pub rights: Rights,
}

impl Scope {
    /// The rights on a folder by `spaces` and `folders`: as a query computes them for the items in it.
    pub fn folder_rights(&self, folder: &FolderPath) -> Rights {
        if let Some(space) = self.spaces.iter().find(|s| s.space == folder.space) {
            return space.rights;
        }
        self.folders.iter().rfind(|f| f.folder.holds(folder)).map_or(Rights::NONE, |f| f.rights)
    }

    /// Whether faces, people and regions of a space are shown.
    pub fn shows_people(&self, space: &str) -> bool {
        self.spaces.iter().any(|s| s.space == space && s.rights.view)
    }

    /// Whether nothing can be seen at all, so that no query is needed.
    pub fn is_empty(&self) -> bool {
        let any_folder = self.folders.iter().any(|f| f.rights.view);
        !any_folder && self.spaces.is_empty() && self.albums.is_empty() && self.account.is_none()
    }
}

/// The maximum number of pooled read connections.
const READERS: usize = 4;
/// The maximum number of cached resolved scopes: one byte per folder of the index each.
const SCOPES: usize = 32;

/// The maximum number of cached answers.
const ANSWERS: usize = 64;

/// The part of a scope that the index's filter takes. Albums are not in it: their contents have no owner in
/// the index yet, so an item is visible by its folder only.
fn rules(scope: &Scope) -> Rules {
    let folders = scope.folders.iter().map(|f| FolderRule {
        space: f.folder.space.clone(),
        volume: f.folder.volume.clone(),
        path: f.folder.path.clone(),
        rights: f.rights.bits(),
    });
    Rules {
        spaces: scope.spaces.iter().map(|s| (s.space.clone(), s.rights.bits())).collect(),
        folders: folders.collect(),
        items: Vec::new(),
        only: scope.items.clone(),
    }
}

/// The engine's index, read only: a pool of readers, each used by one request at a time.
#[derive(Debug)]
pub struct Library {
    dir: PathBuf,
    readers: Mutex<Vec<IndexReader>>,
    /// Recently resolved scopes, the newest at the end.
    scopes: Mutex<Vec<(Scope, Arc<Visible>)>>,
    kept: Mutex<Kept>,
}

/// Cached answers of slow queries, valid while the index is unchanged.
#[derive(Debug, Default)]
struct Kept {
    /// Detects changes; opened on first use.
    watch: Option<IndexReader>,
    version: i64,
    /// The newest at the end.
    answers: Vec<(Scope, String, Arc<Value>)>,
}

/// Why the library cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error(transparent)]
    Open(#[from] albumen_index::OpenError),
    #[error("{0}")]
    Read(Box<dyn std::error::Error + Send + Sync>),
    #[error("{path} cannot be opened: {why}", path = .path.display())]
    File { path: PathBuf, why: String },
    #[error("the work on the index was stopped: {0}")]
    Stopped(String),
}

impl Library {
    pub fn new(dir: PathBuf) -> Library {
        Library { dir, readers: Mutex::default(), scopes: Mutex::default(), kept: Mutex::default() }
    }

    /// The engine's state folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Queries the index on a thread that may block.
    pub async fn read<T: Send + 'static, E: std::error::Error + Send + Sync + 'static>(
        self: &Arc<Library>,
        ask: impl FnOnce(&IndexReader) -> Result<T, E> + Send + 'static,
    ) -> Result<T, LibraryError> {
        let library = self.clone();
        let asked = tokio::task::spawn_blocking(move || library.ask(ask)).await;
        asked.unwrap_or_else(|e| Err(LibraryError::Stopped(e.to_string())))
    }

    /// As [`Library::read`], on a thread that may block.
    pub fn ask<T, E: std::error::Error + Send + Sync + 'static>(
        &self,
        ask: impl FnOnce(&IndexReader) -> Result<T, E>,
    ) -> Result<T, LibraryError> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let index = match pooled {
            Some(index) => index,
            None => IndexReader::open(&self.dir)?,
        };
        // After a failed query the reader may be of a replaced index: it is not reused.
        let answer = ask(&index).map_err(|e| LibraryError::Read(Box::new(e)))?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(index);
        }
        Ok(answer)
    }

    /// A scope resolved against the folders of the index. It is cached until folders are added.
    pub fn visible(&self, index: &IndexReader, scope: &Scope) -> Result<Arc<Visible>, albumen_index::Error> {
        let lock = || self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lock().iter().find(|(of, _)| of == scope).map(|(_, visible)| visible.clone());
        if let Some(visible) = kept
            && !index.is_outdated(&visible)?
        {
            return Ok(visible);
        }
        let visible = Arc::new(index.resolve(&rules(scope))?);
        let mut scopes = lock();
        scopes.retain(|(of, _)| of != scope);
        if scopes.len() >= SCOPES {
            scopes.remove(0);
        }
        scopes.push((scope.clone(), visible.clone()));
        Ok(visible)
    }

    /// The cached answer to a query within a scope; computed again only if the index has changed since.
    /// `question` must contain everything that the answer depends on, except the scope.
    pub fn kept<E: From<LibraryError>>(
        &self,
        scope: &Scope,
        question: &str,
        make: impl FnOnce() -> Result<Value, E>,
    ) -> Result<Arc<Value>, E> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // The version is read before the data: a change in between is detected at the next call.
        let version = {
            let mut kept = lock();
            let version = self.version(&mut kept)?;
            if version != kept.version {
                (kept.version, kept.answers) = (version, Vec::new());
            }
            let found = kept.answers.iter().find(|(of, about, _)| about == question && of == scope);
            if let Some((_, _, answer)) = found {
                return Ok(answer.clone());
            }
            version
        };
        let answer = Arc::new(make()?);
        let mut kept = lock();
        if kept.version == version {
            if kept.answers.len() >= ANSWERS {
                kept.answers.remove(0);
            }
            kept.answers.push((scope.clone(), question.to_owned(), answer.clone()));
        }
        Ok(answer)
    }

    fn version(&self, kept: &mut Kept) -> Result<i64, LibraryError> {
        let watch = match kept.watch.take() {
            Some(watch) => watch,
            None => IndexReader::open(&self.dir)?,
        };
        // One that fails may be of a replaced index: it is not reused.
        let version = watch.data_version().map_err(|e| LibraryError::Read(Box::new(e)))?;
        kept.watch = Some(watch);
        Ok(version)
    }

    /// Drops connections and scopes: a restore may have replaced the index.
    pub fn forget(&self) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// Opens a file below the engine's state folder, without following links.
    pub fn open_derived(&self, path: &str) -> Result<(File, FileStat), LibraryError> {
        open(&self.dir, path.as_bytes())
    }
}

/// Opens a regular file below a folder: descriptor by descriptor, without following links.
pub fn open(root: &Path, below: &[u8]) -> Result<(File, FileStat), LibraryError> {
    let fail = |why: String| LibraryError::File { path: root.join(OsStr::from_bytes(below)), why };
    let root = Root::open(root).map_err(|e| fail(e.to_string()))?;
    open_beneath(&root, below).map_err(|e| fail(e.to_string()))
}

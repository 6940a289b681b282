//! The shared index. All SQL is in this crate.
//!
//! Three access rights, each a type. An [`IndexReader`] opens the database read-only and never waits. An [`Editor`]
//! makes short transactions and is available to any process. An [`Index`] holds `index.lock`, or is another connection
//! of the process that does; the results of a run are written through its [`IndexWriter`], one transaction.
#![deny(unsafe_code)]

pub mod account_edits;
pub mod again;
pub mod albums;
pub mod backup;
pub mod counts;
pub mod due;
pub mod edits;
mod error;
pub mod failures;
pub mod items;
pub mod jobs;
mod keep;
mod keywords;
pub mod located;
mod lock;
mod paged;
pub mod people;
pub mod position;
pub mod problems;
pub mod query;
pub mod quiet;
pub mod read;
pub mod record;
pub mod restore;
pub mod said;
pub mod scan;
pub mod scan_changes;
pub mod schema;
pub mod search;
#[cfg(test)]
mod search_tests;
pub mod similar;
#[cfg(feature = "testing")]
pub mod testing;
pub mod unread;
pub mod verify;
pub mod view;
pub mod words;
mod writer;

pub use error::{Error, Result, SqlError};
pub use paged::Paged;
pub use writer::IndexWriter;

use albumen_core::store_dir::{DERIVED, StoreDir, TEMPORARY};
use albumen_files::mounts::{FsInfo, MountTable};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database in the index folder.
pub const DATABASE: &str = "index.sqlite";

/// Time that an edit waits for another writer before it fails (DESIGN: two rights on an index).
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Page cache of one connection, in KiB: small, because the kernel caches the file as well.
const CACHE_KIB: i64 = 4096;

/// Why an index could not be opened. `code()` returns the exit code.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the index {dir} is in use by {holder}: wait until it is done, or stop it", dir = .dir.display())]
    Held { dir: PathBuf, holder: String },
    #[error("there is no index at {dir}: run `albumen index` first, or check --index", dir = .dir.display())]
    Missing { dir: PathBuf },
    #[error(
        "the database {file} is missing or empty, but the thumbnails of an index are beside it: titles, tags, people and all else \
         that users said would be lost. Bring back a backup (`albumen restore`), or start anew with `albumen index --new-index`",
        file = .dir.join(DATABASE).display()
    )]
    Lost { dir: PathBuf },
    #[error("the index folder {dir} cannot be written: {why}", dir = .dir.display())]
    NotWritable { dir: PathBuf, why: String },
    #[error("the index {dir} cannot be read: {why}", dir = .dir.display())]
    NotReadable { dir: PathBuf, why: String },
    #[error("{dir} is a backup, which is read and never changed: `albumen restore` brings it back", dir = .dir.display())]
    Backup { dir: PathBuf },
    #[error("the index folder {dir} is on a network file system ({kind}), where SQLite is not safe: put it on a local disk", dir = .dir.display())]
    Network { dir: PathBuf, kind: String },
    #[error("the index {dir} cannot be opened: {why}", dir = .dir.display())]
    Broken { dir: PathBuf, why: String },
}

/// A read-only connection.
#[derive(Debug)]
pub struct IndexReader {
    dir: PathBuf,
    conn: Connection,
    /// State of the SQL function `visible`.
    scope: read::visible::Slot,
}

impl IndexReader {
    /// Opens the index in a folder.
    pub fn open(dir: &Path) -> Result<IndexReader, OpenError> {
        let conn = connect_existing(dir, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        IndexReader::with(dir, conn)
    }

    fn with(dir: &Path, conn: Connection) -> Result<IndexReader, OpenError> {
        let scope = read::visible::Slot::default();
        scope.define(&conn).map_err(|e| broken(dir, e))?;
        Ok(IndexReader { dir: dir.to_owned(), conn, scope })
    }

    /// Releases the memory of cached pages, for idle connections. A service has a dozen connections.
    pub fn shrink(&self) {
        // Failure is harmless: the memory stays in use.
        let _ = self.conn.release_memory();
    }

    /// The state folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A connection for user edits: short transactions, durable before they are acknowledged.
#[derive(Debug)]
pub struct Editor {
    reader: IndexReader,
    /// The account of a server that edits people; `None`: the command line.
    account: Option<i64>,
}

impl Editor {
    /// Opens the index in a folder.
    pub fn open(dir: &Path) -> Result<Editor, OpenError> {
        refuse_backup(dir)?;
        let conn = connect_existing(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.pragma_update(None, "synchronous", "FULL").map_err(|e| broken(dir, e))?;
        Ok(Editor { reader: IndexReader::with(dir, conn)?, account: None })
    }

    /// Edits of people are recorded for this account of a server, and only its own can be undone.
    pub fn act_for(&mut self, account: i64) {
        self.account = Some(account);
    }

    /// Begins a transaction that holds the write lock from the start: one that reads first and then writes would fail
    /// if another has committed in between.
    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.reader.conn.transaction_with_behavior(TransactionBehavior::Immediate)
    }
}

impl Deref for Editor {
    type Target = IndexReader;

    fn deref(&self) -> &IndexReader {
        &self.reader
    }
}

/// A connection of the process that indexes.
#[derive(Debug)]
pub struct Index {
    editor: Editor,
    /// Held while an indexing process runs, by the first of its connections.
    lock: Option<File>,
}

impl Deref for Index {
    type Target = Editor;

    fn deref(&self) -> &Editor {
        &self.editor
    }
}

impl DerefMut for Index {
    fn deref_mut(&mut self) -> &mut Editor {
        &mut self.editor
    }
}

impl Index {
    fn with(dir: &Path, conn: Connection, lock: Option<File>) -> Result<Index, OpenError> {
        Ok(Index { editor: Editor { reader: IndexReader::with(dir, conn)?, account: None }, lock })
    }

    /// For the one process that indexes: creates the folder and the schema, takes `index.lock`. Fails if the database
    /// is missing but other parts of an index exist.
    pub fn open_indexing(dir: &Path, reached: impl Fn()) -> Result<Index, OpenError> {
        Index::open_indexing_as(dir, false, reached)
    }

    /// Like [`Index::open_indexing`]; with `anew`, a missing database is created: the user confirmed that it is lost.
    pub fn open_indexing_as(dir: &Path, anew: bool, reached: impl Fn()) -> Result<Index, OpenError> {
        let not_writable =
            |e: std::io::Error| OpenError::NotWritable { dir: dir.to_owned(), why: e.to_string() };
        refuse_backup(dir)?;
        create_private_dir(dir).map_err(not_writable)?;
        refuse_network(dir)?;
        let lock = lock::take(dir)?;
        create_private_dir(&dir.join(DERIVED)).map_err(not_writable)?;
        // A symbolic link would redirect writes and removals of thumbnails to another place.
        StoreDir::open(dir).map_err(not_writable)?;
        let database = dir.join(DATABASE);
        // An empty database file has no content, and SQLite would delete the log beside it.
        let is_lost = !std::fs::metadata(&database).is_ok_and(|m| m.len() > 0);
        if is_lost && !anew && holds_a_file(&dir.join(DERIVED)) {
            return Err(OpenError::Lost { dir: dir.to_owned() });
        }
        // Created before SQLite opens it, because the log files get its mode.
        File::options().append(true).create(true).open(&database).map_err(not_writable)?;
        for file in [DATABASE, "index.sqlite-wal", "index.sqlite-shm"] {
            restrict(&dir.join(file));
        }
        let mut conn = connect(dir, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // A database without tables.
        let is_empty = schema::current(&conn).map_err(|e| broken(dir, e))? == 0;
        if is_empty && !anew && holds_a_file(&dir.join(DERIVED)) {
            return Err(OpenError::Lost { dir: dir.to_owned() });
        }
        schema::migrate(&mut conn, reached).map_err(|e| broken(dir, e))?;
        if is_empty {
            // Durable before the first thumbnail: otherwise a power failure would make the new index appear lost.
            conn.pragma_query(None, "wal_checkpoint", |_| Ok(())).map_err(|e| broken(dir, e))?;
            File::open(dir).and_then(|folder| folder.sync_all()).map_err(not_writable)?;
        }
        Index::with(dir, conn, Some(lock))
    }

    /// For a dry run without an index: an empty temporary database, which SQLite keeps in memory and temporary files.
    pub fn open_nowhere(dir: &Path) -> Result<Index, OpenError> {
        let mut conn = connect_to(dir, Path::new(""), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::migrate(&mut conn, || ()).map_err(|e| broken(dir, e))?;
        Index::with(dir, conn, None)
    }

    /// Whether a folder contains an index.
    pub fn is_there(dir: &Path) -> bool {
        !matches!(must_be_there(dir), Err(OpenError::Missing { .. }))
    }

    /// Another connection of the process that holds the lock (for the recorder or a job source).
    pub fn another(&self) -> Result<Index, OpenError> {
        let conn = connect(&self.dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Index::with(&self.dir, conn, None)
    }

    /// Publishes the socket of the service that holds the lock, for [`service_socket`].
    pub fn name_socket(&self, socket: &Path) -> std::io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock::name_socket(lock, socket))
    }
}

/// The socket of the service that runs on an index, if any.
pub fn service_socket(dir: &Path) -> Option<PathBuf> {
    lock::service_socket(dir)
}

fn broken(dir: &Path, e: impl std::fmt::Display) -> OpenError {
    OpenError::Broken { dir: dir.to_owned(), why: e.to_string() }
}

/// Whether there is a file in a folder or up to two levels below, where derivatives are. Incomplete files of a crashed
/// program do not count.
fn holds_a_file(dir: &Path) -> bool {
    let inside = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_file = |entry: &std::fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| kind.is_file())
            && !entry.file_name().as_bytes().starts_with(TEMPORARY.as_bytes())
    };
    inside(dir).any(|a| {
        is_file(&a) || inside(&a.path()).any(|b| is_file(&b) || inside(&b.path()).any(|c| is_file(&c)))
    })
}

/// Indexing would change the backup's files so that their checksums no longer match, and it could not be restored.
fn refuse_backup(dir: &Path) -> Result<(), OpenError> {
    if dir.join(backup::CONTENTS).exists() { Err(OpenError::Backup { dir: dir.to_owned() }) } else { Ok(()) }
}

/// SQLite's locks and shared memory are not safe on NFS and SMB.
fn refuse_network(dir: &Path) -> Result<(), OpenError> {
    let look = || -> std::io::Result<FsInfo> { Ok(FsInfo::of(File::open(dir)?, &MountTable::read())?) };
    match look() {
        Ok(fs) if fs.refuses_index() => Err(OpenError::Network { dir: dir.to_owned(), kind: fs.in_words() }),
        _ => Ok(()),
    }
}

/// Creates a folder with mode 0750, including its parents.
fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(dir)
}

/// SQLite creates its files by the umask; the index must not be readable by others (0640).
fn restrict(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // A folder of another owner may refuse; the folder's own mode still protects it.
    let _ = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o640));
}

/// Fails if `dir` contains no index.
fn must_be_there(dir: &Path) -> Result<(), OpenError> {
    let dir = dir.to_owned();
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::metadata(dir.join(DATABASE)) {
        Ok(m) if m.is_file() => Ok(()),
        Err(e) if !matches!(e.kind(), NotFound | NotADirectory) => {
            Err(OpenError::NotReadable { dir, why: e.to_string() })
        }
        _ => Err(OpenError::Missing { dir }),
    }
}

fn connect_existing(dir: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    must_be_there(dir)?;
    let conn = connect(dir, flags)?;
    let found = schema::usable(&conn).map_err(|e| broken(dir, e))?;
    if found < schema::VERSION {
        return Err(broken(
            dir,
            format!(
                "it has schema {found}, this program needs {}: run `albumen index` once",
                schema::VERSION
            ),
        ));
    }
    Ok(conn)
}

fn connect(dir: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    connect_to(dir, &dir.join(DATABASE), flags)
}

fn connect_to(dir: &Path, database: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let open = || -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(
            database,
            flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
        )?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.set_prepared_statement_cache_capacity(64);
        // Cached statements are planned once. Otherwise SQLite checks bound values against the partial indexes and
        // plans most statements again for each execution: three quarters of the time of a page of items.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            conn.pragma_update(None, "journal_mode", "WAL")?;
            conn.pragma_update(None, "synchronous", "NORMAL")?;
        }
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        conn.pragma_update(None, "temp_store", "FILE")?;
        // Reads the file, so that "not a database" is reported here and not in the middle of a run.
        schema::current(&conn)?;
        Ok(conn)
    };
    open().map_err(|e| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
            OpenError::NotWritable { dir: dir.to_owned(), why: e.to_string() }
        }
        Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::DiskFull) if is_full(dir) => {
            OpenError::NotWritable { dir: dir.to_owned(), why: "its disk is full".into() }
        }
        _ => broken(dir, e),
    })
}

/// Whether there is no disk space for the shared memory of the WAL, which SQLite needs even to read and reports as an
/// I/O error.
fn is_full(dir: &Path) -> bool {
    /// Bytes: twice the size of that file.
    const NEEDED: u64 = 64 << 10;
    rustix::fs::statvfs(dir).is_ok_and(|fs| fs.f_bavail * fs.f_frsize < NEEDED)
}

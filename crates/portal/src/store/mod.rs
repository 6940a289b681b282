//! `portal.sqlite`: all its SQL is in this module.
//!
//! Many readers and one writer. A change is on the disk before its method returns. The command line and a
//! running server use the same file: each sees the other's changes with its next statement; [`policy`]
//! describes how the cached rights are updated.

mod accounts;
mod albums;
mod audit;
mod copies;
mod factors;
mod folders;
mod groups;
mod migrations;
mod policy;
mod preferences;
mod sessions;
mod shares;
mod throttles;
mod tokens;

pub use accounts::{Account, AccountChange, AccountError, NewAccount, check_name};
pub use albums::{AlbumRole, Privacy};
pub use audit::{AuditEntry, AuditFilter, Event};
pub use factors::{Passkey, Totp};
pub use folders::{Access, FolderPath, Grant, Visibility};
pub use groups::{Group, GroupError};
pub use migrations::{MigrateError, SCHEMA_VERSION};
pub use preferences::SearchEntry;
pub use sessions::{NewSession, Session};
pub(crate) use shares::folder_key;
pub use shares::{NewRequest, NewShare, PhotoRequest, Share, ShareTarget, Unlock, UnlockKind};
pub use throttles::Throttle;
pub use tokens::{NewToken, Token, TokenKind};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The database in the state folder.
pub const DATABASE: &str = "portal.sqlite";
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of pooled read connections.
const READERS: usize = 4;

pub type AccountId = i64;
pub type GroupId = i64;

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path} cannot be used: {why}", path = .path.display())]
    Open { path: PathBuf, why: String },
    #[error("the disk of portal.sqlite is full: make room and try again")]
    Full,
    #[error("portal.sqlite cannot be used: {0}")]
    Sql(rusqlite::Error),
    #[error("the work on portal.sqlite was stopped: {0}")]
    Stopped(String),
    #[error(transparent)]
    Random(#[from] crate::secret::NoRandom),
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> StoreError {
        match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full,
            _ => StoreError::Sql(e),
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// The open database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens the store in a state folder, and creates both if they do not exist. The folder has mode 0700,
    /// the database 0600.
    pub fn open(state: &Path) -> Result<Store> {
        let path = state.join(DATABASE);
        let cannot = |why: String| StoreError::Open { path: path.clone(), why };
        create_private(state, &path).map_err(|e| cannot(e.to_string()))?;
        let mut writer = connect(&path, true).map_err(|e| cannot(e.to_string()))?;
        migrations::migrate(&mut writer).map_err(|e| cannot(e.to_string()))?;
        Ok(Store { path, writer: Mutex::new(writer), readers: Mutex::default() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks the integrity of the database; returns the problems, one per line.
    pub fn check(&self) -> Result<Vec<String>> {
        self.read(|conn| {
            let mut faults: Vec<String> = Vec::new();
            let mut statement = conn.prepare("PRAGMA integrity_check")?;
            for line in statement.query_map([], |r| r.get::<_, String>(0))? {
                faults.push(line?);
            }
            faults.retain(|line| line != "ok");
            let mut statement = conn.prepare("PRAGMA foreign_key_check")?;
            for table in statement.query_map([], |r| r.get::<_, String>(0))? {
                faults.push(format!("a row of {} belongs to no account, group or link", table?));
            }
            Ok(faults)
        })
    }

    fn read<T>(&self, ask: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match pooled {
            Some(conn) => conn,
            None => connect(&self.path, false)?,
        };
        let answer = ask(&conn)?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(conn);
        }
        Ok(answer)
    }

    /// One transaction, rolled back on an error.
    fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut conn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let tx =
            conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| E::from(e.into()))?;
        let out = change(&tx)?;
        tx.commit().map_err(|e| E::from(e.into()))?;
        Ok(out)
    }
}

fn create_private(state: &Path, database: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    // Created before SQLite opens it: its WAL files get the same mode.
    std::fs::File::options().append(true).create(true).mode(0o600).open(database)?;
    Ok(())
}

fn connect(path: &Path, is_writer: bool) -> rusqlite::Result<Connection> {
    let access = if is_writer { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(64);
    if is_writer {
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        // A removed account's name and digests must not stay in free pages.
        conn.pragma_update(None, "secure_delete", true)?;
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -1024)?;
    Ok(conn)
}

/// A missing row is not an error.
fn optional<T>(row: rusqlite::Result<T>) -> Result<Option<T>> {
    match row {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Text that is one of a few words of the program; another word means that the database was changed manually.
fn word<T>(row: &rusqlite::Row<'_>, column: &str, read: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| {
        let why = format!("{column} holds {text:?}, which this program does not know");
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, why.into())
    })
}

#[cfg(test)]
mod tests;

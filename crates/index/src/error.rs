//! Errors of reading and writing the index.

/// An error, as far as callers distinguish it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was written: the transaction was rolled back.
    #[error("the disk with the index is full: make room and run again, nothing is lost")]
    DiskFull,
    /// Another connection held the write lock for longer than an edit waits.
    #[error("the index is locked by another program: try again when it is done")]
    Locked,
    #[error(
        "the database of the index is damaged ({0}), and the run has stopped. Check it with `albumen verify`, and bring back a \
         backup with `albumen restore`; the photos themselves are not affected"
    )]
    Corrupt(String),
    #[error("the index cannot be written ({0}): check whether its disk is mounted read-only, then run again")]
    ReadOnly(String),
    #[error("the index cannot be used: {0}")]
    Sql(SqlError),
    /// An error in the store of thumbnails and previews.
    #[error("the derivatives cannot be made durable: {0}")]
    Store(std::io::Error),
}

/// The result of functions that read or write the index.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any other error of SQLite.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SqlError(rusqlite::Error);

impl Error {
    /// Whether a disk may be full: SQLite reports an exhausted quota as an I/O error.
    pub fn may_be_disk_full(&self) -> bool {
        match self {
            Error::DiskFull => true,
            Error::Sql(e) => e.0.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure),
            Error::Locked | Error::Corrupt(_) | Error::ReadOnly(_) | Error::Store(_) => false,
        }
    }

    /// Whether a disk is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Error::DiskFull => true,
            Error::Store(e) => matches!(e.kind(), StorageFull | QuotaExceeded),
            Error::Locked | Error::Corrupt(_) | Error::ReadOnly(_) | Error::Sql(_) => false,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(e: rusqlite::Error) -> Error {
        use rusqlite::ErrorCode;
        match e.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Error::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt(e.to_string()),
            Some(ErrorCode::ReadOnly) => Error::ReadOnly(e.to_string()),
            _ => Error::Sql(SqlError(e)),
        }
    }
}

impl From<rusqlite::types::FromSqlError> for Error {
    fn from(e: rusqlite::types::FromSqlError) -> Error {
        rusqlite::Error::from(e).into()
    }
}

/// For closures that read rows: rusqlite calls them and returns their errors.
impl From<Error> for rusqlite::Error {
    fn from(e: Error) -> rusqlite::Error {
        match e {
            Error::Sql(e) => e.0,
            other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Error {
        match e.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::DiskFull,
            _ => Error::Store(e),
        }
    }
}

/// Implements conversion from rusqlite's errors for errors with a variant for [`Error`].
macro_rules! takes_sql_errors {
    ($($error:path),*) => {$(
        impl From<rusqlite::Error> for $error {
            fn from(e: rusqlite::Error) -> Self {
                Error::from(e).into()
            }
        }
    )*};
}

takes_sql_errors!(
    crate::albums::AlbumError,
    crate::backup::BackupError,
    crate::people::EditError,
    crate::restore::RestoreError,
    crate::search::SearchError,
    crate::similar::SimilarError,
    crate::verify::VerifyError
);

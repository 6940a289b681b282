//! `verify`: checks the index for corruption and missing derivatives.
//!
//! Promises: reads in pages without long transactions, so it may run beside a service; never changes user edits; each
//! issue states the problem and the remedy. Repair makes work due again and removes only rows of missing derivatives.
//! Out of scope: doing the due work (`albumen index`) and replacing a corrupt index (`restore`).

mod consistency;
mod derivatives;
mod originals;

use super::{DATABASE, OpenError, schema, view};
use crate::Result;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use std::io;
use std::path::Path;

/// Rows read at a time, which bounds the length of a read transaction.
const PAGE: usize = 1000;

/// Limit on messages passed on from SQLite's own check: the first one matters, the others only lengthen the list.
const DATABASE_MESSAGES: u32 = 20;

/// The kind of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// SQLite reports corruption, or the file is not an index.
    Database,
    /// A row refers to a missing row.
    Reference,
    /// The schema is not the one of this version.
    Schema,
    /// A thumbnail or preview that the index refers to is missing.
    DerivativeMissing,
    /// A derivative exists but is not the file that was written.
    DerivativeDamaged,
    /// A file is marked as rendered but has no derivatives.
    DerivativeUnnamed,
    /// The stored facts of a file cannot be parsed.
    Facts,
    /// A media file that is neither an item nor part of one, or an item without search entry.
    Item,
    /// A user edit that is invalid or contradicts another.
    Edit,
    /// An original whose bytes changed while size and times did not (`--deep`).
    Original,
    /// A file in `derived/` without a row: it wastes disk space and is removed automatically.
    Orphan,
}

impl Kind {
    /// Whether the issue is a fault of the index. Orphans are left by interrupted runs and are removed once a day.
    pub fn is_fault(self) -> bool {
        self != Kind::Orphan
    }

    /// Name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Database => "database",
            Kind::Reference => "reference",
            Kind::Schema => "schema",
            Kind::DerivativeMissing => "derivative_missing",
            Kind::DerivativeDamaged => "derivative_damaged",
            Kind::DerivativeUnnamed => "derivative_unnamed",
            Kind::Facts => "facts",
            Kind::Item => "item",
            Kind::Edit => "edit",
            Kind::Original => "original",
            Kind::Orphan => "orphan",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    pub kind: Kind,
    /// The file concerned: an original, or one in `derived/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Description of the problem.
    pub what: String,
    /// What the user can do.
    #[serde(rename = "do")]
    pub advice: String,
    /// Whether it was made due again.
    pub repaired: bool,
}

/// Counts of what was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Rows of derivatives; equal derivatives share a file.
    pub derivatives: u64,
    /// Files in `derived/`.
    pub stored: u64,
    /// Media files.
    pub files: u64,
    /// User edits.
    pub edits: u64,
    /// Originals read again (`--deep`).
    pub originals: u64,
    /// Originals that were not read: offline, missing, or changed since; the next run handles them.
    pub originals_left_out: u64,
}

/// What to check besides the index itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    /// Read every original and compare its hash.
    pub originals: bool,
    /// Make repairable work due again; needs the index lock.
    pub repair: bool,
}

/// Why a check stopped early.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Index(#[from] crate::Error),
    #[error("the folder of thumbnails cannot be read: {0}")]
    Store(#[from] io::Error),
}

const MAKE_AGAIN: &str = "run `albumen verify --repair`, then `albumen index`";
const RESTORE: &str = "bring back a backup (`albumen restore`); without one, move index.sqlite away and index again: \
    what users said would be lost";

/// Checks the whole index and passes each issue to `each`.
pub fn verify(
    dir: &Path,
    depth: Depth,
    each: &mut dyn FnMut(Issue),
) -> std::result::Result<Checked, VerifyError> {
    // Repair writes: it needs the index lock.
    let (conn, _lock) = if !depth.repair {
        (open(dir, OpenFlags::SQLITE_OPEN_READ_ONLY), None)
    } else {
        let lock = if dir.join(DATABASE).is_file() { Some(super::lock::take(dir)?) } else { None };
        (open(dir, OpenFlags::SQLITE_OPEN_READ_WRITE), lock)
    };
    let conn = match conn {
        Ok(conn) => conn,
        Err(OpenError::Broken { why, .. }) => {
            each(found(Kind::Database, None, format!("index.sqlite cannot be opened: {why}"), RESTORE));
            return Ok(Checked::default());
        }
        Err(e) => return Err(e.into()),
    };
    let mut check = Check { dir, conn, depth, checked: Checked::default(), each };
    check.all()?;
    Ok(check.checked)
}

fn open(dir: &Path, flags: OpenFlags) -> std::result::Result<Connection, OpenError> {
    super::must_be_there(dir)?;
    super::connect(dir, flags)
}

fn found(kind: Kind, path: Option<String>, what: impl Into<String>, advice: impl Into<String>) -> Issue {
    Issue { kind, path, what: what.into(), advice: advice.into(), repaired: false }
}

struct Check<'a> {
    dir: &'a Path,
    conn: Connection,
    depth: Depth,
    checked: Checked,
    each: &'a mut dyn FnMut(Issue),
}

impl Check<'_> {
    fn all(&mut self) -> std::result::Result<(), VerifyError> {
        if !self.database()? || !self.schema()? {
            return Ok(());
        }
        self.references()?;
        // Before any repair: a derivative whose row repair deletes is not an orphan.
        self.orphans()?;
        self.derivatives()?;
        self.rendered_without_pictures()?;
        self.facts()?;
        self.items()?;
        self.edits()?;
        self.people()?;
        if self.depth.originals {
            self.originals()?;
        }
        Ok(())
    }

    fn tell(&mut self, issue: Issue) {
        (self.each)(issue);
    }

    /// Checks pages, indexes and search tables. If these are damaged, nothing else that is read can be trusted.
    fn database(&mut self) -> Result<bool> {
        let messages = integrity(&self.conn)?;
        for message in &messages {
            self.tell(found(Kind::Database, None, format!("the database is damaged: {message}"), RESTORE));
        }
        Ok(messages.is_empty())
    }

    fn schema(&mut self) -> Result<bool> {
        if let Err(e @ schema::MigrateError::Unreleased) = schema::usable(&self.conn) {
            let advice = "move the index folder to another place and run `albumen index` to make a new one";
            self.tell(found(Kind::Schema, None, e.to_string(), advice));
            return Ok(false);
        }
        let stands = schema::current(&self.conn)?;
        let (what, advice) = match stands.cmp(&schema::VERSION) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => {
                ("an older Albumen", "run `albumen index` once: it brings it up to date")
            }
            std::cmp::Ordering::Greater => ("a newer Albumen", "update Albumen"),
        };
        let what = format!("the index has schema {stands} of {what}; this program knows {}", schema::VERSION);
        self.tell(found(Kind::Schema, None, what, advice));
        Ok(false)
    }

    fn references(&mut self) -> Result<()> {
        let lost: Vec<(String, Option<i64>, String)> = self
            .conn
            .prepare("PRAGMA foreign_key_check")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (table, row, parent) in lost {
            let row = row.map(|r| format!(" {r}")).unwrap_or_default();
            let what = format!("row{row} of {table} points at a row of {parent} that is not there");
            self.tell(found(Kind::Reference, None, what, RESTORE));
        }
        Ok(())
    }

    /// A file with the content, for messages.
    fn owner_of(&self, content: &str) -> Result<String> {
        let file: Option<i64> = self
            .conn
            .prepare_cached("SELECT min(id) FROM files WHERE content_hash = ?1")?
            .query_row([content], |r| r.get(0))?;
        Ok(match file {
            Some(id) => self.path_of(id)?,
            None => "a file that is gone".to_owned(),
        })
    }

    fn path_of(&self, file: i64) -> Result<String> {
        Ok(view::path_of(&self.conn, file)?.unwrap_or_default().to_string_lossy().into_owned())
    }
}

/// SQLite's own check of pages, indexes and search tables; empty if there are no errors.
pub(super) fn integrity(conn: &Connection) -> Result<Vec<String>> {
    let messages: rusqlite::Result<Vec<String>> = conn
        .prepare(&format!("PRAGMA integrity_check({DATABASE_MESSAGES})"))?
        .query_map([], |r| r.get(0))?
        .collect();
    match messages {
        Ok(m) => Ok(m.into_iter().filter(|m| m != "ok").collect()),
        // A page so damaged that the check itself fails.
        Err(e)
            if matches!(
                e.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ) =>
        {
            Ok(vec![e.to_string()])
        }
        Err(e) => Err(e.into()),
    }
}

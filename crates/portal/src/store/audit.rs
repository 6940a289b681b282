//! The audit log: account, action, object, time and address. Entries are written in the transaction of the
//! change.

use super::{Result, Store};
use rusqlite::{Connection, params};

/// The maximum number of entries; an active household writes some thousands per year.
const KEPT: i64 = 100_000;

/// The common fields of an entry. `of` adds action and object.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub at: i64,
    /// The name of the acting account; "" for none.
    pub account: &'a str,
    /// "" for the command line.
    pub address: &'a str,
}

/// An event with its action and object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    event: Event<'a>,
    action: &'a str,
    object: &'a str,
}

impl<'a> Event<'a> {
    pub(super) fn of(&self, action: &'a str, object: &'a str) -> Entry<'a> {
        Entry { event: *self, action, object }
    }

    /// By the command line.
    pub fn local(at: i64) -> Event<'static> {
        Event { at, account: "", address: "" }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AuditEntry {
    pub id: i64,
    pub at: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    pub action: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
}

/// The filter of a query.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Entries about one account: its own actions and those that affected it.
    pub account: Option<String>,
    /// Older than this entry.
    pub before: Option<i64>,
    pub limit: u32,
}

pub(super) fn record(conn: &Connection, entry: &Entry<'_>) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO audit (at, account, address, action, object) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        entry.event.at,
        entry.event.account,
        entry.event.address,
        entry.action,
        entry.object
    ])?;
    let last = conn.last_insert_rowid();
    conn.prepare_cached("DELETE FROM audit WHERE id <= ?1")?.execute([last - KEPT])?;
    Ok(())
}

impl Store {
    /// Writes an entry without another change.
    pub fn audit(&self, event: &Event<'_>, action: &str, object: &str) -> Result<()> {
        self.write(|tx| record(tx, &Entry { event: *event, action, object }))
    }

    /// Newest first.
    pub fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let sql = "SELECT id, at, account, address, action, object FROM audit \
                   WHERE id < ?1 AND (?2 IS NULL OR account = ?2 OR object = ?2) ORDER BY id DESC LIMIT ?3";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let before = filter.before.unwrap_or(i64::MAX);
            let rows = statement.query_map(params![before, filter.account, filter.limit], |r| {
                Ok(AuditEntry {
                    id: r.get(0)?,
                    at: r.get(1)?,
                    account: r.get(2)?,
                    address: r.get(3)?,
                    action: r.get(4)?,
                    object: r.get(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

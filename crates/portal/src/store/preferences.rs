//! Preferences and search history of accounts, and settings of the portal.

use super::{AccountId, Event, Result, Store, audit, optional};
use crate::rights::Switches;
use rusqlite::{Connection, params};
use serde_json::Value;
use std::collections::BTreeMap;

/// The maximum number of searches stored per account.
const SEARCHES: u32 = 200;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SearchEntry {
    pub id: i64,
    pub query: String,
    pub at: i64,
}

const SWITCHES: &str = "switches";

pub(super) fn switches(conn: &Connection) -> Result<Switches> {
    let text = setting(conn, SWITCHES)?;
    Ok(text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default())
}

fn setting(conn: &Connection, key: &str) -> Result<Option<String>> {
    optional(conn.prepare_cached("SELECT value FROM settings WHERE key = ?1")?.query_row([key], |r| r.get(0)))
}

impl Store {
    pub fn preferences(&self, account: AccountId) -> Result<BTreeMap<String, Value>> {
        let sql = "SELECT key, value FROM preferences WHERE account_id = ?1";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([account], |r| Ok((r.get(0)?, r.get::<_, String>(1)?)))?;
            let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
            Ok(rows
                .into_iter()
                .filter_map(|(key, value)| Some((key, serde_json::from_str(&value).ok()?)))
                .collect())
        })
    }

    /// `null` resets a preference to its default.
    pub fn set_preferences(&self, account: AccountId, changes: &BTreeMap<String, Value>) -> Result<()> {
        self.write(|tx| {
            for (key, value) in changes {
                match value {
                    Value::Null => tx.execute(
                        "DELETE FROM preferences WHERE account_id = ?1 AND key = ?2",
                        params![account, key],
                    )?,
                    value => tx.execute(
                        "INSERT INTO preferences (account_id, key, value) VALUES (?1, ?2, ?3) \
                         ON CONFLICT DO UPDATE SET value = excluded.value",
                        params![account, key, value.to_string()],
                    )?,
                };
            }
            Ok(())
        })
    }

    /// Newest first.
    pub fn searches(&self, account: AccountId) -> Result<Vec<SearchEntry>> {
        let sql = "SELECT id, query, at FROM searches WHERE account_id = ?1 ORDER BY at DESC, id DESC";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([account], |r| {
                Ok(SearchEntry { id: r.get(0)?, query: r.get(1)?, at: r.get(2)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn add_search(&self, account: AccountId, query: &str, now: i64) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO searches (account_id, query, at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET at = excluded.at",
                params![account, query, now],
            )?;
            tx.execute(
                "DELETE FROM searches WHERE account_id = ?1 AND id NOT IN \
                 (SELECT id FROM searches WHERE account_id = ?1 ORDER BY at DESC, id DESC LIMIT ?2)",
                params![account, SEARCHES],
            )?;
            Ok(())
        })
    }

    /// One search, or all of them.
    pub fn remove_searches(&self, account: AccountId, id: Option<i64>) -> Result<usize> {
        self.write(|tx| {
            let sql = "DELETE FROM searches WHERE account_id = ?1 AND (?2 IS NULL OR id = ?2)";
            Ok(tx.execute(sql, params![account, id])?)
        })
    }

    pub fn switches(&self) -> Result<Switches> {
        self.read(switches)
    }

    pub fn set_switches(&self, switches: Switches, event: &Event<'_>) -> Result<()> {
        let text = serde_json::json!(switches).to_string();
        self.write(|tx| {
            put_setting(tx, SWITCHES, &text)?;
            audit::record(tx, &event.of("switches", &text))
        })
    }

    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        self.read(|conn| setting(conn, key))
    }

    /// `None` removes it.
    pub fn set_setting(&self, key: &str, value: Option<&str>) -> Result<()> {
        self.write(|tx| {
            match value {
                Some(value) => put_setting(tx, key, value)?,
                None => {
                    tx.execute("DELETE FROM settings WHERE key = ?1", [key])?;
                }
            }
            Ok(())
        })
    }
}

fn put_setting(conn: &Connection, key: &str, value: &str) -> Result<()> {
    conn.execute(
        "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}

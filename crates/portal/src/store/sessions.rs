//! Sessions: the digest of a random token, the account, and the expiry.

use super::{AccountId, Event, Result, Store, audit, optional};
use crate::secret::Digest;
use rusqlite::{Row, params};

/// `last_used` is written at most once in this many seconds: a page of thumbnails is one use.
const TOUCH_AFTER: i64 = 300;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: i64,
    pub account: AccountId,
    pub created: i64,
    pub last_used: i64,
    pub expires: i64,
    pub is_kept: bool,
    pub method: String,
    /// When a password, code or passkey was last verified.
    pub confirmed: i64,
    pub address: String,
    pub agent: String,
}

pub struct NewSession<'a> {
    pub account: AccountId,
    pub digest: Digest,
    pub expires: i64,
    pub is_kept: bool,
    pub method: &'a str,
    pub agent: &'a str,
    /// The PHC string that was checked. If the account has another one now, or is disabled, no session
    /// begins.
    pub password: Option<&'a str>,
}

const COLUMNS: &str =
    "id, account_id, created, last_used, expires, is_kept, method, confirmed, address, agent";

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get("id")?,
        account: row.get("account_id")?,
        created: row.get("created")?,
        last_used: row.get("last_used")?,
        expires: row.get("expires")?,
        is_kept: row.get("is_kept")?,
        method: row.get("method")?,
        confirmed: row.get("confirmed")?,
        address: row.get("address")?,
        agent: row.get("agent")?,
    })
}

impl Store {
    /// Begins a session; returns its id. `replaced` ends with it: a new sign-in never reuses an old token.
    pub fn add_session(
        &self,
        new: &NewSession<'_>,
        replaced: Option<Digest>,
        event: &Event<'_>,
    ) -> Result<Option<i64>> {
        let agent: String = new.agent.chars().filter(|c| !c.is_control()).take(200).collect();
        self.write(|tx| {
            if let Some(old) = replaced {
                tx.execute("DELETE FROM sessions WHERE token = ?1", [old.0.as_slice()])?;
            }
            tx.execute("DELETE FROM sessions WHERE expires <= ?1", [event.at])?;
            let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1 AND disabled IS NULL \
                       AND (?2 IS NULL OR password IS ?2))";
            if !tx.query_row(sql, params![new.account, new.password], |r| r.get::<_, bool>(0))? {
                return Ok(None);
            }
            tx.execute(
                "INSERT INTO sessions (token, account_id, created, last_used, expires, is_kept, method, confirmed, address, agent) \
                 VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?3, ?7, ?8)",
                params![
                    new.digest.0.as_slice(), new.account, event.at, new.expires, new.is_kept, new.method, event.address, agent
                ],
            )?;
            let id = tx.last_insert_rowid();
            audit::record(tx, &event.of("signed_in", new.method))?;
            Ok(Some(id))
        })
    }

    /// The session of a token, if its account is enabled and it has not expired. `idle` is the time limit
    /// without use, in seconds, of a session that is not kept.
    pub fn session(&self, token: Digest, now: i64, idle: i64) -> Result<Option<Session>> {
        let sql = "SELECT s.id, account_id, s.created, last_used, expires, is_kept, method, confirmed, address, agent \
                   FROM sessions s JOIN accounts a ON a.id = s.account_id \
                   WHERE token = ?1 AND expires > ?2 AND (is_kept OR last_used > ?3) AND a.disabled IS NULL";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            optional(statement.query_row(params![token.0.as_slice(), now, now - idle], session))
        })
    }

    /// Whether a session still exists, for answers that outlast a request.
    pub fn has_session(&self, id: i64, account: AccountId, now: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM sessions s JOIN accounts a ON a.id = s.account_id \
                   WHERE s.id = ?1 AND account_id = ?2 AND expires > ?3 AND a.disabled IS NULL";
        self.read(|conn| Ok(conn.prepare_cached(sql)?.exists(params![id, account, now])?))
    }

    /// Records a use, at most once in `TOUCH_AFTER`. Returns whether it wrote.
    pub fn touch_session(&self, session: &Session, now: i64) -> Result<bool> {
        if now - session.last_used < TOUCH_AFTER {
            return Ok(false);
        }
        self.write(|tx| {
            tx.execute("UPDATE sessions SET last_used = ?2 WHERE id = ?1", params![session.id, now])?;
            Ok(true)
        })
    }

    /// Replaces the token of a session, after its rights changed or its account was confirmed again.
    pub fn rotate_session(&self, id: i64, new: Digest, now: i64) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE sessions SET token = ?2, confirmed = ?3, last_used = ?3 WHERE id = ?1";
            tx.execute(sql, params![id, new.0.as_slice(), now])?;
            Ok(())
        })
    }

    /// Newest first.
    pub fn sessions(&self, account: AccountId, now: i64) -> Result<Vec<Session>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE account_id = ?1 AND expires > ?2 ORDER BY last_used DESC, id DESC"
        );
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&sql)?;
            Ok(statement.query_map(params![account, now], session)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Ends one session of an account; returns whether there was one.
    pub fn end_session(&self, account: AccountId, id: i64, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let gone =
                tx.execute("DELETE FROM sessions WHERE id = ?1 AND account_id = ?2", params![id, account])?;
            if gone > 0 {
                audit::record(tx, &event.of("signed_out", ""))?;
            }
            Ok(gone > 0)
        })
    }

    /// Ends all sessions of an account except one; returns the number.
    pub fn end_sessions(&self, account: AccountId, but: Option<i64>, event: &Event<'_>) -> Result<usize> {
        self.write(|tx| {
            let gone = tx.execute(
                "DELETE FROM sessions WHERE account_id = ?1 AND id IS NOT ?2",
                params![account, but],
            )?;
            audit::record(tx, &event.of("signed_out_others", ""))?;
            Ok(gone)
        })
    }
}

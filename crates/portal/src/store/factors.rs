//! Second factors and passkeys.

use super::{AccountId, Event, Result, Store, audit, optional};
use crate::secret::Digest;
use rusqlite::params;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    pub secret: Vec<u8>,
    /// When it was put in force; `None`: set up but not confirmed.
    pub confirmed: Option<i64>,
    pub last_step: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub id: i64,
    pub account: AccountId,
    pub credential: Vec<u8>,
    /// COSE.
    pub public_key: Vec<u8>,
    pub counter: u32,
    pub name: String,
    pub created: i64,
    pub last_used: Option<i64>,
}

impl Store {
    pub fn totp(&self, account: AccountId) -> Result<Option<Totp>> {
        let sql = "SELECT secret, confirmed, last_step FROM totp WHERE account_id = ?1";
        self.read(|conn| {
            optional(conn.prepare_cached(sql)?.query_row([account], |r| {
                Ok(Totp { secret: r.get(0)?, confirmed: r.get(1)?, last_step: r.get(2)? })
            }))
        })
    }

    /// Stores a secret; it is in force after [`Store::confirm_totp`]. One in force stays.
    pub fn prepare_totp(&self, account: AccountId, secret: &[u8]) -> Result<bool> {
        self.write(|tx| {
            let sql = "INSERT INTO totp (account_id, secret) VALUES (?1, ?2) ON CONFLICT (account_id) \
                       DO UPDATE SET secret = excluded.secret, last_step = 0 WHERE confirmed IS NULL";
            Ok(tx.execute(sql, params![account, secret])? > 0)
        })
    }

    /// Puts it in force, with recovery codes, and ends the account's other sessions.
    pub fn confirm_totp(
        &self,
        account: AccountId,
        step: i64,
        codes: &[Digest],
        session: Option<i64>,
        event: &Event<'_>,
    ) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE totp SET confirmed = ?2, last_step = ?3 WHERE account_id = ?1";
            tx.execute(sql, params![account, event.at, step])?;
            tx.execute(
                "DELETE FROM sessions WHERE account_id = ?1 AND id IS NOT ?2",
                params![account, session],
            )?;
            put_codes(tx, account, codes)?;
            audit::record(tx, &event.of("second_factor_on", ""))?;
            Ok(())
        })
    }

    pub fn renew_recovery_codes(
        &self,
        account: AccountId,
        codes: &[Digest],
        event: &Event<'_>,
    ) -> Result<()> {
        self.write(|tx| {
            put_codes(tx, account, codes)?;
            audit::record(tx, &event.of("recovery_codes_renewed", ""))?;
            Ok(())
        })
    }

    pub fn remove_totp(&self, account: AccountId, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let gone = tx.execute("DELETE FROM totp WHERE account_id = ?1", [account])?;
            tx.execute("DELETE FROM recovery_codes WHERE account_id = ?1", [account])?;
            if gone > 0 {
                audit::record(tx, &event.of("second_factor_off", ""))?;
            }
            Ok(gone > 0)
        })
    }

    /// Accepts the code of a step once: false if it was used meanwhile. `last_step` is the value that the
    /// check read.
    pub fn use_totp(&self, account: AccountId, step: i64, last_step: i64) -> Result<bool> {
        self.write(|tx| {
            let sql = "UPDATE totp SET last_step = ?2 WHERE account_id = ?1 AND last_step = ?3";
            Ok(tx.execute(sql, params![account, step, last_step])? > 0)
        })
    }

    /// Accepts a recovery code, once.
    pub fn use_recovery_code(&self, account: AccountId, code: Digest, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let sql =
                "UPDATE recovery_codes SET used = ?3 WHERE account_id = ?1 AND code = ?2 AND used IS NULL";
            let used = tx.execute(sql, params![account, code.0.as_slice(), event.at])? > 0;
            if used {
                audit::record(tx, &event.of("recovery_code_used", ""))?;
            }
            Ok(used)
        })
    }

    /// Codes that can still be used.
    pub fn recovery_codes_left(&self, account: AccountId) -> Result<u32> {
        let sql = "SELECT count(*) FROM recovery_codes WHERE account_id = ?1 AND used IS NULL";
        self.read(|conn| Ok(conn.query_row(sql, [account], |r| r.get(0))?))
    }

    pub fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>> {
        let sql = format!("SELECT {PASSKEY} FROM passkeys WHERE account_id = ?1 ORDER BY id");
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&sql)?;
            Ok(statement.query_map([account], passkey)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn passkey(&self, credential: &[u8]) -> Result<Option<Passkey>> {
        let sql = format!("SELECT {PASSKEY} FROM passkeys WHERE credential = ?1");
        self.read(|conn| optional(conn.prepare_cached(&sql)?.query_row([credential], passkey)))
    }

    /// False if the credential is registered already.
    pub fn add_passkey(
        &self,
        account: AccountId,
        credential: &[u8],
        public_key: &[u8],
        counter: u32,
        name: &str,
        event: &Event<'_>,
    ) -> Result<bool> {
        self.write(|tx| {
            let sql = "INSERT OR IGNORE INTO passkeys (account_id, credential, public_key, counter, name, created) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let added = tx.execute(sql, params![account, credential, public_key, counter, name, event.at])? > 0;
            if added {
                audit::record(tx, &event.of("passkey_added", ""))?;
            }
            Ok(added)
        })
    }

    pub fn use_passkey(&self, id: i64, counter: u32, now: i64) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE passkeys SET counter = ?2, last_used = ?3 WHERE id = ?1";
            tx.execute(sql, params![id, counter, now])?;
            Ok(())
        })
    }

    pub fn remove_passkey(&self, account: AccountId, id: i64, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let gone =
                tx.execute("DELETE FROM passkeys WHERE id = ?1 AND account_id = ?2", params![id, account])?;
            if gone > 0 {
                audit::record(tx, &event.of("passkey_removed", ""))?;
            }
            Ok(gone > 0)
        })
    }
}

const PASSKEY: &str = "id, account_id, credential, public_key, counter, name, created, last_used";

fn passkey(row: &rusqlite::Row<'_>) -> rusqlite::Result<Passkey> {
    Ok(Passkey {
        id: row.get("id")?,
        account: row.get("account_id")?,
        credential: row.get("credential")?,
        public_key: row.get("public_key")?,
        counter: row.get("counter")?,
        name: row.get("name")?,
        created: row.get("created")?,
        last_used: row.get("last_used")?,
    })
}

fn put_codes(tx: &rusqlite::Transaction<'_>, account: AccountId, codes: &[Digest]) -> Result<()> {
    tx.execute("DELETE FROM recovery_codes WHERE account_id = ?1", [account])?;
    for code in codes {
        tx.execute(
            "INSERT INTO recovery_codes (account_id, code) VALUES (?1, ?2)",
            params![account, code.0.as_slice()],
        )?;
    }
    Ok(())
}

//! Accounts. A change that ends an account's sessions and tokens does so in the same transaction.

use super::{AccountId, Event, Result, Store, StoreError, audit, optional};
use rusqlite::{Connection, Row, Transaction, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub display_name: String,
    /// "": the browser's.
    pub language: String,
    pub is_admin: bool,
    /// The personal space, if the config does not set it.
    pub space: Option<String>,
    pub created: i64,
    pub disabled: Option<i64>,
    pub has_password: bool,
}

pub struct NewAccount<'a> {
    pub name: &'a str,
    pub display_name: &'a str,
    /// PHC string.
    pub password: Option<&'a str>,
    pub is_admin: bool,
    pub space: Option<&'a str>,
}

/// What an administrator changes of an account; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    pub display_name: Option<String>,
    pub language: Option<String>,
    pub is_admin: Option<bool>,
    pub is_disabled: Option<bool>,
    pub space: Option<Option<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("there is an account named {0:?} already")]
    NameTaken(String),
    #[error(
        "the name {0:?} cannot be used: a name begins with a letter or digit, has letters, digits and . _ - @, and at most 64 of them"
    )]
    BadName(String),
    #[error("the space {0:?} belongs to another account")]
    SpaceTaken(String),
    #[error("this is the last administrator: make another account one first")]
    LastAdministrator,
    #[error("there is no such account")]
    Missing,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for AccountError {
    fn from(e: rusqlite::Error) -> AccountError {
        AccountError::Store(e.into())
    }
}

/// Refuses names that are invalid in a folder name, a log line or a header.
pub fn check_name(name: &str) -> std::result::Result<(), AccountError> {
    let starts = name.chars().next().is_some_and(char::is_alphanumeric);
    let fits = name.chars().all(|c| c.is_alphanumeric() || ".-_@".contains(c)) && name.chars().count() <= 64;
    if starts && fits { Ok(()) } else { Err(AccountError::BadName(name.to_owned())) }
}

/// Names must differ in more than case.
pub(super) fn key(name: &str) -> String {
    name.to_lowercase()
}

const COLUMNS: &str = "id, name, display_name, language, is_admin, space, created, disabled, password IS NOT NULL AS has_password";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get("id")?,
        name: row.get("name")?,
        display_name: row.get("display_name")?,
        language: row.get("language")?,
        is_admin: row.get("is_admin")?,
        space: row.get("space")?,
        created: row.get("created")?,
        disabled: row.get("disabled")?,
        has_password: row.get("has_password")?,
    })
}

fn by_id(conn: &Connection, id: AccountId) -> Result<Option<Account>> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE id = ?1");
    optional(conn.prepare_cached(&sql)?.query_row([id], account))
}

impl Store {
    pub fn account(&self, id: AccountId) -> Result<Option<Account>> {
        self.read(|conn| by_id(conn, id))
    }

    pub fn account_named(&self, name: &str) -> Result<Option<Account>> {
        let sql = format!("SELECT {COLUMNS} FROM accounts WHERE name_key = ?1");
        self.read(|conn| optional(conn.prepare_cached(&sql)?.query_row([key(name)], account)))
    }

    /// In order of their names.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        let sql = format!("SELECT {COLUMNS} FROM accounts ORDER BY name_key");
        self.read(|conn| {
            Ok(conn.prepare_cached(&sql)?.query_map([], account)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn has_accounts(&self) -> Result<bool> {
        self.read(|conn| Ok(conn.query_row("SELECT EXISTS (SELECT 1 FROM accounts)", [], |r| r.get(0))?))
    }

    /// The PHC string of an account's password.
    pub fn password_hash(&self, id: AccountId) -> Result<Option<String>> {
        let sql = "SELECT password FROM accounts WHERE id = ?1";
        self.read(|conn| Ok(optional(conn.prepare_cached(sql)?.query_row([id], |r| r.get(0)))?.flatten()))
    }

    pub fn add_account(
        &self,
        new: &NewAccount<'_>,
        event: &Event<'_>,
    ) -> std::result::Result<AccountId, AccountError> {
        check_name(new.name)?;
        self.write(|tx| insert(tx, new, event))
    }

    /// The first account, an administrator, by the setup link: only while there is none.
    pub fn add_first_account(
        &self,
        new: &NewAccount<'_>,
        event: &Event<'_>,
    ) -> std::result::Result<Option<AccountId>, AccountError> {
        check_name(new.name)?;
        self.write(|tx| {
            let any: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM accounts)", [], |r| r.get(0))?;
            if any { Ok(None) } else { insert(tx, new, event).map(Some) }
        })
    }

    /// Disabling an account, and granting or revoking administration, ends its sessions and tokens.
    pub fn change_account(
        &self,
        id: AccountId,
        change: &AccountChange,
        event: &Event<'_>,
    ) -> std::result::Result<Account, AccountError> {
        self.write(|tx| {
            let old = by_id(tx, id)?.ok_or(AccountError::Missing)?;
            let loses_admin = old.is_admin && change.is_admin == Some(false);
            if (loses_admin || change.is_disabled == Some(true)) && is_last_admin(tx, &old)? {
                return Err(AccountError::LastAdministrator);
            }
            if let Some(name) = &change.display_name {
                tx.execute("UPDATE accounts SET display_name = ?2 WHERE id = ?1", params![id, name])?;
            }
            if let Some(language) = &change.language {
                tx.execute("UPDATE accounts SET language = ?2 WHERE id = ?1", params![id, language])?;
            }
            if let Some(space) = &change.space {
                if let Some(space) = space {
                    refuse_taken_space(tx, space, Some(id))?;
                }
                tx.execute("UPDATE accounts SET space = ?2 WHERE id = ?1", params![id, space])?;
            }
            if let Some(is_admin) = change.is_admin.filter(|is| *is != old.is_admin) {
                tx.execute("UPDATE accounts SET is_admin = ?2 WHERE id = ?1", params![id, is_admin])?;
                tx.execute("DELETE FROM sessions WHERE account_id = ?1", [id])?;
                audit::record(
                    tx,
                    &event.of(if is_admin { "administrator_made" } else { "administrator_ended" }, &old.name),
                )?;
            }
            match (change.is_disabled, old.disabled) {
                (Some(true), None) => {
                    tx.execute("UPDATE accounts SET disabled = ?2 WHERE id = ?1", params![id, event.at])?;
                    end_everything(tx, id)?;
                    audit::record(tx, &event.of("account_disabled", &old.name))?;
                }
                (Some(false), Some(_)) => {
                    tx.execute("UPDATE accounts SET disabled = NULL WHERE id = ?1", [id])?;
                    audit::record(tx, &event.of("account_enabled", &old.name))?;
                }
                _ => {}
            }
            by_id(tx, id)?.ok_or(AccountError::Missing)
        })
    }

    /// A new password ends all that was open with the old one: sessions, tokens, links and requests.
    pub fn set_password(
        &self,
        id: AccountId,
        hash: &str,
        event: &Event<'_>,
    ) -> std::result::Result<(), AccountError> {
        self.write(|tx| {
            let old = by_id(tx, id)?.ok_or(AccountError::Missing)?;
            tx.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![id, hash])?;
            end_everything(tx, id)?;
            audit::record(tx, &event.of("password_changed", &old.name))?;
            Ok(())
        })
    }

    /// Removes an account with everything that depends on it. Files and edits of photos stay.
    pub fn remove_account(
        &self,
        id: AccountId,
        event: &Event<'_>,
    ) -> std::result::Result<Account, AccountError> {
        self.write(|tx| {
            let old = by_id(tx, id)?.ok_or(AccountError::Missing)?;
            if is_last_admin(tx, &old)? {
                return Err(AccountError::LastAdministrator);
            }
            tx.execute("DELETE FROM accounts WHERE id = ?1", [id])?;
            tx.execute(
                "DELETE FROM throttles WHERE key = ?1 OR key GLOB ?2",
                params![
                    format!("account {}", key(&old.name)),
                    format!("pair {} *", key(&old.name).replace(['*', '?', '['], "?"))
                ],
            )?;
            audit::record(tx, &event.of("account_removed", &old.name))?;
            Ok(old)
        })
    }

    /// Restores access after a lost phone or password: a new password, no second factor, no passkeys,
    /// enabled.
    pub fn recover_account(
        &self,
        id: AccountId,
        hash: &str,
        event: &Event<'_>,
    ) -> std::result::Result<(), AccountError> {
        self.write(|tx| {
            let old = by_id(tx, id)?.ok_or(AccountError::Missing)?;
            tx.execute(
                "UPDATE accounts SET password = ?2, disabled = NULL WHERE id = ?1",
                params![id, hash],
            )?;
            for table in ["totp", "recovery_codes", "passkeys"] {
                tx.execute(&format!("DELETE FROM {table} WHERE account_id = ?1"), [id])?;
            }
            tx.execute("DELETE FROM throttles WHERE key = ?1", [format!("account {}", key(&old.name))])?;
            end_everything(tx, id)?;
            audit::record(tx, &event.of("account_recovered", &old.name))?;
            Ok(())
        })
    }
}

fn insert(
    tx: &Transaction<'_>,
    new: &NewAccount<'_>,
    event: &Event<'_>,
) -> std::result::Result<AccountId, AccountError> {
    let taken: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM accounts WHERE name_key = ?1)", [key(new.name)], |r| {
            r.get(0)
        })?;
    if taken {
        return Err(AccountError::NameTaken(new.name.to_owned()));
    }
    if let Some(space) = new.space {
        refuse_taken_space(tx, space, None)?;
    }
    tx.execute(
        "INSERT INTO accounts (name, name_key, display_name, password, is_admin, space, created) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![new.name, key(new.name), new.display_name, new.password, new.is_admin, new.space, event.at],
    )?;
    let id = tx.last_insert_rowid();
    audit::record(tx, &event.of("account_added", new.name))?;
    Ok(id)
}

fn refuse_taken_space(
    tx: &Transaction<'_>,
    space: &str,
    owner: Option<AccountId>,
) -> std::result::Result<(), AccountError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE space = ?1 AND id IS NOT ?2)";
    let taken: bool = tx.query_row(sql, params![space, owner], |r| r.get(0))?;
    if taken { Err(AccountError::SpaceTaken(space.to_owned())) } else { Ok(()) }
}

fn is_last_admin(tx: &Transaction<'_>, account: &Account) -> Result<bool> {
    if !account.is_admin || account.disabled.is_some() {
        return Ok(false);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE is_admin AND disabled IS NULL AND id <> ?1)";
    Ok(!tx.query_row(sql, [account.id], |r| r.get::<_, bool>(0))?)
}

/// Sessions and tokens are deleted; links and photo requests are disabled.
fn end_everything(tx: &Transaction<'_>, id: AccountId) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE account_id = ?1", [id])?;
    tx.execute("DELETE FROM tokens WHERE account_id = ?1", [id])?;
    tx.execute("UPDATE shares SET is_off = 1 WHERE account_id = ?1", [id])?;
    tx.execute("UPDATE photo_requests SET is_off = 1 WHERE account_id = ?1", [id])?;
    Ok(())
}

//! App passwords and API tokens: secrets for programs, each with a part of its account's rights.

use super::{AccountId, Event, Result, Store, audit, optional, word};
use crate::rights::Rights;
use crate::secret::Digest;
use rusqlite::{Row, params};

const TOUCH_AFTER: i64 = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Given as a password, with the account's name, to another protocol.
    AppPassword,
    /// Given as a bearer token to the API.
    Token,
}

impl TokenKind {
    fn as_str(self) -> &'static str {
        match self {
            TokenKind::AppPassword => "app_password",
            TokenKind::Token => "token",
        }
    }

    fn read(text: &str) -> Option<TokenKind> {
        [TokenKind::AppPassword, TokenKind::Token].into_iter().find(|k| k.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub account: AccountId,
    pub kind: TokenKind,
    pub name: String,
    pub rights: Rights,
    /// `None`: all of the account.
    pub spaces: Option<Vec<String>>,
    pub created: i64,
    pub last_used: Option<i64>,
    pub expires: Option<i64>,
}

pub struct NewToken<'a> {
    pub account: AccountId,
    pub kind: TokenKind,
    pub name: &'a str,
    pub digest: Digest,
    pub rights: Rights,
    pub spaces: Option<&'a [String]>,
    pub expires: Option<i64>,
}

const COLUMNS: &str =
    "t.id, t.account_id, t.kind, t.name, t.rights, t.spaces, t.created, t.last_used, t.expires";

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let spaces: Option<String> = row.get("spaces")?;
    // A list that cannot be parsed is empty: the token has no spaces.
    let spaces = spaces.map(|json| serde_json::from_str(&json).unwrap_or_default());
    Ok(Token {
        id: row.get("id")?,
        account: row.get("account_id")?,
        kind: word(row, "kind", TokenKind::read)?,
        name: row.get("name")?,
        rights: Rights::from_bits(row.get("rights")?),
        spaces,
        created: row.get("created")?,
        last_used: row.get("last_used")?,
        expires: row.get("expires")?,
    })
}

impl Store {
    pub fn add_token(&self, new: &NewToken<'_>, event: &Event<'_>) -> Result<i64> {
        let spaces = new.spaces.map(|s| serde_json::json!(s).to_string());
        self.write(|tx| {
            tx.execute(
                "INSERT INTO tokens (account_id, kind, name, secret, rights, spaces, created, expires) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    new.account,
                    new.kind.as_str(),
                    new.name,
                    new.digest.0.as_slice(),
                    new.rights.bits(),
                    spaces,
                    event.at,
                    new.expires
                ],
            )?;
            let id = tx.last_insert_rowid();
            // Its name is private to the account and is not logged.
            audit::record(tx, &event.of("token_added", &id.to_string()))?;
            Ok(id)
        })
    }

    pub fn tokens(&self, account: AccountId) -> Result<Vec<Token>> {
        let sql = format!("SELECT {COLUMNS} FROM tokens t WHERE account_id = ?1 ORDER BY id");
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&sql)?;
            Ok(statement.query_map([account], token)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The token of a secret, if its account is enabled and it has not expired.
    pub fn token(&self, secret: Digest, kind: TokenKind, now: i64) -> Result<Option<Token>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tokens t JOIN accounts a ON a.id = t.account_id \
             WHERE secret = ?1 AND kind = ?2 AND (expires IS NULL OR expires > ?3) AND a.disabled IS NULL"
        );
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&sql)?;
            optional(statement.query_row(params![secret.0.as_slice(), kind.as_str(), now], token))
        })
    }

    /// Records a use, at most once in a while.
    pub fn touch_token(&self, token: &Token, now: i64) -> Result<()> {
        if token.last_used.is_some_and(|last| now - last < TOUCH_AFTER) {
            return Ok(());
        }
        self.write(|tx| {
            tx.execute("UPDATE tokens SET last_used = ?2 WHERE id = ?1", params![token.id, now])?;
            Ok(())
        })
    }

    pub fn remove_token(&self, account: AccountId, id: i64, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let gone =
                tx.execute("DELETE FROM tokens WHERE id = ?1 AND account_id = ?2", params![id, account])?;
            if gone > 0 {
                audit::record(tx, &event.of("token_removed", &id.to_string()))?;
            }
            Ok(gone > 0)
        })
    }
}

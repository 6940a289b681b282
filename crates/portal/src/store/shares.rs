//! Share links, photo requests, and what visitors have unlocked by a password.

use super::folders::folder;
use super::{AccountId, Event, FolderPath, Result, Store, StoreError, audit, optional};
use crate::rights::Rights;
use crate::secret::{Digest, Secret};
use rusqlite::{Connection, Row, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareTarget {
    Items(Vec<i64>),
    Album(i64),
    Folder(FolderPath),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub id: String,
    pub creator: AccountId,
    pub target: ShareTarget,
    pub rights: Rights,
    pub password: Option<String>,
    /// Grows with each new password: older unlocks end.
    pub version: i64,
    pub expires: Option<i64>,
    pub hide_details: bool,
    pub is_off: bool,
    pub created: i64,
    pub visits: i64,
    pub last_used: Option<i64>,
}

pub struct NewShare<'a> {
    pub creator: AccountId,
    pub target: &'a ShareTarget,
    pub rights: Rights,
    /// PHC string.
    pub password: Option<&'a str>,
    pub expires: Option<i64>,
    pub hide_details: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoRequest {
    pub id: String,
    pub creator: AccountId,
    pub subject: String,
    pub description: String,
    pub folder: FolderPath,
    pub album: Option<i64>,
    /// Whether the album is the creator's own.
    pub owns_album: bool,
    pub max_bytes: Option<i64>,
    pub max_files: Option<i64>,
    pub used_bytes: i64,
    pub used_files: i64,
    pub password: Option<String>,
    pub version: i64,
    pub expires: Option<i64>,
    pub is_off: bool,
    pub created: i64,
}

pub struct NewRequest<'a> {
    pub creator: AccountId,
    pub subject: &'a str,
    pub description: &'a str,
    pub folder: &'a FolderPath,
    pub album: Option<i64>,
    /// Whether the album is the creator's own.
    pub owns_album: bool,
    pub max_bytes: Option<i64>,
    pub max_files: Option<i64>,
    pub password: Option<&'a str>,
    pub expires: Option<i64>,
}

/// What a password opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockKind {
    Folder,
    Share,
    Request,
}

impl UnlockKind {
    fn as_str(self) -> &'static str {
        match self {
            UnlockKind::Folder => "folder",
            UnlockKind::Share => "share",
            UnlockKind::Request => "request",
        }
    }
}

/// What a visitor's cookie has unlocked, as long as the passwords are unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unlock {
    pub folders: Vec<FolderPath>,
    pub shares: Vec<String>,
    pub requests: Vec<String>,
}

fn share(row: &Row<'_>) -> rusqlite::Result<Share> {
    let kind: String = row.get("kind")?;
    let target = match kind.as_str() {
        "album" => ShareTarget::Album(row.get("album")?),
        "folder" => ShareTarget::Folder(folder(row)?),
        // A caller that reads a single link adds its items.
        _ => ShareTarget::Items(Vec::new()),
    };
    Ok(Share {
        id: row.get("id")?,
        creator: row.get("account_id")?,
        target,
        rights: Rights::from_bits(row.get("rights")?),
        password: row.get("password")?,
        version: row.get("version")?,
        expires: row.get("expires")?,
        hide_details: row.get("hide_details")?,
        is_off: row.get("is_off")?,
        created: row.get("created")?,
        visits: row.get("visits")?,
        last_used: row.get("last_used")?,
    })
}

fn request(row: &Row<'_>) -> rusqlite::Result<PhotoRequest> {
    Ok(PhotoRequest {
        id: row.get("id")?,
        creator: row.get("account_id")?,
        subject: row.get("subject")?,
        description: row.get("description")?,
        folder: folder(row)?,
        album: row.get("album")?,
        owns_album: row.get("owns_album")?,
        max_bytes: row.get("max_bytes")?,
        max_files: row.get("max_files")?,
        used_bytes: row.get("used_bytes")?,
        used_files: row.get("used_files")?,
        password: row.get("password")?,
        version: row.get("version")?,
        expires: row.get("expires")?,
        is_off: row.get("is_off")?,
        created: row.get("created")?,
    })
}

fn with_items(conn: &Connection, mut share: Share) -> Result<Share> {
    if let ShareTarget::Items(items) = &mut share.target {
        let mut statement =
            conn.prepare_cached("SELECT item FROM share_items WHERE share_id = ?1 ORDER BY item")?;
        *items = statement.query_map([&share.id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    }
    Ok(share)
}

pub(super) fn all_shares(conn: &Connection) -> Result<Vec<Share>> {
    let mut statement = conn.prepare_cached("SELECT * FROM shares")?;
    let shares: Vec<Share> = statement.query_map([], share)?.collect::<rusqlite::Result<_>>()?;
    shares.into_iter().map(|s| with_items(conn, s)).collect()
}

pub(super) fn all_requests(conn: &Connection) -> Result<Vec<PhotoRequest>> {
    let mut statement = conn.prepare_cached("SELECT * FROM photo_requests")?;
    Ok(statement.query_map([], request)?.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// The id of a new link.
    pub fn add_share(&self, new: &NewShare<'_>, event: &Event<'_>) -> Result<String> {
        let id = Secret::for_link().map_err(StoreError::from)?.expose().to_owned();
        let (kind, album, folder) = match new.target {
            ShareTarget::Items(_) => ("items", None, None),
            ShareTarget::Album(album) => ("album", Some(*album), None),
            ShareTarget::Folder(folder) => ("folder", None, Some(folder)),
        };
        self.write(|tx| {
            tx.execute(
                "INSERT INTO shares (id, account_id, kind, album, space, volume, path, rights, password, expires, \
                 hide_details, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    id,
                    new.creator,
                    kind,
                    album,
                    folder.map(|f| &f.space),
                    folder.map(|f| &f.volume),
                    folder.map(|f| &f.path),
                    new.rights.bits(),
                    new.password,
                    new.expires,
                    new.hide_details,
                    event.at
                ],
            )?;
            if let ShareTarget::Items(items) = new.target {
                for item in items {
                    tx.execute("INSERT OR IGNORE INTO share_items (share_id, item) VALUES (?1, ?2)", params![id, item])?;
                }
            }
            // The id opens the link, and must not be logged.
            audit::record(tx, &event.of("share_added", kind))
        })?;
        Ok(id)
    }

    pub fn share(&self, id: &str) -> Result<Option<Share>> {
        self.read(|conn| {
            let found =
                optional(conn.prepare_cached("SELECT * FROM shares WHERE id = ?1")?.query_row([id], share))?;
            found.map(|s| with_items(conn, s)).transpose()
        })
    }

    /// Of one account, newest first.
    pub fn shares(&self, creator: AccountId) -> Result<Vec<Share>> {
        let sql = "SELECT * FROM shares WHERE account_id = ?1 ORDER BY created DESC, id";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let shares: Vec<Share> =
                statement.query_map([creator], share)?.collect::<rusqlite::Result<_>>()?;
            shares.into_iter().map(|s| with_items(conn, s)).collect()
        })
    }

    /// Counts a visit of the page of a link.
    pub fn visit_share(&self, id: &str, now: i64) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE shares SET visits = visits + 1, last_used = ?2 WHERE id = ?1",
                params![id, now],
            )?;
            Ok(())
        })
    }

    pub fn switch_share(&self, id: &str, is_off: bool, event: &Event<'_>) -> Result<()> {
        self.write(|tx| {
            tx.execute("UPDATE shares SET is_off = ?2 WHERE id = ?1", params![id, is_off])?;
            audit::record(tx, &event.of(if is_off { "share_off" } else { "share_on" }, ""))
        })
    }

    pub fn remove_share(&self, id: &str, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let gone = tx.execute("DELETE FROM shares WHERE id = ?1", [id])? > 0;
            if gone {
                audit::record(tx, &event.of("share_removed", ""))?;
            }
            Ok(gone)
        })
    }

    pub fn add_request(&self, new: &NewRequest<'_>, event: &Event<'_>) -> Result<String> {
        let id = Secret::for_link().map_err(StoreError::from)?.expose().to_owned();
        self.write(|tx| {
            tx.execute(
                "INSERT INTO photo_requests (id, account_id, subject, description, space, volume, path, album, \
                 max_bytes, max_files, password, expires, created, owns_album) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                params![
                    id,
                    new.creator,
                    new.subject,
                    new.description,
                    new.folder.space,
                    new.folder.volume,
                    new.folder.path,
                    new.album,
                    new.max_bytes,
                    new.max_files,
                    new.password,
                    new.expires,
                    event.at,
                    new.owns_album
                ],
            )?;
            audit::record(tx, &event.of("request_added", ""))
        })?;
        Ok(id)
    }

    pub fn request(&self, id: &str) -> Result<Option<PhotoRequest>> {
        let sql = "SELECT * FROM photo_requests WHERE id = ?1";
        self.read(|conn| optional(conn.prepare_cached(sql)?.query_row([id], request)))
    }

    pub fn requests(&self, creator: AccountId) -> Result<Vec<PhotoRequest>> {
        let sql = "SELECT * FROM photo_requests WHERE account_id = ?1 ORDER BY created DESC, id";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            Ok(statement.query_map([creator], request)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn remove_request(&self, id: &str, event: &Event<'_>) -> Result<bool> {
        self.write(|tx| {
            let gone = tx.execute("DELETE FROM photo_requests WHERE id = ?1", [id])? > 0;
            if gone {
                audit::record(tx, &event.of("request_removed", ""))?;
            }
            Ok(gone)
        })
    }

    /// Records that a visitor gave the right password.
    pub fn add_unlock(
        &self,
        visitor: Digest,
        kind: UnlockKind,
        object: &str,
        version: i64,
        now: i64,
        expires: i64,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM unlocks WHERE expires <= ?1", [now])?;
            tx.execute(
                "INSERT INTO unlocks (token, kind, object, version, expires) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET version = excluded.version, expires = excluded.expires",
                params![visitor.0.as_slice(), kind.as_str(), object, version, expires],
            )?;
            Ok(())
        })
    }

    /// Transfers what one cookie has unlocked to another.
    pub fn move_unlocks(&self, old: Digest, new: Digest) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE unlocks SET token = ?2 WHERE token = ?1",
                params![old.0.as_slice(), new.0.as_slice()],
            )?;
            Ok(())
        })
    }

    /// What a visitor has opened.
    pub fn unlocks(&self, visitor: Digest, now: i64) -> Result<Unlock> {
        let sql = "SELECT kind, object, version FROM unlocks WHERE token = ?1 AND expires > ?2";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows: Vec<(String, String, i64)> = statement
                .query_map(params![visitor.0.as_slice(), now], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let mut unlock = Unlock::default();
            for (kind, object, version) in rows {
                match kind.as_str() {
                    "share" if version_of(conn, "shares", &object)? == Some(version) => {
                        unlock.shares.push(object)
                    }
                    "request" if version_of(conn, "photo_requests", &object)? == Some(version) => {
                        unlock.requests.push(object);
                    }
                    "folder" => {
                        let Some(folder) = folder_of_key(&object) else { continue };
                        let sql = "SELECT version FROM folder_visibility \
                                   WHERE space = ?1 AND volume = ?2 AND path = ?3 AND kind = 'password'";
                        let key = params![folder.space, folder.volume, folder.path];
                        let now: Option<i64> =
                            optional(conn.prepare_cached(sql)?.query_row(key, |r| r.get(0)))?;
                        if now == Some(version) {
                            unlock.folders.push(folder);
                        }
                    }
                    _ => {}
                }
            }
            Ok(unlock)
        })
    }
}

fn version_of(conn: &Connection, table: &str, id: &str) -> Result<Option<i64>> {
    let sql = format!("SELECT version FROM {table} WHERE id = ?1 AND password IS NOT NULL");
    optional(conn.prepare_cached(&sql)?.query_row([id], |r| r.get(0)))
}

/// The key of a folder in `unlocks`.
pub(crate) fn folder_key(folder: &FolderPath) -> String {
    serde_json::json!([folder.space, folder.volume, folder.path]).to_string()
}

fn folder_of_key(key: &str) -> Option<FolderPath> {
    let (space, volume, path): (String, Vec<u8>, Vec<u8>) = serde_json::from_str(key).ok()?;
    Some(FolderPath { space, volume, path })
}

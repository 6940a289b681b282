//! Access to albums. Their content and owner are in the index.

use super::folders::{columns, who};
use super::{Event, Result, Store, audit, word};
use crate::rights::Who;
use rusqlite::{Connection, params};

/// The role of an invited account; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlbumRole {
    Viewer,
    Downloader,
    /// Adds photos, and removes those it added.
    Provider,
}

impl AlbumRole {
    fn as_str(self) -> &'static str {
        match self {
            AlbumRole::Viewer => "viewer",
            AlbumRole::Downloader => "downloader",
            AlbumRole::Provider => "provider",
        }
    }

    fn read(text: &str) -> Option<AlbumRole> {
        [AlbumRole::Viewer, AlbumRole::Downloader, AlbumRole::Provider]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// Visible to its owner only.
    Private,
    Invitees,
    /// Invitees, and visitors with its link.
    Link,
}

impl Privacy {
    fn as_str(self) -> &'static str {
        match self {
            Privacy::Private => "private",
            Privacy::Invitees => "invitees",
            Privacy::Link => "link",
        }
    }

    fn read(text: &str) -> Option<Privacy> {
        [Privacy::Private, Privacy::Invitees, Privacy::Link].into_iter().find(|p| p.as_str() == text)
    }
}

pub(super) fn all_privacy(conn: &Connection) -> Result<Vec<(i64, Privacy)>> {
    let mut statement = conn.prepare_cached("SELECT album, privacy FROM album_access")?;
    let rows = statement.query_map([], |r| Ok((r.get("album")?, word(r, "privacy", Privacy::read)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn all_members(conn: &Connection) -> Result<Vec<(i64, Who, AlbumRole)>> {
    let mut statement = conn.prepare_cached("SELECT album, account_id, group_id, role FROM album_members")?;
    let rows =
        statement.query_map([], |r| Ok((r.get("album")?, who(r)?, word(r, "role", AlbumRole::read)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// Private removes the invitees and disables the album's links.
    pub fn set_album_privacy(&self, album: i64, privacy: Privacy, event: &Event<'_>) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO album_access (album, privacy) VALUES (?1, ?2) \
                 ON CONFLICT DO UPDATE SET privacy = excluded.privacy",
                params![album, privacy.as_str()],
            )?;
            if privacy == Privacy::Private {
                tx.execute("DELETE FROM album_members WHERE album = ?1", [album])?;
            }
            if privacy != Privacy::Link {
                tx.execute("UPDATE shares SET is_off = 1 WHERE album = ?1", [album])?;
            }
            audit::record(tx, &event.of("album_privacy", &format!("{album} {}", privacy.as_str())))
        })
    }

    /// `None` revokes the invitation.
    pub fn invite(&self, album: i64, who: Who, role: Option<AlbumRole>, event: &Event<'_>) -> Result<()> {
        let (account, group) = columns(who);
        self.write(|tx| {
            tx.execute(
                "DELETE FROM album_members WHERE album = ?1 AND account_id IS ?2 AND group_id IS ?3",
                params![album, account, group],
            )?;
            if let Some(role) = role {
                tx.execute(
                    "INSERT INTO album_members (album, account_id, group_id, role) VALUES (?1, ?2, ?3, ?4)",
                    params![album, account, group, role.as_str()],
                )?;
                tx.execute(
                    "INSERT INTO album_access (album, privacy) VALUES (?1, 'invitees') \
                     ON CONFLICT DO UPDATE SET privacy = 'invitees' WHERE privacy = 'private'",
                    [album],
                )?;
            }
            audit::record(tx, &event.of("album_members", &album.to_string()))
        })
    }

    pub fn album_members(&self, album: i64) -> Result<Vec<(Who, AlbumRole)>> {
        let all = self.read(all_members)?;
        Ok(all.into_iter().filter(|(a, ..)| *a == album).map(|(_, who, role)| (who, role)).collect())
    }

    /// Deletes the data of an album that was deleted.
    pub fn forget_album(&self, album: i64, event: &Event<'_>) -> Result<()> {
        self.write(|tx| {
            for table in ["album_access", "album_members", "shares"] {
                tx.execute(&format!("DELETE FROM {table} WHERE album = ?1"), [album])?;
            }
            tx.execute("UPDATE photo_requests SET is_off = 1 WHERE album = ?1", [album])?;
            audit::record(tx, &event.of("album_removed", &album.to_string()))
        })
    }
}

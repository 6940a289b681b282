//! Albums: items picked by users, or the results of a stored query. Albums contain no files and files do not refer to
//! albums; deleting an album deletes no item.
//!
//! An album belongs to an account of a server, or to the command line, which identifies its albums by name and has no
//! access to others. The server decides who may read or change an account's album.

use super::query::Query;
use super::search::{Page, SearchError, Within};
use super::{Editor, IndexReader};
use crate::Result;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

/// An album in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Album {
    pub id: i64,
    pub name: String,
    /// The stored query; absent for an album of picked items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Number of visible items.
    pub count: u64,
}

/// Why an album could not be created or changed.
#[derive(Debug, thiserror::Error)]
pub enum AlbumError {
    #[error("there is no album {0:?}: `albumen albums` lists them")]
    Unknown(String),
    #[error("there is an album {0:?} already: choose another name")]
    Taken(String),
    #[error("there is no album with the number {0}")]
    Missing(i64),
    #[error("an album needs a name")]
    Nameless,
    #[error("{0:?} finds its items by itself ({1}): items cannot be added or removed by hand")]
    Searching(String, String),
    #[error("{0:?} is picked by hand: it cannot find its items by a search")]
    ByHand(String),
    #[error("an album cannot be made of albums: leave album: out of its search")]
    Nested,
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Index(#[from] crate::Error),
}

/// What of an album can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumContent {
    pub items: u64,
    /// The item that stands for it.
    pub cover: Option<i64>,
}

/// How many items an album gained and lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbumFilled {
    pub added: usize,
    pub removed: usize,
}

impl IndexReader {
    /// The albums of the command line, by name.
    pub fn albums(&self) -> std::result::Result<Vec<Album>, SearchError> {
        let mut albums: Vec<Album> = self
            .conn
            .prepare(
                "SELECT a.id, a.name, a.query,
                   (SELECT count(*) FROM album_items m JOIN items i USING (file_id)
                    WHERE m.album_id = a.id AND i.hidden = 0)
                 FROM albums a WHERE a.owner IS NULL ORDER BY a.name",
            )?
            .query_map([], |r| {
                Ok(Album {
                    id: r.get(0)?,
                    name: r.get(1)?,
                    query: r.get(2)?,
                    count: r.get::<_, i64>(3)? as u64,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        for album in &mut albums {
            if let Some(query) = &album.query {
                album.count = self.count(&Query::parse(query)?)?;
            }
        }
        Ok(albums)
    }

    fn album(&self, name: &str) -> std::result::Result<(i64, Option<String>), AlbumError> {
        self.conn
            .prepare_cached("SELECT id, query FROM albums WHERE owner IS NULL AND name = ?1")?
            .query_row([name], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?
            .ok_or_else(|| AlbumError::Unknown(name.to_owned()))
    }
}

impl Editor {
    /// Creates an album; with a query it is a smart album. Returns its id.
    pub fn create_album(&mut self, name: &str, query: Option<&str>) -> std::result::Result<i64, AlbumError> {
        query.map(checked).transpose()?;
        let name = named(name)?;
        let added = self.conn.execute(
            "INSERT INTO albums (name, query, created) VALUES (?1, ?2, unixepoch()) ON CONFLICT DO NOTHING",
            params![name, query],
        )?;
        if added == 0 { Err(AlbumError::Taken(name.to_owned())) } else { Ok(self.conn.last_insert_rowid()) }
    }

    pub fn rename_album(&mut self, from: &str, to: &str) -> std::result::Result<(), AlbumError> {
        let (id, _) = self.album(from)?;
        let to = named(to)?;
        match self.conn.execute("UPDATE OR IGNORE albums SET name = ?2 WHERE id = ?1", params![id, to])? {
            0 => Err(AlbumError::Taken(to.to_owned())),
            _ => Ok(()),
        }
    }

    pub fn delete_album(&mut self, name: &str) -> std::result::Result<(), AlbumError> {
        let (id, _) = self.album(name)?;
        self.conn.execute("DELETE FROM albums WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Adds items, by file id, to an album of picked items. Returns the number of newly added ones.
    pub fn add_to_album(&mut self, name: &str, files: &[i64]) -> std::result::Result<usize, AlbumError> {
        self.change_album(
            name,
            files,
            "INSERT OR IGNORE INTO album_items (album_id, file_id, added) SELECT ?1, file_id, unixepoch() FROM items
             WHERE file_id = ?2",
        )
    }

    /// Removes items. Returns the number of removed ones.
    pub fn remove_from_album(&mut self, name: &str, files: &[i64]) -> std::result::Result<usize, AlbumError> {
        self.change_album(name, files, "DELETE FROM album_items WHERE album_id = ?1 AND file_id = ?2")
    }

    fn change_album(
        &mut self,
        name: &str,
        files: &[i64],
        sql: &str,
    ) -> std::result::Result<usize, AlbumError> {
        let (id, query) = self.album(name)?;
        if let Some(query) = query {
            return Err(AlbumError::Searching(name.to_owned(), query));
        }
        let tx = self.begin()?;
        let mut changed = 0;
        for file in files {
            changed += tx.prepare_cached(sql)?.execute([id, *file])?;
        }
        tx.commit()?;
        Ok(changed)
    }
}

/// An album of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAlbum {
    pub id: i64,
    pub owner: i64,
    pub name: String,
    pub description: String,
    /// The cover that its owner chose.
    pub cover: Option<i64>,
    /// The stored query; `None` for an album of picked items.
    pub query: Option<String>,
    /// Unix seconds.
    pub created: i64,
}

impl AccountAlbum {
    /// The restriction of a list to the items of the album.
    pub fn within(&self) -> std::result::Result<Within, SearchError> {
        Ok(match &self.query {
            Some(query) => Within::Found(Query::parse(query)?),
            None => Within::Album(self.id),
        })
    }
}

/// Changes of an album; `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlbumChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub query: Option<String>,
    /// The inner `None`: the cover is the newest item.
    pub cover: Option<Option<i64>>,
}

const OF_ACCOUNTS: &str =
    "SELECT id, owner, name, description, cover, query, created FROM albums WHERE owner IS NOT NULL";

fn account_album(r: &rusqlite::Row<'_>) -> rusqlite::Result<AccountAlbum> {
    Ok(AccountAlbum {
        id: r.get(0)?,
        owner: r.get(1)?,
        name: r.get(2)?,
        description: r.get(3)?,
        cover: r.get(4)?,
        query: r.get(5)?,
        created: r.get(6)?,
    })
}

impl IndexReader {
    /// The albums of all accounts, by name.
    pub fn account_albums(&self) -> Result<Vec<AccountAlbum>> {
        let mut st = self.conn.prepare_cached(&format!("{OF_ACCOUNTS} ORDER BY name, id"))?;
        Ok(st.query_map([], account_album)?.collect::<rusqlite::Result<_>>()?)
    }

    pub fn account_album(&self, id: i64) -> Result<Option<AccountAlbum>> {
        let mut st = self.conn.prepare_cached(&format!("{OF_ACCOUNTS} AND id = ?1"))?;
        Ok(st.query_row([id], account_album).optional()?)
    }

    /// The number of visible items of an album, and its cover.
    pub fn album_content(&self, album: &AccountAlbum) -> std::result::Result<AlbumContent, SearchError> {
        let page = |within| Page { limit: 1, within, is_scoped: true, ..Page::default() };
        let within = vec![album.within()?];
        let items = self.count_page(&Query::default(), &page(within.clone()))?;
        if let Some(cover) = album.cover {
            let chosen = [within.clone(), vec![Within::Items(vec![cover])]].concat();
            if self.count_page(&Query::default(), &page(chosen))? > 0 {
                return Ok(AlbumContent { items, cover: Some(cover) });
            }
        }
        let newest = self.search(&Query::default(), &page(within))?;
        Ok(AlbumContent { items, cover: newest.items.first().copied() })
    }
}

impl Editor {
    /// Creates an album of an account; with a query it is a smart album. Returns its id.
    pub fn create_account_album(
        &mut self,
        owner: i64,
        name: &str,
        query: Option<&str>,
        items: &[i64],
    ) -> std::result::Result<i64, AlbumError> {
        query.map(checked).transpose()?;
        let name = named(name)?;
        if let Some(query) = query.filter(|_| !items.is_empty()) {
            return Err(AlbumError::Searching(name.to_owned(), query.to_owned()));
        }
        let tx = self.begin()?;
        let added = tx.execute(
            "INSERT INTO albums (owner, name, query, created) VALUES (?1, ?2, ?3, unixepoch()) ON CONFLICT DO NOTHING",
            params![owner, name, query],
        )?;
        if added == 0 {
            return Err(AlbumError::Taken(name.to_owned()));
        }
        let id = tx.last_insert_rowid();
        for item in items {
            tx.prepare_cached(PUT_IN)?.execute([id, *item, owner])?;
        }
        tx.commit()?;
        Ok(id)
    }

    pub fn change_account_album(
        &mut self,
        id: i64,
        change: &AlbumChange,
    ) -> std::result::Result<(), AlbumError> {
        let album = self.account_album(id)?.ok_or(AlbumError::Missing(id))?;
        let name = named(change.name.as_deref().unwrap_or(&album.name))?;
        if let Some(query) = &change.query {
            checked(query)?;
            // An album of picked items cannot become a smart album, which would hide its items.
            if album.query.is_none() {
                return Err(AlbumError::ByHand(album.name));
            }
        }
        let query = change.query.as_ref().or(album.query.as_ref());
        let changed = self.conn.execute(
            "UPDATE OR IGNORE albums SET name = ?2, description = ?3, query = ?4, cover = ?5 WHERE id = ?1",
            params![
                id,
                name,
                change.description.as_ref().unwrap_or(&album.description),
                query,
                change.cover.unwrap_or(album.cover)
            ],
        )?;
        if changed == 0 { Err(AlbumError::Taken(name.to_owned())) } else { Ok(()) }
    }

    pub fn delete_account_album(&mut self, id: i64) -> std::result::Result<(), AlbumError> {
        match self.conn.execute("DELETE FROM albums WHERE id = ?1 AND owner IS NOT NULL", [id])? {
            0 => Err(AlbumError::Missing(id)),
            _ => Ok(()),
        }
    }

    /// Adds items to an album of picked items and removes others, for an account. Returns the numbers of added and
    /// removed ones.
    pub fn fill_account_album(
        &mut self,
        id: i64,
        account: i64,
        add: &[i64],
        remove: &[i64],
    ) -> std::result::Result<AlbumFilled, AlbumError> {
        let album = self.account_album(id)?.ok_or(AlbumError::Missing(id))?;
        if let Some(query) = album.query {
            return Err(AlbumError::Searching(album.name, query));
        }
        let tx = self.begin()?;
        let mut done = AlbumFilled { added: 0, removed: 0 };
        for item in remove {
            done.removed += tx
                .prepare_cached("DELETE FROM album_items WHERE album_id = ?1 AND file_id = ?2")?
                .execute([id, *item])?;
        }
        for item in add {
            done.added += tx.prepare_cached(PUT_IN)?.execute([id, *item, account])?;
        }
        tx.commit()?;
        Ok(done)
    }
}

const PUT_IN: &str = "INSERT OR IGNORE INTO album_items (album_id, file_id, added, added_by)
  SELECT ?1, file_id, unixepoch(), ?3 FROM items WHERE file_id = ?2 AND hidden = 0";

/// Rejects a query that a smart album cannot use.
fn checked(query: &str) -> std::result::Result<(), AlbumError> {
    if Query::parse(query).map_err(SearchError::from)?.names_albums() {
        Err(AlbumError::Nested)
    } else {
        Ok(())
    }
}

/// Checks that a name is visible and can be typed.
fn named(name: &str) -> std::result::Result<&str, AlbumError> {
    Some(name.trim()).filter(|name| !name.is_empty()).ok_or(AlbumError::Nameless)
}

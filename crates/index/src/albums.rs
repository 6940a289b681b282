//! Albums: items picked by hand, or whatever a stored search finds. They hold no files, and files know nothing
//! of them; deleting an album deletes no item.

use super::Index;
use super::query::{Filter, Query};
use super::search::SearchError;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

/// An album as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Album {
    pub id: i64,
    pub name: String,
    /// The stored search; absent for one that is picked by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Items that are shown.
    pub count: u64,
}

/// Why an album could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AlbumError {
    #[error("there is no album {0:?}: `albumen albums` lists them")]
    Unknown(String),
    #[error("there is an album {0:?} already: choose another name")]
    Taken(String),
    #[error("an album needs a name")]
    Nameless,
    #[error("{0:?} finds its items by itself ({1}): items cannot be added or removed by hand")]
    Searching(String, String),
    #[error("an album cannot be made of albums: leave album: out of its search")]
    Nested,
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error("the index cannot be written: {0}")]
    Index(#[from] crate::Error),
}

impl Index {
    /// All albums, in order of name.
    pub fn albums(&self) -> std::result::Result<Vec<Album>, SearchError> {
        let mut albums: Vec<Album> = self
            .conn
            .prepare(
                "SELECT a.id, a.name, a.query,
                   (SELECT count(*) FROM album_items m JOIN items i USING (file_id)
                    WHERE m.album_id = a.id AND i.hidden = 0)
                 FROM albums a ORDER BY a.name",
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

    /// Makes an album; with a search it fills itself. Returns its id.
    pub fn create_album(&mut self, name: &str, query: Option<&str>) -> std::result::Result<i64, AlbumError> {
        if let Some(query) = query {
            let parsed = Query::parse(query).map_err(SearchError::from)?;
            if parsed.terms.iter().flat_map(|t| &t.any_of).any(|f| matches!(f, Filter::Album(_))) {
                return Err(AlbumError::Nested);
            }
        }
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

    /// Puts items, by file id, into an album that is picked by hand. Returns how many were not in it.
    pub fn add_to_album(&mut self, name: &str, files: &[i64]) -> std::result::Result<usize, AlbumError> {
        self.change_album(
            name,
            files,
            "INSERT OR IGNORE INTO album_items (album_id, file_id, added) SELECT ?1, file_id, unixepoch() FROM items
             WHERE file_id = ?2",
        )
    }

    /// Takes items out. Returns how many were in it.
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
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut changed = 0;
        for file in files {
            changed += tx.prepare_cached(sql)?.execute([id, *file])?;
        }
        tx.commit()?;
        Ok(changed)
    }

    fn album(&self, name: &str) -> std::result::Result<(i64, Option<String>), AlbumError> {
        self.conn
            .prepare_cached("SELECT id, query FROM albums WHERE name = ?1")?
            .query_row([name], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?
            .ok_or_else(|| AlbumError::Unknown(name.to_owned()))
    }
}

/// A name that somebody can see and write again.
fn named(name: &str) -> std::result::Result<&str, AlbumError> {
    Some(name.trim()).filter(|name| !name.is_empty()).ok_or(AlbumError::Nameless)
}

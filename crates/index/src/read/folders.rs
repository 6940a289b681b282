//! Folders for a reader: those with visible items, with counts and covers of visible items only.

use crate::IndexReader;
use crate::Result;
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;

/// The direct content of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderContent {
    /// Id of the folder, if the index has files directly in it.
    pub id: Option<i64>,
    /// Number of visible items directly in it.
    pub items: u64,
    pub folders: Vec<SubFolder>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubFolder {
    /// Last component, raw bytes.
    pub name: Vec<u8>,
    /// Number of visible items in it and below.
    pub items: u64,
    /// Its newest visible item.
    pub cover: Option<i64>,
}

impl IndexReader {
    /// The content of a folder of a space; `None` if nothing in it is visible. `volume` is the absolute path of the
    /// volume, `path` is relative to it.
    pub fn folder_content(&self, space: &str, volume: &[u8], path: &[u8]) -> Result<Option<FolderContent>> {
        let Some(volume_id) = self.volume_of(space, volume)? else { return Ok(None) };
        let visible = self.scope();
        let mut content = FolderContent::default();
        let mut is_visible = false;
        let mut below: BTreeMap<Vec<u8>, (u64, Vec<i64>)> = BTreeMap::new();
        for (id, found) in self.folders_at(volume_id, path)? {
            let items = self.visible_items(id)?;
            is_visible |= items > 0 || visible.folder(id) & super::visible::VIEW != 0;
            if found == path {
                content.id = Some(id);
                content.items = items;
                continue;
            }
            let rest = &found[if path.is_empty() { 0 } else { path.len() + 1 }..];
            let name = rest.split(|b| *b == b'/').next().unwrap_or(rest).to_vec();
            if items > 0 {
                let entry = below.entry(name).or_default();
                entry.0 += items;
                entry.1.push(id);
            }
        }
        if !is_visible {
            return Ok(None);
        }
        for (name, (items, folders)) in below {
            let cover = self.newest_of(&folders)?;
            content.folders.push(SubFolder { name, items, cover });
        }
        Ok(Some(content))
    }

    /// Ids of a folder and optionally of those below it.
    pub fn folder_ids(
        &self,
        space: &str,
        volume: &[u8],
        path: &[u8],
        with_sub_folders: bool,
    ) -> Result<Vec<i64>> {
        let Some(volume_id) = self.volume_of(space, volume)? else { return Ok(Vec::new()) };
        let all = self.folders_at(volume_id, path)?.into_iter();
        Ok(all.filter(|(_, found)| with_sub_folders || found == path).map(|(id, _)| id).collect())
    }

    fn volume_of(&self, space: &str, volume: &[u8]) -> Result<Option<i64>> {
        Ok(self.conn
            .prepare_cached(
                "SELECT v.id FROM volumes v JOIN spaces s ON s.id = v.space_id WHERE s.name = ?1 AND v.path = ?2",
            )?
            .query_row(params![space, volume], |r| r.get(0))
            .optional()?)
    }

    /// A folder and all folders below it, in order of path.
    fn folders_at(&self, volume: i64, path: &[u8]) -> Result<Vec<(i64, Vec<u8>)>> {
        let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?));
        if path.is_empty() {
            let mut st = self
                .conn
                .prepare_cached("SELECT id, path FROM folders WHERE volume_id = ?1 ORDER BY path")?;
            return Ok(st.query_map([volume], read)?.collect::<rusqlite::Result<_>>()?);
        }
        // `0` is the character after `/`.
        let (mut from, mut until) = (path.to_vec(), path.to_vec());
        from.push(b'/');
        until.push(b'0');
        let mut st = self.conn.prepare_cached(
            "SELECT id, path FROM folders
             WHERE volume_id = ?1 AND (path = ?2 OR (path >= ?3 AND path < ?4)) ORDER BY path",
        )?;
        Ok(st.query_map(params![volume, path, from, until], read)?.collect::<rusqlite::Result<_>>()?)
    }

    fn visible_items(&self, folder: i64) -> Result<u64> {
        let visible = self.scope();
        if visible.is_by_folder() {
            if visible.folder(folder) & super::visible::VIEW == 0 {
                return Ok(0);
            }
            let sum: i64 = self
                .conn
                .prepare_cached("SELECT coalesce(sum(items), 0) FROM folder_days WHERE folder_id = ?1")?
                .query_row([folder], |r| r.get(0))?;
            return Ok(sum.unsigned_abs());
        }
        let count: i64 = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM items WHERE folder_id = ?1 AND hidden = 0 AND visible(folder_id, file_id)",
            )?
            .query_row([folder], |r| r.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The newest visible item of some folders that has a thumbnail.
    fn newest_of(&self, folders: &[i64]) -> Result<Option<i64>> {
        /// Limit of folders that are searched: a cover does not justify reading a whole tree.
        const LOOKED_INTO: usize = 32;
        let mut st = self.conn.prepare_cached(
            "SELECT coalesce(i.taken_local, ''), i.file_id FROM items i JOIN files f ON f.id = i.file_id
             WHERE i.folder_id = ?1 AND i.hidden = 0 AND visible(i.folder_id, i.file_id)
               AND EXISTS (SELECT 1 FROM derivatives t WHERE t.content_hash = f.content_hash AND t.name = 'sm')
             ORDER BY i.file_id DESC LIMIT 1",
        )?;
        let mut best: Option<(String, i64)> = None;
        for folder in folders.iter().take(LOOKED_INTO) {
            let found = st.query_row([folder], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            best = best.max(found);
        }
        Ok(best.map(|(_, id)| id))
    }
}

//! One item as one JSON object: the output of `show` and `export` and of the service. Keys and their order are part of
//! the contract; absent values are omitted.

use super::IndexReader;
use super::items::{final_facts, from_json, kind_by_name};
use super::record::{DerivativeRow, derivatives};
use crate::{Paged, Result};
use albumen_core::vocabulary::{Box4, Facts, Format, FoundSubject, Place};
use albumen_files::relative::{on_disk, split};
use base64::Engine;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// An item in the form of the contract.
#[derive(Debug, Clone, Serialize)]
pub struct ItemView {
    /// Stable in one index; only in `show` and the API, because another run may assign different ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    pub path: String,
    /// The exact bytes, base64, if the path is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    pub space: String,
    pub volume: String,
    pub folder: String,
    pub name: String,
    pub bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// First seen, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<String>,
    #[serde(flatten)]
    pub facts: Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<CompanionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faces: Option<Vec<FaceView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<FoundSubject>>,
    /// Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbhash: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub derivatives: Vec<DerivativeView>,
    pub stages: Vec<StageView>,
}

/// A file that belongs to an item; its path is relative to the item's folder.
#[derive(Debug, Clone, Serialize)]
pub struct CompanionView {
    pub path: String,
    pub role: String,
    pub bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// A face of an item with its person.
#[derive(Debug, Clone, Serialize)]
pub struct FaceView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    #[serde(rename = "box")]
    pub area: Box4,
    pub score: f32,
    pub quality: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonView>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PersonView {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DerivativeView {
    pub name: &'static str,
    pub path: String,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct StageView {
    pub stage: String,
    pub version: u32,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a view includes ids and times of this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// `export`: the same for every index of the same files.
    Canonical,
    /// `show` and the API.
    Full,
}

/// Ids of the items of a space, after an id.
const PAGE: &str =
    "SELECT file_id FROM items WHERE space_id = ?1 AND hidden = 0 AND file_id > ?2 ORDER BY file_id LIMIT ?3";

impl IndexReader {
    /// The id of the file at an absolute path, including companions and removed files.
    pub(crate) fn file_at(&self, path: &Path) -> Result<Option<i64>> {
        let mut st = self.conn.prepare_cached("SELECT id, path FROM volumes ORDER BY length(path) DESC")?;
        let volumes = st.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)))?;
        for v in volumes {
            let (id, root) = v?;
            let Some(rest) = albumen_files::below(path, &on_disk(&[&root])) else { continue };
            let (folder, name) = split(rest.as_os_str().as_bytes());
            let found = self
                .conn
                .prepare_cached(
                    "SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id
                     WHERE d.volume_id = ?1 AND d.path = ?2 AND f.name = ?3",
                )?
                .query_row(params![id, folder, name], |r| r.get(0))
                .optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The file given by a user: by path (relative ones from the current folder), or by id.
    pub fn find_file(&self, named: &Path) -> Result<Option<i64>> {
        if let Some(id) = self.file_at(&albumen_files::absolute(named))? {
            return Ok(Some(id));
        }
        // The path no longer exists, or led through a link when it was indexed.
        if let Some(id) = self.file_at(&std::path::absolute(named).unwrap_or_default())? {
            return Ok(Some(id));
        }
        let Some(id) = named.to_str().and_then(|s| s.parse::<i64>().ok()) else { return Ok(None) };
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM files WHERE id = ?1")?
            .query_row([id], |r| r.get(0))
            .optional()?)
    }

    /// The absolute path of a file.
    pub fn path_of(&self, file: i64) -> Result<Option<PathBuf>> {
        path_of(&self.conn, file)
    }

    /// The item a file belongs to: itself, or the primary it is a companion of.
    pub fn item_of(&self, file: i64) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached("SELECT coalesce(companion_of, id) FROM files WHERE id = ?1")?
            .query_row([file], |r| r.get(0))
            .optional()?)
    }

    /// Whether a file is or was an item of its own, as opposed to a sidecar.
    pub fn is_item(&self, file: i64) -> Result<bool> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM items WHERE file_id = ?1")?.exists([file])?)
    }

    /// One item with all its data.
    pub fn item_view(&self, file: i64, detail: Detail) -> Result<Option<ItemView>> {
        item_view(&self.conn, file, detail)
    }

    /// A page of visible items by id, of some spaces or of all: those after an id, and the start of the next page.
    ///
    /// Its cost depends only on its size: each space is read along its own index.
    pub fn item_page(&self, after: i64, limit: usize, spaces: Option<&[String]>) -> Result<Paged<ItemView>> {
        // One snapshot for all items, and one read lock.
        let tx = self.conn.unchecked_transaction()?;
        let spaces = spaces.map(|s| serde_json::to_string(s).expect("strings"));
        let spaces = tx
            .prepare_cached(
                "SELECT id FROM spaces WHERE ?1 IS NULL OR name IN (SELECT value FROM json_each(?1))",
            )?
            .query_map([spaces], |r| r.get(0))?
            .collect::<rusqlite::Result<Vec<i64>>>()?;
        let mut ids: Vec<i64> = Vec::new();
        for space in spaces {
            let mut st = tx.prepare_cached(PAGE)?;
            for id in st.query_map(params![space, after, limit as i64], |r| r.get(0))? {
                ids.push(id?);
            }
        }
        ids.sort_unstable();
        ids.truncate(limit);
        let next = ids.last().copied().filter(|_| ids.len() == limit);
        let views = ids.into_iter().filter_map(|id| item_view(&tx, id, Detail::Full).transpose());
        let rows = views.collect::<Result<_>>()?;
        tx.finish()?;
        Ok(Paged { rows, next })
    }

    /// Calls `each` for every visible item, in order of path bytes; of one space if given.
    pub fn export<E: From<crate::Error>>(
        &self,
        space: Option<&str>,
        mut each: impl FnMut(ItemView) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        // One read transaction, so that an export is a consistent snapshot.
        let sql = |e: rusqlite::Error| crate::Error::from(e);
        let tx = self.conn.unchecked_transaction().map_err(sql)?;
        {
            let mut st = tx.prepare(
                "SELECT i.file_id FROM items i JOIN files f ON f.id = i.file_id
                   JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                   JOIN spaces s ON s.id = v.space_id
                 WHERE i.hidden = 0 AND (?1 IS NULL OR s.name = ?1)
                 ORDER BY v.path || x'2f' || CASE d.path WHEN x'' THEN x'' ELSE d.path || x'2f' END || f.name",
            ).map_err(sql)?;
            let mut rows = st.query([space]).map_err(sql)?;
            while let Some(r) = rows.next().map_err(sql)? {
                if let Some(view) = item_view(&tx, r.get(0).map_err(sql)?, Detail::Canonical)? {
                    each(view)?;
                }
            }
        }
        tx.finish().map_err(sql)?;
        Ok(())
    }
}

pub(super) fn path_of(conn: &Connection, file: i64) -> Result<Option<PathBuf>> {
    Ok(conn
        .prepare_cached(
            "SELECT v.path, d.path, f.name FROM files f JOIN folders d ON d.id = f.folder_id
           JOIN volumes v ON v.id = d.volume_id WHERE f.id = ?1",
        )?
        .query_row([file], |r| {
            Ok(on_disk(&[&r.get::<_, Vec<u8>>(0)?, &r.get::<_, Vec<u8>>(1)?, &r.get::<_, Vec<u8>>(2)?]))
        })
        .optional()?)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn item_view(conn: &Connection, file: i64, detail: Detail) -> Result<Option<ItemView>> {
    struct Row {
        volume: Vec<u8>,
        offline: bool,
        space: String,
        folder: Vec<u8>,
        name: Vec<u8>,
        bytes: i64,
        hash: Option<String>,
        added: i64,
        thumbhash: Option<Vec<u8>>,
    }
    let row = conn
        .prepare_cached(
            "SELECT v.path, v.offline IS NOT NULL, s.name, d.path, f.name, f.bytes, f.content_hash, f.added, f.thumbhash
             FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
               JOIN spaces s ON s.id = v.space_id WHERE f.id = ?1 AND f.is_sidecar = 0",
        )?
        .query_row([file], |r| {
            Ok(Row {
                volume: r.get(0)?,
                offline: r.get(1)?,
                space: r.get(2)?,
                folder: r.get(3)?,
                name: r.get(4)?,
                bytes: r.get(5)?,
                hash: r.get(6)?,
                added: r.get(7)?,
                thumbhash: r.get(8)?,
            })
        })
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let full = detail == Detail::Full;
    let (mut facts, place) = final_facts(conn, file)?;
    facts.kind = Some(facts.kind.unwrap_or_else(|| kind_by_name(&row.name)));
    let path = on_disk(&[&row.volume, &row.folder, &row.name]);
    let raw = path.as_os_str().as_bytes();
    let b64 = base64::engine::general_purpose::STANDARD;
    let derivatives = match &row.hash {
        Some(h) => derivatives(conn, h)?,
        None => Vec::new(),
    };
    Ok(Some(ItemView {
        id: full.then_some(file),
        path: lossy(raw),
        path_bytes: std::str::from_utf8(raw).is_err().then(|| b64.encode(raw)),
        space: row.space,
        volume: lossy(&row.volume),
        folder: lossy(&row.folder),
        name: lossy(&row.name),
        bytes: row.bytes as u64,
        content_hash: row.hash,
        offline: row.offline,
        added: full.then(|| utc(row.added)),
        facts,
        place,
        companions: companions(conn, file)?,
        faces: faces(conn, file, full)?,
        subjects: subjects(conn, file)?,
        thumbhash: row.thumbhash.map(|t| b64.encode(t)),
        derivatives: derivatives.into_iter().map(derivative_view).collect(),
        stages: stages(conn, file)?,
    }))
}

fn derivative_view(d: DerivativeRow) -> DerivativeView {
    DerivativeView { name: d.name.as_str(), path: d.path, width: d.width, height: d.height, bytes: d.bytes }
}

/// Unix seconds as RFC 3339, UTC.
pub fn utc(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|t| t.to_string()).unwrap_or_default()
}

fn companions(conn: &Connection, file: i64) -> Result<Vec<CompanionView>> {
    let mut st = conn.prepare_cached(
        "SELECT c.name, c.companion_role, c.bytes, c.facts, own.path, its.path
         FROM files c JOIN folders its ON its.id = c.folder_id JOIN files f ON f.id = c.companion_of
           JOIN folders own ON own.id = f.folder_id
         WHERE c.companion_of = ?1 AND c.vanished IS NULL ORDER BY its.path, c.name",
    )?;
    Ok(st
        .query_map([file], |r| {
            let facts: Facts = from_json(r, 3)?.unwrap_or_default();
            let (own, its): (Vec<u8>, Vec<u8>) = (r.get(4)?, r.get(5)?);
            let name: Vec<u8> = r.get(0)?;
            // Cameras put files derived from a clip into a folder beside the clip's.
            let path = if own == its { name } else { [b"../", split(&its).1, b"/", &name].concat() };
            Ok(CompanionView {
                path: lossy(&path),
                role: r.get::<_, Option<String>>(1)?.unwrap_or_default(),
                bytes: r.get::<_, i64>(2)? as u64,
                format: facts.format,
                width: facts.width,
                height: facts.height,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// `None` until the stage has processed the file; an empty list if it found nothing.
fn faces(conn: &Connection, file: i64, full: bool) -> Result<Option<Vec<FaceView>>> {
    let lines = super::people::faces_of_file(conn, file, false)?;
    if lines.is_empty() && !stage_done(conn, file, "faces")? {
        return Ok(None);
    }
    let view = |f: super::people::FaceLine| FaceView {
        id: full.then_some(f.id),
        area: f.area,
        score: f.score,
        quality: f.quality,
        person: f.person.map(|id| PersonView { id, name: f.name }),
    };
    Ok(Some(lines.into_iter().map(view).collect()))
}

fn subjects(conn: &Connection, file: i64) -> Result<Option<Vec<FoundSubject>>> {
    if !stage_done(conn, file, "subjects")? {
        return Ok(None);
    }
    let mut st = conn.prepare_cached(
        "SELECT label, score, box FROM subjects WHERE file_id = ?1 ORDER BY score DESC, label, box",
    )?;
    Ok(st
        .query_map([file], |r| {
            Ok(FoundSubject { label: r.get(0)?, score: r.get(1)?, area: from_json(r, 2)? })
        })?
        .collect::<rusqlite::Result<_>>()
        .map(Some)?)
}

fn stage_done(conn: &Connection, file: i64, stage: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM stage_state WHERE file_id = ?1 AND stage = ?2 AND state IN ('done', 'damaged')",
        )?
        .exists(params![file, stage])?)
}

fn stages(conn: &Connection, file: i64) -> Result<Vec<StageView>> {
    let mut st = conn.prepare_cached(
        "SELECT stage, version, state, reason FROM stage_state WHERE file_id = ?1
         ORDER BY CASE stage WHEN 'inspect' THEN 0 WHEN 'render' THEN 1 WHEN 'faces' THEN 2 WHEN 'subjects' THEN 3
                             WHEN 'people' THEN 4 ELSE 5 END",
    )?;
    Ok(st
        .query_map([file], |r| {
            Ok(StageView { stage: r.get(0)?, version: r.get(1)?, state: r.get(2)?, reason: r.get(3)? })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;
    use rusqlite::StatementStatus;

    /// Items 1 to 9, in three spaces by turns; every fourth is hidden.
    fn index() -> (Index, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        for space in 0..3 {
            index.conn.execute_batch(&format!(
                "INSERT INTO spaces (id, name, kind) VALUES ({space}, 's{space}', 'shared');
                 INSERT INTO volumes (id, space_id, path) VALUES ({space}, {space}, CAST('/v{space}' AS BLOB));
                 INSERT INTO folders (id, volume_id, path) VALUES ({space}, {space}, x'');"
            ))
            .unwrap();
        }
        for id in 1..10 {
            index
                .conn
                .execute_batch(&format!(
                    "INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added)
                   VALUES ({id}, {id} % 3, CAST('{id}.jpg' AS BLOB), 1, 1, 1, 1, 1, 1);
                 INSERT INTO items (file_id, space_id, folder_id, kind, added, hidden)
                   VALUES ({id}, {id} % 3, {id} % 3, 'photo', 1, {id} % 4 = 0);"
                ))
                .unwrap();
        }
        (index, dir)
    }

    #[test]
    fn pages_are_in_order_and_leave_nothing_out() {
        let (index, _dir) = index();
        let ids = |after, limit, spaces: Option<&[&str]>| {
            let spaces = spaces.map(|s| s.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
            let Paged { rows: page, next } = index.item_page(after, limit, spaces.as_deref()).unwrap();
            (page.iter().map(|v| v.id.unwrap()).collect::<Vec<_>>(), next)
        };
        assert_eq!(ids(0, 3, None), (vec![1, 2, 3], Some(3)));
        assert_eq!(ids(3, 3, None), (vec![5, 6, 7], Some(7)));
        assert_eq!(ids(7, 3, None), (vec![9], None));
        assert_eq!(ids(0, 9, Some(&["s1"])), (vec![1, 7], None));
        assert_eq!(ids(1, 2, Some(&["s0", "s2"])), (vec![2, 3], Some(3)));
        assert_eq!(ids(0, 9, Some(&["nobody's"])), (vec![], None));
        assert_eq!(ids(0, 9, Some(&[])), (vec![], None));
    }

    #[test]
    fn a_page_is_read_along_its_index_and_statements_are_planned_once() {
        let (index, _dir) = index();
        let conn = &index.conn;
        let mut st = conn.prepare(&format!("EXPLAIN QUERY PLAN {PAGE}")).unwrap();
        let plan: Vec<String> =
            st.query_map([1, 1, 1], |r| r.get(3)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
        assert_eq!(plan, ["SEARCH items USING COVERING INDEX items_pages (space_id=? AND file_id>?)"]);

        // The condition of a partial index (`files_companions`) makes SQLite inspect bound values.
        let sql = "SELECT id FROM files WHERE companion_of = ?1 AND vanished IS ?2";
        for n in 1..10 {
            let mut st = conn.prepare_cached(sql).unwrap();
            assert!(!st.exists(params![n, (n % 2 == 0).then_some(n)]).unwrap());
            assert_eq!(st.get_status(StatementStatus::RePrepare), 0);
        }
    }
}

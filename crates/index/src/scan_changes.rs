//! Changes that a walk found, before they are applied: temporary tables of one connection, so that a walk of hours locks
//! nothing, and one short transaction that turns changes into the queue.

use super::Index;
use super::record;
use super::scan::{FileRow, stat_at};
use crate::Result;
use albumen_core::vocabulary::Stage;
use albumen_files::FileStat;
use albumen_files::mounts::FsId;
use albumen_files::walk;
use albumen_library::edited;
use albumen_library::names::{self, split_number};
use rusqlite::params;

/// One change of a walk.
#[derive(Debug, Clone)]
pub struct ScanChange {
    /// The number of the walk in this scan.
    pub target: i64,
    pub volume_id: i64,
    /// Relative to the volume.
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
    pub file_id: Option<i64>,
    /// The name of a [`super::scan::What`], or one of those here.
    pub what: &'static str,
    pub fs: FsId,
    pub stat: FileStat,
}

/// A missing file that may be at a new path.
#[derive(Debug, Clone)]
pub struct MayHaveMoved {
    pub id: i64,
    /// Relative to the volume.
    pub path: Vec<u8>,
    pub hash: String,
    pub size: u64,
    pub mtime_ns: i64,
    /// The name of its former space.
    pub space: String,
    /// The absolute path of its volume.
    pub volume: Vec<u8>,
}

/// A new path, which may belong to a known file.
#[derive(Debug, Clone)]
pub struct NewPath {
    /// The id of the change.
    pub id: i64,
    pub change: ScanChange,
}

impl ScanChange {
    /// A sidecar that is new or changed.
    pub const SIDECAR: &str = "sidecar";
    /// A removed file that exists again, unchanged.
    pub const BACK: &str = "back";
}

impl Index {
    /// Clears the changes at the start of a scan.
    pub fn begin_scan_changes(&self) -> Result<()> {
        self.conn.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS found (
               id INTEGER PRIMARY KEY, target INTEGER, volume_id INTEGER, folder BLOB, name BLOB, file_id INTEGER,
               what TEXT, fs_id INTEGER, inode INTEGER, bytes INTEGER, mtime_ns INTEGER, ctime_ns INTEGER);
             CREATE INDEX IF NOT EXISTS temp.found_what ON found (what, bytes);
             CREATE TEMP TABLE IF NOT EXISTS owners (volume_id INTEGER, folder BLOB, sidecar BLOB, of BLOB, extension TEXT);
             CREATE TEMP TABLE IF NOT EXISTS gone (file_id INTEGER PRIMARY KEY, target INTEGER NOT NULL);
             DELETE FROM temp.found; DELETE FROM temp.owners; DELETE FROM temp.gone;",
        )?;
        self.begin_problems()
    }

    /// Records a change.
    pub fn found(&self, f: &ScanChange) -> Result<()> {
        Ok(self.conn
            .prepare_cached(
                "INSERT INTO temp.found (target, volume_id, folder, name, file_id, what, fs_id, inode, bytes, mtime_ns, ctime_ns)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                f.target,
                f.volume_id,
                f.folder,
                f.name,
                f.file_id,
                f.what,
                f.fs.0,
                f.stat.inode as i64,
                f.stat.size as i64,
                f.stat.mtime_ns,
                f.stat.ctime_ns
            ])
            .map(drop)?)
    }

    /// Records which file of its folder a sidecar belongs to, and the extension that it gives (empty: none; `None`: not
    /// read).
    pub fn owner(
        &self,
        volume_id: i64,
        folder: &[u8],
        sidecar: &[u8],
        of: Option<&[u8]>,
        extension: Option<&str>,
    ) -> Result<()> {
        Ok(self.conn
            .prepare_cached(
                "INSERT INTO temp.owners (volume_id, folder, sidecar, of, extension) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![volume_id, folder, sidecar, of, extension])
            .map(drop)?)
    }

    /// Records that a known file is missing.
    pub fn gone(&self, file: i64, target: i64) -> Result<()> {
        Ok(self
            .conn
            .prepare_cached("INSERT OR IGNORE INTO temp.gone (file_id, target) VALUES (?1, ?2)")?
            .execute([file, target])
            .map(drop)?)
    }

    /// Deletes the missing files of a walk, because it was not completed.
    pub fn forget_gone(&self, target: i64) -> Result<()> {
        Ok(self
            .conn
            .prepare_cached("DELETE FROM temp.gone WHERE target = ?1")?
            .execute([target])
            .map(drop)?)
    }

    /// The rows that a walk did not find.
    pub fn gone_of(&self, target: i64) -> Result<Vec<FileRow>> {
        let mut st = self.conn.prepare_cached("SELECT file_id FROM temp.gone WHERE target = ?1")?;
        let ids = st.query_map([target], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        ids.into_iter().filter_map(|id| self.file(id).transpose()).collect()
    }

    /// Files that are missing, now or since an earlier run, and have the size of a new path. Hidden files do not count.
    pub fn may_have_moved(&self) -> Result<Vec<MayHaveMoved>> {
        let mut st = self.conn.prepare_cached(
            "SELECT f.id, CAST(CASE d.path WHEN x'' THEN x'' ELSE d.path || x'2f' END || f.name AS BLOB), f.content_hash, f.bytes,
               f.mtime_ns, s.name, v.path
             FROM (SELECT file_id FROM temp.gone
                   UNION SELECT id FROM files INDEXED BY files_vanished WHERE vanished IS NOT NULL) g
               CROSS JOIN files f ON f.id = g.file_id JOIN folders d ON d.id = f.folder_id
               JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id
             WHERE f.content_hash IS NOT NULL AND f.is_sidecar = 0
               AND NOT EXISTS (SELECT 1 FROM hidden_files h WHERE h.file_id = f.id)
               AND EXISTS (SELECT 1 FROM temp.found n WHERE n.what = 'new' AND n.bytes = f.bytes)",
        )?;
        Ok(st
            .query_map([], |r| {
                Ok(MayHaveMoved {
                    id: r.get(0)?,
                    path: r.get(1)?,
                    hash: r.get(2)?,
                    size: r.get::<_, i64>(3)? as u64,
                    mtime_ns: r.get(4)?,
                    space: r.get(5)?,
                    volume: r.get(6)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// New paths of one size.
    pub fn found_new_of_size(&self, bytes: u64) -> Result<Vec<NewPath>> {
        let mut st = self.conn.prepare_cached(
            "SELECT id, target, volume_id, folder, name, fs_id, inode, bytes, mtime_ns, ctime_ns
             FROM temp.found WHERE what = 'new' AND bytes = ?1 ORDER BY id",
        )?;
        Ok(st
            .query_map([bytes as i64], |r| {
                let change = ScanChange {
                    target: r.get(1)?,
                    volume_id: r.get(2)?,
                    folder: r.get(3)?,
                    name: r.get(4)?,
                    file_id: None,
                    what: "new",
                    fs: FsId(r.get(5)?),
                    stat: stat_at(r, 6)?,
                };
                Ok(NewPath { id: r.get(0)?, change })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// A new path belongs to a known file: neither is the one new nor the other missing.
    pub fn moved(&self, change_id: i64, file: i64) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM temp.found WHERE id = ?1")?.execute([change_id])?;
        Ok(self.conn.prepare_cached("DELETE FROM temp.gone WHERE file_id = ?1")?.execute([file]).map(drop)?)
    }

    /// Turns the changes into rows: new and changed files go to the queue, sidecars and restored files to `files`.
    /// Call it inside the transaction that ends the scan.
    pub fn apply_found(&self, priority: u8, now: i64) -> Result<()> {
        let conn = &self.conn;
        conn.execute(
            "INSERT OR IGNORE INTO folders (volume_id, path) SELECT DISTINCT volume_id, folder FROM temp.found",
            [],
        )?;
        // Files that another request has recorded since this walk are complete.
        conn.execute(
            "INSERT INTO pending (priority, folder_id, name, file_id, what, bytes, fs_id)
             SELECT ?1, d.id, n.name, f.id, n.what, n.bytes, n.fs_id
             FROM temp.found n JOIN folders d ON d.volume_id = n.volume_id AND d.path = n.folder
               LEFT JOIN files f ON f.folder_id = d.id AND f.name = n.name
             WHERE n.what IN ('new', 'changed')
               AND NOT (f.id IS NOT NULL AND f.vanished IS NULL AND f.content_hash IS NOT NULL AND f.bytes = n.bytes
                 AND f.mtime_ns = n.mtime_ns AND f.ctime_ns = n.ctime_ns AND f.inode = n.inode AND f.fs_id = n.fs_id)
             ORDER BY n.id
             ON CONFLICT (folder_id, name) DO UPDATE SET priority = min(priority, excluded.priority),
               file_id = excluded.file_id, what = excluded.what, bytes = excluded.bytes, fs_id = excluded.fs_id",
            [priority],
        )?;
        let mut st = conn.prepare_cached(
            "SELECT d.id, n.name, n.file_id, n.what, n.fs_id, n.inode, n.bytes, n.mtime_ns, n.ctime_ns
             FROM temp.found n JOIN folders d ON d.volume_id = n.volume_id AND d.path = n.folder
             WHERE n.what IN ('sidecar', 'back') OR lower(substr(CAST(n.name AS TEXT), -4)) = '.thm'",
        )?;
        let mut rows = st.query([])?;
        while let Some(r) = rows.next()? {
            let folder_id: i64 = r.get(0)?;
            let name: Vec<u8> = r.get(1)?;
            let file_id: Option<i64> = r.get(2)?;
            let fs = FsId(r.get(4)?);
            let stat = stat_at(r, 5)?;
            if walk::is_clip_thumbnail(&name) {
                self.inspect_clip_again(folder_id, &name)?;
            }
            match (r.get_ref(3)?.as_str()?, file_id) {
                (ScanChange::SIDECAR, _) => {
                    let of = match file_id {
                        Some(id) => self.file(id)?.and_then(|f| f.sidecar_of),
                        None => None,
                    };
                    record::put_sidecar(conn, folder_id, &name, of.as_deref(), fs, &stat, now)?;
                    if let Some(of) = of {
                        self.inspect_again(folder_id, &of)?;
                    }
                }
                (ScanChange::BACK, Some(id)) => {
                    record::touch_file(conn, id, fs, &stat)?;
                    super::items::refresh(conn, id)?;
                }
                _ => {}
            }
        }
        self.apply_owners()
    }

    fn apply_owners(&self) -> Result<()> {
        let mut st = self.conn.prepare_cached(
            "SELECT d.id, o.sidecar, o.of, f.sidecar_of, o.extension FROM temp.owners o
               JOIN folders d ON d.volume_id = o.volume_id AND d.path = o.folder
               JOIN files f ON f.folder_id = d.id AND f.name = o.sidecar
             WHERE f.sidecar_of IS NOT o.of OR f.sidecar_for IS NOT o.extension",
        )?;
        let mut rows = st.query([])?;
        while let Some(r) = rows.next()? {
            let (folder_id, sidecar): (i64, Vec<u8>) = (r.get(0)?, r.get(1)?);
            let (of, was): (Option<Vec<u8>>, Option<Vec<u8>>) = (r.get(2)?, r.get(3)?);
            let extension: Option<String> = r.get(4)?;
            self.conn
                .prepare_cached(
                    "UPDATE files SET sidecar_of = ?3, sidecar_for = ?4 WHERE folder_id = ?1 AND name = ?2",
                )?
                .execute(params![folder_id, sidecar, of, extension])?;
            record::mark_regroup(&self.conn, folder_id)?;
            if of == was {
                continue;
            }
            for owner in [of, was].into_iter().flatten() {
                self.inspect_again(folder_id, &owner)?;
            }
        }
        Ok(())
    }

    /// Makes inspect due for the file with this name and its edited copies, because a sidecar was added, changed or
    /// removed.
    pub fn inspect_again(&self, folder_id: i64, name: &[u8]) -> Result<()> {
        let own = String::from_utf8_lossy(name).into_owned();
        let own = names::stem(&own);
        let is_copy = |near: &[u8]| {
            let near = String::from_utf8_lossy(near);
            let named = edited::original_name(&near).is_some_and(|original| names::stem(&original) == own);
            named
                || edited::original_stems(names::stem(&near))
                    .iter()
                    .any(|stem| names::nfc(stem) == names::nfc(own))
        };
        let mut names = vec![name.to_vec()];
        for bare in edited::forms(split_number(own).0) {
            let near = self.names_between(folder_id, &format!("{bare}-"), &format!("{bare}."))?;
            names.extend(near.into_iter().filter(|near| is_copy(near)));
        }
        names.iter().try_for_each(|name| self.forget_inspect(folder_id, name))
    }

    /// Makes inspect due for the clip of a thumbnail by its camera, because that was added, changed or removed.
    pub fn inspect_clip_again(&self, folder_id: i64, thumbnail: &[u8]) -> Result<()> {
        let name = String::from_utf8_lossy(thumbnail);
        let stem = names::stem(&name);
        let clips = self.names_between(folder_id, &format!("{stem}."), &format!("{stem}/"))?;
        clips
            .iter()
            .filter(|clip| clip != &thumbnail)
            .try_for_each(|clip| self.forget_inspect(folder_id, clip))
    }

    fn names_between(&self, folder_id: i64, from: &str, until: &str) -> Result<Vec<Vec<u8>>> {
        Ok(self
            .conn
            .prepare_cached("SELECT name FROM files WHERE folder_id = ?1 AND name >= ?2 AND name < ?3")?
            .query_map(params![folder_id, from.as_bytes(), until.as_bytes()], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    fn forget_inspect(&self, folder_id: i64, name: &[u8]) -> Result<()> {
        Ok(self.conn
            .prepare_cached(
                "DELETE FROM stage_state WHERE stage = ?3 AND file_id = (SELECT id FROM files WHERE folder_id = ?1 AND name = ?2)",
            )?
            .execute(params![folder_id, name, Stage::Inspect.name()])
            .map(drop)?)
    }
}

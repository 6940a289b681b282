//! Queries and updates of a walk: spaces, volumes, folders, the known files of a folder, queued work, and removed or
//! moved files.

use super::{Index, IndexReader};
use crate::{Error, Result};
use albumen_files::FileStat;
use albumen_files::mounts::FsId;
use albumen_files::walk::Reach;
use albumen_library::{edited, names};
use rusqlite::{Connection, OptionalExtension, params};

/// A volume's row.
#[derive(Debug, Clone)]
pub struct VolumeRow {
    pub id: i64,
    /// JSON of its fingerprint; `None` before the first complete walk.
    pub fingerprint: Option<String>,
}

/// A file as recorded in the index.
#[derive(Debug, Clone)]
pub struct FileRow {
    pub id: i64,
    pub folder_id: i64,
    pub name: Vec<u8>,
    pub is_sidecar: bool,
    pub sidecar_of: Option<Vec<u8>>,
    /// The extension that an XMP gives; empty if it gives none, `None` if it was not read.
    pub sidecar_for: Option<String>,
    pub fs: FsId,
    pub stat: FileStat,
    pub content_hash: Option<String>,
    pub vanished: bool,
}

/// Why a file is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    New,
    Changed,
    /// Known and unchanged, but a stage is due.
    Due,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            What::New => "new",
            What::Changed => "changed",
            What::Due => "due",
        }
    }
    fn parse(s: &str) -> What {
        match s {
            "new" => What::New,
            "changed" => What::Changed,
            _ => What::Due,
        }
    }
}

/// A row of `pending`, with the path of the file.
#[derive(Debug, Clone)]
pub struct PendingRow {
    pub id: i64,
    pub priority: u8,
    pub what: What,
    pub volume_id: i64,
    pub volume_path: Vec<u8>,
    pub folder_id: i64,
    /// Relative to the volume.
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
    pub file_id: Option<i64>,
    pub fs: FsId,
    pub bytes: u64,
}

/// A volume that has been walked.
#[derive(Debug)]
pub struct WalkedVolume {
    pub id: i64,
    pub path: Vec<u8>,
    /// Its fingerprint at the last walk (JSON).
    pub fingerprint: String,
    /// The name of its space.
    pub space: String,
}

/// A volume, and whether it is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownVolume {
    pub id: i64,
    /// Absolute.
    pub path: Vec<u8>,
    /// Why it is offline; `None` if it is available.
    pub offline: Option<String>,
}

/// A volume with its space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInSpace {
    /// Absolute.
    pub path: Vec<u8>,
    /// The space's name.
    pub space: String,
    /// `personal` or `shared`.
    pub kind: String,
}

/// A folder of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRow {
    pub id: i64,
    /// Relative to the volume.
    pub path: Vec<u8>,
}

/// A file used to recognise a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledFile {
    /// Relative to the volume.
    pub path: Vec<u8>,
    pub size: u64,
    pub mtime_ns: i64,
}

pub(crate) fn space_names(conn: &Connection) -> Result<Vec<String>> {
    let mut st = conn.prepare_cached("SELECT name FROM spaces ORDER BY name")?;
    Ok(st.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}

impl IndexReader {
    /// The names of all spaces.
    pub fn all_space_names(&self) -> Result<Vec<String>> {
        space_names(&self.conn)
    }

    /// The volume at this absolute path, if it is known.
    pub fn volume_at(&self, path: &[u8]) -> Result<Option<VolumeRow>> {
        let row = |r: &rusqlite::Row<'_>| Ok(VolumeRow { id: r.get(0)?, fingerprint: r.get(1)? });
        let sql = "SELECT id, fingerprint FROM volumes WHERE path = ?1";
        Ok(self.conn.query_row(sql, [path], row).optional()?)
    }

    /// All volumes in the index.
    pub fn volumes(&self) -> Result<Vec<KnownVolume>> {
        let mut st = self.conn.prepare_cached("SELECT id, path, offline FROM volumes ORDER BY id")?;
        Ok(st
            .query_map([], |r| Ok(KnownVolume { id: r.get(0)?, path: r.get(1)?, offline: r.get(2)? }))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Every volume with the name and kind of its space.
    pub fn volumes_in_spaces(&self) -> Result<Vec<VolumeInSpace>> {
        let mut st = self.conn.prepare_cached(
            "SELECT v.path, s.name, s.kind FROM volumes v JOIN spaces s ON s.id = v.space_id ORDER BY v.id",
        )?;
        Ok(st
            .query_map([], |r| Ok(VolumeInSpace { path: r.get(0)?, space: r.get(1)?, kind: r.get(2)? }))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// The volumes that have been walked.
    pub fn walked_volumes(&self) -> Result<Vec<WalkedVolume>> {
        let mut st = self.conn.prepare_cached(
            "SELECT v.id, v.path, v.fingerprint, s.name FROM volumes v JOIN spaces s ON s.id = v.space_id
              WHERE v.fingerprint IS NOT NULL ORDER BY v.id",
        )?;
        Ok(st
            .query_map([], |r| {
                Ok(WalkedVolume { id: r.get(0)?, path: r.get(1)?, fingerprint: r.get(2)?, space: r.get(3)? })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// The fingerprint of a volume at the last walk (JSON).
    pub fn fingerprint_of(&self, volume_id: i64) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT fingerprint FROM volumes WHERE id = ?1")?
            .query_row([volume_id], |r| r.get(0))
            .optional()
            .map(Option::flatten)?)
    }

    /// The present files of a volume, media and sidecars.
    pub fn files_of_volume(&self, volume_id: i64) -> Result<Vec<i64>> {
        let mut st = self.conn.prepare_cached(
            "SELECT f.id FROM folders d JOIN files f ON f.folder_id = d.id WHERE d.volume_id = ?1 AND f.vanished IS NULL",
        )?;
        Ok(st.query_map([volume_id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    pub fn folder_id(&self, volume_id: i64, path: &[u8]) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM folders WHERE volume_id = ?1 AND path = ?2")?
            .query_row(params![volume_id, path], |r| r.get(0))
            .optional()?)
    }

    /// All folders at or below `path` (relative to the volume): id and path.
    pub fn folders_below(&self, volume_id: i64, path: &[u8]) -> Result<Vec<FolderRow>> {
        let mut st = self.conn.prepare_cached(
            "SELECT id, path FROM folders WHERE volume_id = ?1
             AND (?2 = x'' OR path = ?2 OR (path > CAST(?2 || x'2f' AS BLOB) AND path < CAST(?2 || x'30' AS BLOB)))",
        )?;
        Ok(st
            .query_map(params![volume_id, path], |r| Ok(FolderRow { id: r.get(0)?, path: r.get(1)? }))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Calls a function for each known file of a folder, unordered, including removed ones.
    pub fn each_folder_file<E: From<Error>>(
        &self,
        folder_id: i64,
        mut each: impl FnMut(FileRow) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut st = self.conn.prepare_cached(
            "SELECT id, folder_id, name, is_sidecar, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, vanished IS NOT NULL, sidecar_of, sidecar_for
             FROM files WHERE folder_id = ?1",
        ).map_err(Error::from)?;
        let mut rows = st.query([folder_id]).map_err(Error::from)?;
        while let Some(row) = rows.next().map_err(Error::from)? {
            each(file_row(row).map_err(Error::from)?)?;
        }
        Ok(())
    }

    pub fn file(&self, id: i64) -> Result<Option<FileRow>> {
        Ok(self.conn
            .prepare_cached(
                "SELECT id, folder_id, name, is_sidecar, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, vanished IS NOT NULL, sidecar_of, sidecar_for
                 FROM files WHERE id = ?1",
            )?
            .query_row([id], file_row)
            .optional()?)
    }

    /// Whether a row of the queue still exists.
    pub fn is_pending(&self, id: i64) -> Result<bool> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM pending WHERE id = ?1")?.exists([id])?)
    }

    /// The file with a name in a folder, if any.
    pub fn file_in(&self, folder_id: i64, name: &[u8]) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM files WHERE folder_id = ?1 AND name = ?2")?
            .query_row(params![folder_id, name], |r| r.get(0))
            .optional()?)
    }

    /// The next rows of the queue after (priority, id).
    pub fn pending_after(&self, after: (u8, i64), limit: usize) -> Result<Vec<PendingRow>> {
        let mut st = self.conn.prepare_cached(
            "SELECT p.id, p.priority, p.what, v.id, v.path, p.folder_id, f.path, p.name, p.file_id, p.bytes, p.fs_id
             FROM pending p JOIN folders f ON f.id = p.folder_id JOIN volumes v ON v.id = f.volume_id
             WHERE (p.priority, p.id) > (?1, ?2) ORDER BY p.priority, p.id LIMIT ?3",
        )?;
        Ok(st
            .query_map(params![after.0, after.1, limit as i64], pending_row)?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Up to `limit` present files of a volume, spread over its folders: path below the volume, size, mtime.
    pub fn sample(&self, volume_id: i64, limit: usize) -> Result<Vec<SampledFile>> {
        let folders = self.folders_below(volume_id, b"")?;
        let mut st = self.conn.prepare_cached(
            "SELECT name, bytes, mtime_ns FROM files WHERE folder_id = ?1 AND vanished IS NULL ORDER BY name LIMIT ?2",
        )?;
        let of_each = limit.div_ceil(folders.len().max(1));
        let mut out = Vec::with_capacity(limit);
        for FolderRow { id, path: folder } in
            folders.iter().step_by(folders.len().div_ceil(limit.max(1)).max(1))
        {
            let files = st.query_map(params![id, of_each as i64], |r| {
                Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, i64>(1)? as u64, r.get(2)?))
            })?;
            for file in files {
                let (name, size, mtime_ns) = file?;
                let path = if folder.is_empty() { name } else { [&folder[..], b"/", &name].concat() };
                out.push(SampledFile { path, size, mtime_ns });
            }
        }
        out.truncate(limit);
        Ok(out)
    }

    /// The sidecars of a file, in order of name. An edited copy shares the Takeout JSON of its original, because Google
    /// writes none for it.
    pub fn sidecars_of(&self, folder_id: i64, name: &[u8]) -> Result<Vec<FileRow>> {
        let mut st = self.conn.prepare_cached(
            "SELECT id, folder_id, name, is_sidecar, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, vanished IS NOT NULL, sidecar_of, sidecar_for
             FROM files WHERE folder_id = ?1 AND sidecar_of >= ?2 AND sidecar_of < ?3 AND vanished IS NULL ORDER BY name",
        )?;
        let next = [name, &[0]].concat();
        let own: Vec<FileRow> =
            st.query_map(params![folder_id, name, next], file_row)?.collect::<rusqlite::Result<_>>()?;
        let is_json = |row: &FileRow| row.name.to_ascii_lowercase().ends_with(b".json");
        if own.iter().any(is_json) {
            return Ok(own);
        }
        let text = String::from_utf8_lossy(name);
        let named = edited::original_name(&text).map(|original| names::stem(&original).to_owned());
        for stem in named.into_iter().chain(edited::original_stems(names::stem(&text))) {
            for stem in edited::forms(&stem) {
                // With any extension of the original: an edited HEIC is a JPEG.
                let (from, until) = (format!("{stem}."), format!("{stem}/"));
                let is_stem = |row: &FileRow| {
                    row.sidecar_of
                        .as_deref()
                        .is_some_and(|of| names::stem(&String::from_utf8_lossy(of)) == stem)
                };
                let shared = st.query_map(params![folder_id, from.as_bytes(), until.as_bytes()], file_row)?;
                let shared: Vec<FileRow> = shared.collect::<rusqlite::Result<_>>()?;
                let shared: Vec<FileRow> =
                    shared.into_iter().filter(|row| is_json(row) && is_stem(row)).collect();
                if !shared.is_empty() {
                    return Ok(own.into_iter().chain(shared).collect());
                }
            }
        }
        Ok(own)
    }

    /// Queued work: count and bytes.
    pub fn pending_count(&self) -> Result<u64> {
        let count: i64 = self.conn.query_row("SELECT count(*) FROM pending", [], |r| r.get(0))?;
        Ok(count as u64)
    }
}

impl Index {
    /// The space with this name, created if it is new.
    pub fn space(&self, name: &str, kind: &str) -> Result<i64> {
        self.conn.execute(
            "INSERT INTO spaces (name, kind) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET kind = ?2 WHERE kind <> ?2",
            params![name, kind],
        )?;
        Ok(self.conn.query_row("SELECT id FROM spaces WHERE name = ?1", [name], |r| r.get(0))?)
    }

    /// The volume at this absolute path, created if it is new; moved if the config now has it in another space.
    pub fn volume(&self, space_id: i64, path: &[u8]) -> Result<VolumeRow> {
        self.conn.execute(
            "INSERT INTO volumes (space_id, path) VALUES (?1, ?2)
             ON CONFLICT (path) DO UPDATE SET space_id = ?1 WHERE space_id <> ?1",
            params![space_id, path],
        )?;
        self.volume_at(path)?.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// A new volume with a given id.
    pub fn volume_numbered(&self, id: i64, space_id: i64, path: &[u8]) -> Result<()> {
        let sql = "INSERT INTO volumes (id, space_id, path) VALUES (?1, ?2, ?3)";
        Ok(self.conn.execute(sql, params![id, space_id, path]).map(drop)?)
    }

    /// Changes the path of a volume. If its space has no other volume, the space is renamed as well, unless the name is
    /// in use: so its people stay in it.
    pub fn rename_volume(&self, id: i64, path: &[u8], space: &str) -> Result<()> {
        let tx = self.conn.unchecked_transaction()?;
        tx.execute("UPDATE volumes SET path = ?2, offline = NULL WHERE id = ?1", params![id, path])?;
        tx.execute(
            "UPDATE OR IGNORE spaces SET name = ?2 WHERE id = (SELECT space_id FROM volumes WHERE id = ?1)
               AND NOT EXISTS (SELECT 1 FROM volumes o WHERE o.space_id = spaces.id AND o.id <> ?1)",
            params![id, space],
        )?;
        Ok(tx.commit()?)
    }

    /// Renames a space, or merges it into an existing one with its volumes and people. The undo log of the old space
    /// stays with the old space.
    pub fn space_becomes(&self, old: &str, new: &str) -> Result<()> {
        let tx = self.conn.unchecked_transaction()?;
        if tx.execute("UPDATE OR IGNORE spaces SET name = ?2 WHERE name = ?1", [old, new])? == 0 {
            let id = |name: &str| -> Result<i64> {
                Ok(tx.query_row("SELECT id FROM spaces WHERE name = ?1", [name], |r| r.get(0))?)
            };
            let (old, new) = (id(old)?, id(new)?);
            for table in ["people", "region_names", "volumes"] {
                let sql = format!("UPDATE OR IGNORE {table} SET space_id = ?2 WHERE space_id = ?1");
                tx.execute(&sql, [old, new])?;
            }
            // A region name that is linked to a person in both spaces keeps the person of the new space.
            tx.execute("DELETE FROM region_names WHERE space_id = ?1", [old])?;
            tx.execute(
                "DELETE FROM spaces WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM people_edit_log WHERE space_id = ?1)",
                [old],
            )?;
        }
        Ok(tx.commit()?)
    }

    /// Records the fingerprint of a volume at the end of a complete walk, and that it is available.
    pub fn volume_seen(&self, volume_id: i64, fingerprint: &str) -> Result<()> {
        Ok(self.conn
            .execute(
                "UPDATE volumes SET fingerprint = ?2, offline = NULL WHERE id = ?1 AND (fingerprint IS NOT ?2 OR offline IS NOT NULL)",
                params![volume_id, fingerprint],
            )
            .map(drop)?)
    }

    /// Marks a volume as offline, with the reason for users; nothing of it is removed.
    pub fn volume_offline(&self, volume_id: i64, why: &str) -> Result<()> {
        Ok(self
            .conn
            .execute("UPDATE volumes SET offline = ?2 WHERE id = ?1", params![volume_id, why])
            .map(drop)?)
    }

    /// The folder's id, created if it is new.
    pub fn folder(&self, volume_id: i64, path: &[u8]) -> Result<i64> {
        if let Some(id) = self.folder_id(volume_id, path)? {
            return Ok(id);
        }
        self.conn
            .execute("INSERT INTO folders (volume_id, path) VALUES (?1, ?2)", params![volume_id, path])?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Removes background work of an earlier walk in a folder, or also below it, because the new walk queues it again.
    pub fn forget_pending(&self, volume_id: i64, path: &[u8], reach: Reach) -> Result<()> {
        Ok(self.conn
            .execute(
                "DELETE FROM pending WHERE priority = 1 AND folder_id IN (SELECT id FROM folders WHERE volume_id = ?1
                   AND (path = ?2 OR (?3 AND (?2 = x'' OR
                     (path > CAST(?2 || x'2f' AS BLOB) AND path < CAST(?2 || x'30' AS BLOB))))))",
                params![volume_id, path, reach == Reach::Tree],
            )
            .map(drop)?)
    }
}

/// Reads the columns `inode`, `bytes`, `mtime_ns`, `ctime_ns`, which begin at `first`.
pub(super) fn stat_at(r: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<FileStat> {
    Ok(FileStat {
        inode: r.get::<_, i64>(first)? as u64,
        size: r.get::<_, i64>(first + 1)? as u64,
        mtime_ns: r.get(first + 2)?,
        ctime_ns: r.get(first + 3)?,
    })
}

fn file_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: r.get(0)?,
        folder_id: r.get(1)?,
        name: r.get(2)?,
        is_sidecar: r.get(3)?,
        fs: FsId(r.get(4)?),
        stat: stat_at(r, 5)?,
        content_hash: r.get(9)?,
        vanished: r.get(10)?,
        sidecar_of: r.get(11)?,
        sidecar_for: r.get(12)?,
    })
}

fn pending_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<PendingRow> {
    Ok(PendingRow {
        id: r.get(0)?,
        priority: r.get(1)?,
        what: What::parse(&r.get::<_, String>(2)?),
        volume_id: r.get(3)?,
        volume_path: r.get(4)?,
        folder_id: r.get(5)?,
        folder: r.get(6)?,
        name: r.get(7)?,
        file_id: r.get(8)?,
        bytes: r.get::<_, i64>(9)? as u64,
        fs: FsId(r.get(10)?),
    })
}

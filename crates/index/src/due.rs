//! Queries for due and failed stages, and making stages due again.

use super::{Index, IndexReader};
use crate::Result;
use albumen_core::fault::is_shortage;
use albumen_core::vocabulary::Stage;
use albumen_files::{below, patience, relative};
use rusqlite::params;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A stage with the version and settings of this program; a file whose row differs is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageNow {
    pub stage: Stage,
    pub version: u32,
    /// 16 hex digits over the settings and model checksums that the stage uses.
    pub settings: String,
}

/// 16 hex digits over some bytes: the settings of a stage, or a file's own inputs to it.
pub fn digest16(parts: &[&[u8]]) -> String {
    let mut h = blake3::Hasher::new();
    for p in parts {
        // Lengths distinguish ("ab", "c") from ("a", "bc").
        h.update(&(p.len() as u64).to_le_bytes());
        h.update(p);
    }
    h.finalize().to_hex()[..16].to_owned()
}

/// A part of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    All,
    /// The path of a folder relative to the volume; empty for the whole volume.
    Below {
        volume_id: i64,
        path: Vec<u8>,
    },
    /// The files of one folder, without subfolders.
    Folder(i64),
    /// One file, which need not have a row yet.
    File {
        folder_id: i64,
        name: Vec<u8>,
    },
}

impl Scope {
    /// SQL that restricts `d` (folders), and for one file `f` (files), to the scope, with parameters ?1 and ?2.
    pub(super) fn sql(&self) -> &'static str {
        match self {
            Scope::All => "(?1 IS NULL OR ?2 IS NULL)",
            Scope::Folder(_) => "(d.id = ?1 AND ?2 IS NOT NULL)",
            Scope::File { .. } => "(d.id = ?1 AND f.name = ?2)",
            Scope::Below { .. } => {
                "(d.volume_id = ?1 AND (?2 = x'' OR d.path = ?2
                   OR (d.path > CAST(?2 || x'2f' AS BLOB) AND d.path < CAST(?2 || x'30' AS BLOB))))"
            }
        }
    }

    pub(super) fn params(&self) -> (Option<i64>, &[u8]) {
        match self {
            Scope::All => (None, &[]),
            Scope::Folder(id) => (Some(*id), &[]),
            Scope::File { folder_id, name } => (Some(*folder_id), name),
            Scope::Below { volume_id, path } => (Some(*volume_id), path),
        }
    }
}

/// A file for which a stage is due. Ordered as the work is: by content, then by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueFile {
    pub content_hash: String,
    pub id: i64,
}

/// What is left to do in a scope, in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftToDo {
    /// Files in the queue.
    pub waiting: u64,
    /// Files for which a later stage is due.
    pub due: u64,
}

impl IndexReader {
    /// Whether a file is recorded as unavailable; such files are retried from time to time.
    pub fn has_unavailable(&self) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT 1 FROM stage_state WHERE state = 'failed' AND fault = 'unavailable' LIMIT 1",
            )?
            .exists([])?)
    }

    /// Files of the scope for which a stage after render is due (one that reads recorded facts and derivatives), in
    /// canonical order of content, after the position (`after_hash`, `after_id`).
    pub fn due_files(
        &self,
        scope: &Scope,
        now: &StageNow,
        at: i64,
        after: &DueFile,
        limit: usize,
    ) -> Result<Vec<DueFile>> {
        let is_large = matches!(scope, Scope::All | Scope::Below { .. });
        let by_hash = is_large && !self.are_few(scope, now, SORTED_AT_ONCE)?;
        self.due_files_by(by_hash, scope, now, at, after, limit)
    }

    /// Whether at most `most` files are in those folders of a scope in which a stage may be due.
    pub fn are_few(&self, scope: &Scope, now: &StageNow, most: u32) -> Result<bool> {
        let (volume, path) = scope.params();
        let sql = format!(
            "SELECT count(*) <= ?6 FROM (SELECT 1 FROM folders d CROSS JOIN files f ON f.folder_id = d.id
              WHERE {} AND {UNDONE} LIMIT ?6 + 1)",
            scope.sql()
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row(params![volume, path, now.stage.name(), now.version, now.settings, most], |r| {
                r.get(0)
            })?)
    }

    /// [`IndexReader::due_files`], either by content order through all files, or through the folders followed by a
    /// sort.
    pub fn due_files_by(
        &self,
        by_hash: bool,
        scope: &Scope,
        now: &StageNow,
        at: i64,
        after: &DueFile,
        limit: usize,
    ) -> Result<Vec<DueFile>> {
        let (volume, path) = scope.params();
        let in_scope = scope.sql();
        let from = if by_hash {
            "files f INDEXED BY files_by_hash CROSS JOIN folders d ON d.id = f.folder_id"
        } else {
            "folders d CROSS JOIN files f ON f.folder_id = d.id"
        };
        let sql = format!(
            "SELECT f.id, f.content_hash FROM {from}
               LEFT JOIN stage_state s ON s.file_id = f.id AND s.stage = ?3
             WHERE {in_scope} AND {UNDONE} AND {FOR_LATER_STAGES} AND {DUE}
               AND (f.content_hash, f.id) > (?8, ?9)
             ORDER BY f.content_hash, f.id LIMIT ?10"
        );
        let mut st = self.conn.prepare_cached(&sql)?;
        Ok(st
            .query_map(
                params![
                    volume,
                    path,
                    now.stage.name(),
                    now.version,
                    now.settings,
                    at,
                    0,
                    after.content_hash,
                    after.id,
                    limit as i64
                ],
                |r| Ok(DueFile { id: r.get(0)?, content_hash: r.get(1)? }),
            )?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Number of files that [`IndexReader::due_files`] returns.
    pub fn count_due(&self, scope: &Scope, now: &StageNow, at: i64) -> Result<u64> {
        let (volume, path) = scope.params();
        let in_scope = scope.sql();
        let sql = format!(
            "SELECT count(*) FROM folders d CROSS JOIN files f ON f.folder_id = d.id
               LEFT JOIN stage_state s ON s.file_id = f.id AND s.stage = ?3
             WHERE {in_scope} AND {UNDONE} AND {FOR_LATER_STAGES} AND {DUE}"
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row(params![volume, path, now.stage.name(), now.version, now.settings, at, 0], |r| {
                r.get::<_, i64>(0).map(|n| n as u64)
            })?)
    }

    /// The spaces of a scope.
    pub fn spaces_of(&self, scope: &Scope) -> Result<Vec<i64>> {
        let (id, _) = scope.params();
        let sql = match scope {
            Scope::Folder(_) | Scope::File { .. } => {
                "SELECT v.space_id FROM folders d JOIN volumes v ON v.id = d.volume_id WHERE d.id = ?1"
            }
            _ => "SELECT DISTINCT space_id FROM volumes WHERE ?1 IS NULL OR id = ?1",
        };
        Ok(self.conn.prepare_cached(sql)?.query_map([id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// The remaining work in a scope: files to be developed, and files for which one of `stages` is due.
    pub fn left_to_do(&self, scope: &Scope, stages: &[&StageNow], at: i64) -> Result<LeftToDo> {
        let (id, path) = scope.params();
        let sql = format!(
            "SELECT count(*) FROM pending f JOIN folders d ON d.id = f.folder_id WHERE {}",
            scope.sql()
        );
        let waiting: i64 = self.conn.prepare_cached(&sql)?.query_row(params![id, path], |r| r.get(0))?;
        let mut due = 0;
        for stage in stages {
            due = due.max(self.count_due(scope, stage, at)?);
        }
        Ok(LeftToDo { waiting: waiting as u64, due })
    }

    /// Ids of the items of a scope.
    pub fn items_in(&self, scope: &Scope, limit: usize) -> Result<Vec<i64>> {
        let (id, path) = scope.params();
        let sql = format!(
            "SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id JOIN items i ON i.file_id = f.id
             WHERE {} AND f.vanished IS NULL ORDER BY f.id LIMIT ?3",
            scope.sql()
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_map(params![id, path, limit as i64], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// The scope of a folder or file by its path relative to the volume; empty for the whole volume.
    pub fn scope_below(&self, volume_id: i64, path: &[u8]) -> Result<Scope> {
        let is_folder = self
            .conn
            .prepare_cached(
                "SELECT 1 FROM folders WHERE volume_id = ?1 AND (path = ?2
                   OR (path > CAST(?2 || x'2f' AS BLOB) AND path < CAST(?2 || x'30' AS BLOB)))",
            )?
            .exists(params![volume_id, path])?;
        if !path.is_empty() && !is_folder {
            let (folder, name) = relative::split(path);
            if let Some(folder_id) = self.folder_id(volume_id, folder)? {
                return Ok(Scope::File { folder_id, name: name.to_vec() });
            }
        }
        Ok(Scope::Below { volume_id, path: path.to_vec() })
    }

    /// The scope of an absolute path; a file's scope is that file alone. `None`: in no volume.
    pub fn scope_of(&self, path: &Path) -> Result<Option<Scope>> {
        let volumes = self.volumes()?;
        let holding =
            volumes.iter().filter_map(|v| Some((v.id, below(path, &relative::on_disk(&[&v.path]))?)));
        let Some((volume_id, rest)) = holding.min_by_key(|(_, rest)| rest.components().count()) else {
            return Ok(None);
        };
        let rest = rest.as_os_str().as_bytes();
        match patience::stat(path) {
            Ok(found) if found.is_dir() => {
                return Ok(Some(Scope::Below { volume_id, path: rest.to_vec() }));
            }
            // If the disk cannot be read, use the index.
            Err(e) if is_shortage(&e) => return self.scope_below(volume_id, rest).map(Some),
            _ if rest.is_empty() => return self.scope_below(volume_id, rest).map(Some),
            _ => {}
        }
        let (folder, name) = relative::split(rest);
        let folder_id = self.folder_id(volume_id, folder)?;
        Ok(folder_id.map(|folder_id| Scope::File { folder_id, name: name.to_vec() }))
    }

    /// Which of the stages inspect and render are due for this file.
    pub fn develop_due(&self, file: i64, now: &[StageNow], at: i64, ceiling: u64) -> Result<Vec<Stage>> {
        let mut out = Vec::new();
        let sql = format!(
            "SELECT 1 FROM (SELECT 1) LEFT JOIN stage_state s ON s.file_id = ?1 AND s.stage = ?3
             WHERE {DUE} AND ?2 IS NULL"
        );
        let mut st = self.conn.prepare_cached(&sql)?;
        for n in now {
            if st.exists(params![
                file,
                None::<i64>,
                n.stage.name(),
                n.version,
                n.settings,
                at,
                i64::try_from(ceiling).unwrap_or(i64::MAX)
            ])? {
                out.push(n.stage);
            }
        }
        Ok(out)
    }
}

impl Index {
    /// Queues all known files of the scope for which `stage` is due, and returns their number. `ceiling`: maximum bytes
    /// for one file at present; a file that was too large is due if it fits now.
    pub fn enqueue_due(
        &self,
        scope: &Scope,
        now: &StageNow,
        at: i64,
        ceiling: u64,
        priority: u8,
    ) -> Result<u64> {
        let (volume, path) = scope.params();
        let in_scope = scope.sql();
        let sql = format!(
            "INSERT INTO pending (priority, folder_id, name, file_id, what, bytes, fs_id)
             SELECT ?8, f.folder_id, f.name, f.id, 'due', f.bytes, f.fs_id FROM folders d
               JOIN volumes v ON v.id = d.volume_id CROSS JOIN files f ON f.folder_id = d.id
               LEFT JOIN stage_state s ON s.file_id = f.id AND s.stage = ?3
             WHERE {in_scope} AND {UNDONE} AND f.is_sidecar = 0 AND f.vanished IS NULL AND v.offline IS NULL AND {DUE}
             ORDER BY f.folder_id, f.inode
             ON CONFLICT (folder_id, name) DO NOTHING"
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .execute(params![
                volume,
                path,
                now.stage.name(),
                now.version,
                now.settings,
                at,
                i64::try_from(ceiling).unwrap_or(i64::MAX),
                priority
            ])
            .map(|n| n as u64)?)
    }
}

/// Up to this many files are collected and sorted for one batch of due files. For more, all files are walked in order
/// of content, a part at a time: that reads the library once in total, instead of once for each part.
const SORTED_AT_ONCE: u32 = 10_000;

/// The files `f` that the stages after render process.
const FOR_LATER_STAGES: &str =
    "f.is_sidecar = 0 AND f.vanished IS NULL AND f.companion_of IS NULL AND f.content_hash IS NOT NULL";

/// The files `f` that a stage processes.
pub(super) fn files_for(stage: Stage) -> &'static str {
    match stage {
        Stage::Inspect | Stage::Render => "f.is_sidecar = 0 AND f.vanished IS NULL",
        _ => FOR_LATER_STAGES,
    }
}

/// Conditions on `d` (folders): stage ?3 of version ?4 with settings ?5 may be due in it.
pub(super) const UNDONE: &str = "NOT EXISTS (SELECT 1 FROM folder_done q
    WHERE q.folder_id = d.id AND q.stage = ?3 AND q.version = ?4 AND q.settings = ?5)";

/// Whether `s` (stage_state, possibly NULL) is due; ?4 version, ?5 settings, ?6 now, ?7 ceiling.
pub(super) const DUE: &str = "(s.file_id IS NULL OR s.version <> ?4 OR substr(s.input_key, 1, 16) <> ?5
    OR (s.state = 'failed' AND s.retry_at <= ?6) OR (s.fault = 'too_large' AND s.needed <= ?7))";

//! Parts that a walk could not enter, and what is hidden because of that. Recorded in temporary tables during the walk,
//! and applied in the transaction that ends the scan, like all changes of a scan.

use super::failures::Failure;
use super::{Index, IndexReader};
use crate::scan::FolderRow;
use crate::{Paged, Result};
use albumen_core::fault::Fault;
use albumen_files::ignore::ALBUMENIGNORE;
use albumen_files::relative;
use rusqlite::{Row, params};
use serde::Serialize;

/// A part that a walk did not enter.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    pub volume_id: i64,
    /// Relative to the volume: the folder or entry, or the ignore file that hides its folder.
    pub path: &'a [u8],
    /// One of the words below, or `too_large`: its listing does not fit into the memory budget.
    pub kind: &'static str,
    /// Line of the ignore file.
    pub line: Option<u32>,
    pub reason: String,
}

impl Problem<'_> {
    pub const TOO_LARGE: &'static str = "too_large";
    pub const UNSEEN: &'static str = "unseen";
    pub const TOO_DEEP: &'static str = "too_deep";
    pub const IGNORE_FILE: &'static str = "ignore_file";
}

/// A folder that was not walked, for `status`.
#[derive(Debug, Clone, Serialize)]
pub struct NotWalked {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    pub reason: String,
}

/// Rows of [`PROBLEMS`], with the stage shown for them in lists of failures: they are not stages of a file.
const STAGE: &str = "discover";

const PROBLEMS: &str = "SELECT p.id, v.path, p.path, p.kind, p.line, p.reason
    FROM walk_problems p JOIN volumes v ON v.id = p.volume_id";

fn row(r: &Row<'_>) -> rusqlite::Result<(i64, Failure)> {
    let path = relative::on_disk(&[&r.get::<_, Vec<u8>>(1)?, &r.get::<_, Vec<u8>>(2)?]);
    let kind: String = r.get(3)?;
    let fault = if kind == Problem::UNSEEN { "unreadable".to_owned() } else { kind };
    let failure = Failure {
        path: path.to_string_lossy().into_owned(),
        stage: STAGE.to_owned(),
        state: "failed".to_owned(),
        advice: Fault::advice(&fault),
        fault: Some(fault),
        reason: r.get(5)?,
        line: r.get(4)?,
        attempts: 1,
        retry_at: None,
    };
    Ok((r.get(0)?, failure))
}

impl IndexReader {
    /// Everything that was not walked, by path.
    pub(super) fn problems(&self, mut each: impl FnMut(Failure)) -> Result<()> {
        let mut st = self.conn.prepare(&format!("{PROBLEMS} ORDER BY v.path, p.path"))?;
        let mut rows = st.query([])?;
        while let Some(r) = rows.next()? {
            each(row(r)?.1);
        }
        Ok(())
    }

    /// The next problems of some spaces, or of all, after one of them; and the start of the next page.
    pub(super) fn problem_page(
        &self,
        after: i64,
        limit: usize,
        spaces: Option<&str>,
    ) -> Result<Paged<Failure>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{PROBLEMS} WHERE p.id > ?1 AND (?2 IS NULL OR v.space_id IN
               (SELECT id FROM spaces WHERE name IN (SELECT value FROM json_each(?2)))) ORDER BY p.id LIMIT ?3"
        ))?;
        let found = st.query_map(params![after, spaces, limit as i64 + 1], row)?;
        let mut found: Vec<(i64, Failure)> = found.collect::<rusqlite::Result<_>>()?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = more.then(|| found.last().map_or(after, |(id, _)| *id));
        Ok(Paged { rows: found.into_iter().map(|(_, failure)| failure).collect(), next })
    }

    /// The first folders that were not walked; [`IndexReader::failures`] lists all.
    pub fn not_walked(&self, limit: usize) -> Result<Vec<NotWalked>> {
        let first = self.problem_page(0, limit, None)?.rows;
        Ok(first.into_iter().map(|f| NotWalked { path: f.path, line: f.line, reason: f.reason }).collect())
    }
}

impl Index {
    /// Clears the temporary tables at the start of a scan.
    pub(super) fn begin_problems(&self) -> Result<()> {
        Ok(self.conn.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS problems (
               volume_id INTEGER, path BLOB, kind TEXT, line INTEGER, reason TEXT, PRIMARY KEY (volume_id, path));
             CREATE TEMP TABLE IF NOT EXISTS hiding (file_id INTEGER PRIMARY KEY);
             CREATE TEMP TABLE IF NOT EXISTS released (folder_id INTEGER PRIMARY KEY);
             DELETE FROM temp.problems; DELETE FROM temp.hiding; DELETE FROM temp.released;",
        )?)
    }

    /// Records a part that was not walked.
    pub fn note_problem(&self, p: &Problem<'_>) -> Result<()> {
        Ok(self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO temp.problems (volume_id, path, kind, line, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![p.volume_id, p.path, p.kind, p.line, p.reason])
            .map(drop)?)
    }

    /// Records that the files of a folder are hidden by an ignore file in it or above it.
    pub fn note_hidden(&self, folder: i64) -> Result<()> {
        Ok(self.conn
            .prepare_cached(
                "INSERT OR IGNORE INTO temp.hiding (file_id) SELECT id FROM files WHERE folder_id = ?1 AND vanished IS NULL",
            )?
            .execute([folder])
            .map(drop)?)
    }

    /// The folders at or below a path that have hidden files: id and path.
    pub fn folders_hidden(&self, volume_id: i64, path: &[u8]) -> Result<Vec<FolderRow>> {
        let mut st = self.conn.prepare_cached(
            "SELECT DISTINCT d.id, d.path FROM hidden_files h CROSS JOIN files f ON f.id = h.file_id
               CROSS JOIN folders d ON d.id = f.folder_id
             WHERE d.volume_id = ?1
               AND (?2 = x'' OR d.path = ?2 OR (d.path > CAST(?2 || x'2f' AS BLOB) AND d.path < CAST(?2 || x'30' AS BLOB)))",
        )?;
        Ok(st
            .query_map(params![volume_id, path], |r| Ok(FolderRow { id: r.get(0)?, path: r.get(1)? }))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Records that a folder is no longer hidden: those of its files that are not found are removed like others.
    pub fn note_released(&self, folder: i64) -> Result<()> {
        Ok(self
            .conn
            .prepare_cached("INSERT OR IGNORE INTO temp.released (folder_id) VALUES (?1)")?
            .execute([folder])
            .map(drop)?)
    }

    /// Replaces the problems of an earlier walk with those of this one, for everything below `start`, or for the folder
    /// alone. Parts that were not read this time keep their problems.
    pub fn apply_problems(&self, volume_id: i64, start: &[u8], alone: bool) -> Result<()> {
        // An ignore file above the start may have been corrected as well: the walk has read it.
        let own = relative::child(start, ALBUMENIGNORE);
        let above: Vec<Vec<u8>> =
            std::iter::successors(Some(start), |&path| (!path.is_empty()).then(|| relative::split(path).0))
                .map(|folder| relative::child(folder, ALBUMENIGNORE))
                .collect();
        let unseen_below = "EXISTS (SELECT 1 FROM temp.problems t WHERE t.volume_id = ?1
            AND walk_problems.path > CAST(t.path || x'2f' AS BLOB) AND walk_problems.path < CAST(t.path || x'30' AS BLOB))";
        let below = if alone {
            "path IN (?2, ?3)"
        } else {
            "(?2 = x'' OR path = ?2 OR path = ?3
              OR (path > CAST(?2 || x'2f' AS BLOB) AND path < CAST(?2 || x'30' AS BLOB)))"
        };
        self.conn.execute(
            &format!("DELETE FROM walk_problems WHERE volume_id = ?1 AND {below} AND NOT {unseen_below}"),
            params![volume_id, start, own],
        )?;
        let mut st =
            self.conn.prepare_cached("DELETE FROM walk_problems WHERE volume_id = ?1 AND path = ?2")?;
        for path in above {
            st.execute(params![volume_id, path])?;
        }
        Ok(self.conn
            .prepare_cached(
                "INSERT INTO walk_problems (volume_id, path, kind, line, reason)
                 SELECT volume_id, path, kind, line, reason FROM temp.problems WHERE volume_id = ?1
                 ON CONFLICT (volume_id, path) DO UPDATE SET kind = excluded.kind, line = excluded.line, reason = excluded.reason",
            )?
            .execute([volume_id])
            .map(drop)?)
    }

    /// Applies recorded releases and hidings. Returns the files that are newly hidden.
    pub fn apply_hidden(&self, at: i64) -> Result<Vec<i64>> {
        self.conn.execute(
            "UPDATE files SET vanished = ?1 WHERE vanished IS NOT NULL AND id IN (
               SELECT h.file_id FROM hidden_files h CROSS JOIN files f ON f.id = h.file_id
                WHERE f.folder_id IN (SELECT folder_id FROM temp.released))",
            [at],
        )?;
        self.conn.execute(
            "DELETE FROM hidden_files WHERE file_id IN (
               SELECT h.file_id FROM hidden_files h CROSS JOIN files f ON f.id = h.file_id
                WHERE f.folder_id IN (SELECT folder_id FROM temp.released))",
            [],
        )?;
        let mut st = self.conn.prepare_cached(
            "SELECT f.id FROM temp.hiding h CROSS JOIN files f ON f.id = h.file_id WHERE f.vanished IS NULL ORDER BY f.id",
        )?;
        let hidden: Vec<i64> = st.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        for file in &hidden {
            super::record::vanish_file(&self.conn, *file, at)?;
            self.conn
                .prepare_cached("INSERT OR IGNORE INTO hidden_files (file_id) VALUES (?1)")?
                .execute([file])?;
        }
        Ok(hidden)
    }
}

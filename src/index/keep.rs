//! Housekeeping: what is forgotten after its grace period, which derivatives are still named, notes to itself.

use super::Index;
use crate::pipeline::vocabulary::Stage;
use rusqlite::{OptionalExtension, Result, params};
use std::collections::BTreeMap;

impl Index {
    /// Removes the rows of files that vanished before `before` (Unix seconds), and the derivatives of contents
    /// that no row has any more. Returns how many files.
    pub fn forget_vanished(&self, before: i64) -> Result<u64> {
        let tx = self.conn.unchecked_transaction()?;
        let forgotten =
            tx.execute("DELETE FROM files WHERE vanished IS NOT NULL AND vanished < ?1", [before])? as u64;
        tx.execute(
            "DELETE FROM derivatives WHERE content_hash IN (
               SELECT content_hash FROM derivatives EXCEPT SELECT content_hash FROM files)",
            [],
        )?;
        tx.commit()?;
        Ok(forgotten)
    }

    /// Answers whether a path (relative to the index folder) is named by a derivative row.
    pub fn derivative_lookup(&self) -> Result<impl FnMut(&str) -> bool + '_> {
        let mut st = self.conn.prepare("SELECT 1 FROM derivatives WHERE path = ?1")?;
        // A doubt is decided for keeping.
        Ok(move |path: &str| st.exists([path]).unwrap_or(true))
    }

    /// Removes the subjects found in a space, so that nothing is left of them.
    pub fn remove_subjects(&self, space: i64) -> Result<()> {
        let tx = self.conn.unchecked_transaction()?;
        let of_space = "file_id IN (SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id
             JOIN volumes v ON v.id = d.volume_id WHERE v.space_id = ?1)";
        tx.execute(&format!("DELETE FROM subjects WHERE {of_space}"), [space])?;
        tx.execute(&format!("DELETE FROM features WHERE {of_space}"), [space])?;
        tx.execute(&format!("DELETE FROM stage_state WHERE stage = 'subjects' AND {of_space}"), [space])?;
        tx.commit()
    }

    pub fn space_id(&self, name: &str) -> Result<Option<i64>> {
        self.conn.query_row("SELECT id FROM spaces WHERE name = ?1", [name], |r| r.get(0)).optional()
    }

    /// Whether the subjects stage has looked at anything in a space.
    pub fn has_subjects(&self, space: i64) -> Result<bool> {
        self.has_stage(space, Stage::Subjects)
    }

    /// Whether the faces stage has looked at anything in a space.
    pub fn has_found_faces(&self, space: i64) -> Result<bool> {
        self.has_stage(space, Stage::Faces)
    }

    fn has_stage(&self, space: i64, stage: Stage) -> Result<bool> {
        self.conn
            .prepare_cached(
                "SELECT 1 FROM volumes v JOIN folders d ON d.volume_id = v.id JOIN files f ON f.folder_id = d.id
                   JOIN stage_state s ON s.file_id = f.id AND s.stage = ?2 WHERE v.space_id = ?1 LIMIT 1",
            )?
            .exists(params![space, stage.name()])
    }

    pub fn meta(&self, key: &str) -> Result<Option<String>> {
        self.conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0)).optional()
    }

    pub fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        self.conn
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![key, value])
            .map(drop)
    }

    /// Present media files at or below a folder, by kind.
    pub fn kinds_below(&self, volume_id: i64, path: &[u8]) -> Result<BTreeMap<String, u64>> {
        let mut st = self.conn.prepare_cached(
            "SELECT i.kind, count(*) FROM items i JOIN files f ON f.id = i.file_id JOIN folders d ON d.id = f.folder_id
             WHERE d.volume_id = ?1 AND f.vanished IS NULL
               AND (?2 = x'' OR d.path = ?2 OR (d.path > CAST(?2 || x'2f' AS BLOB) AND d.path < CAST(?2 || x'30' AS BLOB))
                 OR CAST(CASE d.path WHEN x'' THEN x'' ELSE d.path || x'2f' END || f.name AS BLOB) = ?2)
             GROUP BY i.kind",
        )?;
        st.query_map(params![volume_id, path], |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64)))?.collect()
    }

    /// How many new and how many changed files wait.
    pub fn pending_kinds(&self) -> Result<(u64, u64)> {
        self.conn.query_row(
            "SELECT coalesce(sum(what = 'new'), 0), coalesce(sum(what = 'changed'), 0) FROM pending",
            [],
            |r| Ok((r.get::<_, i64>(0)? as u64, r.get::<_, i64>(1)? as u64)),
        )
    }
}

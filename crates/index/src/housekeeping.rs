//! Housekeeping: deletion after the grace period, references to derivatives, and internal state.

use super::{Index, IndexReader};
use crate::Result;
use albumen_core::vocabulary::Stage;
use rusqlite::{OptionalExtension, params};

/// The longest plausible time between two runs, seconds: a year.
const LONGEST_PAUSE_S: i64 = 366 * 86_400;

/// Number of queued files by kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingKinds {
    pub new: u64,
    pub changed: u64,
}

impl IndexReader {
    /// The latest recorded time. A clock before it is wrong (many machines start in 1970), and rows with its times
    /// would expire as soon as it is corrected.
    pub fn latest_moment(&self) -> Result<i64> {
        Ok(self.conn.query_row(
            "SELECT max(coalesce((SELECT max(added) FROM items WHERE hidden = 0), 0),
                        coalesce((SELECT max(vanished) FROM files WHERE vanished IS NOT NULL), 0))",
            [],
            |r| r.get(0),
        )?)
    }

    /// Returns a function that tests whether a derivative row has a path (relative to the index folder).
    pub fn derivative_lookup(&self) -> Result<impl FnMut(&str) -> bool + '_> {
        let mut st = self.conn.prepare("SELECT 1 FROM derivatives WHERE path = ?1")?;
        // When in doubt, keep the file.
        Ok(move |path: &str| st.exists([path]).unwrap_or(true))
    }

    pub fn space_id(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.conn.query_row("SELECT id FROM spaces WHERE name = ?1", [name], |r| r.get(0)).optional()?)
    }

    /// Whether the subjects stage has processed any file in a space.
    pub fn has_subjects(&self, space: i64) -> Result<bool> {
        self.has_stage(space, Stage::Subjects)
    }

    /// Whether the faces stage has processed any file in a space.
    pub fn has_found_faces(&self, space: i64) -> Result<bool> {
        self.has_stage(space, Stage::Faces)
    }

    fn has_stage(&self, space: i64, stage: Stage) -> Result<bool> {
        Ok(self.conn
            .prepare_cached(
                "SELECT 1 FROM volumes v JOIN folders d ON d.volume_id = v.id JOIN files f ON f.folder_id = d.id
                   JOIN stage_state s ON s.file_id = f.id AND s.stage = ?2 WHERE v.space_id = ?1 LIMIT 1",
            )?
            .exists(params![space, stage.name()])?)
    }

    pub fn meta(&self, key: &str) -> Result<Option<String>> {
        Ok(self.conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0)).optional()?)
    }

    /// Number of new and of changed files in the queue.
    pub fn pending_kinds(&self) -> Result<PendingKinds> {
        Ok(self.conn.query_row(
            "SELECT coalesce(sum(what = 'new'), 0), coalesce(sum(what = 'changed'), 0) FROM pending",
            [],
            |r| Ok(PendingKinds { new: r.get::<_, i64>(0)? as u64, changed: r.get::<_, i64>(1)? as u64 }),
        )?)
    }
}

impl Index {
    /// Deletes the rows of files that were removed before `before` (Unix seconds), except those hidden by an ignore
    /// file. Returns their number.
    pub fn forget_vanished(&self, before: i64) -> Result<u64> {
        Ok(self
            .conn
            .execute(
                "DELETE FROM files WHERE vanished IS NOT NULL AND vanished < ?1
                   AND NOT EXISTS (SELECT 1 FROM hidden_files h WHERE h.file_id = files.id)",
                [before],
            )
            .map(|n| n as u64)?)
    }

    /// The time that grace periods use. It follows the clock unless that is wrong: if the clock has jumped ahead by
    /// more than a year since the last check, no time has passed (`None`: nothing may be deleted), and after a pause
    /// this time advances at most twice as fast as the clock. So the rows of removed files survive a machine that
    /// starts with a date in another decade, even if it runs like that for a while.
    pub fn time_that_passed(&self, now: i64) -> Result<Option<i64>> {
        let time = |key| -> Result<Option<i64>> { Ok(self.meta(key)?.and_then(|v| v.parse().ok())) };
        let seen = match time("clock_seen")? {
            Some(seen) => seen,
            // An index of an earlier version.
            None => time("swept_at")?.unwrap_or(now),
        };
        let passed = time("time_passed")?.unwrap_or(seen);
        let since = now.saturating_sub(seen);
        let is_leap = since > LONGEST_PAUSE_S;
        // Unchanged values are not written.
        let new = if is_leap || since < 0 {
            passed
        } else {
            passed.saturating_add(since.saturating_mul(2)).min(now).max(passed)
        };
        if since != 0 || self.meta("time_passed")?.is_none() {
            self.set_meta("clock_seen", &now.to_string())?;
            self.set_meta("time_passed", &new.to_string())?;
        }
        Ok((!is_leap).then_some(new))
    }

    /// Deletes the derivative rows of contents that no file has. Checks all of them.
    pub fn forget_derivatives(&self) -> Result<()> {
        Ok(self
            .conn
            .execute(
                "DELETE FROM derivatives WHERE content_hash IN (
                   SELECT content_hash FROM derivatives EXCEPT SELECT content_hash FROM files)",
                [],
            )
            .map(drop)?)
    }

    /// Removes all subjects found in a space.
    pub fn remove_subjects(&self, space: i64) -> Result<()> {
        let tx = self.conn.unchecked_transaction()?;
        let of_space = "file_id IN (SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id
             JOIN volumes v ON v.id = d.volume_id WHERE v.space_id = ?1)";
        tx.execute(&format!("DELETE FROM subjects WHERE {of_space}"), [space])?;
        tx.execute(&format!("DELETE FROM features WHERE {of_space}"), [space])?;
        tx.execute(&format!("DELETE FROM stage_state WHERE stage = 'subjects' AND {of_space}"), [space])?;
        Ok(tx.commit()?)
    }

    pub fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        Ok(self
            .conn
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![key, value])
            .map(drop)?)
    }
}

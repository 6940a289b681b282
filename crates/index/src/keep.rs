//! Housekeeping: what is forgotten after its grace period, which derivatives are still named, notes to itself.

use super::{Index, IndexReader};
use crate::Result;
use albumen_core::vocabulary::Stage;
use rusqlite::{OptionalExtension, params};

/// The longest time between two runs that is believed, seconds: a year.
const LONGEST_PAUSE_S: i64 = 366 * 86_400;

/// How many files wait, by what a walk found of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingKinds {
    pub new: u64,
    pub changed: u64,
}

impl IndexReader {
    /// The latest moment that the index has recorded. A clock that says less is wrong (many boxes wake up in 1970), and what
    /// it stamped would be forgotten as soon as it is right again.
    pub fn latest_moment(&self) -> Result<i64> {
        Ok(self.conn.query_row(
            "SELECT max(coalesce((SELECT max(added) FROM items WHERE hidden = 0), 0),
                        coalesce((SELECT max(vanished) FROM files WHERE vanished IS NOT NULL), 0))",
            [],
            |r| r.get(0),
        )?)
    }

    /// Answers whether a path (relative to the index folder) is named by a derivative row.
    pub fn derivative_lookup(&self) -> Result<impl FnMut(&str) -> bool + '_> {
        let mut st = self.conn.prepare("SELECT 1 FROM derivatives WHERE path = ?1")?;
        // A doubt is decided for keeping.
        Ok(move |path: &str| st.exists([path]).unwrap_or(true))
    }

    pub fn space_id(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.conn.query_row("SELECT id FROM spaces WHERE name = ?1", [name], |r| r.get(0)).optional()?)
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

    /// How many new and how many changed files wait.
    pub fn pending_kinds(&self) -> Result<PendingKinds> {
        Ok(self.conn.query_row(
            "SELECT coalesce(sum(what = 'new'), 0), coalesce(sum(what = 'changed'), 0) FROM pending",
            [],
            |r| Ok(PendingKinds { new: r.get::<_, i64>(0)? as u64, changed: r.get::<_, i64>(1)? as u64 }),
        )?)
    }
}

impl Index {
    /// Removes the rows of files that vanished before `before` (Unix seconds), but for those that an ignore file only hides.
    /// Returns how many.
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

    /// The time as far as it has passed between runs, for what is forgotten after a while. It follows the clock, but not where
    /// that is wrong: where it has jumped ahead by more than a year since it was last looked at (`None`: then nothing is to be
    /// forgotten), no time has passed, and after a pause it catches up no faster than twice as fast. So the rows of deleted
    /// files outlive a box that wakes up in another decade, also when it runs there for a while.
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
        // What stays as it was need not be written.
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

    /// Removes the derivatives of contents that no file has any more. Looks at all of them.
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

    /// Removes the subjects found in a space, so that nothing is left of them.
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

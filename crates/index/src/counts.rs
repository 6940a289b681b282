//! Counts by space: items, waiting files, and results of each stage.

use super::IndexReader;
use super::due::{DUE, StageNow, UNDONE, files_for};
use super::unread::ByExtension;
use crate::Result;
use rusqlite::params;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// The counts of one space or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Visible photos and videos.
    pub items: u64,
    pub photos: u64,
    pub videos: u64,
    /// Files waiting for developing.
    pub pending: u64,
    /// Folders that walks could not enter, or that are hidden because their ignore file is invalid.
    pub not_walked: u64,
    pub stages: Vec<StageCount>,
    /// Pictures and videos of unsupported kinds, by extension.
    pub unread: ByExtension,
}

/// Done, due and failed files of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StageCount {
    pub stage: &'static str,
    pub done: u64,
    pub damaged: u64,
    pub failed: u64,
    pub skipped: u64,
    pub due: u64,
}

/// Number of joined rows `s` (stage_state) by outcome: done, damaged, failed, skipped.
pub(super) const STATES: &str = "coalesce(sum(s.state = 'done'), 0), coalesce(sum(s.state = 'damaged'), 0),
    coalesce(sum(s.state = 'failed'), 0), coalesce(sum(s.state = 'skipped'), 0)";

impl StageCount {
    fn add(&mut self, done: u64, damaged: u64, failed: u64, skipped: u64, due: u64) {
        self.done += done;
        self.damaged += damaged;
        self.failed += failed;
        self.skipped += skipped;
        self.due += due;
    }
}

impl Counts {
    /// Zero counts of these stages.
    fn of(stages: &[StageNow]) -> Counts {
        let stages = stages.iter().map(|s| StageCount { stage: s.stage.name(), ..StageCount::default() });
        Counts { stages: stages.collect(), ..Counts::default() }
    }
}

impl AddAssign<&Counts> for Counts {
    /// Both count the same stages, unless one is still empty.
    fn add_assign(&mut self, other: &Counts) {
        self.items += other.items;
        self.photos += other.photos;
        self.videos += other.videos;
        self.pending += other.pending;
        self.not_walked += other.not_walked;
        for (extension, files) in &other.unread {
            *self.unread.entry(extension.clone()).or_default() += files;
        }
        if self.stages.is_empty() {
            self.stages = other.stages.clone();
            return;
        }
        for (s, o) in self.stages.iter_mut().zip(&other.stages) {
            s.add(o.done, o.damaged, o.failed, o.skipped, o.due);
        }
    }
}

impl IndexReader {
    /// Counts every existing space, by name. `stages` gives the stages to count and when each is due.
    pub fn counts(&self, stages: &[StageNow], at: i64) -> Result<BTreeMap<String, Counts>> {
        let conn = &self.conn;
        let mut st = conn.prepare_cached("SELECT id, name FROM spaces")?;
        let spaces = st.query_map([], |r| Ok((r.get::<_, i64>(0)?, (r.get(1)?, Counts::of(stages)))))?;
        let mut spaces: BTreeMap<i64, (String, Counts)> = spaces.collect::<rusqlite::Result<_>>()?;
        let mut each = |sql: &str, put: fn(&mut Counts, u64)| -> Result<()> {
            let mut st = conn.prepare_cached(sql)?;
            for row in st.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)? as u64)))? {
                let (space, n) = row?;
                if let Some((_, counts)) = spaces.get_mut(&space) {
                    put(counts, n);
                }
            }
            Ok(())
        };
        // Both use an index; videos are few.
        each("SELECT space_id, count(*) FROM items WHERE hidden = 0 GROUP BY space_id", |c, n| c.items = n)?;
        each(
            "SELECT space_id, count(*) FROM items WHERE hidden = 0 AND kind = 'video' GROUP BY space_id",
            |c, n| c.videos = n,
        )?;
        each(
            "SELECT v.space_id, count(*) FROM pending p JOIN folders d ON d.id = p.folder_id
               JOIN volumes v ON v.id = d.volume_id GROUP BY v.space_id",
            |c, n| c.pending = n,
        )?;
        each(
            "SELECT v.space_id, count(*) FROM walk_problems p JOIN volumes v ON v.id = p.volume_id GROUP BY v.space_id",
            |c, n| c.not_walked = n,
        )?;
        for (space, extension, files) in self.unread()? {
            if let Some((_, counts)) = spaces.get_mut(&space) {
                counts.unread.insert(extension, files);
            }
        }
        for (i, stage) in stages.iter().enumerate() {
            let from = "FROM volumes v CROSS JOIN folders d ON d.volume_id = v.id";
            // First cached counts of complete folders, then the files of the others, by volume and in index order, so
            // that nothing is sorted.
            let concluded = format!(
                "SELECT v.space_id, sum(q.done), sum(q.damaged), sum(q.failed), sum(q.skipped), 0 {from}
                   CROSS JOIN folder_done q ON q.folder_id = d.id AND q.stage = ?3 AND q.version = ?4 AND q.settings = ?5
                 WHERE ?1 IS NULL AND ?2 IS NULL AND ?7 = ?7 GROUP BY v.id"
            );
            let others = format!(
                "SELECT v.space_id, {STATES}, coalesce(sum({DUE}), 0) {from}
                   CROSS JOIN files f ON f.folder_id = d.id LEFT JOIN stage_state s ON s.file_id = f.id AND s.stage = ?3
                 WHERE {UNDONE} AND {} AND ?1 IS NULL AND ?2 IS NULL GROUP BY v.id",
                files_for(stage.stage)
            );
            for sql in [concluded, others] {
                let mut st = conn.prepare_cached(&sql)?;
                // The parameters have the numbers of UNDONE and DUE, for both; ?1 and ?2 are unused here.
                let nothing = None::<i64>;
                let (name, version) = (stage.stage.name(), stage.version);
                let mut rows = st.query(params![nothing, nothing, name, version, stage.settings, at, 0])?;
                while let Some(r) = rows.next()? {
                    let n = |column| r.get::<_, i64>(column).map(|n| n as u64);
                    if let Some((_, counts)) = spaces.get_mut(&r.get::<_, i64>(0)?) {
                        counts.stages[i].add(n(1)?, n(2)?, n(3)?, n(4)?, n(5)?);
                    }
                }
            }
        }
        Ok(spaces
            .into_values()
            .map(|(name, mut counts)| {
                counts.photos = counts.items.saturating_sub(counts.videos);
                (name, counts)
            })
            .collect())
    }
}

//! How much there is, by space: items, files that wait, and what each stage has done.

use super::Index;
use super::due::{DUE, StageNow, UNDONE, files_for};
use rusqlite::{Result, params};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// What a space holds, or several together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Photos and videos shown.
    pub items: u64,
    pub photos: u64,
    pub videos: u64,
    /// Files that wait to be developed.
    pub pending: u64,
    pub stages: Vec<StageCount>,
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

/// How many of the joined rows `s` (stage_state) ended in which way: done, damaged, failed, skipped.
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
    /// Nothing yet, of these stages.
    fn of(stages: &[StageNow]) -> Counts {
        let stages = stages.iter().map(|s| StageCount { stage: s.stage.name(), ..StageCount::default() });
        Counts { stages: stages.collect(), ..Counts::default() }
    }
}

impl AddAssign<&Counts> for Counts {
    /// Both count the same stages, unless one counts nothing yet.
    fn add_assign(&mut self, other: &Counts) {
        self.items += other.items;
        self.photos += other.photos;
        self.videos += other.videos;
        self.pending += other.pending;
        if self.stages.is_empty() {
            self.stages = other.stages.clone();
            return;
        }
        for (s, o) in self.stages.iter_mut().zip(&other.stages) {
            s.add(o.done, o.damaged, o.failed, o.skipped, o.due);
        }
    }
}

impl Index {
    /// Counts every space there is, by name. `stages` names the stages to count and what "due" means for each.
    pub fn counts(&self, stages: &[StageNow], at: i64) -> Result<BTreeMap<String, Counts>> {
        let conn = &self.conn;
        let mut st = conn.prepare_cached("SELECT id, name FROM spaces")?;
        let spaces = st.query_map([], |r| Ok((r.get::<_, i64>(0)?, (r.get(1)?, Counts::of(stages)))))?;
        let mut spaces: BTreeMap<i64, (String, Counts)> = spaces.collect::<Result<_>>()?;
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
        // Both along an index; videos are few.
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
        for (i, stage) in stages.iter().enumerate() {
            let from = "FROM volumes v CROSS JOIN folders d ON d.volume_id = v.id";
            // What is concluded of whole folders, in which nothing is due; then the files of the others. By volumes, and in
            // their order, so that nothing is sorted.
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
                // The numbers are those of UNDONE and DUE, for both; ?1 and ?2 are nothing here.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::synthetic;
    use crate::discover::FileStat;
    use crate::discover::mounts::FsId;
    use crate::index::due::Scope;
    use crate::index::record::{self, Outcome};
    use crate::pipeline::fault::Fault;

    #[test]
    fn what_is_concluded_counts_as_what_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let space = index.space("me", "personal").unwrap();
        let volume = index.volume(space, b"/photos").unwrap().id;
        let folders = [b"a", b"b"].map(|path| index.folder(volume, path).unwrap());
        let files = (0..6u64).map(|n| {
            let stat = FileStat { inode: n, size: 10, mtime_ns: 5, ctime_ns: 5 };
            synthetic::file(n, folders[n as usize % 2], format!("{n}.jpg").as_bytes(), FsId(1), stat)
        });
        synthetic::write(synthetic::recorder(index.another().unwrap()), files).unwrap();
        let all = synthetic::stages();
        let faces = all.faces.unwrap();
        let stages = [all.inspect, all.render, faces.clone()];
        let looks = (0..4u64).map(|n| synthetic::looked_at(n, 1, n as i64 + 1));
        synthetic::write(synthetic::recorder(index.another().unwrap()), looks).unwrap();
        let counts = || index.counts(&stages, 0).unwrap().remove("me").unwrap().stages;
        let concluded =
            || -> i64 { index.conn.query_row("SELECT count(*) FROM folder_done", [], |r| r.get(0)).unwrap() };
        let ways = |c: &StageCount| [c.done, c.damaged, c.failed, c.skipped, c.due];
        let same_either_way = |of_faces: [u64; 5], folders: i64| {
            let looked_at = counts();
            assert_eq!(ways(&looked_at[2]), of_faces);
            assert_eq!(ways(&looked_at[0]), [6, 0, 0, 0, 0]);
            index.sum_up(&Scope::All, &stages).unwrap();
            assert_eq!((counts(), concluded()), (looked_at, folders));
        };
        // Files 5 and 6 are due, one in each folder.
        same_either_way([4, 0, 0, 0, 2], 4);
        let put = |file: i64, outcome: &Outcome| {
            let key = crate::pipeline::keys::input_key(&faces, "");
            record::put_stage(&index.conn, file, faces.stage, faces.version, &key, outcome, 0).unwrap();
        };
        put(5, &Outcome::Skipped("no picture".into()));
        put(6, &Outcome::Failed(Fault::Corrupt { why: "broken".into() }));
        same_either_way([4, 0, 1, 1, 0], 6);
        put(1, &Outcome::Damaged("half of it".into()));
        same_either_way([3, 1, 1, 1, 0], 6);
    }
}

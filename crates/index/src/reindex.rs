//! `reindex`: selects files of a scope, makes their stages due again, and estimates the cost.
//!
//! User edits are never changed: they are in separate tables, and no statement here refers to those.

use super::due::Scope;
use super::people::forget_conclusions;
use super::{Editor, Index, IndexReader};
use crate::Result;
use albumen_core::store_dir::StoreDir;
use albumen_core::vocabulary::Stage;
use rusqlite::{Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to do again. Each condition restricts the selection; without any, all files of the scope are selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Again {
    pub stages: Vec<Stage>,
    /// Only what `albumen failures` lists.
    pub failed: bool,
    /// Only what is missing: stages that were never done, derivatives missing in `derived/`.
    pub missing: bool,
    /// Only results of stages with a lower version.
    pub older_than: Option<u32>,
}

/// Total cost of one stage so far, over all runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub files: u64,
    pub cpu_s: f64,
}

/// Conditions on `s` (stage_state); ?4 failed, ?5 missing, ?6 older than (NULL: any).
const MEANT: &str = "(?4 = 0 OR s.state IN ('failed', 'damaged') OR (s.state = 'skipped' AND s.fault IS NOT NULL))
    AND (?6 IS NULL OR s.version < ?6)
    AND (?5 = 0 OR s.file_id IS NULL OR (?3 = 'render' AND f.content_hash IN (SELECT value FROM json_each(?7))))";

/// The files that a stage applies to.
const FOR_STAGE: &str = "f.is_sidecar = 0 AND f.vanished IS NULL AND v.offline IS NULL
    AND (?3 IN ('inspect', 'render') OR (f.companion_of IS NULL AND f.content_hash IS NOT NULL))
    AND (?3 <> 'people' OR EXISTS (SELECT 1 FROM stage_state x WHERE x.file_id = f.id AND x.stage = 'faces'))";

/// A kept request for stages to be done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reindexed {
    pub job: i64,
    /// Files by stage.
    pub files: BTreeMap<&'static str, u64>,
}

impl IndexReader {
    /// Number of files that [`Editor::make_due`] selects, by stage.
    pub fn count_again(&self, scopes: &[Scope], again: &Again) -> Result<BTreeMap<&'static str, u64>> {
        self.count_with(scopes, again, &self.lost_pictures(scopes, again)?)
    }

    fn count_with(
        &self,
        scopes: &[Scope],
        again: &Again,
        lost: &[String],
    ) -> Result<BTreeMap<&'static str, u64>> {
        let mut counts = BTreeMap::new();
        for (scope, lost) in scopes.iter().zip(lost) {
            let (id, path) = scope.params();
            for stage in &again.stages {
                let sql = format!(
                    "SELECT count(*) FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                       LEFT JOIN stage_state s ON s.file_id = f.id AND s.stage = ?3
                      WHERE {} AND {FOR_STAGE} AND {MEANT}",
                    scope.sql()
                );
                let files: i64 = self.conn.query_row(
                    &sql,
                    params![id, path, stage.name(), again.failed, again.missing, again.older_than, lost],
                    |r| r.get(0),
                )?;
                *counts.entry(stage.name()).or_insert(0) += files as u64;
            }
        }
        Ok(counts)
    }

    /// For each scope, the contents with a missing derivative on disk, as a JSON list; only if requested. It reads the
    /// folders of derivatives, so it runs before any transaction.
    fn lost_pictures(&self, scopes: &[Scope], again: &Again) -> Result<Vec<String>> {
        scopes.iter().map(|scope| self.lost_pictures_in(scope, again)).collect()
    }

    fn lost_pictures_in(&self, scope: &Scope, again: &Again) -> Result<String> {
        let mut lost: Vec<String> = Vec::new();
        if again.missing && again.stages.contains(&Stage::Render) {
            let sql = format!(
                "SELECT DISTINCT c.content_hash, c.path FROM files f JOIN folders d ON d.id = f.folder_id
                   JOIN derivatives c ON c.content_hash = f.content_hash
                  WHERE {} AND f.vanished IS NULL ORDER BY 1",
                scope.sql()
            );
            let (id, path) = scope.params();
            let mut st = self.conn.prepare(&sql)?;
            let mut rows = st.query(params![id, path])?;
            while let Some(r) = rows.next()? {
                let content: String = r.get(0)?;
                let is_known = lost.last().is_some_and(|l| *l == content);
                let path: String = r.get(1)?;
                let is_there = || StoreDir::open(self.dir()).and_then(|d| d.open_file(&path)).is_ok();
                if !is_known && !is_there() {
                    lost.push(content);
                }
            }
        }
        Ok(serde_json::to_string(&lost).expect("strings"))
    }

    /// Spaces with faces that no clustering has processed: after an interrupted run, and after `reindex --stage
    /// people`.
    pub fn spaces_to_cluster(&self) -> Result<Vec<i64>> {
        let mut st = self.conn.prepare_cached(
            "SELECT DISTINCT v.space_id FROM faces a JOIN files f ON f.id = a.file_id
               JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
              WHERE a.clustered = 0 AND a.person_id IS NULL AND a.mark IS NULL AND a.lost = 0
                AND a.embedder = (SELECT value FROM meta WHERE key = 'embedder')
                AND f.vanished IS NULL AND f.companion_of IS NULL",
        )?;
        Ok(st.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Total cost of each part of the work so far: inspect, decode, render, faces, subjects.
    pub fn costs(&self) -> Result<BTreeMap<String, Cost>> {
        let kept = self.meta("stage_cost")?;
        Ok(kept.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
    }
}

impl Editor {
    /// Makes the selected stages due again; returns the number of files by stage, including those that were due before.
    pub fn make_due(&self, scopes: &[Scope], again: &Again) -> Result<BTreeMap<&'static str, u64>> {
        let lost = self.lost_pictures(scopes, again)?;
        self.make_due_with(scopes, again, &lost)
    }

    /// Makes stages due again and stores the request, in one transaction: an accepted request is always completed.
    /// Returns the job's id and the files by stage.
    pub fn reindex(&self, scopes: &[Scope], again: &Again, paths: &[PathBuf], now: i64) -> Result<Reindexed> {
        let lost = self.lost_pictures(scopes, again)?;
        // It reads before it writes: take the write lock first, or a commit in between would make it fail.
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let counts = self.make_due_with(scopes, again, &lost)?;
        let job = self.add_job(1, paths, now)?;
        tx.commit()?;
        Ok(Reindexed { job, files: counts })
    }

    fn make_due_with(
        &self,
        scopes: &[Scope],
        again: &Again,
        lost: &[String],
    ) -> Result<BTreeMap<&'static str, u64>> {
        let counts = self.count_with(scopes, again, lost)?;
        for (scope, lost) in scopes.iter().zip(lost) {
            let (id, path) = scope.params();
            for stage in &again.stages {
                let sql = format!(
                    "DELETE FROM stage_state WHERE stage = ?3 AND file_id IN (
                       SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id
                         JOIN stage_state s ON s.file_id = f.id AND s.stage = ?3
                        WHERE {} AND f.vanished IS NULL AND {MEANT})",
                    scope.sql()
                );
                self.conn.execute(
                    &sql,
                    params![id, path, stage.name(), again.failed, again.missing, again.older_than, lost],
                )?;
            }
            if counts.get(Stage::People.name()).is_some_and(|n| *n > 0) {
                for space in self.spaces_of(scope)? {
                    forget_conclusions(self, space)?;
                }
            }
        }
        Ok(counts)
    }
}

impl Index {
    /// Adds the costs of this run.
    pub fn add_costs(&self, more: &BTreeMap<&'static str, Cost>) -> Result<()> {
        if more.is_empty() {
            return Ok(());
        }
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let mut all = self.costs()?;
        for (part, cost) in more {
            let sum = all.entry((*part).to_owned()).or_default();
            sum.files += cost.files;
            sum.cpu_s += cost.cpu_s;
        }
        self.set_meta("stage_cost", &serde_json::to_string(&all).expect("plain figures"))?;
        Ok(tx.commit()?)
    }
}

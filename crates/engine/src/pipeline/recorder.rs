//! The recorder: the single writer. Results arrive over a channel and are written in batches, one transaction each.
//!
//! Promises: derivatives are durable before their batch commits; a batch is atomic; committed work is never requested
//! again.

use super::keys;
use super::progress::Progress;
use super::store::Store;
use albumen_core::clock::now;
use albumen_core::failpoints::{noted, reached};
use albumen_core::fault::Fault;
use albumen_core::vocabulary::{Facts, Recognised, Stage};
use albumen_files::FileStat;
use albumen_files::hash::ContentHash;
use albumen_files::mounts::FsId;
use albumen_index::due::StageNow;
use albumen_index::record::{DerivativeRow, Elsewhere, Outcome, ReadFile};
use albumen_index::{Error as IndexError, Index, IndexWriter};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A batch is committed when it has this many results ...
const BATCH_COUNT: usize = 256;
/// ... or its first one has waited this long: the maximum loss in a power failure, besides files in progress.
const BATCH_TIME: Duration = Duration::from_secs(1);
/// Idle time after which the memory of its connection is released.
const REST_AFTER: Duration = Duration::from_secs(10);

/// A message to the recorder.
#[derive(Debug)]
pub enum Record {
    /// A file that was read, successfully or not.
    File(Box<FileRecord>),
    /// The content is unchanged; only its stat is new.
    Touched { pending_id: i64, file_id: i64, fs: FsId, stat: FileStat },
    /// No work to do: the file was removed or is not a media file. The next walk decides.
    Dropped { pending_id: i64 },
    /// The recognition result of a file.
    Recognised(Box<RecognisedRecord>),
    /// Commit now, and notify the sender when all previous records are durable.
    Flush(crossbeam_channel::Sender<()>),
}

/// The result of one visit to a file.
#[derive(Debug)]
pub struct FileRecord {
    pub pending_id: i64,
    pub folder_id: i64,
    pub name: Vec<u8>,
    pub fs: FsId,
    pub stat: FileStat,
    pub content_hash: Option<String>,
    /// The file's own inputs, 16 hex digits.
    pub file_inputs: String,
    /// The content is unchanged; only its times differ.
    pub touched: bool,
    /// The file was moved here from this path, which no longer exists and was not walked in this run.
    pub moved_from: Option<Elsewhere>,
    pub facts: Option<Facts>,
    pub inspect: Outcome,
    /// `None`: render was not due.
    pub render: Option<Outcome>,
    pub derivatives: Option<Vec<DerivativeRow>>,
    pub thumbhash: Option<Vec<u8>>,
}

/// The recognition result of one file.
#[derive(Debug)]
pub struct RecognisedRecord {
    pub file_id: i64,
    pub content_hash: String,
    /// Which stages were due.
    pub faces: bool,
    pub subjects: bool,
    /// `None`: the file has no picture.
    pub answer: Result<Option<Recognised>, Fault>,
}

/// The stages with their versions in this run.
#[derive(Debug, Clone)]
pub struct Stages {
    pub inspect: StageNow,
    pub render: StageNow,
    pub faces: Option<StageNow>,
    pub subjects: Option<StageNow>,
}

/// Called when a batch cannot be committed; may block, and returns whether to retry.
pub type Patience = Box<dyn Fn(&IndexError) -> bool + Send>;

/// Called after each commit with its records; publishes the service's events.
pub type Committed = Arc<dyn Fn(&[Record]) + Send + Sync>;

/// The recorder of a run.
pub struct Recorder {
    pub index: Index,
    pub store: Store,
    pub stages: Stages,
    pub progress: Arc<Progress>,
    pub committed: Option<Committed>,
    pub patience: Option<Patience>,
}

impl Recorder {
    /// Writes records until all senders are dropped.
    pub fn run(mut self, incoming: Receiver<Record>) -> Result<(), IndexError> {
        let mut batch: Vec<Record> = Vec::new();
        let mut since = Instant::now();
        let mut rests = false;
        loop {
            let wait = match (batch.is_empty(), rests) {
                (true, false) => REST_AFTER,
                // With nothing to write, there is no reason to wake up.
                (true, true) => Duration::from_secs(3600),
                (false, _) => BATCH_TIME.saturating_sub(since.elapsed()),
            };
            let (record, end) = match incoming.recv_timeout(wait) {
                Ok(r) => (Some(r), false),
                Err(RecvTimeoutError::Timeout) => (None, false),
                Err(RecvTimeoutError::Disconnected) => (None, true),
            };
            if batch.is_empty() {
                rests = record.is_none();
                if rests {
                    self.index.shrink();
                }
            }
            let mut flush = Vec::new();
            match record {
                Some(Record::Flush(heard)) => flush.push(heard),
                Some(r) => {
                    if batch.is_empty() {
                        since = Instant::now();
                    }
                    batch.push(r);
                }
                None => {}
            }
            let full = batch.len() >= BATCH_COUNT || since.elapsed() >= BATCH_TIME;
            if !batch.is_empty() && (full || end || !flush.is_empty()) {
                while let Err(e) = self.commit(&batch) {
                    if !self.patience.as_ref().is_some_and(|again| again(&e)) {
                        return Err(e);
                    }
                }
                if let Some(committed) = &self.committed {
                    committed(&batch);
                }
                batch.clear();
            }
            // The receiver may have been dropped, which is not an error.
            for heard in flush {
                let _ = heard.send(());
            }
            if end {
                return Ok(());
            }
        }
    }

    fn commit(&mut self, batch: &[Record]) -> Result<(), IndexError> {
        let wrote = batch.iter().any(|r| matches!(r, Record::File(f) if f.derivatives.is_some()));
        if wrote {
            // A sync error is reported only once: then the derivatives must be written again, not just the commit.
            self.store.sync().map_err(IndexError::Store)?;
        }
        let at = now();
        let tx = self.index.write()?;
        let mut others = BTreeSet::new();
        for r in batch {
            match r {
                Record::File(f) => {
                    others.insert(put(&tx, f, &self.stages, at)?);
                }
                Record::Touched { pending_id, file_id, fs, stat } => {
                    if tx.touch_file(*file_id, *fs, stat)? {
                        others.insert(*file_id);
                    }
                    tx.pending_done(*pending_id)?;
                }
                Record::Dropped { pending_id } => tx.pending_done(*pending_id)?,
                Record::Recognised(r) => put_recognised(&tx, r, &self.stages, at)?,
                Record::Flush(_) => {}
            }
        }
        tx.refresh_all(others)?;
        for r in batch {
            let Record::File(f) = r else { continue };
            f.derivatives.iter().flatten().for_each(|d| noted("commits", &d.path));
        }
        reached("before_commit");
        tx.commit()?;
        reached("after_commit");
        Ok(())
    }
}

/// Records a file and returns its id; its item is updated later.
fn put(tx: &IndexWriter<'_>, f: &FileRecord, stages: &Stages, at: i64) -> Result<i64, IndexError> {
    // Rule 3 of identity again: a file that was unreadable during move detection was queued as new.
    if let Some(hash) = f.content_hash.as_deref().and_then(ContentHash::parse)
        && let Some(id) = tx.vanished_for(f.folder_id, &f.name, &hash, &f.stat)?
    {
        tx.move_file(id, f.folder_id, &f.name, f.fs, &f.stat)?;
    } else if let Some(was) = &f.moved_from
        && tx.is_at(was)?
    {
        tx.move_file(was.id, f.folder_id, &f.name, f.fs, &f.stat)?;
    }
    let read = ReadFile {
        folder_id: f.folder_id,
        name: &f.name,
        fs: f.fs,
        stat: &f.stat,
        content_hash: f.content_hash.as_deref(),
        facts: f.facts.as_ref(),
        thumbhash: f.thumbhash.as_deref(),
    };
    let file = tx.put_file(&read, at)?;
    let id = file.id;
    let stage = |now: &StageNow, inputs: &str, outcome: &Outcome| {
        tx.put_stage(id, now.stage, now.version, &keys::input_key(now, inputs), outcome, at)
    };
    stage(&stages.inspect, &keys::inspect_inputs(&f.file_inputs, f.stat.mtime_ns), &f.inspect)?;
    if let Some(outcome) = &f.render {
        stage(&stages.render, &f.file_inputs, outcome)?;
    }
    if let (Some(rows), Some(hash)) = (&f.derivatives, &f.content_hash) {
        tx.put_derivatives(hash, rows)?;
    }
    // No stage of a new file is done.
    if !file.is_new {
        if let Some(facts) = &f.facts {
            tx.stage_again_unless(id, Stage::Places, &keys::places_inputs(tx.position(id, facts.gps)?))?;
        }
        // Recognition depends on the derivatives of the content: a new content makes it due.
        let inputs = keys::recognise_inputs(f.content_hash.as_deref().unwrap_or_default());
        tx.stage_again_unless(id, Stage::Faces, &inputs)?;
        tx.stage_again_unless(id, Stage::Subjects, &inputs)?;
    }
    tx.mark_recorded(file, f.folder_id)?;
    tx.pending_done(f.pending_id)?;
    Ok(id)
}

fn put_recognised(
    tx: &IndexWriter<'_>,
    r: &RecognisedRecord,
    stages: &Stages,
    at: i64,
) -> Result<(), IndexError> {
    let inputs = match r.answer {
        Ok(None) => keys::NO_PICTURE.to_owned(),
        _ => keys::recognise_inputs(&r.content_hash),
    };
    let outcome = match &r.answer {
        Ok(Some(_)) => Outcome::Done,
        Ok(None) => Outcome::Skipped("there is no picture of it to look at".into()),
        Err(fault) => Outcome::Failed(fault.clone()),
    };
    let due = [(&stages.faces, r.faces), (&stages.subjects, r.subjects)];
    for now in due.into_iter().filter(|d| d.1).filter_map(|d| d.0.as_ref()) {
        if let Ok(Some(seen)) = &r.answer {
            match now.stage {
                Stage::Subjects => tx.put_subjects(r.file_id, &seen.subjects, &seen.features)?,
                Stage::Faces => tx.record_faces(r.file_id, &seen.faces, &now.settings)?,
                _ => {}
            }
        }
        let key = keys::input_key(now, &inputs);
        tx.put_stage(r.file_id, now.stage, now.version, &key, &outcome, at)?;
        if now.stage == Stage::Faces {
            // Runs do not query for changed faces: make the people stage due here.
            tx.stage_again(r.file_id, Stage::People)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::pipeline::keys;
    use crate::synthetic;
    use albumen_files::FileStat;
    use albumen_files::mounts::FsId;
    use albumen_index::due::Scope;
    use albumen_index::{Index, people, testing};

    /// A file that was unreadable during move detection is queued as new; its content still identifies it.
    #[test]
    fn a_new_path_with_a_vanished_content_is_the_file_that_vanished() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let space = index.space("me", "personal").unwrap();
        let volume = index.volume(space, b"/photos").unwrap().id;
        let folder = index.folder(volume, b"2019").unwrap();
        let put = |n: u64, name: &[u8]| {
            let stat = FileStat { inode: n, size: 10, mtime_ns: 5, ctime_ns: 5 };
            let file = synthetic::file(n, folder, name, FsId(1), stat);
            synthetic::write(synthetic::recorder(index.another().unwrap()), [file].into_iter()).unwrap();
        };
        let files = || testing::files(&index);
        put(1, b"a.jpg");
        let id = files()[0].id;
        let tx = index.write_together().unwrap();
        tx.vanish_file(id, 1).unwrap();
        tx.commit().unwrap();
        // A new content is a new file, and so is a copy of an existing one.
        put(2, b"c.jpg");
        put(1, b"b.jpg");
        put(1, b"copy.jpg");
        let all = files();
        assert_eq!((all[0].id, all[0].name.as_slice(), all[0].is_vanished), (id, b"b.jpg".as_slice(), false));
        assert_eq!(all.len(), 3, "{all:?}");
    }

    /// A stage that follows from rows of another stage must detect changes itself.
    #[test]
    fn people_of_a_folder_are_done_until_a_file_has_other_faces() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let space = index.space("me", "personal").unwrap();
        let volume = index.volume(space, b"/photos").unwrap().id;
        let folder = index.folder(volume, b"2019").unwrap();
        let put = |record| {
            synthetic::write(synthetic::recorder(index.another().unwrap()), std::iter::once(record)).unwrap()
        };
        let stat = FileStat { inode: 1, size: 10, mtime_ns: 5, ctime_ns: 5 };
        put(synthetic::file(1, folder, b"a.jpg", FsId(1), stat));
        put(synthetic::face(1, 1, 1));
        let now = keys::people_now();
        let undone = || index.undone_folders(&Scope::All, &now).unwrap();
        let of_faces = || testing::people_follow_faces(&index);
        assert_eq!((of_faces(), undone()), (None, vec![folder]));
        for content in [1, 1, 2] {
            put(synthetic::face(content, 1, 1));
            people::mark_done(&index, space, &now).unwrap();
            assert_eq!((of_faces(), undone()), (Some(true), vec![]));
        }
        // Without the row, the folder would be skipped as done.
        put(synthetic::face(3, 1, 1));
        assert_eq!((of_faces(), undone()), (None, vec![folder]));
    }
}

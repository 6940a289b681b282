//! Inspect, decode and render, driven: threads that take work from a queue, read and hash each file, hand it
//! through the wall, store what comes back, and pass the result to the recorder.

use super::budget::{Claim, MemoryBudget, Resting};
use super::keys;
use super::progress::Progress;
use super::recorder::{FileRecord, Record, RecordError, Stages};
use super::shutdown::Shutdown;
use super::store::Store;
use albumen_core::cancel::CancelToken;
use albumen_core::clock::now;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::store_dir;
use albumen_core::vocabulary::{DevelopRequest, Developed, Inputs, Kind, RenderSettings, Stage};
use albumen_files::hash::{ContentHash, Hashed};
use albumen_files::mounts::MountTable;
use albumen_files::open::{Root, open_beneath, stat_beneath};
use albumen_files::pages::Pages;
use albumen_files::read::{Read, read};
use albumen_files::volume::{self, Fingerprint};
use albumen_files::walk::{self, Role};
use albumen_files::{FileStat, relative};
use albumen_index::Index;
use albumen_index::items::kind_by_name;
use albumen_index::record::{self, DerivativeRow, Elsewhere, Outcome};
use albumen_index::scan::{FileRow, PendingRow, What};
use albumen_isolation::kind::DiskClass;
use albumen_isolation::{Kindness, WorkerHandle, WorkerSettings};
use crossbeam_channel::Sender;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

/// A file that keeps changing while it is read is tried this often in one run, then left to the next.
const CHANGING_TRIES: u32 = 3;

/// Sidecars larger than this are no sidecars (Lightroom's largest are a few MB).
const SIDECAR_LIMIT: u64 = 16 << 20;

/// Where threads get their work from.
pub trait JobSource: Sync {
    /// The next file, waiting for it, and the word that stops the work on it; `None`: there will be no more. `idle` is
    /// called when there has been nothing for long: what costs memory may go. A queue that cannot be read is an error, and
    /// not one that is empty.
    fn next(
        &self,
        thread: usize,
        idle: &mut dyn FnMut(),
    ) -> Result<Option<(PendingRow, CancelToken)>, RecordError>;
    /// The work on a file has ended; its record is on its way.
    fn worked(&self, _job: &PendingRow) {}
    /// The work on a file was stopped; nothing was recorded.
    fn gave_back(&self, _job: &PendingRow) {}
    /// How kind the processes are that work on a file.
    fn kindness(&self, _job: &PendingRow) -> Option<Kindness> {
        None
    }
    /// What was made of a file could not be stored. Whether to give the file back and go on; else the work ends.
    fn goes_on_after(&self, _e: &RecordError) -> bool {
        false
    }
    /// A file that somebody waits for needs memory that others have.
    fn make_memory(&self) {}
}

/// What all threads of a run share.
#[derive(Clone)]
pub struct Shared {
    pub budget: MemoryBudget,
    pub progress: Arc<Progress>,
    pub shutdown: Shutdown,
    pub store: Store,
    pub stages: Stages,
    pub render: RenderSettings,
    pub worker: WorkerSettings,
}

/// One thread's tools.
pub struct Developer {
    shared: Shared,
    thread: usize,
    index: Index,
    worker: WorkerHandle,
    /// What the worker holds between two files.
    resting: Option<Resting>,
    root: Option<(i64, Root)>,
    /// Stops the work on the present file.
    cancel: CancelToken,
}

impl Developer {
    pub fn new(shared: Shared, thread: usize, index: Index) -> Developer {
        let worker = WorkerHandle::new(shared.worker.clone());
        Developer { shared, thread, index, worker, resting: None, root: None, cancel: CancelToken::new() }
    }

    /// Works until the source ends or the run is stopped.
    pub fn run(mut self, source: &dyn JobSource, out: &Sender<Record>) -> Result<(), RecordError> {
        let mut disk = DiskClass::of_this_thread();
        loop {
            let mut idle = || {
                self.worker.end();
                self.resting = None;
                self.index.shrink();
            };
            let Some((job, cancel)) = source.next(self.thread, &mut idle)? else { break };
            let kindness = source.kindness(&job);
            self.worker.be_kind(kindness);
            // This thread reads and hashes; it stays as it is for the CPU, since it could not be raised again.
            disk.set_idle(kindness.is_some_and(|k| k.idle_class));
            if self.shared.shutdown.requested() {
                break;
            }
            self.cancel = cancel;
            let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
            self.shared.progress.begin(self.thread, path.to_string_lossy().into_owned());
            let record = self.visit(&job, source);
            self.shared.progress.end(self.thread);
            let record = match record {
                Err(e) if !source.goes_on_after(&e) => return Err(e),
                record => record.ok().flatten(),
            };
            let Some(record) = record else {
                source.gave_back(&job);
                continue;
            };
            if let Record::File(f) = &record
                && !f.touched
            {
                match job.what {
                    What::New if f.moved_from.is_some() => Progress::add(&self.shared.progress.moved, 1),
                    What::New => Progress::add(&self.shared.progress.new, 1),
                    What::Changed => Progress::add(&self.shared.progress.changed, 1),
                    What::Due => {}
                }
            }
            source.worked(&job);
            Progress::add(&self.shared.progress.developed, 1);
            Progress::add(&self.shared.progress.bytes_done, job.bytes);
            // Somebody waits for an upload: it is committed at once and not with its batch.
            let flush = (job.priority == 0).then(|| Record::Flush(crossbeam_channel::bounded(1).0));
            if out.send(record).is_err() || flush.is_some_and(|f| out.send(f).is_err()) {
                // The recorder has stopped and says why itself.
                break;
            }
        }
        self.worker.end();
        Ok(())
    }

    /// One file, from its path to its record; `None` when the run was stopped in the middle.
    fn visit(&mut self, job: &PendingRow, source: &dyn JobSource) -> Result<Option<Record>, RecordError> {
        let dropped = Record::Dropped { pending_id: job.id };
        // A file that was new when it was queued may have been done since, for another request.
        let file_id = match job.file_id {
            None => self.index.file_in(job.folder_id, &job.name)?,
            known => known,
        };
        let known = match file_id {
            Some(id) => self.index.file(id)?,
            None => None,
        };
        if self.root.as_ref().is_none_or(|(id, _)| *id != job.volume_id) {
            let path = relative::on_disk(&[&job.volume_path]);
            match Root::open(&path) {
                Ok(root) => self.root = Some((job.volume_id, root)),
                Err(_) => return Ok(Some(dropped)),
            }
        }
        let root = &self.root.as_ref().expect("just opened").1;
        let below = relative::child(&job.folder, &job.name);
        if let Some(k) = &known
            && self.is_settled(job, k, root, &below)?
        {
            return Ok(Some(dropped));
        }
        if let Some(hash) = known.as_ref().and_then(|k| known_content(job, k))
            && let Ok((file, stat)) = open_beneath(root, &below)
            && known.as_ref().is_some_and(|k| k.stat == stat)
        {
            let _pages = Pages::of(&file);
            return self.develop(job, known, file, Hashed { hash, stat }, source);
        }
        let role = walk::role(&job.name).unwrap_or(Role::Media);
        for _ in 0..CHANGING_TRIES {
            match read(root, &below, role, self.cancel.flag()) {
                Ok(Read::Done { file, hashed, pages: _pages }) => {
                    return self.develop(job, known, file, hashed, source);
                }
                Ok(Read::NotMedia) => return Ok(Some(dropped)),
                Ok(Read::Changing) => std::thread::sleep(std::time::Duration::from_millis(200)),
                Err(Fault::Cancelled) => return Ok(None),
                Err(fault) => {
                    return match stat_beneath(root, &below) {
                        // Gone since the walk: the next walk says what that means.
                        Ok(None) => Ok(Some(dropped)),
                        Ok(Some(stat)) => Ok(Some(self.unreadable(job, stat, fault))),
                        Err(_) => {
                            let stat = known.map_or(
                                FileStat { inode: 0, size: job.bytes, mtime_ns: 0, ctime_ns: 0 },
                                |k| k.stat,
                            );
                            Ok(Some(self.unreadable(job, stat, fault)))
                        }
                    };
                }
            }
        }
        let fault = Fault::unreadable("it keeps changing while it is read; it will be tried again");
        match stat_beneath(root, &below) {
            Ok(Some(stat)) => Ok(Some(self.unreadable(job, stat, fault))),
            _ => Ok(Some(dropped)),
        }
    }

    /// Whether another visit, since this one was queued, has done all there is to do.
    fn is_settled(
        &self,
        job: &PendingRow,
        known: &FileRow,
        root: &Root,
        below: &[u8],
    ) -> Result<bool, RecordError> {
        if known.vanished || known.content_hash.is_none() {
            return Ok(false);
        }
        let same =
            matches!(stat_beneath(root, below), Ok(Some(stat)) if stat == known.stat) && known.fs == job.fs;
        Ok(same && self.due(known.id)?.is_empty())
    }

    fn due(&self, file: i64) -> Result<Vec<Stage>, RecordError> {
        let stages = [self.shared.stages.inspect.clone(), self.shared.stages.render.clone()];
        Ok(self.index.develop_due(file, &stages, now(), self.shared.budget.ceiling())?)
    }

    fn unreadable(&mut self, job: &PendingRow, stat: FileStat, fault: Fault) -> Record {
        self.count_failure(&fault);
        Record::File(Box::new(FileRecord {
            pending_id: job.id,
            folder_id: job.folder_id,
            name: job.name.clone(),
            fs: job.fs,
            stat,
            content_hash: None,
            file_inputs: keys::digest16(&[format!("{stat:?}").as_bytes()]),
            touched: false,
            moved_from: None,
            facts: None,
            inspect: Outcome::Failed(fault.clone()),
            render: Some(Outcome::Failed(fault)),
            derivatives: None,
            thumbhash: None,
        }))
    }

    fn count_failure(&self, fault: &Fault) {
        if !matches!(fault, Fault::Unsupported { .. }) {
            Progress::add(&self.shared.progress.failed, 1);
        }
    }

    fn develop(
        &mut self,
        job: &PendingRow,
        known: Option<FileRow>,
        file: std::fs::File,
        hashed: Hashed,
        source: &dyn JobSource,
    ) -> Result<Option<Record>, RecordError> {
        let hash = hashed.hash.as_str().to_owned();
        let fs = job.fs;
        let due = match &known {
            Some(known) => self.due(known.id)?,
            None => vec![Stage::Inspect, Stage::Render],
        };
        let same = known.as_ref().is_some_and(|k| k.content_hash.as_deref() == Some(&hash));
        let touched = same && due.is_empty();
        if touched {
            Progress::add(&self.shared.progress.unchanged, u64::from(job.what != What::Due));
        }
        // The time of the file is among what inspect reads, and what it reads last.
        let same_time = known.as_ref().is_some_and(|k| k.stat.mtime_ns == hashed.stat.mtime_ns);
        if touched && same_time {
            let file_id = known.expect("same as a known file").id;
            return Ok(Some(Record::Touched { pending_id: job.id, file_id, fs, stat: hashed.stat }));
        }
        let moved_from = match &known {
            None => self.moved_from(job.folder_id, &hashed)?,
            Some(_) => None,
        };
        let render_due = !same || due.contains(&Stage::Render);
        // A copy of this content may have its pictures already.
        let shared = match render_due {
            true => self.rendered_before(&hash)?,
            false => None,
        };
        let sidecars = self.index.sidecars_of(job.folder_id, &job.name)?;
        let root = &self.root.as_ref().expect("opened by visit").1;
        let (mut names, mut files) = (Vec::new(), Vec::new());
        let mut inputs = vec![hash.clone().into_bytes()];
        for s in &sidecars {
            // A sidecar that cannot be read costs its facts, not the photo's.
            let Ok((f, stat)) = open_beneath(root, &relative::child(&job.folder, &s.name)) else { continue };
            if stat.size > SIDECAR_LIMIT {
                continue;
            }
            let Ok(source) = Source::from_file(f) else { continue };
            inputs.push(format!("{}:{}", stat.size, stat.mtime_ns).into_bytes());
            inputs.push(s.name.clone());
            names.push(s.name.clone());
            files.push(source);
        }
        for name in clip_thumbnails(&job.name) {
            let Ok((f, stat)) = open_beneath(root, &relative::child(&job.folder, &name)) else { continue };
            let Some(source) = Source::from_file(f).ok().filter(|_| stat.size <= SIDECAR_LIMIT) else {
                continue;
            };
            inputs.push(format!("{}:{}", stat.size, stat.mtime_ns).into_bytes());
            inputs.push(name.clone());
            names.push(name);
            files.push(source);
            break;
        }
        let file_inputs = keys::digest16(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let request = DevelopRequest {
            name: job.name.clone(),
            folder: job.folder.clone(),
            mtime_ns: hashed.stat.mtime_ns,
            sidecars: names,
            render: (render_due && shared.is_none()).then(|| self.shared.render.clone()),
        };
        let primary = match Source::from_file(file) {
            Ok(s) => s,
            Err(e) => return Ok(Some(self.unreadable(job, hashed.stat, Fault::unreadable(e)))),
        };
        let inputs = Inputs { primary, sidecars: files };
        let answer =
            through_worker(&self.shared.budget, &mut self.worker, &mut self.resting, |worker, claim| {
                let make_memory = || source.make_memory();
                let claim = match job.priority {
                    0 => claim.urgently(&make_memory),
                    _ => claim,
                };
                worker.develop(&request, &inputs, &claim, &self.cancel)
            });
        // Written to meanwhile: what was seen is no longer it, and the walk that noticed may be over already.
        if matches!(stat_beneath(root, &relative::child(&job.folder, &job.name)), Ok(Some(stat)) if stat != hashed.stat)
        {
            return Ok(None);
        }
        let mut rec = FileRecord {
            pending_id: job.id,
            folder_id: job.folder_id,
            name: job.name.clone(),
            fs,
            stat: hashed.stat,
            content_hash: Some(hash),
            file_inputs,
            touched,
            moved_from,
            facts: None,
            inspect: Outcome::Done,
            render: None,
            derivatives: None,
            thumbhash: None,
        };
        match answer {
            Err(Fault::Cancelled) => return Ok(None),
            Err(fault) => {
                // The bytes of a touched file are the same: what is wrong with them is known.
                if !touched || fault.is_transient() {
                    self.count_failure(&fault);
                }
                rec.inspect = Outcome::Failed(fault.clone());
                rec.render = Some(Outcome::Failed(fault));
            }
            Ok(developed) => {
                if !self.keep(&mut rec, developed)? {
                    return Ok(None);
                }
                if let Some((outcome, rows, thumbhash)) = shared {
                    rec.render = Some(outcome);
                    rec.derivatives = Some(rows);
                    rec.thumbhash = thumbhash;
                }
            }
        }
        Ok(Some(Record::File(Box::new(rec))))
    }

    /// Stores the pictures and notes the outcomes; false when the run was stopped in the middle.
    fn keep(&mut self, rec: &mut FileRecord, developed: Developed) -> Result<bool, RecordError> {
        let progress = &self.shared.progress;
        progress.stage_cpu("inspect", developed.cpu.inspect_s);
        progress.stage_cpu("decode", developed.cpu.decode_s);
        progress.stage_cpu("render", developed.cpu.render_s);
        rec.facts = Some(developed.facts);
        match developed.pictures {
            None => {}
            Some(Err(Fault::Cancelled)) => return Ok(false),
            Some(Err(fault)) => {
                self.count_failure(&fault);
                rec.render = Some(Outcome::Failed(fault));
            }
            Some(Ok(pictures)) => {
                let key = keys::render_path_key(&self.shared.stages.render);
                let hash = rec.content_hash.as_deref().expect("set before");
                let format = rec.facts.as_ref().and_then(|f| f.format);
                let preview = format.is_some_and(|f| !f.browser_shows());
                let rows = match self.shared.store.write(hash, &key, &pictures.renditions, preview) {
                    Ok(rows) => rows,
                    // That is in the way of this content's pictures, and of no others.
                    Err(e) if store_dir::is_foreign(&e) => {
                        let fault = Fault::unreadable(format_args!("its thumbnails cannot be stored: {e}"));
                        self.count_failure(&fault);
                        rec.render = Some(Outcome::Failed(fault));
                        return Ok(true);
                    }
                    Err(e) => return Err(e.into()),
                };
                rec.derivatives = Some(rows);
                rec.thumbhash = Some(pictures.thumbhash);
                rec.render = Some(match pictures.damaged {
                    Some(why) => Outcome::Damaged(why),
                    None => Outcome::Done,
                });
            }
        }
        Ok(true)
    }

    /// Rule 3 of identity for what no walk of this run has seen: the file of this content whose path leads to nothing, on a
    /// volume that is there and is the one it was.
    fn moved_from(&self, folder: i64, hashed: &Hashed) -> Result<Option<Elsewhere>, RecordError> {
        let is_gone = |file: &Elsewhere| {
            let was: Option<Fingerprint> =
                file.fingerprint.as_deref().and_then(|json| serde_json::from_str(json).ok());
            let (Some(was), Ok(root)) = (was, Root::open(&relative::on_disk(&[&file.volume]))) else {
                return false;
            };
            let is_inside = |(mount, _): &(Vec<u8>, i64)| relative::below(&file.path, mount).is_some();
            // The cheapest question first: mostly it is a copy that is there.
            matches!(stat_beneath(&root, &file.path), Ok(None))
                && !was.inner.iter().any(is_inside)
                && volume::fingerprint(&root, &MountTable::read()).is_ok_and(|now| was.is_same(&now))
        };
        let elsewhere = record::elsewhere(&self.index.conn, folder, &hashed.hash, &hashed.stat)?;
        Ok(elsewhere.into_iter().find(is_gone))
    }

    #[allow(clippy::type_complexity)]
    fn rendered_before(
        &self,
        hash: &str,
    ) -> Result<Option<(Outcome, Vec<DerivativeRow>, Option<Vec<u8>>)>, RecordError> {
        let now = &self.shared.stages.render;
        let conn = &self.index.conn;
        let Some(outcome) = record::rendered_before(conn, hash, now.version, &now.settings)? else {
            return Ok(None);
        };
        let rows = record::derivatives(conn, hash)?;
        if rows.is_empty() || !rows.iter().all(|r| self.shared.store.has(r)) {
            return Ok(None);
        }
        Ok(Some((outcome, rows, record::thumbhash_of_content(conn, hash)?)))
    }
}

/// Has a file developed within the budget, of which what the worker holds at rest is off. A file that only a worker of no
/// such holdings could do gets a fresh one.
fn through_worker(
    budget: &MemoryBudget,
    worker: &mut WorkerHandle,
    resting: &mut Option<Resting>,
    mut develop: impl FnMut(&mut WorkerHandle, Claim<'_>) -> Result<Developed, Fault>,
) -> Result<Developed, Fault> {
    let growth = worker.growth();
    let mut answer = develop(worker, Claim::new(budget).beside(growth));
    let fault = match &answer {
        Err(fault) => Some(fault),
        Ok(developed) => developed.pictures.as_ref().and_then(|p| p.as_ref().err()),
    };
    if let Some(Fault::TooLarge { needed }) = fault
        && growth > 0
        && *needed <= budget.ceiling()
    {
        worker.end();
        *resting = None;
        answer = develop(worker, Claim::new(budget));
    }
    *resting = Some(budget.resting(worker.growth()));
    answer
}

/// What a camera may have called the thumbnail of a clip: `MVI_0001.THM` for `MVI_0001.AVI`.
fn clip_thumbnails(name: &[u8]) -> Vec<Vec<u8>> {
    let is_clip = kind_by_name(name) == Kind::Video;
    let dot = name.iter().rposition(|b| *b == b'.').filter(|dot| is_clip && *dot > 0);
    dot.map_or(Vec::new(), |dot| [&b".THM"[..], b".thm"].map(|ext| [&name[..dot], ext].concat()).to_vec())
}

/// The content of a file that is only visited for a stage, if its `stat` is still the recorded one: then it need not be
/// read to be known.
fn known_content(job: &PendingRow, known: &FileRow) -> Option<ContentHash> {
    let is_same = job.what == What::Due && !known.vanished && known.fs == job.fs;
    known.content_hash.as_deref().filter(|_| is_same).and_then(ContentHash::parse)
}

/// The queue of one run: what `pending` held when it began, in order of folders, so that a spinning disk is
/// read in the order it was walked.
pub struct OneRun {
    state: Mutex<OneRunState>,
    shutdown: Shutdown,
}

struct OneRunState {
    index: Index,
    ready: VecDeque<PendingRow>,
    /// Priority and id of the last row that was fetched.
    after: (u8, i64),
}

/// Rows fetched at a time.
const FETCH: usize = 256;

impl OneRun {
    pub fn new(index: Index, shutdown: Shutdown) -> OneRun {
        let state = OneRunState { index, ready: VecDeque::new(), after: (0, 0) };
        OneRun { state: Mutex::new(state), shutdown }
    }
}

impl JobSource for OneRun {
    fn next(
        &self,
        _thread: usize,
        _idle: &mut dyn FnMut(),
    ) -> Result<Option<(PendingRow, CancelToken)>, RecordError> {
        if self.shutdown.requested() {
            return Ok(None);
        }
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let OneRunState { index, ready, after } = &mut *guard;
        if ready.is_empty() {
            let rows = index.pending_after(*after, FETCH)?;
            *after = rows.last().map_or(*after, |r| (r.priority, r.id));
            ready.extend(rows);
        }
        Ok(ready.pop_front().map(|row| (row, self.shutdown.token().clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_cannot_be_read_is_an_error_of_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let queue = OneRun::new(index.another().unwrap(), Shutdown::default());
        assert!(matches!(queue.next(0, &mut || ()), Ok(None)), "an empty queue is none");
        index.conn.execute("DROP TABLE pending", []).unwrap();
        assert!(queue.next(0, &mut || ()).is_err());
    }
}

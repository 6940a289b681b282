//! Inspect, decode and render: threads that take work from a queue, read and hash each file, pass it to a sandboxed
//! worker, store the derivatives, and send the result to the recorder.

mod job_source;
mod keep;

use super::budget::{Claim, MemoryBudget, Resting};
use super::fetching::{self, Fetched, KeptRoot, ReadFile, Wanted};
use super::keys;
use super::pace::{Pace, Uploads};
use super::progress::Progress;
use super::recorder::{FileRecord, Record, Stages};
use super::shutdown::Shutdown;
use super::store::Store;
use albumen_core::cancel::CancelToken;
use albumen_core::clock::now;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::{DevelopRequest, Developed, Inputs, Kind, RenderSettings, Stage};
use albumen_files::hash::ContentHash;
use albumen_files::open::stat_beneath;
use albumen_files::patience::{self, Beat, Missed, Opened};
use albumen_files::{FileStat, relative};
use albumen_index::Error as IndexError;
use albumen_index::Index;
use albumen_index::items::kind_by_name;
use albumen_index::record::Outcome;
use albumen_index::scan::{FileRow, PendingRow, What};
use albumen_isolation::priority::DiskClass;
use albumen_isolation::{WorkerHandle, WorkerSettings};
use crossbeam_channel::Sender;
pub use job_source::{JobSource, OneRun};
use keep::Kept;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// After this number of attempts with an unreadable sidecar, the photo is processed without it.
const TRIES_WITH_SIDECARS: u32 = 2;
/// How often one run retries a file that is temporarily unreadable.
const TRIES_A_RUN: u32 = 3;

/// State shared by all threads of a run.
#[derive(Clone)]
pub struct Shared {
    pub budget: MemoryBudget,
    pub progress: Arc<Progress>,
    pub shutdown: Shutdown,
    pub store: Store,
    pub stages: Stages,
    pub render: RenderSettings,
    pub worker: WorkerSettings,
    /// See [`Pace`].
    pub uploads: Uploads,
}

/// The result of a visit to a file.
enum Visited {
    Done(Record),
    /// The run was stopped, or the file changed meanwhile.
    Stopped,
    /// Not the file's fault; it must be retried.
    NotNow {
        why: String,
        /// The record to write when the attempts are used up.
        last: Last,
    },
}

/// See [`Visited::NotNow`].
enum Last {
    Dropped,
    Failed(Box<FileRecord>, Fault),
}

/// The state of one developing thread.
pub struct Developer {
    shared: Shared,
    thread: usize,
    index: Index,
    worker: WorkerHandle,
    /// Memory of the worker between two files.
    resting: Option<Resting>,
    root: Option<KeptRoot>,
    /// Cancels the work on the current file.
    cancel: CancelToken,
}

impl Developer {
    pub fn new(shared: Shared, thread: usize, index: Index) -> Developer {
        let worker = WorkerHandle::new(shared.worker.clone());
        Developer { shared, thread, index, worker, resting: None, root: None, cancel: CancelToken::new() }
    }

    /// Works until the source ends or the run is stopped.
    pub fn run(mut self, source: &dyn JobSource, out: &Sender<Record>) -> Result<(), IndexError> {
        loop {
            let mut idle = || {
                self.worker.end();
                self.resting = None;
                self.index.shrink();
            };
            let Some((job, cancel)) = source.next(self.thread, &mut idle)? else { break };
            self.worker.set_priority(source.process_priority(&job));
            if self.shared.shutdown.requested() {
                break;
            }
            self.cancel = cancel;
            let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
            self.shared.progress.begin(self.thread, path.to_string_lossy().into_owned());
            if job.priority == 0 {
                self.shared.uploads.fetch_add(1, Ordering::Relaxed);
            }
            let visited = self.visit(&job, source);
            if job.priority == 0 {
                self.shared.uploads.fetch_sub(1, Ordering::Relaxed);
            }
            self.shared.progress.end(self.thread);
            let visited = match visited {
                Err(e) if !source.goes_on_after(&e) => return Err(e),
                visited => visited.unwrap_or(Visited::Stopped),
            };
            let record = match visited {
                Visited::Done(record) => record,
                Visited::Stopped => {
                    source.gave_back(&job);
                    continue;
                }
                Visited::NotNow { why, last } => {
                    if source.puts_off(&job, &why, matches!(last, Last::Dropped)) {
                        continue;
                    }
                    match last {
                        Last::Dropped => Record::Dropped { pending_id: job.id },
                        Last::Failed(record, fault) => {
                            self.count_failure(&fault);
                            Record::File(record)
                        }
                    }
                }
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
            // An upload is committed immediately, without waiting for its batch.
            let flush = (job.priority == 0).then(|| Record::Flush(crossbeam_channel::bounded(1).0));
            if out.send(record).is_err() || flush.is_some_and(|f| out.send(f).is_err()) {
                // The recorder has stopped and reports the reason itself.
                break;
            }
        }
        self.worker.end();
        Ok(())
    }

    /// Processes one file, from its path to its record.
    fn visit(&mut self, job: &PendingRow, source: &dyn JobSource) -> Result<Visited, IndexError> {
        let dropped = Visited::Done(Record::Dropped { pending_id: job.id });
        // A file that was new when it was queued may have been processed since, for another request.
        let file_id = match job.file_id {
            None => self.index.file_in(job.folder_id, &job.name)?,
            known => known,
        };
        let known = match file_id {
            Some(id) => self.index.file(id)?,
            None => None,
        };
        let Some(fingerprint) = self.index.fingerprint_of(job.volume_id)? else {
            // The volume was never walked completely: the next walk finds its files.
            return Ok(dropped);
        };
        // Whether a later visit has completed all work for it, provided that the file is unchanged.
        let processed = match &known {
            Some(k) if !k.vanished && k.content_hash.is_some() && k.fs == job.fs => {
                self.due(k.id)?.is_empty().then_some(k.stat)
            }
            _ => None,
        };
        let content = known.as_ref().and_then(|k| Some((known_content(job, k)?, k.stat)));
        let sidecars = self.index.sidecars_of(job.folder_id, &job.name)?;
        let wanted = Wanted {
            volume_id: job.volume_id,
            volume: relative::on_disk(&[&job.volume_path]),
            fingerprint,
            folder: job.folder.clone(),
            name: job.name.clone(),
            processed,
            content,
            sidecars: sidecars.into_iter().map(|s| s.name).collect(),
            clip_thumbnails: clip_thumbnails(&job.name),
            spare_sidecars: source.tries(job) < TRIES_WITH_SIDECARS,
        };
        let (stop, kept) = (self.cancel.clone(), self.root.take());
        let uploads = self.shared.uploads.clone();
        let is_urgent = job.priority == 0;
        let is_idle_class = source.process_priority(job).is_some_and(|k| k.idle_class);
        let work = move |beat: &Beat| {
            let pace = if is_urgent {
                Pace::in_front(stop, beat.clone())
            } else {
                Pace::behind(uploads, stop, beat.clone())
            };
            let mut disk = DiskClass::of_this_thread();
            disk.set_idle(is_idle_class);
            let fetched = fetching::fetch(&wanted, kept, &pace);
            disk.set_idle(false);
            fetched
        };
        let fetched = self.aside(job, source, work);
        let (fetched, root) = match fetched {
            Ok(fetched) => fetched,
            Err(Missed::Stopped) => return Ok(Visited::Stopped),
            Err(missed) => {
                let why = std::io::Error::from(missed).to_string();
                return Ok(self.not_now(job, known.as_ref(), Fault::Unavailable { why }));
            }
        };
        self.root = root;
        Ok(match fetched {
            Fetched::AlreadyProcessed | Fetched::Gone | Fetched::NotMedia => dropped,
            Fetched::Stopped => Visited::Stopped,
            Fetched::Elsewhere(why) => Visited::NotNow { why, last: Last::Dropped },
            Fetched::Failed(fault @ Fault::Unavailable { .. }, _) => self.not_now(job, known.as_ref(), fault),
            Fetched::Failed(fault, stat) => {
                let stat = stat.unwrap_or_else(|| last_stat(job, known.as_ref()));
                Visited::Done(self.unreadable(job, stat, fault))
            }
            Fetched::Read(fetched) => {
                let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
                return self.develop(job, known, &Opened::new(&path, fetched), source);
            }
        })
    }

    /// Runs calls on the file system of a job, which may hang.
    fn aside<T: Send + 'static>(
        &self,
        job: &PendingRow,
        source: &dyn JobSource,
        work: impl FnOnce(&Beat) -> T + Send + 'static,
    ) -> Result<T, Missed> {
        let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
        patience::call(&path, source.patience(), &|| self.cancel.is_cancelled(), work)
    }

    /// A file that is temporarily unreadable, with the record for the case that retries do not help.
    fn not_now(&mut self, job: &PendingRow, known: Option<&FileRow>, fault: Fault) -> Visited {
        let record = self.failed(job, last_stat(job, known), fault.clone());
        let why = fault.to_string();
        Visited::NotNow { why, last: Last::Failed(Box::new(record), fault) }
    }

    fn due(&self, file: i64) -> Result<Vec<Stage>, IndexError> {
        let stages = [self.shared.stages.inspect.clone(), self.shared.stages.render.clone()];
        self.index.develop_due(file, &stages, now(), self.shared.budget.ceiling())
    }

    fn unreadable(&mut self, job: &PendingRow, stat: FileStat, fault: Fault) -> Record {
        self.count_failure(&fault);
        Record::File(Box::new(self.failed(job, stat, fault)))
    }

    fn failed(&self, job: &PendingRow, stat: FileStat, fault: Fault) -> FileRecord {
        FileRecord {
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
        }
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
        fetched: &Opened<ReadFile>,
        source: &dyn JobSource,
    ) -> Result<Visited, IndexError> {
        let hashed = fetched.hashed.clone();
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
        // The file's time is an input of inspect, with the lowest precedence.
        let same_time = known.as_ref().is_some_and(|k| k.stat.mtime_ns == hashed.stat.mtime_ns);
        if touched && same_time {
            let file_id = known.expect("same as a known file").id;
            let record = Record::Touched { pending_id: job.id, file_id, fs, stat: hashed.stat };
            return Ok(Visited::Done(record));
        }
        let moved_from = match &known {
            None => self.moved_from(job.folder_id, &hashed, source)?,
            Some(_) => None,
        };
        let render_due = !same || due.contains(&Stage::Render);
        // A copy of this content may have derivatives already.
        let shared = if render_due { self.rendered_before(&hash)? } else { None };
        let (mut names, mut files) = (Vec::new(), Vec::new());
        let mut inputs = vec![hash.clone().into_bytes()];
        for (name, file, stat) in &fetched.sidecars {
            inputs.push(format!("{}:{}", stat.size, stat.mtime_ns).into_bytes());
            inputs.push(name.clone());
            names.push(name.clone());
            files.push(file.clone());
        }
        let file_inputs = keys::digest16(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let request = DevelopRequest {
            name: job.name.clone(),
            folder: job.folder.clone(),
            mtime_ns: hashed.stat.mtime_ns,
            sidecars: names,
            render: (render_due && shared.is_none()).then(|| self.shared.render.clone()),
        };
        let primary = fetched.file.clone();
        let probed = primary.clone();
        // Detects a file system that hangs, so that a worker blocked on it is ended before its deadline.
        let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
        let (patience, cancel) = (source.patience(), self.cancel.clone());
        let probed_path = path.clone();
        let mut hangs = move || {
            let probed = probed.clone();
            let probe = move |_: &Beat| drop(probed.file().map(|f| f.metadata()));
            patience::call(&probed_path, patience, &|| cancel.is_cancelled(), probe) == Err(Missed::Hangs)
        };
        let inputs = Inputs { primary, sidecars: files };
        let answer =
            through_worker(&self.shared.budget, &mut self.worker, &mut self.resting, |worker, claim| {
                let make_memory = || source.make_memory();
                let claim = match job.priority {
                    0 => claim.urgently(&make_memory),
                    _ => claim,
                };
                worker.develop_unless(&request, &inputs, &claim, &self.cancel, &mut hangs)
            });
        // Changed meanwhile: the result is outdated, and the walk of that change may be over already.
        let below = relative::child(&job.folder, &job.name);
        let kept = self.root.take();
        let looked = self.aside(job, source, move |_| {
            let found = kept.as_ref().map(|kept| stat_beneath(&kept.root, &below));
            (found, kept)
        });
        if let Ok((found, kept)) = looked {
            self.root = kept;
            if matches!(found, Some(Ok(Some(stat))) if stat != hashed.stat) {
                return Ok(Visited::Stopped);
            }
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
        if let Some(detail) = fault_in(&answer).and_then(Fault::detail) {
            tracing::debug!("{}: {detail}", path.display());
        }
        match answer {
            Err(Fault::Cancelled) => return Ok(Visited::Stopped),
            Err(fault @ Fault::Unavailable { .. }) => {
                let why = fault.to_string();
                rec.inspect = Outcome::Failed(fault.clone());
                rec.render = Some(Outcome::Failed(fault.clone()));
                return Ok(Visited::NotNow { why, last: Last::Failed(Box::new(rec), fault) });
            }
            Err(fault) => {
                // The bytes of a touched file are the same, so its faults are recorded already.
                if !touched || fault.is_transient() {
                    self.count_failure(&fault);
                }
                rec.inspect = Outcome::Failed(fault.clone());
                rec.render = Some(Outcome::Failed(fault));
            }
            Ok(mut developed) => {
                let facts = &mut developed.facts;
                if request.render.is_none() && facts.format.is_some_and(|f| f.is_raw()) {
                    let hash = rec.content_hash.as_deref().unwrap_or_default();
                    facts.small_preview = self.index.small_preview_of_content(hash)?;
                }
                match self.keep(&mut rec, developed)? {
                    Kept::All => {}
                    Kept::Stopped => return Ok(Visited::Stopped),
                    Kept::NotNow(fault) => {
                        let why = fault.to_string();
                        return Ok(Visited::NotNow { why, last: Last::Failed(Box::new(rec), fault) });
                    }
                }
                if let Some((outcome, rows, thumbhash)) = shared {
                    rec.render = Some(outcome);
                    rec.derivatives = Some(rows);
                    rec.thumbhash = thumbhash;
                }
            }
        }
        Ok(Visited::Done(Record::File(Box::new(rec))))
    }
}

/// Develops a file within the budget minus the idle memory of the worker. A file that only fits into a new worker gets
/// one.
fn through_worker(
    budget: &MemoryBudget,
    worker: &mut WorkerHandle,
    resting: &mut Option<Resting>,
    mut develop: impl FnMut(&mut WorkerHandle, Claim<'_>) -> Result<Developed, Fault>,
) -> Result<Developed, Fault> {
    let growth = worker.growth();
    let mut answer = develop(worker, Claim::new(budget).beside(growth));
    if let Some(Fault::TooLarge { needed }) = fault_in(&answer)
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

/// Why a file, or its picture, could not be developed.
fn fault_in(answer: &Result<Developed, Fault>) -> Option<&Fault> {
    match answer {
        Err(fault) => Some(fault),
        Ok(developed) => developed.pictures.as_ref().and_then(|p| p.as_ref().err()),
    }
}

/// Names that a camera may give the thumbnail of a clip: `MVI_0001.THM` for `MVI_0001.AVI`.
fn clip_thumbnails(name: &[u8]) -> Vec<Vec<u8>> {
    let is_clip = kind_by_name(name) == Kind::Video;
    let dot = name.iter().rposition(|b| *b == b'.').filter(|dot| is_clip && *dot > 0);
    dot.map_or(Vec::new(), |dot| [&b".THM"[..], b".thm"].map(|ext| [&name[..dot], ext].concat()).to_vec())
}

/// The last known stat of an unreadable file.
fn last_stat(job: &PendingRow, known: Option<&FileRow>) -> FileStat {
    known.map_or(FileStat { inode: 0, size: job.bytes, mtime_ns: 0, ctime_ns: 0 }, |k| k.stat)
}

/// The content of a file that is visited only for a stage, if its `stat` is the recorded one: it need not be read to
/// compute the hash.
fn known_content(job: &PendingRow, known: &FileRow) -> Option<ContentHash> {
    let is_same = job.what == What::Due && !known.vanished && known.fs == job.fs;
    known.content_hash.as_deref().filter(|_| is_same).and_then(ContentHash::parse)
}

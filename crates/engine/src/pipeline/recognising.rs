//! Recognition: sends each content's `xl` derivative to the recogniser once, and the result to the recorder for every
//! file with that content.
//!
//! Work is in order of content hash, so that an interrupted run continues where it stopped.

use super::developing::Shared;
use super::progress::Progress;
use super::recorder::{RecognisedRecord, Record};
use albumen_core::clock::now;
use albumen_core::fault::Fault;
use albumen_core::store_dir::StoreDir;
use albumen_core::vocabulary::{DerivativeName, RecogniseRequest};
use albumen_index::Error as IndexError;
use albumen_index::Index;
use albumen_index::due::DueFile;
use albumen_index::due::{Scope, StageNow};
use albumen_isolation::{ProcessPriority, RecogniserHandle, RecogniserSettings};
use albumen_models::files as models;
use crossbeam_channel::{Sender, bounded};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

/// Contents fetched at a time.
const FETCH: usize = 256;

/// A part of the index, and what may be recognised in it.
#[derive(Debug, Clone)]
pub struct Part {
    pub scope: Scope,
    pub faces: bool,
    pub subjects: bool,
}

/// One content and its files.
#[derive(Debug)]
pub struct Job {
    content_hash: String,
    /// File ids, with the due stages of each: faces, subjects.
    files: BTreeMap<i64, (bool, bool)>,
}

/// Recognises everything that is due in the parts, with `count` recognisers.
pub fn recognise_all(
    index: &Index,
    parts: &[Part],
    shared: &Shared,
    settings: &RecogniserSettings,
    count: usize,
    out: &Sender<Record>,
) -> Result<(), IndexError> {
    let (jobs_in, jobs_out) = bounded::<Job>(count * 2);
    let mut threads = Vec::new();
    for thread in 0..count {
        let index = index.another().map_err(|e| IndexError::Store(std::io::Error::other(e)))?;
        // Numbered after the developing threads, which begin at 0.
        threads.push(Recognising::new(shared.clone(), 1000 + thread, index, settings.clone()));
    }
    std::thread::scope(|s| {
        for t in threads {
            let jobs = jobs_out.clone();
            s.spawn(move || t.run(&jobs, out));
        }
        drop(jobs_out);
        for part in parts {
            feed(index, part, shared, &jobs_in)?;
        }
        drop(jobs_in);
        Ok(())
    })
}

/// Number of files due for recognition in these parts.
pub fn count_due(index: &Index, parts: &[Part], shared: &Shared) -> Result<u64, IndexError> {
    let mut files = 0;
    for part in parts {
        for stage in stages(part, shared) {
            files = files.max(index.count_due(&part.scope, stage, now())?);
        }
    }
    Ok(files)
}

fn stages<'a>(part: &Part, shared: &'a Shared) -> Vec<&'a StageNow> {
    let faces = shared.stages.faces.as_ref().filter(|_| part.faces);
    let subjects = shared.stages.subjects.as_ref().filter(|_| part.subjects);
    faces.into_iter().chain(subjects).collect()
}

fn feed(index: &Index, part: &Part, shared: &Shared, jobs: &Sender<Job>) -> Result<(), IndexError> {
    let mut after = Some(DueFile::default());
    while let Some(from) = after {
        let (batch, next) = due_jobs(index, part, shared, &from, FETCH)?;
        for job in batch {
            if shared.shutdown.requested() || jobs.send(job).is_err() {
                return Ok(());
            }
        }
        after = next;
    }
    Ok(())
}

/// About `limit` next contents after a file, and the file to continue after (`None`: end).
pub fn due_jobs(
    index: &Index,
    part: &Part,
    shared: &Shared,
    after: &DueFile,
    limit: usize,
) -> Result<(Vec<Job>, Option<DueFile>), IndexError> {
    let fetch = |stage: Option<&StageNow>| match stage {
        Some(stage) => index.due_files(&part.scope, stage, now(), after, limit),
        None => Ok(Vec::new()),
    };
    let faces = fetch(shared.stages.faces.as_ref().filter(|_| part.faces))?;
    let subjects = fetch(shared.stages.subjects.as_ref().filter(|_| part.subjects))?;
    // Both lists have the same order; entries beyond the end of a full list are left for the next round.
    let ends = [&faces, &subjects].into_iter().filter(|l| l.len() == limit).filter_map(|l| l.last());
    let end: Option<DueFile> = ends.cloned().min();
    let within = |file: &&DueFile| end.as_ref().is_none_or(|end| *file <= end);
    let mut batch: BTreeMap<String, BTreeMap<i64, (bool, bool)>> = BTreeMap::new();
    for DueFile { id, content_hash } in faces.iter().filter(within) {
        batch.entry(content_hash.clone()).or_default().entry(*id).or_default().0 = true;
    }
    for DueFile { id, content_hash } in subjects.iter().filter(within) {
        batch.entry(content_hash.clone()).or_default().entry(*id).or_default().1 = true;
    }
    let jobs = batch.into_iter().map(|(content_hash, files)| Job { content_hash, files }).collect();
    Ok((jobs, end))
}

/// The result for one content.
#[derive(Debug)]
pub enum Recognised {
    /// A record for each file of the content.
    Seen(Vec<RecognisedRecord>),
    /// The run is being stopped.
    Stopped,
    /// The recogniser cannot work: the cause and the remedy. The files are not at fault and stay due.
    Broken(String),
}

/// The state of one recognition thread.
pub struct Recognising {
    shared: Shared,
    thread: usize,
    index: Index,
    handle: RecogniserHandle,
    models: PathBuf,
}

impl Recognising {
    /// `thread` is a number that no developing thread uses.
    pub fn new(shared: Shared, thread: usize, index: Index, settings: RecogniserSettings) -> Recognising {
        let models = settings.models.clone();
        Recognising { shared, thread, index, handle: RecogniserHandle::new(settings), models }
    }

    /// Sets the priority of the recogniser from the next picture on.
    pub fn set_priority(&mut self, process_priority: Option<ProcessPriority>) {
        self.handle.set_priority(process_priority);
    }

    /// Ends the recogniser process; the next picture starts another one.
    pub fn end(&mut self) {
        self.handle.end();
        self.index.shrink();
    }

    fn run(mut self, jobs: &crossbeam_channel::Receiver<Job>, out: &Sender<Record>) {
        for job in jobs {
            if self.shared.shutdown.requested() {
                break;
            }
            let name = job.files.keys().next().and_then(|id| self.index.path_of(*id).ok().flatten());
            let name = name.map(|p| p.display().to_string()).unwrap_or_default();
            self.shared.progress.begin(self.thread, name);
            let looked = self.recognise(&job);
            self.shared.progress.end(self.thread);
            let records = match looked {
                Recognised::Seen(records) => records,
                Recognised::Stopped => break,
                Recognised::Broken(why) => {
                    self.shared.progress.notice(why);
                    break;
                }
            };
            Progress::add(&self.shared.progress.recognised, records.len() as u64);
            // A recorder that has stopped reports the reason itself.
            if records.into_iter().any(|r| out.send(Record::Recognised(Box::new(r))).is_err()) {
                break;
            }
        }
        self.end();
    }

    /// Starts the recogniser if it is not running; an error names what is missing and the remedy.
    fn start(&mut self, faces: bool, subjects: bool) -> Result<(), String> {
        if self.handle.pid().is_none() {
            // The recogniser opens the models that exist; one may have been removed since the last check.
            let found = models::available(&self.models);
            if (faces && !found.faces) || (subjects && !found.subjects) {
                let missing = found.missing.join(", ");
                return Err(format!("faces and subjects wait: {missing} missing; see `albumen models`"));
            }
        }
        let started = self.handle.start();
        started.map(drop).map_err(|why| format!("faces and subjects wait: {why}; see `albumen models`"))
    }

    /// Recognises one content.
    pub fn recognise(&mut self, job: &Job) -> Recognised {
        let faces = job.files.values().any(|f| f.0);
        let subjects = job.files.values().any(|f| f.1);
        if let Err(why) = self.start(faces, subjects) {
            return Recognised::Broken(why);
        }
        let answer = match self.picture(&job.content_hash) {
            Err(fault) => Err(fault),
            Ok(None) => Ok(None),
            Ok(Some(picture)) => {
                let orientation = job
                    .files
                    .keys()
                    .next()
                    .and_then(|id| self.index.facts(*id).ok())
                    .and_then(|f| f.orientation);
                let request = RecogniseRequest { faces, subjects, try_rotations: orientation.is_none() };
                self.handle.recognise(&picture, &request, self.shared.shutdown.token()).map(Some)
            }
        };
        match &answer {
            Err(Fault::Cancelled) => return Recognised::Stopped,
            // The files stay due and are retried soon.
            Err(fault @ Fault::Unavailable { .. }) => {
                return Recognised::Broken(format!("faces and subjects wait: {fault}"));
            }
            _ => {}
        }
        if let Ok(Some(seen)) = &answer {
            self.shared.progress.stage_cpu("faces", seen.faces_s);
            self.shared.progress.stage_cpu("subjects", seen.subjects_s);
        }
        if answer.is_err() {
            Progress::add(&self.shared.progress.failed, job.files.len() as u64);
        }
        let records = job.files.iter().map(|(file_id, (faces, subjects))| RecognisedRecord {
            file_id: *file_id,
            content_hash: job.content_hash.clone(),
            faces: *faces,
            subjects: *subjects,
            answer: answer.clone(),
        });
        Recognised::Seen(records.collect())
    }

    /// The picture to recognise; `None` if render produced none.
    fn picture(&self, content_hash: &str) -> Result<Option<File>, Fault> {
        let rows = self.index.derivatives(content_hash).map_err(Fault::unreadable)?;
        match rows.iter().find(|r| r.name == DerivativeName::Xl) {
            Some(xl) => StoreDir::open(self.index.dir())
                .and_then(|dir| dir.open_file(&xl.path))
                .map(Some)
                .map_err(Fault::from),
            None => Ok(None),
        }
    }
}

/// The spaces of a set of parts, for clustering afterwards.
pub fn spaces(index: &Index, parts: &[Part]) -> albumen_index::Result<BTreeSet<i64>> {
    let mut out = BTreeSet::new();
    for part in parts.iter().filter(|p| p.faces) {
        out.extend(index.spaces_of(&part.scope)?);
    }
    Ok(out)
}

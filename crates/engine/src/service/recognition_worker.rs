//! Recognition in the service: uploads first, then due work, one picture at a time. The recogniser is shut down when
//! idle, which releases its memory to the system.
//!
//! Promises: an upload waits for at most one picture; background pictures wait until all files are developed, and while
//! the throttle is closed; while a model is broken, no file fails because of it: due work stays due, requests end without
//! recognition, and work resumes when the model is repaired; spaces with people or subjects disabled are skipped, and
//! earlier results there are removed, except user edits.

use super::events::Event;
use super::recognition::doable;
use super::throttle::DutyCycle;
use super::{PostCommitTask, RecognitionTask, Service};
use crate::config::Spaces;
use crate::pipeline::progress::Progress;
use crate::pipeline::recognising::{Job, Recognised, Recognising, due_jobs};
use crate::pipeline::recorder::Record;
use albumen_index::Error as IndexError;
use albumen_index::due::DueFile;
use albumen_index::due::Scope;
use albumen_index::scan::KnownVolume;
use albumen_index::{Index, people};
use albumen_isolation::RecogniserSettings;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Contents fetched at a time.
const FETCH: usize = 32;
/// Minimum time between two clusterings while pictures keep arriving.
const CLUSTER_EVERY: Duration = Duration::from_secs(30);

/// Background recognition, by volume and in order of content.
#[derive(Default)]
struct Round {
    volumes: VecDeque<i64>,
    /// Position in the first volume.
    after: DueFile,
    /// Fetched but not yet processed.
    jobs: VecDeque<Job>,
    duty_cycle: Option<DutyCycle>,
}

impl Round {
    fn is_over(&self) -> bool {
        self.volumes.is_empty() && self.jobs.is_empty()
    }
}

/// Runs until shutdown.
pub fn run(index: Index, service: &Arc<Service>, tasks: Receiver<RecognitionTask>, out: Sender<Record>) {
    let stages = &service.plan.stages;
    switch_off(&index, service);
    if stages.faces.is_none() && stages.subjects.is_none() {
        // Without models there is nothing else to do.
        for look in tasks {
            match look {
                RecognitionTask::SpacesChanged => switch_off(&index, service),
                RecognitionTask::Stop => return,
                RecognitionTask::Upload(_) | RecognitionTask::Background => {}
            }
        }
        return;
    }
    let another = match index.another() {
        Ok(i) => i,
        Err(e) => return tracing::error!("no recognition: {e}"),
    };
    let settings = RecogniserSettings::new(service.plan.models.clone(), 1);
    // A thread number that no developing thread uses.
    let recognising = Recognising::new(service.shared.clone(), 1000, another, settings);
    let mut recognition_worker = RecognitionWorker {
        index,
        service,
        recognising,
        out,
        uploads: VecDeque::new(),
        round: Round::default(),
        spaces: BTreeSet::new(),
        clustered: Instant::now(),
    };
    // Shutdown was requested, or the recorder has ended and reported the reason.
    recognition_worker.run(&tasks);
    recognition_worker.recognising.end();
}

struct RecognitionWorker<'a> {
    index: Index,
    service: &'a Arc<Service>,
    recognising: Recognising,
    out: Sender<Record>,
    uploads: VecDeque<Scope>,
    round: Round,
    /// Spaces with faces to cluster.
    spaces: BTreeSet<i64>,
    clustered: Instant,
}

impl RecognitionWorker<'_> {
    /// `None` at shutdown.
    fn run(&mut self, tasks: &Receiver<RecognitionTask>) -> Option<()> {
        loop {
            let rest = self.until_next();
            let next = match rest {
                Some(rest) if rest.is_zero() => match tasks.try_recv() {
                    Ok(look) => Some(look),
                    Err(e) if e.is_disconnected() => return None,
                    Err(_) => None,
                },
                Some(rest) => match tasks.recv_timeout(rest) {
                    Err(RecvTimeoutError::Disconnected) => return None,
                    other => other.ok(),
                },
                None => Some(self.wait(tasks)?),
            };
            match next {
                Some(RecognitionTask::Stop) => return None,
                Some(RecognitionTask::Upload(scope)) => {
                    if self.service.models.may_be_tried_for_an_upload() && !self.uploads.contains(&scope) {
                        self.uploads.push_back(scope);
                    }
                    continue;
                }
                Some(RecognitionTask::Background) => {
                    self.begin_round();
                    continue;
                }
                Some(RecognitionTask::SpacesChanged) => {
                    // Fetched jobs may belong to a space that is disabled now.
                    self.round = Round::default();
                    // A reload may follow a repair of the model.
                    self.service.models.try_again();
                    self.flush()?;
                    switch_off(&self.index, self.service);
                    self.begin_round();
                    continue;
                }
                None => {}
            }
            if self.service.shared.shutdown.requested() {
                return None;
            }
            let worked = match self.uploads.pop_front() {
                Some(scope) => self.look_at_upload(scope),
                None => self.look_at_one(),
            };
            match worked {
                Ok(Some(())) => {}
                Ok(None) => return None,
                Err(e) => {
                    tracing::error!("recognition stopped: {e}");
                    self.round = Round::default();
                }
            }
        }
    }

    /// Time until there is work; `None`: wait for a message.
    fn until_next(&mut self) -> Option<Duration> {
        if !self.service.disk_space.is_available() {
            return None;
        }
        if !self.uploads.is_empty() {
            return Some(Duration::ZERO);
        }
        let may_work = !self.round.is_over()
            && self.service.throttle.background_may_run()
            // Developing has precedence.
            && self.service.queue.is_idle();
        if !self.spaces.is_empty() && (!may_work || self.clustered.elapsed() > CLUSTER_EVERY) {
            self.cluster();
        }
        let duty_cycle =
            self.round.duty_cycle.map_or(Duration::ZERO, |t| self.service.throttle.pause_after(t));
        may_work.then(|| duty_cycle.max(self.service.models.retry_in()))
    }

    /// Waits for a message without limit; after the idle time, ends the recogniser and frees memory.
    fn wait(&mut self, tasks: &Receiver<RecognitionTask>) -> Option<RecognitionTask> {
        let idle = self.service.config().recognise.idle.get();
        match tasks.recv_timeout(idle) {
            Ok(look) => Some(look),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.recognising.end();
                self.index.shrink();
                tasks.recv().ok()
            }
        }
    }

    fn look_for_models(&mut self) {
        // A running recogniser keeps the model files that it opened at its start.
        if self.service.models.look() {
            self.recognising.end();
        }
    }

    fn begin_round(&mut self) {
        self.look_for_models();
        let volumes = self.index.volumes().unwrap_or_default();
        for KnownVolume { id, .. } in volumes {
            // The current volume is queued once more: new work may precede its position.
            if !self.round.volumes.iter().skip(1).any(|v| *v == id) {
                self.round.volumes.push_back(id);
            }
        }
        // Left by an interrupted run, or made due by a request.
        self.spaces.extend(self.index.spaces_to_cluster().unwrap_or_default());
    }

    /// Processes a batch of an upload that a request waits for.
    fn look_at_upload(&mut self, scope: Scope) -> Result<Option<()>, IndexError> {
        self.look_for_models();
        let part = doable(&self.index, self.service, scope.clone())?;
        let (jobs, next) = due_jobs(&self.index, &part, &self.service.shared, &DueFile::default(), FETCH)?;
        if !jobs.is_empty() && part.faces {
            self.spaces.extend(self.index.spaces_of(&scope)?);
        }
        self.recognising.set_priority(None);
        for job in &jobs {
            match self.recognise(job) {
                Some(true) => {}
                Some(false) => return Ok(Some(())),
                None => return Ok(None),
            }
        }
        if self.flush().is_none() {
            return Ok(None);
        }
        if next.is_some() {
            self.uploads.push_back(scope);
        }
        let _ = self.service.post_commit.send(PostCommitTask::Jobs);
        Ok(Some(()))
    }

    /// Processes one background picture.
    fn look_at_one(&mut self) -> Result<Option<()>, IndexError> {
        let round = &mut self.round;
        if round.jobs.is_empty()
            && let Some(volume_id) = round.volumes.front().copied()
        {
            let scope = Scope::Below { volume_id, path: Vec::new() };
            let part = doable(&self.index, self.service, scope.clone())?;
            let (jobs, next) = due_jobs(&self.index, &part, &self.service.shared, &round.after, FETCH)?;
            if !jobs.is_empty() && part.faces {
                self.spaces.extend(self.index.spaces_of(&scope)?);
            }
            round.jobs.extend(jobs);
            match next {
                Some(next) => round.after = next,
                None => {
                    round.volumes.pop_front();
                    round.after = DueFile::default();
                }
            }
        }
        let Some(job) = round.jobs.pop_front() else { return Ok(Some(())) };
        self.recognising.set_priority(self.service.throttle.process_priority());
        let began = Instant::now();
        match self.recognise(&job) {
            Some(true) => {}
            Some(false) => return Ok(Some(())),
            None => return Ok(None),
        }
        self.round.duty_cycle = Some(DutyCycle::after(began.elapsed()));
        if self.round.jobs.is_empty() {
            if self.flush().is_none() {
                return Ok(None);
            }
            let _ = self.service.post_commit.send(PostCommitTask::Jobs);
        }
        Ok(Some(()))
    }

    /// Recognises one content and sends the results to the recorder; `None` at shutdown, false if a model is broken.
    fn recognise(&mut self, job: &Job) -> Option<bool> {
        match self.recognising.recognise(job) {
            Recognised::Stopped => None,
            Recognised::Broken(why) => {
                self.give_up(why)?;
                Some(false)
            }
            Recognised::Seen(records) => {
                if self.service.models.are_whole() {
                    tracing::info!("the models are whole again: faces and subjects are recognised");
                    self.begin_round();
                }
                for record in records {
                    Progress::add(&self.service.shared.progress.recognised, 1);
                    self.out.send(Record::Recognised(Box::new(record))).ok()?;
                }
                Some(true)
            }
        }
    }

    /// Handles a broken model: due work stays due and is retried later, waiting requests are notified. `None` at
    /// shutdown.
    fn give_up(&mut self, why: String) -> Option<()> {
        if self.service.models.incomplete().as_ref() != Some(&why) {
            tracing::error!("{why}");
        }
        self.service.models.are_broken(why);
        self.uploads.clear();
        self.round = Round::default();
        self.flush()?;
        self.begin_round();
        let _ = self.service.post_commit.send(PostCommitTask::Jobs);
        Some(())
    }

    /// Waits until all sent results are recorded: the next fetch would return the same contents otherwise.
    fn flush(&self) -> Option<()> {
        let (heard, done) = crossbeam_channel::bounded(1);
        self.out.send(Record::Flush(heard)).ok()?;
        done.recv().ok()
    }

    /// Clusters the faces of the collected spaces; user edits take precedence.
    fn cluster(&mut self) {
        for space in std::mem::take(&mut self.spaces) {
            let clustered =
                self.service.with_disk_space(|| cluster_one(&mut self.index, self.service, space));
            if let Err(e) = clustered {
                tracing::error!("faces wait to become people: {e}");
            }
        }
        self.clustered = Instant::now();
        let _ = self.service.post_commit.send(PostCommitTask::Jobs);
    }
}

fn cluster_one(index: &mut Index, service: &Service, space: i64) -> albumen_index::Result<()> {
    let spaces = Spaces::resolve(&service.config().spaces);
    let names = index.space_names(&[space])?;
    if spaces.iter().any(|s| !s.people && names.contains(&s.name)) {
        return Ok(());
    }
    let stop = service.shared.shutdown.token().flag();
    let report = people::cluster_space(index, space, 1, stop)?;
    if !report.stopped {
        people::mark_done(index, space, &service.plan.people)?;
        names.into_iter().for_each(|space| service.tell(Event::person_changed(None, space)));
    }
    Ok(())
}

/// Removes results in spaces that have people or subjects disabled; user edits stay and apply again when these are
/// enabled.
fn switch_off(index: &Index, service: &Service) {
    let spaces = Spaces::resolve(&service.config().spaces);
    for space in spaces.iter() {
        let remove = || -> Result<bool, IndexError> {
            let Some(id) = index.space_id(&space.name)? else { return Ok(false) };
            people::switch(index, id, space.people)?;
            let faces = !space.people && index.has_found_faces(id)?;
            if faces {
                people::remove_found(index, id)?;
            }
            if !space.subjects && index.has_subjects(id)? {
                index.remove_subjects(id)?;
            }
            Ok(faces)
        };
        match service.with_disk_space(remove) {
            Ok(true) => service.tell(Event::person_changed(None, space.name.clone())),
            Ok(false) => {}
            Err(e) => tracing::error!("what was found in space {} is still there: {e}", space.name),
        }
    }
}

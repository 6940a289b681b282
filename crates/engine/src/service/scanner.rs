//! The scanner: turns requests and changes on disk into rows of the queue, by walking the ordered paths.
//!
//! There are two scanner threads, one for uploads and one for background work, so that no upload waits for a walk.
//! Parts that could not be walked for a temporary reason are retried soon, then at growing intervals.

use super::events::{self, Event};
use super::{Order, PostCommitTask, RecognitionTask, Service, watch};
use crate::pipeline::run::{self, RunError};
use crate::pipeline::scan::{ScanOptions, scan};
use albumen_core::clock::now;
use albumen_files::walk::Reach;
use albumen_files::{absolute, patience};
use albumen_index::Index;
use albumen_index::due::Scope;
use albumen_index::jobs::FileInSpace;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Delay after which a failed walk is retried.
const WALK_AGAIN: Duration = Duration::from_secs(600);

/// Delay after which a part that could not be walked for a temporary reason is retried; doubles with each attempt, up
/// to the maximum.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
const MAX_RESCAN_DELAY: Duration = Duration::from_secs(300);

/// When files recorded as unavailable are checked again: after the first pause of their attempts, then regularly while
/// there are any.
const UNAVAILABLE_AFTER: Duration = Duration::from_secs(70);
const UNAVAILABLE_AGAIN: Duration = Duration::from_secs(600);

/// Processes orders until shutdown. `priority`: of the requests that this scanner handles.
///
/// Long background walks wait until background work may run; the folder of a change event is walked at once, which is
/// cheap. If the disk is full, all walks wait.
pub(super) fn run(mut index: Index, service: &Arc<Service>, orders: Receiver<Order>, priority: u8) {
    let shutdown = service.shared.shutdown.clone();
    let mut todo = Todo::default();
    // When failed walks are retried.
    let mut again: Option<Instant> = None;
    // Parts that could not be walked at present.
    let mut later = Later::default();
    loop {
        let order = match again.into_iter().chain(later.at).chain(later.catch_up).min() {
            Some(at) => orders.recv_deadline(at).or_else(|e| match e {
                RecvTimeoutError::Timeout => Ok(Order::LookAgain),
                RecvTimeoutError::Disconnected => Err(e),
            }),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let Ok(order) = order else { return };
        if shutdown.requested() {
            return;
        }
        again = again.filter(|at| *at > Instant::now());
        match order {
            Order::Stop => return,
            Order::WalkAll => again = None,
            Order::Again(paths) => {
                later.add(paths, false);
                continue;
            }
            Order::CatchUpLater => {
                later.catch_up.get_or_insert(Instant::now() + UNAVAILABLE_AFTER);
                continue;
            }
            _ => {}
        }
        todo.add(order);
        later.take_due().into_iter().for_each(|order| todo.add(order));
        let mut put_off = PutOff::default();
        if later.catch_up.is_some_and(|at| at <= Instant::now()) {
            later.catch_up = None;
            if let Err(e) = catch_up(&index, service) {
                tracing::error!("cannot queue what is due again, will retry: {e}");
            }
            let has_more = index.has_unavailable().unwrap_or_else(|e| {
                tracing::error!("cannot read which files are unavailable, will retry: {e}");
                true
            });
            if has_more {
                later.catch_up = Some(Instant::now() + UNAVAILABLE_AGAIN);
            }
        }
        let may_run = priority == 0 || service.throttle.background_may_run();
        for order in todo.take(may_run, again.is_none()) {
            let done = match &order {
                // The previous order found the disk full.
                _ if !service.disk_space.is_available() => {
                    todo.add(order);
                    continue;
                }
                Order::Requests => scan_requests(&mut index, service, priority),
                Order::Walk(paths) | Order::Poll(paths) => {
                    walk(&mut index, service, paths, 1).map(PutOff::from)
                }
                Order::WalkAll => walk_all(&mut index, service).map(PutOff::from),
                Order::Again(_) | Order::CatchUpLater | Order::LookAgain | Order::Stop => {
                    Ok(PutOff::default())
                }
            };
            match done {
                Ok(more) => put_off.add(more),
                Err(RunError::Record(e)) if service.disk_space.explains(&e) => todo.add(order),
                Err(e) => {
                    tracing::error!(
                        "a walk failed, and is tried again in {} minutes: {e}",
                        WALK_AGAIN.as_secs() / 60
                    );
                    again = Some(Instant::now() + WALK_AGAIN);
                    todo.add(Order::Requests);
                    if priority > 0 {
                        // A walk of everything includes all pending changes.
                        todo.add(Order::WalkAll);
                    }
                }
            }
        }
        later.add(put_off.paths, put_off.requests);
        index.shrink();
    }
}

/// Parts that a scanner could not walk at present.
#[derive(Default)]
struct PutOff {
    paths: Vec<(PathBuf, Reach)>,
    /// Whether requests are among them.
    requests: bool,
}

impl PutOff {
    fn add(&mut self, more: PutOff) {
        self.paths.extend(more.paths);
        self.requests |= more.requests;
    }
}

impl From<Vec<(PathBuf, Reach)>> for PutOff {
    fn from(paths: Vec<(PathBuf, Reach)>) -> PutOff {
        PutOff { paths, requests: false }
    }
}

/// What a scanner retries by itself, and when.
#[derive(Default)]
struct Later {
    put_off: PutOff,
    at: Option<Instant>,
    pause: Duration,
    /// When files recorded as unavailable are retried.
    catch_up: Option<Instant>,
}

impl Later {
    /// Adds postponed parts and requests. Without any, and with no retry pending, the delay is reset.
    fn add(&mut self, paths: Vec<(PathBuf, Reach)>, requests: bool) {
        if paths.is_empty() && !requests {
            if self.at.is_none() {
                self.pause = Duration::ZERO;
            }
            return;
        }
        for path in paths {
            if !self.put_off.paths.contains(&path) {
                self.put_off.paths.push(path);
            }
        }
        self.put_off.requests |= requests;
        if self.at.is_none() {
            self.pause = (self.pause * 2).clamp(AGAIN_AFTER, MAX_RESCAN_DELAY);
            self.at = Some(Instant::now() + self.pause);
        }
    }

    fn take_due(&mut self) -> Vec<Order> {
        if self.at.is_none_or(|at| at > Instant::now()) {
            return Vec::new();
        }
        self.at = None;
        let PutOff { paths, requests } = std::mem::take(&mut self.put_off);
        let walk = (!paths.is_empty()).then_some(Order::Walk(paths));
        walk.into_iter().chain(requests.then_some(Order::Requests)).collect()
    }
}

/// Pending orders of a scanner. Equal orders are merged.
#[derive(Default)]
struct Todo {
    requests: bool,
    all: bool,
    polled: Vec<(PathBuf, Reach)>,
    changed: Vec<(PathBuf, Reach)>,
}

impl Todo {
    fn add(&mut self, order: Order) {
        match order {
            Order::Requests => self.requests = true,
            Order::WalkAll => self.all = true,
            Order::Poll(paths) => self.polled = paths,
            Order::Walk(paths) => {
                paths.into_iter().for_each(|p| {
                    if !self.changed.contains(&p) {
                        self.changed.push(p);
                    }
                });
                if self.changed.len() > watch::MANY {
                    self.changed.clear();
                    self.all = true;
                }
            }
            Order::Again(_) | Order::CatchUpLater | Order::LookAgain | Order::Stop => {}
        }
    }

    /// The orders to process now, in this sequence. `background`: include long walks; `all`: include the walk of
    /// everything, which also serves as a poll.
    fn take(&mut self, background: bool, all: bool) -> Vec<Order> {
        let mut now = Vec::new();
        if !self.changed.is_empty() {
            now.push(Order::Walk(std::mem::take(&mut self.changed)));
        }
        if background {
            if std::mem::take(&mut self.requests) {
                now.push(Order::Requests);
            }
            let polled = std::mem::take(&mut self.polled);
            if self.all && all {
                self.all = false;
                now.push(Order::WalkAll);
            } else if !polled.is_empty() {
                now.push(Order::Poll(polled));
            }
        }
        now
    }
}

fn walk_all(index: &mut Index, service: &Arc<Service>) -> Result<Vec<(PathBuf, Reach)>, RunError> {
    let put_off = walk(index, service, &[], 1)?;
    catch_up(index, service)?;
    if index.has_unavailable()? {
        let _ = service.scanner.send(Order::CatchUpLater);
    }
    run::sweep(index, &service.config(), &service.shared.store, &service.shared.progress)?;
    Ok(put_off)
}

/// Queues all known files with due stages.
fn catch_up(index: &Index, service: &Service) -> Result<(), RunError> {
    for stage in [&service.plan.stages.inspect, &service.plan.stages.render] {
        index.enqueue_due(&Scope::All, stage, now(), service.shared.budget.ceiling(), 1)?;
    }
    service.queue.wake();
    let _ = service.post_commit.send(PostCommitTask::Everything);
    let _ = service.recognition_worker.send(RecognitionTask::Background);
    Ok(())
}

fn scan_requests(index: &mut Index, service: &Arc<Service>, priority: u8) -> Result<PutOff, RunError> {
    let mut requests = false;
    for job in index.open_jobs()?.into_iter().filter(|j| !j.queued && j.priority == priority) {
        let paths: Vec<(PathBuf, Reach)> = job.paths.iter().map(|p| (p.clone(), Reach::Tree)).collect();
        if !walk(index, service, &paths, priority)?.is_empty() {
            // It stays open and does not block the others.
            requests = true;
            continue;
        }
        // A request for a path includes files that failed there before and may succeed now.
        let ceiling = service.shared.budget.ceiling();
        for scope in job.paths.iter().filter_map(|p| index.scope_of(&absolute(p)).transpose()) {
            let scope = scope?;
            for stage in [&service.plan.stages.inspect, &service.plan.stages.render] {
                index.enqueue_due(&scope, stage, now(), ceiling, priority)?;
            }
        }
        service.queue.wake();
        index.job_queued(job.id)?;
        let _ = match priority {
            0 => service.post_commit.send(PostCommitTask::Jobs),
            // It may request stages that use only recorded data.
            _ => service.post_commit.send(PostCommitTask::Everything),
        };
        if priority > 0 {
            let _ = service.recognition_worker.send(RecognitionTask::Background);
        }
    }
    Ok(PutOff { requests, paths: Vec::new() })
}

/// Walks; returns the parts that could not be walked at present.
fn walk(
    index: &mut Index,
    service: &Arc<Service>,
    paths: &[(PathBuf, Reach)],
    priority: u8,
) -> Result<Vec<(PathBuf, Reach)>, RunError> {
    let (targets, owners) = service.targets(index, paths)?;
    let options = {
        let config = service.config();
        ScanOptions {
            rules: config.rules(),
            owners,
            guard: config.guard.into(),
            accept_removals: false,
            priority,
            missing_is_gone: false,
            dry_run: false,
            budget: service.shared.budget.clone(),
            patience: patience::SHORT,
        }
    };
    let scanned = scan(index, &targets, &options, &service.shared.progress, &service.shared.shutdown)?;
    for was in &scanned.moved {
        if let Some(FileInSpace { path, space, .. }) = index.file_in_space(was.item)? {
            let was = events::Of { item: was.item, path: &was.path, space: &was.space };
            let is = events::Of { path: &path, space: &space, ..was };
            Event::moved(was, is).into_iter().for_each(|e| service.tell(e));
        }
    }
    for item in &scanned.removed {
        if let Some(FileInSpace { path, space, .. }) = index.file_in_space(*item)? {
            service.tell(Event::removed(events::Of { item: *item, path: &path, space: &space }));
        }
    }
    if scanned.unseen > 0 {
        // They are included in the counts.
        let _ = service.counter.send(());
    }
    if !scanned.moved.is_empty() || !scanned.removed.is_empty() {
        let _ = service.post_commit.send(PostCommitTask::Background(Default::default()));
    }
    service.queue.wake();
    if priority == 0 {
        service.queue.make_room();
    }
    Ok(scanned.put_off)
}

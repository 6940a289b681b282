//! Work after commits: groups files into items, resolves places, completes requests, and counts.

use super::events::Event;
use super::recognition::later_stages;
use super::{PostCommitTask, RecognitionTask, Service};
use crate::pipeline::finalize;
use albumen_core::clock::now;
use albumen_core::vocabulary::Stage;
use albumen_files::absolute;
use albumen_index::Error as IndexError;
use albumen_index::Index;
use albumen_index::due::{LeftToDo, Scope, StageNow};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Quiet time after which collected changes are processed together.
const GATHER: Duration = Duration::from_millis(150);
/// Minimum interval of grouping while files keep arriving: a large folder takes time on each pass.
const AT_MOST_EVERY: Duration = Duration::from_secs(3);
/// Maximum age of the status counts during activity, if counting is fast.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// Runs until shutdown.
pub fn run(mut index: Index, service: &Arc<Service>, tasks: Receiver<PostCommitTask>) {
    let mut folders: BTreeSet<i64> = BTreeSet::new();
    let (mut everything, mut something) = (false, false);
    let mut last_run = Instant::now() - AT_MOST_EVERY;
    let mut cost = Duration::ZERO;
    loop {
        let wait = match something {
            true if service.counters.uploads_waiting() > 0 => GATHER,
            true => AT_MOST_EVERY.max(cost * 10).saturating_sub(last_run.elapsed()).max(GATHER),
            false => Duration::MAX,
        };
        // Deadlines too distant to be represented are waits without end.
        let next = if wait == Duration::MAX {
            tasks.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            tasks.recv_timeout(wait)
        };
        match next {
            Ok(PostCommitTask::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(PostCommitTask::Background(some)) => {
                folders.extend(some);
                something = true;
            }
            Ok(PostCommitTask::Everything) => {
                everything = true;
                something = true;
            }
            Ok(PostCommitTask::Jobs) => something = true,
            Err(RecvTimeoutError::Timeout) => {
                let begun = Instant::now();
                let scopes = if std::mem::take(&mut everything) {
                    vec![Scope::All]
                } else {
                    folders.iter().map(|f| Scope::Folder(*f)).collect()
                };
                if let Err(e) = service.with_disk_space(|| tidy(&mut index, service, &scopes)) {
                    tracing::error!("items could not be put together: {e}");
                }
                if service.queue.is_idle() {
                    index.shrink();
                }
                folders.clear();
                something = false;
                last_run = Instant::now();
                cost = begun.elapsed();
            }
        }
    }
}

fn tidy(index: &mut Index, service: &Service, scopes: &[Scope]) -> Result<(), IndexError> {
    finalize::finalize(index, scopes, &service.plan.places, &service.shared)?;
    for scope in scopes {
        index.sum_up(scope, &service.plan.asked_for())?;
    }
    end_jobs(index, service)?;
    let _ = service.counter.send(());
    service.tell(Event::progress());
    service.commits.send_modify(|n| *n += 1);
    Ok(())
}

fn end_jobs(index: &Index, service: &Service) -> albumen_index::Result<()> {
    let jobs = index.open_jobs()?;
    for job in jobs {
        let mut left = u64::from(!job.queued);
        let mut unseen = Vec::new();
        for path in &job.paths {
            let Some(scope) = index.scope_of(&absolute(path))? else { continue };
            let stages = later_stages(service, index, &scope)?;
            let LeftToDo { waiting: files, due } = index.left_to_do(&scope, &stages, now())?;
            // Requests do not wait for unavailable stages: the response names these.
            let doable: Vec<&StageNow> =
                stages.iter().copied().filter(|s| service.models.can_do(s.stage)).collect();
            left += if doable.len() == stages.len() {
                files + due
            } else {
                files + index.left_to_do(&scope, &doable, now())?.due
            };
            // An upload does not wait for clustering; a request for the people stage does.
            if job.priority > 0 && stages.iter().any(|s| s.stage == Stage::Faces) {
                let unclustered = index.spaces_to_cluster()?;
                left += index.spaces_of(&scope)?.iter().filter(|s| unclustered.contains(s)).count() as u64;
            }
            if files == 0 && due > 0 {
                unseen.push(scope);
            }
        }
        if left == 0 {
            index.job_done(job.id, now())?;
            service.counters.upload_done(job.id);
            service.tell(Event::job_done(job.id, service.spaces_of(&job.paths)));
        } else if job.priority == 0 {
            service.counters.upload_waits(job.id, service.spaces_of(&job.paths));
        }
        if job.priority == 0 {
            // First visible files, then recognition; includes broken models, which may be repaired meanwhile.
            unseen
                .into_iter()
                .for_each(|scope| drop(service.recognition_worker.send(RecognitionTask::Upload(scope))));
        }
    }
    Ok(())
}

/// Counts the index on a separate thread: a million rows take seconds. Ends with the service.
pub fn count(index: &Index, service: &Service, orders: &Receiver<()>) {
    let stopped = || service.shared.shutdown.requested();
    // Checked on both sides of the wait, because shutdown may occur on either.
    while !stopped() && orders.recv().is_ok() && !stopped() {
        let begun = Instant::now();
        if let Err(e) = count_once(index, service) {
            tracing::error!("the index cannot be counted: {e}");
        }
        index.shrink();
        // At most a tenth of the time; changes in between are counted in the next pass.
        let until = Instant::now() + COUNTS_EVERY.max(begun.elapsed() * 10);
        let mut again = false;
        while !stopped() {
            match orders.recv_deadline(until) {
                Ok(()) => again = true,
                Err(_) => break,
            }
        }
        if again && !stopped() {
            let _ = service.counter.send(());
        }
    }
}

fn count_once(index: &Index, service: &Service) -> albumen_index::Result<()> {
    if service.disk_space.is_available() {
        index.add_costs(&service.shared.progress.costs_to_keep())?;
    }
    service.counters.counted(index.counts(&service.plan.stages(), now())?);
    Ok(())
}

//! Timed actions: continuing background work when the time window or load allows it, checking for disk space, and
//! returning free memory to the kernel when idle.
//!
//! Sleeps until the next of these is due: an idle service wakes up once in [`GIVE_BACK_AFTER`].

use super::Service;
use crate::pipeline::shutdown::Shutdown;
use albumen_index::IndexReader;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Interval of checks of time windows and load, while these block work.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Interval without a commit after which free memory is returned to the kernel: by then connections have released their
/// pages (the recorder's after 10 s), and counting is usually complete.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(25);

/// Runs until shutdown.
pub(super) fn run(service: &Service, shutdown: &Shutdown) {
    let mut was_held = false;
    let mut commits = *service.commits.borrow();
    let now = Instant::now();
    let (mut gives_back, mut looks_again) = (now + GIVE_BACK_AFTER, now + LOOK_AGAIN);
    loop {
        let depends_on_time = service.throttle.depends_on_time();
        let next = if depends_on_time { gives_back.min(looks_again) } else { gives_back };
        let has_space = service.disk_space.sleep_until(next);
        if shutdown.requested() {
            break;
        }
        if has_space {
            service.work_again();
        }
        let now = Instant::now();
        if now >= gives_back {
            gives_back = now + GIVE_BACK_AFTER;
            if commits == std::mem::replace(&mut commits, *service.commits.borrow()) {
                // Repeated, because final counting and clustering make no commit, and connections returned during other
                // work have kept their pages.
                service
                    .readers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .iter()
                    .for_each(IndexReader::shrink);
                albumen_isolation::memory::give_back();
            }
        }
        if depends_on_time && now >= looks_again {
            looks_again = now + LOOK_AGAIN;
            let is_held = !service.throttle.background_may_run();
            if was_held && !is_held {
                service.work_again();
            }
            was_held = is_held;
        }
    }
    service.shared.budget.close();
    service.queue.stop();
}

//! What time alone brings about: background work that its window or the load lets go on, room on a full disk, and memory that
//! goes back to the kernel at rest.
//!
//! Sleeps until the next of these is due: in a service at rest that is one wake-up in [`GIVE_BACK_AFTER`].

use super::Service;
use crate::pipeline::shutdown::Shutdown;
use albumen_index::IndexReader;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How often time windows and the load are looked at, where they decide.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// After each so long without a commit free memory goes back to the kernel: by then the connections have given back their pages
/// (the recorder's after 10 s), and mostly the last count is over.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(25);

/// Runs until the service is to stop.
pub(super) fn run(service: &Service, shutdown: &Shutdown) {
    let mut was_held = false;
    let mut commits = *service.commits.borrow();
    let now = Instant::now();
    let (mut gives_back, mut looks_again) = (now + GIVE_BACK_AFTER, now + LOOK_AGAIN);
    loop {
        let depends_on_time = service.gate.depends_on_time();
        let next = if depends_on_time { gives_back.min(looks_again) } else { gives_back };
        let room = service.room.sleep_until(next);
        if shutdown.requested() {
            break;
        }
        if room {
            service.work_again();
        }
        let now = Instant::now();
        if now >= gives_back {
            gives_back = now + GIVE_BACK_AFTER;
            if commits == std::mem::replace(&mut commits, *service.commits.borrow()) {
                // Again and again: what counts or clusters last commits nothing. Readers that came back while others worked have
                // kept their pages.
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
            let is_held = !service.gate.background_may_run();
            if was_held && !is_held {
                service.work_again();
            }
            was_held = is_held;
        }
    }
    service.shared.budget.close();
    service.queue.stop();
}

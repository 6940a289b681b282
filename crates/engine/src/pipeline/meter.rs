//! Samples the memory of this process and its children for its peak.

use super::progress::Progress;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Delay between the first two samples; doubles up to the maximum, so that short runs are measured as well.
const FIRST: Duration = Duration::from_millis(10);
const EVERY: Duration = Duration::from_millis(250);
/// Interval while a service works on no file.
const AT_REST: Duration = Duration::from_secs(60);

/// Samples until it is dropped.
pub(crate) struct Meter {
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Meter {
    /// For a command, whose walks and clustering count as well.
    pub(crate) fn of_command(progress: Arc<Progress>) -> Meter {
        Meter::start(progress, false)
    }

    /// For a service, which is mostly idle.
    pub(crate) fn of_service(progress: Arc<Progress>) -> Meter {
        Meter::start(progress, true)
    }

    fn start(progress: Arc<Progress>, may_rest: bool) -> Meter {
        let stop = Arc::new(AtomicBool::new(false));
        let (sampled, stopping) = (progress.clone(), stop.clone());
        let stopped = move || stopping.load(Ordering::Acquire);
        let sample = move || {
            let mut pause = FIRST;
            while !stopped() {
                let mut all = albumen_isolation::children();
                all.push(std::process::id());
                sampled.saw_pss(albumen_isolation::pss(&all));
                std::thread::sleep(pause);
                pause = (pause * 2).min(EVERY);
                if may_rest {
                    sampled.wait_for_work(AT_REST, &stopped);
                }
            }
        };
        let thread = std::thread::Builder::new().name("meter".into()).spawn(sample).ok();
        Meter { progress, stop, thread }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.progress.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

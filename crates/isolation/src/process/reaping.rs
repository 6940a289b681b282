//! Waits for ended child processes, and lists the living ones.

use std::collections::BTreeSet;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Waits at most `patience` for a child's exit.
pub(super) fn reap(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if began.elapsed() >= patience {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

static LIVING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

pub(super) fn living() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The processes that this one has started and still uses, workers and recognisers; their memory counts with its own.
pub fn children() -> Vec<u32> {
    living().iter().copied().collect()
}

/// Killed children that the kernel has not released.
static ABANDONED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

pub(super) fn abandoned() -> std::sync::MutexGuard<'static, Vec<Child>> {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn reap_abandoned() {
    abandoned().retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
}

//! What a run has done so far: counters that every thread adds to and the display reads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Shared by all threads of a run.
#[derive(Debug, Default)]
pub struct Progress {
    pub found: AtomicU64,
    pub new: AtomicU64,
    pub changed: AtomicU64,
    pub moved: AtomicU64,
    pub unchanged: AtomicU64,
    pub offline: AtomicU64,
    pub removed: AtomicU64,
    /// Files that failed in this run.
    pub failed: AtomicU64,
    /// Files to be developed, and of them done.
    pub to_develop: AtomicU64,
    pub developed: AtomicU64,
    pub to_recognise: AtomicU64,
    pub recognised: AtomicU64,
    pub bytes_done: AtomicU64,
    peak_pss: AtomicU64,
    stage_cpu_us: Mutex<BTreeMap<&'static str, u64>>,
    now: Mutex<BTreeMap<usize, (String, Instant)>>,
    /// Sentences that the person must read: a volume offline, a folder that could not be read.
    notices: Mutex<Vec<String>>,
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Counters only: a thread that died while it held one left it whole.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// CPU seconds that a stage took for one file.
    pub fn stage_cpu(&self, stage: &'static str, seconds: f64) {
        *lock(&self.stage_cpu_us).entry(stage).or_default() += (seconds * 1e6) as u64;
    }

    /// CPU seconds by stage so far.
    pub fn stage_cpu_s(&self) -> BTreeMap<String, f64> {
        lock(&self.stage_cpu_us).iter().map(|(k, us)| ((*k).to_owned(), *us as f64 / 1e6)).collect()
    }

    /// A thread begins a file.
    pub fn begin(&self, thread: usize, path: String) {
        lock(&self.now).insert(thread, (path, Instant::now()));
    }

    /// A thread has ended its file.
    pub fn end(&self, thread: usize) {
        lock(&self.now).remove(&thread);
    }

    /// The file that has been worked on for the longest, and for how many seconds.
    pub fn slowest_now(&self) -> Option<(String, f64)> {
        let now = lock(&self.now);
        now.values()
            .min_by_key(|(_, since)| *since)
            .map(|(p, since)| (p.clone(), since.elapsed().as_secs_f64()))
    }

    pub fn notice(&self, words: String) {
        tracing::warn!("{words}");
        lock(&self.notices).push(words);
    }

    pub fn notices(&self) -> Vec<String> {
        lock(&self.notices).clone()
    }

    pub fn saw_pss(&self, bytes: u64) {
        self.peak_pss.fetch_max(bytes, Ordering::Relaxed);
    }

    pub fn peak_pss(&self) -> u64 {
        self.peak_pss.load(Ordering::Relaxed)
    }
}

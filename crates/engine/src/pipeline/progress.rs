//! Progress of a run: counters that all threads add to and the display reads.

use albumen_index::reindex::Cost;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of notices kept for the end of a run.
const NOTICES: usize = 1000;

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
    /// Files that were temporarily unreadable and wait for the next run.
    pub put_off: AtomicU64,
    /// Files to be developed; `developed` counts those done.
    pub to_develop: AtomicU64,
    pub developed: AtomicU64,
    pub to_recognise: AtomicU64,
    pub recognised: AtomicU64,
    pub bytes_done: AtomicU64,
    peak_pss: AtomicU64,
    /// Media of unsupported kinds, by extension.
    unread: Mutex<BTreeMap<String, u64>>,
    /// Files and CPU time.
    stage_cost: Mutex<BTreeMap<&'static str, Cost>>,
    /// The part of it that [`Progress::costs_to_keep`] has returned.
    kept_cost: Mutex<BTreeMap<&'static str, Cost>>,
    now: Mutex<BTreeMap<usize, (String, Instant)>>,
    begun: Condvar,
    /// Messages for the user: a volume is offline, a folder could not be read.
    notices: Mutex<Vec<String>>,
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The counters stay valid if a thread panics while it holds the lock.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Adds CPU seconds that a part of the work took for one file.
    pub fn stage_cpu(&self, part: &'static str, seconds: f64) {
        if seconds > 0.0 {
            let mut costs = lock(&self.stage_cost);
            let cost = costs.entry(part).or_default();
            cost.files += 1;
            cost.cpu_s += seconds;
        }
    }

    /// CPU seconds by part so far.
    pub fn stage_cpu_s(&self) -> BTreeMap<String, f64> {
        lock(&self.stage_cost).iter().map(|(k, c)| ((*k).to_owned(), c.cpu_s)).collect()
    }

    /// The costs since the last call, for [`albumen_index::Index::add_costs`].
    pub fn costs_to_keep(&self) -> BTreeMap<&'static str, Cost> {
        let now = lock(&self.stage_cost).clone();
        let before = std::mem::replace(&mut *lock(&self.kept_cost), now.clone());
        let since = |(part, cost): (&'static str, Cost)| {
            let was = before.get(part).copied().unwrap_or_default();
            let more = Cost { files: cost.files - was.files, cpu_s: cost.cpu_s - was.cpu_s };
            (more.files > 0).then_some((part, more))
        };
        now.into_iter().filter_map(since).collect()
    }

    /// Adds media of unsupported kinds in a folder.
    pub fn saw_unread(&self, by_extension: &BTreeMap<String, u64>) {
        let mut unread = lock(&self.unread);
        for (extension, files) in by_extension {
            *unread.entry(extension.clone()).or_default() += files;
        }
    }

    pub fn unread(&self) -> BTreeMap<String, u64> {
        lock(&self.unread).clone()
    }

    /// A thread starts a file.
    pub fn begin(&self, thread: usize, path: String) {
        lock(&self.now).insert(thread, (path, Instant::now()));
        self.begun.notify_all();
    }

    /// Waits until a thread works on a file, at most `at_most`, or until `stop` returns true.
    pub(super) fn wait_for_work(&self, at_most: Duration, stop: impl Fn() -> bool) {
        let is_idle = |now: &mut BTreeMap<_, _>| now.is_empty() && !stop();
        drop(self.begun.wait_timeout_while(lock(&self.now), at_most, is_idle));
    }

    /// Makes waiting threads check whether they must stop.
    pub(super) fn wake(&self) {
        // The condition that they check has changed before, and they check it under the lock.
        let _now = lock(&self.now);
        self.begun.notify_all();
    }

    /// A thread has finished its file.
    pub fn end(&self, thread: usize) {
        lock(&self.now).remove(&thread);
    }

    /// The file in progress for the longest time, and its seconds.
    pub fn slowest_now(&self) -> Option<(String, f64)> {
        let now = lock(&self.now);
        now.values()
            .min_by_key(|(_, since)| *since)
            .map(|(p, since)| (p.clone(), since.elapsed().as_secs_f64()))
    }

    pub fn notice(&self, words: String) {
        let mut notices = lock(&self.notices);
        // Several threads may report the same problem.
        if notices.contains(&words) {
            return;
        }
        tracing::warn!("{words}");
        // A service runs for months, and its notices are read only in the log.
        if notices.len() < NOTICES {
            notices.push(words);
        }
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

//! The order of work: uploads first, background work when allowed.
//!
//! The rows are in the index (`pending`), so a restart loses nothing; this module holds only the work in progress,
//! waiting threads and pauses. Waiting threads sleep until there is work.
//!
//! Promises: an upload never waits for a pause or for a background file; a background file that is stopped for an
//! upload is requeued without counting an attempt; a file that is temporarily unreadable does not block others: it is
//! skipped until its retry time, or until its file system answers again.

use super::disk_space::DiskSpace;
use super::throttle::{DutyCycle, Throttle};
use crate::pipeline::developing::JobSource;
use crate::pipeline::shutdown::Shutdown;
use albumen_core::cancel::CancelToken;
use albumen_files::{patience, relative};
use albumen_index::Error as IndexError;
use albumen_index::Index;
use albumen_index::scan::PendingRow;
use albumen_isolation::ProcessPriority;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Background rows fetched at a time.
const FETCH: usize = 64;

/// Settings of the queue.
pub struct Rules {
    /// Number of threads that take work.
    pub threads: usize,
    /// Whether an upload may stop background work.
    pub preempt: bool,
    /// Idle time after which a thread ends its worker.
    pub idle: Duration,
    /// Called when the last background file is done.
    pub drained: Box<dyn Fn() + Send + Sync>,
    /// Called with a volume whose path now holds a different folder than the walked one.
    pub look_at: Box<dyn Fn(PathBuf) + Send + Sync>,
    /// Called when a file is recorded as unavailable, so that it becomes due again later.
    pub gave_up: Box<dyn Fn() + Send + Sync>,
}

/// The source of files for the service's developing threads.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    throttle: Throttle,
    disk_space: Arc<DiskSpace>,
    shutdown: Shutdown,
    rules: Rules,
}

struct State {
    index: Index,
    ready: VecDeque<PendingRow>,
    /// By pending id, until the record is committed, so that no row is taken twice.
    busy: BTreeMap<i64, Busy>,
    /// There may be rows that were not fetched yet.
    more: bool,
    /// Pauses that threads must make after background work.
    duty_cycles: BTreeMap<usize, DutyCycle>,
    /// A caller may wait for the queue to become empty and must be notified.
    awaited: bool,
    /// A row was skipped because another thread had its file.
    passed_over: bool,
    /// Rows postponed because they could not be processed, by id.
    put_off: BTreeMap<i64, PutOff>,
    /// Rows up to this one are skipped: their file system does not answer, or their retry time is not reached.
    passed: (u8, i64),
    /// When skipped rows are checked again.
    look_again: Option<Instant>,
}

/// A postponed row.
#[derive(Clone, Copy)]
struct PutOff {
    until: Instant,
    tries: u32,
}

/// Delay after the first attempt; doubles with each further one, up to the maximum.
const TRY_AFTER: Duration = Duration::from_secs(2);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(120);
/// After this number of attempts (about ten minutes), the failure is recorded.
const MOST_TRIES: u32 = 10;
/// Interval of checks for a file system that does not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Maximum number of postponed rows; beyond it, background work waits for the first of them.
const MOST_PUT_OFF: usize = 10_000;
/// The position before all background rows.
const BACKGROUND: (u8, i64) = (1, 0);

struct Busy {
    priority: u8,
    token: CancelToken,
    thread: usize,
    began: Instant,
    /// The file: an upload of the same file replaces this row.
    file: (i64, Vec<u8>),
    /// In progress on a thread, as opposed to waiting for its commit.
    working: bool,
}

impl Queue {
    pub fn new(
        index: Index,
        throttle: Throttle,
        disk_space: Arc<DiskSpace>,
        shutdown: Shutdown,
        rules: Rules,
    ) -> Queue {
        let state = State {
            index,
            ready: VecDeque::new(),
            busy: BTreeMap::new(),
            more: true,
            duty_cycles: BTreeMap::new(),
            awaited: false,
            passed_over: false,
            put_off: BTreeMap::new(),
            passed: BACKGROUND,
            look_again: None,
        };
        Queue { state: Mutex::new(state), changed: Condvar::new(), throttle, disk_space, shutdown, rules }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the threads: there is more work, or a condition that blocked background work has changed.
    pub fn wake(&self) {
        let mut s = self.lock();
        s.more = true;
        s.passed = BACKGROUND;
        // The queue must not appear empty until a thread has checked.
        s.awaited = true;
        drop(s);
        self.changed.notify_all();
    }

    /// An upload is waiting: if all threads are busy with background work, stops one of them.
    pub fn make_room(&self) {
        let s = self.lock();
        let working: Vec<&Busy> = s.busy.values().filter(|b| b.working).collect();
        let background = working.iter().find(|b| b.priority > 0 && !b.token.is_cancelled());
        if self.rules.preempt
            && working.len() >= self.rules.threads
            && let Some(b) = background
        {
            b.token.cancel();
        }
    }

    /// Stops all work in progress; it returns to the queue.
    pub fn stop(&self) {
        for b in self.lock().busy.values() {
            b.token.cancel();
        }
        self.changed.notify_all();
    }

    /// Removes committed rows from the queue.
    pub fn committed(&self, pending_ids: impl Iterator<Item = i64>) {
        let mut s = self.lock();
        for id in pending_ids {
            s.busy.remove(&id);
            s.put_off.remove(&id);
        }
        if std::mem::take(&mut s.passed_over) {
            s.more = true;
            self.changed.notify_all();
        }
        self.tell_if_drained(&mut s);
    }

    /// Number of files that wait because they are temporarily unreadable.
    pub fn put_off(&self) -> usize {
        self.lock().put_off.len()
    }

    /// No row is waiting and no thread is working.
    pub fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    fn tell_if_drained(&self, s: &mut State) {
        if s.awaited && s.is_idle() {
            s.awaited = false;
            s.index.shrink();
            (self.rules.drained)();
        }
    }

    fn take(&self, s: &mut State, thread: usize) -> Result<Option<PendingRow>, IndexError> {
        if !self.disk_space.is_available() {
            return Ok(None);
        }
        if s.look_again.is_some_and(|at| at <= Instant::now()) {
            (s.look_again, s.passed, s.more) = (None, BACKGROUND, true);
            s.forget_done()?;
        }
        if s.more {
            // There are few uploads: they are queried for each file, so that none waits behind a batch.
            let busy = s.busy.values().filter(|b| b.priority == 0).count();
            if let Some(row) = s.next_upload(busy + 1)? {
                let same = s.busy.values().find(|b| b.file.0 == row.folder_id && b.file.1 == row.name);
                if let Some(same) = same {
                    same.token.cancel();
                }
                return Ok(Some(row));
            }
        }
        if !s.pause_of(&self.throttle, thread).is_zero() || !self.throttle.background_may_run() {
            return Ok(None);
        }
        loop {
            while let Some(row) = s.ready.pop_front() {
                // A walk may have replaced the row since, possibly with an upload.
                if s.index.is_pending(row.id)? && s.is_free(&row) && !s.must_wait(&row) {
                    return Ok(Some(row));
                }
            }
            if !s.more {
                return Ok(None);
            }
            if s.put_off.len() >= MOST_PUT_OFF {
                s.look_again_at(Instant::now() + ASK_AGAIN);
                s.more = false;
                return Ok(None);
            }
            s.more = s.fill()?;
        }
    }

    /// Handles the end of the work on a file, whatever its outcome.
    fn tire(&self, s: &mut State, job: &PendingRow) {
        if let Some(b) = s.busy.get(&job.id)
            && b.priority > 0
        {
            let (thread, duty_cycle) = (b.thread, DutyCycle::after(b.began.elapsed()));
            s.duty_cycles.insert(thread, duty_cycle);
        }
    }
}

impl State {
    /// The first upload that is neither in progress nor postponed.
    fn next_upload(&mut self, mut limit: usize) -> Result<Option<PendingRow>, IndexError> {
        let mut after = (0, 0);
        loop {
            let rows = self.index.pending_after(after, limit)?;
            let is_last = rows.len() < limit;
            for row in rows {
                if row.priority > 0 {
                    return Ok(None);
                }
                after = (row.priority, row.id);
                if !self.busy.contains_key(&row.id) && !self.must_wait(&row) {
                    return Ok(Some(row));
                }
            }
            if is_last {
                return Ok(None);
            }
            limit = FETCH;
        }
    }

    /// Drops postponed rows that a later walk removed from the queue.
    fn forget_done(&mut self) -> Result<(), IndexError> {
        let now = Instant::now();
        let due: Vec<i64> = self.put_off.iter().filter(|(_, p)| p.until <= now).map(|(id, _)| *id).collect();
        for id in due {
            if !self.index.is_pending(id)? {
                self.put_off.remove(&id);
            }
        }
        Ok(())
    }

    /// Fetches background rows that can be processed; false: there are none.
    fn fill(&mut self) -> Result<bool, IndexError> {
        let limit = FETCH + self.busy.len();
        let (mut after, mut is_front) = (self.passed, true);
        while self.ready.is_empty() {
            let rows = self.index.pending_after(after, limit)?;
            let is_last = rows.len() < limit;
            for row in rows {
                after = (row.priority, row.id);
                if self.must_wait(&row) {
                    // Skipped rows at the front are not fetched again for every file behind them.
                    if is_front {
                        self.passed = after;
                    }
                } else {
                    is_front = false;
                    if self.is_free(&row) {
                        self.ready.push_back(row);
                    }
                }
            }
            if is_last {
                break;
            }
        }
        Ok(!self.ready.is_empty())
    }

    /// Whether a row's retry time is not reached, or its file system does not answer.
    fn must_wait(&mut self, row: &PendingRow) -> bool {
        let now = Instant::now();
        if let Some(put_off) = self.put_off.get(&row.id).filter(|p| p.until > now) {
            let until = put_off.until;
            self.look_again_at(until);
            return true;
        }
        let hangs = patience::is_stuck(&relative::on_disk(&[&row.volume_path, &row.folder]));
        if hangs {
            self.look_again_at(now + ASK_AGAIN);
        }
        hangs
    }

    fn look_again_at(&mut self, at: Instant) {
        self.look_again = Some(self.look_again.map_or(at, |other| other.min(at)));
    }

    fn is_idle(&self) -> bool {
        self.busy.is_empty() && self.ready.is_empty() && !self.more
    }

    /// Whether neither the row nor its file under another row is in progress (the latter is checked again when that one
    /// is done).
    fn is_free(&mut self, row: &PendingRow) -> bool {
        let has_file = self.busy.values().any(|b| b.file.0 == row.folder_id && b.file.1 == row.name);
        let has_row = self.busy.contains_key(&row.id);
        self.passed_over |= has_file && !has_row;
        !has_file && !has_row
    }

    fn pause_of(&self, throttle: &Throttle, thread: usize) -> Duration {
        self.duty_cycles.get(&thread).map_or(Duration::ZERO, |t| throttle.pause_after(*t))
    }
}

impl JobSource for Queue {
    fn next(
        &self,
        thread: usize,
        idle: &mut dyn FnMut(),
    ) -> Result<Option<(PendingRow, CancelToken)>, IndexError> {
        let mut s = self.lock();
        let waits_since = Instant::now();
        let mut is_idle = false;
        loop {
            if self.shutdown.requested() {
                return Ok(None);
            }
            if let Some(row) = self.take(&mut s, thread)? {
                let token = CancelToken::new();
                let busy = Busy {
                    priority: row.priority,
                    token: token.clone(),
                    thread,
                    began: Instant::now(),
                    file: (row.folder_id, row.name.clone()),
                    working: true,
                };
                s.busy.insert(row.id, busy);
                s.awaited |= row.priority > 0;
                return Ok(Some((row, token)));
            }
            self.tell_if_drained(&mut s);
            let pause = Some(s.pause_of(&self.throttle, thread)).filter(|r| !r.is_zero());
            let again = s.look_again.map(|at| at.saturating_duration_since(Instant::now()));
            let until_idle = (!is_idle).then(|| self.rules.idle.saturating_sub(waits_since.elapsed()));
            s = match pause.into_iter().chain(until_idle).chain(again).min() {
                Some(patience) => {
                    self.changed.wait_timeout(s, patience).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(s).unwrap_or_else(PoisonError::into_inner),
            };
            if !is_idle && waits_since.elapsed() >= self.rules.idle {
                is_idle = true;
                // Ending a process takes time: do not hold the lock.
                drop(s);
                idle();
                s = self.lock();
            }
        }
    }

    fn worked(&self, job: &PendingRow) {
        let mut s = self.lock();
        self.tire(&mut s, job);
        if let Some(b) = s.busy.get_mut(&job.id) {
            b.working = false;
        }
    }

    fn gave_back(&self, job: &PendingRow) {
        let mut s = self.lock();
        self.tire(&mut s, job);
        s.busy.remove(&job.id);
        (s.more, s.passed) = (true, BACKGROUND);
        drop(s);
        self.changed.notify_all();
    }

    fn puts_off(&self, job: &PendingRow, why: &str, is_elsewhere: bool) -> bool {
        let mut s = self.lock();
        self.tire(&mut s, job);
        let tries = s.put_off.get(&job.id).map_or(0, |p| p.tries) + 1;
        let hangs = patience::is_stuck(&relative::on_disk(&[&job.volume_path, &job.folder]));
        if !hangs && tries > MOST_TRIES {
            s.put_off.remove(&job.id);
            drop(s);
            (self.rules.gave_up)();
            return false;
        }
        s.busy.remove(&job.id);
        let after = (TRY_AFTER * (1 << (tries - 1).min(10))).min(MAX_RETRY_DELAY);
        // While the file system hangs, no attempt is made or counted.
        let tries = if hangs { tries - 1 } else { tries };
        s.put_off.insert(job.id, PutOff { until: Instant::now() + after, tries });
        (s.more, s.passed) = (true, BACKGROUND);
        drop(s);
        if tries <= 1 {
            let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
            tracing::warn!("{} is tried again soon: {why}", path.display());
        }
        if is_elsewhere {
            (self.rules.look_at)(relative::on_disk(&[&job.volume_path]));
        }
        self.changed.notify_all();
        true
    }

    fn tries(&self, job: &PendingRow) -> u32 {
        self.lock().put_off.get(&job.id).map_or(0, |p| p.tries)
    }

    fn patience(&self) -> Duration {
        patience::SHORT
    }

    fn process_priority(&self, job: &PendingRow) -> Option<ProcessPriority> {
        self.throttle.process_priority().filter(|_| job.priority > 0)
    }

    fn goes_on_after(&self, e: &IndexError) -> bool {
        self.disk_space.ran_out(e)
    }

    fn make_memory(&self) {
        for b in self.lock().busy.values().filter(|b| self.rules.preempt && b.working && b.priority > 0) {
            b.token.cancel();
        }
    }
}

#[cfg(test)]
mod tests;

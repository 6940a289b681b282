//! The order of work: uploads first, background work when it may.
//!
//! The rows lie in the index (`pending`), so a restart loses nothing; here is only what is being worked on and
//! who waits. A thread that waits costs nothing: it sleeps until somebody says that there is more.

use super::gate::Gate;
use crate::index::Index;
use crate::index::scan::PendingRow;
use crate::pipeline::cancel::CancelToken;
use crate::pipeline::developing::JobSource;
use crate::pipeline::shutdown::Shutdown;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Background rows fetched at a time.
const FETCH: usize = 64;

/// The service's source of files for the developing threads.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    gate: Gate,
    shutdown: Shutdown,
    /// Threads that take from here.
    threads: usize,
    /// Whether an upload may stop background work.
    preempt: bool,
}

struct State {
    index: Index,
    ready: VecDeque<PendingRow>,
    /// By pending id: until its record is committed, so that nobody takes it twice.
    busy: BTreeMap<i64, Busy>,
    /// There may be rows that were not looked at yet.
    more: bool,
}

struct Busy {
    priority: u8,
    token: CancelToken,
    /// Still with a thread, not only waiting for its commit.
    working: bool,
}

impl Queue {
    pub fn new(index: Index, gate: Gate, shutdown: Shutdown, threads: usize, preempt: bool) -> Queue {
        let state = State { index, ready: VecDeque::new(), busy: BTreeMap::new(), more: true };
        Queue { state: Mutex::new(state), changed: Condvar::new(), gate, shutdown, threads, preempt }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is more to do, or what kept background work back has changed.
    pub fn wake(&self) {
        self.lock().more = true;
        self.changed.notify_all();
    }

    /// An upload waits: where every thread is busy with background work, one of them is stopped.
    pub fn make_room(&self) {
        let s = self.lock();
        let working: Vec<&Busy> = s.busy.values().filter(|b| b.working).collect();
        let background = working.iter().find(|b| b.priority > 0 && !b.token.is_cancelled());
        if self.preempt
            && working.len() >= self.threads
            && let Some(b) = background
        {
            b.token.cancel();
        }
    }

    /// Stops everything that is being worked on; it goes back into the queue.
    pub fn stop(&self) {
        for b in self.lock().busy.values() {
            b.token.cancel();
        }
        self.changed.notify_all();
    }

    /// These rows are committed: they are out of the queue for good.
    pub fn committed(&self, pending_ids: impl Iterator<Item = i64>) {
        let mut s = self.lock();
        for id in pending_ids {
            s.busy.remove(&id);
        }
    }

    /// Nothing waits and nobody works.
    pub fn is_idle(&self) -> bool {
        let s = self.lock();
        s.busy.is_empty() && s.ready.is_empty() && !s.more
    }

    fn take(&self, s: &mut State) -> Option<PendingRow> {
        if s.more {
            // Uploads are few: whether there is one is asked anew for every file, so that none waits behind a batch.
            let busy = s.busy.values().filter(|b| b.priority == 0).count();
            let uploads = fetch(&s.index, (0, 0), busy + 1);
            if let Some(row) = uploads.into_iter().find(|r| r.priority == 0 && !s.busy.contains_key(&r.id)) {
                return Some(row);
            }
        }
        if !self.gate.background_may_run() {
            return None;
        }
        loop {
            while let Some(row) = s.ready.pop_front() {
                if !s.busy.contains_key(&row.id) {
                    return Some(row);
                }
            }
            if !s.more {
                return None;
            }
            let busy: Vec<i64> = s.busy.keys().copied().collect();
            let rows = fetch(&s.index, (1, 0), FETCH + busy.len());
            s.ready.extend(rows.into_iter().filter(|r| !busy.contains(&r.id)));
            if s.ready.is_empty() {
                s.more = false;
            }
        }
    }
}

fn fetch(index: &Index, after: (u8, i64), limit: usize) -> Vec<PendingRow> {
    index.pending_after(after, limit).unwrap_or_else(|e| {
        tracing::error!("the queue cannot be read: {e}");
        Vec::new()
    })
}

impl JobSource for Queue {
    fn next(&self, _thread: usize) -> Option<(PendingRow, CancelToken)> {
        let mut s = self.lock();
        loop {
            if self.shutdown.requested() {
                return None;
            }
            if let Some(row) = self.take(&mut s) {
                let token = CancelToken::new();
                let busy = Busy { priority: row.priority, token: token.clone(), working: true };
                s.busy.insert(row.id, busy);
                drop(s);
                if row.priority > 0 {
                    self.gate.breathe();
                }
                return Some((row, token));
            }
            s = self.changed.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn worked(&self, job: &PendingRow) {
        if let Some(b) = self.lock().busy.get_mut(&job.id) {
            b.working = false;
        }
    }

    fn gave_back(&self, job: &PendingRow) {
        let mut s = self.lock();
        s.busy.remove(&job.id);
        s.more = true;
        drop(s);
        self.changed.notify_all();
    }
}

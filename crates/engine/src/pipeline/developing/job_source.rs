//! Where developers get their jobs: the interface, and the source of a single run.

use super::TRIES_A_RUN;
use crate::pipeline::progress::Progress;
use crate::pipeline::shutdown::Shutdown;
use albumen_core::cancel::CancelToken;
use albumen_core::fault;
use albumen_files::patience;
use albumen_files::relative;
use albumen_index::scan::PendingRow;
use albumen_index::{Error as IndexError, Index};
use albumen_isolation::ProcessPriority;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A source of work for the threads.
pub trait JobSource: Sync {
    /// Waits for the next file; returns it with the token that cancels its work, or `None` at the end. `idle` is called
    /// after a long time without work, to release memory. A queue that cannot be read is an error, not an empty queue.
    fn next(
        &self,
        thread: usize,
        idle: &mut dyn FnMut(),
    ) -> Result<Option<(PendingRow, CancelToken)>, IndexError>;
    /// The work on a file has ended; its record was sent.
    fn worked(&self, _job: &PendingRow) {}
    /// The work on a file was cancelled; nothing was recorded.
    fn gave_back(&self, _job: &PendingRow) {}
    /// A file cannot be processed at present, for reasons outside it. True: it stays in the queue and is retried;
    /// false: the attempts are used up, and the failure is recorded. `is_elsewhere`: a different folder is at the path
    /// of its volume.
    fn puts_off(&self, job: &PendingRow, why: &str, is_elsewhere: bool) -> bool;
    /// How often a file was postponed.
    fn tries(&self, _job: &PendingRow) -> u32 {
        0
    }
    /// Time limit for a file system to answer before its files are postponed.
    fn patience(&self) -> Duration {
        patience::LONG
    }
    /// The priority of the processes that work on a file.
    fn process_priority(&self, _job: &PendingRow) -> Option<ProcessPriority> {
        None
    }
    /// A result could not be stored. True: return the file to the queue and continue; false: the work ends.
    fn goes_on_after(&self, _e: &IndexError) -> bool {
        false
    }
    /// An upload needs memory that other files use.
    fn make_memory(&self) {}
}

/// The queue of one run: the rows of `pending` at its start, in order of folders, so that a spinning disk is read in
/// the order of the walk.
pub struct OneRun {
    state: Mutex<OneRunState>,
    shutdown: Shutdown,
    progress: Arc<Progress>,
}

struct OneRunState {
    index: Index,
    ready: VecDeque<PendingRow>,
    /// Priority and id of the last fetched row.
    after: (u8, i64),
    /// Postponed rows, retried at the end.
    put_off: VecDeque<(std::time::Instant, PendingRow)>,
    /// Number of attempts, by id.
    tries: HashMap<i64, u32>,
}

/// Rows fetched at a time.
const FETCH: usize = 256;

impl OneRun {
    pub fn new(index: Index, shutdown: Shutdown, progress: Arc<Progress>) -> OneRun {
        let (ready, put_off, tries) = (VecDeque::new(), VecDeque::new(), HashMap::new());
        let state = OneRunState { index, ready, after: (0, 0), put_off, tries };
        OneRun { state: Mutex::new(state), shutdown, progress }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, OneRunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobSource for OneRun {
    fn next(
        &self,
        _thread: usize,
        _idle: &mut dyn FnMut(),
    ) -> Result<Option<(PendingRow, CancelToken)>, IndexError> {
        if self.shutdown.requested() {
            return Ok(None);
        }
        let mut guard = self.lock();
        let OneRunState { index, ready, after, put_off, .. } = &mut *guard;
        if ready.is_empty() {
            let rows = index.pending_after(*after, FETCH)?;
            *after = rows.last().map_or(*after, |r| (r.priority, r.id));
            ready.extend(rows);
        }
        let token = self.shutdown.token().clone();
        if let Some(row) = ready.pop_front() {
            return Ok(Some((row, token)));
        }
        let Some((at, row)) = put_off.pop_front() else { return Ok(None) };
        drop(guard);
        while std::time::Instant::now() < at && !self.shutdown.requested() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok((!self.shutdown.requested()).then_some((row, token)))
    }

    fn puts_off(&self, job: &PendingRow, why: &str, is_elsewhere: bool) -> bool {
        let mut state = self.lock();
        let tries = state.tries.entry(job.id).or_insert(0);
        *tries += 1;
        if *tries <= if is_elsewhere { 1 } else { TRIES_A_RUN } {
            // A delay for resources to become available, longer with each attempt.
            let at = std::time::Instant::now() + Duration::from_millis(500) * *tries;
            state.put_off.push_back((at, job.clone()));
            return true;
        }
        if why.contains(fault::DISK_ERROR) {
            return false;
        }
        drop(state);
        // It stays in the queue for the next run.
        let path = relative::on_disk(&[&job.volume_path, &job.folder, &job.name]);
        self.progress.notice(format!("{}: {why}; the next run tries it again", path.display()));
        Progress::add(&self.progress.put_off, 1);
        true
    }

    fn tries(&self, job: &PendingRow) -> u32 {
        self.lock().tries.get(&job.id).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_cannot_be_read_is_an_error_of_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let queue = OneRun::new(index.another().unwrap(), Shutdown::default(), Default::default());
        assert!(matches!(queue.next(0, &mut || ()), Ok(None)), "an empty queue is none");
        albumen_index::testing::drop_queue(&index);
        assert!(queue.next(0, &mut || ()).is_err());
    }
}

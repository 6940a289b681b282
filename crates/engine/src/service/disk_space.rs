//! Free disk space for the index. When the disk is full, the service keeps running: it answers queries and refuses
//! requests that it could not store; writers wait here with their data until space is available.
//!
//! Waiting writers do not access the disk; one thread ([`super::timer`]) checks at growing intervals. Uploads wait like
//! all other work.

use crate::pipeline::shutdown::Shutdown;
use albumen_index::Error as IndexError;
use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Free bytes required before work continues: SQLite checkpoints its WAL every 4 MB, plus a batch of pictures.
const ENOUGH: u64 = 16 << 20;
/// Delay before the first check for free space; doubles with each check, up to the maximum.
const FIRST_CHECK_AFTER: Duration = Duration::from_secs(5);
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// If the disk is full again within this time, the delay continues to grow from its last value.
const AGAIN: Duration = Duration::from_secs(300);

/// Shared by all writers.
pub struct DiskSpace {
    index_dir: PathBuf,
    shutdown: Shutdown,
    waiting: Arc<Waiting>,
}

/// Notified when the disk becomes full or has space again, and at shutdown.
#[derive(Default)]
struct Waiting {
    state: Mutex<State>,
    changed: Condvar,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    /// The disk is full; time of the next check.
    check_at: Option<Instant>,
    pause: Duration,
    /// When the disk last had space again.
    ended: Option<Instant>,
}

impl DiskSpace {
    pub fn new(index_dir: &Path, shutdown: Shutdown) -> DiskSpace {
        let waiting = Arc::new(Waiting::default());
        let stopping = waiting.clone();
        shutdown.on_request(move || {
            // Taken so that no thread is between its check and its wait.
            let _state = stopping.lock();
            stopping.changed.notify_all();
        });
        DiskSpace { index_dir: index_dir.to_owned(), shutdown, waiting }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.waiting.lock()
    }

    /// Why nothing is written, for users; `None` while the last check found free space.
    pub fn shortage(&self) -> Option<String> {
        let check_at = self.lock().check_at?;
        let seconds = check_at.saturating_duration_since(Instant::now()).as_secs();
        Some(format!(
            "the disk with the index is full: work waits, nothing is lost, and it continues by itself when {} MB are free \
             (the next check is in {seconds} s)",
            ENOUGH >> 20
        ))
    }

    pub fn is_available(&self) -> bool {
        self.lock().check_at.is_none()
    }

    /// Reports a failed write to the index folder. Returns whether the disk is full; then all writers wait.
    pub fn ran_out(&self, e: &IndexError) -> bool {
        let full = matches!(e, IndexError::DiskFull);
        if full {
            self.mark_full();
        }
        full || self.explains(e)
    }

    /// Like [`DiskSpace::ran_out`], for work that also writes temporary files, whose disk may be the full one. SQLite
    /// reports an exhausted quota as an I/O error; a probe of the index disk decides.
    pub fn explains(&self, e: &IndexError) -> bool {
        let explains = e.may_be_disk_full() && !(self.is_available() && is_enough(&self.index_dir));
        if explains {
            self.mark_full();
        }
        explains
    }

    fn mark_full(&self) {
        let mut s = self.lock();
        if s.check_at.is_none() {
            let again = s.ended.is_some_and(|at| at.elapsed() < AGAIN);
            s.pause = if again { (s.pause * 2).min(MAX_CHECK_INTERVAL) } else { FIRST_CHECK_AFTER };
            s.check_at = Some(Instant::now() + s.pause);
            self.waiting.changed.notify_all();
            tracing::error!("the disk with the index is full: work waits until there is space");
        }
    }

    /// Waits for free space; false if the service shuts down first.
    pub fn wait(&self) -> bool {
        let mut s = self.lock();
        while s.check_at.is_some() && !self.shutdown.requested() {
            s = self.waiting.changed.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
        !self.shutdown.requested()
    }

    /// Sleeps until `until` or shutdown, and checks for free space when a check is due. Returns true immediately when
    /// space is available again.
    pub fn sleep_until(&self, until: Instant) -> bool {
        loop {
            if self.check_if_due() {
                return true;
            }
            let s = self.lock();
            let next = s.check_at.map_or(until, |at| at.min(until));
            let left = next.saturating_duration_since(Instant::now());
            if self.shutdown.requested() || (left.is_zero() && next == until) {
                return false;
            }
            drop(self.waiting.changed.wait_timeout(s, left).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Checks for free space if the disk was full and a check is due. Returns whether space is available again.
    fn check_if_due(&self) -> bool {
        if self.lock().check_at.is_none_or(|at| at > Instant::now()) {
            return false;
        }
        let enough = is_enough(&self.index_dir);
        let mut s = self.lock();
        if enough {
            s.check_at = None;
            s.ended = Some(Instant::now());
            self.waiting.changed.notify_all();
            tracing::info!("the disk with the index has space again: work continues");
        } else {
            s.pause = (s.pause * 2).min(MAX_CHECK_INTERVAL);
            s.check_at = Some(Instant::now() + s.pause);
        }
        enough
    }
}

/// Allocates the space and releases it. Quotas and root reserves apply, as they do to the index.
fn probe(index_dir: &Path) -> rustix::io::Result<()> {
    let path = index_dir.join(".room");
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
    // The file exists only while it is open.
    rustix::fs::unlink(&path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, ENOUGH) {
        // Such a file system reports a full disk on write.
        Err(Errno::OPNOTSUPP) => Ok(()),
        allocated => allocated,
    }
}

fn is_enough(index_dir: &Path) -> bool {
    probe(index_dir).is_ok()
}

/// Whether the disk is full or a quota is exhausted; false for I/O errors and read-only file systems.
pub fn is_used_up(index_dir: &Path) -> bool {
    matches!(probe(index_dir), Err(Errno::NOSPC | Errno::DQUOT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_of(space: &DiskSpace) -> u64 {
        space.lock().pause.as_secs()
    }

    /// Makes the next check due and runs it.
    fn check_now(space: &DiskSpace) -> bool {
        space.lock().check_at = Some(Instant::now());
        space.check_if_due()
    }

    #[test]
    fn a_full_disk_is_checked_at_growing_intervals_until_it_has_space() {
        let dir = tempfile::tempdir().unwrap();
        // If no file can be created, there is no space.
        let mut space = DiskSpace::new(&dir.path().join("full"), Shutdown::default());
        assert!(space.is_available() && space.shortage().is_none() && !space.check_if_due());
        assert!(space.ran_out(&IndexError::DiskFull));
        assert!(!space.is_available() && space.shortage().unwrap().contains("full"));
        assert!(!space.check_if_due(), "not before its time");
        let mut pauses = vec![wait_of(&space)];
        for _ in 0..5 {
            assert!(!check_now(&space));
            pauses.push(wait_of(&space));
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        space.index_dir = dir.path().to_owned();
        assert!(check_now(&space) && space.is_available() && space.wait());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        // Full again at once: the cause persists.
        space.ran_out(&IndexError::DiskFull);
        assert_eq!(wait_of(&space), 60);
    }

    #[test]
    fn other_errors_do_not_wait_for_space_and_a_shutdown_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let stop = Shutdown::default();
        let space = DiskSpace::new(dir.path(), stop.clone());
        let broken = || IndexError::Store(std::io::ErrorKind::NotFound.into());
        assert!(!space.ran_out(&broken()) && space.is_available());
        // The disk of temporary files is full, that of the index is not.
        assert!(!space.explains(&IndexError::DiskFull) && space.is_available());
        assert!(space.ran_out(&IndexError::DiskFull) && !space.is_available());
        stop.request(15);
        assert!(!space.wait());
    }
}

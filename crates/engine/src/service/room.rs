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
const LOOK_AFTER: Duration = Duration::from_secs(5);
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);
/// If the disk is full again within this time, the delay continues to grow from its last value.
const AGAIN: Duration = Duration::from_secs(300);

/// Shared by all writers.
pub struct Room {
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
    look_at: Option<Instant>,
    pause: Duration,
    /// When the disk last had space again.
    ended: Option<Instant>,
}

impl Room {
    pub fn new(index_dir: &Path, shutdown: Shutdown) -> Room {
        let waiting = Arc::new(Waiting::default());
        let stopping = waiting.clone();
        shutdown.on_request(move || {
            // Taken so that no thread is between its check and its wait.
            let _state = stopping.lock();
            stopping.changed.notify_all();
        });
        Room { index_dir: index_dir.to_owned(), shutdown, waiting }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.waiting.lock()
    }

    /// Why nothing is written, for users; `None` while the last check found free space.
    pub fn lacks(&self) -> Option<String> {
        let look_at = self.lock().look_at?;
        let seconds = look_at.saturating_duration_since(Instant::now()).as_secs();
        Some(format!(
            "the disk with the index is full: work waits, nothing is lost, and it goes on by itself when {} MB are free \
             (it looks again in {seconds} s)",
            ENOUGH >> 20
        ))
    }

    pub fn is_there(&self) -> bool {
        self.lock().look_at.is_none()
    }

    /// Reports a failed write to the index folder. Returns whether the disk is full; then all writers wait.
    pub fn ran_out(&self, e: &IndexError) -> bool {
        let full = matches!(e, IndexError::DiskFull);
        if full {
            self.is_out();
        }
        full || self.explains(e)
    }

    /// Like [`Room::ran_out`], for work that also writes temporary files, whose disk may be the full one. SQLite
    /// reports an exhausted quota as an I/O error; a probe of the index disk decides.
    pub fn explains(&self, e: &IndexError) -> bool {
        let explains = e.may_be_disk_full() && !(self.is_there() && is_enough(&self.index_dir));
        if explains {
            self.is_out();
        }
        explains
    }

    fn is_out(&self) {
        let mut s = self.lock();
        if s.look_at.is_none() {
            let again = s.ended.is_some_and(|at| at.elapsed() < AGAIN);
            s.pause = if again { (s.pause * 2).min(LOOK_AT_LEAST) } else { LOOK_AFTER };
            s.look_at = Some(Instant::now() + s.pause);
            self.waiting.changed.notify_all();
            tracing::error!("the disk with the index is full: work waits until there is room");
        }
    }

    /// Waits for free space; false if the service shuts down first.
    pub fn wait(&self) -> bool {
        let mut s = self.lock();
        while s.look_at.is_some() && !self.shutdown.requested() {
            s = self.waiting.changed.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
        !self.shutdown.requested()
    }

    /// Sleeps until `until` or shutdown, and checks for free space when a check is due. Returns true immediately when
    /// space is available again.
    pub fn sleep_until(&self, until: Instant) -> bool {
        loop {
            if self.has_come() {
                return true;
            }
            let s = self.lock();
            let next = s.look_at.map_or(until, |at| at.min(until));
            let left = next.saturating_duration_since(Instant::now());
            if self.shutdown.requested() || (left.is_zero() && next == until) {
                return false;
            }
            drop(self.waiting.changed.wait_timeout(s, left).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Checks for free space if the disk was full and a check is due. Returns whether space is available again.
    fn has_come(&self) -> bool {
        if self.lock().look_at.is_none_or(|at| at > Instant::now()) {
            return false;
        }
        let enough = is_enough(&self.index_dir);
        let mut s = self.lock();
        if enough {
            s.look_at = None;
            s.ended = Some(Instant::now());
            self.waiting.changed.notify_all();
            tracing::info!("there is room on the disk with the index again: work goes on");
        } else {
            s.pause = (s.pause * 2).min(LOOK_AT_LEAST);
            s.look_at = Some(Instant::now() + s.pause);
        }
        enough
    }
}

/// Allocates the space and releases it. Quotas and root reserves apply, as they do to the index.
fn ask(index_dir: &Path) -> rustix::io::Result<()> {
    let path = index_dir.join(".room");
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
    // The file exists only while it is open.
    rustix::fs::unlink(&path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, ENOUGH) {
        // Such a file system reports a full disk on write.
        Err(Errno::OPNOTSUPP) => Ok(()),
        asked => asked,
    }
}

fn is_enough(index_dir: &Path) -> bool {
    ask(index_dir).is_ok()
}

/// Whether the disk is full or a quota is exhausted; false for I/O errors and read-only file systems.
pub fn is_used_up(index_dir: &Path) -> bool {
    matches!(ask(index_dir), Err(Errno::NOSPC | Errno::DQUOT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_of(room: &Room) -> u64 {
        room.lock().pause.as_secs()
    }

    /// Makes the next check due and runs it.
    fn look(room: &Room) -> bool {
        room.lock().look_at = Some(Instant::now());
        room.has_come()
    }

    #[test]
    fn a_full_disk_is_looked_at_ever_more_rarely_until_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        // If no file can be created, there is no space.
        let mut room = Room::new(&dir.path().join("full"), Shutdown::default());
        assert!(room.is_there() && room.lacks().is_none() && !room.has_come());
        assert!(room.ran_out(&IndexError::DiskFull));
        assert!(!room.is_there() && room.lacks().unwrap().contains("full"));
        assert!(!room.has_come(), "not before its time");
        let mut pauses = vec![wait_of(&room)];
        for _ in 0..5 {
            assert!(!look(&room));
            pauses.push(wait_of(&room));
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        room.index_dir = dir.path().to_owned();
        assert!(look(&room) && room.is_there() && room.wait());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        // Full again at once: the cause persists.
        room.ran_out(&IndexError::DiskFull);
        assert_eq!(wait_of(&room), 60);
    }

    #[test]
    fn other_errors_are_no_want_of_room_and_who_is_to_stop_does_not_wait() {
        let dir = tempfile::tempdir().unwrap();
        let stop = Shutdown::default();
        let room = Room::new(dir.path(), stop.clone());
        let broken = || IndexError::Store(std::io::ErrorKind::NotFound.into());
        assert!(!room.ran_out(&broken()) && room.is_there());
        // The disk of temporary files is full, that of the index is not.
        assert!(!room.explains(&IndexError::DiskFull) && room.is_there());
        assert!(room.ran_out(&IndexError::DiskFull) && !room.is_there());
        stop.request(15);
        assert!(!room.wait());
    }
}

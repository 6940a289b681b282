//! Room on the disk of the index. Where it is full the service stays up: it answers, refuses requests that it could not
//! keep, and whoever was about to write waits here, with what is to be written, until there is room again.
//!
//! Who waits asks nothing of the disk; one thread ([`super::timer`]) looks, ever more rarely. Uploads wait like all others.

use crate::pipeline::shutdown::Shutdown;
use albumen_index::Error as IndexError;
use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So much must be free, bytes, before work goes on: SQLite writes its log back every 4 MB, and a batch of pictures has room
/// beside it.
const ENOUGH: u64 = 16 << 20;
/// When somebody looks for room: after this long at first, then after twice as long each time, up to the second.
const LOOK_AFTER: Duration = Duration::from_secs(5);
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);
/// Who is out of room again within this time goes on where the pauses had got to.
const AGAIN: Duration = Duration::from_secs(300);

/// Shared by all who write.
pub struct Room {
    index_dir: PathBuf,
    shutdown: Shutdown,
    waiting: Arc<Waiting>,
}

/// Woken when there is no room any more, or some again, and when the service is to stop.
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
    /// There is no room; when somebody looks for it.
    look_at: Option<Instant>,
    pause: Duration,
    /// When there was room again.
    ended: Option<Instant>,
}

impl Room {
    pub fn new(index_dir: &Path, shutdown: Shutdown) -> Room {
        let waiting = Arc::new(Waiting::default());
        let stopping = waiting.clone();
        shutdown.on_request(move || {
            // Nobody is between the question and the wait.
            let _state = stopping.lock();
            stopping.changed.notify_all();
        });
        Room { index_dir: index_dir.to_owned(), shutdown, waiting }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.waiting.lock()
    }

    /// Why nothing is written, in words; `None` while there is room, as far as anybody knows.
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

    /// Something could not be written into the index folder. Returns whether for want of room; then all wait.
    pub fn ran_out(&self, e: &IndexError) -> bool {
        let full = matches!(e, IndexError::DiskFull);
        if full {
            self.is_out();
        }
        full || self.explains(e)
    }

    /// As [`Room::ran_out`], of work that has files on the disk of temporary files, too: that may be the one that is full.
    /// SQLite calls a quota that is used up an error of the disk; which it is the disk itself is asked.
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

    /// Waits until there is room; false where the service is to stop first.
    pub fn wait(&self) -> bool {
        let mut s = self.lock();
        while s.look_at.is_some() && !self.shutdown.requested() {
            s = self.waiting.changed.wait(s).unwrap_or_else(PoisonError::into_inner);
        }
        !self.shutdown.requested()
    }

    /// Sleeps until `until`, or until the service is to stop, and looks for room meanwhile, where there is none and whenever it
    /// is time to. Returns at once where there is room again, and then true.
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

    /// Looks for room, where there was none and it is time to. Returns whether there is some again.
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

/// Asks the disk for room and gives it back. Quotas and what is reserved for root count, as they do for the index.
fn ask(index_dir: &Path) -> rustix::io::Result<()> {
    let path = index_dir.join(".room");
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
    // It is there for as long as it is open.
    rustix::fs::unlink(&path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, ENOUGH) {
        // Such a file system tells whoever writes.
        Err(Errno::OPNOTSUPP) => Ok(()),
        asked => asked,
    }
}

fn is_enough(index_dir: &Path) -> bool {
    ask(index_dir).is_ok()
}

/// Whether the disk is full or a quota is used up: not whether it fails, or may only be read.
pub fn is_used_up(index_dir: &Path) -> bool {
    matches!(ask(index_dir), Err(Errno::NOSPC | Errno::DQUOT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_of(room: &Room) -> u64 {
        room.lock().pause.as_secs()
    }

    /// Lets the time come to look again.
    fn look(room: &Room) -> bool {
        room.lock().look_at = Some(Instant::now());
        room.has_come()
    }

    #[test]
    fn a_full_disk_is_looked_at_ever_more_rarely_until_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        // Where nothing can be made there is no room.
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
        // Full again at once: whoever filled it is still at it.
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
        // The disk of temporary files is full, and that of the index is not.
        assert!(!room.explains(&IndexError::DiskFull) && room.is_there());
        assert!(room.ran_out(&IndexError::DiskFull) && !room.is_there());
        stop.request(15);
        assert!(!room.wait());
    }
}

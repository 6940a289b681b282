//! File systems that do not answer: a dead NFS server, a stopped FUSE daemon, a disk that never comes back.
//!
//! A system call on such a file system cannot be cancelled, so it is made on a thread that can be abandoned. The
//! calls on one file system are counted together. While one of them is stuck, every other call on that file system is
//! refused at once, so that a file system occupies at most a few threads of this module, and no other threads. When
//! the stuck call returns, the file system is used again.
//!
//! Invariants: [`call`] returns at the latest after its timeout, and soon after it is cancelled; no call here
//! accesses a file system to find out which one a path is on.

use super::mounts::{Mount, MountTable};
use albumen_core::fault::{HANGS, is_shortage};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The timeout while other work waits. A sleeping disk takes longer to spin up: its files are postponed and processed
/// when it answers.
pub const SHORT: Duration = Duration::from_secs(3);
/// The timeout without other work.
pub const LONG: Duration = Duration::from_secs(60);
/// How often a waiting thread checks for cancellation.
const STEP: Duration = Duration::from_millis(50);
/// How long a cancelled call may take to end before it is abandoned.
const TO_STOP: Duration = Duration::from_millis(250);
/// Abandoned calls on one file system, after which no further calls are made on it.
const MOST_LEFT_BEHIND: usize = 4;
const LATELY: Duration = Duration::from_secs(1);
/// Idle threads that are kept for the next call.
const IDLE_THREADS: usize = 4;
/// The kernel's mount table is read again after this time.
const TABLE_KEPT: Duration = Duration::from_secs(1);

/// Why a call has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// The file system does not answer.
    Hangs,
    /// The caller was cancelled.
    Stopped,
    /// No thread could be started, or it panicked.
    Lost,
}

impl From<Missed> for io::Error {
    fn from(missed: Missed) -> io::Error {
        let why = if missed == Missed::Lost { "the machine has no threads left" } else { HANGS };
        io::Error::new(io::ErrorKind::TimedOut, why)
    }
}

/// Counts the steps of a call, for the thread that waits for it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Beat(Arc<AtomicU64>);

impl Beat {
    pub fn tick(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file system, by the kernel's device number.
type Device = (u32, u32);

/// Abandoned calls that have not returned, by file system.
#[derive(Default)]
struct LeftBehind {
    calls: BTreeMap<u64, Call>,
    next: u64,
}

struct Call {
    device: Device,
    /// Where the file system is mounted.
    at: PathBuf,
    began: Instant,
    /// The time of its last known progress.
    moved: Instant,
    beat: (Beat, u64),
    /// The caller is gone.
    is_left: bool,
}

static CALLS: Mutex<LeftBehind> = Mutex::new(LeftBehind { calls: BTreeMap::new(), next: 0 });

fn calls() -> MutexGuard<'static, LeftBehind> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LeftBehind {
    fn add(&mut self, device: Device, at: PathBuf, beat: Beat, is_left: bool) -> u64 {
        let (id, now) = (self.next, Instant::now());
        self.next += 1;
        self.calls.insert(id, Call { device, at, began: now, moved: now, beat: (beat, 0), is_left });
        id
    }

    fn is_stuck(&self, device: Device) -> bool {
        let mut left = self.calls.values().filter(|c| c.is_left && c.device == device).peekable();
        if left.peek().is_none() {
            return false;
        }
        left.clone().filter(|c| c.began.elapsed() >= LATELY).count() >= MOST_LEFT_BEHIND
            || left.any(|c| c.beat.0.count() == c.beat.1 && c.moved.elapsed() >= SHORT)
    }
}

/// A file system that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hanging {
    /// Where it is mounted.
    pub path: PathBuf,
    /// Since when, in seconds.
    pub seconds: u64,
}

/// The file systems that do not answer now.
pub fn hanging() -> Vec<Hanging> {
    let calls = calls();
    let mut found: BTreeMap<&Path, u64> = BTreeMap::new();
    for call in calls.calls.values().filter(|c| c.is_left && calls.is_stuck(c.device)) {
        let seconds = call.began.elapsed().as_secs();
        let longest = found.entry(&call.at).or_default();
        *longest = seconds.max(*longest);
    }
    found.into_iter().map(|(path, seconds)| Hanging { path: path.to_owned(), seconds }).collect()
}

/// Whether abandoned calls have not returned.
pub fn has_left_behind() -> bool {
    calls().calls.values().any(|c| c.is_left)
}

/// Whether the file system of a path does not answer now.
pub fn is_stuck(path: &Path) -> bool {
    // Usually no call is stuck.
    !calls().calls.values().all(|c| !c.is_left) && {
        let (device, _) = mount_of(path);
        calls().is_stuck(device)
    }
}

/// Runs `work`, which concerns `path`, on a thread that can be abandoned, and waits for its result: as long as it
/// makes progress, and then for `patience`. `stop` is checked in between.
pub fn call<T: Send + 'static>(
    path: &Path,
    patience: Duration,
    stop: &dyn Fn() -> bool,
    work: impl FnOnce(&Beat) -> T + Send + 'static,
) -> Result<T, Missed> {
    let (done, result) = bounded(1);
    let running = Running::start(path, move |beat| drop(done.send(work(beat))))?;
    running.next(&result, patience, stop)?.ok_or(Missed::Lost)
}

/// Work on a file system that returns a series of values. When it is dropped, it is abandoned.
pub struct Running {
    id: u64,
    beat: Beat,
}

impl Running {
    /// Starts `work`, which concerns `path`, unless the file system does not answer.
    pub fn start(path: &Path, work: impl FnOnce(&Beat) + Send + 'static) -> Result<Running, Missed> {
        let (device, at) = mount_of(path);
        let beat = Beat::default();
        let id = {
            let mut calls = calls();
            if calls.is_stuck(device) {
                return Err(Missed::Hangs);
            }
            calls.add(device, at, beat.clone(), false)
        };
        let (moving, ended) = (beat.clone(), Ended(id));
        run(Box::new(move || {
            let _ended = ended;
            work(&moving);
        }));
        Ok(Running { id, beat })
    }

    /// The next value; `None`: it has ended.
    pub fn next<T>(
        &self,
        given: &Receiver<T>,
        patience: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<T>, Missed> {
        let (mut seen, mut moved) = (self.beat.count(), Instant::now());
        let mut stopping = None;
        loop {
            match given.recv_timeout(STEP) {
                Ok(value) => return Ok(Some(value)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.beat.count();
            if now != seen {
                (seen, moved) = (now, Instant::now());
            }
            if let Some(call) = calls().calls.get_mut(&self.id) {
                (call.moved, call.beat.1) = (moved, seen);
            }
            if moved.elapsed() >= patience {
                return Err(Missed::Hangs);
            }
            if stopping.is_none() && stop() {
                stopping = Some(Instant::now());
            }
            if stopping.is_some_and(|since| since.elapsed() >= TO_STOP) {
                return Err(Missed::Stopped);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(call) = calls().calls.get_mut(&self.id) {
            call.is_left = true;
        }
    }
}

/// Removes a call from the list at its end.
struct Ended(u64);

impl Drop for Ended {
    fn drop(&mut self) {
        calls().calls.remove(&self.0);
    }
}

/// Open files. Closing one may hang, too, because FUSE calls its program: when dropped, they are closed on another
/// thread if that may happen.
pub struct Opened<T: AsFile + Send + 'static> {
    path: PathBuf,
    files: Option<T>,
}

/// Open files, one of which represents their file system.
pub trait AsFile {
    fn as_file(&self) -> Option<&File>;
}

impl<T: AsFile + Send + 'static> Opened<T> {
    /// Files on the file system that contains `path`.
    pub fn new(path: &Path, files: T) -> Opened<T> {
        Opened { path: path.to_owned(), files: Some(files) }
    }
}

impl<T: AsFile + Send + 'static> std::ops::Deref for Opened<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.files.as_ref().expect("they are taken out when this is dropped")
    }
}

impl<T: AsFile + Send + 'static> Drop for Opened<T> {
    fn drop(&mut self) {
        let files = self.files.take();
        if !mounts().holding(&self.path).is_some_and(Mount::may_hang) {
            return;
        }
        let (device, at) = mount_of(&self.path);
        let ended = Ended(calls().add(device, at, Beat::default(), true));
        run(Box::new(move || {
            let _ended = ended;
            await_answer(files.as_ref().and_then(AsFile::as_file));
            drop(files);
        }));
    }
}

/// Waits until the file system of a file answers, before the file is closed: a process whose thread waits for FUSE to close a
/// file cannot be killed, one that waits for this call can.
fn await_answer(file: Option<&File>) {
    // Only whether it returns is of interest.
    let _ = file.map(rustix::fs::fstatfs);
}

/// A file that is read and closed on a thread of [`call`]. Dropped, it is closed after its file system has answered.
#[derive(Debug)]
pub struct KillableClose(Option<File>);

impl KillableClose {
    pub fn new(file: File) -> KillableClose {
        KillableClose(Some(file))
    }

    /// The file, whose closing is the caller's from now on.
    pub fn into_file(mut self) -> File {
        self.0.take().expect("it is taken out when this ends")
    }
}

impl std::ops::Deref for KillableClose {
    type Target = File;

    fn deref(&self) -> &File {
        self.0.as_ref().expect("it is taken out when this ends")
    }
}

impl Drop for KillableClose {
    fn drop(&mut self) {
        await_answer(self.0.as_ref());
    }
}

type Task = Box<dyn FnOnce() + Send>;

static IDLE: Mutex<Vec<Sender<Task>>> = Mutex::new(Vec::new());

/// Runs a task on an idle thread, or on a new one.
fn run(mut task: Task) {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(thread) = { idle().pop() } {
        match thread.send(task) {
            Ok(()) => return,
            Err(back) => task = back.0,
        }
    }
    let (sender, tasks) = unbounded::<Task>();
    let again = sender.clone();
    let work = move || {
        let mut next = tasks.recv();
        while let Ok(task) = next {
            task();
            let mut idle = idle();
            if idle.len() >= IDLE_THREADS {
                return;
            }
            idle.push(again.clone());
            drop(idle);
            next = tasks.recv();
        }
    };
    let _ = sender.send(task);
    // Without a thread the task is dropped with the channel, and its caller receives the end.
    let spawned = std::thread::Builder::new().name("files".into()).stack_size(1 << 20).spawn(work);
    if let Err(e) = spawned {
        tracing::error!("no thread for reading files: {e}");
    }
}

/// The recent mount table.
fn mounts() -> Arc<MountTable> {
    static TABLE: Mutex<Option<(Instant, Arc<MountTable>)>> = Mutex::new(None);
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read, mounts)) = &*table
        && read.elapsed() < TABLE_KEPT
    {
        return mounts.clone();
    }
    let kept = table.take();
    // If it cannot be read because of a shortage, use the previous one.
    let mounts = match (MountTable::try_read(), kept) {
        (Ok(mounts), _) => Arc::new(mounts),
        (Err(_), Some((_, mounts))) => mounts,
        (Err(_), None) => Arc::default(),
    };
    *table = Some((Instant::now(), mounts.clone()));
    mounts
}

/// The file system of a path and its mount point, by the mount table alone.
fn mount_of(path: &Path) -> (Device, PathBuf) {
    mounts().holding(path).map_or(((0, 0), PathBuf::from("/")), |m| (m.device, m.at.clone()))
}

/// Runs a short call on a path: on another thread if its file system may hang, else directly.
fn short<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if !mounts().holding(path).is_some_and(|m| m.may_hang()) {
        return work(path);
    }
    let owned = path.to_owned();
    call(path, SHORT, &|| false, move |_| work(&owned))?
}

/// [`Path::canonicalize`]; `TimedOut` if the file system does not answer, also for the following functions.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    short(path, |p| p.canonicalize())
}

/// [`Path::metadata`].
pub fn stat(path: &Path) -> io::Result<Metadata> {
    short(path, |p| p.metadata())
}

/// [`Path::symlink_metadata`].
pub fn lstat(path: &Path) -> io::Result<Metadata> {
    short(path, |p| p.symlink_metadata())
}

/// Whether a path exists; true if that cannot be determined at present.
pub fn may_be_there(path: &Path) -> bool {
    stat(path).map_or_else(|e| is_shortage(&e), |_| true)
}

/// The names in a folder, and whether each is a folder.
pub fn list(folder: &Path) -> io::Result<Vec<(OsString, bool)>> {
    short(folder, |folder| {
        let entry = |e: io::Result<std::fs::DirEntry>| {
            let e = e?;
            Ok((e.file_name(), e.file_type()?.is_dir()))
        };
        folder.read_dir()?.map(entry).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Work that is stuck until it is released.
    fn stuck() -> (Sender<()>, impl FnOnce(&Beat) + Send + 'static) {
        let (free, freed) = bounded::<()>(0);
        (free, move |_: &Beat| {
            // The other side is dropped.
            let _ = freed.recv();
        })
    }

    // One test, because the stuck state is global to the process: the other tests of this crate use other file
    // systems.
    #[test]
    fn a_file_system_that_hangs_is_left_behind_and_used_again_when_it_answers() {
        let place = Path::new("/proc/self");
        assert_eq!(call(place, SHORT, &|| false, |_| 7), Ok(7));
        // Cancelled.
        let (free, work) = stuck();
        assert_eq!(call(place, LONG, &|| true, work), Err(Missed::Stopped));
        drop(free);
        // Work that makes progress is waited for longer than its timeout.
        let slow = |beat: &Beat| {
            for _ in 0..20 {
                beat.tick();
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        assert_eq!(call(place, Duration::from_millis(200), &|| false, slow), Ok(()));
        let (free, work) = stuck();
        assert_eq!(call(place, SHORT, &|| false, work), Err(Missed::Hangs));
        assert!(is_stuck(place) && hanging().iter().any(|h| h.path == Path::new("/proc")));
        let begun = Instant::now();
        assert_eq!(call(place, LONG, &|| false, |_| 7), Err(Missed::Hangs));
        assert!(begun.elapsed() < SHORT, "it is refused at once");
        assert!(!is_stuck(Path::new("/")), "another file system answers");
        drop(free);
        while is_stuck(place) {
            std::thread::yield_now();
        }
        assert_eq!(call(place, SHORT, &|| false, |_| 7), Ok(7));
    }
}

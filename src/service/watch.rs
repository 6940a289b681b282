//! Noticing: inotify where the kernel tells of changes, polling where it does not (network mounts), and a full walk
//! now and then that heals what was missed.
//!
//! An event names a folder; the folder is walked when nothing has happened in it for the settling time, so that a file
//! is finished before it is read. What inotify loses (an overflow, too many folders) becomes a walk of that part.
//!
//! Watches are set before the first walk, so that nothing can happen between the two; setting them takes as long as
//! reading every folder once, so all of it goes on in a thread of its own.

use super::{Order, Service};
use crate::config::Spaces;
use crate::discover::mounts::MountTable;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Folders that settle together are walked together; more than this many become a walk of everything.
const MANY: usize = 500;

/// Folders that settle within this of each other are walked together: the two ends of a move are told one after the
/// other, and a walk of one end alone finds a file gone, or a new one.
const TOGETHER: Duration = Duration::from_millis(100);

/// What the watching thread hears.
enum Heard {
    Changed(notify::Result<notify::Event>),
    Stop,
}

/// What ends the watching when it is dropped.
pub struct Watching {
    stop: Sender<Heard>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.stop.send(Heard::Stop);
    }
}

/// Starts watching what is configured, and then has all of it walked.
pub fn start(service: &Arc<Service>) -> Watching {
    let (tell, heard) = unbounded::<Heard>();
    let stop = tell.clone();
    let watching = Arc::downgrade(service);
    let config = service.config().clone();
    let spawned = std::thread::Builder::new().name("watch".into()).spawn(move || {
        let folders: Vec<PathBuf> =
            Spaces::resolve(&config.spaces).iter().flat_map(|s| s.folders.clone()).collect();
        let mounts = MountTable::read();
        let (network, local): (Vec<PathBuf>, Vec<PathBuf>) =
            folders.into_iter().partition(|f| mounts.holding(f).is_some_and(|m| m.is_network()));
        let _watcher = if config.service.watch { watch(&local, tell) } else { None };
        let send = |order: Order| watching.upgrade().is_some_and(|s| s.scanner.send(order).is_ok());
        if send(Order::WalkAll) {
            let service = &config.service;
            let poll = (service.poll.get(), network.as_slice());
            follow(&heard, service.settle.get(), poll, service.full_scan.get(), send);
        }
    });
    if let Err(e) = spawned {
        tracing::error!("changes are not noticed: {e}");
    }
    Watching { stop }
}

fn watch(folders: &[PathBuf], tell: Sender<Heard>) -> Option<RecommendedWatcher> {
    let mut watcher = match notify::recommended_watcher(move |event| drop(tell.send(Heard::Changed(event)))) {
        Ok(w) => w,
        Err(e) => {
            tracing::error!("changes are not noticed, only full walks find them: {e}");
            return None;
        }
    };
    for folder in folders {
        if let Err(e) = watcher.watch(folder, RecursiveMode::Recursive) {
            let hint = match e.kind {
                notify::ErrorKind::MaxFilesWatch => " (raise it: sysctl fs.inotify.max_user_watches=1048576)",
                _ => "",
            };
            tracing::error!("{} is not watched: {e}{hint}; full walks find its changes", folder.display());
        }
    }
    Some(watcher)
}

/// Turns events into walks until it is told to stop, or nobody takes orders.
fn follow(
    heard: &Receiver<Heard>,
    settle: Duration,
    (poll, network): (Duration, &[PathBuf]),
    full: Duration,
    send: impl Fn(Order) -> bool,
) {
    let mut waiting: BTreeMap<PathBuf, Instant> = BTreeMap::new();
    let mut everything = false;
    let mut next_poll = (!network.is_empty() && !poll.is_zero()).then(|| Instant::now() + poll);
    let mut next_full = (!full.is_zero()).then(|| Instant::now() + full);
    loop {
        let now = Instant::now();
        let soonest = waiting.values().copied().chain(next_poll).chain(next_full).min();
        let event = match soonest {
            Some(at) => heard.recv_timeout(at.saturating_duration_since(now)),
            None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Heard::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Heard::Changed(Ok(event))) => {
                everything |= event.need_rescan();
                if matters(&event.kind) {
                    for path in &event.paths {
                        waiting.insert(folder_of(path), Instant::now() + settle);
                    }
                }
                if waiting.len() > MANY {
                    everything = true;
                    waiting.clear();
                }
                if everything {
                    waiting.insert(PathBuf::new(), Instant::now() + settle);
                }
            }
            Ok(Heard::Changed(Err(e))) => {
                tracing::warn!("some changes were not noticed, everything is walked: {e}");
                everything = true;
                waiting.insert(PathBuf::new(), Instant::now() + settle);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = Instant::now();
        let is_due = |at: &Instant| *at <= now + TOGETHER;
        let due: Vec<PathBuf> = match waiting.values().any(|at| *at <= now) {
            true => waiting.iter().filter(|(_, at)| is_due(at)).map(|(p, _)| p.clone()).collect(),
            false => Vec::new(),
        };
        for path in &due {
            waiting.remove(path);
        }
        let mut alive = true;
        if everything && due.iter().any(|p| p.as_os_str().is_empty()) {
            everything = false;
            alive &= send(Order::WalkAll);
        } else if !due.is_empty() {
            let mut folders: Vec<PathBuf> = due.into_iter().filter(|p| !p.as_os_str().is_empty()).collect();
            // A folder inside one that is walked anyway needs no walk of its own.
            folders.sort();
            folders.dedup_by(|inner, outer| inner.starts_with(&*outer));
            if !folders.is_empty() {
                alive &= send(Order::Walk(folders));
            }
        }
        if next_poll.is_some_and(|at| at <= now) {
            next_poll = Some(now + poll);
            alive &= send(Order::Walk(network.to_vec()));
        }
        if next_full.is_some_and(|at| at <= now) {
            next_full = Some(now + full);
            alive &= send(Order::WalkAll);
        }
        if !alive {
            return;
        }
    }
}

/// Reading a file is no change of it.
fn matters(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Any)
        || matches!(
            kind,
            EventKind::Access(notify::event::AccessKind::Close(notify::event::AccessMode::Write))
        )
}

/// The folder to walk for an event: the one that holds the file, so that a rename inside it is seen from both ends.
fn folder_of(path: &Path) -> PathBuf {
    let mut folder = path.parent().unwrap_or(path).to_owned();
    while !folder.is_dir() {
        match folder.parent() {
            Some(parent) => folder = parent.to_owned(),
            None => break,
        }
    }
    folder
}

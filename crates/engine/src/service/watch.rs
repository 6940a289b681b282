//! Change detection: inotify where the kernel reports changes; polling where it does not (network mounts, and folders
//! beyond the watch limit); the kernel's mount table for disks that come and go; and a periodic full walk that finds
//! missed changes.
//!
//! An event names a file or folder. Its containing folder is walked when it has had no event for the settling time, so
//! that files are complete before they are read; subfolders are walked only if they are new or changed: a new album
//! beside a thousand others costs one listing. When inotify loses events (an overflow), everything is walked.
//!
//! Watches are set before the first walk, so that no change between the two is missed; setting them takes as long as
//! reading every folder once, so it all runs on a separate thread.

use super::watched::{Change, Watched};
use super::{Order, Service, mounting};
use crate::config::Spaces;
use albumen_core::fault::is_shortage;
use albumen_files::ignore::{ALBUMENIGNORE, NOMEDIA};
use albumen_files::patience;
use albumen_files::walk::Reach;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher};
use rustix::fd::OwnedFd;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Folders that settle together are walked together; more than this many cause a full walk.
pub(super) const MANY: usize = 500;

/// Folders that settle within this time of each other are walked together: the two ends of a move arrive as separate
/// events, and a walk of one end alone would find a missing or a new file.
const TOGETHER: Duration = Duration::from_millis(100);

/// A folder with constant changes, such as during a backup from a phone, is walked after this multiple of the settling
/// time: complete files in it need not wait for the last one.
const MOST_SETTLING_TIMES: u32 = 15;

/// A message to the watching thread.
enum Heard {
    Changed(notify::Result<notify::Event>),
    /// A file system was mounted or unmounted.
    Mounts,
    Stop,
}

/// Stops watching when dropped.
pub struct Watching {
    stop: Sender<Heard>,
    /// Stops watching mounts when dropped.
    _mounts: Option<OwnedFd>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.stop.send(Heard::Stop);
    }
}

/// Starts watching the configured folders, then requests a full walk.
pub fn start(service: &Arc<Service>) -> Watching {
    let (tell, heard) = unbounded::<Heard>();
    let stop = tell.clone();
    let mounts = tell.clone();
    let mounts = mounting::hear(move || mounts.send(Heard::Mounts).is_ok())
        .inspect_err(|e| tracing::error!("mounted and unmounted disks are not noticed: {e}"))
        .ok();
    let watching = Arc::downgrade(service);
    let config = service.config().clone();
    let spawned = std::thread::Builder::new().name("watch".into()).spawn(move || {
        let folders: Vec<PathBuf> =
            Spaces::resolve(&config.spaces).iter().flat_map(|s| s.folders.clone()).collect();
        let watcher = config.service.watch.then(|| watcher(tell)).flatten();
        let watched = Watched::new(watcher, folders, config.rules());
        let send = |order: Order| watching.upgrade().is_some_and(|s| s.scanner.send(order).is_ok());
        if send(Order::WalkAll) {
            let service = &config.service;
            follow(
                &heard,
                watched,
                (service.settle.get(), service.poll.get(), service.full_scan.get()),
                send,
            );
        }
    });
    if let Err(e) = spawned {
        tracing::error!("changes are not noticed: {e}");
    }
    Watching { stop, _mounts: mounts }
}

fn watcher(tell: Sender<Heard>) -> Option<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if !event.as_ref().is_ok_and(|e| !matters(e)) {
            drop(tell.send(Heard::Changed(event)));
        }
    })
    .inspect_err(|e| tracing::error!("changes are not noticed, only full walks find them: {e}"))
    .ok()
}

/// Turns events into walks until it is stopped or the scanner has ended.
fn follow(
    heard: &Receiver<Heard>,
    mut watched: Watched,
    (settle, poll, full): (Duration, Duration, Duration),
    send: impl Fn(Order) -> bool,
) {
    let mut waiting = Waiting::default();
    let mut next_poll = None;
    let mut next_full = (!full.is_zero()).then(|| Instant::now() + full);
    loop {
        let now = Instant::now();
        let polls = !watched.polled().is_empty() && !poll.is_zero();
        next_poll = polls.then(|| next_poll.unwrap_or(now + poll));
        let soonest = waiting.soonest().into_iter().chain(next_poll).chain(next_full).min();
        let event = match soonest {
            Some(at) => heard.recv_timeout(at.saturating_duration_since(now)),
            None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let settled = Instant::now() + settle;
        match event {
            Ok(Heard::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Heard::Changed(Ok(event))) => {
                for path in &event.paths {
                    let now = Instant::now();
                    match watched.changed(path, comes(&event.kind)) {
                        Change::Nothing => continue,
                        Change::Roots(roots) => {
                            roots.into_iter().for_each(|root| waiting.wait(root, Reach::Tree, now, settle));
                        }
                        change => {
                            waiting.changed(path, matches!(change, Change::Folder), now, settle);
                        }
                    }
                    if is_rule(path) {
                        watched.add(&folder_of(path));
                    }
                }
                if event.need_rescan() {
                    watched.add_all();
                }
                if event.need_rescan() || waiting.folders.len() > MANY {
                    waiting = Waiting { everything: Some(settled), ..Waiting::default() };
                }
            }
            Ok(Heard::Changed(Err(e))) => {
                tracing::warn!("some changes were not noticed, everything is walked: {e}");
                watched.add_all();
                waiting.everything = Some(settled);
            }
            Ok(Heard::Mounts) => {
                for folder in watched.mounts_changed() {
                    waiting.wait(folder, Reach::Tree, Instant::now(), settle);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = Instant::now();
        let mut alive = true;
        if waiting.everything.is_some_and(|at| at <= now) {
            waiting = Waiting::default();
            alive &= send(Order::WalkAll);
        }
        let folders = waiting.take_due(now);
        if !folders.is_empty() {
            alive &= send(Order::Walk(folders));
        }
        if next_poll.is_some_and(|at| at <= now) {
            next_poll = Some(now + poll);
            let polled = watched.polled().iter().map(|folder| (folder.clone(), Reach::Tree));
            alive &= send(Order::Poll(polled.collect()));
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

/// Changes that have not settled.
#[derive(Default)]
struct Waiting {
    folders: BTreeMap<PathBuf, PendingWalk>,
    everything: Option<Instant>,
}

/// How far to walk a changed folder, when, and the latest time.
struct PendingWalk {
    reach: Reach,
    at: Instant,
    latest: Instant,
}

impl Waiting {
    /// Handles an event for a file or folder, which may no longer exist.
    fn changed(&mut self, path: &Path, is_folder: bool, now: Instant, settle: Duration) {
        // The folder sees both ends of a rename inside it.
        let folder = folder_of(path);
        if is_folder {
            self.wait(path.to_owned(), Reach::Tree, now, settle);
        }
        self.wait(folder, if is_rule(path) { Reach::Tree } else { Reach::Folder }, now, settle);
    }

    fn wait(&mut self, folder: PathBuf, reach: Reach, now: Instant, settle: Duration) {
        let at = now + settle;
        let new = PendingWalk { reach, at, latest: now + settle * MOST_SETTLING_TIMES };
        let look = self.folders.entry(folder).or_insert(new);
        look.at = at.min(look.latest);
        if reach == Reach::Tree {
            look.reach = reach;
        }
    }

    fn soonest(&self) -> Option<Instant> {
        self.folders.values().map(|look| look.at).chain(self.everything).min()
    }

    /// Settled folders, and those that settle shortly after; without folders inside a tree that is walked anyway.
    fn take_due(&mut self, now: Instant) -> Vec<(PathBuf, Reach)> {
        if !self.folders.values().any(|look| look.at <= now) {
            return Vec::new();
        }
        let mut due = Vec::new();
        self.folders.retain(|folder, look| {
            let is_due = look.at <= now + TOGETHER;
            if is_due {
                due.push((folder.clone(), look.reach));
            }
            !is_due
        });
        // Sorted by path, a tree precedes everything in it.
        due.dedup_by(|(inner, _), (outer, reach)| *reach == Reach::Tree && inner.starts_with(&*outer));
        due
    }
}

/// Whether an event is a change: reads are not, lost events are.
fn matters(event: &notify::Event) -> bool {
    let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
    !event.kind.is_access() || event.kind == closed || event.need_rescan()
}

/// Whether the path of an event may be new.
fn comes(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(CreateKind::Folder) | EventKind::Modify(ModifyKind::Name(RenameMode::To))
    )
}

/// Whether a file has ignore rules.
fn is_rule(path: &Path) -> bool {
    path.file_name().is_some_and(|name| [NOMEDIA, ALBUMENIGNORE].contains(&name.as_bytes()))
}

/// The folder to walk for an event: the containing one, so that both ends of a rename in it are seen.
fn folder_of(path: &Path) -> PathBuf {
    let mut folder = path.parent().unwrap_or(path).to_owned();
    while !patience::stat(&folder).map_or_else(|e| is_shortage(&e), |m| m.is_dir()) {
        match folder.parent() {
            Some(parent) => folder = parent.to_owned(),
            None => break,
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_looked_for_where_it_happened_and_no_deeper() {
        let dir = tempfile::tempdir().unwrap();
        let path = |below: &str| dir.path().join(below);
        std::fs::create_dir_all(path("old/inside")).unwrap();
        std::fs::create_dir(path("album")).unwrap();
        let (now, mut waiting) = (Instant::now(), Waiting::default());
        let mut due_after = |changed: &[&str]| -> Vec<(String, Reach)> {
            changed.iter().for_each(|c| waiting.changed(&path(c), path(c).is_dir(), now, Duration::ZERO));
            let due = waiting.take_due(now).into_iter();
            due.map(|(p, r)| (p.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned(), r)).collect()
        };
        let folder = |below: &str| (below.to_owned(), Reach::Folder);
        let tree = |below: &str| (below.to_owned(), Reach::Tree);
        // A file; a new folder, with events inside it; a removed one, beside one that changed itself.
        assert_eq!(due_after(&["new.jpg"]), [folder("")]);
        assert_eq!(due_after(&["album", "album/1.jpg"]), [folder(""), tree("album")]);
        assert_eq!(due_after(&["gone/2024", "old/inside"]), [folder(""), folder("old"), tree("old/inside")]);
        // Ignored files may be anywhere below.
        assert_eq!(due_after(&["old/.nomedia", "old/inside/1.jpg"]), [tree("old")]);
    }

    #[test]
    fn a_folder_settles_and_one_that_never_does_is_looked_at_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (begun, mut waiting) = (Instant::now(), Waiting::default());
        let settle = Duration::from_secs(2);
        for second in 0..30 {
            let now = begun + Duration::from_secs(second);
            assert_eq!(waiting.take_due(now), [], "after {second} s");
            waiting.changed(&dir.path().join("upload.jpg"), false, now, settle);
        }
        assert_eq!(waiting.soonest(), Some(begun + settle * MOST_SETTLING_TIMES));
        let now = begun + settle * MOST_SETTLING_TIMES;
        assert_eq!(waiting.take_due(now), [(dir.path().to_owned(), Reach::Folder)]);
        waiting.changed(&dir.path().join("last.jpg"), false, now, settle);
        assert_eq!(waiting.take_due(now + settle), [(dir.path().to_owned(), Reach::Folder)]);
    }
}

//! The folders that the kernel watches for the service (inotify), one by one, and those that must be polled instead.
//!
//! The recursive mode of the library is not used: it follows symbolic links, stops at the first unreadable folder, and
//! uses a watch for each ignored folder, of which a Synology has one for every photo (`@eaDir/IMG_1.JPG`).

use albumen_files::ignore::{NOMEDIA, Rules};
use albumen_files::mounts::MountTable;
use albumen_files::patience;
use albumen_files::relative::below;
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The relevant part of an event.
pub enum Change {
    Nothing,
    /// A change of a file, or of a removed path.
    File,
    Folder,
    /// A change of these configured folders as a whole.
    Roots(Vec<PathBuf>),
}

/// The watched folders.
pub struct Watched {
    /// `None` if watching is disabled or not possible.
    watcher: Option<RecommendedWatcher>,
    rules: Rules,
    mounts: MountTable,
    /// The configured folders.
    roots: Vec<PathBuf>,
    /// Folders without change events: network mounts, and folders beyond the kernel's limit of watches.
    polled: BTreeSet<PathBuf>,
}

impl Watched {
    /// Watches folders and their subfolders. A folder may be missing until something is mounted there.
    pub fn new(watcher: Option<RecommendedWatcher>, roots: Vec<PathBuf>, rules: Rules) -> Watched {
        let (mounts, polled) = (MountTable::read(), BTreeSet::new());
        let mut watched = Watched { watcher, rules, mounts, roots, polled };
        watched.add_all();
        watched
    }

    /// Watches everything again after lost events.
    pub fn add_all(&mut self) {
        for root in self.roots.clone() {
            self.add(&root);
        }
    }

    /// The folders to poll.
    pub fn polled(&self) -> &BTreeSet<PathBuf> {
        &self.polled
    }

    /// Watches a new or replaced folder and its subfolders.
    ///
    /// A folder is watched before it is listed, so that a subfolder created in between is reported, listed, or both.
    pub fn add(&mut self, folder: &Path) {
        self.polled.retain(|polled| !polled.starts_with(folder));
        let mut next = vec![folder.to_owned()];
        while let Some(folder) = next.pop() {
            if self.mounts.holding(&folder).is_some_and(|mount| mount.is_network()) {
                self.polled.insert(folder);
                continue;
            }
            // The library calls the kernel from its own thread, which must not block.
            if patience::lstat(&folder).is_err_and(|e| e.kind() == std::io::ErrorKind::TimedOut) {
                tracing::warn!("{} is polled: its file system does not answer", folder.display());
                self.polled.insert(folder);
                continue;
            }
            let Some(watcher) = &mut self.watcher else { continue };
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => next.extend(self.folders_in(&folder)),
                Err(e) if matches!(e.kind, ErrorKind::MaxFilesWatch) => {
                    tracing::error!(
                        "{} and {} other folders with what is in them are polled, for the kernel watches no more \
                         (raise it: sysctl fs.inotify.max_user_watches=1048576)",
                        folder.display(),
                        next.len()
                    );
                    self.polled.insert(folder);
                    self.polled.extend(next);
                    return;
                }
                // It was removed meanwhile, or is unreadable: the walk reports that.
                Err(e) => {
                    tracing::debug!("{} is not watched: {e}", folder.display());
                    if self.roots.contains(&folder) {
                        self.await_root(&folder);
                    }
                }
            }
        }
    }

    /// Watches the nearest existing folder above a missing configured one, to detect its creation.
    fn await_root(&mut self, root: &Path) {
        let there = root.ancestors().skip(1).find(|above| patience::stat(above).is_ok_and(|m| m.is_dir()));
        if let (Some(above), Some(watcher)) = (there, &mut self.watcher)
            && !self.mounts.holding(above).is_some_and(|mount| mount.is_network())
            && let Err(e) = watcher.watch(above, RecursiveMode::NonRecursive)
        {
            tracing::debug!("{} is not watched: {e}", above.display());
        }
    }

    /// Handles an event for a path and returns what must be walked because of it, if anything. Watches new folders.
    pub fn changed(&mut self, path: &Path, comes: bool) -> Change {
        let roots: Vec<PathBuf> = self.roots.iter().filter(|root| root.starts_with(path)).cloned().collect();
        if !roots.is_empty() {
            // A configured folder, or one above it, was created or removed.
            roots.iter().for_each(|root| self.add(root));
            return Change::Roots(roots);
        }
        if !self.roots.iter().any(|root| path.starts_with(root)) {
            return Change::Nothing;
        }
        let is_folder = patience::lstat(path).is_ok_and(|m| m.is_dir());
        if is_folder && self.leaves_out(path) {
            return Change::Nothing;
        }
        if is_folder && comes {
            self.add(path);
        }
        if is_folder { Change::Folder } else { Change::File }
    }

    /// The subfolders of a folder that are searched for photos.
    fn folders_in(&self, folder: &Path) -> Vec<PathBuf> {
        let Ok(entries) = patience::list(folder) else { return Vec::new() };
        if entries.iter().any(|(name, _)| name.as_bytes() == NOMEDIA) {
            return Vec::new();
        }
        let folders = entries.into_iter().filter(|(_, is_folder)| *is_folder);
        folders.map(|(name, _)| folder.join(name)).filter(|folder| !self.leaves_out(folder)).collect()
    }

    /// Whether a folder is ignored.
    fn leaves_out(&self, folder: &Path) -> bool {
        let inside = self.roots.iter().filter_map(|root| {
            let (path, root) = (folder.as_os_str().as_bytes(), root.as_os_str().as_bytes());
            below(path, root).filter(|rest| !rest.is_empty())
        });
        // For nested folders, the rules of the innermost apply.
        let inner = inside.min_by_key(|rest| rest.len());
        inner.is_some_and(|path| self.rules.ignores(path, true))
    }

    /// Handles a mount or unmount: watches the affected configured folders again and returns those to walk.
    pub fn mounts_changed(&mut self) -> Vec<PathBuf> {
        let before = std::mem::replace(&mut self.mounts, MountTable::read());
        let (mut concerned, mut on_demand) = (BTreeSet::new(), BTreeSet::new());
        for place in self.mounts.differences(&before) {
            for root in &self.roots {
                let folder = if root.starts_with(place) { root.as_path() } else { place };
                if !folder.starts_with(root) || self.leaves_out(folder) {
                    continue;
                }
                // A walk on every automatic mount and unmount would keep the disk spinning.
                if !self.mounts.is_mounted_on_demand(place) {
                    concerned.insert(folder.to_owned());
                } else if self.mounts.holding(place).is_some_and(|mount| !mount.is_only_awaited()) {
                    on_demand.insert(folder.to_owned());
                }
            }
        }
        concerned.iter().chain(&on_demand).for_each(|folder| self.add(folder));
        concerned.into_iter().collect()
    }
}

//! Scan: walks volumes, compares files with the index, resolves moves, applies the volume guard to removals, and queues
//! new and changed files.
//!
//! Promises: nothing in the index is locked while it walks and reads (findings go to temporary tables of this
//! connection); they are applied in one short transaction, so a kill leaves the index unchanged; nothing is removed
//! before moves are resolved and the guard has agreed.

use super::budget::{Claim, MemoryBudget};
use super::pace::Pace;
use super::progress::Progress;
use super::shutdown::Shutdown;
use super::volumes::{self, Target, kind_name};
use albumen_core::clock::now;
use albumen_core::fault::{Fault, in_words, is_shortage};
use albumen_core::vocabulary::Admission;
use albumen_files::hash::ContentHash;
use albumen_files::identity::{self, Arrived, FolderSum, Listed, On, Owner, Owners, Recorded, Vanished};
use albumen_files::ignore::{ALBUMENIGNORE, Rules};
use albumen_files::mounts::MountTable;
use albumen_files::open::{Root, open_beneath};
use albumen_files::patience::{self, Beat, KillableClose, Missed, Running};
use albumen_files::read::{Read, read};
use albumen_files::relative;
use albumen_files::signature::{HEAD, Signature, signature};
use albumen_files::volume::{self, Fingerprint, Guard, Known, SampleFile, Seen, Verdict};
use albumen_files::walk::{self, Folder, InnerMount, Reach, Role, Unwalked, Walk, WalkError};
use albumen_index::Error as IndexError;
use albumen_index::due::Scope;
use albumen_index::findings::{Finding, MayHaveMoved, NewPath};
use albumen_index::jobs::FileInSpace;
use albumen_index::problems::Problem;
use albumen_index::scan::{FileRow, FolderRow, VolumeRow, WalkedVolume, What};
use albumen_index::unread::ByExtension;
use albumen_index::{Index, IndexWriter};
use albumen_library::sidecar_names::{self, MediaNames};
use crossbeam_channel::{Sender, bounded};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Options of a scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    pub rules: Rules,
    /// Edits follow a file to another space if both have the same owner.
    pub owners: Owners,
    pub guard: Guard,
    /// Files missing below the targets were removed on purpose.
    pub accept_removals: bool,
    /// 0 for uploads, 1 for background work.
    pub priority: u8,
    /// A missing target counts as removed: set for targets that a user named. For targets from a change event, which
    /// may be half of a move, this is false: the walk of the containing folder decides.
    pub missing_is_gone: bool,
    /// Roll back at the end; only the counts remain.
    pub dry_run: bool,
    /// Memory budget for the listings of large folders.
    pub budget: MemoryBudget,
    /// Time limit for a file system to answer before its volume is postponed.
    pub patience: Duration,
}

/// Result of a scan for the caller.
#[derive(Debug, Clone, Default)]
pub struct Scanned {
    pub walked: Vec<WalkedPart>,
    /// Volumes that were missing.
    pub volumes_offline: u64,
    /// Targets that neither exist nor are indexed.
    pub unknown: u64,
    /// Folders and entries that could not be read, or are hidden because an ignore file is invalid.
    pub unseen: u64,
    /// Parts that were not walked completely for a temporary reason: the file system did not answer, the disk reported
    /// an error, or descriptors or memory were exhausted. To be walked again soon.
    pub put_off: Vec<(PathBuf, Reach)>,
    /// The guard stopped the scan: too many files were missing, or a different volume was mounted.
    pub stopped_by_guard: bool,
    pub moved: Vec<Moved>,
    /// Removed items.
    pub removed: Vec<i64>,
}

/// An item with a new path.
#[derive(Debug, Clone)]
pub struct Moved {
    pub item: i64,
    /// The previous path.
    pub path: PathBuf,
    pub space: String,
}

/// A volume that was walked, or a part of it.
#[derive(Debug, Clone)]
pub struct WalkedPart {
    pub volume_id: i64,
    /// The start of the walk, relative to the root.
    pub start: Vec<u8>,
    /// As in the target.
    pub people: bool,
    pub subjects: bool,
}

/// Walks the targets and queues the work that is due.
pub fn scan(
    index: &mut Index,
    targets: &[Target],
    options: &ScanOptions,
    progress: &Progress,
    shutdown: &Shutdown,
) -> Result<Scanned, IndexError> {
    let mut out = Scanned::default();
    index.begin_findings()?;
    let (mut walked, mut offline, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    let volumes = volumes::all(index, targets)?;
    let spaces = index.all_space_names()?;
    for (number, target) in targets.iter().enumerate() {
        let mut one = One {
            index,
            options,
            progress,
            shutdown,
            volumes: &volumes,
            spaces: &spaces,
            number: number as i64,
        };
        match one.walk(target)? {
            Walked::PutOff { why } => {
                let path = target.path();
                progress.notice(format!(
                    "{}: {why}. Nothing was changed, and it is looked at again soon.",
                    path.display()
                ));
                index.forget_gone(number as i64)?;
                out.put_off.push((path, target.reach));
            }
            Walked::Whole(w) => {
                out.unseen += w.unseen;
                out.put_off.extend(w.is_short.then(|| (target.path(), target.reach)));
                if w.is_gone && index.gone_of(w.number)?.is_empty() {
                    let path = w.root.join(&w.start);
                    progress.notice(format!(
                        "{}: there is no such file or folder, and none is known",
                        path.display()
                    ));
                    out.unknown += 1;
                }
                walked.push(*w);
            }
            Walked::Offline { volume_id, why, another } => {
                let path = target.volume.display();
                progress.notice(format!(
                    "{path} is offline: {why}. Nothing was removed. If what is missing was deleted on purpose: \
                     albumen index --accept-removals {path}"
                ));
                let scope = index.scope_below(volume_id, &target.start)?;
                Progress::add(&progress.offline, index.count_media(&scope)?);
                offline.push((volume_id, why));
                out.volumes_offline += 1;
                out.stopped_by_guard |= another;
            }
            Walked::Removed { volume_id } => removed.push((number as i64, volume_id)),
            // Files that an incomplete walk did not see are not removed.
            Walked::Stopped => return Ok(out),
        }
    }
    let moves = find_moves(index, &walked, options, shutdown)?;
    if shutdown.requested() {
        return Ok(out);
    }

    let tx = index.write_together()?;
    if options.dry_run {
        for (number, target) in (0..).zip(targets) {
            let path = target.volume.as_os_str().as_bytes();
            if index.volume_at(path)?.is_none() {
                let space = index.space(&target.space, kind_name(target.kind))?;
                index.volume_numbered(nobodys(number), space, path)?;
            }
        }
    }
    for (volume_id, why) in &offline {
        index.volume_offline(*volume_id, why)?;
    }
    for w in &walked {
        index.forget_pending(w.volume_id, &w.start, w.reach)?;
    }
    let at = now().max(index.latest_moment()?);
    index.apply_found(options.priority, at)?;
    for (row, id) in &moves {
        let folder = index.folder(row.volume_id, &row.folder)?;
        if index.item_of(*id)? == Some(*id)
            && let Some(FileInSpace { path, space, .. }) = index.file_in_space(*id)?
        {
            out.moved.push(Moved { item: *id, path, space });
        }
        tx.move_file(*id, folder, &row.name, row.fs, &row.stat)?;
        tx.refresh(*id)?;
    }
    Progress::add(&progress.moved, moves.len() as u64);
    for w in &walked {
        index.apply_problems(w.volume_id, &w.start, w.reach == Reach::Folder)?;
    }
    for file in index.apply_hidden(at)? {
        if index.item_of(file)? == Some(file) {
            out.removed.push(file);
        }
    }
    for (number, volume_id) in removed {
        index
            .gone_of(number)?
            .into_iter()
            .try_for_each(|row| vanish(index, &tx, row, at, progress, &mut out))?;
        index.volume_offline(volume_id, "it was removed")?;
    }
    for w in walked {
        judge(index, &tx, &w, options, at, progress, &mut out)?;
        let WholeWalk { volume_id, start, people, subjects, .. } = w;
        out.walked.push(WalkedPart { volume_id, start, people, subjects });
    }
    if options.dry_run {
        let pending = index.pending_kinds()?;
        Progress::add(&progress.new, pending.new);
        Progress::add(&progress.changed, pending.changed);
        tx.rollback()?;
    } else {
        tx.commit()?;
    }
    Ok(out)
}

/// A placeholder id for a volume that a dry run finds and the index does not have: no real volume ever has it.
fn nobodys(number: i64) -> i64 {
    -1 - number
}

/// A target that was walked completely.
struct WholeWalk {
    number: i64,
    volume_id: i64,
    volume: PathBuf,
    space: String,
    root: Arc<Root>,
    start: Vec<u8>,
    reach: Reach,
    people: bool,
    subjects: bool,
    known: Known,
    seen: Seen,
    accepted: bool,
    /// Part of it could not be read for a temporary reason.
    is_short: bool,
    /// The start does not exist.
    is_gone: bool,
    /// See [`Scanned::unseen`].
    unseen: u64,
}

enum Walked {
    Whole(Box<WholeWalk>),
    Offline {
        volume_id: i64,
        why: String,
        /// A different volume is mounted: the guard decided.
        another: bool,
    },
    /// It is missing, and the user confirmed the removal.
    Removed {
        volume_id: i64,
    },
    /// See [`Scanned::put_off`].
    PutOff {
        why: String,
    },
    Stopped,
}

/// Message from a walk to the thread that writes the index.
enum Step {
    Folder {
        folder: Result<Folder, WalkError>,
        start_is_gone: bool,
    },
    /// Memory needed for the listing of a folder, in bytes.
    Needs {
        bytes: u64,
        answer: Sender<Result<(), Fault>>,
    },
    End {
        start_is_gone: bool,
        not_entered: Vec<Vec<u8>>,
        inner: Vec<InnerMount>,
    },
}

/// One target during its walk.
struct One<'a> {
    index: &'a Index,
    options: &'a ScanOptions,
    progress: &'a Progress,
    shutdown: &'a Shutdown,
    /// See [`volumes::all`].
    volumes: &'a [PathBuf],
    /// The spaces that existed before this scan.
    spaces: &'a [String],
    number: i64,
}

/// A volume's root, its fingerprint, and whether it is empty.
type Opened = std::io::Result<(Root, Fingerprint, bool)>;

fn opened(volume: &Path, named: &Path) -> Opened {
    let root = Root::open_named(volume, named)?;
    let fingerprint = volume::fingerprint(&root, &MountTable::try_read()?)?;
    let is_empty = volume::is_empty(&root)?;
    Ok((root, fingerprint, is_empty))
}

impl One<'_> {
    fn walk(&mut self, target: &Target) -> Result<Walked, IndexError> {
        let index = self.index;
        let opened = match self.opened(&target.volume, &target.named) {
            Ok((root, fingerprint, is_empty)) => Ok((Arc::new(root), fingerprint, is_empty)),
            Err(e) if is_shortage(&e) => return Ok(self.put_off(&e)),
            Err(e) => Err(e),
        };
        let path = target.volume.as_os_str().as_bytes();
        if let Ok((root, fingerprint, _)) = &opened
            && !self.options.dry_run
            && index.volume_at(path)?.is_none()
            && let Err(missed) = self.adopt(target, root, fingerprint)?
        {
            return Ok(self.put_off(&missed));
        }
        let row = if self.options.dry_run {
            let nobodys = VolumeRow { id: nobodys(self.number), fingerprint: None };
            index.volume_at(path)?.unwrap_or(nobodys)
        } else {
            let space = index.space(&target.space, kind_name(target.kind))?;
            index.volume(space, path)?
        };
        let volume_id = row.id;
        let (root, fingerprint, is_empty) = match opened {
            Ok(opened) => opened,
            Err(e)
                if e.kind() == std::io::ErrorKind::NotFound
                    && self.options.accept_removals
                    && target.start.is_empty() =>
            {
                index.files_of_volume(volume_id)?.into_iter().try_for_each(|file| self.gone(file))?;
                return Ok(Walked::Removed { volume_id });
            }
            Err(e) => return Ok(Walked::Offline { volume_id, why: e.to_string(), another: false }),
        };
        let was: Option<Fingerprint> = row.fingerprint.and_then(|j| serde_json::from_str(&j).ok());
        let files = index.count_media(&index.scope_below(volume_id, &target.start)?)?;
        let (mut volume_files, mut sample) = (files, (0, 0));
        if was.as_ref().is_some_and(|was| is_empty || !was.is_same(&fingerprint)) {
            volume_files = index.count_media(&Scope::Below { volume_id, path: Vec::new() })?;
            sample = match self.look_for_known(volume_id, &root)? {
                Ok(sample) => sample,
                Err(missed) => return Ok(self.put_off(&missed)),
            };
        }
        let known = Known { fingerprint: was, subtree: target.start.clone(), files, volume_files };
        let seen = Seen { fingerprint, is_empty, sample, vanished: 0 };
        let accepted = self.options.accept_removals;
        if let Verdict::Offline { why } = volume::judge(&known, &seen, self.options.guard, accepted) {
            return Ok(Walked::Offline { volume_id, why, another: true });
        }

        let mut visited: HashSet<i64> = HashSet::new();
        let (mut unwalked, mut is_short) = (Unwalkeds::default(), false);
        let mut only_file = None;
        // On this side: a walk that waits for memory must not count as hanging.
        let claim = Claim::new(&self.options.budget);
        let mut unread: BTreeMap<Vec<u8>, ByExtension> = BTreeMap::new();
        let (give, given) = bounded(1);
        let work = {
            let (root, target, rules) = (root.clone(), target.clone(), self.options.rules.clone());
            let left_out = volumes::inside(&target.volume, self.volumes);
            let steps = Steps { give, budget: self.options.budget.clone() };
            move |beat: &Beat| walk_aside(&root, &target, rules, left_out, beat, &steps)
        };
        let stop = || self.shutdown.requested();
        let walk = match Running::start(&target.volume, work) {
            Ok(walk) => walk,
            Err(missed) => return Ok(self.put_off(&missed.into())),
        };
        let (start_is_gone, not_entered, inner) = loop {
            if self.shutdown.requested() {
                return Ok(Walked::Stopped);
            }
            let (folder, start_is_gone) = match walk.next(&given, self.options.patience, &stop) {
                Ok(Some(Ok(Step::Folder { folder, start_is_gone }))) => (folder, start_is_gone),
                Ok(Some(Ok(Step::Needs { bytes, answer }))) => {
                    // An abandoned walk needs no answer.
                    let _ = answer.send(claim.admit(bytes));
                    continue;
                }
                Ok(Some(Ok(Step::End { start_is_gone, not_entered, inner }))) => {
                    break (start_is_gone, not_entered, inner);
                }
                Ok(Some(Err(e))) => return Ok(self.put_off(&e)),
                Ok(None) => return Ok(self.put_off(&Missed::Lost.into())),
                Err(missed) => return Ok(self.put_off(&missed.into())),
            };
            match folder {
                Ok(folder) => {
                    let id = self.folder(volume_id, &root, &folder)?;
                    visited.extend(id);
                    if let Some(why) = folder.refused.clone().or_else(|| self.no_media(&root, &folder)) {
                        self.progress.notice(format!("{}: {why}", root.join(&target.start).display()));
                    }
                    if !folder.skipped.unread.is_empty() {
                        self.progress.saw_unread(&folder.skipped.unread);
                        unread.insert(folder.path.clone(), folder.skipped.unread.clone());
                    }
                    for e in folder.errors {
                        is_short |= is_unavailable(&e);
                        self.unwalked(volume_id, &root, e, &mut unwalked)?;
                    }
                    only_file = folder.only.or(only_file);
                    claim.release();
                }
                Err(_) if start_is_gone && self.options.missing_is_gone => {
                    let (folder, name) = relative::split(&target.start);
                    if let Some(folder) = index.folder_id(volume_id, folder)?
                        && let Some(file) = index.file_in(folder, name)?
                        && index.file(file)?.is_some_and(|f| !f.vanished)
                    {
                        self.gone(file)?;
                    }
                }
                Err(e) => {
                    is_short |= is_unavailable(&e);
                    self.unwalked(volume_id, &root, e, &mut unwalked)?;
                }
            }
        };
        let is_gone = start_is_gone && self.options.missing_is_gone;
        unwalked.unseen.extend(not_entered);
        unwalked.end(self.progress);
        let fingerprint = seen.fingerprint.clone().with_inner(&inner);
        if only_file.is_none() {
            for FolderRow { id, path } in index.folders_below(volume_id, &target.start)? {
                if !visited.contains(&id) && !unwalked.holds(&path) {
                    index.each_folder_file(
                        id,
                        |file| if file.vanished { Ok(()) } else { self.gone(file.id) },
                    )?;
                }
            }
            for FolderRow { id, path } in index.folders_hidden(volume_id, &target.start)? {
                if !unwalked.holds(&path) {
                    index.note_released(id)?;
                }
            }
        }
        // Also ignore files above the start that the walk read on its way.
        for hidden in &unwalked.hidden {
            for FolderRow { id, .. } in index.folders_below(volume_id, hidden)? {
                index.note_hidden(id)?;
            }
        }
        let failures = unwalked.failures;
        if only_file.is_none() && !self.options.dry_run {
            let alone = target.reach == Reach::Folder;
            let unseen: Vec<Vec<u8>> = unwalked.unseen.iter().cloned().collect();
            index.put_unread(volume_id, &target.start, alone, &unseen, &unread)?;
        }
        Ok(Walked::Whole(Box::new(WholeWalk {
            number: self.number,
            volume_id,
            volume: target.volume.clone(),
            space: target.space.clone(),
            root,
            start: target.start.clone(),
            reach: target.reach,
            people: target.people,
            subjects: target.subjects,
            known,
            seen: Seen { fingerprint, ..seen },
            accepted,
            is_short,
            is_gone,
            unseen: failures,
        })))
    }

    /// The outcome for a target that must be walked again soon.
    fn put_off(&self, e: &std::io::Error) -> Walked {
        if self.shutdown.requested() { Walked::Stopped } else { Walked::PutOff { why: in_words(e) } }
    }

    /// Opens a volume on a separate thread.
    fn opened(&self, volume: &Path, named: &Path) -> Opened {
        let paths = (volume.to_owned(), named.to_owned());
        self.aside(volume, move |_| opened(&paths.0, &paths.1))?
    }

    /// Runs file system calls that may hang on a separate thread.
    fn aside<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&Beat) -> T + Send + 'static,
    ) -> Result<T, Missed> {
        patience::call(path, self.options.patience, &|| self.shutdown.requested(), work)
    }

    /// A target that is not indexed may be a known volume under a new path: the same folder of the same file system
    /// with its files, and missing at the old path. Renames that volume, unless it would move to another existing
    /// owner.
    fn adopt(
        &self,
        target: &Target,
        root: &Arc<Root>,
        now: &Fingerprint,
    ) -> albumen_index::Result<std::io::Result<()>> {
        let index = self.index;
        for WalkedVolume { id, path, fingerprint: was, space } in index.walked_volumes()? {
            let same_owner = self.options.owners.of(&space) == self.options.owners.of(&target.space);
            if !same_owner && self.spaces.contains(&target.space) {
                continue;
            }
            let old = relative::on_disk(&[&path]);
            let Ok(was) = serde_json::from_str::<Fingerprint>(&was) else { continue };
            if !was.is_same(now) {
                continue;
            }
            match self.opened(&old, &old) {
                Ok((_, there, _)) if there.is_same(&was) => continue,
                Err(e) if is_shortage(&e) => return Ok(Err(e)),
                Ok(_) | Err(_) => {}
            }
            let (looked_for, present) = match self.look_for_known(id, root)? {
                Ok(found) => found,
                Err(e) => return Ok(Err(e)),
            };
            if looked_for > 0 && present * 2 >= looked_for {
                self.progress.notice(format!(
                    "{} is {} under another name",
                    target.volume.display(),
                    old.display()
                ));
                return index.rename_volume(id, target.volume.as_os_str().as_bytes(), &target.space).map(Ok);
            }
        }
        Ok(Ok(()))
    }

    /// How many known files of a volume were checked, and how many of them exist.
    fn look_for_known(
        &self,
        volume_id: i64,
        root: &Arc<Root>,
    ) -> albumen_index::Result<std::io::Result<(usize, usize)>> {
        let known = self.index.sample(volume_id, volume::SAMPLE)?;
        let sample: Vec<SampleFile> = known
            .into_iter()
            .map(|f| SampleFile { path: f.path, size: f.size, mtime_ns: f.mtime_ns })
            .collect();
        let (looked_for, at) = (sample.len(), root.clone());
        let counted = self.aside(root.path(), move |_| volume::count_present(&at, &sample));
        Ok(match counted {
            Ok(Ok(present)) => Ok((looked_for, present)),
            Ok(Err(fault)) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, fault.to_string())),
            Err(missed) => Err(missed.into()),
        })
    }

    /// Handles a part that was not walked.
    fn unwalked(
        &self,
        volume_id: i64,
        root: &Root,
        e: WalkError,
        all: &mut Unwalkeds,
    ) -> Result<(), IndexError> {
        let mut problem = Problem {
            volume_id,
            path: &e.path,
            kind: Problem::UNSEEN,
            line: None,
            reason: e.fault.to_string(),
        };
        let ignore_file = relative::child(&e.path, ALBUMENIGNORE);
        match e.what {
            Unwalked::Hidden { line } => {
                let why = match (&e.fault, line) {
                    (Fault::Unreadable { why }, Some(line)) => format!("line {line}: {why}"),
                    (Fault::Unreadable { why }, None) => why.clone(),
                    (fault, _) => fault.to_string(),
                };
                let reason = format!("cannot be honoured: {why}; its folder and all below it are hidden");
                problem = Problem { path: &ignore_file, kind: Problem::IGNORE_FILE, line, reason, ..problem };
            }
            Unwalked::TooDeep => problem.kind = Problem::TOO_DEEP,
            Unwalked::Unseen if matches!(e.fault, Fault::TooLarge { .. }) => {
                problem.kind = Problem::TOO_LARGE
            }
            Unwalked::Unseen | Unwalked::Elsewhere => {}
        }
        if all.told < MOST_TOLD {
            self.progress.notice(format!("{}: {}", root.join(problem.path).display(), problem.reason));
        }
        all.told += 1;
        if e.is_failure() {
            all.failures += 1;
            self.index.note_problem(&problem)?;
        }
        match e.what {
            Unwalked::Hidden { .. } => all.hidden.insert(e.path),
            _ => all.unseen.insert(e.path),
        };
        Ok(())
    }

    fn gone(&self, file: i64) -> Result<(), IndexError> {
        self.index.gone(file, self.number)
    }

    /// Handles one listed folder; returns its id if it is indexed.
    fn folder(&self, volume_id: i64, root: &Arc<Root>, folder: &Folder) -> Result<Option<i64>, IndexError> {
        let index = self.index;
        let known = index.known_folder(volume_id, &folder.path)?;
        let id = known.map(|k| k.id);
        if let Some((sum, media)) = known.and_then(|k| k.sum).filter(|_| folder.only.is_none())
            && sum == sum_of(folder)
        {
            Progress::add(&self.progress.found, media);
            Progress::add(&self.progress.unchanged, media);
            return Ok(id);
        }
        let beside = self.beside(id, folder)?;
        let mut media_changed = beside.media_missing;
        let mut sidecars_changed = beside.sidecars_missing;
        let finding = |name: &[u8], what, file_id, stat| Finding {
            target: self.number,
            volume_id,
            folder: folder.path.clone(),
            name: name.to_vec(),
            file_id,
            what,
            fs: folder.fs,
            stat,
        };
        for (file, known) in folder.files.iter().zip(&beside.known) {
            let id = known.map(|k| k.id);
            let here = known.filter(|k| !k.vanished);
            let same_stat = here.is_some_and(|k| k.same_stat);
            if file.role == Role::Sidecar {
                // A sidecar has no hash: only its stat shows whether it changed.
                if !same_stat {
                    index.found(&finding(&file.name, Finding::SIDECAR, id, file.stat))?;
                    sidecars_changed = true;
                }
                continue;
            }
            Progress::add(&self.progress.found, 1);
            match known {
                Some(k) if k.unchanged && here.is_some() => Progress::add(&self.progress.unchanged, 1),
                Some(k) if k.unchanged => {
                    // It was missing and is back unchanged.
                    Progress::add(&self.progress.unchanged, 1);
                    index.found(&finding(&file.name, Finding::BACK, id, file.stat))?;
                    media_changed = true;
                }
                // It could not be read before and has not changed: `due` has the time of the next attempt.
                Some(k) if same_stat && !k.was_read => Progress::add(&self.progress.unchanged, 1),
                _ => {
                    let what = if known.is_some() { What::Changed } else { What::New };
                    media_changed |= here.is_none();
                    index.found(&finding(&file.name, what.as_str(), id, file.stat))?;
                }
            }
        }
        let has_sidecars = folder.files.iter().any(|f| f.role == Role::Sidecar);
        if folder.only.is_none() && (sidecars_changed || (media_changed && has_sidecars)) {
            self.assign_sidecars(volume_id, root, folder, &beside)?;
        }
        Ok(id)
    }

    /// Joins the files of a folder with its rows, which are streamed: a folder may hold 100,000 files. Collects rows
    /// without a file.
    fn beside(&self, id: Option<i64>, folder: &Folder) -> Result<Beside, IndexError> {
        let files = &folder.files;
        let mut beside = Beside { known: vec![None; files.len()], ..Beside::default() };
        let Some(id) = id else { return Ok(beside) };
        // A walk lists files by inode.
        let mut order: Vec<u32> = (0..files.len() as u32).collect();
        order.sort_unstable_by(|a, b| files[*a as usize].name.cmp(&files[*b as usize].name));
        let failed_to_look: HashSet<&[u8]> =
            folder.errors.iter().map(|e| relative::split(&e.path).1).collect();
        let on = On { fs: folder.fs, stable_inodes: folder.stable_inodes };
        let mut set_beside = |row: FileRow| -> Result<(), IndexError> {
            let at = order.binary_search_by(|i| files[*i as usize].name.as_slice().cmp(&row.name));
            if let Ok(at) = at {
                let at = order[at] as usize;
                let now = files[at].stat;
                beside.known[at] = Some(Beforehand {
                    id: row.id,
                    vanished: row.vanished,
                    unchanged: identity::is_unchanged(&recorded(&row), now, on),
                    same_stat: row.stat == now && row.fs == folder.fs,
                    was_read: row.content_hash.is_some(),
                });
                if !row.vanished && row.stat == now && row.fs == folder.fs {
                    beside.extensions.extend(row.sidecar_for.map(|extension| (at, extension)));
                }
            } else if !row.vanished && !failed_to_look.contains(row.name.as_slice()) {
                self.gone(row.id)?;
                if row.is_sidecar { beside.sidecars_missing = true } else { beside.media_missing = true }
            }
            Ok(())
        };
        match &folder.only {
            None => self.index.each_folder_file(id, set_beside)?,
            Some(only) => {
                if let Some(file) = self.index.file_in(id, only)?
                    && let Some(row) = self.index.file(file)?
                {
                    set_beside(row)?;
                }
            }
        }
        Ok(beside)
    }

    /// Why the single file that a walk was started for is skipped by its content, though its extension is accepted.
    fn no_media(&self, root: &Arc<Root>, folder: &Folder) -> Option<String> {
        let [file] = &folder.files[..] else { return None };
        if folder.only.is_none() || file.role != Role::Unnamed {
            return None;
        }
        let (root, path) = (root.clone(), relative::child(&folder.path, &file.name));
        let is_no_media = self.aside(&root.join(&path), move |_| is_no_media(&root, &path));
        (is_no_media == Ok(true))
            .then(|| "not indexed: it does not begin like a picture or video that Albumen reads".into())
    }

    /// Assigns each sidecar of a folder to a file by name, and by the extension that the XMP gives if the sidecar's
    /// name is a stem.
    fn assign_sidecars(
        &self,
        volume_id: i64,
        root: &Arc<Root>,
        folder: &Folder,
        beside: &Beside,
    ) -> Result<(), IndexError> {
        let media: Vec<&[u8]> =
            folder.files.iter().filter(|f| f.role != Role::Sidecar).map(|f| f.name.as_slice()).collect();
        let names = MediaNames::new(&media);
        for (at, s) in folder.files.iter().enumerate().filter(|(_, f)| f.role == Role::Sidecar) {
            let extension = match beside.extensions.get(&at) {
                _ if !names.is_by_stem(&s.name) => None,
                Some(read) => Some(read.clone()),
                None => {
                    let (root, path) = (root.clone(), relative::child(&folder.path, &s.name));
                    // If the file system does not answer, the sidecar is assigned by its name and recorded as unread.
                    self.aside(&root.join(&path), move |_| named_extension(&root, &path)).ok()
                }
            };
            let named = extension.as_deref().filter(|extension| !extension.is_empty());
            let of = names.owner_of(&s.name, named).map(|i| media[i]);
            self.index.owner(volume_id, &folder.path, &s.name, of, extension.as_deref())?;
        }
        Ok(())
    }
}

/// What the index has of a file that was found.
#[derive(Clone, Copy)]
struct Beforehand {
    id: i64,
    vanished: bool,
    /// Rule 1 of identity.
    unchanged: bool,
    same_stat: bool,
    /// Whether it has a hash.
    was_read: bool,
}

/// The rows of a folder, matched with its files.
#[derive(Default)]
struct Beside {
    /// For each file in order.
    known: Vec<Option<Beforehand>>,
    /// The extensions that unchanged XMP sidecars are known to give, by index of the file.
    extensions: BTreeMap<usize, String>,
    media_missing: bool,
    sidecars_missing: bool,
}

/// What a walk did not enter.
#[derive(Default)]
struct Unwalkeds {
    /// Paths that could not be read; nothing below them counts as removed.
    unseen: HashSet<Vec<u8>>,
    /// Paths below which everything is hidden.
    hidden: HashSet<Vec<u8>>,
    failures: u64,
    told: u64,
}

/// Limit on reported paths per walk; the rest is in the index.
const MOST_TOLD: u64 = 20;

impl Unwalkeds {
    /// Whether a path is one of them, or below one.
    fn holds(&self, path: &[u8]) -> bool {
        let is = |path: &[u8]| self.unseen.contains(path) || self.hidden.contains(path);
        is(path) || is(b"") || path.iter().enumerate().any(|(i, b)| *b == b'/' && is(&path[..i]))
    }

    fn end(&self, progress: &Progress) {
        if self.told > MOST_TOLD {
            let more = self.told - MOST_TOLD;
            progress.notice(format!("{more} more folders were not walked: albumen failures lists them"));
        }
    }
}

/// Whether a readable file has no known media signature.
fn is_no_media(root: &Root, path: &[u8]) -> bool {
    let Ok((opened, _)) = open_beneath(root, path) else { return false };
    let opened = KillableClose::new(opened);
    let mut head = [0; HEAD];
    let read = albumen_files::hash::read_full(&opened, 0, &mut head);
    read.is_ok_and(|n| signature(&head[..n]) == Signature::Unknown)
}

/// The extension that an XMP gives; empty if it gives none. An unreadable XMP is assigned by its name.
fn named_extension(root: &Root, path: &[u8]) -> String {
    /// The extension is among the first properties.
    const XMP_HEAD: usize = 1 << 20;
    let Ok((file, stat)) = open_beneath(root, path) else { return String::new() };
    let file = KillableClose::new(file);
    let mut head = vec![0; XMP_HEAD.min(usize::try_from(stat.size).unwrap_or(XMP_HEAD))];
    let length = albumen_files::hash::read_full(&file, 0, &mut head).unwrap_or(0);
    sidecar_names::named_extension(&head[..length]).unwrap_or_default()
}

/// Whether a part of a walk failed for a temporary reason.
fn is_unavailable(e: &WalkError) -> bool {
    matches!(e.fault, Fault::Unavailable { .. })
}

/// Where a walk on a separate thread sends its findings and memory requests.
struct Steps {
    give: Sender<std::io::Result<Step>>,
    budget: MemoryBudget,
}

impl Steps {
    /// False: the scan has abandoned this walk.
    fn give(&self, step: std::io::Result<Step>) -> bool {
        self.give.send(step).is_ok()
    }
}

impl Admission for Steps {
    /// Requests memory from the scan, which has processed the previous folders and released their memory by then.
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        let (answer, answered) = bounded(1);
        if !self.give(Ok(Step::Needs { bytes, answer })) {
            return Err(Fault::Cancelled);
        }
        answered.recv().unwrap_or(Err(Fault::Cancelled))
    }

    fn ceiling(&self) -> u64 {
        self.budget.ceiling()
    }
}

/// Walks a target on a separate thread and sends what it finds.
fn walk_aside(
    root: &Root,
    target: &Target,
    rules: Rules,
    left_out: Vec<Vec<u8>>,
    beat: &Beat,
    steps: &Steps,
) {
    let mounts = match MountTable::try_read() {
        Ok(mounts) => mounts,
        Err(e) => {
            steps.give(Err(e));
            return;
        }
    };
    let mut walk = Walk::with_mounts(root, &target.start, rules, mounts)
        .within(steps)
        .without(left_out)
        .no_further_than(target.reach)
        .telling(beat.clone());
    while let Some(folder) = walk.next() {
        let start_is_gone = walk.start_is_gone();
        if !steps.give(Ok(Step::Folder { folder, start_is_gone })) {
            return;
        }
        beat.tick();
    }
    let (start_is_gone, not_entered) = (walk.start_is_gone(), walk.not_entered().to_vec());
    let inner = walk.inner_mounts().to_vec();
    steps.give(Ok(Step::End { start_is_gone, not_entered, inner }));
}

/// The walk's checksum of a folder.
fn sum_of(folder: &Folder) -> FolderSum {
    FolderSum::of(folder.files.iter().map(|f| Listed {
        name: &f.name,
        is_sidecar: f.role == Role::Sidecar,
        fs: folder.fs,
        stat: f.stat,
    }))
}

/// A row in the form that the identity rules need.
fn recorded(f: &FileRow) -> Recorded<&[u8]> {
    Recorded {
        id: f.id,
        key: &f.name,
        fs: f.fs,
        stat: f.stat,
        hash: f.content_hash.as_deref().and_then(ContentHash::parse),
    }
}

/// Rule 3 of identity: a new path with the content of a missing path is that file. Returns the finding and the id of
/// the file; those are removed from the findings.
fn find_moves(
    index: &Index,
    walked: &[WholeWalk],
    options: &ScanOptions,
    shutdown: &Shutdown,
) -> Result<Vec<(Finding, i64)>, IndexError> {
    // Previous paths: a file that the config assigns to another space is still at its path, and is the same file.
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    let mut vanished: Vec<Vanished> = Vec::new();
    for gone in index.may_have_moved()? {
        let MayHaveMoved { id, path, hash, size, mtime_ns, space, volume } = gone;
        let Some(hash) = ContentHash::parse(&hash) else { continue };
        places.insert(relative::on_disk(&[&volume, &path]), vanished.len());
        let owner = options.owners.of(&space);
        vanished.push(Vanished { id, owner, path, hash, size, mtime_ns });
    }
    let sizes: HashSet<u64> = vanished.iter().map(|v| v.size).collect();
    let owners: HashSet<(Owner, u64)> = vanished.iter().map(|v| (v.owner.clone(), v.size)).collect();
    let (mut arrived, mut findings) = (Vec::new(), Vec::new());
    for size in sizes {
        for NewPath { id: finding_id, mut finding } in index.found_new_of_size(size)? {
            if shutdown.requested() {
                return Ok(Vec::new());
            }
            let Some(w) = walked.iter().find(|w| w.number == finding.target) else { continue };
            let path = relative::child(&finding.folder, &finding.name);
            let owner = options.owners.of(&w.space);
            let here = places.get(&w.root.join(&path)).copied();
            // Content that is missing under another owner need not be read.
            if here.is_none() && !owners.contains(&(owner.clone(), size)) {
                continue;
            }
            let (root, below, stop) = (w.root.clone(), path.clone(), shutdown.token().clone());
            let work = move |beat: &Beat| {
                let pace = Pace::in_front(stop, beat.clone());
                match read(&root, &below, Role::Media, &pace) {
                    Ok(Read::Done { hashed, .. }) => Some(hashed),
                    _ => None,
                }
            };
            // A file that cannot be read at present is matched by content when it is developed.
            let answer =
                patience::call(&w.root.join(&path), options.patience, &|| shutdown.requested(), work);
            let Ok(Some(hashed)) = answer else { continue };
            finding.stat = hashed.stat;
            let (size, mtime_ns) = (hashed.stat.size, hashed.stat.mtime_ns);
            if let Some(here) = here.map(|i| &mut vanished[i]).filter(|v| v.hash == hashed.hash) {
                // The owner does not change.
                here.owner.clone_from(&owner);
            }
            arrived.push(Arrived { owner, path, hash: hashed.hash, size, mtime_ns });
            findings.push((finding_id, finding));
        }
    }
    let matched = identity::match_moves(&arrived, &vanished);
    let mut moves = Vec::new();
    for ((finding_id, finding), from) in findings.into_iter().zip(matched) {
        if let Some(from) = from {
            index.moved(finding_id, vanished[from].id)?;
            moves.push((finding, vanished[from].id));
        }
    }
    Ok(moves)
}

/// The guard's second check, and its consequences.
fn judge(
    index: &Index,
    tx: &IndexWriter<'_>,
    w: &WholeWalk,
    options: &ScanOptions,
    at: i64,
    progress: &Progress,
    out: &mut Scanned,
) -> Result<(), IndexError> {
    let gone = index.gone_of(w.number)?;
    let vanished = gone.iter().filter(|g| !g.is_sidecar).count() as u64;
    let seen = Seen { vanished, ..w.seen.clone() };
    let mut known = w.known.clone();
    if vanished >= options.guard.minimum {
        // Most files of a small folder may be removed: the missing share is computed for the whole volume, only if
        // needed.
        known.files = index.count_media(&index.scope_below(w.volume_id, b"")?)?;
    }
    match volume::judge(&known, &seen, options.guard, w.accepted) {
        Verdict::Offline { why } => {
            let path = relative::on_disk(&[w.volume.as_os_str().as_bytes(), &w.start]);
            let path = path.display();
            progress.notice(format!(
                "{path} is taken to be offline: {why}. Nothing was removed. If they were deleted on purpose: \
                 albumen index --accept-removals {path}"
            ));
            index.volume_offline(w.volume_id, &why)?;
            Progress::add(&progress.offline, vanished);
            out.stopped_by_guard = true;
            out.volumes_offline += 1;
        }
        Verdict::Sound { offline_below } => {
            let mounts: Vec<PathBuf> = offline_below
                .iter()
                .map(|m| relative::on_disk(&[w.volume.as_os_str().as_bytes(), m]))
                .collect();
            let mut missed: BTreeSet<&PathBuf> = BTreeSet::new();
            for row in gone {
                let path = index.path_of(row.id)?.unwrap_or_default();
                if let Some(mount) = mounts.iter().find(|m| path.starts_with(m)) {
                    missed.insert(mount);
                    Progress::add(&progress.offline, 1);
                    continue;
                }
                vanish(index, tx, row, at, progress, out)?;
            }
            for mount in missed {
                progress.notice(format!(
                    "{}: the disk that was mounted there is not; its files are kept as they are",
                    mount.display()
                ));
            }
            let print = match (&w.known.fingerprint, w.accepted) {
                // A walk of a part does not see what is mounted elsewhere in the volume.
                (Some(was), accepted) if !accepted || !w.start.is_empty() => {
                    w.seen.fingerprint.clone().remembering(was)
                }
                _ => w.seen.fingerprint.clone(),
            };
            store(index, w.volume_id, &print)?;
        }
    }
    Ok(())
}

/// Records that a file is removed; the guard has agreed.
fn vanish(
    index: &Index,
    tx: &IndexWriter<'_>,
    row: FileRow,
    at: i64,
    progress: &Progress,
    out: &mut Scanned,
) -> Result<(), IndexError> {
    if !row.is_sidecar && index.item_of(row.id)? == Some(row.id) {
        out.removed.push(row.id);
    }
    tx.vanish_file(row.id, at)?;
    if walk::is_clip_thumbnail(&row.name) {
        index.inspect_clip_again(row.folder_id, &row.name)?;
    }
    match &row.sidecar_of {
        Some(of) => index.inspect_again(row.folder_id, of)?,
        None => Progress::add(&progress.removed, u64::from(!row.is_sidecar)),
    }
    Ok(())
}

fn store(index: &Index, volume_id: i64, print: &Fingerprint) -> Result<(), IndexError> {
    let json = serde_json::to_string(print).expect("a fingerprint is plain data");
    index.volume_seen(volume_id, &json)
}

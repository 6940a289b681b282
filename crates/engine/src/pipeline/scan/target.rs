//! Walks one target, and compares its volume with the one that the index has.

use super::walking::{Step, Steps, walk_aside};
use super::{ScanOptions, placeholder_id};
use crate::pipeline::budget::Claim;
use crate::pipeline::progress::Progress;
use crate::pipeline::shutdown::Shutdown;
use crate::pipeline::volumes::{self, Target, kind_name};
use albumen_core::fault::{Fault, in_words, is_shortage};
use albumen_core::vocabulary::Admission;
use albumen_files::ignore::ALBUMENIGNORE;
use albumen_files::mounts::MountTable;
use albumen_files::open::Root;
use albumen_files::patience::{self, Beat, Missed, Running};
use albumen_files::relative;
use albumen_files::volume::{self, Fingerprint, Known, SampleFile, Seen, Verdict};
use albumen_files::walk::{Reach, Unwalked, WalkError};
use albumen_index::due::Scope;
use albumen_index::problems::Problem;
use albumen_index::scan::{FolderRow, VolumeRow, WalkedVolume};
use albumen_index::unread::ByExtension;
use albumen_index::{Error as IndexError, Index};
use crossbeam_channel::bounded;
use std::collections::{BTreeMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A target that was walked completely.
pub(super) struct WholeWalk {
    pub(super) number: i64,
    pub(super) volume_id: i64,
    pub(super) volume: PathBuf,
    pub(super) space: String,
    pub(super) root: Arc<Root>,
    pub(super) start: Vec<u8>,
    pub(super) reach: Reach,
    pub(super) people: bool,
    pub(super) subjects: bool,
    pub(super) known: Known,
    pub(super) seen: Seen,
    pub(super) accepted: bool,
    /// Part of it could not be read for a temporary reason.
    pub(super) is_short: bool,
    /// The start does not exist.
    pub(super) is_gone: bool,
    /// See [`super::Scanned::unseen`].
    pub(super) unseen: u64,
}

pub(super) enum Walked {
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
    /// See [`super::Scanned::put_off`].
    PutOff {
        why: String,
    },
    Stopped,
}

/// One target during its walk.
pub(super) struct One<'a> {
    pub(super) index: &'a Index,
    pub(super) options: &'a ScanOptions,
    pub(super) progress: &'a Progress,
    pub(super) shutdown: &'a Shutdown,
    /// See [`volumes::all`].
    pub(super) volumes: &'a [PathBuf],
    /// The spaces that existed before this scan.
    pub(super) spaces: &'a [String],
    pub(super) number: i64,
}

/// A volume's root, its fingerprint, and whether it is empty.
type Opened = std::io::Result<(Root, Fingerprint, bool)>;

pub(super) fn opened(volume: &Path, named: &Path) -> Opened {
    let root = Root::open_named(volume, named)?;
    let fingerprint = volume::fingerprint(&root, &MountTable::try_read()?)?;
    let is_empty = volume::is_empty(&root)?;
    Ok((root, fingerprint, is_empty))
}

impl One<'_> {
    pub(super) fn walk(&mut self, target: &Target) -> Result<Walked, IndexError> {
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
            let placeholder = VolumeRow { id: placeholder_id(self.number), fingerprint: None };
            index.volume_at(path)?.unwrap_or(placeholder)
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
    pub(super) fn put_off(&self, e: &std::io::Error) -> Walked {
        if self.shutdown.requested() { Walked::Stopped } else { Walked::PutOff { why: in_words(e) } }
    }

    /// Opens a volume on a separate thread.
    fn opened(&self, volume: &Path, named: &Path) -> Opened {
        let paths = (volume.to_owned(), named.to_owned());
        self.aside(volume, move |_| opened(&paths.0, &paths.1))?
    }

    /// Runs file system calls that may hang on a separate thread.
    pub(super) fn aside<T: Send + 'static>(
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

    pub(super) fn gone(&self, file: i64) -> Result<(), IndexError> {
        self.index.gone(file, self.number)
    }
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

/// Whether a part of a walk failed for a temporary reason.
fn is_unavailable(e: &WalkError) -> bool {
    matches!(e.fault, Fault::Unavailable { .. })
}

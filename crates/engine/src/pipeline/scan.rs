//! Scan: walks volumes, compares files with the index, resolves moves, applies the volume guard to removals, and queues
//! new and changed files.
//!
//! Promises: nothing in the index is locked while it walks and reads (changes go to temporary tables of this
//! connection); they are applied in one short transaction, so a kill leaves the index unchanged; nothing is removed
//! before moves are resolved and the guard has agreed.

mod folder;
mod removals;
mod target;
mod walking;

use super::budget::MemoryBudget;
use super::progress::Progress;
use super::shutdown::Shutdown;
use super::volumes::{self, Target, kind_name};
use albumen_core::clock::now;
use albumen_files::identity::Owners;
use albumen_files::ignore::Rules;
use albumen_files::volume::{Fingerprint, Guard};
use albumen_files::walk::Reach;
use albumen_index::Error as IndexError;
use albumen_index::Index;
use albumen_index::jobs::FileInSpace;
use removals::{find_moves, judge, vanish};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;
use target::{One, Walked, WholeWalk};

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
    index.begin_scan_changes()?;
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
                index.volume_numbered(placeholder_id(number), space, path)?;
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
fn placeholder_id(number: i64) -> i64 {
    -1 - number
}

fn store(index: &Index, volume_id: i64, print: &Fingerprint) -> Result<(), IndexError> {
    let json = serde_json::to_string(print).expect("a fingerprint is plain data");
    index.volume_seen(volume_id, &json)
}

//! Missing files: recognises moved ones, and removes the others if the volume guard agrees.

use super::target::WholeWalk;
use super::{ScanOptions, Scanned, store};
use crate::pipeline::pace::Pace;
use crate::pipeline::progress::Progress;
use crate::pipeline::shutdown::Shutdown;
use albumen_files::hash::ContentHash;
use albumen_files::identity::{self, Arrived, Owner, Vanished};
use albumen_files::patience::{self, Beat};
use albumen_files::read::{Read, read};
use albumen_files::relative;
use albumen_files::volume::{self, Seen, Verdict};
use albumen_files::walk::{self, Role};
use albumen_index::scan::FileRow;
use albumen_index::scan_changes::{MayHaveMoved, NewPath, ScanChange};
use albumen_index::{Error as IndexError, Index, IndexWriter};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Rule 3 of identity: a new path with the content of a missing path is that file. Returns the change and the id of
/// the file; those are removed from the changes.
pub(super) fn find_moves(
    index: &Index,
    walked: &[WholeWalk],
    options: &ScanOptions,
    shutdown: &Shutdown,
) -> Result<Vec<(ScanChange, i64)>, IndexError> {
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
    let (mut arrived, mut changes) = (Vec::new(), Vec::new());
    for size in sizes {
        for NewPath { id: change_id, mut change } in index.found_new_of_size(size)? {
            if shutdown.requested() {
                return Ok(Vec::new());
            }
            let Some(w) = walked.iter().find(|w| w.number == change.target) else { continue };
            let path = relative::child(&change.folder, &change.name);
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
            change.stat = hashed.stat;
            let (size, mtime_ns) = (hashed.stat.size, hashed.stat.mtime_ns);
            if let Some(here) = here.map(|i| &mut vanished[i]).filter(|v| v.hash == hashed.hash) {
                // The owner does not change.
                here.owner.clone_from(&owner);
            }
            arrived.push(Arrived { owner, path, hash: hashed.hash, size, mtime_ns });
            changes.push((change_id, change));
        }
    }
    let matched = identity::match_moves(&arrived, &vanished);
    let mut moves = Vec::new();
    for ((change_id, change), from) in changes.into_iter().zip(matched) {
        if let Some(from) = from {
            index.moved(change_id, vanished[from].id)?;
            moves.push((change, vanished[from].id));
        }
    }
    Ok(moves)
}

/// The guard's second check, and its consequences.
pub(super) fn judge(
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
pub(super) fn vanish(
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

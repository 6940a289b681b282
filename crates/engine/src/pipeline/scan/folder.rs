//! Compares one folder with its rows, and assigns its sidecars.

use super::target::One;
use crate::pipeline::progress::Progress;
use albumen_files::hash::ContentHash;
use albumen_files::identity::{self, FolderSum, Listed, On, Recorded};
use albumen_files::open::{Root, open_beneath};
use albumen_files::patience::KillableClose;
use albumen_files::relative;
use albumen_files::signature::{HEAD, Signature, signature};
use albumen_files::walk::{Folder, Role};
use albumen_index::Error as IndexError;
use albumen_index::scan::{FileRow, What};
use albumen_index::scan_changes::ScanChange;
use albumen_library::sidecar_names::{self, MediaNames};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

impl One<'_> {
    /// Handles one listed folder; returns its id if it is indexed.
    pub(super) fn folder(
        &self,
        volume_id: i64,
        root: &Arc<Root>,
        folder: &Folder,
    ) -> Result<Option<i64>, IndexError> {
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
        let change = |name: &[u8], what, file_id, stat| ScanChange {
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
                    index.found(&change(&file.name, ScanChange::SIDECAR, id, file.stat))?;
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
                    index.found(&change(&file.name, ScanChange::BACK, id, file.stat))?;
                    media_changed = true;
                }
                // It could not be read before and has not changed: `due` has the time of the next attempt.
                Some(k) if same_stat && !k.was_read => Progress::add(&self.progress.unchanged, 1),
                _ => {
                    let what = if known.is_some() { What::Changed } else { What::New };
                    media_changed |= here.is_none();
                    index.found(&change(&file.name, what.as_str(), id, file.stat))?;
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
    pub(super) fn no_media(&self, root: &Arc<Root>, folder: &Folder) -> Option<String> {
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

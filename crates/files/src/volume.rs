//! The volume guard: is this the same volume as before, and may missing files be treated as deleted?
//!
//! A volume is identified by a stored [`Fingerprint`] and a sample of its files; nothing is ever written to it. The
//! guard decides twice: before the walk (is it the same volume?) and after it (have too many files vanished at
//! once?). At [`Verdict::Offline`] nothing is removed, until a user confirms with `--accept-removals PATH`.
//!
//! Invariants: [`judge`] is a pure function; when in doubt, nothing is removed.

use super::FileStat;
use super::mounts::{FsId, FsInfo, MountTable};
use super::open::{Root, stat_beneath};
use super::relative::below;
use super::skipped::is_skipped;
use super::walk::InnerMount;
use albumen_core::fault::Fault;
use rustix::fs::{FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The identity of a volume. Stored in the index as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fsid: Option<String>,
    /// The file system's id, as in each file row.
    pub fs: i64,
    pub root_inode: u64,
    /// The root was a mount point.
    pub is_mount_point: bool,
    /// A description of the file system: for messages only.
    pub file_system: String,
    /// The owner of the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// The real path of the root, if its path contains links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<Vec<u8>>,
    /// File systems inside it, by path and id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<(Vec<u8>, i64)>,
}

/// Reads a volume's root. Without `inner`, which only a walk can find.
pub fn fingerprint(root: &Root, mounts: &MountTable) -> std::io::Result<Fingerprint> {
    let fs = FsInfo::of(root, mounts)?;
    let stat = rustix::fs::fstat(root)?;
    Ok(Fingerprint {
        fs: fs.id().0,
        file_system: fs.in_words(),
        uuid: fs.uuid,
        fsid: fs.fsid,
        root_inode: stat.st_ino,
        is_mount_point: mounts.is_mount_point(root.real()),
        owner: Some(stat.st_uid),
        real: (root.real() != root.path()).then(|| root.real().as_os_str().as_encoded_bytes().to_vec()),
        inner: Vec::new(),
    })
}

/// A volume's root, if it is the folder that the last walk of it has seen, with the inner mounts of that time. For
/// all readers of files that a walk has found.
pub fn reopen(path: &Path, was: &Fingerprint) -> std::io::Result<Root> {
    let root = Root::open(path)?;
    let now = fingerprint(&root, &MountTable::try_read()?)?;
    if !was.is_same(&now) {
        return Err(std::io::Error::other("it is not the folder that was walked"));
    }
    Ok(root.with_mounted(was.inner.iter().map(|(path, fs)| (path.clone(), FsId(*fs))).collect()))
}

impl Fingerprint {
    /// The same with the inner file systems that a walk has found.
    pub fn with_inner(mut self, inner: &[InnerMount]) -> Fingerprint {
        self.inner = inner.iter().map(|m| (m.path.clone(), m.fs.0)).collect();
        self
    }

    /// The fingerprint to store after a run: it keeps known inner file systems that were not seen, so that they are
    /// missed until they return.
    pub fn remembering(mut self, was: &Fingerprint) -> Fingerprint {
        for known in &was.inner {
            if !self.inner.contains(known) {
                self.inner.push(known.clone());
            }
        }
        self.inner.sort();
        self
    }

    /// No evidence of another volume: a check of known files is not needed.
    pub fn is_same(&self, other: &Fingerprint) -> bool {
        self.same_file_system(other)
            && self.root_inode == other.root_inode
            && (self.owner.is_none() || other.owner.is_none() || self.owner == other.owner)
    }

    fn same_file_system(&self, other: &Fingerprint) -> bool {
        match (&self.uuid, &other.uuid) {
            (Some(a), Some(b)) => a == b,
            // A container may not see the UUIDs that the machine saw.
            _ => self.fs == other.fs || (self.fsid.is_some() && self.fsid == other.fsid),
        }
    }
}

/// Known files that are checked before a volume counts as a different one: enough to exclude chance, few enough for a
/// sleeping disk.
pub const SAMPLE: usize = 32;

/// A recorded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// Relative to the root.
    pub path: Vec<u8>,
    pub size: u64,
    pub mtime_ns: i64,
}

/// The number of sample files that exist with their size and mtime. A fault: that could not be determined.
pub fn count_present(root: &Root, sample: &[SampleFile]) -> Result<usize, Fault> {
    let mut present = 0;
    for file in sample {
        match stat_beneath(root, &file.path) {
            Ok(found) => {
                let is_same = |s: FileStat| (s.size, s.mtime_ns) == (file.size, file.mtime_ns);
                present += usize::from(found.is_some_and(is_same));
            }
            Err(fault @ Fault::Unavailable { .. }) => return Err(fault),
            Err(_) => {}
        }
    }
    Ok(present)
}

/// Whether the root contains nothing to walk: no folder and no file except private ones of other programs.
pub fn is_empty(root: &Root) -> std::io::Result<bool> {
    let fd =
        rustix::fs::openat(root, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for entry in rustix::fs::Dir::new(fd)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let is_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if !matches!(name, b"." | b"..") && !is_skipped(name, is_folder) && !name.starts_with(b".") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The recorded state of a volume, or of the subtree that is judged.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// `None` on the first run.
    pub fingerprint: Option<Fingerprint>,
    /// The judged part, relative to the root; empty for the whole volume.
    pub subtree: Vec<u8>,
    /// Files recorded as present in the judged part (the whole volume, or the subtree of a path given by hand).
    pub files: u64,
    /// Files recorded as present in the whole volume: whether it is a different one is decided for the whole volume,
    /// also if the subtree is new.
    pub volume_files: u64,
}

/// The present state.
#[derive(Debug, Clone)]
pub struct Seen {
    pub fingerprint: Fingerprint,
    /// See [`is_empty`].
    pub is_empty: bool,
    /// The number of known files of the volume that were checked, and that exist; none if [`Fingerprint::is_same`].
    pub sample: (usize, usize),
    /// Recorded files that are gone, after moves are resolved; 0 before the walk.
    pub vanished: u64,
}

/// How many files may vanish at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Share of the known files, 0 to 1.
    pub share: f64,
    /// This number may always vanish.
    pub minimum: u64,
}

impl Default for Guard {
    /// From the issue that required the guard: 20 % and at least 50.
    fn default() -> Self {
        Guard { share: 0.2, minimum: 50 }
    }
}

/// The decision of the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Missing files are deleted, except below these paths, whose file systems are not mounted: the files recorded
    /// there are offline (known only after the walk, which finds them). Store the new fingerprint after the run:
    /// [`Fingerprint::remembering`] the old one, unless a user has accepted the change.
    Sound { offline_below: Vec<Vec<u8>> },
    /// Nothing may be removed; recorded files that were not seen are offline. The reason, for the user.
    Offline { why: String },
}

/// Judges a volume. `accepted`: a user has confirmed that the missing files of the judged part are deleted. For a
/// subtree this does not confirm that another volume is the same one.
pub fn judge(known: &Known, seen: &Seen, guard: Guard, accepted: bool) -> Verdict {
    let is_same = known.fingerprint.as_ref().is_none_or(|was| was.is_same(&seen.fingerprint));
    let another_is_accepted = accepted && (is_same || known.subtree.is_empty());
    if let Some(why) = why_another(known, seen).filter(|_| !another_is_accepted) {
        return Verdict::Offline { why };
    }
    if accepted {
        return Verdict::Sound { offline_below: Vec::new() };
    }
    if let Some(why) = why_too_many(known, seen, guard) {
        return Verdict::Offline { why };
    }
    Verdict::Sound { offline_below: missing_inside(known, seen) }
}

fn why_another(known: &Known, seen: &Seen) -> Option<String> {
    let was = known.fingerprint.as_ref()?;
    let now = &seen.fingerprint;
    // The owner of the parent folder decides where a link leads. Equal files are not evidence: both owners may have
    // copies.
    if now.real.is_some() && now.real != was.real && !was.is_same(now) {
        let real = now.real.as_deref().unwrap_or_default();
        return Some(format!(
            "its path leads through a link to another folder, {}",
            String::from_utf8_lossy(real)
        ));
    }
    let files = known.volume_files;
    if files == 0 {
        return None;
    }
    if seen.is_empty {
        return Some(if was.is_mount_point && !now.is_mount_point {
            format!("nothing is mounted there ({} was), and {files} files are known on it", was.file_system)
        } else {
            format!("it is empty, and {files} files are known on it")
        });
    }
    // A restored or copied disk has another id and root, but the recorded files: it is the same volume.
    let (looked_for, present) = seen.sample;
    if present * 2 >= looked_for && looked_for > 0 {
        return None;
    }
    if !was.same_file_system(now) {
        return Some(if was.is_mount_point && !now.is_mount_point {
            format!("nothing is mounted there; {} was", was.file_system)
        } else {
            format!("another file system is there: {}, and it was {}", now.file_system, was.file_system)
        });
    }
    (was.root_inode != now.root_inode && looked_for > 0)
        .then(|| format!("another folder is there: of {looked_for} known files {present} were found"))
}

fn why_too_many(known: &Known, seen: &Seen, guard: Guard) -> Option<String> {
    let share = seen.vanished as f64 / known.files.max(1) as f64;
    (seen.vanished >= guard.minimum.max(1) && share > guard.share).then(|| {
        format!(
            "{} of {} files are gone at once ({:.0} %, and {:.0} % may go)",
            seen.vanished,
            known.files,
            share * 100.0,
            guard.share * 100.0
        )
    })
}

/// Inner file systems that were mounted before and are not now.
fn missing_inside(known: &Known, seen: &Seen) -> Vec<Vec<u8>> {
    let was = known.fingerprint.as_ref().map_or(&[][..], |f| &f.inner);
    // A walk that begins on such a disk does not find its own start.
    let judged = |mount: &[u8]| below(mount, &known.subtree).or(below(&known.subtree, mount)).is_some();
    was.iter()
        .filter(|mount| judged(&mount.0) && !seen.fingerprint.inner.contains(mount))
        .map(|(path, _)| path.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(id: i64) -> Fingerprint {
        Fingerprint {
            uuid: Some(format!("uuid-{id}")),
            fsid: Some(format!("{id:016x}")),
            fs: id,
            root_inode: 2,
            is_mount_point: true,
            file_system: format!("ext4:/dev/sd{id}"),
            owner: None,
            real: None,
            inner: Vec::new(),
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_another_volume_whatever_is_known() {
        let elsewhere =
            Fingerprint { root_inode: 99, real: Some(b"/homes/berta/Photos".to_vec()), ..disk(1) };
        for (files, sample) in [(0, (0, 0)), (1000, (32, 32)), (1000, (32, 0))] {
            let seen = Seen { fingerprint: elsewhere.clone(), sample, ..seen(0) };
            assert!(why(&known(files), &seen).contains("link to another folder, /homes/berta"), "{sample:?}");
            let accepted = judge(&known(files), &seen, Guard::default(), true);
            assert!(matches!(accepted, Verdict::Sound { .. }), "a person may say that it is meant");
        }
        // A folder that is reached through a link for the first time, or as before.
        let same = Seen { fingerprint: Fingerprint { root_inode: 2, ..elsewhere.clone() }, ..seen(0) };
        assert_eq!(why(&known(1000), &same), "");
        let linked = Known { fingerprint: Some(elsewhere.clone()), ..known(1000) };
        assert_eq!(why(&linked, &Seen { fingerprint: elsewhere, ..seen(0) }), "");
    }

    #[test]
    fn a_folder_of_another_owner_is_another_folder() {
        let of = |owner| Fingerprint { owner, ..disk(1) };
        assert!(of(Some(1)).is_same(&of(Some(1))) && of(None).is_same(&of(Some(1))));
        assert!(!of(Some(1)).is_same(&of(Some(2))), "an inode number may be given again");
    }

    fn known(files: u64) -> Known {
        Known { fingerprint: Some(disk(1)), files, volume_files: files, ..Known::default() }
    }

    fn seen(vanished: u64) -> Seen {
        Seen { fingerprint: disk(1), is_empty: false, sample: (32, 32), vanished }
    }

    fn why(known: &Known, seen: &Seen) -> String {
        match judge(known, seen, Guard::default(), false) {
            Verdict::Offline { why } => why,
            Verdict::Sound { .. } => String::new(),
        }
    }

    #[test]
    fn few_losses_are_deletions_and_many_are_not() {
        assert_eq!(why(&known(1000), &seen(0)), "");
        assert_eq!(why(&known(1000), &seen(200)), "");
        assert_eq!(
            why(&known(1000), &seen(201)),
            "201 of 1000 files are gone at once (20 %, and 20 % may go)"
        );
        assert_eq!(why(&known(60), &seen(49)), "", "fewer than the minimum may always go");
        assert!(why(&known(60), &seen(50)).contains("50 of 60"));
        let accepted = judge(&known(60), &seen(60), Guard::default(), true);
        assert_eq!(accepted, Verdict::Sound { offline_below: Vec::new() });
    }

    #[test]
    fn an_empty_volume_is_not_a_deleted_one() {
        let empty = Seen { is_empty: true, sample: (3, 0), ..seen(0) };
        assert!(why(&known(3), &empty).contains("it is empty, and 3 files"));
        assert_eq!(why(&known(0), &empty), "", "nothing was there to lose");
        let unmounted = Fingerprint { is_mount_point: false, ..disk(9) };
        let empty = Seen { fingerprint: unmounted.clone(), ..empty };
        assert!(why(&known(3), &empty).starts_with("nothing is mounted there"));
        let leftovers = Seen { fingerprint: unmounted, sample: (3, 0), ..seen(0) };
        assert!(why(&known(3), &leftovers).starts_with("nothing is mounted there"));
    }

    #[test]
    fn another_disk_is_not_the_one_that_it_was_but_a_copy_is() {
        let other = Seen { fingerprint: disk(2), sample: (32, 0), ..seen(0) };
        assert!(why(&known(1000), &other).starts_with("another file system is there"));
        let copy = Seen { fingerprint: disk(2), sample: (32, 30), ..seen(0) };
        assert_eq!(why(&known(1000), &copy), "");
        let folder =
            Seen { fingerprint: Fingerprint { root_inode: 99, ..disk(1) }, sample: (32, 1), ..seen(0) };
        assert!(why(&known(1000), &folder).starts_with("another folder is there"));
    }

    #[test]
    fn a_new_folder_does_not_make_another_disk_the_one_it_was() {
        let other = Seen { fingerprint: disk(2), sample: (32, 0), ..seen(0) };
        let folder = Known { subtree: b"new".to_vec(), files: 0, ..known(1000) };
        assert!(why(&folder, &other).starts_with("another file system is there"));
        let accepted = judge(&folder, &other, Guard::default(), true);
        assert!(matches!(accepted, Verdict::Offline { .. }), "a folder was accepted, not the disk");
        let emptied = Seen { is_empty: true, sample: (32, 0), ..seen(0) };
        let accepted = judge(&folder, &emptied, Guard::default(), true);
        assert!(matches!(accepted, Verdict::Sound { .. }), "it was the last folder of that disk");
        assert_eq!(why(&folder, &seen(0)), "");
    }

    #[test]
    fn a_container_that_sees_no_uuid_sees_the_same_disk() {
        let blind =
            Seen { fingerprint: Fingerprint { uuid: None, fs: 77, ..disk(1) }, sample: (0, 0), ..seen(0) };
        assert_eq!(why(&known(1000), &blind), "");
    }

    #[test]
    fn a_disk_inside_that_is_not_mounted_is_offline_and_stays_missed() {
        let mut was = known(1000);
        was.fingerprint.as_mut().unwrap().inner = vec![(b"usb".to_vec(), 5)];
        let verdict = judge(&was, &seen(3), Guard::default(), false);
        assert_eq!(verdict, Verdict::Sound { offline_below: vec![b"usb".to_vec()] });
        let stored = seen(3).fingerprint.remembering(was.fingerprint.as_ref().unwrap());
        assert_eq!(stored.inner, vec![(b"usb".to_vec(), 5)]);
        was.subtree = b"us".to_vec();
        let verdict = judge(&was, &seen(3), Guard::default(), false);
        assert_eq!(verdict, Verdict::Sound { offline_below: Vec::new() }, "another subtree was judged");
        was.subtree = b"usb/2019".to_vec();
        let verdict = judge(&was, &seen(3), Guard::default(), false);
        assert_eq!(verdict, Verdict::Sound { offline_below: vec![b"usb".to_vec()] }, "it was on that disk");
    }

    #[test]
    fn a_fingerprint_survives_being_stored() {
        let mut print = disk(1);
        print.inner = vec![(b"usb\xff".to_vec(), 5)];
        let json = serde_json::to_string(&print).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), print);
    }
}

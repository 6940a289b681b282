//! The volume guard.

use super::{folder, write};
use crate::support::Mounted;
use albumen_files::mounts::MountTable;
use albumen_files::open::{Root, stat_beneath};
use albumen_files::volume::{self, Guard, Known, SampleFile, Seen, Verdict};
use std::fs;

#[test]
fn the_guard_knows_an_unmounted_disk() {
    let point = folder(&[]);
    let Some(disk) = Mounted::tmpfs_at(point.path(), "the_guard_knows_an_unmounted_disk") else { return };
    write(&disk.path().join("a.jpg"), "A");
    write(&disk.path().join("b.jpg"), "B");
    let look = |sample: &[SampleFile]| {
        let root = Root::open(point.path()).unwrap();
        Seen {
            fingerprint: volume::fingerprint(&root, &MountTable::read()).unwrap(),
            is_empty: volume::is_empty(&root).unwrap(),
            sample: (sample.len(), volume::count_present(&root, sample).unwrap()),
            vanished: 0,
        }
    };
    let stat = stat_beneath(&Root::open(point.path()).unwrap(), b"a.jpg").unwrap().unwrap();
    let sample = [SampleFile { path: b"a.jpg".to_vec(), size: stat.size, mtime_ns: stat.mtime_ns }];
    let first = look(&sample);
    assert_eq!((first.is_empty, first.sample, first.fingerprint.is_mount_point), (false, (1, 1), true));
    let known =
        Known { fingerprint: Some(first.fingerprint.clone()), files: 2, volume_files: 2, ..Known::default() };
    let judge = |seen: &Seen| volume::judge(&known, seen, Guard::default(), false);
    let sound = Verdict::Sound { offline_below: Vec::new() };
    assert_eq!(judge(&look(&sample)), sound);

    drop(disk);
    let Verdict::Offline { why } = judge(&look(&sample)) else {
        panic!("an unmounted disk was taken for deleted")
    };
    assert!(why.contains("nothing is mounted there"), "{why}");

    // Files in the mount point itself do not change that.
    write(&point.path().join("readme.txt"), "mount the disk here");
    let Verdict::Offline { why } = judge(&look(&sample)) else {
        panic!("an unmounted disk was taken for deleted")
    };
    assert!(why.contains("nothing is mounted there"), "{why}");

    // Another disk in its place, then a restored one.
    let other = Mounted::tmpfs_at(point.path(), "the_guard_knows_an_unmounted_disk").unwrap();
    write(&other.path().join("c.jpg"), "C");
    let Verdict::Offline { why } = judge(&look(&sample)) else {
        panic!("another disk was taken for the same")
    };
    assert!(why.contains("another file system"), "{why}");
    write(&other.path().join("a.jpg"), "A");
    assert_eq!(judge(&look(&sample)), sound, "a disk with the known files on it is the same");
}

#[test]
fn a_deleted_library_is_not_deleted_in_the_index() {
    let dir = folder(&[("a.jpg", "A"), ("@eaDir/x", "")]);
    let root = Root::open(dir.path()).unwrap();
    let print = || volume::fingerprint(&root, &MountTable::read()).unwrap();
    let known = Known { fingerprint: Some(print()), files: 1, volume_files: 1, ..Known::default() };
    fs::remove_file(dir.path().join("a.jpg")).unwrap();
    let is_empty = volume::is_empty(&root).unwrap();
    assert!(is_empty, "another program's folder is nothing");
    let seen = Seen { fingerprint: print(), is_empty, sample: (1, 0), vanished: 1 };
    assert!(matches!(volume::judge(&known, &seen, Guard::default(), false), Verdict::Offline { .. }));
    assert!(matches!(volume::judge(&known, &seen, Guard::default(), true), Verdict::Sound { .. }));
}

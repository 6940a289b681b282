//! Tests of discover on real files and real mounts: operations on a folder, and their effect on each file.

mod guard;
mod walking;

use crate::support::Mounted;
use albumen_core::fault::Fault;
use albumen_files::hash::{ContentHash, HashError, content_hash};
use albumen_files::identity::{
    Arrived, Found, Glance, IdentityMatch, On, Owner, Recorded, Vanished, compare, match_identity,
    match_moves,
};
use albumen_files::ignore::Rules;
use albumen_files::mounts::{FsInfo, MountTable};
use albumen_files::open::{Root, open_beneath};
use albumen_files::read::{Read, read};
use albumen_files::walk::{Walk, WalkError};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// A library of one or more volumes and the rows that a run leaves, in memory.
struct Library {
    volumes: Vec<(PathBuf, Vec<Recorded<Vec<u8>>>)>,
    next_id: i64,
    /// Files that had to be read in the last run.
    read: usize,
}

/// The result of a run for each path, with ids: `("a.jpg", "new 1")`.
type Fates = BTreeMap<String, String>;

impl Library {
    fn of(volumes: &[&Path]) -> Library {
        let volumes = volumes.iter().map(|v| (v.to_path_buf(), Vec::new())).collect();
        Library { volumes, next_id: 1, read: 0 }
    }

    /// One run, as in the pipeline: folder by folder, moves at the end, over all volumes.
    fn run(&mut self) -> Fates {
        let mut fates = Fates::new();
        let (mut arrived, mut vanished) = (Vec::new(), Vec::new());
        let (mut newcomers, mut kept) = (Vec::new(), Vec::new());
        self.read = 0;
        for (v, (path, rows)) in self.volumes.iter().enumerate() {
            let root = Root::open(path).unwrap();
            let mut seen = HashSet::new();
            for folder in Walk::new(&root, b"", Rules::default()) {
                let folder = folder.unwrap();
                assert_eq!(folder.errors, []);
                let in_folder: Vec<_> =
                    rows.iter().filter(|r| parent(&r.key) == folder.path).cloned().collect();
                let keys: Vec<_> = folder.files.iter().map(|f| join(&folder.path, &f.name)).collect();
                let found = folder.files.iter().zip(&keys).map(|(f, key)| Found { key, stat: f.stat });
                let on = On { fs: folder.fs, stable_inodes: folder.stable_inodes };
                let compared = compare(&in_folder, found, on);
                for ((glance, file), key) in compared.found.iter().zip(&folder.files).zip(&keys) {
                    let name = String::from_utf8_lossy(key).into_owned();
                    if let Glance::Unchanged { row } = glance {
                        let row = &in_folder[*row];
                        seen.insert(row.id);
                        kept.push((v, row.clone()));
                        fates.insert(name, format!("unchanged {}", row.id));
                        continue;
                    }
                    self.read += 1;
                    let hashed = match read(&root, key, file.role, &AtomicBool::new(false)).unwrap() {
                        Read::Done { hashed, .. } => hashed,
                        Read::NotMedia => continue,
                        Read::Changing => panic!("{name} changes"),
                    };
                    let mut row = Recorded {
                        id: 0,
                        key: key.clone(),
                        fs: folder.fs,
                        stat: hashed.stat,
                        hash: Some(hashed.hash.clone()),
                    };
                    match glance {
                        Glance::Read { row: known } => {
                            let known = &in_folder[*known];
                            row.id = known.id;
                            seen.insert(row.id);
                            let fate = match match_identity(known.hash.as_ref(), &hashed.hash) {
                                IdentityMatch::Touched => "touched",
                                IdentityMatch::Changed => "changed",
                            };
                            fates.insert(name, format!("{fate} {}", row.id));
                            kept.push((v, row));
                        }
                        _ => {
                            arrived.push(Arrived {
                                owner: Owner::CommandLine,
                                path: key.clone(),
                                hash: hashed.hash,
                                size: hashed.stat.size,
                                mtime_ns: hashed.stat.mtime_ns,
                            });
                            newcomers.push((v, row));
                        }
                    }
                }
            }
            vanished.extend(rows.iter().filter(|r| !seen.contains(&r.id)).map(|r| Vanished {
                id: r.id,
                owner: Owner::CommandLine,
                path: r.key.clone(),
                hash: r.hash.clone().unwrap(),
                size: r.stat.size,
                mtime_ns: r.stat.mtime_ns,
            }));
        }
        let mut gone: BTreeMap<i64, String> =
            vanished.iter().map(|v| (v.id, String::from_utf8_lossy(&v.path).into_owned())).collect();
        for (from, (v, mut row)) in match_moves(&arrived, &vanished).into_iter().zip(newcomers) {
            let name = String::from_utf8_lossy(&row.key).into_owned();
            match from {
                Some(from) => {
                    row.id = vanished[from].id;
                    gone.remove(&row.id);
                    fates.insert(name, format!("moved {}", row.id));
                }
                None => {
                    row.id = self.next_id;
                    self.next_id += 1;
                    fates.insert(name, format!("new {}", row.id));
                }
            }
            kept.push((v, row));
        }
        fates.extend(gone.into_iter().map(|(id, name)| (name, format!("gone {id}"))));
        for (v, (_, rows)) in self.volumes.iter_mut().enumerate() {
            *rows = kept.iter().filter(|(of, _)| *of == v).map(|(_, row)| row.clone()).collect();
        }
        fates
    }
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|b| *b == b'/').map_or(b"", |at| &path[..at])
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

fn fates<const N: usize>(expected: [(&str, &str); N]) -> Fates {
    expected.into_iter().map(|(path, fate)| (path.to_owned(), fate.to_owned())).collect()
}

/// A folder with files of the given contents, all with the same date, so that no time reveals a change.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(&dir.path().join(path), content);
    }
    dir
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    set_old(path);
}

fn set_old(path: &Path) {
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

/// The results of a walk: files by complete path, and errors.
fn walk_from(dir: &Path, start: &str) -> (Vec<String>, Vec<WalkError>) {
    let root = Root::open(dir).unwrap();
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for step in Walk::new(&root, start.as_bytes(), Rules::default()) {
        match step {
            Ok(folder) => {
                errors.extend(folder.errors);
                for file in folder.files {
                    files.push(String::from_utf8_lossy(&join(&folder.path, &file.name)).into_owned());
                }
            }
            Err(e) => errors.push(e),
        }
    }
    files.sort();
    (files, errors)
}

fn walk(dir: &Path) -> Vec<String> {
    let (files, errors) = walk_from(dir, "");
    assert_eq!(errors, []);
    files
}

// ------------------------------------------------------------------------------------------ identity

#[test]
fn a_second_run_reads_nothing() {
    let dir = folder(&[("a.jpg", "A"), ("2019/b.jpg", "B"), ("2019/b.jpg.xmp", "X")]);
    let mut library = Library::of(&[dir.path()]);
    assert_eq!(library.run().len(), 3);
    assert_eq!(library.read, 3);
    assert!(library.run().values().all(|fate| fate.starts_with("unchanged")));
    assert_eq!(library.read, 0);
}

#[test]
fn a_save_by_temporary_file_and_rename_is_a_change() {
    let dir = folder(&[("a.jpg", "before")]);
    let mut library = Library::of(&[dir.path()]);
    library.run();
    let inode = fs::metadata(dir.path().join("a.jpg")).unwrap().ino();
    write(&dir.path().join(".a.jpg.tmp"), "after!");
    fs::rename(dir.path().join(".a.jpg.tmp"), dir.path().join("a.jpg")).unwrap();
    assert_ne!(inode, fs::metadata(dir.path().join("a.jpg")).unwrap().ino());
    assert_eq!(library.run(), fates([("a.jpg", "changed 1")]));
}

#[test]
fn a_save_in_place_that_keeps_size_and_mtime_is_seen() {
    let dir = folder(&[("a.jpg", "before")]);
    let mut library = Library::of(&[dir.path()]);
    library.run();
    write(&dir.path().join("a.jpg"), "after!");
    assert_eq!(library.run(), fates([("a.jpg", "changed 1")]));
}

#[test]
fn a_changed_ctime_costs_a_read_and_no_more() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[("a.jpg", "A")]);
    let mut library = Library::of(&[dir.path()]);
    library.run();
    fs::set_permissions(dir.path().join("a.jpg"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(library.run(), fates([("a.jpg", "touched 1")]));
    assert_eq!(library.run(), fates([("a.jpg", "unchanged 1")]));
}

#[test]
fn two_names_that_are_swapped_are_two_changes() {
    let dir = folder(&[("a.jpg", "A"), ("b.jpg", "B")]);
    let mut library = Library::of(&[dir.path()]);
    let before = library.run();
    let at = |name: &str| dir.path().join(name);
    fs::rename(at("a.jpg"), at("c")).unwrap();
    fs::rename(at("b.jpg"), at("a.jpg")).unwrap();
    fs::rename(at("c"), at("b.jpg")).unwrap();
    let after = library.run();
    for name in ["a.jpg", "b.jpg"] {
        assert_eq!(after[name], before[name].replace("new", "changed"));
    }
}

#[test]
fn a_reused_inode_is_another_file() {
    let Some(disk) = Mounted::ext4("a_reused_inode_is_another_file") else { return };
    let dir = disk.path();
    write(&dir.join("a.jpg"), "A");
    let mut library = Library::of(&[dir]);
    library.run();
    let inode = fs::metadata(dir.join("a.jpg")).unwrap().ino();
    fs::remove_file(dir.join("a.jpg")).unwrap();
    write(&dir.join("b.jpg"), "B");
    assert_eq!(inode, fs::metadata(dir.join("b.jpg")).unwrap().ino(), "ext4 gives the lowest free inode");
    assert_eq!(library.run(), fates([("a.jpg", "gone 1"), ("b.jpg", "new 2")]));

    // The same name, inode, size and mtime, and other content.
    fs::remove_file(dir.join("b.jpg")).unwrap();
    write(&dir.join("b.jpg"), "C");
    assert_eq!(inode, fs::metadata(dir.join("b.jpg")).unwrap().ino());
    assert_eq!(library.run(), fates([("b.jpg", "changed 2")]));
}

#[test]
fn a_hard_link_is_an_item_of_its_own() {
    let dir = folder(&[("a.jpg", "A")]);
    let mut library = Library::of(&[dir.path()]);
    library.run();
    fs::hard_link(dir.path().join("a.jpg"), dir.path().join("b.jpg")).unwrap();
    assert_eq!(library.run(), fates([("a.jpg", "touched 1"), ("b.jpg", "new 2")]));
    fs::remove_file(dir.path().join("a.jpg")).unwrap();
    assert_eq!(library.run(), fates([("a.jpg", "gone 1"), ("b.jpg", "touched 2")]));
}

#[test]
fn a_moved_folder_takes_its_items_along() {
    let dir = folder(&[("in/1/x.jpg", "X"), ("in/2/x.jpg", "X"), ("in/2/y.jpg", "Y"), ("z.jpg", "Z")]);
    let mut library = Library::of(&[dir.path()]);
    let before = library.run();
    fs::create_dir(dir.path().join("aa")).unwrap();
    fs::rename(dir.path().join("in"), dir.path().join("aa/out")).unwrap();
    let after = library.run();
    assert_eq!(after.len(), 4);
    for name in ["1/x.jpg", "2/x.jpg", "2/y.jpg"] {
        assert_eq!(
            after[&format!("aa/out/{name}")],
            before[&format!("in/{name}")].replace("new", "moved"),
            "{name}"
        );
    }
    assert_eq!(after["z.jpg"], before["z.jpg"].replace("new", "unchanged"));
}

#[test]
fn a_move_across_volumes_keeps_the_item() {
    let here = folder(&[("a.jpg", "A"), ("b.jpg", "B")]);
    let there = folder(&[("c.jpg", "C")]);
    // Another file system if one can be mounted; another folder follows the same rules.
    let mounted = Mounted::tmpfs("a_move_across_volumes_keeps_the_item");
    let target = mounted.as_ref().map_or(there.path(), |m| m.path());
    let mut library = Library::of(&[here.path(), target]);
    let before = library.run();
    fs::copy(here.path().join("a.jpg"), target.join("moved.jpg")).unwrap();
    fs::remove_file(here.path().join("a.jpg")).unwrap();
    let after = library.run();
    assert_eq!(after["moved.jpg"], before["a.jpg"].replace("new", "moved"));
    assert!(!after.contains_key("a.jpg"));
}

#[test]
fn a_rename_of_case_only_is_a_move() {
    let dir = folder(&[("IMG_1.JPG", "A")]);
    let mut library = Library::of(&[dir.path()]);
    library.run();
    fs::rename(dir.path().join("IMG_1.JPG"), dir.path().join("img_1.jpg")).unwrap();
    assert_eq!(library.run(), fates([("img_1.jpg", "moved 1")]));
}

#[test]
fn a_rename_of_case_only_is_a_move_where_case_does_not_count() {
    let Some(disk) = Mounted::vfat("a_rename_of_case_only_is_a_move_where_case_does_not_count") else {
        return;
    };
    write(&disk.path().join("Trip/IMG_1.JPG"), "A");
    let mut library = Library::of(&[disk.path()]);
    library.run();
    fs::rename(disk.path().join("Trip"), disk.path().join("trip-2")).unwrap();
    fs::rename(disk.path().join("trip-2"), disk.path().join("trip")).unwrap();
    assert!(disk.path().join("Trip").exists(), "FAT does not tell them apart");
    assert_eq!(library.run(), fates([("trip/IMG_1.JPG", "moved 1")]));
}

#[test]
fn fat_is_believed_without_its_inodes() {
    let Some(disk) = Mounted::vfat("fat_is_believed_without_its_inodes") else { return };
    for i in 0..20 {
        write(&disk.path().join(format!("{i}.jpg")), &format!("photo {i}"));
    }
    let mut library = Library::of(&[disk.path()]);
    library.run();
    let before: Vec<_> = library.volumes[0].1.iter().map(|r| r.stat.inode).collect();
    let disk = disk.remount();
    library.volumes[0].0 = disk.path().to_owned();
    // Reading the files in another order is enough to give them other numbers.
    for i in (0..20).rev() {
        fs::metadata(disk.path().join(format!("{i}.jpg"))).unwrap();
    }
    assert!(library.run().values().all(|fate| fate.starts_with("unchanged")));
    assert_eq!(library.read, 0);
    let root = Root::open(disk.path()).unwrap();
    let folder = Walk::new(&root, b"", Rules::default()).next().unwrap().unwrap();
    assert!(!folder.stable_inodes);
    let now: Vec<_> = folder.files.iter().map(|f| f.stat.inode).collect();
    assert_ne!(before, now, "the numbers changed, and nothing else");
}

#[test]
fn a_copied_disk_costs_a_read_and_no_item() {
    let Some(disk) = Mounted::ext4("a_copied_disk_costs_a_read_and_no_item") else { return };
    write(&disk.path().join("a.jpg"), "A");
    let mut library = Library::of(&[disk.path()]);
    library.run();
    let other = Mounted::ext4("a_copied_disk_costs_a_read_and_no_item").unwrap();
    write(&other.path().join("a.jpg"), "A");
    library.volumes[0].0 = other.path().to_owned();
    assert_eq!(library.run(), fates([("a.jpg", "touched 1")]));
}

#[test]
fn names_that_are_not_utf8_are_names() {
    let dir = folder(&[]);
    let name = OsStr::from_bytes(b"caf\xe9 \xff\n.JPG");
    fs::write(dir.path().join(name), "A").unwrap();
    let root = Root::open(dir.path()).unwrap();
    let folder = Walk::new(&root, b"", Rules::default()).next().unwrap().unwrap();
    assert_eq!(folder.files[0].name, name.as_bytes());
    assert!(open_beneath(&root, name.as_bytes()).is_ok());
    assert_eq!(Library::of(&[dir.path()]).run().len(), 1);
}

// ---------------------------------------------------------------------------------------------- hash

#[test]
fn a_file_that_changes_while_it_is_read_has_no_hash() {
    let dir = folder(&[("a.jpg", "")]);
    let path = dir.path().join("a.jpg");
    File::options().write(true).open(&path).unwrap().set_len(32 << 20).unwrap();
    let stop = AtomicBool::new(false);
    let file = File::open(&path).unwrap();
    let writer = File::options().write(true).open(&path).unwrap();
    let done = AtomicBool::new(false);
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The size never changes: only the times reveal the change.
            while !done.load(Ordering::Relaxed) {
                writer.write_all_at(b"x", 5).unwrap();
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        });
        let answer = (0..20).map(|_| content_hash(&file, &stop)).find(|a| *a == Err(HashError::Changing));
        done.store(true, Ordering::Relaxed);
        answer
    });
    assert_eq!(answer, Some(Err(HashError::Changing)));
    assert!(content_hash(&file, &stop).is_ok(), "it has come to rest");
}

#[test]
fn a_file_that_shrinks_while_it_is_read_has_no_hash() {
    struct Shrinks(File);
    impl albumen_files::hash::Pace for Shrinks {
        fn read(&self, _bytes: u64) -> Result<(), Fault> {
            self.0.set_len(10).map_err(Fault::from)
        }
    }
    // Hashed by samples, whole, and whole without holes.
    for (head, size) in [(&b""[..], 256 << 20), (b"\xff\xd8\xff\xe0", 256 << 20), (&[7; 1 << 20], 1 << 20)] {
        let dir = folder(&[("a.jpg", "")]);
        let path = dir.path().join("a.jpg");
        let mut writer = File::options().write(true).open(&path).unwrap();
        writer.write_all(head).unwrap();
        writer.set_len(size).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(content_hash(&file, &Shrinks(writer)), Err(HashError::Changing), "{size} bytes");
    }
}

#[test]
fn the_hash_is_of_the_content_and_not_of_the_name() {
    let dir = folder(&[("a.mov", ""), ("b.jpg", "")]);
    let stop = AtomicBool::new(false);
    let hashes: Vec<ContentHash> = ["a.mov", "b.jpg"]
        .iter()
        .map(|name| {
            let mut file = File::options().read(true).write(true).open(dir.path().join(name)).unwrap();
            file.write_all(b"\0\0\0\x14ftypqt  ").unwrap();
            file.set_len(100 << 20).unwrap();
            content_hash(&file, &stop).unwrap().hash
        })
        .collect();
    assert_eq!(hashes[0], hashes[1]);
    assert!(!hashes[0].is_whole());
}

// ---------------------------------------------------------------------------------------------- walk

// --------------------------------------------------------------------------------------------- guard

#[test]
fn file_systems_are_told_apart() {
    let Some(disk) = Mounted::ext4("file_systems_are_told_apart") else { return };
    let table = MountTable::read();
    let info = |path: &Path| FsInfo::of(File::open(path).unwrap(), &table).unwrap();
    let here = folder(&[]);
    assert_ne!(info(disk.path()).id(), info(here.path()).id());
    let was = info(disk.path());
    let disk = disk.remount();
    let now = FsInfo::of(File::open(disk.path()).unwrap(), &MountTable::read()).unwrap();
    assert_eq!(was.id(), now.id(), "the same disk at another place, perhaps by another device");
    assert!(now.inodes_are_stable() && !now.refuses_index() && !now.is_pseudo());
}

//! The walk: links, pipes, loops, mounts, and what it leaves out.

use super::{Library, fates, folder, join, walk, walk_from, write};
use crate::support::Mounted;
use albumen_files::ignore::Rules;
use albumen_files::mounts::MountTable;
use albumen_files::open::{Root, open_beneath, stat_beneath};
use albumen_files::read::{Read, read};
use albumen_files::volume::{self, Guard, Known, Seen, Verdict};
use albumen_files::walk::{Role, Walk};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::AtomicBool;

#[test]
fn links_lead_nowhere() {
    let outside = folder(&[("secret.jpg", "S"), ("deep/secret.jpg", "S")]);
    let dir = folder(&[("a.jpg", "A"), ("in/b.jpg", "B")]);
    let at = |name: &str| dir.path().join(name);
    symlink(outside.path().join("secret.jpg"), at("file.jpg")).unwrap();
    symlink(outside.path(), at("out")).unwrap();
    symlink("a.jpg", at("inside.jpg")).unwrap();
    symlink("in", at("inside")).unwrap();
    symlink(".", at("loop")).unwrap();
    symlink("..", at("in/up")).unwrap();
    symlink("nowhere", at("broken.jpg")).unwrap();
    assert_eq!(walk(dir.path()), ["a.jpg", "in/b.jpg"]);

    let root = Root::open(dir.path()).unwrap();
    for path in ["file.jpg", "out/secret.jpg", "inside.jpg", "inside/b.jpg", "loop/a.jpg", "in/up/a.jpg"] {
        let why = open_beneath(&root, path.as_bytes()).unwrap_err().to_string();
        assert!(why.contains("link"), "{path}: {why}");
        assert_eq!(stat_beneath(&root, path.as_bytes()), Ok(None), "{path}");
    }
    let above = format!("../{}/secret.jpg", outside.path().file_name().unwrap().to_str().unwrap());
    for path in [above.as_str(), "/etc/passwd", ""] {
        assert!(open_beneath(&root, path.as_bytes()).is_err(), "{path}");
    }
    assert!(open_beneath(&root, b"in/b.jpg").is_ok());
}

#[test]
fn a_root_may_be_named_through_a_link() {
    let dir = folder(&[("photos/a.jpg", "A")]);
    symlink("photos", dir.path().join("link")).unwrap();
    assert_eq!(walk(&dir.path().join("link")), ["a.jpg"]);
}

#[test]
fn nobody_waits_for_a_pipe() {
    let dir = folder(&[("a.jpg", "A")]);
    make_fifo(&dir.path().join("pipe.jpg"));
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.jpg")).unwrap();
    assert_eq!(walk(dir.path()), ["a.jpg"]);
    let root = Root::open(dir.path()).unwrap();
    let why = open_beneath(&root, b"pipe.jpg").unwrap_err().to_string();
    assert!(why.contains("it is a pipe, not a file"), "{why}");
    assert!(open_beneath(&root, b"socket.jpg").is_err());
    fs::create_dir(dir.path().join("folder.jpg")).unwrap();
    assert!(open_beneath(&root, b"folder.jpg").unwrap_err().to_string().contains("a folder"));
}

fn make_fifo(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn what_is_not_photos_is_left_out() {
    let dir = folder(&[
        ("a.jpg", "A"),
        ("notes.txt", "N"),
        ("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "T"),
        ("#recycle/b.jpg", "B"),
        ("#snapshot/b.jpg", "B"),
        ("sub/@tmp/c.jpg", "C"),
        (".Trash-1000/d.jpg", "D"),
        (".cache/e.jpg", "E"),
        ("private/.nomedia", ""),
        ("private/f.jpg", "F"),
        ("private/deeper/f.jpg", "F"),
        ("sub/.albumenignore", "*.png\n/drafts/\n!keep.png\n"),
        ("sub/g.png", "G"),
        ("sub/keep.png", "K"),
        ("sub/more/g.png", "G"),
        ("sub/more/.albumenignore", "!g.png\n"),
        ("sub/drafts/h.jpg", "H"),
        ("sub/other/drafts/h.jpg", "H"),
        ("subway/g.png", "G"),
        ("._a.jpg", "resource fork"),
    ]);
    let expected = ["a.jpg", "sub/keep.png", "sub/more/g.png", "sub/other/drafts/h.jpg", "subway/g.png"]
        .map(str::to_owned);
    assert_eq!(walk(dir.path()), expected);
    // The rules of the parent folders apply to a path given manually.
    for (start, files) in
        [("sub", 3), ("sub/drafts", 0), ("sub/other", 1), ("private/deeper", 0), ("@eaDir", 0)]
    {
        assert_eq!(walk_from(dir.path(), start).0.len(), files, "{start}");
    }
}

#[test]
fn a_walk_may_be_of_one_file() {
    let dir = folder(&[("in/a.jpg", "A"), ("in/b.jpg", "B")]);
    let root = Root::open(dir.path()).unwrap();
    let folders: Vec<_> = Walk::new(&root, b"in/a.jpg", Rules::default()).map(Result::unwrap).collect();
    assert_eq!(folders.len(), 1);
    assert_eq!((folders[0].path.as_slice(), folders[0].only.as_deref()), (&b"in"[..], Some(&b"a.jpg"[..])));
    assert_eq!(folders[0].files.len(), 1);
    let (files, errors) = walk_from(dir.path(), "in/gone.jpg");
    assert_eq!((files.len(), errors.len()), (0, 1));
}

#[test]
fn a_file_without_an_extension_is_told_by_its_first_bytes() {
    let dir = folder(&[("Makefile", "all:"), ("scan", "\u{0}")]);
    fs::write(dir.path().join("scan"), b"\x89PNG\r\n\x1a\n....").unwrap();
    let mut library = Library::of(&[dir.path()]);
    assert_eq!(library.run(), fates([("scan", "new 1")]));
    let root = Root::open(dir.path()).unwrap();
    let answer = read(&root, b"Makefile", Role::Unnamed, &AtomicBool::new(false));
    assert!(matches!(answer, Ok(Read::NotMedia)));
}

#[test]
fn a_folder_that_vanishes_during_the_walk_is_an_error_and_not_the_end() {
    let dir = folder(&[("a/1.jpg", "1"), ("b/2.jpg", "2"), ("c/3.jpg", "3")]);
    let root = Root::open(dir.path()).unwrap();
    let mut walk = Walk::new(&root, b"", Rules::default());
    walk.next().unwrap().unwrap();
    fs::remove_dir_all(dir.path().join("b")).unwrap();
    fs::rename(dir.path().join("c"), dir.path().join("d")).unwrap();
    symlink("/etc", dir.path().join("c")).unwrap();
    let rest: Vec<_> = walk.collect();
    assert_eq!(rest.len(), 3);
    assert_eq!(rest[0].as_ref().unwrap().files.len(), 1);
    for (step, path) in rest[1..].iter().zip(["b", "c"]) {
        assert_eq!(step.as_ref().unwrap_err().path, path.as_bytes());
    }
}

#[test]
fn folders_inside_each_other_come_to_an_end() {
    let dir = folder(&[("a.jpg", "A")]);
    let root = Root::open(dir.path()).unwrap();
    // Deeper than the walk goes, and longer than a path may be; made step by step, as an attacker would.
    let name = "d".repeat(100);
    let mut at = std::os::fd::OwnedFd::from(File::open(dir.path()).unwrap());
    for depth in 1..=300 {
        rustix::fs::mkdirat(&at, &name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        at = rustix::fs::openat(&at, &name, flags, rustix::fs::Mode::empty()).unwrap();
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
        rustix::fs::openat(&at, format!("{depth}.jpg"), flags, rustix::fs::Mode::RUSR).unwrap();
    }
    let steps: Vec<_> = Walk::new(&root, b"", Rules::default()).collect();
    let why = steps.last().unwrap().as_ref().unwrap_err().fault.to_string();
    assert!(why.contains("folders inside each other"), "{why}");
    let deepest = steps.iter().rev().find_map(|s| s.as_ref().ok()).unwrap();
    let path = join(&deepest.path, &deepest.files[0].name);
    assert!(path.len() > 20_000);
    assert!(open_beneath(&root, &path).is_ok(), "also what no single call can name");
}

#[test]
fn other_file_systems_inside_are_walked_and_noticed() {
    let dir = folder(&[("a.jpg", "A")]);
    fs::create_dir(dir.path().join("usb")).unwrap();
    let Some(disk) = Mounted::tmpfs_at(&dir.path().join("usb"), "other_file_systems_inside_are_walked")
    else {
        return;
    };
    write(&dir.path().join("usb/b.jpg"), "B");
    let root = Root::open(dir.path()).unwrap();
    let mut walk = Walk::new(&root, b"", Rules::default());
    let folders: Vec<_> = walk.by_ref().map(Result::unwrap).collect();
    assert_eq!(folders.len(), 2);
    assert_ne!(folders[0].fs, folders[1].fs);
    assert_eq!(walk.inner_mounts().len(), 1);
    assert_eq!(
        (walk.inner_mounts()[0].path.as_slice(), walk.inner_mounts()[0].fs),
        (&b"usb"[..], folders[1].fs)
    );

    // Unplugged, its recorded files are offline, and no others.
    let mounts = MountTable::read();
    let print = volume::fingerprint(&root, &mounts).unwrap().with_inner(walk.inner_mounts());
    drop(disk);
    let now = volume::fingerprint(&root, &MountTable::read()).unwrap();
    let known = Known { fingerprint: Some(print), files: 2, volume_files: 2, ..Known::default() };
    let seen = Seen { fingerprint: now, is_empty: false, sample: (1, 1), vanished: 1 };
    let verdict = volume::judge(&known, &seen, Guard::default(), false);
    assert_eq!(verdict, Verdict::Sound { offline_below: vec![b"usb".to_vec()] });
}

#[test]
fn a_part_of_the_same_file_system_that_is_mounted_inside_is_noticed() {
    let dir = folder(&[("volume/a.jpg", "A"), ("other/b.jpg", "B")]);
    let (volume, at) = (dir.path().join("volume"), dir.path().join("volume/usb"));
    fs::create_dir(&at).unwrap();
    let Some(_mounted) = Mounted::bind(&dir.path().join("other"), &at, "a_part_of_the_same_file_system")
    else {
        return;
    };
    let root = Root::open(&volume).unwrap();
    for start in ["", "usb"] {
        let mut walk = Walk::new(&root, start.as_bytes(), Rules::default());
        assert!(walk.by_ref().all(|folder| folder.is_ok()));
        let inner: Vec<_> = walk.inner_mounts().iter().map(|m| m.path.as_slice()).collect();
        assert_eq!(inner, [b"usb"], "from {start:?}");
    }
}

#[test]
fn a_folder_mounted_inside_itself_is_a_loop() {
    let dir = folder(&[("a.jpg", "A")]);
    fs::create_dir(dir.path().join("again")).unwrap();
    let Some(_mounted) =
        Mounted::bind(dir.path(), &dir.path().join("again"), "a_folder_mounted_inside_itself")
    else {
        return;
    };
    let (files, errors) = walk_from(dir.path(), "");
    assert_eq!(files, ["a.jpg"]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].fault.to_string().contains("loop"), "{}", errors[0].fault);
}

#[test]
fn what_the_kernel_makes_up_is_not_walked() {
    let root = Root::open(Path::new("/proc")).unwrap();
    let folders: Vec<_> = Walk::new(&root, b"", Rules::default()).collect();
    assert_eq!(folders.len(), 1);
    assert!(folders[0].as_ref().unwrap().files.is_empty());
}

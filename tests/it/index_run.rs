//! `albumen index`: real processes, real files, killed with real signals.

mod kills;
mod memory;
mod moves;
mod volumes;

use super::support::Mounted;
use crate::support::{ROOT, worker_program};
use albumen_index::testing::Database;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// A library and an index, both in temporary folders.
struct Bench {
    _dir: tempfile::TempDir,
    library: PathBuf,
    index: PathBuf,
}

impl Bench {
    /// The sample pictures that decode, `copies` times over, each copy an item of its own.
    fn new(copies: usize) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("library");
        for n in 0..copies {
            for kind in ["orientation", "kinds"] {
                let from = Path::new(ROOT).join("testdata").join(kind);
                let to = library.join(format!("{n:03}")).join(kind);
                std::fs::create_dir_all(&to).unwrap();
                for file in std::fs::read_dir(from).unwrap() {
                    let file = file.unwrap();
                    let mut bytes = std::fs::read(file.path()).unwrap();
                    // Bytes after the end of a JPEG change the hash and nothing else.
                    bytes.extend(format!("copy {n}").bytes());
                    std::fs::write(to.join(file.file_name()), bytes).unwrap();
                }
            }
        }
        let index = dir.path().join("index");
        Bench { library, index, _dir: dir }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_albumen"));
        c.arg("--index").arg(&self.index).args(arguments).env("XDG_CONFIG_HOME", self.index.join("none"));
        c
    }

    fn index_command(&self) -> Command {
        let mut c = self.command(&["index", "--no-recognise", "--json"]);
        c.arg(&self.library);
        c
    }

    /// Runs to completion and returns the summary.
    fn run(&self) -> Value {
        summary(&self.index_command().output().unwrap(), 0)
    }

    fn export(&self) -> String {
        let out = self.command(&["export"]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }
}

fn summary(out: &Output, code: i32) -> Value {
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{said}");
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// Runs a command as on the kernel of many a NAS: Linux 4.4, of 2016, without the later system calls.
/// Containers bring their own C library, but not a kernel.
fn on_an_old_kernel(command: &mut Command) -> Output {
    use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
    // The first missing call is copy_file_range; since 424 all machines number alike.
    let first = libc::SYS_copy_file_range;
    let later = (first..first + 9).chain(424..500).map(|call| (call, Vec::new()));
    let missing = SeccompAction::Errno(libc::ENOSYS as u32);
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(later.collect(), SeccompAction::Allow, missing, arch).unwrap();
    let filter: seccompiler::BpfProgram = filter.try_into().unwrap();
    // A filter applies to a thread and its children.
    std::thread::scope(|scope| {
        let run = || {
            apply_filter(&filter).unwrap();
            command.output().unwrap()
        };
        scope.spawn(run).join().unwrap()
    })
}

#[test]
fn an_old_kernel_is_enough() {
    let b = Bench::new(1);
    let done = summary(&on_an_old_kernel(&mut b.index_command()), 0);
    assert_eq!((&done["found"], &done["failed"]), (&13.into(), &0.into()));
    let status = on_an_old_kernel(&mut b.command(&["status", "--json"]));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["sandbox"], "partial", "it has no Landlock");
    let there = b.export();
    let again = Bench { library: b.library.clone(), index: b.index.with_extension("again"), _dir: b._dir };
    again.run();
    assert_eq!(again.export(), there, "the same as on this one");
}

#[test]
fn what_nobody_had_in_memory_is_not_left_there() {
    use albumen_files::pages::is_cold;
    let b = Bench::new(1);
    // On a disk: files in memory are never cold.
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let library = disk.path().join("library");
    assert!(Command::new("cp").arg("-r").arg(&b.library).arg(&library).status().unwrap().success());
    let folder = library.join("000/orientation");
    let photos = || std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let open = |path: &Path| std::fs::File::open(path).unwrap();
    let b = Bench { library: library.clone(), ..b };
    let warm = folder.join("3.jpg");
    // The query itself makes the kernel read, so each is queried once a run. The kernel may keep a page that it is using
    // just then, so there are several runs.
    let mut cold_once = BTreeSet::new();
    for _ in 0..20 {
        for file in photos() {
            open(&file).sync_all().unwrap();
            rustix::fs::fadvise(open(&file), 0, None, rustix::fs::Advice::DontNeed).unwrap();
        }
        std::fs::read(&warm).unwrap();
        summary(&b.index_command().arg("--force").output().unwrap(), 0);
        cold_once.extend(photos().filter(|file| is_cold(&open(file))));
        assert!(!cold_once.contains(&warm));
        if cold_once.len() == photos().count() - 1 {
            return;
        }
    }
    panic!("only {cold_once:?} were released; {} has to be on a disk", library.display());
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let b = Bench::new(1);
    let first = b.run();
    assert_eq!((&first["found"], &first["new"], &first["failed"]), (&13.into(), &13.into(), &0.into()));
    let before = b.export();
    let second = b.run();
    assert_eq!(
        (&second["new"], &second["changed"], &second["unchanged"]),
        (&0.into(), &0.into(), &13.into())
    );
    assert_eq!(b.export(), before);
    assert_eq!(before.lines().count(), 13);
}

#[test]
fn a_touched_file_without_a_date_of_its_own_is_dated_anew_and_not_developed_again() {
    let b = Bench::new(1);
    let file = b.library.join("000/kinds/grey.jpg");
    let touch = |seconds: u64| {
        let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    };
    let taken = || {
        let out = b.command(&["show", "--json"]).arg(&file).output().unwrap();
        let item: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(item["taken"]["source"], "file:mtime");
        item["taken"]["utc"].as_str().unwrap().to_owned()
    };
    touch(1_000_000_000);
    b.run();
    assert_eq!(taken(), "2001-09-09T01:46:40Z");
    touch(1_500_000_000);
    let again = b.run();
    assert_eq!(taken(), "2017-07-14T02:40:00Z");
    assert_eq!((&again["unchanged"], &again["changed"]), (&13.into(), &0.into()));
    assert_eq!(again["stage_cpu_s"]["decode"].as_f64().unwrap_or(0.0), 0.0);
}

impl Bench {
    fn failures(&self) -> String {
        String::from_utf8(self.command(&["failures"]).output().unwrap().stdout).unwrap()
    }

    /// The number of files in the index.
    fn recorded(&self) -> u64 {
        let out = self.command(&["status", "--json"]).output().unwrap();
        let status: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        status["items"].as_u64().unwrap_or(0)
    }
}

#[test]
fn facts_that_cannot_be_parsed_are_found_and_read_again() {
    let b = Bench::new(1);
    b.run();
    let break_facts = |facts: &str| Database::open(&b.index).set_facts("plain.jpg", facts);
    let inspected = || Database::open(&b.index).is_inspected("plain.jpg");
    break_facts("{\"format\": \"of another program\"}");
    let out = b.command(&["verify", "--json"]).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(
        out.status.code() == Some(1) && said.contains("\"kind\":\"facts\"") && said.contains("plain.jpg"),
        "{said}"
    );
    b.command(&["verify", "--repair"]).output().unwrap();
    assert!(!inspected(), "inspect is due");
    b.run();
    assert!(inspected());
    let out = b.command(&["verify", "--json"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stdout));
    // Without verify: any rewrite of the item makes inspect due.
    break_facts("[1]");
    let id = b.command(&["search", "--json", "name:plain"]).output().unwrap();
    let found: Value = serde_json::from_slice(&id.stdout).unwrap();
    let item = found["items"].as_array().unwrap().iter().find(|item| item["name"] == "plain.jpg").unwrap();
    assert!(
        b.command(&["edit", "--rating", "3", item["path"].as_str().unwrap()]).status().unwrap().success()
    );
    assert!(!inspected(), "inspect is due");
}

#[test]
fn what_is_deleted_while_the_clock_is_wrong_is_kept_as_long_as_all_else() {
    let b = Bench::new(1);
    b.run();
    let file = b.library.join("000/kinds/grey.jpg");
    let bytes = std::fs::read(&file).unwrap();
    b.command(&["edit", "--title", "kept"]).arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    // A machine without a clock battery starts in the past.
    let mut early = b.index_command();
    early.env("ALBUMEN_FAULTS", "1").env("ALBUMEN_CLOCK", "-1000000000");
    assert_eq!(summary(&early.output().unwrap(), 0)["removed"], 1);
    b.run();
    std::fs::write(&file, bytes).unwrap();
    b.run();
    assert!(b.export().contains("\"title\":\"kept\""), "it is the same item again");
}

#[test]
fn what_is_printed_onto_a_full_disk_is_an_error_and_what_nobody_reads_is_none() {
    let b = Bench::new(1);
    b.run();
    let photo = b.library.join("000/kinds/grey.jpg");
    let photo = photo.to_str().unwrap();
    let commands: [&[&str]; 11] = [
        &["export"],
        &["status"],
        &["status", "--json"],
        &["show", photo],
        &["show", "--json", photo],
        &["search", "--json", "kind:photo"],
        &["tags", "--json"],
        &["verify"],
        &["models", "--json"],
        &["--version"],
        &["index", "--help"],
    ];
    for command in commands {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let out = b.command(command).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(4), "{command:?}: {said}");
        assert!(said.contains("standard output cannot be written"), "{command:?}: {said}");
        let whole = b.command(command).output().unwrap();
        let (unread, writer) = std::io::pipe().unwrap();
        drop(unread);
        let out = b.command(command).stdout(writer).output().unwrap();
        assert_eq!((out.status.code(), out.stderr), (whole.status.code(), whole.stderr), "{command:?}");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(b.index_command().stdout(full).status().unwrap().code(), Some(4), "and it has indexed");
}

#[test]
fn a_dry_run_without_an_index_makes_none() {
    let b = Bench::new(1);
    let dry = |b: &Bench| summary(&b.index_command().arg("--dry-run").output().unwrap(), 0);
    let said = dry(&b);
    assert!(!b.index.exists());
    let done = b.run();
    assert_eq!((&said["found"], &said["new"]), (&done["found"], &done["new"]), "{said}");
    assert_eq!(dry(&b)["new"], 0);

    let rows = || -> (i64, i64) {
        let index = Database::open(&b.index);
        (index.rows("volumes"), index.rows("spaces"))
    };
    let other = b.library.with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(b.library.join("000/kinds/grey.jpg"), other.join("grey.jpg")).unwrap();
    let out = b.command(&["index", "--json", "--no-recognise", "--dry-run"]).arg(&other).output().unwrap();
    assert_eq!(summary(&out, 0)["new"], 1);
    assert_eq!(rows(), (1, 1), "what a dry run finds is not kept, its volume neither");
}

#[test]
fn bad_files_cost_themselves_and_nothing_else() {
    let b = Bench::new(1);
    let put = |name: &str, bytes: &[u8]| std::fs::write(b.library.join(name), bytes).unwrap();
    let good = std::fs::read(b.library.join("000/kinds/plain.jpg")).unwrap();
    put("empty.jpg", b"");
    put("text.jpg", b"Dear diary, today I was called a picture.\n");
    let png = |colour: u8| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([colour; 3]));
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    put("is_a_png.jpg", &png(90));
    // The size is after the frame's marker, its length and the bits per sample.
    let frame = memchr::memmem::find(&good, b"\xFF\xC0").unwrap();
    let mut huge = good.clone();
    huge[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    put("huge.jpg", &huge);
    put("half.jpg", &good[..good.len() / 2]);
    let s = summary(&b.index_command().output().unwrap(), 1);
    assert_eq!((&s["found"], &s["new"]), (&18.into(), &18.into()));
    let failures = b.failures();
    for (name, why) in
        [("empty.jpg", "empty"), ("text.jpg", "text"), ("huge.jpg", "65500 x 65500"), ("half.jpg", "end")]
    {
        let said = failures.split(name).nth(1).unwrap_or_else(|| panic!("{name}: {failures}"));
        assert!(said.lines().nth(1).unwrap().contains(why), "{name}: {said}");
    }
    let png = b.export().lines().find(|l| l.contains("is_a_png.jpg")).map(str::to_owned).unwrap();
    let png: Value = serde_json::from_str(&png).unwrap();
    assert_eq!((&png["format"], &png["extension_mismatch"]), (&"png".into(), &true.into()));
    // Known failures do not count in a second run.
    assert_eq!(b.run()["failed"], 0);
}

#[test]
fn a_full_disk_stops_cleanly_and_the_next_run_finishes() {
    let Some(disk) = Mounted::tmpfs("a full disk") else { return };
    let mut b = Bench::new(3);
    let whole = {
        b.run();
        b.export()
    };
    b.index = disk.path().join("index");
    let filler = disk.path().join("filler");
    // The tmpfs has 64 MB; half a megabyte is left for the index.
    std::fs::write(&filler, vec![0; (64 << 20) - (512 << 10)]).unwrap();
    let out = b.index_command().output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(matches!(out.status.code(), Some(3 | 4)), "{:?}: {said}", out.status);
    assert!(said.contains("full"), "{said}");
    std::fs::remove_file(&filler).unwrap();
    b.run();
    assert_eq!(b.export(), whole);
}

#[test]
fn one_process_indexes_at_a_time_and_the_next_is_told_who_does() {
    let b = Bench::new(1);
    b.run();
    let lock = std::fs::File::open(b.index.join("index.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let out = b.index_command().output().unwrap();
    assert_eq!(out.status.code(), Some(3));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("in use by `albumen"), "{said}");
    // Readers are not blocked.
    assert_eq!(b.export().lines().count(), 13);
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_goes_on() {
    use std::os::unix::fs::PermissionsExt;
    let b = Bench::new(1);
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    // Permissions do not restrict root: the program runs as another user, from an accessible folder.
    let open = tempfile::tempdir().unwrap();
    mode(open.path(), 0o777);
    mode(b._dir.path(), 0o755);
    for program in [PathBuf::from(env!("CARGO_BIN_EXE_albumen")), worker_program()] {
        let to = open.path().join(program.file_name().unwrap());
        std::fs::copy(&program, &to).unwrap();
        mode(&to, 0o755);
    }
    mode(&b.library.join("000/kinds/grey.jpg"), 0o000);
    mode(&b.library.join("000/orientation"), 0o000);
    let run = || {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(open.path().join("albumen"))
            .arg("--index")
            .arg(open.path().join("index"))
            .args(["index", "--no-recognise", "--json"])
            .arg(&b.library)
            .env("HOME", open.path())
            .output()
            .unwrap()
    };
    let out = run();
    let s = summary(&out, 1);
    assert_eq!((&s["found"], &s["failed"]), (&5.into(), &1.into()));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("orientation"), "{said}");
    mode(&b.library.join("000/orientation"), 0o755);
    mode(&b.library.join("000/kinds/grey.jpg"), 0o644);
    // A changed mode is a changed ctime: the file is read again.
    let s = summary(&run(), 0);
    assert_eq!((&s["found"], &s["failed"]), (&13.into(), &0.into()));
}

/// Google writes no JSON for an edited copy, and puts the number of a duplicate at the end.
#[test]
fn an_edited_copy_has_the_date_of_its_original_from_takeout() {
    let b = Bench::new(0);
    std::fs::create_dir_all(&b.library).unwrap();
    let plain = Path::new(ROOT).join("testdata/kinds/plain.jpg");
    for name in ["a.jpg", "a-edited.jpg", "a(1).jpg", "a-edited(1).jpg"] {
        std::fs::copy(&plain, b.library.join(name)).unwrap();
    }
    let json = |name: &str, time: u32| {
        let text = format!(r#"{{"title": "a.jpg", "photoTakenTime": {{"timestamp": "{time}"}}}}"#);
        std::fs::write(b.library.join(name), text).unwrap();
    };
    json("a.jpg.json", 1_577_934_245);
    json("a.jpg(1).json", 1_577_934_246);
    b.run();
    let taken = || -> Vec<String> {
        let export = b.export();
        let items = export.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
        let mut taken: Vec<String> = items
            .map(|i| format!("{} {}", i["name"].as_str().unwrap(), i["taken"]["local"].as_str().unwrap()))
            .collect();
        taken.sort();
        taken
    };
    let first = ["a(1).jpg 2020-01-02T03:04:06", "a-edited(1).jpg 2020-01-02T03:04:06"];
    assert_eq!(taken()[..2], first);
    assert_eq!(taken()[2..], ["a-edited.jpg 2020-01-02T03:04:05", "a.jpg 2020-01-02T03:04:05"]);
    // The copy is processed again when the original's JSON changes.
    json("a.jpg.json", 1_577_934_200);
    b.run();
    assert_eq!(taken()[..2], first);
    assert_eq!(taken()[2..], ["a-edited.jpg 2020-01-02T03:03:20", "a.jpg 2020-01-02T03:03:20"]);
}

//! `albumen index`: real processes, real files, killed with real signals.

use super::support::Mounted;
use crate::support::{ROOT, worker_program};
use albumen_index::testing::Database;
use serde_json::Value;
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
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
    let photos =
        || std::fs::read_dir(&folder).unwrap().map(|e| std::fs::File::open(e.unwrap().path()).unwrap());
    let b = Bench { library: library.clone(), ..b };
    let warm = folder.join("3.jpg");
    // The query itself makes the kernel read, so each is queried once.
    let cold_afterwards = || {
        for file in photos() {
            file.sync_all().unwrap();
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        }
        assert!(is_cold(&std::fs::File::open(&warm).unwrap()), "{} has to be on a disk", library.display());
        std::fs::read(&warm).unwrap();
        summary(&b.index_command().arg("--force").output().unwrap(), 0);
        let cold = photos().filter(is_cold).count();
        assert!(!is_cold(&std::fs::File::open(&warm).unwrap()));
        cold
    };
    // On a busy machine the kernel may keep a page that is in use just then: it is queried more than once.
    let all_but_the_one_that_somebody_had = photos().count() - 1;
    let cold: Vec<usize> = (0..3).map(|_| cold_afterwards()).collect();
    assert!(cold.contains(&all_but_the_one_that_somebody_had), "{cold:?}");
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
fn a_kill_at_any_named_point_loses_nothing() {
    let b = Bench::new(1);
    b.run();
    let whole = b.export();
    let points = [
        "in_a_migration:1",
        "after_temporary_write:4",
        "after_rename:7",
        "before_commit:1",
        "after_commit:1",
        "in_the_sweep:1",
    ];
    for point in points {
        std::fs::remove_dir_all(&b.index).unwrap();
        // Something for the sweep to find: the remains of a write that was killed.
        let shard = b.index.join("derived/aa/bb");
        std::fs::create_dir_all(&shard).unwrap();
        std::fs::write(shard.join(".tmp-1-left-over.jpg"), b"half").unwrap();
        let killed = b.index_command().env("ALBUMEN_KILL_AT", point).output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{point} was not reached");
        b.run();
        assert_eq!(b.export(), whole, "after a kill at {point}");
        assert!(!shard.join(".tmp-1-left-over.jpg").exists(), "{point}");
    }
}

#[test]
fn kills_at_random_points_lose_nothing_and_repeat_no_committed_work() {
    kills_at_random_points(6);
}

#[test]
#[ignore = "soak: the same at fifty points, two minutes"]
fn soak_kills_at_fifty_random_points() {
    kills_at_random_points(50);
}

/// Kills a run at this many seeded points of its progress, each time with a new index.
fn kills_at_random_points(rounds: u32) {
    let b = Bench::new(4);
    let total = b.run()["new"].as_u64().unwrap();
    let whole = b.export();
    let written = walk(&b.index.join("derived")).len() as u64;
    // A multiplicative generator is random enough for this.
    let mut seed = 0x5eed_u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let mut with_committed_work = 0;
    for round in 0..rounds {
        std::fs::remove_dir_all(&b.index).unwrap();
        let kind = ["after_temporary_write", "after_rename"][below(2) as usize];
        // The first file creates at most three pictures, and so does the last: the point is between them.
        let point = format!("{kind}:{}", 4 + below(written - 6));
        let killed = b.index_command().env("ALBUMEN_KILL_AT", &point).output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "round {round}: {point} was not reached");
        let recorded = b.recorded();
        assert!(recorded < total, "round {round}: {point} was after the last file");
        with_committed_work += u32::from(recorded > 0);
        let rest = b.run()["new"].as_u64().unwrap();
        assert_eq!(rest, total - recorded, "round {round}: {point}: work was repeated, or some was lost");
        assert_eq!(b.export(), whole, "round {round}: {point}");
    }
    eprintln!("{rounds} kills, {with_committed_work} of them after the first commit");
}

/// A run's recorded operations, cut after each one: all files that committed rows name were synced before.
#[test]
fn at_no_operation_does_a_row_come_before_its_picture() {
    let b = Bench::new(4);
    let log = b._dir.path().join("operations");
    assert!(b.index_command().env("ALBUMEN_OPERATIONS", &log).output().unwrap().status.success());
    let (mut in_place, mut durable) = (HashSet::new(), HashSet::new());
    let (mut begun, mut commits, mut unsynced) = (HashSet::new(), 0, 0);
    let operations = std::fs::read_to_string(&log).unwrap();
    for (n, line) in operations.lines().enumerate() {
        match line.split_once(' ').unwrap() {
            ("renamed", path) => drop(in_place.insert(path)),
            ("sync", "begins") => begun = in_place.clone(),
            ("sync", "ends") => durable = begun.clone(),
            ("commits", path) => {
                assert!(durable.contains(path), "operation {n}: {path} is named before it is durable");
                commits += 1;
            }
            other => panic!("{other:?}"),
        }
        unsynced = unsynced.max(in_place.len() - durable.len());
    }
    assert!(commits > 0 && unsynced > 0, "{commits} committed, {unsynced} unsynced at the most");
}

/// A power failure: of the data written to the store only the synced part exists, with the committed rows, or
/// without those that SQLite had not yet checkpointed.
#[test]
fn a_power_cut_leaves_no_row_without_its_picture() {
    let b = Bench::new(4);
    b.run();
    let whole = b.export();
    let log = b._dir.path().join("operations");
    let points =
        ["after_commit:1", "after_rename:40", "before_commit:2", "after_rename:60", "after_commit:2"];
    for (round, point) in points.into_iter().enumerate() {
        std::fs::remove_dir_all(&b.index).unwrap();
        let _ = std::fs::remove_file(&log);
        let mut run = b.index_command();
        run.env("ALBUMEN_OPERATIONS", &log).env("ALBUMEN_KILL_AT", point).output().unwrap();
        let durable = synced(&std::fs::read_to_string(&log).unwrap());
        let mut lost = 0;
        for (i, picture) in walk(&b.index.join("derived")).iter().enumerate() {
            if durable.contains(picture.strip_prefix(&b.index).unwrap()) {
                continue;
            }
            // A file system may have kept the name and lost the bytes, or lost both.
            match i % 2 {
                0 => std::fs::write(picture, b"").unwrap(),
                _ => std::fs::remove_file(picture).unwrap(),
            }
            lost += 1;
        }
        if round % 2 == 1 {
            let _ = std::fs::remove_file(b.index.join("index.sqlite-wal"));
            let _ = std::fs::remove_file(b.index.join("index.sqlite-shm"));
        }
        let mut named = 0;
        let rows = b.command(&["export"]).output().unwrap();
        for line in String::from_utf8_lossy(&rows.stdout).lines() {
            let item: Value = serde_json::from_str(line).unwrap();
            for picture in item["derivatives"].as_array().into_iter().flatten() {
                let path = b.index.join(picture["path"].as_str().unwrap());
                let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
                assert_eq!(Some(bytes), picture["bytes"].as_u64(), "{point}: {}", path.display());
                named += 1;
            }
        }
        eprintln!("{point}: {} synced, {lost} lost, {named} named by rows", durable.len());
        b.run();
        assert_eq!(b.export(), whole, "after a power cut at {point}");
    }
}

/// The pictures that were in place when the last finished sync began.
fn synced(operations: &str) -> HashSet<PathBuf> {
    let lines: Vec<&str> = operations.lines().collect();
    let Some(end) = lines.iter().rposition(|l| *l == "sync ends") else { return HashSet::new() };
    let begin = lines[..end].iter().rposition(|l| *l == "sync begins").expect("each sync begins");
    lines[..begin].iter().filter_map(|l| l.strip_prefix("renamed ").map(PathBuf::from)).collect()
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
fn control_c_stops_soon_and_keeps_what_is_finished() {
    let b = Bench::new(20);
    let child = b.index_command().stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(900));
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child.id() as i32).unwrap(),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let out = child.wait_with_output().unwrap();
    let stopped = summary(&out, 130);
    let done = stopped["new"].as_u64().unwrap();
    assert_eq!(b.recorded(), done, "what was finished is kept");
    let rest = b.run();
    assert_eq!(rest["new"].as_u64().unwrap() + done, 260);
}

#[test]
fn a_closed_terminal_stops_a_run_as_control_c_does() {
    let b = Bench::new(20);
    // A worker that sleeps over this file keeps the run from ending by itself.
    let asleep = b.library.join("asleep.jpg");
    std::fs::write(&asleep, b"ALBUMEN-FAULT:sleep\n").unwrap();
    let mut run = b.index_command();
    let child = run.env("ALBUMEN_FAULTS", "1").stdout(std::process::Stdio::piped()).spawn().unwrap();
    while b.recorded() == 0 {
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let stopped = summary(&child.wait_with_output().unwrap(), 129);
    let done = stopped["new"].as_u64().unwrap();
    assert_eq!(b.recorded(), done, "what was finished is kept");
    std::fs::remove_file(asleep).unwrap();
    assert_eq!(b.run()["new"].as_u64().unwrap() + done, 260);
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
fn a_volume_that_loses_too_much_is_offline_and_nothing_is_removed() {
    let b = Bench::new(5);
    b.run();
    for n in 0..5 {
        std::fs::remove_dir_all(b.library.join(format!("{n:03}/orientation"))).unwrap();
    }
    for n in 0..4 {
        std::fs::remove_dir_all(b.library.join(format!("{n:03}/kinds"))).unwrap();
    }
    let out = b.index_command().output().unwrap();
    let guarded = summary(&out, 4);
    assert_eq!((&guarded["removed"], &guarded["offline"]), (&0.into(), &60.into()));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--accept-removals"));
    let lines = b.export();
    assert_eq!(lines.lines().count(), 65);
    assert!(lines.lines().all(|l| l.contains("\"offline\":true")));

    let accepted = summary(&b.index_command().arg("--accept-removals").output().unwrap(), 0);
    assert_eq!(accepted["removed"], 60);
    let lines = b.export();
    assert_eq!(lines.lines().count(), 5);
    assert!(!lines.contains("\"offline\":true"));
}

#[test]
fn an_empty_or_missing_volume_is_not_a_deleted_one() {
    let b = Bench::new(1);
    b.run();
    let away = b.library.with_extension("away");
    std::fs::rename(&b.library, &away).unwrap();
    let out = b.index_command().output().unwrap();
    assert_eq!(out.status.code(), Some(3), "no volume can be reached");
    std::fs::create_dir(&b.library).unwrap();
    summary(&b.index_command().output().unwrap(), 4);
    assert_eq!(b.export().lines().count(), 13);
    std::fs::remove_dir(&b.library).unwrap();
    std::fs::rename(&away, &b.library).unwrap();
    let back = b.run();
    assert_eq!((&back["unchanged"], &back["new"], &back["removed"]), (&13.into(), &0.into(), &0.into()));
    assert!(!b.export().contains("\"offline\":true"));
}

#[test]
fn a_folder_that_only_another_disk_has_is_not_the_volumes() {
    let b = Bench::new(1);
    b.run();
    let test = "a_folder_that_only_another_disk_has_is_not_the_volumes";
    let Some(other) = Mounted::tmpfs_at(&b.library, test) else { return };
    let upload = b.library.join("upload");
    std::fs::create_dir(&upload).unwrap();
    std::fs::copy(Path::new(ROOT).join("testdata/kinds/grey.jpg"), upload.join("a.jpg")).unwrap();
    for accept in [&[][..], &["--accept-removals"]] {
        let out =
            b.command(&["index", "--no-recognise", "--json"]).args(accept).arg(&upload).output().unwrap();
        summary(&out, 4);
    }
    drop(other);
    let back = b.run();
    assert_eq!((&back["unchanged"], &back["found"]), (&13.into(), &13.into()));
    assert_eq!(b.export().lines().count(), 13, "nothing of the other disk is in the volume");
}

#[test]
fn a_path_on_an_inner_disk_that_is_away_is_away_with_it() {
    let b = Bench::new(1);
    let usb = b.library.join("usb");
    std::fs::create_dir(&usb).unwrap();
    let Some(disk) = Mounted::tmpfs_at(&usb, "a_path_on_an_inner_disk_that_is_away_is_away_with_it") else {
        return;
    };
    let picture = Path::new(ROOT).join("testdata/kinds/grey.jpg");
    for folder in ["2020", "2021"] {
        std::fs::create_dir(usb.join(folder)).unwrap();
        std::fs::copy(&picture, usb.join(folder).join("a.jpg")).unwrap();
    }
    b.run();
    assert_eq!(b.export().lines().count(), 15);
    drop(disk);
    for path in [usb.clone(), usb.join("2020"), usb.join("2021/a.jpg")] {
        let out = b.command(&["index", "--no-recognise", "--json"]).arg(&path).output().unwrap();
        let done = summary(&out, 0);
        assert_eq!(done["removed"], 0, "{}: {done}", path.display());
        assert_ne!(done["offline"], 0, "{}: {done}", path.display());
        assert!(String::from_utf8_lossy(&out.stderr).contains("the disk that was mounted there is not"));
    }
    assert_eq!(b.export().lines().count(), 15, "what is on the disk is only away");
}

#[test]
fn a_path_by_hand_that_is_not_there_is_gone_or_a_slip() {
    let b = Bench::new(5);
    b.run();
    let index = |path: &Path, more: &[&str], code: i32| {
        let mut c = b.command(&["index", "--no-recognise", "--json"]);
        summary(&c.args(more).arg(path).output().unwrap(), code)
    };
    let file = b.library.join("000/orientation/3.jpg");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(index(&file, &[], 0)["removed"], 1);
    let folder = b.library.join("000");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(index(&folder, &[], 0)["removed"], 12);
    assert_eq!(b.export().lines().count(), 52);

    index(&b.library.join("no such folder"), &[], 1);
    index(&file, &[], 1);
    let slip = b.library.with_extension("typo");
    let mut both = b.command(&["index", "--no-recognise", "--json"]);
    summary(&both.arg(&b.library).arg(&slip).output().unwrap(), 1);
    let status = b.command(&["status", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["volumes"].as_array().unwrap().len(), 1, "a slip is no volume");

    // More than the guard accepts at once.
    let shelf = b.library.join("shelf");
    std::fs::create_dir(&shelf).unwrap();
    for n in 1..5 {
        std::fs::rename(b.library.join(format!("{n:03}")), shelf.join(n.to_string())).unwrap();
    }
    assert_eq!(b.run()["moved"], 52);
    std::fs::remove_dir_all(&shelf).unwrap();
    assert_eq!(index(&shelf, &[], 4)["offline"], 52);
    assert_eq!(index(&shelf, &["--accept-removals"], 0)["removed"], 52);
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
fn a_file_that_comes_back_as_it_was_is_shown_again() {
    let b = Bench::new(1);
    b.run();
    let before = items(&b);
    // Into a wastebasket and out of it: the same file, with only the kernel's own time changed.
    let (file, away) = (b.library.join("000/kinds/grey.jpg"), b.library.with_file_name("trashed.jpg"));
    std::fs::rename(&file, &away).unwrap();
    assert_eq!(b.run()["removed"], 1);
    assert_eq!(items(&b).len(), 12);
    std::fs::rename(&away, &file).unwrap();
    b.run();
    assert_eq!(items(&b), before);
    assert!(b.command(&["verify"]).output().unwrap().status.success());
}

/// The paths and ids of all items.
fn items(b: &Bench) -> Vec<(String, i64)> {
    let out = b.command(&["search", "--json", "--limit", "1000"]).output().unwrap();
    let found: Value = serde_json::from_slice(&out.stdout).unwrap();
    let item = |i: &Value| (i["path"].as_str().unwrap().to_owned(), i["id"].as_i64().unwrap());
    let mut items: Vec<_> = found["items"].as_array().unwrap().iter().map(item).collect();
    items.sort();
    items
}

#[test]
fn a_volume_inside_another_has_its_files_to_itself() {
    let b = Bench::new(2);
    let index = |path: &Path| {
        summary(&b.command(&["index", "--no-recognise", "--json"]).arg(path).output().unwrap(), 0)
    };
    assert_eq!(index(&b.library.join("001"))["new"], 13);
    let inner = items(&b);
    // The whole library, of which a part is known already.
    let all = index(&b.library);
    assert_eq!((&all["new"], &all["unchanged"], &all["found"]), (&13.into(), &13.into(), &26.into()));
    let both = items(&b);
    assert_eq!(both.len(), 26);
    assert!(inner.iter().all(|item| both.contains(item)));
    // A config sets other boundaries: the items are the same.
    let config = b.library.with_extension("toml");
    let space = |name: &str, folder: &Path| format!("[[space]]\nname = '{name}'\nfolders = [{folder:?}]\n");
    let alice = b.library.join("000/orientation");
    std::fs::write(&config, space("family", &b.library) + &space("alice", &alice)).unwrap();
    let configured = || {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        summary(&c.arg(&config).output().unwrap(), 0)
    };
    let moved = configured();
    assert_eq!((&moved["new"], &moved["removed"], &moved["moved"]), (&0.into(), &0.into(), &8.into()));
    assert_eq!(items(&b), both);
    assert_eq!(configured()["unchanged"], 26);
    let of_alice = b.command(&["export", "--space", "alice"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(of_alice).unwrap().lines().count(), 8);
}

#[test]
fn a_renamed_volume_is_the_same_volume_and_one_that_is_gone_can_be_let_go() {
    let b = Bench::new(1);
    let homes = b.library.with_file_name("homes");
    let config = b.library.with_extension("toml");
    let homes_of = |name: &str| homes.join(name).join("Photos");
    std::fs::write(&config, format!("[[space]]\nname = '{{}}'\nfolders = [{:?}]\n", homes_of("*"))).unwrap();
    std::fs::create_dir_all(homes.join("bob")).unwrap();
    std::fs::rename(&b.library, homes_of("bob")).unwrap();
    std::fs::create_dir_all(homes_of("eve")).unwrap();
    std::fs::copy(homes_of("bob").join("000/kinds/grey.jpg"), homes_of("eve").join("a.jpg")).unwrap();
    let index = |more: &[&str], code: i32| {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        c.arg(&config).args(more).output().map(|out| summary(&out, code)).unwrap()
    };
    index(&[], 0);
    let ids = || -> HashSet<i64> { items(&b).into_iter().map(|(_, id)| id).collect() };
    let before = ids();
    std::fs::rename(homes.join("bob"), homes.join("robert")).unwrap();
    let renamed = index(&[], 0);
    assert_eq!((&renamed["new"], &renamed["unchanged"]), (&0.into(), &14.into()));
    assert_eq!(ids(), before);
    let of_robert = b.command(&["export", "--space", "robert"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(of_robert).unwrap().lines().count(), 13);

    // A user has left: the files are offline until their removal is confirmed.
    std::fs::remove_dir_all(homes.join("robert")).unwrap();
    index(&[], 0);
    assert_eq!(b.export().matches("\"offline\":true").count(), 13);
    let gone = homes_of("robert");
    assert_eq!(index(&["--accept-removals", gone.to_str().unwrap()], 0)["removed"], 13);
    assert_eq!(b.export().lines().count(), 1);
}

#[test]
fn spaces_follow_the_config() {
    let b = Bench::new(2);
    b.run();
    let config = b.library.with_extension("toml");
    // The existing spaces, and those of the items.
    let run = |space: &str, folders: &[&Path]| -> (Vec<String>, Vec<String>) {
        std::fs::write(&config, format!("[[space]]\nname = {space:?}\nfolders = {folders:?}\n")).unwrap();
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        assert_eq!(summary(&c.arg(&config).output().unwrap(), 0)["new"], 0);
        let index = Database::open(&b.index);
        (index.spaces(), index.spaces_of_items())
    };
    let only = |space: &str| (vec![space.to_owned()], vec![space.to_owned()]);
    // Items indexed without a name get one; the name changes.
    assert_eq!(run("anna", &[&b.library]), only("anna"));
    assert_eq!(run("berta", &[&b.library]), only("berta"));
    // A part of a volume becomes another's: the config still names the first.
    let text = |space: &str, folder: &Path| format!("[[space]]\nname = {space:?}\nfolders = [{folder:?}]\n");
    let part = b.library.join("001");
    std::fs::write(&config, text("berta", &b.library) + &text("carla", &part)).unwrap();
    let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
    assert_eq!(summary(&c.arg(&config).output().unwrap(), 0)["moved"], 13);
    // All of it is one space again, which existed before.
    assert_eq!(run("carla", &[&b.library, &part]), only("carla"));
}

#[test]
fn a_volume_that_is_configured_through_a_link_is_found_by_its_real_path_too() {
    let b = Bench::new(1);
    let link = b.library.with_file_name("link");
    std::os::unix::fs::symlink(&b.library, &link).unwrap();
    let config = b.library.with_extension("toml");
    std::fs::write(&config, format!("[[space]]\nname = 'family'\nfolders = [{link:?}]\n")).unwrap();
    let index = |more: &[&Path]| {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        summary(&c.arg(&config).args(more).output().unwrap(), 0)
    };
    assert_eq!(index(&[])["new"], 13);
    for path in [link.join("000/kinds"), b.library.join("000/kinds"), link.clone(), b.library.clone()] {
        assert_eq!(index(&[&path])["new"], 0, "{path:?}");
    }
    for file in [link.join("000/kinds/grey.jpg"), b.library.join("000/kinds/grey.jpg")] {
        assert!(b.command(&["show"]).arg(&file).output().unwrap().status.success(), "{file:?}");
    }
}

#[test]
fn a_moved_folder_keeps_its_items() {
    let b = Bench::new(2);
    b.run();
    let id = |name: &str| -> Value {
        let mut c = b.command(&["show", "--json"]);
        let out = c.arg(b.library.join(name)).output().unwrap();
        assert!(out.status.success(), "{name} is not there");
        serde_json::from_slice::<Value>(&out.stdout).unwrap()["id"].clone()
    };
    let was = id("001/orientation/3.jpg");
    std::fs::rename(b.library.join("001"), b.library.join("2023 Greece")).unwrap();
    let moved = b.run();
    assert_eq!((&moved["moved"], &moved["new"], &moved["removed"]), (&13.into(), &0.into(), &0.into()));
    assert_eq!(id("2023 Greece/orientation/3.jpg"), was);
}

#[test]
fn of_a_move_the_new_end_alone_tells() {
    let b = Bench::new(2);
    b.run();
    let before: HashSet<i64> = items(&b).into_iter().map(|(_, id)| id).collect();
    let new_end = b.library.join("000/from 001");
    std::fs::rename(b.library.join("001/orientation"), &new_end).unwrap();
    let index = |path: &Path| {
        summary(&b.command(&["index", "--no-recognise", "--json"]).arg(path).output().unwrap(), 0)
    };
    let moved = index(&new_end);
    assert_eq!((&moved["moved"], &moved["new"]), (&8.into(), &0.into()));
    assert_eq!(items(&b).into_iter().map(|(_, id)| id).collect::<HashSet<_>>(), before);
    let all = b.run();
    assert_eq!((&all["unchanged"], &all["removed"]), (&26.into(), &0.into()));
    // A copy is an item of its own, and so is one of a file on a removed disk.
    std::fs::copy(new_end.join("3.jpg"), b.library.join("000/copy.jpg")).unwrap();
    assert_eq!(index(&b.library.join("000/copy.jpg"))["new"], 1);
}

#[test]
fn copies_share_their_pictures_until_the_last_is_gone() {
    let b = Bench::new(1);
    let photo = b.library.join("000/kinds/plain.jpg");
    let copy = b.library.join("copy.jpg");
    std::fs::copy(&photo, &copy).unwrap();
    std::fs::write(b.index.with_extension("toml"), "grace = \"0s\"\n").unwrap();
    let run = || {
        let mut c = b.index_command();
        c.arg("--config").arg(b.index.with_extension("toml"));
        summary(&c.output().unwrap(), 0)
    };
    run();
    let stored = || walk(&b.index.join("derived")).len();
    let with_both = stored();
    std::fs::remove_file(&copy).unwrap();
    run();
    std::thread::sleep(Duration::from_millis(1100));
    run();
    assert_eq!(stored(), with_both, "the other copy still needs them");
    let twin = b.library.join("000/kinds/copy of plain.jpg");
    std::fs::remove_file(&photo).unwrap();
    std::fs::remove_file(&twin).unwrap();
    run();
    std::thread::sleep(Duration::from_millis(1100));
    run();
    assert!(stored() < with_both, "nobody needs them any more");
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for e in std::fs::read_dir(dir).unwrap() {
        let path = e.unwrap().path();
        if path.is_dir() { out.extend(walk(&path)) } else { out.push(path) }
    }
    out
}

#[test]
fn the_memory_bound_holds_over_all_processes() {
    let b = Bench::new(2);
    let out = b.index_command().args(["--memory", "64M"]).output().unwrap();
    let s = summary(&out, 0);
    let peak = s["peak_pss_bytes"].as_u64().unwrap();
    assert!(peak > 0 && peak <= (64 << 20) * 11 / 10, "peak {peak}");
    let refused = b.index_command().args(["--memory", "32M"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// A JPEG of a scene with some detail, enlarged to this size.
fn large_jpeg(width: usize, height: usize, progressive: bool) -> Vec<u8> {
    use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
    let row: Vec<u8> = (0..width * 3).map(|i| (i / 7 % 251) as u8).collect();
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        pixels.extend_from_slice(&row);
        let start = pixels.len() - row.len();
        pixels[start..].iter_mut().step_by(1 + y % 97).for_each(|v| *v = v.wrapping_add(y as u8));
    }
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
    compressor.set_quality(50).unwrap();
    compressor.set_progressive(progressive).unwrap();
    let format = PixelFormat::RGB;
    compressor
        .compress_to_vec(Image { pixels: &pixels[..], width, pitch: width * 3, height, format })
        .unwrap()
}

#[test]
fn a_hundred_megapixels_are_finished_at_64_megabytes_and_progressive_ones_refused_with_the_figure() {
    let b = Bench::new(0);
    std::fs::create_dir_all(&b.library).unwrap();
    // As from a camera's back, and as a panorama.
    std::fs::write(b.library.join("back.jpg"), large_jpeg(11_600, 8_700, false)).unwrap();
    std::fs::write(b.library.join("panorama.jpg"), large_jpeg(20_000, 5_000, false)).unwrap();
    std::fs::write(b.library.join("progressive.jpg"), large_jpeg(8_000, 5_000, true)).unwrap();
    let out = b.index_command().args(["--memory", "64M"]).output().unwrap();
    let s = summary(&out, 1);
    assert_eq!((&s["found"], &s["failed"]), (&3.into(), &1.into()), "{}", b.failures());
    let peak = s["peak_pss_bytes"].as_u64().unwrap();
    eprintln!("peak {} MB", peak / 1_000_000);
    assert!(peak <= (64 << 20) * 11 / 10, "peak {peak}");
    let failures = b.failures();
    assert!(failures.contains("progressive.jpg"), "{failures}");
    // 40 million pixels of 4:2:0 are 60 million coefficients of two bytes.
    let needs = failures.split("needs ").nth(1).and_then(|n| n.split(' ').next()?.parse::<u64>().ok());
    assert!(needs.is_some_and(|mb| (120..200).contains(&mb)), "{failures}");
}

#[test]
#[ignore = "soak: the whole corpus at --memory 200M, a minute"]
fn soak_the_corpus_stays_below_200_megabytes() {
    let Some(corpus) = super::support::corpus("soak_the_corpus_stays_below_200_megabytes") else { return };
    let b = Bench::new(0);
    let mut run = b.command(&["index", "--no-recognise", "--json", "--memory", "200M"]);
    let s = summary(&run.arg(corpus).output().unwrap(), 1);
    eprintln!("{} files, peak {} bytes", s["found"], s["peak_pss_bytes"]);
    assert!(s["peak_pss_bytes"].as_u64().unwrap() < 200_000_000);
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

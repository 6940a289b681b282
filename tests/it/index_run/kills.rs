//! Kills, signals and power cuts: nothing is lost, and no committed work is repeated.

use super::moves::walk;
use super::{Bench, summary};
use serde_json::Value;
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

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
fn control_c_stops_soon_and_keeps_what_is_finished() {
    stops_at(rustix::process::Signal::INT, 130);
}

#[test]
fn a_closed_terminal_stops_a_run_as_control_c_does() {
    stops_at(rustix::process::Signal::HUP, 129);
}

/// The signal ends a run with this exit code and keeps what is recorded.
fn stops_at(signal: rustix::process::Signal, code: i32) {
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
    rustix::process::kill_process(pid, signal).unwrap();
    let stopped = summary(&child.wait_with_output().unwrap(), code);
    let done = stopped["new"].as_u64().unwrap();
    assert_eq!(b.recorded(), done, "what was finished is kept");
    std::fs::remove_file(asleep).unwrap();
    assert_eq!(b.run()["new"].as_u64().unwrap() + done, 260);
}

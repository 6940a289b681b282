//! The service's promises under load and failures, on the real program: a backlog, kills, a volume that
//! disappears and returns, renames, a full disk, a clock that is set back, rest, an unprivileged user.
//!
//! The short forms run in `make test`. Those that begin with soak_ (`make soak`) have the figures of the
//! promises: 20,000 files in the backlog, 10,000 renames, ALBUMEN_SOAK_SECONDS of kills and of rest.

use super::fixture::Fixture;
use crate::decode_heif::made_200_megapixels;
use crate::support::{self, Mounted};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// The duration of a soak without an end of its own.
pub(super) fn soak_seconds() -> u64 {
    std::env::var("ALBUMEN_SOAK_SECONDS")
        .map_or(600, |s| s.parse().expect("ALBUMEN_SOAK_SECONDS is a number"))
}

/// The same random numbers every time, unless ALBUMEN_SEED is set.
struct Dice(u64);

impl Dice {
    fn new() -> Dice {
        Dice(std::env::var("ALBUMEN_SEED").map_or(0xa1b0, |s| s.parse().expect("ALBUMEN_SEED is a number")))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

impl Fixture {
    fn pending(&self) -> i64 {
        self.database().pending()
    }

    /// The modification times of all derivatives in the index: a repeated one has another time.
    fn written(&self) -> BTreeMap<String, SystemTime> {
        let time = |p: String| {
            let written = std::fs::metadata(self.path("index").join(&p)).unwrap().modified().unwrap();
            (p, written)
        };
        self.database().derivative_paths().into_iter().map(time).collect()
    }

    fn patiently(&self, what: &str, is: impl FnMut(&Fixture) -> bool) {
        let is_soak = std::env::var_os("ALBUMEN_SOAK_SECONDS").is_some();
        self.within(Duration::from_secs(if is_soak { 3600 } else { 180 }), what, is);
    }
}

#[test]
fn an_upload_overtakes_a_backlog() {
    overtake(300);
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_an_upload_overtakes_20_000_files() {
    // Generous: other people use the machine, too.
    assert!(overtake(20_000) < Duration::from_secs(10));
}

fn overtake(backlog: usize) -> Duration {
    let mut h = Fixture::new();
    h.photos("anna/old", backlog);
    h.start();
    h.patiently("the backlog is queued", |h| h.pending() > 0);
    let mut slowest = Duration::ZERO;
    for n in 0..5 {
        let photo = h.photo(&format!("berta/{n}.jpg"));
        let began = Instant::now();
        let (_, taken) = h.post("/v1/index", &json!({ "paths": [photo] }));
        let job = format!("/v1/jobs/{}", taken["job"]);
        h.patiently("the upload can be seen", |h| h.get(&job).1["state"] != "queued");
        slowest = slowest.max(began.elapsed());
        assert!(h.pending() > 0, "the backlog was done before upload {n}: it proves nothing");
        h.patiently("the upload is done", |h| h.get(&job).1["state"] == "done");
    }
    println!("soak: the slowest of 5 uploads into a backlog of {backlog}: {:.2} s", slowest.as_secs_f64());
    slowest
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_an_upload_overtakes_the_slowest_files() {
    let Some(corpus) = support::corpus("soak_an_upload_overtakes_the_slowest_files") else { return };
    let slowest = made_200_megapixels(&corpus);
    let mut h = Fixture::new();
    std::fs::create_dir(h.path("anna/slow")).unwrap();
    // A `free` box with the path makes the content of each file unique.
    let h_dir = h.dir.path().to_owned();
    let put = |to: &str, heif: &[u8]| {
        let to = h_dir.join(to);
        let name = to.to_string_lossy();
        let length = (name.len() as u32 + 8).to_be_bytes();
        std::fs::write(&to, [heif, &length, b"free", name.as_bytes()].concat()).unwrap();
        to
    };
    (0..60).for_each(|n| drop(put(&format!("anna/slow/{n:02}.heic"), &slowest)));
    let heic =
        std::fs::read(corpus.join("heic/bigcat88+pillow_heif/tests/images/heif_other/pug.heic")).unwrap();
    let jpeg =
        "hdr-gainmap/MishaalRahmanGH+Ultra_HDR_Samples/SDR Emulation/Ultra_HDR_Samples_Emulated_07_base.jpg";
    let jpeg = std::fs::read(corpus.join(jpeg)).unwrap();
    h.start();
    for (kind, n) in [("heic", 0), ("jpg", 1), ("heic", 2), ("jpg", 3), ("heic", 4), ("jpg", 5)] {
        h.patiently("the workers are busy", |h| {
            h.get("/v1/status").1["slowest_now"]["seconds"].as_f64() > Some(0.3)
        });
        let upload = match kind {
            "heic" => put(&format!("berta/{n}.heic"), &heic),
            _ => {
                let to = h.path(&format!("berta/{n}.jpg"));
                std::fs::write(&to, [&jpeg[..], &[n]].concat()).unwrap();
                to
            }
        };
        let began = Instant::now();
        let (_, taken) = h.post("/v1/index", &json!({ "paths": [upload] }));
        let job = format!("/v1/jobs/{}", taken["job"]);
        h.patiently("the upload can be seen", |h| h.get(&job).1["state"] != "queued");
        let took = began.elapsed();
        println!(
            "soak: a {kind} of 12 megapixels beside files of 200 megapixels: {:.2} s",
            took.as_secs_f64()
        );
        // Generous: other people use the machine, too.
        assert!(took < Duration::from_secs(10));
        assert!(h.pending() > 0, "the slow files were done: it proves nothing");
    }
    assert_eq!(h.database().failed_stages(), 0);
}

#[test]
fn kills_of_service_and_workers_lose_nothing_and_repeat_nothing() {
    kill_for(6, 100);
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_kills_of_service_and_workers() {
    kill_for(soak_seconds(), 100 + 20 * soak_seconds() as usize);
}

fn kill_for(seconds: u64, backlog: usize) {
    let (mut h, mut dice) = (Fixture::new(), Dice::new());
    h.photos("anna/old", backlog);
    h.start();
    let (began, mut uploads, mut kills) = (Instant::now(), 0, (0, 0));
    let mut written = BTreeMap::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(50 + dice.below(400)));
        let photo = h.photo(&format!("berta/{uploads:05}.jpg"));
        if h.post("/v1/index", &json!({ "paths": [photo] })).0 == 202 {
            uploads += 1;
        }
        match (dice.below(4), h.children().first()) {
            (0, _) => {
                written.extend(h.written());
                h.kill();
                h.start();
                kills.0 += 1;
            }
            (1 | 2, Some(worker)) => {
                // It may have ended by itself meanwhile.
                let _ = kill_process(Pid::from_raw(*worker as i32).unwrap(), Signal::KILL);
                kills.1 += 1;
            }
            _ => {}
        }
    }
    println!("soak: {} kills of the service, {} of workers, {uploads} uploads", kills.0, kills.1);
    h.patiently("everything is done", |h| h.pending() == 0 && h.database().open_jobs() == 0);
    // A file whose worker was killed is a crash of that file, and tried again in an hour: neither lost nor done.
    assert!(h.database().crashed_files() <= kills.1);
    let there: Vec<String> = h.names().into_iter().collect();
    for n in 0..uploads {
        assert!(there.contains(&format!("{n:05}.jpg")), "an answered request was lost: {n}");
    }
    let files = h.database().present_files();
    let paths = walk(&h.path("anna")) + walk(&h.path("berta"));
    assert_eq!(files, paths, "each file once");
    let now = h.written();
    for (path, when) in written {
        assert_eq!(now.get(&path), Some(&when), "{path} was recorded before a kill, and made again");
    }
}

/// Files below a folder.
fn walk(dir: &Path) -> i64 {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|e| if e.file_type().unwrap().is_dir() { walk(&e.path()) } else { 1 }).sum()
}

#[test]
fn a_volume_that_goes_and_comes_back_loses_nothing() {
    let mut h = Fixture::new();
    h.photos("disk", 3);
    let test = "a volume that goes and comes back";
    let Some(disk) = Mounted::bind(&h.path("disk"), &h.path("anna"), test) else { return };
    h.start();
    h.until("all is indexed", |h| h.names().len() == 3);
    let (before, written) = (h.get("/v1/items").1, h.written());
    drop(disk);
    let walk = |h: &Fixture| {
        let (_, job) = h.post("/v1/index", &json!({ "paths": [h.path("anna")] }));
        let job = format!("/v1/jobs/{}", job["job"]);
        h.until("the walk is over", |h| h.get(&job).1["state"] == "done");
    };
    walk(&h);
    assert_eq!(h.database().offline_volumes(), 1);
    assert_eq!(h.database().vanished_files(), 0, "nothing counts as deleted");
    let Some(_disk) = Mounted::bind(&h.path("disk"), &h.path("anna"), test) else { return };
    walk(&h);
    assert_eq!(h.database().offline_volumes(), 0);
    let ids = |page: &serde_json::Value| -> Vec<(i64, String)> {
        let item =
            |i: &serde_json::Value| (i["id"].as_i64().unwrap(), i["name"].as_str().unwrap().to_owned());
        page["items"].as_array().unwrap().iter().map(item).collect()
    };
    assert_eq!(ids(&h.get("/v1/items").1), ids(&before));
    assert_eq!(h.written(), written, "nothing was made again");
}

#[test]
fn renames_and_moves_of_folders_keep_every_item() {
    rename(40, 300);
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_10_000_renames_and_moves() {
    rename(500, 10_000);
}

fn rename(files: usize, renames: usize) {
    let (mut h, mut dice) = (Fixture::new(), Dice::new());
    h.photos("anna/a", files);
    h.start();
    h.patiently("all is indexed", |h| h.names().len() == files);
    let by_content = |h: &Fixture| -> BTreeMap<String, i64> {
        h.database().contents().into_iter().map(|content| (content.hash, content.file)).collect()
    };
    let (before, written) = (by_content(&h), h.written());
    let mut names: Vec<String> = (0..files).map(|n| format!("{n:05}.jpg")).collect();
    let mut folder = "anna/a".to_owned();
    for n in 0..renames {
        if dice.below(20) == 0 {
            let to = format!("anna/{}", ["a", "b", "c"][dice.below(3) as usize]);
            if !h.path(&to).exists() {
                std::fs::rename(h.path(&folder), h.path(&to)).unwrap();
                folder = to;
            }
        } else {
            let which = dice.below(files as u64) as usize;
            let to = format!("{n:05}-{which}.jpg");
            let at = |name: &str| h.path(&folder).join(name);
            std::fs::rename(at(&names[which]), at(&to)).unwrap();
            names[which] = to;
        }
        std::thread::sleep(Duration::from_millis(dice.below(10)));
    }
    names.sort();
    h.patiently("the index agrees with the disk", |h| {
        let mut there = h.names();
        there.sort();
        there == names
    });
    assert_eq!(by_content(&h), before, "each is the item that it was");
    assert_eq!(h.written(), written, "nothing was made again");
}

#[test]
fn on_a_full_disk_the_service_waits_and_room_lets_it_go_on() {
    let mut h = Fixture::new();
    std::fs::create_dir(h.path("index")).unwrap();
    let Some(_small) = Mounted::tmpfs_at(&h.path("index"), "a full disk") else { return };
    h.photos("anna/old", 120);
    let fill = |h: &Fixture, left_over: u64| {
        let left = rustix::fs::statvfs(h.path("index")).unwrap();
        let ballast = left.f_bavail * left.f_frsize - left_over;
        std::fs::write(h.path("index/ballast"), vec![0; ballast as usize]).unwrap();
    };
    let is_full =
        |h: &Fixture| h.get("/v1/status").1["disk_full"].as_str().is_some_and(|s| s.contains("full"));
    // The space for a new index is left, and little more.
    fill(&h, 2 << 20);
    h.start();
    h.patiently("the disk is full", is_full);
    // It answers, and reports the full disk to every client.
    assert_eq!(h.ask("GET", "/healthz", None, None).text, "disk full\n");
    assert!(h.ask("GET", "/metrics", None, None).text.contains("albumen_disk_full 1\n"));
    let status = |h: &Fixture, json: &[&str]| h.command("status").args(json).output().unwrap().stdout;
    assert!(String::from_utf8(status(&h, &[])).unwrap().contains("the disk with the index is full"));
    assert!(String::from_utf8(status(&h, &["--json"])).unwrap().contains("\"disk_full\":\"the disk"));
    // It accepts nothing that it could not store.
    let upload = h.photo("berta/upload.jpg");
    let refused = h.ask("POST", "/v1/index", None, Some(&json!({ "paths": [upload] }).to_string()));
    assert_eq!(refused.status, 507, "{}", refused.text);
    assert!(refused.head.contains("retry-after: 60"), "{}", refused.head);
    assert!(refused.json()["error"].as_str().unwrap().contains("full"), "{}", refused.text);
    assert_eq!(h.post("/v1/reindex", &json!({ "stages": ["render"] })).0, 507);
    let out = h.command("submit").arg(&upload).output().unwrap();
    assert_eq!(out.status.code(), Some(4), "{out:?}");
    // It stops on request, and soon.
    let begun = Instant::now();
    h.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    std::fs::remove_file(h.path("index/ballast")).unwrap();
    fill(&h, 1 << 20);
    h.start();
    h.patiently("the disk is full again", is_full);
    let (names, written) = (h.names(), h.written());
    h.photo("anna/noticed.jpg");
    // Its folder is stable, and is scanned when there is disk space.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(h.names(), names);
    std::fs::remove_file(h.path("index/ballast")).unwrap();
    h.patiently("all is indexed", |h| h.names().len() == 122 && h.pending() == 0);
    let now = h.written();
    assert!(written.iter().all(|(path, when)| now.get(path) == Some(when)), "nothing was made again");
    assert_eq!(h.database().failed_stages(), 0, "no file is to blame");
    assert_eq!(h.get("/v1/status").1["disk_full"], serde_json::Value::Null);
    assert_eq!(h.ask("GET", "/healthz", None, None).text, "ok\n");
    h.upload(&h.photo("berta/after.jpg"));
    assert!(!h.log().contains("a walk failed"), "{}", h.log());
    h.stop();
}

/// SQLite cannot open an index that was closed without creating a file, and reports a disk error.
#[test]
fn where_there_is_no_room_to_begin_that_is_said() {
    let h = Fixture::new();
    std::fs::create_dir(h.path("index")).unwrap();
    let Some(_small) = Mounted::tmpfs_at(&h.path("index"), "a disk without any room") else { return };
    h.photo("anna/old.jpg");
    assert!(h.command("index").output().unwrap().status.success());
    let _ = std::fs::write(h.path("index/ballast"), vec![0; 64 << 20]);
    for command in ["service", "status"] {
        let out = h.command(command).output().unwrap();
        assert_eq!(out.status.code(), Some(3), "{command}: {out:?}");
        assert!(String::from_utf8_lossy(&out.stderr).contains("full"), "{out:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_harms_nothing() {
    let mut h = Fixture::new();
    h.start();
    h.upload(&h.photo("anna/before.jpg"));
    let written = h.written();
    h.stop();
    let mut command = h.command("service");
    // Ten years back, like a machine with an empty clock battery.
    command.env("ALBUMEN_FAULTS", "1").env("ALBUMEN_CLOCK", "-315360000");
    h.start_as(command);
    h.upload(&h.photo("anna/after.jpg"));
    assert_eq!(h.database().jobs_before(1_500_000_000), 1, "the clock was set back");
    let now = h.written();
    assert!(written.iter().all(|(path, when)| now.get(path) == Some(when)), "nothing was made again");
    h.stop();
    h.start();
    h.upload(&h.photo("anna/at last.jpg"));
    assert_eq!(h.names().len(), 3);
}

#[test]
fn with_nothing_to_do_no_disk_is_touched_and_nothing_wakes_up() {
    rest_for(60);
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_with_nothing_to_do() {
    rest_for(soak_seconds());
}

fn rest_for(seconds: u64) {
    let mut h = Fixture::with("idle = \"1s\"\n");
    h.photos("anna/old", 5);
    h.start();
    h.until("all is indexed", |h| h.names().len() == 5);
    // The counts are updated up to ten seconds after the last change.
    std::thread::sleep(Duration::from_secs(13));
    let io = |h: &Fixture| -> Vec<String> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", h.pid())).unwrap();
        io.lines().filter(|l| l.contains("_bytes")).map(str::to_owned).collect()
    };
    let files = |h: &Fixture| -> Vec<(String, i64, i64, u64)> {
        let entries = std::fs::read_dir(h.path("index")).unwrap().flatten();
        // Folders are left out: any listing, such as a search over the whole machine, changes their times.
        let entries = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_file()));
        let mut all: Vec<_> = entries
            .map(|e| {
                let m = e.metadata().unwrap();
                (e.file_name().to_string_lossy().into_owned(), m.mtime_nsec(), m.atime_nsec(), m.size())
            })
            .collect();
        all.sort();
        all
    };
    // The number of waits of each thread: each one follows a wake-up.
    let waits = |h: &Fixture| -> BTreeMap<String, u64> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", h.pid())).unwrap().flatten();
        let of_thread = |dir: PathBuf| -> Option<(String, u64)> {
            let (name, id) = (std::fs::read_to_string(dir.join("comm")).ok()?, dir.file_name()?.to_owned());
            let status = std::fs::read_to_string(dir.join("status")).ok()?;
            let waits = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))?;
            Some((format!("{} {}", name.trim(), id.display()), waits.trim().parse().ok()?))
        };
        threads.filter_map(|t| of_thread(t.path())).collect()
    };
    let (before, waited) = ((io(&h), files(&h)), waits(&h));
    std::thread::sleep(Duration::from_secs(seconds));
    let now = waits(&h);
    assert_eq!((io(&h), files(&h)), before, "bytes read and written, and the times of the index's files");
    let woken: BTreeMap<&String, u64> = now
        .iter()
        .map(|(thread, waits)| (thread, waits - waited.get(thread).unwrap_or(&0)))
        .filter(|(_, woken)| *woken > 0)
        .collect();
    assert!(woken.values().sum::<u64>() <= seconds / 10, "more than a wake-up in ten seconds: {woken:?}");
    assert!(h.children().is_empty(), "nor is there a worker left");
}

#[test]
fn private_means_private() {
    let mut h = Fixture::new();
    h.start();
    h.upload(&h.photo("anna/1.jpg"));
    let mode = |p: &str| std::fs::metadata(h.path(p)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("index"), mode("index/index.sqlite"), mode("socket")), (0o750, 0o640, 0o660));
    assert_eq!((mode("index/index.sqlite-wal"), mode("index/index.lock")), (0o640, 0o640));
    let mut looked_at = 0;
    let mut folders = vec![h.path("index/derived")];
    while let Some(folder) = folders.pop() {
        assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o007, 0, "{folder:?}");
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path())
            } else {
                assert_eq!(entry.metadata().unwrap().mode() & 0o137, 0, "{:?}", entry.path());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 0);
}

#[test]
fn one_capability_is_enough_to_read_what_others_may_not() {
    const NOBODY: u32 = 65534;
    let is_root = rustix::process::getuid().is_root();
    let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok_and(|o| o.status.success());
    if !is_root || !has_setpriv {
        return crate::support::machine_lacks("a service of an ordinary user", "it needs root and setpriv");
    }
    let mut h = Fixture::new();
    let photo = h.photo("anna/secret.jpg");
    for (path, mode) in [(photo, 0o600), (h.path("anna"), 0o700)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::chown(h.dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let service = h.command("service");
    let mut command = Command::new("setpriv");
    let only = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"];
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]).args(only);
    command
        .arg("--bounding-set=-all,+dac_read_search")
        .arg("--")
        .arg(service.get_program())
        .args(service.get_args());
    h.start_as(command);
    h.until("the photo is indexed", |h| h.names() == ["secret.jpg"]);
    assert_eq!(std::fs::metadata(h.path("index/index.sqlite")).unwrap().uid(), NOBODY);
    // And the volume is as it was.
    assert_eq!(walk(&h.path("anna")), 1);
}

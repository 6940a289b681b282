//! Limits: the priority of background work, precedence, windows, pauses, idle processes, reloading.

use super::fixture::{ALL, Fixture};
use crate::support::machine_lacks;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The kernel's number of SCHED_IDLE.
const SCHED_IDLE: &str = "5";

impl Fixture {
    /// Starts the service so that files may command faults of its workers (see `albumen_isolation`).
    fn start_with_faults(&mut self) {
        let mut command = self.command("service");
        command.env("ALBUMEN_FAULTS", "1");
        self.start_as(command);
    }

    /// A file that keeps its worker busy until the deadline.
    fn slow(&self, to: &str, command: &str) -> PathBuf {
        let to = self.path(to);
        std::fs::write(&to, format!("ALBUMEN-FAULT:{command}\n{}", to.display())).unwrap();
        to
    }

    /// The processes that the service has started.
    pub(super) fn children(&self) -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let children =
            tasks.flatten().map(|t| std::fs::read_to_string(t.path().join("children")).unwrap_or_default());
        children.flat_map(|c| c.split(' ').filter_map(|n| n.parse().ok()).collect::<Vec<u32>>()).collect()
    }
}

/// Nice value and scheduling policy of a process, as reported by the kernel (fields 19 and 41 of stat).
fn schedule(pid: u32) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let field = |n: usize| fields.split(' ').nth(n - 3).map(str::to_owned);
    Some((field(19)?, field(41)?))
}

#[test]
fn background_work_is_put_low_and_uploads_are_not() {
    // The priority of a process cannot be higher than at its start.
    let own = schedule(std::process::id()).unwrap();
    if own != ("0".to_owned(), "0".to_owned()) {
        let why = format!("the tests were started with nice value {} and scheduling policy {}", own.0, own.1);
        return machine_lacks("background_work_is_put_low_and_uploads_are_not", &why);
    }
    let mut h = Fixture::with("[service.background]\nnice = 12\nidle_class = true\n");
    h.configure("jobs = 1");
    h.slow("anna/slow.jpg", "loop");
    h.start_with_faults();
    let low = |pid: &u32| schedule(*pid).is_some_and(|(nice, policy)| nice == "12" && policy == SCHED_IDLE);
    h.until("the background worker is low", |h| h.children().iter().any(low));
    let worker = *h.children().iter().find(|p| low(p)).unwrap();
    if let Ok(out) = Command::new("ionice").arg("-p").arg(worker.to_string()).output() {
        assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "idle");
    }
    // An upload gets a worker of its own, with the service's priority.
    let urgent = h.slow("anna/urgent.jpg", "sleep");
    assert_eq!(h.post("/v1/index", &json!({ "paths": [urgent] })).0, 202);
    let own = schedule(h.pid()).unwrap();
    h.until("the upload's worker is not low", |h| {
        h.children().iter().any(|p| schedule(*p) == Some(own.clone()))
    });
}

#[test]
fn an_upload_takes_the_place_of_background_work_and_no_attempt_is_counted() {
    let mut h = Fixture::new();
    h.configure("jobs = 2");
    for n in 0..4 {
        h.slow(&format!("anna/{n}.jpg"), "loop");
    }
    h.start_with_faults();
    h.until("all workers are busy", |h| h.children().len() == 2);
    let began = Instant::now();
    h.upload(&h.photo("berta/new.jpg"));
    eprintln!("an upload while all workers were busy: {:.2} s", began.elapsed().as_secs_f64());
    assert_eq!(h.database().failed_stages(), 0, "no attempt is counted");
    assert_eq!(h.database().pending_in_background(), 4, "what was stopped is in the queue");
}

#[test]
fn idle_workers_end() {
    let mut h = Fixture::with("idle = \"1s\"\n");
    h.start();
    h.upload(&h.photo("anna/one.jpg"));
    h.until("no process is left", |h| h.children().is_empty());
    h.upload(&h.photo("anna/two.jpg"));
}

#[test]
fn outside_its_windows_background_work_rests_until_a_reload_says_otherwise() {
    // Every minute of the day.
    let never = "[[service.window]]\nfrom = \"00:00\"\nto = \"12:00\"\ncpu = \"0%\"\n\
                 [[service.window]]\nfrom = \"12:00\"\nto = \"00:00\"\ncpu = \"0%\"\n";
    let mut h = Fixture::with(never);
    h.photo("anna/old.jpg");
    h.start();
    assert_eq!(h.get("/v1/status").1["held_back"], "outside its time windows");
    h.upload(&h.photo("anna/upload.jpg"));
    h.photo("berta/noticed.jpg");
    h.until("the change is noticed, and waits", |h| h.database().is_pending("noticed.jpg"));
    assert_eq!(h.names(), ["upload.jpg"]);
    h.more = String::new();
    h.configure("");
    assert_eq!(h.post("/v1/reload", &json!({})).1["changed"], json!(["service.window"]));
    h.until("what waited is done, and what was not walked is walked", |h| h.names().len() == 3);
}

#[test]
fn a_reload_watches_new_folders_and_reads_tokens_again() {
    let mut h = Fixture::new();
    h.start();
    std::fs::create_dir(h.path("clara")).unwrap();
    let secret = "a third token, in a file";
    std::fs::write(h.path("secret"), secret).unwrap();
    assert_eq!(h.tcp("GET", "/healthz", secret).0, 401);
    h.more = format!(
        "[[service.token]]\nname = \"clara\"\nfile = \"{}\"\nspaces = [\"clara\"]\n\
         [[space]]\nname = \"clara\"\nfolders = [\"{}\"]\n",
        h.path("secret").display(),
        h.path("clara").display()
    );
    h.configure("");
    h.signal(rustix::process::Signal::HUP);
    h.until("the new token is known", |h| h.tcp("GET", "/healthz", secret).0 == 200);
    // The walk of the new space is over before the file arrives: it is detected.
    h.until("all is walked", |h| h.get("/v1/status").1["idle"] == true);
    std::thread::sleep(Duration::from_millis(1500));
    h.photo("clara/hers.jpg");
    h.until("a file in the new space", |h| h.names() == ["hers.jpg"]);
    let seen = h.tcp("GET", "/v1/items", secret).1;
    assert_eq!(seen["items"][0]["space"], "clara");
    // Another secret in the same file is another token.
    std::fs::write(h.path("secret"), "another secret, long enough").unwrap();
    assert_eq!(h.post("/v1/reload", &json!({})).1["changed"], json!(["service.token"]));
    assert_eq!(h.tcp("GET", "/healthz", secret).0, 401);
    // An unreadable one is refused, and the old one stays.
    std::fs::remove_file(h.path("secret")).unwrap();
    let (status, refused) = h.post("/v1/reload", &json!({}));
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("clara"), "{refused}");
    assert_eq!(h.tcp("GET", "/healthz", "another secret, long enough").0, 200);
    assert_eq!(h.tcp("GET", "/healthz", ALL).0, 200);
}

#[test]
fn a_space_that_gets_another_name_keeps_its_items_and_people() {
    let mut h = Fixture::new();
    std::fs::create_dir(h.path("clara")).unwrap();
    let folder = h.path("clara");
    let called = |name: &str| format!("[[space]]\nname = \"{name}\"\nfolders = [\"{}\"]\n", folder.display());
    h.more = called("clara");
    h.configure("");
    h.start();
    let item = h.upload(&h.photo("clara/1.jpg"));
    h.database().put_person("p1", item);
    h.more = called("claire");
    h.configure("");
    h.signal(rustix::process::Signal::HUP);
    h.until("the space has its new name", |h| h.database().rows_in_space("volumes", "claire") == 1);
    for table in ["items", "people"] {
        assert_eq!(
            (h.database().rows_in_space(table, "claire"), h.database().rows_in_space(table, "clara")),
            (1, 0),
            "{table}"
        );
    }
    assert_eq!(h.get(&format!("/v1/items/{item}")).1["space"], "claire");
}

#[test]
fn what_is_switched_off_for_a_space_is_removed_and_what_was_said_stays() {
    let mut h = Fixture::new();
    h.start();
    let item = h.upload(&h.photo("anna/1.jpg"));
    let db = h.database();
    for (x, said) in [(0.0, true), (0.5, false)] {
        db.put_face(item, [x, 0.1, 0.4, 0.4], &[if said { 1u8 } else { 200 }; 128]);
    }
    db.put_subject(item, "cat");
    db.put_recognised(item);
    let faces = h.get("/v1/faces").1["faces"].as_array().unwrap().clone();
    let said = faces.iter().find(|f| f["box"][0] == 0.0).unwrap()["id"].clone();
    assert_eq!(h.post(&format!("/v1/faces/{said}/assign"), &json!({ "person": "Anna" })).0, 200);
    let config = std::fs::read_to_string(h.path("albumen.toml")).unwrap();
    let off = config.replacen("name = \"anna\"\n", "name = \"anna\"\npeople = false\nsubjects = false\n", 1);
    std::fs::write(h.path("albumen.toml"), off).unwrap();
    assert_eq!(h.post("/v1/reload", &json!({})).1["changed"], json!(["space `anna`"]));
    h.until("what was found is gone", |h| {
        h.database().rows("subjects") == 0 && h.database().rows("faces") == 1
    });
    assert_eq!(h.get(&format!("/v1/faces/{said}")).1["name"], "Anna", "an edit stays");
    assert_eq!(h.database().recognised(), 0);
}

#[test]
fn a_log_in_json_is_json_and_names_no_secret() {
    let mut h = Fixture::with("log = \"json\"\n");
    let mut command = h.command("service");
    command.env("ALBUMEN_LOG", "debug");
    h.start_as(command);
    h.upload(&h.photo("anna/1.jpg"));
    h.configure("grase = \"7 days\"");
    h.signal(rustix::process::Signal::HUP);
    h.until("the refusal is logged", |h| h.log().contains("refused"));
    h.configure("");
    h.stop();
    let log = h.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("line 2") && !log.contains(ALL), "{log}");
}

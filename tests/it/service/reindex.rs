//! `albumen reindex` and `submit --or-run`, with and without a service.

use super::fixture::{ANNA, Fixture};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Output;

/// Two good photos and one that cannot be decoded, indexed by the command line.
fn library() -> Fixture {
    let h = Fixture::new();
    h.photo("anna/1.jpg");
    h.photo("berta/2.jpg");
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/broken/empty.jpg");
    std::fs::copy(from, h.path("anna/broken.jpg")).unwrap();
    assert!(h.command("index").output().unwrap().status.code().is_some_and(|c| c < 2));
    h
}

fn run(h: &Fixture, arguments: &[&str]) -> Output {
    h.command(arguments[0]).args(&arguments[1..]).output().unwrap()
}

fn json_of(h: &Fixture, arguments: &[&str]) -> Value {
    let out = run(h, arguments);
    assert!(out.status.code().is_some_and(|c| c < 2), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn a_derivative(h: &Fixture) -> PathBuf {
    h.path("index").join(h.database().first_xl().unwrap())
}

#[test]
fn a_dry_run_counts_and_estimates_and_changes_nothing() {
    let h = library();
    let before = h.database().rows("stage_state");
    let dry =
        |more: &[&str]| json_of(&h, &[&["reindex", "--json", "--dry-run", "--no-recognise"], more].concat());
    let all = dry(&["--stage", "render"]);
    assert_eq!(all["stages"], json!({ "render": 3 }), "{all}");
    assert!(all["cpu_s"].as_f64().unwrap() > 0.0);
    assert!(all["rests_on"].as_str().unwrap().contains("have cost here"), "{all}");
    assert_eq!(dry(&["--stage", "inspect", "--failed"])["stages"]["inspect"], 1);
    assert_eq!(dry(&["--stage", "render", "--missing"])["stages"]["render"], 0);
    std::fs::remove_file(a_derivative(&h)).unwrap();
    assert_eq!(dry(&["--stage", "render", "--missing"])["stages"]["render"], 1);
    assert_eq!(dry(&["--stage", "render", "--older-than", "1"])["stages"]["render"], 0);
    assert_eq!(dry(&["--stage", "render", "--older-than", "1000"])["stages"]["render"], 3);
    let one = h.path("anna/1.jpg");
    assert_eq!(dry(&["--stage", "all", one.to_str().unwrap()])["stages"]["inspect"], 1);
    let words = String::from_utf8(run(&h, &["reindex", "--dry-run", "--stage", "render"]).stdout).unwrap();
    assert!(words.contains("3 file(s)") && words.contains("about"), "{words}");
    assert_eq!(h.database().rows("stage_state"), before);
    assert_eq!(run(&h, &["reindex", "--dry-run"]).status.code(), Some(2), "it must be said what to do again");
}

#[test]
fn what_is_missing_comes_back_and_edits_stay() {
    let h = library();
    let one = h.path("anna/1.jpg");
    assert!(run(&h, &["edit", one.to_str().unwrap(), "--title", "Ours", "--rating", "4"]).status.success());
    let lost = a_derivative(&h);
    std::fs::remove_file(&lost).unwrap();
    let done = json_of(&h, &["reindex", "--json", "--no-recognise", "--missing"]);
    assert_eq!(done["failed"], 0, "the broken one is not missing: {done}");
    assert!(lost.is_file());
    let all = json_of(&h, &["reindex", "--json", "--no-recognise", "--stage", "all"]);
    assert_eq!(all["failed"], 1, "the broken one again: {all}");
    let shown = json_of(&h, &["show", "--json", one.to_str().unwrap()]);
    assert_eq!((&shown["title"], &shown["rating"]), (&"Ours".into(), &4.into()));
}

#[test]
fn a_running_service_is_asked_and_its_work_waited_for() {
    let mut h = library();
    // The service is found by the lock of the index, even if the config names another socket.
    h.start();
    let lost = a_derivative(&h);
    std::fs::remove_file(&lost).unwrap();
    let index = h.path("index");
    let elsewhere = std::process::Command::new(env!("CARGO_BIN_EXE_albumen"))
        .args(["reindex", "--stage", "render", "--missing", "--index", index.to_str().unwrap()])
        .env("XDG_CONFIG_HOME", h.path("none"))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&elsewhere.stdout).into_owned();
    assert!(elsewhere.status.success(), "{words}{}", String::from_utf8_lossy(&elsewhere.stderr));
    assert!(words.contains("running service") && words.contains("done"), "{words}");
    assert!(lost.is_file());
    let (status, taken) = h.post("/v1/reindex", &json!({ "stages": ["inspect", "places"], "failed": true }));
    assert_eq!((status, &taken["stages"]["inspect"]), (202, &1.into()), "{taken}");
    let done = |h: &Fixture| h.get(&format!("/v1/jobs/{}", taken["job"])).1["state"] == "done";
    h.until("the request is done", done);
    // Only a token's own spaces, also without a path.
    let (_, hers) = h.post_as(ANNA, "/v1/reindex", &json!({ "stages": ["render"] }));
    assert_eq!(hers["stages"]["render"], 2, "{hers}");
    let theirs = json!({ "stages": ["render"], "paths": [h.path("berta")] });
    assert_eq!(h.post_as(ANNA, "/v1/reindex", &theirs).0, 403);
    assert_eq!(h.post("/v1/reindex", &json!({ "stages": [] })).0, 400);
    assert_eq!(h.post("/v1/reindex", &json!({ "stages": ["nonsense"] })).0, 422);
}

#[test]
fn submit_finds_a_service_or_runs() {
    let mut h = Fixture::new();
    let photo = h.photo("anna/1.jpg");
    let photo = photo.to_str().unwrap();
    let alone = run(&h, &["submit", photo]);
    assert_eq!(alone.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("--or-run"));
    let itself = json_of(&h, &["submit", "--json", "--or-run", photo]);
    assert_eq!((&itself["found"], &itself["new"]), (&1.into(), &1.into()), "{itself}");
    h.start();
    let second = h.photo("anna/2.jpg");
    let asked = json_of(&h, &["submit", "--json", "--or-run", "--wait", second.to_str().unwrap()]);
    assert_eq!(asked["state"], "done", "{asked}");
    assert_eq!(h.names().len(), 2);
}

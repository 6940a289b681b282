//! The service with an index of a million items, which consist of rows alone: its start-up time, its speed
//! during indexing, and its memory at rest. Only in `make soak`; the figures are printed, and stated in
//! docs/service.md from a release build (ALBUMEN_PROGRAM names another program than the one under test).

use super::fixture::Fixture;
use super::resilience::soak_seconds;
use serde_json::json;
use std::time::{Duration, Instant};

const ITEMS: i64 = 1_000_000;

/// Resident bytes of the service.
fn resident(h: &Fixture) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", h.pid())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() << 10
}

/// The quantile of the sorted times, in milliseconds.
fn at(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_a_million_items_are_no_burden() {
    let seconds = Duration::from_secs(soak_seconds().min(60));
    let mut h = Fixture::with("idle = \"1s\"\n");
    let photo = h.photo("anna/model.jpg");
    h.start();
    let model = h.upload(&photo);
    h.within(Duration::from_secs(60), "berta's volume is known", |h| h.database().rows("volumes") == 2);
    h.stop();
    h.database().fill_like(model, ITEMS);
    let began = Instant::now();
    h.start();
    assert_eq!(h.get("/v1/status").0, 200);
    println!("soak: start to the first answer with {ITEMS} items: {:.2} s", began.elapsed().as_secs_f64());

    // A backlog that lasts, and requests during it.
    std::fs::create_dir(h.path("anna/backlog")).unwrap();
    (0..60_000).for_each(|n| drop(h.photo(&format!("anna/backlog/{n:05}.jpg"))));
    h.within(Duration::from_secs(600), "it indexes", |h| h.database().pending() > 0);
    let (mut status, mut item, mut page) = (Vec::new(), Vec::new(), Vec::new());
    let (began, mut n) = (Instant::now(), 0i64);
    while began.elapsed() < seconds {
        for (times, path) in [
            (&mut status, "/v1/status".to_owned()),
            (&mut item, format!("/v1/items/{}", model + 1 + n * 7919 % ITEMS)),
            (&mut page, format!("/v1/items?limit=100&after={}", n * 104_729 % ITEMS)),
        ] {
            let asked = Instant::now();
            assert_eq!(h.ask_quietly(&path), 200, "{path}");
            times.push(asked.elapsed());
        }
        n += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(h.database().pending() > 0, "the backlog was done too soon: the figures prove nothing");
    for (name, times) in [("status", &mut status), ("an item", &mut item), ("100 items", &mut page)] {
        println!(
            "soak: {name}: median {:.1} ms, 99th percentile {:.1} ms of {}",
            at(times, 0.5),
            at(times, 0.99),
            times.len()
        );
    }
    h.within(Duration::from_secs(3600), "all is done", |h| h.get("/v1/status").1["idle"] == true);
    h.within(Duration::from_secs(60), "the workers have ended", |h| h.children().is_empty());
    // It releases its memory after each 25 seconds of rest, and checks once more for due work in the first
    // minute.
    std::thread::sleep(Duration::from_secs(100));
    println!("soak: resident at rest: {:.1} MB", resident(&h) as f64 / 1e6);
}

#[test]
#[ignore = "soak: large numbers, and as long as ALBUMEN_SOAK_SECONDS says"]
fn soak_an_upload_overtakes_a_million() {
    let mut h = Fixture::new();
    let first = h.photo("anna/first.jpg");
    h.start();
    h.upload(&first);
    h.post("/v1/pause", &json!({}));
    // Names without files: only the waiting time before an upload counts, not their result.
    h.database().queue_names(ITEMS);
    h.post("/v1/resume", &json!({}));
    let waiting = |h: &Fixture| h.database().pending();
    h.within(Duration::from_secs(60), "it works on them", |h| waiting(h) < ITEMS);
    let mut slowest = Duration::ZERO;
    for n in 0..5 {
        let photo = h.photo(&format!("anna/{n}.jpg"));
        let began = Instant::now();
        let (_, taken) = h.post("/v1/index", &json!({ "paths": [photo] }));
        let job = format!("/v1/jobs/{}", taken["job"]);
        h.within(Duration::from_secs(60), "the upload can be seen", |h| h.get(&job).1["state"] != "queued");
        slowest = slowest.max(began.elapsed());
    }
    let left = waiting(&h);
    println!("soak: the slowest of 5 uploads before {left} of {ITEMS} files: {:.2} s", slowest.as_secs_f64());
    assert!(left > ITEMS / 2, "{left}: they were done too soon, which proves nothing");
}

//! The speed of lists at 200,000 and 1,000,000 items, for an account that sees a whole space and for one with
//! 500 folder grants. Only in `make soak`: the figures are printed. The index consists of rows without files.

use crate::fixture::{Client, Portal};
use albumen_index::Index;
use albumen_index::testing::Database;
use serde_json::json;
use std::time::{Duration, Instant};

/// Files of a folder.
const A_FOLDER: u64 = 200;
const GRANTS: u64 = 500;
/// Requests of each kind.
const TRIES: usize = 40;

fn fill(portal: &Portal, items: u64) {
    let dir = portal.path("index");
    let index = Index::open_indexing(&dir, || ()).unwrap();
    Database::open(&dir).fill_family(&portal.path("shared"), items, A_FOLDER);
    index.merge_text(|| false).unwrap();
}

/// The quantile of the sorted times, in milliseconds.
fn at(times: &[Duration], share: f64) -> f64 {
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
}

fn gzipped(text: &str) -> usize {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut gzip = Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let text = text.to_owned();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let out = gzip.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    out.stdout.len()
}

/// Nanoseconds on a processor, of all threads of a process.
fn cpu(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let spent = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    spent.sum()
}

fn measure(portal: &Portal, client: &Client, who: &str, path: &str) {
    let (mut times, mut spent) = (Vec::new(), Vec::new());
    let mut last = String::new();
    for _ in 0..TRIES {
        let (began, before) = (Instant::now(), cpu(portal.pid()));
        let answer = portal.send(client, "GET", &format!("/api/v1{path}"), None);
        times.push(began.elapsed());
        // The time of a thread that has ended meanwhile is not counted.
        spent.push(Duration::from_nanos(cpu(portal.pid()).saturating_sub(before)));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        last = answer.text;
    }
    let first = spent[0].as_secs_f64() * 1e3;
    times.sort();
    spent.sort();
    println!(
        "soak: {who} {path}: CPU median {:.1} ms, p99 {:.1} ms, first {first:.1} ms; wall median {:.1} ms, p99 {:.1} ms; {} bytes, {} gzipped",
        at(&spent, 0.5),
        at(&spent, 0.99),
        at(&times, 0.5),
        at(&times, 0.99),
        last.len(),
        gzipped(&last)
    );
}

#[test]
#[ignore = "soak: large numbers; ALBUMEN_SOAK_ITEMS takes another number than a million"]
fn soak_lists_of_a_million_items() {
    let items = std::env::var("ALBUMEN_SOAK_ITEMS").ok().map_or(1_000_000, |n| n.parse().unwrap());
    let mut portal = Portal::new();
    let began = Instant::now();
    fill(&portal, items);
    println!("soak: {items} items were made in {:.0} s", began.elapsed().as_secs_f64());
    portal.add("root", &["--admin"]);
    portal.add("anna", &["--access", "family=full"]);
    portal.add("ben", &["--access", "family=custom"]);
    portal.start();
    let root = portal.sign_in("root");
    let folders = items / A_FOLDER;
    let step = (folders / GRANTS).max(1);
    for n in 0..GRANTS.min(folders) {
        let path = format!("rolls/{:05}", 1 + n * step);
        let grant = json!({ "path": path, "account": "ben", "rights": ["view"] });
        assert_eq!(portal.ask(&root, "PUT", "/spaces/family/grants", Some(&grant)).status, 204);
    }
    let grid = |more: &str| format!("/items?format=grid&limit=1000{more}");
    let conditions = [
        "kind:video",
        "rating:5",
        "iso:400",
        "tag:%22tag%203%22",
        "subject:%22subject%204%22",
        "country:BB",
        "city:%22City%207%22",
        "has:gps",
        "date:2010",
        "beach",
        "camera:%22Model%203%22",
        "box:40,0,50,20",
    ];
    for (who, name) in [("whole space", "anna"), ("500 grants", "ben")] {
        let client = portal.sign_in(name);
        let ask = |path: &str| measure(&portal, &client, who, path);
        ask("/timeline");
        ask(&grid(""));
        ask(&grid("&day=2010-01-01..2010-12-31"));
        for condition in conditions {
            ask(&grid(&format!("&q={condition}")));
        }
        for pair in conditions.windows(2) {
            ask(&grid(&format!("&q={}%20{}", pair[0], pair[1])));
        }
        for list in [
            "/tags",
            "/subjects",
            "/places",
            "/search/suggest?q=ci",
            "/folders?space=family&path=rolls",
            "/map?zoom=3",
        ] {
            ask(list);
        }
        ask("/map?zoom=10&box=40,0,45,5");
        ask("/facets?q=date:2010");
        ask("/facets");
    }
}

//! `albumen service` over its real sockets. Every answer is compared with docs/openapi.yaml (see [`fixture`]).

mod broken;
mod crowd;
mod described;
mod edits;
mod events;
mod fixture;
mod hanging;
mod million;
mod people;
mod priority;
mod reindex;
mod resilience;
mod watch;

use fixture::{ALL, ANNA, Fixture};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn an_upload_is_indexed_and_its_job_told() {
    let mut h = Fixture::new();
    h.start();
    let photo = h.photo("anna/new.jpg");
    let (status, done) = h.post("/v1/index", &json!({ "paths": [photo], "wait": true }));
    assert_eq!((status, &done["state"]), (200, &"done".into()), "{done}");
    let id = done["items"][0].as_i64().unwrap();
    let (_, item) = h.get(&format!("/v1/items/{id}"));
    assert_eq!((&item["name"], &item["space"]), (&"new.jpg".into(), &"anna".into()));
    let xl = h.dir.path().join("index").join(item["derivatives"][0]["path"].as_str().unwrap());
    assert!(xl.is_file());
    assert_eq!(h.get(&format!("/v1/jobs/{}", done["job"])).1["state"], "done");
    assert_eq!(h.get("/v1/jobs/99").0, 404);

    let second = h.photo("berta/second.jpg");
    let out = h.command("submit").arg("--wait").arg(&second).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(h.names().contains(&"second.jpg".to_owned()));
}

#[test]
fn what_is_outside_too_much_or_nonsense_is_refused() {
    let mut h = Fixture::new();
    h.start();
    assert_eq!(h.post("/v1/index", &json!({ "paths": ["/etc/passwd"] })).0, 403);
    let sneaky = h.dir.path().join("anna/../index/index.sqlite");
    assert_eq!(h.post("/v1/index", &json!({ "paths": [sneaky] })).0, 403);
    // The target of a path through a missing folder is unknown.
    let sneaky = h.dir.path().join("anna/nothing/../../berta/hers.jpg");
    assert_eq!(h.post_as(ANNA, "/v1/index", &json!({ "paths": [sneaky] })).0, 403);
    assert_eq!(h.post("/v1/index", &json!({ "paths": ["relative.jpg"] })).0, 400);
    assert_eq!(h.post("/v1/index", &json!({ "path_bytes": ["no base64"] })).0, 400);
    assert_eq!(h.post("/v1/index", &json!({ "paths": [] })).0, 400);
    assert_eq!(h.post("/v1/index", &json!({ "path": "x" })).0, 422);
    assert_eq!(h.post("/v1/index", &json!({ "paths": ["x".repeat(2 << 20)] })).0, 413);
    // Every refusal has a reason, in one form.
    for (path, status) in [
        ("/v1/nothing", 404),
        ("/v1/index", 405),
        ("/v1/items/x", 400),
        ("/v1/items?limit=x", 400),
        // A misspelt limit must not be ignored.
        ("/v1/items?spaces=anna", 400),
        ("/v1/people?Space=anna", 400),
    ] {
        let (answered, refused) = h.get(path);
        assert_eq!(answered, status, "{path}");
        assert!(refused["error"].as_str().is_some_and(|e| !e.is_empty()), "{path}: {refused}");
    }
}

#[test]
fn who_asks_for_too_much_at_once_is_told_when_to_come_again() {
    let mut h = Fixture::with("[service.uploads]\nmax_waiting = 1\nmax_paths = 2\n");
    h.start();
    let photos: Vec<_> = (0..3).map(|n| h.photo(&format!("anna/{n}.jpg"))).collect();
    let request = |photos: &[std::path::PathBuf]| json!({ "paths": photos }).to_string();
    let ask = |photos| h.ask("POST", "/v1/index", None, Some(&request(photos)));
    assert_eq!(ask(&photos).status, 400, "three paths");
    let first = ask(&photos[..2]);
    assert_eq!(first.status, 202);
    // A request waits until its data has been collected.
    let second = ask(&photos[2..]);
    assert_eq!(second.status, 429, "{}", second.text);
    assert!(second.head.contains("retry-after: 5"), "{}", second.head);
    let job = format!("/v1/jobs/{}", first.json()["job"]);
    h.until("the first is done", |h| h.get(&job).1["state"] == "done");
    assert_eq!(ask(&photos[2..]).status, 202);
}

#[test]
fn a_token_sees_its_own_spaces_only() {
    let mut h = Fixture::new();
    h.photo("anna/hers.jpg");
    h.photo("berta/not hers.jpg");
    h.start();
    h.until("both are indexed", |h| h.names().len() == 2);
    assert_eq!(h.tcp("GET", "/v1/items", "no token that is known").0, 401);
    let refused = h.ask("GET", "/v1/items", Some(""), None);
    assert_eq!(refused.status, 401);
    assert!(refused.head.contains("www-authenticate: bearer"), "{}", refused.head);
    let all = h.tcp("GET", "/v1/items", ALL).1;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let hers = h.tcp("GET", "/v1/items", ANNA).1;
    let hers = hers["items"].as_array().unwrap();
    assert_eq!(hers.len(), 1);
    assert_eq!(hers[0]["space"], "anna");
    for item in all["items"].as_array().unwrap() {
        let expected = if item["space"] == "anna" { 200 } else { 404 };
        assert_eq!(h.tcp("GET", &format!("/v1/items/{}", item["id"]), ANNA).0, expected);
    }
    assert_eq!(h.tcp("GET", "/v1/items?space=berta", ANNA).0, 404);
    assert_eq!(h.tcp("POST", "/v1/pause", ANNA).0, 403);
    assert_eq!(h.tcp("POST", "/v1/pause", ALL).1["paused"], true);
    // Background work is paused; an upload is not.
    let photo = h.photo("anna/urgent.jpg");
    assert_eq!(h.post("/v1/index", &json!({ "paths": [photo], "wait": true })).1["state"], "done");
}

#[test]
fn failures_come_in_pages_and_of_the_spaces_that_may_be_seen() {
    let mut h = Fixture::new();
    let cut = &std::fs::read(h.photo("anna/whole.jpg")).unwrap()[..300];
    for name in ["anna/1.jpg", "anna/2.jpg", "berta/3.jpg"] {
        std::fs::write(h.path(name), [cut, name.as_bytes()].concat()).unwrap();
    }
    h.start();
    h.until("all are looked at", |h| h.names().len() == 4);
    let page = |token: &str, query: &str| {
        let (status, page) = h.tcp("GET", &format!("/v1/failures{query}"), token);
        assert_eq!(status, 200, "{page}");
        let failures = page["failures"].as_array().unwrap().clone();
        let mut paths: Vec<String> =
            failures.iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect();
        paths.dedup();
        (paths, page["next"].as_i64())
    };
    let (all, end) = page(ALL, "");
    assert_eq!((all.len(), end), (3, None), "{all:?}");
    let (mut paged, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let (paths, next) = page(ALL, &format!("?limit=1&after={from}"));
        assert_eq!(paths.len(), 1);
        paged.extend(paths);
        after = next;
    }
    assert_eq!(paged, all);
    let (hers, _) = page(ANNA, "");
    assert_eq!(hers.len(), 2);
    assert_eq!(page(ALL, "?space=anna").0, hers);
    assert_eq!(h.tcp("GET", "/v1/failures?space=berta", ANNA).0, 404);
    assert_eq!(h.tcp("GET", "/v1/failures?limit=x", ALL).0, 400);
}

#[test]
fn what_is_gone_may_be_told_and_names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStringExt;
    let mut h = Fixture::with("watch = false\n");
    std::fs::create_dir_all(h.path("anna/album/inside")).unwrap();
    let photos = ["anna/a.jpg", "anna/album/b.jpg", "anna/album/inside/c.jpg"].map(|name| h.photo(name));
    // The guard would not accept the removal of the last file of a volume.
    h.photo("anna/d.jpg");
    h.start();
    h.until("all are indexed", |h| h.names().len() == 4);
    let gone = |path: &std::path::Path, left: &[&str]| {
        let (status, done) = h.post("/v1/index", &json!({ "paths": [path], "wait": true }));
        assert_eq!((status, &done["items"]), (200, &json!([])), "{done}");
        let mut names = h.names();
        names.sort();
        assert_eq!(names, left);
    };
    std::fs::remove_file(&photos[0]).unwrap();
    gone(&photos[0], &["b.jpg", "c.jpg", "d.jpg"]);
    std::fs::remove_dir_all(h.path("anna/album/inside")).unwrap();
    gone(&photos[2], &["b.jpg", "d.jpg"]);
    std::fs::remove_dir_all(h.path("anna/album")).unwrap();
    gone(&h.path("anna/album"), &["d.jpg"]);

    let odd = h.path("anna").join(std::ffi::OsString::from_vec(b"odd \xff.jpg".to_vec()));
    std::fs::rename(h.photo("anna/odd.jpg"), &odd).unwrap();
    let out = h.command("submit").arg("--wait").arg(&odd).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let item = h.get("/v1/items").1["items"][1].clone();
    assert_eq!(item["name"], "odd \u{fffd}.jpg");
    let again = h.post("/v1/index", &json!({ "path_bytes": [item["path_bytes"]], "wait": true })).1;
    assert_eq!(again["items"], json!([item["id"]]), "{again}");
}

#[test]
fn kills_lose_no_request() {
    let mut h = Fixture::new();
    h.start();
    let mut names = Vec::new();
    let mut seed = 0xca11_u64;
    for n in 0..12 {
        let name = format!("{n:02}.jpg");
        let photo = h.photo(&format!("anna/{name}"));
        // After the answer the request is durable, whatever happens next.
        let (status, _) = h.post("/v1/index", &json!({ "paths": [photo] }));
        assert_eq!(status, 202);
        names.push(name);
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        if n % 3 == 2 {
            std::thread::sleep(Duration::from_millis((seed >> 33) % 300));
            h.kill();
            h.start();
        }
    }
    h.until("all requests are done", |h| {
        let mut there = h.names();
        there.sort();
        there == names
    });
}

#[test]
fn it_ends_soon_reloads_and_refuses_a_second_one() {
    let mut h = Fixture::new();
    h.start();
    let second = h.command("service").output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by `albumen"));

    assert_eq!(h.post("/v1/reload", &json!({})).1["changed"], json!([]));
    h.configure("grace = \"7 days\"");
    assert_eq!(h.post("/v1/reload", &json!({})).1["changed"], json!(["grace"]));
    let check = |h: &Fixture| h.command("service").arg("--check").output().unwrap();
    assert!(check(&h).status.success());
    h.configure("grase = \"7 days\"");
    let checked = check(&h);
    assert_eq!(checked.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("line 2"), "{checked:?}");
    let (status, refused) = h.post("/v1/reload", &json!({}));
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("line 2"), "{refused}");

    let begun = Instant::now();
    h.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(!h.dir.path().join("socket").exists());
}

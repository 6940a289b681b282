//! The events of each listener: items and their changes, edits of the command line, figures.

use super::described;
use super::fixture::{ANNA, Fixture};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A client of `GET /v1/events`.
struct Listener {
    lines: std::io::Lines<BufReader<Box<dyn Read>>>,
}

impl Listener {
    /// On the socket, or over TCP with a token. It receives all events from now on.
    fn to(h: &Fixture, token: Option<&str>) -> Listener {
        let patience = Some(Duration::from_secs(60));
        let authorization = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
        let ask = format!("GET /v1/events HTTP/1.1\r\nHost: x\r\n{authorization}\r\n");
        let stream: Box<dyn Read> = match token {
            None => {
                let mut stream = UnixStream::connect(h.path("socket")).unwrap();
                stream.set_read_timeout(patience).unwrap();
                stream.write_all(ask.as_bytes()).unwrap();
                Box::new(stream)
            }
            Some(_) => {
                let mut stream = TcpStream::connect(("127.0.0.1", h.port)).unwrap();
                stream.set_read_timeout(patience).unwrap();
                stream.write_all(ask.as_bytes()).unwrap();
                Box::new(stream)
            }
        };
        let mut lines = BufReader::new(stream).lines();
        assert!(lines.next().unwrap().unwrap().contains("200"));
        Listener { lines }
    }

    fn next(&mut self) -> Value {
        let began = Instant::now();
        loop {
            // Keep-alive lines arrive all the time.
            assert!(began.elapsed() < Duration::from_secs(60), "nothing more happens");
            let line = self.lines.next().expect("the stream has no end").unwrap();
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let event: Value = serde_json::from_str(data).unwrap();
            described::check_event(&event);
            return event;
        }
    }

    /// The next event of a kind; earlier ones are skipped.
    fn until(&mut self, kind: &str) -> Value {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < Duration::from_secs(60), "waited in vain for {kind}");
            let event = self.next();
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// All events up to one of an item, except progress.
    fn all_until(&mut self, kind: &str, item: i64) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let event = self.next();
            let is_it = event["event"] == kind && event["item"] == item;
            if event["event"] != "progress" {
                all.push(event);
            }
            if is_it {
                return all;
            }
        }
    }
}

#[test]
fn events_tell_what_happens_as_described() {
    let mut h = Fixture::new();
    h.start();
    let mut listener = Listener::to(&h, None);
    let item = h.upload(&h.photo("anna/1.jpg"));
    let mut missing = vec!["indexed", "job_done", "progress"];
    while !missing.is_empty() {
        let event = listener.next();
        missing.retain(|m| event["event"] != *m);
        if event["event"] == "indexed" {
            assert_eq!((&event["item"], &event["space"]), (&item.into(), &"anna".into()));
        }
    }
    std::fs::write(h.path("anna/broken.jpg"), b"no picture").unwrap();
    h.post("/v1/index", &json!({ "paths": [h.path("anna/broken.jpg")] }));
    assert!(listener.until("failed")["reason"].is_string());
}

#[test]
fn items_that_move_or_go_are_named_and_each_listener_hears_of_its_spaces() {
    let mut h = Fixture::new();
    // One more in each space: if all files are gone, the guard treats the volume as offline.
    let [here, there, ..] =
        ["anna/1.jpg", "berta/2.jpg", "anna/stays.jpg", "berta/stays.jpg"].map(|p| h.photo(p));
    h.start();
    h.until("all are indexed", |h| h.names().len() == 4);
    let of = |name: &str| {
        let items = h.get("/v1/items").1["items"].as_array().unwrap().clone();
        items.iter().find(|i| i["name"] == name).unwrap()["id"].as_i64().unwrap()
    };
    let (hers, other) = (of("1.jpg"), of("2.jpg"));
    let (mut all, mut anna) = (Listener::to(&h, None), Listener::to(&h, Some(ANNA)));
    let text = |p: &std::path::Path| Value::from(p.to_str().unwrap());

    let moved = h.path("anna/moved.jpg");
    std::fs::rename(&here, &moved).unwrap();
    for listener in [&mut all, &mut anna] {
        let event = listener.until("moved");
        assert_eq!((&event["item"], &event["space"]), (&hers.into(), &"anna".into()), "{event}");
        assert_eq!((&event["path"], &event["from"]), (&text(&moved), &text(&here)), "{event}");
    }
    // Moved from one owner to another, it is gone, and another item.
    let away = h.path("berta/away.jpg");
    std::fs::rename(&moved, &away).unwrap();
    for listener in [&mut all, &mut anna] {
        let gone = listener.until("removed");
        assert_eq!((&gone["item"], &gone["path"]), (&hers.into(), &text(&moved)), "{gone}");
    }
    h.until("it is indexed anew", |h| h.names().contains(&"away.jpg".to_owned()));
    assert_ne!(of("away.jpg"), hers);

    std::fs::remove_file(&there).unwrap();
    let gone = all.all_until("removed", other);
    assert_eq!(gone.last().unwrap()["path"], text(&there));
    // She has received no event of it.
    let last = h.upload(&h.photo("anna/last.jpg"));
    for event in anna.all_until("indexed", last) {
        assert!(event["space"].is_null() || event["space"] == "anna", "{event}");
    }
}

#[test]
fn edits_of_the_command_line_are_heard() {
    let mut h = Fixture::new();
    h.start();
    let items = ["anna/1.jpg", "berta/2.jpg"].map(|p| h.upload(&h.photo(p)).to_string());
    let (mut all, mut anna) = (Listener::to(&h, None), Listener::to(&h, Some(ANNA)));
    let albumen = |command: &str, arguments: &[&str]| {
        let out = h.command(command).args(arguments).output().unwrap();
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    };
    albumen("tags", &["add", "holiday", &items[1]]);
    albumen("tags", &["add", "holiday", &items[0]]);
    albumen("edit", &["--title", "A day out", &items[0]]);
    let id = |item: &str| Value::from(item.parse::<i64>().unwrap());
    assert_eq!(all.until("edited")["item"], id(&items[1]));
    for listener in [&mut all, &mut anna] {
        // The tag, then the title.
        assert_eq!(listener.until("edited")["item"], id(&items[0]));
        assert_eq!(listener.until("edited")["item"], id(&items[0]));
    }
    albumen("albums", &["create", "Holiday"]);
    albumen("albums", &["add", "Holiday", &items[0]]);
    albumen("albums", &["rename", "Holiday", "Sea"]);
    for name in ["Holiday", "Holiday", "Holiday", "Sea"] {
        assert_eq!(all.until("album_changed")["album"], name);
    }
    // A name for a detected face.
    let face = h.database().put_face(items[0].parse().unwrap(), [0.1, 0.1, 0.5, 0.5], &[0; 128]);
    albumen("faces", &["assign", &face.to_string(), "Anna"]);
    let person = h.get("/v1/people").1["people"][0]["id"].clone();
    // She has received no event of an album.
    let event = anna.next_but_progress();
    assert_eq!((&event["event"], &event["person"]), (&"person_changed".into(), &person), "{event}");
    assert_eq!(all.until("person_changed")["space"], "anna");
    albumen("people", &["undo"]);
    assert_eq!(all.until("person_changed")["space"], "anna");
    // A token limited to a space may report no album.
    assert_eq!(h.post_as(ANNA, "/v1/edited", &json!({ "albums": ["Sea"] })).0, 403);
    assert_eq!(h.post("/v1/edited", &json!({ "items": [999], "people": [{ "space": "x" }] })).1["told"], 0);
}

impl Listener {
    fn next_but_progress(&mut self) -> Value {
        loop {
            let event = self.next();
            if event["event"] != "progress" {
                return event;
            }
        }
    }
}

#[test]
fn figures_are_of_the_spaces_that_a_token_may_see() {
    let mut h = Fixture::new();
    for photo in ["anna/1.jpg", "berta/2.jpg", "berta/3.jpg"] {
        h.photo(photo);
    }
    std::fs::write(h.path("berta/broken.jpg"), b"no picture").unwrap();
    h.start();
    let mut anna = Listener::to(&h, Some(ANNA));
    h.until("all is counted", |h| h.get("/v1/status").1["index"]["items"] == 4);
    let figures = |status: &Value| {
        let index = &status["index"];
        let render = index["stages"].as_array().unwrap().iter().find(|s| s["stage"] == "render").unwrap();
        [&status["developed"], &status["failed"], &index["items"], &index["photos"], &render["failed"]]
            .map(|v| v.as_u64().unwrap())
    };
    assert_eq!(figures(&h.get("/v1/status").1), [4, 1, 4, 4, 1]);
    assert_eq!(figures(&h.tcp("GET", "/v1/status", ANNA).1), [1, 0, 1, 1, 0]);
    let metrics = |token: Option<&str>| h.ask("GET", "/metrics", token, None).text;
    let (all, hers) = (metrics(None), metrics(Some(ANNA)));
    for (line, there) in [("albumen_items", ["4", "1"]), ("albumen_developed_total", ["4", "1"])] {
        for (text, n) in [&all, &hers].into_iter().zip(there) {
            assert!(text.lines().any(|l| l == format!("{line} {n}")), "{line} {n}: {text}");
        }
    }
    assert!(all.contains("albumen_memory_peak_bytes") && !hers.contains("albumen_memory_peak_bytes"));
    let berta = h.photo("berta/4.jpg");
    let job = h.post("/v1/index", &json!({ "paths": [berta], "wait": true })).1["job"].clone();
    assert_eq!(h.tcp("GET", &format!("/v1/jobs/{job}"), ANNA).0, 404);
    let last = h.upload(&h.photo("anna/last.jpg"));
    let mut progress = Vec::new();
    loop {
        let event = anna.next();
        assert!(event["job"] != job || event["event"] != "job_done", "{event}");
        if event["event"] == "progress" {
            progress.push(event["progress"]["developed"].as_u64().unwrap());
        }
        if event["event"] == "job_done" {
            break;
        }
    }
    assert!(progress.iter().all(|n| *n <= 2), "{progress:?}");
    assert!(last > 0);
}

//! The portal beside the real engine: edits, albums and events.

use crate::fixture::{Client, Portal};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/kinds/plain.jpg");

/// A portal and an engine over two personal spaces and a shared one.
pub(crate) struct Both {
    pub portal: Portal,
    engine: Option<Child>,
}

impl Both {
    pub(crate) fn new() -> Both {
        let mut portal = Portal::new();
        portal.settings =
            "[recognise]\nenabled = false\n[service.background]\nnice = 0\nidle_class = false\n".into();
        std::fs::create_dir(portal.path("attic")).unwrap();
        portal.add("root", &["--admin"]);
        portal.add("anna", &["--access", "family=full"]);
        portal.add("ben", &["--access", "family=custom"]);
        portal.start();
        let root = portal.sign_in("root");
        let grant = json!({ "path": "trips", "account": "ben", "rights": ["view"] });
        assert_eq!(portal.ask(&root, "PUT", "/spaces/family/grants", Some(&grant)).status, 204);
        Both { portal, engine: None }
    }

    /// The engine of the same build: cargo builds it for the tests of the workspace.
    pub(crate) fn start_engine(&mut self) {
        let program = Path::new(env!("CARGO_BIN_EXE_albumen-portal")).with_file_name("albumen");
        assert!(program.is_file(), "{program:?} is missing: run the tests with --workspace");
        let mut command = Command::new(program);
        command.arg("--config").arg(self.portal.write_config()).arg("service").stderr(Stdio::null());
        self.engine = Some(command.spawn().unwrap());
    }

    pub(crate) fn stop_engine(&mut self) {
        let mut engine = self.engine.take().expect("it was started");
        crate::fixture::signal(engine.id(), rustix::process::Signal::TERM);
        engine.wait().unwrap();
    }

    /// Puts a picture into a folder, under its final name at once.
    pub(crate) fn photo(&self, below: &str) {
        let (from, to): (PathBuf, PathBuf) = (self.portal.path("coming.jpg"), self.portal.path(below));
        let mut bytes = std::fs::read(PICTURE).unwrap();
        // Each has different content.
        bytes.extend_from_slice(below.as_bytes());
        std::fs::write(&from, bytes).unwrap();
        std::fs::rename(from, to).unwrap();
    }

    fn ask(&self, client: &Client, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.portal.ask(client, method, path, (!body.is_null()).then_some(&body));
        (answer.status, if answer.text.is_empty() { Value::Null } else { answer.json() })
    }

    fn item(&self, client: &Client, id: i64) -> Value {
        let (status, item) = self.ask(client, "GET", &format!("/items/{id}"), Value::Null);
        assert_eq!(status, 200, "{item}");
        item
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            let _ = engine.kill();
            let _ = engine.wait();
        }
    }
}

/// A stream of events.
pub(crate) struct Listening(BufReader<TcpStream>);

impl Listening {
    pub(crate) fn new(portal: &Portal, client: &Client) -> Listening {
        let address = portal.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let cookie = client.cookie.clone().unwrap();
        let head = format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream);
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        Listening(lines)
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// Events until one is of a kind.
    pub(crate) fn until(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let heard = self.next().unwrap_or_else(|| panic!("the stream ended before {event}"));
            if heard["event"] == event && fits(&heard) {
                return heard;
            }
        }
    }

    pub(crate) fn runs(&mut self, running: bool) {
        self.until("engine", |e| e["running"] == running);
    }

    /// The id of an item, when it is indexed.
    pub(crate) fn indexed(&mut self, name: &str) -> i64 {
        self.until("indexed", |e| e["name"] == name)["item"].as_i64().unwrap()
    }
}

#[test]
fn each_account_hears_of_what_it_may_see_and_for_as_long_as_it_may() {
    let mut both = Both::new();
    let (root, anna, ben) = ["root", "anna", "ben"].map(|name| both.portal.sign_in(name)).into();
    let mut annas = Listening::new(&both.portal, &anna);
    let mut bens = Listening::new(&both.portal, &ben);
    // Listeners are there before the engine is.
    annas.runs(false);
    both.start_engine();
    annas.runs(true);
    bens.runs(true);

    both.photo("homes/anna/Photos/annas.jpg");
    let item = annas.until("indexed", |e| e["name"] == "annas.jpg");
    assert_eq!((&item["space"], &item["folder"]), (&json!("anna"), &json!("")));
    both.photo("shared/open/not-bens.jpg");
    annas.indexed("not-bens.jpg");
    both.photo("shared/trips/granted.jpg");
    annas.indexed("granted.jpg");
    // The engine sends all events in one order: the first item that ben receives is the third.
    let heard = bens.until("indexed", |_| true);
    assert_eq!((&heard["name"], &heard["folder"]), (&json!("granted.jpg"), &json!("trips")));
    let dir = both.portal.dir.path().to_str().unwrap();
    assert!(!heard.to_string().contains(dir), "{heard}");

    std::fs::remove_file(both.portal.path("shared/trips/granted.jpg")).unwrap();
    assert_eq!(bens.until("removed", |_| true)["item"], heard["item"]);

    // A stream ends with the account: the next event finds it disabled.
    let disabled = json!({ "disabled": true });
    assert_eq!(both.ask(&root, "PATCH", "/accounts/ben", disabled).0, 200);
    both.photo("shared/trips/later.jpg");
    annas.indexed("later.jpg");
    let mut rest = Vec::new();
    while let Some(event) = bens.next() {
        rest.push(event);
    }
    assert!(rest.iter().all(|e| e["name"] != "later.jpg"), "{rest:?}");

    both.stop_engine();
    annas.runs(false);
    both.start_engine();
    annas.runs(true);
    // And with the portal, which does not wait for its listeners.
    assert_eq!(both.portal.stop(), Some(0));
    while annas.next().is_some() {}
}

#[test]
fn items_are_edited_by_those_who_manage_them_and_edits_are_undone() {
    let mut both = Both::new();
    let (root, anna, ben) = ["root", "anna", "ben"].map(|name| both.portal.sign_in(name)).into();
    let mut annas = Listening::new(&both.portal, &anna);
    both.start_engine();
    annas.runs(true);
    both.photo("shared/trips/shared.jpg");
    let shared = annas.indexed("shared.jpg");
    both.photo("homes/anna/Photos/annas.jpg");
    let own = annas.indexed("annas.jpg");

    let edit = |client: &Client, body: Value| both.ask(client, "POST", "/items/edit", body);
    let before = both.item(&anna, own);
    // Cached lists do not hide a change.
    let tags = || both.ask(&anna, "GET", "/tags", Value::Null).1["tags"].as_array().unwrap().len();
    assert_eq!((tags(), tags()), (0, 0));
    let set = json!({
        "title": " Sea ", "description": "line one\nline two", "rating": 4, "taken": "2023-07-01T10:20:30", "favourite": true,
    });
    let body = json!({ "ids": [own, shared], "set": set, "add_tags": ["beach"], "remove_tags": ["none"] });
    let (status, done) = edit(&anna, body);
    assert_eq!((status, &done["changed"]), (200, &json!(2)), "{done}");
    let item = both.item(&anna, own);
    assert_eq!(item["title"], "Sea");
    assert_eq!(item["description"], "line one\nline two");
    assert_eq!(item["rating"], 4);
    assert_eq!(item["taken"]["local"], "2023-07-01T10:20:30");
    assert_eq!(item["tags"], json!(["beach"]));
    assert_eq!(item["favourite"], true);
    assert_eq!(both.item(&ben, shared)["title"], "Sea");
    assert_eq!(both.item(&ben, shared)["favourite"], Value::Null, "favourites are each account's own");
    assert_eq!((tags(), tags()), (1, 1));
    annas.until("edited", |e| e["item"] == own);
    let (_, found) = both.ask(&anna, "GET", "/items?q=is:favourite%20tag:beach&format=grid", Value::Null);
    assert_eq!(found["flags"].as_array().unwrap().iter().filter(|f| f.as_u64().unwrap() & 1 == 1).count(), 2);
    assert_eq!(both.ask(&ben, "GET", "/items?q=is:favourite", Value::Null).1["items"], json!([]));

    let (_, shifted) = edit(&anna, json!({ "ids": [own], "shift_taken": "-01:00:30" }));
    assert_eq!(both.item(&anna, own)["taken"]["local"], "2023-07-01T09:20:00");
    let undo =
        |client: &Client, edit: &Value| both.ask(client, "POST", "/undo", json!({ "undo": edit["undo"] }));
    assert_eq!(undo(&ben, &shifted).0, 404, "an edit of another account");
    assert_eq!(undo(&root, &shifted).0, 404);
    assert_eq!(undo(&anna, &shifted), (200, json!({ "changed": 1 })));
    assert_eq!(both.item(&anna, own)["taken"]["local"], "2023-07-01T10:20:30");
    assert_eq!(undo(&anna, &shifted).0, 409);
    assert_eq!(undo(&anna, &done), (200, json!({ "changed": 2 })));
    assert_eq!(both.item(&anna, own), before);
    assert_eq!(tags(), 0);

    // Ben sees the shared one and does not manage it; he does not see Anna's. Both are as unknown ones.
    let title = |ids: Value| json!({ "ids": ids, "set": { "title": "Ben was here" } });
    let (unknown, answer) = edit(&ben, title(json!([999_999])));
    assert_eq!(unknown, 404);
    for ids in [json!([shared]), json!([own]), json!([shared, own])] {
        assert_eq!(edit(&ben, title(ids)), (404, answer.clone()));
    }
    let favourite = json!({ "ids": [shared], "set": { "favourite": true } });
    let (status, marked) = edit(&ben, favourite.clone());
    assert_eq!(status, 200);
    assert_eq!(both.item(&ben, shared)["favourite"], true);
    assert_eq!(both.item(&anna, shared)["favourite"], Value::Null);
    assert_eq!(undo(&ben, &marked).0, 200);
    let viewing = both.portal.token(&ben, json!(["view"]));
    assert_eq!(edit(&viewing, favourite).0, 404, "a token that may look changes nothing");
    // Rights are checked again for an undo.
    let (_, again) = edit(&anna, title(json!([shared])));
    let none = json!({ "account": "anna", "access": "none" });
    assert_eq!(both.ask(&root, "PUT", "/spaces/family/access", none).0, 204);
    assert_eq!(undo(&anna, &again).0, 404);

    let (status, moved) =
        edit(&anna, json!({ "ids": [own], "set": { "gps": { "lat": -33.8568, "lon": 151.2153 } } }));
    assert_eq!((status, &moved["changed"]), (200, &json!(1)), "{moved}");
    assert_eq!(both.item(&anna, own)["place"]["city"], "Sydney");
    let found = |query: &str| both.ask(&anna, "GET", query, Value::Null).1["items"].clone();
    assert_eq!(found("/items?q=place:sydney").as_array().unwrap().len(), 1);
    assert_eq!(found("/map?zoom=3"), 1);
    assert_eq!(undo(&anna, &moved), (200, json!({ "changed": 1 })));
    assert_eq!(found("/map?zoom=3"), 0);
    assert_eq!(both.item(&anna, own), before);
    // A request may name as many items as a large selection has.
    let (status, many) = edit(&anna, json!({ "ids": vec![own; 20_000], "set": { "title": "Many" } }));
    assert_eq!((status, &many["changed"]), (200, &json!(1)), "{many}");
    assert_eq!(undo(&anna, &many), (200, json!({ "changed": 1 })));

    for wrong in [
        json!({ "ids": [own] }),
        json!({ "ids": [], "set": { "title": "x" } }),
        json!({ "ids": [own], "set": { "gps": [1, 2] } }),
        json!({ "ids": [own], "set": { "gps": { "lat": 90.1, "lon": 0 } } }),
        json!({ "ids": [own], "set": { "gps": { "lat": 1, "lon": 2, "alt": 3 } } }),
        json!({ "ids": [own], "set": { "gps": { "lat": 1 } } }),
        json!({ "ids": [own], "set": { "title": 7 } }),
        json!({ "ids": [own], "set": { "mood": "glad" } }),
        json!({ "ids": [own], "set": { "rating": 6 } }),
        json!({ "ids": [own], "set": { "taken": "yesterday" } }),
        json!({ "ids": [own], "shift_taken": "2h" }),
        json!({ "ids": [own], "add_tags": [" "] }),
        json!({ "ids": vec![own; 20_001], "set": { "title": "x" } }),
    ] {
        assert_eq!(edit(&anna, wrong.clone()).0, 400, "{wrong}");
    }

    both.stop_engine();
    let answer = both.portal.ask(&anna, "POST", "/items/edit", Some(&title(json!([own]))));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(both.item(&anna, own), before, "what is there is still shown");
}

#[test]
fn albums_are_made_filled_changed_and_deleted_by_their_owner() {
    let mut both = Both::new();
    let [anna, ben] = ["anna", "ben"].map(|name| both.portal.sign_in(name));
    let mut annas = Listening::new(&both.portal, &anna);
    both.start_engine();
    annas.runs(true);
    both.photo("shared/trips/shared.jpg");
    let shared = annas.indexed("shared.jpg");
    both.photo("homes/anna/Photos/annas.jpg");
    let own = annas.indexed("annas.jpg");

    let (status, album) = both.ask(&anna, "POST", "/albums", json!({ "name": "Sea", "items": [own] }));
    assert_eq!((status, &album["items"], &album["owner"]), (201, &json!(1), &json!("anna")), "{album}");
    let id = album["id"].as_i64().unwrap();
    assert_eq!(annas.until("album_changed", |_| true)["album"], id);
    let at = format!("/albums/{id}");
    let items = format!("{at}/items");
    assert_eq!(both.ask(&anna, "POST", "/albums", json!({ "name": "Sea" })).0, 409);
    let (status, bens) = both.ask(&ben, "POST", "/albums", json!({ "name": "Sea" }));
    assert_eq!(status, 201, "a name is taken for its owner alone");
    let bens = format!("/albums/{}/items", bens["id"]);

    assert_eq!(
        both.ask(&anna, "POST", &items, json!({ "add": [shared, own] })).1,
        json!({ "added": 1, "removed": 0 })
    );
    assert_eq!(both.ask(&anna, "GET", &at, Value::Null).1["items"], 2);
    assert_eq!(both.ask(&ben, "POST", &bens, json!({ "add": [shared] })).0, 200);
    let (unknown, answer) = both.ask(&ben, "POST", &bens, json!({ "add": [999_999] }));
    assert_eq!(unknown, 404);
    assert_eq!(both.ask(&ben, "POST", &bens, json!({ "add": [own] })), (404, answer.clone()));
    assert_eq!(
        both.ask(&anna, "POST", &items, json!({ "remove": [own] })).1,
        json!({ "added": 0, "removed": 1 })
    );

    let change = json!({ "name": "Sea and sand", "description": "Summer", "cover": shared });
    let (status, changed) = both.ask(&anna, "PATCH", &at, change);
    assert_eq!((status, &changed["name"]), (200, &json!("Sea and sand")), "{changed}");
    assert_eq!((&changed["description"], &changed["cover"]["id"]), (&json!("Summer"), &json!(shared)));
    assert_eq!(both.ask(&anna, "PATCH", &at, json!({ "query": "tag:x" })).0, 409, "it is picked by hand");
    for (method, path, body) in [
        ("PATCH", &at, json!({ "name": "Mine" })),
        ("DELETE", &at, Value::Null),
        ("POST", &items, json!({ "add": [shared] })),
        ("GET", &at, Value::Null),
    ] {
        assert_eq!(both.ask(&ben, method, path, body), (404, answer.clone()), "{method} {path}");
    }

    let (status, found) = both.ask(&anna, "POST", "/albums", json!({ "name": "All", "query": "kind:photo" }));
    assert_eq!((status, &found["items"]), (201, &json!(2)), "{found}");
    let fill = format!("/albums/{}/items", found["id"]);
    assert_eq!(both.ask(&anna, "POST", &fill, json!({ "add": [own] })).0, 409);
    assert_eq!(both.ask(&anna, "POST", "/albums", json!({ "name": "Nested", "query": "album:Sea" })).0, 400);
    assert_eq!(both.ask(&anna, "POST", "/albums", json!({ "name": "Bad", "query": "rating:" })).0, 400);

    assert_eq!(both.ask(&anna, "DELETE", &at, Value::Null).0, 204);
    assert_eq!(both.ask(&anna, "GET", &at, Value::Null), (404, answer));
    let (_, log) = both.ask(&anna, "GET", "/me/activity", Value::Null);
    assert!(log.to_string().contains("album_removed"), "{log}");
    assert_eq!(both.item(&anna, shared)["name"], "shared.jpg");
    assert!(both.portal.done(&["verify"], "").ends_with("ok\n"));
}

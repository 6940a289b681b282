//! Items: which are seen by whom, and how their pictures and files are sent. The index is made by the index crate's own schema.

use crate::fixture::{Answer, Client, Portal};
use albumen_index::Index;
use serde_json::json;
use std::collections::BTreeMap;

/// A photo of each kind of place, by its path below the fixture's folder.
const PHOTOS: &[&str] = &[
    "homes/anna/Photos/private-anna.jpg",
    "homes/ben/Photos/private-ben.jpg",
    "shared/plain/plain.jpg",
    "shared/trips/2023/granted.jpg",
    "shared/trips/2024/not-granted.jpg",
    "shared/open/public.jpg",
    "shared/open/closed/not-public.jpg",
    "shared/locked/locked.jpg",
    "attic/of-none.jpg",
];

struct Made {
    portal: Portal,
    /// Ids by the names of the files.
    ids: BTreeMap<String, i64>,
}

fn content(name: &str) -> Vec<u8> {
    format!("the bytes of {name} ").repeat(20_000).into_bytes()
}

fn made() -> Made {
    let mut portal = Portal::new();
    for photo in PHOTOS {
        let path = portal.path(photo);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content(path.file_name().unwrap().to_str().unwrap())).unwrap();
    }
    let index = portal.path("index");
    drop(Index::open_indexing(&index, || ()).unwrap());
    let conn = rusqlite::Connection::open(index.join("index.sqlite")).unwrap();
    let mut ids = BTreeMap::new();
    for photo in PHOTOS {
        let (space, kind, volume, rest) = match photo.split('/').collect::<Vec<_>>()[..] {
            ["homes", name, "Photos", ..] => {
                (name, "personal", format!("homes/{name}/Photos"), format!("homes/{name}/Photos/"))
            }
            ["attic", ..] => ("attic", "personal", "attic".to_owned(), "attic/".to_owned()),
            _ => ("family", "shared", "shared".to_owned(), "shared/".to_owned()),
        };
        let below = photo.strip_prefix(&rest).unwrap();
        let (folder, name) = below.rsplit_once('/').unwrap_or(("", below));
        let volume = portal.path(&volume);
        let volume = volume.to_str().unwrap();
        let hash = format!("b3:{name}");
        conn.execute("INSERT OR IGNORE INTO spaces (name, kind) VALUES (?1, ?2)", [space, kind]).unwrap();
        conn.execute(
            "INSERT OR IGNORE INTO volumes (space_id, path) SELECT id, CAST(?2 AS BLOB) FROM spaces WHERE name = ?1",
            [space, volume],
        )
        .unwrap();
        conn.execute(
            "INSERT OR IGNORE INTO folders (volume_id, path) SELECT id, CAST(?2 AS BLOB) FROM volumes WHERE path = CAST(?1 AS BLOB)",
            [volume, folder],
        )
        .unwrap();
        conn.execute(
            "INSERT INTO files (folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added, content_hash, facts)
             SELECT d.id, CAST(?3 AS BLOB), 1, 1, 1, 1, 1, 1, ?4, '{\"kind\":\"photo\",\"format\":\"jpeg\"}'
             FROM folders d JOIN volumes v ON v.id = d.volume_id WHERE v.path = CAST(?1 AS BLOB) AND d.path = CAST(?2 AS BLOB)",
            [volume, folder, name, &hash],
        )
        .unwrap();
        let id = conn.last_insert_rowid();
        conn.execute(
            "INSERT INTO items (file_id, space_id, folder_id, kind, format, added, hidden)
             SELECT f.id, v.space_id, d.id, 'photo', 'jpeg', 1, 0
             FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id WHERE f.id = ?1",
            [id],
        )
        .unwrap();
        let derived = format!("derived/{name}.m");
        std::fs::create_dir_all(index.join("derived")).unwrap();
        std::fs::write(index.join(&derived), format!("thumbnail of {name}")).unwrap();
        conn.execute(
            "INSERT INTO derivatives (content_hash, name, path, width, height, bytes) VALUES (?1, 'm', ?2, 1, 1, 1)",
            [&hash, &derived],
        )
        .unwrap();
        ids.insert(name.strip_suffix(".jpg").unwrap().to_owned(), id);
    }
    portal.add("root", &["--admin"]);
    portal.add("anna", &["--access", "family=full"]);
    portal.add("ben", &["--access", "family=custom"]);
    portal.start();
    let root = portal.sign_in("root");
    let put = |path: &str, body: serde_json::Value| {
        assert_eq!(portal.ask(&root, "PUT", path, Some(&body)).status, 204);
    };
    put("/spaces/family/grants", json!({ "path": "trips/2023", "account": "ben", "rights": ["view"] }));
    put("/spaces/family/visibility", json!({ "path": "open", "visibility": "public" }));
    put("/spaces/family/visibility", json!({ "path": "open/closed", "visibility": "private" }));
    put(
        "/spaces/family/visibility",
        json!({ "path": "locked", "visibility": "password", "password": "kettle violet" }),
    );
    Made { portal, ids }
}

fn seen(made: &Made, client: &Client, of: &str) -> Vec<String> {
    let unknown = made.portal.ask(client, "GET", "/items/999999", None);
    assert_eq!(unknown.status, 404);
    let is_seen = |id: &i64| {
        let answer = made.portal.ask(client, "GET", &format!("/items/{id}{of}"), None);
        let same = |a: &Answer| {
            let mut headers = a.headers.clone();
            headers.retain(|(n, _)| n != "date");
            (a.status, headers, a.text.clone())
        };
        assert!(answer.status == 200 || same(&answer) == same(&unknown), "{answer:?}");
        answer.status == 200
    };
    made.ids.iter().filter(|(_, id)| is_seen(id)).map(|(name, _)| name.clone()).collect()
}

/// Names of the items that the lists show, which must count as many in the timeline.
fn listed(made: &Made, client: &Client) -> Vec<String> {
    let page = made.portal.ask(client, "GET", "/items?limit=500", None).json();
    let ids: Vec<i64> = page["items"].as_array().unwrap().iter().map(|i| i["id"].as_i64().unwrap()).collect();
    let timeline = made.portal.ask(client, "GET", "/timeline", None).json();
    assert_eq!(timeline["undated"].as_u64(), Some(ids.len() as u64));
    made.ids.iter().filter(|(_, id)| ids.contains(id)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn lists_show_what_is_seen_one_by_one() {
    let made = made();
    let visitor = Client::default();
    let unlock = json!({ "space": "family", "path": "locked", "password": "kettle violet" });
    let unlocked = Client::with_cookie(&made.portal.ask(&visitor, "POST", "/unlock", Some(&unlock)).cookie());
    let accounts = ["root", "anna", "ben"].map(|name| made.portal.sign_in(name));
    for client in [&visitor, &unlocked].into_iter().chain(&accounts) {
        assert_eq!(listed(&made, client), seen(&made, client, ""));
    }
}

#[test]
fn each_sees_his_items_and_the_others_are_not_there() {
    let made = made();
    let visitor = Client::default();
    let unlock = json!({ "space": "family", "path": "locked", "password": "kettle violet" });
    let unlocked = Client::with_cookie(&made.portal.ask(&visitor, "POST", "/unlock", Some(&unlock)).cookie());
    let (root, anna, ben) =
        (made.portal.sign_in("root"), made.portal.sign_in("anna"), made.portal.sign_in("ben"));
    let shared = ["granted", "locked", "not-granted", "not-public", "plain"];
    let all_shared: Vec<&str> = shared.iter().copied().chain(["public"]).collect();
    let with = |more: &'static str| {
        let mut all = all_shared.clone();
        all.push(more);
        all.sort_unstable();
        all
    };
    let view = made.portal.token(&anna, json!(["view"]));
    for of in ["", "/thumbnail/m"] {
        assert_eq!(seen(&made, &visitor, of), ["public"], "{of}");
        assert_eq!(seen(&made, &unlocked, of), ["locked", "public"], "{of}");
        assert_eq!(seen(&made, &ben, of), ["granted", "private-ben", "public"], "{of}");
        assert_eq!(seen(&made, &anna, of), with("private-anna"), "{of}");
        assert_eq!(seen(&made, &root, of), all_shared, "an administrator sees no personal space: {of}");
        assert_eq!(seen(&made, &view, of), with("private-anna"), "{of}");
    }
    // Originals: with the right to download, and where the switch allows it.
    assert_eq!(seen(&made, &visitor, "/original"), Vec::<String>::new());
    assert_eq!(seen(&made, &view, "/original"), Vec::<String>::new());
    assert_eq!(seen(&made, &ben, "/original"), ["private-ben", "public"]);
    assert_eq!(seen(&made, &anna, "/original"), with("private-anna"));
    made.portal.ask(&root, "PATCH", "/settings", Some(&json!({ "guests_download_originals": true })));
    assert_eq!(seen(&made, &visitor, "/original"), ["public"]);
    made.portal.ask(&root, "PATCH", "/settings", Some(&json!({ "accounts_download_originals": false })));
    assert_eq!(seen(&made, &anna, "/original"), Vec::<String>::new());
}

#[test]
fn an_item_has_no_absolute_path_and_says_what_may_be_done() {
    let made = made();
    let ben = made.portal.sign_in("ben");
    let item = made.portal.ask(&ben, "GET", &format!("/items/{}", made.ids["granted"]), None);
    assert!(!item.text.contains(made.portal.dir.path().to_str().unwrap()), "{}", item.text);
    let item = item.json();
    assert_eq!(item["space"], "family");
    assert_eq!(item["folder"], "trips/2023");
    assert_eq!(item["name"], "granted.jpg");
    assert_eq!(item["rights"], json!(["view"]));
    assert!(item["derivatives"][0]["version"].is_string());
}

#[test]
fn thumbnails_are_kept_for_ever_under_their_version() {
    let made = made();
    let anna = made.portal.sign_in("anna");
    let path = format!("/items/{}/thumbnail/m", made.ids["plain"]);
    let first = made.portal.ask(&anna, "GET", &path, None);
    assert_eq!((first.status, first.text.as_str()), (200, "thumbnail of plain.jpg"));
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let etag = first.header("etag").unwrap().to_owned();
    let versioned = made.portal.ask(&anna, "GET", &format!("{path}?v={}", etag.trim_matches('"')), None);
    assert_eq!(versioned.header("cache-control"), Some("private, max-age=31536000, immutable"));
    let again = Client { headers: vec![("If-None-Match", etag)], ..anna.clone() };
    assert_eq!(made.portal.ask(&again, "GET", &path, None).status, 304);
    assert_eq!(
        made.portal.ask(&anna, "GET", &format!("/items/{}/thumbnail/huge", made.ids["plain"]), None).status,
        404
    );
}

#[test]
fn originals_come_by_ranges_and_through_no_link() {
    let made = made();
    let anna = made.portal.sign_in("anna");
    let path = format!("/items/{}/original", made.ids["plain"]);
    let whole = made.portal.ask(&anna, "GET", &path, None);
    assert_eq!(whole.text.as_bytes(), content("plain.jpg"));
    assert_eq!(whole.header("content-type"), Some("image/jpeg"));
    assert_eq!(whole.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    assert_eq!(whole.header("content-disposition"), None);
    let ranged = |range: &str| {
        let client = Client { headers: vec![("Range", range.to_owned())], ..anna.clone() };
        made.portal.ask(&client, "GET", &path, None)
    };
    let part = ranged("bytes=4-8");
    assert_eq!((part.status, part.text.as_str()), (206, "bytes"));
    assert_eq!(part.header("content-range").unwrap(), format!("bytes 4-8/{}", whole.text.len()));
    assert_eq!(ranged("bytes=999999999-").status, 416);
    assert_eq!(ranged("bytes=0-1,4-5").status, 200);
    let saved = made.portal.ask(&anna, "GET", &format!("{path}?download=1"), None);
    assert_eq!(
        saved.header("content-disposition"),
        Some("attachment; filename=\"plain.jpg\"; filename*=UTF-8''plain.jpg")
    );
    // Since it was indexed the file has become a link to another's photo.
    let file = made.portal.path("shared/plain/plain.jpg");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(made.portal.path("homes/ben/Photos/private-ben.jpg"), &file).unwrap();
    assert_eq!(made.portal.ask(&anna, "GET", &path, None).status, 404);
    std::fs::rename(made.portal.path("shared/plain"), made.portal.path("shared/moved")).unwrap();
    std::os::unix::fs::symlink(made.portal.path("homes/ben/Photos"), made.portal.path("shared/plain"))
        .unwrap();
    assert_eq!(made.portal.ask(&anna, "GET", &path, None).status, 404);
}

#[test]
fn without_an_index_the_portal_says_so() {
    let mut portal = Portal::new();
    portal.add("anna", &["--admin"]);
    portal.start();
    let anna = portal.sign_in("anna");
    let answer = portal.ask(&anna, "GET", "/items/1", None);
    assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(portal.ask(&anna, "GET", "/me", None).status, 200);
}

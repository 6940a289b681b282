//! Items: who sees which, and how their pictures and files are sent. The index is created with the index
//! crate's own schema.

use crate::fixture::{Answer, Client, Portal};
use albumen_index::Index;
use albumen_index::testing::{Database, Photo};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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

/// A word that identifies an item: in its tag, subject, place, person, failure.
fn word(id: i64) -> String {
    format!("q{id}q")
}

/// The items whose words are in a text.
pub(crate) fn named_in(made: &Made, text: &str) -> Vec<String> {
    made.ids.iter().filter(|(_, id)| text.contains(&word(**id))).map(|(name, _)| name.clone()).collect()
}

pub(crate) struct Made {
    pub portal: Portal,
    /// Ids by the names of the files.
    pub ids: BTreeMap<String, i64>,
}

fn content(name: &str) -> Vec<u8> {
    format!("the bytes of {name} ").repeat(20_000).into_bytes()
}

pub(crate) fn made() -> Made {
    let mut portal = Portal::new();
    for photo in PHOTOS {
        let path = portal.path(photo);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content(path.file_name().unwrap().to_str().unwrap())).unwrap();
    }
    let index = portal.path("index");
    drop(Index::open_indexing(&index, || ()).unwrap());
    let database = Database::open(&index);
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
        let derived = format!("derived/{name}.m");
        std::fs::create_dir_all(index.join("derived")).unwrap();
        std::fs::write(index.join(&derived), format!("thumbnail of {name}")).unwrap();
        let id = database.put_photo(&Photo {
            space,
            kind,
            volume,
            folder,
            name,
            content_hash: &hash,
            derived: &derived,
        });
        database.mark_photo(id, &word(id), &portal.path(photo));
        ids.insert(name.strip_suffix(".jpg").unwrap().to_owned(), id);
    }
    portal.add("root", &["--admin"]);
    portal.add("anna", &["--access", "family=full"]);
    portal.add("ben", &["--access", "family=custom"]);
    // Accounts are numbered in order of creation: anna is 2, ben 3.
    database.put_albums();
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

pub(crate) fn seen(made: &Made, client: &Client, of: &str) -> Vec<String> {
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

/// A visitor, one who gave the password of a folder, an administrator, an account with all of the shared space, one with a
/// folder of it.
pub(crate) fn callers(made: &Made) -> Vec<(&'static str, Client)> {
    let visitor = Client::default();
    let unlock = json!({ "space": "family", "path": "locked", "password": "kettle violet" });
    let unlocked = Client::with_cookie(&made.portal.ask(&visitor, "POST", "/unlock", Some(&unlock)).cookie());
    let accounts = ["root", "anna", "ben"].map(|name| (name, made.portal.sign_in(name)));
    [("visitor", visitor), ("unlocked", unlocked)].into_iter().chain(accounts).collect()
}

#[test]
fn lists_show_what_is_seen_one_by_one() {
    let made = made();
    for (name, client) in callers(&made) {
        let seen = seen(&made, &client, "");
        assert_eq!(listed(&made, &client), seen, "{name}");
        for list in ["/tags", "/subjects", "/places"] {
            let answer = made.portal.ask(&client, "GET", list, None);
            assert_eq!(named_in(&made, &answer.text), seen, "{name} {list}");
        }
        let tags = made.portal.ask(&client, "GET", "/tags", None).json();
        let common = tags["tags"].as_array().unwrap().iter().find(|t| t["name"] == "common").unwrap();
        assert_eq!(common["items"].as_u64(), Some(seen.len() as u64), "{name}");
        let one_space = made.portal.ask(&client, "GET", "/tags?space=attic", None);
        assert_eq!(one_space.json(), json!({ "tags": [] }), "{name}");
    }
}

/// Spaces whose people a caller sees.
pub(crate) fn whole_spaces(name: &str) -> &'static [&'static str] {
    match name {
        "root" => &["family"],
        "anna" => &["family", "anna"],
        "ben" => &["ben"],
        _ => &[],
    }
}

pub(crate) fn space_of(name: &str) -> &'static str {
    match name {
        "private-anna" => "anna",
        "private-ben" => "ben",
        "of-none" => "attic",
        _ => "family",
    }
}

#[test]
fn suggestions_facets_and_maps_are_of_what_is_seen() {
    let made = made();
    for (name, client) in callers(&made) {
        let ask = |path: &str| made.portal.ask(&client, "GET", path, None);
        let seen = seen(&made, &client, "");
        let with_people: Vec<String> =
            seen.iter().filter(|item| whole_spaces(name).contains(&space_of(item))).cloned().collect();
        let of_kind = |answer: &Value, kind: &str| -> Vec<String> {
            let all = answer["suggestions"].as_array().unwrap().iter().filter(|s| s["kind"] == kind);
            named_in(&made, &all.map(Value::to_string).collect::<String>())
        };
        let suggested = ask("/search/suggest?q=q").json();
        for kind in ["tag", "subject", "country", "region", "city"] {
            assert_eq!(of_kind(&suggested, kind), seen, "{name} {kind}");
        }
        assert_eq!(of_kind(&suggested, "person"), with_people, "{name}");
        // Each suggestion finds its object.
        for one in suggested["suggestions"].as_array().unwrap() {
            let query = one["query"].as_str().unwrap().replace(' ', "%20").replace('"', "%22");
            let found = ask(&format!("/items?q={query}")).json();
            assert_eq!(found["items"].as_array().unwrap().len(), 1, "{name} {one}");
        }

        let facets = ask("/facets").json();
        assert_eq!(facets["items"].as_u64(), Some(seen.len() as u64), "{name}");
        for condition in ["tag", "subject", "country", "city", "camera"] {
            assert_eq!(named_in(&made, &facets["facets"][condition].to_string()), seen, "{name} {condition}");
        }
        assert_eq!(named_in(&made, &facets["facets"]["person"].to_string()), with_people, "{name}");
        assert_eq!(
            facets["facets"]["iso"],
            json!([{ "value": "100", "items": seen.len(), "query": "iso:100" }])
        );
        assert_eq!(ask("/facets?q=tag:nowhere").json(), json!({ "items": 0, "facets": {} }));

        let ids: BTreeSet<i64> = seen.iter().map(|name| made.ids[name]).collect();
        let map = ask("/map?zoom=22").json();
        let on_map = map["clusters"].as_array().unwrap().iter().map(|c| c["item"].as_i64().unwrap());
        assert_eq!(on_map.collect::<BTreeSet<_>>(), ids, "{name}");
        let whole = ask("/map?zoom=0&box=-90,-180,90,180").json();
        assert_eq!(whole["items"].as_u64(), Some(seen.len() as u64), "{name}");
        // Each lies at its number times five degrees north.
        let north = ask("/map?zoom=22&box=22.5,-180,90,180").json();
        assert_eq!(north["items"].as_u64(), Some(ids.iter().filter(|id| **id >= 5).count() as u64), "{name}");
        assert_eq!(ask("/map?box=1,2,3").status, 400);
    }
}

#[test]
fn folders_are_suggested_where_something_of_them_is_seen() {
    let made = made();
    for (name, client) in callers(&made) {
        let suggested = |text: &str| -> Vec<String> {
            let path = format!("/search/suggest?q={text}");
            let answer = made.portal.ask(&client, "GET", &path, None).json();
            let folders = answer["suggestions"].as_array().unwrap().iter().filter(|s| s["kind"] == "folder");
            folders.map(|f| f["path"].as_str().unwrap().to_owned()).collect()
        };
        let (trips, years, closed): (&[&str], &[&str], &[&str]) = match name {
            "visitor" | "unlocked" => (&[], &[], &[]),
            "ben" => (&["trips"], &["trips/2023"], &[]),
            _ => (&["trips"], &["trips/2023", "trips/2024"], &["open/closed"]),
        };
        assert_eq!(suggested("tri"), trips, "{name}");
        assert_eq!(suggested("202"), years, "{name}");
        assert_eq!(suggested("clo"), closed, "{name}");
        assert_eq!(suggested("rips"), [""; 0], "the middle of a word");
    }
}

#[test]
fn albums_are_their_owners_and_show_what_he_sees() {
    let made = made();
    for (name, client) in callers(&made) {
        let ask = |path: &str| made.portal.ask(&client, "GET", path, None);
        let albums = ask("/albums").json();
        let shown: Vec<(String, u64)> = albums["albums"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| (a["name"].as_str().unwrap().to_owned(), a["items"].as_u64().unwrap()))
            .collect();
        let count = seen(&made, &client, "").len() as u64;
        let own: &[&str] = match name {
            "anna" => &["Annas best", "Annas cities"],
            "ben" => &["Bens"],
            _ => &[],
        };
        assert_eq!(shown, own.iter().map(|n| ((*n).to_owned(), count)).collect::<Vec<_>>(), "{name}");
        for (id, album) in [(1, "Annas best"), (2, "Annas cities"), (3, "Bens"), (4, "Of the command line")] {
            let is_own = own.contains(&album);
            let one = ask(&format!("/albums/{id}"));
            let unknown = ask("/albums/999");
            assert_eq!(one.status, if is_own { 200 } else { 404 }, "{name} {album}");
            assert!(is_own || one.text == unknown.text, "{name} {album}");
            let expected = if is_own { count as usize } else { 0 };
            let by_name = album.to_lowercase().replace(' ', "%20");
            for list in [format!("/items?album={id}"), format!("/items?q=album:%22{by_name}%22")] {
                let items = ask(&list).json();
                assert_eq!(items["items"].as_array().unwrap().len(), expected, "{name} {list}");
            }
        }
        let suggested = ask("/search/suggest?q=annas").json();
        let has_albums = suggested["suggestions"].as_array().unwrap().iter().any(|s| s["kind"] == "album");
        assert_eq!(has_albums, name == "anna", "{name}");
    }
}

#[test]
fn failures_and_jobs_are_of_what_is_seen() {
    let made = made();
    for (name, client) in callers(&made) {
        if ["visitor", "unlocked"].contains(&name) {
            assert_eq!(made.portal.ask(&client, "GET", "/failures", None).status, 401);
            continue;
        }
        let seen = seen(&made, &client, "");
        let failures = made.portal.ask(&client, "GET", "/failures", None);
        assert_eq!(named_in(&made, &failures.text), seen, "{name}");
        let dir = made.portal.dir.path().to_str().unwrap();
        assert!(!failures.text.contains(dir), "{}", failures.text);
        // Page by page it is the same.
        let (mut paged, mut after) = (String::new(), String::new());
        loop {
            let page =
                made.portal.ask(&client, "GET", &format!("/failures?limit=2&after={after}"), None).json();
            paged += &page["failures"].to_string();
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(named_in(&made, &paged), seen, "{name}");
        let jobs = made.portal.ask(&client, "GET", "/jobs", None);
        let places: BTreeSet<String> = jobs.json()["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|j| j["places"][0]["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect();
        assert_eq!(places, seen.iter().map(|name| format!("{name}.jpg")).collect(), "{name}");
        assert!(!jobs.text.contains(dir), "{}", jobs.text);
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
    // Originals: with the right to download, and if the switch allows it.
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

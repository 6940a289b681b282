//! Tests of search, albums, tags and edits, with the program itself on a small library.

use crate::support;
use crate::support::ROOT;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

struct Library {
    dir: TempDir,
}

impl Library {
    /// Two photos that have their dates from their names.
    fn new() -> Library {
        let library = Library { dir: tempfile::tempdir().unwrap() };
        let photos = library.photos();
        std::fs::create_dir_all(&photos).unwrap();
        let kinds = Path::new(ROOT).join("testdata/kinds");
        std::fs::copy(kinds.join("plain.jpg"), photos.join("IMG_20230701_102030.jpg")).unwrap();
        std::fs::copy(kinds.join("grey.jpg"), photos.join("IMG_20190505_050505.jpg")).unwrap();
        library.ok(&["index", "--no-recognise", photos.to_str().unwrap()]);
        library
    }

    fn photos(&self) -> PathBuf {
        self.dir.path().join("photos")
    }

    fn run(&self, arguments: &[&str]) -> support::Left {
        support::run_in(self.dir.path(), &[], arguments)
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        support::answer(self.run(arguments), arguments)
    }

    /// Names found, in order.
    fn find(&self, query: &[&str]) -> Vec<String> {
        let answer = self.ok(&[&["search"], query].concat());
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn what_a_user_says_is_found_and_survives_a_reindex() {
    let library = Library::new();
    let new = library.photos().join("IMG_20230701_102030.jpg");
    let new = new.to_str().unwrap();
    assert_eq!(library.find(&["2023"]), ["IMG_20230701_102030.jpg"]);
    assert_eq!(library.find(&["kind:photo"]), ["IMG_20230701_102030.jpg", "IMG_20190505_050505.jpg"]);

    library.ok(&["tags", "add", "garden", new]);
    library.ok(&[
        "edit",
        new,
        "--title",
        "Roses in June",
        "--date",
        "2018-06-01T12:00:00+02:00",
        "--rating",
        "5",
    ]);
    library.ok(&["albums", "create", "Flowers", "--search", "tag:garden"]);
    library.ok(&["albums", "create", "Best"]);
    library.ok(&["albums", "add", "Best", new]);
    let check = || {
        for query in [
            &["roses", "tag:garden", "rating:5"][..],
            &["date:2018-06-01"],
            &["title:roses in june"],
            &["album:flowers"],
            &["album:best", "-nothing"],
        ] {
            assert_eq!(library.find(query), ["IMG_20230701_102030.jpg"], "{query:?}");
        }
        assert_eq!(library.find(&["2023"]), [""; 0]);
        let item = library.ok(&["show", new]);
        assert_eq!(item["taken"]["source"], "edit");
        assert_eq!(item["taken"]["utc"], "2018-06-01T10:00:00Z");
        assert_eq!(item["tags"], serde_json::json!(["garden"]));
    };
    check();
    library.ok(&["reindex", "--stage", "inspect", library.photos().to_str().unwrap()]);
    check();
    // A move keeps the edits.
    let moved = library.photos().join("moved.jpg");
    std::fs::rename(new, &moved).unwrap();
    library.ok(&["index", "--no-recognise", library.photos().to_str().unwrap()]);
    assert_eq!(library.find(&["roses", "tag:garden", "album:best"]), ["moved.jpg"]);

    library.ok(&["edit", moved.to_str().unwrap(), "--forget", "title", "--forget", "rating"]);
    assert_eq!(library.find(&["roses"]), [""; 0]);
}

/// An XMP sidecar with a position in Berlin.
const BERLIN: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,30.978N" exif:GPSLongitude="13,22.662E"/>
</rdf:RDF></x:xmpmeta>"#;

#[test]
fn an_edited_position_survives_a_reindex_a_move_and_a_restore() {
    let library = Library::new();
    let photos = library.photos();
    let photo = photos.join("IMG_20230701_102030.jpg");
    std::fs::write(photos.join("IMG_20230701_102030.xmp"), BERLIN).unwrap();
    let index = || library.ok(&["index", "--no-recognise", photos.to_str().unwrap()]);
    index();
    let name = ["IMG_20230701_102030.jpg"];
    assert_eq!(library.find(&["country:de"]), name);
    let item = photo.to_str().unwrap();
    library.ok(&["edit", item, "--gps", "-33.8568,151.2153"]);
    let is_in_sydney = |path: &str| {
        let item = library.ok(&["show", path]);
        assert_eq!(item["gps"], serde_json::json!({ "lat": -33.8568, "lon": 151.2153 }));
        assert_eq!((&item["sources"]["gps"], &item["place"]["city"]), (&"edit".into(), &"Sydney".into()));
        for query in ["place:sydney", "near:-33.86,151.21,2", "country:au"] {
            assert_eq!(library.find(&[query]), [Path::new(path).file_name().unwrap().to_str().unwrap()]);
        }
        assert_eq!(library.find(&["country:de"]), [""; 0]);
    };
    is_in_sydney(item);
    let (_, export, _) = library.run(&["export"]);
    assert!(export.contains(r#""gps":{"lat":-33.8568,"lon":151.2153}"#), "{export}");
    for stage in ["inspect", "places"] {
        library.ok(&["reindex", "--stage", stage, photos.to_str().unwrap()]);
        is_in_sydney(item);
    }
    library.ok(&["verify"]);
    let moved = photos.join("moved.jpg");
    std::fs::rename(&photo, &moved).unwrap();
    std::fs::rename(photos.join("IMG_20230701_102030.xmp"), photos.join("moved.xmp")).unwrap();
    index();
    let item = moved.to_str().unwrap();
    is_in_sydney(item);

    let backups = library.dir.path().join("backups");
    let backup = library.ok(&["backup", backups.to_str().unwrap()]);
    library.ok(&["edit", item, "--no-gps"]);
    assert!(library.ok(&["show", item])["gps"].is_null());
    assert_eq!(library.find(&["has:gps"]), [""; 0]);
    library.ok(&["restore", backup["path"].as_str().unwrap()]);
    is_in_sydney(item);
    library.ok(&["edit", item, "--forget", "gps"]);
    assert_eq!(library.find(&["country:de"]), ["moved.jpg"]);
    let source = library.ok(&["show", item])["sources"]["gps"].as_str().unwrap().to_owned();
    assert!(source.starts_with("sidecar:"), "{source}");

    for (wrong, said) in [
        ("91,0", "from -90 to 90"),
        ("0,181", "from -180 to 180"),
        ("NaN,0", "from -90 to 90"),
        ("Sydney", "write LAT,LON"),
    ] {
        let (code, _, err) = library.run(&["edit", item, "--gps", wrong]);
        assert!(code == Some(2) && err.contains(said), "{wrong}: {err}");
    }
    let (code, _, err) = library.run(&["edit", item, "--gps", "0,0", "--no-gps"]);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn a_photo_that_was_not_looked_at_says_so_when_it_is_compared() {
    let library = Library::new();
    let (code, out, err) =
        library.run(&["similar", library.photos().join("IMG_20230701_102030.jpg").to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("cannot be compared"), "{err}");
}

#[test]
fn usage_errors_leave_with_2_and_unknown_files_with_1() {
    let library = Library::new();
    for (arguments, code) in [
        (&["search", "colour:red"][..], 2),
        (&["search", "x", "--after", "nonsense"], 2),
        (&["albums", "create", "Nested", "--search", "album:x"], 2),
        (&["edit", "nowhere.jpg", "--date", "yesterday"], 2),
        (&["edit", "nowhere.jpg", "--title", "x"], 1),
        (&["tags", "add", "x", "nowhere.jpg"], 1),
        (&["albums", "delete", "none"], 1),
        (&["similar", "nowhere.jpg"], 1),
        (&["similar", "999"], 1),
        (&["search", "--space", "nobody"], 1),
        (&["export", "--space", "nobody"], 1),
        (&["albums", "create", " "], 2),
        (&["tags", "add", " ", "nowhere.jpg"], 2),
        (&["search", "nothing"], 0),
    ] {
        let (found, out, err) = library.run(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {out}{err}");
    }
}

#[test]
fn the_gazetteer_answers_without_an_index() {
    let library = Library { dir: tempfile::tempdir().unwrap() };
    let spot = library.ok(&["places", "--at", "-33.8568", "151.2153"]);
    assert_eq!(spot["place"]["city"], "Sydney");
    assert_eq!(spot["zone"], "Australia/Sydney");
    assert_eq!(library.ok(&["places", "--at", "0", "0"]), serde_json::json!({}));
}

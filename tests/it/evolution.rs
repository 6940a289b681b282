//! An index of every schema version, written by a program of that version (tests/data/README.md): opened,
//! migrated, verified, exported, restored, and compared with the export of that time.

use crate::support::ROOT;
use albumen_index::account_edits::AccountEdit;
use albumen_index::edits::Edit;
use albumen_index::testing::{Database, make_unreleased};
use albumen_index::{Editor, Index, IndexReader, schema};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The account that has edits in each of them.
const ACCOUNT: i64 = 7;

/// A backup of an index, and its export of that time.
struct Fixture {
    backup: PathBuf,
    export: PathBuf,
}

impl Fixture {
    fn of(schema: u32) -> Fixture {
        let data = Path::new(ROOT).join("tests/data");
        let name = format!("schema-{schema:04}");
        Fixture { backup: data.join(&name), export: data.join(name + ".jsonl") }
    }

    /// One for each schema that was ever released.
    fn all() -> impl Iterator<Item = Fixture> {
        (1..=schema::VERSION).map(Fixture::of)
    }
}

fn albumen(index: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_albumen"))
        .args(["--config", "/dev/null", "--index"])
        .arg(index)
        .args(arguments)
        .output()
        .unwrap()
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// The output of a command, which must succeed.
fn done(index: &Path, arguments: &[&str]) -> String {
    let out = albumen(index, arguments);
    assert_eq!(out.status.code(), Some(0), "{arguments:?}: {}", said(&out));
    String::from_utf8(out.stdout).unwrap()
}

fn json(index: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(index, arguments)).unwrap()
}

/// Whether all edits of that time still exist; there may be more.
fn holds(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(key, then)| now.get(key).is_some_and(|now| holds(now, then)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| holds(now, then))
        }
        _ => now == then,
    }
}

fn items(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Items, edits, albums, people, and the logs of edits.
fn is_all_there(index: &Path, fixture: &Fixture) {
    done(index, &["verify", "--json"]);
    let now = items(&done(index, &["export"]));
    let then = items(&std::fs::read_to_string(&fixture.export).unwrap());
    assert_eq!(then.len(), 3);
    for (now, then) in now.iter().zip(&then) {
        assert!(holds(now, then), "now: {now}\nthen: {then}");
    }
    assert_eq!(now.len(), then.len());
    assert_eq!((&then[2]["title"], &then[2]["rating"]), (&"The first one".into(), &4.into()), "{}", then[2]);
    let found = json(index, &["search", "--json", "tag:kept"]);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    assert!(done(index, &["albums"]).contains("Best of"));
    let reader = IndexReader::open(index).unwrap();
    let albums = reader.account_albums().unwrap();
    assert!(albums.iter().any(|album| album.owner == ACCOUNT && album.name == "Mine"), "{albums:?}");
    drop(reader);
    // The results of edits can still be read, and undone.
    let mut editor = Editor::open(index).unwrap();
    let undone = editor.undo_as(ACCOUNT, 1).unwrap();
    assert_eq!(undone.map(|items| items.len()), Some(2));
    drop(editor);
    assert!(done(index, &["people"]).contains("Ada"));
    for _ in 0..2 {
        done(index, &["people", "undo"]);
    }
    assert!(!done(index, &["people"]).contains("Ada"));
}

#[test]
fn an_index_of_every_schema_version_is_brought_up_to_date() {
    for fixture in Fixture::all() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index");
        assert!(Command::new("cp").arg("-r").arg(&fixture.backup).arg(&index).status().unwrap().success());
        // A backup is never written to; without its list it is an index.
        std::fs::remove_file(index.join("backup.json")).unwrap();
        drop(Index::open_indexing(&index, || ()).unwrap());
        is_all_there(&index, &fixture);
    }
}

#[test]
fn a_backup_of_every_schema_version_is_restored() {
    for fixture in Fixture::all() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index");
        done(&index, &["restore", fixture.backup.to_str().unwrap()]);
        is_all_there(&index, &fixture);
    }
}

#[test]
fn an_index_of_before_the_first_release_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    make_unreleased(dir.path());
    let database = dir.path().join("index.sqlite");
    let before = std::fs::read(&database).unwrap();
    for arguments in
        [&["index", photos.to_str().unwrap()][..], &["export"], &["verify"], &["albums"], &["service"]]
    {
        let refused = albumen(dir.path(), arguments);
        let said = said(&refused);
        assert!(!refused.status.success(), "{arguments:?}: {said}");
        for word in ["run `albumen index` to make a new one", "untouched"] {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
    assert_eq!(Database::open(dir.path()).rows("meta"), 0, "nothing was put into it");
    assert!(std::fs::read(&database).unwrap().len() == before.len());
}

#[test]
fn a_backup_of_before_the_first_release_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    assert!(Command::new("cp").arg("-r").arg(Fixture::of(1).backup).arg(&backup).status().unwrap().success());
    let list = backup.join("backup.json");
    let mut contents: Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    (contents["albumen"], contents["schema"]) = ("0.1.0".into(), 19.into());
    std::fs::write(&list, contents.to_string()).unwrap();
    let index = dir.path().join("index");
    let refused = albumen(&index, &["restore", backup.to_str().unwrap()]);
    let said = said(&refused);
    assert!(
        !refused.status.success() && said.contains("run `albumen index`") && said.contains("untouched"),
        "{said}"
    );
    assert!(!index.join("index.sqlite").exists());
}

/// The version of this program is in CHANGELOG.md and in the descriptions of both APIs.
#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    let text = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let newest = text("CHANGELOG.md").lines().find_map(|l| l.strip_prefix("## ").map(str::to_owned)).unwrap();
    assert_eq!(newest.split(' ').next(), Some(version), "CHANGELOG.md");
    for api in ["docs/openapi.yaml", "docs/portal-openapi.yaml"] {
        assert!(text(api).contains(&format!("\n  version: {version}\n")), "{api}");
    }
}

/// Writes the fixture of the schema of this version. tests/data/README.md describes when.
#[test]
#[ignore = "writes tests/data: once for each new schema"]
fn make_the_fixture() {
    let dir = tempfile::tempdir().unwrap();
    let (index, photos) = (dir.path().join("index"), dir.path().join("photos"));
    std::fs::create_dir_all(photos.join("2023")).unwrap();
    let names = ["grey.jpg", "plain.jpg", "progressive.jpg"];
    for name in names {
        std::fs::copy(Path::new(ROOT).join("testdata/kinds").join(name), photos.join("2023").join(name))
            .unwrap();
    }
    done(&index, &["index", "--no-recognise", photos.to_str().unwrap()]);
    let path = |name: &str| photos.join("2023").join(name).to_str().unwrap().to_owned();
    let ids = names.map(|name| json(&index, &["show", "--json", &path(name)])["id"].as_i64().unwrap());
    let database = Database::open(&index);
    let faces = ids.map(|id| database.put_face(id, [0.1, 0.1, 0.5, 0.5], &[100; 128]));
    drop(database);
    done(&index, &["faces", "assign", &faces[0].to_string(), "Ada"]);
    let person = json(&index, &["people", "--json"])[0]["id"].as_str().unwrap().to_owned();
    done(&index, &["people", "name", &person, "Ada L."]);
    done(&index, &["edit", &path(names[2]), "--title", "The first one", "--rating", "4"]);
    done(&index, &["edit", &path(names[0]), "--gps", "48.8584,2.2945"]);
    done(&index, &["tags", "add", "kept", &path(names[1])]);
    done(&index, &["albums", "create", "Best of"]);
    done(&index, &["albums", "add", "Best of", &path(names[0])]);
    let mut editor = Editor::open(&index).unwrap();
    let edit = AccountEdit {
        edits: vec![Edit::AddTag("seen".into())],
        favourite: Some(true),
        ..AccountEdit::default()
    };
    assert_eq!(editor.edit_as(ACCOUNT, &ids[..2], &edit, 1_700_000_000).unwrap().edit, Some(1));
    editor.create_account_album(ACCOUNT, "Mine", None, &ids[..1]).unwrap();
    drop(editor);
    // A place without photos.
    let indexing = Index::open_indexing(&index, || ()).unwrap();
    let volume = indexing.volume_at(photos.to_str().unwrap().as_bytes()).unwrap().unwrap().id;
    indexing.rename_volume(volume, b"/photos", "photos").unwrap();
    drop(indexing);
    let fixture = Fixture::of(schema::VERSION);
    let export = done(&index, &["export"]);
    done(&index, &["backup", "--with-derivatives", fixture.backup.to_str().unwrap()]);
    std::fs::write(&fixture.export, export).unwrap();
}

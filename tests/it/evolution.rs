//! Indexes of every schema version, as the version that had it wrote them: opened, brought up to date, verified, exported,
//! and restored. tests/data/README.md says how one is made.

use crate::support::ROOT;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The backups in tests/data, one a schema version, in order.
fn backups() -> Vec<PathBuf> {
    let folder = Path::new(ROOT).join("tests/data");
    let mut found: Vec<PathBuf> = (std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.path()))
        .filter(|p| p.is_dir() && p.file_name().unwrap().to_string_lossy().starts_with("schema-"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} has no index", folder.display());
    found
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

/// What was put into every one of these indexes.
fn is_all_there(index: &Path) {
    let verified = albumen(index, &["verify", "--json"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    let exported = albumen(index, &["export"]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    let items: Vec<Value> = String::from_utf8(exported.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let paths: Vec<&str> = items.iter().map(|i| i["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/photos/2023/grey.jpg", "/photos/2023/plain.jpg", "/photos/2023/plain.png"]);
    let plain = &items[1];
    assert_eq!((&plain["title"], &plain["rating"]), (&"The first one".into(), &4.into()), "edits: {plain}");
    let found = albumen(index, &["find", "--json", "tag:kept"]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let albums = said(&albumen(index, &["albums"]));
    assert!(albums.contains("Best of"), "{albums}");
    let people = said(&albumen(index, &["people"]));
    assert!(people.contains("Ada"), "{people}");
    // What an edit changed can still be read.
    let undone = albumen(index, &["people", "undo"]);
    assert_eq!(undone.status.code(), Some(0), "{}", said(&undone));
    let people = said(&albumen(index, &["people"]));
    assert!(!people.contains("Ada"), "{people}");
}

#[test]
fn an_index_of_every_schema_version_can_be_brought_up_to_date() {
    for backup in backups() {
        let dir = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-r").arg(&backup).arg(dir.path().join("index")).status().unwrap();
        assert!(copied.success());
        let index = dir.path().join("index");
        // A backup is never written to; without its list it is an index.
        std::fs::remove_file(index.join("backup.json")).unwrap();
        let opened = albumen_index::Index::open_indexing(&index, || ());
        drop(opened.unwrap_or_else(|e| panic!("{}: {e}", backup.display())));
        is_all_there(&index);
    }
}

#[test]
fn a_backup_of_every_schema_version_can_be_restored() {
    for backup in backups() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index");
        let restored = albumen(&index, &["restore", backup.to_str().unwrap()]);
        assert_eq!(restored.status.code(), Some(0), "{}: {}", backup.display(), said(&restored));
        is_all_there(&index);
    }
}

#[test]
fn an_index_of_before_the_first_release_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(dir.path().join("index.sqlite")).unwrap();
    database.execute_batch("CREATE TABLE meta (key TEXT PRIMARY KEY); PRAGMA user_version = 13").unwrap();
    drop(database);
    for arguments in [&["index", ROOT][..], &["export"], &["verify"]] {
        let refused = albumen(dir.path(), arguments);
        let said = said(&refused);
        assert!(
            !refused.status.success() && said.contains("run `albumen index` to make a new one"),
            "{arguments:?}: {said}"
        );
    }
    // Nothing was done to it.
    let database = rusqlite::Connection::open(dir.path().join("index.sqlite")).unwrap();
    let tables: i64 = database
        .query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table'", [], |r| r.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

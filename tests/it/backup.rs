//! `albumen verify`, `backup` and `restore`, run as programs.

use crate::support::ROOT;
use albumen_index::testing::Database;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A library of a few sample pictures, an index of it, and a place for backups.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new(copies: usize) -> Home {
        let home = Home { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(home.path("backups")).unwrap();
        for n in 0..copies {
            home.photo("plain.jpg", &format!("{n:03}.jpg"));
            home.photo("cmyk.jpg", &format!("{n:03} cmyk.jpg"));
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn photo(&self, sample: &str, name: &str) -> PathBuf {
        let from = Path::new(ROOT).join("testdata/kinds").join(sample);
        let to = self.path("library").join(name);
        std::fs::create_dir_all(self.path("library")).unwrap();
        let mut bytes = std::fs::read(from).unwrap();
        // Bytes after the end of a JPEG change the hash and nothing else.
        bytes.extend(name.bytes());
        std::fs::write(&to, bytes).unwrap();
        to
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_albumen"));
        c.arg("--index").arg(self.path("index")).args(arguments).env("XDG_CONFIG_HOME", self.path("none"));
        c.current_dir(self.dir.path());
        c
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The JSON of a command that must exit with `code`.
    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let out = self.run(&[arguments, &["--json"]].concat());
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {said}");
        serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
    }

    fn index(&self) -> Value {
        self.json(&["index", "--no-recognise", "library"], 0)
    }

    fn export(&self) -> String {
        String::from_utf8(self.run(&["export"]).stdout).unwrap()
    }

    fn database(&self) -> Database {
        Database::open(&self.path("index"))
    }

    /// Paths of derivatives of the sample with that name, relative to the index folder.
    fn derivatives(&self, name: &str) -> Vec<PathBuf> {
        let shown = self.json(&["show", &format!("library/{name}")], 0);
        let rows = shown["derivatives"].as_array().unwrap().clone();
        rows.iter().map(|d| self.path("index").join(d["path"].as_str().unwrap())).collect()
    }
}

fn words(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout)
}

#[test]
fn verify_finds_what_is_missing_and_repairs_it() {
    let h = Home::new(1);
    let none = h.run(&["verify"]);
    assert_eq!(none.status.code(), Some(3), "there is no index yet");
    h.index();
    let whole = h.export();
    let report = h.json(&["verify", "--deep"], 0);
    assert_eq!((&report["whole"], &report["checked"]["originals"]), (&true.into(), &2.into()));

    let lost = &h.derivatives("000.jpg")[0];
    std::fs::remove_file(lost).unwrap();
    let cut = &h.derivatives("000 cmyk.jpg")[0];
    let bytes = std::fs::read(cut).unwrap();
    std::fs::write(cut, &bytes[..bytes.len() - 1]).unwrap();
    let stray = h.path("index/derived/aa/bb/stray.jpg");
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(stray, b"nobody's").unwrap();
    let report = h.json(&["verify"], 1);
    let counts = &report["counts"];
    let expected = [("derivative_missing", 1), ("derivative_damaged", 1), ("orphan", 1)];
    for (kind, n) in expected {
        assert_eq!(counts[kind], n, "{kind}: {report}");
    }
    assert!(words(&h.run(&["verify"])).contains("stray.jpg"));

    let report = h.json(&["verify", "--repair"], 1);
    assert_eq!(report["repaired"], true, "{report}");
    h.index();
    assert_eq!(h.json(&["verify"], 0)["whole"], true);
    assert_eq!(h.export(), whole);
}

#[test]
fn verify_tells_of_a_file_that_never_reached_its_full_length_and_of_an_end_of_zeros() {
    let h = Home::new(1);
    h.index();
    let picture = &h.derivatives("000.jpg")[0];
    let good = std::fs::read(picture).unwrap();
    // As after a power failure before a file was synced: the length, and zeros.
    let mut zeros = good.clone();
    let half = zeros.len() / 2;
    zeros[half..].fill(0);
    std::fs::write(picture, zeros).unwrap();
    assert_eq!(h.json(&["verify"], 1)["counts"]["derivative_damaged"], 1);
    std::fs::write(picture, b"<html>".repeat(good.len() / 6 + 1).get(..good.len()).unwrap()).unwrap();
    assert_eq!(h.json(&["verify"], 1)["counts"]["derivative_damaged"], 1);
    std::fs::write(picture, good).unwrap();
    h.json(&["verify"], 0);
}

#[test]
fn verify_reads_edits_and_originals() {
    let h = Home::new(1);
    h.index();
    h.database().put_wrong_edits();
    assert_eq!(h.json(&["verify"], 1)["counts"]["edit"], 4);
    h.database().forget_edits();

    // Other bytes with the same size and times: silent corruption of the disk.
    let original = h.path("library/000.jpg");
    let times = std::fs::metadata(&original).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&original).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&original, bytes).unwrap();
    std::fs::File::options().write(true).open(&original).unwrap().set_modified(times).unwrap();
    h.json(&["verify"], 0);
    let report = h.json(&["verify", "--deep"], 1);
    assert_eq!(report["counts"]["original"], 1, "{report}");

    // Items without a reference, and a dangling reference.
    h.database().forget_item(1);
    let report = h.json(&["verify", "--repair"], 1);
    assert_eq!(report["counts"]["item"], 1, "{report}");
    h.json(&["index", "--no-recognise", "library"], 0);
    h.json(&["verify"], 0);
    h.database().put_lost_tag();
    assert_eq!(h.json(&["verify"], 1)["counts"]["reference"], 1);
}

#[test]
fn a_damaged_database_is_told_of_and_never_backed_up() {
    let h = Home::new(1);
    h.index();
    let database = h.path("index/index.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    let page = 4096;
    bytes[3 * page..6 * page].fill(0x5a);
    std::fs::write(&database, &bytes).unwrap();
    let report = h.json(&["verify"], 1);
    assert!(report["counts"]["database"].as_u64().unwrap() >= 1, "{report}");
    let refused = h.run(&["backup", "backups"]);
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert_eq!(std::fs::read_dir(h.path("backups")).unwrap().count(), 0, "nothing is left behind");
    std::fs::write(&database, b"no database at all").unwrap();
    assert_eq!(h.json(&["verify"], 1)["counts"]["database"], 1);
}

#[test]
fn a_restore_brings_back_what_users_said_and_keeps_the_other_index() {
    let h = Home::new(2);
    h.index();
    h.database().put_person("p1", 1);
    h.database().give_face(h.database().put_face(1, [0.1, 0.1, 0.5, 0.5], &[0]), "p1");
    assert!(h.run(&["people", "name", "p1", "Grandma"]).status.success());
    h.json(&["edit", "library/000.jpg", "--title", "The garden", "--rating", "5"], 0);
    h.json(&["tags", "add", "summer", "library/001.jpg"], 0);
    h.json(&["albums", "create", "Best"], 0);
    let before = h.export();
    let done = h.json(&["backup", "backups", "--with-derivatives"], 0);
    let backup = done["path"].as_str().unwrap().to_owned();

    h.json(&["edit", "library/000.jpg", "--title", "A mistake", "--rating", "1"], 0);
    assert!(h.run(&["people", "name", "p1", "Somebody else"]).status.success());
    h.photo("plain.jpg", "new.jpg");
    h.index();
    let later = h.export();
    let done = h.json(&["restore", &backup], 0);
    assert_eq!(done["verify"]["whole"], true, "{done}");
    assert_eq!(h.export(), before);
    assert!(words(&h.run(&["people", "list"])).contains("Grandma"));
    // The other one is complete, without a WAL, and can itself be opened.
    let kept = PathBuf::from(done["replaced"].as_str().unwrap());
    let asked =
        Command::new(env!("CARGO_BIN_EXE_albumen")).arg("--index").arg(&kept).arg("export").output().unwrap();
    assert_eq!(String::from_utf8(asked.stdout).unwrap(), later);
    // And the next run continues from there.
    assert_eq!(h.index()["new"], 1);
}

#[test]
fn a_restore_into_an_empty_folder_makes_the_pictures_due() {
    let h = Home::new(1);
    h.index();
    let before = h.export();
    h.json(&["backup", "backups/one"], 0);
    std::fs::remove_dir_all(h.path("index")).unwrap();
    let done = h.json(&["restore", "backups/one"], 0);
    assert_eq!((&done["pictures_due"], &done["replaced"]), (&2.into(), &Value::Null), "{done}");
    h.index();
    assert_eq!(h.export(), before);
    h.json(&["verify"], 0);
}

#[test]
fn a_backup_is_looked_into_and_never_changed() {
    let home = Home::new(1);
    home.index();
    home.json(&["backup", "backups/b"], 0);
    let of_backup = |arguments: &[&str], code: i32| {
        let mut c = Command::new(env!("CARGO_BIN_EXE_albumen"));
        c.current_dir(home.dir.path()).env("XDG_CONFIG_HOME", home.path("none"));
        let out = c.args(["--index", "backups/b"]).args(arguments).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        words(&out)
    };
    assert!(of_backup(&["search", "--count"], 0).starts_with('2'));
    for changes in [&["index", "--no-recognise", "library"][..], &["tags", "add", "x", "library/000.jpg"]] {
        assert!(of_backup(changes, 3).contains("albumen restore"));
    }
    home.json(&["restore", "backups/b"], 0);
}

#[test]
fn a_backup_that_is_damaged_newer_or_none_changes_nothing() {
    let h = Home::new(1);
    h.index();
    let before = h.export();
    h.json(&["backup", "backups/one"], 0);
    let database = h.path("backups/one/index.sqlite");
    let whole = std::fs::read(&database).unwrap();
    let contents = std::fs::read_to_string(h.path("backups/one/backup.json")).unwrap();
    let refused = |why: &str, code: i32| {
        let out = h.run(&["restore", "backups/one"]);
        assert_eq!(out.status.code(), Some(code), "{}", words(&out));
        assert!(words(&out).contains(why), "{}", words(&out));
        assert_eq!(h.export(), before);
        let names: Vec<_> =
            std::fs::read_dir(h.path("index")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!names.iter().any(|n| n.to_string_lossy().starts_with("replaced")), "{names:?}");
    };
    let mut one_bit = whole.clone();
    one_bit[9000] ^= 1;
    std::fs::write(&database, one_bit).unwrap();
    refused("damaged", 1);
    std::fs::write(&database, &whole[..whole.len() / 2]).unwrap();
    refused("damaged", 1);
    std::fs::remove_file(&database).unwrap();
    refused("missing", 1);
    std::fs::write(&database, &whole).unwrap();
    let write = |text: &str| std::fs::write(h.path("backups/one/backup.json"), text).unwrap();
    write(&contents.replace("\"schema\": ", "\"schema\": 99"));
    refused("newer", 3);
    write(&contents.replace("\"format\": 1", "\"format\": 2"));
    refused("newer", 3);
    write("{");
    refused("damaged", 1);
    std::fs::remove_file(h.path("backups/one/backup.json")).unwrap();
    refused("no backup", 2);
    write(&contents);
    // Its parent is not a backup either, and the message names the one inside.
    let out = h.run(&["restore", "backups"]);
    assert!(out.status.code() == Some(2) && words(&out).contains("backups/one"), "{}", words(&out));
    // A backup is never written over another, nor into one.
    assert_eq!(h.run(&["backup", "backups/one"]).status.code(), Some(2));
    h.json(&["restore", "backups/one"], 0);
}

#[test]
fn a_backup_beside_an_indexer_is_one_moment_and_a_restore_is_refused() {
    let h = Home::new(12);
    let mut indexing = h.command(&["index", "--no-recognise", "--json", "--jobs", "1", "library"]);
    let mut indexing = indexing.stdout(std::process::Stdio::piped()).spawn().unwrap();
    while !h.path("index/index.sqlite").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (mut backups, mut refused) = (Vec::new(), 0);
    while indexing.try_wait().unwrap().is_none() {
        let to = format!("backups/{}", backups.len());
        let out = h.run(&["backup", &to]);
        // At first the database has no tables yet, or is just being created.
        if out.status.success() {
            backups.push(to);
        } else {
            assert!(backups.is_empty(), "{}", words(&out));
        }
        if refused == 0 && !backups.is_empty() {
            let out = h.run(&["restore", &backups[0]]);
            if out.status.code() == Some(3) && words(&out).contains("albumen index") {
                refused += 1;
            } else {
                // It ended between the two checks.
                assert!(indexing.try_wait().unwrap().is_some(), "{}", words(&out));
            }
        }
    }
    assert!(indexing.wait().unwrap().success());
    eprintln!("{} backups while it ran, {refused} restores refused", backups.len());
    h.index();
    let whole = h.export();
    for backup in backups.iter().rev().take(3) {
        std::fs::remove_dir_all(h.path("index")).unwrap();
        h.json(&["restore", backup], 0);
        h.index();
        assert_eq!(h.export(), whole, "{backup}");
    }
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_index_or_the_new_one() {
    let h = Home::new(1);
    h.index();
    h.json(&["edit", "library/000.jpg", "--title", "then"], 0);
    let then = h.export();
    h.json(&["backup", "backups/one"], 0);
    h.json(&["edit", "library/000.jpg", "--title", "now"], 0);
    let now = h.export();
    for (point, expected) in [("before_exchange:1", &now), ("after_exchange:1", &then)] {
        let killed = h.command(&["restore", "backups/one"]).env("ALBUMEN_KILL_AT", point).output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{point} was not reached");
        assert_eq!(&h.export(), expected, "{point}");
        h.json(&["verify"], 0);
    }
    let titles = |folder: PathBuf| Database::open(&folder).edit_values();
    let kept = std::fs::read_dir(h.path("index")).unwrap().map(|e| e.unwrap().path());
    let kept: Vec<_> =
        kept.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("replaced")).collect();
    assert!(kept.into_iter().any(|p| titles(p) == ["now"]), "the old index is kept");
}

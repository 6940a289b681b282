//! A database that is lost, damaged or read-only, a clock that is wrong: the messages, and the data that
//! stays unchanged.

use super::support::{Mounted, ROOT};
use albumen_index::testing::Database;
use serde_json::Value;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Bench {
    dir: tempfile::TempDir,
    index: PathBuf,
}

impl Bench {
    fn with(photos: &[&str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let bench = Bench { index: dir.path().join("index"), dir };
        photos.iter().for_each(|photo| drop(bench.photo(photo, photo)));
        bench
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("library").join(path)
    }

    /// A photo whose content depends on a text.
    fn photo(&self, path: &str, content: &str) -> PathBuf {
        let from = Path::new(ROOT).join("testdata/kinds/grey.jpg");
        let mut bytes = std::fs::read(from).unwrap();
        bytes.extend(content.bytes());
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), bytes).unwrap();
        self.at(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_albumen"));
        c.arg("--index").arg(&self.index).args(arguments).env("XDG_CONFIG_HOME", self.dir.path());
        c
    }

    fn index_command(&self, more: &[&str]) -> Command {
        let mut c = self.command(&["index", "--no-recognise", "--json"]);
        c.args(more).arg(self.at(""));
        c
    }

    fn index(&self, more: &[&str], code: i32) -> String {
        left(&self.index_command(more).output().unwrap(), code)
    }

    fn run(&self) -> Value {
        serde_json::from_slice(&self.index_command(&[]).output().unwrap().stdout).unwrap()
    }

    fn database(&self) -> Database {
        Database::open(&self.index)
    }

    fn title(&self, photo: &Path, title: &str) {
        left(&self.command(&["edit", "--title", title]).arg(photo).output().unwrap(), 0);
    }

    fn show(&self, photo: &Path) -> Option<Value> {
        let out = self.command(&["show", "--json"]).arg(photo).output().unwrap();
        out.status.success().then(|| serde_json::from_slice(&out.stdout).unwrap())
    }
}

/// Checks the exit code and returns standard error.
fn left(out: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(code), "{said}");
    said
}

/// Lost in any way: no new index is created without a request.
#[test]
fn a_lost_database_is_begun_anew_only_when_told_to() {
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let empty = |path: &Path| std::fs::write(path, "").unwrap();
    let no_tables = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        Database::without_tables(path);
    };
    type Lose<'a> = &'a dyn Fn(&Path);
    let ways: [(&str, Lose<'_>); 3] = [("missing", &remove), ("empty", &empty), ("no tables", &no_tables)];
    for (way, lose) in ways {
        let b = Bench::with(&["1.jpg", "a/2.jpg"]);
        assert_eq!(b.run()["new"], 2);
        let derived = || walkdir(&b.index.join("derived"));
        let before = derived();
        lose(&b.index.join("index.sqlite"));
        for _ in 0..2 {
            let said = b.index(&[], 3);
            assert!(said.contains("--new-index") && said.contains("restore"), "{way}: {said}");
        }
        left(&b.command(&["service"]).output().unwrap(), 3);
        assert_eq!(derived(), before, "{way}: nothing was swept");
        b.index(&["--new-index"], 0);
        assert_eq!(b.run()["unchanged"], 2, "{way}");
        // With an intact database the option changes nothing.
        b.title(&b.at("1.jpg"), "kept");
        b.index(&["--new-index"], 0);
        assert_eq!(b.show(&b.at("1.jpg")).unwrap()["title"], "kept");
    }
    // Without an earlier index the option is not needed.
    let b = Bench::with(&["1.jpg"]);
    std::fs::create_dir_all(b.index.join("derived/ab")).unwrap();
    b.index(&[], 0);
}

/// An index that the system cannot reach (a lost mount, a loop of links) exists: nothing advises to make a new one.
#[test]
fn an_index_that_cannot_be_reached_is_not_reported_as_missing() {
    let b = Bench::with(&["1.jpg"]);
    b.index(&[], 0);
    let database = b.index.join("index.sqlite");
    std::fs::remove_file(&database).unwrap();
    std::os::unix::fs::symlink("index.sqlite", &database).unwrap();
    let said = left(&b.command(&["status"]).output().unwrap(), 3);
    assert!(said.contains("cannot be read") && !said.contains("there is no index"), "{said}");
}

fn walkdir(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() { all.extend(walkdir(&entry.path())) } else { all.push(entry.path()) }
    }
    all.sort();
    all
}

/// With any table damaged: the run exits with 1 and prints what to do; 4 is for a full disk and the volume
/// guard.
#[test]
fn a_database_that_is_damaged_is_told_as_such() {
    let mut damaged = 0;
    for table in
        ["files", "folders", "volumes", "items", "stage_state", "pending", "derivatives", "meta", "spaces"]
    {
        let b = Bench::with(&["1.jpg", "a/2.jpg", "a/3.jpg"]);
        b.run();
        let root = b.database().root_of(table);
        let file = std::fs::File::options().write(true).open(b.index.join("index.sqlite")).unwrap();
        file.write_all_at(&vec![0xaa; root.size as usize], root.at).unwrap();
        b.photo("a/4.jpg", "new");
        b.photo("a/2.jpg", "changed");
        let out = b.index_command(&["--force"]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{table}: {said}");
        assert!(said.contains("damaged") && said.contains("albumen restore"), "{table}: {said}");
        damaged += 1;
    }
    assert_eq!(damaged, 9);
}

/// A machine starts in another decade, and stays there for some runs: recently deleted items are kept for the
/// grace period.
#[test]
fn a_clock_that_is_decades_ahead_purges_nothing() {
    let b = Bench::with(&["1.jpg", "2.jpg", "3.jpg"]);
    b.run();
    let photo = b.at("1.jpg");
    b.title(&photo, "kept");
    let bytes = std::fs::read(&photo).unwrap();
    std::fs::remove_file(&photo).unwrap();
    assert_eq!(b.run()["removed"], 1);
    let rows = || b.database().rows("files");
    let year = 366 * 86_400_i64;
    for ahead in [30 * year, 30 * year + 86_400, 2 * year, 50 * year, 0, -30 * year, 0, 60 * year] {
        let mut c = b.index_command(&[]);
        c.env("ALBUMEN_FAULTS", "1").env("ALBUMEN_CLOCK", ahead.to_string());
        left(&c.output().unwrap(), 0);
        assert_eq!(rows(), 3, "{} years ahead", ahead / year);
    }
    // If time really passes, run after run, the grace period ends.
    let mut ahead = 0;
    while rows() == 3 {
        ahead += 10 * 86_400;
        assert!(ahead < 200 * 86_400, "it is never forgotten");
        let mut c = b.index_command(&[]);
        c.env("ALBUMEN_FAULTS", "1").env("ALBUMEN_CLOCK", ahead.to_string());
        left(&c.output().unwrap(), 0);
    }
    assert!(ahead >= 30 * 86_400, "after {} days", ahead / 86_400);
    std::fs::write(&photo, bytes).unwrap();
    b.run();
    assert!(b.show(&photo).unwrap()["title"].is_null(), "it was forgotten in the end");
}

/// A photo that is removed from one space and added to another, with the same bytes: one owner's edits do not
/// apply to the other.
#[test]
fn edits_do_not_cross_owners() {
    let b = Bench::with(&["anna/a.jpg", "anna/b.jpg", "anna/2024/c.jpg", "anna/x.jpg", "bert/x.jpg"]);
    let config = b.dir.path().join("albumen.toml");
    let scans = b.dir.path().join("scans");
    std::fs::create_dir(&scans).unwrap();
    std::fs::copy(b.at("anna/x.jpg"), scans.join("scan.jpg")).unwrap();
    let homes = format!("[[space]]\nname = \"{{}}\"\nfolders = [{:?}]\n", b.at("*"));
    let other = format!("[[space]]\nname = \"scans of anna\"\nowner = \"anna\"\nfolders = [{scans:?}]\n");
    std::fs::write(&config, homes + &other).unwrap();
    let index = |paths: &[PathBuf]| -> Value {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        let out = c.arg(&config).args(paths).output().unwrap();
        left(&out, 0);
        serde_json::from_slice(&out.stdout).unwrap()
    };
    let title = |path: &str| b.show(&b.at(path)).map(|item| item["title"].as_str().map(str::to_owned));
    assert_eq!(index(&[])["new"], 6);
    for photo in ["a.jpg", "b.jpg", "2024/c.jpg"] {
        b.title(&b.at("anna").join(photo), photo);
    }
    // All at once, one after the other, and with only the new place scanned.
    std::fs::rename(b.at("anna/a.jpg"), b.at("bert/a.jpg")).unwrap();
    let run = index(&[]);
    assert_eq!((&run["moved"], &run["new"], &run["removed"]), (&0.into(), &1.into(), &1.into()));
    assert_eq!(title("bert/a.jpg"), Some(None));
    let bytes = std::fs::read(b.at("anna/b.jpg")).unwrap();
    std::fs::remove_file(b.at("anna/b.jpg")).unwrap();
    index(&[]);
    std::fs::write(b.at("bert/b.jpg"), &bytes).unwrap();
    assert_eq!(index(&[])["new"], 1);
    assert_eq!(title("bert/b.jpg"), Some(None));
    std::fs::rename(b.at("anna/2024"), b.at("bert/2024")).unwrap();
    assert_eq!(index(&[b.at("bert/2024")])["new"], 1);
    assert_eq!(title("bert/2024/c.jpg"), Some(None));
    index(&[]);
    // Edits wait for the return of their photo, anywhere in the space.
    std::fs::rename(b.at("bert/a.jpg"), b.at("anna/again.jpg")).unwrap();
    std::fs::write(b.at("anna/b.jpg"), &bytes).unwrap();
    std::fs::rename(b.at("bert/2024"), b.at("anna/2025")).unwrap();
    index(&[]);
    for (path, kept) in
        [("anna/again.jpg", "a.jpg"), ("anna/b.jpg", "b.jpg"), ("anna/2025/c.jpg", "2024/c.jpg")]
    {
        assert_eq!(title(path), Some(Some(kept.to_owned())), "{path}");
    }
    // Within a space they move with the photo.
    std::fs::rename(b.at("anna/b.jpg"), b.at("anna/2025/moved.jpg")).unwrap();
    assert_eq!(index(&[])["moved"], 1);
    assert_eq!(title("anna/2025/moved.jpg"), Some(Some("b.jpg".to_owned())));
    // And into another space of the same account.
    std::fs::rename(b.at("anna/2025/moved.jpg"), scans.join("moved.jpg")).unwrap();
    assert_eq!(index(&[])["moved"], 1);
    let item = b.show(&scans.join("moved.jpg")).unwrap();
    assert_eq!((&item["title"], &item["space"]), (&"b.jpg".into(), &"scans of anna".into()));
}

/// The index's disk becomes read-only during a run: nothing is lost, the error names it, and the next run
/// with a writable disk continues.
#[test]
fn a_read_only_disk_is_told_as_such() {
    let Some(disk) = Mounted::tmpfs("a_read_only_disk_is_told_as_such") else { return };
    let mut b = Bench::with(&["1.jpg", "2.jpg"]);
    b.index = disk.path().join("index");
    b.run();
    let remount = |how: &str| {
        let arguments = ["-o", how].map(std::ffi::OsStr::new);
        Command::new("mount").args(arguments).arg(disk.path()).status().unwrap().success()
    };
    assert!(remount("remount,ro"));
    b.photo("3.jpg", "new");
    let out = b.index_command(&[]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(remount("remount,rw"));
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot be written"), "{said}");
    assert_eq!(b.run()["new"], 1);
}

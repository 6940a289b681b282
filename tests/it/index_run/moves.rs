//! Files that move, come back, or are copied.

use super::{Bench, summary};
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

#[test]
fn a_file_that_comes_back_as_it_was_is_shown_again() {
    let b = Bench::new(1);
    b.run();
    let before = items(&b);
    // Into a wastebasket and out of it: the same file, with only the kernel's own time changed.
    let (file, away) = (b.library.join("000/kinds/grey.jpg"), b.library.with_file_name("trashed.jpg"));
    std::fs::rename(&file, &away).unwrap();
    assert_eq!(b.run()["removed"], 1);
    assert_eq!(items(&b).len(), 12);
    std::fs::rename(&away, &file).unwrap();
    b.run();
    assert_eq!(items(&b), before);
    assert!(b.command(&["verify"]).output().unwrap().status.success());
}

/// The paths and ids of all items.
pub(super) fn items(b: &Bench) -> Vec<(String, i64)> {
    let out = b.command(&["search", "--json", "--limit", "1000"]).output().unwrap();
    let found: Value = serde_json::from_slice(&out.stdout).unwrap();
    let item = |i: &Value| (i["path"].as_str().unwrap().to_owned(), i["id"].as_i64().unwrap());
    let mut items: Vec<_> = found["items"].as_array().unwrap().iter().map(item).collect();
    items.sort();
    items
}

#[test]
fn a_moved_folder_keeps_its_items() {
    let b = Bench::new(2);
    b.run();
    let id = |name: &str| -> Value {
        let mut c = b.command(&["show", "--json"]);
        let out = c.arg(b.library.join(name)).output().unwrap();
        assert!(out.status.success(), "{name} is not there");
        serde_json::from_slice::<Value>(&out.stdout).unwrap()["id"].clone()
    };
    let was = id("001/orientation/3.jpg");
    std::fs::rename(b.library.join("001"), b.library.join("2023 Greece")).unwrap();
    let moved = b.run();
    assert_eq!((&moved["moved"], &moved["new"], &moved["removed"]), (&13.into(), &0.into(), &0.into()));
    assert_eq!(id("2023 Greece/orientation/3.jpg"), was);
}

#[test]
fn of_a_move_the_new_end_alone_tells() {
    let b = Bench::new(2);
    b.run();
    let before: HashSet<i64> = items(&b).into_iter().map(|(_, id)| id).collect();
    let new_end = b.library.join("000/from 001");
    std::fs::rename(b.library.join("001/orientation"), &new_end).unwrap();
    let index = |path: &Path| {
        summary(&b.command(&["index", "--no-recognise", "--json"]).arg(path).output().unwrap(), 0)
    };
    let moved = index(&new_end);
    assert_eq!((&moved["moved"], &moved["new"]), (&8.into(), &0.into()));
    assert_eq!(items(&b).into_iter().map(|(_, id)| id).collect::<HashSet<_>>(), before);
    let all = b.run();
    assert_eq!((&all["unchanged"], &all["removed"]), (&26.into(), &0.into()));
    // A copy is an item of its own, and so is one of a file on a removed disk.
    std::fs::copy(new_end.join("3.jpg"), b.library.join("000/copy.jpg")).unwrap();
    assert_eq!(index(&b.library.join("000/copy.jpg"))["new"], 1);
}

#[test]
fn copies_share_their_pictures_until_the_last_is_gone() {
    let b = Bench::new(1);
    let photo = b.library.join("000/kinds/plain.jpg");
    let copy = b.library.join("copy.jpg");
    std::fs::copy(&photo, &copy).unwrap();
    std::fs::write(b.index.with_extension("toml"), "grace = \"0s\"\n").unwrap();
    // The clock of the run is this many seconds ahead.
    let run = |ahead: u32| {
        let mut c = b.index_command();
        c.env("ALBUMEN_FAULTS", "1").env("ALBUMEN_CLOCK", ahead.to_string());
        c.arg("--config").arg(b.index.with_extension("toml"));
        summary(&c.output().unwrap(), 0)
    };
    run(0);
    let stored = || walk(&b.index.join("derived")).len();
    let with_both = stored();
    std::fs::remove_file(&copy).unwrap();
    run(0);
    run(2);
    assert_eq!(stored(), with_both, "the other copy still needs them");
    let twin = b.library.join("000/kinds/copy of plain.jpg");
    std::fs::remove_file(&photo).unwrap();
    std::fs::remove_file(&twin).unwrap();
    run(2);
    run(4);
    assert!(stored() < with_both, "nobody needs them any more");
}

pub(super) fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for e in std::fs::read_dir(dir).unwrap() {
        let path = e.unwrap().path();
        if path.is_dir() { out.extend(walk(&path)) } else { out.push(path) }
    }
    out
}

//! Volumes and spaces: missing, empty, renamed, nested and linked ones.

use super::moves::items;
use super::{Bench, summary};
use crate::support::{Mounted, ROOT};
use albumen_index::testing::Database;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

#[test]
fn a_volume_that_loses_too_much_is_offline_and_nothing_is_removed() {
    let b = Bench::new(5);
    b.run();
    for n in 0..5 {
        std::fs::remove_dir_all(b.library.join(format!("{n:03}/orientation"))).unwrap();
    }
    for n in 0..4 {
        std::fs::remove_dir_all(b.library.join(format!("{n:03}/kinds"))).unwrap();
    }
    let out = b.index_command().output().unwrap();
    let guarded = summary(&out, 4);
    assert_eq!((&guarded["removed"], &guarded["offline"]), (&0.into(), &60.into()));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--accept-removals"));
    let lines = b.export();
    assert_eq!(lines.lines().count(), 65);
    assert!(lines.lines().all(|l| l.contains("\"offline\":true")));

    let accepted = summary(&b.index_command().arg("--accept-removals").output().unwrap(), 0);
    assert_eq!(accepted["removed"], 60);
    let lines = b.export();
    assert_eq!(lines.lines().count(), 5);
    assert!(!lines.contains("\"offline\":true"));
}

#[test]
fn an_empty_or_missing_volume_is_not_a_deleted_one() {
    let b = Bench::new(1);
    b.run();
    let away = b.library.with_extension("away");
    std::fs::rename(&b.library, &away).unwrap();
    let out = b.index_command().output().unwrap();
    assert_eq!(out.status.code(), Some(3), "no volume can be reached");
    std::fs::create_dir(&b.library).unwrap();
    summary(&b.index_command().output().unwrap(), 4);
    assert_eq!(b.export().lines().count(), 13);
    std::fs::remove_dir(&b.library).unwrap();
    std::fs::rename(&away, &b.library).unwrap();
    let back = b.run();
    assert_eq!((&back["unchanged"], &back["new"], &back["removed"]), (&13.into(), &0.into(), &0.into()));
    assert!(!b.export().contains("\"offline\":true"));
}

#[test]
fn a_folder_that_only_another_disk_has_is_not_the_volumes() {
    let b = Bench::new(1);
    b.run();
    let test = "a_folder_that_only_another_disk_has_is_not_the_volumes";
    let Some(other) = Mounted::tmpfs_at(&b.library, test) else { return };
    let upload = b.library.join("upload");
    std::fs::create_dir(&upload).unwrap();
    std::fs::copy(Path::new(ROOT).join("testdata/kinds/grey.jpg"), upload.join("a.jpg")).unwrap();
    for accept in [&[][..], &["--accept-removals"]] {
        let out =
            b.command(&["index", "--no-recognise", "--json"]).args(accept).arg(&upload).output().unwrap();
        summary(&out, 4);
    }
    drop(other);
    let back = b.run();
    assert_eq!((&back["unchanged"], &back["found"]), (&13.into(), &13.into()));
    assert_eq!(b.export().lines().count(), 13, "nothing of the other disk is in the volume");
}

#[test]
fn a_path_on_an_inner_disk_that_is_away_is_away_with_it() {
    let b = Bench::new(1);
    let usb = b.library.join("usb");
    std::fs::create_dir(&usb).unwrap();
    let Some(disk) = Mounted::tmpfs_at(&usb, "a_path_on_an_inner_disk_that_is_away_is_away_with_it") else {
        return;
    };
    let picture = Path::new(ROOT).join("testdata/kinds/grey.jpg");
    for folder in ["2020", "2021"] {
        std::fs::create_dir(usb.join(folder)).unwrap();
        std::fs::copy(&picture, usb.join(folder).join("a.jpg")).unwrap();
    }
    b.run();
    assert_eq!(b.export().lines().count(), 15);
    drop(disk);
    for path in [usb.clone(), usb.join("2020"), usb.join("2021/a.jpg")] {
        let out = b.command(&["index", "--no-recognise", "--json"]).arg(&path).output().unwrap();
        let done = summary(&out, 0);
        assert_eq!(done["removed"], 0, "{}: {done}", path.display());
        assert_ne!(done["offline"], 0, "{}: {done}", path.display());
        assert!(String::from_utf8_lossy(&out.stderr).contains("the disk that was mounted there is not"));
    }
    assert_eq!(b.export().lines().count(), 15, "what is on the disk is only away");
}

#[test]
fn a_path_by_hand_that_is_not_there_is_gone_or_a_slip() {
    let b = Bench::new(5);
    b.run();
    let index = |path: &Path, more: &[&str], code: i32| {
        let mut c = b.command(&["index", "--no-recognise", "--json"]);
        summary(&c.args(more).arg(path).output().unwrap(), code)
    };
    let file = b.library.join("000/orientation/3.jpg");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(index(&file, &[], 0)["removed"], 1);
    let folder = b.library.join("000");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(index(&folder, &[], 0)["removed"], 12);
    assert_eq!(b.export().lines().count(), 52);

    index(&b.library.join("no such folder"), &[], 1);
    index(&file, &[], 1);
    let slip = b.library.with_extension("typo");
    let mut both = b.command(&["index", "--no-recognise", "--json"]);
    summary(&both.arg(&b.library).arg(&slip).output().unwrap(), 1);
    let status = b.command(&["status", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["volumes"].as_array().unwrap().len(), 1, "a slip is no volume");

    // More than the guard accepts at once.
    let shelf = b.library.join("shelf");
    std::fs::create_dir(&shelf).unwrap();
    for n in 1..5 {
        std::fs::rename(b.library.join(format!("{n:03}")), shelf.join(n.to_string())).unwrap();
    }
    assert_eq!(b.run()["moved"], 52);
    std::fs::remove_dir_all(&shelf).unwrap();
    assert_eq!(index(&shelf, &[], 4)["offline"], 52);
    assert_eq!(index(&shelf, &["--accept-removals"], 0)["removed"], 52);
}

#[test]
fn a_volume_inside_another_has_its_files_to_itself() {
    let b = Bench::new(2);
    let index = |path: &Path| {
        summary(&b.command(&["index", "--no-recognise", "--json"]).arg(path).output().unwrap(), 0)
    };
    assert_eq!(index(&b.library.join("001"))["new"], 13);
    let inner = items(&b);
    // The whole library, of which a part is known already.
    let all = index(&b.library);
    assert_eq!((&all["new"], &all["unchanged"], &all["found"]), (&13.into(), &13.into(), &26.into()));
    let both = items(&b);
    assert_eq!(both.len(), 26);
    assert!(inner.iter().all(|item| both.contains(item)));
    // A config sets other boundaries: the items are the same.
    let config = b.library.with_extension("toml");
    let space = |name: &str, folder: &Path| format!("[[space]]\nname = '{name}'\nfolders = [{folder:?}]\n");
    let alice = b.library.join("000/orientation");
    std::fs::write(&config, space("family", &b.library) + &space("alice", &alice)).unwrap();
    let configured = || {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        summary(&c.arg(&config).output().unwrap(), 0)
    };
    let moved = configured();
    assert_eq!((&moved["new"], &moved["removed"], &moved["moved"]), (&0.into(), &0.into(), &8.into()));
    assert_eq!(items(&b), both);
    assert_eq!(configured()["unchanged"], 26);
    let of_alice = b.command(&["export", "--space", "alice"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(of_alice).unwrap().lines().count(), 8);
}

#[test]
fn a_renamed_volume_is_the_same_volume_and_one_that_is_gone_can_be_let_go() {
    let b = Bench::new(1);
    let homes = b.library.with_file_name("homes");
    let config = b.library.with_extension("toml");
    let homes_of = |name: &str| homes.join(name).join("Photos");
    std::fs::write(&config, format!("[[space]]\nname = '{{}}'\nfolders = [{:?}]\n", homes_of("*"))).unwrap();
    std::fs::create_dir_all(homes.join("bob")).unwrap();
    std::fs::rename(&b.library, homes_of("bob")).unwrap();
    std::fs::create_dir_all(homes_of("eve")).unwrap();
    std::fs::copy(homes_of("bob").join("000/kinds/grey.jpg"), homes_of("eve").join("a.jpg")).unwrap();
    let index = |more: &[&str], code: i32| {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        c.arg(&config).args(more).output().map(|out| summary(&out, code)).unwrap()
    };
    index(&[], 0);
    let ids = || -> HashSet<i64> { items(&b).into_iter().map(|(_, id)| id).collect() };
    let before = ids();
    std::fs::rename(homes.join("bob"), homes.join("robert")).unwrap();
    let renamed = index(&[], 0);
    assert_eq!((&renamed["new"], &renamed["unchanged"]), (&0.into(), &14.into()));
    assert_eq!(ids(), before);
    let of_robert = b.command(&["export", "--space", "robert"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(of_robert).unwrap().lines().count(), 13);

    // A user has left: the files are offline until their removal is confirmed.
    std::fs::remove_dir_all(homes.join("robert")).unwrap();
    index(&[], 0);
    assert_eq!(b.export().matches("\"offline\":true").count(), 13);
    let gone = homes_of("robert");
    assert_eq!(index(&["--accept-removals", gone.to_str().unwrap()], 0)["removed"], 13);
    assert_eq!(b.export().lines().count(), 1);
}

#[test]
fn spaces_follow_the_config() {
    let b = Bench::new(2);
    b.run();
    let config = b.library.with_extension("toml");
    // The existing spaces, and those of the items.
    let run = |space: &str, folders: &[&Path]| -> (Vec<String>, Vec<String>) {
        std::fs::write(&config, format!("[[space]]\nname = {space:?}\nfolders = {folders:?}\n")).unwrap();
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        assert_eq!(summary(&c.arg(&config).output().unwrap(), 0)["new"], 0);
        let index = Database::open(&b.index);
        (index.spaces(), index.spaces_of_items())
    };
    let only = |space: &str| (vec![space.to_owned()], vec![space.to_owned()]);
    // Items indexed without a name get one; the name changes.
    assert_eq!(run("anna", &[&b.library]), only("anna"));
    assert_eq!(run("berta", &[&b.library]), only("berta"));
    // A part of a volume becomes another's: the config still names the first.
    let text = |space: &str, folder: &Path| format!("[[space]]\nname = {space:?}\nfolders = [{folder:?}]\n");
    let part = b.library.join("001");
    std::fs::write(&config, text("berta", &b.library) + &text("carla", &part)).unwrap();
    let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
    assert_eq!(summary(&c.arg(&config).output().unwrap(), 0)["moved"], 13);
    // All of it is one space again, which existed before.
    assert_eq!(run("carla", &[&b.library, &part]), only("carla"));
}

#[test]
fn a_volume_that_is_configured_through_a_link_is_found_by_its_real_path_too() {
    let b = Bench::new(1);
    let link = b.library.with_file_name("link");
    std::os::unix::fs::symlink(&b.library, &link).unwrap();
    let config = b.library.with_extension("toml");
    std::fs::write(&config, format!("[[space]]\nname = 'family'\nfolders = [{link:?}]\n")).unwrap();
    let index = |more: &[&Path]| {
        let mut c = b.command(&["index", "--no-recognise", "--json", "--config"]);
        summary(&c.arg(&config).args(more).output().unwrap(), 0)
    };
    assert_eq!(index(&[])["new"], 13);
    for path in [link.join("000/kinds"), b.library.join("000/kinds"), link.clone(), b.library.clone()] {
        assert_eq!(index(&[&path])["new"], 0, "{path:?}");
    }
    for file in [link.join("000/kinds/grey.jpg"), b.library.join("000/kinds/grey.jpg")] {
        assert!(b.command(&["show"]).arg(&file).output().unwrap().status.success(), "{file:?}");
    }
}

//! Changes on the disks that only the kernel reports.

use super::fixture::Fixture;
use crate::support::Mounted;
use std::process::Command;

#[test]
fn changes_on_the_disk_are_noticed() {
    let mut h = Fixture::new();
    h.start();
    h.photo("anna/one.jpg");
    h.until("a new file", |h| h.names() == ["one.jpg"]);
    let id = h.get("/v1/items").1["items"][0]["id"].clone();
    std::fs::create_dir(h.dir.path().join("anna/2024")).unwrap();
    std::fs::rename(h.dir.path().join("anna/one.jpg"), h.dir.path().join("anna/2024/two.jpg")).unwrap();
    h.until("a moved file", |h| h.names() == ["two.jpg"]);
    assert_eq!(h.get("/v1/items").1["items"][0]["id"], id, "a move keeps the item");
    std::fs::remove_file(h.dir.path().join("anna/2024/two.jpg")).unwrap();
    h.until("a removed file", |h| h.names().is_empty());
}

#[test]
fn folders_come_go_and_are_left_out() {
    let mut h = Fixture::with("[guard]\nminimum = 3\n");
    for folder in ["anna/2022", "anna/2023", "anna/2023/trip"] {
        std::fs::create_dir(h.path(folder)).unwrap();
    }
    (0..20).for_each(|n| drop(h.photo(&format!("anna/2022/{n:02}.jpg"))));
    (0..4).for_each(|n| drop(h.photo(&format!("anna/2023/trip/{n}.jpg"))));
    h.photo("anna/2023/one.jpg");
    h.start();
    h.until("all are indexed", |h| h.names().len() == 25);
    // Most of its folder, and little of the volume: the guard does not stop it.
    std::fs::remove_dir_all(h.path("anna/2023/trip")).unwrap();
    h.until("an album is deleted", |h| h.names().len() == 21);
    assert_eq!(h.database().offline_volumes(), 0);
    // A tree that appears at once, of which only the top is reported.
    std::fs::create_dir_all(h.path("new/a/b")).unwrap();
    h.photo("new/a/b/deep.jpg");
    std::fs::rename(h.path("new"), h.path("anna/new")).unwrap();
    h.until("a tree is moved in", |h| h.names().contains(&"deep.jpg".to_owned()));
    std::fs::write(h.path("anna/new/.nomedia"), "").unwrap();
    h.until("it is left out", |h| !h.names().contains(&"deep.jpg".to_owned()));
    std::fs::remove_file(h.path("anna/new/.nomedia")).unwrap();
    h.until("it is taken in again", |h| h.names().contains(&"deep.jpg".to_owned()));
    assert_eq!(h.names().len(), 22);
}

/// Folders that the kernel watches for the service.
fn watches(h: &Fixture) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fdinfo", h.pid())).unwrap().flatten();
    let infos = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    infos.map(|info| info.lines().filter(|line| line.starts_with("inotify wd:")).count()).sum()
}

#[test]
fn only_folders_with_photos_are_watched() {
    let mut h = Fixture::new();
    let folders =
        ["anna/2024/trip", "anna/@eaDir/IMG_1.JPG", "anna/.cache/pages", "anna/scans/raw", "elsewhere/a/b"];
    folders.iter().for_each(|folder| std::fs::create_dir_all(h.path(folder)).unwrap());
    std::fs::write(h.path("anna/scans/.nomedia"), "").unwrap();
    std::os::unix::fs::symlink(h.path("elsewhere"), h.path("anna/link")).unwrap();
    h.photo("anna/2024/trip/one.jpg");
    h.start();
    h.until("all is indexed", |h| h.names().len() == 1);
    // The two spaces; 2024 and trip; scans, since .nomedia may be removed.
    assert_eq!(watches(&h), 5);
    std::fs::create_dir_all(h.path("anna/@eaDir/IMG_2.JPG")).unwrap();
    std::fs::create_dir_all(h.path("anna/2025/may/@eaDir")).unwrap();
    h.photo("anna/2025/may/two.jpg");
    h.until("a new folder", |h| h.names().len() == 2);
    assert_eq!(watches(&h), 7);
    std::fs::rename(h.path("anna/2025"), h.path("anna/2026")).unwrap();
    std::fs::remove_dir_all(h.path("anna/2024")).unwrap();
    h.until("one folder is gone", |h| h.names() == ["two.jpg"]);
    h.photo("anna/2026/may/three.jpg");
    h.until("a moved folder is watched where it is now", |h| h.names().len() == 2);
    assert_eq!(watches(&h), 5);
}

#[test]
fn what_is_no_longer_left_out_is_watched() {
    let mut h = Fixture::with("[ignore]\npatterns = [\"/old/\"]\n");
    h.photos("anna/old/inside", 1);
    h.photo("anna/new.jpg");
    h.start();
    h.until("all but what is left out", |h| h.names() == ["new.jpg"]);
    assert_eq!(watches(&h), 2);
    h.more.clear();
    h.configure("");
    assert_eq!(h.post("/v1/reload", &serde_json::json!({})).1["changed"], serde_json::json!(["ignore"]));
    h.until("nothing is left out", |h| h.names().len() == 2 && watches(h) == 4);
    h.photo("anna/old/inside/later.jpg");
    h.until("a file where nobody looked before", |h| h.names().len() == 3);
}

#[test]
fn a_disk_that_comes_and_goes_is_noticed() {
    let mut h = Fixture::new();
    h.photos("disk", 3);
    let test = "a disk that comes and goes";
    let mount = |h: &Fixture| Mounted::bind(&h.path("disk"), &h.path("anna"), test);
    let offline = |h: &Fixture| h.database().offline_volumes();
    h.start();
    h.photo("berta/one.jpg");
    h.until("berta is indexed", |h| h.names() == ["one.jpg"]);
    // The system mounts it only now: without any request.
    let Some(disk) = mount(&h) else { return };
    h.until("the disk is there", |h| h.names().len() == 4);
    drop(disk);
    h.until("the disk is gone", |h| offline(h) == 1);
    assert_eq!(h.database().vanished_files(), 0);
    let Some(_disk) = mount(&h) else { return };
    h.until("the disk is back", |h| offline(h) == 0);
    h.photo("anna/new.jpg");
    h.until("what comes on it is noticed", |h| h.names().len() == 5);
}

#[test]
fn a_folder_that_is_moved_away_or_made_later_is_noticed() {
    let mut h = Fixture::new();
    std::fs::remove_dir(h.path("berta")).unwrap();
    h.photos("anna", 3);
    h.start();
    h.until("anna is indexed", |h| h.names().len() == 3);
    // Created only now, with its content.
    h.photos("made", 2);
    std::fs::rename(h.path("made"), h.path("berta")).unwrap();
    h.until("berta is there", |h| h.names().len() == 5);
    std::fs::rename(h.path("anna"), h.path("away")).unwrap();
    let offline = |h: &Fixture| h.database().offline_volumes();
    h.until("anna is away", |h| offline(h) == 1);
    assert_eq!(h.database().vanished_files(), 0);
    std::fs::rename(h.path("away"), h.path("anna")).unwrap();
    h.until("anna is back", |h| offline(h) == 0);
    h.photo("anna/new.jpg");
    h.until("what comes there is noticed", |h| h.names().len() == 6);
}

#[test]
fn a_disk_inside_that_goes_with_its_mount_point_keeps_its_files() {
    let mut h = Fixture::new();
    h.photo("anna/one.jpg");
    let stick = h.path("anna/media/stick");
    std::fs::create_dir_all(&stick).unwrap();
    // Another part of the same file system, as in containers, and a file system of its own.
    h.photos("part", 2);
    let part = h.path("anna/media/part");
    std::fs::create_dir(&part).unwrap();
    let test = "a disk inside";
    let Some(disk) = Mounted::tmpfs_at(&stick, test) else { return };
    let Some(other) = Mounted::bind(&h.path("part"), &part, test) else { return };
    h.photos("anna/media/stick", 3);
    h.start();
    h.until("all is indexed", |h| h.names().len() == 6);
    drop((disk, other));
    [stick, part].iter().for_each(|at| std::fs::remove_dir(at).unwrap());
    h.photo("anna/media/two.jpg");
    h.until("the folder that held it was looked at", |h| h.names().contains(&"two.jpg".to_owned()));
    assert_eq!(h.database().vanished_files(), 0);
}

#[test]
fn what_the_kernel_does_not_watch_any_more_is_polled() {
    const LIMIT: &str = "echo 8 >/proc/sys/user/max_inotify_watches";
    let probe = Command::new("unshare").args(["--user", "--map-root-user", "sh", "-c", LIMIT]).output();
    let refusal = match &probe {
        Ok(out) if out.status.success() => None,
        Ok(out) => Some(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
        Err(e) => Some(format!("unshare: {e}")),
    };
    if let Some(why) = refusal {
        let why = format!("a user namespace with a limit of its own is refused: {why}");
        return crate::support::machine_lacks("what_the_kernel_does_not_watch_any_more_is_polled", &why);
    }
    let mut h = Fixture::with("poll = \"1s\"\n");
    let folders: Vec<String> = (0..9).map(|n| format!("anna/{n}/{n}")).collect();
    for (n, folder) in folders.iter().enumerate() {
        std::fs::create_dir_all(h.path(folder)).unwrap();
        h.photo(&format!("{folder}/{n}.jpg"));
    }
    // A limit of its own, in a user namespace of its own.
    let service = h.command("service");
    let mut limited = Command::new("unshare");
    limited.args(["--user", "--map-root-user", "sh", "-c"]);
    limited.arg("echo 8 >/proc/sys/user/max_inotify_watches && exec \"$0\" \"$@\"");
    limited.arg(service.get_program()).args(service.get_args());
    h.start_as(limited);
    h.until("all is indexed", |h| h.names().len() == 9);
    assert_eq!(watches(&h), 8);
    assert!(h.log().contains("sysctl fs.inotify.max_user_watches"), "{}", h.log());
    for (n, folder) in folders.iter().enumerate() {
        h.photo(&format!("{folder}/new {n}.jpg"));
    }
    h.until("all of them are seen", |h| h.names().len() == 18);
}

/// An ignore file that once overflowed the stack of the service at each start.
#[test]
fn an_ignore_file_that_breaks_hides_its_folder_and_stops_nothing() {
    let mut h = Fixture::new();
    for folder in ["anna/bad", "anna/bad/private", "anna/ok"] {
        std::fs::create_dir(h.path(folder)).unwrap();
    }
    for photo in ["anna/bad/1.jpg", "anna/bad/private/2.jpg", "anna/ok/3.jpg", "berta/4.jpg"] {
        h.photo(photo);
    }
    // Independent of the order in which they were developed.
    let sorted = |h: &Fixture| {
        let mut names = h.names();
        names.sort();
        names
    };
    let rules = h.path("anna/bad/.albumenignore");
    std::fs::write(&rules, "/private/\n").unwrap();
    h.start();
    h.until("the rule is honoured", |h| sorted(h) == ["1.jpg", "3.jpg", "4.jpg"]);
    let hostile =
        [format!("/private/\n{}", "{".repeat(40_000)), format!("/private/\n{}\n", "*a".repeat(500_000))];
    for text in hostile {
        std::fs::write(&rules, &text).unwrap();
        h.until("the folder is hidden", |h| sorted(h) == ["3.jpg", "4.jpg"]);
        h.stop();
        h.start();
        h.upload(&h.photo("berta/4.jpg"));
        assert_eq!(sorted(&h), ["3.jpg", "4.jpg"]);
        let rows = h.get("/v1/failures").1["failures"].clone();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((&rows[0]["fault"], &rows[0]["line"]), (&"ignore_file".into(), &2.into()), "{rows:?}");
        h.until("it is counted", |h| h.get("/v1/status").1["index"]["not_walked"] == 1);
        std::fs::write(&rules, "/private/\n").unwrap();
        h.until("it is corrected", |h| sorted(h) == ["1.jpg", "3.jpg", "4.jpg"]);
        assert_eq!(h.get("/v1/failures").1["failures"].as_array().unwrap().len(), 0);
    }
}

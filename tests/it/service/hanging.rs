//! File systems that do not answer, or return errors unrelated to a file, beside local folders.

use super::super::support::Fuse;
use super::fixture::Fixture;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A service whose space `berta` is on a FUSE file system; `None` if this machine has none.
fn with_fuse(test: &str, more: &str) -> Option<(Fixture, Fuse)> {
    let h = Fixture::with(more);
    std::fs::create_dir(h.path("far")).unwrap();
    let fuse = Fuse::mount(&h.path("far"), &h.path("berta"), test)?;
    Some((h, fuse))
}

fn upload_stays_possible(h: &Fixture, name: &str) {
    let photo = h.photo(&format!("anna/{name}"));
    let (status, done) = h.post("/v1/index", &json!({ "paths": [photo], "wait": true }));
    assert_eq!((status, &done["state"]), (200, &"done".into()), "{name}: {done}\n{}", h.log());
}

fn ends_in_time(h: &mut Fixture) {
    let begun = Instant::now();
    h.stop();
    // The promise of docs/service.md is 5 s; a machine that runs other tests gets three times that.
    assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
}

fn no_volume_is_offline_and_nothing_failed(h: &Fixture) {
    assert_eq!(h.database().offline_volumes(), 0);
    assert_eq!(h.database().vanished_files(), 0);
    assert_eq!(h.database().failed_stages(), 0);
}

#[test]
fn a_file_system_that_hangs_holds_up_neither_uploads_nor_the_end() {
    let Some((mut h, fuse)) = with_fuse("a_file_system_that_hangs", "") else { return };
    h.photos("far/album", 30);
    h.start();
    h.until("some are seen", |h| h.names().len() >= 3);
    fuse.stop_anywhere();
    // Both threads may be processing it now.
    upload_stays_possible(&h, "first.jpg");
    let far: Vec<PathBuf> = (0..3).map(|n| h.path(&format!("berta/album/{n:05}.jpg"))).collect();
    for path in &far {
        assert_eq!(h.post("/v1/index", &json!({ "paths": [path] })).0, 202);
    }
    for name in ["second.jpg", "third.jpg", "fourth.jpg"] {
        upload_stays_possible(&h, name);
    }
    h.until("it is reported", |h| {
        let hanging = h.get("/v1/status").1["hanging"].clone();
        hanging.as_array().unwrap().iter().any(|f| f["path"].as_str().unwrap().ends_with("/berta"))
    });
    no_volume_is_offline_and_nothing_failed(&h);
    fuse.go_on();
    h.until("all of it is seen", |h| h.names().len() == 34);
    h.until("it is not reported any more", |h| h.get("/v1/status").1["hanging"] == json!([]));
    no_volume_is_offline_and_nothing_failed(&h);
    fuse.stop();
    assert_eq!(h.post("/v1/index", &json!({ "paths": [far[0]] })).0, 202);
    upload_stays_possible(&h, "fifth.jpg");
    ends_in_time(&mut h);
}

#[test]
fn a_service_starts_beside_a_file_system_that_hangs() {
    let Some((mut h, fuse)) = with_fuse("a_service_starts", "full_scan = \"1h\"") else { return };
    h.photos("far/album", 3);
    fuse.stop();
    h.start();
    upload_stays_possible(&h, "first.jpg");
    h.photo("anna/noticed.jpg");
    h.until("a change is noticed", |h| h.names().contains(&"noticed.jpg".to_owned()));
    fuse.go_on();
    h.until("all of it is seen", |h| h.names().len() == 5);
    no_volume_is_offline_and_nothing_failed(&h);
    fuse.stop();
    ends_in_time(&mut h);
}

#[test]
fn one_thread_is_enough_beside_a_file_system_that_hangs() {
    let Some((mut h, fuse)) = with_fuse("one_thread", "") else { return };
    h.configure("jobs = 1");
    h.photos("far/album", 10);
    h.start();
    h.until("one is seen", |h| !h.names().is_empty());
    fuse.stop();
    for path in ["berta/album/00000.jpg", "berta/album/00009.jpg"] {
        assert_eq!(h.post("/v1/index", &json!({ "paths": [h.path(path)] })).0, 202);
    }
    upload_stays_possible(&h, "first.jpg");
    ends_in_time(&mut h);
    // Nothing of the previous case affects the next.
    h.start();
    upload_stays_possible(&h, "second.jpg");
    fuse.go_on();
    h.until("all of it is seen", |h| h.names().len() == 12);
    no_volume_is_offline_and_nothing_failed(&h);
}

#[test]
fn errors_of_the_machine_are_no_fault_of_a_file_and_pass() {
    let errors = [libc::EIO, libc::EMFILE, libc::ENFILE, libc::ENOMEM];
    let operations = ["opendir", "readdir", "open", "read", "getattr", "lookup"];
    for (n, operation) in operations.into_iter().enumerate() {
        let errno = errors[n % errors.len()];
        let Some((mut h, fuse)) = with_fuse("errors_of_the_machine", "") else { return };
        h.photos("far/album", 3);
        h.start();
        h.until("they are seen", |h| h.names().len() == 3);
        fuse.fail(&[(operation, errno)]);
        h.photo("far/album/new.jpg");
        let (status, answer) = h.post("/v1/index", &json!({ "paths": [h.path("berta")] }));
        // A path whose location the machine cannot determine may be refused; a folder of the config is in its
        // space.
        assert_eq!(status, 202, "{operation} {errno}: {answer}");
        h.photo("anna/beside.jpg");
        h.until("others go on", |h| h.names().contains(&"beside.jpg".to_owned()));
        no_volume_is_offline_and_nothing_failed(&h);
        fuse.fail(&[]);
        h.until(&format!("it is seen after {operation} {errno}"), |h| {
            h.names().contains(&"new.jpg".to_owned())
        });
        no_volume_is_offline_and_nothing_failed(&h);
    }
}

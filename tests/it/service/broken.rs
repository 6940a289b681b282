//! A truncated model in the running service: no file fails because of it, no request waits for it, and the
//! service recovers.

use super::fixture::Fixture;
use crate::support::{broken_models, models_dir};
use albumen_models::manifest::manifest;
use serde_json::{Value, json};

#[test]
fn a_broken_model_fails_no_file_and_holds_up_no_request_and_heals() {
    let Some(whole) = models_dir("a broken model in the service") else { return };
    let mut h = Fixture::new();
    let folder = h.path("models");
    std::fs::create_dir(&folder).unwrap();
    broken_models(&whole, &folder, |bytes| bytes.truncate(bytes.len() / 2));
    h.recognise = format!("models = \"{}\"\nidle = \"1s\"", folder.display());
    h.configure("");
    h.photo("berta/in the background.jpg");
    h.start();
    let portrait = h.path("anna/portrait.png");
    std::fs::copy(whole.join(&manifest().test_portrait.sha256), &portrait).unwrap();
    let submit = |path: &std::path::Path| -> Value {
        let (status, done) = h.post("/v1/index", &json!({ "paths": [path], "wait": true }));
        assert_eq!((status, &done["state"]), (200, &"done".into()), "{done}");
        done
    };
    let embedder = &manifest().face_embedder.file;
    let done = submit(&portrait);
    let reason = done["reason"].as_str().expect("it is said").to_owned();
    assert_eq!(done["unrecognised"], 1, "{done}");
    assert!(reason.contains(&embedder.name) && reason.contains("albumen models"), "{reason}");
    assert_eq!(h.get("/v1/status").1["broken"], reason.as_str());
    assert!(h.log().contains(&reason), "{}", h.log());
    // While it is known to be broken, requests do not wait either; the command line prints the reason.
    let second = h.photo("anna/second.jpg");
    let out = h.command("submit").arg("--wait").arg(&second).output().unwrap();
    assert!(out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains(&reason), "{out:?}");
    h.until("what is in the background can be seen", |h| h.names().len() == 3);
    assert_eq!(h.get("/v1/failures").1["failures"], json!([]));
    assert_eq!(h.database().recognised(), 0, "all of it stays due");

    // After a reload it is tried again, and is still broken.
    h.post("/v1/reload", &json!({}));
    assert_eq!(h.get("/v1/status").1["broken"], reason.as_str());
    std::fs::copy(whole.join(&embedder.sha256), folder.join(&embedder.sha256)).unwrap();
    h.post("/v1/reload", &json!({}));
    h.until("everything is looked at", |h| h.database().recognised() == 6);
    assert_eq!(h.database().rows("faces"), 1);
    let (_, status) = h.get("/v1/status");
    assert_eq!((&status["broken"], &status["failed"]), (&Value::Null, &0.into()), "{status}");
    let (_, job) = h.get(&format!("/v1/jobs/{}", done["job"]));
    assert_eq!((&job["unrecognised"], &job["reason"]), (&0.into(), &Value::Null), "{job}");

    // One that is removed while the service runs, and the recogniser does not.
    h.until("the recogniser has ended", |h| h.recogniser().is_none());
    std::fs::remove_file(folder.join(&embedder.sha256)).unwrap();
    let done = submit(&h.photo("anna/third.jpg"));
    assert!(done["reason"].as_str().is_some_and(|r| r.contains("missing")), "{done}");
    assert_eq!(h.get("/v1/failures").1["failures"], json!([]));
}

impl Fixture {
    /// The process that has the models open.
    fn recogniser(&self) -> Option<u32> {
        let is_it = |pid: &u32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|c| c.windows(10).any(|w| w == b"recogniser"))
        };
        self.children().into_iter().find(is_it)
    }
}

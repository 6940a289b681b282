//! Edits and albums for the accounts of a server, over HTTP.

use super::fixture::{ALL, ANNA, Fixture};
use serde_json::json;

#[test]
fn accounts_edit_undo_and_keep_albums() {
    let mut h = Fixture::new();
    h.start();
    let [one, two] = ["anna/1.jpg", "berta/2.jpg"].map(|p| h.upload(&h.photo(p)));
    let edit = |body| h.post("/v1/items/edit", &body);
    let (status, done) = edit(json!({
        "account": 7, "ids": [one, two, 999], "set": { "title": "Sea", "rating": null }, "add_tags": ["beach"],
    }));
    assert_eq!((status, &done["changed"]), (200, &json!(2)), "{done}");
    let item = h.get(&format!("/v1/items/{two}")).1;
    assert_eq!((&item["title"], &item["tags"]), (&json!("Sea"), &json!(["beach"])));
    assert_eq!(
        edit(json!({ "account": 7, "ids": [one], "set": { "title": "Sea" } })).1,
        json!({ "changed": 0 })
    );
    let undo = |account: i64| h.post("/v1/items/undo", &json!({ "account": account, "edit": done["edit"] }));
    assert_eq!(undo(8).0, 404, "of another account");
    assert_eq!(undo(7), (200, json!({ "changed": 2 })));
    assert_eq!(undo(7).0, 404, "once");
    assert!(h.get(&format!("/v1/items/{two}")).1["title"].is_null());

    let (status, made) = h.post("/v1/albums", &json!({ "account": 7, "name": "Sea", "items": [one] }));
    assert_eq!(status, 200, "{made}");
    assert_eq!(h.post("/v1/albums", &json!({ "account": 7, "name": "Sea" })).0, 409);
    assert_eq!(h.post("/v1/albums", &json!({ "account": 8, "name": "Sea" })).0, 200);
    assert_eq!(h.post("/v1/albums", &json!({ "account": 7, "name": " " })).0, 400);
    let at = format!("/v1/albums/{}", made["album"]);
    let filled = h.post(&format!("{at}/items"), &json!({ "account": 7, "add": [one, two], "remove": [999] }));
    assert_eq!(filled, (200, json!({ "album": made["album"], "added": 1, "removed": 0 })));
    let change = json!({ "name": "Sand", "cover": two }).to_string();
    assert_eq!(h.ask("PATCH", &at, None, Some(&change)).status, 200);
    let listed = h.command("albums").output().unwrap();
    assert!(
        !String::from_utf8_lossy(&listed.stdout).contains("Sand"),
        "the command line sees its own albums"
    );
    assert_eq!(h.ask("DELETE", &at, None, None).status, 200);
    assert_eq!(h.ask("DELETE", &at, None, None).status, 404);

    // Accounts belong to a server: an unrestricted token may act for them, one for some spaces may not.
    let body = json!({ "account": 7, "ids": [one], "set": { "title": "x" } });
    assert_eq!(h.post_as(ANNA, "/v1/items/edit", &body).0, 403);
    assert_eq!(h.post_as(ANNA, "/v1/albums", &json!({ "account": 7, "name": "x" })).0, 403);
    assert_eq!(h.post_as(ALL, "/v1/items/edit", &body).0, 200);
    let gps = |gps| edit(json!({ "account": 7, "ids": [one, two], "set": { "gps": gps } }));
    let (status, done) = gps(json!({ "lat": 48.8584, "lon": 2.2945 }));
    assert_eq!((status, &done["changed"]), (200, &json!(2)), "{done}");
    let item = || h.get(&format!("/v1/items/{one}")).1;
    assert_eq!(item()["gps"], json!({ "lat": 48.8584, "lon": 2.2945 }));
    assert_eq!((&item()["place"]["city"], &item()["sources"]["gps"]), (&json!("Paris"), &json!("edit")));
    assert_eq!(gps(json!(null)).1["changed"], 2);
    assert!(item()["gps"].is_null() && item()["place"].is_null());

    for wrong in [
        json!({ "account": 7, "ids": [one], "set": { "gps": { "lat": 90.5, "lon": 0 } } }),
        json!({ "account": 7, "ids": [one], "set": { "gps": { "lat": 0, "lon": -181 } } }),
        json!({ "account": 7, "ids": [one], "set": { "gps": { "lat": 0, "lon": 0, "alt": 0 } } }),
        json!({ "account": 7, "ids": [one] }),
        json!({ "account": 7, "ids": [one], "set": { "rating": 9 } }),
        json!({ "account": 7, "ids": [one], "set": { "taken": "soon" } }),
        json!({ "account": 7, "ids": [one], "set": { "taken": "2023-07-01" }, "shift_taken": 1 }),
        json!({ "account": 7, "ids": vec![one; 20_001], "set": { "title": "x" } }),
    ] {
        assert_eq!(edit(wrong.clone()).0, 400, "{wrong}");
    }
}

//! Every row of the route table, for every subject: a denied request gets the answer to an unknown address,
//! and answers contain nothing that the subject must not see.

use crate::fixture::{Answer, Client, PASSWORD, Portal};
use albumen_portal::http::{Access, routes};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A subject and its access.
struct Asking {
    name: &'static str,
    client: Client,
    /// Whether the guard lets it through, by the kind of the row.
    may: fn(Access) -> bool,
    has_account: bool,
    /// Words that no answer may contain.
    must_not_learn: &'static [&'static str],
}

/// What is sent to a row: its path, its body, and the statuses that mean that the guard let it through.
struct Sent {
    path: &'static str,
    body: Option<Value>,
    let_through: &'static [u16],
}

/// The requests of each row. A route without an entry here fails the test.
fn sent(method: &str, path: &str) -> Option<Sent> {
    let ok: &[u16] = &[200, 201, 204];
    let row = |path, body, let_through| Some(Sent { path, body, let_through });
    match (method, path) {
        ("GET", "/accounts/{name}") => row("/accounts/ben", None, ok),
        ("GET", "/spaces/{name}/access") => row("/spaces/family/access", None, ok),
        ("GET", "/spaces/{name}/grants") => row("/spaces/family/grants", None, ok),
        ("GET", "/spaces/{name}/visibility") => row("/spaces/family/visibility", None, ok),
        ("GET", "/health") => row("/health", None, ok),
        ("GET", "/setup") => row("/setup", None, ok),
        ("GET", "/me") => row("/me", None, ok),
        ("GET", "/me/activity") => row("/me/activity", None, ok),
        ("GET", "/sessions") => row("/sessions", None, ok),
        ("GET", "/tokens") => row("/tokens", None, ok),
        ("GET", "/second-factor") => row("/second-factor", None, ok),
        ("GET", "/preferences") => row("/preferences", None, ok),
        ("GET", "/searches") => row("/searches", None, ok),
        // Each subject sees its own part of these; `library` tests which items. No item has this number.
        ("GET", "/timeline") => row("/timeline", None, &[200, 503]),
        ("GET", "/items") => row("/items", None, &[200, 503]),
        ("GET", "/items/thumbhashes") => row("/items/thumbhashes?ids=999999", None, &[200, 503]),
        ("GET", "/folders") => row("/folders?space=family", None, &[404, 503]),
        ("GET", "/people") => row("/people", None, &[200, 503]),
        ("GET", "/people/questions") => row("/people/questions", None, &[200, 503]),
        ("GET", "/people/{id}") => row("/people/p999999", None, &[404, 503]),
        ("PATCH", "/people/{id}") => row("/people/p999999", Some(json!({ "hidden": true })), &[404, 503]),
        ("GET", "/people/{id}/faces") => row("/people/p999999/faces", None, &[404, 503]),
        ("POST", "/people/{id}/split") => {
            row("/people/p999999/split", Some(json!({ "faces": [999999] })), &[404, 503])
        }
        ("POST", "/people/merge") => {
            row("/people/merge", Some(json!({ "people": ["p1", "p2"] })), &[404, 503])
        }
        ("POST", "/people/apart") => {
            row("/people/apart", Some(json!({ "people": ["p1", "p2"] })), &[404, 503])
        }
        ("POST", "/people/answer") => {
            let no = json!({ "question": "is:999999:p999999", "answer": "no" });
            row("/people/answer", Some(no), &[404, 503])
        }
        ("POST", "/faces/{id}/assign") => {
            row("/faces/999999/assign", Some(json!({ "person": "x" })), &[404, 503])
        }
        ("POST", "/faces/{id}/reject") => row("/faces/999999/reject", Some(json!({})), &[404, 503]),
        ("POST", "/faces/{id}/mark") => row("/faces/999999/mark", Some(json!({ "mark": null })), &[404, 503]),
        ("GET", "/faces/{id}/why") => row("/faces/999999/why", None, &[404, 503]),
        ("GET", "/items/{id}/faces") => row("/items/999999/faces", None, &[404, 503]),
        ("GET", "/tags") => row("/tags", None, &[200, 503]),
        ("GET", "/subjects") => row("/subjects", None, &[200, 503]),
        ("GET", "/places") => row("/places", None, &[200, 503]),
        ("GET", "/search/suggest") => row("/search/suggest?q=a", None, &[200, 503]),
        ("GET", "/facets") => row("/facets", None, &[200, 503]),
        ("GET", "/map") => row("/map", None, &[200, 503]),
        ("GET", "/albums") => row("/albums", None, &[200, 503]),
        ("GET", "/albums/{id}") => row("/albums/999999", None, &[404, 503]),
        ("POST", "/albums") => row("/albums", Some(json!({ "name": "x" })), &[404, 503]),
        ("PATCH", "/albums/{id}") => row("/albums/999999", Some(json!({})), &[404, 503]),
        ("DELETE", "/albums/{id}") => row("/albums/999999", None, &[404, 503]),
        ("POST", "/albums/{id}/items") => row("/albums/999999/items", Some(json!({})), &[404, 503]),
        ("POST", "/items/edit") => {
            row("/items/edit", Some(json!({ "ids": [999999], "set": { "title": "x" } })), &[404, 503])
        }
        ("POST", "/undo") => row("/undo", Some(json!({ "undo": "999999" })), &[404, 503]),
        ("GET", "/events") => row("/events", None, ok),
        ("GET", "/failures") => row("/failures", None, &[200, 503]),
        ("GET", "/jobs") => row("/jobs", None, &[200, 503]),
        ("GET", "/items/{id}") => row("/items/999999", None, &[404, 503]),
        ("GET", "/items/{id}/thumbnail/{size}") => row("/items/999999/thumbnail/m", None, &[404, 503]),
        ("GET", "/items/{id}/original") => row("/items/999999/original", None, &[404, 503]),
        ("GET", "/items/{id}/motion") => row("/items/999999/motion", None, &[404, 503]),
        ("GET", "/accounts") => row("/accounts", None, ok),
        ("GET", "/groups") => row("/groups", None, ok),
        ("GET", "/spaces") => row("/spaces", None, ok),
        ("GET", "/settings") => row("/settings", None, ok),
        ("GET", "/audit") => row("/audit", None, ok),
        // Changes that change nothing that others in this test need. 400, 409 and similar come after the
        // guard.
        ("POST", "/setup") => {
            row("/setup", Some(json!({ "token": "x", "account": "x", "password": PASSWORD })), &[409])
        }
        ("POST", "/session") => row("/session", Some(json!({ "account": "", "password": "" })), &[401, 429]),
        ("DELETE", "/session") => row("/session", None, &[204, 409]),
        ("POST", "/session/confirm") => {
            row("/session/confirm", Some(json!({ "password": PASSWORD })), &[204, 429])
        }
        ("POST", "/unlock") => {
            row("/unlock", Some(json!({ "space": "family", "path": "trips", "password": "x" })), &[403, 429])
        }
        ("PATCH", "/me") => row("/me", Some(json!({ "language": "de" })), ok),
        ("POST", "/me/password") => {
            row("/me/password", Some(json!({ "current": "x", "new": "short" })), &[400])
        }
        ("DELETE", "/sessions") => row("/sessions", None, ok),
        ("DELETE", "/sessions/{id}") => row("/sessions/999999", None, &[404]),
        ("POST", "/tokens") => {
            row("/tokens", Some(json!({ "name": "", "kind": "token", "rights": [] })), &[400])
        }
        ("DELETE", "/tokens/{id}") => row("/tokens/999999", None, &[404]),
        ("POST", "/second-factor") => row("/second-factor", None, ok),
        ("POST", "/second-factor/confirm") => {
            row("/second-factor/confirm", Some(json!({ "code": "" })), &[400])
        }
        ("POST", "/second-factor/recovery-codes") => row("/second-factor/recovery-codes", None, &[409]),
        ("DELETE", "/second-factor") => row("/second-factor", None, ok),
        // By an address there are no passkeys.
        ("GET", "/passkeys") => row("/passkeys", None, ok),
        ("POST", "/passkeys/begin") => row("/passkeys/begin", None, &[409]),
        ("POST", "/passkeys") => row(
            "/passkeys",
            Some(json!({ "name": "x", "challenge": "x", "client_data": "x", "attestation": "x" })),
            &[409],
        ),
        ("DELETE", "/passkeys/{id}") => row("/passkeys/999999", None, &[404]),
        ("POST", "/session/passkey/begin") => row("/session/passkey/begin", None, &[409]),
        ("POST", "/session/passkey") => row(
            "/session/passkey",
            Some(
                json!({ "challenge": "", "credential": "", "client_data": "", "authenticator_data": "", "signature": "" }),
            ),
            &[409],
        ),
        ("PATCH", "/preferences") => row("/preferences", Some(json!({ "theme": "dark" })), ok),
        ("POST", "/searches") => row("/searches", Some(json!({ "query": "sea" })), ok),
        ("DELETE", "/searches") => row("/searches", None, ok),
        ("DELETE", "/searches/{id}") => row("/searches/999999", None, &[404]),
        ("POST", "/accounts") => row("/accounts", Some(json!({ "name": "x", "password": "short" })), &[400]),
        ("PATCH", "/accounts/{name}") => row("/accounts/ben", Some(json!({ "language": "de" })), ok),
        ("DELETE", "/accounts/{name}") => row("/accounts/nobody", None, &[404]),
        ("POST", "/accounts/{name}/password") => {
            row("/accounts/ben/password", Some(json!({ "password": "short" })), &[400])
        }
        ("DELETE", "/accounts/{name}/sessions") => row("/accounts/eve/sessions", None, ok),
        ("POST", "/groups") => row("/groups", Some(json!({ "name": "-" })), &[400]),
        ("PATCH", "/groups/{name}") => row("/groups/hikers", Some(json!({})), ok),
        ("DELETE", "/groups/{name}") => row("/groups/none", None, &[404]),
        ("PATCH", "/spaces/{name}") => row("/spaces/family", Some(json!({ "off": false })), ok),
        ("PUT", "/spaces/{name}/access") => {
            row("/spaces/family/access", Some(json!({ "account": "carl", "access": "none" })), ok)
        }
        ("PUT", "/spaces/{name}/grants") => {
            row("/spaces/family/grants", Some(json!({ "path": "x", "account": "carl", "rights": [] })), ok)
        }
        ("PUT", "/spaces/{name}/visibility") => {
            row("/spaces/family/visibility", Some(json!({ "path": "x", "visibility": null })), ok)
        }
        ("PATCH", "/settings") => row("/settings", Some(json!({})), ok),
        _ => None,
    }
}

/// Words that represent secrets of the library below: each is in the store, and only some subjects may see
/// it.
const BENS: &[&str] = &["bens-token", "bens-search", "bens-preference"];

fn library() -> (Portal, Vec<Asking>) {
    let mut portal = Portal::new();
    portal.add("root", &["--admin"]);
    portal.add("anna", &["--access", "family=full"]);
    portal.add("ben", &["--access", "family=custom"]);
    portal.add("carl", &[]);
    portal.add("eve", &[]);
    portal.add("gone", &[]);
    portal.done(&["group", "add", "hikers", "ben"], "");
    portal.start();
    let root = portal.sign_in("root");
    let put = |path: &str, body: Value| {
        let answer = portal.ask(&root, "PUT", path, Some(&body));
        assert_eq!(answer.status, 204, "{answer:?}");
    };
    put(
        "/spaces/family/grants",
        json!({ "path": "trips/hidden-trip", "group": "hikers", "rights": ["view"] }),
    );
    put("/spaces/family/visibility", json!({ "path": "open", "visibility": "public" }));
    put(
        "/spaces/family/visibility",
        json!({ "path": "locked", "visibility": "password", "password": "kettle violet" }),
    );
    let ben = portal.sign_in("ben");
    let ask = |method: &str, path: &str, body: Value| {
        let answer = portal.ask(&ben, method, path, Some(&body));
        assert!(answer.status < 300, "{answer:?}");
    };
    ask("POST", "/tokens", json!({ "name": "bens-token", "kind": "token", "rights": ["view"] }));
    ask("POST", "/searches", json!({ "query": "bens-search" }));
    ask("PATCH", "/preferences", json!({ "bens-preference": 1 }));

    let gone = portal.sign_in("gone");
    let gone_token = portal.token(&gone, json!(["manage"]));
    assert_eq!(portal.ask(&root, "PATCH", "/accounts/gone", Some(&json!({ "disabled": true }))).status, 200);
    let unlock = json!({ "space": "family", "path": "locked", "password": "kettle violet" });
    let unlocked = portal.ask(&Client::default(), "POST", "/unlock", Some(&unlock));
    assert_eq!(unlocked.status, 204);

    let none: fn(Access) -> bool = |access| matches!(access, Access::Anyone | Access::Library);
    let own: fn(Access) -> bool = |access| access != Access::Administrator;
    let looking: fn(Access) -> bool = |access| !matches!(access, Access::Administrator | Access::Own);
    let hidden: &[&str] = &[
        "bens-token",
        "bens-search",
        "bens-preference",
        "hidden-trip",
        "attic",
        "gone",
        "sign_in_failed",
        "\"ben\"",
    ];
    let of_others: &[&str] =
        &["bens-token", "bens-search", "bens-preference", "hidden-trip", "attic", "\"gone\""];
    let asking = |name, client, may, has_account, must_not_learn| Asking {
        name,
        client,
        may,
        has_account,
        must_not_learn,
    };
    let anna = portal.sign_in("anna");
    let subjects = vec![
        asking("anonymous", Client::default(), none, false, hidden),
        asking("unlocked visitor", Client::with_cookie(&unlocked.cookie()), none, false, hidden),
        asking("stale cookie", Client::with_cookie("albumen_session=AAAA"), none, false, hidden),
        asking("disabled account", gone, none, false, hidden),
        asking("token of a disabled account", gone_token, |_| false, false, hidden),
        asking("viewing token", portal.token(&anna, json!(["view"])), looking, true, of_others),
        asking("managing token", portal.token(&anna, json!(["manage"])), looking, true, of_others),
        asking(
            "managing token of an administrator",
            portal.token(&root, json!(["manage"])),
            looking,
            true,
            of_others,
        ),
        asking("account without access", portal.sign_in("carl"), own, true, of_others),
        asking("account", anna, own, true, of_others),
        asking("administrator", root, |_| true, true, BENS),
    ];
    (portal, subjects)
}

#[test]
fn every_route_for_every_subject() {
    let (portal, subjects) = library();
    let unknown: BTreeMap<bool, Answer> =
        [(false, portal.send(&Client::default(), "GET", "/api/v1/no/such", None))].into();
    let unknown = &unknown[&false];
    assert_eq!(unknown.status, 404);
    let bytes = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "date");
        (answer.status, headers, answer.text.clone())
    };
    // Requests that end sessions come last: others still need theirs.
    let mut rows: Vec<_> = routes().iter().collect();
    rows.sort_by_key(|r| (r.path == "/session" && r.method == "DELETE", r.method == "DELETE"));
    let mut heard: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for route in rows {
        let method = route.method.as_str();
        let sent = sent(method, route.path)
            .unwrap_or_else(|| panic!("{method} {} has no row in the table of this test", route.path));
        for asking in &subjects {
            let is_reset = method == "DELETE" && route.path == "/sessions";
            let answer = portal.ask(&asking.client, method, sent.path, sent.body.as_ref());
            let what = format!("{method} {} by {}: {answer:?}", sent.path, asking.name);
            if (asking.may)(route.access) {
                assert!(sent.let_through.contains(&answer.status), "{what}");
            } else if asking.name == "token of a disabled account" {
                assert_eq!((answer.status, answer.problem().as_str()), (401, "bad_token"), "{what}");
            } else if asking.has_account {
                assert_eq!(bytes(&answer), bytes(unknown), "forbidden is not unknown: {what}");
            } else {
                assert_eq!((answer.status, answer.problem().as_str()), (401, "sign_in_needed"), "{what}");
            }
            if !is_reset {
                heard
                    .entry(asking.name)
                    .or_default()
                    .push((what, answer.text.clone() + &format!("{:?}", answer.headers)));
            }
        }
    }
    for asking in &subjects {
        for (what, text) in &heard[asking.name] {
            for word in asking.must_not_learn {
                assert!(!text.contains(word), "{} learned {word:?}: {what}", asking.name);
            }
        }
    }
}

#[test]
fn spaces_are_listed_for_those_who_see_something_of_them() {
    let (portal, subjects) = library();
    let spaces = |name: &str| -> Vec<String> {
        let asking = subjects.iter().find(|s| s.name == name).unwrap();
        let me = portal.ask(&asking.client, "GET", "/me", None).json();
        me["spaces"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(spaces("administrator"), ["family", "root"], "and no personal space of others");
    assert_eq!(spaces("account"), ["family", "anna"]);
    // By the public folder.
    assert_eq!(spaces("account without access"), ["family", "carl"]);
    let ben = portal.sign_in("ben");
    let me = portal.ask(&ben, "GET", "/me", None).json();
    assert_eq!(me["spaces"][0]["whole"], false);
    assert_eq!(me["spaces"][0]["rights"], json!([]));
    assert_eq!(me["spaces"][1]["name"], "ben");
    assert_eq!(me["spaces"][1]["rights"], json!(["view", "download", "upload", "manage"]));
}

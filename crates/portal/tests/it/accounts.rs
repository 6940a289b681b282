//! Accounts, groups, tokens, settings and the first account over the API.

use crate::fixture::{Client, PASSWORD, Portal, mode};
use serde_json::{Value, json};

fn with_root() -> (Portal, Client) {
    let mut portal = Portal::new();
    portal.add("root", &["--admin"]);
    portal.start();
    let root = portal.sign_in("root");
    (portal, root)
}

#[test]
fn the_first_account_by_the_link_of_the_first_start() {
    let mut portal = Portal::new();
    portal.start();
    let file = portal.path("state/setup-link");
    assert_eq!(mode(&file), 0o600);
    let link = std::fs::read_to_string(&file).unwrap();
    let token = link.trim().split("token=").nth(1).unwrap().to_owned();
    assert!(link.contains("/setup?token="), "{link}");
    assert_eq!(portal.ask(&Client::default(), "GET", "/setup", None).json(), json!({ "needed": true }));
    let first = |token: &str, password: &str| {
        let body = json!({ "token": token, "account": "anna", "password": password });
        portal.ask(&Client::default(), "POST", "/setup", Some(&body))
    };
    assert_eq!(first("AAAA", PASSWORD).status, 409);
    assert_eq!(first(&token, "short").status, 400);
    let made = first(&token, PASSWORD);
    assert_eq!(made.json()["account"]["admin"], true);
    assert_eq!(portal.ask(&Client::with_cookie(&made.cookie()), "GET", "/accounts", None).status, 200);
    assert_eq!(first(&token, PASSWORD).status, 409, "once");
    assert!(!file.exists());
    assert_eq!(portal.ask(&Client::default(), "GET", "/setup", None).json(), json!({ "needed": false }));
    portal.stop();
    portal.start();
    assert!(!file.exists());
}

#[test]
fn the_first_account_by_the_page_without_script() {
    let mut portal = Portal::new();
    portal.settings = "base_path = \"/photos\"".into();
    portal.start();
    let link = std::fs::read_to_string(portal.path("state/setup-link")).unwrap();
    let token = link.trim().split("token=").nth(1).unwrap();
    let page = portal.send(&Client::default(), "GET", &format!("/photos/setup?token={token}"), None);
    assert_eq!(page.status, 200);
    assert!(page.text.contains("action=\"/photos/setup\"") && page.text.contains(token), "{}", page.text);
    let form = Client {
        headers: vec![("Content-Type", "application/x-www-form-urlencoded".into())],
        ..Client::default()
    };
    let refused = portal.send(
        &form,
        "POST",
        "/photos/setup",
        Some(&format!("token={token}&account=%3Cb%3E&password=violet+kettle")),
    );
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("&lt;b&gt;") && !refused.text.contains("<b>"), "{}", refused.text);
    let made = portal.send(
        &form,
        "POST",
        "/photos/setup",
        Some(&format!("token={token}&account=anna&password=violet+kettle")),
    );
    assert_eq!((made.status, made.header("location")), (303, Some("/photos/")));
    let me = portal.send(&Client::with_cookie(&made.cookie()), "GET", "/photos/api/v1/me", None);
    assert_eq!(me.json()["account"]["name"], "anna");
    assert_eq!(
        portal.send(&Client::default(), "GET", "/api/v1/me", None).status,
        404,
        "everything is below base_path"
    );
    assert_eq!(portal.send(&Client::default(), "GET", "/photos", None).header("location"), Some("/photos/"));
}

#[test]
fn an_administrator_manages_accounts() {
    let (portal, root) = with_root();
    let add = json!({ "name": "anna", "password": PASSWORD, "display_name": "Anna", "access": { "family": "full" } });
    let added = portal.ask(&root, "POST", "/accounts", Some(&add));
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(added.json()["access"], json!({ "family": "full" }));
    assert_eq!(portal.ask(&root, "POST", "/accounts", Some(&add)).problem(), "name_taken");
    let anna = portal.sign_in("anna");
    let token = portal.token(&anna, json!(["view"]));
    let names = portal.ask(&anna, "GET", "/accounts", None).json();
    assert_eq!(names["accounts"][0], json!({ "name": "anna", "display_name": "Anna" }));
    let disabled = portal.ask(&root, "PATCH", "/accounts/anna", Some(&json!({ "disabled": true })));
    assert_eq!(disabled.json()["disabled"], true);
    for ended in [&anna, &token] {
        assert_eq!(portal.ask(ended, "GET", "/me", None).status, 401);
    }
    assert_eq!(portal.try_sign_in("anna", PASSWORD).status, 401);
    portal.ask(&root, "PATCH", "/accounts/anna", Some(&json!({ "disabled": false })));
    assert_eq!(portal.ask(&token, "GET", "/me", None).status, 401, "what has ended stays ended");
    let anna = portal.sign_in("anna");
    portal.ask(&root, "PATCH", "/accounts/anna", Some(&json!({ "admin": true })));
    assert_eq!(portal.ask(&anna, "GET", "/me", None).status, 401, "new rights, new session");
    let last = portal.ask(&root, "DELETE", "/accounts/root", None);
    assert_eq!(last.status, 204, "there is another administrator");
    assert_eq!(portal.ask(&root, "GET", "/me", None).status, 401);
    let anna = portal.sign_in("anna");
    assert_eq!(portal.ask(&anna, "DELETE", "/accounts/anna", None).problem(), "last_administrator");
    let log = portal.ask(&anna, "GET", "/audit", None).json();
    let actions: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    for action in [
        "account_added",
        "account_disabled",
        "account_enabled",
        "administrator_made",
        "account_removed",
        "signed_in",
    ] {
        assert!(actions.contains(&action), "{action} is not in {actions:?}");
    }
    assert!(!log.to_string().contains(PASSWORD));
}

#[test]
fn what_protects_an_account_asks_for_the_password_again() {
    let (portal, root) = with_root();
    let store = albumen_portal::store::Store::open(&portal.path("state")).unwrap();
    let id = store.account_named("root").unwrap().unwrap().id;
    let session = &store.sessions(id, 0).unwrap()[0];
    // As if the password had been given an hour ago.
    let digest = albumen_portal::secret::Digest::of(root.cookie.as_ref().unwrap().split_once('=').unwrap().1);
    store.rotate_session(session.id, digest, session.confirmed - 3600).unwrap();
    let body = json!({ "name": "x", "kind": "token", "rights": ["view"] });
    assert_eq!(portal.ask(&root, "POST", "/tokens", Some(&body)).problem(), "confirm_needed");
    assert_eq!(
        portal.ask(&root, "POST", "/session/confirm", Some(&json!({ "password": "wrong" }))).status,
        401
    );
    let confirmed = portal.ask(&root, "POST", "/session/confirm", Some(&json!({ "password": PASSWORD })));
    assert_eq!(confirmed.status, 204);
    assert_eq!(portal.ask(&root, "GET", "/me", None).status, 401, "the old token is gone");
    let root = Client::with_cookie(&confirmed.cookie());
    assert_eq!(portal.ask(&root, "POST", "/tokens", Some(&body)).status, 201);
}

#[test]
fn groups_tokens_preferences_searches_and_settings() {
    let (portal, root) = with_root();
    let ask = |method: &str, path: &str, body: Value| portal.ask(&root, method, path, Some(&body));
    assert_eq!(
        ask("POST", "/groups", json!({ "name": "hikers", "members": ["root"] })).json()["members"],
        json!(["root"])
    );
    assert_eq!(ask("POST", "/groups", json!({ "name": "Hikers" })).status, 409);
    assert_eq!(ask("PATCH", "/groups/hikers", json!({ "remove": ["root"] })).json()["members"], json!([]));
    assert_eq!(ask("PATCH", "/groups/hikers", json!({ "add": ["nobody"] })).status, 400);
    assert_eq!(portal.ask(&root, "DELETE", "/groups/hikers", None).status, 204);

    let token = portal.token(&root, json!(["download"]));
    let list = portal.ask(&root, "GET", "/tokens", None).json();
    assert_eq!(list["tokens"][0]["rights"], json!(["view", "download"]));
    let id = list["tokens"][0]["id"].as_i64().unwrap();
    assert_eq!(portal.ask(&token, "GET", "/me", None).status, 200);
    assert_eq!(portal.ask(&root, "DELETE", &format!("/tokens/{id}"), None).status, 204);
    assert_eq!(portal.ask(&token, "GET", "/me", None).problem(), "bad_token");

    assert_eq!(ask("PATCH", "/preferences", json!({ "theme": "dark", "hide_dates": true })).status, 204);
    assert_eq!(ask("PATCH", "/preferences", json!({ "theme": null })).status, 204);
    assert_eq!(portal.ask(&root, "GET", "/preferences", None).json(), json!({ "hide_dates": true }));
    assert_eq!(ask("PATCH", "/preferences", json!({ "a b": 1 })).status, 400);

    for query in ["sea", "mountain", "sea"] {
        assert_eq!(ask("POST", "/searches", json!({ "query": query })).status, 204);
    }
    let searches = portal.ask(&root, "GET", "/searches", None).json();
    let queries: Vec<&str> =
        searches["searches"].as_array().unwrap().iter().map(|s| s["query"].as_str().unwrap()).collect();
    assert_eq!(queries.len(), 2);
    assert_eq!(portal.ask(&root, "DELETE", "/searches", None).status, 204);

    let all = json!({ "accounts_download_originals": true, "guests_download_originals": false });
    assert_eq!(portal.ask(&root, "GET", "/settings", None).json(), all);
    assert_eq!(
        ask("PATCH", "/settings", json!({ "guests_download_originals": true })).json()["guests_download_originals"],
        true
    );
    assert_eq!(ask("PATCH", "/settings", json!({ "unknown": true })).status, 400);
}

#[test]
fn errors_are_problems_in_words() {
    let (portal, root) = with_root();
    let send = |kind: &str, body: &str| {
        let client = Client { headers: vec![("Content-Type", kind.to_owned())], ..root.clone() };
        portal.send(&client, "POST", "/api/v1/groups", Some(body))
    };
    for (answer, status) in [
        (send("text/plain", "{}"), 415),
        (send("application/json", "{"), 400),
        (send("application/json", "{\"name\":1}"), 400),
        (send("application/json", &format!("{{\"name\":\"{}\"}}", "a".repeat(70_000))), 413),
        (portal.send(&root, "GET", "/api/v1/unknown", None), 404),
        (portal.send(&root, "PUT", "/api/v1/me", None), 405),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let document = answer.json();
        assert_eq!(document["status"], status);
        assert!(document["detail"].as_str().is_some_and(|d| d.ends_with('.')), "{document}");
    }
}

#[test]
fn every_answer_carries_what_protects_the_browser() {
    let (portal, root) = with_root();
    for path in ["/", "/setup", "/api/v1/me", "/api/v1/unknown", "/unknown.js", "/plain.css"] {
        let answer = portal.send(&root, "GET", path, None);
        let csp = answer.header("content-security-policy").unwrap_or_else(|| panic!("{path}: {answer:?}"));
        assert!(csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"), "{csp}");
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "only with a certificate that all browsers trust"
        );
    }
}

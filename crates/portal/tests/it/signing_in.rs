//! Sessions, delays, origins, proxies, the second factor.

use crate::fixture::{Client, PASSWORD, Portal};
use albumen_portal::totp;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

fn with_anna() -> Portal {
    let mut portal = Portal::new();
    portal.add("anna", &["--admin", "--display-name", "Anna B."]);
    portal.start();
    portal
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[test]
fn the_fixed_answers() {
    let portal = with_anna();
    let answer = portal.try_sign_in("Anna", PASSWORD);
    assert_eq!(
        answer.json(),
        json!({ "account": { "name": "anna", "display_name": "Anna B.", "admin": true } })
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("albumen_session="), "{cookie}");
    for part in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Max-Age"), "{cookie}");
    let client = Client::with_cookie(&answer.cookie());
    assert_eq!(portal.ask(&client, "GET", "/me", None).json()["account"]["name"], "anna");
    let out = portal.ask(&client, "DELETE", "/session", None);
    assert_eq!(out.status, 204);
    assert_eq!(out.header("clear-site-data"), Some("\"cache\", \"storage\""));
    assert_eq!(portal.ask(&client, "GET", "/me", None).status, 401);
    let body = json!({ "account": "anna", "password": PASSWORD, "remember": true });
    let kept = portal.ask(&Client::default(), "POST", "/session", Some(&body));
    assert!(kept.header("set-cookie").unwrap().contains("Max-Age=2592000"), "{kept:?}");
}

#[test]
fn a_sign_in_ends_the_session_that_the_browser_had() {
    let portal = with_anna();
    let first = portal.sign_in("anna");
    let body = json!({ "account": "anna", "password": PASSWORD });
    let second = portal.ask(&first, "POST", "/session", Some(&body));
    assert_ne!(Some(second.cookie()), first.cookie);
    assert_eq!(portal.ask(&first, "GET", "/me", None).status, 401);
    assert_eq!(portal.ask(&Client::with_cookie(&second.cookie()), "GET", "/me", None).status, 200);
}

#[test]
fn who_is_not_there_answers_as_who_mistyped() {
    let portal = with_anna();
    portal.add("ben", &[]);
    portal.done(&["account", "disable", "ben"], "");
    let wrong = portal.try_sign_in("anna", "not the password");
    let unknown = portal.try_sign_in("nobody", PASSWORD);
    let disabled = portal.try_sign_in("ben", PASSWORD);
    assert_eq!(wrong.status, 401);
    for other in [unknown, disabled] {
        assert_eq!((wrong.status, &wrong.text), (other.status, &other.text));
    }
}

#[test]
fn failures_delay_survive_a_restart_and_lock_no_session_out() {
    let mut portal = with_anna();
    let session = portal.sign_in("anna");
    for _ in 0..5 {
        assert_eq!(portal.try_sign_in("nobody", "wrong").status, 401);
    }
    // Delays begin with a second, which a busy machine may take for an attempt; they double.
    let mut delayed = portal.try_sign_in("anna", "wrong");
    for _ in 0..8 {
        if delayed.status != 401 {
            break;
        }
        delayed = portal.try_sign_in("anna", "wrong");
    }
    assert_eq!((delayed.status, delayed.problem().as_str()), (429, "too_many_attempts"));
    let wait: u32 = delayed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=900).contains(&wait));
    assert_eq!(portal.ask(&session, "GET", "/me", None).status, 200);
    // More failures: a longer delay, which a restart does not reset.
    portal.done(&["account", "list"], "");
    let store = albumen_portal::store::Store::open(&portal.path("state")).unwrap();
    let network = albumen_portal::store::Throttle::network("127.0.0.1");
    for later in 1..=6 {
        store.attempt(std::slice::from_ref(&network), now() + 1000 * later).unwrap();
    }
    drop(store);
    portal.kill();
    portal.start();
    assert_eq!(portal.try_sign_in("anna", PASSWORD).status, 429);
    assert_eq!(portal.ask(&session, "GET", "/me", None).status, 200);
}

#[test]
fn changes_by_cookie_come_from_our_own_pages() {
    let portal = with_anna();
    let session = portal.sign_in("anna");
    let with = |headers: Vec<(&'static str, String)>| Client { headers, is_bare: true, ..session.clone() };
    let change =
        |client: &Client| portal.ask(client, "PATCH", "/preferences", Some(&json!({ "theme": "dark" })));
    let own = format!("http://{}", portal.address());
    assert_eq!(change(&with(vec![("Origin", own.clone())])).status, 204);
    assert_eq!(change(&with(vec![("Sec-Fetch-Site", "same-origin".into())])).status, 204);
    for headers in [
        vec![],
        vec![("Origin", "http://evil.example".to_owned())],
        vec![("Origin", "null".to_owned())],
        vec![("Sec-Fetch-Site", "cross-site".to_owned()), ("Origin", own.clone())],
        vec![("Sec-Fetch-Site", "same-site".to_owned())],
        vec![("Sec-Fetch-Site", "none".to_owned())],
        vec![("Origin", own.replace("http", "https"))],
    ] {
        let answer = change(&with(headers.clone()));
        assert_eq!((answer.status, answer.problem().as_str()), (403, "cross_site"), "{headers:?}");
    }
    // Nor may another site sign a visitor in, or embed an answer.
    let evil = Client {
        headers: vec![("Origin", "http://evil.example".into())],
        is_bare: true,
        ..Client::default()
    };
    let body = json!({ "account": "anna", "password": PASSWORD });
    assert_eq!(portal.ask(&evil, "POST", "/session", Some(&body)).status, 403);
    let embedded = with(vec![("Sec-Fetch-Site", "cross-site".into()), ("Sec-Fetch-Mode", "no-cors".into())]);
    assert_eq!(portal.ask(&embedded, "GET", "/me", None).status, 403);
}

#[test]
fn only_hosts_that_are_ours_are_answered() {
    let mut portal = Portal::new();
    portal.settings = "names = [\"photos.example.org\"]".into();
    portal.start();
    let host = |name: &str| {
        let client = Client { headers: vec![("Host", name.to_owned())], ..Client::default() };
        portal.send(&client, "GET", "/api/v1/health", None).status
    };
    for ours in
        ["127.0.0.1", "[::1]:8443", "localhost", "photos.example.org", "PHOTOS.example.org:443", "10.9.8.7"]
    {
        assert_eq!(host(ours), 200, "{ours}");
    }
    for other in ["evil.example", "photos.example.org.evil.example", "", "a@localhost"] {
        assert_ne!(host(other), 200, "{other}");
    }
}

#[test]
fn a_header_signs_in_from_a_trusted_proxy_alone() {
    let mut portal = Portal::new();
    portal.settings = "trusted_proxies = [\"192.0.2.1\"]\ntrusted_header = \"Remote-User\"".into();
    portal.add("anna", &["--admin"]);
    portal.start();
    let named = Client { headers: vec![("Remote-User", "anna".into())], ..Client::default() };
    assert_eq!(portal.ask(&named, "GET", "/me", None).status, 401, "from anywhere else it is removed");
    portal.stop();
    portal.settings = portal.settings.replace("192.0.2.1", "127.0.0.0/8");
    portal.start();
    assert_eq!(portal.ask(&named, "GET", "/me", None).json()["account"]["name"], "anna");
    let unknown = Client { headers: vec![("Remote-User", "eve".into())], ..Client::default() };
    assert_eq!(portal.ask(&unknown, "GET", "/me", None).status, 401);
    // For a page of another site it is equivalent to a cookie: the same rule.
    let evil = Client {
        headers: vec![("Remote-User", "anna".into()), ("Origin", "http://evil.example".into())],
        is_bare: true,
        ..Client::default()
    };
    assert_eq!(portal.ask(&evil, "PATCH", "/preferences", Some(&json!({}))).status, 403);
    // The client address reported by a proxy is in the audit log.
    let forwarded = Client {
        headers: vec![("X-Forwarded-For", "198.51.100.7".into())],
        is_bare: true,
        ..Client::default()
    };
    let body = json!({ "account": "anna", "password": "wrong" });
    assert_eq!(portal.ask(&forwarded, "POST", "/session", Some(&body)).status, 401);
    let log = portal.ask(&named, "GET", "/audit", None).json();
    assert_eq!(log["entries"][0]["action"], "sign_in_failed");
    assert_eq!(log["entries"][0]["address"], "198.51.100.7");
}

#[test]
fn a_second_factor_from_its_set_up_to_the_lost_phone() {
    let portal = with_anna();
    let session = portal.sign_in("anna");
    let other = portal.sign_in("anna");
    let prepared = portal.ask(&session, "POST", "/second-factor", None).json();
    let uri = prepared["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Albumen"), "{uri}");
    let store = albumen_portal::store::Store::open(&portal.path("state")).unwrap();
    let anna = store.account_named("anna").unwrap().unwrap().id;
    let secret = store.totp(anna).unwrap().unwrap().secret;
    assert_eq!(portal.try_sign_in("anna", PASSWORD).status, 200, "not in force yet");
    let wrong = portal.ask(&session, "POST", "/second-factor/confirm", Some(&json!({ "code": "000000" })));
    assert_eq!((wrong.status, wrong.problem().as_str()), (400, "wrong_code"));
    // A code of the step before, so that the present one is left for signing in.
    let code = totp::code(&secret, totp::step(now()) - 1);
    let confirmed = portal.ask(&session, "POST", "/second-factor/confirm", Some(&json!({ "code": code })));
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let codes = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    assert_eq!(portal.ask(&other, "GET", "/me", None).status, 401, "other sessions ended");
    assert_eq!(portal.ask(&session, "GET", "/me", None).status, 401, "this one has another token");
    let session = Client::with_cookie(&confirmed.cookie());
    assert_eq!(portal.ask(&session, "GET", "/me", None).json()["account"]["second_factor"], true);

    let needed = portal.try_sign_in("anna", PASSWORD);
    assert_eq!((needed.status, needed.problem().as_str()), (401, "code_needed"));
    let with = |otp: &str| {
        let body = json!({ "account": "anna", "password": PASSWORD, "otp": otp });
        portal.ask(&Client::default(), "POST", "/session", Some(&body))
    };
    assert_eq!(with("000000").problem(), "wrong_code");
    let code = totp::code(&secret, totp::step(now()));
    assert_eq!(with(&code).status, 200);
    assert_eq!(with(&code).problem(), "wrong_code", "a code is taken once");
    let recovery = codes[0].as_str().unwrap().to_uppercase().replace('-', " ");
    assert_eq!(with(&recovery).status, 200);
    assert_eq!(with(&recovery).problem(), "wrong_code");
    assert_eq!(portal.ask(&session, "GET", "/second-factor", None).json()["recovery_codes_left"], 9);
    portal.done(&["account", "recover", "anna", "--password-stdin"], "another kettle 8\n");
    assert_eq!(portal.ask(&session, "GET", "/me", None).status, 401);
    assert_eq!(portal.try_sign_in("anna", "another kettle 8").status, 200);
}

#[test]
fn a_new_password_ends_the_rest_and_goes_on() {
    let portal = with_anna();
    let (session, other) = (portal.sign_in("anna"), portal.sign_in("anna"));
    let token = portal.token(&session, json!(["view"]));
    let wrong = json!({ "current": "wrong", "new": "another kettle 8" });
    assert_eq!(portal.ask(&session, "POST", "/me/password", Some(&wrong)).status, 401);
    let body = json!({ "current": PASSWORD, "new": "another kettle 8" });
    let changed = portal.ask(&session, "POST", "/me/password", Some(&body));
    assert_eq!(changed.status, 200, "{changed:?}");
    for ended in [&session, &other, &token] {
        assert_eq!(portal.ask(ended, "GET", "/me", None).status, 401);
    }
    assert_eq!(portal.ask(&Client::with_cookie(&changed.cookie()), "GET", "/me", None).status, 200);
    assert_eq!(portal.try_sign_in("anna", PASSWORD).status, 401);
}

#[test]
fn sessions_are_listed_and_revoked() {
    let portal = with_anna();
    let (first, second) = (portal.sign_in("anna"), portal.sign_in("anna"));
    let list = portal.ask(&first, "GET", "/sessions", None).json();
    let rows = list["sessions"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let other = rows.iter().find(|r| r["current"] == false).unwrap()["id"].as_i64().unwrap();
    assert_eq!(portal.ask(&first, "DELETE", &format!("/sessions/{other}"), None).status, 204);
    assert_eq!(portal.ask(&second, "GET", "/me", None).status, 401);
    let third = portal.sign_in("anna");
    assert_eq!(portal.ask(&first, "DELETE", "/sessions", None).status, 204);
    assert_eq!(portal.ask(&third, "GET", "/me", None).status, 401);
    assert_eq!(portal.ask(&first, "GET", "/me", None).status, 200);
}

//! The command line.

use crate::fixture::{PASSWORD, Portal, mode};
use serde_json::Value;

fn refused(portal: &Portal, args: &[&str], input: &str) -> (Option<i32>, String) {
    let output = portal.run(args, input);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn accounts_from_the_first_to_the_last() {
    let portal = Portal::new();
    portal.add("root", &["--admin", "--display-name", "The Admin"]);
    portal.add("carl", &["--access", "family=custom"]);
    let made = portal.path("homes/carl/Photos");
    assert!(made.is_dir(), "the pattern gives it a folder");
    assert_eq!(mode(&made), mode(&portal.path("homes")));
    portal.add("dora", &["--space", "attic"]);
    let list: Value = serde_json::from_str(&portal.done(&["account", "list", "--json"], "")).unwrap();
    let of =
        |name: &str| list["accounts"].as_array().unwrap().iter().find(|a| a["name"] == name).unwrap().clone();
    assert_eq!(of("root")["display_name"], "The Admin");
    assert_eq!(of("root")["admin"], true);
    assert_eq!(of("carl")["spaces"], serde_json::json!(["carl"]));
    assert_eq!(of("carl")["access"]["family"], "custom");
    assert_eq!(of("dora")["spaces"], serde_json::json!(["attic"]));
    portal.done(&["account", "disable", "carl"], "");
    portal.done(&["account", "enable", "carl"], "");
    portal.done(&["account", "passwd", "carl", "--password-stdin"], "another kettle 8");
    portal.done(&["account", "set", "carl", "--admin", "yes", "--access", "family=none"], "");
    portal.done(&["account", "remove", "root"], "");
    assert!(portal.done(&["account", "list"], "").starts_with("carl\tadministrator"));
    assert!(made.is_dir(), "files stay");
}

#[test]
fn what_cannot_be_done_is_said_in_words() {
    let portal = Portal::new();
    portal.add("root", &["--admin"]);
    let add = |name: &'static str, more: &[&'static str], input: &str| {
        let mut args = vec!["account", "add", name, "--password-stdin"];
        args.extend(more);
        refused(&portal, &args, input)
    };
    for ((code, error), expected) in [
        (add("root", &[], PASSWORD), "there is an account named \"root\" already"),
        (add("x", &[], "short"), "a password needs at least 8 characters"),
        (add("x", &[], ""), "there is no password on standard input"),
        (add("a/b", &[], PASSWORD), "cannot be used"),
        (add("x", &["--space", "nowhere"], PASSWORD), "there is no space \"nowhere\""),
        (add("x", &["--space", "family"], PASSWORD), "is shared and has no owner"),
        (add("x", &["--space", "anna"], PASSWORD), "belongs to the account of that name"),
        (add("x", &["--access", "attic=full"], PASSWORD), "there is no shared space \"attic\""),
        (refused(&portal, &["account", "remove", "root"], ""), "last administrator"),
        (refused(&portal, &["account", "disable", "nobody"], ""), "there is no account \"nobody\""),
        (refused(&portal, &["group", "remove", "none"], ""), "there is no group \"none\""),
    ] {
        assert_eq!(code, Some(1), "{error}");
        assert!(error.starts_with("albumen-portal: ") && error.contains(expected), "{error}");
    }
    let list = portal.done(&["account", "list"], "");
    assert_eq!(list.lines().count(), 1, "{list}");
}

#[test]
fn usage_and_config_are_2_and_a_state_that_cannot_be_used_is_3() {
    let mut portal = Portal::new();
    assert_eq!(refused(&portal, &["account", "add", "x"], "").0, Some(2), "--password-stdin is missing");
    assert_eq!(refused(&portal, &["no-such-command"], "").0, Some(2));
    portal.settings = "port = 1".into();
    let (code, error) = refused(&portal, &["serve"], "");
    assert_eq!(code, Some(2));
    assert!(error.contains("albumen.toml: line") && error.contains("unknown field `port`"), "{error}");
    portal.settings = String::new();
    std::fs::create_dir(portal.path("state")).unwrap();
    std::fs::write(
        portal.path("state/portal.sqlite"),
        "this is no database, and longer than a header of one is".repeat(9),
    )
    .unwrap();
    let (code, error) = refused(&portal, &["serve"], "");
    assert_eq!(code, Some(3));
    assert!(error.contains("portal.sqlite cannot be used"), "{error}");
}

#[test]
fn groups() {
    let portal = Portal::new();
    portal.add("anna", &[]);
    portal.add("ben", &[]);
    portal.done(&["group", "add", "family", "anna"], "");
    portal.done(&["group", "join", "family", "ben"], "");
    portal.done(&["group", "leave", "family", "anna"], "");
    let list: Value = serde_json::from_str(&portal.done(&["group", "list", "--json"], "")).unwrap();
    assert_eq!(list["groups"][0], serde_json::json!({ "name": "family", "members": ["ben"] }));
    assert_eq!(refused(&portal, &["group", "add", "other", "nobody"], "").0, Some(1));
    portal.done(&["group", "remove", "family"], "");
    assert_eq!(portal.done(&["group", "list"], ""), "");
}

#[test]
fn check_says_how_things_stand() {
    let mut portal = Portal::new();
    portal.tls = "self-signed";
    portal.add("anna", &["--admin"]);
    let said = portal.done(&["check"], "");
    for part in [
        "SHA-256",
        "space family: shared",
        "space anna: of anna",
        "space ben: of no account",
        "accounts: 1, administrators: 1",
        "ok",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn a_change_of_the_command_line_counts_at_once() {
    let mut portal = Portal::new();
    portal.add("root", &["--admin"]);
    portal.add("anna", &[]);
    portal.start();
    let anna = portal.sign_in("anna");
    let spaces =
        |portal: &Portal| portal.ask(&anna, "GET", "/me", None).json()["spaces"].as_array().unwrap().len();
    assert_eq!(spaces(&portal), 1);
    portal.done(&["account", "set", "anna", "--access", "family=full"], "");
    assert_eq!(spaces(&portal), 2);
    portal.done(&["account", "disable", "anna"], "");
    assert_eq!(portal.ask(&anna, "GET", "/me", None).status, 401);
}

//! Backups of both databases: made while the portal serves, restored after a loss.

use crate::fixture::{Client, mode};
use crate::library::{made, seen};
use std::path::PathBuf;

#[test]
fn what_was_lost_is_brought_back_and_sessions_are_not() {
    let mut made = made();
    let before = made.portal.sign_in("ben");
    let seen_before = seen(&made, &before, "");
    let to = made.portal.path("backups");
    std::fs::create_dir(&to).unwrap();
    // While it serves.
    let said = made.portal.done(&["backup", to.to_str().unwrap()], "");
    let backup = PathBuf::from(said.lines().next().unwrap());
    for file in ["portal.sqlite", "portal.json", "albumen.toml"] {
        assert_eq!(mode(&backup.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&backup), 0o700);
    let from = backup.to_str().unwrap();

    let running = made.portal.run(&["restore", from], "");
    assert!(String::from_utf8_lossy(&running.stderr).contains("stop it first"), "{running:?}");
    assert_eq!(running.status.code(), Some(3));
    made.portal.stop();

    // Rights and albums are lost, and the password of an account is another one.
    made.portal.done(&["account", "remove", "ben"], "");
    std::fs::remove_file(made.portal.path("index/index.sqlite")).unwrap();
    made.portal.done(&["restore", from], "");
    assert_eq!(mode(&made.portal.path("state/portal.sqlite")), 0o600);
    let kept = std::fs::read_dir(made.portal.path("state")).unwrap().flatten();
    let kept = kept.filter(|e| e.file_name().to_string_lossy().starts_with("portal.sqlite.before-"));
    assert_eq!(kept.count(), 1, "what was there is kept");

    made.portal.start();
    let ben = made.portal.sign_in("ben");
    assert_eq!(seen(&made, &ben, ""), seen_before);
    let anna = made.portal.sign_in("anna");
    let albums = made.portal.ask(&anna, "GET", "/albums", None).json();
    assert_eq!(albums["albums"].as_array().unwrap().len(), 2);
    assert_eq!(made.portal.ask(&before, "GET", "/me", None).status, 401, "sessions are not brought back");
}

#[test]
fn a_damaged_backup_changes_nothing() {
    let mut made = made();
    let to = made.portal.path("backup");
    made.portal.done(&["backup", to.to_str().unwrap()], "");
    let again = made.portal.run(&["backup", to.to_str().unwrap()], "");
    assert_eq!(again.status.code(), Some(2), "a backup is not written over");
    made.portal.stop();
    let database = to.join("portal.sqlite");
    let whole = std::fs::read(&database).unwrap();
    let state = made.portal.path("state/portal.sqlite");
    let index = made.portal.path("index/index.sqlite");
    let present = || (std::fs::read(&state).unwrap(), std::fs::read(&index).unwrap());
    let before = present();
    let refused = |why: &str| {
        let output = made.portal.run(&["restore", to.to_str().unwrap()], "");
        assert_eq!(output.status.code(), Some(1), "{why}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was changed"), "{why}: {output:?}");
        assert!(present() == before, "{why}");
    };
    let mut flipped = whole.clone();
    flipped[5000] ^= 1;
    std::fs::write(&database, &flipped).unwrap();
    refused("a bit of it is another");
    std::fs::write(&database, &whole[..whole.len() / 2]).unwrap();
    refused("its end is missing");
    std::fs::write(&database, &whole).unwrap();
    std::fs::write(to.join("portal.json"), r#"{"format": 2, "albumen": "9.0.0"}"#).unwrap();
    refused("it is of a newer version");
    let nothing = made.portal.run(&["restore", made.portal.path("shared").to_str().unwrap()], "");
    assert_eq!(nothing.status.code(), Some(2));
    made.portal.start();
    let anna: Client = made.portal.sign_in("anna");
    assert_eq!(made.portal.ask(&anna, "GET", "/me", None).status, 200);
}

#[test]
fn verify_finds_damage_in_either_database() {
    let made = made();
    // The index of this test is written directly: its search tables are incomplete.
    let incoherent = made.portal.run(&["verify"], "");
    assert_eq!(incoherent.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&incoherent.stderr).contains("searches do not find it"),
        "{incoherent:?}"
    );
    std::fs::remove_dir_all(made.portal.path("index")).unwrap();
    assert_eq!(made.portal.done(&["verify"], ""), "index: there is none yet\nok\n");
    let mut portal = made.portal;
    portal.stop();
    let database = portal.path("state/portal.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xAA);
    std::fs::write(&database, bytes).unwrap();
    let damaged = portal.run(&["verify"], "");
    assert!(!damaged.status.success(), "{damaged:?}");
}

#[test]
fn two_portals_do_not_serve_from_one_state_folder() {
    let made = made();
    let second = made.portal.run(&["serve"], "");
    assert_eq!(second.status.code(), Some(3), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("another portal"), "{second:?}");
}

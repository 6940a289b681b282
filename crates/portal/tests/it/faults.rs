//! Slow and silent clients, many connections, kills, full disks.

use crate::fixture::{Client, PASSWORD, Portal, exchange, parse};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn a_thousand_silent_connections_keep_nobody_out() {
    let mut portal = Portal::new();
    portal.add("anna", &["--admin"]);
    let address = portal.start();
    let silent: Vec<TcpStream> = (0..1000).map(|_| TcpStream::connect(address).unwrap()).collect();
    for _ in 0..20 {
        assert_eq!(portal.send(&Client::default(), "GET", "/api/v1/health", None).status, 200);
    }
    // The first of them were closed for later ones.
    let mut first = &silent[0];
    first.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert!(matches!(first.read(&mut [0]), Ok(0) | Err(_)));
    drop(silent);
    assert!(portal.sign_in("anna").cookie.is_some());
}

#[test]
fn a_client_that_sends_its_request_slowly_is_cut() {
    let mut portal = Portal::new();
    let address = portal.start();
    for beginning in ["", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "] {
        let mut slow = TcpStream::connect(address).unwrap();
        slow.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        slow.write_all(beginning.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The end of the connection, perhaps after an error answer; not the time-out of this read.
        let end = slow.read_to_end(&mut answer);
        assert!(end.is_ok() || end.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    }
    let mut slow = TcpStream::connect(address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    let head = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer);
    assert_eq!(parse(&answer).status, 408, "a body that does not come");
}

#[test]
fn heads_and_bodies_have_limits() {
    let mut portal = Portal::new();
    let address = portal.start();
    let long = format!("GET / HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "a".repeat(40_000));
    assert_eq!(exchange(address, long.as_bytes()).status, 431);
    let many: String = (0..200).map(|i| format!("X-{i}: 1\r\n")).collect();
    assert_eq!(
        exchange(address, format!("GET / HTTP/1.1\r\nHost: {address}\r\n{many}\r\n").as_bytes()).status,
        431
    );
    let body = json!({ "account": "a".repeat(100_000), "password": "" });
    assert_eq!(portal.ask(&Client::default(), "POST", "/session", Some(&body)).status, 413);
}

#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let mut portal = Portal::new();
    portal.add("root", &["--admin"]);
    portal.start();
    let root = portal.sign_in("root");
    for i in 0..8 {
        let body = json!({ "name": format!("group{i}") });
        assert_eq!(portal.ask(&root, "POST", "/groups", Some(&body)).status, 201);
        portal.kill();
        portal.start();
        let groups = portal.ask(&root, "GET", "/groups", None).json();
        assert_eq!(groups["groups"].as_array().unwrap().len(), i + 1);
    }
    assert_eq!(portal.stop(), Some(0));
    assert!(portal.done(&["check"], "").ends_with("ok\n"));
}

#[test]
fn sigterm_ends_it_in_order_while_clients_are_there() {
    let mut portal = Portal::new();
    let address = portal.start();
    let _idle = TcpStream::connect(address).unwrap();
    let mut kept = TcpStream::connect(address).unwrap();
    kept.write_all(format!("GET /api/v1/health HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
    let mut byte = [0];
    kept.read_exact(&mut byte).unwrap();
    assert_eq!(portal.stop(), Some(0));
}

/// On a small file system of its own: a full disk refuses changes with a message, and reading continues.
#[test]
fn a_full_disk_refuses_changes_and_keeps_sessions() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let mut portal = Portal::new();
    let state = portal.path("state");
    std::fs::create_dir(&state).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"])
        .arg(&state)
        .status()
        .unwrap();
    if !mounted.success() {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    struct Unmount(std::path::PathBuf);
    impl Drop for Unmount {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
        }
    }
    let _unmount = Unmount(state.clone());
    portal.add("anna", &["--admin"]);
    portal.start();
    let anna = portal.sign_in("anna");
    let mut filler = std::fs::File::create(state.join("filler")).unwrap();
    while filler.write_all(&[0; 4096]).is_ok() {}
    let mut refused = None;
    for i in 0..200 {
        let body = json!({ "query": format!("{i} {}", "long ".repeat(150)) });
        let answer = portal.ask(&anna, "POST", "/searches", Some(&body));
        if answer.status != 204 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the disk is full");
    assert_eq!((refused.status, refused.problem().as_str()), (507, "disk_full"));
    assert_eq!(portal.ask(&anna, "GET", "/me", None).status, 200);
    drop(filler);
    std::fs::remove_file(state.join("filler")).unwrap();
    assert_eq!(portal.ask(&anna, "POST", "/searches", Some(&json!({ "query": "sea" }))).status, 204);
    assert_eq!(portal.try_sign_in("anna", PASSWORD).status, 200);
}

//! Too many connections, slow ones, and too few descriptors.

use super::fixture::{ALL, Fixture};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

/// The service with no more descriptors than that.
fn limited(h: &Fixture, descriptors: u32) -> Command {
    let service = h.command("service");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")).arg(service.get_program());
    shell.args(service.get_args());
    shell
}

/// The bytes that a client sends before it becomes silent.
const BEGINNINGS: [&str; 6] = [
    "",
    "G",
    "GET /v1/items HTTP/1.1\r\nHost: x\r\nX-",
    "POST /v1/index HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "POST /v1/index HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{",
    // One that is answered and then kept open.
    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
];

fn both_sockets_answer(h: &Fixture) {
    assert_eq!(h.get("/v1/status").0, 200);
    assert_eq!(h.tcp("GET", "/v1/status", ALL).0, 200);
}

#[test]
fn silent_connections_keep_no_client_out() {
    let mut h = Fixture::new();
    h.start_as(limited(&h, 1024));
    let mut open = Vec::new();
    for n in 0..600 {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", h.port)) {
            // The service may have closed it in favour of others.
            let _ = stream.write_all(BEGINNINGS[n % BEGINNINGS.len()].as_bytes());
            open.push(stream);
        }
    }
    both_sockets_answer(&h);
    let mut unix = Vec::new();
    for n in 0..300 {
        if let Ok(mut stream) = UnixStream::connect(h.path("socket")) {
            let _ = stream.write_all(BEGINNINGS[n % BEGINNINGS.len()].as_bytes());
            unix.push(stream);
        }
    }
    both_sockets_answer(&h);
    let photo = h.photo("anna/urgent.jpg");
    assert_eq!(h.post("/v1/index", &json!({ "paths": [photo], "wait": true })).1["state"], "done");
    h.photo("berta/noticed.jpg");
    h.until("a change is noticed", |h| h.names().len() == 2);
    assert_eq!(h.database().offline_volumes(), 0);
    drop((open, unix));
    both_sockets_answer(&h);
}

#[test]
fn silent_connections_end_by_themselves() {
    let mut h = Fixture::new();
    h.start();
    let mut silent: Vec<(String, TcpStream)> = Vec::new();
    for beginning in BEGINNINGS {
        for token in ["", ALL] {
            let head = format!("\r\nHost: x\r\nAuthorization: Bearer {token}\r\n");
            let beginning = beginning.replace("\r\nHost: x\r\n", &head);
            let mut stream = TcpStream::connect(("127.0.0.1", h.port)).unwrap();
            stream.write_all(beginning.as_bytes()).unwrap();
            stream.set_read_timeout(Some(std::time::Duration::from_secs(90))).unwrap();
            silent.push((beginning, stream));
        }
    }
    for (beginning, mut stream) in silent {
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        assert!(
            end.is_ok() || end.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset),
            "{beginning:?}: {end:?}"
        );
    }
}

#[test]
fn event_streams_leave_room_for_requests() {
    let mut h = Fixture::new();
    h.start_as(limited(&h, 1024));
    let mut streams = Vec::new();
    for _ in 0..200 {
        let Ok(mut stream) = UnixStream::connect(h.path("socket")) else { continue };
        let _ = stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
        streams.push(stream);
    }
    both_sockets_answer(&h);
    let refused = h.ask("GET", "/v1/events", None, None);
    assert_eq!(refused.status, 429, "{}", refused.text);
}

#[test]
fn a_service_with_256_descriptors_does_its_work() {
    let mut h = Fixture::new();
    h.photos("anna/album", 40);
    // A walk needs a descriptor for each level with siblings.
    let mut deep = h.path("berta");
    for n in 0..60 {
        deep.push(format!("{n}"));
        std::fs::create_dir_all(deep.join("sibling")).unwrap();
    }
    let below = deep.strip_prefix(h.dir.path()).unwrap().to_str().unwrap().to_owned();
    h.photo(&format!("{below}/deep.jpg"));
    h.start_as(limited(&h, 256));
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..300 {
        open.extend(TcpStream::connect(("127.0.0.1", h.port)));
    }
    both_sockets_answer(&h);
    let photo = h.photo("anna/urgent.jpg");
    assert_eq!(h.post("/v1/index", &json!({ "paths": [photo], "wait": true })).1["state"], "done");
    h.until("all is indexed", |h| h.names().len() == 42);
    assert_eq!(h.database().offline_volumes(), 0);
    assert_eq!(h.database().failed_stages(), 0);
}

#[test]
fn sparse_files_of_a_terabyte_hold_up_no_upload() {
    let mut h = Fixture::new();
    h.configure("jobs = 1");
    let heads: [&[u8]; 5] = [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"II*\0\x08\0\0\0",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    ];
    let mut sparse = 0;
    for extension in ["png", "jpg", "tif", "dng", "heic", "mov", "mp4", "webp"] {
        for (n, head) in heads.iter().enumerate() {
            let path = h.path(&format!("berta/{n}.{extension}"));
            std::fs::write(&path, head).unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
            sparse += 1;
        }
    }
    h.start();
    let photo = h.photo("anna/urgent.jpg");
    assert_eq!(h.post("/v1/index", &json!({ "paths": [photo], "wait": true })).1["state"], "done");
    h.within(std::time::Duration::from_secs(300), "all are looked at", |h| {
        h.database().hashed_files() == sparse + 1
    });
}

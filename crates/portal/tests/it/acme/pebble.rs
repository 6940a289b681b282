//! Debian's pebble, an ACME server for tests, with a DNS server and a forwarded port of its own.

use crate::fixture::{Lines, note_missing};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// This name has no DNS entry; all others lead to 127.0.0.1.
pub(super) const NO_HOST: &str = "nowhere.example.org";
/// For this name pebble issues no certificates.
pub(super) const BLOCKED: &str = "blocked.example.org";

pub(super) struct Pebble {
    dir: tempfile::TempDir,
    child: Child,
    pub port: u16,
    pub log: Lines,
    /// The public port 443, as far as pebble is concerned. Connections wait until [`Pebble::forward`] is called.
    forwarded: Option<TcpListener>,
    portal: Arc<Mutex<Option<SocketAddr>>>,
}

/// What differs between tests.
#[derive(Default)]
pub(super) struct Options {
    /// Seconds that a certificate is valid; years if 0.
    pub validity: u64,
    pub needs_external_account: bool,
}

impl Pebble {
    /// `None` with a note, or a failure with ALBUMEN_REQUIRE_MOUNTS, if pebble is not installed.
    pub(super) fn start(test: &str, options: &Options) -> Option<Pebble> {
        if Command::new("pebble").arg("-help").output().is_err() {
            note_missing(test, "the package pebble is not installed");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // Trusted as it is: it is no certificate authority.
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(dir.path().join("server.pem"), own.cert.pem()).unwrap();
        std::fs::write(dir.path().join("server.key"), own.signing_key.serialize_pem()).unwrap();
        let forwarded = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let settings = serde_json::json!({"pebble": {
            "listenAddress": "127.0.0.1:0",
            "managementListenAddress": "",
            "certificate": dir.path().join("server.pem"),
            "privateKey": dir.path().join("server.key"),
            "httpPort": 1,
            "tlsPort": forwarded.local_addr().unwrap().port(),
            "externalAccountBindingRequired": options.needs_external_account,
            "certificateValidityPeriod": options.validity,
            "domainBlocklist": [BLOCKED],
        }});
        std::fs::write(dir.path().join("pebble.json"), settings.to_string()).unwrap();
        let mut child = Command::new("pebble")
            .arg("-config")
            .arg(dir.path().join("pebble.json"))
            .args(["-dnsserver", &serve_names().to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_VA_ALWAYS_VALID", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let log = Lines::of(child.stdout.take().unwrap());
        log.wait_for("Listening on");
        let port = listening_port(child.id());
        Some(Pebble { dir, child, port, log, forwarded: Some(forwarded), portal: Arc::default() })
    }

    pub(super) fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.dir.path().join("server.pem")
    }

    /// Forwards the public port to the portal from now on.
    pub(super) fn forward(&mut self, to: SocketAddr) {
        *self.portal.lock().unwrap() = Some(to);
        let (Some(listener), portal) = (self.forwarded.take(), self.portal.clone()) else { return };
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let to = portal.lock().unwrap().expect("it was set before");
                std::thread::spawn(move || {
                    let Ok(portal) = TcpStream::connect(to) else { return };
                    let (from, into) = (portal.try_clone().unwrap(), client.try_clone().unwrap());
                    std::thread::spawn(move || copy(from, into));
                    copy(client, portal);
                });
            }
        });
    }

    /// The lines of pebble's log since the last call, up to a request that no portal makes.
    pub(super) fn requests(&self) -> Vec<String> {
        let url = format!("https://127.0.0.1:{}/rollover-account-key", self.port);
        let sent =
            Command::new("curl").args(["-sk", "-d", "marker", &url]).output().expect("curl is installed");
        assert!(sent.status.success(), "{sent:?}");
        self.log.wait_for("POST /rollover-account-key")
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(mut from: TcpStream, mut into: TcpStream) {
    // Either side may close first.
    let _ = std::io::copy(&mut from, &mut into);
    let _ = into.shutdown(Shutdown::Write);
}

/// The port of the only listening socket of a process that was started with port 0, from /proc.
fn listening_port(pid: u32) -> u16 {
    let find = || {
        let sockets: Vec<PathBuf> = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .ok()?
            .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
            .collect();
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
        table.lines().find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let inode = format!("socket:[{}]", fields.get(9)?);
            let is_listening = fields[3] == "0A" && sockets.iter().any(|s| s == Path::new(&inode));
            let port = fields[1].split(':').nth(1).filter(|_| is_listening)?;
            u16::from_str_radix(port, 16).ok()
        })
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(port) = find() {
            return port;
        }
        assert!(Instant::now() < deadline, "pebble does not listen");
        std::thread::yield_now();
    }
}

/// A DNS server: 127.0.0.1 for all names but one.
fn serve_names() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            if let Some(answer) = answer(&query[..length]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    address
}

/// RFC 1035, section 4.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while *query.get(at)? != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(query.get(at + 1..end)?).to_ascii_lowercase());
        at = end;
    }
    let question = query.get(12..at + 5)?;
    let is_unknown = labels.join(".") == NO_HOST;
    let is_address = question[question.len() - 4..] == [0, 1, 0, 1] && !is_unknown;
    let mut answer = query[..2].to_vec();
    // A response with recursion; NXDOMAIN is 3. One question, and one answer or none.
    answer.extend([0x81, if is_unknown { 0x83 } else { 0x80 }, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question);
    if is_address {
        // The name of the question; A, IN; no caching; four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}

/// An HTTPS server that answers every request with 503 and `Retry-After`; the channel has one entry per request.
pub(super) fn busy_server(dir: &Path, seconds: u32) -> (u16, std::sync::mpsc::Receiver<()>) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(dir.join("busy.pem"), own.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sent, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                head.extend(byte);
            }
            let _ = sent.send(());
            let _ = write!(
                stream,
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (port, received)
}

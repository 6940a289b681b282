//! A portal in a folder of its own, and a small HTTP client for it.

use crate::described;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub(crate) const PASSWORD: &str = "violet kettle 7";

pub(crate) struct Portal {
    pub dir: tempfile::TempDir,
    /// Lines of `[portal]` beyond state, listen and tls.
    pub settings: String,
    pub tls: &'static str,
    running: Option<(Child, SocketAddr)>,
    log: Option<Lines>,
    /// What it printed before the line with its address.
    pub early: Vec<String>,
}

/// The lines that a program prints, as they come.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    /// They are read at once: the program must not wait for a full pipe.
    pub(crate) fn of(output: impl Read + Send + 'static) -> Lines {
        let (send, lines) = channel();
        std::thread::spawn(move || {
            // Without a reader they are dropped.
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(send.send(line)));
        });
        Lines(lines)
    }

    /// The lines from the last one that was returned to the next with this text.
    pub(crate) fn wait_for(&self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            match self.0.recv_timeout(Duration::from_secs(120)) {
                Ok(line) => seen.push(line),
                Err(e) => panic!("no line with {text:?} ({e}) in {seen:#?}"),
            }
            if seen.last().is_some_and(|line| line.contains(text)) {
                return seen;
            }
        }
    }
}

/// Notes in one line that a test is skipped because this machine lacks something, and fails with
/// ALBUMEN_REQUIRE_MOUNTS (CI). `.ci/run` counts the lines in the file that ALBUMEN_SKIPPED names.
pub(crate) fn note_missing(test: &str, why: &str) {
    assert!(std::env::var_os("ALBUMEN_REQUIRE_MOUNTS").is_none(), "{test}: {why}");
    let line = format!("skipped: {test}: {why}\n");
    eprint!("{line}");
    if let Some(file) = std::env::var_os("ALBUMEN_SKIPPED") {
        let mut file = std::fs::File::options().append(true).create(true).open(file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    /// In lower case.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The end of a problem's type.
    pub(crate) fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.rsplit(':').next().unwrap_or_default().to_owned()
    }

    /// `name=value` of the cookie that it sets.
    pub(crate) fn cookie(&self) -> String {
        let set = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie in {self:?}"));
        set.split(';').next().unwrap().to_owned()
    }
}

/// Who asks, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub cookie: Option<String>,
    pub bearer: Option<String>,
    /// Beyond those of a browser that is on the portal's own pages.
    pub headers: Vec<(&'static str, String)>,
    /// As a program would: no Origin.
    pub is_bare: bool,
}

impl Client {
    pub(crate) fn with_cookie(cookie: &str) -> Client {
        Client { cookie: Some(cookie.to_owned()), ..Client::default() }
    }

    pub(crate) fn with_token(token: &str) -> Client {
        Client { bearer: Some(token.to_owned()), is_bare: true, ..Client::default() }
    }
}

impl Portal {
    /// Plain HTTP on loopback, a shared space and two pattern homes.
    pub(crate) fn new() -> Portal {
        let dir = tempfile::tempdir().unwrap();
        for folder in
            ["homes/anna/Photos", "homes/ben/Photos", "shared/open", "shared/trips", "shared/locked"]
        {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        Portal { dir, settings: String::new(), tls: "off", running: None, log: None, early: Vec::new() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn write_config(&self) -> PathBuf {
        let path = self.path("albumen.toml");
        let text = format!(
            "index = {:?}\n[service]\nsocket = {:?}\n\
             [[space]]\nname = \"family\"\nkind = \"shared\"\nfolders = [{:?}]\n\
             [[space]]\nname = \"{{}}\"\nfolders = [{:?}]\n\
             [[space]]\nname = \"attic\"\nfolders = [{:?}]\n\
             [portal]\nlisten = \"127.0.0.1:0\"\nstate = {:?}\ntls = {:?}\n{}\n",
            self.path("index"),
            self.path("albumen.sock"),
            self.path("shared"),
            self.path("homes/*/Photos"),
            self.path("attic"),
            self.path("state"),
            self.tls,
            self.settings
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_albumen-portal"));
        command.arg("--config").arg(self.write_config()).env_remove("ALBUMEN_LOG");
        command
    }

    /// Runs a command to its end, with a text on standard input.
    pub(crate) fn run(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command();
        let mut child = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub(crate) fn done(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn add(&self, name: &str, more: &[&str]) {
        let mut args = vec!["account", "add", name, "--password-stdin"];
        args.extend(more);
        self.done(&args, &format!("{PASSWORD}\n"));
    }

    /// Starts it and waits for the line with its address.
    pub(crate) fn start(&mut self) -> SocketAddr {
        self.start_by(&mut self.command())
    }

    pub(crate) fn start_by(&mut self, command: &mut Command) -> SocketAddr {
        let mut child = command.arg("serve").stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        self.early = log.wait_for(": serving ");
        let address = self.early.last().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        self.log = Some(log);
        self.running = Some((child, address));
        address
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().expect("it was started").1
    }

    /// Its log since the line with its address.
    pub(crate) fn log(&self) -> &Lines {
        self.log.as_ref().expect("it was started")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("it was started").0.id()
    }

    /// SIGTERM, and its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let (mut child, _) = self.running.take().expect("it was started");
        signal(child.id(), rustix::process::Signal::TERM);
        child.wait().unwrap().code()
    }

    pub(crate) fn kill(&mut self) {
        let (mut child, _) = self.running.take().expect("it was started");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// One request of the API (`path` begins with `/`), compared with docs/portal-openapi.yaml.
    pub(crate) fn ask(&self, client: &Client, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(ToString::to_string);
        let answer = self.send(client, method, &format!("/api/v1{path}"), text.as_deref());
        described::check(method, path, &answer);
        answer
    }

    /// One request as it is.
    pub(crate) fn send(&self, client: &Client, method: &str, path: &str, body: Option<&str>) -> Answer {
        let address = self.address();
        let has = |name: &str| client.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !has("host") {
            head += &format!("Host: {address}\r\n");
        }
        if let Some(body) = body {
            if !has("content-type") {
                head += "Content-Type: application/json\r\n";
            }
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        if let Some(cookie) = &client.cookie {
            head += &format!("Cookie: {cookie}\r\n");
        }
        if let Some(bearer) = &client.bearer {
            head += &format!("Authorization: Bearer {bearer}\r\n");
        }
        if !client.is_bare {
            head += &format!("Origin: http://{address}\r\n");
        }
        for (name, value) in &client.headers {
            head += &format!("{name}: {value}\r\n");
        }
        exchange(address, format!("{head}\r\n{}", body.unwrap_or("")).as_bytes())
    }

    /// Signs in; the client of the session.
    pub(crate) fn sign_in(&self, name: &str) -> Client {
        let answer = self.try_sign_in(name, PASSWORD);
        assert_eq!(answer.status, 200, "{answer:?}");
        Client::with_cookie(&answer.cookie())
    }

    pub(crate) fn try_sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "account": name, "password": password });
        self.ask(&Client { is_bare: true, ..Client::default() }, "POST", "/session", Some(&body))
    }

    pub(crate) fn token(&self, client: &Client, rights: Value) -> Client {
        let body = json!({ "name": "script", "kind": "token", "rights": rights });
        let answer = self.ask(client, "POST", "/tokens", Some(&body));
        assert_eq!(answer.status, 201, "{answer:?}");
        Client::with_token(answer.json()["secret"].as_str().unwrap())
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends bytes and reads the answer to its end; of a stream of events, its head.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 64 << 10];
    loop {
        let read = stream.read(&mut part).unwrap();
        answer.extend_from_slice(&part[..read]);
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n").map(|end| &answer[..end + 4]);
        let is_stream = head.is_some_and(|head| String::from_utf8_lossy(head).contains("text/event-stream"));
        if is_stream {
            return parse(head.unwrap());
        }
        if read == 0 {
            return parse(&answer);
        }
    }
}

pub(crate) fn parse(answer: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|l| l.split_once(": "))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
        .collect();
    Answer { status, headers, text: body.to_owned() }
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

//! A service with two spaces, and the folder that contains all of it: shared by the tests of the service.

use super::described;
use crate::support::ROOT;
use albumen_index::testing::Database;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(super) const ALL: &str = "a token for everything 1";
pub(super) const ANNA: &str = "a token for one space 2";

/// An answer of the service.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub status: u16,
    /// The first line and the headers, in lower case.
    pub head: String,
    /// The media type, without parameters.
    pub kind: String,
    pub text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

pub(super) struct Fixture {
    pub dir: tempfile::TempDir,
    pub service: Option<Child>,
    pub port: u16,
    /// Sections of the config in addition to those of every test.
    pub more: String,
    /// Keys of `[recognise]`.
    pub recognise: String,
    /// Standard error of the service.
    pub log: PathBuf,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        Fixture::with("")
    }

    /// With more keys for `[service]`, and sections after them.
    pub(super) fn with(more: &str) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        for space in ["anna", "berta"] {
            std::fs::create_dir(dir.path().join(space)).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = dir.path().join("log");
        let fixture = Fixture {
            dir,
            service: None,
            port,
            more: more.to_owned(),
            recognise: "enabled = false".to_owned(),
            log,
        };
        fixture.configure("");
        fixture
    }

    /// Writes the config with more keys at its beginning.
    pub(super) fn configure(&self, first: &str) {
        let at = self.dir.path().display();
        // Work in the idle class does not run while other tests keep the machine busy; priority.rs tests it.
        let background = if self.more.contains("[service.background]") {
            ""
        } else {
            "[service.background]\nnice = 0\nidle_class = false\n"
        };
        let config = format!(
            "index = \"{at}/index\"\n{first}\n[[space]]\nname = \"anna\"\nfolders = [\"{at}/anna\"]\n\
             [[space]]\nname = \"berta\"\nfolders = [\"{at}/berta\"]\n[recognise]\n{}\n\
             [[service.token]]\nname = \"all\"\ntoken = \"{ALL}\"\n\
             [[service.token]]\nname = \"anna\"\ntoken = \"{ANNA}\"\nspaces = [\"anna\"]\n\
             [service]\nsocket = \"{at}/socket\"\nsettle = \"1s\"\ntcp = \"127.0.0.1:{}\"\n{}\n{background}",
            self.recognise, self.port, self.more
        );
        std::fs::write(self.dir.path().join("albumen.toml"), config).unwrap();
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(super) fn command(&self, command: &str) -> Command {
        // For figures: the program of a release build.
        let program = std::env::var_os("ALBUMEN_PROGRAM");
        let mut c = Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_albumen").into()));
        c.arg("--config").arg(self.path("albumen.toml")).arg(command);
        c
    }

    pub(super) fn start(&mut self) {
        self.start_as(self.command("service"));
    }

    /// Starts a service by another command, such as one with a variable set.
    pub(super) fn start_as(&mut self, mut command: Command) {
        let log = std::fs::File::options().create(true).append(true).open(&self.log).unwrap();
        self.service = Some(command.stderr(log).spawn().unwrap());
        self.until("the service answers", |h| h.try_ask("GET", "/healthz", None, None).is_some());
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn pid(&self) -> u32 {
        self.service.as_ref().unwrap().id()
    }

    pub(super) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, like a power failure of the service alone.
    pub(super) fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.service.take().unwrap().wait().unwrap();
    }

    /// SIGTERM, and waits for its exit.
    pub(super) fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        let ended = self.service.take().unwrap().wait().unwrap();
        assert!(ended.success(), "{ended}: {}", self.log());
    }

    /// Puts a sample picture below the folder, with content of its own.
    pub(super) fn photo(&self, to: &str) -> PathBuf {
        let from = Path::new(ROOT).join("testdata/kinds/plain.jpg");
        let to = self.path(to);
        let mut bytes = std::fs::read(from).unwrap();
        bytes.extend(to.to_string_lossy().bytes());
        std::fs::write(&to, bytes).unwrap();
        to
    }

    /// This many photos in a folder.
    pub(super) fn photos(&self, folder: &str, count: usize) {
        std::fs::create_dir_all(self.path(folder)).unwrap();
        (0..count).for_each(|n| drop(self.photo(&format!("{folder}/{n:05}.jpg"))));
    }

    pub(super) fn until(&self, what: &str, is: impl FnMut(&Fixture) -> bool) {
        self.within(Duration::from_secs(60), what, is);
    }

    pub(super) fn within(&self, patience: Duration, what: &str, mut is: impl FnMut(&Fixture) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < patience, "waited in vain: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A request over the Unix socket, or over TCP with a token; `None` if there is no answer.
    pub(super) fn try_ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> Option<Answer> {
        let answer = match token {
            None => exchange(UnixStream::connect(self.path("socket")).ok()?, method, path, None, body),
            Some(_) => {
                exchange(TcpStream::connect(("127.0.0.1", self.port)).ok()?, method, path, token, body)
            }
        }?;
        described::check(method, path, &answer);
        Some(answer)
    }

    pub(super) fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Answer {
        self.try_ask(method, path, token, body).expect("the service answers")
    }

    /// The status of an answer alone, for measuring: the answer is not checked.
    pub(super) fn ask_quietly(&self, path: &str) -> u16 {
        let stream = UnixStream::connect(self.path("socket")).unwrap();
        exchange(stream, "GET", path, None, None).unwrap().status
    }

    pub(super) fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.ask("GET", path, None, None);
        (answer.status, answer.json())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.ask("POST", path, None, Some(&body.to_string()));
        (answer.status, answer.json())
    }

    pub(super) fn tcp(&self, method: &str, path: &str, token: &str) -> (u16, Value) {
        let answer = self.ask(method, path, Some(token), None);
        (answer.status, answer.json())
    }

    pub(super) fn post_as(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.ask("POST", path, Some(token), Some(&body.to_string()));
        (answer.status, answer.json())
    }

    /// Indexes a photo as an upload, waits for completion, and returns its item's id.
    pub(super) fn upload(&self, photo: &Path) -> i64 {
        let (status, done) = self.post("/v1/index", &json!({ "paths": [photo], "wait": true }));
        assert_eq!((status, &done["state"]), (200, &"done".into()), "{done}");
        done["items"][0].as_i64().unwrap()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let (mut names, mut after) = (Vec::new(), 0);
        loop {
            let (_, page) = self.get(&format!("/v1/items?limit=1000&after={after}"));
            let items = page["items"].as_array().unwrap();
            names.extend(items.iter().map(|i| i["name"].as_str().unwrap().to_owned()));
            match page["next"].as_i64() {
                Some(next) => after = next,
                None => return names,
            }
        }
    }

    /// The index as any program may read it.
    pub(super) fn database(&self) -> Database {
        Database::open(&self.path("index"))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(mut child) = self.service.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&str>,
) -> Option<Answer> {
    let token = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
    let body = body.map_or(String::from("\r\n"), |b| {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{b}", b.len())
    });
    // A server that refuses a body need not read all of it.
    let _ = write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}{body}");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let kind = head.lines().find_map(|l| {
        let (name, value) = l.split_once(": ")?;
        name.eq_ignore_ascii_case("content-type").then(|| value.split(';').next().unwrap().to_owned())
    });
    let head = head.to_lowercase();
    Some(Answer { status, head, kind: kind.unwrap_or_default(), text: text.to_owned() })
}

//! The engine's events for all listeners of the portal: one connection to its socket while there are
//! listeners.
//!
//! Events are not read from the disk. If the engine is unreachable or silent for a minute, the portal
//! reconnects with growing delays.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::broadcast;

/// The maximum number of events that a slow listener may lag behind.
const BEHIND: usize = 1024;
/// Between a lost connection and the next attempt; it grows.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The engine sends a comment every fifteen seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// The maximum size of an event, bytes.
const LONGEST_LINE: usize = 1 << 20;

/// The fields of an engine event that the portal uses.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EngineEvent {
    pub event: String,
    pub item: Option<i64>,
    pub path: Option<String>,
    pub from: Option<String>,
    pub space: Option<String>,
    pub reason: Option<String>,
    pub person: Option<String>,
    pub album_id: Option<i64>,
    pub account: Option<i64>,
    pub job: Option<i64>,
    pub count: Option<u64>,
    pub progress: Option<serde_json::Value>,
}

#[derive(Debug, Clone)]
pub enum Heard {
    Engine(Arc<EngineEvent>),
    /// Whether the engine answers.
    Runs(bool),
    /// The portal ends.
    End,
}

#[derive(Debug)]
pub struct Relay {
    socket: Option<PathBuf>,
    sender: broadcast::Sender<Heard>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_connecting: bool,
    has_ended: bool,
    /// Known only while there are listeners.
    runs: Option<bool>,
}

impl Relay {
    pub fn new(socket: Option<PathBuf>) -> Relay {
        Relay { socket, sender: broadcast::channel(BEHIND).0, state: Mutex::default() }
    }

    /// A new listener, and whether the engine answers, if known. Must be called within the runtime.
    pub fn listen(self: &Arc<Relay>) -> (broadcast::Receiver<Heard>, Option<bool>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.sender.subscribe();
        if state.has_ended {
            // It receives the end at once.
            let _ = self.sender.send(Heard::End);
            return (receiver, None);
        }
        let Some(socket) = self.socket.clone() else { return (receiver, Some(false)) };
        if !state.is_connecting {
            state.is_connecting = true;
            tokio::spawn(self.clone().follow(socket));
        }
        (receiver, state.runs)
    }

    /// Ends all streams at shutdown.
    pub fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_ended = true;
        // An error means that there are no listeners.
        let _ = self.sender.send(Heard::End);
    }

    /// Follows the engine while there are listeners.
    async fn follow(self: Arc<Relay>, socket: PathBuf) {
        let mut wait = FIRST_WAIT;
        while !self.is_left() {
            match self.read_events(&socket).await {
                Ok(()) => return,
                Err(Lost { why, had_answer }) => {
                    tracing::info!("the engine's events are not heard: {why}");
                    wait = if had_answer { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
                }
            }
            self.tell_runs(false);
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether there are no listeners left; the next one connects again.
    fn is_left(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = state.has_ended || self.sender.receiver_count() == 0;
        if is_left {
            (state.is_connecting, state.runs) = (false, None);
        }
        is_left
    }

    fn tell_runs(&self, runs: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.runs != Some(runs) {
            state.runs = Some(runs);
            let _ = self.sender.send(Heard::Runs(runs));
        }
    }

    /// Returns without an error when there are no listeners left.
    async fn read_events(&self, socket: &Path) -> Result<(), Lost> {
        let lost = |why: String| Lost { why, had_answer: false };
        let stream = UnixStream::connect(socket).await.map_err(|e| lost(e.to_string()))?;
        // HTTP/1.0: the answer ends with the connection, and is not chunked.
        write(&stream, b"GET /v1/events HTTP/1.0\r\nHost: albumen\r\nAccept: text/event-stream\r\n\r\n")
            .await
            .map_err(|e| lost(e.to_string()))?;
        let mut lines = Lines { stream, read: Vec::new() };
        let status = lines.next().await.map_err(|e| lost(e.to_string()))?;
        if !status.starts_with("HTTP/1.") || status.split(' ').nth(1) != Some("200") {
            return Err(lost(format!("it answers {status:?}")));
        }
        while !lines.next().await.map_err(|e| lost(e.to_string()))?.is_empty() {}
        self.tell_runs(true);
        loop {
            let line = lines.next().await.map_err(|e| Lost { why: e.to_string(), had_answer: true })?;
            if self.is_left() {
                return Ok(());
            }
            let Some(data) = line.strip_prefix("data:") else { continue };
            match serde_json::from_str(data.trim_start()) {
                Ok(event) => {
                    let _ = self.sender.send(Heard::Engine(Arc::new(event)));
                }
                Err(e) => tracing::warn!("an event of the engine cannot be read: {e}"),
            }
        }
    }
}

/// Why the connection to the engine was lost.
struct Lost {
    why: String,
    had_answer: bool,
}

async fn write(stream: &UnixStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// The lines of a stream.
struct Lines {
    stream: UnixStream,
    read: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> std::io::Result<String> {
        loop {
            if let Some(end) = self.read.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.read.len() > LONGEST_LINE {
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line has no end"));
            }
            let silent = || std::io::Error::new(std::io::ErrorKind::TimedOut, "it says nothing for a minute");
            tokio::time::timeout(SILENCE, self.stream.readable()).await.map_err(|_| silent())??;
            let mut buffer = [0; 8192];
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.read.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;

    fn said(heard: Heard) -> String {
        match heard {
            Heard::Engine(event) => format!("{} {:?}", event.event, event.item),
            Heard::Runs(runs) => format!("runs {runs}"),
            Heard::End => "end".into(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn listeners_hear_the_engine_its_end_and_its_return() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let relay = Arc::new(Relay::new(Some(socket.clone())));
        let (mut first, runs) = relay.listen();
        assert_eq!(runs, None);
        assert_eq!(said(first.recv().await.unwrap()), "runs false", "no engine yet");

        let engine = UnixListener::bind(&socket).unwrap();
        for item in [1, 2] {
            let accepting = engine.try_clone().unwrap();
            let mut connection = tokio::task::spawn_blocking(move || {
                let connection = accepting.accept().unwrap().0;
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                while !lines.next().unwrap().unwrap().is_empty() {}
                connection
            })
            .await
            .unwrap();
            connection.write_all(b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").unwrap();
            assert_eq!(said(first.recv().await.unwrap()), "runs true");
            let event =
                format!("event: indexed\ndata: {{\"event\":\"indexed\",\"item\":{item}}}\n\n: comment\n");
            connection.write_all(event.as_bytes()).unwrap();
            assert_eq!(said(first.recv().await.unwrap()), format!("indexed Some({item})"));
            assert_eq!(relay.listen().1, Some(true));
            drop(connection);
            assert_eq!(said(first.recv().await.unwrap()), "runs false");
        }
        relay.end();
        assert_eq!(said(first.recv().await.unwrap()), "end");
        assert_eq!(said(relay.listen().0.recv().await.unwrap()), "end");
    }

    #[tokio::test]
    async fn without_a_socket_there_is_no_engine() {
        assert_eq!(Arc::new(Relay::new(None)).listen().1, Some(false));
    }
}

//! Requests to the engine's socket. All changes of the index go through it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The maximum size of an answer, bytes.
const LONGEST_ANSWER: u64 = 64 << 20;
/// An edit of 20,000 items takes some seconds on a slow machine. Less than the time limit of an answer, 30 s.
const PATIENCE: Duration = Duration::from_secs(25);

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the engine does not run: {0}")]
    Away(std::io::Error),
    #[error("the engine does not answer: {0}")]
    Broken(std::io::Error),
    #[error("the engine refused: {0}")]
    Refused(String),
}

/// Has the engine reload its config and folders.
pub fn reload(socket: &Path) -> Result<(), EngineError> {
    let (status, answer) = request(socket, "POST", "/v1/reload", Some(&serde_json::json!({})))?;
    if status < 300 {
        return Ok(());
    }
    Err(EngineError::Refused(answer["error"].as_str().map_or_else(|| status.to_string(), str::to_owned)))
}

/// One request; status and JSON body.
pub fn request(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<(u16, serde_json::Value), EngineError> {
    let mut stream = UnixStream::connect(socket).map_err(EngineError::Away)?;
    exchange(&mut stream, method, path, body).map_err(EngineError::Broken)
}

fn exchange(
    stream: &mut UnixStream,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> std::io::Result<(u16, serde_json::Value)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: albumen\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    let violation =
        || std::io::Error::new(std::io::ErrorKind::InvalidData, "its answer is not HTTP with JSON");
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(violation)?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(violation)?;
    let body = &answer[end + 4..];
    let value = if body.is_empty() {
        serde_json::Value::Null
    } else {
        serde_json::from_slice(body).map_err(|_| violation())?
    };
    Ok((status, value))
}

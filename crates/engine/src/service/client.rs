//! A client of the service's Unix socket, for the command line: one request per connection.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A response longer than this is not from the service, bytes.
const LONGEST_ANSWER: u64 = 64 << 20;

/// The status for a full disk of the index.
pub const DISK_FULL: u16 = 507;

/// Time limit for requests whose response is optional.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was edited by another process: the body of `POST /v1/edited`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edited {
    /// Ids of items.
    pub items: Vec<i64>,
    pub people: Vec<EditedPeople>,
    /// Names of albums.
    pub albums: Vec<String>,
}

/// People of a space; `person` if only one was edited.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditedPeople {
    pub space: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// A body with paths: as text, and as bytes where that is not UTF-8.
pub fn with_paths(mut body: serde_json::Value, paths: &[PathBuf]) -> serde_json::Value {
    let (text, bytes): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(|p| p.to_str().is_some());
    let bytes = bytes.iter().map(|p| STANDARD.encode(p.as_os_str().as_bytes()));
    body["paths"] = text.iter().map(|p| p.to_str()).collect();
    body["path_bytes"] = bytes.collect();
    body
}

/// Sends one request and returns status and JSON body. An error means that no service responds (see [`unanswered`]).
pub fn request(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> std::io::Result<(u16, serde_json::Value)> {
    exchange(UnixStream::connect(socket)?, method, path, body)
}

/// The message for the user when no service responds.
pub fn unanswered(socket: &Path, e: &std::io::Error) -> String {
    let socket = socket.display();
    match e.kind() {
        std::io::ErrorKind::PermissionDenied => {
            format!(
                "you may not open {socket}: that is for the user of the service and its group (`ls -l {socket}`)"
            )
        }
        std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
            format!("no service runs at {socket}: start `albumen service`")
        }
        _ => format!("the service at {socket} does not answer: {e}"),
    }
}

/// Like [`request`], with a short time limit.
pub fn request_soon(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> std::io::Result<(u16, serde_json::Value)> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    exchange(stream, method, path, body)
}

fn exchange(
    mut stream: UnixStream,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> std::io::Result<(u16, serde_json::Value)> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: albumen\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    let invalid = || {
        std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer of the service is not valid HTTP")
    };
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(invalid)?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(invalid)?;
    let value = serde_json::from_slice(&answer[end + 4..]).map_err(|_| invalid())?;
    Ok((status, value))
}

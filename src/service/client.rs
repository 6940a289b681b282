//! A client of the service's Unix socket, for `albumen submit` and `reindex`: one request a connection.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// An answer longer than this is none of ours, bytes.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Sends one request and returns status and JSON body. An error means that no service answers there.
pub fn request(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> std::io::Result<(u16, serde_json::Value)> {
    let mut stream = UnixStream::connect(socket)?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: albumen\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    let nonsense = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the service answered nonsense");
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(nonsense)?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(nonsense)?;
    let value = serde_json::from_slice(&answer[end + 4..]).map_err(|_| nonsense())?;
    Ok((status, value))
}

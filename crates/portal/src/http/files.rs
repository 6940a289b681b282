//! Answers with open files: single ranges, validators, media types that a browser may display.
//!
//! The media type does not come from the file: types that a browser executes (HTML, SVG, XML, PDF) are never
//! displayed, and displayed files are sandboxed.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes per read. A slow client holds this much memory.
const CHUNK: u64 = 128 << 10;

/// How an open file is answered.
pub struct Served {
    pub file: File,
    pub length: u64,
    /// In quotes.
    pub etag: String,
    pub media_type: &'static str,
    pub caching: &'static str,
    /// The name under which it is saved; `None`: it is displayed.
    pub save_as: Option<String>,
}

/// The requested part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// From and to, both included.
    Range(u64, u64),
    Unsatisfiable,
}

/// The answer. The file is read in chunks on a thread that may block.
pub fn answer(served: Served, headers: &HeaderMap) -> Response {
    let is_known = |name| {
        let value = headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
        value.is_some_and(|v| {
            v == "*" || v.split(',').any(|t| t.trim().trim_start_matches("W/") == served.etag)
        })
    };
    let mut response = Response::new(Body::empty());
    put(&mut response, header::ETAG, &served.etag);
    put(&mut response, header::CACHE_CONTROL, served.caching);
    if is_known(header::IF_NONE_MATCH) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    put(&mut response, header::ACCEPT_RANGES, "bytes");
    put(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    let range = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    // A range of another version cannot be used: the whole of this one is sent.
    let same = headers.get(header::IF_RANGE).is_none_or(|v| v.as_bytes() == served.etag.as_bytes());
    let part = range.filter(|_| same).map_or(Part::Whole, |range| part(range, served.length));
    let (from, length) = match part {
        Part::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            put(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", served.length));
            return response;
        }
        Part::Whole => (0, served.length),
        Part::Range(from, to) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            put(&mut response, header::CONTENT_RANGE, &format!("bytes {from}-{to}/{}", served.length));
            (from, to - from + 1)
        }
    };
    put(&mut response, header::CONTENT_TYPE, served.media_type);
    put(&mut response, header::CONTENT_LENGTH, &length.to_string());
    if let Some(name) = &served.save_as {
        put(&mut response, header::CONTENT_DISPOSITION, &attachment(name));
    }
    *response.body_mut() = body(served.file, from, length);
    response
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Parses a `Range` header. Several ranges and invalid ones are answered with the whole file, as the standard
/// allows.
fn part(range: &str, length: u64) -> Part {
    let Some(spec) = range.strip_prefix("bytes=") else { return Part::Whole };
    let Some((from, to)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (from.trim().is_empty(), to.trim().is_empty()) {
        (true, true) => Part::Whole,
        (true, false) => match number(to) {
            Ok(0) => Part::Unsatisfiable,
            Ok(_) if length == 0 => Part::Unsatisfiable,
            Ok(last) => Part::Range(length.saturating_sub(last), length - 1),
            Err(_) => Part::Whole,
        },
        (false, is_open) => match (number(from), number(to)) {
            (Ok(from), _) if from >= length => Part::Unsatisfiable,
            (Ok(from), _) if is_open => Part::Range(from, length - 1),
            (Ok(from), Ok(to)) if to >= from => Part::Range(from, to.min(length - 1)),
            _ => Part::Whole,
        },
    }
}

/// `attachment` with a name in both forms of RFC 6266.
fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\%;/".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let coded: String = name
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

fn body(file: File, from: u64, length: u64) -> Body {
    let file = Arc::new(file);
    let end = from + length;
    let stream = futures_util::stream::unfold((file, from), move |(file, at)| async move {
        if at >= end {
            return None;
        }
        let size = usize::try_from(CHUNK.min(end - at)).unwrap_or(0);
        let reader = file.clone();
        let read = tokio::task::spawn_blocking(move || read_at(&reader, at, size)).await;
        let chunk = read.unwrap_or_else(|e| Err(io::Error::other(e)));
        let next = match &chunk {
            Ok(bytes) => at + bytes.len() as u64,
            // The connection is cut, so that the client does not treat a part as the whole.
            Err(_) => end,
        };
        Some((chunk, (file, next)))
    });
    Body::from_stream(stream)
}

/// A chunk. A file that has become shorter is an error.
fn read_at(file: &File, at: u64, size: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; size];
    file.read_exact_at(&mut buffer, at)?;
    Ok(Bytes::from(buffer))
}

/// Types that browsers display and do not execute, by the format of the content (as named in the index).
pub fn shown_type(format: &str) -> Option<&'static str> {
    Some(match format {
        "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "heic" | "heif" => "image/heic",
        "jxl" => "image/jxl",
        "bmp" => "image/bmp",
        "tiff" => "image/tiff",
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "3gp" => "video/3gpp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    #[test]
    fn single_ranges_and_nothing_else() {
        for (range, length, expected) in [
            ("bytes=0-9", 100, Part::Range(0, 9)),
            ("bytes=90-", 100, Part::Range(90, 99)),
            ("bytes=90-200", 100, Part::Range(90, 99)),
            ("bytes=-10", 100, Part::Range(90, 99)),
            ("bytes=-200", 100, Part::Range(0, 99)),
            ("bytes=100-", 100, Part::Unsatisfiable),
            ("bytes=-0", 100, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=-5", 0, Part::Unsatisfiable),
            ("bytes=9-0", 100, Part::Whole),
            ("bytes=0-1,5-6", 100, Part::Whole),
            ("bytes=-", 100, Part::Whole),
            ("items=0-1", 100, Part::Whole),
            ("bytes=a-b", 100, Part::Whole),
            ("bytes=99999999999999999999-", 100, Part::Whole),
        ] {
            assert_eq!(part(range, length), expected, "{range} of {length}");
        }
    }

    #[test]
    fn names_to_save_cannot_break_the_header() {
        let header = attachment("a\"b\r\nX: y\u{202e}ü.jpg");
        assert!(!header.contains(['\r', '\n']), "{header}");
        assert!(
            header.starts_with("attachment; filename=\"a_b__X: y__.jpg\"; filename*=UTF-8''a%22b"),
            "{header}"
        );
        assert!(HeaderValue::from_str(&header).is_ok());
    }

    #[test]
    fn nothing_that_runs_is_shown() {
        for format in ["svg", "html", "xml", "pdf", "js", "", "jpeg\r\n"] {
            assert_eq!(shown_type(format), None);
        }
    }

    fn served(content: &[u8]) -> Served {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Served {
            file,
            length: content.len() as u64,
            etag: "\"v1\"".into(),
            media_type: "image/jpeg",
            caching: "private",
            save_as: None,
        }
    }

    fn asked(content: &[u8], pairs: &[(header::HeaderName, &str)]) -> (StatusCode, Vec<u8>) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let response = answer(served(content), &headers);
            let status = response.status();
            (status, axum::body::to_bytes(response.into_body(), 1 << 30).await.unwrap().to_vec())
        })
    }

    #[test]
    fn validators_decide() {
        let content = vec![7; 300_000];
        assert_eq!(asked(&content, &[]), (StatusCode::OK, content.clone()));
        assert_eq!(
            asked(&content, &[(header::IF_NONE_MATCH, "\"v0\", W/\"v1\"")]).0,
            StatusCode::NOT_MODIFIED
        );
        let range = (header::RANGE, "bytes=0-9");
        assert_eq!(
            asked(&content, &[range.clone(), (header::IF_RANGE, "\"v1\"")]).0,
            StatusCode::PARTIAL_CONTENT
        );
        assert_eq!(asked(&content, &[range, (header::IF_RANGE, "\"v0\"")]).0, StatusCode::OK);
    }

    #[test]
    fn a_file_that_became_shorter_is_cut_and_not_padded() {
        let content = vec![7; 1000];
        let mut short = served(&content);
        short.length = 2000;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let response = answer(short, &HeaderMap::new());
            assert!(axum::body::to_bytes(response.into_body(), 1 << 30).await.is_err());
        });
    }

    proptest! {
        #[test]
        fn a_range_is_that_part_of_the_file(length in 1usize..400_000, a in 0usize..400_000, b in 0usize..400_000) {
            let content: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let (from, to) = (a.min(b), a.max(b));
            let (status, body) = asked(&content, &[(header::RANGE, &format!("bytes={from}-{to}"))]);
            if from >= length {
                prop_assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
            } else {
                prop_assert_eq!(status, StatusCode::PARTIAL_CONTENT);
                prop_assert_eq!(&body[..], &content[from..=to.min(length - 1)]);
            }
        }
    }
}

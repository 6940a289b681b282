//! Content codings of answers, and gzip for the JSON of the library: a timeline shrinks to a tenth.
//!
//! Only successful answers to GET are compressed. Secrets that are shown once, such as new tokens, are answers to POST,
//! so that no compressed size depends on them (the BREACH attack). Files are compressed already.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Body as _;
use std::io::Write;

use super::Problem;

/// Shorter answers fit into a packet or two as they are, bytes.
const SMALLEST: u64 = 1400;
/// Longer answers are compressed on a thread for blocking work, bytes: about a millisecond of a slow core.
const INLINE: u64 = 32 << 10;
/// A fast level: the processors are slow, and the client is usually on the same network.
const LEVEL: u32 = 3;

/// Whether a client accepts a coding.
pub(super) fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let mut all = accepted.split(',').map(|c| c.trim().split(';'));
    all.any(|mut c| c.next() == Some(coding) && !c.any(|q| matches!(q.trim(), "q=0" | "q=0.0")))
}

pub(super) async fn compress(request: Request, next: Next) -> Response {
    let is_read = *request.method() == Method::GET;
    let is_accepted = accepts(request.headers(), "gzip");
    let mut response = next.run(request).await;
    if !is_read || !is_compressible(&response) {
        return response;
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !is_accepted {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body is one buffer of known size.
    let Ok(plain) = to_bytes(body, usize::MAX).await else { return Problem::internal().into_response() };
    let compressed = if plain.len() as u64 <= INLINE {
        gzip(&plain)
    } else {
        let work = tokio::task::spawn_blocking(move || gzip(&plain)).await;
        work.unwrap_or_else(|e| Err(std::io::Error::other(e)))
    };
    let compressed = match compressed {
        Ok(compressed) => compressed,
        Err(e) => {
            tracing::error!("an answer was not compressed: {e}");
            return Problem::internal().into_response();
        }
    };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(compressed))
}

/// Whether an answer is JSON of known size that is worth the work.
fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    response.status() == StatusCode::OK
        && headers.get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json")
        && !headers.contains_key(header::CONTENT_ENCODING)
        && response.body().size_hint().exact().is_some_and(|size| size >= SMALLEST)
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(LEVEL));
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use std::io::Read;
    use tower::ServiceExt;

    async fn answered(method: &str, path: &str, accepted: &str) -> Response {
        let text = || format!("[{}1]", "12345,".repeat(300));
        let json = || [(header::CONTENT_TYPE, "application/json")];
        let large =
            get(move || async move { (json(), text()) }).post(move || async move { (json(), text()) });
        let router = Router::new()
            .route("/large", large)
            .route("/huge", get(move || async move { (json(), "7".repeat(INLINE as usize + 1)) }))
            .route("/small", get(move || async move { (json(), "[]") }))
            .route("/picture", get(|| async { ([(header::CONTENT_TYPE, "image/jpeg")], vec![0u8; 9000]) }))
            .route("/refused", get(move || async move { (StatusCode::NOT_FOUND, json(), text()) }))
            .layer(axum::middleware::from_fn(compress));
        let request = Request::builder().method(method).uri(path).header("accept-encoding", accepted);
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn large_json_is_compressed_for_clients_that_accept_it() {
        for path in ["/large", "/huge"] {
            let plain = answered("GET", path, "br").await;
            assert_eq!(plain.headers()[header::VARY], "accept-encoding");
            assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
            let plain = to_bytes(plain.into_body(), usize::MAX).await.unwrap();
            let packed = answered("GET", path, "br, gzip;q=0.5").await;
            assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
            let packed = to_bytes(packed.into_body(), usize::MAX).await.unwrap();
            assert!(packed.len() * 5 < plain.len(), "{path}: {} bytes", packed.len());
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain, "{path}");
        }
    }

    #[tokio::test]
    async fn other_answers_are_sent_as_they_are() {
        for (method, path, accepted) in [
            ("GET", "/large", "gzip;q=0"),
            ("GET", "/large", ""),
            ("POST", "/large", "gzip"),
            ("GET", "/small", "gzip"),
            ("GET", "/picture", "gzip"),
            ("GET", "/refused", "gzip"),
        ] {
            let response = answered(method, path, accepted).await;
            assert!(
                !response.headers().contains_key(header::CONTENT_ENCODING),
                "{method} {path} {accepted:?}"
            );
        }
    }
}

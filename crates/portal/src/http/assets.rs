//! The built front end, which is part of the program: precompressed files, found by their names.
//!
//! build.rs packs the content of `web/dist`. Without it a page describes how to build the front end.

use super::App;
use super::compress::accepts;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One file of `web/dist`.
pub(super) struct Asset {
    /// Relative, with `/`.
    pub path: &'static str,
    pub media_type: &'static str,
    /// Of the content, in quotes.
    pub etag: &'static str,
    /// Its name has a hash of its content in it: it never changes.
    pub is_immutable: bool,
    pub plain: &'static [u8],
    pub gzip: Option<&'static [u8]>,
    pub brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

pub(super) fn find(path: &str) -> Option<&'static Asset> {
    #[cfg(debug_assertions)]
    if let Some(folder) = std::env::var_os("ALBUMEN_WEB_DIST") {
        return on_disk(std::path::Path::new(&folder), path);
    }
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at])
}

/// A file of the folder that ALBUMEN_WEB_DIST names, in debug builds: the front end changes without a rebuild
/// of the portal. A file that was read is cached until the program ends.
#[cfg(debug_assertions)]
fn on_disk(folder: &std::path::Path, path: &str) -> Option<&'static Asset> {
    let is_below =
        std::path::Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_)));
    if path.is_empty() || !is_below {
        return None;
    }
    let plain: &'static [u8] = Box::leak(std::fs::read(folder.join(path)).ok()?.into_boxed_slice());
    let media_type = match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    };
    let asset = Asset {
        path: Box::leak(path.to_owned().into_boxed_str()),
        media_type,
        etag: "\"disk\"",
        is_immutable: path != "index.html",
        plain,
        gzip: None,
        brotli: None,
    };
    Some(Box::leak(Box::new(asset)))
}

/// The answer with a file. In index.html `{{base}}` is replaced by the path that all its addresses are
/// relative to, and the page is revalidated each time.
pub(super) fn answer(app: &App, asset: &'static Asset, headers: &HeaderMap) -> Response {
    if asset.path == "index.html" {
        return page(app, asset);
    }
    if headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains(asset.etag))
    {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        put_caching(&mut response, asset);
        return response;
    }
    let (bytes, coding) = match asset {
        Asset { brotli: Some(bytes), .. } if accepts(headers, "br") => (*bytes, Some("br")),
        Asset { gzip: Some(bytes), .. } if accepts(headers, "gzip") => (*bytes, Some("gzip")),
        asset => (asset.plain, None),
    };
    let mut response = Response::new(Body::from(bytes));
    put_caching(&mut response, asset);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn put_caching(response: &mut Response, asset: &'static Asset) {
    let caching = if asset.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
}

fn page(app: &App, asset: &'static Asset) -> Response {
    let text = String::from_utf8_lossy(asset.plain);
    let based = text.replacen("{{base}}", &app.config.portal.base_path, 1);
    let mut response = Response::new(Body::from(based));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

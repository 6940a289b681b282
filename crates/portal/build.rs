//! Packs the built front end, `web/dist`, into the program. Without it the list is empty.
//!
//! A file `X` may have `X.br` and `X.gz` beside it, which are sent to browsers that accept them. A name like
//! `app-3F2A9C1B.js` contains a hash of the content: it may be cached without expiry.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let dist = root.join("../../web/dist");
    // Also if it does not exist: cargo builds again when it appears.
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = BTreeMap::new();
    collect(&dist, "", &mut files);
    let mut code = String::from("static ASSETS: &[Asset] = &[\n");
    for (name, path) in &files {
        if is_packed(name) {
            continue;
        }
        println!("cargo::rerun-if-changed={}", path.display());
        let bytes = std::fs::read(path).expect("a file of web/dist is readable");
        let packed = |ending: &str| match files.get(&format!("{name}.{ending}")) {
            Some(path) => format!("Some(include_bytes!({path:?}))"),
            None => "None".to_owned(),
        };
        writeln!(
            code,
            "Asset {{ path: {name:?}, media_type: {:?}, etag: {:?}, is_immutable: {}, plain: include_bytes!({path:?}), gzip: {}, brotli: {} }},",
            media_type(name),
            format!("\"{:016x}\"", fnv(&bytes)),
            has_hash(name),
            packed("gz"),
            packed("br"),
        )
        .expect("a string takes all");
    }
    code.push_str("];\n");
    std::fs::write(out.join("assets.rs"), code).expect("OUT_DIR is writable");
}

fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path().canonicalize().unwrap_or_else(|_| entry.path());
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, path);
        }
    }
}

fn is_packed(name: &str) -> bool {
    name.ends_with(".br") || name.ends_with(".gz")
}

/// `name-HASH.ending`, with eight letters and digits at least, as esbuild writes them.
fn has_hash(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split('.').next().unwrap_or(file);
    let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
    hash.len() >= 8 && hash.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// FNV-1a: distinguishes versions; not a protection against forgery.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

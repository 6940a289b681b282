//! `make corpus-report`: Albumen's results for a folder of real media, against its manifest (ALBUMEN_CORPUS).
//! One module per table; each prints agreements, differences and missing values. If tables are named as
//! arguments (`facts`, `recognise`, `decode`, `people`), only these are made. Only on request: `people-faces`
//! and `people-robust PROGRAM` (people/robust.rs).

mod decode;
mod facts;
mod people;
mod recognise;

use std::path::{Path, PathBuf};

fn main() {
    let Some(corpus) = std::env::var_os("ALBUMEN_CORPUS").map(PathBuf::from) else {
        eprintln!("corpus-report: ALBUMEN_CORPUS names no folder of media");
        std::process::exit(2);
    };
    let manifest = match std::fs::read_to_string(corpus.join("manifest.jsonl")) {
        Ok(text) => text,
        Err(e) => {
            eprintln!("corpus-report: {} cannot be read: {e}", corpus.join("manifest.jsonl").display());
            std::process::exit(2);
        }
    };
    let rows: Vec<serde_json::Value> = manifest
        .lines()
        .filter(|l| !l.trim().is_empty())
        .filter_map(|l| serde_json::from_str(l).ok())
        .collect();
    let named: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |table: &str| named.is_empty() || named.iter().any(|n| n == table);
    if wanted("facts") {
        facts::print(&facts::compare(&corpus, &rows));
    }
    if wanted("recognise") {
        recognise::print(&corpus, &rows);
    }
    if wanted("decode") {
        decode::print(&decode::compare(&corpus, &rows, None));
    }
    if wanted("people") {
        people::print(&corpus, &rows);
    }
    if named.iter().any(|n| n == "people-faces") {
        people::print_faces(&corpus, &rows);
    }
    if let Some(at) = named.iter().position(|n| n == "people-robust") {
        match named.get(at + 1) {
            Some(program) => people::robust::print(&corpus, &rows, Path::new(program)),
            None => eprintln!("corpus-report: people-robust needs the path of the albumen program"),
        }
    }
}

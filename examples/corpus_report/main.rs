//! `make corpus-report`: what Albumen says of a folder of real media, against its manifest (ALBUMEN_CORPUS).
//! One module a table; each prints agreements, differences and what is missing.

mod decode;
mod facts;
mod people;
mod recognise;

use std::path::PathBuf;

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
    facts::print(&facts::compare(&corpus, &rows));
    recognise::print(&corpus, &rows);
    decode::print(&decode::compare(&corpus, &rows, None));
    people::print(&corpus, &rows);
}

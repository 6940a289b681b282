//! What the tests share: where real media is, and how the binary is run.
#![allow(dead_code)]

use std::path::PathBuf;

/// The folder of real media (ALBUMEN_CORPUS), or `None` after saying that the test is skipped.
/// When the variable is set, a missing file fails the test that asks for it.
pub fn corpus(test: &str) -> Option<PathBuf> {
    match std::env::var_os("ALBUMEN_CORPUS") {
        Some(dir) => {
            let dir = PathBuf::from(dir);
            assert!(dir.join("manifest.jsonl").is_file(), "ALBUMEN_CORPUS has no manifest.jsonl: {dir:?}");
            Some(dir)
        }
        None => {
            eprintln!("skipped: {test} needs ALBUMEN_CORPUS");
            None
        }
    }
}

/// A file of the corpus, which must exist.
pub fn corpus_file(corpus: &std::path::Path, name: &str) -> PathBuf {
    let path = corpus.join(name);
    assert!(path.is_file(), "missing from ALBUMEN_CORPUS: {name}");
    path
}

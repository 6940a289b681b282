//! Tests of decode, against the real parts: every corpus picture must look as another decoder sees it.

#[path = "../../examples/corpus_report/decode.rs"]
mod report;

use crate::support;

#[test]
fn corpus_pictures_look_as_another_decoder_sees_them() {
    let Some(corpus) = support::corpus("corpus_pictures_look_as_another_decoder_sees_them") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let rows: Vec<_> = manifest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let report = report::compare(&corpus, &rows, None);
    report::print(&report);
}

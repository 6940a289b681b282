//! The labelled faces of LFW, detected and embedded once: kept in a file of the build folder, one per set of
//! models.

use super::{Sample, sample};
use albumen_core::vocabulary::FoundFace;
use albumen_models::files::default_dir;
use albumen_models::manifest::manifest;
use albumen_recognise::Recogniser;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The labelled faces of a corpus, in the order of their pictures' checksums, and their file; the reason if
/// models are missing.
pub(super) fn samples(corpus: &Path, rows: &[Value]) -> Result<(Vec<Sample>, PathBuf), String> {
    let labelled: Vec<&Value> = rows.iter().filter(|row| super::identity(row).is_some()).collect();
    let sums: String = labelled.iter().filter_map(|row| row["sha256"].as_str()).collect();
    let m = manifest();
    let made_with = [&m.face_detector.file.sha256, &m.face_embedder.file.sha256];
    let key = blake3::hash(format!("{made_with:?} {GRADING} {sums}").as_bytes()).to_hex()[..16].to_owned();
    let file = folder().join(format!("people-{key}.json"));
    if let Some(samples) = std::fs::read(&file).ok().and_then(|kept| read(&kept)) {
        return Ok((samples, file));
    }
    let mut recogniser = Recogniser::open(&default_dir(), 1).map_err(|e| e.to_string())?;
    let mut samples: Vec<Sample> =
        labelled.iter().filter_map(|row| sample(corpus, row, &mut recogniser)).collect();
    samples.sort_by(|a, b| a.sum.cmp(&b.sum));
    let kept: Vec<Value> = samples
        .iter()
        .map(|s| json!({ "identity": s.identity, "sum": s.sum, "face": s.face, "small": s.small }))
        .collect();
    if let Err(e) = std::fs::write(&file, Value::from(kept).to_string()) {
        println!("  the faces are not kept for the next time: {}: {e}", file.display());
    }
    Ok((samples, file))
}

/// To be increased when faces of the same models get other grades or embeddings.
const GRADING: u32 = 2;

/// The build folder: the examples are in a folder of it.
fn folder() -> PathBuf {
    let program = std::env::current_exe().ok();
    let built = program.as_deref().and_then(|p| p.ancestors().nth(3)).map(Path::to_owned);
    built.unwrap_or_else(std::env::temp_dir)
}

fn read(kept: &[u8]) -> Option<Vec<Sample>> {
    let all: Vec<Value> = serde_json::from_slice(kept).ok()?;
    let one = |v: Value| -> Option<Sample> {
        let face = |of: &str| serde_json::from_value::<Option<FoundFace>>(v[of].clone()).ok();
        let text = |of: &str| v[of].as_str().map(str::to_owned);
        Some(Sample {
            identity: text("identity")?,
            sum: text("sum")?,
            face: face("face")?,
            small: face("small")?,
        })
    };
    all.into_iter().map(one).collect()
}

//! Versions and input keys of the stages: what makes a stage due. Bump one version, and that stage is due for
//! every file, and nothing else is.

use albumen_core::vocabulary::{Gps, RenderSettings, Stage};
use albumen_index::due::StageNow;
use albumen_models::files as models;
use std::path::Path;

/// Raise when inspect gives other facts for the same bytes.
pub const INSPECT_VERSION: u32 = 6;
/// Raise when decode or render gives other pictures.
pub const RENDER_VERSION: u32 = 6;
/// Raise when detection, alignment or grading change; another model changes the settings key by itself.
pub const FACES_VERSION: u32 = 3;
pub const SUBJECTS_VERSION: u32 = 2;
pub const PEOPLE_VERSION: u32 = 2;
pub const PLACES_VERSION: u32 = albumen_library::places::VERSION;

/// 16 hex digits over some bytes.
pub fn digest16(parts: &[&[u8]]) -> String {
    let mut h = blake3::Hasher::new();
    for p in parts {
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        h.update(&(p.len() as u64).to_le_bytes());
        h.update(p);
    }
    h.finalize().to_hex()[..16].to_owned()
}

/// A file's own inputs to inspect: beside its content and sidecars the time of the file, which dates what has no
/// other date.
pub fn inspect_inputs(file_inputs: &str, mtime_ns: i64) -> String {
    digest16(&[file_inputs.as_bytes(), &mtime_ns.to_le_bytes()])
}

/// The whole input key of a file for a stage: settings, then the file's own inputs.
pub fn input_key(now: &StageNow, file_inputs: &str) -> String {
    format!("{}:{file_inputs}", now.settings)
}

pub fn inspect_now() -> StageNow {
    StageNow { stage: Stage::Inspect, version: INSPECT_VERSION, settings: digest16(&[b"inspect"]) }
}

pub fn render_now(settings: &RenderSettings) -> StageNow {
    let json = serde_json::to_vec(settings).expect("settings are plain data");
    StageNow { stage: Stage::Render, version: RENDER_VERSION, settings: digest16(&[b"render", &json]) }
}

/// The part of a derivative's path that says how it was made.
pub fn render_path_key(now: &StageNow) -> String {
    format!("r{}{}", now.version, &now.settings[..8])
}

/// Stands for a file's own inputs to recognition where render made no picture: once it makes one, they differ.
pub const NO_PICTURE: &str = "0000000000000000";

/// Faces and subjects as the models would find them, which may be missing.
pub fn recognise_now(models: &Path) -> (StageNow, StageNow) {
    let now = |stage, version, part| StageNow {
        stage,
        version,
        settings: models::settings_key(models, part)[..16].to_owned(),
    };
    (
        now(Stage::Faces, FACES_VERSION, models::Part::Faces),
        now(Stage::Subjects, SUBJECTS_VERSION, models::Part::Subjects),
    )
}

/// A file's own inputs to faces and subjects: its content. What render made of it is not among them, so that
/// another thumbnail quality does not send 200,000 photos through the detector again.
pub fn recognise_inputs(content_hash: &str) -> String {
    digest16(&[content_hash.as_bytes()])
}

/// What the places stage reads of a file.
pub fn places_inputs(gps: Option<Gps>) -> String {
    digest16(&[format!("{gps:?}").as_bytes()])
}

pub fn places_now() -> StageNow {
    StageNow { stage: Stage::Places, version: PLACES_VERSION, settings: digest16(&[b"places"]) }
}

pub fn people_now() -> StageNow {
    StageNow { stage: Stage::People, version: PEOPLE_VERSION, settings: digest16(&[b"people"]) }
}

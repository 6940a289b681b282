//! Versions and input keys of the stages, which determine when a stage is due. Increasing one version makes that stage
//! due for every file, and no other.

use albumen_core::vocabulary::{RenderSettings, Stage};
use albumen_index::due::StageNow;
pub use albumen_index::due::digest16;
pub use albumen_index::position::places_inputs;
use albumen_models::files as models;
use std::path::Path;

/// Increase when inspect gives other facts for the same bytes.
pub const INSPECT_VERSION: u32 = 6;
/// Increase when decode or render gives other pictures.
pub const RENDER_VERSION: u32 = 6;
/// Increase when detection, alignment or grading change; another model changes the settings key automatically.
pub const FACES_VERSION: u32 = 4;
pub const SUBJECTS_VERSION: u32 = 2;
pub const PEOPLE_VERSION: u32 = 2;
pub const PLACES_VERSION: u32 = albumen_library::places::VERSION;

/// A file's own inputs to inspect: content, sidecars, and the time of the file, which serves as date if there is no
/// other.
pub fn inspect_inputs(file_inputs: &str, mtime_ns: i64) -> String {
    digest16(&[file_inputs.as_bytes(), &mtime_ns.to_le_bytes()])
}

/// The complete input key of a file for a stage: settings, then the file's own inputs.
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

/// The part of a derivative's path for render version and settings.
pub fn render_path_key(now: &StageNow) -> String {
    format!("r{}{}", now.version, &now.settings[..8])
}

/// Replaces a file's own inputs to recognition if render made no picture: once it makes one, the inputs differ.
pub const NO_PICTURE: &str = "0000000000000000";

/// Faces and subjects with the given models, which may be missing.
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

/// A file's own inputs to faces and subjects: its content. The result of render is not included, so that another
/// thumbnail quality does not send 200,000 photos through the detector again.
pub fn recognise_inputs(content_hash: &str) -> String {
    digest16(&[content_hash.as_bytes()])
}

pub fn places_now() -> StageNow {
    StageNow { stage: Stage::Places, version: PLACES_VERSION, settings: digest16(&[b"places"]) }
}

pub fn people_now() -> StageNow {
    StageNow { stage: Stage::People, version: PEOPLE_VERSION, settings: digest16(&[b"people"]) }
}

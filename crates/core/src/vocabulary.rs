//! The types that pass between stages. They are plain data without behaviour beyond names.
//!
//! [`Facts`] has the shape of the contract's JSON (see README): an absent fact is `None` and is left out of the JSON,
//! never null and never guessed. Units are in the field's name or its comment.

mod facts;
mod format;
mod stage;

use super::fault::Fault;
use super::source::Source;
pub use facts::{
    Box4, Camera, Clues, Facts, Gps, Hdr, ModelClue, Moment, Motion, Pano, Precision, Region, RejectedDate,
    Size, Taken,
};
pub use format::{
    Codecs, Family, Format, FormatInfo, Kind, SIDECAR_EXTENSIONS, Signature, UNREAD_EXTENSIONS,
};
use serde::{Deserialize, Serialize};
pub use stage::{Stage, StageInfo, StageInput};

// ------------------------------------------------------------------------------------------- develop

/// A request to a worker for one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DevelopRequest {
    /// File name and folder path below the volume (raw bytes): hints for the date and the extension check.
    pub name: Vec<u8>,
    pub folder: Vec<u8>,
    /// Modification time, nanoseconds since 1970 UTC: the last resort for a date.
    pub mtime_ns: i64,
    /// Names of the sidecars, in the order of `Inputs::sidecars`.
    pub sidecars: Vec<Vec<u8>>,
    /// Produce derivatives, too; facts are always found, since decoding needs them.
    pub render: Option<RenderSettings>,
}

/// The open files behind a request.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub primary: Source,
    /// As many as `DevelopRequest::sidecars`.
    pub sidecars: Vec<Source>,
}

/// What derivatives look like. Part of the render stage's input key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenderSettings {
    /// libjpeg quality of thumbnails and preview, 1 to 100.
    pub quality: u8,
    pub preview_size: PreviewSize,
}

impl Default for RenderSettings {
    fn default() -> Self {
        RenderSettings { quality: 80, preview_size: PreviewSize::LongEdge(2560) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewSize {
    /// At most this many pixels on the long edge.
    LongEdge(u32),
    Full,
}

/// A derivative's name; the number is its short-edge target in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DerivativeName {
    Xl,
    M,
    Sm,
    Preview,
}

impl DerivativeName {
    pub fn as_str(self) -> &'static str {
        match self {
            DerivativeName::Xl => "xl",
            DerivativeName::M => "m",
            DerivativeName::Sm => "sm",
            DerivativeName::Preview => "preview",
        }
    }
}

/// One encoded picture: JPEG, sRGB, upright, no metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    pub name: DerivativeName,
    pub width: u32,
    pub height: u32,
    pub jpeg: Vec<u8>,
}

/// The result of `develop`.
#[derive(Debug, Clone, Default)]
pub struct Developed {
    pub facts: Facts,
    /// The derivatives, or why there are none: facts may be valid without pixels. `None` if none were requested.
    pub pictures: Option<Result<Pictures, Fault>>,
    pub cpu: StageCpu,
}

/// The rendered side of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pictures {
    /// xl, m and sm always, largest first; preview if a browser cannot show the original. Only the first of equal
    /// ones is included: a missing name shares the file of the next larger one.
    pub renditions: Vec<Rendition>,
    /// ThumbHash, about 25 bytes.
    pub thumbhash: Vec<u8>,
    /// The missing part of an incomplete picture, in words.
    pub damaged: Option<String>,
}

/// CPU seconds a stage took in the worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StageCpu {
    pub inspect_s: f64,
    pub decode_s: f64,
    pub render_s: f64,
}

/// Requests memory before it is used. The engine's budget decides in process; a worker sends its request over the
/// socket.
pub trait Admission {
    /// Waits until `bytes` may be used in addition to the worker's fixed part, or returns that they never will be
    /// ([`Fault::TooLarge`]). A second call replaces the first figure.
    fn admit(&self, bytes: u64) -> Result<(), Fault>;
    /// The maximum that `admit` could ever grant; decoders shrink their buffers to fit before they request it.
    fn ceiling(&self) -> u64;
}

/// Admits everything up to a fixed ceiling: tests, benchmarks and fuzzing.
#[derive(Debug, Clone, Copy)]
pub struct FixedAdmission(pub u64);

impl Admission for FixedAdmission {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        if bytes > self.0 { Err(Fault::TooLarge { needed: bytes }) } else { Ok(()) }
    }
    fn ceiling(&self) -> u64 {
        self.0
    }
}

// ----------------------------------------------------------------------------------------- recognise

/// A request to the recogniser for one picture (the `xl` derivative; see docs/decisions.md).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecogniseRequest {
    pub faces: bool,
    pub subjects: bool,
    /// The metadata has no orientation: if no face is found upright, try 90, 180 and 270 degrees.
    pub try_rotations: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recognised {
    pub faces: Vec<FoundFace>,
    pub subjects: Vec<FoundSubject>,
    /// The classifier's feature vector, L2-normalised and quantised: value / 127.
    pub features: Vec<i8>,
    /// CPU seconds.
    pub faces_s: f64,
    pub subjects_s: f64,
}

/// A face found in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundFace {
    #[serde(rename = "box")]
    pub area: Box4,
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// 0 to 1: size, sharpness, pose and detector score together; poor faces need more evidence.
    pub quality: f32,
    /// Eyes, nose, mouth corners (left first as seen), fractions of the upright picture.
    pub points: [[f32; 2]; 5],
    /// L2-normalised embedding quantised to int8 (value / 127 before renormalising). 128 long with SFace.
    pub embedding: Vec<i8>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundSubject {
    pub label: String,
    pub score: f32,
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub area: Option<Box4>,
}

// -------------------------------------------------------------------------------------------- places

/// Where a photo was taken, in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Kilometres from the city's centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub km: Option<f64>,
    /// Local names, if known and different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalNames>,
}

/// Names of a place in the language of its country.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalNames {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

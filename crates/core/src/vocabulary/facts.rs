//! The metadata of a file.

use super::format::{Format, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The metadata of a file. The keys are those of `show --json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The name's extension belongs to another format than the content.
    #[serde(skip_serializing_if = "is_false")]
    pub extension_mismatch: bool,
    /// As coded, before any transform; pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The EXIF value as written, 1 to 8. For video the EXIF number equal to the display matrix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
    /// Upright, after every transform (EXIF orientation, or clap/irot/imir, or the display matrix and pixel aspect).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// FFmpeg's short codec name: `hevc`, `h264`, `vp9`, `av1`, `mpeg4`, `mjpeg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// The audio codec's short name, or `none` for a silent video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    #[serde(skip_serializing_if = "Camera::is_empty")]
    pub camera: Camera,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gps: Option<Gps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copyright: Option<String>,
    /// 0 to 5; -1 is "rejected".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<i8>,
    /// Sorted, without repeats. Always present in the JSON.
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_id: Option<String>,
    /// Apple's identifier that the still and the movie of a Live Photo share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pano: Option<Pano>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub motion: Option<Motion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hdr: Option<Hdr>,
    /// For a RAW file: the coded size of the embedded picture that is shown, if it has less than a quarter of the
    /// sensor's pixels. `None` if the sensor data is developed instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub small_preview: Option<Size>,
    /// Face regions that another program has written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// The name of the file that this one was edited from, if recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_from: Option<String>,
    /// Samples without a profile are Adobe RGB. For decoding, which follows in the same process.
    #[serde(skip)]
    pub adobe_rgb: bool,
    /// Only the finished pictures in a RAW file may be read, because developing it has crashed a worker. For decoding, too.
    #[serde(skip)]
    pub previews_only: bool,
    /// The source of each fact, by JSON key: `"gps": "exif"`, `"title": "sidecar:IMG_1.jpg.xmp"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, String>,
}

fn is_false(b: &bool) -> bool {
    !*b
}

/// The part of [`Facts`] that decides which files of a folder belong together: a folder may have tens of thousands.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Clues {
    pub kind: Option<Kind>,
    pub format: Option<Format>,
    pub taken: Option<Moment>,
    pub camera: ModelClue,
    pub duration_s: Option<f64>,
    pub content_identifier: Option<String>,
    pub edited_from: Option<String>,
}

/// The part of [`Taken`] that is compared.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Moment {
    pub local: String,
    pub utc: Option<String>,
    pub source: String,
}

/// The part of [`Camera`] that is compared.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ModelClue {
    pub model: Option<String>,
}

/// When a photo was taken, and the evidence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Taken {
    /// Local time at the place: `2023-07-01T10:20:30`, with subseconds if known; as long as `precision`.
    pub local: String,
    pub precision: Precision,
    /// `+02:00`; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// `2023-07-01T08:20:30Z`; absent when the offset is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc: Option<String>,
    /// The rule that was applied: `exif:DateTimeOriginal`.
    pub source: String,
    /// IANA zone at the place it was taken: `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<RejectedDate>,
}

/// The precision of a date. `local` has the same length: `1965`, `1965-07`, `1965-07-14`, `1965-07-14T10:20`, and
/// with seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    Year,
    Month,
    Day,
    Minute,
    /// The default for facts that were recorded without a precision.
    #[default]
    Second,
}

impl Precision {
    /// The name in JSON and in the index.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Year => "year",
            Precision::Month => "month",
            Precision::Day => "day",
            Precision::Minute => "minute",
            Precision::Second => "second",
        }
    }

    /// The number of known characters of `2023-07-01T10:20:30`; subseconds are not counted.
    pub fn length(self) -> usize {
        match self {
            Precision::Year => 4,
            Precision::Month => 7,
            Precision::Day => 10,
            Precision::Minute => 16,
            Precision::Second => 19,
        }
    }
}

/// A rejected date.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RejectedDate {
    pub source: String,
    pub value: String,
    pub why: String,
}

/// Camera and exposure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Camera {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_35mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash: Option<bool>,
    /// `auto` or `manual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub white_balance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
}

impl Camera {
    pub fn is_empty(&self) -> bool {
        *self == Camera::default()
    }
}

/// WGS 84, degrees; altitude in metres above sea level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gps {
    pub lat: f64,
    pub lon: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pano {
    /// As written: `equirectangular`, `cylindrical`, `cubemap`, ...
    pub projection: String,
    pub is_360: bool,
}

/// The motion part of a photo.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Motion {
    /// `apple`, `google` or `samsung`.
    pub kind: String,
    /// Bytes from the start of the file to the embedded video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_length: Option<u64>,
    /// For a Live Photo: the name of the movie in the same folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hdr {
    /// `gain_map_iso`, `gain_map_google`, `gain_map_apple`, `pq` or `hlg`.
    pub kind: String,
}

/// Pixels across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// A face region from metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(rename = "box")]
    pub area: Box4,
}

/// `[x, y, w, h]` as fractions of the upright picture, top left first.
pub type Box4 = [f32; 4];

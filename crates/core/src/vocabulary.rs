//! The types that pass between stages. They are plain data without behaviour beyond names.
//!
//! [`Facts`] has the shape of the contract's JSON (see README): an absent fact is `None` and is left out of the JSON,
//! never null and never guessed. Units are in the field's name or its comment.

use super::fault::Fault;
use super::source::Source;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

// ---------------------------------------------------------------------------------------------- kinds

/// How users see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Photo,
    Video,
}

/// A file format, detected from the content and never from the name. Serialised as its lower-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Jpeg,
    Heic,
    /// HEIF with another codec than HEVC or AV1 (or an unknown one) inside.
    Heif,
    Avif,
    Png,
    Gif,
    Webp,
    Tiff,
    Bmp,
    Jxl,
    Jp2,
    Cr2,
    Cr3,
    Crw,
    Nef,
    Arw,
    Dng,
    Raf,
    Orf,
    Rw2,
    Pef,
    Srw,
    /// Minolta.
    Mrw,
    /// Sigma.
    X3f,
    /// Hasselblad.
    #[serde(rename = "3fr")]
    ThreeFr,
    /// Phase One.
    Iiq,
    /// Kodak.
    Dcr,
    /// Epson.
    Erf,
    Psd,
    Mp4,
    Mov,
    #[serde(rename = "3gp")]
    ThreeGp,
    Mkv,
    Webm,
    Avi,
    Mts,
    Mpeg,
    Wmv,
    Flv,
    Ogv,
    Mxf,
    Dv,
    /// A stream without a container.
    H264,
    H265,
}

/// Name in JSON, the kind, and the correct extensions (lower case) of each format.
const FORMATS: &[(Format, &str, Kind, &[&str])] = &[
    (Format::Jpeg, "jpeg", Kind::Photo, &["jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "jps", "insp", "thm"]),
    (Format::Heic, "heic", Kind::Photo, &["heic", "heif", "heics", "heifs", "hif"]),
    (Format::Heif, "heif", Kind::Photo, &["heif", "heic", "heifs", "hif", "avci", "avcs"]),
    (Format::Avif, "avif", Kind::Photo, &["avif", "avifs", "heif"]),
    (Format::Png, "png", Kind::Photo, &["png", "apng"]),
    (Format::Gif, "gif", Kind::Photo, &["gif"]),
    (Format::Webp, "webp", Kind::Photo, &["webp"]),
    (Format::Tiff, "tiff", Kind::Photo, &["tif", "tiff", "btf", "tf8"]),
    (Format::Bmp, "bmp", Kind::Photo, &["bmp", "dib"]),
    (Format::Jxl, "jxl", Kind::Photo, &["jxl"]),
    (Format::Jp2, "jp2", Kind::Photo, &["jp2", "j2k", "jpf", "jpx", "jpm", "j2c", "jpc"]),
    (Format::Cr2, "cr2", Kind::Photo, &["cr2"]),
    (Format::Cr3, "cr3", Kind::Photo, &["cr3"]),
    (Format::Crw, "crw", Kind::Photo, &["crw"]),
    (Format::Nef, "nef", Kind::Photo, &["nef", "nrw"]),
    (Format::Arw, "arw", Kind::Photo, &["arw", "sr2", "srf"]),
    (Format::Dng, "dng", Kind::Photo, &["dng", "gpr"]),
    (Format::Raf, "raf", Kind::Photo, &["raf"]),
    (Format::Orf, "orf", Kind::Photo, &["orf", "ori"]),
    (Format::Rw2, "rw2", Kind::Photo, &["rw2", "raw", "rwl"]),
    (Format::Pef, "pef", Kind::Photo, &["pef"]),
    (Format::Srw, "srw", Kind::Photo, &["srw"]),
    (Format::Mrw, "mrw", Kind::Photo, &["mrw"]),
    (Format::X3f, "x3f", Kind::Photo, &["x3f"]),
    (Format::ThreeFr, "3fr", Kind::Photo, &["3fr", "fff"]),
    (Format::Iiq, "iiq", Kind::Photo, &["iiq"]),
    (Format::Dcr, "dcr", Kind::Photo, &["dcr", "kdc", "k25"]),
    (Format::Erf, "erf", Kind::Photo, &["erf"]),
    (Format::Psd, "psd", Kind::Photo, &["psd", "psb"]),
    (Format::Mp4, "mp4", Kind::Video, &["mp4", "m4v", "f4v", "lrv", "lrf", "insv", "360", "mp4v", "mp"]),
    (Format::Mov, "mov", Kind::Video, &["mov", "qt"]),
    (Format::ThreeGp, "3gp", Kind::Video, &["3gp", "3g2", "3gpp", "3gpp2"]),
    (Format::Mkv, "mkv", Kind::Video, &["mkv", "mk3d"]),
    (Format::Webm, "webm", Kind::Video, &["webm"]),
    (Format::Avi, "avi", Kind::Video, &["avi", "divx"]),
    (Format::Mts, "mts", Kind::Video, &["mts", "m2ts", "ts", "m2t"]),
    (Format::Mpeg, "mpeg", Kind::Video, &["mpg", "mpeg", "vob", "mpe", "mod", "tod", "m2v", "m1v"]),
    (Format::Wmv, "wmv", Kind::Video, &["wmv", "asf", "wm"]),
    (Format::Flv, "flv", Kind::Video, &["flv"]),
    (Format::Ogv, "ogv", Kind::Video, &["ogv", "ogg", "ogx", "ogm"]),
    (Format::Mxf, "mxf", Kind::Video, &["mxf"]),
    (Format::Dv, "dv", Kind::Video, &["dv", "dif"]),
    (Format::H264, "h264", Kind::Video, &["h264", "264", "avc"]),
    (Format::H265, "h265", Kind::Video, &["h265", "265", "hevc"]),
];

impl Format {
    fn row(self) -> &'static (Format, &'static str, Kind, &'static [&'static str]) {
        FORMATS.iter().find(|r| r.0 == self).expect("every format has a row")
    }
    /// All formats.
    pub fn all() -> impl Iterator<Item = Format> {
        FORMATS.iter().map(|r| r.0)
    }
    pub fn name(self) -> &'static str {
        self.row().1
    }
    pub fn kind(self) -> Kind {
        self.row().2
    }
    /// The correct extensions of this format, in lower case.
    pub fn extensions(self) -> &'static [&'static str] {
        self.row().3
    }
    pub fn is_raw(self) -> bool {
        use Format::*;
        matches!(
            self,
            Cr2 | Cr3
                | Crw
                | Nef
                | Arw
                | Dng
                | Raf
                | Orf
                | Rw2
                | Pef
                | Srw
                | Mrw
                | X3f
                | ThreeFr
                | Iiq
                | Dcr
                | Erf
        )
    }
    /// Whether it is decoded by shared libraries that only some workers load.
    pub fn needs_all_codecs(self) -> bool {
        self.kind() == Kind::Video || matches!(self, Format::Heic | Format::Heif | Format::Avif)
    }
    /// Whether every current browser shows it; other formats also get a `preview`.
    pub fn browser_shows(self) -> bool {
        use Format::*;
        matches!(self, Jpeg | Png | Gif | Webp | Bmp)
    }
}

/// The decoders that a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codecs {
    /// Compiled-in codecs, for most pictures. A process starts with them in a tenth of the time.
    Own,
    /// Also FFmpeg, LibRaw, and the libraries behind libheif.
    All,
}

/// Extensions of pictures and videos of unsupported kinds: such files are counted and reported to their owner.
#[rustfmt::skip]
pub const UNREAD_EXTENSIONS: &[&str] = &[
    // RAW files of unsupported makers.
    "mef", "mos", "rwz", "bay", "cap", "ptx", "pxn", "mdc", "ari", "r3d", "braw", "crm", "cine",
    // Pictures.
    "ai", "cdr", "dds", "djvu", "dpx", "emf", "eps", "exr", "fits", "flif", "hdr", "hdp", "ico", "jng", "jxr",
    "kra", "mng", "ora", "pam", "pbm", "pcd", "pcx", "pct", "pfm", "pgm", "pict", "pnm", "ppm", "qoi", "ras", "sgi",
    "svg", "svgz", "tga", "wbmp", "wdp", "wmf", "xbm", "xcf", "xpm",
    // Videos.
    "amv", "bik", "dvr-ms", "evo", "f4p", "fli", "flc", "gifv", "ivf", "m4p", "mj2", "mjpg", "mjpeg", "nsv", "nut",
    "rm", "rmvb", "roq", "smk", "swf", "trp", "wtv", "y4m", "yuv",
];

/// Extensions of files that describe another file and are not media themselves.
pub const SIDECAR_EXTENSIONS: &[&str] = &["xmp", "json"];

// ---------------------------------------------------------------------------------------------- facts

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

// ------------------------------------------------------------------------------------------- stages

/// A stage, as stored in `stage_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Inspect,
    Render,
    Faces,
    Subjects,
    People,
    Places,
}

impl Stage {
    pub const ALL: [Stage; 6] =
        [Stage::Inspect, Stage::Render, Stage::Faces, Stage::Subjects, Stage::People, Stage::Places];

    pub fn name(self) -> &'static str {
        match self {
            Stage::Inspect => "inspect",
            Stage::Render => "render",
            Stage::Faces => "faces",
            Stage::Subjects => "subjects",
            Stage::People => "people",
            Stage::Places => "places",
        }
    }
}

//! A decoded picture and the operations common to all stages: shrink, turn upright.

pub mod orient;
pub mod resize;

/// 8-bit RGB, interleaved, rows without padding, sRGB, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
    /// The unrecoverable damage of a file, as text; `None` for an intact picture.
    pub damaged: Option<String>,
}

/// Returns the target size for an upright size in pixels (never larger, aspect kept). A decoder returns
/// exactly this size and keeps no more in memory than necessary.
pub type Fit<'a> = &'a dyn Fn(u32, u32) -> (u32, u32);

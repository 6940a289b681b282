//! A decoded picture and what every stage may do with one: shrink it, turn it upright.

pub mod orient;
pub mod resize;

/// 8-bit RGB, interleaved, rows without padding, sRGB, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
    /// What could not be recovered of a damaged file, in words; `None` for a whole picture.
    pub damaged: Option<String>,
}

/// Answers, for an upright size in pixels, the size that is needed of it (never larger, aspect kept).
/// A decoder gives back exactly this size and keeps no more in memory than it must to get there.
pub type Fit<'a> = &'a dyn Fn(u32, u32) -> (u32, u32);

//! Modes of the worker program that `albumen bench` uses: they decode and encode, which the engine cannot.

use serde::{Deserialize, Serialize};

/// Makes thumbnails with bare libjpeg-turbo; prints [`Worked`] as JSON.
pub const FLOOR: &str = "bench-floor";
/// Makes the JPEGs, screenshots and duplicates of a generated library; prints what was made, in words.
pub const PICTURES: &str = "bench-mix";

/// What the mode [`FLOOR`] says of its work.
#[derive(Debug, Serialize, Deserialize)]
pub struct Worked {
    pub files: u64,
    /// What bare libjpeg-turbo refuses.
    pub refused: u64,
}

/// The photos among `count` generated files, a share of which are screenshots and duplicates.
pub fn photos_of(count: u32) -> u32 {
    (count - count * (SCREENSHOTS + DUPLICATES) / 10).max(1)
}

/// Where a generated photo lies in its folder.
pub fn photo_name(n: u32) -> String {
    format!("2023/IMG_{n:04}.jpg")
}

/// Screenshots among ten generated files.
pub const SCREENSHOTS: u32 = 1;
/// Duplicates among ten generated files.
pub const DUPLICATES: u32 = 2;

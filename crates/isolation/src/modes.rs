//! Modes of the worker program that `albumen bench` uses: they decode and encode, which the engine cannot.

use serde::{Deserialize, Serialize};

/// Creates thumbnails with bare libjpeg-turbo; prints [`Worked`] as JSON.
pub const FLOOR: &str = "bench-floor";
/// Creates the JPEGs, screenshots and duplicates of a generated library; prints a summary.
pub const PICTURES: &str = "bench-mix";

/// The output of the mode [`FLOOR`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Worked {
    pub files: u64,
    /// Files that bare libjpeg-turbo refuses.
    pub refused: u64,
}

/// The photos among `count` generated files, a share of which are screenshots and duplicates.
pub fn photos_of(count: u32) -> u32 {
    (count - count * (SCREENSHOTS + DUPLICATES) / 10).max(1)
}

/// The path of a generated photo in its folder.
pub fn photo_name(n: u32) -> String {
    format!("2023/IMG_{n:04}.jpg")
}

/// Screenshots among ten generated files.
pub const SCREENSHOTS: u32 = 1;
/// Duplicates among ten generated files.
pub const DUPLICATES: u32 = 2;

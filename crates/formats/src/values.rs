//! Functions on values, used by readers of all formats.

use super::budget::WORDS;
use albumen_core::vocabulary::Gps;

/// Coordinates that can be a place: in range, and not 0,0 (written by receivers without a fix).
pub fn place(lat: f64, lon: f64, alt: Option<f64>) -> Option<Gps> {
    let good = lat.is_finite() && lon.is_finite() && lat.abs() <= 90.0 && lon.abs() <= 180.0;
    let nowhere = lat == 0.0 && lon == 0.0;
    (good && !nowhere).then_some(Gps { lat, lon, alt: alt.filter(|a| a.is_finite()) })
}

/// The first source has precedence: an existing value is not replaced.
pub fn keep<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

/// Adds keywords to a list, within the limits of their number and length.
pub fn add_words(list: &mut Vec<String>, words: impl Iterator<Item = String>) {
    /// Maximum bytes of a keyword.
    const LONGEST: usize = 1024;
    for mut word in words.take(WORDS.saturating_sub(list.len())) {
        word.truncate(word.floor_char_boundary(LONGEST));
        word.shrink_to_fit();
        list.push(word);
    }
}

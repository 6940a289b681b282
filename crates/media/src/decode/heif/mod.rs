//! HEIC, HEIF and AVIF to pixels.
//!
//! Plain HEVC pictures and grids go through FFmpeg, tile by tile ([`hevc`]); everything else through libheif
//! ([`library`]). A file that has no picture items at all is an image sequence: its first frame is taken as a
//! video's would be. EXIF orientation is not looked at: irot, imir and clap decide.

mod geometry;
mod hevc;
pub mod items;
mod library;
mod tiles;

use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Facts};

/// The primary picture: upright, sRGB, exactly `fit(display size)` pixels.
pub fn decode(
    source: &Source,
    facts: &Facts,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    // Tables that this reader does not follow may still be ones that libheif does.
    let items = match items::read(source) {
        Ok(Some(items)) => Some(items),
        Ok(None) => return super::video::first_picture(source, facts, fit, admission),
        Err(fault @ (Fault::Unreadable { .. } | Fault::Unsupported { .. })) => return Err(fault),
        Err(_) => None,
    };
    if let Some(items) = &items
        && let Ok(Some(plan)) = hevc::plan(source, items)
        && let Some(pixels) = hevc::decode(source, &plan, fit, admission)?
    {
        return Ok(pixels);
    }
    library::decode(source, items.as_ref(), fit, admission)
}

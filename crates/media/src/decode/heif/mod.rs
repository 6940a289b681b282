//! HEIC, HEIF and AVIF to pixels.
//!
//! Plain HEVC pictures and grids go through FFmpeg, tile by tile ([`hevc`]); everything else through libheif
//! ([`library`]). A file without picture items is an image sequence: its first frame is decoded like a
//! video's. EXIF orientation is ignored: irot, imir and clap apply. `albumen_formats::heif` reads the tables.

mod hevc;
mod library;
mod tiles;
mod uncompressed;
pub(in crate::decode) mod whole;

use super::colour::{Cicp, cicp::UNSPECIFIED};
use super::planes::Crop;
use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Facts};
use albumen_formats::bytes::Reader;
use albumen_formats::heif::items::{CodePoints, Items, Property};
use albumen_formats::heif::{Structure, geometry, structure as structure_of};

/// The primary picture: upright, sRGB, exactly `fit(display size)` pixels.
pub(super) fn decode(
    source: &Source,
    facts: &Facts,
    structure: Option<&Structure>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let read;
    let structure = match structure {
        Some(structure) => structure,
        None => {
            read = structure_of(&Reader::new(source));
            &read
        }
    };
    let items = match structure {
        Structure::Items(items) => Some(items),
        // libheif may support tables that Albumen's reader does not, and reads the short form.
        Structure::Unknown => None,
        Structure::Sequence => return super::video::first_picture(source, facts, fit, admission),
    };
    let mut pixels = match (picture(source, items, fit, admission), items) {
        // The decoder may fail on a picture whose bytes are known to be missing.
        (Err(fault @ Fault::Corrupt { .. }), Some(items)) => match whole::damage(source, items)? {
            Some(missing) if !whole::has_too_little(source, items) => {
                grey(items, missing, fit).ok_or(fault)?
            }
            _ => return Err(fault),
        },
        (pixels, _) => pixels?,
    };
    if pixels.damaged.is_none()
        && let Some(items) = items
    {
        pixels.damaged = whole::damage(source, items)?.map(str::to_owned);
    }
    Ok(pixels)
}

/// Mid-grey in the size of the primary picture, as for missing rows in other pictures.
fn grey(items: &Items, missing: &str, fit: Fit<'_>) -> Option<Pixels> {
    let item = items.shown()?;
    let (crop, orientation) = transforms(items.size_of(item)?, items.properties_of(item));
    let upright = orientation.size((crop.width, crop.height));
    let (width, height) = fit(upright.0, upright.1);
    let (width, height) = (width.max(1), height.max(1));
    let rgb = vec![128; width as usize * height as usize * 3];
    Some(Pixels { width, height, rgb, damaged: Some(format!("{missing}; nothing of it could be shown")) })
}

/// Crop and turn of a picture of this coded size.
fn transforms<'a>(
    (width, height): (u32, u32),
    properties: impl Iterator<Item = &'a Property>,
) -> (Crop, Orientation) {
    let (crop, exif) = geometry::fold(width, height, properties);
    let crop = Crop { x: crop.x, y: crop.y, width: crop.width, height: crop.height };
    (crop, Orientation::from_exif(Some(exif)))
}

impl From<CodePoints> for Cicp {
    fn from(points: CodePoints) -> Cicp {
        let known = |point: u16| u8::try_from(point).unwrap_or(UNSPECIFIED);
        Cicp {
            primaries: known(points.primaries),
            transfer: known(points.transfer),
            matrix: known(points.matrix),
            full_range: points.full_range,
        }
    }
}

fn picture(
    source: &Source,
    items: Option<&Items>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    if let Some(items) = items
        && let Some(item) = items.shown().filter(|item| item.kind == *b"unci")
    {
        return uncompressed::decode(source, items, item, fit, admission);
    }
    if let Some(items) = items
        && let Ok(Some(plan)) = hevc::plan(source, items)
        && let Some(pixels) = hevc::decode(source, &plan, fit, admission)?
    {
        return Ok(pixels);
    }
    library::decode(source, items, fit, admission)
}

//! HEIC, HEIF and AVIF to pixels.
//!
//! Plain HEVC pictures and grids go through FFmpeg, tile by tile ([`hevc`]); everything else through libheif
//! ([`library`]). A file without picture items is an image sequence: its first frame is decoded like a
//! video's. EXIF orientation is ignored: irot, imir and clap apply.

mod geometry;
mod hevc;
pub mod items;
mod library;
mod tiles;
mod uncompressed;
pub mod whole;

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
    // libheif may support tables that this reader does not.
    let items = match items::read(source) {
        Ok(Some(items)) => Some(items),
        // The short form for small pictures has no tables of items; libheif reads it.
        Ok(None) if has_mini(source) => None,
        Ok(None) => return super::video::first_picture(source, facts, fit, admission),
        Err(fault @ Fault::Unreadable { .. }) => return Err(fault),
        Err(_) => None,
    };
    let mut pixels = match (picture(source, items.as_ref(), fit, admission), &items) {
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
        && let Some(items) = &items
    {
        pixels.damaged = whole::damage(source, items)?.map(str::to_owned);
    }
    Ok(pixels)
}

/// Mid-grey in the size of the primary picture, as for missing rows in other pictures.
fn grey(items: &items::Items, missing: &str, fit: Fit<'_>) -> Option<Pixels> {
    let item = items.get(items.primary)?;
    let (width, height) = items.properties_of(item).find_map(|p| match p {
        items::Property::Size(w, h) if *w > 0 && *h > 0 => Some((*w, *h)),
        _ => None,
    })?;
    let (crop, orientation) = geometry::fold(width, height, items.properties_of(item));
    let upright = orientation.size((crop.width, crop.height));
    let (width, height) = fit(upright.0, upright.1);
    let (width, height) = (width.max(1), height.max(1));
    let rgb = vec![128; width as usize * height as usize * 3];
    Some(Pixels { width, height, rgb, damaged: Some(format!("{missing}; nothing of it could be shown")) })
}

/// Whether the second box is a `mini` one.
fn has_mini(source: &Source) -> bool {
    let mut head = [0; 8];
    let Ok(8) = source.read_at(0, &mut head) else { return false };
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    matches!(source.read_at(length.into(), &mut head), Ok(8)) && head[4..] == *b"mini"
}

fn picture(
    source: &Source,
    items: Option<&items::Items>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    if let Some(items) = items
        && let Some(item) = items.get(items.primary).filter(|item| item.kind == *b"unci")
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

//! Pixels to derivatives: the ladder of sizes, encoding, ThumbHash.
//!
//! Promises: JPEG, sRGB, upright, no metadata; sizes by [`ladder`]; small ones are made from the next larger
//! one by Lanczos3. Equal sizes are encoded once: a missing name shares the file of the next larger one.

pub mod encode;

use crate::pixels::Pixels;
use crate::pixels::resize::shrink;
use albumen_core::fault::Fault;
use albumen_core::ladder;
use albumen_core::vocabulary::{DerivativeName, Format, Pictures, RenderSettings, Rendition};

/// ThumbHash supports at most this many pixels per side.
const THUMBHASH_SIDE: u32 = 100;

/// All derivatives of a picture whose upright full size is `full`. `pixels` has the size that [`ladder::fit`]
/// returns.
pub fn render(
    pixels: Pixels,
    full: (u32, u32),
    settings: &RenderSettings,
    format: Option<Format>,
) -> Result<Pictures, Fault> {
    let Pixels { width, height, rgb, damaged } = pixels;
    let mut pictures = Pictures { damaged, ..Pictures::default() };
    let within = |size: (u32, u32)| (size.0.min(width), size.1.min(height));
    let mut from = (width, height);
    let mut rgb = rgb;

    let preview = ladder::wants_preview(format).then(|| within(ladder::preview(full, settings.preview_size)));
    // The preview is made first, from the whole picture, since it may be the larger one.
    let preview = match preview {
        Some(size) => {
            let jpeg = if size == from {
                encode::jpeg(&rgb, size.0, size.1, settings.quality)?
            } else {
                encode::jpeg(&shrink(&rgb, from, size), size.0, size.1, settings.quality)?
            };
            Some(Rendition { name: DerivativeName::Preview, width: size.0, height: size.1, jpeg })
        }
        None => None,
    };
    for (name, short_edge) in ladder::LADDER {
        let size = within(ladder::step(full, short_edge));
        let known = pictures.renditions.last().is_some_and(|r: &Rendition| (r.width, r.height) == size);
        if known {
            continue;
        }
        if size != from {
            rgb = shrink(&rgb, from, size);
            from = size;
        }
        let jpeg = match &preview {
            Some(p) if (p.width, p.height) == size => p.jpeg.clone(),
            _ => encode::jpeg(&rgb, size.0, size.1, settings.quality)?,
        };
        pictures.renditions.push(Rendition { name, width: size.0, height: size.1, jpeg });
    }
    pictures.thumbhash = thumbhash(&rgb, from);
    if let Some(preview) = preview {
        let known =
            pictures.renditions.iter().any(|r| (r.width, r.height) == (preview.width, preview.height));
        if !known {
            pictures.renditions.push(preview);
        }
    }
    Ok(pictures)
}

/// ThumbHash of a picture, from a copy that is small enough.
fn thumbhash(rgb: &[u8], size: (u32, u32)) -> Vec<u8> {
    let long = size.0.max(size.1);
    let side = |n: u32| {
        if long <= THUMBHASH_SIDE { n } else { ((n * THUMBHASH_SIDE + long / 2) / long).max(1) }
    };
    let small = (side(size.0), side(size.1));
    let rgba: Vec<u8> =
        shrink(rgb, size, small).as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    thumbhash::rgba_to_thumb_hash(small.0 as usize, small.1 as usize, &rgba)
}

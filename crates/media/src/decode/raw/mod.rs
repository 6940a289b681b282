//! Camera RAW files: the largest complete picture that the camera has embedded ([`preview`]), or, if that is
//! too small, a picture [developed](develop) from the sensor's data.

pub(super) mod develop;
mod libraw;

use super::{jpeg, raster};
use crate::pixels::Pixels;
use crate::pixels::orient::Orientation;
use albumen_core::fault::Fault;
use albumen_core::ladder;
use albumen_core::source::Source;
use albumen_core::vocabulary::Facts;
use albumen_formats::bytes::Reader;
use albumen_formats::preview::{self, Coding, Preview};
pub(super) use libraw::load;
use raster::Job;

/// The longest preview that is held in memory for repair.
const MENDED_BYTES: u64 = 16 << 20;
/// The fraction of the target's short edge that is sufficient, in tenths: the difference is hardly visible,
/// and developing a picture takes thirty times as long as reading a preview. Sony's usual preview of 1616 x
/// 1080 is enough, one of 1024 x 768 is not.
const ENOUGH_TENTHS: u64 = 7;

/// Whether a picture with this short edge is sufficient for a target of `wanted`.
fn is_enough(short_edge: u32, wanted: u32) -> bool {
    u64::from(short_edge) * 10 >= u64::from(wanted) * ENOUGH_TENTHS
}

/// The size of `xl` of a picture of this size.
fn xl(full: (u32, u32)) -> (u32, u32) {
    ladder::step(full, ladder::LADDER[0].1)
}

/// Whether a picture of this size is used instead of the sensor's.
pub(crate) fn is_usable(size: (u32, u32), facts: &Facts) -> bool {
    let sensor = facts.width.zip(facts.height).unwrap_or((u32::MAX, u32::MAX));
    let needed = xl(sensor);
    is_enough(size.0.min(size.1), needed.0.min(needed.1))
}

const NO_PREVIEW: &str = "this RAW file has no preview inside";

/// The picture, upright: a preview that is large enough; else the sensor's; else the largest available. `previews` are
/// those of the file if they are known already.
pub(super) fn decode(job: &Job<'_>, facts: &Facts, previews: Option<&[Preview]>) -> Result<Pixels, Fault> {
    let previews = previews.map_or_else(|| preview::previews(&Reader::new(job.source)), <[_]>::to_vec);
    let (large, small): (Vec<_>, Vec<_>) =
        previews.into_iter().partition(|p| is_usable((p.width, p.height), facts));
    let mut broken = None;
    if let Some(pixels) = first_readable(job, facts, &large, &mut broken)? {
        return Ok(pixels);
    }
    // Some DNG and NEF files have a plain picture as the first page of the TIFF.
    if let Some(pixels) = raster::tiff::first_page_in_rgb(job, &|size| is_usable(size, facts)) {
        return Ok(pixels);
    }
    let developed = if facts.previews_only {
        Err(Fault::unsupported("its sensor data cannot be read"))
    } else {
        develop::picture(job)
    };
    let fault = match developed {
        Ok(pixels) if pixels.damaged.is_none() || small.is_empty() => return Ok(pixels),
        Ok(_) => Fault::corrupt("its sensor data are damaged"),
        Err(fault @ (Fault::Unsupported { .. } | Fault::Corrupt { .. } | Fault::TooLarge { .. })) => fault,
        Err(fault) => return Err(fault),
    };
    if let Some(pixels) = first_readable(job, facts, &small, &mut broken)? {
        return Ok(pixels);
    }
    if let Some(pixels) = raster::tiff::first_page_in_rgb(job, &|_| true) {
        return Ok(pixels);
    }
    Err(match (broken, fault) {
        // An intact copy of the file may contain more.
        (Some(broken), Fault::Unsupported { .. }) => broken,
        (None, Fault::Unsupported { why, .. }) => Fault::unsupported(format!("{NO_PREVIEW}, and {why}")),
        (None, Fault::Corrupt { why, .. }) => Fault::corrupt(format!("{NO_PREVIEW}, and {why}")),
        (_, fault) => fault,
    })
}

/// The first of these previews that can be read; `broken` is the reason why an earlier one could not be read.
fn first_readable(
    job: &Job<'_>,
    facts: &Facts,
    previews: &[Preview],
    broken: &mut Option<Fault>,
) -> Result<Option<Pixels>, Fault> {
    for preview in previews {
        let orientation = turn(job.orientation, facts, preview);
        match picture(&Job { orientation, ..*job }, preview) {
            Ok(mut pixels) => {
                if broken.is_some() {
                    let smaller = "its largest preview cannot be read, and a smaller one is shown";
                    pixels.damaged.get_or_insert_with(|| smaller.into());
                }
                return Ok(Some(pixels));
            }
            Err(fault @ (Fault::Corrupt { .. } | Fault::Unsupported { .. })) => {
                broken.get_or_insert(fault);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(None)
}

fn picture(job: &Job<'_>, preview: &Preview) -> Result<Pixels, Fault> {
    let part = job.source.part(preview.at, preview.length);
    let part = match preview.coding {
        Coding::Jpeg => part,
        Coding::JpegWithoutStart => {
            job.admission.admit(part.len())?;
            let mut bytes = part.read_all(MENDED_BYTES)?;
            if let Some(first) = bytes.first_mut() {
                *first = 0xFF;
            }
            Source::from_bytes(bytes)
        }
        Coding::Jxl => return raster::jxl::decode_turned(&Job { source: &part, ..*job }),
    };
    jpeg::decode(&part, None, job.orientation, job.untagged, job.fit, job.admission)
}

/// The orientation of a preview. It is stored and turned like the sensor's picture, except if one is wide and
/// the other tall: then the camera has turned it already.
fn turn(orientation: Orientation, facts: &Facts, preview: &Preview) -> Orientation {
    let (Some(width), Some(height)) = (facts.width, facts.height) else { return orientation };
    let is_turned = match width.cmp(&height) {
        std::cmp::Ordering::Greater => preview.width < preview.height,
        std::cmp::Ordering::Less => preview.width > preview.height,
        std::cmp::Ordering::Equal => false,
    };
    if is_turned && orientation.swaps_sides() { Orientation::UPRIGHT } else { orientation }
}

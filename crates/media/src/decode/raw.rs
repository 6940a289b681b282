//! Camera RAW files: the largest finished picture that the camera has put inside ([`preview`]). Sensor data is not developed.

use super::{jpeg, raster};
use crate::pixels::Pixels;
use crate::pixels::orient::Orientation;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Facts;
use albumen_formats::bytes::Reader;
use albumen_formats::preview::{self, Coding, Preview};
use raster::Job;

/// The longest preview that is held in memory to be mended.
const MENDED_BYTES: u64 = 16 << 20;

/// The picture inside, upright by the RAW file's orientation.
pub fn decode(job: &Job<'_>, facts: &Facts) -> Result<Pixels, Fault> {
    let mut first_fault = None;
    for preview in preview::previews(&Reader::new(job.source)) {
        let orientation = turn(job.orientation, facts, &preview);
        match picture(&Job { orientation, ..*job }, &preview) {
            Ok(mut pixels) => {
                if first_fault.is_some() {
                    let smaller = "its largest preview cannot be read, and a smaller one is shown";
                    pixels.damaged.get_or_insert_with(|| smaller.into());
                }
                return Ok(pixels);
            }
            Err(fault @ Fault::Corrupt { .. }) => drop(first_fault.get_or_insert(fault)),
            Err(fault) => return Err(fault),
        }
    }
    // Some DNG and NEF files have a small plain picture where TIFF has its first page.
    raster::tiff::first_page_in_rgb(job).unwrap_or_else(|| {
        Err(first_fault.unwrap_or_else(|| {
            Fault::unsupported("this RAW file has no preview inside, and sensor data is not developed")
        }))
    })
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
    jpeg::decode(&part, job.orientation, job.untagged, job.fit, job.admission)
}

/// How a preview is turned. It lies as the sensor does and is turned with it, except where the sensor's picture is wide
/// and the preview tall, or the other way round: then the camera has turned it already.
fn turn(orientation: Orientation, facts: &Facts, preview: &Preview) -> Orientation {
    let (Some(width), Some(height)) = (facts.width, facts.height) else { return orientation };
    let is_turned = match width.cmp(&height) {
        std::cmp::Ordering::Greater => preview.width < preview.height,
        std::cmp::Ordering::Less => preview.width > preview.height,
        std::cmp::Ordering::Equal => false,
    };
    if is_turned && orientation.swaps_sides() { Orientation::UPRIGHT } else { orientation }
}

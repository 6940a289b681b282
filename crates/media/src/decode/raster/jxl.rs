//! JPEG XL, by jxl-oxide: the first frame, upright by the codestream's own rule, converted to sRGB by the decoder
//! where it can; HDR is tone-mapped like every other HDR picture.

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::decode::colour::{self, Cicp, CmykToSrgb};
use crate::pixels::Pixels;
use crate::pixels::orient::Orientation;
use albumen_core::fault::Fault;
use jxl_oxide::{AllocTracker, EnumColourEncoding, JxlImage, PixelFormat, RenderingIntent};
use std::error::Error;
use std::io::BufReader;

/// The decoder's memory per pixel and channel: coefficients, the float picture, and the copy that its filters
/// write to. Measured; enforced by the allocation tracker.
const BYTES_PER_SAMPLE: u64 = 16;
/// Its memory in addition: tables and the state of entropy decoders.
const FIXED_BYTES: u64 = 8 << 20;

pub(crate) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    // The decoder applies the codestream's orientation; EXIF's is equal or wrong.
    decode_turned(&Job { orientation: Orientation::UPRIGHT, ..*job })
}

/// A picture inside another file, which states its orientation.
pub(crate) fn decode_turned(job: &Job<'_>) -> Result<Pixels, Fault> {
    let tracker = AllocTracker::with_limit(FIXED_BYTES as usize);
    let reader = BufReader::new(job.source.cursor());
    let mut image = JxlImage::builder().alloc_tracker(tracker.clone()).read(reader).map_err(fault)?;
    let full = (image.width(), image.height());
    let channels = image.pixel_format().channels() as u64;
    let samples = u64::from(full.0) * u64::from(full.1) * channels;
    let cost = samples * BYTES_PER_SAMPLE + FIXED_BYTES + job.source.len();
    let mut canvas = Canvas::new(job, full, cost)?;
    tracker.expand_limit((samples * BYTES_PER_SAMPLE) as usize);

    let hdr = image.hdr_type().is_some();
    let convertible = image.image_header().metadata.xyb_encoded || image.original_icc().is_none();
    if !hdr && convertible {
        let intent = RenderingIntent::Relative;
        image.request_color_encoding(if image.pixel_format().is_grayscale() {
            EnumColourEncoding::gray_srgb(intent)
        } else {
            EnumColourEncoding::srgb(intent)
        });
    }
    let profile = (!hdr && !convertible).then(|| image.rendered_icc());
    let render = image.render_frame(0).map_err(|e| {
        if e.to_string().contains("memory") { Fault::TooLarge { needed: cost * 2 } } else { fault(e) }
    })?;
    let mut stream = render.stream();
    let width = full.0 as usize;

    if hdr {
        let [primaries, transfer, matrix, _] = image.rendered_cicp().unwrap_or([9, 16, 0, 1]);
        let code_points = Cicp { primaries, transfer, matrix, full_range: true };
        let count = stream.channels() as usize;
        let mut row = vec![0u16; width * count];
        let mut wide = Vec::with_capacity(width * full.1 as usize * 3);
        while stream.write_to_buffer(&mut row) == row.len() {
            for px in row.chunks_exact(count) {
                let alpha = if image.pixel_format().has_alpha() { px[count - 1] } else { u16::MAX };
                let grey = image.pixel_format().is_grayscale();
                let rgb = if grey { [px[0]; 3] } else { [px[0], px[1], px[2]] };
                wide.extend(rgb.map(|v| {
                    let (v, a) = (u64::from(v), u64::from(alpha));
                    ((v * a + 65_535 * (65_535 - a)) / 65_535) as u16
                }));
            }
        }
        canvas.push(Samples::Rgb, &colour::cicp_to_srgb_rgb8(&wide, code_points));
        return Ok(canvas.finish(None, None));
    }

    let mut row = vec![0u8; width * stream.channels() as usize];
    let inks = image.pixel_format().has_black().then(|| CmykToSrgb::new(profile.as_deref()));
    let mut rgb = vec![0; width * 3];
    while stream.write_to_buffer(&mut row) == row.len() {
        if let Some(inks) = &inks {
            // JPEG XL's CMYK is like Adobe's: 0 is full ink.
            let cmyk: Vec<u8> = row
                .chunks_exact(stream.channels() as usize)
                .flat_map(|px| &px[..4])
                .map(|v| 255 - v)
                .collect();
            inks.convert(&cmyk, &mut rgb);
            canvas.push(Samples::Rgb, &rgb);
            continue;
        }
        let samples = match image.pixel_format() {
            PixelFormat::Gray => Samples::Grey,
            PixelFormat::Graya => Samples::GreyAlpha,
            PixelFormat::Rgb => Samples::Rgb,
            _ => Samples::Rgba,
        };
        canvas.push(samples, &row);
        if canvas.missing() == 0 {
            break;
        }
    }
    Ok(canvas.finish(profile.as_deref().filter(|_| inks.is_none()), None))
}

/// The crate returns its errors as text; only a feature of no current profile says so.
fn fault(e: Box<dyn Error + Send + Sync>) -> Fault {
    let words = e.to_string();
    if words.contains("not supported") {
        Fault::unsupported("a kind of JPEG XL that Albumen does not decode").with_detail(words)
    } else {
        Fault::corrupt("its JPEG XL data are damaged").with_detail(words)
    }
}

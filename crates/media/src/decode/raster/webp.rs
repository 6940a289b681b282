//! WebP, by image-webp: lossy, lossless, of an animation the first frame. The crate decodes whole pictures.

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use image_webp::{DecodingError, WebPDecoder};
use std::io::BufReader;

pub fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    let mut decoder = WebPDecoder::new(BufReader::new(job.source.cursor())).map_err(fault)?;
    // An animation's background is the viewer's business: white, as for every transparency.
    let _ = decoder.set_background_color([255; 4]);
    let full = decoder.dimensions();
    let pixels = u64::from(full.0) * u64::from(full.1);
    let samples = if decoder.has_alpha() { Samples::Rgba } else { Samples::Rgb };
    // The picture, the planes or the lossless frame that it is made of, and the compressed data.
    let cost = pixels * (samples.count() as u64 + 4) + job.source.len();
    let mut canvas = Canvas::new(job, full, cost)?;
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = vec![0; pixels as usize * samples.count()];
    if decoder.is_animated() {
        decoder.read_frame(&mut picture).map_err(fault)?;
    } else {
        decoder.read_image(&mut picture).map_err(fault)?;
    }
    canvas.push(samples, &picture);
    Ok(canvas.finish(profile.as_deref(), None))
}

fn fault(e: DecodingError) -> Fault {
    match e {
        DecodingError::IoError(e) => e.into(),
        DecodingError::UnsupportedFeature(e) => Fault::unsupported(e),
        other => Fault::corrupt(other),
    }
}

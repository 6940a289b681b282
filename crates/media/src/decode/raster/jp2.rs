//! JPEG 2000, by hayro-jpeg2000: decoded at the smallest of its own resolutions that is large enough.

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::decode::colour::CmykToSrgb;
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use hayro_jpeg2000::error::{DecodeError, FormatError, MarkerError};
use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

/// Longest file that is read: all of it must be in memory.
const LARGEST_FILE: u64 = 1 << 30;
/// The decoder's memory per decoded sample: coefficients and the sample, 32 bits each, and the 8-bit copy.
const BYTES_PER_SAMPLE: u64 = 9;
/// The decoded picture is at least this much larger than the target, as for JPEG.
const HEADROOM: f64 = 1.15;

pub(super) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    job.admission.admit(job.source.len())?;
    let bytes = job.source.read_all(LARGEST_FILE)?;
    let open = |settings| Image::new(&bytes, &settings).map_err(fault);
    let whole = open(DecodeSettings::default())?;
    let target = Canvas::target(job, (whole.width(), whole.height()))?;
    drop(whole);
    let enough = |side: u32| (f64::from(side) * HEADROOM).ceil() as u32;
    let target_resolution = Some((enough(target.0), enough(target.1)));
    let image = open(DecodeSettings { target_resolution, ..Default::default() })?;
    let from = (image.width(), image.height());

    let (colours, profile) = match image.color_space() {
        ColorSpace::Icc { profile, num_channels } => (*num_channels, Some(profile.clone())),
        other => (other.num_channels(), None),
    };
    let channels = usize::from(colours) + usize::from(image.has_alpha());
    let pixels = u64::from(from.0) * u64::from(from.1);
    let cost = job.source.len() + pixels * channels as u64 * BYTES_PER_SAMPLE;
    let mut canvas = Canvas::scaled(job, from, target, cost)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(fault)?;
    let picture = decoded.data_u8();
    let samples = match (colours, image.has_alpha()) {
        (1, false) => Samples::Grey,
        (1, true) => Samples::GreyAlpha,
        (3, false) => Samples::Rgb,
        (3, true) => Samples::Rgba,
        (4, _) => {
            let ink = CmykToSrgb::new(profile.as_deref());
            let mut row = vec![0; from.0 as usize * 3];
            for cmyk in picture.chunks_exact(from.0 as usize * channels) {
                let cmyk: Vec<u8> = cmyk.chunks_exact(channels).flat_map(|px| &px[..4]).copied().collect();
                ink.convert(&cmyk, &mut row);
                canvas.push(Samples::Rgb, &row);
            }
            return Ok(canvas.finish(None, None));
        }
        (n, _) => return Err(Fault::unsupported(format!("JPEG 2000 with {n} colour channels"))),
    };
    canvas.push(samples, &picture);
    Ok(canvas.finish(profile.as_deref(), None))
}

fn fault(e: DecodeError) -> Fault {
    let is_unsupported = matches!(
        e,
        DecodeError::Format(FormatError::Unsupported) | DecodeError::Marker(MarkerError::Unsupported)
    );
    if is_unsupported {
        Fault::unsupported("a kind of JPEG 2000 that Albumen does not decode").with_detail(e)
    } else {
        Fault::corrupt("its JPEG 2000 data are damaged").with_detail(e)
    }
}

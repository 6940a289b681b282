//! JPEG: libjpeg-turbo, row by row, shrunk while decoding; zune-jpeg for files that libjpeg-turbo refuses.
//!
//! Y, Cb and Cr are shrunk as they are coded (`planes`) if the file allows it; CMYK, RGB, odd samplings and
//! more than 8 bits go through rows of RGB.
//!
//! Promises: a baseline JPEG of any size takes a few rows of memory, and the file is never whole in memory; a
//! JPEG that keeps all its coefficients (progressive, or one scan per component) is admitted by its true
//! cost; damaged data is recovered as far as possible. The colour profile is left to `colour` and the
//! orientation to `pixels::orient`.

pub(super) mod lines;

use super::colour::Cicp;
use super::planes::{self, Band, Chroma, Crop, Plane, Shrinker};
use super::{colour, limits};
use crate::pixels::orient::{self, Orientation};
use crate::pixels::resize::{Reducer, bytes_of, shrink};
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Admission;
use albumen_formats::bytes::Reader;
use albumen_formats::jpeg::{Part, profile_parts};
use lines::{Header, Lines, Stop};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The scaled picture is at least this many times larger than the target. libjpeg's half size is the average
/// of two samples, which blurs and aliases detail just above its own limit; only Lanczos3 with enough left to
/// shrink hides that. SSIMULACRA2 against whole decode + Lanczos3, on the sharpest camera JPEG: 85 at 1.18,
/// 89 at 1.43, 91 at 1.57 (docs/performance.md).
const HEADROOM: f64 = 1.55;
/// Eighths of the full size for which libjpeg-turbo has SIMD code. The scales between cost as much as full
/// size and are worse: if chroma is subsampled in one direction only, 5/8 scores 81.
const SCALES: [u32; 3] = [1, 2, 4];
/// Longest file for the second decoder, which needs all of it in memory.
const SECOND_DECODER_FILE: u64 = 256 << 20;

/// The picture, upright, sRGB, of exactly `fit(upright size)` pixels. `profile` has the parts of the file's ICC
/// profile if they are known already; `untagged` is the profile of a file that contains none.
pub fn decode(
    source: &Source,
    profile: Option<&[Part]>,
    orientation: Orientation,
    untagged: Option<&[u8]>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let mut lines = Lines::open(source).map_err(stopped)?;
    let header = match lines.header() {
        Ok(header) => header,
        Err(Stop::Read(e)) => return Err(e.into()),
        Err(Stop::Refused(why)) => {
            drop(lines);
            return second_opinion(source, profile, orientation, untagged, fit, admission, why);
        }
    };
    let full = (header.width, header.height);
    check_length(full, source.len())?;
    limits::check_size(full, admission)?;
    let target = target_of(full, orientation, fit);
    let eighths = scale_for(full, target);
    let from = scaled(full, eighths);
    let others = header.library_bytes(eighths) + limits::finishing(target, orientation);
    let by_planes = others + Shrinker::cost(coded(from, PLAIN), target);
    // At full size there is nothing to shrink, and libjpeg's own upsampling is the fastest way to RGB. Rows
    // of RGB take half the memory of planes, and are used if planes would take more than a quarter of the
    // available memory.
    let planar = header.is_planar() && full != target && by_planes <= admission.ceiling() / 4;
    admission.admit(if planar { by_planes } else { others + Reducer::cost(from, target) })?;
    let own = own_profile(source, profile);
    let icc = own.as_deref().or(untagged);
    let shrunk = if planar {
        planes(&mut lines, eighths, target, icc)
    } else {
        rows(&mut lines, &header, eighths, target, icc)
    };
    let shrunk = match shrunk {
        Ok(shrunk) => shrunk,
        Err(Stop::Read(e)) => return Err(e.into()),
        Err(Stop::Refused(why)) => {
            drop(lines);
            return second_opinion(source, profile, orientation, untagged, fit, admission, why);
        }
    };
    Ok(orient::upright(shrunk, orientation))
}

/// The file's own ICC profile.
fn own_profile(source: &Source, parts: Option<&[Part]>) -> Option<Vec<u8>> {
    let found;
    let parts = match parts {
        Some(parts) => parts,
        None => {
            found = profile_parts(Reader::new(source).view());
            &found
        }
    };
    let bytes = parts.iter().map(|&(at, length)| source.slice(at, length as usize).ok());
    bytes.collect::<Option<Vec<_>>>().map(|bytes| bytes.concat()).filter(|profile| !profile.is_empty())
}

/// Refuses a false header: a picture of very many pixels in a file that could not contain a tenth of them in
/// one flat colour. Filling in the missing rows would take as long as decoding them.
fn check_length((width, height): (u32, u32), bytes: u64) -> Result<(), Fault> {
    /// Up to this many pixels even a false header costs little.
    const HARMLESS: u64 = 100_000_000;
    /// A block of 8 x 8 samples takes at least two bits, so a byte covers 256 pixels of luma.
    const PIXELS_A_BYTE: u64 = 256;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > HARMLESS && pixels / PIXELS_A_BYTE / 10 > bytes {
        return Err(Fault::corrupt(format!(
            "its header says {width} x {height} pixels, for which the file is far too short"
        )));
    }
    Ok(())
}

/// The target in the stored picture's own orientation.
fn target_of(full: (u32, u32), orientation: Orientation, fit: Fit<'_>) -> (u32, u32) {
    let upright = orientation.size(full);
    let (w, h) = fit(upright.0, upright.1);
    orientation.size((w.clamp(1, upright.0), h.clamp(1, upright.1)))
}

/// Eighths of the full size at which to decode: the minimum that leaves [`HEADROOM`] above the target.
pub fn scale_for(full: (u32, u32), target: (u32, u32)) -> u32 {
    let enough = |have: u32, want: u32| f64::from(have) >= f64::from(want) * HEADROOM;
    let fits = |eighths: &u32| {
        let (w, h) = scaled(full, *eighths);
        enough(w, target.0) && enough(h, target.1)
    };
    SCALES.into_iter().find(fits).unwrap_or(8)
}

/// libjpeg's scaled size: rounded up.
fn scaled((w, h): (u32, u32), eighths: u32) -> (u32, u32) {
    let side = |n: u32| (u64::from(n) * u64::from(eighths)).div_ceil(8) as u32;
    (side(w), side(h))
}

/// Chroma without subsampling: the most expensive case.
const PLAIN: Chroma = Chroma::C444;

/// The coding of a JPEG's samples: by JFIF, BT.601 and all 256 values.
fn coded((width, height): (u32, u32), chroma: Chroma) -> planes::Format {
    planes::Format { width, height, chroma, depth: 8 }
}

/// Reads all planes through the shrinker: chroma is never upsampled to full size, and only the small picture
/// is converted to RGB. `Err` only if nothing was recovered.
fn planes(lines: &mut Lines, eighths: u32, target: (u32, u32), icc: Option<&[u8]>) -> Result<Pixels, Stop> {
    let shapes = lines.start_planes(eighths)?;
    let [luma, chroma, _] = shapes;
    let format = match chroma.width {
        0 => coded((luma.width, luma.height), Chroma::Monochrome),
        _ => {
            let (log2_across, log2_down) = (chroma.across.ilog2() as u8, chroma.down.ilog2() as u8);
            coded((luma.width, luma.height), Chroma::Shared { log2_across, log2_down })
        }
    };
    let crop = Crop { x: 0, y: 0, width: luma.width, height: luma.height };
    let mut shrinker = Shrinker::new(format, crop, target, Cicp::SRGB);
    let (mut taken, mut fatal) = (0, None);
    while taken < luma.height {
        match lines.read_planes() {
            Ok(None) => break,
            Ok(Some((group, rows))) => {
                let plane = |i: usize| Plane { data: group[i], stride: shapes[i].stride as usize };
                shrinker.push(&Band { planes: [plane(0), plane(1), plane(2)], alpha: None, rows });
                taken += rows;
            }
            // The part before the error is kept.
            Err(Stop::Refused(why)) if taken > 0 => {
                fatal = Some(why.into_reason());
                break;
            }
            Err(stop) => return Err(stop),
        }
    }
    let damaged = ended(lines, fatal)?;
    Ok(Pixels { damaged, ..shrinker.finish(icc, Orientation::UPRIGHT) })
}

/// The damage of a picture that was read; `Err` if all of it was lost.
fn ended(lines: &mut Lines, fatal: Option<String>) -> Result<Option<String>, Stop> {
    let damage = lines.damage();
    if let Some(e) = lines.read_error() {
        return Err(Stop::Read(e));
    }
    if lines.is_empty() {
        return Err(Stop::Refused(Fault::corrupt("the file ends before the picture begins")));
    }
    Ok(fatal.or_else(|| damage.map(str::to_owned)))
}

/// Reads all rows through the reducer. `Err` only if nothing was recovered.
fn rows(
    lines: &mut Lines,
    header: &Header,
    eighths: u32,
    target: (u32, u32),
    profile: Option<&[u8]>,
) -> Result<Pixels, Stop> {
    let cmyk = header.is_cmyk();
    let from = lines.start(eighths, cmyk)?;
    let mut reducer = Reducer::new(from, target);
    let mut fatal = None;
    let mut inks =
        cmyk.then(|| Inks { to_srgb: colour::CmykToSrgb::new(profile), width: from.0, rows: Vec::new() });
    while !reducer.space().is_empty() {
        let read = match &mut inks {
            Some(inks) => inks.read(lines, reducer.space()),
            None => lines.read(reducer.space()),
        };
        match read {
            Ok(0) => break,
            Ok(n) => reducer.advance(n),
            // The part before the error is kept.
            Err(Stop::Refused(why)) if reducer.taken() > 0 => {
                fatal = Some(why.into_reason());
                break;
            }
            Err(stop) => return Err(stop),
        }
    }
    let damaged = ended(lines, fatal)?;
    let mut rgb = reducer.finish();
    if let (false, Some(profile)) = (cmyk, profile) {
        colour::to_srgb_rgb8(&mut rgb, profile);
    }
    Ok(Pixels { width: target.0, height: target.1, rgb, damaged })
}

/// Converts CMYK rows to RGB before shrinking: inks do not mix by averaging code values.
struct Inks {
    to_srgb: colour::CmykToSrgb,
    width: u32,
    rows: Vec<u8>,
}

impl Inks {
    /// As many rows as fit into `rgb`.
    fn read(&mut self, lines: &mut Lines, rgb: &mut [u8]) -> Result<u32, Stop> {
        self.rows.resize(rgb.len() / 3 * 4, 0);
        let n = lines.read(&mut self.rows)?;
        let cmyk = &mut self.rows[..n as usize * self.width as usize * 4];
        // Adobe's convention, which all writers of CMYK JPEGs follow: 255 means 0 % ink.
        cmyk.iter_mut().for_each(|v| *v = 255 - *v);
        self.to_srgb.convert(cmyk, rgb);
        Ok(n)
    }
}

pub(super) fn stopped(stop: Stop) -> Fault {
    match stop {
        Stop::Read(e) => e.into(),
        Stop::Refused(why) => why,
    }
}

/// Decodes with zune-jpeg, whole, what libjpeg-turbo refuses. `refused` is the fault by libjpeg, which is returned
/// if this fails too.
fn second_opinion(
    source: &Source,
    profile: Option<&[Part]>,
    orientation: Orientation,
    untagged: Option<&[u8]>,
    fit: Fit<'_>,
    admission: &dyn Admission,
    refused: Fault,
) -> Result<Pixels, Fault> {
    admission.admit(source.len())?;
    let bytes = source.read_all(SECOND_DECODER_FILE)?;
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB).set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes), options);
    decoder.decode_headers().map_err(|_| refused.clone())?;
    let info = decoder.info().ok_or_else(|| refused.clone())?;
    let full = (u32::from(info.width), u32::from(info.height));
    if full.0 == 0 || full.1 == 0 {
        return Err(refused);
    }
    let target = target_of(full, orientation, fit);
    // It stores 16-bit coefficients of every component in addition to the picture.
    let samples = u64::from(full.0) * u64::from(full.1) * u64::from(info.components.max(3));
    admission.admit(source.len() + 3 * samples + limits::finishing(target, orientation))?;
    let rgb = decoder.decode().map_err(|_| refused.clone())?;
    if rgb.len() != bytes_of(full) {
        return Err(refused);
    }
    let mut rgb = shrink(&rgb, full, target);
    let own = own_profile(source, profile);
    if let Some(profile) = own.as_deref().or(untagged) {
        colour::to_srgb_rgb8(&mut rgb, profile);
    }
    let damaged = matches!(refused, Fault::Corrupt { .. }).then(|| refused.into_reason());
    let pixels = Pixels { width: target.0, height: target.1, rgb, damaged };
    Ok(orient::upright(pixels, orientation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scales_are_those_that_were_measured() {
        // 12 megapixels to the ladder's 1280: half size is 1.17 times the target, which shows.
        assert_eq!(scale_for((4000, 3000), (1707, 1280)), 8);
        assert_eq!(scale_for((6000, 4000), (1920, 1280)), 4);
        assert_eq!(scale_for((8064, 6048), (1707, 1280)), 4);
        assert_eq!(scale_for((12_000, 8000), (1920, 1280)), 2);
        assert_eq!(scale_for((640, 480), (640, 480)), 8);
    }

    proptest! {
        #[test]
        fn never_smaller_than_the_target(w in 1u32..65_501, h in 1u32..65_501, part in 1u32..1000) {
            let target = ((w * part / 1000).max(1), (h * part / 1000).max(1));
            let (sw, sh) = scaled((w, h), scale_for((w, h), target));
            prop_assert!(sw >= target.0 && sh >= target.1);
        }
    }
}

//! PNG, by the png crate: read row by row; an interlaced one is kept whole. Of an APNG the default picture.
//!
//! Colours by the first of cICP, iCCP, sRGB, and cHRM with gAMA together. A gAMA alone is ignored, as in
//! Pillow, libvips and most viewers: only test pictures have one that matters (docs/formats.md).

use super::Job;
use super::canvas::{Canvas, Samples};
use crate::decode::colour::{self, Cicp};
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve, XyY};
use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Info, Limits, Transformations};
use std::io::BufReader;

/// Input buffer; includes the inflater's and two rows' memory.
const BUFFER_BYTES: usize = 64 << 10;
/// What the png crate may allocate for chunks other than the picture: profiles, texts.
const CHUNK_BYTES: usize = 16 << 20;

type Reader = png::Reader<BufReader<albumen_core::source::SourceCursor>>;

pub(super) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    match attempt(job, false) {
        // A wrong checksum means that something is damaged, not everything.
        Err(fault @ Fault::Corrupt { .. }) => attempt(job, true).map(|mut pixels| {
            pixels.damaged.get_or_insert_with(|| fault.into_reason());
            pixels
        }),
        other => other,
    }
}

fn attempt(job: &Job<'_>, ignore_checksums: bool) -> Result<Pixels, Fault> {
    let mut options = DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_checksums(ignore_checksums);
    let input = BufReader::with_capacity(BUFFER_BYTES, job.source.cursor());
    let mut decoder = Decoder::new_with_options(input, options);
    decoder.set_limits(Limits { bytes: CHUNK_BYTES });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(fault)?;
    let info = reader.info();
    let full = (info.width, info.height);
    let interlaced = info.interlaced;
    let hdr = code_points(info).filter(|c| c.needs_conversion());
    let profile = if hdr.is_some() { None } else { profile(info) };
    let says_srgb = info.srgb.is_some() || code_points(info).is_some();
    let (colour, depth) = reader.output_color_type();
    let samples = match colour {
        ColorType::Grayscale => Samples::Grey,
        ColorType::GrayscaleAlpha => Samples::GreyAlpha,
        ColorType::Rgb => Samples::Rgb,
        ColorType::Rgba => Samples::Rgba,
        // EXPAND removes palettes.
        ColorType::Indexed => return Err(Fault::corrupt("its palette is missing")),
    };
    let deep = depth == BitDepth::Sixteen;
    let whole = u64::from(full.0) * u64::from(full.1);
    let line = u64::from(full.0) * samples.count() as u64 * if deep { 2 } else { 1 };
    let rows_cost = BUFFER_BYTES as u64 * 3 + 4 * line;

    if let (Some(code_points), false) = (hdr, interlaced) {
        // Tone mapping needs the whole picture in 16 bits.
        let mut canvas = Canvas::new(job, full, rows_cost + whole * (6 + 3))?;
        let mut wide = Vec::with_capacity(whole as usize * 3);
        let damaged = each_row(&mut reader, |row| {
            let narrow_or_wide =
                if deep { widen16(row) } else { row.iter().map(|&v| u16::from(v) * 257).collect() };
            wide.extend(rgb16(samples, &narrow_or_wide));
        });
        if wide.is_empty() {
            return Err(damaged.unwrap_or_else(cut_off));
        }
        canvas.push(Samples::Rgb, &colour::cicp_to_srgb_rgb8(&wide, code_points));
        return Ok(canvas.finish(None, damaged.map(Fault::into_reason)));
    }

    let mut narrow = Vec::new();
    let mut canvas;
    let damaged;
    if interlaced {
        let row_bytes = full.0 as usize * samples.count();
        canvas = Canvas::new(job, full, rows_cost + whole * samples.count() as u64)?;
        let mut picture = vec![0; row_bytes * full.1 as usize];
        damaged = deinterlace(&mut reader, &mut picture, row_bytes, samples.count(), deep)?;
        canvas.push(samples, &picture);
    } else {
        canvas = Canvas::new(job, full, rows_cost)?;
        damaged = each_row(&mut reader, |row| {
            if deep {
                narrow.clear();
                narrow.extend(row.as_chunks::<2>().0.iter().map(|v| narrow8(*v)));
                canvas.push(samples, &narrow);
            } else {
                canvas.push(samples, row);
            }
        });
        if canvas.is_empty() {
            return Err(damaged.unwrap_or_else(cut_off));
        }
    }
    // An sRGB chunk is equivalent to a profile.
    let untagged = job.untagged.filter(|_| !says_srgb);
    Ok(canvas.finish(profile.as_deref().or(untagged), damaged.map(Fault::into_reason)))
}

/// All readable rows, and the reason why there are no more.
fn each_row(reader: &mut Reader, mut take: impl FnMut(&[u8])) -> Option<Fault> {
    loop {
        match reader.next_row() {
            Ok(Some(row)) => take(row.data()),
            Ok(None) => return None,
            Err(e) => return Some(fault(e)),
        }
    }
}

/// Adam7: fills each pass's pixels as blocks first, so that a truncated file is coarse rather than empty.
fn deinterlace(
    reader: &mut Reader,
    picture: &mut [u8],
    row_bytes: usize,
    samples: usize,
    deep: bool,
) -> Result<Option<Fault>, Fault> {
    let mut narrow = Vec::new();
    let mut any = false;
    loop {
        match reader.next_interlaced_row() {
            Ok(None) => return Ok(None),
            Ok(Some(row)) => {
                let data = if deep {
                    narrow.clear();
                    narrow.extend(row.data().as_chunks::<2>().0.iter().map(|v| narrow8(*v)));
                    &narrow[..]
                } else {
                    row.data()
                };
                any = true;
                if let png::InterlaceInfo::Adam7(info) = row.interlace() {
                    png::expand_interlaced_row(picture, row_bytes, data, info, (samples * 8) as u8);
                }
            }
            Err(e) if any => return Ok(Some(fault(e))),
            Err(e) => return Err(fault(e)),
        }
    }
}

/// 16 bits to 8, rounded.
fn narrow8(v: [u8; 2]) -> u8 {
    ((u32::from(u16::from_be_bytes(v)) * 255 + 32_895) >> 16) as u8
}

fn widen16(row: &[u8]) -> Vec<u16> {
    row.as_chunks::<2>().0.iter().map(|v| u16::from_be_bytes(*v)).collect()
}

/// A row of 16-bit samples to RGB, alpha over white.
fn rgb16(samples: Samples, row: &[u16]) -> Vec<u16> {
    let over = |v: u16, a: u16| {
        let (v, a) = (u64::from(v), u64::from(a));
        ((v * a + 65_535 * (65_535 - a)) / 65_535) as u16
    };
    match samples {
        Samples::Grey => row.iter().flat_map(|&v| [v; 3]).collect(),
        Samples::GreyAlpha => row.as_chunks::<2>().0.iter().flat_map(|&[v, a]| [over(v, a); 3]).collect(),
        Samples::Rgb => row.to_vec(),
        Samples::Rgba | Samples::RgbaPremultiplied => row
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[r, g, b, a]| [over(r, a), over(g, a), over(b, a)])
            .collect(),
    }
}

fn code_points(info: &Info<'_>) -> Option<Cicp> {
    let c = info.coding_independent_code_points?;
    Some(Cicp {
        primaries: c.color_primaries,
        transfer: c.transfer_function,
        matrix: 0,
        full_range: c.is_video_full_range_image,
    })
}

/// The ICC profile of the file, or one made of cHRM and gAMA.
fn profile(info: &Info<'_>) -> Option<Vec<u8>> {
    if info.coding_independent_code_points.is_some() {
        return None;
    }
    if let Some(icc) = &info.icc_profile {
        return Some(icc.to_vec());
    }
    if info.srgb.is_some() {
        return None;
    }
    let chroma = info.chrm_chunk?;
    let gamma = info.gama_chunk?.into_value();
    if !(0.1..=10.0).contains(&gamma) {
        return None;
    }
    let at = |(x, y): (png::ScaledFloat, png::ScaledFloat)| Chromaticity::new(x.into_value(), y.into_value());
    let mut profile = ColorProfile::new_srgb();
    let white = at(chroma.white);
    let white = XyY { x: f64::from(white.x), y: f64::from(white.y), yb: 1.0 };
    let primaries = ColorPrimaries { red: at(chroma.red), green: at(chroma.green), blue: at(chroma.blue) };
    profile.update_rgb_colorimetry(white, primaries);
    let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile.encode().ok()
}

/// There are no rows, and no reason why.
fn cut_off() -> Fault {
    Fault::corrupt("the file ends before the picture begins")
}

fn fault(e: DecodingError) -> Fault {
    match e {
        DecodingError::IoError(e) => e.into(),
        DecodingError::LimitsExceeded => Fault::corrupt("one of its chunks is absurdly large"),
        other => Fault::corrupt("its PNG data are damaged").with_detail(other),
    }
}

//! Photoshop documents by their merged picture, which the program writes beside the layers for other readers.
//!
//! Promises: read row by row, each channel from its own position; raw and PackBits. If no merged picture was
//! saved, the thumbnail is shown and the picture is marked as damaged: it differs from the document.

use super::colour::CmykToSrgb;
use super::raster::Job;
use super::raster::canvas::{Canvas, Samples};
use super::raster::tiff::lab_to_srgb;
use super::{jpeg, limits};
use crate::pixels::Pixels;
use crate::pixels::orient::Orientation;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_formats::bytes::Reader;
use albumen_formats::psd::Document;

/// Image resources: a JPEG thumbnail, whether the merged picture is one, and the profile.
const THUMBNAIL: u16 = 1036;
const VERSION: u16 = 1057;
const PROFILE: u16 = 1039;
/// The longest profile that is read.
const MAX_PROFILE: usize = 16 << 20;
/// The most channels that the format allows.
const MAX_CHANNELS: u16 = 56;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Bitmap,
    Grey,
    Indexed,
    Rgb,
    Cmyk,
    Lab,
}

pub(super) fn decode(job: &Job<'_>) -> Result<Pixels, Fault> {
    // The cameras' orientation is that of the original picture, not of the document.
    let job = &Job { orientation: Orientation::UPRIGHT, ..*job };
    let reader = Reader::new(job.source);
    let document = Document::open(reader.view()).ok_or_else(|| Fault::corrupt("its header is not whole"))?;
    let full = limits::check_size((document.width, document.height), job.admission)?;
    // Version, then whether there is a merged picture.
    let is_merged = document.resource(VERSION).and_then(|v| v.u8(4)) != Some(0);
    if !is_merged {
        return thumbnail(job, &document);
    }
    let mode = match document.mode {
        0 => Mode::Bitmap,
        // Multichannel pictures and duotones are shown as grey, by their first channel.
        1 | 7 | 8 => Mode::Grey,
        2 => Mode::Indexed,
        3 => Mode::Rgb,
        4 => Mode::Cmyk,
        9 => Mode::Lab,
        other => return Err(Fault::unsupported(format!("a Photoshop document of colour mode {other}"))),
    };
    let colours = match mode {
        Mode::Rgb | Mode::Lab => 3,
        Mode::Cmyk => 4,
        _ => 1,
    };
    if !matches!(document.depth, 1 | 8 | 16 | 32)
        || document.channels < colours
        || document.channels > MAX_CHANNELS
    {
        return Err(Fault::corrupt("its header names an impossible number of channels or bits"));
    }
    let rows = Rows::open(job.source, &document)?;
    let line = u64::from(full.0);
    let mut canvas = Canvas::new(job, full, line * 4 * 8 + rows.table_bytes())?;
    let profile = document.resource(PROFILE).map(|v| v.head(MAX_PROFILE));
    let inks = (mode == Mode::Cmyk).then(|| CmykToSrgb::new(profile.as_deref()));
    let palette = document.palette.head(768);
    let mut planes = vec![vec![0u8; full.0 as usize]; usize::from(colours)];
    let mut out = Vec::with_capacity(full.0 as usize * 4);
    let mut damaged = None;
    for y in 0..full.1 {
        let read = planes
            .iter_mut()
            .enumerate()
            .try_for_each(|(channel, plane)| rows.read(channel as u64, y, plane));
        if let Err(fault) = read {
            if y == 0 {
                return Err(fault);
            }
            damaged = Some("the file ends before the picture does".to_owned());
            break;
        }
        out.clear();
        let samples = match mode {
            Mode::Bitmap => {
                out.extend(planes[0].iter().map(|v| 255 - v));
                Samples::Grey
            }
            Mode::Grey => {
                out.extend_from_slice(&planes[0]);
                Samples::Grey
            }
            Mode::Indexed => {
                let colour = |i: usize| [0, 256, 512].map(|at| palette.get(at + i).copied().unwrap_or(0));
                out.extend(planes[0].iter().flat_map(|v| colour(usize::from(*v))));
                Samples::Rgb
            }
            Mode::Rgb => {
                let [r, g, b] = [&planes[0], &planes[1], &planes[2]];
                out.extend(r.iter().zip(g).zip(b).flat_map(|((r, g), b)| [*r, *g, *b]));
                Samples::Rgb
            }
            Mode::Cmyk => {
                // Adobe's convention: 255 means 0 % ink.
                let cmyk: Vec<u8> = (0..full.0 as usize)
                    .flat_map(|x| [0, 1, 2, 3].map(|i: usize| 255 - planes[i][x]))
                    .collect();
                out.resize(full.0 as usize * 3, 0);
                if let Some(inks) = &inks {
                    inks.convert(&cmyk, &mut out);
                }
                Samples::Rgb
            }
            Mode::Lab => {
                let [l, a, b] = [&planes[0], &planes[1], &planes[2]];
                out.extend(l.iter().zip(a).zip(b).flat_map(|((l, a), b)| lab_to_srgb(*l, *a, *b)));
                Samples::Rgb
            }
        };
        canvas.push(samples, &out);
    }
    let profile = match mode {
        Mode::Rgb | Mode::Indexed => profile.as_deref().or(job.untagged),
        Mode::Grey => profile.as_deref(),
        _ => None,
    };
    Ok(canvas.finish(profile, damaged))
}

/// The thumbnail of a document that was saved without a merged picture.
fn thumbnail(job: &Job<'_>, document: &Document<'_>) -> Result<Pixels, Fault> {
    /// Fields before the JPEG.
    const HEADER: u64 = 28;
    let none = || {
        Fault::unsupported("this Photoshop document was saved without the picture that other programs show")
    };
    let resource = document.resource(THUMBNAIL).ok_or_else(none)?;
    let jpeg = resource.from(HEADER);
    let part = job.source.part(jpeg.base(), jpeg.len());
    let mut pixels = jpeg::decode(&part, None, job.orientation, job.untagged, job.fit, job.admission)?;
    pixels
        .damaged
        .get_or_insert_with(|| "it was saved without its merged picture, and its thumbnail is shown".into());
    Ok(pixels)
}

/// Rows of the merged picture's channels, which are stored one after the other.
struct Rows<'a> {
    source: &'a Source,
    /// Position of the first row of the first channel.
    at: u64,
    width: u32,
    height: u32,
    depth: u16,
    /// The start of each row of each channel, and the end of the last; empty for unpacked rows.
    places: Vec<u64>,
}

impl<'a> Rows<'a> {
    fn open(source: &'a Source, document: &Document<'_>) -> Result<Rows<'a>, Fault> {
        /// The rows of all channels of the largest document.
        const MAX_ROWS: u64 = 300_000 * MAX_CHANNELS as u64;
        let merged = document.merged;
        let mut rows = Rows {
            source,
            at: merged.base() + 2,
            width: document.width,
            height: document.height,
            depth: document.depth,
            places: Vec::new(),
        };
        match merged.be16(0).ok_or_else(|| Fault::corrupt("the file ends before the picture begins"))? {
            0 => {}
            1 => {
                let size = if document.is_large { 4 } else { 2 };
                let count = u64::from(document.height) * u64::from(document.channels);
                if count > MAX_ROWS {
                    return Err(Fault::corrupt("its header names an impossible number of rows"));
                }
                let lengths = source.slice(rows.at, count as usize * size)?;
                let mut at = rows.at + lengths.len() as u64;
                rows.places.reserve(count as usize + 1);
                rows.places.push(at);
                for length in lengths.chunks_exact(size) {
                    at += length.iter().fold(0u64, |v, b| v << 8 | u64::from(*b));
                    rows.places.push(at);
                }
            }
            other => {
                return Err(Fault::unsupported(format!("a Photoshop document packed by method {other}")));
            }
        }
        Ok(rows)
    }

    /// The bytes of the position table.
    fn table_bytes(&self) -> u64 {
        self.places.len() as u64 * 8
    }

    fn row_bytes(&self) -> usize {
        (self.width as usize * usize::from(self.depth)).div_ceil(8)
    }

    /// One row of a channel, one byte per pixel.
    fn read(&self, channel: u64, y: u32, out: &mut [u8]) -> Result<(), Fault> {
        let length = self.row_bytes();
        let row = channel * u64::from(self.height) + u64::from(y);
        let raw = match self.places.get(row as usize..row as usize + 2) {
            Some(&[from, to]) => unpacked(&self.source.slice(from, (to - from) as usize)?, length),
            _ => self.source.slice(self.at + row * length as u64, length)?,
        };
        match self.depth {
            1 => out
                .iter_mut()
                .enumerate()
                .for_each(|(x, o)| *o = if raw[x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 }),
            8 => out.copy_from_slice(&raw[..out.len()]),
            16 => out.iter_mut().zip(raw.as_chunks::<2>().0).for_each(|(o, v)| {
                *o = super::colour::to_8_bits(u16::from_be_bytes(*v));
            }),
            // Linear light from 0 to 1.
            _ => out.iter_mut().zip(raw.as_chunks::<4>().0).for_each(|(o, v)| {
                let v = f32::from_be_bytes(*v).clamp(0.0, 1.0);
                let code = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
                *o = (code * 255.0 + 0.5) as u8;
            }),
        }
        Ok(())
    }
}

/// PackBits; missing samples are zeros.
fn unpacked(mut packed: &[u8], length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length);
    while out.len() < length {
        let Some((&n, rest)) = packed.split_first() else { break };
        packed = rest;
        match n as i8 {
            -128 => {}
            n @ 0.. => {
                let taken = (n as usize + 1).min(packed.len());
                out.extend_from_slice(&packed[..taken]);
                packed = &packed[taken..];
            }
            n => {
                let Some((&value, rest)) = packed.split_first() else { break };
                packed = rest;
                out.extend(std::iter::repeat_n(value, 1 + usize::from(n.unsigned_abs())));
            }
        }
    }
    out.resize(length, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_core::vocabulary::FixedAdmission;
    use proptest::prelude::*;

    /// A document of 3 x 2 pixels whose first is of these samples, and all others 0.
    fn document(mode: u16, depth: u16, first: &[&[u8]], packed: bool) -> Vec<u8> {
        let channels = first.len() as u16;
        let mut out =
            [b"8BPS\0\x01\0\0\0\0\0\0", &channels.to_be_bytes()[..], &[0, 0, 0, 2, 0, 0, 0, 3]].concat();
        out.extend([depth.to_be_bytes(), mode.to_be_bytes()].concat());
        out.extend([0; 12]);
        out.extend(u16::from(packed).to_be_bytes());
        let row = (3 * usize::from(depth)).div_ceil(8);
        let rows: Vec<Vec<u8>> = first
            .iter()
            .flat_map(|first| {
                let mut top = first.to_vec();
                top.resize(row, 0);
                [top, vec![0; row]]
            })
            .map(|row| if packed { [&[row.len() as u8 - 1], &row[..]].concat() } else { row })
            .collect();
        if packed {
            rows.iter().for_each(|row| out.extend((row.len() as u16).to_be_bytes()));
        }
        out.extend(rows.concat());
        out
    }

    fn first_pixel(bytes: Vec<u8>) -> [u8; 3] {
        let job = Job {
            source: &Source::from_bytes(bytes),
            orientation: Orientation::UPRIGHT,
            untagged: None,
            fit: &|w, h| (w, h),
            admission: &FixedAdmission(1 << 20),
        };
        let pixels = decode(&job).unwrap();
        assert_eq!((pixels.width, pixels.height, pixels.damaged), (3, 2, None));
        [pixels.rgb[0], pixels.rgb[1], pixels.rgb[2]]
    }

    #[test]
    fn merged_pictures_of_all_modes_and_depths() {
        for packed in [false, true] {
            assert_eq!(first_pixel(document(3, 8, &[&[200], &[100], &[50]], packed)), [200, 100, 50]);
            assert_eq!(
                first_pixel(document(3, 16, &[&[200, 200], &[100, 100], &[50, 50]], packed)),
                [200, 100, 50]
            );
            assert_eq!(first_pixel(document(1, 8, &[&[77]], packed)), [77; 3]);
            assert_eq!(first_pixel(document(0, 1, &[&[0x80]], packed)), [0; 3]);
            // No ink at all.
            assert_eq!(first_pixel(document(4, 8, &[&[255], &[255], &[255], &[255]], packed)), [255; 3]);
            let [r, g, b] = first_pixel(document(9, 8, &[&[255], &[128], &[128]], packed));
            assert!(r > 252 && g > 252 && b > 252, "{r} {g} {b}");
            let one = 1f32.to_be_bytes();
            assert_eq!(first_pixel(document(3, 32, &[&one, &one, &[0; 4]], packed)), [255, 255, 0]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..60, value: u8) {
            let mut file = [&document(3, 8, &[&[1], &[2], &[3]], true)[..40], &bytes].concat();
            let at = at.min(file.len() - 1);
            file[at] = value;
            let source = Source::from_bytes(file);
            let job = Job {
                source: &source,
                orientation: Orientation::UPRIGHT,
                untagged: None,
                fit: &|w, h| (w.min(8), h.min(8)),
                admission: &FixedAdmission(1 << 20),
            };
            let _ = decode(&job);
            unpacked(&bytes, 100);
        }
    }
}

//! The JPEG compression of TIFF 6.0 that was withdrawn in 1995. A file contains a whole JPEG, or only its
//! parts in separate places: tables, and strips of coded samples. The parts are joined to one JPEG.
//!
//! Promises: nothing longer than the file is read; a JPEG that cannot be joined is reported as unsupported.

use super::layout::{Layout, Photometric};
use super::reason;
use crate::decode::jpeg;
use crate::decode::raster::Job;
use crate::pixels::Pixels;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_formats::bytes::Reader;
use albumen_formats::jpeg::segments::{self, Damage, marker};
use albumen_formats::tiff::{Ifd, Tiff, tag};

/// The longest joined JPEG; scans of whole pages have some MB.
const LONGEST: u64 = 256 << 20;
/// The longest header before the samples: four tables of each kind and some comments.
const LONGEST_HEADER: usize = 64 << 10;

/// The JPEG tags of the first page.
#[derive(Debug, Default)]
pub(super) struct OldJpeg {
    /// A whole JPEG, or the header of one.
    interchange: Option<(u64, u64)>,
    restart_interval: u32,
    /// The positions of each component's tables.
    quantisation: Vec<u32>,
    dc: Vec<u32>,
    ac: Vec<u32>,
    /// Luma samples per chroma sample, across and down.
    subsampling: (u32, u32),
}

impl OldJpeg {
    pub(super) fn read(tiff: &Tiff<'_>, ifd: &Ifd) -> OldJpeg {
        let number = |tag: u16| ifd.find(tag).and_then(|e| tiff.uint(e));
        let places = |tag: u16| ifd.find(tag).map(|e| tiff.uints(e, 4)).unwrap_or_default();
        let factor = |i| ifd.find(tag::SUBSAMPLING).and_then(|e| tiff.uint_at(e, i)).unwrap_or(2).clamp(1, 4);
        OldJpeg {
            interchange: number(tag::JPEG_OFFSET)
                .map(|at| (u64::from(at), number(tag::JPEG_LENGTH).map_or(u64::MAX, u64::from))),
            restart_interval: number(tag::JPEG_RESTART_INTERVAL).unwrap_or(0),
            quantisation: places(tag::JPEG_QUANTISATION_TABLES),
            dc: places(tag::JPEG_DC_TABLES),
            ac: places(tag::JPEG_AC_TABLES),
            subsampling: (factor(0), factor(1)),
        }
    }
}

pub(super) fn decode(job: &Job<'_>, layout: &Layout) -> Result<Pixels, Fault> {
    let whole = layout.old_jpeg.interchange.map(|(at, length)| job.source.part(at, length));
    if let Some(jpeg) = whole
        && let Some(header) = Header::read(&jpeg.head(LONGEST_HEADER)?)
        && header.frame.is_some()
        && header.scan.is_some()
        && jpeg.len() > header.length as u64
    {
        return jpeg::decode(&jpeg, None, job.orientation, job.untagged, job.fit, job.admission);
    }
    let bytes: u64 = layout.places.iter().map(|(_, length)| (*length).min(job.source.len())).sum();
    if bytes > LONGEST {
        return Err(Fault::unsupported("TIFF with old JPEG strips of more than 256 MB"));
    }
    job.admission.admit(bytes)?;
    let jpeg = Source::from_bytes(put_together(job.source, layout)?);
    jpeg::decode(&jpeg, None, job.orientation, job.untagged, job.fit, job.admission).map_err(|e| match e {
        Fault::Corrupt { .. } => Fault::corrupt(format!("the JPEG in its strips: {}", reason(e))),
        other => other,
    })
}

/// The segments before the samples.
#[derive(Default)]
struct Header {
    /// Quantisation and Huffman tables, unchanged.
    tables: Vec<u8>,
    /// The frame's and the scan's own bytes.
    frame: Option<Vec<u8>>,
    scan: Option<Vec<u8>>,
    restart_interval: Option<u32>,
    /// Bytes up to the samples.
    length: usize,
}

impl Header {
    /// `None` if there are no segments here.
    fn read(bytes: &[u8]) -> Option<Header> {
        let reader = Reader::from_bytes(bytes.to_vec());
        let is_begun = bytes.starts_with(&[0xFF, marker::START]);
        let mut header = Header { length: if is_begun { 2 } else { 0 }, ..Header::default() };
        for segment in segments::before_scan(reader.view(), Damage::Ends).take_while(|s| s.is_whole) {
            let body = segment.body.head(LONGEST_HEADER);
            header.length = segment.end as usize;
            match segment.marker {
                code @ (marker::QUANTISATION_TABLES | marker::HUFFMAN_TABLES) => {
                    header.tables.extend(write_segment(code, &body));
                }
                marker::BASELINE | marker::EXTENDED => header.frame = Some(body),
                marker::RESTART_INTERVAL => {
                    header.restart_interval =
                        body.first_chunk::<2>().map(|b| u32::from(u16::from_be_bytes(*b)));
                }
                marker::SCAN => header.scan = Some(body),
                _ => {}
            }
        }
        (header.length > 0).then_some(header)
    }
}

/// A segment: its marker, its length and its bytes.
fn write_segment(code: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 2) as u16;
    [&[0xFF, code], &length.to_be_bytes()[..], body].concat()
}

fn put_together(source: &Source, layout: &Layout) -> Result<Vec<u8>, Fault> {
    let unsupported = |what: &str| Fault::unsupported(format!("TIFF with the JPEG of before 1995, {what}"));
    let old = &layout.old_jpeg;
    let strip =
        |&(at, length): &(u64, u64)| source.slice(at, length.min(source.len().saturating_sub(at)) as usize);
    let first = layout.places.first().ok_or_else(|| unsupported("without strips"))?;
    let mut first = strip(first)?;
    // The header may continue at the start of the first strip.
    let mut header = Header::default();
    if let Some((at, length)) = old.interchange {
        header = Header::read(&source.part(at, length).head(LONGEST_HEADER)?).unwrap_or_default();
    }
    if let Some(more) = Header::read(&first) {
        header.tables.extend(more.tables);
        header.frame = more.frame.or(header.frame);
        header.scan = more.scan.or(header.scan);
        header.restart_interval = more.restart_interval.or(header.restart_interval);
        first.drain(..more.length);
    }
    if header.tables.is_empty() {
        header.tables = tables_of(source, old).ok_or_else(|| unsupported("without its tables"))?;
    }

    let components = if layout.stored >= 3 { 3 } else { 1 };
    let (across, down) = if components == 3 { old.subsampling } else { (1, 1) };
    let frame = match header.frame {
        // Its size may be that of a strip.
        Some(mut frame) if frame.len() >= 9 => {
            frame[1..3].copy_from_slice(&side(layout.height)?);
            frame[3..5].copy_from_slice(&side(layout.width)?);
            frame
        }
        _ => {
            let (height, width) = (side(layout.height)?, side(layout.width)?);
            let mut frame = [&[8][..], &height, &width, &[components]].concat();
            for i in 0..components {
                let factors = if i == 0 { across << 4 | down } else { 0x11 };
                frame.extend([name(layout, i), factors as u8, i]);
            }
            frame
        }
    };
    let scan = header.scan.unwrap_or_else(|| {
        let mut scan = vec![components];
        (0..components).for_each(|i| scan.extend([name(layout, i), i << 4 | i]));
        scan.extend([0, 63, 0]);
        scan
    });
    // Luma samples of the largest component in a unit of 8 x 8 blocks.
    let factors = frame.get(7).copied().unwrap_or(0x11);
    let unit = (8 * u32::from(factors >> 4).clamp(1, 4), 8 * u32::from(factors & 15).clamp(1, 4));
    let units = |size: (u32, u32)| (size.0.div_ceil(unit.0), size.1.div_ceil(unit.1));
    let chunk = units((layout.chunk_width, layout.chunk_height));
    let many = layout.places.len() > 1;
    if layout.tiled && (many || chunk != units((layout.width, layout.height))) {
        return Err(unsupported("in tiles"));
    }
    // Each strip is coded separately, like parts between restarts.
    let stated = header.restart_interval.unwrap_or(old.restart_interval);
    let interval = if many && stated == 0 { chunk.0 * chunk.1 } else { stated };
    let interval = u16::try_from(interval).map_err(|_| unsupported("in strips of too many pixels"))?;

    let mut jpeg = vec![0xFF, marker::START];
    jpeg.extend(header.tables);
    jpeg.extend(write_segment(marker::BASELINE, &frame));
    if interval > 0 {
        jpeg.extend(write_segment(marker::RESTART_INTERVAL, &interval.to_be_bytes()));
    }
    jpeg.extend(write_segment(marker::SCAN, &scan));
    for (i, place) in layout.places.iter().enumerate() {
        let mut samples = if i == 0 { std::mem::take(&mut first) } else { strip(place)? };
        if let [.., 0xFF, marker::END] = samples[..] {
            samples.truncate(samples.len() - 2);
        }
        if i > 0 && stated == 0 {
            jpeg.extend([0xFF, marker::RESTART_0 + ((i - 1) % 8) as u8]);
        }
        jpeg.extend(samples);
    }
    jpeg.extend([0xFF, marker::END]);
    Ok(jpeg)
}

fn side(pixels: u32) -> Result<[u8; 2], Fault> {
    let side = u16::try_from(pixels).map_err(|_| Fault::corrupt("its JPEG is larger than a JPEG can be"))?;
    Ok(side.to_be_bytes())
}

/// The id of a component: a JPEG with these letters is RGB without further declaration.
fn name(layout: &Layout, component: u8) -> u8 {
    if layout.photometric == Photometric::Rgb { b"RGB"[usize::from(component)] } else { component + 1 }
}

/// The tables as segments, from the positions in the tags; each has its component's number.
fn tables_of(source: &Source, old: &OldJpeg) -> Option<Vec<u8>> {
    /// A quantisation table of 8 bits; a Huffman table's numbers of codes of each length.
    const QUANTISERS: usize = 64;
    const LENGTHS: usize = 16;
    let mut out = Vec::new();
    for (i, &at) in (0u8..).zip(&old.quantisation) {
        let table = source.slice(at.into(), QUANTISERS).ok()?;
        out.extend(write_segment(marker::QUANTISATION_TABLES, &[&[i], &table[..]].concat()));
    }
    for (class, places) in [(0u8, &old.dc), (0x10, &old.ac)] {
        for (i, &at) in (0u8..).zip(places) {
            let lengths = source.slice(at.into(), LENGTHS).ok()?;
            let codes: usize = lengths.iter().map(|&n| usize::from(n)).sum();
            let values = source.slice(u64::from(at) + LENGTHS as u64, codes).ok()?;
            out.extend(write_segment(
                marker::HUFFMAN_TABLES,
                &[&[class | i], &lengths[..], &values].concat(),
            ));
        }
    }
    (!old.quantisation.is_empty() && !old.dc.is_empty() && !old.ac.is_empty()).then_some(out)
}

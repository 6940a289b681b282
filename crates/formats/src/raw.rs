//! TIFF and camera RAW files: the size of their picture, and their EXIF.
//!
//! Invariants: reads directories only. Width and height are those of the sensor picture as coded; the display size is
//! the camera's (the default crop, else EXIF's pixel size), upright.

use super::bytes::{Reader, View};
use super::exif::{Exif, ExifDate};
use super::tiff::{Ifd, Tiff, tag};
use super::values::keep;
use super::{Findings, jpeg, lens, photoshop};
use albumen_core::vocabulary::Format;

/// Consecutive directories; multi-page scans have some hundred pages, of which the first is shown.
const MAX_CHAIN: usize = 16;

/// TIFF and the TIFF-based RAW formats.
pub fn read_tiff(reader: &Reader, format: Format) -> Findings {
    let mut found = Findings::default();
    let Some(tiff) = Tiff::open(reader.view()) else { return found };
    let chain = tiff.chain(tiff.first, MAX_CHAIN);
    let Some(first) = chain.first() else { return found };
    let mut exif = Exif::default();
    exif.read_main(&tiff, first);
    // Cameras put EXIF into the first directory; some RAW and scanner files into a later one.
    for other in chain.iter().skip(1) {
        if exif.original.is_none() && other.find(tag::EXIF_DIRECTORY).is_some() {
            exif.read_main(&tiff, other);
        }
    }
    exif.finish();
    let mut ifds: Vec<Ifd> = chain.clone();
    for ifd in &chain {
        if let Some(e) = ifd.find(tag::SUB_DIRECTORIES) {
            ifds.extend(tiff.uints(e, 16).into_iter().map(|at| tiff.ifd(u64::from(at))));
        }
    }
    match format {
        Format::Tiff => found.coded = size_of(&tiff, first),
        Format::Rw2 => rw2_size(&tiff, first, &mut found),
        _ => raw_size(&tiff, &ifds, &exif, format, &mut found),
    }
    if format == Format::Rw2
        && let Some(e) = first.find(tag::JPEG_FROM_RAW)
    {
        // The embedded JPEG has the EXIF block with all the tags.
        let mut inner = Findings::default();
        jpeg::read_view(tiff.part(e), &mut inner);
        if found.display.is_none() {
            found.display = inner.exif.as_ref().and_then(|x| x.pixels);
        }
        exif.absorb(inner.exif.unwrap_or_default());
        found.xmp.extend(inner.xmp);
    }
    if let Some(packet) = exif.xmp.take() {
        found.add_xmp(packet);
    }
    if let Some(block) = exif.iptc.take() {
        photoshop::read_block(&block, &mut found);
    }
    if let Some(block) = exif.photoshop.take() {
        photoshop::read(&block, &mut found);
    }
    found.add_exif(Some(exif));
    found
}

fn size_of(tiff: &Tiff<'_>, ifd: &Ifd) -> Option<(u32, u32)> {
    let uint = |tag| ifd.find(tag).and_then(|e| tiff.uint(e)).filter(|v| *v > 0);
    uint(tag::WIDTH).zip(uint(tag::HEIGHT))
}

/// The sensor picture: the directory that is marked as such, else the largest.
fn raw_size(tiff: &Tiff<'_>, ifds: &[Ifd], exif: &Exif, format: Format, found: &mut Findings) {
    let area = |s: (u32, u32)| u64::from(s.0) * u64::from(s.1);
    let sensor =
        |ifd: &&Ifd| ifd.find(tag::PHOTOMETRIC).and_then(|e| tiff.uint(e)).is_some_and(tag::is_sensor);
    let largest = |list: Vec<&Ifd>| {
        list.into_iter()
            .filter_map(|ifd| Some((size_of(tiff, ifd)?, ifd)))
            .max_by_key(|(s, _)| area(*s))
            .map(|(s, i)| (s, i.clone()))
    };
    let main = largest(ifds.iter().filter(sensor).collect()).or_else(|| largest(ifds.iter().collect()));
    found.coded = main.as_ref().map(|m| m.0);
    if format == Format::Cr2 {
        // The sensor picture's directory has no size; the camera's size is that of its own JPEG.
        found.coded = exif.pixels.or(found.coded);
    }
    let crop = main.as_ref().and_then(|(_, ifd)| {
        let e = ifd.find(tag::DEFAULT_CROP_SIZE)?;
        let (w, h) = (tiff.float_at(e, 0)?, tiff.float_at(e, 1)?);
        (w >= 1.0 && h >= 1.0).then_some((w.round() as u32, h.round() as u32))
    });
    found.display = crop.or(exif.pixels).filter(|d| {
        found
            .coded
            .is_none_or(|c| d.0 <= c.0.max(c.1) && d.1 <= c.0.max(c.1) && area(*d) >= area(c).div_ceil(4))
    });
    if format == Format::Dng && crop.is_none() {
        found.display = None;
    }
}

/// Panasonic: the sensor's borders define the picture.
fn rw2_size(tiff: &Tiff<'_>, ifd: &Ifd, found: &mut Findings) {
    let uint = |tag| ifd.find(tag).and_then(|e| tiff.uint(e));
    let side = |low, high| uint(high)?.checked_sub(uint(low)?).filter(|v| *v > 0);
    found.coded = side(5, 7).zip(side(4, 6)).or_else(|| uint(2).zip(uint(3)));
}

// ---------------------------------------------------------------------------------------------- Fuji

/// RAF: a header with the offsets of an embedded JPEG (with EXIF) and of a list of sizes.
pub fn read_raf(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let view = reader.view();
    if let (Some(at), Some(len)) = (view.be32(84), view.be32(88)) {
        jpeg::read_view(view.part(at.into(), len.into()), &mut found);
        found.display = found.exif.as_ref().and_then(|e| e.pixels).or(found.coded);
        found.mpf = None;
    }
    if let (Some(at), Some(len)) = (view.be32(92), view.be32(96)) {
        let list = view.part(at.into(), len.into());
        let mut at = 4;
        let mut full = None;
        for _ in 0..list.be32(0).unwrap_or(0).min(1000) {
            let (Some(tag), Some(size)) = (list.be16(at), list.be16(at + 2)) else { break };
            let pair = || list.be16(at + 6).zip(list.be16(at + 4)).map(|(w, h)| (u32::from(w), u32::from(h)));
            match tag {
                0x111 => full = pair(),
                0x100 => keep(&mut full, pair()),
                _ => {}
            }
            at += 4 + u64::from(size);
        }
        found.coded = full.filter(|s| s.0 > 0 && s.1 > 0).or(found.coded);
    }
    found
}

// ----------------------------------------------------------------------------------------- Canon CR3

/// CR3: a movie file whose tracks are the pictures; the largest is the sensor's.
pub fn read_cr3(reader: &Reader) -> Findings {
    let mut found = super::movie::read(reader);
    found.movie = None;
    found.orientation = None;
    // The first track is the camera's own JPEG, with the intended size.
    found.coded = found.exif.as_ref().and_then(|x| x.pixels).or(found.coded);
    found.display = found.coded;
    found
}

// ---------------------------------------------------------------------------------------- Canon CIFF

/// CRW: Canon's heap of records, a directory at the end of each heap.
pub fn read_crw(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let view = reader.view();
    let little = view.array::<2>(0) == Some(*b"II");
    let mut crw = Crw::default();
    if let Some(start) = Tiff::headless(view, little).u32(2) {
        read_heap(view.from(start.into()), little, 0, &mut crw, &mut found);
    }
    let mut exif = crw.exif;
    // Focal lengths are in the camera's own units, which another record defines.
    if let Some(unit) = crw.focal_unit {
        exif.focal_mm = crw.focal.map(|v| v / unit);
        if let (Some(long), Some(short)) = (crw.longest, crw.shortest) {
            exif.lens = lens::words(short / unit, Some(long / unit), None, None);
        }
    }
    found.add_exif(Some(exif));
    found
}

/// The values of the records of a CRW, in file order.
#[derive(Default)]
struct Crw {
    exif: Exif,
    /// In units; another record has the number of units per millimetre.
    focal: Option<f64>,
    longest: Option<f64>,
    shortest: Option<f64>,
    focal_unit: Option<f64>,
}

/// Canon's exposure values: steps of 1/32, in which 12 and 20 mean a third and two thirds.
fn canon_step(v: i16) -> f64 {
    let (sign, v) = (f64::from(v.signum()), v.unsigned_abs());
    let part = match v % 32 {
        12 => 1.0 / 3.0,
        20 => 2.0 / 3.0,
        n => f64::from(n) / 32.0,
    };
    sign * (f64::from(v / 32) + part)
}

fn read_heap(heap: View<'_>, little: bool, depth: u8, crw: &mut Crw, found: &mut Findings) -> Option<()> {
    const MAX_DEPTH: u8 = 6;
    const MAX_RECORDS: u16 = 1000;
    let t = Tiff::headless(heap, little);
    let directory = u64::from(t.u32(heap.len().checked_sub(4)?)?);
    for i in 0..t.u16(directory)?.min(MAX_RECORDS) {
        // Heaps inside each other, or in themselves, would multiply the records.
        if !heap.budget().take_one::<[u8; 10]>() {
            return None;
        }
        let at = directory + 2 + 10 * u64::from(i);
        let tag = t.u16(at)?;
        // Records of up to 8 bytes are in the entry itself.
        let inside = tag & 0x4000 != 0;
        let body = if inside {
            heap.part(at + 2, 8)
        } else {
            heap.part(t.u32(at + 6)?.into(), t.u32(at + 2)?.into())
        };
        let b = Tiff::headless(body, little);
        let exif = &mut crw.exif;
        match tag & 0x3FFF {
            0x2807 | 0x3002..=0x3004 | 0x300A | 0x300B if depth < MAX_DEPTH => {
                read_heap(body, little, depth + 1, crw, found);
            }
            0x080A => {
                let words = body.head(256);
                let mut parts = words.split(|&b| b == 0);
                keep(&mut exif.make, parts.next().and_then(super::bytes::text));
                keep(&mut exif.model, parts.next().and_then(super::bytes::text));
            }
            0x0805 => keep(&mut exif.description, super::bytes::text(&body.head(256))),
            0x1810 => {
                found.coded = b.u32(0).zip(b.u32(4)).filter(|s| s.0 > 0 && s.1 > 0);
                exif.orientation = match b.u32(12) {
                    Some(90) => Some(6),
                    Some(180) => Some(3),
                    Some(270) => Some(8),
                    _ => Some(1),
                };
            }
            0x180E => {
                let local =
                    b.u32(0).filter(|s| *s > 0).and_then(|s| jiff::Timestamp::from_second(s.into()).ok());
                exif.original = local.map(|t| ExifDate {
                    text: t.strftime("%Y:%m:%d %H:%M:%S").to_string(),
                    ..ExifDate::default()
                });
            }
            0x1029 => {
                // Kind of lens, then focal length.
                crw.focal = b.u16(2).map(f64::from).filter(|v| *v > 0.0);
            }
            0x102D => {
                // Camera settings, as in the maker note of the JPEGs: the lens, and the units of its lengths.
                let word = |i: u64| b.u16(i * 2).map(f64::from).filter(|v| *v > 0.0);
                (crw.longest, crw.shortest, crw.focal_unit) = (word(23), word(24), word(25));
            }
            0x102A => {
                let step = |i: u64| b.u16(i * 2).map(|v| canon_step(v as i16)).filter(|v| v.abs() < 30.0);
                let iso = step(2).filter(|v| *v > 0.0).map(|v| (v.exp2() * 100.0 / 32.0).round() as u32);
                exif.iso = iso.filter(|v| *v < 10_000_000);
                exif.f_number = step(21).or(step(4)).filter(|v| *v > 0.0).map(|v| (v / 2.0).exp2());
                exif.exposure_s = step(22).or(step(5)).filter(|v| *v != 0.0).map(|v| (-v).exp2());
            }
            0x1818 if exif.exposure_s.is_none() => {
                // Exposure compensation, shutter speed and aperture as floats, in APEX units.
                let float = |at| {
                    b.u32(at)
                        .map(|v| f64::from(f32::from_bits(v)))
                        .filter(|v| v.is_finite() && v.abs() < 30.0)
                };
                exif.exposure_s = float(4).map(|v| (-v).exp2());
                keep(&mut exif.f_number, float(8).map(|v| (v / 2.0).exp2()));
            }
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;

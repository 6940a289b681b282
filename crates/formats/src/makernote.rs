//! The useful values of maker notes: lens names, Apple's identifiers, sensitivity of old cameras.
//!
//! Invariants: standard tags have precedence over these values. Encrypted and undocumented parts are ignored.

use super::bytes::View;
use super::lens;
use super::tiff::{Entry, Ifd, Tiff};
use super::values::keep;

/// The values of a maker note.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MakerNote {
    pub lens: Option<String>,
    /// Focal lengths and apertures of a lens without a name.
    pub lens_info: Option<String>,
    pub iso: Option<u32>,
    pub content_identifier: Option<String>,
    pub burst_id: Option<String>,
    /// 1 to 5 stars, given in the camera.
    pub rating: Option<u32>,
}

/// Reads the maker note in `entry` of a camera of this `make`.
pub fn read(tiff: &Tiff<'_>, entry: Entry, make: &str, out: &mut MakerNote) {
    let note = tiff.part(entry);
    let head = note.head(16);
    let starts = |magic: &[u8]| head.starts_with(magic);
    let make = make.to_ascii_lowercase();
    if starts(b"Apple iOS\0") {
        apple(note, out);
    } else if starts(b"Nikon\0") && head.get(6) == Some(&2) {
        nikon(note.from(10), out);
    } else if starts(b"OLYMPUS\0") {
        olympus(note, head.get(8) == Some(&b'I'), 12, out);
    } else if starts(b"OM SYSTEM\0") {
        olympus(note, head.get(12) == Some(&b'I'), 16, out);
    } else if starts(b"Panasonic\0") {
        // Offsets count from the enclosing structure.
        let ifd = tiff.ifd(entry.at.saturating_add(12));
        keep(&mut out.lens, ifd.find(0x51).and_then(|e| tiff.text(e)).filter(|s| is_name(s)));
    } else if starts(b"FUJIFILM") {
        fujifilm(note, out);
    } else if starts(b"AOC\0") {
        // Offsets count from the enclosing structure, independent of the note's own byte order.
        let little = match head.get(4..6) {
            Some(b"II") => true,
            Some(b"MM") => false,
            _ => tiff.little,
        };
        pentax(&Tiff { little, ..*tiff }, entry.at.saturating_add(6), out);
    } else if starts(b"PENTAX \0") {
        pentax(&Tiff::headless(note, head.get(8) == Some(&b'I')), 10, out);
    } else if make.starts_with("sony") {
        let has_head = starts(b"SONY ") || starts(b"VHAB ");
        let ifd = tiff.ifd(entry.at.saturating_add(if has_head { 12 } else { 0 }));
        let number = ifd.find(0xB027).and_then(|e| tiff.uint(e));
        keep(&mut out.lens, number.and_then(|n| lens::of_number("sony", &n.to_string())));
    } else if make.starts_with("canon") {
        read_canon(tiff, &tiff.ifd(entry.at), out);
    }
}

/// The number of the lens is its series and its number in the series, one byte each.
fn pentax(tiff: &Tiff<'_>, first: u64, out: &mut MakerNote) {
    let lens = tiff.ifd(first).find(0x3F).and_then(|e| tiff.text_bytes(e));
    if let Some([series, number, ..]) = lens.as_deref() {
        keep(&mut out.lens, lens::of_number("pentax", &format!("{series} {number}")));
    }
}

/// A name, not a filler such as `----` or `NO-LENS`.
fn is_name(s: &str) -> bool {
    s.chars().any(|c| c.is_alphanumeric())
        && !s.eq_ignore_ascii_case("no-lens")
        && !s.eq_ignore_ascii_case("none")
}

fn apple(note: View<'_>, out: &mut MakerNote) {
    // "Apple iOS\0", version, "MM" or "II", then a directory; offsets count from the note's start.
    let little = note.array::<2>(12) == Some(*b"II");
    let tiff = Tiff::headless(note, little);
    let ifd = tiff.ifd(14);
    keep(&mut out.burst_id, ifd.find(0x0B).and_then(|e| tiff.text(e)));
    keep(&mut out.content_identifier, ifd.find(0x11).and_then(|e| tiff.text(e)));
}

fn nikon(inner: View<'_>, out: &mut MakerNote) {
    let Some(tiff) = Tiff::open(inner) else { return };
    let ifd = tiff.ifd(tiff.first);
    keep(&mut out.lens_info, ifd.find(0x84).and_then(|e| lens::of_figures(&tiff, e)));
    keep(&mut out.iso, ifd.find(0x02).and_then(|e| tiff.uint_at(e, 1)).filter(|v| *v > 0 && *v < 10_000_000));
}

fn olympus(note: View<'_>, little: bool, first: u64, out: &mut MakerNote) {
    let tiff = Tiff::headless(note, little);
    let Some(at) = tiff
        .ifd(first)
        .find(0x2010)
        .and_then(|e| if e.kind == 13 || e.kind == 4 { tiff.uint(e).map(u64::from) } else { Some(e.at) })
    else {
        return;
    };
    let equipment = tiff.ifd(at);
    keep(&mut out.lens, equipment.find(0x203).and_then(|e| tiff.text(e)).filter(|s| is_name(s)));
}

fn fujifilm(note: View<'_>, out: &mut MakerNote) {
    let tiff = Tiff::headless(note, true);
    let Some(at) = note.le32(8) else { return };
    let ifd = tiff.ifd(u64::from(at));
    keep(&mut out.rating, ifd.find(0x1431).and_then(|e| tiff.uint(e)).filter(|v| *v <= 5));
}

/// Canon's directory, which CR3 files store in a separate box.
pub fn read_canon(tiff: &Tiff<'_>, ifd: &Ifd, out: &mut MakerNote) {
    keep(&mut out.lens, ifd.find(0x95).and_then(|e| tiff.text(e)).filter(|s| is_name(s)));
    // Camera settings: 23 and 24 are the long and short focal length in units of 25.
    if let Some(e) = ifd.find(0x01) {
        let at = |i| tiff.uint_at(e, i).map(f64::from).filter(|v| *v > 0.0);
        if let (Some(long), Some(short), Some(unit)) = (at(23), at(24), at(25)) {
            keep(&mut out.lens_info, lens::words(short / unit, Some(long / unit), None, None));
        }
    }
    // Shot information: 2 is the ISO value in 1/32 steps, 1 the automatic factor in the same.
    if let Some(e) = ifd.find(0x04)
        && let (Some(auto), Some(base)) = (tiff.uint_at(e, 1), tiff.uint_at(e, 2))
        && base > 0
        && base < 1000
        && auto < 1000
    {
        let base = (f64::from(base) / 32.0).exp2() * 100.0 / 32.0;
        let auto = (f64::from(auto) / 32.0).exp2();
        let iso = (base * auto).round();
        if (1.0..10_000_000.0).contains(&iso) {
            keep(&mut out.iso, Some(iso as u32));
        }
    }
}

#[cfg(test)]
mod tests;

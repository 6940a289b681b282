//! Detects the format of a file from its bytes, never from its name.
//!
//! Most formats have a signature in the table of formats; this file distinguishes those that share a container, and
//! recognises those without a signature.
//!
//! Invariants: reads at most a few blocks; every format of the vocabulary is distinguished from similar ones. Sizes
//! and all other values are left to the format's own reader.

use super::bytes::{Reader, View};
use super::tiff::{Entry, Ifd, Tiff, tag};
use super::{dv, heif, mpeg, ogg};
use albumen_core::vocabulary::Format;

/// The format, or `None` if it is not supported.
pub fn sniff(reader: &Reader) -> Option<Format> {
    let view = reader.view();
    let head = view.head(4096);
    let starts = |magic: &[u8]| head.starts_with(magic);

    match Format::by_signature(&head) {
        Some(Format::Tiff) => return tiff_kind(view, &head),
        Some(Format::Mkv) => return Some(matroska_kind(&head)),
        // The length of a first box may equal their start code.
        Some(Format::Mpeg) if is_bmff(&head) => {}
        Some(format) => return Some(format),
        None => {}
    }
    if starts(b"OggS") {
        return ogg::has_video(&head).then_some(Format::Ogv);
    }
    if dv::begins(&head) {
        return Some(Format::Dv);
    }
    if is_bmff(&head) {
        return bmff_kind(&head);
    }
    if transport_packet(&head).is_some() {
        return Some(Format::Mts);
    }
    match mpeg::bare_codec(&head) {
        Some("h264") => return Some(Format::H264),
        Some(_) => return Some(Format::H265),
        None => {}
    }
    // "BM" alone is not sufficient: the length of the second header must be a defined one.
    if starts(b"BM") {
        let dib = head.get(14..18).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        return matches!(dib, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)).then_some(Format::Bmp);
    }
    is_bare_dib(&head).then_some(Format::Bmp)
}

/// A BMP without its file header, as clipboards and resources store it (`.dib`): the length of its header, two sides,
/// one plane, and a valid combination of bits per pixel and compression.
fn is_bare_dib(head: &[u8]) -> bool {
    let word = |at: usize| Some(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?]));
    let long = |at: usize| Some(u32::from(word(at)?) | u32::from(word(at + 2)?) << 16);
    let side = |at: usize| long(at).map(|v| (v as i32).unsigned_abs()).filter(|v| (1..=1 << 16).contains(v));
    matches!(long(0), Some(40 | 108 | 124))
        && side(4).is_some()
        && side(8).is_some()
        && word(12) == Some(1)
        && matches!(
            (word(14), long(16)),
            (Some(1 | 4 | 8 | 16 | 24 | 32), Some(0))
                | (Some(8), Some(1))
                | (Some(4), Some(2))
                | (Some(16 | 32), Some(3))
        )
}

/// Length of a packet and the position of the first sync byte: 188 (broadcast) or 192 bytes (AVCHD, with a time stamp
/// of 4 bytes before each). A cut recording may begin inside a packet.
pub fn transport_packet(head: &[u8]) -> Option<(u64, u64)> {
    const SYNC: u8 = 0x47;
    const PACKETS: usize = 4;
    /// Consecutive packets that are required if the file does not begin with one.
    const PACKETS_TO_FIND_STEP: usize = 8;
    const SIZES: [(usize, usize); 2] = [(188, 0), (192, 4)];
    for (size, first) in SIZES {
        let fits = (0..PACKETS).take_while(|i| first + i * size < head.len());
        let n = fits.clone().count();
        if n >= 2 && fits.into_iter().all(|i| head[first + i * size] == SYNC) {
            return Some((size as u64, first as u64));
        }
    }
    // Two bits of the header define the contents of the packet; both 0 are invalid.
    let is_packet =
        |at: usize| head.get(at) == Some(&SYNC) && head.get(at + 3).is_some_and(|b| b & 0x30 != 0);
    SIZES.iter().find_map(|&(size, _)| {
        let first = (1..size).find(|first| (0..PACKETS_TO_FIND_STEP).all(|i| is_packet(first + i * size)))?;
        Some((size as u64, first as u64))
    })
}

/// The document type is a string in the header; WebM is a profile of Matroska.
fn matroska_kind(head: &[u8]) -> Format {
    let header = &head[..head.len().min(64)];
    if header.windows(4).any(|w| w == b"webm") { Format::Webm } else { Format::Mkv }
}

// --------------------------------------------------------------------------------------------- BMFF

fn is_bmff(head: &[u8]) -> bool {
    let Some(kind) = head.get(4..8) else { return false };
    if kind == b"ftyp" {
        return true;
    }
    // QuickTime files from before `ftyp`: the first atom is one of these, with a plausible size.
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    matches!(kind, b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot") && (size >= 8 || size <= 1)
}

fn bmff_kind(head: &[u8]) -> Option<Format> {
    if head.get(4..8) != Some(b"ftyp") {
        return Some(Format::Mov);
    }
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let brands: Vec<[u8; 4]> = head
        .get(8..size.clamp(8, head.len()))?
        .chunks_exact(4)
        .enumerate()
        .filter(|(i, _)| *i != 1) // the minor version
        .map(|(_, b)| [b[0], b[1], b[2], b[3]])
        .collect();
    let major = *brands.first()?;
    let has = |list: &[&[u8; 4]]| brands.iter().any(|b| list.contains(&b));
    const HEVC: &[&[u8; 4]] = &[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];
    const AV1: &[&[u8; 4]] = &[b"avif", b"avis", b"avio"];
    if has(&[b"crx "]) {
        return Some(Format::Cr3);
    }
    if HEVC.contains(&&major) {
        return Some(Format::Heic);
    }
    if AV1.contains(&&major) {
        return Some(Format::Avif);
    }
    if heif::is_structural(&major) {
        // The reader finds the codec of the primary item; until then it is that of the compatible brands.
        let by_brands = [(HEVC, Format::Heic), (AV1, Format::Avif)];
        let format = by_brands.into_iter().find(|(brands, _)| has(brands)).map(|(_, format)| format);
        return Some(format.unwrap_or(Format::Heif));
    }
    match &major {
        b"jxl " => return Some(Format::Jxl),
        b"jp2 " | b"jpx " | b"jpm " => return Some(Format::Jp2),
        b"qt  " => return Some(Format::Mov),
        _ => {}
    }
    if major.starts_with(b"3g") || matches!(&major, b"kddi" | b"KDDI" | b"mmp4") {
        return Some(Format::ThreeGp);
    }
    Some(Format::Mp4)
}

// --------------------------------------------------------------------------------------------- TIFF

/// TIFF compression schemes that only camera RAW uses.
const COMPRESSION_OLD_JPEG: u32 = 6;
const COMPRESSION_NIKON: u32 = 34713;
const COMPRESSION_PENTAX: u32 = 65535;
const COMPRESSION_SONY: u32 = 32767;
const COMPRESSION_KODAK: u32 = 65000;
const COMPRESSION_EPSON: u32 = 32769;
const COMPRESSION_SAMSUNG: std::ops::RangeInclusive<u32> = 32769..=32773;

fn tiff_kind(view: View<'_>, head: &[u8]) -> Option<Format> {
    let tiff = Tiff::open(view)?;
    if head.get(8..10) == Some(b"CR") {
        return Some(Format::Cr2);
    }
    let first = tiff.ifd(tiff.first);
    if first.find(tag::DNG_VERSION).is_some() {
        return Some(Format::Dng);
    }
    let name = |tag| first.find(tag).and_then(|e| tiff.text(e));
    let make = name(0x10F).or_else(|| name(0x110)).unwrap_or_default().to_ascii_uppercase();
    let subs: Vec<Ifd> = match first.find(tag::SUB_DIRECTORIES) {
        Some(e) => tiff.uints(e, 8).into_iter().map(|at| tiff.ifd(u64::from(at))).collect(),
        None => Vec::new(),
    };
    let any = |tag: u16, wanted: &dyn Fn(u32) -> bool| {
        let hit = |e: Entry| tiff.uint(e).is_some_and(wanted);
        std::iter::once(&first).chain(&subs).any(|ifd| ifd.find(tag).is_some_and(hit))
    };
    let mosaic = any(tag::PHOTOMETRIC, &|v| v == tag::PHOTOMETRIC_MOSAIC);
    let packed = |wanted: &dyn Fn(u32) -> bool| any(tag::COMPRESSION, wanted);
    // Coolpix NRW files begin with a thumbnail in the old JPEG compression.
    let nikon_packed = |v: u32| v == COMPRESSION_NIKON || v == COMPRESSION_OLD_JPEG;
    // A truncated file may lack the sensor's directory. Its first page is marked as a thumbnail, which distinguishes
    // it from a finished TIFF with a thumbnail in a sub-directory.
    let begins_with_thumbnail =
        first.find(tag::SUBFILE_KIND).and_then(|e| tiff.uint(e)).is_some_and(|v| v & 1 == 1);
    let headed = begins_with_thumbnail && !subs.is_empty();
    if make.starts_with("NIKON") && (mosaic || packed(&nikon_packed) || headed) {
        return Some(Format::Nef);
    }
    if make.starts_with("SONY")
        && (mosaic || packed(&|v| v == COMPRESSION_SONY) || first.find(0xC634).is_some())
    {
        return Some(Format::Arw);
    }
    if (make.starts_with("PENTAX") || make.starts_with("RICOH"))
        && (mosaic || packed(&|v| v == COMPRESSION_PENTAX))
    {
        return Some(Format::Pef);
    }
    if make.starts_with("SAMSUNG") && (mosaic || packed(&|v| COMPRESSION_SAMSUNG.contains(&v))) {
        return Some(Format::Srw);
    }
    if make.starts_with("HASSELBLAD") && (mosaic || headed) {
        return Some(Format::ThreeFr);
    }
    // Phase One's sensor data are in the maker note, after their own marker.
    if head.get(8..12) == Some(b"IIII")
        || head.get(8..12) == Some(b"MMMM")
        || make.starts_with("PHASE ONE") && (mosaic || headed)
    {
        return Some(Format::Iiq);
    }
    if (make.starts_with("KODAK") || make.starts_with("EASTMAN KODAK"))
        && (mosaic || packed(&|v| v == COMPRESSION_KODAK) || headed)
    {
        return Some(Format::Dcr);
    }
    if (make.starts_with("SEIKO EPSON") || make.starts_with("EPSON"))
        && (mosaic || packed(&|v| v == COMPRESSION_EPSON) || headed)
    {
        return Some(Format::Erf);
    }
    Some(Format::Tiff)
}

#[cfg(test)]
mod tests;

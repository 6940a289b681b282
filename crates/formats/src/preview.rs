//! The finished pictures inside camera RAW files: their offsets, sizes and coding.
//!
//! One walk finds them: through TIFF directories, their sub-directories and the maker notes (CR2, NEF, ARW, DNG, ORF,
//! RW2, PEF, SRW, ERF, 3FR, IIQ, DCR), through the boxes of CR3, the heaps of CRW, the blocks of MRW, the sections of
//! X3F and the header of RAF. A JPEG according to a directory counts only if viewers support its own header: a strip
//! of lossless JPEG is sensor data. If no directory leads to one, the file is searched for the beginning of a JPEG.

use super::bmff;
use super::bytes::{Reader, View};
use super::jpeg::segments::{self, Damage, marker};
use super::tiff::{Entry, Ifd, Tiff, tag};
use super::{mrw, x3f};

/// Consecutive directories, and their nesting depth.
const MAX_CHAIN: usize = 16;
const MAX_DEPTH: u8 = 6;
/// Maximum number of candidates; real files have under ten.
const MAX_CANDIDATES: usize = 64;
/// The range of the last search. Previews precede the sensor data, which starts within the first megabytes.
const SEARCHED_BYTES: u64 = 32 << 20;

/// How a preview is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Jpeg,
    /// Minolta's: a JPEG with a different first byte.
    JpegWithoutStart,
    /// JPEG XL, in DNG from version 1.7 on.
    Jxl,
}

/// A finished picture inside another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview {
    pub coding: Coding,
    pub at: u64,
    pub length: u64,
    /// As coded, in pixels.
    pub width: u32,
    pub height: u32,
}

impl Preview {
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// All previews, largest first.
pub fn previews(reader: &Reader) -> Vec<Preview> {
    let view = reader.view();
    let mut found = Candidates::default();
    let head = view.head(16);
    if head.starts_with(b"FUJIFILM") {
        if let (Some(at), Some(length)) = (view.be32(84), view.be32(88)) {
            found.add(at.into(), length.into());
        }
    } else if head.get(4..8) == Some(b"ftyp") {
        boxes(view, 0, &mut found);
    } else if head.get(6..14) == Some(b"HEAPCCDR") {
        let little = head.starts_with(b"II");
        if let Some(start) = Tiff::headless(view, little).u32(2) {
            heap(view.from(start.into()), little, 0, &mut found);
        }
    } else if head.starts_with(mrw::MAGIC) {
        if let Some(tiff) = mrw::blocks(view).find(|b| &b.kind == mrw::TIFF).and_then(|b| Tiff::open(b.body))
        {
            directories(&tiff, tiff.first, 0, &mut found);
        }
    } else if head.starts_with(x3f::MAGIC) {
        x3f::jpegs(view).for_each(|jpeg| found.add(jpeg.base(), jpeg.len()));
    } else if let Some(tiff) = Tiff::open(view) {
        directories(&tiff, tiff.first, 0, &mut found);
    }
    let jpegs = |places: &[(u64, u64)]| -> Vec<Preview> {
        places.iter().filter_map(|&(at, length)| preview(view, at, length)).collect()
    };
    let mut previews = jpegs(&found.places);
    previews.extend(found.jxl);
    if previews.is_empty() {
        previews = jpegs(&search(view));
    }
    previews.sort_by_key(|p| std::cmp::Reverse((p.pixels(), p.length)));
    previews
}

/// Candidate JPEGs: offset in the file and length. JPEG XL pictures have their size.
#[derive(Default)]
struct Candidates {
    places: Vec<(u64, u64)>,
    jxl: Vec<Preview>,
}

impl Candidates {
    fn add(&mut self, at: u64, length: u64) {
        if length > 0 && self.places.len() < MAX_CANDIDATES && !self.places.contains(&(at, length)) {
            self.places.push((at, length));
        }
    }
}

/// The preview at a candidate offset, if it is a picture that any viewer shows: Huffman-coded, 8 bits, grey or
/// colour.
fn preview(view: View<'_>, at: u64, length: u64) -> Option<Preview> {
    let jpeg = view.part(at, length);
    let coding = match jpeg.array::<4>(0)? {
        [0xFF, 0xD8, ..] => Coding::Jpeg,
        [_, 0xD8, 0xFF, 0xDB..=0xFE] => Coding::JpegWithoutStart,
        _ => return None,
    };
    let frame = segments::before_scan(jpeg, Damage::Ends).find(|segment| marker::is_frame(segment.marker))?;
    // Lossless, hierarchical, arithmetic: not used for previews.
    if !matches!(frame.marker, marker::BASELINE | marker::EXTENDED | marker::PROGRESSIVE) {
        return None;
    }
    let (bits, height, width) = (frame.body.u8(0)?, frame.body.be16(1)?, frame.body.be16(3)?);
    let components = frame.body.u8(5)?;
    let is_shown = bits == 8 && matches!(components, 1 | 3) && width > 0 && height > 0;
    is_shown.then(|| Preview {
        coding,
        at,
        length: jpeg.len(),
        width: u32::from(width),
        height: u32::from(height),
    })
}

// ---------------------------------------------------------------------------------------------- TIFF

fn directories(tiff: &Tiff<'_>, first: u64, depth: u8, found: &mut Candidates) {
    for ifd in tiff.chain(first, MAX_CHAIN) {
        directory(tiff, &ifd, depth, found);
    }
}

fn directory(tiff: &Tiff<'_>, ifd: &Ifd, depth: u8, found: &mut Candidates) {
    let number = |tag| ifd.find(tag).and_then(|e| tiff.uint_at(e, 0)).map(u64::from);
    // Offsets count from the structure's start, which in a maker note is not the file's.
    let base = tiff.view.base();
    if let Some(at) = number(tag::JPEG_OFFSET) {
        found.add(base + at, number(tag::JPEG_LENGTH).unwrap_or(u64::MAX));
    }
    // A JPEG in one strip; the sensor's own picture may be coded like that, too, but has another photometric
    // interpretation.
    let sensor = number(tag::PHOTOMETRIC).is_some_and(|p| tag::is_sensor(p as u32));
    if !sensor
        && matches!(number(tag::COMPRESSION), Some(6 | 7))
        && let (Some(offsets), Some(lengths)) = (ifd.find(tag::STRIP_OFFSETS), ifd.find(tag::STRIP_LENGTHS))
        && offsets.count == 1
        && let (Some(at), Some(length)) = (tiff.uint_at(offsets, 0), tiff.uint_at(lengths, 0))
    {
        found.add(base + u64::from(at), length.into());
    }
    jxl(tiff, ifd, found);
    if let Some(e) = ifd.find(tag::JPEG_FROM_RAW)
        && e.kind == 7
    {
        found.add(base + e.at, e.count);
    }
    if depth >= MAX_DEPTH {
        return;
    }
    for pointer in [tag::SUB_DIRECTORIES, tag::EXIF_DIRECTORY] {
        if let Some(e) = ifd.find(pointer) {
            for i in 0..e.count.min(MAX_CHAIN as u64) {
                if let Some(at) = tiff.uint_at(e, i) {
                    directories(tiff, at.into(), depth + 1, found);
                }
            }
        }
    }
    if let Some(note) = ifd.find(tag::MAKER_NOTE) {
        maker_note(tiff, note, found);
    }
}

/// A directory of a smaller version of the picture, as one JPEG XL file.
fn jxl(tiff: &Tiff<'_>, ifd: &Ifd, found: &mut Candidates) -> Option<()> {
    const JPEG_XL: u32 = 52_546;
    const REDUCED: u32 = 1;
    let number = |tag| ifd.find(tag).and_then(|e| tiff.uint_at(e, 0));
    let is_preview = number(tag::COMPRESSION) == Some(JPEG_XL)
        && number(tag::SUBFILE_KIND).is_some_and(|kind| kind & REDUCED != 0)
        && matches!(number(tag::PHOTOMETRIC), Some(0..=2 | 6) | None);
    if !is_preview || found.jxl.len() >= MAX_CHAIN {
        return None;
    }
    let one = |strips: u16, tiles: u16| {
        let entry = ifd.find(strips).or_else(|| ifd.find(tiles)).filter(|e| e.count == 1)?;
        tiff.uint(entry).map(u64::from)
    };
    let offset = one(tag::STRIP_OFFSETS, tag::TILE_OFFSETS)?;
    let picture = tiff.view.part(offset, one(tag::STRIP_LENGTHS, tag::TILE_LENGTHS)?);
    let (width, height) = (number(tag::WIDTH)?, number(tag::HEIGHT)?);
    let head = picture.head(8);
    if width > 0 && height > 0 && (head.starts_with(b"\xFF\x0A") || head == b"\0\0\0\x0CJXL ") {
        let (at, length) = (picture.base(), picture.len());
        found.jxl.push(Preview { coding: Coding::Jxl, at, length, width, height });
    }
    Some(())
}

/// The makers that store a larger preview in their notes.
fn maker_note(tiff: &Tiff<'_>, note: Entry, found: &mut Candidates) {
    let view = tiff.part(note);
    let head = view.head(16);
    let after = |n: u64, little: bool| {
        // The note's own directory; its offsets count from the note's start and may reach beyond its end.
        let t = Tiff::headless(tiff.view.from(note.at), little);
        let ifd = t.ifd(n);
        (t, ifd)
    };
    if head.starts_with(b"Nikon\0\x02") {
        // A separate TIFF structure with the directory of a preview.
        if let Some(own) = Tiff::open(tiff.view.from(note.at + 10)) {
            let ifd = own.ifd(own.first);
            if let Some(at) = ifd.find(0x11).and_then(|e| own.uint(e)) {
                directories(&own, at.into(), MAX_DEPTH, found);
            }
        }
    } else if head.starts_with(b"OLYMPUS\0") || head.starts_with(b"OM SYSTEM\0") {
        let start = if head.starts_with(b"OLYMPUS\0") { 8 } else { 12 };
        let little = head.get(start..start + 2) == Some(b"II");
        let (t, ifd) = after(start as u64 + 4, little);
        olympus(&t, &ifd, found);
        if let Some(at) = ifd.find(0x2020).and_then(|e| t.uint(e)) {
            olympus(&t, &t.ifd(at.into()), found);
        }
    } else if head.starts_with(b"OLYMP\0") || head.starts_with(b"EPSON\0") {
        // The old notes count from the file's start.
        let ifd = tiff.ifd(note.at + 8);
        olympus(tiff, &ifd, found);
        if let Some(at) = ifd.find(0x2020).and_then(|e| tiff.uint(e)) {
            olympus(tiff, &tiff.ifd(at.into()), found);
        }
    } else if head.starts_with(b"AOC\0") || head.starts_with(b"PENTAX \0") {
        let (start, little) = match &head[..4] {
            b"AOC\0" => {
                (6, if head.get(4..6) == Some(b"II") { true } else { tiff.little && head[4..6] != *b"MM" })
            }
            _ => (10, head.get(8..10) == Some(b"II")),
        };
        let own = Tiff::headless(tiff.view.from(note.at), little);
        let ifd = own.ifd(start);
        let number = |tag| ifd.find(tag).and_then(|e| own.uint(e)).map(u64::from);
        if let (Some(length), Some(at)) = (number(3), number(4)) {
            // From the file's start in AOC notes, from the note's in the others: the JPEG's header decides.
            found.add(tiff.view.base() + at, length);
            found.add(own.view.base() + at, length);
        }
    } else {
        // Sony, Canon and others: a plain directory with offsets from the file's start.
        let skip = if head.starts_with(b"SONY") { 12 } else { 0 };
        let ifd = tiff.ifd(note.at + skip);
        // Minolta's tags, which Olympus adopted.
        olympus(tiff, &ifd, found);
        // Sony's PreviewImage is in the note itself.
        if let Some(e) = ifd.find(0x2001)
            && e.kind == 7
        {
            found.add(tiff.view.base() + e.at, e.count);
        }
    }
}

/// Olympus' PreviewImageStart and PreviewImageLength, of the note and of its camera settings.
fn olympus(tiff: &Tiff<'_>, ifd: &Ifd, found: &mut Candidates) {
    let number = |tag| ifd.find(tag).and_then(|e| tiff.uint(e)).map(u64::from);
    for (start, length) in [(0x101, 0x102), (0x88, 0x89)] {
        if let (Some(at), Some(length)) = (number(start), number(length)) {
            found.add(tiff.view.base() + at, length);
        }
    }
    // ThumbnailImage, in the note itself.
    if let Some(e) = ifd.find(0x100)
        && e.kind == 7
    {
        found.add(tiff.view.base() + e.at, e.count);
    }
}

// ----------------------------------------------------------------------------------------------- CR3

/// Canon's preview boxes, and tracks of one sample: the first of them is a JPEG of full size.
fn boxes(view: View<'_>, depth: u8, found: &mut Candidates) {
    for b in bmff::boxes(view) {
        match &b.kind {
            b"moov" | b"trak" | b"mdia" | b"minf" | b"uuid" if depth < MAX_DEPTH => {
                boxes(b.body, depth + 1, found);
                if &b.kind == b"uuid" {
                    // Canon's preview uuid has a count before its boxes.
                    boxes(b.body.from(8), depth + 1, found);
                }
            }
            b"stbl" => {
                let size = bmff::find(b.body, b"stsz").and_then(|s| {
                    let same = s.body.be32(4)?;
                    if same > 0 { Some(same) } else { s.body.be32(12) }
                });
                let at = bmff::find(b.body, b"co64")
                    .and_then(|c| c.body.be64(8))
                    .or_else(|| bmff::find(b.body, b"stco").and_then(|c| c.body.be32(8)).map(u64::from));
                if let (Some(at), Some(size)) = (at, size) {
                    found.add(at, size.into());
                }
            }
            // PRVW and THMB: several fields, then the JPEG.
            b"PRVW" | b"THMB" => {
                let head = b.body.head(64);
                if let Some(at) = head.windows(3).position(|w| w == [0xFF, 0xD8, 0xFF]) {
                    found.add(b.body.base() + at as u64, b.body.len() - at as u64);
                }
            }
            _ => {}
        }
    }
}

// ----------------------------------------------------------------------------------------------- CRW

/// Canon's heaps (CIFF): a directory at the end of each; 0x2007 is the JPEG, 0x2008 the thumbnail.
fn heap(view: View<'_>, little: bool, depth: u8, found: &mut Candidates) -> Option<()> {
    const MAX_RECORDS: u16 = 1000;
    let t = Tiff::headless(view, little);
    let directory = u64::from(t.u32(view.len().checked_sub(4)?)?);
    for i in 0..t.u16(directory)?.min(MAX_RECORDS) {
        let at = directory + 2 + 10 * u64::from(i);
        let tag = t.u16(at)?;
        if tag & 0x4000 != 0 {
            continue;
        }
        let body = view.part(t.u32(at + 6)?.into(), t.u32(at + 2)?.into());
        match tag & 0x3FFF {
            0x2807 | 0x3002..=0x3004 | 0x300A | 0x300B if depth < MAX_DEPTH => {
                heap(body, little, depth + 1, found);
            }
            0x2007 | 0x2008 => found.add(body.base(), body.len()),
            _ => {}
        }
    }
    Some(())
}

// ------------------------------------------------------------------------------------------- the rest

/// Beginnings of JPEGs, for files whose directories have none.
fn search(view: View<'_>) -> Vec<(u64, u64)> {
    const PIECE: usize = 256 << 10;
    let mut found = Vec::new();
    let mut at = 0;
    while at < view.len().min(SEARCHED_BYTES) && found.len() < MAX_CANDIDATES {
        // Pieces overlap by the length of a beginning.
        let piece = view.from(at).head(PIECE + 2);
        let starts = memchr::memmem::find_iter(&piece, &[0xFF, 0xD8, 0xFF]);
        found.extend(starts.filter(|i| *i < PIECE).map(|i| (at + i as u64, view.len() - at - i as u64)));
        at += PIECE as u64;
    }
    found.truncate(MAX_CANDIDATES);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_core::source::Source;

    fn largest(source: &Source) -> Option<Preview> {
        previews(&Reader::new(source)).first().copied()
    }

    /// The header of a JPEG: SOI, one segment, and a frame of this kind and size.
    fn jpeg(sof: u8, width: u16, height: u16) -> Vec<u8> {
        let mut out = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, sof, 0, 17, 8];
        out.extend(height.to_be_bytes());
        out.extend(width.to_be_bytes());
        out.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xFF, 0xD9]);
        out
    }

    /// A little-endian TIFF whose first directory has these entries, and after it `tail` (which begins at 200).
    fn tiff(entries: &[(u16, u32)], tail: &[u8]) -> Source {
        let mut out = b"II\x2a\0\x08\0\0\0".to_vec();
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, value) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(4u16.to_le_bytes());
            out.extend(1u32.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.resize(200, 0);
        out.extend(tail);
        Source::from_bytes(out)
    }

    #[test]
    fn the_larger_of_two_is_taken() {
        let (small, large) = (jpeg(0xC0, 160, 120), jpeg(0xC0, 1600, 1200));
        let at = 200 + small.len() as u32;
        let source = tiff(
            &[
                (0x103, 6),
                (0x111, at),
                (0x117, large.len() as u32),
                (0x201, 200),
                (0x202, small.len() as u32),
            ],
            &[small, large].concat(),
        );
        let preview = largest(&source).unwrap();
        assert_eq!((preview.at, preview.width, preview.height), (u64::from(at), 1600, 1200));
    }

    #[test]
    fn a_lossless_strip_is_no_preview() {
        let (sensor, thumb) = (jpeg(0xC3, 6000, 4000), jpeg(0xC0, 160, 120));
        let at = 200 + sensor.len() as u32;
        let entries = [
            (0x103, 6),
            (0x111, 200),
            (0x117, sensor.len() as u32),
            (0x201, at),
            (0x202, thumb.len() as u32),
        ];
        let source = tiff(&entries, &[sensor.clone(), thumb].concat());
        assert_eq!(largest(&source).unwrap().width, 160);
        assert_eq!(largest(&tiff(&entries[..3], &sensor)), None);
    }

    #[test]
    fn a_preview_that_no_directory_names_is_searched_for() {
        let source = tiff(&[(0x100, 1)], &[vec![7; 300_000], jpeg(0xC0, 640, 480)].concat());
        assert_eq!(largest(&source).unwrap().width, 640);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), kind in 0usize..4) {
            let head: &[u8] = [b"II\x2a\0\x08\0\0\0".as_slice(), b"\0\0\0\x18ftypcrx ", b"II\x1a\0\0\0HEAPCCDR", b"FUJIFILM"][kind];
            let _ = largest(&Source::from_bytes([head, &bytes].concat()));
        }
    }
}

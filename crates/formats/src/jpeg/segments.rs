//! The walk over the segments of a JPEG before its first scan; the only one, for metadata, profiles, previews and
//! the JPEG streams in TIFF.

use crate::bytes::View;

/// Markers before the first scan; a file with more is not a picture.
const MAX_MARKERS: usize = 4096;
/// Bytes of damage that are skipped in search of the next marker.
const MAX_JUNK: u64 = 64 * 1024;

/// The second byte of markers.
pub mod marker {
    pub const HUFFMAN_TABLES: u8 = 0xC4;
    pub const RESTART_0: u8 = 0xD0;
    pub const START: u8 = 0xD8;
    pub const END: u8 = 0xD9;
    pub const SCAN: u8 = 0xDA;
    pub const QUANTISATION_TABLES: u8 = 0xDB;
    pub const RESTART_INTERVAL: u8 = 0xDD;
    /// Huffman-coded frames: baseline, extended, progressive.
    pub const BASELINE: u8 = 0xC0;
    pub const EXTENDED: u8 = 0xC1;
    pub const PROGRESSIVE: u8 = 0xC2;

    /// Whether a frame's header follows, which has the size.
    pub fn is_frame(marker: u8) -> bool {
        matches!(marker, 0xC0..=0xCF) && !matches!(marker, HUFFMAN_TABLES | 0xC8 | 0xCC)
    }

    /// Whether no length and no body follow.
    pub(super) fn is_bare(marker: u8) -> bool {
        matches!(marker, 0x01 | RESTART_0..=START)
    }
}

/// What a walk does at bytes that are no marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It searches for the next marker, as decoders do.
    Skipped,
    /// It ends.
    Ends,
}

/// A segment with a length.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    pub marker: u8,
    /// The contents after the length, limited to the available bytes.
    pub body: View<'a>,
    /// Whether all of the contents are available.
    pub is_whole: bool,
    /// The end of the segment, from the start of the JPEG.
    pub end: u64,
}

/// The segments from the start of a JPEG up to its first scan, whose header is the last one.
pub fn before_scan(view: View<'_>, damage: Damage) -> impl Iterator<Item = Segment<'_>> {
    // The first byte of Minolta's previews is not that of a marker.
    let mut next = Some(if view.u8(1) == Some(marker::START) { 2 } else { 0 });
    let mut count = 0;
    std::iter::from_fn(move || {
        let mut at = next?;
        let marker = loop {
            count += 1;
            let marker = next_marker(view, &mut at, damage).filter(|_| count <= MAX_MARKERS)?;
            if !marker::is_bare(marker) {
                break marker;
            }
        };
        if marker == marker::END {
            return None;
        }
        let length = u64::from(view.be16(at)?);
        let body_length = length.checked_sub(2)?;
        let body = view.part(at + 2, body_length);
        let end = at + length;
        next = (marker != marker::SCAN).then_some(end);
        Some(Segment { marker, body, is_whole: body.len() == body_length, end })
    })
    .fuse()
}

/// Moves behind the next marker and returns its second byte.
fn next_marker(view: View<'_>, at: &mut u64, damage: Damage) -> Option<u8> {
    let limit = at.saturating_add(MAX_JUNK);
    while *at < limit {
        let [first, second] = view.array(*at)?;
        match (first, second) {
            // Any number of 0xFF may precede a marker.
            (0xFF, 0xFF) => *at += 1,
            (0xFF, 1..) => {
                *at += 2;
                return Some(second);
            }
            _ if damage == Damage::Ends => return None,
            _ => *at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Reader;

    fn walk(bytes: &[u8], damage: Damage) -> Vec<(u8, u64, bool, u64)> {
        let reader = Reader::from_bytes(bytes.to_vec());
        before_scan(reader.view(), damage).map(|s| (s.marker, s.body.len(), s.is_whole, s.end)).collect()
    }

    #[test]
    fn fill_bytes_and_bare_markers_are_passed_and_the_scan_is_the_last() {
        let file = b"\xFF\xD8\xFF\xFF\xE0\0\x03a\xFF\x01\xFF\xDA\0\x02\xFF\xE1\0\x02";
        for damage in [Damage::Ends, Damage::Skipped] {
            assert_eq!(walk(file, damage), [(0xE0, 1, true, 8), (0xDA, 0, true, 14)]);
        }
    }

    #[test]
    fn damage_between_segments_is_skipped_or_ends_the_walk() {
        let file = b"\xFF\xD8\xFF\xE0\0\x02xx\xFF\0\xFF\xE1\0\x02";
        assert_eq!(walk(file, Damage::Ends), [(0xE0, 0, true, 6)]);
        assert_eq!(walk(file, Damage::Skipped), [(0xE0, 0, true, 6), (0xE1, 0, true, 14)]);
    }

    #[test]
    fn a_cut_segment_is_marked_and_an_impossible_length_ends_the_walk() {
        assert_eq!(walk(b"\xFF\xD8\xFF\xE0\0\x09ab", Damage::Ends), [(0xE0, 2, false, 13)]);
        assert_eq!(walk(b"\xFF\xD8\xFF\xE0\0\x01\xFF\xE1\0\x02", Damage::Ends), []);
        assert_eq!(walk(b"\xFF\xD8\xFF\xD9\xFF\xE1\0\x02", Damage::Skipped), []);
        let many =
            |segment: &[u8]| [&b"\xFF\xD8"[..], &segment.repeat(MAX_MARKERS), b"\xFF\xE2\0\x02"].concat();
        assert_eq!(walk(&many(b"\xFF\xE1\0\x02"), Damage::Skipped).len(), MAX_MARKERS);
        assert_eq!(walk(&many(b"\xFF\xD0"), Damage::Skipped), []);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0xE0u8..=0xFF, 0..300), skip: bool) {
            walk(&bytes, if skip { Damage::Skipped } else { Damage::Ends });
        }
    }
}

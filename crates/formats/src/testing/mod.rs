//! Builders of small files for the tests of the container readers, and the damage that every reader must withstand.

pub(crate) mod bmff;
pub(crate) mod ebml;
pub(crate) mod jpeg;
pub(crate) mod mpeg;
pub(crate) mod png;
pub(crate) mod riff;
pub(crate) mod tiff;

use super::bytes::Reader;
use super::{Findings, sniff};
use albumen_core::vocabulary::Format;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

/// Reads of one damaged file of a few kB: ten for each of the 50,000 parts of its budget. Structures that refer to each
/// other must not multiply the work up to the reader's own limit, 16 million.
const MOST_READS: u64 = 500_000;

/// What one damaged file of a few kB may leave in memory, printed.
const MOST_KEPT: usize = 1 << 20;

/// Reads a file; the format must be detected from its bytes.
#[track_caller]
pub(crate) fn read(bytes: &[u8], format: Format) -> Findings {
    let reader = Reader::from_bytes(bytes.to_vec());
    assert_eq!(sniff::sniff(&reader), Some(format));
    super::read(&reader, format)
}

/// Reads a damaged file and checks that the facts are possible and the work is within bounds.
#[track_caller]
pub(crate) fn read_damaged(bytes: Vec<u8>, format: Format) -> Findings {
    let reader = Reader::from_bytes(bytes);
    let found = super::read(&reader, format);
    assert!(reader.reads() < MOST_READS, "{} reads", reader.reads());
    let len = reader.len();
    for (at, length) in [found.mpf, found.embedded_video].into_iter().flatten() {
        assert!(at.checked_add(length).is_some_and(|end| end <= len), "{at} + {length} of {len}");
    }
    assert!(found.orientation.is_none_or(|o| (1..=8).contains(&o)), "{:?}", found.orientation);
    let mut numbers = Vec::new();
    if let Some(movie) = &found.movie {
        numbers.extend([movie.duration_s, movie.fps]);
        assert!(movie.gps.is_none_or(|g| g.lat.abs() <= 90.0 && g.lon.abs() <= 180.0), "{:?}", movie.gps);
    }
    if let Some(exif) = &found.exif {
        numbers.extend([exif.f_number, exif.exposure_s, exif.focal_mm, exif.focal_35mm]);
        assert!(exif.orientation.is_none_or(|o| (1..=8).contains(&o)), "{:?}", exif.orientation);
        assert!(exif.iso.is_none_or(|i| i < 10_000_000), "{:?}", exif.iso);
        assert!(exif.gps.is_none_or(|g| g.lat.abs() <= 90.0 && g.lon.abs() <= 180.0), "{:?}", exif.gps);
    }
    assert!(numbers.iter().flatten().all(|v| v.is_finite() && *v > 0.0), "{numbers:?}");
    found
}

/// Cuts the file at every offset, and writes extreme numbers of 16, 32 and 64 bits at every offset. A cut file has the
/// size of the whole file, or none.
#[track_caller]
pub(crate) fn withstands_extremes(whole: &[u8], format: Format) {
    let coded = read(whole, format).coded;
    for end in 0..whole.len() {
        let cut = read_damaged(whole[..end].to_vec(), format).coded;
        assert!(cut.is_none() || cut == coded, "cut at {end}: {cut:?}");
    }
    // 1 in either byte order, and the extremes of each width.
    let extremes: [&[u8]; 5] = [&[0; 4], &[0xFF; 2], &[0xFF; 4], &[0xFF; 8], &[0, 0, 0, 1, 0, 0, 0]];
    for at in 0..whole.len() {
        for number in extremes {
            let mut bytes = whole.to_vec();
            let end = (at + number.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&number[..end - at]);
            read_damaged(bytes, format);
        }
    }
}

/// Any mixture of damage leaves the reader within its bounds.
pub(crate) fn withstands_mutations(whole: &[u8], format: Format) {
    let damage = proptest::collection::vec(Damage::any(), 1..8);
    TestRunner::default()
        .run(&damage, |all| {
            let found = read_damaged(all.iter().fold(whole.to_vec(), |b, damage| damage.applied(b)), format);
            assert!(format!("{found:?}").len() < MOST_KEPT, "too much is kept");
            Ok(())
        })
        .unwrap();
}

/// One change to the bytes of a file.
#[derive(Debug, Clone)]
enum Damage {
    Byte(Index, u8),
    Long(Index, u32),
    Cut(Index),
    Remove(Index, Index),
    /// A part of the file, inserted at a second place: duplicates, and structures inside others.
    Copy(Index, Index, Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Damage> {
        // Small numbers are offsets and counts that still refer to something.
        let number = prop_oneof![0u32..4096, any::<u32>(), any::<u16>().prop_map(|v| u32::from(v) << 16)];
        prop_oneof![
            4 => (any::<Index>(), any::<u8>()).prop_map(|(at, v)| Damage::Byte(at, v)),
            4 => (any::<Index>(), number).prop_map(|(at, v)| Damage::Long(at, v)),
            1 => any::<Index>().prop_map(Damage::Cut),
            1 => any::<(Index, Index)>().prop_map(|(a, b)| Damage::Remove(a, b)),
            2 => any::<(Index, Index, Index)>().prop_map(|(a, b, to)| Damage::Copy(a, b, to)),
        ]
    }

    fn applied(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return bytes;
        }
        let len = bytes.len();
        let range = |a: &Index, b: &Index| {
            let (a, b) = (a.index(len), b.index(len));
            a.min(b)..a.max(b)
        };
        match self {
            Damage::Byte(at, value) => bytes[at.index(len)] = *value,
            Damage::Long(at, value) => {
                let at = at.index(len);
                let end = (at + 4).min(len);
                bytes[at..end].copy_from_slice(&value.to_be_bytes()[..end - at]);
            }
            Damage::Cut(end) => bytes.truncate(end.index(len)),
            Damage::Remove(a, b) => drop(bytes.drain(range(a, b))),
            Damage::Copy(a, b, to) => {
                let part = bytes[range(a, b)].to_vec();
                let to = to.index(len);
                bytes.splice(to..to, part);
            }
        }
        bytes
    }
}

/// An XMP packet with this title.
pub(crate) fn xmp(title: &str) -> Vec<u8> {
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title><rdf:Alt>\
         <rdf:li xml:lang='x-default'>{title}</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

/// The titles of the XMP packets.
pub(crate) fn titles(found: &Findings) -> Vec<&str> {
    found.tags().filter_map(|x| x.title.as_deref()).collect()
}

/// An IPTC block with this headline, and its Photoshop resource.
pub(crate) fn iptc_resource(caption: &str) -> Vec<u8> {
    let block = iptc(caption);
    let padding = vec![0; block.len() % 2];
    [b"8BIM\x04\x04\0\0", &(block.len() as u32).to_be_bytes()[..], &block, &padding].concat()
}

/// An IPTC block with this caption.
pub(crate) fn iptc(caption: &str) -> Vec<u8> {
    [&[0x1C, 2, 120][..], &(caption.len() as u16).to_be_bytes(), caption.as_bytes()].concat()
}

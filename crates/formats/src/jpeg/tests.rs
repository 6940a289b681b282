use super::*;
use crate::testing::jpeg::{self, exif, frame, jpeg, segment};
use crate::testing::tiff::{self, Value, short, simple};
use crate::testing::{self, titles, xmp};
use albumen_core::vocabulary::Format;

fn read_file(segments: &[Vec<u8>]) -> Findings {
    testing::read(&jpeg(segments), Format::Jpeg)
}

fn block(description: &'static [u8]) -> Vec<u8> {
    simple(vec![(0x10E, Value::Ascii(description))])
}

fn photoshop(resources: &[u8]) -> Vec<u8> {
    segment(0xED, &[PHOTOSHOP_HEADER, resources].concat())
}

/// A part of extended XMP: digest, total length, offset, bytes.
fn extension(total: u32, offset: u32, part: &[u8]) -> Vec<u8> {
    let numbers = [total.to_be_bytes(), offset.to_be_bytes()].concat();
    segment(0xE1, &[XMP_EXTENSION_HEADER, &[b'A'; 32], &numbers, part].concat())
}

fn sample() -> Vec<Vec<u8>> {
    let extended = xmp("Extended");
    let (first, second) = extended.split_at(100);
    let total = extended.len() as u32;
    vec![
        segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        exif(&block(b"Words\0")),
        jpeg::xmp(&xmp("Packet")),
        extension(total, 100, second),
        extension(total, 0, first),
        segment(0xE2, ISO_GAIN_MAP_HEADER),
        photoshop(&testing::iptc_resource("Caption")),
    ]
}

#[test]
fn every_segment() {
    let found = read_file(&sample());
    assert_eq!(found.coded, Some((32, 16)));
    assert_eq!(found.exif.as_ref().unwrap().description.as_deref(), Some("Words"));
    assert_eq!(titles(&found), ["Packet", "Extended"]);
    assert_eq!(found.iptc.as_ref().unwrap().description.as_deref(), Some("Caption"));
    assert!(found.iso_gain_map);
}

#[test]
fn every_kind_of_frame_has_a_size() {
    for marker in (0xC0..=0xCF).filter(|m| !matches!(m, 0xC4 | 0xC8 | 0xCC)) {
        let found = read_file(&[segment(0xC4, &[0; 20]), frame(marker, 640, 480), frame(marker, 1, 1)]);
        assert_eq!(found.coded, Some((640, 480)), "{marker:02X}: the first frame counts");
    }
    // Tables and the scan are not frames.
    for marker in [0xC4, 0xC8, 0xCC] {
        assert_eq!(read_file(&[frame(marker, 640, 480)]).coded, Some((32, 16)), "{marker:02X}");
    }
    assert_eq!(read_file(&[segment(0xDA, &[0; 6]), frame(0xC0, 640, 480)]).coded, None);
}

#[test]
fn blocks_over_several_segments() {
    // One TIFF structure in two segments, then a second block with values that the first lacks.
    let block = simple(vec![(0x10E, Value::Ascii(b"A long description\0")), (0x112, short(6))]);
    let (first, second) = block.split_at(45);
    let other = simple(vec![(0x10E, Value::Ascii(b"Second\0")), (0x110, Value::Ascii(b"Model\0"))]);
    let found = read_file(&[exif(first), exif(second), exif(&other)]).exif.unwrap();
    assert_eq!(
        (found.description.as_deref(), found.model.as_deref()),
        (Some("A long description"), Some("Model"))
    );
    assert_eq!(found.orientation, Some(6));
    let resources = [testing::iptc_resource("A caption in two parts")].concat();
    let (first, second) = resources.split_at(20);
    let found = read_file(&[photoshop(first), photoshop(second)]);
    assert_eq!(found.iptc.unwrap().description.as_deref(), Some("A caption in two parts"));
}

#[test]
fn packets_in_photoshops_resources() {
    let resource = |id: u16, body: &[u8]| {
        let head = [b"8BIM", &id.to_be_bytes()[..], &[0, 0], &(body.len() as u32).to_be_bytes()].concat();
        [head, body.to_vec(), vec![0; body.len() % 2]].concat()
    };
    let all = [
        resource(0x0404, &testing::iptc("Caption")),
        resource(0x0422, &block(b"Words\0")),
        resource(0x0424, &xmp("Packet")),
    ];
    let found = read_file(&[photoshop(&all.concat())]);
    assert_eq!(titles(&found), ["Packet"]);
    assert_eq!(found.exif.unwrap().description.as_deref(), Some("Words"));
    assert_eq!(found.iptc.unwrap().description.as_deref(), Some("Caption"));
    // A name of even and of odd length, and a length beyond the end.
    for name in [&b"\x01a"[..], b"\x02ab\0"] {
        let body = testing::iptc("Caption");
        let bytes = [b"8BIM\x04\x04", name, &u32::MAX.to_be_bytes(), &body].concat();
        assert_eq!(read_file(&[photoshop(&bytes)]).iptc.unwrap().description.as_deref(), Some("Caption"));
    }
}

#[test]
fn xmp_with_a_wrong_header() {
    let packet = xmp("Packet");
    let loose = segment(0xE1, &[b"http://ns.adobe.com/xmp/\0", &packet[..]].concat());
    assert_eq!(titles(&read_file(&[loose])), ["Packet"]);
    assert!(read_file(&[segment(0xE1, b"http://ns.adobe.com/xmp/")]).xmp.is_empty());
}

#[test]
fn extended_packets_with_missing_or_overlapping_parts() {
    let packet = xmp("Extended");
    let total = packet.len() as u32;
    let read_parts = |parts: &[(u32, u32, &[u8])]| {
        let segments =
            parts.iter().map(|(total, offset, part)| extension(*total, *offset, part)).collect::<Vec<_>>();
        read_file(&segments).tags().count()
    };
    assert_eq!(read_parts(&[(total, 0, &packet)]), 1);
    assert_eq!(read_parts(&[(total, 0, &packet), (total, 0, &packet)]), 1, "twice the same part");
    assert_eq!(read_parts(&[(total, 0, &packet[..100])]), 0, "a part is missing");
    // Limit: 8 MiB, the size of a packet. Offsets beyond the total length are ignored.
    for total in [u32::MAX, (8 << 20) + 1] {
        assert_eq!(read_parts(&[(total, 0, &packet)]), 0);
    }
    assert_eq!(read_parts(&[(total, 0, &packet), (total, u32::MAX, &packet), (total, 1, &packet)]), 1);
}

/// A JPEG with a directory of pictures, whose second entry is `other` behind it.
fn with_directory(other: &[u8], entries: usize, offset: impl Fn(u32) -> u32) -> Vec<u8> {
    let directory = |offset: u32| {
        let mut bytes = vec![0; 16 * entries];
        for entry in bytes.chunks_exact_mut(16).skip(1) {
            entry[4..8].copy_from_slice(&(other.len() as u32).to_le_bytes());
            entry[8..12].copy_from_slice(&offset.to_le_bytes());
        }
        let block = simple(vec![(0xB002, Value::Undefined(bytes))]);
        jpeg(&[segment(0xE2, &[MPF_HEADER, &block].concat())])
    };
    // The structure begins behind SOI, marker, length and header; offsets count from there.
    let right = directory(0).len() as u32 - 10;
    [directory(offset(right)), other.to_vec()].concat()
}

#[test]
fn gain_maps_in_further_pictures() {
    let gain_map = |packet: &str| {
        let other = jpeg(&[jpeg::xmp(packet.as_bytes())]);
        testing::read(&with_directory(&other, 2, |at| at), Format::Jpeg)
    };
    let rdf = |namespace: &str, attribute: &str| {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <rdf:Description rdf:about='' xmlns:n='{namespace}' n:{attribute}/></rdf:RDF></x:xmpmeta>"
        )
    };
    let google = gain_map(&rdf("http://ns.adobe.com/hdr-gain-map/1.0/", "Version='1.0'"));
    assert!(google.google_gain_map && !google.apple_gain_map && !google.iso_gain_map);
    let iso = with_directory(&jpeg(&[segment(0xE2, ISO_GAIN_MAP_HEADER)]), 2, |at| at);
    let found = testing::read(&iso, Format::Jpeg);
    assert!(found.iso_gain_map);
    assert_eq!(found.mpf.map(|(at, _)| at), Some(10));
    assert_eq!(found.coded, Some((32, 16)));
}

/// Limit: 8 pictures of a directory.
#[test]
fn directories_of_pictures_that_lead_elsewhere() {
    let other = jpeg(&[segment(0xE2, ISO_GAIN_MAP_HEADER)]);
    let is_found = |entries, offset: &dyn Fn(u32) -> u32| {
        testing::read(&with_directory(&other, entries, offset), Format::Jpeg).iso_gain_map
    };
    assert!(is_found(2, &|at| at) && is_found(4000, &|at| at));
    assert!(!is_found(2, &|at| at + 1) && !is_found(2, &|_| u32::MAX) && !is_found(1, &|at| at));
    // The further picture has a directory of its own, which is not followed.
    let inner = with_directory(&other, 2, |at| at);
    assert!(!testing::read(&with_directory(&inner, 2, |at| at), Format::Jpeg).iso_gain_map);
}

/// Limits: 4,096 segments; 64 KiB of damage between two of them.
#[test]
fn segments_and_damage_beyond_the_limits_end_the_walk() {
    let after = |n: usize| read_file(&[segment(0xEB, &[]).repeat(n)]).coded;
    assert_eq!((after(4095), after(4096)), (Some((32, 16)), None));
    let behind = |junk: &[u8]| read_file(&[segment(0xEB, &[]), junk.to_vec()]).coded;
    assert_eq!((behind(&[0; 65_535]), behind(&[0; 65_536])), (Some((32, 16)), None));
    // Fill bytes, stuffed bytes and markers without contents.
    assert_eq!(behind(&[0xFF; 100]), Some((32, 16)));
    assert_eq!(behind(&[0xFF, 0, 0xFF, 0xD0, 0xFF, 0xD8, 0xFF, 1]), Some((32, 16)));
}

#[test]
fn an_invalid_length_ends_the_walk_and_keeps_the_rest() {
    for length in [0u16, 1] {
        let broken = [&[0xFF, 0xEB][..], &length.to_be_bytes()].concat();
        let found = read_file(&[jpeg::xmp(&xmp("Packet")), broken]);
        assert_eq!((titles(&found).len(), found.coded), (1, None), "{length}");
    }
    let beyond = read_file(&[jpeg::xmp(&xmp("Packet")), vec![0xFF, 0xEB, 0xFF, 0xFF]]);
    assert_eq!((titles(&beyond).len(), beyond.coded), (1, None));
}

/// Limits: 24 packets of a file; 4 MiB of joined segments.
#[test]
fn packets_beyond_the_limits_are_not_read() {
    assert_eq!(read_file(&[jpeg::xmp(&xmp("t")).repeat(30)]).xmp.len(), 24);
    // 70 segments of 64 KB of a block whose value is at the end.
    let mut first = simple(vec![(0x10E, Value::Ascii(b"four MB further\0")), (0x112, short(6))]);
    let value = first.len() - 16;
    first.splice(value..value, vec![0; 60_000 - first.len()]);
    let at = |offset: u32| {
        let mut first = first.clone();
        first[18..22].copy_from_slice(&offset.to_le_bytes());
        let next = exif(&[&[b'x'; 65_000][..]].concat());
        read_file(&[exif(&first), next.repeat(70)]).exif.unwrap()
    };
    assert_eq!(at(4_100_000).description.unwrap().len(), 16);
    assert_eq!((at(4_200_000).description, at(4_200_000).orientation), (None, Some(6)));
}

#[test]
fn damage_never_gives_more_than_is_there() {
    testing::withstands_extremes(&jpeg(&sample()), Format::Jpeg);
    testing::withstands_mutations(&jpeg(&sample()), Format::Jpeg);
    let other = jpeg(&[segment(0xE2, ISO_GAIN_MAP_HEADER)]);
    let pictures = with_directory(&other, 3, |at| at);
    testing::withstands_mutations(&pictures, Format::Jpeg);
    let big = tiff::tiff(false, 42, &[vec![(0x112, short(6))]]);
    testing::withstands_extremes(&jpeg(&[exif(&big)]), Format::Jpeg);
}

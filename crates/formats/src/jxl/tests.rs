use super::*;
use crate::testing::bmff::{boxed, longs, of, uuid};
use crate::testing::tiff::{Value, simple};
use crate::testing::{self, titles, xmp};
use albumen_core::vocabulary::Format;

/// Bits, least significant first: width and value of each field.
fn bits(fields: &[(usize, u32)]) -> Vec<u8> {
    let all: Vec<u32> = fields.iter().flat_map(|(n, v)| (0..*n).map(move |i| v >> i & 1)).collect();
    all.chunks(8).map(|c| c.iter().enumerate().fold(0, |b, (i, bit)| b | (*bit as u8) << i)).collect()
}

fn stream(fields: &[(usize, u32)]) -> Vec<u8> {
    [&[0xFF, 0x0A][..], &bits(fields), &[0; 8]].concat()
}

/// A codestream of 24 by 16, with an orientation.
fn small(orientation: u32) -> Vec<u8> {
    stream(&[(1, 1), (5, 1), (3, 0), (5, 2), (1, 0), (1, 1), (3, orientation - 1)])
}

fn container(boxes: &[Vec<u8>]) -> Vec<u8> {
    [b"\0\0\0\x0cJXL \r\n\x87\n".to_vec(), boxed(b"ftyp", b"jxl \0\0\0\0jxl "), boxes.concat()].concat()
}

/// An EXIF box: the offset of the structure, then the structure.
fn exif_box(description: &'static [u8]) -> Vec<u8> {
    [&[0; 4][..], &simple(vec![(0x10E, Value::Ascii(description))])].concat()
}

/// Brotli's format without compression, of up to 64 KiB.
fn stored(bytes: &[u8]) -> Vec<u8> {
    // Window, not the last block, four digits of length, length less one, not compressed; then an empty last block.
    let head = bits(&[(1, 0), (1, 0), (2, 0), (16, bytes.len() as u32 - 1), (1, 1)]);
    [&head[..], bytes, &[3]].concat()
}

#[test]
fn sizes_in_a_bare_stream() {
    let size = |fields: &[(usize, u32)]| testing::read(&stream(fields), Format::Jxl);
    // Multiples of eight, or numbers of 9, 13, 18 and 30 bits.
    assert_eq!(size(&[(1, 1), (5, 1), (3, 0), (5, 2), (1, 1)]).coded, Some((24, 16)));
    for (choice, width) in [(0, 9), (1, 13), (2, 18), (3, 30)] {
        let largest = (1 << width) - 1;
        let found = size(&[(1, 0), (2, choice), (width, largest), (3, 0), (2, 0), (9, 99), (1, 1)]);
        assert_eq!(found.coded, Some((100, largest + 1)));
    }
    for (ratio, width) in [(1, 800), (2, 960), (3, 1066), (4, 1200), (5, 1422), (6, 1000), (7, 1600)] {
        assert_eq!(
            size(&[(1, 0), (2, 1), (13, 799), (3, ratio), (1, 1)]).coded,
            Some((width, 800)),
            "{ratio}"
        );
    }
}

#[test]
fn the_orientation_of_the_stream() {
    for orientation in 1..=8 {
        let found = testing::read(&small(orientation), Format::Jxl);
        let shown = if orientation >= 5 { (16, 24) } else { (24, 16) };
        assert_eq!((found.coded, found.display), (Some((24, 16)), Some(shown)));
        assert_eq!(found.orientation, Some(orientation as u8));
    }
}

fn sample() -> Vec<u8> {
    let packed = |kind: &[u8; 4], body: &[u8]| boxed(b"brob", &[&kind[..], &stored(body)].concat());
    container(&[
        boxed(b"Exif", &exif_box(b"Words\0")),
        boxed(b"xml ", &xmp("Plain")),
        packed(b"xml ", &xmp("Packed")),
        packed(b"jumb", b"not read"),
        boxed(b"jhgm", &[]),
        boxed(b"jxlp", &[&longs(&[1])[..], &small(3)].concat()),
        boxed(b"jxlp", &[&longs(&[0])[..], &small(6)].concat()),
    ])
}

#[test]
fn metadata_in_boxes() {
    let found = testing::read(&sample(), Format::Jxl);
    assert_eq!((found.coded, found.display, found.orientation), (Some((24, 16)), Some((16, 24)), Some(6)));
    assert_eq!(titles(&found), ["Plain", "Packed"]);
    assert_eq!(found.exif.unwrap().description.as_deref(), Some("Words"));
    assert!(found.iso_gain_map);
    let found = testing::read(
        &container(&[
            boxed(b"jxlc", &small(1)),
            boxed(b"brob", &[b"Exif", &stored(&exif_box(b"Words\0"))[..]].concat()),
        ]),
        Format::Jxl,
    );
    assert_eq!(found.exif.unwrap().description.as_deref(), Some("Words"));
}

// --------------------------------------------------------------------------------------------- JPEG 2000

/// The start of a codestream: the reference grid and its offset.
fn codestream(grid: (u32, u32), offset: (u32, u32)) -> Vec<u8> {
    [b"\xff\x4f\xff\x51\0\x2f\0\0".to_vec(), longs(&[grid.0, grid.1, offset.0, offset.1]), vec![0; 24]]
        .concat()
}

fn jp2(boxes: &[Vec<u8>]) -> Vec<u8> {
    [b"\0\0\0\x0cjP  \r\n\x87\n".to_vec(), boxed(b"ftyp", b"jp2 \0\0\0\0jp2 "), boxes.concat()].concat()
}

fn sample_jp2() -> Vec<u8> {
    jp2(&[
        of(b"jp2h", &[boxed(b"ihdr", &[&longs(&[480, 640])[..], &[0, 3, 7, 7, 0, 0]].concat())]),
        uuid(&EXIF_UUID, &simple(vec![(0x10E, Value::Ascii(b"Words\0"))])),
        uuid(&IPTC_UUID, &testing::iptc("Caption")),
        uuid(&crate::movie::XMP_UUID, &xmp("Packet")),
        boxed(b"jp2c", &codestream((1, 1), (0, 0))),
    ])
}

#[test]
fn jpeg_2000() {
    let found = testing::read(&sample_jp2(), Format::Jp2);
    assert_eq!(found.coded, Some((640, 480)));
    assert_eq!(titles(&found), ["Packet"]);
    assert_eq!(found.exif.unwrap().description.as_deref(), Some("Words"));
    assert_eq!(found.iptc.unwrap().description.as_deref(), Some("Caption"));
    let bare = |grid, offset| testing::read(&codestream(grid, offset), Format::Jp2).coded;
    assert_eq!(bare((650, 490), (10, 10)), Some((640, 480)));
    assert_eq!(bare((10, 10), (11, 0)), None);
    let boxed = jp2(&[boxed(b"jp2c", &codestream((650, 490), (10, 10)))]);
    assert_eq!(testing::read(&boxed, Format::Jp2).coded, Some((640, 480)));
}

#[test]
fn damage_never_gives_more_than_is_there() {
    testing::withstands_extremes(&sample(), Format::Jxl);
    testing::withstands_mutations(&sample(), Format::Jxl);
    testing::withstands_mutations(&small(6), Format::Jxl);
    testing::withstands_extremes(&sample_jp2(), Format::Jp2);
    testing::withstands_mutations(&sample_jp2(), Format::Jp2);
    testing::withstands_mutations(&codestream((650, 490), (10, 10)), Format::Jp2);
}

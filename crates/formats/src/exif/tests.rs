use super::*;
use crate::Findings;
use crate::bytes::Reader;
use crate::testing::tiff::{Directory, Value, directory, long, rational, short, simple, tiff};
use crate::testing::{self, jpeg, xmp};
use albumen_core::vocabulary::Format;

fn read_block(block: Vec<u8>) -> Exif {
    read(Reader::from_bytes(block).view()).unwrap()
}

/// The values of a directory of EXIF.
fn photo(entries: Directory) -> Exif {
    read_block(simple(vec![(0x8769, directory(entries))]))
}

/// The values of a directory of positions.
fn position(entries: Directory) -> Exif {
    read_block(simple(vec![(0x8825, directory(entries))]))
}

fn degrees(tag: u16, d: u32, m: u32, s: u32) -> (u16, Value) {
    (tag, Value::Rational(vec![(d, 1), (m, 1), (s, 1)]))
}

/// All tags that are read.
fn sample() -> Directory {
    let photo = vec![
        (0x829A, rational(1, 250)),
        (0x829D, rational(28, 10)),
        (0x8827, short(200)),
        (0x9003, Value::Ascii(b"2023:07:01 10:20:30\0")),
        (0x9004, Value::Ascii(b"2023:07:01 10:20:31\0")),
        (0x9010, Value::Ascii(b"+03:00\0")),
        (0x9011, Value::Ascii(b"+02:00\0")),
        (0x9012, Value::Ascii(b"+01:00\0")),
        (0x9209, short(0x19)),
        (0x920A, rational(50, 1)),
        (0x9290, Value::Ascii(b"1\0")),
        (0x9291, Value::Ascii(b"25\0")),
        (0x9292, Value::Ascii(b"26\0")),
        (0xA001, short(65535)),
        (0xA002, long(4000)),
        (0xA003, short(3000)),
        (0xA005, directory(vec![(1, Value::Ascii(b"R03\0"))])),
        (0xA403, short(1)),
        (0xA405, short(75)),
        (0xA434, Value::Ascii(b"Painted 50mm\0")),
    ];
    let gps = vec![
        (1, Value::Ascii(b"N\0")),
        degrees(2, 52, 31, 12),
        (3, Value::Ascii(b"w\0")),
        degrees(4, 13, 24, 18),
        (5, Value::Byte(vec![1])),
        (6, rational(340, 10)),
        (7, Value::Rational(vec![(8, 1), (20, 1), (305, 10)])),
        (0x1D, Value::Ascii(b"2023:07:01\0")),
    ];
    vec![
        (0x10E, Value::Ascii(b"By the river\0")),
        (0x10F, Value::Ascii(b"Maker\0")),
        (0x110, Value::Ascii(b"Model 1  \0")),
        (0x112, short(6)),
        (0x131, Value::Ascii(b"Firmware 2\0")),
        (0x132, Value::Ascii(b"2023:08:01 00:00:00\0")),
        (0x2BC, Value::Byte(xmp("Packet"))),
        (0x4746, short(4)),
        (0x4749, short(75)),
        (0x8298, Value::Ascii(b"Photographer\0Editor\0")),
        (0x83BB, Value::Undefined(testing::iptc("Caption"))),
        (0x8649, Value::Undefined(testing::iptc_resource("Resource"))),
        (0x8769, directory(photo)),
        (0x8825, directory(gps)),
        (0x9C9B, Value::Byte(b"T\0i\0t\0l\0e\0\0\0".to_vec())),
        (0x9C9C, Value::Byte(b"W\0o\0r\0d\0s\0".to_vec())),
        (0x9C9E, Value::Byte(b"a\0;\0 \0b\0;\0".to_vec())),
        (0x9C9F, Value::Byte(b"S\0u\0b\0".to_vec())),
    ]
}

#[test]
fn every_tag_in_both_byte_orders() {
    let text = |s: &str| Some(s.to_owned());
    let date = |text: &str, subsec: &str, offset: &str| {
        Some(ExifDate { text: text.into(), subsec: Some(subsec.into()), offset: Some(offset.into()) })
    };
    for little in [true, false] {
        let exif = read_block(tiff(little, 42, &[sample()]));
        let gps = exif.gps.unwrap();
        assert!((gps.lat - 52.52).abs() < 1e-9 && (gps.lon + 13.405).abs() < 1e-9, "{gps:?}");
        assert_eq!(gps.alt, Some(-34.0));
        let expected = Exif {
            make: text("Maker"),
            model: text("Model 1"),
            software: text("Firmware 2"),
            description: text("By the river"),
            copyright: text("Photographer, Editor"),
            xp_title: text("Title"),
            xp_comment: text("Words"),
            xp_subject: text("Sub"),
            xp_keywords: vec!["a".into(), "b".into()],
            orientation: Some(6),
            original: date("2023:07:01 10:20:30", "25", "+02:00"),
            digitized: date("2023:07:01 10:20:31", "26", "+01:00"),
            modified: date("2023:08:01 00:00:00", "1", "+03:00"),
            gps_time: text("2023:07:01 08:20:30.500"),
            gps: Some(gps),
            iso: Some(200),
            f_number: Some(2.8),
            exposure_s: Some(0.004),
            focal_mm: Some(50.0),
            focal_35mm: Some(75.0),
            flash: Some(true),
            white_balance: Some("manual"),
            lens: text("Painted 50mm"),
            rating: Some(4),
            rating_percent: Some(75),
            pixels: Some((4000, 3000)),
            colour_space: Some(65535),
            interoperability: text("R03"),
            xmp: Some(xmp("Packet")),
            iptc: Some(testing::iptc("Caption")),
            photoshop: Some(testing::iptc_resource("Resource")),
            ..Exif::default()
        };
        assert_eq!(exif, expected, "little-endian: {little}");
        assert!(exif.is_adobe_rgb());
    }
}

#[test]
fn values_that_mean_unknown_are_absent() {
    let nothing = Exif { flash: Some(false), ..Exif::default() };
    let found = photo(vec![
        (0x829A, rational(1, 0)),
        (0x829D, rational(0, 1)),
        (0x8827, short(0)),
        (0x9003, Value::Ascii(b"   \0")),
        (0x9209, short(0x10)),
        (0x920A, rational(0, 0)),
        (0xA002, long(0)),
        (0xA003, long(3000)),
        (0xA403, short(7)),
        (0xA405, rational(u32::MAX, 1)),
        (0xA434, Value::Ascii(b"-----\0")),
    ]);
    assert_eq!(found, nothing);
    assert_eq!(read_block(simple(vec![(0x112, short(0))])).orientation, None);
    assert_eq!(read_block(simple(vec![(0x112, short(9))])).orientation, None);
    assert_eq!(photo(vec![(0xA434, Value::Ascii(b"N/A\0"))]).lens, None);
    assert_eq!(read_block(simple(vec![(0x8298, Value::Ascii(b" \0\0"))])).copyright, None);
}

#[test]
fn substitutes_for_missing_tags() {
    let exposure = photo(vec![
        (0x9201, Value::SignedRational(vec![(8, 1)])),
        (0x9202, rational(4, 1)),
        (0x8827, short(65535)),
        (0x8832, long(102_400)),
        (0xA432, Value::Rational(vec![(18, 1), (70, 1), (35, 10), (45, 10)])),
    ]);
    assert_eq!((exposure.exposure_s, exposure.f_number), (Some(1.0 / 256.0), Some(4.0)));
    assert_eq!((exposure.iso, exposure.lens.as_deref()), (Some(102_400), Some("18-70mm f/3.5-4.5")));
    // APEX values beyond 30 steps are not exposures.
    let beyond =
        photo(vec![(0x9201, Value::SignedRational(vec![(-31, 1)])), (0x9202, rational(u32::MAX, 1))]);
    assert_eq!((beyond.exposure_s, beyond.f_number), (None, None));
    // All tags in the directory of the other.
    let swapped = read_block(simple(vec![
        (0x829D, rational(4, 1)),
        (0x8769, directory(vec![(0x10F, Value::Ascii(b"Maker\0"))])),
    ]));
    assert_eq!((swapped.f_number, swapped.make.as_deref()), (Some(4.0), Some("Maker")));
}

#[test]
fn positions_in_unusual_spellings() {
    let at = |lat: Value, lon: Value| position(vec![(2, lat), (4, lon)]).gps;
    let gps = |lat, lon| Some(Gps { lat, lon, alt: None });
    assert_eq!(at(Value::Ascii(b"51.5\0"), Value::Ascii(b"0,30,0\0")), gps(51.5, 0.5));
    assert_eq!(at(Value::Rational(vec![(51, 1)]), Value::Double(0.5)), gps(51.0, 0.5));
    assert_eq!(at(Value::Rational(vec![(51, 1), (30, 1), (1, 0)]), rational(1, 2)), gps(51.5, 0.5));
    for (lat, lon) in [(0, 0), (91, 1), (1, 181)] {
        assert_eq!(at(rational(lat, 1), rational(lon, 1)), None, "{lat} {lon}");
    }
    for text in [&b"NaN\0"[..], b"inf\0", b"north\0", b"\0"] {
        assert_eq!(at(Value::Ascii(text), rational(1, 1)), None);
    }
    let high = |alt, reference| {
        position(vec![degrees(2, 1, 0, 0), degrees(4, 1, 0, 0), (5, reference), (6, alt)]).gps.unwrap().alt
    };
    assert_eq!(high(rational(100_000, 1), Value::Byte(vec![0])), None);
    assert_eq!(high(rational(10, 1), Value::Ascii(b"1\0")), Some(-10.0));
}

#[test]
fn times_of_satellites_are_within_a_day() {
    let time = |h, m, s: (u32, u32)| {
        let clock = Value::Rational(vec![(h, 1), (m, 1), s]);
        position(vec![(7, clock), (0x1D, Value::Ascii(b"2023:07:01\0"))]).gps_time
    };
    assert_eq!(time(23, 59, (60, 1)).as_deref(), Some("2023:07:01 23:59:60"));
    assert_eq!(time(1, 2, (99_999, 10_000)).as_deref(), Some("2023:07:01 01:02:09.999"));
    for (h, m, s) in [(24, 0, 0), (0, 60, 0), (0, 0, 61), (u32::MAX, 0, 0)] {
        assert_eq!(time(h, m, (s, 1)), None);
    }
}

#[test]
fn colour_spaces() {
    let adobe = |space: Option<u16>, rule: &'static [u8]| {
        let mut entries = vec![(0xA005, directory(vec![(1, Value::Ascii(rule))]))];
        entries.extend(space.map(|v| (0xA001, short(v))));
        photo(entries).is_adobe_rgb()
    };
    assert!(adobe(Some(2), b"R98\0") && adobe(Some(65535), b"R03\0") && adobe(None, b"R03\0"));
    assert!(!adobe(Some(1), b"R03\0") && !adobe(Some(65535), b"R98\0") && !adobe(None, b"\0"));
}

#[test]
fn the_first_of_two_blocks_and_of_two_tags_has_precedence() {
    let mut found = Findings::default();
    let block = |entries| Some(read_block(simple(entries)));
    found.add_exif(block(vec![(0x10F, Value::Ascii(b"First\0")), (0x10F, Value::Ascii(b"Twice\0"))]));
    found.add_exif(block(vec![
        (0x10F, Value::Ascii(b"Second\0")),
        (0x110, Value::Ascii(b"Model\0")),
        (0x9C9E, Value::Byte(b"a\0".to_vec())),
    ]));
    let exif = found.exif.unwrap();
    assert_eq!((exif.make.as_deref(), exif.model.as_deref()), (Some("First"), Some("Model")));
    assert_eq!(exif.xp_keywords, ["a"]);
}

/// Limits: 24 packets of a file; 4,096 keywords, each of 1,024 bytes; 64 KiB of a text.
#[test]
fn values_beyond_the_limits_are_cut() {
    let mut found = Findings::default();
    for i in 0..30 {
        let exif = Exif { iso: Some(i + 1), xmp: Some(xmp("t")), ..Exif::default() };
        found.add_exif(Some(exif));
    }
    assert_eq!(found.xmp.len(), 12, "each block counts as two packets");
    let words: Vec<u8> = "a;".repeat(5000).encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_block(simple(vec![(0x9C9E, Value::Byte(words))])).xp_keywords.len(), 4096);
    let long: Vec<u8> = "a".repeat(3000).encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_block(simple(vec![(0x9C9E, Value::Byte(long))])).xp_keywords[0].len(), 1024);
    static LONG: [u8; 100_000] = [b'a'; 100_000];
    let text = read_block(simple(vec![(0x10E, Value::Ascii(&LONG))])).description.unwrap();
    assert_eq!(text.len(), 64 << 10);
}

#[test]
fn directories_that_refer_to_each_other() {
    // EXIF, position, interoperability and maker note are all the first directory.
    let entries = |offset: u32| {
        vec![
            (0x112, short(6)),
            (0x8769, long(offset)),
            (0x8825, long(offset)),
            (0x927C, Value::Undefined(offset.to_le_bytes().to_vec())),
            (0xA005, long(offset)),
        ]
    };
    for offset in [8, 0, 9, 68, u32::MAX] {
        assert_eq!(read_block(simple(entries(offset))).orientation, Some(6), "{offset}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_converted_or_absent() {
    let exif = photo(vec![
        (0x829A, Value::Ascii(b"0.25\0")),
        (0x829D, Value::Double(4.0)),
        (0x8827, Value::Rational(vec![(200, 1)])),
        (0x9003, Value::Short(vec![0x3032, 0x3332])),
        (0x920A, Value::Ascii(b"fifty\0")),
        (0x9209, Value::Ascii(b"on\0")),
    ]);
    assert_eq!((exif.exposure_s, exif.f_number, exif.iso), (Some(0.25), Some(4.0), Some(200)));
    assert_eq!((exif.focal_mm, exif.flash), (None, None));
    assert_eq!(photo(vec![(0x829D, Value::Double(f64::NAN))]).f_number, None);
}

#[test]
fn damage_never_gives_more_than_is_there() {
    assert!(read(Reader::from_bytes(b"Exif\0\0XX*\0".to_vec()).view()).is_none());
    let file = |little| jpeg::jpeg(&[jpeg::exif(&tiff(little, 42, &[sample()]))]);
    testing::withstands_extremes(&file(true), Format::Jpeg);
    testing::withstands_mutations(&file(true), Format::Jpeg);
    testing::withstands_mutations(&file(false), Format::Jpeg);
}

use crate::bytes::Reader;
use crate::exif::{self, Exif};
use crate::testing::tiff::{Directory, Value, after, directory, long, short, tiff};
use crate::testing::{self, jpeg};
use albumen_core::vocabulary::Format;

fn block(little: bool, make: &'static [u8], note: Value) -> Vec<u8> {
    let photo = directory(vec![(0x927C, note)]);
    tiff(little, 42, &[vec![(0x10F, Value::Ascii(make)), (0x8769, photo)]])
}

/// The values of a camera of this make with this note.
fn read_note(little: bool, make: &'static [u8], note: Value) -> Exif {
    exif::read(Reader::from_bytes(block(little, make, note)).view()).unwrap()
}

fn figures() -> Value {
    Value::Rational(vec![(18, 1), (70, 1), (35, 10), (45, 10)])
}

fn name(lens: &'static [u8]) -> Directory {
    vec![(0x203, Value::Ascii(lens))]
}

/// A note of Olympus: its equipment in a directory of its own.
fn olympus(header: &[u8], little: bool, lens: &'static [u8]) -> Value {
    Value::Undefined(after(header, little, &vec![(0x2010, directory(name(lens)))]))
}

fn apple() -> Value {
    let entries = vec![(0x0B, Value::Ascii(b"BURST-1\0")), (0x11, Value::Ascii(b"CONTENT-1\0"))];
    Value::Undefined(after(b"Apple iOS\0\0\x01MM", false, &entries))
}

fn nikon() -> Value {
    let entries = vec![(0x02, Value::Short(vec![0, 800])), (0x84, figures())];
    Value::Undefined([&b"Nikon\0\x02\x10\0\0"[..], &tiff(false, 42, &[entries])].concat())
}

fn canon(lens: &'static [u8]) -> Value {
    let mut settings = vec![0; 26];
    (settings[23], settings[24], settings[25]) = (2240, 576, 32);
    let entries = vec![
        (0x01, Value::Short(settings)),
        (0x04, Value::Short(vec![0, 32, 160])),
        (0x95, Value::Ascii(lens)),
    ];
    Value::Note(b"", entries)
}

#[test]
fn lenses_of_each_maker() {
    let lens = |little, make, note| read_note(little, make, note).lens;
    let pentax = || vec![(0x3F, Value::Byte(vec![3, 250]))];
    let sony = || vec![(0xB027, long(25981))];
    const PENTAX: &str = "smc PENTAX-DA 50-200mm F4-5.6 ED";
    const SONY: &str = "Minolta AF 100mm F2";
    let cases = [
        (lens(true, b"NIKON\0", nikon()), "18-70mm f/3.5-4.5"),
        (lens(false, b"OLYMPUS\0", olympus(b"OLYMPUS\0II\x03\0", true, b"Zuiko 25\0")), "Zuiko 25"),
        (lens(true, b"OLYMPUS\0", olympus(b"OLYMPUS\0MM\x03\0", false, b"Zuiko 25\0")), "Zuiko 25"),
        (lens(true, b"OM\0", olympus(b"OM SYSTEM\0\0\0II\x04\0", true, b"Zuiko 12\0")), "Zuiko 12"),
        (
            lens(
                true,
                b"Panasonic\0",
                Value::Note(b"Panasonic\0\0\0", vec![(0x51, Value::Ascii(b"Vario 14-42\0"))]),
            ),
            "Vario 14-42",
        ),
        (lens(false, b"PENTAX\0", Value::Note(b"AOC\0MM", pentax())), PENTAX),
        (lens(true, b"PENTAX\0", Value::Note(b"AOC\0\0\0", pentax())), PENTAX),
        (lens(false, b"PENTAX\0", Value::Undefined(after(b"PENTAX \0II", true, &pentax()))), PENTAX),
        (lens(true, b"SONY\0", Value::Note(b"SONY DSC \0\0\0", sony())), SONY),
        (lens(true, b"Sony\0", Value::Note(b"", sony())), SONY),
        (lens(true, b"Canon\0", canon(b"EF50mm f/1.8\0")), "EF50mm f/1.8"),
        (lens(true, b"Canon\0", canon(b"----\0")), "18-70mm"),
    ];
    for (found, expected) in cases {
        assert_eq!(found.as_deref(), Some(expected));
    }
    // The equipment as the bytes of a directory, with a name that fits into its entry.
    let bytes = after(&[], true, &name(b"Z1\0"));
    let note = after(b"OLYMPUS\0II\x03\0", true, &vec![(0x2010, Value::Undefined(bytes))]);
    assert_eq!(lens(true, b"OLYMPUS\0", Value::Undefined(note)).as_deref(), Some("Z1"));
}

#[test]
fn fillers_and_foreign_numbers_are_no_lenses() {
    for filler in [&b"----\0"[..], b"NO-LENS\0", b"None\0", b" \0"] {
        assert_eq!(read_note(true, b"OM\0", olympus(b"OM SYSTEM\0\0\0II\x04\0", true, filler)).lens, None);
    }
    let unknown = vec![(0xB027, long(u32::MAX))];
    assert_eq!(read_note(true, b"SONY\0", Value::Note(b"", unknown)).lens, None);
    let short_number = vec![(0x3F, Value::Byte(vec![3]))];
    assert_eq!(read_note(true, b"PENTAX\0", Value::Note(b"AOC\0II", short_number)).lens, None);
    let three = Value::Rational(vec![(18, 1), (70, 1), (35, 10)]);
    let nikon = [&b"Nikon\0\x02\x10\0\0"[..], &tiff(true, 42, &[vec![(0x84, three)]])].concat();
    assert_eq!(read_note(true, b"NIKON\0", Value::Undefined(nikon)).lens, None);
}

#[test]
fn identifiers_sensitivity_and_stars() {
    let exif = read_note(true, b"Apple\0", apple());
    assert_eq!(
        (exif.burst_id.as_deref(), exif.content_identifier.as_deref()),
        (Some("BURST-1"), Some("CONTENT-1"))
    );
    assert_eq!(read_note(true, b"NIKON\0", nikon()).iso, Some(800));
    // Canon's base of 100 and one step more.
    assert_eq!(read_note(true, b"Canon\0", canon(b"L\0")).iso, Some(200));
    let fuji = |stars| {
        let note = after(b"FUJIFILM\x0c\0\0\0", true, &vec![(0x1431, long(stars))]);
        read_note(false, b"FUJIFILM\0", Value::Undefined(note)).maker.rating
    };
    assert_eq!((fuji(3), fuji(6)), (Some(3), None));
}

#[test]
fn standard_tags_have_precedence() {
    let photo = vec![(0x8827, short(100)), (0x927C, nikon()), (0xA434, Value::Ascii(b"Standard\0"))];
    let bytes = tiff(true, 42, &[vec![(0x10F, Value::Ascii(b"NIKON\0")), (0x8769, directory(photo))]]);
    let exif = exif::read(Reader::from_bytes(bytes).view()).unwrap();
    assert_eq!((exif.iso, exif.lens.as_deref()), (Some(100), Some("Standard")));
}

/// Limits: a factor and a base below 1,000 steps, and a value below ten million.
#[test]
fn impossible_sensitivities_are_absent() {
    let iso = |auto, base| {
        let note = Value::Note(b"", vec![(0x04, Value::Short(vec![0, auto, base]))]);
        read_note(true, b"Canon\0", note).iso
    };
    for (auto, base) in [(0, 0), (0, 1000), (1000, 160), (999, 999), (u16::MAX, u16::MAX)] {
        assert_eq!(iso(auto, base), None, "{auto} {base}");
    }
}

#[test]
fn damage_never_gives_more_than_is_there() {
    let notes = [
        (true, &b"Apple\0"[..], apple()),
        (true, b"NIKON\0", nikon()),
        (true, b"Canon\0", canon(b"EF50mm f/1.8\0")),
        (true, b"OLYMPUS\0", olympus(b"OLYMPUS\0II\x03\0", true, b"Zuiko 25\0")),
        (false, b"PENTAX\0", Value::Note(b"AOC\0MM", vec![(0x3F, Value::Byte(vec![3, 250]))])),
        (true, b"SONY\0", Value::Note(b"SONY DSC \0\0\0", vec![(0xB027, long(25981))])),
        (true, b"FUJIFILM\0", Value::Undefined(after(b"FUJIFILM\x0c\0\0\0", true, &vec![(0x1431, long(3))]))),
    ];
    for (little, make, note) in notes {
        let file = jpeg::jpeg(&[jpeg::exif(&block(little, make, note))]);
        testing::withstands_extremes(&file, Format::Jpeg);
        testing::withstands_mutations(&file, Format::Jpeg);
    }
}

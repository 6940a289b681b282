use super::*;
use crate::testing::tiff::{self, Directory, Value, directory, long, short, simple};
use crate::testing::{self, bmff, jpeg, titles, xmp};

/// A directory of a picture of this size, with further entries.
fn picture(size: (u32, u32), more: &[(u16, Value)]) -> Directory {
    let mut entries = vec![(0x100, long(size.0)), (0x101, long(size.1))];
    entries.extend_from_slice(more);
    entries
}

/// A directory of sensor data.
fn sensor(size: (u32, u32), more: &[(u16, Value)]) -> Directory {
    let photometric = (0x106, short(tag::PHOTOMETRIC_MOSAIC as u16));
    picture(size, &[&[photometric][..], more].concat())
}

/// EXIF with the camera's size of the picture.
fn exif(size: (u32, u32)) -> (u16, Value) {
    (0x8769, directory(vec![(0x8827, short(200)), (0xA002, long(size.0)), (0xA003, long(size.1))]))
}

fn make(name: &'static [u8]) -> (u16, Value) {
    (0x10F, Value::Ascii(name))
}

fn read(bytes: &[u8], format: Format) -> Findings {
    testing::read(bytes, format)
}

#[test]
fn a_tiff_with_packets() {
    let page = picture(
        (640, 480),
        &[
            (0x110, Value::Ascii(b"Scanner\0")),
            (0x2BC, Value::Byte(xmp("Packet"))),
            (0x83BB, Value::Undefined(testing::iptc("Caption"))),
            (0x8649, Value::Undefined(testing::iptc_resource("Not read: the first block counts"))),
        ],
    );
    // EXIF in the second page.
    let second =
        picture((64, 48), &[(0x8769, directory(vec![(0x9003, Value::Ascii(b"2001:02:03 04:05:06\0"))]))]);
    for little in [true, false] {
        let found = read(&tiff::tiff(little, 42, &[page.clone(), second.clone()]), Format::Tiff);
        assert_eq!((found.coded, found.display), (Some((640, 480)), None));
        assert_eq!(titles(&found), ["Packet"]);
        assert_eq!(found.iptc.unwrap().description.as_deref(), Some("Caption"));
        let exif = found.exif.unwrap();
        assert_eq!(exif.model.as_deref(), Some("Scanner"));
        assert_eq!(exif.original.unwrap().text, "2001:02:03 04:05:06");
    }
}

/// A Nikon: a thumbnail, and a preview and the sensor's data in sub-directories.
fn nef() -> Vec<u8> {
    let subs = vec![picture((1600, 1200), &[]), sensor((6000, 4000), &[])];
    simple(picture((160, 120), &[make(b"NIKON\0"), (0x14A, Value::Directories(subs)), exif((5980, 3980))]))
}

#[test]
fn the_size_of_the_sensor_and_of_the_picture() {
    let found = read(&nef(), Format::Nef);
    assert_eq!((found.coded, found.display), (Some((6000, 4000)), Some((5980, 3980))));
    assert_eq!(found.exif.unwrap().iso, Some(200));
    // A picture larger than the sensor, or smaller than a quarter of it, is not the sensor's.
    for size in [(6001, 10), (2000, 1000)] {
        let file = simple(sensor((6000, 4000), &[make(b"NIKON\0"), exif(size)]));
        assert_eq!(read(&file, Format::Nef).display, None, "{size:?}");
    }
}

/// Limit: the product of the sides has 64 bits.
#[test]
fn the_largest_sides_do_not_overflow() {
    let size = (u32::MAX, u32::MAX);
    let found = read(&simple(sensor(size, &[make(b"NIKON\0"), exif(size)])), Format::Nef);
    assert_eq!((found.coded, found.display), (Some(size), Some(size)));
}

#[test]
fn a_dng_has_the_size_of_its_crop() {
    let version = (0xC612, Value::Byte(vec![1, 4, 0, 0]));
    let crop = |w, h| (0xC620, Value::Rational(vec![(w, 10), (h, 10)]));
    let file = |more: &[(u16, Value)]| {
        simple(picture(
            (160, 120),
            &[version.clone(), exif((4000, 3000)), (0x14A, directory(sensor((4032, 3024), more)))],
        ))
    };
    let found = read(&file(&[crop(40_160, 30_120)]), Format::Dng);
    assert_eq!((found.coded, found.display), (Some((4032, 3024)), Some((4016, 3012))));
    assert_eq!(read(&file(&[]), Format::Dng).display, None);
    assert_eq!(read(&file(&[crop(0, 30_120)]), Format::Dng).display, None);
    let linear = simple(picture((10, 10), &[version.clone(), (0x106, short(34892))]));
    assert_eq!(read(&linear, Format::Dng).coded, Some((10, 10)));
}

/// A CR2: four bytes of its own before the first directory.
fn cr2(directory: &Directory) -> Vec<u8> {
    tiff::after(b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0", true, directory)
}

#[test]
fn canon_and_panasonic() {
    let found = read(&cr2(&picture((5184, 3456), &[exif((5180, 3450))])), Format::Cr2);
    assert_eq!((found.coded, found.display), (Some((5180, 3450)), Some((5180, 3450))));

    let inner = jpeg::jpeg(&[jpeg::exif(&simple(vec![exif((4000, 3000))])), jpeg::xmp(&xmp("Inner"))]);
    let borders = [
        (2, short(4100)),
        (3, short(3100)),
        (4, short(4)),
        (5, short(8)),
        (6, short(3020)),
        (7, short(4028)),
    ];
    let rw2 = |entries: &[(u16, Value)]| {
        tiff::tiff(
            true,
            0x55,
            &[[&[make(b"Panasonic\0")][..], entries, &[(0x2E, Value::Undefined(inner.clone()))]].concat()],
        )
    };
    let found = read(&rw2(&borders), Format::Rw2);
    assert_eq!((found.coded, found.display), (Some((4020, 3016)), Some((4000, 3000))));
    assert_eq!(titles(&found), ["Inner"]);
    let exif = found.exif.unwrap();
    assert_eq!((exif.make.as_deref(), exif.iso), (Some("Panasonic"), Some(200)));
    // Borders in the wrong order: the whole sensor.
    let swapped = [(2, short(4100)), (3, short(3100)), (5, short(4028)), (7, short(8))];
    assert_eq!(read(&rw2(&swapped), Format::Rw2).coded, Some((4100, 3100)));
}

/// A RAF: the embedded JPEG, then a list of sizes.
fn raf(list: &[u8]) -> Vec<u8> {
    let inner = jpeg::jpeg(&[jpeg::exif(&simple(vec![exif((4000, 3000))]))]);
    let at = 100 + inner.len() as u32;
    let mut file = b"FUJIFILMCCD-RAW 0201".to_vec();
    file.resize(84, 0);
    file.extend(bmff::longs(&[100, inner.len() as u32, at, list.len() as u32]));
    [file, inner, list.to_vec()].concat()
}

/// Entries of Fuji's list: tag, length, height and width.
fn sizes(entries: &[(u16, u16, u16)]) -> Vec<u8> {
    let all = entries.iter().flat_map(|(tag, w, h)| [*tag, 4, *h, *w]).flat_map(u16::to_be_bytes);
    bmff::longs(&[entries.len() as u32]).into_iter().chain(all).collect()
}

#[test]
fn fuji() {
    let found = read(&raf(&sizes(&[(0x100, 4936, 3296), (0x110, 1, 1), (0x111, 4896, 3264)])), Format::Raf);
    assert_eq!((found.coded, found.display), (Some((4896, 3264)), Some((4000, 3000))));
    assert_eq!(found.exif.unwrap().iso, Some(200));
    assert_eq!(read(&raf(&sizes(&[(0x100, 4936, 3296)])), Format::Raf).coded, Some((4936, 3296)));
    // Without a usable list, the size of the JPEG.
    for list in [sizes(&[]), sizes(&[(0x100, 0, 0)]), vec![0xFF; 4]] {
        assert_eq!(read(&raf(&list), Format::Raf).coded, Some((32, 16)));
    }
    // Limit: 1,000 entries.
    let far = |before: usize| sizes(&[&vec![(1, 1, 1); before][..], &[(0x100, 64, 48)]].concat());
    assert_eq!(read(&raf(&far(999)), Format::Raf).coded, Some((64, 48)));
    assert_eq!(read(&raf(&far(1000)), Format::Raf).coded, Some((32, 16)));
}

#[test]
fn a_cr3_has_the_size_of_the_cameras_jpeg() {
    let canon = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
    let cmt2 = bmff::boxed(b"CMT2", &simple(vec![(0xA002, long(6000)), (0xA003, long(4000))]));
    let moov = bmff::of(b"moov", &[bmff::uuid(&canon, &cmt2)]);
    let found = read(&[bmff::ftyp(b"crx "), moov].concat(), Format::Cr3);
    assert_eq!((found.coded, found.display), (Some((6000, 4000)), Some((6000, 4000))));
    assert!(found.movie.is_none() && found.orientation.is_none());
}

/// A heap of records: their contents, then the directory and its offset. Contents of eight bytes may be in the entry.
fn heap(records: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = (records.len() as u16).to_le_bytes().to_vec();
    for (tag, body) in records {
        directory.extend(tag.to_le_bytes());
        if tag & 0x4000 != 0 {
            directory.extend(body);
        } else {
            directory.extend((body.len() as u32).to_le_bytes());
            directory.extend((bytes.len() as u32).to_le_bytes());
            bytes.extend(body);
        }
    }
    let at = (bytes.len() as u32).to_le_bytes();
    [bytes, directory, at.to_vec()].concat()
}

fn crw(root: &[u8]) -> Vec<u8> {
    [b"II\x1a\0\0\0HEAPCCDR\x02\0\x01\0\0\0\0\0\0\0\0\0", root].concat()
}

/// Numbers of 16 bits by their position in a record.
fn words(of: &[(usize, i16)]) -> Vec<u8> {
    let mut words = [0i16; 30];
    of.iter().for_each(|(i, v)| words[*i] = *v);
    words.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn little(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn canon_heaps(exposure: Vec<u8>) -> Vec<u8> {
    let camera = heap(&[(0x080A, b"Canon\0Canon PowerShot\0".to_vec()), (0x0805, b"Words\0".to_vec())]);
    let settings = heap(&[
        (0x102D, words(&[(23, 2240), (24, 576), (25, 32)])),
        (0x102A, exposure),
        (0x5029, [&2u16.to_le_bytes()[..], &1600u16.to_le_bytes(), &[0; 4]].concat()),
        (0x1818, [0f32, 7.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
    ]);
    let picture = little(&[2048, 1536, 0, 90]);
    let records =
        [(0x3004, camera), (0x300B, settings), (0x1810, picture), (0x580E, little(&[1_600_000_000, 0]))];
    crw(&heap(&[(0x300A, heap(&records))]))
}

fn sample_crw() -> Vec<u8> {
    canon_heaps(words(&[(2, 160), (21, 128), (22, 256)]))
}

#[test]
fn the_records_of_a_crw() {
    let found = read(&sample_crw(), Format::Crw);
    assert_eq!(found.coded, Some((2048, 1536)));
    let text = |s: &str| Some(s.to_owned());
    let expected = Exif {
        make: text("Canon"),
        model: text("Canon PowerShot"),
        description: text("Words"),
        orientation: Some(6),
        original: Some(ExifDate { text: "2020:09:13 12:26:40".into(), ..ExifDate::default() }),
        iso: Some(100),
        f_number: Some(4.0),
        exposure_s: Some(1.0 / 256.0),
        focal_mm: Some(50.0),
        lens: text("18-70mm"),
        ..Exif::default()
    };
    assert_eq!(found.exif, Some(expected));
    // Without values in the one record, those of the other.
    let exif = read(&canon_heaps(words(&[])), Format::Crw).exif.unwrap();
    assert_eq!((exif.iso, exif.exposure_s), (None, Some(1.0 / 128.0)));
    assert!((exif.f_number.unwrap() - 8f64.sqrt()).abs() < 1e-9);
}

/// Limit: 30 steps of exposure, as in EXIF.
#[test]
fn impossible_exposures_of_a_crw_are_absent() {
    for value in [i16::MIN, i16::MAX, 30 * 32] {
        let exposure = words(&[(2, value), (4, value), (5, value), (21, value), (22, value)]);
        let exif = read(&canon_heaps(exposure), Format::Crw).exif.unwrap();
        assert_eq!(exif.iso, None, "{value}");
        // Those of the second record.
        assert_eq!(exif.exposure_s, Some(1.0 / 128.0), "{value}");
        assert!((exif.f_number.unwrap() - 8f64.sqrt()).abs() < 1e-9, "{value}");
    }
}

/// Limit: six heaps inside each other.
#[test]
fn heaps_inside_heaps_are_read_up_to_a_depth() {
    let nested = |depth: usize| {
        let inner = heap(&[(0x080A, b"Canon\0".to_vec())]);
        crw(&(0..depth).fold(inner, |inner, _| heap(&[(0x2807, inner)])))
    };
    assert_eq!(read(&nested(6), Format::Crw).exif.unwrap().make.as_deref(), Some("Canon"));
    assert_eq!(read(&nested(7), Format::Crw).exif.unwrap().make, None);
}

/// Limit: 50,000 records of all heaps. Here each of 500 records of a heap is the heap itself.
#[test]
fn a_heap_inside_itself_is_not_read_forever() {
    let mut directory = 500u16.to_le_bytes().to_vec();
    let length = 2 + 500 * 10 + 4;
    for _ in 0..500 {
        directory.extend(0x2807u16.to_le_bytes());
        directory.extend(little(&[length, 0]));
    }
    directory.extend([0; 4]);
    testing::read_damaged(crw(&directory), Format::Crw);
}

/// Limits: 16 pages, 16 sub-directories of each, 50,000 entries of all.
#[test]
fn directories_beyond_the_limits_are_not_read() {
    let pages = |n: usize| {
        let mut chain = vec![picture((10, 10), &[]); n];
        chain.push(sensor((100, 100), &[make(b"NIKON\0")]));
        chain[0].push(make(b"NIKON\0"));
        chain[0].push((0x103, short(34713)));
        read(&tiff::tiff(true, 42, &chain), Format::Nef).coded
    };
    assert_eq!((pages(15), pages(16)), (Some((100, 100)), Some((10, 10))));
    let subs = |n: usize| {
        let mut subs = vec![picture((10, 10), &[]); n];
        subs.push(sensor((100, 100), &[]));
        let first =
            picture((10, 10), &[make(b"NIKON\0"), (0x103, short(34713)), (0x14A, Value::Directories(subs))]);
        read(&simple(first), Format::Nef).coded
    };
    assert_eq!((subs(15), subs(16)), (Some((100, 100)), Some((10, 10))));
    // All sub-directories of all pages are the same one, of 4,096 entries.
    let mut large = vec![(0xC000, short(1)); 4096];
    large[0] = make(b"NIKON\0");
    let mut file = simple(large);
    let at = file.len() as u32;
    file[4..8].copy_from_slice(&at.to_le_bytes());
    let first = vec![(0xFE, long(1)), make(b"NIKON\0"), (0x14A, Value::Long(vec![8; 16]))];
    let file = tiff::after(&file, true, &first);
    assert_eq!(read(&file, Format::Nef).exif.unwrap().make.as_deref(), Some("NIKON"));
}

#[test]
fn directories_that_are_their_own_children() {
    let first =
        [(0x14A, Value::Long(vec![8, 9, 0, u32::MAX])), (0x8769, long(8)), make(b"NIKON\0"), (0xFE, long(1))];
    let found = read(&simple(picture((10, 20), &first)), Format::Nef);
    assert_eq!(found.coded, Some((10, 20)));
}

#[test]
fn damage_never_gives_more_than_is_there() {
    let dng = simple(picture(
        (16, 12),
        &[(0xC612, Value::Byte(vec![1, 4, 0, 0])), (0x14A, directory(sensor((400, 300), &[])))],
    ));
    let inner = jpeg::jpeg(&[jpeg::exif(&simple(vec![exif((4000, 3000))]))]);
    let rw2 =
        tiff::tiff(true, 0x55, &[vec![(2, short(10)), (3, short(10)), (0x2E, Value::Undefined(inner))]]);
    testing::withstands_extremes(&sample_crw(), Format::Crw);
    for (file, format) in [
        (nef(), Format::Nef),
        (dng, Format::Dng),
        (cr2(&picture((5184, 3456), &[exif((5180, 3450))])), Format::Cr2),
        (rw2, Format::Rw2),
        (raf(&sizes(&[(0x100, 4936, 3296)])), Format::Raf),
        (sample_crw(), Format::Crw),
    ] {
        testing::withstands_mutations(&file, format);
    }
    testing::withstands_extremes(&raf(&[]), Format::Raf);
}

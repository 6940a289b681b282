//! RAW files of makers for which no freely distributable files exist, generated here as their cameras write
//! them: a preview at the maker's position, and placeholder sensor data. Detected, and shown upright, also in
//! the sandbox.

use crate::support;
use albumen_core::cancel::CancelToken;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, FixedAdmission, Format, Inputs, RenderSettings, Size};
use albumen_isolation::{WorkerHandle, WorkerSettings};
use albumen_media::decode;
use albumen_media::inspect;
use albumen_media::pixels::Pixels;
use turbojpeg::{Compressor, Image, PixelFormat};

const ROOM: FixedAdmission = FixedAdmission(1 << 30);

/// A JPEG of this size whose left half is red and whose right half is blue.
fn jpeg(width: usize, height: usize) -> Vec<u8> {
    let pixel = |x: usize| if x < width / 2 { [200, 30, 30] } else { [30, 30, 200] };
    let rgb: Vec<u8> = (0..height).flat_map(|_| (0..width).flat_map(pixel)).collect();
    let image = Image { pixels: &rgb[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    Compressor::new().unwrap().compress_to_vec(image).unwrap()
}

/// A value of a directory.
enum Value {
    Short(u32),
    Long(u32),
    Text(&'static str),
    /// A position in `data`, which follows all directories.
    Data(u32),
    /// Bytes of an unknown kind, in `data`.
    Bytes(u32, u32),
    /// The directory of this number.
    Directory(usize),
}
use Value::*;

/// A little-endian TIFF structure of these directories, the first of which is the main one, and data after
/// them.
fn tiff(directories: &[&[(u16, Value)]], data: &[u8]) -> Vec<u8> {
    let length = |d: &[(u16, Value)]| 2 + 12 * d.len() + 4;
    let texts: usize = directories
        .iter()
        .flat_map(|d| d.iter())
        .map(|(_, v)| if let Text(s) = v { s.len() + 1 } else { 0 })
        .sum();
    let starts: Vec<usize> = directories
        .iter()
        .scan(8, |at, d| {
            let start = *at;
            *at += length(d);
            Some(start)
        })
        .collect();
    let mut text_at = 8 + directories.iter().map(|d| length(d)).sum::<usize>();
    let data_at = text_at + texts;
    let mut out = b"II\x2a\0\x08\0\0\0".to_vec();
    let mut words = Vec::new();
    for directory in directories {
        out.extend((directory.len() as u16).to_le_bytes());
        for (tag, value) in *directory {
            let (kind, count, value) = match value {
                Short(v) => (3u16, 1, *v),
                Long(v) => (4, 1, *v),
                Text(s) => {
                    words.extend([s.as_bytes(), &[0]].concat());
                    text_at += s.len() + 1;
                    (2, s.len() as u32 + 1, (text_at - s.len() - 1) as u32)
                }
                Data(at) => (4, 1, data_at as u32 + at),
                Bytes(at, n) => (7, *n, data_at as u32 + at),
                Directory(n) => (4, 1, starts[*n] as u32),
            };
            assert!(count > 4 || kind != 2, "short texts stand in the entry itself");
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend([0; 4]);
    }
    out.extend(words);
    out.extend(data);
    out
}

/// Minolta: a block with the size, one with a TIFF structure whose maker note leads to the preview, whose
/// first byte differs from a JPEG's.
fn mrw() -> Vec<u8> {
    let mut preview = jpeg(640, 480);
    preview[0] = 2;
    // The note: a directory with offsets from the structure's start, where the data is.
    let note = |preview_at: u32| {
        let mut note = 2u16.to_le_bytes().to_vec();
        for (tag, value) in [(0x88u16, preview_at), (0x89, preview.len() as u32)] {
            note.extend(tag.to_le_bytes());
            note.extend([4, 0, 1, 0, 0, 0]);
            note.extend(value.to_le_bytes());
        }
        note.extend([0; 4]);
        note
    };
    let length = note(0).len() as u32;
    let of = |at: u32| {
        let main = [(0x10F, Text("Minolta Co., Ltd.")), (0x110, Text("DiMAGE 7i")), (0x8769, Directory(1))];
        tiff(&[&main, &[(0x927C, Bytes(0, length))]], &[note(at), preview.clone()].concat())
    };
    // The same length for any content.
    let preview_at = of(0).len() - preview.len();
    let ttw = of(preview_at as u32);
    let mut prd = [0; 24];
    prd[8..16].copy_from_slice(&[0x07, 0x88, 0x0A, 0x10, 0x07, 0x80, 0x0A, 0]);
    let block = |kind: &[u8], body: &[u8]| [kind, &(body.len() as u32).to_be_bytes(), body].concat();
    let blocks = [block(b"\0PRD", &prd), block(b"\0TTW", &ttw)].concat();
    [b"\0MRM", &(blocks.len() as u32).to_be_bytes()[..], &blocks, &[7; 5000]].concat()
}

/// Sigma: the directory is at the end.
fn x3f() -> Vec<u8> {
    let mut out = b"FOVb\x02\0\x02\0".to_vec();
    out.resize(28, 0);
    out.extend([2640u32.to_le_bytes(), 1760u32.to_le_bytes(), [0; 4]].concat());
    let jpeg = jpeg(640, 427);
    let section = [&b"SECi\0\0\x02\0\x02\0\0\0\x12\0\0\0"[..], &[0; 12], &jpeg].concat();
    let at = out.len() as u32;
    out.extend(&section);
    let mut entry = [at.to_le_bytes(), (section.len() as u32).to_le_bytes()].concat();
    entry.extend(b"IMA2");
    let directory = out.len() as u32;
    out.extend([&b"SECd\0\0\x02\0\x01\0\0\0"[..], &entry, &directory.to_le_bytes()].concat());
    out
}

/// A TIFF-like RAW file: its maker, and a sensor directory below the first; `JPEGInterchangeFormat` points to
/// the preview.
fn tiff_raw(make: &'static str, model: &'static str, preview: &[u8]) -> Vec<u8> {
    let main = [
        (0xFE, Long(1)),
        (0x10F, Text(make)),
        (0x110, Text(model)),
        (0x112, Short(1)),
        (0x14A, Directory(1)),
        (0x201, Data(0)),
        (0x202, Long(preview.len() as u32)),
    ];
    let sensor =
        [(0xFE, Long(0)), (0x100, Long(3000)), (0x101, Long(2000)), (0x106, Short(32803)), (0x103, Short(1))];
    tiff(&[&main, &sensor], &[preview, &[9; 5000]].concat())
}

fn request(name: &str) -> DevelopRequest {
    DevelopRequest {
        name: name.as_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    }
}

fn facts_of(name: &str, bytes: &[u8]) -> Facts {
    let primary = Source::from_bytes(bytes.to_vec());
    inspect::inspect(&request(name), &Inputs { primary, sidecars: Vec::new() }).unwrap()
}

fn shown(name: &str, bytes: &[u8]) -> Result<Pixels, Fault> {
    decode::decode(&Source::from_bytes(bytes.to_vec()), &facts_of(name, bytes), &|w, h| (w, h), &ROOM)
}

#[test]
fn previews_of_six_makers_are_found_and_shown() {
    let preview = jpeg(640, 427);
    let dir = tempfile::tempdir().unwrap();
    let program = Some(support::worker_program());
    let mut worker = WorkerHandle::new(WorkerSettings { program, ..WorkerSettings::default() });
    for (name, bytes, format, make, size) in [
        ("a.mrw", mrw(), Format::Mrw, Some("Minolta"), (2560, 1920)),
        ("b.x3f", x3f(), Format::X3f, None, (2640, 1760)),
        (
            "c.3fr",
            tiff_raw("Hasselblad", "Hasselblad H3D", &preview),
            Format::ThreeFr,
            Some("Hasselblad"),
            (3000, 2000),
        ),
        ("d.iiq", tiff_raw("Phase One", "P 45+", &preview), Format::Iiq, Some("Phase One"), (3000, 2000)),
        (
            "e.kdc",
            tiff_raw("EASTMAN KODAK COMPANY", "KODAK Z980", &preview),
            Format::Dcr,
            Some("Kodak"),
            (3000, 2000),
        ),
        ("f.erf", tiff_raw("SEIKO EPSON CORP.", "R-D1s", &preview), Format::Erf, Some("Epson"), (3000, 2000)),
    ] {
        let facts = facts_of(name, &bytes);
        assert_eq!(facts.format, Some(format), "{name}");
        assert_eq!((facts.width, facts.height), (Some(size.0), Some(size.1)), "{name}");
        if let Some(make) = make {
            assert!(
                facts.camera.make.as_deref().is_some_and(|m| m.contains(make)),
                "{name}: {:?}",
                facts.camera.make
            );
        }
        assert!(!facts.extension_mismatch, "{name}");
        let pixels = shown(name, &bytes).unwrap();
        assert_eq!(
            (pixels.width, pixels.height, pixels.damaged.as_deref()),
            (640, if name == "a.mrw" { 480 } else { 427 }, None),
            "{name}"
        );
        let corner = &pixels.rgb[..3];
        assert!(corner[0] > 150 && corner[2] < 90, "{name}: {corner:?}");

        let path = dir.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let primary = Source::from_file(std::fs::File::open(&path).unwrap()).unwrap();
        let inputs = Inputs { primary, sidecars: Vec::new() };
        let sealed = worker.develop(&request(name), &inputs, &ROOM, &CancelToken::new()).unwrap();
        assert_eq!(sealed.facts.format, Some(format), "{name}");
        // The sensor's data cannot be developed, and the preview has far fewer pixels.
        let small = Size { width: pixels.width, height: pixels.height };
        assert_eq!(sealed.facts.small_preview, Some(small), "{name}");
        assert!(sealed.pictures.unwrap().is_ok(), "{name}");
    }
}

/// A DNG: orientation of the file, and the size of its preview.
fn dng(orientation: u32, preview: &[u8]) -> Vec<u8> {
    let main = [
        (0xFE, Long(1)),
        (0x10F, Text("Maker")),
        (0x112, Short(orientation)),
        (0x14A, Directory(1)),
        (0x201, Data(0)),
        (0x202, Long(preview.len() as u32)),
        (0xC612, Long(0x0401)),
    ];
    let sensor =
        [(0xFE, Long(0)), (0x100, Long(900)), (0x101, Long(600)), (0x106, Short(32803)), (0x103, Short(1))];
    tiff(&[&main, &sensor], &[preview, &[9; 5000]].concat())
}

#[test]
fn a_preview_that_is_upright_already_is_not_turned_again() {
    for orientation in [5, 6, 7, 8] {
        let as_sensor = shown("a.dng", &dng(orientation, &jpeg(450, 300))).unwrap();
        let upright = shown("a.dng", &dng(orientation, &jpeg(300, 450))).unwrap();
        assert_eq!((as_sensor.width, as_sensor.height), (300, 450));
        assert_eq!((upright.width, upright.height), (300, 450));
        // Red stays left.
        assert!(upright.rgb[0] > 150 && upright.rgb[3 * 299] < 90);
    }
    let plain = shown("a.dng", &dng(1, &jpeg(450, 300))).unwrap();
    assert_eq!((plain.width, plain.height), (450, 300));
}

#[test]
fn a_small_preview_is_said() {
    let large = tiff_raw("Phase One", "P 45+", &jpeg(2000, 1333));
    assert_eq!(facts_of("a.iiq", &large).small_preview, None);
    // Less than a quarter, and sufficient to be shown instead of the sensor's data.
    let middling = tiff_raw("Phase One", "P 45+", &jpeg(1400, 930));
    assert_eq!(facts_of("a.iiq", &middling).small_preview, Some(Size { width: 1400, height: 930 }));
    // A smaller one is shown if the data cannot be developed, which is known afterwards.
    let bytes = dng(1, &jpeg(160, 120));
    let inputs = Inputs { primary: Source::from_bytes(bytes), sidecars: Vec::new() };
    let (facts, container) = inspect::parse(&request("a.dng"), &inputs).unwrap();
    assert_eq!(facts.small_preview, None);
    let after = |shown| inspect::small_preview_shown(&container, &facts, shown);
    assert_eq!(after((160, 120)), Some(Size { width: 160, height: 120 }));
    assert_eq!(after((900, 600)), None);
    assert_eq!(after((450, 300)), None);
}

#[test]
fn a_preview_in_jpeg_xl_is_shown() {
    let path = std::path::Path::new(support::ROOT).join("tests/media/jxl-preview.dng");
    let bytes = std::fs::read(path).unwrap();
    let pixels = shown("a.dng", &bytes).unwrap();
    assert_eq!((pixels.width, pixels.height, pixels.damaged), (1600, 1200, None));
    let (low, high) = (pixels.rgb.iter().min().unwrap(), pixels.rgb.iter().max().unwrap());
    assert!(high - low > 100, "it is not of one colour");
}

#[test]
fn a_largest_preview_that_cannot_be_read_gives_way_to_a_smaller_one() {
    // A header, and nothing that could be decoded.
    let mut broken = jpeg(900, 600);
    let scan = broken.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
    broken.truncate(scan);
    broken.extend([0xFF, 0xC4, 0, 3, 0xFF, 0xFF, 0xDA, 0, 2]);
    let small = jpeg(160, 120);
    let main = [
        (0xFE, Long(1)),
        (0x10F, Text("Maker")),
        (0x14A, Directory(1)),
        (0x201, Data(0)),
        (0x202, Long(small.len() as u32)),
        (0xC612, Long(0x0401)),
    ];
    let large = [
        (0xFE, Long(1)),
        (0x103, Short(7)),
        (0x106, Short(6)),
        (0x111, Data(small.len() as u32)),
        (0x117, Long(broken.len() as u32)),
    ];
    let pixels = shown("a.dng", &tiff(&[&main, &large], &[small, broken].concat())).unwrap();
    assert_eq!((pixels.width, pixels.height), (160, 120));
    assert!(pixels.damaged.unwrap().contains("smaller"));
}

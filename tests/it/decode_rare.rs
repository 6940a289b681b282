//! Pictures of rare kinds, each generated here byte by byte: shown as in every viewer.

use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, FixedAdmission, Format, Inputs};
use albumen_media::pixels::Pixels;
use albumen_media::{decode, inspect};

const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

/// The facts of these bytes and their picture in its own size.
fn shown(bytes: Vec<u8>) -> (Facts, Pixels) {
    let source = Source::from_bytes(bytes);
    let request = DevelopRequest {
        name: b"picture".to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: None,
    };
    let inputs = Inputs { primary: source.clone(), sidecars: Vec::new() };
    let facts = inspect::inspect(&request, &inputs).unwrap();
    let pixels = decode::decode(&source, &facts, &|w, h| (w, h), &PLENTY).unwrap();
    assert_eq!((facts.width, facts.height), (Some(pixels.width), Some(pixels.height)));
    (facts, pixels)
}

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const WHITE: [u8; 3] = [255; 3];

/// The header of an uncompressed picture of 2 x 1 pixels, as in BMP after the file header.
fn dib(bits: u16, colours: u32) -> Vec<u8> {
    let mut out = 40u32.to_le_bytes().to_vec();
    out.extend([2, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    out.extend(bits.to_le_bytes());
    out.extend([0; 16]);
    out.extend(colours.to_le_bytes());
    out.extend([0; 4]);
    out
}

fn bmp(pixels_at: u32, rest: &[u8]) -> Vec<u8> {
    let length = (14 + rest.len()) as u32;
    [&b"BM"[..], &length.to_le_bytes(), &[0; 4], &pixels_at.to_le_bytes(), rest].concat()
}

#[test]
fn a_bmp_without_its_file_header_is_a_picture() {
    let pixels = [0, 0, 255, 255, 0, 0, 0, 0];
    let (facts, seen) = shown([&dib(24, 0)[..], &pixels].concat());
    assert_eq!(facts.format, Some(Format::Bmp));
    assert_eq!(seen.rgb, [RED, BLUE].concat());
    // With a palette of two, blue and red.
    let palette = [255, 0, 0, 0, 0, 0, 255, 0];
    let (_, seen) = shown([&dib(8, 2)[..], &palette, &[1, 0, 0, 0]].concat());
    assert_eq!(seen.rgb, [RED, BLUE].concat());
}

#[test]
fn a_bmp_whose_pixels_are_said_to_begin_in_its_palette_has_them_behind_it() {
    let palette = [255, 0, 0, 0, 0, 0, 255, 0];
    let rest = [&dib(8, 2)[..], &palette, &[1, 0, 0, 0]].concat();
    for stated in [14 + 40, 14 + 40 + 8, 0] {
        let (_, seen) = shown(bmp(stated, &rest));
        assert_eq!((seen.rgb, seen.damaged), ([RED, BLUE].concat(), None), "{stated}");
    }
}

#[test]
fn a_gif_with_an_unknown_extension_is_a_picture() {
    let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0".to_vec();
    gif.extend([RED, BLUE].concat());
    gif.extend([0x21, 0x42, 3, 1, 2, 3, 0]);
    // One pixel of colour 1: clear, 1, end, in codes of three bits.
    gif.extend([0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0b0100_1100, 0b1, 0, 0x3B]);
    assert_eq!(shown(gif).1.rgb, BLUE);
}

#[test]
fn an_interlaced_gif_that_is_cut_off_is_coarse() {
    const SIDE: u16 = 64;
    // Two colours in pseudo-random order, so that rows do not compress.
    let mut seed = 1u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 31) as u8
    };
    let buffer: Vec<u8> = (0..SIDE * SIDE).map(|_| next()).collect();
    let frame = gif::Frame {
        width: SIDE,
        height: SIDE,
        interlaced: true,
        buffer: buffer.into(),
        ..Default::default()
    };
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, SIDE, SIDE, &[RED, BLUE].concat()).unwrap();
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let whole = shown(file.clone()).1;
    assert_eq!(whole.damaged, None);
    file.truncate(file.len() / 2);
    let cut = shown(file).1;
    assert!(cut.damaged.is_some());
    // The first row is of the first pass; the second of the last.
    let row = |p: &Pixels, y: usize| p.rgb[y * 192..][..192].to_vec();
    assert_eq!(row(&cut, 0), row(&whole, 0));
    assert_eq!(row(&cut, 1), row(&whole, 0));
    assert!(!cut.rgb.chunks(3).any(|p| p == WHITE));
}

/// A little-endian TIFF: its entries (tag, type, values), which may name places in `data`, from 1000 on.
fn tiff(entries: &[(u16, u16, &[u32])], data: &[u8]) -> Vec<u8> {
    const DATA: usize = 1000;
    let mut out = b"II\x2a\0\x08\0\0\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    let mut tail: Vec<u8> = Vec::new();
    let start = 8 + 2 + 12 * entries.len() + 4;
    for (tag, kind, values) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend((values.len() as u32).to_le_bytes());
        let bytes: Vec<u8> =
            values.iter().flat_map(|v| v.to_le_bytes()[..if *kind == 3 { 2 } else { 4 }].to_vec()).collect();
        if bytes.len() <= 4 {
            out.extend(&bytes);
            out.resize(out.len() + 4 - bytes.len(), 0);
        } else {
            out.extend(((start + tail.len()) as u32).to_le_bytes());
            tail.extend(&bytes);
        }
    }
    out.extend([0; 4]);
    out.extend(tail);
    assert!(out.len() <= DATA);
    out.resize(DATA, 0);
    out.extend(data);
    out
}

#[test]
fn the_alpha_of_a_tiff_with_a_palette_is_honoured() {
    // Two colours: red and blue, sixteen bits each, reds first.
    let map: &[u32] = &[65_535, 0, 0, 0, 0, 65_535];
    let common =
        |bits: &'static [u32], planar: &'static [u32], places: &'static [u32], lengths: &'static [u32]| {
            [
                (256, 3, &[2][..]),
                (257, 3, &[1]),
                (258, 3, bits),
                (259, 3, &[1]),
                (262, 3, &[3]),
                (273, 4, places),
                (277, 3, &[2]),
                (279, 4, lengths),
                (284, 3, planar),
                (320, 3, map),
                (338, 3, &[2]),
            ]
        };
    // Red that shows, and blue that does not.
    let (_, seen) = shown(tiff(&common(&[8, 8], &[1], &[1000], &[4]), &[0, 255, 1, 0]));
    assert_eq!(seen.rgb, [RED, WHITE].concat());
    let (_, seen) = shown(tiff(&common(&[8, 8], &[2], &[1000, 1002], &[2, 2]), &[0, 1, 255, 0]));
    assert_eq!(seen.rgb, [RED, WHITE].concat());
    let (_, seen) = shown(tiff(&common(&[4, 4], &[1], &[1000], &[2]), &[0x0F, 0x10]));
    assert_eq!(seen.rgb, [RED, WHITE].concat());
}

#[test]
fn differences_are_added_up_where_a_tiff_is_packed_and_only_there() {
    // A page of 3 x 1 samples.
    let page = |bits: &[u32], float: u32, packing: u32, data: &[u8]| {
        let entries: [(u16, u16, &[u32]); 9] = [
            (256, 3, &[3]),
            (257, 3, &[1]),
            (258, 3, bits),
            (259, 3, &[packing]),
            (262, 3, &[1]),
            (273, 4, &[1000]),
            (279, 4, &[data.len() as u32]),
            (317, 3, &[2]),
            (339, 3, &[float]),
        ];
        shown(tiff(&entries, data)).1.rgb.chunks(3).map(|p| p[0]).collect::<Vec<_>>()
    };
    let zlib = |data: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(data, 6);
    assert_eq!(page(&[8], 1, 8, &zlib(&[10, 10, 235])), [10, 20, 255]);
    assert_eq!(page(&[8], 1, 1, &[10, 10, 235]), [10, 10, 235]);
    let mut before = 0;
    let doubles = [1.0f64, 0.0, 0.2].map(f64::to_bits);
    let differences: Vec<u8> = doubles
        .into_iter()
        .flat_map(|v| v.wrapping_sub(std::mem::replace(&mut before, v)).to_le_bytes())
        .collect();
    assert_eq!(page(&[64], 3, 8, &zlib(&differences)), [255, 0, 51]);
}

/// The segments of a JPEG: their codes and bytes; the samples follow the last, which is the scan's.
fn segments(jpeg: &[u8]) -> (Vec<(u8, &[u8])>, &[u8]) {
    let (mut at, mut out) = (2, Vec::new());
    loop {
        let (code, length) = (jpeg[at + 1], usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])));
        out.push((code, &jpeg[at + 4..at + 2 + length]));
        at += 2 + length;
        if code == 0xDA {
            return (out, &jpeg[at..jpeg.len() - 2]);
        }
    }
}

/// Sixteen rows of a scene in JPEG, of which `from` is the first.
fn sixteen_rows(from: usize) -> Vec<u8> {
    let pixels: Vec<u8> = (from..from + 16)
        .flat_map(|y| (0..64).flat_map(move |x| [(x * 4) as u8, (y * 7) as u8, 90]))
        .collect();
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: 64,
        pitch: 64 * 3,
        height: 16,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec()
}

#[test]
fn a_jpeg_of_before_1995_is_put_together_from_its_parts() {
    let (first, second) = (sixteen_rows(0), sixteen_rows(16));
    let whole = |jpeg: &[u8]| shown(jpeg.to_vec()).1.rgb;
    let expected = [whole(&first), whole(&second)].concat();
    let (parts, samples) = segments(&first);
    let (_, more) = segments(&second);
    // The tables one after the other, each without its first byte, which is its class and number.
    let (mut data, mut quantisers, mut dc, mut ac) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (code, body) in &parts {
        let mut rest = *body;
        while !rest.is_empty() && matches!(code, 0xDB | 0xC4) {
            let length = match code {
                0xDB => 65,
                _ => 17 + rest[1..17].iter().map(|n| usize::from(*n)).sum::<usize>(),
            };
            let list = match (code, rest[0] >> 4) {
                (0xDB, _) => &mut quantisers,
                (_, 0) => &mut dc,
                _ => &mut ac,
            };
            list.push(1000 + data.len() as u32);
            data.extend(&rest[1..length]);
            rest = &rest[length..];
        }
    }
    // Both kinds of chroma share their tables.
    for list in [&mut quantisers, &mut dc, &mut ac] {
        assert_eq!(list.len(), 2);
        list.push(list[1]);
    }
    let places = [1000 + data.len() as u32, 1000 + (data.len() + samples.len()) as u32];
    let lengths = [samples.len() as u32, more.len() as u32];
    data.extend(samples);
    data.extend(more);
    let page = |rest: &[(u16, u16, &[u32])], data: &[u8]| {
        let common: [(u16, u16, &[u32]); 8] = [
            (256, 3, &[64]),
            (257, 3, &[32]),
            (258, 3, &[8, 8, 8]),
            (259, 3, &[6]),
            (262, 3, &[6]),
            (273, 4, &places),
            (278, 3, &[16]),
            (279, 4, &lengths),
        ];
        shown(tiff(&[&common[..], rest].concat(), data)).1
    };
    // Chroma is smoothed across the border between the strips, and nothing else may differ.
    let is_the_scene = |seen: &Pixels| {
        let off = seen.rgb.iter().zip(&expected).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
        seen.rgb.len() == expected.len() && seen.damaged.is_none() && off / (expected.len() as f64) < 0.3
    };
    let by_tags = page(
        &[
            (277, 3, &[3]),
            (512, 3, &[1]),
            (519, 4, &quantisers),
            (520, 4, &dc),
            (521, 4, &ac),
            (530, 3, &[2, 2]),
        ],
        &data,
    );
    assert!(is_the_scene(&by_tags), "tables in places of their own");
    // A header up to the scan, which some writers keep instead of tables, and no number of samples.
    let header_at = 1000 + data.len() as u32;
    let header = &first[..first.len() - 2 - samples.len()];
    let by_header =
        page(&[(513, 4, &[header_at]), (514, 4, &[header.len() as u32])], &[&data[..], header].concat());
    assert!(is_the_scene(&by_header), "tables in a header");
}

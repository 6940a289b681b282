//! Pictures that follow their format's rules in unusual ways, each generated here: shown with the right
//! colours, complete, and upright.

use crate::support;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, FixedAdmission, Format, Inputs};
use albumen_media::decode;
use albumen_media::inspect;
use albumen_media::pixels::Pixels;
use std::io::Write;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

/// The facts of these bytes with these sidecars, and their picture in its own size.
fn shown_beside(bytes: Vec<u8>, sidecars: &[(&str, &str)]) -> (Facts, Pixels) {
    let source = Source::from_bytes(bytes);
    let request = DevelopRequest {
        name: b"picture".to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: sidecars.iter().map(|(name, _)| name.as_bytes().to_vec()).collect(),
        render: None,
    };
    let sidecars = sidecars.iter().map(|(_, text)| Source::from_bytes(text.as_bytes().to_vec())).collect();
    let facts = inspect::inspect(&request, &Inputs { primary: source.clone(), sidecars }).unwrap();
    let pixels = decode::decode(&source, &facts, &|w, h| (w, h), &PLENTY).unwrap();
    (facts, pixels)
}

fn shown(bytes: Vec<u8>) -> (Facts, Pixels) {
    shown_beside(bytes, &[])
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn full(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[0; 4], body].concat())
}

/// A JPEG of one colour.
fn jpeg(colour: [u8; 3]) -> Vec<u8> {
    let rgb = colour.repeat(32 * 32);
    let image = Image { pixels: &rgb[..], width: 32, pitch: 96, height: 32, format: PixelFormat::RGB };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::None).unwrap();
    compressor.set_quality(98).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

/// The JPEG with an EXIF block with these colour tags.
fn with_colour_space(jpeg: &[u8], colour_space: Option<u16>, rule: Option<&[u8; 4]>) -> Vec<u8> {
    // The first directory leads to EXIF's at 26, which leads to the interoperability directory at 56.
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    let value = colour_space.map(u16::to_le_bytes).unwrap_or([1, 0]);
    let tag = if colour_space.is_some() { [0x01, 0xA0] } else { [0x02, 0xA0] };
    tiff.extend([&[2, 0][..], &tag, &[3, 0, 1, 0, 0, 0], &value, &[0, 0]].concat());
    tiff.extend([0x05, 0xA0, 4, 0, 1, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(tiff.len(), 56);
    match rule {
        Some(rule) => tiff.extend([&[1, 0, 1, 0, 2, 0, 4, 0, 0, 0][..], rule, &[0; 4]].concat()),
        None => tiff.extend([0; 6]),
    }
    let body = [b"Exif\0\0", &tiff[..]].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &body, &jpeg[2..]].concat()
}

#[test]
fn adobe_rgb_is_known_without_a_profile() {
    // Adobe RGB's (200, 60, 60) is a stronger red in sRGB.
    let plain = jpeg([200, 60, 60]);
    let red = |colour_space, rule| {
        let rgb = shown(with_colour_space(&plain, colour_space, rule)).1.rgb;
        [rgb[0], rgb[1], rgb[2]]
    };
    let near = |found: [u8; 3], right: [u8; 3]| found.iter().zip(right).all(|(a, b)| a.abs_diff(b) <= 4);
    for (colour_space, rule) in
        [(Some(65535), Some(b"R03\0")), (Some(2), None), (Some(2), Some(b"R98\0")), (None, Some(b"R03\0"))]
    {
        let found = red(colour_space, rule);
        assert!(near(found, [233, 58, 59]), "{colour_space:?} {rule:?}: {found:?}");
    }
    for (colour_space, rule) in
        [(Some(1), Some(b"R03\0")), (Some(65535), Some(b"R98\0")), (Some(65535), None), (None, None)]
    {
        let found = red(colour_space, rule);
        assert!(near(found, [200, 60, 60]), "{colour_space:?} {rule:?}: {found:?}");
    }
}

#[test]
fn a_sidecar_turns_the_picture() {
    let sidecar = |orientation: &str| {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
             <rdf:Description rdf:about='' xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='{orientation}'/>
             </rdf:RDF></x:xmpmeta>"
        )
    };
    // Wide, red left and blue right.
    let rgb: Vec<u8> = (0..16)
        .flat_map(|_| (0..32).flat_map(|x| if x < 16 { [200, 30, 30] } else { [30, 30, 200] }))
        .collect();
    let image = Image { pixels: &rgb[..], width: 32, pitch: 96, height: 16, format: PixelFormat::RGB };
    let picture = Compressor::new().unwrap().compress_to_vec(image).unwrap();
    let (facts, seen) = shown_beside(picture.clone(), &[("picture.xmp", &sidecar("6"))]);
    assert_eq!((seen.width, seen.height), (16, 32));
    assert!(seen.rgb[0] > 150, "red is at the top");
    assert_eq!((facts.orientation, facts.display_width), (Some(6), Some(16)));
    assert_eq!(facts.sources["orientation"], "sidecar:picture.xmp");
    for invalid in ["0", "9", "sideways"] {
        let (_, seen) = shown_beside(picture.clone(), &[("picture.xmp", &sidecar(invalid))]);
        assert_eq!((seen.width, seen.height), (32, 16), "{invalid}");
    }
}

#[test]
fn tiles_that_are_listed_as_strips_are_tiles() {
    // 4 x 4 pixels in four tiles, each of one grey; as in old libtiff's files.
    let tiles: Vec<u8> = [10u8, 80, 160, 240].iter().flat_map(|v| [*v; 4]).collect();
    let data_at = 8 + 2 + 12 * 10 + 4;
    let mut out = b"II\x2a\0\x08\0\0\0\x0a\0".to_vec();
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    };
    entry(256, 3, 1, 4);
    entry(257, 3, 1, 4);
    entry(258, 3, 1, 8);
    entry(259, 3, 1, 1);
    entry(262, 3, 1, 1);
    entry(273, 4, 4, data_at);
    entry(278, 3, 1, 2);
    entry(279, 4, 4, data_at + 16);
    entry(322, 3, 1, 2);
    entry(323, 3, 1, 2);
    out.extend([0; 4]);
    let picture_at = data_at + 32;
    (0..4u32).for_each(|i| out.extend((picture_at + 4 * i).to_le_bytes()));
    (0..4u32).for_each(|_| out.extend(4u32.to_le_bytes()));
    out.extend(tiles);
    let (_, seen) = shown(out);
    let at = |x: usize, y: usize| seen.rgb[(y * 4 + x) * 3];
    assert_eq!([at(0, 0), at(3, 0), at(0, 3), at(3, 3)], [10, 80, 160, 240]);
    assert_eq!(seen.damaged, None);
}

/// A PNG of one pixel with this text chunk of the kind that ImageMagick writes.
fn png_with_profile(profile: &str) -> Vec<u8> {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 1, 1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_ztxt_chunk("Raw profile type exif".into(), profile.into()).unwrap();
    encoder.write_header().unwrap().write_image_data(&[9, 9, 9]).unwrap();
    png
}

#[test]
fn odd_and_oversized_profiles_of_a_png_are_read_as_far_as_they_go() {
    // Model "Camera" in a TIFF structure.
    let tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x10\x01\x02\0\x07\0\0\0\x1a\0\0\0\0\0\0\0Camera\0";
    let digits: String = tiff.iter().map(|b| format!("{b:02x}")).collect();
    let length = tiff.len();
    for (what, profile) in [
        ("plain", format!("\nexif\n{length:8}\n{digits}\n")),
        ("odd", format!("\nexif\n{length:8}\n{digits}0\n")),
        ("a length that is a lie", format!("\nexif\n{:8}\n{digits}\n", u32::MAX)),
        ("oversized", format!("\nexif\n{:8}\n{digits}{}\n", 20 << 20, "00".repeat(20 << 20))),
    ] {
        let (facts, seen) = shown(png_with_profile(&profile));
        assert_eq!(facts.camera.model.as_deref(), Some("Camera"), "{what}");
        assert_eq!((seen.rgb, seen.damaged), (vec![9; 3], None), "{what}");
    }
}

/// A HEIF file with one item of this kind, these properties and this size, and its bytes.
fn heif(kind: &[u8; 4], size: (u32, u32), properties: &[Vec<u8>], data: &[u8]) -> Vec<u8> {
    let infe = boxed(b"infe", &[&[2, 0, 0, 0, 0, 1, 0, 0][..], kind, &[0]].concat());
    let ispe = full(b"ispe", &[size.0.to_be_bytes(), size.1.to_be_bytes()].concat());
    let ipco = boxed(b"ipco", &[ispe, properties.concat()].concat());
    let n = properties.len() as u8 + 1;
    let ipma = full(b"ipma", &[&[0, 0, 0, 1, 0, 1, n][..], &(1..=n).collect::<Vec<u8>>()].concat());
    let ftyp = boxed(b"ftyp", b"mif1\0\0\0\0mif1");
    let meta = |at: u32| {
        let iloc =
            [&[0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1][..], &at.to_be_bytes(), &(data.len() as u32).to_be_bytes()];
        let tables = [
            full(b"pitm", &[0, 1]),
            full(b"iinf", &[&[0, 1][..], &infe].concat()),
            full(b"iloc", &iloc.concat()),
            boxed(b"iprp", &[ipco.clone(), ipma.clone()].concat()),
        ];
        full(b"meta", &tables.concat())
    };
    let at = (ftyp.len() + meta(0).len() + 8) as u32;
    [ftyp, meta(at), boxed(b"mdat", data)].concat()
}

#[test]
fn uncompressed_heif_pictures_are_shown() {
    let (red, blue) = ([200, 30, 30], [30, 30, 200]);
    let pixels: Vec<u8> = (0..4).flat_map(|_| (0..8).flat_map(|x| if x < 4 { red } else { blue })).collect();
    let cmpd = boxed(b"cmpd", &[0, 0, 0, 3, 0, 4, 0, 5, 0, 6]);
    // Three components of 8 bits, pixel by pixel.
    let mut layout = vec![0; 4];
    layout.extend([0, 0, 0, 3]);
    (0..3u8).for_each(|i| layout.extend([0, i, 7, 0, 0]));
    layout.extend([0, 1, 0, 0]);
    layout.extend([0; 20]);
    let uncc = full(b"uncC", &layout);
    let (facts, seen) = shown(heif(b"unci", (8, 4), &[cmpd.clone(), uncc.clone()], &pixels));
    assert_eq!((facts.format, facts.width, facts.height), (Some(Format::Heif), Some(8), Some(4)));
    assert_eq!((seen.rgb, seen.damaged), (pixels.clone(), None));
    // The same with a profile that contains everything, packed by zlib, and truncated.
    let short = boxed(b"uncC", b"\x01\0\0\0rgb3");
    assert_eq!(shown(heif(b"unci", (8, 4), &[short], &pixels)).1.rgb, pixels);
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&pixels).unwrap();
    let packed = packer.finish().unwrap();
    let cmpc = full(b"cmpC", b"zlib\0");
    assert_eq!(shown(heif(b"unci", (8, 4), &[cmpd.clone(), uncc.clone(), cmpc], &packed)).1.rgb, pixels);
    let mut cut = heif(b"unci", (8, 4), &[cmpd, uncc], &pixels);
    cut.truncate(cut.len() - 30);
    let (_, seen) = shown(cut);
    assert_eq!(seen.rgb[..48], pixels[..48]);
    assert!(seen.damaged.is_some());
}

/// Bits one after the other, as numbers and how many of their bits.
fn bits(fields: &[(u32, usize)]) -> Vec<u8> {
    let all: Vec<u8> =
        fields.iter().flat_map(|(v, n)| (0..*n).rev().map(move |i| (v >> i & 1) as u8)).collect();
    all.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |v, (i, b)| v | b << (7 - i))).collect()
}

#[test]
fn the_short_form_of_heif_is_shown() {
    let args = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=256x128",
        "-frames:v",
        "1",
        "-still-picture",
        "1",
        "-cpu-used",
        "8",
        "-pix_fmt",
        "yuv420p",
    ];
    let Some(avif) = support::made("a.avif", &args) else { return };
    let find = |kind: &[u8]| {
        let at = avif.windows(4).position(|w| w == kind).unwrap();
        let length = u32::from_be_bytes(avif[at - 4..at].try_into().unwrap()) as usize;
        &avif[at + 4..at - 4 + length]
    };
    let (config, data) = (&find(b"av1C")[..4], find(b"mdat"));
    let model = b"II*\0\x08\0\0\0\x01\0\x10\x01\x02\0\x07\0\0\0\x1a\0\0\0\0\0\0\0Camera\0";
    let header = bits(&[
        // Version, codec, float, range, alpha, code points, HDR, ICC, EXIF, XMP.
        (0, 2),
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1),
        (1, 1),
        (0, 1),
        // 4:2:0, turned by a quarter, large sides.
        (1, 2),
        (5, 3),
        (1, 1),
        (255, 15),
        (127, 15),
        // Where chroma lies, 8 bits, small metadata, small configuration, large data.
        (0, 2),
        (0, 1),
        (0, 1),
        (0, 1),
        (1, 1),
        (4, 3),
        (data.len() as u32 - 1, 28),
        (0, 1),
        (model.len() as u32 - 1, 10),
    ]);
    let mini = boxed(b"mini", &[&header[..], config, data, model].concat());
    let (facts, seen) = shown([boxed(b"ftyp", b"mif3avif"), mini].concat());
    assert_eq!((facts.width, facts.height), (Some(256), Some(128)));
    assert_eq!((facts.display_width, facts.display_height), (Some(128), Some(256)));
    assert_eq!(facts.camera.model.as_deref(), Some("Camera"));
    assert_eq!((seen.width, seen.height), (128, 256));
    let (_, whole) = shown(avif.clone());
    // The left end of the first row is the top of the last column, or that of the first: the same colours either way.
    let sum = |p: &Pixels| p.rgb.iter().map(|v| u64::from(*v)).sum::<u64>();
    assert!(sum(&whole).abs_diff(sum(&seen)) < sum(&whole) / 100, "{} {}", sum(&whole), sum(&seen));
}

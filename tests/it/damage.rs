//! Partly copied files: zeros or nothing instead of coded data. Decoders return a picture for many of them
//! without an error; each must be marked damaged. Intact files must not be, with any data after them.

use crate::support;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, FixedAdmission, Inputs};
use albumen_media::decode;
use albumen_media::inspect;
use albumen_media::pixels::Pixels;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const PLENTY: FixedAdmission = FixedAdmission(1 << 30);
const SIDE: u32 = 256;

/// Decodes the bytes of a file to a part of its size: in full, and as small as thumbnails are.
fn shown(bytes: &[u8], part: u32) -> Result<Pixels, Fault> {
    let source = Source::from_bytes(bytes.to_vec());
    let request = DevelopRequest {
        name: b"picture".to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: None,
    };
    let inputs = Inputs { primary: source.clone(), sidecars: Vec::new() };
    let facts = inspect::inspect(&request, &inputs)?;
    decode::decode(&source, &facts, &|w, h| (w.div_ceil(part), h.div_ceil(part)), &PLENTY)
}

/// Whether the picture is shown and marked damaged, the same at each size.
fn is_damaged(bytes: &[u8]) -> bool {
    let [full, small] = [1, 5].map(|part| shown(bytes, part).unwrap().damaged);
    assert_eq!(full.is_some(), small.is_some(), "{full:?} {small:?}");
    full.is_some()
}

/// Pseudo-random numbers.
fn noise(seed: u32) -> impl FnMut() -> u8 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }
}

/// A scene with areas, edges and grain; or one colour.
fn scene(flat: bool) -> Vec<u8> {
    let mut grain = noise(7);
    let mut pixel = |x: u32, y: u32| {
        let base = [x / 3, y / 3, if (x / 64 + y / 64).is_multiple_of(2) { 60 } else { 190 }];
        let grain = u32::from(grain() % 24);
        if flat { [255; 3] } else { base.map(|v| (v + grain).min(255) as u8) }
    };
    (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Coding {
    Plain,
    Optimised,
    Progressive,
    Arithmetic,
    Grey,
}

const CODINGS: [Coding; 5] =
    [Coding::Plain, Coding::Optimised, Coding::Progressive, Coding::Arithmetic, Coding::Grey];

fn jpeg(rgb: &[u8], coding: Coding, subsampling: Subsamp) -> Vec<u8> {
    let side = SIDE as usize;
    let image = Image { pixels: rgb, width: side, pitch: side * 3, height: side, format: PixelFormat::RGB };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    compressor.set_subsamp(if coding == Coding::Grey { Subsamp::Gray } else { subsampling }).unwrap();
    match coding {
        Coding::Plain | Coding::Grey => {}
        Coding::Optimised => compressor.set_optimize(true).unwrap(),
        Coding::Progressive => compressor.set_progressive(true).unwrap(),
        Coding::Arithmetic => compressor.set_arithmetic(true).unwrap(),
    }
    compressor.compress_to_vec(image).unwrap()
}

fn zeroed(bytes: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[from..to].fill(0);
    out
}

#[test]
fn a_jpeg_whose_end_is_zeros_or_missing_is_damaged() {
    for coding in CODINGS {
        for subsampling in [Subsamp::Sub2x2, Subsamp::None] {
            let whole = jpeg(&scene(false), coding, subsampling);
            assert!(!is_damaged(&whole), "{coding:?}");
            for percent in [20, 50, 80, 95] {
                let at = whole.len() * percent / 100;
                assert!(is_damaged(&zeroed(&whole, at, whole.len())), "{coding:?} zeros from {percent} %");
                assert!(is_damaged(&whole[..at]), "{coding:?} cut at {percent} %");
                // Data after the picture of a motion photo is not damage.
                let trailer = [&zeroed(&whole, at, whole.len())[..], b"\0\0\0\x18ftypmp42", &whole].concat();
                assert!(is_damaged(&trailer), "{coding:?} zeros before a trailer from {percent} %");
            }
        }
    }
}

#[test]
fn a_jpeg_with_a_hole_is_damaged() {
    // A hole that arithmetic decoding reads through cannot be distinguished from data.
    for coding in CODINGS.into_iter().filter(|c| *c != Coding::Arithmetic) {
        let whole = jpeg(&scene(false), coding, Subsamp::Sub2x2);
        for percent in (15..95).step_by(20) {
            let at = whole.len() * percent / 100;
            let hole = zeroed(&whole, at, (at + 4096).min(whole.len() - 100));
            assert!(is_damaged(&hole), "{coding:?} at {percent} %");
        }
    }
}

#[test]
fn what_stands_behind_a_whole_jpeg_is_no_damage() {
    let mut bytes = noise(9);
    let strange: Vec<u8> = (0..5000).map(|_| bytes()).collect();
    for coding in CODINGS {
        for flat in [false, true] {
            let whole = jpeg(&scene(flat), coding, Subsamp::Sub2x2);
            let end = whole.len() - 2;
            let with = |tail: &[u8]| [&whole[..], tail].concat();
            for (what, file) in [
                ("nothing", whole.clone()),
                ("zeros", with(&[0; 70_000])),
                ("erased flash", with(&[0xFF; 5000])),
                ("a second picture", with(&whole)),
                ("a movie", with(&[&b"\0\0\0\x18ftypmp42"[..], &strange].concat())),
                ("no last marker", whole[..end].to_vec()),
                ("zeros before the last marker", [&whole[..end], &[0; 1000], &whole[end..]].concat()),
            ] {
                // Arithmetic data may end in zeros that are left out: its end cannot be detected.
                if coding == Coding::Arithmetic && what == "no last marker" {
                    continue;
                }
                // Hardware encoders write padding, and only one scan.
                if coding == Coding::Progressive && what == "zeros before the last marker" {
                    continue;
                }
                assert!(!is_damaged(&file), "{coding:?}, flat: {flat}, {what}");
            }
        }
    }
}

#[test]
fn a_webp_with_zeros_or_without_its_end_is_damaged() {
    let mut files = Vec::new();
    let mut lossless = Vec::new();
    image_webp::WebPEncoder::new(&mut lossless)
        .encode(&scene(false), SIDE, SIDE, image_webp::ColorType::Rgb8)
        .unwrap();
    files.push(lossless);
    files.extend(support::made("webp.webp", &["-f", "lavfi", "-i", "testsrc2=s=512x512", "-frames:v", "1"]));
    for whole in files {
        assert!(!is_damaged(&whole));
        for percent in [30, 50, 70, 90] {
            let at = whole.len() * percent / 100;
            assert!(is_damaged(&zeroed(&whole, at, whole.len())), "zeros from {percent} %");
            assert!(is_damaged(&whole[..at]), "cut at {percent} %");
        }
    }
    let mut flat = Vec::new();
    image_webp::WebPEncoder::new(&mut flat)
        .encode(&scene(true), SIDE, SIDE, image_webp::ColorType::Rgb8)
        .unwrap();
    assert!(!is_damaged(&flat));
}

#[test]
fn an_avif_with_zeros_or_without_its_end_is_damaged() {
    let args = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=512x512",
        "-frames:v",
        "1",
        "-still-picture",
        "1",
        "-cpu-used",
        "8",
    ];
    let Some(whole) = support::made("avif.avif", &args) else { return };
    assert!(!is_damaged(&whole));
    for percent in [40, 60, 80, 90] {
        let at = whole.len() * percent / 100;
        assert!(is_damaged(&zeroed(&whole, at, whole.len())), "zeros from {percent} %");
        assert!(is_damaged(&whole[..at]), "cut at {percent} %");
        assert!(is_damaged(&zeroed(&whole, at, (at + 512).min(whole.len()))), "a hole at {percent} %");
    }
    let args = [
        "-f",
        "lavfi",
        "-i",
        "color=white:s=2048x2048",
        "-frames:v",
        "1",
        "-still-picture",
        "1",
        "-cpu-used",
        "8",
    ];
    let Some(flat) = support::made("flat.avif", &args) else { return };
    assert!(!is_damaged(&flat));
}

/// All intact pictures of the corpus, by their sources: none may be marked damaged.
#[test]
fn whole_pictures_of_the_corpus_are_not_damaged() {
    let Some(corpus) = support::corpus("damage") else { return };
    let mut wrong = Vec::new();
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    for line in manifest.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let (name, kind) = (entry["file"].as_str().unwrap(), entry["kind"].as_str().unwrap());
        // Faces and objects are a thousand more of the same encoder.
        if matches!(kind, "corrupt" | "bomb" | "damaged" | "metadata-stub" | "face-id" | "object" | "video")
            // Files that the reference decoder refuses are damaged.
            || entry["ref_decode"]["error"].is_string()
            || KNOWN_DAMAGED.iter().any(|known| name.ends_with(known))
        {
            continue;
        }
        let Ok(bytes) = std::fs::read(corpus.join(name)) else { continue };
        if let Ok(Pixels { damaged: Some(why), .. }) = shown(&bytes, 8) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that are really damaged, and why.
const KNOWN_DAMAGED: &[&str] = &[
    // Truncated by the project that they come from, to be small.
    "pixel-motion-photo-shortened.jpg",
    "pixel-motion-photo-without-exif-shortened.jpg",
    "non-motion-photo-shortened.jpg",
    "imagemeta/testdata/images/sample.cr2",
    // PngSuite's files with a wrong checksum.
    "xcsn0g01.png",
    "xhdn0g08.png",
];

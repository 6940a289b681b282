//! Tests of decode, against the real parts: every picture must match another decoder's.

use crate::support::ROOT;
#[path = "../../crates/bench/examples/corpus_report/decode.rs"]
#[allow(dead_code)]
mod report;

use crate::support;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Facts, FixedAdmission, Format};
use albumen_media::decode;
use albumen_media::pixels::Pixels;
use report::Outcome;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// Files that differ from the reference decoder, each with its reason in docs/formats.md.
const EXCEPTIONS: &[&str] = &[
    "flower-rgb-planar-16.tif",
    "rgb24prof2.bmp",
    "oob.gif",
    "g4_orientation_6.tif",
    "g4_orientation_7.tif",
    "colors_hdr_rec2020.avif",
    "colors_hdr_srgb.avif",
    "colors_text_wcg_hdr_rec2020.avif",
    "seine_hdr_gainmap_srgb.avif",
    "avif.avif",
    "extended_pixi.avif",
    "exiv2-nikon-d70.jpg",
];

/// Bytes that a decoder is given in tests that are not about little memory.
const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

fn testdata(name: &str) -> std::path::PathBuf {
    Path::new(ROOT).join("testdata").join(name)
}

fn decode_file(path: &Path, orientation: Option<u8>, admission: &FixedAdmission) -> Result<Pixels, Fault> {
    let source = Source::from_file(File::open(path).unwrap()).unwrap();
    let facts = Facts { format: Some(Format::Jpeg), orientation, ..Facts::default() };
    decode::decode(&source, &facts, &|w, h| (w.div_ceil(2), h.div_ceil(2)), admission)
}

/// The colour in the middle of a corner's eighth.
fn corner(p: &Pixels, right: bool, bottom: bool) -> [u8; 3] {
    let at = |n: u32, far: bool| if far { n - 1 - n / 32 } else { n / 32 } as usize;
    let i = (at(p.height, bottom) * p.width as usize + at(p.width, right)) * 3;
    [p.rgb[i], p.rgb[i + 1], p.rgb[i + 2]]
}

#[test]
fn all_eight_orientations_stand_upright() {
    let upright = decode_file(&testdata("orientation/1.jpg"), Some(1), &PLENTY).unwrap();
    let [r, g, b] = corner(&upright, false, false);
    assert!(r > 150 && g < 110 && b < 110, "red is top left: {r} {g} {b}");
    let [r, g, b] = corner(&upright, false, true);
    assert!(b > r && b > g, "blue is bottom left: {r} {g} {b}");
    for orientation in 2..=8u8 {
        let path = testdata(&format!("orientation/{orientation}.jpg"));
        let turned = decode_file(&path, Some(orientation), &PLENTY).unwrap();
        assert_eq!((turned.width, turned.height), (upright.width, upright.height), "{orientation}");
        let difference: u64 =
            turned.rgb.iter().zip(&upright.rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = difference as f64 / upright.rgb.len() as f64;
        assert!(mean < 4.0, "orientation {orientation} differs by {mean:.1} levels");
    }
}

#[test]
fn kinds_of_jpeg_show_the_same_scene() {
    let plain = decode_file(&testdata("kinds/plain.jpg"), None, &PLENTY).unwrap();
    for name in ["kinds/progressive.jpg", "kinds/cmyk.jpg", "kinds/grey.jpg"] {
        let other = decode_file(&testdata(name), None, &PLENTY).unwrap();
        assert_eq!(other.damaged, None, "{name}");
        let luma = |p: &Pixels, i: usize| {
            let px = &p.rgb[i * 3..][..3];
            0.299 * f64::from(px[0]) + 0.587 * f64::from(px[1]) + 0.114 * f64::from(px[2])
        };
        let pixels = plain.rgb.len() / 3;
        let mean =
            (0..pixels).map(|i| (luma(&plain, i) - luma(&other, i)).abs()).sum::<f64>() / pixels as f64;
        assert!(mean < 6.0, "{name} differs by {mean:.1} levels of luma");
    }
}

#[test]
fn what_is_cut_off_is_recovered_and_said() {
    let cut = decode_file(&testdata("broken/truncated.jpg"), None, &PLENTY).unwrap();
    assert!(cut.damaged.is_some());
    let [r, g, b] = corner(&cut, false, false);
    assert!(r > 150 && g < 110 && b < 110, "the top is there: {r} {g} {b}");
}

#[test]
fn a_progressive_jpeg_is_admitted_by_its_coefficients() {
    let little = FixedAdmission(700_000);
    decode_file(&testdata("kinds/plain.jpg"), None, &little).expect("a baseline JPEG needs some rows only");
    match decode_file(&testdata("kinds/progressive.jpg"), None, &little) {
        // 480 x 320 pixels, three bytes each, beside the rows.
        Err(Fault::TooLarge { needed }) => assert!((700_000..2_500_000).contains(&needed), "{needed}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn corpus_pictures_look_as_another_decoder_sees_them() {
    let Some(corpus) = support::corpus("corpus_pictures_look_as_another_decoder_sees_them") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let rows: Vec<_> = manifest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds = [
        "bench",
        "camera-jpeg",
        "damaged",
        "hdr-gainmap",
        "metadata",
        "metadata-stub",
        "motion",
        "orientation",
        "pano360",
        "pixel-formats",
        "pngsuite",
        "raw",
        "scene",
        "takeout",
    ];
    let mut wrong = Vec::new();
    for row in report::compare(&corpus, &rows, Some(&kinds)) {
        let name = row.file.rsplit('/').next().unwrap_or_default();
        match row.outcome {
            Outcome::Agrees | Outcome::Decoded | Outcome::Failed(_) => {}
            _ if EXCEPTIONS.contains(&name) => {}
            other => wrong.push(format!("{}: {other:?}", row.file)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_corpus_files_end_in_time() {
    let Some(corpus) = support::corpus("hostile_corpus_files_end_in_time") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let rows: Vec<_> = manifest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    // A generous limit to detect hangs, not a measurement: all of them together take some seconds.
    let start = Instant::now();
    let report = report::compare(&corpus, &rows, Some(&["bomb", "corrupt"]));
    assert!(report.len() >= 150, "{}", report.len());
    assert!(start.elapsed() < Duration::from_secs(300));
    for row in report.iter().filter(|r| r.kind == "bomb") {
        assert!(
            matches!(row.outcome, Outcome::Failed(Fault::TooLarge { .. })),
            "{}: {:?}",
            row.file,
            row.outcome
        );
    }
}

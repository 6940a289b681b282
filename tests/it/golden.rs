//! Golden pictures: Albumen's output, against a whole decode by another decoder, by SSIMULACRA2.
//!
//! The luma grids of the other tests verify that a picture has the right light in the right place; these
//! verify its detail: an enlarged embedded thumbnail fails. References are made while the test runs, by
//! libvips (its JPEG, PNG, TIFF, WebP, GIF, JPEG XL and HEIF readers share no code with Albumen's, or are
//! other versions and other code paths of the same library), by the ffmpeg program, and for RAW by a blind
//! search for JPEGs.

use crate::support;
use albumen_core::ladder;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, FixedAdmission, Format, Inputs};
use albumen_media::pixels::Pixels;
use albumen_media::pixels::orient::{Orientation, upright};
use albumen_media::pixels::resize::shrink;
use albumen_media::{decode, inspect};
use std::fs::File;
use std::path::{Path, PathBuf};

/// SSIMULACRA2 that every picture must reach; 90 is "visually lossless", 70 "high quality".
const LEAST: f64 = 85.0;
/// The same for JPEGs that libjpeg has shrunk, by its DCT, to little more than the target size: `decode/jpeg`
/// decides on that loss.
const LEAST_OF_SHRUNK_JPEG: f64 = 80.0;
/// Short edge of the compared pictures: the largest thumbnail's.
const SHORT_EDGE: u32 = 1280;
/// Pictures of each of Pillow's formats, spread evenly over those that the corpus has.
const WANTED: [(&str, usize); 9] = [
    ("JPEG", 16),
    ("HEIF", 8),
    ("AVIF", 6),
    ("PNG", 7),
    ("TIFF", 5),
    ("WEBP", 2),
    ("JXL", 3),
    ("GIF", 1),
    ("BMP", 1),
];
/// Pictures below this many pixels per side have too few of the metric's blocks.
const SMALLEST_SIDE: u64 = 200;
/// Pictures that libvips 8.14 shows differently, rightly or wrongly, by their names.
const NO_REFERENCE: [&str; 9] = [
    // PQ bases of gain maps: tone-mapped by Albumen, shown as they are coded by libvips.
    "colors_hdr_rec2020.avif",
    "colors_text_wcg_hdr_rec2020.avif",
    "seine_hdr_gainmap_srgb.avif",
    // CMYK without a profile, and inks beyond CMYK: each program converts them differently.
    "testcard_cmyk.tif",
    "mch-8bits_qt_6.8.tif",
    // libvips shows black where djxl and Albumen show blue.
    "bug_496350.jxl",
    // Limited range, which the file's header does not state (docs/formats.md).
    "avif.avif",
    // libheif's older version, used by libvips, repeats chroma samples instead of interpolating, and ignores
    // a grey profile.
    "example.avif",
    "profile_gray_gamma22.avif",
];
/// Of larger pictures only a few per format are compared: each takes seconds.
const SMALL_PIXELS: u64 = 2_000_000;
const MOST_PIXELS: u64 = 13_000_000;
const LARGE_ONES: usize = 1;

fn facts_of(path: &Path) -> (Source, Facts) {
    let source = Source::from_file(File::open(path).unwrap()).unwrap();
    let request = DevelopRequest {
        name: path.file_name().unwrap().as_encoded_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: None,
    };
    let inputs = Inputs { primary: source.clone(), sidecars: Vec::new() };
    (source, inspect::inspect(&request, &inputs).unwrap())
}

fn ours(path: &Path) -> (Pixels, Facts) {
    let (source, facts) = facts_of(path);
    let fit = |w: u32, h: u32| ladder::step((w, h), SHORT_EDGE);
    let pixels = decode::decode(&source, &facts, &fit, &FixedAdmission(1 << 30))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (pixels, facts)
}

/// The score of a picture against a whole decode in its full size.
fn score(ours: &Pixels, (size, rgb): &((u32, u32), Vec<u8>)) -> f64 {
    let to = (ours.width, ours.height);
    support::ssimulacra2(&shrink(rgb, *size, to), &ours.rgb, to)
}

/// Pictures of the manifest to compare.
fn chosen(corpus: &Path, manifest: &str) -> Vec<PathBuf> {
    let rows: Vec<serde_json::Value> = manifest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let mut chosen = Vec::new();
    for (format, wanted) in WANTED {
        let fits = |row: &&serde_json::Value| {
            let reference = &row["ref_decode"];
            let side = |key: &str| reference[key].as_u64().unwrap_or(0);
            let kind = row["kind"].as_str().unwrap();
            reference["format"] == format
                && reference["error"].is_null()
                && side("w").min(side("h")) >= SMALLEST_SIDE
                && side("w") * side("h") <= MOST_PIXELS
                && !["corrupt", "damaged", "bomb", "metadata", "motion"].contains(&kind)
        };
        let is_small = |row: &serde_json::Value| {
            let side = |key: &str| row["ref_decode"][key].as_u64().unwrap_or(0);
            side("w") * side("h") <= SMALL_PIXELS
        };
        let (small, large): (Vec<_>, Vec<_>) = rows.iter().filter(fits).partition(|row| is_small(row));
        let large_ones = LARGE_ONES.min(large.len());
        for (from, wanted) in [(small, wanted - large_ones.min(wanted)), (large, large_ones)] {
            let n = wanted.min(from.len());
            let file = |i: usize| from[i * from.len() / n]["file"].as_str().unwrap();
            chosen.extend((0..n).map(|i| support::corpus_file(corpus, file(i))));
        }
    }
    chosen
}

#[test]
fn corpus_pictures_keep_their_detail() {
    let Some(corpus) = support::corpus("corpus_pictures_keep_their_detail") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut compared = 0;
    let mut poor = Vec::new();
    for path in chosen(&corpus, &manifest) {
        if NO_REFERENCE.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let (pixels, facts) = ours(&path);
        // HDR that no other program tone-maps in the same way has no reference.
        if facts.hdr.as_ref().is_some_and(|hdr| ["pq", "hlg"].contains(&hdr.kind.as_str())) {
            continue;
        }
        let Some(reference) = support::vips_decodes(&path) else {
            eprintln!("libvips cannot read {}", path.display());
            continue;
        };
        let score = score(&pixels, &reference);
        compared += 1;
        println!("{score:6.2} {}", path.strip_prefix(&corpus).unwrap().display());
        let shrunk_jpeg = facts.format == Some(Format::Jpeg) && reference.0 != (pixels.width, pixels.height);
        if score < if shrunk_jpeg { LEAST_OF_SHRUNK_JPEG } else { LEAST } {
            poor.push(format!("{score:.2} {}", path.display()));
        }
    }
    assert!(poor.is_empty(), "{}", poor.join("\n"));
    assert!(compared >= 40, "only {compared} pictures had a reference");
}

#[test]
fn corpus_videos_show_one_of_their_frames() {
    let Some(corpus) = support::corpus("corpus_videos_show_one_of_their_frames") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut compared = 0;
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        if row["kind"] != "video" || row["ffprobe"]["pix_fmt"] != "yuv420p" || compared == 3 {
            continue;
        }
        let path = support::corpus_file(&corpus, row["file"].as_str().unwrap());
        let (pixels, _) = ours(&path);
        let to = (pixels.width, pixels.height);
        let best = support::ffmpeg_frames(&path, to)
            .chunks_exact(pixels.rgb.len())
            .min_by_key(|frame| distance(frame, &pixels.rgb))
            .map(|frame| support::ssimulacra2(frame, &pixels.rgb, to));
        let best = best.expect("ffmpeg finds a frame");
        println!("{best:6.2} {}", path.display());
        assert!(best >= LEAST, "{best:.2} {}", path.display());
        compared += 1;
    }
    assert_eq!(compared, 3);
}

fn distance(a: &[u8], b: &[u8]) -> u64 {
    a.iter().zip(b).step_by(7).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

#[test]
fn corpus_raw_files_show_their_largest_jpeg() {
    let Some(corpus) = support::corpus("corpus_raw_files_show_their_largest_jpeg") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut compared = 0;
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = row["file"].as_str().unwrap();
        let extension = name.rsplit('.').next().unwrap_or_default().to_lowercase();
        let raw = ["cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "pef", "srw", "crw"];
        if !raw.contains(&extension.as_str()) {
            continue;
        }
        let path = support::corpus_file(&corpus, name);
        let Some((size, rgb)) = largest_jpeg(&std::fs::read(&path).unwrap()) else { continue };
        let (pixels, facts) = ours(&path);
        if u64::from(size.0.min(size.1)) < SMALLEST_SIDE {
            continue;
        }
        let turned = upright(
            Pixels { width: size.0, height: size.1, rgb, damaged: None },
            Orientation::from_exif(facts.orientation),
        );
        let score = score(&pixels, &((turned.width, turned.height), turned.rgb));
        println!("{score:6.2} {name}");
        assert!(score >= LEAST, "{score:.2} {name}");
        compared += 1;
    }
    assert!(compared >= 1, "no RAW file with a JPEG inside");
}

/// The largest complete JPEG anywhere in these bytes.
fn largest_jpeg(bytes: &[u8]) -> Option<((u32, u32), Vec<u8>)> {
    let mut best: Option<((u32, u32), usize)> = None;
    for at in memchr::memmem::find_iter(bytes, b"\xFF\xD8\xFF") {
        let Ok(header) = turbojpeg::Decompressor::new().unwrap().read_header(&bytes[at..]) else { continue };
        let size = (header.width as u32, header.height as u32);
        let area = |(w, h): (u32, u32)| u64::from(w) * u64::from(h);
        if !header.is_lossless && best.is_none_or(|(known, _)| area(size) > area(known)) {
            best = Some((size, at));
        }
    }
    let (size, at) = best?;
    let image = turbojpeg::decompress(&bytes[at..], turbojpeg::PixelFormat::RGB).ok()?;
    Some((size, image.pixels))
}

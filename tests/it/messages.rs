//! What users read about files that fail: reasons in their own words, with the next step, and never the words of a
//! library.

use crate::support::{self, ROOT};
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, FixedAdmission, Inputs, RenderSettings};
use albumen_worker::develop::develop;
use serde_json::Value;
use std::path::Path;

/// Words of libraries, and of programmers.
const NOT_FOR_USERS: &[&str] = &[
    "::",
    "0x",
    "adler",
    "bitstream",
    "codestream",
    "crc",
    "chunktype",
    "eof",
    "error",
    "expected",
    "extent",
    "hayro",
    "huffman",
    "idat",
    "ihdr",
    "iloc",
    "invalid",
    "jxl-",
    "libheif",
    "libjpeg",
    "lzw",
    "marker",
    "null",
    "os error",
    "panic",
    "unwrap",
    "vp8l",
    "zlib",
    "zune",
];

fn assert_in_words(what: &str, reason: &str) {
    let lower = reason.to_lowercase();
    let found: Vec<_> = NOT_FOR_USERS.iter().filter(|word| lower.contains(**word)).collect();
    assert!(found.is_empty(), "{what}: {reason:?} contains {found:?}");
}

fn plain_jpeg() -> Vec<u8> {
    std::fs::read(Path::new(ROOT).join("testdata/kinds/plain.jpg")).unwrap()
}

/// A little-endian TIFF of one grey pixel with this compression.
fn tiff(compression: u16) -> Vec<u8> {
    let entries: [(u16, u16, u32); 8] = [
        (0x100, 3, 1),
        (0x101, 3, 1),
        (0x102, 3, 8),
        (0x103, 3, compression.into()),
        (0x106, 3, 1),
        (0x111, 4, 8),
        (0x116, 3, 1),
        (0x117, 4, 1),
    ];
    let mut out = b"II\x2a\0\x0a\0\0\0\x80\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        out.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        out.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
    }
    out.extend([0; 4]);
    out
}

/// A lossless JPEG by its header; libjpeg-turbo decodes only other kinds.
fn lossless_jpeg() -> Vec<u8> {
    let mut jpeg = plain_jpeg();
    let frame = jpeg.windows(2).position(|w| matches!(w, [0xFF, 0xC0])).expect("a baseline frame");
    jpeg[frame + 1] = 0xC3;
    jpeg
}

/// A clip of the test picture with these arguments; `None` without ffmpeg.
fn clip(name: &str, args: &[&str]) -> Option<Vec<u8>> {
    support::made(name, &[&["-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=0.4"], args].concat())
}

const INTACT_COPY: &str = "Replace the file with an intact copy";
const KEPT: &str = "The file is kept as it is.";
const PART_SHOWN: &str = "The intact part is shown.";

/// Each file with its state, its fault, the reason, and the beginning of the advice.
type Row = (&'static str, Vec<u8>, &'static str, Option<&'static str>, &'static str, &'static str);

fn table() -> Vec<Row> {
    let jpeg = plain_jpeg();
    let corrupt = |name, bytes, reason| (name, bytes, "failed", Some("corrupt"), reason, INTACT_COPY);
    let unsupported = |name, bytes, reason| (name, bytes, "skipped", Some("unsupported"), reason, KEPT);
    let mut table = vec![
        corrupt("empty.jpg", Vec::new(), "damaged: the file is empty"),
        corrupt(
            "zeros.jpg",
            vec![0; 5000],
            "damaged: the file holds only zeros: a copy that was never finished",
        ),
        corrupt("text.jpg", b"Dear diary,".to_vec(), "damaged: the content is text, not a picture or video"),
        corrupt(
            "noise.jpg",
            vec![0x9C, 0x01, 0xFE, 0x42, 0x81],
            "damaged: the content does not begin like any picture or video",
        ),
        corrupt("start.jpg", jpeg[..jpeg.len() / 20].to_vec(), "damaged: its JPEG data are damaged"),
        corrupt(
            "garbled.png",
            [&b"\x89PNG\r\n\x1a\n"[..], &[0x5A; 400]].concat(),
            "damaged: its PNG data are damaged",
        ),
        corrupt(
            "garbled.gif",
            [&b"GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff"[..], &[0x5A; 400]].concat(),
            "damaged: its GIF data are damaged",
        ),
        corrupt(
            "garbled.webp",
            [&b"RIFF\x90\x01\0\0WEBPVP8 \x80\x01\0\0"[..], &[0x5A; 400]].concat(),
            "damaged: its WebP data are damaged",
        ),
        corrupt(
            "garbled.jxl",
            [&b"\xff\x0a"[..], &[0x5A; 400]].concat(),
            "damaged: its JPEG XL data are damaged",
        ),
        corrupt(
            "garbled.jp2",
            [&b"\xff\x4f\xff\x51"[..], &[0x5A; 400]].concat(),
            "damaged: its JPEG 2000 data are damaged",
        ),
        (
            "cut.jpg",
            jpeg[..jpeg.len() / 2].to_vec(),
            "damaged",
            None,
            "the file ends before the picture does",
            PART_SHOWN,
        ),
        unsupported(
            "document.jpg",
            b"%PDF-1.7 ".repeat(20),
            "not supported: a PDF document, which Albumen does not read",
        ),
        unsupported(
            "lossless.jpg",
            lossless_jpeg(),
            "not supported: a kind of JPEG that Albumen does not decode, such as lossless or hierarchical",
        ),
        unsupported("zstandard.tif", tiff(50_000), "not supported: TIFF compressed by method 50000"),
    ];
    if let Some(bytes) = clip("a.avi", &["-c:v", "cinepak"]) {
        let reason = "not supported: its video codec is none of those that Albumen decodes";
        table.push(unsupported("cinepak.avi", bytes, reason));
    }
    let sound = ["-f", "lavfi", "-i", "sine=d=0.2", "-map", "1:a", "-c:a", "aac"];
    if let Some(bytes) = clip("a.mp4", &sound) {
        table.push(unsupported("sound.mp4", bytes, "not supported: a sound file: there is no video in it"));
    }
    table
}

/// An AVI whose only stream has sound and picture, as cameras and capture programs write DV ("type 1").
fn dv_in_avi_as_one_stream(frames: &[u8]) -> Vec<u8> {
    const FRAME: usize = 144_000;
    let chunk = |kind: &[u8], body: &[u8]| [kind, &(body.len() as u32).to_le_bytes(), body].concat();
    let words = |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let count = (frames.len() / FRAME) as u32;
    let main = words(&[40_000, 3_600_000, 0, 0x10, count, 0, 1, FRAME as u32, 720, 576, 0, 0, 0, 0]);
    let header =
        [&b"iavsdvsd"[..], &words(&[0, 0, 0, 1, 25, 0, count, FRAME as u32, u32::MAX, 0]), &[0; 8]].concat();
    let stream = [&b"strl"[..], &chunk(b"strh", &header), &chunk(b"strf", &[0; 32])].concat();
    let headers = [&b"hdrl"[..], &chunk(b"avih", &main), &chunk(b"LIST", &stream)].concat();
    let movie: Vec<u8> = frames.chunks_exact(FRAME).flat_map(|frame| chunk(b"00__", frame)).collect();
    let movie = [b"movi", &movie[..]].concat();
    chunk(b"RIFF", &[&b"AVI "[..], &chunk(b"LIST", &headers), &chunk(b"LIST", &movie)].concat())
}

/// Intact videos in a container, or with a name, of another kind than usual.
fn healthy() -> Vec<(&'static str, Vec<u8>)> {
    let dv = clip("a.dv", &["-target", "pal-dv"]);
    let clips = [
        ("dv.avi", clip("a.avi", &["-c:v", "dvvideo", "-pix_fmt", "yuv420p"])),
        ("dv in one stream.avi", dv.map(|frames| dv_in_avi_as_one_stream(&frames))),
        ("h264.mpg", clip("a.h264", &["-c:v", "libx264", "-f", "h264"])),
        ("hevc.mpg", clip("a.h265", &["-c:v", "libx265", "-x265-params", "log-level=none", "-f", "hevc"])),
    ];
    clips.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))).collect()
}

#[test]
fn failures_say_what_is_wrong_and_what_to_do() {
    let (table, healthy) = (table(), healthy());
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    let files =
        table.iter().map(|row| (row.0, &row.1)).chain(healthy.iter().map(|(name, bytes)| (*name, bytes)));
    for (name, bytes) in files {
        std::fs::write(photos.join(name), bytes).unwrap();
    }
    let index = ["index", "--no-recognise", photos.to_str().unwrap()];
    let (code, _, said) = support::run_in(dir.path(), &[], &index);
    assert_eq!(code, Some(1), "{said}");

    let (_, out, _) = support::run_in(dir.path(), &[], &["failures"]);
    let failures: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (_, text, _) = support::run_as_text(dir.path(), &[], &["failures"]);
    for (name, _, state, fault, reason, advice) in &table {
        let path = photos.join(name);
        let found = failures.iter().find(|f| f["path"].as_str() == path.to_str());
        let found = found.unwrap_or_else(|| panic!("{name} is not in {out}"));
        assert_eq!((&found["state"], found["fault"].as_str()), (&Value::from(*state), *fault), "{found}");
        assert_eq!(found["reason"], *reason, "{name}");
        assert!(found["advice"].as_str().is_some_and(|a| a.starts_with(advice)), "{found}");
        assert_in_words(name, reason);
        let stage = found["stage"].as_str().unwrap();
        let entry = format!("{}\n    {stage}: {reason}\n    {advice}", path.display());
        assert!(text.contains(&entry), "{entry}\nis not in\n{text}");
    }
    for (name, _) in &healthy {
        assert!(!text.contains(&format!("/{name}\n")), "{name} is intact and supported:\n{text}");
    }
    assert_eq!(failures.len(), table.len(), "{out}");
}

/// Files of several formats, each small.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = (40u32, 30u32);
    let rgb: Vec<u8> = (0..width * height * 3).map(|i| (i * 37 % 251) as u8).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&rgb).unwrap();
    let mut gif = Vec::new();
    let frame = gif::Frame::from_rgb(width as u16, height as u16, &rgb);
    gif::Encoder::new(&mut gif, width as u16, height as u16, &[]).unwrap().write_frame(&frame).unwrap();
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp).encode(&rgb, width, height, image_webp::ColorType::Rgb8).unwrap();
    let warm = |name| std::fs::read(Path::new(ROOT).join("crates/media/src/decode/warm").join(name)).unwrap();
    let picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.04", "-frames:v", "1"];
    let clip = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2"];
    let made = [
        ("jp2", support::made("a.jp2", &[&picture[..], &["-c:v", "jpeg2000", "-pix_fmt", "rgb24"]].concat())),
        ("tif", support::made("a.tif", &[&picture[..], &["-compression_algo", "deflate"]].concat())),
        ("bmp", support::made("a.bmp", &picture)),
        ("mp4", support::made("a.mp4", &[&clip[..], &["-c:v", "libx264"]].concat())),
        ("mkv", support::made("a.mkv", &[&clip[..], &["-c:v", "libvpx"]].concat())),
        ("avi", support::made("a.avi", &[&clip[..], &["-c:v", "mpeg4"]].concat())),
    ];
    let own = [
        ("jpg", warm("plain.jpg")),
        ("heic", warm("plain.heic")),
        ("avif", warm("alpha.avif")),
        ("png", png),
        ("gif", gif),
        ("webp", webp),
        ("x3f", [&b"FOVb"[..], &[7; 300]].concat()),
    ];
    let made = made.into_iter().filter_map(|(kind, bytes)| Some((kind, bytes?)));
    own.into_iter().chain(made).collect()
}

/// Cut at several lengths; then some bytes replaced, behind the signature.
fn damaged(bytes: &[u8]) -> Vec<Vec<u8>> {
    let cut = (1..12).map(|part| bytes[..bytes.len() * part / 12].to_vec());
    let mut seed = 0x9E37_79B9_u32;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize
    };
    let replaced = (0..40).map(|n| {
        let mut bytes = bytes.to_vec();
        // Most of them in the headers.
        let range = if n % 4 == 0 { bytes.len() } else { bytes.len().min(200) };
        for _ in 0..4 {
            let at = 12 + random() % range.saturating_sub(12).max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random() as u8;
            }
        }
        bytes
    });
    cut.chain(replaced).collect()
}

#[test]
fn no_damage_is_reported_in_the_words_of_a_library() {
    let mut reported = 0;
    for (kind, bytes) in samples() {
        for (n, bytes) in damaged(&bytes).into_iter().enumerate() {
            let request = DevelopRequest {
                name: format!("a.{kind}").into_bytes(),
                folder: Vec::new(),
                mtime_ns: 0,
                sidecars: Vec::new(),
                render: Some(RenderSettings::default()),
            };
            let inputs = Inputs { primary: Source::from_bytes(bytes), sidecars: Vec::new() };
            let reason = match develop(&request, &inputs, &FixedAdmission(256 << 20)) {
                Err(fault) => fault.to_string(),
                Ok(developed) => match developed.pictures.expect("requested") {
                    Err(fault) => fault.to_string(),
                    Ok(pictures) => pictures.damaged.unwrap_or_default(),
                },
            };
            assert_in_words(&format!("{kind} {n}"), &reason);
            reported += usize::from(!reason.is_empty());
        }
    }
    assert!(reported > 200, "{reported} reasons");
}

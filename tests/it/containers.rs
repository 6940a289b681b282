//! The containers and codecs of home videos, each as the ffmpeg program writes it: detected by content, with
//! facts, and with a poster that is one of the frames that ffmpeg decodes, never a black one. In process, and
//! in the sandbox.

use crate::support;
use albumen_core::cancel::CancelToken;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    DevelopRequest, Developed, FixedAdmission, Format, Inputs, Kind, RenderSettings,
};
use albumen_isolation::{WorkerHandle, WorkerSettings};
use albumen_worker::develop::develop;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOM: FixedAdmission = FixedAdmission(1 << 30);
const WIDTH: usize = 320;

/// A name, the ffmpeg arguments, and the expected facts: format, codec, displayed size, seconds.
struct Clip {
    name: &'static str,
    args: &'static [&'static str],
    format: Format,
    codec: &'static str,
    shown: (u32, u32),
    seconds: Option<f64>,
}

/// A second of black, then a scene: a poster from the start would be black.
const SCENE: &str = "color=black:s=320x240:r=25:d=0.4[a];testsrc2=s=320x240:r=25:d=1.6[b];[a][b]concat=n=2";

fn clips() -> Vec<Clip> {
    let clip =
        |name, args, format, codec| Clip { name, args, format, codec, shown: (320, 240), seconds: Some(2.0) };
    vec![
        clip("a.wmv", &["-c:v", "wmv2", "-b:v", "2M"], Format::Wmv, "wmv2"),
        clip("b.wmv", &["-c:v", "wmv1", "-b:v", "2M"], Format::Wmv, "wmv1"),
        clip("c.asf", &["-c:v", "msmpeg4", "-b:v", "2M"], Format::Wmv, "msmpeg4v3"),
        clip("d.flv", &["-c:v", "flv", "-b:v", "2M"], Format::Flv, "flv1"),
        clip("e.flv", &["-c:v", "libx264"], Format::Flv, "h264"),
        clip("f.f4v", &["-c:v", "libx264", "-f", "mp4"], Format::Mp4, "h264"),
        clip("g.ogv", &["-c:v", "libtheora", "-q:v", "8"], Format::Ogv, "theora"),
        clip("h.mxf", &["-c:v", "mpeg2video", "-b:v", "4M"], Format::Mxf, "mpeg2video"),
        clip("i.mp", &["-c:v", "libx264", "-f", "mp4"], Format::Mp4, "h264"),
        clip("j.lrf", &["-c:v", "libx264", "-f", "mp4"], Format::Mp4, "h264"),
        Clip { seconds: None, ..clip("k.h264", &["-c:v", "libx264", "-f", "h264"], Format::H264, "h264") },
        Clip {
            seconds: None,
            ..clip(
                "l.h265",
                &["-c:v", "libx265", "-x265-params", "log-level=none", "-f", "hevc"],
                Format::H265,
                "hevc",
            )
        },
        Clip {
            seconds: None,
            ..clip(
                "m.m2v",
                &["-c:v", "mpeg2video", "-b:v", "4M", "-f", "mpeg2video"],
                Format::Mpeg,
                "mpeg2video",
            )
        },
        Clip { shown: (768, 576), ..clip("n.dv", &["-target", "pal-dv"], Format::Dv, "dvvideo") },
        Clip { shown: (640, 480), ..clip("o.dv", &["-target", "ntsc-dv"], Format::Dv, "dvvideo") },
    ]
}

/// Makes a clip; `None`, with a note, if there is no ffmpeg.
fn made(clip: &Clip, dir: &Path) -> Option<PathBuf> {
    let args = [&["-f", "lavfi", "-i", SCENE][..], clip.args].concat();
    let path = dir.join(clip.name);
    std::fs::write(&path, support::made(clip.name, &args)?).unwrap();
    Some(path)
}

fn request(path: &Path) -> DevelopRequest {
    DevelopRequest {
        name: path.file_name().unwrap().as_encoded_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    }
}

fn inputs(path: &Path) -> Inputs {
    Inputs { primary: Source::from_file(File::open(path).unwrap()).unwrap(), sidecars: Vec::new() }
}

/// The largest derivative, `WIDTH` pixels wide, as grey samples.
fn poster(developed: &Developed, what: &str) -> (usize, Vec<u8>) {
    let pictures = developed.pictures.as_ref().unwrap().as_ref().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(pictures.damaged, None, "{what}");
    let jpeg = turbojpeg::decompress(&pictures.renditions[0].jpeg, turbojpeg::PixelFormat::RGB).unwrap();
    let height = WIDTH * jpeg.height / jpeg.width;
    (height, shrunk(&jpeg.pixels, (jpeg.width, jpeg.height), (WIDTH, height)))
}

/// RGB to a smaller size, by the mean of the combined pixels.
fn shrunk(rgb: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let mut out = Vec::with_capacity(to.0 * to.1 * 3);
    for y in 0..to.1 {
        for x in 0..to.0 {
            let (top, bottom) = (y * from.1 / to.1, ((y + 1) * from.1 / to.1).max(y * from.1 / to.1 + 1));
            let (left, right) = (x * from.0 / to.0, ((x + 1) * from.0 / to.0).max(x * from.0 / to.0 + 1));
            for c in 0..3 {
                let mut sum = 0usize;
                for row in top..bottom {
                    sum += (left..right).map(|x| usize::from(rgb[(row * from.0 + x) * 3 + c])).sum::<usize>();
                }
                out.push((sum / ((bottom - top) * (right - left))) as u8);
            }
        }
    }
    out
}

/// All frames as ffmpeg decodes them, at this size.
fn frames(path: &Path, height: usize) -> Vec<Vec<u8>> {
    let scale = format!("scale={WIDTH}:{height}:flags=area,format=rgb24");
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-vf", &scale, "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    out.stdout.chunks_exact(WIDTH * height * 3).map(<[u8]>::to_vec).collect()
}

fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn each_container_is_told_and_its_poster_is_one_of_its_frames() {
    let dir = tempfile::tempdir().unwrap();
    let program = Some(support::worker_program());
    let mut worker = WorkerHandle::new(WorkerSettings { program, ..WorkerSettings::default() });
    for clip in clips() {
        let Some(path) = made(&clip, dir.path()) else { return };
        let direct = develop(&request(&path), &inputs(&path), &ROOM).unwrap();
        let facts = &direct.facts;
        assert_eq!((facts.kind, facts.format), (Some(Kind::Video), Some(clip.format)), "{}", clip.name);
        assert_eq!(facts.video_codec.as_deref(), Some(clip.codec), "{}", clip.name);
        let shown = (facts.display_width, facts.display_height);
        assert_eq!(shown, (Some(clip.shown.0), Some(clip.shown.1)), "{}", clip.name);
        assert!(!facts.extension_mismatch, "{}", clip.name);
        match (facts.duration_s, clip.seconds) {
            (Some(found), Some(right)) => assert!((found - right).abs() < 0.1, "{}: {found}", clip.name),
            (found, right) => assert_eq!(found, right, "{}", clip.name),
        }
        let (height, picture) = poster(&direct, clip.name);
        let frames = frames(&path, height);
        assert!(frames.len() > 40, "{}: ffmpeg sees {} frames", clip.name, frames.len());
        let nearest = frames.iter().map(|f| difference(f, &picture)).fold(f64::MAX, f64::min);
        assert!(nearest < 6.0, "{}: the poster differs from each frame by {nearest:.1} at least", clip.name);
        let mean = picture.iter().map(|v| f64::from(*v)).sum::<f64>() / picture.len() as f64;
        assert!(mean > 40.0, "{}: the poster is dark: {mean:.1}", clip.name);

        let sealed = worker.develop(&request(&path), &inputs(&path), &ROOM, &CancelToken::new()).unwrap();
        assert_eq!(sealed.facts, direct.facts, "{}", clip.name);
        assert_eq!(
            poster(&sealed, clip.name).1,
            picture,
            "{}: behind the wall it is another picture",
            clip.name
        );
    }
}

/// Packed frames, and those with alpha, keep the colours stated in the stream.
#[test]
fn bt709_keeps_its_colours_in_packed_and_alpha_formats() {
    let dir = tempfile::tempdir().unwrap();
    // Saturated areas, by the rules of BT.709, stated in the stream.
    let scene = "smptehdbars=s=1280x720:r=5:d=1,format=yuv444p";
    let tagged =
        ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];
    let plain = ["-c:v", "ffv1", "-pix_fmt", "yuv444p"];
    let of = |name: &str, codec: &[&str]| -> Option<Vec<u8>> {
        let args = [&["-f", "lavfi", "-i", scene][..], codec, &tagged].concat();
        let path = dir.path().join(name);
        std::fs::write(&path, support::made(name, &args)?).unwrap();
        Some(poster(&develop(&request(&path), &inputs(&path), &ROOM).unwrap(), name).1)
    };
    let Some(plain) = of("plain.mkv", &plain) else { return };
    for (name, codec) in [
        ("packed.mov", &["-c:v", "rawvideo", "-pix_fmt", "uyvy422"][..]),
        ("packed.avi", &["-c:v", "rawvideo", "-pix_fmt", "yuyv422"]),
        ("alpha.mov", &["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]),
        ("alpha.mkv", &["-c:v", "ffv1", "-pix_fmt", "yuva420p"]),
        ("ten.mov", &["-c:v", "v210", "-pix_fmt", "yuv422p10le"]),
    ] {
        let Some(picture) = of(name, codec) else { return };
        let apart = difference(&plain, &picture);
        assert!(apart < 3.0, "{name}: {apart:.1}");
    }
}

/// PQ code value of this luminance in cd/m2 (SMPTE ST 2084).
fn pq(nits: f64) -> f64 {
    let y = (nits / 10_000.0).powf(2610.0 / 16384.0);
    ((3424.0 / 4096.0 + 2413.0 / 128.0 * y) / (1.0 + 2392.0 / 128.0 * y)).powf(2523.0 / 32.0)
}

fn solved(m: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    let minor = |r: usize, c: usize| {
        let rows: Vec<usize> = (0..3).filter(|i| *i != r).collect();
        let columns: Vec<usize> = (0..3).filter(|i| *i != c).collect();
        m[rows[0]][columns[0]] * m[rows[1]][columns[1]] - m[rows[0]][columns[1]] * m[rows[1]][columns[0]]
    };
    let sign = |r: usize, c: usize| if (r + c).is_multiple_of(2) { 1.0 } else { -1.0 };
    let det: f64 = (0..3).map(|c| m[0][c] * minor(0, c) * sign(0, c)).sum();
    [0, 1, 2].map(|r| (0..3).map(|c| minor(c, r) * sign(c, r) * v[c]).sum::<f64>() / det)
}

/// A box inserted after `hvcC`, and all enclosing boxes longer by it. The media comes first, so that no
/// position changes.
fn with_dolby_box(mut file: Vec<u8>) -> Vec<u8> {
    let dvcc = [&[0, 0, 0, 32][..], b"dvcC", &[1, 0, 5 << 1, 0x0D], &[0; 20]].concat();
    let at = file.windows(4).position(|w| w == b"hvcC").unwrap() - 4;
    let length = |file: &[u8], at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let end = at + length(&file, at);
    for around in [&b"moov"[..], b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"] {
        let start = file[..at].windows(4).rposition(|w| w == around).unwrap() - 4;
        assert!(start + length(&file, start) >= end);
        let longer = (length(&file, start) + dvcc.len()) as u32;
        file[start..start + 4].copy_from_slice(&longer.to_be_bytes());
    }
    file.splice(end..end, dvcc);
    file
}

#[test]
fn dolby_vision_without_a_base_has_its_colours() {
    const SIDE: usize = 128;
    // Four fields in linear light of BT.2020, cd/m2; their sRGB with SDR white at 203, whose gamut contains
    // all of them.
    let fields = [[100.0, 100.0, 100.0], [80.0, 40.0, 40.0], [40.0, 80.0, 40.0], [40.0, 40.0, 80.0]];
    let to_rgb = [
        [3.06441879, -2.16597676, 0.10155818],
        [-0.65612108, 1.78554118, -0.12943749],
        [0.01736321, -0.04725154, 1.03004253],
    ];
    let apart = [[17081.0, -349.0, -349.0], [-349.0, 17081.0, -349.0], [-349.0, -349.0, 17081.0]]
        .map(|r| r.map(|v| v / 16384.0));
    let to_cones = [[8192.0, 799.0, 1681.0], [8192.0, -933.0, 1091.0], [8192.0, 267.0, -5545.0]]
        .map(|r| r.map(|v| v / 8192.0));
    let ipt = fields.map(|rgb| solved(to_cones, solved(apart, solved(to_rgb, rgb)).map(pq)));
    let field =
        |x: usize, y: usize, side: usize| ipt[usize::from(x >= side / 2) + 2 * usize::from(y >= side / 2)];
    let code = |v: f64| ((v * 1023.0).round() as u16).to_le_bytes();
    let mut frame = Vec::new();
    for (plane, side) in [(0, SIDE), (1, SIDE / 2), (2, SIDE / 2)] {
        for y in 0..side {
            for x in 0..side {
                let v = field(x, y, side)[plane];
                frame.extend(code(if plane == 0 { v } else { v + 512.0 / 1023.0 }));
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("frames.yuv");
    std::fs::write(&raw, frame.repeat(10)).unwrap();
    let raw = raw.to_str().unwrap();
    let args = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p10le",
        "-s",
        "128x128",
        "-r",
        "10",
        "-i",
        raw,
        "-c:v",
        "libx265",
        "-crf",
        "4",
        "-x265-params",
        "log-level=none",
        "-tag:v",
        "hvc1",
    ];
    let Some(clip) = support::made("five.mp4", &args) else { return };
    let path = dir.path().join("dolby.mp4");
    std::fs::write(&path, with_dolby_box(clip)).unwrap();
    let developed = develop(&request(&path), &inputs(&path), &ROOM).unwrap();
    let (height, picture) = poster(&developed, "dolby.mp4");
    let at = |x: usize, y: usize| -> [u8; 3] {
        let i = (y * WIDTH + x) * 3;
        [picture[i], picture[i + 1], picture[i + 2]]
    };
    // Linear BT.2020 to linear BT.709 (BT.2087), and sRGB's curve.
    let to_709 = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
    for (i, rgb) in fields.iter().enumerate() {
        let found = at(WIDTH / 4 + WIDTH / 2 * (i % 2), height / 4 + height / 2 * (i / 2));
        let right = to_709.map(|row: [f64; 3]| {
            let v = (row.iter().zip(rgb).map(|(m, v)| m * v).sum::<f64>() / 203.0).clamp(0.0, 1.0);
            let code = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            (code * 255.0) as u8
        });
        assert!(
            found.iter().zip(&right).all(|(a, b)| a.abs_diff(*b) <= 6),
            "field {i}: {found:?}, right {right:?}"
        );
    }
}

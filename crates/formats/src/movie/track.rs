//! Tracks: size, codec, frame rate, orientation and projection.

use crate::bmff::{self, Box, boxes};
use crate::bytes::{View, tidy};
use crate::values::keep;

#[derive(Default)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) scale: Option<u32>,
    pub(super) handler: [u8; 4],
    pub(super) codec: Option<String>,
    pub(super) coded: Option<(u32, u32)>,
    /// Width and height of the presentation, before the matrix.
    presented: Option<(f64, f64)>,
    aspect: Option<(u32, u32)>,
    pub(super) orientation: u8,
    pub(super) duration_s: Option<f64>,
    pub(super) fps: Option<f64>,
    pub(super) transfer: Option<u16>,
    pub(super) projection: Option<String>,
}

impl Track {
    pub(super) fn read(trak: View<'_>) -> Option<Track> {
        let mut track = Track { orientation: 1, ..Track::default() };
        if let Some((version, _, v)) = bmff::find(trak, b"tkhd").and_then(|b| b.full()) {
            let at = if version == 1 { 48 } else { 36 };
            track.id = v.be32(if version == 1 { 16 } else { 8 }).unwrap_or(0);
            let m: Vec<i32> = (0..9).filter_map(|i| v.be32(at + 4 * i).map(|x| x as i32)).collect();
            if let [a, b, _, c, d, ..] = m[..] {
                track.orientation = orientation_of(a, b, c, d);
            }
            if let (Some(w), Some(h)) = (v.be32(at + 36), v.be32(at + 40)) {
                track.presented = Some((f64::from(w) / 65536.0, f64::from(h) / 65536.0));
            }
        }
        if let Some(b) = boxes(trak).find(|b| b.uuid == Some(SPHERICAL_UUID)) {
            track.projection = spherical_xml(&b.body.head(64 * 1024));
        }
        let mdia = bmff::find(trak, b"mdia")?.body;
        let mut scale = None;
        if let Some((version, _, v)) = bmff::find(mdia, b"mdhd").and_then(|b| b.full()) {
            scale = v.be32(if version == 1 { 16 } else { 8 }).filter(|s| *s > 0);
            let d =
                if version == 1 { v.be64(20) } else { v.be32(12).filter(|d| *d != u32::MAX).map(u64::from) };
            if let (Some(s), Some(d)) = (scale, d.filter(|d| *d != u64::MAX)) {
                track.duration_s = Some(d as f64 / f64::from(s));
            }
        }
        track.scale = scale;
        track.handler = bmff::find(mdia, b"hdlr").and_then(|b| b.body.array(8)).unwrap_or_default();
        let stbl = bmff::dig(mdia, &[b"minf", b"stbl"])?;
        if let Some(stsd) = bmff::find(stbl, b"stsd")
            && let Some(entry) = boxes(stsd.body.from(8)).next()
        {
            match &track.handler {
                b"vide" | b"pict" => track.read_picture_entry(&entry),
                b"soun" => track.codec = Some(audio_codec(&entry)),
                _ => {}
            }
        }
        if let (Some(scale), Some(stts)) = (scale, bmff::find(stbl, b"stts")) {
            track.fps = frame_rate(stts.body, scale);
        }
        Some(track)
    }

    fn read_picture_entry(&mut self, entry: &Box<'_>) {
        let v = entry.body;
        self.codec = Some(video_codec(entry));
        if let (Some(w), Some(h)) = (v.be16(24), v.be16(26)) {
            self.coded = Some((u32::from(w), u32::from(h)));
        }
        if self.coded.is_none_or(|(w, h)| w == 0 || h == 0) {
            self.coded = self
                .presented
                .filter(|p| p.0 >= 1.0 && p.1 >= 1.0 && p.0 < 65536.0 && p.1 < 65536.0)
                .map(|p| (p.0 as u32, p.1 as u32));
        }
        for b in boxes(v.from(78)) {
            match &b.kind {
                b"pasp" => {
                    if let (Some(h), Some(v)) = (b.body.be32(0), b.body.be32(4))
                        && h > 0
                        && v > 0
                    {
                        self.aspect = Some((h, v));
                    }
                }
                b"colr" if matches!(b.body.array::<4>(0), Some([b'n', b'c', b'l', b'x' | b'c'])) => {
                    self.transfer = b.body.be16(6);
                }
                b"sv3d" => keep(&mut self.projection, spherical_box(b.body)),
                _ => {}
            }
        }
    }

    /// The displayed size. The pixel aspect is from the `pasp` box, else from the track's own size.
    pub(super) fn display(&self) -> Option<(u32, u32)> {
        let (w, h) = self.coded?;
        let aspect = match self.aspect {
            Some((a, b)) => f64::from(a) / f64::from(b),
            None => match self.presented {
                Some((pw, ph)) if pw >= 1.0 && ph >= 1.0 => (pw / ph) / (f64::from(w) / f64::from(h)),
                _ => 1.0,
            },
        };
        Some(stretch(w, h, aspect, self.orientation))
    }
}

/// Applies a pixel aspect (kept between 1/4 and 4, ignored within 1 %) and an orientation.
pub fn stretch(w: u32, h: u32, aspect: f64, orientation: u8) -> (u32, u32) {
    let stretched = aspect.is_finite() && (0.25..=4.0).contains(&aspect) && (aspect - 1.0).abs() > 0.01;
    let w = if stretched { (f64::from(w) * aspect).round().max(1.0) as u32 } else { w };
    if orientation >= 5 { (h, w) } else { (w, h) }
}

/// The EXIF number equal to a display matrix; 1 for matrices that are not quarter turns.
fn orientation_of(a: i32, b: i32, c: i32, d: i32) -> u8 {
    match (a.signum(), b.signum(), c.signum(), d.signum()) {
        (1, 0, 0, 1) => 1,
        (-1, 0, 0, 1) => 2,
        (-1, 0, 0, -1) => 3,
        (1, 0, 0, -1) => 4,
        (0, 1, 1, 0) => 5,
        (0, 1, -1, 0) => 6,
        (0, -1, -1, 0) => 7,
        (0, -1, 1, 0) => 8,
        _ => 1,
    }
}

/// Frames per second from the table of sample durations.
fn frame_rate(stts: View<'_>, scale: u32) -> Option<f64> {
    /// Maximum number of runs of equal durations; phones with variable rates write one per frame.
    const MAX_RUNS: u32 = 100_000;
    let runs = stts.be32(4)?.min(MAX_RUNS);
    let (mut samples, mut time) = (0u64, 0u64);
    let bytes = stts.get(8, (runs as usize).checked_mul(8)?)?;
    for run in bytes.chunks_exact(8) {
        let n = u64::from(u32::from_be_bytes([run[0], run[1], run[2], run[3]]));
        let d = u64::from(u32::from_be_bytes([run[4], run[5], run[6], run[7]]));
        samples += n;
        time = time.checked_add(n.checked_mul(d)?)?;
    }
    (samples > 0 && time > 0).then(|| samples as f64 * f64::from(scale) / time as f64)
}

/// FFmpeg's short name of a video sample entry.
pub(super) fn video_codec(entry: &Box<'_>) -> String {
    match &entry.kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"AVC1" => "h264",
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" | b"hvc2" => "hevc",
        b"av01" => "av1",
        b"vp08" => "vp8",
        b"vp09" => "vp9",
        b"vvc1" | b"vvi1" => "vvc",
        b"mp4v" => match object_type(entry.body.from(78)) {
            Some(0x60..=0x65) => "mpeg2video",
            Some(0x6A) => "mpeg1video",
            Some(0x6C) => "mjpeg",
            _ => "mpeg4",
        },
        b"s263" | b"h263" | b"H263" => "h263",
        b"jpeg" | b"mjpa" | b"MJPG" | b"mjpg" | b"AVDJ" => "mjpeg",
        b"mjpb" => "mjpegb",
        b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "prores",
        b"SVQ1" => "svq1",
        b"SVQ3" => "svq3",
        b"cvid" => "cinepak",
        b"rle " => "qtrle",
        b"raw " | b"2vuy" | b"yuv2" => "rawvideo",
        b"png " => "png",
        b"DIVX" | b"XVID" | b"3IV2" => "mpeg4",
        b"dvc " | b"dvcp" | b"dv5p" | b"dv5n" | b"dvpp" | b"dvh5" | b"dvh6" => "dvvideo",
        b"m2v1" | b"xdvc" | b"mp2v" | b"hdv2" | b"hdv3" => "mpeg2video",
        other => return fourcc(other),
    }
    .to_owned()
}

/// FFmpeg's short name of an audio sample entry.
fn audio_codec(entry: &Box<'_>) -> String {
    match &entry.kind {
        b"mp4a" => {
            // QuickTime's longer entries put the descriptor after more fields, or into a `wave` box.
            let v = entry.body;
            let at = match v.be16(8) {
                Some(1) => 44,
                Some(2) => 64,
                _ => 28,
            };
            let inner = v.from(at);
            let object = object_type(inner).or_else(|| object_type(bmff::find(inner, b"wave")?.body));
            match object {
                Some(0x69 | 0x6B) => "mp3",
                Some(0xE1) => "qcelp",
                Some(0xA5) => "ac3",
                Some(0xA6) => "eac3",
                Some(0xAD) => "opus",
                _ => "aac",
            }
        }
        b"samr" => "amr_nb",
        b"sawb" => "amr_wb",
        b"ac-3" => "ac3",
        b"ec-3" => "eac3",
        b"Opus" => "opus",
        b"fLaC" => "flac",
        b"alac" => "alac",
        b".mp3" => "mp3",
        b"sowt" | b"lpcm" => "pcm_s16le",
        b"twos" => "pcm_s16be",
        b"in24" => "pcm_s24be",
        b"raw " => "pcm_u8",
        b"ulaw" => "pcm_mulaw",
        b"alaw" => "pcm_alaw",
        b"ima4" => "adpcm_ima_qt",
        b"sqcp" => "qcelp",
        b"sevc" => "evrc",
        b"QDM2" => "qdm2",
        other => return fourcc(other),
    }
    .to_owned()
}

fn fourcc(kind: &[u8; 4]) -> String {
    kind.iter()
        .map(|&b| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() as char } else { '_' })
        .collect()
}

/// The object type in an `esds` box: the codec behind `mp4a` and `mp4v`.
fn object_type(v: View<'_>) -> Option<u8> {
    let body = bmff::find(v, b"esds")?.body.from(4).head(64);
    // Descriptors: tag, length in up to 4 bytes of 7 bits, contents.
    let skip = |at: usize| {
        let n = body.get(at + 1..)?.iter().take(4).take_while(|b| **b & 0x80 != 0).count();
        Some(at + 2 + n)
    };
    let mut at = skip(0)?;
    let flags = *body.get(at + 2)?;
    at += 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*body.get(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    (*body.get(at)? == 4).then(|| skip(at).and_then(|at| body.get(at).copied()))?
}

/// `uuid` box in a track with Google's spherical XML (spherical video V1).
const SPHERICAL_UUID: [u8; 16] = *b"\xff\xcc\x82\x63\xf8\x55\x4a\x93\x88\x14\x58\x7a\x02\x52\x1f\xdd";

/// The projection in an `sv3d` box (spherical video V2).
fn spherical_box(sv3d: View<'_>) -> Option<String> {
    let proj = bmff::find(sv3d, b"proj")?.body;
    boxes(proj).find_map(|b| match &b.kind {
        b"equi" => Some("equirectangular".to_owned()),
        b"cbmp" => Some("cubemap".to_owned()),
        b"mshp" => Some("mesh".to_owned()),
        _ => None,
    })
}

/// The projection in Google's spherical XML, if it also declares the video as spherical.
fn spherical_xml(xml: &[u8]) -> Option<String> {
    let s = String::from_utf8_lossy(xml);
    let value = |name: &str| {
        let open = format!("<GSpherical:{name}>");
        let rest = &s[s.find(&open)? + open.len()..];
        tidy(&rest[..rest.find('<')?])
    };
    if value("Spherical").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        value("ProjectionType")
    } else {
        None
    }
}

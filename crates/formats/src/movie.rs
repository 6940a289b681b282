//! MP4, QuickTime and 3GP: the `moov` box.
//!
//! Invariants: reads boxes only, never media data; an invalid track affects only itself. Width and height are those
//! of the first video track as coded; the display size includes the pixel aspect and the display matrix.

use super::bmff::{self, Box, boxes};
use super::budget::TEXT;
use super::bytes::{Reader, View, text, tidy};
use super::exif;
use super::values::{add_words, keep, place};
use super::{Findings, iso6709};
use albumen_core::vocabulary::Gps;

/// `uuid` box of an XMP packet.
pub const XMP_UUID: [u8; 16] = *b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
/// `uuid` box in a track with Google's spherical XML (spherical video V1).
const SPHERICAL_UUID: [u8; 16] = *b"\xff\xcc\x82\x63\xf8\x55\x4a\x93\x88\x14\x58\x7a\x02\x52\x1f\xdd";
/// Canon's `uuid` box in `moov`, with EXIF directories in CMT1 to CMT4.
const CANON_UUID: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";

/// Seconds between 1904-01-01, QuickTime's epoch, and 1970-01-01.
const EPOCH_1904: i64 = 2_082_844_800;

/// Maximum bytes of one XMP packet.
const MAX_VALUE: usize = 4 * 1024 * 1024;

/// The metadata of a movie.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Movie {
    pub has_video: bool,
    pub duration_s: Option<f64>,
    pub fps: Option<f64>,
    pub video_codec: Option<String>,
    pub audio: Option<String>,
    /// The movie header's creation time, seconds since 1970 as written.
    pub header_time: Option<i64>,
    /// A creation date with its zone (Apple's key, Sony's XML): `2019-07-24T11:25:40+0300`.
    pub creation_date: Option<String>,
    /// A date without zone from other sources (`©day`, RIFF IDIT, Matroska DateUTC as UTC with `Z`).
    pub other_date: Option<(&'static str, String)>,
    pub make: Option<String>,
    pub model: Option<String>,
    pub software: Option<String>,
    pub lens: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub copyright: Option<String>,
    pub keywords: Vec<String>,
    pub rating: Option<f64>,
    pub content_identifier: Option<String>,
    pub gps: Option<Gps>,
    /// From the `sv3d` box or Google's spherical XML.
    pub projection: Option<String>,
}

/// Reads a whole movie file.
pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let mut clock = None;
    for b in boxes(reader.view()) {
        match &b.kind {
            b"moov" => match inflated(b.body) {
                Some(moov) => clock = read_moov(moov.view(), &mut found),
                None => clock = read_moov(b.body, &mut found),
            },
            b"moof" => {
                if let Some(clock) = &mut clock {
                    clock.add(b.body);
                }
            }
            b"uuid" if b.uuid == Some(XMP_UUID) => found.add_xmp(b.body.head(MAX_VALUE)),
            b"udta" => read_udta(b.body, &mut found),
            b"meta" => read_meta(b.body, &mut found),
            _ => {}
        }
    }
    if let Some(clock) = clock.filter(|c| c.samples > 0 && c.ticks > 0) {
        let seconds = clock.ticks as f64 / f64::from(clock.scale);
        let movie = found.movie_mut();
        keep(&mut movie.duration_s, Some(seconds));
        keep(&mut movie.fps, Some(clock.samples as f64 / seconds));
    }
    found
}

/// The contents of a compressed movie box (`cmov`), which QuickTime used for the web.
fn inflated(moov: View<'_>) -> Option<Reader> {
    /// The longest header. QuickTime compressed those of films of minutes for the web, which have some 100 KB.
    const LONGEST: usize = 4 << 20;
    let cmov = bmff::find(moov, b"cmov")?.body;
    if bmff::find(cmov, b"dcom")?.body.array(0) != Some(*b"zlib") {
        return None;
    }
    // The uncompressed length, then zlib's stream of a whole movie box.
    let packed = bmff::find(cmov, b"cmvd")?.body.from(4).head(MAX_VALUE);
    let mut bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, LONGEST).ok()?;
    let header = 8;
    (bytes.get(4..8) == Some(b"moov")).then(|| {
        bytes.drain(..header);
        Reader::from_bytes(bytes)
    })
}

/// Adds up the fragments of a video track: a fragmented movie's header has no duration.
struct Clock {
    track: u32,
    scale: u32,
    /// Ticks of a sample without its own duration.
    usual: u32,
    samples: u64,
    ticks: u64,
}

impl Clock {
    fn add(&mut self, moof: View<'_>) {
        for traf in boxes(moof).filter(|b| &b.kind == b"traf") {
            let _ = self.add_track(traf.body);
        }
    }

    fn add_track(&mut self, traf: View<'_>) -> Option<()> {
        /// Samples of one fragment whose durations are read.
        const MAX_SAMPLES: u32 = 100_000;
        let (_, flags, v) = bmff::find(traf, b"tfhd")?.full()?;
        if v.be32(0)? != self.track {
            return None;
        }
        // An offset and a description's number precede the default duration, depending on the flags.
        let at = 4 + if flags & 1 != 0 { 8 } else { 0 } + if flags & 2 != 0 { 4 } else { 0 };
        let usual = if flags & 8 != 0 { v.be32(at)? } else { self.usual };
        for run in boxes(traf).filter(|b| &b.kind == b"trun") {
            let (_, flags, v) = run.full()?;
            let samples = v.be32(0)?.min(MAX_SAMPLES);
            self.samples += u64::from(samples);
            if flags & 0x100 == 0 {
                self.ticks += u64::from(samples) * u64::from(usual);
                continue;
            }
            let mut at = 4 + if flags & 1 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 };
            let each = 4 * u64::from((flags >> 8 & 15).count_ones());
            for _ in 0..samples {
                self.ticks += u64::from(v.be32(at)?);
                at += each;
            }
        }
        Some(())
    }
}

/// Reads the movie box; returns the clock of a fragmented movie's video track.
fn read_moov(moov: View<'_>, found: &mut Findings) -> Option<Clock> {
    let mut movie = found.movie.take().unwrap_or_default();
    let mut longest: f64 = 0.0;
    let mut video: Option<Track> = None;
    let mut clock = None;
    for b in boxes(moov) {
        match &b.kind {
            b"mvhd" => read_header(&b, &mut movie),
            b"trak" => {
                let track = Track::read(b.body);
                if let Some(t) = track {
                    longest = longest.max(t.duration_s.unwrap_or(0.0));
                    match &t.handler {
                        b"soun" => {
                            keep(&mut movie.audio, Some(t.codec.clone().unwrap_or_else(|| "unknown".into())))
                        }
                        b"vide" | b"pict" if t.coded.is_some() && video.is_none() => video = Some(t),
                        _ => {}
                    }
                }
            }
            b"mvex" => {
                // A fragmented movie: a separate header has its total duration.
                if let Some((version, _, v)) = bmff::find(b.body, b"mehd").and_then(|m| m.full()) {
                    let d = if version == 1 { v.be64(0) } else { v.be32(0).map(u64::from) };
                    if let (Some(d), Some(scale)) = (d, time_scale(moov)) {
                        longest = longest.max(d as f64 / f64::from(scale));
                    }
                }
            }
            _ => {}
        }
    }
    /// A movie may last longer than its tracks: slow motion stretches them, by 8 or 10. Beyond that its header is
    /// wrong.
    const MOST_STRETCH: f64 = 100.0;
    let lies = |d: f64| d <= 0.0 || longest > 0.0 && d > longest * MOST_STRETCH;
    if movie.duration_s.is_none_or(lies) {
        movie.duration_s = (longest > 0.0).then_some(longest);
    }
    if let Some(t) = video {
        movie.has_video = true;
        movie.fps = t.fps;
        movie.video_codec = t.codec.clone();
        movie.projection = t.projection.clone();
        found.coded = t.coded;
        found.display = t.display();
        found.orientation = Some(t.orientation);
        found.transfer = t.transfer;
        let extends = bmff::find(moov, b"mvex").and_then(|mvex| {
            // Track, description, then the default duration.
            boxes(mvex.body)
                .filter_map(|b| if &b.kind == b"trex" { b.full() } else { None })
                .find(|(_, _, v)| v.be32(0) == Some(t.id))
                .map(|(_, _, v)| v.be32(8).unwrap_or(0))
        });
        clock = extends.zip(t.scale).map(|(usual, scale)| Clock {
            track: t.id,
            scale,
            usual,
            samples: 0,
            ticks: 0,
        });
    }
    found.movie = Some(movie);
    for b in boxes(moov) {
        match &b.kind {
            b"udta" => read_udta(b.body, found),
            b"meta" => read_meta(b.body, found),
            b"uuid" if b.uuid == Some(CANON_UUID) => read_canon(b.body, found),
            b"uuid" if b.uuid == Some(XMP_UUID) => found.add_xmp(b.body.head(MAX_VALUE)),
            _ => {}
        }
    }
    clock
}

/// Reads the movie box of a picture sequence.
pub fn read_sequence(moov: View<'_>) -> Findings {
    let mut found = Findings::default();
    read_moov(moov, &mut found);
    found
}

fn time_scale(moov: View<'_>) -> Option<u32> {
    let (version, _, v) = bmff::find(moov, b"mvhd")?.full()?;
    v.be32(if version == 1 { 16 } else { 8 }).filter(|s| *s > 0)
}

fn read_header(b: &Box<'_>, movie: &mut Movie) {
    let Some((version, _, v)) = b.full() else { return };
    let (created, scale, duration) = if version == 1 {
        (v.be64(0), v.be32(16), v.be64(20).filter(|d| *d != u64::MAX))
    } else {
        (v.be32(0).map(u64::from), v.be32(8), v.be32(12).filter(|d| *d != u32::MAX).map(u64::from))
    };
    if let Some(t) = created.and_then(|t| i64::try_from(t).ok()).filter(|t| *t > 0) {
        // Some writers count from 1970; before 1970 there was no digital video.
        let seconds = if t < EPOCH_1904 { t } else { t - EPOCH_1904 };
        movie.header_time = Some(seconds);
    }
    if let (Some(scale), Some(duration)) = (scale.filter(|s| *s > 0), duration) {
        movie.duration_s = Some(duration as f64 / f64::from(scale)).filter(|d| *d > 0.0);
    }
}

// -------------------------------------------------------------------------------------------- tracks

#[derive(Default)]
struct Track {
    id: u32,
    scale: Option<u32>,
    handler: [u8; 4],
    codec: Option<String>,
    coded: Option<(u32, u32)>,
    /// Width and height of the presentation, before the matrix.
    presented: Option<(f64, f64)>,
    aspect: Option<(u32, u32)>,
    orientation: u8,
    duration_s: Option<f64>,
    fps: Option<f64>,
    transfer: Option<u16>,
    projection: Option<String>,
}

impl Track {
    fn read(trak: View<'_>) -> Option<Track> {
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
    fn display(&self) -> Option<(u32, u32)> {
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
fn video_codec(entry: &Box<'_>) -> String {
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

// ------------------------------------------------------------------------------------------ spherical

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

// ------------------------------------------------------------------------------------------- metadata

/// User data: QuickTime's `©` texts, 3GPP's boxes, XMP, and a `meta` box of iTunes.
fn read_udta(udta: View<'_>, found: &mut Findings) {
    for b in boxes(udta) {
        match &b.kind {
            b"meta" => read_meta(b.body, found),
            b"XMP_" => found.add_xmp(b.body.head(MAX_VALUE)),
            b"loci" => {
                let gps = location_box(b.body);
                keep(&mut found.movie_mut().gps, gps);
            }
            b"titl" | b"dscp" | b"cprt" | b"auth" => {
                let value = asset_text(b.body);
                let movie = found.movie_mut();
                match &b.kind {
                    b"titl" => keep(&mut movie.title, value),
                    b"dscp" => keep(&mut movie.description, value),
                    b"cprt" => keep(&mut movie.copyright, value),
                    _ => {}
                }
            }
            b"manu" => keep(&mut found.movie_mut().make, text(&b.body.from(6).head(256))),
            b"modl" => keep(&mut found.movie_mut().model, text(&b.body.from(6).head(256))),
            [0xA9, name @ ..] => {
                if let Some(value) = international_text(b.body) {
                    apply_text(name, &value, found.movie_mut());
                }
            }
            _ => {}
        }
    }
}

/// `©` text: a length and a language of 16 bits each before it.
fn international_text(v: View<'_>) -> Option<String> {
    let n = u64::from(v.be16(0)?);
    let bytes = if n + 4 <= v.len() { v.part(4, n) } else { v }.head(TEXT);
    text(&bytes)
}

/// 3GPP asset text: version, language, then UTF-8 or UTF-16 with a byte order mark.
fn asset_text(v: View<'_>) -> Option<String> {
    let bytes = v.from(6).head(64 * 1024);
    if bytes.starts_with(b"\xfe\xff") {
        tidy(encoding_rs::UTF_16BE.decode_with_bom_removal(&bytes).0.split('\0').next()?)
    } else {
        text(&bytes)
    }
}

/// 3GPP's location: name, role, then longitude, latitude and altitude as 16.16 fixed point.
fn location_box(v: View<'_>) -> Option<Gps> {
    let bytes = v.head(4096);
    let name = bytes.get(6..)?;
    let end = if name.starts_with(b"\xfe\xff") {
        name.chunks_exact(2).position(|c| c == [0, 0])? * 2 + 2
    } else {
        name.iter().position(|&b| b == 0)? + 1
    };
    let at = (6 + end + 1) as u64;
    let fixed = |at: u64| v.be32(at).map(|x| f64::from(x as i32) / 65536.0);
    place(fixed(at + 4)?, fixed(at)?, fixed(at + 8))
}

fn apply_text(name: &[u8], value: &str, movie: &mut Movie) {
    let value = Some(value.to_owned());
    match name {
        b"xyz" => keep(&mut movie.gps, value.as_deref().and_then(iso6709::parse)),
        b"mak" => keep(&mut movie.make, value),
        b"mod" => keep(&mut movie.model, value),
        b"swr" | b"too" => keep(&mut movie.software, value),
        b"nam" => keep(&mut movie.title, value),
        b"cmt" | b"des" | b"inf" => keep(&mut movie.description, value),
        b"cpy" => keep(&mut movie.copyright, value),
        b"day" => keep(&mut movie.other_date, value.map(|v| ("quicktime:day", v))),
        _ => {}
    }
}

/// A `meta` box: Apple's keys (`mdta`), iTunes' list (`mdir`), or Sony's XML.
fn read_meta(body: View<'_>, found: &mut Findings) {
    // QuickTime's has no version and flags: a box begins at once.
    let body = if body.array::<4>(4) == Some(*b"hdlr") { body } else { body.from(4) };
    let mut names: Vec<String> = Vec::new();
    for b in boxes(body) {
        match &b.kind {
            b"keys" => {
                names = boxes(b.body.from(8))
                    .take(1000)
                    .map(|k| String::from_utf8_lossy(&k.body.head(256)).into_owned())
                    .collect();
            }
            b"ilst" => {
                for item in boxes(b.body).take(1000) {
                    let Some(data) = bmff::find(item.body, b"data") else { continue };
                    let key = match names.get((u32::from_be_bytes(item.kind) as usize).wrapping_sub(1)) {
                        Some(name) => name.clone(),
                        None => String::from_utf8_lossy(&item.kind[1..]).into_owned(),
                    };
                    let own = item.kind[0] == 0xA9 || &item.kind == b"desc" || &item.kind == b"cprt";
                    apply_item(&key, own, &item.kind, &data, found.movie_mut());
                }
            }
            b"xml " => {
                if let Some((_, _, v)) = b.full() {
                    sony_xml(&v.head(256 * 1024), found.movie_mut());
                }
            }
            _ => {}
        }
    }
}

fn apply_item(key: &str, itunes: bool, kind: &[u8; 4], data: &Box<'_>, movie: &mut Movie) {
    // Type and locale before the value; 1 is UTF-8, 2 UTF-16.
    let Some(type_) = data.body.be32(0) else { return };
    let bytes = data.body.from(8).head(TEXT);
    let value = match type_ & 0xFF_FFFF {
        2 => tidy(&encoding_rs::UTF_16BE.decode_with_bom_removal(&bytes).0),
        23 => <[u8; 4]>::try_from(&bytes[..]).ok().map(|b| f32::from_be_bytes(b).to_string()),
        24 => <[u8; 8]>::try_from(&bytes[..]).ok().map(|b| f64::from_be_bytes(b).to_string()),
        21 | 22 => Some(bytes.iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b)).to_string()),
        _ => text(&bytes),
    };
    let Some(value) = value else { return };
    if itunes {
        match kind {
            b"desc" => keep(&mut movie.description, Some(value)),
            b"cprt" => keep(&mut movie.copyright, Some(value)),
            _ => apply_text(&kind[1..], &value, movie),
        }
        return;
    }
    let key = key.strip_prefix("com.apple.quicktime.").or(key.strip_prefix("com.android.")).unwrap_or(key);
    match key {
        "creationdate" => keep(&mut movie.creation_date, Some(value)),
        "location.ISO6709" => {
            if let Some(gps) = iso6709::parse(&value) {
                movie.gps = Some(gps);
            }
        }
        "make" | "manufacturer" => movie.make = Some(value),
        "model" => movie.model = Some(value),
        "software" => movie.software = Some(value),
        "camera.lens_model" => keep(&mut movie.lens, Some(value)),
        "content.identifier" => keep(&mut movie.content_identifier, Some(value)),
        "title" | "displayname" => keep(&mut movie.title, Some(value)),
        "description" | "comment" => keep(&mut movie.description, Some(value)),
        "copyright" => keep(&mut movie.copyright, Some(value)),
        "keywords" => add_words(&mut movie.keywords, value.split(',').filter_map(tidy)),
        "rating.user" => keep(&mut movie.rating, value.parse().ok()),
        _ => {}
    }
}

/// Sony's XML beside the movie box: `<CreationDate value="2018-09-20T20:41:37+03:00"/>`,
/// `<Device manufacturer="Sony" modelName="ILCE-7M3" .../>`.
fn sony_xml(xml: &[u8], movie: &mut Movie) {
    let s = String::from_utf8_lossy(xml);
    let attribute = |element: &str, name: &str| {
        let start = s.find(&format!("<{element} "))?;
        let tag = &s[start..start + s[start..].find('>')?];
        let open = format!("{name}=\"");
        let rest = &tag[tag.find(&open)? + open.len()..];
        tidy(&rest[..rest.find('"')?])
    };
    keep(&mut movie.creation_date, attribute("CreationDate", "value"));
    keep(&mut movie.make, attribute("Device", "manufacturer"));
    keep(&mut movie.model, attribute("Device", "modelName"));
    keep(&mut movie.lens, attribute("Lens", "modelName"));
}

/// Canon's directories: CMT1 is the image directory, CMT2 the EXIF one, CMT3 the maker note, CMT4 GPS.
fn read_canon(body: View<'_>, found: &mut Findings) {
    use super::tiff::Tiff;
    let mut out = exif::Exif::default();
    let mut any = false;
    for b in boxes(body) {
        let Some(tiff) = Tiff::open(b.body) else { continue };
        let ifd = tiff.ifd(tiff.first);
        any = true;
        match &b.kind {
            b"CMT1" => out.read_image(&tiff, &ifd),
            b"CMT2" => out.read_photo(&tiff, &ifd),
            b"CMT3" => super::makernote::read_canon(&tiff, &ifd, &mut out.maker),
            b"CMT4" => out.read_gps(&tiff, &ifd),
            _ => {}
        }
    }
    if any {
        out.finish();
        found.add_exif(Some(out));
    }
}

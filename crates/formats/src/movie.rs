//! MP4, QuickTime and 3GP: the `moov` box.
//!
//! Invariants: reads boxes only, never media data; an invalid track affects only itself. Width and height are those
//! of the first video track as coded; the display size includes the pixel aspect and the display matrix.

mod metadata;
mod track;

use super::Findings;
use super::bmff::{self, Box, boxes};
use super::bytes::{Reader, View};
use super::values::keep;
use albumen_core::vocabulary::Gps;
use metadata::{MAX_VALUE, read_canon, read_meta, read_udta};
use track::Track;
pub use track::stretch;

/// `uuid` box of an XMP packet.
pub const XMP_UUID: [u8; 16] = *b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
/// Canon's `uuid` box in `moov`, with EXIF directories in CMT1 to CMT4.
const CANON_UUID: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";

/// Seconds between 1904-01-01, QuickTime's epoch, and 1970-01-01.
const EPOCH_1904: i64 = 2_082_844_800;

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
    let mut has_movie_box = false;
    for b in boxes(reader.view()) {
        match &b.kind {
            // One: each compressed one has limits of its own.
            b"moov" if !has_movie_box => {
                has_movie_box = true;
                match inflated(b.body) {
                    Some(moov) => clock = read_moov(moov.view(), &mut found),
                    None => clock = read_moov(b.body, &mut found),
                }
            }
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
            if flags & 0x100 == 0 {
                self.samples += u64::from(samples);
                self.ticks = self.ticks.saturating_add(u64::from(samples) * u64::from(usual));
                continue;
            }
            let mut at = 4 + if flags & 1 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 };
            let each = 4 * u64::from((flags >> 8 & 15).count_ones());
            for _ in 0..samples {
                // A truncated run ends here: its other samples have no duration.
                self.ticks = self.ticks.saturating_add(u64::from(v.be32(at)?));
                self.samples += 1;
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

#[cfg(test)]
mod tests;

//! RIFF: its chunks, and AVI's headers.
//!
//! Invariant: reads headers and the information list, no media data.

use super::Findings;
use super::bytes::{Reader, View, text};
use super::movie::Movie;
use super::values::{add_words, keep};

/// Maximum number of chunks read on one level.
const MAX_CHUNKS: usize = 10_000;

/// A chunk.
pub struct Chunk<'a> {
    pub kind: [u8; 4],
    /// The length as declared; may reach beyond the end of a truncated file.
    pub length: u64,
    /// The contents, limited to the available bytes.
    pub body: View<'a>,
}

/// Walks the chunks of a view; each is padded to an even length.
pub fn chunks<'a>(view: View<'a>) -> impl Iterator<Item = Chunk<'a>> {
    let mut at = 0u64;
    std::iter::from_fn(move || {
        let kind = view.array(at)?;
        let length = u64::from(view.le32(at + 4)?);
        let body = view.part(at + 8, length);
        at += 8 + length + (length & 1);
        Some(Chunk { kind, length, body })
    })
    .take(MAX_CHUNKS)
}

pub fn read_avi(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    for Chunk { kind, body, .. } in chunks(reader.view().from(12)) {
        if &kind == b"LIST" {
            match body.array::<4>(0).as_ref() {
                Some(b"hdrl") => read_headers(body.from(4), &mut found),
                Some(b"INFO") => read_info(body.from(4), &mut found),
                _ => {}
            }
        }
        if &kind == b"_PMX" {
            found.add_xmp(body.head(4 * 1024 * 1024));
        }
    }
    found
}

fn read_headers(list: View<'_>, found: &mut Findings) {
    let mut frames_us = None;
    for Chunk { kind, body, .. } in chunks(list) {
        match &kind {
            b"avih" => {
                frames_us = body.le32(0).filter(|v| *v > 0).zip(body.le32(16));
                keep(&mut found.coded, body.le32(32).zip(body.le32(36)));
            }
            b"IDIT" => {
                let date = text(&body.head(256)).map(|d| ("riff:DateTimeOriginal", d));
                keep(&mut found.movie_mut().other_date, date);
            }
            b"LIST" if body.array::<4>(0) == Some(*b"strl") => read_stream(body.from(4), found),
            b"LIST" if body.array::<4>(0) == Some(*b"INFO") => read_info(body.from(4), found),
            _ => {}
        }
    }
    let movie = found.movie_mut();
    if let Some((us, frames)) = frames_us {
        keep(&mut movie.duration_s, Some(f64::from(us) * f64::from(frames) / 1e6).filter(|d| *d > 0.0));
        keep(&mut movie.fps, Some(1e6 / f64::from(us)));
    }
}

fn read_stream(list: View<'_>, found: &mut Findings) {
    let mut kind_of = [0; 4];
    let mut handler = [0; 4];
    for Chunk { kind, body, .. } in chunks(list) {
        match &kind {
            b"strh" => {
                kind_of = body.array(0).unwrap_or_default();
                handler = body.array(4).unwrap_or_default();
                let (scale, rate, length) = (body.le32(20), body.le32(24), body.le32(32));
                if matches!(&kind_of, b"vids" | b"iavs")
                    && let (Some(scale), Some(rate), Some(length)) = (scale, rate, length)
                    && scale > 0
                    && rate > 0
                {
                    let movie = found.movie_mut();
                    keep(&mut movie.fps, Some(f64::from(rate) / f64::from(scale)));
                    let seconds = f64::from(length) * f64::from(scale) / f64::from(rate);
                    keep(&mut movie.duration_s, Some(seconds).filter(|d| *d > 0.0));
                }
            }
            b"strf" if &kind_of == b"vids" => {
                let size = body.le32(4).zip(body.le32(8)).map(|(w, h)| (w, (h as i32).unsigned_abs()));
                if let Some((w, h)) = size
                    && w > 0
                    && h > 0
                {
                    found.coded = Some((w, h));
                }
                let compression = body.array(16).unwrap_or(handler);
                let movie = found.movie_mut();
                movie.has_video = true;
                keep(&mut movie.video_codec, Some(video_codec(&compression).to_owned()));
            }
            // DV with sound and picture in one stream; the main header has the size.
            b"strf" if &kind_of == b"iavs" => {
                let movie = found.movie_mut();
                movie.has_video = true;
                keep(&mut movie.video_codec, Some(video_codec(&handler).to_owned()));
                keep(&mut movie.audio, Some("pcm_s16le".to_owned()));
            }
            b"strf" if &kind_of == b"auds" => {
                let codec = audio_codec(body.le16(0).unwrap_or(0), body.le16(14).unwrap_or(16));
                keep(&mut found.movie_mut().audio, Some(codec.to_owned()));
            }
            _ => {}
        }
    }
}

fn read_info(list: View<'_>, found: &mut Findings) {
    for Chunk { kind, body, .. } in chunks(list) {
        let Some(value) = text(&body.head(64 * 1024)) else { continue };
        let movie = found.movie_mut();
        match &kind {
            b"ICRD" => keep(&mut movie.other_date, Some(("riff:DateCreated", value))),
            b"ISFT" => keep(&mut movie.software, Some(value)),
            b"INAM" => keep(&mut movie.title, Some(value)),
            b"ICMT" => keep(&mut movie.description, Some(value)),
            b"ICOP" => keep(&mut movie.copyright, Some(value)),
            b"IMAK" | b"IMAU" => keep(&mut movie.make, Some(value)),
            b"IMOD" => keep(&mut movie.model, Some(value)),
            b"IKEY" => add_words(&mut movie.keywords, value.split([';', ',']).filter_map(super::bytes::tidy)),
            _ => {}
        }
    }
}

/// FFmpeg's short name of a Windows compression code.
pub fn video_codec(code: &[u8; 4]) -> &'static str {
    match &code.map(|b| b.to_ascii_uppercase()) {
        b"MJPG" | b"AVRN" | b"JPGL" | b"DMB1" => "mjpeg",
        b"H264" | b"X264" | b"AVC1" | b"DAVC" => "h264",
        b"HEVC" | b"H265" | b"X265" | b"HVC1" => "hevc",
        b"XVID" | b"DIVX" | b"DX50" | b"MP4V" | b"FMP4" | b"FFDS" => "mpeg4",
        b"DIV3" | b"MP43" | b"DIV4" => "msmpeg4v3",
        b"MP42" => "msmpeg4v2",
        b"MPG4" => "msmpeg4v1",
        b"WMV1" => "wmv1",
        b"WMV2" => "wmv2",
        b"WMV3" => "wmv3",
        b"WVC1" | b"WMVA" => "vc1",
        b"MSS1" => "mss1",
        b"MSS2" => "mss2",
        b"MPG2" | b"MPEG" => "mpeg2video",
        b"MPG1" => "mpeg1video",
        b"DVSD" | b"DVHD" | b"DV25" => "dvvideo",
        b"CVID" => "cinepak",
        b"IV31" | b"IV32" => "indeo3",
        b"IV50" => "indeo5",
        b"MSVC" | b"CRAM" => "msvideo1",
        b"VP80" => "vp8",
        b"VP90" => "vp9",
        b"AV01" => "av1",
        b"HFYU" => "huffyuv",
        b"FFV1" => "ffv1",
        b"\0\0\0\0" | b"YUY2" | b"UYVY" | b"I420" | b"DIB " => "rawvideo",
        _ => "unknown",
    }
}

/// FFmpeg's short name of a Windows audio format.
pub fn audio_codec(tag: u16, bits: u16) -> &'static str {
    match tag {
        1 if bits == 8 => "pcm_u8",
        1 if bits == 24 => "pcm_s24le",
        1 => "pcm_s16le",
        2 => "adpcm_ms",
        3 => "pcm_f32le",
        6 => "pcm_alaw",
        7 => "pcm_mulaw",
        0x11 => "adpcm_ima_wav",
        0x50 => "mp2",
        0x55 => "mp3",
        0xFF | 0x706D | 0x1600 => "aac",
        0x160 => "wmav1",
        0x161 => "wmav2",
        0x162 => "wmapro",
        0x163 => "wmalossless",
        0x0A => "wmavoice",
        0x2000 => "ac3",
        0x2001 => "dts",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;

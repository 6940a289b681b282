//! Matroska and WebM: the segment's information, tracks and tags.
//!
//! Invariants: reads element headers and these three elements; clusters are skipped by their length, and not visited
//! at all if an index at the start has the offset of the tags.

use super::bytes::{Reader, View, text};
use super::movie::Movie;
use super::values::{add_words, keep};
use super::{Findings, iso6709};

/// Maximum number of elements read on one level.
const MAX_ELEMENTS: usize = 20_000;

/// Bytes of the longest number.
const LONGEST_NUMBER: u64 = 8;

/// Seconds between 2001-01-01, Matroska's epoch, and 1970-01-01.
const EPOCH_2001: i64 = 978_307_200;

/// One element: its identifier with the marker bits, and its contents.
fn elements<'a>(view: View<'a>) -> impl Iterator<Item = (u32, View<'a>)> {
    let mut at = 0u64;
    std::iter::from_fn(move || {
        let first = view.u8(at)?;
        let n = first.leading_zeros() + 1;
        if n > 4 {
            return None;
        }
        let mut id = 0u32;
        for i in 0..n {
            id = id << 8 | u32::from(view.u8(at + u64::from(i))?);
        }
        at += u64::from(n);
        let first = view.u8(at)?;
        let n = first.leading_zeros() + 1;
        if n > 8 {
            return None;
        }
        let mut size = u64::from(first) & ((1u64 << (8 - n)) - 1);
        let mut unknown = size == (1u64 << (8 - n)) - 1;
        for i in 1..n {
            let b = view.u8(at + u64::from(i))?;
            unknown &= b == 0xFF;
            size = size << 8 | u64::from(b);
        }
        at += u64::from(n);
        // An element of unknown size (a live stream) reaches to the end of its parent.
        let body = if unknown { view.from(at) } else { view.part(at, size) };
        // Texts and lists count as far as they are there; a number without its last bytes is another number.
        if size <= LONGEST_NUMBER && body.len() < size {
            return None;
        }
        at = if unknown { view.len() } else { at.checked_add(size)? };
        Some((id, body))
    })
    .take(MAX_ELEMENTS)
}

fn uint(view: View<'_>) -> Option<u64> {
    (view.len() <= 8).then(|| view.head(8).iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

fn float(view: View<'_>) -> Option<f64> {
    match view.len() {
        4 => view.be32(0).map(|v| f64::from(f32::from_bits(v))),
        8 => view.be64(0).map(f64::from_bits),
        _ => None,
    }
    .filter(|v| v.is_finite())
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let Some((_, segment)) = elements(reader.view()).find(|(id, _)| *id == 0x1853_8067) else { return found };
    let mut tags_at = None;
    let mut tags_seen = false;
    for (id, body) in elements(segment) {
        match id {
            0x114D_9B74 => tags_at = seek_to(body, 0x1254_C367),
            0x1549_A966 => read_info(body, &mut found),
            0x1654_AE6B => {
                for (_, track) in elements(body).filter(|(id, _)| *id == 0xAE) {
                    read_track(track, &mut found);
                }
            }
            0x1254_C367 => {
                tags_seen = true;
                read_tags(body, &mut found);
            }
            // The first cluster: all headers have been read.
            0x1F43_B675 if found.coded.is_some() => break,
            _ => {}
        }
    }
    if !tags_seen
        && let Some(at) = tags_at
        && let Some((0x1254_C367, body)) = elements(segment.from(at)).next()
    {
        read_tags(body, &mut found);
    }
    found
}

/// The offset of an element according to the index, from the segment's start.
fn seek_to(head: View<'_>, wanted: u64) -> Option<u64> {
    elements(head).filter(|(id, _)| *id == 0x4DBB).find_map(|(_, seek)| {
        let mut target = None;
        let mut at = None;
        for (id, body) in elements(seek) {
            match id {
                0x53AB => target = uint(body),
                0x53AC => at = uint(body),
                _ => {}
            }
        }
        (target == Some(wanted)).then_some(at)?
    })
}

fn read_info(info: View<'_>, found: &mut Findings) {
    let mut scale = 1_000_000u64;
    let mut duration = None;
    let movie = found.movie_mut();
    for (id, body) in elements(info) {
        match id {
            0x2A_D7B1 => scale = uint(body).filter(|s| *s > 0).unwrap_or(scale),
            0x4489 => duration = float(body),
            0x4461 => {
                let ns = body.be64(0).map(|v| v as i64);
                movie.header_time = ns.map(|ns| EPOCH_2001 + ns.div_euclid(1_000_000_000));
            }
            0x7BA9 => keep(&mut movie.title, text(&body.head(4096))),
            0x5741 => keep(&mut movie.software, text(&body.head(256))),
            _ => {}
        }
    }
    movie.duration_s = duration.map(|d| d * scale as f64 / 1e9).filter(|d| *d > 0.0 && d.is_finite());
}

fn read_track(track: View<'_>, found: &mut Findings) {
    let mut kind = 0;
    let mut codec = String::new();
    let mut frame_ns = None;
    let mut video = None;
    for (id, body) in elements(track) {
        match id {
            0x83 => kind = uint(body).unwrap_or(0),
            0x86 => codec = text(&body.head(64)).unwrap_or_default(),
            0x23_E383 => frame_ns = uint(body).filter(|v| *v > 0),
            0xE0 => video = Some(body),
            _ => {}
        }
    }
    match (kind, video) {
        (1, Some(video)) if found.coded.is_none() => {
            {
                let movie = found.movie_mut();
                movie.has_video = true;
                movie.video_codec = Some(codec_name(&codec).to_owned());
                movie.fps = frame_ns.map(|ns| 1e9 / ns as f64);
            }
            read_video(video, found);
        }
        (2, _) => keep(&mut found.movie_mut().audio, Some(codec_name(&codec).to_owned())),
        _ => {}
    }
}

fn read_video(video: View<'_>, found: &mut Findings) {
    let (mut w, mut h, mut dw, mut dh, mut unit) = (0u32, 0u32, 0u64, 0u64, 0);
    for (id, body) in elements(video) {
        let number = || uint(body).unwrap_or(0);
        match id {
            0xB0 => w = u32::try_from(number()).unwrap_or(0),
            0xBA => h = u32::try_from(number()).unwrap_or(0),
            0x54B0 => dw = number(),
            0x54BA => dh = number(),
            0x54B2 => unit = number(),
            0x7670 => {
                for (id, body) in elements(body) {
                    if id == 0x7671 {
                        let name = match uint(body) {
                            Some(1) => Some("equirectangular"),
                            Some(2) => Some("cubemap"),
                            Some(3) => Some("mesh"),
                            _ => None,
                        };
                        found.movie_mut().projection = name.map(str::to_owned);
                    }
                }
            }
            0x55B0 => {
                for (id, body) in elements(body) {
                    if id == 0x55BA {
                        found.transfer = uint(body).and_then(|v| u16::try_from(v).ok());
                    }
                }
            }
            _ => {}
        }
    }
    if w == 0 || h == 0 {
        return;
    }
    found.coded = Some((w, h));
    // Units 0 (pixels) and 3 (aspect ratio) define an aspect ratio; so do centimetres and inches.
    let aspect = if dw > 0 && dh > 0 && unit <= 3 {
        (dw as f64 / dh as f64) / (f64::from(w) / f64::from(h))
    } else {
        1.0
    };
    found.display = Some(super::movie::stretch(w, h, aspect, 1));
}

fn read_tags(tags: View<'_>, found: &mut Findings) {
    for (_, tag) in elements(tags).filter(|(id, _)| *id == 0x7373) {
        for (_, simple) in elements(tag).filter(|(id, _)| *id == 0x67C8) {
            let (mut name, mut value) = (None, None);
            for (id, body) in elements(simple) {
                match id {
                    0x45A3 => name = text(&body.head(256)),
                    0x4487 => value = text(&body.head(4096)),
                    _ => {}
                }
            }
            let (Some(name), Some(value)) = (name, value) else { continue };
            let movie = found.movie_mut();
            match name.to_ascii_uppercase().as_str() {
                "DATE_RECORDED" | "CREATION_TIME" | "COM.APPLE.QUICKTIME.CREATIONDATE" => {
                    keep(&mut movie.creation_date, Some(value));
                }
                "LOCATION" | "COM.APPLE.QUICKTIME.LOCATION.ISO6709" => {
                    keep(&mut movie.gps, iso6709::parse(&value))
                }
                "MAKE" | "COM.APPLE.QUICKTIME.MAKE" => keep(&mut movie.make, Some(value)),
                "MODEL" | "COM.APPLE.QUICKTIME.MODEL" => keep(&mut movie.model, Some(value)),
                "TITLE" => keep(&mut movie.title, Some(value)),
                "DESCRIPTION" | "COMMENT" => keep(&mut movie.description, Some(value)),
                "COPYRIGHT" => keep(&mut movie.copyright, Some(value)),
                "KEYWORDS" => add_words(&mut movie.keywords, value.split(',').filter_map(super::bytes::tidy)),
                _ => {}
            }
        }
    }
}

/// FFmpeg's short name of a codec identifier.
fn codec_name(id: &str) -> &str {
    match id {
        "V_VP8" => "vp8",
        "V_VP9" => "vp9",
        "V_AV1" => "av1",
        "V_MPEG4/ISO/AVC" => "h264",
        "V_MPEGH/ISO/HEVC" => "hevc",
        "V_MPEGI/ISO/VVC" => "vvc",
        "V_MPEG1" => "mpeg1video",
        "V_MPEG2" => "mpeg2video",
        "V_MJPEG" => "mjpeg",
        "V_THEORA" => "theora",
        "V_PRORES" => "prores",
        "V_UNCOMPRESSED" => "rawvideo",
        id if id.starts_with("V_MPEG4/") => "mpeg4",
        id if id.starts_with("A_AAC") => "aac",
        "A_OPUS" => "opus",
        "A_VORBIS" => "vorbis",
        "A_FLAC" => "flac",
        "A_AC3" => "ac3",
        "A_EAC3" => "eac3",
        "A_DTS" => "dts",
        "A_MPEG/L3" => "mp3",
        "A_MPEG/L2" => "mp2",
        "A_ALAC" => "alac",
        "A_PCM/INT/LIT" => "pcm_s16le",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests;

//! MXF: the sets of its header metadata.
//!
//! Invariant: reads the first megabytes, no essence.

use super::Findings;
use super::bytes::{Reader, View};
use super::movie::{Movie, stretch};
use super::values::keep;

/// The beginning of every key, and of a partition's key.
const KEY: &[u8; 4] = b"\x06\x0E\x2B\x34";
const PARTITION: &[u8; 13] = b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01";
/// The key of a metadata set; the last byte but one is its kind.
const SET: &[u8; 4] = b"\x06\x0E\x2B\x34";
/// Bytes that may precede the first partition.
const MAX_RUN_IN: usize = 65_536;
/// Maximum number of items read: header metadata have some hundred.
const MAX_ITEMS: usize = 4096;
/// The longest set.
const MAX_SET: usize = 65_536;

/// The start of the first partition, if there is one.
fn start(view: View<'_>) -> Option<u64> {
    let head = view.head(MAX_RUN_IN + PARTITION.len());
    memchr::memmem::find(&head, PARTITION).map(|at| at as u64)
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    let mut facts = Facts::default();
    let mut at = start(view).unwrap_or(0);
    for _ in 0..MAX_ITEMS {
        let Some((key, body, next)) = item(view, at) else { break };
        at = next;
        // 0D 01 03 01: the essence begins.
        if key[8..12] == [0x0D, 0x01, 0x03, 0x01] {
            break;
        }
        if key.starts_with(SET) && key[4] == 2 && key[5] == 0x53 && key[8..10] == [0x0D, 0x01] {
            facts.read_set(key[14], &body.head(MAX_SET));
        }
    }
    let movie = found.movie_mut();
    movie.has_video = facts.size.is_some() || facts.codec.is_some();
    movie.video_codec = facts.codec.map(str::to_owned);
    movie.fps = facts.rate;
    movie.duration_s = facts.rate.zip(facts.frames).map(|(rate, n)| n as f64 / rate).filter(|d| *d > 0.0);
    movie.audio = facts.audio.map(str::to_owned);
    movie.other_date = facts.date.map(|d| ("mxf:CreationDate", d));
    movie.software = facts.software;
    if let Some((w, h)) = facts.size {
        found.coded = Some((w, h));
        // The aspect ratio of the whole picture, which defines that of a pixel.
        let aspect = facts.shape.map_or(1.0, |shape| shape * f64::from(h) / f64::from(w));
        found.display = Some(stretch(w, h, aspect, 1));
        found.orientation = Some(1);
    }
    found
}

/// Key and body of the item at `at`, and the start of the next one.
fn item(view: View<'_>, at: u64) -> Option<([u8; 16], View<'_>, u64)> {
    let key: [u8; 16] = view.array(at)?;
    if !key.starts_with(KEY) {
        return None;
    }
    let first = view.u8(at + 16)?;
    let (length, header) = match first {
        0..0x80 => (u64::from(first), 17),
        _ => {
            let n = u64::from(first & 0x7F);
            if n > 8 {
                return None;
            }
            let bytes = view.get(at + 17, n as usize)?;
            (bytes.iter().fold(0u64, |v, b| v << 8 | u64::from(*b)), 17 + n)
        }
    };
    let body = view.part(at + header, length);
    Some((key, body, at.checked_add(header)?.checked_add(length)?))
}

#[derive(Default)]
struct Facts {
    size: Option<(u32, u32)>,
    shape: Option<f64>,
    rate: Option<f64>,
    frames: Option<u64>,
    codec: Option<&'static str>,
    audio: Option<&'static str>,
    date: Option<String>,
    software: Option<String>,
}

impl Facts {
    /// Local tags of two bytes, each with a length of two.
    fn read_set(&mut self, kind: u8, mut set: &[u8]) {
        let (mut width, mut height, mut fields) = (None, None, false);
        // The displayed part of the stored picture, whose size is a multiple of 16.
        let (mut shown_width, mut shown_height) = (None, None);
        while let Some((head, rest)) = set.split_first_chunk::<4>() {
            let tag = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]])).min(rest.len());
            let (value, rest) = rest.split_at(length);
            set = rest;
            let number = || value.iter().take(8).fold(0u64, |v, b| v << 8 | u64::from(*b));
            let ratio = || {
                let half = |i: usize| value.get(i..i + 4)?.try_into().ok().map(u32::from_be_bytes);
                let (n, d) = (half(0)?, half(4)?);
                (n > 0 && d > 0).then(|| f64::from(n) / f64::from(d))
            };
            match (kind, tag) {
                // Picture descriptors.
                (0x27..=0x29 | 0x51, 0x3203) => width = u32::try_from(number()).ok(),
                (0x27..=0x29 | 0x51, 0x3202) => height = u32::try_from(number()).ok(),
                (0x27..=0x29 | 0x51, 0x3209) => shown_width = u32::try_from(number()).ok(),
                (0x27..=0x29 | 0x51, 0x3208) => shown_height = u32::try_from(number()).ok(),
                (0x27..=0x29 | 0x51, 0x320C) => fields = number() == 1,
                (0x27..=0x29 | 0x51, 0x320E) => keep(&mut self.shape, ratio()),
                (0x27..=0x29 | 0x51, 0x3001) => self.rate = ratio().or(self.rate),
                (0x27..=0x29 | 0x51, 0x3002) => self.frames = Some(number()),
                (0x27..=0x29 | 0x51, 0x3201) => keep(&mut self.codec, codec(value)),
                // Sound descriptors.
                (0x42 | 0x47 | 0x48, 0x3001) => keep(&mut self.audio, Some("pcm_s16le")),
                // A duration on a track, in its own units.
                (0x0F | 0x11, 0x0202) if i64::try_from(number()).is_ok_and(|n| n > 0) => {
                    keep(&mut self.frames, Some(number()));
                }
                (0x36 | 0x37, 0x4405) => keep(&mut self.date, date(value)),
                (0x30, 0x3C02) => {
                    let (text, _) = encoding_rs::UTF_16BE.decode_without_bom_handling(value);
                    keep(&mut self.software, super::bytes::tidy(text.split('\0').next().unwrap_or_default()));
                }
                _ => {}
            }
        }
        let shown = |shown: Option<u32>, stored: Option<u32>| shown.filter(|n| *n > 0).or(stored);
        if let (Some(w), Some(h)) = (shown(shown_width, width), shown(shown_height, height))
            && (1..=1 << 16).contains(&w)
            && (1..=1 << 15).contains(&h)
        {
            // Fields are stored separately.
            keep(&mut self.size, Some((w, if fields { h * 2 } else { h })));
        }
    }
}

/// FFmpeg's short name of a picture essence coding label.
fn codec(label: &[u8]) -> Option<&'static str> {
    match label.get(8..)? {
        [4, 1, 2, 2, 1, 0x31 | 0x32, ..] => Some("h264"),
        [4, 1, 2, 2, 1, ..] => Some("mpeg2video"),
        [4, 1, 2, 2, 2, ..] => Some("dvvideo"),
        [4, 1, 2, 2, 3, 1, ..] => Some("jpeg2000"),
        [4, 1, 2, 2, 3, 6, ..] => Some("prores"),
        [4, 1, 2, 2, 0x71, ..] => Some("dnxhd"),
        [4, 1, 2, 1, ..] => Some("rawvideo"),
        _ => None,
    }
}

/// Year, month, day, hour, minute, second, and a part of a second; UTC.
fn date(value: &[u8]) -> Option<String> {
    let [y1, y2, month, day, h, m, s, _] = *value.first_chunk::<8>()?;
    let year = u16::from_be_bytes([y1, y2]);
    let is_date =
        year > 1990 && (1..=12).contains(&month) && (1..=31).contains(&day) && h < 24 && m < 60 && s < 60;
    is_date.then(|| format!("{year}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), kind: u8) {
            let set = [&SET[..], &[2, 0x53, 1, 1, 0x0D, 1, 1, 1, 1, 1, kind, 0, 0x82, 1, 0]].concat();
            read(&Reader::from_bytes([&PARTITION[..], &[2, 0, 0, 0], &set, &bytes].concat()));
            Facts::default().read_set(kind, &bytes);
        }
    }
}

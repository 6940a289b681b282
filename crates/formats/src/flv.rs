//! FLV: its metadata tag, and the first tags of video and audio.
//!
//! Invariant: reads the head of the file and its last tag's header.

use super::Findings;
use super::bytes::{Reader, View, tidy};
use super::movie::Movie;
use super::mpeg;
use super::values::keep;

/// Tags read from the start: metadata come first.
const MAX_TAGS: usize = 64;
/// The longest metadata tag; editors add lists of key frames.
const MAX_SCRIPT: usize = 4 << 20;
/// Values of a metadata tag, and their nesting depth.
const MAX_VALUES: usize = 200_000;
const MAX_DEPTH: u8 = 8;

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    let mut at = u64::from(view.be32(5).unwrap_or(9)) + 4;
    for _ in 0..MAX_TAGS {
        let (Some(kind), Some(size)) = (view.u8(at), be24(view, at + 1)) else { break };
        let body = view.part(at + 11, size);
        match kind & 0x1F {
            18 => read_script(&body.head(MAX_SCRIPT), &mut found),
            9 => read_video(body, &mut found),
            8 => {
                let codec = body.u8(0).map(|b| audio_codec(b >> 4).to_owned());
                keep(&mut found.movie_mut().audio, codec);
            }
            _ => break,
        }
        at += 11 + size + 4;
    }
    let last = last_time(view);
    let movie = found.movie_mut();
    keep(&mut movie.duration_s, last);
    found
}

fn be24(view: View<'_>, at: u64) -> Option<u64> {
    view.array::<3>(at).map(|[a, b, c]| u64::from(a) << 16 | u64::from(b) << 8 | u64::from(c))
}

/// Seconds until the last tag.
fn last_time(view: View<'_>) -> Option<f64> {
    let end = view.len().checked_sub(4)?;
    let tag = end.checked_sub(u64::from(view.be32(end)?))?;
    let ms = be24(view, tag + 4)? | u64::from(view.u8(tag + 7)?) << 24;
    Some(ms as f64 / 1000.0).filter(|s| *s > 0.0)
}

fn read_video(body: View<'_>, found: &mut Findings) {
    let Some(first) = body.u8(0) else { return };
    let is_named = first & 0x80 != 0;
    let codec = match (is_named, body.array::<4>(1)) {
        (true, Some(code)) => super::riff::video_codec(&code),
        _ => match first & 15 {
            2 => "flv1",
            3 => "flashsv",
            4 => "vp6f",
            5 => "vp6a",
            6 => "flashsv2",
            7 => "h264",
            12 => "hevc",
            _ => "unknown",
        },
    };
    // The configuration of H.264 begins with its parameter sets.
    if codec == "h264" && !is_named && body.u8(1) == Some(0) {
        let record = body.from(5).head(4096);
        keep(&mut found.coded, mpeg::size_of_avc_record(&record));
    }
    let movie = found.movie_mut();
    movie.has_video = true;
    keep(&mut movie.video_codec, Some(codec.to_owned()));
}

fn audio_codec(number: u8) -> &'static str {
    match number {
        0 | 3 => "pcm_s16le",
        1 => "adpcm_swf",
        2 | 14 => "mp3",
        4..=6 => "nellymoser",
        7 => "pcm_alaw",
        8 => "pcm_mulaw",
        10 => "aac",
        11 => "speex",
        _ => "unknown",
    }
}

/// A value of Flash's message format, as far as it is relevant.
enum Value {
    Number(f64),
    Text(String),
    Other,
}

/// Reads the values of a metadata tag.
struct Script<'a> {
    bytes: &'a [u8],
    left: usize,
}

fn read_script(bytes: &[u8], found: &mut Findings) {
    let mut script = Script { bytes, left: MAX_VALUES };
    let Some(Value::Text(name)) = script.value(0, &mut |_, _| {}) else { return };
    if name != "onMetaData" {
        return;
    }
    let (mut width, mut height) = (None, None);
    script.value(0, &mut |key, value| {
        let movie = found.movie.get_or_insert_with(Movie::default);
        let positive = |v: f64| Some(v).filter(|v| v.is_finite() && *v > 0.0);
        match (key, value) {
            ("width", Value::Number(v)) => width = Some(v),
            ("height", Value::Number(v)) => height = Some(v),
            ("duration", Value::Number(v)) => keep(&mut movie.duration_s, positive(v)),
            ("framerate", Value::Number(v)) => keep(&mut movie.fps, positive(v)),
            ("creationdate", Value::Text(v)) => {
                keep(&mut movie.other_date, tidy(&v).map(|d| ("flv:creationdate", d)));
            }
            ("title", Value::Text(v)) => keep(&mut movie.title, tidy(&v)),
            ("encoder", Value::Text(v)) => keep(&mut movie.software, tidy(&v)),
            _ => {}
        }
    });
    if let (Some(w), Some(h)) = (width, height)
        && (1.0..65_536.0).contains(&w)
        && (1.0..65_536.0).contains(&h)
    {
        keep(&mut found.coded, Some((w as u32, h as u32)));
    }
}

impl<'a> Script<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(n)?;
        self.bytes = rest;
        Some(taken)
    }

    fn short_text(&mut self) -> Option<String> {
        let n = self.take(2)?;
        let n = usize::from(u16::from_be_bytes([n[0], n[1]]));
        Some(String::from_utf8_lossy(self.take(n)?).into_owned())
    }

    fn count(&mut self) -> Option<usize> {
        let n = self.take(4)?;
        Some(u32::from_be_bytes([n[0], n[1], n[2], n[3]]) as usize)
    }

    /// The next value; `each` is called with the fields of an object.
    fn value(&mut self, depth: u8, each: &mut dyn FnMut(&str, Value)) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let kind = self.take(1)?[0];
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match kind {
            0 => Value::Number(f64::from_be_bytes(self.take(8)?.try_into().ok()?)),
            1 => {
                self.take(1)?;
                Value::Other
            }
            2 => Value::Text(self.short_text()?),
            3 | 8 => {
                if kind == 8 {
                    self.count()?;
                }
                loop {
                    let key = self.short_text()?;
                    if key.is_empty() && self.bytes.first() == Some(&9) {
                        self.take(1)?;
                        break;
                    }
                    let value = self.value(depth + 1, &mut |_, _| {})?;
                    each(&key, value);
                }
                Value::Other
            }
            5 | 6 => Value::Other,
            10 => {
                for _ in 0..self.count()? {
                    self.value(depth + 1, &mut |_, _| {})?;
                }
                Value::Other
            }
            11 => {
                self.take(10)?;
                Value::Other
            }
            12 => {
                let n = self.count()?;
                self.take(n)?;
                Value::Other
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_behind_a_list_are_found() {
        let text = |s: &str| [&(s.len() as u16).to_be_bytes()[..], s.as_bytes()].concat();
        let number = |v: f64| [&[0][..], &v.to_be_bytes()].concat();
        let mut script = [&[2][..], &text("onMetaData"), &[8, 0, 0, 0, 3]].concat();
        script.extend([text("times"), vec![10, 0, 0, 0, 2], number(1.0), number(2.0)].concat());
        script.extend([text("width"), number(640.0), text("height"), number(360.0)].concat());
        script.extend([0, 0, 9]);
        let size = (script.len() as u32).to_be_bytes();
        let file =
            [&b"FLV\x01\x01\0\0\0\x09\0\0\0\0\x12"[..], &size[1..], &[0; 7], &script, &[0; 4]].concat();
        assert_eq!(read(&Reader::from_bytes(file)).coded, Some((640, 360)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            read(&Reader::from_bytes([b"FLV\x01\x05\0\0\0\x09\0\0\0\0", &bytes[..]].concat()));
            read_script(&[b"\x02\0\x0aonMetaData\x08\0\0\0\x01", &bytes[..]].concat(), &mut Findings::default());
        }
    }
}

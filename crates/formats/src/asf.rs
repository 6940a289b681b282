//! ASF (WMV): the objects of its header.
//!
//! Invariant: reads the header object only, no media data.

use super::Findings;
use super::bytes::{Reader, View, tidy};
use super::movie::Movie;
use super::riff;
use super::values::keep;

const FILE_PROPERTIES: &[u8; 16] = b"\xA1\xDC\xAB\x8C\x47\xA9\xCF\x11\x8E\xE4\x00\xC0\x0C\x20\x53\x65";
const STREAM_PROPERTIES: &[u8; 16] = b"\x91\x07\xDC\xB7\xB7\xA9\xCF\x11\x8E\xE6\x00\xC0\x0C\x20\x53\x65";
const CONTENT: &[u8; 16] = b"\x33\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C";
const EXTENSION: &[u8; 16] = b"\xB5\x03\xBF\x5F\x2E\xA9\xCF\x11\x8E\xE3\x00\xC0\x0C\x20\x53\x65";
const EXTENDED_STREAM: &[u8; 16] = b"\xCB\xA5\xE6\x14\x72\xC6\x32\x43\x83\x99\xA9\x69\x52\x06\x5B\x5A";
const VIDEO: &[u8; 16] = b"\xC0\xEF\x19\xBC\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B";
const AUDIO: &[u8; 16] = b"\x40\x9E\x69\xF8\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B";

/// Maximum number of objects read on one level.
const MAX_OBJECTS: usize = 1000;
/// Units of ASF's clocks per second.
const TICKS: f64 = 1e7;

/// Walks the objects of a view.
fn objects<'a>(view: View<'a>) -> impl Iterator<Item = ([u8; 16], View<'a>)> {
    const HEADER: u64 = 24;
    let mut at = 0u64;
    std::iter::from_fn(move || {
        let (kind, size) = (view.array(at)?, le64(view, at + 16)?);
        let body = view.part(at + HEADER, size.checked_sub(HEADER)?);
        at = at.checked_add(size)?;
        Some((kind, body))
    })
    .take(MAX_OBJECTS)
}

fn le64(view: View<'_>, at: u64) -> Option<u64> {
    view.array(at).map(u64::from_le_bytes)
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    // The number of objects and two bytes precede the first.
    let header = view.part(0, le64(view, 16).unwrap_or(0)).from(30);
    for (kind, body) in objects(header) {
        read_object(&kind, body, &mut found);
    }
    found
}

fn read_object(kind: &[u8; 16], body: View<'_>, found: &mut Findings) -> Option<()> {
    match kind {
        FILE_PROPERTIES => {
            let created = le64(body, 24).and_then(date);
            keep(&mut found.movie_mut().other_date, created.map(|d| ("asf:CreationDate", d)));
            let (length, lead_ms) = (le64(body, 40)? as f64 / TICKS, le64(body, 56)? as f64 / 1000.0);
            keep(&mut found.movie_mut().duration_s, Some(length - lead_ms).filter(|d| *d > 0.0));
        }
        STREAM_PROPERTIES => {
            let data = body.from(54);
            match &body.array::<16>(0)? {
                VIDEO => {
                    found.movie_mut().has_video = true;
                    let size = data.le32(0).zip(data.le32(4)).filter(|s| s.0 > 0 && s.1 > 0);
                    keep(&mut found.coded, size);
                    let codec = data.array::<4>(11 + 16).map(|code| riff::video_codec(&code).to_owned());
                    keep(&mut found.movie_mut().video_codec, codec);
                }
                AUDIO => {
                    let codec = riff::audio_codec(data.le16(0)?, data.le16(14).unwrap_or(16));
                    keep(&mut found.movie_mut().audio, Some(codec.to_owned()));
                }
                _ => {}
            }
        }
        CONTENT => {
            let mut at = 10;
            let mut texts = [None, None, None, None];
            for (i, text) in texts.iter_mut().enumerate() {
                let length = u64::from(body.le16(2 * i as u64)?);
                *text = utf16(&body.part(at, length).head(length as usize));
                at += length;
            }
            let [title, _author, copyright, description] = texts;
            let movie = found.movie_mut();
            keep(&mut movie.title, title);
            keep(&mut movie.copyright, copyright);
            keep(&mut movie.description, description);
        }
        EXTENSION => {
            for (kind, body) in objects(body.from(22)) {
                if &kind == EXTENDED_STREAM
                    && let Some(frame) = le64(body, 52).filter(|t| *t > 0)
                {
                    keep(&mut found.movie_mut().fps, Some(TICKS / frame as f64));
                }
            }
        }
        _ => {}
    }
    Some(())
}

/// A count of 100 ns since 1601, UTC.
fn date(ticks: u64) -> Option<String> {
    /// Seconds from 1601 to 1970.
    const EPOCH: i64 = 11_644_473_600;
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - EPOCH;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    (seconds > 0).then(|| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (s, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(bytes);
    tidy(s.split('\0').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_core::vocabulary::Format;

    #[test]
    fn a_date_counts_from_1601() {
        assert_eq!(date(128_930_364_000_001_234).as_deref(), Some("2009-07-25T23:00:00Z"));
        assert_eq!(date(0), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let (_, header) = Format::Wmv.info().signatures[0][0];
            read(&Reader::from_bytes([header, &[0xFF, 0xFF, 0, 0, 0, 0, 0, 0], &bytes].concat()));
        }
    }
}

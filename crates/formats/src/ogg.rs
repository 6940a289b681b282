//! Ogg with video (Theora, VP8): the first packet of each stream, its comments, and the time of the last page.
//!
//! Invariant: reads the head and the tail of the file.

use super::Findings;
use super::bytes::{Reader, tidy};
use super::movie::{Movie, stretch};
use super::values::keep;

/// Headers and comments are within this size.
const HEAD: usize = 256 << 10;
/// The last page of the video begins within this size: a page has at most 64 KB, with sound in between.
const TAIL: usize = 256 << 10;
const MAX_COMMENTS: u32 = 1000;

struct Page<'a> {
    /// The first of its stream.
    begins: bool,
    /// The codec's time value.
    granule: u64,
    serial: u32,
    body: &'a [u8],
}

fn pages(mut bytes: &[u8]) -> impl Iterator<Item = Page<'_>> {
    std::iter::from_fn(move || {
        let start = memchr::memmem::find(bytes, b"OggS\0")?;
        let page = &bytes[start..];
        let segments = usize::from(*page.get(26)?);
        let body: usize = page.get(27..27 + segments)?.iter().map(|n| usize::from(*n)).sum();
        let end = (27 + segments + body).min(page.len());
        let (page, rest) = page.split_at(end);
        bytes = rest;
        Some(Page {
            begins: page[5] & 2 != 0,
            granule: u64::from_le_bytes(page[6..14].try_into().ok()?),
            serial: u32::from_le_bytes(page[14..18].try_into().ok()?),
            body: &page[27 + segments..],
        })
    })
}

/// Whether these first bytes of an Ogg file begin a video stream.
pub fn has_video(head: &[u8]) -> bool {
    pages(head).take_while(|p| p.begins).any(|p| Stream::of(p.body).is_some())
}

/// A video stream.
struct Stream {
    codec: &'static str,
    size: (u32, u32),
    /// Pixel width divided by height.
    aspect: f64,
    fps: Option<f64>,
    /// Bits of a granule that count frames since the last key frame.
    shift: u32,
}

impl Stream {
    fn of(packet: &[u8]) -> Option<Stream> {
        let number = |at: usize, n: usize| -> Option<u32> {
            Some(packet.get(at..at + n)?.iter().fold(0u32, |v, b| v << 8 | u32::from(*b)))
        };
        let ratio = |n: u32, d: u32| (n > 0 && d > 0).then(|| f64::from(n) / f64::from(d));
        if packet.starts_with(b"\x80theora") {
            return Some(Stream {
                codec: "theora",
                size: (number(14, 3)?, number(17, 3)?),
                aspect: ratio(number(30, 3)?, number(33, 3)?).unwrap_or(1.0),
                fps: ratio(number(22, 4)?, number(26, 4)?),
                shift: number(40, 2)? >> 5 & 31,
            });
        }
        if packet.starts_with(b"OVP80\x01") {
            return Some(Stream {
                codec: "vp8",
                size: (number(8, 2)?, number(10, 2)?),
                aspect: ratio(number(12, 3)?, number(15, 3)?).unwrap_or(1.0),
                fps: ratio(number(18, 4)?, number(22, 4)?),
                shift: 32,
            });
        }
        None
    }

    fn seconds(&self, granule: u64) -> Option<f64> {
        let frames = match self.codec {
            // The upper half counts displayed frames.
            "vp8" => granule >> 32,
            _ => (granule >> self.shift) + (granule & ((1 << self.shift) - 1)),
        };
        Some(frames as f64 / self.fps?).filter(|s| *s > 0.0)
    }
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    let head = view.head(HEAD);
    let mut video: Option<(u32, Stream)> = None;
    for page in pages(&head) {
        if page.begins {
            if video.is_none()
                && let Some(stream) = Stream::of(page.body)
            {
                video = Some((page.serial, stream));
            }
            let audio = match page.body {
                b if b.starts_with(b"\x01vorbis") => Some("vorbis"),
                b if b.starts_with(b"OpusHead") => Some("opus"),
                b if b.starts_with(b"Speex   ") => Some("speex"),
                b if b.starts_with(b"\x7FFLAC") => Some("flac"),
                _ => None,
            };
            keep(&mut found.movie_mut().audio, audio.map(str::to_owned));
        } else if let Some(comments) = page.body.strip_prefix(b"\x81theora") {
            read_comments(comments, &mut found);
            break;
        }
    }
    let Some((serial, stream)) = video else { return found };
    let tail = view.from(view.len().saturating_sub(TAIL as u64)).head(TAIL);
    // A page on which no frame ends has no time.
    let last = pages(&tail).filter(|p| p.serial == serial && p.granule != u64::MAX).last();
    let movie = found.movie_mut();
    movie.has_video = true;
    movie.video_codec = Some(stream.codec.to_owned());
    movie.fps = stream.fps;
    movie.duration_s = last.and_then(|p| stream.seconds(p.granule));
    let (w, h) = stream.size;
    if w > 0 && h > 0 {
        found.coded = Some((w, h));
        found.display = Some(stretch(w, h, stream.aspect, 1));
        found.orientation = Some(1);
    }
    found
}

/// Xiph's comments: lengths, then `KEY=value`.
fn read_comments(mut bytes: &[u8], found: &mut Findings) -> Option<()> {
    let mut number = |skip: bool| -> Option<(u32, &[u8])> {
        let n = u32::from_le_bytes(*bytes.first_chunk::<4>()?);
        let rest = &bytes[4..];
        let taken = if skip { rest.get(..n as usize)? } else { &[] };
        bytes = &rest[taken.len()..];
        Some((n, taken))
    };
    let _maker = number(true)?;
    let (count, _) = number(false)?;
    for _ in 0..count.min(MAX_COMMENTS) {
        let (_, comment) = number(true)?;
        let comment = String::from_utf8_lossy(comment);
        let Some((key, value)) = comment.split_once('=') else { continue };
        let value = tidy(value);
        let movie = found.movie_mut();
        match key.to_ascii_uppercase().as_str() {
            "TITLE" => keep(&mut movie.title, value),
            "DESCRIPTION" | "COMMENT" => keep(&mut movie.description, value),
            "COPYRIGHT" => keep(&mut movie.copyright, value),
            "DATE" => keep(&mut movie.other_date, value.map(|d| ("ogg:DATE", d))),
            "ENCODER" => keep(&mut movie.software, value),
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let head = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xff\x80theora";
            has_video(&[&head[..], &bytes].concat());
            read(&Reader::from_bytes([&head[..], &bytes].concat()));
            read_comments(&bytes, &mut Findings::default());
        }
    }
}

//! DV from camcorder tapes: each frame has all metadata.
//!
//! Invariant: reads the first frame only.

use super::Findings;
use super::bytes::Reader;
use super::movie::{Movie, stretch};

/// Bytes per block, blocks per sequence, and the number of sequences in the two forms of a frame.
const BLOCK: usize = 80;
const SEQUENCE: usize = 150 * BLOCK;
const SEQUENCES: [usize; 2] = [10, 12];

/// Whether these bytes begin a frame: a header block, two of sub-code, and one of the video's own.
pub fn begins(head: &[u8]) -> bool {
    let is = |at: usize, section: u8| head.get(at).is_some_and(|b| b >> 5 == section);
    matches!(head, [0x1F, 0x07, 0x00, flags, ..] if flags & 0x7F == 0x3F)
        && is(BLOCK, 1)
        && is(2 * BLOCK, 1)
        && is(3 * BLOCK, 2)
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    let is_pal = view.u8(3).is_some_and(|b| b & 0x80 != 0);
    let frame = SEQUENCES[usize::from(is_pal)] * SEQUENCE;
    let fps = if is_pal { 25.0 } else { 30_000.0 / 1001.0 };
    let packs = packs(&view.head(frame));
    let pack = |kind: u8| packs.iter().find(|p| p[0] == kind && p[1..] != [0xFF; 4]);
    let is_wide = pack(0x61).is_some_and(|p| matches!(p[2] & 7, 2 | 7));
    let (width, height) = if is_pal { (720, 576) } else { (720, 480) };
    let aspect = match (is_pal, is_wide) {
        (true, false) => 16.0 / 15.0,
        (true, true) => 64.0 / 45.0,
        (false, false) => 8.0 / 9.0,
        (false, true) => 32.0 / 27.0,
    };
    found.coded = Some((width, height));
    found.display = Some(stretch(width, height, aspect, 1));
    found.orientation = Some(1);
    let date = pack(0x62).and_then(|date| when(date, pack(0x63)));
    let movie = found.movie_mut();
    movie.has_video = true;
    movie.video_codec = Some("dvvideo".into());
    movie.audio = Some("pcm_s16le".into());
    movie.fps = Some(fps);
    movie.duration_s = Some((view.len() / frame as u64) as f64 / fps).filter(|d| *d > 0.0);
    movie.other_date = date.map(|d| ("dv:RecordingDate", d));
    found
}

/// The packs of five bytes in the blocks for the video's own data.
fn packs(frame: &[u8]) -> Vec<[u8; 5]> {
    let sequences = frame.chunks_exact(SEQUENCE);
    let blocks = sequences.flat_map(|s| s.chunks_exact(BLOCK).skip(3).take(3));
    blocks.flat_map(|b| b[3..78].as_chunks::<5>().0).copied().collect()
}

/// Date and time in binary-coded decimals, the year in two digits.
fn when(date: &[u8; 5], time: Option<&[u8; 5]>) -> Option<String> {
    let digits = |b: u8| (b & 15 < 10 && b >> 4 < 10).then_some(u32::from(b >> 4) * 10 + u32::from(b & 15));
    let (day, month, year) = (digits(date[2] & 0x3F)?, digits(date[3] & 0x1F)?, digits(date[4])?);
    // The format dates from 1995.
    let year = if year < 75 { 2000 + year } else { 1900 + year };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let clock = time.and_then(|t| {
        let (h, m, s) = (digits(t[4] & 0x3F)?, digits(t[3] & 0x7F)?, digits(t[2] & 0x7F)?);
        (h < 24 && m < 60 && s < 60).then(|| format!(" {h:02}:{m:02}:{s:02}"))
    });
    Some(format!("{year}-{month:02}-{day:02}{}", clock.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_says_when_it_was_recorded() {
        let mut frame = vec![0xFF; 12 * SEQUENCE];
        frame[..4].copy_from_slice(&[0x1F, 0x07, 0x00, 0xBF]);
        for (block, section) in [(1, 0x3F), (2, 0x3F), (3, 0x56)] {
            frame[block * BLOCK] = section;
        }
        let at = 3 * BLOCK + 3;
        frame[at..at + 5].copy_from_slice(&[0x62, 0xFF, 0xC0 | 0x24, 0xE0 | 0x07, 0x99]);
        frame[at + 5..at + 10].copy_from_slice(&[0x63, 0xFF, 0x80 | 0x30, 0x80 | 0x59, 0xC0 | 0x18]);
        assert!(begins(&frame));
        let movie = read(&Reader::from_bytes(frame)).movie.unwrap();
        assert_eq!(movie.other_date, Some(("dv:RecordingDate", "1999-07-24 18:59:30".to_owned())));
        assert_eq!(movie.duration_s, Some(0.04));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..14_000)) {
            begins(&bytes);
            read(&Reader::from_bytes([b"\x1F\x07\0\x3F", &bytes[..]].concat()));
        }
    }
}

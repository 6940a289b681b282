//! Motion photos: the video inside a photo's file.
//!
//! Invariants: `video_offset` and `video_length` select bytes that begin with an `ftyp` box and contain a movie box;
//! without such a video both are absent, independent of the tags. Samsung's trailer is checked first, then the tags,
//! then the bytes after the picture are searched for an `ftyp` box.

use super::Findings;
use super::bmff::{self, boxes};
use super::bytes::{Reader, View};
use albumen_core::vocabulary::{Format, Motion};

/// How far back the search for a video goes without an offset in the tags. Motion clips last some seconds.
const MAX_SCAN: u64 = 48 * 1024 * 1024;

/// The end of Samsung's trailer.
const SEF_TAIL: &[u8; 4] = b"SEFT";

/// Finds the embedded video of a photo.
pub fn find(reader: &Reader, format: Format, found: &Findings) -> Option<Motion> {
    if !matches!(format, Format::Jpeg | Format::Heic | Format::Heif | Format::Avif) {
        return None;
    }
    let file = reader.view();
    let tagged = found.tags().any(|x| x.motion.tagged || x.motion.items.iter().any(is_video_item));
    let samsung = samsung_trailer(file);
    if let Some(Some((offset, length))) = samsung {
        return Some(motion("samsung", offset, length));
    }
    if tagged && let Some((offset, length)) = found.tags().find_map(|x| by_tags(file, &x.motion)) {
        return Some(motion("google", offset, length));
    }
    if let Some((offset, length)) =
        found.embedded_video.and_then(|(at, len)| playable(file, at, at.checked_add(len)?))
    {
        // Samsung writes its trailer into HEIC, too.
        return Some(motion(if samsung.is_some() { "samsung" } else { "google" }, offset, length));
    }
    // Samsung's trailer lists its contents: if no video is listed, there is none.
    if samsung.is_some() && !tagged {
        return None;
    }
    // A picture with a regular end has nothing after it.
    let ends_as_picture = match format {
        Format::Jpeg => ends_with_eoi(file),
        _ => !tagged,
    };
    if ends_as_picture && !tagged {
        return None;
    }
    let (offset, length) = scan(file)?;
    Some(motion(if samsung.is_some() { "samsung" } else { "google" }, offset, length))
}

fn motion(kind: &str, offset: u64, length: u64) -> Motion {
    Motion { kind: kind.to_owned(), video_offset: Some(offset), video_length: Some(length), pair: None }
}

fn is_video_item((semantic, mime, length, _): &(String, String, u64, u64)) -> bool {
    *length > 0 && (semantic.eq_ignore_ascii_case("MotionPhoto") || mime.starts_with("video/"))
}

/// The directory lists the parts after the primary picture, in order, so the video's end is the file's end minus all
/// parts after it; the older tag counts from the file's end.
fn by_tags(file: View<'_>, tags: &super::xmp::MotionTags) -> Option<(u64, u64)> {
    if let Some(i) = tags.items.iter().position(is_video_item) {
        let after = tags.items[i + 1..].iter().try_fold(0u64, |n, x| n.checked_add(x.2)?.checked_add(x.3))?;
        let end = file.len().checked_sub(after)?;
        let start = end.checked_sub(tags.items[i].2)?;
        if let Some(hit) = playable(file, start, end) {
            return Some(hit);
        }
    }
    let start = file.len().checked_sub(tags.from_end?)?;
    playable(file, start, file.len())
}

/// The bytes from `start` to `end` if they begin with an `ftyp` box and have a movie box, cut after the last whole
/// box: trailers after the video are excluded.
fn playable(file: View<'_>, start: u64, end: u64) -> Option<(u64, u64)> {
    let video = file.part(start, end.checked_sub(start)?);
    if video.array::<4>(4) != Some(*b"ftyp") {
        return None;
    }
    let mut has_movie = false;
    let mut length = 0;
    for b in boxes(video) {
        let known = matches!(
            &b.kind,
            b"ftyp"
                | b"moov"
                | b"mdat"
                | b"free"
                | b"skip"
                | b"wide"
                | b"uuid"
                | b"meta"
                | b"udta"
                | b"moof"
                | b"mfra"
                | b"sidx"
                | b"styp"
                | b"pdin"
                | b"prft"
        );
        if !known || b.at.checked_add(b.size).is_none_or(|e| e > video.len()) {
            break;
        }
        if &b.kind == b"moov" {
            has_movie = bmff::find(b.body, b"trak").is_some();
        }
        length = b.at + b.size;
    }
    (has_movie && length > 0).then_some((start, length))
}

/// The time, in milliseconds since 1970, that Samsung's cameras write after a picture.
pub fn samsung_utc(reader: &Reader, format: Format) -> Option<i64> {
    const IMAGE_UTC: u16 = 0x0A01;
    if !matches!(format, Format::Jpeg | Format::Heic | Format::Heif) {
        return None;
    }
    let file = reader.view();
    let (_, data) = samsung_entries(file)?.find(|(kind, _)| *kind == IMAGE_UTC)?;
    // Kind, the length of the entry's name, the name, then digits.
    let digits = data.from(8 + u64::from(data.le32(4)?)).head(32);
    let digits = std::str::from_utf8(&digits).ok()?.trim_end_matches('\0');
    digits.parse().ok().filter(|ms: &i64| *ms > 0)
}

/// Samsung's trailer: a directory (`SEFH`) at the end, with entries that count back from it. Returns the kind and
/// contents of each.
fn samsung_entries(file: View<'_>) -> Option<impl Iterator<Item = (u16, View<'_>)>> {
    const MAX_ENTRIES: u32 = 100;
    let tail = file.len().checked_sub(8)?;
    if file.array::<4>(tail + 4).as_ref() != Some(SEF_TAIL) {
        return None;
    }
    let directory = tail.checked_sub(u64::from(file.le32(tail)?))?;
    if file.array::<4>(directory) != Some(*b"SEFH") {
        return None;
    }
    let count = file.le32(directory + 8)?.min(MAX_ENTRIES);
    let entries = (0..u64::from(count)).map_while(move |i| {
        let at = directory + 12 + 12 * i;
        let (kind, back, size) = (file.le16(at + 2)?, file.le32(at + 4)?, file.le32(at + 8)?);
        let start = directory.checked_sub(back.into());
        Some(start.map(|start| (kind, file.part(start, size.into()))))
    });
    Some(entries.flatten())
}

/// Whether there is a trailer of Samsung, and the offset of its video.
fn samsung_trailer(file: View<'_>) -> Option<Option<(u64, u64)>> {
    const MOTION_PHOTO: u16 = 0x0A30;
    for (kind, data) in samsung_entries(file)? {
        if kind != MOTION_PHOTO {
            continue;
        }
        // The entry begins with its kind and its name, `MotionPhoto_Data`, preceded by its length.
        let Some(name) = data.le32(4) else { continue };
        let start = data.base() - file.base();
        let video = start + 8 + u64::from(name.min(256));
        // Newer HEICs store the video in an `mpvd` box and only list it here.
        return Some(playable(file, video, start + data.len()).or_else(|| scan(file)));
    }
    Some(None)
}

/// Whether the file's last bytes are the end of a JPEG (zeros after it are padding).
fn ends_with_eoi(file: View<'_>) -> bool {
    let n = file.len().min(256);
    let tail = file.from(file.len() - n).head(256);
    let end = tail.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1);
    tail[..end].ends_with(&[0xFF, 0xD9])
}

/// Searches for an `ftyp` box after the picture's beginning and returns the first that begins a playable video.
fn scan(file: View<'_>) -> Option<(u64, u64)> {
    const STEP: u64 = 4 * 1024 * 1024;
    let mut at = file.len().saturating_sub(MAX_SCAN).max(2);
    while at < file.len() {
        // Steps overlap, so that a box on the boundary is found.
        let bytes = file.part(at, STEP + 8).head(usize::MAX);
        let mut from = 0;
        while let Some(i) = bytes.get(from..).and_then(|b| memchr::memmem::find(b, b"ftyp")) {
            let hit = at + (from + i) as u64;
            if hit >= 4
                && let Some(found) = playable(file, hit - 4, file.len())
            {
                return Some(found);
            }
            from += i + 4;
        }
        at += STEP;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trailer of Samsung after a picture, with one entry.
    fn with_entry(kind: u16, name: &str, data: &[u8]) -> Vec<u8> {
        let mut file = b"\xff\xd8\xff\xd9".to_vec();
        let entry = [
            &[0, 0][..],
            &kind.to_le_bytes(),
            &u32::try_from(name.len()).unwrap().to_le_bytes(),
            name.as_bytes(),
            data,
        ]
        .concat();
        let length = u32::try_from(entry.len()).unwrap();
        file.extend(entry);
        let mut directory = b"SEFH".to_vec();
        directory.extend([106u32, 1].iter().flat_map(|v| v.to_le_bytes()));
        directory.extend([0, 0]);
        directory.extend(kind.to_le_bytes());
        directory.extend([length, length].iter().flat_map(|v| v.to_le_bytes()));
        let size = u32::try_from(directory.len()).unwrap();
        file.extend(directory);
        file.extend(size.to_le_bytes());
        file.extend(SEF_TAIL);
        file
    }

    #[test]
    fn samsung_writes_utc_behind_the_picture() {
        let utc = |bytes: Vec<u8>, format| samsung_utc(&Reader::from_bytes(bytes), format);
        let file = with_entry(0x0A01, "Image_UTC_Data", b"1688199630123");
        assert_eq!(utc(file.clone(), Format::Jpeg), Some(1_688_199_630_123));
        assert_eq!(utc(file.clone(), Format::Heic), Some(1_688_199_630_123));
        assert_eq!(utc(file, Format::Png), None);
        assert_eq!(utc(with_entry(0x0A01, "Image_UTC_Data", b"yesterday"), Format::Jpeg), None);
        assert_eq!(utc(with_entry(0x0A30, "MotionPhoto_Data", b"1688199630123"), Format::Jpeg), None);
        assert_eq!(utc(b"\xff\xd8\xff\xd9".to_vec(), Format::Jpeg), None);
    }

    proptest::proptest! {
        #[test]
        fn no_trailer_makes_it_panic(
            at in proptest::collection::vec((0usize..80, proptest::num::u8::ANY), 0..6),
        ) {
            let mut file = with_entry(0x0A01, "Image_UTC_Data", b"1688199630123");
            for (at, byte) in at {
                let at = at % file.len();
                file[at] = byte;
            }
            let _ = samsung_utc(&Reader::from_bytes(file), Format::Jpeg);
        }
    }
}

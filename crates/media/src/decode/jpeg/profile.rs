//! The ICC profile of a JPEG: its APP2 segments joined, read by position and limited.

use albumen_core::source::Source;

/// The largest profile that is read; press profiles have up to 3 MB.
const LARGEST_PROFILE: usize = 4 << 20;
/// The maximum number of segments before the picture data. Files with a MakerNote and a thumbnail have about
/// 30, those with a large preview and extended XMP some hundreds.
const MOST_SEGMENTS: usize = 2000;
const SIGNATURE: &[u8; 12] = b"ICC_PROFILE\0";

/// The profile, if there is one and all its parts are present.
pub(super) fn icc_profile(source: &Source) -> Option<Vec<u8>> {
    let mut parts: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut total = 0;
    let mut at = 2;
    for _ in 0..MOST_SEGMENTS {
        // Marker, length, the signature, and the part's number and the number of parts.
        let mut head = [0; 18];
        let got = source.read_at(at, &mut head).ok()?;
        if got < 4 || head[0] != 0xFF {
            break;
        }
        let marker = head[1];
        if marker == 0xFF {
            at += 1;
            continue;
        }
        // SOS and EOI end the headers; RST and TEM have no length.
        if matches!(marker, 0xD9 | 0xDA) {
            break;
        }
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            at += 2;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if length < 2 {
            break;
        }
        if marker == 0xE2 && length > 16 && got == head.len() && head[4..16] == *SIGNATURE {
            let part = source.slice(at + 18, length - 16).ok()?;
            total += part.len();
            if total > LARGEST_PROFILE {
                return None;
            }
            parts.push((head[16], part));
            if parts.len() == usize::from(head[17]) {
                break;
            }
        }
        at += 2 + length as u64;
    }
    if parts.is_empty() {
        return None;
    }
    parts.sort_by_key(|(number, _)| *number);
    let whole = parts.iter().enumerate().all(|(i, (number, _))| usize::from(*number) == i + 1);
    whole.then(|| parts.into_iter().flat_map(|(_, part)| part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![0xFF, marker];
        out.extend(((body.len() + 2) as u16).to_be_bytes());
        out.extend(body);
        out
    }

    fn part(number: u8, of: u8, body: &[u8]) -> Vec<u8> {
        segment(0xE2, &[SIGNATURE, [number, of].as_slice(), body].concat())
    }

    fn found(segments: &[Vec<u8>]) -> Option<Vec<u8>> {
        let mut file = vec![0xFF, 0xD8];
        file.extend(segments.concat());
        file.extend([0xFF, 0xDA, 0, 2]);
        icc_profile(&Source::from_bytes(file))
    }

    #[test]
    fn parts_come_in_any_order() {
        let other = segment(0xE1, b"Exif\0\0");
        assert_eq!(found(&[other, part(2, 2, b"cd"), part(1, 2, b"ab")]).as_deref(), Some(&b"abcd"[..]));
    }

    #[test]
    fn a_missing_part_is_no_profile() {
        assert_eq!(found(&[part(2, 3, b"cd"), part(3, 3, b"ef")]), None);
        assert_eq!(found(&[segment(0xE2, b"MPF\0")]), None);
        assert_eq!(found(&[]), None);
    }
}

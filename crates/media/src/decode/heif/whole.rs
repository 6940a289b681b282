//! Whether the coded bytes of a picture are complete: files whose copy was interrupted have their full
//! length, and zeros at the end, which some decoders accept as a picture.
//!
//! Promises: exact for HEVC, whose units never contain three zero bytes in a row; for other codecs, a run of
//! zeros counts as missing if it is longer than a flat picture of that size can be coded in. Reads a piece at
//! a time.

use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_formats::heif::items::{Item, Items, Property};
use memchr::memmem;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// The maximum depth of derived pictures, and the maximum number of their parts.
const MAX_DEPTH: u8 = 4;
const MAX_PARTS: usize = 4096;
/// A file with less than this part of its picture is not padded and decoded; it counts as having no picture.
const LEAST_PART: u64 = 16;

/// The missing part of the primary picture's bytes, as text.
pub(super) fn damage(source: &Source, items: &Items) -> Result<Option<&'static str>, Fault> {
    for item in coded(items) {
        let Some(places) = items.places(source.len(), item) else { continue };
        if places.iter().any(|(at, len)| at.saturating_add(*len) > source.len()) {
            return Ok(Some("the file ends before the picture does"));
        }
        let mut check = Check::of(items, item);
        let mut piece = vec![0; PIECE];
        for (mut at, mut left) in places {
            while left > 0 {
                let wanted = left.min(PIECE as u64) as usize;
                let n = source.read_at(at, &mut piece[..wanted])?;
                if n == 0 {
                    break;
                }
                if check.finds_hole(&piece[..n]) {
                    return Ok(Some("a part of the picture is missing: the file has zeros in its place"));
                }
                (at, left) = (at + n as u64, left - n as u64);
            }
        }
    }
    Ok(None)
}

/// The original length of the file according to the positions of the picture's bytes; the actual length if it
/// is complete, or if too little of the picture is left.
pub(super) fn whole_length(source: &Source, items: &Items) -> u64 {
    if has_too_little(source, items) { source.len() } else { end(source, items).max(source.len()) }
}

/// Whether the file contains too little of the picture to decode it.
pub(super) fn has_too_little(source: &Source, items: &Items) -> bool {
    end(source, items) / LEAST_PART > source.len()
}

/// The end of the picture's own bytes.
fn end(source: &Source, items: &Items) -> u64 {
    let places = coded(items).into_iter().filter_map(|item| items.places(source.len(), item)).flatten();
    places.map(|(at, len)| at.saturating_add(len)).max().unwrap_or(0)
}

/// The coded items of the primary picture and its alpha plane.
fn coded(items: &Items) -> Vec<&Item> {
    let mut found = Vec::new();
    if let Some(primary) = items.shown() {
        gather(items, primary, 0, &mut found);
        for aux in items.referring(primary.id, b"auxl").filter(|aux| items.is_alpha(aux)) {
            gather(items, aux, 0, &mut found);
        }
    }
    found
}

fn gather<'a>(items: &'a Items, item: &'a Item, depth: u8, found: &mut Vec<&'a Item>) {
    if found.len() >= MAX_PARTS {
        return;
    }
    if !matches!(&item.kind, b"grid" | b"iden" | b"iovl") {
        found.push(item);
    } else if depth < MAX_DEPTH {
        for part in items.references(item.id, b"dimg").filter_map(|id| items.get(id)) {
            gather(items, part, depth + 1, found);
        }
    }
}

/// How the bytes of one item are checked, as they are read.
enum Check {
    /// Units preceded by their lengths, of this many bytes.
    Units { length_size: usize, length: Vec<u8>, left: u64, zeros: usize },
    /// Anything else: the current run of zeros, and its maximum.
    Bytes { zeros: u64, most: u64 },
}

impl Check {
    fn of(items: &Items, item: &Item) -> Check {
        if matches!(&item.kind, b"hvc1" | b"hev1")
            && let Some(length_size) = items.properties_of(item).find_map(|p| match p {
                Property::Hevc { length_size, .. } => Some(usize::from(*length_size)),
                _ => None,
            })
        {
            return Check::Units { length_size, length: Vec::new(), left: 0, zeros: 0 };
        }
        let pixels = items.size_of(item).map(|(w, h)| u64::from(w) * u64::from(h));
        let most = match &item.kind {
            // Samples as they are, or as a general packer leaves them.
            b"unci" => u64::MAX,
            _ => most_zeros(pixels.unwrap_or(0), PIXELS_A_ZERO),
        };
        Check::Bytes { zeros: 0, most }
    }

    fn finds_hole(&mut self, mut bytes: &[u8]) -> bool {
        match self {
            Check::Bytes { zeros, most } => longest_run(bytes, zeros) > *most,
            Check::Units { length_size, length, left, zeros } => {
                while !bytes.is_empty() {
                    if *left == 0 {
                        length.push(bytes[0]);
                        bytes = &bytes[1..];
                        if length.len() == *length_size {
                            *left = length.iter().fold(0, |v, b| v << 8 | u64::from(*b));
                            if *left == 0 {
                                return true;
                            }
                            length.clear();
                            *zeros = 0;
                        }
                        continue;
                    }
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    let unit = &bytes[..n];
                    let first = unit.iter().take_while(|b| **b == 0).count();
                    if *zeros + first >= 3 || memmem::find(unit, &[0; 3]).is_some() {
                        return true;
                    }
                    let last = unit.iter().rev().take_while(|b| **b == 0).count();
                    *zeros = if last == n { *zeros + n } else { last };
                    (*left, bytes) = (*left - n as u64, &bytes[n..]);
                }
                false
            }
        }
    }
}

/// Arithmetic coding uses almost no bits for expected values, and codes them as zeros: a block of AV1 of 64 x
/// 64 pixels in a flat picture takes about a tenth of a bit.
const PIXELS_A_ZERO: u64 = 1 << 16;

/// The longest run of zeros in a flat picture of this many pixels, if a byte codes `pixels_a_zero` of them.
pub(in crate::decode) fn most_zeros(pixels: u64, pixels_a_zero: u64) -> u64 {
    /// The limit for any fully compressed data.
    const ALWAYS: u64 = 64;
    ALWAYS + pixels / pixels_a_zero
}

/// The longest run of zeros in these bytes, including the `zeros` at the end of the preceding ones; `zeros`
/// is then set to the run at the end of these.
pub(in crate::decode) fn longest_run(bytes: &[u8], zeros: &mut u64) -> u64 {
    let mut longest = *zeros;
    let mut at = 0;
    while at < bytes.len() {
        let n = bytes[at..].iter().take_while(|b| **b == 0).count();
        *zeros += n as u64;
        longest = longest.max(*zeros);
        at += n;
        if at < bytes.len() {
            *zeros = 0;
            at += memchr::memchr(0, &bytes[at..]).unwrap_or(bytes.len() - at);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(bytes: &[u8], piece: usize) -> bool {
        let mut check = Check::Units { length_size: 4, length: Vec::new(), left: 0, zeros: 0 };
        bytes.chunks(piece).any(|piece| check.finds_hole(piece))
    }

    #[test]
    fn three_zeros_are_in_no_unit_but_in_lengths() {
        let whole = [0, 0, 0, 5, 1, 2, 0, 0, 3, 0, 0, 0, 2, 9, 9];
        let hole = [0, 0, 0, 6, 1, 2, 0, 0, 0, 7, 0, 0, 0, 2, 9, 9];
        let tail = [0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0];
        for piece in 1..16 {
            assert_eq!([&whole[..], &hole, &tail].map(|b| units(b, piece)), [false, true, true], "{piece}");
        }
    }

    proptest! {
        #[test]
        fn runs_are_found_in_any_pieces(bytes in prop::collection::vec(0u8..3, 0..300), piece in 1usize..40) {
            let expected = bytes.split(|b| *b != 0).map(|run| run.len() as u64).max().unwrap_or(0);
            let mut zeros = 0;
            let found = bytes.chunks(piece).map(|piece| longest_run(piece, &mut zeros)).max().unwrap_or(0);
            prop_assert_eq!(found, expected);
        }
    }
}

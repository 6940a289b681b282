//! The ICC profile of a JPEG: the positions of its parts in APP2 segments.

use crate::bytes::View;

/// The largest profile that is read; press profiles have up to 3 MB.
const LARGEST_PROFILE: u64 = 4 << 20;
const SIGNATURE: [u8; 12] = *b"ICC_PROFILE\0";

/// Offset in the file and length of a part.
pub type Part = (u64, u64);

/// The parts found so far: the number of each and the number of all.
#[derive(Default)]
pub(super) struct Profile {
    parts: Vec<(u8, u8, Part)>,
}

impl Profile {
    /// Adds the contents of an APP2 segment if they are a part.
    pub(super) fn add(&mut self, body: View<'_>) {
        if body.array(0) != Some(SIGNATURE) || self.is_complete() {
            return;
        }
        let numbers_at = SIGNATURE.len() as u64;
        if let Some([number, count]) = body.array(numbers_at) {
            let part = body.from(numbers_at + 2);
            self.parts.push((number, count, (part.base(), part.len())));
        }
    }

    fn is_complete(&self) -> bool {
        self.parts.last().is_some_and(|(_, count, _)| self.parts.len() == usize::from(*count))
    }

    /// The parts in order; empty if one is missing, or if they are too long.
    pub(super) fn parts(mut self) -> Vec<Part> {
        self.parts.sort_by_key(|(number, _, _)| *number);
        let in_order = self.parts.iter().enumerate().all(|(i, (number, _, _))| usize::from(*number) == i + 1);
        let length: u64 = self.parts.iter().map(|(_, _, (_, length))| length).sum();
        if !in_order || !self.is_complete() || length > LARGEST_PROFILE {
            return Vec::new();
        }
        self.parts.into_iter().map(|(_, _, part)| part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{APP2, profile_parts};
    use super::*;
    use crate::bytes::Reader;
    use crate::testing::jpeg::segment;

    fn part(number: u8, of: u8, body: &[u8]) -> Vec<u8> {
        segment(APP2, &[SIGNATURE.as_slice(), &[number, of], body].concat())
    }

    fn found(segments: &[Vec<u8>]) -> Vec<u8> {
        let file = [vec![0xFF, 0xD8], segments.concat(), vec![0xFF, 0xDA, 0, 2]].concat();
        let parts = profile_parts(Reader::from_bytes(file.clone()).view());
        parts
            .into_iter()
            .flat_map(|(at, length)| &file[at as usize..(at + length) as usize])
            .copied()
            .collect()
    }

    #[test]
    fn parts_come_in_any_order() {
        let other = segment(0xE1, b"Exif\0\0");
        assert_eq!(found(&[other, part(2, 2, b"cd"), part(1, 2, b"ab")]), b"abcd");
        // A second profile is not read.
        assert_eq!(found(&[part(1, 1, b"ab"), part(1, 1, b"cd")]), b"ab");
    }

    #[test]
    fn a_missing_part_is_no_profile() {
        for parts in [
            &[part(2, 3, b"cd"), part(3, 3, b"ef")][..],
            &[part(1, 3, b"ab"), part(2, 3, b"cd")],
            &[part(1, 2, b"ab"), part(1, 2, b"ab")],
            &[segment(APP2, b"MPF\0")],
            &[],
        ] {
            assert_eq!(found(parts), b"");
        }
    }

    #[test]
    fn too_long_a_profile_is_not_read() {
        let longest: Vec<Vec<u8>> = (1..=65).map(|number| part(number, 65, &[0; 65_000])).collect();
        assert_eq!(found(&longest), b"");
    }
}

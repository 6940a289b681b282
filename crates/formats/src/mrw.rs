//! Minolta's RAW files: blocks before the sensor's data, one of which is a TIFF structure with EXIF.

use super::Findings;
use super::bytes::{Reader, View};
use super::exif;

/// The first bytes of a file.
pub const MAGIC: &[u8] = b"\0MRM";
/// The block with the TIFF structure.
pub const TIFF: &[u8; 4] = b"\0TTW";
const PICTURE: &[u8; 4] = b"\0PRD";
/// Blocks of a file; real ones have four or five.
const MAX_BLOCKS: usize = 32;

pub struct Block<'a> {
    pub kind: [u8; 4],
    pub body: View<'a>,
}

/// The blocks before the sensor's data.
pub fn blocks(view: View<'_>) -> impl Iterator<Item = Block<'_>> {
    let header = view.part(8, view.be32(4).unwrap_or(0).into());
    let mut at = 0u64;
    std::iter::from_fn(move || {
        let (kind, length) = (header.array(at)?, u64::from(header.be32(at + 4)?));
        let body = header.part(at + 8, length);
        at += 8 + length;
        Some(Block { kind, body })
    })
    .take(MAX_BLOCKS)
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    for block in blocks(reader.view()) {
        match &block.kind {
            PICTURE => {
                let size = block.body.be16(14).zip(block.body.be16(12));
                found.coded = size.map(|(w, h)| (u32::from(w), u32::from(h)));
            }
            TIFF => found.add_exif(exif::read(block.body)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            read(&Reader::from_bytes([MAGIC, &[0, 0, 2, 0], &bytes].concat()));
        }
    }
}

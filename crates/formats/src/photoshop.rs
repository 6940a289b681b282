//! Photoshop image resources: the IPTC block, and embedded EXIF and XMP.

use super::bytes::Reader;
use super::{Findings, exif, iptc};

/// Walks the resources of an APP13 segment or a TIFF tag.
pub fn read(bytes: &[u8], found: &mut Findings) {
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 7) {
        // "8BIM" is Adobe's; other programs used "AgHg", "DCSR" or "PHUT".
        if !head[..4].iter().all(u8::is_ascii_graphic) {
            break;
        }
        let id = u16::from_be_bytes([head[4], head[5]]);
        let name = usize::from(head[6]) + 1;
        at += 6 + name + name % 2;
        let Some(size) = bytes.get(at..at + 4) else { break };
        let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize;
        at += 4;
        let body = &bytes[at..at.saturating_add(size).min(bytes.len())];
        match id {
            0x0404 => read_block(body, found),
            0x0422 => found.add_exif(exif::read(Reader::from_bytes(body.to_vec()).view())),
            0x0424 => found.add_xmp(body.to_vec()),
            _ => {}
        }
        at = at.saturating_add(size).saturating_add(size % 2);
    }
}

/// Reads an IPTC-IIM block.
pub fn read_block(bytes: &[u8], found: &mut Findings) {
    if found.iptc.is_none() {
        found.iptc = iptc::read(bytes);
    }
}

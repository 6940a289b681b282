//! JPEG XL and JPEG 2000: the size from the codestream's header, metadata from the boxes around it.

use super::bmff::boxes;
use super::bytes::{Reader, View};
use super::{Findings, exif, heif, photoshop};
use std::io::Read;

/// Maximum bytes of one metadata box, also after unpacking.
const MAX_METADATA: usize = 4 * 1024 * 1024;

// ------------------------------------------------------------------------------------------- JPEG XL

pub fn read_jxl(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let view = reader.view();
    if view.array::<2>(0) == Some([0xFF, 0x0A]) {
        read_jxl_stream(view, &mut found);
        return found;
    }
    for b in boxes(view) {
        match &b.kind {
            b"jxlc" => {
                read_jxl_stream(b.body, &mut found);
            }
            // Parts of a codestream, each after its number; the header is in the first.
            b"jxlp" if b.body.be32(0).is_some_and(|n| n & 0x7FFF_FFFF == 0) => {
                read_jxl_stream(b.body.from(4), &mut found);
            }
            b"Exif" => found.add_exif(heif::exif_item(b.body.head(MAX_METADATA))),
            b"xml " => found.add_xmp(b.body.head(MAX_METADATA)),
            b"brob" => {
                let Some(kind) = b.body.array::<4>(0) else { continue };
                if matches!(&kind, b"Exif" | b"xml ") {
                    let packed = b.body.from(4).head(MAX_METADATA);
                    let mut bytes = Vec::new();
                    let unpacked = brotli_decompressor::Decompressor::new(&packed[..], 4096)
                        .take(MAX_METADATA as u64)
                        .read_to_end(&mut bytes);
                    if unpacked.is_err() || b.body.charge(bytes.len()).is_none() {
                        continue;
                    }
                    if &kind == b"Exif" {
                        found.add_exif(heif::exif_item(bytes));
                    } else {
                        found.add_xmp(bytes);
                    }
                }
            }
            // Gain map of ISO 21496-1.
            b"jhgm" => found.iso_gain_map = true,
            _ => {}
        }
    }
    found
}

/// Bits, least significant first.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn take(&mut self, n: usize) -> Option<u32> {
        let mut value = 0;
        for i in 0..n {
            let byte = *self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << i;
            self.at += 1;
        }
        Some(value)
    }
    /// A size: 2 bits choose the number of following bits.
    fn size(&mut self) -> Option<u32> {
        let n = [9, 13, 18, 30][self.take(2)? as usize];
        Some(self.take(n)? + 1)
    }
}

/// SizeHeader and the first fields of ImageMetadata (ISO/IEC 18181-1, annex D).
fn read_jxl_stream(view: View<'_>, found: &mut Findings) -> Option<()> {
    let mut bits = Bits { bytes: view.from(2).head(32), at: 0 };
    let small = bits.take(1)? == 1;
    let height = if small { (bits.take(5)? + 1) * 8 } else { bits.size()? };
    let width = match bits.take(3)? {
        0 if small => (bits.take(5)? + 1) * 8,
        0 => bits.size()?,
        ratio => {
            let (n, d) = [(1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1)][ratio as usize - 1];
            u32::try_from(u64::from(height) * n / d).ok()?
        }
    };
    found.coded = Some((width, height));
    let mut orientation = 1;
    let all_default = bits.take(1)? == 1;
    if !all_default && bits.take(1)? == 1 {
        orientation = bits.take(3)? as u8 + 1;
    }
    // The codestream's orientation applies; EXIF's is only reported.
    found.display = Some(if orientation >= 5 { (height, width) } else { (width, height) });
    found.orientation = Some(orientation);
    Some(())
}

// ----------------------------------------------------------------------------------------- JPEG 2000

const EXIF_UUID: [u8; 16] = *b"JpgTiffExif->JP2";
const IPTC_UUID: [u8; 16] = *b"\x33\xc7\xa4\xd2\xb8\x1d\x47\x23\xa0\xba\xf1\xa3\xe0\x97\xad\x38";

pub fn read_jp2(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let view = reader.view();
    if view.array::<2>(0) == Some([0xFF, 0x4F]) {
        found.coded = siz(view);
        return found;
    }
    for b in boxes(view) {
        match &b.kind {
            b"jp2h" => {
                if let Some(ihdr) = super::bmff::find(b.body, b"ihdr") {
                    found.coded = ihdr.body.be32(4).zip(ihdr.body.be32(0));
                }
            }
            b"jp2c" if found.coded.is_none() => found.coded = siz(b.body),
            b"uuid" if b.uuid == Some(super::movie::XMP_UUID) => found.add_xmp(b.body.head(MAX_METADATA)),
            b"uuid" if b.uuid == Some(EXIF_UUID) => found.add_exif(exif::read(b.body)),
            b"uuid" if b.uuid == Some(IPTC_UUID) => {
                photoshop::read_block(&b.body.head(MAX_METADATA), &mut found)
            }
            _ => {}
        }
    }
    found
}

/// The size in a codestream's SIZ segment: the reference grid minus its offset.
fn siz(view: View<'_>) -> Option<(u32, u32)> {
    let side = |at| view.be32(at)?.checked_sub(view.be32(at + 8)?);
    side(8).zip(side(12))
}

#[cfg(test)]
mod tests;

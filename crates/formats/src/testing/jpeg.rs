//! Segments of JPEG files.

pub(crate) fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(body.len() as u16 + 2).to_be_bytes(), body].concat()
}

/// The frame header of a picture of this size.
pub(crate) fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
    let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
    segment(marker, &[&[8][..], &size, &[1, 1, 0x11, 0]].concat())
}

/// A picture of 32 by 16 with these segments before its frame header.
pub(crate) fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let rest = [frame(0xC0, 32, 16), segment(0xDA, &[1, 1, 0, 0, 63, 0]), vec![0x55, 0xFF, 0xD9]].concat();
    [&[0xFF, 0xD8][..], &segments.concat(), &rest].concat()
}

/// EXIF, from the header of its TIFF structure.
pub(crate) fn exif(tiff: &[u8]) -> Vec<u8> {
    segment(0xE1, &[b"Exif\0\0", tiff].concat())
}

pub(crate) fn xmp(packet: &[u8]) -> Vec<u8> {
    segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", packet].concat())
}

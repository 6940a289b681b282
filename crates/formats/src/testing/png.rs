//! Chunks of PNG files. The readers of metadata do not check sums, so that all of them are zero.

pub(crate) fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], kind, body, &[0; 4]].concat()
}

/// A picture of this size with further chunks.
pub(crate) fn png(size: (u32, u32), chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = [&size.0.to_be_bytes()[..], &size.1.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let (header, end) = (chunk(b"IHDR", &header), chunk(b"IEND", &[]));
    [b"\x89PNG\r\n\x1a\n", &header[..], &chunks.concat(), &end].concat()
}

//! Chunks of RIFF files.

/// A chunk, padded to an even length.
pub(crate) fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&kind[..], &(body.len() as u32).to_le_bytes(), body, &vec![0; body.len() % 2]].concat()
}

/// A list or a file of chunks.
pub(crate) fn list(outer: &[u8; 4], kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(outer, &[&kind[..], &chunks.concat()].concat())
}

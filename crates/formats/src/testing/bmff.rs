//! Boxes of ISO base media files.

pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A box that contains these boxes.
pub(crate) fn of(kind: &[u8; 4], inner: &[Vec<u8>]) -> Vec<u8> {
    boxed(kind, &inner.concat())
}

/// A box with version and flags.
pub(crate) fn full(kind: &[u8; 4], version: u8, flags: u32, body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&(u32::from(version) << 24 | flags).to_be_bytes()[..], body].concat())
}

pub(crate) fn uuid(id: &[u8; 16], body: &[u8]) -> Vec<u8> {
    boxed(b"uuid", &[&id[..], body].concat())
}

pub(crate) fn ftyp(brand: &[u8; 4]) -> Vec<u8> {
    boxed(b"ftyp", &[&brand[..], &[0; 4], brand].concat())
}

/// Numbers of 32 bits.
pub(crate) fn longs(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

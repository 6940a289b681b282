//! Elements of Matroska.

/// An element; its size takes four bytes.
pub(crate) fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u32 | 0x1000_0000).to_be_bytes();
    [&head(id)[..], &size, body].concat()
}

/// An element that contains these elements.
pub(crate) fn of(id: u32, inner: &[Vec<u8>]) -> Vec<u8> {
    element(id, &inner.concat())
}

/// An element of unknown size, as a live stream has it.
pub(crate) fn endless(id: u32, body: &[u8]) -> Vec<u8> {
    [&head(id)[..], &[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], body].concat()
}

pub(crate) fn uint(id: u32, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    element(id, &bytes[value.leading_zeros() as usize / 8..])
}

pub(crate) fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

pub(crate) fn text(id: u32, value: &str) -> Vec<u8> {
    element(id, value.as_bytes())
}

/// The identifier without its leading zeros.
fn head(id: u32) -> Vec<u8> {
    id.to_be_bytes()[id.leading_zeros() as usize / 8..].to_vec()
}

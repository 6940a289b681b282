//! Photoshop documents (PSD, PSB): the header, and the image resources.
//!
//! Invariant: reads no layers and no pixels.

use super::bytes::{Reader, View};
use super::{Findings, photoshop};

/// The first bytes of a file.
pub const MAGIC: &[u8] = b"8BPS";
/// Maximum size of the image resources that is read: XMP with a history may have megabytes.
const MAX_RESOURCES: usize = 32 << 20;
/// Maximum number of resources.
const MAX_COUNT: usize = 10_000;

/// The header and the offsets of the following sections.
pub struct Document<'a> {
    /// PSB: some lengths have eight bytes.
    pub is_large: bool,
    pub channels: u16,
    pub height: u32,
    pub width: u32,
    /// Bits per channel.
    pub depth: u16,
    pub mode: u16,
    /// The palette of indexed colours.
    pub palette: View<'a>,
    pub resources: View<'a>,
    /// The merged picture: its compression, then its samples.
    pub merged: View<'a>,
}

impl<'a> Document<'a> {
    pub fn open(view: View<'a>) -> Option<Document<'a>> {
        let is_large = match (view.array::<4>(0)?, view.be16(4)?) {
            (magic, 1) if magic == *MAGIC => false,
            (magic, 2) if magic == *MAGIC => true,
            _ => return None,
        };
        let section =
            |at: u64| Some((view.part(at + 4, view.be32(at)?.into()), at + 4 + u64::from(view.be32(at)?)));
        let (palette, next) = section(26)?;
        let (resources, next) = section(next)?;
        let layers =
            if is_large { view.be64(next)?.checked_add(8)? } else { u64::from(view.be32(next)?) + 4 };
        Some(Document {
            is_large,
            channels: view.be16(12)?,
            height: view.be32(14)?,
            width: view.be32(18)?,
            depth: view.be16(22)?,
            mode: view.be16(24)?,
            palette,
            resources,
            merged: view.from(next.checked_add(layers)?),
        })
    }

    /// The contents of a resource.
    pub fn resource(&self, wanted: u16) -> Option<View<'a>> {
        let mut at = 0;
        for _ in 0..MAX_COUNT {
            let id = self.resources.be16(at + 4)?;
            let name = u64::from(self.resources.u8(at + 6)?) + 1;
            let body_at = at + 6 + name + name % 2 + 4;
            let size = u64::from(self.resources.be32(body_at - 4)?);
            if id == wanted {
                return Some(self.resources.part(body_at, size));
            }
            at = body_at + size + size % 2;
        }
        None
    }
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let Some(document) = Document::open(reader.view()) else { return found };
    found.coded = Some((document.width, document.height));
    photoshop::read(&document.resources.head(MAX_RESOURCES), &mut found);
    // The merged picture is stored upright, independent of the camera's orientation.
    if let Some(exif) = &mut found.exif {
        exif.orientation = None;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), version in 1u8..3) {
            let reader = Reader::from_bytes([MAGIC, &[0, version], &bytes].concat());
            read(&reader);
            if let Some(document) = Document::open(reader.view()) {
                document.resource(1036);
            }
        }
    }
}

//! The tables of `meta`: the list of items, the positions of their bytes, the references between them, and their
//! properties. Each reader returns `None` at the first error and keeps the entries before it.

use super::{Home, Item, Items, MAX_ENTRIES, Primary, Property, Reference};
use crate::bmff::{self, strict_boxes};
use crate::bytes::View;

/// Reads the fields of a table one after the other.
struct Fields<'a> {
    view: View<'a>,
    at: u64,
}

impl Fields<'_> {
    /// A number of 0, 2, 4 or 8 bytes: the sizes that the standard allows, and 2, which some writers use.
    fn number(&mut self, bytes: u64) -> Option<u64> {
        let value = match bytes {
            0 => 0,
            2 => self.view.be16(self.at)?.into(),
            4 => self.view.be32(self.at)?.into(),
            8 => self.view.be64(self.at)?,
            _ => return None,
        };
        self.at += bytes;
        Some(value)
    }

    fn u8(&mut self) -> Option<u8> {
        let value = self.view.u8(self.at)?;
        self.at += 1;
        Some(value)
    }

    fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|v| v as u16)
    }

    /// A number of 16 bits, or of 32.
    fn u16_or_u32(&mut self, is_wide: bool) -> Option<u32> {
        self.number(if is_wide { 4 } else { 2 }).map(|v| v as u32)
    }
}

/// Version, flags and fields of a full box.
fn opened<'a>(b: &bmff::Box<'a>) -> Option<(u8, u32, Fields<'a>)> {
    let (version, flags, view) = b.full()?;
    Some((version, flags, Fields { view, at: 0 }))
}

impl Items {
    pub(super) fn read_primary(&mut self, b: &bmff::Box<'_>) -> Option<()> {
        let (version, _, mut fields) = opened(b)?;
        let at = fields.view.base();
        let id = fields.u16_or_u32(version > 0)?;
        // 0 is no item's id.
        self.primary = (id > 0).then_some(Primary { id, at, width: if version > 0 { 4 } else { 2 } });
        Some(())
    }

    pub(super) fn read_infos(&mut self, b: &bmff::Box<'_>) -> Option<()> {
        let (version, _, view) = b.full()?;
        for entry in strict_boxes(view.from(if version == 0 { 2 } else { 4 })) {
            let entry = entry?;
            if &entry.kind != b"infe" {
                continue;
            }
            let (version, _, mut fields) = opened(&entry)?;
            // Earlier versions are older than HEIF and have no type.
            if version < 2 {
                continue;
            }
            let id = fields.u16_or_u32(version > 2)?;
            let is_protected = fields.u16()? != 0;
            let kind = fields.view.array(fields.at)?;
            let is_xmp = &kind == b"mime" && is_xmp(fields.view.from(fields.at + 4));
            if !b.body.budget().take_one::<Item>() {
                return None;
            }
            self.items.push(Item { id, kind, is_protected, is_xmp, ..Item::default() });
        }
        Some(())
    }

    pub(super) fn read_locations(&mut self, b: &bmff::Box<'_>) -> Option<()> {
        let (version, _, mut fields) = opened(b)?;
        if version > 2 {
            return None;
        }
        let sizes = u64::from(fields.u16()?);
        let (offset_size, length_size) = (sizes >> 12, sizes >> 8 & 15);
        let (base_size, index_size) = (sizes >> 4 & 15, if version > 0 { sizes & 15 } else { 0 });
        let count = fields.u16_or_u32(version == 2)?;
        for _ in 0..count.min(MAX_ENTRIES) {
            let id = fields.u16_or_u32(version == 2)?;
            let method = if version > 0 { fields.u16()? & 15 } else { 0 };
            let data_reference = fields.u16()?;
            let base = fields.number(base_size)?;
            let mut extents = Vec::new();
            for _ in 0..fields.u16()? {
                fields.number(index_size)?;
                let offset = fields.number(offset_size)?;
                let length = fields.number(length_size)?;
                // An extent may take no bytes in the file.
                if !b.body.budget().take_one::<super::Extent>() {
                    return None;
                }
                extents.push((base.checked_add(offset)?, length));
            }
            let Some(item) = self.get_mut(id) else { continue };
            item.home = match (data_reference, method) {
                (0, 0) => Home::File,
                (0, 1) => Home::Idat,
                _ => Home::Elsewhere,
            };
            item.extents = extents;
        }
        (count <= MAX_ENTRIES).then_some(())
    }

    pub(super) fn read_references(&mut self, b: &bmff::Box<'_>) -> Option<()> {
        let (version, _, view) = b.full()?;
        let budget = b.body.budget();
        for reference in strict_boxes(view) {
            let reference = reference?;
            let mut fields = Fields { view: reference.body, at: 0 };
            let from = fields.u16_or_u32(version > 0)?;
            let mut to = Vec::new();
            for _ in 0..fields.u16()? {
                to.push(fields.u16_or_u32(version > 0).filter(|_| budget.take_one::<u32>())?);
            }
            if !budget.take_one::<Reference>() {
                return None;
            }
            self.references.push(Reference { kind: reference.kind, from, to });
        }
        Some(())
    }

    pub(super) fn read_properties(&mut self, b: &bmff::Box<'_>) -> Option<()> {
        for part in strict_boxes(b.body) {
            let part = part?;
            match &part.kind {
                b"ipco" => {
                    for property in strict_boxes(part.body) {
                        let property = Property::read(&property?);
                        if !b.body.budget().take_one::<Property>() {
                            return None;
                        }
                        self.properties.push(property);
                    }
                }
                b"ipma" => self.read_associations(&part)?,
                _ => {}
            }
        }
        Some(())
    }

    fn read_associations(&mut self, b: &bmff::Box<'_>) -> Option<()> {
        let (version, flags, mut fields) = opened(b)?;
        let is_wide = flags & 1 == 1;
        let count = fields.number(4)?;
        for _ in 0..count.min(MAX_ENTRIES.into()) {
            let id = fields.u16_or_u32(version > 0)?;
            let mut own = Vec::new();
            for _ in 0..fields.u8()? {
                // The top bit means that the property is essential.
                let index = if is_wide { fields.u16()? & 0x7FFF } else { u16::from(fields.u8()? & 0x7F) };
                if let Some(index) = usize::from(index).checked_sub(1) {
                    if !b.body.budget().take_one::<usize>() {
                        return None;
                    }
                    own.push(index);
                }
            }
            if let Some(item) = self.get_mut(id) {
                item.properties.extend(own);
            }
        }
        (count <= MAX_ENTRIES.into()).then_some(())
    }
}

/// Whether the names after a `mime` item's type mark XMP: the item's name, then the content type, each ended by a NUL.
fn is_xmp(names: View<'_>) -> bool {
    const LONGEST: usize = 256;
    let names = names.head(LONGEST);
    names.split(|b| *b == 0).nth(1).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/rdf+xml"))
}

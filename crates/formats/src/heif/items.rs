//! The items of a HEIF file (ISO/IEC 23008-12): its pictures, their tiles and their metadata; the positions of their
//! bytes, their properties, and the references between them.
//!
//! Invariants: reads tables only, within the budget of the file; keeps positions of configurations and profiles, not
//! their bytes. A table with an error keeps the entries before it, which is enough for facts; [`Items::is_whole`] is
//! then false, and decoding does not use the tables.

mod properties;
mod tables;
#[cfg(test)]
mod tests;

use crate::bmff::{self, strict_boxes};
use crate::bytes::View;
pub use properties::{CodePoints, Property};

/// Maximum number of entries of one table: a 200-megapixel picture has 768 tiles, a burst some thousand.
const MAX_ENTRIES: u32 = 16_384;

/// A four-character code.
pub type Code = [u8; 4];

/// A range of bytes: offset and length.
pub type Extent = (u64, u64);

/// One item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    pub id: u32,
    pub kind: Code,
    /// Encrypted or otherwise protected.
    pub is_protected: bool,
    /// A `mime` item with XMP.
    pub is_xmp: bool,
    pub home: Home,
    /// Its bytes, from the start of `home`. A length of 0 means "to the end".
    pub extents: Vec<Extent>,
    /// Indices into the properties of the file, in the order in which transforms apply.
    properties: Vec<usize>,
}

/// What the extents of an item count from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Home {
    #[default]
    File,
    /// The box `idat` beside the tables.
    Idat,
    /// Another item or another file: such items are not read.
    Elsewhere,
}

/// A reference between items.
#[derive(Debug, Clone, PartialEq)]
struct Reference {
    kind: Code,
    from: u32,
    to: Vec<u32>,
}

/// A `grid` item's own data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub rows: u32,
    pub columns: u32,
    pub width: u32,
    pub height: u32,
}

/// The item that the file names as its picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Primary {
    id: u32,
    /// Position of the id in the file, and its length in bytes.
    at: u64,
    width: usize,
}

/// The items of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Items {
    primary: Option<Primary>,
    /// Sorted by id.
    items: Vec<Item>,
    references: Vec<Reference>,
    properties: Vec<Property>,
    idat: Option<Extent>,
    grid: Option<Grid>,
    has_error: bool,
}

impl Items {
    /// Reads a `meta` box of `file`.
    pub fn read(file: View<'_>, meta: &bmff::Box<'_>) -> Items {
        let is_cut = meta.size > file.len().saturating_sub(meta.at);
        let mut items = Items { has_error: is_cut, ..Items::default() };
        let tables = meta.body.from(4);
        for table in strict_boxes(tables) {
            let read = table.and_then(|b| match &b.kind {
                b"pitm" => items.read_primary(&b),
                b"iinf" => items.read_infos(&b),
                b"iref" => items.read_references(&b),
                b"idat" => {
                    items.idat = Some((b.body.base(), b.body.len()));
                    Some(())
                }
                _ => Some(()),
            });
            items.has_error |= read.is_none();
        }
        items.items.sort_by_key(|item| item.id);
        // Extents and properties refer to items, in any order of the boxes.
        for b in bmff::boxes(tables) {
            let read = match &b.kind {
                b"iloc" => items.read_locations(&b),
                b"iprp" => items.read_properties(&b),
                _ => Some(()),
            };
            items.has_error |= read.is_none();
        }
        if items.shown().is_some_and(|item| &item.kind == b"grid") {
            items.grid = items.read_grid(file);
            items.has_error |= items.grid.is_none();
        }
        items
    }

    /// Whether all tables could be read to their ends.
    pub fn is_whole(&self) -> bool {
        !self.has_error
    }

    /// All items, by id.
    pub fn all(&self) -> &[Item] {
        &self.items
    }

    pub fn get(&self, id: u32) -> Option<&Item> {
        self.items.binary_search_by_key(&id, |item| item.id).ok().and_then(|at| self.items.get(at))
    }

    fn get_mut(&mut self, id: u32) -> Option<&mut Item> {
        self.items.binary_search_by_key(&id, |item| item.id).ok().and_then(|at| self.items.get_mut(at))
    }

    /// The item that the file names as its picture.
    pub fn primary(&self) -> Option<&Item> {
        self.get(self.primary?.id)
    }

    /// Whether the file names an item as its picture, in its tables or not; a file without one is a sequence.
    pub fn has_primary(&self) -> bool {
        self.primary.is_some()
    }

    /// The displayed picture. Where the primary item is a base picture with its gain map applied (`tmap`, ISO
    /// 21496-1), it is the base.
    pub fn shown(&self) -> Option<&Item> {
        match self.base_of_gain_map() {
            Some(base) => self.get(base),
            None => self.primary(),
        }
    }

    fn base_of_gain_map(&self) -> Option<u32> {
        let primary = self.primary().filter(|item| &item.kind == b"tmap")?;
        self.references(primary.id, b"dimg").next()
    }

    /// Where [`Items::shown`] is not the primary item: the position of the file's primary item id, and the bytes that
    /// would name the shown one there.
    pub fn renamed(&self) -> Option<(u64, Vec<u8>)> {
        let (primary, base) = (self.primary?, self.base_of_gain_map()?);
        Some((primary.at, base.to_be_bytes()[4 - primary.width..].to_vec()))
    }

    /// The data of the shown picture if it is a grid.
    pub fn grid(&self) -> Option<Grid> {
        self.grid
    }

    /// The properties of an item, in order.
    pub fn properties_of(&self, item: &Item) -> impl Iterator<Item = &Property> {
        item.properties.iter().filter_map(|i| self.properties.get(*i))
    }

    /// All properties of the file.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// Width and height of an item before its transforms.
    pub fn size_of(&self, item: &Item) -> Option<(u32, u32)> {
        self.properties_of(item).find_map(Property::size)
    }

    /// Whether an auxiliary item is an alpha plane.
    pub fn is_alpha(&self, item: &Item) -> bool {
        self.properties_of(item).any(|p| *p == Property::Alpha)
    }

    /// What `from` refers to with references of this kind.
    pub fn references(&self, from: u32, kind: &Code) -> impl Iterator<Item = u32> {
        let own = self.references.iter().filter(move |r| r.from == from && &r.kind == kind);
        own.flat_map(|r| r.to.iter().copied())
    }

    /// Items that refer to `to` with references of this kind.
    pub fn referring(&self, to: u32, kind: &Code) -> impl Iterator<Item = &Item> {
        let others = self.references.iter().filter(move |r| &r.kind == kind && r.to.contains(&to));
        others.filter_map(|r| self.get(r.from))
    }

    /// The positions and lengths of an item's bytes in the file, which may be beyond its end. `None` if they are not
    /// stored in the file itself.
    pub fn places(&self, file_len: u64, item: &Item) -> Option<Vec<Extent>> {
        let (start, end, is_clipped) = match (item.home, self.idat) {
            (Home::File, _) => (0, file_len, false),
            (Home::Idat, Some((at, len))) => (at, at.saturating_add(len), true),
            _ => return None,
        };
        let place = |&(at, len): &Extent| {
            let at = start.checked_add(at)?;
            let there = end.saturating_sub(at);
            Some((at, if len == 0 || is_clipped && len > there { there } else { len }))
        };
        item.extents.iter().map(place).collect()
    }

    /// The available bytes of an item, put together from its extents; `None` if there are more than `limit`.
    pub fn bytes(&self, file: View<'_>, item: &Item, limit: usize) -> Option<Vec<u8>> {
        let places = self.places(file.len(), item)?;
        let parts = || places.iter().map(|&(at, len)| file.part(at, len));
        let whole = parts().map(|part| part.len()).fold(0u64, u64::saturating_add);
        if whole > limit as u64 {
            return None;
        }
        let mut out = Vec::with_capacity(whole as usize);
        for part in parts() {
            out.extend(part.head(usize::MAX));
        }
        Some(out)
    }

    fn read_grid(&self, file: View<'_>) -> Option<Grid> {
        /// Twelve bytes are the longest form; some writers append others.
        const MOST: usize = 64;
        let bytes = self.bytes(file, self.shown()?, MOST)?;
        let &[_version, flags, rows, columns, ref size @ ..] = bytes.as_slice() else { return None };
        let (width, height) = if flags & 1 == 1 {
            let (sides, _) = size.as_chunks::<4>();
            (u32::from_be_bytes(*sides.first()?), u32::from_be_bytes(*sides.get(1)?))
        } else {
            let (sides, _) = size.as_chunks::<2>();
            (u16::from_be_bytes(*sides.first()?).into(), u16::from_be_bytes(*sides.get(1)?).into())
        };
        Some(Grid { rows: u32::from(rows) + 1, columns: u32::from(columns) + 1, width, height })
    }
}

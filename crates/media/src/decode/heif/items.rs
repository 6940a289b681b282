//! The items of a HEIF file (ISO/IEC 23008-12): the primary picture, its tiles, the positions of their bytes,
//! and the transforms to apply.
//!
//! Promises: pure over a [`Source`]; every length is checked against the file and against a limit before
//! anything is allocated; an invalid file gives [`Fault::Corrupt`], never a panic. Only what decoding needs
//! is read: inspect reads metadata items.

mod bytes;

use crate::decode::colour::Cicp;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use bytes::Bytes;
use std::collections::HashMap;

/// The longest `meta` box that is read. A 200-megapixel grid of 768 tiles needs 40 KB; `idat` may add pictures.
const MAX_META_BYTES: u64 = 32 << 20;
/// The maximum number of top-level boxes before `meta`.
const MAX_TOP_LEVEL_BOXES: usize = 256;
/// The maximum number of items, properties and extents of one file; ten times those of the largest known
/// files.
const MAX_ITEMS: usize = 16_384;
const MAX_PROPERTIES: usize = 16_384;
const MAX_EXTENTS: usize = 65_536;
/// The maximum number of references, and of list entries of properties.
const MAX_NUMBERS: usize = 262_144;
/// The maximum bytes of all properties together: decoder configurations and ICC profiles.
const MAX_PROPERTY_BYTES: usize = 8 << 20;
/// The longest ICC profile that is kept.
const MAX_ICC_BYTES: usize = 4 << 20;

/// A four-character code.
pub type Code = [u8; 4];

/// One item.
#[derive(Debug, Clone, Default)]
pub struct Item {
    pub id: u32,
    pub kind: Code,
    /// Encrypted or otherwise protected.
    pub protected: bool,
    /// iloc's construction method: 0 the file, 1 `idat`, 2 another item.
    pub method: u8,
    /// Offset and length of each piece, in the file or in `idat`.
    pub extents: Vec<(u64, u64)>,
    /// Indices into [`Items::properties`], in the order in which transforms apply.
    pub properties: Vec<usize>,
}

/// A property that decoding uses.
#[derive(Debug, Clone, PartialEq)]
pub enum Property {
    /// Width and height in pixels, before transforms.
    Size(u32, u32),
    /// The HEVC decoder configuration record.
    Hvcc(Vec<u8>),
    /// Quarter turns anticlockwise.
    Rotate(u8),
    /// Left and right change places (1 in the file), or top and bottom (0).
    Mirror {
        left_right: bool,
    },
    /// Width, height, horizontal and vertical offset of the centre, each a numerator and a denominator.
    Clap([i64; 8]),
    CodePoints(Cicp),
    Icc(Vec<u8>),
    /// The auxiliary picture is an alpha plane.
    Alpha,
    /// The layout and packing of an uncompressed picture, as stored in the file.
    Raw(Code, Vec<u8>),
    Other(Code),
}

/// The names of an alpha plane in `auxC`: HEVC's own and the general one.
const ALPHA_NAMES: [&[u8]; 2] =
    [b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];

/// A reference between items.
#[derive(Debug, Clone)]
struct Reference {
    kind: Code,
    from: u32,
    to: Vec<u32>,
}

/// The items of a file.
#[derive(Debug, Clone, Default)]
pub struct Items {
    /// The displayed picture.
    pub primary: u32,
    /// The position of the file's primary item id, and the bytes that would name [`Items::primary`] there;
    /// for files whose primary picture is derived with a gain map.
    pub renamed: Option<(u64, Vec<u8>)>,
    items: Vec<Item>,
    /// The index of each id in `items`.
    places: HashMap<u32, usize>,
    references: Vec<Reference>,
    /// Numbers stored in references and in lists of properties.
    numbers: usize,
    property_bytes: usize,
    pub properties: Vec<Property>,
    /// The position of `idat`'s payload.
    idat: Option<(u64, u64)>,
}

/// A grid item's own data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub rows: u32,
    pub columns: u32,
    pub width: u32,
    pub height: u32,
}

/// Finds and reads the file's `meta` box. `None` if there is none or it names no primary item: a sequence.
pub fn read(source: &Source) -> Result<Option<Items>, Fault> {
    let mut at = 0u64;
    for _ in 0..MAX_TOP_LEVEL_BOXES {
        let Some((kind, header, len)) = box_header(source, at)? else { return Ok(None) };
        if &kind == b"mini" {
            return Err(Fault::unsupported(
                "it is in HEIF's short form (`mini`), which Albumen does not read",
            ));
        }
        if &kind == b"meta" {
            let payload = len - header;
            if payload > MAX_META_BYTES {
                return Err(Fault::corrupt("the HEIF item table is absurdly long"));
            }
            // A file that ends within its own table of contents cannot be decoded.
            let bytes = source.slice(at + header, payload as usize)?;
            return parse_meta(&bytes, at + header).map(|items| (items.primary != 0).then_some(items));
        }
        at = match at.checked_add(len) {
            Some(next) if next > at => next,
            _ => return Ok(None),
        };
    }
    Ok(None)
}

/// Kind, header length and whole length of the box at `at`; `None` at the end of the file.
fn box_header(source: &Source, at: u64) -> Result<Option<(Code, u64, u64)>, Fault> {
    let mut head = [0; 16];
    let n = source.read_at(at, &mut head)?;
    if n < 8 {
        return Ok(None);
    }
    let mut kind = [0; 4];
    kind.copy_from_slice(&head[4..8]);
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let (header, len) = match size {
        0 => (8, source.len().saturating_sub(at)),
        1 if n == 16 => {
            let mut long = [0; 8];
            long.copy_from_slice(&head[8..]);
            (16, u64::from_be_bytes(long))
        }
        1 => return Ok(None),
        n => (8, u64::from(n)),
    };
    if len < header {
        return Err(Fault::corrupt("a box is shorter than its own header"));
    }
    Ok(Some((kind, header, len)))
}

/// Reads a `meta` box's payload, which begins at `at` in the file.
pub fn parse_meta(bytes: &[u8], at: u64) -> Result<Items, Fault> {
    let mut items = Items::default();
    // `iloc` needs no order: items may be listed after their positions.
    let mut bytes_left = Bytes { data: bytes, at: 0 };
    let mut named_at = (0, 0);
    bytes_left.skip(4)?;
    while let Some((kind, body, start)) = bytes_left.next_box()? {
        let mut b = Bytes { data: body, at: 0 };
        match &kind {
            b"pitm" => {
                let version = b.version()?;
                items.primary = if version == 0 { u32::from(b.u16()?) } else { b.u32()? };
                named_at = (at.saturating_add(start as u64 + 4), if version == 0 { 2 } else { 4 });
            }
            b"iinf" => items.read_iinf(&mut b)?,
            b"iloc" => items.read_iloc(&mut b)?,
            b"iref" => items.read_iref(&mut b)?,
            b"iprp" => items.read_iprp(&mut b)?,
            b"idat" => items.idat = Some((at + start as u64, body.len() as u64)),
            _ => {}
        }
    }
    items.show_the_base(named_at);
    Ok(items)
}

impl Items {
    /// One item with these properties.
    #[cfg(test)]
    pub fn of_properties(properties: Vec<Property>) -> Items {
        let item = Item { id: 1, properties: (0..properties.len()).collect(), ..Item::default() };
        let places = [(1, 0)].into_iter().collect();
        Items { primary: 1, items: vec![item], places, properties, ..Items::default() }
    }

    /// Where the primary item is a base picture with its gain map applied (`tmap`, ISO 21496-1): the base is shown.
    fn show_the_base(&mut self, (named_at, bytes): (u64, usize)) {
        if self.get(self.primary).is_none_or(|item| &item.kind != b"tmap") {
            return;
        }
        if let Some(&base) = self.references(self.primary, b"dimg").first() {
            self.primary = base;
            self.renamed = Some((named_at, base.to_be_bytes()[4 - bytes..].to_vec()));
        }
    }

    pub fn get(&self, id: u32) -> Option<&Item> {
        self.places.get(&id).map(|at| &self.items[*at])
    }

    fn item_mut(&mut self, id: u32) -> Result<&mut Item, Fault> {
        if let Some(&at) = self.places.get(&id) {
            return Ok(&mut self.items[at]);
        }
        if self.items.len() >= MAX_ITEMS {
            return Err(Fault::corrupt("the HEIF file lists absurdly many items"));
        }
        self.places.insert(id, self.items.len());
        self.items.push(Item { id, ..Item::default() });
        Ok(self.items.last_mut().expect("one was pushed"))
    }

    /// Counts stored numbers against the limit.
    fn count_numbers(&mut self, count: usize) -> Result<(), Fault> {
        self.numbers += count;
        if self.numbers > MAX_NUMBERS {
            Err(Fault::corrupt("the HEIF file has absurdly many references"))
        } else {
            Ok(())
        }
    }

    /// The properties of an item, in order.
    pub fn properties_of(&self, item: &Item) -> impl Iterator<Item = &Property> {
        item.properties.iter().filter_map(|i| self.properties.get(*i))
    }

    /// Whether an auxiliary item is an alpha plane.
    pub fn is_alpha(&self, item: &Item) -> bool {
        self.properties_of(item).any(|p| *p == Property::Alpha)
    }

    /// What `from` refers to with references of this kind.
    pub fn references(&self, from: u32, kind: &Code) -> Vec<u32> {
        self.references
            .iter()
            .filter(|r| r.from == from && &r.kind == kind)
            .flat_map(|r| r.to.iter().copied())
            .collect()
    }

    /// Items that refer to `to` with references of this kind.
    pub fn referring(&self, to: u32, kind: &Code) -> impl Iterator<Item = &Item> {
        self.references
            .iter()
            .filter(move |r| &r.kind == kind && r.to.contains(&to))
            .filter_map(|r| self.get(r.from))
    }

    /// A grid item's own data.
    pub fn grid(&self, source: &Source, item: &Item) -> Result<Grid, Fault> {
        let bytes = self.data(source, item, 64)?;
        let mut b = Bytes { data: &bytes, at: 0 };
        let _version = b.u8()?;
        let wide = b.u8()? & 1 == 1;
        let (rows, columns) = (u32::from(b.u8()?) + 1, u32::from(b.u8()?) + 1);
        let mut side = || if wide { b.u32() } else { b.u16().map(u32::from) };
        Ok(Grid { rows, columns, width: side()?, height: side()? })
    }

    /// The positions and lengths of an item's bytes in the file, which may be beyond its end. `None` if they
    /// are not stored in a single place.
    pub fn places(&self, source: &Source, item: &Item) -> Option<Vec<(u64, u64)>> {
        let (base, end) = match (item.method, self.idat) {
            (0, _) => (0, source.len()),
            (1, Some((at, len))) => (at, at.saturating_add(len)),
            _ => return None,
        };
        let place = |&(at, len): &(u64, u64)| {
            let at = base.checked_add(at)?;
            // A length of 0 means "to the end".
            Some((at, if len == 0 { end.saturating_sub(at) } else { len }))
        };
        item.extents.iter().map(place).collect()
    }

    /// An item's bytes, at most `limit` of them.
    fn data(&self, source: &Source, item: &Item, limit: usize) -> Result<Vec<u8>, Fault> {
        let base = match (item.method, self.idat) {
            (0, _) => 0,
            (1, Some((at, _))) => at,
            _ => return Err(Fault::corrupt("an item's bytes are nowhere")),
        };
        let mut out = Vec::new();
        for (at, len) in &item.extents {
            let len = (*len).min((limit - out.len()) as u64) as usize;
            let at = base.checked_add(*at).ok_or_else(|| Fault::corrupt("an item lies beyond the file"))?;
            out.extend(source.slice(at, len)?);
        }
        Ok(out)
    }

    fn read_iinf(&mut self, b: &mut Bytes<'_>) -> Result<(), Fault> {
        let version = b.version()?;
        if version == 0 {
            b.skip(2)?
        } else {
            b.skip(4)?
        }
        while let Some((kind, body, _)) = b.next_box()? {
            if &kind != b"infe" {
                continue;
            }
            let mut e = Bytes { data: body, at: 0 };
            let version = e.version()?;
            if version < 2 {
                continue; // A type of before HEIF.
            }
            let id = if version == 2 { u32::from(e.u16()?) } else { e.u32()? };
            let protected = e.u16()? != 0;
            let kind = e.code()?;
            let item = self.item_mut(id)?;
            item.protected = protected;
            item.kind = kind;
        }
        Ok(())
    }

    fn read_iloc(&mut self, b: &mut Bytes<'_>) -> Result<(), Fault> {
        let version = b.version()?;
        let sizes = b.u16()?;
        let (offset_size, length_size) = (sizes >> 12, sizes >> 8 & 15);
        let (base_size, index_size) = (sizes >> 4 & 15, if version > 0 { sizes & 15 } else { 0 });
        let count = if version < 2 { u32::from(b.u16()?) } else { b.u32()? };
        let mut extents = 0;
        for _ in 0..count {
            let id = if version < 2 { u32::from(b.u16()?) } else { b.u32()? };
            let method = if version > 0 { (b.u16()? & 15) as u8 } else { 0 };
            let data_reference = b.u16()?;
            let base = b.sized(base_size)?;
            let n = b.u16()?;
            let item = self.item_mut(id)?;
            // Data in another file is never followed.
            item.method = if data_reference == 0 { method } else { u8::MAX };
            item.extents.clear();
            for _ in 0..n {
                b.sized(index_size)?;
                let offset = b.sized(offset_size)?;
                let length = b.sized(length_size)?;
                let at =
                    base.checked_add(offset).ok_or_else(|| Fault::corrupt("an item lies beyond the file"))?;
                item.extents.push((at, length));
                extents += 1;
                if extents > MAX_EXTENTS {
                    return Err(Fault::corrupt("the HEIF file is cut into absurdly many pieces"));
                }
            }
        }
        Ok(())
    }

    fn read_iref(&mut self, b: &mut Bytes<'_>) -> Result<(), Fault> {
        let wide = b.version()? != 0;
        while let Some((kind, body, _)) = b.next_box()? {
            let mut r = Bytes { data: body, at: 0 };
            let mut id = || if wide { r.u32() } else { r.u16().map(u32::from) };
            let from = id()?;
            let count = r.u16()?;
            self.count_numbers(count.into())?;
            let mut to = Vec::new();
            for _ in 0..count {
                to.push(if wide { r.u32()? } else { u32::from(r.u16()?) });
            }
            if self.references.len() >= MAX_ITEMS {
                return Err(Fault::corrupt("the HEIF file has absurdly many references"));
            }
            self.references.push(Reference { kind, from, to });
        }
        Ok(())
    }

    fn read_iprp(&mut self, b: &mut Bytes<'_>) -> Result<(), Fault> {
        while let Some((kind, body, _)) = b.next_box()? {
            let mut p = Bytes { data: body, at: 0 };
            match &kind {
                b"ipco" => {
                    while let Some((kind, body, _)) = p.next_box()? {
                        if self.properties.len() >= MAX_PROPERTIES {
                            return Err(Fault::corrupt("the HEIF file has absurdly many properties"));
                        }
                        let property = property(kind, body);
                        if let Property::Hvcc(bytes) | Property::Icc(bytes) = &property {
                            self.property_bytes += bytes.len();
                        }
                        if self.property_bytes > MAX_PROPERTY_BYTES {
                            return Err(Fault::corrupt("the HEIF file has absurdly large properties"));
                        }
                        self.properties.push(property);
                    }
                }
                b"ipma" => {
                    let head = p.u32()?;
                    let (version, wide) = (head >> 24, head & 1 == 1);
                    for _ in 0..p.u32()? {
                        let id = if version == 0 { u32::from(p.u16()?) } else { p.u32()? };
                        let n = p.u8()?;
                        self.count_numbers(n.into())?;
                        let item = self.item_mut(id)?;
                        for _ in 0..n {
                            let index = if wide { p.u16()? & 0x7fff } else { u16::from(p.u8()? & 0x7f) };
                            if let Some(index) = usize::from(index).checked_sub(1) {
                                item.properties.push(index);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// One property; a truncated one is treated as unknown.
fn property(kind: Code, body: &[u8]) -> Property {
    let mut b = Bytes { data: body, at: 0 };
    let mut read = || -> Result<Property, Fault> {
        Ok(match &kind {
            b"ispe" => {
                b.skip(4)?;
                Property::Size(b.u32()?, b.u32()?)
            }
            b"hvcC" => Property::Hvcc(body.to_vec()),
            b"uncC" | b"cmpd" | b"cmpC" | b"icef" => Property::Raw(kind, body.to_vec()),
            b"irot" => Property::Rotate(b.u8()? & 3),
            b"imir" => Property::Mirror { left_right: b.u8()? & 1 == 1 },
            b"clap" => {
                let mut numbers = [0i64; 8];
                for (i, n) in numbers.iter_mut().enumerate() {
                    let v = b.u32()?;
                    // Sizes and denominators are unsigned, the offsets' numerators signed.
                    *n = if i == 4 || i == 6 { i64::from(v as i32) } else { i64::from(v) };
                }
                Property::Clap(numbers)
            }
            b"auxC" => {
                b.skip(4)?;
                let name = body[4..].split(|c| *c == 0).next().unwrap_or_default();
                if ALPHA_NAMES.contains(&name) { Property::Alpha } else { Property::Other(kind) }
            }
            b"colr" => match &b.code()? {
                b"nclx" => Property::CodePoints(Cicp {
                    primaries: b.u16()?.try_into().unwrap_or(2),
                    transfer: b.u16()?.try_into().unwrap_or(2),
                    matrix: b.u16()?.try_into().unwrap_or(2),
                    full_range: b.u8()? & 0x80 != 0,
                }),
                b"prof" | b"rICC" if body.len() <= MAX_ICC_BYTES => Property::Icc(body[4..].to_vec()),
                _ => Property::Other(kind),
            },
            _ => Property::Other(kind),
        })
    };
    read().unwrap_or(Property::Other(kind))
}

#[cfg(test)]
mod tests;

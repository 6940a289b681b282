//! HEIF and AVIF: the `meta` box with its items, their properties and extents.
//!
//! Invariants: reads the boxes and the metadata items, no picture data. Width and height are those of the primary
//! item before its transforms; the display size is after clap, irot and imir, as the standard requires.

use super::bmff::{self, boxes};
use super::budget::PACKET;
use super::bytes::{Reader, View};
use super::{Findings, exif, movie};
use std::collections::HashSet;

/// Maximum number of items read: a 200-megapixel picture has 768 tiles, a burst some thousand. The file's budget
/// bounds what is kept of them.
const MAX_ITEMS: usize = 16_384;

/// Metadata items that are read.
const MAX_METADATA_ITEMS: usize = 24;

/// One item: its type, the extents of its bytes, and its properties.
#[derive(Debug, Clone, Default)]
struct Item {
    id: u32,
    kind: [u8; 4],
    content_type: String,
    /// 0: offsets in the file; 1: offsets in `idat`.
    construction: u8,
    extents: Vec<(u64, u64)>,
    /// Indices into the property list, from 0, in the order of application.
    properties: Vec<usize>,
}

/// The parsed `meta` box.
struct Meta<'a> {
    primary: Option<u32>,
    items: Vec<Item>,
    properties: Vec<bmff::Box<'a>>,
    references: Vec<([u8; 4], u32, Vec<u32>)>,
    idat: Option<View<'a>>,
    file: View<'a>,
}

/// The codec of the primary item (for a grid or derived picture, that of its inputs).
pub fn primary_codec(file: View<'_>) -> Option<[u8; 4]> {
    let meta = Meta::open(file, bmff::find(file, b"meta")?.body)?;
    let mut id = meta.primary?;
    for _ in 0..4 {
        let item = meta.item(id)?;
        if !matches!(&item.kind, b"grid" | b"iden" | b"iovl" | b"tmap") {
            return Some(item.kind);
        }
        id = *meta.references.iter().find(|r| &r.0 == b"dimg" && r.1 == item.id)?.2.first()?;
    }
    None
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let file = reader.view();
    let mut sequence = None;
    for b in boxes(file) {
        match &b.kind {
            b"meta" => {
                if let Some(meta) = Meta::open(file, b.body) {
                    meta.read(&mut found);
                }
            }
            b"mini" => drop(read_mini(b.body, &mut found)),
            // An image sequence: its size counts if there is no primary item.
            b"moov" => sequence = Some(b.body),
            // Samsung's and Google's embedded movie.
            b"mpvd" => found.embedded_video = Some((b.body.base(), b.body.len())),
            b"uuid" if b.uuid == Some(movie::XMP_UUID) => found.add_xmp(b.body.head(usize::MAX)),
            _ => {}
        }
    }
    if let Some(moov) = sequence {
        let track = movie::read_sequence(moov);
        if found.coded.is_none() {
            found.coded = track.coded;
            found.display = track.display;
        }
        found.movie = track.movie;
    }
    found
}

/// The short form for small pictures: a bit-packed header with size, rotation and the lengths of the following parts;
/// EXIF and XMP come last. HDR fields are not supported: they are many, and no file with them was found.
fn read_mini(body: View<'_>, found: &mut Findings) -> Option<()> {
    const HEADER: usize = 64;
    let head = body.head(HEADER);
    let mut at = 0;
    let mut take = |n: usize| -> Option<u32> {
        let bit = |at: usize| head.get(at / 8).map(|b| u32::from(b >> (7 - at % 8) & 1));
        let value = (at..at + n).try_fold(0, |v, at| Some(v << 1 | bit(at)?));
        at += n;
        value
    };
    if take(2)? != 0 {
        return None;
    }
    let mut flag = || take(1).map(|v| v == 1);
    let (codec, float, _full_range, alpha) = (flag()?, flag()?, flag()?, flag()?);
    let (code_points, hdr, icc, exif, xmp) = (flag()?, flag()?, flag()?, flag()?, flag()?);
    let chroma = take(2)?;
    let orientation = take(3)? as u8 + 1;
    let n = if take(1)? == 1 { 15 } else { 7 };
    let (width, height) = (take(n)? + 1, take(n)? + 1);
    found.coded = Some((width, height));
    found.display = Some(if orientation >= 5 { (height, width) } else { (width, height) });
    if hdr {
        return None;
    }
    take(match chroma {
        1 => 2,
        2 => 1,
        _ => 0,
    })?;
    if float {
        take(2)?;
    } else if take(1)? == 1 {
        take(3)?;
    }
    take(usize::from(alpha))?;
    if code_points {
        found.transfer = Some((take(16)? & 0xFF) as u16);
        take(8)?;
    }
    if codec {
        take(32)?;
        take(32)?;
    }
    let metadata = if (icc || exif || xmp) && take(1)? == 1 { 20 } else { 10 };
    let config = if take(1)? == 1 { 12 } else { 3 };
    let data = if take(1)? == 1 { 28 } else { 15 };
    if icc {
        take(metadata)?;
    }
    take(config)?;
    take(data)?;
    if alpha && take(data)? > 0 {
        take(config)?;
    }
    let is_packed = (exif || xmp) && take(1)? == 1;
    let exif_length = if exif { u64::from(take(metadata)?) + 1 } else { 0 };
    let xmp_length = if xmp { u64::from(take(metadata)?) + 1 } else { 0 };
    if is_packed {
        return None;
    }
    let xmp_at = body.len().checked_sub(xmp_length)?;
    if exif {
        found.add_exif(exif::read(body.part(xmp_at.checked_sub(exif_length)?, exif_length)));
    }
    if xmp {
        found.add_xmp(body.from(xmp_at).head(PACKET));
    }
    Some(())
}

impl<'a> Meta<'a> {
    fn open(file: View<'a>, body: View<'a>) -> Option<Meta<'a>> {
        let mut meta = Meta {
            primary: None,
            items: Vec::new(),
            properties: Vec::new(),
            references: Vec::new(),
            idat: None,
            file,
        };
        let body = body.from(4);
        for b in boxes(body) {
            match &b.kind {
                b"pitm" => {
                    let (version, _, v) = b.full()?;
                    meta.primary = if version == 0 { v.be16(0).map(u32::from) } else { v.be32(0) };
                }
                b"iinf" => meta.read_infos(&b),
                b"idat" => meta.idat = Some(b.body),
                b"iref" => meta.read_references(&b),
                _ => {}
            }
        }
        // Extents and properties refer to items, in any order of the boxes.
        for b in boxes(body) {
            match &b.kind {
                b"iloc" => {
                    meta.read_locations(&b);
                }
                b"iprp" => meta.read_properties(b.body),
                _ => {}
            }
        }
        Some(meta)
    }

    fn item(&self, id: u32) -> Option<&Item> {
        self.items.iter().find(|i| i.id == id)
    }

    fn read_infos(&mut self, b: &bmff::Box<'a>) {
        let Some((version, _, v)) = b.full() else { return };
        for e in boxes(v.from(if version == 0 { 2 } else { 4 })).take(MAX_ITEMS) {
            let Some((version, _, v)) = e.full() else { continue };
            if &e.kind != b"infe" || version < 2 {
                continue;
            }
            let (id, at) = if version == 2 { (v.be16(0).map(u32::from), 4) } else { (v.be32(0), 6) };
            let (Some(id), Some(kind)) = (id, v.array::<4>(at)) else { continue };
            let mut content_type = String::new();
            if &kind == b"mime" {
                // The item's name, then the content type, each ended by a NUL.
                let rest = v.from(at + 4).head(256);
                content_type = rest
                    .split(|&b| b == 0)
                    .nth(1)
                    .map(|s| String::from_utf8_lossy(s).into_owned())
                    .unwrap_or_default();
            }
            if !self.file.budget().take(2 * size_of::<Item>() + content_type.len()) {
                break;
            }
            self.items.push(Item { id, kind, content_type, ..Item::default() });
        }
        self.items.sort_by_key(|i| i.id);
    }

    fn slot(&mut self, id: u32) -> Option<&mut Item> {
        let i = self.items.binary_search_by_key(&id, |i| i.id).ok()?;
        self.items.get_mut(i)
    }

    fn read_locations(&mut self, b: &bmff::Box<'a>) -> Option<()> {
        let (version, _, v) = b.full()?;
        let sizes = v.be16(0)?;
        let size = |shift: u32| u64::from(sizes >> shift & 15);
        let (offset_size, length_size, base_size) = (size(12), size(8), size(4));
        let index_size = if version == 1 || version == 2 { size(0) } else { 0 };
        let number = |at: &mut u64, size: u64| -> Option<u64> {
            let value = match size {
                0 => Some(0),
                2 => v.be16(*at).map(u64::from),
                4 => v.be32(*at).map(u64::from),
                8 => v.be64(*at),
                _ => None,
            };
            *at += size;
            value
        };
        let wide = if version < 2 { 2 } else { 4 };
        let mut at = 2;
        let count = number(&mut at, wide)?;
        for _ in 0..count.min(MAX_ITEMS as u64) {
            let id = number(&mut at, wide)? as u32;
            let construction =
                if index_size > 0 || version > 0 { (number(&mut at, 2)? & 15) as u8 } else { 0 };
            at += 2; // data reference
            let base = number(&mut at, base_size)?;
            let extents = number(&mut at, 2)?;
            let mut list = Vec::new();
            for _ in 0..extents {
                number(&mut at, index_size)?;
                let offset = number(&mut at, offset_size)?;
                let length = number(&mut at, length_size)?;
                // An extent may take no bytes in the file.
                if !self.file.budget().take_one::<(u64, u64)>() {
                    return None;
                }
                list.push((base.checked_add(offset)?, length));
            }
            if let Some(item) = self.slot(id) {
                item.construction = construction;
                item.extents = list;
            }
        }
        Some(())
    }

    fn read_properties(&mut self, iprp: View<'a>) {
        if let Some(ipco) = bmff::find(iprp, b"ipco") {
            let budget = self.file.budget();
            self.properties = boxes(ipco.body).take_while(|_| budget.take_one::<bmff::Box<'_>>()).collect();
        }
        for b in boxes(iprp).filter(|b| &b.kind == b"ipma") {
            self.read_associations(&b);
        }
    }

    fn read_associations(&mut self, b: &bmff::Box<'a>) -> Option<()> {
        let (version, flags, v) = b.full()?;
        let count = v.be32(0)?;
        let mut at = 4;
        for _ in 0..count.min(MAX_ITEMS as u32) {
            let id = if version < 1 { v.be16(at).map(u32::from) } else { v.be32(at) }?;
            at += if version < 1 { 2 } else { 4 };
            let n = v.u8(at)?;
            at += 1;
            let mut list = Vec::new();
            for _ in 0..n {
                // The top bit means that the property is essential.
                let index = if flags & 1 == 1 { v.be16(at)? & 0x7FFF } else { u16::from(v.u8(at)? & 0x7F) };
                at += if flags & 1 == 1 { 2 } else { 1 };
                if index > 0 {
                    if !self.file.budget().take_one::<usize>() {
                        return None;
                    }
                    list.push(usize::from(index) - 1);
                }
            }
            if let Some(item) = self.slot(id) {
                item.properties.extend(list);
            }
        }
        Some(())
    }

    fn read_references(&mut self, b: &bmff::Box<'a>) {
        let Some((version, _, v)) = b.full() else { return };
        let wide = if version == 0 { 2 } else { 4 };
        let id = |v: View<'_>, at: u64| if wide == 2 { v.be16(at).map(u32::from) } else { v.be32(at) };
        for r in boxes(v) {
            let (Some(from), Some(n)) = (id(r.body, 0), r.body.be16(wide)) else { continue };
            let budget = self.file.budget();
            let to = (0..u64::from(n)).map_while(|i| id(r.body, wide + 2 + i * wide));
            let to: Vec<u32> = to.take_while(|_| budget.take_one::<u32>()).collect();
            if !budget.take_one::<([u8; 4], u32, Vec<u32>)>() {
                break;
            }
            self.references.push((r.kind, from, to));
        }
    }

    /// The bytes of an item, put together from its extents.
    fn bytes(&self, item: &Item) -> Option<Vec<u8>> {
        let home = match item.construction {
            0 => self.file,
            1 => self.idat?,
            _ => return None,
        };
        let len = |&(at, len): &(u64, u64)| if len == 0 { home.from(at) } else { home.part(at, len) }.len();
        let whole = item.extents.iter().map(len).fold(0u64, u64::saturating_add);
        if whole > PACKET as u64 {
            return None;
        }
        let mut out = Vec::with_capacity(whole as usize);
        for &(at, len) in &item.extents {
            // Length 0 means "to the end".
            let part = if len == 0 { home.from(at) } else { home.part(at, len) };
            out.extend(part.head(usize::MAX));
        }
        Some(out)
    }

    fn read(&self, found: &mut Findings) {
        let primary = self.primary.or_else(|| self.items.first().map(|i| i.id));
        if let Some(item) = primary.and_then(|id| self.item(id)) {
            self.read_geometry(item, found);
        }
        // Metadata that describes the primary item first: pictures with thumbnails may have several.
        let of_primary = self
            .references
            .iter()
            .filter(|(kind, _, to)| kind == b"cdsc" && primary.is_some_and(|p| to.contains(&p)));
        let describing: HashSet<u32> = of_primary.map(|(_, from, _)| *from).collect();
        let mut metadata: Vec<&Item> =
            self.items.iter().filter(|i| matches!(&i.kind, b"Exif" | b"mime")).collect();
        metadata.sort_by_key(|i| !describing.contains(&i.id));
        for item in metadata.into_iter().take(MAX_METADATA_ITEMS) {
            if &item.kind == b"Exif" {
                if let Some(bytes) = self.bytes(item) {
                    found.add_exif(exif_item(bytes));
                }
            } else if item.content_type.eq_ignore_ascii_case("application/rdf+xml")
                && let Some(bytes) = self.bytes(item)
            {
                found.add_xmp(bytes);
            }
        }
        for item in &self.items {
            if &item.kind == b"tmap" {
                found.iso_gain_map = true;
            }
            for p in item.properties.iter().filter_map(|&i| self.properties.get(i)) {
                if &p.kind == b"auxC"
                    && let Some((_, _, v)) = p.full()
                    && v.head(64).starts_with(b"urn:com:apple:photo:2020:aux:hdrgainmap")
                {
                    found.apple_gain_map = true;
                }
            }
        }
    }

    /// Size and transforms of an item, in the order of its associations.
    fn read_geometry(&self, item: &Item, found: &mut Findings) {
        let mut size = None;
        let own = || item.properties.iter().filter_map(|&i| self.properties.get(i));
        for p in own() {
            if &p.kind == b"ispe"
                && let Some((_, _, v)) = p.full()
                && let (Some(w), Some(h)) = (v.be32(0), v.be32(4))
            {
                size = Some((w, h));
            }
        }
        if size.is_none() {
            // Invalid associations: use the largest of all sizes.
            let sizes = self.properties.iter().filter(|p| &p.kind == b"ispe").filter_map(|p| {
                let (_, _, v) = p.full()?;
                v.be32(0).zip(v.be32(4))
            });
            size = sizes.max_by_key(|s| u64::from(s.0) * u64::from(s.1));
        }
        found.coded = size.filter(|s| s.0 > 0 && s.1 > 0);
        let Some((mut w, mut h)) = found.coded else { return };
        for p in own() {
            match &p.kind {
                b"clap" => {
                    let whole = |at: u64| {
                        let (n, d) = (p.body.be32(at)?, p.body.be32(at + 4)?);
                        (d != 0).then(|| n / d)
                    };
                    if let (Some(cw), Some(ch)) = (whole(0), whole(8))
                        && cw > 0
                        && ch > 0
                        && cw <= w
                        && ch <= h
                    {
                        (w, h) = (cw, ch);
                    }
                }
                b"irot" if p.body.u8(0).is_some_and(|a| a & 1 == 1) => (w, h) = (h, w),
                b"colr" if p.body.array::<4>(0) == Some(*b"nclx") => {
                    found.transfer = p.body.be16(6);
                }
                _ => {}
            }
        }
        found.display = Some((w, h));
    }
}

/// An EXIF item begins with the distance from there to the TIFF header. Some writers leave that out or get it
/// wrong: then the header is searched for.
pub fn exif_item(mut bytes: Vec<u8>) -> Option<exif::Exif> {
    let said = bytes.get(..4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let is_tiff =
        |at: usize| bytes.get(at..).is_some_and(|b| b.starts_with(b"II*\0") || b.starts_with(b"MM\0*"));
    let at = said
        .and_then(|n| n.checked_add(4))
        .filter(|&n| is_tiff(n))
        .or_else(|| (0..bytes.len().min(64)).find(|&n| is_tiff(n)))?;
    bytes.drain(..at);
    let reader = Reader::from_bytes(bytes);
    exif::read(reader.view())
}

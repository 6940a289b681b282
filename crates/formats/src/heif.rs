//! HEIF and AVIF: facts and metadata out of the items of the `meta` box.
//!
//! Invariants: reads the boxes and the metadata items, no picture data. Width and height are those of the primary
//! item before its transforms; the display size is after clap, irot and imir, as the standard requires.

pub mod geometry;
pub mod items;
mod mini;
#[cfg(test)]
mod tests;

use super::bmff::boxes;
use super::budget::PACKET;
use super::bytes::{Reader, View};
use super::{Findings, exif, movie};
use albumen_core::vocabulary::Format;
use items::{Code, Item, Items, Property};
use std::collections::HashSet;

/// Metadata items that are read.
const MAX_METADATA_ITEMS: usize = 24;

/// Major brands of a file of any codec.
const STRUCTURAL_BRANDS: &[&Code] = &[
    b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"avci", b"avcs", b"jpeg", b"jpgs", b"j2ki", b"vvic",
    b"unif",
];

/// The structure of a file for its decoder.
#[derive(Debug, Clone, PartialEq)]
pub enum Structure {
    /// Pictures as items.
    Items(Items),
    /// The short form, or tables with an error: only libheif may be able to read it.
    Unknown,
    /// No picture item: a sequence.
    Sequence,
}

/// Whether a major brand leaves the codec open; [`read`] then returns the format.
pub fn is_structural(major: &Code) -> bool {
    STRUCTURAL_BRANDS.contains(&major)
}

pub fn read(reader: &Reader) -> Findings {
    let (mut found, structure) = read_file(reader);
    found.container.heif = Some(structure);
    found
}

/// The structure alone.
pub fn structure(reader: &Reader) -> Structure {
    read_file(reader).1
}

fn read_file(reader: &Reader) -> (Findings, Structure) {
    let mut found = Findings::default();
    let file = reader.view();
    let (mut items, mut is_short, mut sequence) = (None, false, None);
    for b in boxes(file) {
        match &b.kind {
            b"meta" if items.is_none() => {
                let read = Items::read(file, &b);
                read_items(&read, file, &mut found);
                items = Some(read);
            }
            b"mini" => {
                is_short = true;
                mini::read(b.body, &mut found);
            }
            // An image sequence: its size counts if there is no primary item.
            b"moov" => sequence = Some(b.body),
            // Samsung's and Google's embedded movie.
            b"mpvd" => found.embedded_video = Some((b.body.base(), b.body.len())),
            b"uuid" if b.uuid == Some(movie::XMP_UUID) => found.add_xmp(b.body.head(usize::MAX)),
            _ => {}
        }
    }
    if file.array::<4>(8).is_some_and(|major| is_structural(&major)) {
        found.format = items.as_ref().and_then(codec).map(|kind| match &kind {
            b"hvc1" | b"hev1" | b"lhv1" => Format::Heic,
            b"av01" => Format::Avif,
            _ => Format::Heif,
        });
    }
    if let Some(moov) = sequence {
        let track = movie::read_sequence(moov);
        if found.coded.is_none() {
            found.coded = track.coded;
            found.display = track.display;
        }
        found.movie = track.movie;
    }
    let structure = match items {
        Some(items) if !items.is_whole() => Structure::Unknown,
        Some(items) if items.has_primary() => Structure::Items(items),
        None if is_short => Structure::Unknown,
        _ => Structure::Sequence,
    };
    (found, structure)
}

/// The codec of the primary item; for a grid or derived picture, that of its inputs.
fn codec(items: &Items) -> Option<Code> {
    const MAX_DEPTH: usize = 4;
    let mut item = items.primary()?;
    for _ in 0..MAX_DEPTH {
        if !matches!(&item.kind, b"grid" | b"iden" | b"iovl" | b"tmap") {
            return Some(item.kind);
        }
        item = items.references(item.id, b"dimg").next().and_then(|id| items.get(id))?;
    }
    None
}

fn read_items(items: &Items, file: View<'_>, found: &mut Findings) {
    let primary = if items.has_primary() { items.primary() } else { items.all().first() };
    if let Some(item) = primary {
        read_geometry(items, item, found);
    }
    // Metadata that describes the primary item first: pictures with thumbnails may have several.
    let describing: HashSet<u32> =
        primary.iter().flat_map(|item| items.referring(item.id, b"cdsc")).map(|item| item.id).collect();
    let mut metadata: Vec<&Item> = items.all().iter().filter(|i| &i.kind == b"Exif" || i.is_xmp).collect();
    metadata.sort_by_key(|i| !describing.contains(&i.id));
    for item in metadata.into_iter().take(MAX_METADATA_ITEMS) {
        let Some(bytes) = items.bytes(file, item, PACKET) else { continue };
        if item.is_xmp {
            found.add_xmp(bytes);
        } else {
            found.add_exif(exif_item(bytes));
        }
    }
    for item in items.all() {
        found.iso_gain_map |= &item.kind == b"tmap";
        found.apple_gain_map |= items.properties_of(item).any(|p| *p == Property::AppleGainMap);
    }
}

/// Size and transforms of an item.
fn read_geometry(items: &Items, item: &Item, found: &mut Findings) {
    // Invalid associations: use the largest of all sizes.
    let largest = || {
        let sizes = items.properties().iter().filter_map(Property::size);
        sizes.max_by_key(|(w, h)| u64::from(*w) * u64::from(*h))
    };
    found.coded = items.size_of(item).or_else(largest);
    let Some((width, height)) = found.coded else { return };
    let (crop, orientation) = geometry::fold(width, height, items.properties_of(item));
    let is_turned = orientation >= 5;
    found.display = Some(if is_turned { (crop.height, crop.width) } else { (crop.width, crop.height) });
    found.transfer = items.properties_of(item).find_map(|p| match p {
        Property::CodePoints(points) => Some(points.transfer),
        _ => None,
    });
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

//! HEVC pictures and grids of HEVC tiles, read from the file into one FFmpeg decoder.
//!
//! Promises: no more than a row of tiles and the small result is in memory; tiles outside of the crop are not
//! decoded; missing or broken tiles stay grey and are counted. [`plan`] returns `None` for pictures outside
//! of the plain case (one codec configuration, bytes in the file itself, no alpha); libheif decodes these. A
//! picture that is predicted from others (`pred`) is decoded after them.

use super::tiles::TileRow;
use super::transforms;
use crate::decode::colour::{Cicp, cicp::UNSPECIFIED};
use crate::decode::ffmpeg::{Decoder, Frame, Packet};
use crate::decode::planes::{Band, Chroma, Crop, Format, Shrinker};
use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Admission;
use albumen_formats::heif::items::{Extent, Grid, Home, Item, Items, Property};
use ffmpeg_next::ffi;

/// FFmpeg's memory for one coded picture, as a multiple of the picture's bytes: the frame, its motion and
/// filter tables, and the compressed bytes. Measured with an untiled 51-megapixel picture.
const DECODER_COST: f64 = 2.4;

/// The maximum number of pictures that another may be predicted from: the size of HEVC's decoded picture
/// buffer.
const MAX_BEFORE: usize = 16;

/// How the picture is decoded.
pub(super) struct Plan<'a> {
    configuration: Vec<u8>,
    /// Bytes of the length before each unit of the coded data.
    length_size: usize,
    tiles: Vec<&'a Item>,
    /// Pictures that the only tile is predicted from, in the order in which they are decoded.
    before: Vec<&'a Item>,
    columns: u32,
    /// Of one tile, by its `ispe`.
    tile: (u32, u32),
    /// Of the whole picture, before transforms.
    size: (u32, u32),
    crop: Crop,
    orientation: Orientation,
    cicp: Option<Cicp>,
    icc: Option<Vec<u8>>,
}

/// The plan for the primary item, or `None` if libheif has to decode it.
pub(super) fn plan<'a>(source: &Source, items: &'a Items) -> Result<Option<Plan<'a>>, Fault> {
    let Some(primary) = items.shown() else { return Ok(None) };
    // Depth maps and gain maps are auxiliary, too, but not needed for the picture itself; alpha is.
    if items.referring(primary.id, b"auxl").any(|aux| items.is_alpha(aux)) {
        return Ok(None);
    }
    let Some(size) = items.size_of(primary) else { return Ok(None) };
    let before = items.references(primary.id, b"pred");
    let before = before.map(|id| items.get(id)).collect::<Option<Vec<_>>>();
    let Some(before) = before.filter(|b| b.len() <= MAX_BEFORE) else { return Ok(None) };
    let (tiles, columns, tile) = match &primary.kind {
        b"hvc1" | b"hev1" => (vec![primary], 1, size),
        b"grid" => {
            let Some(grid) = items.grid() else { return Ok(None) };
            let ids: Vec<u32> = items.references(primary.id, b"dimg").collect();
            let Some(found) = tiles_of(items, &grid, &ids) else { return Ok(None) };
            let Some(tile) = items.size_of(found[0]) else { return Ok(None) };
            if (grid.width, grid.height) != size {
                return Ok(None);
            }
            (found, grid.columns, tile)
        }
        _ => return Ok(None),
    };
    if tiles.len() > 1 && (tile.0 % 2 == 1 || tile.1 % 2 == 1) {
        return Ok(None); // Chroma samples would extend across two tiles.
    }
    let rows = tiles.len() as u64 / u64::from(columns);
    let covered = (u64::from(tile.0) * u64::from(columns), u64::from(tile.1) * rows);
    if covered.0 < u64::from(size.0) || covered.1 < u64::from(size.1) {
        return Err(Fault::corrupt("its tiles do not cover the picture"));
    }
    let all: Vec<&Item> = tiles.iter().chain(&before).copied().collect();
    let Some((configuration, length_size)) = common_configuration(source, items, &all)? else {
        return Ok(None);
    };
    // Only the tiles may state the colour of a grid.
    let (mut cicp, mut icc) = (None, None);
    for property in items.properties_of(primary).chain(items.properties_of(tiles[0])) {
        match property {
            Property::CodePoints(points) => cicp = cicp.or(Some(Cicp::from(*points))),
            Property::Icc(place) => icc = icc.or(Some(*place)),
            _ => {}
        }
    }
    let icc = icc.map(|(at, length)| source.slice(at, length as usize)).transpose()?;
    let (crop, orientation) = transforms(size, items.properties_of(primary));
    Ok(Some(Plan {
        configuration,
        length_size,
        tiles,
        before,
        columns,
        tile,
        size,
        crop,
        orientation,
        cicp,
        icc,
    }))
}

/// The tiles of a grid, if all are plain HEVC.
fn tiles_of<'a>(items: &'a Items, grid: &Grid, ids: &[u32]) -> Option<Vec<&'a Item>> {
    if ids.len() as u64 != u64::from(grid.rows) * u64::from(grid.columns) {
        return None;
    }
    let tiles: Vec<&Item> = ids.iter().map(|id| items.get(*id)).collect::<Option<_>>()?;
    let same_size = |item: &Item| items.properties_of(item).find(|p| matches!(p, Property::Size(..)));
    let size = same_size(tiles.first()?)?;
    let plain = tiles.iter().all(|t| {
        matches!(&t.kind, b"hvc1" | b"hev1")
            && same_size(t) == Some(size)
            && !items
                .properties_of(t)
                .any(|p| matches!(p, Property::Clap(_) | Property::Mirror { .. } | Property::Rotate(1..)))
    });
    plain.then_some(tiles)
}

/// The decoder configuration of all tiles and the length of their units' lengths, if they share one and their bytes are
/// in the file itself.
fn common_configuration(
    source: &Source,
    items: &Items,
    tiles: &[&Item],
) -> Result<Option<(Vec<u8>, usize)>, Fault> {
    let is_plain = |tile: &&Item| tile.home == Home::File && !tile.is_protected && !tile.extents.is_empty();
    if !tiles.iter().all(is_plain) {
        return Ok(None);
    }
    let of = |item: &&Item| {
        items.properties_of(item).find_map(|p| match p {
            Property::Hevc { record, length_size } => Some((*record, usize::from(*length_size))),
            _ => None,
        })
    };
    let Some(mut records) = tiles.iter().map(of).collect::<Option<Vec<_>>>() else { return Ok(None) };
    // Files with a property for each tile repeat the same bytes.
    records.sort_unstable();
    records.dedup();
    let read = |(at, length): Extent| source.slice(at, length as usize);
    let (first, length_size) = records[0];
    let configuration = read(first)?;
    for (record, _) in &records[1..] {
        if read(*record)? != configuration {
            return Ok(None);
        }
    }
    Ok(Some((configuration, length_size)))
}

/// The destination of tiles.
struct Sink {
    chroma: Chroma,
    depth: u8,
    shrinker: Shrinker,
    /// The row of tiles that is being filled; none for a picture of one tile, whose frame is passed on
    /// unchanged.
    tiles: Option<TileRow>,
}

/// Decodes by a plan. `None` if nothing can be decoded, or the first tile contradicts the file's tables.
pub(super) fn decode(
    source: &Source,
    plan: &Plan<'_>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Option<Pixels>, Fault> {
    let upright = plan.orientation.size((plan.crop.width, plan.crop.height));
    let fitted = fit(upright.0, upright.1);
    let size = plan.orientation.size((fitted.0.max(1), fitted.1.max(1)));

    // The tiles inside the crop.
    let first_column = plan.crop.x / plan.tile.0;
    let last_column = (plan.crop.x + plan.crop.width - 1) / plan.tile.0;
    let first_row = plan.crop.y / plan.tile.1;
    let last_row = (plan.crop.y + plan.crop.height - 1) / plan.tile.1;
    let columns = last_column - first_column + 1;

    // The usual format; admitted again after the decoder has reported the actual one.
    let assumed = format_of(plan, Chroma::C420, 8, columns, first_row, last_row);
    admission.admit(cost(plan, assumed, size))?;

    let max_pixels = (i64::from(plan.tile.0) + 256) * (i64::from(plan.tile.1) + 256);
    let Ok(mut decoder) = Decoder::open(ffi::AVCodecID::AV_CODEC_ID_HEVC, &plan.configuration, max_pixels)
    else {
        return Ok(None);
    };
    let mut packet = Packet::new()?;
    let mut frame = Frame::new()?;
    let mut sink: Option<Sink> = None;
    let (mut lost, mut rows_without) = (0u32, 0u32);

    for row in first_row..=last_row {
        for column in first_column..=last_column {
            let item = plan.tiles[(row * plan.columns + column) as usize];
            for item in &plan.before {
                if read_item(source, item, plan.length_size, &mut packet)?.is_some()
                    && decoder.send(Some(&packet))
                {
                    while decoder.receive(&mut frame) {}
                }
            }
            let whole = read_item(source, item, plan.length_size, &mut packet)?;
            // A truncated tile of several is not decoded.
            let decoded = (whole == Some(true) || whole.is_some() && plan.tiles.len() == 1)
                && if plan.before.is_empty() {
                    decoder.decode_alone(&packet, &mut frame)
                } else {
                    decoder.decode_last(&packet, &mut frame)?
                };
            if !decoded {
                lost += 1;
                continue;
            }
            lost += u32::from(frame.is_damaged() || whole == Some(false));
            let Some(format) = frame.format().filter(|f| f.width >= plan.tile.0 && f.height >= plan.tile.1)
            else {
                return if sink.is_none() {
                    Ok(None)
                } else {
                    Err(Fault::corrupt("its tiles differ in size"))
                };
            };
            let sink = match &mut sink {
                Some(sink) => sink,
                None => {
                    let whole = format_of(plan, format.chroma, format.depth, columns, first_row, last_row);
                    admission.admit(cost(plan, whole, size))?;
                    let crop = Crop {
                        x: plan.crop.x - first_column * plan.tile.0,
                        y: plan.crop.y - first_row * plan.tile.1,
                        ..plan.crop
                    };
                    let cicp = code_points(plan, &frame, format.chroma);
                    let mut shrinker = Shrinker::new(whole, crop, size, cicp);
                    let tiles = (plan.tiles.len() > 1).then(|| TileRow::new(whole, plan.tile));
                    if let Some(grey) = &tiles {
                        (0..rows_without).for_each(|_| shrinker.push(&grey.band()));
                    }
                    sink.insert(Sink { chroma: format.chroma, depth: format.depth, shrinker, tiles })
                }
            };
            if (format.chroma, format.depth) != (sink.chroma, sink.depth) {
                return Err(Fault::corrupt("its tiles differ in their pixel format"));
            }
            let Some(band) = frame.band() else {
                lost += 1;
                continue;
            };
            match &mut sink.tiles {
                Some(tiles) => tiles.put(column - first_column, &band.planes),
                None => sink.shrinker.push(&Band { rows: plan.tile.1, ..band }),
            }
        }
        match &mut sink {
            Some(Sink { shrinker, tiles: Some(tiles), .. }) => {
                shrinker.push(&tiles.band());
                // A tile that is missing in the next row must not show this one's pixels.
                tiles.clear();
            }
            Some(_) => {}
            None => rows_without += 1,
        }
    }
    let Some(sink) = sink else { return Ok(None) };
    drop((decoder, frame, packet, sink.tiles));
    let mut pixels = sink.shrinker.finish(plan.icc.as_deref(), plan.orientation);
    let all = (last_row - first_row + 1) * columns;
    if lost > 0 {
        pixels.damaged = Some(match all {
            1 => "a part of the picture could not be decoded".into(),
            _ => format!("{} of {all} tiles could not be decoded", lost),
        });
    }
    Ok(Some(pixels))
}

/// The format of the picture made of the shown tiles.
fn format_of(
    plan: &Plan<'_>,
    chroma: Chroma,
    depth: u8,
    columns: u32,
    first_row: u32,
    last_row: u32,
) -> Format {
    let first_column = plan.crop.x / plan.tile.0;
    Format {
        width: (columns * plan.tile.0).min(plan.size.0 - first_column * plan.tile.0),
        height: ((last_row - first_row + 1) * plan.tile.1).min(plan.size.1 - first_row * plan.tile.1),
        chroma,
        depth,
    }
}

/// Bytes in use at the peak.
fn cost(plan: &Plan<'_>, format: Format, size: (u32, u32)) -> u64 {
    let tile = Format { width: plan.tile.0, height: plan.tile.1, ..format };
    let decoder = (tile.bytes_per_row() * u64::from(tile.height)) as f64 * DECODER_COST;
    let staging =
        if format.width > plan.tile.0 { format.bytes_per_row() * u64::from(plan.tile.1) } else { 0 };
    decoder as u64 + staging + Shrinker::cost(format, size)
}

/// Reads an item's bytes into the packet; returns whether they are complete, `None` if there are none. A
/// truncated file gives the bytes up to its end.
fn read_item(
    source: &Source,
    item: &Item,
    length_size: usize,
    packet: &mut Packet,
) -> Result<Option<bool>, Fault> {
    let there = |&(at, len): &(u64, u64)| len.min(source.len().saturating_sub(at)) as usize;
    // A length of 0 means "to the end of the file".
    let extents: Vec<(u64, u64)> =
        item.extents.iter().map(|&(at, len)| (at, if len == 0 { u64::MAX } else { len })).collect();
    let total = extents.iter().map(there).try_fold(0usize, |sum, n| sum.checked_add(n));
    let Some(total) = total.filter(|n| *n as u64 <= source.len()) else {
        return Err(Fault::corrupt("a tile is longer than the file"));
    };
    if total == 0 {
        return Ok(None);
    }
    let whole = item.extents.iter().all(|extent| there(extent) as u64 == extent.1);
    packet.fill(total, |bytes| -> Result<(), Fault> {
        let mut done = 0;
        for extent in &extents {
            let n = there(extent);
            source.read_at(extent.0, &mut bytes[done..done + n])?;
            done += n;
        }
        if !whole {
            shorten_last_unit(bytes, length_size);
        }
        Ok(())
    })?;
    Ok(Some(whole))
}

/// In a truncated file, sets the last unit's length to that of the available bytes: the decoder refuses a
/// unit that is longer than its input, and decodes as much as it can of one that ends too early.
fn shorten_last_unit(bytes: &mut [u8], size: usize) {
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + size) {
        let length = head.iter().fold(0usize, |v, b| v << 8 | usize::from(*b));
        let there = bytes.len() - at - size;
        if length > there {
            let there = there.to_be_bytes();
            bytes[at..at + size].copy_from_slice(&there[there.len() - size..]);
        }
        at = at.saturating_add(size).saturating_add(length);
    }
}

/// The colour of the coded samples. The container has precedence over the codec.
fn code_points(plan: &Plan<'_>, frame: &Frame, chroma: Chroma) -> Cicp {
    let coded = frame.cicp();
    let mut cicp = plan.cicp.unwrap_or(coded);
    for (own, fallback) in [
        (&mut cicp.primaries, coded.primaries),
        (&mut cicp.transfer, coded.transfer),
        (&mut cicp.matrix, coded.matrix),
    ] {
        if *own == UNSPECIFIED {
            *own = fallback;
        }
    }
    // Sony's cameras state limited range in the container of pictures whose own headers correctly state full
    // range.
    cicp.full_range |= coded.full_range;
    // Whether the planes are RGB depends on the codec, not on the container.
    if coded.matrix == 0 || cicp.matrix == 0 && chroma != Chroma::C444 {
        cicp.matrix = coded.matrix;
    }
    cicp
}

//! The compact form of a list: columns of equal length, for grids with thousands of items.

use crate::IndexReader;
use crate::Result;
use rusqlite::OptionalExtension;
use serde::Serialize;

/// Bits of `flags`.
pub mod flag {
    /// A favourite of the requesting account: [`super::Grid::mark`].
    pub const FAVOURITE: u32 = 1;
    /// Live or motion photo.
    pub const MOVES: u32 = 2;
    /// A full spherical panorama.
    pub const SPHERE: u32 = 4;
    pub const HDR: u32 = 8;
    /// A RAW, or a photo with a RAW part.
    pub const RAW: u32 = 16;
    /// There is no thumbnail: not made yet, or render failed.
    pub const NO_THUMBNAIL: u32 = 32;
    pub const DAMAGED: u32 = 64;
}

/// Items as columns; position `n` of each belongs to item `n`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Grid {
    pub ids: Vec<i64>,
    /// Width of the upright picture x 100 / height, 1 to 10,000; 100 if unknown.
    pub aspect: Vec<u32>,
    /// `p` for a photo, `v` for a video.
    pub kind: String,
    /// See [`flag`].
    pub flags: Vec<u32>,
    /// Change with the bytes of the thumbnails.
    pub keys: Vec<u32>,
    /// Runs of items of one day.
    pub days: Vec<(String, u32)>,
    /// Position and seconds of the videos.
    pub durations: Vec<(usize, f64)>,
}

impl Grid {
    /// Sets a flag of some items.
    pub fn mark(&mut self, items: &std::collections::HashSet<i64>, flag: u32) {
        for (id, flags) in self.ids.iter().zip(&mut self.flags) {
            if items.contains(id) {
                *flags |= flag;
            }
        }
    }
}

/// One item of a grid.
struct Cell {
    aspect: u32,
    is_video: bool,
    flags: u32,
    key: u32,
    day: String,
    duration: Option<f64>,
}

/// A tiny picture of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemThumbhash {
    pub item: i64,
    /// As <https://evanw.github.io/thumbhash/> describes it.
    pub thumbhash: Vec<u8>,
}

impl IndexReader {
    /// The columns of some items, in the given order. Items that were removed meanwhile are left out.
    pub fn grid(&self, items: &[i64]) -> Result<Grid> {
        let mut grid = Grid::default();
        for &id in items {
            let Some(cell) = self.cell(id)? else { continue };
            grid.ids.push(id);
            grid.aspect.push(cell.aspect);
            grid.kind.push(if cell.is_video { 'v' } else { 'p' });
            grid.flags.push(cell.flags);
            grid.keys.push(cell.key);
            match grid.days.last_mut() {
                Some((day, count)) if *day == cell.day => *count += 1,
                _ => grid.days.push((cell.day, 1)),
            }
            if let Some(seconds) = cell.duration.filter(|_| cell.is_video) {
                grid.durations.push((grid.ids.len() - 1, seconds));
            }
        }
        Ok(grid)
    }

    /// The key of an item's thumbnails; `None` if it has none.
    pub fn thumbnail_key(&self, item: i64) -> Result<Option<u32>> {
        Ok(self.cell(item)?.filter(|cell| cell.flags & flag::NO_THUMBNAIL == 0).map(|cell| cell.key))
    }

    fn cell(&self, id: i64) -> Result<Option<Cell>> {
        Ok(self.conn
            .prepare_cached(
                "SELECT i.display_width, i.display_height, i.kind, i.is_motion, i.is_360, i.is_hdr, i.format,
                        i.taken_local, i.duration_s,
                        (SELECT path FROM derivatives t WHERE t.content_hash = f.content_hash AND t.name = 'sm'),
                        EXISTS (SELECT 1 FROM files c WHERE c.companion_of = i.file_id AND c.companion_role = 'raw'
                                  AND c.vanished IS NULL),
                        EXISTS (SELECT 1 FROM stage_state s WHERE s.file_id = i.file_id
                                  AND s.stage IN ('inspect', 'render') AND s.state IN ('damaged', 'failed'))
                 FROM items i JOIN files f ON f.id = i.file_id WHERE i.file_id = ?1 AND i.hidden = 0",
            )?
            .query_row([id], |r| {
                let (width, height): (Option<i64>, Option<i64>) = (r.get(0)?, r.get(1)?);
                let format: Option<String> = r.get(6)?;
                let thumbnail: Option<String> = r.get(9)?;
                let is_raw = format.is_some_and(|f| is_raw(&f)) || r.get(10)?;
                let bits = [
                    (r.get(3)?, flag::MOVES),
                    (r.get(4)?, flag::SPHERE),
                    (r.get(5)?, flag::HDR),
                    (is_raw, flag::RAW),
                    (thumbnail.is_none(), flag::NO_THUMBNAIL),
                    (r.get(11)?, flag::DAMAGED),
                ];
                let taken: Option<String> = r.get(7)?;
                Ok(Cell {
                    aspect: aspect(width, height),
                    is_video: r.get::<_, String>(2)? == "video",
                    flags: bits.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | bit),
                    key: thumbnail.map_or(0, |path| key(&path)),
                    day: taken.map_or_else(|| "undated".to_owned(), |t| t.get(..10).unwrap_or(&t).to_owned()),
                    duration: r.get(8)?,
                })
            })
            .optional()?)
    }

    /// ThumbHashes of items that have one.
    pub fn thumbhashes(&self, items: &[i64]) -> Result<Vec<ItemThumbhash>> {
        let mut st = self
            .conn
            .prepare_cached("SELECT thumbhash FROM files WHERE id = ?1 AND thumbhash IS NOT NULL")?;
        let mut out = Vec::new();
        for &id in items {
            out.extend(
                st.query_row([id], |r| r.get(0))
                    .optional()?
                    .map(|thumbhash| ItemThumbhash { item: id, thumbhash }),
            );
        }
        Ok(out)
    }
}

fn is_raw(format: &str) -> bool {
    let format = serde_json::from_value::<albumen_core::vocabulary::Format>(format.into());
    format.is_ok_and(albumen_core::vocabulary::Format::is_raw)
}

fn aspect(width: Option<i64>, height: Option<i64>) -> u32 {
    match (width, height) {
        (Some(w), Some(h)) if w > 0 && h > 0 => u32::try_from((w * 100 / h).clamp(1, 10_000)).unwrap_or(100),
        _ => 100,
    }
}

/// The path of a derivative contains its content, render version and settings: 32 bits of its hash distinguish
/// versions.
fn key(path: &str) -> u32 {
    u32::from_le_bytes(*blake3::hash(path.as_bytes()).as_bytes().first_chunk().expect("32 bytes"))
}

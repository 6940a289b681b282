//! One row of a grid's tiles, joined before it is shrunk as one band.
//!
//! Promises: missing tiles are grey; nothing is written outside of the row, for tiles of any size.

use crate::decode::planes::{Band, Chroma, Format, Plane};

/// The planes of one row of tiles.
pub(super) struct TileRow {
    format: Format,
    /// Tile size in luma samples.
    tile: (u32, u32),
    /// Y, Cb and Cr, and their bytes per row.
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl TileRow {
    /// A grey row across a picture of this format.
    pub(super) fn new(format: Format, tile: (u32, u32)) -> TileRow {
        let bytes = if format.depth > 8 { 2 } else { 1 };
        let (chroma_width, chroma_rows) = match format.chroma {
            Chroma::Monochrome => (0, 0),
            Chroma::Shared { log2_across, log2_down } => {
                (format.width.div_ceil(1 << log2_across), tile.1.div_ceil(1 << log2_down))
            }
        };
        let strides = [format.width, chroma_width, chroma_width].map(|w| w as usize * bytes);
        let rows = [tile.1, chroma_rows, chroma_rows];
        let planes = std::array::from_fn(|i| vec![0; strides[i] * rows[i] as usize]);
        let mut row = TileRow { format, tile, planes, strides };
        row.clear();
        row
    }

    /// Makes all of it grey again.
    pub(super) fn clear(&mut self) {
        let grey = 1u16 << (self.format.depth - 1);
        for plane in &mut self.planes {
            match self.format.depth {
                8 => plane.fill(grey as u8),
                _ => plane.as_chunks_mut::<2>().0.iter_mut().for_each(|s| *s = grey.to_ne_bytes()),
            }
        }
    }

    /// Puts a tile into its column.
    pub(super) fn put(&mut self, column: u32, tile: &[Plane<'_>; 3]) {
        let bytes = if self.format.depth > 8 { 2 } else { 1 };
        for (i, from) in tile.iter().enumerate() {
            let across = match self.format.chroma {
                Chroma::Shared { log2_across, .. } if i > 0 => log2_across,
                _ => 0,
            };
            let stride = self.strides[i];
            let left = ((column as usize * self.tile.0 as usize) >> across) * bytes;
            let width =
                ((self.tile.0 as usize).div_ceil(1 << across) * bytes).min(stride.saturating_sub(left));
            if width == 0 {
                continue;
            }
            for (y, to) in self.planes[i].chunks_exact_mut(stride).enumerate() {
                if let Some(row) = from.data.get(y * from.stride..y * from.stride + width) {
                    to[left..left + width].copy_from_slice(row);
                }
            }
        }
    }

    /// All of it.
    pub(super) fn band(&self) -> Band<'_> {
        let plane = |i: usize| Plane { data: &self.planes[i], stride: self.strides[i] };
        Band { planes: [plane(0), plane(1), plane(2)], alpha: None, rows: self.tile.1 }
    }
}

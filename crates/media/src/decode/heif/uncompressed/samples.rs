//! Reads samples of any number of bits in the order that the layout gives.

use super::{Component, Interleave, Layout, Role, broken};
use albumen_core::fault::Fault;

/// The samples of a picture in the order of the file.
pub(super) struct Samples<'a> {
    pub(super) layout: &'a Layout,
    pub(super) size: (u32, u32),
    pub(super) bytes: &'a [u8],
}

/// Reads bits from the front; beyond the end they are zeros, and `ended` is set.
struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: u64,
    ended: bool,
}

impl Bits<'_> {
    pub(super) fn take(&mut self, n: u32) -> u32 {
        let mut value = 0;
        if self.at.is_multiple_of(8) && n.is_multiple_of(8) {
            for i in 0..u64::from(n / 8) {
                value = value << 8 | u32::from(self.byte(self.at / 8 + i));
            }
        } else {
            for i in 0..u64::from(n) {
                let at = self.at + i;
                value = value << 1 | u32::from(self.byte(at / 8) >> (7 - at % 8) & 1);
            }
        }
        self.at += u64::from(n);
        value
    }

    fn byte(&mut self, at: u64) -> u8 {
        match self.bytes.get(at as usize) {
            Some(byte) => *byte,
            None => {
                self.ended = true;
                0
            }
        }
    }

    /// One sample, as it is written.
    fn sample(&mut self, component: &Component, little: bool) -> u32 {
        if component.aligned == 0 {
            return self.take(component.bits);
        }
        let bytes: Vec<u32> = (0..component.aligned).map(|_| self.take(8)).collect();
        let join = |v: u32, b: &u32| v << 8 | b;
        let value = if little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) };
        value & ((1 << component.bits) - 1)
    }

    fn align(&mut self, from: u64, bytes: u64) {
        self.at = self.at.next_multiple_of(8);
        let passed = (self.at - from) / 8;
        if bytes > 1 {
            self.at = from + passed.next_multiple_of(bytes) * 8;
        }
    }
}

impl Samples<'_> {
    /// The planes of all components, 16 bits per sample in native order, and whether all samples were
    /// present.
    pub(super) fn planes(&self) -> Result<(Vec<Vec<u8>>, bool), Fault> {
        let layout = self.layout;
        let (columns, rows) = layout.tiles;
        if !self.size.0.is_multiple_of(columns) || !self.size.1.is_multiple_of(rows) {
            return Err(broken());
        }
        let tile = (self.size.0 / columns, self.size.1 / rows);
        let mut planes: Vec<Vec<u8>> = layout
            .components
            .iter()
            .map(|c| {
                let (w, h) = layout.size(c, self.size);
                vec![0; if c.role == Role::Other { 0 } else { w as usize * h as usize * 2 }]
            })
            .collect();
        let mut bits = Bits { bytes: self.bytes, at: 0, ended: false };
        let tiles = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        let all: Vec<usize> = (0..layout.components.len()).collect();
        match layout.interleave {
            Interleave::TilePlanes => {
                for component in &all {
                    for at in tiles.clone() {
                        self.tile(&mut bits, at, tile, &[*component], &mut planes);
                    }
                }
            }
            _ => {
                for at in tiles {
                    self.tile(&mut bits, at, tile, &all, &mut planes);
                }
            }
        }
        Ok((planes, !bits.ended))
    }

    /// These components of one tile.
    fn tile(
        &self,
        bits: &mut Bits<'_>,
        at: (u32, u32),
        tile: (u32, u32),
        components: &[usize],
        planes: &mut [Vec<u8>],
    ) {
        let layout = self.layout;
        let start = bits.at;
        match layout.interleave {
            Interleave::Planes | Interleave::TilePlanes => {
                for &i in components {
                    for y in 0..layout.size(&layout.components[i], tile).1 {
                        self.row(bits, at, tile, y, &[i], planes);
                    }
                }
            }
            Interleave::Pixels => (0..tile.1).for_each(|y| self.row(bits, at, tile, y, components, planes)),
            Interleave::Rows => {
                for y in 0..tile.1 {
                    components.iter().for_each(|i| self.row(bits, at, tile, y, &[*i], planes));
                }
            }
            Interleave::Mixed => {
                let is_chroma = |i: &usize| matches!(layout.components[*i].role, Role::Cb | Role::Cr);
                let chroma: Vec<usize> = components.iter().copied().filter(is_chroma).collect();
                let mut done = false;
                for i in components {
                    match is_chroma(i) {
                        true if done => {}
                        true => {
                            done = true;
                            for y in 0..layout.size(&layout.components[*i], tile).1 {
                                self.row(bits, at, tile, y, &chroma, planes);
                            }
                        }
                        false => (0..tile.1).for_each(|y| self.row(bits, at, tile, y, &[*i], planes)),
                    }
                }
            }
        }
        bits.align(start, layout.tile_align);
    }

    /// One row of a tile, in which the samples of these components alternate.
    fn row(
        &self,
        bits: &mut Bits<'_>,
        at: (u32, u32),
        tile: (u32, u32),
        y: u32,
        components: &[usize],
        planes: &mut [Vec<u8>],
    ) {
        let layout = self.layout;
        let start = bits.at;
        let Some(first) = components.first() else { return };
        for x in 0..layout.size(&layout.components[*first], tile).0 {
            let pixel = bits.at;
            for &i in components {
                let component = &layout.components[i];
                let value = bits.sample(component, layout.little);
                if component.role == Role::Other {
                    continue;
                }
                let (across, down) = layout.size(component, tile);
                let width = layout.size(component, self.size).0 as usize;
                let place = (at.1 * down + y) as usize * width + (at.0 * across + x) as usize;
                if let Some(to) = planes[i].get_mut(place * 2..place * 2 + 2) {
                    to.copy_from_slice(&widened(value, component).to_ne_bytes());
                }
            }
            if layout.pixel_bytes > 0 && layout.interleave == Interleave::Pixels {
                bits.at = bits.at.max(pixel + layout.pixel_bytes * 8);
            }
        }
        bits.align(start, layout.row_align);
    }
}

/// A sample in 16 bits: white stays white; Y, Cb and Cr, which have a range of their own, are shifted left.
fn widened(value: u32, component: &Component) -> u16 {
    match component.role {
        Role::Y | Role::Cb | Role::Cr => (value << (16 - component.bits)) as u16,
        _ => {
            let max = (1u32 << component.bits) - 1;
            ((u64::from(value) * 65_535 + u64::from(max) / 2) / u64::from(max)) as u16
        }
    }
}

//! Shrinks one plane, row by row.

use super::depth::Depth;
use super::{BAND_BYTES, BOX_ABOVE, LINES_BYTES};
use crate::pixels::resize::lanczos3;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::{PixelTrait, ResizeAlg, ResizeOptions, Resizer};

/// Lanczos3 reaches three source pixels (times the scale) to each side.
pub(super) const SUPPORT: f64 = 3.0;

/// The shown part of a plane, in its own samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// One plane while it is shrunk.
pub(super) struct PlaneShrinker<D: Depth> {
    /// Size in samples before averaging.
    pub(super) from: (u32, u32),
    /// Samples averaged into one, across and down.
    factor: u32,
    /// Sums of the rows of the incomplete box row, and the number of rows in them.
    sums: Vec<u32>,
    summed: u32,
    /// After averaging.
    reduced: (u32, u32),
    window: Window,
    /// Averaged rows `band_top..` that are still needed.
    pub(super) band: Vec<D::Pixel>,
    /// Rows that are shrunk vertically only, the last of them `out_rows`.
    pub(super) lines: Vec<D::Pixel>,
    band_top: u32,
    /// The number of averaged rows so far.
    come: u32,
    size: (u32, u32),
    pub(super) out: Vec<D::Pixel>,
    /// Output rows that have been shrunk vertically.
    out_rows: u32,
}

impl<D: Depth> PlaneShrinker<D> {
    pub(super) fn new(from: (u32, u32), window: Window, size: (u32, u32), bits: u32) -> Self {
        let ratio = (window.width / f64::from(size.0)).min(window.height / f64::from(size.1));
        let factor = ((ratio / BOX_ABOVE) as u32).max(1);
        let f = f64::from(factor);
        let reduced = (from.0.div_ceil(factor), from.1.div_ceil(factor));
        let grey = D::pixel(1 << (bits - 1));
        PlaneShrinker {
            from,
            factor,
            sums: if factor > 1 { vec![0; from.0 as usize] } else { Vec::new() },
            summed: 0,
            reduced,
            window: Window {
                left: window.left / f,
                top: window.top / f,
                width: (window.width / f).min(f64::from(reduced.0) - window.left / f),
                height: (window.height / f).min(f64::from(reduced.1) - window.top / f),
            },
            band: Vec::new(),
            lines: Vec::with_capacity(
                (LINES_BYTES / D::BYTES * 5 / 4).min(reduced.0 as usize * size.1 as usize),
            ),
            band_top: 0,
            come: 0,
            size,
            out: vec![grey; size.0 as usize * size.1 as usize],
            out_rows: 0,
        }
    }

    pub(super) fn push_row(&mut self, row: &[u8], shift: u32) {
        if self.come >= self.reduced.1 {
            return;
        }
        let width = self.from.0 as usize;
        if self.factor == 1 {
            D::extend(&mut self.band, &row[..width * D::BYTES], shift);
            self.come += 1;
            return;
        }
        D::add(&mut self.sums[..width], row);
        self.summed += 1;
        let rows_left = self.from.1 - self.come * self.factor;
        if self.summed == self.factor.min(rows_left) {
            // A factor that is a compile-time constant makes this several times faster.
            match self.factor {
                2 => self.average_across::<2>(shift),
                3 => self.average_across::<3>(shift),
                4 => self.average_across::<4>(shift),
                5 => self.average_across::<5>(shift),
                6 => self.average_across::<6>(shift),
                7 => self.average_across::<7>(shift),
                8 => self.average_across::<8>(shift),
                _ => {
                    let sums = std::mem::take(&mut self.sums);
                    sums.chunks(self.factor as usize).for_each(|s| self.push_average(s, shift));
                    self.sums = sums;
                }
            }
            self.sums.fill(0);
            self.summed = 0;
            self.come += 1;
        }
    }

    /// Averages whole groups of `F` sums, and the remainder at the end.
    fn average_across<const F: usize>(&mut self, shift: u32) {
        let sums = std::mem::take(&mut self.sums);
        let count = self.summed * F as u32;
        // Instead of a division: sums have at most 16 + 6 bits, and the result is exact for all of them up to
        // 2^38.
        let reciprocal = (1u64 << 38).div_ceil(u64::from(count));
        let (groups, rest) = sums.as_chunks::<F>();
        self.band.extend(groups.iter().map(|group| {
            let sum = u64::from(group.iter().sum::<u32>() + count / 2);
            D::pixel((((sum * reciprocal) >> 38) as u32) << shift)
        }));
        if !rest.is_empty() {
            self.push_average(rest, shift);
        }
        self.sums = sums;
    }

    fn push_average(&mut self, sums: &[u32], shift: u32) {
        let count = self.summed * sums.len() as u32;
        self.band.push(D::pixel(((sums.iter().sum::<u32>() + count / 2) / count) << shift));
    }

    /// Row `y` of the result at full width, also if this plane was kept at half the size: then by linear
    /// interpolation, each sample centred on its two or four pixels.
    pub(super) fn row_at_full_size(
        &self,
        y: usize,
        full: (u32, u32),
        sums: &mut Vec<u32>,
        row: &mut Vec<D::Pixel>,
    ) {
        let width = self.size.0 as usize;
        let line = |y: usize| &self.out[y * width..][..width];
        row.clear();
        if self.size == full {
            row.extend_from_slice(line(y));
            return;
        }
        // Four times the value, between this plane's rows.
        sums.clear();
        if self.size.1 == full.1 {
            sums.extend(line(y).iter().map(|v| 4 * D::value(*v)));
        } else {
            let near = y / 2;
            let far =
                if y % 2 == 1 { (near + 1).min(self.size.1 as usize - 1) } else { near.saturating_sub(1) };
            let pairs = line(near).iter().zip(line(far));
            sums.extend(pairs.map(|(near, far)| 3 * D::value(*near) + D::value(*far)));
        }
        let quarter = |sum: u32| D::pixel((sum + 8) >> 4);
        if self.size.0 == full.0 {
            row.extend(sums.iter().map(|sum| quarter(4 * sum)));
            return;
        }
        row.resize(2 * width, D::pixel(0));
        row[0] = quarter(4 * sums[0]);
        row[2 * width - 1] = quarter(4 * sums[width - 1]);
        let between = row[1..2 * width - 1].as_chunks_mut::<2>().0;
        for ((to, near), far) in between.iter_mut().zip(&sums[..]).zip(&sums[1..]) {
            *to = [quarter(3 * near + far), quarter(near + 3 * far)];
        }
        row.truncate(full.0 as usize);
    }

    /// Shrinks all available rows: at the end, or when enough are collected.
    pub(super) fn shrink_ready(&mut self, resizer: &mut Resizer, end: bool) {
        let bytes = self.band.len() * D::BYTES;
        if (bytes < BAND_BYTES && !end) || self.out_rows == self.size.1 || self.band.is_empty() {
            return;
        }
        let whole = self.come == self.reduced.1;
        let scale = self.window.height / f64::from(self.size.1);
        let reach = SUPPORT * scale.max(1.0);
        // The rows of the band that an output row needs.
        let top = self.window.top;
        let needs = |row: u32| {
            let centre = top + (f64::from(row) + 0.5) * scale;
            ((centre - reach).floor().max(0.0) as u32, (centre + reach).ceil() as u32)
        };
        let first = self.out_rows;
        let mut end_row = first;
        while end_row < self.size.1 && (whole || end || needs(end_row).1 < self.come) {
            end_row += 1;
        }
        if !whole && end {
            // A truncated picture: missing rows stay grey.
            while end_row > first && needs(end_row - 1).1 > self.come {
                end_row -= 1;
            }
        }
        if end_row > first {
            self.down(resizer, first, end_row, scale);
            self.out_rows = end_row;
        }
        if end || end_row == self.size.1 || self.lines.len() * D::BYTES >= LINES_BYTES {
            self.across(resizer);
        }
        if self.out_rows < self.size.1 {
            let keep_from = needs(self.out_rows).0.clamp(self.band_top, self.come);
            let width = self.reduced.0 as usize;
            self.band.drain(..(keep_from - self.band_top) as usize * width);
            self.band_top = keep_from;
        } else {
            (self.band, self.lines) = (Vec::new(), Vec::new());
        }
    }

    /// Shrinks the band vertically to output rows `first..end_row`. Vertical comes first, since
    /// fast_image_resize is faster in that direction and then has fewer rows to shrink horizontally.
    fn down(&mut self, resizer: &mut Resizer, first: u32, end_row: u32, scale: f64) {
        let rows = self.come - self.band_top;
        let lines = end_row - first;
        let top = self.window.top + f64::from(first) * scale - f64::from(self.band_top);
        // A rounding error in the last place must not reach beyond the band.
        let height = (f64::from(lines) * scale).min(f64::from(rows) - top);
        let width = self.reduced.0;
        let held = self.lines.len();
        self.lines.resize(held + width as usize * lines as usize, D::pixel(0));
        let crop = (0.0, top, f64::from(width), height);
        shrink_part(resizer, &self.band, (width, rows), crop, &mut self.lines[held..], (width, lines));
    }

    /// Shrinks the vertically shrunk rows horizontally: four rows at a time as one row of four channels,
    /// which takes fast_image_resize half the time of four rows of one channel.
    fn across(&mut self, resizer: &mut Resizer) {
        let (from_width, width) = (self.reduced.0 as usize, self.size.0 as usize);
        let lines = self.lines.len() / from_width.max(1);
        if lines == 0 {
            return;
        }
        let groups = lines.div_ceil(4);
        let mut fours: Vec<D::Four> = Vec::with_capacity(groups * from_width);
        for group in self.lines.chunks(4 * from_width) {
            // The last group may have fewer rows; its last one is repeated.
            let rows = [0, 1, 2, 3].map(|i| i.min(group.len() / from_width - 1) * from_width);
            let [a, b, c, d] = rows.map(|at| &group[at..at + from_width]);
            let each = a.iter().zip(b).zip(c).zip(d);
            fours.extend(each.map(|(((a, b), c), d)| D::four([*a, *b, *c, *d])));
        }
        let mut shrunk = vec![D::Four::default(); groups * width];
        let (from_size, to_size) = ((self.reduced.0, groups as u32), (self.size.0, groups as u32));
        let crop = (self.window.left, 0.0, self.window.width, groups as f64);
        shrink_part(resizer, &fours, from_size, crop, &mut shrunk, to_size);
        let out = &mut self.out[(self.out_rows as usize - lines) * width..self.out_rows as usize * width];
        for (rows, group) in out.chunks_mut(4 * width).zip(shrunk.chunks(width)) {
            for (i, row) in rows.chunks_mut(width).enumerate() {
                for (to, from) in row.iter_mut().zip(group) {
                    *to = D::of_four(from, i);
                }
            }
        }
        self.lines.clear();
    }
}

/// Lanczos3 over a part (left, top, width, height) of samples. It fails only for a part outside of them, and
/// then leaves the destination unchanged.
fn shrink_part<P: PixelTrait>(
    resizer: &mut Resizer,
    from: &[P],
    from_size: (u32, u32),
    part: (f64, f64, f64, f64),
    to: &mut [P],
    to_size: (u32, u32),
) {
    // The fourth of four rows must not be treated as alpha.
    let lanczos = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(lanczos3())).use_alpha(false);
    let images = TypedImageRef::new(from_size.0, from_size.1, from)
        .ok()
        .zip(TypedImage::from_pixels_slice(to_size.0, to_size.1, to).ok());
    if let Some((from, mut to)) = images {
        let done = resizer.resize_typed(&from, &mut to, &lanczos.crop(part.0, part.1, part.2, part.3));
        debug_assert!(done.is_ok(), "{done:?}");
    }
}

//! Coded planes (Y, Cb, Cr as a codec returns them) to the small sRGB picture, a band of rows at a time.
//!
//! Shared by JPEG, HEIF and video. Rows of the coded picture are pushed from the top, in bands of any height;
//! the picture is cropped and shrunk plane by plane, so only a band and the result are held. The planes are
//! converted to RGB, and RGB to sRGB, only at the small size.
//!
//! Promises: the result is that of Lanczos3 over the whole picture, for any bands (rows around a band's edge
//! are kept until they are no longer needed), after a box average by a whole factor that leaves Lanczos3 at
//! least [`BOX_ABOVE`] to do; chroma that is coded at half the size is kept at half the size of the result
//! and doubled in the conversion to RGB; alpha is blended over white before shrinking, so that invisible
//! colours do not bleed in. Decoding, geometry and admission are left to the caller.

use super::colour::{self, Cicp};
use crate::pixels::Pixels;
use crate::pixels::orient::{Orientation, upright};
use crate::pixels::resize::lanczos3;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x4, U16, U16x4};
use fast_image_resize::{PixelTrait, ResizeAlg, ResizeOptions, Resizer};

/// A plane is averaged by a whole factor before Lanczos3 only so far that this factor remains. SSIMULACRA2
/// against Lanczos3 alone: see docs/decisions.md.
const BOX_ABOVE: f64 = 2.0;

/// A plane's rows are collected up to this many bytes before they are shrunk downwards: small enough for the
/// second-level cache of a small processor.
const BAND_BYTES: usize = 256 << 10;

/// Rows that are shrunk vertically are collected up to this many bytes before they are shrunk horizontally:
/// each call recomputes the filter, which for bands of 256 KB was a tenth of a JPEG's cost.
const LINES_BYTES: usize = 1 << 20;

/// Lanczos3 reaches three source pixels (times the scale) to each side.
const SUPPORT: f64 = 3.0;

/// The subsampling of chroma, across and down, as powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chroma {
    Monochrome,
    Shared { log2_across: u8, log2_down: u8 },
}

impl Chroma {
    pub(super) const C420: Chroma = Chroma::Shared { log2_across: 1, log2_down: 1 };
    pub(super) const C422: Chroma = Chroma::Shared { log2_across: 1, log2_down: 0 };
    pub(super) const C444: Chroma = Chroma::Shared { log2_across: 0, log2_down: 0 };

    /// The size at which chroma is kept for a result of this size: half if it is coded at half or less.
    /// Thumbnails are stored as 4:2:0, so more of it would be lost in the end.
    fn kept(self, (width, height): (u32, u32)) -> (u32, u32) {
        let half = |side: u32, log2: u8| if log2 > 0 { side.div_ceil(2) } else { side };
        match self {
            Chroma::Monochrome => (0, 0),
            Chroma::Shared { log2_across, log2_down } => (half(width, log2_across), half(height, log2_down)),
        }
    }

    /// The size of a chroma plane for this size of luma.
    fn size(self, width: u32, height: u32) -> (u32, u32) {
        match self {
            Chroma::Monochrome => (0, 0),
            Chroma::Shared { log2_across, log2_down } => {
                (width.div_ceil(1 << log2_across), height.div_ceil(1 << log2_down))
            }
        }
    }
}

/// The shape of the coded picture. One `Format` applies to all of its bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub width: u32,
    pub height: u32,
    pub chroma: Chroma,
    /// Bits per sample, 8 to 16. Above 8, samples are 16-bit words in native order.
    pub depth: u8,
}

impl Format {
    /// Bytes of one row of all planes, on average; for memory estimates.
    pub(super) fn bytes_per_row(&self) -> u64 {
        let (cw, ch) = self.chroma.size(self.width, self.height.max(1));
        let samples =
            u64::from(self.width) + 2 * u64::from(cw) * u64::from(ch) / u64::from(self.height.max(1));
        samples * if self.depth > 8 { 2 } else { 1 }
    }
}

/// The part of the coded picture that is shown, in luma samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// Samples of one plane, rows `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    pub data: &'a [u8],
    pub stride: usize,
}

/// An alpha plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alpha<'a> {
    pub plane: Plane<'a>,
    /// Whether the colours are already multiplied by it.
    pub premultiplied: bool,
}

/// A band of the coded picture: its Y, Cb and Cr (or one grey, or G, B and R) planes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band<'a> {
    /// Y, Cb, Cr; only the first is used for monochrome.
    pub planes: [Plane<'a>; 3],
    pub alpha: Option<Alpha<'a>>,
    /// The number of luma rows. Even for 4:2:0, except in the last band.
    pub rows: u32,
}

/// Shrinks the bands of one picture to `size` (before any turning).
pub(super) enum Shrinker {
    Narrow(Box<Planes<Narrow>>),
    Wide(Box<Planes<Wide>>),
}

impl Shrinker {
    /// `crop` must lie inside the picture and `size` must not be empty.
    pub(super) fn new(format: Format, crop: Crop, size: (u32, u32), cicp: Cicp) -> Shrinker {
        if format.depth > 8 {
            Shrinker::Wide(Box::new(Planes::new(format, crop, size, cicp)))
        } else {
            Shrinker::Narrow(Box::new(Planes::new(format, crop, size, cicp)))
        }
    }

    /// The maximum bytes that shrinking holds at once, including the result and its RGB.
    pub(super) fn cost(format: Format, size: (u32, u32)) -> u64 {
        let sample = if format.depth > 8 { 2 } else { 1 };
        let out = u64::from(size.0) * u64::from(size.1);
        let scale = u64::from(format.height).div_ceil(u64::from(size.1).max(1));
        let row = u64::from(format.width) * sample;
        // The rows that the filter covers, and one coded band of up to 32 rows; a small plane is held whole.
        let kernel = (2 * SUPPORT as u64 * scale + 32) * row;
        let band = (BAND_BYTES as u64 + kernel).min(row * u64::from(format.height));
        let lines = (LINES_BYTES as u64 + kernel).min(row * u64::from(size.1));
        // Three planes; bands may have grown to twice their content. The lines of one plane exist twice, with
        // their result, while they are shrunk horizontally.
        let bands = 3 * (2 * band + lines) + 2 * lines;
        // Planes, RGB, and of deep samples one more RGB, from which the colours are converted.
        bands + out * if sample == 1 { 6 } else { 15 }
    }

    /// The next rows, top to bottom.
    pub(super) fn push(&mut self, band: &Band<'_>) {
        match self {
            Shrinker::Narrow(p) => p.push(band),
            Shrinker::Wide(p) => p.push(band),
        }
    }

    /// The picture, upright and sRGB; a profile has precedence over SDR code points. Missing rows are
    /// mid-grey.
    pub(super) fn finish(self, icc: Option<&[u8]>, orientation: Orientation) -> Pixels {
        let (width, height, rgb) = match self {
            Shrinker::Narrow(p) => p.finish(icc),
            Shrinker::Wide(p) => p.finish(icc),
        };
        upright(Pixels { width, height, rgb, damaged: None }, orientation)
    }
}

/// The two widths of samples.
pub(super) trait Depth {
    type Pixel: PixelTrait + Copy + Default;
    /// The same place in four rows.
    type Four: PixelTrait + Copy + Default;
    const BYTES: usize;
    /// Bits that a stored sample has once it is scaled up: 8 or 16.
    const BITS: u32;
    fn pixel(sample: u32) -> Self::Pixel;
    /// Appends a row (shifted left to the full bit depth).
    fn extend(to: &mut Vec<Self::Pixel>, row: &[u8], shift: u32);
    fn value(pixel: Self::Pixel) -> u32;
    fn four(rows: [Self::Pixel; 4]) -> Self::Four;
    fn of_four(four: &Self::Four, row: usize) -> Self::Pixel;
    fn read(row: &[u8], i: usize) -> u32;
    /// Adds a row's samples to their sums.
    fn add(sums: &mut [u32], row: &[u8]);
}

pub(super) struct Narrow;
impl Depth for Narrow {
    type Pixel = U8;
    type Four = U8x4;
    const BYTES: usize = 1;
    const BITS: u32 = 8;
    fn pixel(sample: u32) -> U8 {
        U8::new(sample as u8)
    }
    fn extend(to: &mut Vec<U8>, row: &[u8], _shift: u32) {
        to.extend(row.iter().map(|v| U8::new(*v)));
    }
    fn value(pixel: U8) -> u32 {
        u32::from(pixel.0)
    }
    fn four(rows: [U8; 4]) -> U8x4 {
        U8x4::new(rows.map(|p| p.0))
    }
    fn of_four(four: &U8x4, row: usize) -> U8 {
        U8::new(four.0[row])
    }
    fn read(row: &[u8], i: usize) -> u32 {
        u32::from(row[i])
    }
    fn add(sums: &mut [u32], row: &[u8]) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += u32::from(*v));
    }
}

pub(super) struct Wide;
impl Depth for Wide {
    type Pixel = U16;
    type Four = U16x4;
    const BYTES: usize = 2;
    const BITS: u32 = 16;
    fn pixel(sample: u32) -> U16 {
        U16::new(sample as u16)
    }
    fn extend(to: &mut Vec<U16>, row: &[u8], shift: u32) {
        to.extend(row.as_chunks::<2>().0.iter().map(|v| U16::new(u16::from_ne_bytes(*v) << shift)));
    }
    fn value(pixel: U16) -> u32 {
        u32::from(pixel.0)
    }
    fn four(rows: [U16; 4]) -> U16x4 {
        U16x4::new(rows.map(|p| p.0))
    }
    fn of_four(four: &U16x4, row: usize) -> U16 {
        U16::new(four.0[row])
    }
    fn read(row: &[u8], i: usize) -> u32 {
        u32::from(u16::from_ne_bytes([row[2 * i], row[2 * i + 1]]))
    }
    fn add(sums: &mut [u32], row: &[u8]) {
        let samples = row.as_chunks::<2>().0;
        sums.iter_mut().zip(samples).for_each(|(sum, v)| *sum += u32::from(u16::from_ne_bytes(*v)));
    }
}

/// The planes of one picture while they are shrunk.
pub(super) struct Planes<D: Depth> {
    format: Format,
    cicp: Cicp,
    size: (u32, u32),
    planes: Vec<PlaneShrinker<D>>,
    /// Luma rows so far.
    rows: u32,
    resizer: Resizer,
}

impl<D: Depth> Planes<D> {
    fn new(format: Format, crop: Crop, size: (u32, u32), cicp: Cicp) -> Self {
        let window = |scale_x: f64, scale_y: f64| Window {
            left: f64::from(crop.x) / scale_x,
            top: f64::from(crop.y) / scale_y,
            width: f64::from(crop.width) / scale_x,
            height: f64::from(crop.height) / scale_y,
        };
        let mut planes =
            vec![PlaneShrinker::new((format.width, format.height), window(1.0, 1.0), size, D::BITS)];
        if let Chroma::Shared { log2_across, log2_down } = format.chroma {
            let window = window(f64::from(1u32 << log2_across), f64::from(1u32 << log2_down));
            for _ in 0..2 {
                let from = format.chroma.size(format.width, format.height);
                planes.push(PlaneShrinker::new(from, window, format.chroma.kept(size), D::BITS));
            }
        }
        Planes { format, cicp, size, planes, rows: 0, resizer: Resizer::new() }
    }

    fn push(&mut self, band: &Band<'_>) {
        let shift = D::BITS - u32::from(self.format.depth).min(D::BITS);
        let rows = band.rows.min(self.format.height - self.rows);
        let is_rgb = self.cicp.matrix == 0;
        for (i, plane) in self.planes.iter_mut().enumerate() {
            let (log2_across, log2_down) = match (i, self.format.chroma) {
                (1 | 2, Chroma::Shared { log2_across, log2_down }) => (log2_across, log2_down),
                _ => (0, 0),
            };
            let ends = ends_of_range(self.cicp, self.format.depth, i > 0 && !is_rgb);
            let from = band.planes[i];
            // The last band may end in half a chroma row.
            let last = self.rows + rows == self.format.height;
            let plane_rows = if last { rows.div_ceil(1 << log2_down) } else { rows >> log2_down };
            let mut blended: Vec<u8> = Vec::new();
            for y in 0..plane_rows as usize {
                let width = plane.from.0 as usize;
                let start = y * from.stride;
                let Some(row) = from.data.get(start..start + width * D::BYTES) else { break };
                match &band.alpha {
                    None => plane.push_row(row, shift),
                    Some(alpha) => {
                        blended.clear();
                        blend_row::<D>(
                            row,
                            alpha,
                            (y, log2_across, log2_down),
                            (self.format.width as usize, rows as usize),
                            self.format.depth,
                            ends,
                            &mut blended,
                        );
                        plane.push_row(&blended, shift);
                    }
                }
            }
            plane.shrink_ready(&mut self.resizer, false);
        }
        self.rows += rows;
    }

    fn finish(mut self, icc: Option<&[u8]>) -> (u32, u32, Vec<u8>) {
        for plane in &mut self.planes {
            plane.shrink_ready(&mut self.resizer, true);
            (plane.band, plane.lines) = (Vec::new(), Vec::new());
        }
        self.resizer = Resizer::new();
        let rgb = self.to_srgb(icc);
        (self.size.0, self.size.1, rgb)
    }

    fn to_srgb(&self, icc: Option<&[u8]>) -> Vec<u8> {
        let to_rgb = ToRgb::new(self.cicp, self.format, D::BITS);
        let is_hdr = self.cicp.is_hdr();
        match icc {
            Some(icc) if !is_hdr => {
                let mut rgb = self.to_rgb8(&to_rgb);
                colour::to_srgb_rgb8(&mut rgb, icc);
                rgb
            }
            _ if self.cicp.needs_conversion() => {
                colour::cicp_to_srgb_rgb8(&self.to_rgb16(&to_rgb), self.cicp)
            }
            _ => self.to_rgb8(&to_rgb),
        }
    }

    fn to_rgb8(&self, to_rgb: &ToRgb) -> Vec<u8> {
        let mut out = vec![0; self.planes[0].out.len() * 3];
        let mut rows = out.chunks_exact_mut(3 * self.size.0 as usize);
        let arch = pulp::Arch::new();
        self.each_row(|y, cb, cr| {
            let Some(out) = rows.next() else { return };
            arch.dispatch(RowToRgb::<D> { to_rgb, y, cb, cr, out });
        });
        out
    }

    fn to_rgb16(&self, to_rgb: &ToRgb) -> Vec<u16> {
        let mut out = vec![0; self.planes[0].out.len() * 3];
        let mut rows = out.chunks_exact_mut(3 * self.size.0 as usize);
        self.each_row(|y, cb, cr| {
            let Some(row) = rows.next() else { return };
            for (i, px) in row.chunks_exact_mut(3).enumerate() {
                let at = |plane: &[D::Pixel]| plane.get(i).map_or(to_rgb.middle, |p| D::value(*p));
                px.copy_from_slice(&to_rgb.rgb16(at(y), at(cb), at(cr)));
            }
        });
        out
    }

    /// The rows of the result as Y, Cb and Cr of the same length; for a grey picture Cb and Cr are empty.
    fn each_row(&self, mut each: impl FnMut(&[D::Pixel], &[D::Pixel], &[D::Pixel])) {
        let width = self.size.0 as usize;
        let mut chroma = [Vec::new(), Vec::new()];
        let mut sums = Vec::new();
        for (y, luma) in self.planes[0].out.chunks_exact(width).enumerate() {
            for (row, plane) in chroma.iter_mut().zip(self.planes.iter().skip(1)) {
                plane.row_at_full_size(y, self.size, &mut sums, row);
            }
            each(luma, &chroma[0], &chroma[1]);
        }
    }
}

/// The shown part of a plane, in its own samples.
#[derive(Debug, Clone, Copy)]
struct Window {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// One plane while it is shrunk.
struct PlaneShrinker<D: Depth> {
    /// Size in samples before averaging.
    from: (u32, u32),
    /// Samples averaged into one, across and down.
    factor: u32,
    /// Sums of the rows of the incomplete box row, and the number of rows in them.
    sums: Vec<u32>,
    summed: u32,
    /// After averaging.
    reduced: (u32, u32),
    window: Window,
    /// Averaged rows `band_top..` that are still needed.
    band: Vec<D::Pixel>,
    /// Rows that are shrunk vertically only, the last of them `out_rows`.
    lines: Vec<D::Pixel>,
    band_top: u32,
    /// The number of averaged rows so far.
    come: u32,
    size: (u32, u32),
    out: Vec<D::Pixel>,
    /// Output rows that have been shrunk vertically.
    out_rows: u32,
}

impl<D: Depth> PlaneShrinker<D> {
    fn new(from: (u32, u32), window: Window, size: (u32, u32), bits: u32) -> Self {
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

    fn push_row(&mut self, row: &[u8], shift: u32) {
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
    fn row_at_full_size(&self, y: usize, full: (u32, u32), sums: &mut Vec<u32>, row: &mut Vec<D::Pixel>) {
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
    fn shrink_ready(&mut self, resizer: &mut Resizer, end: bool) {
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

/// The black and white levels in this plane. For chroma they are equal: grey of any lightness has no chroma.
fn ends_of_range(cicp: Cicp, depth: u8, is_chroma: bool) -> (u32, u32) {
    match (is_chroma, cicp.full_range) {
        (true, _) => (1 << (depth - 1), 1 << (depth - 1)),
        (false, true) => (0, (1 << depth) - 1),
        (false, false) => (16 << (depth - 8), 235 << (depth - 8)),
    }
}

/// Blends one row over white. `at` is the plane's row and its subsampling; `size` is the band's, in alpha
/// samples.
fn blend_row<D: Depth>(
    row: &[u8],
    alpha: &Alpha<'_>,
    at: (usize, u8, u8),
    size: (usize, usize),
    depth: u8,
    (black, white): (u32, u32),
    out: &mut Vec<u8>,
) {
    let (y, log2_across, log2_down) = at;
    let max = (1u32 << depth) - 1;
    let stride = alpha.plane.stride;
    let opacity = |x: usize, y: usize| -> u32 {
        let start = y.min(size.1.saturating_sub(1)) * stride;
        let x = x.min(size.0.saturating_sub(1));
        match alpha.plane.data.get(start..) {
            Some(row) if row.len() >= (x + 1) * D::BYTES => D::read(row, x).min(max),
            _ => max,
        }
    };
    for x in 0..row.len() / D::BYTES {
        let (mut a, mut n) = (0, 0);
        for dy in 0..1usize << log2_down {
            for dx in 0..1usize << log2_across {
                a += opacity((x << log2_across) + dx, (y << log2_down) + dy);
                n += 1;
            }
        }
        let a = (a + n / 2) / n;
        let v = D::read(row, x).min(max);
        // Multiplication by alpha moves a colour towards black, not towards a sample of 0.
        let (own, behind) = if alpha.premultiplied { (v * max, white - black) } else { (v * a, white) };
        let blended = ((own + behind * (max - a) + max / 2) / max).min(max);
        match D::BYTES {
            1 => out.push(blended as u8),
            _ => out.extend((blended as u16).to_ne_bytes()),
        }
    }
}

/// From samples (scaled to 8 or 16 bits) to RGB.
struct ToRgb {
    /// How the three samples mix.
    mix: Mix,
    /// The black level and the largest luma sample, after scaling to `BITS`.
    black: f32,
    luma_range: f32,
    chroma_range: f32,
    middle: u32,
    /// Fixed point (13 bits) forms of the same for 8-bit output.
    fixed: [i32; 6],
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mix {
    /// G, B and R as they are.
    Rgb,
    /// Y, Cg, Co.
    YCgCo,
    /// Lossless: in integers of the RGB samples, of one or two bits less than are coded.
    YCgCoWhole { extra_bits: u32 },
    /// Dolby's I, P, T.
    Ipt,
    /// By the weights of red and blue in luma.
    Luma { red: f32, blue: f32 },
}

const FIXED_BITS: i32 = 13;

/// Pixels converted to RGB at a time.
const RUN: usize = 256;

impl ToRgb {
    fn new(cicp: Cicp, format: Format, bits: u32) -> ToRgb {
        // H.273, table 4: the weights of red and blue.
        let weights = |red: f32, blue: f32| Mix::Luma { red, blue };
        let mix = match cicp.matrix {
            _ if format.chroma == Chroma::Monochrome => weights(0.299, 0.114),
            0 => Mix::Rgb,
            1 => weights(0.2126, 0.0722),
            4 => weights(0.30, 0.11),
            7 => weights(0.212, 0.087),
            8 => Mix::YCgCo,
            16 => Mix::YCgCoWhole { extra_bits: 2 },
            17 => Mix::YCgCoWhole { extra_bits: 1 },
            15 => Mix::Ipt,
            9 | 10 | 14 => weights(0.2627, 0.0593),
            // "From the primaries."
            12 | 13 if cicp.primaries == 9 => weights(0.2627, 0.0593),
            12 | 13 if cicp.primaries == 1 => weights(0.2126, 0.0722),
            // BT.601, the default of HEIF and JPEG.
            _ => weights(0.299, 0.114),
        };
        let unit = (1u32 << (bits - 8)) as f32;
        // Samples are shifted left, so the largest falls short of 2^bits - 1 by the bits shifted in.
        let max = (((1u32 << format.depth) - 1) << (bits - u32::from(format.depth))) as f32;
        let (black, luma_range, chroma_range) = match mix {
            Mix::YCgCoWhole { extra_bits } => {
                let depth = u32::from(format.depth);
                let max = (((1u32 << depth.saturating_sub(extra_bits)) - 1) << (bits - depth)) as f32;
                (0.0, max, max)
            }
            _ if cicp.full_range => (0.0, max, max),
            _ => (16.0 * unit, 219.0 * unit, 224.0 * unit),
        };
        let fixed = match mix {
            Mix::Luma { red, blue } => {
                let green = 1.0 - red - blue;
                let luma = 255.0 / luma_range;
                let chroma = 255.0 / chroma_range;
                let scale = (1 << FIXED_BITS) as f32 * unit;
                [
                    luma,
                    2.0 * (1.0 - red) * chroma,
                    -2.0 * (1.0 - red) * red / green * chroma,
                    -2.0 * (1.0 - blue) * blue / green * chroma,
                    2.0 * (1.0 - blue) * chroma,
                    black / unit,
                ]
                .map(|v| (v * scale).round() as i32)
            }
            _ => [0; 6],
        };
        ToRgb { mix, black, luma_range, chroma_range, middle: 1 << (bits - 1), fixed }
    }

    /// 0 to 1 each, unclamped.
    fn rgb(&self, y: u32, cb: u32, cr: u32) -> [f32; 3] {
        let luma = |v: u32| (v as f32 - self.black) / self.luma_range;
        let chroma = |v: u32| (v as f32 - self.middle as f32) / self.chroma_range;
        match self.mix {
            Mix::Rgb => [luma(cr), luma(y), luma(cb)],
            Mix::YCgCo => {
                let (y, cg, co) = (luma(y), chroma(cb), chroma(cr));
                [y - cg + co, y + cg, y - cg - co]
            }
            Mix::Ipt => colour::cicp::ipt_to_rgb([luma(y), chroma(cb), chroma(cr)]),
            Mix::YCgCoWhole { .. } => {
                let (y, cg, co) = (luma(y), chroma(cb) / 2.0, chroma(cr) / 2.0);
                [y - cg + co, y + cg, y - cg - co]
            }
            Mix::Luma { red, blue } => {
                let (y, b, r) = (luma(y), chroma(cb), chroma(cr));
                let green = 1.0 - red - blue;
                [
                    y + 2.0 * (1.0 - red) * r,
                    y - (2.0 * (1.0 - red) * red * r + 2.0 * (1.0 - blue) * blue * b) / green,
                    y + 2.0 * (1.0 - blue) * b,
                ]
            }
        }
    }

    /// A run of pixels: first each channel by itself, which compilers vectorise, then interleaved.
    #[inline(always)]
    fn run8<D: Depth>(&self, y: &[D::Pixel], cb: &[D::Pixel], cr: &[D::Pixel], out: &mut [u8]) {
        let n = y.len().min(RUN);
        if !matches!(self.mix, Mix::Luma { .. }) || D::BITS != 8 {
            for (i, px) in out.chunks_exact_mut(3).enumerate() {
                let chroma = |c: &[D::Pixel]| c.get(i).map_or(self.middle, |c| D::value(*c));
                let rgb = self.rgb(D::value(y[i]), chroma(cb), chroma(cr));
                px.copy_from_slice(&rgb.map(|v| (v * 255.0 + 0.5).clamp(0.0, 255.0) as u8));
            }
            return;
        }
        let [luma, r_cr, g_cr, g_cb, b_cb, black] = self.fixed;
        let offset = (1 << (FIXED_BITS - 1)) - (black >> FIXED_BITS) * luma;
        let (mut ys, mut cbs, mut crs) = ([0i32; RUN], [0i32; RUN], [0i32; RUN]);
        for (to, from) in ys.iter_mut().zip(y) {
            *to = D::value(*from) as i32 * luma + offset;
        }
        for (to, from) in cbs.iter_mut().zip(cb) {
            *to = D::value(*from) as i32 - 128;
        }
        for (to, from) in crs.iter_mut().zip(cr) {
            *to = D::value(*from) as i32 - 128;
        }
        let mut rgb = [[0u8; RUN]; 3];
        for i in 0..RUN {
            let to_8 = |v: i32| (v >> FIXED_BITS).clamp(0, 255) as u8;
            rgb[0][i] = to_8(ys[i] + r_cr * crs[i]);
            rgb[1][i] = to_8(ys[i] + g_cr * crs[i] + g_cb * cbs[i]);
            rgb[2][i] = to_8(ys[i] + b_cb * cbs[i]);
        }
        for (i, px) in out.chunks_exact_mut(3).enumerate().take(n) {
            (px[0], px[1], px[2]) = (rgb[0][i], rgb[1][i], rgb[2][i]);
        }
    }

    fn rgb16(&self, y: u32, cb: u32, cr: u32) -> [u16; 3] {
        self.rgb(y, cb, cr).map(|v| (v * 65535.0 + 0.5).clamp(0.0, 65535.0) as u16)
    }
}

/// Converts one row to RGB. Plain x86-64 has no 32-bit multiplication of vectors; with AVX2 this takes a
/// third of the time. Not a closure, since a closure that the compiler does not inline is compiled for plain
/// x86-64.
struct RowToRgb<'a, D: Depth> {
    to_rgb: &'a ToRgb,
    y: &'a [D::Pixel],
    cb: &'a [D::Pixel],
    cr: &'a [D::Pixel],
    out: &'a mut [u8],
}

impl<D: Depth> pulp::WithSimd for RowToRgb<'_, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let RowToRgb { to_rgb, y, cb, cr, out } = self;
        for (i, px) in out.chunks_mut(3 * RUN).enumerate() {
            let (from, to) = (i * RUN, i * RUN + px.len() / 3);
            // A grey picture has none.
            let part = |plane: &'_ [D::Pixel]| if plane.len() < to { 0..0 } else { from..to };
            to_rgb.run8::<D>(&y[from..to], &cb[part(cb)], &cr[part(cr)], px);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SDR: Cicp = Cicp { primaries: 1, transfer: 13, matrix: 6, full_range: true };

    fn shrunk(format: Format, planes: [&[u8]; 3], size: (u32, u32)) -> Pixels {
        let crop = Crop { x: 0, y: 0, width: format.width, height: format.height };
        let chroma = format.chroma.size(format.width, format.height).0;
        let strides = [format.width, chroma, chroma].map(|w| w as usize);
        let planes = std::array::from_fn(|i| Plane { data: planes[i], stride: strides[i] });
        let mut shrinker = Shrinker::new(format, crop, size, SDR);
        shrinker.push(&Band { planes, alpha: None, rows: format.height });
        shrinker.finish(None, Orientation::UPRIGHT)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// One colour stays that colour, whatever the sizes, the chroma and the box factor.
        #[test]
        fn one_colour_stays_one_colour(
            w in 1u32..300, h in 1u32..60, part in 0.02f64..1.0, across in 0u8..2, down in 0u8..2,
            samples in prop::array::uniform3(60u8..200),
        ) {
            let chroma = Chroma::Shared { log2_across: across, log2_down: down };
            let format = Format { width: w, height: h, chroma, depth: 8 };
            let planes = samples.map(|v| vec![v; (w * h) as usize]);
            let side = |n: u32| ((f64::from(n) * part).round() as u32).max(1);
            let pixels = shrunk(format, [&planes[0], &planes[1], &planes[2]], (side(w), side(h)));
            let first = pixels.rgb[..3].to_vec();
            prop_assert!(pixels.rgb.chunks(3).all(|p| p == first), "{first:?}");
            let want = ToRgb::new(SDR, format, 8).rgb(
                samples[0].into(), samples[1].into(), samples[2].into(),
            );
            for (got, want) in first.iter().zip(want) {
                prop_assert!((f32::from(*got) - want.clamp(0.0, 1.0) * 255.0).abs() < 1.6, "{got} {want}");
            }
        }
    }

    #[test]
    fn chroma_of_half_the_size_is_doubled_evenly() {
        // 8 x 2 pixels of one lightness; Cr grows from left to right in four steps.
        let format = Format { width: 8, height: 2, chroma: Chroma::C420, depth: 8 };
        let pixels = shrunk(format, [&[128; 16], &[128; 4], &[128, 132, 136, 140]], (8, 2));
        let red: Vec<i32> = pixels.rgb[..24].chunks(3).map(|p| i32::from(p[0])).collect();
        // 1.402 a step of Cr: quarter steps between, and flat beyond the outermost samples.
        assert_eq!(red, [128, 129, 132, 135, 138, 141, 143, 145]);
        assert_eq!(pixels.rgb[..24], pixels.rgb[24..]);
    }

    /// One row of a half transparent mid grey, once plain and once multiplied by alpha, over white.
    #[test]
    fn premultiplied_colours_come_out_like_plain_ones() {
        let limited = Cicp { primaries: 1, transfer: 13, matrix: 1, full_range: false };
        for cicp in [limited, Cicp { full_range: true, ..limited }] {
            for is_chroma in [false, true] {
                let ends = ends_of_range(cicp, 8, is_chroma);
                let plain = 150u32;
                let multiplied = ends.0 + (plain - ends.0) / 2;
                let blend = |sample: u32, premultiplied| {
                    let alpha = Alpha { plane: Plane { data: &[128], stride: 1 }, premultiplied };
                    let mut out = Vec::new();
                    blend_row::<Narrow>(&[sample as u8], &alpha, (0, 0, 0), (1, 1), 8, ends, &mut out);
                    i32::from(out[0])
                };
                let apart = blend(plain, false) - blend(multiplied, true);
                assert!(apart.abs() <= 1, "{apart}");
            }
        }
    }

    #[test]
    fn ycgco_without_loss_gives_the_samples_back() {
        for (matrix, extra_bits) in [(16, 2), (17, 1)] {
            let depth = 8 + extra_bits;
            let cicp = Cicp { primaries: 1, transfer: 13, matrix, full_range: true };
            let format = Format { width: 1, height: 1, chroma: Chroma::C444, depth };
            let to_rgb = ToRgb::new(cicp, format, 16);
            for [r, g, b] in [[200i32, 60, 61], [0, 0, 0], [255, 255, 255], [3, 250, 128], [255, 0, 255]] {
                // H.273, equations 62 to 65.
                let co = r - b;
                let t = b + (co >> 1);
                let cg = g - t;
                let y = t + (cg >> 1);
                let coded = |v: i32| (v as u32) << (16 - depth);
                let middle = 1 << (depth - 1);
                let found = to_rgb.rgb(coded(y), coded(cg + middle), coded(co + middle));
                for (found, right) in found.iter().zip([r, g, b]) {
                    assert!((found * 255.0 - right as f32).abs() <= 1.0, "{matrix}: {found} {right}");
                }
            }
        }
    }
}

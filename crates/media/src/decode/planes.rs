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

mod depth;
mod plane_shrinker;
mod to_rgb;

use super::colour::{self, Cicp};
use crate::pixels::Pixels;
use crate::pixels::orient::{Orientation, upright};
pub(super) use depth::{Depth, Narrow, Wide};
use fast_image_resize::Resizer;
use plane_shrinker::{PlaneShrinker, SUPPORT, Window};
use to_rgb::{RowToRgb, ToRgb};

/// A plane is averaged by a whole factor before Lanczos3 only so far that this factor remains. SSIMULACRA2
/// against Lanczos3 alone: see docs/decisions.md.
const BOX_ABOVE: f64 = 2.0;

/// A plane's rows are collected up to this many bytes before they are shrunk downwards: small enough for the
/// second-level cache of a small processor.
const BAND_BYTES: usize = 256 << 10;

/// Rows that are shrunk vertically are collected up to this many bytes before they are shrunk horizontally:
/// each call recomputes the filter, which for bands of 256 KB was a tenth of a JPEG's cost.
const LINES_BYTES: usize = 1 << 20;

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

//! Converts luma and chroma to RGB.

use super::depth::Depth;
use super::{Chroma, Format};
use crate::decode::colour::{self, Cicp};

/// From samples (scaled to 8 or 16 bits) to RGB.
pub(super) struct ToRgb {
    /// How the three samples mix.
    mix: Mix,
    /// The black level and the largest luma sample, after scaling to `BITS`.
    black: f32,
    luma_range: f32,
    chroma_range: f32,
    pub(super) middle: u32,
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
    pub(super) fn new(cicp: Cicp, format: Format, bits: u32) -> ToRgb {
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
    pub(super) fn rgb(&self, y: u32, cb: u32, cr: u32) -> [f32; 3] {
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

    pub(super) fn rgb16(&self, y: u32, cb: u32, cr: u32) -> [u16; 3] {
        self.rgb(y, cb, cr).map(|v| (v * 65535.0 + 0.5).clamp(0.0, 65535.0) as u16)
    }
}

/// Converts one row to RGB. Plain x86-64 has no 32-bit multiplication of vectors; with AVX2 this takes a
/// third of the time. Not a closure, since a closure that the compiler does not inline is compiled for plain
/// x86-64.
pub(super) struct RowToRgb<'a, D: Depth> {
    pub(super) to_rgb: &'a ToRgb,
    pub(super) y: &'a [D::Pixel],
    pub(super) cb: &'a [D::Pixel],
    pub(super) cr: &'a [D::Pixel],
    pub(super) out: &'a mut [u8],
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

//! Selects a frame of a video with visible content.
//!
//! A frame is judged by a coarse sample of its luma: the spread of its tones, their deviation, and the
//! difference of neighbours. Black, white and flat frames have no spread; a fade has half of its scene's, so
//! that it never counts as good and loses to the scene.

use crate::decode::colour::Cicp;
use crate::decode::ffmpeg::Frame;
use crate::decode::planes::{Band, Format};

/// Samples across and down.
const ACROSS: u32 = 64;
const DOWN: u32 = 36;

/// The minimum spread of a good frame's tones (2nd to 98th percentile), as a part of the range; more than a
/// fade at its middle has; HDR curves reserve the upper third for highlights.
const GOOD_SPREAD: f32 = 0.55;
const GOOD_SPREAD_HDR: f32 = 0.33;
/// The minimum deviation (standard deviation) of a good frame; a dark scene with one lamp has less.
const GOOD_DEVIATION: f32 = 0.10;
/// Below these the content cannot be recognised.
const SOME_SPREAD: f32 = 0.2;
const SOME_DEVIATION: f32 = 0.035;

/// The measures of a frame; luma from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    mean: f32,
    deviation: f32,
    spread: f32,
    detail: f32,
    hdr: bool,
}

impl Look {
    /// Measures a frame made of planes.
    pub(super) fn of(frame: &Frame) -> Option<Look> {
        Look::at(&frame.band()?, frame.format()?, frame.cicp())
    }

    fn at(band: &Band<'_>, format: Format, cicp: Cicp) -> Option<Look> {
        let (black, range) = if cicp.full_range { (0.0, 255.0) } else { (16.0, 219.0) };
        let unit = f32::from(1u16 << (format.depth - 8));
        let mut samples = Vec::with_capacity((ACROSS * DOWN) as usize);
        let mut difference = 0.0;
        for row in 0..DOWN {
            let y = (u64::from(row) * 2 + 1) * u64::from(format.height) / u64::from(2 * DOWN);
            let mut last = None;
            for column in 0..ACROSS {
                let x = (u64::from(column) * 2 + 1) * u64::from(format.width) / u64::from(2 * ACROSS);
                let plane = &band.planes[0];
                let value = if format.depth > 8 {
                    let at = y as usize * plane.stride + 2 * x as usize;
                    u16::from_ne_bytes([*plane.data.get(at)?, *plane.data.get(at + 1)?])
                } else {
                    u16::from(*plane.data.get(y as usize * plane.stride + x as usize)?)
                };
                let value = ((f32::from(value) / unit - black) / range).clamp(0.0, 1.0);
                if let Some(last) = last.replace(value) {
                    difference += f32::abs(value - last);
                }
                samples.push(value);
            }
        }
        let n = samples.len() as f32;
        let mean = samples.iter().sum::<f32>() / n;
        let variance = samples.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n;
        samples.sort_by(f32::total_cmp);
        let at = |part: f32| samples[((n - 1.0) * part) as usize];
        Some(Look {
            mean,
            deviation: variance.sqrt(),
            spread: at(0.98) - at(0.02),
            detail: difference / n,
            hdr: cicp.is_hdr(),
        })
    }

    /// Good enough to stop the search.
    pub(super) fn is_good(&self) -> bool {
        let spread = if self.hdr { GOOD_SPREAD_HDR } else { GOOD_SPREAD };
        self.spread >= spread
            && self.deviation >= if self.hdr { GOOD_DEVIATION * 0.6 } else { GOOD_DEVIATION }
            && (0.08..0.92).contains(&self.mean)
    }

    /// The content can be recognised.
    pub(super) fn would_do(&self) -> bool {
        self.spread >= SOME_SPREAD && self.deviation >= SOME_DEVIATION
    }

    /// The higher, the better.
    pub(super) fn score(&self) -> f32 {
        let extreme = if (0.08..0.92).contains(&self.mean) { 1.0 } else { 0.3 };
        (self.deviation + 0.5 * self.spread + 0.5 * self.detail) * extreme
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::planes::{Chroma, Plane};

    const FORMAT: Format = Format { width: 128, height: 72, chroma: Chroma::Monochrome, depth: 8 };

    fn look(pixel: impl Fn(usize, usize) -> u8) -> Look {
        let data: Vec<u8> =
            (0..72).flat_map(|y| (0..128).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
        let plane = Plane { data: &data, stride: 128 };
        Look::at(&Band { planes: [plane; 3], alpha: None, rows: 72 }, FORMAT, Cicp::SRGB).unwrap()
    }

    fn scene(x: usize, y: usize) -> u8 {
        (((x * 7 + y * 13) % 97) * 5 / 2) as u8
    }

    #[test]
    fn black_white_and_flat_frames_show_nothing() {
        for level in [0, 16, 128, 235, 255] {
            let flat = look(|_, _| level);
            assert!(!flat.would_do() && !flat.is_good());
        }
    }

    #[test]
    fn a_scene_is_good_and_beats_its_own_fade() {
        let whole = look(scene);
        assert!(whole.is_good());
        for percent in [20usize, 40, 50] {
            let dark = look(|x, y| (usize::from(scene(x, y)) * percent / 100) as u8);
            let light = look(|x, y| 255 - (usize::from(255 - scene(x, y)) * percent / 100) as u8);
            for fade in [dark, light] {
                assert!(!fade.is_good(), "{percent} % {fade:?}");
                assert!(fade.score() < whole.score());
            }
        }
    }
}

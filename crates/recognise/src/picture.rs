//! A picture in the networks' format: cut out, resized with proper minification, turned, and written as
//! planes.
//!
//! A whole `xl` picture is read once, to make a small one of it ([`Views`]), which is the input for
//! everything that concerns the whole scene.

use albumen_media::pixels::Pixels;
use albumen_models::manifest::{Channels, Input};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use std::borrow::Cow;

/// The long side of the small view, pixels: the input of the first face detection, and larger than that of
/// the classifier (256) and the object detector (416).
const SMALL_LONG: f64 = 640.0;
/// The minimum short side of a shrunk panorama, pixels.
const SMALL_SHORT: f64 = 384.0;

/// A picture at its own size and small.
pub struct Views<'p> {
    pub whole: &'p Pixels,
    pub small: Cow<'p, Pixels>,
    /// The scale of the small view, at most 1.
    pub scale: f64,
}

impl Views<'_> {
    pub fn of(whole: &Pixels) -> Views<'_> {
        let (w, h) = (f64::from(whole.width), f64::from(whole.height));
        let scale = (SMALL_LONG / w.max(h)).max(SMALL_SHORT / w.min(h)).min(1.0);
        let small = if scale < 1.0 { Cow::Owned(shrunk(whole, scale)) } else { Cow::Borrowed(whole) };
        Views { whole, small, scale }
    }
}

/// A picture at a smaller scale.
pub fn shrunk(picture: &Pixels, scale: f64) -> Pixels {
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    let to = ((w * scale).round() as u32, (h * scale).round() as u32);
    cut(picture, whole(picture), to, FilterType::Bilinear)
}

/// A rectangle in pixels of a picture: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

/// Quarter turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Left,
    Half,
    Right,
}

/// Cuts `rect` (which lies within the picture) out of a picture and resizes it to `to` pixels.
pub fn cut(picture: &Pixels, rect: Rect, to: (u32, u32), filter: FilterType) -> Pixels {
    let (width, height) = (to.0.max(1), to.1.max(1));
    let mut rgb = vec![0; width as usize * height as usize * 3];
    let source = TypedImageRef::<U8x3>::from_buffer(picture.width, picture.height, &picture.rgb)
        .expect("pixels hold three bytes each");
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut rgb).expect("just sized");
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(rect.x, rect.y, rect.w, rect.h);
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("the rectangle lies within the picture");
    Pixels { width, height, rgb, damaged: None }
}

/// The whole picture as a rectangle.
pub fn whole(picture: &Pixels) -> Rect {
    Rect { x: 0.0, y: 0.0, w: f64::from(picture.width), h: f64::from(picture.height) }
}

/// A copy turned by quarter turns.
pub fn turned(picture: &Pixels, turn: Turn) -> Pixels {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let (width, height) = if turn == Turn::Half { (w, h) } else { (h, w) };
    let mut rgb = Vec::with_capacity(picture.rgb.len());
    for y in 0..height {
        for x in 0..width {
            let (sx, sy) = match turn {
                Turn::Left => (w - 1 - y, x),
                Turn::Half => (w - 1 - x, h - 1 - y),
                Turn::Right => (y, h - 1 - x),
            };
            let at = (sy * w + sx) * 3;
            rgb.extend_from_slice(&picture.rgb[at..at + 3]);
        }
    }
    Pixels { width: width as u32, height: height as u32, rgb, damaged: None }
}

impl Turn {
    /// The position in the picture itself of a point of the turned picture (fractions).
    pub fn undo(self, [x, y]: [f32; 2]) -> [f32; 2] {
        match self {
            Turn::Left => [1.0 - y, x],
            Turn::Half => [1.0 - x, 1.0 - y],
            Turn::Right => [y, 1.0 - x],
        }
    }
}

/// Writes a picture as planes of `to` pixels into `out`, top left; the rest stays black.
pub fn planes(picture: &Pixels, input: &Input, to: (u32, u32), out: &mut Vec<f32>) {
    let (width, height) = (to.0 as usize, to.1 as usize);
    let (w, h) = ((picture.width as usize).min(width), (picture.height as usize).min(height));
    out.clear();
    for plane in 0..3 {
        let channel = match input.channels {
            Channels::Rgb => plane,
            Channels::Bgr => 2 - plane,
        };
        let (mean, scale) = (input.mean[plane], 1.0 / input.std[plane]);
        let black = (0.0 - mean) * scale;
        for y in 0..h {
            let at = y * picture.width as usize * 3;
            let row = &picture.rgb[at..at + w * 3];
            out.extend(row.chunks_exact(3).map(|p| (f32::from(p[channel]) - mean) * scale));
            out.resize(out.len() + width - w, black);
        }
        out.resize((plane + 1) * width * height, black);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: u32, height: u32) -> Pixels {
        let rgb = (0..width * height).flat_map(|i| [i as u8, 100, 200]).collect();
        Pixels { width, height, rgb, damaged: None }
    }

    #[test]
    fn a_turn_moves_pixels_where_undo_says_they_came_from() {
        let picture = numbered(3, 2);
        for turn in [Turn::Left, Turn::Half, Turn::Right] {
            let t = turned(&picture, turn);
            for y in 0..t.height {
                for x in 0..t.width {
                    let centre = [(x as f32 + 0.5) / t.width as f32, (y as f32 + 0.5) / t.height as f32];
                    let [sx, sy] = turn.undo(centre);
                    let (sx, sy) = ((sx * 3.0) as usize, (sy * 2.0) as usize);
                    assert_eq!(
                        t.rgb[((y * t.width + x) * 3) as usize] as usize,
                        sy * 3 + sx,
                        "{turn:?} {x} {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn planes_are_ordered_normalised_and_padded() {
        let input = Input {
            name: String::new(),
            channels: Channels::Bgr,
            mean: [200.0, 100.0, 0.0],
            std: [2.0, 1.0, 1.0],
            width: 0,
            height: 0,
            multiple_of: 1,
            centre: 1.0,
        };
        let mut out = Vec::new();
        planes(&numbered(2, 1), &input, (3, 2), &mut out);
        assert_eq!(out[..6], [0.0, 0.0, -100.0, -100.0, -100.0, -100.0]);
        assert_eq!(out[6..12], [0.0, 0.0, -100.0, -100.0, -100.0, -100.0]);
        assert_eq!(out[12..], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}

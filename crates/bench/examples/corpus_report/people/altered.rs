//! One picture of a person, altered in typical ways: turned, mirrored, dark, blurred, small, and with a
//! covered face. Nothing here is random.

use image::{Rgb, RgbImage, imageops};

/// Ways to alter a picture. Lengths are shares of the distance of the eyes, or of the longer side of the face's box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    Unchanged,
    /// The pixels are turned by a quarter, without metadata of the turn.
    Turned,
    Mirrored,
    /// A fifth of the light.
    Dark,
    /// Gaussian blur with a deviation of 4 % of the face.
    Blurred,
    /// The whole picture is shrunk until the face has this side, pixels.
    Small(u32),
    Sunglasses,
    /// A surgical mask from the bridge of the nose to the chin.
    Mask,
    /// The picture is turned by 35 degrees around the face.
    Tilted,
}

impl Change {
    pub(super) const ALL: [Change; 12] = [
        Change::Unchanged,
        Change::Turned,
        Change::Mirrored,
        Change::Dark,
        Change::Blurred,
        Change::Small(80),
        Change::Small(64),
        Change::Small(48),
        Change::Small(36),
        Change::Sunglasses,
        Change::Mask,
        Change::Tilted,
    ];

    /// For tables and file names.
    pub(super) fn name(self) -> String {
        match self {
            Change::Small(side) => format!("{side} pixels"),
            Change::Tilted => "tilted 35 degrees".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

/// The position of a face in a picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub area: [f32; 4],
    /// Eyes, nose, corners of the mouth.
    pub points: [[f32; 2]; 5],
}

/// The altered picture.
pub(super) fn alter(picture: &RgbImage, face: &Place, change: Change) -> RgbImage {
    let [x, y, w, h] = face.area;
    let side = w.max(h);
    match change {
        Change::Unchanged => picture.clone(),
        Change::Turned => imageops::rotate90(picture),
        Change::Mirrored => imageops::flip_horizontal(picture),
        Change::Dark => {
            let mut dark = picture.clone();
            dark.pixels_mut().for_each(|p| p.0 = p.0.map(|c| c / 5));
            dark
        }
        Change::Blurred => imageops::blur(picture, 0.04 * side),
        Change::Small(to) => {
            let scale = to as f32 / side;
            let size = |length: u32| ((length as f32 * scale).round() as u32).max(1);
            let (width, height) = (size(picture.width()), size(picture.height()));
            imageops::resize(picture, width, height, imageops::FilterType::Triangle)
        }
        Change::Sunglasses => painted(picture, face, |frame, colour| {
            let glass = |x: f32| ((frame.x - x) / 0.46).powi(2) + ((frame.y - 0.04) / 0.36).powi(2) <= 1.0;
            let bar = frame.x.abs() <= 0.85 && (frame.y + 0.12).abs() <= 0.05;
            if glass(-0.5) || glass(0.5) || bar { [16, 16, 18] } else { colour }
        }),
        Change::Mask => painted(picture, face, |frame, colour| {
            let [top, bottom] = [0.38, 1.9];
            let down = ((frame.y - top) / (bottom - top)).clamp(0.0, 1.0);
            let half = 0.95 - 0.5 * down * down;
            if (top..=bottom).contains(&frame.y) && frame.x.abs() <= half {
                // With folds, so that the area is not even.
                [170, 196, 214].map(|c: u8| c - (frame.y * 20.0) as u8 % 4 * 5)
            } else {
                colour
            }
        }),
        Change::Tilted => {
            let centre = [x + w / 2.0, y + h / 2.0];
            rotated(picture, centre, 35f32.to_radians())
        }
    }
}

/// A point in the frame of a face: the origin between the eyes, x along them, y down the face, in distances of the eyes.
struct InFace {
    x: f32,
    y: f32,
}

fn painted(picture: &RgbImage, face: &Place, paint: impl Fn(InFace, [u8; 3]) -> [u8; 3]) -> RgbImage {
    let [left, right, ..] = face.points;
    let origin = [(left[0] + right[0]) / 2.0, (left[1] + right[1]) / 2.0];
    let (ux, uy) = (right[0] - left[0], right[1] - left[1]);
    let square = ux * ux + uy * uy;
    let mut out = picture.clone();
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let (dx, dy) = (x as f32 + 0.5 - origin[0], y as f32 + 0.5 - origin[1]);
        let at = InFace { x: (dx * ux + dy * uy) / square, y: (dy * ux - dx * uy) / square };
        *pixel = Rgb(paint(at, pixel.0));
    }
    out
}

/// Rotated around a point by bilinear sampling; samples from outside are those of the nearest edge.
fn rotated(picture: &RgbImage, [cx, cy]: [f32; 2], angle: f32) -> RgbImage {
    let (sin, cos) = angle.sin_cos();
    let (w, h) = (picture.width() as f32 - 1.0, picture.height() as f32 - 1.0);
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        let (sx, sy) = ((cx + cos * dx + sin * dy).clamp(0.0, w), (cy - sin * dx + cos * dy).clamp(0.0, h));
        imageops::interpolate_bilinear(picture, sx, sy).unwrap_or(Rgb([0; 3]))
    })
}

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
    /// The light is divided by this.
    Dark(u8),
    /// Gaussian blur with a deviation of this percentage of the face.
    Blurred(u8),
    /// The whole picture is shrunk until the face has this side, pixels.
    Small(u32),
    /// Dark glasses.
    Sunglasses(Glasses),
    /// A surgical mask from the bridge of the nose to the chin.
    Mask,
    /// The picture is turned by this angle around the face, degrees.
    Tilted(i8),
}

/// The lenses of sunglasses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Glasses {
    /// 0.92 by 0.72 distances of the eyes, opaque.
    Large,
    /// As large; they let 40 % of the light through.
    Tinted,
    /// 0.72 by 0.5 distances of the eyes, opaque.
    Small,
}

impl Change {
    pub(super) const ALL: [Change; 25] = [
        Change::Unchanged,
        Change::Turned,
        Change::Mirrored,
        Change::Dark(3),
        Change::Dark(5),
        Change::Dark(8),
        Change::Blurred(1),
        Change::Blurred(2),
        Change::Blurred(3),
        Change::Blurred(4),
        Change::Small(80),
        Change::Small(64),
        Change::Small(48),
        Change::Small(36),
        Change::Small(28),
        Change::Sunglasses(Glasses::Tinted),
        Change::Sunglasses(Glasses::Small),
        Change::Sunglasses(Glasses::Large),
        Change::Mask,
        Change::Tilted(10),
        Change::Tilted(20),
        Change::Tilted(35),
        Change::Tilted(-35),
        Change::Tilted(45),
        Change::Tilted(60),
    ];

    /// For tables and file names.
    pub(super) fn name(self) -> String {
        match self {
            Change::Dark(share) => format!("dark, light divided by {share}"),
            Change::Blurred(percent) => format!("blurred, {percent} percent"),
            Change::Small(side) => format!("{side} pixels"),
            Change::Sunglasses(glasses) => format!("sunglasses, {glasses:?}").to_lowercase(),
            Change::Tilted(degrees) => format!("tilted {degrees} degrees"),
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
        Change::Dark(share) => {
            let mut dark = picture.clone();
            dark.pixels_mut().for_each(|p| p.0 = p.0.map(|c| c / share));
            dark
        }
        Change::Blurred(percent) => imageops::blur(picture, f32::from(percent) / 100.0 * side),
        Change::Small(to) => {
            let scale = to as f32 / side;
            let size = |length: u32| ((length as f32 * scale).round() as u32).max(1);
            let (width, height) = (size(picture.width()), size(picture.height()));
            imageops::resize(picture, width, height, imageops::FilterType::Triangle)
        }
        Change::Sunglasses(glasses) => {
            let ([half_width, half_height], light) = match glasses {
                Glasses::Large => ([0.46, 0.36], 0),
                Glasses::Tinted => ([0.46, 0.36], 40),
                Glasses::Small => ([0.36, 0.25], 0),
            };
            painted(picture, face, |frame, colour| {
                let glass = |x: f32| {
                    ((frame.x - x) / half_width).powi(2) + ((frame.y - 0.04) / half_height).powi(2) <= 1.0
                };
                if glass(-0.5) || glass(0.5) {
                    colour.map(|c| (u16::from(c) * light / 100) as u8 + 16)
                } else if frame.x.abs() <= 0.85 && (frame.y + 0.12).abs() <= 0.05 {
                    [16; 3]
                } else {
                    colour
                }
            })
        }
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
        Change::Tilted(degrees) => {
            let centre = [x + w / 2.0, y + h / 2.0];
            rotated(picture, centre, f32::from(degrees).to_radians())
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

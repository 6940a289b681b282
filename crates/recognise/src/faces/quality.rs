//! How much a face can be trusted: large, sharp, frontal and surely a face is 1.

use super::detect::Detection;
use albumen_media::pixels::Pixels;

/// Distance of the eyes, pixels of the picture, from which size says nothing more: SFace's own input has 35.
const EYES_FULL: f32 = 35.0;
/// And under which a face is worthless, pixels.
const EYES_LEAST: f32 = 5.0;
/// Detector scores between which trust grows.
const SCORES: (f32, f32) = (0.55, 0.9);

/// The grade, 0 to 1: the geometric mean of size, sharpness, pose and score, so that one poor mark cannot be bought off.
pub fn grade(found: &Detection, straightened: &Pixels) -> f32 {
    let marks =
        [size(&found.points), sharpness(straightened), pose(&found.points), between(found.score, SCORES)];
    let product: f32 = marks.iter().product();
    product.max(0.0).powf(1.0 / marks.len() as f32)
}

fn between(value: f32, (least, full): (f32, f32)) -> f32 {
    ((value - least) / (full - least)).clamp(0.0, 1.0)
}

fn size([left, right, ..]: &[[f32; 2]; 5]) -> f32 {
    between((right[0] - left[0]).hypot(right[1] - left[1]), (EYES_LEAST, EYES_FULL))
}

/// Frontal is 1, profile 0: how near the nose is to the middle between the eyes, along the line of the eyes; and how
/// near it is to where it belongs between eyes and mouth, across it (nodding).
fn pose([left, right, nose, mouth_left, mouth_right]: &[[f32; 2]; 5]) -> f32 {
    let (ex, ey) = (right[0] - left[0], right[1] - left[1]);
    let square = ex * ex + ey * ey;
    let mouth = [(mouth_left[0] + mouth_right[0]) / 2.0, (mouth_left[1] + mouth_right[1]) / 2.0];
    let along = |p: [f32; 2]| ((p[0] - left[0]) * ex + (p[1] - left[1]) * ey) / square;
    let across = |p: [f32; 2]| ((p[1] - left[1]) * ex - (p[0] - left[0]) * ey) / square;
    let yaw = 1.0 - ((along(*nose) - 0.5).abs() / 0.5).min(1.0);
    // On the places of a frontal face the nose is at 0.49 of the way from the eyes to the mouth.
    let nod = 1.0 - ((across(*nose) / across(mouth) - 0.49).abs() / 0.49).min(1.0);
    let pose = yaw * nod;
    if pose.is_finite() { pose } else { 0.0 }
}

/// Energy of the finest detail against that of all detail, in the middle of the straightened face.
fn sharpness(face: &Pixels) -> f32 {
    let (w, h) = (face.width as usize, face.height as usize);
    let luma: Vec<f32> = (face.rgb.chunks_exact(3))
        .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
        .collect();
    let (mut fine, mut sum, mut squares, mut count) = (0.0, 0.0, 0.0, 0.0f32);
    for y in h / 5..h - h / 5 {
        for x in w / 5..w - w / 5 {
            let at = y * w + x;
            let c = luma[at];
            let laplace = 4.0 * c - luma[at - 1] - luma[at + 1] - luma[at - w] - luma[at + w];
            fine += laplace * laplace;
            sum += c;
            squares += c * c;
            count += 1.0;
        }
    }
    let variance = squares / count - (sum / count).powi(2);
    // The camera's noise (about 2 of 255) must not pass for detail in a face without contrast.
    let ratio = (fine / count - 20.0 * 4.0).max(0.0) / (variance + 100.0);
    between(ratio.sqrt(), SHARP)
}

/// Ratios between which sharpness grows: measured on sharp portraits and on the same ones blurred by 3 pixels.
const SHARP: (f32, f32) = (0.0, 0.45);

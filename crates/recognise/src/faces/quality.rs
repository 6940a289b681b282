//! The quality of a face: 0 is a useless embedding, 1 a large, sharp and frontal face.
//!
//! The length of an embedding before normalization measures its quality. Measured on 953 pictures of LFW (of
//! people with several) and on the same ones shrunk until the face has 48, 36, 28, 22 and 17 pixels, against
//! the mean cosine with the other pictures of the person: the correlation of the length is 0.85, of the
//! distance of the eyes 0.77, of the detector's score 0.71, of the pose by the five points -0.06. Small
//! sideways faces with useless embeddings have short ones. The other measures select the best face of a
//! person to show.

use super::detect::Detection;
use albumen_media::pixels::Pixels;

/// Distance of the eyes, pixels of the picture, above which size makes no difference: SFace's own input has
/// 35.
const EYES_FULL: f32 = 35.0;
/// The distance below which the size measure is lowest, pixels.
const EYES_LEAST: f32 = 5.0;
/// The range of detector scores over which the measure grows.
const SCORES: (f32, f32) = (0.55, 0.9);

/// The range of SFace's embedding lengths over which the measure grows. Below the first the mean cosine with
/// other pictures of the person is 0.19, while good pictures have 0.65: 67 of the 246 faces with less than
/// 0.2 are there, and 7 of the 4,156 with 0.35 and more. From the second on the mean is 0.58 and more.
pub(super) const NORMS: (f32, f32) = (7.0, 11.0);

/// The grade, 0 to 1, of a face whose embedding had this length: the quality of the embedding, reduced by at
/// most half for the appearance, the geometric mean of size, sharpness, pose and score.
pub fn grade(found: &Detection, straightened: &Pixels, norm: f32) -> f32 {
    let marks =
        [size(&found.points), sharpness(straightened), pose(&found.points), between(found.score, SCORES)];
    let looks = marks.iter().product::<f32>().max(0.0).powf(1.0 / marks.len() as f32);
    between(norm, NORMS) * (1.0 + looks) / 2.0
}

fn between(value: f32, (least, full): (f32, f32)) -> f32 {
    ((value - least) / (full - least)).clamp(0.0, 1.0)
}

fn size([left, right, ..]: &[[f32; 2]; 5]) -> f32 {
    between((right[0] - left[0]).hypot(right[1] - left[1]), (EYES_LEAST, EYES_FULL))
}

/// Frontal is 1, profile 0: by the distance of the nose from the middle between the eyes, along the line of
/// the eyes, and from its frontal position between eyes and mouth, across it (nodding).
fn pose([left, right, nose, mouth_left, mouth_right]: &[[f32; 2]; 5]) -> f32 {
    let (ex, ey) = (right[0] - left[0], right[1] - left[1]);
    let square = ex * ex + ey * ey;
    let mouth = [(mouth_left[0] + mouth_right[0]) / 2.0, (mouth_left[1] + mouth_right[1]) / 2.0];
    let along = |p: [f32; 2]| ((p[0] - left[0]) * ex + (p[1] - left[1]) * ey) / square;
    let across = |p: [f32; 2]| ((p[1] - left[1]) * ex - (p[0] - left[0]) * ey) / square;
    let yaw = 1.0 - ((along(*nose) - 0.5).abs() / 0.5).min(1.0);
    // In a frontal face the nose is at 0.49 of the distance from the eyes to the mouth.
    let nod = 1.0 - ((across(*nose) / across(mouth) - 0.49).abs() / 0.49).min(1.0);
    let pose = yaw * nod;
    if pose.is_finite() { pose } else { 0.0 }
}

/// Energy of the finest detail relative to all detail, in the middle of the aligned face.
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
    // The camera's noise (about 2 of 255) must not count as detail in a face without contrast.
    let ratio = (fine / count - 20.0 * 4.0).max(0.0) / (variance + 100.0);
    between(ratio.sqrt(), SHARP)
}

/// The range of ratios over which sharpness grows: measured on sharp portraits and on the same ones blurred
/// by 3 pixels.
const SHARP: (f32, f32) = (0.0, 0.45);

#[cfg(test)]
mod tests {
    use super::*;

    /// A frontal face of this size, and an aligned picture of it with or without detail.
    fn face(eyes: f32, is_sharp: bool) -> (Detection, Pixels) {
        let points = [[0.0, 0.0], [1.0, 0.0], [0.5, 0.57], [0.1, 1.16], [0.9, 1.16]];
        let points = points.map(|[x, y]: [f32; 2]| [x * eyes, y * eyes]);
        let found = Detection { x: 0.0, y: 0.0, w: 2.0 * eyes, h: 2.5 * eyes, score: 0.92, points };
        let grey = |i: usize| if is_sharp && (i / 3 + i / 336).is_multiple_of(2) { 200 } else { 60 };
        (
            found,
            Pixels { width: 112, height: 112, rgb: (0..112 * 112 * 3).map(grey).collect(), damaged: None },
        )
    }

    #[test]
    fn a_face_is_worthless_by_its_embedding_alone() {
        let (large, sharp) = face(60.0, true);
        let (small, blurred) = face(4.0, false);
        assert_eq!(grade(&large, &sharp, 6.9), 0.0, "large, sharp, frontal, but with a short embedding");
        // Small or blurred reduces by at most half: such faces found people, if the embedder is certain.
        assert_eq!(grade(&small, &blurred, 12.0), 0.5);
        assert!(grade(&large, &sharp, 12.0) > 0.9);
        assert!(grade(&large, &sharp, 8.0) < grade(&large, &sharp, 10.0));
    }
}

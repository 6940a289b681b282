//! The points of a face that is tilted in the plane of the picture.
//!
//! YuNet finds tilted faces, but draws the points of each of them nearly upright. Therefore a face with a poor
//! embedding is detected again in turned cuts, and the points of the cut with the highest score are tried.
//! Measured on 60 people of LFW, mean cosine with four other pictures, whose own is 0.65:
//!
//! | tilt in degrees | 0 | 10 | 20 | 30 | 40 |
//! |---|---|---|---|---|---|
//! | angle of the eyes as detected | 0 | 2 | 3 | 4 | 5 |
//! | as detected | .654 | .630 | .553 | .401 | .239 |
//! | with the points of a cut, if the embedding is longer | .656 | .648 | .639 | .632 | .645 |
//!
//! The length of the embedding is shortest where the alignment is worst, so it selects the faces that need
//! this (9 of 100 upright ones, 91 of 100 tilted by 30 degrees) and decides between both results.

use super::align::{Similarity, resampled};
use super::detect::{Detection, Detector};
use albumen_core::fault::Fault;
use albumen_media::pixels::Pixels;
use std::f64::consts::FRAC_PI_2;

/// The side of a cut, and of the face within it, pixels.
const CUT: u32 = 160;
const FACE: f64 = 64.0;
/// The tried tilts, degrees. A remainder of 10 costs almost nothing.
const TILTS: [f64; 6] = [-60.0, -40.0, -20.0, 20.0, 40.0, 60.0];

/// The points of a face in the turned cut with the highest score; `None` if it is found in no cut.
pub(super) fn points(
    detector: &mut Detector,
    picture: &Pixels,
    face: &Detection,
) -> Result<Option<[[f32; 2]; 5]>, Fault> {
    let mut best: Option<(f32, [[f32; 2]; 5])> = None;
    for tilt in TILTS {
        let back = from_cut(face, tilt.to_radians());
        let cut = resampled(picture, &back, (CUT, CUT));
        let Some(found) = detector.pass(&cut)?.into_iter().find(is_central) else { continue };
        if best.is_none_or(|(score, _)| found.score > score) {
            let points = found.points.map(|p| back.apply(p.map(f64::from)).map(|v| v as f32));
            best = Some((found.score, points));
        }
    }
    Ok(best.map(|(_, points)| points))
}

/// Maps a cut around the face to the picture. The tilt is added to the quarter turn at which the face was
/// found.
fn from_cut(face: &Detection, tilt: f64) -> Similarity {
    let [left, right, ..] = face.points;
    let eyes = f64::from(right[1] - left[1]).atan2(f64::from(right[0] - left[0]));
    let angle = (eyes / FRAC_PI_2).round() * FRAC_PI_2 + tilt;
    let scale = f64::from(face.side()) / FACE;
    let (a, b) = (scale * angle.cos(), scale * angle.sin());
    let centre = [f64::from(face.x + face.w / 2.0), f64::from(face.y + face.h / 2.0)];
    let middle = f64::from(CUT) / 2.0;
    Similarity { a, b, t: [centre[0] - (a - b) * middle, centre[1] - (b + a) * middle] }
}

/// Whether a detection in a cut is the face of the cut, and not one beside it.
fn is_central(found: &Detection) -> bool {
    let off = |start: f32, length: f32| (start + length / 2.0 - CUT as f32 / 2.0).abs();
    off(found.x, found.w).max(off(found.y, found.h)) <= FACE as f32 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn face(x: f32, y: f32, side: f32, eyes: f32) -> Detection {
        let (sin, cos) = eyes.sin_cos();
        let points = [[x, y], [x + cos, y + sin], [x, y], [x, y], [x, y]];
        Detection { x, y, w: side, h: side, score: 0.9, points }
    }

    proptest! {
        #[test]
        fn a_cut_has_the_face_in_its_middle_at_a_fixed_size(
            x in -50f32..500.0, y in -50f32..500.0, side in 14f32..400.0, quarter in 0u8..4, tilt in -1f64..1.0,
        ) {
            let turn = f64::from(quarter) * FRAC_PI_2;
            let back = from_cut(&face(x, y, side, turn as f32 + 0.1), tilt);
            let middle = back.apply([f64::from(CUT) / 2.0; 2]);
            prop_assert!((middle[0] - f64::from(x + side / 2.0)).abs() < 1e-3);
            prop_assert!((middle[1] - f64::from(y + side / 2.0)).abs() < 1e-3);
            prop_assert!((back.scale() * FACE - f64::from(side)).abs() < 1e-3);
            // Along the eyes of a face with this tilt.
            let along = (back.b.atan2(back.a) - turn - tilt).rem_euclid(4.0 * FRAC_PI_2);
            prop_assert!(!(1e-3..=4.0 * FRAC_PI_2 - 1e-3).contains(&along));
        }
    }

    #[test]
    fn a_neighbour_is_not_the_face_of_the_cut() {
        let at = |x: f32| face(x, 48.0, 64.0, 0.0);
        assert!(is_central(&at(48.0)) && is_central(&at(70.0)));
        assert!(!is_central(&at(96.0)));
    }
}

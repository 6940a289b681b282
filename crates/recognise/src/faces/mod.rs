//! Faces: detection, alignment, correction of tilt, embedding and quality.

pub mod align;
pub mod detect;
pub mod embed;
pub mod quality;
pub mod tilt;

use self::detect::{Detection, Detector};
use self::embed::{Embedder, Embedding};
use crate::picture::Views;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::FoundFace;
use albumen_media::pixels::Pixels;

/// The maximum number of faces per picture. Embedding takes 15 to 60 ms each, by the processor, and a file
/// has 20 s of CPU; a picture with more loses the smallest and least certain.
pub const MAX_FACES: usize = 300;
/// The maximum number of faces per picture whose tilt is searched for, the largest first: each takes six small
/// detections and another embedding.
const MAX_CORRECTIONS: usize = 20;

/// The detector and the embedder together.
pub struct Faces {
    pub detector: Detector,
    pub embedder: Embedder,
}

impl Faces {
    /// Finds the faces of an upright picture, from left to right.
    pub fn find(&mut self, views: &Views<'_>, try_rotations: bool) -> Result<Vec<FoundFace>, Fault> {
        let mut found = self.detector.find(views, try_rotations)?;
        keep_best(&mut found);
        let by_place = |a: &Detection, b: &Detection| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y));
        found.sort_by(|a, b| b.side().total_cmp(&a.side()).then_with(|| by_place(a, b)));
        let mut corrections = MAX_CORRECTIONS;
        let mut faces = Vec::with_capacity(found.len());
        for face in &found {
            faces.push((face, self.describe(views.whole, face, &mut corrections)?));
        }
        faces.sort_by(|(a, _), (b, _)| by_place(a, b));
        Ok(faces.into_iter().map(|(_, described)| described).collect())
    }

    fn describe(
        &mut self,
        picture: &Pixels,
        found: &Detection,
        corrections: &mut usize,
    ) -> Result<FoundFace, Fault> {
        let mut found = *found;
        let (mut upright, mut embedding) = self.embed(picture, &found.points)?;
        if embedding.norm < quality::NORMS.1 && *corrections > 0 {
            // Counted before the detections, which take most of the time and may find nothing.
            *corrections -= 1;
            if let Some(points) = tilt::points(&mut self.detector, picture, &found)? {
                let (straightened, corrected) = self.embed(picture, &points)?;
                if corrected.norm > embedding.norm {
                    (found.points, upright, embedding) = (points, straightened, corrected);
                }
            }
        }
        let quality = quality::grade(&found, &upright, embedding.norm);
        let (w, h) = (picture.width as f32, picture.height as f32);
        Ok(FoundFace {
            area: found.fractions(w, h),
            score: found.score,
            quality,
            points: found.points.map(|[x, y]| [x / w, y / h]),
            embedding: embedding.direction,
        })
    }

    /// The aligned face and its embedding.
    fn embed(&mut self, picture: &Pixels, points: &[[f32; 2]; 5]) -> Result<(Pixels, Embedding), Fault> {
        let upright = align::straighten(picture, points, self.embedder.input(), self.embedder.points());
        let embedding = self.embedder.embed(&upright)?;
        Ok((upright, embedding))
    }
}

/// Keeps [`MAX_FACES`]: the larger and more certain first.
fn keep_best(found: &mut Vec<Detection>) {
    if found.len() > MAX_FACES {
        let worth = |f: &Detection| f.w * f.h * f.score;
        found.sort_by(|a, b| {
            worth(b).total_cmp(&worth(a)).then(a.x.total_cmp(&b.x)).then(a.y.total_cmp(&b.y))
        });
        found.truncate(MAX_FACES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_faces_the_larger_are_kept() {
        let face = |i: usize| Detection {
            x: i as f32,
            y: 0.0,
            w: i as f32,
            h: 10.0,
            score: 0.9,
            points: [[0.0; 2]; 5],
        };
        let mut found: Vec<Detection> = (0..500).map(face).collect();
        keep_best(&mut found);
        assert_eq!(found.len(), MAX_FACES);
        assert!(found.iter().all(|f| f.w >= 200.0));
    }
}

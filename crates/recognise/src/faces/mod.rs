//! Faces: detection, alignment, embedding and quality.

pub mod align;
pub mod detect;
pub mod embed;
pub mod quality;

use self::detect::{Detection, Detector};
use self::embed::Embedder;
use crate::picture::Views;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::FoundFace;
use albumen_media::pixels::Pixels;

/// The maximum number of faces per picture. Embedding takes 15 to 60 ms each, by the processor, and a file
/// has 20 s of CPU; a picture with more loses the smallest and least certain.
pub const MAX_FACES: usize = 300;

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
        found.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        found.iter().map(|f| self.describe(views.whole, f)).collect()
    }

    fn describe(&mut self, picture: &Pixels, found: &Detection) -> Result<FoundFace, Fault> {
        let upright =
            align::straighten(picture, &found.points, self.embedder.input(), self.embedder.points());
        let embedding = self.embedder.embed(&upright)?;
        let quality = quality::grade(found, &upright, embedding.norm);
        let (w, h) = (picture.width as f32, picture.height as f32);
        Ok(FoundFace {
            area: found.fractions(w, h),
            score: found.score,
            quality,
            points: found.points.map(|[x, y]| [x / w, y / h]),
            embedding: embedding.direction,
        })
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

//! Objects with boxes.

use crate::picture;
use crate::session::{Network, Outputs};
use albumen_core::fault::Fault;
use albumen_core::vocabulary::Box4;
use albumen_media::pixels::Pixels;
use albumen_models::files::ModelFault;
use albumen_models::manifest::{Model, ObjectHead, for_stride};
use albumen_models::taxonomy::FoundObject;
use fast_image_resize::FilterType;
use ort::environment::Environment;
use std::path::Path;

/// The maximum number of objects per picture; those with the lowest scores are dropped.
const MAX_OBJECTS: usize = 100;

pub struct ObjectDetector {
    network: Network,
    model: &'static Model<ObjectHead>,
    planes: Vec<f32>,
}

impl ObjectDetector {
    pub fn open(
        environment: &Environment,
        dir: &Path,
        model: &'static Model<ObjectHead>,
        threads: usize,
    ) -> Result<ObjectDetector, ModelFault> {
        let head = &model.head;
        let outputs: Vec<String> =
            head.strides.iter().flat_map(|&s| [&head.score, &head.area].map(|p| for_stride(p, s))).collect();
        let network = Network::open(environment, dir, &model.file, threads, &model.input.name, &outputs)?;
        Ok(ObjectDetector { network, model, planes: Vec::new() })
    }

    /// The objects found, most certain first. The picture is scaled to the network's square, as in training.
    pub fn find(&mut self, picture: &Pixels) -> Result<Vec<FoundObject>, Fault> {
        let ObjectDetector { network, model, planes } = self;
        let size = (model.input.width, model.input.height);
        let square = picture::cut(picture, picture::whole(picture), size, FilterType::Bilinear);
        picture::planes(&square, &model.input, size, planes);
        let outputs = network.run(planes, size)?;
        let mut found = Vec::new();
        for &stride in &model.head.strides {
            read(&outputs, model, stride, &mut found)?;
        }
        Ok(suppress(found, model.thresholds.overlap))
    }
}

/// Reads one stride's outputs.
fn read(
    outputs: &Outputs<'_>,
    model: &Model<ObjectHead>,
    stride: u32,
    found: &mut Vec<FoundObject>,
) -> Result<(), Fault> {
    let head = &model.head;
    let (width, height) = (model.input.width, model.input.height);
    let columns = width.div_ceil(stride) as usize;
    let cells = columns * height.div_ceil(stride) as usize;
    let scores = outputs.get(&for_stride(&head.score, stride), cells * head.classes)?;
    let sides = outputs.get(&for_stride(&head.area, stride), cells * 4 * head.bins)?;
    for cell in 0..cells {
        for (class, &score) in scores[cell * head.classes..(cell + 1) * head.classes].iter().enumerate() {
            if score >= model.thresholds.score {
                let at = cell * 4 * head.bins;
                let centre = [(cell % columns) as f32 + 0.5, (cell / columns) as f32 + 0.5];
                let area = area(centre, &sides[at..at + 4 * head.bins], head.bins);
                let scale = [stride as f32 / width as f32, stride as f32 / height as f32];
                found.push(FoundObject { class, score: score.min(1.0), area: fractions(area, scale) });
            }
        }
    }
    Ok(())
}

/// The box of a cell in units of the stride: left, top, right, bottom. Each side's distance from the centre is the
/// expectation of its distribution.
fn area([x, y]: [f32; 2], sides: &[f32], bins: usize) -> [f32; 4] {
    let mut distances = sides.chunks_exact(bins).map(|logits| {
        let p = super::classify::softmax(logits);
        p.iter().enumerate().map(|(i, p)| i as f32 * p).sum::<f32>()
    });
    let mut next = || distances.next().unwrap_or(0.0);
    let (left, top, right, bottom) = (next(), next(), next(), next());
    [x - left, y - top, x + right, y + bottom]
}

fn fractions([x0, y0, x1, y1]: [f32; 4], [sx, sy]: [f32; 2]) -> Box4 {
    let within = |v: f32| if v.is_finite() { v.clamp(0.0, 1.0) } else { 0.0 };
    let (x0, y0, x1, y1) = (within(x0 * sx), within(y0 * sy), within(x1 * sx), within(y1 * sy));
    [x0, y0, x1 - x0, y1 - y0]
}

/// Keeps the most certain of the overlapping boxes of one object, by class.
fn suppress(mut found: Vec<FoundObject>, overlap: f32) -> Vec<FoundObject> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.area[0].total_cmp(&b.area[0])));
    // Far more candidates than objects: one object fills several cells.
    found.truncate(MAX_OBJECTS * 10);
    let mut kept: Vec<FoundObject> = Vec::new();
    for f in found {
        if kept.len() < MAX_OBJECTS
            && kept.iter().all(|k| k.class != f.class || shared(&k.area, &f.area) <= overlap)
        {
            kept.push(f);
        }
    }
    kept
}

/// Intersection over union.
fn shared(a: &Box4, b: &Box4) -> f32 {
    let w = ((a[0] + a[2]).min(b[0] + b[2]) - a[0].max(b[0])).max(0.0);
    let h = ((a[1] + a[3]).min(b[1] + b[3]) - a[1].max(b[1])).max(0.0);
    let union = a[2] * a[3] + b[2] * b[3] - w * h;
    if union > 0.0 { w * h / union } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_the_expectation_of_its_distribution() {
        // All weight on bins 1, 2, 3 and 4 in turn.
        let mut sides = vec![0.0; 4 * 11];
        for (side, bin) in [1, 2, 3, 4].into_iter().enumerate() {
            sides[side * 11 + bin] = 100.0;
        }
        let [x0, y0, x1, y1] = area([5.5, 6.5], &sides, 11);
        for (got, want) in [(x0, 4.5), (y0, 4.5), (x1, 8.5), (y1, 10.5)] {
            assert!((got - want).abs() < 1e-3);
        }
    }

    #[test]
    fn one_thing_is_kept_once_a_class_and_numbers_that_are_none_do_no_harm() {
        let object = |class, score, x| FoundObject { class, score, area: [x, 0.1, 0.3, 0.3] };
        let found = vec![object(1, 0.6, 0.1), object(1, 0.8, 0.12), object(2, 0.7, 0.1), object(1, 0.5, 0.6)];
        let kept = suppress(found, 0.55);
        assert_eq!(kept.iter().map(|k| k.score).collect::<Vec<_>>(), [0.8, 0.7, 0.5]);
        assert_eq!(fractions([f32::NAN, 0.0, f32::INFINITY, 3.0], [0.1, 0.1]), [0.0, 0.0, 0.0, 0.3]);
    }
}

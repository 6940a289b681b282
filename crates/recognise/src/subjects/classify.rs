//! Classification of a whole picture: probabilities by class, and the feature vector before the last layer.

use crate::faces::embed::Embedding;
use crate::picture::{self, Rect};
use crate::session::Network;
use albumen_core::fault::Fault;
use albumen_media::pixels::Pixels;
use albumen_models::files::ModelFault;
use albumen_models::manifest::{ClassifierHead, Model};
use fast_image_resize::FilterType;
use ort::environment::Environment;
use std::path::Path;

pub struct Classifier {
    network: Network,
    model: &'static Model<ClassifierHead>,
    planes: Vec<f32>,
}

/// The classifier's result for a picture.
pub struct Classified {
    /// By class; they add up to 1.
    pub probabilities: Vec<f32>,
    /// L2-normalised, times 127. All 1280 numbers are kept: they are the input of similarity and later
    /// learning, and a picture's 1280 bytes are little beside its thumbnails' 200,000.
    pub features: Vec<i8>,
}

impl Classifier {
    pub fn open(
        environment: &Environment,
        dir: &Path,
        model: &'static Model<ClassifierHead>,
        threads: usize,
    ) -> Result<Classifier, ModelFault> {
        let outputs = [model.head.logits.clone(), model.head.features.clone()];
        let network = Network::open(environment, dir, &model.file, threads, &model.input.name, &outputs)?;
        Ok(Classifier { network, model, planes: Vec::new() })
    }

    pub fn classify(&mut self, picture: &Pixels) -> Result<Classified, Fault> {
        let Classifier { network, model, planes } = self;
        let size = (model.input.width, model.input.height);
        let centre = picture::cut(picture, centre(picture, model.input.centre), size, FilterType::CatmullRom);
        picture::planes(&centre, &model.input, size, planes);
        let outputs = network.run(planes, size)?;
        let logits = outputs.get(&model.head.logits, model.head.classes)?;
        let features = outputs.get(&model.head.features, model.head.length)?;
        Ok(Classified { probabilities: softmax(logits), features: Embedding::of(features).direction })
    }
}

/// The centre square that the model was trained on.
fn centre(picture: &Pixels, part: f32) -> Rect {
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    let side = w.min(h) * f64::from(part);
    Rect { x: (w - side) / 2.0, y: (h - side) / 2.0, w: side, h: side }
}

/// Probabilities from logits.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|l| (l - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_to_one_however_large_the_logits() {
        let p = softmax(&[1000.0, 999.0, -1000.0]);
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((p[0] - 0.731).abs() < 1e-3 && p[2] == 0.0);
    }
}

//! A face in numbers: two faces of one person have a cosine near 1, of two people near 0.

use crate::picture;
use crate::session::Network;
use albumen_core::fault::Fault;
use albumen_media::pixels::Pixels;
use albumen_models::files::ModelFault;
use albumen_models::manifest::{EmbedderHead, Input, Model};
use ort::environment::Environment;
use std::path::Path;

pub struct Embedder {
    network: Network,
    model: &'static Model<EmbedderHead>,
    planes: Vec<f32>,
}

impl Embedder {
    pub fn open(
        environment: &Environment,
        dir: &Path,
        model: &'static Model<EmbedderHead>,
        threads: usize,
    ) -> Result<Embedder, ModelFault> {
        let outputs = [model.head.embedding.clone()];
        let network = Network::open(environment, dir, &model.file, threads, &model.input.name, &outputs)?;
        Ok(Embedder { network, model, planes: Vec::new() })
    }

    pub fn input(&self) -> &'static Input {
        &self.model.input
    }

    /// Where the five points of a face belong.
    pub fn points(&self) -> &'static [[f32; 2]; 5] {
        &self.model.head.points
    }

    /// The embedding of a straightened face: L2-normalised, times 127.
    pub fn embed(&mut self, face: &Pixels) -> Result<Vec<i8>, Fault> {
        let Embedder { network, model, planes } = self;
        let size = (model.input.width, model.input.height);
        picture::planes(face, &model.input, size, planes);
        let outputs = network.run(planes, size)?;
        Ok(quantised(outputs.get(&model.head.embedding, model.head.length)?))
    }
}

/// A vector of unit length in int8: each number times 127, rounded. A vector without length or with a number that is
/// none becomes zeros, which are like nothing.
pub fn quantised(vector: &[f32]) -> Vec<i8> {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if !length.is_finite() || length < 1e-12 {
        return vec![0; vector.len()];
    }
    vector.iter().map(|v| (f64::from(*v) / length * 127.0).round() as i8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantising_keeps_the_direction(v in proptest::collection::vec(-10f32..10.0, 128)) {
            let q = quantised(&v);
            let dot: f64 = v.iter().zip(&q).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let norm = |x: f64| x.sqrt();
            let a = norm(v.iter().map(|x| f64::from(*x).powi(2)).sum());
            let b = norm(q.iter().map(|x| f64::from(*x).powi(2)).sum());
            prop_assert!(a < 1.0 || dot / a / b > 0.998);
        }
    }

    #[test]
    fn a_vector_that_is_none_is_like_nothing() {
        assert_eq!(quantised(&[0.0; 4]), [0; 4]);
        assert_eq!(quantised(&[f32::NAN, 1.0]), [0; 2]);
    }
}

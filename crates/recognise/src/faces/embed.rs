//! Face embeddings: two faces of one person have a cosine near 1, of two people near 0.

use crate::picture;
use crate::session::Network;
use albumen_core::fault::Fault;
use albumen_media::pixels::Pixels;
use albumen_models::files::ModelFault;
use albumen_models::manifest::{EmbedderHead, Input, Model};
use ort::environment::Environment;
use std::path::Path;

/// A network's output for a picture: a direction and a length.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// L2-normalised, times 127.
    pub direction: Vec<i8>,
    /// The length before normalization; of a face: a measure of the embedding's quality ([`super::quality`]).
    pub norm: f32,
}

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

    /// The positions of the five points of a face.
    pub fn points(&self) -> &'static [[f32; 2]; 5] {
        &self.model.head.points
    }

    /// The embedding of an aligned face.
    pub fn embed(&mut self, face: &Pixels) -> Result<Embedding, Fault> {
        let Embedder { network, model, planes } = self;
        let size = (model.input.width, model.input.height);
        picture::planes(face, &model.input, size, planes);
        let outputs = network.run(planes, size)?;
        Ok(Embedding::of(outputs.get(&model.head.embedding, model.head.length)?))
    }
}

impl Embedding {
    /// Each number of the unit vector times 127, rounded. A vector of length 0 or with NaN becomes zeros,
    /// which resemble no other.
    pub(crate) fn of(vector: &[f32]) -> Embedding {
        let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if !length.is_finite() || length < 1e-12 {
            return Embedding { direction: vec![0; vector.len()], norm: 0.0 };
        }
        let direction = vector.iter().map(|v| (f64::from(*v) / length * 127.0).round() as i8).collect();
        Embedding { direction, norm: length as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantising_keeps_the_direction(v in proptest::collection::vec(-10f32..10.0, 128)) {
            let Embedding { direction: q, norm: length } = Embedding::of(&v);
            let dot: f64 = v.iter().zip(&q).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let norm = |x: f64| x.sqrt();
            let a = norm(v.iter().map(|x| f64::from(*x).powi(2)).sum());
            let b = norm(q.iter().map(|x| f64::from(*x).powi(2)).sum());
            prop_assert!(a < 1.0 || dot / a / b > 0.998);
            prop_assert!((a - f64::from(length)).abs() < 1e-3);
        }
    }

    #[test]
    fn a_vector_that_is_none_is_like_nothing() {
        let none = |length| Embedding { direction: vec![0; length], norm: 0.0 };
        assert_eq!(Embedding::of(&[0.0; 4]), none(4));
        assert_eq!(Embedding::of(&[f32::NAN, 1.0]), none(2));
    }
}

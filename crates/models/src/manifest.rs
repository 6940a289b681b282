//! The parameters of the models: models/manifest.toml, which is part of the binary.
//!
//! Promises: everything that depends on a model (names, shapes, channel order, mean and standard deviation,
//! thresholds) is read from here, so that another model of the same kind can replace it by an edit there.
//! models/fetch.py, which reads the same file, downloads and converts the files.

use serde::Deserialize;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../models/manifest.toml");

/// The manifest of this build.
pub fn manifest() -> &'static Manifest {
    static MANIFEST: LazyLock<Manifest> =
        LazyLock::new(|| toml::from_str(TEXT).expect("a test reads the same text that is built in"));
    &MANIFEST
}

#[derive(Debug, Deserialize)]
pub struct Manifest {
    pub face_detector: Model<FaceHead>,
    pub face_embedder: Model<EmbedderHead>,
    pub classifier: Model<ClassifierHead>,
    pub object_detector: Model<ObjectHead>,
    /// By `std::env::consts::ARCH`.
    pub onnx_runtime: std::collections::BTreeMap<String, Artefact>,
    pub test_portrait: Artefact,
    pub test_cat: Artefact,
}

/// A file that `make models` fetches; it is stored in the models' folder under its checksum.
#[derive(Debug, Clone, Deserialize)]
pub struct Artefact {
    pub name: String,
    pub origin: String,
    pub licence: String,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    pub source: Source,
}

/// The package that contains it.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    pub registry: String,
    pub package: String,
    pub version: String,
}

#[derive(Debug, Deserialize)]
pub struct Model<Head> {
    #[serde(flatten)]
    pub file: Artefact,
    pub input: Input,
    pub head: Head,
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// A model's input: `(colour - mean) / std` of 8-bit colours, planes one after another.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    pub name: String,
    pub channels: Channels,
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// Pixels; 0 if the size is free.
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
    /// If the size is free, both sides are a multiple of this.
    #[serde(default = "one")]
    pub multiple_of: u32,
    /// The part of the short side that is used, a square from the centre; 1 is the whole picture.
    #[serde(default = "whole")]
    pub centre: f32,
}

fn one() -> u32 {
    1
}
fn whole() -> f32 {
    1.0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    Rgb,
    Bgr,
}

/// A detector's thresholds: the minimum score, and the overlap (intersection over union) from which two boxes
/// are one object.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Thresholds {
    pub score: f32,
    pub overlap: f32,
}

/// Outputs of a face detector of YuNet's kind; `{stride}` in a name is replaced by the number.
#[derive(Debug, Deserialize)]
pub struct FaceHead {
    pub kind: FaceHeadKind,
    pub strides: Vec<u32>,
    pub class: String,
    pub object: String,
    #[serde(rename = "box")]
    pub area: String,
    pub points: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaceHeadKind {
    /// One anchor per cell; score = sqrt(class * object), the size is an exponential, five points follow.
    Yunet,
}

#[derive(Debug, Deserialize)]
pub struct EmbedderHead {
    pub embedding: String,
    /// Numbers in an embedding.
    pub length: usize,
    /// The positions of eyes, nose and corners of the mouth, pixels of the input.
    pub points: [[f32; 2]; 5],
}

#[derive(Debug, Deserialize)]
pub struct ClassifierHead {
    pub logits: String,
    pub classes: usize,
    pub features: String,
    /// Numbers in a feature vector.
    pub length: usize,
}

#[derive(Debug, Deserialize)]
pub struct ObjectHead {
    pub kind: ObjectHeadKind,
    pub strides: Vec<u32>,
    pub score: String,
    #[serde(rename = "box")]
    pub area: String,
    pub classes: usize,
    pub bins: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectHeadKind {
    /// Probabilities by class; each side of a box is a distribution over `bins` distances in strides.
    Nanodet,
}

/// An output's name for one stride.
pub fn for_stride(pattern: &str, stride: u32) -> String {
    pattern.replace("{stride}", &stride.to_string())
}

impl Manifest {
    /// The runtime for this machine, or `None` if there is none.
    pub fn runtime(&self) -> Option<&Artefact> {
        self.onnx_runtime.get(std::env::consts::ARCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_can_be_read_and_is_whole() {
        let m = manifest();
        let files =
            [&m.face_detector.file, &m.face_embedder.file, &m.classifier.file, &m.object_detector.file];
        for f in files.into_iter().chain(m.onnx_runtime.values()).chain([&m.test_portrait, &m.test_cat]) {
            assert_eq!(f.sha256.len(), 64, "{}", f.name);
            assert!(f.sha256.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()), "{}", f.name);
            assert!(f.bytes > 0 && !f.licence.is_empty() && !f.origin.is_empty(), "{}", f.name);
            assert!(["pypi", "npm"].contains(&f.source.registry.as_str()), "{}", f.name);
            assert!(!f.source.package.is_empty() && !f.source.version.is_empty(), "{}", f.name);
        }
        assert!(m.runtime().is_some(), "there is a runtime for this machine");
        assert_eq!(for_stride(&m.face_detector.head.class, 8), "cls_8");
        for t in [m.face_detector.thresholds, m.object_detector.thresholds] {
            assert!(t.score > 0.0 && t.score < 1.0 && t.overlap > 0.0 && t.overlap < 1.0);
        }
    }
}

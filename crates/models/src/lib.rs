//! The models: their manifest, the location of their files, and the taxonomy of their classes. No ONNX: the
//! engine queries the installed models and the stages' input keys here.
#![deny(unsafe_code)]

pub mod files;
pub mod manifest;
pub mod taxonomy;

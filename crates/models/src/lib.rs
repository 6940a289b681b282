//! Which models there are, where their files lie, and what their classes mean. No ONNX: the engine asks here what is
//! installed and what a stage's input key is.
#![deny(unsafe_code)]

pub mod files;
pub mod manifest;
pub mod taxonomy;

//! Bytes to facts, pixels and derivatives. All codecs are here; they run in worker processes only.
#![deny(unsafe_code)]

pub mod decode;
pub mod inspect;
pub mod pixels;
pub mod render;

pub use albumen_formats::Container;

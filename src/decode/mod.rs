//! Bytes to pixels: one folder or file a family of formats, all behind [`decode`]. All FFI to codecs is here.
#![allow(unsafe_code)]

pub mod colour;

use crate::pipeline::fault::Fault;
use crate::pipeline::source::Source;
use crate::pipeline::vocabulary::{Admission, Facts};
use crate::pixels::{Fit, Pixels};

/// The picture a person would expect to see of this file: upright, sRGB, exactly `fit(display size)` pixels.
pub fn decode(
    _source: &Source,
    _facts: &Facts,
    _fit: Fit<'_>,
    _admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    Err(Fault::unsupported("decode is not built yet"))
}

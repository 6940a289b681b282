//! Raster formats other than JPEG: each file reads one format into a [`Canvas`].
//!
//! Promises: what can be read in rows or strips is, and is reduced on the way; what cannot is admitted by its true
//! cost before it is allocated. Transparency is shown over white. A picture that breaks off is kept as far as it
//! goes and marked damaged.

mod bmp;
pub(super) mod canvas;
mod gif;
mod jp2;
pub(super) mod jxl;
mod png;
pub(super) mod tiff;
mod webp;

use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Format};

/// What a raster decoder needs to know.
pub(super) struct Job<'a> {
    pub source: &'a Source,
    pub orientation: Orientation,
    /// The profile of RGB samples where the file holds none; else they are sRGB.
    pub untagged: Option<&'a [u8]>,
    pub fit: Fit<'a>,
    pub admission: &'a dyn Admission,
}

pub(super) fn decode(format: Format, job: &Job<'_>) -> Result<Pixels, Fault> {
    match format {
        Format::Png => png::decode(job),
        Format::Gif => gif::decode(job),
        Format::Webp => webp::decode(job),
        Format::Tiff => tiff::decode(job),
        Format::Bmp => bmp::decode(job),
        Format::Jxl => jxl::decode(job),
        Format::Jp2 => jp2::decode(job),
        other => Err(Fault::unsupported(format!("{} is not a raster format", other.name()))),
    }
}

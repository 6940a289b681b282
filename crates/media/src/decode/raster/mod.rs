//! Raster formats other than JPEG: each file reads one format into a [`canvas::Canvas`].
//!
//! Promises: formats that can be read in rows or strips are, and are reduced on the way; others are admitted
//! by their true cost before anything is allocated. Transparency is shown over white. A truncated picture is
//! kept as far as it goes and marked damaged.

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

/// The input of a raster decoder.
pub(super) struct Job<'a> {
    pub source: &'a Source,
    pub orientation: Orientation,
    /// The profile of RGB samples if the file contains none; else they are sRGB.
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

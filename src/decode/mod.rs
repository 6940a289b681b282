//! Bytes to pixels: one folder or file a family of formats, all behind [`decode`]. All FFI to codecs is here.
#![allow(unsafe_code)]

pub mod colour;
mod ffmpeg;
pub mod heif;
pub mod jpeg;
mod limits;
mod planes;
mod raster;
mod raw;
pub mod video;

use crate::pipeline::fault::Fault;
use crate::pipeline::source::Source;
use crate::pipeline::vocabulary::{Admission, Facts, Format};
use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};

/// The picture a person would expect to see of this file: upright, sRGB, exactly `fit(display size)` pixels.
///
/// `fit` is called with the upright size that the codec itself found.
pub fn decode(
    source: &Source,
    facts: &Facts,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let orientation = Orientation::from_exif(facts.orientation);
    let format = facts.format.ok_or_else(|| Fault::unsupported("its format is not known"))?;
    match format {
        Format::Jpeg => jpeg::decode(source, orientation, fit, admission),
        Format::Heic | Format::Heif | Format::Avif => heif::decode(source, facts, fit, admission),
        Format::Mp4
        | Format::Mov
        | Format::ThreeGp
        | Format::Mkv
        | Format::Webm
        | Format::Avi
        | Format::Mts
        | Format::Mpeg => video::decode(source, facts, fit, admission),
        Format::Png | Format::Gif | Format::Webp | Format::Tiff | Format::Bmp | Format::Jxl | Format::Jp2 => {
            raster::decode(format, &raster::Job { source, orientation, fit, admission })
        }
        Format::Cr2
        | Format::Cr3
        | Format::Crw
        | Format::Nef
        | Format::Arw
        | Format::Dng
        | Format::Raf
        | Format::Orf
        | Format::Rw2
        | Format::Pef
        | Format::Srw => raw::decode(source, orientation, fit, admission),
    }
}

/// Runs each codec once on a tiny picture, so that a worker that then seals itself has opened all that they need.
pub fn warm_up() {
    heif::warm_up();
    video::warm_up();
}

//! Bytes to pixels: one folder or file a family of formats, all behind [`decode`]. All FFI to codecs is here.
#![allow(unsafe_code)]

pub mod colour;
mod ffmpeg;
pub mod heif;
pub mod jpeg;
mod limits;
mod planes;
mod psd;
mod raster;
mod raw;
pub mod video;

pub(crate) use raw::is_usable as is_usable_preview;

use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Codecs, Facts, FixedAdmission, Format};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Set in a process that has sealed itself before it opened all codecs: it never can.
static OWN_ONLY: AtomicBool = AtomicBool::new(false);
/// A codec was wanted that this process does not have.
static MISSED: AtomicBool = AtomicBool::new(false);

/// Whether the file at hand, or one before it, wanted a codec that this process was warmed up without. Forgets it.
pub fn missed_a_codec() -> bool {
    MISSED.swap(false, Relaxed)
}

/// Makes sure that shared libraries can be opened, or are open already.
fn shared_libraries() -> Result<(), Fault> {
    if OWN_ONLY.load(Relaxed) {
        MISSED.store(true, Relaxed);
        // Nobody hears of it: the file goes to another worker.
        return Err(Fault::Cancelled);
    }
    Ok(())
}

/// Makes sure that FFmpeg can be used.
fn all_codecs() -> Result<(), Fault> {
    shared_libraries()?;
    ffmpeg::library::load().map_err(|why| Fault::unsupported(format!("FFmpeg is not there: {why}")))
}

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
    if format.needs_all_codecs() {
        all_codecs()?;
    }
    let adobe_rgb = if facts.adobe_rgb { colour::adobe_rgb() } else { None };
    let untagged = adobe_rgb.as_deref();
    match format {
        Format::Jpeg => jpeg::decode(source, orientation, untagged, fit, admission),
        Format::Heic | Format::Heif | Format::Avif => heif::decode(source, facts, fit, admission),
        Format::Mp4
        | Format::Mov
        | Format::ThreeGp
        | Format::Mkv
        | Format::Webm
        | Format::Avi
        | Format::Mts
        | Format::Mpeg
        | Format::Wmv
        | Format::Flv
        | Format::Ogv
        | Format::Mxf
        | Format::Dv
        | Format::H264
        | Format::H265 => video::decode(source, facts, fit, admission),
        Format::Png | Format::Gif | Format::Webp | Format::Tiff | Format::Bmp | Format::Jxl | Format::Jp2 => {
            raster::decode(format, &raster::Job { source, orientation, untagged, fit, admission })
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
        | Format::Srw
        | Format::Mrw
        | Format::X3f
        | Format::ThreeFr
        | Format::Iiq
        | Format::Dcr
        | Format::Erf => raw::decode(&raster::Job { source, orientation, untagged, fit, admission }, facts),
        Format::Psd => psd::decode(&raster::Job { source, orientation, untagged, fit, admission }),
    }
}

/// The picture that the sensor of a RAW file saw, whatever finished pictures are inside. [`decode`] takes it where none of
/// them is large enough.
pub fn develop_sensor(
    source: &Source,
    facts: &Facts,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let orientation = Orientation::from_exif(facts.orientation);
    raw::develop::picture(&raster::Job { source, orientation, untagged: None, fit, admission })
}

/// A tiny picture for each codec that could open something the first time that it decodes: libjpeg-turbo, FFmpeg's
/// HEVC, libde265 (alpha goes through libheif) and dav1d. Made by this project of one colour.
const TINY: [(Format, &[u8]); 4] = [
    (Format::Jpeg, include_bytes!("warm/plain.jpg")),
    (Format::Heic, include_bytes!("warm/plain.heic")),
    (Format::Heic, include_bytes!("warm/alpha.heic")),
    (Format::Avif, include_bytes!("warm/alpha.avif")),
];

/// Runs each of these codecs once on a tiny picture, so that a worker that then seals itself has opened all that they
/// need; others are out of its reach from now on.
pub fn warm_up(codecs: Codecs) {
    OWN_ONLY.store(codecs == Codecs::Own, Relaxed);
    for (format, bytes) in TINY.into_iter().filter(|(f, _)| codecs == Codecs::All || !f.needs_all_codecs()) {
        // A build whose libheif lacks a codec says so when a file needs it.
        let _ = tiny(format, bytes);
    }
    if codecs == Codecs::All {
        if ffmpeg::library::load().is_ok() {
            video::warm_up();
        }
        // A RAW file that needs it says so where it is not there.
        let _ = raw::load();
    }
}

fn tiny(format: Format, bytes: &'static [u8]) -> Result<Pixels, Fault> {
    /// Bytes for 64 x 64 pixels, with plenty of room.
    const PLENTY: FixedAdmission = FixedAdmission(64 << 20);
    let facts = Facts { format: Some(format), ..Facts::default() };
    decode(&Source::from_bytes(bytes.to_vec()), &facts, &|width, height| (width, height), &PLENTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tiny_pictures_can_be_decoded() {
        for (format, bytes) in TINY {
            let pixels = tiny(format, bytes).unwrap();
            assert_eq!((pixels.width, pixels.height, pixels.damaged), (64, 64, None), "{format:?}");
            let far = |i: usize, level: u8| pixels.rgb[64 * 32 * 3 + i].abs_diff(level) > 12;
            assert!(!far(0, 90) && !far(1, 120) && !far(2, 150), "{format:?} {:?}", &pixels.rgb[..3]);
        }
    }
}

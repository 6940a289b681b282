//! Bytes to pixels: one folder or file per family of formats, all called through [`decode`]. All FFI to
//! codecs is here.
#![allow(unsafe_code)]

pub mod colour;
mod ffmpeg;
mod heif;
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
use albumen_core::vocabulary::{Admission, Codecs, Facts, Family, FixedAdmission, Format};
use albumen_formats::Container;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Set in a process that has entered the sandbox before it opened all codecs: it can no longer open them.
static OWN_ONLY: AtomicBool = AtomicBool::new(false);
/// A file needed a codec that this process does not have.
static MISSED: AtomicBool = AtomicBool::new(false);

/// Whether a file since the last call needed a codec that this process was not warmed up with. Resets it.
pub fn missed_a_codec() -> bool {
    MISSED.swap(false, Relaxed)
}

/// Ensures that shared libraries can be opened, or are open already.
fn shared_libraries() -> Result<(), Fault> {
    if OWN_ONLY.load(Relaxed) {
        MISSED.store(true, Relaxed);
        // This fault is not reported: the file is passed to another worker.
        return Err(Fault::Cancelled);
    }
    Ok(())
}

/// Ensures that FFmpeg can be used.
fn all_codecs() -> Result<(), Fault> {
    shared_libraries()?;
    ffmpeg::library::load()
        .map_err(|why| Fault::unsupported("FFmpeg is missing on this machine").with_detail(why))
}

/// The picture that a viewer should show for this file: upright, sRGB, exactly `fit(display size)` pixels.
///
/// `fit` is called with the upright size that the codec itself found.
pub fn decode(
    source: &Source,
    facts: &Facts,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    decode_parsed(source, facts, &Container::default(), fit, admission)
}

/// The same for a file whose container has been read by [`crate::inspect`].
pub fn decode_parsed(
    source: &Source,
    facts: &Facts,
    container: &Container,
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
    let job = raster::Job { source, orientation, untagged, fit, admission };
    match format.family() {
        Family::Jpeg => {
            jpeg::decode(source, container.jpeg_profile.as_deref(), orientation, untagged, fit, admission)
        }
        Family::Heif => heif::decode(source, facts, container.heif.as_ref(), fit, admission),
        Family::Raster => raster::decode(format, &job),
        Family::Raw => raw::decode(&job, facts, container.previews.as_deref()),
        Family::Photoshop => psd::decode(&job),
        Family::Video => video::decode(source, facts, fit, admission),
    }
}

/// The picture from the sensor data of a RAW file, ignoring embedded pictures. [`decode`] uses it if none of
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

/// A tiny picture for each codec that may open files on its first decode: libjpeg-turbo, FFmpeg's HEVC,
/// libde265 (alpha goes through libheif) and dav1d. Made by this project, of one colour.
const TINY: [(Format, &[u8]); 4] = [
    (Format::Jpeg, include_bytes!("warm/plain.jpg")),
    (Format::Heic, include_bytes!("warm/plain.heic")),
    (Format::Heic, include_bytes!("warm/alpha.heic")),
    (Format::Avif, include_bytes!("warm/alpha.avif")),
];

/// Runs each of these codecs once on a tiny picture, so that a worker that then enters the sandbox has opened
/// all files that they need; other codecs cannot be opened from then on.
pub fn warm_up(codecs: Codecs) {
    OWN_ONLY.store(codecs == Codecs::Own, Relaxed);
    for (format, bytes) in TINY.into_iter().filter(|(f, _)| codecs == Codecs::All || !f.needs_all_codecs()) {
        // A libheif without a codec reports it when a file needs it.
        let _ = tiny(format, bytes);
    }
    if codecs == Codecs::All {
        if ffmpeg::library::load().is_ok() {
            video::warm_up();
        }
        // If it is missing, the error is reported for a RAW file that needs it.
        let _ = raw::load();
    }
}

fn tiny(format: Format, bytes: &'static [u8]) -> Result<Pixels, Fault> {
    /// More than enough for 64 x 64 pixels.
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

//! Pixels to JPEG, by libjpeg-turbo: 4:2:0, baseline, no metadata.

use albumen_core::fault::Fault;
use std::cell::RefCell;
use turbojpeg::{Compressor, Image, OutputBuf, PixelFormat, Subsamp};

thread_local! {
    /// One encoder per thread: creating one costs as much as encoding a small picture.
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
}

/// Encodes RGB rows of `width` x `height` pixels at this quality, 1 to 100.
pub fn jpeg(rgb: &[u8], width: u32, height: u32, quality: u8) -> Result<Vec<u8>, Fault> {
    let failed = |e: turbojpeg::Error| Fault::unsupported("its thumbnail cannot be encoded").with_detail(e);
    COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => slot.insert(Compressor::new().map_err(failed)?),
        };
        compressor.set_quality(i32::from(quality.clamp(1, 100))).map_err(failed)?;
        compressor.set_subsamp(Subsamp::Sub2x2).map_err(failed)?;
        let image = Image {
            pixels: rgb,
            width: width as usize,
            pitch: width as usize * 3,
            height: height as usize,
            format: PixelFormat::RGB,
        };
        // Grows as it is written: a buffer for the worst case would be larger than the picture.
        let mut out = OutputBuf::new_owned();
        compressor.compress(image, &mut out).map_err(failed)?;
        Ok(out.to_vec())
    })
}

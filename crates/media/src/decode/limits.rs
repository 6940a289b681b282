//! The memory cost of a picture, so that it can be admitted before anything is allocated.

use crate::pixels::orient::Orientation;
use crate::pixels::resize::bytes_of;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::Admission;

/// The maximum number of pixels that are read in rows. More would exceed the deadline of 20 s at the 50
/// million pixels per second of a small processor; the largest phone pictures have 200 million.
const MOST_STREAMED_PIXELS: u64 = 1 << 30;

/// Bytes needed after decoding, in addition to the picture of `size` itself: the second copy of a quarter
/// turn, or the output of render (the smaller sizes, and the JPEG of the largest), whichever is larger.
pub(super) fn finishing(size: (u32, u32), orientation: Orientation) -> u64 {
    let picture = bytes_of(size) as u64;
    // JPEGs of quality 80 have under half a byte per pixel, and the writer's buffer doubles as it grows. The
    // next smaller size is made after that buffer is freed.
    let render = picture / 3;
    if orientation.swaps_sides() { picture.max(render) } else { render }
}

/// Refuses empty sizes, and decompression bombs: a picture with more pixels than can be read in rows in time
/// is admitted only if all of it would fit into memory.
pub(super) fn check_size(size: (u32, u32), admission: &dyn Admission) -> Result<(u32, u32), Fault> {
    let pixels = u64::from(size.0) * u64::from(size.1);
    if pixels == 0 {
        return Err(Fault::corrupt("its header says that it has no pixels"));
    }
    if pixels > MOST_STREAMED_PIXELS {
        admission.admit(pixels.saturating_mul(3))?;
    }
    Ok(size)
}

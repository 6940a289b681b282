//! What a picture costs in memory, so that it can be admitted before anything is allocated.

use crate::pixels::orient::Orientation;
use crate::pixels::resize::bytes_of;

/// Bytes needed after decoding, beside the picture of `size` itself: the second copy of a quarter turn, or what
/// render makes (the smaller sizes, and the JPEG of the largest), whichever is more.
pub fn finishing(size: (u32, u32), orientation: Orientation) -> u64 {
    let picture = bytes_of(size) as u64;
    // JPEGs of quality 80 have under 1 byte a pixel; the writer's buffer doubles as it grows.
    let render = picture / 3 * 2;
    if orientation.swaps_sides() { picture.max(render) } else { render }
}

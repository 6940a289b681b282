//! One picture out of a frame whose even and odd rows were captured one after the other.
//!
//! Static parts keep all of their rows. Motion shows as a comb: a sample of an odd row that lies beyond both
//! of its neighbours above and below, on the same side, by more than noise. Such samples are replaced by the
//! mean of the two, so that moving parts are as in the even rows.
//!
//! Promises: progressive pictures that are labelled interlaced (most of Blu-ray and of broadcast) lose
//! nothing but single-row lines.

use crate::decode::planes::{Band, Chroma, Format, Plane};

/// The minimum difference of a comb, in 8-bit levels: above the noise of small sensors, below a visible edge.
const COMB: i32 = 12;

/// A frame's planes with the combs removed.
pub(super) struct Woven {
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
    rows: u32,
}

impl Woven {
    pub(super) fn of(band: &Band<'_>, format: Format) -> Woven {
        let bytes = if format.depth > 8 { 2 } else { 1 };
        let threshold = COMB << (format.depth.max(8) - 8);
        let mut woven = Woven { planes: Default::default(), strides: [0; 3], rows: band.rows };
        for (i, plane) in band.planes.iter().enumerate() {
            let (across, down) = match format.chroma {
                Chroma::Shared { log2_across, log2_down } if i > 0 => (log2_across, log2_down),
                Chroma::Monochrome if i > 0 => break,
                _ => (0, 0),
            };
            let row_bytes = format.width.div_ceil(1 << across) as usize * bytes;
            let rows = band.rows.div_ceil(1 << down) as usize;
            let row = |y: usize| plane.data.get(y * plane.stride..).and_then(|d| d.get(..row_bytes));
            let mut out = Vec::with_capacity(row_bytes * rows);
            for y in 0..rows {
                let Some(own) = row(y) else { break };
                out.extend_from_slice(own);
                if let (1, Some(above), Some(below)) = (y % 2, row(y - y % 2), row(y + 1)) {
                    let own = &mut out[y * row_bytes..];
                    match bytes {
                        1 => weave_8(own, above, below, threshold),
                        _ => weave_16(own, above, below, threshold),
                    }
                }
            }
            (woven.planes[i], woven.strides[i]) = (out, row_bytes);
        }
        woven
    }

    pub(super) fn band(&self) -> Band<'_> {
        let plane = |i: usize| Plane { data: &self.planes[i], stride: self.strides[i] };
        Band { planes: [plane(0), plane(1), plane(2)], alpha: None, rows: self.rows }
    }
}

fn weave_8(own: &mut [u8], above: &[u8], below: &[u8], threshold: i32) {
    for ((o, a), b) in own.iter_mut().zip(above).zip(below) {
        *o = woven(i32::from(*o), i32::from(*a), i32::from(*b), threshold) as u8;
    }
}

fn weave_16(own: &mut [u8], above: &[u8], below: &[u8], threshold: i32) {
    let (own, above, below) =
        (own.as_chunks_mut::<2>().0, above.as_chunks::<2>().0, below.as_chunks::<2>().0);
    let value = |sample: &[u8; 2]| i32::from(u16::from_ne_bytes(*sample));
    for ((o, a), b) in own.iter_mut().zip(above).zip(below) {
        *o = (woven(value(o), value(a), value(b), threshold) as u16).to_ne_bytes();
    }
}

fn woven(own: i32, above: i32, below: i32, threshold: i32) -> i32 {
    let beyond = own - above.max(below) > threshold || above.min(below) - own > threshold;
    if beyond { (above + below + 1) / 2 } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { width: 32, height: 16, chroma: Chroma::Monochrome, depth: 8 };

    fn woven_picture(pixel: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        let data: Vec<u8> =
            (0..16).flat_map(|y| (0..32).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
        let plane = Plane { data: &data, stride: 32 };
        let band = Band { planes: [plane; 3], alpha: None, rows: 16 };
        Woven::of(&band, FORMAT).planes[0].clone()
    }

    #[test]
    fn what_stood_still_stays_as_it_is() {
        let still = |x: usize, y: usize| if x + y > 20 { 200 } else { 30 + y as u8 };
        let out = woven_picture(still);
        assert!(out.iter().enumerate().all(|(i, v)| *v == still(i % 32, i / 32)));
    }

    #[test]
    fn what_moved_is_seen_as_the_even_rows_saw_it() {
        // A bar that has moved by six pixels when the odd rows were captured.
        let out =
            woven_picture(|x, y| if (8 + 6 * (y % 2)..14 + 6 * (y % 2)).contains(&x) { 220 } else { 40 });
        // The last row has none below it and stays.
        for (i, v) in out[..15 * 32].iter().enumerate() {
            assert_eq!(*v, if (8..14).contains(&(i % 32)) { 220 } else { 40 }, "pixel {} {}", i % 32, i / 32);
        }
    }
}

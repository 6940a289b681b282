//! The eight EXIF orientations.

use super::Pixels;

/// The turn that makes the stored picture upright: the EXIF value, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    pub const UPRIGHT: Orientation = Orientation(1);

    /// From the EXIF value; anything but 1 to 8 means upright, as in viewers.
    pub fn from_exif(value: Option<u8>) -> Orientation {
        match value {
            Some(v @ 1..=8) => Orientation(v),
            _ => Orientation::UPRIGHT,
        }
    }

    /// The EXIF value, 1 to 8.
    pub fn exif(self) -> u8 {
        self.0
    }

    /// Whether width and height are swapped.
    pub fn swaps_sides(self) -> bool {
        self.0 >= 5
    }

    /// The size after turning (and, since a swap undoes itself, the size before it).
    pub fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// The orientation that undoes this one.
    pub fn inverse(self) -> Orientation {
        match self.0 {
            6 => Orientation(8),
            8 => Orientation(6),
            v => Orientation(v),
        }
    }

    /// The position in the stored picture of `stored` pixels of the pixel (`x`, `y`) of the upright one.
    fn stored_at(self, x: u32, y: u32, stored: (u32, u32)) -> (u32, u32) {
        let (w, h) = (stored.0 - 1, stored.1 - 1);
        match self.0 {
            2 => (w - x, y),
            3 => (w - x, h - y),
            4 => (x, h - y),
            5 => (y, x),
            6 => (y, h - x),
            7 => (w - y, h - x),
            8 => (w - y, x),
            _ => (x, y),
        }
    }
}

/// Turns a picture upright. Flips and half turns happen in place; a quarter turn needs a second picture.
pub fn upright(mut pixels: Pixels, orientation: Orientation) -> Pixels {
    let line = pixels.width as usize * 3;
    match orientation.exif() {
        1 => {}
        2 => pixels.rgb.chunks_exact_mut(line).for_each(mirror_row),
        3 => mirror_row(&mut pixels.rgb),
        4 => {
            let rows = pixels.height as usize;
            for y in 0..rows / 2 {
                let (above, below) = pixels.rgb.split_at_mut((rows - 1 - y) * line);
                above[y * line..][..line].swap_with_slice(&mut below[..line]);
            }
        }
        _ => transpose(&mut pixels, orientation),
    }
    pixels
}

/// Reverses the order of whole pixels.
fn mirror_row(row: &mut [u8]) {
    let (pixels, _) = row.as_chunks_mut::<3>();
    pixels.reverse();
}

fn transpose(pixels: &mut Pixels, orientation: Orientation) {
    /// Pixels a side: the rows of a block stay in the first-level cache while it is written column by column.
    const BLOCK: u32 = 32;
    let stored = (pixels.width, pixels.height);
    let (width, height) = orientation.size(stored);
    let mut out = vec![0; pixels.rgb.len()];
    let (from, _) = pixels.rgb.as_chunks::<3>();
    let (to, _) = out.as_chunks_mut::<3>();
    for top in (0..height).step_by(BLOCK as usize) {
        for left in (0..width).step_by(BLOCK as usize) {
            for y in top..(top + BLOCK).min(height) {
                for x in left..(left + BLOCK).min(width) {
                    let (sx, sy) = orientation.stored_at(x, y, stored);
                    to[y as usize * width as usize + x as usize] =
                        from[sy as usize * stored.0 as usize + sx as usize];
                }
            }
        }
    }
    (pixels.width, pixels.height, pixels.rgb) = (width, height, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(width: u32, height: u32) -> Pixels {
        let rgb = (0..width * height).flat_map(|i| [i as u8, (i >> 8) as u8, 7]).collect();
        Pixels { width, height, rgb, damaged: None }
    }

    fn turn(p: &Pixels, orientation: u8) -> Pixels {
        upright(p.clone(), Orientation::from_exif(Some(orientation)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_inverse_undoes(w in 1u32..80, h in 1u32..80, o in 1u8..=8) {
            let p = picture(w, h);
            let inverse = Orientation::from_exif(Some(o)).inverse();
            prop_assert_eq!(upright(turn(&p, o), inverse), p);
        }

        #[test]
        fn every_pixel_lands_where_exif_says(w in 1u32..70, h in 1u32..70, o in 1u8..=8) {
            let p = picture(w, h);
            let orientation = Orientation::from_exif(Some(o));
            let q = turn(&p, o);
            prop_assert_eq!((q.width, q.height), orientation.size((w, h)));
            for y in 0..q.height {
                for x in 0..q.width {
                    let (sx, sy) = orientation.stored_at(x, y, (w, h));
                    let (a, b) = ((y * q.width + x) as usize * 3, (sy * w + sx) as usize * 3);
                    prop_assert_eq!(&q.rgb[a..a + 3], &p.rgb[b..b + 3]);
                }
            }
        }

        /// A quarter turn twice is a half turn, and a mirrored quarter turn is a turn and a mirror.
        #[test]
        fn they_compose(w in 1u32..40, h in 1u32..40) {
            let p = picture(w, h);
            prop_assert_eq!(turn(&turn(&p, 6), 6), turn(&p, 3));
            prop_assert_eq!(turn(&turn(&p, 2), 4), turn(&p, 3));
            prop_assert_eq!(turn(&turn(&p, 6), 2), turn(&p, 5));
            prop_assert_eq!(turn(&turn(&p, 8), 2), turn(&p, 7));
        }
    }

    #[test]
    fn six_puts_the_stored_bottom_left_at_the_top_left() {
        // EXIF: 6 means that the stored 0th row is the visual right side, the 0th column the visual top.
        let p = picture(3, 2);
        let q = turn(&p, 6);
        assert_eq!((q.width, q.height), (2, 3));
        assert_eq!(q.rgb[0], 3);
        assert_eq!(q.rgb[3], 0);
    }

    #[test]
    fn what_is_no_orientation_is_upright() {
        for value in [None, Some(0), Some(9), Some(255)] {
            assert_eq!(Orientation::from_exif(value), Orientation::UPRIGHT);
        }
    }
}

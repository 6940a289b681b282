//! The effect of irot, imir and clap on a HEIF picture, combined into one crop of the coded picture and one
//! turn.
//!
//! Promises: the transforms apply in the order of the item's properties; a crop that does not fit is ignored,
//! as readers do. Pure arithmetic over numbers from the file.

use super::items::Property;

/// The shown part of a coded picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// Crop and turn of a picture of `width` x `height` coded pixels; the turn as the EXIF orientation.
pub fn fold<'a>(width: u32, height: u32, properties: impl Iterator<Item = &'a Property>) -> (Crop, u8) {
    let mut state =
        Fold { crop: Crop { x: 0, y: 0, width, height }, swapped: false, right: false, down: false };
    for property in properties {
        match property {
            Property::Rotate(turns) => (0..*turns).for_each(|_| state.turn_anticlockwise()),
            Property::Mirror { left_right } => state.mirror(*left_right),
            Property::Clap(clap) => state.clap(clap),
            _ => {}
        }
    }
    (state.crop, state.orientation())
}

/// Maps a shown pixel (u, v) to a coded one: with `swapped`, u runs along the coded y axis; with `right` or
/// `down`, the coded x or y is counted from the far side.
struct Fold {
    crop: Crop,
    swapped: bool,
    right: bool,
    down: bool,
}

impl Fold {
    /// Size as shown so far.
    fn shown(&self) -> (u32, u32) {
        if self.swapped { (self.crop.height, self.crop.width) } else { (self.crop.width, self.crop.height) }
    }

    /// Reverses the direction of the coded axis on which the shown horizontal axis lies.
    fn flip_shown(&mut self, horizontal: bool) {
        if horizontal != self.swapped { self.right = !self.right } else { self.down = !self.down }
    }

    fn turn_anticlockwise(&mut self) {
        // The new top row is the old right column, read downwards: new (u, v) is old (w - 1 - v, u).
        self.flip_shown(true);
        self.swapped = !self.swapped;
    }

    fn mirror(&mut self, left_right: bool) {
        self.flip_shown(left_right);
    }

    fn clap(&mut self, clap: &[i64; 8]) {
        let (w, h) = self.shown();
        let span = |size: u32, n: i64, d: i64, off_n: i64, off_d: i64| -> Option<(u32, u32)> {
            if d == 0 || off_d == 0 {
                return None;
            }
            // The first kept pixel is off + (size - 1) / 2 - (kept - 1) / 2, rounded down; in halves of d * off_d.
            let kept = n / d;
            let (size, d, off_n, off_d) =
                (i128::from(size), i128::from(d), i128::from(off_n), i128::from(off_d));
            let first = (2 * off_n * d + (size - 1) * d * off_d - (i128::from(n) - d) * off_d)
                .div_euclid(2 * d * off_d)
                .clamp(0, size - 1);
            let kept = i128::from(kept).min(size - first);
            (kept > 0).then_some((first as u32, kept as u32))
        };
        let Some((left, cw)) = span(w, clap[0], clap[1], clap[4], clap[5]) else { return };
        let Some((top, ch)) = span(h, clap[2], clap[3], clap[6], clap[7]) else { return };
        let (before_x, size_x, before_y, size_y) =
            if self.swapped { (top, ch, left, cw) } else { (left, cw, top, ch) };
        let from_far = |far: bool, whole: u32, before: u32, size: u32| {
            if far { whole - before - size } else { before }
        };
        self.crop = Crop {
            x: self.crop.x + from_far(self.right, self.crop.width, before_x, size_x),
            y: self.crop.y + from_far(self.down, self.crop.height, before_y, size_y),
            width: size_x,
            height: size_y,
        };
    }

    /// The EXIF value of the same turn.
    fn orientation(&self) -> u8 {
        match (self.swapped, self.right, self.down) {
            (false, false, false) => 1,
            (false, true, false) => 2,
            (false, true, true) => 3,
            (false, false, true) => 4,
            (true, false, false) => 5,
            (true, false, true) => 6,
            (true, true, true) => 7,
            (true, true, false) => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exif(properties: &[Property]) -> u8 {
        fold(40, 30, properties.iter()).1
    }

    #[test]
    fn turns_and_mirrors_are_the_exif_values() {
        use Property::{Mirror, Rotate};
        assert_eq!(exif(&[]), 1);
        assert_eq!(exif(&[Mirror { left_right: true }]), 2);
        assert_eq!(exif(&[Rotate(2)]), 3);
        assert_eq!(exif(&[Mirror { left_right: false }]), 4);
        assert_eq!(exif(&[Rotate(3)]), 6); // a quarter clockwise
        assert_eq!(exif(&[Rotate(1)]), 8);
        // Order matters.
        assert_eq!(exif(&[Rotate(1), Mirror { left_right: true }]), 7);
        assert_eq!(exif(&[Mirror { left_right: true }, Rotate(1)]), 5);
    }

    #[test]
    fn a_crop_after_a_turn_is_found_in_the_coded_picture() {
        // 40 x 30 turned anticlockwise is 30 x 40; its top 10 rows are the coded right 10 columns.
        let top = Property::Clap([30, 1, 10, 1, 0, 1, -15, 1]);
        let (crop, _) = fold(40, 30, [Property::Rotate(1), top].iter());
        assert_eq!(crop, Crop { x: 30, y: 0, width: 10, height: 30 });
    }

    #[test]
    fn the_usual_crop_trims_right_and_bottom() {
        // 479 x 159 of 480 x 160, as encoders write it: the centre half a pixel up and left.
        let clap = Property::Clap([479, 1, 159, 1, -1, 2, -1, 2]);
        let (crop, _) = fold(480, 160, [clap].iter());
        assert_eq!(crop, Crop { x: 0, y: 0, width: 479, height: 159 });
    }

    proptest! {
        #[test]
        fn a_crop_never_leaves_the_picture(
            numbers in prop::array::uniform8(any::<u32>()), turns in 0u8..4, w in 1u32..9999, h in 1u32..9999,
        ) {
            let clap = Property::Clap(numbers.map(|n| i64::from(n as i32)));
            let small = Property::Clap(numbers.map(|n| i64::from(n % 100)));
            for clap in [clap, small] {
                let (c, _) = fold(w, h, [Property::Rotate(turns), clap].iter());
                prop_assert!(c.width > 0 && c.height > 0);
                prop_assert!(c.x + c.width <= w && c.y + c.height <= h);
            }
        }
    }
}

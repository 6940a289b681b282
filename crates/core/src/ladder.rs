//! The sizes of derivatives.
//!
//! Invariants: the aspect ratio is kept to within a pixel, nothing is enlarged, no side is 0.

use crate::vocabulary::{DerivativeName, Format, PreviewSize, RenderSettings};

/// The ladder, largest first: name and short edge in pixels. The numbers are those of the contract.
pub const LADDER: [(DerivativeName, u32); 3] =
    [(DerivativeName::Xl, 1280), (DerivativeName::M, 320), (DerivativeName::Sm, 240)];

/// The long edge is at most this many times the short-edge target: a longer panorama is fitted into the limit.
pub const LONG_EDGE_CAP: u32 = 4;

/// Size of a picture of `full` pixels at the step with this short edge.
pub fn step(full: (u32, u32), short_edge: u32) -> (u32, u32) {
    let (short, long) = (full.0.min(full.1), full.0.max(full.1));
    let by_short = Ratio { to: short_edge, of: short };
    let by_long = Ratio { to: short_edge.saturating_mul(LONG_EDGE_CAP), of: long };
    by_short.min(by_long).of(full)
}

/// Size of the preview of a picture of `full` pixels.
pub fn preview(full: (u32, u32), size: PreviewSize) -> (u32, u32) {
    match size {
        PreviewSize::Full => full,
        PreviewSize::LongEdge(edge) => Ratio { to: edge.max(1), of: full.0.max(full.1) }.of(full),
    }
}

/// The smallest size from which all derivatives of a picture of `full` pixels can be made.
pub fn fit(full: (u32, u32), settings: &RenderSettings, format: Option<Format>) -> (u32, u32) {
    let xl = step(full, LADDER[0].1);
    if !wants_preview(format) {
        return xl;
    }
    let preview = preview(full, settings.preview_size);
    if preview.0.max(preview.1) > xl.0.max(xl.1) { preview } else { xl }
}

/// Whether a file of this format also gets a preview, because browsers do not show the file itself.
pub fn wants_preview(format: Option<Format>) -> bool {
    format.is_some_and(|f| !f.browser_shows())
}

/// A scale factor, `to / of`.
#[derive(Clone, Copy)]
struct Ratio {
    to: u32,
    of: u32,
}

impl Ratio {
    fn min(self, other: Ratio) -> Ratio {
        let smaller = u64::from(self.to) * u64::from(other.of) <= u64::from(other.to) * u64::from(self.of);
        if smaller { self } else { other }
    }

    /// The size scaled by this factor, rounded to the nearest pixel; unchanged if the factor would enlarge.
    fn of(self, full: (u32, u32)) -> (u32, u32) {
        if self.to >= self.of {
            return full;
        }
        let side = |n: u32| {
            let (n, to, of) = (u64::from(n), u64::from(self.to), u64::from(self.of));
            // Below n, since to < of; so it fits.
            ((2 * n * to + of) / (2 * of)).max(1) as u32
        };
        (side(full.0), side(full.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_contracts_own_examples() {
        assert_eq!(step((4000, 3000), 1280), (1707, 1280));
        assert_eq!(step((3000, 4000), 240), (240, 320));
        assert_eq!(step((1280, 1280), 1280), (1280, 1280));
        assert_eq!(step((800, 600), 1280), (800, 600));
        // A panorama of 10 to 1 is fitted into the limit.
        assert_eq!(step((20_000, 2_000), 1280), (5120, 512));
        assert_eq!(step((20_000, 2_000), 240), (960, 96));
        assert_eq!(step((65_000, 1), 240), (960, 1));
        // Short edge below the target, long edge beyond the limit.
        assert_eq!(step((3000, 200), 240), (960, 64));
        assert_eq!(preview((4000, 3000), PreviewSize::LongEdge(2560)), (2560, 1920));
        assert_eq!(preview((4000, 3000), PreviewSize::Full), (4000, 3000));
    }

    #[test]
    fn fit_is_the_larger_of_xl_and_preview() {
        let settings = RenderSettings::default();
        assert_eq!(fit((4000, 3000), &settings, Some(Format::Jpeg)), (1707, 1280));
        assert_eq!(fit((4000, 3000), &settings, Some(Format::Heic)), (2560, 1920));
        assert_eq!(fit((20_000, 4_000), &settings, Some(Format::Tiff)), (5120, 1024));
    }

    fn size() -> impl Strategy<Value = (u32, u32)> {
        let side = || prop_oneof![1u32..400, 400u32..6000, 6000u32..=u32::from(u16::MAX), 1u32..=u32::MAX];
        (side(), side())
    }

    proptest! {
        #[test]
        fn steps_keep_the_promises(full in size(), rung in 0usize..3) {
            let target = LADDER[rung].1;
            let (w, h) = step(full, target);
            prop_assert!(w >= 1 && h >= 1 && w <= full.0 && h <= full.1);
            prop_assert!(w.min(h) <= target && w.max(h) <= 4 * target);
            // Either nothing was scaled, or one of the bounds is met exactly.
            prop_assert!((w, h) == full || w.min(h) == target || w.max(h) == 4 * target);
            // Aspect ratio to within a pixel: the exact other side, given one side.
            let exact_h = f64::from(full.1) * f64::from(w) / f64::from(full.0);
            let exact_w = f64::from(full.0) * f64::from(h) / f64::from(full.1);
            prop_assert!((exact_h - f64::from(h)).abs() <= 1.0 || (exact_w - f64::from(w)).abs() <= 1.0);
        }

        #[test]
        fn turning_a_picture_turns_its_sizes(full in size(), rung in 0usize..3) {
            let (w, h) = step(full, LADDER[rung].1);
            prop_assert_eq!(step((full.1, full.0), LADDER[rung].1), (h, w));
        }

        #[test]
        fn every_derivative_fits_into_fit(full in size(), edge in 1u32..9000) {
            let settings = RenderSettings { preview_size: PreviewSize::LongEdge(edge), ..Default::default() };
            let (w, h) = fit(full, &settings, Some(Format::Heic));
            let p = preview(full, settings.preview_size);
            prop_assert!(p.0 <= w && p.1 <= h);
            for (_, target) in LADDER {
                let s = step(full, target);
                prop_assert!(s.0 <= w && s.1 <= h);
            }
        }
    }
}

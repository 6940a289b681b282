//! Shrinking, by fast_image_resize: Lanczos3 in the picture's own (gamma-encoded) values.
//!
//! [`shrink`] shrinks a whole picture. [`Reducer`] gives the same result from rows that arrive one after the
//! other, and keeps only the rows that its kernel still needs: a decoder that reads in rows never holds a
//! whole picture of any size. Why not in linear light: docs/decisions.md.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions, Resizer};
use std::f64::consts::{FRAC_PI_2, PI};

/// Radius of Lanczos3 in output pixels; multiplied by the scale it is the radius in source pixels.
const LANCZOS_RADIUS: f64 = 3.0;
/// The maximum bytes of a band of source rows besides the rows that its kernel covers. A quarter of a
/// megabyte stays in the second-level cache of a small processor.
const BAND_BYTES: usize = 256 << 10;
/// Vertically shrunk rows are collected up to this many bytes before they are shrunk horizontally: each call
/// recomputes the filter.
const LINES_BYTES: usize = 1 << 20;

/// `rgb`, a whole picture of `from` pixels, shrunk to exactly `to`.
///
/// # Panics
/// If `rgb` is not `3 * width * height` bytes, or a side is 0: a bug in the caller.
pub fn shrink(rgb: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    assert!(from.0 > 0 && from.1 > 0 && to.0 > 0 && to.1 > 0, "a picture has pixels");
    assert_eq!(rgb.len(), bytes_of(from), "three bytes a pixel");
    if from == to {
        return rgb.to_vec();
    }
    let mut out = vec![0; bytes_of(to)];
    convolve(&mut Resizer::new(), rgb, from, &mut out, to, (0.0, f64::from(from.1)));
    out
}

/// fast_image_resize's own Lanczos3 without its two sines for each weight, which were 6 % of a JPEG's cost: with
/// t = pi x / 3, sin(pi x) is 3 sin t - 4 sin^3 t, and sin t is a polynomial.
pub fn lanczos3() -> FilterType {
    FilterType::Custom(
        Filter::new("Lanczos3 by polynomial", weight, LANCZOS_RADIUS).expect("a support above 0 is finite"),
    )
}

/// Lanczos3's weight of a sample `x` output pixels away, to 1e-9.
fn weight(x: f64) -> f64 {
    let x = x.abs();
    if x >= LANCZOS_RADIUS {
        return 0.0;
    }
    // At this distance it is 1 to the last digit, and the quotient below is undefined.
    if x < 1e-9 {
        return 1.0;
    }
    let t = PI * x / LANCZOS_RADIUS;
    let sine = sine(t);
    let sines = sine * sine * (3.0 - 4.0 * sine * sine);
    sines / (LANCZOS_RADIUS * t * t)
}

/// The sine of an angle from 0 to pi: its Taylor series up to the half, with an error of at most 6e-12.
fn sine(t: f64) -> f64 {
    let t = if t > FRAC_PI_2 { PI - t } else { t };
    let q = t * t;
    const C: [f64; 7] = [
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 1_307_674_368_000.0,
    ];
    t * (1.0 + q * C.iter().rev().fold(0.0, |sum, c| c + q * sum))
}

/// Bytes of an RGB picture.
pub fn bytes_of((width, height): (u32, u32)) -> usize {
    width as usize * height as usize * 3
}

/// Resizes the rows `window.0 .. window.0 + window.1` of `rgb` (rows around them are read, too).
fn convolve(
    resizer: &mut Resizer,
    rgb: &[u8],
    from: (u32, u32),
    out: &mut [u8],
    to: (u32, u32),
    window: (f64, f64),
) {
    let source = TypedImageRef::<U8x3>::from_buffer(from.0, from.1, rgb)
        .expect("the caller gives whole rows of bytes");
    let mut target = TypedImage::<U8x3>::from_buffer(to.0, to.1, out).expect("sized by the caller");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(lanczos3())).crop(
        0.0,
        window.0,
        f64::from(from.0),
        window.1,
    );
    resizer.resize_typed(&source, &mut target, &options).expect("the window lies within the rows");
}

/// Shrinks a picture whose rows come from top to bottom. Write into [`Reducer::space`], then [`Reducer::advance`].
pub struct Reducer {
    from: (u32, u32),
    to: (u32, u32),
    /// Source rows per output row.
    scale: f64,
    /// Source rows that an output row's kernel covers, up and down from its centre.
    reach: u32,
    /// Output rows made at a time.
    band: u32,
    resizer: Resizer,
    /// Source rows from number `first` on; capacity for `room` rows, `held` of them filled.
    rows: Vec<u8>,
    room: u32,
    first: u32,
    held: u32,
    /// Rows as wide as the source that are shrunk vertically only; the last of them is `out_rows`.
    lines: Vec<u8>,
    out: Vec<u8>,
    /// Output rows that have been shrunk vertically.
    out_rows: u32,
}

impl Reducer {
    /// A reducer from a picture of `from` pixels to `to`; no side of `to` is larger, and none is 0.
    pub fn new(from: (u32, u32), to: (u32, u32)) -> Reducer {
        let shape = Shape::of(from, to);
        Reducer {
            from,
            to,
            scale: shape.scale,
            reach: shape.reach,
            band: shape.band,
            resizer: Resizer::new(),
            rows: vec![0; if shape.room == 0 { 0 } else { bytes_of((from.0, shape.room)) }],
            room: shape.room,
            first: 0,
            held: 0,
            lines: Vec::with_capacity(shape.lines_bytes(from, to)),
            out: vec![0; bytes_of(to)],
            out_rows: 0,
        }
    }

    /// The maximum bytes of a reducer of these sizes, including its output.
    pub fn cost(from: (u32, u32), to: (u32, u32)) -> u64 {
        let shape = Shape::of(from, to);
        (bytes_of((from.0, shape.room)) + shape.lines_bytes(from, to) + bytes_of(to)) as u64
    }

    /// Rows that have been taken so far.
    pub fn taken(&self) -> u32 {
        if self.passes_through() { self.out_rows } else { self.first + self.held }
    }

    fn passes_through(&self) -> bool {
        self.room == 0
    }

    /// Space for at least one more row, and as many whole ones as fit now. Empty when the picture is
    /// complete.
    pub fn space(&mut self) -> &mut [u8] {
        let line = bytes_of((self.from.0, 1));
        if self.passes_through() {
            return &mut self.out[self.out_rows as usize * line..];
        }
        let rows = (self.room - self.held).min(self.from.1 - self.first - self.held);
        &mut self.rows[self.held as usize * line..][..rows as usize * line]
    }

    /// `rows` rows of [`Reducer::space`] have been filled.
    pub fn advance(&mut self, rows: u32) {
        if self.passes_through() {
            self.out_rows = (self.out_rows + rows).min(self.to.1);
            return;
        }
        self.held = (self.held + rows).min(self.room);
        while self.out_rows < self.to.1 {
            let end = (self.out_rows + self.band).min(self.to.1);
            let needed = ((f64::from(end) * self.scale).ceil() as u32 + self.reach).min(self.from.1);
            if self.first + self.held < needed {
                return;
            }
            self.make_band(end);
        }
    }

    fn make_band(&mut self, end: u32) {
        let line = bytes_of((self.from.0, 1));
        let top = f64::from(self.out_rows) * self.scale - f64::from(self.first);
        let height = (f64::from(end - self.out_rows) * self.scale).min(f64::from(self.held) - top);
        let rows = end - self.out_rows;
        let done = self.lines.len();
        self.lines.resize(done + rows as usize * line, 0);
        convolve(
            &mut self.resizer,
            &self.rows[..self.held as usize * line],
            (self.from.0, self.held),
            &mut self.lines[done..],
            (self.from.0, rows),
            (top, height),
        );
        self.out_rows = end;
        if end == self.to.1 || self.lines.len() >= LINES_BYTES {
            self.across();
        }
        let keep_from = ((f64::from(end) * self.scale).floor() as u32).saturating_sub(self.reach);
        let drop = keep_from.saturating_sub(self.first).min(self.held);
        self.rows.copy_within(drop as usize * line..self.held as usize * line, 0);
        self.first += drop;
        self.held -= drop;
    }

    /// Shrinks the vertically shrunk rows horizontally.
    fn across(&mut self) {
        let rows = (self.lines.len() / bytes_of((self.from.0, 1))) as u32;
        let line = bytes_of((self.to.0, 1));
        let out = &mut self.out[(self.out_rows - rows) as usize * line..self.out_rows as usize * line];
        let all = (0.0, f64::from(rows));
        convolve(&mut self.resizer, &self.lines, (self.from.0, rows), out, (self.to.0, rows), all);
        self.lines.clear();
    }

    /// Appends whole rows from another buffer.
    pub fn push(&mut self, mut rows: &[u8]) {
        let line = bytes_of((self.from.0, 1));
        while !rows.is_empty() {
            let space = self.space();
            let n = space.len().min(rows.len()) / line * line;
            if n == 0 {
                return;
            }
            space[..n].copy_from_slice(&rows[..n]);
            self.advance((n / line) as u32);
            rows = &rows[n..];
        }
    }

    /// The shrunk picture. Missing rows are mid grey.
    pub fn finish(mut self) -> Vec<u8> {
        loop {
            let line = bytes_of((self.from.0, 1));
            let space = self.space();
            if space.is_empty() {
                return self.out;
            }
            space.fill(128);
            let rows = (space.len() / line) as u32;
            self.advance(rows);
        }
    }
}

/// The dimensions of a [`Reducer`]'s work.
struct Shape {
    scale: f64,
    reach: u32,
    band: u32,
    room: u32,
}

impl Shape {
    fn of(from: (u32, u32), to: (u32, u32)) -> Shape {
        assert!(to.0 > 0 && to.1 > 0 && to.0 <= from.0 && to.1 <= from.1, "{from:?} shrinks to {to:?}");
        if from == to {
            return Shape { scale: 1.0, reach: 0, band: 1, room: 0 };
        }
        let scale = f64::from(from.1) / f64::from(to.1);
        // One more on each side, since an output row's centre lies between two source rows.
        let reach = (LANCZOS_RADIUS * scale).ceil() as u32 + 1;
        let row_bytes = bytes_of((from.0, 1)) as f64;
        let band = ((BAND_BYTES as f64 / (row_bytes * scale)) as u32).clamp(4, 64).min(to.1);
        let room = ((f64::from(band) * scale).ceil() as u32 + 2 * reach + 2).min(from.1);
        Shape { scale, reach, band, room }
    }

    /// The maximum bytes of rows that wait to be shrunk horizontally.
    fn lines_bytes(&self, from: (u32, u32), to: (u32, u32)) -> usize {
        let all = bytes_of((from.0, to.1));
        if self.room == 0 { 0 } else { all.min(LINES_BYTES + bytes_of((from.0, self.band))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(size: (u32, u32), seed: u32) -> Vec<u8> {
        let mut state = seed | 1;
        (0..bytes_of(size))
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (state >> 9) as u8
            })
            .collect()
    }

    #[test]
    fn the_polynomial_is_lanczos3() {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
        for i in -3_100..=3_100 {
            let x = f64::from(i) / 1000.0;
            let exact = if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
            assert!((weight(x) - exact).abs() < 1e-9, "{x}: {} is not {exact}", weight(x));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Rows in portions of any size give the same result as the whole picture.
        #[test]
        fn banded_is_whole(w in 1u32..90, h in 1u32..700, tw in 1u32..90, th in 1u32..700, portion in 1u32..40, seed: u32) {
            let (from, to) = ((w, h), (tw.min(w), th.min(h)));
            let rgb = noise(from, seed);
            let whole = shrink(&rgb, from, to);
            let mut reducer = Reducer::new(from, to);
            for part in rgb.chunks((portion * w * 3) as usize) {
                reducer.push(part);
            }
            prop_assert_eq!(reducer.taken(), h);
            let banded = reducer.finish();
            // The kernel's fixed-point precision is chosen per call: one level at most after the first pass. The second can make
            // two of it, since the weights of Lanczos3 sum to more than one without their signs; in noise it hardly ever does.
            let differ = |by: u8| whole.iter().zip(&banded).filter(|(a, b)| a.abs_diff(**b) > by).count();
            prop_assert_eq!(differ(2), 0);
            prop_assert!(differ(1) <= 1 + whole.len() / 1000, "{} of {}", differ(1), whole.len());
        }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let rgb = vec![77; bytes_of((301, 203))];
        assert!(shrink(&rgb, (301, 203), (100, 17)).iter().all(|&v| v == 77));
    }

    #[test]
    fn missing_rows_are_grey() {
        let mut reducer = Reducer::new((40, 400), (10, 100));
        reducer.push(&vec![10; bytes_of((40, 100))]);
        let out = reducer.finish();
        assert_eq!(out.len(), bytes_of((10, 100)));
        assert_eq!((out[0], out[out.len() - 1]), (10, 128));
    }

    #[test]
    fn a_wide_picture_is_held_in_a_few_rows() {
        // 30,000 x 20,000 to the ladder's largest: the whole would be 1.8 GB.
        assert!(Reducer::cost((30_000, 20_000), (1920, 1280)) < 30_000_000);
    }
}

//! Aligns a face: the similarity transform that maps its five points to the positions that the embedder
//! expects.
//!
//! The transform is Umeyama's least-squares fit without reflection, which has a closed form in two
//! dimensions. Sampling is bilinear; a face larger than the input is averaged over several samples per pixel,
//! so that it does not alias.

use albumen_media::pixels::Pixels;
use albumen_models::manifest::Input;

/// The maximum number of samples along one side of an output pixel. A face of 900 pixels still gets one for
/// each of its own.
const MAX_SAMPLES: u32 = 8;

/// `p -> [a -b; b a] p + t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    pub a: f64,
    pub b: f64,
    pub t: [f64; 2],
}

impl Similarity {
    /// The transform that maps `from` nearest to `to`; `None` if all points are equal.
    pub fn fit(from: &[[f32; 2]], to: &[[f32; 2]]) -> Option<Similarity> {
        let mean = |points: &[[f32; 2]]| -> [f64; 2] {
            let n = points.len() as f64;
            [0, 1].map(|i| points.iter().map(|p| f64::from(p[i])).sum::<f64>() / n)
        };
        let (mf, mt) = (mean(from), mean(to));
        let (mut spread, mut dot, mut cross) = (0.0, 0.0, 0.0);
        for (f, t) in from.iter().zip(to) {
            let (fx, fy) = (f64::from(f[0]) - mf[0], f64::from(f[1]) - mf[1]);
            let (tx, ty) = (f64::from(t[0]) - mt[0], f64::from(t[1]) - mt[1]);
            spread += fx * fx + fy * fy;
            dot += fx * tx + fy * ty;
            cross += fx * ty - fy * tx;
        }
        let (a, b) = (dot / spread, cross / spread);
        let fitted =
            Similarity { a, b, t: [mt[0] - (a * mf[0] - b * mf[1]), mt[1] - (b * mf[0] + a * mf[1])] };
        (a.is_finite() && b.is_finite() && fitted.scale() > 1e-6).then_some(fitted)
    }

    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    pub fn inverse(&self) -> Similarity {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Similarity { a, b, t: [-(a * self.t[0] - b * self.t[1]), -(b * self.t[0] + a * self.t[1])] }
    }

    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.a * x - self.b * y + self.t[0], self.b * x + self.a * y + self.t[1]]
    }
}

/// The aligned face, of the size of `input`; areas outside of the picture are black. Points that are all
/// equal (which no detector returns) give a black picture.
pub fn straighten(picture: &Pixels, points: &[[f32; 2]; 5], input: &Input, places: &[[f32; 2]; 5]) -> Pixels {
    let (width, height) = (input.width, input.height);
    let Some(fitted) = Similarity::fit(points, places) else {
        let rgb = vec![0; width as usize * height as usize * 3];
        return Pixels { width, height, rgb, damaged: None };
    };
    resampled(picture, &fitted.inverse(), (width, height))
}

/// The picture of this size whose pixels `back` maps into `picture`; areas outside of it are black.
pub fn resampled(picture: &Pixels, back: &Similarity, (width, height): (u32, u32)) -> Pixels {
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    let samples = (back.scale().round() as u32).clamp(1, MAX_SAMPLES);
    let step = 1.0 / f64::from(samples);
    let weight = 1.0 / (samples * samples) as f32;
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0f32; 3];
            for sy in 0..samples {
                for sx in 0..samples {
                    // Places are pixel centres; the samples are spread evenly around them.
                    let offset = |s: u32| (f64::from(s) + 0.5) * step - 0.5;
                    let at = back.apply([f64::from(x) + offset(sx), f64::from(y) + offset(sy)]);
                    bilinear(picture, at, &mut sum);
                }
            }
            rgb.extend(sum.map(|c| (c * weight).round().clamp(0.0, 255.0) as u8));
        }
    }
    Pixels { width, height, rgb, damaged: None }
}

/// Adds the colour at a point (pixel centres have integer coordinates); outside the picture it is black.
fn bilinear(picture: &Pixels, [x, y]: [f64; 2], sum: &mut [f32; 3]) {
    let (w, h) = (i64::from(picture.width), i64::from(picture.height));
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = ((x - x0) as f32, (y - y0) as f32);
    // A cast saturates, so a distant point stays distant.
    let (x0, y0) = (x0 as i64, y0 as i64);
    for (dy, wy) in [(0, 1.0 - fy), (1, fy)] {
        for (dx, wx) in [(0, 1.0 - fx), (1, fx)] {
            let (px, py) = (x0.saturating_add(dx), y0.saturating_add(dy));
            if (0..w).contains(&px) && (0..h).contains(&py) {
                let at = ((py * w + px) * 3) as usize;
                for (s, &c) in sum.iter_mut().zip(&picture.rgb[at..at + 3]) {
                    *s += wx * wy * f32::from(c);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACES: [[f32; 2]; 5] = [[38.0, 52.0], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]];

    proptest! {
        #[test]
        fn a_moved_turned_and_grown_face_is_brought_back(
            angle in -3.1f64..3.1, scale in 0.1f64..20.0, dx in -500f64..500.0, dy in -500f64..500.0,
        ) {
            let moved = Similarity { a: scale * angle.cos(), b: scale * angle.sin(), t: [dx, dy] };
            let points = PLACES.map(|p| moved.apply(p.map(f64::from)).map(|v| v as f32));
            let fitted = Similarity::fit(&points, &PLACES).unwrap();
            for (point, place) in points.iter().zip(PLACES) {
                let at = fitted.apply(point.map(f64::from));
                prop_assert!((at[0] - f64::from(place[0])).abs() < 0.05 && (at[1] - f64::from(place[1])).abs() < 0.05);
                let there = fitted.inverse().apply(at);
                prop_assert!((there[0] - f64::from(point[0])).abs() < 1e-3);
            }
        }
    }

    fn input() -> Input {
        albumen_models::manifest::manifest().face_embedder.input.clone()
    }

    #[test]
    fn points_in_one_place_and_points_far_outside_do_no_harm() {
        let picture = Pixels { width: 1, height: 1, rgb: vec![255; 3], damaged: None };
        let black = straighten(&picture, &[[0.5; 2]; 5], &input(), &PLACES);
        assert!(black.rgb.iter().all(|&c| c == 0));
        let far = PLACES.map(|[x, y]| [x * 1e5, y * 1e5]);
        assert_eq!(straighten(&picture, &far, &input(), &PLACES).rgb.len(), 112 * 112 * 3);
    }

    #[test]
    fn a_large_face_is_averaged_and_not_sampled() {
        // A checkerboard of single pixels, eight times as large as the input, must come out grey.
        let side = 1000;
        let rgb = (0..side * side)
            .flat_map(|i| [if (i % side + i / side) % 2 == 0 { 255u8 } else { 0 }; 3])
            .collect();
        let picture = Pixels { width: side, height: side, rgb, damaged: None };
        let points = PLACES.map(|[x, y]| [x * 8.0 + 3.0, y * 8.0 + 3.0]);
        let face = straighten(&picture, &points, &input(), &PLACES);
        assert!(face.rgb.iter().all(|&c| (110..=145).contains(&c)));
    }
}

//! The destination of rows: blended over white, shrunk as they arrive, finally converted to sRGB and turned
//! upright.

use super::Job;
use crate::decode::{colour, limits};
use crate::pixels::Pixels;
use crate::pixels::orient::{self, Orientation};
use crate::pixels::resize::Reducer;
use albumen_core::fault::Fault;

/// The layout of samples in a row, 8 bits each. Alpha is straight, not premultiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Samples {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Alpha is premultiplied.
    RgbaPremultiplied,
}

impl Samples {
    pub(crate) fn count(self) -> usize {
        match self {
            Samples::Grey => 1,
            Samples::GreyAlpha => 2,
            Samples::Rgb => 3,
            Samples::Rgba | Samples::RgbaPremultiplied => 4,
        }
    }
}

/// A picture under construction, of a known full size.
pub(crate) struct Canvas {
    reducer: Reducer,
    full: (u32, u32),
    target: (u32, u32),
    orientation: Orientation,
}

impl Canvas {
    /// A canvas for a stored picture of `full` pixels, whose decoder needs `decoder_bytes` in addition.
    pub(crate) fn new(job: &Job<'_>, full: (u32, u32), decoder_bytes: u64) -> Result<Canvas, Fault> {
        let target = Canvas::target(job, full)?;
        Canvas::scaled(job, full, target, decoder_bytes)
    }

    /// The target size, before turning, of a stored picture of `full` pixels.
    pub(crate) fn target(job: &Job<'_>, full: (u32, u32)) -> Result<(u32, u32), Fault> {
        let upright = limits::check_size(job.orientation.size(full), job.admission)?;
        let (w, h) = (job.fit)(upright.0, upright.1);
        Ok(job.orientation.size((w.clamp(1, upright.0), h.clamp(1, upright.1))))
    }

    /// A canvas for rows of a picture that its decoder has already shrunk to `from`, to be shrunk to
    /// `target`.
    pub(crate) fn scaled(
        job: &Job<'_>,
        from: (u32, u32),
        target: (u32, u32),
        decoder_bytes: u64,
    ) -> Result<Canvas, Fault> {
        let cost = decoder_bytes + Reducer::cost(from, target) + limits::finishing(target, job.orientation);
        job.admission.admit(cost)?;
        Ok(Canvas { reducer: Reducer::new(from, target), full: from, target, orientation: job.orientation })
    }

    /// The number of missing rows.
    pub(crate) fn missing(&self) -> u32 {
        self.full.1 - self.reducer.taken()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reducer.taken() == 0
    }

    /// Appends whole rows, from top to bottom; rows beyond the picture's height are dropped.
    pub(crate) fn push(&mut self, samples: Samples, rows: &[u8]) {
        if samples == Samples::Rgb {
            self.reducer.push(rows);
            return;
        }
        let row_bytes = self.full.0 as usize * samples.count();
        for row in rows.chunks_exact(row_bytes) {
            let space = self.reducer.space();
            if space.is_empty() {
                return;
            }
            let (out, _) = space[..self.full.0 as usize * 3].as_chunks_mut::<3>();
            spread(samples, row, out);
            self.reducer.advance(1);
        }
    }

    /// The finished picture. `profile` is the ICC profile of the rows.
    pub(crate) fn finish(self, profile: Option<&[u8]>, damaged: Option<String>) -> Pixels {
        let (width, height) = self.target;
        let mut rgb = self.reducer.finish();
        if let Some(profile) = profile {
            colour::to_srgb_rgb8(&mut rgb, profile);
        }
        orient::upright(Pixels { width, height, rgb, damaged }, self.orientation)
    }
}

/// Converts one row to RGB.
fn spread(samples: Samples, row: &[u8], out: &mut [[u8; 3]]) {
    match samples {
        Samples::Grey => out.iter_mut().zip(row).for_each(|(o, &v)| *o = [v; 3]),
        Samples::GreyAlpha => {
            out.iter_mut().zip(row.as_chunks::<2>().0).for_each(|(o, &[v, a])| *o = [over_white(v, a); 3]);
        }
        Samples::Rgb => out.copy_from_slice(row.as_chunks::<3>().0),
        Samples::Rgba => out.iter_mut().zip(row.as_chunks::<4>().0).for_each(|(o, &[r, g, b, a])| {
            *o = match a {
                255 => [r, g, b],
                0 => [255; 3],
                _ => [over_white(r, a), over_white(g, a), over_white(b, a)],
            }
        }),
        Samples::RgbaPremultiplied => out
            .iter_mut()
            .zip(row.as_chunks::<4>().0)
            .for_each(|(o, &[r, g, b, a])| *o = [r, g, b].map(|v| v.saturating_add(255 - a))),
    }
}

/// A sample over white, rounded.
fn over_white(v: u8, alpha: u8) -> u8 {
    let (v, a) = (u32::from(v), u32::from(alpha));
    ((v * a + 255 * (255 - a) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_is_shown_over_white() {
        assert_eq!(over_white(0, 0), 255);
        assert_eq!(over_white(10, 255), 10);
        assert_eq!(over_white(0, 128), 127);
        let mut out = [[0; 3]; 2];
        spread(Samples::Rgba, &[1, 2, 3, 255, 9, 9, 9, 0], &mut out);
        assert_eq!(out, [[1, 2, 3], [255; 3]]);
        spread(Samples::RgbaPremultiplied, &[0, 0, 0, 0, 100, 50, 0, 200], &mut out);
        assert_eq!(out, [[255; 3], [155, 105, 55]]);
    }
}

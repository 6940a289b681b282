//! Distinguishes screenshots and documents from photos, by features that photos lack: even colour and hard
//! edges.
//!
//! A screenshot is drawn: large parts have exactly one colour, and colours change within a pixel. A scanned
//! or photographed page is bright and nearly without colour, with a few percent of dark strokes on it. A
//! photo has noise and soft edges almost everywhere; objects on plain paper are the exception, so this is
//! used only if no known subject was found. The picture is measured in blocks of 8 pixels, the grid of its
//! JPEG.

use albumen_core::vocabulary::FoundSubject;
use albumen_media::pixels::Pixels;

/// Side of a block, pixels.
const BLOCK: usize = 8;
/// One row of blocks in this many is measured: fractions of thousands of blocks do not need all of them.
const EVERY: usize = 2;
/// A block whose luma varies by at most this is even. JPEG at quality 80 changes a plain block by 0 to 2.
const EVEN: u8 = 3;
/// A step between neighbours of at least this much, of 255, is hard.
const HARD: u8 = 48;
/// The minimum luma of paper, and the maximum luma of ink.
const PAPER: u8 = 150;
/// Differences between red, green and blue up to this count as grey.
const GREY: u8 = 24;
/// A picture with fewer pixels on a side (an icon, a test picture) is not judged.
const LEAST_SIDE: u32 = 200;

/// The measures of a picture, as fractions of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measures {
    /// Even blocks.
    pub even: f32,
    /// Of the even blocks, those whose colour is one of the four most frequent.
    pub plain: f32,
    /// Of the blocks that are not even, those with a hard edge.
    pub hard: f32,
    /// Bright pixels without colour, and the blocks with both paper and ink.
    pub paper: f32,
    pub written: f32,
}

/// `screenshot` or `document`, or neither.
pub fn judge(picture: &Pixels, classifier_says: impl Fn(&str) -> f32) -> Option<FoundSubject> {
    if picture.width.min(picture.height) < LEAST_SIDE {
        return None;
    }
    let m = measure(picture);
    let screen = m.screenshot().max(classifier_says("screenshot"));
    let page = m.document().max(classifier_says("document") * m.paper.sqrt());
    let (label, score) = if page > screen { ("document", page) } else { ("screenshot", screen) };
    (score >= 0.5).then(|| FoundSubject { label: label.to_owned(), score: score.min(1.0), area: None })
}

/// 0 below `none`, 1 from `all` on.
fn ramp(value: f32, none: f32, all: f32) -> f32 {
    ((value - none) / (all - none)).clamp(0.0, 1.0)
}

impl Measures {
    fn screenshot(&self) -> f32 {
        ramp(self.even, 0.4, 0.65) * ramp(self.plain, 0.55, 0.85) * ramp(self.hard, 0.5, 0.72)
    }

    fn document(&self) -> f32 {
        ramp(self.paper, 0.55, 0.8) * ramp(self.written, 0.08, 0.2)
    }
}

/// Measures a picture.
fn measure(picture: &Pixels) -> Measures {
    let (columns, rows) = (picture.width as usize / BLOCK, picture.height as usize / BLOCK);
    let (mut even, mut hard, mut paper, mut written) = (0u32, 0u32, 0u32, 0u32);
    let mut colours = [0u32; 1 << (3 * COLOUR_BITS)];
    let mut band = Band::of_width(columns * BLOCK);
    let pitch = picture.width as usize * 3;
    let arch = pulp::Arch::new();
    for pixels in picture.rgb.chunks_exact(pitch * BLOCK).take(rows).step_by(EVERY) {
        // Plain x86-64 cannot shuffle bytes; with AVX2 this takes half the time.
        arch.dispatch(|| band.read(pixels, pitch));
        for column in 0..columns {
            let block = band.block(column);
            if block.high - block.low <= EVEN {
                even += 1;
                let first: [u8; 3] = std::array::from_fn(|c| pixels[column * BLOCK * 3 + c]);
                colours[colour_number(first)] += 1;
            } else if block.step >= HARD {
                hard += 1;
            }
            paper += block.paper;
            // Strokes: mostly paper, partly dark.
            let bright = block.paper as usize * 2 >= BLOCK * BLOCK;
            written += u32::from(bright && block.step >= HARD && block.high - block.low > 70);
        }
    }
    let blocks = (columns * rows.div_ceil(EVERY)).max(1) as f32;
    colours.sort_unstable_by(|a, b| b.cmp(a));
    let part = |n: u32, of: f32| n as f32 / of.max(1.0);
    Measures {
        even: part(even, blocks),
        plain: part(colours.iter().take(4).sum(), even as f32),
        hard: part(hard, blocks - even as f32),
        paper: part(paper, blocks * (BLOCK * BLOCK) as f32),
        written: part(written, blocks),
    }
}

/// Bits per channel for counting colours: a colour and its JPEG noise are one.
const COLOUR_BITS: u32 = 4;

fn colour_number(colour: [u8; 3]) -> usize {
    colour
        .into_iter()
        .fold(0, |n, c| n << COLOUR_BITS | usize::from(c.saturating_add(4) >> (8 - COLOUR_BITS)))
}

/// A row of blocks, measured column by column: loops without branches, which the compiler vectorises.
struct Band {
    luma: Vec<u8>,
    above: Vec<u8>,
    /// Of each column of pixels: the lowest and the highest luma, the largest step to the next column and
    /// from line to line, and the number of paper pixels.
    low: Vec<u8>,
    high: Vec<u8>,
    across: Vec<u8>,
    down: Vec<u8>,
    paper: Vec<u8>,
}

impl Band {
    fn of_width(width: usize) -> Band {
        let row = || vec![0; width];
        Band { luma: row(), above: row(), low: row(), high: row(), across: row(), down: row(), paper: row() }
    }

    #[inline(always)]
    fn read(&mut self, pixels: &[u8], pitch: usize) {
        self.low.fill(255);
        for row in [&mut self.high, &mut self.across, &mut self.down, &mut self.paper] {
            row.fill(0);
        }
        let width = self.luma.len();
        for (line, row) in pixels.chunks_exact(pitch).enumerate() {
            for ((luma, paper), p) in
                self.luma.iter_mut().zip(&mut self.paper).zip(row[..width * 3].chunks_exact(3))
            {
                let [r, g, b] = [p[0], p[1], p[2]];
                *luma = ((u16::from(r) * 77 + u16::from(g) * 150 + u16::from(b) * 29) >> 8) as u8;
                let (least, most) = (r.min(g).min(b), r.max(g).max(b));
                *paper += u8::from(most - least <= GREY && least >= PAPER);
            }
            for ((low, high), luma) in self.low.iter_mut().zip(&mut self.high).zip(&self.luma) {
                *low = (*low).min(*luma);
                *high = (*high).max(*luma);
            }
            for (step, pair) in self.across.iter_mut().zip(self.luma.windows(2)) {
                *step = (*step).max(pair[0].abs_diff(pair[1]));
            }
            if line > 0 {
                for ((step, luma), above) in self.down.iter_mut().zip(&self.luma).zip(&self.above) {
                    *step = (*step).max(luma.abs_diff(*above));
                }
            }
            std::mem::swap(&mut self.luma, &mut self.above);
        }
    }

    fn block(&self, column: usize) -> Block {
        let at = column * BLOCK..(column + 1) * BLOCK;
        let most = |row: &[u8]| row.iter().fold(0, |m: u8, v| m.max(*v));
        // The step after the last column is outside of the block.
        let across = most(&self.across[at.start..at.end - 1]);
        Block {
            low: self.low[at.clone()].iter().fold(255, |m: u8, v| m.min(*v)),
            high: most(&self.high[at.clone()]),
            step: across.max(most(&self.down[at.clone()])),
            paper: self.paper[at].iter().map(|p| u32::from(*p)).sum(),
        }
    }
}

/// One block's luma and colour.
struct Block {
    low: u8,
    high: u8,
    /// The largest step between neighbours.
    step: u8,
    /// Pixels of paper.
    paper: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Pixels {
        let rgb = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| colour(x, y))
            .collect();
        Pixels { width, height, rgb, damaged: None }
    }

    /// Strokes as letters have them: 2 pixels of ink in 7, in lines of 10 pixels, 24 apart.
    fn is_ink(x: u32, y: u32) -> bool {
        (40..440).contains(&x) && y > 40 && y % 24 < 10 && x * 7919 % 7 < 2
    }

    fn label(picture: &Pixels) -> Option<String> {
        judge(picture, |_| 0.0).map(|s| s.label)
    }

    #[test]
    fn a_drawn_screen_is_a_screenshot() {
        let screen = picture(480, 800, |x, y| match (x, y) {
            (_, 0..60) => [30, 90, 200],
            (_, 700..) => [240, 240, 245],
            _ if is_ink(x, y) && y < 500 => [230, 230, 230],
            _ => [24, 26, 33],
        });
        assert_eq!(label(&screen).as_deref(), Some("screenshot"), "{:?}", measure(&screen));
    }

    #[test]
    fn a_page_with_uneven_light_and_noise_is_a_document() {
        let noise = |x: u32, y: u32| (x.wrapping_mul(2654435761) ^ y.wrapping_mul(40503)) >> 7 & 15;
        let page = picture(480, 640, |x, y| {
            let paper = 180 + x / 16 + noise(x, y);
            let value = if is_ink(x, y) { 50 + noise(x, y) } else { paper };
            [value.min(255) as u8, value.min(250) as u8, value.saturating_sub(6) as u8]
        });
        assert_eq!(label(&page).as_deref(), Some("document"), "{:?}", measure(&page));
    }

    #[test]
    fn measuring_by_columns_is_measuring_block_by_block() {
        let drawn = picture(216, 203, |x, y| match (x / 40 + y / 30) % 3 {
            0 => [250, 250, 244],
            1 => [(x * 31 + y * 17) as u8, (x * 7) as u8, (y * 5) as u8],
            _ if is_ink(x, y) => [20, 20, 24],
            _ => [200, 200, 190],
        });
        let (columns, rows) = (216 / 8, 203 / 8);
        let looked_at = || (0..rows).step_by(EVERY);
        let (mut even, mut hard, mut paper) = (0, 0, 0);
        for (column, row) in looked_at().flat_map(|r| (0..columns).map(move |c| (c, r))) {
            let luma = |x: usize, y: usize| {
                let p = &drawn.rgb[((row * 8 + y) * 216 + column * 8 + x) * 3..][..3];
                ((i32::from(p[0]) * 77 + i32::from(p[1]) * 150 + i32::from(p[2]) * 29) >> 8, p)
            };
            let all = || (0..8).flat_map(|y| (0..8).map(move |x| (x, y)));
            let (low, high) =
                (all().map(|(x, y)| luma(x, y).0).min(), all().map(|(x, y)| luma(x, y).0).max());
            let step = |(x, y)| {
                let here = luma(x, y).0;
                let across = if x < 7 { (luma(x + 1, y).0 - here).abs() } else { 0 };
                across.max(if y < 7 { (luma(x, y + 1).0 - here).abs() } else { 0 })
            };
            paper += all()
                .filter(|&(x, y)| {
                    let p = luma(x, y).1;
                    let (least, most) = (*p.iter().min().unwrap(), *p.iter().max().unwrap());
                    most - least <= GREY && least >= PAPER
                })
                .count();
            if high.unwrap() - low.unwrap() <= i32::from(EVEN) {
                even += 1
            } else {
                hard += i32::from(all().map(step).max().unwrap() >= i32::from(HARD))
            }
        }
        let blocks = (columns * looked_at().count()) as f32;
        let m = measure(&drawn);
        assert_eq!(m.even, even as f32 / blocks);
        assert_eq!(m.hard, hard as f32 / (blocks - even as f32));
        assert_eq!(m.paper, paper as f32 / (blocks * 64.0));
    }

    #[test]
    fn skies_textures_and_icons_are_neither() {
        let sky = picture(480, 640, |_, y| [100, (120 + y / 8) as u8, 220]);
        assert_eq!(label(&sky), None, "{:?}", measure(&sky));
        let texture = picture(480, 640, |x, y| [((x * x + y * 31) % 251) as u8; 3]);
        assert_eq!(label(&texture), None, "{:?}", measure(&texture));
        assert_eq!(label(&picture(64, 64, |_, _| [255; 3])), None);
        assert_eq!(label(&picture(400, 400, |_, _| [255; 3])), None);
    }
}

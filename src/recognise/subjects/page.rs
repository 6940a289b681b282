//! Tells screenshots and documents from photos, by what cameras cannot make: even colour and hard edges.
//!
//! A screenshot is drawn: large parts have exactly one colour, and where colours meet they do so within a pixel. A
//! scanned or photographed page is bright and nearly without colour, with a few percent of dark strokes on it. A photo has
//! noise and soft edges almost everywhere; what is shown on plain paper is the exception, so this is asked only where
//! nothing that is known was found. The picture is measured in blocks of 8 pixels, the grid of the JPEG it was kept as.

use crate::pipeline::vocabulary::FoundSubject;
use crate::pixels::Pixels;

/// Side of a block, pixels.
const BLOCK: usize = 8;
/// A block whose luma varies by no more than this is even. JPEG at quality 80 moves a plain block by 0 to 2.
const EVEN: u8 = 3;
/// A step between neighbours of at least this much, of 255, is hard.
const HARD: i32 = 48;
/// Luma from which a pixel is paper, and up to which it is ink.
const PAPER: u8 = 150;
/// Differences between red, green and blue up to this are no colour.
const GREY: u8 = 24;
/// A picture with fewer pixels on a side (an icon, a test picture) says nothing.
const LEAST_SIDE: u32 = 200;

/// What is measured of a picture; fractions of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measures {
    /// Blocks of one colour.
    pub even: f32,
    /// Of the even blocks, those whose colour is one of the four most frequent.
    pub plain: f32,
    /// Of the blocks that are not even, those with a hard edge.
    pub hard: f32,
    /// Pixels that are bright and without colour, and of the blocks, those in which paper meets ink.
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

/// Measures a picture in one pass.
pub fn measure(picture: &Pixels) -> Measures {
    let (columns, rows) = (picture.width as usize / BLOCK, picture.height as usize / BLOCK);
    let (mut even, mut hard, mut paper, mut written) = (0u32, 0u32, 0u32, 0u32);
    let mut colours = std::collections::HashMap::<[u8; 3], u32>::new();
    for row in 0..rows {
        for column in 0..columns {
            let block = Block::of(picture, column * BLOCK, row * BLOCK);
            if block.high - block.low <= EVEN {
                even += 1;
                // Four bits a channel: a colour and its JPEG noise are one.
                *colours.entry(block.first.map(|c| c.saturating_add(4) >> 4)).or_default() += 1;
            } else if block.step >= HARD {
                hard += 1;
            }
            paper += block.paper;
            // Strokes: mostly paper, some of it dark against it.
            let bright = block.paper as usize * 2 >= BLOCK * BLOCK;
            written += u32::from(bright && block.step >= HARD && block.high - block.low > 70);
        }
    }
    let blocks = (columns * rows).max(1) as f32;
    let mut counts: Vec<u32> = colours.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let part = |n: u32, of: f32| n as f32 / of.max(1.0);
    Measures {
        even: part(even, blocks),
        plain: part(counts.iter().take(4).sum(), even as f32),
        hard: part(hard, blocks - even as f32),
        paper: part(paper, blocks * (BLOCK * BLOCK) as f32),
        written: part(written, blocks),
    }
}

/// One block's luma and colour.
struct Block {
    low: u8,
    high: u8,
    first: [u8; 3],
    /// The largest step between neighbours.
    step: i32,
    /// Pixels of paper.
    paper: u32,
}

impl Block {
    fn of(picture: &Pixels, x: usize, y: usize) -> Block {
        let width = picture.width as usize;
        let at = (y * width + x) * 3;
        let first = [picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2]];
        let mut block = Block { low: 255, high: 0, first, step: 0, paper: 0 };
        let mut above = [0i32; BLOCK];
        for line in 0..BLOCK {
            let at = ((y + line) * width + x) * 3;
            let mut before: Option<i32> = None;
            for (i, p) in picture.rgb[at..at + BLOCK * 3].chunks_exact(3).enumerate() {
                let luma = ((u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29) >> 8) as u8;
                block.low = block.low.min(luma);
                block.high = block.high.max(luma);
                let luma = i32::from(luma);
                if let Some(before) = before {
                    block.step = block.step.max((luma - before).abs());
                }
                if line > 0 {
                    block.step = block.step.max((luma - above[i]).abs());
                }
                (before, above[i]) = (Some(luma), luma);
                let (least, most) = (p[0].min(p[1]).min(p[2]), p[0].max(p[1]).max(p[2]));
                block.paper += u32::from(most - least <= GREY && least >= PAPER);
            }
        }
        block
    }
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
    fn skies_textures_and_icons_are_neither() {
        let sky = picture(480, 640, |_, y| [100, (120 + y / 8) as u8, 220]);
        assert_eq!(label(&sky), None, "{:?}", measure(&sky));
        let texture = picture(480, 640, |x, y| [((x * x + y * 31) % 251) as u8; 3]);
        assert_eq!(label(&texture), None, "{:?}", measure(&texture));
        assert_eq!(label(&picture(64, 64, |_, _| [255; 3])), None);
        assert_eq!(label(&picture(400, 400, |_, _| [255; 3])), None);
    }
}

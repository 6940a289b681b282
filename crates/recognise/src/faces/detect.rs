//! Face detection, with five points each.
//!
//! One pass over the whole picture at about 640 pixels finds most faces. Only if small faces are likely
//! (several were found and one is small, or one is near the minimum size) is the picture searched again, in
//! overlapping tiles at full size. If no certain face is found and the metadata has no orientation, the
//! quarter turns are tried. Costs, on one thread of an x86-64 server core: the pass 7 ms for 640x480; the
//! tiles about 75 ms for 1707x1280.

use crate::picture::{self, Rect, Turn, Views};
use crate::session::{Network, Outputs};
use albumen_core::fault::Fault;
use albumen_media::pixels::Pixels;
use albumen_models::files::ModelFault;
use albumen_models::manifest::{FaceHead, Input, Model, Thresholds, for_stride};
use fast_image_resize::FilterType;
use ort::environment::Environment;
use std::path::Path;

/// The maximum size of a tile, pixels per side; limits the memory of the second pass (about 90 MB).
const TILE: u32 = 960;
/// The overlap of tiles, pixels: a face of the second pass is complete in one of them. A larger one is more
/// than 36 pixels in the first pass and was found there.
const OVERLAP: u32 = 96;
/// Faces larger than this in a tile are left to the first pass, pixels.
const TILE_FACE: f32 = 280.0;
/// With at least this many faces, one of [`SMALL`] or less makes missed ones likely.
const SEVERAL: usize = 3;
/// Side of a face in the first pass, pixels.
const SMALL: f32 = 40.0;
/// A single face of this side or less in the first pass, pixels, is near the minimum that it can find.
const TINY: f32 = 20.0;
/// The minimum side of a face that the embedder can use, pixels of the picture.
const LEAST: f32 = 14.0;
/// The best upright face of a portrait scores more than this (99 of 100), a lying one detected as upright
/// less (all but 3 of 1000, of the 43 % that are detected as upright at all). Measured on 350 portraits and
/// their quarter turns.
const SURE: f32 = 0.9;
/// Turned pictures give three more chances of false faces, so the threshold is higher.
const TURNED_SCORE: f32 = 0.8;
/// The minimum lead over the faces found upright. Recovers 99 % of the lying faces and turned none of 350
/// upright.
const TURNED_GAIN: f32 = 0.03;
/// A turn is searched in full if a search at this scale finds at least this score. Of 880 lying pictures that
/// the full search puts upright (of 276 portraits and 161 other pictures, by three turns) none was lost by
/// it; of the turned views of the others, mostly without people, 21 in 100 are searched in full.
const GLANCE: (f64, f32) = (0.5, 0.3);
/// A box of which this part lies within a better one is the same face, at any sizes.
const INSIDE: f32 = 0.7;

/// A face in pixels of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
    /// 0 to 1.
    pub score: f32,
    /// Eyes, nose, corners of the mouth; left first as seen.
    pub points: [[f32; 2]; 5],
}

impl Detection {
    /// The box as fractions of a picture of `width` and `height`, cut at its edges.
    pub fn fractions(&self, width: f32, height: f32) -> [f32; 4] {
        let (x0, y0) = ((self.x / width).clamp(0.0, 1.0), (self.y / height).clamp(0.0, 1.0));
        let (x1, y1) =
            (((self.x + self.w) / width).clamp(0.0, 1.0), ((self.y + self.h) / height).clamp(0.0, 1.0));
        [x0, y0, x1 - x0, y1 - y0]
    }

    pub(super) fn side(&self) -> f32 {
        self.w.max(self.h)
    }

    /// The same face after `p -> p * scale + offset`.
    fn mapped(&self, scale: f32, [dx, dy]: [f32; 2]) -> Detection {
        Detection {
            x: self.x * scale + dx,
            y: self.y * scale + dy,
            w: self.w * scale,
            h: self.h * scale,
            score: self.score,
            points: self.points.map(|[x, y]| [x * scale + dx, y * scale + dy]),
        }
    }

    fn is_sane(&self) -> bool {
        let numbers = [self.x, self.y, self.w, self.h].into_iter().chain(self.points.into_iter().flatten());
        self.w > 0.0 && self.h > 0.0 && numbers.into_iter().all(|n| n.is_finite() && n.abs() < 1e6)
    }
}

pub struct Detector {
    network: Network,
    model: &'static Model<FaceHead>,
    planes: Vec<f32>,
}

impl Detector {
    pub fn open(
        environment: &Environment,
        dir: &Path,
        model: &'static Model<FaceHead>,
        threads: usize,
    ) -> Result<Detector, ModelFault> {
        let head = &model.head;
        let outputs: Vec<String> = (head.strides.iter())
            .flat_map(|&s| [&head.class, &head.object, &head.area, &head.points].map(|p| for_stride(p, s)))
            .collect();
        let network = Network::open(environment, dir, &model.file, threads, &model.input.name, &outputs)?;
        Ok(Detector { network, model, planes: Vec::new() })
    }

    /// Every face of an upright picture, in no specified order.
    pub fn find(&mut self, views: &Views<'_>, try_rotations: bool) -> Result<Vec<Detection>, Fault> {
        let (picture, scale) = (views.whole, views.scale);
        let first = self.pass(&views.small)?;
        let grow = (1.0 / scale) as f32;
        let mut found: Vec<Detection> = first.iter().map(|f| f.mapped(grow, [0.0; 2])).collect();
        let surest = surest(&first);
        if try_rotations && surest < SURE {
            let turned = self.find_turned(views, TURNED_SCORE.max(surest + TURNED_GAIN))?;
            if !turned.is_empty() {
                return Ok(turned);
            }
        }
        if scale < 1.0 && small_faces_are_likely(&first) {
            for (x, y, w, h) in tiles(picture.width, picture.height) {
                let rect = Rect { x: x.into(), y: y.into(), w: w.into(), h: h.into() };
                let tile = picture::cut(picture, rect, (w, h), FilterType::Box);
                let whole = |f: &&Detection| lies_within(f, (x, y, w, h), (picture.width, picture.height));
                let inside = self.pass(&tile)?;
                found.extend(inside.iter().filter(whole).map(|f| f.mapped(1.0, [x as f32, y as f32])));
            }
            suppress(&mut found, self.model.thresholds);
        }
        found.retain(|f| f.side() >= LEAST);
        Ok(found)
    }

    /// Tries the quarter turns; of those with a face of at least `least`, returns the one with the highest
    /// score.
    fn find_turned(&mut self, views: &Views<'_>, least: f32) -> Result<Vec<Detection>, Fault> {
        let glance = picture::shrunk(&views.small, GLANCE.0);
        let (mut best, mut most) = (Vec::new(), least);
        for turn in [Turn::Right, Turn::Left, Turn::Half] {
            if self.look(&picture::turned(&glance, turn), GLANCE.1)?.is_empty() {
                continue;
            }
            let turned = picture::turned(&views.small, turn);
            let found = self.pass(&turned)?;
            let surest = surest(&found);
            if surest >= most {
                most = surest;
                let size = [turned.width as f32, turned.height as f32];
                best = found.iter().map(|f| unturned(f, turn, size, views.whole)).collect();
            }
        }
        best.retain(|f: &Detection| f.side() >= LEAST);
        Ok(best)
    }

    /// One search of a picture at its own size: each face once.
    pub(super) fn pass(&mut self, picture: &Pixels) -> Result<Vec<Detection>, Fault> {
        let mut found = self.look(picture, self.model.thresholds.score)?;
        suppress(&mut found, self.model.thresholds);
        Ok(found)
    }

    /// All detections with a score of at least `least`, in a picture at its own size, padded to the network's
    /// input.
    fn look(&mut self, picture: &Pixels, least: f32) -> Result<Vec<Detection>, Fault> {
        let Detector { network, model, planes } = self;
        let Input { multiple_of: m, .. } = model.input;
        let size = (picture.width.next_multiple_of(m), picture.height.next_multiple_of(m));
        picture::planes(picture, &model.input, size, planes);
        let outputs = network.run(planes, size)?;
        let mut found = Vec::new();
        for &stride in &model.head.strides {
            read(&outputs, &model.head, stride, size, least, &mut found)?;
        }
        Ok(found)
    }
}

/// The best score; 0 if there is none.
fn surest(found: &[Detection]) -> f32 {
    found.iter().map(|f| f.score).fold(0.0, f32::max)
}

fn small_faces_are_likely(found: &[Detection]) -> bool {
    let smallest = found.iter().map(Detection::side).fold(f32::INFINITY, f32::min);
    smallest <= TINY || (found.len() >= SEVERAL && smallest <= SMALL)
}

/// Tiles (x, y, w, h) of nearly equal size that cover a picture and overlap by at least [`OVERLAP`].
fn tiles(width: u32, height: u32) -> Vec<(u32, u32, u32, u32)> {
    let along = |length: u32| -> Vec<(u32, u32)> {
        let count = length.saturating_sub(OVERLAP).div_ceil(TILE - OVERLAP).max(1);
        let size = (length + (count - 1) * OVERLAP).div_ceil(count).min(length);
        (0..count).map(|i| ((length - size) * i / (count - 1).max(1), size)).collect()
    };
    let rows = along(height);
    along(width).into_iter().flat_map(|(x, w)| rows.iter().map(move |&(y, h)| (x, y, w, h))).collect()
}

/// Whether a face belongs to a tile: small enough, and not cut by an edge that another tile overlaps.
fn lies_within(f: &Detection, (x, y, w, h): (u32, u32, u32, u32), (width, height): (u32, u32)) -> bool {
    // A cut face is fitted to the edge; two pixels are the detector's tolerance.
    const SLACK: f32 = 2.0;
    f.side() <= TILE_FACE
        && (x == 0 || f.x > SLACK)
        && (y == 0 || f.y > SLACK)
        && (x + w >= width || f.x + f.w < w as f32 - SLACK)
        && (y + h >= height || f.y + f.h < h as f32 - SLACK)
}

fn unturned(f: &Detection, turn: Turn, [w, h]: [f32; 2], picture: &Pixels) -> Detection {
    let back = |[x, y]: [f32; 2]| {
        let [x, y] = turn.undo([x / w, y / h]);
        [x * picture.width as f32, y * picture.height as f32]
    };
    let (a, b) = (back([f.x, f.y]), back([f.x + f.w, f.y + f.h]));
    Detection {
        x: a[0].min(b[0]),
        y: a[1].min(b[1]),
        w: (a[0] - b[0]).abs(),
        h: (a[1] - b[1]).abs(),
        score: f.score,
        points: f.points.map(back),
    }
}

/// Reads one stride's outputs: the score and the geometry of each cell (column, row).
fn read(
    outputs: &Outputs<'_>,
    head: &FaceHead,
    stride: u32,
    (width, height): (u32, u32),
    least: f32,
    found: &mut Vec<Detection>,
) -> Result<(), Fault> {
    let columns = (width / stride) as usize;
    let cells = columns * (height / stride) as usize;
    let class = outputs.get(&for_stride(&head.class, stride), cells)?;
    let object = outputs.get(&for_stride(&head.object, stride), cells)?;
    let area = outputs.get(&for_stride(&head.area, stride), cells * 4)?;
    let points = outputs.get(&for_stride(&head.points, stride), cells * 10)?;
    let step = stride as f32;
    for cell in 0..cells {
        let score = (class[cell].clamp(0.0, 1.0) * object[cell].clamp(0.0, 1.0)).sqrt();
        if score < least {
            continue;
        }
        let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
        let a = &area[cell * 4..cell * 4 + 4];
        let p = &points[cell * 10..cell * 10 + 10];
        let (w, h) = (a[2].exp() * step, a[3].exp() * step);
        let detection = Detection {
            x: (column + a[0]) * step - w / 2.0,
            y: (row + a[1]) * step - h / 2.0,
            w,
            h,
            score,
            points: std::array::from_fn(|i| [(p[2 * i] + column) * step, (p[2 * i + 1] + row) * step]),
        };
        if detection.is_sane() {
            found.push(detection);
        }
    }
    Ok(())
}

/// Keeps the best box of each face.
fn suppress(found: &mut Vec<Detection>, thresholds: Thresholds) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.x.total_cmp(&b.x)).then(a.y.total_cmp(&b.y)));
    let mut kept: Vec<Detection> = Vec::new();
    for f in found.iter() {
        if kept.iter().all(|k| !same_face(k, f, thresholds.overlap)) {
            kept.push(*f);
        }
    }
    *found = kept;
}

fn same_face(a: &Detection, b: &Detection, overlap: f32) -> bool {
    let w = ((a.x + a.w).min(b.x + b.w) - a.x.max(b.x)).max(0.0);
    let h = ((a.y + a.h).min(b.y + b.h) - a.y.max(b.y)).max(0.0);
    let (both, one, other) = (w * h, a.w * a.h, b.w * b.h);
    both > overlap * (one + other - both) || both > INSIDE * one.min(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn face(x: f32, y: f32, side: f32, score: f32) -> Detection {
        Detection { x, y, w: side, h: side, score, points: [[x, y]; 5] }
    }

    #[test]
    fn the_same_face_is_kept_once_and_the_better_box_wins() {
        let mut found =
            vec![face(10.0, 10.0, 50.0, 0.7), face(12.0, 8.0, 50.0, 0.9), face(100.0, 10.0, 50.0, 0.8)];
        found.push(face(20.0, 20.0, 15.0, 0.65));
        suppress(&mut found, Thresholds { score: 0.6, overlap: 0.3 });
        assert_eq!(found.iter().map(|f| f.score).collect::<Vec<_>>(), [0.9, 0.8]);
    }

    #[test]
    fn tiles_are_looked_at_only_where_small_faces_are_likely() {
        assert!(!small_faces_are_likely(&[]));
        assert!(!small_faces_are_likely(&[face(0.0, 0.0, 100.0, 0.9)]));
        assert!(!small_faces_are_likely(&[face(0.0, 0.0, 30.0, 0.9)]));
        assert!(small_faces_are_likely(&[face(0.0, 0.0, 18.0, 0.9)]));
        assert!(small_faces_are_likely(&[30.0, 60.0, 90.0].map(|s| face(0.0, 0.0, s, 0.9))));
    }

    #[test]
    fn a_turned_face_comes_back_to_where_it_is() {
        let picture = Pixels { width: 200, height: 100, rgb: vec![0; 60000], damaged: None };
        // Turned right, the picture is 100 wide and 200 high; its top left was the bottom left.
        let f = unturned(&face(0.0, 0.0, 20.0, 0.9), Turn::Right, [100.0, 200.0], &picture);
        assert_eq!((f.x, f.y, f.w, f.h), (0.0, 80.0, 20.0, 20.0));
        assert_eq!(f.points[0], [0.0, 100.0]);
    }

    proptest! {
        #[test]
        fn tiles_cover_the_picture_and_overlap(width in 1u32..6000, height in 1u32..3000) {
            let tiles = tiles(width, height);
            for &(x, y, w, h) in &tiles {
                prop_assert!((1..=TILE).contains(&w) && (1..=TILE).contains(&h));
                prop_assert!(x + w <= width && y + h <= height);
            }
            let mut columns: Vec<(u32, u32)> = tiles.iter().map(|t| (t.0, t.2)).collect();
            columns.dedup();
            columns.sort_unstable();
            columns.dedup();
            prop_assert_eq!(columns[0].0, 0);
            prop_assert_eq!(columns.last().map(|c| c.0 + c.1), Some(width));
            for pair in columns.windows(2) {
                prop_assert!(pair[0].0 + pair[0].1 >= pair[1].0 + OVERLAP);
            }
        }

        #[test]
        fn every_small_face_is_whole_in_a_tile(x in 0f32..1900.0, y in 0f32..1100.0, side in 14f32..90.0) {
            let picture = (2000, 1200);
            let f = face(x, y, side, 0.9);
            let whole = tiles(picture.0, picture.1).into_iter().any(|t| {
                let inside = f.mapped(1.0, [-(t.0 as f32), -(t.1 as f32)]);
                inside.x >= 0.0 && inside.y >= 0.0 && inside.x + side <= t.2 as f32 && inside.y + side <= t.3 as f32
                    && lies_within(&inside, t, picture)
            });
            prop_assert!(whole);
        }

        #[test]
        fn fractions_stay_within_the_picture(x in -50f32..150.0, y in -50f32..150.0, side in 1f32..200.0) {
            let [fx, fy, fw, fh] = face(x, y, side, 0.9).fractions(100.0, 100.0);
            prop_assert!(fx >= 0.0 && fy >= 0.0 && fw >= 0.0 && fh >= 0.0 && fx + fw <= 1.0001 && fy + fh <= 1.0001);
        }
    }
}

//! Tests of HEIF, AVIF and video decoding against other decoders' answers.

use crate::support;
use albumen::decode;
use albumen::pipeline::fault::Fault;
use albumen::pipeline::source::Source;
use albumen::pipeline::vocabulary::{Facts, FixedAdmission};
use albumen::pixels::Pixels;
use std::fs::File;
use std::path::Path;

/// Bytes that a decoder is given, unless the test is about little memory.
const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

/// How far a cell of the 8 x 8 luma grid may be from the other decoder's, in 8-bit levels: the worst cell, and the
/// mean of all. Decoders differ by rounding and by how they spread chroma; a wrong range, matrix, turn or crop
/// moves cells by ten levels and more.
const WORST_CELL: f64 = 3.0;
const MEAN_OF_CELLS: f64 = 1.2;
/// Where a profile or HDR transfer is converted here and not by the reference (Pillow shows coded values): only
/// the pattern of light and dark must agree. Correlation of the two grids.
const SAME_PATTERN: f64 = 0.97;

fn open(path: &Path) -> Source {
    Source::from_file(File::open(path).unwrap()).unwrap()
}

fn within(side: u32) -> impl Fn(u32, u32) -> (u32, u32) {
    move |w, h| {
        let scale = (f64::from(side) / f64::from(w.max(h))).min(1.0);
        (((f64::from(w) * scale).round() as u32).max(1), ((f64::from(h) * scale).round() as u32).max(1))
    }
}

fn decode_heif(path: &Path, side: u32) -> Result<Pixels, Fault> {
    decode::heif::decode(&open(path), &Facts::default(), &within(side), &PLENTY)
}

/// Mean luma of 8 x 8 cells, rows first, cut where Pillow's box filter cuts them.
fn luma_grid(p: &Pixels) -> [f64; 64] {
    let (w, h) = (p.width as usize, p.height as usize);
    let edge = |i: usize, n: usize| (i * n + 4) / 8;
    let mut grid = [0.0; 64];
    for (cell, mean) in grid.iter_mut().enumerate() {
        let (left, top) = (cell % 8, cell / 8);
        let (x0, x1) = (edge(left, w).min(w - 1), edge(left + 1, w));
        let (y0, y1) = (edge(top, h).min(h - 1), edge(top + 1, h));
        let (x1, y1) = (x1.max(x0 + 1), y1.max(y0 + 1));
        let mut sum = 0.0;
        for y in y0..y1 {
            for x in x0..x1 {
                let px = &p.rgb[(y * w + x) * 3..][..3];
                sum += 0.299 * f64::from(px[0]) + 0.587 * f64::from(px[1]) + 0.114 * f64::from(px[2]);
            }
        }
        *mean = sum / ((x1 - x0) * (y1 - y0)) as f64;
    }
    grid
}

fn correlation(a: &[f64; 64], b: &[f64; 64]) -> f64 {
    let mean = |v: &[f64; 64]| v.iter().sum::<f64>() / 64.0;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    ab / (aa * bb).sqrt().max(1e-9)
}

#[test]
fn corpus_heif_pictures_match_the_reference_grids() {
    let Some(corpus) = support::corpus("corpus_heif_pictures_match_the_reference_grids") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let reference = &row["ref_decode"];
        if !["HEIF", "AVIF"].iter().any(|f| reference["format"] == *f) {
            continue;
        }
        seen += 1;
        let name = row["file"].as_str().unwrap();
        let pixels = match decode_heif(&support::corpus_file(&corpus, name), 640) {
            Ok(pixels) => pixels,
            Err(e) => {
                wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        let side = |key: &str| reference[key].as_u64().unwrap() as u32;
        let want = within(640)(side("display_w"), side("display_h"));
        if want != (pixels.width, pixels.height) {
            wrong.push(format!("{name}: {}x{}, not {want:?}", pixels.width, pixels.height));
        }
        let Some(cells) = reference["y_grid_8x8"].as_array() else { continue };
        let want: [f64; 64] = std::array::from_fn(|i| cells[i].as_f64().unwrap());
        let got = luma_grid(&pixels);
        let off: Vec<f64> = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).collect();
        let (worst, mean) = (off.iter().fold(0.0, |a: f64, b| a.max(*b)), off.iter().sum::<f64>() / 64.0);
        let close = worst <= WORST_CELL && mean <= MEAN_OF_CELLS;
        let same = correlation(&got, &want);
        if !close && same < SAME_PATTERN {
            wrong.push(format!("{name}: worst cell {worst:.1}, mean {mean:.1}, correlation {same:.3}"));
        } else if !close {
            println!("{name}: converted here: worst cell {worst:.1}, mean {mean:.1}, correlation {same:.3}");
        }
    }
    assert!(seen > 60, "only {seen} pictures had a reference");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

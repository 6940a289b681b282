//! Tests of decode, against the real parts: every corpus picture must look as another decoder sees it.

use crate::support;
use albumen::decode;
use albumen::pipeline::fault::Fault;
use albumen::pipeline::source::Source;
use albumen::pipeline::vocabulary::{Facts, FixedAdmission, Format};
use albumen::pixels::Pixels;
use std::fs::File;
use std::path::Path;

/// Bytes that a decoder is given in these tests, unless they are about little memory.
const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

fn decode_file(path: &Path, facts: &Facts, side: u32) -> Result<Pixels, Fault> {
    let source = Source::from_file(File::open(path).unwrap()).unwrap();
    let fit = |w: u32, h: u32| {
        let scale = (f64::from(side) / f64::from(w.max(h))).min(1.0);
        (((f64::from(w) * scale).round() as u32).max(1), ((f64::from(h) * scale).round() as u32).max(1))
    };
    decode::decode(&source, facts, &fit, &PLENTY)
}

/// Mean luma of 8 x 8 cells, rows first, as the manifest has it.
fn luma_grid(p: &Pixels) -> [f64; 64] {
    let (w, h) = (p.width as usize, p.height as usize);
    let mut grid = [0.0; 64];
    for (cell, mean) in grid.iter_mut().enumerate() {
        let (left, top) = (cell % 8, cell / 8);
        let (x0, x1) = (left * w / 8, ((left + 1) * w).div_ceil(8));
        let (y0, y1) = (top * h / 8, ((top + 1) * h).div_ceil(8));
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

#[test]
fn corpus_pictures_look_as_other_decoders_see_them() {
    let Some(corpus) = support::corpus("corpus_pictures_look_as_other_decoders_see_them") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(reference) = row["ref_decode"].as_object() else { continue };
        if reference.get("format").is_none_or(|f| f != "JPEG") {
            continue;
        }
        let name = row["file"].as_str().unwrap();
        let facts = Facts {
            format: Some(Format::Jpeg),
            orientation: row["expected"]["orientation"].as_u64().map(|o| o as u8),
            ..Facts::default()
        };
        match decode_file(&support::corpus_file(&corpus, name), &facts, 640) {
            Err(e) => println!("{name}: {e}"),
            Ok(p) => {
                let grid = luma_grid(&p);
                let want = reference["y_grid_8x8"].as_array().unwrap();
                let worst =
                    grid.iter().zip(want).map(|(a, b)| (a - b.as_f64().unwrap()).abs()).fold(0.0, f64::max);
                let mean =
                    grid.iter().zip(want).map(|(a, b)| (a - b.as_f64().unwrap()).abs()).sum::<f64>() / 64.0;
                if worst > 4.0 || p.damaged.is_some() {
                    println!(
                        "{name}: worst {worst:.1} mean {mean:.1} {}x{} {} {:?}",
                        p.width, p.height, reference["mode"], p.damaged
                    );
                }
            }
        }
    }
}

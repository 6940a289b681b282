//! Pictures against the manifest's `ref_decode`: another decoder's upright size and 8x8 luma grid.
//!
//! The grids were made without colour management, so a picture with a profile must have the same pattern of
//! light and dark, not the same levels.

use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, FixedAdmission, Inputs, Kind};
use albumen_media::pixels::Pixels;
use albumen_media::{decode, inspect};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Long edge at which pictures are compared, in pixels.
const COMPARED_SIDE: u32 = 512;
/// The memory limit of a decoder.
const MEMORY: FixedAdmission = FixedAdmission(1 << 30);
/// The maximum mean difference of the 64 cells of equal pictures, in 8-bit levels; decoders differ by one or
/// two in rounding and chroma upsampling.
const SAME_LEVELS: f64 = 3.0;
/// The minimum correlation of the 64 cells of equal patterns.
const SAME_PATTERN: f64 = 0.95;

/// The result of one file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Agrees,
    WrongSize {
        found: (u32, u32),
        expected: (u32, u32),
    },
    WrongPicture {
        mean: f64,
        correlation: f64,
    },
    /// Not decoded, though the reference decoder did it.
    Refused(Fault),
    /// Decoded, and there is no reference to compare with.
    Decoded,
    /// Not decoded, nor by the reference decoder.
    Failed(Fault),
}

pub(super) struct Row {
    pub file: String,
    pub kind: String,
    pub outcome: Outcome,
    pub damaged: Option<String>,
}

/// Decodes every picture (no video) of the given kinds; `None` means all kinds.
pub(super) fn compare(corpus: &Path, manifest: &[Value], kinds: Option<&[&str]>) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in manifest {
        let (Some(file), Some(kind)) = (entry["file"].as_str(), entry["kind"].as_str()) else { continue };
        if kinds.is_some_and(|kinds| !kinds.contains(&kind)) {
            continue;
        }
        let Some((outcome, damaged)) = judge(&corpus.join(file), &entry["ref_decode"]) else { continue };
        rows.push(Row { file: file.to_owned(), kind: kind.to_owned(), outcome, damaged });
    }
    rows
}

/// `None` for files that are not pictures: sidecars, videos, files of unknown kinds that the reference
/// refuses, too.
fn judge(path: &Path, reference: &Value) -> Option<(Outcome, Option<String>)> {
    let expected = reference["display_w"].as_u64().zip(reference["display_h"].as_u64());
    let failed = |e| if expected.is_some() { Outcome::Refused(e) } else { Outcome::Failed(e) };
    let source = Source::from_file(File::open(path).ok()?).ok()?;
    let inputs = Inputs { primary: source.clone(), sidecars: Vec::new() };
    let request = DevelopRequest {
        name: path.file_name()?.as_encoded_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: None,
    };
    let facts = match inspect::inspect(&request, &inputs) {
        Ok(facts) if facts.kind == Some(Kind::Video) => return None,
        Ok(facts) => facts,
        Err(e) => return expected.is_some().then(|| (failed(e), None)),
    };
    let full = Cell::new((0, 0));
    let fit = |w: u32, h: u32| {
        full.set((w, h));
        let scale = (f64::from(COMPARED_SIDE) / f64::from(w.max(h))).min(1.0);
        let side = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
        (side(w), side(h))
    };
    let pixels = match decode::decode(&source, &facts, &fit, &MEMORY) {
        Ok(pixels) => pixels,
        Err(e) => return Some((failed(e), None)),
    };
    let Some((w, h)) = expected else { return Some((Outcome::Decoded, pixels.damaged)) };
    let expected = (w as u32, h as u32);
    if full.get() != expected {
        return Some((Outcome::WrongSize { found: full.get(), expected }, pixels.damaged));
    }
    let Some(grid) = reference["y_grid_8x8"].as_array() else {
        return Some((Outcome::Decoded, pixels.damaged));
    };
    let expected: Vec<f64> = grid.iter().filter_map(Value::as_f64).collect();
    let found = luma_grid(&pixels);
    let mean = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f64>() / 64.0;
    let correlation = correlation(&found, &expected);
    let same = mean <= SAME_LEVELS || (has_profile(&source) && correlation >= SAME_PATTERN);
    let outcome = if same { Outcome::Agrees } else { Outcome::WrongPicture { mean, correlation } };
    Some((outcome, pixels.damaged))
}

/// Whether the file contains an ICC profile: every profile has its signature at byte 36. PNG compresses it.
fn has_profile(source: &Source) -> bool {
    let head = source.head(4 << 20).unwrap_or_default();
    head.windows(4).any(|w| w == b"acsp" || w == b"iCCP" || w == b"cHRM" || w == b"cICP")
}

/// Mean luma of 8 x 8 cells, rows first: Pillow's box filter on its `L`.
fn luma_grid(p: &Pixels) -> Vec<f64> {
    let cell = |i: usize, n: u32| {
        let scale = f64::from(n) / 8.0;
        let reach = 0.5 * scale.max(1.0);
        let centre = (i as f64 + 0.5) * scale;
        ((centre - reach + 0.5).max(0.0) as usize)..((centre + reach + 0.5) as usize).min(n as usize)
    };
    let mut grid = Vec::with_capacity(64);
    for row in 0..8 {
        for column in 0..8 {
            let (mut sum, mut count) = (0.0, 0.0);
            for y in cell(row, p.height) {
                for x in cell(column, p.width) {
                    let px = &p.rgb[(y * p.width as usize + x) * 3..][..3];
                    sum += 0.299 * f64::from(px[0]) + 0.587 * f64::from(px[1]) + 0.114 * f64::from(px[2]);
                    count += 1.0;
                }
            }
            grid.push(sum / f64::max(count, 1.0));
        }
    }
    grid
}

/// Pearson's; 1 if both are flat.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    if aa < 64.0 && bb < 64.0 { 1.0 } else { ab / (aa * bb).sqrt().max(1e-9) }
}

/// A table by kind, then every file that differs from the reference, then the reasons of the others.
pub(super) fn print(rows: &[Row]) {
    let mut kinds: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    for row in rows {
        let counts = kinds.entry(&row.kind).or_default();
        let column = match row.outcome {
            Outcome::Agrees => 0,
            Outcome::WrongSize { .. } | Outcome::WrongPicture { .. } => 1,
            Outcome::Refused(_) => 2,
            Outcome::Decoded => 3,
            Outcome::Failed(_) => 4,
        };
        counts[column] += 1;
    }
    println!("\npictures           agrees  differs  refused | no reference: decoded  failed");
    for (kind, [agrees, differs, refused, decoded, failed]) in &kinds {
        println!("{kind:18} {agrees:6} {differs:8} {refused:8} | {decoded:21} {failed:7}");
    }
    for row in rows {
        let Row { file, outcome, damaged, .. } = row;
        match outcome {
            Outcome::Agrees | Outcome::Decoded => {}
            Outcome::WrongSize { found, expected } => println!("{file}: size {found:?}, not {expected:?}"),
            Outcome::WrongPicture { mean, correlation } => {
                println!("{file}: differs by {mean:.1} levels, correlation {correlation:.2}");
            }
            Outcome::Refused(e) => println!("{file}: {e} (the reference decoder did it)"),
            Outcome::Failed(e) => println!("{file}: {e}"),
        }
        if let Some(why) = damaged {
            println!("{file}: recovered in part: {why}");
        }
    }
}

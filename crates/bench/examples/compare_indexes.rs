//! Compares two indexes of the same files, made by two builds of Albumen: `compare_indexes DIR DIR`.
//!
//! Facts must be identical. Pictures may differ by the rounding of two processors: see the tolerances below.
//! Results of networks may differ by floating-point rounding. Prints agreements and differences; exits with 1
//! if a difference exceeds its tolerance.

use albumen_index::IndexReader;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use turbojpeg::PixelFormat;

/// Mean luma of the 64 cells of a picture: difference of any, in 8-bit levels. Shrinking is exact to one level on every
/// processor; the encoder's rounding adds less than that to a mean.
const GRID_LEVELS: f64 = 1.0;
/// Mean difference of single pixels, in 8-bit levels, after JPEG at quality 80 on both sides.
const PIXEL_LEVELS: f64 = 0.5;
/// A side of a face's or subject's box, as a share of the picture.
const BOX_SHARE: f64 = 0.02;
/// A score of a network, 0 to 1.
const SCORE: f64 = 0.05;
/// The maximum share of faces and subjects found on one side only: those close to a threshold.
const ONE_SIDED: f64 = 0.02;

type Items = BTreeMap<String, Map<String, Value>>;

#[derive(Default)]
struct Report {
    items: usize,
    pictures: usize,
    identical_pictures: usize,
    worst_grid: f64,
    worst_pixels: f64,
    found: usize,
    one_sided: usize,
    worst_score: f64,
    wrong: Vec<String>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let dirs: Vec<_> = std::env::args_os().skip(1).collect();
    let [a, b] = &dirs[..] else { return Err("compare_indexes DIR DIR".into()) };
    let (a, b) = (Path::new(a), Path::new(b));
    let (left, right) = (items(a)?, items(b)?);
    let mut report = Report { items: left.len(), ..Report::default() };
    for path in left.keys().chain(right.keys()) {
        match (left.get(path), right.get(path)) {
            (Some(_), None) | (None, Some(_)) => report.wrong.push(format!("{path}: only one index has it")),
            _ => {}
        }
    }
    for (path, one) in &left {
        let Some(other) = right.get(path) else { continue };
        compare_facts(path, one, other, &mut report);
        compare_pictures(path, (a, one), (b, other), &mut report)?;
        for key in ["faces", "subjects"] {
            compare_found(path, one.get(key), other.get(key), &mut report);
        }
    }
    let r = &report;
    println!("soak: {} items; facts compared key by key", r.items);
    println!(
        "soak: {} pictures of the same sizes, {} the same to the byte; the most that luma differs: {:.2} levels in a cell of 8 x 8 \
         (allowed {GRID_LEVELS}), {:.2} in the mean of pixels (allowed {PIXEL_LEVELS})",
        r.pictures, r.identical_pictures, r.worst_grid, r.worst_pixels
    );
    println!(
        "soak: {} faces and subjects, {} on one side only (allowed {:.0} %); scores differ by {:.3} at the most (allowed {SCORE})",
        r.found,
        r.one_sided,
        ONE_SIDED * 100.0,
        r.worst_score
    );
    if r.one_sided as f64 > r.found as f64 * ONE_SIDED {
        report.wrong.push(format!(
            "{} of {} faces and subjects are on one side only",
            report.one_sided, report.found
        ));
    }
    for wrong in report.wrong.iter().take(50) {
        println!("soak: DIFFERS: {wrong}");
    }
    Ok(if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Items by their path relative to the volume.
fn items(dir: &Path) -> Result<Items, Box<dyn Error>> {
    let mut items = Items::new();
    IndexReader::open(dir)?.export::<Box<dyn Error>>(None, |view| {
        let Value::Object(item) = serde_json::to_value(&view)? else {
            return Err("an item is an object".into());
        };
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (path, volume) = (text("path"), text("volume"));
        items.insert(path.strip_prefix(&volume).unwrap_or(&path).to_owned(), item);
        Ok(())
    })?;
    Ok(items)
}

/// Compares every fact of the file itself. Paths, pictures and results of networks are excluded.
fn compare_facts(path: &str, one: &Map<String, Value>, other: &Map<String, Value>, report: &mut Report) {
    const ELSEWHERE: [&str; 8] =
        ["path", "path_bytes", "volume", "space", "faces", "subjects", "derivatives", "thumbhash"];
    let keys = one.keys().chain(other.keys().filter(|k| !one.contains_key(*k)));
    for key in keys.filter(|k| !ELSEWHERE.contains(&k.as_str())) {
        let (x, y) = (one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null));
        if x != y {
            report.wrong.push(format!("{path}: {key} is {x} and {y}"));
        }
    }
}

fn compare_pictures(
    path: &str,
    one: (&Path, &Map<String, Value>),
    other: (&Path, &Map<String, Value>),
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    // A file that could not be decoded has none.
    let list = |item: &Map<String, Value>| {
        item.get("derivatives").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (left, right) = (list(one.1), list(other.1));
    let shape = |list: &[Value]| -> Vec<String> {
        list.iter().map(|d| format!("{} {} x {}", d["name"], d["width"], d["height"])).collect()
    };
    if shape(&left) != shape(&right) {
        report.wrong.push(format!("{path}: pictures are {:?} and {:?}", shape(&left), shape(&right)));
        return Ok(());
    }
    for (x, y) in left.iter().zip(&right) {
        let read = |dir: &Path, d: &Value| std::fs::read(dir.join(d["path"].as_str().unwrap_or_default()));
        let (x_bytes, y_bytes) = (read(one.0, x)?, read(other.0, y)?);
        report.pictures += 1;
        if x_bytes == y_bytes {
            report.identical_pictures += 1;
            continue;
        }
        let (x_luma, y_luma) = (
            turbojpeg::decompress(&x_bytes, PixelFormat::GRAY)?,
            turbojpeg::decompress(&y_bytes, PixelFormat::GRAY)?,
        );
        let differences = x_luma.pixels.iter().zip(&y_luma.pixels).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let pixels = differences.sum::<f64>() / x_luma.pixels.len().max(1) as f64;
        let (g, h) = (grid(&x_luma), grid(&y_luma));
        let cells = g.iter().zip(&h).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        report.worst_grid = report.worst_grid.max(cells);
        report.worst_pixels = report.worst_pixels.max(pixels);
        if cells > GRID_LEVELS || pixels > PIXEL_LEVELS {
            report.wrong.push(format!("{path}: {} differs by {cells:.2} and {pixels:.2} levels", x["name"]));
        }
    }
    Ok(())
}

/// Mean luma of 8 x 8 cells.
fn grid(image: &turbojpeg::Image<Vec<u8>>) -> [f64; 64] {
    let (mut sums, mut counts) = ([0f64; 64], [0f64; 64]);
    for y in 0..image.height {
        for x in 0..image.width {
            let cell = y * 8 / image.height * 8 + x * 8 / image.width;
            sums[cell] += f64::from(image.pixels[y * image.pitch + x]);
            counts[cell] += 1.0;
        }
    }
    std::array::from_fn(|i| sums[i] / counts[i].max(1.0))
}

/// Pairs the results of both sides by label and box; unpaired ones are on one side only.
fn compare_found(path: &str, one: Option<&Value>, other: Option<&Value>, report: &mut Report) {
    let list = |found: Option<&Value>| found.and_then(Value::as_array).cloned().unwrap_or_default();
    let (left, mut right) = (list(one), list(other));
    report.found += left.len().max(right.len());
    for x in &left {
        let Some(at) = right.iter().position(|y| x["label"] == y["label"] && near(&x["box"], &y["box"]))
        else {
            report.one_sided += 1;
            continue;
        };
        let y = right.remove(at);
        let score = |v: &Value| v["score"].as_f64().unwrap_or_default();
        let difference = (score(x) - score(&y)).abs();
        report.worst_score = report.worst_score.max(difference);
        if difference > SCORE {
            report.wrong.push(format!("{path}: {} scores {} and {}", x["label"], x["score"], y["score"]));
        }
    }
    report.one_sided += right.len();
}

fn near(a: &Value, b: &Value) -> bool {
    match (a.as_array(), b.as_array()) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(x, y)| {
            (x.as_f64().unwrap_or_default() - y.as_f64().unwrap_or_default()).abs() <= BOX_SHARE
        }),
        (None, None) => true,
        _ => false,
    }
}

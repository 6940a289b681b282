//! Facts against the manifest's `expected`. Tolerances: GPS 1e-5 degrees, exposure 1 %, other numbers 0.5 %,
//! durations 0.1 s, face boxes 2 pixels. Makers are compared by their normalized names; texts without
//! padding.

use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, Inputs};
use albumen_media::inspect;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The outcome for one key of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Agrees,
    Differs,
    Missing,
}

/// One compared fact.
pub(super) struct Row {
    pub file: String,
    pub key: String,
    pub expected: Value,
    pub found: Option<Value>,
    pub outcome: Outcome,
}

/// Runs inspect over every file with expectations.
pub(super) fn compare(corpus: &Path, manifest: &[Value]) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in manifest {
        let (Some(file), Some(expected)) = (entry["file"].as_str(), entry["expected"].as_object()) else {
            continue;
        };
        let path = corpus.join(file);
        let sidecar_only = matches!(path.extension().and_then(|e| e.to_str()), Some("xmp" | "json"));
        let facts = if sidecar_only { sidecar_facts(&path) } else { inspect_file(&path).ok() };
        let facts = facts.unwrap_or_default();
        for (key, value) in expected {
            let Some(found) = answer(&facts, key, corpus, file) else { continue };
            let outcome = match &found {
                Some(found) if agrees(key, value, found, &facts) => Outcome::Agrees,
                None if says_nothing(value) => Outcome::Agrees,
                Some(_) => Outcome::Differs,
                None => Outcome::Missing,
            };
            rows.push(Row {
                file: file.to_owned(),
                key: key.clone(),
                expected: value.clone(),
                found,
                outcome,
            });
        }
        rows.extend(other_programs(entry, file, &facts));
    }
    rows
}

/// Sizes by other decoders, and facts of videos by ffprobe. Their keys have a dot: they are not among the
/// manifest's expectations.
fn other_programs(entry: &Value, file: &str, f: &Facts) -> Vec<Row> {
    let (decoder, probe) = (&entry["ref_decode"], &entry["ffprobe"]);
    let fps = probe["fps"].as_str().and_then(|s| {
        let (n, d) = s.split_once('/')?;
        Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok().filter(|d| *d > 0.0)?)
    });
    let audio = f.audio.as_deref().map(|a| a != "none");
    let pairs = [
        ("decoder.display_width", decoder["display_w"].clone(), f.display_width.map(Value::from)),
        ("decoder.display_height", decoder["display_h"].clone(), f.display_height.map(Value::from)),
        ("ffprobe.width", probe["coded_w"].clone(), f.width.map(Value::from)),
        ("ffprobe.height", probe["coded_h"].clone(), f.height.map(Value::from)),
        ("ffprobe.display_width", probe["display_w"].clone(), f.display_width.map(Value::from)),
        ("ffprobe.display_height", probe["display_h"].clone(), f.display_height.map(Value::from)),
        ("ffprobe.video_codec", probe["video_codec"].clone(), f.video_codec.clone().map(Value::from)),
        ("ffprobe.audio", probe["audio"].clone(), audio.map(Value::from)),
        ("ffprobe.duration_s", probe["duration_s"].clone(), f.duration_s.map(Value::from)),
        ("ffprobe.fps", fps.map_or(Value::Null, Value::from), f.fps.map(Value::from)),
    ];
    let judge = |key: &str, expected: &Value, found: &Option<Value>| match (found, expected.as_f64()) {
        (None, _) => Outcome::Missing,
        (Some(v), Some(e)) if key.ends_with("fps") => {
            if v.as_f64().is_some_and(|v| near(v, e, 0.01)) {
                Outcome::Agrees
            } else {
                Outcome::Differs
            }
        }
        (Some(v), Some(e)) if key.ends_with("duration_s") => {
            if v.as_f64().is_some_and(|v| (v - e).abs() <= 0.1) { Outcome::Agrees } else { Outcome::Differs }
        }
        (Some(v), _) => {
            if v == expected {
                Outcome::Agrees
            } else {
                Outcome::Differs
            }
        }
    };
    pairs
        .into_iter()
        .filter(|(_, expected, _)| !expected.is_null())
        .map(|(key, expected, found)| {
            let outcome = judge(key, &expected, &found);
            Row { file: file.to_owned(), key: key.to_owned(), expected, found, outcome }
        })
        .collect()
}

/// Facts of one file on disk, ignoring its neighbours.
pub(super) fn inspect_file(path: &Path) -> Result<Facts, albumen_core::fault::Fault> {
    let request = DevelopRequest {
        name: path.file_name().map(|n| n.as_bytes().to_vec()).unwrap_or_default(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: None,
    };
    let inputs = Inputs { primary: Source::from_file(File::open(path)?)?, sidecars: Vec::new() };
    inspect::inspect(&request, &inputs)
}

/// Facts of a sidecar, as if it were beside a picture without metadata.
fn sidecar_facts(path: &Path) -> Option<Facts> {
    let request = DevelopRequest {
        name: b"x.bmp".to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: vec![path.file_name()?.as_bytes().to_vec()],
        render: None,
    };
    let bitmap = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
    let inputs = Inputs {
        primary: Source::from_bytes(bitmap),
        sidecars: vec![Source::from_file(File::open(path).ok()?).ok()?],
    };
    inspect::inspect(&request, &inputs).ok()
}

/// Albumen's value for a manifest key: the outer `None` is a key that inspect does not support.
fn answer(f: &Facts, key: &str, corpus: &Path, file: &str) -> Option<Option<Value>> {
    let json = serde_json::to_value(f).ok()?;
    let at = |path: &str| json.pointer(path).cloned();
    Some(match key {
        "taken_local" => {
            at("/taken/local").filter(|_| f.taken.as_ref().is_some_and(|t| t.source != "file:mtime"))
        }
        "tz_offset" => at("/taken/offset"),
        "taken_utc" => at("/taken/utc"),
        "make" | "model" | "lens" | "iso" | "f_number" | "exposure_s" | "focal_mm" | "focal_35mm" => {
            at(&format!("/camera/{key}"))
        }
        "gps" | "orientation" | "width" | "height" | "display_width" | "display_height" | "rating"
        | "title" | "description" | "content_identifier" | "duration_s" => at(&format!("/{key}")),
        "keywords" => Some(at("/tags")?),
        "projection" => at("/pano/projection"),
        "rotation" => f.orientation.map(|o| {
            Value::from(match o {
                3 => 180,
                6 => 90,
                8 => 270,
                _ => 0,
            })
        }),
        "motion_photo" => Some(Value::from(f.motion.as_ref().is_some_and(|m| m.video_offset.is_some()))),
        "motion_video_offset" => at("/motion/video_offset"),
        "motion_video_end" => {
            let m = f.motion.as_ref()?;
            Some(Value::from(m.video_offset? + m.video_length?))
        }
        "hdr_gain_map" => Some(Value::from(f.hdr.as_ref().is_some_and(|h| h.kind.starts_with("gain_map")))),
        "spherical_video" => Some(Value::from(f.pano.as_ref().is_some_and(|p| p.is_360))),
        "face_regions" => at("/regions"),
        "live_photo_pair" => pair(f, corpus, file).map(Value::from),
        "mime" => at("/format"),
        _ => return None,
    })
}

/// The movie in the same folder with the same content identifier.
fn pair(f: &Facts, corpus: &Path, file: &str) -> Option<String> {
    let id = f.content_identifier.as_ref()?;
    let own = corpus.join(file);
    std::fs::read_dir(own.parent()?).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        let other = (path != own).then(|| inspect_file(&path).ok())??;
        (other.content_identifier.as_ref() == Some(id))
            .then(|| entry.file_name().to_string_lossy().into_owned())
    })
}

/// Whether an expectation means "unknown": blanks, zeros of unset tags, "no gain map".
fn says_nothing(expected: &Value) -> bool {
    match expected {
        Value::String(s) => s.chars().all(|c| c.is_whitespace() || c.is_control()),
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::Array(a) => a.iter().all(says_nothing),
        Value::Object(o) => o.get("lat").is_some_and(says_nothing) && o.get("lon").is_some_and(says_nothing),
        Value::Bool(b) => !b,
        Value::Null => true,
    }
}

fn near(a: f64, b: f64, part: f64) -> bool {
    (a - b).abs() <= part * a.abs().max(b.abs()).max(1e-9)
}

fn words(v: &Value) -> String {
    let s = match v {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    s.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn agrees(key: &str, expected: &Value, found: &Value, facts: &Facts) -> bool {
    match key {
        "gps" => {
            let close = |k: &str, tolerance: f64| match (expected[k].as_f64(), found[k].as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() <= tolerance,
                (None, _) => true,
                (Some(a), None) => a == 0.0,
            };
            close("lat", 1e-5) && close("lon", 1e-5) && close("alt", 1.0)
        }
        "exposure_s" | "f_number" | "focal_mm" | "focal_35mm" => {
            let part = if key == "exposure_s" { 0.01 } else { 0.005 };
            expected
                .as_f64()
                .zip(found.as_f64())
                .is_some_and(|(a, b)| near(a, b, part) || (a - b).abs() < 0.051)
        }
        "duration_s" => expected.as_f64().zip(found.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= 0.1),
        "make" => albumen_library::camera::make(&words(expected)) == words(found),
        "keywords" => {
            // Additional keywords (hierarchies, other programs' lists) are not a difference.
            let list = |v: &Value| -> Vec<String> {
                v.as_array().into_iter().flatten().map(words).filter(|w| !w.is_empty()).collect()
            };
            let have = list(found);
            list(expected).iter().all(|w| have.contains(w))
        }
        "taken_local" | "taken_utc" => {
            let (a, b) =
                (albumen_library::when::parse(&words(expected)), albumen_library::when::parse(&words(found)));
            let (Some(a), Some(b)) = (a, b) else { return false };
            // Some peers drop subseconds.
            let (sa, sb) = (a.subsec.trim_end_matches('0'), b.subsec.trim_end_matches('0'));
            a.at == b.at && (sa == sb || sa.is_empty())
        }
        "face_regions" => {
            let (w, h) =
                (f64::from(facts.display_width.unwrap_or(1)), f64::from(facts.display_height.unwrap_or(1)));
            let Some(list) = expected.as_array() else { return false };
            list.len() == facts.regions.len()
                && list.iter().all(|e| {
                    facts.regions.iter().any(|r| {
                        let [x, y, rw, rh] = r.area.map(f64::from);
                        let sides =
                            [("x1", x * w), ("y1", y * h), ("x2", (x + rw) * w), ("y2", (y + rh) * h)];
                        r.name.as_deref() == e["name"].as_str()
                            && sides.iter().all(|(k, v)| e[*k].as_f64().is_some_and(|e| (e - v).abs() <= 2.0))
                    })
                })
        }
        // The manifest keeps the first 400 characters of a text.
        "description" if expected.as_str().is_some_and(|s| s.chars().count() == 400) => {
            words(found).starts_with(&words(expected))
        }
        // exiftool 12.57 treats some picture sequences as films.
        "mime"
            if words(expected) == "video/mp4" && matches!(found.as_str(), Some("heic" | "heif" | "avif")) =>
        {
            true
        }
        "mime" => format_fits(&words(expected), &words(found)),
        _ if expected.is_number() => expected.as_f64() == found.as_f64(),
        _ if expected.is_boolean() => expected == found,
        _ => words(expected) == words(found),
    }
}

fn format_fits(mime: &str, format: &str) -> bool {
    let wanted: &[&str] = match mime {
        "image/heif" | "image/heic" => &["heic", "heif"],
        "image/heif-sequence" | "image/heic-sequence" => &["heic", "heif", "avif"],
        "image/apng" => &["png"],
        "image/x-tiff-big" => &["tiff"],
        "image/x-nikon-nrw" => &["nef"],
        "video/quicktime" => &["mov"],
        "video/x-msvideo" => &["avi"],
        "video/3gpp" | "video/3gpp2" => &["3gp"],
        // In this table, sidecars are placed beside a bitmap; sound files are refused.
        "application/rdf+xml" | "application/json" => &["bmp"],
        _ => &[],
    };
    let tail = mime.rsplit(['/', '-']).next().unwrap_or_default();
    wanted.contains(&format) || tail == format
}

/// Prints the table and every difference.
pub(super) fn print(rows: &[Row]) {
    let mut keys: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for r in rows {
        keys.entry(&r.key).or_default()[r.outcome as usize] += 1;
    }
    println!("facts                     agree  differ missing");
    let mut total = [0; 3];
    for (key, counts) in &keys {
        println!("{key:24} {:6} {:7} {:7}", counts[0], counts[1], counts[2]);
        // Keys with a dot are other programs' values, not expectations.
        if !key.contains('.') {
            for (sum, n) in total.iter_mut().zip(counts) {
                *sum += n;
            }
        }
    }
    let all: usize = total.iter().sum();
    println!("{:24} {:6} {:7} {:7}", "all", total[0], total[1], total[2]);
    println!("share of agreements      {:.2} %", 100.0 * total[0] as f64 / all.max(1) as f64);
    for r in rows.iter().filter(|r| r.outcome != Outcome::Agrees) {
        let found = r.found.as_ref().map_or("nothing".to_owned(), |v| v.to_string());
        let short = |s: String| {
            if s.chars().count() > 160 { s.chars().take(160).collect::<String>() + "..." } else { s }
        };
        println!(
            "{}\n    {}: expected {}, found {}",
            r.file,
            r.key,
            short(r.expected.to_string()),
            short(found)
        );
    }
}

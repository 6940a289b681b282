//! RAW files whose sensor data is developed: as by dcraw, within the admitted memory, in the sandbox; and the
//! results where development is impossible.

use crate::mosaic::{BGGR, Filters, GBRG, GRBG, Mosaic, RGGB, dng, dng_with_preview};
use crate::support;
use albumen_core::cancel::CancelToken;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    Admission, DerivativeName, DevelopRequest, Developed, Facts, FixedAdmission, Inputs, RenderSettings, Size,
};
use albumen_isolation::{WorkerHandle, WorkerSettings};
use albumen_media::pixels::Pixels;
use albumen_media::{decode, inspect};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use turbojpeg::{Compressor, Image, PixelFormat};

const ROOM: FixedAdmission = FixedAdmission(1 << 30);
/// The maximum mean difference of a picture from dcraw's (CIE 1976).
const MOST_DIFFERENCE: f64 = 6.0;

fn request(name: &str) -> DevelopRequest {
    DevelopRequest {
        name: name.as_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    }
}

fn facts_of(name: &str, source: &Source) -> Facts {
    let inputs = Inputs { primary: source.clone(), sidecars: Vec::new() };
    inspect::inspect(&request(name), &inputs).unwrap()
}

fn shown(bytes: Vec<u8>, admission: &dyn Admission) -> Result<Pixels, Fault> {
    let source = Source::from_bytes(bytes);
    decode::decode(&source, &facts_of("a.dng", &source), &|w, h| (w, h), admission)
}

/// dcraw's picture of a file, upright: with the camera's white balance, whole or of half the width and
/// height.
fn by_dcraw(path: &Path, half_size: bool) -> Option<Pixels> {
    let mut dcraw = Command::new("dcraw");
    dcraw.args(["-w", "-c"]).args(half_size.then_some("-h")).arg(path);
    let out =
        dcraw.output().map_err(|e| support::machine_lacks("raw_develop", &format!("dcraw: {e}"))).ok()?;
    let mut parts = out.stdout.splitn(4, |b| *b == b'\n');
    let (kind, size) = (parts.next()?, std::str::from_utf8(parts.next()?).ok()?);
    let (width, height) = size.split_once(' ')?;
    let rgb = parts.nth(1)?.to_vec();
    assert_eq!(kind, b"P6", "{path:?}");
    Some(Pixels { width: width.parse().ok()?, height: height.parse().ok()?, rgb, damaged: None })
}

/// The mean difference of two pictures of one size: CIE 1976 on L*a*b* of sRGB.
fn mean_difference(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let linear: Vec<f64> = (0..256)
        .map(|v| f64::from(v) / 255.0)
        .map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) })
        .collect();
    let lab = |pixel: &[u8]| {
        let [r, g, b] = [0, 1, 2].map(|i| linear[usize::from(pixel[i])]);
        let xyz = [
            (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
        ];
        let [x, y, z] = xyz.map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    };
    let pairs = a.rgb.chunks_exact(3).zip(b.rgb.chunks_exact(3));
    let sum: f64 = pairs
        .map(|(p, q)| lab(p).iter().zip(lab(q)).map(|(m, n)| (m - n) * (m - n)).sum::<f64>().sqrt())
        .sum();
    sum / (f64::from(a.width) * f64::from(a.height))
}

/// The part of a picture that a crop names.
fn cut(of: Pixels, [left, top, width, height]: [u32; 4]) -> Pixels {
    let row = |y: u32| &of.rgb[(y * of.width + left) as usize * 3..][..width as usize * 3];
    Pixels { width, height, rgb: (top..top + height).flat_map(row).copied().collect(), damaged: None }
}

/// Mosaics of all the kinds generated here.
fn mosaics() -> Vec<(&'static str, Mosaic)> {
    let plain = Mosaic::default();
    vec![
        ("RGGB, 16 bits", Mosaic { filters: RGGB, ..plain }),
        ("BGGR, 12 bits, a black level", Mosaic { filters: BGGR, bits: 12, black: 200, ..plain }),
        ("GRBG, cropped", Mosaic { filters: GRBG, black: 512, crop: Some([8, 6, 880, 590]), ..plain }),
        ("GBRG, 8 bits", Mosaic { filters: GBRG, bits: 8, ..plain }),
        ("six by six", Mosaic { filters: Filters::SixBySix, ..plain }),
        ("three colours a pixel", Mosaic { filters: Filters::None, ..plain }),
        ("RGGB, turned", Mosaic { orientation: 6, ..plain }),
        ("RGGB of 10 megapixels", Mosaic { width: 3888, height: 2592, ..plain }),
    ]
}

#[test]
fn mosaics_are_shown_as_dcraw_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.dng");
    for (what, mosaic) in mosaics() {
        let bytes = dng(&mosaic);
        std::fs::write(&path, &bytes).unwrap();
        let source = Source::from_bytes(bytes);
        let facts = facts_of("a.dng", &source);
        let is_large = mosaic.width > 3000;
        let [_, _, width, height] = mosaic.crop.unwrap_or([0, 0, mosaic.width, mosaic.height]);
        let upright = if mosaic.orientation == 6 { (height, width) } else { (width, height) };
        assert_eq!((facts.display_width, facts.display_height), (Some(upright.0), Some(upright.1)), "{what}");
        // A large one is requested at half size, which is then made directly.
        let fit = |w: u32, h: u32| if is_large { (w.min(1944), h.min(1296)) } else { (w, h) };
        let pixels = decode::decode(&source, &facts, &fit, &ROOM).unwrap();
        let size = if is_large { (1944, 1296) } else { upright };
        assert_eq!(
            (pixels.width, pixels.height, pixels.damaged.as_deref()),
            (size.0, size.1, None),
            "{what}"
        );
        // The greys of the scene are grey, from white to black: white balance and colours are right.
        if mosaic.orientation == 1 {
            let y = pixels.height - pixels.height / 8;
            let grey = |i: u32| {
                let at = ((y * pixels.width) + pixels.width * (2 * i + 1) / 12) as usize * 3;
                [pixels.rgb[at], pixels.rgb[at + 1], pixels.rgb[at + 2]]
            };
            for i in 0..6 {
                let [r, g, b] = grey(i);
                assert!(r.abs_diff(g) <= 8 && b.abs_diff(g) <= 8, "{what}: {:?}", grey(i));
                assert!(i == 0 || grey(i - 1)[1] > g + 10, "{what}: {:?} {:?}", grey(i - 1), grey(i));
            }
        }
        let Some(mut reference) = by_dcraw(&path, is_large) else { return };
        if let Some(crop) = mosaic.crop {
            reference = cut(reference, crop);
        }
        let difference = mean_difference(&pixels, &reference);
        println!("{what}: mean difference from dcraw {difference:.2}");
        assert!(difference < MOST_DIFFERENCE, "{what}: {difference}");
    }
}

/// RAW files of the corpus with complete sensor data; the others are truncated or have none.
const WHOLE: [&str; 2] =
    ["raw/evanoberholster+imagemeta/testImages/CRW.CRW", "raw/syoyo+tinydng/colorchart.dng"];

#[test]
fn the_corpus_is_developed_as_dcraw_does_it_or_says_why_not() {
    let Some(corpus) = support::corpus("the_corpus_is_developed_as_dcraw_does_it_or_says_why_not") else {
        return;
    };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let files = manifest.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let names: Vec<String> = files.map(|file| file["file"].as_str().unwrap().to_owned()).collect();
    let mut developed = 0;
    for name in names {
        let path = support::corpus_file(&corpus, &name);
        let source = Source::from_file(std::fs::File::open(&path).unwrap()).unwrap();
        let primary = source.clone();
        let inputs = Inputs { primary, sidecars: Vec::new() };
        let Ok(facts) = inspect::inspect(&request(&name), &inputs) else { continue };
        if !facts.format.is_some_and(|f| f.is_raw()) {
            continue;
        }
        match decode::develop_sensor(&source, &facts, &|w, h| (w, h), &ROOM) {
            Ok(pixels) if pixels.damaged.is_none() => {
                let Some(reference) = by_dcraw(&path, false) else { return };
                let difference = mean_difference(&pixels, &reference);
                println!(
                    "{name}: {} x {}, mean difference from dcraw {difference:.2}",
                    pixels.width, pixels.height
                );
                assert!(difference < MOST_DIFFERENCE, "{name}: {difference}");
                assert!(WHOLE.contains(&&*name), "{name}: its sensor data are not whole");
                developed += 1;
            }
            Ok(pixels) => {
                println!("{name}: {}", pixels.damaged.as_deref().unwrap());
                assert!(!WHOLE.contains(&&*name), "{name}");
            }
            Err(fault) => {
                println!("{name}: {fault}");
                assert!(
                    matches!(fault, Fault::Unsupported { .. } | Fault::Corrupt { .. }),
                    "{name}: {fault}"
                );
                assert!(!WHOLE.contains(&&*name), "{name}");
            }
        }
    }
    assert_eq!(developed, WHOLE.len());
}

/// Has a file developed by a real worker.
fn behind_the_wall(name: &str, bytes: &[u8], admission: &dyn Admission) -> Result<Developed, Fault> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let program = Some(support::worker_program());
    let mut worker = WorkerHandle::new(WorkerSettings { program, ..WorkerSettings::default() });
    let primary = Source::from_file(std::fs::File::open(&path).unwrap()).unwrap();
    let inputs = Inputs { primary, sidecars: Vec::new() };
    worker.develop(&request(name), &inputs, admission, &CancelToken::new())
}

/// Admits up to a ceiling, and records the largest request.
struct Noting {
    ceiling: u64,
    most: Cell<u64>,
}

impl Admission for Noting {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        self.most.set(self.most.get().max(bytes));
        FixedAdmission(self.ceiling).admit(bytes)
    }
    fn ceiling(&self) -> u64 {
        self.ceiling
    }
}

#[test]
fn a_sealed_worker_develops_within_the_memory_that_it_asked_for() {
    let large = Mosaic { width: 3888, height: 2592, bits: 12, ..Mosaic::default() };
    for (what, mosaic) in mosaics().into_iter().chain([("12 bits, 10 megapixels", large)]) {
        let asked = Noting { ceiling: 1 << 30, most: Cell::new(0) };
        let developed = behind_the_wall("a.dng", &dng(&mosaic), &asked).unwrap();
        // If an estimate had been too low, all of the memory would have been requested.
        assert!(asked.most.get() < 100 << 20, "{what}: {} MB", asked.most.get() >> 20);
        assert_eq!(developed.facts.small_preview, None, "{what}");
        let pictures = developed.pictures.unwrap().unwrap();
        let xl = pictures.renditions.iter().find(|r| r.name == DerivativeName::Xl).unwrap();
        let short = mosaic.crop.map_or(mosaic.height, |c| c[3]).min(1280);
        assert_eq!(xl.width.min(xl.height), short, "{what}");
        assert_eq!(pictures.damaged, None, "{what}");
    }
}

#[test]
fn what_needs_more_memory_than_there_is_says_how_much() {
    let bytes = dng(&Mosaic::default());
    let fault = shown(bytes.clone(), &FixedAdmission(4 << 20)).unwrap_err();
    let Fault::TooLarge { needed } = fault else { panic!("{fault}") };
    assert!(needed > 4 << 20);
    assert!(shown(bytes, &FixedAdmission(needed + (2 << 20))).is_ok());
}

#[test]
fn sensor_data_that_cannot_be_read_are_told_apart() {
    let whole = dng(&Mosaic::default());
    assert!(shown(whole.clone(), &ROOM).is_ok());
    // Half of it.
    let half = shown(whole[..whole.len() / 2].to_vec(), &ROOM).unwrap_err();
    assert!(matches!(&half, Fault::Corrupt { why, .. } if why.contains("no preview")), "{half}");
    // Nothing but the directory.
    let none = shown(whole[..1000].to_vec(), &ROOM).unwrap_err();
    assert!(matches!(&none, Fault::Corrupt { why, .. } if why.contains("sensor data")), "{none}");
    // A compression that no camera uses.
    let mut unknown = whole.clone();
    let compression = unknown.windows(8).position(|w| w == [0x03, 0x01, 3, 0, 1, 0, 0, 0]).unwrap();
    unknown[compression + 8] = 99;
    let unknown = shown(unknown, &ROOM).unwrap_err();
    assert!(matches!(&unknown, Fault::Unsupported { why, .. } if why.contains("LibRaw")), "{unknown}");
}

/// A blue JPEG.
fn blue(width: usize, height: usize) -> Vec<u8> {
    let pixels = [30, 30, 200].repeat(width * height);
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    Compressor::new().unwrap().compress_to_vec(image).unwrap()
}

#[test]
fn a_small_preview_gives_way_and_a_large_one_does_not() {
    let mosaic = Mosaic::default();
    let corner = |bytes: Vec<u8>| {
        let pixels = shown(bytes, &ROOM).unwrap();
        (pixels.width, pixels.height, pixels.rgb[..3].try_into().unwrap())
    };
    // The scene begins with brown.
    let (width, height, [r, _, b]): (u32, u32, [u8; 3]) = corner(dng_with_preview(&mosaic, &blue(300, 200)));
    assert_eq!((width, height), (900, 600));
    assert!(r > b + 20);
    // Seven tenths of each side.
    let (width, height, [r, _, b]) = corner(dng_with_preview(&mosaic, &blue(630, 420)));
    assert_eq!((width, height), (630, 420));
    assert!(b > r + 100);
    // An unreadable one is ignored.
    let mut broken = blue(630, 420);
    let scan = broken.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
    broken.splice(scan.., [0xFF, 0xC4, 0, 3, 0xFF, 0xFF, 0xDA, 0, 2]);
    assert_eq!(corner(dng_with_preview(&mosaic, &broken)).0, 900);
}

#[test]
fn what_cannot_be_developed_shows_its_small_preview() {
    let preview = blue(300, 200);
    let whole = dng_with_preview(&Mosaic::default(), &preview);
    let cut = whole[..whole.len() - 400_000].to_vec();
    for (what, bytes, room, is_developed) in [
        ("whole", &whole, 1 << 30, true),
        ("damaged", &cut, 1 << 30, false),
        ("too large", &whole, 4 << 20, false),
    ] {
        let developed = behind_the_wall("a.dng", bytes, &FixedAdmission(room)).unwrap();
        let pictures = developed.pictures.unwrap().unwrap();
        let size = (pictures.renditions[0].width, pictures.renditions[0].height);
        let small = developed.facts.small_preview;
        if is_developed {
            assert_eq!((size, small), ((900, 600), None), "{what}");
        } else {
            assert_eq!((size, small), ((300, 200), Some(Size { width: 300, height: 200 })), "{what}");
        }
    }
}

#[test]
fn sensor_data_that_crash_the_decoder_cost_no_preview() {
    let mosaic = Mosaic { filters: Filters::SixBySix, ..Mosaic::default() };
    let mut bytes = dng_with_preview(&mosaic, &blue(300, 200));
    // The pattern of the filters has 65,286 rows, which LibRaw 0.20 accepts and then crashes on.
    let entry = [0x8D, 0x82, 3, 0, 2, 0, 0, 0, 6, 0];
    let at = bytes.windows(entry.len()).position(|w| w == entry).unwrap();
    bytes[at + entry.len() - 1] = 0xFF;
    let developed = behind_the_wall("a.dng", &bytes, &ROOM).unwrap();
    assert_eq!(developed.facts.small_preview, Some(Size { width: 300, height: 200 }));
    assert_eq!(developed.pictures.unwrap().unwrap().renditions[0].width, 300);
    // Without a preview the failure is reported.
    let mut bytes = dng(&mosaic);
    let at = bytes.windows(entry.len()).position(|w| w == entry).unwrap();
    bytes[at + entry.len() - 1] = 0xFF;
    let developed = behind_the_wall("a.dng", &bytes, &ROOM).unwrap();
    assert_eq!(developed.facts.width, Some(900));
    assert!(matches!(developed.pictures, Some(Err(Fault::Crashed { .. }))));
}

/// Indexes a folder and returns `small_preview` of each file, by its name.
fn indexed(folder: &Path, index: &Path) -> BTreeMap<String, serde_json::Value> {
    let albumen = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_albumen"));
        command.arg("--config").arg("/dev/null").arg("--index").arg(index);
        command
    };
    let out = albumen().args(["index", "--no-recognise"]).arg(folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let out = albumen().arg("export").output().unwrap();
    let items = std::str::from_utf8(&out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap());
    items
        .map(|item: serde_json::Value| {
            assert_eq!(item["stages"][1]["stage"], "render");
            assert_eq!(item["stages"][1]["state"], "done", "{item}");
            (item["name"].as_str().unwrap().to_owned(), item["small_preview"].clone())
        })
        .collect()
}

#[test]
fn what_is_said_of_a_preview_stays_when_only_facts_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, index) = (dir.path().join("photos"), dir.path().join("index"));
    std::fs::create_dir(&folder).unwrap();
    let whole = dng_with_preview(&Mosaic::default(), &blue(300, 200));
    std::fs::write(folder.join("cut.dng"), &whole[..whole.len() - 400_000]).unwrap();
    std::fs::write(folder.join("whole.dng"), whole).unwrap();
    let first = indexed(&folder, &index);
    assert_eq!(first["whole.dng"], serde_json::Value::Null);
    assert_eq!(first["cut.dng"], serde_json::json!({ "width": 300, "height": 200 }));
    // A sidecar changes facts but not the picture.
    for name in ["cut.dng.xmp", "whole.dng.xmp"] {
        std::fs::write(folder.join(name), r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"/>"#).unwrap();
    }
    assert_eq!(indexed(&folder, &index), first);
}

#[test]
fn the_mosaic_that_fuzzing_begins_with_is_one_of_these() {
    let path = Path::new(support::ROOT).join("tests/media/mosaic.dng");
    let small = Mosaic { width: 72, height: 48, bits: 12, ..Mosaic::default() };
    assert!(std::fs::read(path).unwrap() == dng(&small), "examples/develop_raw makes it: --mosaic 72 48");
}

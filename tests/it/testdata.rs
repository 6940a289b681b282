//! The sample library in testdata/: the whole processing of a photo, without real media, in every clone.

use crate::support::ROOT;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    DevelopRequest, Developed, FixedAdmission, Inputs, RenderSettings, Rendition,
};
use albumen_worker::develop::develop;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn testdata() -> PathBuf {
    Path::new(ROOT).join("testdata")
}

fn developed(name: &str) -> Developed {
    let path = testdata().join(name);
    let request = DevelopRequest {
        name: path.file_name().unwrap().as_encoded_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    };
    let primary = Source::from_file(File::open(path).unwrap()).unwrap();
    develop(&request, &Inputs { primary, sidecars: Vec::new() }, &FixedAdmission(1 << 30)).unwrap()
}

fn largest(developed: &Developed) -> &Rendition {
    &developed.pictures.as_ref().unwrap().as_ref().unwrap().renditions[0]
}

/// Mean colours of the corners (12 pixels in from the edges): top left, top right, bottom left, bottom right.
fn corners(rendition: &Rendition) -> [[u8; 3]; 4] {
    let picture = image_of(&rendition.jpeg);
    let (w, h) = (rendition.width as usize, rendition.height as usize);
    assert_eq!(picture.len(), w * h * 3);
    [(12, 12), (w - 13, 12), (12, h - 13), (w - 13, h - 13)].map(|(x, y)| {
        let i = (y * w + x) * 3;
        [picture[i], picture[i + 1], picture[i + 2]]
    })
}

fn image_of(jpeg: &[u8]) -> Vec<u8> {
    turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB).unwrap().pixels
}

/// As examples/testdata.rs paints them.
const CORNERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 180, 60], [40, 60, 220], [240, 210, 40]];

#[track_caller]
fn assert_near(found: [[u8; 3]; 4], expected: [[u8; 3]; 4], tolerance: u8, what: &str) {
    let is_near = |a: &[u8; 3], b: &[u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= tolerance);
    assert!(found.iter().zip(&expected).all(|(a, b)| is_near(a, b)), "{what}: {found:?}");
}

#[test]
fn every_orientation_comes_out_upright() {
    for orientation in 1..=8 {
        let name = format!("orientation/{orientation}.jpg");
        let developed = developed(&name);
        let picture = largest(&developed);
        assert_eq!((picture.width, picture.height), (480, 320), "{name}");
        assert_near(corners(picture), CORNERS, 12, &name);
        let facts = &developed.facts;
        assert_eq!(facts.orientation, Some(orientation));
        assert_eq!((facts.display_width, facts.display_height), (Some(480), Some(320)));
        let stored = if orientation >= 5 { (Some(320), Some(480)) } else { (Some(480), Some(320)) };
        assert_eq!((facts.width, facts.height), stored);
    }
}

#[test]
fn the_facts_of_the_painted_camera_are_read() {
    let facts = serde_json::to_value(developed("orientation/1.jpg").facts).unwrap();
    assert_eq!(facts["taken"]["local"], "2023-07-01T10:20:30.25");
    assert_eq!(facts["taken"]["offset"], "+02:00");
    assert_eq!(facts["taken"]["source"], "exif:DateTimeOriginal");
    assert_eq!(facts["camera"]["model"], "Sample 1");
    assert_eq!(facts["camera"]["lens"], "Painted 35mm F2");
    assert_eq!(
        (&facts["camera"]["iso"], &facts["camera"]["f_number"]),
        (&Value::from(200), &Value::from(2.8))
    );
    assert_eq!(facts["camera"]["exposure_s"], 0.004);
    let near = |key: &str, degrees: f64| (facts["gps"][key].as_f64().unwrap() - degrees).abs() < 1e-5;
    assert!(near("lat", 52.520_15) && near("lon", 13.404_966_7), "{}", facts["gps"]);
}

#[test]
fn grey_cmyk_and_progressive_look_alike() {
    let plain = corners(largest(&developed("kinds/plain.jpg")));
    assert_near(plain, CORNERS, 12, "plain");
    assert_near(corners(largest(&developed("kinds/progressive.jpg"))), plain, 4, "progressive");
    let grey = CORNERS.map(|[r, g, b]| {
        let luma = (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1000;
        [luma as u8; 3]
    });
    assert_near(corners(largest(&developed("kinds/grey.jpg"))), grey, 6, "grey");
    // Without a profile the colours of inks are not defined: they must be similar, not the same.
    assert_near(corners(largest(&developed("kinds/cmyk.jpg"))), CORNERS, 60, "CMYK");
}

fn albumen(index: &Path, arguments: &[&str]) -> Output {
    let config = index.with_extension("toml");
    fs::write(&config, "").unwrap();
    Command::new(env!("CARGO_BIN_EXE_albumen"))
        .arg("--config")
        .arg(config)
        .arg("--index")
        .arg(index)
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn json(out: &Output, code: i32) -> Value {
    assert_eq!(out.status.code(), Some(code), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn the_sample_library_is_indexed_moved_about_and_guarded() {
    let dir = tempfile::tempdir().unwrap();
    let (library, index) = (dir.path().join("library"), dir.path().join("index"));
    copy_tree(&testdata(), &library);
    let path = library.to_str().unwrap();
    let run = |arguments: &[&str], code: i32| {
        json(&albumen(&index, &[&["index", "--no-recognise", "--json"], arguments].concat()), code)
    };
    let counts = |summary: &Value| {
        ["found", "new", "changed", "moved", "unchanged", "removed", "offline"]
            .map(|k| summary[k].as_u64().unwrap())
    };

    let first = run(&[path], 1);
    assert_eq!(counts(&first), [18, 18, 0, 0, 0, 0, 0], "{first}");
    let failed = first["failed"].as_u64().unwrap();
    assert!(
        (2..=4).contains(&failed),
        "empty and text certainly, the one with the absurd header perhaps: {first}"
    );

    // Known failures do not count in the second run.
    assert_eq!(counts(&run(&[path], 0)), [18, 0, 0, 0, 18, 0, 0]);

    // A folder inside a folder, moved; and one part of the library scanned alone.
    fs::create_dir(library.join("2023")).unwrap();
    fs::rename(library.join("orientation"), library.join("2023/upright")).unwrap();
    let lines = |out: &Output| String::from_utf8(out.stdout.clone()).unwrap().lines().count();
    assert_eq!(counts(&run(&[path], 0)), [18, 0, 0, 8, 10, 0, 0]);
    assert_eq!(lines(&albumen(&index, &["export"])), 18);
    fs::remove_file(library.join("2023/upright/8.jpg")).unwrap();
    let part = library.join("2023");
    assert_eq!(counts(&run(&[part.to_str().unwrap()], 0)), [7, 0, 0, 0, 7, 1, 0]);

    // An empty library does not count as deleted until a user confirms it.
    fs::remove_dir_all(&library).unwrap();
    fs::create_dir(&library).unwrap();
    let guarded = run(&[path], 4);
    assert_eq!((counts(&guarded)[5], counts(&guarded)[6]), (0, 17), "{guarded}");
    assert_eq!(lines(&albumen(&index, &["export"])), 17);
    let removed = run(&["--accept-removals", path], 0);
    assert_eq!(counts(&removed)[5], 17, "{removed}");
    assert_eq!(lines(&albumen(&index, &["export"])), 0);

    // Back within the grace period: the same items, and nothing to do.
    copy_tree(&testdata(), &library);
    let back = run(&[path], 0);
    assert_eq!(back["found"], 18, "{back}");
}

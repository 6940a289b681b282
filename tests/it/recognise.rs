//! The recogniser with real models, installed by `make models`; without them these tests report that they
//! were skipped, unless ALBUMEN_CORPUS or CI is set, which makes it a failure.

use crate::support::{self, models_dir};
use albumen_core::fault::Fault;
use albumen_core::vocabulary::{FoundFace, RecogniseRequest, Recognised};
use albumen_media::pixels::Pixels;
use albumen_models::files::{self as models, ModelFault};
use albumen_models::manifest::{Artefact, manifest};
use albumen_recognise::{Recogniser, faces::MAX_FACES};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock};

const SUBJECTS: RecogniseRequest = RecogniseRequest { faces: false, subjects: true, try_rotations: false };
const FACES: RecogniseRequest = RecogniseRequest { faces: true, subjects: false, try_rotations: false };

/// One recogniser for all tests, as there is one in the recogniser process.
fn recogniser(dir: &Path) -> MutexGuard<'static, Recogniser> {
    static SHARED: OnceLock<Mutex<Recogniser>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Mutex::new(Recogniser::open(dir, 1).expect("the models are whole")));
    shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// NASA's portrait: 512 x 512 pixels with one face.
fn portrait(dir: &Path) -> Pixels {
    test_picture(dir, &manifest().test_portrait)
}

fn test_picture(dir: &Path, file: &Artefact) -> Pixels {
    let png = std::fs::read(dir.join(&file.sha256)).expect("make models brings it");
    let image = image::load_from_memory(&png).expect("it is a PNG").to_rgb8();
    Pixels { width: image.width(), height: image.height(), rgb: image.into_raw(), damaged: None }
}

fn jpeg(picture: &Pixels) -> Vec<u8> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let image = turbojpeg::Image {
        pixels: &picture.rgb[..],
        width,
        pitch: width * 3,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x1).expect("a picture can be encoded").to_vec()
}

fn plain(width: u32, height: u32) -> Pixels {
    Pixels { width, height, rgb: vec![128; (width * height * 3) as usize], damaged: None }
}

/// Pastes `what` at (x, y).
fn paste(onto: &mut Pixels, what: &Pixels, x: u32, y: u32) {
    for row in 0..what.height {
        let to = (((y + row) * onto.width + x) * 3) as usize;
        let from = (row * what.width * 3) as usize;
        let bytes = (what.width * 3) as usize;
        onto.rgb[to..to + bytes].copy_from_slice(&what.rgb[from..from + bytes]);
    }
}

/// The head of the portrait, `side` pixels wide and high.
fn head(dir: &Path, side: u32) -> Pixels {
    let p = portrait(dir);
    let whole = image::RgbImage::from_raw(p.width, p.height, p.rgb).unwrap();
    let cut = image::imageops::crop_imm(&whole, 140, 10, 180, 180).to_image();
    let small = image::imageops::resize(&cut, side, side, image::imageops::FilterType::Triangle);
    Pixels { width: side, height: side, rgb: small.into_raw(), damaged: None }
}

fn cosine(a: &FoundFace, b: &FoundFace) -> f64 {
    let dot = |a: &[i8], b: &[i8]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let (a, b) = (&a.embedding, &b.embedding);
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn faces_of(dir: &Path, picture: &Pixels, request: &RecogniseRequest) -> Vec<FoundFace> {
    recogniser(dir).recognise(&jpeg(picture), request).expect("a sound picture").faces
}

#[test]
fn the_astronaut_has_one_face_with_an_embedding_of_unit_length() {
    let Some(dir) = models_dir("the_astronaut_has_one_face_with_an_embedding_of_unit_length") else { return };
    let faces = faces_of(&dir, &portrait(&dir), &FACES);
    assert_eq!(faces.len(), 1);
    let [x, y, w, h] = faces[0].area;
    // Her face is around (225, 115) of 512 and about 80 pixels wide.
    let (cx, cy) = (x + w / 2.0, y + h / 2.0);
    assert!((cx - 0.44).abs() < 0.03 && (cy - 0.23).abs() < 0.05, "{:?}", faces[0].area);
    assert!(faces[0].score > 0.85 && faces[0].quality > 0.5, "{} {}", faces[0].score, faces[0].quality);
    let length = faces[0].embedding.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    assert_eq!(faces[0].embedding.len(), 128);
    assert!((length - 127.0).abs() < 2.0, "{length}");
}

#[test]
fn a_face_is_the_same_face_at_another_size() {
    let Some(dir) = models_dir("a_face_is_the_same_face_at_another_size") else { return };
    let large = faces_of(&dir, &portrait(&dir), &FACES);
    let mut picture = plain(1280, 960);
    paste(&mut picture, &head(&dir, 100), 300, 400);
    let small = faces_of(&dir, &picture, &FACES);
    assert_eq!((large.len(), small.len()), (1, 1));
    assert!(cosine(&large[0], &small[0]) > 0.6, "{}", cosine(&large[0], &small[0]));
    assert!(small[0].quality < large[0].quality, "{} {}", small[0].quality, large[0].quality);
}

#[test]
fn a_lying_face_is_found_when_turns_are_asked_for() {
    let Some(dir) = models_dir("a_lying_face_is_found_when_turns_are_asked_for") else { return };
    let upright = portrait(&dir);
    let image = image::RgbImage::from_raw(512, 512, upright.rgb.clone()).unwrap();
    let turns = [
        image::imageops::rotate90(&image),
        image::imageops::rotate180(&image),
        image::imageops::rotate270(&image),
    ];
    let first = faces_of(&dir, &upright, &FACES);
    for (turned, at) in turns.into_iter().zip([[0.77, 0.44], [0.56, 0.77], [0.23, 0.56]]) {
        let picture = Pixels { width: 512, height: 512, rgb: turned.into_raw(), damaged: None };
        let found = faces_of(&dir, &picture, &RecogniseRequest { try_rotations: true, ..FACES });
        assert_eq!(found.len(), 1);
        let [x, y, w, h] = found[0].area;
        assert!(
            (x + w / 2.0 - at[0]).abs() < 0.05 && (y + h / 2.0 - at[1]).abs() < 0.05,
            "{:?}",
            found[0].area
        );
        assert!(cosine(&first[0], &found[0]) > 0.8, "{}", cosine(&first[0], &found[0]));
    }
}

#[test]
fn a_tilted_face_resembles_the_upright_one() {
    let Some(dir) = models_dir("a_tilted_face_resembles_the_upright_one") else { return };
    let upright = portrait(&dir);
    let known = &faces_of(&dir, &upright, &FACES)[0];
    let whole = image::RgbImage::from_raw(upright.width, upright.height, upright.rgb).unwrap();
    for degrees in [-50f32, -35.0, -20.0, 20.0, 35.0, 50.0] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        // Around the middle of the face.
        let tilted = image::RgbImage::from_fn(512, 512, |x, y| {
            let (dx, dy) = (x as f32 - 225.0, y as f32 - 115.0);
            let (sx, sy) = (225.0 + cos * dx + sin * dy, 115.0 - sin * dx + cos * dy);
            image::imageops::interpolate_bilinear(&whole, sx, sy).unwrap_or(image::Rgb([0; 3]))
        });
        let tilted = Pixels { width: 512, height: 512, rgb: tilted.into_raw(), damaged: None };
        let found = faces_of(&dir, &tilted, &FACES);
        let likeness = found.first().map(|face| cosine(known, face));
        assert!(likeness.is_some_and(|c| c > 0.8), "{degrees} degrees: {likeness:?}");
    }
}

#[test]
fn a_group_of_forty_small_faces_is_found() {
    let Some(dir) = models_dir("a_group_of_forty_small_faces_is_found") else { return };
    // A group photo as stored: 1707 x 1280, four rows of ten heads, of which each face is about 25 pixels wide.
    let mut picture = plain(1707, 1280);
    let head = head(&dir, 54);
    for i in 0..40 {
        paste(&mut picture, &head, 60 + i % 10 * 160 + i / 10 * 7, 300 + i / 10 * 170 + i % 10 * 3);
    }
    let found = faces_of(&dir, &picture, &FACES);
    assert!((38..=40).contains(&found.len()), "{}", found.len());
}

#[test]
fn five_hundred_faces_are_bounded() {
    let Some(dir) = models_dir("five_hundred_faces_are_bounded") else { return };
    let mut picture = plain(1707, 1280);
    let head = head(&dir, 62);
    for i in 0..500 {
        paste(&mut picture, &head, i % 25 * 66 + 20, i / 25 * 63 + 5);
    }
    let found = faces_of(&dir, &picture, &FACES);
    assert_eq!(found.len(), MAX_FACES);
}

#[test]
fn pictures_of_any_shape_are_looked_at_without_harm() {
    let Some(dir) = models_dir("pictures_of_any_shape_are_looked_at_without_harm") else { return };
    for (width, height) in [(1, 1), (1, 1280), (5120, 1), (2, 3), (33, 31), (640, 640), (5120, 1280)] {
        assert!(
            faces_of(&dir, &plain(width, height), &RecogniseRequest { try_rotations: true, ..FACES })
                .is_empty()
        );
    }
}

#[test]
fn a_damaged_derivative_is_a_fault_and_the_next_picture_is_fine() {
    let Some(dir) = models_dir("a_damaged_derivative_is_a_fault_and_the_next_picture_is_fine") else {
        return;
    };
    let whole = jpeg(&portrait(&dir));
    for bytes in [&whole[..0], &whole[..100], b"not a picture"] {
        assert!(matches!(recogniser(&dir).recognise(bytes, &FACES), Err(Fault::Corrupt { .. })));
    }
    let Recognised { faces, .. } = recogniser(&dir).recognise(&whole, &FACES).unwrap();
    assert_eq!(faces.len(), 1);
}

/// A copy of the models' folder, by hard or symbolic link.
fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        std::os::unix::fs::symlink(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn a_broken_model_is_named_and_a_missing_one_leaves_the_rest_working() {
    let Some(dir) = models_dir("a_broken_model_is_named_and_a_missing_one_leaves_the_rest_working") else {
        return;
    };
    drop(recogniser(&dir));
    let embedder = &manifest().face_embedder.file;
    let copy = copy_of(&dir);
    let path = copy.path().join(&embedder.sha256);
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();

    let mut without = Recogniser::open(copy.path(), 1).expect("the others are there");
    let refused = without.recognise(&jpeg(&plain(64, 64)), &FACES).unwrap_err();
    assert!(refused.to_string().contains("make models"), "{refused}");
    assert!(!models::available(copy.path()).faces);

    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let fault = Recogniser::open(copy.path(), 1).err().expect("it is cut off");
    assert!(
        matches!(fault, ModelFault::Truncated { .. }) && fault.to_string().contains(&embedder.name),
        "{fault}"
    );

    let mut wrong = whole;
    wrong[1000] ^= 1;
    std::fs::write(&path, &wrong).unwrap();
    let fault = Recogniser::open(copy.path(), 1).err().expect("a bit is wrong");
    assert!(
        matches!(fault, ModelFault::Wrong { .. }) && fault.to_string().contains(&embedder.name),
        "{fault}"
    );
}

fn subjects_of(dir: &Path, picture: &Pixels) -> Recognised {
    recogniser(dir).recognise(&jpeg(picture), &SUBJECTS).expect("a sound picture")
}

fn likeness(a: &[i8], b: &[i8]) -> f64 {
    let dot = |a: &[i8], b: &[i8]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn the_cat_is_a_cat_with_a_box_and_looks_like_itself_when_smaller() {
    let Some(dir) = models_dir("the_cat_is_a_cat_with_a_box_and_looks_like_itself_when_smaller") else {
        return;
    };
    let cat = test_picture(&dir, &manifest().test_cat);
    let found = subjects_of(&dir, &cat);
    assert_eq!(found.subjects[0].label, "cat", "{:?}", found.subjects);
    let [_, _, w, h] = found.subjects[0].area.expect("the detector sees it, too");
    assert!(w > 0.3 && h > 0.5, "it fills the picture");
    assert_eq!(found.features.len(), 1280);

    let whole = image::RgbImage::from_raw(cat.width, cat.height, cat.rgb).unwrap();
    let (w, h) = (whole.width() * 3 / 5, whole.height() * 3 / 5);
    let small = image::imageops::resize(&whole, w, h, image::imageops::FilterType::Triangle);
    let small = subjects_of(&dir, &Pixels { width: w, height: h, rgb: small.into_raw(), damaged: None });
    let other = subjects_of(&dir, &portrait(&dir));
    assert!(likeness(&found.features, &small.features) > 0.85);
    assert!(likeness(&found.features, &other.features) < 0.6);
}

#[test]
fn the_astronaut_is_a_person_and_no_screenshot() {
    let Some(dir) = models_dir("the_astronaut_is_a_person_and_no_screenshot") else { return };
    let labels: Vec<String> =
        subjects_of(&dir, &portrait(&dir)).subjects.into_iter().map(|s| s.label).collect();
    assert!(labels.contains(&"person".to_owned()), "{labels:?}");
    assert!(
        !labels.contains(&"screenshot".to_owned()) && !labels.contains(&"document".to_owned()),
        "{labels:?}"
    );
}

#[test]
fn an_empty_picture_has_no_subject_but_features() {
    let Some(dir) = models_dir("an_empty_picture_has_no_subject_but_features") else { return };
    for (width, height) in [(1, 1), (5120, 3), (300, 300)] {
        let found = subjects_of(&dir, &plain(width, height));
        assert_eq!(
            (found.subjects.len(), found.features.len()),
            (0, 1280),
            "{width}x{height} {:?}",
            found.subjects
        );
    }
}

fn corpus_rows(corpus: &Path, kind: &str) -> Vec<serde_json::Value> {
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let rows = manifest.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    rows.filter(|r| r["kind"] == kind).collect()
}

#[test]
fn the_labelled_face_of_a_portrait_is_found() {
    let Some(corpus) = support::corpus("the_labelled_face_of_a_portrait_is_found") else { return };
    let dir =
        models_dir("the_labelled_face_of_a_portrait_is_found").expect("models are required with a corpus");
    let rows = corpus_rows(&corpus, "face-id");
    let labelled =
        |r: &&serde_json::Value| r["expected"]["identity"].as_str().is_some_and(|i| i.starts_with("lfw:"));
    let (mut found, mut asked) = (0, 0);
    // Every seventh: the corpus report covers all of them.
    for row in rows.iter().filter(labelled).step_by(7) {
        let bytes = std::fs::read(support::corpus_file(&corpus, row["file"].as_str().unwrap())).unwrap();
        let faces = recogniser(&dir).recognise(&bytes, &FACES).unwrap().faces;
        let central = |f: &FoundFace| {
            let [x, y, w, h] = f.area;
            (x..x + w).contains(&0.5) && (y..y + h).contains(&0.5)
        };
        found += usize::from(faces.iter().any(central));
        asked += 1;
    }
    assert!(asked > 100 && found as f64 >= 0.99 * asked as f64, "{found} of {asked}");
}

#[test]
fn the_boxes_of_labelled_groups_are_found() {
    let Some(corpus) = support::corpus("the_boxes_of_labelled_groups_are_found") else { return };
    let dir =
        models_dir("the_boxes_of_labelled_groups_are_found").expect("models are required with a corpus");
    let (mut found, mut asked) = (0, 0);
    for row in corpus_rows(&corpus, "face-detect") {
        let Some(boxes) = row["expected"]["faces"].as_array() else { continue };
        let side = |name: &str| row["expected"][name].as_f64().unwrap() as f32;
        let (width, height) = (side("width"), side("height"));
        let bytes = std::fs::read(support::corpus_file(&corpus, row["file"].as_str().unwrap())).unwrap();
        let faces = recogniser(&dir).recognise(&bytes, &FACES).unwrap().faces;
        for b in boxes {
            let at = |k: &str| b[k].as_f64().unwrap() as f32;
            let (cx, cy) = ((at("x1") + at("x2")) / 2.0 / width, (at("y1") + at("y2")) / 2.0 / height);
            let covers = |f: &FoundFace| {
                (cx - f.area[0] - f.area[2] / 2.0).abs() < f.area[2] / 2.0
                    && (cy - f.area[1] - f.area[3] / 2.0).abs() < f.area[3] / 2.0
            };
            found += usize::from(faces.iter().any(covers));
            asked += 1;
        }
    }
    assert!(asked >= 19 && found + 1 >= asked, "{found} of {asked}");
}

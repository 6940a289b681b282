//! The cost of recognition: in total for one picture, and of each of its parts. Needs `make models`.
//!
//! `cargo bench --bench recognise`; figures of a run are in docs/models.md.

use albumen_core::vocabulary::RecogniseRequest;
use albumen_media::pixels::Pixels;
use albumen_models::files as models;
use albumen_models::manifest::manifest;
use albumen_recognise::Recogniser;
use albumen_recognise::picture::Views;
use criterion::{Criterion, criterion_group, criterion_main};
use std::path::Path;

/// The size of an `xl` derivative of a 4:3 photo.
const XL: (u32, u32) = (1707, 1280);

/// NASA's portrait in the middle of a grey `xl`, so that there is one face of a usual size.
fn photo(dir: &Path, portraits: u32) -> Vec<u8> {
    let png =
        std::fs::read(dir.join(&manifest().test_portrait.sha256)).expect("make models brings the portrait");
    let portrait = image::load_from_memory(&png).expect("it is a PNG").to_rgb8();
    let mut photo = image::RgbImage::from_pixel(XL.0, XL.1, image::Rgb([96, 112, 128]));
    let side = if portraits == 1 { 1024 } else { 160 };
    let portrait = image::imageops::resize(&portrait, side, side, image::imageops::FilterType::Triangle);
    for i in 0..portraits {
        image::imageops::overlay(&mut photo, &portrait, (i % 10 * side).into(), (i / 10 * side + 100).into());
    }
    let picture = Pixels { width: XL.0, height: XL.1, rgb: photo.into_raw(), damaged: None };
    let (width, height) = (picture.width as usize, picture.height as usize);
    let pixels = &picture.rgb[..];
    let image =
        turbojpeg::Image { pixels, width, pitch: width * 3, height, format: turbojpeg::PixelFormat::RGB };
    turbojpeg::compress(image, 80, turbojpeg::Subsamp::Sub2x2).expect("a picture can be encoded").to_vec()
}

fn recognition(c: &mut Criterion) {
    let dir = models::default_dir();
    let found = models::available(&dir);
    if !(found.faces && found.subjects) {
        return println!("skipped: missing {}: run `make models`", found.missing.join(", "));
    }
    let mut recogniser = Recogniser::open(&dir, 1).expect("the models are whole");
    let (one, group) = (photo(&dir, 1), photo(&dir, 40));
    let mut group_of = c.benchmark_group("recognise");
    group_of.sample_size(20);
    let request = |faces, subjects| RecogniseRequest { faces, subjects, try_rotations: false };
    for (name, jpeg, request) in [
        ("nothing: only reading the JPEG", &one, request(false, false)),
        ("one face", &one, request(true, false)),
        ("subjects", &one, request(false, true)),
        ("one face and subjects", &one, request(true, true)),
        ("forty faces", &group, request(true, false)),
    ] {
        group_of.bench_function(name, |b| {
            b.iter(|| recogniser.recognise(jpeg, &request).expect("a sound picture"))
        });
    }
    group_of.finish();
}

/// The networks one by one, on decoded pictures.
fn networks(c: &mut Criterion) {
    let dir = models::default_dir();
    let Ok(Recogniser { faces: Some(mut faces), subjects: Some(mut subjects) }) = Recogniser::open(&dir, 1)
    else {
        return;
    };
    let picture =
        Pixels { width: XL.0, height: XL.1, rgb: vec![100; (XL.0 * XL.1 * 3) as usize], damaged: None };
    let views = Views::of(&picture);
    let face = Pixels { width: 112, height: 112, rgb: vec![100; 112 * 112 * 3], damaged: None };
    let mut group = c.benchmark_group("networks");
    group.sample_size(20);
    group.bench_function("detect", |b| b.iter(|| faces.detector.find(&views, false)));
    group.bench_function("embed", |b| b.iter(|| faces.embedder.embed(&face)));
    group.bench_function("classify", |b| b.iter(|| subjects.classifier.classify(&views.small)));
    if let Some(objects) = &mut subjects.objects {
        group.bench_function("object detection", |b| b.iter(|| objects.find(&views.small)));
    }
    group.finish();
}

criterion_group!(benches, recognition, networks);
criterion_main!(benches);

//! The cost of one JPEG: decode at each scale, inspect, render, the whole of `develop`; beside them the lower
//! bound, bare libjpeg-turbo at the same scale, Lanczos3 and encode, without facts, orientation or colours.

use albumen_core::ladder;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, FixedAdmission, Format, Inputs, RenderSettings};
use albumen_media::render::render;
use albumen_media::{decode, inspect};
use albumen_worker::bench::{floor, mix};
use albumen_worker::develop::develop;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

fn benches(c: &mut Criterion) {
    let jpeg = mix::photo(1).expect("it encodes");
    let source = Source::from_bytes(jpeg.clone());
    let facts = Facts { format: Some(Format::Jpeg), ..Facts::default() };
    let settings = RenderSettings::default();
    let fit = |w: u32, h: u32| ladder::fit((w, h), &settings, Some(Format::Jpeg));

    let mut decoding = c.benchmark_group("decode");
    decoding.sample_size(20);
    for short_edge in [320, 640, 1280, 2000, 3000] {
        let to = |w: u32, h: u32| ladder::step((w, h), short_edge);
        decoding.bench_function(format!("to {short_edge}"), |b| {
            b.iter(|| decode::decode(&source, &facts, &to, &PLENTY).expect("it decodes"));
        });
    }
    decoding.finish();

    let request = DevelopRequest {
        name: b"IMG_0001.JPG".to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(settings.clone()),
    };
    let inputs = Inputs { primary: source.clone(), sidecars: Vec::new() };
    let pixels = decode::decode(&source, &facts, &fit, &PLENTY).expect("it decodes");
    let mut whole = c.benchmark_group("12 megapixels");
    whole.sample_size(20);
    whole.bench_function("inspect", |b| b.iter(|| inspect::inspect(&request, &inputs).expect("facts")));
    whole.bench_function("render", |b| {
        b.iter(|| render(pixels.clone(), mix::PHOTO, &settings, Some(Format::Jpeg)).expect("pictures"));
    });
    whole.bench_function("develop", |b| b.iter(|| develop(&request, &inputs, &PLENTY).expect("it develops")));
    whole.bench_function("floor", |b| b.iter(|| floor::thumbnails(black_box(&jpeg)).expect("it decodes")));
    whole.finish();
}

criterion_group!(develop_benches, benches);
criterion_main!(develop_benches);

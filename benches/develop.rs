//! What one JPEG costs: decode at each scale, inspect, render, `develop` whole; beside them the floor, bare
//! libjpeg-turbo at the same scale, Lanczos3 and encode, without facts, orientation or colours.

use albumen::pipeline::source::Source;
use albumen::pipeline::vocabulary::{DevelopRequest, Facts, FixedAdmission, Format, Inputs, RenderSettings};
use albumen::pixels::resize::{bytes_of, shrink};
use albumen::render::{encode, ladder, render};
use albumen::worker::develop::develop;
use albumen::{decode, inspect};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

/// A 12-megapixel camera's size.
const SIZE: (u32, u32) = (4000, 3000);
/// Quality of a camera's JPEGs.
const QUALITY: u8 = 92;
const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

/// A picture with edges, gradients and grain, so that entropy decoding has its work: about 3 MB.
fn camera_jpeg() -> Vec<u8> {
    let mut state = 1u32;
    let mut rgb = Vec::with_capacity(bytes_of(SIZE));
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 29) as u8;
            let block = if (x / 97 + y / 61) % 3 == 0 { 60 } else { 0 };
            rgb.extend([(x / 20) as u8 / 2 + block + grain, (y / 16) as u8 / 2 + block + grain, 90 + grain]);
        }
    }
    encode::jpeg(&rgb, SIZE.0, SIZE.1, QUALITY).expect("it encodes")
}

/// Bare decode at `eighths`, resize and encode.
fn floor(jpeg: &[u8], eighths: usize) -> usize {
    let mut decoder = Decompressor::new().expect("a decoder");
    let scale = ScalingFactor::new(eighths, 8);
    decoder.set_scaling_factor(scale).expect("a scale");
    let from = (scale.scale(SIZE.0 as usize) as u32, scale.scale(SIZE.1 as usize) as u32);
    let mut rgb = vec![0; bytes_of(from)];
    let image = Image {
        pixels: &mut rgb[..],
        width: from.0 as usize,
        pitch: from.0 as usize * 3,
        height: from.1 as usize,
        format: PixelFormat::RGB,
    };
    decoder.decompress(jpeg, image).expect("it decodes");
    let mut total = 0;
    let mut at = from;
    for (_, edge) in ladder::LADDER {
        let to = ladder::step(SIZE, edge);
        rgb = shrink(&rgb, at, to);
        at = to;
        total += encode::jpeg(&rgb, to.0, to.1, RenderSettings::default().quality).expect("it encodes").len();
    }
    total
}

fn benches(c: &mut Criterion) {
    let jpeg = camera_jpeg();
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
        b.iter(|| render(pixels.clone(), SIZE, &settings, Some(Format::Jpeg)).expect("pictures"));
    });
    whole.bench_function("develop", |b| b.iter(|| develop(&request, &inputs, &PLENTY).expect("it develops")));
    whole.bench_function("floor", |b| b.iter(|| floor(black_box(&jpeg), 4)));
    whole.finish();
}

criterion_group!(develop_benches, benches);
criterion_main!(develop_benches);

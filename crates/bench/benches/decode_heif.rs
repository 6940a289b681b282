//! Decoding costs of formats other than JPEG: a phone's HEIC beside libheif's own whole decode of it, a
//! video's frame, a RAW file's preview, a 16-bit TIFF. The first three need the real media of ALBUMEN_CORPUS;
//! without it only the TIFF, which is generated, is measured. Figures over whole files and programs:
//! docs/formats.md.

use albumen_core::source::Source;
use albumen_core::vocabulary::{Facts, FixedAdmission, Format};
use albumen_media::decode;
use criterion::{Criterion, criterion_group, criterion_main};
use libheif_rs::{Chroma, ColorSpace, HeifContext, LibHeif};
use std::fs::File;
use std::path::{Path, PathBuf};

const PLENTY: FixedAdmission = FixedAdmission(1 << 30);
/// The long edge of a preview, with default settings.
const LONG_EDGE: u32 = 2560;

fn fit(width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(LONG_EDGE) / f64::from(width.max(height))).min(1.0);
    let side = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
    (side(width), side(height))
}

fn decoded(source: &Source, format: Format) -> usize {
    let facts = Facts { format: Some(format), ..Facts::default() };
    decode::decode(source, &facts, &fit, &PLENTY).expect("it decodes").rgb.len()
}

/// libheif with libde265, whole, in the coded planes: the minimum cost for any program that uses it.
fn libheif_whole(path: &Path) -> u32 {
    let context = HeifContext::read_from_file(path.to_str().expect("a plain name")).expect("a HEIF file");
    let handle = context.primary_image_handle().expect("a picture");
    LibHeif::new().decode(&handle, ColorSpace::YCbCr(Chroma::C420), None).expect("it decodes").width()
}

/// 24 megapixels of 16-bit RGB, uncompressed, little-endian.
fn tiff_16() -> Vec<u8> {
    const SIZE: (u32, u32) = (6000, 4000);
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let data = 8 + 2 + 9 * 12 + 4 + 6;
    let bytes = SIZE.0 * SIZE.1 * 6;
    let entries = [
        entry(256, 4, 1, SIZE.0),
        entry(257, 4, 1, SIZE.1),
        entry(258, 3, 3, data - 6),
        entry(259, 3, 1, 1),
        entry(262, 3, 1, 2),
        entry(273, 4, 1, data),
        entry(277, 3, 1, 3),
        entry(278, 4, 1, SIZE.1),
        entry(279, 4, 1, bytes),
    ];
    let mut file =
        [&b"II*\0\x08\0\0\0\x09\0"[..], &entries.concat(), &[0; 4], &[16, 0, 16, 0, 16, 0]].concat();
    file.extend((0..bytes / 2).flat_map(|i| (i.wrapping_mul(2_654_435_761) as u16).to_le_bytes()));
    file
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode to 2560");
    group.sample_size(10);
    if let Some(corpus) = std::env::var_os("ALBUMEN_CORPUS").map(PathBuf::from) {
        let open = |path: &Path| {
            Source::from_file(File::open(path).expect("a file of the corpus")).expect("it opens")
        };
        let heic = corpus.join("heic/bigcat88+pillow_heif/tests/images/heif_other/pug.heic");
        let source = open(&heic);
        group.bench_function("HEIC 12 MP", |b| b.iter(|| decoded(&source, Format::Heic)));
        group.bench_function("HEIC 12 MP, libheif whole", |b| b.iter(|| libheif_whole(&heic)));
        let raw = open(&corpus.join("heic/Exiv2+exiv2/test/data/Canon-R6-pruned.CR3"));
        group.bench_function("RAW preview", |b| b.iter(|| decoded(&raw, Format::Cr3)));
        let video = "video/androidx+media/libraries/test_data/src/test/assets/media/mp4/sample_sef_super_slow_motion.mp4";
        let video = open(&corpus.join(video));
        group.bench_function("video frame", |b| b.iter(|| decoded(&video, Format::Mp4)));
    }
    let tiff = Source::from_bytes(tiff_16());
    group.bench_function("TIFF 16 bit, 24 MP", |b| b.iter(|| decoded(&tiff, Format::Tiff)));
    group.finish();
}

criterion_group!(group, benches);
criterion_main!(group);

//! Fidelity of JPEG thumbnails: SSIMULACRA2 against the whole picture decoded by libjpeg-turbo and shrunk by Lanczos3.
//! 90 is "visually lossless" on its scale. Compared before encoding, whose loss is a setting.

use crate::support::{corpus, corpus_file, ssimulacra2};
use albumen_core::ladder;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Facts, FixedAdmission, Format};
use albumen_media::decode::decode;
use albumen_media::pixels::resize::shrink;
use albumen_worker::bench::mix;
use turbojpeg::PixelFormat;

/// The minimum score of the large thumbnail.
const LEAST: f64 = 90.0;
/// The same for a synthetic photo, with more noise than any camera's; it scores 88.8.
const LEAST_MADE_UP: f64 = 88.0;
/// The minimum score of the small ones, which are made from the large one.
const LEAST_SMALL: f64 = 94.0;

/// Scores of the large thumbnail and of the two small ones.
fn scores(jpeg: &[u8]) -> [f64; 3] {
    let whole = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
    let full = (whole.width as u32, whole.height as u32);
    let [xl, m, sm] = ladder::LADDER.map(|(_, edge)| ladder::step(full, edge));
    let facts = Facts { format: Some(Format::Jpeg), ..Facts::default() };
    let source = Source::from_bytes(jpeg.to_vec());
    let ours = decode(&source, &facts, &|_, _| xl, &FixedAdmission(1 << 30)).unwrap().rgb;
    let (ours_m, ours_sm) = (shrink(&ours, xl, m), shrink(&shrink(&ours, xl, m), m, sm));
    let reference = |size| shrink(&whole.pixels, full, size);
    [
        ssimulacra2(&reference(xl), &ours, xl),
        ssimulacra2(&reference(m), &ours_m, m),
        ssimulacra2(&reference(sm), &ours_sm, sm),
    ]
}

fn holds(name: &str, jpeg: &[u8], least: f64) {
    let [xl, m, sm] = scores(jpeg);
    eprintln!("{name}: xl {xl:.1}, m {m:.1}, sm {sm:.1}");
    assert!(xl >= least, "{name}: {xl:.1} for xl");
    assert!(m >= LEAST_SMALL && sm >= LEAST_SMALL, "{name}: {m:.1} for m, {sm:.1} for sm");
}

#[test]
fn a_made_up_photo_keeps_what_can_be_seen() {
    holds("generated", &mix::photo(1).unwrap(), LEAST_MADE_UP);
}

#[test]
fn camera_photos_keep_what_can_be_seen() {
    let Some(corpus) = corpus("camera_photos_keep_what_can_be_seen") else { return };
    // Just above twice the large thumbnail with chroma shared across; the sharpest of 12 megapixels; without sharing.
    let names = [
        "bench/OpenDroneMap+odm_data_seneca/images/IMG_0525.jpg",
        "livephoto/LycheeOrg+Lychee/tests/Samples/train.jpg",
        "hdr-gainmap/MishaalRahmanGH+Ultra_HDR_Samples/SDR Emulation/Ultra_HDR_Samples_Emulated_07_base.jpg",
    ];
    for name in names {
        holds(name, &std::fs::read(corpus_file(&corpus, name)).unwrap(), LEAST);
    }
}

/// Files that libjpeg shrinks first: its half is 1.575 times the target here, as it is 1.56 times for 24
/// megapixels.
#[test]
fn half_scale_is_taken_only_where_it_does_not_show() {
    let Some(corpus) = corpus("half_scale_is_taken_only_where_it_does_not_show") else { return };
    let name = "livephoto/LycheeOrg+Lychee/tests/Samples/train.jpg";
    let jpeg = std::fs::read(corpus_file(&corpus, name)).unwrap();
    let whole = turbojpeg::decompress(&jpeg, PixelFormat::RGB).unwrap();

    let target = (1280, 960);
    let facts = Facts { format: Some(Format::Jpeg), ..Facts::default() };
    let ours =
        decode(&Source::from_bytes(jpeg), &facts, &|_, _| target, &FixedAdmission(1 << 30)).unwrap().rgb;
    let reference = shrink(&whole.pixels, (whole.width as u32, whole.height as u32), target);
    let got = ssimulacra2(&reference, &ours, target);
    eprintln!("{name} at half scale: {got:.1}");
    assert!(got >= LEAST, "{got:.1}");
}

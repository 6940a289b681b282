//! Tests of render, against the real parts: the output of `develop` for the sample library.

use crate::support::ROOT;
use albumen_core::ladder;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    DerivativeName, DevelopRequest, FixedAdmission, Format, Inputs, Pictures, RenderSettings,
};
use albumen_media::pixels::Pixels;
use albumen_media::render::render;
use albumen_worker::develop::develop;
use std::fs::File;
use std::path::Path;

fn developed(name: &str) -> Pictures {
    let path = Path::new(ROOT).join("testdata").join(name);
    let request = DevelopRequest {
        name: name.as_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    };
    let source = Source::from_file(File::open(path).unwrap()).unwrap();
    let inputs = Inputs { primary: source, sidecars: Vec::new() };
    let developed = develop(&request, &inputs, &FixedAdmission(64 << 20)).unwrap();
    assert!(developed.cpu.decode_s > 0.0 && developed.cpu.inspect_s > 0.0);
    developed.pictures.unwrap().unwrap()
}

/// Width and height of a JPEG's frame, and whether it has any metadata (APP1 to APP15, COM).
fn frame(jpeg: &[u8]) -> (u32, u32, bool) {
    let (mut at, mut metadata) = (2, false);
    loop {
        let marker = jpeg[at + 1];
        let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        metadata |= matches!(marker, 0xE1..=0xEF | 0xFE);
        if marker == 0xC0 {
            let side = |i: usize| u32::from(u16::from_be_bytes([jpeg[at + i], jpeg[at + i + 1]]));
            return (side(7), side(5), metadata);
        }
        at += 2 + length;
    }
}

#[test]
fn a_photo_gets_its_ladder() {
    let pictures = developed("kinds/plain.jpg");
    let sizes: Vec<_> = pictures.renditions.iter().map(|r| (r.name, r.width, r.height)).collect();
    // 480 x 320: smaller than xl, and its own size is m's as well, so m shares xl's file.
    assert_eq!(sizes, [(DerivativeName::Xl, 480, 320), (DerivativeName::Sm, 360, 240)]);
    for r in &pictures.renditions {
        assert_eq!(frame(&r.jpeg), (r.width, r.height, false));
    }
    assert!((15..=30).contains(&pictures.thumbhash.len()));
    assert_eq!(pictures.damaged, None);
}

#[test]
fn a_turned_photo_is_stored_upright() {
    for orientation in 1..=8 {
        let pictures = developed(&format!("orientation/{orientation}.jpg"));
        let xl = &pictures.renditions[0];
        assert_eq!((xl.width, xl.height), (480, 320), "{orientation}");
    }
}

#[test]
fn damage_is_passed_on() {
    assert!(developed("broken/truncated.jpg").damaged.is_some());
}

#[test]
fn what_a_browser_does_not_show_gets_a_preview() {
    let settings = RenderSettings::default();
    let full = (4000, 3000);
    let (width, height) = ladder::fit(full, &settings, Some(Format::Heic));
    let pixels = Pixels { width, height, rgb: vec![90; width as usize * height as usize * 3], damaged: None };
    let pictures = render(pixels, full, &settings, Some(Format::Heic)).unwrap();
    let sizes: Vec<_> = pictures.renditions.iter().map(|r| (r.name, r.width, r.height)).collect();
    assert_eq!(
        sizes,
        [
            (DerivativeName::Xl, 1707, 1280),
            (DerivativeName::M, 427, 320),
            (DerivativeName::Sm, 320, 240),
            (DerivativeName::Preview, 2560, 1920),
        ]
    );
}

#[test]
fn tiny_pictures_have_one_file() {
    let pixels = Pixels { width: 1, height: 1, rgb: vec![1, 2, 3], damaged: None };
    let pictures = render(pixels, (1, 1), &RenderSettings::default(), Some(Format::Tiff)).unwrap();
    assert_eq!(pictures.renditions.len(), 1);
    assert_eq!(pictures.renditions[0].name, DerivativeName::Xl);
}

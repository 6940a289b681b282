//! The small files in tests/media, one for each container: detected, inspected and decoded in every clone, without
//! ffmpeg and without real media. `tests/media/make.py` makes them.

use crate::support::ROOT;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    DevelopRequest, Developed, FixedAdmission, Format, Inputs, Kind, RenderSettings,
};
use albumen_worker::develop::develop;
use std::fs::File;
use std::path::Path;

/// The fields of make.py: red and green above, blue and yellow below.
const FIELDS: [[u8; 3]; 4] = [[200, 40, 40], [40, 160, 60], [40, 60, 200], [220, 200, 60]];
const SIDE: (u32, u32) = (96, 64);

fn developed(name: &str) -> Developed {
    let path = Path::new(ROOT).join("tests/media").join(name);
    let request = DevelopRequest {
        name: name.as_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    };
    let primary = Source::from_file(File::open(path).unwrap()).unwrap();
    develop(&request, &Inputs { primary, sidecars: Vec::new() }, &FixedAdmission(1 << 30)).unwrap()
}

/// The colours in the middle of the four quarters of the largest derivative: top left, top right, bottom left, bottom
/// right.
fn quarters(developed: &Developed, name: &str) -> [[u8; 3]; 4] {
    let pictures = developed.pictures.as_ref().unwrap().as_ref().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(pictures.damaged, None, "{name}");
    let picture = turbojpeg::decompress(&pictures.renditions[0].jpeg, turbojpeg::PixelFormat::RGB).unwrap();
    let (w, h) = (picture.width, picture.height);
    [(w / 4, h / 4), (w * 3 / 4, h / 4), (w / 4, h * 3 / 4), (w * 3 / 4, h * 3 / 4)].map(|(x, y)| {
        let at = y * picture.pitch + x * 3;
        [picture.pixels[at], picture.pixels[at + 1], picture.pixels[at + 2]]
    })
}

#[track_caller]
fn assert_near(found: [[u8; 3]; 4], expected: [[u8; 3]; 4], name: &str) {
    let is_near = |a: &[u8; 3], b: &[u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 14);
    assert!(found.iter().zip(&expected).all(|(a, b)| is_near(a, b)), "{name}: {found:?}, not {expected:?}");
}

#[test]
fn videos_in_each_container() {
    for (name, format, codec, seconds) in [
        ("fields.mp4", Format::Mp4, "h264", 1.0),
        ("fields.mov", Format::Mov, "mjpeg", 0.2),
        ("fields.mkv", Format::Mkv, "hevc", 1.0),
        ("fields.avi", Format::Avi, "mpeg4", 1.0),
        ("fields.ts", Format::Mts, "h264", 1.0),
    ] {
        let developed = developed(name);
        let facts = &developed.facts;
        assert_eq!((facts.kind, facts.format), (Some(Kind::Video), Some(format)), "{name}");
        assert_eq!(facts.video_codec.as_deref(), Some(codec), "{name}");
        assert_eq!((facts.width, facts.height), (Some(SIDE.0), Some(SIDE.1)), "{name}");
        assert_eq!((facts.display_width, facts.display_height), (Some(SIDE.0), Some(SIDE.1)), "{name}");
        assert!((facts.duration_s.unwrap() - seconds).abs() < 0.05, "{name}: {:?}", facts.duration_s);
        assert!((facts.fps.unwrap() - 25.0).abs() < 0.1, "{name}: {:?}", facts.fps);
        assert!(!facts.extension_mismatch, "{name}");
        assert_near(quarters(&developed, name), FIELDS, name);
    }
}

#[test]
fn pictures_in_each_container() {
    // The HEIC is turned by a quarter, counterclockwise.
    let [red, green, blue, yellow] = FIELDS;
    let turned = [green, yellow, red, blue];
    for (name, format, shown, fields) in [
        ("fields.heic", Format::Heic, (SIDE.1, SIDE.0), turned),
        ("fields.avif", Format::Avif, SIDE, FIELDS),
        ("fields.tif", Format::Tiff, SIDE, FIELDS),
        ("fields-big-endian.tif", Format::Tiff, SIDE, FIELDS),
    ] {
        let developed = developed(name);
        let facts = &developed.facts;
        assert_eq!((facts.kind, facts.format), (Some(Kind::Photo), Some(format)), "{name}");
        assert_eq!((facts.width, facts.height), (Some(SIDE.0), Some(SIDE.1)), "{name}");
        assert_eq!((facts.display_width, facts.display_height), (Some(shown.0), Some(shown.1)), "{name}");
        assert!(!facts.extension_mismatch, "{name}");
        assert_near(quarters(&developed, name), fields, name);
    }
    let facts = serde_json::to_value(developed("fields.tif").facts).unwrap();
    assert_eq!(
        (&facts["taken"]["local"], &facts["description"]),
        (&"2023-07-01T10:20:30".into(), &"Four fields".into())
    );
}

/// The date of a movie header is in UTC.
#[test]
fn videos_have_the_date_of_their_header() {
    for name in ["fields.mp4", "fields.mov"] {
        let facts = serde_json::to_value(developed(name).facts).unwrap();
        assert_eq!(facts["taken"]["utc"], "2023-07-01T10:20:30Z", "{name}: {}", facts["taken"]);
    }
}

/// A RAW file without a usable preview is developed; examples/develop_raw makes it.
#[test]
fn a_raw_file_is_developed() {
    let developed = developed("mosaic.dng");
    assert_eq!(developed.facts.format, Some(Format::Dng));
    assert_eq!((developed.facts.width, developed.facts.height), (Some(72), Some(48)));
    let pictures = developed.pictures.unwrap().unwrap();
    assert_eq!(pictures.damaged, None);
    let picture = &pictures.renditions[0];
    assert!(picture.width > picture.height && picture.width <= 72, "{} x {}", picture.width, picture.height);
}

/// Files of further containers, which containers.rs generates with ffmpeg where there is one.
#[test]
fn clips_of_further_containers() {
    for (name, format) in [
        ("clip.dv", Format::Dv),
        ("clip.flv", Format::Flv),
        ("clip.h264", Format::H264),
        ("clip.h265", Format::H265),
        ("clip.lrf", Format::Mp4),
        ("clip.mxf", Format::Mxf),
        ("clip.ogv", Format::Ogv),
        ("clip.wmv", Format::Wmv),
    ] {
        let developed = developed(name);
        assert_eq!(developed.facts.format, Some(format), "{name}");
        assert!(developed.facts.video_codec.is_some(), "{name}");
        let pictures = developed.pictures.unwrap().unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!pictures.renditions.is_empty(), "{name}");
    }
}

use super::*;
use crate::testing::ebml::{element, endless, float, of, text, uint};
use crate::testing::{self};
use albumen_core::vocabulary::{Format, Gps};

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TRACKS: u32 = 0x1654_AE6B;
const TAGS: u32 = 0x1254_C367;
const CLUSTER: u32 = 0x1F43_B675;
const VOID: u32 = 0xEC;

fn file(segment: &[Vec<u8>]) -> Vec<u8> {
    [header("matroska"), of(SEGMENT, segment)].concat()
}

fn header(kind: &str) -> Vec<u8> {
    of(0x1A45_DFA3, &[text(0x4282, kind)])
}

fn read(segment: &[Vec<u8>]) -> Findings {
    testing::read(&file(segment), Format::Mkv)
}

fn video(codec: &str, of_video: &[Vec<u8>]) -> Vec<u8> {
    of(0xAE, &[uint(0x83, 1), text(0x86, codec), uint(0x23_E383, 40_000_000), of(0xE0, of_video)])
}

fn size(width: u64, height: u64) -> Vec<u8> {
    [uint(0xB0, width), uint(0xBA, height)].concat()
}

fn tags(values: &[(&str, &str)]) -> Vec<u8> {
    let simple = values.iter().map(|(name, value)| of(0x67C8, &[text(0x45A3, name), text(0x4487, value)]));
    of(TAGS, &[of(0x7373, &simple.collect::<Vec<_>>())])
}

fn sample() -> Vec<Vec<u8>> {
    let info = of(
        INFO,
        &[
            uint(0x2A_D7B1, 500_000),
            float(0x4489, 4000.0),
            element(0x4461, &1_000_000_000_000_000_000i64.to_be_bytes()),
            text(0x7BA9, "Title"),
            text(0x5741, "Muxer"),
        ],
    );
    let picture = [size(1920, 1080), of(0x7670, &[uint(0x7671, 1)]), of(0x55B0, &[uint(0x55BA, 16)])];
    let tracks = of(TRACKS, &[video("V_VP9", &picture), of(0xAE, &[uint(0x83, 2), text(0x86, "A_OPUS")])]);
    let values = tags(&[
        ("DATE_RECORDED", "2019-07-24"),
        ("location", "+48.5000+002.2500/"),
        ("MAKE", "Maker"),
        ("COM.APPLE.QUICKTIME.MODEL", "Model"),
        ("DESCRIPTION", "Words"),
        ("COPYRIGHT", "Owner"),
        ("KEYWORDS", "river, bridge"),
    ]);
    vec![info, tracks, values, of(CLUSTER, &[])]
}

#[test]
fn information_tracks_and_tags() {
    let found = read(&sample());
    assert_eq!(
        (found.coded, found.display, found.transfer),
        (Some((1920, 1080)), Some((1920, 1080)), Some(16))
    );
    let string = |s: &str| Some(s.to_owned());
    let expected = Movie {
        has_video: true,
        duration_s: Some(2.0),
        fps: Some(25.0),
        video_codec: string("vp9"),
        audio: string("opus"),
        header_time: Some(EPOCH_2001 + 1_000_000_000),
        creation_date: string("2019-07-24"),
        gps: Some(Gps { lat: 48.5, lon: 2.25, alt: None }),
        make: string("Maker"),
        model: string("Model"),
        software: string("Muxer"),
        title: string("Title"),
        description: string("Words"),
        copyright: string("Owner"),
        keywords: vec!["river".into(), "bridge".into()],
        projection: string("equirectangular"),
        ..Movie::default()
    };
    assert_eq!(found.movie, Some(expected));
    let webm = [header("webm"), of(SEGMENT, &sample())].concat();
    assert_eq!(testing::read(&webm, Format::Webm), found);
}

#[test]
fn codecs_by_their_identifiers() {
    for (id, name) in [
        ("V_AV1", "av1"),
        ("V_MPEG4/ISO/AVC", "h264"),
        ("V_MPEG4/ISO/ASP", "mpeg4"),
        ("A_AAC/MPEG4/LC", "aac"),
        ("V_SOMETHING", "unknown"),
        ("", "unknown"),
    ] {
        assert_eq!(codec_name(id), name, "{id}");
    }
}

#[test]
fn displayed_sizes_are_ratios() {
    let shown = |more: &[Vec<u8>]| {
        read(&[of(TRACKS, &[video("V_VP8", &[&[size(720, 576)][..], more].concat())])]).display
    };
    let ratio = |w, h| [uint(0x54B0, w), uint(0x54BA, h)].concat();
    assert_eq!(shown(&[ratio(1024, 576)]), Some((1024, 576)));
    assert_eq!(shown(&[ratio(16, 9), uint(0x54B2, 3)]), Some((1024, 576)));
    // An unknown unit, a side of zero, and a ratio beyond 4 to 1.
    for more in [[ratio(16, 9), uint(0x54B2, 4)].concat(), ratio(0, 9), ratio(u64::MAX, 1)] {
        assert_eq!(shown(&[more]), Some((720, 576)));
    }
    for (w, h) in [(0, 576), (720, 0), (u64::MAX, 576)] {
        assert_eq!(read(&[of(TRACKS, &[video("V_VP8", &[size(w, h)])])]).coded, None);
    }
}

#[test]
fn durations_are_finite() {
    let lasts = |scale: u64, duration: Vec<u8>| {
        read(&[of(INFO, &[uint(0x2A_D7B1, scale), duration])]).movie.unwrap().duration_s
    };
    assert_eq!(lasts(0, float(0x4489, 3000.0)), Some(3.0), "a scale of 0 is the usual one");
    assert_eq!(lasts(1_000_000, element(0x4489, &3000f32.to_be_bytes())), Some(3.0));
    for duration in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        assert_eq!(lasts(1_000_000, float(0x4489, duration)), None, "{duration}");
    }
    assert_eq!(lasts(u64::MAX, float(0x4489, f64::MAX)), None, "the product is infinite");
    assert_eq!(lasts(1_000_000, element(0x4489, &[1; 5])), None);
}

#[test]
fn tags_behind_the_clusters_are_found_by_the_index() {
    let [info, tracks, values, cluster] = sample().try_into().unwrap();
    // The offset counts from the segment's contents; the index itself has a fixed length.
    let index = |at: u64| {
        let seek = of(0x4DBB, &[element(0x53AB, &TAGS.to_be_bytes()), element(0x53AC, &at.to_be_bytes())]);
        of(0x114D_9B74, &[seek])
    };
    let before = [index(0), info, tracks, cluster].concat();
    let read_with = |at| read(&[index(at), before[index(0).len()..].to_vec(), values.clone()]).movie.unwrap();
    assert_eq!(read_with(before.len() as u64).make.as_deref(), Some("Maker"));
    // An offset to another element, to the index itself, and out of the file.
    for at in [0, 1, u64::MAX] {
        let movie = read_with(at);
        assert_eq!((movie.make, movie.duration_s), (None, Some(2.0)), "{at}");
    }
}

#[test]
fn elements_of_unknown_size_reach_to_the_end() {
    let [info, tracks, _, _] = sample().try_into().unwrap();
    let live =
        [header("webm"), endless(SEGMENT, &[info, tracks, endless(CLUSTER, &[0x55; 40])].concat())].concat();
    let found = testing::read(&live, Format::Webm);
    assert_eq!((found.coded, found.movie.unwrap().duration_s), (Some((1920, 1080)), Some(2.0)));
}

#[test]
fn the_first_track_and_the_first_value_count() {
    let tracks = of(
        TRACKS,
        &[
            video("V_VP8", &[size(0, 0)]),
            video("V_VP9", &[size(64, 32)]),
            video("V_AV1", &[size(128, 64)]),
            of(0xAE, &[uint(0x83, 1), text(0x86, "V_AV1")]),
        ],
    );
    let found = read(&[tracks, tags(&[("MAKE", "First"), ("MAKE", "Second"), ("MAKE", ""), ("", "x")])]);
    assert_eq!(found.coded, Some((64, 32)));
    let movie = found.movie.unwrap();
    assert_eq!((movie.video_codec.as_deref(), movie.make.as_deref()), (Some("vp9"), Some("First")));
}

/// Limit: 20,000 elements of one level.
#[test]
fn elements_beyond_the_limit_are_not_read() {
    let tracks = of(TRACKS, &[video("V_VP8", &[size(64, 32)])]);
    let after = |n: usize| read(&[element(VOID, &[]).repeat(n), tracks.clone()]).coded;
    assert_eq!((after(19_999), after(20_000)), (Some((64, 32)), None));
}

/// Limits: 4,096 keywords; 4,096 bytes of a value.
#[test]
fn values_beyond_the_limits_are_cut() {
    let many = tags(&[("KEYWORDS", "a,")]).repeat(5000);
    assert_eq!(read(&[many]).movie.unwrap().keywords.len(), 4096);
    let long = tags(&[("TITLE", &"a".repeat(10_000))]);
    assert_eq!(read(&[long]).movie.unwrap().title.unwrap().len(), 4096);
}

#[test]
fn sizes_of_elements_stay_inside_their_parents() {
    // Identifiers of five bytes and sizes of nine do not exist.
    for bytes in [&b"\x08\0\0\0\0\x80"[..], b"\xEC\0\0\0\0\0\0\0\0\0", b"\0\0", b"\xEC"] {
        assert_eq!(read(&[bytes.to_vec(), sample().concat()]).coded, None);
    }
    // The largest size of eight bytes that is not the unknown one.
    let huge = [
        &0x1654_AE6Bu32.to_be_bytes()[..],
        b"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFE",
        &video("V_VP8", &[size(64, 32)]),
    ]
    .concat();
    assert_eq!(read(&[huge, sample().concat()]).coded, Some((64, 32)));
    // Nothing in this reader descends without bound: tags inside tags are ignored.
    let nested = (0..1000).fold(tags(&[("MAKE", "x")]), |inner, _| of(TAGS, &[inner]));
    assert_eq!(read(&[nested]).movie.unwrap().make, None);
}

#[test]
fn damage_never_gives_more_than_is_there() {
    testing::withstands_extremes(&file(&sample()), Format::Mkv);
    testing::withstands_mutations(&file(&sample()), Format::Mkv);
}

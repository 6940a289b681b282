use super::parameter_sets::h264_parameters;
use super::*;
use crate::testing::mpeg::{Bits, packet, pes, programmes, sequence, streams, time};
use crate::testing::{self};
use albumen_core::vocabulary::Format;

/// A scaling list whose steps add up to more than 32 bits.
#[test]
fn a_scaling_list_beyond_all_bounds_is_no_parameter_set() {
    let ue = |v: u64| {
        let v = v + 1;
        format!("{}{v:b}", "0".repeat(63 - v.leading_zeros() as usize))
    };
    // High profile; then, among others, a scaling matrix with one list of two steps.
    let mut bits = format!("{:08b}{:016b}", 100, 40);
    for v in [0, 1, 0, 0] {
        bits.push_str(&ue(v));
    }
    bits.push_str("011");
    // Both are the largest step of the code.
    bits.push_str(&ue((1 << 32) - 3).repeat(2));
    let sps = |bits: &str| {
        let bytes: Vec<u8> = (bits.as_bytes().chunks(8))
            .map(|c| c.iter().fold(0, |b, d| b << 1 | (d - b'0')) << (8 - c.len()))
            .collect();
        h264_parameters(&bytes)
    };
    assert!(sps(&bits).is_none());
    bits.push_str(&"1".repeat(400));
    assert!(sps(&bits).is_none());
}

#[test]
fn the_size_in_an_h264_parameter_set() {
    // 1920x1080, High profile, from a handwritten bit string: see the fields in `h264_parameters`.
    let mut bits = String::new();
    let ue = |v: u32| {
        let v = v + 1;
        let n = 31 - v.leading_zeros() as usize;
        format!("{}{v:b}", "0".repeat(n))
    };
    bits.push_str(&format!("{:08b}{:016b}", 77, 40));
    for v in [0, 0, 0, 0, 1] {
        bits.push_str(&ue(v));
    }
    bits.push('0');
    bits.push_str(&ue(119));
    bits.push_str(&ue(67));
    bits.push_str("111");
    for v in [0, 0, 0, 4] {
        bits.push_str(&ue(v));
    }
    bits.push_str("01");
    while !bits.len().is_multiple_of(8) {
        bits.push('0');
    }
    let bytes: Vec<u8> =
        (0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[i * 8..i * 8 + 8], 2).unwrap()).collect();
    let p = h264_parameters(&bytes).unwrap();
    assert_eq!((p.width, p.height), (1920, 1080));
}

#[test]
fn a_recording_that_begins_inside_of_a_packet_is_told_by_its_step() {
    let packet = |size: usize, stamp: usize| {
        let mut packet = vec![0; stamp];
        packet.extend([0x47, 0x40, 0x11, 0x10]);
        packet.resize(size, 0xFF);
        packet
    };
    for (size, stamp) in [(188, 0), (192, 4)] {
        let whole = packet(size, stamp).repeat(10);
        assert_eq!(transport_packet(&whole), Some((size as u64, stamp as u64)));
        let first = (size - 100 + stamp) as u64;
        assert_eq!(transport_packet(&whole[100..]), Some((size as u64, first)), "{size}");
    }
    assert_eq!(transport_packet(&b"Good text, Great text. ".repeat(200)), None);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let mut ts = Vec::new();
        for chunk in bytes.chunks(100) {
            ts.extend([0x47, 0x40, 0, 0x10, 0]);
            ts.extend(chunk);
            ts.resize(ts.len().div_ceil(188) * 188, 0xFF);
        }
        let _ = read_transport(&Reader::from_bytes(ts));
        let mut ps = b"\0\0\x01\xba\0\0\x01\xe0\0\x60".to_vec();
        ps.extend(&bytes);
        let _ = read_program(&Reader::from_bytes(ps));
        let _ = h264_parameters(&bytes);
        let mut nal = b"\0\0\x01\x42\x01".to_vec();
        nal.extend(&bytes);
        let _ = hevc(&nal);
    }
}

/// A transport stream of H.264 and AC-3: tables, and pictures from one second to three.
fn transport() -> Vec<u8> {
    let units = [&[0, 0, 0, 1][..], &h264_unit(), &date_unit()].concat();
    let first = pes(0xE0, 90_000, &units);
    let (start, rest) = first.split_at(60);
    [
        programmes(0x100),
        streams(0x100, &[(0x81, 0x112), (0x1B, 0x111)]),
        packet(0x112, true, &pes(0xBD, 0, &[0x0B, 0x77])),
        packet(0x111, true, start),
        packet(0x111, false, rest),
        packet(0x111, true, &pes(0xE0, 3 * 90_000, &[0, 0, 1, 0x41])),
        packet(0x111, true, &pes(0xE0, 2 * 90_000, &[0, 0, 1, 0x41])),
    ]
    .concat()
}

fn h264_unit() -> Vec<u8> {
    testing::mpeg::h264_parameters(1440, 1080, (4, 3))
}

/// Supplemental information with the date of a camera.
fn date_unit() -> Vec<u8> {
    let fields = [[0x18, 0, 0x20, 0x11, 0x03], [0x19, 0x24, 0x18, 0x30, 0x05], [0x70, 0, 0, 0, 0]].concat();
    let mark = b"\x17\xee\x8c\x60\xf8\x4d\x11\xd9\x8c\xd6\x08\0\x20\x0c\x9a\x66MDPM";
    [&[0, 0, 1, 6, 5][..], mark, &[3], &fields].concat()
}

#[test]
fn a_transport_stream() {
    let found = testing::read(&transport(), Format::Mts);
    assert_eq!(
        (found.coded, found.display, found.orientation),
        (Some((1440, 1080)), Some((1920, 1080)), Some(1))
    );
    let expected = Movie {
        has_video: true,
        // From the first picture to the end of the last: one more of the 25 in a second.
        duration_s: Some(2.04),
        fps: Some(25.0),
        video_codec: Some("h264".into()),
        audio: Some("ac3".into()),
        other_date: Some(("avchd:DateTimeOriginal", "2011-03-24 18:30:05".into())),
        ..Movie::default()
    };
    assert_eq!(found.movie, Some(expected));
    // With time stamps before each packet, as AVCHD has them, it is the same.
    let stamped: Vec<u8> = transport().chunks(188).flat_map(|p| [&[0; 4][..], p].concat()).collect();
    assert_eq!(testing::read(&stamped, Format::Mts), found);
}

#[test]
fn streams_by_their_types() {
    let codecs = |of: &[(u8, u16)]| {
        let file = [programmes(0x20), streams(0x20, of), packet(0x111, true, &[0; 10])].concat();
        let movie = testing::read(&file, Format::Mts).movie.unwrap();
        (movie.video_codec, movie.audio)
    };
    for (kind, name) in [(1, "mpeg1video"), (2, "mpeg2video"), (0x10, "mpeg4"), (0x24, "hevc"), (0xEA, "vc1")]
    {
        assert_eq!(codecs(&[(kind, 0x111)]).0.as_deref(), Some(name));
    }
    for (kind, name) in [
        (3, "mp2"),
        (0x0F, "aac"),
        (0x11, "aac_latm"),
        (0x80, "pcm_bluray"),
        (0x82, "dts"),
        (0x83, "truehd"),
        (0x87, "eac3"),
    ] {
        assert_eq!(codecs(&[(kind, 0x112)]).1.as_deref(), Some(name));
    }
    assert_eq!(codecs(&[(0x99, 0x111)]), (None, None));
}

#[test]
fn time_stamps_wrap_at_33_bits() {
    let stream = |first, last| {
        let units = [&[0, 0, 1][..], &h264_unit()].concat();
        let pictures =
            [packet(0x111, true, &pes(0xE0, first, &units)), packet(0x111, true, &pes(0xE0, last, &[]))];
        [programmes(0x20), streams(0x20, &[(0x1B, 0x111)]), pictures.concat()].concat()
    };
    let lasts = |first, last| testing::read(&stream(first, last), Format::Mts).movie.unwrap().duration_s;
    assert_eq!(lasts(0, 90_000), Some(1.04));
    // The tail of a short file contains the first stamp, too: the largest counts.
    assert_eq!(lasts((1 << 33) - 90_000, 90_000), Some(0.04));
    // Limit: two days, which 33 bits do not reach: 26.5 hours are possible.
    assert_eq!(lasts(0, (1 << 33) - 1), Some(((1u64 << 33) - 1) as f64 / CLOCK_HZ + 0.04));
}

/// A table whose section begins at the end of its packet.
#[test]
fn a_table_without_a_section() {
    for length in 0..4 {
        let payload = [vec![0], vec![2; length]].concat();
        let file = [programmes(0x20), packet(0x20, true, &payload), packet(0x20, true, &[0])].concat();
        assert_eq!(testing::read(&file, Format::Mts).coded, None);
    }
    // A pointer to the very end, and beyond it.
    for pointer in [182, 183, 255] {
        let mut payload = [0; 184];
        payload[0] = pointer;
        let file = [programmes(0x20), packet(0x20, true, &payload), packet(0x20, true, &payload)].concat();
        assert_eq!(testing::read(&file, Format::Mts).coded, None);
    }
    // Lengths of the table and of its descriptors beyond the packet.
    for (at, value) in [(2, 0xBF), (11, 0xFF), (16, 0xFF)] {
        let mut table = streams(0x20, &[(0x1B, 0x111), (0x81, 0x112)]);
        let start = 188 - (13 + 10 + 4);
        table[start + at] = value;
        testing::read(&[programmes(0x20), table, packet(0x111, true, &[0; 4])].concat(), Format::Mts);
    }
}

/// A program stream of MPEG-2 and an audio stream, between one second and three.
fn program(audio: &[u8]) -> Vec<u8> {
    let picture = [sequence(720, 576, 3, 3), b"\0\0\x01\xb5\x14".to_vec()].concat();
    let pack = [&[0, 0, 1, 0xBA][..], &[0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xF8]].concat();
    let videos = [pes(0xE0, 90_000, &picture), pes(0xE0, 270_000, &[0, 0, 1, 0])];
    [&pack[..], &videos[0], audio, &videos[1]].concat()
}

#[test]
fn a_program_stream() {
    let found = testing::read(&program(&pes(0xC0, 0, &[0xFF, 0xFD])), Format::Mpeg);
    assert_eq!((found.coded, found.display), (Some((720, 576)), Some((1024, 576))));
    let expected = Movie {
        has_video: true,
        duration_s: Some(2.04),
        fps: Some(25.0),
        video_codec: Some("mpeg2video".into()),
        audio: Some("mp2".into()),
        ..Movie::default()
    };
    assert_eq!(found.movie, Some(expected));
    // Sub-streams of a DVD.
    for (number, codec) in [(0x80, Some("ac3")), (0x88, Some("dts")), (0xA0, Some("pcm_dvd")), (0x20, None)] {
        let movie = testing::read(&program(&pes(0xBD, 0, &[number])), Format::Mpeg).movie.unwrap();
        assert_eq!(movie.audio.as_deref(), codec);
    }
}

#[test]
fn packets_in_the_syntax_of_mpeg_1() {
    let packet = |stamp, payload: &[u8]| {
        // Stuffing, a buffer's size, a presentation time and, in the second, a decoding time.
        let times = if stamp == 0 {
            [&[0xFF, 0xFF, 0x60, 0x2E][..], &time(2, stamp)].concat()
        } else {
            [&time(3, stamp)[..], &time(1, stamp)].concat()
        };
        let length = (times.len() + payload.len()) as u16;
        [&[0, 0, 1, 0xE0][..], &length.to_be_bytes(), &times, payload].concat()
    };
    let file = [vec![0, 0, 1, 0xBA], packet(0, &sequence(352, 288, 3, 5)), packet(90_000, &[0])].concat();
    let found = testing::read(&file, Format::Mpeg);
    let movie = found.movie.unwrap();
    // MPEG-1 has the aspect of a pixel there, which is not in use.
    assert_eq!((found.coded, found.display), (Some((352, 288)), Some((352, 288))));
    assert_eq!(movie.video_codec.as_deref(), Some("mpeg1video"));
    assert_eq!(movie.duration_s, Some(1.0 + 1.0 / 30.0));
}

#[test]
fn sequence_headers() {
    let bare =
        |width, height, shape, rate| testing::read(&sequence(width, height, shape, rate), Format::Mpeg);
    assert_eq!((bare(0, 576, 2, 3).coded, bare(720, 0, 2, 3).coded), (None, None));
    assert_eq!(bare(4095, 4095, 0, 0).coded, Some((4095, 4095)));
    let rates = [
        None,
        Some(24_000.0 / 1001.0),
        Some(24.0),
        Some(25.0),
        Some(30_000.0 / 1001.0),
        Some(30.0),
        Some(50.0),
    ];
    for (rate, fps) in (0..).zip(rates) {
        assert_eq!(bare(16, 16, 1, rate).movie.unwrap().fps, fps);
    }
    for (shape, width) in [(2, 768), (3, 1024), (4, 1273), (9, 720)] {
        let file = [sequence(720, 576, shape, 3), b"\0\0\x01\xb5\x14".to_vec()].concat();
        assert_eq!(testing::read(&file, Format::Mpeg).display, Some((width, 576)), "{shape}");
    }
}

#[test]
fn bare_streams() {
    let file = [&[0, 0, 0, 1][..], &h264_unit()].concat();
    let found = testing::read(&file, Format::H264);
    assert_eq!((found.coded, found.display), (Some((1440, 1080)), Some((1920, 1080))));
    assert_eq!(found.movie.unwrap().duration_s, None);
    let file = [&[0, 0, 1][..], &testing::mpeg::hevc_parameters(1922, 1078)].concat();
    assert_eq!(testing::read(&file, Format::H265).coded, Some((1922, 1078)));
    let record =
        [&[1, 77, 0, 40, 0xFF, 0xE1][..], &(h264_unit().len() as u16).to_be_bytes(), &h264_unit()].concat();
    assert_eq!(size_of_avc_record(&record), Some((1440, 1080)));
    for end in 0..record.len() {
        assert!(matches!(size_of_avc_record(&record[..end]), None | Some((1440, 1080))), "{end}");
    }
}

/// Limits: sides of 65,536, and codes of 31 bits.
#[test]
fn sides_beyond_the_limit_are_no_picture() {
    let h264 = |width, height| {
        testing::mpeg::h264_parameters(width, height, (1, 1))
            .get(1..)
            .and_then(h264_parameters)
            .map(|p| (p.width, p.height))
    };
    assert_eq!((h264(65_536, 16), h264(65_538, 16)), (Some((65_536, 16)), None));
    assert_eq!(h264(1 << 31, 1 << 31), None);
    let hevc_size = |width, height| {
        let stream = [&[0, 0, 1][..], &testing::mpeg::hevc_parameters(width, height)].concat();
        hevc(&stream).map(|p| (p.width, p.height))
    };
    assert_eq!((hevc_size(65_536, 8), hevc_size(65_538, 8)), (Some((65_536, 8)), None));
    // Cropping of more than the picture, and a code of more than 31 zeros.
    let cropped = |left| {
        let bits = Bits::default()
            .put(8, 77)
            .put(16, 40)
            .golomb(&[0, 0, 0, 0, 1])
            .put(1, 0)
            .golomb(&[0, 0])
            .put(3, 7);
        h264_parameters(&bits.golomb(&[left, 0, 0, 0]).unit(&[])).is_some()
    };
    assert!(cropped(7) && !cropped(8) && !cropped(u64::from(u32::MAX) - 1));
    assert!(h264_parameters(&[&[77, 0, 40][..], &[0; 64]].concat()).is_none());
}

#[test]
fn damage_never_gives_more_than_is_there() {
    testing::withstands_extremes(&transport(), Format::Mts);
    testing::withstands_mutations(&transport(), Format::Mts);
    let stream = program(&pes(0xBD, 0, &[0x80]));
    testing::withstands_extremes(&stream, Format::Mpeg);
    testing::withstands_mutations(&stream, Format::Mpeg);
    let bare = [&[0, 0, 0, 1][..], &h264_unit(), &date_unit()].concat();
    testing::withstands_extremes(&bare, Format::H264);
    testing::withstands_mutations(&bare, Format::H264);
    let bare = [&[0, 0, 1][..], &testing::mpeg::hevc_parameters(1922, 1078)].concat();
    testing::withstands_extremes(&bare, Format::H265);
    testing::withstands_mutations(&bare, Format::H265);
}

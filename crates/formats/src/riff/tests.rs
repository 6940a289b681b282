use super::*;
use crate::testing::riff::{chunk, list};
use crate::testing::{self, titles, xmp};
use albumen_core::vocabulary::Format;

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    list(b"RIFF", b"AVI ", chunks)
}

fn read(chunks: &[Vec<u8>]) -> Findings {
    testing::read(&file(chunks), Format::Avi)
}

/// Numbers of 32 bits by their position in a header.
fn fields(length: usize, of: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    of.iter().for_each(|(at, v)| bytes[*at..at + 4].copy_from_slice(&v.to_le_bytes()));
    bytes
}

/// The header of the file: microseconds of a frame, frames, size.
fn header(us: u32, frames: u32, size: (u32, u32)) -> Vec<u8> {
    chunk(b"avih", &fields(56, &[(0, us), (16, frames), (32, size.0), (36, size.1)]))
}

/// A video stream: handler and compression, scale, rate and length in frames, size.
fn video(handler: &[u8; 4], codec: &[u8; 4], [scale, rate, length]: [u32; 3], size: (u32, u32)) -> Vec<u8> {
    let mut strh = fields(56, &[(20, scale), (24, rate), (32, length)]);
    strh[..4].copy_from_slice(b"vids");
    strh[4..8].copy_from_slice(handler);
    let mut strf = fields(40, &[(0, 40), (4, size.0), (8, size.1)]);
    strf[16..20].copy_from_slice(codec);
    list(b"LIST", b"strl", &[chunk(b"strh", &strh), chunk(b"strf", &strf)])
}

fn audio(tag: u16, bits: u16) -> Vec<u8> {
    let mut strf = vec![0; 18];
    strf[..2].copy_from_slice(&tag.to_le_bytes());
    strf[14..16].copy_from_slice(&bits.to_le_bytes());
    let strh = chunk(b"strh", &[&b"auds"[..], &[0; 52]].concat());
    list(b"LIST", b"strl", &[strh, chunk(b"strf", &strf)])
}

fn hdrl(chunks: &[Vec<u8>]) -> Vec<u8> {
    list(b"LIST", b"hdrl", chunks)
}

fn sample() -> Vec<Vec<u8>> {
    let values = [
        (b"ISFT", "Firmware 1"),
        (b"INAM", "Title"),
        (b"ICMT", "Words"),
        (b"ICOP", "Owner"),
        (b"IMAK", "Maker"),
        (b"IMOD", "Model"),
        (b"IKEY", "river; bridge"),
        (b"ICRD", "2001-02-03"),
    ];
    let info = values.map(|(kind, text)| chunk(kind, text.as_bytes()));
    let idit = chunk(b"IDIT", b"Mon Mar 10 15:04:43 2003\n\0");
    let streams = [video(b"mjpg", b"MJPG", [1, 15, 30], (640, 480)), audio(1, 8)].concat();
    vec![
        hdrl(&[header(100_000, 30, (640, 480)), streams, idit]),
        list(b"LIST", b"INFO", &info),
        list(b"LIST", b"movi", &[chunk(b"00dc", b"odd")]),
        chunk(b"_PMX", &xmp("Packet")),
    ]
}

#[test]
fn headers_streams_and_information() {
    let found = read(&sample());
    assert_eq!(found.coded, Some((640, 480)));
    assert_eq!(titles(&found), ["Packet"]);
    let text = |s: &str| Some(s.to_owned());
    let expected = Movie {
        has_video: true,
        // Of the stream: the header of the file has 10 frames per second.
        duration_s: Some(2.0),
        fps: Some(15.0),
        video_codec: text("mjpeg"),
        audio: text("pcm_u8"),
        other_date: Some(("riff:DateTimeOriginal", "Mon Mar 10 15:04:43 2003".into())),
        make: text("Maker"),
        model: text("Model"),
        software: text("Firmware 1"),
        title: text("Title"),
        description: text("Words"),
        copyright: text("Owner"),
        keywords: vec!["river".into(), "bridge".into()],
        ..Movie::default()
    };
    assert_eq!(found.movie, Some(expected));
}

#[test]
fn without_a_usable_stream_the_header_of_the_file_counts() {
    let lasts = |chunks: &[Vec<u8>]| {
        let movie = read(&[hdrl(chunks)]).movie.unwrap();
        (movie.duration_s, movie.fps)
    };
    assert_eq!(lasts(&[header(100_000, 30, (1, 1))]), (Some(3.0), Some(10.0)));
    for rates in [[0, 15, 30], [1, 0, 30]] {
        let stream = video(b"mjpg", b"MJPG", rates, (1, 1));
        assert_eq!(lasts(&[header(100_000, 30, (1, 1)), stream]), (Some(3.0), Some(10.0)), "{rates:?}");
    }
    assert_eq!(lasts(&[header(0, 30, (1, 1))]), (None, None));
    assert_eq!(lasts(&[header(1, 0, (1, 1))]), (None, Some(1e6)));
    // A list of information may be inside the headers.
    let inner = list(b"LIST", b"INFO", &[chunk(b"ICRD", b"2001")]);
    let date = read(&[hdrl(&[inner])]).movie.unwrap().other_date;
    assert_eq!(date, Some(("riff:DateCreated", "2001".to_owned())));
}

#[test]
fn sizes_of_streams() {
    let coded =
        |w, h| read(&[hdrl(&[header(1, 1, (64, 32)), video(b"mjpg", b"MJPG", [1, 1, 1], (w, h))])]).coded;
    // Rows may run downwards; a side of zero is none.
    assert_eq!(coded(320, -240i32 as u32), Some((320, 240)));
    assert_eq!((coded(0, 240), coded(320, 0)), (Some((64, 32)), Some((64, 32))));
    assert_eq!(coded(320, i32::MIN as u32), Some((320, 1 << 31)));
}

#[test]
fn codecs_by_their_codes() {
    for (code, name) in [
        (b"xvid", "mpeg4"),
        (b"H264", "h264"),
        (b"dvsd", "dvvideo"),
        (b"\0\0\0\0", "rawvideo"),
        (b"????", "unknown"),
    ] {
        assert_eq!(video_codec(code), name);
    }
    for (tag, bits, name) in [
        (1, 16, "pcm_s16le"),
        (1, 24, "pcm_s24le"),
        (0x55, 0, "mp3"),
        (0xFF, 0, "aac"),
        (u16::MAX, 0, "unknown"),
    ] {
        assert_eq!(audio_codec(tag, bits), name);
    }
    // A format without a compression: the handler.
    let strh = chunk(b"strh", &[&b"vidsDVSD"[..], &[0; 48]].concat());
    let stream = list(b"LIST", b"strl", &[strh, chunk(b"strf", &[40, 0, 0, 0])]);
    assert_eq!(read(&[hdrl(&[stream])]).movie.unwrap().video_codec.as_deref(), Some("dvvideo"));
}

/// Limit: 10,000 chunks of one level.
#[test]
fn chunks_beyond_the_limit_are_not_read() {
    let after = |n: usize| read(&[chunk(b"JUNK", &[]).repeat(n), sample().concat()]).coded;
    assert_eq!((after(9_999), after(10_000)), (Some((640, 480)), None));
}

/// Limits: 4,096 keywords; 64 KiB of a text; 24 packets.
#[test]
fn values_beyond_the_limits_are_cut() {
    let info = |kind: &[u8; 4], value: &[u8]| list(b"LIST", b"INFO", &[chunk(kind, value)]);
    let movie =
        read(&[info(b"IKEY", b"a;b;c;").repeat(3000), info(b"INAM", &[b'a'; 100_000])]).movie.unwrap();
    assert_eq!((movie.keywords.len(), movie.title.unwrap().len()), (4096, 64 << 10));
    assert_eq!(read(&[chunk(b"_PMX", &xmp("t")).repeat(30)]).xmp.len(), 24);
}

#[test]
fn lists_inside_lists_and_chunks_beyond_the_end() {
    // Only the defined levels are read.
    let nested = (0..1000).fold(header(1, 1, (64, 32)), |inner, _| hdrl(&[inner]));
    assert_eq!(read(&[nested]).coded, None);
    for length in [0, 1, u32::MAX] {
        let odd = [&b"JUNK"[..], &length.to_le_bytes()].concat();
        let found = read(&[hdrl(&[header(1, 1, (64, 32)), odd])]);
        assert_eq!(found.coded, Some((64, 32)), "{length}");
    }
}

#[test]
fn damage_never_gives_more_than_is_there() {
    testing::withstands_extremes(&file(&sample()), Format::Avi);
    testing::withstands_mutations(&file(&sample()), Format::Avi);
}

#[test]
fn chunks_are_padded_and_end_with_the_file() {
    let reader = Reader::from_bytes(b"one \x03\0\0\0abc\0two \x09\0\0\0de".to_vec());
    let all: Vec<_> =
        chunks(reader.view()).map(|c| (c.kind, c.length, c.body.len(), c.body.base())).collect();
    assert_eq!(all, [(*b"one ", 3, 3, 8), (*b"two ", 9, 2, 20)]);
}

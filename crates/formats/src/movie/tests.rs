use super::*;
use crate::testing::bmff::{boxed, ftyp, full, longs, of, uuid};
use crate::testing::{self, tiff, titles, xmp};
use albumen_core::vocabulary::Format;

const ONE: u32 = 1 << 16;
/// The matrix that turns a picture by a quarter, clockwise.
const TURNED: [i32; 4] = [0, 1, -1, 0];
const UPRIGHT: [i32; 4] = [1, 0, 0, 1];

/// A track header of version 0 or 1.
fn track_header(version: u8, id: u32, size: (u32, u32), [a, b, c, d]: [i32; 4]) -> Vec<u8> {
    let fixed = |v: i32| (v << 16) as u32;
    let times = if version == 1 { vec![0, 0, 0, 0, id, 0, 0, 0] } else { vec![0, 0, id, 0, 0] };
    let matrix = [fixed(a), fixed(b), 0, fixed(c), fixed(d), 0, 0, 0, 0x4000_0000];
    let numbers = [&times[..], &[0; 4], &matrix, &[size.0 << 16, size.1 << 16]].concat();
    full(b"tkhd", version, 3, &longs(&numbers))
}

/// The media of a track of 2 seconds: 50 samples of 40 ms.
fn media(handler: &[u8; 4], entry: Vec<u8>, more: &[Vec<u8>]) -> Vec<u8> {
    let mdhd = full(b"mdhd", 0, 0, &longs(&[0, 0, 1000, 2000, 0]));
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4][..], handler, &[0; 12]].concat());
    let stsd = full(b"stsd", 0, 0, &[&longs(&[1])[..], &entry].concat());
    let stts = full(b"stts", 0, 0, &longs(&[2, 30, 40, 20, 40]));
    let stbl = of(b"stbl", &[&[stsd, stts][..], more].concat());
    of(b"mdia", &[mdhd, hdlr, of(b"minf", &[stbl])])
}

fn video_entry(kind: &[u8; 4], size: (u16, u16), boxes: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = [0; 78];
    fields[24..26].copy_from_slice(&size.0.to_be_bytes());
    fields[26..28].copy_from_slice(&size.1.to_be_bytes());
    boxed(kind, &[&fields[..], &boxes.concat()].concat())
}

/// A descriptor with this object type: stream flags that announce three optional fields, then the decoder's.
fn esds(object: u8) -> Vec<u8> {
    let stream = [3, 0x80, 0x80, 0x80, 20, 0, 1, 0b1110_0000, 0, 9, 3, b'u', b'r', b'l', 0, 7];
    full(b"esds", 0, 0, &[&stream[..], &[4, 13, object, 0x15]].concat())
}

fn audio_entry(kind: &[u8; 4], boxes: &[Vec<u8>]) -> Vec<u8> {
    boxed(kind, &[&[0; 28][..], &boxes.concat()].concat())
}

fn movie_header(created: u32, duration: u32) -> Vec<u8> {
    full(b"mvhd", 0, 0, &longs(&[created, 0, 1000, duration, ONE]))
}

fn video(entry: Vec<u8>) -> Vec<u8> {
    of(b"trak", &[track_header(0, 1, (0, 0), UPRIGHT), media(b"vide", entry, &[])])
}

fn file(moov: &[Vec<u8>]) -> Vec<u8> {
    [ftyp(b"qt  "), of(b"moov", moov), boxed(b"mdat", b"media")].concat()
}

fn read(moov: &[Vec<u8>]) -> Findings {
    testing::read(&file(moov), Format::Mov)
}

/// A QuickTime text of user data: length, language, bytes.
fn quicktime_text(name: &[u8; 3], value: &str) -> Vec<u8> {
    let kind = [0xA9, name[0], name[1], name[2]];
    boxed(&kind, &[&(value.len() as u16).to_be_bytes()[..], &[0x15, 0xC7], value.as_bytes()].concat())
}

/// A value of an item list, with its type.
fn item(kind: &[u8; 4], type_: u32, value: &[u8]) -> Vec<u8> {
    of(kind, &[boxed(b"data", &[&longs(&[type_, 0])[..], value].concat())])
}

/// Apple's metadata: keys, and the list of their values.
fn apple(values: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let keys: Vec<_> = values.iter().map(|(key, ..)| boxed(b"mdta", key.as_bytes())).collect();
    let number = longs(&[values.len() as u32]);
    let list = values
        .iter()
        .zip(1u32..)
        .map(|((_, kind, v), i)| item(&i.to_be_bytes(), *kind, v))
        .collect::<Vec<_>>();
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4][..], b"mdta", &[0; 12]].concat());
    let keys = full(b"keys", 0, 0, &[&number[..], &keys.concat()].concat());
    of(b"meta", &[hdlr, keys, of(b"ilst", &list)])
}

/// A phone's movie: video turned by a quarter, sound, Apple's metadata.
fn sample() -> Vec<u8> {
    let colour = boxed(b"colr", &[&b"nclx"[..], &[0, 9, 0, 16, 0, 9, 0]].concat());
    let entry = video_entry(b"hvc1", (1920, 1080), &[colour]);
    let sound = audio_entry(b"mp4a", &[esds(0x40)]);
    file(&[
        movie_header(EPOCH_1904 as u32 + 1_600_000_000, 2000),
        of(b"trak", &[track_header(0, 1, (1920, 1080), TURNED), media(b"vide", entry, &[])]),
        of(b"trak", &[track_header(1, 2, (0, 0), UPRIGHT), media(b"soun", sound, &[])]),
        apple(&[
            ("com.apple.quicktime.creationdate", 1, b"2020-09-13T14:26:40+0200"),
            ("com.apple.quicktime.location.ISO6709", 1, b"+48.8583+002.2919+065.730/"),
            ("com.apple.quicktime.make", 1, b"Apple"),
            ("com.apple.quicktime.model", 1, b"Phone"),
            ("com.apple.quicktime.software", 1, b"14.0"),
            ("com.apple.quicktime.camera.lens_model", 1, b"Wide"),
            ("com.apple.quicktime.content.identifier", 1, b"ABC-1"),
            ("com.apple.quicktime.title", 2, b"\0T\0i\0t\0l\0e"),
            ("com.apple.quicktime.description", 1, b"On the bridge"),
            ("com.apple.quicktime.copyright", 1, b"Owner"),
            ("com.apple.quicktime.keywords", 1, b"river, bridge"),
            ("com.apple.quicktime.rating.user", 23, &4.0f32.to_be_bytes()),
        ]),
    ])
}

#[test]
fn a_phones_movie() {
    let found = testing::read(&sample(), Format::Mov);
    assert_eq!(
        (found.coded, found.display, found.orientation),
        (Some((1920, 1080)), Some((1080, 1920)), Some(6))
    );
    assert_eq!(found.transfer, Some(16));
    let gps = Gps { lat: 48.8583, lon: 2.2919, alt: Some(65.73) };
    let expected = Movie {
        has_video: true,
        duration_s: Some(2.0),
        fps: Some(25.0),
        video_codec: Some("hevc".into()),
        audio: Some("aac".into()),
        header_time: Some(1_600_000_000),
        creation_date: Some("2020-09-13T14:26:40+0200".into()),
        make: Some("Apple".into()),
        model: Some("Phone".into()),
        software: Some("14.0".into()),
        lens: Some("Wide".into()),
        title: Some("Title".into()),
        description: Some("On the bridge".into()),
        copyright: Some("Owner".into()),
        keywords: vec!["river".into(), "bridge".into()],
        rating: Some(4.0),
        content_identifier: Some("ABC-1".into()),
        gps: Some(gps),
        ..Movie::default()
    };
    assert_eq!(found.movie, Some(expected));
}

#[test]
fn every_orientation_of_a_matrix() {
    let matrices = [
        (UPRIGHT, 1),
        ([-1, 0, 0, 1], 2),
        ([-1, 0, 0, -1], 3),
        ([1, 0, 0, -1], 4),
        ([0, 1, 1, 0], 5),
        (TURNED, 6),
        ([0, -1, -1, 0], 7),
        ([0, -1, 1, 0], 8),
        ([0, 0, 0, 0], 1),
        ([1, 1, -1, 1], 1),
    ];
    for (matrix, orientation) in matrices {
        for version in [0, 1] {
            let entry = video_entry(b"avc1", (64, 32), &[]);
            let header = track_header(version, 1, (64, 32), matrix);
            let found = read(&[of(b"trak", &[header, media(b"vide", entry, &[])])]);
            assert_eq!(found.orientation, Some(orientation), "{matrix:?} in version {version}");
            let shown = if orientation >= 5 { (32, 64) } else { (64, 32) };
            assert_eq!(found.display, Some(shown), "{matrix:?}");
        }
    }
}

#[test]
fn pixel_aspects_are_those_of_the_entry_else_of_the_track() {
    let shown = |presented: (u32, u32), boxes: &[Vec<u8>]| {
        let entry = video_entry(b"avc1", (720, 576), boxes);
        read(&[of(b"trak", &[track_header(0, 1, presented, UPRIGHT), media(b"vide", entry, &[])])]).display
    };
    let aspect = |h: u32, v: u32| boxed(b"pasp", &longs(&[h, v]));
    assert_eq!(shown((0, 0), &[]), Some((720, 576)));
    assert_eq!(shown((1024, 576), &[]), Some((1024, 576)));
    assert_eq!(shown((1024, 576), &[aspect(16, 15)]), Some((768, 576)));
    // An aspect of zero is none, and beyond 4 to 1 it is ignored.
    assert_eq!(shown((0, 0), &[aspect(0, 1)]), Some((720, 576)));
    assert_eq!(shown((0, 0), &[aspect(u32::MAX, 1)]), Some((720, 576)));
    // Without a size in the entry, the track has one.
    let entry = video_entry(b"avc1", (0, 0), &[]);
    let found = read(&[of(b"trak", &[track_header(0, 1, (320, 240), UPRIGHT), media(b"vide", entry, &[])])]);
    assert_eq!(found.coded, Some((320, 240)));
}

#[test]
fn codecs_by_their_entries() {
    let video_codec = |kind: &[u8; 4], boxes: &[Vec<u8>]| {
        read(&[video(video_entry(kind, (64, 64), boxes))]).movie.unwrap().video_codec.unwrap()
    };
    for (kind, codec) in
        [(b"avc1", "h264"), (b"av01", "av1"), (b"apcn", "prores"), (b"jpeg", "mjpeg"), (b"x y!", "x_y_")]
    {
        assert_eq!(video_codec(kind, &[]), codec);
    }
    for (object, codec) in [(0x61, "mpeg2video"), (0x6A, "mpeg1video"), (0x6C, "mjpeg"), (0x20, "mpeg4")] {
        assert_eq!(video_codec(b"mp4v", &[esds(object)]), codec);
    }
    let audio = |entry: Vec<u8>| {
        let track = of(b"trak", &[media(b"soun", entry, &[])]);
        read(&[track]).movie.unwrap().audio.unwrap()
    };
    for (object, codec) in [(0x40, "aac"), (0x6B, "mp3"), (0xA5, "ac3"), (0xAD, "opus"), (0xE1, "qcelp")] {
        assert_eq!(audio(audio_entry(b"mp4a", &[esds(object)])), codec);
    }
    // QuickTime's second version has more fields, and the descriptor in a box of its own.
    let wave = of(b"wave", &[esds(0xA6)]);
    let second = boxed(b"mp4a", &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1][..], &[0; 34], &wave].concat());
    assert_eq!(audio(second), "eac3");
    for (kind, codec) in [(b"sowt", "pcm_s16le"), (b"samr", "amr_nb"), (b"Opus", "opus"), (b"zz-9", "zz_9")] {
        assert_eq!(audio(audio_entry(kind, &[])), codec);
    }
}

#[test]
fn user_data_of_quicktime_and_3gpp() {
    let asset = |kind: &[u8; 4], text: &[u8]| full(kind, 0, 0, &[&[0x15, 0xC7][..], text].concat());
    let degrees = |v: f64| ((v * 65536.0) as i32).to_be_bytes();
    let place =
        [&[0, 0, b'A', 0, 1][..], &degrees(2.25), &degrees(48.5), &degrees(65.0), b"earth\0\0"].concat();
    let boxes = [
        asset(b"titl", b"\xFE\xFF\0T\0i\0t\0l\0e\0\0"),
        asset(b"dscp", b"Words\0"),
        asset(b"cprt", b"Owner\0"),
        asset(b"manu", b"Maker\0"),
        asset(b"modl", b"Model\0"),
        full(b"loci", 0, 0, &place),
        boxed(b"XMP_", &xmp("Packet")),
    ];
    let found =
        testing::read(&[ftyp(b"3gp4"), of(b"moov", &[of(b"udta", &boxes)])].concat(), Format::ThreeGp);
    assert_eq!(titles(&found), ["Packet"]);
    let movie = found.movie.unwrap();
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(
        (movie.title, movie.description, movie.copyright),
        (text("Title"), text("Words"), text("Owner"))
    );
    assert_eq!((movie.make, movie.model), (text("Maker"), text("Model")));
    assert_eq!(movie.gps, Some(Gps { lat: 48.5, lon: 2.25, alt: Some(65.0) }));

    let texts = [(b"mak", "Maker"), (b"mod", "Model"), (b"swr", "1.0"), (b"nam", "Title"), (b"cmt", "Words")];
    let mut boxes: Vec<_> = texts.iter().map(|(name, value)| quicktime_text(name, value)).collect();
    boxes.push(quicktime_text(b"cpy", "Owner"));
    boxes.push(quicktime_text(b"day", "2019-01-02"));
    boxes.push(quicktime_text(b"xyz", "+48.5000+002.2500/"));
    let movie = read(&[of(b"udta", &boxes)]).movie.unwrap();
    assert_eq!((movie.make, movie.model, movie.software), (text("Maker"), text("Model"), text("1.0")));
    assert_eq!(
        (movie.title, movie.description, movie.copyright),
        (text("Title"), text("Words"), text("Owner"))
    );
    assert_eq!(movie.other_date, Some(("quicktime:day", "2019-01-02".to_owned())));
    assert_eq!(movie.gps, Some(Gps { lat: 48.5, lon: 2.25, alt: None }));
}

#[test]
fn lists_of_itunes_and_the_boxes_of_sony_and_canon() {
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4][..], b"mdir", &[0; 12]].concat());
    let list = [
        item(b"\xA9nam", 1, b"Title"),
        item(b"desc", 1, b"Words"),
        item(b"cprt", 1, b"Owner"),
        item(b"\xA9too", 1, b"Muxer"),
    ];
    let movie =
        read(&[of(b"udta", &[full(b"meta", 0, 0, &[hdlr, of(b"ilst", &list)].concat())])]).movie.unwrap();
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(
        (movie.title, movie.description, movie.copyright),
        (text("Title"), text("Words"), text("Owner"))
    );
    assert_eq!(movie.software, text("Muxer"));

    let xml = b"<?xml?><CreationDate value=\"2018-09-20T20:41:37+03:00\"/>\
        <Device manufacturer=\"Sony\" modelName=\"Camera\"/><Lens modelName=\"50mm\"/>";
    let sony = [ftyp(b"XAVC"), full(b"meta", 0, 0, &full(b"xml ", 0, 0, xml)), of(b"moov", &[])].concat();
    let movie = testing::read(&sony, Format::Mp4).movie.unwrap();
    assert_eq!(movie.creation_date, text("2018-09-20T20:41:37+03:00"));
    assert_eq!((movie.make, movie.model, movie.lens), (text("Sony"), text("Camera"), text("50mm")));

    let canon = [
        boxed(b"CMT1", &tiff::simple(vec![(0x10F, tiff::Value::Ascii(b"Canon\0"))])),
        boxed(b"CMT2", &tiff::simple(vec![(0x8827, tiff::short(400))])),
        boxed(b"CMT3", &tiff::simple(vec![(0x95, tiff::Value::Ascii(b"RF35mm F1.8\0"))])),
        boxed(
            b"CMT4",
            &tiff::simple(vec![
                (1, tiff::Value::Ascii(b"S\0")),
                (2, tiff::Value::Rational(vec![(48, 1), (30, 1), (0, 1)])),
                (3, tiff::Value::Ascii(b"E\0")),
                (4, tiff::Value::Rational(vec![(2, 1), (15, 1), (0, 1)])),
            ]),
        ),
    ];
    let found = read(&[uuid(&CANON_UUID, &canon.concat()), uuid(&XMP_UUID, &xmp("In the movie"))]);
    assert_eq!(titles(&found), ["In the movie"]);
    let exif = found.exif.unwrap();
    assert_eq!((exif.make, exif.iso, exif.lens), (text("Canon"), Some(400), text("RF35mm F1.8")));
    assert_eq!(exif.gps, Some(Gps { lat: -48.5, lon: 2.25, alt: None }));
}

#[test]
fn spherical_video_in_both_versions() {
    let projection = |found: Findings| found.movie.unwrap().projection;
    for (kind, name) in [(b"equi", "equirectangular"), (b"cbmp", "cubemap"), (b"mshp", "mesh")] {
        let sv3d = of(b"sv3d", &[of(b"proj", &[full(b"prhd", 0, 0, &[0; 12]), full(kind, 0, 0, &[])])]);
        let found = read(&[video(video_entry(b"avc1", (64, 32), &[sv3d]))]);
        assert_eq!(projection(found).as_deref(), Some(name));
    }
    let id = b"\xff\xcc\x82\x63\xf8\x55\x4a\x93\x88\x14\x58\x7a\x02\x52\x1f\xdd";
    let with_xml = |xml: &str| {
        let media = media(b"vide", video_entry(b"avc1", (64, 32), &[]), &[]);
        projection(read(&[of(b"trak", &[uuid(id, xml.as_bytes()), media])]))
    };
    let xml = "<GSpherical:Spherical>true</GSpherical:Spherical>\
        <GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>";
    assert_eq!(with_xml(xml).as_deref(), Some("equirectangular"));
    assert_eq!(with_xml(&xml.replace("true", "false")), None);
    assert_eq!(with_xml("<GSpherical:Spherical>true"), None);
}

/// A fragment of track 1 with these runs.
fn fragment(runs: &[Vec<u8>]) -> Vec<u8> {
    of(b"moof", &[of(b"traf", &[&[full(b"tfhd", 0, 0, &longs(&[1]))][..], runs].concat())])
}

/// A fragmented movie, whose samples last 20 ticks of a millisecond if their run has no durations.
fn fragmented(usual: u32, fragments: &[Vec<u8>]) -> Vec<u8> {
    let mdhd = full(b"mdhd", 0, 0, &longs(&[0, 0, 1000, 0, 0]));
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4][..], b"vide", &[0; 12]].concat());
    let entry = video_entry(b"avc1", (64, 32), &[]);
    let stbl = of(b"stbl", &[full(b"stsd", 0, 0, &[&longs(&[1])[..], &entry].concat())]);
    let mdia = of(b"mdia", &[mdhd, hdlr, of(b"minf", &[stbl])]);
    let mvex = of(b"mvex", &[full(b"trex", 0, 0, &longs(&[1, 1, usual, 0, 0]))]);
    let moov =
        of(b"moov", &[movie_header(0, 0), of(b"trak", &[track_header(0, 1, (0, 0), UPRIGHT), mdia]), mvex]);
    [ftyp(b"iso5"), moov, fragments.concat()].concat()
}

#[test]
fn fragments_add_up_to_the_duration() {
    // Ten samples of the usual 20 ms, then two of their own 100 ms, each with its size.
    let runs = [full(b"trun", 0, 0, &longs(&[10])), full(b"trun", 0, 0x300, &longs(&[2, 100, 7, 100, 7]))];
    let movie = testing::read(&fragmented(20, &[fragment(&runs)]), Format::Mp4).movie.unwrap();
    assert_eq!((movie.duration_s, movie.fps), (Some(0.4), Some(30.0)));
}

/// Limit: a run counts the samples whose durations are in the file.
#[test]
fn a_truncated_run_does_not_raise_the_frame_rate() {
    let run = full(b"trun", 0, 0x100, &longs(&[50_000, 40, 40]));
    let movie = testing::read(&fragmented(20, &[fragment(&[run])]), Format::Mp4).movie.unwrap();
    assert_eq!((movie.duration_s, movie.fps), (Some(0.08), Some(25.0)));
}

/// Limit: 64 bits of ticks. 50,000 runs of 100,000 samples with the longest duration exceed them.
#[test]
fn fragments_beyond_64_bits_of_ticks_do_not_overflow() {
    let run = full(b"trun", 0, 0, &longs(&[u32::MAX]));
    let track = |_| of(b"traf", &[full(b"tfhd", 0, 0, &longs(&[1])), run.repeat(9_000)]);
    let moof = of(b"moof", &(0..6).map(track).collect::<Vec<_>>());
    let movie = testing::read(&fragmented(u32::MAX, &[moof]), Format::Mp4).movie.unwrap();
    assert_eq!(movie.duration_s, Some(u64::MAX as f64 / 1000.0));
}

#[test]
fn a_duration_far_beyond_all_tracks_is_wrong() {
    let track = || video(video_entry(b"avc1", (64, 32), &[]));
    let lasts = |duration| read(&[movie_header(0, duration), track()]).movie.unwrap().duration_s;
    assert_eq!(lasts(16_000), Some(16.0), "slow motion");
    // The tracks last 2 s; up to 100 times that is accepted.
    assert_eq!(lasts(200_001), Some(2.0));
    assert_eq!((lasts(0), lasts(u32::MAX)), (Some(2.0), Some(2.0)));
    let mvex = of(b"mvex", &[full(b"mehd", 1, 0, &longs(&[0, 5000]))]);
    assert_eq!(read(&[movie_header(0, 0), track(), mvex]).movie.unwrap().duration_s, Some(5.0));
}

/// A compressed movie box with this content.
fn compressed(moov: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(moov, 6);
    let cmvd = boxed(b"cmvd", &[&longs(&[moov.len() as u32])[..], &packed].concat());
    of(b"moov", &[of(b"cmov", &[boxed(b"dcom", b"zlib"), cmvd])])
}

/// Limit: 4 MiB of contents.
#[test]
fn a_compressed_movie_box_is_inflated_within_a_limit() {
    let moov = of(b"moov", &[movie_header(0, 2000), video(video_entry(b"SVQ3", (160, 120), &[]))]);
    let file = |moov: &[u8]| [boxed(b"wide", &[]), compressed(moov)].concat();
    let found = testing::read(&file(&moov), Format::Mov);
    assert_eq!((found.coded, found.movie.unwrap().video_codec.as_deref()), (Some((160, 120)), Some("svq3")));
    let bomb = [&moov[..], &boxed(b"free", &vec![0; 4 << 20])].concat();
    assert_eq!(testing::read(&file(&bomb), Format::Mov).coded, None);
}

/// Limit: one movie box. Others could each be a compressed one.
#[test]
fn the_first_movie_box_counts() {
    let moov = |width| of(b"moov", &[video(video_entry(b"avc1", (width, 32), &[]))]);
    let found =
        testing::read(&[ftyp(b"qt  "), moov(64), moov(128), compressed(&moov(256))].concat(), Format::Mov);
    assert_eq!(found.coded, Some((64, 32)));
}

/// Limit: 16,384 boxes of one level.
#[test]
fn boxes_beyond_the_limit_are_not_read() {
    let after = |boxes: usize| {
        let moov = of(b"moov", &[video(video_entry(b"avc1", (64, 32), &[]))]);
        [ftyp(b"qt  "), boxed(b"free", &[]).repeat(boxes), moov].concat()
    };
    assert!(testing::read(&after(16_382), Format::Mov).coded.is_some());
    assert!(testing::read(&after(16_383), Format::Mov).coded.is_none());
}

#[test]
fn an_invalid_track_affects_only_itself() {
    let tracks = [
        of(b"trak", &[boxed(b"mdia", &[0xFF; 40])]),
        of(b"trak", &[]),
        video(video_entry(b"avc1", (64, 32), &[])),
    ];
    assert_eq!(read(&tracks).coded, Some((64, 32)));
    // Of two video tracks, the first counts.
    let tracks = [64, 128].map(|w| video(video_entry(b"avc1", (w, 32), &[])));
    assert_eq!(read(&tracks).coded, Some((64, 32)));
}

#[test]
fn damage_never_gives_more_than_is_there() {
    testing::withstands_extremes(&sample(), Format::Mov);
    testing::withstands_mutations(&sample(), Format::Mov);
    let run = full(b"trun", 0, 0x300, &longs(&[2, 100, 7, 100, 7]));
    let fragments = fragmented(20, &[fragment(&[run])]);
    testing::withstands_mutations(&fragments, Format::Mp4);
    testing::withstands_mutations(&[boxed(b"wide", &[]), compressed(&sample()[20..])].concat(), Format::Mov);
}

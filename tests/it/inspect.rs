//! Tests of inspect, against the real parts.

use crate::support::ROOT;
// The report prints more of it than these tests use.
#[allow(dead_code)]
#[path = "../../crates/bench/examples/corpus_report/facts.rs"]
mod table;

use crate::support::{corpus, corpus_file};
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, Facts, Format, Inputs, Kind};
use albumen_media::inspect;
use std::path::Path;
use table::Outcome;

fn facts_of(name: &str, bytes: Vec<u8>, sidecars: &[(&str, &str)]) -> Facts {
    let request = DevelopRequest {
        name: name.as_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 1_714_889_228_000_000_000,
        sidecars: sidecars.iter().map(|s| s.0.as_bytes().to_vec()).collect(),
        render: None,
    };
    let inputs = Inputs {
        primary: Source::from_bytes(bytes),
        sidecars: sidecars.iter().map(|s| Source::from_bytes(s.1.as_bytes().to_vec())).collect(),
    };
    inspect::inspect(&request, &inputs).expect("facts")
}

/// A JPEG of 40x30 without a picture: markers, the given segments, a frame header, a scan that ends at once.
fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8];
    for (marker, body) in segments {
        out.extend([0xFF, *marker]);
        out.extend(((body.len() + 2) as u16).to_be_bytes());
        out.extend(body);
    }
    out.extend([0xFF, 0xC0, 0, 11, 8, 0, 30, 0, 40, 1, 1, 0x11, 0]);
    out.extend([0xFF, 0xDA, 0, 2, 0xFF, 0xD9]);
    out
}

/// An EXIF block with one directory of ASCII and short values, big-endian.
fn exif(entries: &[(u16, &[u8])]) -> Vec<u8> {
    let mut head = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec();
    head.extend((entries.len() as u16).to_be_bytes());
    let mut tail: Vec<u8> = Vec::new();
    let start = 8 + 2 + 12 * entries.len() + 4;
    for (tag, value) in entries {
        head.extend(tag.to_be_bytes());
        if value.len() == 2 {
            head.extend([0, 3, 0, 0, 0, 1]);
            head.extend(*value);
            head.extend([0, 0]);
        } else {
            head.extend([0, 2]);
            head.extend((value.len() as u32).to_be_bytes());
            head.extend(((start + tail.len()) as u32).to_be_bytes());
            tail.extend(*value);
        }
    }
    head.extend([0; 4]);
    head.extend(tail);
    head
}

fn xmp(body: &str) -> String {
    format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
        xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
        xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/">
        <rdf:Description>{body}</rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
}

fn xmp_segment(body: &str) -> (u8, Vec<u8>) {
    (0xE1, [b"http://ns.adobe.com/xap/1.0/\0", xmp(body).as_bytes()].concat())
}

/// A PNG of 1 x 1 pixels with a text; checksums are not verified.
fn png(key: &str, text: &str) -> Vec<u8> {
    let chunk =
        |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], kind, body, &[0; 4]].concat();
    let text = [key.as_bytes(), &[0], text.as_bytes()].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]),
        chunk(b"tEXt", &text),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// A minimal movie: file type, movie box with a track box, some data.
fn movie() -> Vec<u8> {
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    let trak = boxed(b"trak", &boxed(b"tkhd", &[0; 84]));
    [boxed(b"ftyp", b"mp42\0\0\0\0isom"), boxed(b"moov", &trak), boxed(b"mdat", &[7; 100])].concat()
}

#[test]
fn a_turned_jpeg_has_its_upright_size() {
    let f =
        facts_of("a.jpg", jpeg(&[(0xE1, exif(&[(0x112, &[0, 6]), (0x10F, b"NIKON CORPORATION\0")]))]), &[]);
    assert_eq!((f.kind, f.format), (Some(Kind::Photo), Some(Format::Jpeg)));
    assert_eq!((f.width, f.height, f.orientation), (Some(40), Some(30), Some(6)));
    assert_eq!((f.display_width, f.display_height), (Some(30), Some(40)));
    assert_eq!(f.camera.make.as_deref(), Some("Nikon"));
    assert_eq!(f.sources["camera.make"], "exif");
}

#[test]
fn an_exif_block_over_64_kilobytes_in_several_segments_is_one() {
    // The date is after 70 KB of other tags' bytes.
    let filler = vec![b'x'; 70_000];
    let whole = exif(&[(0x10E, &filler), (0x9003, b"2023:07:01 10:20:30\0")]);
    let body = &whole[6..];
    let parts: Vec<(u8, Vec<u8>)> = body.chunks(65_000).map(|c| (0xE1, [b"Exif\0\0", c].concat())).collect();
    assert_eq!(parts.len(), 2);
    let f = facts_of("a.jpg", jpeg(&parts), &[]);
    assert_eq!(f.taken.unwrap().local, "2023-07-01T10:20:30");
}

#[test]
fn a_sidecar_wins_over_the_file() {
    let bytes = jpeg(&[xmp_segment("<xmp:Rating>2</xmp:Rating><dc:title>inside</dc:title>")]);
    let beside =
        xmp("<xmp:Rating>5</xmp:Rating><dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>");
    let f = facts_of("a.jpg", bytes, &[("a.jpg.xmp", &beside), ("broken.json", "{")]);
    assert_eq!((f.rating, f.title.as_deref()), (Some(5), Some("inside")));
    assert_eq!(f.tags, ["sea"]);
    assert_eq!(f.sources["rating"], "sidecar:a.jpg.xmp");
}

#[test]
fn takeout_gives_what_the_file_lacks() {
    let json = r#"{"title":"a.jpg","description":"A day","photoTakenTime":{"timestamp":"1688199630"},
        "geoData":{"latitude":48.8583,"longitude":2.2919,"altitude":0.0},"people":[{"name":"Ann"}]}"#;
    let f = facts_of("a.jpg", jpeg(&[]), &[("a.jpg.json", json)]);
    assert_eq!(f.description.as_deref(), Some("A day"));
    assert_eq!(f.tags, ["People/Ann"]);
    assert_eq!(f.gps.unwrap().lat, 48.8583);
    let t = f.taken.unwrap();
    assert_eq!((t.source.as_str(), t.utc.as_deref()), ("takeout:a.jpg.json", Some("2023-07-01T08:20:30Z")));
}

#[test]
fn the_360_rule() {
    let tags = |viewer: &str, cropped: u32| {
        xmp_segment(&format!(
            "<GPano:ProjectionType>equirectangular</GPano:ProjectionType>{viewer}
             <GPano:FullPanoWidthPixels>40</GPano:FullPanoWidthPixels><GPano:FullPanoHeightPixels>20</GPano:FullPanoHeightPixels>
             <GPano:CroppedAreaImageWidthPixels>{cropped}</GPano:CroppedAreaImageWidthPixels>
             <GPano:CroppedAreaImageHeightPixels>20</GPano:CroppedAreaImageHeightPixels>"
        ))
    };
    let is = |viewer, cropped| facts_of("a.jpg", jpeg(&[tags(viewer, cropped)]), &[]).pano.unwrap().is_360;
    assert!(is("", 40));
    assert!(!is("", 30));
    assert!(!is("<GPano:UsePanoramaViewer>False</GPano:UsePanoramaViewer>", 40));
}

#[test]
fn motion_photos_by_tags_by_trailer_and_by_looking() {
    let video = movie();
    let check = |bytes: Vec<u8>, kind: &str| {
        let m = facts_of("a.jpg", bytes.clone(), &[]).motion.expect("a motion photo");
        let at = m.video_offset.unwrap() as usize;
        assert_eq!((m.kind.as_str(), &bytes[at..at + m.video_length.unwrap() as usize]), (kind, &video[..]));
    };
    let old = xmp_segment(&format!(
        "<GCamera:MicroVideo>1</GCamera:MicroVideo><GCamera:MicroVideoOffset>{}</GCamera:MicroVideoOffset>",
        video.len()
    ));
    check([jpeg(&[old]), video.clone()].concat(), "google");
    let new = xmp_segment(&format!(
        r#"<GCamera:MotionPhoto>1</GCamera:MotionPhoto><Container:Directory><rdf:Seq>
        <rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary"/></rdf:li>
        <rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="{}"/></rdf:li>
        </rdf:Seq></Container:Directory>"#,
        video.len()
    ));
    check([jpeg(&[new]), video.clone()].concat(), "google");
    check([jpeg(&[]), video.clone()].concat(), "google");
    // Samsung: the entry with its name before the video, then the directory.
    let name = b"MotionPhoto_Data";
    let entry = [&[0, 0, 0x30, 0x0A][..], &(name.len() as u32).to_le_bytes(), name, &video].concat();
    let mut directory = b"SEFH\x6b\0\0\0\x01\0\0\0\0\0\x30\x0A".to_vec();
    directory.extend((entry.len() as u32).to_le_bytes());
    directory.extend((entry.len() as u32).to_le_bytes());
    let tail = [&(directory.len() as u32).to_le_bytes()[..], b"SEFT"].concat();
    check([jpeg(&[]), entry, directory, tail].concat(), "samsung");
}

#[test]
fn tags_without_a_video_are_no_motion_photo() {
    let tagged = xmp_segment(
        "<GCamera:MotionPhoto>1</GCamera:MotionPhoto><GCamera:MicroVideoOffset>40</GCamera:MicroVideoOffset>",
    );
    assert_eq!(facts_of("a.jpg", jpeg(&[tagged]), &[]).motion, None);
    assert_eq!(
        facts_of("a.jpg", [jpeg(&[]), b"xxxxftypmp42 and nothing behind it".to_vec()].concat(), &[]).motion,
        None
    );
}

#[test]
fn iptc_in_a_png_stands_among_photoshops_resources_or_alone() {
    let block = b"\x1c\x02\x19\0\x03sea\x1c\x02\x05\0\x05Title";
    let resource = [b"8BIM\x04\x04\0\0\0\0\0", &[block.len() as u8][..], block].concat();
    for (key, bytes) in [
        ("Raw profile type iptc", &resource[..]),
        ("Raw profile type 8bim", &resource),
        ("Raw profile type iptc", block),
    ] {
        let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let f = facts_of("a.png", png(key, &format!("\niptc\n  {}\n{digits}\n", bytes.len())), &[]);
        assert_eq!((f.title.as_deref(), &f.tags[..]), (Some("Title"), &["sea".to_owned()][..]), "{key}");
    }
}

#[test]
fn what_a_camera_writes_by_itself_is_no_better_description_than_a_persons() {
    let by_itself = (0xE1, exif(&[(0x10E, b"OLYMPUS DIGITAL CAMERA         \0")]));
    let f = facts_of(
        "a.jpg",
        jpeg(&[by_itself.clone(), xmp_segment("<dc:description>A day</dc:description>")]),
        &[],
    );
    assert_eq!(f.description.as_deref(), Some("A day"));
    let f = facts_of("a.jpg", jpeg(&[by_itself]), &[]);
    assert_eq!(f.description.as_deref(), Some("OLYMPUS DIGITAL CAMERA"));
    let person = (0xE1, exif(&[(0x10E, b"My camera\0")]));
    let f = facts_of("a.jpg", jpeg(&[person, xmp_segment("<dc:description>A day</dc:description>")]), &[]);
    assert_eq!(f.description.as_deref(), Some("My camera"), "EXIF comes first");
}

/// A little-endian TIFF of Nikon's with a thumbnail in a sub-directory; `kind` is the first page's.
fn nikon_tiff(kind: u32) -> Vec<u8> {
    let make = b"NIKON CORPORATION\0";
    let mut out = b"II\x2a\0\x08\0\0\0\x05\0".to_vec();
    let after = 10 + 5 * 12 + 4;
    let sub = after + make.len() as u32;
    for (tag, format, count, value) in [
        (0xFEu16, 4u16, 1, kind),
        (0x100, 4, 1, 200),
        (0x101, 4, 1, 130),
        (0x10F, 2, make.len() as u32, after),
        (0x14A, 4, 1, sub),
    ] {
        out.extend(tag.to_le_bytes());
        out.extend(format.to_le_bytes());
        out.extend(u32::to_le_bytes(count));
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out.extend(make);
    out.extend(b"\x01\0\0\x01\x04\0\x01\0\0\0\x10\0\0\0\0\0\0\0");
    out
}

#[test]
fn a_finished_tiff_of_a_nikon_is_no_raw() {
    assert_eq!(facts_of("a.tif", nikon_tiff(0), &[]).format, Some(Format::Tiff));
    assert_eq!(facts_of("a.nef", nikon_tiff(1), &[]).format, Some(Format::Nef));
}

/// One record of a CRW's heap: its tag and its bytes.
fn crw(records: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"II\x1a\0\0\0HEAPCCDR".to_vec();
    out.resize(26, 0);
    let (start, mut directory) = (out.len(), (records.len() as u16).to_le_bytes().to_vec());
    for (tag, body) in records {
        directory.extend(tag.to_le_bytes());
        directory.extend((body.len() as u32).to_le_bytes());
        directory.extend(((out.len() - start) as u32).to_le_bytes());
        out.extend(body);
    }
    let at = (out.len() - start) as u32;
    out.extend(directory);
    out.extend(at.to_le_bytes());
    out[2..6].copy_from_slice(&(start as u32).to_le_bytes());
    out
}

#[test]
fn focal_lengths_of_a_crw_count_in_the_units_that_it_says() {
    let words = |words: &[u16]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let mut settings = vec![0; 30];
    settings[23..26].copy_from_slice(&[682, 227, 32]);
    let focal = (0x1029, words(&[2, 227, 286, 215]));
    let f = facts_of("a.crw", crw(&[focal.clone(), (0x102D, words(&settings))]), &[]);
    assert_eq!((f.camera.focal_mm, f.camera.lens.as_deref()), (Some(7.094), Some("7.09-21.31mm")));
    assert_eq!(facts_of("a.crw", crw(&[focal]), &[]).camera.focal_mm, None, "without a unit it says nothing");
}

#[test]
fn a_movies_packed_header_is_read_and_one_that_lies_is_not_believed() {
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    // A movie of this length in seconds with a track of three: 320 x 180 pixels.
    let moov = |seconds: u32| {
        let mut mvhd = vec![0; 100];
        mvhd[12..20].copy_from_slice(&[1u32.to_be_bytes(), seconds.to_be_bytes()].concat());
        let mut mdhd = vec![0; 24];
        mdhd[12..20].copy_from_slice(&[1u32.to_be_bytes(), 3u32.to_be_bytes()].concat());
        let hdlr = [&[0; 8][..], b"vide", &[0; 13]].concat();
        let mut entry = vec![0; 78];
        entry[24..28].copy_from_slice(&[1, 64, 0, 180]);
        let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(b"SVQ1", &entry)].concat();
        let minf = boxed(b"minf", &boxed(b"stbl", &boxed(b"stsd", &stsd)));
        let mdia = [boxed(b"mdhd", &mdhd), boxed(b"hdlr", &hdlr), minf].concat();
        let trak = [boxed(b"tkhd", &[0; 84]), boxed(b"mdia", &mdia)].concat();
        boxed(b"moov", &[boxed(b"mvhd", &mvhd), boxed(b"trak", &trak)].concat())
    };
    let packed = {
        let plain = moov(4);
        let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&plain, 6);
        let cmvd = boxed(b"cmvd", &[&(plain.len() as u32).to_be_bytes()[..], &zlib].concat());
        boxed(b"moov", &boxed(b"cmov", &[boxed(b"dcom", b"zlib"), cmvd].concat()))
    };
    for (header, seconds) in [(moov(4), 4.0), (packed, 4.0), (moov(4_000_000_000), 3.0)] {
        let f = facts_of("a.mov", [boxed(b"ftyp", b"qt  \0\0\0\0"), header].concat(), &[]);
        assert_eq!((f.width, f.height, f.duration_s), (Some(320), Some(180), Some(seconds)));
    }
}

#[test]
fn what_is_no_picture_is_refused_in_words() {
    let refuse = |bytes: &[u8]| {
        let request = DevelopRequest {
            name: b"a.jpg".to_vec(),
            folder: vec![],
            mtime_ns: 0,
            sidecars: vec![],
            render: None,
        };
        let inputs = Inputs { primary: Source::from_bytes(bytes.to_vec()), sidecars: vec![] };
        inspect::inspect(&request, &inputs).unwrap_err().to_string()
    };
    assert_eq!(refuse(b""), "damaged: the file is empty");
    assert_eq!(
        refuse(b"<html><body>Not found</body></html>"),
        "damaged: the content is text, not a picture or video"
    );
    assert_eq!(refuse(b"%PDF-1.4 \xff"), "not supported: a PDF document, which Albumen does not read");
}

#[test]
fn a_name_of_another_format_is_said() {
    assert!(facts_of("a.png", jpeg(&[]), &[]).extension_mismatch);
    assert!(!facts_of("a.JPEG", jpeg(&[]), &[]).extension_mismatch);
}

#[test]
fn the_corpus_agrees() {
    let Some(corpus) = corpus("the_corpus_agrees") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = manifest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for r in &rows {
        corpus_file(&corpus, r["file"].as_str().unwrap());
    }
    let mut compared = table::compare(&corpus, &rows);
    compared.retain(|r| !r.key.contains('.'));
    let share = |key: Option<&str>| {
        let of: Vec<_> = compared.iter().filter(|r| key.is_none_or(|k| r.key == k)).collect();
        assert!(!of.is_empty(), "{key:?}");
        of.iter().filter(|r| r.outcome == Outcome::Agrees).count() as f64 / of.len() as f64
    };
    assert!(share(None) >= 0.99, "facts: {}", share(None));
    for key in ["projection", "motion_photo", "live_photo_pair"] {
        assert_eq!(share(Some(key)), 1.0, "{key}");
    }
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/facts.md")).unwrap();
    for r in compared.iter().filter(|r| r.outcome != Outcome::Agrees) {
        let name = r.file.rsplit('/').next().unwrap();
        assert!(page.contains(name), "{name} ({}) differs and stands not in docs/facts.md", r.key);
    }
}

#[test]
fn embedded_videos_of_the_corpus_are_where_the_manifest_says() {
    let Some(corpus) = corpus("embedded_videos_of_the_corpus_are_where_the_manifest_says") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut seen = 0;
    for r in manifest.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()) {
        let Some(offset) = r["motion_found"]["offset"].as_u64() else { continue };
        let f = table::inspect_file(&corpus_file(&corpus, r["file"].as_str().unwrap())).unwrap();
        let m = f.motion.expect("a motion photo");
        assert_eq!((m.video_offset, m.video_length), (Some(offset), r["motion_found"]["bytes"].as_u64()));
        seen += 1;
    }
    assert!(seen >= 2);
}

/// For any file of the corpus, inspect returns, with plausible facts.
#[test]
fn every_file_of_the_corpus_comes_back() {
    let Some(corpus) = corpus("every_file_of_the_corpus_comes_back") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    for r in manifest.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()) {
        let Ok(f) = table::inspect_file(&corpus_file(&corpus, r["file"].as_str().unwrap())) else { continue };
        assert_eq!(f.width.is_some(), f.height.is_some());
        assert_eq!(f.display_width.is_some(), f.width.is_some());
        assert!(f.gps.is_none_or(|g| g.lat.abs() <= 90.0 && g.lon.abs() <= 180.0));
        assert!(f.orientation.is_none_or(|o| (1..=8).contains(&o)));
        assert!(f.rating.is_none_or(|r| (-1..=5).contains(&r)));
        assert!(f.regions.iter().flat_map(|r| r.area).all(|v| (0.0..=1.0).contains(&v)));
        assert!(f.tags.is_sorted());
    }
}

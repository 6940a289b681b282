//! Small files that would exhaust memory if their structure were stored as declared: each is inspected by a
//! real worker, which counts its allocations and may use no more than its fixed allowance without a request.

use crate::support::{ROOT, worker_program};
use albumen_core::cancel::CancelToken;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, DevelopRequest, Developed, Inputs, RenderSettings};
use albumen_isolation::{WorkerHandle, WorkerSettings};
use std::cell::Cell;
use std::fs::File;
use std::path::Path;

/// Refuses all requests above [`ROOM`], and records that there was one.
struct Nothing(Cell<Option<u64>>);

/// Memory for the picture beside the sidecar, 64 x 64 pixels, and for nothing else.
const ROOM: u64 = 2 << 20;

impl Admission for Nothing {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        if bytes <= ROOM {
            return Ok(());
        }
        self.0.set(Some(bytes));
        Err(Fault::TooLarge { needed: bytes })
    }
    fn ceiling(&self) -> u64 {
        64 << 20
    }
}

/// Has a file developed by a worker, with sidecars by their names; fails if it needed more than its
/// allowance.
fn develop(
    worker: &mut WorkerHandle,
    what: &str,
    name: &str,
    file: &[u8],
    sidecars: &[(&str, Vec<u8>)],
    render: bool,
) -> Result<Developed, Fault> {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Source::from_file(File::open(path).unwrap()).unwrap()
    };
    let inputs = Inputs {
        primary: put(name, file),
        sidecars: sidecars.iter().map(|(name, bytes)| put(name, bytes)).collect(),
    };
    let request = DevelopRequest {
        name: name.into(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: sidecars.iter().map(|(name, _)| name.as_bytes().to_vec()).collect(),
        render: render.then(RenderSettings::default),
    };
    let asked = Nothing(Cell::new(None));
    let answer = worker.develop(&request, &inputs, &asked, &CancelToken::new());
    match asked.0.get() {
        None => answer,
        Some(_) => Err(Fault::unreadable(format_args!("{what}: more than the allowance"))),
    }
}

fn worker() -> WorkerHandle {
    WorkerHandle::new(WorkerSettings { program: Some(worker_program()), ..WorkerSettings::default() })
}

fn plain_jpeg() -> Vec<u8> {
    std::fs::read(Path::new(ROOT).join("crates/media/src/decode/warm/plain.jpg")).unwrap()
}

const RDF: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">"#;

/// Descriptions that each name the next one several times.
fn names_of_names(levels: usize, each: usize, circle: bool) -> Vec<u8> {
    let mut packet =
        format!(r#"{RDF}<rdf:Description xmp:Rating="4"><dc:title rdf:nodeID="n0"/></rdf:Description>"#);
    for level in 0..levels {
        let next = if circle { (level + 1) % levels } else { level + 1 };
        let one = format!(r#"<dc:a rdf:nodeID="n{next}"/>"#);
        packet +=
            &format!(r#"<rdf:Description rdf:nodeID="n{level}">{}</rdf:Description>"#, one.repeat(each));
    }
    (packet + "</rdf:RDF></x:xmpmeta>").into_bytes()
}

/// A packet of one repeated part, with a rating before it.
fn repeated(part: &str, bytes: usize) -> Vec<u8> {
    let body = part.repeat(bytes / part.len());
    format!(r#"{RDF}<rdf:Description xmp:Rating="4">{body}</rdf:Description></rdf:RDF></x:xmpmeta>"#)
        .into_bytes()
}

fn utf16(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
}

/// Packets of XMP, each with the rating 4 in it, or with none if it exceeds the size limit.
fn packets() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (levels, each) in [(10, 10), (8, 100), (3, 2000), (40, 2), (1, 20_000)] {
        for circle in [false, true] {
            all.push((
                format!("{levels} x {each} names, circle: {circle}"),
                names_of_names(levels, each, circle),
            ));
        }
    }
    for part in [
        "<dc:a/>",
        "<dc:subject><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></dc:subject>",
        r#"<dc:a dc:b="" dc:c="" dc:d=""/>"#,
        "<dc:a>&amp;&#65;</dc:a>",
        r#"<dc:a xmlns:p="q" p:r="s"/>"#,
        "<dc:a>",
    ] {
        all.push((part.to_owned(), repeated(part, 7 << 20)));
        all.push((format!("{part} in UTF-16"), utf16(&repeated(part, 3 << 20))));
    }
    let long = repeated(&format!("<dc:a>{}</dc:a>", "x".repeat(60_000)), 7 << 20);
    all.push(("long texts".into(), long));
    let bag = repeated("<rdf:li>tag</rdf:li>", 6 << 20);
    all.push(("a long bag".into(), bag));
    all
}

#[test]
fn no_sidecar_costs_the_photo_anything() {
    let mut worker = worker();
    let mut wrong = Vec::new();
    for (what, packet) in packets() {
        let developed = develop(&mut worker, &what, "a.jpg", &plain_jpeg(), &[("a.jpg.xmp", packet)], true);
        // The data before it counts.
        let is_right = developed
            .as_ref()
            .is_ok_and(|d| d.facts.rating == Some(4) && d.pictures.as_ref().is_some_and(Result::is_ok));
        if !is_right {
            wrong.push((what, developed.map(|d| (d.facts.rating, d.pictures.map(|p| p.err())))));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let json = |part: &str, bytes: usize| {
        format!(r#"{{"title":"a","x":[{}0]}}"#, part.repeat(bytes / part.len())).into_bytes()
    };
    for (part, bytes) in [
        ("[],", 1000 << 10),
        ("{},", 1000 << 10),
        ("0,", 1000 << 10),
        (r#"{"a":{}},"#, 8 << 20),
        ("[", 100 << 10),
        ("\"x\",", 15 << 20),
    ] {
        let sidecar = [("a.jpg.json", json(part, bytes))];
        let developed = develop(&mut worker, part, "a.jpg", &plain_jpeg(), &sidecar, true).unwrap();
        assert!(developed.pictures.unwrap().is_ok(), "{part}");
    }
    // All that one photo may have, at once.
    let names: Vec<String> = (0..16).map(|i| format!("a.{i}.xmp")).collect();
    let many: Vec<(&str, Vec<u8>)> =
        names.iter().map(|n| (n.as_str(), repeated("<dc:a/>", 7 << 20))).collect();
    let developed = develop(&mut worker, "sixteen", "a.jpg", &plain_jpeg(), &many, true).unwrap();
    assert!(developed.pictures.unwrap().is_ok());
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn full(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[0; 4], body].concat())
}

fn heif(tables: &[Vec<u8>]) -> Vec<u8> {
    let infos: Vec<u8> = (1..=16_000u16)
        .flat_map(|id| boxed(b"infe", &[&[2, 0, 0, 0][..], &id.to_be_bytes(), b"\0\0Exif\0"].concat()))
        .collect();
    let iinf = full(b"iinf", &[&16_000u16.to_be_bytes()[..], &infos].concat());
    let meta = [&[vec![0; 4], full(b"pitm", &[0, 1]), iinf][..], tables].concat().concat();
    [boxed(b"ftyp", b"heic\0\0\0\0heicmif1"), boxed(b"meta", &meta)].concat()
}

/// Item tables whose entries need no bytes, or few.
fn heifs() -> Vec<(String, Vec<u8>)> {
    let ids = || (1..=16_000u16).map(u16::to_be_bytes);
    let no_bytes: Vec<u8> = ids().flat_map(|id| [&id[..], &[0, 0, 0xFF, 0xFF]].concat()).collect();
    let iloc = full(b"iloc", &[&[0, 0][..], &16_000u16.to_be_bytes(), &no_bytes].concat());
    // Each item of metadata is the whole file.
    let whole: Vec<u8> =
        ids().flat_map(|id| [&id[..], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]].concat()).collect();
    let whole = full(b"iloc", &[&[0x44, 0][..], &16_000u16.to_be_bytes(), &whole].concat());
    let list: Vec<u8> = ids().flat_map(|id| [&id[..], &[255], &[1; 255]].concat()).collect();
    let ipma = full(b"ipma", &[&16_000u32.to_be_bytes()[..], &list].concat());
    let iprp =
        boxed(b"iprp", &[boxed(b"ipco", &boxed(b"ispe", &[0; 12]).repeat(9000)), ipma.repeat(3)].concat());
    let one = boxed(b"dimg", &[&[0, 1, 0xFF, 0xFF][..], &[0; 131_070]].concat());
    let iref = full(b"iref", &one.repeat(100));
    let small = full(b"iref", &boxed(b"cdsc", &[0, 1, 0, 1, 0, 1]).repeat(10_000));
    [
        ("no bytes", iloc),
        ("the whole file", whole),
        ("lists", iprp),
        ("references", iref),
        ("descriptions", small),
    ]
    .map(|(what, table)| (format!("HEIF: {what}"), heif(&[table])))
    .to_vec()
}

/// A TIFF of overlapping directories, each of entries that have the previous one as a sub-directory.
fn tiff(entries: u16, kind: u16, tag: u16, count: u32) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    for i in 0..40u32 {
        // Two bytes on, an entry is another one.
        let at = file.len() as u32;
        file.extend(entries.to_le_bytes());
        for _ in 0..if i == 0 { u32::from(entries) } else { 20 } {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(8u32.to_le_bytes());
        }
        file.extend((at + 2).to_le_bytes());
    }
    file.extend(b"a;".repeat(4 << 20));
    file
}

fn png(kind: &[u8; 4], key: &str, text: &[u8], count: usize) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(text, 6);
    let between: &[u8] = if kind == b"iTXt" { b"\0\x01\0\0\0" } else { b"\0\0" };
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\0\0\0\0\0\0\0\0".to_vec();
    for i in 0..count {
        let body = [key.replace('#', &i.to_string()).as_bytes(), between, &packed].concat();
        file.extend((body.len() as u32).to_be_bytes());
        file.extend([&kind[..], &body, &[0; 4]].concat());
    }
    file
}

fn jpeg(marker: u8, head: &[u8], body: &[u8], count: usize) -> Vec<u8> {
    let body = &body[..body.len().min(65_533 - head.len())];
    let segment =
        [&[0xFF, marker][..], &((head.len() + body.len() + 2) as u16).to_be_bytes(), head, body].concat();
    let plain = plain_jpeg();
    [&plain[..2], &segment.repeat(count), &plain[2..]].concat()
}

/// An element of Matroska, with a length of eight bytes.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    [id, &[1][..], &(body.len() as u64).to_be_bytes()[1..], body].concat()
}

fn matroska() -> Vec<u8> {
    let words = "a,".repeat(2048);
    let simple = [element(b"\x45\xA3", b"KEYWORDS"), element(b"\x44\x87", words.as_bytes())].concat();
    let tags =
        element(b"\x12\x54\xC3\x67", &element(b"\x73\x73", &element(b"\x67\xC8", &simple).repeat(4000)));
    [element(b"\x1A\x45\xDF\xA3", b"\x42\x82\x84webm"), element(b"\x18\x53\x80\x67", &tags)].concat()
}

fn avi() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], body: &[u8]| [kind, &(body.len() as u32).to_le_bytes()[..], body].concat();
    let words = chunk(b"IKEY", "a;".repeat(32_000).as_bytes()).repeat(200);
    chunk(b"RIFF", &[b"AVI ".to_vec(), chunk(b"LIST", &[b"INFO".to_vec(), words].concat())].concat())
}

fn movie() -> Vec<u8> {
    let key = boxed(b"mdta", b"com.apple.quicktime.keywords");
    let keys = full(b"keys", &[&[0, 0, 0, 1][..], &key].concat());
    let data = boxed(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0][..], "a,".repeat(100_000).as_bytes()].concat());
    let ilst = boxed(b"ilst", &boxed(&[0, 0, 0, 1], &data).repeat(100));
    let hdlr = boxed(b"hdlr", &[0; 24]);
    let meta = boxed(b"meta", &[hdlr, keys, ilst].concat());
    [boxed(b"ftyp", b"qt  \0\0\0\0qt  "), boxed(b"moov", &meta)].concat()
}

#[test]
fn no_file_s_metadata_needs_more_than_the_allowance() {
    let mut files = heifs();
    for (entries, kind, tag, count) in [
        (4096, 1, 0x14A, 4),
        (4096, 4, 0x14A, 16),
        (4000, 7, 0x9C9E, 8 << 20),
        (300, 2, 0x10E, 8 << 20),
        (300, 7, 0x2BC, 8 << 20),
        (300, 7, 0x83BB, 8 << 20),
    ] {
        files.push((format!("TIFF: {entries} of {tag:#x}"), tiff(entries, kind, tag, count)));
    }
    let text = "some words ".repeat(1 << 20);
    files.push(("PNG: texts".into(), png(b"zTXt", "Key#", text.as_bytes(), 900)));
    files.push(("PNG: texts in UTF-8".into(), png(b"iTXt", "Key#", text.as_bytes(), 900)));
    files
        .push(("PNG: packets".into(), png(b"iTXt", "XML:com.adobe.xmp", &repeated("<dc:a/>", 4 << 20), 100)));
    files.push(("PNG: broken packets".into(), png(b"iTXt", "XML:com.adobe.xmp", &[b'<'; 4 << 20], 100)));
    let profile = format!("\nexif\n9\n{}", "4d4d".repeat(1 << 20));
    files.push(("PNG: profiles".into(), png(b"zTXt", "Raw profile type exif", profile.as_bytes(), 100)));
    let iptc = [&b"8BIM\x04\x04\0\0\0\0\xff\0"[..], &b"\x1c\x02\x19\0\x01a".repeat(10_800)].concat();
    files.push(("JPEG: Photoshop".into(), jpeg(0xED, b"Photoshop 3.0\0", &iptc, 300)));
    files.push(("JPEG: EXIF".into(), jpeg(0xE1, b"Exif\0\0", &tiff(4096, 1, 0x14A, 4), 300)));
    files.push((
        "JPEG: XMP".into(),
        jpeg(0xE1, b"http://ns.adobe.com/xap/1.0/\0", &names_of_names(10, 100, false), 300),
    ));
    files.push(("Matroska".into(), matroska()));
    files.push(("AVI".into(), avi()));
    files.push(("movie".into(), movie()));
    let mut worker = worker();
    let mut wrong = Vec::new();
    for (what, file) in files {
        match develop(&mut worker, &what, "a.bin", &file, &[], false) {
            Ok(_) | Err(Fault::Corrupt { .. } | Fault::Unsupported { .. }) => {}
            Err(other) => wrong.push((what, other)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

use super::*;
use crate::testing::png::{chunk, png};
use crate::testing::riff;
use crate::testing::tiff::{Value, simple};
use crate::testing::{self, titles, xmp};
use albumen_core::vocabulary::Format;
use miniz_oxide::deflate::compress_to_vec_zlib;

fn block(description: &'static [u8]) -> Vec<u8> {
    simple(vec![(0x10E, Value::Ascii(description))])
}

fn plain_text(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"tEXt", &[key.as_bytes(), &[0], value].concat())
}

fn packed_text(key: &str, value: &[u8]) -> Vec<u8> {
    chunk(b"zTXt", &[key.as_bytes(), &[0, 0], &compress_to_vec_zlib(value, 6)].concat())
}

/// International text: language and translated keyword, then the value, packed or not.
fn wide_text(key: &str, packed: bool, value: &[u8]) -> Vec<u8> {
    let value = if packed { compress_to_vec_zlib(value, 6) } else { value.to_vec() };
    chunk(b"iTXt", &[key.as_bytes(), &[0, packed.into(), 0], b"en\0Word\0", &value].concat())
}

/// A profile as hexadecimal digits.
fn profile(kind: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    (format!("Raw profile type {kind}"), format!("\n{kind}\n{:8}\n{digits}\n", bytes.len()).into_bytes())
}

fn sample_png() -> Vec<u8> {
    png(
        (640, 480),
        &[
            chunk(b"cICP", &[9, 16, 0, 1]),
            chunk(b"eXIf", &block(b"Words\0")),
            chunk(b"tIME", &[0x07, 0xE7, 7, 1, 10, 20, 30]),
            plain_text("Author", b"Ren\xe9"),
            packed_text("Comment", b"packed"),
            wide_text("Title", false, "\u{445}".as_bytes()),
            wide_text("Source", true, "\u{e9}".as_bytes()),
            wide_text("XML:com.adobe.xmp", true, &xmp("Packet")),
        ],
    )
}

#[test]
fn every_chunk_of_a_png() {
    let found = testing::read(&sample_png(), Format::Png);
    assert_eq!((found.coded, found.transfer), (Some((640, 480)), Some(16)));
    assert_eq!(found.exif.as_ref().unwrap().description.as_deref(), Some("Words"));
    assert_eq!(titles(&found), ["Packet"]);
    let expected = [
        ("png:tIME", "2023:07:01 10:20:30"),
        ("png:Author", "Ren\u{e9}"),
        ("png:Comment", "packed"),
        ("png:Title", "\u{445}"),
        ("png:Source", "\u{e9}"),
    ];
    assert_eq!(found.text, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn profiles_as_text() {
    let read = |(key, value): (String, Vec<u8>)| {
        testing::read(&png((1, 1), &[packed_text(&key, &value)]), Format::Png)
    };
    let description = |found: Findings| found.exif.unwrap().description.unwrap();
    assert_eq!(description(read(profile("exif", &block(b"Words\0")))), "Words");
    assert_eq!(description(read(profile("APP1", &[b"Exif\0\0", &block(b"Words\0")[..]].concat()))), "Words");
    let app1 = [b"http://ns.adobe.com/xap/1.0/\0", &xmp("Packet")[..]].concat();
    assert_eq!(titles(&read(profile("APP1", &app1))), ["Packet"]);
    assert_eq!(titles(&read(profile("xmp", &xmp("Packet")))), ["Packet"]);
    for bytes in [testing::iptc_resource("Caption"), testing::iptc("Caption")] {
        for kind in ["iptc", "8bim"] {
            assert_eq!(read(profile(kind, &bytes)).iptc.unwrap().description.as_deref(), Some("Caption"));
        }
    }
    // Without lines, without digits, and with an odd digit.
    for value in [&b""[..], b"exif", b"\nexif\n", b"\nexif\n 1\n4"] {
        let found = read(("Raw profile type exif".into(), value.to_vec()));
        assert_eq!(found.exif, None);
    }
}

/// Limits: 64 KiB of a text, 4 MiB of a packet, and the beginning of what is longer.
#[test]
fn compressed_text_is_inflated_within_a_limit() {
    let bomb = vec![b'a'; 10 << 20];
    let found = testing::read(&png((1, 1), &[packed_text("Comment", &bomb)]), Format::Png);
    assert_eq!(found.text[0].1.len(), 64 << 10);
    let long = [xmp("Packet"), vec![b' '; 10 << 20]].concat();
    let found = testing::read(&png((1, 1), &[wide_text("XML:com.adobe.xmp", true, &long)]), Format::Png);
    assert_eq!(titles(&found), ["Packet"]);
    // Truncated data.
    let whole = packed_text("Comment", &b"a comment ".repeat(100));
    let found = testing::read(&png((1, 1), &[chunk(b"zTXt", &whole[8..whole.len() - 10])]), Format::Png);
    assert!(found.text[0].1.starts_with("a comment"));
}

/// Limit: 256 MiB of inflated bytes of one file. Each chunk inflates to 4 MiB.
#[test]
fn compressed_chunks_use_up_the_limit_of_copied_bytes() {
    let bomb = wide_text("XML:com.adobe.xmp", true, &vec![0; 4 << 20]);
    let reader = Reader::from_bytes(png((1, 1), &[bomb.repeat(66), plain_text("Title", b"Behind")]));
    let found = crate::read(&reader, Format::Png);
    assert!(found.text.is_empty());
    assert_eq!(reader.view().head(1), b"", "nothing is read once the limit is reached");
}

/// Limits: 1,000 texts, 1 MiB of them, 100,000 chunks, 24 packets.
#[test]
fn chunks_beyond_the_limits_are_not_kept() {
    let texts =
        |text: Vec<u8>, n: usize| testing::read(&png((1, 1), &[text.repeat(n)]), Format::Png).text.len();
    assert_eq!(texts(plain_text("k", b"v"), 1001), 1000);
    assert_eq!(texts(plain_text("k", &[b'v'; 60_000]), 50), 17);
    let after = |n: usize| {
        testing::read(&png((1, 1), &[chunk(b"fAKE", &[]).repeat(n), plain_text("k", b"v")]), Format::Png)
            .text
            .len()
    };
    assert_eq!((after(99_998), after(99_999)), (1, 0));
    let packets = png((1, 1), &[wide_text("XML:com.adobe.xmp", false, &xmp("t")).repeat(30)]);
    assert_eq!(testing::read(&packets, Format::Png).xmp.len(), 24);
}

#[test]
fn keywords_without_an_end_and_chunks_beyond_the_file() {
    let long_key = plain_text(&"k".repeat(80), b"v");
    let texts = [
        chunk(b"tEXt", b"no end"),
        chunk(b"zTXt", b"k\0"),
        chunk(b"iTXt", b"k\0\x01"),
        long_key,
        chunk(b"tEXt", &[]),
    ];
    assert!(testing::read(&png((1, 1), &texts), Format::Png).text.is_empty());
    let endless = [&u32::MAX.to_be_bytes()[..], b"tEXtk\0v"].concat();
    let found = testing::read(&png((7, 5), &[endless]), Format::Png);
    assert_eq!(found.coded, Some((7, 5)));
}

// ----------------------------------------------------------------------------------------------- GIF

/// A GIF of 3 by 2 with a table of four colours, these blocks, a picture and the end.
fn gif(blocks: &[Vec<u8>]) -> Vec<u8> {
    let picture = [&[0x2C, 0, 0, 0, 0, 3, 0, 2, 0, 0x80][..], &[0; 6], &[2, 2, 0x44, 0x01, 0]].concat();
    [b"GIF89a\x03\0\x02\0\x81\0\0".to_vec(), vec![0; 12], blocks.concat(), picture, vec![0x3B]].concat()
}

/// A block with a label and sub-blocks.
fn extension(label: u8, bytes: &[u8]) -> Vec<u8> {
    let blocks: Vec<u8> = bytes.chunks(255).flat_map(|c| [&[c.len() as u8][..], c].concat()).collect();
    [&[0x21, label][..], &blocks, &[0]].concat()
}

/// The packet, then the trailer through which readers of sub-blocks find the end.
fn gif_xmp(packet: &[u8]) -> Vec<u8> {
    let trailer: Vec<u8> = [1].into_iter().chain((0..=255).rev()).chain([0]).collect();
    [&[0x21, 0xFF, 11][..], b"XMP DataXMP", packet, &trailer].concat()
}

fn sample_gif() -> Vec<u8> {
    let comment = [b"a long comment ".repeat(30), b"\0".to_vec()].concat();
    gif(&[
        extension(0xF9, &[0; 4]),
        extension(0xFF, b"NETSCAPE2.0"),
        gif_xmp(&xmp("Packet")),
        extension(0xFE, &comment),
    ])
}

#[test]
fn the_blocks_of_a_gif() {
    let found = testing::read(&sample_gif(), Format::Gif);
    assert_eq!(found.coded, Some((3, 2)));
    assert_eq!(titles(&found), ["Packet"]);
    let [(key, value)] = &found.text[..] else { panic!("{:?}", found.text) };
    assert_eq!((key.as_str(), value.len()), ("gif:comment", 449));
    // A comment behind the picture is found as well.
    let file = gif(&[]);
    let behind = [&file[..file.len() - 1], &extension(0xFE, b"Behind"), &[0x3B]].concat();
    assert_eq!(testing::read(&behind, Format::Gif).text[0].1, "Behind");
}

/// Limits: 64 KiB of a comment; 8 MiB of the file are searched; 100,000 blocks.
#[test]
fn comments_beyond_the_limits_are_cut() {
    let comment = |text: &[u8]| testing::read(&gif(&[extension(0xFE, text)]), Format::Gif).text[0].1.len();
    assert!((64 << 10..65 << 10).contains(&comment(&vec![b'a'; 100_000])));
    // Sub-blocks of 256 bytes.
    let blocks = |n: usize| [&[0x21, 0xF9][..], &[255; 256].repeat(n), &[0]].concat();
    let far = |n| testing::read(&gif(&[blocks(n), extension(0xFE, b"far")]), Format::Gif).text.len();
    assert_eq!((far(32_767), far(32_768)), (1, 0));
    let many = |n: usize| {
        testing::read(&gif(&[extension(0xF9, &[]).repeat(n), extension(0xFE, b"last")]), Format::Gif)
            .text
            .len()
    };
    assert_eq!((many(99_999), many(100_000)), (1, 0));
}

// ---------------------------------------------------------------------------------------------- WebP

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff::list(b"RIFF", b"WEBP", chunks)
}

fn sample_webp() -> Vec<u8> {
    webp(&[
        riff::chunk(b"VP8X", &[0, 0, 0, 0, 0x7F, 2, 0, 0xDF, 1, 0]),
        riff::chunk(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 0x10, 0, 0x10, 0]),
        riff::chunk(b"EXIF", &block(b"Words\0")),
        riff::chunk(b"XMP ", &xmp("Packet")),
    ])
}

#[test]
fn the_chunks_of_a_webp() {
    let found = testing::read(&sample_webp(), Format::Webp);
    assert_eq!(found.coded, Some((640, 480)), "that of the canvas");
    assert_eq!(titles(&found), ["Packet"]);
    assert_eq!(found.exif.unwrap().description.as_deref(), Some("Words"));
    let coded =
        |kind: &[u8; 4], body: &[u8]| testing::read(&webp(&[riff::chunk(kind, body)]), Format::Webp).coded;
    // The upper two bits of each side are a scale.
    assert_eq!(coded(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 0x80, 0xC2, 0xE0, 0x41]), Some((640, 480)));
    assert_eq!(coded(b"VP8 ", &[0, 0, 0, 0, 0, 0, 0x80, 2, 0xE0, 1]), None);
    let lossless = (639u32 | 479 << 14).to_le_bytes();
    assert_eq!(coded(b"VP8L", &[&[0x2F][..], &lossless].concat()), Some((640, 480)));
    assert_eq!(coded(b"VP8L", &[&[0x2E][..], &lossless].concat()), None);
    assert_eq!(coded(b"VP8X", &[0xFF; 10]), Some((1 << 24, 1 << 24)));
}

// ----------------------------------------------------------------------------------------------- BMP

#[test]
fn the_headers_of_a_bmp() {
    let longs = |values: [i32; 3]| values.map(i32::to_le_bytes).concat();
    let header = |values| [&longs(values)[..], &[1, 0, 24, 0], &[0; 24]].concat();
    let file = |dib: Vec<u8>| [b"BM".to_vec(), vec![0; 12], dib].concat();
    let coded = |bytes: &[u8]| testing::read(bytes, Format::Bmp).coded;
    assert_eq!(coded(&file(header([40, 640, -480]))), Some((640, 480)));
    assert_eq!(coded(&file(header([124, 640, i32::MIN]))), Some((640, 1 << 31)));
    assert_eq!(coded(&header([40, 640, 480])), Some((640, 480)));
    assert_eq!(coded(&file(vec![12, 0, 0, 0, 0x80, 2, 0xE0, 1])), Some((640, 480)));
    assert_eq!(coded(&file(vec![40, 0, 0, 0])), None);
    testing::withstands_extremes(&file(header([40, 640, -480])), Format::Bmp);
    testing::withstands_mutations(&file(header([40, 640, -480])), Format::Bmp);
}

#[test]
fn damage_never_gives_more_than_is_there() {
    for (file, format) in
        [(sample_png(), Format::Png), (sample_gif(), Format::Gif), (sample_webp(), Format::Webp)]
    {
        testing::withstands_extremes(&file, format);
        testing::withstands_mutations(&file, format);
    }
}

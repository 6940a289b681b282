use super::*;
use crate::testing::bmff::{boxed, ftyp};
use crate::testing::mpeg;
use crate::testing::tiff::{self, Value, directory, long, short, simple};

fn of(bytes: &[u8]) -> Option<Format> {
    sniff(&Reader::from_bytes(bytes.to_vec()))
}

#[test]
fn formats_by_their_first_bytes() {
    let dib = |length: u8| [&b"BM"[..], &[0; 12], &[length, 0, 0, 0], &[0; 40]].concat();
    let cases: Vec<(&[u8], Option<Format>)> = vec![
        (b"\xff\xd8\xff\xe1", Some(Format::Jpeg)),
        (b"\xff\xd8", None),
        (b"\x89PNG\r\n\x1a\n", Some(Format::Png)),
        (b"\x89PNG\n\x1a\n", None),
        (b"GIF87a", Some(Format::Gif)),
        (b"GIF89a", Some(Format::Gif)),
        (b"GIF88a", None),
        (b"RIFF\0\0\0\0WEBP", Some(Format::Webp)),
        (b"RIFF\0\0\0\0AVI ", Some(Format::Avi)),
        (b"RF64\0\0\0\0AVIX", Some(Format::Avi)),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\xff\x0a", Some(Format::Jxl)),
        (b"\0\0\0\x0cJXL \r\n\x87\n", Some(Format::Jxl)),
        (b"\xff\x4f\xff\x51", Some(Format::Jp2)),
        (b"\0\0\0\x0cjP  \r\n\x87\n", Some(Format::Jp2)),
        (b"8BPS\0\x01", Some(Format::Psd)),
        (b"8BPS\0\x02", Some(Format::Psd)),
        (b"8BPS\0\x03", None),
        (b"\0MRM", Some(Format::Mrw)),
        (b"FOVb", Some(Format::X3f)),
        (b"FLV\x01", Some(Format::Flv)),
        (b"FUJIFILMCCD-RAW 0201", Some(Format::Raf)),
        (b"II\x1a\0\0\0HEAPCCDR", Some(Format::Crw)),
        (b"IIRO\x08\0\0\0", Some(Format::Orf)),
        (b"MMOR\0\0\0\x08", Some(Format::Orf)),
        (b"IIU\0\x08\0\0\0", Some(Format::Rw2)),
        (b"II*\0\x10\0\0\0CR\x02\0", Some(Format::Cr2)),
        (b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", Some(Format::Tiff)),
        (b"II\x2b\x2b\x08\0\0\0", None),
        (b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska", Some(Format::Mkv)),
        (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18", Some(Format::Webm)),
        (b"\0\0\x01\xba", Some(Format::Mpeg)),
        (b"\0\0\x01\xb3", Some(Format::Mpeg)),
        (b"OggS\0\x02", None),
        (b"%PDF-1.4", None),
        (b"", None),
    ];
    for (bytes, format) in cases {
        assert_eq!(of(bytes), format, "{}", bytes.escape_ascii());
        // Truncated by one byte, it is the same or nothing.
        assert!(
            bytes.is_empty() || [None, format].contains(&of(&bytes[..bytes.len() - 1])),
            "{}",
            bytes.escape_ascii()
        );
    }
    for (length, format) in
        [(12, Some(Format::Bmp)), (40, Some(Format::Bmp)), (124, Some(Format::Bmp)), (13, None)]
    {
        assert_eq!(of(&dib(length)), format, "{length}");
    }
}

#[test]
fn brands_of_movies_and_pictures() {
    for (brand, format) in [
        (b"qt  ", Format::Mov),
        (b"isom", Format::Mp4),
        (b"3gp4", Format::ThreeGp),
        (b"mmp4", Format::ThreeGp),
        (b"crx ", Format::Cr3),
        (b"heic", Format::Heic),
        (b"avif", Format::Avif),
        (b"mif1", Format::Heif),
        (b"jp2 ", Format::Jp2),
        (b"jxl ", Format::Jxl),
    ] {
        assert_eq!(of(&ftyp(brand)), Some(format), "{}", brand.escape_ascii());
    }
    // A structural brand with a codec's brand behind it.
    assert_eq!(of(&boxed(b"ftyp", b"mif1\0\0\0\0mif1heic")), Some(Format::Heic));
    assert_eq!(of(&boxed(b"ftyp", b"mif1\0\0\0\0avif")), Some(Format::Avif));
    // Movies from before brands begin with one of these boxes.
    for kind in [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"] {
        assert_eq!(of(&boxed(kind, &[0; 8])), Some(Format::Mov));
        assert_eq!(of(&[&7u32.to_be_bytes()[..], kind, &[0; 8]].concat()), None);
    }
    assert_eq!(of(&boxed(b"junk", &[0; 8])), None);
    // Lengths of the list of brands: none, and beyond the end.
    for length in [0u32, 1, 8, 12, u32::MAX] {
        let bytes = [&length.to_be_bytes()[..], b"ftypqt  \0\0\0\0"].concat();
        let format = if length >= 12 { Some(Format::Mov) } else { None };
        assert_eq!(of(&bytes), format, "{length}");
    }
}

#[test]
fn raw_files_by_maker_and_contents() {
    let with = |make: &'static [u8], more: &[(u16, Value)]| {
        of(&simple([&[(0x10F, Value::Ascii(make))][..], more].concat()))
    };
    let (mosaic, thumbnail) = ((0x106, short(32803)), (0xFE, long(1)));
    let sub = || (0x14A, directory(vec![(0x100, long(10))]));
    for (make, packed, headed, format) in [
        (&b"NIKON CORPORATION\0"[..], 34713, true, Format::Nef),
        (b"SONY\0", 32767, false, Format::Arw),
        (b"PENTAX\0", 65535, false, Format::Pef),
        (b"RICOH\0", 65535, false, Format::Pef),
        (b"SAMSUNG\0", 32770, false, Format::Srw),
        (b"Hasselblad\0", 0, true, Format::ThreeFr),
        (b"Phase One\0", 0, true, Format::Iiq),
        (b"Kodak\0", 65000, true, Format::Dcr),
        (b"EASTMAN KODAK COMPANY\0", 65000, true, Format::Dcr),
        (b"SEIKO EPSON CORP.\0", 32769, true, Format::Erf),
    ] {
        let name = make.escape_ascii();
        assert_eq!(with(make, &[]), Some(Format::Tiff), "{name}: a finished picture");
        assert_eq!(with(make, std::slice::from_ref(&mosaic)), Some(format), "{name}");
        let inside = (0x14A, directory(vec![mosaic.clone()]));
        assert_eq!(with(make, &[inside]), Some(format), "{name}: in a sub-directory");
        if packed != 0 {
            assert_eq!(with(make, &[(0x103, short(packed))]), Some(format), "{name}: by its compression");
        }
        let truncated = with(make, &[thumbnail.clone(), sub()]);
        assert_eq!(truncated, Some(if headed { format } else { Format::Tiff }), "{name}: by its thumbnail");
    }
    assert_eq!(with(b"Other\0", std::slice::from_ref(&mosaic)), Some(Format::Tiff));
    assert_eq!(of(&simple(vec![(0xC612, Value::Byte(vec![1, 4, 0, 0]))])), Some(Format::Dng));
    // The model replaces a missing maker; Phase One has its own mark behind the header.
    assert_eq!(of(&simple(vec![(0x110, Value::Ascii(b"NIKON D1\0")), mosaic])), Some(Format::Nef));
    assert_eq!(of(&tiff::after(b"II*\0\x0c\0\0\0IIII", true, &vec![])), Some(Format::Iiq));
}

/// Limit: the directory and eight sub-directories.
#[test]
fn directories_that_refer_to_themselves() {
    for offsets in [vec![8; 100_000], vec![0, 1, u32::MAX]] {
        let nikon =
            simple(vec![(0x10F, Value::Ascii(b"NIKON\0")), (0x14A, Value::Long(offsets)), (0xFE, long(1))]);
        assert_eq!(of(&nikon), Some(Format::Nef));
    }
}

#[test]
fn bitmaps_without_a_file_header() {
    let dib = |width: i32, height: i32, planes: u16, bits: u16, packing: u32| {
        let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
        let depth = [planes.to_le_bytes(), bits.to_le_bytes()].concat();
        of(&[&[40, 0, 0, 0][..], &sides, &depth, &packing.to_le_bytes(), &[0; 20]].concat())
    };
    for (bits, packing) in [(1, 0), (24, 0), (8, 1), (4, 2), (16, 3), (32, 3)] {
        assert_eq!(dib(10, -10, 1, bits, packing), Some(Format::Bmp));
    }
    for (bits, packing) in [(24, 1), (8, 3), (0, 0), (2, 0)] {
        assert_eq!(dib(10, 10, 1, bits, packing), None);
    }
    assert_eq!(dib(0, 10, 1, 24, 0), None);
    assert_eq!(dib(10, i32::MIN, 1, 24, 0), None);
    assert_eq!(dib(1 << 17, 10, 1, 24, 0), None);
    assert_eq!(dib(10, 10, 2, 24, 0), None);
}

#[test]
fn bare_streams_have_valid_parameter_sets() {
    let h264 = [&[0, 0, 0, 1][..], &mpeg::h264_parameters(64, 32, (1, 1))].concat();
    let hevc = [&[0, 0, 1][..], &mpeg::hevc_parameters(64, 32)].concat();
    assert_eq!((of(&h264), of(&hevc)), (Some(Format::H264), Some(Format::H265)));
    assert_eq!((of(&h264[..8]), of(&hevc[..20])), (None, None));
    assert_eq!(of(b"\0\0\0\x01\x09\xf0\0\0\0\x01\x67"), None);
}

#[test]
fn what_is_no_picture_is_named() {
    let words = |bytes: &[u8]| crate::unknown(&Reader::from_bytes(bytes.to_vec())).to_string();
    for (bytes, part) in [
        (&b""[..], "empty"),
        (&[0; 100], "only zeros"),
        (b"%PDF-1.4", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"ID3\x03", "sound"),
        (b"Dear diary,\n", "text"),
        (b"\x01\x02\x03\xFF", "any picture or video"),
    ] {
        assert!(words(bytes).contains(part), "{part}: {}", words(bytes));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        start in proptest::sample::select(vec![
            &b""[..], b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0", b"\0\0\0\x18ftypmif1", b"\0\0\0\x01",
            b"\x1a\x45\xdf\xa3", b"OggS\0\x02", b"BM", b"\x28\0\0\0", b"G",
        ]),
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
    ) {
        let reader = Reader::from_bytes([start, &bytes].concat());
        let format = sniff(&reader);
        proptest::prop_assert_eq!(sniff(&reader), format);
        let _ = crate::unknown(&reader);
    }
}

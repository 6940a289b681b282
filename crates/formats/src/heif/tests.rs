use super::*;
use crate::testing::bmff::{self, boxed};
use proptest::prelude::*;

/// A box with this version and no flags.
pub(super) fn full(kind: &Code, version: u8, body: &[u8]) -> Vec<u8> {
    bmff::full(kind, version, 0, body)
}

pub(super) fn infe(id: u8, kind: &Code) -> Vec<u8> {
    full(b"infe", 2, &[&[0, id, 0, 0][..], kind, &[0]].concat())
}

pub(super) fn iinf(entries: &[Vec<u8>]) -> Vec<u8> {
    full(b"iinf", 0, &[&[0, entries.len() as u8][..], &entries.concat()].concat())
}

pub(super) fn pitm(id: u8) -> Vec<u8> {
    full(b"pitm", 0, &[0, id])
}

/// A `meta` box of these tables.
pub(super) fn meta(tables: &[Vec<u8>]) -> Vec<u8> {
    full(b"meta", 0, &tables.concat())
}

fn ftyp(major: &Code) -> Vec<u8> {
    boxed(b"ftyp", &[&major[..], &[0; 4], b"mif1"].concat())
}

fn clap(width: u32, height: u32) -> Vec<u8> {
    let numbers = [width, 1, height, 1, 0, 1, 0, 1];
    boxed(b"clap", &numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>())
}

/// A picture of 400 x 300 with a profile and these further properties, and its EXIF and XMP in `idat`.
fn picture(major: &Code, kind: &Code, properties: &[Vec<u8>]) -> Vec<u8> {
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x0F\0\x02\0\0\0\x03Me\0\0\0\0\0\0";
    let exif = [&[0, 0, 0, 0][..], tiff].concat();
    let xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
        <rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='3'/></rdf:RDF></x:xmpmeta>";
    let ispe = full(b"ispe", 0, &[400u32.to_be_bytes(), 300u32.to_be_bytes()].concat());
    let nclx = boxed(b"colr", b"nclx\0\x0C\0\x10\0\x01\x80");
    let own = [&[ispe, nclx][..], properties].concat();
    let listed: Vec<u8> = (1..=own.len() as u8).collect();
    let ipma = full(b"ipma", 0, &[&[0, 0, 0, 1, 0, 1, own.len() as u8][..], &listed].concat());
    let mime = full(b"infe", 2, b"\0\x03\0\0mime\0application/rdf+xml\0");
    let place = |id: u8, at: usize, length: usize| {
        [&[0, id, 0, 1, 0, 0, 0, 1][..], &(at as u32).to_be_bytes(), &(length as u32).to_be_bytes()].concat()
    };
    let places = [place(2, 0, exif.len()), place(3, exif.len(), xmp.len())].concat();
    let meta = meta(&[
        pitm(1),
        iinf(&[infe(1, kind), infe(2, b"Exif"), mime]),
        full(b"iloc", 1, &[&[0x44, 0, 0, 2][..], &places].concat()),
        full(b"iref", 0, &boxed(b"cdsc", &[0, 2, 0, 1, 0, 1])),
        boxed(b"iprp", &[boxed(b"ipco", &own.concat()), ipma].concat()),
        boxed(b"idat", &[&exif[..], xmp].concat()),
    ]);
    [ftyp(major), meta].concat()
}

fn found(file: &[u8]) -> Findings {
    read(&Reader::from_bytes(file.to_vec()))
}

#[test]
fn size_colour_and_metadata_of_the_primary_item_are_facts() {
    let found = found(&picture(b"heic", b"hvc1", &[]));
    assert_eq!((found.coded, found.display), (Some((400, 300)), Some((400, 300))));
    assert_eq!(found.transfer, Some(16));
    assert_eq!((found.exif.unwrap().make.as_deref(), found.xmp.len()), (Some("Me"), 1));
    assert!(matches!(found.container.heif, Some(Structure::Items(_))));
}

#[test]
fn transforms_apply_in_the_order_of_the_item() {
    let turn = boxed(b"irot", &[1]);
    let display = |properties: &[Vec<u8>]| found(&picture(b"heic", b"hvc1", properties)).display;
    assert_eq!(display(&[clap(200, 100), turn.clone()]), Some((100, 200)));
    assert_eq!(display(&[turn.clone(), clap(200, 100)]), Some((200, 100)));
    assert_eq!(display(&[turn.clone(), turn]), Some((400, 300)));
}

#[test]
fn the_codec_decides_the_format_of_a_structural_brand() {
    let format = |major, kind| found(&picture(major, kind, &[])).format;
    assert_eq!(format(b"mif1", b"hvc1"), Some(Format::Heic));
    assert_eq!(format(b"mif1", b"av01"), Some(Format::Avif));
    assert_eq!(format(b"mif1", b"unci"), Some(Format::Heif));
    // The brand of a codec is kept.
    assert_eq!(format(b"heic", b"av01"), None);
    assert_eq!(found(&ftyp(b"mif1")).format, None);
}

#[test]
fn a_gain_map_of_apple_is_found_by_its_name() {
    let name = full(b"auxC", 0, b"urn:com:apple:photo:2020:aux:hdrgainmap\0");
    assert!(found(&picture(b"heic", b"hvc1", &[name])).apple_gain_map);
    assert!(!found(&picture(b"heic", b"hvc1", &[])).apple_gain_map);
}

#[test]
fn tables_with_an_error_still_give_facts() {
    let mut file = picture(b"heic", b"hvc1", &[]);
    // The list of references ends too early.
    let at = file.windows(4).position(|w| w == b"cdsc").unwrap();
    file[at + 7] = 9;
    let found = found(&file);
    assert_eq!(found.container.heif, Some(Structure::Unknown));
    assert_eq!((found.coded, found.exif.is_some()), (Some((400, 300)), true));
}

proptest! {
    #[test]
    fn any_change_to_a_good_file_is_survived(
        changes in prop::collection::vec((0usize..600, any::<u8>()), 0..6), cut in 0usize..100,
    ) {
        let mut file = picture(b"mif1", b"hvc1", &[clap(200, 100), boxed(b"irot", &[1])]);
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = byte;
        }
        file.truncate(file.len() - cut);
        found(&file);
    }
}

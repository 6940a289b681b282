use super::*;
use crate::bytes::Reader;
use crate::heif::tests::{full, iinf, infe, meta, pitm};
use crate::heif::{Structure, structure};
use crate::testing::bmff::boxed;
use proptest::prelude::*;

fn read(file: &[u8]) -> Items {
    let reader = Reader::from_bytes(file.to_vec());
    let meta = bmff::find(reader.view(), b"meta").unwrap();
    Items::read(reader.view(), &meta)
}

fn structure_of(file: &[u8]) -> Structure {
    structure(&Reader::from_bytes(file.to_vec()))
}

/// One picture at 100..150, turned by a quarter. Its properties and positions precede it in the list.
fn one_picture() -> Vec<u8> {
    let ispe = full(b"ispe", 0, &[0, 0, 1, 0, 0, 0, 2, 0]);
    let ipco = boxed(b"ipco", &[ispe, boxed(b"irot", &[3])].concat());
    let ipma = full(b"ipma", 0, &[0, 0, 0, 1, 0, 1, 2, 1, 0x82]);
    meta(&[
        full(b"iloc", 0, &[0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 50]),
        boxed(b"iprp", &[ipma, ipco].concat()),
        pitm(1),
        iinf(&[infe(1, b"hvc1")]),
    ])
}

#[test]
fn an_item_has_its_place_and_its_properties_in_order() {
    let items = read(&one_picture());
    assert!(items.is_whole());
    let item = items.shown().unwrap();
    assert_eq!((&item.kind, item.home, &item.extents[..]), (b"hvc1", Home::File, &[(100, 50)][..]));
    let properties: Vec<_> = items.properties_of(item).cloned().collect();
    assert_eq!(properties, [Property::Size(256, 512), Property::Rotate(3)]);
    assert_eq!(items.renamed(), None);
}

#[test]
fn of_a_gain_map_applied_to_a_picture_the_picture_is_shown() {
    let list = iinf(&[infe(1, b"tmap"), infe(2, b"av01"), infe(3, b"av01")]);
    let file = meta(&[pitm(1), list, full(b"iref", 0, &boxed(b"dimg", &[0, 1, 0, 2, 0, 2, 0, 3]))]);
    let items = read(&file);
    assert_eq!((items.primary().unwrap().id, items.shown().unwrap().id), (1, 2));
    let (at, bytes) = items.renamed().unwrap();
    assert_eq!((&file[at as usize..][..2], &bytes[..]), (&[0, 1][..], &[0, 2][..]));
}

#[test]
fn a_grid_is_read_from_idat_and_not_beyond_it() {
    let grid = |length: u8| {
        let iloc = [0x44, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, length];
        let idat = boxed(b"idat", &[9, 0, 0, 1, 2, 0x10, 0, 0x08, 0]);
        let tables = [pitm(1), iinf(&[infe(1, b"grid")]), full(b"iloc", 1, &iloc), idat];
        read(&meta(&tables))
    };
    let expected = Grid { rows: 2, columns: 3, width: 4096, height: 2048 };
    for length in [8, 0, 60] {
        assert_eq!(grid(length).grid(), Some(expected), "{length}");
    }
    assert_eq!((grid(7).grid(), grid(7).is_whole()), (None, false));
}

#[test]
fn bytes_in_other_items_and_other_files_are_not_read() {
    let iloc = |method: u8, data_reference: u8| {
        let entry = [0, 1, 0, method, 0, data_reference, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4];
        meta(&[iinf(&[infe(1, b"Exif")]), full(b"iloc", 1, &[&[0x44, 0, 0, 1][..], &entry].concat())])
    };
    let bytes = |file: Vec<u8>| {
        let items = read(&file);
        items.bytes(Reader::from_bytes(file).view(), items.get(1).unwrap(), 100)
    };
    assert_eq!(bytes(iloc(0, 0)).map(|b| b.len()), Some(4));
    for elsewhere in [iloc(1, 0), iloc(2, 0), iloc(0, 1)] {
        assert_eq!(bytes(elsewhere), None);
    }
}

#[test]
fn positions_and_properties_of_items_that_are_not_listed_are_ignored() {
    let mut file = one_picture();
    let at = file.windows(6).position(|w| w == b"\0\x01\0\0hv").unwrap();
    file[at + 1] = 9;
    let items = read(&file);
    assert_eq!(
        (items.is_whole(), items.get(1), items.get(9).map(|i| i.extents.len())),
        (true, None, Some(0))
    );
}

#[test]
fn a_file_without_a_picture_item_is_a_sequence() {
    for file in
        [&boxed(b"ftyp", b"msf1\0\0\0\0")[..], b"", &meta(&[iinf(&[infe(1, b"Exif")])]), &meta(&[pitm(0)])]
    {
        assert_eq!(structure_of(file), Structure::Sequence);
    }
}

#[test]
fn the_short_form_is_no_sequence() {
    for before in [&b""[..], &boxed(b"free", b"12"), &boxed(b"ftyp", b"mif3\0\0\0\0avif")] {
        for body in [&b""[..], &[0; 100]] {
            assert_eq!(structure_of(&[before, &boxed(b"mini", body)].concat()), Structure::Unknown);
        }
    }
}

#[test]
fn tables_that_are_cut_keep_the_entries_before_and_are_not_used_for_decoding() {
    let whole = one_picture();
    assert!(matches!(structure_of(&whole), Structure::Items(_)));
    for length in 0..whole.len() {
        assert!(!matches!(structure_of(&whole[..length]), Structure::Items(_)), "{length}");
    }
    let two = meta(&[pitm(1), iinf(&[infe(1, b"hvc1"), infe(2, b"hvc1")])]);
    // Without the empty name of the second item, and without a part of its type.
    for (cut, listed) in [(1, 2), (3, 1)] {
        let items = read(&two[..two.len() - cut]);
        assert_eq!((items.all().len(), items.is_whole()), (listed, false));
    }
}

/// Tables that would store far more than their size in the file.
#[test]
fn absurdly_many_numbers_use_up_the_budget() {
    let ids = (1..=200u8).map(|id| [0, id]);
    let list = iinf(&(1..=200).map(|id| infe(id, b"hvc1")).collect::<Vec<_>>());
    let no_bytes: Vec<u8> = ids.clone().flat_map(|id| [&id[..], &[0, 0, 0xFF, 0xFF]].concat()).collect();
    let iloc = full(b"iloc", 0, &[&[0, 0, 0, 200][..], &no_bytes].concat());
    let to = boxed(b"dimg", &[&[0, 1, 0xFF, 0xFF][..], &[0; 131_070]].concat());
    let iref = full(b"iref", 0, &to);
    let lists: Vec<u8> = ids.flat_map(|id| [&id[..], &[255], &[1; 255]].concat()).collect();
    let ipma = full(b"ipma", 0, &[&200u32.to_be_bytes()[..], &lists].concat());
    let ipco = boxed(b"ipco", &boxed(b"free", b"").repeat(20_000));
    for table in [iloc, iref, boxed(b"iprp", &ipma), boxed(b"iprp", &ipco)] {
        let name = String::from_utf8_lossy(&table[4..8]).into_owned();
        assert!(!read(&meta(&[pitm(1), list.clone(), table])).is_whole(), "{name}");
    }
}

#[test]
fn unknown_versions_and_sizes_of_numbers_are_errors() {
    let iloc = |version: u8, sizes: u8| {
        let method: &[u8] = if version == 0 { b"" } else { &[0, 0] };
        let entry = [&[0, 1][..], method, &[0, 0, 0, 1], &[0; 16]].concat();
        let table = full(b"iloc", version, &[&[sizes, 0, 0, 1][..], &entry].concat());
        read(&meta(&[iinf(&[infe(1, b"hvc1")]), table])).is_whole()
    };
    assert!(iloc(0, 0x44) && iloc(1, 0x22) && iloc(0, 0x80));
    assert!(!iloc(3, 0x44) && !iloc(0, 0x34) && !iloc(0, 0x49));
}

#[test]
fn truncated_and_long_properties_are_unknown_ones() {
    let property = |kind: &Code, body: &[u8]| {
        let items = read(&meta(&[boxed(b"iprp", &boxed(b"ipco", &boxed(kind, body)))]));
        assert!(items.is_whole());
        items.properties()[0].clone()
    };
    for (kind, length) in [(b"ispe", 12), (b"irot", 1), (b"imir", 1), (b"clap", 32)] {
        assert!(!matches!(property(kind, &vec![1; length]), Property::Other(_)));
        assert_eq!(property(kind, &vec![1; length - 1]), Property::Other(*kind));
    }
    let nclx = b"nclx\0\x09\0\x10\0\x09\x80";
    let points = CodePoints { primaries: 9, transfer: 16, matrix: 9, full_range: true };
    assert_eq!(property(b"colr", nclx), Property::CodePoints(points));
    assert_eq!(property(b"colr", &nclx[..10]), Property::Other(*b"colr"));
    assert!(matches!(property(b"colr", b"profabc"), Property::Icc((_, 3))));
    assert_eq!(
        property(b"colr", &[&b"prof"[..], &vec![0; (4 << 20) + 1]].concat()),
        Property::Other(*b"colr")
    );
    assert!(matches!(property(b"hvcC", &[0xFD; 22]), Property::Hevc { record: (_, 22), length_size: 2 }));
    assert_eq!(property(b"hvcC", &vec![0; 65_537]), Property::Other(*b"hvcC"));
    let name = |name: &str| property(b"auxC", &[&[0; 4], name.as_bytes(), b"\0more"].concat());
    assert_eq!(name("urn:mpeg:hevc:2015:auxid:1"), Property::Alpha);
    assert_eq!(name("urn:mpeg:hevc:2015:auxid:12"), Property::Other(*b"auxC"));
    assert_eq!(name("urn:com:apple:photo:2020:aux:hdrgainmap"), Property::AppleGainMap);
}

proptest! {
    #[test]
    fn any_change_to_a_good_file_is_survived(at in 0usize..200, value: u8) {
        let mut file = one_picture();
        let at = at % file.len();
        file[at] = value;
        let _ = structure_of(&file);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&boxed(b"meta", &bytes));
        let _ = structure_of(&bytes);
    }
}

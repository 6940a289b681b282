use super::*;
use proptest::prelude::*;

fn boxed(kind: &Code, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out
}

fn full(kind: &Code, version: u8, body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], body].concat())
}

/// A meta box of one item at 100..150, turned by a quarter.
fn meta() -> Vec<u8> {
    let infe = full(b"infe", 2, b"\0\x01\0\0hvc1\0");
    let ispe = full(b"ispe", 0, &[0, 0, 1, 0, 0, 0, 2, 0]);
    let ipco = boxed(b"ipco", &[ispe, boxed(b"irot", &[3])].concat());
    let ipma = full(b"ipma", 0, &[0, 0, 0, 1, 0, 1, 2, 1, 0x82]);
    [
        vec![0; 4],
        full(b"pitm", 0, &[0, 1]),
        full(b"iinf", 0, &[&[0, 1][..], &infe].concat()),
        full(b"iloc", 0, &[0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 50]),
        boxed(b"iprp", &[ipco, ipma].concat()),
    ]
    .concat()
}

#[test]
fn an_item_is_read_with_its_place_and_properties_in_order() {
    let items = parse_meta(&meta(), 0).unwrap();
    let item = items.get(items.primary).unwrap();
    assert_eq!(&item.kind, b"hvc1");
    assert_eq!(item.extents, [(100, 50)]);
    let properties: Vec<_> = items.properties_of(item).cloned().collect();
    assert_eq!(properties, [Property::Size(256, 512), Property::Rotate(3)]);
}

#[test]
fn of_a_gain_map_applied_to_a_picture_the_picture_is_shown() {
    let infe = |id: u8, kind: &Code| full(b"infe", 2, &[&[0, id, 0, 0][..], kind, &[0]].concat());
    let infos = [&[0, 3][..], &infe(1, b"tmap"), &infe(2, b"av01"), &infe(3, b"av01")].concat();
    let dimg = boxed(b"dimg", &[0, 1, 0, 2, 0, 2, 0, 3]);
    let meta = [vec![0; 4], full(b"pitm", 0, &[0, 1]), full(b"iinf", 0, &infos), full(b"iref", 0, &dimg)];
    let items = parse_meta(&meta.concat(), 100).unwrap();
    assert_eq!(items.primary, 2);
    assert_eq!(items.renamed, Some((100 + 4 + 12, vec![0, 2])));
}

#[test]
fn a_file_without_items_is_none() {
    let file = Source::from_bytes(boxed(b"ftyp", b"msf1\0\0\0\0"));
    assert!(read(&file).unwrap().is_none());
    assert!(read(&Source::from_bytes(Vec::new())).unwrap().is_none());
}

#[test]
fn the_short_form_is_not_supported_and_not_damaged() {
    for before in [&b""[..], &boxed(b"free", b"12"), &boxed(b"ftyp", b"mif3\0\0\0\0avif")] {
        for body in [&b""[..], &[0; 100]] {
            let file = Source::from_bytes([before, &boxed(b"mini", body)].concat());
            assert!(matches!(read(&file), Err(Fault::Unsupported { .. })));
        }
    }
}

/// Tables that would store far more than their size in the file.
#[test]
fn a_table_of_absurdly_many_numbers_is_refused() {
    let ids = (1..=200u16).map(|id| id.to_be_bytes());
    let no_bytes: Vec<u8> = ids.clone().flat_map(|id| [&id[..], &[0, 0, 0xFF, 0xFF]].concat()).collect();
    let iloc = full(b"iloc", 0, &[&[0, 0, 0, 200][..], &no_bytes].concat());
    let to = |kind: &Code| boxed(kind, &[&[0, 1, 0xFF, 0xFF][..], &[0; 131_070]].concat());
    let iref = full(b"iref", 0, &to(b"dimg").repeat(5));
    let list: Vec<u8> = ids.flat_map(|id| [&id[..], &[255], &[1; 255]].concat()).collect();
    let ipma = full(b"ipma", 0, &[&200u32.to_be_bytes()[..], &list].concat());
    let iprp = boxed(b"iprp", &ipma.repeat(10));
    let ipco = boxed(b"ipco", &boxed(b"hvcC", &[0; 1 << 20]).repeat(10));
    for table in [iloc, iref, iprp, boxed(b"iprp", &ipco)] {
        let name = String::from_utf8_lossy(&table[4..8]).into_owned();
        assert!(matches!(parse_meta(&[vec![0; 4], table].concat(), 0), Err(Fault::Corrupt { .. })), "{name}");
    }
}

#[test]
fn a_table_longer_than_the_file_is_corrupt() {
    let mut file = boxed(b"meta", &meta());
    file.truncate(60);
    assert!(matches!(read(&Source::from_bytes(file)), Err(Fault::Corrupt { .. })));
}

proptest! {
    #[test]
    fn any_change_to_a_good_table_is_survived(at in 0usize..200, value: u8) {
        let mut meta = meta();
        let at = at % meta.len();
        meta[at] = value;
        let _ = parse_meta(&meta, u64::MAX - 4);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_meta(&bytes, 0);
        let _ = read(&Source::from_bytes(bytes));
    }
}

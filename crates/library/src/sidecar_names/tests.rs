use super::*;

fn owner<'a>(sidecar: &str, media: &[&'a str]) -> Option<&'a str> {
    let names: Vec<&[u8]> = media.iter().map(|m| m.as_bytes()).collect();
    MediaNames::new(&names).owner_of(sidecar.as_bytes(), None).map(|i| media[i])
}

#[test]
fn xmp_by_name_and_by_stem() {
    let media = ["IMG_1.MOV", "IMG_1.CR2", "IMG_1.jpg", "IMG_2.jpg"];
    assert_eq!(owner("IMG_1.jpg.xmp", &media), Some("IMG_1.jpg"));
    assert_eq!(owner("IMG_1.xmp", &media), Some("IMG_1.jpg"));
    assert_eq!(owner("IMG_1.xmp", &media[..2]), Some("IMG_1.CR2"));
    assert_eq!(owner("img_2.XMP", &media), Some("IMG_2.jpg"));
    assert_eq!(owner("IMG_3.xmp", &media), None);
}

#[test]
fn takeout_with_cut_and_numbered_names() {
    for (json, media) in [
        ("IMG_1.jpg.json", "IMG_1.jpg"),
        ("IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        ("IMG_1.jpg.supplemental-meta.json", "IMG_1.jpg"),
        ("IMG_1.jpg.suppl.json", "IMG_1.jpg"),
        ("IMG_1.jpg(1).json", "IMG_1(1).jpg"),
        ("IMG_1.jpg.supplemental-metadata(1).json", "IMG_1(1).jpg"),
        ("IMG_1(1).jpg.json", "IMG_1(1).jpg"),
        // 46 characters, cut within the name or the extension.
        (
            "5d7f8a90-1234-4c3a-9b1e-0123456789ab_original_.json",
            "5d7f8a90-1234-4c3a-9b1e-0123456789ab_original_1.jpg",
        ),
        (
            "Urlaub in Knaufspesch in der Schneifel (38).JP.json",
            "Urlaub in Knaufspesch in der Schneifel (38).JPG",
        ),
        (
            "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P.json",
            "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.jpg",
        ),
        ("img_(87).(vacation stuff).lol.jpg(87).json", "img_(87).(vacation stuff).lol(87).jpg"),
        (
            "Screenshot_20230701-102030_Some Application Na.json",
            "Screenshot_20230701-102030_Some Application Name.png",
        ),
    ] {
        assert_eq!(owner(json, &["other.jpg", media]), Some(media), "{json}");
    }
    let doubles = ["IMG_1.jpg", "IMG_1(1).jpg", "IMG_1.mp4"];
    assert_eq!(owner("IMG_1.jpg.json", &doubles), Some("IMG_1.jpg"));
    assert_eq!(owner("IMG_1.jpg(1).json", &doubles), Some("IMG_1(1).jpg"));
    assert_eq!(owner("metadata.json", &doubles), None);
    assert_eq!(owner("IMG_1.heic.json", &["IMG_1.mp4"]), Some("IMG_1.mp4"));
}

#[test]
fn two_names_that_differ_in_case_or_form_keep_their_own() {
    let media = ["IMG_1.JPG", "IMG_1.jpg", "Ko\u{308}ln.jpg", "K\u{f6}ln.jpg", "K\u{d6}LN.jpg"];
    for (i, name) in media.iter().enumerate() {
        for tail in [".xmp", ".json", ".supplemental-metadata.json", ".suppl.json"] {
            assert_eq!(owner(&format!("{name}{tail}"), &media), Some(media[i]), "{name}{tail}");
        }
    }
    // One without a file of its own goes to the closest.
    assert_eq!(owner("Ko\u{308}ln.jpg.xmp", &media[3..]), Some("K\u{f6}ln.jpg"));
    assert_eq!(owner("ko\u{308}ln.jpg.json", &media[3..]), Some("K\u{f6}ln.jpg"));
    assert_eq!(owner("dsc_2.xmp", &["DSC_2.JPG", "dsc_2.ARW"]), Some("dsc_2.ARW"));
}

#[test]
fn an_xmp_that_names_its_extension() {
    let media: [&[u8]; 2] = [b"DSC_1.JPG", b"DSC_1.DNG"];
    let names = MediaNames::new(&media);
    assert_eq!(names.owner_of(b"DSC_1.xmp", Some("dng")), Some(1));
    assert_eq!(names.owner_of(b"DSC_1.xmp", Some("nef")), None);
    assert_eq!(names.owner_of(b"DSC_1.xmp", None), Some(0));
    assert_eq!(names.owner_of(b"DSC_1.JPG.xmp", Some("dng")), Some(0));
    assert!(names.is_by_stem(b"DSC_1.xmp") && !names.is_by_stem(b"DSC_2.xmp"));
    for (xmp, extension) in [
        ("<a photoshop:SidecarForExtension=\"DNG\" b=\"c\"/>", Some("dng")),
        ("<a photoshop:SidecarForExtension = 'CR2'/>", Some("cr2")),
        ("<ps:SidecarForExtension>\n nef</ps:SidecarForExtension>", Some("nef")),
        ("<ps:SidecarForExtension/>", None),
        ("photoshop:SidecarForExtension=\"\"", None),
        ("", None),
    ] {
        assert_eq!(named_extension(xmp.as_bytes()).as_deref(), extension, "{xmp}");
    }
}

#[test]
fn names_that_only_a_missing_picture_explains() {
    for name in
        ["IMG_1.jpg.json", "IMG_1.HEIC.supplemental-metadata.json", "a.mp4.suppl(2).json", "a.jpg(1).json"]
    {
        assert!(is_orphan_name(name.as_bytes()), "{name}");
    }
    assert!(is_orphan_name(b"Screenshot_20230701-102030_Some Application Na.json"));
    assert_eq!(picture_named("a.jpg.suppl(1).json").as_deref(), Some("a(1).jpg"));
    assert_eq!(picture_named("a.jpg.json").as_deref(), Some("a.jpg"));
    for name in [
        "metadata.json",
        "user-generated-memory-titles.json",
        "a.txt.json",
        "print-subscriptions.json",
        "a.jpg",
    ] {
        assert!(!is_orphan_name(name.as_bytes()), "{name}");
    }
}

/// The rules of Takeout's names applied one after the other to the whole folder; [`MediaNames`] must give
/// the same results.
fn by_looking_at_all(sidecar: &str, media: &[String]) -> Option<usize> {
    let (base, _) = split_extension(sidecar)?;
    let (bare, number) = split_number(base);
    let candidates: Vec<(usize, String)> = media
        .iter()
        .enumerate()
        .filter_map(|(i, m)| {
            let (stem, ext) = split_extension(m)?;
            let (stem, own) = split_number(stem);
            (own == number).then(|| (i, format!("{stem}.{ext}")))
        })
        .collect();
    let stem_of = |name: &str| split_extension(name).map(|(s, _)| s.to_owned());
    let full = |name: &str| bare.strip_prefix(name).is_some_and(|rest| SUPPLEMENTAL.starts_with(rest));
    let cut = bare.chars().count() >= TAKEOUT_NAME - number.map_or(0, str::len);
    let stem = stem_of(bare.split(SUPPLEMENTAL_START).next().unwrap_or(bare)).unwrap_or(bare.to_owned());
    let first = |fits: &dyn Fn(&str) -> bool| candidates.iter().find(|(_, n)| fits(n)).map(|(i, _)| *i);
    (media.iter().position(|m| m == base))
        .or_else(|| first(&full))
        .or_else(|| first(&|name| cut && name.starts_with(bare)))
        .or_else(|| {
            media.iter().position(|m| {
                let (stem, own) = split_number(names::stem(m));
                cut && number.is_none() && own.is_some() && m.starts_with(bare) && bare.len() > stem.len()
            })
        })
        .or_else(|| {
            let cuts = (TAKEOUT_NAME - 2..bare.len()).rev().filter(|_| cut && !bare.contains('.'));
            cuts.into_iter().find_map(|n| first(&|name| stem_of(name).as_deref() == Some(&bare[..n])))
        })
        .or_else(|| first(&|name| stem_of(name).is_some_and(|s| s == stem)))
}

proptest::proptest! {
    #[test]
    fn looking_up_finds_what_looking_at_all_does(
        media in proptest::collection::vec("(a|a{45}|b)(a|b|\\.s){0,2}(\\(1\\)|\\(2\\))?\\.(jpg|mp4)", 0..8),
        of in 0usize..8,
        tail in "(|\\.s|\\.supplemental-metadata|\\.suppl)(\\(1\\)|\\(2\\))?",
        kept in 40usize..60,
    ) {
        let name = media.get(of).map_or("a.jpg", String::as_str);
        let base: String = format!("{name}{tail}").chars().take(kept).collect();
        let names: Vec<&[u8]> = media.iter().map(String::as_bytes).collect();
        let sidecar = format!("{base}.json");
        let looked_up = MediaNames::new(&names).owner_of(sidecar.as_bytes(), None);
        proptest::prop_assert_eq!(looked_up, by_looking_at_all(&sidecar, &media));
    }
    /// Takeout counts units of UTF-16; a split character leaves nothing, or invalid text.
    #[test]
    fn cut_names_in_any_script(
        stem in "[a-z\u{4e00}-\u{4fff}\u{1f600}-\u{1f64f}\u{430}-\u{44f}\u{e0}-\u{fc}]{20,60}",
        ext in "(jpg|heic|mp4)",
        supplement in proptest::bool::ANY,
        number in proptest::option::of(1usize..20),
        broken in proptest::sample::select(vec!["", "\u{FFFD}", "?"]),
    ) {
        let number = number.map(|n| format!("({n})")).unwrap_or_default();
        let media = format!("{stem}{number}.{ext}");
        let full = format!("{stem}.{ext}{}", if supplement { SUPPLEMENTAL } else { "" });
        let room = TAKEOUT_NAME - number.len();
        let units: Vec<u16> = full.encode_utf16().take(room).collect();
        let mut base: String = char::decode_utf16(units.iter().copied()).map_while(Result::ok).collect();
        if base.encode_utf16().count() < units.len() {
            base.push_str(broken);
        }
        let sidecar = format!("{base}{number}.json");
        let names: [&[u8]; 3] = [b"aa.jpg", media.as_bytes(), b"zz.jpg"];
        proptest::prop_assert_eq!(MediaNames::new(&names).owner_of(sidecar.as_bytes(), None), Some(1), "{}", sidecar);
    }

    /// Of files whose names differ only in case and normal form, each keeps its own sidecar.
    #[test]
    fn each_of_those_alike_keeps_its_own(
        stem in "[a-z\u{e0}-\u{fc}\u{3b1}-\u{3c9}\u{430}-\u{44f}\u{304b}-\u{3062}\u{ac00}-\u{ac80}]{1,12}",
        tail in proptest::sample::select(vec![".xmp", ".json", ".supplemental-metadata.json", ".supp.json"]),
    ) {
        use unicode_normalization::UnicodeNormalization;
        let forms: std::collections::BTreeSet<String> = [
            stem.nfc().collect::<String>(), stem.nfd().collect(), stem.to_uppercase().nfc().collect(), stem.to_uppercase().nfd().collect(),
        ].into_iter().map(|stem| format!("{stem}.jpg")).collect();
        let media: Vec<&[u8]> = forms.iter().map(String::as_bytes).collect();
        let names = MediaNames::new(&media);
        for (i, name) in forms.iter().enumerate() {
            proptest::prop_assert_eq!(names.owner_of(format!("{name}{tail}").as_bytes(), None), Some(i));
        }
    }

    #[test]
    fn a_sidecar_named_after_a_file_belongs_to_it(stem in "[a-zA-Z0-9_ -]{1,30}", ext in "(jpg|JPG|heic|mp4)") {
        let media = format!("{stem}.{ext}");
        for tail in [".xmp", ".json", ".supplemental-metadata.json"] {
            proptest::prop_assert_eq!(MediaNames::new(&[b"zz.png", media.as_bytes()]).owner_of(format!("{media}{tail}").as_bytes(), None), Some(1));
        }
    }
    #[test]
    fn no_names_make_it_panic(a in "\\PC{0,60}", b in "\\PC{0,60}") {
        let names = MediaNames::new(&[b.as_bytes()]);
        let _ = names.owner_of(a.as_bytes(), None);
        let _ = names.owner_of(format!("{a}.json").as_bytes(), None);
    }
}

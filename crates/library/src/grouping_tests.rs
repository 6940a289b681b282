//! The grouping of a folder's files into items.

use super::*;
use albumen_core::vocabulary::{Facts, Taken};
use proptest::prelude::*;

fn facts(format: Format, local: &str) -> Facts {
    let taken = Taken { local: local.into(), source: "exif:DateTimeOriginal".into(), ..Taken::default() };
    let mut f =
        Facts { kind: Some(format.kind()), format: Some(format), taken: Some(taken), ..Facts::default() };
    f.camera.model = Some("X".into());
    f.duration_s = (format.kind() == Kind::Video).then_some(2.5);
    f
}

fn with_id(mut f: Facts, id: &str) -> Facts {
    f.content_identifier = Some(id.into());
    f
}

const T: &str = "2023-07-01T10:20:30";

fn group(files: &[(&str, Option<Facts>)]) -> Vec<(String, String, &'static str)> {
    let clues: Vec<Option<Clues>> = files
        .iter()
        .map(|(_, f)| f.as_ref().map(|f| serde_json::from_value(serde_json::to_value(f).unwrap()).unwrap()))
        .collect();
    let members: Vec<Member<'_>> = files
        .iter()
        .zip(&clues)
        .map(|((n, _), c)| Member {
            name: n.as_bytes(),
            is_sidecar: c.is_none(),
            for_extension: None,
            clues: c.as_ref(),
        })
        .collect();
    let mut out: Vec<_> = companions(&members)
        .iter()
        .enumerate()
        .filter_map(|(i, c)| c.map(|(p, r)| (files[i].0.to_owned(), files[p].0.to_owned(), r.name())))
        .collect();
    out.sort();
    out
}

fn row(a: &str, b: &str, role: &'static str) -> (String, String, &'static str) {
    (a.into(), b.into(), role)
}

#[test]
fn a_live_photo_a_raw_and_a_sidecar() {
    let files = [
        ("IMG_1.MOV", Some(with_id(facts(Format::Mov, T), "A"))),
        ("IMG_1.HEIC", Some(with_id(facts(Format::Heic, T), "A"))),
        ("IMG_1.DNG", Some(facts(Format::Dng, T))),
        ("IMG_1.DNG.xmp", None),
        ("IMG_2.JPG", Some(facts(Format::Jpeg, T))),
    ];
    assert_eq!(
        group(&files),
        [
            row("IMG_1.DNG", "IMG_1.HEIC", "raw"),
            row("IMG_1.DNG.xmp", "IMG_1.HEIC", "sidecar"),
            row("IMG_1.MOV", "IMG_1.HEIC", "live_video"),
        ]
    );
    // The still is removed: the others are items again.
    assert_eq!(group(&[files[0].clone(), files[2].clone()]), []);
}

#[test]
fn a_raw_that_agrees_in_less_stays_an_item() {
    let jpeg = ("a.jpg", Some(facts(Format::Jpeg, T)));
    assert_eq!(group(&[jpeg.clone(), ("a.nef", Some(facts(Format::Nef, "2023-07-01T10:20:31")))]), []);
    let mut other = facts(Format::Nef, T);
    other.camera.model = Some("Y".into());
    assert_eq!(group(&[jpeg.clone(), ("a.nef", Some(other))]), []);
    assert_eq!(group(&[jpeg.clone(), ("b.nef", Some(facts(Format::Nef, T)))]), []);
    assert_eq!(
        group(&[
            jpeg.clone(),
            ("a.nef", Some(facts(Format::Nef, T))),
            ("a.dng", Some(facts(Format::Dng, T)))
        ]),
        []
    );
    assert_eq!(group(&[jpeg, ("A.NEF", Some(facts(Format::Nef, T)))]), [row("A.NEF", "a.jpg", "raw")]);
}

#[test]
fn a_live_photo_by_name_needs_the_time_and_a_short_movie() {
    let still = ("IMG_1.JPG", Some(facts(Format::Jpeg, T)));
    let movie = |local: &str, s: f64| {
        let mut f = facts(Format::Mov, local);
        f.duration_s = Some(s);
        ("IMG_1.MOV", Some(f))
    };
    assert_eq!(group(&[still.clone(), movie("2023-07-01T10:20:29", 2.0)]).len(), 1);
    // The movie's date is UTC, the still's has no zone.
    assert_eq!(group(&[still.clone(), movie("2023-07-01T08:20:29", 2.0)]).len(), 1);
    assert_eq!(group(&[still.clone(), movie("2023-07-01T10:21:29", 2.0)]).len(), 0);
    assert_eq!(group(&[still.clone(), movie(T, 30.0)]).len(), 0);
    let strangers = [
        ("IMG_1.JPG", Some(with_id(facts(Format::Jpeg, T), "A"))),
        ("IMG_1.MOV", Some(with_id(facts(Format::Mov, T), "B"))),
    ];
    assert_eq!(group(&strangers), []);
}

#[test]
fn what_a_camera_makes_besides_is_no_item_and_no_half_of_one() {
    let short = || Some(facts(Format::Mp4, T));
    let thumbnail = || Some(facts(Format::Jpeg, T));
    let files = [
        ("GX010012.MP4", short()),
        ("GX010012.THM", thumbnail()),
        ("GL010012.LRV", short()),
        ("CRW_0001.CRW", Some(facts(Format::Crw, T))),
        ("CRW_0001.THM", thumbnail()),
        ("VID_20230701_102030_00_004.insv", short()),
        ("LRV_20230701_102030_11_004.insv", short()),
        ("MVI_7.THM", thumbnail()),
    ];
    assert_eq!(
        group(&files),
        [
            row("CRW_0001.THM", "CRW_0001.CRW", "sidecar"),
            row("GL010012.LRV", "GX010012.MP4", "sidecar"),
            row("GX010012.THM", "GX010012.MP4", "sidecar"),
            row("LRV_20230701_102030_11_004.insv", "VID_20230701_102030_00_004.insv", "sidecar"),
        ]
    );
}

#[test]
fn names_that_differ_in_case_or_form_keep_their_own() {
    let raw = |name| (name, Some(facts(Format::Nef, T)));
    let jpeg = |name| (name, Some(facts(Format::Jpeg, T)));
    let movie = |name| (name, Some(facts(Format::Mov, T)));
    let files = [raw("A.NEF"), jpeg("A.JPG"), raw("a.nef"), jpeg("a.jpg")];
    assert_eq!(group(&files), [row("A.NEF", "A.JPG", "raw"), row("a.nef", "a.jpg", "raw")]);
    let files =
        [movie("Ko\u{308}ln.mov"), jpeg("Ko\u{308}ln.jpg"), movie("K\u{f6}ln.mov"), jpeg("K\u{f6}ln.jpg")];
    assert_eq!(
        group(&files),
        [
            row("Ko\u{308}ln.mov", "Ko\u{308}ln.jpg", "live_video"),
            row("K\u{f6}ln.mov", "K\u{f6}ln.jpg", "live_video"),
        ]
    );
    // Without exact matches, they are matched across normal forms.
    assert_eq!(group(&[files[0].clone(), files[3].clone()]).len(), 1);
}

#[test]
fn names_that_cameras_give_the_files_of_one_shot() {
    let other_second = || Some(facts(Format::Dng, "2023-07-01T08:20:31"));
    let mut unknown = facts(Format::Jpeg, T);
    unknown.camera.model = None;
    let files = [
        ("PXL_20230701_082030123.RAW-01.COVER.jpg", Some(unknown.clone())),
        ("PXL_20230701_082030123.RAW-02.ORIGINAL.dng", other_second()),
        ("PXL_20230701_083030123.RAW-01.MP.COVER.jpg", Some(unknown.clone())),
        ("PXL_20230701_083030123.RAW-02.ORIGINAL.dng", other_second()),
        // An edited copy does not interfere with them.
        ("PXL_20230701_083030123.jpg", Some(unknown)),
        ("IMG_5.jpg", Some(facts(Format::Jpeg, T))),
        ("IMG_5_RAW.dng", Some(facts(Format::Dng, T))),
        ("IMG_6.jpg", Some(facts(Format::Jpeg, T))),
        ("IMG_6_RAW.dng", other_second()),
    ];
    assert_eq!(
        group(&files),
        [
            row("IMG_5_RAW.dng", "IMG_5.jpg", "raw"),
            row(
                "PXL_20230701_082030123.RAW-02.ORIGINAL.dng",
                "PXL_20230701_082030123.RAW-01.COVER.jpg",
                "raw"
            ),
            row(
                "PXL_20230701_083030123.RAW-02.ORIGINAL.dng",
                "PXL_20230701_083030123.RAW-01.MP.COVER.jpg",
                "raw"
            ),
        ]
    );
}

#[test]
fn what_sony_makes_of_clips() {
    let clip = || Some(facts(Format::Mp4, T));
    let still = || Some(facts(Format::Jpeg, T));
    let files = [
        ("C0001.MP4", clip()),
        ("C0001T01.JPG", still()),
        ("C0001S03.MP4", clip()),
        ("C0002T01.JPG", still()),
        ("PICT01.JPG", still()),
    ];
    assert_eq!(
        group(&files),
        [row("C0001S03.MP4", "C0001.MP4", "sidecar"), row("C0001T01.JPG", "C0001.MP4", "sidecar")]
    );
    let clues: Clues = serde_json::from_value(serde_json::to_value(clip()).unwrap()).unwrap();
    let clips = [Member { clues: Some(&clues), ..Member::named(b"C0001.MP4") }];
    assert_eq!(clips_beside(&[b"C0001T01.JPG", b"C0002T01.JPG"], &clips), [Some(0), None]);
    assert!(is_beside_clips(b"THMBNL") && is_beside_clips(b"Sub") && !is_beside_clips(b"CLIP"));
}

#[test]
fn a_live_photo_of_takeout_has_a_movie_without_date_and_json() {
    let mut movie = facts(Format::Mp4, T);
    movie.taken = Some(Taken { local: T.into(), source: "file:mtime".into(), ..Taken::default() });
    let still = ("IMG_1.HEIC", Some(facts(Format::Heic, "2015-04-25T22:13:20")));
    let json = ("IMG_1.HEIC.supplemental-metadata.json", None);
    let files = [still.clone(), json.clone(), ("IMG_1.MP4", Some(movie.clone()))];
    assert_eq!(
        group(&files),
        [
            row("IMG_1.HEIC.supplemental-metadata.json", "IMG_1.HEIC", "sidecar"),
            row("IMG_1.MP4", "IMG_1.HEIC", "live_video")
        ]
    );
    // A separate movie has a separate JSON.
    let own = ("IMG_1.MP4.supplemental-metadata.json", None);
    assert_eq!(group(&[still.clone(), json, ("IMG_1.MP4", Some(movie.clone())), own]).len(), 2);
    assert_eq!(group(&[still, ("IMG_1.MP4", Some(movie))]).len(), 0);
}

#[test]
fn originals_of_edited_copies() {
    let folder: [&[u8]; 3] = [b"IMG_1234.HEIC", b"IMG_E1234.JPG", b"IMG_1234.JPG"];
    assert_eq!(original("IMG_1234.JPG", folder), Some(&b"IMG_1234.JPG"[..]));
    assert_eq!(original("IMG_1234.PNG", folder), Some(&b"IMG_1234.HEIC"[..]));
    assert_eq!(original("IMG_9.PNG", folder), None);
}

fn any_file() -> impl Strategy<Value = (String, Option<Facts>)> {
    let format = prop::sample::select(vec![
        Format::Jpeg,
        Format::Heic,
        Format::Nef,
        Format::Dng,
        Format::Mov,
        Format::Mp4,
    ]);
    let local = prop::sample::select(vec![T, "2023-07-01T08:20:29", "2023-07-02T00:00:00"]);
    (format, "[ab]", local, prop::option::of("[xy]"), any::<bool>()).prop_map(
        |(format, stem, local, id, side)| {
            let name = format!("{stem}.{}", format.name());
            if side {
                return (format!("{name}.xmp"), None);
            }
            let f = facts(format, local);
            (name, Some(id.map_or(f.clone(), |id| with_id(f, &id))))
        },
    )
}

proptest! {
    #[test]
    fn the_order_makes_no_difference(files in prop::collection::btree_map("[a-c]\\.(jpg|heic|nef|dng|mov|mp4)", any_file(), 0..8), seed in any::<u64>()) {
        let mut unique = std::collections::BTreeMap::new();
        for (_, (name, f)) in files {
            unique.insert(name, f);
        }
        let list: Vec<(String, Option<Facts>)> = unique.into_iter().collect();
        let as_refs = |l: &[(String, Option<Facts>)]| -> Vec<(String, String, &'static str)> {
            group(&l.iter().map(|(n, f)| (n.as_str(), f.clone())).collect::<Vec<_>>())
        };
        let straight = as_refs(&list);
        let mut mixed = list.clone();
        let mut s = seed;
        for i in (1..mixed.len()).rev() {
            s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            mixed.swap(i, (s >> 33) as usize % (i + 1));
        }
        prop_assert_eq!(&straight, &as_refs(&mixed));
        // No file belongs to a companion, and a sidecar has none.
        for (_, primary, _) in &straight {
            prop_assert!(!straight.iter().any(|(c, _, _)| c == primary));
        }
    }
}

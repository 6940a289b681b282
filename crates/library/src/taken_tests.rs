//! The choice of the date, and the determination of its zone.

use super::*;
use crate::date_rules::FILE_TIME;
use albumen_formats::exif::Exif;
use albumen_formats::iptc::Iptc;
use albumen_formats::movie::Movie;
use albumen_formats::xmp::Xmp;

fn exif(date: &str, offset: Option<&str>) -> Exif {
    Exif {
        original: Some(ExifDate { text: date.into(), subsec: None, offset: offset.map(str::to_owned) }),
        ..Exif::default()
    }
}

/// 2024-05-05T06:07:08Z
const MTIME: i64 = 1_714_889_228_000_000_000;

fn evidence<'a>(exif: Option<&'a Exif>, movie: Option<&'a Movie>, name: &'a str) -> Evidence<'a> {
    Evidence { exif, movie, name, mtime_ns: MTIME, ..Evidence::default() }
}

#[test]
fn the_first_rule_wins_and_the_losers_say_why() {
    let x = exif("2023:07:01 10:20:30", Some("+02:00"));
    let (t, _) = choose(&evidence(Some(&x), None, "IMG_20230702_000000.jpg")).unwrap();
    assert_eq!(
        (t.local.as_str(), t.offset.as_deref(), t.utc.as_deref()),
        ("2023-07-01T10:20:30", Some("+02:00"), Some("2023-07-01T08:20:30Z"))
    );
    assert_eq!(t.source, "exif:DateTimeOriginal");
    assert_eq!(t.rejected.iter().map(|r| r.source.as_str()).collect::<Vec<_>>(), ["name", FILE_TIME]);
}

#[test]
fn placeholders_do_not_win() {
    for bad in [
        "0000:00:00 00:00:00",
        "1970:01:01 00:00:00",
        "1970:01:01 01:00:00",
        "1904:01:01 00:00:00",
        "2000:01:01 00:00:00",
        "2002:01:01 00:00:07",
        "1980:01:01 00:00:12",
        "2000:01:01 13:11:00",
    ] {
        let x = exif(bad, None);
        let (t, _) = choose(&evidence(Some(&x), None, "IMG_20230701_102030.jpg")).unwrap();
        assert_eq!(t.source, "name", "{bad}");
        assert!(t.rejected.iter().any(|r| r.source == "exif:DateTimeOriginal"), "{bad}");
    }
    // The party of the millennium, with no contradicting date.
    let x = exif("2000:01:01 01:30:00", None);
    assert_eq!(choose(&evidence(Some(&x), None, "DSC001.jpg")).unwrap().0.source, "exif:DateTimeOriginal");
}

#[test]
fn gps_time_tells_the_zone() {
    let mut x = exif("2023:07:01 10:20:30", None);
    x.gps_time = Some("2023:07:01 04:50:12".into());
    let (t, how) = choose(&evidence(Some(&x), None, "a.jpg")).unwrap();
    assert_eq!(t.offset.as_deref(), Some("+05:30"));
    assert_eq!(how, Some("wall clock against GPS time"));
    x.gps_time = Some("2023:07:01 04:13:00".into());
    assert_eq!(choose(&evidence(Some(&x), None, "a.jpg")).unwrap().0.offset, None);
}

#[test]
fn a_movie_header_is_utc_and_its_name_the_wall_clock() {
    // 2023-07-01T08:20:30Z
    let m = Movie { header_time: Some(1_688_199_630), ..Movie::default() };
    let (t, _) = choose(&evidence(None, Some(&m), "VID_20230701_102030.mp4")).unwrap();
    assert_eq!((t.local.as_str(), t.offset.as_deref()), ("2023-07-01T10:20:30", Some("+02:00")));
    let (t, _) = choose(&evidence(None, Some(&m), "MOV001.mp4")).unwrap();
    assert_eq!((t.utc.as_deref(), t.offset), (Some("2023-07-01T08:20:30Z"), None));
    let (t, _) = choose(&evidence(None, Some(&m), "VID_20230701_082030.mp4")).unwrap();
    assert_eq!((t.local.as_str(), t.utc), ("2023-07-01T08:20:30", None));
    let canon = Evidence { make: "Canon", ..evidence(None, Some(&m), "MVI_1.MP4") };
    let (t, _) = choose(&canon).unwrap();
    assert_eq!((t.local.as_str(), t.utc), ("2023-07-01T08:20:30", None));
}

#[test]
fn the_zone_at_the_place_completes_a_date() {
    let x = exif("2023:07:01 10:20:30", None);
    let (mut t, _) = choose(&evidence(Some(&x), None, "a.jpg")).unwrap();
    complete_with_zone(&mut t, "Europe/Berlin", false);
    assert_eq!(
        (t.offset.as_deref(), t.utc.as_deref(), t.zone.as_deref()),
        (Some("+02:00"), Some("2023-07-01T08:20:30Z"), Some("Europe/Berlin"))
    );
    let m = Movie { header_time: Some(1_688_199_630), ..Movie::default() };
    let (mut t, _) = choose(&evidence(None, Some(&m), "MOV001.mp4")).unwrap();
    complete_with_zone(&mut t, "Asia/Kolkata", false);
    assert_eq!((t.local.as_str(), t.offset.as_deref()), ("2023-07-01T13:50:30", Some("+05:30")));
    complete_with_zone(&mut t, "Nowhere/Land", false);
    assert_eq!(t.zone.as_deref(), Some("Asia/Kolkata"));
}

proptest::proptest! {
    /// Whatever zone is completed, local minus offset is UTC.
    #[test]
    fn local_offset_and_utc_agree(secs in 0i64..4_000_000_000, zone in proptest::sample::select(vec!["Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"])) {
        let m = Movie { header_time: Some(secs), ..Movie::default() };
        if let Some((mut t, _)) = choose(&evidence(None, Some(&m), "a.mp4")) {
            complete_with_zone(&mut t, zone, false);
            let local = when::parse(&t.local).unwrap().at;
            let utc = when::parse(t.utc.as_deref().unwrap()).unwrap().at;
            let offset = when::offset(t.offset.as_deref().unwrap()).unwrap();
            proptest::prop_assert_eq!(seconds(local) - i64::from(offset) * 60, seconds(utc));
        }
    }
}

/// `local`, with the source of the offset.
fn local_of(e: &Evidence<'_>) -> (String, String) {
    let (t, _) = choose(e).unwrap();
    assert_eq!(
        t.local.get(..t.precision.length().min(t.local.len())).map(str::len),
        Some(t.precision.length())
    );
    (t.local, t.source)
}

fn xmp(change: impl FnOnce(&mut Xmp)) -> [Xmp; 1] {
    let mut x = Xmp::default();
    change(&mut x);
    [x]
}

fn scanned() -> Exif {
    let text = "2015:10:11 13:40:12".to_owned();
    Exif { digitized: Some(ExifDate { text, ..ExifDate::default() }), ..Exif::default() }
}

#[test]
fn what_a_date_means_comes_before_where_it_stands() {
    let x = scanned();
    let scan = evidence(Some(&x), None, "scan.jpg");
    assert_eq!(local_of(&scan), ("2015-10-11T13:40:12".into(), "exif:DateTimeDigitized".into()));
    let created = xmp(|x| x.date_created = Some("1965-07-14T12:00:00".into()));
    assert_eq!(local_of(&Evidence { xmp: &created, ..scan }).0, "1965-07-14T12:00:00");
    let year = xmp(|x| x.date_created = Some("1965".into()));
    assert_eq!(local_of(&Evidence { xmp: &year, ..scan }).0, "1965");
    // A year on a print, and a scan in that year.
    let year = xmp(|x| x.date_created = Some("2015".into()));
    assert_eq!(local_of(&Evidence { xmp: &year, ..scan }).0, "2015");
    let print = Iptc {
        date_created: Some("19650714".into()),
        time_created: Some("120000+0000".into()),
        ..Iptc::default()
    };
    assert_eq!(
        local_of(&Evidence { iptc: Some(&print), ..scan }),
        ("1965-07-14T12:00:00".into(), "iptc:DateCreated".into())
    );
    let partial = Iptc {
        date_created: Some("19650000".into()),
        time_created: Some("000000".into()),
        ..Iptc::default()
    };
    assert_eq!(local_of(&Evidence { iptc: Some(&partial), ..scan }).0, "1965");
    // An export is not an original, in any container.
    let export = xmp(|x| x.create_date = Some("2015-01-01T10:00:00".into()));
    let original = exif("1965:07:14 12:00:00", None);
    assert_eq!(
        local_of(&Evidence { xmp: &export, ..evidence(Some(&original), None, "") }).0,
        "1965-07-14T12:00:00"
    );
    let sidecar = [("a.xmp".to_owned(), export[0].clone())];
    assert_eq!(
        local_of(&Evidence { sidecar_xmp: &sidecar, ..evidence(Some(&original), None, "") }).0,
        "1965-07-14T12:00:00"
    );
}

#[test]
fn a_day_takes_its_time_from_another_date_of_that_day() {
    let x = scanned();
    for day in ["2015-10-11", "2015-10-11T00:00:00"] {
        let created = xmp(|x| x.date_created = Some(day.into()));
        assert_eq!(
            local_of(&Evidence { xmp: &created, ..evidence(Some(&x), None, "") }),
            ("2015-10-11T13:40:12".into(), "exif:DateTimeDigitized".into())
        );
    }
    // A name gives the day of the year; the file's own time does not.
    let year = Iptc { date_created: Some("20240000".into()), ..Iptc::default() };
    assert_eq!(
        local_of(&Evidence { iptc: Some(&year), ..evidence(None, None, "2024-03-05 Rome.jpg") }).0,
        "2024-03-05"
    );
    assert_eq!(local_of(&Evidence { iptc: Some(&year), ..evidence(None, None, "a.jpg") }).0, "2024");
}

#[test]
fn dates_of_movies() {
    // 2015-01-01T10:00:00Z
    let header = Some(1_420_106_400);
    let day = |text: &str| Movie {
        header_time: header,
        other_date: Some(("quicktime:day", text.to_owned())),
        has_video: true,
        ..Movie::default()
    };
    for (text, local) in [
        ("2010-06-07T08:09:10+0200", "2010-06-07T08:09:10"),
        ("2010-06-07", "2010-06-07"),
        ("2015-01-01", "2015-01-01T10:00:00"),
        ("2010", "2015-01-01T10:00:00"),
        ("2010-06", "2015-01-01T10:00:00"),
    ] {
        let m = day(text);
        assert_eq!(local_of(&evidence(None, Some(&m), "a.m4v")).0, local, "{text}");
    }
    let alone = Movie { header_time: None, ..day("2010") };
    assert_eq!(local_of(&evidence(None, Some(&alone), "a.m4v")).0, "2010");
    // A sidecar's date beats all of the clip's.
    let m = Movie { creation_date: Some("2012-01-02T03:04:05+0100".into()), ..day("2010-06-07T08:09:10") };
    let sidecar = [(
        "a.mp4.xmp".to_owned(),
        xmp(|x| x.create_date = Some("2018-11-17T20:27:31+01:00".into()))[0].clone(),
    )];
    let clip = Evidence { sidecar_xmp: &sidecar, is_video: true, ..evidence(None, Some(&m), "a.mp4") };
    let (t, _) = choose(&clip).unwrap();
    assert_eq!((t.local.as_str(), t.offset.as_deref()), ("2018-11-17T20:27:31", Some("+01:00")));
    // And so does the date in the camera's thumbnail.
    let thumbnail = [("MVI_1.THM".to_owned(), exif("2006:05:04 03:02:01", None))];
    let clip = Evidence { sidecar_exif: &thumbnail, is_video: true, ..evidence(None, Some(&m), "MVI_1.AVI") };
    assert_eq!(local_of(&clip).0, "2006-05-04T03:02:01");
}

#[test]
fn gps_date_and_time_alone_are_a_date() {
    let x = Exif { gps_time: Some("2019:08:07 10:20:30".into()), ..Exif::default() };
    let (t, _) = choose(&evidence(Some(&x), None, "a.jpg")).unwrap();
    assert_eq!((t.utc.as_deref(), t.source.as_str()), (Some("2019-08-07T10:20:30Z"), "exif:GPSDateStamp"));
}

#[test]
fn names_and_folders_beat_the_files_own_time() {
    let in_folder = |name: &'static str, folder: &'static str| {
        local_of(&Evidence { folder, ..evidence(None, None, name) })
    };
    assert_eq!(in_folder("scan1.jpg", "2005-08 Italy"), ("2005-08".into(), "folder".into()));
    assert_eq!(in_folder("1965 Granny.jpg", "2005"), ("1965".into(), "name".into()));
    assert_eq!(in_folder("scan1.jpg", "Photos from 2005").0, "2005");
    // A date later than the file itself is rejected.
    assert_eq!(in_folder("scan1.jpg", "Plans for 2030").1, FILE_TIME);
    // A scanner's program changed the file after the date of its folder, and an edit at the folder's date is
    // more precise.
    let changed = |text: &str| Exif {
        modified: Some(ExifDate { text: text.into(), ..ExifDate::default() }),
        ..Exif::default()
    };
    let scan = changed("2015:10:11 13:40:12");
    assert_eq!(
        local_of(&Evidence { folder: "1998 Wedding", ..evidence(Some(&scan), None, "a.jpg") }).0,
        "1998"
    );
    let edit = changed("1998:10:11 13:40:12");
    assert_eq!(
        local_of(&Evidence { folder: "1998 Wedding", ..evidence(Some(&edit), None, "a.jpg") }).0,
        "1998-10-11T13:40:12"
    );
}

#[test]
fn clocks_that_were_never_set_yield() {
    for bad in [
        "2002:12:08 12:00:00",
        "2002:12:08 12:00:31",
        "1969:12:31 17:00:00",
        "2008:01:01 00:03:00",
        "2002:12:08 13:30:00",
    ] {
        let x = exif(bad, None);
        assert_eq!(local_of(&evidence(Some(&x), None, "IMG_20160701_102030.jpg")).1, "name", "{bad}");
        let folder = Evidence { folder: "2016 Rome", ..evidence(Some(&x), None, "a.jpg") };
        assert_eq!(local_of(&folder).1, "folder", "{bad}");
    }
    // A feast and its folder do not contradict each other.
    let x = exif("2009:01:01 00:05:00", None);
    let feast = Evidence { folder: "2008-12 New Year's Eve", ..evidence(Some(&x), None, "a.jpg") };
    assert_eq!(local_of(&feast).1, "exif:DateTimeOriginal");
}

#[test]
fn utc_in_a_tag_is_weak() {
    let tag = |text: &str| xmp(|x| x.date_original = Some(text.into()));
    let local = exif("2005:09:11 16:23:02", None);
    let utc = tag("2005-09-11T16:23:02Z");
    let offset = |e: &Evidence<'_>| choose(e).map(|(t, how)| (t.offset.unwrap_or_default(), how)).unwrap();
    let plain = Evidence { xmp: &utc, ..evidence(Some(&local), None, "a.jpg") };
    assert_eq!(offset(&plain), ("+00:00".into(), Some(WEAK)));
    let with_gps = Exif { gps_time: Some("2005:09:11 07:23:02".into()), ..local.clone() };
    assert_eq!(offset(&Evidence { exif: Some(&with_gps), ..plain }).0, "+09:00");
    let samsung = Evidence { utc_ms: Some(1_126_423_382_000), ..plain };
    assert_eq!(offset(&samsung).0, "+09:00");
    let with_offset = Exif {
        modified: Some(ExifDate {
            text: "2005:09:11 18:00:00".into(),
            subsec: None,
            offset: Some("+02:00".into()),
        }),
        ..local.clone()
    };
    assert_eq!(offset(&Evidence { exif: Some(&with_offset), ..plain }).0, "+02:00");
    // The zone of the place wins over a weak one, and over no other.
    let (mut t, _) = choose(&plain).unwrap();
    complete_with_zone(&mut t, "Asia/Tokyo", true);
    assert_eq!((t.offset.as_deref(), t.utc.as_deref()), (Some("+09:00"), Some("2005-09-11T07:23:02Z")));
    assert_eq!(t.local, "2005-09-11T16:23:02");
    // Another offset than UTC is used.
    let other = tag("2005-09-11T16:23:02+01:00");
    assert_eq!(offset(&Evidence { xmp: &other, exif: Some(&with_gps), ..plain }).0, "+01:00");
    // And so is one with an EXIF tag of its own.
    let strong = exif("2005:09:11 16:23:02", Some("+00:00"));
    assert_eq!(
        offset(&Evidence { exif: Some(&Exif { gps_time: with_gps.gps_time, ..strong }), ..plain }).0,
        "+00:00"
    );
}

proptest::proptest! {
    /// For any input, the length of the date matches its precision, and it has an offset only if it has a
    /// time.
    #[test]
    fn local_is_as_long_as_it_is_precise(
        original in proptest::option::of("(19[0-9]{2}|20[01][0-9])(:(0[0-9]|1[0-2]):[0-3][0-9] ([01][0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9])?( PM)?)?"),
        created in proptest::option::of("(19[0-9]{2}|20[01][0-9])(-(0[0-9]|1[0-2])(-[0-3][0-9](T[01][0-9]:[0-5][0-9](Z|\\+02:00)?)?)?)?"),
        day in proptest::option::of("(19[0-9]{2}|20[01][0-9])(0[0-9]|1[0-2])([0-2][0-9])"),
        folder in "(19[0-9]{2}|20[01][0-9])([-/](0[1-9]|1[0-2]))?( [a-z]{3,6})?",
        zone in proptest::sample::select(vec!["Europe/Paris", "Asia/Kathmandu"]),
    ) {
        let x = Exif { original: original.map(|text| ExifDate { text, ..ExifDate::default() }), ..Exif::default() };
        let tags = xmp(|x| x.date_created = created);
        let iptc = Iptc { date_created: day, ..Iptc::default() };
        let e = Evidence { xmp: &tags, iptc: Some(&iptc), folder: &folder, ..evidence(Some(&x), None, "a.jpg") };
        let (mut t, how) = choose(&e).unwrap();
        complete_with_zone(&mut t, zone, how == Some(WEAK));
        let bare = t.local.split('.').next().unwrap_or_default();
        proptest::prop_assert_eq!(bare.len(), t.precision.length(), "{:?}", t);
        proptest::prop_assert_eq!(t.offset.is_some(), t.precision >= Precision::Minute);
        // It is read again as it was written, and sorts at the start of its period.
        let again = when::parse(&t.local).unwrap();
        proptest::prop_assert_eq!(again.precision, t.precision);
        proptest::prop_assert!(t.local.as_str() <= again.at.to_string().as_str());
        proptest::prop_assert!(t.source != FILE_TIME);
    }
}

#[test]
fn utc_in_a_tag_is_no_wall_clock() {
    let m = Movie { header_time: Some(1_578_236_640), ..Movie::default() };
    let tag = xmp(|x| x.create_date = Some("2020-01-05T15:04Z".into()));
    let (t, _) = choose(&Evidence { xmp: &tag, ..evidence(None, Some(&m), "a.mp4") }).unwrap();
    assert_eq!(t.utc.as_deref(), Some("2020-01-05T15:04:00Z"));
}

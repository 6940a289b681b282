//! When a photo was taken: one ordered table of rules, and how the zone is told.
//!
//! Promises: the first rule in [`RULES`] whose date can be believed wins; every other date is kept with the
//! reason why it lost. Dates of unset clocks never win over real ones. Pure functions of what was found.

use super::when::{self, When};
use crate::evidence::Evidence;
use crate::name_date;
use albumen_core::vocabulary::{RejectedDate, Taken};
use albumen_formats::exif::ExifDate;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

/// A date that could be the one.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What stands in `taken.source`.
    pub source: String,
    /// As written.
    pub text: String,
    pub when: Option<When>,
}

type Rule = (&'static str, fn(&Evidence<'_>, &mut Vec<Candidate>));

/// The rules, best first.
pub const RULES: &[Rule] = &[
    // What a person or their photo program wrote beside the file wins over the file (edit, sidecar, file).
    ("sidecar:DateTimeOriginal, photoshop:DateCreated", |e, out| {
        for (name, x) in e.sidecar_xmp {
            push(out, format!("sidecar:{name}:exif:DateTimeOriginal"), x.date_original.as_deref());
            push(out, format!("sidecar:{name}:photoshop:DateCreated"), x.date_created.as_deref());
        }
    }),
    // The shutter: EXIF 0x9003, with its subseconds (0x9291) and its own offset (0x9011).
    ("exif:DateTimeOriginal", |e, out| {
        push_exif(out, "exif:DateTimeOriginal", e.exif.and_then(|x| x.original.as_ref()))
    }),
    // The digitising: for a camera the same moment, for a scanner at least the photo's coming to be a file.
    ("exif:DateTimeDigitized", |e, out| {
        push_exif(out, "exif:DateTimeDigitized", e.exif.and_then(|x| x.digitized.as_ref()));
    }),
    // The satellites' clock, UTC.
    ("exif:GPSDateStamp", |e, out| {
        push_utc(out, "exif:GPSDateStamp", e.exif.and_then(|x| x.gps_time.as_deref()))
    }),
    // Apple's and Sony's movies: local time with its zone.
    ("quicktime:CreationDate", |e, out| {
        push(out, "quicktime:CreationDate", e.movie.and_then(|m| m.creation_date.as_deref()));
    }),
    // A movie's header counts UTC by the specification; see `header_is_local` for the cameras that do not.
    ("quicktime:CreateDate", |e, out| {
        let Some(seconds) = e.movie.and_then(|m| m.header_time) else { return };
        let Ok(stamp) = jiff::Timestamp::from_second(seconds) else { return };
        let at = stamp.to_zoned(TimeZone::UTC).datetime();
        let local = header_is_local(e);
        let when = When { utc: !local, ..When::local(at) };
        let zone = if local { "" } else { "Z" };
        out.push(Candidate {
            source: "quicktime:CreateDate".into(),
            text: format!("{at}{zone}"),
            when: Some(when),
        });
    }),
    // Other movie headers: AVI's IDIT and ICRD, QuickTime's day, AVCHD's stamp.
    ("movie", |e, out| {
        if let Some((source, text)) = e.movie.and_then(|m| m.other_date.as_ref()) {
            push(out, *source, Some(text));
        }
    }),
    // XMP inside the file.
    ("xmp", |e, out| {
        for x in e.xmp {
            push(out, "xmp:exif:DateTimeOriginal", x.date_original.as_deref());
            // The date created is often a day without a time (Photoshop writes midnight): then a time that
            // another tag has is worth more.
            let created = x.date_created.as_deref();
            let has_time =
                created.and_then(when::parse).is_some_and(|w| w.at.time() != jiff::civil::Time::midnight());
            if has_time {
                push(out, "xmp:photoshop:DateCreated", created);
            }
            push(out, "xmp:exif:DateTimeDigitized", x.date_digitized.as_deref());
            push(out, "xmp:CreateDate", x.create_date.as_deref());
            if !has_time {
                push(out, "xmp:photoshop:DateCreated", created);
            }
        }
        for (name, x) in e.sidecar_xmp {
            push(out, format!("sidecar:{name}:exif:DateTimeDigitized"), x.date_digitized.as_deref());
            push(out, format!("sidecar:{name}:xmp:CreateDate"), x.create_date.as_deref());
        }
    }),
    ("iptc", |e, out| {
        if let Some(i) = e.iptc {
            let join = |d: &Option<String>, t: &Option<String>| {
                d.as_ref().map(|d| format!("{d} {}", t.as_deref().unwrap_or_default()).trim().to_owned())
            };
            push(out, "iptc:DateCreated", join(&i.date_created, &i.time_created).as_deref());
            push(out, "iptc:DigitalCreationDate", join(&i.digital_date, &i.digital_time).as_deref());
        }
    }),
    // PNG's texts.
    ("png", |e, out| {
        for key in ["png:Creation Time", "png:CreationTime", "png:create-date", "png:date:create"] {
            push(out, key, e.text(key));
        }
    }),
    // Google Takeout's JSON: UTC.
    ("takeout:photoTakenTime", |e, out| {
        for (name, t) in e.takeout {
            let at = t.taken.and_then(|s| jiff::Timestamp::from_second(s).ok());
            if let Some(at) = at.map(|t| t.to_zoned(TimeZone::UTC).datetime()) {
                let when = Some(When { utc: true, ..When::local(at) });
                out.push(Candidate { source: format!("takeout:{name}"), text: format!("{at}Z"), when });
            }
        }
    }),
    ("name", |e, out| {
        if let Some(when) = name_date::from_name(e.name) {
            out.push(Candidate { source: "name".into(), text: e.name.to_owned(), when: Some(when) });
        }
    }),
    // The last change that a program made to the file: not the shutter, but no later than it.
    ("exif:DateTime", |e, out| push_exif(out, "exif:DateTime", e.exif.and_then(|x| x.modified.as_ref()))),
    ("folder", |e, out| {
        if let Some(when) = name_date::from_folder(e.folder) {
            out.push(Candidate { source: "folder".into(), text: e.folder.to_owned(), when: Some(when) });
        }
    }),
    ("png:tIME", |e, out| push_utc(out, "png:tIME", e.text("png:tIME"))),
    // At last the file's own time.
    (FILE_TIME, |e, out| {
        if let Ok(stamp) = jiff::Timestamp::from_nanosecond(e.mtime_ns.into()) {
            let at = stamp.to_zoned(TimeZone::UTC).datetime();
            let at = at.with().subsec_nanosecond(0).build().unwrap_or(at);
            let when = Some(When { utc: true, ..When::local(at) });
            out.push(Candidate { source: FILE_TIME.into(), text: format!("{at}Z"), when });
        }
    }),
];

const FILE_TIME: &str = "file:mtime";

fn push(out: &mut Vec<Candidate>, source: impl Into<String>, text: Option<&str>) {
    if let Some(text) = text.filter(|t| t.bytes().any(|b| b.is_ascii_digit())) {
        out.push(Candidate { source: source.into(), text: text.to_owned(), when: when::parse(text) });
    }
}

fn push_utc(out: &mut Vec<Candidate>, source: &str, text: Option<&str>) {
    if let Some(text) = text {
        let when = when::parse(text).map(|w| When { utc: true, ..w });
        out.push(Candidate { source: source.into(), text: format!("{text}Z"), when });
    }
}

fn push_exif(out: &mut Vec<Candidate>, source: &str, date: Option<&ExifDate>) {
    let Some(date) = date else { return };
    let mut text = date.text.clone();
    let when = when::parse(&date.text).map(|mut w| {
        if w.subsec.is_empty() {
            w.subsec = date.subsec.clone().unwrap_or_default();
        }
        w.offset = w.offset.or_else(|| when::offset(date.offset.as_deref()?));
        w
    });
    if let Some(s) = &date.subsec {
        text.push('.');
        text.push_str(s);
    }
    text.push_str(date.offset.as_deref().unwrap_or_default());
    out.push(Candidate { source: source.into(), text, when });
}

/// Makers whose cameras write the wall clock into the movie header, where the specification wants UTC. Phones
/// and Sony write UTC.
const LOCAL_HEADER_MAKERS: &[&str] = &[
    "canon",
    "nikon",
    "panasonic",
    "fujifilm",
    "olympus",
    "om digital",
    "pentax",
    "ricoh",
    "casio",
    "kodak",
    "gopro",
];

/// Whether a movie header holds the wall clock, told by the maker.
fn header_is_local(e: &Evidence<'_>) -> bool {
    let make = e.make.to_lowercase();
    LOCAL_HEADER_MAKERS.iter().any(|m| make.starts_with(m))
}

/// Dates that clocks show which nobody set, or that programs write for "unknown".
fn placeholder(when: &When) -> Option<&'static str> {
    let at = when.at;
    let day = at.date();
    // The zone may have shifted the epoch's midnight into the day before.
    let eve = |d: jiff::civil::Date| d.yesterday().is_ok_and(|y| y == day) && at.hour() >= 10;
    for (epoch, why) in [
        (date(1970, 1, 1), "the zero of Unix clocks, not a date"),
        (date(1904, 1, 1), "the zero of QuickTime clocks, not a date"),
        (date(1980, 1, 1), "the zero of FAT clocks, not a date"),
    ] {
        if day == epoch || eve(epoch) {
            return Some(why);
        }
    }
    let new_year = day.month() == 1 && day.day() == 1 && matches!(day.year(), 1999..=2010 | 2015..=2016);
    if new_year && at.time() == jiff::civil::Time::midnight() && when.has_time {
        return Some("midnight of a New Year: a camera clock that nobody set");
    }
    None
}

/// A day on which cameras wake up whose clock nobody set: believed only where nothing else is known.
fn doubtful(when: &When) -> bool {
    let d = when.at.date();
    d.month() == 1 && d.day() == 1 && matches!(d.year(), 2000 | 2002) && when.has_time
}

/// Chooses the date.
pub fn choose(e: &Evidence<'_>) -> Option<(Taken, Option<&'static str>)> {
    let mut all = Vec::new();
    for (_, rule) in RULES {
        rule(e, &mut all);
    }
    let believable = |c: &Candidate| c.when.as_ref().is_some_and(|w| placeholder(w).is_none());
    let sure = |c: &Candidate| c.source != FILE_TIME && c.source != "folder" && c.source != "exif:DateTime";
    let mut winner = all.iter().position(believable)?;
    // A doubtful New Year gives way to any good date of another year.
    if all[winner].when.as_ref().is_some_and(doubtful) {
        let other = |c: &Candidate| {
            believable(c)
                && sure(c)
                && c.when.as_ref().zip(all[winner].when.as_ref()).is_some_and(|(a, b)| {
                    !doubtful(a) && (i32::from(a.at.year()) - i32::from(b.at.year())).abs() >= 1
                })
        };
        winner = all.iter().position(other).unwrap_or(winner);
    }
    let mut when = all[winner].when.clone()?;
    let mut taken = Taken { source: all[winner].source.clone(), ..Taken::default() };
    let mut offset = zone(e, &when, &all, winner);
    if when.utc && offset == Some((0, CLOCK_AGAINST_UTC)) {
        // A "UTC" that is equal to the clock on the wall: a camera that writes the wall clock, or one in
        // Greenwich's zone. The wall clock is sure, the zone is not.
        when.utc = false;
        offset = None;
    }
    write(&mut taken, &when, offset.map(|o| o.0));
    for (i, c) in all.iter().enumerate() {
        if i == winner {
            continue;
        }
        let why = match &c.when {
            None => "no date that can be".to_owned(),
            Some(w) => match placeholder(w) {
                Some(why) => why.to_owned(),
                None if i < winner => {
                    "a day on which unset clocks begin, and another date is known".to_owned()
                }
                None if agrees(w, &when, offset.map(|o| o.0)) => format!("says the same as {}", taken.source),
                None => format!("{} is believed first", taken.source),
            },
        };
        taken.rejected.push(RejectedDate { source: c.source.clone(), value: c.text.clone(), why });
    }
    Some((taken, offset.map(|o| o.1)))
}

/// Two dates within 2 s (FAT's step) of each other, as far as both are known.
fn agrees(a: &When, b: &When, offset: Option<i32>) -> bool {
    let shift = match (a.utc, b.utc) {
        (true, false) => offset.unwrap_or(0),
        (false, true) => -offset.unwrap_or(0),
        _ => 0,
    };
    seconds(a.at).abs_diff(seconds(b.at) - i64::from(shift) * 60) <= 2
        || (!a.has_time && a.at.date() == b.at.date())
}

/// Seconds of a wall clock, to subtract two of them.
fn seconds(at: DateTime) -> i64 {
    at.to_zoned(TimeZone::UTC).map_or(0, |z| z.timestamp().as_second())
}

/// The offset in minutes, and what told it: the date's own, `OffsetTime` where it can be meant, another date of
/// the same moment that has one, UTC dates against the wall clock.
fn zone(e: &Evidence<'_>, when: &When, all: &[Candidate], winner: usize) -> Option<(i32, &'static str)> {
    if let Some(offset) = when.offset {
        return Some((offset, "written"));
    }
    if when.utc {
        // The wall clock of the same moment, from a name or another date without zone.
        let clock = all.iter().enumerate().filter(|(i, c)| *i != winner && c.source != FILE_TIME).find_map(
            |(_, c)| {
                let w = c
                    .when
                    .as_ref()
                    .filter(|w| !w.utc && w.has_time && w.offset.is_none() && placeholder(w).is_none())?;
                difference(w.at, when.at, CLOCK_SLACK_S)
            },
        );
        return clock.map(|o| (o, CLOCK_AGAINST_UTC));
    }
    let exif = e.exif?;
    let near = |d: &Option<ExifDate>, within_s: u64| {
        let d = d.as_ref()?;
        let w = when::parse(&d.text)?;
        let offset = when::offset(d.offset.as_deref()?)?;
        (seconds(w.at).abs_diff(seconds(when.at)) <= within_s).then_some(offset)
    };
    let twin = near(&exif.original, SAME_MOMENT_S).or_else(|| near(&exif.digitized, SAME_MOMENT_S));
    if let Some(o) = twin {
        return Some((o, "another date's offset"));
    }
    // OffsetTime belongs to DateTime, the last change. It is meant for the picture, too, where that was made
    // within a day: by the camera itself, or by its owner on the same journey.
    if let Some(o) = near(&exif.modified, SAME_DAY_S) {
        return Some((o, "exif:OffsetTime"));
    }
    let same = all.iter().enumerate().filter(|(i, _)| *i != winner).find_map(|(_, c)| {
        let w = c.when.as_ref()?;
        (seconds(w.at).abs_diff(seconds(when.at)) <= 2 && !w.utc).then_some(w.offset)?
    });
    if let Some(o) = same {
        return Some((o, "another date's offset"));
    }
    let gps = exif.gps_time.as_deref().and_then(when::parse)?;
    difference(when.at, gps.at, GPS_SLACK_S).map(|o| (o, "wall clock against GPS time"))
}

const CLOCK_AGAINST_UTC: &str = "wall clock against UTC";

/// A camera writes its tags within this time of each other.
const SAME_MOMENT_S: u64 = 60;
/// A change within this time was made in the same zone.
const SAME_DAY_S: u64 = 24 * 3600;
/// A GPS time stamp is that of the last fix: some minutes old indoors.
const GPS_SLACK_S: i64 = 180;
/// A movie's header is written when it begins or ends, its name when it begins.
const CLOCK_SLACK_S: i64 = 120;

/// The offset that is between a wall clock and UTC: one that some country has, with a little slack.
fn difference(local: DateTime, utc: DateTime, slack_s: i64) -> Option<i32> {
    let d = seconds(local) - seconds(utc);
    let quarter = (d as f64 / 900.0).round() as i64;
    let minutes = (quarter * 15) as i32;
    let exists = match minutes.rem_euclid(60) {
        0 => (-12 * 60..=14 * 60).contains(&minutes),
        30 => matches!(minutes, -570 | -210 | -150 | 210 | 270 | 330 | 390 | 570 | 630),
        45 => matches!(minutes, 345 | 525 | 765 | 825),
        _ => false,
    };
    (exists && (d - quarter * 900).abs() <= slack_s).then_some(minutes)
}

/// Fills `local`, `offset` and `utc`.
fn write(taken: &mut Taken, when: &When, offset: Option<i32>) {
    let with = |at: DateTime, tail: &str| {
        let point = if when.subsec.is_empty() { "" } else { "." };
        format!("{}{point}{}{tail}", at.strftime("%Y-%m-%dT%H:%M:%S"), when.subsec)
    };
    let shift = |at: DateTime, minutes: i32| {
        at.checked_add(jiff::Span::new().minutes(i64::from(minutes))).unwrap_or(at)
    };
    if when.utc {
        taken.utc = Some(with(when.at, "Z"));
        taken.local = with(shift(when.at, offset.unwrap_or(0)), "");
    } else {
        taken.local = with(when.at, "");
        taken.utc = offset.map(|o| with(shift(when.at, -o), "Z"));
    }
    taken.offset = offset.map(when::offset_text);
}

/// Fills in what the zone at the place it was taken tells: the zone's name, and where no offset was written
/// the offset, and from it `utc` or `local`. An unknown zone name changes nothing.
pub fn complete_with_zone(taken: &mut Taken, zone_name: &str) {
    let Ok(zone) = TimeZone::get(zone_name) else { return };
    taken.zone = Some(zone_name.to_owned());
    if taken.offset.is_some() {
        return;
    }
    let Some(mut when) = when::parse(taken.utc.as_deref().unwrap_or(&taken.local)) else { return };
    when.utc = taken.utc.is_some();
    when.offset = None;
    let seconds = if when.utc {
        let Ok(stamp) = when.at.to_zoned(TimeZone::UTC).map(|z| z.timestamp()) else { return };
        zone.to_offset(stamp).seconds()
    } else {
        // In the hour that a clock repeats, the first is taken; in the hour it skips, the one before.
        let Ok(zoned) = when.at.to_zoned(zone) else { return };
        zoned.offset().seconds()
    };
    write(taken, &when, Some(seconds.div_euclid(60)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_formats::exif::Exif;
    use albumen_formats::movie::Movie;

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
        // The party of the millennium, with nothing said against it.
        let x = exif("2000:01:01 01:30:00", None);
        assert_eq!(
            choose(&evidence(Some(&x), None, "DSC001.jpg")).unwrap().0.source,
            "exif:DateTimeOriginal"
        );
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
        complete_with_zone(&mut t, "Europe/Berlin");
        assert_eq!(
            (t.offset.as_deref(), t.utc.as_deref(), t.zone.as_deref()),
            (Some("+02:00"), Some("2023-07-01T08:20:30Z"), Some("Europe/Berlin"))
        );
        let m = Movie { header_time: Some(1_688_199_630), ..Movie::default() };
        let (mut t, _) = choose(&evidence(None, Some(&m), "MOV001.mp4")).unwrap();
        complete_with_zone(&mut t, "Asia/Kolkata");
        assert_eq!((t.local.as_str(), t.offset.as_deref()), ("2023-07-01T13:50:30", Some("+05:30")));
        complete_with_zone(&mut t, "Nowhere/Land");
        assert_eq!(t.zone.as_deref(), Some("Asia/Kolkata"));
    }

    proptest::proptest! {
        /// Whatever zone is completed, local minus offset is UTC.
        #[test]
        fn local_offset_and_utc_agree(secs in 0i64..4_000_000_000, zone in proptest::sample::select(vec!["Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"])) {
            let m = Movie { header_time: Some(secs), ..Movie::default() };
            if let Some((mut t, _)) = choose(&evidence(None, Some(&m), "a.mp4")) {
                complete_with_zone(&mut t, zone);
                let local = when::parse(&t.local).unwrap().at;
                let utc = when::parse(t.utc.as_deref().unwrap()).unwrap().at;
                let offset = when::offset(t.offset.as_deref().unwrap()).unwrap();
                proptest::prop_assert_eq!(seconds(local) - i64::from(offset) * 60, seconds(utc));
            }
        }
    }
}

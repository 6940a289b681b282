//! The sources of the date of a photo or video: one ordered table.
//!
//! The meaning of a date has precedence over the container that stores it. The date of the original (the
//! shutter, or the year on an old print) comes first, then the date of its creation as a file (a scanner, an
//! export, the end of a recording), then dates from third parties, then the date of the file's last change.
//! [`super::taken`] chooses among the dates found.

use crate::evidence::Evidence;
use crate::name_date;
use crate::when::{self, When};
use albumen_core::vocabulary::Precision;
use albumen_formats::exif::ExifDate;
use jiff::tz::TimeZone;
use std::ops::RangeBounds;

/// The meaning of a date, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// When the original was taken.
    Original,
    /// When it was created as a file: digitised, exported, or when a recording ended.
    Digitised,
    /// From third parties: Google's database, the names of file and folder.
    Told,
    /// When the file was last changed.
    Changed,
}

/// A candidate for the date.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The value of `taken.source`.
    pub source: String,
    pub meaning: Meaning,
    /// As written.
    pub text: String,
    pub when: Option<When>,
    /// `Z` or `+00:00`, which tools also write if the offset is unknown: `when` has no offset then.
    pub is_weakly_utc: bool,
}

/// The list to which a rule adds.
pub struct Candidates {
    pub all: Vec<Candidate>,
    meaning: Meaning,
}

pub type Rule = fn(&Evidence<'_>, &mut Candidates);

/// The rules, best first: the meaning, the position and the parsing of the dates.
pub const RULES: &[(Meaning, &str, Rule)] = &[
    // The sidecar of a user's photo program has precedence over the file.
    (Meaning::Original, "sidecar: exif:DateTimeOriginal, photoshop:DateCreated", sidecar_original),
    // For videos programs have no other tag (and no program writes a sidecar when it records).
    (Meaning::Original, "sidecar of a video: xmp:CreateDate", |e, out| {
        if e.is_video {
            sidecar_digitised(e, out);
        }
    }),
    // The shutter: EXIF 0x9003, with its subseconds (0x9291) and its own offset (0x9011).
    (Meaning::Original, "exif:DateTimeOriginal", |e, out| {
        out.exif("exif:DateTimeOriginal", e.exif.and_then(|x| x.original.as_ref()));
    }),
    (Meaning::Original, "xmp: exif:DateTimeOriginal, photoshop:DateCreated", |e, out| {
        for x in e.xmp {
            out.tag("xmp:exif:DateTimeOriginal", x.date_original.as_deref());
            out.tag("xmp:photoshop:DateCreated", x.date_created.as_deref());
        }
    }),
    (Meaning::Original, "iptc:DateCreated", |e, out| {
        if let Some(i) = e.iptc {
            out.iptc("iptc:DateCreated", i.date_created.as_deref(), i.time_created.as_deref());
        }
    }),
    // Apple's and Sony's movies: local time with its zone.
    (Meaning::Original, "quicktime:CreationDate", |e, out| {
        out.movie(
            "quicktime:CreationDate",
            e.movie.and_then(|m| m.creation_date.as_deref()),
            Precision::Day..,
        );
    }),
    // AVI's IDIT and ICRD, QuickTime's day, AVCHD's time stamp. A year alone is that of a film, not of a
    // recording.
    (Meaning::Original, "movie: IDIT, ICRD, day, AVCHD", |e, out| {
        if let Some((source, text)) = e.movie.and_then(|m| m.other_date.as_ref()) {
            out.movie(source, Some(text), Precision::Day..);
        }
    }),
    // For a camera the same moment, for a scanner the day of the scan.
    (Meaning::Digitised, "exif:DateTimeDigitized", |e, out| {
        out.exif("exif:DateTimeDigitized", e.exif.and_then(|x| x.digitized.as_ref()));
    }),
    // From the satellites' clock, UTC.
    (Meaning::Digitised, "exif:GPSDateStamp", |e, out| {
        out.utc("exif:GPSDateStamp", e.exif.and_then(|x| x.gps_time.as_deref()));
        for x in e.xmp {
            out.utc("xmp:exif:GPSTimeStamp", x.gps_time.as_deref());
        }
    }),
    // A movie's header is in UTC by the specification; see `header_is_local` for the exceptions.
    (Meaning::Digitised, "quicktime:CreateDate", movie_header),
    (Meaning::Digitised, "xmp: exif:DateTimeDigitized, xmp:CreateDate", |e, out| {
        for x in e.xmp {
            out.tag("xmp:exif:DateTimeDigitized", x.date_digitized.as_deref());
            out.tag("xmp:CreateDate", x.create_date.as_deref());
        }
    }),
    (Meaning::Digitised, "sidecar: exif:DateTimeDigitized, xmp:CreateDate", |e, out| {
        if !e.is_video {
            sidecar_digitised(e, out);
        }
    }),
    (Meaning::Digitised, "iptc:DigitalCreationDate", |e, out| {
        if let Some(i) = e.iptc {
            out.iptc("iptc:DigitalCreationDate", i.digital_date.as_deref(), i.digital_time.as_deref());
        }
    }),
    (Meaning::Digitised, "png: Creation Time and the like", |e, out| {
        for key in ["png:Creation Time", "png:CreationTime", "png:create-date", "png:date:create"] {
            out.text(key, e.text(key));
        }
    }),
    (Meaning::Digitised, "movie: a year or a month", |e, out| {
        let movie = e.movie.into_iter();
        for (source, text) in movie.flat_map(|m| {
            let apple = m.creation_date.as_ref().map(|d| ("quicktime:CreationDate", d));
            apple.into_iter().chain(m.other_date.as_ref().map(|(source, text)| (*source, text)))
        }) {
            out.movie(source, Some(text), ..Precision::Day);
        }
    }),
    // Google Takeout's JSON: UTC.
    (Meaning::Told, "takeout:photoTakenTime", |e, out| {
        for (name, t) in e.takeout {
            let at = t.taken.and_then(|s| jiff::Timestamp::from_second(s).ok());
            if let Some(at) = at.map(|t| t.to_zoned(TimeZone::UTC).datetime()) {
                let when = Some(When { utc: true, ..When::local(at) });
                out.push(format!("takeout:{name}"), format!("{at}Z"), when);
            }
        }
    }),
    (Meaning::Told, "name", |e, out| {
        if let Some(when) = name_date::from_name(e.name, latest_year(e)) {
            out.push(NAME, e.name, Some(when));
        }
    }),
    // Not the shutter, but not earlier than it.
    (Meaning::Changed, "exif:DateTime", |e, out| {
        out.exif(EXIF_CHANGE, e.exif.and_then(|x| x.modified.as_ref()));
    }),
    (Meaning::Told, "folder", |e, out| {
        if let Some(when) = name_date::from_folder(e.folder, latest_year(e)) {
            out.push(FOLDER, e.folder, Some(when));
        }
    }),
    (Meaning::Changed, "png:tIME", |e, out| out.utc("png:tIME", e.text("png:tIME"))),
    // Last the file's own time.
    (Meaning::Changed, FILE_TIME, |e, out| {
        if let Some(at) = file_time(e) {
            let when = Some(When { utc: true, ..When::local(at) });
            out.push(FILE_TIME, format!("{at}Z"), when);
        }
    }),
];

pub const NAME: &str = "name";
pub const FOLDER: &str = "folder";
pub const EXIF_CHANGE: &str = "exif:DateTime";
pub const FILE_TIME: &str = "file:mtime";

/// All dates found, in the order of the rules.
pub fn candidates(e: &Evidence<'_>) -> Vec<Candidate> {
    let mut out = Candidates { all: Vec::new(), meaning: Meaning::Original };
    for (meaning, _, rule) in RULES {
        out.meaning = *meaning;
        rule(e, &mut out);
    }
    out.all
}

fn sidecar_original(e: &Evidence<'_>, out: &mut Candidates) {
    for (name, x) in e.sidecar_xmp {
        out.tag(format!("sidecar:{name}:exif:DateTimeOriginal"), x.date_original.as_deref());
        out.tag(format!("sidecar:{name}:photoshop:DateCreated"), x.date_created.as_deref());
    }
    // By-products of a clip have the date of the clip.
    for (name, x) in e.sidecar_exif {
        out.exif(&format!("sidecar:{name}:exif:DateTimeOriginal"), x.original.as_ref());
    }
}

fn sidecar_digitised(e: &Evidence<'_>, out: &mut Candidates) {
    for (name, x) in e.sidecar_xmp {
        out.tag(format!("sidecar:{name}:exif:DateTimeDigitized"), x.date_digitized.as_deref());
        out.tag(format!("sidecar:{name}:xmp:CreateDate"), x.create_date.as_deref());
    }
    for (name, x) in e.sidecar_exif {
        out.exif(&format!("sidecar:{name}:exif:DateTimeDigitized"), x.digitized.as_ref());
        out.exif(&format!("sidecar:{name}:exif:DateTime"), x.modified.as_ref());
    }
}

fn movie_header(e: &Evidence<'_>, out: &mut Candidates) {
    let Some(seconds) = e.movie.and_then(|m| m.header_time) else { return };
    let Ok(stamp) = jiff::Timestamp::from_second(seconds) else { return };
    let at = stamp.to_zoned(TimeZone::UTC).datetime();
    let local = header_is_local(e);
    let when = When { utc: !local, ..When::local(at) };
    let zone = if local { "" } else { "Z" };
    out.push("quicktime:CreateDate", format!("{at}{zone}"), Some(when));
}

/// Makers whose cameras write local time into the movie header, where the specification requires UTC. Phones
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

/// Whether a movie header is in local time, by the maker.
fn header_is_local(e: &Evidence<'_>) -> bool {
    let make = e.make.to_lowercase();
    LOCAL_HEADER_MAKERS.iter().any(|m| make.starts_with(m))
}

fn file_time(e: &Evidence<'_>) -> Option<jiff::civil::DateTime> {
    let stamp = jiff::Timestamp::from_nanosecond(e.mtime_ns.into()).ok()?;
    let at = stamp.to_zoned(TimeZone::UTC).datetime();
    Some(at.with().subsec_nanosecond(0).build().unwrap_or(at))
}

/// A year in the name of a file or folder cannot be later than the file, unless the clock was never set.
fn latest_year(e: &Evidence<'_>) -> u32 {
    const FIRST_SET: i16 = 1990;
    match file_time(e).map(|at| at.year()) {
        Some(year) if year >= FIRST_SET => u32::from(year.unsigned_abs()),
        _ => *when::YEARS.end(),
    }
}

impl Candidates {
    fn push(&mut self, source: impl Into<String>, text: impl Into<String>, when: Option<When>) {
        let (source, text, meaning) = (source.into(), text.into(), self.meaning);
        self.all.push(Candidate { source, meaning, text, when, is_weakly_utc: false });
    }

    fn text(&mut self, source: impl Into<String>, text: Option<&str>) {
        if let Some(text) = text.filter(|t| t.bytes().any(|b| b.is_ascii_digit()) || !t.is_ascii()) {
            self.push(source, text, when::parse(text));
        }
    }

    /// A date in XMP or IPTC.
    fn tag(&mut self, source: impl Into<String>, text: Option<&str>) {
        let before = self.all.len();
        self.text(source, text);
        for c in &mut self.all[before..] {
            if let Some(when) = c.when.as_mut().filter(|w| w.offset == Some(0)) {
                when.offset = None;
                c.is_weakly_utc = true;
            }
        }
    }

    fn iptc(&mut self, source: &str, date: Option<&str>, time: Option<&str>) {
        let whole = date.map(|date| format!("{date} {}", time.unwrap_or_default()).trim().to_owned());
        // A time after a partial date is ignored.
        let partial = date.and_then(when::parse).is_some_and(|w| w.precision < Precision::Day);
        self.tag(source, if partial { date } else { whole.as_deref() });
    }

    /// A movie's date of some precisions.
    fn movie(&mut self, source: &str, text: Option<&str>, precise: impl RangeBounds<Precision>) {
        let when = text.and_then(when::parse);
        let is_other = when.as_ref().is_some_and(|w| !precise.contains(&w.precision));
        let is_unread = when.is_none() && !precise.contains(&Precision::Second);
        if !is_other && !is_unread {
            self.text(source, text);
        }
    }

    fn utc(&mut self, source: &str, text: Option<&str>) {
        if let Some(text) = text {
            let when = when::parse(text).map(|w| When { utc: true, offset: None, ..w });
            let zone = if text.ends_with('Z') { "" } else { "Z" };
            self.push(source, format!("{text}{zone}"), when);
        }
    }

    fn exif(&mut self, source: &str, date: Option<&ExifDate>) {
        let Some(date) = date else { return };
        let mut text = date.text.clone();
        let when = when::parse(&date.text).map(|mut w| {
            if w.precision == Precision::Second && w.subsec.is_empty() {
                w.subsec = date.subsec.clone().unwrap_or_default();
            }
            if w.has_time() {
                w.offset = w.offset.or_else(|| when::offset(date.offset.as_deref()?));
            }
            w
        });
        if let Some(s) = &date.subsec {
            text.push('.');
            text.push_str(s);
        }
        text.push_str(date.offset.as_deref().unwrap_or_default());
        self.push(source, text, when);
    }
}

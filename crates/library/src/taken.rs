//! The capture date: the choice among the dates found, and the determination of the zone.
//!
//! Promises: the first rule in [`crate::date_rules`] with a plausible date wins; every other date is kept with the
//! reason why it lost. Dates of unset clocks never win over real ones. Pure functions of the input.

use crate::date_rules::{Candidate, EXIF_CHANGE, FOLDER, Meaning, candidates};
use crate::evidence::Evidence;
use crate::when::{self, When};
use albumen_core::vocabulary::{Precision, RejectedDate, Taken};
use albumen_formats::exif::ExifDate;
use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

/// Dates of clocks that were never set, or that programs write for "unknown": rejected.
fn placeholder(when: &When) -> Option<&'static str> {
    let at = when.at;
    let day = at.date();
    // A year or a month alone was written by a user.
    if when.precision < Precision::Day {
        return None;
    }
    // The zone may have shifted the epoch's midnight to the previous day.
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
    if day == date(1969, 12, 31) {
        return Some("the zero of Unix clocks, not a date");
    }
    let new_year = day.month() == 1 && day.day() == 1 && matches!(day.year(), 1999..=2010 | 2015..=2016);
    if new_year && at.time() == jiff::civil::Time::midnight() && when.has_time() {
        return Some("midnight of a New Year: a camera clock that was never set");
    }
    if day == date(2002, 12, 8) && at.hour() == 12 && at.minute() == 0 && when.has_time() {
        return Some("noon of 2002-12-08: a MediaTek clock that was never set");
    }
    None
}

/// A default time of cameras whose clock was never set: used only if there is no other date.
fn doubtful(when: &When) -> bool {
    let d = when.at.date();
    let new_year = d.month() == 1 && d.day() == 1;
    let first_minutes = when.at.hour() == 0 && when.at.minute() < 10;
    when.has_time()
        && match d.year() {
            2000 | 2002 if new_year => true,
            1998..=2020 if new_year => first_minutes,
            _ => d == date(2002, 12, 8),
        }
}

/// Whether two dates are more than a month apart, and so cannot be of one journey or event.
fn contradicts(a: &When, b: &When) -> bool {
    const APART_S: i64 = 31 * 24 * 3600;
    seconds(a.at) - seconds(b.end()) > APART_S || seconds(b.at) - seconds(a.end()) > APART_S
}

fn believable(c: &Candidate) -> bool {
    c.when.as_ref().is_some_and(|w| placeholder(w).is_none())
}

/// The candidate that is chosen.
fn believed(all: &[Candidate]) -> Option<usize> {
    let first = all.iter().position(believable)?;
    let when = all[first].when.as_ref()?;
    if doubtful(when) {
        let other = |c: &Candidate| {
            believable(c)
                && c.meaning != Meaning::Changed
                && c.when.as_ref().is_some_and(|w| !doubtful(w) && contradicts(w, when))
        };
        if let Some(other) = all.iter().position(other) {
            return Some(other);
        }
    }
    // For a file changed later than the date of its folder (a scan, an edited copy), the folder's date is
    // used.
    let folder = all.iter().position(|c| c.source == FOLDER && believable(c));
    if let Some(folder) = folder
        && all[first].source == EXIF_CHANGE
        && all[folder].when.as_ref().is_some_and(|w| w.end() < when.at)
    {
        return Some(folder);
    }
    Some(finer(all, first))
}

/// A more precise date that agrees with the chosen one: with the day of a month, or the time of a day.
fn finer(all: &[Candidate], first: usize) -> usize {
    let Some(when) = &all[first].when else { return first };
    // Photoshop writes midnight if only the day is given.
    let is_day = when.precision == Precision::Day
        || (all[first].source.ends_with("photoshop:DateCreated")
            && when.at.time() == jiff::civil::Time::midnight());
    let precision = if is_day { Precision::Day } else { when.precision };
    if precision >= Precision::Minute {
        return first;
    }
    let end = if is_day { When { precision: Precision::Day, ..when.clone() }.end() } else { when.end() };
    let within = |w: &When| {
        // If one is UTC and the other is not, the day may be the next.
        let slack = if w.utc != when.utc { 14.hours() } else { 0.hours() };
        let (from, until) = (when.at.checked_sub(slack), end.checked_add(slack));
        from.is_ok_and(|from| from <= w.at) && until.is_ok_and(|until| w.at <= until)
    };
    let may = |c: &Candidate| match c.meaning {
        Meaning::Original | Meaning::Told => true,
        // The year on a print, and a scan in that year.
        Meaning::Digitised => is_day,
        Meaning::Changed => false,
    };
    let best = all.iter().enumerate().filter(|(i, c)| *i != first && may(c) && believable(c)).filter_map(
        |(i, c)| {
            let w = c.when.as_ref().filter(|w| w.precision > precision && within(w))?;
            Some((std::cmp::Reverse(w.precision.min(Precision::Minute)), i))
        },
    );
    best.min().map_or(first, |(_, i)| i)
}

/// Chooses the date; also returns the source of the offset.
pub fn choose(e: &Evidence<'_>) -> Option<(Taken, Option<&'static str>)> {
    let all = candidates(e);
    let winner = believed(&all)?;
    let mut when = all[winner].when.clone()?;
    let mut taken = Taken { source: all[winner].source.clone(), ..Taken::default() };
    let mut offset = if when.has_time() { zone(e, &when, &all, winner) } else { None };
    if when.utc && offset == Some((0, CLOCK_AGAINST_UTC)) {
        // A "UTC" equal to local time: a camera that writes local time as UTC, or one in Greenwich's zone.
        // The local time is certain, the zone is not.
        when.utc = false;
        offset = None;
    }
    write(&mut taken, &when, offset.map(|o| o.0));
    for (i, c) in all.iter().enumerate().filter(|(i, _)| *i != winner) {
        let why = match &c.when {
            None => "no date that can be".to_owned(),
            Some(w) => match placeholder(w) {
                Some(why) => why.to_owned(),
                None if agrees(&when, w, offset.map(|o| o.0)) => {
                    format!("says the same as {}", taken.source)
                }
                None if i < winner && contains(w, &when) => format!("{} says more", taken.source),
                None if i < winner && doubtful(w) => {
                    "a day on which unset clocks begin, and another date is known".to_owned()
                }
                None if i < winner => "the file was changed later than its folder says".to_owned(),
                None => format!("{} is believed first", taken.source),
            },
        };
        taken.rejected.push(RejectedDate { source: c.source.clone(), value: c.text.clone(), why });
    }
    Some((taken, offset.map(|o| o.1)))
}

/// Whether one date is within the range of the other.
fn contains(wide: &When, narrow: &When) -> bool {
    let is_day = wide.precision <= Precision::Day || wide.at.time() == jiff::civil::Time::midnight();
    is_day && wide.at.date() <= narrow.at.date() && narrow.at.date() <= wide.end().date()
}

/// Two dates within 2 s (FAT's resolution) of each other, as far as both are known.
fn agrees(a: &When, b: &When, offset: Option<i32>) -> bool {
    if !a.has_time() || !b.has_time() {
        let (wide, narrow) = if a.precision < b.precision { (a, b) } else { (b, a) };
        return wide.at <= narrow.at && narrow.at <= wide.end();
    }
    // Both as UTC or both as local time.
    let shift = match (a.utc, b.utc) {
        (true, false) => offset.unwrap_or(0),
        (false, true) => -offset.unwrap_or(0),
        _ => 0,
    };
    let a = seconds(a.at) + i64::from(shift) * 60;
    a.abs_diff(seconds(b.at)) <= 2
}

/// Seconds of a local time, for differences.
fn seconds(at: DateTime) -> i64 {
    at.to_zoned(TimeZone::UTC).map_or(0, |z| z.timestamp().as_second())
}

/// The offset in minutes, and its source: the date's own, `OffsetTime` if it applies, another date of the
/// same moment that has one, UTC dates against local time; last a `Z` that may be a default.
fn zone(e: &Evidence<'_>, when: &When, all: &[Candidate], winner: usize) -> Option<(i32, &'static str)> {
    if let Some(offset) = when.offset {
        return Some((offset, "written"));
    }
    let others = || all.iter().enumerate().filter(|(i, _)| *i != winner).map(|(_, c)| c);
    if when.utc {
        // The local time of the same moment, from a name or another date without zone.
        let clock =
            others().filter(|c| c.meaning != Meaning::Changed || c.source == EXIF_CHANGE).find_map(|c| {
                let w = c
                    .when
                    .as_ref()
                    .filter(|w| !w.utc && w.has_time() && w.offset.is_none() && placeholder(w).is_none())
                    .filter(|_| !c.is_weakly_utc)?;
                difference(w.at, when.at, CLOCK_SLACK_S)
            });
        return clock.map(|o| (o, CLOCK_AGAINST_UTC));
    }
    let near = |d: Option<&ExifDate>, within_s: u64| {
        let w = when::parse(&d?.text)?;
        let offset = when::offset(d?.offset.as_deref()?)?;
        (seconds(w.at).abs_diff(seconds(when.at)) <= within_s).then_some(offset)
    };
    let twin = e.exif.and_then(|x| {
        near(x.original.as_ref(), SAME_MOMENT_S).or_else(|| near(x.digitized.as_ref(), SAME_MOMENT_S))
    });
    if let Some(o) = twin {
        return Some((o, "another date's offset"));
    }
    // OffsetTime belongs to DateTime, the last change. It also applies to the picture if that was taken
    // within a day of the change: by the camera itself, or by its owner on the same journey.
    if let Some(o) = e.exif.and_then(|x| near(x.modified.as_ref(), SAME_DAY_S)) {
        return Some((o, "exif:OffsetTime"));
    }
    let is_same = |w: &When| !w.utc && w.has_time() && seconds(w.at).abs_diff(seconds(when.at)) <= 2;
    if let Some(o) = others().find_map(|c| c.when.as_ref().filter(|w| is_same(w))?.offset) {
        return Some((o, "another date's offset"));
    }
    let gps = e.exif.and_then(|x| x.gps_time.as_deref()).or(e.xmp.iter().find_map(|x| x.gps_time.as_deref()));
    if let Some(o) = gps.and_then(when::parse).and_then(|gps| difference(when.at, gps.at, GPS_SLACK_S)) {
        return Some((o, "wall clock against GPS time"));
    }
    let maker = e.utc_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let maker = maker.map(|t| t.to_zoned(TimeZone::UTC).datetime());
    if let Some(o) = maker.and_then(|utc| difference(when.at, utc, GPS_SLACK_S)) {
        return Some((o, "wall clock against the camera's UTC"));
    }
    let is_weak = |c: &Candidate| c.is_weakly_utc && c.when.as_ref().is_some_and(is_same);
    (all[winner].is_weakly_utc || others().any(is_weak)).then_some((0, WEAK))
}

const CLOCK_AGAINST_UTC: &str = "wall clock against UTC";

/// The source of the offset if XMP or IPTC states UTC, which tools also write if the offset is unknown: the
/// zone of the place has precedence.
pub const WEAK: &str = "a tag that says UTC";

/// The maximum time within which a camera writes its tags.
const SAME_MOMENT_S: u64 = 60;
/// A change within this time was made in the same zone.
const SAME_DAY_S: u64 = 24 * 3600;
/// A GPS time stamp is that of the last fix: some minutes old indoors.
const GPS_SLACK_S: i64 = 180;
/// A movie's header is written when it begins or ends, its name when it begins.
const CLOCK_SLACK_S: i64 = 120;

/// The offset between a local time and UTC: one that some country has, with a tolerance.
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

/// Fills `local`, `precision`, `offset` and `utc`.
fn write(taken: &mut Taken, when: &When, offset: Option<i32>) {
    let with = |at: DateTime, tail: &str| {
        let point = if when.subsec.is_empty() { "" } else { "." };
        format!("{}{point}{}{tail}", at.strftime("%Y-%m-%dT%H:%M:%S"), when.subsec)
    };
    let shift = |at: DateTime, minutes: i32| {
        at.checked_add(jiff::Span::new().minutes(i64::from(minutes))).unwrap_or(at)
    };
    let offset = offset.filter(|_| when.has_time());
    if when.utc {
        taken.utc = Some(with(when.at, "Z"));
        taken.local = with(shift(when.at, offset.unwrap_or(0)), "");
    } else {
        taken.local = with(when.at, "");
        taken.utc = offset.map(|o| with(shift(when.at, -o), "Z"));
    }
    taken.precision = when.precision;
    if when.precision < Precision::Second {
        taken.local.truncate(when.precision.length());
    }
    taken.offset = offset.map(when::offset_text);
}

/// Adds the zone of the place: the zone's name, and if the offset is missing or `is_weak`, the offset, and
/// from it `utc` or `local`. An unknown zone name changes nothing.
pub fn complete_with_zone(taken: &mut Taken, zone_name: &str, is_weak: bool) {
    let Ok(zone) = TimeZone::get(zone_name) else { return };
    taken.zone = Some(zone_name.to_owned());
    let is_utc = taken.utc.is_some() && !is_weak;
    if (taken.offset.is_some() && !is_weak) || taken.precision < Precision::Minute {
        return;
    }
    let text = if is_utc { taken.utc.as_deref().unwrap_or_default() } else { &taken.local };
    let Some(mut when) = when::parse(text) else { return };
    when.utc = is_utc;
    when.offset = None;
    when.precision = taken.precision;
    let seconds = if when.utc {
        let Ok(stamp) = when.at.to_zoned(TimeZone::UTC).map(|z| z.timestamp()) else { return };
        zone.to_offset(stamp).seconds()
    } else {
        // In the hour that a clock repeats, the first is used; in the hour it skips, the one before.
        let Ok(zoned) = when.at.to_zoned(zone) else { return };
        zoned.offset().seconds()
    };
    write(taken, &when, Some(seconds.div_euclid(60)));
}

#[cfg(test)]
#[path = "taken_tests.rs"]
mod tests;

//! User edits of items, as read: applied over the found facts, and with dates in a form that can be stored. Edits are
//! written by [`super::edits`].

use super::position;
use crate::Result;
use albumen_core::vocabulary::{Facts, Precision, RejectedDate, Taken};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// The source of a fact from a user edit, in `sources` and `taken.source`.
pub(crate) const SOURCE: &str = "edit";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Title,
    Description,
    Taken,
    Rating,
    /// The position.
    Gps,
    /// All added and removed tags.
    Tags,
}

impl Field {
    pub fn name(self) -> &'static str {
        match self {
            Field::Title => "title",
            Field::Description => "description",
            Field::Taken => "taken",
            Field::Rating => "rating",
            Field::Gps => "gps",
            Field::Tags => "tags",
        }
    }
}

/// A date from a user: local time at any precision, optionally with a UTC offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateEdit {
    /// The first second of the period.
    local: DateTime,
    precision: Precision,
    offset: Option<Offset>,
}

impl DateEdit {
    /// Parses `1965`, `1965-07`, `2023-07-01`, `2023-07-01T10:20`, `2023-07-01T10:20:30` (or with a space) and
    /// `2023-07-01T10:20:30+02:00`. The error states the correct form.
    pub fn parse(text: &str) -> std::result::Result<DateEdit, String> {
        const EXAMPLES: &str =
            "write 1965, 1965-07, 2023-07-01, 2023-07-01T10:20:30 or 2023-07-01T10:20:30+02:00";
        const EARLIEST: &str = "0000-01-01T00:00:00";
        // The offset begins after the time, so that the hyphens of the date are skipped.
        let zone_at = text.get(11..).and_then(|time| time.find(['+', '-', 'Z'])).map(|at| at + 11);
        let (local, zone) = zone_at.map_or((text, ""), |at| text.split_at(at));
        let wrong = || format!("{text} is no date: {EXAMPLES}");
        let local = local.trim_end();
        let partial = [Precision::Year, Precision::Month, Precision::Day, Precision::Minute];
        let precision = partial.into_iter().find(|p| p.length() == local.len()).unwrap_or(Precision::Second);
        let rest = if precision < Precision::Second { &EARLIEST[precision.length()..] } else { "" };
        let local: DateTime = format!("{local}{rest}").parse().map_err(|_| wrong())?;
        let offset = match zone {
            "" => None,
            "Z" => Some(Offset::UTC),
            zone => Some(parse_offset(zone).ok_or_else(wrong)?),
        };
        Ok(DateEdit { local, precision, offset })
    }

    /// Earlier or later; `None` outside the calendar's range, and for dates without seconds.
    pub fn shifted(&self, seconds: i64) -> Option<DateEdit> {
        if self.precision < Precision::Second {
            return None;
        }
        let local = self.local.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()?;
        Some(DateEdit { local, ..self.clone() })
    }

    pub(crate) fn to_text(&self) -> String {
        let offset = self.offset.map(offset_text).unwrap_or_default();
        format!("{}{offset}", self.local())
    }

    /// At its precision.
    fn local(&self) -> String {
        let mut local = self.local.to_string();
        if self.precision < Precision::Second {
            local.truncate(self.precision.length());
        }
        local
    }
}

/// `+02:00`.
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let part = |t: &str| (t.len() == 2).then(|| t.parse::<i32>().ok()).flatten();
    let (hours, minutes) = (part(hours)?, part(minutes).filter(|m| *m < 60)?);
    let seconds = (hours * 60 + minutes) * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}

/// Applies user edits over the found facts.
pub fn apply(conn: &Connection, file: i64, facts: &mut Facts) -> Result<()> {
    let mut st = conn.prepare_cached("SELECT field, value FROM item_edits WHERE file_id = ?1")?;
    let mut rows = st.query([file])?;
    while let Some(row) = rows.next()? {
        let value: Option<String> = row.get(1)?;
        let field = match row.get_ref(0)?.as_str()? {
            "title" => {
                facts.title = value;
                Field::Title
            }
            "description" => {
                facts.description = value;
                Field::Description
            }
            "rating" => {
                facts.rating = value.and_then(|v| v.parse().ok());
                Field::Rating
            }
            "taken" => {
                if let Some(date) = value.and_then(|v| DateEdit::parse(&v).ok()) {
                    facts.taken = Some(taken(date, facts.taken.take()));
                }
                Field::Taken
            }
            "gps" => {
                facts.gps = position::edited(value.as_deref(), facts.gps);
                Field::Gps
            }
            // Of a version that has more fields.
            _ => continue,
        };
        facts.sources.insert(field.name().to_owned(), SOURCE.to_owned());
    }
    let mut st = conn.prepare_cached("SELECT tag, given FROM tag_edits WHERE file_id = ?1")?;
    let mut rows = st.query([file])?;
    let mut tags: Option<BTreeSet<String>> = None;
    while let Some(row) = rows.next()? {
        let tags = tags.get_or_insert_with(|| std::mem::take(&mut facts.tags).into_iter().collect());
        let tag: String = row.get(0)?;
        if row.get(1)? {
            tags.insert(tag);
        } else {
            tags.remove(&tag);
        }
    }
    if let Some(tags) = tags {
        facts.tags = tags.into_iter().collect();
        facts.sources.insert(Field::Tags.name().to_owned(), SOURCE.to_owned());
    }
    Ok(())
}

/// The user's date; the found date is added to the rejected ones. Its zone stays, because the place does.
fn taken(date: DateEdit, found: Option<Taken>) -> Taken {
    let found = found.unwrap_or_default();
    let zone = found.zone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
    let in_zone = || zone.as_ref()?.to_ambiguous_zoned(date.local).compatible().ok().map(|z| z.offset());
    // A date without time of day has no offset.
    let offset = date.offset.or_else(in_zone).filter(|_| date.precision >= Precision::Minute);
    let mut rejected = found.rejected;
    if !found.local.is_empty() {
        let value = found.local + found.offset.as_deref().unwrap_or_default();
        let why = "a user gave another date".to_owned();
        rejected.insert(0, RejectedDate { source: found.source, value, why });
    }
    Taken {
        local: date.local(),
        precision: date.precision,
        offset: offset.map(offset_text),
        utc: offset.and_then(|o| o.to_timestamp(date.local).ok()).map(|t| t.to_string()),
        source: SOURCE.to_owned(),
        zone: found.zone,
        rejected,
    }
}

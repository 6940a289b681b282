//! Conditions on capture dates, which are stored with different precision.

use super::condition::{Condition, Sql};
use super::filters::between;
use super::{AFTER_ANY_DATE, text};
use crate::query::Span;
use albumen_core::vocabulary::Precision;
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::types::Value;

/// The first or last second, UTC, of the period that a date prefix denotes.
pub(super) fn moment(date: &str, end: bool) -> Option<i64> {
    const FIRST: &str = "0000-01-01T00:00:00";
    let first: DateTime = format!("{date}{}", FIRST.get(date.len()..)?).parse().ok()?;
    let unit = match date.len() {
        4 => 1.year(),
        7 => 1.month(),
        10 => 1.day(),
        13 => 1.hour(),
        16 => 1.minute(),
        _ => 1.second(),
    };
    let moment = if end { first.checked_add(unit).ok()?.checked_sub(1.second()).ok()? } else { first };
    Some(TimeZone::UTC.to_timestamp(moment).ok()?.as_second())
}

/// Items whose date, at its stored precision, is within a span: for a year without month, the whole year.
pub(super) fn taken_within(span: &Span<String>) -> Condition {
    const DATE: &str = "coalesce(i.taken_local, '')";
    /// Sorts before every date and after the empty text of a missing one.
    const ANY: &str = "0";
    let bounds = Span {
        from: Some(text(span.from.as_deref().map_or(ANY, earliest_form))),
        until: span.until.as_deref().map(|until| text(&format!("{until}{AFTER_ANY_DATE}"))),
    };
    let mut condition = between(DATE, &bounds);
    // Shorter forms of the last date sort before it; they are within the span only if the last date ends their period.
    let outside: Vec<Value> = span.until.as_deref().map_or(Vec::new(), |until| {
        let shorter = SHORTER.iter().map(|p| p.length()).filter(|length| *length < until.len());
        let forms = shorter.filter_map(|length| until.get(..length));
        forms.filter(|form| moment(form, true) > moment(until, true)).map(text).collect()
    });
    if !outside.is_empty() {
        let marks = vec!["?"; outside.len()].join(", ");
        condition.test.push(Sql::new(format!(" AND {DATE} NOT IN ({marks})"), outside));
        condition.test = condition.test.within("(", ")");
    }
    let listed = format!("SELECT i.file_id FROM items i WHERE i.hidden = 0 AND {}", condition.test.text);
    condition.list_beside = Some(Sql::new(listed, condition.test.values.clone()));
    condition.list = None;
    condition
}

const SHORTER: [Precision; 4] = [Precision::Year, Precision::Month, Precision::Day, Precision::Minute];

/// The shortest date prefix that begins at the same moment: `1965` for `1965-01-01`. It sorts first.
fn earliest_form(date: &str) -> &str {
    let begins = moment(date, false);
    let shorter = SHORTER.iter().filter_map(|p| date.get(..p.length()));
    shorter.into_iter().find(|form| moment(form, false) == begins).unwrap_or(date)
}

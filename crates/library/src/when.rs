//! Dates as cameras and programs write them.
//!
//! Promises: a date that cannot be is none. Leaves the choice between dates to `taken`.

use jiff::civil::DateTime;

/// A date as read.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// Whole seconds of the wall clock (or of UTC, see `utc`).
    pub at: DateTime,
    /// Digits after the point, as written.
    pub subsec: String,
    /// Minutes east of Greenwich.
    pub offset: Option<i32>,
    /// `at` is UTC, and what the clock on the wall said is not known.
    pub utc: bool,
    /// The time of day was written, too.
    pub has_time: bool,
}

impl When {
    pub fn local(at: DateTime) -> When {
        When { at, subsec: String::new(), offset: None, utc: false, has_time: true }
    }
}

/// Earliest and latest year that is believed: photography begins in 1826; scanners write real dates.
const YEARS: std::ops::RangeInclusive<i32> = 1826..=2099;

/// Reads `2023:07:01 10:20:30`, `2023-07-01T10:20:30.5+02:00`, `20230701`, `2023-07-01T08:20Z`,
/// `Tue Oct 04 15:00:01 2005` and the like.
pub fn parse(text: &str) -> Option<When> {
    let text = text.trim();
    parse_numeric(text).or_else(|| parse_words(text))
}

fn parse_numeric(text: &str) -> Option<When> {
    let mut s = Scan(text.as_bytes());
    let year = s.digits(4, 4)?;
    s.skip(b":-/. ");
    let month = s.digits(1, 2)?;
    s.skip(b":-/. ");
    let day = s.digits(1, 2)?;
    let mut when = When {
        at: date_time(year, month, day, 0, 0, 0)?,
        subsec: String::new(),
        offset: None,
        utc: false,
        has_time: false,
    };
    s.skip(b"T t_-,:");
    let Some(hour) = s.digits(1, 2) else { return Some(when) };
    s.skip(b":.-");
    let Some(minute) = s.digits(1, 2) else { return Some(when) };
    if s.peek().is_some_and(|b| matches!(b, b':' | b'.' | b'-'))
        && s.0.get(1).is_some_and(|b| b.is_ascii_digit() || *b == b' ')
    {
        // A minus here may be an offset: `10:20-05:00`.
        if s.peek() == Some(b'-') && s.0.get(3) == Some(&b':') {
            when.at = date_time(year, month, day, hour, minute, 0)?;
            when.has_time = true;
            when.offset = offset(s.rest());
            return Some(when);
        }
        s.0 = &s.0[1..];
    }
    // Some programs count seconds beyond the minute; the minute holds.
    let second = s.digits(1, 2).filter(|s| *s <= 60).unwrap_or(0);
    when.at = date_time(year, month, day, hour, minute, second)?;
    when.has_time = true;
    if s.peek() == Some(b'.') || s.peek() == Some(b',') {
        s.0 = &s.0[1..];
        let n = s.0.iter().take_while(|b| b.is_ascii_digit()).count();
        when.subsec = String::from_utf8_lossy(&s.0[..n.min(9)]).into_owned();
        s.0 = &s.0[n..];
    }
    when.offset = offset(s.rest());
    Some(when)
}

/// `Tue Oct 04 15:00:01 2005` and `Oct 4 2005`: old AVI files.
fn parse_words(text: &str) -> Option<When> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let month =
        words.iter().find_map(|w| MONTHS.iter().position(|m| w.len() < 10 && w.starts_with(m)))? as u32 + 1;
    let year = words.iter().find_map(|w| if w.len() == 4 { w.parse::<u32>().ok() } else { None })?;
    let day = words
        .iter()
        .find_map(|w| if w.len() <= 3 { w.trim_end_matches(',').parse::<u32>().ok() } else { None })?;
    let clock = words.iter().find(|w| w.contains(':'));
    let mut parts = clock.into_iter().flat_map(|c| c.split(':')).map_while(|p| p.parse::<u32>().ok());
    let mut next = || parts.next().unwrap_or(0);
    let (h, m, s) = (next(), next(), next());
    let mut when = When::local(date_time(year, month, day, h, m, s)?);
    when.has_time = clock.is_some();
    Some(when)
}

/// A date and time that can be; hour 24 is the next midnight, second 60 the one before.
pub fn date_time(year: u32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<DateTime> {
    let year = i32::try_from(year).ok().filter(|y| YEARS.contains(y))?;
    let small = |v: u32| i8::try_from(v).ok();
    let second = if second == 60 { 59 } else { second };
    let (hour, next) = if hour == 24 && minute == 0 { (0, true) } else { (hour, false) };
    let at = DateTime::new(
        year as i16,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()?;
    if next { at.checked_add(jiff::Span::new().days(1)).ok() } else { Some(at) }
}

/// Minutes east of Greenwich: `Z`, `+02:00`, `+0200`, `-5`, `GMT+2`.
pub fn offset(text: &str) -> Option<i32> {
    let text = text.trim();
    let text = ["GMT", "UTC"].iter().find_map(|name| text.strip_prefix(name)).map_or(text, str::trim);
    if text.starts_with(['Z', 'z']) {
        return Some(0);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        '\u{2212}' => return offset(&format!("-{}", text.trim_start_matches('\u{2212}'))),
        _ => return None,
    };
    let mut s = Scan(&text.as_bytes()[1..]);
    let hours = s.digits(1, 2)?;
    s.skip(b":");
    let minutes = s.digits(2, 2).unwrap_or(0);
    (hours <= 14 && minutes < 60).then_some(sign * (hours as i32 * 60 + minutes as i32))
}

/// `+02:00`
pub fn offset_text(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        // Some cameras pad with spaces: `2004: 6: 9`.
        while self.peek() == Some(b' ') {
            self.0 = &self.0[1..];
        }
        let n = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if n < least {
            return None;
        }
        let v = self.0[..n].iter().fold(0, |v, b| v * 10 + u32::from(b - b'0'));
        self.0 = &self.0[n..];
        Some(v)
    }
    /// One separator, if there is one.
    fn skip(&mut self, any_of: &[u8]) {
        if self.peek().is_some_and(|b| any_of.contains(&b)) {
            self.0 = &self.0[1..];
        }
    }
    fn rest(&self) -> &'a str {
        std::str::from_utf8(self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Option<(String, String, Option<i32>)> {
        parse(text).map(|w| (w.at.to_string(), w.subsec, w.offset))
    }

    #[test]
    fn the_ways_dates_are_written() {
        let cases: &[(&str, &str, &str, Option<i32>)] = &[
            ("2023:07:01 10:20:30", "2023-07-01T10:20:30", "", None),
            ("2023-07-01T10:20:30.546+02:00", "2023-07-01T10:20:30", "546", Some(120)),
            ("2019-07-24T11:25:40+0300", "2019-07-24T11:25:40", "", Some(180)),
            ("2023-07-01T10:20-05:00", "2023-07-01T10:20:00", "", Some(-300)),
            ("2023-07-01T08:20Z", "2023-07-01T08:20:00", "", Some(0)),
            ("20230701", "2023-07-01T00:00:00", "", None),
            ("20230701 102030", "2023-07-01T10:20:30", "", None),
            ("2004: 6: 9 16: 2: 5", "2004-06-09T16:02:05", "", None),
            ("Tue Oct 04 15:00:01 2005", "2005-10-04T15:00:01", "", None),
            ("2023:07:01 24:00:00", "2023-07-02T00:00:00", "", None),
            ("2003:08:27:00:09:15", "2003-08-27T00:09:15", "", None),
            ("2017:08:21 15:08:70", "2017-08-21T15:08:00", "", None),
            ("2024-04-22T14:38:09.526GMT+02:00", "2024-04-22T14:38:09", "526", Some(120)),
            ("2024-04-22T14:38:09GMT+2", "2024-04-22T14:38:09", "", Some(120)),
        ];
        for (text, at, subsec, offset) in cases {
            assert_eq!(show(text), Some(((*at).into(), (*subsec).into(), *offset)), "{text}");
        }
        for text in
            ["0000:00:00 00:00:00", "2023:13:01 00:00:00", "    :  :     :  :  ", "", "2023", "\u{e9}"]
        {
            assert_eq!(show(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_real_date_survives(y in 1900i32..2099, mo in 1u32..=12, d in 1u32..=28, h in 0u32..24, mi in 0u32..60, s in 0u32..60) {
            let text = format!("{y:04}:{mo:02}:{d:02} {h:02}:{mi:02}:{s:02}");
            let expected = format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}");
            proptest::prop_assert_eq!(parse(&text).unwrap().at.to_string(), expected);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse(&text);
            let _ = offset(&text);
        }
    }
}

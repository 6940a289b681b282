//! Parses dates as cameras and programs write them.
//!
//! Promises: an impossible date is rejected; a date is as precise as the text. The choice between dates is
//! left to `taken`.

use albumen_core::vocabulary::Precision;
use jiff::ToSpan;
use jiff::civil::DateTime;

/// A parsed date.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// Whole seconds of local time (or of UTC, see `utc`): the first second of the date's range.
    pub at: DateTime,
    /// Digits after the point, as written.
    pub subsec: String,
    /// Minutes east of Greenwich.
    pub offset: Option<i32>,
    /// `at` is UTC, and the local time is unknown.
    pub utc: bool,
    /// The precision of the text.
    pub precision: Precision,
}

impl When {
    pub fn local(at: DateTime) -> When {
        When { at, subsec: String::new(), offset: None, utc: false, precision: Precision::Second }
    }

    /// A year, month or day: a value that is 0 or absent is unknown. `None` if the calendar has no such day.
    pub fn partial(year: u32, month: u32, day: u32) -> Option<When> {
        let precision = match (month, day) {
            (0, _) => Precision::Year,
            (_, 0) => Precision::Month,
            _ => Precision::Day,
        };
        let (month, day) = if month == 0 { (1, 1) } else { (month, day.max(1)) };
        Some(When { precision, ..When::local(date_time(year, month, day, 0, 0, 0)?) })
    }

    /// The time of day was written, too.
    pub fn has_time(&self) -> bool {
        self.precision >= Precision::Minute
    }

    /// The last second of the date's range.
    pub fn end(&self) -> DateTime {
        let span = match self.precision {
            Precision::Year => 1.year(),
            Precision::Month => 1.month(),
            Precision::Day => 1.day(),
            Precision::Minute => 1.minute(),
            Precision::Second => 1.second(),
        };
        self.at.checked_add(span).and_then(|next| next.checked_sub(1.second())).unwrap_or(self.at)
    }
}

/// Earliest and latest plausible year: photography begins in 1826; scanners write real dates.
pub const YEARS: std::ops::RangeInclusive<u32> = 1826..=2099;

/// Parses `2023:07:01 10:20:30`, `2023-07-01T10:20:30.5+02:00`, `20230701`, `2023-07-01T08:20Z`, `Tue Oct 04
/// 15:00:01 2005`, `2001/ 1/27  1:42PM` and similar; also a year or a month alone, with any placeholder for
/// the rest of the date: `1965`, `1965-07`, `19650700`, `1965:00:00 00:00:00`, `1965:07:  `.
pub fn parse(text: &str) -> Option<When> {
    let plain = ascii_digits(text.trim());
    let (text, half) = split_half(&plain);
    let mut when = parse_numeric(text.trim()).or_else(|| parse_words(&text))?;
    if let Some(half) = half
        && when.has_time()
    {
        let hour = half.hour(u32::try_from(when.at.hour()).ok()?);
        when.at = when.at.with().hour(i8::try_from(hour).ok()?).build().ok()?;
    }
    Some(when)
}

/// Converts digits of other scripts to ASCII: phones that are set to Arabic write
/// `\u{662}\u{660}\u{661}\u{668}`.
fn ascii_digits(text: &str) -> std::borrow::Cow<'_, str> {
    /// The zeros of Arabic, Persian, Devanagari, Bengali, Thai and full-width digits; nine follow each.
    const ZEROS: [u32; 6] = [0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10];
    if text.is_ascii() {
        return text.into();
    }
    let plain = |c: char| {
        let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(c)));
        zero.and_then(|zero| char::from_digit(u32::from(c) - zero, 10)).unwrap_or(c)
    };
    text.chars().map(plain).collect::<String>().into()
}

fn parse_numeric(text: &str) -> Option<When> {
    let mut s = Scan(text.as_bytes());
    let year = s.digits(4, 4).filter(|y| YEARS.contains(y))?;
    if is_blank(s.0) {
        return When::partial(year, 0, 0);
    }
    let separated = s.peek().is_some_and(|b| b":-/. ".contains(&b));
    s.skip(b":-/. ");
    let month = s.digits(if separated { 1 } else { 2 }, 2)?;
    if is_blank(s.0) {
        return When::partial(year, month, 0);
    }
    s.skip(b":-/. ");
    let day = s.digits(1, 2)?;
    if month == 0 || day == 0 {
        // A time without a known day is ignored.
        return When::partial(year, month, day);
    }
    let mut when = When::partial(year, month, day)?;
    s.skip(b"/");
    s.skip(b"T t_-,:");
    let Some(hour) = s.digits(1, 2) else { return Some(when) };
    s.skip(b":.-");
    let Some(minute) = s.digits(1, 2) else { return Some(when) };
    when.precision = Precision::Minute;
    if s.peek().is_some_and(|b| matches!(b, b':' | b'.' | b'-'))
        && s.0.get(1).is_some_and(|b| b.is_ascii_digit() || *b == b' ')
    {
        // A minus here may be an offset: `10:20-05:00`.
        if s.peek() == Some(b'-') && s.0.get(3) == Some(&b':') {
            when.at = date_time(year, month, day, hour, minute, 0)?;
            when.offset = offset(s.rest());
            return Some(when);
        }
        s.0 = &s.0[1..];
    }
    // Some programs write seconds above 59; the minute is used.
    let second = s.digits(1, 2);
    if second.is_some() {
        when.precision = Precision::Second;
    }
    when.at = date_time(year, month, day, hour, minute, second.filter(|s| *s <= 60).unwrap_or(0))?;
    if s.peek() == Some(b'.') || s.peek() == Some(b',') {
        s.0 = &s.0[1..];
        let n = s.0.iter().take_while(|b| b.is_ascii_digit()).count();
        when.subsec = String::from_utf8_lossy(&s.0[..n.min(9)]).into_owned();
        s.0 = &s.0[n..];
    }
    when.offset = offset(s.rest());
    Some(when)
}

/// Whether the rest of a date is unknown: it ends here, or consists of zeros and blanks.
fn is_blank(rest: &[u8]) -> bool {
    let begins = rest.first().is_some_and(|b| b" :-/.T".contains(b));
    matches!(rest, b"" | b"00" | b"0000") || (begins && rest.iter().all(|b| b" :-/.0TZ".contains(b)))
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
    let parts: Vec<u32> =
        clock.into_iter().flat_map(|c| c.split(':')).map_while(|p| p.parse::<u32>().ok()).collect();
    let part = |i: usize| parts.get(i).copied().unwrap_or(0);
    let mut when = When::local(date_time(year, month, day, part(0), part(1), part(2))?);
    when.precision = match parts.len() {
        0 | 1 => Precision::Day,
        2 => Precision::Minute,
        _ => Precision::Second,
    };
    Some(when)
}

/// A possible date and time. Hour 24 is hour 0 of the written day, as the cameras that write it use it;
/// second 60 is the one before.
pub fn date_time(year: u32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<DateTime> {
    let year = i16::try_from(year).ok().filter(|_| YEARS.contains(&year))?;
    let small = |v: u32| i8::try_from(v).ok();
    let second = if second == 60 { 59 } else { second };
    let hour = if hour == 24 { 0 } else { hour };
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

/// The half of the day of a twelve-hour clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Am,
    Pm,
}

impl Half {
    /// The hour of the day. An hour outside of a twelve-hour clock is unchanged: some programs write `15:04
    /// PM`.
    pub fn hour(self, hour: u32) -> u32 {
        match (hour, self) {
            (12, Half::Am) => 0,
            (1..12, Half::Pm) => hour + 12,
            _ => hour,
        }
    }
}

/// Words for the halves of the day beside the time of a twelve-hour clock. Those of scripts without case and
/// spaces (Chinese, Japanese, Korean) may be anywhere, the others must be separate words.
const HALVES: &[(&str, Half)] = &[
    ("am", Half::Am),
    ("a.m.", Half::Am),
    ("a. m.", Half::Am),
    ("pm", Half::Pm),
    ("p.m.", Half::Pm),
    ("p. m.", Half::Pm),
    // Chinese, with the words for the small hours, the morning, noon and the evening; Japanese; Korean.
    ("\u{4E0A}\u{5348}", Half::Am),
    ("\u{51CC}\u{6668}", Half::Am),
    ("\u{65E9}\u{4E0A}", Half::Am),
    ("\u{4E0B}\u{5348}", Half::Pm),
    ("\u{4E2D}\u{5348}", Half::Pm),
    ("\u{665A}\u{4E0A}", Half::Pm),
    ("\u{5348}\u{524D}", Half::Am),
    ("\u{5348}\u{5F8C}", Half::Pm),
    ("\u{C624}\u{C804}", Half::Am),
    ("\u{C624}\u{D6C4}", Half::Pm),
    // Vietnamese, Greek, Arabic, Persian, Turkish, Hungarian, Czech, Swedish, Finnish, Albanian, Thai, Hindi.
    ("sa", Half::Am),
    ("ch", Half::Pm),
    ("\u{3C0}.\u{3BC}.", Half::Am),
    ("\u{3C0}\u{3BC}", Half::Am),
    ("\u{3BC}.\u{3BC}.", Half::Pm),
    ("\u{3BC}\u{3BC}", Half::Pm),
    ("\u{635}", Half::Am),
    ("\u{645}", Half::Pm),
    ("\u{642}.\u{638}.", Half::Am),
    ("\u{628}.\u{638}.", Half::Pm),
    ("\u{F6}\u{F6}", Half::Am),
    ("\u{F6}s", Half::Pm),
    ("de.", Half::Am),
    ("du.", Half::Pm),
    ("dop.", Half::Am),
    ("odp.", Half::Pm),
    ("fm", Half::Am),
    ("em", Half::Pm),
    ("ap.", Half::Am),
    ("ip.", Half::Pm),
    ("pd", Half::Am),
    ("md", Half::Pm),
    ("\u{E01}\u{E48}\u{E2D}\u{E19}\u{E40}\u{E17}\u{E35}\u{E48}\u{E22}\u{E07}", Half::Am),
    ("\u{E2B}\u{E25}\u{E31}\u{E07}\u{E40}\u{E17}\u{E35}\u{E48}\u{E22}\u{E07}", Half::Pm),
    ("\u{92A}\u{942}\u{930}\u{94D}\u{935}\u{93E}\u{939}\u{94D}\u{928}", Half::Am),
    ("\u{905}\u{92A}\u{930}\u{93E}\u{939}\u{94D}\u{928}", Half::Pm),
    // The East Asian words in the encodings of their countries (GBK, Big5, Shift-JIS, EUC-KR), which old
    // cameras wrote into AVI files, as decoded by `bytes::text` from invalid UTF-8: as Windows-1252.
    ("\u{C9}\u{CF}\u{CE}\u{E7}", Half::Am),
    ("\u{CF}\u{C2}\u{CE}\u{E7}", Half::Pm),
    ("\u{A4}W\u{A4}\u{C8}", Half::Am),
    ("\u{A4}U\u{A4}\u{C8}", Half::Pm),
    ("\u{152}\u{DF}\u{2018}O", Half::Am),
    ("\u{152}\u{DF}\u{152}\u{E3}", Half::Pm),
    ("\u{BF}\u{C0}\u{C0}\u{FC}", Half::Am),
    ("\u{BF}\u{C0}\u{C8}\u{C4}", Half::Pm),
];

/// Removes the word for the half of the day from a text.
fn split_half(text: &str) -> (std::borrow::Cow<'_, str>, Option<Half>) {
    // Nearly all dates contain no letters except `T` and `Z`.
    if !text.bytes().any(|b| b >= 0x80 || (b.is_ascii_alphabetic() && !b"TZtz".contains(&b))) {
        return (text.into(), None);
    }
    let mut found: Option<(usize, usize, Half)> = None;
    for (word, half) in HALVES {
        for (at, end) in occurrences(text, word) {
            // The longest word that begins first: `p.m.` and not `m`.
            if found.is_none_or(|(a, e, _)| at < a || (at == a && end > e)) {
                found = Some((at, end, *half));
            }
        }
    }
    match found {
        Some((at, end, half)) => (format!("{} {}", &text[..at], &text[end..]).into(), Some(half)),
        None => (text.into(), None),
    }
}

/// The occurrences of a word in a text, ignoring case: start and end. A word of an alphabet must be separate,
/// that is, not adjacent to a letter.
fn occurrences<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    let alone = word.chars().all(|c| c.is_ascii() || c.is_lowercase() || ('\u{600}'..'\u{700}').contains(&c));
    text.char_indices().filter_map(move |(at, _)| {
        let mut rest = text[at..].chars();
        let matches =
            word.chars().all(|w| rest.next().is_some_and(|c| c.to_lowercase().eq(w.to_lowercase())));
        let end = text.len() - rest.as_str().len();
        let touches = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        let fits = matches
            && !(alone && (touches(text[..at].chars().next_back()) || touches(rest.as_str().chars().next())));
        fits.then_some((at, end))
    })
}

/// The half of the day at the start of a text, after spaces, and the text after it.
pub fn leading_half(text: &str) -> Option<(Half, &str)> {
    let text = text.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let begins = |(word, half): &(&'static str, Half)| {
        let (_, end) = occurrences(text, word).next().filter(|(at, _)| *at == 0)?;
        Some((*half, &text[end..]))
    };
    HALVES.iter().find_map(begins)
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
mod tests;

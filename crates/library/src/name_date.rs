//! Dates in file and folder names: written by phones, messengers and users.
//!
//! Promises: only digits that can be a date are used; longer numbers are ignored. A year or a month alone is
//! used only among words, or in folders named by it, and never if it is later than `latest`.

use crate::when::{self, When, date_time, leading_half};
use albumen_core::vocabulary::Precision;

/// Years that are accepted in eight consecutive digits.
const COMPACT_YEARS: std::ops::RangeInclusive<u32> = 1900..=2099;

/// The date in a file's name; a year or month alone only up to the year `latest`.
///
/// Whether it is UTC: Google's camera names `PXL_20230701_082030123.jpg` in UTC; all others use local time.
pub fn from_name(name: &str, latest: u32) -> Option<When> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let plain = without_signs(stem);
    let bytes = plain.as_bytes();
    // A date with a time is preferred to an earlier date alone.
    let all: Vec<When> = (0..bytes.len()).filter_map(|i| date_at(bytes, i)).collect();
    let whole = all.iter().find(|w| w.has_time()).or(all.first()).cloned().or_else(|| epoch(stem));
    let Some(mut found) = whole else {
        return part_of_name(&plain).filter(|w| w.at.year() as u32 <= latest);
    };
    if stem.starts_with("PXL_") && found.has_time() {
        found.utc = true;
    }
    Some(found)
}

/// The date in a folder's path, from the innermost folder outwards: `2019/2019-07-01`, `2019/07/01`, `2005/08 August/14`,
/// `2019/07`, `2005-08 Italy`, `1998 Wedding`, `Photos from 2005`.
pub fn from_folder(folder: &str, latest: u32) -> Option<When> {
    let plain: Vec<String> = folder.split('/').filter(|p| !p.is_empty()).map(without_signs).collect();
    let fits = |w: &When| w.at.year() as u32 <= latest;
    for (i, part) in plain.iter().enumerate().rev() {
        let bytes = part.as_bytes();
        if let Some(when) = (0..bytes.len()).find_map(|i| date_at(bytes, i)) {
            let midnight = when.at.date().to_datetime(jiff::civil::Time::midnight());
            return Some(When { precision: Precision::Day, ..When::local(midnight) });
        }
        if let Some(when) = nested(&plain[..=i]).or_else(|| part_of_folder(part)).filter(fits) {
            return Some(when);
        }
    }
    None
}

/// `2005/08` and `2005/08/14` at the end of the path.
fn nested(parts: &[String]) -> Option<When> {
    let year = |p: &String| number(p, 4).filter(|y| when::YEARS.contains(y));
    match parts {
        [.., y, m, d] if year(y).is_some() && month(m).is_some() => {
            let day = leading(d).filter(|(_, rest)| !rest.starts_with(char::is_alphabetic));
            When::partial(year(y)?, month(m)?, day.map_or(0, |d| d.0))
                .filter(|w| w.precision == Precision::Day)
        }
        _ => None,
    }
    .or_else(|| match parts {
        [.., y, m] => When::partial(year(y)?, month(m)?, 0),
        _ => None,
    })
}

/// A name that is a number of this many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let text = text.trim_end_matches(['-', ' ']);
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The number of two digits at the start of a name, and the rest.
fn leading(text: &str) -> Option<(u32, &str)> {
    let n = text.bytes().take_while(u8::is_ascii_digit).count();
    (n == 2).then(|| Some((text[..n].parse().ok()?, &text[n..])))?
}

/// A month inside of a year's folder: `08`, `08 August`, `08-Aug`.
fn month(text: &str) -> Option<u32> {
    /// The prefixes of month names in European languages, lower case.
    const BEGINNINGS: [&[&str]; 12] = [
        &["jan", "j\u{e4}n", "gen", "ene", "sty", "led", "\u{44f}\u{43d}\u{432}", "tam", "oca"],
        &["feb", "f\u{e9}v", "fev", "lut", "\u{fa}no", "\u{444}\u{435}\u{432}", "hel", "\u{15f}ub"],
        &["mar", "m\u{e4}r", "mrt", "maa", "b\u{159}e", "\u{43c}\u{430}\u{440}"],
        &["apr", "avr", "abr", "kwi", "dub", "\u{430}\u{43f}\u{440}", "huh", "nis"],
        &["may", "mai", "mag", "mei", "maj", "kv\u{11b}", "\u{43c}\u{430}\u{439}", "tou"],
        &["jun", "jui", "giu", "cze", "\u{10d}er", "\u{438}\u{44e}\u{43d}", "kes", "haz"],
        &["jul", "jui", "lug", "lip", "\u{10d}er", "\u{438}\u{44e}\u{43b}", "hei", "tem"],
        &["aug", "ao\u{fb}", "aou", "ago", "sie", "srp", "\u{430}\u{432}\u{433}", "elo", "a\u{11f}u"],
        &["sep", "set", "wrz", "z\u{e1}\u{159}", "\u{441}\u{435}\u{43d}", "syy", "eyl"],
        &["oct", "okt", "ott", "out", "pa\u{17a}", "\u{159}\u{ed}j", "\u{43e}\u{43a}\u{442}", "lok", "eki"],
        &["nov", "lis", "\u{43d}\u{43e}\u{44f}", "mar", "kas"],
        &["dec", "dez", "d\u{e9}c", "dic", "gru", "pro", "\u{434}\u{435}\u{43a}", "jou", "ara"],
    ];
    let (month, rest) = leading(text).filter(|(m, _)| (1..=12).contains(m))?;
    let word = rest.trim_start_matches([' ', '-', '_', '.', '(']).to_lowercase();
    let named = || BEGINNINGS[month as usize - 1].iter().any(|b| word.starts_with(b));
    (word.is_empty() || named()).then_some(month)
}

/// A year or a month of it in a folder's name, among words or alone.
fn part_of_folder(part: &str) -> Option<When> {
    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
    // 200508 Italy
    if digits == 6
        && let Some(y) = part[..4].parse().ok().filter(|y| COMPACT_YEARS.contains(y))
        && let Some(when) = When::partial(y, part[4..6].parse().ok()?, 0)
    {
        return Some(when).filter(|w| w.precision == Precision::Month);
    }
    month_at_start(part).or_else(|| only_year(part))
}

/// A year, or a year and month, in a file's name: `1965-07 Granny.jpg`, `1998 Wedding 3.jpg`, `Wedding 1998
/// (3).jpg`; a number after a camera's prefix is ignored.
fn part_of_name(stem: &str) -> Option<When> {
    has_word(stem).then(|| month_at_start(stem).or_else(|| only_year(stem)))?
}

/// `2005-08`, `2005_08`, `2005.08` at the start, and no digit after it.
fn month_at_start(text: &str) -> Option<When> {
    let b = text.as_bytes();
    let digit = |i: usize| b.get(i).is_some_and(u8::is_ascii_digit);
    let fits = (0..4).all(digit)
        && b.get(4).is_some_and(|c| b"-_. ".contains(c))
        && digit(5)
        && digit(6)
        && !b.get(7).is_some_and(|c| c.is_ascii_alphanumeric())
        && !(b.get(7) == b.get(4) && digit(8) && digit(9));
    let (y, m) = fits.then(|| Some((text[..4].parse().ok()?, text[5..7].parse().ok()?)))??;
    When::partial(y, m, 0).filter(|w| w.precision == Precision::Month)
}

/// The only number of four digits in a text that has other words, if it is a year.
fn only_year(text: &str) -> Option<When> {
    let mut years = tokens(text).filter(|t| t.len() == 4 && t.bytes().all(|b| b.is_ascii_digit()));
    let (year, None) = (years.next()?, years.next()) else { return None };
    let at = year.as_ptr() as usize - text.as_ptr() as usize;
    // `DSC_1998 edited`
    let before = &text[..at];
    if before.ends_with('_') && tokens(before).last().is_some_and(is_prefix) {
        return None;
    }
    // `100_2005`: the numbers of cameras' folders.
    if !has_word(text) && tokens(text).any(|t| t != year && t.len() > 2) {
        return None;
    }
    When::partial(year.parse().ok()?, 0, 0)
}

/// Runs of letters and digits.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|t| !t.is_empty())
}

/// A word written by a user.
fn has_word(text: &str) -> bool {
    tokens(text).any(|t| {
        let letters = t.chars().filter(|c| c.is_alphabetic()).count();
        // Scripts of syllables or words need fewer characters.
        let least = if t.chars().any(|c| c >= '\u{2E80}') { 1 } else { 3 };
        letters >= least && !t.bytes().any(|b| b.is_ascii_digit()) && !is_prefix(t)
    })
}

/// The prefixes of cameras and programs.
fn is_prefix(word: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "img",
        "dsc",
        "dscn",
        "dscf",
        "dscs",
        "dscc",
        "pict",
        "imag",
        "image",
        "imgp",
        "cimg",
        "sany",
        "hpim",
        "kif",
        "sam",
        "sdc",
        "mvi",
        "mov",
        "vid",
        "video",
        "clip",
        "gopr",
        "gx",
        "gh",
        "gl",
        "dji",
        "pano",
        "pxl",
        "mvimg",
        "wp",
        "photo",
        "foto",
        "bild",
        "picture",
        "file",
        "datei",
        "scan",
        "raw",
        "cover",
        "original",
        "screenshot",
        "copy",
        "kopie",
    ];
    PREFIXES.iter().any(|p| word.eq_ignore_ascii_case(p))
}

/// Chinese, Japanese and Korean names have characters between the numbers of a date, and no leading zeros:
/// `2005\u{5E74}8\u{6708}14\u{65E5}`.
fn without_signs(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after_digit = out.ends_with(|c: char| c.is_ascii_digit());
        let sign = after_digit
            && matches!(c, '\u{5E74}' | '\u{6708}' | '\u{65E5}' | '\u{B144}' | '\u{C6D4}' | '\u{C77C}');
        if !sign {
            out.push(c);
            continue;
        }
        let digits = out.chars().rev().take_while(char::is_ascii_digit).count();
        if digits == 1 {
            out.insert(out.len() - 1, '0');
        }
        while chars.next_if_eq(&' ').is_some() {}
        match c {
            '\u{65E5}' | '\u{C77C}' => out.push(' '),
            // The date ends here.
            _ if !chars.peek().is_some_and(char::is_ascii_digit) => out.push(' '),
            _ => out.push('-'),
        }
    }
    out.trim_end().to_owned()
}

/// A date that begins at `i`: eight digits, or year, month and day with one kind of separator.
fn date_at(b: &[u8], i: usize) -> Option<When> {
    if i > 0 && b[i - 1].is_ascii_digit() {
        return None;
    }
    let run = |at: usize| b.get(at..).map_or(0, |r| r.iter().take_while(|c| c.is_ascii_digit()).count());
    let number = |at: usize, n: usize| -> Option<u32> {
        b.get(at..at + n)?.iter().try_fold(0, |v, c| c.is_ascii_digit().then(|| v * 10 + u32::from(c - b'0')))
    };
    let (y, m, d, end) = match run(i) {
        // 20230701, or 20230701102030 with up to three digits of milliseconds.
        n @ (8 | 14 | 17) => {
            let y = number(i, 4).filter(|y| COMPACT_YEARS.contains(y))?;
            // `19030617_10154871234567890_n`: the id of a picture in a social network.
            let end = i + n;
            if n == 8 && b.get(end) == Some(&b'_') && run(end + 1) > 9 {
                return None;
            }
            (y, number(i + 4, 2)?, number(i + 6, 2)?, i + 8)
        }
        4 => {
            let sep = *b.get(i + 4)?;
            if !b"-_.: ".contains(&sep) || b.get(i + 7) != Some(&sep) || run(i + 5) != 2 {
                return None;
            }
            let tail = run(i + 8);
            if tail != 2 {
                return None;
            }
            (number(i, 4)?, number(i + 5, 2)?, number(i + 8, 2)?, i + 10)
        }
        _ => return None,
    };
    if run(i) != 4 && (m == 0 || d == 0) {
        return None;
    }
    let mut when = When::partial(y, m, d)?;
    if when.precision == Precision::Day
        && let Some((h, mi, s, subsec)) = time_at(b, end)
    {
        when.at = date_time(y, m, d, h, mi, s.unwrap_or(0))?;
        when.subsec = subsec;
        when.precision = if s.is_some() { Precision::Second } else { Precision::Minute };
    }
    Some(when)
}

/// Hour, minute, optional second, fractional digits.
type Clock = (u32, u32, Option<u32>, String);

/// A time after a date: `_102030`, `-10-20-30`, ` at 10.20.30`, ` um 10.20.30`, `T102030`, `102030123`,
/// ` at 3.04.05 PM`.
fn time_at(b: &[u8], at: usize) -> Option<Clock> {
    let rest = std::str::from_utf8(b.get(at..)?).ok()?;
    let rest = match rest.strip_prefix(", ").or(rest.strip_prefix(" - ")).or_else(|| after_word(rest)) {
        Some(r) => r,
        None => {
            let sep = rest.chars().next()?;
            if sep.is_ascii_digit() {
                rest
            } else if "_-T .~".contains(sep) {
                &rest[1..]
            } else {
                return None;
            }
        }
    };
    // \u{4E0B}\u{5348}3.04.05
    let (before, rest) =
        leading_half(rest).map_or((None, rest), |(half, rest)| (Some(half), rest.trim_start()));
    let c = rest.as_bytes();
    let pair = |at: usize| -> Option<u32> {
        let p = c.get(at..at + 2)?;
        (p[0].is_ascii_digit() && p[1].is_ascii_digit())
            .then(|| u32::from(p[0] - b'0') * 10 + u32::from(p[1] - b'0'))
    };
    let digits = c.iter().take_while(|d| d.is_ascii_digit()).count();
    let (h, mi, s, subsec) = match digits {
        6 => (pair(0)?, pair(2)?, pair(4), String::new()),
        // Milliseconds after the seconds.
        9 => (pair(0)?, pair(2)?, pair(4), rest[6..9].to_owned()),
        n @ (1 | 2) => {
            let sep = *c.get(n)?;
            if !b"-_.:".contains(&sep) {
                return None;
            }
            let mi = pair(n + 1)?;
            let has_seconds = c.get(n + 3) == Some(&sep) && pair(n + 4).is_some();
            let s = has_seconds.then(|| pair(n + 4)).flatten();
            let h = rest[..n].parse().ok()?;
            match before.or(leading_half(&rest[n + if has_seconds { 6 } else { 3 }..]).map(|h| h.0)) {
                Some(half) if (1..=12).contains(&h) => (half.hour(h), mi, s, String::new()),
                // A single digit without AM or PM is another number.
                _ if n == 1 => return None,
                _ => (h, mi, s, String::new()),
            }
        }
        _ => return None,
    };
    (h < 24 && mi < 60 && s.is_none_or(|s| s < 60)).then_some((h, mi, s, subsec))
}

/// The text after the word for "at" in some language: ` um 10.20.30`.
fn after_word(rest: &str) -> Option<&str> {
    const LONGEST: usize = 8;
    let (word, time) = rest.strip_prefix(' ')?.split_once(' ')?;
    let is_word = word.chars().all(|c| c.is_alphabetic() || c == '.') && word.chars().count() <= LONGEST;
    (is_word && time.starts_with(|c: char| c.is_ascii_digit())).then_some(time)
}

/// Seconds or milliseconds since 1970, as some apps name files: `mmexport1480134320123.jpg`, `1480134320123.jpg`,
/// `FB_IMG_1480134320123`.
fn epoch(stem: &str) -> Option<When> {
    let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    let prefix = &stem[..stem.len() - digits.len()];
    if digits.len() != 13 || !matches!(prefix, "" | "mmexport" | "FB_IMG_" | "wx_camera_" | "IMG_" | "photo_")
    {
        return None;
    }
    let ms: i64 = digits.parse().ok()?;
    // Later than 2001, when such numbers got 13 digits, and before 2100.
    let at = jiff::Timestamp::from_millisecond(ms).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let whole = at.with().subsec_nanosecond(0).build().ok()?;
    (at.year() >= 2001 && at.year() < 2100).then(|| When {
        subsec: format!("{:03}", ms.rem_euclid(1000)),
        utc: true,
        ..When::local(whole)
    })
}

#[cfg(test)]
mod tests;

//! Dates in file and folder names: what phones, messengers and people write.
//!
//! Promises: only digits that can be a date of the digital age are taken; longer numbers are no dates.

use super::when::{When, date_time};

/// Years that a name may mean: file names with dates came with computers.
const YEARS: std::ops::RangeInclusive<u32> = 1970..=2099;

/// The date in a file's name.
///
/// Whether it is UTC: Google's camera names `PXL_20230701_082030123.jpg` in UTC; all others use the wall clock.
pub fn from_name(name: &str) -> Option<When> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let bytes = stem.as_bytes();
    // A time after the date beats a date alone that stands before it.
    let all: Vec<When> = (0..bytes.len()).filter_map(|i| date_at(bytes, i)).collect();
    let mut found = all.iter().find(|w| w.has_time).or(all.first()).cloned().or_else(|| epoch(stem))?;
    if stem.starts_with("PXL_") && found.has_time {
        found.utc = true;
    }
    Some(found)
}

/// The date in a folder's path, from the innermost folder outwards: `2019/2019-07-01`, `2019/07/01`, `2019/07`.
pub fn from_folder(folder: &str) -> Option<When> {
    let parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in parts.iter().rev() {
        let bytes = part.as_bytes();
        if let Some(mut when) = (0..bytes.len()).find_map(|i| date_at(bytes, i)) {
            when.has_time = false;
            when.at = when.at.date().to_datetime(jiff::civil::Time::midnight());
            return Some(when);
        }
    }
    let number = |p: &str, n: usize| {
        (p.len() == n && p.bytes().all(|b| b.is_ascii_digit())).then(|| p.parse::<u32>().ok())?
    };
    for window in parts.windows(3).rev() {
        if let (Some(y), Some(m), Some(d)) =
            (number(window[0], 4), number(window[1], 2), number(window[2], 2))
            && YEARS.contains(&y)
        {
            return day(y, m, d);
        }
    }
    None
}

fn day(y: u32, m: u32, d: u32) -> Option<When> {
    Some(When { has_time: false, ..When::local(date_time(y, m, d, 0, 0, 0)?) })
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
        8 | 14 | 17 => (number(i, 4)?, number(i + 4, 2)?, number(i + 6, 2)?, i + 8),
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
    if !YEARS.contains(&y) {
        return None;
    }
    let mut when = day(y, m, d)?;
    if let Some((h, mi, s, subsec)) = time_at(b, end) {
        when.at = date_time(y, m, d, h, mi, s)?;
        when.subsec = subsec;
        when.has_time = true;
    }
    Some(when)
}

/// A time after a date: `_102030`, `-10-20-30`, ` at 10.20.30`, ` um 10.20.30`, `T102030`, `102030123`,
/// ` at 3.04.05 PM`.
fn time_at(b: &[u8], at: usize) -> Option<(u32, u32, u32, String)> {
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
    let c = rest.as_bytes();
    let pair = |at: usize| -> Option<u32> {
        let p = c.get(at..at + 2)?;
        (p[0].is_ascii_digit() && p[1].is_ascii_digit())
            .then(|| u32::from(p[0] - b'0') * 10 + u32::from(p[1] - b'0'))
    };
    let digits = c.iter().take_while(|d| d.is_ascii_digit()).count();
    let (h, mi, s, subsec) = match digits {
        6 => (pair(0)?, pair(2)?, pair(4)?, String::new()),
        // Milliseconds behind the seconds.
        9 => (pair(0)?, pair(2)?, pair(4)?, rest[6..9].to_owned()),
        n @ (1 | 2) => {
            let sep = *c.get(n)?;
            if !b"-_.:".contains(&sep) {
                return None;
            }
            let mi = pair(n + 1)?;
            let has_seconds = c.get(n + 3) == Some(&sep) && pair(n + 4).is_some();
            let s = if has_seconds { pair(n + 4)? } else { 0 };
            let h = rest[..n].parse().ok()?;
            match half_of_day(&rest[n + if has_seconds { 6 } else { 3 }..]) {
                Some(half) => (half_day_hour(h, half)?, mi, s, String::new()),
                // A single digit without a half of the day is a number of something else.
                None if n == 1 => return None,
                None => (h, mi, s, String::new()),
            }
        }
        _ => return None,
    };
    (h < 24 && mi < 60 && s < 60).then_some((h, mi, s, subsec))
}

/// What stands after the word for "at" in some language: ` um 10.20.30`.
fn after_word(rest: &str) -> Option<&str> {
    const LONGEST: usize = 8;
    let (word, time) = rest.strip_prefix(' ')?.split_once(' ')?;
    let is_word = word.chars().all(|c| c.is_alphabetic() || c == '.') && word.chars().count() <= LONGEST;
    (is_word && time.starts_with(|c: char| c.is_ascii_digit())).then_some(time)
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Am,
    Pm,
}

/// `AM` or `PM` behind a time; macOS writes a narrow space before it, which does not break.
fn half_of_day(rest: &str) -> Option<Half> {
    let word = rest.trim_start_matches([' ', '\u{a0}', '\u{202f}']).get(..2)?;
    match () {
        () if word.eq_ignore_ascii_case("am") => Some(Half::Am),
        () if word.eq_ignore_ascii_case("pm") => Some(Half::Pm),
        () => None,
    }
}

fn half_day_hour(hour: u32, half: Half) -> Option<u32> {
    match (hour, half) {
        (12, Half::Am) => Some(0),
        (12, Half::Pm) => Some(12),
        (1..12, Half::Am) => Some(hour),
        (1..12, Half::Pm) => Some(hour + 12),
        _ => None,
    }
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
mod tests {
    use super::*;

    #[test]
    fn names_that_carry_a_date() {
        for (name, expected) in [
            ("IMG_20230701_102030.jpg", "2023-07-01T10:20:30"),
            ("VID_20230701_102030.mp4", "2023-07-01T10:20:30"),
            ("PXL_20230701_082030123.MP.jpg", "2023-07-01T08:20:30"),
            ("20230701_102030.jpg", "2023-07-01T10:20:30"),
            ("20230701_102030(1).jpg", "2023-07-01T10:20:30"),
            ("IMG-20230701-WA0003.jpg", "2023-07-01T00:00:00"),
            ("WhatsApp Image 2023-07-01 at 10.20.30.jpeg", "2023-07-01T10:20:30"),
            ("WhatsApp Image 2023-07-01 at 10.20.30 (1).jpeg", "2023-07-01T10:20:30"),
            ("Screenshot_20230701-102030_Chrome.png", "2023-07-01T10:20:30"),
            ("Screenshot_2023-07-01-10-20-30-12.png", "2023-07-01T10:20:30"),
            ("Screenshot 2023-07-01 at 10.20.30.png", "2023-07-01T10:20:30"),
            ("signal-2023-07-01-10-20-30-123.jpg", "2023-07-01T10:20:30"),
            ("signal-2023-07-01-102030.jpg", "2023-07-01T10:20:30"),
            ("DSC_20230701_102030.JPG", "2023-07-01T10:20:30"),
            ("2023-07-01 10.20.30.jpg", "2023-07-01T10:20:30"),
            ("2023-07-01_10-20-30.heic", "2023-07-01T10:20:30"),
            ("20230701102030.jpg", "2023-07-01T10:20:30"),
            ("BURST20230701102030123.jpg", "2023-07-01T10:20:30"),
            ("photo_2023-07-01_10-20-30.jpg", "2023-07-01T10:20:30"),
            ("P_20230701_102030.jpg", "2023-07-01T10:20:30"),
            ("MVIMG_20230701_102030.jpg", "2023-07-01T10:20:30"),
            ("mmexport1688206830123.jpg", "2023-07-01T10:20:30"),
            ("Bildschirmfoto 2023-07-01 um 10.20.30.png", "2023-07-01T10:20:30"),
            ("Capture d'écran 2023-07-01 à 10.20.30.png", "2023-07-01T10:20:30"),
            ("Captura de pantalla 2023-07-01 a las 10.20.30.png", "2023-07-01T00:00:00"),
            ("Screen Shot 2023-07-01 at 3.04.05 PM.png", "2023-07-01T15:04:05"),
            ("Screenshot 2023-07-01 at 12.04.05\u{202f}AM.png", "2023-07-01T00:04:05"),
            ("WhatsApp Image 2023-07-01 at 3.04.05 PM (1).jpeg", "2023-07-01T15:04:05"),
            ("2023-07-01 3.jpg", "2023-07-01T00:00:00"),
            ("2023-07-01 at 3.04 PM.jpg", "2023-07-01T15:04:00"),
            ("2023-07-01.jpg", "2023-07-01T00:00:00"),
        ] {
            assert_eq!(from_name(name).map(|w| w.at.to_string()).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn numbers_that_are_no_dates() {
        for name in [
            "IMG_1234.jpg",
            "DSC04923.JPG",
            "20231301_102030.jpg",
            "123456789012345678901.jpg",
            "12345678.jpg",
            "1920-1080.png",
            "20990231.jpg",
        ] {
            assert_eq!(from_name(name), None, "{name}");
        }
    }

    #[test]
    fn folders() {
        let day = |f: &str| from_folder(f).map(|w| w.at.date().to_string());
        assert_eq!(day("2019/2019-07-01").as_deref(), Some("2019-07-01"));
        assert_eq!(day("Photos/2019/07/01").as_deref(), Some("2019-07-01"));
        assert_eq!(day("2019-07-01 Summer/raw").as_deref(), Some("2019-07-01"));
        assert_eq!(day("Photos/2019").as_deref(), None);
        assert_eq!(day(""), None);
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_it_panic(name in "\\PC{0,40}") {
            let _ = from_name(&name);
            let _ = from_folder(&name);
        }
    }
}

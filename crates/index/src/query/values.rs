//! Values of filters: ranges, dates, numbers and areas.

use super::{Area, NumberField, QueryError, Span, error};
use albumen_core::vocabulary::Precision;
use jiff::ToSpan;
use jiff::civil::Date;

/// `A..B`, `A..`, `..B`, `>=A`, `<=B`, or `A` alone.
pub(super) fn span<T: Clone>(
    value: &str,
    parse: impl Fn(&str) -> Result<T, QueryError>,
) -> Result<Span<T>, QueryError> {
    let bound = |v: &str| if v.is_empty() { Ok(None) } else { parse(v).map(Some) };
    if let Some(v) = value.strip_prefix(">=") {
        return Ok(Span { from: Some(parse(v)?), until: None });
    }
    if let Some(v) = value.strip_prefix("<=") {
        return Ok(Span { from: None, until: Some(parse(v)?) });
    }
    match value.split_once("..") {
        Some((from, until)) if !(from.is_empty() && until.is_empty()) => {
            Ok(Span { from: bound(from)?, until: bound(until)? })
        }
        Some(_) => error("a range needs a bound: write 2019..2021, 2019.. or ..2021".to_owned()),
        None => parse(value).map(|v| Span { from: Some(v.clone()), until: Some(v) }),
    }
}

pub(super) fn date_span(value: &str) -> Result<Span<String>, QueryError> {
    span(value, |v| {
        /// A date, of which any tail may be omitted.
        const SHAPE: &[u8] = b"0000-00-00T00:00:00";
        let whole_field = matches!(v.len(), 4 | 7 | 10 | 13 | 16 | 19);
        /// The omitted tail at its earliest: the result must be a valid date and time.
        const EARLIEST: &str = "0000-01-01T00:00:00";
        let fits = v.bytes().zip(SHAPE).all(|(c, s)| if *s == b'0' { c.is_ascii_digit() } else { c == *s });
        if whole_field
            && fits
            && format!("{v}{}", &EARLIEST[v.len()..]).parse::<jiff::civil::DateTime>().is_ok()
        {
            Ok(v.to_owned())
        } else {
            error(format!(
                "{v} is no date: write 2023, 2023-07, 2023-07-01, a range such as 2019..2021-03, or 30d, last-year, \
                 this-month, yesterday"
            ))
        }
    })
}

/// A span relative to today: the last `30d`, `2w`, `6m`, `1y`, and words in English and German.
pub(super) fn relative_span(value: &str, today: Date) -> Option<Span<String>> {
    let lower = value.to_lowercase();
    let digits = lower.len() - lower.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 {
        let n: i64 = lower[..digits].parse().ok().filter(|n| *n <= 100_000)?;
        let back = match &lower[digits..] {
            "d" => n.days(),
            "w" => n.weeks(),
            "m" => n.months(),
            "y" => n.years(),
            _ => return None,
        };
        let from = today.checked_sub(back).ok()?;
        return Some(Span { from: Some(from.to_string()), until: None });
    }
    let (which, unit) = match lower.as_str() {
        "today" | "heute" => (0, "day"),
        "yesterday" | "gestern" => (1, "day"),
        "this-week" | "diese-woche" => (0, "week"),
        "last-week" | "letzte-woche" => (1, "week"),
        "this-month" | "dieser-monat" => (0, "month"),
        "last-month" | "letzter-monat" => (1, "month"),
        "this-year" | "dieses-jahr" => (0, "year"),
        "last-year" | "letztes-jahr" => (1, "year"),
        _ => return None,
    };
    let (from, until) = match unit {
        "week" => {
            let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
            let monday = monday.checked_sub((7 * which).days()).ok()?;
            (monday.to_string(), monday.checked_add(6.days()).ok()?.to_string())
        }
        unit => {
            let (back, length) = match unit {
                "day" => (which.days(), Precision::Day.length()),
                "month" => (which.months(), Precision::Month.length()),
                _ => (which.years(), Precision::Year.length()),
            };
            let date = today.checked_sub(back).ok()?.to_string();
            let date = date.get(..length)?.to_owned();
            (date.clone(), date)
        }
    };
    Some(Span { from: Some(from), until: Some(until) })
}

/// Numbers and fractions such as 1/250.
pub(super) fn parse_number(key: &str, value: &str) -> Result<f64, QueryError> {
    let plain = |v: &str| v.parse::<f64>().ok().filter(|n| n.is_finite());
    let number = match value.split_once('/') {
        Some((over, under)) => plain(over).zip(plain(under)).filter(|(_, u)| *u != 0.0).map(|(o, u)| o / u),
        None => plain(value),
    };
    match number {
        Some(n) => Ok(n),
        None => error(format!("{key}:{value}: {value} is no number: write {key}:5, {key}:>=4 or {key}:1..3")),
    }
}

/// Measured values are rarely exact: 1/250 is stored as 0.004 or 0.003996.
pub(super) fn widen(field: NumberField, span: Span<f64>) -> Span<f64> {
    const TOLERANCE: f64 = 0.01;
    match field {
        NumberField::Rating | NumberField::Iso => span,
        _ => Span {
            from: span.from.map(|v| v - v.abs() * TOLERANCE),
            until: span.until.map(|v| v + v.abs() * TOLERANCE),
        },
    }
}

fn numbers<const N: usize>(value: &str, form: &str) -> Result<[f64; N], QueryError> {
    let parsed: Option<Vec<f64>> = value
        .split(',')
        .map(|v| v.trim_end_matches("km").parse().ok().filter(|n: &f64| n.is_finite()))
        .collect();
    match parsed.and_then(|v| v.try_into().ok()) {
        Some(numbers) => Ok(numbers),
        None => error(format!("write {form}, in degrees without spaces")),
    }
}

pub(super) fn area(value: &str) -> Result<Area, QueryError> {
    let form = "box:SOUTH,WEST,NORTH,EAST";
    let [south, west, north, east] = numbers(value, form)?;
    if south > north || south.abs() > 90.0 || north.abs() > 90.0 || west.abs() > 180.0 || east.abs() > 180.0 {
        return error(format!("the box is not on the globe: write {form}, in degrees"));
    }
    Ok(Area { south, west, north, east, circle: None })
}

pub(super) fn near(value: &str) -> Result<Area, QueryError> {
    const KM_PER_DEGREE: f64 = 111.0;
    let form = "near:LATITUDE,LONGITUDE,KM";
    let [lat, lon, km] = numbers(value, form)?;
    if lat.abs() > 90.0 || lon.abs() > 180.0 || !(0.0..=5000.0).contains(&km) {
        return error(format!("the circle is not on the globe: write {form}, at most 5000 km"));
    }
    let high = km / KM_PER_DEGREE;
    let wide = high / (lat.abs() + high).min(89.9).to_radians().cos();
    let wrap = |lon: f64| (lon + 540.0).rem_euclid(360.0) - 180.0;
    let (west, east) = if wide >= 180.0 { (-180.0, 180.0) } else { (wrap(lon - wide), wrap(lon + wide)) };
    Ok(Area {
        south: (lat - high).max(-90.0),
        west,
        north: (lat + high).min(90.0),
        east,
        circle: Some((lat, lon, km)),
    })
}

//! The search language: words and filters, all of which must hold. docs/search.md is its manual.
//!
//! A pure parser: any text gives a query, or an error that states the correct form. The meaning of the words is defined
//! by `search`.

use super::keywords;
use albumen_core::vocabulary::Precision;
use jiff::ToSpan;
use jiff::civil::Date;
use std::fmt;

/// A parsed search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// All must hold; an empty list matches everything.
    pub terms: Vec<Term>,
}

/// One word or filter, possibly with alternatives or negated.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub denied: bool,
    pub any_of: Vec<Filter>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// In any field, or in one.
    Words {
        field: Option<TextField>,
        words: Words,
    },
    Taken(Span<String>),
    Added(Span<String>),
    Number {
        field: NumberField,
        span: Span<f64>,
    },
    Kind(&'static str),
    Format(String),
    /// ISO code or name.
    Country(String),
    City(String),
    Person(Words),
    Subject(String),
    Tag(String),
    Album(String),
    /// The albums, by id, that a server resolved from an album name for its caller. Never parsed.
    AlbumIds(Vec<i64>),
    /// A favourite of an account; parsed as `None`, which matches nothing.
    Favourite(Option<i64>),
    Area(Area),
    Has(Has),
    Is(Is),
    /// A conjunction.
    All(Vec<Filter>),
}

/// A phrase of whole words; if it was written with a star, the last word matches as a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub text: String,
    pub is_prefix: bool,
}

impl Words {
    fn new(text: &str, quoted: bool) -> Words {
        match text.strip_suffix('*').filter(|_| !quoted) {
            Some(beginning) => Words { text: beginning.to_owned(), is_prefix: true },
            None => Words { text: text.to_owned(), is_prefix: false },
        }
    }
}

/// Inclusive bounds. Dates are prefixes of ISO 8601: `2023`, `2023-07` or `2023-07-01T10`.
#[derive(Debug, Clone, PartialEq)]
pub struct Span<T> {
    pub from: Option<T>,
    pub until: Option<T>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextField {
    Name,
    Folder,
    Title,
    Description,
    Place,
    Camera,
    Lens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberField {
    Rating,
    Iso,
    Aperture,
    Exposure,
    Focal,
    Duration,
}

/// A bounding box in degrees; west is greater than east if it spans the date line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub south: f64,
    pub west: f64,
    pub north: f64,
    pub east: f64,
    /// Restricts the area to a circle: latitude, longitude, radius in km.
    pub circle: Option<(f64, f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    Gps,
    Place,
    Date,
    Title,
    Description,
    Rating,
    Tags,
    Subjects,
    Faces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    Sphere,
    /// Any photo with motion.
    Motion,
    /// Apple's: a still with a separate movie.
    Live,
    /// Google's and Samsung's: with an embedded video.
    MotionPhoto,
    Panorama,
    Hdr,
    /// A RAW, or a photo with a RAW part.
    Raw,
}

/// What is invalid, and the correct form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

/// Negates like a hyphen; phones and word processors substitute it.
pub const MINUS: char = '\u{2212}';

/// Limit of terms: more than any user types, and few enough for one statement.
const MOST_TERMS: usize = 64;

const FILTERS: &str = "date, added, place, city, country, camera, lens, kind, format, rating, iso, f, exposure, \
                       focal, duration, person, subject, tag, album, folder, name, title, description, box, near, \
                       has, is";

impl Query {
    /// Whether it refers to an album.
    pub fn names_albums(&self) -> bool {
        let mut filters = self.terms.iter().flat_map(|t| &t.any_of);
        filters.any(|f| matches!(f, Filter::Album(_) | Filter::AlbumIds(_)))
    }

    /// Relative dates such as `last-year` refer to today.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        Query::parse_on(text, jiff::Zoned::now().date())
    }

    /// Like [`Query::parse`], for another day.
    pub(crate) fn parse_on(text: &str, today: Date) -> Result<Query, QueryError> {
        let tokens = tokens(text)?;
        let mut terms = Vec::new();
        let mut rest = tokens.as_slice();
        while let [token, after @ ..] = rest {
            if terms.len() == MOST_TERMS {
                return error(format!("more than {MOST_TERMS} words and filters: search for less at once"));
            }
            match keyword(rest) {
                Some((filter, count)) => {
                    terms.push(Term { denied: false, any_of: vec![filter, all_words(&rest[..count])] });
                    rest = &rest[count..];
                }
                None => {
                    terms.push(term(token, today)?);
                    rest = after;
                }
            }
        }
        Ok(Query { terms })
    }
}

/// The longest keyword of several plain words at the start of the tokens, and the number of its words.
fn keyword(tokens: &[Token]) -> Option<(Filter, usize)> {
    let plain =
        tokens.iter().take(keywords::MOST_WORDS).take_while(|t| !t.denied && !t.quoted && t.key.is_none());
    let words: Vec<&str> = plain.map(|t| t.value.as_str()).collect();
    (2..=words.len()).rev().find_map(|n| Some((keywords::named(&words[..n].join(" "))?, n)))
}

fn all_words(tokens: &[Token]) -> Filter {
    Filter::All(
        tokens.iter().map(|t| Filter::Words { field: None, words: Words::new(&t.value, false) }).collect(),
    )
}

/// A word as written, with its quoted parts.
#[derive(Debug)]
struct Token {
    denied: bool,
    /// The text before the first colon outside quotes.
    key: Option<String>,
    value: String,
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(out);
        }
        let denied = chars.next_if(|c| matches!(*c, '-' | MINUS)).is_some();
        let mut token = Token { denied, key: None, value: String::new(), quoted: false };
        while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
            match c {
                '"' => {
                    token.quoted = true;
                    loop {
                        match chars.next() {
                            Some('"') => break,
                            Some(c) => token.value.push(c),
                            None => return error("a quotation mark is not closed".to_owned()),
                        }
                    }
                }
                ':' if token.key.is_none() && !token.quoted => {
                    token.key = Some(std::mem::take(&mut token.value).to_lowercase());
                }
                c => token.value.push(c),
            }
        }
        if token.value.trim().is_empty() {
            return match &token.key {
                Some(key) => error(format!("{key}: has no value: write {key}:VALUE without a space")),
                None => error("a lone - or \"\" says nothing: leave it out".to_owned()),
            };
        }
        out.push(token);
    }
}

fn term(token: &Token, today: Date) -> Result<Term, QueryError> {
    let Token { denied, key, value, quoted } = token;
    let (denied, quoted) = (*denied, *quoted);
    let Some(key) = key else {
        let words = Filter::Words { field: None, words: Words::new(value, quoted) };
        let any_of = match date_span(value) {
            // A bare year or day is a date; quoted, it is a word. Four digits alone are often a number of a thing.
            Ok(span)
                if !quoted && value.trim_start_matches("..").starts_with(|c: char| c.is_ascii_digit()) =>
            {
                let is_number = value.len() == 4 && value.bytes().all(|b| b.is_ascii_digit());
                [Filter::Taken(span)].into_iter().chain(is_number.then_some(words)).collect()
            }
            _ if quoted || !value.ends_with('*') => {
                keywords::named(value).into_iter().chain([words]).collect()
            }
            _ => vec![words],
        };
        return Ok(Term { denied, any_of });
    };
    let one = |filter| Ok(Term { denied, any_of: vec![filter] });
    match key.as_str() {
        "box" => return one(Filter::Area(area(value)?)),
        "near" => return one(Filter::Area(near(value)?)),
        _ => {}
    }
    // A comma outside quotes separates alternatives.
    let values: Vec<&str> =
        if quoted { vec![value] } else { value.split(',').filter(|v| !v.is_empty()).collect() };
    let any_of =
        values.into_iter().map(|v| filter(key, v, quoted, today)).collect::<rusqlite::Result<Vec<_>, _>>()?;
    if any_of.is_empty() {
        return error(format!("{key}: has no value"));
    }
    Ok(Term { denied, any_of })
}

fn filter(key: &str, value: &str, quoted: bool, today: Date) -> Result<Filter, QueryError> {
    let text = |field| Filter::Words { field: Some(field), words: Words::new(value, quoted) };
    let number = |field| {
        Ok(Filter::Number { field, span: span(value, |v| parse_number(key, v)).map(|s| widen(field, s))? })
    };
    Ok(match key {
        "date" | "taken" => Filter::Taken(relative_span(value, today).map_or_else(|| date_span(value), Ok)?),
        "added" => Filter::Added(relative_span(value, today).map_or_else(|| date_span(value), Ok)?),
        "place" => text(TextField::Place),
        "camera" => text(TextField::Camera),
        "lens" => text(TextField::Lens),
        "folder" => text(TextField::Folder),
        "name" => text(TextField::Name),
        "title" => text(TextField::Title),
        "description" => text(TextField::Description),
        "country" => Filter::Country(value.to_owned()),
        "city" => Filter::City(value.to_owned()),
        "person" => Filter::Person(Words::new(value, quoted)),
        "subject" => Filter::Subject(value.to_owned()),
        "tag" => Filter::Tag(value.to_owned()),
        "album" => Filter::Album(value.to_owned()),
        "format" => Filter::Format(value.to_lowercase()),
        "rating" => return number(NumberField::Rating),
        "iso" => return number(NumberField::Iso),
        "f" => return number(NumberField::Aperture),
        "exposure" => return number(NumberField::Exposure),
        "focal" => return number(NumberField::Focal),
        "duration" => return number(NumberField::Duration),
        "kind" => match value.to_lowercase().as_str() {
            "photo" => Filter::Kind("photo"),
            "video" => Filter::Kind("video"),
            _ => return error(format!("kind:{value}: write kind:photo or kind:video")),
        },
        "has" => Filter::Has(match value.to_lowercase().as_str() {
            "gps" => Has::Gps,
            "place" => Has::Place,
            "date" => Has::Date,
            "title" => Has::Title,
            "description" => Has::Description,
            "rating" => Has::Rating,
            "tags" | "tag" => Has::Tags,
            "subjects" | "subject" => Has::Subjects,
            "faces" | "people" => Has::Faces,
            _ => {
                return error(format!(
                    "has:{value}: write gps, place, date, title, description, rating, tags, subjects or faces"
                ));
            }
        }),
        "is" if matches!(value.to_lowercase().as_str(), "favourite" | "favorite") => Filter::Favourite(None),
        "is" => Filter::Is(match value.to_lowercase().as_str() {
            "360" => Is::Sphere,
            "motion" => Is::Motion,
            "live" => Is::Live,
            "motion-photo" => Is::MotionPhoto,
            "panorama" => Is::Panorama,
            "hdr" => Is::Hdr,
            "raw" => Is::Raw,
            _ => {
                return error(format!(
                    "is:{value}: write is:360, is:panorama, is:motion, is:live, is:motion-photo, is:hdr, is:raw or is:favourite"
                ));
            }
        }),
        _ => {
            return error(format!(
                "there is no filter {key}: (quote it to search for the text). Filters: {FILTERS}"
            ));
        }
    })
}

/// `A..B`, `A..`, `..B`, `>=A`, `<=B`, or `A` alone.
fn span<T: Clone>(value: &str, parse: impl Fn(&str) -> Result<T, QueryError>) -> Result<Span<T>, QueryError> {
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

fn date_span(value: &str) -> Result<Span<String>, QueryError> {
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
fn relative_span(value: &str, today: Date) -> Option<Span<String>> {
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
fn parse_number(key: &str, value: &str) -> Result<f64, QueryError> {
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
fn widen(field: NumberField, span: Span<f64>) -> Span<f64> {
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

fn area(value: &str) -> Result<Area, QueryError> {
    let form = "box:SOUTH,WEST,NORTH,EAST";
    let [south, west, north, east] = numbers(value, form)?;
    if south > north || south.abs() > 90.0 || north.abs() > 90.0 || west.abs() > 180.0 || east.abs() > 180.0 {
        return error(format!("the box is not on the globe: write {form}, in degrees"));
    }
    Ok(Area { south, west, north, east, circle: None })
}

fn near(value: &str) -> Result<Area, QueryError> {
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

fn error<T>(message: String) -> Result<T, QueryError> {
    Err(QueryError(message))
}

impl fmt::Display for TextField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextField::Name => "name",
            TextField::Folder => "folder",
            TextField::Title => "title",
            TextField::Description => "description",
            TextField::Place => "place",
            TextField::Camera => "camera",
            TextField::Lens => "lens",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Filter {
        let mut query = Query::parse(text).unwrap();
        assert_eq!(query.terms.len(), 1, "{text}");
        query.terms[0].any_of.remove(0)
    }

    fn dates(from: &str, until: &str) -> Span<String> {
        let some = |v: &str| (!v.is_empty()).then(|| v.to_owned());
        Span { from: some(from), until: some(until) }
    }

    #[test]
    fn words_dates_and_filters_are_told_apart() {
        let query = Query::parse("berlin 2023 camera:canon,nikon -tag:work \"new year\"").unwrap();
        assert_eq!(query.terms.len(), 5);
        let word = Filter::Words { field: None, words: Words { text: "2023".into(), is_prefix: false } };
        assert_eq!(query.terms[1].any_of, [Filter::Taken(dates("2023", "2023")), word]);
        assert_eq!(query.terms[2].any_of.len(), 2);
        assert!(query.terms[3].denied);
        assert_eq!(
            query.terms[4].any_of,
            [Filter::Words { field: None, words: Words { text: "new year".into(), is_prefix: false } }]
        );
    }

    #[test]
    fn ranges_have_many_forms() {
        assert_eq!(one("date:2019..2021-03"), Filter::Taken(dates("2019", "2021-03")));
        assert_eq!(one("date:>=2020-05-01"), Filter::Taken(dates("2020-05-01", "")));
        assert_eq!(one("date:..2020"), Filter::Taken(dates("", "2020")));
        assert_eq!(one("..2020"), Filter::Taken(dates("", "2020")));
        assert_eq!(one("2020-02-29"), Filter::Taken(dates("2020-02-29", "2020-02-29")));
        assert!(matches!(one("...and"), Filter::Words { .. }));
        let Filter::Number { span, .. } = one("exposure:1/250") else { panic!() };
        assert!(span.from.unwrap() < 0.004 && span.until.unwrap() > 0.004);
    }

    #[test]
    fn quotes_keep_colons_commas_and_years_as_text() {
        assert!(matches!(one("\"2023\""), Filter::Words { .. }));
        assert!(matches!(one("\"a:b\""), Filter::Words { .. }));
        assert_eq!(one("tag:\"a, b\""), Filter::Tag("a, b".into()));
    }

    #[test]
    fn dates_are_told_from_today() {
        let today = jiff::civil::date(2024, 3, 31);
        for (text, from, until) in [
            ("date:30d", "2024-03-01", ""),
            ("date:2w", "2024-03-17", ""),
            ("date:1m", "2024-02-29", ""),
            ("date:1y", "2023-03-31", ""),
            ("date:today", "2024-03-31", "2024-03-31"),
            ("date:Gestern", "2024-03-30", "2024-03-30"),
            ("date:this-week", "2024-03-25", "2024-03-31"),
            ("date:last-week", "2024-03-18", "2024-03-24"),
            ("date:last-month", "2024-02", "2024-02"),
            ("date:letztes-jahr", "2023", "2023"),
        ] {
            let terms = Query::parse_on(text, today).unwrap().terms;
            assert_eq!(terms[0].any_of, [Filter::Taken(dates(from, until))], "{text}");
        }
        let added = Query::parse_on("added:30d", today).unwrap().terms;
        assert_eq!(added[0].any_of, [Filter::Added(dates("2024-03-01", ""))]);
        assert!(Query::parse("added:30x").is_err());
        assert!(Query::parse("added:99999999999d").is_err());
    }

    #[test]
    fn keywords_are_offered_beside_the_words() {
        let of = |text: &str| Query::parse(text).unwrap().terms;
        let word =
            |text: &str| Filter::Words { field: None, words: Words { text: text.into(), is_prefix: false } };
        assert_eq!(of("360")[0].any_of, [Filter::Is(Is::Sphere), word("360")]);
        assert_eq!(of("\"Live Photo\"")[0].any_of, [Filter::Is(Is::Live), word("Live Photo")]);
        let both = Filter::All(vec![word("live"), word("photos")]);
        let terms = of("anna live photos berlin");
        assert_eq!(terms.len(), 3);
        assert_eq!(terms[1].any_of, [Filter::Is(Is::Live), both]);
        assert!(of("-video")[0].denied);
        assert_eq!(of("-live photo").len(), 2);
        assert_eq!(of("video*")[0].any_of.len(), 1);
        assert_eq!(of("name:video")[0].any_of.len(), 1);
    }

    #[test]
    fn a_circle_over_the_date_line_is_a_box_over_it() {
        let Filter::Area(area) = one("near:-17,179.9,50km") else { panic!() };
        assert!(area.west > area.east, "{area:?}");
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, hint) in [
            ("colour:red", "Filters:"),
            ("kind:song", "kind:photo"),
            ("rating:good", "rating:>=4"),
            ("date:tomorrow", "2023-07-01"),
            ("date:2023-13", "2023-07-01"),
            ("date:2023-02-29", "2023-07-01"),
            ("date:>=2023-07-01T25", "2023-07-01"),
            ("\"open", "not closed"),
            ("tag:", "tag:VALUE"),
            ("box:1,2,3", "box:SOUTH"),
        ] {
            let message = Query::parse(text).unwrap_err().to_string();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,60}") {
            let _ = Query::parse(&text);
        }

        #[test]
        fn text_of_the_language_is_answered(text in "[-\"a-z0-9:.,<>=/ ]{0,40}") {
            let _ = Query::parse(&text);
        }
    }
}

//! The search language: words and filters, all of which must hold. docs/search.md is its manual.
//!
//! A pure parser: any text gives a query, or an error that states the correct form. The meaning of the words is defined
//! by `search`.

mod values;

use super::keywords;
use jiff::civil::Date;
use std::fmt;
use values::{area, date_span, near, parse_number, relative_span, span, widen};

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
mod tests;

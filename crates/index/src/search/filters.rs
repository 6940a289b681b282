//! Translates the terms of a query and the restrictions of a page to conditions.

use super::condition::{Condition, Sql};
use super::dates::{moment, taken_within};
use super::named::{countries_named, people_named, subjects_named, tags_named};
use super::{AFTER_ANY_DATE, SearchError, Within, like, text};
use crate::query::{Area, Filter, Has, Is, NumberField, Query, Span, Term, TextField, Words};
use crate::words;
use albumen_core::vocabulary::Format;
use albumen_library::places::countries_called;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

/// Columns of `item_text` without people.
const BUT_PEOPLE: &str = "name folder title description tags place camera lens";

/// `people_of`: spaces whose people may be searched; `None`: all.
pub(super) fn conditions(
    conn: &Connection,
    query: &Query,
    people_of: Option<&[i64]>,
) -> std::result::Result<Vec<Condition>, SearchError> {
    let mut out = Vec::new();
    for Term { denied, any_of } in &query.terms {
        let parts = any_of
            .iter()
            .map(|filter| condition(conn, filter, people_of))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let whole = Condition::any_of(parts);
        out.push(if *denied { whole.denied() } else { whole });
    }
    Ok(out)
}

/// The condition for a restriction.
pub(super) fn narrowed(within: &Within, people_of: Option<&[i64]>) -> Condition {
    match within {
        Within::Space(name) => {
            let test = "i.space_id = (SELECT id FROM spaces WHERE name = ?)";
            Condition::new(Sql::new(test, [text(name)]), None)
        }
        Within::Folders(ids) => {
            let ids = serde_json::to_string(ids).expect("numbers");
            Condition::on_items("i.folder_id IN (SELECT value FROM json_each(?))", [Value::Text(ids)])
        }
        Within::Album(id) => {
            let test = "EXISTS (SELECT 1 FROM album_items x WHERE x.album_id = ? AND x.file_id = i.file_id)";
            let list = "SELECT file_id FROM album_items WHERE album_id = ?";
            let id = Value::Integer(*id);
            Condition::new(Sql::new(test, [id.clone()]), Some(Sql::new(list, [id])))
        }
        Within::Items(ids) => {
            let ids = Value::Text(serde_json::to_string(ids).expect("numbers"));
            let test = "i.file_id IN (SELECT value FROM json_each(?))";
            let list = "SELECT value AS file_id FROM json_each(?)";
            Condition::new(Sql::new(test, [ids.clone()]), Some(Sql::new(list, [ids])))
        }
        // Its terms are separate conditions.
        Within::Found(_) => Condition::on_items("1", []),
        Within::Person(id) => of_people(vec![id.clone()]).in_spaces(people_of),
        Within::Days { first, last } => {
            // A whole day includes its times; a bare month or year matches only itself.
            let until = if last.len() < 10 { last.clone() } else { format!("{last}{AFTER_ANY_DATE}") };
            let test = "coalesce(i.taken_local, '') >= ? AND coalesce(i.taken_local, '') <= ?";
            // The timeline is sorted by date, so a walk can use it as bounds.
            Condition::new(Sql::new(test, [text(first), text(&until)]), None)
        }
        Within::Undated => Condition::new(Sql::new("coalesce(i.taken_local, '') = ''", []), None),
    }
}

pub(super) fn condition(
    conn: &Connection,
    filter: &Filter,
    people_of: Option<&[i64]>,
) -> std::result::Result<Condition, SearchError> {
    Ok(match filter {
        Filter::Words { field, words } => match (match_text(*field, words), field) {
            // No letters or digits: matches nothing.
            (None, _) => Condition::nothing(),
            (Some(expression), Some(_)) => matching(expression),
            (Some(expression), None) => {
                let mut anywhere = match people_of {
                    None => vec![matching(expression)],
                    Some(_) => vec![
                        matching(format!("{{{BUT_PEOPLE}}} : {expression}")),
                        matching(format!("people : {expression}")).in_spaces(people_of),
                    ],
                };
                let labels = subjects_named(conn, &words.text, words.is_prefix)?;
                if !labels.is_empty() {
                    anywhere.push(having("subjects", "label", labels));
                }
                let people = people_named(conn, &words.text, words.is_prefix)?;
                if !people.is_empty() {
                    anywhere.push(of_people(people).in_spaces(people_of));
                }
                // Names of a country in other languages are not in the text of an item.
                let countries: Vec<Value> = countries_called(&words.text).map(text).collect();
                if !countries.is_empty() {
                    anywhere.push(in_countries(countries));
                }
                Condition::any_of(anywhere)
            }
        },
        Filter::Taken(span) => {
            // The timeline is sorted by date; combined with a word, this is one of two strategies.
            taken_within(span)
        }
        Filter::Added(span) => {
            let seconds = |date: &str, end: bool| moment(date, end).map(Value::Integer);
            let from = span.from.as_deref().and_then(|date| seconds(date, false));
            let until = span.until.as_deref().and_then(|date| seconds(date, true));
            between("i.added", &Span { from, until })
        }
        Filter::Number { field, span } => {
            let column = match field {
                NumberField::Rating => "i.rating",
                NumberField::Iso => "i.iso",
                NumberField::Aperture => "i.f_number",
                NumberField::Exposure => "i.exposure_s",
                NumberField::Focal => "i.focal_mm",
                NumberField::Duration => "i.duration_s",
            };
            let bounds = Span { from: span.from.map(Value::Real), until: span.until.map(Value::Real) };
            between(column, &bounds)
        }
        Filter::Kind(kind) => Condition::on_items("i.kind = ?", [text(kind)]),
        Filter::Format(format) => Condition::on_items("i.format = ?", [text(format)]).without_list(),
        Filter::Country(name) => match countries_named(conn, name)? {
            codes if codes.is_empty() => Condition::nothing(),
            codes => in_countries(codes.into_iter().map(Value::Text).collect()),
        },
        Filter::City(name) => {
            match match_text(Some(TextField::Place), &Words { text: name.clone(), is_prefix: false }) {
                // The full-text index finds the place; the column distinguishes the city from region and country.
                Some(expression) => {
                    let found = matching(expression);
                    let name = text(&like(name));
                    let city = Sql::new(
                        "(i.city LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM file_places p WHERE p.file_id = i.file_id
                           AND p.place ->> '$.local.city' LIKE ? ESCAPE '\\'))",
                        [name.clone(), name],
                    );
                    let list = found.list.map(|list| Sql {
                    text: format!(
                        "SELECT i.file_id FROM ({}) m CROSS JOIN items i ON i.file_id = m.file_id WHERE {}",
                        list.text, city.text
                    ),
                    values: list.values.into_iter().chain(city.values.clone()).collect(),
                });
                    Condition::new(city, list)
                }
                None => Condition::nothing(),
            }
        }
        Filter::Person(Words { text, is_prefix }) => {
            // Named by a region in the file, or by a recognised face.
            let in_regions = words_of(text, *is_prefix).map(|words| matching(format!("people : {words}")));
            let known = match people_named(conn, text, *is_prefix)? {
                people if people.is_empty() => None,
                people => Some(of_people(people)),
            };
            match in_regions.into_iter().chain(known).collect::<Vec<_>>() {
                conditions if conditions.is_empty() => Condition::nothing(),
                conditions => Condition::any_of(conditions).in_spaces(people_of),
            }
        }
        Filter::Subject(name) => match subjects_named(conn, name, false)? {
            labels if labels.is_empty() => Condition::nothing(),
            labels => having("subjects", "label", labels),
        },
        Filter::Tag(name) => match tags_named(conn, name)? {
            tags if tags.is_empty() => Condition::nothing(),
            tags => having("item_tags", "tag", tags),
        },
        // Within a scope, a name refers to albums of the scope's owner: see `AlbumIds`.
        Filter::Album(_) if people_of.is_some() => Condition::nothing(),
        Filter::Album(name) => {
            let id = conn
                .prepare_cached("SELECT id FROM albums WHERE owner IS NULL AND name = ?1 COLLATE NOCASE")?
                .query_row([name], |r| r.get(0))
                .optional()?;
            id.map_or_else(|| Ok(Condition::nothing()), |id| album(conn, id, people_of))?
        }
        Filter::AlbumIds(ids) if ids.is_empty() => Condition::nothing(),
        Filter::AlbumIds(ids) => {
            let albums = ids.iter().map(|id| album(conn, *id, people_of));
            Condition::any_of(albums.collect::<std::result::Result<_, _>>()?)
        }
        Filter::Area(area) => inside(area),
        Filter::Has(what) => match what {
            Has::Gps => Condition::on_items("i.lat IS NOT NULL", []),
            Has::Place => Condition::on_items("i.country_code IS NOT NULL", []),
            Has::Date => Condition::on_items("i.taken_local IS NOT NULL", []),
            Has::Title => Condition::on_items("i.title IS NOT NULL", []),
            Has::Description => Condition::on_items("i.description IS NOT NULL", []),
            Has::Rating => Condition::on_items("i.rating IS NOT NULL", []),
            Has::Tags => has_row("item_tags"),
            Has::Subjects => has_row("subjects"),
            Has::Faces => Condition::new(Sql::new(SHOWN_FACES, []), None).in_spaces(people_of),
        }
        .without_list(),
        Filter::Favourite(None) => Condition::nothing(),
        Filter::Favourite(Some(account)) => {
            let account = [Value::Integer(*account)];
            let test = "EXISTS (SELECT 1 FROM favourites x WHERE x.account = ? AND x.file_id = i.file_id)";
            let list = Sql::new("SELECT file_id FROM favourites WHERE account = ?", account.clone());
            Condition::new(Sql::new(test, account), Some(list))
        }
        Filter::Is(Is::Sphere) => Condition::on_items("i.is_360 = 1", []),
        Filter::Is(Is::Motion) => Condition::on_items("i.is_motion = 1", []),
        Filter::Is(Is::Live) => Condition::on_items("i.is_motion = 1 AND i.motion_kind = 'apple'", []),
        Filter::Is(Is::MotionPhoto) => {
            Condition::on_items("i.is_motion = 1 AND i.motion_kind IN ('google', 'samsung')", [])
        }
        Filter::Is(Is::Panorama) => Condition::on_items("i.is_pano = 1", []).without_list(),
        Filter::Is(Is::Hdr) => Condition::on_items("i.is_hdr = 1", []).without_list(),
        Filter::Is(Is::Raw) => raw(),
        Filter::All(filters) => {
            let parts = filters
                .iter()
                .map(|f| condition(conn, f, people_of))
                .collect::<std::result::Result<Vec<_>, _>>()?;
            Condition::all_of(parts)
        }
    })
}

/// A RAW, or an item with a RAW part.
fn raw() -> Condition {
    let formats: Vec<Value> = Format::all().filter(|f| f.is_raw()).map(|f| text(f.name())).collect();
    let marks = vec!["?"; formats.len()].join(", ");
    let beside = "SELECT 1 FROM files c WHERE c.companion_of = i.file_id AND c.companion_role = 'raw' AND c.vanished IS NULL";
    Condition::new(Sql::new(format!("(i.format IN ({marks}) OR EXISTS ({beside}))"), formats), None)
}

fn has_row(table: &str) -> Condition {
    Condition::new(
        Sql::new(format!("EXISTS (SELECT 1 FROM {table} x WHERE x.file_id = i.file_id)"), []),
        None,
    )
}

fn in_countries(codes: Vec<Value>) -> Condition {
    let marks = vec!["?"; codes.len()].join(", ");
    Condition::on_items(format!("i.country_code IN ({marks})"), codes)
}

pub(super) fn between(column: &str, span: &Span<Value>) -> Condition {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    for (bound, sign) in [(&span.from, ">="), (&span.until, "<=")] {
        if let Some(value) = bound {
            parts.push(format!("{column} {sign} ?"));
            values.push(value.clone());
        }
    }
    // NULL is in no range.
    parts.push(format!("{column} IS NOT NULL"));
    Condition::on_items(parts.join(" AND "), values)
}

fn matching(expression: String) -> Condition {
    // FTS5 collects all items of a prefix before it returns the first: do that once instead of per item. For a whole
    // word, it looks up one item in some microseconds.
    let list = Sql::new(
        "SELECT rowid AS file_id FROM item_text WHERE item_text MATCH ?",
        [Value::Text(expression.clone())],
    );
    let gathered = list.clone().within("i.file_id IN (", ")");
    if expression.ends_with('*') {
        return Condition::new(gathered, Some(list));
    }
    let test = "EXISTS (SELECT 1 FROM item_text WHERE item_text MATCH ? AND rowid = i.file_id)";
    let test = Sql::new(test, [Value::Text(expression)]);
    Condition { test, gathered: Some(gathered), list: Some(list), list_beside: None }
}

/// The full-text expression for words; `None` if they contain no letters or digits.
fn match_text(field: Option<TextField>, words: &Words) -> Option<String> {
    let found = words_of(&words.text, words.is_prefix)?;
    Some(match field {
        Some(field) => format!("{field} : {found}"),
        None => found,
    })
}

/// A quoted phrase; with `is_prefix`, its last word matches as a prefix.
fn words_of(text: &str, is_prefix: bool) -> Option<String> {
    let (folded, is_prefix) = words::wanted(text, is_prefix)?;
    Some(format!("\"{folded}\"{}", if is_prefix { "*" } else { "" }))
}

/// Items with a row in a table whose column has one of some values.
fn having(table: &str, column: &str, values: Vec<String>) -> Condition {
    let marks = vec!["?"; values.len()].join(", ");
    let values: Vec<Value> = values.into_iter().map(Value::Text).collect();
    let test =
        format!("EXISTS (SELECT 1 FROM {table} x WHERE x.file_id = i.file_id AND x.{column} IN ({marks}))");
    let list = format!("SELECT DISTINCT file_id FROM {table} WHERE {column} IN ({marks})");
    Condition::new(Sql::new(test, values.clone()), Some(Sql::new(list, values)))
}

/// Items with a face that is not lost.
const SHOWN_FACES: &str = "EXISTS (SELECT 1 FROM faces x WHERE x.file_id = i.file_id AND x.lost = 0)";

/// Items with a face of one of some people. Lost faces do not count.
fn of_people(people: Vec<String>) -> Condition {
    let marks = vec!["?"; people.len()].join(", ");
    let values: Vec<Value> = people.into_iter().map(Value::Text).collect();
    let test = format!(
        "EXISTS (SELECT 1 FROM faces x WHERE x.file_id = i.file_id AND x.lost = 0 AND x.person_id IN ({marks}))"
    );
    let list = format!("SELECT DISTINCT file_id FROM faces WHERE lost = 0 AND person_id IN ({marks})");
    Condition::new(Sql::new(test, values.clone()), Some(Sql::new(list, values)))
}

pub(super) fn album(
    conn: &Connection,
    id: i64,
    people_of: Option<&[i64]>,
) -> std::result::Result<Condition, SearchError> {
    let found: Option<(i64, Option<String>)> = conn
        .prepare_cached("SELECT id, query FROM albums WHERE id = ?1")?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    Ok(match found {
        None => Condition::nothing(),
        Some((_, Some(query))) => {
            let query = Query::parse(&query)?;
            // Smart albums that refer to albums are rejected at creation; a stored one must not recurse without end.
            if query.names_albums() {
                return Ok(Condition::nothing());
            }
            match conditions(conn, &query, people_of)? {
                parts if parts.is_empty() => Condition::on_items("1", []),
                mut parts if parts.len() == 1 => parts.remove(0),
                parts => Condition::all_of(parts),
            }
        }
        Some((id, None)) => {
            let id = [Value::Integer(id)];
            let test = "EXISTS (SELECT 1 FROM album_items m WHERE m.album_id = ? AND m.file_id = i.file_id)";
            let list = Sql::new("SELECT file_id FROM album_items WHERE album_id = ?", id.clone());
            Condition::new(Sql::new(test, id), Some(list))
        }
    })
}

fn inside(area: &Area) -> Condition {
    let Area { south, west, north, east, circle } = *area;
    let real = Value::Real;
    let wide = if west <= east { "i.lon >= ? AND i.lon <= ?" } else { "(i.lon >= ? OR i.lon <= ?)" };
    let mut text = format!("i.lat >= ? AND i.lat <= ? AND {wide}");
    let mut values = vec![real(south), real(north), real(west), real(east)];
    if let Some((lat, lon, km)) = circle {
        // Equirectangular approximation around the centre; east and west wrap at the date line.
        const KM_PER_DEGREE: f64 = 111.195;
        text.push_str(
            " AND (i.lat - ?) * (i.lat - ?)
               + min(abs(i.lon - ?), 360 - abs(i.lon - ?)) * min(abs(i.lon - ?), 360 - abs(i.lon - ?)) * ? <= ?",
        );
        let narrowing = lat.to_radians().cos().powi(2);
        let square = (km / KM_PER_DEGREE).powi(2);
        values.extend([lat, lat, lon, lon, lon, lon, narrowing, square].map(real));
    }
    // The R*Tree rounds its boxes outwards, so the item's own coordinates decide.
    let boxes: &[(f64, f64)] = if west <= east { &[(west, east)] } else { &[(west, 180.0), (-180.0, east)] };
    let lists = boxes
        .iter()
        .map(|(west, east)| {
            let mut all = vec![real(south), real(north), real(*west), real(*east)];
            all.extend(values.clone());
            Sql::new(
                format!(
                    "SELECT i.file_id FROM item_where w CROSS JOIN items i ON i.file_id = w.file_id
                     WHERE w.north >= ? AND w.south <= ? AND w.east >= ? AND w.west <= ? AND {text}"
                ),
                all,
            )
        })
        .collect();
    Condition::new(Sql::new(text, values), Some(Sql::join(lists, " UNION ")))
}

//! Values of the index that a word of a query names: countries, people, subjects and tags.

use crate::{Result, words};
use albumen_library::names::fold;
use albumen_library::places::countries_called;
use albumen_models::taxonomy::taxonomy;
use rusqlite::Connection;

/// Codes of the index's countries that match a code or a name in any case and language.
pub(super) fn countries_named(conn: &Connection, name: &str) -> Result<Vec<String>> {
    let name = name.to_lowercase();
    let mut codes = distinct(conn, "items", "country_code", "hidden = 0 AND country_code IS NOT NULL")?;
    let mut st =
        conn.prepare_cached("SELECT country FROM items WHERE country_code = ?1 AND hidden = 0 LIMIT 1")?;
    let mut failure = Ok(());
    let called: Vec<&str> = countries_called(&name).collect();
    codes.retain(|code| {
        let country = st.query_row([code], |r| r.get::<_, Option<String>>(0)).unwrap_or_else(|e| {
            failure = Err(e);
            None
        });
        called.contains(&code.as_str())
            || code.to_lowercase() == name
            || country.is_some_and(|country| country.to_lowercase() == name)
    });
    Ok(failure.map(|()| codes)?)
}

/// Ids of people whose names contain the words in sequence, in any case; with `prefix`, the last word matches as a
/// prefix. Includes hidden people: a search by name is explicit.
pub(super) fn people_named(conn: &Connection, text: &str, prefix: bool) -> Result<Vec<String>> {
    let Some((words, prefix)) = words::wanted(text, prefix) else { return Ok(Vec::new()) };
    let words = format!(" {words}");
    let mut st = conn.prepare_cached(
        "SELECT p.id, p.name FROM persons p JOIN spaces s ON s.id = p.space_id
          WHERE p.name IS NOT NULL AND s.people_off = 0",
    )?;
    let mut rows = st.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let name = format!(" {} ", words::indexed(&row.get::<_, String>(1)?));
        if name.match_indices(&words).any(|(at, _)| prefix || name[at + words.len()..].starts_with(' ')) {
            ids.push(row.get(0)?);
        }
    }
    Ok(ids)
}

/// Labels of the index that a word names: the label, a synonym or its group; with `prefix`, as prefixes.
pub(super) fn subjects_named(conn: &Connection, word: &str, prefix: bool) -> Result<Vec<String>> {
    // Shorter prefixes match half of all labels.
    const LEAST_PREFIX: usize = 3;
    let prefix = prefix && word.chars().count() >= LEAST_PREFIX;
    let mut labels = distinct(conn, "subjects", "label", "1")?;
    labels.retain(|label| taxonomy().names(word, label, prefix));
    Ok(labels)
}

/// Tags that match a name: the name in any case, and its descendants in a hierarchy (`a/b`, `a|b`).
pub(super) fn tags_named(conn: &Connection, name: &str) -> Result<Vec<String>> {
    let name = fold(name);
    let mut tags = distinct(conn, "item_tags", "tag", "1")?;
    tags.retain(|tag| {
        let tag = fold(tag);
        tag.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '|']))
    });
    Ok(tags)
}

/// The distinct values of an indexed column, by skipping from one to the next instead of reading all rows.
pub(crate) fn distinct(conn: &Connection, table: &str, column: &str, whose: &str) -> Result<Vec<String>> {
    Ok(conn.prepare_cached(&format!(
        "WITH RECURSIVE hop(v) AS (
           SELECT (SELECT min({column}) FROM {table} WHERE {whose})
           UNION ALL SELECT (SELECT min({column}) FROM {table} WHERE {whose} AND {column} > v) FROM hop WHERE v IS NOT NULL)
         SELECT v FROM hop WHERE v IS NOT NULL"
    ))?
    .query_map([], |r| r.get(0))?
    .collect::<rusqlite::Result<_>>()?)
}

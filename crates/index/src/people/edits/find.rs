//! Finds a person by id or name, and describes it in messages.

use super::Result;
use super::change::space_of;
use crate::people::{Conflict, EditError, counts, name_of, people_named, resolve};
use crate::scan::space_names;
use rusqlite::Connection;

/// The person given by id, by the id of a person merged into it, or by a name that is unique in `space`, or across
/// all spaces.
pub(crate) fn find_person(conn: &Connection, named: &str, space: Option<&str>) -> Result<String> {
    let mut st = conn.prepare_cached("SELECT id FROM spaces WHERE ?1 IS NULL OR name = ?1 ORDER BY id")?;
    let spaces = st.query_map([space], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    if let (Some(space), true) = (space, spaces.is_empty()) {
        let there = space_names(conn)?.join(", ");
        return Err(EditError::NotFound(format!("there is no space {space}; there are: {there}")));
    }
    if let Some(id) = resolve(conn, named)? {
        return if spaces.contains(&space_of(conn, &id)?) {
            Ok(id)
        } else {
            Err(EditError::NotFound(format!("{} is not in that space", label(conn, &id)?)))
        };
    }
    let mut found = Vec::new();
    for space in spaces {
        found.extend(people_named(conn, space, named)?);
    }
    only_one(conn, named, found)
}

pub(super) fn only_one(conn: &Connection, named: &str, mut found: Vec<String>) -> Result<String> {
    match found.len() {
        0 => Err(EditError::NotFound(format!("there is no person {named}"))),
        1 => Ok(found.remove(0)),
        _ => {
            let mut each = Vec::new();
            for id in &found {
                each.push(format!("{id} ({})", where_and_how_many(conn, id)?));
            }
            let why = format!(
                "{named} is the name of several people: {}; give the id, or --space where that tells them apart",
                each.join(", ")
            );
            Err(EditError::conflict(Conflict::SeveralPeople, why))
        }
    }
}

/// The space of a person and the number of its photos, to distinguish people of one name.
pub(super) fn where_and_how_many(conn: &Connection, person: &str) -> Result<String> {
    let items = counts::Columns::new().items;
    Ok(conn.query_row(
        &format!(
            "SELECT 'space ' || s.name || ', ' || {items} || ' photo(s)' FROM people p JOIN spaces s ON s.id = p.space_id
               LEFT JOIN person_counts c ON c.person_id = p.id WHERE p.id = ?1"
        ),
        [person],
        |r| r.get(0),
    )?)
}

/// A person in a message: the name, if any, and the id.
pub(crate) fn label(conn: &Connection, person: &str) -> Result<String> {
    Ok(name_of(conn, person)?.map_or_else(|| person.to_owned(), |name| format!("{name} ({person})")))
}

//! Completions of a partial search: names by which visible items are found.

use crate::IndexReader;
use crate::Result;
use crate::search::{distinct, in_spaces};
use albumen_library::people::names;
use albumen_models::taxonomy::taxonomy;
use rusqlite::params;
use std::collections::BTreeSet;

/// Maximum number of suggestions of each kind.
const EACH: usize = 8;
/// Shorter prefixes match half of all subjects.
const LEAST_SUBJECT: usize = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suggested {
    Person {
        id: String,
        name: String,
        space: String,
    },
    Tag(String),
    Subject(String),
    Country {
        code: String,
        name: String,
    },
    Region {
        code: String,
        name: String,
    },
    City {
        code: String,
        name: String,
    },
    /// A folder of a volume, both raw bytes.
    Folder {
        space: String,
        volume: Vec<u8>,
        path: Vec<u8>,
    },
}

/// How well a name matches the input: lower is better, `None` if no word of it has the prefix. `typed` is normalised.
pub fn fits(name: &str, typed: &str) -> Option<usize> {
    if typed.is_empty() {
        return None;
    }
    let name = names::key(name);
    let is_begin = |at: usize| name[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    name.match_indices(typed).map(|(at, _)| at).find(|at| is_begin(*at)).map(|at| usize::from(at > 0))
}

/// The normalised input for comparison with names.
pub fn typed(text: &str) -> String {
    names::key(text)
}

/// The best of some names: those that start with the prefix first, then by name; only those for which `is_seen` returns
/// true.
fn best<T>(
    mut found: Vec<(usize, String, T)>,
    mut is_seen: impl FnMut(&T) -> Result<bool>,
) -> Result<Vec<T>> {
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut out = Vec::new();
    for (_, _, one) in found {
        if out.len() == EACH {
            break;
        }
        if is_seen(&one)? {
            out.push(one);
        }
    }
    Ok(out)
}

impl IndexReader {
    /// People, places, tags, subjects and folders with a word that starts with the prefix, and with at least one
    /// visible item.
    pub fn suggest(&self, text: &str) -> Result<Vec<Suggested>> {
        let typed = typed(text);
        if typed.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = self.people_suggested(&typed)?;
        all.extend(self.places_suggested(&typed)?);
        all.extend(
            self.having_suggested(&typed, "item_tags", "tag", |tag| fits(tag, &typed))?.map(Suggested::Tag),
        );
        let subject = |label: &str| {
            let is_named = typed.chars().count() >= LEAST_SUBJECT && taxonomy().names(&typed, label, true);
            fits(label, &typed).or_else(|| is_named.then_some(2))
        };
        all.extend(self.having_suggested(&typed, "subjects", "label", subject)?.map(Suggested::Subject));
        all.extend(self.folders_suggested(&typed)?);
        Ok(all)
    }

    fn people_suggested(&self, typed: &str) -> Result<Vec<Suggested>> {
        let whole = self.scope();
        let of_spaces = in_spaces("p.space_id", whole.whole_spaces());
        let mut st = self.conn.prepare_cached(&format!(
            "SELECT p.id, p.name, s.name FROM persons p JOIN spaces s ON s.id = p.space_id
              WHERE p.name IS NOT NULL AND p.hidden = 0 AND s.people_off = 0 AND {of_spaces}"
        ))?;
        let mut rows = st.query([])?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            let (id, name, space): (String, String, String) = (r.get(0)?, r.get(1)?, r.get(2)?);
            if let Some(rank) = fits(&name, typed) {
                found.push((rank, name.clone(), (id, name, space)));
            }
        }
        let mut seen = self.conn.prepare_cached(
            "SELECT 1 FROM faces a JOIN items i ON i.file_id = a.file_id
             WHERE a.person_id = ?1 AND a.lost = 0 AND i.hidden = 0 AND visible(i.folder_id, i.file_id)",
        )?;
        let people = best(found, |(id, _, _)| Ok(seen.exists([id])?))?;
        Ok(people.into_iter().map(|(id, name, space)| Suggested::Person { id, name, space }).collect())
    }

    fn having_suggested(
        &self,
        typed: &str,
        table: &str,
        column: &str,
        rank: impl Fn(&str) -> Option<usize>,
    ) -> Result<impl Iterator<Item = String>> {
        debug_assert!(!typed.is_empty());
        let names = distinct(&self.conn, table, column, "1")?.into_iter();
        let found = names.filter_map(|name| Some((rank(&name)?, name.clone(), name))).collect();
        let mut seen = self.conn.prepare_cached(&format!(
            "SELECT 1 FROM {table} x CROSS JOIN items i ON i.file_id = x.file_id
             WHERE x.{column} = ?1 AND i.hidden = 0 AND visible(i.folder_id, i.file_id)"
        ))?;
        Ok(best(found, |name| Ok(seen.exists([name])?))?.into_iter())
    }

    fn places_suggested(&self, typed: &str) -> Result<Vec<Suggested>> {
        let mut st = self.conn.prepare_cached(
            "SELECT DISTINCT country_code, region, city FROM items INDEXED BY items_place
              WHERE hidden = 0 AND country_code IS NOT NULL",
        )?;
        let mut country = self
            .conn
            .prepare_cached("SELECT country FROM items WHERE country_code = ?1 AND hidden = 0 LIMIT 1")?;
        let mut rows = st.query([])?;
        let mut once = BTreeSet::new();
        let mut kinds: [Vec<(usize, String, Suggested)>; 3] = Default::default();
        while let Some(r) = rows.next()? {
            let code: String = r.get(0)?;
            if once.insert((0, code.clone(), String::new())) {
                let name = country.query_row([&code], |r| r.get::<_, Option<String>>(0))?;
                let name = name.unwrap_or_else(|| code.clone());
                if let Some(rank) = fits(&name, typed) {
                    kinds[0].push((rank, name.clone(), Suggested::Country { code: code.clone(), name }));
                }
            }
            for (kind, column) in [(1, 1), (2, 2)] {
                let Some(name) = r.get::<_, Option<String>>(column)? else { continue };
                let Some(rank) = fits(&name, typed) else { continue };
                if once.insert((kind, code.clone(), name.clone())) {
                    let code = code.clone();
                    let one = match kind {
                        1 => Suggested::Region { code, name: name.clone() },
                        _ => Suggested::City { code, name: name.clone() },
                    };
                    kinds[kind].push((rank, name, one));
                }
            }
        }
        let mut seen = self.conn.prepare_cached(
            "SELECT 1 FROM items i INDEXED BY items_place
             WHERE i.hidden = 0 AND i.country_code = ?1 AND (?2 IS NULL OR i.region = ?2) AND (?3 IS NULL OR i.city = ?3)
               AND visible(i.folder_id, i.file_id)",
        )?;
        let mut out = Vec::new();
        for found in kinds {
            out.extend(best(found, |one| match one {
                Suggested::Region { code, name } => Ok(seen.exists(params![code, name, None::<&str>])?),
                Suggested::City { code, name } => Ok(seen.exists(params![code, None::<&str>, name])?),
                Suggested::Country { code, .. } => {
                    Ok(seen.exists(params![code, None::<&str>, None::<&str>])?)
                }
                _ => Ok(false),
            })?);
        }
        Ok(out)
    }

    /// Folders with visible items in or below them.
    fn folders_suggested(&self, typed: &str) -> Result<Vec<Suggested>> {
        let mut st = self.conn.prepare_cached(
            "SELECT s.name, v.path, d.path, d.id FROM folders d JOIN volumes v ON v.id = d.volume_id
               JOIN spaces s ON s.id = v.space_id",
        )?;
        let is_by_folder = self.scope().is_by_folder();
        let mut item = self.conn.prepare_cached(
            "SELECT 1 FROM items i WHERE i.folder_id = ?1 AND i.hidden = 0 AND visible(i.folder_id, i.file_id)",
        )?;
        let mut rows = st.query([])?;
        let mut once = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            let path: Vec<u8> = r.get(2)?;
            let id: i64 = r.get(3)?;
            if is_by_folder && self.scope().folder(id) & super::visible::VIEW == 0 {
                continue;
            }
            let ends =
                path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at).chain([path.len()]);
            let mut begin = 0;
            let mut is_seen = None;
            for end in ends {
                let name = String::from_utf8_lossy(&path[begin..end]).into_owned();
                begin = end + 1;
                let Some(rank) = fits(&name, typed) else { continue };
                let key = (r.get::<_, Vec<u8>>(1)?, path[..end].to_vec());
                if once.contains(&key) {
                    continue;
                }
                let is_seen = match is_seen {
                    Some(known) => known,
                    None => *is_seen.insert(item.exists([id])?),
                };
                if !is_seen {
                    break;
                }
                once.insert(key.clone());
                let folder = Suggested::Folder { space: r.get(0)?, volume: key.0, path: key.1 };
                found.push((rank, name, folder));
            }
        }
        best(found, |_| Ok(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_where_one_of_its_words_begins_so() {
        for (name, text, rank) in [
            ("Anna Maria", "an", Some(0)),
            ("Anna Maria", "MAR", Some(1)),
            ("Anna Maria", "anna m", Some(0)),
            ("Anna Maria", "nna", None),
            ("trips/2023", "2023", Some(1)),
            ("Ökotour", "ök", Some(0)),
            ("banana an", "an", Some(1)),
            ("x", "", None),
        ] {
            assert_eq!(fits(name, &typed(text)), rank, "{name} {text}");
        }
    }
}

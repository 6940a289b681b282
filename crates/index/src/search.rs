//! Search: translates a [`Query`] to SQL and returns items, newest first, in pages.
//!
//! A search over a million items takes some milliseconds because the strategy depends on selectivity. Each condition
//! can test one item, and most can list all their matches. If one lists few, its items are read and sorted, and the
//! other conditions test them. If all match many, the timeline is walked from the newest item, and the page fills after
//! a few tests; if matches are far back, that walk is abandoned for a bounded strategy. Pages continue after the last
//! item by date and id, so a deep page costs as much as the first.

mod condition;
mod dates;
mod filters;
mod item_text;
mod named;
mod strategy;

use super::IndexReader;
use super::query::{Query, QueryError};
use crate::Result;
use albumen_core::vocabulary::Place;
use condition::Sql;
pub(crate) use item_text::Findable;
pub(crate) use named::distinct;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};
use strategy::{TIMELINE, Way, ways};

/// Sorts after every character of a date.
const AFTER_ANY_DATE: &str = "~";

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{0:?} marks no place in a list: pass the one that came with the page before")]
    Cursor(String),
    #[error(transparent)]
    Index(#[from] crate::Error),
}

/// Position after a page. Its text form is the cursor of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    taken_local: String,
    file: i64,
}

impl Cursor {
    /// SQL for items after it.
    fn onwards(&self) -> Sql {
        let (taken, file) = (text(&self.taken_local), Value::Integer(self.file));
        Sql::new(
            " AND coalesce(i.taken_local, '') <= ? AND (coalesce(i.taken_local, '') < ? OR i.file_id < ?)",
            [taken.clone(), taken, file],
        )
    }

    /// SQL for items up to it, inclusive.
    fn up_to(&self) -> Sql {
        let (taken, file) = (text(&self.taken_local), Value::Integer(self.file));
        Sql::new(
            " AND coalesce(i.taken_local, '') >= ? AND (coalesce(i.taken_local, '') > ? OR i.file_id >= ?)",
            [taken.clone(), taken, file],
        )
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}~{}", self.taken_local, self.file)
    }
}

impl std::str::FromStr for Cursor {
    type Err = SearchError;

    fn from_str(text: &str) -> std::result::Result<Cursor, SearchError> {
        let parts = text.rsplit_once('~').and_then(|(date, id)| Some((date, id.parse().ok()?)));
        let (taken_local, file) = parts.ok_or_else(|| SearchError::Cursor(text.to_owned()))?;
        Ok(Cursor { taken_local: taken_local.to_owned(), file })
    }
}

/// Options of one page of results.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub limit: usize,
    pub after: Option<Cursor>,
    /// Only items of these spaces, by name; `None`: all spaces.
    pub spaces: Option<Vec<String>>,
    /// Further restrictions, all of which must hold.
    pub within: Vec<Within>,
    /// Apply the scope of the connection ([`crate::IndexReader::look_as`]).
    pub is_scoped: bool,
    pub order: Order,
    /// Number of results to skip: for a part of a range of known size.
    pub offset: usize,
}

/// A restriction of a list besides its query.
#[derive(Debug, Clone, PartialEq)]
pub enum Within {
    /// By name.
    Space(String),
    /// Directly in one of these folders, by id.
    Folders(Vec<i64>),
    /// Picked for an album, by id.
    Album(i64),
    /// These items, by id.
    Items(Vec<i64>),
    /// Also matched by this query: for smart albums.
    Found(Query),
    /// With a face of a person, by id.
    Person(String),
    /// Taken on days from the first to the last, inclusive, in the timeline's form.
    Days { first: String, last: String },
    /// Without a date.
    Undated,
}

/// The order of a list. All orders except the first read all results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
    AddedLast,
    AddedFirst,
    Name,
    Size,
    Rating,
}

impl Order {
    fn sql(self) -> &'static str {
        match self {
            Order::NewestFirst => NEWEST_FIRST,
            Order::OldestFirst => "ORDER BY coalesce(i.taken_local, ''), i.file_id",
            Order::AddedLast => "ORDER BY i.added DESC, i.file_id DESC",
            Order::AddedFirst => "ORDER BY i.added, i.file_id",
            Order::Name => "ORDER BY (SELECT name FROM files n WHERE n.id = i.file_id), i.file_id",
            Order::Size => "ORDER BY (SELECT bytes FROM files n WHERE n.id = i.file_id) DESC, i.file_id DESC",
            Order::Rating => {
                "ORDER BY coalesce(i.rating, 0) DESC, coalesce(i.taken_local, '') DESC, i.file_id DESC"
            }
        }
    }
}

/// File ids of the results, newest first.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub items: Vec<i64>,
    /// Start of the next page; `None` for the last page.
    pub next: Option<Cursor>,
}

/// A country, region and city, and how many shown items lie there.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceCount {
    pub place: Place,
    pub count: u64,
}

impl IndexReader {
    /// Items that match a query, newest first.
    pub fn search(&self, query: &Query, page: &Page) -> std::result::Result<Found, SearchError> {
        if page.order != Order::NewestFirst || page.offset > 0 {
            return self.sorted(query, page);
        }
        for way in ways(&self.conn, query, page, &self.scope())? {
            if let Some(found) = self.found_by(&way, page)? {
                return Ok(found);
            }
        }
        unreachable!("the last way goes to the end")
    }

    /// A page by one strategy; `None` if it was abandoned before the page was full.
    fn found_by(&self, way: &Way, page: &Page) -> Result<Option<Found>> {
        let mut from = way.from.clone();
        if let Some(after) = &page.after {
            from.push(after.onwards());
        }
        let end = match way.rows {
            Some(rows) => self.timeline_at(rows, page)?,
            None => None,
        };
        if let Some(end) = &end {
            from.push(end.up_to());
        }
        let Sql { text, mut values } = from;
        // One extra row shows whether there is a next page.
        values.push(Value::Integer(i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1)));
        let sql = format!("SELECT i.file_id, coalesce(i.taken_local, '') {text} {NEWEST_FIRST} LIMIT ?");
        let mut rows: Vec<(i64, String)> = self
            .conn
            .prepare_cached(&sql)?
            .query_map(params_from_iter(values), |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let more = rows.len() > page.limit;
        if end.is_some() && !more {
            return Ok(None);
        }
        rows.truncate(page.limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|(file, taken)| Cursor { taken_local: taken.clone(), file: *file });
        Ok(Some(Found { items: rows.into_iter().map(|(file, _)| file).collect(), next }))
    }

    /// A page in any order, by offset: all results are read and sorted.
    fn sorted(&self, query: &Query, page: &Page) -> std::result::Result<Found, SearchError> {
        let way = ways(&self.conn, query, page, &self.scope())?.pop().expect("there is a way");
        let Sql { text, mut values } = way.from;
        // The cursor of such a page is its offset.
        let start = match &page.after {
            Some(cursor) => usize::try_from(cursor.file).unwrap_or(0),
            None => page.offset,
        };
        let sql = format!("SELECT i.file_id {text} {} LIMIT ? OFFSET ?", page.order.sql());
        values.push(Value::Integer(i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1)));
        values.push(Value::Integer(i64::try_from(start).unwrap_or(i64::MAX)));
        let mut st = self.conn.prepare_cached(&sql)?;
        let mut items =
            st.query_map(params_from_iter(values), |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        let has_more = items.len() > page.limit;
        items.truncate(page.limit);
        let end = i64::try_from(start + items.len()).unwrap_or(i64::MAX);
        let next = has_more.then(|| Cursor { taken_local: String::new(), file: end });
        Ok(Found { items, next })
    }

    /// Columns of each item `i` that a query matches, unordered.
    pub(crate) fn each_found(
        &self,
        query: &Query,
        page: &Page,
        columns: &str,
        mut each: impl FnMut(&rusqlite::Row<'_>) -> Result<()>,
    ) -> std::result::Result<(), SearchError> {
        let way = ways(&self.conn, query, page, &self.scope())?.pop().expect("there is a way");
        let mut st = self.conn.prepare_cached(&format!("SELECT {columns} {}", way.from.text))?;
        let mut rows = st.query(params_from_iter(way.from.values))?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    /// Columns of rows that belong to the matched items: `rest` joins them to `m`, which has `file_id` and `space_id`.
    pub(crate) fn each_of_found(
        &self,
        query: &Query,
        page: &Page,
        columns: &str,
        rest: &str,
        mut each: impl FnMut(&rusqlite::Row<'_>) -> Result<()>,
    ) -> std::result::Result<(), SearchError> {
        let way = ways(&self.conn, query, page, &self.scope())?.pop().expect("there is a way");
        let sql = format!(
            "SELECT {columns} FROM (SELECT i.file_id AS file_id, i.space_id AS space_id {}) m {rest}",
            way.from.text
        );
        let mut st = self.conn.prepare_cached(&sql)?;
        let mut rows = st.query(params_from_iter(way.from.values))?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    /// Number of matches per day; `""` for items without a date.
    pub(crate) fn days_found(
        &self,
        query: &Query,
        page: &Page,
    ) -> std::result::Result<std::collections::BTreeMap<String, u64>, SearchError> {
        let way = ways(&self.conn, query, page, &self.scope())?.pop().expect("there is a way");
        let sql = format!(
            "SELECT coalesce(substr(i.taken_local, 1, 10), ''), count(*) {} GROUP BY 1",
            way.from.text
        );
        let mut st = self.conn.prepare_cached(&sql)?;
        let days = st.query_map(params_from_iter(way.from.values), |r| {
            Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(days.collect::<rusqlite::Result<_>>()?)
    }

    /// The item `rows` rows after the start of a page; `None` if the timeline ends before.
    fn timeline_at(&self, rows: i64, page: &Page) -> Result<Option<Cursor>> {
        let mut from = Sql::new(TIMELINE, []);
        if let Some(after) = &page.after {
            from.push(after.onwards());
        }
        from.values.push(Value::Integer(rows));
        let sql = format!(
            "SELECT i.file_id, coalesce(i.taken_local, '') {} {NEWEST_FIRST} LIMIT 1 OFFSET ?",
            from.text
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row(params_from_iter(from.values), |r| {
                Ok(Cursor { file: r.get(0)?, taken_local: r.get(1)? })
            })
            .optional()?)
    }

    /// Number of items that match a query.
    pub fn count(&self, query: &Query) -> std::result::Result<u64, SearchError> {
        self.count_page(query, &Page::default())
    }

    /// Number of items that match a query and the restrictions of a page.
    pub(crate) fn count_page(&self, query: &Query, page: &Page) -> std::result::Result<u64, SearchError> {
        let ways = ways(&self.conn, query, page, &self.scope())?;
        let Sql { text, values } = ways.into_iter().next_back().expect("there is a way").from;
        let count: i64 = self
            .conn
            .prepare_cached(&format!("SELECT count(*) {text}"))?
            .query_row(params_from_iter(values), |r| r.get(0))?;
        Ok(count as u64)
    }

    /// Countries, regions and cities of visible items with their number of items; of one country, by code, if given.
    pub fn places(&self, country_code: Option<&str>) -> Result<Vec<PlaceCount>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT country, country_code, region, city, count(*) FROM items
                 WHERE hidden = 0 AND country_code IS NOT NULL AND (?1 IS NULL OR country_code = ?1)
                 GROUP BY country_code, region, city ORDER BY country, region, city",
            )?
            .query_map([country_code], |r| {
                let place = Place {
                    country: r.get(0)?,
                    country_code: r.get(1)?,
                    region: r.get(2)?,
                    city: r.get(3)?,
                    ..Place::default()
                };
                Ok(PlaceCount { place, count: r.get::<_, i64>(4)? as u64 })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }
}

const NEWEST_FIRST: &str = "ORDER BY coalesce(i.taken_local, '') DESC, i.file_id DESC";

/// A condition on a column with the id of a space; `None`: all.
pub(crate) fn in_spaces(column: &str, spaces: Option<&[i64]>) -> String {
    match spaces {
        None => "1".to_owned(),
        Some(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            format!("{column} IN ({})", ids.join(", "))
        }
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A LIKE pattern for a case-insensitive name.
fn like(name: &str) -> String {
    name.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

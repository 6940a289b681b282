//! Search: translates a [`Query`] to SQL and returns items, newest first, in pages.
//!
//! A search over a million items takes some milliseconds because the strategy depends on selectivity. Each condition
//! can test one item, and most can list all their matches. If one lists few, its items are read and sorted, and the
//! other conditions test them. If all match many, the timeline is walked from the newest item, and the page fills after
//! a few tests; if matches are far back, that walk is abandoned for a bounded strategy. Pages continue after the last
//! item by date and id, so a deep page costs as much as the first.

use super::items::Placed;
use super::query::{Area, Filter, Has, Is, NumberField, Query, QueryError, Span, Term, TextField, Words};
use super::read::visible::Visible;
use super::words;
use super::{Index, IndexReader};
use crate::Result;
use albumen_core::vocabulary::{Facts, Format, Gps, Place, Precision};
use albumen_library::names::fold;
use albumen_library::places::countries_called;
use albumen_models::taxonomy::taxonomy;
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

/// Limit of matches that are counted for a condition (1 ms), and read and sorted (1 us each) to find the newest.
const LIST_CAP: i64 = 20_000;
/// Up to this many matches are read and sorted without trying another strategy.
const SHORT_LIST: i64 = 2_000;
/// For longer lists, only the ids are gathered (0.15 us each), and the timeline is walked over this multiple of their
/// number (0.05 us per row) before all of them are read.
const WALK_A_LISTED: i64 = 4;
/// Rows of the timeline that are tested one by one (5 to 30 us for a word) before all matches of a common condition are
/// gathered.
const PROBED: i64 = 1_000;

/// FTS5 stores its index in segments and searches each. They are merged when the number of items has grown by this
/// fraction since the last merge, and by at least [`LEAST_TEXT_GROWTH`].
const TEXT_GROWTH: f64 = 0.25;
const LEAST_TEXT_GROWTH: i64 = 1_000;
/// Pages that one merge transaction writes: other writers wait for it (30 ms).
const MERGED_PAGES: i64 = 500;
/// Key in `meta`: the newest item at the last complete merge.
const TEXT_MERGED: &str = "text_merged_to";

/// Columns of `item_text` without people.
const BUT_PEOPLE: &str = "name folder title description tags place camera lens";

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
    /// Apply the scope of the connection ([`Index::look_as`]).
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

impl Index {
    /// Merges the segments of the full-text index after many additions: testing an item for a word then takes 5 us
    /// instead of up to 30. Stops early if `stop` returns true; the next call continues.
    pub fn merge_text(&self, stop: impl Fn() -> bool) -> Result<()> {
        let newest: i64 =
            self.conn.query_row("SELECT coalesce(max(file_id), 0) FROM items", [], |r| r.get(0))?;
        let merged: i64 = self.meta(TEXT_MERGED)?.and_then(|v| v.parse().ok()).unwrap_or(0);
        if newest - merged < LEAST_TEXT_GROWTH.max((merged as f64 * TEXT_GROWTH) as i64) {
            return Ok(());
        }
        let mut st = self.conn.prepare("INSERT INTO item_text (item_text, rank) VALUES ('merge', ?1)")?;
        // In the first call, a negative number includes all segments; fewer than two changes mean that the merge is
        // complete.
        let mut pages = -MERGED_PAGES;
        while !stop() {
            let before = self.conn.total_changes();
            st.execute([pages])?;
            if pages > 0 && self.conn.total_changes() - before < 2 {
                return self.set_meta(TEXT_MERGED, &newest.to_string());
            }
            pages = MERGED_PAGES;
        }
        Ok(())
    }
}

/// The searchable text of an item, in the order of the columns of `item_text`.
pub(crate) struct Findable {
    file: i64,
    columns: [String; 9],
    gps: Option<Gps>,
    hidden: bool,
    digest: i64,
    /// An older text is stored.
    is_known: bool,
}

impl Findable {
    /// The text to write for an item; `None` if it is stored already.
    pub(crate) fn to_write(
        conn: &Connection,
        file: i64,
        at: &Placed,
        facts: &Facts,
        place: &Place,
    ) -> Result<Option<Findable>> {
        let list = |parts: &[&Option<String>]| {
            parts.iter().filter_map(|p| p.as_deref()).collect::<Vec<_>>().join("\n")
        };
        let people = if at.people_off {
            Vec::new()
        } else {
            super::people::names_in(conn, at.space_id, file, &facts.regions)?
        };
        let there = place.local.clone().unwrap_or_default();
        let columns = [
            String::from_utf8_lossy(&at.name).into_owned(),
            String::from_utf8_lossy(&at.folder).into_owned(),
            facts.title.clone().unwrap_or_default(),
            facts.description.clone().unwrap_or_default(),
            facts.tags.join("\n"),
            list(&[
                &place.city,
                &place.district,
                &place.region,
                &place.country,
                &there.city,
                &there.region,
                &there.country,
            ]),
            people.join("\n"),
            list(&[&facts.camera.make, &facts.camera.model]),
            facts.camera.lens.clone().unwrap_or_default(),
        ]
        .map(|text| words::indexed(&text));
        let mut hasher = blake3::Hasher::new();
        for column in &columns {
            hasher.update(&(column.len() as u64).to_le_bytes()).update(column.as_bytes());
        }
        if let Some(gps) = facts.gps {
            hasher.update(&gps.lat.to_le_bytes()).update(&gps.lon.to_le_bytes());
        }
        hasher.update(&[u8::from(at.is_hidden)]);
        let digest = hasher.finalize().as_bytes().first_chunk().map_or(0, |b| i64::from_le_bytes(*b));
        let known: Option<i64> = conn
            .prepare_cached("SELECT digest FROM item_search WHERE file_id = ?1")?
            .query_row([file], |r| r.get(0))
            .optional()?;
        let is_known = known.is_some();
        let findable = Findable { file, columns, gps: facts.gps, hidden: at.is_hidden, digest, is_known };
        Ok(Some(findable).filter(|_| known != Some(digest)))
    }

    pub(crate) fn write(&self, conn: &Connection) -> Result<()> {
        let file = self.file;
        if self.is_known {
            conn.prepare_cached("DELETE FROM item_text WHERE rowid = ?1")?.execute([file])?;
            conn.prepare_cached("DELETE FROM item_where WHERE file_id = ?1")?.execute([file])?;
        }
        conn.prepare_cached("INSERT OR REPLACE INTO item_search (file_id, digest) VALUES (?1, ?2)")?
            .execute([file, self.digest])?;
        if self.hidden {
            return Ok(());
        }
        let [name, folder, title, description, tags, place, people, camera, lens] = &self.columns;
        conn.prepare_cached(
            "INSERT INTO item_text (rowid, name, folder, title, description, tags, place, people, camera, lens)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![file, name, folder, title, description, tags, place, people, camera, lens])?;
        if let Some(gps) = self.gps {
            conn.prepare_cached(
                "INSERT INTO item_where (file_id, south, north, west, east) VALUES (?1, ?2, ?2, ?3, ?3)",
            )?
            .execute(params![file, gps.lat, gps.lon])?;
        }
        Ok(())
    }
}

/// A piece of SQL and the values of its parameters.
#[derive(Debug, Clone, Default)]
struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Sql {
        Sql { text: text.into(), values: values.into_iter().collect() }
    }

    fn push(&mut self, more: Sql) {
        self.text.push_str(&more.text);
        self.values.extend(more.values);
    }

    /// The same SQL with text before and after it.
    fn within(self, before: &str, after: &str) -> Sql {
        Sql { text: format!("{before}{}{after}", self.text), values: self.values }
    }

    fn join(parts: Vec<Sql>, between: &str) -> Sql {
        let text = parts.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join(between);
        Sql { text, values: parts.into_iter().flat_map(|p| p.values).collect() }
    }
}

/// One condition in SQL: a test of item `i`; the same test in a form that is faster for many items, because it gathers
/// all matches once; and, if possible, a list of the file ids of all matches.
#[derive(Debug, Clone)]
struct Condition {
    test: Sql,
    gathered: Option<Sql>,
    list: Option<Sql>,
    /// A list that is used only if the condition is one of several alternatives.
    list_beside: Option<Sql>,
}

impl Condition {
    /// A condition whose test costs the same for one and for many items.
    fn new(test: Sql, list: Option<Sql>) -> Condition {
        Condition { test, gathered: None, list, list_beside: None }
    }

    /// A condition on indexed columns of `items`.
    fn on_items(text: impl Into<String>, values: impl IntoIterator<Item = Value> + Clone) -> Condition {
        let text = text.into();
        let list = format!("SELECT i.file_id FROM items i WHERE i.hidden = 0 AND {text}");
        let list = Sql::new(list, values.clone());
        Condition::new(Sql::new(text, values), Some(list))
    }

    fn any_of(mut conditions: Vec<Condition>) -> Condition {
        if conditions.len() == 1 {
            return conditions.remove(0);
        }
        let lists: Option<Vec<Sql>> =
            conditions.iter().map(|c| c.list.clone().or(c.list_beside.clone())).collect();
        let gathered = Condition::all_gathered(&conditions, " OR ");
        let test = Sql::join(conditions.into_iter().map(|c| c.test).collect(), " OR ");
        Condition {
            test: test.within("(", ")"),
            gathered,
            // UNION removes duplicates.
            list: lists.map(|lists| Sql::join(lists, " UNION ")),
            list_beside: None,
        }
    }

    fn all_of(conditions: Vec<Condition>) -> Condition {
        let gathered = Condition::all_gathered(&conditions, " AND ");
        let test = Sql::join(conditions.into_iter().map(|c| c.test).collect(), " AND ");
        Condition { test: test.within("(", ")"), gathered, list: None, list_beside: None }
    }

    /// All conditions joined, gathered where possible; `None` if none can be gathered.
    fn all_gathered(conditions: &[Condition], between: &str) -> Option<Sql> {
        conditions.iter().any(|c| c.gathered.is_some()).then(|| {
            let each = conditions.iter().map(|c| c.for_many().clone()).collect();
            Sql::join(each, between).within("(", ")")
        })
    }

    fn denied(self) -> Condition {
        let not = |sql: Sql| sql.within("NOT coalesce(", ", 0)");
        Condition { test: not(self.test), gathered: self.gathered.map(not), list: None, list_beside: None }
    }

    /// The test for many items in a row.
    fn for_many(&self) -> &Sql {
        self.gathered.as_ref().unwrap_or(&self.test)
    }

    fn nothing() -> Condition {
        Condition::new(Sql::new("0", []), Some(Sql::new("SELECT 0 AS file_id WHERE 0", [])))
    }
}

/// All visible items, to be walked newest first.
const TIMELINE: &str = "FROM items i INDEXED BY items_newest WHERE i.hidden = 0";
const NEWEST_FIRST: &str = "ORDER BY coalesce(i.taken_local, '') DESC, i.file_id DESC";

/// A strategy for a query: `FROM ... WHERE ...`, without the restrictions of the page.
#[derive(Debug)]
struct Way {
    from: Sql,
    /// Rows of the timeline after which it is abandoned; `None`: never.
    rows: Option<i64>,
}

impl Way {
    /// Reads a list and tests its items.
    fn listed(list: &Sql, tests: &[Sql]) -> Way {
        // CROSS JOIN fixes the order of the tables; the unary plus prevents use of other indexes.
        let before = "FROM (";
        let after = ") d CROSS JOIN items i ON i.file_id = d.file_id WHERE +i.hidden = 0";
        Way::with_tests(list.clone().within(before, after), tests, None)
    }

    /// Walks the timeline and tests its items.
    fn walk(tests: &[Sql], rows: Option<i64>) -> Way {
        Way::with_tests(Sql::new(TIMELINE, []), tests, rows)
    }

    fn with_tests(mut from: Sql, tests: &[Sql], rows: Option<i64>) -> Way {
        tests.iter().for_each(|test| from.push(test.clone().within(" AND ", "")));
        Way { from, rows }
    }
}

/// The strategies to try in order; the last one is never abandoned.
fn ways(
    conn: &Connection,
    query: &Query,
    page: &Page,
    scope: &Visible,
) -> std::result::Result<Vec<Way>, SearchError> {
    // An account that may not see the people of a space must not find its items by them.
    let people_of = if page.is_scoped { scope.whole_spaces() } else { None };
    let mut conditions = conditions(conn, query, people_of)?;
    for within in &page.within {
        match within {
            Within::Found(query) => conditions.extend(self::conditions(conn, query, people_of)?),
            within => conditions.push(narrowed(within, people_of)),
        }
    }
    if page.is_scoped {
        conditions.push(Condition::new(Sql::new("visible(i.folder_id, i.file_id)", []), None));
    }
    let mut fewest: Option<(i64, usize)> = None;
    for (at, condition) in conditions.iter().enumerate() {
        let Some(list) = &condition.list else { continue };
        let cap = fewest.map_or(LIST_CAP, |(count, _)| count);
        let count: i64 = conn
            .prepare_cached(&format!("SELECT count(*) FROM (SELECT 1 FROM ({}) LIMIT {cap})", list.text))?
            .query_row(params_from_iter(&list.values), |r| r.get(0))?;
        if count < cap {
            fewest = Some((count, at));
        }
    }
    let listed = fewest.and_then(|(count, at)| Some((count, conditions.remove(at).list?)));
    // Row columns first, then conditions with a subquery, words last.
    conditions.sort_by_key(|c| (c.test.text.contains("MATCH"), c.test.text.contains("SELECT")));
    let spaces = page.spaces.as_ref().map(|spaces| {
        let marks = vec!["?"; spaces.len()].join(", ");
        Sql::new(
            format!("i.space_id IN (SELECT id FROM spaces WHERE name IN ({marks}))"),
            spaces.iter().map(|s| text(s)),
        )
    });
    let with_spaces = |tests: Vec<Sql>| -> Vec<Sql> { spaces.clone().into_iter().chain(tests).collect() };
    let tests = with_spaces(conditions.iter().map(|c| c.test.clone()).collect());
    let Some((count, list)) = listed else {
        let probing =
            conditions.iter().any(|c| c.gathered.is_some()).then(|| Way::walk(&tests, Some(PROBED)));
        let many = with_spaces(conditions.iter().map(|c| c.for_many().clone()).collect());
        return Ok(probing.into_iter().chain([Way::walk(&many, None)]).collect());
    };
    let mut ways = Vec::new();
    if count > SHORT_LIST {
        // If the matches are spread evenly over the timeline, the page is full after this many rows.
        let items: i64 = conn
            .prepare_cached("SELECT coalesce(max(file_id), 0) FROM items")?
            .query_row([], |r| r.get(0))?;
        let wanted = i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows = WALK_A_LISTED * count;
        if wanted.saturating_mul(items) / count < rows {
            let gathered = list.clone().within("i.file_id IN (", ")");
            let all: Vec<Sql> = [gathered].into_iter().chain(tests.iter().cloned()).collect();
            ways.push(Way::walk(&all, Some(rows)));
        }
    }
    ways.push(Way::listed(&list, &tests));
    Ok(ways)
}

/// `people_of`: spaces whose people may be searched; `None`: all.
fn conditions(
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
fn narrowed(within: &Within, people_of: Option<&[i64]>) -> Condition {
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

fn condition(
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
                nobody if nobody.is_empty() => Condition::nothing(),
                somebody => Condition::any_of(somebody).in_spaces(people_of),
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

impl Condition {
    /// The same, restricted to some spaces; `None`: all.
    fn in_spaces(self, spaces: Option<&[i64]>) -> Condition {
        let Some(spaces) = spaces else { return self };
        let ids = spaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let also = format!(" AND i.space_id IN ({ids}))");
        Condition {
            test: self.test.within("(", &also),
            gathered: self.gathered.map(|sql| sql.within("(", &also)),
            list: self.list.map(|list| {
                let after =
                    format!(") l CROSS JOIN items i ON i.file_id = l.file_id WHERE i.space_id IN ({ids})");
                list.within("SELECT l.file_id AS file_id FROM (", &after)
            }),
            list_beside: None,
        }
    }

    /// Removes the list, for conditions without an index.
    fn without_list(self) -> Condition {
        Condition { list: None, ..self }
    }
}

/// A RAW, or an item with a RAW part.
fn raw() -> Condition {
    let formats: Vec<Value> = Format::all().filter(|f| f.is_raw()).map(|f| text(f.name())).collect();
    let marks = vec!["?"; formats.len()].join(", ");
    let beside = "SELECT 1 FROM files c WHERE c.companion_of = i.file_id AND c.companion_role = 'raw' AND c.vanished IS NULL";
    Condition::new(Sql::new(format!("(i.format IN ({marks}) OR EXISTS ({beside}))"), formats), None)
}

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

fn has_row(table: &str) -> Condition {
    Condition::new(
        Sql::new(format!("EXISTS (SELECT 1 FROM {table} x WHERE x.file_id = i.file_id)"), []),
        None,
    )
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// The first or last second, UTC, of the period that a date prefix denotes.
fn moment(date: &str, end: bool) -> Option<i64> {
    const FIRST: &str = "0000-01-01T00:00:00";
    let first: DateTime = format!("{date}{}", FIRST.get(date.len()..)?).parse().ok()?;
    let unit = match date.len() {
        4 => 1.year(),
        7 => 1.month(),
        10 => 1.day(),
        13 => 1.hour(),
        16 => 1.minute(),
        _ => 1.second(),
    };
    let moment = if end { first.checked_add(unit).ok()?.checked_sub(1.second()).ok()? } else { first };
    Some(TimeZone::UTC.to_timestamp(moment).ok()?.as_second())
}

fn in_countries(codes: Vec<Value>) -> Condition {
    let marks = vec!["?"; codes.len()].join(", ");
    Condition::on_items(format!("i.country_code IN ({marks})"), codes)
}

/// Codes of the index's countries that match a code or a name in any case and language.
fn countries_named(conn: &Connection, name: &str) -> Result<Vec<String>> {
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

/// A LIKE pattern for a case-insensitive name.
fn like(name: &str) -> String {
    name.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Items whose date, at its stored precision, is within a span: for a year without month, the whole year.
fn taken_within(span: &Span<String>) -> Condition {
    const DATE: &str = "coalesce(i.taken_local, '')";
    /// Sorts before every date and after the empty text of a missing one.
    const ANY: &str = "0";
    let bounds = Span {
        from: Some(text(span.from.as_deref().map_or(ANY, earliest_form))),
        until: span.until.as_deref().map(|until| text(&format!("{until}{AFTER_ANY_DATE}"))),
    };
    let mut condition = between(DATE, &bounds);
    // Shorter forms of the last date sort before it; they are within the span only if the last date ends their period.
    let outside: Vec<Value> = span.until.as_deref().map_or(Vec::new(), |until| {
        let shorter = SHORTER.iter().map(|p| p.length()).filter(|length| *length < until.len());
        let forms = shorter.filter_map(|length| until.get(..length));
        forms.filter(|form| moment(form, true) > moment(until, true)).map(text).collect()
    });
    if !outside.is_empty() {
        let marks = vec!["?"; outside.len()].join(", ");
        condition.test.push(Sql::new(format!(" AND {DATE} NOT IN ({marks})"), outside));
        condition.test = condition.test.within("(", ")");
    }
    let listed = format!("SELECT i.file_id FROM items i WHERE i.hidden = 0 AND {}", condition.test.text);
    condition.list_beside = Some(Sql::new(listed, condition.test.values.clone()));
    condition.list = None;
    condition
}

const SHORTER: [Precision; 4] = [Precision::Year, Precision::Month, Precision::Day, Precision::Minute];

/// The shortest date prefix that begins at the same moment: `1965` for `1965-01-01`. It sorts first.
fn earliest_form(date: &str) -> &str {
    let begins = moment(date, false);
    let shorter = SHORTER.iter().filter_map(|p| date.get(..p.length()));
    shorter.into_iter().find(|form| moment(form, false) == begins).unwrap_or(date)
}

fn between(column: &str, span: &Span<Value>) -> Condition {
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

/// Ids of people whose names contain the words in sequence, in any case; with `prefix`, the last word matches as a
/// prefix. Includes hidden people: a search by name is explicit.
fn people_named(conn: &Connection, text: &str, prefix: bool) -> Result<Vec<String>> {
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
fn subjects_named(conn: &Connection, word: &str, prefix: bool) -> Result<Vec<String>> {
    // Shorter prefixes match half of all labels.
    const LEAST_PREFIX: usize = 3;
    let prefix = prefix && word.chars().count() >= LEAST_PREFIX;
    let mut labels = distinct(conn, "subjects", "label", "1")?;
    labels.retain(|label| taxonomy().names(word, label, prefix));
    Ok(labels)
}

/// Tags that match a name: the name in any case, and its descendants in a hierarchy (`a/b`, `a|b`).
fn tags_named(conn: &Connection, name: &str) -> Result<Vec<String>> {
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

fn album(
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

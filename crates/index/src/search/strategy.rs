//! Selects the strategies for a query by the number of matches of its conditions.

use super::condition::{Condition, Sql};
use super::filters::{conditions, narrowed};
use super::{Page, SearchError, Within, text};
use crate::query::Query;
use crate::read::visible::Visible;
use rusqlite::{Connection, params_from_iter};

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

/// All visible items, to be walked newest first.
pub(super) const TIMELINE: &str = "FROM items i INDEXED BY items_newest WHERE i.hidden = 0";

/// A strategy for a query: `FROM ... WHERE ...`, without the restrictions of the page.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) from: Sql,
    /// Rows of the timeline after which it is abandoned; `None`: never.
    pub(super) rows: Option<i64>,
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
pub(super) fn ways(
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

//! The index of the timeline: the number of items of each day, newest day first.

use crate::IndexReader;
use crate::query::Query;
use crate::search::{Page, SearchError, Within};
use std::collections::BTreeMap;

/// Days with their number of items.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Timeline {
    /// Newest first. A day is `2023-07-01`, or `1965-07` or `1965` at lower precision, after the days of that period.
    pub days: Vec<Day>,
    /// Items without a date.
    pub undated: u64,
    /// Changes with the days and their counts.
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Day {
    pub day: String,
    pub count: u64,
}

impl IndexReader {
    /// The timeline of the connection's scope, optionally restricted to a space or a query.
    pub fn timeline(&self, query: &Query, within: &[Within]) -> std::result::Result<Timeline, SearchError> {
        let is_whole = query.terms.is_empty() && within.iter().all(|w| matches!(w, Within::Space(_)));
        let counts = if is_whole && self.scope().is_by_folder() {
            self.days_by_folder(within)?
        } else {
            let page = Page { within: within.to_vec(), is_scoped: true, ..Page::default() };
            self.days_found(query, &page)?
        };
        Ok(timeline(counts))
    }

    /// Sums of `folder_days`: some ten thousand rows for a million items.
    fn days_by_folder(&self, within: &[Within]) -> rusqlite::Result<BTreeMap<String, u64>> {
        let space = within.iter().find_map(|w| match w {
            Within::Space(name) => Some(name.as_str()),
            _ => None,
        });
        let mut st = self.conn.prepare_cached(
            "SELECT y.day, sum(y.items) FROM folders d JOIN volumes v ON v.id = d.volume_id
               JOIN spaces s ON s.id = v.space_id CROSS JOIN folder_days y ON y.folder_id = d.id
             WHERE visible(d.id, 0) AND (?1 IS NULL OR s.name = ?1) GROUP BY y.day",
        )?;
        st.query_map([space], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs())))?.collect()
    }
}

fn timeline(counts: BTreeMap<String, u64>) -> Timeline {
    let mut hasher = blake3::Hasher::new();
    for (day, count) in &counts {
        hasher.update(day.as_bytes()).update(&count.to_le_bytes());
    }
    let undated = counts.get("").copied().unwrap_or(0);
    let days = counts.into_iter().rev().filter(|(day, _)| !day.is_empty());
    let days = days.map(|(day, count)| Day { day, count }).collect();
    Timeline { days, undated, version: hasher.finalize().to_hex()[..16].to_owned() }
}

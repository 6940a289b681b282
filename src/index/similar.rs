//! Photos like another one, by the feature vectors that the classifier left in `features`.
//!
//! Every vector of the spaces asked for is compared, one row at a time: exact, and in memory that does not grow with
//! the library. Only vectors of the same models are compared; those of others mean something else.

use super::Index;
use rusqlite::{OptionalExtension, params_from_iter, types::Value};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An item and how much it resembles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    pub file: i64,
    /// Cosine of the feature vectors: 1 for the same picture, over 0.85 for the same scene.
    pub similarity: f32,
}

/// Why an item cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum SimilarError {
    /// It has no vector; why the stage could not make one, where it tried.
    #[error("{}", .0.as_deref().unwrap_or("it has not been looked at yet"))]
    NoVector(Option<String>),
    #[error("the index cannot be read: {0}")]
    Sql(#[from] rusqlite::Error),
}

impl Index {
    /// The `limit` shown items most like an item, nearest first, without itself; of the item's own space, or of the
    /// spaces named.
    pub fn similar(
        &self,
        item: i64,
        limit: usize,
        spaces: Option<&[String]>,
    ) -> Result<Vec<Similar>, SimilarError> {
        let (own, version, settings) = self.vector(item)?;
        let mut values = vec![Value::Integer(version), Value::Integer(item), Value::Text(settings)];
        let within = match spaces {
            None => "i.space_id = (SELECT space_id FROM items WHERE file_id = ?2)".to_owned(),
            Some(names) => {
                values.extend(names.iter().cloned().map(Value::Text));
                let marks: Vec<String> = (4..4 + names.len()).map(|n| format!("?{n}")).collect();
                format!("i.space_id IN (SELECT id FROM spaces WHERE name IN ({}))", marks.join(", "))
            }
        };
        let mut st = self.conn.prepare_cached(&format!(
            "SELECT v.file_id, v.vector FROM features v CROSS JOIN items i ON i.file_id = v.file_id
               CROSS JOIN stage_state s ON s.file_id = v.file_id AND s.stage = 'subjects'
             WHERE i.hidden = 0 AND v.file_id <> ?2 AND {within}
               AND s.version = ?1 AND substr(s.input_key, 1, 16) = ?3"
        ))?;
        let mut rows = st.query(params_from_iter(values))?;
        // The least of the best stands on top; equal ones in order of their ids.
        let mut best: BinaryHeap<Reverse<(Ordered, Reverse<i64>)>> = BinaryHeap::with_capacity(limit + 1);
        while let Some(row) = rows.next()? {
            let vector = row.get_ref(1)?.as_blob().unwrap_or_default();
            best.push(Reverse((Ordered(cosine(&own, vector)), Reverse(row.get(0)?))));
            if best.len() > limit {
                best.pop();
            }
        }
        let sorted = best.into_sorted_vec();
        Ok(sorted.into_iter().map(|Reverse((s, Reverse(file)))| Similar { file, similarity: s.0 }).collect())
    }

    /// An item's vector, and the version and settings that made it.
    fn vector(&self, item: i64) -> Result<(Vec<u8>, i64, String), SimilarError> {
        let found = self
            .conn
            .prepare_cached(
                "SELECT v.vector, s.version, substr(s.input_key, 1, 16), s.reason FROM stage_state s
                   LEFT JOIN features v ON v.file_id = s.file_id WHERE s.file_id = ?1 AND s.stage = 'subjects'",
            )?
            .query_row([item], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .optional()?;
        match found {
            Some((Some(vector), version, settings, _)) => Ok((vector, version, settings)),
            Some((None, _, _, reason)) => Err(SimilarError::NoVector(reason)),
            None => Err(SimilarError::NoVector(None)),
        }
    }
}

/// A number that is one, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ordered(f32);

impl Eq for Ordered {}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Of vectors of signed bytes; 0 where one is empty or all zeros.
fn cosine(a: &[u8], b: &[u8]) -> f32 {
    let of = |a: &[u8], b: &[u8]| -> i32 {
        a.iter().zip(b).map(|(&x, &y)| i32::from(x as i8) * i32::from(y as i8)).sum()
    };
    let lengths = of(a, a) as f32 * of(b, b) as f32;
    if lengths > 0.0 { of(a, b) as f32 / lengths.sqrt() } else { 0.0 }
}

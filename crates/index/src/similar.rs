//! Photos similar to a given one, by the feature vectors of the classifier in `features`.
//!
//! Every vector is compared, one row at a time: exact, and with constant memory. Whether an item is visible, and
//! whether its vector is of the same models (others are not comparable), is checked only for candidates of the result,
//! so that only the vectors are read completely.

use super::IndexReader;
use albumen_library::people::vectors::dot_wide;
use rusqlite::{OptionalExtension, params_from_iter, types::Value};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An item with its similarity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    pub file: i64,
    /// Cosine of the feature vectors: 1 for the same picture, over 0.85 for the same scene.
    pub similarity: f32,
}

/// Why an item cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum SimilarError {
    /// It has no vector; the reason if the stage failed.
    #[error("{}", .0.as_deref().unwrap_or("it has not been looked at yet"))]
    NoVector(Option<String>),
    #[error(transparent)]
    Index(#[from] crate::Error),
}

impl IndexReader {
    /// The `limit` visible items most similar to an item, nearest first, without itself; from the item's own space, or
    /// from the given ones.
    pub fn similar(
        &self,
        item: i64,
        limit: usize,
        spaces: Option<&[String]>,
    ) -> Result<Vec<Similar>, SimilarError> {
        let (own, version, settings) = self.vector(item)?;
        let mut values =
            vec![Value::Null, Value::Integer(version), Value::Integer(item), Value::Text(settings)];
        let within = match spaces {
            None => "i.space_id = (SELECT space_id FROM items WHERE file_id = ?3)".to_owned(),
            Some(names) => {
                values.extend(names.iter().cloned().map(Value::Text));
                let marks: Vec<String> = (5..5 + names.len()).map(|n| format!("?{n}")).collect();
                format!("i.space_id IN (SELECT id FROM spaces WHERE name IN ({}))", marks.join(", "))
            }
        };
        let mut candidate = self.conn.prepare_cached(&format!(
            "SELECT 1 FROM items i JOIN stage_state s ON s.file_id = i.file_id AND s.stage = 'subjects'
             WHERE i.file_id = ?1 AND i.file_id <> ?3 AND i.hidden = 0 AND {within}
               AND s.version = ?2 AND substr(s.input_key, 1, 16) = ?4"
        ))?;
        let mut st = self.conn.prepare_cached("SELECT file_id, vector FROM features")?;
        let mut rows = st.query([])?;
        let mut likeness = Likeness::to(&own);
        // The worst of the best is on top; equal ones are in order of id.
        let mut best: BinaryHeap<Reverse<(Ordered, Reverse<i64>)>> = BinaryHeap::with_capacity(limit + 1);
        while let Some(row) = rows.next()? {
            let file = row.get(0)?;
            let cosine = likeness.of(row.get_ref(1)?.as_blob().unwrap_or_default());
            let found = Reverse((Ordered(cosine), Reverse(file)));
            if best.len() >= limit && best.peek().is_none_or(|least| found >= *least) {
                continue;
            }
            values[0] = Value::Integer(file);
            if candidate.exists(params_from_iter(&values))? {
                best.push(found);
                if best.len() > limit {
                    best.pop();
                }
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

/// A float with a total order.
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

/// Computes cosines of one vector of signed bytes to others.
struct Likeness {
    own: Vec<i16>,
    own_square: f32,
    /// Buffer for the other vector, widened.
    other: Vec<i16>,
    arch: pulp::Arch,
}

impl Likeness {
    fn to(own: &[u8]) -> Likeness {
        let own: Vec<i16> = own.iter().map(|x| i16::from(*x as i8)).collect();
        let own_square = dot_wide(&own, &own) as f32;
        Likeness { own, own_square, other: Vec::new(), arch: pulp::Arch::new() }
    }

    /// 0 if one is empty, all zeros or of another length.
    fn of(&mut self, other: &[u8]) -> f32 {
        if other.len() != self.own.len() {
            return 0.0;
        }
        let (own, wide) = (&self.own, &mut self.other);
        let (product, square) = self.arch.dispatch(|| {
            wide.clear();
            wide.extend(other.iter().map(|x| i16::from(*x as i8)));
            (dot_wide(own, wide), dot_wide(wide, wide))
        });
        let squares = self.own_square * square as f32;
        if squares > 0.0 { product as f32 / squares.sqrt() } else { 0.0 }
    }
}

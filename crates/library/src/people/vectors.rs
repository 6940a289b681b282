//! Face embeddings, compact: one signed byte per dimension, and exact search over them.
//!
//! Dot products of bytes are integers, so every machine and every number of threads gets the same similarity
//! to the bit. The compiler vectorises the loop; `pulp` lets it use AVX2 if the processor has it. A
//! comparison at 128 dimensions costs about 5 ns, so no approximate index is needed (figures in
//! docs/people.md).

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Rows of one search tile: with 128 dimensions 16 KiB, half of a small core's first-level cache.
const TILE: usize = 128;
/// Queries of one tile. They have 16 bits per number, so these take the same part of the cache.
const QUERIES: usize = 64;
/// Numbers that are multiplied and added at once. With a constant length, the compiler turns products of
/// pairs into one instruction (`pmaddwd`), which baseline x86-64 has, too: four times as fast there as one
/// number at a time.
const RUN: usize = 32;

/// Embeddings of equal length, quantised to `value * 127`.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    dim: usize,
    data: Vec<i8>,
    /// 1 / length of each row; 0 for a row of zeros, which then resembles no other.
    scale: Vec<f32>,
}

impl Vectors {
    pub fn new(dim: usize) -> Vectors {
        Vectors { dim, ..Vectors::default() }
    }

    /// Reserves capacity for `rows` more.
    pub fn reserve(&mut self, rows: usize) {
        self.data.reserve_exact(rows * self.dim);
        self.scale.reserve_exact(rows);
    }

    /// Adds a row and returns its number; a row of another length becomes zeros, which resemble no other.
    pub fn push(&mut self, row: &[i8]) -> u32 {
        if row.len() == self.dim {
            self.data.extend_from_slice(row);
        } else {
            self.data.resize(self.data.len() + self.dim, 0);
        }
        let length = dot(row, row) as f32;
        self.scale.push(if row.len() == self.dim && length > 0.0 { 1.0 / length.sqrt() } else { 0.0 });
        self.scale.len() as u32 - 1
    }

    /// Adds the direction of a sum of embeddings as a row.
    pub fn push_direction(&mut self, sum: &[f32]) -> u32 {
        let most = sum.iter().fold(0f32, |m, x| m.max(x.abs()));
        let by = if most > 0.0 { 127.0 / most } else { 0.0 };
        let row: Vec<i8> = sum.iter().map(|x| (x * by).round() as i8).collect();
        self.push(&row)
    }

    pub fn dim(&self) -> usize {
        self.dim
    }
    pub fn len(&self) -> usize {
        self.scale.len()
    }
    pub fn is_empty(&self) -> bool {
        self.scale.is_empty()
    }
    pub fn row(&self, i: u32) -> &[i8] {
        &self.data[i as usize * self.dim..][..self.dim]
    }

    /// Cosine similarity of two rows.
    pub fn cosine(&self, a: u32, b: u32) -> f32 {
        dot(self.row(a), self.row(b)) as f32 * self.scale[a as usize] * self.scale[b as usize]
    }

    /// Adds a row, normalised to length 1, to `sum`.
    pub fn add_to(&self, i: u32, sum: &mut [f32]) {
        let by = self.scale[i as usize];
        for (s, &x) in sum.iter_mut().zip(self.row(i)) {
            *s += x as f32 * by;
        }
    }

    /// The row normalised to length 1.
    pub fn unit(&self, i: u32) -> Vec<f32> {
        let mut v = vec![0.0; self.dim];
        self.add_to(i, &mut v);
        v
    }

    /// Sum of a row, normalised, times `other`.
    pub fn project(&self, i: u32, other: &[f32]) -> f32 {
        let by = self.scale[i as usize];
        lanes(self.row(i).iter().zip(other).map(|(&x, y)| x as f32 * y)) * by
    }
}

/// The dot product of two rows of bytes. Rows of up to 130,000 dimensions cannot overflow.
#[inline(always)]
pub fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(&x, &y)| x as i32 * y as i32).sum()
}

/// The dot product of two sums, in an order that is the same on every machine.
pub fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    lanes(a.iter().zip(b).map(|(x, y)| x * y))
}

/// A sum in eight lanes: floating-point addition depends on order, and this one is fixed and vectorises.
fn lanes(products: impl Iterator<Item = f32>) -> f32 {
    let mut lane = [0f32; 8];
    for (i, p) in products.enumerate() {
        lane[i & 7] += p;
    }
    lane.iter().sum()
}

/// The limits of a search per query.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// The minimum cosine.
    pub floor: f32,
    /// The maximum number of rows.
    pub cap: usize,
}

/// A row similar to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    pub row: u32,
    pub cosine: f32,
}

/// For each of the rows `rows` of `queries`, the rows of `base` at or above `floor`, at most `cap` of them,
/// best first (equal ones by row number). `upto(q)` is the number of base rows that query `q` is compared
/// with, so that a set can be compared with itself once per pair. `None` if `stop` was raised.
pub fn search(
    queries: &Vectors,
    rows: Range<u32>,
    base: &Vectors,
    upto: impl Fn(u32) -> u32 + Sync,
    want: Want,
    threads: usize,
    stop: &AtomicBool,
) -> Option<Vec<Vec<Near>>> {
    // Few queries are spread over the threads, too.
    let height = rows.len().div_ceil(threads.max(1)).clamp(1, QUERIES);
    let tiles = rows.len().div_ceil(height);
    let next = AtomicUsize::new(0);
    let arch = pulp::Arch::new();
    let work = || {
        let mut done = Vec::new();
        loop {
            // The last tiles compare the most rows: they go first, so that the threads finish together.
            let Some(tile) = tiles.checked_sub(1 + next.fetch_add(1, Ordering::Relaxed)) else { return done };
            let start = rows.start + (tile * height) as u32;
            let rows = start..rows.end.min(start + height as u32);
            let mut batch: Vec<Query> = rows.map(|q| Query::new(queries, q, upto(q))).collect();
            let most = batch.iter().map(|q| q.upto).max().unwrap_or(0).min(base.len() as u32);
            for from in (0..most).step_by(TILE) {
                if stop.load(Ordering::Relaxed) {
                    return done;
                }
                let rows = from..most.min(from + TILE as u32);
                arch.dispatch(Compare { queries: &mut batch, base, rows, floor: want.floor });
                for query in batch.iter_mut().filter(|q| q.near.len() > want.cap * 4) {
                    keep_best(&mut query.near, want.cap);
                }
            }
            let mut found: Vec<Vec<Near>> = batch.into_iter().map(|q| q.near).collect();
            for near in &mut found {
                keep_best(near, want.cap);
                near.shrink_to_fit();
            }
            done.push((tile, found));
        }
    };
    let mut parts = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(tiles)).map(|_| scope.spawn(work)).collect();
        let mut parts = work();
        for other in others {
            parts.extend(other.join().expect("a search thread only compares numbers"));
        }
        parts
    });
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    parts.sort_by_key(|(tile, _)| *tile);
    Some(parts.into_iter().flat_map(|(_, found)| found).collect())
}

/// A query of a tile and its results.
struct Query {
    /// In 16 bits, as the multiplication needs.
    wide: Vec<i16>,
    scale: f32,
    /// Compared with the rows below this number.
    upto: u32,
    near: Vec<Near>,
}

impl Query {
    fn new(vectors: &Vectors, row: u32, upto: u32) -> Query {
        let wide = vectors.row(row).iter().map(|x| i16::from(*x)).collect();
        Query { wide, scale: vectors.scale[row as usize], upto, near: Vec::new() }
    }
}

/// Some queries against consecutive rows: the inner loop, compiled for each set of instructions. Each row is widened to
/// 16 bits once for all queries.
struct Compare<'a> {
    queries: &'a mut [Query],
    base: &'a Vectors,
    rows: Range<u32>,
    floor: f32,
}

impl pulp::WithSimd for Compare<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let mut wide = vec![0i16; self.base.dim];
        for row in self.rows {
            wide.iter_mut().zip(self.base.row(row)).for_each(|(w, x)| *w = i16::from(*x));
            let scale = self.base.scale[row as usize];
            for query in self.queries.iter_mut().filter(|q| row < q.upto) {
                let cosine = dot_wide(&query.wide, &wide) as f32 * query.scale * scale;
                if cosine >= self.floor {
                    query.near.push(Near { row, cosine });
                }
            }
        }
    }
}

/// The dot product of two rows in 16 bits; to be called where [`pulp::Arch`] has chosen the instructions.
#[inline(always)]
pub fn dot_wide(a: &[i16], b: &[i16]) -> i32 {
    let products =
        |a: &[i16], b: &[i16]| -> i32 { a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum() };
    let ((runs, rest), (others, rest_of_b)) = (a.as_chunks::<RUN>(), b.as_chunks::<RUN>());
    runs.iter().zip(others).map(|(a, b)| products(a, b)).sum::<i32>() + products(rest, rest_of_b)
}

fn keep_best(near: &mut Vec<Near>, cap: usize) {
    near.sort_unstable_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.row.cmp(&b.row)));
    near.truncate(cap);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors(rows: &[Vec<i8>], dim: usize) -> Vectors {
        let mut v = Vectors::new(dim);
        rows.iter().for_each(|r| {
            v.push(r);
        });
        v
    }

    proptest! {
        #[test]
        fn search_finds_what_comparing_all_pairs_finds(
            rows in prop::collection::vec(prop::collection::vec(-127i8..=127, 16), 1..300),
            threads in 1usize..4,
        ) {
            let v = vectors(&rows, 16);
            let (want, all) = (Want { floor: 0.2, cap: 5 }, v.len() as u32);
            let stop = AtomicBool::new(false);
            let found = search(&v, 0..all, &v, |q| q, want, threads, &stop).expect("nobody stops it");
            prop_assert_eq!(found.len(), rows.len());
            for (q, near) in found.iter().enumerate() {
                let mut expected: Vec<Near> = (0..q as u32)
                    .map(|row| Near { row, cosine: v.cosine(q as u32, row) })
                    .filter(|n| n.cosine >= 0.2)
                    .collect();
                keep_best(&mut expected, 5);
                prop_assert_eq!(near, &expected);
            }
        }
    }

    #[test]
    fn a_row_of_another_length_resembles_nothing() {
        let mut v = Vectors::new(4);
        v.push(&[1, 2, 3, 4]);
        v.push(&[1, 2, 3]);
        v.push(&[0, 0, 0, 0]);
        assert_eq!(v.len(), 3);
        assert!((v.cosine(0, 0) - 1.0).abs() < 1e-6);
        assert_eq!((v.cosine(0, 1), v.cosine(1, 1), v.cosine(0, 2)), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_raised_stop_ends_the_search() {
        let v = vectors(&[vec![1; 8], vec![1; 8]], 8);
        let want = Want { floor: 0.0, cap: 1 };
        assert!(search(&v, 0..2, &v, |q| q, want, 2, &AtomicBool::new(true)).is_none());
    }
}

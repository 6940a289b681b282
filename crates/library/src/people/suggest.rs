//! Suggestions of people to merge: pairs for a question to the user, best first.
//!
//! People are never merged automatically. Suggested are pairs whose similarity reaches the threshold of
//! joining, or nearly. The caller excludes pairs that a constraint forbids (`may`).

use super::grow::Known;
use super::thresholds::Thresholds;
use super::vectors::{Vectors, Want, dot_f32, search};
use std::sync::atomic::AtomicBool;

/// The maximum number of pairs per person.
const NEAR_PEOPLE: usize = 8;

/// Two people (positions in the list) that may be one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    pub a: u32,
    pub b: u32,
    /// Mean similarity of their faces, and the required one.
    pub similarity: f32,
    pub required: f32,
}

/// Ranks pairs by the difference of their similarity and the required one.
pub fn merges(
    people: &[Known],
    thresholds: &Thresholds,
    threads: usize,
    may: impl Fn(u32, u32) -> bool,
) -> Vec<Proposal> {
    let Some(first) = people.first() else { return Vec::new() };
    let mut directions = Vectors::new(first.sum.len());
    for person in people {
        directions.push_direction(&person.sum);
    }
    let all = directions.len() as u32;
    // The directions of two groups are at least as similar as their faces are on average.
    let floor = thresholds.group - thresholds.suggest_within;
    let want = Want { floor, cap: NEAR_PEOPLE };
    let stop = AtomicBool::new(false);
    let found = search(&directions, 0..all, &directions, |q| q, want, threads, &stop).unwrap_or_default();
    let cohesion = |p: &Known| thresholds.cohesion_of(p.count, dot_f32(&p.sum, &p.sum));
    let mut pairs: Vec<Proposal> = Vec::new();
    for (b, near) in found.iter().enumerate() {
        for n in near {
            let (a, b) = (n.row, b as u32);
            let (pa, pb) = (&people[a as usize], &people[b as usize]);
            let similarity = dot_f32(&pa.sum, &pb.sum) / (pa.count as f32 * pb.count as f32);
            let required = thresholds.required(pa.count, pb.count, cohesion(pa), cohesion(pb));
            if similarity >= required - thresholds.suggest_within && may(a, b) {
                pairs.push(Proposal { a, b, similarity, required });
            }
        }
    }
    let margin = |p: &Proposal| p.similarity - p.required;
    pairs.sort_by(|x, y| margin(y).total_cmp(&margin(x)).then((x.a, x.b).cmp(&(y.a, y.b))));
    pairs
}

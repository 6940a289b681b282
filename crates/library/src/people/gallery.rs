//! Compares faces with known people: the nearest person of a face, and questions for users.

use super::thresholds::Thresholds;
use super::vectors::{Vectors, Want, dot_f32, search};
use std::ops::Range;
use std::sync::atomic::AtomicBool;

/// The maximum number of people compared in detail per face, preselected by the mean direction of their
/// faces, and of pairs per person.
const NEAR: usize = 6;

/// Known people.
pub struct Gallery {
    dim: usize,
    people: Vec<Portrait>,
    /// All exemplars, person after person.
    exemplars: Vectors,
    directions: Vectors,
}

struct Portrait {
    count: u32,
    sum: Vec<f32>,
    exemplars: Range<u32>,
}

/// The similarity of a face to a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearness {
    /// Position of the person.
    pub person: usize,
    /// The similarity that is closer to its threshold: the average over all faces, or that of the nearest
    /// exemplars.
    pub similarity: f32,
    pub required: f32,
}

impl Nearness {
    pub fn margin(&self) -> f32 {
        self.similarity - self.required
    }
}

/// A face to compare with the people.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    pub embedding: &'a [i8],
    pub quality: f32,
    /// The person (by position) to which the face belongs, and its exemplar there: it is not compared with
    /// itself.
    pub own: Option<(usize, Option<u32>)>,
}

/// A question for the user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    pub similarity: f32,
    pub required: f32,
    /// The rank, higher first.
    pub rank: f32,
}

impl Gallery {
    pub fn new(dim: usize) -> Gallery {
        Gallery { dim, people: Vec::new(), exemplars: Vectors::new(dim), directions: Vectors::new(dim) }
    }

    /// Adds a person: the number of its faces, the sum of their unit vectors, and its exemplars.
    pub fn push<'e>(&mut self, count: u32, sum: Vec<f32>, exemplars: impl Iterator<Item = &'e [i8]>) {
        let start = self.exemplars.len() as u32;
        exemplars.for_each(|row| {
            self.exemplars.push(row);
        });
        self.directions.push_direction(&sum);
        self.people.push(Portrait { count, sum, exemplars: start..self.exemplars.len() as u32 });
    }

    pub fn count(&self, person: usize) -> u32 {
        self.people[person].count
    }

    /// The people nearest to each face, by margin.
    pub fn nearest(&self, probes: &[Probe<'_>], t: &Thresholds) -> Vec<Vec<Nearness>> {
        let mut queries = Vectors::new(self.dim);
        probes.iter().for_each(|p| {
            queries.push(p.embedding);
        });
        let rows = 0..queries.len() as u32;
        let found = self.search(&queries, |_| u32::MAX, f32::MIN);
        let each = rows.zip(probes).zip(found).map(|((row, probe), near)| {
            let unit = queries.unit(row);
            let mut near: Vec<Nearness> =
                near.iter().filter_map(|n| self.compare(*n, &unit, probe, t)).collect();
            near.sort_by(|a, b| b.margin().total_cmp(&a.margin()).then(a.person.cmp(&b.person)));
            near
        });
        each.collect()
    }

    /// For each query the nearest of the first `upto` people by direction.
    fn search(&self, queries: &Vectors, upto: impl Fn(u32) -> u32 + Sync, floor: f32) -> Vec<Vec<usize>> {
        let all = self.directions.len() as u32;
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let want = Want { floor, cap: NEAR };
        let stop = AtomicBool::new(false);
        let rows = 0..queries.len() as u32;
        let found = search(queries, rows, &self.directions, |q| upto(q).min(all), want, threads, &stop);
        let found = found.unwrap_or_default().into_iter();
        found.map(|near| near.into_iter().map(|n| n.row as usize).collect()).collect()
    }

    /// Compares one person with one face; `None` if the person has no other face.
    pub fn compare(
        &self,
        person: usize,
        unit: &[f32],
        probe: &Probe<'_>,
        t: &Thresholds,
    ) -> Option<Nearness> {
        let portrait = &self.people[person];
        let own = probe.own.filter(|(of, _)| *of == person);
        let mut sum = portrait.sum.clone();
        if own.is_some() {
            sum.iter_mut().zip(unit).for_each(|(s, x)| *s -= x);
        }
        let others = portrait.count.checked_sub(u32::from(own.is_some())).filter(|n| *n > 0)?;
        let surcharge = t.surcharge(probe.quality);
        let cohesion = t.cohesion_of(others, dot_f32(&sum, &sum));
        let mean = Nearness {
            person,
            similarity: dot_f32(&sum, unit) / others as f32,
            required: t.required(1, others, t.cohesion_of(1, 1.0), cohesion) + surcharge,
        };
        let own = own.and_then(|(_, exemplar)| exemplar);
        let best: Vec<f32> =
            self.exemplars_of(person, unit, own).into_iter().take(Thresholds::NEAREST).map(|e| e.1).collect();
        let by_exemplars = Nearness {
            person,
            similarity: best.iter().sum::<f32>() / best.len().max(1) as f32,
            required: t.nearest + surcharge,
        };
        let is_nearer = best.len() == Thresholds::NEAREST && by_exemplars.margin() > mean.margin();
        Some(if is_nearer { by_exemplars } else { mean })
    }

    /// The exemplars of a person (by number, over all people) with their similarity to a face, nearest first,
    /// without `own`.
    pub fn exemplars_of(&self, person: usize, unit: &[f32], own: Option<u32>) -> Vec<(u32, f32)> {
        let rows = self.people[person].exemplars.clone().filter(|i| Some(*i) != own);
        let mut found: Vec<(u32, f32)> = rows.map(|i| (i, self.exemplars.project(i, unit))).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }

    /// The question "Is this ...?" of a face that waits: the first allowed person near it, if it is slightly
    /// below the threshold and leads the next one. `None` if there is no question.
    pub fn ask_who(
        &self,
        near: &[Nearness],
        t: &Thresholds,
        mut may: impl FnMut(usize) -> bool,
    ) -> Option<(usize, Proposal)> {
        let at = near.iter().position(|n| n.margin() >= -t.ask_face && may(n.person))?;
        let n = &near[at];
        // A near second person lowers the rank.
        let next = near.get(at + 1).map_or(f32::NEG_INFINITY, Nearness::margin);
        let doubt = (t.ask_lead - (n.margin() - next)).max(0.0);
        let (similarity, required, rank) = (n.similarity, n.required, n.margin() - doubt);
        (rank >= -t.ask_most).then_some((n.person, Proposal { similarity, required, rank }))
    }

    /// The questions "Are these two the same?": pairs of people, by position, slightly below the threshold of
    /// joining.
    pub fn ask_same(&self, t: &Thresholds) -> Vec<(usize, usize, Proposal)> {
        // The directions of two groups are at least as similar as their faces are on average.
        let found = self.search(&self.directions, |q| q, t.group - t.ask_people);
        let pairs = found.into_iter().enumerate();
        let pairs = pairs.flat_map(|(b, near)| near.into_iter().map(move |a| (a, b)));
        pairs
            .filter_map(|(a, b)| {
                let (similarity, required) = self.between(a, b, t);
                let margin = similarity - required;
                let rank = margin - t.ask_same_later;
                (margin >= -t.ask_people).then_some((a, b, Proposal { similarity, required, rank }))
            })
            .collect()
    }

    /// The similarity of two people, and the similarity required for joining them.
    pub fn between(&self, a: usize, b: usize, t: &Thresholds) -> (f32, f32) {
        let (a, b) = (&self.people[a], &self.people[b]);
        let cohesion = |p: &Portrait| t.cohesion_of(p.count, dot_f32(&p.sum, &p.sum));
        let similarity = dot_f32(&a.sum, &b.sum) / (a.count as f32 * b.count as f32);
        (similarity, t.required(a.count, b.count, cohesion(a), cohesion(b)))
    }
}

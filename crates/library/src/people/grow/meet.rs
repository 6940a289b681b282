//! Selects the pairs to compare: faces with people, with each other, and groups with groups.

use super::{NEAR_EXEMPLARS, NEAR_FACES, NEAR_GROUPS, Pair, Search, State};
use crate::people::thresholds::Thresholds;
use crate::people::vectors::{Vectors, Want, search};
use std::ops::Range;

impl<'a> State<'a> {
    /// Candidates between faces and known people, by the people's exemplars.
    pub(super) fn meet_people(&mut self, nodes: Range<u32>, by: &Search) -> Option<()> {
        let all = self.exemplars.len() as u32;
        let want = Want { floor: self.thresholds.floor, cap: NEAR_EXEMPLARS };
        let found = search(self.faces, nodes.clone(), self.exemplars, |_| all, want, by.threads, by.stop)?;
        for (node, near) in nodes.zip(&found) {
            let mut of: Vec<(u32, Vec<f32>)> = Vec::new();
            for n in near {
                let person = self.owners[n.row as usize];
                match of.iter_mut().find(|(p, _)| *p == person) {
                    Some((_, cosines)) => cosines.push(n.cosine),
                    None => of.push((person, vec![n.cosine])),
                }
            }
            self.note_nearest(node, &of);
            for (person, _) in of {
                let group = self.group_of(node);
                self.introduce(group, person);
            }
        }
        Some(())
    }

    /// Records the person with the nearest exemplars, if they lead clearly.
    fn note_nearest(&mut self, node: u32, of: &[(u32, Vec<f32>)]) {
        const K: usize = Thresholds::NEAREST;
        let mut means: Vec<(u32, f32)> =
            of.iter().map(|(p, c)| (*p, c.iter().take(K).sum::<f32>() / c.len().min(K) as f32)).collect();
        means.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let Some(&(person, mean)) = means.first() else { return };
        let enough = of.iter().any(|(p, c)| *p == person && c.len() >= K);
        let leads = means.get(1).is_none_or(|next| mean - next.1 >= self.thresholds.nearest_lead);
        if enough && leads && mean >= self.thresholds.nearest {
            self.nearest.insert((node, person), mean);
        }
    }

    /// Compares earlier faces with the people that have changed since.
    pub(super) fn meet_changed_people(&mut self, seen: u32, by: &Search) -> Option<()> {
        let mut changed = Vectors::new(self.faces.dim());
        for person in self.people.iter().filter(|p| p.changed) {
            for row in person.exemplars.clone() {
                changed.push(self.exemplars.row(row));
            }
        }
        if changed.is_empty() {
            return Some(());
        }
        let all = changed.len() as u32;
        let want = Want { floor: self.thresholds.floor, cap: 1 };
        let found = search(self.faces, 0..seen, &changed, |_| all, want, by.threads, by.stop)?;
        // A face near a changed person is compared with all people: another may be nearer.
        for (node, near) in (0..seen).zip(&found) {
            if !near.is_empty() {
                self.meet_people(node..node + 1, by)?;
            }
        }
        Some(())
    }

    /// Candidates between each face of a part and the faces before it.
    pub(super) fn meet_faces(&mut self, part: Range<u32>, by: &Search) -> Option<()> {
        let want = Want { floor: self.thresholds.floor, cap: NEAR_FACES };
        let found = search(self.faces, part.clone(), self.faces, |q| q, want, by.threads, by.stop)?;
        for (node, near) in part.zip(&found) {
            for n in near {
                let (a, b) = (self.group_of(n.row), self.group_of(node));
                self.introduce(a, b);
            }
        }
        Some(())
    }

    /// Candidates between groups that have grown and everything else among the first `upto` nodes, by the
    /// direction of their sums. Returns whether any pair had a margin.
    pub(super) fn meet_groups(&mut self, upto: u32, by: &Search) -> Option<bool> {
        let (mut grown, mut standing) = (Vec::new(), Vec::new());
        let (mut queries, mut base) = (Vectors::new(self.faces.dim()), Vectors::new(self.faces.dim()));
        for (g, group) in self.groups.iter_mut().enumerate() {
            let Some(sum) = &group.sum else { continue };
            base.push_direction(sum);
            standing.push(g as u32);
            if std::mem::take(&mut group.grown) {
                queries.push_direction(sum);
                grown.push(g as u32);
            }
        }
        // One more than needed: a group is nearest to itself.
        let want = Want { floor: self.thresholds.floor, cap: NEAR_GROUPS + 1 };
        let (all, rows) = (base.len() as u32, 0..queries.len() as u32);
        let groups = search(&queries, rows.clone(), &base, |_| all, want, by.threads, by.stop)?;
        let faces = search(&queries, rows, self.faces, |_| upto, want, by.threads, by.stop)?;
        let before = self.queue.len();
        for ((&a, groups), faces) in grown.iter().zip(&groups).zip(&faces) {
            for n in groups {
                self.introduce(a, standing[n.row as usize]);
            }
            for n in faces {
                let b = self.group_of(n.row);
                self.introduce(a, b);
            }
        }
        Some(self.queue.len() > before)
    }

    /// Records two groups as a candidate, and queues them if they have a margin.
    fn introduce(&mut self, a: u32, b: u32) {
        if a == b || (self.groups[a as usize].person.is_some() && self.groups[b as usize].person.is_some()) {
            return;
        }
        self.groups[a as usize].near.push(b);
        self.groups[b as usize].near.push(a);
        self.consider(a, b);
    }

    pub(super) fn consider(&mut self, a: u32, b: u32) {
        let (a, b) = (a.min(b), a.max(b));
        if let Some(link) = self.link(a, b) {
            let margin = link.similarity - link.required;
            if margin >= 0.0 {
                let versions = (self.groups[a as usize].version, self.groups[b as usize].version);
                self.queue.push(Pair { margin, a, b, versions });
            }
        }
    }
}

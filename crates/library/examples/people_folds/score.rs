//! The quality of a clustering against the true identities: BCubed precision and recall, and clusters that
//! contain several people.

use std::collections::{BTreeMap, HashMap};

/// The sums of a set of faces; sets can be added.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Score {
    precision: f64,
    recall: f64,
    faces: usize,
    /// Clusters with faces of more than one person.
    pub mixed: usize,
}

impl Score {
    /// Of the faces that `counts` accepts (by position), each with its identity and the cluster it is in.
    pub(super) fn of(identities: &[&str], clusters: &[usize], counts: impl Fn(usize) -> bool) -> Score {
        let mut members: BTreeMap<usize, HashMap<&str, usize>> = BTreeMap::new();
        let mut photos: HashMap<&str, usize> = HashMap::new();
        for (identity, cluster) in identities.iter().zip(clusters) {
            *members.entry(*cluster).or_default().entry(identity).or_default() += 1;
            *photos.entry(identity).or_default() += 1;
        }
        let mut score = Score::default();
        let mut mixed = std::collections::BTreeSet::new();
        for i in (0..identities.len()).filter(|&i| counts(i)) {
            let of = &members[&clusters[i]];
            let together = of[identities[i]] as f64;
            score.precision += together / of.values().sum::<usize>() as f64;
            score.recall += together / photos[identities[i]] as f64;
            score.faces += 1;
            if of.len() > 1 {
                mixed.insert(clusters[i]);
            }
        }
        score.mixed = mixed.len();
        score
    }

    pub(super) fn precision(&self) -> f64 {
        self.precision / self.faces.max(1) as f64
    }

    pub(super) fn recall(&self) -> f64 {
        self.recall / self.faces.max(1) as f64
    }

    pub(super) fn f1(&self) -> f64 {
        let (p, r) = (self.precision(), self.recall());
        2.0 * p * r / (p + r).max(f64::MIN_POSITIVE)
    }
}

impl std::ops::AddAssign for Score {
    fn add_assign(&mut self, other: Score) {
        self.precision += other.precision;
        self.recall += other.recall;
        self.faces += other.faces;
        self.mixed += other.mixed;
    }
}

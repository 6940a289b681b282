//! The thresholds of the same person: the numbers behind every automatic decision.
//!
//! They belong to an embedder, because similarities of different embedders differ in scale. Chosen for SFace
//! on one half of the LFW identities of the test corpus, checked on the other half, by cross-validation (the
//! example `people_folds`) and on a synthetic set with many single faces (docs/people.md has the figures).
//! All are cosines unless stated otherwise.

/// The rule by which two groups of faces are one person. See [`Thresholds::required`].
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// The minimum for two large groups, on average over all pairs of their faces.
    pub group: f32,
    /// Added to [`Thresholds::group`] if both are single faces: one comparison is weak evidence.
    pub single: f32,
    /// The share of the groups' own cohesion that the similarity between them must reach: brothers resemble
    /// each other, but less than each himself.
    pub cohesion: f32,
    /// The mean similarity of two photos of one person: the assumed cohesion of a small group.
    pub usual_cohesion: f32,
    /// The weight of this assumption, in pairs of faces.
    pub usual_weight: f32,
    /// A face also joins if its [`Thresholds::NEAREST`] best exemplars have this mean similarity: a child
    /// resembles itself of the same year, not the average of twenty years.
    pub nearest: f32,
    /// The minimum lead of those exemplars over those of the next person.
    pub nearest_lead: f32,
    /// Quality (0 to 1) below which a face counts as poor.
    pub poor_below: f32,
    /// The surcharge on a face of quality 0, falling to 0 at `poor_below`.
    pub poor: f32,
    /// The minimum similarity of candidate pairs of faces.
    pub floor: f32,
    /// The maximum shortfall at which merging two people is suggested.
    pub suggest_within: f32,
    /// The maximum shortfall of a question about a face and a person.
    pub ask_face: f32,
    /// The maximum shortfall of a question about two people.
    pub ask_people: f32,
    /// A question whose first answer leads the second by less is ranked lower by the difference.
    pub ask_lead: f32,
    /// The maximum sum of a face's shortfall and its lead's shortfall for a question.
    pub ask_most: f32,
    /// How much lower questions about two people rank than those about a face of the same shortfall.
    pub ask_same_later: f32,
}

impl Thresholds {
    /// The number of exemplars whose mean must reach [`Thresholds::nearest`]; a person with fewer is joined
    /// by average alone.
    pub const NEAREST: usize = 3;

    /// For SFace (128 dimensions).
    pub const SFACE: Thresholds = Thresholds {
        group: 0.34,
        single: 0.16,
        cohesion: 0.70,
        usual_cohesion: 0.62,
        usual_weight: 3.0,
        nearest: 0.50,
        nearest_lead: 0.16,
        poor_below: 0.3,
        poor: 0.02,
        floor: 0.40,
        suggest_within: 0.03,
        ask_face: 0.06,
        ask_people: 0.03,
        ask_lead: 0.20,
        ask_most: 0.08,
        ask_same_later: 0.03,
    };

    /// The required similarity of groups of `a` and `b` faces, given their cohesions (see
    /// [`Thresholds::cohesion_of`]).
    pub fn required(&self, a: u32, b: u32, cohesion_a: f32, cohesion_b: f32) -> f32 {
        let alone = |n: u32| 1.0 / (n as f32 * n as f32);
        let by_size = self.group + self.single * 0.5 * (alone(a) + alone(b));
        by_size.max(self.cohesion * (cohesion_a * cohesion_b).sqrt())
    }

    /// The mean similarity inside a group of `count` faces whose unit vectors add up to a vector of this
    /// squared length, shrunk towards the usual value for small groups.
    pub fn cohesion_of(&self, count: u32, squared_length: f32) -> f32 {
        let n = count as f32;
        let pairs = n * (n - 1.0) / 2.0;
        let similarities = (squared_length - n) / 2.0;
        ((self.usual_cohesion * self.usual_weight + similarities) / (self.usual_weight + pairs)).max(0.0)
    }

    /// The surcharge on a face of this quality.
    pub fn surcharge(&self, quality: f32) -> f32 {
        self.poor * ((self.poor_below - quality) / self.poor_below).clamp(0.0, 1.0)
    }
}

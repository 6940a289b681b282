//! What counts as the same person: the numbers behind every decision of the machine.
//!
//! They belong to an embedder, because similarities of different embedders mean different things. Chosen for SFace
//! on one half of the LFW identities of the test corpus, checked on the other half, by cross-validation (the example
//! `people_folds`) and on a synthetic set with many single faces (docs/people.md has the figures). All are cosines unless something else is said.

/// The rule by which two groups of faces are one person. See [`Thresholds::required`].
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// What two large groups need at least, on average over all pairs of their faces.
    pub group: f32,
    /// What is asked on top of [`Thresholds::group`] where both are single faces: one comparison is weak evidence.
    pub single: f32,
    /// The share of the groups' own cohesion that the similarity between them must reach: brothers resemble
    /// each other, but less than each himself.
    pub cohesion: f32,
    /// The mean similarity of two photos of one person: what a group's cohesion is taken for before it shows.
    pub usual_cohesion: f32,
    /// How many pairs of faces that expectation weighs.
    pub usual_weight: f32,
    /// A face also joins where its [`Thresholds::NEAREST`] best exemplars are this close on average: a child
    /// resembles itself of the same year, not the average of twenty years.
    pub nearest: f32,
    /// How much closer those exemplars must be than those of the next person.
    pub nearest_lead: f32,
    /// Quality (0 to 1) below which a face counts as poor.
    pub poor_below: f32,
    /// Asked on top of a face of quality 0, falling to nothing at `poor_below`.
    pub poor: f32,
    /// Pairs of faces below this are not looked at when candidates are searched.
    pub floor: f32,
    /// People whose similarity lacks at most this much of what joining needs are worth asking about.
    pub suggest_within: f32,
    /// A face that lacks at most this much of what joining a person needs is asked about.
    pub ask_face: f32,
    /// Two people that lack at most this much are asked about.
    pub ask_people: f32,
    /// A question whose first answer leads the second by less comes later by what is missing.
    pub ask_lead: f32,
    /// What a face lacks and what its lead lacks may be together, or it is not asked about.
    pub ask_most: f32,
    /// By how much questions about two people come later than those about a face that lacks as much.
    pub ask_same_later: f32,
}

impl Thresholds {
    /// Exemplars whose mean must reach [`Thresholds::nearest`]; a person with fewer joins by average alone.
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

    /// The similarity that groups of `a` and `b` faces need, given their cohesions (see [`Thresholds::cohesion_of`]).
    pub fn required(&self, a: u32, b: u32, cohesion_a: f32, cohesion_b: f32) -> f32 {
        let alone = |n: u32| 1.0 / (n as f32 * n as f32);
        let by_size = self.group + self.single * 0.5 * (alone(a) + alone(b));
        by_size.max(self.cohesion * (cohesion_a * cohesion_b).sqrt())
    }

    /// The mean similarity inside a group of `count` faces whose unit vectors add up to a vector of this squared
    /// length, drawn towards the usual where the group is small.
    pub fn cohesion_of(&self, count: u32, squared_length: f32) -> f32 {
        let n = count as f32;
        let pairs = n * (n - 1.0) / 2.0;
        let similarities = (squared_length - n) / 2.0;
        ((self.usual_cohesion * self.usual_weight + similarities) / (self.usual_weight + pairs)).max(0.0)
    }

    /// What a face of this quality is asked on top.
    pub fn surcharge(&self, quality: f32) -> f32 {
        self.poor * ((self.poor_below - quality) / self.poor_below).clamp(0.0, 1.0)
    }
}

//! The clustering: faces without a person join a person, form a new one, or wait.
//!
//! Average-linkage agglomeration over a sparse graph of near pairs. Known people take part as existing groups
//! and are never joined to each other; everything else starts as a group of one. The two groups with the
//! widest margin over the result of [`Thresholds::required`] are merged repeatedly, until no pair has a
//! margin. Because unit vectors are summed, the average similarity of two groups is one dot product of their
//! sums: exact for groups of any size.
//!
//! A group without a person that ends with two or more faces becomes a new person, if one of them has
//! sufficient quality: blur, hands and thumbs resemble each other, too. Single faces and those of no quality
//! wait.

mod meet;

use super::thresholds::Thresholds;
use super::vectors::{Vectors, dot_f32};
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// The maximum number of new faces in one agglomeration: limits its memory (about 1 KB per face). More are
/// processed in parts, each compared with the people formed by the previous parts.
const BATCH: usize = 65_536;
/// Marks a node without a group, since it resembles no other.
const NO_GROUP: u32 = u32::MAX;
/// The maximum number of near pairs of a face, and of near people.
const NEAR_FACES: usize = 32;
const NEAR_EXEMPLARS: usize = 32;
/// The maximum number of near groups of a group when whole groups are compared.
const NEAR_GROUPS: usize = 16;

/// A face without a person. Copies of one content are one node: they count once.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// 0 to 1.
    pub quality: f32,
    /// A number that all faces of one photo share.
    pub photo: u32,
    /// Not part of an earlier clustering. Two earlier faces are not compared again.
    pub fresh: bool,
}

/// A known person.
#[derive(Debug, Clone)]
pub struct Known {
    /// Sum of the unit vectors of its faces (each content once) and their number.
    pub sum: Vec<f32>,
    pub count: u32,
    /// Its exemplars' rows in the exemplar vectors.
    pub exemplars: std::ops::Range<u32>,
    /// Changed since the last clustering: earlier faces are compared with it again.
    pub changed: bool,
}

/// The result of a node, with the deciding similarity and the required one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It waits for more evidence.
    Waits,
    /// It joined a known person (its position).
    Joins { person: u32, similarity: f32, required: f32 },
    /// It belongs to a new person; equal numbers are one person, numbered in the order of their first face.
    Founds { group: u32, similarity: f32, required: f32 },
}

/// The result of [`grow`]: one fate per node.
#[derive(Debug, Clone, PartialEq)]
pub struct Grown {
    pub fates: Vec<Fate>,
    pub groups: u32,
}

/// Clusters the nodes; `faces` holds their embeddings, row by row, `exemplars` those of the known people.
/// Nodes of earlier clusterings come first, then the new ones, each in canonical order. `forbids` returns the
/// people that a node must not join, as sorted positions in the list of known people; it is called once, and
/// only for nodes that resemble a person. `None` if `stop` was raised.
#[allow(clippy::too_many_arguments)]
pub fn grow(
    nodes: &[Node],
    faces: &Vectors,
    people: &[Known],
    exemplars: &Vectors,
    forbids: &mut dyn FnMut(u32) -> Vec<u32>,
    thresholds: &Thresholds,
    threads: usize,
    stop: &AtomicBool,
) -> Option<Grown> {
    let search = Search { threads, stop };
    let mut state = State::new(nodes, faces, people, exemplars, forbids, thresholds);
    let seen = nodes.partition_point(|n| !n.fresh) as u32;
    let all = nodes.len() as u32;
    state.meet_changed_people(seen, &search)?;
    let mut start = seen;
    loop {
        let end = all.min(start + BATCH as u32);
        state.meet_people(start..end, &search)?;
        state.meet_faces(start..end, &search)?;
        state.merge_all(stop)?;
        // A group may resemble another as a whole though no pair of their faces was among the nearest.
        while state.meet_groups(end, &search)? {
            state.merge_all(stop)?;
        }
        if end == all {
            return Some(state.answer());
        }
        start = end;
    }
}

/// The parameters of the search: the number of threads, and the stop flag.
struct Search<'a> {
    threads: usize,
    stop: &'a AtomicBool,
}

/// A group of faces during clustering; the first ones are the known people, then those of nodes in the order
/// in which they were linked.
#[derive(Default)]
struct Group {
    count: u32,
    /// Position of the known person.
    person: Option<u32>,
    /// Its first node; 0 for a person.
    node: u32,
    /// Sum of unit vectors; `None` for a single face, whose vector is its row.
    sum: Option<Box<[f32]>>,
    /// Squared length of the sum.
    squared: f32,
    /// The quality of its best face.
    quality: f32,
    /// Photos of its faces that have more than one face here; sorted.
    photos: Vec<u32>,
    /// People it must not join; sorted.
    forbids: Vec<u32>,
    /// Candidate groups for merging; may contain merged ones, which lead to their successors.
    near: Vec<u32>,
    /// The number of its changes: margins computed before a change are discarded.
    version: u32,
    /// It gained a face since whole groups were last compared.
    grown: bool,
}

impl Group {
    fn is_alone(&self) -> bool {
        self.count == 1 && self.person.is_none()
    }
}

/// A candidate pair of groups. Ordered by margin, then by the groups' numbers.
#[derive(PartialEq)]
struct Pair {
    margin: f32,
    a: u32,
    b: u32,
    versions: (u32, u32),
}
impl Eq for Pair {}
impl Ord for Pair {
    fn cmp(&self, other: &Pair) -> std::cmp::Ordering {
        self.margin.total_cmp(&other.margin).then((other.a, other.b).cmp(&(self.a, self.b)))
    }
}
impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Pair) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The similarity of two groups and the required one.
#[derive(Clone, Copy)]
struct Link {
    similarity: f32,
    required: f32,
}

struct State<'a> {
    nodes: &'a [Node],
    faces: &'a Vectors,
    people: &'a [Known],
    exemplars: &'a Vectors,
    forbids: &'a mut dyn FnMut(u32) -> Vec<u32>,
    thresholds: &'a Thresholds,
    /// The person of each exemplar.
    owners: Vec<u32>,
    groups: Vec<Group>,
    /// The group into which each group was merged; itself if not merged. Indexed like `groups`.
    parents: Vec<u32>,
    /// The group that each node started.
    begun: Vec<u32>,
    /// The link that added each node to its group.
    links: HashMap<u32, Link>,
    /// Photos that have more than one face here.
    crowded: HashSet<u32>,
    /// (node, person) if the node's nearest exemplars are of that person, with their similarity.
    nearest: HashMap<(u32, u32), f32>,
    queue: BinaryHeap<Pair>,
}

impl<'a> State<'a> {
    fn new(
        nodes: &'a [Node],
        faces: &'a Vectors,
        people: &'a [Known],
        exemplars: &'a Vectors,
        forbids: &'a mut dyn FnMut(u32) -> Vec<u32>,
        thresholds: &'a Thresholds,
    ) -> Self {
        let (mut photos, mut crowded) = (HashSet::new(), HashSet::new());
        for node in nodes {
            if !photos.insert(node.photo) {
                crowded.insert(node.photo);
            }
        }
        let mut owners = vec![0; exemplars.len()];
        for (p, known) in people.iter().enumerate() {
            owners[known.exemplars.start as usize..known.exemplars.end as usize].fill(p as u32);
        }
        let known = people.iter().enumerate().map(|(p, known)| Group {
            count: known.count,
            person: Some(p as u32),
            node: 0,
            squared: dot_f32(&known.sum, &known.sum),
            sum: Some(known.sum.clone().into()),
            quality: 1.0,
            photos: Vec::new(),
            forbids: Vec::new(),
            near: Vec::new(),
            version: 0,
            grown: known.changed,
        });
        let groups: Vec<Group> = known.collect();
        State {
            nodes,
            faces,
            people,
            exemplars,
            forbids,
            thresholds,
            owners,
            parents: (0..groups.len() as u32).collect(),
            groups,
            begun: vec![NO_GROUP; nodes.len()],
            links: HashMap::new(),
            crowded,
            nearest: HashMap::new(),
            queue: BinaryHeap::new(),
        }
    }

    /// The current group of a node; creates one if there is none.
    fn group_of(&mut self, node: u32) -> u32 {
        let begun = self.begun[node as usize];
        if begun != NO_GROUP {
            return self.root(begun);
        }
        let of = &self.nodes[node as usize];
        let group = self.groups.len() as u32;
        self.groups.push(Group {
            count: 1,
            person: None,
            node,
            sum: None,
            squared: 1.0,
            quality: of.quality,
            photos: if self.crowded.contains(&of.photo) { vec![of.photo] } else { Vec::new() },
            forbids: (self.forbids)(node),
            near: Vec::new(),
            version: 0,
            grown: false,
        });
        self.parents.push(group);
        self.begun[node as usize] = group;
        group
    }

    /// The group that a group was merged into.
    fn root(&self, mut group: u32) -> u32 {
        while self.parents[group as usize] != group {
            group = self.parents[group as usize];
        }
        group
    }

    /// The link of two groups; `None` if they must not be merged.
    fn link(&self, a: u32, b: u32) -> Option<Link> {
        let (ga, gb) = (&self.groups[a as usize], &self.groups[b as usize]);
        if ga.person.is_some() && gb.person.is_some()
            || ga.person.is_some_and(|p| gb.forbids.binary_search(&p).is_ok())
            || gb.person.is_some_and(|p| ga.forbids.binary_search(&p).is_ok())
            || have_common(&ga.photos, &gb.photos)
        {
            return None;
        }
        let sum = match (&ga.sum, &gb.sum) {
            (Some(x), Some(y)) => dot_f32(x, y),
            (Some(x), None) => self.faces.project(gb.node, x),
            (None, Some(y)) => self.faces.project(ga.node, y),
            (None, None) => self.faces.cosine(ga.node, gb.node),
        };
        let t = self.thresholds;
        let (ca, cb) = (t.cohesion_of(ga.count, ga.squared), t.cohesion_of(gb.count, gb.squared));
        let surcharge = [ga, gb].map(|g| if g.is_alone() { t.surcharge(g.quality) } else { 0.0 });
        let surcharge = surcharge[0].max(surcharge[1]);
        let average = Link {
            similarity: sum / (ga.count as f32 * gb.count as f32),
            required: t.required(ga.count, gb.count, ca, cb) + surcharge,
        };
        let nearest = match (ga.person, gb.is_alone()) {
            (Some(person), true) => self.nearest.get(&(gb.node, person)),
            _ => None,
        };
        match nearest {
            Some(&mean) if mean - t.nearest - surcharge > average.similarity - average.required => {
                Some(Link { similarity: mean, required: t.nearest + surcharge })
            }
            _ => Some(average),
        }
    }

    /// Merges groups, widest margin first, until none has one.
    fn merge_all(&mut self, stop: &AtomicBool) -> Option<()> {
        while let Some(pair) = self.queue.pop() {
            let now = (self.groups[pair.a as usize].version, self.groups[pair.b as usize].version);
            if pair.versions == now {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                self.merge(pair.a, pair.b);
            }
        }
        Some(())
    }

    /// Merges `b` into `a`, which has the lower number: a person keeps its number, and a group keeps its
    /// first face.
    fn merge(&mut self, a: u32, b: u32) {
        let link = self.link(a, b).expect("only pairs that may come together are queued");
        for g in [a, b] {
            let group = &self.groups[g as usize];
            if group.is_alone() {
                self.links.insert(group.node, link);
            }
        }
        let mut taken = std::mem::take(&mut self.groups[b as usize]);
        taken.version = taken.version.wrapping_add(1);
        self.groups[b as usize].version = taken.version;
        self.parents[b as usize] = a;
        let group = &mut self.groups[a as usize];
        let mut sum = group.sum.take().unwrap_or_else(|| self.faces.unit(group.node).into());
        match &taken.sum {
            Some(more) => sum.iter_mut().zip(more).for_each(|(s, x)| *s += x),
            None => self.faces.add_to(taken.node, &mut sum),
        }
        let mut near = std::mem::take(&mut self.groups[a as usize].near);
        near.extend(taken.near);
        for n in &mut near {
            *n = self.root(*n);
        }
        near.sort_unstable();
        near.dedup();
        near.retain(|&n| n != a);
        let group = &mut self.groups[a as usize];
        group.count += taken.count;
        group.squared = dot_f32(&sum, &sum);
        group.sum = Some(sum);
        group.quality = group.quality.max(taken.quality);
        group.photos = union(&group.photos, &taken.photos);
        group.forbids = union(&group.forbids, &taken.forbids);
        group.version += 1;
        group.grown = true;
        for &n in &near {
            self.consider(a, n);
        }
        self.groups[a as usize].near = near;
    }

    fn answer(&self) -> Grown {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let fates = (0..self.nodes.len() as u32)
            .map(|i| {
                let begun = self.begun[i as usize];
                if begun == NO_GROUP {
                    return Fate::Waits;
                }
                let root = self.root(begun);
                let group = &self.groups[root as usize];
                let Some(&Link { similarity, required }) = self.links.get(&i) else { return Fate::Waits };
                match group.person {
                    Some(person) => Fate::Joins { person, similarity, required },
                    None if group.quality <= 0.0 => Fate::Waits,
                    None => {
                        let next = numbers.len() as u32;
                        let group = *numbers.entry(root).or_insert(next);
                        Fate::Founds { group, similarity, required }
                    }
                }
            })
            .collect();
        Grown { fates, groups: numbers.len() as u32 }
    }
}

/// Whether two sorted lists share an element; searches the elements of the shorter one in the longer.
fn have_common(a: &[u32], b: &[u32]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.iter().any(|x| long.binary_search(x).is_ok())
}

fn union(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;

//! The exemplars of a person: few faces, of good quality and dissimilar.

use super::vectors::Vectors;

/// The maximum number of exemplars of a person. Twelve cover the ages, poses and lights of most people, at
/// 1.5 KB.
pub const MOST: usize = 12;

/// Picks exemplars among a person's faces, given in canonical order with their qualities: first the best
/// face, then always the one least similar to those picked; poor faces only if there are no others. Returns
/// row numbers in the order of picking.
pub fn choose(faces: &Vectors, qualities: &[f32]) -> Vec<u32> {
    let rows = 0..faces.len() as u32;
    let best =
        rows.clone().max_by(|&a, &b| qualities[a as usize].total_cmp(&qualities[b as usize]).then(b.cmp(&a)));
    let Some(best) = best else { return Vec::new() };
    let mut picked = vec![best];
    // The similarity of each face to the picked ones; increased for poor faces.
    let mut likeness: Vec<f32> = vec![-1.0; faces.len()];
    while picked.len() < MOST.min(faces.len()) {
        let last = picked[picked.len() - 1];
        for i in rows.clone() {
            likeness[i as usize] = likeness[i as usize].max(faces.cosine(i, last));
        }
        likeness[last as usize] = f32::INFINITY;
        let cost = |i: u32| likeness[i as usize] + 0.5 * (1.0 - qualities[i as usize]);
        let next = rows.clone().min_by(|&a, &b| cost(a).total_cmp(&cost(b)).then(a.cmp(&b)));
        picked.extend(next);
    }
    picked
}

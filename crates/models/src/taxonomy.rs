//! The taxonomy: config/subjects.toml, which is part of the binary.
//!
//! Promises: every subject has a unique name, a group, and classes or a rule; [`Taxonomy::judge`], a pure
//! function, turns the results of the classifier and the detector into subjects.

use albumen_core::vocabulary::{Box4, FoundSubject};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The built-in text.
pub const TEXT: &str = include_str!("../../../config/subjects.toml");

/// The taxonomy of this build.
pub fn taxonomy() -> &'static Taxonomy {
    static TAXONOMY: LazyLock<Taxonomy> =
        LazyLock::new(|| Taxonomy::read(TEXT).expect("a test reads the same text that is built in"));
    &TAXONOMY
}

#[derive(Debug, Clone)]
pub struct Taxonomy {
    pub subjects: Vec<Subject>,
    /// Groups in which the classifier's result for one subject suppresses a box of another, from this
    /// probability.
    rival_groups: Vec<String>,
    rival: f32,
}

/// An object or theme that users search for.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// As displayed: `hot dog`.
    pub label: String,
    pub group: String,
    /// Synonyms for searches.
    pub also: Vec<String>,
    /// Its classes of the classifier and of the object detector.
    classes: Vec<usize>,
    objects: Vec<usize>,
    least: f32,
    least_box: f32,
}

/// An object that the object detector found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundObject {
    pub class: usize,
    pub score: f32,
    pub area: Box4,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    imagenet: String,
    #[serde(default)]
    coco: String,
    #[serde(default)]
    also: Vec<String>,
    least: Option<f32>,
    least_box: Option<f32>,
    #[serde(default)]
    rules: bool,
}

#[derive(Deserialize)]
struct Thresholds {
    least: f32,
    least_box: f32,
    rival_groups: Vec<String>,
    rival: f32,
}

#[derive(Deserialize)]
struct File {
    thresholds: Thresholds,
    #[serde(flatten)]
    groups: BTreeMap<String, BTreeMap<String, Row>>,
}

impl Taxonomy {
    fn read(text: &str) -> Result<Taxonomy, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut subjects = Vec::new();
        for (group, rows) in file.groups {
            for (name, row) in rows {
                let subject = Subject {
                    label: name.replace('_', " "),
                    group: group.clone(),
                    also: row.also,
                    classes: numbers(&row.imagenet).ok_or_else(|| format!("{name}: {}", row.imagenet))?,
                    objects: numbers(&row.coco).ok_or_else(|| format!("{name}: {}", row.coco))?,
                    least: row.least.unwrap_or(file.thresholds.least),
                    least_box: row.least_box.unwrap_or(file.thresholds.least_box),
                };
                if subject.classes.is_empty() && subject.objects.is_empty() && !row.rules {
                    return Err(format!("{name}: nothing speaks for it"));
                }
                subjects.push(subject);
            }
        }
        let Thresholds { rival_groups, rival, .. } = file.thresholds;
        Ok(Taxonomy { subjects, rival_groups, rival })
    }

    /// The subjects of a picture, most certain first. `probabilities` are the classifier's, by class;
    /// `objects` may be empty.
    pub fn judge(&self, probabilities: &[f32], objects: &[FoundObject]) -> Vec<FoundSubject> {
        let said: Vec<f32> = self.subjects.iter().map(|s| s.probability(probabilities)).collect();
        let overruled = |subject: &Subject, own: f32| {
            let mut others = self.subjects.iter().zip(&said).filter(|(s, _)| s.group == subject.group);
            own < self.rival
                && self.rival_groups.contains(&subject.group)
                && others.any(|(_, &p)| p >= self.rival)
        };
        let mut found: Vec<FoundSubject> = (self.subjects.iter().zip(&said))
            .filter_map(|(s, &own)| s.judge(own, if overruled(s, own) { &[] } else { objects }))
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.label.cmp(&b.label)));
        found
    }

    /// The classifier's probability of a subject, regardless of thresholds.
    pub fn probability(&self, label: &str, probabilities: &[f32]) -> f32 {
        self.subjects.iter().find(|s| s.label == label).map_or(0.0, |s| s.probability(probabilities))
    }

    /// Whether a word names a subject: its label, one of its synonyms, or its group, in any case, singular or
    /// plural. With `prefix` the start of a label or synonym is sufficient. A label of another taxonomy
    /// matches only itself.
    pub fn names(&self, word: &str, label: &str, prefix: bool) -> bool {
        let word = word.trim().to_lowercase();
        let subject = self.subjects.iter().find(|s| s.label == label);
        let mut names = std::iter::once(label).chain(subject.into_iter().flat_map(|s| s.also()));
        let begins = |name: &str| prefix && name.to_lowercase().starts_with(&word);
        names.any(|name| begins(name) || is_same_word(name, &word))
            || subject.is_some_and(|s| is_same_word(&s.group, &word))
    }
}

/// Whether two words are equal, ignoring case and an English plural.
fn is_same_word(a: &str, b: &str) -> bool {
    singular(&a.to_lowercase()) == singular(&b.to_lowercase())
}

/// Both sides of a comparison use it, so a wrong singular is acceptable if it is consistent.
fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    let is_whole = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    word.strip_suffix('s').filter(|_| !is_whole).unwrap_or(word).to_owned()
}

impl Subject {
    fn also(&self) -> impl Iterator<Item = &str> {
        self.also.iter().map(String::as_str)
    }

    fn probability(&self, probabilities: &[f32]) -> f32 {
        self.classes.iter().filter_map(|&c| probabilities.get(c)).sum::<f32>().min(1.0)
    }

    fn judge(&self, probability: f32, objects: &[FoundObject]) -> Option<FoundSubject> {
        let surest = (objects.iter())
            .filter(|o| self.objects.contains(&o.class))
            .max_by(|a, b| a.score.total_cmp(&b.score).then(b.area[0].total_cmp(&a.area[0])));
        let score = surest.map_or(0.0, |o| o.score);
        let believed = probability >= self.least || score >= self.least_box;
        believed.then(|| FoundSubject {
            label: self.label.clone(),
            score: probability.max(score),
            area: surest.map(|o| o.area),
        })
    }
}

/// `"1, 4-6"` as 1, 4, 5, 6.
fn numbers(text: &str) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        out.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::manifest;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_taxonomy_is_sound() {
        let t = taxonomy();
        let (classes, objects) =
            (manifest().classifier.head.classes, manifest().object_detector.head.classes);
        assert!((150..=250).contains(&t.subjects.len()), "{}", t.subjects.len());
        let labels: BTreeSet<&str> = t.subjects.iter().map(|s| s.label.as_str()).collect();
        assert_eq!(labels.len(), t.subjects.len(), "a label stands twice");
        for s in &t.subjects {
            assert!(
                s.classes.iter().all(|&c| c < classes) && s.objects.iter().all(|&c| c < objects),
                "{}",
                s.label
            );
            assert!(s.least > 0.3 && s.least < 1.0 && s.least_box > 0.3 && s.least_box < 1.0, "{}", s.label);
        }
        let objects_of: BTreeSet<usize> = t.subjects.iter().flat_map(|s| s.objects.clone()).collect();
        assert!(objects_of.len() >= 55, "most of what the detector sees has a subject: {}", objects_of.len());
        let groups: BTreeMap<&str, usize> = t.subjects.iter().fold(BTreeMap::new(), |mut g, s| {
            *g.entry(s.group.as_str()).or_default() += 1;
            g
        });
        assert!(groups.len() >= 8, "{groups:?}");
    }

    #[test]
    fn probabilities_of_the_classes_behind_a_subject_add_up() {
        let mut p = vec![0.0; 1000];
        (p[281], p[282], p[285]) = (0.3, 0.2, 0.1);
        let found = taxonomy().judge(&p, &[]);
        assert_eq!(found.iter().map(|f| f.label.as_str()).collect::<Vec<_>>(), ["cat"]);
        assert!((found[0].score - 0.6).abs() < 1e-6 && found[0].area.is_none());
    }

    #[test]
    fn the_surest_box_is_shown_and_a_weak_one_is_not_believed() {
        let object = |class, score, x| FoundObject { class, score, area: [x, 0.0, 0.5, 0.5] };
        let found = taxonomy()
            .judge(&[0.0; 1000], &[object(16, 0.7, 0.1), object(16, 0.9, 0.2), object(15, 0.4, 0.3)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].label.as_str(), found[0].area), ("dog", Some([0.2, 0.0, 0.5, 0.5])));
    }

    #[test]
    fn the_classifier_overrules_a_box_for_another_animal() {
        let dog = FoundObject { class: 16, score: 0.8, area: [0.0, 0.0, 0.5, 0.5] };
        let mut p = vec![0.0; 1000];
        p[337] = 0.45;
        assert!(taxonomy().judge(&p, &[dog]).is_empty(), "it is a beaver, though not surely");
        p[200] = 0.3;
        assert_eq!(taxonomy().judge(&p, &[dog])[0].label, "dog", "it may be a dog as well");
        let chair = FoundObject { class: 56, ..dog };
        assert_eq!(taxonomy().judge(&p, &[chair])[0].label, "chair", "a chair is no animal");
    }

    #[test]
    fn subjects_are_found_by_other_words() {
        let found = |word, prefix| -> Vec<&str> {
            let labels = taxonomy().subjects.iter().map(|s| s.label.as_str());
            labels.filter(|label| taxonomy().names(word, label, prefix)).collect()
        };
        for (word, labels) in [
            ("Kitten", &["cat"][..]),
            ("puppies", &["dog"]),
            ("hot dog", &["hot dog"]),
            ("Busses", &[]),
            ("buses", &["bus"]),
            ("no such thing", &[]),
            ("", &[]),
        ] {
            assert_eq!(found(word, false), labels, "{word:?}");
        }
        assert_eq!(found("pupp", true), ["dog"]);
        let animals = found("animal", false);
        assert!(animals.contains(&"dog") && animals.contains(&"owl") && !animals.contains(&"car"));
        assert!(taxonomy().names("gadgets", "gadget", false), "a label of another taxonomy");
    }

    #[test]
    fn a_broken_range_is_refused() {
        for text in ["1-x", "-", "3-"] {
            assert_eq!(numbers(text), None, "{text}");
        }
        assert_eq!(numbers("1, 4-6"), Some(vec![1, 4, 5, 6]));
    }
}

//! What can be recognised, and where: which models are there and whole, and which spaces have people and subjects on.
//!
//! A model that is missing or broken fails no file. It is left alone for a while, and longer each time, for trying it reads it
//! whole, which wakes a disk.

use super::Service;
use crate::config::Spaces;
use crate::pipeline::recognising::Part;
use albumen_core::vocabulary::Stage;
use albumen_index::IndexReader;
use albumen_index::due::{Scope, StageNow};
use albumen_models::files::{self as models, Availability};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a broken model is left alone before it is tried again: at first, and at most, twice as long each time. A reload
/// tries it at once, an upload after the first of these.
const TRY_AFTER: Duration = Duration::from_secs(60);
const TRY_AT_LEAST: Duration = Duration::from_secs(3600);

/// The models, as they were when they were last looked at.
pub struct Models {
    /// Where they are; `None`: nobody wants any.
    dir: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    there: Availability,
    broken: Option<Broken>,
}

/// Models that are there and were found to be of no use.
struct Broken {
    /// And what to do.
    why: String,
    tried: Instant,
    /// How long background work leaves them alone.
    wait: Duration,
}

impl Models {
    pub fn new(dir: Option<PathBuf>) -> Models {
        let models = Models { dir, known: Mutex::default() };
        models.look();
        models
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for them, by name and size: they may have come, or gone. Returns whether some have.
    pub fn look(&self) -> bool {
        let Some(dir) = &self.dir else { return false };
        let there = models::available(dir);
        let mut known = self.known();
        let have = known.there != there;
        known.there = there;
        have
    }

    pub fn missing(&self) -> Vec<String> {
        self.known().there.missing.clone()
    }

    /// Why there are no faces, or no subjects, and what to do; `None` while there are, and where nobody wants any.
    pub fn incomplete(&self) -> Option<String> {
        let known = self.known();
        let missing = || {
            let missing = known.there.missing.join(", ");
            (!missing.is_empty()).then(|| {
                format!("faces and subjects are not complete: {missing} missing; see `albumen models`")
            })
        };
        known.broken.as_ref().map(|b| b.why.clone()).or_else(missing)
    }

    /// Whether nothing stands in the way of a stage of recognition.
    pub fn can_do(&self, stage: Stage) -> bool {
        let known = self.known();
        known.broken.is_none() && if stage == Stage::Faces { known.there.faces } else { known.there.subjects }
    }

    /// They were tried, in vain.
    pub fn are_broken(&self, why: String) {
        let mut known = self.known();
        let wait = known.broken.take().map_or(TRY_AFTER, |b| (b.wait * 2).clamp(TRY_AFTER, TRY_AT_LEAST));
        known.broken = Some(Broken { why, tried: Instant::now(), wait });
    }

    /// They were tried, and are of use; returns whether they were broken before.
    pub fn are_whole(&self) -> bool {
        self.known().broken.take().is_some()
    }

    /// Somebody may have mended them: they are tried at the next occasion.
    pub fn try_again(&self) {
        if let Some(broken) = &mut self.known().broken {
            broken.wait = Duration::ZERO;
        }
    }

    /// How long background work still leaves them alone.
    pub fn rest(&self) -> Duration {
        self.known().broken.as_ref().map_or(Duration::ZERO, |b| b.wait.saturating_sub(b.tried.elapsed()))
    }

    pub fn may_be_tried_for_an_upload(&self) -> bool {
        self.known().broken.as_ref().is_none_or(|b| b.tried.elapsed() >= b.wait.min(TRY_AFTER))
    }
}

/// What may be recognised in a part of the index: its space may have people or subjects off.
fn wanted(index: &IndexReader, service: &Service, scope: Scope) -> albumen_index::Result<Part> {
    let names: Vec<String> = index.space_names(&index.spaces_of(&scope)?)?;
    let spaces = Spaces::resolve(&service.config().spaces);
    let on = |wants: fn(&crate::config::Space) -> bool| {
        names.iter().any(|n| spaces.iter().find(|s| s.name == *n).is_none_or(wants))
    };
    Ok(Part { scope, faces: on(|s| s.people), subjects: on(|s| s.subjects) })
}

/// Of that what the models are there for.
pub fn doable(index: &IndexReader, service: &Service, scope: Scope) -> albumen_index::Result<Part> {
    let part = wanted(index, service, scope)?;
    let there = &service.models.known().there;
    Ok(Part { faces: part.faces && there.faces, subjects: part.subjects && there.subjects, ..part })
}

/// The stages that a request for a part of the index waits for beyond its thumbnails: those that its space has on.
pub fn later_stages<'a>(
    service: &'a Service,
    index: &IndexReader,
    scope: &Scope,
) -> albumen_index::Result<Vec<&'a StageNow>> {
    let stages = &service.plan.stages;
    let part = wanted(index, service, scope.clone())?;
    let faces = stages.faces.iter().filter(|_| part.faces);
    Ok(faces.chain(stages.subjects.iter().filter(|_| part.subjects)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_model_is_tried_ever_more_rarely_but_every_hour_and_after_a_reload() {
        let models = Models::new(None);
        let wait_in_minutes = || {
            models.are_broken("why".into());
            (models.rest().as_secs() + 1) / 60
        };
        let waits: Vec<u64> = (0..8).map(|_| wait_in_minutes()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!models.may_be_tried_for_an_upload() && !models.can_do(Stage::Faces));
        models.try_again();
        assert!(models.may_be_tried_for_an_upload() && models.rest().is_zero());
        assert_eq!((models.incomplete().as_deref(), wait_in_minutes()), (Some("why"), 1));
        assert!(models.are_whole() && !models.are_whole());
        assert_eq!(models.incomplete(), None);
    }
}

//! Availability of recognition: which models exist and are intact, and which spaces have people and subjects enabled.
//!
//! A missing or broken model never fails a file. A broken model is retried at growing intervals, because each attempt
//! reads it completely and wakes the disk.

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

/// Delay before a broken model is retried; doubles up to the maximum. A reload retries at once, an upload after the
/// initial delay.
const TRY_AFTER: Duration = Duration::from_secs(60);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(3600);

/// The state of the models at the last check.
pub struct Models {
    /// Their folder; `None` if recognition is disabled.
    dir: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    there: Availability,
    broken: Option<Broken>,
}

/// Models that exist but failed to load.
struct Broken {
    /// The cause and the remedy.
    why: String,
    tried: Instant,
    /// The present delay for background work.
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

    /// Checks them by name and size. Returns whether any were added or removed.
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

    /// Why faces or subjects are unavailable, and the remedy; `None` if they are available or disabled.
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

    /// Whether the models of a recognition stage are usable.
    pub fn can_do(&self, stage: Stage) -> bool {
        let known = self.known();
        known.broken.is_none() && if stage == Stage::Faces { known.there.faces } else { known.there.subjects }
    }

    /// Records that loading them failed.
    pub fn are_broken(&self, why: String) {
        let mut known = self.known();
        let wait = known.broken.take().map_or(TRY_AFTER, |b| (b.wait * 2).clamp(TRY_AFTER, MAX_RETRY_DELAY));
        known.broken = Some(Broken { why, tried: Instant::now(), wait });
    }

    /// Records that loading them succeeded; returns whether they were broken before.
    pub fn are_whole(&self) -> bool {
        self.known().broken.take().is_some()
    }

    /// They may have been repaired: retries at the next opportunity.
    pub fn try_again(&self) {
        if let Some(broken) = &mut self.known().broken {
            broken.wait = Duration::ZERO;
        }
    }

    /// Remaining delay for background work.
    pub fn retry_in(&self) -> Duration {
        self.known().broken.as_ref().map_or(Duration::ZERO, |b| b.wait.saturating_sub(b.tried.elapsed()))
    }

    pub fn may_be_tried_for_an_upload(&self) -> bool {
        self.known().broken.as_ref().is_none_or(|b| b.tried.elapsed() >= b.wait.min(TRY_AFTER))
    }
}

/// The stages enabled for a part of the index: its space may have people or subjects disabled.
fn wanted(index: &IndexReader, service: &Service, scope: Scope) -> albumen_index::Result<Part> {
    let names: Vec<String> = index.space_names(&index.spaces_of(&scope)?)?;
    let spaces = Spaces::resolve(&service.config().spaces);
    let on = |wants: fn(&crate::config::Space) -> bool| {
        names.iter().any(|n| spaces.iter().find(|s| s.name == *n).is_none_or(wants))
    };
    Ok(Part { scope, faces: on(|s| s.people), subjects: on(|s| s.subjects) })
}

/// Those of them whose models are available.
pub fn doable(index: &IndexReader, service: &Service, scope: Scope) -> albumen_index::Result<Part> {
    let part = wanted(index, service, scope)?;
    let there = &service.models.known().there;
    Ok(Part { faces: part.faces && there.faces, subjects: part.subjects && there.subjects, ..part })
}

/// The stages that a request for a part of the index waits for after thumbnails: those enabled in its space.
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
            (models.retry_in().as_secs() + 1) / 60
        };
        let waits: Vec<u64> = (0..8).map(|_| wait_in_minutes()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!models.may_be_tried_for_an_upload() && !models.can_do(Stage::Faces));
        models.try_again();
        assert!(models.may_be_tried_for_an_upload() && models.retry_in().is_zero());
        assert_eq!((models.incomplete().as_deref(), wait_in_minutes()), (Some("why"), 1));
        assert!(models.are_whole() && !models.are_whole());
        assert_eq!(models.incomplete(), None);
    }
}

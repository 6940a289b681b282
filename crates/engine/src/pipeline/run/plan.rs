//! The stages of a run, and the keys of their results.

use crate::config::Config;
use crate::pipeline::keys;
use crate::pipeline::recorder::Stages;
use albumen_core::vocabulary::{RenderSettings, Stage};
use albumen_index::due::StageNow;
use albumen_models::files::{self as models, default_dir};
use std::path::PathBuf;

/// The settings of a run for the stages.
#[derive(Debug, Clone)]
pub struct Plan {
    pub render: RenderSettings,
    pub(crate) stages: Stages,
    pub(crate) places: StageNow,
    pub(crate) people: StageNow,
    /// The folder of the models.
    pub(crate) models: PathBuf,
    /// What is unavailable and the remedy, for users.
    pub missing: Vec<String>,
}

impl Plan {
    /// What can be done at present: faces and subjects need their models.
    pub fn new(config: &Config, recognise: bool) -> Plan {
        let mut plan = Plan::with_models_to_come(config, recognise);
        if recognise {
            let there = models::available(&plan.models);
            plan.stages.faces = plan.stages.faces.filter(|_| there.faces);
            plan.stages.subjects = plan.stages.subjects.filter(|_| there.subjects);
            plan.missing = there.missing;
        }
        plan
    }

    /// Like [`Plan::new`], but includes stages whose models are missing: for a long-running process that checks for
    /// them repeatedly.
    pub fn with_models_to_come(config: &Config, recognise: bool) -> Plan {
        let models = config.recognise.models.clone().unwrap_or_else(default_dir);
        let (faces, subjects) = keys::recognise_now(&models);
        let render = config.render_settings();
        Plan {
            stages: Stages {
                inspect: keys::inspect_now(),
                render: keys::render_now(&render),
                faces: recognise.then_some(faces),
                subjects: recognise.then_some(subjects),
            },
            places: keys::places_now(),
            people: keys::people_now(),
            render,
            models,
            missing: Vec::new(),
        }
    }

    /// Stages that make files due in this run.
    pub fn asked_for(&self) -> Vec<StageNow> {
        let mut all = self.stages();
        all.retain(|s| s.stage != Stage::People);
        all
    }

    /// All stages that these settings support.
    pub fn stages(&self) -> Vec<StageNow> {
        let mut all = vec![self.stages.inspect.clone(), self.stages.render.clone()];
        all.extend(self.stages.faces.clone());
        all.extend(self.stages.subjects.clone());
        if self.stages.faces.is_some() {
            all.push(self.people.clone());
        }
        all.push(self.places.clone());
        all
    }
}

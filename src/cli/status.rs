//! `albumen status`: what is due, done and failed, by stage; volumes; what is missing.

use super::{Context, NO_START, complain, print_json, say};
use crate::index::counts::Counts;
use crate::pipeline::recorder::now;
use crate::pipeline::run::Plan;
use crate::worker::{WorkerHandle, WorkerSettings};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Serialize)]
struct Status {
    index: String,
    #[serde(flatten)]
    counts: Counts,
    sandbox: &'static str,
    volumes: Vec<Volume>,
    /// Models that are not there, and what to do.
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Volume {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline: Option<String>,
}

pub fn run(_args: Args, ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(i) => i,
        Err(code) => return code,
    };
    // What a worker can take from itself only a worker can tell.
    let sandbox = WorkerHandle::new(WorkerSettings::default()).start().unwrap_or_default().level();
    let plan = Plan::new(&ctx.config, true);
    let status = || -> rusqlite::Result<Status> {
        let mut counts = Counts::default();
        index.counts(&plan.stages(), now())?.values().for_each(|space| counts += space);
        Ok(Status {
            index: ctx.index_dir().display().to_string(),
            counts,
            sandbox,
            volumes: index
                .volumes()?
                .into_iter()
                .map(|(_, path, _, offline)| Volume {
                    path: String::from_utf8_lossy(&path).into_owned(),
                    offline,
                })
                .collect(),
            missing: plan.missing.clone(),
        })
    };
    let s = match status() {
        Ok(s) => s,
        Err(e) => {
            complain(&format!("the index cannot be read: {e}"));
            return ExitCode::from(NO_START);
        }
    };
    if ctx.global.json {
        print_json(&s);
        return ExitCode::SUCCESS;
    }
    say(format_args!(
        "{}: {} items ({} photos, {} videos), sandbox {}",
        s.index, s.counts.items, s.counts.photos, s.counts.videos, s.sandbox
    ));
    for v in &s.volumes {
        match &v.offline {
            Some(why) => say(format_args!("  {}  OFFLINE: {why}", v.path)),
            None => say(format_args!("  {}", v.path)),
        }
    }
    say(format_args!(
        "{:<10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "stage", "done", "damaged", "failed", "skipped", "due"
    ));
    for c in &s.counts.stages {
        say(format_args!(
            "{:<10} {:>9} {:>9} {:>9} {:>9} {:>9}",
            c.stage, c.done, c.damaged, c.failed, c.skipped, c.due
        ));
    }
    for m in &s.missing {
        say(format_args!("missing: {m}"));
    }
    ExitCode::SUCCESS
}

//! `albumen status`: due, done and failed items by stage; volumes; missing models.

use super::{Context, NO_START, complain, print_json, say};
use albumen_core::clock::now;
use albumen_engine::pipeline::run::Plan;
use albumen_engine::service::client;
use albumen_index::counts::Counts;
use albumen_index::problems::NotWalked;
use albumen_index::service_socket;
use albumen_isolation::{WorkerHandle, WorkerSettings};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {}

/// The maximum number of listed folders that could not be scanned.
const MOST_PROBLEMS: usize = 100;

#[derive(Serialize)]
struct Status {
    index: String,
    #[serde(flatten)]
    counts: Counts,
    sandbox: &'static str,
    volumes: Vec<Volume>,
    /// The first folders that could not be scanned; `failures` lists all.
    problems: Vec<NotWalked>,
    /// Missing models, and what to do.
    missing: Vec<String>,
    /// The service's report of a full disk, if one runs on this index.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_full: Option<String>,
}

#[derive(Serialize)]
struct Volume {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline: Option<String>,
}

pub(crate) fn run(_args: StatusArgs, ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(i) => i,
        Err(code) => return code,
    };
    // Only a worker can detect which restrictions of the sandbox it can apply.
    let sandbox = WorkerHandle::new(WorkerSettings::default()).start().unwrap_or_default().level();
    let plan = Plan::new(&ctx.config, true);
    let status = || -> albumen_index::Result<Status> {
        let mut counts = Counts::default();
        index.counts(&plan.stages(), now())?.values().for_each(|space| counts += space);
        Ok(Status {
            index: ctx.index_dir().display().to_string(),
            counts,
            sandbox,
            volumes: index
                .volumes()?
                .into_iter()
                .map(|volume| Volume {
                    path: String::from_utf8_lossy(&volume.path).into_owned(),
                    offline: volume.offline,
                })
                .collect(),
            problems: index.not_walked(MOST_PROBLEMS)?,
            missing: plan.missing.clone(),
            disk_full: disk_full(&ctx.index_dir()),
        })
    };
    let s = match status() {
        Ok(s) => s,
        Err(e) => {
            complain(&e.to_string());
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
    for p in &s.problems {
        say(format_args!("not walked: {}: {}", p.path, p.reason));
    }
    let more = s.counts.not_walked.saturating_sub(s.problems.len() as u64);
    if more > 0 {
        say(format_args!("not walked: {more} more, see albumen failures"));
    }
    if !s.counts.unread.is_empty() {
        say(format_args!("not read: {}", super::display::unread(&s.counts.unread)));
    }
    for m in &s.missing {
        say(format_args!("missing: {m}"));
    }
    if let Some(why) = &s.disk_full {
        say(format_args!("service: {why}"));
    }
    ExitCode::SUCCESS
}

/// Queries the service, if one runs and the caller may access it.
fn disk_full(index_dir: &Path) -> Option<String> {
    let (_, status) = client::request_soon(&service_socket(index_dir)?, "GET", "/v1/status", None).ok()?;
    Some(status["disk_full"].as_str()?.to_owned())
}

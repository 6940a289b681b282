//! `albumen index [PATH...]`: brings the index up to date, with progress on a terminal and a summary at the
//! end.

use super::{Context, FAILED, NO_START, STOPPED, USAGE, complain, display, print_json};
use albumen_engine::config::values::Memory;
use albumen_engine::pipeline::progress::Progress;
use albumen_engine::pipeline::run::{self, Options, RunError};
use albumen_engine::pipeline::shutdown::Shutdown;
use albumen_engine::service::disk_space;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(crate) struct IndexArgs {
    /// Files and folders; default: all in the config
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run all stages again, also for unchanged files
    #[arg(long)]
    force: bool,
    /// Scan and report what would be done; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Create a new index if index.sqlite is missing or empty beside derived/; all edits are lost
    #[arg(long)]
    new_index: bool,
    /// Confirm that files below PATH were removed on purpose, to the volume guard
    #[arg(long)]
    accept_removals: bool,
    #[command(flatten)]
    limits: Limits,
}

/// The resources that a run may use.
#[derive(Debug, clap::Args)]
pub(crate) struct Limits {
    /// Skip faces and subjects in this run
    #[arg(long)]
    no_recognise: bool,
    /// Files developed in parallel; default: one per core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Limit on the memory of all processes together, such as 256M (64M at least)
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<Memory>,
}

fn memory(s: &str) -> Result<Memory, String> {
    s.parse()
}

pub(crate) fn run(args: IndexArgs, ctx: &Context) -> ExitCode {
    let options = Options {
        paths: args.paths,
        force: args.force,
        dry_run: args.dry_run,
        accept_removals: args.accept_removals,
        new_index: args.new_index,
        ..Options::default()
    };
    run_with(options, args.limits, ctx)
}

impl Limits {
    /// As options of a run without others.
    pub(crate) fn options(&self, ctx: &Context) -> Options {
        Options {
            recognise: !self.no_recognise && ctx.config.recognise.enabled,
            jobs: self.jobs,
            memory: self.memory.map(Memory::bytes),
            ..Options::default()
        }
    }
}

/// Runs with the options of `index` or `reindex` and reports.
pub(crate) fn run_with(options: Options, limits: Limits, ctx: &Context) -> ExitCode {
    let Options { recognise, jobs, memory, .. } = limits.options(ctx);
    let options = Options { recognise, jobs, memory, ..options };
    let shutdown = match Shutdown::on_signals_and_hangup() {
        Ok(s) => s,
        Err(e) => {
            complain(&format!("signals cannot be handled: {e}"));
            return ExitCode::from(NO_START);
        }
    };
    let progress = Arc::new(Progress::default());
    let display = display::start(progress.clone(), ctx.global.json);
    let result = run::run(&ctx.config, &ctx.index_dir(), &options, progress.clone(), &shutdown);
    drop(display);
    for words in progress.notices() {
        complain(&words);
    }
    match result {
        Ok(summary) => {
            if ctx.global.json {
                print_json(&summary)
            } else {
                display::closing_table(&summary, &ctx.index_dir())
            }
            if let Some(code) = shutdown.exit_code() {
                return ExitCode::from(code);
            }
            if summary.stopped_by_guard {
                return ExitCode::from(STOPPED);
            }
            let failures =
                summary.failed + summary.volumes_offline + summary.unknown + summary.unseen + summary.put_off;
            if failures > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
        }
        Err(e) => {
            complain(&e);
            ExitCode::from(match e {
                RunError::Usage(_) => USAGE,
                RunError::Open(_) | RunError::NoVolume(_) | RunError::Worker(_) => NO_START,
                RunError::Record(e) if e.is_full() => STOPPED,
                // SQLite reports a used-up quota as a disk error, and also a disk that was mounted read-only.
                RunError::Record(e) if e.may_be_disk_full() && disk_space::is_used_up(&ctx.index_dir()) => {
                    STOPPED
                }
                RunError::Record(_) | RunError::Reopen(_) => FAILED,
            })
        }
    }
}

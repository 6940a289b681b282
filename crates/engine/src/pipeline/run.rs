//! One run, from the walk to the last commit: the work of `index` and `reindex`.

mod plan;
mod sweep;

use super::budget::MemoryBudget;
use super::developing::{Developer, OneRun, Shared};
use super::finalize;
use super::meter::Meter;
use super::progress::Progress;
use super::recognising::{self, Part};
use super::recorder::{Record, Recorder};
use super::scan::{ScanOptions, Scanned, WalkedPart, scan};
use super::shutdown::Shutdown;
use super::store::Store;
use super::volumes::{Target, Volumes};
use crate::config::Config;
use albumen_core::clock::now;
use albumen_core::failpoints;
use albumen_core::vocabulary::Stage;
use albumen_files::patience;
use albumen_index::Error as IndexError;
use albumen_index::due::Scope;
use albumen_index::reindex::Again;
use albumen_index::{Index, OpenError, people};
use albumen_isolation::{RecogniserSettings, StartError, WorkerHandle, WorkerSettings};
use crossbeam_channel::bounded;
pub use plan::Plan;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
pub(crate) use sweep::sweep;
use sweep::{mark_left, mark_unreachable};

/// Memory of the engine itself, bytes of PSS: measured 9 to 10 MB in a walk without work, 20 MB as an idle service.
const ENGINE_PART: u64 = 20 << 20;
/// Memory of a worker besides the permits of its files, bytes of PSS: 4 MB idle, 10 MB with all codecs loaded, plus
/// what files use without a permit. The limit for that is 16 MB; of 1,064 mixed files 99 % used less than 2 MB, the
/// worst 10 MB.
const WORKER_PART: u64 = 13 << 20;
/// Memory of a recogniser with its sessions and one picture, bytes of PSS: measured 100 MB idle, 146 MB peak.
const RECOGNISER_PART: u64 = 170 << 20;
/// Maximum number of results queued for the recorder; each holds facts and rows (about 4 KB), never pictures.
const WAITING_RECORDS: usize = 256;

/// Options of a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub paths: Vec<PathBuf>,
    pub recognise: bool,
    pub jobs: Option<usize>,
    /// Memory limit in bytes for all processes together.
    pub memory: Option<u64>,
    pub force: bool,
    pub dry_run: bool,
    /// Files missing below `paths` were removed on purpose.
    pub accept_removals: bool,
    /// Create a new database if it was lost.
    pub new_index: bool,
    /// Work to make due again first (`reindex`).
    pub again: Again,
}

/// Result of a run: `index --json`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    pub found: u64,
    pub new: u64,
    pub changed: u64,
    pub moved: u64,
    pub unchanged: u64,
    pub offline: u64,
    pub removed: u64,
    pub failed: u64,
    pub by_kind: BTreeMap<String, u64>,
    /// Pictures and videos of unsupported kinds, by extension; not included in the files found.
    pub unread: BTreeMap<String, u64>,
    pub stage_cpu_s: BTreeMap<String, f64>,
    pub wall_s: f64,
    pub peak_pss_bytes: u64,
    #[serde(skip)]
    pub stopped_by_guard: bool,
    #[serde(skip)]
    pub volumes_offline: u64,
    /// Given paths that neither exist nor are indexed.
    #[serde(skip)]
    pub unknown: u64,
    /// Folders that could not be read, are too deep, or are hidden because their ignore file is invalid.
    #[serde(rename = "not_walked")]
    pub unseen: u64,
    /// Files and volumes that were temporarily unreadable; the next run retries them.
    #[serde(skip)]
    pub put_off: u64,
}

/// Why a run did not start, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Opening the index failed in the middle of a run.
    #[error("{0}")]
    Reopen(OpenError),
    #[error("none of the volumes can be reached: {0}")]
    NoVolume(String),
    #[error("the worker cannot be started: {0}")]
    Worker(StartError),
    #[error(transparent)]
    Record(#[from] IndexError),
}

/// Brings the index up to date for the paths in the options.
pub fn run(
    config: &Config,
    index_dir: &Path,
    options: &Options,
    progress: Arc<Progress>,
    shutdown: &Shutdown,
) -> Result<Summary, RunError> {
    let begun = Instant::now();
    super::descriptors::raise();
    let plan = Plan::new(config, options.recognise);
    let mut index = if options.dry_run && !Index::is_there(index_dir) {
        Index::open_nowhere(index_dir)?
    } else {
        Index::open_indexing_as(index_dir, options.new_index, || failpoints::reached("in_a_migration"))?
    };
    let mut volumes = Volumes::read(config, &index)?;
    if !options.dry_run {
        for (old, new) in volumes.follow_config(&index)? {
            progress.notice(format!("the space {old} is {new} now, with its people"));
        }
    }
    let targets = volumes.targets(&options.paths);
    if targets.is_empty() {
        return Err(RunError::Usage(
            "no folder is named: give a PATH, or name folders in the config (see config/albumen.toml)".into(),
        ));
    }
    if options.paths.is_empty() && !options.dry_run {
        mark_left(&index, &volumes.known, &targets, &progress)?;
    }
    let is_accepted =
        |t: &Target| options.accept_removals && volumes.known.iter().any(|k| k.volume == t.volume);
    if targets.iter().all(|t| !patience::may_be_there(&t.volume) && !is_accepted(t)) {
        let all: Vec<String> = targets.iter().map(|t| t.volume.display().to_string()).collect();
        // Only known volumes are marked; a path that never was a volume is a mistake of the user.
        if !options.dry_run {
            mark_unreachable(&index, &targets)?;
        }
        return Err(RunError::NoVolume(all.join(", ")));
    }
    let (targets, slips) = volumes.slips(targets);
    for slip in &slips {
        progress
            .notice(format!("{}: there is no such file or folder, and none is known", slip.volume.display()));
    }
    if let Some(words) = volumes.spaces_by_hand(&options.paths, &targets) {
        progress.notice(words);
    }
    let _meter = Meter::of_command(progress.clone());
    let shared = shared(config, options, &plan, index_dir, &progress, shutdown);
    let scan_options = ScanOptions {
        rules: config.rules(),
        owners: volumes.spaces.owners(),
        guard: config.guard.into(),
        accept_removals: options.accept_removals,
        priority: 1,
        missing_is_gone: true,
        dry_run: options.dry_run,
        budget: shared.budget.clone(),
        patience: patience::LONG,
    };
    let mut worker = WorkerHandle::new(shared.worker.clone());
    worker.start().map_err(RunError::Worker)?;
    worker.end();

    let mut scanned = scan(&mut index, &targets, &scan_options, &progress, shutdown)?;
    scanned.unknown += slips.len() as u64;
    if !shutdown.requested() && !options.dry_run {
        let given = Given { config, options, plan: &plan, shared: &shared };
        let worked = work(&mut index, given, &scanned);
        // A stopped run counts, too.
        index.add_costs(&progress.costs_to_keep())?;
        worked?;
    }
    Ok(summary(&index, &progress, &scanned, begun))
}

fn summary(index: &Index, progress: &Progress, scanned: &Scanned, begun: Instant) -> Summary {
    let kinds = |w: &WalkedPart| index.count_kinds(&index.scope_below(w.volume_id, &w.start)?);
    let by_kind =
        scanned.walked.iter().filter_map(|w| kinds(w).ok()).fold(BTreeMap::new(), |mut all, kinds| {
            for (kind, n) in kinds {
                *all.entry(kind).or_insert(0) += n;
            }
            all
        });
    Summary {
        found: Progress::get(&progress.found),
        new: Progress::get(&progress.new),
        changed: Progress::get(&progress.changed),
        moved: Progress::get(&progress.moved),
        unchanged: Progress::get(&progress.unchanged),
        offline: Progress::get(&progress.offline),
        removed: Progress::get(&progress.removed),
        failed: Progress::get(&progress.failed),
        by_kind,
        unread: progress.unread(),
        stage_cpu_s: progress.stage_cpu_s(),
        wall_s: begun.elapsed().as_secs_f64(),
        peak_pss_bytes: progress.peak_pss(),
        stopped_by_guard: scanned.stopped_by_guard,
        volumes_offline: scanned.volumes_offline,
        unknown: scanned.unknown,
        unseen: scanned.unseen,
        put_off: Progress::get(&progress.put_off) + scanned.put_off.len() as u64,
    }
}

pub(crate) fn shared(
    config: &Config,
    options: &Options,
    plan: &Plan,
    index_dir: &Path,
    progress: &Arc<Progress>,
    shutdown: &Shutdown,
) -> Shared {
    let memory = options.memory.unwrap_or(config.memory.bytes());
    let rest = memory.saturating_sub(ENGINE_PART + jobs(config, options) as u64 * WORKER_PART);
    Shared {
        budget: MemoryBudget::new(rest),
        progress: progress.clone(),
        shutdown: shutdown.clone(),
        store: Store::new(index_dir),
        stages: plan.stages.clone(),
        render: plan.render.clone(),
        worker: WorkerSettings {
            memory: rest,
            faults: failpoints::are_requested(),
            ..WorkerSettings::default()
        },
        uploads: Default::default(),
    }
}

/// Files developed in parallel: one for each core, fewer if memory would not leave each a useful share.
pub fn jobs(config: &Config, options: &Options) -> usize {
    /// With less memory than this for a file, bytes, an additional worker is slower.
    const USEFUL_SHARE: u64 = 24 << 20;
    let memory = options.memory.unwrap_or(config.memory.bytes());
    let wanted = options.jobs.unwrap_or(config.jobs()).max(1);
    let fit = memory.saturating_sub(ENGINE_PART) / (WORKER_PART + USEFUL_SHARE);
    wanted.min(fit.max(1) as usize)
}

/// The parameters of a run.
#[derive(Clone, Copy)]
struct Given<'a> {
    config: &'a Config,
    options: &'a Options,
    plan: &'a Plan,
    shared: &'a Shared,
}

/// Everything after the walk.
fn work(index: &mut Index, given: Given<'_>, scanned: &Scanned) -> Result<(), RunError> {
    let Given { config, options, plan, shared } = given;
    let scopes: Vec<Scope> =
        scanned.walked.iter().map(|w| index.scope_below(w.volume_id, &w.start)).collect::<Result<_, _>>()?;
    let parts: Vec<Part> = scanned
        .walked
        .iter()
        .zip(&scopes)
        .map(|(w, scope)| Part { scope: scope.clone(), faces: w.people, subjects: w.subjects })
        .collect();
    let mut again = if options.force {
        Again { stages: Stage::ALL.to_vec(), ..Again::default() }
    } else {
        options.again.clone()
    };
    // People that are deleted must be found again in the same run.
    again.stages.retain(|s| options.recognise || *s != Stage::People);
    let at = now();
    index.make_due(&scopes, &again)?;
    for scope in &scopes {
        for stage in [&plan.stages.inspect, &plan.stages.render] {
            index.enqueue_due(scope, stage, at, shared.budget.ceiling(), 1)?;
        }
    }
    develop_all(index, given)?;
    if shared.shutdown.requested() {
        return Ok(());
    }
    finalize::finalize(index, &scopes, &plan.places, shared)?;
    if shared.shutdown.requested() {
        return Ok(());
    }
    recognise(index, given, &parts)?;
    if shared.shutdown.requested() {
        return Ok(());
    }
    cluster(index, given, &parts)?;
    if shared.shutdown.requested() {
        return Ok(());
    }
    sweep(index, config, &shared.store, &shared.progress)?;
    for scope in &scopes {
        index.sum_up(scope, &plan.asked_for())?;
    }
    Ok(())
}

/// Runs the developing threads until the queue is empty.
fn develop_all(index: &Index, given: Given<'_>) -> Result<(), RunError> {
    let Given { config, options, shared, .. } = given;
    let count = index.pending_count()?;
    Progress::add(&shared.progress.to_develop, count);
    if count == 0 {
        return Ok(());
    }
    let jobs = jobs(config, options).min(count as usize);
    let another = index.another().map_err(RunError::Reopen)?;
    let source = OneRun::new(another, shared.shutdown.clone(), shared.progress.clone());
    let mut developers = Vec::new();
    for thread in 0..jobs {
        developers.push(Developer::new(shared.clone(), thread, index.another().map_err(RunError::Reopen)?));
    }
    recorded(index, shared, |out| {
        std::thread::scope(|s| {
            let threads: Vec<_> = developers
                .into_iter()
                .map(|d| {
                    let (out, source) = (out.clone(), &source);
                    s.spawn(move || d.run(source, &out))
                })
                .collect();
            let results: Vec<_> = threads.into_iter().map(|t| t.join()).collect();
            results.into_iter().try_for_each(|r| r.unwrap_or_else(|p| std::panic::resume_unwind(p)))
        })
    })
}

/// Runs `work`, which sends records, in parallel with a recorder; returns when all records are durable.
fn recorded(
    index: &Index,
    shared: &Shared,
    work: impl FnOnce(&crossbeam_channel::Sender<Record>) -> Result<(), IndexError>,
) -> Result<(), RunError> {
    let recorder = Recorder {
        index: index.another().map_err(RunError::Reopen)?,
        store: shared.store.clone(),
        stages: shared.stages.clone(),
        progress: shared.progress.clone(),
        committed: None,
        patience: None,
    };
    let (out, incoming) = bounded::<Record>(WAITING_RECORDS);
    let ended = AtomicBool::new(false);
    std::thread::scope(|s| {
        let recorder = s.spawn(move || recorder.run(incoming));
        // Threads that wait for memory must also receive the shutdown request.
        s.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if shared.shutdown.requested() {
                    shared.budget.close();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let worked = work(&out);
        drop(out);
        let recorded = recorder.join();
        ended.store(true, Ordering::Relaxed);
        // The recorder's error comes first: the others stopped because of it.
        recorded.unwrap_or_else(|p| std::panic::resume_unwind(p))?;
        Ok(worked?)
    })
}

/// Recognises faces and subjects of due files, as far as models are available.
fn recognise(index: &Index, given: Given<'_>, parts: &[Part]) -> Result<(), RunError> {
    let Given { config, options, plan, shared } = given;
    if !options.recognise {
        return Ok(());
    }
    let mut people_in: BTreeMap<i64, bool> = BTreeMap::new();
    for part in parts {
        for space in index.spaces_of(&part.scope)? {
            *people_in.entry(space).or_insert(true) &= part.faces;
        }
    }
    for (space, on) in people_in {
        people::switch(index, space, on)?;
    }
    for part in parts.iter().filter(|p| !p.faces || !p.subjects) {
        // Disabled: results are removed, user edits stay.
        for space in index.spaces_of(&part.scope)? {
            if !part.faces {
                people::remove_found(index, space)?;
            }
            if !part.subjects {
                index.remove_subjects(space)?;
            }
        }
    }
    if !plan.missing.is_empty() {
        shared.progress.notice(format!(
            "faces and subjects are not complete: {} missing; run `make models`, or see `albumen models`",
            plan.missing.join(", ")
        ));
    }
    let due = recognising::count_due(index, parts, shared)?;
    Progress::add(&shared.progress.to_recognise, due);
    if due == 0 {
        return Ok(());
    }
    let memory = options.memory.unwrap_or(config.memory.bytes());
    let fit = memory.saturating_sub(ENGINE_PART) / RECOGNISER_PART;
    if fit == 0 {
        shared.progress.notice(format!(
            "recognition needs --memory of at least {} MB; faces and subjects wait",
            (ENGINE_PART + RECOGNISER_PART) / 1_000_000 + 1
        ));
        return Ok(());
    }
    let count = options.jobs.unwrap_or(config.jobs()).max(1).min(fit as usize).min(due as usize);
    let settings = RecogniserSettings::new(plan.models.clone(), 1);
    recorded(index, shared, |out| recognising::recognise_all(index, parts, shared, &settings, count, out))
}

/// Clusters faces, one transaction for each space, after all faces of the run are recorded: a new index gets the same
/// people regardless of the order of files.
fn cluster(index: &mut Index, given: Given<'_>, parts: &[Part]) -> Result<(), RunError> {
    let Given { config, options, plan, shared } = given;
    if !options.recognise {
        return Ok(());
    }
    let threads = options.jobs.unwrap_or(config.jobs()).max(1);
    for space in recognising::spaces(index, parts)? {
        let report = people::cluster_space(index, space, threads, shared.shutdown.token().flag())?;
        if report.stopped {
            return Ok(());
        }
        people::mark_done(index, space, &plan.people)?;
    }
    Ok(())
}

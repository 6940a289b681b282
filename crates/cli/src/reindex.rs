//! `albumen reindex`: makes stages due again, then brings the index up to date; or requests this from the
//! service that runs on this index, and shows its progress. Edits are never changed.

use super::{Context, FAILED, NO_START, complain, display, print_json, say};
use albumen_core::vocabulary::Stage;
use albumen_engine::pipeline::run::{Options, jobs};
use albumen_engine::service::client;
use albumen_files::absolute;
use albumen_index::reindex::{Again, Cost};
use albumen_index::{IndexReader, service_socket};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The interval between requests for the progress.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// CPU seconds per file if no cost has been recorded yet: measured on an x86-64 server core, with camera
/// JPEGs of 12 megapixels and the models of docs/models.md (one face per picture).
const TYPICAL: [(&str, f64); 5] =
    [("inspect", 0.002), ("decode", 0.045), ("render", 0.015), ("faces", 0.030), ("subjects", 0.025)];

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct ReindexArgs {
    /// The stage to run again; with a condition below: default all stages
    #[arg(long, value_parser = stages_parser(), group = "what")]
    stage: Option<Selection>,
    /// Only failed items, as listed by `albumen failures`
    #[arg(long, group = "what", conflicts_with = "missing")]
    failed: bool,
    /// Only missing results: stages never done, pictures missing from derived/
    #[arg(long, group = "what")]
    missing: bool,
    /// Only results of a lower version of the stage (see `albumen show`)
    #[arg(long, value_name = "VERSION", group = "what")]
    older_than: Option<u32>,
    /// Print the number of files and the estimated time; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Only these files and folders
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten, next_help_heading = "Where no service does it")]
    limits: super::index::Limits,
}

/// The values of `--stage`; `all` stands for every stage.
fn stages_parser() -> impl TypedValueParser<Value = Selection> {
    let values = Stage::ALL.iter().map(|s| PossibleValue::new(s.name()).help(s.info().result));
    let all = PossibleValue::new("all").help("All of them");
    PossibleValuesParser::new(values.chain([all])).map(|name| {
        Selection(Stage::ALL.iter().copied().filter(|s| name == "all" || name == s.name()).collect())
    })
}

#[derive(Debug, Clone)]
struct Selection(Vec<Stage>);

pub(crate) fn run(args: ReindexArgs, ctx: &Context) -> ExitCode {
    let again = Again {
        stages: args.stage.map_or_else(|| Stage::ALL.to_vec(), |selection| selection.0),
        failed: args.failed,
        missing: args.missing,
        older_than: args.older_than,
    };
    if args.dry_run {
        return estimate(&again, &args.paths, &args.limits, ctx);
    }
    if let Some(socket) = service_socket(&ctx.index_dir()) {
        return hand_over(&socket, &again, &args.paths, ctx);
    }
    let options = Options { paths: args.paths, again, ..Options::default() };
    super::index::run_with(options, args.limits, ctx)
}

/// Prints the number of files and the estimated time.
fn estimate(again: &Again, paths: &[PathBuf], limits: &super::index::Limits, ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(index) => index,
        Err(code) => return code,
    };
    let found = count(&index, again, paths);
    let (stages, costs) = match found {
        Ok(Ok(found)) => found,
        Ok(Err(path)) => {
            complain(&format!("{} is in no volume of the index: check the path", path.display()));
            return ExitCode::from(FAILED);
        }
        Err(e) => {
            complain(&e.to_string());
            return ExitCode::from(NO_START);
        }
    };
    let (cpu_s, rests_on) = cpu_seconds(&stages, &costs);
    let options = limits.options(ctx);
    let workers = jobs(&ctx.config, &options);
    let wall_s = cpu_s / workers as f64;
    if ctx.global.json {
        print_json(
            &json!({ "stages": stages, "cpu_s": cpu_s, "workers": workers, "estimate_s": wall_s, "rests_on": rests_on }),
        );
        return ExitCode::SUCCESS;
    }
    for (stage, files) in &stages {
        say(format_args!("{stage:>10}  {files} file(s)"));
    }
    say(format_args!("about {} with {workers} worker(s); {rests_on}", display::duration(wall_s)));
    ExitCode::SUCCESS
}

type Counted = (BTreeMap<&'static str, u64>, BTreeMap<String, Cost>);

/// The files by stage and the recorded costs; `Err`: the path that is on no volume.
fn count(
    index: &IndexReader,
    again: &Again,
    paths: &[PathBuf],
) -> albumen_index::Result<Result<Counted, PathBuf>> {
    let mut scopes = Vec::new();
    for path in paths {
        match index.scope_of(&absolute(path))? {
            Some(scope) => scopes.push(scope),
            None => return Ok(Err(path.clone())),
        }
    }
    if paths.is_empty() {
        scopes.push(albumen_index::due::Scope::All);
    }
    Ok(Ok((index.count_again(&scopes, again)?, index.costs()?)))
}

/// The estimated CPU seconds of the stages, and the basis of the estimate. People and places cost almost
/// nothing.
fn cpu_seconds(stages: &BTreeMap<&'static str, u64>, costs: &BTreeMap<String, Cost>) -> (f64, String) {
    let (mut sum, mut recorded, mut typical) = (0.0, u64::MAX, Vec::new());
    for (part, usual) in TYPICAL {
        // Rendering needs decoding.
        let stage = if part == "decode" { "render" } else { part };
        let files = stages.get(stage).copied().unwrap_or(0);
        if files == 0 {
            continue;
        }
        let each = match costs.get(part).filter(|c| c.files > 0) {
            Some(cost) => {
                recorded = recorded.min(cost.files);
                cost.cpu_s / cost.files as f64
            }
            None => {
                typical.push(part);
                usual
            }
        };
        sum += files as f64 * each;
    }
    let rests_on = match (recorded, typical.is_empty()) {
        (u64::MAX, true) => "nothing in it takes long".to_owned(),
        (u64::MAX, false) => {
            "nothing has been recorded here yet: this rests on photos of 12 megapixels on a server core"
                .to_owned()
        }
        (n, true) => format!("this rests on what {n} file(s) or more have cost here"),
        (n, false) => format!(
            "this rests on what {n} file(s) or more have cost here, and for {} on a server core",
            typical.join(", ")
        ),
    };
    (sum, rests_on)
}

/// Requests it from the service, and shows the progress until it is done.
fn hand_over(socket: &Path, again: &Again, paths: &[PathBuf], ctx: &Context) -> ExitCode {
    let paths: Vec<PathBuf> = paths.iter().map(|p| absolute(p)).collect();
    let stages: Vec<&str> = again.stages.iter().map(|s| s.name()).collect();
    let body = json!({
        "stages": stages, "failed": again.failed, "missing": again.missing, "older_than": again.older_than,
    });
    let body = client::with_paths(body, &paths);
    let taken = match client::request(socket, "POST", "/v1/reindex", Some(&body)) {
        Ok((202, taken)) => taken,
        Ok((status, answer)) => return super::refused(status, &answer),
        Err(e) => {
            complain(&client::unanswered(socket, &e));
            return ExitCode::from(NO_START);
        }
    };
    if !ctx.global.json {
        say(format_args!(
            "The running service does it, as job {}; it goes on when this is interrupted.",
            taken["job"]
        ));
    }
    let bar = if ctx.global.json { ProgressBar::hidden() } else { ProgressBar::new(0) };
    bar.set_style(
        ProgressStyle::with_template("{wide_bar:.green} {pos}/{len}\n{msg}")
            .expect("the template is a constant"),
    );
    let mut most = 0;
    loop {
        let job = match client::request(socket, "GET", &format!("/v1/jobs/{}", taken["job"]), None) {
            Ok((200, job)) => job,
            Ok((_, refused)) => {
                complain(&refused["error"].as_str().unwrap_or("the service no longer knows of it"));
                return ExitCode::from(FAILED);
            }
            Err(e) => {
                complain(&format!("the service has ended ({e}); it goes on when it is started again"));
                return ExitCode::from(FAILED);
            }
        };
        if job["state"] == "done" {
            bar.finish_and_clear();
            if ctx.global.json {
                print_json(&json!({ "job": taken["job"], "state": "done", "stages": taken["stages"] }))
            } else {
                say("done")
            }
            if let Some(reason) = job["reason"].as_str() {
                complain(&reason);
            }
            return ExitCode::SUCCESS;
        }
        let (develop, recognise) =
            (job["waiting"].as_u64().unwrap_or(0), job["unrecognised"].as_u64().unwrap_or(0));
        most = most.max(develop + recognise);
        bar.set_length(most);
        bar.set_position(most - develop - recognise);
        bar.set_message(format!("{develop} to develop, {recognise} to look at for faces and subjects"));
        std::thread::sleep(ASK_EVERY);
    }
}

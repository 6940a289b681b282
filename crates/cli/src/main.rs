//! The command line: one file per subcommand. Exit codes are documented in the README.

mod albums;
mod answer;
mod backup;
mod bench;
mod benchmark;
mod display;
mod edit;
mod export;
mod faces;
mod failures;
mod index;
mod manual;
mod models;
mod output;
mod people;
mod places;
mod reindex;
mod restore;
mod search;
mod service;
mod show;
mod similar;
mod status;
mod submit;
mod tags;
mod verify;

use albumen_core::printable::{PrintableLines, printable};
use albumen_engine::config::{Config, LogFormat, Spaces};
use albumen_engine::service::client;
use albumen_index::Error as IndexError;
use albumen_index::{Editor, IndexReader, OpenError};
use answer::Refusal;
use clap::{Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Nothing failed.
pub const OK: u8 = 0;
/// Files failed in this run, one of several volumes was offline, or an item does not exist.
pub const FAILED: u8 = 1;
/// Usage or config.
pub const USAGE: u8 = 2;
/// Could not start.
pub const NO_START: u8 = 3;
/// Stopped by the volume guard or a full disk; nothing was removed.
pub const STOPPED: u8 = 4;

/// The output of --version after the number: the licence of a binary depends on the linked libraries.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nSource: MIT OR Apache-2.0. This program runs `albumen-worker`, which is linked to FFmpeg; where that FFmpeg \
     is built with GPL parts, as Debian's is, the binaries together are under the GPL (version 2 or later)."
);

/// Albumen turns a box full of photos into a library: one index that a photo server can trust.
#[derive(Debug, Parser)]
#[command(name = "albumen", version, long_version = LONG_VERSION, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that are accepted before or after the command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The state folder: index.sqlite and derived/
    #[arg(long, global = true, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Settings; default: $XDG_CONFIG_HOME/albumen/albumen.toml, then /etc/albumen/albumen.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON on standard output instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print more to standard error (-v: progress, -vv: debug output)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Format of log lines on standard error; default: text, for `service` as in the config
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the index up to date
    Index(index::IndexArgs),
    /// Make a stage due again and run it
    Reindex(reindex::ReindexArgs),
    /// List the models and verify their files
    Models(models::ModelsArgs),
    /// Run as a daemon: watch folders, serve the API, index in the background
    Service(service::ServiceArgs),
    /// Notify the running service of files and folders that are new, changed or gone
    Submit(submit::SubmitArgs),
    /// Show everything in the index about an item, with sources
    Show(show::ShowArgs),
    /// Print one JSON object per line for each item, in canonical order
    Export(export::ExportArgs),
    /// Show due, done and failed items by stage
    Status(status::StatusArgs),
    /// List failures with their reasons
    Failures(failures::FailuresArgs),
    /// Search items by words and filters, newest first
    Search(search::SearchArgs),
    /// List photos similar to one, nearest first
    Similar(similar::SimilarArgs),
    /// Albums: with chosen items, or filled by a search
    Albums(albums::AlbumsArgs),
    /// Tags: list, add, remove, rename
    Tags(tags::TagsArgs),
    /// List the places of the library, or the place at given coordinates
    Places(places::PlacesArgs),
    /// Edit title, capture date, rating and other fields of an item
    Edit(edit::EditArgs),
    /// Measure the cost of indexing on this machine
    Bench(bench::BenchArgs),
    /// People in the photos: list, name, merge, split, undo
    People(people::PeopleArgs),
    /// Faces of people: list, explain, assign, reject
    Faces(faces::FacesArgs),
    /// Check the index for corruption and missing derivatives
    Verify(verify::VerifyArgs),
    /// Back up the index with all edits, also while a service runs
    Backup(backup::BackupArgs),
    /// Restore a backup; the current index is kept beside it
    Restore(restore::RestoreArgs),
    /// Write manual pages and shell completions into a folder
    #[command(hide = true)]
    Manual(manual::ManualArgs),
}

/// The context of every command.
pub struct Context {
    pub global: Global,
    pub config: Config,
    /// Where the settings were read from.
    pub config_path: Option<PathBuf>,
}

impl Context {
    /// The state folder: `--index`, else the config's, else the default.
    pub fn index_dir(&self) -> PathBuf {
        self.global.index.clone().unwrap_or_else(|| self.config.index_dir())
    }

    /// Opens the index for reading, or prints the error and returns the exit code.
    pub fn open_read(&self) -> Result<IndexReader, ExitCode> {
        IndexReader::open(&self.index_dir()).map_err(cannot_open)
    }

    /// Opens the index for an edit.
    pub fn open_edit(&self) -> Result<Editor, ExitCode> {
        Editor::open(&self.index_dir()).map_err(cannot_open)
    }
}

fn cannot_open(e: OpenError) -> ExitCode {
    complain(&e);
    ExitCode::from(NO_START)
}

/// The service has refused a request.
fn refused(status: u16, answer: &serde_json::Value) -> ExitCode {
    complain(&answer["error"].as_str().unwrap_or("the service refused"));
    ExitCode::from(if status == client::DISK_FULL { STOPPED } else { FAILED })
}

/// The items named by paths or ids; the first that is not in the index ends the command.
fn items_named(index: &IndexReader, files: &[PathBuf]) -> Result<Vec<i64>, ExitCode> {
    let find = |file| {
        let item = index.find_file(file)?.map_or(Ok(None), |id| index.item_of(id))?;
        Ok(match item {
            Some(item) if index.is_item(item)? => Some(item),
            _ => None,
        })
    };
    let mut items = Vec::new();
    for file in files {
        match find(file) {
            Ok(Some(id)) => items.push(id),
            Ok(None) => {
                complain(&format!(
                    "{} is not in the index: check the path, or index it first",
                    file.display()
                ));
                return Err(ExitCode::from(FAILED));
            }
            Err(e) => {
                let e: IndexError = e;
                complain(&e.to_string());
                return Err(ExitCode::from(NO_START));
            }
        }
    }
    Ok(items)
}

impl Context {
    /// Ends the command if a named space does not exist: an empty answer would look like an empty space.
    fn spaces_named(&self, index: &IndexReader, names: &[String]) -> Result<(), Refusal> {
        if names.is_empty() {
            return Ok(());
        }
        let mut there = index.all_space_names()?;
        there.extend(Spaces::resolve(&self.config.spaces).iter().map(|s| s.name.clone()));
        match names.iter().find(|name| !there.contains(name)) {
            None => Ok(()),
            Some(name) => {
                there.sort();
                there.dedup();
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                Err(Refusal::new(FAILED, format_args!("there is no space {name:?}; there are: {there}")))
            }
        }
    }
}

/// Prints one error, on one line, on standard error.
pub fn complain(e: &dyn std::fmt::Display) {
    eprintln!("albumen: {}", printable(&e.to_string()));
}

/// Prints one line.
pub fn say(line: impl std::fmt::Display) {
    output::write(|out| writeln!(out, "{}", printable(&line.to_string())));
}

/// Prints one JSON value.
pub fn print_json<T: serde::Serialize>(value: &T) {
    output::write(|out| {
        serde_json::to_writer(&mut *out, value)?;
        writeln!(out)
    });
}

/// Runs the command line of this process.
fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(search::with_denials(std::env::args_os())) {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() => {
            let _ = e.print();
            return ExitCode::from(USAGE);
        }
        Err(help) => {
            output::write(|_| help.print());
            return output::ended(ExitCode::SUCCESS);
        }
    };
    let (config, config_path) = match Config::find(cli.global.config.as_deref()) {
        Ok(found) => found,
        Err(e) => {
            complain(&e);
            return ExitCode::from(USAGE);
        }
    };
    let is_service = matches!(cli.command, Command::Service(_));
    let log = cli.global.log_format.unwrap_or(if is_service { config.service.log } else { LogFormat::Text });
    start_log(cli.global.verbose, is_service, log);
    let ctx = Context { global: cli.global, config, config_path };
    let ended = output::ended(run(cli.command, &ctx));
    if albumen_files::patience::has_left_behind()
        && let Err(e) = albumen_isolation::leave_files_to_another()
    {
        tracing::warn!("this process ends when the file systems that hang answer: {e}");
    }
    ended
}

fn run(command: Command, ctx: &Context) -> ExitCode {
    match command {
        Command::Index(a) => index::run(a, ctx),
        Command::Reindex(a) => reindex::run(a, ctx),
        Command::Models(a) => models::run(a, ctx),
        Command::Service(a) => service::run(a, ctx),
        Command::Submit(a) => submit::run(a, ctx),
        Command::Show(a) => show::run(a, ctx),
        Command::Export(a) => export::run(a, ctx),
        Command::Status(a) => status::run(a, ctx),
        Command::Failures(a) => failures::run(a, ctx),
        Command::Search(a) => answer::ended(search::run(a, ctx)),
        Command::Similar(a) => answer::ended(similar::run(a, ctx)),
        Command::Albums(a) => answer::ended(albums::run(a, ctx)),
        Command::Tags(a) => answer::ended(tags::run(a, ctx)),
        Command::Places(a) => places::run(a, ctx),
        Command::Edit(a) => answer::ended(edit::run(a, ctx)),
        Command::Bench(a) => bench::run(a, ctx),
        Command::People(a) => answer::ended(people::run(a, ctx)),
        Command::Faces(a) => answer::ended(faces::run(a, ctx)),
        Command::Verify(a) => verify::run(a, ctx),
        Command::Backup(a) => backup::run(a, ctx),
        Command::Restore(a) => restore::run(a, ctx),
        Command::Manual(a) => manual::run(a),
    }
}

fn start_log(verbose: u8, is_service: bool, format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 if !is_service => "error",
        0 | 1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("ALBUMEN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // A log exists already only if a test has called this twice.
    let _ = match format {
        // Without colours: an escape sequence in a log is always escaped.
        LogFormat::Text => log.with_ansi(false).with_writer(|| PrintableLines(std::io::stderr())).try_init(),
        LogFormat::Json => {
            log.json().with_current_span(false).flatten_event(true).with_writer(std::io::stderr).try_init()
        }
    };
}

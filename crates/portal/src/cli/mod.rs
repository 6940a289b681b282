//! The command line. Exit codes are those of the engine: 0 done; 1 not done, with the reason; 2 usage or config; 3 could not start.

mod account;
mod backup;
mod check;
mod folder;
mod group;
mod manual;
mod serve;

use crate::config::Config;
use crate::store::Store;
use clap::{Parser, Subcommand};
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NO_START: u8 = 3;

/// The web application of Albumen and its API: accounts, rights, and the library over HTTPS
#[derive(Debug, Parser)]
#[command(name = "albumen-portal", version, arg_required_else_help = true)]
pub struct Cli {
    /// Settings; default: $XDG_CONFIG_HOME/albumen/albumen.toml, then /etc/albumen/albumen.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print more to standard error (-v: progress, -vv: debug output)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the web application and the API
    Serve(serve::ServeArgs),
    /// Accounts: add, list, change, remove
    #[command(subcommand)]
    Account(account::Command),
    /// Groups of accounts
    #[command(subcommand)]
    Group(group::Command),
    /// Check the settings, the certificate and the database
    Check(check::CheckArgs),
    /// Copy both databases, the settings and the keys, while both programs run
    Backup(backup::BackupArgs),
    /// Restore a backup; both programs must be stopped
    Restore(backup::RestoreArgs),
    /// Check both databases for damage
    Verify,
    /// Write manual pages and shell completions into a folder
    #[command(hide = true)]
    Manual(manual::ManualArgs),
}

/// The message and exit code of a command that failed.
#[derive(Debug)]
struct Failure {
    code: u8,
    why: String,
}

impl Failure {
    fn new(code: u8, why: impl std::fmt::Display) -> Failure {
        Failure { code, why: why.to_string() }
    }
}

/// Most errors mean that the command was not carried out.
impl<E: std::error::Error> From<E> for Failure {
    fn from(e: E) -> Failure {
        Failure::new(FAILED, e)
    }
}

type Done = Result<(), Failure>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() { USAGE } else { 0 };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    start_log(cli.verbose, matches!(cli.command, Command::Serve(_)));
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("albumen-portal: {}", printable(&failure.why));
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: Cli) -> Done {
    if let Command::Manual(args) = cli.command {
        return manual::run(&args);
    }
    let config = Config::find(cli.config.as_deref()).map_err(|e| Failure::new(USAGE, e))?;
    match cli.command {
        Command::Serve(args) => serve::run(args, config),
        Command::Account(command) => account::run(command, &config),
        Command::Group(command) => group::run(command, &config),
        Command::Check(args) => check::run(&args, &config),
        Command::Backup(args) => backup::backup(&args, &config),
        Command::Restore(args) => backup::restore(&args, &config),
        Command::Verify => backup::check(&config),
        Command::Manual(args) => manual::run(&args),
    }
}

/// Opens the store for a command.
fn open(config: &Config) -> Result<Store, Failure> {
    Store::open(&config.portal.state).map_err(|e| Failure::new(NO_START, e))
}

/// A password from standard input: its first line, without the end of the line.
fn password_from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let longest = crate::password::LONGEST as u64 + 2;
    std::io::stdin().take(longest).read_to_string(&mut text).map_err(|e| {
        Failure::new(FAILED, format_args!("the password on standard input cannot be read: {e}"))
    })?;
    let line = text.split('\n').next().unwrap_or("");
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::new(FAILED, "there is no password on standard input"));
    }
    Ok(line.to_owned())
}

fn say(line: impl std::fmt::Display) -> Done {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", printable(&line.to_string())).and_then(|()| out.flush()) {
        // The reader has closed the pipe.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::new(FAILED, format_args!("standard output cannot be written: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// A name must not contain terminal control sequences. Line breaks stay.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

fn start_log(verbose: u8, is_service: bool) {
    use tracing_subscriber::EnvFilter;
    let level = match (verbose, is_service) {
        (0, false) => "error",
        (0, true) => "warn",
        (1, _) => "albumen_portal=info,warn",
        _ => "albumen_portal=debug,info",
    };
    let filter = EnvFilter::try_from_env("ALBUMEN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log exists already only if a test has called this twice.
    let _ = log.with_ansi(std::io::stderr().is_terminal()).try_init();
}

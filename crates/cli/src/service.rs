//! `albumen service`: runs as a daemon.

use super::backup::is_full;
use super::{Context, FAILED, NO_START, STOPPED, USAGE, complain};
use albumen_engine::config::LogFormat;
use albumen_engine::pipeline::run::RunError;
use albumen_engine::pipeline::shutdown::Shutdown;
use albumen_engine::service::{self, ServiceError};
use albumen_index::Error as IndexError;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceArgs {
    /// Only read the config and the tokens, and report errors in them
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: ServiceArgs, ctx: &Context) -> ExitCode {
    if args.check {
        // The config is valid: otherwise no command gets here.
        return match service::check(&ctx.config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                complain(&e);
                ExitCode::from(USAGE)
            }
        };
    }
    let shutdown = match Shutdown::on_signals() {
        Ok(s) => s,
        Err(e) => {
            complain(&format!("signals cannot be handled: {e}"));
            return ExitCode::from(NO_START);
        }
    };
    match service::run(ctx.config.clone(), ctx.config_path.clone(), &ctx.index_dir(), &shutdown) {
        // A requested shutdown is a success.
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // The last line of a log has the format of the others.
            match ctx.global.log_format.unwrap_or(ctx.config.service.log) {
                LogFormat::Text => complain(&e),
                LogFormat::Json => tracing::error!("{e}"),
            }
            ExitCode::from(match &e {
                ServiceError::Run(RunError::Record(IndexError::DiskFull))
                | ServiceError::Record(IndexError::DiskFull) => STOPPED,
                ServiceError::Record(IndexError::Store(e)) if is_full(e) => STOPPED,
                ServiceError::Record(_) => FAILED,
                _ => NO_START,
            })
        }
    }
}

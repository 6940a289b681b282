//! `albumen models`: lists every model and ONNX Runtime, and verifies their checksums.

use super::{Context, FAILED, print_json, say};
use albumen_models::files as models;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ModelsArgs {}

pub(crate) fn run(_args: ModelsArgs, ctx: &Context) -> ExitCode {
    let dir = ctx.config.recognise.models.clone().unwrap_or_else(models::default_dir);
    let report = models::report(&dir);
    if ctx.global.json {
        print_json(&report)
    } else {
        say(&report)
    }
    if report.complete() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

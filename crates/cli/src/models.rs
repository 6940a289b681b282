//! `albumen models`: lists every model and ONNX Runtime, and checks their sums.

use super::{Context, FAILED, print_json, say};
use albumen_models::files as models;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: Args, ctx: &Context) -> ExitCode {
    let dir = ctx.config.recognise.models.clone().unwrap_or_else(models::default_dir);
    let report = models::report(&dir);
    match ctx.global.json {
        true => print_json(&report),
        false => say(&report),
    }
    match report.complete() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    }
}

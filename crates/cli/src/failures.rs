//! `albumen failures`: lists failures with their reasons.

use super::{Context, NO_START, complain, print_json, say};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct FailuresArgs {}

pub(crate) fn run(_args: FailuresArgs, ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(i) => i,
        Err(code) => return code,
    };
    let mut count = 0;
    let done = index.failures(|f| {
        count += 1;
        if ctx.global.json {
            print_json(&f);
            return;
        }
        let again = match &f.retry_at {
            Some(at) => format!(" (tried {} times, again after {at})", f.attempts),
            None => String::new(),
        };
        say(&f.path);
        say(format_args!("    {}: {}{again}", f.stage, f.reason));
        if let Some(advice) = f.advice {
            say(format_args!("    {advice}"));
        }
    });
    match done {
        Ok(()) => {
            if count == 0 && !ctx.global.json {
                say("Nothing failed.");
            }
            ExitCode::SUCCESS
        }
        Err(e) => {
            complain(&e.to_string());
            ExitCode::from(NO_START)
        }
    }
}

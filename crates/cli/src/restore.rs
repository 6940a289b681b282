//! `albumen restore FROM`: restores a backup, keeps the previous index, and verifies the result.

use super::{Context, FAILED, NO_START, OK, STOPPED, USAGE, backup, complain, print_json, say, verify};
use albumen_index::restore::{self, RestoreError};
use albumen_index::verify::Depth;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// A folder that `albumen backup` made
    from: PathBuf,
}

#[derive(serde::Serialize)]
struct Restored<'a> {
    #[serde(flatten)]
    done: &'a restore::Done,
    verify: &'a verify::Report,
}

pub(crate) fn run(args: RestoreArgs, ctx: &Context) -> ExitCode {
    let dir = ctx.index_dir();
    let from = std::path::absolute(&args.from).unwrap_or(args.from);
    let done = match restore::restore(&dir, &from) {
        Ok(done) => done,
        Err(e) => {
            complain(&e);
            return ExitCode::from(match &e {
                RestoreError::NoBackup { .. } => USAGE,
                RestoreError::Damaged { .. } => FAILED,
                RestoreError::Write { why, .. } if backup::is_full(why) => STOPPED,
                _ => NO_START,
            });
        }
    };
    if !ctx.global.json {
        say(format_args!(
            "{} is as it was on {}: {} items.",
            dir.display(),
            done.contents.created,
            done.contents.items
        ));
        if done.derivatives > 0 {
            say(format_args!("{} thumbnails and previews came with it.", done.derivatives));
        }
        if let Some(kept) = &done.replaced {
            say(format_args!(
                "The index that was there is in {}; delete it when you are content.",
                kept.display()
            ));
        }
        if done.pictures_due > 0 {
            say(format_args!(
                "The pictures of {} files were not in the backup: `albumen index` makes them.",
                done.pictures_due
            ));
        }
    }
    match verify::look(&dir, Depth::default(), ctx.global.json) {
        Ok(report) => {
            if ctx.global.json {
                print_json(&Restored { done: &done, verify: &report });
            }
            ExitCode::from(if report.whole { OK } else { FAILED })
        }
        Err(e) => {
            complain(&e);
            ExitCode::from(NO_START)
        }
    }
}

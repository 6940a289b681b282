//! `albumen backup TO`: a consistent copy of the index and of all edits by users.

use super::{Context, FAILED, NO_START, STOPPED, USAGE, complain, print_json, say};
use albumen_index::backup::{self, BackupError};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// An existing folder, in which a folder named by the date is created, or the name of a new folder
    to: PathBuf,
    /// Include thumbnails and previews; otherwise they are generated again after a restore
    #[arg(long)]
    with_derivatives: bool,
}

pub(crate) fn run(args: BackupArgs, ctx: &Context) -> ExitCode {
    let to = std::path::absolute(&args.to).unwrap_or(args.to);
    match backup::backup(&ctx.index_dir(), &to, args.with_derivatives) {
        Ok(done) => {
            if ctx.global.json {
                print_json(&done);
            } else {
                let c = &done.contents;
                let pictures = c
                    .derived
                    .as_ref()
                    .map(|d| format!(", {} thumbnails and previews ({} MB)", d.files, d.bytes / 1_000_000));
                say(format_args!(
                    "{}: {} items with all that was said of them ({} MB){}",
                    done.path.display(),
                    c.items,
                    c.database.bytes.div_ceil(1_000_000),
                    pictures.unwrap_or_default()
                ));
            }
            match done.missing {
                0 => ExitCode::SUCCESS,
                n => {
                    complain(&format!(
                        "{n} thumbnails or previews are not where the index says, and not in the backup: see `albumen verify`"
                    ));
                    ExitCode::from(FAILED)
                }
            }
        }
        Err(e) => {
            complain(&e);
            ExitCode::from(match &e {
                BackupError::Taken(_) => USAGE,
                BackupError::Damaged(_) => FAILED,
                BackupError::Write { why, .. } if is_full(why) => STOPPED,
                BackupError::Open(_)
                | BackupError::Busy(_)
                | BackupError::Index(_)
                | BackupError::Write { .. } => NO_START,
            })
        }
    }
}

/// The disk is full, or this user's quota is used up.
pub(super) fn is_full(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

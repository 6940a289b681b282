//! `albumen-portal backup`, `restore` and `verify`: both databases, the settings and the keys.

use super::{Done, FAILED, Failure, NO_START, USAGE, open, say};
use crate::backup::{self, BackupError, RestoreError};
use crate::clock::now;
use crate::config::Config;
use albumen_index::verify::{Depth, VerifyError, verify};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// An existing folder, in which a folder named by the date is created, or the name of a new folder
    to: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// A folder that `albumen-portal backup` made
    from: PathBuf,
}

pub(super) fn backup(args: &BackupArgs, config: &Config) -> Done {
    let to = std::path::absolute(&args.to).unwrap_or_else(|_| args.to.clone());
    let (path, contents) = backup::backup(config, &to, now()).map_err(|e| {
        let code = match e {
            BackupError::Taken(_) => USAGE,
            BackupError::Damaged(_) => FAILED,
            _ => NO_START,
        };
        Failure::new(code, e)
    })?;
    say(path.display())?;
    if !contents.has_index {
        say("There is no index yet: accounts, rights, settings and keys were copied.")?;
    }
    Ok(())
}

pub(super) fn restore(args: &RestoreArgs, config: &Config) -> Done {
    let from = std::path::absolute(&args.from).unwrap_or_else(|_| args.from.clone());
    let restored = backup::restore(config, &from, now()).map_err(|e| {
        let code = match e {
            RestoreError::NoBackup(_) => USAGE,
            RestoreError::Damaged(_) | RestoreError::Newer(_) => FAILED,
            _ => NO_START,
        };
        Failure::new(code, e)
    })?;
    say(format_args!(
        "Accounts and rights are as they were on {}. All must sign in anew.",
        restored.contents.created
    ))?;
    if let Some(kept) = &restored.replaced {
        say(format_args!("The database that was there is {}: delete it when all is well.", kept.display()))?;
    }
    match &restored.index {
        None => say("The backup has no index: the present one stays.")?,
        Some(done) => {
            say(format_args!("The index has {} items again.", done.contents.items))?;
            if let Some(kept) = &done.replaced {
                say(format_args!(
                    "The index that was there is {}: delete it when all is well.",
                    kept.display()
                ))?;
            }
            if done.pictures_due > 0 {
                say(format_args!("The engine makes the thumbnails of {} files anew.", done.pictures_due))?;
            }
        }
    }
    if let Some(settings) = &restored.settings {
        say(format_args!(
            "The settings stay as they are; those of the backup are in {}.",
            settings.display()
        ))?;
    }
    Ok(())
}

/// Prints one line per finding; the last line is the result.
pub(super) fn check(config: &Config) -> Done {
    let mut faults = open(config)?.check()?;
    let mut notes = 0;
    let looked = verify(&config.index, Depth::default(), &mut |finding| {
        let path = finding.path.map(|p| format!("{p}: ")).unwrap_or_default();
        let line = format!("{path}{}: {}", finding.what, finding.advice);
        if finding.kind.is_fault() {
            faults.push(line);
        } else {
            notes += 1;
        }
    });
    match looked {
        Ok(checked) => say(format_args!(
            "index: {} files, {} thumbnails and previews, {} edits; {notes} notes (`albumen verify` lists them)",
            checked.files, checked.derivatives, checked.edits
        ))?,
        Err(VerifyError::Open(albumen_index::OpenError::Missing { .. })) => say("index: there is none yet")?,
        Err(e) => faults.push(e.to_string()),
    }
    if faults.is_empty() { say("ok") } else { Err(Failure::new(FAILED, faults.join("\nalbumen-portal: "))) }
}

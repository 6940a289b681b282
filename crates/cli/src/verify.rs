//! `albumen verify`: checks the index for corruption and missing derivatives.

use super::{Context, FAILED, NO_START, OK, complain, print_json, say};
use albumen_index::verify::{self, Checked, Depth, Issue, VerifyError};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// The maximum number of listed findings per kind; all are counted. Without thumbnails there would be one per
/// photo.
const LISTED: u64 = 100;

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Also read every original again and compare it with its recorded hash
    #[arg(long)]
    deep: bool,
    /// Make everything due again that can be regenerated; `albumen index` then does it
    #[arg(long)]
    repair: bool,
}

#[derive(serde::Serialize)]
pub(super) struct Report {
    /// No problems, or nothing but orphans.
    pub(super) whole: bool,
    checked: Checked,
    /// All findings, counted by kind.
    counts: BTreeMap<&'static str, u64>,
    /// At most 100 of each kind.
    findings: Vec<Issue>,
    /// All problems were made due again.
    repaired: bool,
}

pub(crate) fn run(args: VerifyArgs, ctx: &Context) -> ExitCode {
    let depth = Depth { originals: args.deep, repair: args.repair };
    match look(&ctx.index_dir(), depth, ctx.global.json) {
        Ok(report) => {
            if ctx.global.json {
                print_json(&report);
            }
            ExitCode::from(if report.whole { OK } else { FAILED })
        }
        Err(e) => {
            complain(&e);
            ExitCode::from(NO_START)
        }
    }
}

/// Checks the index; unless `quiet`, prints the findings.
pub(super) fn look(dir: &Path, depth: Depth, quiet: bool) -> Result<Report, VerifyError> {
    let report = collect(dir, depth, |issue, number| {
        if !quiet && number <= LISTED {
            let about = issue.path.as_deref().map(|p| format!("{p}: ")).unwrap_or_default();
            say(format_args!("{about}{}", issue.what));
            if issue.repaired { say("    made due again") } else { say(format_args!("    {}", issue.advice)) }
        }
    })?;
    if quiet {
        return Ok(report);
    }
    for (kind, count) in report.counts.iter().filter(|(_, n)| **n > LISTED) {
        say(format_args!("... and {} more ({kind})", count - LISTED));
    }
    let c = report.checked;
    say(format_args!(
        "Looked at {} files, {} thumbnails and previews, {} stored files, {} edits{}.",
        c.files,
        c.derivatives,
        c.stored,
        c.edits,
        if depth.originals {
            format!(
                ", {} originals ({} are offline, gone or changed since)",
                c.originals, c.originals_left_out
            )
        } else {
            String::new()
        }
    ));
    say(match (report.whole, report.repaired) {
        (true, _) => "The index is whole.",
        (false, true) => "What was wrong is due again: run `albumen index`.",
        (false, false) => "The index is not whole.",
    });
    Ok(report)
}

fn collect(dir: &Path, depth: Depth, mut each: impl FnMut(&Issue, u64)) -> Result<Report, VerifyError> {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut findings = Vec::new();
    let (mut whole, mut repaired) = (true, true);
    let checked = verify::verify(dir, depth, &mut |issue| {
        let number = counts.entry(issue.kind.name()).or_default();
        *number += 1;
        if issue.kind.is_fault() {
            whole = false;
            repaired &= issue.repaired;
        }
        each(&issue, *number);
        if *number <= LISTED {
            findings.push(issue);
        }
    })?;
    Ok(Report { whole, checked, counts, findings, repaired: !whole && repaired })
}

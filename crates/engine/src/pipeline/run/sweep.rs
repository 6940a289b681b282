//! The end of a run: sweeps expired rows and derivatives, and marks missing volumes.

use super::RunError;
use crate::config::Config;
use crate::pipeline::progress::Progress;
use crate::pipeline::store::Store;
use crate::pipeline::volumes::Target;
use albumen_core::clock::now;
use albumen_files::{patience, relative};
use albumen_index::scan::KnownVolume;
use albumen_index::{Error as IndexError, Index};
use std::os::unix::ffi::OsStrExt;

/// Deletes rows whose grace period is over, and derivatives that no row refers to.
pub(crate) fn sweep(
    index: &Index,
    config: &Config,
    store: &Store,
    progress: &Progress,
) -> Result<(), RunError> {
    let expired = match index.time_that_passed(now())? {
        Some(time) => index.forget_vanished(time - config.grace.as_secs() as i64)?,
        None => {
            tracing::warn!(
                "the clock is more than a year ahead of the last run: nothing is forgotten before it is known to be right"
            );
            0
        }
    };
    let swept_at: i64 = index.meta("swept_at")?.and_then(|v| v.parse().ok()).unwrap_or(0);
    /// Orphaned files only waste disk space: searching once a day is enough.
    const SWEEP_EVERY_S: i64 = 86_400;
    // A time in the future counts as expired: the clock was wrong.
    if expired > 0 || (now() - swept_at).abs() > SWEEP_EVERY_S {
        index.forget_derivatives()?;
        let mut named = index.derivative_lookup()?;
        let swept = store.sweep(|path| named(path)).map_err(IndexError::from)?;
        if let Some(first) = swept.foreign.first() {
            let more = match swept.foreign.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            progress.notice(format!(
                "{}{more} is not Albumen's and is left as it is: keep other programs out of the index folder",
                first.display()
            ));
        }
        index.set_meta("swept_at", &now().to_string())?;
    }
    Ok(())
}

/// Marks missing volumes that the config no longer contains, such as the folder of a removed user.
pub(super) fn mark_left(
    index: &Index,
    known: &[Target],
    targets: &[Target],
    progress: &Progress,
) -> Result<(), RunError> {
    let is_left = |t: &&Target| {
        !patience::may_be_there(&t.volume) && targets.iter().all(|other| other.volume != t.volume)
    };
    let left: Vec<Target> = known.iter().filter(is_left).cloned().collect();
    for KnownVolume { path, offline, .. } in index.volumes()? {
        if offline.is_none() && left.iter().any(|t| t.volume.as_os_str().as_bytes() == path) {
            let path = relative::on_disk(&[&path]);
            let path = path.display();
            progress.notice(format!(
                "{path} cannot be reached, and no config names it: its items are kept as they are. If it was removed on \
                 purpose: albumen index --accept-removals {path}"
            ));
        }
    }
    mark_unreachable(index, &left)
}

pub(super) fn mark_unreachable(index: &Index, targets: &[Target]) -> Result<(), RunError> {
    for KnownVolume { id, path, .. } in index.volumes()? {
        if targets.iter().any(|t| t.volume.as_os_str().as_bytes() == path) {
            index.volume_offline(id, "it cannot be reached")?;
        }
    }
    Ok(())
}

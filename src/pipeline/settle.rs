//! After inspect: files become items (grouping) and coordinates become places. Pure functions of recorded facts,
//! run again at any time with the same answer.

use super::developing::Shared;
use super::grouping::{Member, companions};
use super::keys;
use super::recorder::{RecordError, now};
use crate::index::due::{Scope, StageNow};
use crate::index::record::{self, Outcome};
use crate::index::{Index, items};
use crate::places::Gazetteer;
use rusqlite::TransactionBehavior;

/// Rows settled in one transaction.
const BATCH: usize = 500;

/// Groups every folder whose facts have changed, then finds the places that are due; puts together what both have made
/// searchable.
pub fn settle(
    index: &mut Index,
    scopes: &[Scope],
    places: &StageNow,
    shared: &Shared,
) -> Result<(), RecordError> {
    group(index, shared)?;
    for scope in scopes {
        place(index, scope, places, shared)?;
    }
    index.merge_text(|| shared.shutdown.requested())?;
    Ok(())
}

/// Puts the files of changed folders together into items.
pub fn group(index: &mut Index, shared: &Shared) -> Result<(), RecordError> {
    loop {
        // It reads before it writes: begun for writing, or a commit in between would make it fail.
        let tx = index.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let folders = items::folders_to_regroup(&tx, BATCH)?;
        if folders.is_empty() || shared.shutdown.requested() {
            return Ok(());
        }
        for folder in folders {
            group_folder(&tx, folder)?;
            items::regrouped(&tx, folder)?;
        }
        tx.commit()?;
    }
}

fn group_folder(tx: &rusqlite::Connection, folder: i64) -> Result<(), RecordError> {
    let rows = items::group_rows(tx, folder)?;
    let members: Vec<Member<'_>> = rows
        .iter()
        .map(|r| Member { name: &r.name, is_sidecar: r.is_sidecar, clues: r.clues.as_ref() })
        .collect();
    for (row, of) in rows.iter().zip(companions(&members)) {
        let of = of.map(|(primary, role)| (rows[primary].id, role.name()));
        items::set_companion(tx, row.id, of)?;
    }
    Ok(items::refresh_all(tx, rows.iter().filter(|r| !r.is_sidecar).map(|r| r.id))?)
}

/// Finds the place and zone of every file whose places stage is due.
fn place(index: &mut Index, scope: &Scope, stage: &StageNow, shared: &Shared) -> Result<(), RecordError> {
    let mut gazetteer = None;
    for folder in index.undone_folders(scope, stage)? {
        let scope = match scope {
            Scope::File { .. } => scope.clone(),
            _ => Scope::Folder(folder),
        };
        place_folder(index, &scope, stage, shared, &mut gazetteer)?;
    }
    Ok(())
}

fn place_folder(
    index: &mut Index,
    scope: &Scope,
    stage: &StageNow,
    shared: &Shared,
    gazetteer: &mut Option<Gazetteer>,
) -> Result<(), RecordError> {
    let mut after = (String::new(), 0);
    loop {
        let due = index.due_files(scope, stage, now(), &after, BATCH)?;
        let Some(last) = due.last() else { return Ok(()) };
        after = (last.1.clone(), last.0);
        if shared.shutdown.requested() {
            return Ok(());
        }
        let tx = index.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (file, _) in &due {
            let gps = items::facts(&tx, *file)?.gps;
            let (place, zone) = match gps {
                Some(gps) => {
                    // Opened with the first photo that has coordinates.
                    let g = gazetteer.get_or_insert_with(Gazetteer::open);
                    (g.place(gps.lat, gps.lon), g.zone(gps.lat, gps.lon))
                }
                None => (None, None),
            };
            items::put_place(&tx, *file, place.as_ref(), zone)?;
            let key = keys::input_key(stage, &keys::places_inputs(gps));
            record::put_stage(&tx, *file, stage.stage, stage.version, &key, &Outcome::Done, now())?;
        }
        items::refresh_all(&tx, due.iter().map(|(file, _)| *file))?;
        tx.commit()?;
    }
}

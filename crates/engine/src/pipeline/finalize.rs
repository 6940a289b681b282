//! After inspect: groups files into items and maps coordinates to places. Pure functions of recorded facts, which can
//! run at any time with the same result.

use super::budget::MemoryBudget;
use super::developing::Shared;
use super::keys;
use super::shutdown::Shutdown;
use albumen_core::clock::now;
use albumen_index::Error as IndexError;
use albumen_index::due::DueFile;
use albumen_index::due::{Scope, StageNow};
use albumen_index::items::GroupRow;
use albumen_index::record::Outcome;
use albumen_index::{Index, IndexWriter};
use albumen_library::grouping::{Member, Role, clips_beside, companions, is_beside_clips};
use albumen_library::places::Gazetteer;
use std::collections::HashSet;

/// Bytes for the files of a folder that need no permit of the memory budget.
const GROUPED_FREELY: u64 = 2 << 20;

/// Rows processed in one transaction.
const BATCH: usize = 500;

/// Groups all folders with changed facts, then resolves due places and updates the search entries of both.
pub fn finalize(
    index: &mut Index,
    scopes: &[Scope],
    places: &StageNow,
    shared: &Shared,
) -> Result<(), IndexError> {
    group(index, &shared.budget, &shared.shutdown)?;
    for scope in scopes {
        place(index, scope, places, shared)?;
    }
    index.merge_text(|| shared.shutdown.requested())?;
    Ok(())
}

/// Groups the files of changed folders into items.
fn group(index: &mut Index, budget: &MemoryBudget, shutdown: &Shutdown) -> Result<(), IndexError> {
    loop {
        // Acquired before the transaction, because threads that hold memory may need to write. A folder that needs more
        // than the total gets all of it.
        let largest = index.largest_to_regroup(BATCH)?;
        let wanted = if largest > GROUPED_FREELY { largest.min(budget.ceiling()) } else { 0 };
        let _permit = match (wanted > 0).then(|| budget.acquire(wanted)).transpose() {
            Ok(permit) => permit,
            // The run is being stopped.
            Err(_) => return Ok(()),
        };
        // It reads before it writes: take the write lock first, or a commit in between would make it fail.
        let tx = index.write()?;
        let folders = tx.folders_to_regroup(BATCH)?;
        if folders.is_empty() || shutdown.requested() {
            return Ok(());
        }
        for folder in folders {
            group_folder(&tx, folder)?;
        }
        tx.commit()?;
    }
}

/// Updates the items of files that are stale, that have gained, changed or lost a companion, or that name their
/// original, which can be any file of the folder; other items are unchanged.
fn group_folder(tx: &IndexWriter<'_>, folder: i64) -> Result<(), IndexError> {
    let rows = tx.group_rows(folder)?;
    let members: Vec<Member<'_>> = rows.iter().map(member).collect();
    let mut of: Vec<Option<(i64, Role)>> = companions(&members)
        .into_iter()
        .map(|of| of.map(|(primary, role)| (rows[primary].id, role)))
        .collect();
    beside_clips(tx, folder, &members, &mut of)?;
    let mut anew: HashSet<i64> = HashSet::new();
    for (row, of) in rows.iter().zip(of) {
        let of = of.map(|(primary, role)| (primary, role.name()));
        let was = row.companion.as_ref().map(|(primary, role)| (*primary, role.as_str()));
        if of != was {
            tx.set_companion(row.id, of)?;
        }
        if of != was || row.is_stale {
            anew.extend([of, was].into_iter().flatten().map(|(primary, _)| primary));
            anew.insert(row.id);
        }
        if row.clues.as_ref().is_some_and(|c| c.edited_from.is_some()) {
            anew.insert(row.id);
        }
    }
    let anew = rows.iter().filter(|r| !r.is_sidecar && anew.contains(&r.id));
    tx.refresh_all(anew.map(|r| r.id))?;
    tx.regrouped(folder, rows.iter().filter(|r| r.is_stale).map(|r| r.id))
}

/// In folders of derived files beside a folder of clips: files without a primary in their own folder belong to a clip
/// there. If this is the folder of clips, those beside it become due for grouping.
fn beside_clips(
    tx: &IndexWriter<'_>,
    folder: i64,
    members: &[Member<'_>],
    of: &mut [Option<(i64, Role)>],
) -> Result<(), IndexError> {
    let Some(beside) = tx.folders_beside(folder)? else { return Ok(()) };
    if beside.name.eq_ignore_ascii_case(CLIPS) {
        let others = beside.others.iter().filter(|(_, name)| is_beside_clips(name));
        return others.map(|(id, _)| *id).try_for_each(|id| tx.mark_regroup(id));
    }
    let clips = beside.others.iter().find(|(_, name)| name.eq_ignore_ascii_case(CLIPS));
    let Some((clips, _)) = clips.filter(|_| is_beside_clips(&beside.name)) else { return Ok(()) };
    let rows = tx.group_rows(*clips)?;
    let clips: Vec<Member<'_>> = rows.iter().map(member).collect();
    let free: Vec<usize> =
        (0..members.len()).filter(|&i| of[i].is_none() && !members[i].is_sidecar).collect();
    let names: Vec<&[u8]> = free.iter().map(|&i| members[i].name).collect();
    for (i, clip) in free.into_iter().zip(clips_beside(&names, &clips)) {
        of[i] = clip.map(|clip| (rows[clip].id, Role::Sidecar));
    }
    Ok(())
}

/// The folder of clips on cards of Sony's cameras.
const CLIPS: &[u8] = b"CLIP";

fn member(row: &GroupRow) -> Member<'_> {
    Member {
        name: &row.name,
        is_sidecar: row.is_sidecar,
        for_extension: row.sidecar_for.as_deref().filter(|extension| !extension.is_empty()),
        clues: row.clues.as_deref(),
    }
}

/// Resolves the place and zone of every file whose places stage is due.
fn place(index: &mut Index, scope: &Scope, stage: &StageNow, shared: &Shared) -> Result<(), IndexError> {
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
) -> Result<(), IndexError> {
    let mut after = DueFile::default();
    loop {
        let due = index.due_files(scope, stage, now(), &after, BATCH)?;
        let Some(last) = due.last() else { return Ok(()) };
        after = last.clone();
        if shared.shutdown.requested() {
            return Ok(());
        }
        let tx = index.write()?;
        let mut moved = Vec::new();
        for DueFile { id: file, .. } in &due {
            let gps = tx.position(*file, tx.facts(*file)?.gps)?;
            let (place, zone) = match gps {
                Some(gps) => {
                    // Opened with the first photo that has coordinates.
                    let g = gazetteer.get_or_insert_with(Gazetteer::open);
                    (g.place(gps.lat, gps.lon), g.zone(gps.lat, gps.lon))
                }
                None => (None, None),
            };
            if tx.put_place(*file, place.as_ref(), zone)? {
                moved.push(*file);
            }
            let key = keys::input_key(stage, &keys::places_inputs(gps));
            tx.put_stage(*file, stage.stage, stage.version, &key, &Outcome::Done, now())?;
        }
        tx.refresh_all(moved)?;
        tx.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_core::vocabulary::{Facts, Format, Kind, Taken};
    use albumen_files::FileStat;
    use albumen_files::mounts::FsId;
    use albumen_index::edits::Edit;
    use albumen_index::position::Position;
    use albumen_index::record::ReadFile;
    use albumen_index::said::Field;
    use albumen_index::testing;
    use proptest::prelude::*;

    /// Halves of Live Photos, a RAW, derived files of a clip, edited copies.
    const NAMES: [&str; 8] = [
        "IMG_1.HEIC",
        "IMG_1.MOV",
        "IMG_1.CR2",
        "IMG_1.THM",
        "IMG_1-edited.jpg",
        "IMG_2.jpg",
        "IMG_2.mov",
        "IMG_2(1).jpg",
    ];

    #[derive(Debug, Clone)]
    enum Event {
        /// Records a file, with an identifier that others may have, too.
        Recorded {
            folder: usize,
            name: usize,
            identifier: bool,
        },
        Vanished(usize),
        Back(usize),
        Moved {
            file: usize,
            folder: usize,
            name: usize,
        },
        /// A user gives a position or removes it; `None`: removes the edit.
        Positioned(usize, Option<Option<(f64, f64)>>),
    }

    fn event() -> impl Strategy<Value = Event> {
        let (file, folder, name) = (0..12usize, 0..2usize, 0..NAMES.len());
        prop_oneof![
            3 => (folder.clone(), name.clone(), any::<bool>())
                .prop_map(|(folder, name, identifier)| Event::Recorded { folder, name, identifier }),
            1 => file.clone().prop_map(Event::Vanished),
            1 => file.clone().prop_map(Event::Back),
            2 => (file, folder, name).prop_map(|(file, folder, name)| Event::Moved { file, folder, name }),
            1 => (0..12usize, prop::option::of(prop::option::of((-90.0..=90.0, -180.0..=180.0))))
                .prop_map(|(file, position)| Event::Positioned(file, position)),
        ]
    }

    fn facts(name: &str, identifier: bool) -> Facts {
        let (kind, format) = match name.rsplit_once('.').unwrap().1.to_lowercase().as_str() {
            "heic" => (Kind::Photo, Format::Heic),
            "mov" => (Kind::Video, Format::Mov),
            "cr2" => (Kind::Photo, Format::Cr2),
            _ => (Kind::Photo, Format::Jpeg),
        };
        let mut facts = Facts { kind: Some(kind), format: Some(format), ..Facts::default() };
        facts.duration_s = (kind == Kind::Video).then_some(2.5);
        facts.content_identifier = identifier.then(|| "A".to_owned());
        facts.edited_from = name.strip_suffix("-edited.jpg").map(|stem| format!("{stem}.HEIC"));
        facts.camera.model = Some("Model".to_owned());
        let local = "2024-05-06T07:08:09".to_owned();
        facts.taken = Some(Taken { local, source: "exif:DateTimeOriginal".to_owned(), ..Taken::default() });
        facts
    }

    /// Files that are present, or those that are removed.
    fn files(index: &Index, vanished: bool) -> Vec<i64> {
        testing::files(index).into_iter().filter(|f| f.is_vanished == vanished).map(|f| f.id).collect()
    }

    fn apply(index: &mut Index, folders: &[i64], n: i64, event: &Event) {
        if let Event::Positioned(file, position) = *event {
            let ids = files(index, false);
            let edit = match position {
                Some(Some((lat, lon))) => Edit::Gps(Some(Position::new(lat, lon).unwrap())),
                Some(None) => Edit::Gps(None),
                None => Edit::Forget(Field::Gps),
            };
            index.edit_items(ids.get(file..=file).unwrap_or_default(), &[edit]).unwrap();
            return;
        }
        let index = &*index;
        let tx = index.write_together().unwrap();
        let stat = FileStat { inode: n as u64, size: 10, mtime_ns: n, ctime_ns: n };
        let pick = |vanished: bool, file: usize| {
            let ids = files(index, vanished);
            (!ids.is_empty()).then(|| ids[file % ids.len()])
        };
        let is_taken = |folder: i64, name: &str| testing::has_file(index, folder, name.as_bytes());
        match *event {
            Event::Recorded { folder, name, identifier } => {
                let name = NAMES[name];
                let (folder_id, facts) = (folders[folder], facts(name, identifier));
                let file = ReadFile {
                    folder_id,
                    name: name.as_bytes(),
                    fs: FsId(1),
                    stat: &stat,
                    content_hash: None,
                    facts: Some(&facts),
                    thumbhash: None,
                };
                let file = tx.put_file(&file, n).unwrap();
                tx.mark_recorded(file, folder_id).unwrap();
                tx.refresh(file.id).unwrap();
            }
            Event::Vanished(file) => {
                if let Some(id) = pick(false, file) {
                    tx.vanish_file(id, n).unwrap();
                }
            }
            Event::Back(file) => {
                if let Some(id) = pick(true, file) {
                    tx.touch_file(id, FsId(1), &stat).unwrap();
                    tx.refresh(id).unwrap();
                }
            }
            Event::Moved { file, folder, name } => {
                if let Some(id) = pick(false, file)
                    && !is_taken(folders[folder], NAMES[name])
                {
                    let name = NAMES[name].as_bytes();
                    tx.move_file(id, folders[folder], name, FsId(1), &stat).unwrap();
                    tx.refresh(id).unwrap();
                }
            }
            Event::Positioned(..) => {}
        }
        tx.commit().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// After any sequence of steps, items that were not updated are equal to updated ones.
        #[test]
        fn what_is_left_out_is_as_it_would_be(steps in prop::collection::vec(prop::collection::vec(event(), 1..4), 1..12)) {
            let dir = tempfile::tempdir().unwrap();
            let mut index = Index::open_indexing(dir.path(), || ()).unwrap();
            testing::never_sync(&index);
            let space = index.space("me", "personal").unwrap();
            let volume = index.volume(space, b"/photos").unwrap().id;
            let folders = [b"a", b"b"].map(|path| index.folder(volume, path).unwrap());
            let mut n = 0;
            for events in &steps {
                for event in events {
                    n += 1;
                    apply(&mut index, &folders, n, event);
                }
                group(&mut index, &MemoryBudget::new(1 << 30), &Shutdown::default()).unwrap();
                let made = testing::item_rows(&index);
                testing::refresh_all(&index, files(&index, false));
                prop_assert_eq!(made, testing::item_rows(&index));
                prop_assert_eq!(testing::stale_files(&index), 0);
            }
        }
    }
}

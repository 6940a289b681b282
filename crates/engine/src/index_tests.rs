//! Tests of the index on a library written by the recorder.

use crate::pipeline::keys;
use crate::synthetic;
use albumen_core::fault::Fault;
use albumen_files::FileStat;
use albumen_files::mounts::FsId;
use albumen_index::Index;
use albumen_index::counts::StageCount;
use albumen_index::due::DueFile;
use albumen_index::due::Scope;
use albumen_index::record::Outcome;

#[test]
fn what_is_concluded_counts_as_what_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open_indexing(dir.path(), || ()).unwrap();
    let space = index.space("me", "personal").unwrap();
    let volume = index.volume(space, b"/photos").unwrap().id;
    let folders = [b"a", b"b"].map(|path| index.folder(volume, path).unwrap());
    let files = (0..6u64).map(|n| {
        let stat = FileStat { inode: n, size: 10, mtime_ns: 5, ctime_ns: 5 };
        synthetic::file(n, folders[n as usize % 2], format!("{n}.jpg").as_bytes(), FsId(1), stat)
    });
    synthetic::write(synthetic::recorder(index.another().unwrap()), files).unwrap();
    let all = synthetic::stages();
    let faces = all.faces.unwrap();
    let stages = [all.inspect, all.render, faces.clone()];
    let looks = (0..4u64).map(|n| synthetic::looked_at(n, 1, n as i64 + 1));
    synthetic::write(synthetic::recorder(index.another().unwrap()), looks).unwrap();
    let counts = || index.counts(&stages, 0).unwrap().remove("me").unwrap().stages;
    let concluded = || albumen_index::testing::folders_done(&index);
    let ways = |c: &StageCount| [c.done, c.damaged, c.failed, c.skipped, c.due];
    let same_either_way = |of_faces: [u64; 5], folders: i64| {
        let looked_at = counts();
        assert_eq!(ways(&looked_at[2]), of_faces);
        assert_eq!(ways(&looked_at[0]), [6, 0, 0, 0, 0]);
        index.sum_up(&Scope::All, &stages).unwrap();
        assert_eq!((counts(), concluded()), (looked_at, folders));
    };
    // Files 5 and 6 are due, one in each folder.
    same_either_way([4, 0, 0, 0, 2], 4);
    let put = |file: i64, outcome: &Outcome| {
        let key = keys::input_key(&faces, "");
        let tx = index.write_together().unwrap();
        tx.put_stage(file, faces.stage, faces.version, &key, outcome, 0).unwrap();
        tx.commit().unwrap();
    };
    put(5, &Outcome::Skipped("no picture".into()));
    put(6, &Outcome::Failed(Fault::corrupt("broken")));
    same_either_way([4, 0, 1, 1, 0], 6);
    put(1, &Outcome::Damaged("half of it".into()));
    same_either_way([3, 1, 1, 1, 0], 6);
}

#[test]
fn what_is_due_is_the_same_either_way_and_part_by_part() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open_indexing(dir.path(), || ()).unwrap();
    let space = index.space("me", "personal").unwrap();
    let volume = index.volume(space, b"/photos").unwrap().id;
    let folders = [b"2019".as_slice(), b"2020"].map(|path| index.folder(volume, path).unwrap());
    // Some contents occur twice.
    let records = (0u64..40).map(|n| {
        let stat = FileStat { inode: n, size: 10, mtime_ns: 5, ctime_ns: 5 };
        let name = format!("{n}.jpg");
        synthetic::file(n % 30, folders[n as usize % 2], name.as_bytes(), FsId(1), stat)
    });
    synthetic::write(synthetic::recorder(index.another().unwrap()), records).unwrap();
    let seen = (0..40).step_by(3).map(|n| synthetic::looked_at(n, 1, n as i64 + 1));
    synthetic::write(synthetic::recorder(index.another().unwrap()), seen).unwrap();

    let faces = synthetic::stages().faces.unwrap();
    for scope in [Scope::Below { volume_id: volume, path: Vec::new() }, Scope::Folder(folders[1])] {
        let all = |by_hash: bool, limit: usize| {
            let (mut all, mut after) = (Vec::new(), DueFile::default());
            loop {
                let part = index.due_files_by(by_hash, &scope, &faces, 0, &after, limit).unwrap();
                let Some(last) = part.last().cloned() else { return all };
                after = last;
                all.extend(part);
            }
        };
        let due = all(false, 100);
        assert_eq!(due.len() as u64, index.count_due(&scope, &faces, 0).unwrap());
        assert!(due.len() > 10 && due.is_sorted());
        assert_eq!((all(false, 7), all(true, 7), all(true, 100)), (due.clone(), due.clone(), due.clone()));
        let lie_there = if matches!(scope, Scope::Folder(_)) { 20 } else { 40 };
        let few = |most| index.are_few(&scope, &faces, most).unwrap();
        assert_eq!((few(lie_there), few(lie_there - 1)), (true, false));
    }
}

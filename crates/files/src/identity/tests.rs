use super::*;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};

/// The decision about one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Decision {
    Unchanged {
        id: i64,
        found: usize,
    },
    Touched {
        id: i64,
        found: usize,
    },
    Changed {
        id: i64,
        found: usize,
    },
    Moved {
        id: i64,
        found: usize,
    },
    New {
        found: usize,
    },
    /// It could not be read: an existing row does not change.
    Unread {
        id: Option<i64>,
        found: usize,
    },
    Vanished {
        id: i64,
    },
}

/// All four rules together, as in a run; `read` is called only if a stat is not sufficient.
fn decide<K: AsRef<[u8]>>(
    rows: &[Recorded<K>],
    found: &[Found<'_>],
    on: On,
    mut read: impl FnMut(usize) -> Option<ContentHash>,
) -> Vec<Decision> {
    let compared = compare(rows, found.iter().copied(), on);
    let mut decisions = Vec::with_capacity(found.len() + compared.missing.len());
    let (mut arrived, mut arrived_as) = (Vec::new(), Vec::new());
    for (i, glance) in compared.found.iter().enumerate() {
        let decision = match *glance {
            Glance::Unchanged { row } => Decision::Unchanged { id: rows[row].id, found: i },
            Glance::Read { row } => match read(i) {
                None => Decision::Unread { id: Some(rows[row].id), found: i },
                Some(hash) => match match_identity(rows[row].hash.as_ref(), &hash) {
                    IdentityMatch::Touched => Decision::Touched { id: rows[row].id, found: i },
                    IdentityMatch::Changed => Decision::Changed { id: rows[row].id, found: i },
                },
            },
            Glance::New => match read(i) {
                None => Decision::Unread { id: None, found: i },
                Some(hash) => {
                    let stat = found[i].stat;
                    let path = found[i].key.to_vec();
                    let owner = Owner::CommandLine;
                    arrived.push(Arrived { owner, path, hash, size: stat.size, mtime_ns: stat.mtime_ns });
                    arrived_as.push(i);
                    continue;
                }
            },
        };
        decisions.push(decision);
    }
    let vanished: Vec<Vanished> = compared
        .missing
        .iter()
        .filter_map(|i| {
            let row = &rows[*i];
            Some(Vanished {
                id: row.id,
                owner: Owner::CommandLine,
                path: row.key.as_ref().to_vec(),
                hash: row.hash.clone()?,
                size: row.stat.size,
                mtime_ns: row.stat.mtime_ns,
            })
        })
        .collect();
    let moves = match_moves(&arrived, &vanished);
    let mut gone: BTreeSet<i64> = compared.missing.iter().map(|i| rows[*i].id).collect();
    for (from, found) in moves.into_iter().zip(arrived_as) {
        decisions.push(match from {
            Some(from) => {
                gone.remove(&vanished[from].id);
                Decision::Moved { id: vanished[from].id, found }
            }
            None => Decision::New { found },
        });
    }
    decisions.extend(gone.into_iter().map(|id| Decision::Vanished { id }));
    decisions.sort_unstable();
    decisions
}

fn hash_of(content: u8) -> ContentHash {
    ContentHash::parse(&format!("b3:{content:064x}")).unwrap()
}

fn sampled(content: u8) -> ContentHash {
    ContentHash::parse(&format!("b3s:{content:064x}")).unwrap()
}

const ON: On = On { fs: FsId(1), stable_inodes: true };

fn stat(inode: u64) -> FileStat {
    FileStat { inode, size: 10, mtime_ns: 5, ctime_ns: 5 }
}

fn row(id: i64, key: &str, inode: u64, content: u8) -> Recorded<String> {
    Recorded { id, key: key.to_owned(), fs: FsId(1), stat: stat(inode), hash: Some(hash_of(content)) }
}

fn found(key: &str, inode: u64) -> Found<'_> {
    Found { key: key.as_bytes(), stat: stat(inode) }
}

/// Decides over files given as (path, stat, content).
fn decide_over(rows: &[Recorded<String>], files: &[(Found<'_>, u8)], on: On) -> Vec<Decision> {
    let found: Vec<Found<'_>> = files.iter().map(|f| f.0).collect();
    decide(rows, &found, on, |i| Some(hash_of(files[i].1)))
}

/// Edits of a photo stay with its owner: a copy of it that appears elsewhere when it disappears is another file.
#[test]
fn a_move_has_one_owner() {
    let owners = Owners::new([("anna".into(), "anna".into()), ("annas scans".into(), "anna".into())]);
    let here = |space: &str| Arrived { owner: owners.of(space), ..arrived("b.jpg", hash_of(1), 5) };
    let gone = |space: &str| Vanished { owner: owners.of(space), ..vanished(1, "b.jpg", hash_of(1), 5) };
    assert_eq!(match_moves(&[here("anna")], &[gone("anna")]), [Some(0)]);
    assert_eq!(match_moves(&[here("bert")], &[gone("anna")]), [None]);
    assert_eq!(match_moves(&[here("bert"), here("anna")], &[gone("anna")]), [None, Some(0)]);
    assert_eq!(match_moves(&[here("annas scans")], &[gone("anna")]), [Some(0)]);
    assert_eq!(match_moves(&[here("/videos")], &[gone("/photos")]), [Some(0)], "no config names them");
    assert_eq!(match_moves(&[here("family")], &[gone("friends")]), [None]);
    // A space of many that is called like an account is not the account's.
    let owners = Owners::new([("annas scans".into(), "anna".into())]);
    assert_ne!(owners.of("anna"), owners.of("annas scans"));
}

#[test]
fn one_stat_is_enough_for_a_file_that_is_as_it_was() {
    let rows = [row(1, "a.jpg", 7, 1)];
    let decisions = decide(&rows, &[found("a.jpg", 7)], ON, |_| panic!("it was read"));
    assert_eq!(decisions, [Decision::Unchanged { id: 1, found: 0 }]);
}

#[test]
fn any_difference_costs_a_read_and_no_more() {
    let rows = [row(1, "a.jpg", 7, 1)];
    let was = stat(7);
    let touched = [
        FileStat { inode: 8, ..was },
        FileStat { size: 11, ..was },
        FileStat { mtime_ns: 6, ..was },
        FileStat { ctime_ns: 6, ..was },
    ];
    for stat in touched {
        let now = Found { key: b"a.jpg", stat };
        assert_eq!(decide_over(&rows, &[(now, 1)], ON), [Decision::Touched { id: 1, found: 0 }]);
        assert_eq!(decide_over(&rows, &[(now, 2)], ON), [Decision::Changed { id: 1, found: 0 }]);
    }
    let elsewhere = On { fs: FsId(2), ..ON };
    assert_eq!(
        decide_over(&rows, &[(found("a.jpg", 7), 1)], elsewhere),
        [Decision::Touched { id: 1, found: 0 }]
    );
}

#[test]
fn inodes_that_change_by_themselves_are_not_looked_at() {
    let rows = [row(1, "a.jpg", 7, 1)];
    let fat = On { stable_inodes: false, ..ON };
    assert_eq!(
        decide_over(&rows, &[(found("a.jpg", 99), 1)], fat),
        [Decision::Unchanged { id: 1, found: 0 }]
    );
}

#[test]
fn a_file_that_was_never_read_to_the_end_is_read_again() {
    let mut rows = [row(1, "a.jpg", 7, 1)];
    rows[0].hash = None;
    assert_eq!(decide_over(&rows, &[(found("a.jpg", 7), 1)], ON), [Decision::Changed { id: 1, found: 0 }]);
}

#[test]
fn a_folders_sum_changes_with_any_of_its_files_and_not_with_their_order() {
    let listed = |name, inode| Listed { name, is_sidecar: false, fs: FsId(1), stat: stat(inode) };
    let (a, b): (Listed<'_>, Listed<'_>) = (listed(b"a.jpg", 7), listed(b"b.jpg", 8));
    let sum = FolderSum::of([a, b]);
    assert_eq!(sum, FolderSum::of([b, a]));
    assert_eq!(sum, FolderSum::from(*sum.as_bytes()));
    let was = a.stat;
    let others = [
        Listed { name: b"a.jpeg", ..a },
        Listed { is_sidecar: true, ..a },
        Listed { fs: FsId(2), ..a },
        Listed { stat: FileStat { inode: 9, ..was }, ..a },
        Listed { stat: FileStat { size: 11, ..was }, ..a },
        Listed { stat: FileStat { mtime_ns: 6, ..was }, ..a },
        Listed { stat: FileStat { ctime_ns: 6, ..was }, ..a },
    ];
    for other in others {
        assert_ne!(sum, FolderSum::of([other, b]), "{other:?}");
    }
    assert_ne!(sum, FolderSum::of([a]));
    assert_ne!(FolderSum::of([]), FolderSum::of([a]));
    let swapped = [Listed { stat: b.stat, ..a }, Listed { stat: a.stat, ..b }];
    assert_ne!(sum, FolderSum::of(swapped));
}

#[test]
fn swapped_names_are_two_changes() {
    let rows = [row(1, "a.jpg", 7, 1), row(2, "b.jpg", 8, 2)];
    let files = [(found("a.jpg", 8), 2), (found("b.jpg", 7), 1)];
    assert_eq!(
        decide_over(&rows, &files, ON),
        [Decision::Changed { id: 1, found: 0 }, Decision::Changed { id: 2, found: 1 }]
    );
}

#[test]
fn a_reused_inode_is_not_the_file_that_had_it() {
    let rows = [row(1, "a.jpg", 7, 1)];
    assert_eq!(
        decide_over(&rows, &[(found("b.jpg", 7), 2)], ON),
        [Decision::New { found: 0 }, Decision::Vanished { id: 1 }]
    );
}

#[test]
fn a_hard_link_and_a_copy_are_new() {
    let rows = [row(1, "a.jpg", 7, 1)];
    let files = [(found("a.jpg", 7), 1), (found("link.jpg", 7), 1), (found("copy.jpg", 8), 1)];
    assert_eq!(
        decide_over(&rows, &files, ON),
        [Decision::Unchanged { id: 1, found: 0 }, Decision::New { found: 1 }, Decision::New { found: 2 }]
    );
}

#[test]
fn a_name_taken_over_leaves_the_item_with_the_name() {
    // a.jpg became b.jpg, and another file is a.jpg now: a path that still exists has not vanished.
    let rows = [row(1, "a.jpg", 7, 1)];
    let files = [(found("a.jpg", 9), 3), (found("b.jpg", 7), 1)];
    assert_eq!(
        decide_over(&rows, &files, ON),
        [Decision::Changed { id: 1, found: 0 }, Decision::New { found: 1 }]
    );
}

#[test]
fn an_unreadable_file_is_neither_new_nor_gone() {
    let rows = [row(1, "a.jpg", 7, 1)];
    let decisions = decide(&rows, &[found("a.jpg", 8), found("b.jpg", 9)], ON, |_| None);
    assert_eq!(
        decisions,
        [Decision::Unread { id: None, found: 1 }, Decision::Unread { id: Some(1), found: 0 }]
    );
}

fn arrived(path: &str, hash: ContentHash, mtime_ns: i64) -> Arrived {
    Arrived { owner: Owner::CommandLine, path: path.into(), hash, size: 10, mtime_ns }
}

fn vanished(id: i64, path: &str, hash: ContentHash, mtime_ns: i64) -> Vanished {
    Vanished { id, owner: Owner::CommandLine, path: path.into(), hash, size: 10, mtime_ns }
}

#[test]
fn copies_in_a_moved_folder_keep_their_own_history() {
    let gone = [
        vanished(1, "old/1/x.jpg", hash_of(1), 0),
        vanished(2, "old/2/x.jpg", hash_of(1), 0),
        vanished(3, "old/2/y.jpg", hash_of(1), 0),
    ];
    let here = [
        arrived("new/2/y.jpg", hash_of(1), 0),
        arrived("new/2/x.jpg", hash_of(1), 0),
        arrived("new/1/x.jpg", hash_of(1), 0),
        arrived("new/3/z.jpg", hash_of(1), 0),
    ];
    assert_eq!(match_moves(&here, &gone), [Some(2), Some(1), Some(0), None]);
}

#[test]
fn a_sampled_hash_needs_size_and_mtime_beside_it() {
    let gone = [vanished(1, "a.mp4", sampled(1), 5)];
    assert_eq!(match_moves(&[arrived("b.mp4", sampled(1), 5)], &gone), [Some(0)]);
    assert_eq!(match_moves(&[arrived("b.mp4", sampled(1), 6)], &gone), [None]);
    let whole = [vanished(1, "a.mp4", hash_of(1), 5)];
    assert_eq!(match_moves(&[arrived("b.mp4", hash_of(1), 6)], &whole), [Some(0)]);
}

/// A small set: few paths, few contents and few inodes, so that many collide.
fn world() -> impl Strategy<Value = Vec<(String, u64, u8, i64)>> {
    proptest::collection::btree_map("[ab]/[abc](/[ab])?\\.jpg", (0u64..5, 0u8..4, 0i64..3), 0..9).prop_map(
        |m| m.into_iter().map(|(path, (inode, content, time))| (path, inode, content, time)).collect(),
    )
}

proptest! {
    #[test]
    fn every_file_and_every_row_has_one_fate(before in world(), after in world(), stable in any::<bool>()) {
        let at = |inode, time| FileStat { inode, size: 10, mtime_ns: time, ctime_ns: time };
        let rows: Vec<Recorded<String>> = before
            .iter()
            .enumerate()
            .map(|(i, (path, inode, content, time))| Recorded {
                id: i as i64,
                key: path.clone(),
                fs: FsId(1),
                stat: at(*inode, *time),
                hash: Some(hash_of(*content)),
            })
            .collect();
        let found: Vec<Found<'_>> = after
            .iter()
            .map(|(path, inode, _, time)| Found { key: path.as_bytes(), stat: at(*inode, *time) })
            .collect();
        let on = On { fs: FsId(1), stable_inodes: stable };
        let decisions = decide(&rows, &found, on, |i| Some(hash_of(after[i].2)));

        let (mut files, mut items) = (HashSet::new(), HashSet::new());
        for decision in &decisions {
            let (id, file) = match *decision {
                Decision::Unchanged { id, found }
                | Decision::Touched { id, found }
                | Decision::Changed { id, found } => {
                    prop_assert_eq!(rows[id as usize].key.as_bytes(), after[found].0.as_bytes());
                    (Some(id), Some(found))
                }
                Decision::Moved { id, found } => {
                    prop_assert_eq!(before[id as usize].2, after[found].2, "a move of other content");
                    prop_assert!(!after.iter().any(|f| f.0 == before[id as usize].0), "its path still exists");
                    (Some(id), Some(found))
                }
                Decision::New { found } => (None, Some(found)),
                Decision::Unread { .. } => unreachable!("everything could be read"),
                Decision::Vanished { id } => (Some(id), None),
            };
            if let Some(id) = id {
                prop_assert!(items.insert(id), "two fates for item {id}");
            }
            if let Some(file) = file {
                prop_assert!(files.insert(file), "two fates for {}", after[file].0);
            }
        }
        prop_assert_eq!(items.len(), before.len());
        prop_assert_eq!(files.len(), after.len());
        // No content may both appear and disappear: that would be a move.
        for gone in decisions.iter().filter_map(|d| match d { Decision::Vanished { id } => Some(*id), _ => None }) {
            let content = before[gone as usize].2;
            let came = decisions.iter().any(|d| matches!(d, Decision::New { found } if after[*found].2 == content));
            prop_assert!(!came, "a file moved and was taken for another");
        }
    }

    #[test]
    fn order_does_not_matter_to_moves(before in world(), after in world(), turn in 0usize..9) {
        let mut gone: Vec<Vanished> = before
            .iter()
            .enumerate()
            .map(|(i, f)| vanished(i as i64, &f.0, hash_of(f.2), f.3))
            .collect();
        let mut here: Vec<Arrived> = after.iter().map(|f| arrived(&f.0, hash_of(f.2), f.3)).collect();
        let pairs = |here: &[Arrived], gone: &[Vanished]| {
            let mut pairs: Vec<_> = match_moves(here, gone)
                .into_iter()
                .zip(here)
                .map(|(from, a)| (a.path.clone(), from.map(|i| gone[i].id)))
                .collect();
            pairs.sort();
            pairs
        };
        let first = pairs(&here, &gone);
        here.reverse();
        let by = turn % gone.len().max(1);
        gone.rotate_left(by);
        prop_assert_eq!(first, pairs(&here, &gone));
    }
}

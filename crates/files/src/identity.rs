//! Identity: matches found files to recorded ones, and finds those that are gone.
//!
//! Rules in this order (the first match decides):
//! 1. Same path, same file system, inode, size, mtime and ctime: **unchanged**, at one `stat`. Where inodes are not
//!    stable (FAT, exFAT, FUSE, NFS, SMB) all but the inode must agree.
//! 2. Same path, other stat: the file is read. The same content is the same file, **touched** (a changed ctime, a
//!    copied disk, a restored backup cost only a new hash); other content is the same item, **changed**. This covers
//!    saves by temporary file and rename, and two swapped names.
//! 3. A new path whose content hash is that of a path that has vanished: **moved**. A sampled hash proves it only
//!    together with size and mtime. Both paths must have the same owner: edits of a photo must not pass to other
//!    users with a copy of it.
//! 4. Otherwise **new**: copies and hard links are items of their own.
//!
//! Everything here is a pure function of rows, stats and hashes. An inode alone proves nothing.

use super::FileStat;
use super::hash::ContentHash;
use super::mounts::FsId;
use std::collections::{BTreeMap, HashMap};

/// A file row, for identity. `K` is the form of its path: a name in a folder, or a whole path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<K> {
    pub id: i64,
    pub key: K,
    pub fs: FsId,
    pub stat: FileStat,
    /// `None` if it was never read completely.
    pub hash: Option<ContentHash>,
}

/// A file that a walk has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    pub key: &'a [u8],
    pub stat: FileStat,
}

/// The file system that the found files are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct On {
    pub fs: FsId,
    pub stable_inodes: bool,
}

/// The conclusion from one stat of a found file. Rows are given by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glance {
    /// As recorded.
    Unchanged { row: usize },
    /// Its path is recorded, but it may have other content: read it, then [`settle`].
    Read { row: usize },
    /// Its path is new: read it, then it is moved or new.
    New,
}

/// The found files of a folder compared with its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// One for each found file, in their order.
    pub found: Vec<Glance>,
    /// Rows without a found file at their path, in their order.
    pub missing: Vec<usize>,
}

/// Rules 1 and 2, as far as a stat decides. Keys are unique on each side.
pub fn compare<'a, K: AsRef<[u8]>>(
    rows: &[Recorded<K>],
    found: impl IntoIterator<Item = Found<'a>>,
    on: On,
) -> Compared {
    let by_key: HashMap<&[u8], usize> = rows.iter().enumerate().map(|(i, r)| (r.key.as_ref(), i)).collect();
    let mut seen = vec![false; rows.len()];
    let found = found
        .into_iter()
        .map(|file| match by_key.get(file.key) {
            None => Glance::New,
            Some(&row) => {
                seen[row] = true;
                if is_unchanged(&rows[row], file.stat, on) {
                    Glance::Unchanged { row }
                } else {
                    Glance::Read { row }
                }
            }
        })
        .collect();
    Compared { found, missing: (0..rows.len()).filter(|i| !seen[*i]).collect() }
}

/// Rule 1 for a found file and the row of its path.
pub fn is_unchanged<K>(row: &Recorded<K>, now: FileStat, on: On) -> bool {
    let was = row.stat;
    row.hash.is_some()
        && row.fs == on.fs
        && (!on.stable_inodes || was.inode == now.inode)
        && (was.size, was.mtime_ns, was.ctime_ns) == (now.size, now.mtime_ns, now.ctime_ns)
}

/// A file as a walk sees it, or as a walk would see it according to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed<'a> {
    pub name: &'a [u8],
    pub is_sidecar: bool,
    pub fs: FsId,
    pub stat: FileStat,
}

/// All files of a folder in one figure: BLAKE3, cut to 128 bits, over the values that [`compare`] uses. If the
/// checksum of the rows equals that of the files, each file is as recorded and none is missing.
///
/// Inodes are included even if they are not stable: the folder is then compared file by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderSum([u8; 16]);

impl FolderSum {
    /// In any order; names are unique.
    pub fn of<'a>(files: impl IntoIterator<Item = Listed<'a>>) -> FolderSum {
        /// Bytes hashed in one call: fast, and small beside a folder of a hundred thousand names.
        const PIECE: usize = 64 << 10;
        let mut files: Vec<Listed<'_>> = files.into_iter().collect();
        files.sort_unstable_by(|a, b| a.name.cmp(b.name));
        let mut hasher = blake3::Hasher::new();
        let mut bytes = Vec::with_capacity((files.len() * 128).min(PIECE + 512));
        for Listed { name, is_sidecar, fs, stat } in files {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name);
            bytes.push(is_sidecar.into());
            bytes.extend(fs.0.to_le_bytes());
            bytes.extend(stat.inode.to_le_bytes());
            bytes.extend(stat.size.to_le_bytes());
            bytes.extend(stat.mtime_ns.to_le_bytes());
            bytes.extend(stat.ctime_ns.to_le_bytes());
            if bytes.len() >= PIECE {
                hasher.update(&bytes);
                bytes.clear();
            }
        }
        hasher.update(&bytes);
        let mut sum = [0; 16];
        sum.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        FolderSum(sum)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for FolderSum {
    fn from(bytes: [u8; 16]) -> Self {
        FolderSum(bytes)
    }
}

/// The result of reading a file at a recorded path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The same content: the row gets the new stat, no stage is due.
    Touched,
    /// Other content: the same item, stages become due.
    Changed,
}

/// Completes rule 2.
pub fn settle(recorded: Option<&ContentHash>, now: &ContentHash) -> Settled {
    if recorded == Some(now) { Settled::Touched } else { Settled::Changed }
}

/// A file at a new path, after it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The owner of its space.
    pub owner: Owner,
    /// Whole path below its volume.
    pub path: Vec<u8>,
    pub hash: ContentHash,
    pub size: u64,
    pub mtime_ns: i64,
}

/// A row whose path no longer exists. Volumes that are offline have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vanished {
    pub id: i64,
    /// The owner of its space.
    pub owner: Owner,
    /// Whole path below its volume.
    pub path: Vec<u8>,
    pub hash: ContentHash,
    pub size: u64,
    pub mtime_ns: i64,
}

/// Who owns what is in a space.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// An account of the portal, which may have several personal spaces.
    Account(String),
    /// The members of a space that belongs to no account.
    Members(String),
    /// The user of the command line, to whom all folders belong that no config names.
    CommandLine,
}

/// The owners of all spaces.
#[derive(Debug, Clone, Default)]
pub struct Owners(HashMap<String, String>);

impl Owners {
    /// From pairs of a personal space and the account that it belongs to.
    pub fn new(accounts: impl IntoIterator<Item = (String, String)>) -> Owners {
        Owners(accounts.into_iter().collect())
    }

    /// The owner of a space, by the name of the space. A space that no config names has its path for a name.
    pub fn of(&self, space: &str) -> Owner {
        match self.0.get(space) {
            Some(account) => Owner::Account(account.clone()),
            None if space.starts_with('/') => Owner::CommandLine,
            None => Owner::Members(space.to_owned()),
        }
    }
}

/// Path components that are compared from the end when several vanished files have the same content: enough to
/// distinguish the folders of one moved tree.
const SUFFIX: usize = 8;

/// Rule 3: for each arrival its previous row, by index into `vanished`; `None` is new.
///
/// No row is used twice. Among several with equal content, paths with the most trailing components in common are
/// matched first, then in order of path, so that each copy in a moved folder keeps its own history. The result does
/// not depend on the order of either side.
pub fn match_moves(arrived: &[Arrived], vanished: &[Vanished]) -> Vec<Option<usize>> {
    /// A sampled hash is not sufficient: size and mtime must agree, too.
    type Content<'a> = (&'a Owner, &'a ContentHash, Option<(u64, i64)>);
    fn content<'a>(owner: &'a Owner, hash: &'a ContentHash, size: u64, mtime_ns: i64) -> Content<'a> {
        (owner, hash, (!hash.is_whole()).then_some((size, mtime_ns)))
    }

    let mut groups: HashMap<Content<'_>, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (i, v) in vanished.iter().enumerate() {
        groups.entry(content(&v.owner, &v.hash, v.size, v.mtime_ns)).or_default().1.push(i);
    }
    for (i, a) in arrived.iter().enumerate() {
        // Content without a vanished file needs no group.
        if let Some(group) = groups.get_mut(&content(&a.owner, &a.hash, a.size, a.mtime_ns)) {
            group.0.push(i);
        }
    }

    let mut answer = vec![None; arrived.len()];
    for (mut here, mut gone) in groups.into_values() {
        here.sort_by_key(|i| &arrived[*i].path);
        gone.sort_by_key(|i| (&vanished[*i].path, vanished[*i].id));
        for length in (0..=SUFFIX).rev() {
            let mut waiting: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
            for i in gone.iter().rev() {
                waiting.entry(suffix(&vanished[*i].path, length)).or_default().push(*i);
            }
            here.retain(|i| {
                let from = waiting.get_mut(suffix(&arrived[*i].path, length)).and_then(Vec::pop);
                answer[*i] = from;
                from.is_none()
            });
            gone = waiting.into_values().flatten().collect();
            gone.sort_by_key(|i| (&vanished[*i].path, vanished[*i].id));
            if here.is_empty() || gone.is_empty() {
                break;
            }
        }
    }
    answer
}

/// The last `length` components of a path, with a preceding slash if there is one.
fn suffix(path: &[u8], length: usize) -> &[u8] {
    if length == 0 {
        return b"";
    }
    let start = path.iter().enumerate().rev().filter(|(_, b)| **b == b'/').nth(length - 1);
    start.map_or(path, |(at, _)| &path[at..])
}

#[cfg(test)]
mod tests {
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
                    Some(hash) => match settle(rows[row].hash.as_ref(), &hash) {
                        Settled::Touched => Decision::Touched { id: rows[row].id, found: i },
                        Settled::Changed => Decision::Changed { id: rows[row].id, found: i },
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
        assert_eq!(
            decide_over(&rows, &[(found("a.jpg", 7), 1)], ON),
            [Decision::Changed { id: 1, found: 0 }]
        );
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
        proptest::collection::btree_map("[ab]/[abc](/[ab])?\\.jpg", (0u64..5, 0u8..4, 0i64..3), 0..9)
            .prop_map(|m| {
                m.into_iter().map(|(path, (inode, content, time))| (path, inode, content, time)).collect()
            })
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
}

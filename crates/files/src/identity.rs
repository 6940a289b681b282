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
    /// Its path is recorded, but it may have other content: read it, then [`match_identity`].
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
pub enum IdentityMatch {
    /// The same content: the row gets the new stat, no stage is due.
    Touched,
    /// Other content: the same item, stages become due.
    Changed,
}

/// Completes rule 2.
pub fn match_identity(recorded: Option<&ContentHash>, now: &ContentHash) -> IdentityMatch {
    if recorded == Some(now) { IdentityMatch::Touched } else { IdentityMatch::Changed }
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
mod tests;

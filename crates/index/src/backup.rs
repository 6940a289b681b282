//! Backups of an index: a consistent copy of the database, including edits, and optionally the derivatives.
//!
//! A backup is a folder with the layout of the index folder, so that its `index.sqlite` can be opened directly:
//!
//! | file | what |
//! |---|---|
//! | `index.sqlite` | the database at one moment, without a WAL |
//! | `derived/` | thumbnails and previews, if requested |
//! | `derived.b3` | a line for each of them: BLAKE3, two spaces, path (the format of `b3sum --check`) |
//! | `backup.json` | [`Contents`]: time, version, sizes and checksums of the two files above |
//!
//! Promises: it may run while a service indexes and users edit, and blocks neither; it exists under its name complete
//! and durable, or not at all; a damaged index is reported and does not replace a good backup. Out of scope: restore
//! ([`super::restore`]).

use super::{DATABASE, OpenError, create_private_dir, restrict, schema, verify, view};
use albumen_core::store_dir::StoreDir;
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The number of the layout above. This version supports no other.
pub(super) const FORMAT: u32 = 1;

pub(super) const CONTENTS: &str = "backup.json";
pub(super) const DERIVED: &str = "derived.b3";

/// Bytes read at a time.
const BUFFER: usize = 1 << 18;

/// The metadata of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub format: u32,
    /// The version of Albumen that wrote it.
    pub albumen: String,
    /// The schema of its database.
    pub schema: u32,
    /// Time of the backup, RFC 3339, UTC.
    pub created: String,
    /// Number of items.
    pub items: u64,
    pub database: Sum,
    /// The list of derivatives; absent if the backup has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub bytes: u64,
    /// 64 hexadecimal digits.
    pub blake3: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    pub files: u64,
    /// Total size.
    pub bytes: u64,
    /// Of `derived.b3`.
    pub list: Sum,
}

/// Result of a backup.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    pub path: PathBuf,
    #[serde(flatten)]
    pub contents: Contents,
    /// Derivatives that the index refers to and that were missing.
    pub missing: u64,
}

/// Why the backup failed. Existing backups are unchanged.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{} is there already: give another name, or a folder to put the backup into", .0.display())]
    Taken(PathBuf),
    #[error("another backup is being written to {}", .0.display())]
    Busy(PathBuf),
    #[error(
        "the index is damaged ({0}), and no backup was made of it: `albumen verify` says more, `albumen restore` brings an older one back"
    )]
    Damaged(String),
    #[error(transparent)]
    Index(#[from] crate::Error),
    #[error("{} cannot be written: {why}", path.display())]
    Write { path: PathBuf, why: io::Error },
}

/// Makes a backup of the index in `dir`. `to` is an existing folder, in which a folder named by the date is created, or
/// the path of a new one.
pub fn backup(dir: &Path, to: &Path, derivatives: bool) -> Result<Done, BackupError> {
    super::must_be_there(dir)?;
    let created = albumen_core::clock::now();
    let target = name_for(to, created)?;
    let partial = Partial::create(&target)?;
    let write = |path: &Path| {
        let path = path.to_owned();
        move |why| BackupError::Write { path, why }
    };

    let database = partial.0.join(DATABASE);
    let (schema, items) = copy_database(dir, &database)?;
    restrict(&database);
    let mut contents = Contents {
        format: FORMAT,
        albumen: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        created: view::utc(created),
        items,
        database: sum_of(&database).map_err(write(&database))?,
        derived: None,
    };
    let mut missing = 0;
    if derivatives {
        let (derived, lost) = copy_derivatives(dir, &partial.0)?;
        contents.derived = Some(derived);
        missing = lost;
    }
    let list = partial.0.join(CONTENTS);
    let json = serde_json::to_vec_pretty(&contents).expect("contents are plain data");
    write_private(&list, &json).map_err(write(&list))?;
    partial.finish(&target).map_err(write(&target))?;
    Ok(Done { path: target, contents, missing })
}

/// The final folder of the backup.
fn name_for(to: &Path, created: i64) -> Result<PathBuf, BackupError> {
    let target = match to.is_dir() {
        true if to.join(CONTENTS).exists() => return Err(BackupError::Taken(to.to_owned())),
        true => to.join(format!("albumen-{}", dated(created))),
        false => to.to_owned(),
    };
    match target.symlink_metadata() {
        Ok(_) => Err(BackupError::Taken(target)),
        Err(_) => Ok(target),
    }
}

fn parent_of(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `20261122T101500Z`: sorts by time and is valid in all file systems.
pub(super) fn dated(seconds: i64) -> String {
    view::utc(seconds).replace(['-', ':'], "")
}

/// The folder being written, beside its final name. Leftovers of an interrupted backup are removed first.
struct Partial(PathBuf, #[allow(dead_code, reason = "held: it is the lock")] File);

impl Partial {
    fn create(target: &Path) -> Result<Partial, BackupError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".partial");
        let path = target.with_file_name(name);
        let write = |why: io::Error| BackupError::Write { path: path.clone(), why };
        let lock = |path: &Path| -> Result<File, BackupError> {
            let folder = File::open(path).map_err(write)?;
            match rustix::fs::flock(&folder, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(folder),
                Err(rustix::io::Errno::WOULDBLOCK) => Err(BackupError::Busy(target.to_owned())),
                Err(e) => Err(write(e.into())),
            }
        };
        if path.exists() {
            let _held = lock(&path)?;
            fs::remove_dir_all(&path).map_err(write)?;
        }
        let parent = parent_of(target);
        if !parent.is_dir() {
            let why = io::Error::new(io::ErrorKind::NotFound, "there is no such folder");
            return Err(BackupError::Write { path: parent.to_owned(), why });
        }
        create_private_dir(&path).map_err(write)?;
        let held = lock(&path)?;
        Ok(Partial(path, held))
    }

    /// Makes everything durable and renames the folder.
    fn finish(&self, target: &Path) -> io::Result<()> {
        rustix::fs::syncfs(&self.1)?;
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            &self.0,
            rustix::fs::CWD,
            target,
            rustix::fs::RenameFlags::NOREPLACE,
        )
        .or_else(|e| match e {
            // File systems without that flag: `target` did not exist just now, and rename never replaces a folder that
            // is not empty.
            rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS => rustix::fs::rename(&self.0, target),
            e => Err(e),
        })?;
        sync_folder(parent_of(target))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `finish` the folder has its final name, and this removes nothing.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Copies a snapshot of the database in a single step of SQLite's backup API: a reader of a WAL database blocks no
/// other connection, and with several steps each commit of a service would restart the copy. Returns the schema and the
/// number of items.
fn copy_database(dir: &Path, to: &Path) -> Result<(u32, u64), BackupError> {
    // Only the copy is written: its disk is the full one.
    let written = |e: rusqlite::Error| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => {
            BackupError::Write { path: to.to_owned(), why: io::ErrorKind::StorageFull.into() }
        }
        _ => e.into(),
    };
    let from = super::connect(dir, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut copy = Connection::open(to)?;
    {
        let all = rusqlite::backup::Backup::new(&from, &mut copy)?;
        let begun = std::time::Instant::now();
        loop {
            match all.step(-1).map_err(written)? {
                rusqlite::backup::StepResult::Done => break,
                // A schema change is in progress, which takes milliseconds.
                _ if begun.elapsed() < super::BUSY_TIMEOUT => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                _ => return Err(BackupError::Damaged("it is locked by another program".to_owned())),
            }
        }
    }
    // A single file, which is also readable on a read-only disk.
    copy.pragma_update(None, "journal_mode", "DELETE").map_err(written)?;
    if let Some(message) = verify::integrity(&copy)?.into_iter().next() {
        return Err(BackupError::Damaged(message));
    }
    let schema = schema::current(&copy)?;
    let items = copy.query_row("SELECT count(*) FROM items WHERE hidden = 0", [], |r| r.get::<_, i64>(0))?;
    copy.close().map_err(|(_, e)| e)?;
    Ok((schema, items as u64))
}

/// Copies the derivatives that the copied database refers to, and lists them. Returns the list and the number of
/// missing ones.
fn copy_derivatives(dir: &Path, to: &Path) -> Result<(Derived, u64), BackupError> {
    let database = Connection::open_with_flags(to.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut st = database.prepare("SELECT DISTINCT path FROM derivatives ORDER BY path")?;
    let mut rows = st.query([])?;
    let list_path = to.join(DERIVED);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |why| BackupError::Write { path, why }
    };
    let mut list = io::BufWriter::new(File::create(&list_path).map_err(failed(&list_path))?);
    let (mut files, mut bytes, mut missing) = (0, 0, 0);
    while let Some(r) = rows.next()? {
        let path: String = r.get(0)?;
        let target = to.join(&path);
        let mut source = match StoreDir::open(dir).and_then(|store| store.open_file(&path)) {
            Ok(source) if is_store_path(&path) => source,
            _ => {
                missing += 1;
                continue;
            }
        };
        create_private_dir(target.parent().unwrap_or(to)).map_err(failed(&target))?;
        let sum = copy_summed(&mut source, &target).map_err(failed(&target))?;
        writeln!(list, "{}  {path}", sum.blake3).map_err(failed(&list_path))?;
        files += 1;
        bytes += sum.bytes;
    }
    list.flush().map_err(failed(&list_path))?;
    drop(list);
    restrict(&list_path);
    let list = sum_of(&list_path).map_err(failed(&list_path))?;
    Ok((Derived { files, bytes, list }, missing))
}

/// Whether a path stays below `derived/`.
pub(super) fn is_store_path(path: &str) -> bool {
    let path = Path::new(path);
    path.starts_with("derived") && path.components().all(|c| matches!(c, std::path::Component::Normal(_)))
}

/// Copies a file into a new one and computes its checksum.
pub(super) fn copy_summed(from: &mut impl Read, to: &Path) -> io::Result<Sum> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut out = File::options().write(true).create(true).truncate(true).mode(0o640).open(to)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hasher.update(&buffer[..n]);
        out.write_all(&buffer[..n])?;
        bytes += n as u64;
    }
    Ok(Sum { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

pub(super) fn sum_of(path: &Path) -> io::Result<Sum> {
    let mut hasher = blake3::Hasher::new();
    let bytes = io::copy(&mut io::BufReader::with_capacity(BUFFER, File::open(path)?), &mut hasher)?;
    Ok(Sum { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    copy_summed(&mut &*bytes, path).map(drop)
}

/// Makes creations, renames and removals in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The newest backup in a folder, for a message.
pub(super) fn newest_in(folder: &Path) -> Option<PathBuf> {
    let created = |backup: &Path| {
        let contents: Contents = serde_json::from_slice(&fs::read(backup.join(CONTENTS)).ok()?).ok()?;
        Some(contents.created)
    };
    let backups = fs::read_dir(folder).ok()?.filter_map(|e| {
        let path = e.ok()?.path();
        Some((created(&path)?, path))
    });
    backups.max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time() {
        assert_eq!(dated(0), "19700101T000000Z");
        assert!(dated(1_790_000_000) < dated(1_790_000_001));
    }

    #[test]
    fn an_existing_folder_gets_a_dated_one_and_a_backup_is_never_written_into() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(name_for(dir.path(), 0).unwrap(), dir.path().join("albumen-19700101T000000Z"));
        let new = dir.path().join("new");
        assert_eq!(name_for(&new, 0).unwrap(), new);
        fs::write(&new, b"a file").unwrap();
        assert!(matches!(name_for(&new, 0), Err(BackupError::Taken(_))));
        fs::write(dir.path().join(CONTENTS), b"{}").unwrap();
        assert!(matches!(name_for(dir.path(), 0), Err(BackupError::Taken(_))));
    }
}

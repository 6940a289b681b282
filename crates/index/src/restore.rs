//! Restore of a backup.
//!
//! Promises: nothing is changed before the whole backup was read and its checksums match; at every moment
//! `index.sqlite` is the complete old or new database, also after a kill; the old one is kept beside it, readable;
//! restore fails while an indexing process runs, which is not disturbed. Out of scope: making derivatives that were not
//! in the backup (they are made due for `albumen index`).

use super::DATABASE;
use super::backup::{self, CONTENTS, Contents, DERIVED, FORMAT, sync_folder};
use super::{Index, OpenError, create_private_dir, lock, refuse_network, restrict, schema, verify};
use albumen_core::failpoints::reached;
use albumen_core::store_dir::{self, StoreDir};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{CWD, RenameFlags};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Folder for the new database, in the index folder; leftovers of an interrupted restore are removed.
const STAGING: &str = ".restore";

/// Files that SQLite stores beside a database.
const COMPANIONS: [&str; 2] = ["index.sqlite-wal", "index.sqlite-shm"];

/// Result of a restore.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    pub from: PathBuf,
    #[serde(flatten)]
    pub contents: Contents,
    /// Where the previous index is kept; `None` if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<PathBuf>,
    /// Thumbnails and previews restored from the backup.
    pub derivatives: u64,
    /// Contents whose derivatives were neither in the backup nor in the index folder: the next run makes them.
    pub pictures_due: u64,
}

/// Why restore failed. The index is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{} is no backup{hint}", path.display())]
    NoBackup { path: PathBuf, hint: String },
    #[error("the backup {} is damaged: {why}; nothing was changed", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error(
        "the backup was made by a newer Albumen ({version}, {what}): update Albumen; nothing was changed"
    )]
    Newer { version: String, what: String },
    #[error("the backup cannot be read: {0}; nothing was changed")]
    Read(io::Error),
    #[error("{} cannot be written: {why}", path.display())]
    Write { path: PathBuf, why: io::Error },
    #[error(transparent)]
    Index(#[from] crate::Error),
    #[error(
        "the backup {} was made by Albumen {version}, which was never released, and cannot be restored: run `albumen index` to make a \
         new index. The photos are untouched",
        path.display()
    )]
    Unreleased { path: PathBuf, version: String },
    #[error("the backup cannot be brought up to date, and nothing was changed: {0}")]
    Migrate(#[from] schema::MigrateError),
}

/// Replaces the index in `dir` with the backup in `from`.
pub fn restore(dir: &Path, from: &Path) -> Result<Done, RestoreError> {
    let contents = read_contents(from)?;
    let write = |path: &Path| {
        let path = path.to_owned();
        move |why| RestoreError::Write { path, why }
    };
    create_private_dir(dir)
        .map_err(|e| OpenError::NotWritable { dir: dir.to_owned(), why: e.to_string() })?;
    refuse_network(dir)?;
    // Held to the end: no process may index meanwhile.
    let _lock = lock::take(dir)?;
    let staging = Staging::create(dir).map_err(write(&dir.join(STAGING)))?;
    let staged = staging.0.join(DATABASE);
    stage_database(from, &contents, &staged)?;

    let mut derivatives = 0;
    if let Some(derived) = &contents.derived {
        derivatives = bring_derivatives(from, dir, derived, &staging.0)?;
    }
    rustix::fs::syncfs(File::open(dir).map_err(write(dir))?).map_err(|e| write(dir)(e.into()))?;

    let replaced = exchange(dir, &staged)?;
    drop(staging);
    let index = Index::with(dir, super::connect(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?, None)?;
    index.conn.pragma_update(None, "synchronous", "FULL")?;
    let pictures_due = index.make_missing_pictures_again()?;
    Ok(Done { from: from.to_owned(), contents, replaced, derivatives, pictures_due })
}

fn read_contents(from: &Path) -> Result<Contents, RestoreError> {
    let damaged = |why: String| RestoreError::Damaged { path: from.to_owned(), why };
    let bytes = match fs::read(from.join(CONTENTS)) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let hint = match backup::newest_in(from) {
                Some(newest) => format!("; the newest in it is {}", newest.display()),
                None => format!(": it has no {CONTENTS}"),
            };
            return Err(RestoreError::NoBackup { path: from.to_owned(), hint });
        }
        Err(e) => return Err(RestoreError::Read(e)),
    };
    // The format number is parsed first: a newer format may have other fields.
    let json: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| damaged(format!("{CONTENTS}: {e}")))?;
    let version = json["albumen"].as_str().unwrap_or("?").to_owned();
    let newer = |what| RestoreError::Newer { version, what };
    match json["format"].as_u64() {
        Some(format) if format > u64::from(FORMAT) => return Err(newer(format!("backup format {format}"))),
        _ => {}
    }
    let contents: Contents = serde_json::from_value(json).map_err(|e| damaged(format!("{CONTENTS}: {e}")))?;
    // Before 0.2.0, schemas were numbered differently.
    if contents.albumen.starts_with("0.1.") {
        return Err(RestoreError::Unreleased { path: from.to_owned(), version: contents.albumen });
    }
    if contents.schema > schema::VERSION {
        return Err(newer(format!("schema {}; this program knows {}", contents.schema, schema::VERSION)));
    }
    Ok(contents)
}

/// Copies the database, verifies its checksum, and migrates its schema.
fn stage_database(from: &Path, contents: &Contents, staged: &Path) -> Result<(), RestoreError> {
    let damaged = |why: String| RestoreError::Damaged { path: from.to_owned(), why };
    let mut source = File::open(from.join(DATABASE)).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => damaged(format!("{DATABASE} is missing")),
        _ => RestoreError::Read(e),
    })?;
    let sum = backup::copy_summed(&mut source, staged)
        .map_err(|why| RestoreError::Write { path: staged.to_owned(), why })?;
    if sum != contents.database {
        return Err(damaged(format!("the sum of {DATABASE} is not the one that was written down")));
    }
    let mut conn = Connection::open(staged)?;
    // The checksum itself may be of a damaged file: a backup that was "repaired" manually.
    if let Some(message) = verify::integrity(&conn)?.into_iter().next() {
        return Err(damaged(message));
    }
    if schema::current(&conn)? != contents.schema {
        return Err(damaged(format!("{CONTENTS} names another schema than the database has")));
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut conn, || ())?;
    conn.pragma_update(None, "journal_mode", "DELETE")?;
    conn.close().map_err(|(_, e)| e)?;
    restrict(staged);
    Ok(())
}

/// Copies the derivatives that are missing in the index folder. One that is damaged in the backup is left out: it can
/// be made again. Returns the number of copied files.
fn bring_derivatives(
    from: &Path,
    dir: &Path,
    derived: &backup::Derived,
    staging: &Path,
) -> Result<u64, RestoreError> {
    let damaged = |why: String| RestoreError::Damaged { path: from.to_owned(), why };
    let list = from.join(DERIVED);
    let sum = backup::sum_of(&list).map_err(|e| damaged(format!("{DERIVED}: {e}")))?;
    if sum != derived.list {
        return Err(damaged(format!("the sum of {DERIVED} is not the one that was written down")));
    }
    let mut came = 0;
    let home = dir.join(store_dir::DERIVED);
    let not_written = |why| RestoreError::Write { path: home.clone(), why };
    create_private_dir(&home).map_err(not_written)?;
    let store = StoreDir::open(dir).map_err(not_written)?;
    let temporary = staging.join("derivative.jpg");
    for line in BufReader::new(File::open(&list).map_err(RestoreError::Read)?).lines() {
        let line = line.map_err(RestoreError::Read)?;
        let Some((sum, path)) = line.split_once("  ") else { continue };
        let target = dir.join(path);
        // Their names depend on their content, and existing files were written completely.
        if !backup::is_store_path(path) || store.open_file(path).is_ok() {
            continue;
        }
        let Ok(mut source) = File::open(from.join(path)) else { continue };
        let write = |why| RestoreError::Write { path: target.clone(), why };
        if backup::copy_summed(&mut source, &temporary).map_err(write)?.blake3 != sum {
            continue;
        }
        // Follow no link, and replace only files of Albumen.
        let (folder, name) = match store.folder_of(path, true) {
            Ok(place) => place,
            Err(e) if store_dir::is_foreign(&e) => continue,
            Err(e) => return Err(write(e)),
        };
        rustix::fs::renameat(rustix::fs::CWD, &temporary, &folder, name).map_err(|e| write(e.into()))?;
        came += 1;
    }
    Ok(came)
}

/// Replaces the old database with the staged one and keeps the old one. Returns the path of the old one.
fn exchange(dir: &Path, staged: &Path) -> Result<Option<PathBuf>, RestoreError> {
    let live = dir.join(DATABASE);
    if !live.exists() {
        let put = || {
            remove_companions(dir).and_then(|()| fs::rename(staged, &live)).and_then(|()| sync_folder(dir))
        };
        return put().map(|()| None).map_err(|why| RestoreError::Write { path: live.clone(), why });
    }
    let held = hold(&live).map_err(|why| RestoreError::Write { path: live.clone(), why })?;
    let kept = dir.join(format!("replaced-{}", backup::dated(albumen_core::clock::now())));
    let other = kept.join(DATABASE);
    let swap = || -> io::Result<()> {
        create_private_dir(&kept)?;
        for name in COMPANIONS {
            match fs::rename(dir.join(name), kept.join(name)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        // The new one is moved there first, so that after the exchange the old one has its final name.
        fs::rename(staged, &other)?;
        reached("before_exchange");
        match rustix::fs::renameat_with(CWD, &other, CWD, &live, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            // A file system without exchange: the old one gets a second name, and one rename replaces it.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                fs::rename(&other, staged)?;
                fs::hard_link(&live, &other).or_else(|_| fs::copy(&live, &other).map(drop))?;
                fs::rename(staged, &live)?;
            }
            Err(e) => return Err(e.into()),
        }
        reached("after_exchange");
        drop(held);
        // An empty WAL has no data; any other belongs to the old database.
        if fs::metadata(kept.join(COMPANIONS[0])).is_ok_and(|m| m.len() == 0) {
            remove_companions(&kept)?;
        }
        sync_folder(&kept)?;
        sync_folder(dir)
    };
    swap().map_err(|why| RestoreError::Write { path: dir.to_owned(), why })?;
    Ok(Some(kept))
}

/// Checkpoints the WAL of the old database, so that its file is complete without it, and blocks writers. `None` for a
/// damaged database, which cannot be locked; an error if another program reads it permanently or writes to it.
fn hold(live: &Path) -> io::Result<Option<Connection>> {
    let open = || -> rusqlite::Result<(Connection, i64)> {
        let old = Connection::open_with_flags(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        old.busy_timeout(super::BUSY_TIMEOUT)?;
        let busy = old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
        old.execute_batch("BEGIN IMMEDIATE")?;
        Ok((old, busy))
    };
    match open() {
        Ok((old, 0)) => Ok(Some(old)),
        Ok(_) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another program reads it without end: stop it"))
        }
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another program writes to it: wait until it is done",
        )),
        Err(_) => Ok(None),
    }
}

fn remove_companions(folder: &Path) -> io::Result<()> {
    for name in COMPANIONS {
        match fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The staging folder; deleted when restore ends, successfully or not.
struct Staging(PathBuf);

impl Staging {
    fn create(dir: &Path) -> io::Result<Staging> {
        let path = dir.join(STAGING);
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        create_private_dir(&path)?;
        Ok(Staging(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

//! Requests to the service, stored until they are done.

use super::{Editor, Index, IndexReader};
use crate::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{OptionalExtension, params};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Completed jobs are deleted after this many newer ones.
const KEPT: i64 = 10_000;

/// One request.
#[derive(Debug, Clone)]
pub struct JobRow {
    pub id: i64,
    /// Unix seconds.
    pub created: i64,
    pub priority: u8,
    pub paths: Vec<PathBuf>,
    pub queued: bool,
    pub done: Option<i64>,
}

/// A file, where it is, and the space of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInSpace {
    pub id: i64,
    pub path: PathBuf,
    pub space: String,
}

impl IndexReader {
    pub fn job(&self, id: i64) -> Result<Option<JobRow>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id, created, priority, paths, queued, done FROM jobs WHERE id = ?1")?
            .query_row([id], job_row)
            .optional()?)
    }

    /// The newest requests, newest first.
    pub fn newest_jobs(&self, most: usize) -> Result<Vec<JobRow>> {
        let mut st = self.conn.prepare_cached(
            "SELECT id, created, priority, paths, queued, done FROM jobs ORDER BY id DESC LIMIT ?1",
        )?;
        Ok(st
            .query_map([i64::try_from(most).unwrap_or(i64::MAX)], job_row)?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Requests that are not complete, oldest first.
    pub fn open_jobs(&self) -> Result<Vec<JobRow>> {
        let mut st = self.conn.prepare_cached(
            "SELECT id, created, priority, paths, queued, done FROM jobs WHERE done IS NULL ORDER BY id",
        )?;
        Ok(st.query_map([], job_row)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Path, space and id of the file with a name in a folder.
    pub fn file_named(&self, folder_id: i64, name: &[u8]) -> Result<Option<FileInSpace>> {
        let id: Option<i64> = self
            .conn
            .prepare_cached("SELECT id FROM files WHERE folder_id = ?1 AND name = ?2")?
            .query_row(params![folder_id, name], |r| r.get(0))
            .optional()?;
        match id {
            Some(id) => self.file_in_space(id),
            None => Ok(None),
        }
    }

    /// Path of a file and name of its space.
    pub fn file_in_space(&self, id: i64) -> Result<Option<FileInSpace>> {
        let space: Option<String> = self
            .conn
            .prepare_cached(
                "SELECT s.name FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                   JOIN spaces s ON s.id = v.space_id WHERE f.id = ?1",
            )?
            .query_row([id], |r| r.get(0))
            .optional()?;
        Ok(match (self.path_of(id)?, space) {
            (Some(path), Some(space)) => Some(FileInSpace { id, path, space }),
            _ => None,
        })
    }

    /// Names of spaces.
    pub fn space_names(&self, ids: &[i64]) -> Result<Vec<String>> {
        let mut st = self.conn.prepare_cached("SELECT name FROM spaces WHERE id = ?1")?;
        Ok(ids.iter().map(|id| st.query_row([id], |r| r.get(0))).collect::<rusqlite::Result<_>>()?)
    }
}

impl Editor {
    /// Stores a request and returns its id.
    pub fn add_job(&self, priority: u8, paths: &[PathBuf], now: i64) -> Result<i64> {
        let paths: Vec<String> = paths.iter().map(|p| STANDARD.encode(p.as_os_str().as_bytes())).collect();
        let paths = serde_json::to_string(&paths).expect("strings");
        self.conn
            .prepare_cached("INSERT INTO jobs (created, priority, paths) VALUES (?1, ?2, ?3)")?
            .execute(params![now, priority, paths])?;
        let id = self.conn.last_insert_rowid();
        self.conn
            .prepare_cached("DELETE FROM jobs WHERE id <= ?1 AND done IS NOT NULL")?
            .execute([id - KEPT])?;
        Ok(id)
    }
}

impl Index {
    pub fn job_queued(&self, id: i64) -> Result<()> {
        Ok(self.conn.prepare_cached("UPDATE jobs SET queued = 1 WHERE id = ?1")?.execute([id]).map(drop)?)
    }

    pub fn job_done(&self, id: i64, now: i64) -> Result<()> {
        Ok(self
            .conn
            .prepare_cached("UPDATE jobs SET done = ?2 WHERE id = ?1")?
            .execute([id, now])
            .map(drop)?)
    }
}

fn job_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<JobRow> {
    let paths: Vec<String> = serde_json::from_str(r.get_ref(3)?.as_str()?).unwrap_or_default();
    Ok(JobRow {
        id: r.get(0)?,
        created: r.get(1)?,
        priority: r.get(2)?,
        paths: paths
            .iter()
            .filter_map(|p| STANDARD.decode(p).ok())
            .map(|p| PathBuf::from(OsStr::from_bytes(&p)))
            .collect(),
        queued: r.get(4)?,
        done: r.get(5)?,
    })
}

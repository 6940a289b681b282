//! Copies of `portal.sqlite`, for backups.

use super::migrations::{self, SCHEMA_VERSION};
use super::{Result, Store, StoreError, connect};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

impl Store {
    /// Writes a snapshot of the database to a new file, for its owner only, while others read and write.
    pub fn copy_to(&self, to: &Path) -> Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let cannot = |why: String| StoreError::Open { path: to.to_owned(), why };
        // SQLite fills an existing empty file, and keeps its mode.
        std::fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(|e| cannot(e.to_string()))?;
        let name = to.to_str().ok_or_else(|| cannot("its name is no UTF-8".into()))?;
        self.read(|conn| Ok(conn.execute("VACUUM INTO ?1", [name]).map(drop)?))
    }

    /// Checks a copy; the list of problems is empty if it is intact.
    pub fn check_copy(path: &Path) -> Result<Vec<String>> {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let found: u32 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if found > SCHEMA_VERSION {
            return Ok(vec![migrations::MigrateError::Newer { found }.to_string()]);
        }
        let mut statement = conn.prepare("PRAGMA integrity_check")?;
        let lines: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Prepares a copy for use: migrates it to the current schema, and ends all its sessions and unlocked
    /// folders, since a session that was signed out after the copy must not become valid again.
    pub fn prepare_copy(path: &Path) -> Result<()> {
        let cannot = |why: String| StoreError::Open { path: path.to_owned(), why };
        let mut conn = connect(path, true)?;
        migrations::migrate(&mut conn).map_err(|e| cannot(e.to_string()))?;
        conn.execute_batch(
            "DELETE FROM sessions; DELETE FROM unlocks; UPDATE policy_version SET version = version + 1;",
        )?;
        close(&conn, path)
    }

    /// Checkpoints the log of a database that no other connection uses, so that its one file is complete.
    pub fn settle(path: &Path) -> Result<()> {
        close(&connect(path, true)?, path)
    }
}

fn close(conn: &Connection, path: &Path) -> Result<()> {
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "DELETE", |r| r.get(0))?;
    if mode == "delete" {
        return Ok(());
    }
    Err(StoreError::Open {
        path: path.to_owned(),
        why: "another program uses it: stop the portal first".into(),
    })
}

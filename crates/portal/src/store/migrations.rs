//! The numbered migrations of `portal.sqlite`, each pinned by its hash.
//!
//! `PRAGMA user_version` holds the number of the last one that was applied; each runs in a transaction of its own, so that
//! a kill in the middle leaves the number before it.

use rusqlite::{Connection, TransactionBehavior};

/// One migration and the SHA-256 of its text. A released one never changes: a test fails if text and hash
/// differ.
struct Migration {
    sql: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "held against the text by a test"))]
    sha256: &'static str,
}

/// In order; the position (from 1) is the schema version.
const MIGRATIONS: &[Migration] = &[Migration {
    sql: include_str!("../../schema/0001_portal.sql"),
    sha256: "5aa0cc94408637cdf57b3768cf2f23f810faa05605611b6afdd17d4365c79d46",
}];

/// The schema that this program writes.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Why a database could not be brought to [`SCHEMA_VERSION`].
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "it was written by a newer Albumen (schema {found}, this program knows {SCHEMA_VERSION}): update Albumen"
    )]
    Newer { found: u32 },
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// Brings a database to [`SCHEMA_VERSION`].
pub(super) fn migrate(conn: &mut Connection) -> Result<(), MigrateError> {
    loop {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: u32 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if found > SCHEMA_VERSION {
            return Err(MigrateError::Newer { found });
        }
        let Some(next) = MIGRATIONS.get(found as usize) else { return Ok(()) };
        tx.execute_batch(next.sql)?;
        tx.pragma_update(None, "user_version", found + 1)?;
        tx.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn no_migration_was_changed() {
        for (i, migration) in MIGRATIONS.iter().enumerate() {
            let sum = hex(ring::digest::digest(&ring::digest::SHA256, migration.sql.as_bytes()).as_ref());
            assert_eq!(
                sum,
                migration.sha256,
                "migration {} is released: write the next one instead of changing it",
                i + 1
            );
        }
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        assert!(matches!(migrate(&mut conn), Err(MigrateError::Newer { .. })));
        let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 0);
    }
}

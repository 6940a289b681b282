//! The numbered migrations. `PRAGMA user_version` holds the number of the last one that was applied; each
//! runs in a transaction of its own, so that a kill in the middle leaves the number before it.

use rusqlite::Connection;

/// In order, never changed after a release; the position (from 1) is the schema version.
const MIGRATIONS: &[&str] = &[
    include_str!("0001_core.sql"),
    include_str!("0002_people.sql"),
    include_str!("0003_search.sql"),
    include_str!("0004_jobs.sql"),
    include_str!("0005_unclustered.sql"),
    include_str!("0006_pages.sql"),
    include_str!("0007_waiting.sql"),
    include_str!("0008_quiet.sql"),
    include_str!("0009_strayed.sql"),
    include_str!("0010_stale.sql"),
    include_str!("0011_failures.sql"),
    include_str!("0012_volume_spaces.sql"),
    include_str!("0013_counts.sql"),
    include_str!("0014_reading.sql"),
    include_str!("0015_walk_problems.sql"),
    include_str!("0016_people_words.sql"),
    include_str!("0017_unread.sql"),
    include_str!("0018_words.sql"),
    include_str!("0019_accounts.sql"),
    include_str!("0020_person_counts.sql"),
];

/// The schema this program writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Why a database could not be brought to [`VERSION`].
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "the index was written by a newer Albumen (schema {found}, this program knows {VERSION}): update Albumen"
    )]
    Newer { found: u32 },
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// The schema version that stands in the database; 0 for an empty one.
pub fn current(conn: &Connection) -> rusqlite::Result<u32> {
    conn.pragma_query_value(None, "user_version", |r| r.get(0))
}

/// Brings the database to [`VERSION`]. `reached` is called inside each migration before its commit (a named
/// point for tests that kill the process there).
pub fn migrate(conn: &mut Connection, reached: impl Fn()) -> Result<(), MigrateError> {
    let found = current(conn)?;
    if found > VERSION {
        return Err(MigrateError::Newer { found });
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", i as u32 + 1)?;
        reached();
        tx.commit()?;
    }
    Ok(())
}

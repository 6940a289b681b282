//! The numbered migrations. `PRAGMA user_version` is the number of the last applied one; each runs in its own
//! transaction, so that a kill leaves the previous number.

use rusqlite::Connection;

/// Statements, and their BLAKE3, which a test checks.
struct Migration {
    sql: &'static str,
    #[cfg_attr(not(test), expect(dead_code))]
    blake3: &'static str,
}

/// In order, never changed after a release; the position (from 1) is the schema version.
const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("0001_index.sql"),
        blake3: "41a7c6540e666c5cbcac5bf84a83e8f182c8cda35c6adb63ce35db1bd1879e44",
    },
    Migration {
        sql: include_str!("0002_person_counts.sql"),
        blake3: "63dcee11b161605f9405177348f20b9389905677656738046781f176a54d9f9a",
    },
    Migration {
        sql: include_str!("0003_edits.sql"),
        blake3: "6f672ff37b857894bf657e6185f3fdc9e7bf964035880cf43f5ff67d7b87a98c",
    },
];

/// The schema that this version writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// `PRAGMA application_id` of every index since 0.2.0 ("Albm"). Unreleased versions had none and numbered their schemas
/// differently.
const APPLICATION_ID: u32 = 0x416c_626d;

/// Why a database could not be migrated to [`VERSION`].
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "the index was written by a newer Albumen (schema {found}, this program knows {VERSION}): update Albumen"
    )]
    Newer { found: u32 },
    #[error(
        "the index was written by an Albumen before 0.2.0, which was never released, and cannot be brought up to date: move the index \
         folder to another place, or name a new one with --index, and run `albumen index` to make a new one. The photos are \
         untouched; titles, dates, albums and names of people that users gave stay in the old one"
    )]
    Unreleased,
    #[error(transparent)]
    Sql(#[from] crate::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(e: rusqlite::Error) -> MigrateError {
        MigrateError::Sql(e.into())
    }
}

/// The schema version of the database; 0 for an empty one.
pub(crate) fn current(conn: &Connection) -> rusqlite::Result<u32> {
    conn.pragma_query_value(None, "user_version", |r| r.get(0))
}

/// The schema version of a database that this version can use or migrate.
pub(crate) fn usable(conn: &Connection) -> Result<u32, MigrateError> {
    let found = current(conn)?;
    let application: u32 = conn.pragma_query_value(None, "application_id", |r| r.get(0))?;
    match found {
        0 => Ok(0),
        _ if application != APPLICATION_ID => Err(MigrateError::Unreleased),
        found if found > VERSION => Err(MigrateError::Newer { found }),
        found => Ok(found),
    }
}

/// Migrates the database to [`VERSION`]. `reached` is called in each migration before its commit (a failpoint for tests
/// that kill the process there).
pub(crate) fn migrate(conn: &mut Connection, reached: impl Fn()) -> Result<(), MigrateError> {
    let found = usable(conn)?;
    for (i, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute_batch(migration.sql)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", i as u32 + 1)?;
        reached();
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_what_they_were() {
        for (i, migration) in MIGRATIONS.iter().enumerate() {
            let is = blake3::hash(migration.sql.as_bytes()).to_hex();
            assert_eq!(
                is.as_str(),
                migration.blake3,
                "migration {} has changed: write a new one instead",
                i + 1
            );
        }
    }

    #[test]
    fn an_index_of_before_the_first_release_is_refused_and_one_of_a_later_is_too() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", 19).unwrap();
        assert!(matches!(migrate(&mut conn, || ()), Err(MigrateError::Unreleased)));
        conn.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        assert!(matches!(migrate(&mut conn, || ()), Err(MigrateError::Newer { found: 19 })));
    }

    #[test]
    fn a_stage_that_this_version_does_not_know_can_be_recorded() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, || ()).unwrap();
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        let sql = "INSERT INTO stage_state (file_id, stage, version, input_key, state) VALUES (1, 'of later', 1, 'x', 'done')";
        assert_eq!(conn.execute(sql, []).unwrap(), 1);
    }
}

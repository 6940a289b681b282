//! Checks of rows that must agree: facts, items, edits, people, counts and search text.

use super::{Check, Kind, MAKE_AGAIN, PAGE, found};
use crate::people::counts;
use crate::position::Position;
use crate::query::Query;
use crate::said::DateEdit;
use crate::{Result, items};
use albumen_core::vocabulary::Facts;
use rusqlite::params;

impl Check<'_> {
    /// The facts of every file can be parsed.
    pub(super) fn facts(&mut self) -> Result<()> {
        let mut after = 0;
        loop {
            let page: Vec<(i64, String)> = self
                .conn
                .prepare_cached(
                    "SELECT id, facts FROM files WHERE id > ?1 AND facts IS NOT NULL ORDER BY id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            for (file, json) in &page {
                let Err(e) = serde_json::from_str::<Facts>(json) else { continue };
                let what = format!("what was read from it cannot be parsed in the index: {e}");
                let mut issue = found(Kind::Facts, Some(self.path_of(*file)?), what, MAKE_AGAIN);
                if self.depth.repair {
                    crate::items::inspect_anew(&self.conn, *file)?;
                    issue.repaired = true;
                }
                self.tell(issue);
            }
        }
    }

    /// Every media file is an item or part of one, and every visible item has a search entry. Folders that are due for
    /// grouping are skipped.
    pub(super) fn items(&mut self) -> Result<()> {
        let (mut after, advice) =
            (0, "run `albumen verify --repair`, then `albumen index`: it puts the folder together again");
        loop {
            let page: Vec<(i64, Option<i64>, bool)> = self
                .conn
                .prepare_cached(
                    "SELECT f.id, CASE
                         WHEN f.companion_of IS NOT NULL THEN
                           CASE WHEN p.id IS NULL OR p.companion_of IS NOT NULL THEN 3 END
                         WHEN i.file_id IS NULL OR i.hidden = 1 THEN 1
                         WHEN s.file_id IS NULL THEN 2 END,
                       d.regroup
                     FROM files f JOIN folders d ON d.id = f.folder_id
                       LEFT JOIN items i ON i.file_id = f.id LEFT JOIN item_search s ON s.file_id = f.id
                       LEFT JOIN files p ON p.id = f.companion_of
                     WHERE f.id > ?1 AND f.is_sidecar = 0 AND f.vanished IS NULL ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            for (file, wrong, waits) in page {
                self.checked.files += 1;
                let what = match wrong {
                    None => continue,
                    Some(_) if waits => continue,
                    Some(1) => "it is no item, nor part of one: it is not shown",
                    Some(2) => "it is shown, and searches do not find it",
                    Some(_) => "it is part of a file that is itself part of another",
                };
                let mut issue = found(Kind::Item, Some(self.path_of(file)?), what, advice);
                if self.depth.repair {
                    // Deleting the digest makes the search entry be written again.
                    self.conn.execute("DELETE FROM item_search WHERE file_id = ?1", [file])?;
                    crate::record::mark_stale(&self.conn, file)?;
                    issue.repaired = true;
                }
                self.tell(issue);
            }
        }
    }

    /// Checks the user edits of items and albums.
    pub(super) fn edits(&mut self) -> Result<()> {
        let mut bad: Vec<(i64, String, &str)> = Vec::new();
        {
            let mut st = self.conn.prepare("SELECT file_id, field, value FROM item_edits")?;
            let mut rows = st.query([])?;
            while let Some(r) = rows.next()? {
                self.checked.edits += 1;
                let (file, value): (i64, Option<String>) = (r.get(0)?, r.get(2)?);
                let text = value.as_deref().unwrap_or_default();
                match r.get_ref(1)?.as_str()? {
                    "taken" if DateEdit::parse(text).is_err() => {
                        bad.push((
                            file,
                            format!("its date was set to {text:?}, which is none"),
                            "--date DATE",
                        ));
                    }
                    "rating" if value.is_some() && !text.parse().is_ok_and(|r: i8| (-1..=5).contains(&r)) => {
                        bad.push((
                            file,
                            format!("its rating was set to {text:?}, which is none"),
                            "--rating N",
                        ));
                    }
                    "gps" if value.is_some() && Position::parse(text).is_err() => {
                        bad.push((
                            file,
                            format!("its position was set to {text:?}, which is none"),
                            "--gps LAT,LON",
                        ));
                    }
                    _ => {}
                }
            }
            let mut st = self.conn.prepare("SELECT file_id, tag, given FROM tag_edits")?;
            let mut rows = st.query([])?;
            while let Some(r) = rows.next()? {
                self.checked.edits += 1;
                let (tag, given): (String, i64) = (r.get(1)?, r.get(2)?);
                if tag.trim().is_empty() || !(0..=1).contains(&given) {
                    bad.push((
                        r.get(0)?,
                        format!("the tag {tag:?} was neither given nor taken away"),
                        "--forget tags",
                    ));
                }
            }
        }
        for (file, what, again) in bad {
            let path = self.path_of(file)?;
            let advice = format!("say it again: `albumen edit {path:?} {again}`");
            self.tell(found(Kind::Edit, Some(path), what, advice));
        }
        let albums: Vec<(String, Option<String>)> = self
            .conn
            .prepare("SELECT name, query FROM albums")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (name, query) in albums {
            self.checked.edits += 1;
            if let Some(Err(why)) = query.as_deref().map(Query::parse) {
                let what =
                    format!("the album {name:?} is filled by a search that cannot be understood: {why}");
                self.tell(found(Kind::Edit, None, what, "delete it and make it again (`albumen albums`)"));
            }
        }
        Ok(())
    }

    /// Checks the user edits of people for contradictions.
    pub(super) fn people(&mut self) -> Result<()> {
        const RULES: [(&str, &str, &str); 3] = [
            (
                "SELECT 'face ' || face_id FROM face_edits WHERE verdict = 'is' GROUP BY face_id HAVING count(*) > 1",
                "is said to be two people",
                "say who it is: `albumen faces assign`",
            ),
            (
                "SELECT 'person ' || a.alias FROM person_aliases a
                 WHERE a.alias = a.person_id OR EXISTS (SELECT 1 FROM person_aliases b WHERE b.alias = a.person_id)",
                "was merged into one who was merged away",
                "take the merge back: `albumen people undo`",
            ),
            (
                "SELECT 'edit ' || id FROM people_edit_log WHERE NOT json_valid(before)",
                "cannot be taken back: what was before it cannot be read",
                "nothing: only undoing it is lost",
            ),
        ];
        for (sql, what, advice) in RULES {
            let who: Vec<String> =
                self.conn.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
            for who in who {
                self.tell(found(Kind::Edit, None, format!("{who} {what}"), advice));
            }
        }
        self.names_found()?;
        self.counts_kept()?;
        self.checked.edits += self.conn.query_row(
            "SELECT (SELECT count(*) FROM face_edits) + (SELECT count(*) FROM person_edits)
                  + (SELECT count(*) FROM person_aliases) + (SELECT count(*) FROM people_apart)
                  + (SELECT count(*) FROM faces WHERE mark IS NOT NULL)",
            [],
            |r| r.get::<_, i64>(0).map(|n| n as u64),
        )?;
        Ok(())
    }

    /// Compares the stored counts of people with a recount.
    fn counts_kept(&mut self) -> Result<()> {
        for person in counts::wrong(&self.conn)? {
            let what = format!("lists show person {person} with the wrong number of photos or faces");
            let mut issue = found(Kind::Item, None, what, "run `albumen verify --repair`");
            if self.depth.repair {
                self.conn.execute("DELETE FROM person_counts WHERE person_id = ?1", [&person])?;
                issue.repaired = true;
            }
            self.tell(issue);
        }
        Ok(())
    }

    /// Checks that an item is found by the names of its faces and by no others.
    fn names_found(&mut self) -> Result<()> {
        let mut after = 0;
        loop {
            let page: Vec<i64> = self
                .conn
                .prepare_cached(
                    "SELECT f.id FROM files f JOIN items i ON i.file_id = f.id
                      WHERE f.id > ?1 AND i.hidden = 0
                        AND (f.facts LIKE '%\"regions\"%' OR f.id IN (SELECT file_id FROM people_renamed)
                          OR EXISTS (SELECT 1 FROM faces a WHERE a.file_id = f.id AND a.person_id IS NOT NULL))
                      ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(&last) = page.last() else { return Ok(()) };
            after = last;
            for file in page {
                if !items::is_findable(&self.conn, file)? {
                    let path = self.path_of(file)?;
                    let what = "is not found by the names of the people in it, or by another's";
                    let mut issue = found(Kind::Item, Some(path), what, MAKE_AGAIN);
                    if self.depth.repair {
                        let tx = self.conn.unchecked_transaction()?;
                        items::refresh(&tx, file)?;
                        tx.commit()?;
                        issue.repaired = true;
                    }
                    self.tell(issue);
                }
            }
        }
    }
}

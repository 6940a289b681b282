//! Writing many rows as one: what a run records, each batch in one transaction.

use super::items::{Beside, GroupRow};
use super::record::{DerivativeRow, Elsewhere, Outcome, PutFile, ReadFile};
use super::{Index, IndexReader, Result, items, people, record};
use albumen_core::vocabulary::{Facts, FoundFace, FoundSubject, Place, Stage};
use albumen_files::FileStat;
use albumen_files::hash::ContentHash;
use albumen_files::mounts::FsId;
use rusqlite::Transaction;

/// One transaction that writes. Dropped without [`IndexWriter::commit`], it leaves everything as it was.
#[derive(Debug)]
pub struct IndexWriter<'a>(Transaction<'a>);

impl IndexReader {
    /// Where a content is recorded as present, with the owner of a folder and on volumes that are not offline: of a sampled
    /// hash only with the same size and time. No more than a few.
    pub fn elsewhere(
        &self,
        folder_id: i64,
        content_hash: &ContentHash,
        stat: &FileStat,
    ) -> Result<Vec<Elsewhere>> {
        record::elsewhere(&self.conn, folder_id, content_hash, stat)
    }

    /// The derivatives of a content.
    pub fn derivatives(&self, content_hash: &str) -> Result<Vec<DerivativeRow>> {
        record::derivatives(&self.conn, content_hash)
    }

    /// A thumbhash that another copy of this content already has.
    pub fn thumbhash_of_content(&self, content_hash: &str) -> Result<Option<Vec<u8>>> {
        record::thumbhash_of_content(&self.conn, content_hash)
    }

    /// How render ended for another file of the same content with the same settings: copies share their pictures.
    pub fn rendered_before(
        &self,
        content_hash: &str,
        version: u32,
        settings: &str,
    ) -> Result<Option<Outcome>> {
        record::rendered_before(&self.conn, content_hash, version, settings)
    }

    /// The facts of a file as inspect found them.
    pub fn facts(&self, file: i64) -> Result<Facts> {
        items::facts(&self.conn, file)
    }

    /// Bytes that the largest of the next folders takes while it is put together: its names twice, and what is known of each
    /// file.
    pub fn largest_to_regroup(&self, limit: usize) -> Result<u64> {
        items::largest_to_regroup(&self.conn, limit)
    }
}

impl Index {
    /// Begins a transaction that holds the right to write from its first statement on.
    pub fn write(&mut self) -> Result<IndexWriter<'_>> {
        Ok(IndexWriter(self.begin()?))
    }

    /// Begins a transaction around what the methods of this index do until it is committed.
    pub fn write_together(&self) -> Result<IndexWriter<'_>> {
        Ok(IndexWriter(self.conn.unchecked_transaction()?))
    }
}

impl IndexWriter<'_> {
    /// Makes it all stand.
    pub fn commit(self) -> Result<()> {
        Ok(self.0.commit()?)
    }

    /// Takes it all back, and says if that failed.
    pub fn rollback(self) -> Result<()> {
        Ok(self.0.rollback()?)
    }

    /// Makes or updates the row of the media file at a path. A row that had vanished is back.
    pub fn put_file(&self, file: &ReadFile<'_>, now: i64) -> Result<PutFile> {
        record::put_file(&self.0, file, now)
    }

    /// The same content under another stat: touched, or back after it had vanished. Returns whether it is back: then its item
    /// is to be shown again ([`super::items::refresh`]).
    pub fn touch_file(&self, id: i64, fs: FsId, stat: &FileStat) -> Result<bool> {
        record::touch_file(&self.0, id, fs, stat)
    }

    /// A known file is at another path now; everything known of it stays. A vanished row that still holds the new
    /// path gives way.
    pub fn move_file(&self, id: i64, folder_id: i64, name: &[u8], fs: FsId, stat: &FileStat) -> Result<()> {
        record::move_file(&self.0, id, folder_id, name, fs, stat)
    }

    /// The vanished file that a content at a new path is: of a sampled hash only with the same size and time. `None` where the
    /// path is known.
    pub fn vanished_for(
        &self,
        folder_id: i64,
        name: &[u8],
        content_hash: &ContentHash,
        stat: &FileStat,
    ) -> Result<Option<i64>> {
        record::vanished_for(&self.0, folder_id, name, content_hash, stat)
    }

    /// Whether a file is still recorded where it was.
    pub fn is_at(&self, file: &Elsewhere) -> Result<bool> {
        record::is_at(&self.0, file)
    }

    /// A file is gone. Its row, edits and derivatives stay for the grace period.
    pub fn vanish_file(&self, id: i64, now: i64) -> Result<()> {
        record::vanish_file(&self.0, id, now)
    }

    /// A file was recorded, and its item is made anew in the same transaction ([`IndexWriter::refresh_all`]): of what its
    /// folder's files are put together to, only the item that it is part of may be another now.
    pub fn mark_recorded(&self, file: PutFile, folder_id: i64) -> Result<()> {
        record::mark_recorded(&self.0, file, folder_id)
    }

    /// The folder's items are to be put together again before the run ends.
    pub fn mark_regroup(&self, folder_id: i64) -> Result<()> {
        record::mark_regroup(&self.0, folder_id)
    }

    /// How a stage ended for a file. An equal transient failure before it counts as an attempt.
    pub fn put_stage(
        &self,
        id: i64,
        stage: Stage,
        version: u32,
        input_key: &str,
        outcome: &Outcome,
        now: i64,
    ) -> Result<()> {
        record::put_stage(&self.0, id, stage, version, input_key, outcome, now)
    }

    /// The derivatives of a content, in place of those it had.
    pub fn put_derivatives(&self, content_hash: &str, rows: &[DerivativeRow]) -> Result<()> {
        record::put_derivatives(&self.0, content_hash, rows)
    }

    /// Takes a finished piece of work out of the queue.
    pub fn pending_done(&self, pending_id: i64) -> Result<()> {
        record::pending_done(&self.0, pending_id)
    }

    /// Makes a stage due for one file unless it was done with these inputs of the file (16 hex digits).
    pub fn stage_again_unless(&self, id: i64, stage: Stage, file_inputs: &str) -> Result<()> {
        record::stage_again_unless(&self.0, id, stage, file_inputs)
    }

    /// Makes a stage due for one file.
    pub fn stage_again(&self, id: i64, stage: Stage) -> Result<()> {
        record::stage_again(&self.0, id, stage)
    }

    /// The subjects seen in a picture and its feature vector, in place of those it had.
    pub fn put_subjects(&self, id: i64, found: &[FoundSubject], features: &[i8]) -> Result<()> {
        record::put_subjects(&self.0, id, found, features)
    }

    /// The present files of a folder, in order of name.
    pub fn group_rows(&self, folder_id: i64) -> Result<Vec<GroupRow>> {
        items::group_rows(&self.0, folder_id)
    }

    /// The folders beside one whose name is a camera's for clips or for what it makes of them; `None` for any other.
    pub fn folders_beside(&self, folder_id: i64) -> Result<Option<Beside>> {
        items::folders_beside(&self.0, folder_id)
    }

    /// Folders whose items are to be put together again.
    pub fn folders_to_regroup(&self, limit: usize) -> Result<Vec<i64>> {
        items::folders_to_regroup(&self.0, limit)
    }

    /// Makes `file` a companion of `primary`, or an item of its own.
    pub fn set_companion(&self, file: i64, of: Option<(i64, &str)>) -> Result<()> {
        items::set_companion(&self.0, file, of)
    }

    /// The items of a folder are put together; `fresh` of its files were stale.
    pub fn regrouped(&self, folder_id: i64, fresh: impl IntoIterator<Item = i64>) -> Result<()> {
        items::regrouped(&self.0, folder_id, fresh)
    }

    /// The place and zone found for a file. Returns whether they are others than before: then its item is to be made anew.
    pub fn put_place(&self, file: i64, place: Option<&Place>, zone: Option<&str>) -> Result<bool> {
        items::put_place(&self.0, file, place, zone)
    }

    /// The facts of a file as inspect found them.
    pub fn facts(&self, file: i64) -> Result<Facts> {
        items::facts(&self.0, file)
    }

    /// Rebuilds what is shown and found of a media file.
    pub fn refresh(&self, file: i64) -> Result<()> {
        items::refresh(&self.0, file)
    }

    /// The same for several. What searches read is written last and in a row: before each statement that SQLite may have to take
    /// back, FTS5 writes out what it has gathered.
    pub fn refresh_all(&self, files: impl IntoIterator<Item = i64>) -> Result<()> {
        items::refresh_all(&self.0, files)
    }

    /// Records the faces of a file in place of those it had. People and edits go over to the face whose box overlaps;
    /// one that is not found again stays (as lost) if a user has said who it is, else it goes.
    pub fn record_faces(&self, file: i64, found: &[FoundFace], embedder: &str) -> Result<()> {
        people::record_faces(&self.0, file, found, embedder)
    }
}

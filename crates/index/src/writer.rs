//! Batched writes: the results of a run, each batch in one transaction.

use super::items::{Beside, GroupRow};
use super::record::{DerivativeRow, Elsewhere, Outcome, PutFile, ReadFile};
use super::{Index, IndexReader, Result, items, people, position, record};
use albumen_core::vocabulary::{Facts, FoundFace, FoundSubject, Gps, Place, Stage};
use albumen_files::FileStat;
use albumen_files::hash::ContentHash;
use albumen_files::mounts::FsId;
use rusqlite::Transaction;

/// A write transaction. Dropped without [`IndexWriter::commit`], it is rolled back.
#[derive(Debug)]
pub struct IndexWriter<'a>(Transaction<'a>);

impl IndexReader {
    /// Where a content is recorded as present, with the owner of a folder, on volumes that are not offline; for a
    /// sampled hash, only with the same size and time. At most a few.
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

    /// The thumbhash of another copy of this content.
    pub fn thumbhash_of_content(&self, content_hash: &str) -> Result<Option<Vec<u8>>> {
        record::thumbhash_of_content(&self.conn, content_hash)
    }

    /// The outcome of render for another file of the same content with the same settings: copies share their
    /// derivatives.
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

    /// Bytes that grouping needs for the largest of the next folders: its names twice, and the recorded data of each
    /// file.
    pub fn largest_to_regroup(&self, limit: usize) -> Result<u64> {
        items::largest_to_regroup(&self.conn, limit)
    }
}

impl Index {
    /// Begins a transaction that holds the write lock from the start.
    pub fn write(&mut self) -> Result<IndexWriter<'_>> {
        Ok(IndexWriter(self.begin()?))
    }

    /// Begins a transaction around the methods of this index until it is committed.
    pub fn write_together(&self) -> Result<IndexWriter<'_>> {
        Ok(IndexWriter(self.conn.unchecked_transaction()?))
    }
}

impl IndexWriter<'_> {
    /// Commits the transaction.
    pub fn commit(self) -> Result<()> {
        Ok(self.0.commit()?)
    }

    /// Rolls the transaction back; returns an error if that failed.
    pub fn rollback(self) -> Result<()> {
        Ok(self.0.rollback()?)
    }

    /// Inserts or updates the row of the media file at a path. A row marked as removed is restored.
    pub fn put_file(&self, file: &ReadFile<'_>, now: i64) -> Result<PutFile> {
        record::put_file(&self.0, file, now)
    }

    /// Updates the stat of a file with unchanged content: touched, or restored after its removal. Returns whether it
    /// was restored: then its item must be shown again ([`super::items::refresh`]).
    pub fn touch_file(&self, id: i64, fs: FsId, stat: &FileStat) -> Result<bool> {
        record::touch_file(&self.0, id, fs, stat)
    }

    /// Moves a known file to another path, keeping all its data. A row marked as removed at the new path is deleted.
    pub fn move_file(&self, id: i64, folder_id: i64, name: &[u8], fs: FsId, stat: &FileStat) -> Result<()> {
        record::move_file(&self.0, id, folder_id, name, fs, stat)
    }

    /// The removed file that a content at a new path is; for a sampled hash, only with the same size and time. `None`
    /// if the path is known.
    pub fn vanished_for(
        &self,
        folder_id: i64,
        name: &[u8],
        content_hash: &ContentHash,
        stat: &FileStat,
    ) -> Result<Option<i64>> {
        record::vanished_for(&self.0, folder_id, name, content_hash, stat)
    }

    /// Whether a file is still recorded at that path.
    pub fn is_at(&self, file: &Elsewhere) -> Result<bool> {
        record::is_at(&self.0, file)
    }

    /// Marks a file as removed. Its row, edits and derivatives stay for the grace period.
    pub fn vanish_file(&self, id: i64, now: i64) -> Result<()> {
        record::vanish_file(&self.0, id, now)
    }

    /// Marks that a file was recorded and its item was updated in the same transaction ([`IndexWriter::refresh_all`]):
    /// grouping of its folder can change only the item that it belongs to.
    pub fn mark_recorded(&self, file: PutFile, folder_id: i64) -> Result<()> {
        record::mark_recorded(&self.0, file, folder_id)
    }

    /// Makes grouping due for a folder, before the run ends.
    pub fn mark_regroup(&self, folder_id: i64) -> Result<()> {
        record::mark_regroup(&self.0, folder_id)
    }

    /// Records the outcome of a stage for a file. An equal transient failure before it counts as an attempt.
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

    /// Replaces the derivatives of a content.
    pub fn put_derivatives(&self, content_hash: &str, rows: &[DerivativeRow]) -> Result<()> {
        record::put_derivatives(&self.0, content_hash, rows)
    }

    /// Removes completed work from the queue.
    pub fn pending_done(&self, pending_id: i64) -> Result<()> {
        record::pending_done(&self.0, pending_id)
    }

    /// Makes a stage due for one file, unless it was done with these inputs of the file (16 hex digits).
    pub fn stage_again_unless(&self, id: i64, stage: Stage, file_inputs: &str) -> Result<()> {
        record::stage_again_unless(&self.0, id, stage, file_inputs)
    }

    /// Makes a stage due for one file.
    pub fn stage_again(&self, id: i64, stage: Stage) -> Result<()> {
        record::stage_again(&self.0, id, stage)
    }

    /// Replaces the subjects of a picture and its feature vector.
    pub fn put_subjects(&self, id: i64, found: &[FoundSubject], features: &[i8]) -> Result<()> {
        record::put_subjects(&self.0, id, found, features)
    }

    /// The present files of a folder, in order of name.
    pub fn group_rows(&self, folder_id: i64) -> Result<Vec<GroupRow>> {
        items::group_rows(&self.0, folder_id)
    }

    /// The folders beside one that a camera names for clips or for files derived from clips; `None` for any other.
    pub fn folders_beside(&self, folder_id: i64) -> Result<Option<Beside>> {
        items::folders_beside(&self.0, folder_id)
    }

    /// Folders due for grouping.
    pub fn folders_to_regroup(&self, limit: usize) -> Result<Vec<i64>> {
        items::folders_to_regroup(&self.0, limit)
    }

    /// Makes `file` a companion of `primary`, or an item of its own.
    pub fn set_companion(&self, file: i64, of: Option<(i64, &str)>) -> Result<()> {
        items::set_companion(&self.0, file, of)
    }

    /// Records that a folder was grouped; `fresh` are the files that were stale.
    pub fn regrouped(&self, folder_id: i64, fresh: impl IntoIterator<Item = i64>) -> Result<()> {
        items::regrouped(&self.0, folder_id, fresh)
    }

    /// Records the place and zone of a file. Returns whether they have changed: then its item must be updated.
    pub fn put_place(&self, file: i64, place: Option<&Place>, zone: Option<&str>) -> Result<bool> {
        items::put_place(&self.0, file, place, zone)
    }

    /// The facts of a file as inspect found them.
    pub fn facts(&self, file: i64) -> Result<Facts> {
        items::facts(&self.0, file)
    }

    /// The position of a file after edits of users; `found` is the one in its facts.
    pub fn position(&self, file: i64, found: Option<Gps>) -> Result<Option<Gps>> {
        position::position(&self.0, file, found)
    }

    /// Updates the item and the search entry of a media file.
    pub fn refresh(&self, file: i64) -> Result<()> {
        items::refresh(&self.0, file)
    }

    /// Like [`IndexWriter::refresh`], for several files. Search text is written last and in sequence: before each
    /// statement that SQLite may have to roll back, FTS5 flushes its pending data.
    pub fn refresh_all(&self, files: impl IntoIterator<Item = i64>) -> Result<()> {
        items::refresh_all(&self.0, files)
    }

    /// Replaces the recorded faces of a file. People and edits move to the matching new face; a face without match
    /// becomes lost if it has a user edit, else it is deleted.
    pub fn record_faces(&self, file: i64, found: &[FoundFace], embedder: &str) -> Result<()> {
        people::record_faces(&self.0, file, found, embedder)
    }
}

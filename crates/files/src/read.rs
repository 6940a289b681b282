//! Reads one candidate: opens it beneath its root, checks whether it is media, hashes it.
//!
//! The open file is passed on, so that the worker reads the pages that the hash has just loaded.

use super::hash::{self, HashError, Hashed, Pace};
use super::open::{Root, open_beneath};
use super::pages::Pages;
use super::patience::KillableClose;
use super::signature::{HEAD, Signature, signature};
use super::walk::Role;
use albumen_core::fault::Fault;
use std::fs::File;

/// The result of reading a candidate.
#[derive(Debug)]
pub enum Read {
    /// The open file, its hash, and the matching `stat`; its pages, while another reader needs them.
    Done { file: File, hashed: Hashed, pages: Pages },
    /// A file without an extension whose first bytes are not those of media: ignored.
    NotMedia,
    /// It was written to meanwhile: queue it again, a few times, then leave it to the next run.
    Changing,
}

/// Opens and hashes the file at `path` below the root.
pub fn read(root: &Root, path: &[u8], role: Role, pace: &impl Pace) -> Result<Read, Fault> {
    let (file, _) = open_beneath(root, path)?;
    let file = KillableClose::new(file);
    let pages = Pages::of(&file);
    let answer = (|| {
        if role == Role::Unnamed {
            let mut head = [0; HEAD];
            let n = hash::read_full(&file, 0, &mut head)?;
            if signature(&head[..n]) == Signature::Unknown {
                return Ok(None);
            }
        }
        hash::content_hash(&file, pace).map(Some)
    })();
    match answer {
        Ok(Some(hashed)) => Ok(Read::Done { file: file.into_file(), hashed, pages }),
        Ok(None) => Ok(Read::NotMedia),
        Err(HashError::Changing) => Ok(Read::Changing),
        Err(HashError::Fault(fault)) => Err(fault),
    }
}

//! Checks of the originals: reads each again, and compares its bytes with the hash.

use super::{Check, Kind, PAGE, found};
use crate::Result;
use albumen_files::hash::{self, ContentHash, HashError};
use albumen_files::open::{Root, open_beneath};
use albumen_files::pages::Pages;
use albumen_files::patience::KillableClose;
use albumen_files::{relative, volume};
use rusqlite::params;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

impl Check<'_> {
    /// Reads every original again. Different bytes at the same size and times mean a failing disk, or a file that was
    /// changed and had its times reset.
    pub(super) fn originals(&mut self) -> Result<()> {
        let stop = AtomicBool::new(false);
        let mut roots: HashMap<Vec<u8>, Option<Root>> = HashMap::new();
        let mut after = 0;
        loop {
            let page: Vec<Original> = self
                .conn
                .prepare_cached(
                    "SELECT f.id, v.path, d.path, f.name, f.bytes, f.mtime_ns, f.content_hash, v.offline IS NOT NULL,
                       v.fingerprint
                     FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                     WHERE f.id > ?1 AND f.vanished IS NULL AND f.content_hash IS NOT NULL ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| {
                    Ok(Original {
                        id: r.get(0)?,
                        volume: r.get(1)?,
                        folder: r.get(2)?,
                        name: r.get(3)?,
                        bytes: r.get(4)?,
                        mtime_ns: r.get(5)?,
                        content: r.get(6)?,
                        offline: r.get(7)?,
                        fingerprint: r.get(8)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for file in page {
                let root = roots.entry(file.volume.clone()).or_insert_with(|| file.root());
                let hashed = match root {
                    Some(root) if !file.offline => file.hash(root, &stop),
                    _ => None,
                };
                match hashed {
                    None => self.checked.originals_left_out += 1,
                    Some(same) => {
                        self.checked.originals += 1;
                        if !same {
                            let path = relative::on_disk(&[&file.volume, &file.folder, &file.name]);
                            self.tell(found(
                                Kind::Original,
                                Some(path.to_string_lossy().into_owned()),
                                "its bytes are not those that were indexed, though its size and times are",
                                "look at it: if the disk is failing, bring the file back from a backup of yours; if it \
                                 was changed on purpose, run `albumen index --force` on it",
                            ));
                        }
                    }
                }
            }
        }
    }
}

pub(super) struct Original {
    id: i64,
    volume: Vec<u8>,
    folder: Vec<u8>,
    name: Vec<u8>,
    bytes: i64,
    mtime_ns: i64,
    content: String,
    offline: bool,
    fingerprint: Option<String>,
}

impl Original {
    /// The root of its volume, if it exists and is still the folder that was indexed.
    fn root(&self) -> Option<Root> {
        let was = serde_json::from_str(self.fingerprint.as_deref()?).ok()?;
        volume::reopen(&relative::on_disk(&[&self.volume]), &was).ok()
    }

    /// Whether its content is the one that was indexed; `None` if it is missing, changed since, or cannot be read.
    fn hash(&self, root: &Root, stop: &AtomicBool) -> Option<bool> {
        let below = relative::on_disk(&[&self.folder, &self.name]);
        let (file, stat) = open_beneath(root, below.as_os_str().as_encoded_bytes()).ok()?;
        let file = KillableClose::new(file);
        let _pages = Pages::of(&file);
        if stat.size != self.bytes as u64 || stat.mtime_ns != self.mtime_ns {
            return None;
        }
        let recorded = ContentHash::parse(&self.content)?;
        match hash::content_hash_like(&file, &recorded, stop) {
            Ok(hashed) => Some(hashed.hash == recorded),
            Err(HashError::Changing | HashError::Fault(_)) => None,
        }
    }
}

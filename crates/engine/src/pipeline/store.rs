//! The derivative store: `derived/` below the index folder, sharded by content hash.
//!
//! Promises: a derivative appears whole or not at all (temporary name, then rename); its path holds content
//! hash, render version and settings key, so equal content shares it and another version never overwrites it;
//! what no row names is swept.

use albumen_core::breakpoints::{noted, reached};
use albumen_core::vocabulary::{DerivativeName, Rendition};
use albumen_index::record::DerivativeRow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Files of a store being written carry this prefix; a sweep removes what a kill left of them.
const TEMPORARY: &str = ".tmp-";

/// The store of one index.
#[derive(Debug, Clone)]
pub struct Store {
    index_dir: PathBuf,
}

impl Store {
    pub fn new(index_dir: &Path) -> Store {
        Store { index_dir: index_dir.to_owned() }
    }

    /// Where the derivatives of a content lie, relative to the index folder. `key` is the render version and
    /// settings. Two levels of 256 folders keep a million photos at a few dozen files a folder.
    fn relative(content_hash: &str, key: &str, name: DerivativeName) -> String {
        let hex = content_hash.rsplit(':').next().unwrap_or(content_hash);
        format!(
            "derived/{}/{}/{}-{}-{}.jpg",
            hex.get(..2).unwrap_or("xx"),
            hex.get(2..4).unwrap_or("xx"),
            hex.get(4..36).unwrap_or(hex),
            key,
            name.as_str()
        )
    }

    /// Writes the pictures of one content and returns a row for each of xl, m, sm, and preview where it is wanted: a
    /// name whose picture equals another one shares its file. Not durable until [`Store::sync`].
    pub fn write(
        &self,
        content_hash: &str,
        key: &str,
        pictures: &[Rendition],
        preview: bool,
    ) -> io::Result<Vec<DerivativeRow>> {
        let mut rows: Vec<DerivativeRow> = Vec::with_capacity(4);
        for p in pictures {
            let path = Store::relative(content_hash, key, p.name);
            self.write_whole(&self.index_dir.join(&path), &p.jpeg)?;
            rows.push(DerivativeRow {
                name: p.name,
                path,
                width: p.width,
                height: p.height,
                bytes: p.jpeg.len() as u64,
            });
        }
        let has_preview = rows.iter().any(|r| r.name == DerivativeName::Preview);
        if preview
            && !has_preview
            && let Some(xl) = rows.iter().find(|r| r.name == DerivativeName::Xl).cloned()
        {
            rows.push(DerivativeRow { name: DerivativeName::Preview, ..xl });
        }
        let mut larger = rows.iter().find(|r| r.name == DerivativeName::Xl).cloned();
        for name in [DerivativeName::M, DerivativeName::Sm] {
            match rows.iter().find(|r| r.name == name) {
                Some(own) => larger = Some(own.clone()),
                None => {
                    if let Some(l) = &larger {
                        rows.push(DerivativeRow { name, ..l.clone() });
                    }
                }
            }
        }
        rows.sort_by_key(|r| r.name);
        Ok(rows)
    }

    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let dir = path.parent().expect("a derivative lies in a shard folder");
        let name = path.file_name().expect("a derivative has a name").to_string_lossy();
        let temporary = dir.join(format!("{TEMPORARY}{:?}-{name}", std::thread::current().id()));
        let open = || File::options().write(true).create(true).truncate(true).mode(0o640).open(&temporary);
        let mut file = match open() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                use std::os::unix::fs::DirBuilderExt;
                fs::DirBuilder::new().recursive(true).mode(0o750).create(dir)?;
                open()?
            }
            other => other?,
        };
        let written = file.write_all(bytes).and_then(|()| {
            reached("after_temporary_write");
            fs::rename(&temporary, path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        noted("renamed", &path.strip_prefix(&self.index_dir).unwrap_or(path).to_string_lossy());
        reached("after_rename");
        written
    }

    /// Makes all derivatives written so far durable, directories too: one call for a whole batch instead of
    /// two flushes a file.
    pub fn sync(&self) -> io::Result<()> {
        let dir = File::open(self.index_dir.join("derived"))?;
        noted("sync", "begins");
        rustix::fs::syncfs(&dir)?;
        noted("sync", "ends");
        Ok(())
    }

    /// Whether the derivative is there.
    pub fn has(&self, row: &DerivativeRow) -> bool {
        self.index_dir.join(&row.path).is_file()
    }

    /// Removes every file of the store that `keep` does not want (given its path relative to the index
    /// folder) and every left-over temporary file. Returns how many.
    pub fn sweep(&self, mut keep: impl FnMut(&str) -> bool) -> io::Result<u64> {
        let mut removed = 0;
        let derived = self.index_dir.join("derived");
        for shard in list(&derived)? {
            for sub in list(&shard)? {
                for file in list(&sub)? {
                    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    let relative = file
                        .strip_prefix(&self.index_dir)
                        .expect("listed below it")
                        .to_string_lossy()
                        .into_owned();
                    if name.starts_with(TEMPORARY) || !keep(&relative) {
                        reached("in_the_sweep");
                        fs::remove_file(&file)?;
                        removed += 1;
                    }
                }
                // Only an empty folder goes; a full one says no.
                let _ = fs::remove_dir(&sub);
            }
        }
        Ok(removed)
    }
}

fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|e| e.map(|e| e.path())).collect(),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(e) => Err(e),
    }
}

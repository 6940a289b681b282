//! The derivative store: `derived/` below the index folder, sharded by content hash.
//!
//! Promises: a derivative is written atomically (temporary name, then rename); its path contains content hash, render
//! version and settings key, so equal content shares it and another version never overwrites it; files without a row
//! are removed by the sweep.

use albumen_core::failpoints::{noted, reached};
use albumen_core::store_dir::{self, StoreDir, TEMPORARY};
use albumen_core::vocabulary::{DerivativeName, Rendition};
use albumen_index::record::DerivativeRow;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Result of a sweep.
#[derive(Debug, Default)]
pub struct Swept {
    /// Number of removed files.
    pub removed: u64,
    /// The first files in the store that are not Albumen's.
    pub foreign: Vec<PathBuf>,
}

/// The store of one index.
#[derive(Debug, Clone)]
pub struct Store {
    index_dir: PathBuf,
}

impl Store {
    pub fn new(index_dir: &Path) -> Store {
        Store { index_dir: index_dir.to_owned() }
    }

    /// The path of a derivative, relative to the index folder. `key` is the render version and settings. Two levels of
    /// 256 folders keep a million photos at a few dozen files per folder.
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

    /// Writes the derivatives of one content and returns a row for each of xl, m, sm, and preview if requested: equal
    /// derivatives share a file. Not durable until [`Store::sync`].
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
            self.write_whole(&path, &p.jpeg)?;
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

    fn write_whole(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let dir = StoreDir::open(&self.index_dir)?;
        let (folder, name) = dir.folder_of(path, true)?;
        let temporary = format!("{TEMPORARY}{:?}-{name}", std::thread::current().id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&folder, &*temporary, flags, Mode::from_raw_mode(0o640));
        let fd = match open() {
            // Left by a kill.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&folder, &*temporary, AtFlags::empty())?;
                open()?
            }
            other => other?,
        };
        let written = File::from(fd).write_all(bytes).and_then(|()| {
            reached("after_temporary_write");
            rustix::fs::renameat(&folder, &*temporary, &folder, name)
                .map_err(|e| store_dir::in_the_way(e, &self.index_dir, path))
        });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&folder, &*temporary, AtFlags::empty());
        }
        noted("renamed", path);
        reached("after_rename");
        written
    }

    /// Makes all derivatives written so far durable, including folders: one call for a whole batch instead of two
    /// flushes per file.
    pub fn sync(&self) -> io::Result<()> {
        let dir = StoreDir::open(&self.index_dir)?;
        noted("sync", "begins");
        rustix::fs::syncfs(&dir)?;
        noted("sync", "ends");
        Ok(())
    }

    /// Whether the file of the derivative exists.
    pub fn has(&self, row: &DerivativeRow) -> bool {
        StoreDir::open(&self.index_dir).and_then(|dir| dir.open_file(&row.path)).is_ok()
    }

    /// Removes every derivative for which `keep` returns false (given its path relative to the index folder), and all
    /// leftover temporary files. Nothing else is removed.
    pub fn sweep(&self, mut keep: impl FnMut(&str) -> bool) -> io::Result<Swept> {
        let mut removed = 0;
        let dir = match StoreDir::open(&self.index_dir) {
            Ok(dir) => dir,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Swept::default()),
            Err(e) => return Err(e),
        };
        let foreign = dir.walk(true, |file| {
            if file.is_temporary() || !keep(&file.path) {
                reached("in_the_sweep");
                file.remove()?;
                removed += 1;
            }
            Ok::<_, io::Error>(())
        })?;
        Ok(Swept { removed, foreign })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const HASH: &str = "b3:abcdef0123456789abcdef0123456789abcdef0123456789";

    fn write(store: &Store, hash: &str) -> io::Result<Vec<DerivativeRow>> {
        let xl = Rendition { name: DerivativeName::Xl, width: 1, height: 1, jpeg: b"picture".to_vec() };
        store.write(hash, "1-k", &[xl], false)
    }

    /// An index folder with a store, and a folder outside with a file in it.
    fn fixture() -> (tempfile::TempDir, Store, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index");
        fs::create_dir_all(index.join("derived")).unwrap();
        let outside = dir.path().join("outside/cd");
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("holiday.jpg"), b"only copy").unwrap();
        let store = Store::new(&index);
        (dir, store, outside)
    }

    #[test]
    fn what_is_not_its_own_is_left_and_told_of() {
        let (dir, store, outside) = fixture();
        let derived = dir.path().join("index/derived");
        let row = write(&store, HASH).unwrap().remove(0);
        let shard = derived.join("ab/cd");
        for folder in
            ["@eaDir", "@eaDir/ab", "ab/@eaDir", "ab/cd/@eaDir", "ab/cd/x.jpg", "AB", "abc", "#recycle"]
        {
            fs::create_dir_all(derived.join(folder)).unwrap();
            fs::write(derived.join(folder).join("SYNO.jpg"), b"theirs").unwrap();
        }
        for file in ["Thumbs.db", ".DS_Store", ".hidden.jpg", "note.txt"] {
            fs::write(shard.join(file), b"theirs").unwrap();
        }
        fs::write(derived.join("ef"), b"a file in a shard's place").unwrap();
        for (link, to) in [
            ("cd", &outside.join("..")),
            ("ab/ef", &outside),
            ("ab/cd/link.jpg", &outside.join("holiday.jpg")),
        ] {
            symlink(to, derived.join(link)).unwrap();
        }
        symlink("/nowhere", shard.join("dangling.jpg")).unwrap();
        let before = all_below(dir.path());
        fs::write(shard.join("unnamed-1-k-xl.jpg"), b"old").unwrap();
        fs::write(shard.join(".tmp-ThreadId(1)-half.jpg"), b"half").unwrap();
        let swept = store.sweep(|path| path == row.path).unwrap();
        assert_eq!(swept.removed, 2);
        assert_eq!(swept.foreign.len(), 16, "{:?}", swept.foreign);
        assert!(swept.foreign.iter().all(|p| p.starts_with(&derived)), "{:?}", swept.foreign);
        assert_eq!(all_below(dir.path()), before);
        assert!(store.has(&row));
        store.sync().unwrap();
    }

    fn all_below(dir: &Path) -> std::collections::BTreeSet<PathBuf> {
        let mut all = std::collections::BTreeSet::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                }
                all.insert(entry.path());
            }
        }
        all
    }

    #[test]
    fn no_link_is_followed_to_write_read_or_sweep() {
        for linked in ["", "ab", "ab/cd"] {
            let (dir, store, outside) = fixture();
            let derived = dir.path().join("index/derived");
            let at = if linked.is_empty() { derived.clone() } else { derived.join(linked) };
            if linked.is_empty() {
                fs::remove_dir(&at).unwrap();
            }
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            let target = match linked {
                "ab/cd" => outside.clone(),
                _ => outside.parent().unwrap().to_owned(),
            };
            symlink(&target, &at).unwrap();
            let error = write(&store, HASH).unwrap_err();
            assert!(store_dir::is_foreign(&error) && error.to_string().contains("move it away"), "{error}");
            let path = "derived/ab/cd/holiday.jpg".to_owned();
            let row = DerivativeRow { name: DerivativeName::Xl, path, width: 1, height: 1, bytes: 9 };
            fs::create_dir_all(outside.join("../ab/cd")).unwrap();
            fs::write(outside.join("../ab/cd/holiday.jpg"), b"only copy").unwrap();
            assert!(!store.has(&row), "{linked}");
            assert_eq!(store.sweep(|_| false).map_or(0, |s| s.removed), 0);
            assert!(outside.join("holiday.jpg").is_file(), "{linked}");
            assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "{linked}");
        }
        // A folder or a link at the path of a derivative.
        let (dir, store, outside) = fixture();
        let row = write(&store, HASH).unwrap().remove(0);
        let at = dir.path().join("index").join(&row.path);
        fs::remove_file(&at).unwrap();
        symlink(outside.join("holiday.jpg"), &at).unwrap();
        assert!(!store.has(&row));
        write(&store, HASH).unwrap();
        assert_eq!(fs::read(outside.join("holiday.jpg")).unwrap(), b"only copy");
        assert_eq!(fs::read(&at).unwrap(), b"picture");
        fs::remove_file(&at).unwrap();
        fs::create_dir(&at).unwrap();
        assert!(store_dir::is_foreign(&write(&store, HASH).unwrap_err()));
        // Derivatives of other contents can still be written.
        write(&store, "b3:ffffffffffffffffffffffffffffffffffffffff").unwrap();
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        let (dir, _, _) = fixture();
        let store = StoreDir::open(&dir.path().join("index")).unwrap();
        for path in ["../x.jpg", "derived/../x.jpg", "/etc/passwd", "elsewhere/x.jpg", "derived", ""] {
            assert!(store.open_file(path).is_err() && store.folder_of(path, true).is_err(), "{path}");
        }
    }
}

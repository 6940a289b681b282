//! File system access of developing, on a thread that can be abandoned (see [`albumen_files::patience`]).
//!
//! Promises: a file is opened below the folder that the last walk of its volume saw (same file system, inode and
//! owner), which is verified for every file; this module does not access the index.

use super::pace::Pace;
use albumen_core::fault::{Fault, is_shortage};
use albumen_core::source::Source;
use albumen_files::FileStat;
use albumen_files::hash::{ContentHash, Hashed};
use albumen_files::open::{Root, open_beneath, stat_beneath};
use albumen_files::pages::Pages;
use albumen_files::patience::{AsFile, KillableClose};
use albumen_files::read::{Read, read};
use albumen_files::volume::{self, Fingerprint};
use albumen_files::{relative, walk};
use std::fs::File;
use std::path::PathBuf;

/// A file that keeps changing during reads is tried this often in one run, then left to the next.
const CHANGING_TRIES: u32 = 3;

/// Larger files are not treated as sidecars (Lightroom's largest are a few MB).
const SIDECAR_LIMIT: u64 = 16 << 20;

/// A file to read, and the recorded data of it.
pub struct Wanted {
    pub volume_id: i64,
    pub volume: PathBuf,
    /// JSON of the volume's [`Fingerprint`].
    pub fingerprint: String,
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
    /// No work is due if the file still has this stat.
    pub processed: Option<FileStat>,
    /// Its content, valid if the file still has this stat.
    pub content: Option<(ContentHash, FileStat)>,
    /// Names in the same folder.
    pub sidecars: Vec<Vec<u8>>,
    /// Names in the same folder; the first that exists is read like a sidecar.
    pub clip_thumbnails: Vec<Vec<u8>>,
    /// Whether to wait for a sidecar that is temporarily unreadable.
    pub spare_sidecars: bool,
}

/// The result.
pub enum Fetched {
    AlreadyProcessed,
    /// The file was removed: the next walk handles it.
    Gone,
    NotMedia,
    Stopped,
    /// The path of the volume has a different folder than the one that was walked, or cannot be opened.
    Elsewhere(String),
    Failed(Fault, Option<FileStat>),
    Read(ReadFile),
}

/// An open file, its content, and its sidecars (name, file, `stat`).
pub struct ReadFile {
    pub file: Source,
    pub hashed: Hashed,
    pub sidecars: Vec<(Vec<u8>, Source, FileStat)>,
    /// Drops pages from the page cache that were not cached before.
    _pages: Pages,
}

impl AsFile for ReadFile {
    fn as_file(&self) -> Option<&File> {
        self.file.file()
    }
}

/// A volume's root, cached for the next file of the same volume.
pub struct KeptRoot {
    pub root: Root,
    volume_id: i64,
    fingerprint: String,
    /// Device, inode and owner.
    place: (u64, u64, u32),
}

fn place(root: &Root) -> std::io::Result<(u64, u64, u32)> {
    let stat = rustix::fs::fstat(root)?;
    Ok((stat.st_dev, stat.st_ino, stat.st_uid))
}

/// The cached root, if the path still leads to it and it is what the last walk saw; else the present one.
fn root_of(wanted: &Wanted, kept: Option<KeptRoot>) -> std::io::Result<KeptRoot> {
    let is_of = |k: &KeptRoot| k.volume_id == wanted.volume_id && k.fingerprint == wanted.fingerprint;
    if let Some(kept) = kept.filter(is_of)
        && place(&Root::open(&wanted.volume)?)? == kept.place
    {
        return Ok(kept);
    }
    let was: Fingerprint = serde_json::from_str(&wanted.fingerprint).map_err(std::io::Error::other)?;
    let root = volume::reopen(&wanted.volume, &was)?;
    let place = place(&root)?;
    let (volume_id, fingerprint) = (wanted.volume_id, wanted.fingerprint.clone());
    Ok(KeptRoot { root, volume_id, fingerprint, place })
}

/// Reads a file at the given pace. Returns the root for the next one.
pub fn fetch(wanted: &Wanted, kept: Option<KeptRoot>, pace: &Pace) -> (Fetched, Option<KeptRoot>) {
    let root = match root_of(wanted, kept) {
        Ok(root) => root,
        Err(e) if is_shortage(&e) => return (Fetched::Failed(Fault::from(e), None), None),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return (Fetched::Gone, None),
        Err(e) => return (Fetched::Elsewhere(format!("{}: {e}", wanted.volume.display())), None),
    };
    (fetch_beneath(wanted, &root.root, pace), Some(root))
}

fn fetch_beneath(wanted: &Wanted, root: &Root, pace: &Pace) -> Fetched {
    let below = relative::child(&wanted.folder, &wanted.name);
    if let Some(was) = wanted.processed
        && matches!(stat_beneath(root, &below), Ok(Some(stat)) if stat == was)
    {
        return Fetched::AlreadyProcessed;
    }
    if let Some((hash, was)) = &wanted.content
        && let Ok((file, stat)) = open_beneath(root, &below).map(|(f, stat)| (KillableClose::new(f), stat))
        && stat == *was
    {
        let (pages, hash) = (Pages::of(&file), hash.clone());
        return with_sidecars(wanted, root, file.into_file(), Hashed { hash, stat }, pages);
    }
    let role = walk::role(&wanted.name).unwrap_or(walk::Role::Media);
    for _ in 0..CHANGING_TRIES {
        match read(root, &below, role, pace) {
            Ok(Read::Done { file, hashed, pages }) => {
                return with_sidecars(wanted, root, file, hashed, pages);
            }
            Ok(Read::NotMedia) => return Fetched::NotMedia,
            Ok(Read::Changing) => std::thread::sleep(std::time::Duration::from_millis(200)),
            Err(Fault::Cancelled) => return Fetched::Stopped,
            Err(fault) => {
                return match stat_beneath(root, &below) {
                    Ok(None) => Fetched::Gone,
                    Ok(stat) => Fetched::Failed(fault, stat),
                    Err(_) => Fetched::Failed(fault, None),
                };
            }
        }
    }
    let fault = Fault::unreadable("it keeps changing while it is read; it will be tried again");
    match stat_beneath(root, &below) {
        Ok(Some(stat)) => Fetched::Failed(fault, Some(stat)),
        Ok(None) => Fetched::Gone,
        Err(fault) => Fetched::Failed(fault, None),
    }
}

/// An open sidecar or thumbnail; `None` if it is too large.
fn open_sidecar(root: &Root, path: &[u8]) -> Result<Option<(Source, FileStat)>, Fault> {
    let (file, stat) = open_beneath(root, path)?;
    let file = KillableClose::new(file);
    if stat.size > SIDECAR_LIMIT {
        return Ok(None);
    }
    Ok(Some((Source::from_file(file.into_file())?, stat)))
}

fn with_sidecars(wanted: &Wanted, root: &Root, file: File, hashed: Hashed, pages: Pages) -> Fetched {
    let mut sidecars = Vec::new();
    let thumbnails_at = wanted.sidecars.len();
    for (i, name) in wanted.sidecars.iter().chain(&wanted.clip_thumbnails).enumerate() {
        match open_sidecar(root, &relative::child(&wanted.folder, name)) {
            Ok(Some((source, stat))) => {
                sidecars.push((name.clone(), source, stat));
                // Only the first existing thumbnail of a clip is read.
                if i >= thumbnails_at {
                    break;
                }
            }
            Err(fault @ Fault::Unavailable { .. }) if wanted.spare_sidecars => {
                return Fetched::Failed(fault, Some(hashed.stat));
            }
            // Without the sidecar only its own facts are lost, not those of the photo.
            Ok(None) | Err(_) => {}
        }
    }
    match Source::from_file(file) {
        Ok(file) => Fetched::Read(ReadFile { file, hashed, sidecars, _pages: pages }),
        Err(e) => Fetched::Failed(Fault::from(e), Some(hashed.stat)),
    }
}

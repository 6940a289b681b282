//! What is left out of a volume: other programs' folders, `.nomedia` folders, `.albumenignore`, the config's patterns.
//!
//! Precedence: the deepest `.albumenignore` that says something about a name (also `!name`, take it after all), then
//! those above it, then the config's patterns, then the defaults. What lies in an ignored folder is never looked at.

use super::relative::{below, split};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A folder with a file of this name is left out, with all below it.
pub const NOMEDIA: &[u8] = b".nomedia";
/// A file of patterns (gitignore syntax) for the folder that it is in and all below.
pub const ALBUMENIGNORE: &[u8] = b".albumenignore";
/// The longest `.albumenignore` that is read, bytes; what people write by hand is a thousandth of it.
pub const LONGEST_ALBUMENIGNORE: usize = 1 << 20;

/// Folders that NAS systems and other systems keep for themselves, and Nextcloud's of deleted files and old versions. Dot
/// folders (`.Trash-1000`, `.thumbnails`, ...) go by their dot.
const DEFAULT_FOLDERS: [&[u8]; 11] = [
    b"@eaDir",
    b"#recycle",
    b"#snapshot",
    b"@tmp",
    b"@Recycle",
    b"@Recently-Snapshot",
    b"files_trashbin",
    b"files_versions",
    b"$RECYCLE.BIN",
    b"System Volume Information",
    b"lost+found",
];

/// Files that bear the names of photos by their beginnings: what macOS leaves on shares, and what Android makes of a photo
/// that its user has deleted, or that is not written yet; phones that are synchronised as they are bring these along.
const DEFAULT_FILES: [&[u8]; 3] = [b"._", b".trashed-", b".pending-"];

/// Of an Apple Photos library only these hold what was taken; the rest is made from it.
const PHOTOS_LIBRARY: &[u8] = b".photoslibrary";
const PHOTOS_ORIGINALS: [&[u8]; 2] = [b"originals", b"Masters"];
/// Lightroom's folders of previews, beside its catalogue.
const LIGHTROOM_DATA: &[u8] = b".lrdata";

/// Left out by default, by name alone: other programs' folders, dot folders, and files that are no photos of anybody's.
pub fn is_default_ignored(name: &[u8], is_folder: bool) -> bool {
    if is_folder {
        name.starts_with(b".") || DEFAULT_FOLDERS.contains(&name) || name.ends_with(LIGHTROOM_DATA)
    } else {
        DEFAULT_FILES.iter().any(|beginning| name.starts_with(beginning))
    }
}

/// Whether a folder is one that Apple Photos makes for itself.
fn is_photos_own(path: &[u8]) -> bool {
    let (folder, name) = split(path);
    folder.ends_with(PHOTOS_LIBRARY) && !PHOTOS_ORIGINALS.contains(&name)
}

/// The rules that hold in one folder of a walk; grows and shrinks as the walk goes down and up.
#[derive(Debug, Clone)]
pub struct Rules {
    defaults: bool,
    config: Gitignore,
    /// The `.albumenignore` files on the way down: the folder's path, and its patterns.
    local: Vec<(Vec<u8>, Gitignore)>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { defaults: true, config: Gitignore::empty(), local: Vec::new() }
    }
}

impl Rules {
    /// Patterns are in gitignore syntax, relative to the volume. The error says which one is bad, and why.
    pub fn new(defaults: bool, patterns: &[String]) -> Result<Rules, String> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|e| format!("`{pattern}`: {e}"))?;
        }
        let config = builder.build().map_err(|e| e.to_string())?;
        Ok(Rules { defaults, config, local: Vec::new() })
    }

    /// Adds the patterns of the `.albumenignore` in `folder`; lines that are no patterns are passed over.
    pub(super) fn enter(&mut self, folder: &[u8], patterns: &[u8]) {
        let mut builder = GitignoreBuilder::new("");
        for line in patterns.split(|b| *b == b'\n') {
            let _ = builder.add_line(None, &String::from_utf8_lossy(line));
        }
        if let Ok(rules) = builder.build() {
            self.local.push((folder.to_vec(), rules));
        }
    }

    /// Drops what was added in folders that do not hold `folder`, which the walk goes to next.
    pub(super) fn leave_to(&mut self, folder: &[u8]) {
        while self.local.last().is_some_and(|(of, _)| below(folder, of).is_none()) {
            self.local.pop();
        }
    }

    /// Whether `path` (relative to the volume) is left out.
    pub fn ignores(&self, path: &[u8], is_folder: bool) -> bool {
        for (of, rules) in self.local.iter().rev() {
            let Some(below) = below(path, of) else { continue };
            match rules.matched(as_path(below), is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        match self.config.matched(as_path(path), is_folder) {
            Match::Ignore(_) => true,
            Match::Whitelist(_) => false,
            Match::None => {
                self.defaults
                    && (is_default_ignored(split(path).1, is_folder) || (is_folder && is_photos_own(path)))
            }
        }
    }
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_by_name() {
        let rules = Rules::default();
        for folder in [
            "@eaDir",
            "a/#recycle",
            "#snapshot",
            "x/y/@tmp",
            ".Trash-1000",
            "a/.hidden",
            "anna/files_trashbin",
            "Lightroom/Catalog Previews.lrdata",
            "Mac/Fotos.photoslibrary/resources",
        ] {
            assert!(rules.ignores(folder.as_bytes(), true), "{folder}");
        }
        for folder in ["2019", "a/eaDir", "recycle", "tmp", "Mac/Fotos.photoslibrary/originals", "resources"]
        {
            assert!(!rules.ignores(folder.as_bytes(), true), "{folder}");
        }
        for file in ["a/._IMG_1.JPG", ".trashed-1714492983-IMG_1.jpg", "Camera/.pending-1714492983-VID_1.mp4"]
        {
            assert!(rules.ignores(file.as_bytes(), false), "{file}");
        }
        assert!(!rules.ignores(b"a/.IMG_1.JPG", false));
        assert!(!Rules::new(false, &[]).unwrap().ignores(b"@eaDir", true));
    }

    #[test]
    fn the_deepest_word_wins() {
        let mut rules = Rules::new(true, &["*.gif".to_owned(), "/Private/".to_owned()]).unwrap();
        assert!(rules.ignores(b"a/b.gif", false));
        assert!(rules.ignores(b"Private", true));
        assert!(!rules.ignores(b"a/Private", true));
        rules.enter(b"a", b"!*.gif\n/b/*.jpg\n!@eaDir\n# note\n");
        assert!(!rules.ignores(b"a/b.gif", false));
        assert!(!rules.ignores(b"a/@eaDir", true));
        assert!(rules.ignores(b"a/b/1.jpg", false));
        assert!(!rules.ignores(b"a/c/b/1.jpg", false));
        rules.enter(b"a/b", b"!1.jpg");
        assert!(!rules.ignores(b"a/b/1.jpg", false));
        rules.leave_to(b"a/longer");
        assert!(rules.ignores(b"a/b/1.jpg", false), "the rules of a/b went with it");
        rules.leave_to(b"another");
        assert!(rules.ignores(b"a/b.gif", false), "and those of a");
    }

    #[test]
    fn a_bad_pattern_is_named() {
        assert!(Rules::new(true, &["[z-a]".to_owned()]).unwrap_err().contains("[z-a]"));
    }
}

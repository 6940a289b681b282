//! Exclusion rules of a volume: other programs' folders, `.nomedia` folders, `.albumenignore`, the config's patterns.
//!
//! Precedence: the deepest `.albumenignore` with a rule for a name (also `!name`, which includes it again), then
//! those above it, then the config's patterns, then the defaults. Ignored folders are never read.
//!
//! Invariants: an invalid `.albumenignore` (not readable, not a text file, over a limit, a bad pattern) hides its own
//! folder and everything below it, and nothing else; the memory of all rules along a path is bounded.

mod patterns;

use super::open;
use super::patience::KillableClose;
use super::relative::below;
use super::skipped::is_skipped;
use patterns::{Patterns, Refused, Verdict};
use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use std::io::Read;

/// A folder with a file of this name is excluded, with everything below it.
pub const NOMEDIA: &[u8] = b".nomedia";
/// A file of patterns (gitignore syntax) for its folder and everything below.
pub const ALBUMENIGNORE: &[u8] = b".albumenignore";
/// The maximum length of an `.albumenignore`, bytes; handwritten ones are a thousandth of it.
pub const LONGEST_ALBUMENIGNORE: usize = 1 << 20;
/// Bytes of all rules from the root to a folder together: part of the memory that a run reserves for the engine.
const MOST_MEMORY: usize = 1 << 20;
/// Bytes of patterns with wildcards along a path, each of which may be compared with every character of the path.
const MOST_WILDCARDS: usize = 128 << 10;

/// The rules of one folder of a walk; changes as the walk descends and ascends.
#[derive(Debug, Clone)]
pub struct Rules {
    defaults: bool,
    config: Patterns,
    /// The `.albumenignore` files from the root to the folder: the folder's path, and its patterns.
    local: Vec<(Vec<u8>, Patterns)>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { defaults: true, config: Patterns::default(), local: Vec::new() }
    }
}

/// Why the rules of a folder cannot be applied.
#[derive(Debug)]
pub(super) enum NoRules {
    /// Its `.albumenignore` is invalid: the folder is hidden. The line, and the reason.
    Hides(Option<u32>, String),
    /// It temporarily could not be read, which is not evidence about it.
    NotNow(Errno),
}

impl From<Refused> for NoRules {
    fn from(refused: Refused) -> NoRules {
        NoRules::Hides(refused.line, refused.why)
    }
}

impl Rules {
    /// Patterns are in gitignore syntax, relative to the volume. The error names the invalid one and the reason.
    pub fn new(defaults: bool, patterns: &[String]) -> Result<Rules, String> {
        let mut config = Patterns::default();
        for pattern in patterns {
            config.add_line(pattern.as_bytes()).map_err(|why| format!("`{pattern}`: {why}"))?;
        }
        config.shrink();
        Ok(Rules { defaults, config, local: Vec::new() })
    }

    /// Adds the rules of an open folder, if it has any.
    pub(super) fn enter(&mut self, folder: BorrowedFd<'_>, path: &[u8]) -> Result<(), NoRules> {
        match read(folder)? {
            Some(text) => Ok(self.add(path, &text)?),
            None => Ok(()),
        }
    }

    /// Adds the patterns of the `.albumenignore` in `folder`.
    fn add(&mut self, folder: &[u8], text: &[u8]) -> Result<(), Refused> {
        let patterns = Patterns::of_file(text)?;
        let sum = |of: fn(&Patterns) -> usize| {
            self.local.iter().map(|(_, p)| p).chain([&patterns]).map(of).sum::<usize>()
        };
        if sum(Patterns::memory) > MOST_MEMORY || sum(Patterns::wildcards) > MOST_WILDCARDS {
            let why = "with those of the folders above it has too many patterns".to_owned();
            return Err(Refused { line: None, why });
        }
        self.local.push((folder.to_vec(), patterns));
        Ok(())
    }

    /// Removes the rules of folders that do not contain `folder`, which the walk visits next.
    pub(super) fn leave_to(&mut self, folder: &[u8]) {
        while self.local.last().is_some_and(|(of, _)| below(folder, of).is_none()) {
            self.local.pop();
        }
    }

    /// Whether `path` (relative to the volume) is excluded.
    pub fn ignores(&self, path: &[u8], is_folder: bool) -> bool {
        for (of, rules) in self.local.iter().rev() {
            let Some(below) = below(path, of) else { continue };
            if let Some(verdict) = rules.verdict(below, is_folder) {
                return verdict == Verdict::LeftOut;
            }
        }
        match self.config.verdict(path, is_folder) {
            Some(verdict) => verdict == Verdict::LeftOut,
            None => self.defaults && is_skipped(path, is_folder),
        }
    }
}

/// The text of the `.albumenignore` of an open folder; `None` if there is none.
fn read(folder: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, NoRules> {
    let hides = |why: &str| Err(NoRules::Hides(None, why.to_owned()));
    let refused = |e: Errno| match e {
        Errno::ACCESS | Errno::PERM => NoRules::Hides(None, "there is no permission to read it".to_owned()),
        Errno::LOOP | Errno::NXIO | Errno::INVAL => NoRules::Hides(None, "it is no file".to_owned()),
        // A failing disk, or a shortage of descriptors or memory.
        e => NoRules::NotNow(e),
    };
    match rustix::fs::statat(folder, ALBUMENIGNORE, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        Err(e) => return Err(refused(e)),
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return hides("it is a symbolic link; links are not followed"),
            FileType::Directory => return hides("it is a folder, not a file"),
            _ => return hides("it is a pipe, socket or device, not a file"),
        },
    }
    let file = match open::open_here(folder, ALBUMENIGNORE) {
        Ok(file) => KillableClose::new(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(e) => return Err(refused(e)),
    };
    let mut text = Vec::new();
    let io = |e: std::io::Error| NoRules::NotNow(Errno::from_io_error(&e).unwrap_or(Errno::IO));
    (&*file).take(LONGEST_ALBUMENIGNORE as u64 + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() > LONGEST_ALBUMENIGNORE {
        hides(&format!("it is larger than {} KB", LONGEST_ALBUMENIGNORE >> 10))
    } else {
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_by_name() {
        assert!(Rules::default().ignores(b"a/@eaDir", true));
        assert!(!Rules::default().ignores(b"a/eaDir", true));
        assert!(!Rules::new(false, &[]).unwrap().ignores(b"@eaDir", true));
    }

    #[test]
    fn the_deepest_word_wins() {
        let mut rules = Rules::new(true, &["*.gif".to_owned(), "/Private/".to_owned()]).unwrap();
        assert!(rules.ignores(b"a/b.gif", false));
        assert!(rules.ignores(b"Private", true));
        assert!(!rules.ignores(b"a/Private", true));
        rules.add(b"a", b"!*.gif\n/b/*.jpg\n!@eaDir\n# note\n").unwrap();
        assert!(!rules.ignores(b"a/b.gif", false));
        assert!(!rules.ignores(b"a/@eaDir", true));
        assert!(rules.ignores(b"a/b/1.jpg", false));
        assert!(!rules.ignores(b"a/c/b/1.jpg", false));
        rules.add(b"a/b", b"!1.jpg").unwrap();
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

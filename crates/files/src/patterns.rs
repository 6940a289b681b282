//! Folders by patterns: `/homes/*/Photos` is a folder for each home that has one.
//!
//! Invariants: after the first wildcard no symbolic link is followed, because that part belongs to the users: a user
//! who links `Photos` to another user's folder must not get that user's photos. A wildcard matches no hidden folder
//! and no system folder (`@eaDir`). The same disk gives the same result.

use crate::patience;
use crate::skipped::is_skipped;
use albumen_core::fault::is_shortage;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A folder that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub folder: PathBuf,
    /// The pattern up to its first wildcard: the part of the path that the config names. The rest belongs to users.
    pub named: PathBuf,
}

/// Whether a path has a wildcard.
pub fn has_wildcard(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The first component of a path that has a wildcard but is not a valid pattern.
pub fn find_invalid(path: &Path) -> Option<String> {
    let mut wild = path.components().filter(|c| has_wildcard(Path::new(c)));
    let invalid = wild.find(|c| matcher(*c).is_none())?;
    Some(invalid.as_os_str().to_string_lossy().into_owned())
}

/// Names with the folders that some patterns match: `{}` in `name` is replaced by the text that the wildcards
/// matched, and matches of one name belong together. Ordered by name.
pub fn named<'a>(name: &str, patterns: impl Iterator<Item = &'a Path>) -> Vec<(String, Vec<Found>)> {
    let mut found: Vec<(String, Vec<Found>)> = Vec::new();
    for pattern in patterns {
        for (matched, folder) in resolve(pattern) {
            let name = name.replace("{}", &matched);
            let folder = Found { folder, named: named_part(pattern) };
            match found.iter_mut().find(|(n, _)| *n == name) {
                // `homes/*/Photos` and `homes/*/Videos` of one user are one space.
                Some((_, folders)) => folders.push(folder),
                None => found.push((name, vec![folder])),
            }
        }
    }
    found.sort();
    found
}

/// A pattern up to its first wildcard.
fn named_part(pattern: &Path) -> PathBuf {
    pattern.components().take_while(|c| matcher(*c).is_none()).collect()
}

/// The folders that a pattern matches, each with the text that its wildcards matched (several joined by `-`).
fn resolve(pattern: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(Vec<String>, PathBuf)> = vec![(Vec::new(), PathBuf::new())];
    let mut is_users = false;
    for component in pattern.components() {
        let Some(matcher) = matcher(component) else {
            for (_, path) in &mut found {
                path.push(component);
            }
            if is_users {
                found.retain(|(_, path)| is_real_folder(path));
            }
            continue;
        };
        is_users = true;
        found = found
            .into_iter()
            .flat_map(|(matched, path)| {
                let mut names = names_in(&path);
                names.sort();
                names.retain(|name| {
                    !is_skipped(name.as_bytes(), true)
                        && matcher.is_match(Path::new(name))
                        && is_real_folder(&path.join(name))
                });
                names.into_iter().map(move |name| {
                    let mut matched = matched.clone();
                    matched.push(name.to_string_lossy().into_owned());
                    (matched, path.join(name))
                })
            })
            .collect();
    }
    found.into_iter().map(|(matched, path)| (matched.join("-"), path)).collect()
}

/// Whether a path is a folder and not a link. True if that cannot be determined at present: a space does not
/// disappear because of a shortage of descriptors, or a hanging disk. Opening it follows no link either.
fn is_real_folder(path: &Path) -> bool {
    patience::lstat(path).map_or_else(|e| is_shortage(&e), |m| m.is_dir())
}

/// The names in a folder; if they cannot be listed at present, the previous ones.
fn names_in(folder: &Path) -> Vec<OsString> {
    static LISTED: Mutex<BTreeMap<PathBuf, Vec<OsString>>> = Mutex::new(BTreeMap::new());
    let mut listed = LISTED.lock().unwrap_or_else(PoisonError::into_inner);
    match patience::list(folder) {
        Ok(entries) => {
            let names: Vec<OsString> = entries.into_iter().map(|(name, _)| name).collect();
            listed.insert(folder.to_owned(), names.clone());
            names
        }
        Err(e) if is_shortage(&e) => listed.get(folder).cloned().unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// A matcher for a component with wildcards.
fn matcher(component: Component<'_>) -> Option<GlobMatcher> {
    let text = component.as_os_str().to_str().filter(|text| has_wildcard(Path::new(text)))?;
    GlobBuilder::new(text).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_real_folders_that_are_not_hidden() {
        let dir = tempfile::tempdir().unwrap();
        for folder in
            ["anna/Photos", "anna/Videos", "ben/Photos", "carl/Other", "@eaDir/Photos", ".hidden/Photos"]
        {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("anna"), dir.path().join("eve")).unwrap();
        std::fs::create_dir(dir.path().join("frank")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("anna/Photos"), dir.path().join("frank/Photos")).unwrap();
        let patterns = [dir.path().join("*/Photos"), dir.path().join("*/Videos")];
        let found = named("{}-home", patterns.iter().map(PathBuf::as_path));
        let below = |path: &str| Found { folder: dir.path().join(path), named: dir.path().to_owned() };
        assert_eq!(
            found,
            [
                ("anna-home".to_owned(), vec![below("anna/Photos"), below("anna/Videos")]),
                ("ben-home".to_owned(), vec![below("ben/Photos")]),
            ]
        );
        let two = named("{}", [dir.path().join("?en/P*")].iter().map(PathBuf::as_path));
        assert_eq!(two, [("ben-Photos".to_owned(), vec![below("ben/Photos")])]);
    }

    #[test]
    fn an_invalid_pattern_is_named() {
        assert_eq!(find_invalid(Path::new("/h/[z/P")).as_deref(), Some("[z"));
        assert_eq!(find_invalid(Path::new("/h/*/P")), None);
        assert!(has_wildcard(Path::new("/h/?")) && !has_wildcard(Path::new("/h/P")));
    }
}

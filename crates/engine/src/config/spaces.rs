//! Spaces: which folder belongs to whom. Patterns are resolved against the disk; a path is given to its space.
//!
//! Promises: behind the first wildcard no symbolic link is followed, since what lies there belongs to the users: one
//! who links his `Photos` to another's must not see the other's photos as his own.

use super::parts::{SpaceConfig, SpaceKind};
use albumen_core::fault::is_shortage;
use albumen_files::patience;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A space with its folders as they are on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    pub name: String,
    pub kind: SpaceKind,
    /// Absolute.
    pub folders: Vec<PathBuf>,
    /// For each folder the part of its path that the config names; what a wildcard has found behind it belongs to users.
    pub named: Vec<PathBuf>,
    pub people: bool,
    pub subjects: bool,
}

/// All spaces of a config.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spaces(Vec<Space>);

impl Spaces {
    /// Resolves the patterns. The same disk gives the same answer, in order of the config and of the names.
    pub fn resolve(configured: &[SpaceConfig]) -> Spaces {
        Spaces(configured.iter().flat_map(resolve_one).collect())
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Space> {
        self.0.iter()
    }

    /// The space and the configured folder that hold a path given by hand (absolute, without links); of several the
    /// deepest.
    pub fn holding(&self, path: &Path) -> Option<(&Space, &Path)> {
        let all = self.0.iter().flat_map(|s| s.folders.iter().map(move |f| (s, f.as_path())));
        let inside =
            all.filter_map(|(space, folder)| Some((space, folder, albumen_files::below(path, folder)?)));
        let innermost = inside.min_by_key(|(_, _, rest)| rest.components().count());
        innermost.map(|(space, folder, _)| (space, folder))
    }

    /// The space of a path that no configured one holds: named by the path itself.
    pub fn by_hand(path: &Path) -> Space {
        Space {
            name: path.to_string_lossy().into_owned(),
            kind: SpaceKind::Personal,
            folders: vec![path.to_owned()],
            named: vec![path.to_owned()],
            people: true,
            subjects: true,
        }
    }
}

fn resolve_one(space: &SpaceConfig) -> Vec<Space> {
    let with = |name: String, (folders, named): (Vec<PathBuf>, Vec<PathBuf>)| Space {
        name,
        kind: space.kind,
        folders,
        named,
        people: space.people,
        subjects: space.subjects,
    };
    let name = space.name.get_ref();
    let folders = space.folders.iter().map(|f| f.get_ref());
    if !name.contains("{}") {
        return vec![with(name.clone(), folders.map(|f| (f.clone(), f.clone())).unzip())];
    }
    let mut found: Vec<(String, Vec<(PathBuf, PathBuf)>)> = Vec::new();
    for pattern in folders {
        for (matched, path) in resolve_pattern(pattern) {
            let name = name.replace("{}", &matched);
            let folder = (path, named_part(pattern));
            match found.iter_mut().find(|(n, _)| *n == name) {
                // `homes/*/Photos` and `homes/*/Videos` of one user are one space.
                Some((_, folders)) => folders.push(folder),
                None => found.push((name, vec![folder])),
            }
        }
    }
    found.sort();
    found.into_iter().map(|(name, folders)| with(name, folders.into_iter().unzip())).collect()
}

/// A pattern up to its first wildcard.
fn named_part(pattern: &Path) -> PathBuf {
    pattern.components().take_while(|c| matcher(*c).is_none()).collect()
}

/// The folders that a pattern matches, each with what its wildcards stood for (several joined by `-`).
fn resolve_pattern(pattern: &Path) -> Vec<(String, PathBuf)> {
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
                    // As in a shell, a wildcard does not stand for a hidden folder or for a system's own (@eaDir).
                    !albumen_files::skipped::is_skipped(name.as_bytes(), true)
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

/// Whether a path is a folder and no link. True where that cannot be found out at present: a space does not disappear for want
/// of a descriptor, or because a disk hangs. Opening it follows no link either.
fn is_real_folder(path: &Path) -> bool {
    patience::lstat(path).map_or_else(|e| is_shortage(&e), |m| m.is_dir())
}

/// The names in a folder; where they cannot be listed just now those that were there before.
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
    let text = component.as_os_str().to_str().filter(|text| has_wildcard(text))?;
    GlobBuilder::new(text).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// What is wrong with the spaces as written: where it stands and why.
pub(super) fn find_mistake(spaces: &[SpaceConfig]) -> Option<(usize, String)> {
    for (i, space) in spaces.iter().enumerate() {
        let (name, at) = (space.name.get_ref(), space.name.span().start);
        if name.trim().is_empty() {
            return Some((at, "a space needs a name".to_owned()));
        }
        if spaces[..i].iter().any(|s| s.name.get_ref() == name) {
            return Some((at, format!("there are two spaces named `{name}`")));
        }
        if space.folders.is_empty() {
            return Some((at, format!("space `{name}` has no folders")));
        }
        for folder in &space.folders {
            let (path, at) = (folder.get_ref(), folder.span().start);
            let text = path.to_string_lossy();
            if !path.is_absolute() || path.components().any(|c| c == Component::ParentDir) {
                return Some((at, format!("`{text}` is not an absolute path")));
            }
            let bad = path.components().filter(|c| has_wildcard(&c.as_os_str().to_string_lossy()));
            if let Some(c) = bad.into_iter().find(|c| matcher(*c).is_none()) {
                return Some((at, format!("`{}` is not a valid pattern", c.as_os_str().to_string_lossy())));
            }
            match (has_wildcard(&text), name.contains("{}")) {
                (true, false) => {
                    let why = format!(
                        "`{text}` is a pattern and gives a space for each match: write `{{}}` in the name where the \
                         matched text is to stand, as in \"{name}-{{}}\""
                    );
                    return Some((at, why));
                }
                (false, true) => {
                    return Some((
                        at,
                        format!("the name `{name}` has `{{}}` in it, and `{text}` is no pattern"),
                    ));
                }
                _ => {}
            }
            let taken = spaces[..i].iter().find(|s| s.folders.iter().any(|f| f.get_ref() == path));
            if let Some(other) = taken {
                return Some((at, format!("`{text}` belongs to space `{}` already", other.name.get_ref())));
            }
        }
        if space.kind == SpaceKind::Shared && name.contains("{}") {
            return Some((at, format!("space `{name}` is a pattern: its spaces are personal, one a match")));
        }
    }
    None
}

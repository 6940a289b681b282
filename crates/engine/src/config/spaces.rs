//! Spaces: the owner of each folder. Resolves patterns against the disk, and maps paths to spaces.
//!
//! Promises: no symbolic link is followed after the first wildcard, because that part of the path belongs to users: a
//! user who links `Photos` to another user's folder must not get access to its photos.

use super::parts::{SpaceConfig, SpaceKind};
use albumen_files::identity::Owners;
use albumen_files::patterns;
use std::path::{Component, Path, PathBuf};

/// A space with its folders on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    pub name: String,
    pub kind: SpaceKind,
    /// Absolute.
    pub folders: Vec<PathBuf>,
    /// For each folder, the part of its path that is written in the config; the part that a wildcard has matched
    /// belongs to users.
    pub named: Vec<PathBuf>,
    /// The account that owns it.
    pub owner: Option<String>,
    pub people: bool,
    pub subjects: bool,
}

/// All spaces of a config.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spaces(Vec<Space>);

impl Spaces {
    /// Resolves the patterns. The same disk gives the same result, in order of the config and then of names.
    pub fn resolve(configured: &[SpaceConfig]) -> Spaces {
        Spaces(configured.iter().flat_map(resolve_one).collect())
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Space> {
        self.0.iter()
    }

    /// The space and the configured folder that contain a given path (absolute, without links); of several the deepest.
    pub fn holding(&self, path: &Path) -> Option<(&Space, &Path)> {
        let all = self.0.iter().flat_map(|s| s.folders.iter().map(move |f| (s, f.as_path())));
        let inside =
            all.filter_map(|(space, folder)| Some((space, folder, albumen_files::below(path, folder)?)));
        let innermost = inside.min_by_key(|(_, _, rest)| rest.components().count());
        innermost.map(|(space, folder, _)| (space, folder))
    }

    /// The owner of each space.
    pub fn owners(&self) -> Owners {
        Owners::new(self.0.iter().filter_map(|s| Some((s.name.clone(), s.owner.clone()?))))
    }

    /// The space of a path that is in no configured one: its name is the path.
    pub fn by_hand(path: &Path) -> Space {
        Space {
            name: path.to_string_lossy().into_owned(),
            kind: SpaceKind::Personal,
            folders: vec![path.to_owned()],
            named: vec![path.to_owned()],
            owner: None,
            people: true,
            subjects: true,
        }
    }
}

fn resolve_one(space: &SpaceConfig) -> Vec<Space> {
    let with = |name: String, owner, (folders, named): (Vec<PathBuf>, Vec<PathBuf>)| Space {
        name,
        kind: space.kind,
        folders,
        named,
        owner,
        people: space.people,
        subjects: space.subjects,
    };
    let name = space.name.get_ref();
    let folders = space.folders.iter().map(|f| f.get_ref());
    if !name.contains("{}") {
        return vec![with(
            name.clone(),
            space.owner.clone(),
            folders.map(|f| (f.clone(), f.clone())).unzip(),
        )];
    }
    let found = patterns::named(name, folders.map(PathBuf::as_path));
    let parts = |found: Vec<patterns::Found>| found.into_iter().map(|f| (f.folder, f.named)).unzip();
    let of_match = |(name, folders)| with(String::clone(&name), Some(name), parts(folders));
    found.into_iter().map(of_match).collect()
}

/// The first mistake in the spaces as written: its position and the reason.
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
            if let Some(part) = patterns::find_invalid(path) {
                return Some((at, format!("`{part}` is not a valid pattern")));
            }
            match (patterns::has_wildcard(path), name.contains("{}")) {
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

//! `[[space]]`: the folders and owners of spaces. Patterns are resolved against the disk by the engine's
//! rules: after the first wildcard symbolic links are not followed, and a wildcard does not match hidden
//! folders.

use crate::store::FolderPath;
use albumen_files::patterns;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;

/// As written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    pub name: Spanned<String>,
    #[serde(default)]
    pub kind: SpaceKind,
    pub folders: Vec<Spanned<PathBuf>>,
    /// The account that a personal space belongs to.
    #[serde(default)]
    pub owner: Option<Spanned<String>>,
    #[serde(default)]
    #[expect(dead_code, reason = "named, so that a mistyped key is noticed; the engine reads it")]
    people: Option<IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "named, so that a mistyped key is noticed; the engine reads it")]
    subjects: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// One owner.
    #[default]
    Personal,
    Shared,
}

/// A space with its folders as they are on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    pub name: String,
    pub kind: SpaceKind,
    /// Absolute.
    pub folders: Vec<PathBuf>,
    pub owner: Option<String>,
    /// From a pattern: it belongs to the account of the same name.
    pub is_match: bool,
}

impl Space {
    /// The names under which clients see the folders of the config: none if there is only one, whose content
    /// is then the top; else their last components, with numbers where they would be equal.
    fn labels(&self) -> Vec<String> {
        if self.folders.len() == 1 {
            return vec![String::new()];
        }
        let mut labels: Vec<String> = Vec::new();
        for folder in &self.folders {
            let name =
                folder.file_name().map_or_else(|| "folder".into(), |n| n.to_string_lossy().into_owned());
            let numbered = (2..).map(|i| format!("{name} ({i})"));
            let label = std::iter::once(name.clone()).chain(numbered).find(|l| !labels.contains(l));
            labels.push(label.unwrap_or(name));
        }
        labels
    }

    /// The folder at a client's path, by its spelling alone; the index is not queried for its existence.
    /// `None` for the top of a space with several folders, and for invalid paths.
    pub fn folder(&self, path: &str) -> Option<FolderPath> {
        let path = path.trim_matches('/');
        let is_plain = |c: &str| !c.is_empty() && c != "." && c != ".." && !c.contains('\0');
        if !path.is_empty() && !path.split('/').all(is_plain) {
            return None;
        }
        let found = self.labels().into_iter().zip(&self.folders).find_map(|(label, folder)| {
            if label.is_empty() {
                return Some((folder, path));
            }
            let rest = path.strip_prefix(label.as_str())?;
            let is_whole = rest.is_empty() || rest.starts_with('/');
            is_whole.then(|| (folder, rest.trim_start_matches('/')))
        });
        found.map(|(folder, rest)| FolderPath::new(&self.name, folder.as_os_str().as_bytes(), rest))
    }

    /// A folder as clients see it. Invalid UTF-8 is replaced: such a path cannot be resolved.
    pub fn shown(&self, folder: &FolderPath) -> Option<String> {
        let labels = self.labels().into_iter().zip(&self.folders);
        let (label, _) = labels.into_iter().find(|(_, f)| f.as_os_str().as_bytes() == folder.volume)?;
        let path = String::from_utf8_lossy(&folder.path);
        Some(match (label.is_empty(), path.is_empty()) {
            (true, _) => path.into_owned(),
            (false, true) => label,
            (false, false) => format!("{label}/{path}"),
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spaces(Vec<Space>);

impl FromIterator<Space> for Spaces {
    fn from_iter<T: IntoIterator<Item = Space>>(spaces: T) -> Spaces {
        Spaces(spaces.into_iter().collect())
    }
}

impl Spaces {
    /// In order of the config and of the names.
    pub fn resolve(configured: &[SpaceConfig]) -> Spaces {
        configured.iter().flat_map(resolve_one).collect()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Space> {
        self.0.iter()
    }

    pub fn named(&self, name: &str) -> Option<&Space> {
        self.0.iter().find(|s| s.name == name)
    }
}

/// What `account add` creates for an account: its folders by the pattern spaces whose only wildcard is a
/// whole name. Returns the name of the space and the folders.
pub fn pattern_folders(configured: &[SpaceConfig], account: &str) -> Option<(String, Vec<PathBuf>)> {
    let space = configured.iter().find(|s| s.name.get_ref() == "{}")?;
    let one_of = |pattern: &PathBuf| -> Option<PathBuf> {
        let wild = pattern.components().filter(|c| patterns::has_wildcard(Path::new(c)));
        if wild.collect::<Vec<_>>() != [Component::Normal("*".as_ref())] {
            return None;
        }
        Some(
            pattern
                .components()
                .map(|c| if c.as_os_str() == "*" { account.as_ref() } else { c.as_os_str() })
                .collect(),
        )
    };
    let folders: Vec<PathBuf> = space.folders.iter().filter_map(|f| one_of(f.get_ref())).collect();
    (!folders.is_empty()).then(|| (account.to_owned(), folders))
}

fn resolve_one(space: &SpaceConfig) -> Vec<Space> {
    let with = |name: String, folders: Vec<PathBuf>, is_match: bool| Space {
        name,
        kind: space.kind,
        folders,
        owner: space.owner.as_ref().map(|o| o.get_ref().clone()),
        is_match,
    };
    let name = space.name.get_ref();
    let folders = space.folders.iter().map(|f| f.get_ref());
    if !name.contains("{}") {
        // As the engine records them: a folder reached through a link is recorded by its real path.
        return vec![with(name.clone(), folders.map(|f| albumen_files::absolute(f)).collect(), false)];
    }
    let found = patterns::named(name, folders.map(PathBuf::as_path));
    // The name is an account's only if it is the matched text alone.
    let folders = |found: Vec<patterns::Found>| found.into_iter().map(|f| f.folder).collect();
    found.into_iter().map(|(found, matches)| with(found, folders(matches), name == "{}")).collect()
}

/// An error in the owners; all other errors of spaces are reported by the engine.
pub(super) fn find_mistake(spaces: &[SpaceConfig]) -> Option<(usize, String)> {
    spaces.iter().find_map(|space| {
        let (owner, name) = (space.owner.as_ref()?, space.name.get_ref());
        let at = owner.span().start;
        if space.kind == SpaceKind::Shared {
            return Some((at, format!("space `{name}` is shared and has no owner")));
        }
        if name.contains("{}") {
            return Some((
                at,
                format!("space `{name}` is a pattern: its spaces belong to the accounts of their names"),
            ));
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_pattern_gives_each_account_its_own() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["anna/Photos", "ben/Photos", "no/Other", "@eaDir/Photos", ".hidden/Photos"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("anna"), dir.path().join("eve")).unwrap();
        let pattern = dir.path().join("*/Photos");
        let text = format!("[[space]]\nname = \"{{}}\"\nfolders = [{pattern:?}]");
        let config = Config::parse(&text).unwrap();
        let spaces = config.resolve_spaces();
        let names: Vec<&str> = spaces.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["anna", "ben"]);
        assert!(spaces.iter().all(|s| s.is_match));
        let (space, folders) = pattern_folders(&config.spaces, "carl").unwrap();
        assert_eq!((space.as_str(), folders), ("carl", vec![dir.path().join("carl/Photos")]));
    }

    #[test]
    fn paths_of_clients_are_folders_by_their_spelling() {
        let space = |folders: &[&str]| Space {
            name: "s".into(),
            kind: SpaceKind::Shared,
            folders: folders.iter().map(PathBuf::from).collect(),
            owner: None,
            is_match: false,
        };
        let one = space(&["/v/photo"]);
        assert_eq!(one.folder("2023/07"), Some(FolderPath::new("s", "/v/photo", "2023/07")));
        assert_eq!(one.folder(""), Some(FolderPath::new("s", "/v/photo", "")));
        assert_eq!(one.folder("/2023/"), Some(FolderPath::new("s", "/v/photo", "2023")));
        for bad in ["..", "a/../b", "a//b", "./a", "a/\0"] {
            assert_eq!(one.folder(bad), None, "{bad:?}");
        }
        let two = space(&["/v1/photo", "/v2/photo"]);
        assert_eq!(two.folder(""), None);
        assert_eq!(two.folder("photo (2)/a"), Some(FolderPath::new("s", "/v2/photo", "a")));
        assert_eq!(two.folder("photo/a"), Some(FolderPath::new("s", "/v1/photo", "a")));
        assert_eq!(two.folder("photographs"), None);
        for (space, path) in [(&one, "2023/07"), (&one, ""), (&two, "photo (2)/a"), (&two, "photo")] {
            assert_eq!(space.shown(&space.folder(path).unwrap()).as_deref(), Some(path));
        }
    }
}

//! Relations between volumes: nested, renamed and missing ones.
//!
//! Promises: a file belongs to one volume, the innermost; a volume keeps its identity when its folder is renamed or its
//! disk is mounted elsewhere; a volume that is not in the config keeps its space; a renamed space keeps its people.

use crate::config::{Config, Space, SpaceKind, Spaces};
use albumen_files::walk::Reach;
use albumen_files::{absolute, below, patience, relative};
use albumen_index::Index;
use albumen_index::Result;
use albumen_index::scan::VolumeInSpace;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A folder tree (or one file) to bring up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub space: String,
    pub kind: SpaceKind,
    /// Whether people and subjects are enabled in its space.
    pub people: bool,
    pub subjects: bool,
    /// Absolute path of the volume's root.
    pub volume: PathBuf,
    /// The part of that path in which symbolic links are followed: the path in the config or on the command line.
    pub named: PathBuf,
    /// Start of the walk, relative to the root; empty for the whole volume.
    pub start: Vec<u8>,
    pub reach: Reach,
}

impl Target {
    /// Absolute path of the start.
    pub fn path(&self) -> PathBuf {
        relative::on_disk(&[self.volume.as_os_str().as_bytes(), &self.start])
    }
}

/// All existing volumes, complete.
pub struct Volumes {
    /// The spaces of the config, resolved once.
    pub spaces: Spaces,
    /// Volumes in the config.
    configured: Vec<Target>,
    /// Volumes in the index, each in its present space.
    pub known: Vec<Target>,
}

impl Volumes {
    pub fn read(config: &Config, index: &Index) -> Result<Volumes> {
        let spaces = Spaces::resolve(&config.spaces);
        Ok(Volumes { configured: configured(&spaces), known: known(index)?, spaces })
    }

    /// Renames spaces of the index to follow the config, before single volumes move, which would leave their people
    /// behind. A space that is not in the config, and whose volumes are all in one other space now, has become that
    /// space: a path indexed without config was added to it, or the space was renamed. Returns the old and new names.
    pub fn follow_config(&mut self, index: &Index) -> Result<Vec<(String, String)>> {
        let space_at =
            |path: &Path| self.configured.iter().find(|t| t.volume == path).map(|t| t.space.as_str());
        let mut now: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
        for known in &self.known {
            now.entry(&known.space).or_default().insert(space_at(&known.volume));
        }
        let mut followed = Vec::new();
        for (old, new) in now {
            let is_named = self.configured.iter().any(|t| t.space == old);
            if let (false, [Some(new)]) = (is_named, &Vec::from_iter(new)[..]) {
                index.space_becomes(old, new)?;
                followed.push((old.to_owned(), (*new).to_owned()));
            }
        }
        if !followed.is_empty() {
            self.known = known(index)?;
        }
        Ok(followed)
    }

    fn all(&self) -> impl Iterator<Item = &Target> {
        self.configured.iter().chain(&self.known)
    }

    /// The targets to walk: the config's volumes, or each given path in the volume that contains it.
    pub fn targets(&self, paths: &[PathBuf]) -> Vec<Target> {
        let mut out: Vec<Target> = Vec::new();
        if paths.is_empty() {
            out.clone_from(&self.configured);
        }
        for path in paths {
            let path = absolute(path);
            // Not in the config but indexed before: the volume keeps its identity.
            let held = holding(self.all(), &path);
            let target = held.unwrap_or_else(|| {
                let is_file = patience::stat(&path).is_ok_and(|m| m.is_file());
                let start = path.file_name().filter(|_| is_file);
                let volume = start.and_then(|_| path.parent()).unwrap_or(&path);
                Target {
                    start: start.map(|name| name.as_bytes().to_vec()).unwrap_or_default(),
                    ..by_hand(volume)
                }
            });
            if !out.contains(&target) {
                out.push(target);
            }
        }
        self.add_inner(&mut out);
        out
    }

    /// A hint for the user if several paths outside the config were given: each becomes a space of its own, and people
    /// are not shared between spaces.
    pub fn spaces_by_hand(&self, paths: &[PathBuf], targets: &[Target]) -> Option<String> {
        let mut spaces: Vec<&str> = targets
            .iter()
            .filter(|t| !self.configured.iter().any(|c| c.volume == t.volume))
            .map(|t| t.space.as_str())
            .collect();
        spaces.sort_unstable();
        spaces.dedup();
        (paths.len() > 1 && spaces.len() > 1).then(|| {
            format!(
                "each PATH is a space of its own ({}), with its own people: to share people between folders, name the folders \
                 as one space in the config",
                spaces.join(", ")
            )
        })
    }

    /// Adds the volumes nested in the targets: walks exclude nested volumes.
    fn add_inner(&self, targets: &mut Vec<Target>) {
        let outer: Vec<PathBuf> = targets
            .iter()
            .map(|t| real(&relative::on_disk(&[t.volume.as_os_str().as_bytes(), &t.start])))
            .collect();
        let is_there = self.known.iter().filter(|k| patience::may_be_there(&k.volume));
        for volume in self.configured.iter().chain(is_there) {
            let at = real(&volume.volume);
            let is_inside = outer.iter().any(|outer| at != *outer && at.starts_with(outer));
            if is_inside && targets.iter().all(|t| t.volume != volume.volume) {
                targets.push(volume.clone());
            }
        }
    }

    /// Separates targets from mistakes of the user: folders that are missing, not in the config, and never were
    /// volumes.
    pub fn slips(&self, targets: Vec<Target>) -> (Vec<Target>, Vec<Target>) {
        let is_named = |t: &Target| self.all().any(|k| k.volume == t.volume);
        targets.into_iter().partition(|t| patience::may_be_there(&t.volume) || is_named(t))
    }
}

/// The volumes in the config, complete.
fn configured(spaces: &Spaces) -> Vec<Target> {
    let targets = |s: &Space| -> Vec<Target> {
        let target = |(f, named): (&PathBuf, &PathBuf)| Target {
            space: s.name.clone(),
            kind: s.kind,
            people: s.people,
            subjects: s.subjects,
            volume: f.clone(),
            named: named.clone(),
            start: Vec::new(),
            reach: Reach::Tree,
        };
        s.folders.iter().zip(&s.named).map(target).collect()
    };
    spaces.iter().flat_map(targets).collect()
}

/// The volumes in the index, complete, each in its present space.
fn known(index: &Index) -> Result<Vec<Target>> {
    let volumes = index.volumes_in_spaces()?;
    let target = |VolumeInSpace { path, space, kind }| Target {
        space,
        kind: if kind == kind_name(SpaceKind::Shared) { SpaceKind::Shared } else { SpaceKind::Personal },
        ..by_hand(&relative::on_disk(&[&path]))
    };
    Ok(volumes.into_iter().map(target).collect())
}

/// A volume that is not in the config: a space of its own.
fn by_hand(volume: &Path) -> Target {
    let space = Spaces::by_hand(volume);
    Target {
        space: space.name,
        kind: space.kind,
        people: space.people,
        subjects: space.subjects,
        volume: volume.to_owned(),
        named: volume.to_owned(),
        start: Vec::new(),
        reach: Reach::Tree,
    }
}

/// The volume that contains a path (absolute, without links), starting at that path; of several the innermost, and the
/// first of equal ones.
fn holding<'a>(volumes: impl Iterator<Item = &'a Target>, path: &Path) -> Option<Target> {
    let inside = volumes.filter_map(|t| Some((t, below(path, &t.volume)?)));
    let (volume, start) = inside.min_by_key(|(_, rest)| rest.components().count())?;
    Some(Target { start: start.into_os_string().into_encoded_bytes(), ..volume.clone() })
}

/// The paths of those volumes (without links) that are nested in a volume, relative to it.
pub fn inside(volume: &Path, volumes: &[PathBuf]) -> Vec<Vec<u8>> {
    let volume = real(volume);
    let rest =
        |other: &PathBuf| other.strip_prefix(&volume).ok().map(|rest| rest.as_os_str().as_bytes().to_vec());
    volumes.iter().filter_map(rest).filter(|rest| !rest.is_empty()).collect()
}

/// The paths of all volumes, in the index and in the targets, without links.
pub fn all(index: &Index, targets: &[Target]) -> Result<Vec<PathBuf>> {
    let known = index.volumes()?;
    let known = known.iter().map(|volume| relative::on_disk(&[&volume.path]));
    Ok(known.chain(targets.iter().map(|t| t.volume.clone())).map(|path| real(&path)).collect())
}

fn real(path: &Path) -> PathBuf {
    patience::canonical(path).unwrap_or_else(|_| path.to_owned())
}

/// Name in the index.
pub fn kind_name(kind: SpaceKind) -> &'static str {
    match kind {
        SpaceKind::Personal => "personal",
        SpaceKind::Shared => "shared",
    }
}

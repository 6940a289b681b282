//! What the portal asks the index, and for whom.
//!
//! [`Scope`] is the rights filter that every query takes: rows outside of it do not exist for the query, so that pages,
//! counts, facets, suggestions, covers and maps are of visible items only. It is made by [`crate::rights::scope`] for one subject
//! and one moment, holds no borrowed data, and is cheap to clone behind an `Arc`.

use crate::rights::Rights;
use crate::store::{AccountId, FolderPath};

/// What a subject may see of the library.
///
/// An item is visible where one of these gives its rights `view`:
/// - its space is in `spaces`;
/// - of the `folders` that hold its folder, the deepest one gives them (a rule with no rights hides what is inside);
/// - it is in an album of `albums`, or in one that `account` owns, and its folder is visible in the scope of the account that put
///   it into the album: rights are those of the album and at most `download` of that account's.
///
/// The rights of an item are the union of what these give. Where `items` is there, nothing else than those is visible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Spaces that are seen whole: with their faces, people and regions. All other items are shown without.
    pub spaces: Vec<SpaceScope>,
    /// Folders of other spaces, in order: a folder is followed by those inside of it.
    pub folders: Vec<FolderScope>,
    /// Albums of others.
    pub albums: Vec<AlbumScope>,
    /// The account whose own albums count, too.
    pub account: Option<AccountId>,
    /// Of a link to some items: these alone.
    pub items: Option<Vec<i64>>,
    /// Whether files may be given as they are, where there is the right to download.
    pub has_originals: bool,
    /// No names, folders, places, positions and dates, and no order by date.
    pub hide_details: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceScope {
    pub space: String,
    pub rights: Rights,
}

/// A folder with all that is inside of it, up to the next rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderScope {
    pub folder: FolderPath,
    pub rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumScope {
    pub album: i64,
    pub rights: Rights,
}

impl Scope {
    /// The rights on a folder by `spaces` and `folders`: what a query computes for the items in it.
    pub fn folder_rights(&self, folder: &FolderPath) -> Rights {
        if let Some(space) = self.spaces.iter().find(|s| s.space == folder.space) {
            return space.rights;
        }
        self.folders.iter().rfind(|f| f.folder.holds(folder)).map_or(Rights::NONE, |f| f.rights)
    }

    /// Whether faces, people and regions of a space are shown.
    pub fn shows_people(&self, space: &str) -> bool {
        self.spaces.iter().any(|s| s.space == space && s.rights.view)
    }

    /// Whether nothing can be seen at all, so that no query is needed.
    pub fn is_empty(&self) -> bool {
        let any_folder = self.folders.iter().any(|f| f.rights.view);
        !any_folder && self.spaces.is_empty() && self.albums.is_empty() && self.account.is_none()
    }
}

//! What a subject may do with an object: one pure function, [`rights`], that denies what no rule allows.
//!
//! Its input is the [`Policy`]: all accounts, grants, albums and links, read from `portal.sqlite` and the
//! config. [`scope()`] expresses the same for the whole library, as a filter for the queries of the index; a
//! property test verifies that both agree.

mod policy;
mod scope;

pub use policy::{
    AccountRules, AlbumRules, FolderRules, Policy, RequestRules, ShareRules, ShareWhat, SpaceRules, Switches,
    Who,
};
pub use scope::scope;

use crate::store::{AccountId, AlbumRole, FolderPath};
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of rights. In JSON a list of words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "Vec<Right>", from = "Vec<Right>")]
pub struct Rights {
    pub view: bool,
    pub download: bool,
    pub upload: bool,
    pub manage: bool,
}

impl Rights {
    pub const NONE: Rights = Rights { view: false, download: false, upload: false, manage: false };
    pub const VIEW: Rights = Rights { view: true, ..Rights::NONE };
    pub const DOWNLOAD: Rights = Rights { download: true, ..Rights::VIEW };
    /// View, and change what others see.
    pub const MANAGE: Rights = Rights { manage: true, ..Rights::VIEW };
    pub const UPLOAD: Rights = Rights { upload: true, ..Rights::NONE };
    pub const ALL: Rights = Rights { view: true, download: true, upload: true, manage: true };

    /// As stored: 1 view, 2 download, 4 upload, 8 manage.
    pub fn from_bits(bits: u8) -> Rights {
        Rights { view: bits & 1 != 0, download: bits & 2 != 0, upload: bits & 4 != 0, manage: bits & 8 != 0 }
    }

    pub fn bits(self) -> u8 {
        u8::from(self.view)
            | u8::from(self.download) << 1
            | u8::from(self.upload) << 2
            | u8::from(self.manage) << 3
    }

    pub fn is_none(self) -> bool {
        self == Rights::NONE
    }

    /// Whether this set contains all of `other`.
    pub fn include(self, other: Rights) -> bool {
        self & other == other
    }

    /// Grants on folders imply each other: manage includes all rights, download and upload include view.
    pub fn closed(self) -> Rights {
        if self.manage {
            return Rights::ALL;
        }
        Rights { view: self.view || self.download || self.upload, ..self }
    }
}

/// One of the rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    View,
    Download,
    Upload,
    Manage,
}

impl From<Rights> for Vec<Right> {
    fn from(rights: Rights) -> Vec<Right> {
        let all = [
            (rights.view, Right::View),
            (rights.download, Right::Download),
            (rights.upload, Right::Upload),
            (rights.manage, Right::Manage),
        ];
        all.into_iter().filter(|(has, _)| *has).map(|(_, right)| right).collect()
    }
}

impl From<Vec<Right>> for Rights {
    fn from(words: Vec<Right>) -> Rights {
        let has = |right| words.contains(&right);
        Rights {
            view: has(Right::View),
            download: has(Right::Download),
            upload: has(Right::Upload),
            manage: has(Right::Manage),
        }
    }
}

impl BitOr for Rights {
    type Output = Rights;
    fn bitor(self, other: Rights) -> Rights {
        Rights::from_bits(self.bits() | other.bits())
    }
}

impl BitAnd for Rights {
    type Output = Rights;
    fn bitand(self, other: Rights) -> Rights {
        Rights::from_bits(self.bits() & other.bits())
    }
}

impl BitOrAssign for Rights {
    fn bitor_assign(&mut self, other: Rights) {
        *self = *self | other;
    }
}

/// The subject of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// No account: sees public folders, and those whose password was given.
    Visitor { unlocked: Vec<FolderPath> },
    /// Signed in at the portal.
    Account { id: AccountId, unlocked: Vec<FolderPath> },
    /// A program with a secret of an account: some of its rights, perhaps in some of its spaces only.
    Token { account: AccountId, rights: Rights, spaces: Option<Vec<String>> },
    /// A share link; one with a password counts after it was given.
    Share { id: String, unlocked: bool },
    /// A guest of a photo request.
    Guest { request: String, unlocked: bool },
}

impl Subject {
    pub fn anonymous() -> Subject {
        Subject::Visitor { unlocked: Vec::new() }
    }

    /// The account that asks, also through a token.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Subject::Account { id, .. } => Some(*id),
            Subject::Token { account, .. } => Some(*account),
            _ => None,
        }
    }
}

/// The membership of an item in an album.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    pub album: i64,
    /// The album's owner.
    pub owner: AccountId,
    /// The account that added the item; for a conditional album its owner.
    pub added_by: AccountId,
}

/// The object of a request.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// All of a space: its people, its recognition, its settings.
    Space(&'a str),
    Folder(&'a FolderPath),
    /// An item in its folder and in albums.
    Item {
        id: i64,
        folder: &'a FolderPath,
        albums: &'a [Placement],
    },
    Album {
        id: i64,
        owner: AccountId,
    },
    /// A photo request, for its guests and its owner.
    Request(&'a str),
    /// A share link, for its owner.
    Share(&'a str),
    /// Accounts, groups, shared spaces, switches, the engine, the audit log of all.
    Administration,
    /// Sign-in, tokens, preferences and history of one account. A token has view rights at most.
    Profile(AccountId),
}

/// What a subject may do with an object. `now` is compared with the expiry of links.
pub fn rights(policy: &Policy, subject: &Subject, object: &Object<'_>, now: i64) -> Rights {
    match subject {
        Subject::Visitor { unlocked } => match object {
            Object::Folder(folder) | Object::Item { folder, .. } => policy.open_rights(folder, unlocked),
            _ => Rights::NONE,
        },
        Subject::Account { id, unlocked } => {
            let open = match object {
                Object::Folder(folder) | Object::Item { folder, .. } if policy.is_active(*id) => {
                    policy.open_rights(folder, unlocked)
                }
                _ => Rights::NONE,
            };
            open | of_account(policy, *id, object)
        }
        Subject::Token { account, rights, spaces } => {
            let space = match object {
                Object::Space(space) => Some(*space),
                Object::Folder(folder) | Object::Item { folder, .. } => Some(folder.space.as_str()),
                Object::Album { .. } => None,
                Object::Profile(id) => {
                    return if id == account && policy.is_active(*id) { Rights::VIEW } else { Rights::NONE };
                }
                Object::Request(_) | Object::Share(_) | Object::Administration => return Rights::NONE,
            };
            // Albums span spaces: a token that is limited to some spaces has no albums.
            let is_inside = match (spaces, space) {
                (None, _) => true,
                (Some(spaces), Some(space)) => spaces.iter().any(|s| s == space),
                (Some(_), None) => false,
            };
            // The space of an item seen only through an album is the owner's: the same limit applies.
            if !is_inside || !policy.is_active(*account) {
                return Rights::NONE;
            }
            let open = match object {
                Object::Folder(folder) | Object::Item { folder, .. } => policy.open_rights(folder, &[]),
                _ => Rights::NONE,
            };
            (open | of_account(policy, *account, object)) & *rights
        }
        Subject::Share { id, unlocked } => of_share(policy, id, *unlocked, object, now),
        Subject::Guest { request, unlocked } => match object {
            Object::Request(id) if id == request => of_guest(policy, request, *unlocked, now),
            _ => Rights::NONE,
        },
    }
}

/// The rights of an account itself: without public folders and passwords.
fn of_account(policy: &Policy, id: AccountId, object: &Object<'_>) -> Rights {
    if !policy.is_active(id) {
        return Rights::NONE;
    }
    match object {
        Object::Space(space) => policy.space_rights(id, space),
        Object::Folder(folder) => policy.folder_rights(id, folder),
        Object::Item { folder, albums, .. } => {
            albums.iter().fold(policy.folder_rights(id, folder), |sum, placement| {
                sum | through_album(policy, id, placement, folder)
            })
        }
        Object::Album { id: album, owner } => album_rights(policy, id, *album, *owner),
        Object::Request(request) => match policy.requests.get(*request) {
            Some(request) if request.creator == id => Rights::ALL,
            _ => Rights::NONE,
        },
        Object::Share(share) => match policy.shares.get(*share) {
            Some(share) if share.creator == id => Rights::ALL,
            _ => Rights::NONE,
        },
        Object::Administration => {
            if policy.is_admin(id) {
                Rights::ALL
            } else {
                Rights::NONE
            }
        }
        Object::Profile(of) => {
            if *of == id {
                Rights::ALL
            } else {
                Rights::NONE
            }
        }
    }
}

/// On the album itself: upload is to add items, manage is to change it.
fn album_rights(policy: &Policy, id: AccountId, album: i64, owner: AccountId) -> Rights {
    if !policy.is_active(owner) {
        return Rights::NONE;
    }
    if owner == id {
        return Rights::ALL;
    }
    policy.album_role(album, id).map_or(Rights::NONE, role_rights)
}

fn role_rights(role: AlbumRole) -> Rights {
    match role {
        AlbumRole::Viewer => Rights::VIEW,
        AlbumRole::Downloader => Rights::DOWNLOAD,
        AlbumRole::Provider => Rights { upload: true, ..Rights::DOWNLOAD },
    }
}

/// On an item of an album: at most the current rights of the account that added it, and never a change.
fn through_album(policy: &Policy, id: AccountId, placement: &Placement, folder: &FolderPath) -> Rights {
    let role = album_rights(policy, id, placement.album, placement.owner);
    role & policy.contribution(placement.added_by, folder)
}

/// A link grants at most the current rights of its creator.
fn of_share(policy: &Policy, id: &str, unlocked: bool, object: &Object<'_>, now: i64) -> Rights {
    let Some(share) = policy.live_share(id, unlocked, now) else { return Rights::NONE };
    let creators = match (&share.what, object) {
        (ShareWhat::Items(items), Object::Item { id, folder, .. }) if items.contains(id) => {
            policy.contribution(share.creator, folder)
        }
        (ShareWhat::Folder(shared), Object::Folder(folder) | Object::Item { folder, .. })
            if shared.holds(folder) =>
        {
            policy.contribution(share.creator, folder)
        }
        (ShareWhat::Album(album), Object::Album { id, owner }) if id == album => {
            let of_owner = if *owner == share.creator { Rights::DOWNLOAD } else { Rights::NONE };
            if policy.is_active(*owner) { of_owner } else { Rights::NONE }
        }
        (ShareWhat::Album(album), Object::Item { folder, albums, .. }) => albums
            .iter()
            .filter(|p| p.album == *album && p.owner == share.creator)
            .fold(Rights::NONE, |sum, p| sum | policy.contribution(p.added_by, folder)),
        _ => Rights::NONE,
    };
    creators & share.rights & Rights::DOWNLOAD
}

/// Guests upload files and see nothing.
fn of_guest(policy: &Policy, id: &str, unlocked: bool, now: i64) -> Rights {
    let Some(request) = policy.requests.get(id) else { return Rights::NONE };
    let is_open = !request.is_off && request.expires.is_none_or(|at| now < at);
    let is_known = unlocked || !request.has_password;
    let may_creator = policy.folder_rights(request.creator, &request.folder).upload;
    // The album's owner is stored in the index: the request records whether it was the creator's own.
    let may_album = request.album.is_none_or(|album| {
        request.owns_album || policy.album_role(album, request.creator) == Some(AlbumRole::Provider)
    });
    if is_open && is_known && may_creator && may_album { Rights::UPLOAD } else { Rights::NONE }
}

#[cfg(test)]
mod tests;

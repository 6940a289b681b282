//! All input of the rights, in memory.

use super::Rights;
use crate::config::SpaceKind;
use crate::store::{Access, AccountId, AlbumRole, FolderPath, GroupId, Visibility};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Folders of the first two levels are private, public or protected by a password; the volume itself is the level above.
pub(super) const VISIBILITY_LEVELS: usize = 2;

/// An account or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    Account(AccountId),
    Group(GroupId),
}

#[derive(Debug, Clone, Default)]
pub struct AccountRules {
    pub name: String,
    pub is_admin: bool,
    pub is_disabled: bool,
    pub groups: Vec<GroupId>,
    /// In shared spaces; no access without an entry.
    pub access: HashMap<String, Access>,
}

#[derive(Debug, Clone)]
pub struct SpaceRules {
    pub kind: SpaceKind,
    /// Of a personal space.
    pub owner: Option<AccountId>,
    /// A shared space that is switched off grants no rights to any account.
    pub is_off: bool,
    pub folders: FolderRules,
}

/// The rules on folders of one space, by volume and path. Sorted: a folder is followed by its descendants.
#[derive(Debug, Clone, Default)]
pub struct FolderRules {
    pub grants: BTreeMap<FolderPath, Vec<(Who, Rights)>>,
    pub visibility: BTreeMap<FolderPath, Visibility>,
}

#[derive(Debug, Clone, Default)]
pub struct AlbumRules {
    pub members: Vec<(Who, AlbumRole)>,
    pub is_private: bool,
}

#[derive(Debug, Clone)]
pub enum ShareWhat {
    Items(BTreeSet<i64>),
    /// An album of the creator's own.
    Album(i64),
    Folder(FolderPath),
}

#[derive(Debug, Clone)]
pub struct ShareRules {
    pub creator: AccountId,
    pub what: ShareWhat,
    pub rights: Rights,
    pub has_password: bool,
    pub expires: Option<i64>,
    pub hide_details: bool,
    pub is_off: bool,
}

#[derive(Debug, Clone)]
pub struct RequestRules {
    pub creator: AccountId,
    pub folder: FolderPath,
    pub album: Option<i64>,
    /// Whether the album is the creator's own.
    pub owns_album: bool,
    pub has_password: bool,
    pub expires: Option<i64>,
    pub is_off: bool,
}

/// The two switches for originals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    pub accounts_download_originals: bool,
    pub guests_download_originals: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Switches { accounts_download_originals: true, guests_download_originals: false }
    }
}

/// All rules.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub accounts: HashMap<AccountId, AccountRules>,
    pub spaces: HashMap<String, SpaceRules>,
    pub albums: HashMap<i64, AlbumRules>,
    pub shares: HashMap<String, ShareRules>,
    pub requests: HashMap<String, RequestRules>,
    pub switches: Switches,
}

impl Policy {
    /// Whether an account exists and is enabled.
    pub fn is_active(&self, id: AccountId) -> bool {
        self.accounts.get(&id).is_some_and(|a| !a.is_disabled)
    }

    pub fn is_admin(&self, id: AccountId) -> bool {
        self.accounts.get(&id).is_some_and(|a| a.is_admin && !a.is_disabled)
    }

    /// Whether a subject that may download gets originals.
    pub fn may_have_originals(&self, subject: &super::Subject) -> bool {
        match subject {
            super::Subject::Account { .. } | super::Subject::Token { .. } => {
                self.switches.accounts_download_originals
            }
            super::Subject::Share { id, .. } => {
                self.switches.guests_download_originals
                    && self.shares.get(id).is_some_and(|s| !s.hide_details)
            }
            super::Subject::Visitor { .. } => self.switches.guests_download_originals,
            super::Subject::Guest { .. } => false,
        }
    }

    /// Whether a link shows pictures only: no names, places and dates, and no files that contain them.
    pub fn hides_details(&self, subject: &super::Subject) -> bool {
        match subject {
            super::Subject::Share { id, .. } => self.shares.get(id).is_none_or(|s| s.hide_details),
            _ => false,
        }
    }

    /// On a whole space. Administrators manage shared spaces and do not see personal ones.
    pub(super) fn space_rights(&self, id: AccountId, space: &str) -> Rights {
        let (Some(rules), Some(account)) = (self.spaces.get(space), self.accounts.get(&id)) else {
            return Rights::NONE;
        };
        if account.is_disabled {
            return Rights::NONE;
        }
        let is_whole = match rules.kind {
            SpaceKind::Personal => rules.owner == Some(id),
            SpaceKind::Shared => {
                !rules.is_off && (account.is_admin || account.access.get(space) == Some(&Access::Full))
            }
        };
        if is_whole { Rights::ALL } else { Rights::NONE }
    }

    /// On a folder: by the whole space, else by grants on it and on the folders above.
    pub(super) fn folder_rights(&self, id: AccountId, folder: &FolderPath) -> Rights {
        let whole = self.space_rights(id, &folder.space);
        if !whole.is_none() {
            return whole;
        }
        let (Some(rules), Some(account)) = (self.spaces.get(&folder.space), self.accounts.get(&id)) else {
            return Rights::NONE;
        };
        if account.is_disabled || !self.has_custom_access(account, rules, &folder.space) {
            return Rights::NONE;
        }
        folder
            .with_ancestors()
            .fold(Rights::NONE, |sum, above| sum | self.granted(id, account, rules, &above))
    }

    pub(super) fn has_custom_access(&self, account: &AccountRules, rules: &SpaceRules, space: &str) -> bool {
        rules.kind == SpaceKind::Shared && !rules.is_off && account.access.get(space) == Some(&Access::Custom)
    }

    /// The grant on exactly this folder.
    pub(super) fn granted(
        &self,
        id: AccountId,
        account: &AccountRules,
        rules: &SpaceRules,
        folder: &FolderPath,
    ) -> Rights {
        let holds = |who: &Who| match who {
            Who::Account(a) => *a == id,
            Who::Group(g) => account.groups.contains(g),
        };
        let grants = rules.folders.grants.get(folder).into_iter().flatten();
        grants.filter(|(who, _)| holds(who)).fold(Rights::NONE, |sum, (_, rights)| sum | rights.closed())
    }

    /// On a folder that is public or unlocked: by the deepest of the first levels that has a rule.
    pub(super) fn open_rights(&self, folder: &FolderPath, unlocked: &[FolderPath]) -> Rights {
        let Some(rules) = self.spaces.get(&folder.space) else { return Rights::NONE };
        if rules.kind != SpaceKind::Shared || rules.is_off {
            return Rights::NONE;
        }
        let levels = folder.with_ancestors().filter(|f| f.depth() <= VISIBILITY_LEVELS);
        let said = levels.filter_map(|f| Some((*rules.folders.visibility.get(&f)?, f))).last();
        said.map_or(Rights::NONE, |(visibility, at)| opened(visibility, &at, unlocked))
    }

    /// What an account may pass on of items in a folder: its own rights without changes.
    pub(super) fn contribution(&self, id: AccountId, folder: &FolderPath) -> Rights {
        self.folder_rights(id, folder) & Rights::DOWNLOAD
    }

    /// The highest role of an account that is invited directly or by a group.
    pub fn album_role(&self, album: i64, id: AccountId) -> Option<AlbumRole> {
        let account = self.accounts.get(&id).filter(|a| !a.is_disabled)?;
        let rules = self.albums.get(&album).filter(|a| !a.is_private)?;
        let holds = |who: &Who| match who {
            Who::Account(a) => *a == id,
            Who::Group(g) => account.groups.contains(g),
        };
        rules.members.iter().filter(|(who, _)| holds(who)).map(|(_, role)| *role).max()
    }

    /// A link that is enabled and not expired, whose creator is enabled and whose password, if it has one,
    /// was given.
    pub fn live_share(&self, id: &str, unlocked: bool, now: i64) -> Option<&ShareRules> {
        let share = self.shares.get(id)?;
        let is_live = !share.is_off
            && share.expires.is_none_or(|at| now < at)
            && (unlocked || !share.has_password)
            && self.is_active(share.creator);
        is_live.then_some(share)
    }

    /// The account that owns a personal space.
    pub fn owner(&self, space: &str) -> Option<AccountId> {
        self.spaces.get(space)?.owner
    }
}

/// The rights of a visitor on a folder with this visibility.
pub(super) fn opened(visibility: Visibility, at: &FolderPath, unlocked: &[FolderPath]) -> Rights {
    match visibility {
        Visibility::Public => Rights::DOWNLOAD,
        Visibility::Password if unlocked.contains(at) => Rights::DOWNLOAD,
        Visibility::Password | Visibility::Private => Rights::NONE,
    }
}

//! What a subject may see of the whole library: the filter that the index's queries take.

use super::policy::{Policy, ShareWhat, VISIBILITY_LEVELS};
use super::{Rights, Subject};
use crate::library::{AlbumScope, FolderScope, Scope, SpaceScope};
use crate::store::{AccountId, FolderPath};
use std::collections::BTreeSet;

/// The scope of a subject. For every folder it agrees with [`super::rights`]: verified by a property test.
pub fn scope(policy: &Policy, subject: &Subject, now: i64) -> Scope {
    let mut scope = match subject {
        Subject::Visitor { unlocked } => folders(policy, None, Some(unlocked)),
        Subject::Account { id, unlocked } if policy.is_active(*id) => {
            let mut scope = folders(policy, Some(*id), Some(unlocked));
            scope.albums = albums(policy, *id);
            scope.account = Some(*id);
            scope
        }
        Subject::Account { .. } => Scope::default(),
        Subject::Token { account, rights, spaces } if policy.is_active(*account) => {
            let mut scope = folders(policy, Some(*account), Some(&[]));
            match spaces {
                Some(spaces) => {
                    scope.spaces.retain(|s| spaces.contains(&s.space));
                    scope.folders.retain(|f| spaces.contains(&f.folder.space));
                }
                None => {
                    scope.albums = albums(policy, *account);
                    scope.account = Some(*account);
                }
            }
            mask(&mut scope, *rights);
            scope
        }
        Subject::Token { .. } | Subject::Guest { .. } => Scope::default(),
        Subject::Share { id, unlocked } => share(policy, id, *unlocked, now),
    };
    scope.has_originals = policy.may_have_originals(subject);
    scope
}

/// The folders of an account, and with `open` those that are public or unlocked. Subfolders are listed only
/// where their rules differ.
fn folders(policy: &Policy, id: Option<AccountId>, open: Option<&[FolderPath]>) -> Scope {
    let mut scope = Scope::default();
    let mut names: Vec<&String> = policy.spaces.keys().collect();
    names.sort();
    for name in names {
        let rules = &policy.spaces[name];
        let whole = id.map_or(Rights::NONE, |id| policy.space_rights(id, name));
        if !whole.is_none() {
            scope.spaces.push(SpaceScope { space: name.clone(), rights: whole });
            continue;
        }
        let account = id.and_then(|id| Some((id, policy.accounts.get(&id)?)));
        let custom = account.filter(|(_, account)| policy.has_custom_access(account, rules, name));
        let granted = rules.folders.grants.keys().filter(|folder| {
            custom.is_some_and(|(id, account)| !policy.granted(id, account, rules, folder).is_none())
        });
        let said = rules
            .folders
            .visibility
            .keys()
            .filter(|folder| open.is_some() && folder.depth() <= VISIBILITY_LEVELS);
        let speaking: BTreeSet<&FolderPath> = granted.chain(said).collect();
        // In order, so that the parent of a folder is the last one that contains it.
        let mut around: Vec<(&FolderPath, Rights)> = Vec::new();
        for folder in speaking {
            let own = id.map_or(Rights::NONE, |id| policy.folder_rights(id, folder));
            let rights = own | open.map_or(Rights::NONE, |unlocked| policy.open_rights(folder, unlocked));
            around.retain(|(outer, _)| outer.holds(folder));
            let above = around.last().map_or(Rights::NONE, |(_, rights)| *rights);
            around.push((folder, rights));
            if rights != above {
                scope.folders.push(FolderScope { folder: folder.clone(), rights });
            }
        }
    }
    scope
}

/// Albums that an account is invited to; its own ones are in the index.
fn albums(policy: &Policy, id: AccountId) -> Vec<AlbumScope> {
    let mut albums: Vec<AlbumScope> = policy
        .albums
        .keys()
        .filter_map(|album| {
            let role = policy.album_role(*album, id)?;
            Some(AlbumScope { album: *album, rights: super::role_rights(role) })
        })
        .collect();
    albums.sort_by_key(|a| a.album);
    albums
}

fn share(policy: &Policy, id: &str, unlocked: bool, now: i64) -> Scope {
    let mut scope = Scope::default();
    let Some(share) = policy.live_share(id, unlocked, now) else { return scope };
    scope.hide_details = share.hide_details;
    let allowed = share.rights & Rights::DOWNLOAD;
    match &share.what {
        ShareWhat::Items(items) => {
            scope.items = Some(items.iter().copied().collect());
            let creators = folders(policy, Some(share.creator), None);
            (scope.spaces, scope.folders) = (creators.spaces, creators.folders);
        }
        ShareWhat::Folder(folder) => {
            let creators = folders(policy, Some(share.creator), None);
            let at = policy.contribution(share.creator, folder);
            let inside =
                creators.folders.into_iter().filter(|f| folder.holds(&f.folder) && f.folder != *folder);
            let own = (!at.is_none()).then(|| FolderScope { folder: folder.clone(), rights: at });
            scope.folders = own.into_iter().chain(inside).collect();
        }
        ShareWhat::Album(album) => scope.albums = vec![AlbumScope { album: *album, rights: allowed }],
    }
    mask(&mut scope, allowed);
    scope
}

fn mask(scope: &mut Scope, rights: Rights) {
    scope.spaces.iter_mut().for_each(|s| s.rights = s.rights & rights);
    scope.folders.iter_mut().for_each(|f| f.rights = f.rights & rights);
    scope.albums.iter_mut().for_each(|a| a.rights = a.rights & rights);
}

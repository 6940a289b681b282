//! The rules that [`crate::rights`] works on, read in one transaction.
//!
//! Triggers count every change of them in `policy_version`, in any process: a cached policy is valid while
//! this number is unchanged.

use super::{Result, Store, albums, folders, preferences, shares, word};
use crate::config::{SpaceKind, Spaces};
use crate::rights::{AccountRules, FolderRules, Policy, RequestRules, ShareRules, ShareWhat, SpaceRules};
use crate::store::{Access, AccountId, GroupId, Privacy, ShareTarget};
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};

impl Store {
    /// The version of the current rules.
    pub fn policy_version(&self) -> Result<i64> {
        self.read(version)
    }

    /// The rules, with the spaces of the config.
    pub fn policy(&self, spaces: &Spaces) -> Result<(i64, Policy)> {
        self.read(|conn| {
            conn.execute_batch("BEGIN")?;
            let policy = version(conn).and_then(|v| Ok((v, read(conn, spaces)?)));
            conn.execute_batch("COMMIT")?;
            policy
        })
    }
}

fn version(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached("SELECT version FROM policy_version")?.query_row([], |r| r.get(0))?)
}

fn read(conn: &Connection, spaces: &Spaces) -> Result<Policy> {
    let mut policy = Policy { switches: preferences::switches(conn)?, ..Policy::default() };
    let mut named: HashMap<String, AccountId> = HashMap::new();
    let mut owners: HashMap<String, AccountId> = HashMap::new();
    let mut statement =
        conn.prepare_cached("SELECT id, name, name_key, is_admin, disabled, space FROM accounts")?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        let id: AccountId = r.get("id")?;
        named.insert(r.get("name_key")?, id);
        if let Some(space) = r.get("space")? {
            owners.insert(space, id);
        }
        let disabled: Option<i64> = r.get("disabled")?;
        let rules = AccountRules {
            name: r.get("name")?,
            is_admin: r.get("is_admin")?,
            is_disabled: disabled.is_some(),
            ..AccountRules::default()
        };
        policy.accounts.insert(id, rules);
    }
    let mut statement = conn.prepare_cached("SELECT account_id, group_id FROM memberships")?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        if let Some(account) = policy.accounts.get_mut(&r.get::<_, AccountId>(0)?) {
            account.groups.push(r.get::<_, GroupId>(1)?);
        }
    }
    let mut statement = conn.prepare_cached("SELECT account_id, space, access FROM space_access")?;
    let mut rows = statement.query([])?;
    while let Some(r) = rows.next()? {
        if let Some(account) = policy.accounts.get_mut(&r.get::<_, AccountId>(0)?) {
            account.access.insert(r.get("space")?, word(r, "access", Access::read)?);
        }
    }

    let mut off: HashSet<String> = HashSet::new();
    let mut statement = conn.prepare_cached("SELECT space FROM space_settings WHERE is_off")?;
    for space in statement.query_map([], |r| r.get(0))? {
        off.insert(space?);
    }
    for space in spaces.iter() {
        // The config has precedence, then the name of a pattern's match, then `account add --space`.
        let by_config = space.owner.as_ref().map(|name| named.get(&name.to_lowercase()).copied());
        let by_name = || space.is_match.then(|| named.get(&space.name.to_lowercase()).copied()).flatten();
        let owner = match (space.kind, by_config) {
            (SpaceKind::Shared, _) => None,
            (SpaceKind::Personal, Some(named)) => named,
            (SpaceKind::Personal, None) => by_name().or_else(|| owners.get(&space.name).copied()),
        };
        let rules = SpaceRules {
            kind: space.kind,
            owner,
            is_off: off.contains(&space.name),
            folders: FolderRules::default(),
        };
        policy.spaces.insert(space.name.clone(), rules);
    }
    for grant in folders::all_grants(conn)? {
        if let Some(space) = policy.spaces.get_mut(&grant.folder.space) {
            space.folders.grants.entry(grant.folder).or_default().push((grant.who, grant.rights));
        }
    }
    for (folder, visibility) in folders::all_visibility(conn)? {
        if let Some(space) = policy.spaces.get_mut(&folder.space) {
            space.folders.visibility.insert(folder, visibility);
        }
    }

    for (album, privacy) in albums::all_privacy(conn)? {
        policy.albums.entry(album).or_default().is_private = privacy == Privacy::Private;
    }
    for (album, who, role) in albums::all_members(conn)? {
        policy.albums.entry(album).or_default().members.push((who, role));
    }
    for share in shares::all_shares(conn)? {
        let what = match share.target {
            ShareTarget::Items(items) => ShareWhat::Items(items.into_iter().collect()),
            ShareTarget::Album(album) => ShareWhat::Album(album),
            ShareTarget::Folder(folder) => ShareWhat::Folder(folder),
        };
        let rules = ShareRules {
            creator: share.creator,
            what,
            rights: share.rights,
            has_password: share.password.is_some(),
            expires: share.expires,
            hide_details: share.hide_details,
            is_off: share.is_off,
        };
        policy.shares.insert(share.id, rules);
    }
    for request in shares::all_requests(conn)? {
        let rules = RequestRules {
            creator: request.creator,
            folder: request.folder,
            album: request.album,
            owns_album: request.owns_album,
            has_password: request.password.is_some(),
            expires: request.expires,
            is_off: request.is_off,
        };
        policy.requests.insert(request.id, rules);
    }
    Ok(policy)
}

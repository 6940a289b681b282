use super::*;
use crate::config::SpaceKind;
use crate::store::{Access, Visibility};
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000;
const ADMIN: i64 = 1;
const ANNA: i64 = 2;
const BEN: i64 = 3;
const CARL: i64 = 4;
const GONE: i64 = 5;
const FAMILY: i64 = 10;

fn at(space: &str, path: &str) -> FolderPath {
    FolderPath::new(space, "/v", path)
}

fn shared(path: &str) -> FolderPath {
    at("shared", path)
}

/// Two personal spaces and a shared one. Anna has full access, Ben custom access (also through the family), Carl none.
fn policy() -> Policy {
    let mut policy = Policy::default();
    let mut account = |id, name: &str, is_admin, access: Option<Access>| {
        let rules = AccountRules {
            name: name.into(),
            is_admin,
            is_disabled: id == GONE,
            groups: if id == BEN { vec![FAMILY] } else { vec![] },
            access: access.map(|a| ("shared".to_owned(), a)).into_iter().collect(),
        };
        policy.accounts.insert(id, rules);
    };
    account(ADMIN, "admin", true, None);
    account(ANNA, "anna", false, Some(Access::Full));
    account(BEN, "ben", false, Some(Access::Custom));
    account(CARL, "carl", false, None);
    account(GONE, "gone", true, Some(Access::Full));
    let mut space = |name: &str, kind, owner| {
        let rules = SpaceRules { kind, owner, is_off: false, folders: FolderRules::default() };
        policy.spaces.insert(name.into(), rules);
    };
    space("anna", SpaceKind::Personal, Some(ANNA));
    space("ben", SpaceKind::Personal, Some(BEN));
    space("gone", SpaceKind::Personal, Some(GONE));
    space("shared", SpaceKind::Shared, None);
    let folders = &mut policy.spaces.get_mut("shared").unwrap().folders;
    folders.grants.insert(shared("trips"), vec![(Who::Group(FAMILY), Rights::VIEW)]);
    folders.grants.insert(shared("trips/2023"), vec![(Who::Account(BEN), Rights::UPLOAD)]);
    folders.visibility.insert(shared("open"), Visibility::Public);
    folders.visibility.insert(shared("open/closed"), Visibility::Private);
    folders.visibility.insert(shared("secret"), Visibility::Password);
    policy
}

fn account(id: i64) -> Subject {
    Subject::Account { id, unlocked: vec![] }
}

fn on(subject: &Subject, folder: &FolderPath) -> Rights {
    rights(&policy(), subject, &Object::Folder(folder), NOW)
}

#[test]
fn administrators_do_not_see_personal_spaces() {
    assert_eq!(on(&account(ADMIN), &at("anna", "a")), Rights::NONE);
    assert_eq!(rights(&policy(), &account(ADMIN), &Object::Space("anna"), NOW), Rights::NONE);
    assert_eq!(on(&account(ADMIN), &shared("a")), Rights::ALL);
    assert_eq!(on(&account(ANNA), &at("anna", "a")), Rights::ALL);
    assert_eq!(on(&account(BEN), &at("anna", "a")), Rights::NONE);
}

#[test]
fn grants_are_inherited_and_add_up() {
    let upload = Rights { upload: true, ..Rights::VIEW };
    assert_eq!(on(&account(BEN), &shared("")), Rights::NONE);
    assert_eq!(on(&account(BEN), &shared("trips")), Rights::VIEW);
    assert_eq!(on(&account(BEN), &shared("trips/2022/x")), Rights::VIEW);
    assert_eq!(on(&account(BEN), &shared("trips/2023/x")), upload);
    assert_eq!(on(&account(BEN), &shared("trips-other")), Rights::NONE);
    assert_eq!(on(&account(CARL), &shared("trips")), Rights::NONE);
    let mut without = policy();
    without.accounts.get_mut(&BEN).unwrap().access.clear();
    assert_eq!(rights(&without, &account(BEN), &Object::Folder(&shared("trips")), NOW), Rights::NONE);
}

#[test]
fn public_folders_are_open_and_the_deeper_word_counts() {
    let visitor = Subject::anonymous();
    assert_eq!(on(&visitor, &shared("open/a/b")), Rights::DOWNLOAD);
    assert_eq!(on(&visitor, &shared("open/closed/b")), Rights::NONE);
    assert_eq!(on(&visitor, &shared("secret")), Rights::NONE);
    assert_eq!(on(&visitor, &shared("")), Rights::NONE);
    assert_eq!(on(&account(CARL), &shared("open")), Rights::DOWNLOAD);
    assert_eq!(on(&account(GONE), &shared("open")), Rights::NONE, "a disabled account is no visitor either");
    let unlocked = Subject::Visitor { unlocked: vec![shared("secret")] };
    assert_eq!(on(&unlocked, &shared("secret/a")), Rights::DOWNLOAD);
    assert_eq!(on(&unlocked, &shared("open/closed")), Rights::NONE);
    assert_eq!(rights(&policy(), &unlocked, &Object::Space("shared"), NOW), Rights::NONE, "no people");
}

#[test]
fn a_disabled_space_is_visible_to_no_subject() {
    let mut policy = policy();
    policy.spaces.get_mut("shared").unwrap().is_off = true;
    for subject in [Subject::anonymous(), account(ADMIN), account(ANNA), account(BEN)] {
        for path in ["open", "trips", ""] {
            assert_eq!(rights(&policy, &subject, &Object::Folder(&shared(path)), NOW), Rights::NONE);
        }
    }
}

#[test]
fn a_token_has_a_part_of_its_account() {
    let token = |rights, spaces: Option<&[&str]>| Subject::Token {
        account: ANNA,
        rights,
        spaces: spaces.map(|s| s.iter().map(|s| (*s).to_owned()).collect()),
    };
    let view = token(Rights::VIEW, None);
    assert_eq!(on(&view, &at("anna", "a")), Rights::VIEW);
    let limited = token(Rights::ALL, Some(&["shared"]));
    assert_eq!(on(&limited, &at("anna", "a")), Rights::NONE);
    assert_eq!(on(&limited, &shared("a")), Rights::ALL);
    let policy = policy();
    let on = |subject: &Subject, object: Object<'_>| rights(&policy, subject, &object, NOW);
    let all = token(Rights::ALL, None);
    assert_eq!(
        on(&all, Object::Profile(ANNA)),
        Rights::VIEW,
        "it cannot change how the account is protected"
    );
    assert_eq!(on(&all, Object::Profile(BEN)), Rights::NONE);
    assert_eq!(on(&all, Object::Administration), Rights::NONE);
    let of_admin = Subject::Token { account: ADMIN, rights: Rights::ALL, spaces: None };
    assert_eq!(on(&of_admin, Object::Administration), Rights::NONE);
    assert_eq!(on(&of_admin, Object::Profile(ADMIN)), Rights::VIEW);
}

fn in_album(policy: &mut Policy, role: AlbumRole) {
    policy.albums.insert(7, AlbumRules { members: vec![(Who::Account(BEN), role)], is_private: false });
}

#[test]
fn an_album_shows_what_those_who_filled_it_may_show() {
    let mut policy = policy();
    in_album(&mut policy, AlbumRole::Provider);
    let folder = at("anna", "a");
    let mine = [Placement { album: 7, owner: ANNA, added_by: ANNA }];
    let item = |albums| Object::Item { id: 1, folder: &folder, albums };
    assert_eq!(rights(&policy, &account(BEN), &item(&[]), NOW), Rights::NONE);
    assert_eq!(
        rights(&policy, &account(BEN), &item(&mine), NOW),
        Rights::DOWNLOAD,
        "never upload, never manage"
    );
    assert_eq!(rights(&policy, &account(CARL), &item(&mine), NOW), Rights::NONE);
    // Ben cannot expose Anna's photos by adding them to an album.
    let his = [Placement { album: 8, owner: BEN, added_by: BEN }];
    policy
        .albums
        .insert(8, AlbumRules { members: vec![(Who::Account(CARL), AlbumRole::Viewer)], is_private: false });
    assert_eq!(rights(&policy, &account(CARL), &item(&his), NOW), Rights::NONE);
    in_album(&mut policy, AlbumRole::Viewer);
    assert_eq!(rights(&policy, &account(BEN), &item(&mine), NOW), Rights::VIEW);
    policy.albums.get_mut(&7).unwrap().is_private = true;
    assert_eq!(rights(&policy, &account(BEN), &item(&mine), NOW), Rights::NONE);
    in_album(&mut policy, AlbumRole::Viewer);
    policy.accounts.get_mut(&ANNA).unwrap().is_disabled = true;
    assert_eq!(rights(&policy, &account(BEN), &item(&mine), NOW), Rights::NONE, "its owner is gone");
}

#[test]
fn roles_on_the_album_itself() {
    let mut policy = policy();
    let album = Object::Album { id: 7, owner: ANNA };
    for (role, expected) in [
        (AlbumRole::Viewer, Rights::VIEW),
        (AlbumRole::Downloader, Rights::DOWNLOAD),
        (AlbumRole::Provider, Rights { upload: true, ..Rights::DOWNLOAD }),
    ] {
        in_album(&mut policy, role);
        assert_eq!(rights(&policy, &account(BEN), &album, NOW), expected);
    }
    assert_eq!(rights(&policy, &account(ANNA), &album, NOW), Rights::ALL);
    assert_eq!(rights(&policy, &account(ADMIN), &album, NOW), Rights::NONE);
    assert_eq!(rights(&policy, &Subject::anonymous(), &album, NOW), Rights::NONE);
}

fn with_share(what: ShareWhat, has_password: bool) -> Policy {
    let mut policy = policy();
    let share = ShareRules {
        creator: ANNA,
        what,
        rights: Rights::DOWNLOAD,
        has_password,
        expires: Some(NOW + 10),
        hide_details: false,
        is_off: false,
    };
    policy.shares.insert("id".into(), share);
    policy
}

#[test]
fn a_link_gives_at_most_what_its_creator_may_do_now() {
    let link = |unlocked| Subject::Share { id: "id".into(), unlocked };
    let folder = at("anna", "trip/day");
    let item = Object::Item { id: 1, folder: &folder, albums: &[] };
    let mut policy = with_share(ShareWhat::Folder(at("anna", "trip")), false);
    assert_eq!(rights(&policy, &link(false), &item, NOW), Rights::DOWNLOAD);
    assert_eq!(rights(&policy, &link(false), &Object::Folder(&at("anna", "")), NOW), Rights::NONE);
    assert_eq!(rights(&policy, &link(false), &item, NOW + 10), Rights::NONE, "over");
    assert_eq!(rights(&policy, &Subject::Share { id: "x".into(), unlocked: true }, &item, NOW), Rights::NONE);
    policy.spaces.get_mut("anna").unwrap().owner = Some(BEN);
    assert_eq!(rights(&policy, &link(false), &item, NOW), Rights::NONE, "the creator lost the space");

    let mut policy = with_share(ShareWhat::Items([1].into()), true);
    assert_eq!(rights(&policy, &link(false), &item, NOW), Rights::NONE, "the password was not given");
    assert_eq!(rights(&policy, &link(true), &item, NOW), Rights::DOWNLOAD);
    assert_eq!(
        rights(&policy, &link(true), &Object::Item { id: 2, folder: &folder, albums: &[] }, NOW),
        Rights::NONE
    );
    assert_eq!(rights(&policy, &link(true), &Object::Folder(&folder), NOW), Rights::NONE);
    policy.accounts.get_mut(&ANNA).unwrap().is_disabled = true;
    assert_eq!(rights(&policy, &link(true), &item, NOW), Rights::NONE);

    let policy = with_share(ShareWhat::Album(7), false);
    let placed = |owner, added_by| [Placement { album: 7, owner, added_by }];
    let item = |albums: &[Placement]| {
        rights(&policy, &link(false), &Object::Item { id: 1, folder: &folder, albums }, NOW)
    };
    assert_eq!(item(&placed(ANNA, ANNA)), Rights::DOWNLOAD);
    assert_eq!(item(&placed(ANNA, BEN)), Rights::NONE, "Ben may not show what is Anna's");
    assert_eq!(item(&placed(BEN, ANNA)), Rights::NONE, "the album is not the creator's");
    for object in [Object::Administration, Object::Profile(ANNA), Object::Share("id"), Object::Space("anna")]
    {
        assert_eq!(rights(&policy, &link(false), &object, NOW), Rights::NONE);
    }
}

#[test]
fn guests_put_files_in_and_learn_nothing() {
    let mut policy = policy();
    let request = RequestRules {
        creator: ANNA,
        folder: at("anna", "party"),
        album: None,
        owns_album: false,
        has_password: true,
        expires: Some(NOW + 10),
        is_off: false,
    };
    policy.requests.insert("r".into(), request);
    let guest = |unlocked| Subject::Guest { request: "r".into(), unlocked };
    let asked =
        |policy: &Policy, subject: &Subject, object: &Object<'_>| rights(policy, subject, object, NOW);
    assert_eq!(asked(&policy, &guest(true), &Object::Request("r")), Rights::UPLOAD);
    assert_eq!(asked(&policy, &guest(false), &Object::Request("r")), Rights::NONE);
    assert_eq!(asked(&policy, &guest(true), &Object::Request("other")), Rights::NONE);
    assert_eq!(asked(&policy, &guest(true), &Object::Folder(&at("anna", "party"))), Rights::NONE);
    assert_eq!(asked(&policy, &guest(true), &Object::Folder(&shared("open"))), Rights::NONE);
    assert_eq!(asked(&policy, &account(ANNA), &Object::Request("r")), Rights::ALL);
    assert_eq!(asked(&policy, &account(ADMIN), &Object::Request("r")), Rights::NONE);
    policy.requests.get_mut("r").unwrap().album = Some(7);
    assert_eq!(
        asked(&policy, &guest(true), &Object::Request("r")),
        Rights::NONE,
        "neither owner nor provider"
    );
    policy.requests.get_mut("r").unwrap().owns_album = true;
    assert_eq!(asked(&policy, &guest(true), &Object::Request("r")), Rights::UPLOAD);
    policy.spaces.get_mut("anna").unwrap().owner = None;
    assert_eq!(asked(&policy, &guest(true), &Object::Request("r")), Rights::NONE);
}

#[test]
fn originals_have_two_switches() {
    let mut policy = with_share(ShareWhat::Album(7), false);
    let share = Subject::Share { id: "id".into(), unlocked: true };
    assert!(policy.may_have_originals(&account(ANNA)));
    assert!(!policy.may_have_originals(&Subject::anonymous()));
    assert!(!policy.may_have_originals(&share));
    policy.switches.guests_download_originals = true;
    assert!(policy.may_have_originals(&share));
    policy.shares.get_mut("id").unwrap().hide_details = true;
    assert!(!policy.may_have_originals(&share));
    policy.switches.accounts_download_originals = false;
    assert!(!policy.may_have_originals(&account(ANNA)));
}

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab"]), 0..4).prop_map(|c| c.join("/"))
}

fn any_rights() -> impl Strategy<Value = Rights> {
    (1u8..16).prop_map(Rights::from_bits)
}

prop_compose! {
    fn any_policy()(
        grants in prop::collection::vec((any_path(), 0u8..3, any_rights()), 0..12),
        visibility in prop::collection::vec((any_path(), 0u8..3), 0..6),
        is_off in prop::bool::weighted(0.1),
        share in (any_path(), any_rights()),
    ) -> Policy {
        let mut policy = policy();
        let rules = policy.spaces.get_mut("shared").unwrap();
        rules.is_off = is_off;
        rules.folders = FolderRules::default();
        for (path, who, rights) in grants {
            let who = [Who::Account(BEN), Who::Group(FAMILY), Who::Account(CARL)][usize::from(who)];
            rules.folders.grants.entry(shared(&path)).or_default().push((who, rights));
        }
        for (path, kind) in visibility {
            let kind = [Visibility::Public, Visibility::Private, Visibility::Password][usize::from(kind)];
            rules.folders.visibility.insert(shared(&path), kind);
        }
        let share = ShareRules {
            creator: BEN,
            what: ShareWhat::Folder(shared(&share.0)),
            rights: share.1,
            has_password: false,
            expires: None,
            hide_details: false,
            is_off: false,
        };
        policy.shares.insert("id".into(), share);
        policy
    }
}

fn subjects() -> Vec<Subject> {
    let all = vec![shared("a"), shared("a/b"), shared("b"), shared("")];
    let mut subjects = vec![Subject::anonymous(), Subject::Visitor { unlocked: all.clone() }];
    for id in [ADMIN, ANNA, BEN, CARL, GONE] {
        subjects.push(account(id));
        subjects.push(Subject::Account { id, unlocked: all.clone() });
        subjects.push(Subject::Token { account: id, rights: Rights::DOWNLOAD, spaces: None });
        subjects.push(Subject::Token {
            account: id,
            rights: Rights::ALL,
            spaces: Some(vec!["shared".into()]),
        });
    }
    subjects.push(Subject::Share { id: "id".into(), unlocked: true });
    subjects.push(Subject::Guest { request: "r".into(), unlocked: true });
    subjects
}

proptest! {
    /// The filter of a query agrees with the function, for every folder and every subject.
    #[test]
    fn the_scope_says_what_the_function_says(policy in any_policy(), paths in prop::collection::vec(any_path(), 1..12)) {
        for subject in subjects() {
            let scope = scope(&policy, &subject, NOW);
            for path in &paths {
                for folder in [shared(path), at("anna", path), at("ben", path), at("gone", path), at("unknown", path)] {
                    let said = rights(&policy, &subject, &Object::Folder(&folder), NOW);
                    prop_assert_eq!(scope.folder_rights(&folder), said, "{:?} on {:?}", subject, folder);
                }
            }
        }
    }

    /// Removing never adds: without a grant no subject gains rights, and disabling removes all.
    #[test]
    fn taking_away_gives_nothing(policy in any_policy(), path in any_path()) {
        let folder = shared(&path);
        let mut less = policy.clone();
        less.spaces.get_mut("shared").unwrap().folders.grants.clear();
        let mut disabled = policy.clone();
        disabled.accounts.values_mut().for_each(|a| a.is_disabled = true);
        for subject in subjects() {
            let before = rights(&policy, &subject, &Object::Folder(&folder), NOW);
            let after = rights(&less, &subject, &Object::Folder(&folder), NOW);
            prop_assert!(before.include(after));
            if subject.account().is_some() || matches!(subject, Subject::Share { .. }) {
                prop_assert_eq!(rights(&disabled, &subject, &Object::Folder(&folder), NOW), Rights::NONE);
            }
        }
    }

    /// A link or token never has more rights than its account.
    #[test]
    fn nothing_given_on_is_more_than_its_source(policy in any_policy(), path in any_path()) {
        let folder = shared(&path);
        let own = rights(&policy, &account(BEN), &Object::Folder(&folder), NOW);
        let link = rights(&policy, &Subject::Share { id: "id".into(), unlocked: true }, &Object::Folder(&folder), NOW);
        prop_assert!(own.include(link));
        for subject in subjects() {
            if let Subject::Token { account: id, .. } = &subject {
                let of_token = rights(&policy, &subject, &Object::Folder(&folder), NOW);
                let of_account = rights(&policy, &account(*id), &Object::Folder(&folder), NOW);
                prop_assert!(of_account.include(of_token));
            }
        }
    }
}

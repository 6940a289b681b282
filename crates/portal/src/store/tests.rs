use super::*;
use crate::config::{Space, SpaceKind, Spaces};
use crate::rights::{Rights, Who};
use crate::secret::{Digest, Secret};
use std::os::unix::fs::PermissionsExt;

const NOW: i64 = 1_800_000_000;

fn event() -> Event<'static> {
    Event { at: NOW, account: "root", address: "192.0.2.1" }
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state")).unwrap();
    (dir, store)
}

fn add(store: &Store, name: &str, is_admin: bool) -> AccountId {
    let new = NewAccount { name, display_name: name, password: Some("hash"), is_admin, space: None };
    store.add_account(&new, &event()).unwrap()
}

fn begin(store: &Store, account: AccountId) -> (Digest, i64) {
    let digest = Secret::new().unwrap().digest();
    let new = NewSession {
        account,
        digest,
        expires: NOW + 1000,
        is_kept: false,
        method: "password",
        agent: "curl",
        password: Some("hash"),
    };
    let id = store.add_session(&new, None, &event()).unwrap().unwrap();
    (digest, id)
}

#[test]
fn the_state_is_its_owners_alone() {
    let (dir, _store) = store();
    let mode = |path: &str| std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state"), 0o700);
    for file in ["state/portal.sqlite", "state/portal.sqlite-wal", "state/portal.sqlite-shm"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[test]
fn names_differ_by_more_than_capitals() {
    let (_dir, store) = store();
    add(&store, "Anna", true);
    let again = NewAccount { name: "aNNa", display_name: "", password: None, is_admin: false, space: None };
    assert!(matches!(store.add_account(&again, &event()), Err(AccountError::NameTaken(_))));
    assert_eq!(store.account_named("ANNA").unwrap().unwrap().name, "Anna");
    for bad in ["", ".hidden", "a/b", "a b", "a\nb", "-x", &"a".repeat(65)] {
        assert!(check_name(bad).is_err(), "{bad:?}");
    }
    for good in ["anna", "Jörg", "a.b-c_d@e", "7"] {
        check_name(good).unwrap();
    }
}

#[test]
fn the_last_administrator_stays() {
    let (_dir, store) = store();
    let first = add(&store, "first", true);
    let disable = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
    let demote = AccountChange { is_admin: Some(false), ..AccountChange::default() };
    for change in [&disable, &demote] {
        assert!(matches!(
            store.change_account(first, change, &event()),
            Err(AccountError::LastAdministrator)
        ));
    }
    assert!(matches!(store.remove_account(first, &event()), Err(AccountError::LastAdministrator)));
    let second = add(&store, "second", true);
    store.change_account(second, &disable, &event()).unwrap();
    assert!(matches!(store.remove_account(first, &event()), Err(AccountError::LastAdministrator)));
    store
        .change_account(
            second,
            &AccountChange { is_disabled: Some(false), ..AccountChange::default() },
            &event(),
        )
        .unwrap();
    store.remove_account(first, &event()).unwrap();
}

fn open_things(store: &Store, account: AccountId) -> (Digest, Digest, String, String) {
    let (session, _) = begin(store, account);
    let token = Secret::new().unwrap().digest();
    let new = NewToken {
        account,
        kind: TokenKind::Token,
        name: "script",
        digest: token,
        rights: Rights::VIEW,
        spaces: None,
        expires: None,
    };
    store.add_token(&new, &event()).unwrap();
    let share = NewShare {
        creator: account,
        target: &ShareTarget::Items(vec![1, 2]),
        rights: Rights::VIEW,
        password: None,
        expires: None,
        hide_details: false,
    };
    let share = store.add_share(&share, &event()).unwrap();
    let folder = FolderPath::new("s", "/v", "in");
    let request = NewRequest {
        creator: account,
        subject: "party",
        description: "",
        folder: &folder,
        album: None,
        owns_album: false,
        max_bytes: None,
        max_files: None,
        password: None,
        expires: None,
    };
    (session, token, share, store.add_request(&request, &event()).unwrap())
}

#[test]
fn disabling_and_a_new_password_end_everything() {
    type End = fn(&Store, AccountId);
    let disable: End = |store, id| {
        let change = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
        store.change_account(id, &change, &event()).unwrap();
    };
    let password: End = |store, id| store.set_password(id, "other", &event()).unwrap();
    let recover: End = |store, id| store.recover_account(id, "other", &event()).unwrap();
    for end in [disable, password, recover] {
        let (_dir, store) = store();
        add(&store, "root", true);
        let (anna, ben) = (add(&store, "anna", false), add(&store, "ben", false));
        let (session, token, share, request) = open_things(&store, anna);
        let others = open_things(&store, ben);
        assert!(store.session(session, NOW, 100).unwrap().is_some());
        assert!(store.token(token, TokenKind::Token, NOW).unwrap().is_some());
        end(&store, anna);
        assert_eq!(store.session(session, NOW, 100).unwrap(), None);
        assert_eq!(store.token(token, TokenKind::Token, NOW).unwrap(), None);
        assert!(store.share(&share).unwrap().unwrap().is_off);
        assert!(store.request(&request).unwrap().unwrap().is_off);
        assert!(store.session(others.0, NOW, 100).unwrap().is_some());
        assert!(store.token(others.1, TokenKind::Token, NOW).unwrap().is_some());
        assert!(!store.share(&others.2).unwrap().unwrap().is_off);
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn sessions_end_by_time_and_by_disuse_and_a_clock_set_back_kills_none() {
    let (_dir, store) = store();
    let anna = add(&store, "anna", true);
    let (session, id) = begin(&store, anna);
    assert_eq!(store.session(session, NOW + 50, 100).unwrap().unwrap().id, id);
    assert_eq!(store.session(session, NOW + 100, 100).unwrap(), None, "not used for so long");
    assert_eq!(store.session(session, NOW + 1000, 10_000).unwrap(), None, "over");
    assert!(store.session(session, NOW - 5000, 100).unwrap().is_some());
}

#[test]
fn no_session_begins_for_a_password_that_was_changed_meanwhile() {
    let (_dir, store) = store();
    let anna = add(&store, "anna", true);
    store.set_password(anna, "other", &event()).unwrap();
    let new = NewSession {
        account: anna,
        digest: Digest::of("x"),
        expires: NOW + 1000,
        is_kept: false,
        method: "password",
        agent: "",
        password: Some("hash"),
    };
    assert_eq!(store.add_session(&new, None, &event()).unwrap(), None);
}

#[test]
fn a_new_sign_in_ends_the_session_it_replaces() {
    let (_dir, store) = store();
    let anna = add(&store, "anna", true);
    let (old, id) = begin(&store, anna);
    let new = NewSession {
        account: anna,
        digest: Digest::of("new"),
        expires: NOW + 1000,
        is_kept: true,
        method: "password",
        agent: "",
        password: None,
    };
    store.add_session(&new, Some(old), &event()).unwrap().unwrap();
    assert_eq!(store.session(old, NOW, 100).unwrap(), None);
    let rotated = Digest::of("rotated");
    let current = store.session(Digest::of("new"), NOW, 100).unwrap().unwrap();
    assert_ne!(current.id, id);
    store.rotate_session(current.id, rotated, NOW + 7).unwrap();
    assert_eq!(store.session(Digest::of("new"), NOW, 100).unwrap(), None);
    assert_eq!(store.session(rotated, NOW + 8, 100).unwrap().unwrap().confirmed, NOW + 7);
}

#[test]
fn codes_are_used_once() {
    let (_dir, store) = store();
    let anna = add(&store, "anna", true);
    assert!(store.prepare_totp(anna, b"secret").unwrap());
    assert!(store.prepare_totp(anna, b"another").unwrap());
    let code = Digest::of("code");
    store.confirm_totp(anna, 7, &[code, Digest::of("second")], None, &event()).unwrap();
    assert!(!store.prepare_totp(anna, b"third").unwrap(), "one in force is not replaced");
    assert_eq!(store.totp(anna).unwrap().unwrap().secret, b"another");
    assert!(store.use_totp(anna, 8, 7).unwrap());
    assert!(!store.use_totp(anna, 8, 7).unwrap());
    assert_eq!(store.recovery_codes_left(anna).unwrap(), 2);
    assert!(store.use_recovery_code(anna, code, &event()).unwrap());
    assert!(!store.use_recovery_code(anna, code, &event()).unwrap());
    assert_eq!(store.recovery_codes_left(anna).unwrap(), 1);
}

#[test]
fn throttles_survive_a_restart_and_count_before_the_check() {
    let (dir, store) = store();
    let network = Throttle::network("192.0.2.1");
    let account = Throttle::account("anna");
    for _ in 0..5 {
        assert_eq!(store.attempt(&[account.clone(), network.clone()], NOW).unwrap(), 0);
    }
    drop(store);
    let store = Store::open(&dir.path().join("state")).unwrap();
    let wait = store.attempt(std::slice::from_ref(&network), NOW).unwrap();
    assert!(wait > 0);
    assert_eq!(store.throttled(std::slice::from_ref(&network), NOW).unwrap(), wait);
    assert_eq!(store.attempt(&[Throttle::network("192.0.2.2")], NOW).unwrap(), 0);
    store.succeeded(std::slice::from_ref(&account), &network).unwrap();
    assert_eq!(store.throttled(&[account, network], NOW).unwrap(), 0);
}

#[test]
fn every_change_of_the_rules_is_seen_by_another_process() {
    let (dir, store) = store();
    let other = Store::open(&dir.path().join("state")).unwrap();
    let mut last = other.policy_version().unwrap();
    let mut must_grow = |what: &str| {
        let now = other.policy_version().unwrap();
        assert!(now > last, "{what}");
        last = now;
    };
    let anna = add(&store, "anna", true);
    must_grow("account added");
    let ben = add(&store, "ben", false);
    must_grow("account added");
    let group = store.add_group("family", &event()).unwrap();
    must_grow("group added");
    store.change_group(group.id, None, &["ben".into()], &[], &event()).unwrap();
    must_grow("member");
    store.set_space_access(ben, "ben", "s", Some(Access::Custom), &event()).unwrap();
    must_grow("access");
    let folder = FolderPath::new("s", "/v", "a");
    store
        .grant(&Grant { folder: folder.clone(), who: Who::Group(group.id), rights: Rights::VIEW }, &event())
        .unwrap();
    must_grow("grant");
    store.set_visibility(&folder, Some(Visibility::Public), None, &event()).unwrap();
    must_grow("visibility");
    store.set_album_privacy(3, Privacy::Invitees, &event()).unwrap();
    must_grow("album");
    store.invite(3, Who::Account(ben), Some(AlbumRole::Viewer), &event()).unwrap();
    must_grow("invitation");
    let (.., share, _) = open_things(&store, anna);
    must_grow("share");
    store.switch_share(&share, true, &event()).unwrap();
    must_grow("share off");
    store.switch_space("s", true, &event()).unwrap();
    must_grow("space off");
    store
        .change_account(ben, &AccountChange { is_disabled: Some(true), ..AccountChange::default() }, &event())
        .unwrap();
    must_grow("disabled");
    store.remove_group(group.id, &event()).unwrap();
    must_grow("group removed");
    let before = other.policy_version().unwrap();
    store.visit_share(&share, NOW).unwrap();
    assert_eq!(other.policy_version().unwrap(), before, "a visit changes no rights");
}

#[test]
fn spaces_belong_by_config_by_name_and_by_account() {
    let (_dir, store) = store();
    let anna = add(&store, "anna", true);
    let ben = add(&store, "Ben", false);
    let space = |name: &str, owner: Option<&str>, is_match| Space {
        name: name.into(),
        kind: SpaceKind::Personal,
        folders: vec![format!("/{name}").into()],
        owner: owner.map(Into::into),
        is_match,
    };
    store
        .change_account(
            anna,
            &AccountChange { space: Some(Some("old".into())), ..AccountChange::default() },
            &event(),
        )
        .unwrap();
    let spaces: Spaces = [
        space("by-config", Some("BEN"), false),
        space("ben", None, true),
        space("old", None, false),
        space("of-none", Some("carl"), false),
        space("anna", None, false),
    ]
    .into_iter()
    .collect();
    let (_, policy) = store.policy(&spaces).unwrap();
    assert_eq!(policy.owner("by-config"), Some(ben));
    assert_eq!(policy.owner("ben"), Some(ben));
    assert_eq!(policy.owner("old"), Some(anna));
    assert_eq!(policy.owner("of-none"), None, "there is no such account yet");
    assert_eq!(policy.owner("anna"), None, "a name alone gives nothing where no pattern says so");
}

#[test]
fn the_audit_log_says_who_what_when_and_from_where() {
    let (_dir, store) = store();
    add(&store, "anna", true);
    store.audit(&event(), "sign_in_failed", "").unwrap();
    let entries = store.audit_entries(&AuditFilter { limit: 10, ..AuditFilter::default() }).unwrap();
    let actions: Vec<&str> = entries.iter().map(|e| e.action.as_str()).collect();
    assert_eq!(actions, ["sign_in_failed", "account_added"]);
    assert_eq!(entries[1].object, "anna");
    assert_eq!(
        (entries[0].at, entries[0].address.as_str(), entries[0].account.as_str()),
        (NOW, "192.0.2.1", "root")
    );
    let of_anna = AuditFilter { account: Some("anna".into()), limit: 10, before: None };
    assert_eq!(store.audit_entries(&of_anna).unwrap().len(), 1);
}

#[test]
fn a_new_folder_password_closes_what_the_old_one_opened() {
    let (_dir, store) = store();
    let folder = FolderPath::new("s", "/v", "closed");
    let visitor = Digest::of("visitor");
    store.set_visibility(&folder, Some(Visibility::Password), Some("hash"), &event()).unwrap();
    let (_, version) = store.folder_password(&folder).unwrap().unwrap();
    store.add_unlock(visitor, UnlockKind::Folder, &folder_key(&folder), version, NOW, NOW + 100).unwrap();
    assert_eq!(store.unlocks(visitor, NOW).unwrap().folders, std::slice::from_ref(&folder));
    assert!(store.unlocks(visitor, NOW + 100).unwrap().folders.is_empty());
    let later = Event { at: NOW + 1, ..event() };
    store.set_visibility(&folder, Some(Visibility::Password), Some("other"), &later).unwrap();
    assert!(store.unlocks(visitor, NOW).unwrap().folders.is_empty());
}

#[test]
fn removing_an_account_leaves_nothing_of_it_but_the_audit_log() {
    let (_dir, store) = store();
    add(&store, "root", true);
    let anna = add(&store, "anna", false);
    open_things(&store, anna);
    store.prepare_totp(anna, b"secret").unwrap();
    store.add_search(anna, "beach", NOW).unwrap();
    store.learn_network(anna, "192.0.2.1", NOW).unwrap();
    store.attempt(&[Throttle::account("anna"), Throttle::pair("anna", "192.0.2.1")], NOW).unwrap();
    store.remove_account(anna, &event()).unwrap();
    store
        .read(|conn| {
            let tables: Vec<String> = conn
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")?
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for table in tables {
                let has: bool = conn.query_row(
                    "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = 'account_id')",
                    [&table],
                    |r| r.get(0),
                )?;
                if has {
                    let sql = format!("SELECT count(*) FROM {table} WHERE account_id = {anna}");
                    assert_eq!(conn.query_row(&sql, [], |r| r.get::<_, u32>(0))?, 0, "{table}");
                }
            }
            assert_eq!(conn.query_row("SELECT count(*) FROM throttles", [], |r| r.get::<_, u32>(0))?, 0);
            Ok(())
        })
        .unwrap();
}

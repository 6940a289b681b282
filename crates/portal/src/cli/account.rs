//! `albumen-portal account`.

use super::{Done, FAILED, Failure, folder, open, password_from_stdin, say};
use crate::clock::now;
use crate::config::{Config, pattern_folders};
use crate::password::{check_quality, hash};
use crate::store::{Access, Account, AccountChange, Event, NewAccount, Store};
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add an account, and its personal folder if the config has a pattern for it
    Add(Add),
    /// List the accounts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change an account: administrator status, space, access to shared spaces
    Set(Set),
    /// Set a new password; ends all sessions and tokens of the old one
    Passwd {
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// Disable an account and end all its sessions and tokens
    Disable { name: String },
    /// Enable a disabled account; it has to sign in again
    Enable { name: String },
    /// Remove an account; its files and its edits of photos stay
    Remove { name: String },
    /// Restore access for an account that lost its password or phone: new password, no second factor, enabled
    Recover {
        name: String,
        #[command(flatten)]
        password: Password,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Password {
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    name: String,
    /// Make the account an administrator: manages accounts, shared spaces and the engine
    #[arg(long)]
    admin: bool,
    /// The name that other users see; default: NAME
    #[arg(long, value_name = "D")]
    display_name: Option<String>,
    /// The personal space of the account; default: by the pattern in the config
    #[arg(long)]
    space: Option<String>,
    /// Access to a shared space: SPACE=full or SPACE=custom
    #[arg(long, value_name = "SPACE=ACCESS", value_parser = access)]
    access: Vec<(String, Option<Access>)>,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    name: String,
    /// Make the account an administrator, or revoke it
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    admin: Option<bool>,
    /// The name that other users see
    #[arg(long, value_name = "D")]
    display_name: Option<String>,
    /// The personal space of the account
    #[arg(long)]
    space: Option<String>,
    /// Access to a shared space: SPACE=full, SPACE=custom or SPACE=none
    #[arg(long, value_name = "SPACE=ACCESS", value_parser = access)]
    access: Vec<(String, Option<Access>)>,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no".into()),
    }
}

fn access(text: &str) -> Result<(String, Option<Access>), String> {
    let (space, access) = text.rsplit_once('=').ok_or("write SPACE=full, SPACE=custom or SPACE=none")?;
    let access = match access {
        "full" => Some(Access::Full),
        "custom" => Some(Access::Custom),
        "none" => None,
        _ => return Err("access is full, custom or none".into()),
    };
    Ok((space.to_owned(), access))
}

pub(super) fn run(command: Command, config: &Config) -> Done {
    let store = open(config)?;
    match command {
        Command::Add(args) => add(&store, config, args),
        Command::List { json } => list(&store, config, json),
        Command::Set(args) => set(&store, config, args),
        Command::Passwd { name, .. } => {
            let account = named(&store, &name)?;
            let password = password_from_stdin()?;
            check_quality(&password, &account.name)?;
            store.set_password(account.id, &hash(&password)?, &Event::local(now()))?;
            say(format_args!(
                "{}: the password is set; everything that was open with the old one has ended",
                account.name
            ))
        }
        Command::Disable { name } => switch(&store, &name, true),
        Command::Enable { name } => switch(&store, &name, false),
        Command::Remove { name } => {
            let account = store.remove_account(named(&store, &name)?.id, &Event::local(now()))?;
            say(format_args!("{}: removed", account.name))
        }
        Command::Recover { name, .. } => {
            let account = named(&store, &name)?;
            let password = password_from_stdin()?;
            check_quality(&password, &account.name)?;
            store.recover_account(account.id, &hash(&password)?, &Event::local(now()))?;
            say(format_args!("{}: has a new password, no second factor and no passkeys", account.name))
        }
    }
}

fn named(store: &Store, name: &str) -> Result<Account, Failure> {
    let found = store.account_named(name)?;
    found.ok_or_else(|| {
        Failure::new(FAILED, format_args!("there is no account {name:?}: see `albumen-portal account list`"))
    })
}

fn switch(store: &Store, name: &str, is_disabled: bool) -> Done {
    let change = AccountChange { is_disabled: Some(is_disabled), ..AccountChange::default() };
    let account = store.change_account(named(store, name)?.id, &change, &Event::local(now()))?;
    say(format_args!("{}: {}", account.name, if is_disabled { "disabled" } else { "enabled" }))
}

fn add(store: &Store, config: &Config, args: Add) -> Done {
    crate::store::check_name(&args.name)?;
    let password = password_from_stdin()?;
    check_quality(&password, &args.name)?;
    check_access(config, &args.access)?;
    // Folders and space are determined before anything is changed.
    let pattern = pattern_folders(&config.spaces, &args.name);
    let of_pattern = match (&args.space, pattern) {
        (None, pattern) => pattern,
        (Some(space), Some(pattern)) if *space == pattern.0 => Some(pattern),
        (Some(_), _) => None,
    };
    let space = match (&args.space, &of_pattern) {
        (Some(space), None) => Some(given_space(config, space, &args.name)?),
        _ => None,
    };
    let new = NewAccount {
        name: &args.name,
        display_name: args.display_name.as_deref().unwrap_or(&args.name),
        password: Some(&hash(&password)?),
        is_admin: args.admin,
        space: space.flatten(),
    };
    let event = Event::local(now());
    let id = store.add_account(&new, &event)?;
    for (space, access) in &args.access {
        store.set_space_access(id, &args.name, space, *access, &event)?;
    }
    say(format_args!("{}: added", args.name))?;
    let Some((_, folders)) = of_pattern else { return Ok(()) };
    let mut any = false;
    for path in &folders {
        match folder::create(path) {
            Ok(true) => {
                any = true;
                say(format_args!("{}: made, with the owner and mode of the folder above", path.display()))?;
            }
            Ok(false) => {}
            Err(e) => {
                let why = format!(
                    "the account is added, but its folder {} cannot be made: {e}; make it, then reload the engine",
                    path.display()
                );
                return Err(Failure::new(FAILED, why));
            }
        }
    }
    if any { reload_engine(config) } else { Ok(()) }
}

/// The space that `--space` names: to be stored (`Some`), or already set by the config (`None`).
fn given_space<'a>(config: &Config, space: &'a str, account: &str) -> Result<Option<&'a str>, Failure> {
    let spaces = config.resolve_spaces();
    let refuse = |why: String| Err(Failure::new(FAILED, why));
    match spaces.named(space) {
        None => {
            refuse(format!("there is no space {space:?} in the config: add a [[space]] of that name first"))
        }
        Some(found) if found.kind == crate::config::SpaceKind::Shared => refuse(format!(
            "the space {space:?} is shared and has no owner: give access to it with --access {space}=full"
        )),
        Some(found) if found.is_match => {
            refuse(format!("the space {space:?} belongs to the account of that name"))
        }
        Some(found) => match &found.owner {
            Some(owner) if owner.to_lowercase() == account.to_lowercase() => Ok(None),
            Some(owner) => refuse(format!("the config says that the space {space:?} belongs to {owner:?}")),
            None => Ok(Some(space)),
        },
    }
}

fn check_access(config: &Config, access: &[(String, Option<Access>)]) -> Done {
    let spaces = config.resolve_spaces();
    for (space, _) in access {
        if spaces.named(space).is_none_or(|s| s.kind != crate::config::SpaceKind::Shared) {
            return Err(Failure::new(
                FAILED,
                format_args!("there is no shared space {space:?} in the config"),
            ));
        }
    }
    Ok(())
}

fn set(store: &Store, config: &Config, args: Set) -> Done {
    let account = named(store, &args.name)?;
    check_access(config, &args.access)?;
    let space = match &args.space {
        Some(space) => given_space(config, space, &account.name)?.map(|s| Some(s.to_owned())),
        None => None,
    };
    let change = AccountChange {
        display_name: args.display_name,
        is_admin: args.admin,
        space,
        ..AccountChange::default()
    };
    let event = Event::local(now());
    let account = store.change_account(account.id, &change, &event)?;
    for (space, access) in &args.access {
        store.set_space_access(account.id, &account.name, space, *access, &event)?;
    }
    say(format_args!("{}: changed", account.name))
}

/// The engine searches for new folders on request only.
fn reload_engine(config: &Config) -> Done {
    let Some(socket) = &config.socket else { return Ok(()) };
    match crate::engine::reload(socket) {
        Ok(()) => say("the engine indexes the new folder"),
        Err(e) => say(format_args!(
            "the engine could not be told of the new folder ({e}); it finds it at its next start"
        )),
    }
}

fn list(store: &Store, config: &Config, is_json: bool) -> Done {
    let (_, policy) = store.policy(&config.resolve_spaces())?;
    let mut rows = Vec::new();
    for account in store.accounts()? {
        let mut spaces: Vec<&str> = policy
            .spaces
            .iter()
            .filter(|(_, s)| s.owner == Some(account.id))
            .map(|(name, _)| name.as_str())
            .collect();
        spaces.sort_unstable();
        let access = store.space_access(account.id)?;
        if is_json {
            rows.push(json!({
                "name": account.name,
                "display_name": account.display_name,
                "admin": account.is_admin,
                "disabled": account.disabled.is_some(),
                "created": jiff::Timestamp::from_second(account.created).map(|t| t.to_string()).unwrap_or_default(),
                "second_factor": store.totp(account.id)?.is_some_and(|t| t.confirmed.is_some()),
                "spaces": spaces,
                "access": access.iter().map(|(s, a)| (s.clone(), json!(a))).collect::<serde_json::Map<_, _>>(),
            }));
        } else {
            let mut words = vec![account.name.clone()];
            words.extend(account.is_admin.then(|| "administrator".to_owned()));
            words.extend(account.disabled.map(|_| "disabled".to_owned()));
            words.extend((!spaces.is_empty()).then(|| format!("owns {}", spaces.join(", "))));
            words.extend(access.iter().map(|(space, access)| format!("{space}: {access:?}").to_lowercase()));
            say(words.join("\t"))?;
        }
    }
    if is_json { say(json!({ "accounts": rows })) } else { Ok(()) }
}

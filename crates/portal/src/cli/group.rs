//! `albumen-portal group`.

use super::{Done, FAILED, Failure, open, say};
use crate::clock::now;
use crate::config::Config;
use crate::store::{Event, Group, Store};
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a group
    Add {
        name: String,
        /// Accounts in it
        members: Vec<String>,
    },
    /// List the groups
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add accounts to a group
    Join { name: String, members: Vec<String> },
    /// Remove accounts from a group
    Leave { name: String, members: Vec<String> },
    /// Remove a group and all rights granted to it
    Remove { name: String },
}

pub(super) fn run(command: Command, config: &Config) -> Done {
    let store = open(config)?;
    let event = Event::local(now());
    match command {
        Command::Add { name, members } => {
            if let Some(missing) = first_missing(&store, &members)? {
                return Err(Failure::new(FAILED, format_args!("there is no account {missing:?}")));
            }
            let group = store.add_group(&name, &event)?;
            store.change_group(group.id, None, &members, &[], &event)?;
            say(format_args!("{name}: added"))
        }
        Command::List { json } => list(&store, json),
        Command::Join { name, members } => {
            let group = store.change_group(named(&store, &name)?.id, None, &members, &[], &event)?;
            say(format_args!("{}: {}", group.name, group.members.join(", ")))
        }
        Command::Leave { name, members } => {
            let group = store.change_group(named(&store, &name)?.id, None, &[], &members, &event)?;
            say(format_args!("{}: {}", group.name, group.members.join(", ")))
        }
        Command::Remove { name } => {
            store.remove_group(named(&store, &name)?.id, &event)?;
            say(format_args!("{name}: removed"))
        }
    }
}

fn first_missing<'a>(store: &Store, names: &'a [String]) -> Result<Option<&'a String>, Failure> {
    for name in names {
        if store.account_named(name)?.is_none() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn named(store: &Store, name: &str) -> Result<Group, Failure> {
    let found = store.group_named(name)?;
    found.ok_or_else(|| {
        Failure::new(FAILED, format_args!("there is no group {name:?}: see `albumen-portal group list`"))
    })
}

fn list(store: &Store, is_json: bool) -> Done {
    let groups = store.groups()?;
    if is_json {
        let rows: Vec<_> = groups.iter().map(|g| json!({ "name": g.name, "members": g.members })).collect();
        return say(json!({ "groups": rows }));
    }
    for group in groups {
        say(format_args!("{}\t{}", group.name, group.members.join(", ")))?;
    }
    Ok(())
}

//! `albumen albums`: lists albums, and makes, fills, renames and deletes them.

use super::answer::Refusal;
use super::{Context, items_named, say};
use albumen_engine::service::client::Edited;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct AlbumsArgs {
    #[command(subcommand)]
    what: Option<AlbumsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum AlbumsCommand {
    /// Create an album: empty, or with --search a conditional one that contains all matching items
    Create {
        name: String,
        /// The condition, in the language of `albumen search`
        #[arg(long, value_name = "QUERY")]
        search: Option<String>,
    },
    /// Add items to an album
    Add {
        name: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Remove items from an album
    Remove {
        name: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Rename an album
    Rename { name: String, new_name: String },
    /// Delete an album; its items stay
    Delete { name: String },
}

pub(crate) fn run(args: AlbumsArgs, ctx: &Context) -> Result<(), Refusal> {
    let Some(what) = args.what else { return list(ctx) };
    let mut index = ctx.open_edit()?;
    let done = match &what {
        AlbumsCommand::Create { name, search } => {
            index.create_album(name, search.as_deref())?;
            format!("Made {name:?}.")
        }
        AlbumsCommand::Add { name, files } => {
            let items = items_named(&index, files)?;
            format!("Added {} to {name:?}.", index.add_to_album(name, &items)?)
        }
        AlbumsCommand::Remove { name, files } => {
            let items = items_named(&index, files)?;
            format!("Removed {} from {name:?}.", index.remove_from_album(name, &items)?)
        }
        AlbumsCommand::Rename { name, new_name } => {
            index.rename_album(name, new_name)?;
            format!("{name:?} is {new_name:?} now.")
        }
        AlbumsCommand::Delete { name } => {
            index.delete_album(name)?;
            format!("Deleted {name:?}.")
        }
    };
    let albums = match what {
        AlbumsCommand::Rename { name, new_name } => vec![name, new_name],
        AlbumsCommand::Create { name, .. }
        | AlbumsCommand::Add { name, .. }
        | AlbumsCommand::Remove { name, .. }
        | AlbumsCommand::Delete { name } => vec![name],
    };
    ctx.tell(&Edited { albums, ..Edited::default() });
    ctx.print(&serde_json::json!({ "done": done }), |_| say(&done));
    Ok(())
}

fn list(ctx: &Context) -> Result<(), Refusal> {
    ctx.print(&ctx.open_read()?.albums()?, |albums| {
        for album in albums {
            let query = album.query.as_ref().map(|q| format!("  (search: {q})")).unwrap_or_default();
            say(format_args!("{:>7}  {}{query}", album.count, album.name));
        }
        if albums.is_empty() {
            say("There are no albums: `albumen albums create NAME` makes one.");
        }
    });
    Ok(())
}

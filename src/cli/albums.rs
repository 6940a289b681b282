//! `albumen albums`: lists albums, and makes, fills, renames and deletes them.

use super::{Context, FAILED, NO_START, USAGE, complain, items_named, print_json, search};
use crate::index::albums::AlbumError;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make an album: empty, or with --search one that fills itself
    Create {
        name: String,
        /// What it holds, in the language of `albumen search`
        #[arg(long, value_name = "QUERY")]
        search: Option<String>,
    },
    /// Put items into an album
    Add {
        name: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Take items out of an album
    Remove {
        name: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Give an album another name
    Rename { name: String, new_name: String },
    /// Delete an album; its items stay
    Delete { name: String },
}

pub fn run(args: Args, ctx: &Context) -> ExitCode {
    let Some(what) = args.what else { return list(ctx) };
    let mut index = match ctx.open_edit() {
        Ok(index) => index,
        Err(code) => return code,
    };
    let files = |index, files: &[PathBuf]| items_named(index, files);
    let done = match &what {
        What::Create { name, search } => {
            index.create_album(name, search.as_deref()).map(|_| format!("Made {name:?}."))
        }
        What::Add { name, files: named } => match files(&index, named) {
            Ok(ids) => index.add_to_album(name, &ids).map(|n| format!("Added {n} to {name:?}.")),
            Err(code) => return code,
        },
        What::Remove { name, files: named } => match files(&index, named) {
            Ok(ids) => index.remove_from_album(name, &ids).map(|n| format!("Removed {n} from {name:?}.")),
            Err(code) => return code,
        },
        What::Rename { name, new_name } => {
            index.rename_album(name, new_name).map(|()| format!("{name:?} is {new_name:?} now."))
        }
        What::Delete { name } => index.delete_album(name).map(|()| format!("Deleted {name:?}.")),
    };
    match done {
        Ok(message) if ctx.global.json => print_json(&serde_json::json!({ "done": message })),
        Ok(message) => println!("{message}"),
        Err(AlbumError::Search(e)) => return search::refused(&e),
        Err(e) => {
            complain(&e);
            return ExitCode::from(match e {
                AlbumError::Sql(_) => NO_START,
                AlbumError::Unknown(_) => FAILED,
                _ => USAGE,
            });
        }
    }
    ExitCode::SUCCESS
}

fn list(ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(index) => index,
        Err(code) => return code,
    };
    match index.albums() {
        Ok(albums) if ctx.global.json => print_json(&albums),
        Ok(albums) => {
            for album in &albums {
                let query = album.query.as_ref().map(|q| format!("  (search: {q})")).unwrap_or_default();
                println!("{:>7}  {}{query}", album.count, album.name);
            }
            if albums.is_empty() {
                println!("There are no albums: `albumen albums create NAME` makes one.");
            }
        }
        Err(e) => return search::refused(&e),
    }
    ExitCode::SUCCESS
}

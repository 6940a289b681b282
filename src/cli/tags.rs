//! `albumen tags`: lists tags, gives them to items, takes them away, renames them.

use super::{Context, NO_START, complain, items_named, print_json};
use crate::index::edits::Edit;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Give items a tag
    Add {
        tag: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Take a tag away, also where the file itself has it
    Remove {
        tag: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Rename a tag on every item that has it; the files stay as they are
    Rename { tag: String, new_name: String },
}

pub fn run(args: Args, ctx: &Context) -> ExitCode {
    let Some(what) = args.what else { return list(ctx) };
    let mut index = match ctx.open_edit() {
        Ok(index) => index,
        Err(code) => return code,
    };
    let done = match what {
        What::Rename { tag, new_name } => index.rename_tag(&tag, &new_name),
        What::Add { tag, files } => match items_named(&index, &files) {
            Ok(items) => index.edit_items(&items, &[Edit::AddTag(tag)]),
            Err(code) => return code,
        },
        What::Remove { tag, files } => match items_named(&index, &files) {
            Ok(items) => index.edit_items(&items, &[Edit::RemoveTag(tag)]),
            Err(code) => return code,
        },
    };
    match done {
        Ok(count) if ctx.global.json => print_json(&serde_json::json!({ "edited": count })),
        Ok(count) => println!("Edited {count} item{}.", if count == 1 { "" } else { "s" }),
        Err(e) => {
            complain(&format!("the index cannot be written: {e}"));
            return ExitCode::from(NO_START);
        }
    }
    ExitCode::SUCCESS
}

fn list(ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(index) => index,
        Err(code) => return code,
    };
    match index.tags() {
        Ok(tags) if ctx.global.json => {
            let tags: Vec<_> =
                tags.iter().map(|(tag, count)| serde_json::json!({ "tag": tag, "count": count })).collect();
            print_json(&tags);
        }
        Ok(tags) => {
            for (tag, count) in &tags {
                println!("{count:>7}  {tag}");
            }
            if tags.is_empty() {
                println!("No item has a tag.");
            }
        }
        Err(e) => {
            complain(&format!("the index cannot be read: {e}"));
            return ExitCode::from(NO_START);
        }
    }
    ExitCode::SUCCESS
}

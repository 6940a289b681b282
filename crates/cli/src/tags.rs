//! `albumen tags`: lists, adds, removes and renames tags.

use super::answer::Refusal;
use super::{Context, items_named, say};
use albumen_index::edits::Edit;
use albumen_index::edits::TagCount;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct TagsArgs {
    #[command(subcommand)]
    what: Option<TagsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum TagsCommand {
    /// Add a tag to items
    Add {
        #[arg(value_parser = tag)]
        tag: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Remove a tag from items, also if it comes from the file itself
    Remove {
        tag: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Rename a tag on every item that has it; the files are unchanged
    Rename {
        tag: String,
        #[arg(value_parser = tag)]
        new_name: String,
    },
}

/// A tag that can be displayed and searched for.
fn tag(text: &str) -> Result<String, String> {
    Some(text.trim().to_owned()).filter(|t| !t.is_empty()).ok_or_else(|| "a tag needs a name".to_owned())
}

pub(crate) fn run(args: TagsArgs, ctx: &Context) -> Result<(), Refusal> {
    let Some(what) = args.what else { return list(ctx) };
    let mut index = ctx.open_edit()?;
    let edited = match what {
        TagsCommand::Rename { tag, new_name } => index.rename_tag(&tag, &new_name)?,
        TagsCommand::Add { tag, files } => {
            index.edit_items(&items_named(&index, &files)?, &[Edit::AddTag(tag)])?
        }
        TagsCommand::Remove { tag, files } => {
            index.edit_items(&items_named(&index, &files)?, &[Edit::RemoveTag(tag)])?
        }
    };
    ctx.edited(edited);
    Ok(())
}

fn list(ctx: &Context) -> Result<(), Refusal> {
    let tags = ctx.open_read()?.tags()?;
    ctx.print(&tags, |tags| {
        for TagCount { tag, count } in tags {
            say(format_args!("{count:>7}  {tag}"));
        }
        if tags.is_empty() {
            say("No item has a tag.");
        }
    });
    Ok(())
}

//! `albumen show FILE`: everything in the index about one item, with sources.

use super::{Context, FAILED, NO_START, complain, print_json, say};
use albumen_index::view::Detail;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A path, or the item's id
    file: PathBuf,
}

pub(crate) fn run(args: ShowArgs, ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(i) => i,
        Err(code) => return code,
    };
    let found = index
        .find_file(&args.file)
        .and_then(|id| id.map_or(Ok(None), |id| index.item_of(id)))
        .and_then(|id| id.map_or(Ok(None), |id| index.item_view(id, Detail::Full)));
    match found {
        Ok(Some(view)) if ctx.global.json => print_json(&view),
        Ok(Some(view)) => {
            // As text: the same object, indented; every key is a word.
            let text = serde_json::to_string_pretty(&view).expect("a view is plain data");
            text.lines().for_each(say);
        }
        Ok(None) => {
            complain(&format!(
                "{} is not in the index: check the path, or run `albumen index {}`",
                args.file.display(),
                args.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).display()
            ));
            return ExitCode::from(FAILED);
        }
        Err(e) => {
            complain(&e.to_string());
            return ExitCode::from(NO_START);
        }
    }
    ExitCode::SUCCESS
}

//! `albumen similar FILE`: photos similar to one, nearest first.

use super::answer::Refusal;
use super::{Context, FAILED, items_named, say};
use albumen_engine::config::Spaces;
use albumen_engine::pipeline::run::Plan;
use albumen_index::IndexReader;
use albumen_index::similar::SimilarError;
use albumen_index::view::{Detail, ItemView};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct SimilarArgs {
    /// A path, or the item's id
    file: PathBuf,
    /// At most this many items
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Search this space instead of the file's own; may be given more than once
    #[arg(long, value_name = "NAME")]
    space: Vec<String>,
}

/// The output of `--json`, on one line.
#[derive(Debug, Serialize)]
struct Answer {
    items: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    similarity: f32,
    #[serde(flatten)]
    item: ItemView,
}

pub(crate) fn run(args: SimilarArgs, ctx: &Context) -> Result<(), Refusal> {
    let index = ctx.open_read()?;
    ctx.spaces_named(&index, &args.space)?;
    let item = items_named(&index, std::slice::from_ref(&args.file))?[0];
    let items = lines(&index, item, &args).map_err(|e| match e {
        SimilarError::NoVector(_) => Refusal::new(FAILED, without_vector(&args.file, item, &index, ctx, &e)),
        SimilarError::Index(e) => e.into(),
    })?;
    ctx.print(&Answer { items }, |answer| {
        for line in &answer.items {
            say(format_args!("{:.3}  {}", line.similarity, line.item.path));
        }
        if answer.items.is_empty() {
            eprintln!("There is nothing to compare it with.");
        }
    });
    Ok(())
}

fn lines(index: &IndexReader, item: i64, args: &SimilarArgs) -> Result<Vec<Line>, SimilarError> {
    let spaces = (!args.space.is_empty()).then_some(args.space.as_slice());
    let mut lines = Vec::new();
    for near in index.similar(item, args.limit as usize, spaces)? {
        let item = index.item_view(near.file, Detail::Full)?;
        // Four decimal places are the precision of one byte per dimension.
        let similarity = (near.similarity * 1e4).round() / 1e4;
        lines.extend(item.map(|item| Line { similarity, item }));
    }
    Ok(lines)
}

/// Why a file cannot be compared, and what the user can do.
fn without_vector(file: &Path, item: i64, index: &IndexReader, ctx: &Context, e: &SimilarError) -> String {
    let file = file.display();
    let path = index.path_of(item).ok().flatten().unwrap_or_default();
    let spaces = Spaces::resolve(&ctx.config.spaces);
    let space = spaces.holding(&path).map(|(space, _)| space);
    if let SimilarError::NoVector(Some(reason)) = e {
        return format!("{file} cannot be compared: {reason}");
    }
    if !ctx.config.recognise.enabled {
        return format!(
            "{file} cannot be compared: recognition is off ([recognise] enabled); switch it on and run `albumen index`"
        );
    }
    if let Some(space) = space.filter(|s| !s.subjects) {
        return format!("{file} cannot be compared: subjects are off for the space {:?}", space.name);
    }
    let missing = Plan::new(&ctx.config, true).missing;
    if !missing.is_empty() {
        return format!("{file} cannot be compared: {} missing; see `albumen models`", missing.join(", "));
    }
    format!("{file} cannot be compared: {e}; run `albumen index`")
}

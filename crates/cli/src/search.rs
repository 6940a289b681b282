//! `albumen search QUERY...`: matching items, newest first. docs/search.md is the manual of the language.

use super::answer::Refusal;
use super::{Context, say};
use albumen_index::query::{MINUS, Query};
use albumen_index::search::{Page, SearchError};
use albumen_index::view::{Detail, ItemView};
use serde::Serialize;
use std::ffi::OsString;

#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// Words and filters, all of which must match: berlin 2023 camera:canon -tag:work
    #[arg(value_name = "WORD|FILTER")]
    query: Vec<String>,
    /// At most this many items
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Continue after this cursor, printed at the end of the previous page
    #[arg(long, value_name = "MARK")]
    after: Option<String>,
    /// Only the items of this space; may be given more than once
    #[arg(long)]
    space: Vec<String>,
    /// Print only the number of matching items
    #[arg(long, conflicts_with_all = ["after", "space"])]
    count: bool,
}

/// The output of `--json`, on one line.
#[derive(Debug, Serialize)]
struct Answer {
    items: Vec<ItemView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) fn run(args: SearchArgs, ctx: &Context) -> Result<(), Refusal> {
    let index = ctx.open_read()?;
    ctx.spaces_named(&index, &args.space)?;
    let query = Query::parse(&in_one(&args.query)).map_err(SearchError::from)?;
    if args.count {
        let count = index.count(&query)?;
        ctx.print(&serde_json::json!({ "count": count }), |_| say(count));
        return Ok(());
    }
    let after = args.after.as_deref().map(str::parse).transpose()?;
    let spaces = (!args.space.is_empty()).then(|| args.space.clone());
    let found =
        index.search(&query, &Page { limit: args.limit as usize, after, spaces, ..Page::default() })?;
    let mut items = Vec::new();
    for id in found.items {
        items.extend(index.item_view(id, Detail::Full)?);
    }
    let answer = Answer { items, next: found.next.map(|mark| mark.to_string()) };
    ctx.print(&answer, |answer| {
        for item in &answer.items {
            let taken = item.facts.taken.as_ref().map_or("", |t| t.local.as_str());
            let city =
                item.place.as_ref().and_then(|p| p.city.as_deref().or(p.country.as_deref())).unwrap_or("");
            let gap = if city.is_empty() { "" } else { "  " };
            say(format_args!("{taken:<19}  {}{gap}{city}", item.path));
        }
        if let Some(next) = &answer.next {
            eprintln!("There are more: --after '{next}'");
        } else if answer.items.is_empty() {
            eprintln!("Nothing fits.");
        }
    });
    Ok(())
}

/// Converts the hyphen of `-tag:work` after `search`, which is not an option, to the minus sign that the
/// language accepts as well. `-v` and `-h` stay options; quoted together with others they are words.
pub(crate) fn with_denials(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut searching = false;
    arguments.map(move |argument| {
        let denied = argument.to_str().and_then(|text| text.strip_prefix('-')).filter(|rest| {
            let is_option =
                rest.is_empty() || rest.starts_with('-') || rest.chars().all(|c| "vhV".contains(c));
            searching && !is_option
        });
        if let Some(rest) = denied {
            return format!("{MINUS}{rest}").into();
        }
        searching |= argument == "search";
        argument
    })
}

/// The arguments as one query. An argument that the shell has unquoted is quoted again: `title:"by night"`
/// arrives as `title:by night`.
pub(crate) fn in_one(words: &[String]) -> String {
    let quoted = |word: &String| {
        if words.len() == 1 || word.contains('"') || !word.contains(char::is_whitespace) {
            return word.clone();
        }
        match word.split_once(':') {
            Some((key, value)) if key.trim_start_matches(['-', MINUS]).chars().all(char::is_alphanumeric) => {
                format!("{key}:\"{value}\"")
            }
            _ => format!("\"{word}\""),
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{in_one, with_denials};

    #[test]
    fn what_the_shell_unquoted_is_quoted_again() {
        let join = |words: &[&str]| in_one(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(join(&["berlin 2023"]), "berlin 2023");
        assert_eq!(join(&["berlin", "2023"]), "berlin 2023");
        assert_eq!(join(&["title:by night", "new year"]), "title:\"by night\" \"new year\"");
        assert_eq!(join(&["-title:by night", "x"]), "-title:\"by night\" x");
    }

    #[test]
    fn denied_words_are_no_options() {
        let line = "albumen -v search -tag:work x -v --json".split(' ').map(Into::into);
        let line: Vec<_> = with_denials(line).map(|a| a.into_string().unwrap()).collect();
        assert_eq!(line.join(" "), "albumen -v search \u{2212}tag:work x -v --json");
    }
}

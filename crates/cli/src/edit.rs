//! `albumen edit FILE...`: edits title, capture date, rating, position and other fields of an item. The files are
//! unchanged.

use super::answer::Refusal;
use super::{Context, USAGE, items_named};
use albumen_index::edits::Edit;
use albumen_index::position::Position;
use albumen_index::said::{DateEdit, Field};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Args {
    /// Paths, or ids of items
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The title; "" for no title
    #[arg(long, group = "what")]
    title: Option<String>,
    /// The description; "" for no description
    #[arg(long, group = "what")]
    description: Option<String>,
    /// The capture date: 2023-07-01, 2023-07-01T10:20:30 or 2023-07-01T10:20:30+02:00
    #[arg(long, group = "what", value_parser = DateEdit::parse)]
    date: Option<DateEdit>,
    /// 0 to 5 stars, -1 for rejected
    #[arg(long, group = "what", allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-1..=5))]
    rating: Option<i8>,
    /// The position, latitude and longitude in degrees: 48.8583,2.2945 or -33.8568,151.2153
    #[arg(long, group = "what", value_name = "LAT,LON", allow_hyphen_values = true, value_parser = Position::parse)]
    gps: Option<Position>,
    /// No position, even if the file has one
    #[arg(long, group = "what", conflicts_with = "gps")]
    no_gps: bool,
    /// Remove the edit of a field: title, description, date, rating, gps or tags
    #[arg(long, group = "what", value_name = "FIELD", value_parser = field)]
    forget: Vec<Field>,
}

fn field(name: &str) -> Result<Field, String> {
    match name {
        "title" => Ok(Field::Title),
        "description" => Ok(Field::Description),
        "date" => Ok(Field::Taken),
        "rating" => Ok(Field::Rating),
        "gps" => Ok(Field::Gps),
        "tags" => Ok(Field::Tags),
        _ => Err("write title, description, date, rating, gps or tags".to_owned()),
    }
}

pub(crate) fn run(args: Args, ctx: &Context) -> Result<(), Refusal> {
    let some_text = |text: String| Some(text).filter(|t| !t.trim().is_empty());
    let mut edits: Vec<Edit> = args.forget.into_iter().map(Edit::Forget).collect();
    edits.extend(args.title.map(|title| Edit::Title(some_text(title))));
    edits.extend(args.description.map(|text| Edit::Description(some_text(text))));
    edits.extend(args.date.map(Edit::Taken));
    edits.extend(args.rating.map(|rating| Edit::Rating(Some(rating))));
    edits.extend(args.gps.map(|position| Edit::Gps(Some(position))));
    edits.extend(args.no_gps.then_some(Edit::Gps(None)));
    if edits.is_empty() {
        return Err(Refusal::new(USAGE, "nothing to say: see `albumen edit --help`"));
    }
    let mut index = ctx.open_edit()?;
    let items = items_named(&index, &args.files)?;
    ctx.edited(index.edit_items(&items, &edits)?);
    Ok(())
}

//! `albumen people`: who is in the photos, and what a user says of them. A person is given by id or by name.

use super::answer::Refusal;
use super::{Context, say};
use albumen_engine::service::client::{Edited, EditedPeople};
use albumen_index::Index;
use albumen_index::people::{EditDone, EditError, FaceLine, PersonLine, SameName};
use clap::Subcommand;
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Without one: list
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The people there are: named ones first, then those in most photos
    List {
        /// Only of this space
        #[arg(long, value_name = "NAME")]
        space: Option<String>,
        /// Hidden ones, too
        #[arg(long)]
        hidden: bool,
    },
    /// One person and its faces; a hidden one comes back into lists
    Show { person: String },
    /// Name a person; without NAME, take the name away for good
    Name {
        person: String,
        name: Option<String>,
        /// If another person bears the name: they are one
        #[arg(long, conflicts_with = "separate")]
        merge: bool,
        /// If another person bears the name: they are two
        #[arg(long)]
        separate: bool,
    },
    /// Say that people are one
    Merge {
        #[arg(num_args = 2.., required = true)]
        people: Vec<String>,
    },
    /// Say that these faces of a person are somebody else
    Split {
        person: String,
        #[arg(required = true, value_name = "FACE")]
        faces: Vec<i64>,
    },
    /// Leave a person out of lists
    Hide { person: String },
    /// Choose the face that stands for a person
    Cover {
        person: String,
        #[arg(value_name = "FACE")]
        face: i64,
    },
    /// What is worth asking about: people who may be one, people without a name
    Suggest {
        #[arg(long, value_name = "NAME")]
        space: Option<String>,
        /// At most so many of each
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Undo an edit of people or faces, the last one by default
    Undo {
        #[arg(value_name = "EDIT")]
        edit: Option<i64>,
    },
}

pub fn run(args: Args, ctx: &Context) -> Result<(), Refusal> {
    match args.what.unwrap_or(What::List { space: None, hidden: false }) {
        What::List { space, hidden } => {
            let people = ctx.open_read()?.people(space.as_ref().map(std::slice::from_ref), hidden)?;
            ctx.print(&people, |people| people.iter().for_each(print_person));
            Ok(())
        }
        What::Show { person } => show(ctx, &person),
        What::Name { person, name, merge, separate } => {
            let same = match (merge, separate) {
                (true, _) => SameName::Merge,
                (_, true) => SameName::Separate,
                _ => SameName::Refuse,
            };
            edit(ctx, |index| index.name_person(&person, name.as_deref(), same))
        }
        What::Merge { people } => edit(ctx, |index| index.merge_people(&people)),
        What::Split { person, faces } => edit(ctx, |index| index.split_person(&person, &faces)),
        What::Hide { person } => edit(ctx, |index| index.hide_person(&person, true)),
        What::Cover { person, face } => edit(ctx, |index| index.set_cover(&person, face)),
        What::Suggest { space, limit } => {
            let found = ctx.open_read()?.suggest_people(space.as_ref().map(std::slice::from_ref), limit)?;
            ctx.print(&found, |found| {
                for m in &found.merges {
                    let (a, b) = (m.a_name.as_ref().unwrap_or(&m.a), m.b_name.as_ref().unwrap_or(&m.b));
                    say(format_args!(
                        "{a} and {b} may be one person (similarity {:.2}, of {:.2})",
                        m.similarity, m.required
                    ));
                }
                for p in &found.unnamed {
                    say(format_args!("{} has no name and is in {} photo(s)", p.id, p.items));
                }
            });
            Ok(())
        }
        What::Undo { edit: id } => edit(ctx, |index| index.undo_people_edit(id, None)),
    }
}

/// The opposite of `hide`, and the way to look at one person.
fn show(ctx: &Context, name: &str) -> Result<(), Refusal> {
    let (person, faces) = ctx.open_read()?.person(name)?;
    if person.hidden {
        return edit(ctx, |index| index.hide_person(name, false));
    }
    ctx.print(&Shown { person, faces }, |shown| {
        print_person(&shown.person);
        shown.faces.iter().for_each(print_face);
    });
    Ok(())
}

#[derive(Serialize)]
struct Shown {
    person: PersonLine,
    faces: Vec<FaceLine>,
}

fn print_person(p: &PersonLine) {
    let name = p.name.as_deref().unwrap_or("-");
    let hidden = if p.hidden { ", hidden" } else { "" };
    say(format_args!(
        "{}  {name}  {} photo(s), {} face(s), space {}{hidden}",
        p.id, p.items, p.faces, p.space
    ));
}

pub fn print_face(f: &FaceLine) {
    let who = match (&f.name, &f.person) {
        (Some(name), _) => name,
        (None, Some(id)) => id,
        (None, None) => "-",
    };
    let how = f.how.as_ref().map_or(String::new(), |how| format!(" ({how})"));
    let [x, y, w, h] = f.area;
    say(format_args!(
        "{}  {who}{how}  quality {:.2}, box {x:.3} {y:.3} {w:.3} {h:.3}  {}",
        f.id, f.quality, f.path
    ));
}

/// Makes an edit and says what it did.
pub fn edit(
    ctx: &Context,
    change: impl FnOnce(&mut Index) -> Result<EditDone, EditError>,
) -> Result<(), Refusal> {
    let done = change(&mut ctx.open_edit()?)?;
    if let Some(space) = done.space.clone() {
        let people = vec![EditedPeople { space, person: done.person.clone() }];
        ctx.tell(&Edited { people, ..Edited::default() });
    }
    ctx.print(&done, |done| {
        let joined = match done.joined {
            0 => String::new(),
            n => format!("; {n} more face(s) joined"),
        };
        say(format_args!("Edit {}: {}{joined}", done.edit, done.words));
    });
    Ok(())
}

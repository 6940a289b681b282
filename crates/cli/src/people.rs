//! `albumen people`: the people in the photos, and edits by users. A person is given by id or by name.

use super::answer::Refusal;
use super::{Context, USAGE, complain, say};
use albumen_engine::service::client::{Edited, EditedPeople};
use albumen_index::people::PersonAndFaces;
use albumen_index::people::{
    Answer, EditDone, EditError, EditLine, FaceLine, FaceList, PersonLine, Question, SameName, Side,
};
use albumen_index::{Editor, IndexReader};
use clap::Subcommand;
use serde::Serialize;
use std::io::{BufRead, IsTerminal, Write};

#[derive(Debug, clap::Args)]
pub(crate) struct PeopleArgs {
    /// Without a subcommand: list
    #[command(subcommand)]
    what: Option<PeopleCommand>,
}

/// Where a name is looked up.
#[derive(Debug, Default, clap::Args)]
struct InSpace {
    /// Only in this space; distinguishes people of the same name
    #[arg(long, value_name = "NAME")]
    space: Option<String>,
}

impl InSpace {
    fn name(&self) -> Option<&str> {
        self.space.as_deref()
    }

    /// As a list of spaces, checked.
    fn list(&self, ctx: &Context, index: &IndexReader) -> Result<Option<Vec<String>>, Refusal> {
        let named: Vec<String> = self.space.iter().cloned().collect();
        ctx.spaces_named(index, &named)?;
        Ok(Some(named).filter(|n| !n.is_empty()))
    }
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// List people: those with a name first, then by number of photos
    List {
        #[command(flatten)]
        of: InSpace,
        /// Hidden people, too
        #[arg(long)]
        hidden: bool,
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a person and its faces; changes nothing
    Show {
        person: String,
        #[command(flatten)]
        of: InSpace,
        /// At most this many faces
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Also faces that the latest detection did not find
        #[arg(long)]
        lost: bool,
    },
    /// Name a person; prompts for the name if none is given
    Name {
        person: String,
        #[arg(conflicts_with = "remove_name")]
        name: Option<String>,
        /// Remove the name permanently
        #[arg(long)]
        remove_name: bool,
        /// If another person has the name: merge the two
        #[arg(long, conflicts_with = "separate")]
        merge: bool,
        /// If another person has the name: keep the two separate
        #[arg(long)]
        separate: bool,
        /// With --merge: if a photo shows the person twice, both faces are right
        #[arg(long, requires = "merge")]
        also: bool,
        #[command(flatten)]
        of: InSpace,
    },
    /// Merge people into one; prints the one that remains
    Merge {
        #[arg(num_args = 2.., required = true)]
        people: Vec<String>,
        /// If a photo shows the person twice, both faces are right (mirror, collage, photo of a photo)
        #[arg(long)]
        also: bool,
        #[command(flatten)]
        of: InSpace,
    },
    /// Record that two people are different; a merge is not suggested again
    Apart {
        one: String,
        other: String,
        #[command(flatten)]
        of: InSpace,
    },
    /// Move these faces of a person to a new person
    Split {
        person: String,
        #[arg(required = true, value_name = "FACE")]
        faces: Vec<i64>,
        #[command(flatten)]
        of: InSpace,
    },
    /// Hide a person from lists and questions; it is still found by name
    Hide {
        person: String,
        #[command(flatten)]
        of: InSpace,
    },
    /// Show a hidden person in lists again
    Unhide {
        person: String,
        #[command(flatten)]
        of: InSpace,
    },
    /// Choose the cover face of a person
    Cover {
        person: String,
        #[arg(value_name = "FACE")]
        face: i64,
        #[command(flatten)]
        of: InSpace,
    },
    /// List open questions, best first: the person of a face, whether two people are the same
    Ask {
        #[command(flatten)]
        of: InSpace,
        /// At most this many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Answer a question of `ask`
    Answer {
        question: String,
        #[arg(value_enum)]
        answer: AnswerArg,
    },
    /// List people who may be the same, and people without a name
    Suggest {
        #[command(flatten)]
        of: InSpace,
        /// At most this many of each kind
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// List the edits that can be undone, latest first
    Edits {
        #[command(flatten)]
        of: InSpace,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// Undo an edit of people or faces, the last one by default
    Undo {
        #[arg(value_name = "EDIT")]
        edit: Option<i64>,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum AnswerArg {
    Yes,
    No,
    /// The first side is not a face
    #[value(alias = "not_a_face")]
    NotAFace,
    /// The first side is a stranger, to be ignored
    Ignore,
}

impl From<AnswerArg> for Answer {
    fn from(answer: AnswerArg) -> Answer {
        match answer {
            AnswerArg::Yes => Answer::Yes,
            AnswerArg::No => Answer::No,
            AnswerArg::NotAFace => Answer::NotAFace,
            AnswerArg::Ignore => Answer::Ignore,
        }
    }
}

pub(crate) fn run(args: PeopleArgs, ctx: &Context) -> Result<(), Refusal> {
    let list = PeopleCommand::List { of: InSpace::default(), hidden: false, limit: None };
    match args.what.unwrap_or(list) {
        PeopleCommand::List { of, hidden, limit } => {
            let index = ctx.open_read()?;
            let people = index.people(of.list(ctx, &index)?.as_deref(), hidden, limit)?;
            ctx.print(&people, |people| people.iter().for_each(print_person));
            Ok(())
        }
        PeopleCommand::Show { person, of, limit, lost } => {
            show(ctx, &person, of.name(), FaceList { lost, limit })
        }
        PeopleCommand::Name { person, name, remove_name, merge, separate, also, of } => {
            let same = match (merge, separate) {
                (true, _) => SameName::Merge,
                (_, true) => SameName::Separate,
                _ => SameName::Refuse,
            };
            let name = match (name, remove_name) {
                (Some(name), _) => Some(name),
                (None, true) => None,
                (None, false) => Some(ask_name(ctx, &person)?),
            };
            edit(ctx, |index| index.name_person_in(&person, of.name(), name.as_deref(), same, also))
        }
        PeopleCommand::Merge { people, also, of } => {
            edit(ctx, |index| index.merge_people_in(&people, of.name(), also))
        }
        PeopleCommand::Apart { one, other, of } => {
            edit(ctx, |index| index.tell_apart(&one, &other, of.name()))
        }
        PeopleCommand::Split { person, faces, of } => {
            edit(ctx, |index| index.split_person_in(&person, of.name(), &faces))
        }
        PeopleCommand::Hide { person, of } => {
            edit(ctx, |index| index.hide_person_in(&person, of.name(), true))
        }
        PeopleCommand::Unhide { person, of } => {
            edit(ctx, |index| index.hide_person_in(&person, of.name(), false))
        }
        PeopleCommand::Cover { person, face, of } => {
            edit(ctx, |index| index.set_cover_in(&person, of.name(), face))
        }
        PeopleCommand::Ask { of, limit } => {
            let index = ctx.open_read()?;
            let questions = index.questions(of.list(ctx, &index)?.as_deref(), limit)?;
            ctx.print(&questions, |questions| {
                if questions.is_empty() {
                    say("No questions.");
                }
                questions.iter().for_each(print_question);
            });
            Ok(())
        }
        PeopleCommand::Answer { question, answer } => {
            edit(ctx, |index| index.answer(&question, answer.into()))
        }
        PeopleCommand::Suggest { of, limit } => {
            let index = ctx.open_read()?;
            let found = index.suggest_people(of.list(ctx, &index)?.as_deref(), limit)?;
            ctx.print(&found, |found| {
                for m in &found.merges {
                    let (a, b) = (m.a_name.as_ref().unwrap_or(&m.a), m.b_name.as_ref().unwrap_or(&m.b));
                    say(format_args!(
                        "{a} and {b} may be one person (similarity {:.2}, of {:.2})",
                        m.similarity, m.required
                    ));
                }
                for p in &found.unnamed {
                    let photo = p.photo.as_deref().unwrap_or("-");
                    say(format_args!("{} has no name and is in {} photo(s)  {photo}", p.id, p.items));
                }
            });
            Ok(())
        }
        PeopleCommand::Edits { of, limit } => {
            let index = ctx.open_read()?;
            let edits = index.people_edits(of.list(ctx, &index)?.as_deref(), limit)?;
            ctx.print(&edits, |edits| edits.iter().for_each(print_edit));
            Ok(())
        }
        PeopleCommand::Undo { edit: id } => edit(ctx, |index| index.undo_people_edit(id, None)),
    }
}

/// Prompts on the terminal for the name of a person.
fn ask_name(ctx: &Context, person: &str) -> Result<String, Refusal> {
    if ctx.global.json || !std::io::stdin().is_terminal() {
        return Err(Refusal::new(
            USAGE,
            "there is no name: give one, or --remove-name to take the name away",
        ));
    }
    let unread = |e: std::io::Error| Refusal::new(USAGE, format_args!("the name cannot be read: {e}"));
    let mut out = std::io::stderr();
    write!(out, "Name of {person}: ").and_then(|()| out.flush()).map_err(unread)?;
    let mut name = String::new();
    std::io::stdin().lock().read_line(&mut name).map_err(unread)?;
    match name.trim() {
        "" => Err(Refusal::new(USAGE, "no name was given: nothing is changed")),
        name => Ok(name.to_owned()),
    }
}

fn show(ctx: &Context, name: &str, space: Option<&str>, list: FaceList) -> Result<(), Refusal> {
    let PersonAndFaces { person, faces } = ctx.open_read()?.person_in(name, space, list)?;
    if person.hidden {
        // A notice until the next release; before, this unhid a person.
        complain(&format!(
            "{} is hidden and stays so: `albumen people unhide {}` takes it back into lists (`show` no longer does)",
            person.name.as_ref().unwrap_or(&person.id),
            person.id
        ));
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
    let photo = p.photo.as_deref().unwrap_or("-");
    say(format_args!(
        "{}  {name}  {} photo(s), {} face(s), space {}{hidden}  {photo}",
        p.id, p.items, p.faces, p.space
    ));
}

fn print_question(q: &Question) {
    say(format_args!("{}  {}", q.question, q.text));
    let side = |s: &Side| {
        let who = s.name.as_ref().or(s.person.as_ref()).map_or(String::new(), |who| format!("{who}  "));
        let items = s.items.map_or(String::new(), |n| format!("{n} photo(s)  "));
        say(format_args!("    {who}{items}face {}  {}", s.face, s.path));
    };
    side(&q.a);
    side(&q.b);
    for a in &q.answers {
        say(format_args!("    {}: {}", a.answer.name().replace('_', "-"), a.command));
    }
}

fn print_edit(e: &EditLine) {
    let after = e.after.map_or(String::new(), |later| format!("; undo edit {later} first"));
    say(format_args!("{}  {}  space {}  {}{after}", e.edit, e.at, e.space, e.words));
}

pub(crate) fn print_face(f: &FaceLine) {
    let who = match (&f.name, &f.person, f.mark.as_deref()) {
        (_, _, Some("no_face")) => "no face",
        (_, _, Some(_)) => "unknown person",
        (Some(name), ..) => name,
        (None, Some(id), _) => id,
        (None, None, _) => "-",
    };
    let how = f.how.as_ref().map_or(String::new(), |how| format!(" ({how})"));
    let lost = if f.lost && f.mark.is_none() { ", lost" } else { "" };
    let nearest = f.candidate.as_ref().map_or(String::new(), |c| {
        let who = c.name.as_ref().unwrap_or(&c.person);
        format!(", nearest {who} {:.2} of {:.2}", c.similarity, c.required)
    });
    let [x, y, w, h] = f.area;
    say(format_args!(
        "{}  {who}{how}{lost}  quality {:.2}, box {x:.3} {y:.3} {w:.3} {h:.3}{nearest}  {}",
        f.id, f.quality, f.path
    ));
}

/// Makes an edit and prints its effect.
pub(crate) fn edit(
    ctx: &Context,
    change: impl FnOnce(&mut Editor) -> Result<EditDone, EditError>,
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
        let left = match done.left.len() {
            0 => String::new(),
            n => format!("; {n} face(s) left"),
        };
        say(format_args!("Edit {}: {}{joined}{left}", done.edit, done.words));
    });
    Ok(())
}

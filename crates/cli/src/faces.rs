//! `albumen faces`: the faces behind the people, why each is where it is, and corrections.

use super::answer::Refusal;
use super::people::{edit, print_face};
use super::{Context, items_named, say};
use albumen_index::people::Why;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Without one: list
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The faces of a photo, of a person, or those that have no person
    List {
        /// A photo or video
        #[arg(conflicts_with = "person")]
        file: Option<PathBuf>,
        /// Only this person's
        #[arg(long)]
        person: Option<String>,
    },
    /// Why a face is taken for whom it is: exemplars, distance, threshold, constraints
    Why { face: i64 },
    /// "This is ...": a person by id or name; a new name makes a new person
    Assign { face: i64, person: String },
    /// "This is not ...": the person it is taken for, or another
    Reject { face: i64, person: Option<String> },
}

pub fn run(args: Args, ctx: &Context) -> Result<(), Refusal> {
    match args.what.unwrap_or(What::List { file: None, person: None }) {
        What::List { file, person } => {
            let index = ctx.open_read()?;
            let faces = match (file, &person) {
                (Some(file), _) => index.faces_of(items_named(&index, &[file])?[0])?,
                (None, Some(person)) => index.person(person)?.1,
                (None, None) => index.waiting_faces(None)?,
            };
            ctx.print(&faces, |faces| faces.iter().for_each(print_face));
            Ok(())
        }
        What::Why { face } => {
            ctx.print(&ctx.open_read()?.why_face(face)?, print_why);
            Ok(())
        }
        What::Assign { face, person } => edit(ctx, |index| index.assign_face(face, &person)),
        What::Reject { face, person } => edit(ctx, |index| index.reject_face(face, person.as_deref())),
    }
}

fn print_why(why: &Why) {
    print_face(&why.face);
    if let (Some(similarity), Some(required)) = (why.similarity, why.required) {
        say(format_args!("joined with similarity {similarity:.3}, where {required:.3} was required"));
    }
    for constraint in &why.constraints {
        say(constraint);
    }
    for c in &why.candidates {
        let who = c.name.as_ref().unwrap_or(&c.person);
        say(format_args!(
            "{who}: similarity {:.3} (distance {:.3}), required {:.3}",
            c.similarity, c.distance, c.required
        ));
        for e in &c.exemplars {
            say(format_args!("    like face {} ({:.3})  {}", e.face, e.similarity, e.path));
        }
    }
}

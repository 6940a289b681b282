//! `albumen faces`: the faces of people, why each is assigned, and corrections.

use super::answer::Refusal;
use super::people::{edit, print_face};
use super::{Context, complain, items_named, say};
use albumen_index::people::{FaceList, Mark, Why};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct FacesArgs {
    /// Without a subcommand: list --waiting
    #[command(subcommand)]
    what: Option<FacesCommand>,
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    /// A photo or video
    #[arg(conflicts_with_all = ["person", "waiting"])]
    file: Option<PathBuf>,
    /// Only faces of this person
    #[arg(long, conflicts_with = "waiting")]
    person: Option<String>,
    /// Faces without a person, each with the nearest person
    #[arg(long)]
    waiting: bool,
    /// Only in this space
    #[arg(long, value_name = "NAME")]
    space: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Also faces that the latest detection did not find, and those marked as not a face
    #[arg(long)]
    lost: bool,
}

#[derive(Debug, Subcommand)]
enum FacesCommand {
    /// List the faces of a photo, of a person, or (--waiting) those without a person
    List(ListArgs),
    /// Show why a face is assigned to its person: verdict, exemplars, distance, threshold, constraints
    Why { face: i64 },
    /// Assign a face to a person by id or name; a new name creates a person
    Assign {
        face: i64,
        person: String,
        /// The other face of the photo that is assigned to the person is right, too (mirror, collage, photo
        /// of a photo)
        #[arg(long)]
        also: bool,
    },
    /// Reject the person that a face is assigned to, or another one
    Reject { face: i64, person: Option<String> },
    /// Mark a detection as not a face
    #[command(visible_alias = "no-face")]
    NotAFace { face: i64 },
    /// Ignore a face: a stranger, not asked about again
    #[command(visible_alias = "nobody")]
    Ignore { face: i64 },
    /// Undo `not-a-face` or `ignore`
    Known { face: i64 },
}

pub(crate) fn run(args: FacesArgs, ctx: &Context) -> Result<(), Refusal> {
    match args.what.unwrap_or(FacesCommand::List(ListArgs { waiting: true, ..ListArgs::default() })) {
        FacesCommand::List(args) => list(args, ctx),
        FacesCommand::Why { face } => {
            ctx.print(&ctx.open_read()?.why_face(face)?, print_why);
            Ok(())
        }
        FacesCommand::Assign { face, person, also } => {
            edit(ctx, |index| index.assign_face_also(face, &person, also))
        }
        FacesCommand::Reject { face, person } => {
            edit(ctx, |index| index.reject_face(face, person.as_deref()))
        }
        FacesCommand::NotAFace { face } => edit(ctx, |index| index.mark_face(face, Some(Mark::NoFace))),
        FacesCommand::Ignore { face } => edit(ctx, |index| index.mark_face(face, Some(Mark::Unknown))),
        FacesCommand::Known { face } => edit(ctx, |index| index.mark_face(face, None)),
    }
}

fn list(args: ListArgs, ctx: &Context) -> Result<(), Refusal> {
    let ListArgs { file, person, waiting, space, limit, lost } = args;
    let index = ctx.open_read()?;
    let spaces: Vec<String> = space.iter().cloned().collect();
    ctx.spaces_named(&index, &spaces)?;
    let list = FaceList { lost, limit };
    let faces = match (file, &person) {
        (Some(file), _) => index.faces_of(items_named(&index, &[file])?[0], list)?,
        (None, Some(person)) => index.person_in(person, space.as_deref(), list)?.faces,
        (None, None) => {
            if !waiting {
                // A notice until the next release.
                complain(
                    &"faces list: give --waiting for the faces that have no person; without it, FILE or --person will be needed",
                );
            }
            index.waiting_faces(Some(spaces.as_slice()).filter(|s| !s.is_empty()), limit)?
        }
    };
    ctx.print(&faces, |faces| faces.iter().for_each(print_face));
    Ok(())
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
    say(&why.verdict);
    for (answer, command) in [("right", &why.yes), ("wrong", &why.no)] {
        if let Some(command) = command {
            say(format_args!("    {answer}: {command}"));
        }
    }
}

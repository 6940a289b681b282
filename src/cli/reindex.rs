//! `albumen reindex --stage STAGE [PATH...]`: make that stage due again, then bring the index up to date.

use super::Context;
use crate::pipeline::run::Options;
use crate::pipeline::vocabulary::Stage;
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do again
    #[arg(long, value_enum)]
    stage: Which,
    /// Only these files and folders
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    limits: super::index::Limits,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Inspect,
    Render,
    Faces,
    Subjects,
    People,
    Places,
    All,
}

impl Which {
    fn stages(self) -> Vec<Stage> {
        match self {
            Which::Inspect => vec![Stage::Inspect],
            Which::Render => vec![Stage::Render],
            Which::Faces => vec![Stage::Faces],
            Which::Subjects => vec![Stage::Subjects],
            Which::People => vec![Stage::People],
            Which::Places => vec![Stage::Places],
            Which::All => Stage::ALL.to_vec(),
        }
    }
}

pub fn run(args: Args, ctx: &Context) -> ExitCode {
    let options = Options { paths: args.paths, again: args.stage.stages(), ..Options::default() };
    super::index::run_with(options, args.limits, ctx)
}

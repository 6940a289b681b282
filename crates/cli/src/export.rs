//! `albumen export`: every item, one JSON object per line, in order of path bytes.

use super::{Context, NO_START, answer, complain, output};
use albumen_index::Error as IndexError;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Only the items of this space
    #[arg(long)]
    space: Option<String>,
}

enum Stop {
    /// Writing the output failed.
    Output(io::Error),
    Index(IndexError),
}

impl From<IndexError> for Stop {
    fn from(e: IndexError) -> Stop {
        Stop::Index(e)
    }
}

pub(crate) fn run(args: ExportArgs, ctx: &Context) -> ExitCode {
    let index = match ctx.open_read() {
        Ok(i) => i,
        Err(code) => return code,
    };
    if let Err(refused) = ctx.spaces_named(&index, args.space.as_slice()) {
        return answer::ended(Err(refused));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let done = index.export(args.space.as_deref(), |view| {
        let line = serde_json::to_vec(&view).expect("a view is plain data");
        out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(Stop::Output)
    });
    let done = done.and_then(|()| out.flush().map_err(Stop::Output));
    // What is still buffered cannot be written.
    drop(out.into_parts());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Output(e)) => {
            output::failed(e);
            ExitCode::SUCCESS
        }
        Err(Stop::Index(e)) => {
            complain(&e.to_string());
            ExitCode::from(NO_START)
        }
    }
}

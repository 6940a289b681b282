//! `albumen bench [FOLDER]`: the cost of indexing on this machine, on request beside other programs.

use super::{Context, FAILED, NO_START, USAGE, complain, print_json, say};
use crate::benchmark::{self, BenchError, Case, Plan, growth, report};
use albumen_engine::config::values::{Bytes, Memory};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// The files to index; default: a generated mix
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Use only this many cores (by affinity)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    cores: Option<u16>,
    /// Limit on the memory of all processes together, such as 256M (64M at least)
    #[arg(long, value_name = "SIZE")]
    memory: Option<Memory>,
    /// Run in a memory cgroup of this size, if one can be created
    #[arg(long = "box", value_name = "SIZE")]
    box_memory: Option<Bytes>,
    /// Without faces and subjects
    #[arg(long)]
    no_recognise: bool,
    /// Run the three standard cases instead of these settings: 2 cores and 512 MB, 1 core and 256 MB without
    /// recognition, 4 cores and 2 GB
    #[arg(long, conflicts_with_all = ["cores", "memory", "box_memory", "no_recognise"])]
    case: bool,
    /// Run each case this many times; the run with the lowest CPU time counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Also run other programs on the same files, by the scripts in DIR
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "benches/peers")]
    peers: Option<PathBuf>,
    /// The number of files in the generated mix
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    files: u32,
    /// Measure instead how costs grow with the library, at each of these numbers of synthetic items
    #[arg(long, value_name = "ITEMS", num_args = 0.., value_delimiter = ',', default_missing_values = ["1000", "10000", "100000"])]
    growth: Option<Vec<u32>>,
    /// With --growth: generate the libraries in DIR and keep them; existing ones of this version are measured
    /// again
    #[arg(long, value_name = "DIR", requires = "growth")]
    keep: Option<PathBuf>,
    /// Write summary.json and summary.md to DATE-MACHINE/ in DIR
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "benches/runs")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: BenchArgs, ctx: &Context) -> ExitCode {
    let quiet = ctx.global.json;
    let tell = move |words: &str| {
        if !quiet {
            complain(&words);
        }
    };
    match benched(args, ctx, &tell) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&e);
            ExitCode::from(match e {
                BenchError::Usage(_) => USAGE,
                BenchError::Worker(_) | BenchError::Open(_) => NO_START,
                _ => FAILED,
            })
        }
    }
}

fn benched(args: BenchArgs, ctx: &Context, tell: &dyn Fn(&str)) -> Result<(), BenchError> {
    if let Some(sizes) = &args.growth {
        let grown = growth::run(sizes, args.keep.as_deref(), tell)?;
        if ctx.global.json {
            print_json(&grown)
        } else {
            say(growth::words(&grown))
        }
        if let Some(out) = &args.out {
            tell(&format!("written to {}", growth::write(&grown, out)?.display()));
        }
        return Ok(());
    }
    if let Some(folder) = args.folder.as_ref().filter(|f| !f.is_dir()) {
        return Err(BenchError::Usage(format!("{} is no folder", folder.display())));
    }
    let one = Case {
        name: "as-asked".to_owned(),
        cores: args.cores.map(usize::from),
        box_memory: args.box_memory.map(|b| b.0),
        memory: args.memory.map(Memory::bytes),
        recognise: !args.no_recognise,
    };
    let plan = Plan {
        folder: args.folder,
        cases: if args.case { Case::standard() } else { vec![one] },
        repeat: args.repeat.into(),
        peers: args.peers,
        generated: args.files,
    };
    let results = benchmark::run(&plan, tell)?;
    if ctx.global.json {
        print_json(&results)
    } else {
        say(report::words(&results))
    }
    if let Some(out) = &args.out {
        tell(&format!("written to {}", report::write(&results, out)?.display()));
    }
    Ok(())
}

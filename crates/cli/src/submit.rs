//! `albumen submit PATH...`: notifies the running service of new files, or indexes them itself.

use super::{Context, NO_START, complain, print_json, say};
use albumen_engine::pipeline::run::Options;
use albumen_engine::service::client;
use albumen_files::absolute;
use albumen_index::service_socket;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct SubmitArgs {
    /// Files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Return when all stages are done, including faces and subjects
    #[arg(long)]
    wait: bool,
    /// If no service answers, index the paths in this process
    #[arg(long)]
    or_run: bool,
    #[command(flatten, next_help_heading = "Where no service does it")]
    limits: super::index::Limits,
}

pub(crate) fn run(args: SubmitArgs, ctx: &Context) -> ExitCode {
    // The service of this index; a user without access to the index folder uses the socket of the config.
    let socket = service_socket(&ctx.index_dir()).unwrap_or_else(|| ctx.config.service.socket.clone());
    let socket = &socket;
    let paths: Vec<PathBuf> = args.paths.iter().map(|p| absolute(p)).collect();
    let body = serde_json::json!({ "priority": "upload", "wait": args.wait });
    let body = client::with_paths(body, &paths);
    match client::request(socket, "POST", "/v1/index", Some(&body)) {
        Ok((200 | 202, answer)) => {
            match ctx.global.json {
                true => print_json(&answer),
                false if answer["state"] == "done" => {
                    say("done");
                    if let Some(reason) = answer["reason"].as_str() {
                        complain(&reason);
                    }
                }
                false => say(format_args!("taken as job {}", answer["job"])),
            }
            ExitCode::SUCCESS
        }
        Ok((status, answer)) => super::refused(status, &answer),
        Err(_) if args.or_run => {
            let options = Options { paths: args.paths, ..Options::default() };
            super::index::run_with(options, args.limits, ctx)
        }
        Err(e) => {
            complain(&format!("{}, or use --or-run", client::unanswered(socket, &e)));
            ExitCode::from(NO_START)
        }
    }
}

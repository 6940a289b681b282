//! The worker and the recogniser: the only program that has codecs and ONNX Runtime. Started by `albumen`,
//! never by a person; it speaks the protocol of `albumen::worker::protocol` on the socket it inherits.

// Here and not in the library: the engine keeps libc's malloc.
#[cfg(target_env = "gnu")]
#[path = "../worker/interpose.rs"]
mod interpose;

use albumen::bench::{floor, mix};
use albumen::pipeline::vocabulary::Codecs;
use albumen::worker::serve;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|a| a.to_str().unwrap_or_default()).collect();
    let outcome = match words[..] {
        ["--version"] => {
            println!("albumen-worker {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        ["recogniser", _, threads] => {
            serve::recogniser(Path::new(&arguments[1]), threads.parse().unwrap_or(1))
        }
        // Two modes of `albumen bench`, which decode and encode and so have no place in the engine.
        [floor::MODE, _] => floor::work(Path::new(&arguments[1])).map(|worked| {
            println!("{}", serde_json::json!(worked));
        }),
        [mix::MODE, _, count] => {
            mix::pictures(Path::new(&arguments[1]), count.parse().unwrap_or(0)).map(|made| println!("{made}"))
        }
        // Whatever else it is: without the engine's socket it says what this program is.
        ["worker-all"] => serve::worker(Codecs::All),
        _ => serve::worker(Codecs::Own),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("albumen-worker: {why}");
            ExitCode::from(2)
        }
    }
}

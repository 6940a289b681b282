//! The worker and the recogniser: the only program with codecs and ONNX Runtime. Started by `albumen`, never
//! by users; it uses the protocol of `albumen_isolation::protocol` on the socket that it inherits.

// In the program and not in the library: the engine keeps libc's malloc.
#[cfg(target_env = "gnu")]
mod interpose;

use albumen_core::vocabulary::Codecs;
use albumen_isolation::modes;
use albumen_worker::bench::{floor, mix};
use albumen_worker::serve;
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
        [modes::FLOOR, _] => floor::work(Path::new(&arguments[1])).map(|worked| {
            println!("{}", serde_json::json!(worked));
        }),
        [modes::PICTURES, _, count] => {
            mix::pictures(Path::new(&arguments[1]), count.parse().unwrap_or(0)).map(|made| println!("{made}"))
        }
        // In other cases: without the engine's socket it prints what this program is.
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

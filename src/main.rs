//! The engine: parse the command line, call one function.

fn main() -> std::process::ExitCode {
    albumen::cli::main()
}

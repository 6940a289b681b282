//! The portal: parse the command line, call one function.

fn main() -> std::process::ExitCode {
    albumen_portal::cli::main()
}

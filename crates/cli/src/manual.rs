//! `albumen manual DIR`, not listed: writes the manual pages and the completions of shells, for a package.

use super::{Cli, NO_START, complain};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct ManualArgs {
    /// An existing folder
    dir: PathBuf,
}

pub(crate) fn run(args: ManualArgs) -> ExitCode {
    match write(&args.dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&format!("{} cannot be written: {e}", args.dir.display()));
            ExitCode::from(NO_START)
        }
    }
}

/// `albumen.1` and a page per command, `albumen.bash`, `_albumen` for zsh, `albumen.fish`.
fn write(dir: &Path) -> std::io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "albumen", dir)?;
    }
    clap_mangen::generate_to(Cli::command(), dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_command_has_a_page_and_is_completed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let (bash, zsh, fish) = (read("albumen.bash"), read("_albumen"), read("albumen.fish"));
        assert!(read("albumen.1").contains("\\-\\-index"));
        for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let name = command.get_name();
            assert!(read(&format!("albumen-{name}.1")).contains(name));
            assert!([&bash, &zsh, &fish].iter().all(|shell| shell.contains(name)), "{name}");
        }
        assert!(!dir.path().join("albumen-manual.1").exists());
    }
}

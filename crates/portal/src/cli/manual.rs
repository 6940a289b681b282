//! `albumen-portal manual DIR`, not listed: writes the manual pages and the completions of shells, for a package.

use super::{Cli, Done, Failure, NO_START};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct ManualArgs {
    /// An existing folder
    dir: PathBuf,
}

pub(super) fn run(args: &ManualArgs) -> Done {
    let fail = |e| Failure::new(NO_START, format_args!("{} cannot be written: {e}", args.dir.display()));
    write(&args.dir).map_err(fail)
}

fn write(dir: &Path) -> std::io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "albumen-portal", dir)?;
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
        let shells = [read("albumen-portal.bash"), read("_albumen-portal"), read("albumen-portal.fish")];
        assert!(read("albumen-portal.1").contains("\\-\\-config"));
        for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let name = command.get_name();
            assert!(read(&format!("albumen-portal-{name}.1")).contains(name));
            assert!(shells.iter().all(|shell| shell.contains(name)), "{name}");
        }
        assert!(!dir.path().join("albumen-portal-manual.1").exists());
    }
}

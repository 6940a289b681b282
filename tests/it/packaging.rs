//! The Debian package's scripts, in a folder of their own and with substitutes for programs that would change
//! this machine.

use crate::support::ROOT;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const CONFIG: &str = "etc/albumen/albumen.toml";

/// A root folder with a config, and programs that record their arguments. `overridden`: the administrator has
/// changed the mode of the config.
struct Root {
    dir: tempfile::TempDir,
}

impl Root {
    fn new(overridden: bool) -> Root {
        let dir = tempfile::tempdir().unwrap();
        let programs = dir.path().join("programs");
        std::fs::create_dir_all(dir.path().join("etc/albumen")).unwrap();
        std::fs::create_dir(&programs).unwrap();
        for name in ["getent", "useradd", "install", "chown", "systemctl", "dpkg-statoverride"] {
            let status = i32::from(name == "dpkg-statoverride" && !overridden);
            let script =
                format!("#!/bin/sh\necho {name} \"$@\" >>{}/calls\nexit {status}\n", dir.path().display());
            let path = programs.join(name);
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Root { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the script as dpkg does after unpacking; returns the recorded calls.
    fn configure(&self, before: &str) -> String {
        let script = Path::new(ROOT).join("packaging/postinst");
        let output = Command::new("/bin/sh")
            .arg(script)
            .args(["configure", before])
            .env("DPKG_ROOT", self.dir.path())
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("programs").display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(self.path("calls")).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }
}

fn write(path: &Path, mode: u32) {
    std::fs::write(path, "[service.http]\ntoken = \"secret\"\n").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn settings_are_for_root_and_the_service_alone() {
    // A new installation, and over versions that shipped it readable for all users.
    for (before, mode) in [("", 0o640), ("", 0o644), ("0.1.0", 0o644), ("0.1.0", 0o666), ("0.1.0", 0o600)] {
        let root = Root::new(false);
        write(&root.path(CONFIG), mode);
        let calls = root.configure(before);
        assert_eq!(root.mode(CONFIG), 0o640, "{before} {mode:o}");
        let owner = format!("chown root:albumen {}", root.path(CONFIG).display());
        assert!(calls.lines().any(|line| line == owner), "{calls}");
    }
}

#[test]
fn rights_that_the_administrator_chose_stay_and_no_link_is_followed() {
    let root = Root::new(true);
    write(&root.path(CONFIG), 0o600);
    assert!(!root.configure("").contains("chown"));
    assert_eq!(root.mode(CONFIG), 0o600);

    let root = Root::new(false);
    write(&root.path("elsewhere"), 0o600);
    symlink(root.path("elsewhere"), root.path(CONFIG)).unwrap();
    assert!(!root.configure("").contains("chown"));
    assert_eq!(root.mode("elsewhere"), 0o600);

    // Removed on purpose: that is not an error.
    let root = Root::new(false);
    assert!(!root.configure("").contains("chown"));
}

//! Creates the folder of an account below folders that belong to other users.
//!
//! Each component is opened from its parent without following symbolic links: a user's link in a home folder
//! cannot redirect the new folder elsewhere.

use rustix::fs::{Gid, Mode, OFlags, ResolveFlags, Uid, fchmod, fchown, fstat, mkdirat, openat2};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

/// Creates the missing components of an absolute path, each with the owner, group and mode of its parent.
/// Returns whether any was missing. All but the last two components must exist, so that nothing is created
/// below the mount point of an unmounted volume.
pub(super) fn create(path: &Path) -> std::io::Result<bool> {
    let names: Vec<&OsStr> = path
        .components()
        .filter_map(|c| if let Component::Normal(name) = c { Some(name) } else { None })
        .collect();
    let mut dir = open(rustix::fs::CWD, OsStr::new("/"), ResolveFlags::empty())?;
    let mut made = false;
    for (i, name) in names.iter().enumerate() {
        match open(&dir, name, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS) {
            Ok(next) => dir = next,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && i + 2 >= names.len() => {
                dir = make(&dir, name)?;
                made = true;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(made)
}

fn open(dir: impl std::os::fd::AsFd, name: &OsStr, resolve: ResolveFlags) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat2(dir, name, flags, Mode::empty(), resolve)?)
}

fn make(dir: &OwnedFd, name: &OsStr) -> std::io::Result<OwnedFd> {
    let above = fstat(dir)?;
    mkdirat(dir, name, Mode::RWXU)?;
    let made = open(dir, name, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)?;
    fchown(&made, Some(Uid::from_raw(above.st_uid)), Some(Gid::from_raw(above.st_gid)))?;
    fchmod(&made, Mode::from_raw_mode(above.st_mode & 0o7777))?;
    rustix::fs::fsync(dir)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_folder_gets_owner_and_mode_of_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        let homes = dir.path().join("homes");
        std::fs::create_dir(&homes).unwrap();
        std::fs::set_permissions(&homes, std::fs::Permissions::from_mode(0o2750)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&homes, Some(1234), Some(2345)).unwrap();
        }
        let above = std::fs::metadata(&homes).unwrap();
        let photos = homes.join("anna/Photos");
        assert!(create(&photos).unwrap());
        for made in [homes.join("anna"), photos.clone()] {
            let m = std::fs::metadata(made).unwrap();
            assert_eq!((m.uid(), m.gid(), m.mode()), (above.uid(), above.gid(), above.mode()));
        }
        assert!(!create(&photos).unwrap());
    }

    #[test]
    fn no_link_is_followed_and_no_volume_is_made_up() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("elsewhere")).unwrap();
        std::fs::create_dir(dir.path().join("homes")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("homes/anna")).unwrap();
        create(&dir.path().join("homes/anna/Photos")).unwrap_err();
        assert!(!dir.path().join("elsewhere/Photos").exists());
        create(&dir.path().join("volume9/homes/anna/Photos")).unwrap_err();
        assert!(!dir.path().join("volume9").exists());
    }
}

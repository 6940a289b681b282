//! File systems: mounts, their kinds, and their reliability.
//!
//! Invariant: a file system's id is its UUID, else its `f_fsid`, else its source, never the raw device number, which
//! changes from boot to boot.

use albumen_core::fault::is_shortage;
use rustix::fd::AsFd;
use rustix::fs::{FileType, StatFs};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Device number as in `st_dev`: major, minor.
    pub device: (u32, u32),
    pub at: PathBuf,
    /// `ext4`, `nfs4`, `fuse.sshfs`, ...
    pub fs_type: String,
    /// `/dev/sda1`, `server:/export`, `//server/share`, ...
    pub source: Vec<u8>,
}

/// All mounts, as the kernel lists them.
#[derive(Debug, Clone, Default)]
pub struct MountTable(Vec<Mount>);

/// Network file systems by the name of their driver; inotify sees no change that another machine makes.
const NETWORK_TYPES: [&str; 16] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "virtiofs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "ncpfs",
    "coda",
    "davfs",
    "beegfs",
    "ocfs2",
];
/// Drivers in user space that access a network.
const NETWORK_FUSE: [&str; 8] =
    ["sshfs", "glusterfs", "rclone", "s3fs", "davfs2", "ceph", "gvfsd-fuse", "curlftpfs"];

impl MountTable {
    /// Reads the kernel's table; empty if there is none or it cannot be read.
    pub fn read() -> MountTable {
        MountTable::try_read().unwrap_or_default()
    }

    /// Reads the kernel's table; empty if there is none. For comparing file systems: one whose mount is not found
    /// because of a shortage of descriptors would look like another one.
    pub fn try_read() -> std::io::Result<MountTable> {
        match std::fs::read("/proc/self/mountinfo") {
            Ok(table) => Ok(MountTable::parse(&table)),
            Err(e) if is_shortage(&e) => Err(e),
            Err(_) => Ok(MountTable::default()),
        }
    }

    /// Lines that do not match `man 5 proc` are skipped.
    pub fn parse(table: &[u8]) -> MountTable {
        MountTable(table.split(|b| *b == b'\n').filter_map(parse_line).collect())
    }

    /// The mount that contains an absolute path without links. Of several at one place the last one covers the
    /// others.
    pub fn holding(&self, path: &Path) -> Option<&Mount> {
        self.0.iter().filter(|m| path.starts_with(&m.at)).max_by_key(|m| m.at.components().count())
    }

    /// Whether exactly this path is a mount point.
    pub fn is_mount_point(&self, path: &Path) -> bool {
        self.0.iter().any(|m| m.at == path)
    }

    /// The mount points below a folder (an absolute path without links), relative to it.
    pub fn inside<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.0
            .iter()
            .filter_map(move |m| m.at.strip_prefix(folder).ok())
            .filter(|rest| *rest != Path::new(""))
    }

    /// The places that were mounted or unmounted between the two tables.
    pub fn differences<'a>(&'a self, before: &'a MountTable) -> impl Iterator<Item = &'a Path> {
        let new = self.0.iter().filter(|m| !before.0.contains(m));
        let gone = before.0.iter().filter(|m| !self.0.contains(m));
        new.chain(gone).map(|m| m.at.as_path())
    }

    /// Whether a place is mounted on access and unmounted when idle (autofs, and systemd's automount units). An
    /// unmount is then not evidence, and checking it would mount it again.
    pub fn is_mounted_on_demand(&self, path: &Path) -> bool {
        self.0.iter().any(|m| m.is_only_awaited() && path.starts_with(&m.at))
    }

    fn of_device(&self, device: (u32, u32)) -> Option<&Mount> {
        self.0.iter().find(|m| m.device == device)
    }
}

impl Mount {
    /// Whether it represents a mount that appears on access.
    pub fn is_only_awaited(&self) -> bool {
        self.fs_type == "autofs"
    }

    /// Whether a call on it may hang: it is served over a network, or by a program.
    pub fn may_hang(&self) -> bool {
        self.is_network() || self.is_only_awaited() || self.fs_type.starts_with("fuse")
    }

    /// Whether another machine may change it without notice: it must be polled, not watched.
    pub fn is_network(&self) -> bool {
        match self.fs_type.strip_prefix("fuse.") {
            Some(driver) => NETWORK_FUSE.contains(&driver),
            None => NETWORK_TYPES.contains(&self.fs_type.as_str()),
        }
    }
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    let mut fields = line.split(|b| *b == b' ');
    let device = std::str::from_utf8(fields.nth(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let at = unescape(fields.nth(1)?);
    let mut rest = fields.skip_while(|f| *f != b"-").skip(1);
    Some(Mount {
        device: (major.parse().ok()?, minor.parse().ok()?),
        at: PathBuf::from(OsStr::from_bytes(&at)),
        fs_type: String::from_utf8_lossy(rest.next()?).into_owned(),
        source: unescape(rest.next()?),
    })
}

/// The kernel writes space, tab, newline and backslash as `\040` and similar.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = (byte == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(value) => {
                out.push(value);
                rest = &tail[3..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

/// A file system's identity in 64 bits: the first eight bytes of the BLAKE3 of the input of [`FsInfo::id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FsId(pub i64);

/// The properties of the file system of an open folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsInfo {
    /// From `/dev/disk/by-uuid`, if the machine has it.
    pub uuid: Option<String>,
    /// `f_fsid` in hexadecimal, unless it is zero.
    pub fsid: Option<String>,
    /// The mounted source, for messages and for file systems without another name.
    pub source: Option<String>,
    /// `f_type`.
    pub magic: u64,
}

// `f_type` values from `man 2 statfs` and the kernel's magic.h.
const MSDOS: u64 = 0x4d44;
const EXFAT: u64 = 0x2011_bab0;
const FUSE: u64 = 0x6573_5546;
const NFS: u64 = 0x6969;
const SMB: u64 = 0x517b;
const CIFS: u64 = 0xff53_4d42;
const SMB2: u64 = 0xfe53_4d42;
const V9FS: u64 = 0x0102_1997;
/// proc, sysfs, cgroup, cgroup2, devpts, debugfs, tracefs, securityfs, bpf, configfs, selinuxfs: they contain no
/// photos.
const PSEUDO: [u64; 11] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x1cd1,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x6265_6570,
    0xf97c_ff8c,
];

impl FsInfo {
    /// Reads the properties of the file system of an open file or folder.
    pub fn of(fd: impl AsFd, mounts: &MountTable) -> rustix::io::Result<FsInfo> {
        let statfs = rustix::fs::fstatfs(&fd)?;
        let stat = rustix::fs::fstat(&fd)?;
        let device = (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
        let mount = mounts.of_device(device);
        // btrfs gives each subvolume a device number without a device; the source has the real one.
        let source_device = mount
            .and_then(|m| rustix::fs::stat(OsStr::from_bytes(&m.source)).ok())
            .filter(|s| FileType::from_raw_mode(s.st_mode) == FileType::BlockDevice)
            .map(|s| s.st_rdev);
        let fsid = rustix::fs::fstatvfs(&fd)?.f_fsid;
        Ok(FsInfo {
            uuid: uuid_of(source_device.unwrap_or(stat.st_dev))?,
            fsid: (fsid != 0).then(|| format!("{fsid:016x}")),
            source: mount.map(|m| format!("{}:{}", m.fs_type, String::from_utf8_lossy(&m.source))),
            magic: magic(&statfs),
        })
    }

    /// The identity that is stored in each file row.
    pub fn id(&self) -> FsId {
        // A btrfs has one UUID, and an f_fsid for each subvolume, whose inodes are numbered separately: both are
        // included. XFS computes its f_fsid from the device number, so it is included for btrfs only.
        const BTRFS: u64 = 0x9123_683e;
        let name = match (&self.uuid, &self.fsid, &self.source) {
            (Some(uuid), Some(fsid), _) if self.magic == BTRFS => format!("uuid:{uuid}:{fsid}"),
            (Some(uuid), _, _) => format!("uuid:{uuid}"),
            (None, Some(fsid), _) => format!("fsid:{fsid}"),
            (None, None, Some(source)) => format!("source:{source}"),
            (None, None, None) => format!("type:{:x}", self.magic),
        };
        let digest = blake3::hash(name.as_bytes());
        FsId(digest.as_bytes().first_chunk().map_or(0, |b| i64::from_le_bytes(*b)))
    }

    /// Whether an inode number stays with its file. FAT and exFAT create it at mount time, FUSE and network drivers
    /// may.
    pub fn inodes_are_stable(&self) -> bool {
        !matches!(self.magic, MSDOS | EXFAT | FUSE | NFS | SMB | CIFS | SMB2 | V9FS)
    }

    /// Whether the kernel generates its contents.
    pub fn is_pseudo(&self) -> bool {
        PSEUDO.contains(&self.magic)
    }

    /// Whether it is unsuitable for an index: locks and `mmap` are not safe on NFS and SMB, nor on FUSE over a
    /// network (sshfs).
    pub fn refuses_index(&self) -> bool {
        let driver = || self.source.as_deref()?.split_once(':')?.0.strip_prefix("fuse.");
        matches!(self.magic, NFS | SMB | CIFS | SMB2)
            || (self.magic == FUSE && driver().is_some_and(|driver| NETWORK_FUSE.contains(&driver)))
    }

    /// For messages: `ext4:/dev/sda1`, or the UUID.
    pub fn in_words(&self) -> String {
        let parts: Vec<&str> = [&self.source, &self.uuid].into_iter().filter_map(|p| p.as_deref()).collect();
        if parts.is_empty() { "a file system without a name".to_owned() } else { parts.join(", UUID ") }
    }
}

/// `f_type` is signed or unsigned and 32 or 64 bits wide, depending on the machine; the magic numbers are 32 bits.
fn magic(statfs: &StatFs) -> u64 {
    statfs.f_type as u64 & 0xffff_ffff
}

/// The UUID under which udev lists a block device. An error: the list could not be read because of a shortage.
fn uuid_of(device: u64) -> rustix::io::Result<Option<String>> {
    let list = match std::fs::read_dir("/dev/disk/by-uuid") {
        Ok(list) => list,
        Err(e) if is_shortage(&e) => {
            return Err(rustix::io::Errno::from_io_error(&e).unwrap_or(rustix::io::Errno::IO));
        }
        Err(_) => return Ok(None),
    };
    Ok(list.flatten().find_map(|link| {
        let stat = rustix::fs::stat(link.path()).ok()?;
        (stat.st_rdev == device).then(|| link.file_name().to_string_lossy().into_owned())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &[u8] = b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        40 27 0:50 / /mnt/my\\040photos rw shared:7 master:1 - nfs4 nas:/photo rw,vers=4.2\n\
        41 27 0:51 / /mnt/far rw - fuse.sshfs me@box: rw\n\
        42 27 0:52 / /mnt/auto rw - autofs systemd-1 rw,fd=51\n\
        43 42 8:17 / /mnt/auto rw - ext4 /dev/sdb1 rw\n\
        nonsense\n";

    #[test]
    fn an_index_is_not_put_on_the_network() {
        let refuses = |magic, source: &str| {
            FsInfo { uuid: None, fsid: None, source: Some(source.to_owned()), magic }.refuses_index()
        };
        for driver in NETWORK_FUSE {
            assert!(refuses(FUSE, &format!("fuse.{driver}:me@box:/photos")), "{driver}");
        }
        assert!(refuses(NFS, "nfs4:box:/photos") && refuses(SMB2, "cifs://box/photos"));
        // Disks whose driver is in FUSE.
        assert!(!refuses(FUSE, "fuseblk:/dev/sdb1") && !refuses(FUSE, "fuse.mergerfs:/a:/b"));
    }

    #[test]
    fn mountinfo_is_read() {
        let table = MountTable::parse(TABLE);
        assert!(table.is_mounted_on_demand(Path::new("/mnt/auto/2019")));
        assert!(!table.is_mounted_on_demand(Path::new("/mnt/my photos")));
        let nfs = table.holding(Path::new("/mnt/my photos/2019")).unwrap();
        assert_eq!(
            (nfs.device, nfs.fs_type.as_str(), nfs.source.as_slice()),
            ((0, 50), "nfs4", &b"nas:/photo"[..])
        );
        assert!(nfs.is_network());
        assert!(table.holding(Path::new("/mnt/far")).unwrap().is_network());
        let root = table.holding(Path::new("/mnt/my photos too")).unwrap();
        assert_eq!(root.at, Path::new("/"));
        assert!(!root.is_network());
        assert!(table.is_mount_point(Path::new("/mnt/far")) && !table.is_mount_point(Path::new("/mnt")));
    }

    #[test]
    fn identity_is_the_uuid_and_not_the_device() {
        let ext4 = |uuid: Option<&str>, fsid: &str| FsInfo {
            uuid: uuid.map(str::to_owned),
            fsid: Some(fsid.to_owned()),
            source: Some("ext4:/dev/sda1".to_owned()),
            magic: 0xef53,
        };
        assert_eq!(ext4(Some("u"), "1").id(), ext4(Some("u"), "2").id());
        assert_ne!(ext4(None, "1").id(), ext4(None, "2").id());
        let btrfs = |fsid: &str| FsInfo { magic: 0x9123_683e, ..ext4(Some("u"), fsid) };
        assert_ne!(btrfs("1").id(), btrfs("2").id());
    }

    proptest! {
        #[test]
        fn any_table_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            MountTable::parse(&bytes);
        }
    }
}

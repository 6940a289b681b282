//! The socket between the engine and a worker: whole messages of at most [`MESSAGE_LIMIT`] bytes, with open files
//! beside them, and sealed memory for what is longer.
//!
//! A `SOCK_SEQPACKET` pair keeps message borders, so neither side ever parses a length to find the next message,
//! and an end of file is the other side's death. What the messages mean is said in [`super::protocol`].

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Bytes. A request carries file names (at most 255 bytes each) and a folder path (at most 4096 bytes), which
/// JSON writes as up to four characters a byte; Linux's default socket buffer (208 KiB) holds a whole message.
pub const MESSAGE_LIMIT: usize = 64 * 1024;

/// Open files that go with one message: the primary and its sidecars.
pub const FILES_LIMIT: usize = 17;

/// One message as it arrived.
#[derive(Debug)]
pub struct Message {
    pub bytes: Vec<u8>,
    pub files: Vec<OwnedFd>,
}

/// Both ends, closed on exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends one message. A dead other side is `BrokenPipe`, never a signal.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    if bytes.len() > MESSAGE_LIMIT || files.len() > FILES_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_LIMIT))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(files));
    }
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(n) if n == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// The next message, waiting for it. `None` is the end: the other side is gone.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_LIMIT))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = vec![0; MESSAGE_LIMIT];
    let got = loop {
        let into = &mut [IoSliceMut::new(&mut bytes)];
        match rustix::net::recvmsg(socket, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            // A socket that dies with unread messages in it says so once.
            Err(Errno::CONNRESET) => return Ok(None),
            other => break other?,
        }
    };
    let mut files = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights);
        }
    }
    // The kernel leaves out the files for which this process has no descriptor left. More files than are allowed are cut,
    // too, and then as many as are allowed have come.
    if got.flags.contains(ReturnFlags::CTRUNC)
        && !got.flags.contains(ReturnFlags::TRUNC)
        && files.len() < FILES_LIMIT
    {
        return Err(Errno::MFILE.into());
    }
    if got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message too long"));
    }
    if got.bytes == 0 {
        return Ok(None);
    }
    bytes.truncate(got.bytes);
    Ok(Some(Message { bytes, files }))
}

/// Waits until a message (or the end) can be received, at most `wait`. False: nothing yet.
pub fn wait(socket: BorrowedFd<'_>, wait: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&timeout)) {
        Ok(n) => Ok(n > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Memory with these parts in it, one after the other, which nobody can change any more.
pub fn sealed_memory(parts: &[&[u8]]) -> io::Result<OwnedFd> {
    let memory = rustix::fs::memfd_create("albumen-reply", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let file = File::from(memory);
    let mut at = 0;
    for part in parts {
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    rustix::fs::fcntl_add_seals(file.as_fd(), SEALS)?;
    Ok(file.into())
}

/// What the engine demands of memory that it reads.
pub const SEALS: SealFlags =
    SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// The memory behind `fd`, where it is sealed and exactly `len` bytes long.
pub fn open_sealed(fd: OwnedFd, len: u64) -> io::Result<File> {
    let nonsense = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    // Asking for seals fails on anything that is no memfd, so a pipe or a device cannot stand in for one.
    let seals =
        rustix::fs::fcntl_get_seals(&fd).map_err(|_| nonsense("the reply's memory is no memory file"))?;
    if !seals.contains(SEALS) {
        return Err(nonsense("the reply's memory is not sealed"));
    }
    let file = File::from(fd);
    if file.metadata()?.len() != len {
        return Err(nonsense("the reply's memory has another size than was said"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_whole_with_its_files() {
        let (a, b) = pair().unwrap();
        let memory = sealed_memory(&[b"hello ", b"you"]).unwrap();
        send(a.as_fd(), b"look", &[memory.as_fd()]).unwrap();
        send(a.as_fd(), b"again", &[]).unwrap();
        let first = receive(b.as_fd()).unwrap().unwrap();
        assert_eq!(first.bytes, b"look");
        let file = open_sealed(first.files.into_iter().next().unwrap(), 9).unwrap();
        let mut text = [0; 9];
        file.read_exact_at(&mut text, 0).unwrap();
        assert_eq!(&text, b"hello you");
        assert_eq!(receive(b.as_fd()).unwrap().unwrap().bytes, b"again");
        assert!(!wait(b.as_fd(), Duration::from_millis(1)).unwrap());
        drop(a);
        assert!(wait(b.as_fd(), Duration::from_secs(1)).unwrap());
        assert!(receive(b.as_fd()).unwrap().is_none());
        assert_eq!(send(b.as_fd(), b"x", &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    /// In a process of its own, since the limit holds for all threads.
    #[test]
    fn a_message_that_is_cut_for_want_of_descriptors_says_so() {
        const CHILD: &str = "ALBUMEN_TEST_WITHOUT_DESCRIPTORS";
        if std::env::var_os(CHILD).is_none() {
            let name = "worker::wire::tests::a_message_that_is_cut_for_want_of_descriptors_says_so";
            let test = std::env::current_exe().unwrap();
            let out = std::process::Command::new(test).args(["--exact", name]).env(CHILD, "1").output();
            let out = out.unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
            return;
        }
        let (a, b) = pair().unwrap();
        let memory = sealed_memory(&[b"hello"]).unwrap();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        for left in 0..3 {
            let files = [memory.as_fd(), memory.as_fd(), memory.as_fd()];
            send(a.as_fd(), b"look", &files).unwrap();
            let next = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&memory.try_clone().unwrap())).unwrap();
            let tight = rustix::process::Rlimit { current: Some(next + left), ..limit };
            rustix::process::setrlimit(rustix::process::Resource::Nofile, tight).unwrap();
            let cut = receive(b.as_fd()).unwrap_err();
            rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
            assert_eq!(cut.raw_os_error(), Some(libc::EMFILE), "{left} left: {cut}");
        }
    }

    #[test]
    fn memory_that_could_still_change_is_refused() {
        let loose = rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert!(open_sealed(loose, 0).is_err());
        let sealed = sealed_memory(&[b"abc"]).unwrap();
        assert!(open_sealed(sealed.try_clone().unwrap(), 4).is_err());
        assert!(open_sealed(sealed.try_clone().unwrap(), 3).is_ok());
        assert!(File::from(sealed).write_all_at(b"x", 0).is_err());
        let (a, _b) = pair().unwrap();
        assert!(open_sealed(a, 0).is_err());
    }
}

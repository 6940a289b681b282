//! The socket between the engine and a worker: whole messages of at most [`MESSAGE_LIMIT`] bytes, with open files
//! beside them, and shared memory for a reply.
//!
//! A `SOCK_SEQPACKET` pair keeps message boundaries, so neither side parses a length to find the next message, and
//! end of file means that the other side has exited. [`super::protocol`] defines the messages.

use albumen_core::source::Source;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// Bytes. A request has file names (at most 255 bytes each) and a folder path (at most 4096 bytes), which JSON writes
/// as up to four characters per byte; Linux's default socket buffer (208 KiB) holds a whole message.
pub const MESSAGE_LIMIT: usize = 64 * 1024;

/// Open files sent with one message: the primary and its sidecars.
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

/// Sends one message. If the other side has exited, the error is `BrokenPipe`, never a signal.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_with(socket, bytes, files, SendFlags::NOSIGNAL)
}

/// The same, but a full socket returns `WouldBlock`: the other side does not read.
pub fn send_now(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    send_with(socket, bytes, &[], SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

fn send_with(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    files: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    if bytes.len() > MESSAGE_LIMIT || files.len() > FILES_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_LIMIT))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(files));
    }
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags) {
            Ok(n) if n == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Waits for the next message. `None` is the end: the other side has exited.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_LIMIT))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = vec![0; MESSAGE_LIMIT];
    let got = loop {
        let into = &mut [IoSliceMut::new(&mut bytes)];
        match rustix::net::recvmsg(socket, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            // A socket that closes with unread messages reports it once.
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
    // The kernel drops files for which this process has no descriptor left. Files beyond the limit are cut, too; then
    // the maximum number has arrived.
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

/// Waits at most `wait` until a message (or the end) can be received. False: nothing yet.
pub fn wait(socket: BorrowedFd<'_>, wait: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&timeout)) {
        Ok(n) => Ok(n > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Memory for one process's replies. The engine creates it, so that a process needs no call that creates files, and
/// it holds at most one reply: [`ReplyMemory::read`] empties it.⎏⎏The process can change it at any time. The engine
/// therefore reads each byte once, into its own memory, and checks this copy.
#[derive(Debug)]
pub struct ReplyMemory(Arc<File>);

impl ReplyMemory {
    pub fn new() -> io::Result<ReplyMemory> {
        let memory = rustix::fs::memfd_create("albumen-reply", MemfdFlags::CLOEXEC)?;
        Ok(ReplyMemory(Arc::new(File::from(memory))))
    }

    /// A descriptor for the process.
    pub fn for_process(&self) -> io::Result<OwnedFd> {
        Ok(self.0.try_clone()?.into())
    }

    /// Bytes of memory in use.
    pub fn held(&self) -> u64 {
        rustix::fs::fstat(&*self.0).map_or(0, |s| u64::try_from(s.st_blocks).unwrap_or(0) * 512)
    }

    /// Reads a reply of `len` bytes with `read`, and frees its memory.
    pub fn read<T>(&self, len: u64, read: impl FnOnce(&Source) -> T) -> io::Result<T> {
        let source = Source::from_shared(self.0.clone())?;
        let outcome = if source.len() == len {
            Ok(read(&source))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the reply has another size than was said"))
        };
        self.0.set_len(0)?;
        outcome
    }
}

/// The process's side: writes these parts one after the other, replacing the previous content.
pub fn write_reply(memory: BorrowedFd<'_>, parts: &[&[u8]]) -> io::Result<()> {
    let mut at = 0;
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            match rustix::io::pwrite(memory, rest, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    rest = &rest[n..];
                    at += n as u64;
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_message_arrives_whole_with_its_files() {
        let (a, b) = pair().unwrap();
        let memory = ReplyMemory::new().unwrap();
        let file = memory.for_process().unwrap();
        send(a.as_fd(), b"look", &[file.as_fd()]).unwrap();
        send(a.as_fd(), b"again", &[]).unwrap();
        let first = receive(b.as_fd()).unwrap().unwrap();
        assert_eq!((&first.bytes[..], first.files.len()), (&b"look"[..], 1));
        assert_eq!(receive(b.as_fd()).unwrap().unwrap().bytes, b"again");
        assert!(!wait(b.as_fd(), Duration::ZERO).unwrap());
        drop(a);
        assert!(wait(b.as_fd(), Duration::from_secs(1)).unwrap());
        assert!(receive(b.as_fd()).unwrap().is_none());
        assert_eq!(send(b.as_fd(), b"x", &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    /// In a separate process, because the limit applies to all threads.
    #[test]
    fn a_message_that_is_cut_for_want_of_descriptors_says_so() {
        const CHILD: &str = "ALBUMEN_TEST_WITHOUT_DESCRIPTORS";
        if std::env::var_os(CHILD).is_none() {
            let name = "wire::tests::a_message_that_is_cut_for_want_of_descriptors_says_so";
            let test = std::env::current_exe().unwrap();
            let out = std::process::Command::new(test).args(["--exact", name]).env(CHILD, "1").output();
            let out = out.unwrap();
            let says = String::from_utf8_lossy(&out.stdout);
            assert!(out.status.success() && says.contains("1 passed"), "{says}");
            return;
        }
        let (a, b) = pair().unwrap();
        let memory = ReplyMemory::new().unwrap().for_process().unwrap();
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
    fn a_reply_is_read_once_and_its_memory_given_back() {
        let memory = ReplyMemory::new().unwrap();
        let theirs = memory.for_process().unwrap();
        for parts in [&[&b"hello "[..], b"you"][..], &[b"short"], &[]] {
            write_reply(theirs.as_fd(), parts).unwrap();
            let all = parts.concat();
            let got = memory.read(all.len() as u64, |s| s.slice(0, all.len()).unwrap()).unwrap();
            assert_eq!(got, all);
            assert_eq!(memory.held(), 0);
        }
        write_reply(theirs.as_fd(), &[b"abc"]).unwrap();
        assert!(memory.held() > 0);
        assert!(memory.read(4, |_| ()).is_err(), "another length than was said");
        assert_eq!(memory.held(), 0);
    }

    #[test]
    fn a_socket_that_nobody_reads_does_not_hold_the_sender() {
        let (a, _b) = pair().unwrap();
        let full = (0..10_000).find_map(|_| send_now(a.as_fd(), &[0; 1000]).err());
        assert_eq!(full.unwrap().kind(), io::ErrorKind::WouldBlock);
    }
}

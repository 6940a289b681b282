//! Faults on command: a file that starts with [`MAGIC`] makes a worker crash, hang, exhaust memory or violate
//! the protocol. Only a worker that was started with `ALBUMEN_FAULTS` (by tests) checks for it; for any other
//! such a file has no known format.
#![allow(unsafe_code)]

use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    DerivativeName, Developed, Facts, Format, Kind, Pictures, Rendition, StageCpu,
};
use albumen_isolation::protocol::{Say, encode};
use albumen_isolation::sandbox::{ALLOWED, ALLOWED_IN_PART};
use albumen_isolation::wire;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

/// The start of such a file; the command follows, up to a line feed.
pub(crate) const MAGIC: &[u8] = b"ALBUMEN-FAULT:";

/// Prefix of a command: the fault applies to pictures only, and facts are returned.
const IN_RENDER: &[u8] = b"render-";

/// Executes the file's command; `None` for a file without a command.
pub(crate) fn inject(
    primary: &Source,
    renders: bool,
    engine: BorrowedFd<'_>,
) -> Option<Result<Developed, Fault>> {
    let head = primary.head(64).ok()?;
    let command = head.strip_prefix(MAGIC)?.split(|&b| b == b'\n').next()?;
    let command = match command.strip_prefix(IN_RENDER) {
        Some(_) if !renders => return Some(Ok(Developed { pictures: None, ..developed(Vec::new()) })),
        Some(command) => command,
        None => command,
    };
    match command {
        b"segfault" => {
            // SAFETY: none; the crash is intended by the test.
            unsafe { ptr::null_mut::<u8>().write_volatile(1) };
        }
        b"abort" => std::process::abort(),
        b"panic" => panic!("as commanded"),
        b"leave" => std::process::exit(3),
        b"loop" => loop {
            std::hint::spin_loop();
        },
        b"sleep" => std::thread::sleep(Duration::from_secs(3600)),
        b"hog" => hog(),
        b"hog-at-once" => drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 40))),
        b"garbage" => drop(wire::send(engine, b"\xff\x00 what?", &[])),
        b"greeting" => drop(wire::send(engine, br#"{"need":{"bytes":"many"}}"#, &[])),
        b"no-reply" => say(engine, &Say::Done { header: 10, body: 0 }, None),
        b"stray-file" => say(engine, &Say::Done { header: 0, body: 0 }, Some(io::stdin().as_fd())),
        b"lengths" => {
            let _ = wire::write_reply(io::stdout().as_fd(), &[b"{}"]);
            say(engine, &Say::Done { header: u64::MAX, body: 2 }, None);
        }
        b"fill-reply" => fill_reply(),
        b"map" => map(),
        b"ask" => loop {
            // Reads the answers, and sends requests without a pause.
            say(engine, &Say::Need { bytes: 1 }, None);
            if !matches!(wire::receive(engine), Ok(Some(_))) {
                break;
            }
        },
        b"ask-and-compute" => loop {
            let began = std::time::Instant::now();
            while began.elapsed() < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
            say(engine, &Say::Need { bytes: 1 }, None);
            if !matches!(wire::receive(engine), Ok(Some(_))) {
                break;
            }
        },
        b"ask-and-not-listen" => while wire::send(engine, &encode(&Say::Need { bytes: 1 }), &[]).is_ok() {},
        b"dimensions" => return Some(Ok(picture(100_000, 100_000))),
        b"no-jpeg" => return Some(Ok(picture(100, 100))),
        b"cancelled" => return Some(Err(Fault::Cancelled)),
        b"probe" => return Some(Ok(developed(probe()))),
        b"calls" => return Some(Ok(developed(calls()))),
        b"paths" => return Some(Ok(developed(paths()))),
        b"files" => return Some(Ok(developed(files()))),
        _ => return None,
    }
    // If nothing above has ended the process, the engine must stop it.
    std::thread::sleep(Duration::from_secs(3600));
    None
}

fn say(engine: BorrowedFd<'_>, say: &Say, memory: Option<BorrowedFd<'_>>) {
    let _ = wire::send(engine, &encode(say), memory.as_slice());
}

/// Allocates more and more memory, in pieces small enough for malloc's heap and large enough to be quick.
fn hog() {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![1; 64 << 10]);
        std::hint::black_box(&held);
    }
}

/// Allocates memory from the kernel directly, which no allocator counts.
fn map() {
    const PIECE: usize = 4 << 20;
    for _ in 0..128 {
        // SAFETY: a new anonymous mapping, written within its length if it exists.
        unsafe {
            let at = libc::mmap(
                ptr::null_mut(),
                PIECE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if at == libc::MAP_FAILED {
                break;
            }
            ptr::write_bytes(at.cast::<u8>(), 1, PIECE);
        }
    }
}

/// Fills the reply's memory as far as possible.
fn fill_reply() {
    // Below the kernel's limit, at which it ends the process.
    const MOST: u64 = 112 << 20;
    let piece = vec![1; 1 << 20];
    let mut at = 0;
    while at < MOST
        && let Ok(n) = rustix::io::pwrite(io::stdout(), &piece, at)
    {
        at += n as u64;
    }
}

/// Makes every system call that is on neither list, with arguments of no effect; returns those that were not
/// refused.
fn calls() -> Vec<String> {
    /// Beyond the last call of any kernel; processors with a second set of calls number it from a high bit
    /// on.
    const CALLS: libc::c_long = 1024;
    const SECOND_SET: libc::c_long = 0x4000_0000;
    /// Trampolines that the kernel makes for probes on x86-64: filters do not apply to them, and a process
    /// that calls them itself is ended.
    const TRAMPOLINES: [libc::c_long; 2] = [335, 336];
    let is_listed = |call| {
        ALLOWED.contains(&call)
            || ALLOWED_IN_PART.contains(&call)
            || cfg!(target_arch = "x86_64") && TRAMPOLINES.contains(&call)
    };
    let first = (0..CALLS).filter(|call| !is_listed(*call));
    let both = first.chain(SECOND_SET..SECOND_SET + CALLS);
    let passed = both.filter_map(|call| {
        // SAFETY: a call that is refused does nothing; one that is not has no valid pointer and no open file.
        let answer = unsafe { libc::syscall(call, -1, 0, 0, 0, 0, 0) };
        let errno = io::Error::last_os_error().raw_os_error();
        let refused = answer == -1 && matches!(errno, Some(libc::EPERM | libc::ENOSYS));
        (!refused).then(|| format!("call {call}: {answer} {errno:?}"))
    });
    passed.collect()
}

/// Tries every call that resolves a path; returns those that were not refused.
fn paths() -> Vec<String> {
    let mut passed = Vec::new();
    for path in [c"/etc/hostname", c"/", c"etc", c"../etc", c"", c"/proc/self/exe", c"/dev/shm"] {
        for folder in [libc::AT_FDCWD, 0, 1, -1] {
            for flags in [0, libc::AT_EMPTY_PATH, libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW] {
                let mut room = [0u64; 64];
                let (at, to) = (path.as_ptr(), room.as_mut_ptr());
                // SAFETY: paths end with a zero byte, and the buffer is larger than each of these structures.
                let tries = unsafe {
                    [
                        ("statx", libc::syscall(libc::SYS_statx, folder, at, flags, 0x7ff, to)),
                        ("newfstatat", libc::syscall(libc::SYS_newfstatat, folder, at, to, flags)),
                        ("faccessat", libc::syscall(libc::SYS_faccessat, folder, at, 0)),
                        ("faccessat2", libc::syscall(libc::SYS_faccessat2, folder, at, 0, flags)),
                        ("readlinkat", libc::syscall(libc::SYS_readlinkat, folder, at, to, 64)),
                        ("openat", libc::syscall(libc::SYS_openat, folder, at, libc::O_PATH)),
                        (
                            "name_to_handle_at",
                            libc::syscall(libc::SYS_name_to_handle_at, folder, at, to, to, flags),
                        ),
                        ("statfs", libc::syscall(libc::SYS_statfs, at, to)),
                    ]
                };
                let answered = tries.iter().filter(|(_, answer)| *answer >= 0);
                passed.extend(answered.map(|(call, _)| format!("{call}({folder}, {path:?}, {flags})")));
            }
        }
    }
    passed
}

/// The open descriptors of this process, found by trying each.
fn files() -> Vec<String> {
    // SAFETY: reads the flags of a descriptor, open or not.
    let open = (0..4096).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0);
    open.map(|fd| fd.to_string()).collect()
}

fn developed(tags: Vec<String>) -> Developed {
    let facts = Facts { kind: Some(Kind::Photo), format: Some(Format::Jpeg), tags, ..Facts::default() };
    Developed { facts, pictures: Some(Err(Fault::unsupported("a fault"))), cpu: StageCpu::default() }
}

fn picture(width: u32, height: u32) -> Developed {
    let xl = Rendition { name: DerivativeName::Xl, width, height, jpeg: b"\xff\xd8\xff\xd9".to_vec() };
    let pictures = Pictures { renditions: vec![xl], ..Pictures::default() };
    Developed { pictures: Some(Ok(pictures)), ..developed(Vec::new()) }
}

/// Tries what a sandboxed worker must not be able to do; returns each attempt with its result.
fn probe() -> Vec<String> {
    let errno = |ok: bool| if ok { 0 } else { io::Error::last_os_error().raw_os_error().unwrap_or(-1) };
    let opened = |e: io::Result<std::fs::File>| e.err().map_or(0, |e| e.raw_os_error().unwrap_or(-1));
    let mut found: Vec<(&str, i32)> = vec![
        ("read a file", opened(std::fs::File::open("/etc/hostname"))),
        ("write a file", opened(std::fs::File::create("/dev/shm/albumen-probe"))),
        ("list a folder", std::fs::read_dir("/").err().map_or(0, |e| e.raw_os_error().unwrap_or(-1))),
        ("stat a path", std::fs::metadata("/etc").err().map_or(0, |e| e.raw_os_error().unwrap_or(-1))),
    ];
    // SAFETY: calls with constant arguments; a child of fork exits at once; the mapping is never touched.
    unsafe {
        found.push(("tcp socket", errno(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) >= 0)));
        found.push(("unix socket", errno(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) >= 0)));
        let program = c"/bin/true";
        let arguments = [program.as_ptr(), ptr::null()];
        libc::execv(program.as_ptr(), arguments.as_ptr());
        found.push(("run a program", errno(false)));
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        found.push(("fork", errno(child >= 0)));
        found.push(("trace", errno(libc::ptrace(libc::PTRACE_ATTACH, libc::getppid(), 0, 0) == 0)));
        found.push(("signal the engine", errno(libc::kill(libc::getppid(), 0) == 0)));
        found.push(("own a file's signals", errno(libc::fcntl(0, libc::F_SETOWN, libc::getppid()) == 0)));
        let code = libc::mmap(
            ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        found.push(("new code", errno(code != libc::MAP_FAILED)));
        found.push(("change the folder", errno(libc::chdir(c"/tmp".as_ptr()) == 0)));
    }
    let thread = std::thread::Builder::new().spawn(|| 7).map(|t| t.join().unwrap_or(0));
    let mut tags: Vec<String> = found.iter().map(|(what, errno)| format!("{what}: {errno}")).collect();
    tags.push(format!("thread: {}", if matches!(thread, Ok(7)) { "works" } else { "fails" }));
    tags
}

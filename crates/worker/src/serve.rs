//! The worker's side of the sandbox: warm up, enter the sandbox, then process one file after the other until
//! the engine closes the socket.

use super::develop::develop_by;
use super::faults;
use albumen_core::failpoints;
use albumen_core::fault::{Fault, is_shortage};
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Codecs, Inputs};
use albumen_isolation::process::{ENGINE_VARIABLE, MEMORY_VARIABLE};
use albumen_isolation::protocol::{
    Ask, EXIT_PANICKED, EXIT_SHORT, Grant, Hello, Say, decode, encode, encode_developed, encode_recognised,
};
use albumen_isolation::{memory, sandbox, wire};
use albumen_media::decode;
use albumen_recognise::Recogniser;
use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The maximum bytes of a picture for the recogniser: twice those of a JPEG of 5120 x 1280 pixels at quality
/// 100.
const PICTURE_LIMIT: u64 = 32 << 20;

/// The socket that the engine passed as standard input. Standard output is the memory for replies.
struct Engine(OwnedFd);

impl Engine {
    fn say(&self, say: &Say) -> io::Result<()> {
        wire::send(self.0.as_fd(), &encode(say), &[])
    }

    /// Sends a header and pictures in the reply's memory, which counts as this process's own while it is
    /// written.
    fn done(&self, header: &[u8], body: &[&[u8]]) -> io::Result<()> {
        let parts: Vec<&[u8]> = std::iter::once(header).chain(body.iter().copied()).collect();
        let body: usize = body.iter().map(|b| b.len()).sum();
        memory::count(0, header.len() + body);
        let written = wire::write_reply(io::stdout().as_fd(), &parts);
        memory::count(header.len() + body, 0);
        written?;
        self.say(&Say::Done { header: header.len() as u64, body: body as u64 })
    }
}

/// Memory granted by the engine.
struct EngineAdmission<'a> {
    engine: &'a Engine,
    granted: Cell<u64>,
    ceiling: u64,
}

impl Admission for EngineAdmission<'_> {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        if bytes > self.ceiling {
            return Err(Fault::TooLarge { needed: bytes });
        }
        let gone = |e: &dyn std::fmt::Display| Fault::crashed("the engine has ended").with_detail(e);
        self.engine.say(&Say::Need { bytes }).map_err(|e| gone(&e))?;
        let message = wire::receive(self.engine.0.as_fd()).map_err(|e| gone(&ended(e)))?;
        let message = message.ok_or_else(|| gone(&"it closed the socket"))?;
        decode::<Grant>(&message.bytes).map_err(|e| gone(&e))??;
        // Memory granted at the start stays granted.
        self.granted.set(self.granted.get().max(bytes));
        memory::limit(self.granted.get(), self.ceiling);
        Ok(())
    }

    fn ceiling(&self) -> u64 {
        self.ceiling
    }
}

/// Takes the socket from the engine, or reports that this program is not for users.
fn engine() -> Result<Engine, String> {
    let stdin = io::stdin();
    let is_socket =
        rustix::net::sockopt::socket_type(stdin.as_fd()) == Ok(rustix::net::SocketType::SEQPACKET);
    let by_engine = std::env::var(ENGINE_VARIABLE).ok().and_then(|pid| pid.parse::<i32>().ok());
    let (true, Some(pid)) = (is_socket, by_engine) else {
        return Err(
            "albumen-worker is started by albumen and does nothing by hand; run `albumen` instead".into()
        );
    };
    sandbox::die_with(pid).map_err(|e| format!("the engine is gone: {e}"))?;
    let socket = stdin.as_fd().try_clone_to_owned().map_err(|e| e.to_string())?;
    Ok(Engine(socket))
}

fn hello(sandbox: sandbox::SandboxReport, unable: Option<String>) -> Say {
    Say::Hello(Hello { version: env!("CARGO_PKG_VERSION").into(), sandbox, unable })
}

fn memory_backstop() -> u64 {
    std::env::var(MEMORY_VARIABLE).ok().and_then(|v| v.parse().ok()).unwrap_or(1 << 30)
}

/// The modes `worker` and `worker-all`: develops files until the engine closes the socket. `Err` is a message
/// for the terminal.
pub fn worker(codecs: Codecs) -> Result<(), String> {
    memory::configure_malloc_of_worker();
    let engine = engine()?;
    let faults_allowed = failpoints::are_requested();
    decode::warm_up(codecs);
    memory::give_back();
    memory::let_go_of_programs();
    let report = sandbox::seal(memory_backstop());
    memory::watch(engine.0.as_fd());
    engine.say(&hello(report, None)).map_err(|e| e.to_string())?;
    while let Some((ask, mut files)) = next(&engine)? {
        let Ask::Develop { request, granted, ceiling, previews_only } = ask else {
            return Err("asked to recognise".into());
        };
        if files.is_empty() {
            return Err("asked without a file".into());
        }
        memory::limit(granted, ceiling);
        // A shortage recorded for an earlier file must not affect this one.
        let _ = Source::take_shortage();
        let admission = EngineAdmission { engine: &engine, granted: Cell::new(granted), ceiling };
        let (outcome, panicked) = caught(|| {
            let primary = source(files.remove(0))?;
            let sidecars = files.into_iter().map(source).collect::<Result<_, _>>()?;
            let inputs = Inputs { primary, sidecars };
            if faults_allowed
                && let Some(outcome) =
                    faults::inject(&inputs.primary, request.render.is_some(), engine.0.as_fd())
            {
                return outcome;
            }
            develop_by(&request, &inputs, &admission, previews_only)
        });
        // Before the answer is sent: with it the engine revokes the permit.
        memory::give_back();
        if decode::missed_a_codec() {
            memory::unlimited();
            engine.say(&Say::Elsewhere).map_err(|e| e.to_string())?;
            continue;
        }
        let outcome = match Source::take_shortage() {
            // Reading failed for lack of a resource: the result for the partly read bytes is discarded, since
            // the file may be intact.
            Some(e) if !matches!(outcome, Err(Fault::Cancelled | Fault::TooLarge { .. })) => {
                Err(Fault::from(e))
            }
            _ => outcome,
        };
        let (header, body) = encode_developed(&outcome);
        engine.done(&header, &body).map_err(ended)?;
        memory::unlimited();
        leave_if(panicked);
    }
    Ok(())
}

/// The mode `recogniser`: opens the models of a folder, then recognises pictures until the engine closes the
/// socket.
pub fn recogniser(models: &Path, threads: usize) -> Result<(), String> {
    memory::configure_malloc_of_recogniser();
    let engine = engine()?;
    let mut recogniser = match Recogniser::open(models, threads) {
        Ok(recogniser) => recogniser,
        Err(fault) => {
            let unable = hello(sandbox::SandboxReport::default(), Some(fault.to_string()));
            return engine.say(&unable).map_err(|e| e.to_string());
        }
    };
    // The memory used for opening the models: parsed files, and weights before packing.
    memory::give_back();
    let report = sandbox::seal(memory_backstop());
    engine.say(&hello(report, None)).map_err(|e| e.to_string())?;
    while let Some((ask, files)) = next(&engine)? {
        let Ask::Recognise(request) = ask else { return Err("asked to develop".into()) };
        let Some(file) = files.into_iter().next() else { return Err("asked without a file".into()) };
        let (outcome, panicked) =
            caught(|| recogniser.recognise(&source(file)?.read_all(PICTURE_LIMIT)?, &request));
        engine.done(&encode_recognised(&outcome), &[]).map_err(ended)?;
        leave_if(panicked);
    }
    Ok(())
}

/// Runs `work`; a panic becomes a fault. Returns true if there was one.
fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> (Result<T, Fault>, bool) {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    let panicked = outcome.is_err();
    (outcome.unwrap_or_else(|panic| Err(panic_fault(&*panic))), panicked)
}

/// After a panic the process may be in an inconsistent state, and must not process another file.
fn leave_if(panicked: bool) {
    if panicked {
        std::process::exit(EXIT_PANICKED);
    }
}

/// Why a message could not be sent or received. If the machine was short of a resource, the exit status shows
/// it, since a message may be impossible to send.
fn ended(e: io::Error) -> String {
    if is_shortage(&e) {
        std::process::exit(EXIT_SHORT);
    }
    e.to_string()
}

/// The next request and its files; `None` when the engine has closed the socket.
fn next(engine: &Engine) -> Result<Option<(Ask, Vec<OwnedFd>)>, String> {
    let Some(message) = wire::receive(engine.0.as_fd()).map_err(ended)? else { return Ok(None) };
    Ok(Some((decode(&message.bytes).map_err(|e| e.to_string())?, message.files)))
}

fn source(file: OwnedFd) -> Result<Source, Fault> {
    Ok(Source::from_file(File::from(file))?)
}

fn panic_fault(panic: &(dyn std::any::Any + Send)) -> Fault {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    Fault::crashed("it stopped at an internal error").with_detail(said.unwrap_or("a panic without a message"))
}

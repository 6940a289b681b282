//! The long-running side: it watches, takes requests, works when it may, and rests otherwise.
//!
//! Who does what: the *scanner* turns requests and changes on the disk into work (`pending`); the *developing*
//! threads take from the [`queue`], uploads first; the *recorder* writes; the *tidier* puts items together, finds
//! places and ends requests; the *looker* recognises, uploads first; the [`api`] answers. They share [`Service`].
//!
//! Promises: a request that was answered is in the index and survives everything; with nothing to do there is no disk
//! access; a request to stop is obeyed within five seconds.

pub mod access;
pub mod api;
pub mod client;
pub mod events;
pub mod gate;
pub mod looker;
pub mod mounting;
pub mod queue;
pub mod recognition;
pub mod room;
pub mod tally;
pub mod tidier;
pub mod watch;
pub mod watched;

use crate::config::{Config, Spaces};
use crate::pipeline::developing::{Developer, Shared};
use crate::pipeline::progress::Progress;
use crate::pipeline::recorder::{Record, Recorder};
use crate::pipeline::run::{self, Options, Plan, RunError};
use crate::pipeline::scan::{ScanOptions, scan};
use crate::pipeline::shutdown::Shutdown;
use crate::pipeline::volumes::{Target, Volumes};
use albumen_core::clock::now;
use albumen_core::fault::Fault;
use albumen_files::walk::Reach;
use albumen_files::{absolute, patience, relative};
use albumen_index::Error as IndexError;
use albumen_index::due::Scope;
use albumen_index::record::Outcome;
use albumen_index::{Index, IndexReader, OpenError};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use events::Event;
use gate::Gate;
use queue::{Queue, Rules};
use room::Room;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Results that wait for the recorder at the most.
const WAITING_RECORDS: usize = 256;
/// How often somebody looks whether a time window or the load lets background work go on.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// A walk that failed is tried again after so long.
const WALK_AGAIN: Duration = Duration::from_secs(600);

/// What could not be walked for want of something that comes back by itself is walked again after so long, then after twice as
/// long each time, up to the second.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
const AGAIN_AT_LEAST: Duration = Duration::from_secs(300);

/// When files that were recorded as unavailable are looked for again: after the first pause of their attempts, then regularly
/// while there are any.
const UNAVAILABLE_AFTER: Duration = Duration::from_secs(70);
const UNAVAILABLE_AGAIN: Duration = Duration::from_secs(600);

/// After each so long without a commit free memory goes back to the kernel: by then the connections have given back their pages
/// (the recorder's after 10 s), and mostly the last count is over.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(25);

/// What the scanner is asked to do.
#[derive(Debug)]
pub enum Order {
    /// Requests in the index that are not queued yet, of the priority that the scanner is for.
    Requests,
    /// Walk these in the background, each so far.
    Walk(Vec<(PathBuf, Reach)>),
    /// Look through what the kernel tells nothing of.
    Poll(Vec<(PathBuf, Reach)>),
    /// Walk these once more, later: they, or files in them, could not be looked at.
    Again(Vec<(PathBuf, Reach)>),
    /// Files are recorded as unavailable: they are tried again from time to time.
    CatchUpLater,
    /// Walk all that is configured.
    WalkAll,
    /// What held walks back may do so no longer.
    LookAgain,
    Stop,
}

/// What the tidier is told: what has changed.
#[derive(Debug)]
pub enum Dirty {
    /// Files of these folders.
    Background(BTreeSet<i64>),
    /// Look at all that is due.
    Everything,
    /// A request may be done.
    Jobs,
    Stop,
}

/// What the looker is told: what there may be to look at.
#[derive(Debug)]
pub enum Look {
    /// Somebody waits for this part, and all of it can be seen.
    Upload(Scope),
    /// All that is due, in the background; or what held it back does so no longer.
    Background,
    /// Spaces may have people or subjects off that were on.
    SpacesChanged,
    Stop,
}

/// What all threads of the service share.
pub struct Service {
    pub index_dir: PathBuf,
    pub config: RwLock<Config>,
    pub config_path: Option<PathBuf>,
    pub plan: Plan,
    pub shared: Shared,
    pub queue: Queue,
    pub gate: Gate,
    pub room: Arc<Room>,
    pub events: tokio::sync::broadcast::Sender<Event>,
    /// Counts commits; whoever waits for a job looks again when it moves.
    pub commits: tokio::sync::watch::Sender<u64>,
    pub scanner: Sender<Order>,
    /// Uploads have a scanner of their own, so that none waits for a walk.
    pub uploads: Sender<Order>,
    pub tidier: Sender<Dirty>,
    pub looker: Sender<Look>,
    pub started: Instant,
    pub tally: tally::Tally,
    /// Asks for the counts to be made anew.
    pub counter: Sender<()>,
    /// Who may ask over TCP.
    pub tokens: RwLock<Vec<api::Token>>,
    pub models: recognition::Models,
    watching: Mutex<Option<watch::Watching>>,
    readers: Mutex<Vec<IndexReader>>,
}

/// Why the service could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the socket {path} cannot be used: {why}", path = .path.display())]
    Socket { path: PathBuf, why: String },
    #[error("{0}")]
    Token(String),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Record(#[from] IndexError),
}

impl From<OpenError> for ServiceError {
    fn from(e: OpenError) -> ServiceError {
        ServiceError::Run(RunError::Open(e))
    }
}

impl Service {
    /// A read-only connection for one request; it goes back by [`Service::give_back`].
    pub fn reader(&self) -> Result<IndexReader, OpenError> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match pooled {
            Some(index) => Ok(index),
            None => IndexReader::open(&self.index_dir),
        }
    }

    pub fn give_back(&self, index: IndexReader) {
        if self.queue.is_idle() {
            index.shrink();
        }
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < 4 {
            readers.push(index);
        }
    }

    pub fn config(&self) -> std::sync::RwLockReadGuard<'_, Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever listens; nobody listening is no error.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// The targets for paths, each in its configured space; what is in none of them any more is left out. Of what is gone
    /// the folder that held it is looked at, without those inside: so it is seen to be gone.
    fn targets(&self, index: &Index, paths: &[(PathBuf, Reach)]) -> Result<Vec<Target>, RunError> {
        let config = self.config();
        let mut volumes = Volumes::read(&config, index)?;
        for (old, new) in volumes.follow_config(index)? {
            tracing::info!(from = old, to = new, "a space has another name, and keeps its people");
        }
        if paths.is_empty() {
            return Ok(volumes.targets(&[]));
        }
        let spaces = Spaces::resolve(&config.spaces);
        let mut targets: Vec<Target> = Vec::new();
        for (path, reach) in paths.iter().filter(|(path, _)| spaces.holding(&absolute(path)).is_some()) {
            let mut found = volumes.targets(std::slice::from_ref(path));
            if *reach == Reach::Folder {
                // Without the volumes inside of it.
                found.truncate(1);
            }
            for mut target in found {
                target.reach = *reach;
                while !target.start.is_empty()
                    && patience::lstat(&target.path())
                        .is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
                {
                    let (folder, _) = relative::split(&target.start);
                    target.start.truncate(folder.len());
                    target.reach = Reach::Folder;
                }
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
        Ok(targets)
    }

    /// The configured spaces of some paths; `None` where one is in none of them.
    pub fn spaces_of<P: AsRef<Path>>(&self, paths: &[P]) -> Option<BTreeSet<String>> {
        let spaces = Spaces::resolve(&self.config().spaces);
        paths.iter().map(|p| Some(spaces.holding(&absolute(p.as_ref()))?.0.name.clone())).collect()
    }

    /// Reads the config and the tokens again; what has changed in words, or why it was refused (the old one stays).
    pub fn reload(self: &Arc<Service>) -> Result<Vec<String>, String> {
        let (new, _) = Config::find(self.config_path.as_deref()).map_err(|e| e.to_string())?;
        let tokens = api::read_tokens(&new).map_err(|e| e.to_string())?;
        let old = self.config().clone();
        let mut changed = changed_spaces(&old, &new);
        let spaces_differ = !changed.is_empty();
        let (was, is) = (&old.service, &new.service);
        let tokens_differ = *self.tokens.read().unwrap_or_else(PoisonError::into_inner) != tokens;
        let watch_differs =
            (was.watch, was.settle, was.poll, was.full_scan) != (is.watch, is.settle, is.poll, is.full_scan);
        for (name, differs) in [
            ("ignore", old.ignore != new.ignore),
            ("guard", old.guard != new.guard),
            ("service.background", was.background != is.background),
            ("service.window", was.windows != is.windows),
            ("service.uploads", was.uploads != is.uploads),
            ("service.token", tokens_differ),
            ("service.watch, settle, poll or full_scan", watch_differs),
            ("grace", old.grace != new.grace),
            ("memory (after a restart)", old.memory != new.memory),
            ("jobs (after a restart)", old.jobs != new.jobs),
            ("render (after a restart)", old.render != new.render),
            ("recognise (after a restart)", old.recognise != new.recognise),
            ("service.idle (after a restart)", was.idle != is.idle),
            ("service.log (after a restart)", was.log != is.log),
            ("service.socket (after a restart)", was.socket != is.socket),
            ("service.tcp (after a restart)", was.tcp != is.tcp),
        ] {
            if differs {
                changed.push(name.to_owned());
            }
        }
        self.gate.reload(is.background, is.windows.clone());
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
        let watch_anew = spaces_differ || watch_differs || old.ignore != new.ignore;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = new;
        if watch_anew {
            // And walks everything once it does.
            self.watch();
        }
        self.work_again();
        let _ = self.looker.send(Look::SpacesChanged);
        Ok(changed)
    }

    /// Watches what is configured now, in place of what was.
    fn watch(self: &Arc<Service>) {
        let started = watch::start(self);
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
    }

    /// What held work back may do so no longer.
    pub fn work_again(&self) {
        self.queue.wake();
        for orders in [&self.scanner, &self.uploads] {
            let _ = orders.send(Order::LookAgain);
        }
        let _ = self.looker.send(Look::Background);
    }

    /// Writes to the index; where its disk is full, when there is room again. An error is another one, or the service is to
    /// stop.
    fn with_room<T>(&self, mut write: impl FnMut() -> Result<T, IndexError>) -> Result<T, IndexError> {
        loop {
            match write() {
                Err(e) if self.room.explains(&e) && self.room.wait() => {}
                done => return done,
            }
        }
    }
}

/// The spaces that are new, gone or other, by name.
fn changed_spaces(old: &Config, new: &Config) -> Vec<String> {
    let find = |config: &Config, name: &str| {
        config.spaces.iter().find(|s| s.name.get_ref() == name).map(|s| {
            let folders: Vec<PathBuf> = s.folders.iter().map(|f| f.get_ref().clone()).collect();
            (s.kind, folders, s.people, s.subjects)
        })
    };
    let mut names: Vec<&String> = old.spaces.iter().chain(&new.spaces).map(|s| s.name.get_ref()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&&String| find(old, name) != find(new, name);
    names.iter().filter(differs).map(|name| format!("space `{name}`")).collect()
}

/// Whether a service could run by this config: what is not in the file itself is there, too.
pub fn check(config: &Config) -> Result<(), ServiceError> {
    api::read_tokens(config).map(drop)
}

/// Runs until it is told to stop.
pub fn run(
    config: Config,
    config_path: Option<PathBuf>,
    index_dir: &Path,
    shutdown: &Shutdown,
) -> Result<(), ServiceError> {
    crate::pipeline::descriptors::raise();
    let index = Index::open_indexing(index_dir, || albumen_core::breakpoints::reached("in_a_migration"))?;
    let listeners = api::listen(&config)?;
    if !config.service.socket.as_os_str().is_empty() {
        index.name_socket(&config.service.socket)?;
    }
    let socket = &config.service.socket;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        index = %index_dir.display(),
        socket = %socket.display(),
        tcp = config.service.tcp.as_ref().map_or(String::new(), |t| t.get_ref().to_string()),
        "the service has started"
    );
    let progress = Arc::new(Progress::default());
    let meter = run::Meter::start(progress.clone());
    let options = Options { recognise: config.recognise.enabled, ..Options::default() };
    let plan = Plan::with_models_to_come(&config, options.recognise);
    let shared = run::shared(&config, &options, &plan, index_dir, &progress, shutdown);
    let jobs = run::jobs(&config, &options);
    let gate = Gate::new(config.service.background, config.service.windows.clone());
    let (scanner, scanner_orders) = unbounded();
    let (uploads, upload_orders) = unbounded();
    let (tidier, dirty) = unbounded();
    let (looker, looks) = unbounded();
    let (counter, counts) = unbounded();
    let (drained, elsewhere, gave_up) = (looker.clone(), scanner.clone(), scanner.clone());
    let rules = Rules {
        threads: jobs,
        preempt: config.service.uploads.preempt,
        idle: config.service.idle.get(),
        drained: Box::new(move || drop(drained.send(Look::Background))),
        gave_up: Box::new(move || drop(gave_up.send(Order::CatchUpLater))),
        look_at: Box::new(move |volume| drop(elsewhere.send(Order::Again(vec![(volume, Reach::Tree)])))),
    };
    let room = Arc::new(Room::new(index_dir, shutdown.clone()));
    let queue = Queue::new(index.another()?, gate.clone(), room.clone(), shutdown.clone(), rules);
    let tokens = RwLock::new(api::read_tokens(&config)?);
    let models = recognition::Models::new(plan.stages.faces.as_ref().map(|_| plan.models.clone()));
    let service = Arc::new(Service {
        index_dir: index_dir.to_owned(),
        config: RwLock::new(config),
        config_path,
        plan,
        shared,
        queue,
        gate,
        room: room.clone(),
        events: tokio::sync::broadcast::channel(1024).0,
        commits: tokio::sync::watch::channel(0).0,
        scanner,
        uploads,
        tidier,
        looker,
        started: Instant::now(),
        tally: tally::Tally::default(),
        counter,
        tokens,
        models,
        watching: Mutex::new(None),
        readers: Mutex::new(Vec::new()),
    });
    hear_hangups(&service)?;

    let (out, records) = bounded::<Record>(WAITING_RECORDS);
    let recorder = Recorder {
        index: index.another()?,
        store: service.shared.store.clone(),
        stages: service.shared.stages.clone(),
        progress: progress.clone(),
        committed: Some(committed(&service, index.another()?)),
        patience: Some(Box::new(move |e| room.ran_out(e) && room.wait())),
    };
    let result = std::thread::scope(|s| -> Result<(), ServiceError> {
        let recording = s.spawn(|| {
            let recorded = recorder.run(records);
            // Without a recorder nothing can go on.
            if recorded.is_err() {
                shutdown.request(rustix::process::Signal::TERM.as_raw());
            }
            recorded
        });
        let mut developing = Vec::new();
        for thread in 0..jobs {
            let developer = Developer::new(service.shared.clone(), thread, index.another()?);
            let (out, service) = (out.clone(), &service);
            developing.push(s.spawn(move || {
                let developed = developer.run(&service.queue, &out);
                if developed.is_err() {
                    shutdown.request(rustix::process::Signal::TERM.as_raw());
                }
                developed
            }));
        }
        for (priority, orders) in [(1, scanner_orders), (0, upload_orders)] {
            let (index, service) = (index.another()?, &service);
            s.spawn(move || scan_orders(index, service, orders, priority));
        }
        let tidying = index.another()?;
        s.spawn(|| tidier::run(tidying, &service, dirty));
        let looking = index.another()?;
        let (look_out, service_ref) = (out.clone(), &service);
        s.spawn(move || looker::run(looking, service_ref, looks, look_out));
        drop(out);
        let counting = index.another()?;
        let service_ref = &service;
        s.spawn(move || tidier::count(&counting, service_ref, &counts));
        let _ = service.counter.send(());
        let _ = service.uploads.send(Order::Requests);
        let _ = service.scanner.send(Order::Requests);
        service.watch();
        s.spawn(|| look_at_the_time(&service, shutdown));

        let served = api::serve(&service, listeners);
        service.watching.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whatever ended the serving ends the rest.
        if !shutdown.requested() {
            shutdown.request(rustix::process::Signal::TERM.as_raw());
        }
        service.shared.budget.close();
        service.queue.stop();
        for orders in [&service.scanner, &service.uploads] {
            let _ = orders.send(Order::Stop);
        }
        let _ = service.counter.send(());
        let _ = service.tidier.send(Dirty::Stop);
        let _ = service.looker.send(Look::Stop);
        let recorded = recording.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
        served?;
        match recorded {
            // It waited for room when it was told to stop. What it had is still in the queue.
            Err(IndexError::DiskFull) => {}
            recorded => recorded?,
        }
        for thread in developing {
            thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p))?;
        }
        Ok(())
    });
    drop(meter);
    if result.is_ok() {
        tracing::info!("the service has stopped: everything finished is in the index");
    }
    result
}

/// SIGHUP: reload, and say what changed.
fn hear_hangups(service: &Arc<Service>) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])?;
    let service = Arc::downgrade(service);
    std::thread::Builder::new().name("reload".into()).spawn(move || {
        for _ in signals.forever() {
            let Some(service) = service.upgrade() else { return };
            match service.reload() {
                Ok(changed) if changed.is_empty() => tracing::info!("config read again: nothing has changed"),
                Ok(changed) => tracing::info!("config read again, changed: {}", changed.join(", ")),
                Err(why) => tracing::error!("the config is refused and the old one stays: {why}"),
            }
        }
    })?;
    Ok(())
}

/// Where time alone may let work go on, somebody looks now and then. Who rests gives its memory back.
fn look_at_the_time(service: &Service, shutdown: &Shutdown) {
    let mut held = false;
    let mut waited = Duration::ZERO;
    let step = Duration::from_millis(200);
    let (mut commits, mut rested) = (0, Duration::ZERO);
    while !shutdown.requested() {
        std::thread::sleep(step);
        waited += step;
        let before = std::mem::replace(&mut commits, *service.commits.borrow());
        rested = if before == commits { rested + step } else { Duration::ZERO };
        if rested >= GIVE_BACK_AFTER {
            // Again and again: what counts or clusters last commits nothing. Readers that came back while others worked have
            // kept their pages.
            service
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .for_each(IndexReader::shrink);
            albumen_isolation::memory::give_back();
            rested = Duration::ZERO;
        }
        if service.room.has_come() {
            service.work_again();
        }
        if waited < LOOK_AGAIN || !service.gate.depends_on_time() {
            continue;
        }
        waited = Duration::ZERO;
        let holds = !service.gate.background_may_run();
        if held && !holds {
            service.work_again();
        }
        held = holds;
    }
    service.shared.budget.close();
    service.queue.stop();
}

/// Walks what is ordered, until told to stop. `priority`: of the requests that this scanner is for.
///
/// Long walks that nobody waits for wait until background work may run; the folder of a change that was noticed is
/// walked at once, which costs little. Without room for what they find all wait.
fn scan_orders(mut index: Index, service: &Arc<Service>, orders: Receiver<Order>, priority: u8) {
    let shutdown = service.shared.shutdown.clone();
    let mut todo = Todo::default();
    // When what failed is tried again.
    let mut again: Option<Instant> = None;
    // The same of what could not be walked at present.
    let mut later = Later::default();
    loop {
        let order = match again.into_iter().chain(later.at).chain(later.catch_up).min() {
            Some(at) => orders.recv_deadline(at).or_else(|e| match e {
                RecvTimeoutError::Timeout => Ok(Order::LookAgain),
                RecvTimeoutError::Disconnected => Err(e),
            }),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let Ok(order) = order else { return };
        if shutdown.requested() {
            return;
        }
        again = again.filter(|at| *at > Instant::now());
        match order {
            Order::Stop => return,
            Order::WalkAll => again = None,
            Order::Again(paths) => {
                later.add(paths, false);
                continue;
            }
            Order::CatchUpLater => {
                later.catch_up.get_or_insert(Instant::now() + UNAVAILABLE_AFTER);
                continue;
            }
            _ => {}
        }
        todo.add(order);
        later.take_due().into_iter().for_each(|order| todo.add(order));
        let mut put_off = PutOff::default();
        if later.catch_up.is_some_and(|at| at <= Instant::now()) {
            later.catch_up = None;
            if let Err(e) = catch_up(&index, service) {
                tracing::error!("cannot queue what is due again, will retry: {e}");
            }
            let has_more = index.has_unavailable().unwrap_or_else(|e| {
                tracing::error!("cannot read which files are unavailable, will retry: {e}");
                true
            });
            if has_more {
                later.catch_up = Some(Instant::now() + UNAVAILABLE_AGAIN);
            }
        }
        let may_run = priority == 0 || service.gate.background_may_run();
        for order in todo.take(may_run, again.is_none()) {
            let done = match &order {
                // One before it has met with a full disk.
                _ if !service.room.is_there() => {
                    todo.add(order);
                    continue;
                }
                Order::Requests => scan_requests(&mut index, service, priority),
                Order::Walk(paths) | Order::Poll(paths) => {
                    walk(&mut index, service, paths, 1).map(PutOff::from)
                }
                Order::WalkAll => walk_all(&mut index, service).map(PutOff::from),
                Order::Again(_) | Order::CatchUpLater | Order::LookAgain | Order::Stop => {
                    Ok(PutOff::default())
                }
            };
            match done {
                Ok(more) => put_off.add(more),
                Err(RunError::Record(e)) if service.room.explains(&e) => todo.add(order),
                Err(e) => {
                    tracing::error!(
                        "a walk failed, and is tried again in {} minutes: {e}",
                        WALK_AGAIN.as_secs() / 60
                    );
                    again = Some(Instant::now() + WALK_AGAIN);
                    todo.add(Order::Requests);
                    if priority > 0 {
                        // What a change was noticed of is among all.
                        todo.add(Order::WalkAll);
                    }
                }
            }
        }
        later.add(put_off.paths, put_off.requests);
        index.shrink();
    }
}

/// What a scanner could not walk at present.
#[derive(Default)]
struct PutOff {
    paths: Vec<(PathBuf, Reach)>,
    /// Requests are among it.
    requests: bool,
}

impl PutOff {
    fn add(&mut self, more: PutOff) {
        self.paths.extend(more.paths);
        self.requests |= more.requests;
    }
}

impl From<Vec<(PathBuf, Reach)>> for PutOff {
    fn from(paths: Vec<(PathBuf, Reach)>) -> PutOff {
        PutOff { paths, requests: false }
    }
}

/// What a scanner tries again by itself, and when.
#[derive(Default)]
struct Later {
    put_off: PutOff,
    at: Option<Instant>,
    pause: Duration,
    /// When files that are recorded as unavailable are tried again.
    catch_up: Option<Instant>,
}

impl Later {
    /// Nothing was put off: the next time it is tried again soon.
    fn add(&mut self, paths: Vec<(PathBuf, Reach)>, requests: bool) {
        if paths.is_empty() && !requests {
            if self.at.is_none() {
                self.pause = Duration::ZERO;
            }
            return;
        }
        for path in paths {
            if !self.put_off.paths.contains(&path) {
                self.put_off.paths.push(path);
            }
        }
        self.put_off.requests |= requests;
        if self.at.is_none() {
            self.pause = (self.pause * 2).clamp(AGAIN_AFTER, AGAIN_AT_LEAST);
            self.at = Some(Instant::now() + self.pause);
        }
    }

    fn take_due(&mut self) -> Vec<Order> {
        if self.at.is_none_or(|at| at > Instant::now()) {
            return Vec::new();
        }
        self.at = None;
        let PutOff { paths, requests } = std::mem::take(&mut self.put_off);
        let walk = (!paths.is_empty()).then_some(Order::Walk(paths));
        walk.into_iter().chain(requests.then_some(Order::Requests)).collect()
    }
}

/// What a scanner is to do and has not done yet. What is ordered again while it waits is done once.
#[derive(Default)]
struct Todo {
    requests: bool,
    all: bool,
    polled: Vec<(PathBuf, Reach)>,
    changed: Vec<(PathBuf, Reach)>,
}

impl Todo {
    fn add(&mut self, order: Order) {
        match order {
            Order::Requests => self.requests = true,
            Order::WalkAll => self.all = true,
            Order::Poll(paths) => self.polled = paths,
            Order::Walk(paths) => {
                paths.into_iter().for_each(|p| {
                    if !self.changed.contains(&p) {
                        self.changed.push(p);
                    }
                });
                if self.changed.len() > watch::MANY {
                    self.changed.clear();
                    self.all = true;
                }
            }
            Order::Again(_) | Order::CatchUpLater | Order::LookAgain | Order::Stop => {}
        }
    }

    /// What may be done now, in this order: `background`: long walks; `all`: the walk of everything, with which a poll is done,
    /// too.
    fn take(&mut self, background: bool, all: bool) -> Vec<Order> {
        let mut now = Vec::new();
        if !self.changed.is_empty() {
            now.push(Order::Walk(std::mem::take(&mut self.changed)));
        }
        if background {
            if std::mem::take(&mut self.requests) {
                now.push(Order::Requests);
            }
            let polled = std::mem::take(&mut self.polled);
            if self.all && all {
                self.all = false;
                now.push(Order::WalkAll);
            } else if !polled.is_empty() {
                now.push(Order::Poll(polled));
            }
        }
        now
    }
}

fn walk_all(index: &mut Index, service: &Arc<Service>) -> Result<Vec<(PathBuf, Reach)>, RunError> {
    let put_off = walk(index, service, &[], 1)?;
    catch_up(index, service)?;
    if index.has_unavailable()? {
        let _ = service.scanner.send(Order::CatchUpLater);
    }
    run::sweep(index, &service.config(), &service.shared.store, &service.shared.progress)?;
    Ok(put_off)
}

/// Everything known for which a stage is due.
fn catch_up(index: &Index, service: &Service) -> Result<(), RunError> {
    for stage in [&service.plan.stages.inspect, &service.plan.stages.render] {
        index.enqueue_due(&Scope::All, stage, now(), service.shared.budget.ceiling(), 1)?;
    }
    service.queue.wake();
    let _ = service.tidier.send(Dirty::Everything);
    let _ = service.looker.send(Look::Background);
    Ok(())
}

fn scan_requests(index: &mut Index, service: &Arc<Service>, priority: u8) -> Result<PutOff, RunError> {
    let mut requests = false;
    for job in index.open_jobs()?.into_iter().filter(|j| !j.queued && j.priority == priority) {
        let paths: Vec<(PathBuf, Reach)> = job.paths.iter().map(|p| (p.clone(), Reach::Tree)).collect();
        if !walk(index, service, &paths, priority)?.is_empty() {
            // It stays open, and the others are not kept waiting.
            requests = true;
            continue;
        }
        // Whoever asks for a path also asks for what could not be done there before and can be now.
        let ceiling = service.shared.budget.ceiling();
        for scope in job.paths.iter().filter_map(|p| index.scope_of(&absolute(p)).transpose()) {
            let scope = scope?;
            for stage in [&service.plan.stages.inspect, &service.plan.stages.render] {
                index.enqueue_due(&scope, stage, now(), ceiling, priority)?;
            }
        }
        service.queue.wake();
        index.job_queued(job.id)?;
        let _ = match priority {
            0 => service.tidier.send(Dirty::Jobs),
            // It may have asked for stages that only look at what is recorded.
            _ => service.tidier.send(Dirty::Everything),
        };
        if priority > 0 {
            let _ = service.looker.send(Look::Background);
        }
    }
    Ok(PutOff { requests, paths: Vec::new() })
}

/// Walks; returns what could not be walked at present.
fn walk(
    index: &mut Index,
    service: &Arc<Service>,
    paths: &[(PathBuf, Reach)],
    priority: u8,
) -> Result<Vec<(PathBuf, Reach)>, RunError> {
    let targets = service.targets(index, paths)?;
    let options = {
        let config = service.config();
        ScanOptions {
            rules: config.rules(),
            guard: config.guard.into(),
            accept_removals: false,
            priority,
            missing_is_gone: false,
            dry_run: false,
            budget: service.shared.budget.clone(),
            patience: patience::SHORT,
        }
    };
    let scanned = scan(index, &targets, &options, &service.shared.progress, &service.shared.shutdown)?;
    for was in &scanned.moved {
        if let Some((path, space)) = index.path_and_space(was.item)? {
            let was = events::Of { item: was.item, path: &was.path, space: &was.space };
            let is = events::Of { path: &path, space: &space, ..was };
            Event::moved(was, is).into_iter().for_each(|e| service.tell(e));
        }
    }
    for item in &scanned.removed {
        if let Some((path, space)) = index.path_and_space(*item)? {
            service.tell(Event::removed(events::Of { item: *item, path: &path, space: &space }));
        }
    }
    if scanned.unseen > 0 {
        // They are counted, too.
        let _ = service.counter.send(());
    }
    if !scanned.moved.is_empty() || !scanned.removed.is_empty() {
        let _ = service.tidier.send(Dirty::Background(Default::default()));
    }
    service.queue.wake();
    if priority == 0 {
        service.queue.make_room();
    }
    Ok(scanned.put_off)
}

/// After each commit: the queue forgets what is done, the tidier hears which folders changed, listeners hear of items.
fn committed(service: &Arc<Service>, index: Index) -> crate::pipeline::recorder::Committed {
    let service = Arc::downgrade(service);
    let index = Mutex::new(index);
    Arc::new(move |records: &[Record]| {
        let Some(service) = service.upgrade() else { return };
        let index = index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folders: BTreeSet<i64> = BTreeSet::new();
        let mut done = Vec::new();
        for r in records {
            // Telling is not worth failing for.
            let _ = told(&service, &index, r);
            match r {
                Record::File(f) => {
                    done.push(f.pending_id);
                    folders.insert(f.folder_id);
                }
                Record::Touched { pending_id, .. } | Record::Dropped { pending_id } => done.push(*pending_id),
                Record::Recognised(_) | Record::Flush(_) => {}
            }
        }
        service.queue.committed(done.into_iter());
        if service.queue.is_idle() {
            index.shrink();
        }
        service.commits.send_modify(|n| *n += 1);
        let _ = service.tidier.send(Dirty::Background(folders));
    })
}

/// Counts what was committed, and tells listeners of it.
fn told(service: &Service, index: &Index, record: &Record) -> albumen_index::Result<()> {
    let is_failure = |fault: &&Fault| !matches!(fault, Fault::Unsupported { .. });
    match record {
        Record::File(f) => {
            let Some((path, space, item)) = index.file_named(f.folder_id, &f.name)? else { return Ok(()) };
            let outcomes = [Some(&f.inspect), f.render.as_ref()].into_iter().flatten();
            let mut faults = outcomes.filter_map(|o| match o {
                Outcome::Failed(fault) => Some(fault),
                _ => None,
            });
            let fault = faults.find(is_failure);
            service.tally.done(&space, |d| {
                d.developed += 1;
                d.failed += u64::from(fault.is_some());
            });
            let of = events::Of { item, path: &path, space: &space };
            service.tell(Event::item(of, fault.map(Fault::to_string)));
        }
        Record::Touched { file_id, .. } => {
            if let Some((_, space)) = index.path_and_space(*file_id)? {
                service.tally.done(&space, |d| d.developed += 1);
            }
        }
        Record::Recognised(r) => {
            let Some((path, space)) = index.path_and_space(r.file_id)? else { return Ok(()) };
            let of = events::Of { item: r.file_id, path: &path, space: &space };
            let fault = r.answer.as_ref().err();
            service.tally.done(&space, |d| match fault {
                Some(_) => d.failed += 1,
                None => d.recognised += 1,
            });
            service.tell(match fault {
                Some(fault) => Event::item(of, Some(fault.to_string())),
                None => Event::recognised(of),
            });
        }
        Record::Dropped { .. } | Record::Flush(_) => {}
    }
    Ok(())
}

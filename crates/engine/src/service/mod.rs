//! The daemon: watches folders, serves requests, and works in the background when it may.
//!
//! Threads: the *scanner* turns requests and changes on disk into work (`pending`); the *developing* threads take work
//! from the [`queue`], uploads first; the *recorder* writes; the post-commit thread ([`post_commit`]) groups files into
//! items, resolves places and completes requests; the recognition thread ([`recognition_worker`]) takes uploads first; the [`api`]
//! answers requests. They share [`Service`].
//!
//! Promises: an acknowledged request is stored in the index and survives a crash; without work there is no disk access;
//! shutdown takes at most five seconds.

pub mod access;
pub mod api;
pub mod client;
mod committed;
pub mod counters;
pub mod disk_space;
pub mod events;
pub mod mounting;
pub mod post_commit;
pub mod queue;
pub mod recognition;
pub mod recognition_worker;
mod reload;
mod scanner;
pub mod throttle;
mod timer;
pub mod watch;
pub mod watched;

use crate::config::{Config, Spaces};
use crate::pipeline::developing::{Developer, Shared};
use crate::pipeline::meter::Meter;
use crate::pipeline::progress::Progress;
use crate::pipeline::recorder::{Record, Recorder};
use crate::pipeline::run::{self, Options, Plan, RunError};
use crate::pipeline::shutdown::Shutdown;
use crate::pipeline::volumes::{Target, Volumes};
use albumen_files::identity::Owners;
use albumen_files::walk::Reach;
use albumen_files::{absolute, patience, relative};
use albumen_index::Error as IndexError;
use albumen_index::due::Scope;
use albumen_index::{Index, IndexReader, OpenError};
use crossbeam_channel::{Sender, bounded, unbounded};
use disk_space::DiskSpace;
use events::Event;
use queue::{Queue, Rules};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;
use throttle::Throttle;

/// Maximum number of results queued for the recorder.
const WAITING_RECORDS: usize = 256;

/// A message to a scanner.
#[derive(Debug)]
pub enum Order {
    /// Requests of this scanner's priority are in the index and not queued yet.
    Requests,
    /// Walk these in the background, each to its reach.
    Walk(Vec<(PathBuf, Reach)>),
    /// Walk these because the kernel reports no changes for them.
    Poll(Vec<(PathBuf, Reach)>),
    /// Walk these again later: they, or files in them, could not be read.
    Again(Vec<(PathBuf, Reach)>),
    /// Files are recorded as unavailable and must be retried from time to time.
    CatchUpLater,
    /// Walk everything that is configured.
    WalkAll,
    /// A condition that blocked walks may have ended.
    LookAgain,
    Stop,
}

/// A message to the post-commit thread: what has changed.
#[derive(Debug)]
pub enum PostCommitTask {
    /// Files in these folders.
    Background(BTreeSet<i64>),
    /// Process everything that is due.
    Everything,
    /// A request may be complete.
    Jobs,
    Stop,
}

/// A message to the recognition thread: what may be due.
#[derive(Debug)]
pub enum RecognitionTask {
    /// A request waits for this part, whose files are all developed.
    Upload(Scope),
    /// Due background work, or a condition that blocked it has ended.
    Background,
    /// People or subjects may have been disabled for some spaces.
    SpacesChanged,
    Stop,
}

/// State shared by all threads of the service.
pub struct Service {
    pub index_dir: PathBuf,
    pub config: RwLock<Config>,
    pub config_path: Option<PathBuf>,
    pub plan: Plan,
    pub shared: Shared,
    pub queue: Queue,
    pub throttle: Throttle,
    pub disk_space: Arc<DiskSpace>,
    pub events: tokio::sync::broadcast::Sender<Event>,
    /// Counts commits; tasks that wait for a job check it again on each change.
    pub commits: tokio::sync::watch::Sender<u64>,
    pub scanner: Sender<Order>,
    /// Uploads have their own scanner, so that they never wait for a walk.
    pub uploads: Sender<Order>,
    pub post_commit: Sender<PostCommitTask>,
    pub recognition_worker: Sender<RecognitionTask>,
    pub started: Instant,
    pub counters: counters::Counters,
    /// Requests a recount.
    pub counter: Sender<()>,
    /// The tokens accepted over TCP.
    pub tokens: RwLock<Vec<api::Token>>,
    pub models: recognition::Models,
    watching: Mutex<Option<watch::Watching>>,
    readers: Mutex<Vec<IndexReader>>,
}

/// Why the service could not start or had to stop.
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
    /// A read-only connection for one request; return it with [`Service::give_back`].
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

    /// Publishes an event; having no subscribers is not an error.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// The targets for paths, each in its configured space; paths in no space are left out. For a missing path, the
    /// nearest existing folder above it is walked, without subfolders, which detects the removal. Also returns the owners of
    /// the spaces at that moment.
    fn targets(&self, index: &Index, paths: &[(PathBuf, Reach)]) -> Result<(Vec<Target>, Owners), RunError> {
        let mut volumes = Volumes::read(&self.config(), index)?;
        for (old, new) in volumes.follow_config(index)? {
            tracing::info!(from = old, to = new, "a space has another name, and keeps its people");
        }
        let owners = volumes.spaces.owners();
        if paths.is_empty() {
            return Ok((volumes.targets(&[]), owners));
        }
        let is_configured = |path: &Path| volumes.spaces.holding(&absolute(path)).is_some();
        let mut targets: Vec<Target> = Vec::new();
        for (path, reach) in paths.iter().filter(|(path, _)| is_configured(path)) {
            let mut found = volumes.targets(std::slice::from_ref(path));
            if *reach == Reach::Folder {
                // Without the volumes inside it.
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
        Ok((targets, owners))
    }

    /// The configured spaces of some paths; `None` if one is in no space.
    pub fn spaces_of<P: AsRef<Path>>(&self, paths: &[P]) -> Option<BTreeSet<String>> {
        let spaces = Spaces::resolve(&self.config().spaces);
        paths.iter().map(|p| Some(spaces.holding(&absolute(p.as_ref()))?.0.name.clone())).collect()
    }

    /// Watches the current configuration, replacing earlier watches.
    fn watch(self: &Arc<Service>) {
        let started = watch::start(self);
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
    }

    /// A condition that blocked work may have ended: wakes all threads.
    pub fn work_again(&self) {
        self.queue.wake();
        for orders in [&self.scanner, &self.uploads] {
            let _ = orders.send(Order::LookAgain);
        }
        let _ = self.recognition_worker.send(RecognitionTask::Background);
    }

    /// Writes to the index, and retries when a full disk has space again. Returns any other error, and `DiskFull` at
    /// shutdown.
    fn with_disk_space<T>(&self, mut write: impl FnMut() -> Result<T, IndexError>) -> Result<T, IndexError> {
        loop {
            match write() {
                Err(e) if self.disk_space.explains(&e) && self.disk_space.wait() => {}
                done => return done,
            }
        }
    }
}

/// Whether a service can run with this config: checks what is stored outside the file.
pub fn check(config: &Config) -> Result<(), ServiceError> {
    api::read_tokens(config).map(drop)
}

/// Runs until shutdown is requested.
pub fn run(
    config: Config,
    config_path: Option<PathBuf>,
    index_dir: &Path,
    shutdown: &Shutdown,
) -> Result<(), ServiceError> {
    crate::pipeline::descriptors::raise();
    let index = Index::open_indexing(index_dir, || albumen_core::failpoints::reached("in_a_migration"))?;
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
    let meter = Meter::of_service(progress.clone());
    let options = Options { recognise: config.recognise.enabled, ..Options::default() };
    let plan = Plan::with_models_to_come(&config, options.recognise);
    let shared = run::shared(&config, &options, &plan, index_dir, &progress, shutdown);
    let jobs = run::jobs(&config, &options);
    let throttle = Throttle::new(config.service.background, config.service.windows.clone());
    let (scanner, scanner_orders) = unbounded();
    let (uploads, upload_orders) = unbounded();
    let (post_commit, dirty) = unbounded();
    let (recognition_worker, tasks) = unbounded();
    let (counter, counts) = unbounded();
    let (drained, elsewhere, gave_up) = (recognition_worker.clone(), scanner.clone(), scanner.clone());
    let rules = Rules {
        threads: jobs,
        preempt: config.service.uploads.preempt,
        idle: config.service.idle.get(),
        drained: Box::new(move || drop(drained.send(RecognitionTask::Background))),
        gave_up: Box::new(move || drop(gave_up.send(Order::CatchUpLater))),
        look_at: Box::new(move |volume| drop(elsewhere.send(Order::Again(vec![(volume, Reach::Tree)])))),
    };
    let disk_space = Arc::new(DiskSpace::new(index_dir, shutdown.clone()));
    let queue = Queue::new(index.another()?, throttle.clone(), disk_space.clone(), shutdown.clone(), rules);
    let tokens = RwLock::new(api::read_tokens(&config)?);
    let models = recognition::Models::new(plan.stages.faces.as_ref().map(|_| plan.models.clone()));
    let service = Arc::new(Service {
        index_dir: index_dir.to_owned(),
        config: RwLock::new(config),
        config_path,
        plan,
        shared,
        queue,
        throttle,
        disk_space: disk_space.clone(),
        events: tokio::sync::broadcast::channel(1024).0,
        commits: tokio::sync::watch::channel(0).0,
        scanner,
        uploads,
        post_commit,
        recognition_worker,
        started: Instant::now(),
        counters: counters::Counters::default(),
        counter,
        tokens,
        models,
        watching: Mutex::new(None),
        readers: Mutex::new(Vec::new()),
    });
    reload::on_hangups(&service)?;

    let (out, records) = bounded::<Record>(WAITING_RECORDS);
    let recorder = Recorder {
        index: index.another()?,
        store: service.shared.store.clone(),
        stages: service.shared.stages.clone(),
        progress: progress.clone(),
        committed: Some(committed::committed(&service, index.another()?)),
        patience: Some(Box::new(move |e| disk_space.ran_out(e) && disk_space.wait())),
    };
    let result = std::thread::scope(|s| -> Result<(), ServiceError> {
        let recording = s.spawn(|| {
            let recorded = recorder.run(records);
            // Without a recorder no work is possible.
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
            s.spawn(move || scanner::run(index, service, orders, priority));
        }
        let tidying = index.another()?;
        s.spawn(|| post_commit::run(tidying, &service, dirty));
        let looking = index.another()?;
        let (look_out, service_ref) = (out.clone(), &service);
        s.spawn(move || recognition_worker::run(looking, service_ref, tasks, look_out));
        drop(out);
        let counting = index.another()?;
        let service_ref = &service;
        s.spawn(move || post_commit::count(&counting, service_ref, &counts));
        let _ = service.counter.send(());
        let _ = service.uploads.send(Order::Requests);
        let _ = service.scanner.send(Order::Requests);
        service.watch();
        s.spawn(|| timer::run(&service, shutdown));

        let served = api::serve(&service, listeners);
        service.watching.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whatever ended serving also ends the other threads.
        if !shutdown.requested() {
            shutdown.request(rustix::process::Signal::TERM.as_raw());
        }
        service.shared.budget.close();
        service.queue.stop();
        for orders in [&service.scanner, &service.uploads] {
            let _ = orders.send(Order::Stop);
        }
        let _ = service.counter.send(());
        let _ = service.post_commit.send(PostCommitTask::Stop);
        let _ = service.recognition_worker.send(RecognitionTask::Stop);
        let recorded = recording.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
        served?;
        match recorded {
            // It was waiting for disk space at shutdown. Its data is still in the queue.
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

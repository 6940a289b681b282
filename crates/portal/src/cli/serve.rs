//! `albumen-portal serve`.

use super::{Done, Failure, NO_START};
use crate::acme;
use crate::clock::now;
use crate::config::{Config, Tls};
use crate::http::App;
use crate::net;
use crate::net::authority::Authority;
use crate::net::tls::{Certificates, Source, TlsError, server_config};
use crate::setup;
use crate::store::Store;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Also run the engine (`albumen service`), and stop it with the portal
    #[arg(long)]
    with_engine: bool,
}

/// The portal's names; those of the config first, because links use them.
pub(super) fn hosts(config: &Config) -> Vec<String> {
    let mut hosts = config.portal.names.clone();
    for name in net::host_names() {
        if !hosts.contains(&name) {
            hosts.push(name);
        }
    }
    hosts
}

pub(super) fn run(args: ServeArgs, config: Config) -> Done {
    let cannot = |e: &dyn std::fmt::Display| Failure::new(NO_START, e);
    // Held until the end: a restore must not replace files in use.
    let lock = crate::backup::lock(&config.portal.state).map_err(|e| cannot(&e))?;
    let _lock = lock.ok_or_else(|| {
        let state = config.portal.state.display();
        Failure::new(NO_START, format_args!("another portal, or a restore, uses {state}: wait, or stop it"))
    })?;
    let store = Arc::new(Store::open(&config.portal.state).map_err(|e| cannot(&e))?);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(16)
        .thread_stack_size(1 << 20)
        .enable_all()
        .build()
        .map_err(|e| cannot(&e))?;
    runtime.block_on(serve(args, config, store))
}

async fn serve(args: ServeArgs, config: Config, store: Arc<Store>) -> Done {
    let cannot = |e: &dyn std::fmt::Display| Failure::new(NO_START, e);
    let hosts = hosts(&config);
    let (authority, certificates) = certificates(&config, &hosts)?;
    let acme = (config.portal.tls == Tls::Acme).then(|| acme::Settings::new(&config.portal));
    let tls = match certificates {
        None => None,
        Some(certificates) => {
            let tls = server_config(certificates.clone(), acme.is_some()).map_err(|e| cannot(&e))?;
            Some((tls, certificates))
        }
    };

    let address = config.portal.listen;
    let listen = |e| Failure::new(NO_START, net::ServeError::Listen { address, why: e });
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let url = url(&config, &hosts, bound.port());
    if let Some(path) = setup::offer(&store, &config.portal.state, &url, now()).map_err(|e| cannot(&e))? {
        eprintln!(
            "albumen-portal: there is no account yet: open the link in {} within an hour",
            path.display()
        );
    }
    eprintln!("albumen-portal: serving {url} on {bound}");

    let (stop, stopped) = watch::channel(false);
    let engine = if args.with_engine {
        Some(tokio::spawn(crate::with_engine::supervise(config.path.clone(), stopped.clone())))
    } else {
        None
    };
    let app = Arc::new(App::new(config, store.clone(), hosts, authority));
    let current = tls.as_ref().map(|(_, certificates)| certificates.clone());
    let retry = Arc::new(Notify::new());
    let orders = acme.zip(current.clone()).map(|(settings, certificates)| {
        tokio::spawn(acme::run(settings, certificates, store, retry.clone()))
    });
    let signals = tokio::spawn(signals(app.clone(), current, retry, stop));
    // Without systemd this has no effect.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let streams = tokio::spawn(end_streams(app.clone(), stopped.clone()));
    let served = net::serve(app, listener, tls, stopped).await;
    signals.abort();
    streams.abort();
    if let Some(orders) = orders {
        orders.abort();
    }
    if let Some(engine) = engine {
        // It receives the same signal, and has its own time limit.
        let _ = engine.await;
    }
    served.map_err(|e| cannot(&e))
}

/// The local authority if `/ca` offers it, and the certificates; none with `tls = "off"`.
type Identity = (Option<Arc<Authority>>, Option<Arc<Certificates>>);

fn certificates(config: &Config, hosts: &[String]) -> Result<Identity, Failure> {
    let cannot = |e: TlsError| Failure::new(NO_START, e);
    let load = |source| Certificates::load(source, now()).map(|c| Some(Arc::new(c)));
    let local = || -> Result<(Arc<Authority>, Source), TlsError> {
        let authority = Arc::new(Authority::open(&config.portal.state, hosts, now())?);
        let (names, addresses) = (hosts.to_vec(), net::host_addresses());
        Ok((authority.clone(), Source::Local { authority, names, addresses }))
    };
    match config.portal.tls {
        Tls::Off => Ok((None, None)),
        Tls::SelfSigned => {
            let (authority, source) = local().map_err(cannot)?;
            Ok((Some(authority), load(source).map_err(cannot)?))
        }
        Tls::Files => match (&config.portal.certificate, &config.portal.key) {
            (Some(certificate), Some(key)) => {
                let source = Source::Files { certificate: certificate.clone(), key: key.clone() };
                Ok((None, load(source).map_err(cannot)?))
            }
            _ => Err(Failure::new(NO_START, "certificate and key are not set")),
        },
        Tls::Acme => {
            match acme::Settings::new(&config.portal).source().map(load) {
                Some(Ok(certificates)) => return Ok((None, certificates)),
                Some(Err(e)) => tracing::error!("{e}"),
                None => {}
            }
            tracing::warn!(
                "there is no certificate by ACME yet: until then, browsers warn of the portal's own certificate"
            );
            Ok((None, load(local().map_err(cannot)?.1).map_err(cannot)?))
        }
    }
}

/// Event streams do not end by themselves.
async fn end_streams(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    // An error means that the portal has ended.
    let _ = stopped.wait_for(|stopped| *stopped).await;
    app.relay.end();
}

fn url(config: &Config, hosts: &[String], port: u16) -> String {
    let listen = config.portal.listen.ip();
    let scheme = if config.portal.tls == Tls::Off { "http" } else { "https" };
    let host = match config.portal.names.first() {
        Some(name) => name.clone(),
        None if !listen.is_unspecified() => match listen {
            IpAddr::V4(a) => a.to_string(),
            IpAddr::V6(a) => format!("[{a}]"),
        },
        None => hosts.first().cloned().unwrap_or_else(|| "localhost".into()),
    };
    format!("{scheme}://{host}:{port}{}", config.portal.base_path)
}

/// SIGTERM and SIGINT stop the portal cleanly; SIGHUP reloads folders and certificates, and by `retry` ends the
/// pause after a failed order. Certificates are also checked periodically.
async fn signals(
    app: Arc<App>,
    certificates: Option<Arc<Certificates>>,
    retry: Arc<Notify>,
    stop: watch::Sender<bool>,
) {
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        tracing::error!("signals cannot be heard: only SIGKILL ends the portal");
        return;
    };
    let mut tick = tokio::time::interval(Duration::from_secs(30));
    loop {
        let is_asked = tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hup.recv() => true,
            _ = tick.tick() => false,
        };
        if is_asked {
            app.forget_policy();
            app.library.forget();
            retry.notify_one();
        }
        if let Some(certificates) = &certificates {
            match certificates.refresh(now()) {
                Ok(true) => tracing::warn!("a new certificate is in use"),
                Ok(false) => {}
                Err(e) => tracing::error!("the old certificate stays in use: {e}"),
            }
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = stop.send(true);
}

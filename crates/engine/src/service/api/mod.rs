//! HTTP + JSON over a Unix socket (full access for each client that can open it) and over loopback TCP (with a token,
//! which may be restricted to some spaces). docs/openapi.yaml describes it; a test compares the two.

mod connections;
mod control;
mod edits;
mod faces;
mod handles;
mod listen;
mod people;
mod reading;
mod refusal;
mod requests;
mod routes;
mod status;

use super::access::Access;
use super::{Service, ServiceError};
use axum::extract::Extension;
use connections::{Connections, Limits};
pub use listen::{Listeners, Token, listen, read_tokens};
pub use routes::{ROUTES, Route};
use std::sync::Arc;
use std::time::Duration;

/// Serves until shutdown.
pub fn serve(service: &Arc<Service>, listeners: Listeners) -> Result<(), ServiceError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    runtime.block_on(async {
        let routes = routes::router(service.clone());
        let connections = Connections::new(Limits::within(crate::pipeline::descriptors::limit()));
        let mut serving = tokio::task::JoinSet::new();
        if let Some((unix, _)) = &listeners.unix {
            let listener = tokio::net::UnixListener::from_std(unix.try_clone()?)?;
            let app = routes.clone().layer(Extension(Access::ALL));
            serving.spawn(connections::accept_unix(listener, app, connections.clone()));
        }
        if let Some(tcp) = listeners.tcp {
            let listener = tokio::net::TcpListener::from_std(tcp)?;
            let app =
                routes.layer(axum::middleware::from_fn_with_state(service.clone(), listen::check_token));
            serving.spawn(connections::accept_tcp(listener, app, connections));
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        // Shutdown is awaited here, so that open event streams do not keep the service running.
        let stopping = Arc::new(tokio::sync::Notify::new());
        let stop = stopping.clone();
        service.shared.shutdown.on_request(move || stop.notify_one());
        let watchdog = sd_notify::watchdog_enabled().map(|w| tokio::time::interval(w / 2));
        tokio::select! {
            () = stopping.notified() => {}
            () = reset_watchdog(watchdog) => {}
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        serving.abort_all();
        Ok::<(), ServiceError>(())
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Some((_, path)) = listeners.unix {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Sends systemd's watchdog signal in an endless loop.
async fn reset_watchdog(interval: Option<tokio::time::Interval>) {
    let Some(mut interval) = interval else { return std::future::pending().await };
    loop {
        interval.tick().await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}

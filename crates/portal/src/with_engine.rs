//! `serve --with-engine`: runs `albumen service` beside the portal, for systems without a service manager.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// The delay before a restart: it grows while the engine keeps exiting.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// An engine that ran for this time is considered stable.
const STAYED: Duration = Duration::from_secs(60);
/// The engine exits within five seconds of SIGTERM.
const PATIENCE: Duration = Duration::from_secs(15);

/// Starts the engine, restarts it until `stopped`, then ends it and waits for its exit.
pub(crate) async fn supervise(config: Option<PathBuf>, mut stopped: watch::Receiver<bool>) {
    let mut wait = FIRST_WAIT;
    loop {
        let started = tokio::time::Instant::now();
        match start(config.as_ref()) {
            Err(e) => tracing::error!("`albumen service` cannot be started: {e}"),
            Ok(mut child) => {
                tokio::select! {
                    end = child.wait() => tell(end),
                    () = told(&mut stopped) => {
                        end_in_order(&mut child).await;
                        return;
                    }
                }
            }
        }
        wait = if started.elapsed() > STAYED { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = told(&mut stopped) => return,
        }
    }
}

/// Waits for the end of the portal.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is dropped: the portal has ended.
    let _ = stopped.wait_for(|s| *s).await;
}

/// The program in the same folder, else the one in PATH.
fn start(config: Option<&PathBuf>) -> std::io::Result<Child> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|me| Some(me.parent()?.join("albumen")))
        .filter(|p| p.is_file());
    let mut command = Command::new(beside.unwrap_or_else(|| PathBuf::from("albumen")));
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    // Its readiness is not the portal's.
    command.arg("service").env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC").kill_on_drop(true);
    command.spawn()
}

fn tell(end: std::io::Result<ExitStatus>) {
    match end {
        Ok(status) => tracing::error!("the engine ended ({status}) and is started again"),
        Err(e) => tracing::error!("the engine's end cannot be seen: {e}"),
    }
}

async fn end_in_order(child: &mut Child) {
    if let Some(pid) =
        child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).unwrap_or(0)))
    {
        // An error means that it has already exited.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        tracing::error!("the engine does not end and is killed");
        let _ = child.kill().await;
    }
}

//! State of the service: health, status, metrics, events.

use super::connections::Own;
use super::handles::StatusHandle;
use super::refusal::Answer;
use crate::pipeline::progress::Progress;
use crate::service::access::Access;
use crate::service::events::Event;
use albumen_files::patience;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// A full disk is reported but is not an error, because a restart would not help.
pub(super) async fn healthz(State(service): State<StatusHandle>) -> &'static str {
    if service.disk_space().is_available() { "ok\n" } else { "disk full\n" }
}

pub(super) async fn status(
    State(service): State<StatusHandle>,
    Extension(access): Extension<Access>,
) -> Json<serde_json::Value> {
    let p = service.progress();
    let since_start = service.counters().since_start(&access);
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": service.uptime().as_secs(),
        "idle": service.queue().is_idle(),
        "paused": service.throttle().is_paused(),
        "held_back": service.throttle().held_back(),
        "disk_full": service.disk_space().shortage(),
        "put_off": service.queue().put_off(),
        "hanging": if access.is_limited() { Vec::new() } else { patience::hanging() },
        "uploads_waiting": since_start.uploads_waiting,
        "developed": since_start.developed,
        "recognised": since_start.recognised,
        "failed": since_start.failed,
        "slowest_now": p
            .slowest_now()
            .filter(|_| !access.is_limited())
            .map(|(path, seconds)| json!({ "path": path, "seconds": seconds })),
        "index": service.counters().counts(&access),
        "missing": service.models().missing(),
        "broken": service.models().incomplete(),
    }))
}

pub(super) async fn events(
    State(service): State<StatusHandle>,
    Extension(access): Extension<Access>,
    Extension(own): Extension<Own>,
) -> Answer<impl IntoResponse> {
    let streaming = own.streams()?;
    let heard = tokio_stream::wrappers::BroadcastStream::new(service.listen());
    let events = heard.filter_map(move |event: Result<Event, _>| {
        // Counted until the stream ends.
        let _ = &streaming;
        let event = match event {
            Ok(event) => event.heard_with(&access, || service.counters().since_start(&access))?,
            // Report lost events to a client that was too slow, and continue.
            Err(BroadcastStreamRecvError::Lagged(count)) => Event::missed(count),
        };
        let data = serde_json::to_string(&event).ok()?;
        Some(Ok::<_, std::convert::Infallible>(
            axum::response::sse::Event::default().event(event.event).data(data),
        ))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Prometheus text format. Metrics of the whole process are not available to tokens restricted to some spaces.
pub(super) async fn metrics(
    State(service): State<StatusHandle>,
    Extension(access): Extension<Access>,
) -> Response {
    let p = service.progress();
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: f64| {
        text +=
            &format!("# HELP albumen_{name} {help}\n# TYPE albumen_{name} {kind}\nalbumen_{name} {value}\n");
    };
    let since_start = service.counters().since_start(&access);
    line("developed_total", "counter", "Files developed.", since_start.developed as f64);
    line("recognised_total", "counter", "Files recognised.", since_start.recognised as f64);
    line("failed_total", "counter", "Files that failed.", since_start.failed as f64);
    line("uploads_waiting", "gauge", "Requests that wait.", since_start.uploads_waiting as f64);
    let paused = f64::from(u8::from(service.throttle().is_paused()));
    line("paused", "gauge", "1 while background work is paused.", paused);
    let full = f64::from(u8::from(!service.disk_space().is_available()));
    line("disk_full", "gauge", "1 while the disk with the index is full and work waits.", full);
    if let Some(c) = service.counters().counts(&access) {
        line("items", "gauge", "Items in the index.", c.items as f64);
        line("pending", "gauge", "Files that wait to be developed.", c.pending as f64);
    }
    if !access.is_limited() {
        line("bytes_total", "counter", "Bytes of files developed.", Progress::get(&p.bytes_done) as f64);
        line("memory_peak_bytes", "gauge", "Highest PSS of all processes.", p.peak_pss() as f64);
        for (stage, seconds) in p.stage_cpu_s() {
            text += &format!("albumen_stage_cpu_seconds_total{{stage=\"{stage}\"}} {seconds}\n");
        }
    }
    Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; version=0.0.4")
        .body(Body::from(text))
        .expect("a constant header and a string")
}

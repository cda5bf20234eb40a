//! Looks at everything once a second for those who listen, and passes on what happens.

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use serde::Serialize;
use tidegate::Event;
use tidegate_observability::{EventKind, Severity, Status};

use crate::serve::state::Server;

/// How often everybody is told where everything stands.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How long events are collected before they go out.
const EVENTS_EVERY: Duration = Duration::from_millis(50);
/// After so many statuses a line that says nothing, so that those between know that somebody is there.
const COMMENT_AFTER: u32 = 15;
/// The most events in one message.
const BATCH_MAX: usize = 64;

/// Goes on until it is aborted.
pub(super) async fn beat(server: Data<Server>) {
    let events = pass_on(&server);
    let statuses = show(&server);
    tokio::join!(events, statuses);
}

/// Ends when Tidegate has stopped.
async fn pass_on(server: &Server) {
    let Some(events) = server.tidegate().subscribe() else {
        tracing::warn!("too many listen to what happens: events are not passed on");
        return;
    };
    while let Some(first) = events.next().await {
        let more = std::iter::from_fn(|| events.try_next()).take(BATCH_MAX - 1);
        let batch: Vec<Event> = std::iter::once(first).chain(more).collect();
        batch.iter().for_each(log);
        if !server.clients().is_empty() {
            let text: String = batch.iter().filter_map(|event| frame("event", event)).collect();
            server.clients().tell(&Bytes::from(text));
        }
        // What comes in the meantime goes out together.
        tokio::time::sleep(EVENTS_EVERY).await;
    }
}

async fn show(server: &Server) {
    let mut every = tokio::time::interval(STATUS_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut beats: u32 = 0;
    loop {
        every.tick().await;
        if server.clients().is_empty() {
            continue;
        }
        beats = beats.wrapping_add(1);
        if beats.is_multiple_of(COMMENT_AFTER) {
            server.clients().tell(&Bytes::from_static(b": still here\n\n"));
        }
        match server.status().await {
            Ok(status) => server.clients().tell(&status_frame(&status)),
            Err(problem) => tracing::warn!("no status: {problem}"),
        }
    }
}

/// A status as it is sent.
pub(super) fn status_frame(status: &Status) -> Bytes {
    Bytes::from(frame("status", status).unwrap_or_default())
}

/// A server-sent event. JSON has no line breaks outside of strings, and in strings they are escaped.
fn frame(name: &str, data: &impl Serialize) -> Option<String> {
    let data = serde_json::to_string(data).ok()?;
    Some(format!("event: {name}\ndata: {data}\n\n"))
}

fn log(event: &Event) {
    match &event.kind {
        EventKind::Alert { alert } if alert.resolved_at.is_some() => tracing::info!("{event}"),
        // The level says how bad it is.
        EventKind::Alert { alert } if alert.severity == Severity::Critical => {
            tracing::error!("{}", alert.text);
        }
        EventKind::Alert { alert } => tracing::warn!("{}", alert.text),
        EventKind::LimiterFailed { .. } => tracing::warn!("{event}"),
        EventKind::LimiterGivenUp => tracing::error!("{event}"),
        EventKind::LimiterResumed | EventKind::LimitsChanged { .. } => tracing::info!("{event}"),
        kind if kind.is_frequent() => tracing::trace!("{event}"),
        _ => tracing::debug!("{event}"),
    }
}

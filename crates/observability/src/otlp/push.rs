//! The thread that pushes.
//!
//! Whoever has samples offers them, as often as they like and without waiting; the last one offered is what
//! is pushed when it is time. So nothing piles up when the collector is slow or gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use prost::Message;
use tidegate_units::Span;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::wire::Response;
use super::{OtlpError, OtlpSettings, encode, short};
use crate::sample::Sample;
use crate::status::Alert;

/// How much of an answer is read: a count and a sentence.
const ANSWER_MAX: u64 = 64 * 1_024;
/// The longest that a collector may ask to be left alone.
const PAUSE_MAX: Span = OtlpSettings::INTERVAL_MAX;

/// What came of the pushes so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pushed {
    /// Pushes that the collector took.
    pub taken: u64,
    /// Pushes that did not reach it, or that it refused.
    pub failed: u64,
    /// Rows that it rejected of pushes that it took.
    pub rejected_rows: u64,
    /// Why the last one failed, if it did.
    pub last_error: Option<String>,
}

type Offer = (Arc<Sample>, Vec<Alert>);

/// What the thread and its owner share.
#[derive(Debug, Default)]
struct Slot {
    offer: Mutex<Option<Offer>>,
    pushed: Mutex<Pushed>,
}

/// Pushes samples from a thread of its own. Dropped, it pushes what was offered last and ends, and nobody waits
/// for that; [`stop`](Pusher::stop) does.
#[derive(Debug)]
pub struct Pusher {
    slot: Arc<Slot>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Pusher {
    /// Starts the thread. The first push is an interval from now.
    ///
    /// # Errors
    ///
    /// Settings with which nothing can be pushed; no thread.
    pub fn start(settings: &OtlpSettings) -> Result<Self, OtlpError> {
        let client = Client::new(settings)?;
        let slot = Arc::new(Slot::default());
        let (stop, stopped) = bounded(0);
        let (shared, interval) = (Arc::clone(&slot), settings.interval);
        let run = move || run(&client, &shared, &stopped, interval);
        let thread = thread::Builder::new().name("tidegate-otlp".to_owned()).spawn(run)?;
        Ok(Self { slot, stop: Some(stop), thread: Some(thread) })
    }

    /// The sample to push next, instead of one that was offered before and not pushed yet. Never waits for the
    /// collector.
    pub fn offer(&self, sample: impl Into<Arc<Sample>>, alerts: Vec<Alert>) {
        *lock(&self.slot.offer) = Some((sample.into(), alerts));
    }

    /// What came of the pushes so far.
    pub fn pushed(&self) -> Pushed {
        lock(&self.slot.pushed).clone()
    }

    /// Pushes what was offered last, and ends the thread. Waits for that as long as two pushes may take; one,
    /// if the collector did not answer the last time. Answers what came of it all.
    pub fn stop(mut self) -> Pushed {
        self.end();
        self.pushed()
    }

    fn end(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has pushed its last; there is nobody to tell.
            let _ = thread.join();
        }
    }
}

/// What is behind the locks is whole at any time: each is written at once.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Pushes at intervals until nobody holds the other end of `stopped`, and then once more.
fn run(client: &Client, slot: &Slot, stopped: &Receiver<()>, interval: Span) {
    let mut wait = interval;
    while stopped.recv_timeout(wait.to_duration()) == Err(RecvTimeoutError::Timeout) {
        wait = interval.max(push(client, slot));
    }
    if lock(&slot.pushed).last_error.is_none() {
        push(client, slot);
    }
}

/// Pushes what was offered, if anything. Answers how long the collector wants to be left alone.
fn push(client: &Client, slot: &Slot) -> Span {
    let Some((sample, alerts)) = lock(&slot.offer).take() else {
        return Span::ZERO;
    };
    let answer = client.push(&encode(&sample, &alerts, &client.settings.attributes));
    let mut pushed = lock(&slot.pushed);
    match answer {
        Ok(rejected) => {
            pushed.taken += 1;
            pushed.rejected_rows = pushed.rejected_rows.saturating_add(rejected);
            pushed.last_error = None;
            Span::ZERO
        }
        Err(refused) => {
            pushed.failed += 1;
            pushed.last_error = Some(refused.why);
            refused.pause
        }
    }
}

/// Why a push failed, and how long until the next may be tried.
struct Refused {
    why: String,
    pause: Span,
}

struct Client {
    agent: Agent,
    settings: OtlpSettings,
}

impl Client {
    fn new(settings: &OtlpSettings) -> Result<Self, OtlpError> {
        settings.check()?;
        for (name, value) in &settings.headers {
            let sound = HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
            if !sound {
                return Err(OtlpError::Header { name: short(name) });
            }
        }
        let config = Agent::config_builder()
            .timeout_global(Some(settings.timeout.to_duration()))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Ok(Self { agent: config.into(), settings: settings.clone() })
    }

    /// Answers how many rows were rejected.
    fn push(&self, body: &[u8]) -> Result<u64, Refused> {
        let mut request = self.agent.post(&self.settings.endpoint);
        for (name, value) in &self.settings.headers {
            request = request.header(name, value);
        }
        let sent = request.content_type("application/x-protobuf").send(body);
        let mut answer =
            sent.map_err(|error| Refused { why: error.to_string(), pause: Span::ZERO })?;
        if !answer.status().is_success() {
            let why = format!("the collector answered {}", answer.status());
            return Err(Refused { why, pause: pause(answer.headers()) });
        }
        let body = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
        // An answer that cannot be read is one that rejects nothing: it was taken.
        let answer = body.ok().and_then(|body| Response::decode(body.as_slice()).ok());
        let rejected = answer.and_then(|answer| answer.partial_success);
        let rejected = rejected.map_or(0, |partial| partial.rejected_data_points);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }
}

/// How long a collector that refused wants to be left alone, if it says so in seconds.
fn pause(headers: &HeaderMap) -> Span {
    let said = headers.get("retry-after").and_then(|value| value.to_str().ok());
    let seconds = said.and_then(|seconds| seconds.trim().parse().ok());
    seconds.map_or(Span::ZERO, Span::from_secs).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_left_alone_for_as_long_as_it_says_and_no_longer_than_an_hour() {
        let said = |text: &'static str| {
            pause(&[("retry-after", text)].into_iter().map(header).collect::<HeaderMap>())
        };
        assert_eq!(said("120"), Span::from_secs(120));
        assert_eq!(said(" 7 "), Span::from_secs(7));
        assert_eq!(said("99999999999999999"), Span::from_secs(3_600));
        assert_eq!(said("soon"), Span::ZERO);
        assert_eq!(pause(&HeaderMap::new()), Span::ZERO);
    }

    fn header((name, value): (&'static str, &'static str)) -> (HeaderName, HeaderValue) {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    }
}

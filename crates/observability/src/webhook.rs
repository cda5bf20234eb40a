//! Warnings posted as JSON to an address, from a thread of its own.
//!
//! Whoever has a warning hands it over and goes on: the queue has a bound, and what does not fit is dropped and
//! counted. The thread posts one warning after another, so that what is over is never told before what was
//! raised. What is refused for good is given up at once; what fails for now is posted again with growing
//! delays, as often and for as long as there is sense in it (`verdict`).
//!
//! The body is what chats that take incoming webhooks read (`text`), and the whole warning for programs.
//!
//! # Invariants
//!
//! - HOOK-1: handing over never waits; every warning is sent, failed or dropped, and counted as one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use serde::{Deserialize, Serialize};
use tidegate_units::{Span, WebhookPolicy};

use crate::status::Alert;

mod body;
mod post;
mod verdict;

use post::Post;
use verdict::{Patience, Verdict};

/// The most warnings that wait to be posted: as many as a bad minute has.
pub const QUEUE_MAX: usize = 256;

/// What becomes of warnings, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WebhookCounts {
    /// Posted, and taken.
    pub sent: u64,
    /// Given up: refused, or tried too often or for too long.
    pub failed: u64,
    /// Not even tried, because too many waited or the program ended.
    pub dropped: u64,
    /// Attempts after the first.
    pub retried: u64,
}

/// Why warnings cannot be posted so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The address asks for encryption, which is not there.
    #[error(
        "a webhook at `https://`: this program is built without `webhook-tls`, build it with it or use `http://`"
    )]
    NoTls,
    /// The token cannot stand in a header.
    #[error("a webhook token of {bytes} bytes: use 1 to 4096 printable bytes without spaces")]
    Token {
        /// How long it is.
        bytes: usize,
    },
    /// There is no room for a thread.
    #[error("no thread to post warnings from: {why}")]
    Thread {
        /// What the system says.
        why: String,
    },
}

/// Posts warnings. Dropped, it posts no more than what is under way; [`Webhook::stop`] waits for that.
///
/// ```
/// use tidegate_observability::webhook::{Webhook, WebhookError};
/// use tidegate_units::WebhookPolicy;
///
/// let webhook = Webhook::start(&WebhookPolicy::to("http://127.0.0.1:9/hook"), None)?;
/// assert_eq!(webhook.counts().sent, 0);
/// webhook.stop();
///
/// let refused = Webhook::start(&WebhookPolicy::to("http://localhost"), Some("a b".into()));
/// assert_eq!(
///     refused.unwrap_err().to_string(),
///     "a webhook token of 3 bytes: use 1 to 4096 printable bytes without spaces"
/// );
/// # Ok::<(), WebhookError>(())
/// ```
#[derive(Debug)]
pub struct Webhook {
    queue: Sender<Message>,
    counts: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
    /// Held for as long as the thread shall go on.
    stop: Option<Sender<()>>,
}

/// What the thread is told.
#[derive(Debug)]
enum Message {
    /// To post this.
    Alert(Box<Alert>),
    /// To say when everything before this is done with.
    Flush(Sender<()>),
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    retried: AtomicU64,
}

impl Webhook {
    /// Begins to post warnings as `policy` says, with `token` as bearer token.
    ///
    /// # Errors
    ///
    /// [`WebhookError`] if this program cannot post there, or not with such a token.
    pub fn start(policy: &WebhookPolicy, token: Option<String>) -> Result<Self, WebhookError> {
        Self::patiently(policy, token, Patience::of(policy))
    }

    fn patiently(
        policy: &WebhookPolicy,
        token: Option<String>,
        patience: Patience,
    ) -> Result<Self, WebhookError> {
        let post = Post::new(policy, token)?;
        let (queue, messages) = bounded(QUEUE_MAX);
        let (stop, stopped) = bounded(0);
        let counts = Arc::new(Counters::default());
        let worker = Worker { post, patience, messages, stopped, counts: Arc::clone(&counts) };
        let thread = std::thread::Builder::new()
            .name("tidegate-webhook".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| WebhookError::Thread { why: error.to_string() })?;
        Ok(Self { queue, counts, thread: Some(thread), stop: Some(stop) })
    }

    /// Hands a warning over. Never waits: what does not fit is dropped and counted.
    pub fn send(&self, alert: &Alert) {
        let message = Message::Alert(Box::new(alert.clone()));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(message)
        {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything that was handed over so far is sent or failed, at most so long. Answers whether
    /// it is.
    pub fn flush(&self, within: Span) -> bool {
        let (done, flushed) = bounded(1);
        // Half of the time for a place in the queue, for it may be full.
        let half = within.div(2).to_duration();
        let handed_over = self.queue.send_timeout(Message::Flush(done), half);
        handed_over.is_ok() && flushed.recv_timeout(half).is_ok()
    }

    /// What became of warnings so far.
    pub fn counts(&self) -> WebhookCounts {
        let Counters { sent, failed, dropped, retried } = &*self.counts;
        let [sent, failed, dropped, retried] =
            [sent, failed, dropped, retried].map(|count| count.load(Ordering::Relaxed));
        WebhookCounts { sent, failed, dropped, retried }
    }

    /// Posts nothing more, and waits for the attempt under way, which takes at most the timeout of the policy.
    /// What still waits is counted as dropped. [`Webhook::flush`] before it posts that first.
    pub fn stop(mut self) -> WebhookCounts {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
        self.counts()
    }
}

/// What the thread holds.
#[derive(Debug)]
struct Worker {
    post: Post,
    patience: Patience,
    messages: Receiver<Message>,
    stopped: Receiver<()>,
    counts: Arc<Counters>,
}

impl Worker {
    fn run(self) {
        loop {
            crossbeam_channel::select_biased! {
                recv(self.stopped) -> _ => break,
                recv(self.messages) -> message => match message {
                    Ok(Message::Alert(alert)) => self.deliver(&alert),
                    Ok(Message::Flush(done)) => drop(done.try_send(())),
                    Err(_) => break,
                },
            }
        }
        for message in self.messages.try_iter() {
            if matches!(message, Message::Alert(_)) {
                self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Posts a warning until it is taken, or there is no sense in it any more.
    fn deliver(&self, alert: &Alert) {
        let body = body::of(alert);
        let begun = self.post.now();
        for attempt in 1_u32.. {
            let answer = self.post.once(&body);
            let age = self.post.now().since(begun);
            let delay = match self.patience.after(answer, attempt, age, fastrand::f64()) {
                Verdict::Sent => return count(&self.counts.sent),
                Verdict::GivenUp => return count(&self.counts.failed),
                Verdict::Again { after } => after,
            };
            if self.is_stopped_within(delay) {
                return count(&self.counts.failed);
            }
            count(&self.counts.retried);
        }
    }

    /// Waits for the next attempt; answers whether there shall be none.
    fn is_stopped_within(&self, delay: Span) -> bool {
        let woken = self.stopped.recv_timeout(delay.to_duration());
        !matches!(woken, Err(crossbeam_channel::RecvTimeoutError::Timeout))
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;

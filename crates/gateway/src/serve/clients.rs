//! Those who listen to what happens: each has a queue, and nobody waits for the slow.
//!
//! A message is text that is made once and shared by all. Who does not take messages as fast as they come is
//! let go with a word, rather than held in memory or waited for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The most who listen at once.
pub(super) const CLIENTS_MAX: usize = 64;
/// The most messages that wait for one of them.
const MESSAGES_MAX: usize = 128;

const TOO_SLOW: &str = ": dropped: too slow\n\n";
const ENDED: &str = ": the server ends\n\n";

/// All who listen.
#[derive(Debug, Default)]
pub(super) struct Clients {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    closed: bool,
    next: u64,
    queues: HashMap<u64, Queue>,
}

#[derive(Debug)]
struct Queue {
    sender: Sender<Bytes>,
    too_slow: Arc<AtomicBool>,
}

impl Clients {
    /// One more listens, from `first` on; `None` when there are too many, or none are wanted any more.
    pub(super) fn join(self: &Arc<Self>, first: Bytes) -> Option<Messages> {
        let mut inner = self.inner();
        if inner.closed || inner.queues.len() >= CLIENTS_MAX {
            return None;
        }
        let (sender, receiver) = channel(MESSAGES_MAX);
        // The queue is empty, so that it fits.
        let _ = sender.try_send(first);
        let (too_slow, id) = (Arc::new(AtomicBool::new(false)), inner.next);
        inner.next += 1;
        inner.queues.insert(id, Queue { sender, too_slow: Arc::clone(&too_slow) });
        Some(Messages { clients: Arc::clone(self), id, receiver, too_slow, ended: false })
    }

    /// Tells everybody; lets those go whose queue is full, or who are gone.
    pub(super) fn tell(&self, message: &Bytes) {
        self.inner().queues.retain(|_, queue| match queue.sender.try_send(message.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                queue.too_slow.store(true, Ordering::Relaxed);
                false
            }
            Err(TrySendError::Closed(_)) => false,
        });
    }

    /// Whether nobody listens.
    pub(super) fn is_empty(&self) -> bool {
        self.inner().queues.is_empty()
    }

    /// Lets everybody go, and nobody join.
    pub(super) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        inner.queues.clear();
    }

    /// Every statement leaves it valid, so a panic elsewhere cannot poison it.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one who listens is told: the body of his answer.
#[derive(Debug)]
pub(super) struct Messages {
    clients: Arc<Clients>,
    id: u64,
    receiver: Receiver<Bytes>,
    too_slow: Arc<AtomicBool>,
    ended: bool,
}

impl MessageBody for Messages {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let messages = self.get_mut();
        if messages.ended {
            return Poll::Ready(None);
        }
        messages.receiver.poll_recv(context).map(|message| {
            let last = || {
                let too_slow = messages.too_slow.load(Ordering::Relaxed);
                Bytes::from_static(if too_slow { TOO_SLOW } else { ENDED }.as_bytes())
            };
            messages.ended = message.is_none();
            Some(Ok(message.unwrap_or_else(last)))
        })
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.clients.inner().queues.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    /// Everything that comes until the end.
    fn all(mut messages: Messages) -> Vec<Bytes> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut all = Vec::new();
            while let Some(Ok(message)) = poll_fn(|cx| Pin::new(&mut messages).poll_next(cx)).await
            {
                all.push(message);
            }
            all
        })
    }

    #[test]
    fn everybody_is_told_in_order_and_at_the_end() {
        let clients = Arc::new(Clients::default());
        let (one, other) = (clients.join(text("1")), clients.join(text("one")));
        clients.tell(&text("2"));
        clients.close();
        assert!(clients.join(text("3")).is_none(), "nobody joins what has ended");
        assert_eq!(all(one.expect("it joined")), ["1", "2", ENDED]);
        assert_eq!(all(other.expect("it joined")), ["one", "2", ENDED]);
    }

    #[test]
    fn the_slow_are_let_go_with_a_word_and_hold_up_nobody() {
        let clients = Arc::new(Clients::default());
        let slow = clients.join(text("first")).expect("there is room");
        for _ in 0..MESSAGES_MAX {
            clients.tell(&text("more"));
        }
        assert!(clients.is_empty());
        let told = all(slow);
        assert_eq!(told.len(), MESSAGES_MAX + 1);
        assert_eq!(told.last(), Some(&text(TOO_SLOW)));
    }

    #[test]
    fn there_are_only_so_many_and_who_leaves_makes_room() {
        let clients = Arc::new(Clients::default());
        let mut joined: Vec<Messages> =
            (0..CLIENTS_MAX).map(|_| clients.join(text("hello")).expect("there is room")).collect();
        assert!(clients.join(text("hello")).is_none());
        joined.pop();
        assert!(clients.join(text("hello")).is_some());
    }
}

//! What a caller asks of a limiter.

use std::sync::Arc;

use tidegate_units::{Cost, Instant, Key, Priority};

/// Names one request for as long as it lives. Unique within one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A caller's wish to be granted a permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Names it in answers.
    pub ticket: Ticket,
    /// What the call takes.
    pub cost: Cost,
    /// How urgent it is.
    pub priority: Priority,
    /// Until when the caller will wait.
    pub deadline: Instant,
    /// It backs off until then, and holds nothing; then it waits in line.
    pub not_before: Option<Instant>,
    /// What the call is for, and on whose behalf, if it says.
    pub labels: Option<Arc<Labels>>,
}

/// What a call is for, and on whose behalf: what decides which limits of a part of the service hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// The model that it asks.
    pub model: Option<Arc<str>>,
    /// What it calls there.
    pub endpoint: Option<Arc<str>>,
    /// On whose behalf, at most [`Labels::KEYS_MAX`]; the first takes turns with others of its class
    /// unless the queue says otherwise.
    pub keys: Vec<Key>,
}

impl Labels {
    /// The most keys of one call.
    pub const KEYS_MAX: usize = 8;

    /// A call on behalf of one.
    pub fn of(key: Key) -> Self {
        Self { keys: vec![key], ..Self::default() }
    }

    /// The model, as events name it.
    pub fn model_text(&self) -> Option<String> {
        Some(self.model.as_deref()?.to_owned())
    }

    /// The first key, as events name it.
    pub fn key_text(&self) -> Option<String> {
        let key = self.keys.first()?;
        Some(format!("{}={}", key.name().as_str(), key.value()))
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.model.is_none() && self.endpoint.is_none() && self.keys.is_empty()
    }
}

impl Request {
    /// A request of class normal, for nobody in particular.
    pub fn new(ticket: Ticket, cost: Cost, deadline: Instant) -> Self {
        Self { ticket, cost, priority: Priority::Normal, deadline, not_before: None, labels: None }
    }

    /// The same in another class.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The same with these labels.
    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = (!labels.is_empty()).then(|| Arc::new(labels));
        self
    }
}

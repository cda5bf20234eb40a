//! Spans for whoever collects them through `tracing`.

use tidegate_scheduler::front::{Front, Grant};
use tidegate_scheduler::{Labels, Request};
use tidegate_units::{Dimension, Outcome, Priority, Span as Length};
use tracing::field::Empty;
use tracing::{Level, Span, enabled, span};

use crate::AcquireError;

/// The target of every span.
const TARGET: &str = "tidegate";

/// Whether anybody collects spans of calls.
#[inline]
pub(crate) fn is_wanted() -> bool {
    enabled!(target: TARGET, Level::DEBUG)
}

/// Waiting for a permit that was not at hand.
pub(crate) struct WaitSpan(Span);

impl WaitSpan {
    pub(crate) fn begin(front: &Front, request: &Request) -> Self {
        let labels = request.labels.as_deref();
        let span = span!(
            target: TARGET,
            Level::DEBUG,
            "acquire",
            service = %front.service(),
            class = %request.priority,
            model = labels.and_then(|labels| labels.model.as_deref()),
            requests = request.cost.amount(Dimension::Requests),
            tokens = request.cost.amount(Dimension::Tokens),
            decision = Empty,
            code = Empty,
            reason = Empty,
            limit = Empty,
            retry_after_ms = Empty,
            error = Empty,
        );
        Self(span)
    }

    /// The wait is over. A span that ends without a decision is one of a caller who stopped waiting.
    pub(crate) fn end(self, answer: &Result<Grant, AcquireError>) {
        let Err(refused) = answer else {
            self.0.record("decision", "granted");
            return;
        };
        self.0.record("decision", "refused");
        self.0.record("code", tracing::field::display(refused.code()));
        self.0.record("error", tracing::field::display(refused));
        if let Some(rejection) = refused.rejection() {
            self.0.record("reason", tracing::field::debug(rejection.reason));
            self.0.record("limit", tracing::field::display(&rejection.scope));
            if let Some(wait) = rejection.retry_after.map(Length::as_millis) {
                self.0.record("retry_after_ms", wait);
            }
        }
    }
}

/// A call that was granted, until its permit is closed.
#[derive(Debug)]
pub(crate) struct CallSpan(Span);

impl CallSpan {
    pub(crate) fn begin(
        front: &Front,
        class: Priority,
        labels: Option<&Labels>,
        by_gate: bool,
    ) -> Self {
        let span = span!(
            target: TARGET,
            Level::DEBUG,
            "call",
            service = %front.service(),
            class = %class,
            model = labels.and_then(|labels| labels.model.as_deref()),
            way = if by_gate { "gate" } else { "queue" },
            outcome = Empty,
        );
        Self(span)
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        self.0.record("outcome", outcome.name());
    }

    pub(crate) const fn span(&self) -> &Span {
        &self.0
    }
}

//! Nobody collects spans.

use tidegate_scheduler::front::{Front, Grant};
use tidegate_scheduler::{Labels, Request};
use tidegate_units::{Outcome, Priority};

use crate::AcquireError;

/// Nobody does.
#[inline]
pub(crate) const fn is_wanted() -> bool {
    false
}

/// Nothing.
pub(crate) struct WaitSpan;

impl WaitSpan {
    pub(crate) fn begin(_: &Front, _: &Request) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "called as that of a span that is collected")]
    pub(crate) fn end(self, _: &Result<Grant, AcquireError>) {}
}

/// Nothing.
#[derive(Debug)]
pub(crate) struct CallSpan;

impl CallSpan {
    pub(crate) fn begin(_: &Front, _: Priority, _: Option<&Labels>, _: bool) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "called as that of a span that is collected")]
    pub(crate) fn end(&self, _: Outcome) {}
}

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

    pub(crate) fn end(self, _: &Result<Grant, AcquireError>) {}
}

/// Nothing.
#[derive(Debug)]
pub(crate) struct CallSpan;

impl CallSpan {
    pub(crate) fn begin(_: &Front, _: Priority, _: Option<&Labels>, _: bool) -> Self {
        Self
    }

    pub(crate) fn end(&self, _: Outcome) {}
}

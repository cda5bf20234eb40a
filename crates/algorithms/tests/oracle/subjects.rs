//! Every algorithm there is, and what each of them must keep to, counted the slow way.

use tidegate_algorithms::{Gcra, LeakyBucket, SlidingCounter, SlidingLog, TokenBucket};
use tidegate_units::Instant;

use crate::buckets::breaks_a_bucket;
use crate::trace::Rule;
use crate::windows::most_in_a_window;

/// What a limit promises to whoever counts afterwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Promise {
    /// No window of any start holds more than the amount.
    Window,
    /// No interval holds more than the capacity and what is refilled within it.
    Bucket,
}

impl Promise {
    /// Whether what was spent, at instants that do not fall, breaks the promise.
    pub(crate) fn is_broken(self, rule: Rule, spent: &[(Instant, u64)]) -> bool {
        match self {
            Self::Window => most_in_a_window(spent, rule.window) > rule.amount.into(),
            Self::Bucket => breaks_a_bucket(spent, rule.amount, rule.window, rule.capacity),
        }
    }
}

impl Rule {
    pub(crate) fn token_bucket(self) -> TokenBucket {
        TokenBucket::new(self.amount, self.window, self.capacity)
    }

    pub(crate) fn leaky_bucket(self) -> LeakyBucket {
        LeakyBucket::new(self.amount, self.window, self.capacity)
    }

    pub(crate) fn gcra(self) -> Gcra {
        Gcra::new(self.amount, self.window, self.capacity)
    }

    pub(crate) fn sliding_log(self) -> SlidingLog {
        SlidingLog::new(self.amount, self.window)
    }

    pub(crate) fn sliding_counter(self) -> SlidingCounter {
        SlidingCounter::new(self.amount, self.window, self.segments)
    }
}

/// Does the same with every algorithm: `each!(|make, promise| …)`, where `make` makes it of a rule.
macro_rules! each {
    (|$make:ident, $promise:ident| $body:expr) => {{
        let $promise = $crate::subjects::Promise::Bucket;
        {
            let $make = $crate::trace::Rule::token_bucket;
            $body
        }
        {
            let $make = $crate::trace::Rule::leaky_bucket;
            $body
        }
        {
            let $make = $crate::trace::Rule::gcra;
            $body
        }
        let $promise = $crate::subjects::Promise::Window;
        {
            let $make = $crate::trace::Rule::sliding_log;
            $body
        }
        {
            let $make = $crate::trace::Rule::sliding_counter;
            $body
        }
    }};
}

pub(crate) use each;

//! What a limiter answers other than yes.

use tidegate_units::Span;

/// Why there was no permit. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not yet.
    #[error("no permit left: try again after {retry_after}")]
    Later {
        /// The same cost passes after this long, if nothing else is spent and nobody else waits
        /// meanwhile; never zero.
        retry_after: Span,
    },
    /// Not ever.
    #[error("{cost} permits never fit: at most {capacity} pass at once, ask for fewer")]
    Never {
        /// What was asked for.
        cost: u64,
        /// The most that can pass at once.
        capacity: u64,
    },
    /// The line is as long as it may be.
    #[error("{waiting} callers wait already, which is the most: try again when some have passed")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// The thread that serves the line could not be started.
    #[error("the thread that serves waiting callers cannot be started: check without waiting")]
    Unserved,
}

/// A limiter that counts on one word cannot take over this limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a limiter for a token bucket cannot count `{limit}`: make it a bucket that fills within 52 days, or start a new limiter"
)]
pub struct WrongForm {
    pub(super) limit: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let refusals = [
            Refused::Later { retry_after: Span::from_millis(250) },
            Refused::Never { cost: 11, capacity: 10 },
            Refused::Full { waiting: super::super::WAITING_MAX },
            Refused::Unserved,
        ];
        let mut texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        texts.push(WrongForm { limit: "5 requests per 1m".to_owned() }.to_string());
        insta::assert_snapshot!(texts.join("\n"));
    }
}

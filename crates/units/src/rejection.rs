//! What a caller is told who does not get a permit.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Dimension, Scope, Span};

/// A stable code for programs to branch on. Codes are never reused for something else.
///
/// | code | means | passes later? |
/// |---|---|---|
/// | `E4400` | a limit on bytes or on a dimension of the user's own is reached | yes |
/// | `E4404` | a limit on requests is reached | yes |
/// | `E4405` | a limit on tokens (either direction, or both together) is reached | yes |
/// | `E4406` | as many calls are under way as may be | yes |
/// | `E4410` | the call is larger than a limit can ever hold | never |
/// | `E4411` | something that the call says of itself is not valid | never |
/// | `E4420` | the queue is full | yes |
/// | `E4421` | dropped from a full queue, to make room for another call | yes |
/// | `E4422` | the service asked for a pause | yes |
/// | `E4423` | the circuit breaker is open | yes |
/// | `E4424` | the service is called as fast as it is thought to bear | yes |
/// | `E4430` | the limiter cannot say: it is restarting, or its mailbox is full | unknown |
/// | `E4431` | Tidegate was stopped | never |
/// | `E4432` | the call cannot be tried, only acquired | never |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Code {
    /// A limit on bytes or on a named dimension is reached.
    E4400,
    /// A limit on requests is reached.
    E4404,
    /// A limit on tokens is reached.
    E4405,
    /// As many calls are under way as may be.
    E4406,
    /// The call never fits.
    E4410,
    /// Something that the call says of itself is not valid.
    E4411,
    /// The queue is full.
    E4420,
    /// Dropped from a full queue.
    E4421,
    /// The service asked for a pause.
    E4422,
    /// The circuit breaker is open.
    E4423,
    /// The service is called as fast as it is thought to bear.
    E4424,
    /// The limiter cannot say.
    E4430,
    /// Tidegate was stopped.
    E4431,
    /// The call cannot be tried, only acquired.
    E4432,
}

impl Code {
    /// The code of a reached limit on `dimension`.
    pub const fn limit_reached(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Requests => Self::E4404,
            Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens => Self::E4405,
            Dimension::Slots => Self::E4406,
            Dimension::Bytes | Dimension::Named(_) => Self::E4400,
        }
    }

    /// Whether the same call may pass at some later time.
    pub const fn is_retryable(self) -> bool {
        !matches!(self, Self::E4410 | Self::E4411 | Self::E4431 | Self::E4432)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The limit is used up for now, and the caller did not want to wait.
    LimitReached,
    /// What was lent ahead is used up, and the limiter has not looked since: how much of the limit is
    /// used is not known, and the same call may pass in a moment.
    NoneAtHand,
    /// The caller would wait longer than its deadline.
    DeadlineTooClose,
    /// The caller waited until its deadline.
    DeadlinePassed,
    /// Too many callers wait already.
    QueueFull,
    /// The caller waited in a full queue and was dropped, to make room for another call.
    Displaced,
    /// The service asked for a pause.
    Paused,
    /// Calls failed, and the circuit breaker leaves the service alone.
    BreakerOpen,
    /// The service is called as fast as it is thought to bear, by what it answered so far.
    Paced,
    /// The call is larger than the limit can ever hold.
    NeverFits,
}

/// A refusal: which limit bound, how much of it was used, and the earliest honest time to retry.
///
/// The amounts are in the unit of `dimension`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// For programs to branch on.
    pub code: Code,
    /// Why.
    pub reason: Reason,
    /// What the limit applies to.
    pub scope: Scope,
    /// What the limit counts.
    pub dimension: Dimension,
    /// The most that could pass at once; what a refused call must stay within.
    pub limit: u64,
    /// The window of the limit.
    pub window: Span,
    /// How much of the limit was used, lent out or owed; with [`Reason::NoneAtHand`] zero, as it is not
    /// known.
    pub used: u64,
    /// How much the call asked for.
    pub requested: u64,
    /// Before this long has passed the same call would be refused again. `None`: never passes.
    pub retry_after: Option<Span>,
    /// How many wait ahead; `None` where nobody waits.
    pub queue_position: Option<u64>,
}

impl Rejection {
    /// The same rejection for another reason, with the code that goes with it. A deadline is missed
    /// because of something, and the code says of what: a limit, or the pace.
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self.code = match reason {
            Reason::NeverFits => Code::E4410,
            Reason::QueueFull => Code::E4420,
            Reason::Displaced => Code::E4421,
            Reason::Paused => Code::E4422,
            Reason::BreakerOpen => Code::E4423,
            Reason::Paced => Code::E4424,
            Reason::DeadlineTooClose | Reason::DeadlinePassed if self.code == Code::E4424 => {
                Code::E4424
            }
            Reason::LimitReached
            | Reason::NoneAtHand
            | Reason::DeadlineTooClose
            | Reason::DeadlinePassed => Code::limit_reached(self.dimension),
        };
        self
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, dimension, limit, window, used, requested, .. } = self;
        match self.reason {
            Reason::NeverFits => {
                return write!(
                    f,
                    "{requested} {dimension} asked of {scope} never fit: at most {limit} can pass \
                     at once, make the call smaller or raise the limit ({})",
                    self.code
                );
            }
            Reason::LimitReached => write!(f, "the limit of {scope} is reached")?,
            Reason::NoneAtHand => write!(
                f,
                "no {dimension} are at hand for {scope} just now, the limiter was asked for more"
            )?,
            Reason::DeadlineTooClose => write!(f, "the wait for {scope} outlasts the deadline")?,
            Reason::DeadlinePassed => write!(f, "the deadline passed while waiting for {scope}")?,
            Reason::QueueFull => write!(f, "the queue of {scope} is full")?,
            Reason::Displaced => {
                write!(f, "dropped from the full queue of {scope} for another call")?;
            }
            Reason::Paused => write!(f, "{scope} asked for a pause")?,
            Reason::BreakerOpen => write!(f, "the circuit breaker of {scope} is open")?,
            Reason::Paced => write!(
                f,
                "{scope} is called at the pace that it is thought to bear: about {limit} {dimension} \
                 per {window}, {requested} asked for"
            )?,
        }
        let figures = !matches!(
            self.reason,
            Reason::Paused | Reason::NoneAtHand | Reason::BreakerOpen | Reason::Paced
        );
        if figures && self.code == Code::E4424 {
            write!(
                f,
                ": its pace is about {limit} {dimension} per {window}, {requested} asked for"
            )?;
        } else if figures && *dimension == Dimension::Slots {
            write!(f, ": {used} of {limit} calls under way")?;
        } else if figures {
            write!(f, ": {used} of {limit} {dimension} per {window} used, {requested} asked for")?;
        }
        if let Some(ahead) = self.queue_position {
            write!(f, ", {ahead} waiting ahead")?;
        }
        if let Some(retry_after) = self.retry_after {
            write!(f, "; retry after {retry_after}")?;
        }
        write!(f, " ({})", self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_as_a_sentence() {
        let rejection = Rejection {
            code: Code::E4404,
            reason: Reason::LimitReached,
            scope: Scope::Service("anthropic".parse().expect("a name")),
            dimension: Dimension::Requests,
            limit: 50,
            window: Span::from_secs(60),
            used: 50,
            requested: 1,
            retry_after: Some(Span::from_millis(1_200)),
            queue_position: None,
        };
        let waiting = Rejection { queue_position: Some(3), ..rejection.clone() };
        let global = Rejection { scope: Scope::Global, ..rejection.clone() };
        let never = Rejection { requested: 51, retry_after: None, ..rejection.clone() };
        let slots = Rejection {
            dimension: Dimension::Slots,
            limit: 8,
            used: 8,
            window: Span::ZERO,
            ..rejection.clone()
        };
        let slots = slots.because(Reason::LimitReached);
        let lines = [
            rejection.clone(),
            global,
            waiting.clone().because(Reason::DeadlineTooClose),
            waiting.clone().because(Reason::DeadlinePassed),
            waiting.clone().because(Reason::QueueFull),
            waiting.because(Reason::Displaced),
            rejection.clone().because(Reason::NoneAtHand),
            slots,
            rejection.clone().because(Reason::BreakerOpen),
            rejection.clone().because(Reason::Paced),
            rejection.clone().because(Reason::Paced).because(Reason::DeadlineTooClose),
            rejection.because(Reason::Paused),
            never.because(Reason::NeverFits),
        ];
        let lines: Vec<String> = lines.iter().map(Rejection::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn codes_follow_the_dimension() {
        assert_eq!(Code::limit_reached(Dimension::Requests), Code::E4404);
        assert_eq!(Code::limit_reached(Dimension::OutputTokens), Code::E4405);
        assert_eq!(Code::limit_reached(Dimension::Bytes), Code::E4400);
        assert!(Code::E4404.is_retryable());
        assert!(!Code::E4410.is_retryable());
    }
}

//! Reading `retry`: how calls are made again that did not succeed.

use tidegate_units::{Backoff, Jitter, PolicyError, RetryPolicy, Span};

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::Expected;

/// Reads how a service's calls are made again.
pub(super) fn read(at: &Cursor<'_>, problems: &mut Problems) -> RetryPolicy {
    at.check_keys(&["attempts", "base", "max", "jitter", "budget"], problems);
    let default = RetryPolicy::default();
    let refused = |text| PolicyError::Attempts { text };
    let retry = RetryPolicy {
        attempts: at.count_or("attempts", default.attempts, refused, problems),
        backoff: Backoff {
            base: delay(at, "base", default.backoff.base, RetryPolicy::DELAY_MIN, problems),
            max: delay(at, "max", default.backoff.max, RetryPolicy::DELAY_MAX, problems),
        },
        jitter: at.get("jitter").and_then(|at| jitter(&at, problems)).unwrap_or(default.jitter),
        budget: at.share_or("budget", default.budget, problems),
    };
    at.note(retry.faults(), problems);
    retry
}

/// The delay below `key`; `stand_in` for one that was refused, which fits beside any other.
fn delay(
    at: &Cursor<'_>,
    key: &str,
    absent: Span,
    stand_in: Span,
    problems: &mut Problems,
) -> Span {
    at.get(key).map_or(absent, |at| at.span(problems).unwrap_or(stand_in))
}

fn jitter(at: &Cursor<'_>, problems: &mut Problems) -> Option<Jitter> {
    if at.is_number() {
        return at.share(problems).map(Jitter::Around);
    }
    let text = at.text(Expected::Jitter, problems)?;
    at.valid(text.parse(), problems)
}

//! What windows hold, counted the slow way.

use tidegate_units::{Instant, Span};

/// The most that any window `(end - window, end]` holds.
pub(crate) fn most_in_a_window(spent: &[(Instant, u64)], window: Span) -> u128 {
    let ending = |end: Instant| {
        let inside = |at: Instant| at <= end && end.since(at) < window;
        spent.iter().filter(|(at, _)| inside(*at)).map(|(_, cost)| u128::from(*cost)).sum()
    };
    spent.iter().map(|(at, _)| ending(*at)).max().unwrap_or(0)
}

//! What a bucket lets through, counted the slow way.

use tidegate_units::{Instant, Span};

/// Whether any interval holds more than a bucket of `capacity` that refills `amount` per `window`
/// lets through. The instants must not fall.
pub(crate) fn breaks_a_bucket(
    spent: &[(Instant, u64)],
    amount: u64,
    window: Span,
    capacity: u64,
) -> bool {
    let full = u128::from(capacity) * u128::from(window.as_nanos());
    let from = |first: usize| {
        let mut sum = 0;
        spent[first..].iter().any(|(at, cost)| {
            sum += u128::from(*cost) * u128::from(window.as_nanos());
            sum > full + u128::from(at.since(spent[first].0).as_nanos()) * u128::from(amount)
        })
    };
    (0..spent.len()).any(from)
}

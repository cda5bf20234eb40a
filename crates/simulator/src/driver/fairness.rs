//! How evenly several clients are served, minute by minute.

use tidegate_units::{Instant, Span};

use crate::number;

/// The length of one look.
const WINDOW: Span = Span::from_secs(60);

/// What each client got admitted, and wanted, in each window.
#[derive(Debug)]
pub(super) struct Fairness {
    clients: usize,
    /// By window and, within it, by client: what was admitted, and offered.
    counted: Vec<(u64, u64)>,
    /// Whether the clients want differently much, and so are served by what they want.
    by_demand: bool,
}

impl Fairness {
    /// Nothing counted yet; `by_demand` where the clients want differently much.
    pub(super) fn new(clients: usize, by_demand: bool, horizon: Span) -> Self {
        let windows = number::place(horizon.as_nanos() / WINDOW.as_nanos());
        let places = if clients > 1 { windows.saturating_mul(clients) } else { 0 };
        Self { clients, counted: vec![(0, 0); places], by_demand }
    }

    /// Counts work of a client that was admitted.
    pub(super) fn admitted(&mut self, now: Instant, client: usize, work: u64) {
        if let Some((admitted, _)) = self.place(now, client) {
            *admitted += work;
        }
    }

    /// Counts work that a client wanted to have done.
    pub(super) fn offered(&mut self, now: Instant, client: usize, work: u64) {
        if let Some((_, offered)) = self.place(now, client) {
            *offered += work;
        }
    }

    /// Jain's index, the mean of all whole windows; `None` with one client.
    pub(super) fn index(&self) -> Option<f64> {
        let served = |(admitted, offered): &(u64, u64)| {
            let wanted = if self.by_demand { *offered } else { 1 };
            (wanted > 0).then(|| number::float(*admitted) / number::float(wanted))
        };
        let windows = self.counted.chunks(self.clients.max(1));
        let indices: Vec<f64> = windows
            .filter_map(|window| jain(&window.iter().filter_map(served).collect::<Vec<f64>>()))
            .collect();
        let count = number::float(number::count(indices.len()));
        (!indices.is_empty()).then(|| indices.iter().sum::<f64>() / count)
    }

    fn place(&mut self, now: Instant, client: usize) -> Option<&mut (u64, u64)> {
        let window = number::place(now.as_nanos() / WINDOW.as_nanos());
        self.counted.get_mut(window.checked_mul(self.clients)?.checked_add(client)?)
    }
}

/// Jain's index of fairness: 1 where all have the same, 1/n where one has everything; `None` where
/// nobody has anything. (Jain, Chiu, Hawe, "A quantitative measure of fairness and discrimination for
/// resource allocation in shared computer systems", DEC-TR-301, 1984.)
pub(super) fn jain(served: &[f64]) -> Option<f64> {
    let sum: f64 = served.iter().sum();
    let squares: f64 = served.iter().map(|one| one * one).sum();
    let count = number::float(number::count(served.len()));
    (squares > 0.0).then(|| sum * sum / (count * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: Option<f64>, expected: f64) {
        let found = found.expect("somebody has something");
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    }

    #[test]
    fn the_index_is_as_published() {
        is(jain(&[3.0, 3.0, 3.0, 3.0]), 1.0);
        is(jain(&[7.0, 0.0, 0.0, 0.0]), 0.25);
        // 6² over 3 · 14, by hand.
        is(jain(&[1.0, 2.0, 3.0]), 36.0 / 42.0);
        is(jain(&[100.0, 200.0, 300.0]), 36.0 / 42.0);
        assert_eq!(jain(&[0.0, 0.0]), None);
        assert_eq!(jain(&[]), None);
    }

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn windows_count_alike_and_the_last_only_if_it_is_whole() {
        let mut fairness = Fairness::new(2, false, Span::from_secs(150));
        for (secs, client) in [(0, 0), (59, 1), (60, 0), (119, 0), (120, 1)] {
            fairness.admitted(at(secs), client, 5);
        }
        is(fairness.index(), f64::midpoint(1.0, 0.5));
        assert_eq!(Fairness::new(1, false, Span::from_secs(150)).index(), None);
        assert_eq!(Fairness::new(2, false, Span::from_secs(59)).index(), None);
    }

    #[test]
    fn unequal_demand_is_served_by_demand() {
        let mut fairness = Fairness::new(3, true, Span::from_secs(60));
        for (client, admitted, offered) in [(0, 20, 40), (1, 10, 20)] {
            fairness.admitted(at(1), client, admitted);
            fairness.offered(at(1), client, offered);
        }
        // Nobody is unfair to the third, who wanted nothing.
        is(fairness.index(), 1.0);
    }
}

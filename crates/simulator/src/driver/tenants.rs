//! Which of several clients sends each call of a run.

use crate::scenario::Clients;
use crate::{Random, Stream, number};

/// The clients of a run, and their calls.
#[derive(Debug)]
pub(super) struct Tenants {
    /// What each sends of everything; together 1.
    shares: Vec<f64>,
    /// The client of each call; empty if there is only one.
    of_call: Vec<usize>,
}

impl Tenants {
    /// Deals so many calls to the clients of a scenario.
    pub(super) fn deal(calls: usize, clients: &Clients, seed: u64) -> Self {
        let weights: Vec<f64> =
            (0..clients.count.max(1)).map(|client| clients.demand.weight(client)).collect();
        let whole: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| weight / whole).collect();
        let mut draws = Random::new(seed, Stream::Tenants);
        let of_call = match shares.len() {
            1 => Vec::new(),
            _ => (0..calls).map(|_| pick(&shares, draws.uniform())).collect(),
        };
        Self { shares, of_call }
    }

    /// How many clients there are.
    pub(super) fn count(&self) -> usize {
        self.shares.len()
    }

    /// Who sends a call.
    pub(super) fn of(&self, call: usize) -> usize {
        self.of_call.get(call).copied().unwrap_or(0)
    }

    /// What a client sends of everything.
    pub(super) fn share(&self, client: usize) -> f64 {
        self.shares.get(client).copied().unwrap_or(1.0)
    }

    /// How many calls a client sends.
    pub(super) fn calls_of(&self, client: usize, calls: usize) -> usize {
        if self.of_call.is_empty() {
            return calls;
        }
        self.of_call.iter().filter(|of| **of == client).count()
    }
}

/// The client that a draw falls to, which is uniform in `[0, 1)`.
fn pick(shares: &[f64], draw: f64) -> usize {
    let mut reached = 0.0;
    let passed = shares.iter().take_while(|share| {
        reached += **share;
        reached <= draw
    });
    passed.count().min(number::place(number::count(shares.len()).saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    fn dealt(demand: &str) -> Vec<usize> {
        let text = format!(
            "name = \"t\"\n[provider]\nrequests = {{ rate = 1 }}\n\
             [clients]\ncount = 3\ndemand = \"{demand}\""
        );
        let scenario = Scenario::parse(&text, "t.toml").expect("a scenario");
        let tenants = Tenants::deal(11_000, scenario.clients(), 1);
        assert_eq!((0..11_000).map(|call| tenants.of(call)).max(), Some(2));
        (0..tenants.count()).map(|client| tenants.calls_of(client, 11_000)).collect()
    }

    #[test]
    fn calls_are_dealt_by_demand() {
        let near = |counts: Vec<usize>, expected: [usize; 3]| {
            assert_eq!(counts.iter().sum::<usize>(), 11_000);
            assert!(
                counts.iter().zip(expected).all(|(is, was)| is.abs_diff(was) < 250),
                "{counts:?}"
            );
        };
        near(dealt("equal"), [3_667, 3_667, 3_667]);
        near(dealt("skewed"), [6_000, 3_000, 2_000]);
    }

    #[test]
    fn draws_fall_to_whoever_has_the_share() {
        let shares = [0.5, 0.25, 0.25];
        let picked = [0.0, 0.499, 0.5, 0.75, 0.999_999].map(|draw| pick(&shares, draw));
        assert_eq!(picked, [0, 0, 1, 2, 2]);
        assert_eq!(pick(&[0.3, 0.3, 0.3], 0.99), 2, "shares that miss 1 by a rounding");
    }
}

//! What a service did in some stretch of time, or since the start: plain sums that can be added up.

use serde::{Deserialize, Serialize};
use tidegate_units::Outcome;

use crate::sample::ServiceSample;
use crate::status::share;
use crate::tally::usage::Spent;
use crate::tally::waits::Waits;

/// What a service did.
///
/// ```
/// use tidegate_observability::{Counts, ServiceSample};
///
/// let mut earlier = ServiceSample::new("anthropic".parse()?);
/// earlier.granted_by_gate = 5;
/// let mut later = earlier.clone();
/// later.granted_by_gate = 12;
/// later.refused = 1;
/// let between = Counts::of(&later).since(&Counts::of(&earlier));
/// assert_eq!((between.granted(), between.refused), (7, 1));
/// # Ok::<(), tidegate_units::InvalidServiceName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Permits handed out, those included that nobody was there to take.
    #[serde(skip_serializing_if = "is_zero")]
    pub handed_out: u64,
    /// Those that nobody was there to take.
    #[serde(skip_serializing_if = "is_zero")]
    pub unclaimed: u64,
    /// Of those handed out, how many were not at once.
    #[serde(skip_serializing_if = "is_zero")]
    pub waited: u64,
    /// Requests refused.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Callers that stopped waiting.
    #[serde(skip_serializing_if = "is_zero")]
    pub withdrawn: u64,
    /// Requests that came, those included that still wait.
    #[serde(skip_serializing_if = "is_zero")]
    pub asked: u64,
    /// How calls ended, by [`Outcome::index`].
    #[serde(with = "crate::sample::outcomes", skip_serializing_if = "all_zero")]
    pub outcomes: [u64; Outcome::ALL.len()],
    /// How long those waited who were granted from the queue.
    #[serde(skip_serializing_if = "nobody_waited")]
    pub waits: Waits,
    /// What was charged, given back and owed.
    #[serde(skip_serializing_if = "Spent::is_none")]
    pub spent: Spent,
}

impl Counts {
    /// What a service's counters say.
    pub fn of(sample: &ServiceSample) -> Self {
        let mut waits = Waits::default();
        for class in sample.waits.values() {
            waits.add(class);
        }
        Self {
            handed_out: sample.granted_by_gate.saturating_add(sample.granted_by_queue),
            unclaimed: sample.unclaimed,
            waited: sample.waited,
            refused: sample.refused,
            withdrawn: sample.withdrawn,
            asked: sample.operations().saturating_add(sample.queued),
            outcomes: sample.outcomes,
            waits,
            spent: sample.spent.clone(),
        }
    }

    /// Permits granted and taken.
    pub fn granted(&self) -> u64 {
        self.handed_out.saturating_sub(self.unclaimed)
    }

    /// Requests that came to an end.
    pub fn operations(&self) -> u64 {
        self.granted().saturating_add(self.refused).saturating_add(self.withdrawn)
    }

    /// Of those, how many were not granted at once.
    pub fn throttled(&self) -> u64 {
        self.waited.saturating_add(self.refused).saturating_add(self.withdrawn)
    }

    /// The share of those: 0 to 1.
    pub fn throttle_rate(&self) -> f64 {
        share(self.throttled(), self.operations())
    }

    /// How many calls ended so.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()]
    }

    /// Calls that the service itself refused: for a rate, for overload, for a quota.
    pub fn refused_upstream(&self) -> u64 {
        [Outcome::RateLimited, Outcome::Overloaded, Outcome::QuotaExhausted]
            .into_iter()
            .fold(0, |sum, outcome| sum.saturating_add(self.ended(outcome)))
    }

    /// Whether nothing happened.
    pub fn is_none(&self) -> bool {
        self.handed_out == 0
            && self.unclaimed == 0
            && self.operations() == 0
            && self.asked == 0
            && self.outcomes.iter().all(|count| *count == 0)
            && self.spent.is_none()
    }

    /// This and `more` together.
    pub fn add(&mut self, more: &Self) {
        for (count, more) in self.plain_mut().into_iter().zip(more.plain()) {
            *count = count.saturating_add(more);
        }
        for (count, more) in self.outcomes.iter_mut().zip(&more.outcomes) {
            *count = count.saturating_add(*more);
        }
        self.waits.add(&more.waits);
        self.spent.add(&more.spent);
    }

    /// Whether these can be what `earlier` counters have grown to. How many were asked is made of a counter
    /// and of a gauge, and tells nothing.
    pub fn covers(&self, earlier: &Self) -> bool {
        let counters = self.plain().into_iter().zip(earlier.plain()).take(PLAIN - 1);
        counters.into_iter().all(|(now, then)| now >= then)
            && self.outcomes.iter().zip(&earlier.outcomes).all(|(now, then)| now >= then)
            && self.waits.covers(&earlier.waits)
            && self.spent.covers(&earlier.spent)
    }

    /// What was added since these were `earlier`, each number never below zero.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = self.clone();
        for (count, then) in rest.plain_mut().into_iter().zip(earlier.plain()) {
            *count = count.saturating_sub(then);
        }
        for (count, then) in rest.outcomes.iter_mut().zip(&earlier.outcomes) {
            *count = count.saturating_sub(*then);
        }
        rest.waits = self.waits.since(&earlier.waits);
        rest.spent = self.spent.since(&earlier.spent);
        rest
    }

    /// The plain numbers, what was asked last.
    fn plain(&self) -> [u64; PLAIN] {
        let Self { handed_out, unclaimed, waited, refused, withdrawn, asked, .. } = *self;
        [handed_out, unclaimed, waited, refused, withdrawn, asked]
    }

    fn plain_mut(&mut self) -> [&mut u64; PLAIN] {
        let Self { handed_out, unclaimed, waited, refused, withdrawn, asked, .. } = self;
        [handed_out, unclaimed, waited, refused, withdrawn, asked]
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn all_zero(outcomes: &[u64; Outcome::ALL.len()]) -> bool {
    outcomes.iter().all(|count| *count == 0)
}

fn nobody_waited(waits: &Waits) -> bool {
    *waits == Waits::default()
}

/// How many plain numbers there are.
const PLAIN: usize = 6;

#[cfg(test)]
mod tests {
    use tidegate_units::{Amounts, Dimension, Span};

    use super::*;

    fn counts(by: u64) -> Counts {
        let mut waits = Waits::default();
        waits.record(Span::from_millis(by));
        let spent = Spent { reserved: Amounts::of(Dimension::Tokens, by), ..Spent::default() };
        let outcomes = [by, 0, 1, 0, 0, 0, by];
        let (handed_out, unclaimed, asked) = (by + 2, 1, 4 * by);
        Counts {
            handed_out,
            unclaimed,
            waited: by,
            refused: by,
            withdrawn: 3,
            asked,
            outcomes,
            waits,
            spent,
        }
    }

    #[test]
    fn a_difference_and_what_was_before_make_the_whole() {
        let (earlier, mut whole) = (counts(3), counts(3));
        whole.add(&counts(50));
        assert!(whole.covers(&earlier) && !earlier.covers(&whole));
        assert_eq!(whole.since(&earlier), counts(50));
        assert_eq!(whole.granted(), 55);
        assert_eq!(whole.throttled(), 53 + 53 + 6);
        assert_eq!(whole.refused_upstream(), 2);
        assert!(!whole.is_none() && Counts::default().is_none());
    }

    #[test]
    fn any_counter_that_falls_is_a_new_beginning() {
        let earlier = counts(3);
        let falls: [fn(&mut Counts); 7] = [
            |it| it.handed_out -= 1,
            |it| it.waited -= 1,
            |it| it.refused -= 1,
            |it| it.withdrawn -= 1,
            |it| it.outcomes[6] -= 1,
            |it| it.waits = Waits::default(),
            |it| it.spent = Spent::default(),
        ];
        for fall in falls {
            let mut later = earlier.clone();
            fall(&mut later);
            assert!(!later.covers(&earlier));
        }
        let mut later = earlier.clone();
        later.asked = 0;
        assert!(later.covers(&earlier), "how many wait may fall");
    }
}

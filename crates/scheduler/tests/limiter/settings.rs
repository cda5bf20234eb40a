//! What limiters are made from here, and what is asked of them: short words for long types.

use std::sync::Arc;

use tidegate_scheduler::{Call, Labels, LimiterConfig, Request, Settlement, Ticket};
use tidegate_units::policy::{BreakerPolicy, Concurrency, KeyPolicy, Share};
use tidegate_units::{Amounts, Cost, EnforcedAs, Instant, Key, Limit, Outcome, Span};

/// Where time starts: far from the origin, so that looking back has somewhere to go.
pub(crate) const START: Instant = Instant::from_nanos(1 << 40);

/// So many milliseconds after the start.
pub(crate) fn at(millis: u64) -> Instant {
    START + Span::from_millis(millis)
}

/// A bucket that may be used up to the last permit.
fn bucket(text: &str) -> Limit {
    let limit: Limit = text.parse().expect("a limit");
    limit.enforced_as(EnforcedAs::TokenBucket).guard(Span::ZERO).expect("nothing is no guard")
}

fn buckets(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| bucket(text)).collect()
}

/// A service with these limits, where nobody is let past anybody.
pub(crate) fn service(limits: &[&str]) -> LimiterConfig {
    let name = "service".parse().expect("a name");
    let mut config = LimiterConfig::new(name, buckets(limits));
    config.queue.backfill = Span::ZERO;
    config
}

/// Gives every value of a key these limits, and so many slots.
pub(crate) fn limit_each(
    config: &mut LimiterConfig,
    name: &str,
    limits: &[&str],
    concurrency: Option<Concurrency>,
) {
    let policy = KeyPolicy { limits: buckets(limits), concurrency, ..KeyPolicy::default() };
    config.scoped.each.insert(name.parse().expect("the name of a key"), policy);
}

/// Opens at the first failure, for five seconds, and lets one probe out.
pub(crate) fn touchy() -> BreakerPolicy {
    BreakerPolicy {
        failures: 1,
        failure_rate: Share::NONE,
        open: Span::from_secs(5),
        probes: 1,
        ..BreakerPolicy::default()
    }
}

pub(crate) fn key(name: &str, value: &str) -> Key {
    Key::new(name, value).expect("a key")
}

/// For agent `value`.
pub(crate) fn agent(value: &str) -> Labels {
    Labels::of(key("agent", value))
}

/// For tenant `value`.
pub(crate) fn tenant(value: &str) -> Labels {
    Labels::of(key("tenant", value))
}

/// On behalf of all of these.
pub(crate) fn on_behalf_of(keys: impl IntoIterator<Item = Key>) -> Labels {
    Labels { keys: keys.into_iter().collect(), ..Labels::default() }
}

/// One request of so many tokens.
pub(crate) fn tokens(amount: u64) -> Cost {
    Cost::request().tokens(amount)
}

/// What is asked with this ticket by somebody who waits until `deadline`, in milliseconds.
pub(crate) fn request(ticket: u64, cost: Cost, deadline: u64) -> Request {
    Request::new(Ticket(ticket), cost, at(deadline))
}

/// A call that the limiter granted.
pub(crate) fn call(labels: Option<Labels>) -> Call {
    Call { labels: labels.map(Arc::new), ..Call::default() }
}

/// A call that took its permit from the gate.
pub(crate) fn by_gate() -> Call {
    Call { by_gate: true, ..Call::default() }
}

/// The end of a call of which was recorded `recorded` that it took `debt` more than that.
pub(crate) fn owing(recorded: Instant, debt: Amounts, call: Call) -> Settlement {
    let (outcome, refund, pause) = (Outcome::Ok, Amounts::NONE, None);
    Settlement::Closed { outcome, recorded, refund, debt, pause, call }
}

/// The end of a call after which the service asks to be left alone for so many milliseconds.
pub(crate) fn pausing(recorded: Instant, millis: u64, call: Call) -> Settlement {
    let (outcome, refund, debt) = (Outcome::RateLimited, Amounts::NONE, Amounts::NONE);
    let pause = Some(Span::from_millis(millis));
    Settlement::Closed { outcome, recorded, refund, debt, pause, call }
}

/// Whoever waits with this ticket gives up.
pub(crate) fn withdrawn(ticket: u64) -> Settlement {
    Settlement::Withdrawn { ticket: Ticket(ticket) }
}

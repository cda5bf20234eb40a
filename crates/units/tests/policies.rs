//! What is outside the range of a policy is named, field by field, and what is at its edge is not.

use tidegate_units::{
    Amounts, Backoff, BreakerPolicy, Concurrency, Dimension, Jitter, KeyPolicy, Limit, Overflow,
    PolicyFault, QueuePolicy, RetryPolicy, ScopePolicy, ScopedPolicies, Share, Span,
};

const NANO: Span = Span::from_nanos(1);

/// One line for each fault: where, and what.
fn shown(faults: &[PolicyFault]) -> String {
    let line = |fault: &PolicyFault| {
        let entry = fault.entry.as_ref().map(|entry| format!(" {:.20}", format!("{entry:?}")));
        format!("{}{}: {}", fault.key, entry.unwrap_or_default(), fault.error)
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The values at both edges of a range, and those just beyond them.
fn edges(least: Span, most: Span) -> [(Span, bool); 4] {
    [(least, true), (most, true), (least - NANO, false), (most + NANO, false)]
}

fn counts(most: u32) -> [(u32, bool); 4] {
    [(1, true), (most, true), (0, false), (most + 1, false)]
}

/// Nothing in a policy that is all right, one fault at `key` in one that is not.
fn assert_judged(faults: &[PolicyFault], key: &str, is_right: bool) {
    let keys: Vec<&str> = faults.iter().map(|fault| fault.key).collect();
    let expected: &[&str] = if is_right { &[] } else { &[key] };
    assert_eq!(keys, expected, "{}", shown(faults));
}

#[test]
fn every_fault_of_a_queue_is_named() {
    let mut max_cost = Amounts::of(Dimension::Tokens, 0);
    max_cost.set(Dimension::Bytes, Limit::AMOUNT_MAX + 1);
    max_cost.set(Dimension::Slots, 5);
    let queue = QueuePolicy {
        capacity: 100_001,
        max_cost,
        timeout: Span::ZERO,
        shares: [Share::per_mille(201); 5],
        floors: [0, 900, 901, 1_000, 0].map(Share::per_mille),
        backfill: QueuePolicy::BACKFILL_MAX + NANO,
        ..QueuePolicy::default()
    };
    insta::assert_snapshot!(shown(&queue.faults()));
}

#[test]
fn a_queue_at_the_edge_of_a_range_is_all_right() {
    let queue = QueuePolicy::default;
    for (capacity, is_right) in [(1, true), (100_000, true), (0, false), (100_001, false)] {
        assert_judged(&QueuePolicy { capacity, ..queue() }.faults(), "capacity", is_right);
    }
    for (timeout, is_right) in edges(QueuePolicy::TIMEOUT_MIN, QueuePolicy::TIMEOUT_MAX) {
        assert_judged(&QueuePolicy { timeout, ..queue() }.faults(), "timeout", is_right);
    }
    for (backfill, is_right) in [(Span::ZERO, true), (QueuePolicy::BACKFILL_MAX, true)] {
        assert_judged(&QueuePolicy { backfill, ..queue() }.faults(), "backfill", is_right);
    }
    for (amount, is_right) in [(1, true), (Limit::AMOUNT_MAX, true)] {
        let max_cost = Amounts::of(Dimension::Tokens, amount);
        assert_judged(&QueuePolicy { max_cost, ..queue() }.faults(), "max_cost", is_right);
    }
    let shares = [Share::per_mille(200); 5];
    assert_judged(&QueuePolicy { shares, ..queue() }.faults(), "shares", true);
}

#[test]
fn every_fault_of_slots_tries_and_breakers_is_named() {
    let slots = Concurrency { slots: 0, lease: Span::ZERO };
    let delays = |base, max| RetryPolicy {
        attempts: 101,
        backoff: Backoff { base, max },
        ..RetryPolicy::default()
    };
    let breaker = BreakerPolicy {
        failures: 0,
        slow_after: Some(Span::ZERO),
        window: NANO,
        open: NANO,
        probes: 101,
        ..BreakerPolicy::default()
    };
    let alone = BreakerPolicy { slow_rate: Share::per_mille(400), ..BreakerPolicy::default() };
    let retries = [
        delays(Span::ZERO, Span::from_secs(3_601)),
        delays(Span::from_secs(31), Span::from_secs(30)),
    ];
    let faults: Vec<String> = [slots.faults(), retries[0].faults(), retries[1].faults()]
        .into_iter()
        .chain([breaker.faults(), alone.faults()])
        .map(|faults| shown(&faults))
        .collect();
    insta::assert_snapshot!(faults.join("\n\n"));
}

#[test]
fn slots_tries_and_breakers_at_the_edge_of_a_range_are_all_right() {
    for (slots, is_right) in counts(Concurrency::SLOTS_MAX) {
        assert_judged(&Concurrency::slots(slots).faults(), "slots", is_right);
    }
    for (lease, is_right) in edges(Concurrency::LEASE_MIN, Concurrency::LEASE_MAX) {
        assert_judged(&Concurrency { slots: 1, lease }.faults(), "lease", is_right);
    }
    for (attempts, is_right) in counts(RetryPolicy::ATTEMPTS_MAX) {
        let policy = RetryPolicy { attempts, ..RetryPolicy::default() };
        assert_judged(&policy.faults(), "attempts", is_right);
    }
    for (delay, is_right) in edges(RetryPolicy::DELAY_MIN, RetryPolicy::DELAY_MAX) {
        let of = |base, max| {
            RetryPolicy { backoff: Backoff { base, max }, ..RetryPolicy::default() }.faults()
        };
        assert_judged(&of(delay, RetryPolicy::DELAY_MAX), "base", is_right);
        assert_judged(&of(RetryPolicy::DELAY_MIN, delay), "max", is_right);
    }
}

#[test]
fn a_breaker_at_the_edge_of_a_range_is_all_right() {
    let breaker = BreakerPolicy::default;
    for (failures, is_right) in counts(BreakerPolicy::FAILURES_MAX) {
        assert_judged(&BreakerPolicy { failures, ..breaker() }.faults(), "failures", is_right);
    }
    for (probes, is_right) in counts(BreakerPolicy::PROBES_MAX) {
        assert_judged(&BreakerPolicy { probes, ..breaker() }.faults(), "probes", is_right);
    }
    for (slow, is_right) in edges(BreakerPolicy::SLOW_MIN, BreakerPolicy::SLOW_MAX) {
        let slow_rate = Share::per_mille(1);
        let policy = BreakerPolicy { slow_after: Some(slow), slow_rate, ..breaker() };
        assert_judged(&policy.faults(), "slow_after", is_right);
    }
    for (window, is_right) in edges(BreakerPolicy::WINDOW_MIN, BreakerPolicy::WINDOW_MAX) {
        assert_judged(&BreakerPolicy { window, ..breaker() }.faults(), "window", is_right);
    }
    for (open, is_right) in edges(BreakerPolicy::OPEN_MIN, BreakerPolicy::OPEN_MAX) {
        assert_judged(&BreakerPolicy { open, ..breaker() }.faults(), "open", is_right);
    }
}

#[test]
fn every_fault_of_what_holds_for_a_part_is_named() {
    let policy = |pattern: &str| (pattern.to_owned(), ScopePolicy::default());
    let mut scoped = ScopedPolicies {
        models: vec![policy("a*"), policy("a*"), policy(""), policy(&"x".repeat(129))],
        endpoints: (0..65).map(|index| policy(&index.to_string())).collect(),
        ..ScopedPolicies::default()
    };
    scoped.endpoints[9].0 = "two\nlines".to_owned();
    for index in 0..9 {
        let name = format!("key_{index}").parse().expect("a name");
        scoped.each.insert(name, KeyPolicy::default());
    }
    let weights = (0..999).map(|index| (format!("value {index}"), 1)).collect();
    let mut key = KeyPolicy { weights, ..KeyPolicy::default() };
    key.weights.extend([("none".to_owned(), 0), ("much".to_owned(), 1_001), (String::new(), 1)]);
    let weights = key.faults("agent".parse().expect("a name"));
    insta::assert_snapshot!(shown(&scoped.faults()) + "\n" + &shown(&weights));
}

#[test]
fn as_many_patterns_names_and_weights_as_there_may_be_are_all_right() {
    let policy = |index: usize| (format!("{index:0>128}"), ScopePolicy::default());
    let name = |index| format!("key_{index}").parse().expect("a name");
    let scoped = ScopedPolicies {
        models: (0..64).map(policy).collect(),
        endpoints: (0..64).map(policy).collect(),
        each: (0..8).map(|index| (name(index), KeyPolicy::default())).collect(),
    };
    assert_eq!(scoped.faults(), []);
    let weights = (1..=1_000).map(|weight| (weight.to_string(), weight)).collect();
    assert_eq!(KeyPolicy { weights, ..KeyPolicy::default() }.faults(name(0)), []);
}

#[test]
fn words_for_policies_are_read_as_they_are_printed() {
    for overflow in Overflow::ALL {
        assert_eq!(overflow.to_string().parse(), Ok(overflow));
        let json = serde_json::to_string(&overflow).expect("it is written");
        assert_eq!(json, format!("\"{overflow}\""), "one name everywhere");
    }
    for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
        assert_eq!(jitter.to_string().parse(), Ok(jitter));
    }
    assert_eq!("0.25".parse(), Ok(Jitter::Around(Share::per_mille(250))));
    assert_eq!(Jitter::Around(Share::per_mille(125)).to_string(), "± 12.5 %");
    let refused = [
        "drop-newest".parse::<Overflow>().expect_err("refused").to_string(),
        "some".parse::<Jitter>().expect_err("refused").to_string(),
        "1.5".parse::<Jitter>().expect_err("refused").to_string(),
    ];
    insta::assert_snapshot!(refused.join("\n"));
}

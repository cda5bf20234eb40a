//! Rules and states that somebody else wrote: refused with a reason, or as good as any that came about
//! by use.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_algorithms::{
    Algorithm, Carry, Decision, Gcra, GcraState, LeakyBucket, LeakyBucketState, SlidingCounter,
    SlidingCounterState, SlidingLog, SlidingLogState, TokenBucket, TokenBucketState,
};
use tidegate_units::{Instant, Span};

/// What the decoder says to a text; a round trip must change nothing.
fn said<T: Serialize + DeserializeOwned + PartialEq>(text: &str) -> Result<T, String> {
    let decoded: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let again = serde_json::to_string(&decoded).expect("it serialises");
    assert!(serde_json::from_str::<T>(&again).is_ok_and(|again| again == decoded), "{text}");
    Ok(decoded)
}

/// Numbers of every size, and now and then something that is none.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0_u64..20).prop_map(|number| number.to_string()),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        1 => any::<u128>().prop_map(|number| number.to_string()),
        1 => prop_oneof![
            Just("0"), Just("18446744073709551615"), Just("18446744073709551614"),
            Just("18446744073709551616"), Just("340282366920938463463374607431768211455"),
            Just("340282366920938463463374607431768211456"), Just("-1"), Just("1.5"), Just("1e400"),
            Just("null"), Just("\"7\""), Just("[]"), Just("true"),
        ].prop_map(str::to_owned),
    ]
}

/// A number of `u64`, mostly small.
fn plain() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0_u64..20, 2 => any::<u64>(), 1 => (0_u64..3).prop_map(|less| u64::MAX - less)]
}

/// Entries of a log or a counter: often in order, seldom of nothing; with their sum and the latest.
fn entries() -> impl Strategy<Value = (String, u128, u64)> {
    let entry = (plain(), prop_oneof![20 => 1_u64..9, 1 => plain()]);
    (proptest::collection::vec(entry, 0..70), prop::bool::weighted(0.8)).prop_map(
        |(mut entries, sorted)| {
            if sorted {
                entries.sort_unstable();
                entries.dedup_by_key(|(at, _)| *at);
            }
            let sum = entries.iter().map(|(_, amount)| u128::from(*amount)).sum();
            let one = |(at, amount): &(u64, u64)| format!(r#"{{"at":{at},"amount":{amount}}}"#);
            let latest = entries.iter().map(|(at, _)| *at).max().unwrap_or(0);
            (entries.iter().map(one).collect::<Vec<_>>().join(","), sum, latest)
        },
    )
}

/// Lows of a bucket: often in order.
fn lows() -> impl Strategy<Value = String> {
    let low = (0_u64..30, 0_u64..40);
    (proptest::collection::vec(low, 0..40), prop::bool::weighted(0.8)).prop_map(
        |(mut lows, sorted)| {
            if sorted {
                lows.sort_unstable();
                let mut highest = None;
                lows.retain(|(_, low)| {
                    let rises = highest.is_none_or(|highest| *low > highest);
                    highest = if rises { Some(*low) } else { highest };
                    rises
                });
            }
            let one = |(at, low): &(u64, u64)| format!("[{at},{low}]");
            lows.iter().map(one).collect::<Vec<_>>().join(",")
        },
    )
}

/// What is done to whatever was decoded.
#[derive(Debug, Clone)]
struct Use {
    times: Vec<u64>,
    costs: Vec<u64>,
}

fn uses() -> impl Strategy<Value = Use> {
    let many = || proptest::collection::vec(plain(), 1..12);
    (many(), many()).prop_map(|(times, costs)| Use { times, costs })
}

/// Takes the state through every method, at any instants and with any costs. It never lets more than
/// the capacity through at once, and can be written and read back at every step.
fn go_on<A: Algorithm>(algorithm: &A, decoded: A::State, use_: &Use) {
    let mut state = decoded;
    for (index, nanos) in use_.times.iter().enumerate() {
        let now = Instant::from_nanos(*nanos);
        assert!(at_once(algorithm, state.clone(), now, &use_.costs) <= algorithm.capacity().into());
        for cost in &use_.costs {
            let _ = algorithm.take(&mut state, now, *cost);
            let _ = (algorithm.balance(&state, now), algorithm.reset_at(&state, now));
            let _ = algorithm.earliest(&state, now, *cost);
        }
        let cost = use_.costs[index % use_.costs.len()];
        match index % 4 {
            0 => algorithm.record(&mut state, now, cost),
            1 => {
                let recorded = Instant::from_nanos(nanos / 2);
                assert!(algorithm.refund(&mut state, now, recorded, cost) <= cost);
            }
            2 => state = algorithm.reconfigured(&state, now, algorithm, Carry::Proportional),
            _ => {}
        }
        let text = serde_json::to_string(&state).expect("it serialises");
        assert_eq!(serde_json::from_str::<A::State>(&text).expect(&text), state, "{text}");
    }
}

/// What passes at `now`, in single permits and in pieces of the given sizes.
fn at_once<A: Algorithm>(algorithm: &A, mut state: A::State, now: Instant, costs: &[u64]) -> u128 {
    let rest = algorithm.available(&state, now);
    let pieces = [1, 1, rest / 2, rest, 1, algorithm.capacity()];
    let mut admitted = 0;
    for cost in costs.iter().copied().chain(pieces) {
        if algorithm.take(&mut state, now, cost) == Decision::Admit {
            admitted += u128::from(cost);
        }
    }
    admitted
}

/// A rule to go on under: as large and as small as there are.
fn rules() -> impl Strategy<Value = (u64, Span, u64)> {
    (plain(), plain(), plain())
        .prop_map(|(amount, window, capacity)| (amount, Span::from_nanos(window), capacity))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (said::<TokenBucketState>(&text), said::<LeakyBucketState>(&text));
        let _ = (said::<GcraState>(&text), said::<SlidingLogState>(&text));
        let _ = (said::<SlidingCounterState>(&text), said::<SlidingCounter>(&text));
        let _ = (said::<TokenBucket>(&text), said::<LeakyBucket>(&text), said::<Gcra>(&text));
        let _ = said::<SlidingLog>(&text);
    }

    #[test]
    fn a_decoded_state_of_a_bucket_is_as_good_as_any(
        missing in number(), at in number(), lows in lows(), rule in rules(), use_ in uses(),
    ) {
        let (amount, window, capacity) = rule;
        let text = format!(r#"{{"missing":{missing},"at":{at},"lows":{{"entries":[{lows}]}}}}"#);
        if let Ok(state) = said(&text) {
            go_on(&TokenBucket::new(amount, window, capacity), state, &use_);
        }
        if let Ok(state) = said(&format!(r#"{{"level":{missing},"at":{at}}}"#)) {
            go_on(&LeakyBucket::new(amount, window, capacity), state, &use_);
        }
        if let Ok(state) = said(&format!(r#"{{"full_at":{missing}}}"#)) {
            go_on(&Gcra::new(amount, window, capacity), state, &use_);
        }
    }

    #[test]
    fn a_decoded_state_of_a_window_is_as_good_as_any(
        entries in entries(), wrong in prop::option::weighted(0.1, number()),
        seen in prop::option::weighted(0.3, number()),
        rule in rules(), use_ in uses(),
    ) {
        let (amount, window, segments) = rule;
        let (entries, sum, latest) = entries;
        let seen = seen.unwrap_or_else(|| latest.to_string());
        let recorded = wrong.unwrap_or_else(|| sum.to_string());
        let text =
            format!(r#"{{"entries":[{entries}],"recorded":{recorded},"seen":{seen}}}"#);
        if let Ok(state) = said(&text) {
            go_on(&SlidingLog::new(amount, window), state, &use_);
        }
        let text = format!(r#"{{"entries":[{entries}],"seen":{seen}}}"#);
        if let Ok(state) = said(&text) {
            go_on(&SlidingCounter::new(amount, window, segments), state, &use_);
        }
    }

    #[test]
    fn a_decoded_rule_is_as_good_as_any(
        amount in number(), window in number(), third in number(), use_ in uses(),
    ) {
        let rate = format!(r#""amount":{amount},"window":{window}"#);
        let bucket = format!(r#"{{{rate},"capacity":{third}}}"#);
        if let Ok(rule) = said::<TokenBucket>(&bucket) {
            go_on(&rule, rule.full(), &use_);
        }
        if let Ok(rule) = said::<LeakyBucket>(&bucket) {
            go_on(&rule, rule.full(), &use_);
        }
        if let Ok(rule) = said::<Gcra>(&bucket) {
            go_on(&rule, rule.full(), &use_);
        }
        if let Ok(rule) = said::<SlidingLog>(&format!("{{{rate}}}")) {
            go_on(&rule, rule.full(), &use_);
        }
        if let Ok(rule) = said::<SlidingCounter>(&format!(r#"{{{rate},"segments":{third}}}"#)) {
            go_on(&rule, rule.full(), &use_);
        }
    }
}

/// A refusal, or what it should have been.
fn refusal<T: Serialize + DeserializeOwned + PartialEq>(text: &str) -> String {
    said::<T>(text).err().unwrap_or_else(|| format!("accepted: {text}"))
}

#[test]
fn what_is_no_rule_is_refused_with_the_range() {
    let refusals = [
        refusal::<TokenBucket>(r#"{"amount":0,"window":1,"capacity":1}"#),
        refusal::<Gcra>(r#"{"amount":1,"window":0,"capacity":1}"#),
        refusal::<LeakyBucket>(r#"{"amount":1,"window":1,"capacity":0}"#),
        refusal::<SlidingLog>(r#"{"amount":1,"window":0}"#),
        refusal::<SlidingCounter>(r#"{"amount":1,"window":1,"segments":0}"#),
        refusal::<SlidingCounter>(r#"{"amount":1,"window":1,"segments":65}"#),
        refusal::<SlidingCounter>(r#"{"amount":0,"window":1,"segments":1}"#),
        refusal::<TokenBucket>(r#"{"amount":-1,"window":1,"capacity":1}"#),
        refusal::<SlidingLog>(r#"{"amount":18446744073709551616,"window":1}"#),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    an amount of 0 per window: use 1 to 18446744073709551615
    a window of 0s: use 1ns or more
    a capacity of 0: use 1 to 18446744073709551615
    a window of 0s: use 1ns or more
    a window of 0 segments: use 1 to 64
    a window of 65 segments: use 1 to 64
    an amount of 0 per window: use 1 to 18446744073709551615
    invalid value: integer `-1`, expected u64 at line 1 column 12
    invalid type: floating point `1.8446744073709552e+19`, expected u64 at line 1 column 30
    ");
}

#[test]
fn what_is_no_state_is_refused_with_what_is_wrong() {
    let entries = |count: u64| -> String {
        let one = |at| format!(r#"{{"at":{at},"amount":1}}"#);
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let lows = (0..33).map(|low| format!("[{low},{low}]")).collect::<Vec<_>>().join(",");
    let bucket =
        |at, lows: &str| format!(r#"{{"missing":9,"at":{at},"lows":{{"entries":[{lows}]}}}}"#);
    let log =
        |entries: &str, sum| format!(r#"{{"entries":[{entries}],"recorded":{sum},"seen":9999}}"#);
    let counter = |entries: &str| format!(r#"{{"entries":[{entries}],"seen":5}}"#);
    let (twice, none) = (r#"{"at":3,"amount":2},{"at":3,"amount":2}"#, r#"{"at":3,"amount":0}"#);
    let refusals = [
        refusal::<SlidingLogState>(&log(&entries(4_097), 4_097)),
        refusal::<SlidingLogState>(&log(twice, 4)),
        refusal::<SlidingLogState>(&log(r#"{"at":3,"amount":2},{"at":2,"amount":2}"#, 4)),
        refusal::<SlidingLogState>(&log(none, 0)),
        refusal::<SlidingLogState>(&log(&entries(3), 2)),
        refusal::<SlidingLogState>(r#"{"entries":[],"recorded":7,"seen":0}"#),
        refusal::<SlidingLogState>(r#"{"entries":[{"at":3,"amount":2}],"recorded":2,"seen":2}"#),
        refusal::<SlidingCounterState>(&counter(&entries(66))),
        refusal::<SlidingCounterState>(&counter(twice)),
        refusal::<SlidingCounterState>(&counter(none)),
        refusal::<TokenBucketState>(&bucket(99, &lows)),
        refusal::<TokenBucketState>(&bucket(99, "[1,5],[2,5]")),
        refusal::<TokenBucketState>(&bucket(99, "[1,5],[2,6],[1,7]")),
        refusal::<TokenBucketState>(&bucket(1, "[1,5],[2,6]")),
        refusal::<LeakyBucketState>(r#"{"level":-1,"at":0}"#),
        refusal::<GcraState>(r#"{"full_at":340282366920938463463374607431768211456}"#),
        refusal::<GcraState>("{}"),
        refusal::<GcraState>(&"[".repeat(10_000)),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    4097 entries: keep at most 4096, and merge the oldest
    entry 1 is not later than the one before it: list them oldest first, each instant once
    entry 1 is not later than the one before it: list them oldest first, each instant once
    entry 0 is of 0 permits: use 1 to 18446744073709551615, or leave it out
    2 permits recorded, but the entries add up to 3: use the sum
    7 permits recorded, but the entries add up to 0: use the sum
    an entry later than anything recorded: use instants up to that
    66 entries: keep at most 65, and merge the oldest
    entry 1 is not later than the one before it: list them oldest first, each instant once
    entry 0 is of 0 permits: use 1 to 18446744073709551615, or leave it out
    33 entries: keep at most 32, and merge the oldest at line 1 column 286
    low 1 does not lie above the one before it, or was noted earlier: list rising values, oldest first at line 1 column 54
    low 2 does not lie above the one before it, or was noted earlier: list rising values, oldest first at line 1 column 60
    a low noted after the bucket was last touched: use instants up to that
    number out of range at line 1 column 10
    number out of range at line 1 column 50
    missing field `full_at` at line 1 column 2
    invalid number at line 1 column 2
    ");
}

#[test]
fn the_largest_that_a_state_may_be_is_accepted() {
    let entries = |count: u64, amount: u64| -> String {
        let one = |at| format!(r#"{{"at":{at},"amount":{amount}}}"#);
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let sum = u128::from(u64::MAX) * 4_096;
    let entries_of_all = entries(4_096, u64::MAX);
    let log = format!(r#"{{"entries":[{entries_of_all}],"recorded":{sum},"seen":5000}}"#);
    let mut state = said::<SlidingLogState>(&log).expect("a state");
    let rule = SlidingLog::new(5, Span::from_nanos(10_000));
    assert_eq!(rule.debt(&state, Instant::ZERO), u64::MAX);
    rule.record(&mut state, Instant::from_nanos(9_000), 1);
    let written = serde_json::to_string(&state).expect("it serialises");
    assert_eq!(said::<SlidingLogState>(&written), Ok(state));

    let counter = format!(r#"{{"entries":[{}],"seen":64}}"#, entries(65, 1));
    let mut state = said::<SlidingCounterState>(&counter).expect("a state");
    let rule = SlidingCounter::new(5, Span::from_nanos(10_000), 1);
    let now = Instant::from_nanos(9_000);
    rule.record(&mut state, now, 1);
    assert_eq!(rule.debt(&state, now), 66 - 5, "what is merged is not lost");
    let written = serde_json::to_string(&state).expect("it serialises");
    assert_eq!(said::<SlidingCounterState>(&written), Ok(state));
}

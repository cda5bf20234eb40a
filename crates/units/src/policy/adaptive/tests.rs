//! Tests of the policy for a pace that is learned.

use super::*;
use crate::Span;

fn rate(text: &str) -> RateOf {
    text.parse().expect("a rate")
}

#[test]
fn every_fault_is_named_with_its_field() {
    let slots = RateOf::new(Dimension::Slots, 1, Span::from_secs(1)).expect_err("no rate");
    let policy = AdaptivePolicy {
        dimensions: vec![Dimension::Requests, Dimension::Slots, Dimension::Requests],
        min: vec![rate("120 requests per minute"), rate("1 request per day")],
        max: vec![rate("1 request per second"), rate("5 tokens per second")],
        start: vec![rate("70 requests per minute")],
        decrease: Share::NONE,
        increase: Increase::PerSecond(Share::NONE),
        ..AdaptivePolicy::default()
    };
    let mut faults: Vec<String> =
        policy.faults().iter().map(|fault| format!("{}: {}", fault.key, fault.error)).collect();
    faults.dedup();
    let none = AdaptivePolicy { dimensions: Vec::new(), ..AdaptivePolicy::default() };
    faults.extend(none.faults().iter().map(|fault| format!("{}: {}", fault.key, fault.error)));
    faults.push(slots.to_string());
    faults.push("bold".parse::<ControllerKind>().expect_err("none").to_string());
    insta::assert_snapshot!(faults.join("\n"), @r"
    dimensions: slots are held, not spent: they have no pace, use `concurrency`
    dimensions: requests twice: name each dimension once
    min: min states two rates of requests: remove one
    max: a rate of tokens, which is not paced: add `tokens` to `dimensions`, or remove it
    min: a min of 120 requests per 1m above a max of 1 requests per 1s: use a min of at most the max
    start: a min of 120 requests per 1m above a start of 70 requests per 1m: use a min of at most the start
    start: a start of 70 requests per 1m above a max of 1 requests per 1s: use a start of at most the max
    decrease: a decrease to 0: use 0.001 to 0.999, what a refusal leaves of the pace
    increase: an increase of 0: use 0.001 to 1 of the first pace, or the controller `fixed`
    dimensions: 0 dimensions: pace 1 to 4
    slots are held, not spent: use `concurrency`
    `bold` is no controller: use tidegate, aimd or fixed
    ");
}

#[test]
fn what_is_no_rate_is_refused_with_the_form() {
    let refused = |text: &str| text.parse::<RateOf>().expect_err("refused").to_string();
    let texts = [
        "",
        "2 requests",
        "0 requests per minute",
        "1.5 requests per minute",
        "2 Requests per minute",
        "2 slots per minute",
        "2 requests per month",
        "2 requests per day in UTC",
        "2 requests per fortnight",
        "2 requests per 400d",
    ];
    let refusals: Vec<String> = texts.into_iter().map(refused).collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    `` is no rate: write it as `2 requests per minute`
    `2 requests` is no rate: write it as `2 requests per minute`
    an amount of 0: use 1 to 1000000000000 per window
    an amount of 1.5: use 1 to 1000000000000 per window
    `Requests` is no name for a dimension: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter
    slots are held, not spent: use `concurrency`
    `2 requests per month` is no rate: periods of a calendar have none, write a length such as `1d`
    `2 requests per day in UTC` is no rate: periods of a calendar have none, write a length such as `1d`
    `fortnight` is no length of time: write a number of at least 0 and a unit, such as `250ms`, `1.5s`, `1m`, `1h` or `1d`
    a window of 400d: use 1ms to 366d
    ");
}

#[test]
fn a_rate_and_an_increase_read_back_as_they_print() {
    for text in ["2 requests per 1m", "400000 tokens per 1.5s", "1 images per 1d"] {
        assert_eq!(rate(text).to_string(), text);
    }
    for text in ["0.01 per second", "1 per success"] {
        assert_eq!(text.parse::<Increase>().expect("an increase").to_string(), text);
    }
    for text in ["", "0.01 per minute", "2 per second", "per second", "0.0001"] {
        assert!(text.parse::<Increase>().is_err(), "{text}");
    }
    assert!(rate("61 requests per minute").is_above(&rate("1 request per second")));
    assert!(!rate("60 requests per minute").is_above(&rate("1 request per second")));
}

#[test]
fn bounds_that_are_not_stated_fit_those_that_are() {
    let of = |min: Option<&str>, start: Option<&str>, max: Option<&str>| {
        let rates = |text: Option<&str>| text.map(rate).into_iter().collect();
        let policy = AdaptivePolicy {
            min: rates(min),
            start: rates(start),
            max: rates(max),
            ..AdaptivePolicy::default()
        };
        assert!(policy.faults().is_empty(), "{policy:?}");
        let Bounds { min, start, max } = policy.bounds(Dimension::Requests);
        (min * 60.0, start * 60.0, max * 60.0)
    };
    let unstated = 6e13;
    assert_eq!(of(None, None, None), (1.0, 60.0, unstated));
    assert_eq!(of(Some("120 requests per minute"), None, None), (120.0, 120.0, unstated));
    assert_eq!(of(None, None, Some("6 requests per minute")), (0.1, 6.0, 6.0));
    assert_eq!(of(None, Some("6000 requests per minute"), None), (100.0, 6_000.0, unstated));
    let tokens = AdaptivePolicy::default().bounds(Dimension::InputTokens);
    assert!(tokens.start > 999.0 && tokens.min < tokens.start);
}

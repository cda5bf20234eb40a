//! Settling in steps, in whatever order the news arrives: SETTLE-1 to SETTLE-4.

use proptest::prelude::*;
use tidegate_adaptive::{ChargeRule, Known, Settling, StreamUsage, Usage};
use tidegate_units::{Amounts, Cost, Dimension, Instant};

const RECORDED: Instant = Instant::from_nanos(77);
const LIMITED: [Dimension; 4] =
    [Dimension::Requests, Dimension::Tokens, Dimension::InputTokens, Dimension::OutputTokens];

fn cost(input: u64, output: u64) -> Cost {
    Cost::request().input_tokens(input).output_tokens(output)
}

fn settling(reserved: &Cost) -> Settling {
    Settling::new(RECORDED, reserved, LIMITED)
}

fn amounts(cost: &Cost) -> Amounts {
    Amounts::charged(cost, LIMITED)
}

#[test]
fn an_answer_that_outgrows_its_reservation_owes_as_it_grows() {
    let mut call = settling(&cost(100, 50));
    assert!(call.so_far(&cost(100, 10)).is_none());
    assert!(!call.is_over());
    let step = call.so_far(&cost(100, 90));
    assert!(!step.is_none(), "there is a debt");
    assert_eq!(step.debt.get(Dimension::OutputTokens), 40);
    assert_eq!(step.debt.get(Dimension::Tokens), 40);
    assert_eq!(step.recorded, RECORDED);
    assert!(call.so_far(&cost(100, 90)).is_none(), "SETTLE-3");
    assert!(call.so_far(&cost(100, 20)).is_none(), "SETTLE-2");
    let step = call.finish(&cost(100, 20));
    assert!(step.is_none(), "SETTLE-2: {step:?}");
    assert_eq!(call.charged(), &amounts(&cost(100, 90)), "SETTLE-1");
}

#[test]
fn what_was_not_used_comes_back_at_the_end_and_once() {
    let mut call = settling(&cost(100, 50));
    assert!(call.so_far(&cost(80, 10)).is_none(), "it may still take it");
    let step = call.finish(&cost(80, 20));
    assert!(!step.is_none(), "there is a refund");
    assert_eq!(step.refund.get(Dimension::InputTokens), 20);
    assert_eq!(step.refund.get(Dimension::OutputTokens), 30);
    assert_eq!(step.refund.get(Dimension::Tokens), 50);
    assert_eq!(step.refund.get(Dimension::Requests), 0);
    assert_eq!(step.recorded, RECORDED, "where the refund belongs");
    assert!(call.is_over());
    for late in [cost(0, 0), cost(900, 900)] {
        assert!(call.finish(&late).is_none(), "SETTLE-3");
        assert!(call.so_far(&late).is_none(), "SETTLE-3");
        assert!(call.abandon(Some(&late)).is_none(), "SETTLE-3");
        assert!(call.decided(Dimension::Tokens, &late).is_none(), "SETTLE-3");
    }
}

#[test]
fn input_that_is_stated_when_the_answer_begins_is_settled_then() {
    let mut call = settling(&cost(100, 50));
    let step = call.decided(Dimension::InputTokens, &cost(70, 1));
    assert_eq!(step.refund, Amounts::of(Dimension::InputTokens, 30));
    assert!(step.debt.is_none());
    assert!(call.decided(Dimension::InputTokens, &cost(60, 1)).is_none(), "SETTLE-3");
    assert!(call.so_far(&cost(90, 1)).is_none(), "the last was said of it");
    let step = call.finish(&cost(90, 50));
    assert_eq!(step.refund, Amounts::of(Dimension::Tokens, 10), "only what is left of the others");

    let mut call = settling(&cost(100, 50));
    let step = call.decided(Dimension::InputTokens, &cost(130, 1));
    assert_eq!(step.debt, Amounts::of(Dimension::InputTokens, 30));
    assert!(call.decided(Dimension::Bytes, &cost(1, 1).bytes(9)).is_none(), "nobody limits it");
}

#[test]
fn what_nobody_knows_stays_spent() {
    let mut call = settling(&cost(100, 50));
    assert!(call.abandon(None).is_none(), "SETTLE-4");
    assert!(call.finish(&cost(1, 1)).is_none(), "it is over");
    assert_eq!(call.charged(), &amounts(&cost(100, 50)));

    let mut call = settling(&cost(100, 50));
    let step = call.abandon(Some(&cost(20, 80)));
    assert_eq!(step.debt.get(Dimension::OutputTokens), 30);
    assert!(step.refund.is_none(), "SETTLE-4");
}

#[test]
fn a_call_that_was_never_made_gets_everything_back() {
    let mut call = settling(&cost(100, 50));
    let step = call.finish(&Cost::ZERO);
    assert_eq!(step.refund, amounts(&cost(100, 50)));
    assert!(call.charged().is_none());
}

#[test]
fn an_answer_is_settled_by_how_much_is_known_of_it() {
    let usage = Usage { input: Some(80), output: Some(20), ..Usage::default() };
    let stream = |known, usage, pieces| {
        let (failure, unread) = (None, 0);
        StreamUsage { known, usage, pieces, failure, unread }
    };
    let end = |stream: StreamUsage| {
        let mut call = settling(&cost(100, 50));
        call.end(&stream, ChargeRule::OPENAI);
        assert!(call.is_over());
        call.charged().clone()
    };
    assert_eq!(end(stream(Known::Complete, Some(usage), 9)), amounts(&cost(80, 20)));
    assert_eq!(end(stream(Known::Partial, Some(usage), 9)), amounts(&cost(100, 50)), "SETTLE-4");
    assert_eq!(end(stream(Known::Partial, None, 60)).get(Dimension::OutputTokens), 60);
    assert_eq!(end(stream(Known::Nothing, None, 0)), amounts(&cost(100, 50)), "SETTLE-4");
    assert_eq!(end(stream(Known::Complete, None, 0)), amounts(&cost(100, 50)), "SETTLE-4");
}

/// A piece of news.
#[derive(Debug, Clone)]
enum News {
    SoFar(Cost),
    Decided(Dimension, Cost),
    Finish(Cost),
    Abandon(Option<Cost>),
}

fn any_cost() -> impl Strategy<Value = Cost> {
    let amount = || prop_oneof![9 => 0_u64..50, 1 => any::<u64>()];
    (0_u64..2, amount(), amount(), amount()).prop_map(|(requests, input, output, tokens)| {
        cost(input, output).requests(requests).tokens(tokens)
    })
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        6 => any_cost().prop_map(News::SoFar),
        2 => (prop::sample::select(&LIMITED[..]), any_cost()).prop_map(|(of, cost)| News::Decided(of, cost)),
        1 => any_cost().prop_map(News::Finish),
        1 => prop::option::of(any_cost()).prop_map(News::Abandon),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// SETTLE-1 to SETTLE-4, against a count of its own.
    #[test]
    fn books_balance_whatever_arrives_in_whatever_order(
        reserved in any_cost(), history in prop::collection::vec(news(), 0..12),
    ) {
        let mut call = settling(&reserved);
        let (mut debts, mut refunds) = (Amounts::NONE, Amounts::NONE);
        for one in &history {
            let step = match one {
                News::SoFar(actual) => call.so_far(actual),
                News::Decided(dimension, actual) => call.decided(*dimension, actual),
                News::Finish(actual) => call.finish(actual),
                News::Abandon(proven) => call.abandon(proven.as_ref()),
            };
            prop_assert_eq!(step.recorded, RECORDED);
            debts.add(&step.debt);
            refunds.add(&step.refund);
            // The same again is nothing.
            let again = match one {
                News::SoFar(actual) => call.so_far(actual),
                News::Decided(dimension, actual) => call.decided(*dimension, actual),
                News::Finish(actual) => call.finish(actual),
                News::Abandon(proven) => call.abandon(proven.as_ref()),
            };
            prop_assert!(again.is_none(), "SETTLE-3: {again:?}");
        }
        for dimension in LIMITED {
            let reserved = reserved.amount(dimension);
            let (mut proven, mut last) = (0, None);
            for one in &history {
                let open = last.is_none();
                match one {
                    News::SoFar(actual) | News::Abandon(Some(actual)) if open => {
                        proven = proven.max(actual.amount(dimension));
                    }
                    News::Decided(of, actual) if open && *of == dimension => {
                        last = Some(proven.max(actual.amount(dimension)));
                    }
                    News::Finish(actual) if open => last = Some(proven.max(actual.amount(dimension))),
                    _ => {}
                }
                if matches!(one, News::Finish(_) | News::Abandon(_)) {
                    break;
                }
            }
            let took = last.unwrap_or(proven.max(reserved));
            prop_assert_eq!(call.charged().get(dimension), took, "SETTLE-1: {}", dimension);
            let (debt, refund) = (debts.get(dimension), refunds.get(dimension));
            prop_assert!(refund <= reserved, "SETTLE-2");
            prop_assert!(debt == 0 || refund == 0, "SETTLE-2");
            prop_assert_eq!(u128::from(reserved) + u128::from(debt), u128::from(took) + u128::from(refund));
        }
    }
}

//! What a client hears of its calls, and when.

use super::*;
use crate::Generator;

/// A journey through a provider that tells everything, with nobody held back.
fn journey(provider: &str) -> Journey {
    let trace = Generator::sized(1, 200, Span::from_secs(100)).expect("in range").generate();
    let text = format!("name = \"t\"\n[provider]\nheaders = \"full\"\n{provider}");
    let scenario = Scenario::parse(&text, "t.toml").expect("a scenario");
    let limits = scenario.resolve(&trace).expect("it fits");
    Journey::new(&trace, &scenario, &limits, 1)
}

/// What is heard of every call that is sent as soon as it comes, in order, and whether headers came
/// with it.
fn heard(mut journey: Journey) -> Vec<Vec<(Happening, bool)>> {
    let mut heard = vec![Vec::new(); journey.requests().len()];
    while let Next::Call { now, call, happening } = journey.next(None) {
        if happening == Happening::Arrived {
            journey.send(now, call);
        } else {
            heard[call].push((happening, journey.take_headers(call).is_some()));
        }
    }
    // Those that came last were under way when the trace ended.
    heard.truncate(100);
    heard
}

#[test]
fn headers_of_streamed_responses_come_before_the_end_and_once() {
    let room = "requests = { rate = 1000 }";
    for calls in heard(journey(&format!("{room}\nstreamed = 1"))) {
        assert_eq!(calls, [(Happening::Told, true), (Happening::Done, false)]);
    }
    for calls in heard(journey(&format!("{room}\nstreamed = 0"))) {
        assert_eq!(calls, [(Happening::Done, true)]);
    }
    for calls in heard(journey(&format!("{room}\nstreamed = 1\nlost = 1"))) {
        assert_eq!(calls, [(Happening::Done, false)]);
    }
}

#[test]
fn a_refusal_brings_headers_with_it() {
    let all: Vec<(Happening, bool)> =
        heard(journey("requests = { rate = 0.1 }")).into_iter().flatten().collect();
    let is_refused = |happening: &Happening| matches!(happening, Happening::Refused { .. });
    assert!(all.iter().filter(|(happening, _)| is_refused(happening)).all(|(_, headers)| *headers));
    assert!(all.iter().any(|(happening, _)| is_refused(happening)));
}

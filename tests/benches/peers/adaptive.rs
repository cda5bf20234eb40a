//! How well a pace is learned that nobody tells: replays on virtual time, held against goals; and
//! what a call costs that tells the controller how it ended.
//!
//! A goal stands where a peer stands elsewhere: a ratio of at most 1 meets it. *Lost* is what an
//! omniscient queue would have got admitted and ours did not. Figures are medians over seeds; what is
//! compared with other controllers is in the picture and the table that `cargo xtask bench` makes
//! beside this.

use serde_json::{Value, json};
use tidegate_adaptive::{Answer, Hint, Reset, build};
use tidegate_simulator::{Contest, Controller, Generator, Run, Scenario, Trace, replay};
use tidegate_units::{AdaptivePolicy, Amounts, Cost, Dimension, Instant, Outcome, Priority, Span};

use crate::measure::{Contender, Plan, Timing, interleaved, line};

/// What is asked of one scenario; `None`: nothing.
struct Goal {
    scenario: &'static str,
    /// Work that was not admitted, in percent of what could have been.
    lost: Option<f64>,
    /// Refusals per thousand admitted.
    refused: Option<f64>,
    /// Seconds until the pace has followed each step.
    steps: &'static [f64],
    /// Seconds of capacity that a step may cost.
    step_lost: Option<f64>,
    /// 1 less Jain's index.
    unfair: Option<f64>,
}

/// Nothing is asked yet.
const fn of(scenario: &'static str) -> Goal {
    Goal { scenario, lost: None, refused: None, steps: &[], step_lost: None, unfair: None }
}

/// So much may be lost and refused.
const fn within(scenario: &'static str, lost: f64, refused: f64) -> Goal {
    Goal { lost: Some(lost), refused: Some(refused), ..of(scenario) }
}

const GOALS: [Goal; 19] = [
    within("const-hdr", 0.5, 0.2),
    Goal { step_lost: Some(2.0), ..within("step-hdr", 0.5, 0.2) },
    within("noisy-hdr", 0.5, 0.2),
    Goal { unfair: Some(0.02), ..within("8cl-hdr", 0.5, 0.5) },
    within("tpm-hdr", 0.5, 2.5),
    within("window-hdr", 2.0, 0.2),
    within("const-none", 0.5, 3.0),
    within(B60S, 0.5, 3.0),
    within("const-b1s-none", 2.0, 3.0),
    within("window-none", 3.0, 3.0),
    Goal { steps: &[10.0, 15.0], ..within("step-none", 0.5, 5.0) },
    Goal { steps: &[10.0, 6.0], ..of("step-dense-none") },
    within("noisy-none", 0.5, 7.0),
    Goal { unfair: Some(0.1), ..within("8cl-dense-none", 0.5, 4.0) },
    within("tpm-none", 1.0, 5.0),
    Goal { lost: Some(0.5), ..of("under-120-none") },
    Goal { lost: Some(0.5), ..of("const-ra") },
    Goal { lost: Some(0.5), ..of("step-ra") },
    Goal { lost: Some(3.0), ..of("window-ra") },
];

/// How much of the traffic a quick run plays where nothing happens later.
const SHORT: Span = Span::from_secs(1_800);
/// A bucket of a minute, which has no name elsewhere.
const B60S: &str = "const-b60s-none";
/// How much longer the urgent may wait than under a limiter that is told the limit.
const WAIT_OVER_FIXED: f64 = 1.5;
/// The most that a settled call may take in the controller, in nanoseconds.
const SETTLE_NANOS: f64 = 1_000.0;

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let trace = trace();
    let mut lines: Vec<Value> = GOALS.iter().flat_map(|goal| held(goal, &trace, plan)).collect();
    lines.extend(settling(plan));
    lines
}

/// The recording that the environment names, else a generated hour like it.
fn trace() -> Trace {
    match std::env::var_os("TIDEGATE_TRACE") {
        Some(file) => Trace::read(file.as_ref()).expect("a trace"),
        None => Generator::new(1).generate(),
    }
}

/// One scenario against its goals.
fn held(goal: &Goal, trace: &Trace, plan: &Plan) -> Vec<Value> {
    let seeds: Vec<u64> = if plan.is_quick() { vec![1] } else { (1..=5).collect() };
    let scenario = scenario(goal.scenario);
    let short = plan.is_quick() && scenario.swings().steps.is_empty();
    let trace = if short { trace.first(SHORT) } else { trace.clone() };
    let controllers = [Controller::Tidegate, Controller::Fixed];
    let contest = Contest { controllers: &controllers, seeds: &seeds, configured: None };
    let replay = replay(&trace, &scenario, contest, &mut |_| {}).expect("it fits");
    let runs = |controller: Controller| {
        replay.runs.iter().filter(move |run| run.controller == controller.name())
    };
    let figure = |value: &dyn Fn(&Run) -> f64| -> Vec<f64> {
        runs(Controller::Tidegate).map(value).collect()
    };
    let name = |what: &str| format!("adaptive/{}/{what}", goal.scenario);
    let mut lines = Vec::new();
    let mut ask = |what: &str, unit, goal: Option<f64>, value: &dyn Fn(&Run) -> f64| {
        let ours = Timing::of(figure(value));
        lines.extend(goal.map(|goal| against(&name(what), unit, &ours, ("goal", goal), 1.0)));
    };
    ask("lost", "%", goal.lost, &|run| 100.0 * (1.0 - run.goodput).max(0.0));
    ask("refused", "per 1000", goal.refused, &|run| run.refused_per_1000);
    for (place, (seconds, way)) in goal.steps.iter().zip(["down", "up"]).enumerate() {
        ask(&format!("{way}-there"), "s", Some(*seconds), &|run| run.steps[place].reached_s);
        ask(&format!("{way}-settled"), "s", Some(*seconds), &|run| run.steps[place].converged_s);
    }
    ask("step-lost", "s", goal.step_lost, &|run| {
        run.steps.iter().map(|step| step.lost_s).fold(0.0, f64::max)
    });
    ask("unfair", "of 1", goal.unfair, &|run| 1.0 - run.jain_60s.unwrap_or(0.0));
    let failed = Timing::of(figure(&|run| measured(run.failed)));
    lines.push(against(&name("failed"), "calls", &failed, ("goal", 0.0), 0.0));
    let high = |run: &Run| run.wait_s.get("high").map_or(0.0, |wait| wait.p99);
    let ours = Timing::of(figure(&high));
    let fixed = Timing::of(runs(Controller::Fixed).map(high).collect());
    lines.push(against(
        &name("p99-high"),
        "s",
        &ours,
        ("fixed", fixed.median.max(1e-3)),
        WAIT_OVER_FIXED,
    ));
    lines
}

fn scenario(name: &str) -> Scenario {
    if name == B60S {
        let text = format!(
            "name = \"{B60S}\"\n[provider]\nrequests = {{ rate_of_load = 0.7, burst_s = 60 }}"
        );
        return Scenario::parse(&text, B60S).expect("a scenario");
    }
    Scenario::named(name).expect("it has a name")
}

/// Ours against a number: the ratio, or ours itself where the number is nothing at all.
fn against(
    name: &str,
    unit: &str,
    ours: &Timing,
    (peer, value): (&str, f64),
    target: f64,
) -> Value {
    let short = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let ratio = if value > 0.0 { ours.median / value } else { ours.median };
    json!({
        "part": "adaptive",
        "name": name,
        "unit": unit,
        "ours": ours.json(),
        "peer": peer,
        "peer_value": { "min": short(value), "median": short(value) },
        "ratio": short(ratio),
        "target": target,
    })
}

/// What the end of a call takes in the controller, with and without what the service said.
fn settling(plan: &Plan) -> Vec<Value> {
    let dimensions = vec![Dimension::Requests, Dimension::Tokens];
    let policy = AdaptivePolicy { dimensions, ..AdaptivePolicy::default() };
    let hint = |dimension| Hint {
        limit: Some(1_000),
        remaining: Some(500),
        reset: Some(Reset::Full(Span::from_secs(5))),
        window: Some(Span::from_secs(60)),
        ..Hint::of(dimension)
    };
    let hints = [hint(Dimension::Requests), hint(Dimension::Tokens)];
    [("settle", &hints[..0]), ("settle-hdr", &hints[..])]
        .into_iter()
        .map(|(name, hints)| {
            let mut controller = build(&policy, Instant::ZERO);
            let mut now = Instant::ZERO;
            let cost = Cost::request().tokens(1_000);
            let none = Amounts::NONE;
            let ours = Contender::new(|times| {
                for _ in 0..times {
                    let sent_at = now;
                    now = now + Span::from_millis(20);
                    let answer = Answer {
                        sent_at,
                        cost: &cost,
                        debt: &none,
                        refund: &none,
                        outcome: Outcome::Ok,
                        retry_after: None,
                        hints,
                    };
                    controller.answered(now, &answer);
                }
                std::hint::black_box(controller.earliest(now, &cost, Priority::Normal));
            });
            let timing = interleaved(plan, &mut [ours]).remove(0);
            let goal = Timing::of(vec![SETTLE_NANOS]);
            let name = format!("adaptive/{name}");
            line("adaptive", &name, &timing, Some(("goal", &goal)), Some(1.0))
        })
        .collect()
}

/// A count as a figure.
fn measured(count: u64) -> f64 {
    crate::measure::f64_of(count)
}

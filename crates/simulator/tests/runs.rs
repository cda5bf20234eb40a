//! Whole runs: what must hold of every controller in every scenario.

use proptest::prelude::*;
use tidegate_config::Config;
use tidegate_simulator::scenario::named;
use tidegate_simulator::{
    Configured, Contest, Controller, Generator, Replay, Run, Scenario, Trace, replay,
};
use tidegate_units::Span;

/// A few minutes of traffic, so that all of this takes seconds.
fn trace() -> Trace {
    Generator::sized(3, 900, Span::from_secs(180)).expect("in range").generate()
}

fn played(trace: &Trace, scenario: &Scenario, configured: Option<&Configured>) -> Replay {
    let contest = Contest { controllers: &Controller::ALL, seeds: &[1], configured };
    replay(trace, scenario, contest, &mut |_| {}).expect("it fits")
}

fn of(replay: &Replay, controller: Controller) -> &Run {
    let mut runs = replay.runs.iter();
    runs.find(|run| run.controller == controller.name()).expect("it ran")
}

fn scenario(text: &str) -> Scenario {
    Scenario::parse(&format!("name = \"t\"\n[provider]\n{text}"), "t.toml").expect("a scenario")
}

#[test]
fn nobody_gets_more_than_the_omniscient_queue_or_the_provider_allows() {
    let trace = trace();
    let sparse = |scenario: &Scenario| !scenario.name().contains("dense");
    for scenario in named::all().filter(sparse) {
        for run in &played(&trace, &scenario, None).runs {
            let which = format!("{} in {}", run.controller, scenario.name());
            assert_eq!(run.excess, 0, "{which}");
            // What is charged on completion is not known to the millisecond by the omniscient.
            let room = if scenario.name().starts_with("tpm") { 0.05 } else { 1e-9 };
            assert!(run.goodput <= 1.0 + room, "{which}: {}", run.goodput);
            assert!(run.admitted + run.failed + run.waiting <= 900, "{which}");
            assert_eq!(run.jain_60s.is_some(), scenario.clients().count > 1, "{which}");
        }
    }
}

#[test]
fn a_seed_is_a_run_whoever_plays_it() {
    let trace = trace();
    let text = "requests = { rate_of_load = 0.7 }\nheaders = \"full\"\nlost = 0.2\n\
                steps = [{ at_s = 60, factor = 0.5 }]\nnoise = { amplitude = 0.3 }\n\
                [clients]\ncount = 3\ndemand = \"skewed\"";
    let bare = |mut replay: Replay| {
        // How fast the machine was is the only thing that may differ.
        replay.runs.iter_mut().for_each(|run| run.decisions_per_s = 0);
        replay
    };
    let once = bare(played(&trace, &scenario(text), None));
    assert_eq!(once, bare(played(&trace, &scenario(text), None)));
    assert_eq!(once.runs.iter().filter(|run| run.steps.len() == 1).count(), Controller::ALL.len());
}

#[test]
fn a_told_limit_is_never_exceeded_by_one_client_or_by_several() {
    let trace = trace();
    for (provider, count) in [("bucket", 1), ("bucket", 3), ("window", 1), ("window", 3)] {
        let text = format!(
            "kind = \"{provider}\"\nwindow_s = 30\nrequests = {{ rate_of_load = 0.7 }}\n\
             tokens = {{ rate = 1e5 }}\n[clients]\ncount = {count}\ndemand = \"skewed\""
        );
        let replay = played(&trace, &scenario(&text), None);
        for controller in [Controller::Fixed, Controller::Fifo] {
            let run = of(&replay, controller);
            assert_eq!((run.offered_excess, run.failed), (0, 0), "{provider}, {count}");
            assert!(run.goodput > 0.8, "{provider}, {count}: {}", run.goodput);
        }
    }
}

#[test]
fn what_is_configured_is_kept_instead_of_what_is_true() {
    let trace = trace();
    let text = "[services.mine]\nlimits = [\"60 requests per minute\"]\n\
                queue = { capacity = 5, timeout = \"2s\" }";
    let config = Config::parse("t.toml", text, Vec::new()).expect("a configuration");
    let configured = Configured::new(&config, None).expect("one service");
    let scenario = scenario("requests = { rate_of_load = 0.7 }");
    let replay = played(&trace, &scenario, Some(&configured));
    for controller in [Controller::Fixed, Controller::Tidegate] {
        let run = of(&replay, controller);
        assert!((150..=240).contains(&run.admitted), "{controller}: {}", run.admitted);
        assert!(run.failed > 500, "{controller}: nobody waits longer than two seconds");
        let longest = run.wait_s.values().map(|wait| wait.p99).fold(0.0, f64::max);
        assert!(longest < 2.2, "{controller}: {longest}");
    }
    assert!(of(&replay, Controller::Naive).admitted > 400, "it knows no configuration");
}

#[test]
fn unequal_clients_are_served_by_what_they_want() {
    let trace = trace();
    let text = "requests = { rate_of_load = 0.7 }\n[clients]\ncount = 4\ndemand = \"skewed\"";
    let replay = played(&trace, &scenario(text), None);
    let fixed = of(&replay, Controller::Fixed).jain_60s.expect("several clients");
    assert!(fixed > 0.95, "{fixed}");
}

/// The text of a scenario: most of it in range, and all of it of the right form.
fn scenarios() -> impl Strategy<Value = String> {
    let provider = (
        prop::sample::select(vec!["bucket", "window"]),
        prop::option::of(0.05_f64..2.0),
        prop::option::of(0.05_f64..2.0),
        prop::sample::select(vec!["none", "retry_after", "full"]),
        (0.0_f64..1.0, 0.0_f64..0.3, 0.0_f64..1.0, -30.0_f64..30.0),
        (0.5_f64..90.0, 0.5_f64..20.0),
        prop::collection::vec((0.1_f64..40.0, 0.001_f64..3.0), 0..4),
        prop::option::of((0.0_f64..0.5, 1.0_f64..300.0)),
    );
    let clients = (1_u32..6, any::<bool>(), 0.01_f64..10.0, 0.1_f64..2.0, 0_u32..8, any::<bool>());
    (provider, clients).prop_map(|(provider, clients)| {
        let (kind, requests, tokens, headers, shares, lengths, gaps, noise) = provider;
        let (streamed, overload, lost, skew) = shares;
        let (window_s, burst_s) = lengths;
        let mut text = format!(
            "kind = \"{kind}\"\nheaders = \"{headers}\"\nstreamed = {streamed}\n\
             overload = {overload}\nlost = {lost}\nclock_skew_s = {skew}\nwindow_s = {window_s}\n"
        );
        let requests = requests.or(if tokens.is_none() { Some(0.7) } else { None });
        for (name, share) in [("requests", requests), ("tokens", tokens)] {
            if let Some(share) = share {
                let limit = format!("{name} = {{ rate_of_load = {share}, burst_s = {burst_s} }}\n");
                text.push_str(&limit);
            }
        }
        let mut at = 0.0;
        let steps: Vec<String> = gaps
            .into_iter()
            .map(|(gap, factor)| {
                at += gap;
                format!("{{ at_s = {at}, factor = {factor} }}")
            })
            .collect();
        let steps = format!("steps = [{}]\n", steps.join(", "));
        text.push_str(&steps);
        if let Some((amplitude, period)) = noise {
            let noise = format!("noise = {{ amplitude = {amplitude}, period_s = {period} }}\n");
            text.push_str(&noise);
        }
        let (count, equal, guess, load, retries, lies) = clients;
        let demand = if equal { "equal" } else { "skewed" };
        text + &format!(
            "limit_header_lies = {lies}\n[clients]\ncount = {count}\ndemand = \"{demand}\"\n\
             initial_rate_factor = {guess}\nload_factor = {load}\nmax_retries = {retries}\n"
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever a scenario says, it is played or refused, and the books balance.
    #[test]
    fn no_scenario_is_too_odd_to_be_played(text in scenarios(), seed in 0_u64..1_000) {
        let trace = Generator::sized(seed, 150, Span::from_secs(60)).expect("in range").generate();
        let scenario = scenario(&text);
        let contest =
            Contest { controllers: &Controller::ALL, seeds: &[seed], configured: None };
        if let Ok(replay) = replay(&trace, &scenario, contest, &mut |_| {}) {
            for run in &replay.runs {
                prop_assert_eq!(run.excess, 0, "{}", &run.controller);
                prop_assert!(run.goodput.is_finite());
                let served: u64 = run.served.values().map(|served| served.admitted).sum();
                prop_assert_eq!(served, run.admitted);
            }
        }
    }
}

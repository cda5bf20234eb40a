//! The demonstration in one process, on virtual time: what limiters and services have counted (DEMO-2).

use tidegate::{Drain, Outcome};
use tidegate_units::Dimension;

use super::*;

#[test]
fn the_configuration_has_a_service_for_every_plan() {
    let config = config();
    let planned: Vec<&str> = PLANS.iter().map(|plan| plan.service).collect();
    let configured: Vec<&str> = config.services.keys().map(ServiceName::as_str).collect();
    assert_eq!(planned, configured);
}

/// Runs the demonstration for so many seconds of virtual time, and until all is settled.
async fn played(seconds: u64, speed: u32) -> (Tidegate, Demo) {
    let tidegate = Tidegate::builder().config(config()).start().expect("it starts");
    let demo = Demo::start(&tidegate, DemoSettings { seed: 5, speed });
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    demo.stop();
    while demo.open() > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    (tidegate, demo)
}

#[test]
fn services_and_limiters_have_counted_the_same() {
    actix::System::new().block_on(async {
        tokio::time::pause();
        let (tidegate, demo) = played(120, 8).await;
        let sample = tidegate.sample().await.expect("everybody answers");
        let counts = demo.counts();
        for service in &sample.services {
            let (name, count) = (&service.service, &counts[&service.service]);
            let arrived = service.granted() - service.ended(Outcome::Cancelled);
            assert_eq!(arrived, count.arrived, "{name}");
            assert_eq!(service.ended(Outcome::Ok), count.admitted, "{name}");
            assert_eq!(service.ended(Outcome::RateLimited), count.rate_limited, "{name}");
            assert_eq!(service.ended(Outcome::Overloaded), count.overloaded, "{name}");
            assert_eq!(service.ended(Outcome::Contention), count.contended, "{name}");
            assert_eq!(service.ended(Outcome::Failed), count.failed, "{name}");
            assert_eq!((service.queued, count.under_way), (0, 0), "{name}");
            assert!(count.arrived > 50, "{name}: {}", count.arrived);
        }
        let claude = sample.service("anthropic").expect("it is there");
        for dimension in [Dimension::InputTokens, Dimension::OutputTokens] {
            let used = counts[&claude.service].used[&dimension];
            assert_eq!(claude.spent.used(dimension), used, "{dimension}");
        }
        tidegate.shutdown(Drain::now()).await;
    });
}

#[test]
fn everything_that_is_to_be_seen_happens() {
    actix::System::new().block_on(async {
        tokio::time::pause();
        let (tidegate, demo) = played(500, 1).await;
        let sample = tidegate.sample().await.expect("everybody answers");
        let of = |name| sample.service(name).expect("it is there");
        let counts = demo.counts();
        let count = |name| &counts[&of(name).service];
        assert!(of("anthropic").waited > 0 && of("anthropic").refused > 0);
        assert!(of("anthropic").withdrawn > 0, "the impatient give up");
        assert!(count("openai").rate_limited > 0 && !of("openai").paces.is_empty());
        assert!(of("git").waited > 0);
        assert!(count("sqlite").contended > 0);
        assert!(count("ollama").failed > 0 && of("ollama").retries.retries > 0);
        tidegate.shutdown(Drain::now()).await;
    });
}

//! Calls that are made again: every attempt pays, nothing is held in between, and deadline, attempts and
//! budget end it (RUN-1, RUN-2, RETRY-1); on virtual time.

use std::cell::{Cell, RefCell};
use std::future::{Ready, ready};
use std::rc::Rc;
use std::time::Duration;

use tidegate::{
    AcquireError, Attempt, Backoff, Called, Code, Concurrency, Handle, Jitter, Limit, LimiterState,
    Observation, Outcome, Policy, Priority, Reason, RetryPolicy, RunError, ServiceConfig, Share,
    Span, Tidegate, WhyNoMore,
};
use tidegate_tests::on_virtual_time;

type Answer = Called<u32, &'static str>;

/// A service that lets calls be made three times, after one second and two, exactly.
fn service(limits: impl IntoIterator<Item = &'static str>) -> ServiceConfig {
    let limit =
        |text: &str| text.parse::<Limit>().expect("a limit").guard(Span::ZERO).expect("no guard");
    let retry = RetryPolicy {
        attempts: 3,
        backoff: Backoff { base: Span::from_secs(1), max: Span::from_secs(30) },
        jitter: Jitter::Around(Share::NONE),
        budget: Share::ALL,
    };
    ServiceConfig { retry, ..ServiceConfig::limited(limits.into_iter().map(limit)) }
}

fn start(config: ServiceConfig) -> (Tidegate, Handle) {
    let tidegate = Tidegate::builder().service("service", config).expect("a name");
    let tidegate = tidegate.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

fn overloaded() -> Answer {
    Called::failed("overloaded", Observation::from_status(529))
}

/// Fails the first `failures` times as an overloaded service does, then answers which attempt it was.
fn after_failures(attempt: Attempt, failures: u32) -> Ready<Answer> {
    ready(match attempt.number() {
        number if number <= failures => overloaded(),
        number => Ok(number).into(),
    })
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn state(handle: &Handle) -> LimiterState {
    handle.usage().await.expect("it answers").service
}

async fn available(handle: &Handle) -> u64 {
    let limit = state(handle).await.limits.remove(0);
    limit.available + limit.lent
}

fn stopped_by<E: std::fmt::Debug>(error: RunError<E>) -> (u32, WhyNoMore) {
    match error {
        RunError::Failed { attempts, stopped_by, .. } => (attempts, stopped_by),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_retry_pays_again_and_comes_after_its_back_off() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["100 tokens per hour"]));
        let begin = tokio::time::Instant::now();
        let seen = RefCell::new(Vec::new());
        let answer = handle.request().tokens(10).run(|attempt| {
            let elapsed = begin.elapsed().as_millis();
            let kinds = (attempt.is_retry(), attempt.is_hedge());
            seen.borrow_mut().push((attempt.number(), kinds, elapsed, attempt.left().as_secs()));
            after_failures(attempt, 2)
        });
        assert_eq!(answer.await, Ok(3));
        assert_eq!(
            seen.into_inner(),
            [
                (1, (false, false), 0, 30),
                (2, (true, false), 1_000, 29),
                (3, (true, false), 3_000, 27)
            ]
        );
        assert_eq!(available(&handle).await, 70, "RUN-1: three attempts paid");
        let outcomes = state(&handle).await.counts.outcomes;
        assert_eq!(outcomes[Outcome::Overloaded.index()], 2);
    });
}

#[test]
fn nothing_is_held_while_a_call_backs_off() {
    on_virtual_time(async {
        let concurrency = Some(Concurrency::slots(1));
        let (_tidegate, handle) = start(ServiceConfig { concurrency, ..service([]) });
        let other = handle.clone();
        let retrying =
            tokio::spawn(
                async move { other.request().run(|attempt| after_failures(attempt, 1)).await },
            );
        sleep(500).await;
        let backing_off = state(&handle).await;
        assert_eq!((backing_off.queued, backing_off.backing_off), (1, 1));
        assert_eq!(backing_off.slots.expect("limited").held, 0, "RUN-1");
        let begin = tokio::time::Instant::now();
        let permit = handle.request().acquire().await.expect("the slot is free");
        assert_eq!(begin.elapsed(), Duration::ZERO);
        // The retry has to wait for the slot like everybody.
        sleep(2_000).await;
        let waiting = state(&handle).await;
        assert_eq!((waiting.queued, waiting.backing_off), (1, 0));
        permit.done();
        assert_eq!(retrying.await.expect("no panic"), Ok(2));
    });
}

#[test]
fn a_retry_waits_in_its_old_class_with_its_old_deadline() {
    on_virtual_time(async {
        let config = ServiceConfig { concurrency: Some(Concurrency::slots(1)), ..service([]) };
        let (_tidegate, handle) = start(config);
        let other = handle.clone();
        let retrying = tokio::spawn(async move {
            let request = other.request().priority(Priority::Low).within(Duration::from_secs(5));
            let slow = |attempt| async move {
                sleep(700).await;
                after_failures(attempt, 1).await
            };
            request.run(slow).await
        });
        sleep(800).await;
        let _permit = handle.request().acquire().await.expect("the slot is free");
        sleep(1_500).await;
        let classes = state(&handle).await.queued_by_class;
        assert_eq!(classes.into_iter().collect::<Vec<_>>(), [(Priority::Low, 1)]);
        let begin = tokio::time::Instant::now();
        let (attempts, why) = stopped_by(retrying.await.expect("no panic").expect_err("no slot"));
        // Five seconds after the beginning, not after the failure.
        let left = Duration::from_millis(5_000 - 2_300);
        assert!(
            begin.elapsed().abs_diff(left) < Duration::from_millis(5),
            "RUN-2: {:?}",
            begin.elapsed()
        );
        assert_eq!(attempts, 1);
        let WhyNoMore::Refused(refused) = why else { panic!("{why:?}") };
        assert_eq!(refused.rejection().expect("a limit").reason, Reason::DeadlinePassed);
    });
}

#[test]
fn attempts_are_counted() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["100 requests per hour"]));
        let failed = handle.request().run(|_| async { overloaded() }).await.expect_err("always");
        assert_eq!(failed.error(), Some(&"overloaded"));
        insta::assert_snapshot!(failed, @"overloaded; made 3 times, and not again: at most 3 attempts are allowed by `retry.attempts`");
        assert_eq!(stopped_by(failed), (3, WhyNoMore::AttemptsUsedUp { max: 3 }));
        assert_eq!(available(&handle).await, 97);
    });
}

#[test]
fn a_retry_that_cannot_be_in_time_is_not_waited_for() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service([]));
        let begin = tokio::time::Instant::now();
        let request = handle.request().within(Duration::from_secs(2));
        let failed = request.run(|attempt| after_failures(attempt, 9)).await.expect_err("too late");
        // After the second attempt, a second later, there would be two more to wait.
        assert!(begin.elapsed() < Duration::from_millis(1_010), "{:?}", begin.elapsed());
        let (attempts, why) = stopped_by(failed);
        assert_eq!(attempts, 2);
        assert!(
            matches!(why, WhyNoMore::DeadlineTooClose { delay, .. } if delay == Span::from_secs(2))
        );
        assert_eq!(state(&handle).await.queued, 0);
    });
}

#[test]
fn retries_of_all_handles_keep_to_one_budget() {
    on_virtual_time(async {
        let mut config = service([]);
        config.retry.budget = Share::per_mille(500);
        let (_tidegate, handle) = start(config);
        let (made, refused) = (Cell::new(0_u64), Cell::new(0_u64));
        for _ in 0..40 {
            let failed = handle.clone();
            let failed = failed.request().run(|_| async {
                made.set(made.get() + 1);
                overloaded()
            });
            if stopped_by(failed.await.expect_err("always")).1 == WhyNoMore::BudgetEmpty {
                refused.set(refused.get() + 1);
            }
        }
        // RETRY-1: ten to begin with, and one for every two first tries.
        assert_eq!(made.get(), 40 + 10 + 20);
        assert!(refused.get() > 0);
        // Who only acquires neither pays into it nor takes from it.
        for _ in 0..10 {
            handle.request().acquire().await.expect("no limit").failed();
        }
        let failed = handle.request().run(|_| async { overloaded() }).await.expect_err("always");
        assert_eq!(stopped_by(failed), (1, WhyNoMore::BudgetEmpty));
    });
}

#[test]
fn a_retry_after_holds_everybody_off() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["100 requests per minute"]));
        sleep(60).await;
        let begin = tokio::time::Instant::now();
        let answer = handle.request().run(|attempt| async move {
            match attempt.number() {
                1 => {
                    let observation = Observation::from_status(429);
                    Called::failed("busy", observation.retry_after(Span::from_secs(5)))
                }
                number => Called::from(Ok(number)),
            }
        });
        let (answer, other) = tokio::join!(answer, async {
            let refused = handle.request().try_acquire().expect_err("paused");
            assert_eq!(refused.code(), Code::E4422);
            handle.request().acquire().await.expect("after the pause").done();
            begin.elapsed()
        });
        assert_eq!(answer, Ok(2));
        assert!(begin.elapsed() >= Duration::from_secs(5), "longer than its back-off");
        assert!(other >= Duration::from_secs(5), "others as well");
    });
}

#[test]
fn what_failed_is_repeated_only_if_it_may_be() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service([]));
        let fail = |attempt: Attempt| async move {
            if attempt.number() < 3 { Err("connection reset") } else { Ok(attempt.number()) }
        };
        let failed = handle.request().run(fail).await.expect_err("once");
        assert_eq!(stopped_by(failed), (1, WhyNoMore::NotIdempotent));
        assert_eq!(handle.request().idempotent().run(fail).await, Ok(3));
        let quota =
            |_| async { Answer::failed("pay first", Observation::new(Outcome::QuotaExhausted)) };
        let failed = handle.request().idempotent().run(quota).await.expect_err("once");
        let outcome = Outcome::QuotaExhausted;
        assert_eq!(stopped_by(failed), (1, WhyNoMore::NotRetryable { outcome }));
    });
}

#[test]
fn what_a_call_really_cost_is_settled() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["100 tokens per hour"]));
        let used = tidegate::Cost::request().tokens(30);
        let call = |_| async { Answer::ok(1, Observation::ok().actual(used.clone())) };
        assert_eq!(handle.request().tokens(90).run(call).await, Ok(1));
        assert_eq!(available(&handle).await, 70);
    });
}

#[test]
fn nothing_is_called_without_a_permit() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["10 tokens per minute"]));
        let calls = Cell::new(0);
        let call = |_| {
            calls.set(calls.get() + 1);
            async { Ok::<_, &str>(()) }
        };
        let refused = handle.request().tokens(11).run(call).await.expect_err("never");
        insta::assert_snapshot!(refused, @"11 tokens asked of service `service` never fit: at most 10 can pass at once, make the call smaller or raise the limit (E4410)");
        assert!(matches!(refused, RunError::Refused(AcquireError::Never(_))));
        let refused = handle.request().key("Agent", "x").run(call).await.expect_err("no key");
        assert_eq!(refused.refusal().map(AcquireError::code), Some(Code::E4411));
        assert_eq!(calls.get(), 0);
    });
}

#[test]
fn a_thread_retries_too() {
    let mut config = service(["10 requests per hour"]);
    config.retry.backoff.base = Span::from_millis(1);
    let (_tidegate, handle) = start(config);
    let answer = handle.request().run_blocking(|attempt| match attempt.number() {
        3 => Called::from(Ok(attempt.is_retry())),
        _ => Called::failed("locked", Observation::new(Outcome::Contention)),
    });
    assert_eq!(answer, Ok(true));
    let failed = handle.request().run_blocking(|_| Err::<(), _>("broken")).expect_err("once");
    assert_eq!(stopped_by(failed), (1, WhyNoMore::NotIdempotent));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(available(&handle)), 6);
}

#[test]
fn a_retry_that_would_block_its_own_limiter_is_not_made() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["10 requests per hour"]));
        handle.request().acquire().await.expect("there").done();
        let failed = handle.request().run_blocking(|_| overloaded()).expect_err("it would wait");
        let (attempts, why) = stopped_by(failed);
        assert_eq!(attempts, 1);
        assert!(matches!(why, WhyNoMore::Refused(AcquireError::WouldBlockLimiter { .. })));
    });
}

#[test]
fn a_fallback_is_told_why_and_only_called_then() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["4 requests per hour"]));
        let asked = Rc::new(RefCell::new(Vec::new()));
        let fallback = |why: RunError<&'static str>| {
            asked.borrow_mut().push(why.to_string());
            async { Ok(0) }
        };
        let good = |attempt: Attempt| after_failures(attempt, 0);
        assert_eq!(handle.request().run_or(good, fallback).await, Ok(1));
        assert!(asked.borrow().is_empty());
        let bad = |attempt: Attempt| after_failures(attempt, 9);
        assert_eq!(handle.request().run_or(bad, fallback).await, Ok(0), "it failed for good");
        assert_eq!(handle.request().run_or(good, fallback).await, Ok(0), "it was refused");
        insta::assert_snapshot!(asked.borrow().join("\n"), @"
        overloaded; made 3 times, and not again: at most 3 attempts are allowed by `retry.attempts`
        the wait for service `service` outlasts the deadline: 4 of 4 requests per 1h used, 1 asked for, 0 waiting ahead; retry after 3597s (E4404)
        ");
        let passed_on = handle.request().run_or(good, |why| async { Err(why) }).await;
        assert!(matches!(passed_on, Err(RunError::Refused(_))));
    });
}

#[test]
fn a_policy_says_of_what_class_a_call_is_and_whether_it_waits() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["2 requests per second"]));
        for policy in [Policy::Important, Policy::Optional] {
            handle.request().policy(policy).acquire().await.expect("there is room").done();
        }
        let begin = tokio::time::Instant::now();
        for policy in [Policy::Important, Policy::Optional] {
            let within = Duration::from_secs(9);
            let skipped = handle.request().policy(policy).within(within).acquire().await;
            assert_eq!(skipped.expect_err("used up").code(), Code::E4404);
        }
        assert!(begin.elapsed() < Duration::from_millis(5), "at once: {:?}", begin.elapsed());
        handle.request().policy(Policy::Critical).acquire().await.expect("it waits").done();
        assert!(begin.elapsed() > Duration::from_millis(900));
    });
}

#[test]
fn a_call_that_does_not_wait_may_be_made_again() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(service(["9 requests per hour"]));
        let request = handle.request().policy(Policy::Important);
        assert_eq!(request.run(|attempt| after_failures(attempt, 2)).await, Ok(3));
    });
}

#[test]
fn optional_work_leaves_what_is_kept_for_others() {
    on_virtual_time(async {
        let mut config = service(["10 requests per hour"]);
        config.queue.floors[Priority::Background.index()] = Share::per_mille(400);
        let (_tidegate, handle) = start(config);
        sleep(60).await;
        let has = |policy| handle.has_capacity_for(&handle.request().policy(policy));
        for _ in 0..6 {
            assert!(has(Policy::Optional));
            handle.request().policy(Policy::Optional).acquire().await.expect("left").done();
        }
        assert!(!has(Policy::Optional) && has(Policy::Important) && has(Policy::Critical));
        let skipped = handle.request().policy(Policy::Optional).acquire().await;
        assert_eq!(skipped.expect_err("kept for others").code(), Code::E4404);
        sleep(60).await;
        for _ in 0..4 {
            handle.request().policy(Policy::Important).acquire().await.expect("kept").done();
        }
        assert!(!has(Policy::Critical));
        assert_eq!(state(&handle).await.queued, 0);
    });
}

#[test]
fn there_is_nothing_at_hand_for_a_part_with_limits_of_its_own() {
    on_virtual_time(async {
        let mut config = service(["10 requests per hour"]);
        let own = tidegate::ScopePolicy { limits: config.limits.clone(), ..Default::default() };
        config.scoped.models.push(("large-*".to_owned(), own));
        let (_tidegate, handle) = start(config);
        sleep(60).await;
        assert!(handle.has_capacity_for(&handle.request().model("small")));
        assert!(!handle.has_capacity_for(&handle.request().model("large-1")));
        let request = handle.request().model("large-1").policy(Policy::Important);
        request.acquire().await.expect("the limiter grants it at once").done();
    });
}

//! Calls that are made twice because the first is slow, and runs that are given up: nothing is lost and
//! nothing is held (RUN-3); on virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tidegate::{
    Attempt, Backoff, Called, Concurrency, Handle, Jitter, LimiterState, Observation, Outcome,
    PermitRequest, RetryPolicy, RunError, ServiceConfig, Share, Span, Tidegate, WhyNoMore,
};
use tidegate_tests::on_virtual_time;

/// Ten requests an hour, two at a time; five attempts, a second apart; one retry for each first try.
fn start(change: impl FnOnce(&mut ServiceConfig)) -> (Tidegate, Handle) {
    let limit: tidegate::Limit = "10 requests per hour".parse().expect("a limit");
    let mut config = ServiceConfig::limited([limit.guard(Span::ZERO).expect("no guard")]);
    config.concurrency = Some(Concurrency::slots(2));
    config.retry = RetryPolicy {
        attempts: 5,
        backoff: Backoff { base: Span::from_secs(1), max: Span::from_secs(1) },
        jitter: Jitter::Around(Share::NONE),
        budget: Share::ALL,
    };
    change(&mut config);
    let builder = Tidegate::builder().service("service", config).expect("a name");
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

fn hedged(handle: &Handle) -> PermitRequest<'_> {
    handle.request().idempotent().hedge_after(Duration::from_millis(200))
}

/// What each attempt does: how long it takes, and whether it is good.
type Plan = &'static [(u64, bool)];

/// Follows the plan; answers which attempt it was.
async fn follow(attempt: Attempt, plan: Plan) -> Result<u32, u32> {
    let number = attempt.number();
    let (millis, good) = plan[usize::try_from(number).expect("small") - 1];
    sleep(millis).await;
    if good { Ok(number) } else { Err(number) }
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn state(handle: &Handle) -> LimiterState {
    sleep(60).await;
    handle.usage().await.expect("it answers").service
}

/// What is used of the limit, what is held, who waits.
async fn left_behind(handle: &Handle) -> (u64, u64, usize) {
    let state = state(handle).await;
    let limit = &state.limits[0];
    let used = limit.capacity - limit.available - limit.lent;
    (used, state.slots.expect("limited").held, state.queued)
}

/// How many retries the budget has left, found out by using it up.
async fn budget(handle: &Handle) -> u32 {
    let mut left = 0;
    loop {
        handle.reset().await.expect("it answers");
        let busy = |_| async { Called::<(), _>::failed((), Observation::from_status(529)) };
        let failed = handle.request().run(busy).await;
        let Err(RunError::Failed { attempts, stopped_by, .. }) = failed else {
            panic!("{failed:?}")
        };
        // The first attempt is no retry, and has put one in.
        left += attempts - 2;
        if stopped_by == WhyNoMore::BudgetEmpty {
            return left;
        }
    }
}

#[test]
fn a_slow_call_is_made_once_more_and_the_first_good_answer_counts() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let begin = tokio::time::Instant::now();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let answer = hedged(&handle).run(|attempt| {
            seen.borrow_mut().push((attempt.number(), attempt.is_retry(), attempt.is_hedge()));
            follow(attempt, &[(9_000, true), (300, true)])
        });
        assert_eq!(answer.await, Ok(2), "the hedge wins");
        assert!(begin.elapsed().as_millis().abs_diff(500) < 5, "{:?}", begin.elapsed());
        assert_eq!(*seen.borrow(), [(1, false, false), (2, false, true)]);
        assert_eq!(left_behind(&handle).await, (2, 0, 0), "both paid, neither holds anything");
        assert_eq!(state(&handle).await.counts.outcomes[Outcome::Cancelled.index()], 1);
    });
}

#[test]
fn a_hedge_that_is_slower_is_dropped() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let answer = hedged(&handle).run(|attempt| follow(attempt, &[(400, true), (9_000, true)]));
        assert_eq!(answer.await, Ok(1), "the hedge loses");
        assert_eq!(left_behind(&handle).await, (2, 0, 0));
        assert_eq!(state(&handle).await.counts.outcomes[Outcome::Cancelled.index()], 1);
    });
}

#[test]
fn if_one_fails_the_other_is_awaited() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let answer = hedged(&handle).run(|attempt| follow(attempt, &[(400, false), (900, true)]));
        assert_eq!(answer.await, Ok(2), "the first fails");
        let answer = hedged(&handle).run(|attempt| follow(attempt, &[(900, true), (100, false)]));
        assert_eq!(answer.await, Ok(1), "the second fails");
        let plan: Plan = &[(400, false), (300, false), (0, true)];
        let answer = hedged(&handle).run(|attempt| follow(attempt, plan));
        assert_eq!(answer.await, Ok(3), "both fail: a retry");
        assert_eq!(left_behind(&handle).await, (7, 0, 0));
    });
}

#[test]
fn a_quick_answer_costs_no_hedge() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let answer = hedged(&handle).run(|attempt| follow(attempt, &[(100, true)]));
        assert_eq!(answer.await, Ok(1));
        assert_eq!(left_behind(&handle).await, (1, 0, 0));
        sleep(1_000).await;
        assert_eq!(left_behind(&handle).await, (1, 0, 0), "nor later");
        // Ten to begin with, and one for the first try.
        assert_eq!(budget(&handle).await, 11);
    });
}

#[test]
fn a_hedge_that_was_made_is_taken_from_the_budget() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let answer = hedged(&handle).run(|attempt| follow(attempt, &[(400, true), (9_000, true)]));
        assert_eq!(answer.await, Ok(1));
        assert_eq!(budget(&handle).await, 10);
    });
}

#[test]
fn a_hedge_that_is_refused_a_permit_costs_nothing() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|config| {
            config.concurrency = Some(Concurrency::slots(1));
        });
        let request = hedged(&handle).within(Duration::from_secs(1));
        let answer = request.run(|attempt| follow(attempt, &[(3_000, true), (0, true)]));
        assert_eq!(answer.await, Ok(1), "there is no slot for another");
        assert_eq!(left_behind(&handle).await, (1, 0, 0));
        assert_eq!(budget(&handle).await, 11);
    });
}

#[test]
fn nobody_hedges_who_has_not_said_that_twice_is_once() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let request = handle.request().hedge_after(Duration::from_millis(200));
        assert_eq!(request.run(|attempt| follow(attempt, &[(3_000, true)])).await, Ok(1));
        assert_eq!(left_behind(&handle).await, (1, 0, 0));
    });
}

#[test]
fn a_hedge_counts_as_an_attempt_and_needs_a_budget() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|config| config.retry.attempts = 1);
        let slow = |attempt| follow(attempt, &[(3_000, true)]);
        assert_eq!(hedged(&handle).run(slow).await, Ok(1), "one attempt is allowed");
        let (_tidegate, handle) = start(|config| config.retry.budget = Share::NONE);
        assert_eq!(hedged(&handle).run(slow).await, Ok(1), "there is no budget");
        assert_eq!(left_behind(&handle).await, (1, 0, 0));
        let (_tidegate, handle) = start(|config| config.retry.attempts = 2);
        let failed = hedged(&handle).run(|attempt| follow(attempt, &[(400, false), (100, false)]));
        let failed = failed.await.expect_err("both failed");
        let stopped_by = WhyNoMore::AttemptsUsedUp { max: 2 };
        assert_eq!(failed, RunError::Failed { error: 1, attempts: 2, stopped_by });
    });
}

#[test]
fn a_run_that_is_dropped_leaves_nothing_behind_at_any_stage() {
    on_virtual_time(async {
        // At 0 the call begins, at 200 its hedge; both fail at 600; it backs off until 1600, and the
        // retry takes a second, its hedge from 1800 on.
        let plan: Plan = &[(600, false), (400, false), (1_000, true), (1_000, true)];
        let stages = [
            (100, 1, 11),  // called
            (300, 2, 10),  // hedged
            (900, 2, 10),  // backing off, with a retry withdrawn that is given back
            (1_700, 3, 9), // called again
            (1_900, 4, 8), // hedged again
        ];
        for (stage, used, retries) in stages {
            let (_tidegate, handle) = start(|_| {});
            let run = hedged(&handle).run(|attempt| follow(attempt, plan));
            let limit = Duration::from_millis(stage);
            assert!(tokio::time::timeout(limit, run).await.is_err(), "dropped at {stage} ms");
            assert_eq!(left_behind(&handle).await, (used, 0, 0), "RUN-3: dropped at {stage} ms");
            assert_eq!(budget(&handle).await, retries, "RUN-3: dropped at {stage} ms");
        }
    });
}

#[test]
fn a_run_that_is_dropped_in_line_has_consumed_nothing() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|config| {
            config.concurrency = Some(Concurrency::slots(1));
        });
        let permit = handle.request().acquire().await.expect("there is room");
        let run = hedged(&handle).run(|attempt| follow(attempt, &[(0, true)]));
        assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err());
        assert_eq!(left_behind(&handle).await, (1, 1, 0));
        permit.done();
        // A retry that waits in line for the slot which somebody else has taken meanwhile.
        let other = handle.clone();
        let run = tokio::spawn(async move {
            let run = hedged(&other).run(|attempt| follow(attempt, &[(10, false), (0, true)]));
            tokio::time::timeout(Duration::from_secs(5), run).await.is_err()
        });
        sleep(500).await;
        let permit = handle.request().acquire().await.expect("there is room");
        sleep(1_000).await;
        assert_eq!(left_behind(&handle).await, (3, 1, 1), "in line");
        assert!(run.await.expect("no panic"), "dropped");
        assert_eq!(left_behind(&handle).await, (3, 1, 0));
        permit.done();
        assert_eq!(left_behind(&handle).await, (3, 0, 0));
        assert_eq!(budget(&handle).await, 11);
    });
}

#[test]
fn a_call_that_panics_frees_its_slot() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(|_| {});
        let other = handle.clone();
        let panics = tokio::spawn(async move {
            let call = |attempt: Attempt| async move {
                assert!(attempt.number() > 1, "inside the call");
                Ok::<_, ()>(())
            };
            other.request().run(call).await
        });
        assert!(panics.await.is_err());
        assert_eq!(left_behind(&handle).await, (1, 0, 0));
    });
}

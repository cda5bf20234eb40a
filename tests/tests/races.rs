//! Who comes, goes, is granted and is gone, in every order: small histories, all of them.
//!
//! Two or three calls on a limit of one or two, and each of their steps in any order, together with
//! time and a failure of the limiter. After each history everybody leaves and the leases end. Then
//! nobody is queued, no slot is held (LIM-6, SLOT-1, SLOT-2), every limit is full again (LIM-1), and
//! every request has been answered once or was withdrawn (LIM-3).

use std::collections::BTreeMap;

use tidegate_scheduler::breaker::BreakerState;
use tidegate_scheduler::{LimiterConfig, Settlement, Ticket};
use tidegate_tests::stage::{Stage, model, service, smooth};
use tidegate_units::{
    BreakerPolicy, Concurrency, Cost, Dimension, Instant, Outcome, QueuePolicy, Reason,
    ScopePolicy, ScopedPolicies, Span,
};

const SECOND: Span = Span::from_secs(1);
const LEASE: Span = Span::from_secs(3);

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A call wants to wait.
    Acquire(u64),
    /// A call gives up, whether it has been answered or not.
    Withdraw(u64),
    /// A call that was granted has ended.
    Close(u64),
    /// A call that was granted stopped waiting before it heard of it: both are told.
    Unclaimed(u64),
    /// A call takes from the gate without waiting, and ends well or badly before anything else.
    Take(bool),
    /// Time passes to whatever is due next.
    Time,
    /// The limiter fails.
    Fail,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    New,
    Waits,
    Granted,
    Gone,
}

/// One history.
struct History {
    stage: Stage,
    calls: Vec<Call>,
    labelled: bool,
    steps: Vec<Step>,
    /// Calls under way, until when their leases hold.
    under_way: BTreeMap<u64, Instant>,
    slots: usize,
}

impl History {
    fn new(config: &LimiterConfig, calls: usize) -> Self {
        let slots =
            config.concurrency.map_or(usize::MAX, |it| usize::try_from(it.slots).expect("few"));
        let part = config.scoped.models.first().and_then(|(_, policy)| policy.concurrency);
        let slots = part.map_or(slots, |it| slots.min(usize::try_from(it.slots).expect("few")));
        Self {
            labelled: !config.scoped.models.is_empty(),
            stage: Stage::new(config.clone()),
            calls: vec![Call::New; calls],
            steps: Vec::new(),
            under_way: BTreeMap::new(),
            slots,
        }
    }

    /// What may happen now.
    fn choices(&self) -> Vec<Step> {
        let mut steps = vec![Step::Time, Step::Fail, Step::Take(true), Step::Take(false)];
        if self.labelled {
            // What is for a part never passes through the gate.
            steps.truncate(2);
        }
        for (call, state) in (0..).zip(&self.calls) {
            match state {
                Call::New => steps.push(Step::Acquire(call)),
                Call::Waits => steps.push(Step::Withdraw(call)),
                // One who is granted may not have heard of it when it gives up.
                Call::Granted => steps.extend([Step::Close(call), Step::Unclaimed(call)]),
                Call::Gone => {}
            }
        }
        // Calls are alike: the first that has not come is the next to come.
        let first = steps.iter().position(|step| matches!(step, Step::Acquire(_)));
        let mut place = 0;
        steps.retain(|step| {
            place += 1;
            !matches!(step, Step::Acquire(_)) || Some(place - 1) == first
        });
        steps
    }

    fn play(&mut self, step: Step) {
        self.steps.push(step);
        match step {
            Step::Acquire(call) => {
                self.calls[place(call)] = Call::Waits;
                let request = self.stage.request(Cost::request(), SECOND * 2);
                let labels =
                    if self.labelled { model("m") } else { tidegate_scheduler::Labels::default() };
                assert_eq!(request.ticket, Ticket(call));
                self.stage.ask(request.labels(labels));
            }
            Step::Withdraw(call) => {
                self.calls[place(call)] = Call::Gone;
                self.stage.withdraw(Ticket(call));
            }
            Step::Close(call) => {
                self.end(call);
                self.stage.close(Ticket(call), Outcome::Ok);
            }
            Step::Unclaimed(call) => {
                self.end(call);
                self.stage.withdraw(Ticket(call));
                self.give_back(call);
            }
            Step::Take(closed) => self.take(closed),
            Step::Time => {
                let now = self.stage.now();
                let next = self.stage.world.next_deadline().unwrap_or(now + SECOND);
                self.stage.pass(next.since(now).max(Span::from_nanos(1)));
            }
            Step::Fail => {
                self.stage.world.fail(0);
                self.stage.listen();
            }
        }
        self.hear();
    }

    /// A call that takes from the gate, if there is anything in it, and is closed or leaked.
    fn take(&mut self, closed: bool) {
        let Some(granted) = self.stage.world.take(0, &Cost::request()) else {
            return;
        };
        let waits = self.calls.contains(&Call::Waits);
        assert!(!waits, "LIM-2: a try overtook somebody who waits: {:?}", self.steps);
        // Named beyond the others.
        let (now, name) = (self.stage.now(), 100 + u64::try_from(self.steps.len()).expect("few"));
        self.under_way.insert(name, now + LEASE);
        let under_way = self.under_way.values().filter(|until| **until > now).count();
        assert!(under_way <= self.slots, "LIM-6, SLOT-1: {:?}", self.steps);
        if closed {
            self.under_way.remove(&name);
            let call =
                tidegate_scheduler::Call { by_gate: true, ..tidegate_scheduler::Call::default() };
            self.stage.settle(Settlement::closed(Outcome::Ok, granted.recorded, call));
        }
    }

    fn end(&mut self, call: u64) {
        self.calls[place(call)] = Call::Gone;
        self.under_way.remove(&call);
    }

    fn give_back(&mut self, call: u64) {
        let granted = self.stage.permit(Ticket(call));
        let call = self.stage.call(Ticket(call), granted.by_gate);
        let (recorded, refund) = (granted.recorded, granted.charged);
        self.stage.settle(Settlement::Unclaimed { recorded, refund, call });
    }

    /// Notes what callers were told.
    fn hear(&mut self) {
        let now = self.stage.now();
        for (call, state) in (0..).zip(&mut self.calls) {
            let Some(told) = self.stage.told.get(&Ticket(call)) else { continue };
            match (*state, told) {
                (Call::Waits, Some(Ok(_))) => {
                    *state = Call::Granted;
                    self.under_way.insert(call, now + LEASE);
                }
                (Call::Waits, _) => *state = Call::Gone,
                (Call::New, _) => panic!("LIM-3: nobody asked for {call}: {:?}", self.steps),
                _ => {}
            }
        }
        // Readings of the gate at one instant are counted a nanosecond apart.
        self.under_way.retain(|_, until| *until + Span::from_micros(1) > now);
        let under_way = self.under_way.values().filter(|until| **until > now).count();
        assert!(under_way <= self.slots, "LIM-6, SLOT-1: {under_way} after {:?}", self.steps);
        self.check_slots_held();
    }

    /// Slots are held by those under way and by nobody else: who ends gives its slot back at once.
    fn check_slots_held(&mut self) {
        let state = self.stage.state();
        let parts = state.parts.iter().filter_map(|part| part.slots);
        for slots in parts.chain(state.slots) {
            let (held, under_way) = (slots.held, self.under_way.len());
            let too_many = held > u64::try_from(under_way).expect("few");
            assert!(!too_many, "SLOT-2: {held} held by {under_way} after {:?}", self.steps);
        }
    }

    /// Everybody leaves, half of them without a word; then time passes.
    fn end_all(&mut self) {
        for call in 0..self.calls.len() {
            let name = u64::try_from(call).expect("few");
            match self.calls[call] {
                Call::Waits => self.play(Step::Withdraw(name)),
                // Leaked: nobody closes it.
                Call::Granted if call % 2 == 0 => self.calls[call] = Call::Gone,
                Call::Granted => self.play(Step::Close(name)),
                Call::New | Call::Gone => {}
            }
        }
        self.stage.pass(SECOND * 30);
        self.check();
    }

    fn check(&mut self) {
        let steps = &self.steps;
        for (call, state) in (0..).zip(&self.calls) {
            let asked = self.stage.asked.contains_key(&Ticket(call));
            let told = self.stage.told.contains_key(&Ticket(call));
            let withdrawn = steps.contains(&Step::Withdraw(call));
            assert!(!asked || (told != withdrawn), "LIM-3: {call} {state:?} after {steps:?}");
        }
        let state = self.stage.state();
        assert_eq!(state.queued, 0, "LIM-3: after {steps:?}");
        let parts = state.parts.iter().map(|part| (&part.limits, part.slots));
        let places = parts.chain([(&state.limits, state.slots)]);
        for (limits, slots) in places {
            if let Some(slots) = slots {
                assert_eq!(slots.held, 0, "SLOT-2, LIM-6: after {steps:?}");
            }
            for usage in limits {
                let full = usage.available + usage.lent;
                assert_eq!(full, usage.capacity, "LIM-1: {usage:?} after {steps:?}");
            }
        }
        // And the service still serves.
        let one = self.stage.request(Cost::request(), SECOND * 20);
        let one = self.stage.ask(one.labels(if self.labelled {
            model("m")
        } else {
            tidegate_scheduler::Labels::default()
        }));
        self.stage.pass(SECOND * 20);
        assert!(self.stage.is_granted(one), "LIM-3: nobody is served after {steps:?}");
    }
}

fn place(call: u64) -> usize {
    usize::try_from(call).expect("few")
}

/// Plays every history of up to `length` steps. Answers how many there were.
fn play_all(config: &LimiterConfig, calls: usize, length: usize) -> u64 {
    let mut histories = 0;
    let mut stack: Vec<Vec<Step>> = vec![Vec::new()];
    while let Some(steps) = stack.pop() {
        let mut history = History::new(config, calls);
        for step in &steps {
            history.play(*step);
        }
        if steps.len() < length {
            for choice in history.choices() {
                let fails = steps.iter().filter(|step| **step == Step::Fail).count();
                if choice != Step::Fail || fails == 0 {
                    stack.push(steps.iter().copied().chain([choice]).collect());
                }
            }
        }
        history.end_all();
        histories += 1;
    }
    histories
}

/// How long histories are; `TIDEGATE_LENGTH=8` plays longer ones.
fn length() -> usize {
    std::env::var("TIDEGATE_LENGTH").ok().and_then(|it| it.parse().ok()).unwrap_or(6)
}

fn limited(requests: u64) -> LimiterConfig {
    let queue = QueuePolicy { backfill: Span::ZERO, ..QueuePolicy::default() };
    LimiterConfig { queue, ..service(vec![smooth(Dimension::Requests, 1, requests)]) }
}

fn slots(slots: u32) -> Concurrency {
    Concurrency { slots, lease: LEASE }
}

#[test]
fn no_history_on_one_limit_loses_anybody() {
    assert!(play_all(&limited(1), 3, length()) > 1_000);
}

#[test]
fn no_history_with_one_slot_loses_it() {
    let config = LimiterConfig { concurrency: Some(slots(1)), ..limited(2) };
    assert!(play_all(&config, 3, length()) > 1_000);
}

#[test]
fn no_history_with_two_slots_loses_one() {
    let config = LimiterConfig { concurrency: Some(slots(2)), ..limited(3) };
    assert!(play_all(&config, 3, length()) > 1_000);
}

#[test]
fn no_history_at_a_model_loses_anybody() {
    let policy = ScopePolicy {
        limits: vec![smooth(Dimension::Requests, 1, 1)],
        concurrency: Some(slots(1)),
        ..ScopePolicy::default()
    };
    let models = vec![("m".to_owned(), policy)];
    let scoped = ScopedPolicies { models, ..ScopedPolicies::default() };
    let config = LimiterConfig { scoped, ..limited(2) };
    assert!(play_all(&config, 3, length()) > 1_000);
}

/// The clock steps back while a breaker tries whether all is well: the call that tries is known when
/// it ends.
#[test]
fn a_probe_is_found_again_though_the_clock_stepped_back() {
    let breaker = BreakerPolicy { failures: 1, open: SECOND * 10, ..BreakerPolicy::default() };
    let mut stage = Stage::new(LimiterConfig { breaker: Some(breaker), ..limited(100) });
    let first = stage.ask_for(Cost::request());
    stage.pass(SECOND);
    stage.close(first, Outcome::Failed);
    stage.pass(SECOND * 20);
    // The limiter has seen this instant.
    stage.state();
    stage.world.advance(stage.now() - SECOND * 5);
    let probe = stage.ask_for(Cost::request());
    assert!(stage.is_granted(probe));
    stage.close(probe, Outcome::Ok);
    assert_eq!(stage.state().breaker, Some(BreakerState::Closed), "BREAK-5");
}

#[test]
fn a_probe_that_took_from_the_gate_closes_the_breaker() {
    let breaker = BreakerPolicy { failures: 1, open: SECOND * 10, ..BreakerPolicy::default() };
    let mut stage = Stage::new(LimiterConfig { breaker: Some(breaker), ..limited(100) });
    let first = stage.ask_for(Cost::request());
    stage.pass(SECOND);
    stage.close(first, Outcome::Failed);
    stage.pass(SECOND * 12);
    let granted = stage.world.take(0, &Cost::request()).expect("one may try");
    assert!(stage.world.take(0, &Cost::request()).is_none(), "BREAK-2");
    stage.pass(SECOND);
    let call = tidegate_scheduler::Call { by_gate: true, ..tidegate_scheduler::Call::default() };
    stage.settle(Settlement::closed(Outcome::Ok, granted.recorded, call));
    assert_eq!(stage.state().breaker, Some(BreakerState::Closed), "BREAK-5");
}

#[test]
fn a_model_that_is_left_alone_stays_so_though_the_limiter_fails() {
    let breaker = BreakerPolicy { failures: 1, open: SECOND * 10, ..BreakerPolicy::default() };
    let policy = ScopePolicy { breaker: Some(breaker), ..ScopePolicy::default() };
    let models = vec![("m".to_owned(), policy)];
    let scoped = ScopedPolicies { models, ..ScopedPolicies::default() };
    let mut stage = Stage::new(LimiterConfig { scoped, ..limited(100) });
    let ask = |stage: &mut Stage| {
        let request = stage.request(Cost::request(), SECOND * 100);
        stage.ask(request.labels(model("m")))
    };
    let first = ask(&mut stage);
    stage.pass(SECOND);
    stage.close(first, Outcome::Failed);
    let refused = ask(&mut stage);
    assert_eq!(stage.refusal(refused).reason, Reason::BreakerOpen);
    stage.world.fail(0);
    let refused = ask(&mut stage);
    assert_eq!(stage.refusal(refused).reason, Reason::BreakerOpen, "BREAK-1");
}

#[test]
fn what_a_caller_did_not_take_is_the_next_ones_at_once() {
    let mut stage = Stage::new(limited(1));
    let [gone, next] = [0; 2].map(|_| stage.ask_for(Cost::request()));
    let granted = stage.permit(gone);
    assert!(!stage.is_granted(next));
    let call = stage.call(gone, granted.by_gate);
    let (recorded, refund) = (granted.recorded, granted.charged);
    stage.settle(Settlement::Unclaimed { recorded, refund, call });
    assert!(stage.is_granted(next), "LIM-1: nothing was used");
}

//! A history by chance: callers of a limiter with everything it can have come, wait, take, end and give
//! up, and after every step what must hold is asked.

use std::collections::BTreeMap;

use tidegate_scheduler::{Call, Labels, Limiter, LimiterConfig, Settlement};
use tidegate_units::policy::{BreakerPolicy, Concurrency, Share};
use tidegate_units::{Amounts, Dimension, Instant, Outcome, Overflow, Priority, Span};

use crate::dice::Dice;
use crate::settings::{
    at, by_gate, call, key, limit_each, on_behalf_of, request, service, tokens, withdrawn,
};
use crate::stage::{Stage, Told};

/// How long a slot is held at most.
const LEASE: Span = Span::from_secs(5);
const SLOTS: u32 = 5;
const SLOTS_OF_AGENT: u32 = 2;
const AGENTS: [&str; 3] = ["a", "b", "c"];

/// What is different from history to history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) with_breaker: bool,
    pub(crate) overflow: Overflow,
    pub(crate) backfill: Span,
}

/// A call that was granted and has not ended.
#[derive(Debug)]
struct UnderWay {
    since: Instant,
    recorded: Instant,
    call: Call,
}

/// A limiter and those who use it.
pub(crate) struct History {
    seed: u64,
    stage: Stage,
    dice: Dice,
    millis: u64,
    /// Who has asked, and for whom.
    asked: BTreeMap<u64, Call>,
    gave_up: Vec<u64>,
    under_way: Vec<UnderWay>,
}

fn config(plan: Plan) -> LimiterConfig {
    let slots = |slots: u32| Some(Concurrency { slots, lease: LEASE });
    let mut config = service(&["20 requests per second", "500 tokens per 10s"]);
    config.concurrency = slots(SLOTS);
    limit_each(&mut config, "agent", &["3 requests per second"], slots(SLOTS_OF_AGENT));
    limit_each(&mut config, "tenant", &["60 tokens per 10s"], None);
    config.breaker = plan.with_breaker.then(|| BreakerPolicy {
        failures: 3,
        failure_rate: Share::per_mille(300),
        open: Span::from_secs(1),
        probes: 2,
        ..BreakerPolicy::default()
    });
    config.queue.overflow = plan.overflow;
    config.queue.capacity = 30;
    config.queue.backfill = plan.backfill;
    config
}

impl History {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        Self {
            seed,
            stage: Stage::new(config(plan)),
            dice: Dice::of(seed),
            millis: 0,
            asked: BTreeMap::new(),
            gave_up: Vec::new(),
            under_way: Vec::new(),
        }
    }

    /// Lets some time pass, then something happen.
    pub(crate) fn step(&mut self) {
        self.millis += self.dice.pick(&[700, 50, 7, 0, 0, 0]);
        self.stage.run(at(self.millis));
        self.note_granted();
        self.nobody_is_overlooked();
        match self.dice.below(10) {
            0..=4 => self.come(),
            5 => self.take(),
            6..=8 => self.end(),
            _ => self.give_up(),
        }
        self.note_granted();
        self.no_more_are_under_way_than_slots();
    }

    /// LIM-2: who could be granted does not wait for somebody to wake the machine.
    fn nobody_is_overlooked(&mut self) {
        self.stage.enter(at(self.millis), Limiter::handle_timeout);
        self.stage.enter(at(self.millis), Limiter::wake);
        let granted = &self.stage.granted;
        assert!(
            granted.is_empty(),
            "LIM-2: seed {}: {granted:?} could be granted before",
            self.seed
        );
    }

    /// LIM-6, SLOT-1: counted by those who hold them.
    fn no_more_are_under_way_than_slots(&self) {
        let now = at(self.millis);
        let alive = || self.under_way.iter().filter(|it| now < it.since + LEASE);
        let most = |slots: u32| usize::try_from(slots).expect("few");
        assert!(alive().count() <= most(SLOTS), "LIM-6: seed {}", self.seed);
        for agent in AGENTS.map(|value| key("agent", value)) {
            let is_for = |it: &&UnderWay| {
                it.call.labels.as_ref().is_some_and(|labels| labels.keys.contains(&agent))
            };
            let held = alive().filter(is_for).count();
            assert!(
                held <= most(SLOTS_OF_AGENT),
                "SLOT-1: seed {}: {held} of {agent:?}",
                self.seed
            );
        }
    }

    fn labels(&mut self) -> Labels {
        let agent = self.dice.one_in(2).then(|| key("agent", self.dice.pick(&AGENTS)));
        let tenant = self.dice.one_in(2).then(|| key("tenant", self.dice.pick(&["t", "u"])));
        let mut keys: Vec<_> = agent.into_iter().chain(tenant).collect();
        if self.dice.one_in(2) {
            keys.reverse();
        }
        on_behalf_of(keys)
    }

    fn come(&mut self) {
        let ticket = u64::try_from(self.asked.len()).expect("few");
        let (labels, priority) = (self.labels(), self.dice.pick(&Priority::ALL));
        let cost = tokens(self.dice.pick(&[0, 1, 5, 20, 55]));
        let deadline = self.millis + 200 + self.dice.below(8_000);
        let call = Call { priority, ..call(Some(labels.clone())) };
        let mut request = request(ticket, cost, deadline).priority(priority).labels(labels);
        if self.dice.one_in(10) {
            request.not_before = Some(at(self.millis + self.dice.below(2_000)));
        }
        self.asked.insert(ticket, call);
        self.stage.ask(self.millis, request);
    }

    fn take(&mut self) {
        let cost = tokens(self.dice.below(10));
        if let Some(recorded) = self.stage.take(self.millis, &cost) {
            let since = at(self.millis);
            self.under_way.push(UnderWay { since, recorded, call: by_gate() });
        }
    }

    fn end(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let place = self.dice.place(self.under_way.len());
        let UnderWay { recorded, call, .. } = self.under_way.swap_remove(place);
        let outcomes =
            [Outcome::Ok, Outcome::Ok, Outcome::Ok, Outcome::Failed, Outcome::RateLimited];
        let outcome = self.dice.pick(&outcomes);
        let more = if self.dice.one_in(4) { self.dice.below(40) } else { 0 };
        let (refund, debt) = (Amounts::NONE, Amounts::of(Dimension::Tokens, more));
        let pause = self.dice.one_in(15).then(|| Span::from_millis(self.dice.below(900)));
        let closed = Settlement::Closed { outcome, recorded, refund, debt, pause, call };
        self.stage.settle(self.millis, closed);
    }

    fn give_up(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let ticket = u64::try_from(self.dice.place(self.asked.len())).expect("few");
        if self.stage.told(ticket) == Told::Nothing && !self.gave_up.contains(&ticket) {
            self.stage.settle(self.millis, withdrawn(ticket));
            self.gave_up.push(ticket);
        }
    }

    /// Counts those among the calls under way who were granted since this was last asked.
    fn note_granted(&mut self) {
        for ticket in std::mem::take(&mut self.stage.granted) {
            let since = self.stage.told(ticket).granted_at().expect("it was granted");
            let recorded = self.stage.records[&ticket].recorded;
            self.under_way.push(UnderWay { since, recorded, call: self.asked[&ticket].clone() });
        }
    }

    /// Lets everybody's time run out: LIM-3, and every slot comes back.
    pub(crate) fn finish(mut self) {
        self.stage.run(at(self.millis + 40_000));
        for ticket in self.asked.keys() {
            let gave_up = self.gave_up.contains(ticket);
            let was_told = self.stage.told(*ticket) != Told::Nothing;
            assert!(gave_up != was_told, "LIM-3: seed {}: {ticket}", self.seed);
        }
        let state = self.stage.limiter.state(self.stage.now);
        assert_eq!(state.queued, 0, "LIM-3: seed {}", self.seed);
        assert_eq!(state.slots.expect("it has slots").held, 0, "LIM-6: seed {}", self.seed);
        for part in state.parts {
            assert_eq!(
                (part.waiting, part.slots.map_or(0, |slots| slots.held)),
                (0, 0),
                "SLOT-2: seed {}",
                self.seed
            );
        }
    }
}

//! One service on virtual time, with what its callers were told: for tests that ask who is next.
//!
//! The machines are those of a program, without actors; nothing happens but what a test does and what
//! is due when it lets time pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_scheduler::{Call, Labels, LimiterConfig, LimiterState, Request, Settlement, Ticket};
use tidegate_simulator::World;
use tidegate_simulator::world::Granted;
use tidegate_supervisor::{RestartPolicy, SupervisorConfig};
use tidegate_units::{
    Amounts, Cost, Dimension, Instant, Key, Limit, Outcome, Rejection, ServiceName, Span,
    WallOrigin,
};

/// What a caller was told.
pub type Told = Option<Result<Granted, Rejection>>;

/// The service, its callers and the clock.
#[derive(Debug)]
pub struct Stage {
    /// The machines.
    pub world: World,
    /// Who was granted when, in this order.
    pub granted: Vec<(Ticket, Instant)>,
    /// Who was told what.
    pub told: BTreeMap<Ticket, Told>,
    /// What everybody asked for.
    pub asked: BTreeMap<Ticket, Request>,
}

impl Stage {
    /// A service of which nothing has been used.
    pub fn new(config: LimiterConfig) -> Self {
        let restarts = RestartPolicy { restarts_max: 1_000_000, ..RestartPolicy::default() };
        let supervisor = SupervisorConfig {
            limits: config.shared.clone(),
            services: vec![config.service.clone()],
            restarts,
            wall_origin: WallOrigin::default(),
        };
        let start = Instant::ZERO + Span::from_secs(100);
        Self {
            world: World::new(start, &supervisor, vec![config]),
            granted: Vec::new(),
            told: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// A request that has not been made, of a caller who will wait so long.
    pub fn request(&self, cost: Cost, within: Span) -> Request {
        let ticket = u64::try_from(self.asked.len()).unwrap_or(u64::MAX);
        Request::new(Ticket(ticket), cost, self.now() + within)
    }

    /// Makes a request.
    pub fn ask(&mut self, request: Request) -> Ticket {
        let ticket = request.ticket;
        self.asked.insert(ticket, request.clone());
        self.world.acquire(0, request);
        self.listen();
        ticket
    }

    /// Makes a request of class normal, for nobody in particular, that can wait an hour.
    pub fn ask_for(&mut self, cost: Cost) -> Ticket {
        let request = self.request(cost, Span::from_secs(3_600));
        self.ask(request)
    }

    /// Hears the answers.
    ///
    /// # Panics
    ///
    /// Where somebody is answered twice (LIM-3).
    pub fn listen(&mut self) {
        while let Some(answered) = self.world.poll_answer() {
            let ticket = answered.ticket;
            if matches!(answered.answer, Some(Ok(_))) {
                self.granted.push((ticket, self.world.now()));
            }
            let before = self.told.insert(ticket, answered.answer);
            assert!(before.is_none(), "LIM-3: {ticket:?} was answered twice");
        }
    }

    /// Lets time pass, and everything happen that is due on the way.
    ///
    /// # Panics
    ///
    /// Where timers fire without end.
    pub fn pass(&mut self, span: Span) {
        let end = self.now() + span;
        let (mut at, mut turns) = (self.now(), 0);
        while let Some(next) = self.world.next_deadline().filter(|next| *next <= end) {
            turns = if next > at { 0 } else { turns + 1 };
            assert!(turns < 1_000, "timers fire without end at {at:?}");
            at = at.max(next);
            self.world.advance(at);
            self.listen();
        }
        self.world.advance(end);
        self.listen();
    }

    /// Lets time pass until so many have been granted, at most a day.
    pub fn pass_until_granted(&mut self, count: usize) {
        let end = self.now() + Span::from_secs(86_400);
        while self.granted.len() < count && self.now() < end {
            let next = self.world.next_deadline().unwrap_or(end).max(self.now());
            self.world.advance(next);
            self.listen();
        }
    }

    /// What somebody was granted.
    ///
    /// # Panics
    ///
    /// Where that is nothing.
    pub fn permit(&self, ticket: Ticket) -> Granted {
        match self.told.get(&ticket) {
            Some(Some(Ok(granted))) => granted.clone(),
            other => panic!("{ticket:?} was told {other:?}"),
        }
    }

    /// Why somebody was refused.
    ///
    /// # Panics
    ///
    /// Where nobody was.
    pub fn refusal(&self, ticket: Ticket) -> Rejection {
        match self.told.get(&ticket) {
            Some(Some(Err(rejection))) => rejection.clone(),
            other => panic!("{ticket:?} was told {other:?}"),
        }
    }

    /// Whether somebody has been granted.
    pub fn is_granted(&self, ticket: Ticket) -> bool {
        matches!(self.told.get(&ticket), Some(Some(Ok(_))))
    }

    /// When somebody was granted.
    pub fn granted_at(&self, ticket: Ticket) -> Option<Instant> {
        self.granted.iter().find(|(granted, _)| *granted == ticket).map(|(_, at)| *at)
    }

    /// Closes the permit of somebody whose call took what was estimated.
    pub fn close(&mut self, ticket: Ticket, outcome: Outcome) {
        self.close_with(ticket, outcome, (Amounts::NONE, Amounts::NONE));
    }

    /// Closes a permit, with what was not used and what was used beyond the estimate.
    pub fn close_with(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        (refund, debt): (Amounts, Amounts),
    ) {
        let Granted { recorded, by_gate, .. } = self.permit(ticket);
        let call = self.call(ticket, by_gate);
        let settlement = Settlement::Closed { outcome, recorded, refund, debt, pause: None, call };
        self.settle(settlement);
    }

    /// Somebody stops waiting.
    pub fn withdraw(&mut self, ticket: Ticket) {
        self.settle(Settlement::Withdrawn { ticket });
    }

    /// Something is told to the limiter.
    pub fn settle(&mut self, settlement: Settlement) {
        self.world.settle(0, settlement);
        self.listen();
    }

    /// What the limiter knows of a call.
    pub fn call(&self, ticket: Ticket, by_gate: bool) -> Call {
        let request = &self.asked[&ticket];
        let labels = request.labels.clone();
        Call { by_gate, priority: request.priority, labels, ..Call::default() }
    }

    /// Where the service stands.
    pub fn state(&mut self) -> LimiterState {
        self.world.state(0)
    }
}

/// A service with these limits, and the defaults in everything else.
///
/// # Panics
///
/// Never: its name is a name.
pub fn service(limits: Vec<Limit>) -> LimiterConfig {
    let name: ServiceName = "service".parse().expect("a name");
    LimiterConfig::new(name, limits)
}

/// A limit without burst: one call or token at a time, so many a second.
///
/// # Panics
///
/// When there is no such limit.
pub fn smooth(dimension: Dimension, per_second: u64, burst: u64) -> Limit {
    crate::window(dimension, per_second, Span::from_secs(1)).burst(burst).expect("a burst")
}

/// On behalf of an agent.
///
/// # Panics
///
/// When that is no name of a key.
pub fn agent(name: &str) -> Labels {
    Labels::of(Key::new("agent", name).expect("a key"))
}

/// For a model.
pub fn model(name: &str) -> Labels {
    Labels { model: Some(Arc::from(name)), ..Labels::default() }
}

//! A limiter and its gate on a clock that is set by hand, and everything that callers were told.

use std::collections::BTreeMap;

use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Gate, Layout, Reading, Taken};
use tidegate_scheduler::{Event, Limiter, LimiterConfig, Request, Settlement};
use tidegate_units::{Amounts, Cost, Instant, Reason};

use crate::settings::{START, at};

/// So many timers without an end are a machine that spins.
const TIMERS_MAX: usize = 100_000;

/// What a caller was told, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Granted(Instant),
    Refused(Instant, Reason),
    Stopped(Instant),
    Unanswered(Instant),
}

impl Told {
    /// Granted so many milliseconds after the start.
    pub(crate) fn granted(millis: u64) -> Self {
        Self::Granted(at(millis))
    }

    /// Refused then.
    pub(crate) fn refused(millis: u64, reason: Reason) -> Self {
        Self::Refused(at(millis), reason)
    }

    pub(crate) fn granted_at(self) -> Option<Instant> {
        match self {
            Self::Granted(at) => Some(at),
            _ => None,
        }
    }
}

/// What was recorded of a call that was granted.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) recorded: Instant,
    pub(crate) charged: Amounts,
}

/// A limiter, its gate and its callers.
pub(crate) struct Stage {
    pub(crate) limiter: Limiter,
    pub(crate) now: Instant,
    /// Who was granted what since this was last emptied, in their order.
    pub(crate) granted: Vec<u64>,
    pub(crate) records: BTreeMap<u64, Record>,
    told: BTreeMap<u64, Told>,
    config: LimiterConfig,
    layout: Option<Layout>,
    gate: Gate,
}

impl Stage {
    pub(crate) fn new(config: LimiterConfig) -> Self {
        let layout = config.layout();
        let mut stage = Self {
            limiter: Limiter::new(config.clone()),
            now: START,
            granted: Vec::new(),
            records: BTreeMap::new(),
            told: BTreeMap::new(),
            gate: Gate::closed(layout.as_ref().map_or(Guards::NONE, Guards::from)),
            layout,
            config,
        };
        stage.enter(START, Limiter::wake);
        stage
    }

    /// What an actor does: reads the gate, tells the machine, and does what it asks for.
    pub(crate) fn enter(&mut self, now: Instant, input: impl FnOnce(&mut Limiter, Instant)) {
        self.now = now;
        let reading = self.gate.read();
        self.limiter.gate_read(now, reading);
        self.gate.settled(now);
        input(&mut self.limiter, now);
        while let Some(event) = self.limiter.poll_event() {
            self.obey(event, reading);
        }
    }

    fn obey(&mut self, event: Event, reading: Reading) {
        let now = self.now;
        match event {
            Event::OpenGate(amounts) => self.gate.open(amounts),
            Event::FillGate(amounts) => self.gate.fill(amounts),
            Event::CloseGate => {
                let left = self.gate.close();
                self.limiter.gate_closed(now, left);
                self.gate.settled(now);
            }
            Event::CoolGate if !self.gate.cool(reading) => self.limiter.gate_stays_warm(now),
            Event::Granted { ticket, charged, recorded, .. } => {
                self.granted.push(ticket.0);
                self.records.insert(ticket.0, Record { recorded, charged });
                self.tell(ticket.0, Told::Granted(now));
            }
            Event::Refused { ticket, rejection } => {
                self.tell(ticket.0, Told::Refused(now, rejection.reason));
            }
            Event::Stopped { ticket } => self.tell(ticket.0, Told::Stopped(now)),
            Event::Unanswered { ticket } => self.tell(ticket.0, Told::Unanswered(now)),
            _ => {}
        }
    }

    fn tell(&mut self, ticket: u64, told: Told) {
        let before = self.told.insert(ticket, told);
        assert_eq!(before, None, "LIM-3: {ticket} is answered twice, now with {told:?}");
    }

    /// What somebody was told.
    pub(crate) fn told(&self, ticket: u64) -> Told {
        self.told.get(&ticket).copied().unwrap_or(Told::Nothing)
    }

    /// What some were told, in the order of their tickets.
    pub(crate) fn all_told(&self, tickets: impl IntoIterator<Item = u64>) -> Vec<Told> {
        tickets.into_iter().map(|ticket| self.told(ticket)).collect()
    }

    /// Lets time pass until then, with everything that is due meanwhile.
    pub(crate) fn run(&mut self, until: Instant) {
        let mut timers = 0;
        while let Some(due) = self.limiter.next_deadline().filter(|due| *due <= until) {
            timers += 1;
            assert!(timers < TIMERS_MAX, "it spins at {due:?}");
            self.enter(due.max(self.now), Limiter::handle_timeout);
        }
        self.now = until;
    }

    /// Somebody asks, so many milliseconds after the start.
    pub(crate) fn ask(&mut self, millis: u64, request: Request) {
        self.run(at(millis));
        self.enter(at(millis), |limiter, now| limiter.acquire(now, request));
    }

    /// Somebody has something to say who was granted a permit, or gives up.
    pub(crate) fn settle(&mut self, millis: u64, settlement: Settlement) {
        self.run(at(millis));
        self.enter(at(millis), |limiter, now| limiter.settle(now, settlement));
    }

    /// Somebody takes from the gate. Answers what is known of when it did.
    pub(crate) fn take(&mut self, millis: u64, cost: &Cost) -> Option<Instant> {
        self.run(at(millis));
        match self.gate.take(self.layout.as_ref()?.pack(cost)?) {
            Taken::Granted { recorded_from, first } => {
                if first {
                    self.enter(at(millis), Limiter::wake);
                }
                Some(recorded_from)
            }
            Taken::Refused => None,
        }
    }

    /// The machine fails, and another takes its place.
    pub(crate) fn fail(&mut self, millis: u64) {
        self.run(at(millis));
        let left = self.gate.close();
        let past = self.limiter.past(self.now, left);
        self.limiter = Limiter::rebuilt(self.config.clone(), self.now, &past);
    }
}

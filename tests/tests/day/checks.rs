//! What is asked of a day when it is over: that no window held too much, that everybody is served, that
//! the books balance.

use tidegate_scheduler::Labels;
use tidegate_tests::Eras;
use tidegate_tests::stage::{agent, model};
use tidegate_units::{Concurrency, Cost, Dimension, Outcome, Overflow, Span};

use super::{AGENTS, ALL, Day, MINUTE, MODELS, Place, SECOND, Waiting};

impl Day {
    pub(super) fn check_windows(&self) {
        let scoped = &self.config.scoped;
        let none = Vec::new();
        let reached = |place: Place| self.reached.get(place).unwrap_or(&none);
        assert_eq!(self.eras.passed(reached(ALL)), None, "LIM-1, seed {}", self.seed);
        assert_eq!(self.shared.passed(reached(ALL)), None, "shared, seed {}", self.seed);
        for (place, (_, policy)) in MODELS.iter().zip(&scoped.models) {
            let passed = Eras::new(policy.limits.clone()).passed(reached(place));
            assert_eq!(passed, None, "LIM-1: model {place}, seed {}", self.seed);
        }
        for (place, policy) in
            AGENTS.iter().flat_map(|it| scoped.each.values().map(move |p| (it, p)))
        {
            let passed = Eras::new(policy.limits.clone()).passed(reached(place));
            assert_eq!(passed, None, "LIM-1: agent {place}, seed {}", self.seed);
        }
    }

    /// Closes everything that is out, as it comes, for a while.
    fn serve(&mut self, span: Span) {
        let turns = span.as_nanos() / SECOND.as_nanos();
        for _ in 0..turns {
            self.advance_by(SECOND, false);
            while let Some(permit) = self.open.pop() {
                self.close(permit, Outcome::Ok, None);
                self.listen(false);
            }
        }
    }

    pub(super) fn check_liveness(&mut self) {
        self.serve(MINUTE * 10);
        assert!(self.waiting.is_empty(), "LIM-3: {:?}, seed {}", self.waiting, self.seed);
        for places in [vec![ALL], vec![ALL, "large"], vec![ALL, "small"], vec![ALL, "large", "ann"]]
        {
            self.check_served(&places);
        }
        self.serve(MINUTE * 30);
        self.check_books();
    }

    /// Somebody is served, once breakers have found out that all is well.
    fn check_served(&mut self, places: &[Place]) {
        let before = self.granted;
        for _ in 0..20 {
            let mut request = self.request(Cost::request().tokens(1), MINUTE * 20);
            let mut labels = Labels::default();
            for place in &places[1..] {
                if MODELS.contains(place) {
                    labels.model = model(place).model;
                } else {
                    labels.keys.extend(agent(place).keys);
                }
            }
            request = request.labels(labels);
            self.acquire(request, places.to_vec(), ALL);
            self.listen(false);
            self.serve(MINUTE * 2);
            if self.granted > before {
                return;
            }
        }
        panic!("nobody is served at {places:?}, seed {}: {:?}", self.seed, self.world.state(0));
    }

    fn check_books(&mut self) {
        let state = self.world.state(0);
        assert_eq!((state.queued, state.backing_off), (0, 0), "seed {}", self.seed);
        let own = (&state.limits, state.slots, 0);
        let parts = state.parts.iter().map(|part| (&part.limits, part.slots, part.waiting));
        for (limits, slots, waiting) in parts.chain([own]) {
            let in_gate = state.in_gate.get(Dimension::Slots);
            assert_eq!(waiting, 0, "seed {}", self.seed);
            let held = slots.map_or(0, |slots| slots.held);
            assert_eq!(held, 0, "SLOT-2: {in_gate} in the gate, seed {}", self.seed);
            for usage in limits {
                let full = usage.available + usage.lent;
                assert_eq!(full, usage.capacity, "full again, seed {}: {usage:?}", self.seed);
            }
        }
    }

    fn concurrency(&self, place: Place) -> Option<Concurrency> {
        let scoped = &self.config.scoped;
        match place {
            ALL => self.config.concurrency,
            "large" => scoped.models[0].1.concurrency,
            "small" => None,
            _ => scoped.each.values().next().and_then(|each| each.concurrency),
        }
    }

    pub(super) fn check_slots(&mut self, places: &[Place]) {
        for place in places {
            let Some(concurrency) = self.concurrency(place) else { continue };
            let latest = self.latest;
            let calls = self.under_way.get_mut(place).expect("one has come");
            calls.retain(|(since, _)| *since + concurrency.lease > latest);
            let slots = usize::try_from(concurrency.slots).expect("few");
            let under_way = calls.len();
            assert!(
                under_way <= slots,
                "LIM-6, SLOT-1: {under_way} under way at {place:?}, seed {} {:?} {:?}",
                self.seed,
                calls,
                self.open
            );
        }
    }

    /// Inside a key and a class the earliest deadline is first, where nothing else decides.
    pub(super) fn check_order(&self, granted: &Waiting) {
        let queue = &self.config.queue;
        let plain =
            |waiting: &Waiting| waiting.places.len() == 1 && waiting.request.not_before.is_none();
        if queue.overflow == Overflow::NewestFirst || queue.backfill > Span::ZERO || !plain(granted)
        {
            return;
        }
        let rank = |waiting: &Waiting| (waiting.request.deadline, waiting.request.ticket);
        let earlier = self.waiting.values().find(|other| {
            plain(other)
                && other.request.priority == granted.request.priority
                && other.whose == granted.whose
                && rank(other) < rank(granted)
        });
        assert!(earlier.is_none(), "LIM-2: {granted:?} before {earlier:?}, seed {}", self.seed);
    }
}

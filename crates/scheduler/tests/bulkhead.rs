//! Slots that calls hold, against a model that knows every holder: SLOT-1 and SLOT-2.

use proptest::prelude::*;
use tidegate_scheduler::bulkhead::Bulkhead;
use tidegate_units::policy::Concurrency;
use tidegate_units::{Instant, Span};

const LEASE: Span = Span::from_secs(10);

fn at(secs: u64) -> Instant {
    Instant::ZERO + Span::from_secs(secs)
}

fn bulkhead(slots: u32) -> Bulkhead {
    Bulkhead::new(Concurrency { slots, lease: LEASE })
}

#[test]
fn a_slot_is_free_or_lent_or_held() {
    let mut bulkhead = bulkhead(5);
    assert_eq!((bulkhead.slots(), bulkhead.lease(), bulkhead.free()), (5, LEASE, 5));
    bulkhead.hold(at(1));
    bulkhead.lend(3);
    assert_eq!((bulkhead.held(), bulkhead.in_gate(), bulkhead.free()), (1, 3, 1));
    bulkhead.taken_from_gate(at(2), 2);
    assert_eq!((bulkhead.held(), bulkhead.in_gate(), bulkhead.free()), (3, 1, 1));
    bulkhead.take_back(1);
    assert_eq!((bulkhead.held(), bulkhead.in_gate(), bulkhead.free()), (3, 0, 2));
}

#[test]
fn a_slot_whose_holder_is_gone_comes_back_when_its_lease_ends() {
    let mut bulkhead = bulkhead(3);
    let first = bulkhead.hold(at(1));
    let second = bulkhead.hold(at(2));
    assert_eq!(bulkhead.next_deadline(), Some(at(11)));
    assert_eq!(bulkhead.heal(at(11) - Span::from_nanos(1)), 0);
    assert_eq!((bulkhead.heal(at(11)), bulkhead.held()), (1, 1));
    assert!(!bulkhead.release(first, false), "SLOT-2: it has come back already");
    assert_eq!((bulkhead.held(), bulkhead.next_deadline()), (1, Some(at(12))));
    assert!(bulkhead.release(second, false));
    assert_eq!((bulkhead.held(), bulkhead.next_deadline()), (0, None));
}

#[test]
fn callers_of_the_gate_are_told_apart_by_readings_of_one_instant() {
    let mut bulkhead = bulkhead(4);
    bulkhead.lend(4);
    // Virtual time: all within one instant.
    let first = bulkhead.taken_from_gate(at(1), 0);
    let second = bulkhead.taken_from_gate(at(1), 1);
    let third = bulkhead.taken_from_gate(at(1), 1);
    assert_eq!(first, at(1));
    assert!(first < second && second < third);
    assert_eq!(bulkhead.heal(second + LEASE), 1);
    assert!(!bulkhead.release(first, true), "SLOT-2: it has come back already");
    assert!(bulkhead.release(second, true));
    assert_eq!(bulkhead.held(), 0);
}

#[test]
fn a_call_from_the_queue_is_never_taken_for_one_from_the_gate() {
    let mut bulkhead = bulkhead(3);
    bulkhead.lend(1);
    let told = bulkhead.taken_from_gate(at(1), 0);
    let queued = bulkhead.hold(at(2));
    let counted = bulkhead.taken_from_gate(at(3), 1);
    assert!(!bulkhead.release(counted, false), "it took from the gate");
    assert!(bulkhead.release(told, true));
    assert_eq!(bulkhead.next_deadline(), Some(at(12)), "that of the queue is still out");
    assert!(!bulkhead.release(told, true), "nobody else took from the gate");
    assert!(!bulkhead.release(told, false), "nobody was granted then");
    assert!(bulkhead.release(queued, false));
}

#[test]
fn a_caller_held_up_between_reading_and_taking_costs_nobody_a_slot() {
    let mut bulkhead = bulkhead(2);
    bulkhead.lend(2);
    let told = bulkhead.taken_from_gate(at(1), 0);
    let next = bulkhead.taken_from_gate(at(2), 1);
    // This one saw `told`, but took after `next`.
    bulkhead.taken_from_gate(at(3), 1);
    assert!(bulkhead.release(told, true));
    assert_eq!(bulkhead.next_deadline(), Some(at(13)), "the other is taken to be the younger");
    assert!(bulkhead.release(told, true));
    assert_eq!((bulkhead.held(), bulkhead.release(next, true)), (0, false));
}

#[test]
fn a_clock_stepping_back_counts_at_the_latest_instant() {
    let mut bulkhead = bulkhead(3);
    bulkhead.lend(1);
    assert_eq!(bulkhead.hold(at(50)), at(50));
    assert_eq!(bulkhead.hold(at(20)), at(50));
    assert_eq!(bulkhead.taken_from_gate(at(20), 1), at(50));
    assert_eq!(bulkhead.taken_from_gate(at(20), 0), at(50) + Span::from_nanos(1));
    assert_eq!(bulkhead.heal(at(30)), 0, "no lease is shortened");
    assert!(bulkhead.release(at(50), false));
    assert_eq!(bulkhead.heal(at(60)), 2);
}

#[test]
fn fewer_slots_than_are_held_revoke_nothing() {
    let mut bulkhead = bulkhead(3);
    let permits = [1, 2, 3].map(|secs| bulkhead.hold(at(secs)));
    bulkhead.resize(Concurrency { slots: 2, lease: LEASE });
    let frees = permits.map(|permit| {
        let free = bulkhead.free();
        assert!(bulkhead.release(permit, false));
        free
    });
    assert_eq!((frees, bulkhead.free()), ([0, 0, 1], 2));
}

#[test]
fn another_lease_is_that_of_the_calls_under_way_too() {
    let mut bulkhead = bulkhead(2);
    bulkhead.hold(at(1));
    bulkhead.resize(Concurrency { slots: 2, lease: LEASE + LEASE });
    assert_eq!((bulkhead.heal(at(11)), bulkhead.next_deadline()), (0, Some(at(21))));
    bulkhead.resize(Concurrency { slots: 0, lease: Span::ZERO });
    assert_eq!((bulkhead.slots(), bulkhead.lease()), (1, Concurrency::LEASE_MIN));
    assert_eq!(bulkhead.heal(at(11)), 1);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Time passes; or the clock steps back.
    Pass(u64),
    Back(u64),
    /// A call from the queue, if a slot is free.
    Grant,
    /// So many slots go into the gate, as far as they are free.
    Lend(u64),
    TakeBack(u64),
    /// Somebody takes from the gate, perhaps after it was held up since an older reading.
    Take {
        held_up: bool,
    },
    /// The owner reads the gate.
    Read,
    /// One of those that hold a permit closes it, whether or not its lease has ended.
    Close(prop::sample::Index),
    Heal,
}

/// A holder as the model knows it.
#[derive(Debug, Clone, Copy)]
struct Holder {
    /// What its permit carries.
    recorded: Instant,
    by_gate: bool,
    /// When it was counted, as soon as it was.
    counted: Option<Instant>,
}

/// The machine, and everybody who holds a permit.
#[derive(Debug)]
struct Model {
    bulkhead: Bulkhead,
    now: Instant,
    latest: Instant,
    /// The instants that were published to callers of the gate.
    readings: Vec<Instant>,
    /// Slots in the gate, as its callers see it.
    gate: u64,
    /// Permits that are not closed.
    open: Vec<Holder>,
    /// Whether somebody was held up: then counts are safe, but slots may come back late.
    inexact: bool,
}

impl Model {
    fn new(slots: u32) -> Self {
        Self {
            bulkhead: bulkhead(slots),
            now: at(1),
            latest: at(1),
            readings: vec![Instant::ZERO],
            gate: 0,
            open: Vec::new(),
            inexact: false,
        }
    }

    /// Before every input the gate is read.
    fn read(&mut self) {
        self.latest = self.latest.max(self.now);
        let taken = self.bulkhead.in_gate() - self.gate;
        let counted = self.bulkhead.taken_from_gate(self.now, taken);
        assert!(self.readings.last() < Some(&counted), "readings are told apart");
        self.readings.push(counted);
        for holder in self.open.iter_mut().filter(|holder| holder.counted.is_none()) {
            holder.counted = Some(counted);
        }
    }

    fn has_ended(&self, holder: &Holder) -> bool {
        holder.counted.is_some_and(|counted| counted + LEASE <= self.latest)
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Pass(millis) => self.now = self.now + Span::from_millis(millis),
            Step::Back(millis) => self.now = self.now - Span::from_millis(millis),
            Step::Take { held_up } => self.take(held_up),
            Step::Close(index) if !self.open.is_empty() => self.close(index.index(self.open.len())),
            Step::Close(_) => {}
            Step::Grant => {
                self.read();
                if self.bulkhead.free() > 0 {
                    let recorded = self.bulkhead.hold(self.now);
                    let counted = Some(recorded);
                    self.open.push(Holder { recorded, by_gate: false, counted });
                }
            }
            Step::Lend(count) => {
                self.read();
                let count = count.min(self.bulkhead.free());
                self.bulkhead.lend(count);
                self.gate += count;
            }
            Step::TakeBack(count) => {
                self.read();
                let count = count.min(self.gate);
                self.gate -= count;
                self.bulkhead.take_back(count);
            }
            Step::Read => self.read(),
            Step::Heal => {
                self.read();
                self.bulkhead.heal(self.now);
            }
        }
    }

    fn take(&mut self, held_up: bool) {
        if self.gate == 0 {
            return;
        }
        self.gate -= 1;
        let back = if held_up { 2.min(self.readings.len()) } else { 1 };
        self.inexact |= held_up;
        let recorded = self.readings[self.readings.len() - back];
        self.open.push(Holder { recorded, by_gate: true, counted: None });
    }

    fn close(&mut self, place: usize) {
        self.read();
        // A lease that has ended is healed before anything else is done, as a timer would.
        self.bulkhead.heal(self.now);
        let holder = self.open.swap_remove(place);
        let released = self.bulkhead.release(holder.recorded, holder.by_gate);
        if !self.inexact {
            assert_eq!(released, !self.has_ended(&holder), "SLOT-2: {holder:?}");
        }
    }

    fn check(&self) {
        let live = self.open.iter().filter(|holder| !self.has_ended(holder)).count();
        let live = u64::try_from(live).expect("few");
        let waiting = self.bulkhead.in_gate() - self.gate;
        assert!(live <= self.bulkhead.slots(), "SLOT-1");
        assert!(live <= self.bulkhead.held() + waiting, "SLOT-1: somebody was forgotten");
        let counted = self.bulkhead.held() + self.bulkhead.in_gate() + self.bulkhead.free();
        assert_eq!(counted, self.bulkhead.slots(), "all slots are somewhere");
        if !self.inexact {
            self.check_leases();
        }
    }

    /// Who is out and when the first lease ends, as if all that have ended were healed.
    fn check_leases(&self) {
        let mut bulkhead = self.bulkhead.clone();
        bulkhead.heal(self.latest);
        let live = self.open.iter().filter(|holder| !self.has_ended(holder));
        let counted: Vec<_> = live.filter_map(|holder| holder.counted).collect();
        assert_eq!(bulkhead.held(), u64::try_from(counted.len()).expect("few"));
        let first = counted.iter().min().map(|counted| *counted + LEASE);
        assert_eq!(bulkhead.next_deadline(), first, "each lease is its holder's own");
    }

    /// Everybody closes, or nobody does and all leases end: either way nothing is held.
    fn finish(mut self, by_closing: bool) {
        self.read();
        self.bulkhead.take_back(self.gate);
        self.gate = 0;
        while by_closing && !self.open.is_empty() {
            self.close(0);
        }
        if !by_closing || self.inexact {
            self.bulkhead.heal(self.latest + LEASE + Span::from_secs(1));
        }
        assert_eq!(self.bulkhead.held(), 0, "SLOT-2: every slot comes back");
        assert_eq!(self.bulkhead.free(), self.bulkhead.slots());
        for holder in self.open {
            assert!(!self.bulkhead.release(holder.recorded, holder.by_gate), "SLOT-2");
        }
    }
}

fn steps(held_up: bool) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => prop_oneof![Just(0_u64), Just(1), 1..3_000_u64, Just(10_000)].prop_map(Step::Pass),
        1 => prop_oneof![1..10_u64, 1..8_000_u64].prop_map(Step::Back),
        3 => Just(Step::Grant),
        3 => (1..4_u64).prop_map(Step::Lend),
        1 => (1..4_u64).prop_map(Step::TakeBack),
        4 => any::<bool>().prop_map(move |late| Step::Take { held_up: late && held_up }),
        1 => Just(Step::Read),
        4 => any::<prop::sample::Index>().prop_map(Step::Close),
        1 => Just(Step::Heal),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    /// What is given back is exactly what was not healed, whoever closes when.
    #[test]
    fn every_holder_counts_from_its_grant_to_its_release(
        slots in 1..6_u32, steps in steps(false), by_closing: bool,
    ) {
        let mut model = Model::new(slots);
        for step in steps {
            model.apply(step);
            model.check();
        }
        model.finish(by_closing);
    }

    /// Callers that were held up may make slots come back late, and never early.
    #[test]
    fn callers_that_are_held_up_break_no_bound(
        slots in 1..6_u32, steps in steps(true), by_closing: bool,
    ) {
        let mut model = Model::new(slots);
        for step in steps {
            model.apply(step);
            model.check();
        }
        model.finish(by_closing);
    }
}

//! Slots that are learned, at a service that is busy with a few calls at a time and lets the others queue
//! (M/M/c), on virtual time and from seeds.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tidegate_adaptive::{Answer, Controller, InFlight};
use tidegate_units::{
    Amounts, Cost, Dimension, InFlightAlgorithm, InFlightPolicy, Instant, Outcome, Priority, Span,
};

const BOTH: [InFlightAlgorithm; 2] = InFlightAlgorithm::ALL;
/// How long a call takes on average, alone.
const SERVICE_S: f64 = 0.05;

fn policy(algorithm: InFlightAlgorithm, min: u32, max: u32) -> InFlightPolicy {
    InFlightPolicy { algorithm, min, max, ..InFlightPolicy::default() }
}

/// A service with so many servers and one queue; of the calls beyond `room`, it refuses.
struct Service {
    seed: u64,
    now: Instant,
    servers: usize,
    room: usize,
    queue: VecDeque<Instant>,
    /// When each of those that are served ends, and when it was sent.
    served: BTreeMap<(Instant, u64), Instant>,
    number: u64,
}

impl Service {
    fn new(seed: u64, servers: usize, room: usize) -> Self {
        let (queue, served) = (VecDeque::new(), BTreeMap::new());
        Self { seed, now: Instant::ZERO, servers, room, queue, served, number: 0 }
    }

    /// `SplitMix64`, as a number above 0 and up to 1.
    fn random(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.seed;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f64::from(u32::try_from((word ^ (word >> 31)) >> 32).expect("32 bits") / 2 + 1)
            / 2_147_483_648.0
    }

    fn under_way(&self) -> usize {
        self.queue.len() + self.served.len()
    }

    /// Puts whoever waits onto free servers.
    fn serve(&mut self) {
        while self.served.len() < self.servers {
            let Some(sent_at) = self.queue.pop_front() else { return };
            let takes = Span::from_secs_f64(-libm::log(self.random()) * SERVICE_S);
            self.number += 1;
            self.served.insert((self.now + takes, self.number), sent_at);
        }
    }

    /// Lets the next call end: when it was sent.
    fn next(&mut self) -> Option<Instant> {
        let ((ends, _), sent_at) = self.served.pop_first()?;
        self.now = self.now.max(ends);
        Some(sent_at)
    }
}

fn answer(in_flight: &mut InFlight, now: Instant, sent_at: Instant, outcome: Outcome) {
    let (cost, none) = (Cost::request(), Amounts::NONE);
    let (cost, debt, refund, hints, retry_after) = (&cost, &none, &none, &[][..], None);
    in_flight.answered(now, &Answer { sent_at, cost, debt, refund, outcome, retry_after, hints });
}

fn slots(in_flight: &InFlight) -> usize {
    let slots = in_flight.slots(Instant::ZERO).expect("learned");
    usize::try_from(slots).expect("a few")
}

/// So many calls, of at most `clients` at a time. Answers the mean number of slots, and calls per second.
fn run(in_flight: &mut InFlight, service: &mut Service, calls: u32, clients: usize) -> (f64, f64) {
    let (began, mut sum, mut done) = (service.now, 0.0, 0.0);
    for _ in 0..calls {
        while service.under_way() < slots(in_flight).min(clients) {
            in_flight.sent(service.now, &Cost::request());
            if service.under_way() < service.room {
                service.queue.push_back(service.now);
            } else {
                let sent_at = service.now;
                service.now = sent_at + Span::from_micros(500);
                answer(in_flight, service.now, sent_at, Outcome::Overloaded);
            }
            service.serve();
        }
        let sent_at = service.next().expect("somebody is served");
        answer(in_flight, service.now, sent_at, Outcome::Ok);
        service.serve();
        done += 1.0;
        sum += f64::from(in_flight.slots(service.now).expect("learned"));
    }
    (sum / done, done / service.now.since(began).as_secs_f64())
}

/// Calls per second of a service that is never idle.
fn most(servers: u32) -> f64 {
    f64::from(servers) / SERVICE_S
}

#[test]
fn a_service_is_kept_busy_with_little_more_than_it_can_do() {
    for servers in [1_u32, 2, 8, 32, 100] {
        for seed in 0..5 {
            let mut in_flight = InFlight::new(&policy(InFlightAlgorithm::Gradient, 1, 400), 20);
            let count = usize::try_from(servers).expect("a few");
            let mut service = Service::new(seed, count, usize::MAX);
            run(&mut in_flight, &mut service, 20_000, usize::MAX);
            let (mean, rate) = run(&mut in_flight, &mut service, 20_000, usize::MAX);
            let servers = f64::from(servers);
            let most = 2.0 * servers + 6.0;
            assert!(mean >= servers * 0.9 && mean <= most, "{mean} slots for {servers}");
            assert!(rate > 0.9 * servers / SERVICE_S, "{rate} a second of {servers}");
        }
    }
}

#[test]
fn a_service_that_gets_more_or_fewer_servers_is_followed() {
    for seed in 0..5 {
        let mut in_flight = InFlight::new(&policy(InFlightAlgorithm::Gradient, 1, 400), 4);
        let mut service = Service::new(seed, 8, usize::MAX);
        run(&mut in_flight, &mut service, 10_000, usize::MAX);
        service.servers = 32;
        run(&mut in_flight, &mut service, 2_000, usize::MAX);
        let (_, rate) = run(&mut in_flight, &mut service, 4_000, usize::MAX);
        assert!(rate > 0.9 * most(32), "{rate} a second of {}", most(32));
        service.servers = 4;
        run(&mut in_flight, &mut service, 2_000, usize::MAX);
        let (mean, rate) = run(&mut in_flight, &mut service, 4_000, usize::MAX);
        assert!(mean < 14.0 && rate > 0.9 * most(4), "{mean} slots, {rate} a second");
    }
}

#[test]
fn a_service_that_refuses_is_held_just_below_what_it_refuses() {
    for (algorithm, least) in BOTH.into_iter().zip([8.0, 24.0]) {
        let mut in_flight = InFlight::new(&policy(algorithm, 1, 400), 4);
        // It takes 32 calls and works at 8.
        let mut service = Service::new(7, 8, 32);
        run(&mut in_flight, &mut service, 10_000, usize::MAX);
        let (mean, rate) = run(&mut in_flight, &mut service, 10_000, usize::MAX);
        assert!(mean >= least && mean <= 33.5, "{algorithm}: {mean}");
        assert!(rate > 0.9 * most(8), "{algorithm}: {rate} a second");
    }
}

#[test]
fn slots_that_are_not_used_are_no_reason_for_more() {
    for algorithm in BOTH {
        let mut in_flight = InFlight::new(&policy(algorithm, 1, 400), 20);
        let mut service = Service::new(3, 64, usize::MAX);
        run(&mut in_flight, &mut service, 5_000, 4);
        assert!(slots(&in_flight) <= 20, "FLIGHT-2: {algorithm}: {}", slots(&in_flight));
        // Those who come later find room.
        let (mean, _) = run(&mut in_flight, &mut service, 5_000, 200);
        assert!(mean > 40.0, "{algorithm}: {mean}");
    }
}

#[test]
fn one_event_lowers_the_slots_once() {
    for algorithm in BOTH {
        let mut in_flight = InFlight::new(&policy(algorithm, 1, 400), 100);
        // The usual time is known first: until then only a few are given out.
        let at = |millis| Instant::ZERO + Span::from_millis(millis);
        for call in 0..10 {
            in_flight.sent(at(call), &Cost::request());
            answer(&mut in_flight, at(call + 1), at(call), Outcome::Ok);
        }
        let before = slots(&in_flight);
        assert_eq!(before, 100, "{algorithm}");
        let reasons = [Outcome::RateLimited, Outcome::Overloaded, Outcome::Contention];
        for (place, outcome) in reasons.into_iter().enumerate() {
            let second = 1_000 * (u64::try_from(place).expect("few") + 1);
            answer(&mut in_flight, at(second), at(second - 10), outcome);
            let lowered = slots(&in_flight);
            answer(&mut in_flight, at(second + 5), at(second), outcome);
            assert_eq!(slots(&in_flight), lowered, "FLIGHT-3: {algorithm} {outcome}");
        }
        assert_eq!(slots(&in_flight), 72, "{algorithm}: 100 less a tenth, three times");
        for outcome in [Outcome::Failed, Outcome::Cancelled, Outcome::QuotaExhausted] {
            answer(&mut in_flight, at(9_000), at(8_999), outcome);
        }
        assert_eq!(slots(&in_flight), 72, "{algorithm}: these say nothing of how many there are");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// FLIGHT-1, whatever is told, also out of order and by a clock that steps back.
    #[test]
    fn slots_stay_between_the_fewest_and_the_most(
        is_aimd: bool,
        (min, max, start) in (0_u32..50, 0_u32..60, 0_u32..20_000),
        told in prop::collection::vec((0_u64..2_000, 0_u64..2_000, 0..Outcome::ALL.len(), 0_u64..4), 1..300),
    ) {
        let algorithm = BOTH[usize::from(is_aimd)];
        let mut in_flight = InFlight::new(&policy(algorithm, min, max), start);
        let (most, fewest) = (max.max(1), min.max(1).min(max.max(1)));
        for (now, sent_at, outcome, taken) in told {
            let at = |millis| Instant::ZERO + Span::from_millis(millis);
            in_flight.taken(at(now), &Amounts::of(Dimension::Slots, taken));
            answer(&mut in_flight, at(now), at(sent_at), Outcome::ALL[outcome]);
            let slots = in_flight.slots(at(now)).expect("learned");
            prop_assert!((fewest..=most).contains(&slots), "FLIGHT-1: {}", slots);
            prop_assert_eq!(in_flight.earliest(at(now), &Cost::request(), Priority::Normal), at(now));
            prop_assert_eq!(in_flight.lendable(at(now), Dimension::Slots), None);
        }
    }
}

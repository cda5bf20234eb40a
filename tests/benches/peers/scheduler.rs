//! What it costs to let one more wait and to grant to whoever is next, while many wait in several
//! classes and on behalf of many keys: the machine alone, on virtual time.

use std::sync::Arc;

use serde_json::Value;
use tidegate_scheduler::{Event, Labels, Limiter, LimiterConfig, Request, Ticket};
use tidegate_units::{Cost, Dimension, Instant, Key, Limit, Priority, QueuePolicy, Span};

use crate::measure::{Contender, Plan, Timing, f64_of, interleaved, line};
use crate::memory;

const CLASSES: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];
const KEYS: u64 = 1_000;
const FEW: u64 = 1_000;
const MANY: u64 = 99_999;
/// One permit comes back each microsecond.
const PER_SECOND: u64 = 1_000_000;

/// A limiter at which so many wait, one of whom is granted for each that comes.
struct Crowd {
    limiter: Limiter,
    labels: Vec<Arc<Labels>>,
    now: Instant,
    tickets: u64,
    granted: u64,
}

impl Crowd {
    /// The first `waiting` of a crowd; in one class and for one key if it is not `mixed`.
    fn gather(waiting: u64, mixed: bool) -> Self {
        let second = Span::from_secs(1);
        let limit = Limit::new(Dimension::Requests, PER_SECOND, second).expect("a limit");
        let limit = limit.burst(1).and_then(|limit| limit.guard(Span::ZERO)).expect("a bucket");
        let capacity = QueuePolicy::CAPACITY_MAX;
        let queue = QueuePolicy { capacity, ..QueuePolicy::default() };
        let service = "service".parse().expect("a name");
        let config = LimiterConfig { queue, ..LimiterConfig::new(service, vec![limit]) };
        let keys = if mixed { KEYS } else { 1 };
        let key = |index| Key::new("agent", &format!("agent-{index}")).expect("a key");
        let mut crowd = Self {
            limiter: Limiter::new(config),
            labels: (0..keys).map(|index| Arc::new(Labels::of(key(index)))).collect(),
            now: Instant::ZERO + Span::from_secs(1),
            tickets: 0,
            granted: 0,
        };
        // The first takes the only permit that there is.
        for _ in 0..=waiting {
            crowd.come();
        }
        crowd.drain();
        crowd.granted = 0;
        crowd
    }

    /// One more wants to wait.
    fn come(&mut self) {
        let ticket = self.tickets;
        self.tickets += 1;
        // Coprime steps, so that every class has calls of every key.
        let class = CLASSES[place(ticket, CLASSES.len())];
        let labels = self.labels[place(ticket / 3 * 7, self.labels.len())].clone();
        let deadline = self.now + Span::from_secs(3_600) + Span::from_millis(ticket * 7 % 1_000);
        let request = Request::new(Ticket(ticket), Cost::request(), deadline);
        let request = if self.labels.len() > 1 { request.priority(class) } else { request };
        self.limiter.acquire(self.now, Request { labels: Some(labels), ..request });
    }

    fn drain(&mut self) {
        while let Some(event) = self.limiter.poll_event() {
            match event {
                Event::Granted { .. } => self.granted += 1,
                Event::Refused { rejection, .. } => panic!("nobody is refused: {rejection}"),
                Event::OpenGate(_) => panic!("somebody waits"),
                _ => {}
            }
        }
    }

    /// For so many who come, as many are granted.
    fn turn(&mut self, times: u64) {
        self.granted = 0;
        for _ in 0..times {
            self.come();
            self.now = self.now + Span::from_nanos(1_000_000_000 / PER_SECOND);
            self.limiter.handle_timeout(self.now);
            self.drain();
        }
        assert_eq!(self.granted, times, "one for each that came");
    }
}

fn place(number: u64, places: usize) -> usize {
    let places = u64::try_from(places).expect("few");
    usize::try_from(number % places).expect("few")
}

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let [mut few, mut many] = [FEW, MANY].map(|waiting| Crowd::gather(waiting, true));
    let [mut few_alike, mut many_alike] = [FEW, MANY].map(|waiting| Crowd::gather(waiting, false));
    let contenders = [&mut few, &mut many, &mut few_alike, &mut many_alike];
    let mut contenders = contenders.map(|crowd| Contender::new(|times| crowd.turn(times)));
    let timings = interleaved(plan, &mut contenders);
    let [few, many, few_alike, many_alike] = &timings[..] else {
        unreachable!("four contenders");
    };
    let most = Timing::of(vec![2_000.0]);
    let row = |name: &str, ours, peer, target| {
        line("scheduler", &format!("scheduler/enqueue+grant/{name}"), ours, Some(peer), target)
    };
    vec![
        row("1k, 3 classes, 1000 keys", few, ("2 µs", &most), Some(1.0)),
        row("100k, 3 classes, 1000 keys", many, ("2 µs", &most), Some(1.0)),
        row("growth from 1k to 100k", many, ("ours at 1k", few), Some(2.0)),
        row("100k, one class, one key", many_alike, ("2 µs", &most), Some(1.0)),
        row("growth, one class, one key", many_alike, ("ours at 1k", few_alike), None),
        bytes_per_waiter(),
    ]
}

/// What one that waits takes in the limiter.
fn bytes_per_waiter() -> Value {
    let empty = memory::held_bytes();
    let one = Crowd::gather(1, true);
    let before = memory::held_bytes();
    let crowd = Crowd::gather(MANY, true);
    let held = memory::held_bytes() - before - (before - empty);
    let bytes = f64_of(u64::try_from(held).expect("few")) / f64_of(MANY);
    drop((one, crowd));
    let bytes = Timing::of(vec![bytes]);
    let name = "scheduler/100k-waiting/bytes-per-waiter";
    crate::measure::line_in("scheduler", name, "B", &bytes, None, None)
}

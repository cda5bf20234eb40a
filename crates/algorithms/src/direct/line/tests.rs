//! The rules of a line, and everything that may be done to one.

use proptest::prelude::*;
use tidegate_units::Span;

use super::*;
use crate::{Algorithm, Gcra, GcraState};

/// A line before a bucket of 3 that gets one permit every 10 ns.
struct Bench {
    line: Line,
    gcra: Gcra,
    state: GcraState,
    now: Instant,
    charged: u64,
}

impl Bench {
    fn new() -> Self {
        let gcra = Gcra::new(1, Span::from_nanos(10), 3);
        let now = Instant::from_nanos(1_000);
        Self { line: Line::default(), gcra, state: gcra.full(), now, charged: 0 }
    }

    fn join(&mut self, cost: u64, within: Option<u64>) -> Ticket {
        let deadline = within.map(|nanos| self.now + Span::from_nanos(nanos));
        self.line.join(cost, deadline, Waker::noop().clone())
    }

    fn serve_after(&mut self, nanos: u64) -> (usize, Option<Instant>) {
        self.now = self.now + Span::from_nanos(nanos);
        let mut woken = Vec::new();
        let take = |cost| {
            let decision = self.gcra.take(&mut self.state, self.now, cost);
            self.charged += if decision == Decision::Admit { cost } else { 0 };
            decision
        };
        let next = self.line.serve(self.now, take, &mut woken);
        (woken.len(), next)
    }

    fn place(&mut self, ticket: Ticket) -> Place {
        self.line.look(ticket, &mut Waker::noop().clone())
    }
}

#[test]
fn a_large_head_is_not_overtaken() {
    let mut bench = Bench::new();
    let first = bench.join(2, None);
    let large = bench.join(3, None);
    let small = bench.join(1, None);
    let (woken, next) = bench.serve_after(0);
    assert_eq!((woken, next), (1, Some(bench.now + Span::from_nanos(20))));
    assert_eq!(bench.place(first), Place::Granted(Some(bench.now)));
    assert_eq!(bench.place(small), Place::Waiting, "one is left, and it is not for the second");
    assert_eq!(bench.serve_after(20), (1, Some(bench.now + Span::from_nanos(10))));
    assert_eq!(bench.place(large), Place::Granted(Some(bench.now)));
    assert_eq!(bench.serve_after(10), (1, None));
    assert!(bench.line.is_empty());
    assert_eq!(bench.line.cost(), 0);
}

#[test]
fn who_leaves_makes_room_at_once() {
    let mut bench = Bench::new();
    let [_, large, small] = [bench.join(3, None), bench.join(3, None), bench.join(1, None)];
    bench.serve_after(0);
    bench.serve_after(10);
    assert_eq!(bench.line.leave(large).0, Place::Waiting);
    assert_eq!((bench.line.len(), bench.line.cost()), (1, 1));
    assert_eq!(bench.serve_after(0), (1, None));
    assert_eq!(bench.place(small), Place::Granted(Some(bench.now)));
}

#[test]
fn a_deadline_is_kept_to_the_nanosecond() {
    let mut bench = Bench::new();
    bench.join(3, None);
    let [in_time, late] = [bench.join(1, Some(10)), bench.join(1, Some(15))];
    bench.serve_after(0);
    assert_eq!(bench.serve_after(10).0, 1);
    assert!(matches!(bench.place(in_time), Place::Granted(_)));
    let (woken, next) = bench.serve_after(5);
    assert_eq!((woken, next), (0, Some(bench.now + Span::from_nanos(1))));
    assert_eq!(bench.serve_after(1).0, 1);
    assert_eq!(bench.place(late), Place::Expired);
    assert_eq!(bench.state, {
        let mut state = bench.gcra.full();
        bench.gcra.record(&mut state, Instant::from_nanos(1_000), 4);
        state
    });
}

#[test]
fn what_a_lowered_limit_never_lets_through_is_told_so() {
    let mut bench = Bench::new();
    let [large, small] = [bench.join(3, None), bench.join(1, None)];
    bench.gcra = Gcra::new(1, Span::from_nanos(10), 2);
    assert_eq!(bench.serve_after(0), (2, None));
    assert_eq!(bench.place(large), Place::Never);
    assert_eq!(bench.place(small), Place::Granted(Some(bench.now)));
}

#[test]
fn many_who_give_up_leave_nothing_behind() {
    let mut bench = Bench::new();
    bench.join(3, None);
    bench.serve_after(0);
    let head = bench.join(3, None);
    for _ in 0..10_000 {
        let ticket = bench.join(1, None);
        bench.line.leave(ticket);
    }
    assert!(bench.line.waiting.len() < 100, "{}", bench.line.waiting.len());
    let last = bench.join(1, None);
    assert_eq!((bench.place(head), bench.place(last)), (Place::Waiting, Place::Waiting));
}

#[test]
fn a_line_that_nobody_serves_sends_everybody_away() {
    let mut bench = Bench::new();
    let [first, gone, last] = [bench.join(3, None), bench.join(3, None), bench.join(1, None)];
    bench.line.leave(gone);
    let mut woken = Vec::new();
    bench.line.abandon(&mut woken);
    assert_eq!((woken.len(), bench.line.len(), bench.line.cost()), (2, 0, 0));
    assert_eq!([bench.place(first), bench.place(last)], [Place::Abandoned; 2]);
    assert_eq!(bench.charged, 0);
}

/// However many come and go, of whom however many wait.
#[test]
fn places_that_were_given_up_are_hardly_more_than_those_that_wait() {
    for waiting in [0, 1, 300, 301] {
        let mut bench = Bench::new();
        let tickets: Vec<Ticket> = (0..waiting).map(|_| bench.join(1, None)).collect();
        for _ in 0..1_000 {
            let ticket = bench.join(1, None);
            bench.line.leave(ticket);
            assert!(bench.line.given_up <= bench.line.len() + 64, "{waiting} wait");
        }
        for ticket in tickets {
            bench.line.leave(ticket);
            assert!(bench.line.given_up <= bench.line.len() + 64, "of {waiting}");
        }
    }
}

#[test]
fn a_line_is_due_once_and_no_later_than_it_was_set() {
    let mut line = Line::default();
    let [early, at, late] = [9, 10, 11].map(Instant::from_nanos);
    let call = (at, 5);
    assert!(!line.is_due_by(late) && !line.take_due(call), "never set");
    line.set_due(Some(call));
    assert!(!line.is_due_by(early) && line.is_due_by(at) && line.is_due_by(late));
    assert!(!line.take_due((at, 4)) && !line.take_due((late, 5)), "a call that was replaced");
    assert!(line.take_due(call) && !line.take_due(call), "once");
    assert!(!line.is_due_by(late));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Join { cost: u64, within: Option<u64> },
    Leave(usize),
    Serve(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u64..4, proptest::option::of(0_u64..60))
            .prop_map(|(cost, within)| Step::Join { cost, within }),
        1 => any::<usize>().prop_map(Step::Leave),
        3 => (0_u64..15).prop_map(Step::Serve),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// DIRECT-2, DIRECT-3: grants come in the order of joining; everybody has exactly one answer;
    /// who left or expired has taken nothing.
    #[test]
    fn everybody_is_answered_once_and_in_order(steps in proptest::collection::vec(step(), 1..80)) {
        let mut bench = Bench::new();
        let mut tickets: Vec<(Ticket, u64)> = Vec::new();
        let mut granted: Vec<(Ticket, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Join { cost, within } => {
                    let ticket = bench.join(cost, within);
                    tickets.push((ticket, cost));
                }
                Step::Leave(_) if tickets.is_empty() => {}
                Step::Leave(which) => {
                    let (ticket, cost) = tickets.remove(which % tickets.len());
                    if let Place::Granted(_) = bench.line.leave(ticket).0 {
                        granted.push((ticket, cost));
                    }
                }
                Step::Serve(nanos) => drop(bench.serve_after(nanos)),
            }
            tickets.retain(|(ticket, cost)| {
                let place = bench.line.look(*ticket, &mut Waker::noop().clone());
                if let Place::Granted(_) = place {
                    granted.push((*ticket, *cost));
                }
                place == Place::Waiting
            });
            prop_assert_eq!(bench.line.len(), tickets.len());
            prop_assert_eq!(bench.line.cost(), tickets.iter().map(|(_, cost)| cost).sum::<u64>());
            // Whoever waits joined after everybody who was granted, but for those who left.
            let last = granted.iter().map(|(ticket, _)| *ticket).max();
            prop_assert!(tickets.iter().all(|(ticket, _)| Some(*ticket) > last));
        }
        let told: u64 = granted.iter().map(|(_, cost)| cost).sum();
        prop_assert_eq!(bench.charged, told, "what was taken is what was granted");
        prop_assert!(bench.line.answers.is_empty());
    }
}

//! The line of those who wait, as a machine without a clock: first come, first served.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::task::Waker;

use tidegate_units::{Instant, Span};

use super::dispatcher::Call;
use crate::Decision;

/// The most callers that may wait for one limiter: 64 MiB.
pub const WAITING_MAX: usize = 1 << 20;

/// How many places may be kept for nobody, beyond as many as are in use.
const SLACK: usize = 64;

/// A place in the line. Later callers have larger ones.
pub(super) type Ticket = u64;

#[derive(Debug, Default)]
pub(super) struct Line {
    /// By ticket; with gaps, and with places that were given up.
    waiting: VecDeque<Waiting>,
    given_up: usize,
    cost: u64,
    next_ticket: Ticket,
    /// Who does not wait for ever, soonest first. May hold who does not wait any more.
    deadlines: BinaryHeap<Reverse<(Instant, Ticket)>>,
    /// What those have not been told yet who do not wait any more: no more than there are futures.
    answers: HashMap<Ticket, Place>,
    /// When it will be served next.
    due: Option<Call>,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    cost: u64,
    /// `None` when the place was given up.
    waker: Option<Waker>,
}

/// What has become of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Still in the line.
    Waiting,
    /// Granted; and when, unless the limit has changed since.
    Granted(Option<Instant>),
    /// The deadline has passed.
    Expired,
    /// The limit has become smaller than the cost.
    Never,
    /// There is no thread to serve the line.
    Abandoned,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.waiting.len() - self.given_up
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum over all who wait.
    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// Takes a place at the end.
    pub(super) fn join(&mut self, cost: u64, deadline: Option<Instant>, waker: Waker) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.cost = self.cost.saturating_add(cost);
        self.waiting.push_back(Waiting { ticket, cost, waker: Some(waker) });
        if let Some(deadline) = deadline {
            self.deadlines.push(Reverse((deadline, ticket)));
        }
        ticket
    }

    /// What has become of a ticket; if it still waits, it is `waker` who is told next. Whoever is not
    /// needed is left in `waker`, to be dropped when nothing is locked: it may own who waits.
    pub(super) fn look(&mut self, ticket: Ticket, waker: &mut Waker) -> Place {
        match self.find(ticket) {
            Some(index) => {
                if let Some(held) = &mut self.waiting[index].waker {
                    std::mem::swap(held, waker);
                }
                Place::Waiting
            }
            None => self.resolved(ticket),
        }
    }

    /// Gives up a place, or the answer to it. Tells what had become of it, and who need not be told.
    pub(super) fn leave(&mut self, ticket: Ticket) -> (Place, Option<Waker>) {
        let Some(index) = self.find(ticket) else {
            return (self.resolved(ticket), None);
        };
        let waker = self.give_up(index);
        if self.given_up > self.len() + SLACK {
            self.waiting.retain(|waiting| waiting.waker.is_some());
            self.given_up = 0;
        }
        if self.deadlines.len() > 2 * self.len() + SLACK {
            let waiting = &self.waiting;
            self.deadlines.retain(|Reverse((_, ticket))| find(waiting, *ticket).is_some());
        }
        (Place::Waiting, waker)
    }

    /// Sends everybody away, because there is nobody to serve them.
    pub(super) fn abandon(&mut self, woken: &mut Vec<Waker>) {
        for waiting in self.waiting.drain(..) {
            if let Some(waker) = waiting.waker {
                self.answers.insert(waiting.ticket, Place::Abandoned);
                woken.push(waker);
            }
        }
        self.given_up = 0;
        self.cost = 0;
    }

    /// Grants to one after the other while `take` admits them; those who are to be told so are put
    /// into `woken`. Answers when to do it again.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        mut take: impl FnMut(u64) -> Decision,
        woken: &mut Vec<Waker>,
    ) -> Option<Instant> {
        let mut next = self.grant(now, &mut take, woken);
        // A permit that is there is not withheld because somebody was woken a little late.
        while self.expire(now, woken) {
            next = self.grant(now, &mut take, woken);
        }
        let ready = next.filter(|_| !self.is_empty());
        ready.map(|ready| self.next_deadline().map_or(ready, |deadline| deadline.min(ready)))
    }

    /// Answers when the first fits who does not fit now.
    fn grant(
        &mut self,
        now: Instant,
        take: &mut impl FnMut(u64) -> Decision,
        woken: &mut Vec<Waker>,
    ) -> Option<Instant> {
        while let Some(head) = self.waiting.front_mut() {
            let Some(waker) = head.waker.take() else {
                self.waiting.pop_front();
                self.given_up -= 1;
                continue;
            };
            let (ticket, cost) = (head.ticket, head.cost);
            match take(cost) {
                Decision::Admit => drop(self.answers.insert(ticket, Place::Granted(Some(now)))),
                Decision::Never => drop(self.answers.insert(ticket, Place::Never)),
                Decision::Later { retry_after } => {
                    head.waker = Some(waker);
                    let ready = now + retry_after;
                    return Some(
                        self.next_deadline().map_or(ready, |deadline| deadline.min(ready)),
                    );
                }
            }
            self.waiting.pop_front();
            self.cost = self.cost.saturating_sub(cost);
            woken.push(waker);
        }
        None
    }

    /// Whether the line will be served by then.
    pub(super) fn is_due_by(&self, at: Instant) -> bool {
        self.due.is_some_and(|(due, _)| due <= at)
    }

    pub(super) fn set_due(&mut self, due: Option<Call>) {
        self.due = due;
    }

    pub(super) fn forget_due(&mut self) -> Option<Call> {
        self.due.take()
    }

    /// Whether this is the call by which the line is to be served; it is not due any more then.
    pub(super) fn take_due(&mut self, call: Call) -> bool {
        self.due.take_if(|due| *due == call).is_some()
    }

    /// When the next deadline will just have passed.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.peek().map(|Reverse((deadline, _))| *deadline + Span::from_nanos(1))
    }

    /// Forgets when permits were granted, so that they are not given back.
    pub(super) fn forget_grants(&mut self) {
        for place in self.answers.values_mut() {
            if let Place::Granted(at) = place {
                *at = None;
            }
        }
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        find(&self.waiting, ticket)
    }

    fn resolved(&mut self, ticket: Ticket) -> Place {
        // A ticket is looked up by its one future, which asks no more once it has its answer.
        self.answers.remove(&ticket).unwrap_or(Place::Abandoned)
    }

    fn give_up(&mut self, index: usize) -> Option<Waker> {
        let waiting = &mut self.waiting[index];
        self.cost = self.cost.saturating_sub(waiting.cost);
        self.given_up += 1;
        waiting.waker.take()
    }

    /// Lets go of those whose deadline has passed. Answers whether there were any.
    fn expire(&mut self, now: Instant, woken: &mut Vec<Waker>) -> bool {
        let before = woken.len();
        while let Some(Reverse((deadline, ticket))) = self.deadlines.peek().copied() {
            if deadline >= now && self.find(ticket).is_some() {
                break;
            }
            self.deadlines.pop();
            if let Some(waker) = self.find(ticket).and_then(|index| self.give_up(index)) {
                self.answers.insert(ticket, Place::Expired);
                woken.push(waker);
            }
        }
        woken.len() > before
    }
}

/// The place of a ticket that still waits.
fn find(waiting: &VecDeque<Waiting>, ticket: Ticket) -> Option<usize> {
    let index = waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()?;
    waiting[index].waker.is_some().then_some(index)
}

#[cfg(test)]
mod tests;

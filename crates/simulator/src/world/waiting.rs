//! Who waits at a service, found by ticket.
//!
//! There may be tens of thousands of them, and one leaves with every grant: looking through them all
//! would make a run quadratic.

use std::collections::{BTreeMap, HashMap};

use tidegate_scheduler::{Request, Ticket};

/// Those who wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    places: HashMap<Ticket, u64>,
    requests: BTreeMap<u64, Request>,
    came: u64,
}

impl Waiting {
    pub(super) fn add(&mut self, request: Request) {
        self.came += 1;
        self.remove(request.ticket);
        self.places.insert(request.ticket, self.came);
        self.requests.insert(self.came, request);
    }

    pub(super) fn remove(&mut self, ticket: Ticket) {
        if let Some(place) = self.places.remove(&ticket) {
            self.requests.remove(&place);
        }
    }

    pub(super) fn in_order(&self) -> Vec<Request> {
        self.requests.values().cloned().collect()
    }
}

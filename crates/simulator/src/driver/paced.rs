//! Tidegate's machines: what handles, their limiters and the supervisor do, in one program or more.
//!
//! They are told the provider's limits, or nothing at all but to learn a pace. Several clients are
//! several programs that know nothing of each other.

mod client;
mod told;

use tidegate_units::{ControllerKind, Dimension, Instant, LimitError};

use crate::driver::journey::{Journey, Next};
use crate::{Configured, ProviderLimits};
use client::Client;
pub(super) use told::told;

/// Who of those who wait is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As classes and keys say.
    Fair,
    /// Who came first: the machines are told nothing else.
    FirstCome,
}

/// What the machines are told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// Each client its part of the provider's limits.
    Limits,
    /// Nothing: a pace is learned, from a first guess that is so many times the capacity.
    Nothing { controller: ControllerKind, guess: f64 },
}

/// How the machines are set up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) told: Told,
    pub(super) order: Order,
    /// What is configured, in place of limits that would be told.
    pub(super) configured: Option<&'a Configured>,
}

pub(super) fn run(
    journey: &mut Journey,
    limits: &ProviderLimits,
    setup: Setup<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), LimitError> {
    let clients = 0..journey.tenants().count();
    let mut clients = clients
        .map(|client| Client::new(journey, client, limits, setup))
        .collect::<Result<Vec<Client>, LimitError>>()?;
    let learns = matches!(setup.told, Told::Nothing { .. });
    loop {
        let deadline = clients.iter().filter_map(Client::next_deadline).min();
        match journey.next(deadline) {
            Next::Call { now, call, happening } => {
                let client = &mut clients[journey.tenants().of(call)];
                client.advance(journey, now);
                client.happens(journey, call, happening);
            }
            Next::Deadline { now } => {
                let due = |client: &&mut Client| client.next_deadline().is_some_and(|at| at <= now);
                for client in clients.iter_mut().filter(due) {
                    client.advance(journey, now);
                }
            }
            Next::End => return Ok(()),
        }
        if learns && journey.tally.pulse.is_due(journey.now()) {
            look_at_pace(journey, &mut clients, limits.work_dimension());
        }
        progress(journey.arrived(), journey.requests().len());
    }
}

/// Writes down the pace of all clients together.
fn look_at_pace(journey: &mut Journey, clients: &mut [Client], dimension: Dimension) {
    let now: Instant = journey.now();
    let pace = clients.iter_mut().map(|client| client.pace(journey, now, dimension)).sum();
    journey.tally.pulse.paced(now, pace);
}

//! Shared limits that change while permits are lent.
//!
//! What services hold was lent under the old limits, and may be more than lowered ones cover. So every
//! limiter is told, and gives back what it has not spent; until it has, that is fenced off under the
//! new limits as it was under the old ones, though they may not cover it.
//!
//! # Invariants
//!
//! - SUP-4: a change of the limits calls in what was lent before; until it is back it counts against
//!   the new limits, and nothing is lent beyond them.

use tidegate_algorithms::{Carry, Ledger};
use tidegate_scheduler::RefusedLimits;
use tidegate_units::{Amounts, Dimension, Instant, Limit, Scope};

use super::{Event, Supervisor};

impl Supervisor {
    /// Puts these limits in the place of the shared ones; `carry` says how much of what was used goes
    /// with them. Takes effect at once for what is lent from now on, and everywhere when every limiter
    /// has heard of it and [`Supervisor::covers_loans`].
    ///
    /// A limit may be left out, and come back later; what was used meanwhile is then not known to it.
    ///
    /// # Errors
    ///
    /// [`RefusedLimits`], and nothing has changed: for too many limits, and for a dimension that no
    /// shared limit has counted since the start, other than requests.
    pub fn reconfigure(
        &mut self,
        now: Instant,
        limits: &[Limit],
        carry: Carry,
    ) -> Result<(), RefusedLimits> {
        RefusedLimits::check(&Scope::Global, limits, &self.dimensions)?;
        self.ledger.reconfigure(now, limits, carry);
        self.ledger.fence(&self.all_lent());
        for (service, account) in &mut self.accounts {
            if let Some((need, _)) = &mut account.need {
                *need = limited(&self.ledger, std::mem::take(need));
            }
            account.recalling = !account.lent.is_none();
            account.recalls += u64::from(account.recalling);
            let (service, limits) = (service.clone(), limits.to_vec());
            self.events.push_back(Event::Relimit { service, limits });
        }
        self.serve(now);
        Ok(())
    }

    /// Whether the limits cover all that is lent: false for a while after a debt, or after limits were
    /// lowered.
    pub fn covers_loans(&self, now: Instant) -> bool {
        self.ledger.covers_loans(now)
    }

    /// What is lent, of everything; the ledger knows only what is limited at present.
    fn all_lent(&self) -> Amounts {
        let mut lent = Amounts::NONE;
        for account in self.accounts.values() {
            lent.add(&account.lent);
        }
        lent
    }
}

/// What services count their calls in: requests, and whatever a shared limit does.
pub(super) fn counted(ledger: &Ledger) -> Vec<Dimension> {
    let mut dimensions = ledger.dimensions();
    if !dimensions.contains(&Dimension::Requests) {
        dimensions.insert(0, Dimension::Requests);
    }
    dimensions
}

/// The part of `amounts` that there is a limit on: nothing else is lent, or would ever come back.
pub(super) fn limited(ledger: &Ledger, mut amounts: Amounts) -> Amounts {
    let limited = ledger.dimensions();
    let unlimited = amounts.iter().filter(|(dimension, _)| !limited.contains(dimension));
    for (dimension, _) in unlimited.collect::<Vec<_>>() {
        amounts.set(dimension, 0);
    }
    amounts
}

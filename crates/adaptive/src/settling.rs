//! Settling a call in steps, while its answer streams by and when it has ended.
//!
//! What is reserved for a call is a guess. A long answer may outgrow it minutes before it ends, and others would
//! be let go in the meantime as if there were room; so what is proven used beyond the reservation is
//! owed at once. What was not used is given back at the end, or as soon as it is known for certain. A step
//! tells only what is new in it, so that news that arrives twice, late or in the wrong order changes
//! nothing.
//!
//! # Invariants
//!
//! - SETTLE-1: reserved, with all debts and without all refunds, is what the call took: the larger of what
//!   was proven on the way and what was said at the end.
//! - SETTLE-2: what was proven used is never given back, and no more is given back than was reserved.
//! - SETTLE-3: news that is no news is nothing: the same again, less than before, anything after the end.
//! - SETTLE-4: where it is not known what a call took, its reservation stays spent.

use tidegate_units::{Amounts, Cost, Dimension, Instant};

use crate::{ChargeRule, Known, StreamUsage};

/// What is new after a piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When the reservation was recorded, or the last instant of which that is not known to be so: where
    /// a refund belongs. A debt belongs to the instant at which it is heard of.
    pub recorded: Instant,
    /// What was used beyond all that was charged before.
    pub debt: Amounts,
    /// What was charged and will not be used.
    pub refund: Amounts,
}

impl Step {
    /// Whether there is nothing to do.
    pub fn is_none(&self) -> bool {
        self.debt.is_none() && self.refund.is_none()
    }
}

/// What was reserved for one call, and what has become of it.
///
/// ```
/// use tidegate_adaptive::Settling;
/// use tidegate_units::{Amounts, Cost, Dimension, Instant};
///
/// let tokens = |amount| Cost::request().tokens(amount);
/// let limited = [Dimension::Requests, Dimension::Tokens];
/// let mut settling = Settling::new(Instant::ZERO, &tokens(500), limited);
///
/// assert!(settling.so_far(&tokens(450)).is_none(), "as reserved");
/// assert_eq!(settling.so_far(&tokens(620)).debt, Amounts::of(Dimension::Tokens, 120));
/// assert!(settling.so_far(&tokens(620)).is_none(), "that is no news");
/// assert_eq!(settling.finish(&tokens(700)).debt, Amounts::of(Dimension::Tokens, 80));
/// assert!(settling.finish(&tokens(900)).is_none(), "it is over");
///
/// // One that takes less than reserved gets the rest back when it ends.
/// let mut settling = Settling::new(Instant::ZERO, &tokens(500), limited);
/// assert_eq!(settling.finish(&tokens(200)).refund, Amounts::of(Dimension::Tokens, 300));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settling {
    recorded: Instant,
    /// What is charged at present: what was reserved, with debts, without refunds.
    charged: Amounts,
    /// The most that is known to be used.
    proven: Amounts,
    /// Dimensions of which the last was said.
    decided: Vec<Dimension>,
    over: bool,
}

impl Settling {
    /// A call for which `reserved` was recorded at `recorded`, under limits on `dimensions`.
    pub fn new(
        recorded: Instant,
        reserved: &Cost,
        dimensions: impl IntoIterator<Item = Dimension>,
    ) -> Self {
        let charged = Amounts::charged(reserved, dimensions);
        Self { recorded, charged, proven: Amounts::NONE, decided: Vec::new(), over: false }
    }

    /// What is charged for the call at present.
    pub fn charged(&self) -> &Amounts {
        &self.charged
    }

    /// Whether the last was said.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The call is under way and took `actual` so far, all told. Gives nothing back, as it may still take what
    /// was reserved.
    pub fn so_far(&mut self, actual: &Cost) -> Step {
        self.step(actual, |_| false)
    }

    /// The call is under way, and of `dimension` it takes exactly as much as `actual` says: as of the input,
    /// which many services state when the answer begins. What was reserved beyond that is given back at once.
    pub fn decided(&mut self, dimension: Dimension, actual: &Cost) -> Step {
        if self.over || self.decided.contains(&dimension) {
            return self.nothing();
        }
        self.decided.push(dimension);
        let only = Amounts::of(dimension, actual.amount(dimension));
        self.prove(&only);
        self.settle(|other| other == dimension)
    }

    /// The call has ended and took `actual`.
    pub fn finish(&mut self, actual: &Cost) -> Step {
        let step = self.step(actual, |_| true);
        self.over = true;
        step
    }

    /// The call has ended, or nobody knows what has become of it, and it took at least `proven`: nothing is
    /// given back.
    pub fn abandon(&mut self, proven: Option<&Cost>) -> Step {
        let step = match proven {
            Some(proven) => self.so_far(proven),
            None => self.nothing(),
        };
        self.over = true;
        step
    }

    /// The answer has ended as `stream` says; `rule` says what of it counts. What is known for certain is
    /// settled, what is known in part is owed where it is more than was reserved.
    ///
    /// ```
    /// use tidegate_adaptive::{ChargeRule, Settling, UsageFamily, UsageStream};
    /// use tidegate_units::{Amounts, Cost, Dimension, Instant};
    ///
    /// let reserved = Cost::request().input_tokens(100).output_tokens(50);
    /// let mut settling = Settling::new(Instant::ZERO, &reserved, [Dimension::Tokens]);
    /// let mut stream = UsageStream::new(UsageFamily::OpenAi);
    /// stream.feed(b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":8}}\n\n");
    /// let step = settling.end(&stream.finish(), ChargeRule::OPENAI);
    /// assert_eq!(step.refund, Amounts::of(Dimension::Tokens, 52));
    /// ```
    pub fn end(&mut self, stream: &StreamUsage, rule: ChargeRule) -> Step {
        let cost = stream.at_least().map(|usage| usage.charge(rule));
        match (stream.known, cost) {
            (Known::Complete, Some(cost)) => self.finish(&cost),
            (_, cost) => self.abandon(cost.as_ref()),
        }
    }

    /// Takes the news that `actual` was used, in all dimensions that are still open; gives back where it is the
    /// last word.
    fn step(&mut self, actual: &Cost, is_last: impl Fn(Dimension) -> bool) -> Step {
        if self.over {
            return self.nothing();
        }
        let open = |dimension: &Dimension| !self.decided.contains(dimension);
        let dimensions: Vec<_> = self.charged.iter().map(|(held, _)| held).filter(open).collect();
        self.prove(&Amounts::charged(actual, dimensions));
        self.settle(is_last)
    }

    /// So much is known to be used of each dimension that is charged.
    fn prove(&mut self, used: &Amounts) {
        for (dimension, _) in self.charged.iter() {
            let most = self.proven.get(dimension).max(used.get(dimension));
            self.proven.set(dimension, most);
        }
    }

    /// Charges what is proven; gives back what is not, where that is the last word.
    fn settle(&mut self, is_last: impl Fn(Dimension) -> bool) -> Step {
        let debt = self.proven.less(&self.charged);
        let unused = self.charged.less(&self.proven);
        let refund: Amounts = unused.iter().filter(|(dimension, _)| is_last(*dimension)).collect();
        self.charged.add(&debt);
        self.charged.subtract(&refund);
        Step { recorded: self.recorded, debt, refund }
    }

    fn nothing(&self) -> Step {
        Step { recorded: self.recorded, debt: Amounts::NONE, refund: Amounts::NONE }
    }
}

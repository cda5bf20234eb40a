//! The owner's side of a gate: what was put in and has not been accounted for.

use tidegate_algorithms::{Layout, Reading};
use tidegate_units::{Amounts, Dimension};

/// What the limiter has lent to its gate.
#[derive(Debug)]
pub(crate) struct GateBook {
    /// `None` where there are more dimensions than fit one word: then the gate stays closed and
    /// every call goes by message.
    layout: Option<Layout>,
    inside: Amounts,
    open: bool,
    /// Something was taken since the last tick.
    touched: bool,
    /// Takes have to be looked at by a timer; a gate that is not warm reports its next take by itself.
    warm: bool,
}

/// What a reading of the gate tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What callers took since the last reading.
    pub(crate) used: Amounts,
    /// What was taken out of a gate that was closed.
    pub(crate) rest: Amounts,
}

impl GateBook {
    pub(crate) fn new(layout: Option<Layout>) -> Self {
        Self { layout, inside: Amounts::NONE, open: false, touched: false, warm: false }
    }

    pub(crate) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// What callers might still take.
    pub(crate) fn inside(&self) -> &Amounts {
        &self.inside
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.warm
    }

    pub(crate) fn has_anything(&self) -> bool {
        self.open || !self.inside.is_none()
    }

    /// What would be left in the gate by this reading.
    pub(crate) fn left(&self, reading: Reading) -> Amounts {
        let unpacked = self.layout.as_ref().map(|layout| layout.unpack(reading.remaining()));
        unpacked.unwrap_or_default()
    }

    /// Accounts for what callers took.
    pub(crate) fn read(&mut self, reading: Reading) -> Seen {
        let Some(layout) = &self.layout else {
            return Seen::default();
        };
        let remaining = layout.unpack(reading.remaining());
        let used = self.inside.less(&remaining);
        self.touched |= !used.is_none();
        self.warm = reading.is_touched();
        self.inside = remaining;
        Seen { used, rest: Amounts::NONE }
    }

    /// Accounts for what callers took before the gate was closed, and for the rest.
    pub(crate) fn closed(&mut self, reading: Reading) -> Seen {
        let mut seen = self.read(reading);
        seen.rest = std::mem::take(&mut self.inside);
        self.open = false;
        self.warm = false;
        seen
    }

    /// How much more of `dimension` fits.
    pub(crate) fn room(&self, dimension: Dimension) -> u64 {
        let max = self.layout.as_ref().map_or(0, |layout| layout.max(dimension));
        max.saturating_sub(self.inside.get(dimension))
    }

    /// Notes that `amounts` are put in. Answers whether the gate has to be opened for that.
    pub(crate) fn put(&mut self, amounts: &Amounts) -> bool {
        self.inside.add(amounts);
        !std::mem::replace(&mut self.open, true)
    }

    /// Once per tick: whether the gate was left alone since the last one and may cool.
    pub(crate) fn tick(&mut self) -> bool {
        let idle = !std::mem::replace(&mut self.touched, false);
        self.warm = self.warm && !idle;
        idle
    }

    /// Cooling came too late: somebody took something.
    pub(crate) fn stay_warm(&mut self) {
        self.touched = true;
        self.warm = true;
    }
}

//! Numbers by chance that a seed brings back.

/// A linear congruential generator of which the upper half is used.
///
/// Source: Knuth, "The Art of Computer Programming", volume 2, 3.3.4 (the constants of MMIX).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from zero up to this one, which is left out.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Whether it is this one of so many.
    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// The place of one of so many.
    pub(crate) fn place(&mut self, len: usize) -> usize {
        let end = u64::try_from(len).expect("a length");
        usize::try_from(self.below(end)).expect("below a length")
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.place(of.len())]
    }
}

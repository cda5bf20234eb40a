//! Several amounts side by side in one word.
//!
//! Every dimension has a field of value bits under one guard bit, which is zero at rest. To compare
//! and subtract all of them at once, the guard bits are set before the subtraction: a field that
//! would go below zero borrows its own guard, and no other. So a cost over four dimensions is taken
//! with the same few instructions as over one.

use tidegate_units::{Amounts, Cost, Dimension};

/// Bits of a word that amounts and their guards may use; the gate keeps the two above for itself.
pub const FIELD_BITS: u32 = 62;

/// The most dimensions in one word: with more, no field would hold a useful amount.
pub const DIMENSIONS_MAX: usize = 4;

/// Amounts, packed by a [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed(pub(crate) u64);

/// Which dimension lies where in a word.
///
/// | dimensions | value bits of the first, of each other |
/// |---|---|
/// | 1 | 61 |
/// | 2 | 30, 30 |
/// | 3 | 19, 20 |
/// | 4 | 13, 15 |
///
/// ```
/// use tidegate_algorithms::Layout;
/// use tidegate_units::{Cost, Dimension};
///
/// let layout = Layout::new(&[Dimension::Requests, Dimension::Tokens]).expect("two dimensions");
/// assert!(layout.pack(&Cost::request().tokens(1_000)).is_some());
/// // More than the field of requests can hold: such a call takes the other way.
/// assert!(layout.pack(&Cost::request().requests(1 << 30)).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    fields: Vec<Field>,
    guards: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    dimension: Dimension,
    shift: u32,
    /// The largest amount, which is also the mask of the value bits.
    max: u64,
}

impl Layout {
    /// A layout of `dimensions`, of which the first should be the one with the smallest amounts.
    /// `None` for no dimension at all or more than [`DIMENSIONS_MAX`].
    pub fn new(dimensions: &[Dimension]) -> Option<Self> {
        let (first, other) = match dimensions.len() {
            1 => (61, 0),
            2 => (30, 30),
            3 => (19, 20),
            4 => (13, 15),
            _ => return None,
        };
        let mut shift = 0;
        let mut guards = 0;
        let mut fields = Vec::with_capacity(dimensions.len());
        for (index, dimension) in dimensions.iter().enumerate() {
            let bits = if index == 0 { first } else { other };
            fields.push(Field { dimension: *dimension, shift, max: (1 << bits) - 1 });
            guards |= 1 << (shift + bits);
            shift += bits + 1;
        }
        debug_assert!(shift <= FIELD_BITS, "the fields of {dimensions:?} need {shift} bits");
        Some(Self { fields, guards })
    }

    /// The dimensions, in the order of the fields.
    pub fn dimensions(&self) -> impl Iterator<Item = Dimension> + '_ {
        self.fields.iter().map(|field| field.dimension)
    }

    /// The largest amount that the field of `dimension` holds; zero if it has none.
    pub fn max(&self, dimension: Dimension) -> u64 {
        let field = self.fields.iter().find(|field| field.dimension == dimension);
        field.map_or(0, |field| field.max)
    }

    /// What `cost` takes, or `None` if an amount is larger than its field.
    #[inline]
    pub fn pack(&self, cost: &Cost) -> Option<Packed> {
        let mut word = 0;
        for field in &self.fields {
            let amount = cost.amount(field.dimension);
            if amount > field.max {
                return None;
            }
            word |= amount << field.shift;
        }
        Some(Packed(word))
    }

    /// The largest packable part of `amounts`.
    pub fn pack_amounts(&self, amounts: &Amounts) -> Packed {
        let fields = self.fields.iter();
        Packed(fields.fold(0, |word, field| {
            word | (amounts.get(field.dimension).min(field.max) << field.shift)
        }))
    }

    /// The amounts in a word.
    pub fn unpack(&self, packed: Packed) -> Amounts {
        let amount = |field: &Field| (field.dimension, (packed.0 >> field.shift) & field.max);
        self.fields.iter().map(amount).collect()
    }

    /// The guard bits of all fields.
    pub(crate) fn guards(&self) -> u64 {
        self.guards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMENSIONS: [Dimension; 5] = [
        Dimension::Requests,
        Dimension::Tokens,
        Dimension::InputTokens,
        Dimension::OutputTokens,
        Dimension::Bytes,
    ];

    #[test]
    fn every_layout_holds_its_largest_amounts_apart() {
        for count in 1..=DIMENSIONS_MAX {
            let layout = Layout::new(&DIMENSIONS[..count]).expect("few enough");
            let largest: Amounts =
                layout.dimensions().map(|dimension| (dimension, layout.max(dimension))).collect();
            let packed = layout.pack_amounts(&largest);
            assert_eq!(layout.unpack(packed), largest);
            assert_eq!(packed.0 & layout.guards(), 0, "guards are zero at rest");
            assert_eq!(packed.0 >> FIELD_BITS, 0, "the gate's own bits stay free");
        }
        assert_eq!(Layout::new(&[]), None);
        assert_eq!(Layout::new(&DIMENSIONS), None);
    }

    #[test]
    fn amounts_beyond_a_field_are_cut_and_costs_are_not() {
        let layout = Layout::new(&[Dimension::Requests, Dimension::Tokens]).expect("two");
        let max = layout.max(Dimension::Requests);
        let cut = layout.unpack(layout.pack_amounts(&Amounts::of(Dimension::Requests, u64::MAX)));
        assert_eq!(cut.get(Dimension::Requests), max);
        assert_eq!(layout.pack(&Cost::request().requests(max + 1)), None);
        assert!(layout.pack(&Cost::request().requests(max)).is_some());
    }
}

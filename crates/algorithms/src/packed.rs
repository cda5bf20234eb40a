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
pub const DIMENSIONS_MAX: usize = 8;

/// Value bits for a dimension without a limit: a million between two looks at the gate.
const UNLIMITED_BITS: u32 = 20;

/// Amounts, packed by a [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed(pub(crate) u64);

impl Packed {
    /// The word.
    pub const fn into_bits(self) -> u64 {
        self.0
    }

    /// What [`Packed::into_bits`] gave, under the same layout.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// Which dimension lies where in a word.
///
/// Each field gets the bits that hold the most that can ever be in it, and what is left over is dealt
/// out evenly. Where all of that does not fit, the widest fields give way: then a call may be larger
/// than its field, though not larger than its limit, and takes the other way.
///
/// ```
/// use tidegate_algorithms::Layout;
/// use tidegate_units::{Cost, Dimension};
///
/// let layout = Layout::new(&[Dimension::Requests, Dimension::Tokens]).expect("two dimensions");
/// assert!(layout.pack(&Cost::request().tokens(1_000)).is_some());
/// // More than the field of requests can hold.
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
    /// A layout of `dimensions` of which it is not known how much they can hold. `None` for no
    /// dimension at all or more than [`DIMENSIONS_MAX`].
    pub fn new(dimensions: &[Dimension]) -> Option<Self> {
        let unknown: Vec<_> = dimensions.iter().map(|dimension| (*dimension, None)).collect();
        Self::fitting(&unknown)
    }

    /// A layout of dimensions with the most that each can hold; `None` where it has no limit. `None`
    /// for no dimension at all or more than [`DIMENSIONS_MAX`].
    pub fn fitting(dimensions: &[(Dimension, Option<u64>)]) -> Option<Self> {
        if dimensions.is_empty() || dimensions.len() > DIMENSIONS_MAX {
            return None;
        }
        let wanted = |(_, most): &(Dimension, Option<u64>)| {
            most.map_or(UNLIMITED_BITS, |most| (u64::BITS - most.leading_zeros()).max(1))
        };
        let bits = share_bits(dimensions.iter().map(wanted).collect());
        let (mut shift, mut guards) = (0, 0);
        let mut fields = Vec::with_capacity(dimensions.len());
        for ((dimension, _), bits) in dimensions.iter().zip(bits) {
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

/// Value bits that fit the word with their guards, as close to those wanted as can be.
fn share_bits(mut bits: Vec<u32>) -> Vec<u32> {
    let guards = u32::try_from(bits.len()).unwrap_or(FIELD_BITS);
    let room = FIELD_BITS - guards;
    while bits.iter().sum::<u32>() > room {
        if let Some(widest) = bits.iter_mut().max() {
            *widest -= 1;
        }
    }
    let mut spare = room - bits.iter().sum::<u32>();
    while spare > 0 {
        for field in &mut bits {
            let more = spare.min(1);
            *field += more;
            spare -= more;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimensions(count: usize) -> Vec<Dimension> {
        let named = |index| format!("dimension_{index}").parse().expect("a name");
        (0..count).map(named).collect()
    }

    #[test]
    fn every_layout_holds_its_largest_amounts_apart() {
        for count in 1..=DIMENSIONS_MAX {
            let layout = Layout::new(&dimensions(count)).expect("few enough");
            let largest: Amounts =
                layout.dimensions().map(|dimension| (dimension, layout.max(dimension))).collect();
            let packed = layout.pack_amounts(&largest);
            assert_eq!(layout.unpack(packed), largest);
            assert_eq!(packed.0 & layout.guards(), 0, "guards are zero at rest");
            assert_eq!(packed.0 >> FIELD_BITS, 0, "the gate's own bits stay free");
        }
        assert_eq!(Layout::new(&[]), None);
        assert_eq!(Layout::new(&dimensions(DIMENSIONS_MAX + 1)), None);
    }

    #[test]
    fn fields_hold_what_the_limits_can_where_that_fits() {
        let limits = [
            (Dimension::Requests, Some(50)),
            (Dimension::InputTokens, Some(40_000)),
            (Dimension::OutputTokens, Some(8_000)),
            (Dimension::Tokens, Some(400_000)),
        ];
        let layout = Layout::fitting(&limits).expect("four");
        for (dimension, most) in limits {
            assert!(layout.max(dimension) >= most.expect("a limit"), "{dimension}");
        }
        let huge = [Dimension::Requests, Dimension::Tokens].map(|it| (it, Some(u64::MAX)));
        let layout = Layout::fitting(&huge).expect("two");
        assert_eq!(layout.max(Dimension::Requests), (1 << 30) - 1);
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

//! The recorded hour in numbers: how its rate moves, and how large its requests are.
//!
//! Fitted to the conversation part of the "Azure LLM inference trace 2023" of the Azure Public
//! Dataset (<https://github.com/Azure/AzurePublicDataset>, licensed CC-BY 4.0; described in Patel et
//! al., "Splitwise: Efficient generative LLM inference using phase splitting", ISCA 2024).
//!
//! Sizes are quantile tables, linear between their knots. What is generated depends on what was
//! sent: prompts around a thousand tokens get long answers, very short and very long ones do not.
//! So there is one table of answers for each fifth of the prompts.

use crate::number;
use crate::random::Random;

/// How long the slow part of the rate remembers, in seconds.
pub const SLOW_SECONDS: f64 = 400.0;
/// Deviation of the logarithm of the rate that is due to the slow part.
pub const SLOW_DEVIATION: f64 = 0.22;
/// How long the fast part of the rate remembers, in seconds.
pub const FAST_SECONDS: f64 = 3.0;
/// Deviation of the logarithm of the rate that is due to the fast part.
pub const FAST_DEVIATION: f64 = 0.15;

/// Context tokens: share of the requests that have fewer, and how many.
const CONTEXT: [(f64, f64); 31] = [
    (0.0, 2.0),
    (0.01, 29.0),
    (0.02, 91.0),
    (0.05, 181.0),
    (0.1, 207.0),
    (0.15, 372.0),
    (0.2, 387.0),
    (0.25, 396.0),
    (0.3, 403.0),
    (0.34, 411.0),
    (0.38, 433.0),
    (0.4, 703.0),
    (0.42, 903.0),
    (0.44, 972.0),
    (0.5, 1_020.0),
    (0.6, 1_071.0),
    (0.7, 1_130.0),
    (0.75, 1_189.0),
    (0.8, 1_315.0),
    (0.82, 1_369.0),
    (0.84, 1_690.0),
    (0.85, 1_877.0),
    (0.87, 2_221.0),
    (0.9, 2_735.0),
    (0.92, 4_073.0),
    (0.94, 4_079.0),
    (0.95, 4_083.0),
    (0.99, 4_142.0),
    (0.995, 4_831.0),
    (0.999, 6_212.0),
    (1.0, 14_050.0),
];

/// The shares at which the tables of generated tokens have their knots.
const GENERATED_SHARES: [f64; 18] = [
    0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995,
    1.0,
];

/// Generated tokens at those shares, for each fifth of the requests by context tokens.
const GENERATED: [[f64; 18]; 5] = [
    [
        7.0, 12.0, 12.0, 16.0, 25.0, 62.0, 74.0, 86.0, 105.0, 133.0, 162.0, 179.0, 212.0, 217.0,
        224.0, 263.0, 311.0, 1_000.0,
    ],
    [
        25.0, 52.0, 58.0, 74.0, 81.0, 86.0, 90.0, 94.0, 97.0, 101.0, 107.0, 117.0, 135.0, 148.0,
        168.0, 184.0, 200.0, 739.0,
    ],
    [
        10.0, 40.0, 49.0, 76.0, 95.0, 375.0, 390.0, 396.0, 399.0, 409.0, 415.0, 429.0, 461.0,
        532.0, 601.0, 642.0, 708.0, 1_000.0,
    ],
    [
        26.0, 44.0, 50.0, 79.0, 138.0, 371.0, 386.0, 396.0, 399.0, 410.0, 418.0, 429.0, 477.0,
        549.0, 617.0, 654.0, 880.0, 1_000.0,
    ],
    [
        15.0, 27.0, 28.0, 34.0, 39.0, 47.0, 55.0, 66.0, 77.0, 90.0, 105.0, 129.0, 162.0, 201.0,
        288.0, 409.0, 472.0, 918.0,
    ],
];

/// Draws the tokens of one request: sent, and generated.
pub(super) fn draw(random: &mut Random) -> (u64, u64) {
    let share = random.uniform();
    let context = interpolate(CONTEXT.into_iter(), share);
    let fifth = number::place(number::nearest((share * 5.0).floor()));
    let table = GENERATED.get(fifth).unwrap_or(&GENERATED[4]);
    let knots = GENERATED_SHARES.into_iter().zip(table.iter().copied());
    let generated = interpolate(knots, random.uniform());
    (number::nearest(context), number::nearest(generated))
}

/// The value at `share`, linear between the knots around it.
fn interpolate(knots: impl Iterator<Item = (f64, f64)>, share: f64) -> f64 {
    let mut before = (0.0, 0.0);
    for knot in knots {
        if knot.0 > share {
            let part = (share - before.0) / (knot.0 - before.0);
            return before.1 + part * (knot.1 - before.1);
        }
        before = knot;
    }
    before.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knots_are_met_and_lines_join_them() {
        let knots = || [(0.0, 10.0), (0.5, 20.0), (1.0, 100.0)].into_iter();
        for (share, value) in [(0.0, 10.0), (0.25, 15.0), (0.5, 20.0), (0.75, 60.0), (1.0, 100.0)] {
            assert!((interpolate(knots(), share) - value).abs() < 1e-9, "{share}");
        }
    }

    #[test]
    fn tables_rise() {
        assert!(CONTEXT.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
        assert!(GENERATED_SHARES.is_sorted());
        assert!(GENERATED.iter().all(|table| table.is_sorted()));
    }
}

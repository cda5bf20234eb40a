//! The logarithmic axis of waits.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::Plane;
use crate::replay::plot::ink::{Drawn, FAINT, INK, anchored};

/// The shortest wait that is told from none, in seconds; and the longest that has a place of its own.
const SHORTEST: f64 = 0.01;
const LONGEST: f64 = 1e7;

/// Whole powers of ten that hold all waits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Of ten.
    exponents: Range<f64>,
}

impl Axis {
    /// The axis for these seconds, of one power of ten at least.
    pub(super) fn over(seconds: impl Iterator<Item = f64>) -> Self {
        let exponents = seconds.filter_map(exponent);
        let (least, most) = exponents
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
                (least.min(it), most.max(it))
            });
        if least > most {
            return Self { exponents: 0.0..1.0 };
        }
        let from = least.floor();
        Self { exponents: from..most.ceil().max(from + 1.0) }
    }

    pub(super) fn range(&self) -> Range<f64> {
        self.exponents.clone()
    }

    /// Where a wait is; no number is nowhere.
    pub(super) fn place(&self, seconds: f64) -> Option<f64> {
        exponent(seconds).map(|it| it.clamp(self.exponents.start, self.exponents.end))
    }

    /// Draws lines over the `height` of the rows and labels below them.
    pub(super) fn draw(&self, plane: &Plane<'_>, height: u32) -> Drawn {
        let bottom = f64::from(height);
        for Mark { exponent, seconds, is_labelled } in self.marks() {
            let width = if is_labelled { 2 } else { 1 };
            let line = [0.0, bottom].map(|y| (exponent, y));
            plane.draw(&PathElement::new(line, FAINT.stroke_width(width)))?;
            if is_labelled {
                let label = Text::new(format!("{seconds} s"), (0, 14), anchored(12, HPos::Center));
                plane.draw(&(EmptyElement::at((exponent, bottom)) + label))?;
            }
        }
        let ends = [self.exponents.start, self.exponents.end];
        plane.draw(&PathElement::new(ends.map(|x| (x, bottom)), INK))
    }

    /// A line at 1, 2 and 5 of each power of ten; where these are few, each with a label.
    fn marks(&self) -> Vec<Mark> {
        let Range { start, end } = self.exponents;
        let powers = std::iter::successors(Some(start), |exponent| Some(exponent + 1.0));
        let mark = |exponent: f64, part: f64| Mark {
            exponent: exponent + part.log10(),
            seconds: round(part * 10_f64.powf(exponent)),
            is_labelled: part < 2.0 || end - start < 3.0,
        };
        powers
            .flat_map(|exponent| [1.0, 2.0, 5.0].map(|part| mark(exponent, part)))
            .take_while(|mark| mark.exponent <= end)
            .collect()
    }
}

/// A line across the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    exponent: f64,
    seconds: f64,
    is_labelled: bool,
}

/// Without what powers of ten miss, so that labels are short.
fn round(seconds: f64) -> f64 {
    (seconds / SHORTEST).round() * SHORTEST
}

/// The power of ten, of waits of any length that is one.
fn exponent(seconds: f64) -> Option<f64> {
    (!seconds.is_nan()).then(|| seconds.clamp(SHORTEST, LONGEST).log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_powers_of_ten() {
        let over = |seconds: &[f64]| Axis::over(seconds.iter().copied()).range();
        assert_eq!(over(&[0.4, 1_200.0]), -1.0..4.0);
        assert_eq!(over(&[100.0]), 2.0..3.0, "never empty");
        assert_eq!(over(&[0.0, f64::NAN, f64::INFINITY]), -2.0..7.0);
        assert_eq!(over(&[]), 0.0..1.0);
    }

    #[test]
    fn labels_are_short_and_not_too_many() {
        let labels = |seconds: [f64; 2]| {
            let marks = Axis::over(seconds.into_iter()).marks();
            let labelled = marks.into_iter().filter(|mark| mark.is_labelled);
            labelled.map(|mark| mark.seconds.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels([0.3, 7.0]), "0.1 0.2 0.5 1 2 5 10");
        assert_eq!(labels([0.0, 9_999.0]), "0.01 0.1 1 10 100 1000 10000");
    }
}

//! Colours, letters and margins of a picture.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) const MARGIN: u32 = 14;
/// Where the titles and the axes begin.
pub(super) const LEFT: i32 = 76;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
/// Lines behind the figures.
pub(super) const FAINT: RGBColor = RGBColor(225, 225, 225);

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Letters that begin at their place.
pub(super) fn text_style(size: u32) -> TextStyle<'static> {
    anchored(size, HPos::Left)
}

/// Letters before, behind or around their place, in the middle of their height.
pub(super) fn anchored(size: u32, horizontal: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(horizontal, VPos::Center))
}

//! The plot: two bars for each series, ours over the peer's.
//!
//! Series are measured in different units and differ a thousandfold, so that each pair has a scale of
//! its own, from zero to the longer bar; the numbers stand beside the bars. A line across a pair shows
//! where our bar has to end to meet the target.

use std::error::Error;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use thiserror::Error;

use super::report::{Report, Series, Value};

const WIDTH: u32 = 900;
const ROW_HEIGHT: u32 = 68;
const CAPTION_HEIGHT: u32 = 34;
const CAPTION: &str = "medians, ours over the peer's; each pair to its own scale; red: the target";

const OURS: RGBColor = RGBColor(15, 118, 110);
const PEER: RGBColor = RGBColor(148, 163, 184);
const TARGET: RGBColor = RGBColor(200, 30, 30);

/// The longest bar ends at 1; what is right of it is for the numbers.
const ACROSS: Range<f64> = 0.0..1.5;
const LABEL: f64 = 1.02;

// Parts of a row's height.
const TITLE: f64 = 0.08;
const OURS_BAR: Range<f64> = 0.36..0.60;
const PEER_BAR: Range<f64> = 0.64..0.88;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Row<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The backend refused to draw.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct PlotError(String);

/// The plot as SVG.
pub(super) fn draw(report: &Report) -> Result<String, PlotError> {
    let mut svg = String::new();
    paint(&mut svg, &report.series).map_err(|error| PlotError(error.to_string()))?;
    Ok(svg)
}

fn paint(svg: &mut String, series: &[Series]) -> Result<(), Box<dyn Error>> {
    let rows = u32::try_from(series.len())?;
    let size = (WIDTH, CAPTION_HEIGHT + rows * ROW_HEIGHT);
    let canvas: Canvas<'_> = SVGBackend::with_string(svg, size).into_drawing_area();
    canvas.fill(&WHITE)?;
    canvas.draw(&Text::new(CAPTION, (12, 10), text(13)))?;
    let (_, body) = canvas.split_vertically(CAPTION_HEIGHT);
    for (area, one) in body.split_evenly((series.len(), 1)).into_iter().zip(series) {
        paint_row(&area.margin(0, 0, 12, 0), one)?;
    }
    canvas.present()?;
    Ok(())
}

fn paint_row(area: &Canvas<'_>, series: &Series) -> Result<(), Box<dyn Error>> {
    let (across, down) = area.get_pixel_range();
    let scale =
        Cartesian2d::<RangedCoordf64, RangedCoordf64>::new(ACROSS, 0.0..1.0, (across, down));
    let row = area.apply_coord_spec(scale);
    let longest = longest(series);
    row.draw(&Text::new(title(series), (0.0, TITLE), text(14)))?;
    paint_bar(&row, "ours", series.ours, series, &OURS_BAR, OURS)?;
    if let Some(value) = series.peer_value {
        let peer = series.peer.as_deref().unwrap_or("peer");
        paint_bar(&row, peer, value, series, &PEER_BAR, PEER)?;
    }
    if let Some(target) = target(series) {
        let x = target / longest;
        let line = vec![(x, OURS_BAR.start - 0.04), (x, OURS_BAR.end + 0.04)];
        row.draw(&PathElement::new(line, TARGET.stroke_width(2)))?;
    }
    Ok(())
}

fn paint_bar(
    row: &Row<'_>,
    whose: &str,
    value: Value,
    series: &Series,
    bar: &Range<f64>,
    colour: RGBColor,
) -> Result<(), Box<dyn Error>> {
    let end = value.median / longest(series);
    row.draw(&Rectangle::new([(0.0, bar.start), (end, bar.end)], colour.filled()))?;
    let label = format!("{whose} {}", value.show(&series.unit));
    row.draw(&Text::new(label, (LABEL, bar.start + 0.04), text(12)))?;
    Ok(())
}

fn title(series: &Series) -> String {
    match (series.ratio, series.target) {
        (Some(ratio), Some(target)) => {
            format!("{}: {ratio:.2}, target {target:.2}, {}", series.name, series.verdict())
        }
        _ => series.name.clone(),
    }
}

/// What the bars of a series are measured against; never zero.
fn longest(series: &Series) -> f64 {
    let peer = series.peer_value.map_or(0.0, |value| value.median);
    series.ours.median.max(peer).max(f64::MIN_POSITIVE)
}

/// Where our bar would end if the target were just met, if that is on the plot.
fn target(series: &Series) -> Option<f64> {
    let target = series.target? * series.peer_value?.median;
    (target <= longest(series)).then_some(target)
}

fn text(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().into()
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::example;
    use super::*;

    #[test]
    fn every_series_has_its_bars_and_numbers() {
        let svg = draw(&example()).expect("a text takes everything");
        for expected in ["direct/allow/1t/gate: 0.32, target 0.35, met", "governor 22.6 (22.4) ns"]
        {
            assert!(svg.contains(expected), "{expected} is missing in: {svg}");
        }
        let bars = svg.matches("fill=\"#0F766E\"").count();
        assert_eq!(bars, 3, "one of ours for each series: {svg}");
    }

    #[test]
    fn a_value_of_zero_is_drawn() {
        let mut report = example();
        report.series[2].ours = Value { min: 0.0, median: 0.0 };
        assert!(draw(&report).is_ok());
    }
}

//! Lines over the minutes of a trace.

use plotters::prelude::*;

use super::ink::{Area, Drawn, FAINT, INK, LEFT, MARGIN, text_style};

pub(super) const LEGEND_HEIGHT: u32 = 26;
pub(super) const PANEL_HEIGHT: u32 = 250;
/// The most points of a line: more than a screen can show tell nothing.
pub(super) const POINTS_MAX: usize = 1_000;

/// A line: minutes and values, and its look.
pub(super) type Line = (Vec<(f64, f64)>, ShapeStyle);

/// What the axes show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axes {
    pub(super) minutes: f64,
    pub(super) highest: f64,
    pub(super) unit: &'static str,
}

/// Draws lines under a title. What is no number is left out, and what is beyond the axis lies on its
/// end.
pub(super) fn draw(title: &str, axes: Axes, lines: Vec<Line>, area: &Area<'_>) -> Drawn {
    let (head, plot) = area.split_vertically(24);
    head.draw_text(title, &text_style(15), (LEFT, 14))?;
    let Axes { minutes, highest, unit } = axes;
    let mut chart = ChartBuilder::on(&plot)
        .margin_left(MARGIN)
        .margin_right(MARGIN)
        .margin_top(4)
        .x_label_area_size(40)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..minutes, 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .x_labels(13)
        .y_labels(6)
        .x_label_formatter(&|at| short(*at, minutes))
        .y_label_formatter(&|value| short(*value, highest))
        .label_style(("sans-serif", 12).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 13).into_font().color(&INK))
        .x_desc("minutes")
        .y_desc(unit)
        .draw()?;
    for (points, style) in lines {
        let numbers = points.into_iter().filter(|(at, value)| at.is_finite() && value.is_finite());
        let inside = numbers.map(|(at, value)| (at, value.min(highest)));
        chart.draw_series(LineSeries::new(inside, style))?;
    }
    Ok(())
}

/// Names lines by their looks, from left to right.
pub(super) fn draw_legend(lines: &[(&str, RGBColor, u32)], area: &Area<'_>) -> Drawn {
    let mut x = LEFT;
    for (name, colour, width) in lines {
        let stroke = colour.stroke_width(width + 1);
        area.draw(&PathElement::new([(x, 10), (x + 26, 10)], stroke))?;
        area.draw_text(name, &text_style(14), (x + 33, 10))?;
        x += 115;
    }
    Ok(())
}

/// A label with as many decimals as its axis needs.
fn short(value: f64, range: f64) -> String {
    if range >= 5.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

//! The load over time: a panel for each controller.

use plotters::prelude::*;
use tidegate_simulator::report::{LOAD_POINT_S, LoadPoint};
use tidegate_simulator::{Replay, Run};

use super::ink::{Area, Drawn, FAINT, INK, LEFT, MARGIN, text_style};
use crate::replay::text::shown;

const LEGEND_HEIGHT: u32 = 26;
const PANEL_HEIGHT: u32 = 250;
/// The most points of a line: more than a screen can show tell nothing.
const POINTS_MAX: usize = 1_000;

/// One of the three lines: its name, its look, and what it shows.
type Line = (&'static str, RGBColor, u32, fn(&LoadPoint) -> f64);

const OFFERED: Line = ("offered", RGBColor(150, 150, 150), 1, |point| point.offered);
const ADMITTED: Line = ("admitted", RGBColor(0, 114, 178), 2, |point| point.admitted);
const REFUSED: Line = ("refused", RGBColor(213, 94, 0), 1, |point| point.refused);

/// A panel for each run, on axes that all share.
pub(super) struct Panels<'r> {
    runs: Vec<&'r Run>,
    span_s: f64,
    load_max: f64,
}

impl<'r> Panels<'r> {
    pub(super) fn new(replay: &Replay, runs: &[&'r Run]) -> Self {
        let points = runs.iter().flat_map(|run| &run.load);
        let loads = points.flat_map(|point| [point.offered, point.admitted, point.refused]);
        let load_max = loads.filter(|load| load.is_finite()).fold(0.0, f64::max);
        Self {
            runs: runs.to_vec(),
            span_s: replay.trace.span_s.max(1.0),
            load_max: if load_max > 0.0 { load_max * 1.05 } else { 1.0 },
        }
    }

    pub(super) fn height(&self) -> u32 {
        let panels = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        LEGEND_HEIGHT.saturating_add(PANEL_HEIGHT.saturating_mul(panels))
    }

    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let (legend, mut rest) = area.split_vertically(LEGEND_HEIGHT);
        draw_legend(&legend)?;
        for run in &self.runs {
            let (panel, below) = rest.split_vertically(PANEL_HEIGHT);
            self.draw_panel(run, &panel)?;
            rest = below;
        }
        Ok(())
    }

    fn draw_panel(&self, run: &Run, area: &Area<'_>) -> Drawn {
        let (title, plot) = area.split_vertically(24);
        title.draw_text(&panel_title(run), &text_style(15), (LEFT, 14))?;
        let minutes = self.span_s / 60.0;
        let mut chart = ChartBuilder::on(&plot)
            .margin_left(MARGIN)
            .margin_right(MARGIN)
            .margin_top(4)
            .x_label_area_size(40)
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..minutes, 0.0..self.load_max)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(INK)
            .x_labels(13)
            .y_labels(6)
            .x_label_formatter(&|at| short(*at, minutes))
            .y_label_formatter(&|load| short(*load, self.load_max))
            .label_style(("sans-serif", 12).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 13).into_font().color(&INK))
            .x_desc("minutes")
            .y_desc("requests per second")
            .draw()?;
        let points = thinned(whole(&run.load, self.span_s));
        for (_, colour, width, value) in [OFFERED, ADMITTED, REFUSED] {
            let line = points.iter().map(|point| (point.at_s / 60.0, value(point)));
            let line = line.filter(|(at, load)| at.is_finite() && load.is_finite());
            chart.draw_series(LineSeries::new(line, colour.stroke_width(width)))?;
        }
        Ok(())
    }
}

fn draw_legend(area: &Area<'_>) -> Drawn {
    for ((name, colour, width, _), x) in [OFFERED, ADMITTED, REFUSED].into_iter().zip([0, 110, 230])
    {
        let x = LEFT + x;
        let stroke = colour.stroke_width(width + 1);
        area.draw(&PathElement::new([(x, 10), (x + 26, 10)], stroke))?;
        area.draw_text(name, &text_style(14), (x + 33, 10))?;
    }
    Ok(())
}

fn panel_title(run: &Run) -> String {
    let goodput = run.goodput * 100.0;
    let (refused, failed) = (run.refused_per_1000, run.failed);
    let controller = shown(&run.controller);
    let thinned = match together(&run.load) {
        1 => String::new(),
        several => format!(", each point the mean of {several} × {LOAD_POINT_S} s"),
    };
    format!(
        "{controller}: goodput {goodput:.2} %, {refused:.1} refused per 1000 admitted, {failed} \
         given up{thinned}"
    )
}

/// How many neighbours make one point, so that there are no more than [`POINTS_MAX`].
fn together(load: &[LoadPoint]) -> usize {
    load.len().div_ceil(POINTS_MAX).max(1)
}

/// The points that the trace fills: what is left of the last would look like a collapse.
fn whole(load: &[LoadPoint], span_s: f64) -> &[LoadPoint] {
    let half = f64::from(u32::try_from(LOAD_POINT_S).unwrap_or(0)) / 2.0;
    let filled = load.iter().take_while(|point| point.at_s + half <= span_s).count();
    &load[..filled]
}

/// The means of neighbours.
fn thinned(load: &[LoadPoint]) -> Vec<LoadPoint> {
    load.chunks(together(load)).map(mean).collect()
}

fn mean(points: &[LoadPoint]) -> LoadPoint {
    let count: f64 = points.iter().map(|_| 1.0).sum();
    let mean_of = |value: fn(&LoadPoint) -> f64| points.iter().map(value).sum::<f64>() / count;
    LoadPoint {
        at_s: mean_of(|point| point.at_s),
        offered: mean_of(|point| point.offered),
        admitted: mean_of(|point| point.admitted),
        refused: mean_of(|point| point.refused),
    }
}

/// A label with as many decimals as its axis needs.
fn short(value: f64, range: f64) -> String {
    if range >= 5.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_load_is_thinned_without_changing_its_sum() {
        let point =
            |at: u32| LoadPoint { at_s: f64::from(at), offered: 2.0, ..LoadPoint::default() };
        let load: Vec<LoadPoint> = (0..2_500).map(point).collect();
        let thinned = thinned(&load);
        assert_eq!(thinned.len(), 834);
        assert!((thinned[0].at_s - 1.0).abs() < 1e-9 && (thinned[0].offered - 2.0).abs() < 1e-9);
    }
}

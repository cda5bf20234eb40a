//! The load over time: a panel for each controller.

use plotters::prelude::*;
use tidegate_simulator::report::{LOAD_POINT_S, LoadPoint};
use tidegate_simulator::{Replay, Run};

use super::chart::{self, Axes, LEGEND_HEIGHT, PANEL_HEIGHT, POINTS_MAX};
use super::ink::{Area, Drawn};
use crate::replay::text::shown;

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
        let named =
            [OFFERED, ADMITTED, REFUSED].map(|(name, colour, width, _)| (name, colour, width));
        chart::draw_legend(&named, &legend)?;
        for run in &self.runs {
            let (panel, below) = rest.split_vertically(PANEL_HEIGHT);
            self.draw_panel(run, &panel)?;
            rest = below;
        }
        Ok(())
    }

    fn draw_panel(&self, run: &Run, area: &Area<'_>) -> Drawn {
        let points = thinned(whole(&run.load, self.span_s));
        let line = |(_, colour, width, value): Line| {
            let points = points.iter().map(|point| (point.at_s / 60.0, value(point))).collect();
            (points, colour.stroke_width(width))
        };
        let lines = [OFFERED, ADMITTED, REFUSED].map(line).into();
        let minutes = self.span_s / 60.0;
        let axes = Axes { minutes, highest: self.load_max, unit: "requests per second" };
        chart::draw(&panel_title(run), axes, lines, area)
    }
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

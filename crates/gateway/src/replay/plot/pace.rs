//! The pace that was learned beside the true capacity: a panel for each controller that learns one.

use plotters::prelude::*;
use tidegate_simulator::{PacePoint, Replay, Run};

use super::chart::{self, Axes, LEGEND_HEIGHT, PANEL_HEIGHT, POINTS_MAX};
use super::ink::{Area, Drawn};
use crate::replay::text::shown;

/// How much higher than the highest capacity a pace is shown.
const ROOM: f64 = 1.6;

const CAPACITY: (&str, RGBColor, u32) = ("capacity", RGBColor(40, 40, 40), 2);
const ADMITTED: (&str, RGBColor, u32) = ("admitted", RGBColor(160, 195, 220), 1);
const PACE: (&str, RGBColor, u32) = ("pace", RGBColor(213, 94, 0), 1);

/// A panel for each run that has a pace, on axes that all share.
pub(super) struct Panels<'r> {
    runs: Vec<&'r Run>,
    axes: Axes,
}

impl<'r> Panels<'r> {
    pub(super) fn new(replay: &Replay, runs: &[&'r Run]) -> Self {
        let has_pace = |run: &&&Run| run.pace.iter().any(|point| point.pace.is_some());
        let runs: Vec<&Run> = runs.iter().filter(has_pace).copied().collect();
        let capacities = runs.iter().flat_map(|run| &run.pace).map(|point| point.capacity);
        let highest = capacities.filter(|it| it.is_finite()).fold(0.0, f64::max) * ROOM;
        let minutes = replay.trace.span_s.max(1.0) / 60.0;
        let highest = if highest > 0.0 { highest } else { 1.0 };
        Self { runs, axes: Axes { minutes, highest, unit: "per second" } }
    }

    pub(super) fn height(&self) -> u32 {
        let panels = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        let legend = if panels > 0 { LEGEND_HEIGHT } else { 0 };
        legend.saturating_add(PANEL_HEIGHT.saturating_mul(panels))
    }

    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        if self.runs.is_empty() {
            return Ok(());
        }
        let (legend, mut rest) = area.split_vertically(LEGEND_HEIGHT);
        chart::draw_legend(&[CAPACITY, ADMITTED, PACE], &legend)?;
        for run in &self.runs {
            let (panel, below) = rest.split_vertically(PANEL_HEIGHT);
            self.draw_panel(run, &panel)?;
            rest = below;
        }
        Ok(())
    }

    fn draw_panel(&self, run: &Run, area: &Area<'_>) -> Drawn {
        let points = thinned(&run.pace);
        let line = |(_, colour, width): (_, RGBColor, u32), value: &dyn Fn(&PacePoint) -> f64| {
            let points = points.iter().map(|point| (point.at_s / 60.0, value(point))).collect();
            (points, colour.stroke_width(width))
        };
        let lines = vec![
            line(ADMITTED, &|point| point.admitted),
            line(CAPACITY, &|point| point.capacity),
            line(PACE, &|point| point.pace.unwrap_or(f64::NAN)),
        ];
        chart::draw(&title(run), self.axes, lines, area)
    }
}

fn title(run: &Run) -> String {
    let name = shown(&run.controller);
    let steps = run.steps.iter().map(|step| {
        let (at_s, reached_s, lost_s) = (step.at_s, step.reached_s, step.lost_s);
        format!("; after the step at {at_s:.0} s there in {reached_s:.0} s, {lost_s:.1} s lost")
    });
    format!(
        "{name}: the pace it learned and the true capacity{}",
        steps.take(2).collect::<String>()
    )
}

/// The means of neighbours, so that there are no more than [`POINTS_MAX`].
fn thinned(points: &[PacePoint]) -> Vec<PacePoint> {
    points.chunks(points.len().div_ceil(POINTS_MAX).max(1)).map(mean).collect()
}

fn mean(points: &[PacePoint]) -> PacePoint {
    let count: f64 = points.iter().map(|_| 1.0).sum();
    let mean_of = |value: fn(&PacePoint) -> f64| points.iter().map(value).sum::<f64>() / count;
    let paced = points.iter().all(|point| point.pace.is_some());
    PacePoint {
        at_s: mean_of(|point| point.at_s),
        capacity: mean_of(|point| point.capacity),
        admitted: mean_of(|point| point.admitted),
        pace: paced.then(|| mean_of(|point| point.pace.unwrap_or(0.0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::plot::svg;
    use crate::replay::sample;

    fn learning() -> Replay {
        let mut replay = sample::replay(&[1]);
        let run = &mut replay.runs[0];
        "tidegate".clone_into(&mut run.controller);
        let point = |second: u32| PacePoint {
            at_s: f64::from(second) + 0.5,
            capacity: if second < 1_200 { 3.9 } else { 1.95 },
            admitted: f64::from(second % 7),
            pace: (second > 0).then_some(4.0),
        };
        run.pace = (0..3_501).map(point).collect();
        replay
    }

    #[test]
    fn only_who_learns_a_pace_has_a_panel() {
        let picture = svg(&[learning()]).expect("a picture");
        assert_eq!(picture.matches("the pace it learned").count(), 1);
        let without = svg(&[sample::replay(&[1])]).expect("a picture");
        assert_eq!(without.matches("the pace it learned").count(), 0);
    }

    #[test]
    fn thinning_keeps_means_and_what_is_not_known() {
        let replay = learning();
        let thinned = thinned(&replay.runs[0].pace);
        assert_eq!(thinned.len(), 876);
        assert!((thinned[0].at_s - 2.0).abs() < 1e-9 && thinned[0].pace.is_none());
        assert!((thinned[1].admitted - 3.75).abs() < 1e-9, "{:?}", thinned[1]);
        assert!((thinned[301].capacity - 1.95).abs() < 1e-9);
    }

    #[test]
    fn nonsense_can_be_drawn_too() {
        let mut replay = learning();
        replay.runs[0].pace[5].pace = Some(f64::INFINITY);
        replay.runs[0].pace[6].capacity = f64::NAN;
        replay.runs[0].pace[9].admitted = 1e300;
        assert!(svg(&[replay]).is_ok());
    }
}

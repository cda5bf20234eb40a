//! How long calls waited: a row for each class or key under each controller, from half of its calls
//! (a dot) to 99 % of them (a ring), on one logarithmic axis.
//!
//! The rows of a class or key lie together, so that it can be seen at once what a controller does to
//! it. Whoever is never admitted is in no wait, so the share that was admitted stands beside them.

mod axis;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use tidegate_simulator::report::Quantiles;
use tidegate_simulator::{Replay, Run};

use super::ink::{Area, Drawn, FAINT, INK, LEFT, anchored, text_style};
use crate::replay::figures::share;
use crate::replay::groups::Group;
use crate::replay::text::{NOTHING, number, quantiles, shown_within};
use axis::Axis;

/// A title and the heads of the columns.
const TITLE_HEIGHT: u32 = 58;
const ROW_HEIGHT: u32 = 20;
/// Between the rows of one group and those of the next.
const GAP: u32 = 10;
const AXIS_HEIGHT: u32 = 50;
/// Where the axis begins and ends.
const AXIS_FROM: i32 = 318;
const AXIS_TO: i32 = 800;
/// Where the names of the controllers end.
const CONTROLLER: i32 = 306;
/// Where the figures in columns end.
const WAITS: i32 = 905;
const ADMITTED: i32 = 986;
/// The longest name of a group: what has room before the controllers.
const NAME_MAX: usize = 23;

/// Where a wait is, and a row, in pixels from the top of the panel.
type Plane<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// One panel for the classes, and one for the keys if there are any.
pub(super) struct Panels<'r> {
    runs: Vec<&'r Run>,
    by: Vec<(&'static str, Vec<Group<'r>>)>,
    axis: Axis,
}

impl<'r> Panels<'r> {
    pub(super) fn new(replay: &'r Replay, runs: &[&'r Run]) -> Self {
        let panels = [("by class", Group::classes(replay)), ("by key", Group::keys(replay))];
        let by: Vec<(&str, Vec<Group<'_>>)> =
            panels.into_iter().filter(|(_, groups)| !groups.is_empty()).collect();
        let groups = || by.iter().flat_map(|(_, groups)| groups);
        let waits = groups().flat_map(|group| runs.iter().filter_map(|run| group.wait(run)));
        let axis = Axis::over(waits.flat_map(|wait| [wait.p50, wait.p99]));
        Self { runs: runs.to_vec(), axis, by }
    }

    pub(super) fn height(&self) -> u32 {
        let heights = self.by.iter().map(|(_, groups)| self.panel_height(groups));
        heights.fold(0, u32::saturating_add)
    }

    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let mut rest = area.clone();
        for (by, groups) in &self.by {
            let (panel, below) = rest.split_vertically(self.panel_height(groups));
            self.draw_panel(by, groups, &panel)?;
            rest = below;
        }
        Ok(())
    }

    fn group_height(&self) -> u32 {
        let rows = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        GAP.saturating_add(ROW_HEIGHT.saturating_mul(rows))
    }

    fn panel_height(&self, groups: &[Group<'_>]) -> u32 {
        let count = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let rows = self.group_height().saturating_mul(count);
        TITLE_HEIGHT.saturating_add(rows).saturating_add(AXIS_HEIGHT)
    }

    fn draw_panel(&self, by: &str, groups: &[Group<'_>], area: &Area<'_>) -> Drawn {
        draw_head(by, area)?;
        let (_, rest) = area.split_vertically(TITLE_HEIGHT);
        let (rows, _) =
            rest.split_vertically(self.panel_height(groups) - TITLE_HEIGHT - AXIS_HEIGHT);
        let plane = self.plane(&rows);
        self.axis.draw(&plane, rows.dim_in_pixel().1)?;
        let mut top = 0;
        for group in groups {
            self.draw_group(*group, top, &rows, &plane)?;
            top += i32::try_from(self.group_height()).unwrap_or(i32::MAX);
        }
        Ok(())
    }

    /// The rows of one group under a line, with its name before them.
    fn draw_group(&self, group: Group<'_>, top: i32, area: &Area<'_>, plane: &Plane<'_>) -> Drawn {
        area.draw(&PathElement::new([(LEFT, top), (ADMITTED, top)], FAINT))?;
        let row_height = i32::try_from(ROW_HEIGHT).unwrap_or(0);
        let middle = top + i32::try_from(self.group_height() / 2).unwrap_or(0);
        area.draw_text(&shown_within(group.name(), NAME_MAX), &text_style(14), (LEFT, middle))?;
        let first = top + i32::try_from(GAP.midpoint(ROW_HEIGHT)).unwrap_or(0);
        for (run, row) in self.runs.iter().zip(0..) {
            let y = first + row_height * row;
            let before = anchored(13, HPos::Right);
            area.draw_text(&shown_within(&run.controller, 8), &before, (CONTROLLER, y))?;
            area.draw_text(&quantiles(group.wait(run)), &before, (WAITS, y))?;
            let admitted = group.served(run).map(|served| number(share(&served) * 100.0, 1));
            area.draw_text(&admitted.unwrap_or(NOTHING.to_owned()), &before, (ADMITTED, y))?;
            if let Some(wait) = group.wait(run) {
                self.draw_wait(wait, f64::from(y), colour(&run.controller), plane)?;
            }
        }
        Ok(())
    }

    /// A dot and a ring, and a line from one to the other.
    fn draw_wait(&self, wait: Quantiles, y: f64, colour: RGBColor, plane: &Plane<'_>) -> Drawn {
        let at = |seconds| self.axis.place(seconds).map(|place| (place, y));
        let (p50, p99) = (at(wait.p50), at(wait.p99));
        if let (Some(p50), Some(p99)) = (p50, p99) {
            plane.draw(&PathElement::new([p50, p99], colour.stroke_width(3)))?;
        }
        if let Some(p99) = p99 {
            plane.draw(&Circle::new(p99, 6, WHITE.filled()))?;
            plane.draw(&Circle::new(p99, 5, colour.stroke_width(2)))?;
        }
        match p50 {
            Some(p50) => plane.draw(&Circle::new(p50, 6, colour.filled())),
            None => Ok(()),
        }
    }

    fn plane<'a>(&self, area: &Area<'a>) -> Plane<'a> {
        let (x, y) = area.get_pixel_range();
        let height = f64::from(area.dim_in_pixel().1);
        let across = x.start + AXIS_FROM..x.start + AXIS_TO;
        area.apply_coord_spec(Cartesian2d::new(self.axis.range(), 0.0..height, (across, y)))
    }
}

/// The same in every picture.
fn colour(controller: &str) -> RGBColor {
    match controller {
        "fixed" => RGBColor(0, 158, 115),
        "fifo" => RGBColor(204, 121, 167),
        "tidegate" => RGBColor(0, 114, 178),
        "aimd" => RGBColor(230, 159, 0),
        _ => RGBColor(90, 90, 90),
    }
}

/// What the panel shows, what its marks mean, and the heads of the columns.
fn draw_head(by: &str, area: &Area<'_>) -> Drawn {
    let title = format!("Waits {by} of those admitted, in seconds from arrival to admission");
    area.draw_text(&title, &text_style(15), (LEFT, 16))?;
    area.draw(&Circle::new((AXIS_FROM, 42), 6, INK.filled()))?;
    area.draw_text("half wait no longer (p50)", &text_style(13), (AXIS_FROM + 13, 42))?;
    area.draw(&Circle::new((AXIS_FROM + 200, 42), 5, INK.stroke_width(2)))?;
    area.draw_text("99 % wait no longer (p99)", &text_style(13), (AXIS_FROM + 213, 42))?;
    let before = anchored(13, HPos::Right);
    area.draw_text("p50 / p99, s", &before, (WAITS, 42))?;
    area.draw_text("admitted, %", &before, (ADMITTED, 42))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::plot::svg;
    use crate::replay::sample;

    /// Where the dots and rings of a colour are, from the left, in the order of the rows.
    fn places(picture: &str, colour: &str) -> Vec<i32> {
        let circles = picture.lines().filter(|line| line.starts_with("<circle"));
        let coloured = circles.filter(|line| line.contains(colour));
        let place = |line: &str| line.split('"').nth(1).and_then(|place| place.parse().ok());
        coloured.filter_map(place).collect()
    }

    #[test]
    fn every_wait_is_where_the_axis_says_in_the_colour_of_its_controller() {
        let picture = svg(&[sample::fair_replay(&[1])]).expect("a picture");
        let [fixed, fifo] = ["#009E73", "#CC79A7"].map(|colour| places(&picture, colour));
        // A ring and a dot for each of three classes and two keys; the third got nothing through.
        assert_eq!((fixed.len(), fifo.len()), (10, 10), "{picture}");
        assert_eq!(fixed[..6], fifo[..6], "by class there is no difference");
        let [long, steady] = [6..8, 8..10].map(|rows| (&fixed[rows.clone()], &fifo[rows]));
        assert!(long.0[0] > long.1[0] && long.0[1] > long.1[1], "{long:?}");
        // The axis begins at 0.1 s, and the ring is at 1 s.
        let ring = steady.0[0];
        assert!(ring.abs_diff(AXIS_FROM + (AXIS_TO - AXIS_FROM) / 5) < 3, "{ring}");
        // 390 s and 0.4 s are three powers of ten apart, of five that the axis has.
        let apart = steady.1[1] - steady.0[1];
        let expected = (AXIS_TO - AXIS_FROM) * 3 / 5;
        assert!(apart.abs_diff(expected) < 5, "{apart} and not {expected}");
        assert!([fixed, fifo].concat().iter().all(|x| (AXIS_FROM..=AXIS_TO).contains(x)));
    }
}

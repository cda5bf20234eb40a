//! A replay as a picture: for each controller, the load over time.
//!
//! The panels of a scenario share both axes, so that controllers can be compared by eye. The colours
//! are of the palette by Okabe and Ito, told apart by most who see colours differently, and the
//! lines differ in lightness and width as well.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tidegate_simulator::report::{LOAD_POINT_S, LoadPoint};
use tidegate_simulator::{Replay, Run};

const WIDTH: u32 = 1_000;
const HEADER_HEIGHT: u32 = 84;
const PANEL_HEIGHT: u32 = 250;
const MARGIN: u32 = 14;
/// Where the titles and the axes begin.
const LEFT: i32 = 76;
/// The most points of a line: more than a screen can show tell nothing.
const POINTS_MAX: usize = 1_000;
/// The longest name in a title.
const NAME_MAX: usize = 48;

const INK: RGBColor = RGBColor(40, 40, 40);
const FAINT: RGBColor = RGBColor(225, 225, 225);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// One of the three lines: its name, its look, and what it shows.
type Line = (&'static str, RGBColor, u32, fn(&LoadPoint) -> f64);

const OFFERED: Line = ("offered", RGBColor(150, 150, 150), 1, |point| point.offered);
const ADMITTED: Line = ("admitted", RGBColor(0, 114, 178), 2, |point| point.admitted);
const REFUSED: Line = ("refused", RGBColor(213, 94, 0), 1, |point| point.refused);

/// Draws the first seed of every replay, one under another, as SVG.
///
/// # Errors
///
/// What the drawing library says; nothing that a replay holds should lead to it.
pub(crate) fn svg(replays: &[Replay]) -> Result<String, String> {
    let blocks: Vec<Block<'_>> = replays.iter().map(Block::new).collect();
    let mut text = String::new();
    draw(&blocks, &mut text).map_err(|error| format!("the plot cannot be drawn: {error}"))?;
    Ok(text)
}

/// One scenario: a title and a panel for each controller.
struct Block<'r> {
    title: String,
    runs: Vec<&'r Run>,
    span_s: f64,
    load_max: f64,
}

impl<'r> Block<'r> {
    fn new(replay: &'r Replay) -> Self {
        let seed = replay.seeds.first();
        let runs: Vec<&Run> = replay.runs.iter().filter(|run| Some(&run.seed) == seed).collect();
        let (scenario, trace) = (shown(&replay.scenario), shown(&replay.trace.name));
        let seed = seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        let points = || runs.iter().flat_map(|run| &run.load);
        let loads = points().flat_map(|point| [point.offered, point.admitted, point.refused]);
        let load_max = loads.filter(|load| load.is_finite()).fold(0.0, f64::max);
        Self {
            title: format!("{scenario} on {trace}{seed}"),
            span_s: replay.trace.span_s.max(1.0),
            load_max: if load_max > 0.0 { load_max * 1.05 } else { 1.0 },
            runs,
        }
    }

    fn height(&self) -> u32 {
        let panels = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        HEADER_HEIGHT.saturating_add(PANEL_HEIGHT.saturating_mul(panels))
    }
}

fn draw(blocks: &[Block<'_>], text: &mut String) -> Result<(), impl Display + use<>> {
    let height = blocks.iter().map(Block::height).fold(MARGIN, u32::saturating_add);
    let root = SVGBackend::with_string(text, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut rest = root.clone();
    for block in blocks {
        let (area, below) = rest.split_vertically(block.height());
        draw_block(block, &area)?;
        rest = below;
    }
    root.present()
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw_block(block: &Block<'_>, area: &Area<'_>) -> Drawn {
    let (header, mut rest) = area.split_vertically(HEADER_HEIGHT);
    draw_header(block, &header)?;
    for run in &block.runs {
        let (panel, below) = rest.split_vertically(PANEL_HEIGHT);
        draw_panel(block, run, &panel)?;
        rest = below;
    }
    Ok(())
}

fn draw_header(block: &Block<'_>, area: &Area<'_>) -> Drawn {
    area.draw_text(&block.title, &text_style(20), (LEFT, 32))?;
    for ((name, colour, width, _), x) in [OFFERED, ADMITTED, REFUSED].into_iter().zip([0, 110, 230])
    {
        let x = LEFT + x;
        let stroke = colour.stroke_width(width + 1);
        area.draw(&PathElement::new([(x, 63), (x + 26, 63)], stroke))?;
        area.draw_text(name, &text_style(14), (x + 33, 63))?;
    }
    Ok(())
}

fn draw_panel(block: &Block<'_>, run: &Run, area: &Area<'_>) -> Drawn {
    let (title, plot) = area.split_vertically(24);
    title.draw_text(&panel_title(run), &text_style(15), (LEFT, 14))?;
    let minutes = block.span_s / 60.0;
    let mut chart = ChartBuilder::on(&plot)
        .margin_left(MARGIN)
        .margin_right(MARGIN)
        .margin_top(4)
        .x_label_area_size(40)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..minutes, 0.0..block.load_max)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .x_labels(13)
        .y_labels(6)
        .x_label_formatter(&|at| short(*at, minutes))
        .y_label_formatter(&|load| short(*load, block.load_max))
        .label_style(("sans-serif", 12).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 13).into_font().color(&INK))
        .x_desc("minutes")
        .y_desc("requests per second")
        .draw()?;
    let points = thinned(whole(&run.load, block.span_s));
    for (_, colour, width, value) in [OFFERED, ADMITTED, REFUSED] {
        let line = points.iter().map(|point| (point.at_s / 60.0, value(point)));
        let line = line.filter(|(at, load)| at.is_finite() && load.is_finite());
        chart.draw_series(LineSeries::new(line, colour.stroke_width(width)))?;
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

/// A name from outside, short and without what has no place in a picture.
fn shown(name: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = name.chars().take(NAME_MAX).map(printable).collect();
    if name.chars().nth(NAME_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn text_style(size: u32) -> TextStyle<'static> {
    let from_the_left = Pos::new(HPos::Left, VPos::Center);
    ("sans-serif", size).into_font().color(&INK).pos(from_the_left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::sample;

    #[test]
    fn every_scenario_has_a_panel_for_each_controller_of_the_first_seed() {
        let picture = svg(&[sample::replay(&[1, 2]), sample::replay(&[7])]).expect("a picture");
        let titles = |text: &str| picture.matches(text).count();
        assert_eq!((titles("const-none on sample, seed 1"), titles("seed 7")), (1, 1));
        assert_eq!((titles("fixed: goodput"), titles("naive: goodput")), (2, 2));
        assert_eq!(titles("requests per second"), 4);
    }

    #[test]
    fn nothing_and_nonsense_can_be_drawn_too() {
        let mut replay = sample::replay(&[1]);
        replay.scenario = "<&>\u{1b}[31m".repeat(20);
        replay.runs[0].load.clear();
        replay.runs[1].load[3].refused = f64::NAN;
        let picture = svg(&[replay.clone()]).expect("a picture");
        assert!(picture.contains("&lt;&amp;&gt;\u{fffd}[31m") && !picture.contains('\u{1b}'));
        replay.runs.clear();
        assert!(svg(&[replay]).is_ok() && svg(&[]).is_ok());
    }

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

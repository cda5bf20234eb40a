//! A replay as one picture: for each controller the load over time, then the pace of those that learn
//! one beside the true capacity, and below how long calls waited under each, by class and by key.
//!
//! The panels of a scenario share their axes, so that controllers can be compared by eye. The colours
//! are of the palette by Okabe and Ito, told apart by most who see colours differently; lines differ
//! in lightness and width as well, and every row of waits is named.

mod chart;
mod ink;
mod load;
mod pace;
mod waits;

use std::fmt::Display;

use plotters::prelude::*;
use tidegate_simulator::{Replay, Run};

use super::text::shown;
use ink::{Area, Drawn, LEFT, MARGIN, text_style};

const WIDTH: u32 = 1_000;
const TITLE_HEIGHT: u32 = 50;
/// The height of a line that says what is compared.
const LINE_HEIGHT: u32 = 22;
/// So many characters have room on it.
const LINE_MAX: usize = 120;
/// What stands between two controllers.
const BETWEEN: &str = "  ·  ";

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

/// One scenario: a title, the load under each controller, the paces, and the waits.
struct Block<'r> {
    title: String,
    compared: Vec<String>,
    load: load::Panels<'r>,
    pace: pace::Panels<'r>,
    waits: waits::Panels<'r>,
}

impl<'r> Block<'r> {
    fn new(replay: &'r Replay) -> Self {
        let seed = replay.seeds.first();
        let runs: Vec<&Run> = replay.runs.iter().filter(|run| Some(&run.seed) == seed).collect();
        let (scenario, trace) = (shown(&replay.scenario), shown(&replay.trace.name));
        let seed = seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        let compared: Vec<String> = runs.iter().map(|run| described(&run.controller)).collect();
        Self {
            title: format!("Load and waits: {scenario} on {trace}{seed}"),
            compared: wrapped(&compared),
            load: load::Panels::new(replay, &runs),
            pace: pace::Panels::new(replay, &runs),
            waits: waits::Panels::new(replay, &runs),
        }
    }

    fn height(&self) -> u32 {
        let panels = [self.load.height(), self.pace.height(), self.waits.height()];
        panels.into_iter().fold(self.header_height(), u32::saturating_add)
    }

    fn header_height(&self) -> u32 {
        let lines = u32::try_from(self.compared.len()).unwrap_or(u32::MAX);
        TITLE_HEIGHT.saturating_add(LINE_HEIGHT.saturating_mul(lines))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        area.draw_text(&self.title, &text_style(20), (LEFT, 32))?;
        let mut y = 60;
        for line in &self.compared {
            area.draw_text(line, &text_style(14), (LEFT, y))?;
            y += i32::try_from(LINE_HEIGHT).unwrap_or(0);
        }
        let (_, rest) = area.split_vertically(self.header_height());
        let (load, rest) = rest.split_vertically(self.load.height());
        self.load.draw(&load)?;
        let (pace, waits) = rest.split_vertically(self.pace.height());
        self.pace.draw(&pace)?;
        self.waits.draw(&waits)
    }
}

/// The controllers, as many on a line as have room.
fn wrapped(compared: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for one in compared {
        let length = |text: &str| text.chars().count();
        match lines.last_mut() {
            Some(line) if length(line) + length(BETWEEN) + length(one) <= LINE_MAX => {
                line.push_str(BETWEEN);
                line.push_str(one);
            }
            _ => lines.push(one.clone()),
        }
    }
    lines
}

/// What a controller does, beside its name.
fn described(controller: &str) -> String {
    match controller {
        "tidegate" => "tidegate: told nothing, learns its pace".to_owned(),
        "aimd" => "aimd: told nothing, additive increase".to_owned(),
        "aws" => "aws: adaptive retry mode of the AWS SDKs".to_owned(),
        "sre" => "sre: Google's adaptive throttling".to_owned(),
        "fixed" => "fixed: Tidegate, fair between classes and keys".to_owned(),
        "fifo" => "fifo: Tidegate, first come, first served".to_owned(),
        "naive" => "naive: no limiter".to_owned(),
        other => shown(other),
    }
}

fn draw(blocks: &[Block<'_>], text: &mut String) -> Result<(), impl Display + use<>> {
    let height = blocks.iter().map(Block::height).fold(MARGIN, u32::saturating_add);
    let root = SVGBackend::with_string(text, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut rest = root.clone();
    for block in blocks {
        let (area, below) = rest.split_vertically(block.height());
        block.draw(&area)?;
        rest = below;
    }
    root.present()
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
        assert_eq!((titles("requests per second"), titles("by class")), (4, 2));
        assert_eq!((titles("no limiter"), titles("by key")), (2, 0));
    }

    #[test]
    fn one_picture_holds_waits_by_class_and_by_key_of_both_controllers() {
        let picture = svg(&[sample::fair_replay(&[1])]).expect("a picture");
        let has = |text: &str| picture.matches(&format!("\n{text}\n")).count();
        assert_eq!((has("fixed"), has("fifo")), (6, 6), "three classes and three keys");
        assert_eq!([has("high"), has("low"), has("steady"), has("unlucky")], [1; 4]);
        assert_eq!((has("390 / 975"), has("0.40 / 1.00")), (1, 1), "both waits of the steady key");
        assert!(
            picture.contains("an agent that has a ver…") && !picture.contains(sample::LONG_KEY)
        );
    }

    #[test]
    fn what_is_compared_takes_as_many_lines_as_it_needs() {
        let all = ["tidegate", "aimd", "aws", "sre", "fixed", "fifo", "naive"].map(described);
        let lines = wrapped(&all);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_MAX));
        assert_eq!(lines.join(BETWEEN), all.join(BETWEEN));
    }

    #[test]
    fn nothing_and_nonsense_can_be_drawn_too() {
        let mut replay = sample::fair_replay(&[1]);
        replay.scenario = "<&>\u{1b}[31m".repeat(20);
        replay.runs[0].load.clear();
        replay.runs[1].load[3].refused = f64::NAN;
        let run = &mut replay.runs[0];
        let waits = run.wait_s.values_mut().chain(run.wait_s_by_key.values_mut());
        for (wait, odd) in waits.zip([f64::NAN, f64::INFINITY, 0.0, -1.0, 1e300]) {
            wait.p99 = odd;
        }
        let picture = svg(&[replay.clone()]).expect("a picture");
        assert!(picture.contains("&lt;&amp;&gt;\u{fffd}[31m") && !picture.contains('\u{1b}'));
        replay.runs.clear();
        assert!(svg(&[replay]).is_ok() && svg(&[]).is_ok());
    }
}

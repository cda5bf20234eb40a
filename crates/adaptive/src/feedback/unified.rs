//! The limits of Anthropic's subscriptions, which are shares of windows and not amounts.
//!
//! `anthropic-ratelimit-unified-5h-utilization: 0.42` says how much of a window is used,
//! `-5h-reset` when it ends, and `-representative-claim` which window counts.

use tidegate_units::Span;

use super::fields::Fields;
use super::limits::LIMITS_MAX;
use super::moment::{self, Unit};
use super::number;
use super::reported::Reported;
use crate::Reset;

const PREFIX: &str = "anthropic-ratelimit-unified-";
/// Windows that have a name of their own in the claim.
const CLAIMS: [(&str, &str); 2] = [("five_hour", "5h"), ("seven_day", "7d")];
/// As long as the name of a window may be.
const NAME_MAX: usize = 32;
/// A thousandth, where one is 1000 thousandths.
const WHOLE: u64 = 1_000;

/// The state of every window.
pub(super) fn read(fields: &Fields<'_>) -> Vec<Reported> {
    let mut windows: Vec<Reported> = Vec::new();
    for (name, value) in fields.lines() {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let Some((window, part)) = rest.rsplit_once('-').filter(|(it, _)| it.len() <= NAME_MAX)
        else {
            continue;
        };
        let mut said = Reported { window: length(window), ..Reported::of(window.to_owned()) };
        match part {
            "utilization" => said.used_thousandths = number::nanos(value, WHOLE),
            "reset" => {
                let until = moment::until(value, Unit::Auto, fields.date());
                said.reset = until.map(Reset::WindowEnd);
            }
            _ => continue,
        }
        let has_room = windows.len() < LIMITS_MAX;
        match windows.iter_mut().find(|held| held.name == said.name) {
            Some(held) => held.merge(said),
            None if has_room => windows.push(said),
            None => {}
        }
    }
    windows.retain(Reported::says_something);
    windows
}

/// How long until the window ends that refused, and the header that says so; nothing where none did.
pub(super) fn wait(fields: &Fields<'_>) -> Option<(Span, String)> {
    let windows = read(fields);
    let claim = fields.first(&format!("{PREFIX}representative-claim"));
    let claimed = claim.map(|claim| {
        let known = CLAIMS.iter().find(|(name, _)| *name == claim);
        known.map_or(claim, |(_, window)| *window)
    });
    let ends = |it: &Reported| Some((it.reset?.span(), format!("unified-{}-reset", it.name)));
    let named = windows.iter().find(|it| Some(it.name.as_ref()) == claimed).and_then(ends);
    let is_full = |it: &&Reported| {
        let status = format!("{PREFIX}{}-status", it.name);
        it.used_thousandths >= Some(WHOLE) || fields.first(&status) == Some("rejected")
    };
    let longest = || windows.iter().filter(is_full).filter_map(ends).max();
    let overall = || {
        let value = fields.first(&format!("{PREFIX}reset"))?;
        Some((moment::until(value, Unit::Auto, fields.date())?, "unified-reset".to_owned()))
    };
    named.or_else(longest).or_else(overall)
}

/// The length of a window by its name: `5h`, `7d`, `7d_oi`.
fn length(window: &str) -> Option<Span> {
    let name = window.split_once('_').map_or(window, |(name, _)| name);
    name.parse().ok().filter(|_| name.starts_with(|c: char| c.is_ascii_digit()))
}

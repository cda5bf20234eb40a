//! Header lines about limits, put together limit by limit.

use std::borrow::Cow;

use tidegate_units::Span;

use super::fields::Fields;
use super::moment::{self, Unit};
use super::names::{self, Name, Part, Prefix, window_name};
use super::number;
use super::reported::Reported;
use crate::Reset;

/// As many limits as are kept of one response; services report one to ten.
pub(super) const LIMITS_MAX: usize = 32;
/// As long as the name of a limit may be.
const NAME_MAX: usize = 64;
const MINUTE: Span = Span::from_secs(60);

/// What a reset means: the moment at which which state is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// A bucket is full again. It is an upper bound of what has to be waited for.
    Full,
    /// Some more is there.
    More,
    /// A window ends.
    #[default]
    WindowEnd,
}

impl Means {
    pub(super) const fn reset(self, span: Span) -> Reset {
        match self {
            Self::Full => Reset::Full(span),
            Self::More => Reset::More(span),
            Self::WindowEnd => Reset::WindowEnd(span),
        }
    }
}

/// How the headers of a provider are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Naming {
    pub(super) prefixes: &'static [Prefix],
    pub(super) unit: Unit,
    pub(super) means: Means,
    /// Windows that no header tells.
    pub(super) windows: &'static [(&'static str, Span)],
}

/// A limit under way: who says so, and per how long.
struct Entry {
    /// It was told by how long from now it is renewed, which no clock distorts.
    is_relative: bool,
    what: String,
    window: Option<(Span, String)>,
    reported: Reported,
}

/// All limits that the headers tell of.
pub(super) fn read(fields: &Fields<'_>, naming: &Naming) -> Vec<Reported> {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, value) in fields.lines() {
        let Some(name) = names::read(name, naming.prefixes) else { continue };
        if name.what.len() > NAME_MAX || name.what.starts_with("unified") {
            continue;
        }
        let Some(said) = said(&name, value, naming, fields) else { continue };
        let has_room = entries.len() < LIMITS_MAX;
        let same = |it: &&mut Entry| it.what == name.what && it.window == name.window;
        match entries.iter_mut().find(same) {
            Some(entry) => entry.add(name.part, said),
            None if has_room => entries.push(Entry::new(name, said)),
            None => {}
        }
    }
    entries.retain(|entry| entry.reported.says_something());
    share_resets(&mut entries);
    let named: Vec<Cow<'static, str>> =
        (0..entries.len()).map(|at| title(&entries, at, naming)).collect();
    let finished = entries.into_iter().zip(named);
    finished.map(|(entry, name)| finish(entry, name, naming)).collect()
}

impl Entry {
    fn new(name: Name, reported: Reported) -> Self {
        let Name { part, what, window } = name;
        Self { is_relative: part == Part::ResetAfter, what, window, reported }
    }

    /// Adds what another line says of the same limit.
    fn add(&mut self, part: Part, mut said: Reported) {
        let is_relative = part == Part::ResetAfter;
        if is_relative && !self.is_relative {
            self.reported.reset = None;
        } else if self.is_relative && !is_relative {
            said.reset = None;
        }
        self.is_relative |= is_relative;
        self.reported.merge(said);
    }
}

/// A reset on its own, beside limits with windows and without resets, is that of those that are
/// used up.
fn share_resets(entries: &mut Vec<Entry>) {
    let is_bare = |entry: &Entry| {
        let Reported { limit, remaining, .. } = entry.reported;
        entry.window.is_none() && limit.or(remaining).is_none()
    };
    let bare: Vec<(String, Option<Reset>)> = entries
        .iter()
        .filter(|entry| is_bare(entry))
        .map(|entry| (entry.what.clone(), entry.reported.reset))
        .collect();
    for (what, reset) in bare {
        let others = entries.iter_mut().filter(|it| it.what == what && it.window.is_some());
        let mut is_used = false;
        for other in others.filter(|it| it.reported.is_exhausted() && it.reported.reset.is_none()) {
            other.reported.reset = reset;
            is_used = true;
        }
        entries.retain(|entry| !(is_used && is_bare(entry) && entry.what == what));
    }
}

/// What one line says.
fn said(name: &Name, value: &str, naming: &Naming, fields: &Fields<'_>) -> Option<Reported> {
    let mut said = Reported::of("");
    match name.part {
        Part::Limit => {
            let (limit, window) = amount(value)?;
            (said.limit, said.window) = (Some(limit), window);
        }
        Part::Remaining => {
            let (remaining, window) = amount(value)?;
            (said.remaining, said.window) = (Some(remaining), window);
        }
        Part::Reset | Part::ResetAfter => {
            let unit = if name.part == Part::Reset { naming.unit } else { Unit::Seconds };
            said.reset = Some(naming.means.reset(moment::until(value, unit, fields.date())?));
        }
        Part::Window => said.window = Some(Span::from_secs(number::amount(value)?)),
        Part::Policy => {
            let short = Some(value).filter(|it| !it.is_empty() && it.len() <= NAME_MAX)?;
            said.policy = Some(short.into());
        }
    }
    Some(said)
}

/// An amount as in `100`, `100;w=21600` and `100, 100;w=60;name="x", 1000;w=3600`; of several the
/// first, with the window of whichever policy has the same amount.
fn amount(value: &str) -> Option<(u64, Option<Span>)> {
    let mut items = value.split(',').take(LIMITS_MAX).map(item);
    let (first, window) = items.next()??;
    let same = |(amount, window): (u64, Option<Span>)| window.filter(|_| amount == first);
    Some((first, window.or_else(|| items.flatten().find_map(same))))
}

fn item(text: &str) -> Option<(u64, Option<Span>)> {
    let mut parts = text.split(';').map(str::trim);
    let amount = number::amount(parts.next()?)?;
    let seconds = parts.find_map(|part| part.strip_prefix("w=").and_then(number::amount));
    Some((amount, seconds.map(Span::from_secs)))
}

/// What a limit is called: a window of a minute goes without saying, unless there is another without
/// any.
fn title(entries: &[Entry], at: usize, naming: &Naming) -> Cow<'static, str> {
    let entry = &entries[at];
    let plain = entries.iter().any(|it| it.what == entry.what && it.window.is_none());
    let known = || known(naming, &entry.what).map(|window| (window, window_name(window)));
    match entry.window.clone().filter(|(window, _)| *window != MINUTE || plain) {
        Some((_, name)) => format!("{}_{name}", entry.what).into(),
        None => match known().filter(|(window, _)| *window != MINUTE) {
            Some((_, name)) if entry.window.is_none() => format!("{}_{name}", entry.what).into(),
            _ => entry.what.clone().into(),
        },
    }
}

/// The window that no header tells.
fn known(naming: &Naming, what: &str) -> Option<Span> {
    naming.windows.iter().find(|(name, _)| *name == what).map(|(_, window)| *window)
}

fn finish(entry: Entry, name: Cow<'static, str>, naming: &Naming) -> Reported {
    let named = entry.window.map(|(window, _)| window);
    let told = entry.reported.window;
    let window = told.or(named).or_else(|| known(naming, &entry.what));
    let mut reported = Reported { name, window, ..entry.reported };
    if naming.unit == Unit::Seconds
        && reported.is_exhausted()
        && let (Some(Reset::WindowEnd(Span::ZERO)), Some(told)) = (reported.reset, told)
    {
        // Azure says 0 while nothing is left: how much of the window is over is not known.
        reported.reset = Some(Reset::WindowEnd(told));
    }
    reported
}

/// Names of headers that Cohere sends with trial keys, for calls per minute and per month.
pub(super) fn trial(fields: &Fields<'_>) -> Vec<Reported> {
    let read = |name: &str| fields.first(name).and_then(number::amount);
    let minute = Reported {
        limit: read("x-trial-endpoint-call-limit"),
        remaining: read("x-trial-endpoint-call-remaining"),
        window: Some(MINUTE),
        ..Reported::of("requests")
    };
    let month = Reported {
        limit: read("x-endpoint-monthly-call-limit"),
        window: Some(MINUTE * (30 * 24 * 60)),
        ..Reported::of("requests_month")
    };
    [minute, month].into_iter().filter(Reported::says_something).collect()
}

//! Figures and names as people read them.

use tidegate_simulator::report::Quantiles;

/// What stands where there is no number.
pub(crate) const NOTHING: &str = "–";
/// The longest name.
const NAME_MAX: usize = 48;

/// A name from outside, short and without what has no place in a table or picture.
pub(crate) fn shown(name: &str) -> String {
    shown_within(name, NAME_MAX)
}

/// The same of at most so many characters, and a mark where more were.
pub(crate) fn shown_within(name: &str, most: usize) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = name.chars().take(most).map(printable).collect();
    if name.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// Two waits.
pub(crate) fn quantiles(wait: Option<Quantiles>) -> String {
    match wait {
        Some(wait) => format!("{} / {}", seconds(wait.p50), seconds(wait.p99)),
        None => NOTHING.to_owned(),
    }
}

/// Seconds, to about three digits.
pub(crate) fn seconds(value: f64) -> String {
    let decimals = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    number(value, decimals)
}

/// A count, or the mean of several.
pub(crate) fn count(value: f64) -> String {
    let is_whole = value.fract().abs() < f64::EPSILON;
    number(value, usize::from(!is_whole))
}

/// A number, or what stands for none.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { NOTHING.to_owned() }
}

/// A length of time, in the unit that suits it.
pub(crate) fn length(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.1} s") } else { format!("{:.1} min", seconds / 60.0) }
}

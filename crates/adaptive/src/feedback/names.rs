//! Header names that tell of limits: which part of what, per how long.
//!
//! All families are made of the same few words in some order, behind a prefix: `limit`, `remaining` or
//! `reset`; what is limited; a window. So names are taken apart, not listed, and a name that has not
//! been seen before is mostly understood.

use tidegate_units::Span;

const DAY: u64 = 86_400;

/// What the value of a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Limit,
    Remaining,
    /// When it is renewed, in the unit of the provider.
    Reset,
    /// When it is renewed, in seconds from now whatever the provider's unit.
    ResetAfter,
    /// The length of the window in seconds.
    Window,
    /// A name among limits of the same kind.
    Policy,
}

/// A header name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) part: Part,
    /// What is limited: `requests` where nothing is said.
    pub(super) what: String,
    /// The window, and how it is written behind what is limited.
    pub(super) window: Option<(Span, String)>,
}

/// How the names of one prefix go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    /// In lower case, with what follows it a part, a dimension or a window.
    pub(super) text: &'static str,
    /// What is limited where the name does not say so.
    pub(super) what: &'static str,
    /// What stands before what is limited, such as `priority_`.
    pub(super) before: &'static str,
    /// The words after the window name a provider behind a proxy, and nothing that is counted.
    pub(super) proxied: bool,
}

impl Prefix {
    pub(super) const fn of(text: &'static str) -> Self {
        Self { text, what: "requests", before: "", proxied: false }
    }

    pub(super) const fn counting(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    pub(super) const fn before(self, before: &'static str) -> Self {
        Self { before, ..self }
    }

    pub(super) const fn proxied(self) -> Self {
        Self { proxied: true, ..self }
    }
}

/// Takes `name`, in lower case, apart; the first prefix that fits counts.
pub(super) fn read(name: &str, prefixes: &[Prefix]) -> Option<Name> {
    let (prefix, rest) = prefixes.iter().find_map(|it| Some((it, name.strip_prefix(it.text)?)))?;
    let mut part = None;
    let mut window = None;
    let mut what: Vec<&str> = Vec::new();
    for word in rest.split('-') {
        match (part_of(word), part) {
            (Some(found), None) => part = Some(found),
            _ if word == "after" && part == Some(Part::Reset) => part = Some(Part::ResetAfter),
            _ if window.is_none() && window_of(word).is_some() => window = window_of(word),
            // An unknown word between is part of what is limited, unless it names who is behind.
            _ if prefix.proxied => {}
            _ if word == "per" => {}
            _ => what.push(plural(word)),
        }
    }
    let what = if what.is_empty() { prefix.what.to_owned() } else { what.join("_") };
    Some(Name { part: part?, what: format!("{}{what}", prefix.before), window })
}

fn part_of(word: &str) -> Option<Part> {
    Some(match word {
        "limit" => Part::Limit,
        "remaining" => Part::Remaining,
        "reset" | "resettime" => Part::Reset,
        "renewalperiod" => Part::Window,
        "resource" | "bucket" | "name" => Part::Policy,
        _ => return None,
    })
}

fn plural(word: &str) -> &str {
    match word {
        "req" | "request" => "requests",
        "token" => "tokens",
        word => word,
    }
}

/// A window by its name, or by its length in seconds.
fn window_of(word: &str) -> Option<(Span, String)> {
    let seconds = match word {
        "second" | "1s" => 1,
        "minute" | "1m" => 60,
        "hour" | "1h" => 3_600,
        "day" | "1d" => DAY,
        "week" => 7 * DAY,
        "month" => 30 * DAY,
        "year" => 365 * DAY,
        word => word.parse().ok().filter(|seconds| *seconds > 0)?,
    };
    let span = Span::from_secs(seconds);
    let named = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    Some((span, if named { word.to_owned() } else { window_name(span) }))
}

/// How a window is written behind what is limited.
pub(super) fn window_name(window: Span) -> String {
    let known = [(1, "second"), (60, "minute"), (3_600, "hour"), (DAY, "day"), (30 * DAY, "month")];
    let named = known.iter().find(|(seconds, _)| Span::from_secs(*seconds) == window);
    named.map_or_else(|| window.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIXES: [Prefix; 5] = [
        Prefix::of("x-ai-ratelimit-").counting("tokens").proxied(),
        Prefix::of("anthropic-priority-").before("priority_"),
        Prefix::of("anthropic-ratelimit-"),
        Prefix::of("x-ratelimit-"),
        Prefix::of("ratelimit-"),
    ];

    fn shown(name: &str) -> Option<String> {
        let name = read(name, &PREFIXES)?;
        let window = name.window.map(|(_, name)| format!(" per {name}")).unwrap_or_default();
        Some(format!("{:?} of {}{window}", name.part, name.what))
    }

    #[test]
    fn names_of_every_family_are_taken_apart() {
        for (name, meaning) in [
            ("x-ratelimit-limit", "Limit of requests"),
            ("ratelimit-remaining", "Remaining of requests"),
            ("x-ratelimit-reset-project-tokens", "Reset of project_tokens"),
            ("x-ratelimit-remaining-tokens_usage_based", "Remaining of tokens_usage_based"),
            ("x-ratelimit-limit-req-minute", "Limit of requests per minute"),
            ("x-ratelimit-remaining-tokens-month", "Remaining of tokens per month"),
            ("x-ratelimit-remaining-hour", "Remaining of requests per hour"),
            ("x-ratelimit-reset-after", "ResetAfter of requests"),
            ("x-ratelimit-renewalperiod-tokens", "Window of tokens"),
            ("x-ratelimit-resource", "Policy of requests"),
            ("ratelimit-resettime", "Reset of requests"),
            ("anthropic-ratelimit-input-tokens-limit", "Limit of input_tokens"),
            ("anthropic-priority-output-tokens-reset", "Reset of priority_output_tokens"),
            ("x-ai-ratelimit-limit-30-openai", "Limit of tokens per 30s"),
            ("x-ai-ratelimit-remaining-minute-azure", "Remaining of tokens per minute"),
        ] {
            assert_eq!(shown(name).as_deref(), Some(meaning), "{name}");
        }
    }

    #[test]
    fn other_names_are_passed_over() {
        for name in [
            "x-ratelimit-tokens-query-cost",
            "x-ratelimit-type",
            "x-ratelimit-key",
            "ratelimit",
            "date",
            "x-ratelimit-abusepenalty-active",
            "x-ratelimit-used",
            "x-ratelimit-",
            "",
        ] {
            assert_eq!(shown(name), None, "{name}");
        }
    }
}

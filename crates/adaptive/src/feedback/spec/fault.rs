//! What can be wrong with a profile of somebody's own, each with its place in it.

use tidegate_units::{Dimension, Span};

use super::super::Profile;
use super::{LimitHeaders, ProfileSpec, RuleSpec};

/// Something that is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    /// No built-in profile has this name.
    #[error("like: `{name}` is no provider that is known: use one of {known}")]
    Unknown {
        /// What was named.
        name: String,
        /// Every name that there is.
        known: String,
    },
    /// A list is too long.
    #[error("{place}: {given} of them: use at most {most}")]
    TooMany {
        /// Where in the profile.
        place: String,
        /// How many there are.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// Text that is no name of a header.
    #[error(
        "{place}: `{text}` is no name of a header: use 1 to {} letters, digits, `-` and `_`",
        ProfileSpec::TEXT_MAX
    )]
    Header {
        /// Where in the profile.
        place: String,
        /// What stands there.
        text: String,
    },
    /// Text that names nothing that can be limited.
    #[error(
        "{place}: `{text}` is no name for what is limited: use `requests`, `tokens`, `input_tokens`, `output_tokens` or a name of 1 to 23 of `a-z`, `0-9` and `_`"
    )]
    Dimension {
        /// Where in the profile.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A limit without a header.
    #[error("{place}: no header is named: give at least one of `limit`, `remaining` and `reset`")]
    NoHeader {
        /// Where in the profile.
        place: String,
    },
    /// Text that is no length of time.
    #[error(
        "{place}: `{text}` is no length of time above zero: use a number and a unit, such as `60s` or `1h`"
    )]
    Length {
        /// Where in the profile.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A rule that fits every answer.
    #[error(
        "{place}: it fits every answer: give at least one of `statuses`, `codes` and `message`"
    )]
    FitsAll {
        /// Where in the profile.
        place: String,
    },
    /// A number that is no status.
    #[error("{place}: a status of {status}: use 100 to 599")]
    Status {
        /// Where in the profile.
        place: String,
        /// What stands there.
        status: u16,
    },
    /// Text that is empty or too long to look for.
    #[error("{place}: text of {bytes} bytes: use 1 to {}", ProfileSpec::TEXT_MAX)]
    Text {
        /// Where in the profile.
        place: String,
        /// How long it is.
        bytes: usize,
    },
}

/// Everything that is wrong, in the order of the profile.
pub(super) fn faults(spec: &ProfileSpec) -> Vec<ProfileFault> {
    let mut faults = Vec::new();
    if Profile::named(&spec.like).is_none() {
        let known = Profile::names().collect::<Vec<_>>().join(", ");
        faults.push(ProfileFault::Unknown { name: shown(&spec.like), known });
    }
    count(&mut faults, "limits", spec.limits.len(), ProfileSpec::LIMITS_MAX);
    for (at, headers) in spec.limits.iter().take(ProfileSpec::LIMITS_MAX).enumerate() {
        limit(&mut faults, &format!("limits[{at}]"), headers);
    }
    count(&mut faults, "retry_after", spec.retry_after.len(), ProfileSpec::RETRY_MAX);
    for (at, retry) in spec.retry_after.iter().take(ProfileSpec::RETRY_MAX).enumerate() {
        header(&mut faults, format!("retry_after[{at}].header"), &retry.header);
    }
    count(&mut faults, "rules", spec.rules.len(), ProfileSpec::RULES_MAX);
    for (at, one) in spec.rules.iter().take(ProfileSpec::RULES_MAX).enumerate() {
        rule(&mut faults, &format!("rules[{at}]"), one);
    }
    faults
}

fn limit(faults: &mut Vec<ProfileFault>, place: &str, headers: &LimitHeaders) {
    if headers.dimension.parse::<Dimension>().is_err() {
        let place = format!("{place}.dimension");
        faults.push(ProfileFault::Dimension { place, text: shown(&headers.dimension) });
    }
    let LimitHeaders { limit, remaining, reset, .. } = headers;
    let parts = [("limit", limit), ("remaining", remaining), ("reset", reset)];
    if parts.iter().all(|(_, name)| name.is_none()) {
        faults.push(ProfileFault::NoHeader { place: place.to_owned() });
    }
    for (part, name) in parts {
        if let Some(name) = name {
            header(faults, format!("{place}.{part}"), name);
        }
    }
    length(faults, format!("{place}.window"), headers.window.as_deref());
}

fn rule(faults: &mut Vec<ProfileFault>, place: &str, rule: &RuleSpec) {
    if rule.statuses.is_empty() && rule.codes.is_empty() && rule.message.is_empty() {
        faults.push(ProfileFault::FitsAll { place: place.to_owned() });
    }
    count(faults, &format!("{place}.statuses"), rule.statuses.len(), ProfileSpec::CHOICES_MAX);
    for status in rule.statuses.iter().filter(|status| !(100..=599).contains(*status)) {
        faults.push(ProfileFault::Status { place: format!("{place}.statuses"), status: *status });
    }
    for (part, texts) in [("codes", &rule.codes), ("message", &rule.message)] {
        count(faults, &format!("{place}.{part}"), texts.len(), ProfileSpec::CHOICES_MAX);
        for it in texts {
            text(faults, format!("{place}.{part}"), it);
        }
    }
    if let Some(sub) = &rule.sub {
        text(faults, format!("{place}.sub"), sub);
    }
    length(faults, format!("{place}.pause"), rule.pause.as_deref());
}

fn count(faults: &mut Vec<ProfileFault>, place: &str, given: usize, most: usize) {
    if given > most {
        faults.push(ProfileFault::TooMany { place: place.to_owned(), given, most });
    }
}

fn header(faults: &mut Vec<ProfileFault>, place: String, name: &str) {
    let fits = (1..=ProfileSpec::TEXT_MAX).contains(&name.len());
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !fits || !name.bytes().all(known) {
        faults.push(ProfileFault::Header { place, text: shown(name) });
    }
}

fn length(faults: &mut Vec<ProfileFault>, place: String, text: Option<&str>) {
    let Some(text) = text else { return };
    if !text.parse::<Span>().is_ok_and(|span| !span.is_zero()) {
        faults.push(ProfileFault::Length { place, text: shown(text) });
    }
}

fn text(faults: &mut Vec<ProfileFault>, place: String, text: &str) {
    if !(1..=ProfileSpec::TEXT_MAX).contains(&text.len()) {
        faults.push(ProfileFault::Text { place, bytes: text.len() });
    }
}

/// As much of a text as belongs into a message.
fn shown(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Class, ProfileSpec, RetryHeader, Unit};
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let retry = |header: &str| RetryHeader { header: header.to_owned(), unit: Unit::Seconds };
        let spec = ProfileSpec {
            like: "antropic".to_owned(),
            limits: vec![
                LimitHeaders { window: Some("soon".to_owned()), ..LimitHeaders::of("Requests") },
                LimitHeaders { reset: Some("x limit".to_owned()), ..LimitHeaders::of("requests") },
            ],
            retry_after: vec![retry(""); 9],
            rules: vec![
                RuleSpec { pause: Some("0s".to_owned()), ..RuleSpec::of(Class::Ok) },
                RuleSpec {
                    statuses: vec![99, 600],
                    codes: vec![String::new()],
                    message: vec!["m".repeat(129)],
                    sub: Some("s".repeat(200)),
                    ..RuleSpec::of(Class::Ok)
                },
                RuleSpec { codes: vec!["x".to_owned(); 17], ..RuleSpec::of(Class::Ok) },
            ],
        };
        let faults = spec.build("mine").expect_err("much of it is wrong");
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_profile_may_be_as_large_as_its_bounds() {
        let rule = RuleSpec { statuses: vec![429; 16], ..RuleSpec::of(Class::RateLimited) };
        let headers = LimitHeaders { limit: Some("a".repeat(128)), ..LimitHeaders::of("credits") };
        let mut spec = ProfileSpec {
            limits: vec![headers; 16],
            rules: vec![rule; 64],
            ..ProfileSpec::default()
        };
        assert!(spec.build("mine").is_ok());
        spec.rules.push(spec.rules[0].clone());
        assert_eq!(spec.build("mine").map_err(|faults| faults.len()).err(), Some(1));
    }
}

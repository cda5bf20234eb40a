//! `RateLimit-Policy` and `RateLimit`, as lists of structured fields.
//!
//! Source: draft-ietf-httpapi-ratelimit-headers-10; RFC 9651.

use sfv::{Integer, KeyRef, ListSerializer, StringRef, key_ref, string_ref};
use tidegate_units::Dimension;

use super::text::seconds_up;
use super::{Header, LimitState};

/// The largest number that a structured field may hold.
const NUMBER_MAX: u64 = 999_999_999_999_999;

const QUOTA: &KeyRef = key_ref("q");
const UNIT: &KeyRef = key_ref("qu");
const WINDOW: &KeyRef = key_ref("w");
const REMAINING: &KeyRef = key_ref("r");
const TIME: &KeyRef = key_ref("t");

/// Both headers; none where there is no limit.
pub(super) fn headers(limits: &[LimitState]) -> Vec<Header> {
    let (mut policies, mut states) = (ListSerializer::new(), ListSerializer::new());
    for limit in limits {
        // A name holds printable ASCII only, which is what a string of a structured field may hold.
        let Ok(name) = StringRef::from_str(limit.name.as_str()) else { continue };
        let mut policy = policies.bare_item(name).parameter(QUOTA, number(limit.limit));
        if let Some(unit) = unit(limit.dimension) {
            policy = policy.parameter(UNIT, unit);
        }
        if !limit.window.is_zero() {
            let _ = policy.parameter(WINDOW, number(seconds_up(limit.window)));
        }
        let state = states.bare_item(name).parameter(REMAINING, number(limit.remaining));
        if limit.remaining < limit.limit && !limit.more.is_zero() {
            let _ = state.parameter(TIME, number(seconds_up(limit.more)));
        }
    }
    let policies = policies.finish().map(|text| ("ratelimit-policy", text));
    policies.into_iter().chain(states.finish().map(|text| ("ratelimit", text))).collect()
}

/// The unit of a quota; none for requests, which is what is meant without one.
fn unit(dimension: Dimension) -> Option<&'static StringRef> {
    match dimension {
        Dimension::Requests => None,
        Dimension::Bytes => Some(string_ref("content-bytes")),
        Dimension::Slots => Some(string_ref("concurrent-requests")),
        Dimension::Tokens => Some(string_ref("tokens")),
        Dimension::InputTokens => Some(string_ref("input-tokens")),
        Dimension::OutputTokens => Some(string_ref("output-tokens")),
        Dimension::Named(_) => Some(string_ref("other")),
    }
}

fn number(value: u64) -> Integer {
    let value = i64::try_from(value.min(NUMBER_MAX)).unwrap_or_default();
    Integer::try_from(value).unwrap_or_default()
}

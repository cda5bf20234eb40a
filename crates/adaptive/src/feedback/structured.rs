//! The fields `RateLimit` and `RateLimit-Policy` of the IETF draft on rate-limit header fields.
//!
//! Both are lists of RFC 9651: `RateLimit: "burst";r=0;t=12, "daily";r=40;t=3600` says what is left of
//! which policy, `RateLimit-Policy: "burst";q=100;w=60` what that policy is. An older draft had one
//! dictionary, `limit=100, remaining=50, reset=30`, and policies that are bare numbers; they are still
//! sent, and are read too.
//!
//! # Invariants
//!
//! - A field that is malformed anywhere says nothing at all, and nor does one out of a cache.

use sfv::{BareItem, Dictionary, Item, List, ListEntry, Parser};
use tidegate_units::Span;

use super::Response;
use super::fields::Fields;
use super::limits::LIMITS_MAX;
use super::names::window_name;
use super::reported::Reported;
use crate::Reset;

/// What a policy allows.
struct Policy {
    name: Option<String>,
    quota: u64,
    window: Option<Span>,
    what: &'static str,
}

/// Every limit that the two fields tell of.
pub(super) fn read(fields: &Fields<'_>) -> Vec<Reported> {
    if fields.is_cached() {
        return Vec::new();
    }
    let policies = joined(fields, "ratelimit-policy").and_then(|text| policies(&text));
    let policies = policies.unwrap_or_default();
    let Some(text) = joined(fields, "ratelimit") else {
        return stated(&policies);
    };
    let limits = current(&text, &policies).or_else(|| older(&text, &policies));
    titled(limits.unwrap_or_default())
}

/// The lines of a field, put together as RFC 9110 says; nothing where that is too long.
fn joined(fields: &Fields<'_>, name: &str) -> Option<String> {
    let lines: Vec<&str> = fields.all(name).collect();
    let length: usize = lines.iter().map(|line| line.len()).sum();
    (!lines.is_empty() && length <= Response::VALUE_MAX).then(|| lines.join(", "))
}

fn items(text: &str) -> Option<Vec<Item>> {
    let list: List = Parser::new(text).parse().ok()?;
    let item = |entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    };
    list.into_iter().take(LIMITS_MAX).map(item).collect()
}

/// A parameter that is not what it has to be: the whole field is to be ignored.
struct Malformed;

/// A parameter that, where it is there, has to be a number of at least 0.
fn count(item: &Item, name: &str) -> Result<Option<u64>, Malformed> {
    match item.params.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(number)) => {
            u64::try_from(i64::from(*number)).map(Some).map_err(|_| Malformed)
        }
        Some(_) => Err(Malformed),
    }
}

fn policies(text: &str) -> Option<Vec<Policy>> {
    items(text)?.iter().map(policy).collect()
}

fn policy(item: &Item) -> Option<Policy> {
    let (name, quota) = match &item.bare_item {
        BareItem::String(name) => (Some(name.as_str().to_owned()), count(item, "q").ok()??),
        BareItem::Integer(quota) => (None, u64::try_from(i64::from(*quota)).ok()?),
        _ => return None,
    };
    let window = match count(item, "w").ok()? {
        Some(0) => return None,
        seconds => seconds.map(Span::from_secs),
    };
    let what = match item.params.get("qu") {
        Some(BareItem::String(unit)) => what(unit.as_str()),
        Some(_) => return None,
        None => "requests",
    };
    Some(Policy { name, quota, window, what })
}

/// What a unit of quota counts.
fn what(unit: &str) -> &'static str {
    match unit {
        "request" | "requests" => "requests",
        "content-bytes" => "bytes",
        "concurrent-requests" => "slots",
        "tokens" => "tokens",
        _ => "units",
    }
}

/// A list of named policies with what is left of each.
fn current(text: &str, policies: &[Policy]) -> Option<Vec<Reported>> {
    let left = |item: &Item| {
        let BareItem::String(name) = &item.bare_item else { return None };
        let remaining = count(item, "r").ok()??;
        let more = count(item, "t").ok()?.map(|seconds| Reset::More(Span::from_secs(seconds)));
        let policy = policies.iter().find(|it| it.name.as_deref() == Some(name.as_str()));
        Some(Reported {
            remaining: Some(remaining),
            reset: more,
            policy: Some(name.as_str().into()),
            ..policy.map_or_else(|| Reported::of("requests"), Policy::reported)
        })
    };
    items(text)?.iter().map(left).collect()
}

/// One dictionary, which is about the policy that is nearest to its end.
fn older(text: &str, policies: &[Policy]) -> Option<Vec<Reported>> {
    let dictionary: Dictionary = Parser::new(text).parse().ok()?;
    let number = |name: &str| match dictionary.get(name) {
        Some(ListEntry::Item(Item { bare_item: BareItem::Integer(number), .. })) => {
            u64::try_from(i64::from(*number)).ok()
        }
        _ => None,
    };
    let limit = number("limit");
    let policy = policies.iter().find(|it| Some(it.quota) == limit);
    Some(vec![Reported {
        limit,
        remaining: Some(number("remaining")?),
        reset: number("reset").map(|seconds| Reset::WindowEnd(Span::from_secs(seconds))),
        ..policy.map_or_else(|| Reported::of("requests"), Policy::reported)
    }])
}

/// Policies alone: what is allowed, and nothing of what is left.
fn stated(policies: &[Policy]) -> Vec<Reported> {
    titled(policies.iter().map(Policy::reported).collect())
}

impl Policy {
    fn reported(&self) -> Reported {
        Reported {
            limit: Some(self.quota),
            window: self.window,
            policy: self.name.as_deref().map(Into::into),
            ..Reported::of(self.what)
        }
    }
}

/// Gives limits on the same thing different names: the first is plain, others have their window or
/// their policy behind it. A policy that comes twice, for two partitions, is as tight as the tighter.
fn titled(limits: Vec<Reported>) -> Vec<Reported> {
    let mut named: Vec<Reported> = Vec::new();
    for mut limit in limits {
        let is_same = |held: &&mut Reported| held.policy.is_some() && held.policy == limit.policy;
        if let Some(held) = named.iter_mut().find(is_same) {
            held.merge(limit);
            continue;
        }
        let taken = |name: &str| named.iter().any(|held| held.name == name);
        if taken(&limit.name) {
            let policy = || limit.policy.as_deref().unwrap_or("other").to_owned();
            let suffix = limit.window.map_or_else(policy, window_name);
            let title = format!("{}_{suffix}", limit.name);
            limit.name = if taken(&title) { format!("{title}_{}", policy()) } else { title }.into();
        }
        match named.iter_mut().find(|held| held.name == limit.name) {
            Some(held) => held.merge(limit),
            None => named.push(limit),
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_units::Instant;

    /// Name, limit, remaining and seconds of everything that the lines tell of.
    fn shown(lines: &[(&str, &str)]) -> Vec<String> {
        let headers: Vec<(&str, &[u8])> = lines.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let response =
            Response { status: 200, headers: &headers, body: b"", received_at: Instant::ZERO };
        let shown = |it: &Reported| {
            format!("{} {:?} of {:?} {:?}", it.name, it.remaining, it.limit, it.reset)
                .replace("Some", "")
        };
        read(&Fields::new(&response)).iter().map(shown).collect()
    }

    #[test]
    fn a_list_over_several_lines_is_one_list() {
        let lines = [
            ("RateLimit-Policy", r#""burst";q=100;w=60"#),
            ("ratelimit-policy", r#""daily";q=1000;w=86400;pk=:cHNzdA==:;vendor-x=?1"#),
            ("RateLimit", r#""burst";r=0;t=12"#),
            ("RateLimit", r#""daily";r=40"#),
        ];
        insta::assert_snapshot!(shown(&lines).join("\n"), @r"
        requests (0) of (100) (More(Span { nanos: 12000000000 }))
        requests_day (40) of (1000) None
        ");
    }

    #[test]
    fn units_of_quota_are_told_apart() {
        let lines = [
            ("ratelimit-policy", r#""a";q=9;qu="content-bytes", "b";q=2;qu="concurrent-requests""#),
            ("ratelimit", r#""a";r=1, "b";r=2, "c";r=3"#),
        ];
        insta::assert_snapshot!(shown(&lines).join("\n"), @r"
        bytes (1) of (9) None
        slots (2) of (2) None
        requests (3) of None None
        ");
    }

    #[test]
    fn older_drafts_are_read_too() {
        let lines = [
            ("ratelimit", "limit=100, remaining=50, reset=5"),
            ("ratelimit-policy", "10;w=1, 100;w=60"),
        ];
        insta::assert_snapshot!(shown(&lines).join("\n"), @"requests (50) of (100) (WindowEnd(Span { nanos: 5000000000 }))");
        assert_eq!(shown(&lines[1..]).len(), 2);
    }

    #[test]
    fn a_malformed_field_is_ignored_as_a_whole() {
        for text in [
            r#""a";r=1, "b";r=-1"#,
            r#""a";r=1;t=1.5"#,
            r#""a";t=1"#,
            r#""a";r="1""#,
            "a;r=1",
            r#""a";r=1,"#,
            r#"("a");r=1"#,
            "NaN",
            "",
            r#""a";r=1234567890123456"#,
            "\"a",
            r#""a";r=1;t=-1"#,
        ] {
            assert!(shown(&[("ratelimit", text)]).is_empty(), "{text}");
        }
        for text in [r#""a""#, r#""a";q=1;w=0"#, r#""a";q=-1"#, r#""a";q=1;qu=requests"#] {
            assert!(shown(&[("ratelimit-policy", text)]).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_comes_out_of_a_cache_is_ignored() {
        let field = ("ratelimit", r#""a";r=0;t=9"#);
        assert_eq!(shown(&[field, ("age", "0")]).len(), 1);
        assert!(shown(&[field, ("age", "30")]).is_empty());
    }

    #[test]
    fn a_field_that_is_too_long_is_ignored() {
        let items = (0..40).map(|_| "\"a\";r=1;x=1").collect::<Vec<_>>().join(", ");
        let lines = |count: usize| vec![("ratelimit", items.as_str()); count];
        assert_eq!(shown(&lines(2)).len(), 1);
        assert!(shown(&lines(10)).is_empty());
    }
}

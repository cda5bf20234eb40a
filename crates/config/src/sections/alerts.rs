//! Reading `[alerts]`: when somebody is warned, and where the warning is sent.

use tidegate_units::{AlertError, AlertPolicy, PolicyError, Share, WebhookPolicy};

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::Expected;

const KEYS: [&str; 10] = [
    "enabled",
    "approaching",
    "throttled",
    "queue",
    "for",
    "resolve_after",
    "webhook",
    "webhook_timeout",
    "webhook_attempts",
    "webhook_token_env",
];

/// Reads when somebody is warned.
pub(super) fn read(at: &Cursor<'_>, problems: &mut Problems) -> AlertPolicy {
    at.check_keys(&KEYS, problems);
    let default = AlertPolicy::default();
    let throttled = at.get("throttled").and_then(|at| read_levels(&at, problems));
    let (throttled, throttled_critical) =
        throttled.unwrap_or((default.throttled, default.throttled_critical));
    let policy = AlertPolicy {
        enabled: at.get("enabled").and_then(|at| at.flag(problems)).unwrap_or(default.enabled),
        approaching: at.share_or("approaching", default.approaching, problems),
        throttled,
        throttled_critical,
        queue: at.share_or("queue", default.queue, problems),
        hold: at.span_or("for", default.hold, problems),
        resolve_after: at.span_or("resolve_after", default.resolve_after, problems),
        webhook: read_webhook(at, problems),
    };
    at.note(policy.faults(), problems);
    policy
}

/// From where on throttling is a warning, and from where on it is critical.
fn read_levels(at: &Cursor<'_>, problems: &mut Problems) -> Option<(Share, Share)> {
    if !at.is_array() {
        at.wrong_type(Expected::Levels, problems);
        return None;
    }
    let items = at.items(Expected::Levels, problems);
    let levels: Vec<Option<Share>> = items.iter().map(|item| item.share(problems)).collect();
    match levels[..] {
        [Some(warning), Some(critical)] => Some((warning, critical)),
        [_, _] => None,
        _ => {
            at.wrong_type(Expected::Levels, problems);
            None
        }
    }
}

fn read_webhook(at: &Cursor<'_>, problems: &mut Problems) -> Option<WebhookPolicy> {
    let Some(address) = at.get("webhook") else {
        for key in ["webhook_timeout", "webhook_attempts", "webhook_token_env"] {
            if let Some(at) = at.get(key) {
                at.fault(PolicyError::from(AlertError::WebhookAlone), problems);
            }
        }
        return None;
    };
    // What stands in for an address that is none has no fault of its own.
    let url = address.text(Expected::Address, problems).unwrap_or("https://localhost");
    let default = WebhookPolicy::to(url);
    let refused = |text| AlertError::WebhookAttempts { text }.into();
    let token = at.get("webhook_token_env");
    Some(WebhookPolicy {
        timeout: at.span_or("webhook_timeout", default.timeout, problems),
        attempts: at.count_or("webhook_attempts", default.attempts, refused, problems),
        token_env: token.and_then(|at| at.text(Expected::Variable, problems).map(str::to_owned)),
        ..default
    })
}

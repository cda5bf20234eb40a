//! A warning as JSON: a line that chats show, and all of it for programs.

use serde::Serialize;

use crate::status::Alert;

/// The version of the form of a body.
const SCHEMA: &str = "tidegate.alert/1";

/// What is posted.
#[derive(Debug, Serialize)]
struct Body<'a> {
    /// What Slack, Mattermost, Rocket.Chat and others show.
    text: String,
    schema: &'static str,
    service: Option<&'a str>,
    alert: &'a Alert,
}

/// The body of a warning.
pub(super) fn of(alert: &Alert) -> Vec<u8> {
    let service = alert.service.as_ref().map(tidegate_units::ServiceName::as_str);
    let body = Body { text: shown(&alert.to_string()), schema: SCHEMA, service, alert };
    serde_json::to_vec(&body).expect("every key of it is text, and nothing in it refuses")
}

/// Text that means itself: names in it come from callers, and `<!channel>` would call everybody in a chat.
fn shown(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

//! Answers in a line each, and what was read of them in a line.

use tidegate_adaptive::feedback::{Feedback, Profile, Response, rfc3339};
use tidegate_units::Instant;

/// When every answer here is given, unless it says something else.
pub(crate) const DATE: (&str, &str) = ("date", "Sun, 27 Sep 2026 12:00:00 GMT");

/// The instant of [`DATE`].
pub(crate) fn noon() -> Instant {
    Response::instant(DATE.1).expect("a date")
}

/// Reads an answer that was given at noon and received at noon.
pub(crate) fn read(provider: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Feedback {
    let lines = [&[DATE], headers].concat();
    read_at(provider, noon(), status, &lines, body)
}

/// Reads an answer with no other headers than these, received at `received_at`.
pub(crate) fn read_at(
    provider: &str,
    received_at: Instant,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Feedback {
    let profile = Profile::named(provider).expect("a provider that is built in");
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    profile.read(&Response { status, headers: &headers, body: body.as_bytes(), received_at })
}

/// Class, milliseconds and their source, what exactly, and when it goes on.
pub(crate) fn shown(feedback: &Feedback) -> String {
    let wait = feedback.wait.as_ref();
    let wait = wait.map(|it| format!(" {} by {}", it.span.as_millis(), it.source));
    let sub = feedback.sub.as_ref().map(|sub| format!(" ({sub})"));
    let resume_at = feedback.resume_at.map(|at| format!(" until {}", rfc3339(at)));
    let parts = [wait, sub, resume_at].into_iter().flatten().collect::<String>();
    format!("{}{parts}", feedback.class)
}

/// The limits: name, what is left, milliseconds until it is full, window in seconds.
pub(crate) fn limits(feedback: &Feedback) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let limit = |it: &tidegate_adaptive::feedback::Reported| {
        let full = it.full_in().map(|span| format!(" full in {}", span.as_millis()));
        let window = it.window.map(|span| format!(" per {span}"));
        let parts = [full, window].into_iter().flatten().collect::<String>();
        format!("{} {}/{}{parts}", it.name, number(it.remaining), number(it.limit))
    };
    feedback.limits.iter().map(limit).collect()
}

/// A status, headers, a body, and what [`shown`] says of them.
pub(crate) type Case<'a> = (u16, &'a [(&'a str, &'a str)], &'a str, &'a str);

/// Checks a table of cases.
pub(crate) fn check(provider: &str, cases: &[Case<'_>]) {
    for (status, headers, body, expected) in cases {
        let feedback = read(provider, *status, headers, body);
        assert_eq!(shown(&feedback), *expected, "{provider} {status} {headers:?} {body}");
    }
}

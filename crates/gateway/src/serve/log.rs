//! What the program says of itself on standard error, and how much of it, which changes while it runs.

use std::fmt;

use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt as text, reload};

/// The longest filter.
const LENGTH_MAX: usize = 1_024;

/// Changes how much is said.
pub(super) struct LogFilter {
    handle: Handle<EnvFilter, Registry>,
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&self.current()).finish()
    }
}

/// Begins to say things.
///
/// # Errors
///
/// What is wrong with the filter.
pub(super) fn start(filter: &str) -> Result<LogFilter, String> {
    let filter = parse(filter).map_err(|fault| format!("--log {fault}"))?;
    let (filter, handle) = reload::Layer::new(filter);
    // A span is said when it ends: how long it took, and what was decided.
    let layer = text::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer = layer.with_span_events(FmtSpan::CLOSE);
    let started = tracing_subscriber::registry().with(filter).with(layer).try_init();
    started.map_err(|error| format!("nothing can be logged: {error}"))?;
    Ok(LogFilter { handle })
}

impl LogFilter {
    /// The filter that holds.
    pub(super) fn current(&self) -> String {
        self.handle.with_current(ToString::to_string).unwrap_or_default()
    }

    /// From now on this one holds.
    ///
    /// # Errors
    ///
    /// What is wrong with it; then nothing has changed.
    pub(super) fn change(&self, filter: &str) -> Result<(), String> {
        let filter = parse(filter)?;
        self.handle.reload(filter).map_err(|error| error.to_string())
    }
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    let shown: String = filter.chars().take(80).collect();
    let shown = shown.escape_debug();
    if filter.len() > LENGTH_MAX {
        return Err(format!("`{shown}…`: a filter of more than {LENGTH_MAX} bytes"));
    }
    if filter.trim().is_empty() {
        return Err(
            "``: an empty filter: use `off` for nothing, or a level such as `info`".to_owned()
        );
    }
    EnvFilter::try_new(filter).map_err(|error| {
        format!("`{shown}`: {error}: use a level such as `info`, or `info,tidegate=debug`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels_by_target_or_refused() {
        for good in ["info", "off", "warn,tidegate=trace"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let faults = ["", "info,tidegate=loud", "a=b=c"].map(|text| parse(text).expect_err(text));
        insta::assert_snapshot!(faults.join("\n"), @r#"
        ``: an empty filter: use `off` for nothing, or a level such as `info`
        `info,tidegate=loud`: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5: use a level such as `info`, or `info,tidegate=debug`
        `a=b=c`: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5: use a level such as `info`, or `info,tidegate=debug`
        "#);
        assert!(parse(&"x".repeat(LENGTH_MAX + 1)).is_err());
    }
}

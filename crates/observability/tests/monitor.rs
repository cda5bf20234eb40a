//! The monitor from outside: samples in, warnings, rates, history and reports out. Checks MON-1, MON-2,
//! ALERT-1,
//! ALERT-2, HIST-1 and HIST-2.

#[path = "monitor/alerts.rs"]
mod alerts;
#[path = "monitor/forecasts.rs"]
mod forecasts;
#[path = "monitor/history.rs"]
mod history;
#[path = "monitor/reports.rs"]
mod reports;
#[path = "monitor/samples.rs"]
mod samples;
#[path = "monitor/texts.rs"]
mod texts;

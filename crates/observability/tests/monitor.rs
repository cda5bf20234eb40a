//! The monitor from outside: samples in, warnings, rates, history and reports out. Checks MON-1, MON-2,
//! ALERT-1 and ALERT-2.

#[path = "monitor/alerts.rs"]
mod alerts;
#[path = "monitor/samples.rs"]
mod samples;
#[path = "monitor/texts.rs"]
mod texts;

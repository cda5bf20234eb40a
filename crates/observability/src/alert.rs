//! When somebody is warned: what is looked at, and how a level becomes a warning and stops being one.
//!
//! - `reading` is one level with its thresholds; `limits` and `services` read them from a sample.
//! - `watch` turns readings into warnings: each is raised once and is over once, however the level flutters.

mod limits;
pub(crate) mod reading;
mod services;
pub(crate) mod watch;
mod words;

pub(crate) use limits::{WINDOW_LONG, spent};
pub(crate) use services::Lately;
pub(crate) use words::{about, stated, subject};

use crate::alert::reading::Reading;
use crate::sample::Sample;

/// What the thresholds are; its default is that of a configuration that does not say.
pub use tidegate_units::AlertPolicy as AlertSettings;
pub use watch::ALERTS_MAX;

/// Everything in a sample that is at least near a threshold.
pub(crate) fn readings<'s>(
    sample: &'s Sample,
    settings: &AlertSettings,
    lately: impl Fn(&'s crate::sample::ServiceSample) -> Lately,
) -> Vec<Reading> {
    let mut readings = Vec::new();
    if !settings.enabled {
        return readings;
    }
    for service in &sample.services {
        services::read(service, &lately(service), settings, &mut readings);
    }
    for limit in sample.limits() {
        limits::read(limit, settings, &mut readings);
    }
    readings
}

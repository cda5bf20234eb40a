//! Leaving a service alone for as long as it asked.

use tidegate_units::{Instant, Span};

/// The longest pause that one answer can impose: an hour. A service that asks for more is asked again
/// after that.
pub const PAUSE_MAX: Span = Span::from_secs(3_600);

/// Until when nothing may be sent to a service, whoever wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pause {
    until: Option<Instant>,
}

impl Pause {
    /// The service asked at `now` to be left alone for `wait`. A shorter pause never ends a longer.
    pub fn ask(&mut self, now: Instant, wait: Span) {
        let until = now + wait.min(PAUSE_MAX);
        self.until = Some(self.until.map_or(until, |held| held.max(until)));
    }

    /// Until when to wait, if that is still ahead at `now`.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_counts_and_none_is_longer_than_an_hour() {
        let mut pause = Pause::default();
        let now = Instant::ZERO;
        assert_eq!(pause.until(now), None);
        pause.ask(now, Span::from_secs(10));
        pause.ask(now, Span::from_secs(2));
        assert_eq!(pause.until(now), Some(now + Span::from_secs(10)));
        assert_eq!(pause.until(now + Span::from_secs(10)), None);
        pause.ask(now, Span::MAX);
        assert_eq!(pause.until(now), Some(now + PAUSE_MAX));
    }
}

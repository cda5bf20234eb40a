//! When the last run was alive, and what follows from it.
//!
//! # Invariants
//!
//! 1. The pause is never taken for longer than it was, as long as two touches are no further apart
//!    than the heartbeat and the wall clock was not set forward in between.
//! 2. A wall clock that was set back gives no pause at all, not a huge one.

use serde::{Deserialize, Serialize};
use tidegate_units::Span;

/// Names the form of the file; another form gets another number.
const SCHEMA: &str = "tidegate.run-mark/1";

/// The instant at which a run was last known to be alive, by the wall clock.
///
/// ```
/// use tidegate_store::RunMark;
/// use tidegate_units::Span;
///
/// let mark = RunMark::alive_at(1_700_000_000_000);
/// let idle = mark.idle_since(1_700_000_060_000, Span::from_secs(1));
/// assert_eq!(idle, Span::from_millis(58_999));
///
/// let refused = RunMark::decode(b"{}").unwrap_err();
/// assert_eq!(refused.to_string(), "no run mark: missing field `schema` at line 1 column 2");
/// # Ok::<(), tidegate_store::MalformedMark>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunMark {
    last_alive_unix_ms: u64,
}

/// What the file says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    schema: String,
    last_alive_unix_ms: u64,
}

/// Bytes that are no run mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedMark {
    /// More bytes than any run mark has.
    #[error("{} bytes or more: a run mark has at most {}", RunMark::BYTES_MAX + 1, RunMark::BYTES_MAX)]
    TooLong,
    /// Not the JSON of a run mark; what the parser says.
    #[error("no run mark: {0}")]
    Json(String),
    /// Another form than the one that is read here.
    #[error("the schema `{0}`: this version reads {SCHEMA} only")]
    Schema(String),
}

impl RunMark {
    /// The most bytes that are read. A run mark has fewer than a hundred.
    pub const BYTES_MAX: usize = 4_096;

    /// A run that is alive at `now`, in milliseconds since 1970.
    pub const fn alive_at(now_unix_ms: u64) -> Self {
        Self { last_alive_unix_ms: now_unix_ms }
    }

    /// The same run, alive at `now` as well. A clock that was set back does not move the mark back:
    /// it may be set right again, and the time in between would look like a pause.
    pub fn touched(self, now_unix_ms: u64) -> Self {
        Self::alive_at(self.last_alive_unix_ms.max(now_unix_ms))
    }

    /// When the run was last known to be alive, in milliseconds since 1970.
    pub const fn last_alive_unix_ms(self) -> u64 {
        self.last_alive_unix_ms
    }

    /// How long before `now` certainly nothing was spent, where `heartbeat` is the longest time
    /// between two touches.
    ///
    /// The run may have lived for another heartbeat after its last touch, and both instants were
    /// rounded down to a millisecond, so one heartbeat and one millisecond do not count. Zero when
    /// the mark lies in the future, and never more than the 584 years of a [`Span`].
    pub fn idle_since(self, now_unix_ms: u64, heartbeat: Span) -> Span {
        let since_touched = now_unix_ms.saturating_sub(self.last_alive_unix_ms);
        Span::from_millis(since_touched.saturating_sub(1)) - heartbeat
    }

    /// The mark as the text of its file.
    pub fn encode(self) -> String {
        let Self { last_alive_unix_ms } = self;
        format!("{{\"schema\":\"{SCHEMA}\",\"last_alive_unix_ms\":{last_alive_unix_ms}}}\n")
    }

    /// The mark that `bytes` are the text of.
    ///
    /// # Errors
    ///
    /// [`MalformedMark`] for everything else, however little of it was torn off.
    pub fn decode(bytes: &[u8]) -> Result<Self, MalformedMark> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(MalformedMark::TooLong);
        }
        let content: Content = serde_json::from_slice(bytes)
            .map_err(|error| MalformedMark::Json(error.to_string()))?;
        if content.schema != SCHEMA {
            return Err(MalformedMark::Schema(content.schema.chars().take(60).collect()));
        }
        Ok(Self::alive_at(content.last_alive_unix_ms))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEARTBEAT: Span = Span::from_secs(1);

    #[test]
    fn a_heartbeat_after_the_last_touch_does_not_count_as_idle() {
        let mark = RunMark::alive_at(10_000);
        for (now, idle) in [(10_000, 0), (11_000, 0), (11_001, 0), (11_002, 1), (71_001, 60_000)] {
            assert_eq!(mark.idle_since(now, HEARTBEAT), Span::from_millis(idle), "at {now}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_gives_no_pause() {
        let mark = RunMark::alive_at(u64::MAX);
        assert_eq!(mark.idle_since(10_000, HEARTBEAT), Span::ZERO);
        assert_eq!(RunMark::alive_at(10_000).touched(9_000), RunMark::alive_at(10_000));
        assert_eq!(RunMark::alive_at(10_000).touched(11_000), RunMark::alive_at(11_000));
    }

    #[test]
    fn every_torn_text_is_refused() {
        let whole = RunMark::alive_at(1_700_000_000_000).encode();
        for length in 0..whole.trim_end().len() {
            assert!(RunMark::decode(&whole.as_bytes()[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn a_mark_survives_its_text(millis in any::<u64>()) {
            let mark = RunMark::alive_at(millis);
            prop_assert_eq!(RunMark::decode(mark.encode().as_bytes()), Ok(mark));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(RunMark::decode(&bytes).is_err());
        }

        #[test]
        fn the_pause_is_never_taken_for_longer_than_it_was(
            (touched, alive_ns, pause_ns) in (any::<u32>(), 0..=1_000_000_000_u64, any::<u32>()),
            touched_ns in 0..1_000_000_u64,
        ) {
            // What really happened, in nanoseconds; the file has it in milliseconds, rounded down.
            let millis = u64::from(touched);
            let died = millis * 1_000_000 + touched_ns + alive_ns;
            let now = died + u64::from(pause_ns);
            let idle = RunMark::alive_at(millis).idle_since(now / 1_000_000, HEARTBEAT);
            prop_assert!(idle.as_nanos() <= u64::from(pause_ns));
        }
    }
}

//! What is forgotten when there is too much.

use tidegate_units::ServiceName;

use super::{HOUR_ROWS_MAX, HOURS_MAX, History, Hour, MINUTE_ROWS_MAX, MINUTES_MAX};
use crate::monitor::books::SERVICES_MAX;
use crate::monitor::counts::Counts;

/// The most services of which a sum of what is older is kept: twice as many as a program may know.
const OLDER_MAX: usize = 1_024;

/// The most rows while there are models and keys to be added. The services of an hour take the rest, or the hour
/// at hand would be summed up to make room for one of them.
pub(super) const USAGE_ROWS_MAX: usize = HOUR_ROWS_MAX - SERVICES_MAX;

impl History {
    /// Forgets the oldest until everything fits.
    pub(super) fn keep_bounds(&mut self) {
        while self.minutes.len() > MINUTES_MAX || self.minute_rows > MINUTE_ROWS_MAX {
            let Some((_, services)) = self.minutes.pop_first() else { break };
            self.minute_rows = self.minute_rows.saturating_sub(services.len());
        }
        while self.hours.len() > HOURS_MAX {
            self.forget_hour();
        }
        while self.hour_rows > HOUR_ROWS_MAX && (self.sum_up_before(u64::MAX) || self.forget_hour())
        {
        }
    }

    /// Makes room for a row of a model or a key in `hour` at the cost of earlier hours.
    pub(super) fn make_room(&mut self, hour: u64) -> bool {
        while self.hour_rows >= USAGE_ROWS_MAX {
            if !self.sum_up_before(hour) {
                return false;
            }
        }
        true
    }

    /// Sums up the models and keys of the oldest hour before `hour` that tells any apart.
    fn sum_up_before(&mut self, hour: u64) -> bool {
        let mut hours = self.hours.range_mut(..hour);
        let told = hours.find(|(_, services)| services.values().any(|it| it.rows() > 1));
        let Some((_, services)) = told else {
            return false;
        };
        let sum_up = |hour: &mut Hour| hour.models.sum_up() + hour.keys.sum_up();
        let freed: usize = services.values_mut().map(sum_up).sum();
        self.hour_rows = self.hour_rows.saturating_sub(freed);
        true
    }

    /// Adds the oldest hour to what is older.
    fn forget_hour(&mut self) -> bool {
        let Some((_, services)) = self.hours.pop_first() else {
            return false;
        };
        for (service, hour) in services {
            self.hour_rows = self.hour_rows.saturating_sub(hour.rows());
            self.add_older(service, &hour.counts);
        }
        true
    }

    pub(super) fn add_older(&mut self, service: ServiceName, counts: &Counts) {
        if self.older.len() < OLDER_MAX || self.older.contains_key(&service) {
            self.older.entry(service).or_default().add(counts);
        }
    }
}

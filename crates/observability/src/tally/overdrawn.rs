//! The most that was ever spent beyond each limit, because calls cost more than they were estimated to.

use tidegate_units::{Dimension, Span};

/// The most limits that are told apart: as many as there may be in one place.
pub const ROWS_MAX: usize = 64;

/// The most ever spent beyond each limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overdrawn {
    rows: Vec<(Dimension, Span, u64)>,
}

impl Overdrawn {
    /// So much is spent beyond the limit on `dimension` per `window` now.
    pub fn saw(&mut self, dimension: Dimension, window: Span, debt: u64) {
        if debt == 0 {
            return;
        }
        let same = |row: &&mut (Dimension, Span, u64)| (row.0, row.1) == (dimension, window);
        if let Some(row) = self.rows.iter_mut().find(same) {
            row.2 = row.2.max(debt);
        } else if self.rows.len() < ROWS_MAX {
            self.rows.push((dimension, window, debt));
        }
    }

    /// The most that ever was beyond the limit on `dimension` per `window`.
    pub fn most(&self, dimension: Dimension, window: Span) -> u64 {
        let row = self.rows.iter().find(|row| (row.0, row.1) == (dimension, window));
        row.map_or(0, |row| row.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_stays() {
        let mut overdrawn = Overdrawn::default();
        let minute = Span::from_secs(60);
        for debt in [0, 7, 3, 0] {
            overdrawn.saw(Dimension::Tokens, minute, debt);
        }
        assert_eq!(overdrawn.most(Dimension::Tokens, minute), 7);
        assert_eq!(overdrawn.most(Dimension::Requests, minute), 0);
    }
}

//! The figures of a verified pair, and the first of the rows behind them.

use crate::engine::verify::settle::{Finding, Findings, Way};

/// Rows that are not the same on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub missing: u64,
    pub extra: u64,
    pub different: u64,
    /// Rows that would count as one of the others, but are listed as rejects.
    pub rejected: u64,
    /// The first of them, if they were asked for.
    pub rows: Vec<Finding>,
    /// How many rows may be kept.
    pub room: usize,
}

impl Found {
    /// Nothing yet, with room for so many rows.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// Whether both sides are as they should be; rejects aside.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.different == 0
    }

    /// Rows that differ, and are not among those that are named.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        let all = self.missing + self.extra + self.different + self.rejected;
        all.saturating_sub(self.rows.len() as u64)
    }

    /// Counts rows that nobody can name.
    pub fn count(&mut self, way: Way, rows: u64) {
        *self.figure(way) += rows;
    }

    /// Counts rows as rejects that were counted as missing before.
    pub fn are_rejected(&mut self, rows: u64) {
        let rows = rows.min(self.missing);
        self.missing -= rows;
        self.rejected += rows;
    }

    fn figure(&mut self, way: Way) -> &mut u64 {
        match way {
            Way::Missing => &mut self.missing,
            Way::Extra => &mut self.extra,
            Way::Different => &mut self.different,
            Way::Rejected => &mut self.rejected,
        }
    }
}

impl Findings for Found {
    fn note(&mut self, way: Way, name: &str) {
        self.count(way, 1);
        if self.rows.len() < self.room {
            self.rows.push(Finding { way, name: name.to_owned(), columns: Vec::new() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted_and_the_first_are_named() {
        let mut found = Found::with_room(2);
        for name in ["1", "2", "3"] {
            found.note(Way::Missing, name);
        }
        found.count(Way::Extra, 4);
        found.are_rejected(1);
        assert_eq!((found.missing, found.extra, found.rejected), (2, 4, 1));
        assert_eq!((found.rows.len(), found.unnamed()), (2, 5));
        assert!(!found.is_equal());
        assert!(Found::default().is_equal());
    }
}

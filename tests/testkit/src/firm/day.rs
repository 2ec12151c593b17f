//! A calendar just large enough to write dates. It knows no clock.

use std::fmt;

/// A date, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    pub const fn new(year: i64, month: i64, day: i64) -> Day {
        // Years that begin in March have their leap day at the end.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        Day(year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
    }

    pub const fn plus(self, days: i64) -> Day {
        Day(self.0 + days)
    }

    fn parts(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        match month {
            0..=9 => (era * 400 + year, month + 3, day),
            _ => (era * 400 + year + 1, month - 9, day),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn days_are_named_as_in_the_calendar() {
        for (year, month, day, number) in
            [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (2024, 12, 31, 20_088), (2025, 10, 31, 20_392)]
        {
            assert_eq!(Day::new(year, month, day), Day(number));
            assert_eq!(Day(number).to_string(), format!("{year}-{month:02}-{day:02}"));
        }
    }
}

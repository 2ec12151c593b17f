//! How a comparison puts keys into buckets, the same on both sides.

use crate::db::sql::mapping::{Mapping, View};
use crate::db::sql::select::Slice;

/// How keys are put into buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// By a hash, into `count` buckets, a power of two.
    Hashed { count: u32 },
    /// By the key itself, which is one whole number.
    Ranged(Ranges),
}

impl Division {
    /// How many buckets there can be.
    #[must_use]
    pub fn count(self) -> u32 {
        match self {
            Self::Hashed { count } => count,
            Self::Ranged(ranges) => ranges.last + 1,
        }
    }

    /// The bucket of a row, from 0 on.
    #[must_use]
    pub fn bucket(self, mapping: &Mapping, view: View<'_>) -> String {
        match self {
            Self::Hashed { count } => hashed(mapping, view, count),
            Self::Ranged(ranges) => ranges.bucket(mapping, view),
        }
    }

    /// The condition for target rows that fall into a bucket at all.
    #[must_use]
    pub fn covers_target(self, mapping: &Mapping, view: View<'_>) -> String {
        match self {
            Self::Hashed { .. } => "true".to_owned(),
            Self::Ranged(ranges) => ranges.between(mapping, view, 0, ranges.last),
        }
    }

    /// The rows in these buckets.
    #[must_use]
    pub fn slice(self, wanted: Vec<u32>) -> Slice {
        match self {
            Self::Hashed { count } => Slice::Buckets { count, wanted },
            Self::Ranged(ranges) => Slice::Ranges { ranges, wanted },
        }
    }
}

/// The bucket of a row, from 0 up to `count` (a power of two). Equal keys and
/// neighbouring numbers fall into the same one.
#[must_use]
pub fn hashed(mapping: &Mapping, view: View<'_>, count: u32) -> String {
    format!("({} & {})", mapping.bucket_hash(view), count.saturating_sub(1))
}

/// A condition for the rows in these buckets of `count`.
#[must_use]
pub fn in_hashed(mapping: &Mapping, view: View<'_>, count: u32, wanted: &[u32]) -> String {
    any(&hashed(mapping, view, count), wanted)
}

fn any(bucket: &str, wanted: &[u32]) -> String {
    if wanted.is_empty() {
        return "false".to_owned();
    }
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    format!("{bucket} = any ('{{{}}}'::bigint[])", wanted.join(","))
}

/// The whole numbers between the source's lowest and highest key, cut into
/// ranges of the same length, a power of two.
///
/// A shift costs less than a hash, and an index finds a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranges {
    /// Which range of all whole numbers is the first one.
    first: i64,
    /// The number of the last one, counted from it.
    last: u32,
    /// The length, as a power of two.
    bits: u32,
}

/// Up to this many ranges are looked up in the index, one by one.
const FEW_RANGES: usize = 64;

impl Ranges {
    /// At most `count` ranges that cover everything from `lowest` to
    /// `highest`.
    #[must_use]
    pub fn over(lowest: i64, highest: i64, count: u32) -> Option<Self> {
        let cut = |bits: u32| {
            let (first, last) = (lowest >> bits, highest >> bits);
            let last = u32::try_from(last.checked_sub(first)?).ok()?;
            (last < count).then_some(Self { first, last, bits })
        };
        (0..i64::BITS).find_map(cut)
    }

    /// Whoever uses it has to leave out what the ranges do not cover: there
    /// the difference could be too large for its type.
    fn bucket(self, mapping: &Mapping, view: View<'_>) -> String {
        let key = mapping.key_in(view).join(", ");
        format!("((({key})::bigint >> {}) - {})", self.bits, bigint(self.first))
    }

    /// A condition for the rows in these buckets, in ascending order.
    #[must_use]
    pub fn condition(self, mapping: &Mapping, view: View<'_>, wanted: &[u32]) -> String {
        let runs = runs(wanted);
        if runs.len() > FEW_RANGES {
            let covered = self.between(mapping, view, 0, self.last);
            return format!("{covered} and {}", any(&self.bucket(mapping, view), wanted));
        }
        let between = |&(from, to): &(u32, u32)| self.between(mapping, view, from, to);
        let ranges: Vec<String> = runs.iter().map(between).collect();
        match ranges.as_slice() {
            [] => "false".to_owned(),
            ranges => format!("({})", ranges.join(" or ")),
        }
    }

    /// A condition for the rows from one bucket to another.
    fn between(self, mapping: &Mapping, view: View<'_>, from: u32, to: u32) -> String {
        let key = mapping.key_in(view).join(", ");
        let lowest = (self.first + i64::from(from)) << self.bits;
        let highest = ((self.first + i64::from(to)) << self.bits) | !(-1 << self.bits);
        format!("{key} between {} and {}", bigint(lowest), bigint(highest))
    }
}

/// Quoted, because the lowest of them is no number but the negative of one
/// that is too large.
fn bigint(number: i64) -> String {
    format!("'{number}'::bigint")
}

/// Neighbours together: 1, 2, 3, 7 are 1 to 3 and 7 to 7.
fn runs(ascending: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &bucket in ascending {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == bucket => *to = bucket,
            _ => runs.push((bucket, bucket)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::tests::mapping;

    const T: View<'static> = View::Target("t");

    #[test]
    fn a_range_holds_as_many_numbers_as_it_takes() {
        let over = |lowest, highest, count| {
            Ranges::over(lowest, highest, count).map(|it| (it.first, it.last, it.bits))
        };
        assert_eq!(over(1, 1_000_000, 16_384), Some((0, 15_625, 6)));
        assert_eq!(over(1_000_001, 1_000_003, 4), Some((1_000_001, 2, 0)));
        assert_eq!(over(-5, 5, 2), Some((-1, 1, 3)));
        assert_eq!(over(7, 7, 1), Some((7, 0, 0)));
        assert_eq!(over(i64::MIN, i64::MAX, 2), Some((-1, 1, 63)));
        assert_eq!(over(0, 1, 0), None);
    }

    #[test]
    fn every_key_lies_in_the_range_of_its_bucket() {
        let (lowest, highest) = (i64::MAX - 300, i64::MAX);
        let ranges = Ranges::over(lowest, highest, 8).unwrap();
        assert_eq!((ranges.bits, ranges.last), (6, 4));
        assert_eq!(
            ranges.between(&mapping(), T, 0, ranges.last),
            "t.\"rem_id\" between '9223372036854775488'::bigint and '9223372036854775807'::bigint"
        );
        assert_eq!(
            Ranges::over(i64::MIN, i64::MIN + 1, 1).unwrap().between(&mapping(), T, 0, 0),
            "t.\"rem_id\" between '-9223372036854775808'::bigint and '-9223372036854775807'::bigint"
        );
    }

    #[test]
    fn both_sides_cut_the_same_ranges() {
        let division = Division::Ranged(Ranges::over(1_000, 5_000, 64).unwrap());
        assert_eq!(
            division.bucket(&mapping(), View::Source),
            "(((\"rem_id\")::bigint >> 6) - '15'::bigint)"
        );
        assert_eq!(
            division.covers_target(&mapping(), T),
            "t.\"rem_id\" between '960'::bigint and '5055'::bigint"
        );
    }

    #[test]
    fn neighbours_are_looked_up_together() {
        let ranges = Ranges::over(0, 6_399, 100).unwrap();
        let condition = |wanted: &[u32]| ranges.condition(&mapping(), View::Source, wanted);
        assert_eq!(
            condition(&[1, 2, 3, 7]),
            "(\"rem_id\" between '64'::bigint and '255'::bigint \
             or \"rem_id\" between '448'::bigint and '511'::bigint)"
        );
        assert_eq!(condition(&[]), "false");
    }

    #[test]
    fn many_ranges_are_not_looked_up_one_by_one() {
        let ranges = Ranges::over(0, 16_383, 256).unwrap();
        let every_second: Vec<u32> = (0..256).step_by(2).collect();
        let condition = ranges.condition(&mapping(), View::Source, &every_second);
        let start = "\"rem_id\" between '0'::bigint and '16383'::bigint and \
             (((\"rem_id\")::bigint >> 6) - '0'::bigint) = any ('{0,2,4,";
        assert!(condition.starts_with(start), "{condition}");
    }
}

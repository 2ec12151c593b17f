//! How finely a comparison cuts the keys, and along which line. Pure.

use crate::config::Mode;
use crate::db::sql::bucket::{Division, Ranges};
use crate::engine::plan::TablePlan;
use crate::engine::plan::work::Counts;

/// Keys per bucket of a comparison: few enough to send again when one of them
/// is new, many enough that the buckets themselves are few.
const KEYS_PER_BUCKET: u64 = 64;

/// What is new lies in few ranges, so they may be longer: fewer sums to make
/// and to send.
const KEYS_PER_RANGE: u64 = 256;

/// Where whole rows are sent, buckets are finer.
const ROWS_PER_BUCKET: u64 = 16;

/// Bounds the memory that a comparison takes.
const MOST_BUCKETS: u64 = 32_768;

/// As many rows as a page has room for.
const MOST_ROWS_PER_PAGE: u64 = 256;

/// Into ranges of keys, where the source finds them by an index and they are
/// about equally full; nothing but that depends on how dense the keys are.
pub(in crate::engine) fn divide(plan: &TablePlan, source: &Counts) -> Division {
    let (in_bucket, in_range) = match plan.mode {
        Mode::Upsert | Mode::Mirror => (ROWS_PER_BUCKET, ROWS_PER_BUCKET),
        Mode::Off | Mode::InsertMissing => (KEYS_PER_BUCKET, KEYS_PER_RANGE),
    };
    let most = |each: u64| (source.rows / each).clamp(1, MOST_BUCKETS);
    let ranges = u32::try_from(most(in_range)).unwrap_or(1);
    let dense = source.keys.filter(|(lowest, highest)| {
        highest.abs_diff(*lowest) < plan.pages.saturating_mul(MOST_ROWS_PER_PAGE)
    });
    dense
        .and_then(|(lowest, highest)| Ranges::over(lowest, highest, ranges))
        .map_or(Division::Hashed { count: power_of_two(most(in_bucket)) }, Division::Ranged)
}

pub(super) fn power_of_two(least: u64) -> u32 {
    u32::try_from(least.next_power_of_two()).unwrap_or(1 << 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::changed::Changed;
    use crate::engine::plan::work::tests::plan;

    fn division(mode: Mode, keys: Option<(i64, i64)>) -> Division {
        let plan = TablePlan { mode, ..plan(Changed::Everything) };
        divide(&plan, &Counts { rows: 24_000, keys, ..Counts::default() })
    }

    #[test]
    fn whole_rows_lie_in_smaller_buckets_than_keys() {
        assert_eq!(division(Mode::InsertMissing, None), Division::Hashed { count: 512 });
        assert_eq!(division(Mode::Upsert, None), Division::Hashed { count: 2_048 });
        assert_eq!(division(Mode::Mirror, None), Division::Hashed { count: 2_048 });
    }

    #[test]
    fn keys_that_lie_close_together_are_cut_into_ranges() {
        let division = |keys| division(Mode::InsertMissing, Some(keys));
        let ranged = |(from, to)| Division::Ranged(Ranges::over(from, to, 93).unwrap());
        for keys in [(1, 24_000), (-7, 255_992), (i64::MAX - 9, i64::MAX)] {
            assert_eq!(division(keys), ranged(keys));
        }
        for keys in [(1, 256_001), (i64::MIN, i64::MAX)] {
            assert_eq!(division(keys), Division::Hashed { count: 512 });
        }
        assert_eq!(
            super::tests::division(Mode::Upsert, Some((1, 24_000))),
            Division::Ranged(Ranges::over(1, 24_000, 1_500).unwrap())
        );
    }
}

//! What a survey's counts mean: nothing, a stream, or a sifting. Pure.

use crate::config::Mode;
use crate::db::sql::bucket::Division;
use crate::db::sql::changed::Changed;
use crate::db::sql::mapping::Existence;
use crate::db::sql::select::Slice;
use crate::engine::plan::division::{divide, power_of_two};
use crate::engine::plan::standing::{Content, LastEqual};
use crate::engine::plan::{Layout, Slicing, TablePlan, Triggers};
use std::collections::BTreeMap;

/// What a side answered to a survey.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows with a whole key.
    pub rows: u64,
    /// Rows without.
    pub keyless: u64,
    /// The checksum of the keys, where it was asked for.
    pub checksum: Option<String>,
    /// Rows that belong to the source alone, or came from the target.
    pub owned: u64,
    /// Rows that have changed since both sides were the same.
    pub changed: u64,
    /// The first and the last page that hold such rows, where it was asked for.
    pub pages: Option<(u64, u64)>,
    /// The lowest and the highest key, where it was asked for.
    pub keys: Option<(i64, i64)>,
    /// Whose counter of transactions `changed` goes by, on the target.
    pub counter: Option<String>,
}

/// What is to be done with a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Nothing is new.
    Nothing,
    /// The target is empty: rows go straight into it.
    Stream(Vec<Slice>),
    /// Slice by slice, as the pair's mode does it.
    Slices(Vec<Slice>),
    /// Count and checksum say that both sides differ, or not whether they do:
    /// compare the keys in buckets.
    Compare { division: Division },
    /// Both sides were equal, the target has not moved since, and the source
    /// has: look at what it changed, and compare only where that does not
    /// account for everything.
    Changes { changed: Changed, division: Division },
}

/// Up to this many keys are sent at once: comparing costs more round trips.
const FEW_KEYS: u64 = 4_000;

/// Decides from the counts of both sides.
///
/// `target` is `None` where nothing was asked of it: the pair is read by its
/// change cursor.
#[must_use]
pub fn decide(plan: &TablePlan, source: &Counts, target: Option<&Counts>, chunk_rows: u64) -> Work {
    let in_table = plan.mapping.existence == Existence::InTable;
    // Rows that came from the target are not sent back: they need a look each.
    let streams = (plan.mode != Mode::Upsert || source.owned == 0) && takes_all(plan);
    match target {
        Some(target) if plan.mode == Mode::Mirror => mirror(plan, source, target, chunk_rows),
        _ if source.rows == 0 && source.keyless == 0 && plan.again.is_empty() => Work::Nothing,
        Some(target) if target.rows == 0 && target.keyless == 0 && in_table && streams => {
            Work::Stream(stream_slices(plan.slicing, source.rows, chunk_rows))
        }
        Some(target) if target.rows == 0 && target.keyless == 0 && in_table => {
            Work::Slices(bucket_slices(source.rows, chunk_rows))
        }
        Some(target) if in_table && plan.changed == Changed::Everything => {
            compare(plan, source, target)
        }
        _ => Work::Slices(changed_slices(source, chunk_rows)),
    }
}

/// Whether rows may go in unseen: a trigger could drop one or change its key.
/// If the target refuses one of them, the chunk is staged after all.
fn takes_all(plan: &TablePlan) -> bool {
    plan.triggers == Triggers::None
}

/// The survey has been through the whole table already. Nothing moves in our
/// snapshot, so what fits into one slice is read from its pages alone.
fn changed_slices(source: &Counts, chunk_rows: u64) -> Vec<Slice> {
    match source.pages {
        Some((first, last)) if source.rows <= chunk_rows => {
            vec![Slice::Pages { from: first, to: Some(last + 1) }]
        }
        _ => bucket_slices(source.rows, chunk_rows),
    }
}

/// A mirror also looks at what the target has and the source has not.
fn mirror(plan: &TablePlan, source: &Counts, target: &Counts, chunk_rows: u64) -> Work {
    let still_equal = last_equal(plan, target).is_some_and(|last| {
        source.changed + target.changed == 0
            && source.rows == last.source_rows
            && target.rows == last.target_rows
    });
    let checksum = source.checksum.as_deref();
    let sums_equal = checksum.is_some() && checksum == target.checksum.as_deref();
    let equal = source.rows == target.rows && (still_equal || sums_equal || source.rows == 0);
    if equal && plan.again.is_empty() {
        Work::Nothing
    } else if target.rows == 0 && takes_all(plan) {
        Work::Stream(stream_slices(plan.slicing, source.rows, chunk_rows))
    } else if let Some(changed) = changes(plan, source, target) {
        Work::Changes { changed: changed.clone(), division: divide(plan, source) }
    } else if source.rows.max(target.rows) <= FEW_KEYS {
        Work::Slices(vec![Slice::All])
    } else {
        Work::Compare { division: divide(plan, source) }
    }
}

/// How both sides stood, if the target's ids still mean what they meant:
///
/// 1. The cloud is restored on another server, whose counter is far behind.
/// 2. A phone changes a row there; its id is older than the one that we kept.
/// 3. The row would count as unchanged, and both sides as equal.
fn last_equal<'a>(plan: &'a TablePlan, target: &Counts) -> Option<&'a LastEqual> {
    let same = |last: &&LastEqual| target.counter.as_deref() == Some(last.target_identity.as_str());
    plan.last_equal.as_ref().filter(same)
}

/// What the source has changed, where nothing speaks against it that the rest
/// is still equal. Fewer rows than before mean that some were deleted, which
/// no change cursor tells.
fn changes<'a>(plan: &'a TablePlan, source: &Counts, target: &Counts) -> Option<&'a Changed> {
    let last = last_equal(plan, target).filter(|_| plan.content == Content::OfTheRow)?;
    let target_rests = target.changed == 0 && target.rows == last.target_rows;
    let were_equal = last.source_rows == last.target_rows;
    let only_changed = source.changed > 0 && source.rows >= last.source_rows;
    (target_rests && were_equal && only_changed && plan.again.is_empty()).then_some(&last.source)
}

fn compare(plan: &TablePlan, source: &Counts, target: &Counts) -> Work {
    let checksum = source.checksum.as_deref();
    let equal =
        source.rows == target.rows && checksum.is_some() && checksum == target.checksum.as_deref();
    if equal && plan.again.is_empty() && source.keyless == 0 {
        return if source.owned == 0 || plan.mapping.owned.is_none() {
            Work::Nothing
        } else {
            Work::Slices(vec![Slice::Owned])
        };
    }
    if source.rows <= FEW_KEYS {
        return Work::Slices(vec![Slice::All]);
    }
    Work::Compare { division: divide(plan, source) }
}

/// Slices of at most about `chunk_rows` rows, each key in one slice only.
fn bucket_slices(rows: u64, chunk_rows: u64) -> Vec<Slice> {
    let slices = rows.div_ceil(chunk_rows.max(1));
    if slices <= 1 {
        return vec![Slice::All];
    }
    let count = power_of_two(slices);
    (0..count).map(|bucket| Slice::Buckets { count, wanted: vec![bucket] }).collect()
}

fn stream_slices(slicing: Slicing, rows: u64, chunk_rows: u64) -> Vec<Slice> {
    let slices = rows.div_ceil(chunk_rows.max(1));
    match slicing {
        _ if slices <= 1 => vec![Slice::All],
        Slicing::ByBucket => bucket_slices(rows, chunk_rows),
        Slicing::ByPage { pages } => {
            let step = pages.div_ceil(slices).max(1);
            let starts: Vec<u64> = (0..slices).map(|n| n * step).filter(|&at| at < pages).collect();
            let last = starts.last().copied();
            // The last slice is open: pages may have been added since.
            starts
                .iter()
                .map(|&from| Slice::Pages { from, to: (Some(from) != last).then_some(from + step) })
                .collect()
        }
    }
}

/// What a slice is streamed in: its first and its last pages before the rest,
/// where the target has rules that the rows may break.
///
/// A server checks foreign keys at the end of a COPY. If a sixth of a table
/// breaks one, a few pages tell that as well as all of them. What was changed
/// last lies in the last ones. A table that only has a primary key is better
/// filled in one go: its index grows at one end then.
#[must_use]
pub fn foretaste(plan: &TablePlan, slice: &Slice) -> Vec<Slice> {
    const FEW: u64 = 4;
    const WORTH_IT: u64 = 64;
    let (from, to) = match slice {
        Slice::All => (0, None),
        Slice::Pages { from, to } => (*from, *to),
        _ => return vec![slice.clone()],
    };
    let end = to.unwrap_or(plan.pages);
    let rules = &plan.constraints;
    let has_rules =
        !(rules.foreign_keys.is_empty() && rules.checks.is_empty() && rules.uniques.is_empty());
    let worth_it = end.saturating_sub(from) >= WORTH_IT && has_rules;
    if plan.layout == Layout::Other || !worth_it {
        return vec![slice.clone()];
    }
    let (first, last) = (from + FEW, end - FEW);
    vec![
        Slice::Pages { from, to: Some(first) },
        Slice::Pages { from: last, to },
        Slice::Pages { from: first, to: Some(last) },
    ]
}

/// Count and checksum per bucket.
pub type Buckets = BTreeMap<u32, (u64, String)>;

/// The slices that hold every key of the source whose bucket is not the same
/// on the target, each at most about `chunk_rows` rows.
#[must_use]
pub fn differing_slices(
    plan: &TablePlan,
    source: &Buckets,
    target: &Buckets,
    division: Division,
    chunk_rows: u64,
) -> Vec<Slice> {
    let differing = source.iter().filter(|(bucket, sums)| target.get(bucket) != Some(sums));
    let mut slices = Vec::new();
    let (mut wanted, mut rows) = (Vec::new(), 0);
    for (&bucket, (bucket_rows, _)) in differing {
        if rows + bucket_rows > chunk_rows && !wanted.is_empty() {
            slices.push(division.slice(std::mem::take(&mut wanted)));
            rows = 0;
        }
        wanted.push(bucket);
        rows += bucket_rows;
    }
    if !wanted.is_empty() {
        slices.push(division.slice(wanted));
    }
    if plan.mapping.owned.is_some() {
        slices.push(Slice::Owned);
    }
    slices
}

/// The one slice that holds every row of either side whose bucket differs. It
/// is one, because a row that was changed has left one bucket for another.
#[must_use]
pub fn differing_slice(source: &Buckets, target: &Buckets, division: Division) -> Slice {
    let mut wanted: Vec<u32> = source.keys().chain(target.keys()).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|bucket| source.get(bucket) != target.get(bucket));
    if wanted.len() > division.count() as usize / 2 { Slice::All } else { division.slice(wanted) }
}

#[cfg(test)]
pub(super) mod tests;

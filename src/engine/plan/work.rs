//! What a survey's counts mean: nothing, a stream, or a sifting. Pure.

use crate::config::Mode;
use crate::db::sql::bucket::Division;
use crate::db::sql::changed::Changed;
use crate::db::sql::mapping::Existence;
use crate::db::sql::select::Slice;
use crate::engine::plan::division::{divide, power_of_two};
use crate::engine::plan::{Content, Layout, Slicing, TablePlan, Triggers};
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
    let still_equal = plan.last_equal.as_ref().is_some_and(|last| {
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

/// What the source has changed, where nothing speaks against it that the rest
/// is still equal. Fewer rows than before mean that some were deleted, which
/// no change cursor tells.
fn changes<'a>(plan: &'a TablePlan, source: &Counts, target: &Counts) -> Option<&'a Changed> {
    let last = plan.last_equal.as_ref().filter(|_| plan.content == Content::OfTheRow)?;
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
/// last lies in the last ones.
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
    let worth_it = end.saturating_sub(from) >= WORTH_IT && !plan.constraints.is_empty();
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
pub(super) mod tests {
    use super::*;
    use crate::db::sql::changed::{Echoes, Ids};
    use crate::db::sql::mapping::tests::mapping;
    use crate::engine::plan::cursor::How;
    use crate::engine::plan::{KeyRanges, Layout};
    use crate::metadata::watermark::Horizon;

    pub(in crate::engine::plan) fn plan(changed: Changed) -> TablePlan {
        TablePlan {
            name: "t".into(),
            mapping: mapping(),
            mode: Mode::InsertMissing,
            on_duplicate: crate::config::OnDuplicate::Reject,
            max_delete: crate::config::Share { percent: 10 },
            last_equal: None,
            content: Content::OfTheRow,
            changed,
            how: How::FirstRun,
            horizon: Horizon {
                xid: 1,
                timestamp: String::new(),
                identity: String::new(),
                mapping: String::new(),
            },
            again: vec![],
            sequences: vec![],
            left_out: vec![],
            parents: vec![],
            constraints: crate::db::sql::refusal::Constraints::default(),
            lengths: vec![],
            triggers: Triggers::None,
            slicing: Slicing::ByPage { pages: 1000 },
            pages: 1000,
            layout: Layout::OneHeap,
            key_ranges: KeyRanges::Unindexed,
        }
    }

    const EIGHT: Division = Division::Hashed { count: 8 };

    fn since(horizon: u64, echoes: Echoes) -> Changed {
        Changed::SinceHorizon { horizon, ids: Ids::ByAge, echoes }
    }

    fn counts(rows: u64, checksum: &str) -> Counts {
        Counts { rows, checksum: Some(checksum.to_owned()), ..Counts::default() }
    }

    #[test]
    fn equal_sides_need_nothing() {
        let mut plan = plan(Changed::Everything);
        plan.mapping.owned = Some("(source = 'M')".into());
        let work = |source: &Counts, target: &Counts| decide(&plan, source, Some(target), 1000);
        assert_eq!(work(&counts(9, "5"), &counts(9, "5")), Work::Nothing);
        assert_eq!(work(&counts(9, "5"), &counts(9, "6")), Work::Slices(vec![Slice::All]));
        assert_eq!(work(&counts(0, "0"), &counts(9, "6")), Work::Nothing);
        let owned = Counts { owned: 2, ..counts(9, "5") };
        assert_eq!(work(&owned, &counts(9, "5")), Work::Slices(vec![Slice::Owned]));
        assert_eq!(
            work(&counts(1_000_000, "5"), &counts(1_000_000, "6")),
            Work::Compare { division: Division::Hashed { count: 16_384 } }
        );
    }

    #[test]
    fn counts_without_checksums_prove_nothing() {
        let plan = plan(Changed::Everything);
        let bare = Counts { rows: 9, ..Counts::default() };
        assert_eq!(decide(&plan, &bare, Some(&bare), 1000), Work::Slices(vec![Slice::All]));
    }

    #[test]
    fn an_empty_target_is_streamed_to_in_chunks() {
        let plan = plan(Changed::Everything);
        let empty = Counts::default();
        assert_eq!(
            decide(&plan, &counts(2500, "5"), Some(&empty), 1000),
            Work::Stream(vec![
                Slice::Pages { from: 0, to: Some(334) },
                Slice::Pages { from: 334, to: Some(668) },
                Slice::Pages { from: 668, to: None },
            ])
        );
    }

    /// A trigger that changes keys would go unnoticed, and double the rows of
    /// the next run.
    #[test]
    fn what_a_trigger_looks_at_is_not_streamed() {
        let plan = TablePlan { triggers: Triggers::OnInsert, ..plan(Changed::Everything) };
        let work = |rows| decide(&plan, &counts(rows, "5"), Some(&Counts::default()), 1000);
        assert_eq!(work(9), Work::Slices(vec![Slice::All]));
        let Work::Slices(slices) = work(2500) else { panic!() };
        assert_eq!(slices.len(), 4);
    }

    #[test]
    fn a_few_pages_are_tried_before_the_rest() {
        let mut plan = plan(Changed::Everything);
        assert_eq!(foretaste(&plan, &Slice::All), [Slice::All]);
        plan.constraints.not_null.push(crate::db::sql::mapping::tests::ident("title"));
        let pages = |from, to| Slice::Pages { from, to };
        let in_three = [pages(0, Some(4)), pages(996, None), pages(4, Some(996))];
        assert_eq!(foretaste(&plan, &Slice::All), in_three);
        let in_three = [pages(500, Some(504)), pages(796, Some(800)), pages(504, Some(796))];
        assert_eq!(foretaste(&plan, &pages(500, Some(800))), in_three);
        assert_eq!(foretaste(&plan, &pages(937, None)), [pages(937, None)]);
        plan.layout = Layout::Other;
        assert_eq!(foretaste(&plan, &Slice::All), [Slice::All]);
    }

    #[test]
    fn many_changed_rows_are_sifted_in_buckets() {
        let plan = plan(since(1, Echoes::Unknown));
        assert_eq!(decide(&plan, &counts(10, ""), None, 1000), Work::Slices(vec![Slice::All]));
        let Work::Slices(slices) = decide(&plan, &counts(2500, ""), None, 1000) else { panic!() };
        assert_eq!(slices.len(), 4);
        assert_eq!(slices[3], Slice::Buckets { count: 4, wanted: vec![3] });
    }

    #[test]
    fn few_changed_rows_are_read_from_their_pages() {
        let plan = plan(since(1, Echoes::Unknown));
        let counts = |rows| Counts { pages: Some((7, 9)), ..counts(rows, "") };
        let pages = Slice::Pages { from: 7, to: Some(10) };
        assert_eq!(decide(&plan, &counts(1000), None, 1000), Work::Slices(vec![pages]));
        let Work::Slices(slices) = decide(&plan, &counts(1001), None, 1000) else { panic!() };
        assert_eq!(slices.len(), 2);
    }

    #[test]
    fn a_mirror_rests_only_when_neither_side_has_moved() {
        let mut plan = plan(Changed::Everything);
        plan.mode = Mode::Mirror;
        plan.last_equal = Some(crate::engine::plan::LastEqual {
            source: since(1, Echoes::LeftOut),
            target: since(2, Echoes::LeftOut),
            source_rows: 9,
            target_rows: 9,
        });
        let side = |rows, changed| Counts { rows, changed, ..Counts::default() };
        let work = |source: Counts, target: Counts| decide(&plan, &source, Some(&target), 1000);
        assert_eq!(work(side(9, 0), side(9, 0)), Work::Nothing);
        let since_then = Work::Changes {
            changed: since(1, Echoes::LeftOut),
            division: divide(&plan, &side(9, 1)),
        };
        assert_eq!(work(side(9, 1), side(9, 0)), since_then);
        assert_eq!(work(side(10, 1), side(9, 0)), since_then);
        assert_eq!(work(side(8, 1), side(9, 0)), Work::Slices(vec![Slice::All]));
        assert_eq!(work(side(9, 1), side(9, 1)), Work::Slices(vec![Slice::All]));
        assert_eq!(work(side(9, 1), side(10, 0)), Work::Slices(vec![Slice::All]));
        assert_eq!(work(side(9, 0), side(9, 1)), Work::Slices(vec![Slice::All]));
        assert_eq!(work(side(9, 0), side(8, 0)), Work::Slices(vec![Slice::All]));
        assert_eq!(work(side(0, 0), side(8, 0)), Work::Slices(vec![Slice::All]));
        assert_eq!(work(side(0, 0), side(0, 0)), Work::Nothing);
    }

    #[test]
    fn what_a_row_does_not_say_of_itself_is_compared_in_full() {
        let mut plan = plan(Changed::Everything);
        plan.mode = Mode::Mirror;
        let last = crate::engine::plan::LastEqual {
            source: since(1, Echoes::LeftOut),
            target: since(2, Echoes::LeftOut),
            source_rows: 9,
            target_rows: 9,
        };
        plan.last_equal = Some(last.clone());
        let changed = Counts { rows: 9, changed: 1, ..Counts::default() };
        let target = Counts { rows: 9, ..Counts::default() };
        let work = |plan: &TablePlan| decide(plan, &changed, Some(&target), 1000);
        assert!(matches!(work(&plan), Work::Changes { .. }));
        let all = Work::Slices(vec![Slice::All]);
        assert_eq!(work(&TablePlan { content: Content::Uncertain, ..plan.clone() }), all);
        assert_eq!(work(&TablePlan { again: vec!["[1]".into()], ..plan.clone() }), all);
        let rejects = crate::engine::plan::LastEqual { source_rows: 10, ..last };
        assert_eq!(work(&TablePlan { last_equal: Some(rejects), ..plan }), all);
    }

    #[test]
    fn a_mirror_looks_at_the_buckets_of_both_sides() {
        let side = |sums: &[(u32, u64)]| -> Buckets {
            sums.iter().map(|&(bucket, rows)| (bucket, (rows, String::new()))).collect()
        };
        let slice = differing_slice(&side(&[(0, 1), (1, 1)]), &side(&[(0, 1), (5, 1)]), EIGHT);
        assert_eq!(slice, Slice::Buckets { count: 8, wanted: vec![1, 5] });
    }

    #[test]
    fn only_differing_buckets_are_sent_again() {
        let plan = plan(Changed::Everything);
        let side = |sums: &[(u32, u64, &str)]| -> Buckets {
            sums.iter().map(|&(bucket, rows, sum)| (bucket, (rows, sum.to_owned()))).collect()
        };
        let source = side(&[(0, 60, "1"), (1, 60, "2"), (2, 60, "3"), (3, 1, "4")]);
        let target = side(&[(0, 60, "1"), (1, 59, "9"), (7, 5, "5")]);
        assert_eq!(
            differing_slices(&plan, &source, &target, EIGHT, 100),
            [
                Slice::Buckets { count: 8, wanted: vec![1] },
                Slice::Buckets { count: 8, wanted: vec![2, 3] },
            ]
        );
    }
}

//! Tests of `work`, by value.

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
    assert_eq!(foretaste(&plan, &Slice::All), [Slice::All]);
    plan.constraints.uniques.push(vec![crate::db::sql::mapping::tests::ident("title")]);
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
    plan.last_equal = Some(crate::engine::plan::standing::LastEqual {
        source: since(1, Echoes::LeftOut),
        target: since(2, Echoes::LeftOut),
        target_identity: "7;5;".into(),
        source_rows: 9,
        target_rows: 9,
    });
    let counter = Some("7;5;".to_owned());
    let side =
        |rows, changed| Counts { rows, changed, counter: counter.clone(), ..Counts::default() };
    let work = |source: Counts, target: Counts| decide(&plan, &source, Some(&target), 1000);
    assert_eq!(work(side(9, 0), side(9, 0)), Work::Nothing);
    let since_then =
        Work::Changes { changed: since(1, Echoes::LeftOut), division: divide(&plan, &side(9, 1)) };
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
    let last = crate::engine::plan::standing::LastEqual {
        source: since(1, Echoes::LeftOut),
        target: since(2, Echoes::LeftOut),
        target_identity: "7;5;".into(),
        source_rows: 9,
        target_rows: 9,
    };
    plan.last_equal = Some(last.clone());
    let changed = Counts { rows: 9, changed: 1, ..Counts::default() };
    let target = Counts { rows: 9, counter: Some("7;5;".to_owned()), ..Counts::default() };
    let work = |plan: &TablePlan| decide(plan, &changed, Some(&target), 1000);
    assert!(matches!(work(&plan), Work::Changes { .. }));
    let all = Work::Slices(vec![Slice::All]);
    assert_eq!(work(&TablePlan { content: Content::Uncertain, ..plan.clone() }), all);
    assert_eq!(work(&TablePlan { again: vec!["[1]".into()], ..plan.clone() }), all);
    let rejects = crate::engine::plan::standing::LastEqual { source_rows: 10, ..last };
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

/// Ids of another server's counter say nothing.
#[test]
fn a_mirror_whose_target_was_restored_elsewhere_is_compared() {
    let mut plan = plan(Changed::Everything);
    plan.mode = Mode::Mirror;
    plan.last_equal = Some(LastEqual {
        source: since(1, Echoes::LeftOut),
        target: since(2, Echoes::LeftOut),
        target_identity: "7;5;".into(),
        source_rows: 9,
        target_rows: 9,
    });
    let source = Counts { rows: 9, ..Counts::default() };
    let target = |counter: Option<&str>| Counts {
        rows: 9,
        counter: counter.map(str::to_owned),
        ..Counts::default()
    };
    let work = |target: &Counts| decide(&plan, &source, Some(target), 1000);
    assert_eq!(work(&target(Some("7;5;"))), Work::Nothing);
    assert_eq!(work(&target(Some("8;5;"))), Work::Slices(vec![Slice::All]));
    assert_eq!(work(&target(None)), Work::Slices(vec![Slice::All]));
}

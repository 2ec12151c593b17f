//! Tests of `propose`, by value.

use super::super::testing::{shaped, table_with};
use super::*;

/// A pair `t`, its columns as words: `*` primary key, `!` not null.
fn pair(desktop: &str, cloud: &str) -> Pair {
    Pair::new(shaped("t", table_with(desktop)), shaped("t", table_with(cloud)), By::Name)
}

fn rows(rows: u64, counts: &[(u64, u64)], marked: u64) -> Rows {
    let desktop = Candidates { rows, marked: 0, counts: counts.to_vec() };
    let cloud = Candidates { rows, marked, counts: Vec::new() };
    Rows { desktop: Some(desktop), cloud: Some(cloud) }
}

fn key(draft: &DraftTable) -> String {
    list(&draft.key)
}

#[test]
fn a_key_that_is_unique_in_fact_is_upserted() {
    let draft = table(&pair("id v source", "id* v source"), &rows(5, &[(0, 5)], 0));
    assert_eq!(key(&draft), "id");
    assert_eq!(draft.reverse, DraftReverse::InsertMissing);
    assert_eq!(draft.forward, DraftForward::Upsert);
    assert_eq!(
        draft.guesses,
        ["the key is id: the primary key in the cloud; on the desktop no two share it, of 5 rows"]
    );
}

#[test]
fn a_key_on_several_rows_is_mirrored() {
    // jobshead: no key anywhere; job_id is nearly one.
    let pair = pair("org_id job_id source", "org_id! job_id! source");
    let draft = table(&pair, &rows(100, &[(0, 1), (0, 95)], 2));
    assert_eq!(key(&draft), "job_id");
    assert_eq!(draft.reverse, DraftReverse::InsertMissing);
    let filter = Some(NOT_MARKED.to_owned());
    assert_eq!(draft.forward, DraftForward::Mirror { key: Vec::new(), filter });
    assert_eq!(draft.guesses.len(), 2);
    let draft = table(&pair, &rows(100, &[(0, 1), (0, 50)], 2));
    assert_eq!((key(&draft).as_str(), &draft.reverse), ("", &DraftReverse::Off));
}

#[test]
fn a_key_that_the_cloud_keeps_unique_is_no_mirrors() {
    let draft = table(&pair("id v source", "id* v source"), &rows(5, &[(0, 3)], 0));
    assert_eq!(draft.forward, DraftForward::Upsert);
    assert_eq!(draft.guesses[1], "rows that share id will be rejected by forward");
}

#[test]
fn a_key_that_the_cloud_makes_is_not_shared() {
    let pair = pair("job_id v source", "wd_id* job_id v source");
    let draft = table(&pair, &rows(9, &[(0, 3)], 4));
    assert_eq!(key(&draft), "wd_id");
    assert_eq!(draft.reverse, DraftReverse::Delivered(MARK.to_owned()));
    assert!(matches!(&draft.forward, DraftForward::Mirror { key, .. } if key.is_empty()));
    assert_eq!(table(&pair, &rows(9, &[(0, 3)], 0)).reverse, DraftReverse::Off);
}

#[test]
fn nothing_is_mirrored_where_the_phones_rows_cannot_be_told() {
    let draft = table(&pair("v", "t_id* v"), &rows(9, &[], 0));
    assert_eq!((draft.forward, draft.reverse), (DraftForward::Off, DraftReverse::Off));
    assert!(draft.owned_by_nobody && draft.guesses[0].starts_with("off: the cloud makes t_id"));
}

#[test]
fn a_value_that_nobody_can_guess_switches_its_direction_off() {
    let draft = table(&pair("id source", "id* staff_id! source"), &rows(0, &[(0, 0)], 5));
    assert_eq!(draft.forward, DraftForward::Off);
    assert_eq!(draft.reverse, DraftReverse::InsertMissing);
    assert!(draft.guesses[1].contains("the cloud demands staff_id"), "{:?}", draft.guesses);
}

#[test]
fn where_nobody_looked_a_declared_key_is_believed() {
    let draft = table(&pair("id source", "id* source"), &Rows::default());
    assert_eq!(draft.forward, DraftForward::Upsert);
    assert!(draft.guesses[0].ends_with("the desktop's rows were not looked at"));
}

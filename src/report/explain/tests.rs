//! What is said of each fate, word for word.

use super::*;
use crate::engine::explain::fate::Step;
use crate::engine::explain::{OnSource, OnTarget};
use crate::engine::plan::cursor::How;
use crate::metadata::rejects::Reject;

fn stamp() -> String {
    "2026-03-01 10:00:00".to_owned()
}

fn written() -> Writer {
    Writer { run: "R1".into(), at: stamp() }
}

fn account(direction: Direction, fate: Fate) -> Account {
    Account {
        direction,
        table: "job".into(),
        lookup: Lookup::Both,
        key_columns: vec!["id".into()],
        key: "[\"7\"]".into(),
        source: Vec::new(),
        target: Vec::new(),
        delivered: None,
        rejects: Vec::new(),
        how: How::Incremental,
        synced_up_to: Some(stamp()),
        differing: Vec::new(),
        fate,
    }
}

fn on_source(owned: bool, is_new: Option<bool>) -> OnSource {
    let (in_scope, came_back) = (true, false);
    OnSource { in_scope, owned, came_back, is_new, writer: None, hashes: Vec::new() }
}

fn on_target(protected: bool, writer: Option<Writer>) -> OnTarget {
    OnTarget { protected, writer, hashes: Vec::new() }
}

#[test]
fn the_story_comes_before_the_facts() {
    let reverse = Account {
        source: vec![on_source(true, Some(false))],
        target: vec![on_target(false, Some(written()))],
        delivered: Some(written()),
        ..account(Direction::Reverse, Fate::AlreadyThere)
    };
    let forward = Account {
        source: vec![OnSource { writer: Some(written()), ..on_source(false, None) }],
        target: vec![on_target(true, None)],
        differing: vec!["what".into(), "pay".into()],
        delivered: Some(written()),
        synced_up_to: None,
        how: How::FirstRun,
        ..account(Direction::Forward, Fate::Protected)
    };
    assert_eq!(
        lines("job", &[reverse, forward]).join("\n"),
        "job [\"7\"]: both sides have it\n\
         \n\
         reverse (cloud to desktop)\n  \
           The desktop has this key already, and reverse never changes a row there.\n  \
           next run: leaves it as it is\n\
         \n\
         forward (desktop to cloud)\n  \
           It belongs to the phones. Somebody has changed it on the desktop, but the cloud keeps \
           its own.\n  \
           next run: leaves it as it is\n\
         \n\
         facts\n  \
           key: [\"7\"] (id)\n  \
           cloud: 1 row, belongs to the phones, last written by a phone, or somebody else in the cloud\n  \
           desktop: 1 row, last written by pgsync, 2026-03-01 10:00:00 UTC, run R1\n  \
           brought to the desktop: 2026-03-01 10:00:00 UTC, run R1\n  \
           reverse has dealt with everything up to: 2026-03-01 10:00:00 UTC\n  \
           reverse reads next: incremental; the row was written before\n  \
           columns that differ: what, pay\n  \
           forward has not dealt with this table yet\n  \
           forward reads next: first run; all rows are looked at"
    );
}

#[test]
fn a_reject_comes_with_what_to_do() {
    let reject = Reject {
        direction: Direction::Forward,
        table: "job".into(),
        key: "[\"7\"]".into(),
        reason: "refused".into(),
        sqlstate: Some("22001".into()),
        message: "value too long".into(),
        first_seen: stamp(),
        last_seen: stamp(),
        attempts: 2,
        row: None,
        standing: None,
    };
    let account = Account {
        source: vec![on_source(false, Some(false))],
        rejects: vec![reject],
        ..account(Direction::Forward, Fate::Rejected(Step::Insert))
    };
    assert_eq!(
        story(&account).join("\n"),
        "forward (desktop to cloud)\n  \
           The cloud has not taken it.\n  \
           rejected: value too long (22001)\n  \
           do: shorten the value on the desktop, or widen the column on the cloud\n  \
           next run: tries again: inserts it on the cloud"
    );
    let line = &as_data(&account);
    assert_eq!((&line["message_type"], &line["fate"]), (&json!("explained"), &json!("rejected")));
    assert_eq!(line["rejected"][0]["sqlstate"], "22001");
    assert_eq!((&line["desktop_rows"], &line["cloud_rows"]), (&json!(1), &json!(0)));
}

#[test]
fn every_fate_has_its_sentence_and_what_comes_next() {
    let told = |direction, fate| {
        let account = Account {
            source: vec![on_source(false, Some(false)); 2],
            differing: vec!["pay".into()],
            ..account(direction, fate)
        };
        format!("{} Next run: {}", why(&account), next(&account))
    };
    let forward = |fate| told(Direction::Forward, fate);
    assert_eq!(
        forward(Fate::OnlyInFull(Step::Update)),
        "The two differ (pay), but the desktop's row has not changed since the last run: \
         somebody has changed the cloud's. Next run: does not look at it; this does: \
         pgsync forward --full job"
    );
    assert_eq!(
        told(Direction::Reverse, Fate::OnlyInFull(Step::Insert)),
        "The desktop does not have it, and it was dealt with before: somebody has deleted it \
         there, or its reject was forgotten. Next run: does not look at it; this does: \
         pgsync reverse --full job"
    );
    assert_eq!(
        forward(Fate::Next(Step::Update)),
        "Both sides have it, with different values (pay). Next run: writes the desktop's values \
         into the cloud's row"
    );
    assert_eq!(
        forward(Fate::Next(Step::Delete)),
        "The cloud has more copies of it than the desktop. Next run: deletes it on the cloud, if \
         max_delete allows"
    );
    assert_eq!(
        forward(Fate::Duplicate),
        "2 rows of the desktop share this key, and none of them is carried (on_duplicate). Next \
         run: lists it as rejected, until all but one of the rows get another key on the desktop"
    );
    assert_eq!(
        forward(Fate::OnlyOnTarget),
        "Only the cloud has it, and it is no phone's. An upsert never deletes. Next run: leaves it \
         as it is"
    );
}

#[test]
fn where_nobody_has_it_comes_what_to_try() {
    let nowhere = account(Direction::Reverse, Fate::Nowhere);
    let told = lines("job", &[nowhere]);
    assert_eq!(told[0], "job [\"7\"]: neither side has it");
    assert_eq!(told.last().unwrap(), "  a row that was set aside is listed by: pgsync rejects job");
    let gone = Account { delivered: Some(written()), ..account(Direction::Reverse, Fate::Nowhere) };
    assert_eq!(
        why(&gone),
        "It was brought to the desktop on 2026-03-01 10:00:00 UTC, and the cloud does not have it \
         any more."
    );
}

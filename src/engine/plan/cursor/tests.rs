//! Tests of `cursor`, by value.

use super::*;

fn horizon(xid: u64) -> Horizon {
    Horizon {
        xid,
        timestamp: "2026-03-01 00:00:00.000000+00".into(),
        identity: "system 7;timeline 1;database 5;recovery 1,650;relation 16400".into(),
        mapping: "key id".into(),
    }
}

fn watermark(xid: u64) -> Watermark {
    let timestamp = "2026-02-01 00:00:00.000001+00".to_owned();
    let horizon = Horizon { timestamp: timestamp.clone(), ..horizon(xid) };
    Watermark { timestamp, horizon: Some(horizon), ..Watermark::default() }
}

struct Case {
    choice: CursorChoice,
    reading: Reading,
    ids: TransactionIds,
    column: Option<Ident>,
    watermark: Option<Watermark>,
    now: Horizon,
    next_xid: u64,
    pages: u64,
}

impl Case {
    fn usual() -> Self {
        Self {
            choice: CursorChoice::Auto,
            reading: Reading::Incremental,
            ids: TransactionIds::Usable,
            column: Some(Ident::new("updated_at").unwrap()),
            watermark: Some(watermark(700)),
            now: horizon(900),
            next_xid: 900,
            pages: 100,
        }
    }

    fn choose(&self) -> (Changed, How) {
        choose(&Situation {
            reading: self.reading,
            choice: &self.choice,
            lookback: Duration::from_secs(60),
            column: self.column.as_ref(),
            transaction_ids: self.ids,
            meeting: Meeting::Impossible,
            echoes: Echoes::Unknown,
            watermark: self.watermark.as_ref(),
            now: &self.now,
            next_xid: self.next_xid,
            pages: self.pages,
        })
    }

    fn how(&self) -> String {
        self.choose().1.to_string()
    }
}

#[test]
fn a_trusted_horizon_is_read_from() {
    let (horizon, echoes) = (700, Echoes::Unknown);
    let changed = Changed::SinceHorizon { horizon, ids: Ids::ByAge, echoes };
    assert_eq!(Case::usual().choose(), (changed, How::Incremental));
}

#[test]
fn after_a_crash_ids_come_again_and_are_read_again() {
    let mut case = Case::usual();
    case.now.identity = "system 7;timeline 1;database 5;recovery 1,680;relation 16400".into();
    assert_eq!(case.how(), "incremental");
    case.now.identity = "system 7;timeline 1;database 5;recovery 2,690;relation 16400".into();
    assert!(matches!(
        case.choose(),
        (Changed::SinceHorizon { horizon: 650, .. }, How::Incremental)
    ));
    let unknown = "system ?;timeline ?;database 5;recovery 1,?;relation 16400";
    let mut before = watermark(700);
    before.horizon = before.horizon.map(|was| Horizon { identity: unknown.into(), ..was });
    case.watermark = Some(before);
    case.now.identity = unknown.replace("recovery 1", "recovery 2");
    assert_eq!(case.how(), "reconcile: the source has recovered from a crash");
}

#[test]
fn the_larger_the_table_the_more_transactions_are_named() {
    let mut case = Case::usual();
    let mut named = |next_xid, pages| {
        (case.next_xid, case.pages) = (next_xid, pages);
        let (Changed::SinceHorizon { ids, .. }, How::Incremental) = case.choose() else { panic!() };
        ids == Ids::Named { below: next_xid }
    };
    assert!(named(700, 0) && named(764, 0) && !named(765, 0));
    assert!(named(900, 3_200) && !named(901, 3_200));
    assert!(named(700 + 4_096, 1 << 40) && !named(700 + 4_097, 1 << 40));
}

#[test]
fn what_speaks_against_the_horizon_is_said() {
    let mut case = Case::usual();
    case.next_xid = 699;
    assert_eq!(case.how(), "reconcile: the source's transaction counter went back");
    case.next_xid = 700 + TOO_OLD + 1;
    assert_eq!(case.how(), "reconcile: the last run is too many transactions ago");

    let mut case = Case::usual();
    case.now.identity = "system 8;timeline 1;database 5;recovery 1,650;relation 16400".into();
    assert_eq!(case.how(), "reconcile: another system than last time");
    case.now.identity = "system 7;timeline 1;database 5;recovery 1,650;relation 16400,16401".into();
    assert_eq!(case.how(), "reconcile: another relation than last time");

    let mut case = Case::usual();
    case.now.mapping = "key other".into();
    assert_eq!(case.how(), "reconcile: columns, key or filter changed");

    let mut case = Case::usual();
    case.reading = Reading::Full;
    assert_eq!(case.how(), "reconcile: asked for");
}

#[test]
fn without_a_watermark_of_ours_it_is_the_first_run() {
    let mut case = Case::usual();
    case.watermark = None;
    assert_eq!(case.how(), "first run");
    case.watermark = Some(Watermark { horizon: None, ..watermark(1) });
    assert_eq!(case.how(), "first run");
    case.watermark = Some(Watermark { horizon: None, was_reset: true, ..watermark(1) });
    assert_eq!(case.how(), "reconcile: reset");
}

#[test]
fn a_time_set_by_hand_is_obeyed() {
    let mut case = Case::usual();
    let set = |timestamp: &str, is_epoch| {
        Some(Watermark { timestamp: timestamp.into(), is_epoch, ..watermark(700) })
    };
    case.watermark = set("1970-01-01 00:00:00.000000+00", true);
    assert_eq!(case.how(), "reconcile: the watermark was set by hand");
    case.watermark = set("2026-01-15 00:00:00.000000+00", false);
    assert_eq!(
        case.how(),
        "updated_at since 2026-01-15 00:00:00.000000+00: the watermark was set by hand"
    );
    case.column = None;
    assert_eq!(case.how(), "reconcile: the watermark was set by hand");
}

#[test]
fn without_transaction_ids_a_column_has_to_do() {
    let mut case = Case::usual();
    case.ids = TransactionIds::Missing;
    assert_eq!(
        case.how(),
        "updated_at since 2026-01-31 23:59:00.000001+00: the source has no transaction ids"
    );
    case.now.timestamp = "2026-01-01 00:00:00.000000+00".into();
    assert_eq!(case.how(), "reconcile: the source's clock went back");
    case.column = None;
    assert_eq!(case.how(), "reconcile: the source has no transaction ids and no updated_at");
}

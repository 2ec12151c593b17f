//! The change cursor: what is new is found however late it was committed and
//! whatever `updated_at` says; and where the horizon cannot be trusted, both
//! sides are compared and the run says why.

use crate::office::Office;
use sqlx::{Connection as _, Executor as _};

const CLOUD: &str =
    "create table t (id int primary key, v text, updated_at timestamptz default now());
    insert into t select n, 'row ' || n, now() - interval '1 day' from generate_series(1, 100) n";
const DESKTOP: &str = "create table t (id int, v text, updated_at timestamp)";
const TABLES: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";

async fn office() -> Office {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let first = office.reverse_twice().await;
    assert_eq!(first.how("t"), "first run");
    assert_eq!(office.pair.desktop.count("t").await, 100);
    office
}

async fn both_sides_hold_the_same(office: &Office) {
    let all = "select id, v from t order by id, v";
    assert_eq!(office.pair.cloud.lines(all).await, office.pair.desktop.lines(all).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_is_not_missed() {
    let office = office().await;
    let mut late = office.pair.cloud.connect().await;
    let mut late = late.begin().await.unwrap();
    let insert = "insert into t values (500, 'late', now() - interval '30 days')";
    late.execute(insert).await.unwrap();

    let between = office.reverse().await;
    assert_eq!(between.how("t"), "incremental");
    office.pair.cloud.run("insert into t values (501, 'in time')").await;
    let between = office.reverse().await;
    assert_eq!(between.figures("t"), ["1", "1", "1"]);
    late.commit().await.unwrap();

    let after = office.reverse_twice().await;
    assert_eq!(after.figures("t"), ["2", "1", "1"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_written_in_a_subtransaction_that_commits_late_is_not_missed() {
    let office = office().await;
    let mut late = office.pair.cloud.connect().await;
    let mut late = late.begin().await.unwrap();
    late.execute("savepoint a; insert into t values (600, 'kept'); release a").await.unwrap();
    late.execute("savepoint b; insert into t values (601, 'undone'); rollback to b").await.unwrap();
    office.reverse().await;
    late.execute("savepoint c; insert into t values (602, 'later'); release c").await.unwrap();
    late.commit().await.unwrap();

    let after = office.reverse_twice().await;
    assert_eq!(after.figures("t"), ["2", "2", "2"]);
    both_sides_hold_the_same(&office).await;
}

/// Few of them are named one by one, many are told by their age.
#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_matter_how_many_transactions_lie_between() {
    let office = office().await;
    for (id, others) in [(700, 0), (710, 60), (720, 500)] {
        let mut late = office.pair.cloud.connect().await;
        let mut late = late.begin().await.unwrap();
        let insert = format!("insert into t values ({id}, 'late')");
        late.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
        let others = format!(
            "do 'begin for n in 1 .. {others} loop perform pg_current_xact_id(); commit; end loop; end'"
        );
        office.pair.cloud.run(&others).await;
        office.pair.cloud.run(&format!("insert into t values ({id} + 1, 'in time')")).await;
        let between = office.reverse().await;
        assert_eq!(
            (between.how("t").as_str(), between.figures("t")[1].as_str()),
            ("incremental", "1")
        );
        late.commit().await.unwrap();
        let after = office.reverse_twice().await;
        assert_eq!(after.figures("t"), ["2", "1", "1"]);
        both_sides_hold_the_same(&office).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rows_do_not_change_the_desktop() {
    let office = office().await;
    let before = office.pair.desktop.lines("select *, xmin from t order by id").await;
    office.pair.cloud.run("update t set v = 'changed', updated_at = now() where id <= 50").await;
    let ran = office.reverse().await;
    assert_eq!(ran.figures("t"), ["50", "0", "0"]);
    assert_eq!(office.pair.desktop.lines("select *, xmin from t order by id").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn stamps_do_not_matter() {
    let office = office().await;
    office
        .pair
        .cloud
        .run(
            "insert into t select 1000 + n, 'equal', '2020-01-01' from generate_series(1, 5000) n;
             insert into t values (9001, 'no stamp', null), (9002, 'future', now() + interval '9 years'),
                 (9003, 'past', '0001-01-01'), (9004, 'never', 'infinity'), (9005, 'ever', '-infinity')",
        )
        .await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t"), ["5,005", "5,005", "5,005"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_desktop_lost_comes_back_with_full_only() {
    let office = office().await;
    office.pair.desktop.run("delete from t where id = 7").await;
    let ran = office.reverse().await;
    assert_eq!(ran.figures("t"), ["0", "0", "0"]);
    let ran = office.run(&["reverse", "--full"]).await;
    assert_eq!((ran.code, ran.how("t").as_str()), (0, "reconcile: asked for"), "{ran}");
    assert_eq!(ran.figures("t"), ["100", "1", "1"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_set_by_hand_is_obeyed() {
    let office = office().await;
    office.pair.desktop.run("delete from t where id in (1, 2)").await;
    office.pair.cloud.run("update t set updated_at = '2030-01-01' where id = 2").await;
    office.reverse().await;
    office.pair.desktop.run("delete from t where id = 2").await;
    let set = |to: &str| {
        format!(
            "update _reverse_sync_metadata set last_sync_timestamp = '{to}' where table_name = 't'"
        )
    };

    office.pair.desktop.run(&set("2029-01-01 00:00:00+00")).await;
    let ran = office.reverse_twice().await;
    assert_eq!(
        ran.how("t"),
        "updated_at since 2029-01-01 00:00:00.000000+00: the watermark was set by hand"
    );
    assert_eq!(ran.figures("t"), ["1", "1", "1"]);

    office.pair.desktop.run(&set("1970-01-01")).await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.how("t"), "reconcile: the watermark was set by hand");
    assert_eq!(ran.figures("t"), ["100", "1", "1"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_made_again_is_compared_in_full() {
    let office = office().await;
    office
        .pair
        .cloud
        .run(&format!("drop table t; {CLOUD}; insert into t values (700, 'new')"))
        .await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.how("t"), "reconcile: another relation than last time");
    assert_eq!(ran.figures("t"), ["101", "1", "1"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_emptied_and_filled_again_is_read_again() {
    let office = office().await;
    office.pair.cloud.run("truncate t; insert into t select n, 'row ' || n from generate_series(1, 100) n; insert into t values (700, 'new')").await;
    let ran = office.reverse_twice().await;
    assert_eq!(
        (ran.how("t").as_str(), ran.figures("t")),
        ("incremental", vec!["101".to_owned(), "1".into(), "1".into()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mapping_is_compared_in_full() {
    let office = office().await;
    office.pair.cloud.run("alter table t add column note text").await;
    office.pair.desktop.run("alter table t add column note text; delete from t where id = 5").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.how("t"), "reconcile: columns, key or filter changed");
    both_sides_hold_the_same(&office).await;

    office.pair.desktop.run("delete from t where id = 6").await;
    office.configure_tables("[tables]\nt = { key = \"id\", reverse = { mode = \"insert-missing\", where = \"id > 5\" } }");
    let ran = office.reverse_twice().await;
    assert_eq!(ran.how("t"), "reconcile: columns, key or filter changed");
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_source_is_compared_in_full() {
    let office = office().await;
    let metadata = &office.pair.desktop;
    office.pair.desktop.run("delete from t where id = 5").await;
    for (set, how) in [
        ("horizon = '1000000000000'", "reconcile: the source's transaction counter went back"),
        (
            "source_identity = replace(source_identity, 'system ', 'system 9')",
            "reconcile: another system than last time",
        ),
        (
            "source_identity = replace(source_identity, 'timeline ', 'timeline 9')",
            "reconcile: another timeline than last time",
        ),
        (
            "source_identity = replace(source_identity, 'database ', 'database 9')",
            "reconcile: another database than last time",
        ),
    ] {
        metadata.run(&format!("update _reverse_sync_metadata set {set}")).await;
        let ran = office.reverse_twice().await;
        assert_eq!(ran.how("t"), how);
    }
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_partition_is_compared_in_full() {
    let office = Office::alone(
        "create table t (id int, v text, updated_at timestamptz) partition by range (id);
         create table t1 partition of t for values from (0) to (100);
         create table t2 (id int, v text, updated_at timestamptz);
         insert into t values (1, 'one', now());
         insert into t2 values (101, 'waits', now())",
        DESKTOP,
        TABLES,
    )
    .await;
    office.reverse_twice().await;
    office.pair.cloud.run("insert into t values (2, 'two', now())").await;
    assert_eq!(office.reverse().await.how("t"), "incremental");
    office.pair.cloud.run("alter table t attach partition t2 for values from (100) to (200)").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.how("t"), "reconcile: another relation than last time");
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_goes_by_its_column_and_says_so() {
    let cloud = format!("{CLOUD}; create view w as select * from t");
    let tables = "[tables]\nt = { cloud = \"w\", key = \"id\", reverse = { mode = \"insert-missing\", lookback = \"1h\" } }";
    let office = Office::alone(&cloud, DESKTOP, tables).await;
    office.reverse_twice().await;
    office.pair.cloud.run("insert into t values (200, 'now', now()), (201, 'no stamp', null), (202, 'old', now() - interval '3 days')").await;
    let ran = office.reverse().await;
    assert!(ran.how("t").ends_with(": the source has no transaction ids"), "{ran}");
    assert!(ran.stderr.contains("a row that is stamped or committed late can be missed"), "{ran}");
    assert_eq!(ran.figures("t"), ["2", "2", "2"], "{ran}");
    let ran = office.run(&["reverse", "--full"]).await;
    assert_eq!(ran.figures("t"), ["103", "1", "1"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_without_a_stamp_is_compared_every_time() {
    let cloud = format!("{CLOUD}; create view w as select id, v from t");
    let tables = "[tables]\nt = { cloud = \"w\", key = \"id\", reverse = \"insert-missing\" }";
    let office = Office::alone(&cloud, "create table t (id int, v text)", tables).await;
    office.reverse_twice().await;
    office.pair.cloud.run("insert into t values (200, 'late', '2000-01-01')").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.how("t"), "reconcile: the source has no transaction ids and no updated_at");
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_column_and_none_are_obeyed() {
    let office = office().await;
    office.configure_tables("[tables]\nt = { key = \"id\", reverse = { mode = \"insert-missing\", cursor = \"updated_at\", lookback = \"0\" } }");
    office.pair.cloud.run("insert into t values (300, 'stamped now')").await;
    let ran = office.reverse().await;
    assert!(ran.how("t").ends_with(": configured"), "{ran}");
    assert_eq!(ran.figures("t"), ["1", "1", "1"]);
    office.configure_tables("[tables]\nt = { key = \"id\", reverse = { mode = \"insert-missing\", cursor = \"none\" } }");
    assert_eq!(office.reverse().await.how("t"), "reconcile: configured");
    both_sides_hold_the_same(&office).await;
}

/// A server that loses its power gives out numbers a second time:
///
/// 1. A phone writes and rolls back. Nobody waits until that is on the disk.
/// 2. A run reads; the horizon is the number behind that transaction.
/// 3. The power fails, and with it goes all that is known of the transaction.
/// 4. The next writer gets its number, which is older than the horizon.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_a_power_cut_gives_out_again_is_not_missed() {
    let office = office().await;
    let cloud = &office.pair.cloud;
    for setting in ["synchronous_commit = on", "wal_writer_delay = '10s'"] {
        cloud.run(&format!("alter system set {setting}")).await;
    }
    cloud.run("select pg_reload_conf()").await;
    cloud.run("checkpoint").await;
    cloud.run("begin; insert into t values (700, 'never'); rollback").await;
    office.reverse().await;
    cloud.server().restart().unwrap();
    assert_eq!(office.reverse().await.how("t"), "incremental");

    cloud.run("begin; insert into t values (700, 'never'); rollback").await;
    office.reverse().await;
    cloud.server().kill().unwrap();
    cloud.server().restart().unwrap();
    cloud.run("insert into t values (701, 'after the power cut')").await;
    let ran = office.reverse_twice().await;
    assert_eq!((ran.how("t").as_str(), &*ran.figures("t")[2]), ("incremental", "1"), "{ran}");
    both_sides_hold_the_same(&office).await;
}

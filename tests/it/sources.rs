//! Sources that are no plain table, many slices, and desktops whose triggers
//! have a will of their own.

use crate::look::says;
use crate::office::Office;

const TABLE: &str = "create table t (id int, v text)";
const KEYED: &str = "t = { key = \"id\" }";

/// Slices of 100 rows.
async fn sliced(cloud: &str, desktop: &str) -> Office {
    let tables = "[limits]\nchunk_rows = 100\n[defaults]\nreverse = \"insert-missing\"\n[tables]\n";
    Office::with(cloud, desktop, &format!("{tables}{KEYED}")).await
}

fn fill(from: i32, to: i32) -> String {
    format!("insert into t select n, repeat('v', n % 90) from generate_series({from}, {to}) n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_desktop_is_filled_page_by_page() {
    let cloud = format!("create table t (id int primary key, v text); {}", fill(-1500, 1500));
    let office = sliced(&cloud, TABLE).await;
    assert_eq!(office.brings("t", 3_001).await[0].split('|').next(), Some("-1500"));
    assert!(office.pair.desktop.count("pgsync.own_writes").await > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_share_a_key_are_never_in_two_slices() {
    let cloud = format!("{TABLE}; {0}; {0}; {0}", fill(1, 1000));
    let office = sliced(&cloud, TABLE).await;
    office.brings("t", 3_000).await;
    office.pair.cloud.run(&format!("{0}; {0}; {0}", fill(1001, 2000))).await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t")[1..], ["3,000", "3,000"]);
    office.both("select * from t order by 1, 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_missing_rows_among_many_are_brought_in_slices() {
    let cloud = format!("create table t (id int primary key, v text); {}", fill(1, 6000));
    let desktop = format!("{TABLE}; {}", fill(2000, 4999));
    let office = sliced(&cloud, &desktop).await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t"), ["6,000", "3,000", "3,000"]);
    assert!(office.pair.desktop.count("pgsync.own_writes").await > 10);
    assert_eq!(office.both("select * from t order by 1").await.len(), 6_000);
}

/// The row is in one of the last slices; all others come in.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_is_left_out_of_its_slice() {
    let cloud = format!("create table t (id int primary key, v text); {}", fill(1, 3000));
    let office = sliced(&cloud, "create table t (id int, v text check (id <> 2950))").await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    says(&ran.stderr, &["rejected: t [\"2950\"]: ", "t_id_check"]);
    assert_eq!(office.pair.desktop.count("t").await, 2_999);
    office.pair.desktop.run("alter table t drop constraint t_id_check").await;
    office.reverse_twice().await;
    assert_eq!(office.both("select * from t order by 1").await.len(), 3_000);
}

/// Brings what there is, then one row more, then knows that there is nothing.
async fn follows(cloud: &str, insert: &str, how: &str) {
    let office = Office::inserting(cloud, TABLE, KEYED).await;
    office.brings("t", 3).await;
    office.pair.cloud.run(insert).await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t")[1..], ["1", "1"], "{ran}");
    assert!(ran.how("t").starts_with(how), "{ran}");
    assert_eq!(office.both("select * from t order by 1").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_is_one_table() {
    let cloud = "create table t (id int primary key, v text) partition by range (id);
        create table t_low partition of t for values from (minvalue) to (2);
        create table t_high partition of t for values from (2) to (maxvalue);
        insert into t values (1, 'a'), (2, 'b'), (3, 'c')";
    follows(cloud, "insert into t values (9, 'd')", "incremental").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_partition_is_another_table() {
    let office = Office::inserting(
        "create table t (id int, v text) partition by list (id);
         create table t_1 partition of t for values in (1); insert into t values (1, 'a')",
        TABLE,
        KEYED,
    )
    .await;
    office.brings("t", 1).await;
    let attach = "create table t_2 (id int, v text); insert into t_2 values (2, 'b')";
    office.pair.cloud.run(attach).await;
    office.reverse_twice().await;
    office.pair.cloud.run("alter table t attach partition t_2 for values in (2)").await;
    let ran = office.reverse_twice().await;
    says(&ran.how("t"), &["reconcile: another relation"]);
    assert_eq!(office.both("select * from t order by 1").await, ["1|a", "2|b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn heirs_belong_to_their_parent() {
    let cloud = "create table t (id int primary key, v text); create table heir () inherits (t);
        insert into t values (1, 'a'); insert into heir values (2, 'b'), (3, 'c')";
    follows(cloud, "insert into heir values (9, 'd')", "incremental").await;
}

/// The parent's primary key says nothing about its heirs.
#[tokio::test(flavor = "multi_thread")]
async fn heirs_may_hold_the_parents_keys_again() {
    let cloud = format!(
        "create table t (id int primary key, v text); create table heir () inherits (t);
         {}; insert into heir select id, 'heir' from t",
        fill(1, 500)
    );
    let office = sliced(&cloud, TABLE).await;
    office.brings("t", 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_read_by_its_stamps_or_in_full() {
    let base = "create table base (id int, v text, updated_at timestamptz default now());
        insert into base values (1, 'a'), (2, 'b'), (3, 'c');";
    let more = "insert into base values (9, 'd')";
    let unstamped = format!("{base} create view t as select id, v from base");
    follows(&unstamped, more, "reconcile: the source has no transaction ids and no updated_at")
        .await;
    let stamped = format!("{base} create view t as select * from base");
    let office = Office::inserting(&stamped, TABLE, KEYED).await;
    office.reverse_twice().await;
    office.pair.cloud.run(more).await;
    let ran = office.reverse_twice().await;
    says(&ran.how("t"), &["updated_at since", "the source has no transaction ids"]);
    says(&ran.stderr, &["can be missed"]);
    assert_eq!(office.both("select id, v from t order by 1").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_materialized_view_is_new_when_it_is_refreshed() {
    let cloud =
        "create table base (id int, v text); insert into base values (1, 'a'), (2, 'b'), (3, 'c');
        create materialized view t as select * from base";
    let more = "insert into base values (9, 'd'); refresh materialized view t";
    follows(cloud, more, "incremental").await;
}

/// A trigger's function, for `before insert ... for each row`.
fn trigger(body: &str) -> String {
    format!(
        "{TABLE}; create function f() returns trigger language plpgsql as
         $$ begin {body} end $$; create trigger f before insert on t for each row execute function f()"
    )
}

/// Few rows and many, into an empty desktop and into one that holds a row.
async fn refused_on_every_path(body: &str, said: &[&str]) {
    for (rows, there) in [(5, ""), (5, "1"), (1500, ""), (1500, "1")] {
        let office =
            Office::inserting(&format!("{TABLE}; {}", fill(1, rows)), &trigger(body), KEYED).await;
        if !there.is_empty() {
            let row = "alter table t disable trigger f; insert into t values (1, 'v');
                alter table t enable trigger f";
            office.pair.desktop.run(row).await;
        }
        let ran = office.reverse_refuses("t").await;
        says(&ran.stderr, said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_drops_rows_is_told() {
    refused_on_every_path("if new.id = 3 then return null; end if; return new;", &["trigger"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_changes_keys_is_told() {
    refused_on_every_path("new.id := new.id + 100000; return new;", &["trigger"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_refuses_a_row_is_told_with_its_key() {
    let body = "if new.id = 3 then raise 'not on a Sunday'; end if; return new;";
    for rows in [5, 1500] {
        let office =
            Office::inserting(&format!("{TABLE}; {}", fill(1, rows)), &trigger(body), KEYED).await;
        let ran = office.reverse_rejects("t", &["3"]).await;
        says(&ran.stderr, &["rejected: t [\"3\"]: not on a Sunday (SQLSTATE P0001)"]);
        office.pair.desktop.run("drop trigger f on t").await;
        office.reverse_twice().await;
        office.both("select * from t order by 1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_may_fill_what_it_likes() {
    let body = "new.v := upper(new.v); return new;";
    for rows in [5, 1500] {
        let office =
            Office::inserting(&format!("{TABLE}; {}", fill(1, rows)), &trigger(body), KEYED).await;
        office.reverse_twice().await;
        let held = office.desktop("select id, lower(v) from t order by 1").await;
        assert_eq!(held, office.cloud("select * from t order by 1").await);
    }
}

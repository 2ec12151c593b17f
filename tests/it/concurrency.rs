//! Others at work at the same time: another run, the desktop's application, a
//! power cut.

use crate::office::{Office, Ran};
use sqlx::{Connection as _, Executor as _};
use std::time::Duration;

const CLOUD: &str = "create table t (id int primary key, v text);
    insert into t select n, 'row ' || n from generate_series(1, 100) n";
const TABLES: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";
const DOUBLES: &str = "(select id from t group by id having count(*) > 1) as doubles";

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_started_together_double_nothing() {
    let office = Office::with(CLOUD, "create table t (id int, v text)", TABLES).await;
    for round in 0..5 {
        let insert = format!(
            "insert into t select n, 'new' from generate_series({0}1000, {0}5000) n",
            round + 1
        );
        office.pair.cloud.run(&insert).await;
        let (one, two) = tokio::join!(office.run(&["reverse"]), office.run(&["reverse"]));
        for ran in [&one, &two] {
            assert!(ran.code == 0 || ran.code == 5, "{ran}");
        }
        assert!(one.code == 0 || two.code == 0, "{one}\n{two}");
    }
    assert_eq!(office.pair.desktop.count(DOUBLES).await, 0);
    assert_eq!(office.pair.desktop.count("t").await, office.pair.cloud.count("t").await);
}

/// The application has inserted a key that is also on its way from the cloud,
/// and commits while the run waits for it.
async fn the_application_was_faster(desktop: &str) -> (Office, Ran) {
    let office = Office::with(CLOUD, desktop, TABLES).await;
    office.reverse_twice().await;
    office.pair.cloud.run("insert into t values (200, 'cloud'), (201, 'cloud')").await;
    let mut application = office.pair.desktop.connect().await;
    let mut application = application.begin().await.unwrap();
    application.execute("insert into t values (200, 'office')").await.unwrap();
    let (ran, ()) = tokio::join!(office.run(&["reverse"]), async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        application.commit().await.unwrap();
    });
    (office, ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_the_same_moment_comes_in_once_with_and_without_an_index() {
    for index in ["", "primary key"] {
        let table = format!("create table t (id int {index}, v text)");
        let (office, ran) = the_application_was_faster(&table).await;
        assert_eq!((ran.code, ran.figures("t").join(" ")), (0, "2 1 1".to_owned()), "{ran}");
        let rows = "select id, v from t where id >= 200 order by id";
        assert_eq!(office.pair.desktop.lines(rows).await, ["200|office", "201|cloud"]);
        office.reverse_twice().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_holds_stops_only_itself() {
    let office = Office::with(
        &format!("{CLOUD}; create table u (id int primary key); insert into u values (1)"),
        "create table t (id int, v text); create table u (id int)",
        "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }\nu = { key = \"id\", reverse = \"insert-missing\" }",
    )
    .await;
    let text = std::fs::read_to_string(office.config()).unwrap();
    office.configure(&text.replace("[desktop]", "[desktop]\nlock_timeout = \"300ms\""));
    let mut holder = office.pair.desktop.connect().await;
    let mut holder = holder.begin().await.unwrap();
    holder.execute("lock table t in row exclusive mode").await.unwrap();

    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("hint: another session holds t; close the program"), "{ran}");
    assert_eq!(office.pair.desktop.count("t").await, 0);
    assert_eq!(office.pair.desktop.count("u").await, 1);
    holder.rollback().await.unwrap();
    office.reverse_twice().await;
    assert_eq!(office.pair.desktop.count("t").await, 100);
}

/// A large first load that is killed once some of it has been committed.
async fn killed_in_the_middle(cloud: &str, desktop: &str) -> Office {
    let office =
        Office::with(cloud, desktop, &format!("[limits]\nchunk_rows = 2000\n{TABLES}")).await;
    let mut run = office.command(&["reverse"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let before = office.pair.desktop.count("t").await;
    for _ in 0..2_000 {
        if office.pair.desktop.count("t").await > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.kill().unwrap();
    run.wait().unwrap();
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_that_is_killed_goes_on_where_it_was() {
    for key in ["int primary key", "int"] {
        let cloud = format!(
            "create table t (id {key}, v text);
            insert into t select n, repeat('x', 300) from generate_series(1, 60000) n"
        );
        let office = killed_in_the_middle(&cloud, "create table t (id int, v text)").await;
        let kept = office.pair.desktop.count("t").await;
        assert!(kept > 0 && kept < 60_000, "{kept} rows were there when it was killed");
        let ran = office.reverse_twice().await;
        assert_eq!(ran.how("t"), "first run");
        let inserted: i64 = ran.figures("t")[2].replace(',', "").parse().unwrap();
        assert_eq!(inserted, 60_000 - kept);
        assert_eq!(office.pair.desktop.count(DOUBLES).await, 0);
        assert_eq!(office.pair.desktop.count("t").await, 60_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_during_the_first_load_is_not_doubled() {
    let cloud = "create table t (id int primary key, v text);
        insert into t select n, repeat('x', 300) from generate_series(1, 60000) n";
    let office = Office::with(
        cloud,
        "create table t (id int, v text)",
        &format!("[limits]\nchunk_rows = 2000\n{TABLES}"),
    )
    .await;
    let (ran, ()) = tokio::join!(office.run(&["reverse"]), async {
        let mut application = office.pair.desktop.connect().await;
        for id in (1..60_000).rev().step_by(997) {
            let insert = format!(
                "insert into t select {id}, 'office' where not exists (select from t where id = {id})"
            );
            application.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(office.pair.desktop.count(DOUBLES).await, 0);
    office.reverse().await;
    assert_eq!(office.pair.desktop.count("(select distinct id from t) as t").await, 60_000);
}

/// The application writes between two chunks, in a transaction that has an id
/// since before the load, or gets one only now.
async fn somebody_writes_during_the_first_load(before_it: &'static str) {
    let cloud = "create table t (id int primary key, v text);
        insert into t select n, repeat('x', 300) from generate_series(1, 60000) n";
    let tables = format!("[limits]\nchunk_rows = 2000\n{TABLES}");
    let desktop = "create table t (id int, v text); create table elsewhere (id int)";
    let office = Office::alone(cloud, desktop, &tables).await;
    let mut application = office.pair.desktop.connect().await;
    let mut application = application.begin().await.unwrap();
    application.execute(before_it).await.unwrap();
    let (ran, ()) = tokio::join!(office.run(&["reverse"]), async {
        while office.pair.desktop.count("t").await == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let insert = "insert into t select 60000, 'office'
            where not exists (select from t where id = 60000)";
        application.execute(insert).await.unwrap();
        application.commit().await.unwrap();
    });
    assert_eq!((ran.code, ran.figures("t")[2].as_str()), (0, "59,999"), "{ran}");
    assert_eq!(office.pair.desktop.count(DOUBLES).await, 0);
    assert_eq!(office.pair.desktop.lines("select v from t where id = 60000").await, ["office"]);
    office.reverse_twice().await;
    assert_eq!(office.pair.desktop.count("t").await, 60_000);
}

/// The load's own transactions follow each other without a gap then.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_who_had_begun_before_the_first_load_is_not_doubled() {
    somebody_writes_during_the_first_load("insert into elsewhere values (1)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_who_begins_during_the_first_load_is_not_doubled() {
    somebody_writes_during_the_first_load("select 1").await;
}

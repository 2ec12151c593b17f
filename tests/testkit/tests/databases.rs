//! Every test has its own databases, and short words to look into them.

use std::time::{Duration, Instant};

use pgsync_testkit::Pair;

#[tokio::test]
async fn pairs_do_not_see_each_other() {
    let (one, other) = (Pair::empty().await, Pair::empty().await);
    assert_ne!(one.cloud.name(), other.cloud.name());
    one.cloud.run("create table here (id int)").await;
    assert_eq!(one.cloud.text("select to_regclass('here')").await, "here");
    assert_eq!(other.cloud.text("select to_regclass('here')").await, "NULL");
    assert_eq!(one.desktop.text("select to_regclass('here')").await, "NULL");
}

#[tokio::test]
async fn values_are_read_as_psql_shows_them() {
    let Pair { desktop, .. } = Pair::empty().await;
    desktop
        .run(
            "create type mood as enum ('fine'); \
             create table t (id int, m mood, j jsonb, a int[], s timestamptz, b bytea); \
             insert into t values (1, 'fine', '{\"a\": 1}', '{1,2}', '2025-10-31 04:30+00', 'x'), (2, null, null, null, null, null)",
        )
        .await;
    let lines = desktop.lines("select * from t order by id").await;
    assert_eq!(
        lines,
        ["1|fine|{\"a\": 1}|{1,2}|2025-10-31 10:00:00+05:30|\\x78", "2|NULL|NULL|NULL|NULL|NULL"]
    );
    assert_eq!(desktop.count("t").await, 2);
    assert_eq!(desktop.count("t where m is null").await, 1);
}

#[tokio::test]
async fn databases_go_with_their_pair() {
    let stays = Pair::empty().await;
    let goes = Pair::empty().await;
    let still_there =
        format!("select count(*) from pg_database where datname = '{}'", goes.cloud.name());
    assert_eq!(stays.cloud.text(&still_there).await, "1");
    drop(goes);
    let began = Instant::now();
    while stays.cloud.text(&still_there).await != "0" {
        assert!(began.elapsed() < Duration::from_secs(30), "the database is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_dedicated_pair_can_be_broken() {
    let (shared, own) = (Pair::empty().await, Pair::dedicated().await);
    own.cloud.server().kill().unwrap();
    assert_ne!(shared.cloud.port(), own.cloud.port());
    assert_eq!(shared.cloud.text("select 1").await, "1");
    own.cloud.server().restart().unwrap();
    assert_eq!(own.cloud.text("select 1").await, "1");
}

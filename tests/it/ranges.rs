//! Large tables whose key is one number with an index: they are compared in
//! ranges of keys, whatever else the other side has.

use crate::office::{Office, Ran};

const TABLES: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";

/// More than 16 MB, or the rows are counted instead.
fn large(key: &str, id: &str) -> String {
    format!(
        "create table t ({key}, v text);
         insert into t select {id}, repeat('x', 300) || n from generate_series(1, 60000) n"
    )
}

/// With the statements in `stderr`.
async fn full(office: &Office, direction: &str) -> Ran {
    let ran = office.run(&[direction, "--full", "-vvv"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    ran
}

async fn cloud_keys_are_on_the_desktop(office: &Office) {
    let cloud = office.pair.cloud.lines("select id, v from t order by id").await;
    let desktop = office.pair.desktop.lines("select id, v from t order by id").await;
    let desktop: std::collections::BTreeSet<_> = desktop.into_iter().collect();
    assert!(cloud.iter().all(|row| desktop.contains(row)));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_keys_are_found_wherever_they_lie() {
    // Only the last ones lie too far apart for ranges.
    for id in [
        "n - 3000",
        "9223372036854775807 - n",
        "-9223372036854775808 + n - 1",
        "n * 100000::bigint",
    ] {
        let desktop = format!(
            "{}; delete from t where v ~ '[05]00$'; insert into t values
             (null, 'a'), (-9223372036854775807, 'b'), (9223372036854775806, 'c'), (7, 'd')",
            large("id bigint", id)
        );
        let office = Office::with(&large("id bigint primary key", id), &desktop, TABLES).await;
        let ran = office.reverse_twice().await;
        assert_eq!((ran.how("t").as_str(), ran.figures("t")[0].as_str()), ("first run", "60,000"));
        let brought: u64 = ran.figures("t")[2].parse().unwrap();
        assert!((119..=120).contains(&brought), "{id}: {ran}");
        cloud_keys_are_on_the_desktop(&office).await;

        office.pair.desktop.run("delete from t where v ~ 'x(4711|4712|59999)$'").await;
        let ran = full(&office, "reverse").await;
        assert_eq!(ran.figures("t"), ["60,000", "3", "3"], "{id}");
        assert_eq!(ran.stderr.contains(" between '"), !id.contains('*'), "{id}");
        assert_eq!(full(&office, "reverse").await.figures("t"), ["60,000", "0", "0"], "{id}");
        cloud_keys_are_on_the_desktop(&office).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integer_and_a_smaller_one_are_cut_at_the_same_places() {
    let office =
        Office::with(&large("id bigint primary key", "n"), &large("id integer", "n"), TABLES).await;
    office.pair.desktop.run("delete from t where id in (1, 30000, 60000)").await;
    let ran = full(&office, "reverse").await;
    assert_eq!(ran.figures("t"), ["60,000", "3", "3"]);
    assert!(ran.stderr.contains(" between '"));
    cloud_keys_are_on_the_desktop(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rows_are_found_by_the_range_of_their_key() {
    let tables = "[tables]\nt = { key = \"id\", forward = \"upsert\" }";
    let (cloud, desktop) = (large("id int primary key", "n"), large("id int primary key", "n"));
    let office = Office::with(&cloud, &desktop, tables).await;
    let change = "delete from t where id = 5; update t set v = 'old' where id % 1000 = 0;
        insert into t values (-1, 'mine'), (70000, 'mine')";
    office.pair.cloud.run(change).await;
    let ran = full(&office, "forward").await;
    assert_eq!(ran.all_figures("t")[..3], ["60,000", "1", "60"]);
    assert!(ran.stderr.contains(" between '"));
    let keys = "select id, v from t where id between 1 and 60000 order by id";
    assert_eq!(office.pair.cloud.lines(keys).await, office.pair.desktop.lines(keys).await);
    assert_eq!(office.pair.cloud.count("t").await, 60_002);
    assert_eq!(full(&office, "forward").await.all_figures("t")[..3], ["60,000", "0", "0"]);
}

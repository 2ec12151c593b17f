//! Rows that belong to the cloud: delivered once, and never taken for a row of
//! the desktop that happens to have the same number.

use crate::office::Office;

const CLOUD: &str = "create table job (id int, what text, source char(1) default 'D',
        created_at timestamptz default now(), updated_at timestamptz default now());
    insert into job select n, 'job ' || n from generate_series(1, 50) n";
const DESKTOP: &str = "create table job (id int, what text, source char(1),
        created_at timestamp, updated_at timestamp);
    insert into job select n, 'job ' || n from generate_series(1, 50) n";
const TABLES: &str = "[tables]
job = { key = \"id\", owned_by_cloud = \"source = 'M'\", reverse = \"insert-missing\" }";

async fn office() -> Office {
    Office::alone(CLOUD, DESKTOP, TABLES).await
}

const REJECTS: &str =
    "select table_name, key, reason, source_row ->> 'what', target_row ->> 'what',
    attempts from pgsync.rejects";

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_took_the_same_number_are_both_kept() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    office.reverse_twice().await;
    desktop.run("insert into job values (51, 'made in the office')").await;
    cloud.run("insert into job values (51, 'made on a phone', 'M'), (52, 'also', 'M')").await;

    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(ran.figures("job"), ["2", "1", "1"]);
    assert!(ran.stdout.contains("; 1 rejected"), "{ran}");
    assert_eq!(
        desktop.lines(REJECTS).await,
        ["job|[\"51\"]|key conflict|made on a phone|made in the office|1"]
    );
    assert_eq!(desktop.text("select what from job where id = 51").await, "made in the office");

    // It is looked at again by every run, although nothing has changed.
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(desktop.text("select attempts from pgsync.rejects").await, "2");
    let status = office.run(&["status"]).await;
    assert!(status.stdout.contains("ok; 1 rejected"), "{status}");

    // Once the office takes another number, the phone's row comes in.
    desktop.run("update job set id = 99 where id = 51").await;
    let ran = office.reverse().await;
    assert_eq!(ran.figures("job"), ["1", "1", "1"]);
    assert_eq!(desktop.text("select what from job where id = 51").await, "made on a phone");
    assert_eq!(desktop.count("pgsync.rejects").await, 0);
    office.reverse_twice().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_found_by_a_first_run_over_equal_keys() {
    let office = office().await;
    office.pair.cloud.run("update job set source = 'M', what = 'of a phone' where id = 3").await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(ran.figures("job"), ["50", "0", "0"]);
    assert_eq!(
        office.pair.desktop.lines(REJECTS).await,
        ["job|[\"3\"]|key conflict|of a phone|job 3|1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_goes_when_the_row_goes() {
    let office = office().await;
    office.pair.cloud.run("update job set source = 'M', what = 'of a phone' where id = 3").await;
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    office.pair.cloud.run("delete from job where id = 3").await;
    office.reverse_twice().await;
    assert_eq!(office.pair.desktop.count("pgsync.rejects").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_an_earlier_tool_brought_are_taken_as_delivered() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    cloud.run("insert into job values (60, 'brought', 'M'), (61, null, 'M')").await;
    desktop.run("insert into job (id, what, updated_at) values (60, 'brought', now()), (61, null, null)").await;
    office.reverse_twice().await;
    assert_eq!(
        desktop.lines("select key from pgsync.delivered_keys order by key").await,
        ["[\"60\"]", "[\"61\"]"]
    );

    // From now on both sides may edit it.
    desktop.run("update job set what = 'edited in the office' where id = 60").await;
    cloud.run("update job set what = 'edited on a phone' where id = 60").await;
    let ran = office.reverse().await;
    assert_eq!(ran.figures("job"), ["1", "0", "0"]);
    let ran = office.run(&["reverse", "--full"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(desktop.text("select what from job where id = 60").await, "edited in the office");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_desktop_are_never_in_conflict() {
    let office = office().await;
    office.reverse_twice().await;
    office.pair.cloud.run("update job set what = 'forward set this'").await;
    let ran = office.reverse().await;
    assert_eq!(ran.figures("job"), ["50", "0", "0"]);
    assert_eq!(office.run(&["reverse", "--full"]).await.code, 0);
}

const DIARY: &str = "create table diary (wd_id serial primary key, note text, source char(1));
    insert into diary (note, source) select 'desk ' || n, 'D' from generate_series(1, 1000) n;
    insert into diary (note, source) values ('phone 1', 'M'), ('phone 1', 'M'), (null, 'M')";
const DELIVERED: &str = "[tables.diary]
key = \"wd_id\"
reverse = { mode = \"insert-missing\", where = \"source = 'M'\", delivered = true }";

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_key_the_desktop_has_no_column_for_arrive_once() {
    let office = Office::alone(
        DIARY,
        "create table diary (note text, source char(1));
        insert into diary select 'desk ' || n, 'D' from generate_series(1, 1000) n",
        DELIVERED,
    )
    .await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("diary"), ["3", "3", "3"]);
    let phones = "select coalesce(note, '-') from diary where source = 'M' order by 1";
    assert_eq!(desktop.lines(phones).await, ["-", "phone 1", "phone 1"]);

    // Not after a full comparison, a reset, or a row that the office deleted.
    desktop.run("delete from diary where note is null").await;
    assert_eq!(office.run(&["reverse", "--full"]).await.figures("diary"), ["3", "0", "0"]);
    assert_eq!(office.run(&["init-metadata", "--reset-all"]).await.code, 0);
    assert_eq!(office.reverse().await.figures("diary"), ["3", "0", "0"]);
    assert_eq!(desktop.count("diary").await, 1002);

    cloud.run("insert into diary (note, source) values ('phone 2', 'M'), ('desk', 'D')").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("diary"), ["1", "1", "1"]);
    assert_eq!(desktop.count("diary").await, 1003);
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_rows_of_an_empty_desktop_are_remembered_as_delivered() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    desktop.run("delete from job").await;
    cloud.run("update job set source = 'M' where id > 48").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("job"), ["50", "50", "50"]);
    assert_eq!(desktop.count("pgsync.delivered_keys").await, 2);
    desktop.run("update job set what = 'edited' where id = 49").await;
    assert_eq!(office.run(&["reverse", "--full"]).await.code, 0);
}

//! Mirror: the cloud's desktop-owned rows are the desktop's rows, by content.

use crate::office::{Office, Ran};

const CLOUD: &str = "create table task (job_id numeric(10), task_id numeric(7), note varchar(40),
        hours numeric(8,2), status text, source char(1) default 'D', jt_id bigserial primary key);";
const DESKTOP: &str = "create table task (job_id numeric(10), task_id numeric(7), note varchar(40),
        hours numeric(8,2), source char(1));
    insert into task select n, 1, 'note ' || n, n / 2.0 from generate_series(1, 60) n;
    insert into task select 61, n % 3, 'same', 1 from generate_series(1, 40) n";
const TABLES: &str = "[tables.task]
key = \"jt_id\"
owned_by_cloud = \"source = 'M'\"
reverse = { mode = \"insert-missing\", where = \"source = 'M'\", delivered = true }
forward = { mode = \"mirror\", key = [\"job_id\", \"task_id\"], where = \"source is distinct from 'M'\", columns = { source = { skip = true } } }";

async fn office() -> Office {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    assert_eq!(figures(&office.forward(&[]).await), ["100", "100", "0", "0", "0"]);
    both_sides_hold_the_same(&office).await;
    office
}

fn figures(ran: &Ran) -> Vec<String> {
    ran.all_figures("task")
}

async fn both_sides_hold_the_same(office: &Office) {
    let rows = "select job_id, task_id, note, hours from task
        where source is distinct from 'M' order by 1, 2, 3, 4";
    assert_eq!(office.pair.cloud.lines(rows).await, office.pair.desktop.lines(rows).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_are_not_touched_and_changed_rows_keep_their_place() {
    let office = office().await;
    office.rests().await;
    office.pair.cloud.run("update task set status = 'of the cloud' where job_id = 5").await;
    let id = office.pair.cloud.text("select jt_id from task where job_id = 5").await;
    let others = "select jt_id, xmin from task where job_id <> 5 order by 1";
    let before = office.pair.cloud.lines(others).await;
    office.pair.desktop.run("update task set note = 'edited' where job_id = 5").await;
    assert_eq!(figures(&office.forward(&[]).await), ["100", "0", "1", "0", "0"]);
    let row = "select jt_id, note, status from task where job_id = 5";
    assert_eq!(office.pair.cloud.lines(row).await, [format!("{id}|edited|of the cloud")]);
    assert_eq!(office.pair.cloud.lines(others).await, before);
    both_sides_hold_the_same(&office).await;
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_row_are_counted() {
    let office = office().await;
    office.pair.desktop.run("insert into task values (61, 1, 'same', 1), (61, 1, 'same', 1);
        delete from task where ctid = (select min(ctid) from task where job_id = 61 and task_id = 2)").await;
    assert_eq!(figures(&office.forward(&[]).await), ["101", "2", "0", "1", "0"]);
    both_sides_hold_the_same(&office).await;
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_did_in_the_cloud_is_set_back() {
    let office = office().await;
    office
        .pair
        .cloud
        .run(
            "update task set note = 'phone' where job_id = 3; delete from task where job_id = 4;
        insert into task (job_id, task_id, note) values (99, 9, 'stray')",
        )
        .await;
    let dry = office.forward(&["--dry-run"]).await;
    assert_eq!(figures(&dry), ["100", "1", "1", "1", "0"]);
    assert_eq!(figures(&office.forward(&[]).await), figures(&dry));
    both_sides_hold_the_same(&office).await;
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_rows_are_neither_deleted_nor_sent_back() {
    let office = office().await;
    office.pair.cloud.run("insert into task (job_id, task_id, note, source) values (1, 1, 'phone', 'M'), (1, 1, 'phone', 'M')").await;
    let phones = "select *, xmin from task where source = 'M' order by jt_id";
    let before = office.pair.cloud.lines(phones).await;
    nothing_new_forward(&office).await;
    assert_eq!(office.reverse().await.figures("task"), ["2", "2", "2"]);
    assert_eq!(office.pair.desktop.count("task where source = 'M'").await, 2);
    for _ in 0..3 {
        office.rests().await;
    }
    assert_eq!(figures(&office.forward(&["--full"]).await)[1..], ["0", "0", "0", "0"]);
    assert_eq!(office.pair.cloud.lines(phones).await, before);
    assert_eq!(office.pair.desktop.count("task").await, 102);
}

async fn nothing_new_forward(office: &Office) {
    let ran = office.forward(&[]).await;
    assert_eq!(figures(&ran)[1..], ["0", "0", "0", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_source_column_the_desktops_echoes_are_known_by_their_transaction() {
    let desktop =
        DESKTOP.replace(",\n        hours numeric(8,2), source char(1))", ", hours numeric(8,2))");
    let tables = TABLES.replace(" where = \"source is distinct from 'M'\",", "");
    let office = Office::alone(CLOUD, &desktop, &tables).await;
    office.forward(&[]).await;
    office
        .pair
        .cloud
        .run("insert into task (job_id, task_id, note, source) values (1, 1, 'phone', 'M')")
        .await;
    assert_eq!(office.reverse().await.figures("task"), ["1", "1", "1"]);
    for _ in 0..3 {
        office.rests().await;
    }
    assert_eq!(figures(&office.forward(&["--full"]).await)[1..], ["0", "0", "0", "0"]);
    assert_eq!(office.pair.cloud.count("task").await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_past_the_limit_stop_the_pair() {
    let office = office().await;
    office.pair.desktop.run("delete from task where job_id <= 50").await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 6, "{ran}");
    assert!(ran.stderr.contains("50 of its 100 rows on the cloud would be deleted"), "{ran}");
    assert!(ran.stderr.contains("pgsync forward task --allow-deletes"), "{ran}");
    assert_eq!(office.pair.cloud.count("task").await, 100);
    assert_eq!(figures(&office.forward(&["--allow-deletes"]).await), ["50", "0", "0", "50", "0"]);
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_desktop_never_empties_the_cloud() {
    let office = office().await;
    office.pair.desktop.run("delete from task").await;
    for more in [&[][..], &["--full"], &["--allow-deletes"]] {
        let ran = office.run(&[&["forward"], more].concat()).await;
        assert_eq!(ran.code, 6, "{ran}");
        assert_eq!(office.pair.cloud.count("task").await, 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_deletes_are_carried() {
    let office = office().await;
    office.pair.desktop.run("delete from task where job_id <= 10").await;
    assert_eq!(figures(&office.forward(&[]).await), ["90", "0", "0", "10", "0"]);
    both_sides_hold_the_same(&office).await;
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_compared_in_buckets() {
    let office = office().await;
    office
        .pair
        .desktop
        .run("insert into task select n, 5, 'many', n % 7 from generate_series(1000, 20999) n")
        .await;
    assert_eq!(
        figures(&office.forward(&[]).await),
        ["20,100", "20000", "0", "0", "0"].map(|f| f.replace("20000", "20,000"))
    );
    office.pair.desktop.run("update task set hours = 77 where job_id in (2000, 3000); delete from task where job_id = 4000;
        insert into task values (5000, 5, 'many', 3)").await;
    assert_eq!(figures(&office.forward(&[]).await), ["20,100", "1", "2", "1", "0"]);
    both_sides_hold_the_same(&office).await;
    office.rests().await;
}

/// Neither side has a key; the first run fills an empty table, the next ones
/// compare.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_needs_no_key() {
    let office = Office::with(
        "create table note (v text)",
        "create table note (v text); insert into note values ('a'), ('a'), (null)",
        "[tables.note]\nforward = \"mirror\"",
    )
    .await;
    office.forward_twice(&[]).await;
    office.pair.desktop.run("insert into note values ('b')").await;
    office.forward_twice(&["--full"]).await;
    assert_eq!(office.both("select v from note order by 1").await, ["a", "a", "b", "NULL"]);
}

//! Mirror, when only the desktop has moved since both sides were equal: what it
//! changed is enough to look at, unless something was deleted.

use crate::office::{Office, Ran};

const TABLE: &str = "create table task (job_id numeric(10), note varchar(40), hours numeric(8,2)";
const FILL: &str =
    "insert into task select n, 'note ' || n % 50, n / 2.0 from generate_series(1, 300) n;
    insert into task select 400 + n % 5, 'same key', n % 3 from generate_series(1, 40) n;
    insert into task select null, 'no key', n % 2 from generate_series(1, 6) n";
const TABLES: &str =
    "[tables.task]\nkey = \"job_id\"\nforward = { mode = \"mirror\", max_delete = \"50%\" }";

async fn office() -> Office {
    let cloud = format!("{TABLE}, status text, jt_id bigserial primary key)");
    let office = Office::alone(&cloud, &format!("{TABLE}); {FILL}"), TABLES).await;
    office.forward_twice(&[]).await;
    assert_equal(&office, "at first").await;
    office
}

async fn assert_equal(office: &Office, when: &str) {
    let rows = "select job_id, note, hours from task order by 1, 2, 3";
    let (cloud, desktop) =
        (office.pair.cloud.lines(rows).await, office.pair.desktop.lines(rows).await);
    assert_eq!(cloud, desktop, "{when}");
}

/// Whether the changed rows did not account for everything.
fn fell_back(ran: &Ran) -> bool {
    ran.stderr.contains("more than the changed rows differ")
}

async fn after(office: &Office, change: &str) -> (Vec<String>, bool) {
    office.pair.desktop.run(change).await;
    let ran = office.forward_twice(&["-vv"]).await;
    assert_equal(office, change).await;
    (ran.all_figures("task")[1..4].to_vec(), fell_back(&ran))
}

fn figures(inserted: u64, updated: u64, deleted: u64) -> Vec<String> {
    [inserted, updated, deleted].map(|rows| rows.to_string()).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_and_new_rows_are_told_by_the_cursor_alone() {
    let office = office().await;
    let edit = "update task set note = 'edited' where job_id in (7, 400)";
    assert_eq!(after(&office, edit).await, (figures(0, 9, 0), false));
    let more = "insert into task values (7, 'again', 1), (999, 'new', 2), (null, 'no key', 9)";
    assert_eq!(after(&office, more).await, (figures(3, 0, 0), false));
    let same_again = "update task set note = note where job_id < 20";
    assert_eq!(after(&office, same_again).await, (figures(0, 0, 0), false));
    let one_of_a_key =
        "delete from task where ctid = (select min(ctid) from task where job_id = 401);
        update task set hours = 8 where job_id = 401; insert into task values (1000, 'x', 1)";
    assert_eq!(after(&office, one_of_a_key).await, (figures(1, 7, 1), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cursor_does_not_tell_is_found_by_counting() {
    let office = office().await;
    let deleted_and_new =
        "delete from task where job_id = 9; insert into task values (888, 'n', 1);
        update task set hours = 99 where job_id = 10";
    assert_eq!(after(&office, deleted_and_new).await, (figures(1, 1, 1), true));
    let another_key = "update task set job_id = 777 where job_id = 11";
    assert_eq!(after(&office, another_key).await, (figures(1, 0, 1), true));
    let without_key = "update task set note = 'edited' where job_id is null and hours = 0";
    // Nothing tells which row of the cloud they were.
    assert_eq!(after(&office, without_key).await, (figures(3, 0, 3), true));
    let changed_places = "update task set job_id = 55 - job_id where job_id in (25, 30)";
    assert_eq!(after(&office, changed_places).await, (figures(0, 2, 0), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cloud_changed_is_compared_in_full() {
    let office = office().await;
    office.pair.cloud.run("update task set note = 'of the cloud' where job_id = 20").await;
    assert_eq!(
        after(&office, "update task set hours = 3 where job_id = 21").await.0,
        figures(0, 2, 0)
    );
    office.pair.cloud.run("delete from task where job_id = 22").await;
    assert_eq!(
        after(&office, "update task set hours = 4 where job_id = 23").await.0,
        figures(1, 1, 0)
    );
    office.pair.cloud.run("insert into task (job_id, note, hours) values (24, 'stray', 0)").await;
    assert_eq!(
        after(&office, "update task set hours = 5 where job_id = 24").await.0,
        figures(0, 1, 1)
    );
}

/// Random statements on the desktop, now and then on the cloud. Every round
/// must end with equal sides and nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn random_changes_leave_equal_sides() {
    let office = office().await;
    let mut seed = 20_261_122_u64;
    let mut roll = |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    for round in 0..25 {
        let mut statements = Vec::new();
        for _ in 0..=roll(3) {
            let (key, other) = (roll(60) * 7, roll(420));
            statements.push(match roll(7) {
                0 => format!("insert into task values ({key}, 'round {round}', {other})"),
                1 => format!("insert into task select * from task where job_id = {key}"),
                2 => format!("update task set hours = {other} where job_id = {key}"),
                3 => format!("update task set job_id = {other} where job_id = {key}"),
                4 => format!("delete from task where job_id = {key}"),
                5 => format!("insert into task values (null, 'round {round}', {key})"),
                _ => format!(
                    "delete from task where ctid = (select min(ctid) from task where job_id = {})",
                    400 + key % 5
                ),
            });
        }
        if roll(5) == 0 {
            office.pair.cloud.run(&format!("delete from task where job_id = {}", roll(420))).await;
        }
        let statements = statements.join(";\n");
        office.pair.desktop.run(&statements).await;
        office.forward_twice(&[]).await;
        assert_equal(&office, &format!("round {round}:\n{statements}")).await;
    }
}

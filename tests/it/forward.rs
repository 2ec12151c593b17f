//! Desktop to cloud: what the phones own stays as it is, and nothing else is
//! left behind.

use crate::office::{Office, Ran};

const CLOUD: &str = "create table job (id int primary key, what text, pay numeric(8,2),
        cloud_only text, source char(1) default 'D', updated_at timestamptz default now());
    create function stamp() returns trigger language plpgsql as
        'begin new.updated_at = now(); return new; end';
    create trigger stamp before update on job for each row execute function stamp();";
const DESKTOP: &str = "create table job (id int, what text, pay numeric, updated_at timestamp);
    insert into job select n, 'job ' || n, n, now() from generate_series(1, 50) n";
const TABLES: &str = "[tables.job]
key = \"id\"
owned_by_cloud = \"source = 'M'\"
reverse = \"insert-missing\"
forward = { mode = \"upsert\", columns = { updated_at = { skip = true } } }";

async fn office() -> Office {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let first = office.forward(&[]).await;
    assert_eq!(figures(&first), ["50", "50", "0", "0", "0"]);
    office
}

/// Checked, inserted, updated, deleted, protected.
fn figures(ran: &Ran) -> Vec<String> {
    ran.all_figures("job")
}

async fn phone_rows(office: &Office) -> Vec<String> {
    office.pair.cloud.lines("select *, xmin, ctid from job where source = 'M' order by id").await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_directions_leave_each_other_in_peace() {
    let office = office().await;
    office.rests().await;
    office.pair.cloud.run("insert into job values (90, 'phone', 9, 'x', 'M')").await;
    let ran = office.reverse().await;
    assert_eq!(ran.figures("job"), ["1", "1", "1"]);
    for _ in 0..5 {
        office.rests().await;
    }
    assert_eq!(office.pair.desktop.count("job").await, 51);
    assert_eq!(office.pair.cloud.count("job").await, 51);
    // Nor in full: both directions still find the same.
    let full = office.forward(&["--full"]).await;
    assert_eq!(figures(&full), ["51", "0", "0", "0", "0"]);
    assert_eq!(office.run(&["reverse", "--full"]).await.figures("job")[2], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_edited_is_one_row_written() {
    let office = office().await;
    let others = "select id, xmin from job where id <> 7 order by id";
    let before = office.pair.cloud.lines(others).await;
    office.pair.cloud.run("update job set cloud_only = 'kept' where id = 7").await;
    office.pair.desktop.run("update job set what = 'edited' where id = 7").await;
    let ran = office.forward(&[]).await;
    assert_eq!(figures(&ran), ["1", "0", "1", "0", "0"]);
    assert_eq!(office.pair.cloud.lines(others).await, before);
    let row =
        office.pair.cloud.text("select what || ' ' || cloud_only from job where id = 7").await;
    assert_eq!(row, "edited kept");
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_rows_survive_every_mode_byte_for_byte() {
    let office = office().await;
    office.pair.cloud.run("insert into job values (90, 'phone', 9, 'x', 'M'); update job set source = 'M' where id = 3").await;
    let before = phone_rows(&office).await;
    office.reverse().await;
    for more in [&[][..], &["--full"], &["--dry-run"], &["--full", "--dry-run"]] {
        let ran = office.run(&[&["forward"], more].concat()).await;
        assert!(ran.code == 0, "{ran}");
        assert_eq!(phone_rows(&office).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_row_that_the_cloud_owns_is_protected_and_counted() {
    let office = office().await;
    office.pair.cloud.run("insert into job values (90, 'phone', 9, 'x', 'M')").await;
    office.reverse().await;
    let before = phone_rows(&office).await;
    office.pair.desktop.run("update job set what = 'edited in the office' where id = 90").await;
    let ran = office.forward(&[]).await;
    assert_eq!(figures(&ran), ["1", "0", "0", "0", "1"]);
    assert_eq!(figures(&office.forward(&["--full"]).await), ["51", "0", "0", "0", "1"]);
    assert_eq!(phone_rows(&office).await, before);

    // Nor is it made again where the phones have deleted it.
    office.pair.cloud.run("delete from job where id = 90").await;
    assert_eq!(figures(&office.forward(&["--full"]).await), ["51", "0", "0", "0", "1"]);
    assert_eq!(office.pair.cloud.count("job where id = 90").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_taken_on_both_sides_is_said_by_both_directions() {
    let office = office().await;
    office.reverse().await;
    office.pair.cloud.run("insert into job values (60, 'phone', 1, null, 'M')").await;
    office.pair.desktop.run("insert into job values (60, 'office', 2)").await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(
        (ran.code, figures(&ran)),
        (4, ["1", "0", "0", "0", "0"].map(str::to_owned).to_vec()),
        "{ran}"
    );
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    let reject = "select direction, key, reason, source_row ->> 'what', target_row ->> 'what' from pgsync.rejects";
    assert_eq!(
        office.pair.cloud.lines(reject).await,
        ["forward|[\"60\"]|key conflict|office|phone"]
    );
    assert_eq!(
        office.pair.desktop.lines(reject).await,
        ["reverse|[\"60\"]|key conflict|phone|office"]
    );
    office.pair.desktop.run("update job set id = 61 where id = 60").await;
    assert_eq!(figures(&office.forward(&[]).await), ["1", "1", "0", "0", "0"]);
    assert_eq!(office.reverse().await.figures("job")[2], "1");
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phones_edit_stands_until_the_desktop_row_changes_or_full_sets_it_back() {
    let office = office().await;
    office.pair.cloud.run("update job set what = 'phone' where id in (5, 6)").await;
    assert_eq!(figures(&office.forward(&[]).await), ["0", "0", "0", "0", "0"]);
    office.pair.desktop.run("update job set pay = 99 where id = 5").await;
    assert_eq!(figures(&office.forward(&[]).await), ["1", "0", "1", "0", "0"]);
    let what = "select id, what from job where id in (5, 6) order by id";
    assert_eq!(office.pair.cloud.lines(what).await, ["5|job 5", "6|phone"]);

    let dry = office.forward(&["--full", "--dry-run"]).await;
    assert_eq!(figures(&dry), ["50", "0", "1", "0", "0"]);
    assert!(dry.stdout.contains("would be updated: [\"6\"]"), "{dry}");
    assert_eq!(office.pair.cloud.lines(what).await, ["5|job 5", "6|phone"]);
    assert_eq!(figures(&office.forward(&["--full"]).await), figures(&dry));
    assert_eq!(office.pair.cloud.lines(what).await, ["5|job 5", "6|job 6"]);
    office.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_on_the_desktop_is_not_missed() {
    use sqlx::{Connection as _, Executor as _};
    let office = office().await;
    let mut late = office.pair.desktop.connect().await;
    let mut late = late.begin().await.unwrap();
    late.execute("insert into job values (70, 'late', 1, '2001-01-01')").await.unwrap();
    office.pair.desktop.run("insert into job values (71, 'in time')").await;
    assert_eq!(figures(&office.forward(&[]).await)[1], "1");
    late.commit().await.unwrap();
    assert_eq!(figures(&office.forward(&[]).await)[1], "1");
    assert_eq!(office.pair.cloud.count("job where id >= 70").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_differ_only_if_they_really_do() {
    let office = office().await;
    let edit = |set: &'static str| {
        let office = &office;
        async move {
            office.pair.desktop.run(&format!("update job set {set} where id = 9")).await;
            figures(&office.forward(&[]).await)[2].clone()
        }
    };
    assert_eq!(edit("pay = 9.00").await, "0");
    assert_eq!(edit("what = what || ' '").await, "1");
    assert_eq!(edit("what = ''").await, "1");
    assert_eq!(edit("what = null").await, "1");
    assert_eq!(edit("what = null, pay = 9.0").await, "0");
    assert_eq!(edit("updated_at = '2001-01-01'").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_deleted_and_made_again_is_the_same_row() {
    let office = office().await;
    office
        .pair
        .desktop
        .run("delete from job where id = 8; insert into job values (8, 'job 8', 8)")
        .await;
    assert_eq!(figures(&office.forward(&[]).await), ["1", "0", "0", "0", "0"]);
    office.pair.desktop.run("delete from job where id = 8").await;
    office.forward(&["--full"]).await;
    assert_eq!(office.pair.cloud.count("job where id = 8").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_on_many_rows_follows_the_stated_rule() {
    let office = office().await;
    office.pair.desktop.run("insert into job select 80, 'copy ' || n, n, timestamp '2020-01-01' + n * interval '1 day' from generate_series(1, 24) n").await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(office.pair.cloud.count("job where id = 80").await, 0);
    let rejects = "select key, reason, message from pgsync.rejects";
    assert_eq!(
        office.pair.cloud.lines(rejects).await,
        ["[\"80\"]|duplicate key|the key stands on 24 rows of the source"]
    );
    // One of them changed: the rule still looks at all of them.
    office.pair.desktop.run("update job set pay = 1000 where what = 'copy 7'").await;
    assert_eq!(office.run(&["forward"]).await.code, 4);
    assert_eq!(office.pair.cloud.count("job where id = 80").await, 0);

    office.configure_tables(
        &TABLES.replace("\"upsert\",", "\"upsert\", on_duplicate = { latest = \"pay\" },"),
    );
    office.forward(&[]).await;
    assert_eq!(office.pair.cloud.text("select what from job where id = 80").await, "copy 7");
    assert_eq!(office.pair.cloud.count("pgsync.rejects").await, 0);
    assert_eq!(figures(&office.forward(&["--full"]).await)[1..3], ["0", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_without_rows_changes_nothing_in_the_cloud() {
    let office = office().await;
    office.pair.desktop.run("truncate job").await;
    assert_eq!(figures(&office.forward(&["--full"]).await), ["0", "0", "0", "0", "0"]);
    assert_eq!(office.pair.cloud.count("job").await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_stays_out_alone_and_is_named() {
    let office = office().await;
    office
        .pair
        .desktop
        .run("insert into job values (81, 'fine', 1), (82, 'too much', 123456789)")
        .await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stderr.contains("rejected: job [\"82\"]: "), "{ran}");
    assert_eq!(office.pair.cloud.lines("select id from job where id > 80").await, ["81"]);
    office.pair.desktop.run("update job set pay = 2 where id = 82").await;
    assert_eq!(figures(&office.forward(&[]).await)[1..], ["1", "0", "0", "0"]);
}

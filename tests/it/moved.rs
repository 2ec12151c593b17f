//! A database that was dumped and restored on another server: its records came
//! along, the counter of transactions that they speak of did not.

use crate::office::Office;

const CLOUD: &str = "create table job (id int primary key, note text, source char(1) default 'D');
    create table task (id int, note text, jt_id bigserial primary key)";
const DESKTOP: &str = "create table job (id int, note text, source char(1));
    create table task (id int, note text);
    insert into job select n, 'job ' || n, 'D' from generate_series(1, 20) n;
    insert into task select n, 'task ' || n from generate_series(1, 20) n";
const TABLES: &str = "[tables]
job = { key = \"id\", owned_by_cloud = \"source = 'M'\", reverse = \"insert-missing\", forward = \"upsert\" }
task = { key = \"id\", forward = \"mirror\" }";

async fn office() -> Office {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    office.forward_twice(&[]).await;
    office.reverse_twice().await;
    office
}

/// What was kept of the target's counter means nothing on another server.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_looks_again_when_its_target_is_another_server() {
    let office = office().await;
    let far_ahead = "update _sync_metadata set target_horizon = '4000000000',
        target_identity = '1' || target_identity where table_name = 'task'";
    office.pair.cloud.run(far_ahead).await;
    office.pair.cloud.run("update task set note = 'changed there' where id = 7").await;
    let ran = office.forward_twice(&[]).await;
    assert_eq!(ran.all_figures("task"), ["20", "0", "1", "0", "0"], "{ran}");
    assert_eq!(office.pair.cloud.text("select note from task where id = 7").await, "task 7");
}

/// The new server gives out ids that the old one gave to our own writes.
#[tokio::test(flavor = "multi_thread")]
async fn own_writes_of_another_server_hide_nobodys_rows() {
    let office = office().await;
    let remembered = "insert into pgsync.own_writes (xid, run_id, server)
        select n::text::xid8, 'on the old server', 'old' from generate_series(
            pg_current_xact_id()::text::bigint + 1, pg_current_xact_id()::text::bigint + 500) n";
    for side in [&office.pair.cloud, &office.pair.desktop] {
        side.run(remembered).await;
    }
    office.pair.cloud.run("insert into job values (77, 'by a phone', 'M')").await;
    office.pair.desktop.run("update job set note = 'edited' where id = 5; update task set note = 'edited' where id = 5").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("job")[2], "1", "{ran}");
    let ran = office.forward_twice(&[]).await;
    assert_eq!(ran.all_figures("task"), ["20", "0", "1", "0", "0"], "{ran}");
    assert_eq!(office.pair.desktop.text("select note from job where id = 77").await, "by a phone");
    assert_eq!(office.pair.cloud.text("select note from job where id = 5").await, "edited");
    assert_eq!(office.pair.cloud.count("task").await, 20);
}

/// Whoever may not ask the server who it is can still work.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_know_its_server_works_all_the_same() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let mut command = office.command(&["forward"]);
    for (side, variable) in
        [(&office.pair.cloud, "CLOUD_DATABASE_URL"), (&office.pair.desktop, "DESKTOP_DATABASE_URL")]
    {
        side.run("revoke execute on function pg_control_system() from public").await;
        side.run("create role clerk login").await;
        side.run(&format!("grant all on database {} to clerk", side.name())).await;
        side.run("grant all on schema public to clerk").await;
        side.run("grant all on all tables in schema public to clerk").await;
        side.run("grant all on all sequences in schema public to clerk").await;
        command.env(variable, side.url_as("clerk", ""));
    }
    for inserted in ["20", "0"] {
        let ran = crate::office::Ran::from(command.output().unwrap());
        assert_eq!(ran.code, 0, "{ran}");
        assert_eq!(ran.all_figures("task")[1], inserted, "{ran}");
    }
    assert_eq!(office.pair.cloud.text("select distinct server from pgsync.own_writes").await, "");
}

//! Our own tables: made, adopted, reset, and refused.

use crate::office::Office;
use pgsync_testkit::Db;

const CLOUD: &str =
    "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b')";
const DESKTOP: &str = "create table t (id int, v text)";
const TABLES: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_was_inserted_carries_a_recorded_transaction() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    office.reverse_twice().await;
    office.pair.cloud.run("insert into t values (3, 'c')").await;
    office.reverse_twice().await;
    let desktop = &office.pair.desktop;
    let ours = "t where xmin in (select xid::xid from pgsync.own_writes)";
    assert_eq!((desktop.count("t").await, desktop.count(ours).await), (3, 3));
    // Two transactions, and the part of the second that lies under a savepoint.
    assert_eq!(desktop.count("pgsync.own_writes").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn echoes_of_the_other_direction_are_left_out() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    assert_eq!(office.run(&["init-metadata"]).await.code, 0);
    office.reverse_twice().await;
    office
        .pair
        .cloud
        .run(
            "insert into t values (3, 'forwarded'), (4, 'forwarded, then edited');
             insert into pgsync.own_writes (xid, run_id) values (pg_current_xact_id(), 'forward')",
        )
        .await;
    assert_eq!(office.reverse().await.figures("t"), ["0", "0", "0"]);
    office.pair.cloud.run("update t set v = 'by a phone' where id = 4").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t"), ["1", "1", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_tables_are_adopted_with_what_they_have() {
    let office = Office::alone(
        &format!(
            "{CLOUD}; create table _sync_metadata (table_name varchar(255) primary key,
            last_sync_timestamp timestamptz, last_sync_id bigint, sync_status varchar(50));
            insert into _sync_metadata values ('t', '2025-10-31', 7, 'ok')"
        ),
        &format!(
            "{DESKTOP}; create table _reverse_sync_metadata (table_name text,
            last_sync_timestamp timestamp, extra int);
            insert into _reverse_sync_metadata values ('t', '2025-11-01', 5), ('other', null, 6)"
        ),
        TABLES,
    )
    .await;
    let ran = office.run(&["init-metadata"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("t  was there, kept as it is"), "{ran}");
    let again = office.run(&["init-metadata"]).await;
    assert_eq!(again.stdout.matches("pgsync's own tables are up to date").count(), 2, "{again}");

    // The earlier tool's time is no reason to leave rows out.
    let ran = office.reverse_twice().await;
    assert_eq!((ran.how("t").as_str(), ran.figures("t")[2].as_str()), ("first run", "2"));
    let rows = "select table_name, extra from _reverse_sync_metadata order by 1";
    assert_eq!(office.pair.desktop.lines(rows).await, ["other|6", "t|5"]);
    let kept = "select last_sync_id, sync_status from _sync_metadata";
    assert_eq!(office.pair.cloud.lines(kept).await, ["7|ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_hides_our_tables_from_the_phones() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    office.run(&["init-metadata"]).await;
    let open = "pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and not c.relrowsecurity and c.relname <> '_sqlx_migrations'
        and (n.nspname = 'pgsync' or c.relname = '_sync_metadata')";
    assert_eq!(office.pair.cloud.count(open).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_lets_the_next_run_compare_in_full() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    office.reverse_twice().await;
    office.pair.desktop.run("delete from t where id = 1").await;
    assert_eq!(office.reverse().await.figures("t"), ["0", "0", "0"]);
    let ran = office.run(&["init-metadata", "--reset", "t"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    let ran = office.reverse_twice().await;
    assert_eq!((ran.how("t").as_str(), ran.figures("t")[2].as_str()), ("reconcile: reset", "1"));
    let ran = office.run(&["init-metadata", "--reset", "nothing"]).await;
    assert_eq!(ran.code, 2, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_for_both_directions() {
    let tables = "[tables.t]\nkey = \"id\"\nforward = \"upsert\"";
    let office = Office::alone(CLOUD, DESKTOP, tables).await;
    office.forward_twice(&[]).await;
    let ran = office.run(&["init-metadata", "--reset", "t"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(office.forward_twice(&[]).await.how("t"), "reconcile: reset");
}

/// A role that may read and write the table, and nothing else.
async fn clerk(desktop: &Db) -> String {
    let role = format!("clerk_{}", desktop.name());
    desktop
        .run(&format!(
            "create role \"{role}\" login; revoke create on schema public from public;
             grant select, insert, update, delete on t to \"{role}\""
        ))
        .await;
    desktop.url_as(&role, "")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_create_gets_the_sql_for_an_administrator() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let url = clerk(&office.pair.desktop).await;
    let run = |arguments: &[&str]| {
        let mut command = office.command(arguments);
        command.env("DESKTOP_DATABASE_URL", &url);
        crate::office::Ran::from(command.output().unwrap())
    };
    let refused = run(&["reverse"]);
    assert_eq!(refused.code, 3, "{refused}");
    assert_eq!(office.pair.desktop.count("t").await, 0);
    assert_eq!(office.pair.desktop.count("pg_namespace where nspname = 'pgsync'").await, 0);

    let told = run(&["init-metadata"]);
    assert_eq!(told.code, 3, "{told}");
    assert!(
        told.stderr.contains("have an administrator run the SQL above on the desktop"),
        "{told}"
    );
    let sql = told.stdout.split_once("administrator:\n").unwrap().1;
    office.pair.desktop.run(sql).await;

    let works = run(&["reverse"]);
    assert_eq!(works.code, 0, "{works}");
    assert_eq!(office.pair.desktop.count("t").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_hides_rows_is_an_error_and_not_a_silent_loss() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let (cloud, role) = (&office.pair.cloud, format!("reader_{}", office.pair.cloud.name()));
    cloud
        .run(&format!(
            "create role \"{role}\" login; grant select on t to \"{role}\";
             alter table t enable row level security;
             create policy few on t for select using (id = 1)"
        ))
        .await;
    let mut command = office.command(&["reverse"]);
    command.env("CLOUD_DATABASE_URL", cloud.url_as(&role, ""));
    let ran = crate::office::Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("a policy hides rows of t from us"), "{ran}");
    assert_eq!(office.pair.desktop.count("t").await, 0);
    cloud.run(&format!("alter role \"{role}\" bypassrls")).await;
    let mut command = office.command(&["reverse"]);
    command.env("CLOUD_DATABASE_URL", cloud.url_as(&role, ""));
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert_eq!(office.pair.desktop.count("t").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing_and_says_the_same() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let dry = office.run(&["reverse", "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{dry}");
    assert_eq!(office.pair.desktop.count("t").await, 0);
    assert_eq!(
        office.pair.desktop.count("pg_class where relname = '_reverse_sync_metadata'").await,
        0
    );
    let real = office.reverse_twice().await;
    assert_eq!(real.figures("t"), dry.figures("t"));
    office.pair.cloud.run("insert into t values (3, 'c')").await;
    let dry = office.run(&["reverse", "--dry-run"]).await;
    assert_eq!(office.pair.desktop.count("t").await, 2);
    let real = office.reverse_twice().await;
    assert_eq!((real.figures("t"), real.how("t")), (dry.figures("t"), dry.how("t")));
}

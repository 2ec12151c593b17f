//! `status`: what has run, what waits, who is at work, and what to make of it.

use crate::look::{says, until};
use crate::office::{Office, Ran};
use pgsync_testkit::Db;
use std::process::Stdio;

const TABLES: &str = "[tables.job]\nkey = \"id\"\nreverse = \"insert-missing\"\nforward = \"upsert\"\n\
    [tables.note]\nforward = { mode = \"mirror\", columns = { id = { skip = true } } }";
const CLOUD: &str = "create table job (id int primary key, v text);
    create table note (id int generated always as identity, v text);
    insert into job values (1, 'a'), (2, 'b')";
const DESKTOP: &str = "create table job (id int, v varchar(9)); create table note (v text);
    insert into note select 'n' || n from generate_series(1, 9) n";

async fn office() -> Office {
    Office::alone(CLOUD, DESKTOP, TABLES).await
}

async fn status(office: &Office, code: i32, more: &[&str]) -> Ran {
    let ran = office.run(&[&["status"], more].concat()).await;
    assert_eq!(ran.code, code, "{ran}");
    ran
}

/// What a column of the blocks says of a table: reverse, then forward.
fn waits(ran: &Ran, table: &str) -> Vec<String> {
    let blocks = ran.stdout.split("\nlast runs").next().unwrap();
    let heads = blocks.lines().filter(|line| line.trim_start().starts_with("table "));
    let ends: Vec<usize> = heads.map(|line| line.find("waiting").unwrap() + 7).collect();
    let lines = blocks.lines().filter(|line| line.split_whitespace().next() == Some(table));
    let skip = ends.len() - lines.clone().count();
    lines.zip(&ends[skip..]).map(|(line, end)| line[end - 12..*end].trim().to_owned()).collect()
}

/// Everything that a status could have left behind.
async fn state(db: &Db) -> Vec<String> {
    let rows = "select xmin, ctid, t::text from job t";
    let ours = "select count(*) from pg_class where relname ~ 'sync_metadata|own_writes'";
    [db.lines(rows).await, db.lines(ours).await].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_counted_and_nothing_is_written() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    let before = (state(cloud).await, state(desktop).await);
    let ran = status(&office, 0, &["--pending"]).await;
    assert_eq!(
        (waits(&ran, "job"), waits(&ran, "note")),
        (vec!["all 2".into(), "all 0".into()], vec!["all 9".into()])
    );
    assert_eq!((state(cloud).await, state(desktop).await), before, "{ran}");
    says(
        &ran.stdout,
        &[
            "Please look: reverse and forward have not run yet; 0 rows wait for the next run, and 3 tables to be compared in full",
        ],
    );

    office.reverse().await;
    office.forward(&[]).await;
    // What reverse brought is no news to forward.
    let ran = status(&office, 0, &["--pending"]).await;
    assert_eq!(
        (waits(&ran, "job"), waits(&ran, "note")),
        (vec!["0".into(), "0".into()], vec!["0".into()])
    );
    says(
        &ran.stdout,
        &["All is well: every table is up to date as of ", "; 0 rows wait for the next run"],
    );

    cloud
        .run("insert into job values (3, 'c'), (4, 'd'); update job set v = 'x' where id = 1")
        .await;
    desktop.run("update job set v = 'y' where id = 2; insert into note values ('ten')").await;
    let before = (state(cloud).await, state(desktop).await);
    let ran = status(&office, 0, &["--pending"]).await;
    assert_eq!(
        (waits(&ran, "job"), waits(&ran, "note")),
        (vec!["3".into(), "1".into()], vec!["1".into()])
    );
    says(&ran.stdout, &["All is well: ", "; 5 rows wait for the next run"]);
    assert_eq!((state(cloud).await, state(desktop).await), before);
    assert!(!status(&office, 0, &[]).await.stdout.contains("waiting"));

    office.reverse().await;
    office.forward(&[]).await;
    assert_eq!(waits(&status(&office, 0, &["--pending"]).await, "job"), ["0", "0"]);
    desktop.run("alter table note rename to gone").await;
    let ran = status(&office, 0, &["--pending"]).await;
    assert_eq!(
        (waits(&ran, "job"), waits(&ran, "note")),
        (vec!["0".into(), "0".into()], vec!["?".into()])
    );
    says(&ran.stdout, &["note: what waits: could not find table note on the desktop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_is_told_by_the_exit_code_what_is_too_old() {
    let office = office().await;
    let ran = status(&office, 7, &["--max-age", "2h"]).await;
    says(&ran.stdout, &["Please look: reverse and forward have not run yet"]);
    office.reverse().await;
    status(&office, 7, &["--max-age", "2h"]).await;
    office.forward(&[]).await;
    status(&office, 0, &["--max-age", "2h"]).await;
    let late = "update _sync_metadata set last_sync_timestamp = now() - interval '3 hours'
        where table_name = 'note'";
    office.pair.cloud.run(late).await;
    let ran = status(&office, 7, &["--max-age", "2h"]).await;
    says(
        &ran.stdout,
        &["Please look: 1 table has waited longer than 2 h 0 min since ", ": forward note"],
    );
    status(&office, 0, &["--max-age", "4h"]).await;
    status(&office, 0, &[]).await;
    status(&office, 2, &["--max-age", "soon"]).await;
    let mut command = office.command(&["status", "--max-age", "4h"]);
    command.env("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:1/firm");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 3, "{ran}");
    says(&ran.stdout, &["Please look: not everything could be looked at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_runs_and_who_is_at_work_are_shown() {
    let office = office().await;
    office.reverse().await;
    office.forward(&[]).await;
    office.pair.cloud.run("insert into job values (5, 'much too long')").await;
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    let ran = status(&office, 0, &["--runs", "2"]).await;
    says(&ran.stdout, &["Please look: 1 row rejected, for somebody to mend: pgsync rejects"]);
    let runs: Vec<Vec<&str>> = ran
        .stdout
        .split_once("last runs\n")
        .unwrap()
        .1
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().skip(2).take(6).collect())
        .collect();
    assert_eq!(
        runs,
        [
            ["reverse", "rejected", "0", "0", "0", "1"],
            ["forward", "ok", "9", "0", "0", "0"],
            ["reverse", "ok", "2", "0", "0", "0"]
        ],
        "{ran}"
    );
    let ran = status(&office, 0, &["--runs", "1"]).await;
    let runs = ran.stdout.split_once("last runs\n").unwrap().1;
    assert_eq!((runs.matches("  reverse  ").count(), runs.matches("  forward  ").count()), (1, 1));
}

/// Until a run has ended it is at work; killed, it was broken off.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_work_is_told_from_one_that_was_broken_off() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    office.reverse().await;
    cloud.run("insert into job values (7, 'slow')").await;
    desktop
        .run(
            "create function slow() returns trigger language plpgsql as
             $$ begin perform pg_sleep(60); return new; end $$;
             create trigger slow before insert on job for each row execute function slow()",
        )
        .await;
    let mut run =
        office.command(&["reverse"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asleep = "select count(*) from pg_stat_activity
        where wait_event = 'PgSleep' and datname = current_database()";
    until(desktop, asleep, "1").await;
    let ran = status(&office, 0, &[]).await;
    says(&ran.stdout, &["  reverse    at work ", "\nat work now: reverse: pgsync reverse 2"]);
    assert!(!ran.stdout.contains("broken off"), "{ran}");
    run.kill().unwrap();
    run.wait().unwrap();
    let lock = "select count(*) from pg_locks where locktype = 'advisory'";
    desktop
        .run("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'")
        .await;
    until(desktop, lock, "0").await;
    let ran = status(&office, 0, &[]).await;
    says(
        &ran.stdout,
        &[
            "  reverse    broken off ",
            "the last reverse was broken off, and the next one goes on from there",
        ],
    );
    assert!(!ran.stdout.contains("at work now"), "{ran}");
}

/// The cloud behind a transaction pooler that has two connections to share.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_before_the_cloud_is_no_hindrance() {
    use crate::pooler::Pooler;
    let office = office().await;
    office.reverse().await;
    office.forward(&[]).await;
    office.pair.cloud.run("insert into job values (3, 'c')").await;
    office.pair.desktop.run("insert into note values ('ten')").await;
    let pooler = Pooler::before(&office.pair.cloud).await;
    for _ in 0..3 {
        let mut command = office.command(&["status", "--pending", "--max-age", "1h"]);
        let ran = Ran::from(command.env("CLOUD_DATABASE_URL", pooler.url()).output().unwrap());
        assert_eq!(ran.code, 0, "{ran}");
        assert_eq!(
            (waits(&ran, "job"), waits(&ran, "note")),
            (vec!["1".into(), "0".into()], vec!["1".into()])
        );
        says(&ran.stdout, &["  forward    ok ", "; 2 rows wait for the next run"]);
    }
}

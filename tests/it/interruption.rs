//! Runs that meet each other, and runs that somebody ends: by a key, by
//! switching off, by force.

use crate::look::until;
use crate::office::{Office, Ran};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CLOUD: &str = "create table t (id int primary key, v text);
    insert into t select n, 'row ' || n from generate_series(1, 4000) n";

/// The desktop falls asleep over one row of the third chunk or so.
const DESKTOP: &str = "create table t (id int, v text);
    create function doze() returns trigger language plpgsql as $$
    begin
      if new.id = 2500 then perform pg_sleep(120); end if;
      return new;
    end $$;
    create trigger doze before insert on t for each row execute function doze()";

const TABLES: &str = "[limits]\nchunk_rows = 500\n[defaults]\nreverse = \"insert-missing\"\n\
    [tables]\nt = { key = \"id\" }\nu = { key = \"id\" }";
const ONE_TABLE: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";

const ASLEEP: &str = "select count(*) from pg_stat_activity
    where wait_event = 'PgSleep' and datname = current_database()";

async fn drowsy() -> Office {
    let cloud = format!("{CLOUD}; create table u (id int primary key); insert into u values (1)");
    let desktop = format!("{DESKTOP}; create table u (id int)");
    Office::alone(&cloud, &desktop, TABLES).await
}

/// Starts the program; its output is kept.
fn start(office: &Office, arguments: &[&str]) -> Child {
    let mut command = office.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn end(child: Child) -> Ran {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    Ran::from(output.await.unwrap())
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// What was committed stays, nothing is left at work, and the next run does the rest.
async fn goes_on_from_there(office: &Office) {
    let desktop = &office.pair.desktop;
    let kept = desktop.count("t").await;
    assert!(kept > 0 && kept < 4_000, "{kept} rows were committed");
    desktop.run("drop trigger doze on t").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t")[2].replace(',', ""), (4_000 - kept).to_string(), "{ran}");
    assert_eq!(desktop.count("(select distinct id from t) as t").await, 4_000);
    assert_eq!(desktop.count("u").await, 1);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_run_in_order() {
    for name in ["-INT", "-TERM"] {
        let office = drowsy().await;
        let run = start(&office, &["reverse"]);
        until(&office.pair.desktop, ASLEEP, "1").await;
        let asked = Instant::now();
        signal(&run, name);
        let ran = end(run).await;
        let took = asked.elapsed();
        assert_eq!(ran.code, 130, "{name} {ran}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(ran.stderr.contains("interrupted: ending in order"), "{ran}");
        assert!(ran.stdout.contains("\ninterrupted: "), "{ran}");
        assert!(ran.stdout.contains(" rows inserted; "), "{ran}");
        assert!(!ran.stderr.contains("error:"), "{ran}");
        assert_eq!(office.pair.desktop.text(ASLEEP).await, "0", "an orphan is at work");
        let result = "select result, rows_inserted, finished_at is not null from pgsync.runs";
        let kept = office.pair.desktop.count("t").await;
        assert_eq!(office.pair.desktop.text(result).await, format!("interrupted|{kept}|t"));
        let untold = "_reverse_sync_metadata where last_error is not null";
        assert_eq!(office.pair.desktop.count(untold).await, 0);
        goes_on_from_there(&office).await;
    }
}

/// A statement on the server that is read is stopped too.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_a_statement_of_the_source() {
    let office = Office::alone(CLOUD, "create table t (id int, v text)", ONE_TABLE).await;
    office.configure_tables(
        "[tables.t]\nkey = \"id\"\nreverse = { mode = \"insert-missing\", where = \
         \"(select pg_sleep(60)) is not null\" }",
    );
    let run = start(&office, &["reverse"]);
    until(&office.pair.cloud, ASLEEP, "1").await;
    signal(&run, "-INT");
    let ran = end(run).await;
    assert_eq!(ran.code, 130, "{ran}");
    assert!(ran.stdout.contains("interrupted: nothing written; 1 table not finished"), "{ran}");
    assert_eq!(office.pair.cloud.text(ASLEEP).await, "0");
    let result = "select result from pgsync.runs";
    assert_eq!(office.pair.desktop.text(result).await, "interrupted");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_run_at_once() {
    let office = drowsy().await;
    let run = start(&office, &["reverse"]);
    until(&office.pair.desktop, ASLEEP, "1").await;
    signal(&run, "-INT");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    signal(&run, "-INT");
    let ran = end(run).await;
    assert_eq!(ran.code, 130, "{ran}");
    assert!(asked.elapsed() < Duration::from_millis(400), "{:?}", asked.elapsed());
    until(&office.pair.desktop, ASLEEP, "0").await;
    goes_on_from_there(&office).await;
}

/// The server notices within seconds that its client is gone, although it is
/// in the middle of a statement: the statement ends, and the lock is free.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_run_was_killed_the_lock_is_free() {
    let office = drowsy().await;
    let mut run = start(&office, &["reverse"]);
    until(&office.pair.desktop, ASLEEP, "1").await;
    run.kill().unwrap();
    run.wait().unwrap();
    let killed = Instant::now();
    let ran = office.run(&["reverse", "--wait", "30s", "u"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    assert_eq!(office.pair.desktop.text(ASLEEP).await, "0", "an orphan is at work");
    goes_on_from_there(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_the_lock_as_long_as_it_was_told() {
    let office = Office::alone(CLOUD, "create table t (id int, v text)", ONE_TABLE).await;
    let mut other = office.pair.desktop.connect().await;
    let take = "set application_name = 'pgsync reverse 1'; select pg_advisory_lock(1885827961, 1)";
    sqlx::raw_sql(take).execute(&mut other).await.unwrap();
    let told = "another run holds it: pgsync reverse 1, since 20";

    let started = Instant::now();
    let ran = office.run(&["reverse", "--wait", "2s"]).await;
    assert_eq!(ran.code, 5, "{ran}");
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(ran.stderr.matches(told).count(), 2, "{ran}");
    assert!(ran.stderr.contains("waiting up to 2 s for the lock of reverse"), "{ran}");
    assert_eq!(office.pair.desktop.count("t").await, 0);

    let ran = office.run(&["reverse", "--wait", "1 hour"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    let waiting = start(&office, &["reverse", "--wait", "1m", "t"]);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    sqlx::raw_sql("select pg_advisory_unlock(1885827961, 1)").execute(&mut other).await.unwrap();
    let ran = end(waiting).await;
    assert_eq!((ran.code, ran.figures("t")[2].as_str()), (0, "4,000"), "{ran}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_can_be_interrupted() {
    let office = Office::alone(CLOUD, "create table t (id int, v text)", ONE_TABLE).await;
    let mut other = office.pair.desktop.connect().await;
    let take = "select pg_advisory_lock(1885827961, 1)";
    sqlx::raw_sql(take).execute(&mut other).await.unwrap();
    let run = start(&office, &["reverse", "--wait", "10m"]);
    let there = "select count(*) from pg_stat_activity where application_name like 'pgsync%'";
    until(&office.pair.desktop, there, "1").await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    signal(&run, "-INT");
    let ran = end(run).await;
    assert_eq!(ran.code, 130, "{ran}");
    assert!(ran.stderr.contains("error: could not finish: it was interrupted"), "{ran}");
    assert_eq!(office.pair.desktop.count("t").await, 0);
}

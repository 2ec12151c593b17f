//! What people read: help, results, errors with their hints, and exit codes.

use crate::office::Office;
use crate::told::Told;
use pgsync_testkit::Pair;
use std::process::{Command, Stdio};

const TWO_TABLES: &str = "\
[defaults]
owned_by_cloud = \"source = 'M'\"
reverse = \"insert-missing\"
[tables]
clients = { key = \"client_id\" }
jobs = { key = \"job_id\" }
diary = { key = \"day\", reverse = \"off\" }
";

const CLOUD: &str = "\
create table clients (client_id int primary key, name text, source char(1) default 'D');
create table jobs (job_id int primary key, client_id int references clients, title text,
  source char(1) default 'D', phone text);
create table diary (day date primary key);
insert into clients values (1, 'first'), (2, 'second');
insert into jobs values (1, 1, 'audit', 'D'), (2, 2, 'advice', 'D'),
  (3, 1, 'from a phone', 'M')";

const DESKTOP: &str = "\
create table clients (client_id int, name text, source char(1));
create table jobs (job_id int, client_id int, title varchar(20), source char(1));
create table diary (day date);
insert into clients values (1, 'first', 'D'), (2, 'second', 'D');
insert into jobs values (1, 1, 'audit', 'D'), (2, 2, 'advice', 'D')";

async fn two_tables() -> Office {
    Office::with(CLOUD, DESKTOP, TWO_TABLES).await
}

/// The same on servers of its own. On a shared server the transactions of
/// other tests hold the horizon back, and more rows are looked at again.
async fn two_tables_alone() -> Office {
    let pair = Pair::dedicated().await;
    pair.cloud.run(CLOUD).await;
    pair.desktop.run(DESKTOP).await;
    Office::new(pair, TWO_TABLES)
}

/// The program without an office around it.
fn alone(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgsync"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Nothing of ours is in either database.
async fn assert_untouched(office: &Office) {
    for db in [&office.pair.cloud, &office.pair.desktop] {
        assert_eq!(db.count("pg_namespace where nspname = 'pgsync'").await, 0);
        assert_eq!(db.count("pg_tables where tablename ~ '_sync_metadata$'").await, 0);
    }
    assert_eq!(office.pair.desktop.count("jobs").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn help() {
    let mut told = Told::default();
    for arguments in [
        &["--help"][..],
        &["reverse", "--help"],
        &["forward", "--help"],
        &["init-metadata", "--help"],
        &["check", "--help"],
        &["init", "--help"],
        &["verify", "--help"],
        &["explain", "--help"],
        &["status", "--help"],
        &["schedule", "--help"],
        &["rejects", "--help"],
        &["completions", "--help"],
        &["--version"],
    ] {
        assert_eq!(told.run_command(alone(arguments), arguments).await.code, 0);
    }
    told.is("help");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage() {
    let mut told = Told::default();
    for arguments in [
        &[][..],
        &["revers"],
        &["reverse", "--ful"],
        &["init-metadata", "--reset"],
        &["init-metadata", "--reset", "jobs", "--reset-all"],
        &["forward"],
    ] {
        assert_eq!(told.run_command(alone(arguments), arguments).await.code, 2);
    }
    told.is("wrong_usage");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_configuration() {
    let empty = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    for arguments in [&["status"][..], &["status", "--config", "nowhere.toml"]] {
        let mut command = alone(arguments);
        command.current_dir(empty.path());
        let ran = told.run_command(command, arguments).await;
        assert_eq!(ran.code, 2);
    }
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_pgsync")).parent().unwrap();
    told.hide(&program.display().to_string(), "PROGRAM");
    told.is("no_configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_configuration() {
    let office = two_tables().await;
    let mut told = Told::default();
    told.note("a table that is unknown, and one that is off");
    assert_eq!(told.run(&office, &["reverse", "job"]).await.code, 2);
    assert_eq!(told.run(&office, &["reverse", "diary"]).await.code, 2);
    assert_eq!(told.run(&office, &["init-metadata", "--reset", "banana"]).await.code, 2);

    told.note("a variable that is missing");
    let mut command = office.command(&["reverse"]);
    command.env_remove("CLOUD_DATABASE_URL");
    assert_eq!(told.run_in(&office, command, &["reverse"]).await.code, 2);

    told.note("unknown keys, and a value that is no value");
    office.configure_tables(
        "[limits]\nchunk_row = 5\n[tables]\njobs = { key = \"job_id\", revers = \"off\" }\n\
         clients = { key = 5 }",
    );
    assert_eq!(told.run(&office, &["reverse"]).await.code, 2);

    told.note("no table that takes part");
    office.configure_tables("[tables]\njobs = { key = \"job_id\" }");
    assert_eq!(told.run(&office, &["reverse"]).await.code, 2);
    assert_eq!(told.run(&office, &["status"]).await.code, 2);
    assert_untouched(&office).await;
    told.is("wrong_configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_the_office() {
    let office = two_tables_alone().await;
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    assert_eq!(told.run(&office, &["reverse", "--dry-run"]).await.code, 0);
    assert_untouched(&office).await;

    assert_eq!(told.run(&office, &["reverse"]).await.code, 0);
    assert_eq!(told.run(&office, &["reverse"]).await.code, 0);
    told.note("a phone adds a job");
    office.pair.cloud.run("insert into jobs values (4, 2, 'new', 'M')").await;
    assert_eq!(told.run(&office, &["reverse", "jobs", "--dry-run"]).await.code, 0);
    assert_eq!(told.run(&office, &["reverse", "jobs"]).await.code, 0);
    assert_eq!(told.run(&office, &["reverse", "--full"]).await.code, 0);
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    assert_eq!(office.pair.desktop.count("jobs").await, 4);
    told.is("a_day_in_the_office");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_both_directions() {
    let office = two_tables_alone().await;
    office.configure_tables(&format!(
        "{TWO_TABLES}[defaults.forward]\nmode = \"upsert\"\ncolumns = {{ source = {{ skip = true }} }}"
    ));
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["reverse"]).await.code, 0);
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    told.note("the office edits job 1 and the phone's job 3, and adds a job");
    let edits = "update jobs set title = title || ' (own)' where job_id in (1, 3);
        insert into jobs values (9, 2, 'new')";
    office.pair.desktop.run(edits).await;
    assert_eq!(told.run(&office, &["forward", "--dry-run"]).await.code, 0);
    assert_eq!(told.run(&office, &["forward"]).await.code, 0);
    assert_eq!(told.run(&office, &["forward"]).await.code, 0);
    assert_eq!(told.run(&office, &["reverse"]).await.code, 0);
    assert_eq!(told.run(&office, &["status"]).await.code, 0);

    told.note("the cloud cannot be reached");
    let mut command = office.command(&["status"]);
    command.env("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:1/firm");
    assert_eq!(told.run_in(&office, command, &["status"]).await.code, 3);
    told.is("both_directions");
}

#[tokio::test(flavor = "multi_thread")]
async fn watermarks_are_made_kept_and_reset() {
    let office = two_tables_alone().await;
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["init-metadata"]).await.code, 0);
    assert_eq!(told.run(&office, &["init-metadata"]).await.code, 0);
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    office.reverse().await;
    assert_eq!(told.run(&office, &["init-metadata", "--reset", "jobs"]).await.code, 0);
    assert_eq!(told.run(&office, &["reverse"]).await.code, 0);
    assert_eq!(told.run(&office, &["init-metadata", "--reset-all"]).await.code, 0);
    told.note("a watermark set back by hand");
    office.reverse().await;
    let by_hand = "update _reverse_sync_metadata set last_sync_timestamp = '1970-01-01'";
    office.pair.desktop.run(by_hand).await;
    let ran = told.run(&office, &["reverse"]).await;
    assert_eq!(ran.how("jobs"), "reconcile: the watermark was set by hand");
    told.is("watermarks");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection() {
    let office = two_tables().await;
    office.pair.desktop.run("create role clerk login password 'right' in role scram_users").await;
    let database = office.pair.desktop.name().to_owned();
    let wrong_password = office.pair.desktop.url_as("clerk", "wrong");
    let no_database = office.pair.desktop.url().replace(&database, "enterprise");
    let mut told = Told::default();
    for (note, variable, url) in [
        ("wrong password", "DESKTOP_DATABASE_URL", wrong_password.as_str()),
        ("wrong database", "DESKTOP_DATABASE_URL", no_database.as_str()),
        ("nobody listens", "DESKTOP_DATABASE_URL", "postgres://postgres@127.0.0.1:1/firm"),
        ("unknown host", "CLOUD_DATABASE_URL", "postgres://postgres@cloud.invalid/firm"),
    ] {
        told.note(note);
        let mut command = office.command(&["reverse"]);
        command.env(variable, url);
        let ran = told.run_in(&office, command, &["reverse"]).await;
        assert_eq!(ran.code, 3);
        assert!(!format!("{ran}").contains("wrong\"") && !ran.stderr.contains(":wrong"));
    }
    assert_untouched(&office).await;
    told.is("no_connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_gets_what_an_administrator_has_to_run() {
    let office = two_tables().await;
    let desktop = &office.pair.desktop;
    let role = format!("visitor_of_{}", desktop.name());
    desktop.run(&format!("create role {role} login")).await;
    let mut told = Told::default();
    let mut script = String::new();
    for arguments in [&["reverse"][..], &["init-metadata"]] {
        let mut command = office.command(arguments);
        command.env("DESKTOP_DATABASE_URL", desktop.url_as(&role, ""));
        let ran = told.run_in(&office, command, arguments).await;
        assert_eq!(ran.code, 3);
        script = ran.stdout;
    }
    assert_untouched(&office).await;

    desktop.run(&script).await;
    desktop.run(&format!("grant select on clients to {role}")).await;
    told.note("the administrator runs that, and forgets the table jobs");
    let mut command = office.command(&["reverse"]);
    command.env("DESKTOP_DATABASE_URL", desktop.url_as(&role, ""));
    let ran = told.run_in(&office, command, &["reverse"]).await;
    assert_eq!((ran.code, ran.how("clients").as_str()), (1, "first run"));
    told.is("no_rights");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_run_holds_the_lock() {
    let office = two_tables().await;
    let mut other = office.pair.desktop.connect().await;
    let lock = "set application_name = 'pgsync reverse 1'; select pg_advisory_lock(1885827961, 1)";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["reverse"]).await.code, 5);
    assert_eq!(told.run(&office, &["init-metadata", "--reset-all"]).await.code, 5);
    assert_untouched(&office).await;
    told.is("locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_fails_lets_the_others_go_on() {
    let office = two_tables().await;
    office.configure_tables(
        &format!(
            "{TWO_TABLES}holidays = {{ key = \"day\" }}\n\
         diary2 = {{ desktop = \"diary\", cloud = \"diary\", key = \"hour\" }}\n"
        )
        .replace("diary = { key = \"day\", reverse = \"off\" }\n", ""),
    );
    let mut told = Told::default();
    let ran = told.run(&office, &["reverse"]).await;
    assert_eq!((ran.code, ran.figures("jobs")[2].as_str()), (1, "1"));
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    told.is("a_table_fails");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_is_named() {
    let office = two_tables_alone().await;
    office.pair.cloud.run("update jobs set title = repeat('long ', 9) where job_id = 3").await;
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["reverse"]).await.code, 4);
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    for more in [&[][..], &["jobs", "--format", "json"], &["clients"]] {
        told.run(&office, &[&["rejects"], more].concat()).await;
    }
    assert_eq!(office.pair.desktop.count("jobs").await, 2);
    told.note("the title is mended");
    office.pair.cloud.run("update jobs set title = 'short' where job_id = 3").await;
    assert_eq!(told.run(&office, &["rejects", "--retry"]).await.code, 0);
    assert_eq!(told.run(&office, &["rejects"]).await.code, 0);
    told.is("a_refused_row");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_counted_until_they_are_mended() {
    let office = two_tables_alone().await;
    office.pair.cloud.run("insert into jobs values (4, 1, 'of the phone', 'M')").await;
    office.pair.desktop.run("insert into jobs values (4, 2, 'of the desktop', 'D')").await;
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["reverse"]).await.code, 4);
    assert_eq!(told.run(&office, &["reverse"]).await.code, 4);
    assert_eq!(told.run(&office, &["status"]).await.code, 0);
    told.note("the phone's job gets another number");
    office.pair.cloud.run("update jobs set job_id = 5 where job_id = 4").await;
    assert_eq!(told.run(&office, &["reverse"]).await.code, 0);
    told.is("rejected_rows");
}

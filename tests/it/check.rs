//! `pgsync check`: what it says of two databases that are ready, of those that
//! are not, and that it writes nothing.

use crate::look::says;
use crate::office::{Office, Ran};
use crate::told::Told;
use pgsync_testkit::{Db, Pair};

const TABLES: &str = "\
[defaults]
owned_by_cloud = \"source = 'M'\"
reverse = \"insert-missing\"
[defaults.forward]
mode = \"upsert\"
columns = { source = { skip = true } }
[tables]
clients = { key = \"client_id\" }
jobs = { key = \"job_id\" }
";

const CLOUD: &str = "\
create table clients (client_id int primary key, name text, source char(1) default 'D');
create table jobs (job_id int primary key, client_id int references clients, title varchar(10),
  source char(1) default 'D', phone text);
insert into clients values (1, 'first'), (2, 'second');
insert into jobs values (1, 1, 'audit', 'D'), (2, 2, 'advice', 'D')";

const DESKTOP: &str = "\
create table clients (client_id int, name text, source char(1));
create table jobs (job_id int, client_id int, title varchar(20), source char(1), room text);
insert into clients values (1, 'first', 'D'), (2, 'second', 'D');
insert into jobs values (1, 1, 'audit', 'D'), (2, 2, 'advice', 'D')";

async fn ready() -> Office {
    let office = Office::with(CLOUD, DESKTOP, TABLES).await;
    assert_eq!(office.run(&["init-metadata"]).await.code, 0);
    office
}

/// Everything that a statement of ours could have changed on a side.
async fn state(db: &Db) -> Vec<String> {
    let tables = db
        .lines(
            "select format('select %L, t.*::text, t.xmin::text from %I.%I as t',
                n.nspname || '.' || c.relname, n.nspname, c.relname)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'S') and n.nspname !~ '^(pg_|information_schema)'
            order by 1",
        )
        .await;
    let mut state = db.lines(&format!("{} order by 1, 2", tables.join(" union all "))).await;
    state.extend(
        db.lines("select nspname from pg_namespace where nspname !~ '^pg_' order by 1").await,
    );
    state
}

/// Checks, and looks whether anything was written.
async fn check(told: &mut Told, office: &Office, more: &[&str], code: i32) -> Ran {
    let before = (state(&office.pair.cloud).await, state(&office.pair.desktop).await);
    let ran = told.run(office, &[&["check"], more].concat()).await;
    assert_eq!(ran.code, code, "{ran}");
    assert_eq!((state(&office.pair.cloud).await, state(&office.pair.desktop).await), before);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_that_are_ready() {
    let office = ready().await;
    let mut told = Told::default();
    check(&mut told, &office, &[], 0).await;
    check(&mut told, &office, &["jobs", "--verbose"], 0).await;
    told.is("check_ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_run_nothing_of_ours_is_there() {
    let office = Office::with(CLOUD, DESKTOP, TABLES).await;
    let mut told = Told::default();
    let ran = check(&mut told, &office, &[], 0).await;
    says(&ran.stdout, &["[WARN] own tables: not made yet", "do: pgsync init-metadata"]);
    assert_eq!(office.pair.cloud.count("pg_namespace where nspname = 'pgsync'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_run_would_reject_are_counted_before() {
    let office = ready().await;
    let rows = "insert into jobs values (3, 9, 'nobody', 'D'), (4, 1, 'a title that is long', 'D'),
            (null, 1, 'no number', 'D'), (5, 1, 'one', 'D'), (5, 1, 'two', 'D');
        update clients set name = null where client_id = 2";
    office.pair.desktop.run(rows).await;
    office.pair.cloud.run("alter table clients alter column name set not null").await;
    let mut told = Told::default();
    let ran = check(&mut told, &office, &[], 0).await;
    told.is("check_rows");

    // What it says is what the run finds.
    let ran_for = office.run(&["forward"]).await;
    assert_eq!(ran_for.code, 4, "{ran_for}");
    assert_eq!(office.pair.cloud.count("pgsync.rejects").await, 5, "{ran}\n{ran_for}");

    // The lines that it gives can be pasted as they are.
    let mut pasted = 0;
    for line in ran.stdout.lines() {
        for (place, db) in [("cloud", &office.pair.cloud), ("desktop", &office.pair.desktop)] {
            if let Some((_, sql)) = line.split_once(&format!("do on the {place}: ")) {
                db.run(sql).await;
                pasted += 1;
            }
        }
    }
    assert_eq!(pasted, 4, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_fit_fails() {
    let office = ready().await;
    let cloud = "create table diary (d_id int, day date);
        create table notes (n_id int primary key, who text not null);
        create table reminder (rem_id int primary key)";
    let desktop = "create table diary (d_id int, day date); create table notes (n_id int);
        create table mbreminder (rem_id int)";
    office.pair.cloud.run(cloud).await;
    office.pair.desktop.run(desktop).await;
    office.configure_tables(&format!(
        "{TABLES}diary = {{ forward = \"off\", owned_by_cloud = false }}\n\
         notes = {{ reverse = \"off\" }}\nmbreminder = {{ key = \"rem_id\" }}\n\
         holidays = {{ key = \"day\" }}\n"
    ));
    let mut told = Told::default();
    check(&mut told, &office, &[], 2).await;
    told.is("check_configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_is_down_does_not_hide_the_other_one() {
    let office = ready().await;
    let mut told = Told::default();
    let mut command = office.command(&["check"]);
    command.env("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:1/firm");
    assert_eq!(told.run_in(&office, command, &["check"]).await.code, 3);
    told.is("check_down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_is_told_and_not_taken() {
    let office = ready().await;
    let mut other = office.pair.desktop.connect().await;
    let lock = "set application_name = 'pgsync reverse 1'; select pg_advisory_lock(1885827961, 1)";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let mut told = Told::default();
    let ran = check(&mut told, &office, &[], 0).await;
    says(
        &ran.stdout,
        &[
            "[WARN] lock of reverse: another run holds it: pgsync reverse 1, since ",
            "do: pgsync reverse --wait 10m",
            "[OK]   lock of forward: free",
        ],
    );
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_what_to_grant() {
    let office = Office::with(CLOUD, DESKTOP, TABLES).await;
    let desktop = &office.pair.desktop;
    let role = format!("visitor_of_{}", desktop.name());
    desktop.run(&format!("create role {role} login; grant select on clients to {role}")).await;
    office.pair.cloud.run("alter table jobs enable row level security").await;
    let cloud_role = format!("guest_of_{}", office.pair.cloud.name());
    let grants = format!(
        "create role {cloud_role} login; grant select, insert, update on clients, jobs to {cloud_role}"
    );
    office.pair.cloud.run(&grants).await;
    let mut told = Told::default();
    let mut command = office.command(&["check"]);
    command.env("DESKTOP_DATABASE_URL", desktop.url_as(&role, ""));
    command.env("CLOUD_DATABASE_URL", office.pair.cloud.url_as(&cloud_role, ""));
    let ran = told.run_in(&office, command, &["check"]).await;
    assert_eq!(ran.code, 3, "{ran}");
    told.is("check_rights");

    // Once the lines were pasted, the same role is ready.
    for (place, db) in [("cloud", &office.pair.cloud), ("desktop", desktop)] {
        for line in ran.stdout.lines() {
            if let Some((_, sql)) = line.split_once(&format!("do on the {place}: ")) {
                db.run(sql).await;
            }
        }
    }
    assert_eq!(office.run(&["init-metadata"]).await.code, 0);
    for (role, db) in [(&role, desktop), (&cloud_role, &office.pair.cloud)] {
        let grant = format!(
            "grant usage on schema pgsync to {role};
             grant select, insert, update, delete on all tables in schema pgsync, public to {role}"
        );
        db.run(&grant).await;
    }
    let mut command = office.command(&["check"]);
    command.env("DESKTOP_DATABASE_URL", desktop.url_as(&role, ""));
    command.env("CLOUD_DATABASE_URL", office.pair.cloud.url_as(&cloud_role, ""));
    let ran = Told::default().run_in(&office, command, &["check"]).await;
    assert_eq!(ran.code, 0, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_firm_with_its_own_configuration() {
    let office = Office::firm().await;
    let ran = office.run(&["check"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    says(
        &ran.stdout,
        &[
            "pgsync check: ",
            "15 tables",
            "[OK]   jobshead: insert-missing by job_id; 24,564 rows, ",
            "[OK]   jobshead: mirror by job_id; 24,562 rows, ",
            "[WARN] jobshead: 10 keys stand on 208 rows of the desktop: a row with such a key",
        ],
    );
    assert!(!ran.stdout.contains("[FAIL]"), "{ran}");
    // What the desktop's own contractors lack stands in the cloud.
    assert!(!ran.stdout.contains("that is not in"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_left_out_and_said() {
    let office = Office::with(CLOUD, DESKTOP, TABLES).await;
    office.pair.cloud.run("create view slow as select 1 as id, pg_sleep(30)::text as v").await;
    office.pair.desktop.run("create table slow (id int, v text)").await;
    let text = std::fs::read_to_string(office.config()).unwrap();
    let text = text.replace("[cloud]", "[cloud]\nstatement_timeout = \"1s\"");
    office.configure(&format!(
        "{text}slow = {{ key = \"id\", forward = \"off\", owned_by_cloud = false }}\n"
    ));
    let ran = office.run(&["check"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    says(
        &ran.stdout,
        &[
            "[OK]   slow: insert-missing by id; not counted; next: first run",
            "the rows of slow on the cloud were not looked at: it would have taken too long",
            "[WARN] slow: it has no transaction ids and no updated_at: every run compares everything",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_nobody_knows_is_wrong_usage() {
    let office = Office::new(Pair::empty().await, TABLES);
    let ran = office.run(&["check", "job"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(&ran.stderr, &["could not find table job", "did you mean jobs?"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_told_from_a_server() {
    let office = ready().await;
    let pooler = crate::pooler::Pooler::before(&office.pair.cloud).await;
    // The pooler's process is older than the connection of the program.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let mut command = office.command(&["check"]);
    command.env("CLOUD_DATABASE_URL", pooler.url());
    let ran = Told::default().run_in(&office, command, &["check"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    says(&ran.stdout, &["through a pooler, plain text on this machine", "direct, plain text"]);
}

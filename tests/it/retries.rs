//! Lines that break and servers that restart in the middle of a run: the run
//! goes on by itself, and loses and doubles nothing.

use crate::office::{Office, Ran};
use pgsync_testkit::{Delay, Wan};
use sqlx::{Connection as _, Executor as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

const CLOUD: &str = "create table t (id int primary key, v text);
    create table u (id int primary key, v text);
    insert into t select n, repeat('x', 300) from generate_series(1, 20000) n;
    insert into u select n, 'u' from generate_series(1, 500) n";
const DESKTOP: &str = "create table t (id int, v text); create table u (id int, v text)";
const TABLES: &str = "[limits]\nchunk_rows = 2000\n[defaults]\nreverse = \"insert-missing\"\n\
    forward = \"upsert\"\n[tables]\nt = { key = \"id\" }\nu = { key = \"id\" }";

/// The program, with the cloud behind a slow network.
async fn run_through(office: &Office, wan: &Wan, arguments: &[&str]) -> Ran {
    let mut command = office.command(arguments);
    command.env("CLOUD_DATABASE_URL", wan.url(&office.pair.cloud.url()));
    tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap())).await.unwrap()
}

fn wan(office: &Office) -> Wan {
    Wan::start(office.pair.cloud.port(), Delay::round_trip_ms(4)).unwrap()
}

/// What was said of further attempts.
fn attempts(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with("attempt ")).collect()
}

/// Both sides hold every row once, and a further run has nothing to do.
async fn is_whole(office: &Office, ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran}");
    for table in ["t", "u"] {
        let digest = format!(
            "select count(*), count(distinct id), md5(string_agg(id || v, ',' \
            order by id)) from {table}"
        );
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        assert_eq!(cloud.text(&digest).await, desktop.text(&digest).await, "{table} {ran}");
    }
    let again = office.reverse().await;
    assert!(again.stdout.contains("done: nothing new as of "), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cut_at_any_byte_is_taken_up_again() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let wan = wan(&office);
    let mut cut = 0;
    for bytes in [300, 1_500, 9_000, 60_000, 400_000, 1_500_000, 4_000_000] {
        office
            .pair
            .desktop
            .run(
                "truncate t, u; drop schema if exists pgsync cascade;
            drop table if exists _reverse_sync_metadata",
            )
            .await;
        wan.cut_after(bytes);
        let ran = run_through(&office, &wan, &["reverse"]).await;
        cut += attempts(&ran).len();
        assert_eq!(attempts(&ran).len(), 1, "{bytes} {ran}");
        assert!(attempts(&ran)[0].starts_with("attempt 2 of 5 in 0."), "{ran}");
        is_whole(&office, &ran).await;
        let result = "select result, rows_inserted from pgsync.runs order by started_at limit 1";
        assert_eq!(office.pair.desktop.text(result).await, "ok|20500", "{bytes} {ran}");
    }
    println!("{cut} cuts survived");
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_in_the_middle_of_both_directions_are_survived() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let wan = wan(&office);
    for (round, direction) in ["reverse", "forward", "reverse", "forward"].iter().enumerate() {
        let side = if *direction == "reverse" { &office.pair.cloud } else { &office.pair.desktop };
        let first = 100_000 * (round + 1);
        side.run(&format!(
            "insert into t select n, repeat('y', 300) from generate_series({first}, {}) n",
            first + 20_000
        ))
        .await;
        let resets = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(350)).await;
                wan.reset_all();
            }
        };
        let arguments = [*direction];
        let (ran, ()) = tokio::join!(run_through(&office, &wan, &arguments), resets);
        assert!(!attempts(&ran).is_empty(), "{ran}");
        is_whole(&office, &ran).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_between_two_chunks_is_waited_for() {
    for restarted in ["cloud", "desktop"] {
        let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
        let text = std::fs::read_to_string(office.config()).unwrap();
        office.configure(&text.replace("\"50ms\"", "\"200ms\""));
        let mut run = office.command(&["reverse"]);
        let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while office.pair.desktop.count("t").await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pair = &office.pair;
        let server = if restarted == "cloud" { pair.cloud.server() } else { pair.desktop.server() };
        server.restart().unwrap();
        let output = tokio::task::spawn_blocking(move || run.wait_with_output().unwrap());
        let ran = Ran::from(output.await.unwrap());
        assert!(!attempts(&ran).is_empty(), "{restarted} {ran}");
        is_whole(&office, &ran).await;
    }
}

/// The line is dead without a word, and so are new ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_is_noticed_and_left() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let text = std::fs::read_to_string(office.config()).unwrap();
    let impatient = "[cloud]\nidle_timeout = \"1s\"\nconnect_timeout = \"1s\"";
    office.configure(&text.replace("[cloud]", impatient));
    let wan = wan(&office);
    let silence = async {
        while office.pair.desktop.count("t").await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        wan.black_hole(true);
        tokio::time::sleep(Duration::from_secs(6)).await;
        wan.reset_all();
        wan.black_hole(false);
    };
    let (ran, ()) = tokio::join!(run_through(&office, &wan, &["reverse"]), silence);
    assert!(ran.stderr.contains("the connection to the cloud is dead"), "{ran}");
    is_whole(&office, &ran).await;

    // For ever: the run ends, and says what it could not do.
    office.pair.cloud.run("insert into t select n, 'z' from generate_series(50000, 90000) n").await;
    office.configure(
        &std::fs::read_to_string(office.config())
            .unwrap()
            .replace("\"50ms\"", "\"50ms\"\nattempts = 2"),
    );
    let started = Instant::now();
    let kept = office.pair.desktop.count("t").await;
    let silence = async {
        while office.pair.desktop.count("t").await == kept {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        wan.black_hole(true);
    };
    let (ran, ()) = tokio::join!(run_through(&office, &wan, &["reverse"]), silence);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?} {ran}", started.elapsed());
    let status = office.run(&["status"]).await;
    assert!(status.stdout.contains("could not"), "{status}");
    wan.reset_all();
    wan.black_hole(false);
    let ran = office.reverse().await;
    is_whole(&office, &ran).await;
}

/// Looked at eight times, and found at work each time.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_is_not_taken_for_a_dead_line() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    office.configure_tables(
        "[tables.u]\nkey = \"id\"\nreverse = { mode = \"insert-missing\", where = \
         \"(select pg_sleep(4)) is not null\" }",
    );
    let text = std::fs::read_to_string(office.config()).unwrap();
    office.configure(&text.replace("[cloud]", "[cloud]\nidle_timeout = \"500ms\""));
    let ran = office.reverse().await;
    assert_eq!(attempts(&ran), [""; 0], "{ran}");
    assert_eq!(office.pair.desktop.count("u").await, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_held_for_a_moment_is_tried_again_alone() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let text = std::fs::read_to_string(office.config()).unwrap();
    let impatient = "[desktop]\nlock_timeout = \"300ms\"";
    office.configure(
        &text.replace("[desktop]", impatient).replace("\"50ms\"", "\"300ms\"\nattempts = 9"),
    );
    let mut holder = office.pair.desktop.connect().await;
    let mut holder = holder.begin().await.unwrap();
    holder.execute("lock table t in row exclusive mode").await.unwrap();
    let (ran, ()) = tokio::join!(office.run(&["reverse"]), async {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        holder.rollback().await.unwrap();
    });
    let said = attempts(&ran);
    assert!(!said.is_empty() && said.iter().all(|line| line.contains("55P03")), "{ran}");
    let finished = ran.stdout.lines().filter(|line| line.starts_with("  u ")).count();
    assert_eq!(finished, 1, "{ran}");
    is_whole(&office, &ran).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again() {
    let office = Office::alone(
        "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b')",
        "create table t (id int, v text);
         create sequence tries;
         create function refuse() returns trigger language plpgsql as $$
         begin
           if nextval('tries') <= 3 then
             raise exception 'deadlock detected' using errcode = '40P01';
           end if;
           return new;
         end $$;
         create trigger refuse before insert on t for each statement execute function refuse()",
        "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }",
    )
    .await;
    let ran = office.reverse().await;
    assert_eq!(attempts(&ran).len(), 3, "{ran}");
    assert_eq!(office.pair.desktop.count("t").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_is_never_tried_again() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let wrong = [
        ("CLOUD_DATABASE_URL", "postgres://nobody@127.0.0.1:PORT/cloud"),
        ("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:PORT/nothing"),
        ("CLOUD_DATABASE_URL", "postgres://postgres@cloud.invalid/cloud"),
    ];
    for (variable, url) in wrong {
        let mut command = office.command(&["reverse"]);
        command.env(variable, url.replace("PORT", &office.pair.cloud.port().to_string()));
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.code, attempts(&ran).len()), (3, 0), "{ran}");
    }
    office.pair.desktop.run("alter table t alter v type varchar(5)").await;
    let ran = office.run(&["reverse"]).await;
    // More rows are too long than may be rejected.
    assert_eq!((ran.code, attempts(&ran).len()), (6, 0), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_end_where_the_configuration_says_so() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let text = std::fs::read_to_string(office.config()).unwrap();
    for (limits, further) in [
        ("first_pause = \"10ms\"\nattempts = 3", 2),
        ("first_pause = \"10ms\"\nattempts = 1", 0),
        ("first_pause = \"10s\"\nmax_total = \"1s\"", 0),
    ] {
        office.configure(&text.replace("first_pause = \"50ms\"", limits));
        let mut command = office.command(&["reverse"]);
        command.env("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:1/cloud");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.code, attempts(&ran).len()), (3, further), "{limits} {ran}");
    }
}

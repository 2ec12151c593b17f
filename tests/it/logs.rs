//! The log: what stands in it the next morning.

use crate::look::says;
use crate::office::{Office, Ran};
use std::collections::BTreeSet;

const TABLES: &str = "[defaults]\nreverse = \"insert-missing\"\n[tables]\nt = { key = \"id\" }\n\
    narrow = { key = \"id\" }\nnowhere = { key = \"id\" }";
const CLOUD: &str = "create table t (id int primary key, v text);
    create table narrow (id int primary key, v text);
    insert into t values (1, 'a'), (2, 'b'); insert into narrow values (1, 'too long'), (2, 'b')";
const DESKTOP: &str = "create table t (id int, v text); create table narrow (id int, v varchar(3));
    create table seen (name text);
    create function see() returns trigger language plpgsql as $$ begin
        insert into seen values (current_setting('application_name')); return new; end $$;
    create trigger see before insert on t for each row execute function see()";

async fn office(log: &str) -> Office {
    Office::alone(CLOUD, DESKTOP, &format!("[log]\n{log}\n{TABLES}")).await
}

fn read(office: &Office, name: &str) -> String {
    std::fs::read_to_string(office.folder().join(name)).unwrap_or_default()
}

/// Without the time, which must be there with its offset.
fn events(log: &str) -> Vec<String> {
    log.lines()
        .map(|line| {
            let (time, rest) = line.split_at("2026-01-02 03:04:05.678 +00:00".len());
            let time = chrono::DateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.3f %:z");
            assert!(time.is_ok(), "{line}");
            rest.trim_start().to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_morning_it_says_what_happened() {
    let office = office("file = \"logs/pgsync.log\"").await;
    let mut command = office.command(&["reverse", "--quiet"]);
    let ran = Ran::from(command.env("TZ", "<+0530>-5:30").output().unwrap());
    assert_eq!(ran.code, 1, "{ran}");
    let log = read(&office, "logs/pgsync.log");
    assert!(log.lines().all(|line| line.contains(" +05:30 ")), "{log}");
    let events = events(&log);
    let run = office.pair.desktop.text("select run_id from pgsync.runs").await;
    let all = events.join("\n");
    let process = run.rsplit('-').next().unwrap();
    let cloud = format!("127.0.0.1:{}/{}", office.pair.cloud.port(), office.pair.cloud.name());
    says(
        &events[0],
        &[
            &format!("info  [reverse {process}] begins: pgsync 0.1.0, configuration "),
            "pgsync.toml",
        ],
    );
    says(
        &all,
        &[
            &format!("info  [reverse {run}] reads from cloud postgres@{cloud}, writes to desktop"),
            "3 tables: t, narrow, nowhere",
            "] cloud is PostgreSQL 1",
            "] table t: first run; checked 2, new 2, inserted 2, updated 0, deleted 0, protected 0, rejected 0, in ",
            "] table narrow: first run; 1 rejected; checked 2, new 1, inserted 1,",
            &format!("error [reverse {run}] table nowhere: FAILED"),
            &format!(
                "error [reverse {run}] could not find table nowhere on the cloud; hint: correct its name"
            ),
            "rejected: narrow [\"1\"]: value too long",
            "warn  [reverse ",
            "1 of 3 tables failed; in the others: 3 rows inserted in 2 tables",
        ],
    );
    says(
        events.last().unwrap(),
        &[&format!("info  [reverse {run}] ends: table failed, exit code 1, after ")],
    );
    let seen = office.pair.desktop.lines("select distinct name from seen").await;
    assert_eq!(seen, [format!("pgsync reverse {run}")]);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    let ran = office.run(&["status"]).await;
    assert!(ran.stdout.contains(&run), "{ran}");
    says(
        &read(&office, "logs/pgsync.log"),
        &["] Please look: 1 table has waited", "] ends: done, exit code 0"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_names_another_file_and_hears_of_a_bad_configuration() {
    let office = office("file = \"usual.log\"").await;
    let other = office.folder().join("other.log");
    let other = other.to_str().unwrap();
    let ran = office.run(&["reverse", "t", "--log-file", other]).await;
    assert_eq!(ran.code, 0, "{ran}");
    says(&read(&office, "other.log"), &["] table t: first run", "] ends: done, exit code 0"]);
    office.configure("nothing");
    let ran = office.run(&["--log-file", other, "reverse"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(
        &read(&office, "other.log"),
        &["error [reverse ", "line 1: ", "] ends: wrong usage, exit code 2"],
    );
    assert_eq!(read(&office, "usual.log"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_told() {
    let office = office("file = \"pgsync.log\"").await;
    let mut command = office.command(&["reverse"]);
    command.env("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:1/firm");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 3, "{ran}");
    let log = read(&office, "pgsync.log");
    says(
        &log,
        &["attempt 2 of 5 in ", "because: could not connect to the cloud", "error [reverse 2"],
    );
    says(&log, &["; hint: ", "] ends: could not start, exit code 3"]);
}

/// Both directions, several at a time, into a log that is moved aside all the
/// time: every run has begun and ended there.
#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_lose_no_line() {
    let office = office("file = \"pgsync.log\"\nmax_size = \"2kB\"\nkeep = 100").await;
    let mut runs = Vec::new();
    for at in 0..16 {
        let command = ["reverse", "status", "rejects", "init-metadata"][at % 4];
        let run = office.command(&[command, "--quiet"]);
        runs.push(std::thread::spawn(move || {
            let mut run = run;
            run.output().unwrap().status.code()
        }));
    }
    let codes: Vec<_> = runs.into_iter().map(|run| run.join().unwrap()).collect();
    assert_eq!(codes.len(), 16);
    let mut all = String::new();
    let mut files = 0;
    for file in std::fs::read_dir(office.folder()).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("pgsync.log") && name != "pgsync.log.lock" {
            assert!(file.metadata().unwrap().len() <= 2_000, "{name}");
            all += &std::fs::read_to_string(file.path()).unwrap();
            files += 1;
        }
    }
    assert!(files > 3, "{files}");
    let of = |what: &str| {
        let lines = events(&all).into_iter().filter(|line| line.contains(what));
        // By the process, which ends the name of a run too.
        lines
            .map(|line| {
                line.split(']').next().unwrap().rsplit([' ', '-']).next().unwrap().to_owned()
            })
            .collect::<BTreeSet<String>>()
    };
    let (begun, ended) = (of("] begins: "), of("] ends: "));
    assert_eq!((begun.len(), &begun), (16, &ended), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_stops_nobody() {
    let office = office("file = \"pgsync.toml/pgsync.log\"").await;
    let ran = office.run(&["reverse", "t"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ran.stderr.matches("warning: could not write to ").count(), 1, "{ran}");
}

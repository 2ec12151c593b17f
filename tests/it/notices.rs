//! Notices: a program hears how a run ended, and nothing that it does harms
//! the run.

use crate::json::Judge;
use crate::look::says;
use crate::office::{Office, Ran};
use serde_json::Value;
use std::time::{Duration, Instant};

const TABLES: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";
const CLOUD: &str = "create table t (id int primary key, v text); insert into t values (1, 'a')";
const DESKTOP: &str = "create table t (id int, v varchar(3))";

/// A script that writes down what it gets, one that fails, one that hangs.
const TELL: &str = "#!/bin/sh\n{ echo \"== $1 $PGSYNC_REASON $PGSYNC_EXIT_CODE\"; cat; } >> told\n";

async fn office(more: &str) -> Office {
    let notify = format!(
        "[log]\nfile = \"log\"\n[notify]\non_failure = [\"./tell.sh\", \"bad\"]\n\
         on_rejects = [\"./tell.sh\", \"odd\"]\non_recovery = [\"./tell.sh\", \"good\"]\n{more}\n{TABLES}"
    );
    let office = Office::alone(CLOUD, DESKTOP, &notify).await;
    script(&office, "tell.sh", TELL);
    office
}

fn script(office: &Office, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = office.folder().join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the program has heard since.
fn told(office: &Office) -> String {
    let file = office.folder().join("told");
    let told = std::fs::read_to_string(&file).unwrap_or_default();
    let _ = std::fs::remove_file(&file);
    told
}

async fn reverse(office: &Office, code: i32, more: &[&str]) -> Ran {
    let ran = office.run(&[&["reverse"], more].concat()).await;
    assert_eq!(ran.code, code, "{ran}");
    ran
}

fn reverse_without_cloud(office: &Office, more: &[&str]) {
    let mut command = office.command(&[&["reverse"], more].concat());
    command.env("CLOUD_DATABASE_URL", "postgres://postgres:s3cret@127.0.0.1:1/firm");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 3, "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_rejects_and_a_recovery_are_told() {
    let office = office("").await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    reverse(&office, 0, &[]).await;
    assert_eq!(told(&office), "");

    desktop.run("alter table t rename to gone").await;
    reverse(&office, 1, &["--dry-run"]).await;
    assert_eq!(told(&office), "");
    reverse(&office, 1, &["--quiet", "--format", "json"]).await;
    let heard = told(&office);
    says(&heard, &["== bad failure 1\npgsync reverse failed: table failed (exit code 1)\nrun 2"]);
    says(&heard, &["pgsync.toml\n\nerror: could not find table t on the desktop\n  hint: correct"]);
    says(&heard, &["\n1 table failed, in "]);

    desktop.run("alter table gone rename to t").await;
    cloud.run("insert into t values (2, 'too long')").await;
    reverse(&office, 4, &[]).await;
    let heard = told(&office);
    says(&heard, &["== odd rejects 4\npgsync reverse set rows aside: rows rejected (exit code 4)"]);
    says(&heard, &["rejected: t [\"2\"]: value too long", "warning: 1 row rejected and set aside"]);

    cloud.run("update t set v = 'b' where id = 2").await;
    reverse(&office, 0, &[]).await;
    let heard = told(&office);
    says(&heard, &["== good recovery 0\npgsync reverse is fine again: done (exit code 0)"]);
    says(&heard, &["done: 1 row inserted in 1 table"]);
    reverse(&office, 0, &[]).await;
    assert_eq!(told(&office), "");
    let log = std::fs::read_to_string(office.folder().join("log")).unwrap();
    says(&log, &["] notice of failure: ./tell.sh", "] notice of recovery: ./tell.sh"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_could_not_start_is_told_and_so_is_the_next_good_one() {
    let office = office("").await;
    reverse_without_cloud(&office, &[]);
    let heard = told(&office);
    says(&heard, &["== bad failure 3\npgsync reverse failed: could not start (exit code 3)"]);
    says(
        &heard,
        &["error: could not connect to the cloud at postgres@127.0.0.1:1/firm\n  cause: "],
    );
    assert!(!heard.contains("s3cret"), "{heard}");
    reverse_without_cloud(&office, &["--dry-run"]);
    assert_eq!(told(&office), "");
    reverse(&office, 0, &[]).await;
    says(&told(&office), &["== good recovery 0"]);
    reverse(&office, 0, &[]).await;
    assert_eq!(told(&office), "");
    reverse(&office, 2, &["banana"]).await;
    says(&told(&office), &["== bad failure 2", "error: could not find table banana"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_json_if_they_want_it() {
    let office = office("format = \"json\"").await;
    let judge = Judge::new();
    office.pair.cloud.run("insert into t values (2, 'too long \u{e4}')").await;
    let ran = reverse(&office, 4, &[]).await;
    let heard = told(&office);
    let line = heard.strip_prefix("== odd rejects 4\n").unwrap();
    assert!(line.is_ascii() && line.lines().count() == 1, "{heard}");
    let notice = judge.line(line, &ran);
    assert_eq!(
        (&notice["figures"]["rejected"], &notice["figures"]["inserted"]),
        (&1.into(), &1.into())
    );
    assert!(notice["lines"][0].as_str().unwrap().starts_with("rejected: t [\"2\"]"), "{notice}");
    assert_eq!(notice["error"], Value::Null);
    reverse_without_cloud(&office, &[]);
    let heard = told(&office);
    let notice = judge.line(heard.lines().last().unwrap(), &ran);
    assert_eq!(
        notice["error"]["message"],
        "could not connect to the cloud at postgres@127.0.0.1:1/firm"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_or_hangs_is_a_warning() {
    let office = office("timeout = \"300ms\"").await;
    office.pair.cloud.run("insert into t values (2, 'too long')").await;
    for (text, said) in [
        ("#!/bin/sh\nexit 7\n", "./tell.sh ended with exit status: 7"),
        ("#!/bin/sh\nexec sleep 60\n", "./tell.sh took longer than 0.3 s and was stopped"),
        ("no program", "./tell.sh could not be started: "),
    ] {
        script(&office, "tell.sh", text);
        let began = Instant::now();
        let ran = reverse(&office, 4, &[]).await;
        assert!(began.elapsed() < Duration::from_secs(30));
        says(&ran.stderr, &[&format!("warning: the notice could not be given: {said}")]);
        let log = std::fs::read_to_string(office.folder().join("log")).unwrap();
        says(&log, &[&format!("the notice could not be given: {said}")]);
    }
    // Who does not listen does not hinder.
    script(&office, "tell.sh", "#!/bin/sh\nexec true\n");
    let ran = reverse(&office, 4, &[]).await;
    assert!(!ran.stderr.contains("notice"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_run_at_work_is_no_failure() {
    let office = office("").await;
    let mut other = office.pair.desktop.connect().await;
    sqlx::raw_sql("select pg_advisory_lock(1885827961, 1)").execute(&mut other).await.unwrap();
    reverse(&office, 5, &[]).await;
    assert_eq!(told(&office), "");
}

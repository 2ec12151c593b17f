//! `pgsync schedule` where there is no Task Scheduler, and the time that a run
//! may take. What Windows gets is held by its full text beside the builders.

use crate::look::{says, until};
use crate::office::{Office, Ran};
use std::time::{Duration, Instant};

const TABLE: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";

async fn office(head: &str) -> Office {
    let tables = "create table t (id int primary key, v text)";
    Office::with(tables, tables, &format!("{head}\n{TABLE}")).await
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn lines_for_cron_and_systemd_are_printed() {
    let office =
        office("[limits]\nmax_run_time = \"50m\"\n[schedule]\nreverse = \"every 30m\"").await;
    let ran = office.run(&["schedule", "install"]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
    let config = office.config().display().to_string();
    let cron = ran.stdout.lines().find(|line| line.contains("* * * *")).unwrap();
    assert!(cron.starts_with("0,30 * * * * cd "), "{cron}");
    assert!(cron.ends_with(&format!("reverse --wait 30m --config {config}")), "{cron}");
    says(
        &ran.stdout,
        &[
            "# Nothing was installed.",
            "#    systemctl --user enable --now pgsync-reverse.timer\n",
            "\n# pgsync-reverse.service\n[Unit]\n",
            "\nTimeoutStartSec=3300\n",
            "\nOnCalendar=*-*-* *:00,30:00\nPersistent=true\n",
            &format!(" --config \"{config}\"\n"),
        ],
    );
    // No table takes part in forward, so none of its runs is planned.
    assert!(!ran.stdout.contains("forward"), "{ran}");
    let printed = office.run(&["schedule", "install", "--print"]).await;
    assert_eq!(printed.stdout, ran.stdout);
}

/// The line does what it says: a shell runs it, in a folder with a space.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_shell_understands_the_line_for_cron() {
    let office = office("").await;
    office.pair.cloud.run("insert into t values (1, 'a')").await;
    let folder = office.folder().join("Anna's files & more");
    std::fs::create_dir(&folder).unwrap();
    let config = folder.join("pgsync.toml");
    std::fs::rename(office.config(), &config).unwrap();
    let schedule = |command: &mut std::process::Command| {
        command
            .env("DESKTOP_DATABASE_URL", office.pair.desktop.url())
            .env("CLOUD_DATABASE_URL", office.pair.cloud.url())
            .output()
            .map(Ran::from)
            .unwrap()
    };
    let mut install = std::process::Command::new(env!("CARGO_BIN_EXE_pgsync"));
    let printed = schedule(install.args(["schedule", "install", "--config"]).arg(&config));
    let line = printed.stdout.lines().find(|line| line.contains("* * * *")).unwrap();
    let command = line.splitn(6, ' ').nth(5).unwrap();
    let ran = schedule(std::process::Command::new("sh").args(["-c", command]));
    assert_eq!((ran.code, ran.figures("t")[2].as_str()), (0, "1"), "{ran}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_next_command() {
    let off = office("[schedule]\nreverse = \"off\"").await;
    let ran = off.run(&["schedule", "install"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(
        &ran.stderr,
        &[
            "error: could not find anything to schedule\n",
            "hint: write for example reverse = \"every 1h\" into [schedule]\n",
        ],
    );
    let ran = off.run(&["schedule", "list"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(&ran.stderr, &["error: could not list the scheduled tasks\n", "crontab -l"]);
    let ran = off.run(&["schedule", "remove"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(&ran.stderr, &["error: could not remove the scheduled tasks\n", "crontab -e"]);
}

const DROWSY: &str = "create function doze() returns trigger language plpgsql as $$
    begin
      if new.id = 2500 then perform pg_sleep(120); end if;
      return new;
    end $$;
    create trigger doze before insert on t for each row execute function doze()";

/// As with Ctrl-C: what was committed stays, nothing is left at work, the run
/// is noted, and the next one does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_in_order_when_its_time_is_over() {
    let office = office("[limits]\nchunk_rows = 500\nmax_run_time = \"8s\"").await;
    let desktop = &office.pair.desktop;
    let rows = "insert into t select n, 'row ' || n from generate_series(1, 4000) n";
    office.pair.cloud.run(rows).await;
    desktop.run("alter table t drop constraint t_pkey").await;
    desktop.run(DROWSY).await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 130, "{ran}");
    says(
        &ran.stderr,
        &["max_run_time of 8s is over: ending in order; the next run goes on from there\n"],
    );
    assert!(ran.stdout.contains("\ninterrupted: "), "{ran}");
    assert!(!ran.stderr.contains("error:") && !ran.stderr.contains("stopping at once"), "{ran}");
    let asleep = "select count(*) from pg_stat_activity
        where wait_event = 'PgSleep' and datname = current_database()";
    until(desktop, asleep, "0").await;
    let noted = desktop.text("select result from pgsync.runs").await;
    assert_eq!(noted, "interrupted");
    let kept = desktop.count("t").await;
    assert!(kept > 0 && kept < 4_000, "{kept} rows were committed");
    desktop.run("drop trigger doze on t").await;
    office.configure_tables(TABLE);
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t")[2].replace(',', ""), (4_000 - kept).to_string(), "{ran}");
    assert_eq!(desktop.count("(select distinct id from t) as t").await, 4_000);
}

/// Waiting for another run is a part of the time.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_the_lock_counts() {
    let office = office("[limits]\nmax_run_time = \"2s\"").await;
    let mut holder = office.pair.desktop.connect().await;
    let take = "select pg_advisory_lock(1885827961, 1)";
    sqlx::raw_sql(take).execute(&mut holder).await.unwrap();
    let started = Instant::now();
    let ran = office.run(&["reverse", "--wait", "60s"]).await;
    assert_eq!(ran.code, 130, "{ran}");
    assert!(started.elapsed() < Duration::from_secs(30), "{ran}");
    says(
        &ran.stderr,
        &["max_run_time of 2s is over", "error: could not finish: it was interrupted"],
    );
}

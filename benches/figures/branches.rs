//! Fifty desktops on one cloud: an hour of work, and what the cloud feels of it.
//!
//! Each desktop keeps its own rows of the same tables. In the hour every
//! office changes some rows, the phones add some, and every desktop runs both
//! directions once, so many at a time.

use crate::firm::settle;
use crate::median::Samples;
use crate::program::{Peaks, Program, Ran};
use crate::table::{Amount, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::{Db, Pair};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const DESKTOPS: usize = 50;
const AT_A_TIME: usize = 8;
const CLIENTS: usize = 300;
const TASKS: usize = 2_000;

const CLOUD: &str = "
create table client (org_id int, client_id int primary key, name text, source char(1) default 'D');
create table task (org_id int, job_id int, note text, source char(1) default 'D',
  jt_id bigserial primary key);
create index on task (org_id)";

const DESKTOP: &str = "
create table client (org_id int, client_id int, name text, source char(1));
create table task (org_id int, job_id int, note text, source char(1))";

fn configuration(org: usize) -> String {
    format!(
        "desktop_time_zone = \"Asia/Kolkata\"\n\
         [desktop]\nname = \"office-{org}\"\nurl = \"${{DESKTOP_DATABASE_URL}}\"\n\
         [cloud]\nurl = \"${{CLOUD_DATABASE_URL}}\"\n\
         [defaults]\nscope = \"org_id = {org}\"\nowned_by_cloud = \"source = 'M'\"\n\
         [tables]\n\
         client = {{ key = \"client_id\", reverse = \"insert-missing\", forward = \"upsert\" }}\n\
         [tables.task]\nkey = \"job_id\"\n\
         forward = {{ mode = \"mirror\", where = \"source is distinct from 'M'\" }}\n"
    )
}

struct Office {
    pair: Pair,
    program: Program,
    org: usize,
}

impl Office {
    async fn open(org: usize, cloud: &Db) -> Result<Self> {
        let pair = Pair::empty().await;
        let fill = format!(
            "{DESKTOP}; insert into client select {org}, {org} * 10000 + n, 'client ' || n, 'D' \
             from generate_series(1, {CLIENTS}) n; insert into task select {org}, n, 'task ' || n, \
             'D' from generate_series(1, {TASKS}) n"
        );
        pair.desktop.run(&fill).await;
        let program = Program::at(cloud.url(), pair.desktop.url(), &configuration(org))?;
        Ok(Self { pair, program, org })
    }

    /// What an hour brings: five rows changed, one new, in each table.
    async fn work(&self, hour: usize) {
        let org = self.org;
        let change = format!(
            "update client set name = name || '.' where client_id % 60 = {hour}; \
             insert into client values ({org}, {org} * 10000 + 5000 + {hour}, 'new', 'D'); \
             update task set note = note || '.' where job_id % 400 = {hour}; \
             insert into task values ({org}, 5000 + {hour}, 'new', 'D')"
        );
        self.pair.desktop.run(&change).await;
    }
}

/// Measures the first day and two hours after it.
pub async fn measure(table: &mut Table, peaks: &mut Peaks) -> Result<()> {
    let shared = Pair::empty().await;
    let cloud = &shared.cloud;
    cloud.run(CLOUD).await;
    let mut offices = Vec::new();
    for org in 1..=DESKTOPS {
        offices.push(Office::open(org, cloud).await?);
    }
    settle(&shared).await;
    let first = all(&offices, &["forward"], peaks)?;
    ensure!(cloud.count("task").await == i64::try_from(DESKTOPS * TASKS)?, "not all tasks came");
    let mut felt = Felt::default();
    for hour in 1..=2 {
        for office in &offices {
            office.work(hour).await;
        }
        phones(cloud, hour).await;
        settle(&shared).await;
        felt.hour(&offices, cloud, peaks).await?;
    }
    check(&offices, cloud).await?;
    let name = |what: &str| format!("{DESKTOPS} desktops, {AT_A_TIME} at a time: {what}");
    table.add(Line::new(name("first forward of all"), &first.whole, Amount::Seconds));
    table.add(Line::new(name("an hour's runs of all"), &felt.whole, Amount::Seconds));
    table.add(Line::new("... one run", &felt.each, Amount::Seconds));
    table.add(Line::new("... transactions in the cloud", &felt.transactions, Amount::Count));
    table.add(Line::new("... most sessions in the cloud", &felt.sessions, Amount::Count));
    table.add(Line::new("... read by the cloud from its tables", &felt.bytes, Amount::Bytes));
    Ok(())
}

/// A phone's row for every office.
async fn phones(cloud: &Db, hour: usize) {
    let rows = format!(
        "insert into client select n, n * 10000 + 7000 + {hour}, 'by a phone', 'M' \
         from generate_series(1, {DESKTOPS}) n"
    );
    cloud.run(&rows).await;
}

/// What an hour costs.
#[derive(Default)]
struct Felt {
    whole: Samples,
    each: Samples,
    transactions: Samples,
    sessions: Samples,
    bytes: Samples,
}

impl Felt {
    // Exact up to nine petabytes.
    #[allow(clippy::cast_precision_loss)]
    async fn hour(&mut self, offices: &[Office], cloud: &Db, peaks: &mut Peaks) -> Result<()> {
        let before = Work::of(cloud).await?;
        let over = AtomicUsize::new(0);
        let (runs, sessions) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| most_sessions(cloud, &over));
            let runs = all(offices, &["reverse"], peaks)
                .and_then(|reverse| Ok((reverse, all(offices, &["forward"], peaks)?)));
            over.store(1, Ordering::Relaxed);
            (runs, watcher.join().unwrap_or(0))
        });
        let (reverse, forward) = runs?;
        let after = Work::of(cloud).await?;
        self.whole.push(reverse.seconds + forward.seconds);
        reverse.each.iter().chain(&forward.each).for_each(|seconds| self.each.push(*seconds));
        self.transactions.push((after.transactions - before.transactions) as f64);
        self.bytes.push((after.pages - before.pages) as f64 * 8192.0);
        self.sessions.push(sessions as f64);
        Ok(())
    }
}

/// What the cloud's server counts.
struct Work {
    transactions: i64,
    pages: i64,
}

impl Work {
    async fn of(cloud: &Db) -> Result<Self> {
        // The server brings its figures up to date when a session ends.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let database = "from pg_stat_database where datname = current_database()";
        let number = async |what: &str| -> Result<i64> {
            Ok(cloud.text(&format!("select {what} {database}")).await.parse()?)
        };
        Ok(Self {
            transactions: number("xact_commit + xact_rollback").await?,
            pages: number("blks_hit + blks_read").await?,
        })
    }
}

fn most_sessions(cloud: &Db, over: &AtomicUsize) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return 0 };
    let asked = "select count(*) from pg_stat_activity where application_name like 'pgsync %'";
    runtime.block_on(async {
        let mut most = 0;
        while over.load(Ordering::Relaxed) == 0 {
            most = most.max(cloud.text(asked).await.parse().unwrap_or(0));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        most
    })
}

/// What it took to run all offices.
#[derive(Default)]
struct Runs {
    seconds: f64,
    whole: Samples,
    each: Vec<f64>,
}

fn all(offices: &[Office], arguments: &[&str], peaks: &mut Peaks) -> Result<Runs> {
    let (next, ran, started) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(office) = offices.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = office.program.run(arguments);
                    if let Ok(mut ran) = ran.lock() {
                        ran.push(outcome);
                    }
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut runs = Runs { seconds, ..Runs::default() };
    runs.whole.push(seconds);
    for outcome in ran.into_inner().unwrap_or_default() {
        let ran: Ran = outcome?;
        peaks.note("one of fifty desktops", &ran);
        runs.each.push(ran.seconds);
    }
    Ok(runs)
}

/// Every row is where it belongs, and nowhere else.
async fn check(offices: &[Office], cloud: &Db) -> Result<()> {
    for office in offices {
        for table in ["client", "task"] {
            let rows = format!("{table} where org_id = {}", office.org);
            let (up, down) = (cloud.count(&rows).await, office.pair.desktop.count(table).await);
            ensure!(up == down, "office {}: {up} rows of {table} up, {down} down", office.org);
        }
    }
    Ok(())
}

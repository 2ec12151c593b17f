//! A visit to the firm: `cargo run --release --example demo`
//!
//! Starts two throw-away PostgreSQL servers with the firm's data, and lets
//! the program's own commands run on them, as a shell would show it. With a
//! terminal it then waits, so that the visitor can look into both databases.
//! Nothing that exists already is connected to or changed.

#![allow(clippy::print_stdout, reason = "a demo is there to be read")]

use anyhow::{Context as _, Result};
use clap::Parser as _;
use pgsync::cli::Cli;
use pgsync::commands;
use pgsync::error::Exit;
use pgsync::report::Report;
use pgsync_testkit::{Db, Pair, Programs, Side, firm};
use sqlx::postgres::PgConnection;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Instant;
use tempfile::TempDir;

const SHIPPED: &str = include_str!("../config/pgsync.toml");

#[tokio::main]
async fn main() -> Result<()> {
    let visit = Visit::prepare().await?;
    visit.pgsync("init-metadata").await?;

    let late_job = visit.begin_a_late_job().await?;
    visit.pgsync("reverse").await?;

    visit.finish(late_job).await?;
    visit.work_on_the_phones().await;
    visit.pgsync("reverse").await?;
    visit.show_the_desktop().await;

    visit.work_in_the_office().await;
    visit.pgsync("forward climaster mbreminder --dry-run").await?;
    visit.pgsync("forward").await?;
    visit.pgsync("forward").await?;
    visit.pgsync("status").await?;
    visit.look_around()
}

/// The two databases, and the configuration that names them.
struct Visit {
    pair: Pair,
    folder: TempDir,
}

impl Visit {
    async fn prepare() -> Result<Self> {
        println!("Starting two throw-away PostgreSQL servers with a firm's data ...");
        let started = Instant::now();
        for side in [Side::Cloud, Side::Desktop] {
            Programs::find(side)?;
        }
        let pair = Pair::dedicated().await;
        tokio::try_join!(fill(&pair.cloud, Side::Cloud), fill(&pair.desktop, Side::Desktop))?;
        let folder = tempfile::tempdir()?;
        let visit = Self { pair, folder };
        std::fs::write(visit.config(), visit.configuration())?;
        println!("ready after {:.0} s", started.elapsed().as_secs_f64());
        Ok(visit)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("pgsync.toml")
    }

    /// The shipped file with the two addresses in it. Variables would not do:
    /// those of the visitor's own shell may name databases that matter.
    fn configuration(&self) -> String {
        SHIPPED
            .replace("${DESKTOP_DATABASE_URL}", &self.pair.desktop.url())
            .replace("${CLOUD_DATABASE_URL}", &self.pair.cloud.url())
    }

    /// Runs a command of the program to its good end.
    async fn pgsync(&self, command: &str) -> Result<()> {
        println!("\n$ pgsync {command}");
        let config = self.config();
        let arguments = ["pgsync".as_ref(), "--config".as_ref(), config.as_os_str()];
        let words = command.split_whitespace().map(AsRef::as_ref);
        let cli = Cli::try_parse_from(arguments.into_iter().chain(words))?;
        let exit = commands::run(&cli, &Report::new(&cli.output)).await;
        anyhow::ensure!(exit == Exit::Done, "pgsync {command} ended with {exit:?}");
        Ok(())
    }

    async fn begin_a_late_job(&self) -> Result<PgConnection> {
        say("A phone writes job 90010, stamped 2025-01-01; its transaction stays open.");
        let mut phone = self.pair.cloud.connect().await;
        sqlx::raw_sql(LATE_JOB).execute(&mut phone).await?;
        Ok(phone)
    }

    async fn finish(&self, mut phone: PgConnection) -> Result<()> {
        sqlx::raw_sql("commit").execute(&mut phone).await?;
        say("Job 90010 is committed now, after that run, with its stamp of 2025-01-01.");
        Ok(())
    }

    async fn work_on_the_phones(&self) {
        say("The phones add job 90011, a reminder and a leave request, and change job 90001.");
        self.pair.cloud.run(PHONES).await;
    }

    /// Job 90001 is as the first run brought it: the desktop's rows are its own.
    async fn show_the_desktop(&self) {
        println!("\n$ psql -At {} -c \"{JOBS}\"", self.pair.desktop.url());
        for line in self.pair.desktop.lines(JOBS).await {
            println!("{line}");
        }
    }

    /// The reminder is a phone's: the cloud keeps its own.
    async fn work_in_the_office(&self) {
        say("The office edits two clients and reminder 90010, which a phone made.");
        self.pair.desktop.run(OFFICE).await;
    }

    fn look_around(self) -> Result<()> {
        say("Both databases, to look into:");
        println!("#   desktop  {}", self.pair.desktop.url());
        println!("#   cloud    {}", self.pair.cloud.url());
        if std::io::stdin().is_terminal() {
            println!("# They are there until you press Enter.");
            std::io::stdin().read_line(&mut String::new()).context("could not wait for Enter")?;
        }
        drop(self);
        println!("# Both servers are stopped, and their folders removed.");
        Ok(())
    }
}

/// What happens beside the commands, as a shell's comment.
fn say(text: &str) {
    println!("\n# {text}");
}

async fn fill(db: &Db, side: Side) -> Result<()> {
    let mut connection = db.connect().await;
    firm::create_and_load(side, &mut connection).await?;
    db.run("vacuum analyze").await;
    Ok(())
}

const LATE_JOB: &str = "
begin;
insert into jobshead (org_id, con_id, loc_id, job_id, client_id, work_desc, source, updated_at)
select 1, 0, 1, 90010, min(client_id), 'committed late, stamped early', 'M', '2025-01-01' from climaster";

const PHONES: &str = "
insert into jobshead (org_id, con_id, loc_id, job_id, client_id, work_desc, source)
select 1, 0, 1, 90011, min(client_id), 'made on a phone', 'M' from climaster;
insert into reminder (rem_id, org_id, loc_id, year_id, staff_id, remtitle, source)
select 90010, 1, 1, 2025, min(staff_id), 'call the client', 'M' from mbstaff;
insert into learequest (org_id, con_id, loc_id, learequest_id, staff_id, leaveremarks, source)
select 1, min(con_id), 1, 90010, (select min(staff_id) from mbstaff), 'one day', 'M' from conmaster;
update jobshead set work_desc = 'changed on a phone' where job_id = 90001";

const OFFICE: &str = "
update climaster set clientname = left(clientname, 70) || ' and Sons' where client_id in
(select client_id from climaster order by 1 limit 2);
update mbreminder set remtitle = 'call the client twice' where rem_id = 90010";

const JOBS: &str = "select job_id, work_desc, updated_at from jobshead \
where job_id in (90001, 90010, 90011) order by 1";

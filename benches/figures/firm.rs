//! The firm's eleven tables with the shipped configuration: the first reverse,
//! and one that finds nothing new.

use crate::median::Samples;
use crate::program::{Peaks, Program};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::{Db, Pair};
use std::collections::HashSet;

/// What a firm would install.
pub const CONFIGURATION: &str = include_str!("../../config/pgsync.toml");

const OLD_PROGRAM: &str = "* the program that pgsync replaces, on the firm's desktop (no index); \
     it cannot be run here";

/// Measures both, on fresh databases each time.
pub async fn measure(scale: &Scale, table: &mut Table, peaks: &mut Peaks) -> Result<()> {
    let (mut first, mut again) = (Samples::default(), Samples::default());
    for _ in 0..scale.rounds {
        let pair = Pair::firm().await;
        settle(&pair).await;
        let books = Books::before(&pair).await;
        let program = Program::new(&pair, CONFIGURATION)?;
        let ran = program.run(&eleven())?;
        books.check(&pair).await?;
        first.push(ran.seconds);
        peaks.note("firm", &ran);
        let ran = program.run(&eleven())?;
        ensure!(ran.stdout.contains("done: nothing new"), "{}", ran.stdout);
        books.check(&pair).await?;
        again.push(ran.seconds);
        peaks.note("firm", &ran);
    }
    let mut old = Samples::default();
    old.push(169.0);
    table.note(OLD_PROGRAM);
    table.add(
        Line::new("first reverse, 11 tables of the firm", &first, Amount::Seconds)
            .against(&old, Amount::QuotedSeconds)
            .goal(Goal::Under(Amount::Seconds(1.0)))
            .goal(Goal::Times(0.01)),
    );
    table.add(
        Line::new("reverse with nothing new", &again, Amount::Seconds)
            .goal(Goal::Under(Amount::Seconds(0.25))),
    );
    Ok(())
}

/// Lets the servers finish what making the databases has left to do.
pub async fn settle(pair: &Pair) {
    tokio::join!(pair.cloud.run("checkpoint"), pair.desktop.run("checkpoint"));
}

/// The tables that reverse carries: on the desktop, in the cloud, and their key.
const TABLES: [(&str, &str, &str); 11] = [
    ("orgmaster", "orgmaster", "org_id"),
    ("locmaster", "locmaster", "loc_id"),
    ("conmaster", "conmaster", "con_id"),
    ("climaster", "climaster", "client_id"),
    ("mbstaff", "mbstaff", "staff_id"),
    ("taskmaster", "taskmaster", "task_id"),
    ("jobmaster", "jobmaster", "job_id"),
    ("cliunimaster", "cliunimaster", "cliunit_id"),
    ("jobshead", "jobshead", "job_id"),
    ("mbreminder", "reminder", "rem_id"),
    ("learequest", "learequest", "learequest_id"),
];

/// `reverse` of these tables alone; the shipped configuration has the diary too.
pub fn eleven() -> Vec<&'static str> {
    std::iter::once("reverse").chain(TABLES.iter().map(|(desktop, _, _)| *desktop)).collect()
}

/// How many rows each table of the desktop must have in the end.
pub struct Books(Vec<usize>);

impl Books {
    /// What is there, and one row more for every row whose key is missing.
    pub async fn before(pair: &Pair) -> Self {
        let mut rows = Vec::new();
        for table in TABLES {
            let (standing, missing) = count(pair, table).await;
            rows.push(standing + missing);
        }
        Self(rows)
    }

    /// Makes sure that everything has arrived, and nothing twice.
    pub async fn check(&self, pair: &Pair) -> Result<()> {
        for (table, &expected) in TABLES.into_iter().zip(&self.0) {
            let (standing, missing) = count(pair, table).await;
            let name = table.0;
            ensure!(missing == 0, "{missing} rows of {name} have not arrived");
            ensure!(standing == expected, "{name} has {standing} rows, not {expected}");
        }
        Ok(())
    }
}

/// The desktop's rows, and the cloud's rows whose key the desktop lacks.
async fn count(pair: &Pair, (desktop, cloud, key): (&str, &str, &str)) -> (usize, usize) {
    let standing = keys(&pair.desktop, desktop, key).await;
    let wanted = keys(&pair.cloud, cloud, key).await;
    let known: HashSet<&String> = standing.iter().collect();
    let missing = wanted.iter().filter(|key| !known.contains(key)).count();
    (standing.len(), missing)
}

async fn keys(db: &Db, table: &str, key: &str) -> Vec<String> {
    db.lines(&format!("select trim_scale({key}::numeric) from {table}")).await
}

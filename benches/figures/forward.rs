//! Forward: the firm's fifteen tables into an empty cloud, with nothing new,
//! with a little new; and the large table as upsert and as mirror.

use crate::firm::{CONFIGURATION, settle};
use crate::large::{self, same_count};
use crate::median::Samples;
use crate::pipe::{End, Psql};
use crate::program::{Peaks, Program, Ran};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::Pair;
use pgsync_testkit::wan::{Delay, Wan};

/// Measures all of it.
pub async fn measure(
    scale: &Scale,
    psql: Option<&Psql>,
    table: &mut Table,
    peaks: &mut Peaks,
) -> Result<()> {
    firm(scale, psql, table, peaks).await?;
    large_upsert(scale, table, peaks).await?;
    large_mirror(scale, psql, table, peaks).await
}

/// Tables of the firm that hold rows, and a change to ten of them each.
const CHANGES: &str = "
update climaster set clientphone = 'x' || clientphone where client_id in (select client_id from climaster order by client_id limit 10);
update mbstaff set name = 'x' || left(name, 40) where staff_id in (select staff_id from mbstaff order by staff_id limit 10);
update jobshead set worklocation = 'x' where ctid in (select ctid from jobshead limit 10);
update jobtasks set taskorder = 77 where ctid in (select ctid from jobtasks limit 10);
update taskchecklist set comments = 'x' where ctid in (select ctid from taskchecklist limit 10);
update workdiary set doc_ref = 'x' where ctid in (select ctid from workdiary limit 10);
update mbreminder set remnotes = 'x' where rem_id in (select rem_id from mbreminder order by rem_id limit 10);
update mbremdetail set remresponse = 'x' where remdetid in (select remdetid from mbremdetail order by remdetid limit 10)";

async fn firm(
    scale: &Scale,
    psql: Option<&Psql>,
    table: &mut Table,
    peaks: &mut Peaks,
) -> Result<()> {
    let (mut first, mut pipes) = (Samples::default(), Samples::default());
    let (mut quiet, mut far, mut bytes, mut little) =
        (Samples::default(), Samples::default(), Samples::default(), Samples::default());
    for _ in 0..scale.rounds {
        let pair = Pair::firm_before_the_cloud().await;
        // The one row of the masters that only the cloud has, and its parent.
        pair.cloud.run("insert into orgmaster (org_id) values (1); insert into conmaster (org_id, con_id) values (1, 0)").await;
        settle(&pair).await;
        let program = Program::new(&pair, CONFIGURATION)?;
        let ran = forward(&program, peaks)?;
        same_rows(&pair).await?;
        first.push(ran.seconds);
        quiet.push(nothing_new(&forward(&program, peaks)?)?);
        let wan = Wan::start(pair.cloud.port(), Delay::round_trip_ms(40))?;
        let far_away = Program::at(wan.url(&pair.cloud.url()), pair.desktop.url(), CONFIGURATION)?;
        far.push(nothing_new(&forward(&far_away, peaks)?)?);
        bytes.push(both_ways(&wan));
        pair.desktop.run(CHANGES).await;
        let ran = forward(&program, peaks)?;
        ensure!(ran.stdout.contains("80 rows updated in 8 tables"), "{}", ran.stdout);
        little.push(ran.seconds);
        nothing_new(&forward(&program, peaks)?)?;
        if let Some(psql) = psql {
            pipes.push(pipe_large_tables(psql, &pair).await?);
        }
    }
    let seconds = |what: &str, samples: &Samples, limit: f64| {
        Line::new(what, samples, Amount::Seconds).goal(Goal::Under(Amount::Seconds(limit)))
    };
    table.add(
        seconds("first forward, 15 tables, empty cloud (psql: 4 of them)", &first, 4.0)
            .against(&pipes, Amount::Seconds),
    );
    table.add(seconds("forward with nothing new", &quiet, 1.0));
    table.add(seconds("... over 40 ms", &far, 2.0));
    table.add(
        Line::new("... its bytes, both ways", &bytes, Amount::Bytes)
            .goal(Goal::Under(Amount::Bytes(1_000_000.0))),
    );
    table.add(Line::new("forward with ten rows changed in each table", &little, Amount::Seconds));
    Ok(())
}

/// The four large tables of the firm through pipes, one after the other, into
/// the same tables of the cloud, emptied again. No column is looked up.
async fn pipe_large_tables(psql: &Psql, pair: &Pair) -> Result<f64> {
    pair.cloud.run("truncate jobshead, jobtasks, taskchecklist, workdiary; checkpoint").await;
    let (desktop, cloud) = (pair.desktop.url(), pair.cloud.url());
    let mut seconds = 0.0;
    for name in ["jobshead", "jobtasks", "taskchecklist", "workdiary"] {
        let columns = format!(
            "select string_agg(quote_ident(column_name), ', ' order by ordinal_position) \
             from information_schema.columns where table_name = '{name}' \
             and column_name not in ('source', 'job_uid', 'sporg_id', 'jctincharge')"
        );
        let here = pair.cloud.text(&columns).await;
        let there = pair.desktop.text(&columns).await;
        let shared: Vec<&str> = there
            .split(", ")
            .filter(|column| here.split(", ").any(|other| other == *column))
            .collect();
        let shared = shared.join(", ");
        let out = format!("copy (select {shared} from {name}) to stdout");
        let into = format!("copy {name} ({shared}) from stdin");
        seconds += psql.pipe(
            End { url: &desktop, statements: &["set timezone = 'Asia/Kolkata'", &out] },
            End { url: &cloud, statements: &["set timezone = 'Asia/Kolkata'", &into] },
        )?;
    }
    Ok(seconds)
}

fn forward(program: &Program, peaks: &mut Peaks) -> Result<Ran> {
    let ran = program.run(&["forward"])?;
    peaks.note("forward", &ran);
    Ok(ran)
}

fn nothing_new(ran: &Ran) -> Result<f64> {
    ensure!(ran.stdout.contains("done: nothing new"), "{}", ran.stdout);
    Ok(ran.seconds)
}

// Exact up to nine petabytes.
#[allow(clippy::cast_precision_loss)]
fn both_ways(wan: &Wan) -> f64 {
    let stats = wan.stats();
    (stats.up_bytes + stats.down_bytes) as f64
}

async fn same_rows(pair: &Pair) -> Result<()> {
    for table in ["climaster", "mbstaff", "jobshead", "jobtasks", "taskchecklist", "workdiary"] {
        let (cloud, desktop) = (pair.cloud.count(table).await, pair.desktop.count(table).await);
        ensure!(cloud == desktop, "{table} has {cloud} rows in the cloud, not {desktop}");
    }
    Ok(())
}

/// A text column of the large table, changed in a thousandth of its rows.
const CHANGE: &str = "update big set v3 = left('x' || v3, 20) where id % 1000 = ";

async fn large_upsert(scale: &Scale, table: &mut Table, peaks: &mut Peaks) -> Result<()> {
    let pair = large::equal(scale.rows).await?;
    let program = Program::new(&pair, &large::carried("forward = \"upsert\""))?;
    program.run(&["forward"])?;
    let mut ours = Samples::default();
    for round in 0..scale.rounds {
        pair.desktop.run(&change(round)).await;
        settle(&pair).await;
        let ran = program.run(&["forward"])?;
        ensure!(ran.stdout.contains("rows updated"), "{}", ran.stdout);
        peaks.note("forward, large upsert", &ran);
        ours.push(ran.seconds);
    }
    equal_sides(&pair).await?;
    table.add(
        Line::new("large upsert, 1/1000 changed, incremental", &ours, Amount::Seconds)
            .goal(Goal::Under(Amount::Seconds(1.0))),
    );
    Ok(())
}

fn change(round: usize) -> String {
    format!("{CHANGE}{}", round + 1)
}

async fn large_mirror(
    scale: &Scale,
    psql: Option<&Psql>,
    table: &mut Table,
    peaks: &mut Peaks,
) -> Result<()> {
    let pair = large::equal(scale.rows).await?;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let (mut our_bytes, mut their_bytes) = (Samples::default(), Samples::default());
    Program::new(&pair, &large::carried("forward = \"mirror\""))?.run(&["forward"])?;
    for round in 0..scale.rounds {
        pair.desktop.run(&change(round)).await;
        settle(&pair).await;
        let wan = Wan::start(pair.cloud.port(), Delay::default())?;
        let cloud = wan.url(&pair.cloud.url());
        let program = Program::at(
            cloud.clone(),
            pair.desktop.url(),
            &large::carried("forward = \"mirror\""),
        )?;
        let ran = program.run(&["forward"])?;
        ensure!(ran.stdout.contains("rows updated"), "{}", ran.stdout);
        peaks.note("forward, large mirror", &ran);
        ours.push(ran.seconds);
        let by_us = both_ways(&wan);
        our_bytes.push(by_us);
        if let Some(psql) = psql {
            theirs.push(ship(psql, &pair.desktop.url(), &cloud)?);
            their_bytes.push(both_ways(&wan) - by_us);
        }
    }
    same_count(&pair, scale.rows).await?;
    equal_sides(&pair).await?;
    table.add(
        Line::new("large mirror, 1/1000 changed", &ours, Amount::Seconds)
            .against(&theirs, Amount::Seconds)
            .goal(Goal::Times(0.5)),
    );
    table.add(
        Line::new("... its bytes, both ways", &our_bytes, Amount::Bytes)
            .against(&their_bytes, Amount::Bytes)
            .goal(Goal::Times(0.1)),
    );
    Ok(())
}

/// The whole table through a pipe, into one that costs the least.
fn ship(psql: &Psql, desktop: &str, cloud: &str) -> Result<f64> {
    psql.pipe(
        End { url: desktop, statements: &["copy big to stdout (format binary)"] },
        End {
            url: cloud,
            statements: &[
                "create temporary table shipped (like big)",
                "copy shipped from stdin (format binary)",
            ],
        },
    )
}

async fn equal_sides(pair: &Pair) -> Result<()> {
    let sum = "select sum(hash_record_extended(big, 0)) from big";
    let (cloud, desktop) = tokio::join!(pair.cloud.text(sum), pair.desktop.text(sum));
    ensure!(cloud == desktop, "the sides differ: {cloud} and {desktop}");
    Ok(())
}

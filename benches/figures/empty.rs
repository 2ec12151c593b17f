//! The large table into an empty one that has its primary key, against psql's
//! COPY, binary and text.

use crate::firm::settle;
use crate::large::{self, same_count};
use crate::median::Samples;
use crate::million::{REVERSE, forget};
use crate::pipe::{End, Psql};
use crate::program::{Peaks, Program};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::Pair;

const BINARY: [&str; 2] =
    ["copy big to stdout (format binary)", "copy big from stdin (format binary)"];
const TEXT: [&str; 2] = ["copy big to stdout", "copy big from stdin"];

/// Measures all three in turn, into an emptied table each time.
pub async fn measure(
    scale: &Scale,
    psql: Option<&Psql>,
    table: &mut Table,
    peaks: &mut Peaks,
) -> Result<()> {
    let pair = large::in_the_cloud(scale.rows).await?;
    let program = Program::new(&pair, &large::carried(REVERSE))?;
    let (mut ours, mut binary, mut text) =
        (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..scale.rounds {
        empty(&pair).await;
        let ran = program.reverse()?;
        same_count(&pair, scale.rows).await?;
        ensure!(ran.stdout.contains("first run"), "{}", ran.stdout);
        ours.push(ran.seconds);
        peaks.note("large table into an empty one", &ran);
        if let Some(psql) = psql {
            binary.push(through_psql(psql, &pair, BINARY, scale.rows).await?);
            text.push(through_psql(psql, &pair, TEXT, scale.rows).await?);
        }
    }
    let goal = Goal::Times(1.0);
    table.add(
        Line::new("large table into an empty one, against psql binary", &ours, Amount::Seconds)
            .against(&binary, Amount::Seconds)
            .goal(goal),
    );
    table.add(
        Line::new("... against psql text", &ours, Amount::Seconds)
            .against(&text, Amount::Seconds)
            .goal(goal),
    );
    Ok(())
}

async fn through_psql(psql: &Psql, pair: &Pair, [out, into]: [&str; 2], rows: u64) -> Result<f64> {
    empty(pair).await;
    let (cloud, desktop) = (pair.cloud.url(), pair.desktop.url());
    let seconds = psql.pipe(
        End { url: &cloud, statements: &[out] },
        End { url: &desktop, statements: &[into] },
    )?;
    same_count(pair, rows).await?;
    Ok(seconds)
}

async fn empty(pair: &Pair) {
    pair.desktop.run("truncate big").await;
    forget(pair).await;
    settle(pair).await;
}

//! The large table on both sides, equal: `verify`, against what the slower
//! side takes to count and sum it by itself.

use crate::firm::settle;
use crate::large;
use crate::median::Samples;
use crate::program::{Peaks, Program};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::Db;
use pgsync_testkit::wan::{Delay, Wan};
use std::time::Instant;

/// What anybody would ask a server to see whether a table is the same as
/// another one. It is asked as we ask: both servers at the same time.
const OWN_SUM: &str = "set jit = off; \
    select count(*), sum(hashtextextended(t::text collate \"C\", 0)) from big as t";

/// Measures both in turn; the bytes are counted by a proxy without delay.
pub async fn measure(scale: &Scale, table: &mut Table, peaks: &mut Peaks) -> Result<()> {
    let pair = large::equal(scale.rows).await?;
    let wan = Wan::start(pair.cloud.port(), Delay::default())?;
    let program = Program::at(
        wan.url(&pair.cloud.url()),
        pair.desktop.url(),
        &large::carried("forward = \"upsert\""),
    )?;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for _ in 0..scale.rounds {
        settle(&pair).await;
        let ran = program.run(&["verify"])?;
        ensure!(ran.stdout.contains("equal: both sides"), "{}", ran.stdout);
        ours.push(ran.seconds);
        peaks.note("verify, large table", &ran);
        let (cloud, desktop) = tokio::join!(own_sum(&pair.cloud), own_sum(&pair.desktop));
        theirs.push(cloud.max(desktop));
    }
    let stats = wan.stats();
    let mut bytes = Samples::default();
    // Exact up to nine petabytes.
    #[allow(clippy::cast_precision_loss)]
    bytes.push((stats.up_bytes + stats.down_bytes) as f64 / scale.rounds as f64);
    table.add(
        Line::new("verify, large equal table", &ours, Amount::Seconds)
            .against(&theirs, Amount::Seconds)
            .goal(Goal::Times(1.2)),
    );
    table.add(
        Line::new("... its bytes, both ways", &bytes, Amount::Bytes)
            .goal(Goal::Under(Amount::Bytes(1_000_000.0))),
    );
    Ok(())
}

async fn own_sum(db: &Db) -> f64 {
    let started = Instant::now();
    db.run(OWN_SUM).await;
    started.elapsed().as_secs_f64()
}

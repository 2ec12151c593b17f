//! The large table on both sides with a thousandth of it new: compared in full
//! and read by its horizon, against a pipe that ships all keys.

use crate::firm::settle;
use crate::large::{self, same_count};
use crate::median::Samples;
use crate::pipe::{End, Psql};
use crate::program::{Peaks, Program, Ran};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::wan::{Delay, Wan};
use pgsync_testkit::{Pair, firm::wide};

/// How `large::carried` carries it.
pub const REVERSE: &str = "reverse = \"insert-missing\"";

/// Keys as psql ships them, into a table that costs the least.
const KEYS_OUT: [&str; 1] = ["copy (select id from big) to stdout"];
const KEYS_IN: [&str; 2] = ["create temporary table keys (id bigint)", "copy keys from stdin"];

/// The table on both sides, and how many rows it has by now.
struct Scene<'a> {
    pair: Pair,
    psql: Option<&'a Psql>,
    rows: u64,
    news: u64,
}

/// Measures both kinds of run, each in turn with the pipe.
pub async fn measure(
    scale: &Scale,
    psql: Option<&Psql>,
    table: &mut Table,
    peaks: &mut Peaks,
) -> Result<()> {
    let pair = large::equal(scale.rows).await?;
    let mut scene = Scene { pair, psql, rows: scale.rows, news: scale.news() };
    scene.compared(scale, table, peaks).await?;
    scene.by_horizon(scale, table, peaks).await?;
    scene.traffic(table).await
}

impl Scene<'_> {
    /// A first run: our tables are not there, so both sides are compared.
    async fn compared(
        &mut self,
        scale: &Scale,
        table: &mut Table,
        peaks: &mut Peaks,
    ) -> Result<()> {
        let (mut ours, mut theirs) = (Samples::default(), Samples::default());
        for _ in 0..scale.rounds {
            forget(&self.pair).await;
            let ran = self.carry_news("first run").await?;
            ours.push(ran.seconds);
            peaks.note("large table compared in full", &ran);
            self.ship_keys(&self.pair.cloud.url(), &mut theirs)?;
        }
        table.add(
            Line::new("large table, 1/1000 new, first run", &ours, Amount::Seconds)
                .against(&theirs, Amount::Seconds)
                .goal(Goal::Times(1.2)),
        );
        Ok(())
    }

    /// The usual run, after one that has written a horizon.
    async fn by_horizon(
        &mut self,
        scale: &Scale,
        table: &mut Table,
        peaks: &mut Peaks,
    ) -> Result<()> {
        let (mut ours, mut theirs) = (Samples::default(), Samples::default());
        for _ in 0..scale.rounds {
            let ran = self.carry_news("incremental").await?;
            ours.push(ran.seconds);
            peaks.note("large table read by its horizon", &ran);
            self.ship_keys(&self.pair.cloud.url(), &mut theirs)?;
        }
        table.add(
            Line::new("large table, 1/1000 new, incremental", &ours, Amount::Seconds)
                .against(&theirs, Amount::Seconds)
                .goal(Goal::Under(Amount::Seconds(0.6)))
                .goal(Goal::Times(0.5)),
        );
        Ok(())
    }

    /// The bytes between the cloud and the program, both ways, counted by a
    /// proxy without delay; one run each, because they hardly vary.
    async fn traffic(&mut self, table: &mut Table) -> Result<()> {
        let (mut theirs, mut ours) = (Samples::default(), Samples::default());
        let wan = Wan::start(self.pair.cloud.port(), Delay::default())?;
        let cloud = wan.url(&self.pair.cloud.url());
        self.add_news().await?;
        forget(&self.pair).await;
        Program::at(cloud.clone(), self.pair.desktop.url(), &large::carried(REVERSE))?.reverse()?;
        same_count(&self.pair, self.rows).await?;
        let by_us = bytes(&wan);
        ours.push(by_us);
        if self.psql.is_some() {
            self.ship_keys(&cloud, &mut Samples::default())?;
            theirs.push(bytes(&wan) - by_us);
        }
        table.add(
            Line::new("... bytes of the first run, both ways", &ours, Amount::Bytes)
                .against(&theirs, Amount::Bytes)
                .goal(Goal::Times(0.5)),
        );
        Ok(())
    }

    async fn carry_news(&mut self, how: &str) -> Result<Ran> {
        self.add_news().await?;
        settle(&self.pair).await;
        let ran = Program::new(&self.pair, &large::carried(REVERSE))?.reverse()?;
        ensure!(ran.stdout.contains(how), "expected {how} in\n{}", ran.stdout);
        same_count(&self.pair, self.rows).await?;
        Ok(ran)
    }

    async fn add_news(&mut self) -> Result<()> {
        wide::add(&self.pair.cloud.url(), self.rows + 1, self.news).await?;
        self.rows += self.news;
        Ok(())
    }

    fn ship_keys(&self, cloud: &str, seconds: &mut Samples) -> Result<()> {
        let Some(psql) = self.psql else { return Ok(()) };
        let desktop = self.pair.desktop.url();
        let took = psql.pipe(
            End { url: cloud, statements: &KEYS_OUT },
            End { url: &desktop, statements: &KEYS_IN },
        )?;
        seconds.push(took);
        Ok(())
    }
}

// Exact up to nine petabytes.
#[allow(clippy::cast_precision_loss)]
fn bytes(wan: &Wan) -> f64 {
    let stats = wan.stats();
    (stats.up_bytes + stats.down_bytes) as f64
}

/// Makes the desktop one on which pgsync has never run.
pub async fn forget(pair: &Pair) {
    let ours = "drop schema if exists pgsync cascade; \
                drop table if exists public._reverse_sync_metadata";
    pair.desktop.run(ours).await;
}

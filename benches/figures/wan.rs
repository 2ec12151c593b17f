//! The firm's tables with the cloud far away: 40 ms a round trip, 20 Mbit/s.

use crate::firm::{Books, CONFIGURATION, eleven, settle};
use crate::median::Samples;
use crate::program::{Peaks, Program, Ran};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::Pair;
use pgsync_testkit::wan::{Delay, Stats, Wan};

/// What a kind of run costs.
#[derive(Default)]
struct Costs {
    seconds: Samples,
    round_trips: Samples,
    bytes: Samples,
}

/// Measures the first reverse and one that finds nothing new.
pub async fn measure(scale: &Scale, table: &mut Table, peaks: &mut Peaks) -> Result<()> {
    let (mut first, mut again) = (Costs::default(), Costs::default());
    for _ in 0..scale.rounds {
        let pair = Pair::firm().await;
        settle(&pair).await;
        let books = Books::before(&pair).await;
        first.note(&through_wan(&pair, peaks)?);
        books.check(&pair).await?;
        let (ran, stats) = through_wan(&pair, peaks)?;
        ensure!(ran.stdout.contains("done: nothing new"), "{}", ran.stdout);
        again.note(&(ran, stats));
        books.check(&pair).await?;
    }
    first.tell("first reverse over 40 ms and 20 Mbit/s", 2.5, table);
    again.tell("reverse with nothing new over 40 ms", 1.0, table);
    Ok(())
}

fn through_wan(pair: &Pair, peaks: &mut Peaks) -> Result<(Ran, Stats)> {
    let delay = Delay { mbit: Some(20.0), ..Delay::round_trip_ms(40) };
    let wan = Wan::start(pair.cloud.port(), delay)?;
    let program = Program::at(wan.url(&pair.cloud.url()), pair.desktop.url(), CONFIGURATION)?;
    let ran = program.run(&eleven())?;
    peaks.note("firm over 40 ms", &ran);
    Ok((ran, wan.stats()))
}

impl Costs {
    /// Counts the set-up of a connection as the round trip that it is.
    // Exact up to nine petabytes.
    #[allow(clippy::cast_precision_loss)]
    fn note(&mut self, (ran, stats): &(Ran, Stats)) {
        self.seconds.push(ran.seconds);
        self.round_trips.push((stats.round_trips + stats.connections) as f64);
        self.bytes.push((stats.up_bytes + stats.down_bytes) as f64);
    }

    fn tell(&self, what: &str, limit: f64, table: &mut Table) {
        let goal = Goal::Under(Amount::Seconds(limit));
        table.add(Line::new(what, &self.seconds, Amount::Seconds).goal(goal));
        table.add(Line::new("... its round trips to the cloud", &self.round_trips, Amount::Count));
        table.add(Line::new("... its bytes, both ways", &self.bytes, Amount::Bytes));
    }
}

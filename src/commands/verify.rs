//! `pgsync verify`: whether both sides are as they should be. Reads only.

use crate::cli;
use crate::commands::{connect, pairs};
use crate::config::Config;
use crate::db::connection::Session;
use crate::engine::plan::Pair;
use crate::engine::read_point::Source;
use crate::engine::verify::{Listing, Verification, Verified};
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::migrations::Side;
use crate::report::Report;
use crate::report::verify::{self as told, Verdict};
use std::time::Instant;

const APPLICATION: &str = "pgsync verify";

/// Rows of a pair that are named.
const MOST_NAMED: usize = 1_000;

/// Compares both sides.
///
/// # Errors
/// When a side cannot be reached, or a table is unknown.
pub async fn run(config: &Config, arguments: &cli::Verify, report: &Report) -> Result<Exit> {
    let reverse = pairs::among(config, Direction::Reverse, &arguments.tables)?;
    let forward = pairs::among(config, Direction::Forward, &arguments.tables)?;
    if reverse.is_empty() && forward.is_empty() {
        return Err(pairs::nothing_is_on(config, &[Direction::Reverse, Direction::Forward]));
    }
    let started = Instant::now();
    let mut sides = Sides::open(config, APPLICATION).await?;
    let listing = if arguments.rows { Listing::Rows(MOST_NAMED) } else { Listing::None };
    let mut verified = Vec::new();
    for (direction, pairs) in [(Direction::Reverse, &reverse), (Direction::Forward, &forward)] {
        verified.extend(sides.compare(direction, pairs, listing).await?);
    }
    sides.close().await;
    let verdict = Verdict {
        cloud: connect::connection(config, Side::Cloud).label(),
        desktop: connect::connection(config, Side::Desktop).label(),
        pairs: in_order(config, verified),
        elapsed: started.elapsed(),
        rows_were_asked_for: arguments.rows,
    };
    told::tell(report, &verdict);
    Ok(exit_of(&verdict.pairs))
}

/// Both sides, each in one snapshot that writes nothing.
pub(super) struct Sides {
    pub cloud: Source,
    pub desktop: Source,
}

impl Sides {
    /// Opens both.
    pub async fn open(config: &Config, application: &str) -> Result<Self> {
        let (cloud, desktop) = connect::both(config, application).await?;
        let (cloud, desktop) = tokio::join!(
            read(config, Side::Cloud, cloud, application),
            read(config, Side::Desktop, desktop, application),
        );
        Ok(Self { cloud: cloud?, desktop: desktop? })
    }

    /// Source and target of a direction.
    pub fn of(&mut self, direction: Direction) -> (&mut Source, &mut Source) {
        match direction {
            Direction::Reverse => (&mut self.cloud, &mut self.desktop),
            Direction::Forward => (&mut self.desktop, &mut self.cloud),
        }
    }

    async fn compare(
        &mut self,
        direction: Direction,
        pairs: &[Pair],
        listing: Listing,
    ) -> Result<Vec<Verified>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let (source, target) = self.of(direction);
        Verification { direction, source, target, listing }.compare(pairs).await
    }

    /// Ends both; there is nothing to undo.
    pub async fn close(self) {
        tokio::join!(self.cloud.session.close(), self.desktop.session.close());
    }
}

async fn read(config: &Config, side: Side, session: Session, application: &str) -> Result<Source> {
    let pins = connect::pins(config, side, application);
    Source::open(session, side, &pins).await.map_err(|failure| {
        let message = format!("could not begin to read on the {}", side.word());
        Error::new(Kind::Start, message).because(failure)
    })
}

/// In the order of the configuration, both directions of a pair together.
fn in_order(config: &Config, mut verified: Vec<Verified>) -> Vec<Verified> {
    let place = |done: &Verified| {
        config.pairs.iter().position(|pair| {
            let name = match done.direction {
                Direction::Reverse => &pair.desktop,
                Direction::Forward => &pair.cloud,
            };
            name.to_string() == done.table
        })
    };
    verified.sort_by_key(|done| (place(done), done.direction == Direction::Forward));
    verified
}

/// The worst that was found: not comparable, different, set aside.
fn exit_of(verified: &[Verified]) -> Exit {
    if verified.iter().any(|pair| pair.failure.is_some()) {
        Exit::TableFailed
    } else if verified.iter().any(|pair| !pair.found.is_equal()) {
        Exit::Different
    } else if verified.iter().any(|pair| pair.found.rejected > 0) {
        Exit::Rejected
    } else {
        Exit::Done
    }
}

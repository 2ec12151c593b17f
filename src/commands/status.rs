//! `pgsync status`: how far each table has come, in both directions, what has
//! run, and what waits.

use crate::cli;
use crate::commands::{connect, pairs, waiting};
use crate::config::Config;
use crate::db::connection::Session;
use crate::db::failure::Result as Answer;
use crate::engine::plan::Pair;
use crate::engine::stop::Stop;
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::lock::{self, Holder};
use crate::metadata::migrations::{self, Side};
use crate::metadata::runs::{self, PastRun};
use crate::metadata::watermark::{self, LastRun};
use crate::metadata::{Direction, not_read};
use crate::report::Report;
use crate::report::status::verdict::{Asked, Found};
use crate::report::status::{self, Standing};
use std::collections::HashMap;

pub(super) const APPLICATION: &str = "pgsync status";

const DIRECTIONS: [Direction; 2] = [Direction::Reverse, Direction::Forward];

/// Shows it. A side that cannot be asked does not hide what the other knows.
///
/// # Errors
/// When no table takes part in anything.
pub async fn run(
    config: &Config,
    arguments: &cli::Status,
    stop: &Stop,
    report: &Report,
) -> Result<Exit> {
    let [reverse, forward] = DIRECTIONS.map(|direction| pairs::all(config, direction));
    if reverse.is_empty() && forward.is_empty() {
        return Err(pairs::nothing_is_on(config, &DIRECTIONS));
    }
    let (reverse, forward, holders) = tokio::join!(
        standing(config, Direction::Reverse, reverse, arguments, stop),
        standing(config, Direction::Forward, forward, arguments, stop),
        holders(config),
    );
    let (mut shown, mut errors) = (Vec::new(), Vec::new());
    for standing in [reverse, forward] {
        match standing {
            Ok(standing) => shown.extend(standing),
            Err(error) => errors.push(error),
        }
    }
    let holders = holders.unwrap_or_else(|error| {
        errors.push(error);
        Vec::new()
    });
    // The desktop may have refused twice: its watermarks and its locks.
    errors.dedup_by(|later, earlier| later.one_line() == earlier.one_line());
    let asked = Asked { max_age: arguments.max_age };
    let found = Found { standings: &shown, holders: &holders, unseen: errors.len() };
    for error in &errors {
        report.error(error);
    }
    let is_fresh = status::tell(report, &found, asked);
    Ok(match errors.first() {
        Some(error) => error.kind().exit(),
        None if is_fresh => Exit::Done,
        None => Exit::Different,
    })
}

/// How a direction stands, as its target knows it; nothing where no pair
/// takes part in it.
async fn standing(
    config: &Config,
    direction: Direction,
    pairs: Vec<Pair>,
    arguments: &cli::Status,
    stop: &Stop,
) -> Result<Option<Standing>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    let side = target(direction);
    let mut session = connect::open(config, side, APPLICATION).await?;
    let history = history(&mut session, direction, arguments.runs).await;
    let history = history.map_err(|failure| not_read(side, failure))?;
    session.close().await;
    let waiting = if arguments.pending {
        Some(waiting::count(config, direction, &pairs, stop).await?)
    } else {
        None
    };
    let (mut last, runs) = history.unwrap_or_default();
    let tables = pairs.into_iter().map(|pair| (last.remove(&pair.name), pair.name));
    let tables: Vec<(String, Option<LastRun>)> = tables.map(|(last, name)| (name, last)).collect();
    let has_run =
        |(_, last): &(String, Option<LastRun>)| last.as_ref().is_some_and(|last| last.at.is_some());
    Ok(Some(Standing {
        direction,
        target: side.word(),
        address: connect::connection(config, side).label(),
        has_run: tables.iter().any(has_run),
        tables,
        runs,
        waiting,
    }))
}

/// The side that keeps a direction's watermarks.
fn target(direction: Direction) -> Side {
    match direction {
        Direction::Reverse => Side::Desktop,
        Direction::Forward => Side::Cloud,
    }
}

type History = (HashMap<String, LastRun>, Vec<PastRun>);

/// The last run of each table, and the last runs; `None` where our tables are
/// not there yet.
async fn history(
    session: &mut Session,
    direction: Direction,
    limit: u64,
) -> Answer<Option<History>> {
    if !migrations::pending(session, target(direction)).await?.is_empty() {
        return Ok(None);
    }
    let tables = watermark::last_runs(session, direction).await?;
    let runs = runs::newest(session, direction, limit).await?;
    Ok(Some((tables.into_iter().map(|last| (last.table.clone(), last)).collect(), runs)))
}

/// Who is at work now. The locks lie on the desktop.
async fn holders(config: &Config) -> Result<Vec<(Direction, Holder)>> {
    let mut desktop = connect::open(config, Side::Desktop, APPLICATION).await?;
    let mut holders = Vec::new();
    for direction in DIRECTIONS {
        let holder = lock::holder(&mut desktop, direction).await.map_err(|failure| {
            Error::new(Kind::Start, "could not look for the lock on the desktop").because(failure)
        })?;
        holders.extend(holder.map(|holder| (direction, holder)));
    }
    desktop.close().await;
    Ok(holders)
}

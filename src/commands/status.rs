//! `pgsync status`: how far each table has come, in both directions.

use crate::commands::{connect, pairs};
use crate::config::Config;
use crate::db::connection::Session;
use crate::db::failure::Result as Answer;
use crate::engine::plan::Pair;
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::migrations::{self, Side};
use crate::metadata::watermark::{self, LastRun};
use crate::report::Report;
use crate::report::status::{self, Standing};
use std::collections::HashMap;

/// Shows it. A side that cannot be asked does not hide what the other knows.
///
/// # Errors
/// When no table takes part in anything.
pub async fn run(config: &Config, report: &Report) -> Result<Exit> {
    let reverse = pairs::all(config, Direction::Reverse);
    let forward = pairs::all(config, Direction::Forward);
    if reverse.is_empty() && forward.is_empty() {
        return Err(pairs::nothing_is_on(config, &[Direction::Reverse, Direction::Forward]));
    }
    let (reverse, forward) = tokio::join!(
        standing(config, Direction::Reverse, reverse),
        standing(config, Direction::Forward, forward),
    );
    let (mut shown, mut errors) = (Vec::new(), Vec::new());
    for standing in [reverse, forward] {
        match standing {
            Ok(standing) => shown.extend(standing),
            Err(error) => errors.push(error),
        }
    }
    status::directions(report, &shown);
    for error in &errors {
        report.error(error);
    }
    Ok(errors.first().map_or(Exit::Done, |error| error.kind().exit()))
}

/// How a direction stands, as its target knows it; nothing where no pair
/// takes part in it.
async fn standing(
    config: &Config,
    direction: Direction,
    pairs: Vec<Pair>,
) -> Result<Option<Standing>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    let side = target(direction);
    let mut session = connect::open(config, side, "pgsync status").await?;
    let last = last_runs(&mut session, direction).await.map_err(|failure| {
        let word = side.word();
        Error::new(Kind::Start, format!("could not read pgsync's own tables on the {word}"))
            .because(failure)
            .hint("run: pgsync init-metadata")
    })?;
    session.close().await;
    let has_run = last.is_some();
    let mut last = last.unwrap_or_default();
    let tables = pairs.into_iter().map(|pair| (last.remove(&pair.name), pair.name));
    Ok(Some(Standing {
        direction,
        target: side.word(),
        address: connect::connection(config, side).label(),
        tables: tables.map(|(last, name)| (name, last)).collect(),
        has_run,
    }))
}

/// The side that keeps a direction's watermarks.
fn target(direction: Direction) -> Side {
    match direction {
        Direction::Reverse => Side::Desktop,
        Direction::Forward => Side::Cloud,
    }
}

/// The last run of each table; `None` where our tables are not there yet.
async fn last_runs(
    session: &mut Session,
    direction: Direction,
) -> Answer<Option<HashMap<String, LastRun>>> {
    if !migrations::pending(session, target(direction)).await?.is_empty() {
        return Ok(None);
    }
    let runs = watermark::last_runs(session, direction).await?;
    Ok(Some(runs.into_iter().map(|run| (run.table.clone(), run)).collect()))
}

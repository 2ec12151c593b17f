//! `pgsync rejects`: the rows that were set aside, and what to do about them.

use crate::cli;
use crate::commands::sync::{self, Order};
use crate::commands::{connect, or_stopped, pairs};
use crate::config::{Config, TablePair};
use crate::db::connection::Session;
use crate::engine::plan::cursor::Reading;
use crate::engine::run::Deletes;
use crate::engine::stop::Stop;
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::migrations::{self, Side};
use crate::metadata::rejects::{self, Reject};
use crate::metadata::{Direction, not_read};
use crate::report::Report;
use crate::report::rejects as told;
use crate::report::run::Effect;
use std::time::Duration;

const APPLICATION: &str = "pgsync rejects";

/// Lists them, forgets one, or tries them again.
///
/// # Errors
/// When a side cannot be reached, or the table or the key is unknown.
pub async fn run(
    config: &Config,
    arguments: &cli::Rejects,
    stop: &Stop,
    report: &Report,
) -> Result<Exit> {
    let pair = arguments.table.as_deref().map(|name| known(config, name)).transpose()?;
    if let (Some(pair), Some(key)) = (pair, &arguments.forget) {
        let key = as_key(key);
        return or_stopped(stop, Box::pin(forget(config, pair, &key, report))).await;
    }
    let found = or_stopped(stop, Box::pin(find(config, pair))).await?;
    if arguments.retry {
        return retry(config, &found, stop, report).await;
    }
    told::list(report, &found, arguments.format);
    Ok(if found.is_empty() { Exit::Done } else { Exit::Rejected })
}

async fn find(config: &Config, pair: Option<&TablePair>) -> Result<Vec<Reject>> {
    let mut found = Vec::new();
    for direction in [Direction::Reverse, Direction::Forward] {
        found.extend(on_target(config, direction, pair).await?);
    }
    Ok(found)
}

fn known<'a>(config: &'a Config, name: &str) -> Result<&'a TablePair> {
    config.pair(name).ok_or_else(|| pairs::unknown(config, name))
}

/// What people type: `4711`, or the whole `["4711"]` of the list.
#[must_use]
pub fn as_key(typed: &str) -> String {
    match serde_json::from_str::<Vec<Option<String>>>(typed) {
        Ok(_) => typed.to_owned(),
        Err(_) => serde_json::json!([typed]).to_string(),
    }
}

/// The side that keeps a direction's rejects.
fn side(direction: Direction) -> Side {
    match direction {
        Direction::Reverse => Side::Desktop,
        Direction::Forward => Side::Cloud,
    }
}

fn name_on(side: Side, pair: &TablePair) -> String {
    match side {
        Side::Desktop => pair.desktop.to_string(),
        Side::Cloud => pair.cloud.to_string(),
    }
}

/// The session with a side; `None` where our tables are not there yet.
async fn open(config: &Config, side: Side) -> Result<Option<Session>> {
    let mut session = connect::open(config, side, APPLICATION).await?;
    let pending =
        migrations::pending(&mut session, side).await.map_err(|failure| not_read(side, failure))?;
    Ok(pending.is_empty().then_some(session))
}

async fn on_target(
    config: &Config,
    direction: Direction,
    pair: Option<&TablePair>,
) -> Result<Vec<Reject>> {
    let side = side(direction);
    let Some(mut session) = open(config, side).await? else { return Ok(Vec::new()) };
    let table = pair.map(|pair| name_on(side, pair));
    let found = rejects::list(&mut session, direction, table.as_deref())
        .await
        .map_err(|failure| not_read(side, failure))?;
    session.close().await;
    Ok(found)
}

async fn forget(config: &Config, pair: &TablePair, key: &str, report: &Report) -> Result<Exit> {
    let mut forgotten = 0;
    for direction in [Direction::Reverse, Direction::Forward] {
        let side = side(direction);
        let Some(mut session) = open(config, side).await? else { continue };
        forgotten += rejects::forget(&mut session, direction, &name_on(side, pair), key)
            .await
            .map_err(|failure| not_read(side, failure))?;
        session.close().await;
    }
    let name = &pair.desktop;
    if forgotten == 0 {
        return Err(Error::new(Kind::Usage, format!("could not find reject {key} of {name}"))
            .hint(format!("see the keys with: pgsync rejects {name}")));
    }
    told::forgotten(report, &name.to_string(), key);
    Ok(Exit::Done)
}

/// Runs the directions that have rejects, for their tables only.
async fn retry(config: &Config, found: &[Reject], stop: &Stop, report: &Report) -> Result<Exit> {
    if found.is_empty() {
        told::list(report, found, report.format());
        return Ok(Exit::Done);
    }
    let mut worst = Exit::Done;
    for direction in [Direction::Reverse, Direction::Forward] {
        let mut tables: Vec<String> = found
            .iter()
            .filter(|reject| reject.direction == direction)
            .map(|reject| reject.table.clone())
            .collect();
        tables.dedup();
        if !tables.is_empty() && !stop.is_asked() {
            let exit = again(config, direction, &tables, stop, report).await?;
            worst = if exit == Exit::Done { worst } else { exit };
        }
    }
    Ok(worst)
}

async fn again(
    config: &Config,
    direction: Direction,
    tables: &[String],
    stop: &Stop,
    report: &Report,
) -> Result<Exit> {
    let order = Order {
        direction,
        tables,
        wait: Duration::ZERO,
        reading: Reading::Incremental,
        effect: Effect::Real,
        deletes: Deletes::Limited,
    };
    sync::run(config, &order, stop, report).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_typed_short() {
        assert_eq!(as_key("4711"), r#"["4711"]"#);
        assert_eq!(as_key(r#"["4711"]"#), r#"["4711"]"#);
        assert_eq!(as_key(r#"["a","7"]"#), r#"["a","7"]"#);
        assert_eq!(as_key("it's \"x\""), r#"["it's \"x\""]"#);
    }
}

//! `pgsync check`: everything that can be known before a run, written nowhere.
//!
//! - `reach`: opens a side and asks it about itself (DO)
//! - `look`: asks both sides about the pairs (DO)
//! - `side`: what is good or bad about a side (DECIDE)
//! - `pair`, `rows`: the same of a pair, and of its rows (DECIDE)
//! - `tell`: how a finding is made

mod look;
mod pair;
mod reach;
mod rows;
mod side;
mod tell;

use crate::cli;
use crate::commands::check::reach::Reached;
use crate::commands::{connect, pairs};
use crate::config::{Config, TablePair};
use crate::error::{Exit, Result};
use crate::metadata::Direction;
use crate::metadata::migrations::Side;
use crate::report::Report;
use crate::report::check::{self, Checkup};

/// Looks, and tells.
///
/// # Errors
/// When a table is not in the configuration, or none takes part in anything.
pub async fn run(config: &Config, arguments: &cli::Check, report: &Report) -> Result<Exit> {
    let chosen = chosen(config, &arguments.tables)?;
    let (cloud, desktop) =
        tokio::join!(reach::side(config, Side::Cloud), reach::side(config, Side::Desktop));
    let mut findings = side::told(config, Side::Cloud, &cloud);
    findings.extend(side::told(config, Side::Desktop, &desktop));
    let (mut cloud, mut desktop) = (cloud, desktop);
    for direction in [Direction::Reverse, Direction::Forward] {
        let (source, target) = match direction {
            Direction::Reverse => (&mut cloud, &mut desktop),
            Direction::Forward => (&mut desktop, &mut cloud),
        };
        findings.extend(look::direction(config, direction, &chosen, source, target).await);
    }
    let label = |side| (side, connect::connection(config, side).label());
    let checkup = Checkup {
        file: config.path.display().to_string(),
        tables: chosen.len(),
        addresses: [label(Side::Cloud), label(Side::Desktop)],
        findings,
    };
    check::tell(report, &checkup);
    for reached in [cloud, desktop] {
        if let Reached::Up(up) = reached {
            up.source.session.close().await;
        }
    }
    Ok(checkup.exit())
}

fn chosen<'a>(config: &'a Config, asked: &[String]) -> Result<Vec<&'a TablePair>> {
    let all = config.pairs.iter().collect::<Vec<_>>();
    let takes_part = |pairs: &[&TablePair]| {
        [Direction::Reverse, Direction::Forward]
            .iter()
            .any(|direction| !pairs::taking_part(pairs, *direction).is_empty())
    };
    if !takes_part(&all) {
        return Err(pairs::nothing_is_on(config, &[Direction::Reverse, Direction::Forward]));
    }
    if asked.is_empty() {
        return Ok(all);
    }
    let pair = |name: &String| config.pair(name).ok_or_else(|| pairs::unknown(config, name));
    asked.iter().map(pair).collect()
}

//! `pgsync reverse`: cloud to desktop, insert the rows that are missing.

use crate::cli;
use crate::commands::sync::{self, Order};
use crate::config::Config;
use crate::engine::plan::cursor::Reading;
use crate::engine::run::Deletes;
use crate::engine::stop::Stop;
use crate::error::{Exit, Result};
use crate::metadata::Direction;
use crate::report::Report;
use crate::report::run::Effect;

/// Runs it.
///
/// # Errors
/// When it could not start; a pair that fails is told in the report.
pub async fn run(
    config: &Config,
    arguments: &cli::Reverse,
    stop: &Stop,
    report: &Report,
) -> Result<Exit> {
    let order = Order {
        direction: Direction::Reverse,
        tables: &arguments.tables,
        wait: arguments.wait.unwrap_or_default(),
        reading: if arguments.full { Reading::Full } else { Reading::Incremental },
        effect: if arguments.dry_run { Effect::DryRun } else { Effect::Real },
        deletes: Deletes::Limited,
    };
    sync::run(config, &order, stop, report).await
}

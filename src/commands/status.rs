//! `pgsync status`: how far each table has come.

use crate::commands::{connect, pairs};
use crate::config::Config;
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::migrations::{self, Side};
use crate::metadata::watermark::{self, LastRun};
use crate::report::{Report, status};
use std::collections::HashMap;

/// Shows it.
///
/// # Errors
/// When the desktop cannot be asked.
pub async fn run(config: &Config, report: &Report) -> Result<Exit> {
    let pairs = pairs::of(config, Direction::Reverse, &[])?;
    let mut desktop = connect::open(config, Side::Desktop, "pgsync status").await?;
    let refused = |failure| {
        Error::new(Kind::Start, "could not read pgsync's own tables on the desktop")
            .because(failure)
            .hint("run: pgsync init-metadata")
    };
    let pending = migrations::pending(&mut desktop, Side::Desktop).await.map_err(refused)?;
    let mut last: HashMap<String, LastRun> = HashMap::new();
    if pending.is_empty() {
        let runs = watermark::last_runs(&mut desktop, Direction::Reverse).await.map_err(refused)?;
        last.extend(runs.into_iter().map(|run| (run.table.clone(), run)));
    }
    let names = pairs.into_iter().map(|pair| pair.name);
    let tables: Vec<_> = names.map(|name| (name.clone(), last.remove(&name))).collect();
    report.line(format_args!("reverse: cloud -> desktop, {}", config.desktop.label()));
    status::tables(report, &tables);
    if !pending.is_empty() {
        report.note("note: nothing has run yet; start with: pgsync reverse");
    }
    desktop.close().await;
    Ok(Exit::Done)
}

//! `pgsync explain`: why a row did or did not arrive. Reads only.

use crate::cli;
use crate::config::Config;
use crate::error::{Exit, Result};
use crate::report::Report;

/// Explains one row.
///
/// # Errors
/// When a side cannot be reached, the table is unknown, or the key is none.
pub async fn run(_config: &Config, _arguments: &cli::Explain, _report: &Report) -> Result<Exit> {
    Ok(Exit::Done)
}

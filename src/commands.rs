//! One plain function per subcommand, a table of contents each.

pub mod connect;
pub mod forward;
pub mod init_metadata;
pub mod pairs;
pub mod rejects;
pub mod reverse;
pub mod status;
pub mod sync;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::error::{Exit, Result};
use crate::report::Report;

/// Does what the command line asks for.
///
/// # Errors
/// When the command could not do its work at all; the kind says how far it came.
pub async fn run(cli: &Cli, report: &Report) -> Result<Exit> {
    let config = Config::load(&Config::locate(cli.config.as_deref())?)?;
    for warning in &config.warnings {
        report.warning(warning);
    }
    match &cli.command {
        Command::Reverse(arguments) => reverse::run(&config, arguments, report).await,
        Command::Forward(arguments) => forward::run(&config, arguments, report).await,
        Command::InitMetadata(arguments) => init_metadata::run(&config, arguments, report).await,
        Command::Rejects(arguments) => rejects::run(&config, arguments, report).await,
        Command::Status => status::run(&config, report).await,
    }
}

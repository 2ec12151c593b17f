//! One plain function per subcommand, a table of contents each.

pub mod connect;
pub mod init_metadata;
pub mod pairs;
pub mod reverse;
pub mod status;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::error::{Error, Exit, Kind, Result};
use crate::report::Report;

/// Does what the command line asks for.
///
/// # Errors
/// When the command could not do its work at all; the kind says how far it came.
pub async fn run(cli: &Cli, report: &Report) -> Result<Exit> {
    if matches!(cli.command, Command::Forward) {
        return Err(not_there_yet());
    }
    let config = Config::load(&Config::locate(cli.config.as_deref())?)?;
    for warning in &config.warnings {
        report.warning(warning);
    }
    match &cli.command {
        Command::Reverse(arguments) => reverse::run(&config, arguments, report).await,
        Command::Forward => Err(not_there_yet()),
        Command::InitMetadata(arguments) => init_metadata::run(&config, arguments, report).await,
        Command::Status => status::run(&config, report).await,
    }
}

fn not_there_yet() -> Error {
    Error::new(Kind::Usage, "could not run forward")
        .because_text("this version carries rows from the cloud to the desktop only")
        .hint("run: pgsync reverse")
}

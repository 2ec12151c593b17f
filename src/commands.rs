//! One plain function per subcommand, a table of contents each.

pub mod connect;
pub mod forward;
pub mod hints;
pub mod init_metadata;
pub mod link;
pub mod pairs;
pub mod rejects;
pub mod reverse;
pub mod schedule;
pub mod schtasks;
pub mod sides;
pub mod signals;
pub mod status;
pub mod sync;
pub mod time_limit;
pub mod tries;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::engine::stop::{self, Stop};
use crate::error::{Exit, Result};
use crate::report::Report;

/// Does what the command line asks for, until somebody presses Ctrl-C twice.
///
/// # Errors
/// When the command could not do its work at all; the kind says how far it came.
pub async fn run(cli: &Cli, report: &Report) -> Result<Exit> {
    let (stopper, stop) = stop::stop();
    tokio::select! {
        exit = command(cli, &stop, report) => exit,
        () = signals::twice(&stopper, report) => Ok(Exit::Interrupted),
    }
}

async fn command(cli: &Cli, stop: &Stop, report: &Report) -> Result<Exit> {
    let config = Config::load(&Config::locate(cli.config.as_deref())?)?;
    for warning in &config.warnings {
        report.warning(warning);
    }
    match &cli.command {
        Command::Reverse(arguments) => reverse::run(&config, arguments, stop, report).await,
        Command::Forward(arguments) => forward::run(&config, arguments, stop, report).await,
        Command::InitMetadata(arguments) => {
            or_stopped(stop, Box::pin(init_metadata::run(&config, arguments, report))).await
        }
        Command::Rejects(arguments) => rejects::run(&config, arguments, stop, report).await,
        Command::Schedule(arguments) => {
            schedule::run(&config, cli.config.as_deref(), arguments, report)
        }
        Command::Status => or_stopped(stop, Box::pin(status::run(&config, report))).await,
    }
}

/// For what can be dropped at any moment: its server undoes what was open.
async fn or_stopped<T>(stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = stop.asked() => Err(sync::interrupted()),
    }
}

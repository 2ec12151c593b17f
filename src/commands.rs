//! One plain function per subcommand, a table of contents each.

pub mod check;
pub mod completions;
pub mod connect;
pub mod ended;
pub mod explain;
pub mod forward;
pub mod hints;
pub mod init;
pub mod init_metadata;
pub mod link;
pub mod notices;
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
pub mod verify;
pub mod waiting;

use crate::cli::{Cli, Command};
use crate::config::{Config, Log};
use crate::engine::stop::{self, Stop};
use crate::error::{Exit, Result};
use crate::logging::file::LogFile;
use crate::report::Report;
use crate::report::journal::Level;

/// Does what the command line asks for, until somebody presses Ctrl-C twice,
/// and tells the end of it.
pub async fn run(cli: &Cli, report: &Report) -> Exit {
    report.name(format_args!("{} {}", cli.command.word(), std::process::id()));
    let (stopper, stop) = stop::stop();
    let ended = tokio::select! {
        exit = command(cli, &stop, report) => exit,
        () = signals::twice(&stopper, report) => Ok(Exit::Interrupted),
    };
    let exit = ended.unwrap_or_else(|error| {
        report.error(&error);
        error.kind().exit()
    });
    report.end(cli.command.word(), exit);
    exit
}

async fn command(cli: &Cli, stop: &Stop, report: &Report) -> Result<Exit> {
    if let Command::Completions(arguments) = &cli.command {
        return Ok(completions::run(arguments, report));
    }
    if let Command::Init(arguments) = &cli.command {
        let config = cli.config.as_deref();
        return or_stopped(stop, Box::pin(init::run(config, arguments, report))).await;
    }
    let config = configuration(cli, report)?;
    for warning in &config.warnings {
        report.warning(warning);
    }
    match &cli.command {
        Command::Completions(arguments) => Ok(completions::run(arguments, report)),
        Command::Reverse(arguments) => reverse::run(&config, arguments, stop, report).await,
        Command::Forward(arguments) => forward::run(&config, arguments, stop, report).await,
        Command::InitMetadata(arguments) => {
            or_stopped(stop, Box::pin(init_metadata::run(&config, arguments, report))).await
        }
        Command::Rejects(arguments) => rejects::run(&config, arguments, stop, report).await,
        Command::Schedule(arguments) => {
            schedule::run(&config, cli.config.as_deref(), arguments, report)
        }
        Command::Status(arguments) => {
            or_stopped(stop, Box::pin(status::run(&config, arguments, stop, report))).await
        }
        Command::Check(arguments) => {
            or_stopped(stop, Box::pin(check::run(&config, arguments, report))).await
        }
        // Done above: it has no configuration yet.
        Command::Init(_) => Ok(Exit::Done),
        Command::Verify(arguments) => {
            or_stopped(stop, Box::pin(verify::run(&config, arguments, report))).await
        }
        Command::Explain(arguments) => {
            or_stopped(stop, Box::pin(explain::run(&config, arguments, report))).await
        }
    }
}

/// Reads it, and opens the log that it or the command line names.
fn configuration(cli: &Cli, report: &Report) -> Result<Config> {
    let given = cli.output.log_file.as_ref();
    let log = |log: &Log| {
        let Some(file) = given.or(log.file.as_ref()) else { return };
        let (max_size, keep) = (log.max_size, log.keep);
        report.log_to(LogFile { file: file.clone(), max_size, keep });
    };
    log(&Log::default());
    let config = Config::load(&Config::locate(cli.config.as_deref())?)?;
    log(&config.log);
    report.log(
        Level::Info,
        format_args!("begins: pgsync {PROGRAM}, configuration {}", config.path.display()),
    );
    Ok(config)
}

const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// For what can be dropped at any moment: its server undoes what was open.
async fn or_stopped<T>(stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = stop.asked() => Err(sync::interrupted()),
    }
}

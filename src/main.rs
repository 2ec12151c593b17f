//! Parse, run, exit code.

use clap::Parser as _;
use pgsync::cli::Cli;
use pgsync::report::Report;
use pgsync::{commands, failpoint, logging};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let _failpoints = failpoint::listen();
    let cli = Cli::parse();
    logging::start(cli.verbose);
    let report = Report::new(cli.verbose.into());
    let exit = commands::run(&cli, &report).await.unwrap_or_else(|error| {
        report.error(&error);
        error.kind().exit()
    });
    exit.into()
}

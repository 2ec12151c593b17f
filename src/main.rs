//! Parse, run, exit code.

use clap::Parser as _;
use pgsync::cli::Cli;
use pgsync::report::Report;
use pgsync::{commands, failpoint, fault, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    fault::watch();
    let _failpoints = failpoint::listen();
    let cli = Cli::parse();
    logging::start(cli.verbose);
    let report = Report::new(cli.verbose.into());
    let exit = commands::run(&cli, &report).await.unwrap_or_else(|error| {
        report.error(&error);
        error.kind().exit()
    });
    // Not by returning: that would wait for a name that is being looked up,
    // which cannot be interrupted.
    std::process::exit(exit.code());
}

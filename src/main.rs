//! Parse, run, exit code.

use clap::Parser as _;
use pgsync::cli::{Cli, asks_for_json};
use pgsync::report::{Report, usage};
use pgsync::{commands, failpoint, fault, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    fault::watch();
    let _failpoints = failpoint::listen();
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        if error.use_stderr() && asks_for_json(std::env::args_os()) {
            std::process::exit(usage::tell(&error).code());
        }
        error.exit()
    });
    logging::start(cli.output.verbose);
    let report = Report::new(&cli.output);
    let exit = commands::run(&cli, &report).await;
    // Not by returning: that would wait for a name that is being looked up,
    // which cannot be interrupted.
    std::process::exit(exit.code());
}
